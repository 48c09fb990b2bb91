"""DNS failover: the clients of a shop get a page from another Region while its deep health check fails."""

from pathlib import Path
from typing import Any

import pulumi
from cloudpatterns.delivery import DnsFailover

config = pulumi.Config()
domain_name: str = config.require("domain_name")
load_balancer: Any = config.require_object("load_balancer")

shop = DnsFailover(
    "shop",
    {
        "domain_name": domain_name,
        "hosted_zone_id": config.require("hosted_zone_id"),
        "primary": {
            "alias": {"dns_name": load_balancer["dns_name"], "zone_id": load_balancer["zone_id"]},
            # Stays with the load balancer, so Route 53 sees it come back.
            "domain_name": f"origin.{domain_name}",
        },
        "primary_region": "eu-west-1",
        # The application answers itself, with the health checks of the runtime library.
        "health_check": {"domain_name": f"origin.{domain_name}", "request_interval_seconds": 10},
        "page": {
            "html": (Path(__file__).parent / "unavailable.html").read_text(encoding="utf-8"),
            "region": "eu-central-1",
            "viewers": {"headers": {"content_security_policy": "default-src 'none'; style-src 'unsafe-inline'"}},
        },
        "alarm_topic_arns": [config.require("alarm_topic_arn")],
    },
)

pulumi.export("url", pulumi.Output.concat("https://", shop.domain_name))
# To look at the page before it is needed: curl --connect-to ::<this>:443 <the URL>.
pulumi.export("secondary_dns_name", shop.secondary_dns_name)
