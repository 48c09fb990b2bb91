"""Multi-Server: four web servers in two zones behind a load balancer; one that fails is replaced, and the number stays."""

from pathlib import Path

import pulumi
from cloudpatterns.compute import MultiServer
from cloudpatterns.network import FunctionalFirewall, Network, WebApplicationFirewall

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
APP = Path(__file__).parent / "app"
PORT = 8080
# The provider's default tags do not reach Auto Scaling groups and what they launch.
TAGS: dict[str, pulumi.Input[str]] = {"Owner": "shop", "CostCenter": "4711", "Environment": pulumi.get_stack()}

network = Network("net", {"cidr_block": "10.47.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"]})
firewall = FunctionalFirewall(
    "firewall", {"vpc_id": network.vpc_id, "functions": {"http": {}, "https": {}, "app": {"ports": [PORT], "callers": ["https"]}}}
)

web = MultiServer(
    "web",
    {
        "servers": 4,
        "instance_types": ["t4g.small"],
        "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
        "vpc_id": network.vpc_id,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("app")],
        "load_balancer": {"certificate_arn": CONFIG.require("certificate_arn"), "health_check_path": "/healthz"},
        "load_balancer_subnet_ids_by_zone": network.public_subnet_ids_by_zone,
        "load_balancer_security_group_ids": [*firewall.group_ids("http", "https")],
        "target_port": PORT,
        "user_data": (APP / "install.sh").read_text(encoding="utf-8").replace("@SERVER@", (APP / "server.py").read_text(encoding="utf-8")),
        # Visitors who log in need sessions outside the servers: environment and statements of a StateSharing.
        "environment": {"PORT": str(PORT), "SIGN": "Open all night"},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "tags": TAGS,
    },
)
web_firewall = WebApplicationFirewall("waf", {"rate_limit": 2000, "associations": {"web": web.load_balancer_arn}})

pulumi.export("host_name", web.dns_name)
pulumi.export("auto_scaling_group", web.auto_scaling_group_name)
