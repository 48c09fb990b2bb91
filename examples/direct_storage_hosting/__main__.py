"""Direct storage hosting: a documentation without a server, whose search index a shop loads as well."""

import pulumi
from cloudpatterns.delivery import DirectStorageHosting

config = pulumi.Config()

docs = DirectStorageHosting(
    "docs",
    {
        "domain_names": config.require_object("domain_names"),
        "redirect_to_first_name": True,
        "hosted_zone_id": config.require("hosted_zone_id"),
        "error_document": "404.html",
        "headers": {
            "content_security_policy": "default-src 'self'",
            "cors": {"origins": [config.require("shop_origin")]},
        },
        "replication": {"region": "eu-central-1"},
        "publisher_role_names": {"pipeline": config.require("pipeline_role_name")},
        "alarm_topic_arns": [config.require("alarm_topic_arn")],
    },
)

pulumi.export("url", docs.url)
pulumi.export("publish_command", docs.publish_command("site"))
