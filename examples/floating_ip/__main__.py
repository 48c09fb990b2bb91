"""Floating IP: two web servers, of which one has the public address; when it fails, the address moves to the other."""

import pulumi
from cloudpatterns.network import FloatingIp, FunctionalFirewall, Network

ZONES = ["eu-west-1a", "eu-west-1b"]

# A server without the address has no way to the internet. Amazon Linux still finds its packages: they come through the S3 endpoint.
USER_DATA = """#!/bin/bash
dnf install -y nginx
systemctl enable --now nginx
"""

network = Network("net", {"cidr_block": "10.40.0.0/20", "zones": ZONES})

# Visitors reach 80 and 443; the servers reach Amazon's package repositories and nothing else.
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "web": {
                "ports": [80, 443],
                "internet": True,
                "egress": {
                    "packages": {
                        "ports": [443],
                        "prefix_list_id": network.s3_prefix_list_id or "",
                        "description": "Packages of Amazon Linux",
                    },
                },
            },
        },
        # The servers are meant to be public; the policy packs accept that where it is said.
        "tags": {"cloudpatterns:internet": "true"},
    },
)

site = FloatingIp(
    "site",
    {
        "subnet_ids_by_zone": network.public_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("web")],
        "instance_type": "t4g.micro",
        "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
        "user_data": USER_DATA,
        "active_zone": "eu-west-1a",
        # To bring a new version out without downtime: raise the standby's number, move the address, then raise the other's.
        "template_versions_by_zone": {"eu-west-1a": 1, "eu-west-1b": 1},
        "failover_minutes": 2,
        "alarm_topic_arns": [pulumi.Config().require("alarm_topic_arn")],
    },
)

pulumi.export("public_ip", site.public_ip)
pulumi.export("instances", site.instance_ids_by_zone)
# aws lambda invoke --function-name ... --payload '{"move_to": "<instance id>"}' --cli-binary-format raw-in-base64-out /dev/stdout
pulumi.export("mover", site.function_name)
