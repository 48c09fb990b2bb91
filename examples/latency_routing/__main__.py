"""Latency routing: an API in two Regions, whose clients get the nearest one of which all layers work."""

from typing import Any

import pulumi
from cloudpatterns.delivery import DnsTarget, LatencyRouting

config = pulumi.Config()
domain_name: str = config.require("domain_name")
load_balancers: Any = config.require_object("load_balancers")

regions: dict[str, DnsTarget] = {
    region: {
        "alias": {"dns_name": balancer["dns_name"], "zone_id": balancer["zone_id"]},
        # Each Region has a name of its own, at which Route 53 and people ask it alone.
        "domain_name": f"{region}.{domain_name}",
        "health_check": {"path": "/health/deep", "search_string": "deep-health-ok", "request_interval_seconds": 10},
    }
    for region, balancer in load_balancers.items()
}
api = LatencyRouting(
    "api",
    {
        "domain_name": domain_name,
        "hosted_zone_id": config.require("hosted_zone_id"),
        "regions": regions,
        "drained_regions": config.require_object("drained_regions"),
        "alarm_topic_arns": [config.require("alarm_topic_arn")],
    },
)

pulumi.export("url", pulumi.Output.concat("https://", api.domain_name))
pulumi.export("health_check_ids", api.health_check_ids)
