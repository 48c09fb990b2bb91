"""Multi-Load Balancer: the public, partners and staff meet the same fleet, each at a balancer with its own certificate and group."""

import pulumi
from cloudpatterns.compute import ScaleOut
from cloudpatterns.network import MultiLoadBalancer, Network, WebApplicationFirewall

ZONES = ["eu-west-1a", "eu-west-1b"]
# Certificates of your own account take the place of these.
CERTIFICATES = "arn:aws:acm:eu-west-1:123456789012:certificate/"
PORT = 8080

# The smallest web server: it serves an empty folder.
USER_DATA = f"""#!/bin/bash
mkdir -p /srv/web && cd /srv/web && systemd-run --property=DynamicUser=yes python3 -m http.server {PORT} --directory /srv/web
"""

network = Network("net", {"cidr_block": "10.41.0.0/20", "zones": ZONES})

edge = MultiLoadBalancer(
    "edge",
    {
        "vpc_id": network.vpc_id,
        "target_port": PORT,
        "audiences": {
            "public": {
                "subnet_ids_by_zone": network.public_subnet_ids_by_zone,
                "certificate_arn": f"{CERTIFICATES}00000000-0000-4000-8000-000000000001",
                "internet": True,
            },
            # Partners come from known networks, and show a certificate besides if you give the balancer a trust store (mutual_tls).
            "partner": {
                "subnet_ids_by_zone": network.public_subnet_ids_by_zone,
                "certificate_arn": f"{CERTIFICATES}00000000-0000-4000-8000-000000000002",
                "entries": [{"cidr": "203.0.113.0/24", "description": "Partner A"}],
                "http_redirect": False,
            },
            # Staff come through the company's VPN, to private addresses.
            "staff": {
                "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
                "certificate_arn": f"{CERTIFICATES}00000000-0000-4000-8000-000000000003",
                "internal": True,
                "entries": [{"cidr": "10.250.0.0/16", "description": "VPN of the company"}],
            },
        },
    },
)

fleet = ScaleOut(
    "fleet",
    {
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        # This group admits the balancers and nobody else.
        "security_group_ids": [edge.fleet_security_group_id],
        "instance_types": ["t4g.micro"],
        "min_size": 2,
        "max_size": 4,
        "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
        "user_data": USER_DATA,
        "target_group_arns": [edge.balancer(audience).target_group_arn for audience in ("public", "partner", "staff")],
        # The provider's default tags do not reach Auto Scaling groups and what they launch.
        "tags": {"Owner": "web", "CostCenter": "4711", "Environment": "dev"},
    },
)

# What faces the internet is looked after by a web application firewall.
firewall = WebApplicationFirewall(
    "waf",
    {"associations": {audience: edge.balancer(audience).load_balancer_arn for audience in ("public", "partner")}},
)

pulumi.export("host_names", edge.dns_names)
pulumi.export("fleet", fleet.auto_scaling_group_name)
pulumi.export("web_acl", firewall.web_acl_arn)
