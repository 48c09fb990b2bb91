"""High availability storage: the pictures and scripts of a shop, which its servers read, its pipeline publishes and a CDN serves."""

import pulumi
from cloudpatterns.storage import HighAvailabilityStorage

config = pulumi.Config()

assets = HighAvailabilityStorage(
    "shop",
    {
        "cdn_domain_name": config.require("cdn_domain_name"),
        # A new release is a new folder: first publish it, then raise this.
        "release": config.require("release"),
        "cors_origins": [f"https://{config.require('shop_domain_name')}"],
        "reader_role_names": {"web": config.require("web_role_name")},
        "publisher_role_names": {"pipeline": config.require("pipeline_role_name")},
        "replication": {"region": "eu-central-1"},
    },
)

pulumi.export("logo_url", assets.asset_url("img/logo.svg"))
pulumi.export("publish_command", assets.publish_command("dist"))
# The origin of the distribution, with an origin access control.
pulumi.export("bucket_regional_domain_name", assets.bucket_regional_domain_name)
