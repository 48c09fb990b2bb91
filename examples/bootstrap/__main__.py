"""Bootstrap: two servers start from Amazon Linux and become a status page; a changed script replaces them, one after the other."""

from pathlib import Path

import pulumi
from cloudpatterns.compute import Bootstrap, ScaleOut
from cloudpatterns.network import FunctionalFirewall, FunctionEgressArgs, Network

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
APP = Path(__file__).parent / "app"
SCRIPTS = ("install-server", "write-page")
# The provider's default tags do not reach Auto Scaling groups and what they launch.
TAGS: dict[str, pulumi.Input[str]] = {"Owner": "shop", "CostCenter": "4711", "Environment": pulumi.get_stack()}

# The servers have no internet egress: scripts and packages are in S3, which has a gateway in the network; logs and sessions have endpoints.
CIDR = "10.48.0.0/16"
network = Network("net", {"cidr_block": CIDR, "zones": [f"{REGION}a", f"{REGION}b"], "interface_endpoints": ["logs", "ssm", "ssmmessages"]})
# A network that is new has the prefix list.
assert network.s3_prefix_list_id is not None
EGRESS: dict[str, FunctionEgressArgs] = {
    "s3": {"ports": [443], "prefix_list_id": network.s3_prefix_list_id, "description": "Scripts and packages, in S3"},
    "endpoints": {"ports": [443], "cidr": CIDR, "description": "Endpoints of AWS"},
}
firewall = FunctionalFirewall(
    "firewall",
    {"vpc_id": network.vpc_id, "functions": {"staff": {}, "status": {"ports": [8080], "callers": ["staff"], "egress": EGRESS}}},
)

boot = Bootstrap(
    "boot",
    {
        "scripts": [{"name": name, "content": (APP / f"{name}.sh").read_text(encoding="utf-8")} for name in SCRIPTS],
        "environment": {"PORT": "8080", "TITLE": "Shop: all systems"},
        # A server without its page is replaced.
        "on_failure": "power_off",
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "tags": TAGS,
    },
)

status = ScaleOut(
    "status",
    {
        "instance_types": ["t4g.small"],
        "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
        "min_size": 2,
        "max_size": 4,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("status")],
        "user_data": boot.user_data,
        "instance_profile_arn": boot.instance_profile_arn,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "tags": TAGS,
    },
)

pulumi.export("auto_scaling_group", status.auto_scaling_group_name)
pulumi.export("log_group", boot.log_group_name)
