"""Weighted transition: a shop moves from its hosting to a load balancer in AWS, by the weights in the stack's configuration."""

from typing import Any

import pulumi
from cloudpatterns.delivery import WeightedTransition

config = pulumi.Config()
domain_name: str = config.require("domain_name")
load_balancer: Any = config.require_object("load_balancer")

shop = WeightedTransition(
    "shop",
    {
        "domain_name": domain_name,
        "hosted_zone_id": config.require("hosted_zone_id"),
        "weights": config.require_object("weights"),
        "targets": {
            "old": {
                "addresses": config.require_object("old_addresses"),
                "domain_name": f"old.{domain_name}",
                "health_check": {"path": "/health"},
            },
            # It is tried at new.shop.example.com first, and gets clients only while all its layers work.
            "new": {
                "alias": {"dns_name": load_balancer["dns_name"], "zone_id": load_balancer["zone_id"]},
                "domain_name": f"new.{domain_name}",
                "health_check": {"path": "/health/deep", "search_string": "deep-health-ok"},
            },
        },
        "alarm_topic_arns": [config.require("alarm_topic_arn")],
    },
)

pulumi.export("url", pulumi.Output.concat("https://", shop.domain_name))
pulumi.export("health_check_ids", shop.health_check_ids)
