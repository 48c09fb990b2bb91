"""Rename distribution: scripts and styles of a shop behind a CDN, which viewers see anew within a minute of each release."""

from pathlib import Path

import pulumi
from cloudpatterns.delivery import DirectStorageHosting, RenameDistribution

config = pulumi.Config()

cdn = DirectStorageHosting(
    "cdn",
    {
        "domain_names": config.require_object("domain_names"),
        "hosted_zone_id": config.require("hosted_zone_id"),
        "headers": {"cors": {"origins": [config.require("shop_origin")]}},
        "replication": {"region": "eu-central-1"},
        "alarm_topic_arns": [config.require("edge_alarm_topic_arn")],
    },
)

assets = RenameDistribution(
    "assets",
    {
        "folder": str(Path(__file__).parent / "web"),
        "bucket_arn": cdn.bucket_arn,
        "kms_key_arn": cdn.kms_key_arn,
        "base_url": cdn.url,
        "retention_days": 60,
        "alarm_topic_arns": [config.require("alarm_topic_arn")],
    },
)

pulumi.export("script", assets.asset_url("shop.js"))
pulumi.export("style", assets.asset_url("css/shop.css"))
pulumi.export("manifest", pulumi.Output.concat(cdn.url, "/", assets.manifest_key))
