"""Multi-Datacenter: load balancer, servers, database and cache in three zones; any one may fail, and the load is carried still."""

from pathlib import Path

import pulumi
from cloudpatterns.compute import MultiDatacenter
from cloudpatterns.network import FunctionalFirewall, Network, WebApplicationFirewall

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
APP = Path(__file__).parent / "app"
ZONES = [f"{REGION}{letter}" for letter in "abc"]
PORT = 8080
# The provider's default tags do not reach Auto Scaling groups and what they launch.
TAGS: dict[str, pulumi.Input[str]] = {"Owner": "shop", "CostCenter": "4711", "Environment": pulumi.get_stack()}

network = Network("net", {"cidr_block": "10.48.0.0/16", "zones": ZONES})
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "http": {},
            "https": {},
            "app": {"ports": [PORT], "callers": ["https"]},
            "postgres": {"callers": ["app"]},
            "redis": {"callers": ["app"]},
        },
    },
)

shop = MultiDatacenter(
    "shop",
    {
        "zones": ZONES,
        # Four servers carry the load: six run, two in each zone.
        "servers": {
            "needed_servers": 4,
            "instance_types": ["m7g.large"],
            "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
            "environment": {"PORT": str(PORT), "SIGN": "Open in three zones"},
        },
        "load_balancer": {"certificate_arn": CONFIG.require("certificate_arn"), "health_check_path": "/healthz"},
        "database": {
            "engine": "postgres",
            "engine_version": "17",
            "instance_class": "db.r7g.large",
            "allocated_storage_gib": 100,
            "max_allocated_storage_gib": 500,
            "database_name": "shop",
        },
        "cache": {"node_type": "cache.r7g.large", "replicas": 2},
        "vpc_id": network.vpc_id,
        "public_subnet_ids_by_zone": network.public_subnet_ids_by_zone,
        "private_subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "data_subnet_ids_by_zone": network.data_subnet_ids_by_zone,
        "load_balancer_security_group_ids": [*firewall.group_ids("http", "https")],
        "server_security_group_ids": [*firewall.group_ids("app")],
        "database_security_group_ids": [*firewall.group_ids("postgres")],
        "cache_security_group_ids": [*firewall.group_ids("redis")],
        "target_port": PORT,
        "user_data": (APP / "install.sh").read_text(encoding="utf-8").replace("@SERVER@", (APP / "server.py").read_text(encoding="utf-8")),
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "tags": TAGS,
    },
)
web_firewall = WebApplicationFirewall("waf", {"rate_limit": 2000, "associations": {"web": shop.load_balancer_arn}})

pulumi.export("host_name", shop.dns_name)
pulumi.export("servers", shop.server_count)
pulumi.export("servers_after_the_loss_of_a_zone", shop.capacity_after_zone_loss)
