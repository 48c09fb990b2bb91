"""Stamp: servers start in a minute from an image that is built, tested and encrypted once a week, in two Regions."""

from pathlib import Path

import pulumi
from cloudpatterns.compute import ScaleOut, Stamp
from cloudpatterns.network import FunctionalFirewall, FunctionEgressArgs, Network

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads, and to which events.amazonaws.com may publish.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
COMPONENT = (Path(__file__).parent / "app" / "web-server.yaml").read_text(encoding="utf-8")
CIDR = "10.49.0.0/16"
# The provider's default tags do not reach Auto Scaling groups and what they launch.
TAGS: dict[str, pulumi.Input[str]] = {"Owner": "web", "CostCenter": "4711", "Environment": pulumi.get_stack()}

# The build instance has no internet egress: it reaches AWS by endpoints, and its packages are in S3.
network = Network(
    "net",
    {
        "cidr_block": CIDR,
        "zones": [f"{REGION}a", f"{REGION}b"],
        "interface_endpoints": ["imagebuilder", "ssm", "ssmmessages", "ec2messages", "logs"],
    },
)
# A network that is new has the prefix list.
assert network.s3_prefix_list_id is not None
endpoints: FunctionEgressArgs = {"ports": [443], "cidr": CIDR, "description": "Endpoints of AWS"}
packages: FunctionEgressArgs = {"ports": [443], "prefix_list_id": network.s3_prefix_list_id, "description": "Packages, in S3"}
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            # Nothing calls it: Systems Manager's agent fetches its commands.
            "build": {"egress": {"endpoints": endpoints, "packages": packages}},
            "https": {},
            "shop": {"ports": [8080], "callers": ["https"], "egress": {"endpoints": endpoints}},
        },
    },
)

image = Stamp(
    "shop",
    {
        "parent_image": f"arn:aws:imagebuilder:{REGION}:aws:image/amazon-linux-2023-arm64/x.x.x",
        "components": {"web-server": COMPONENT},
        "regions": [REGION, "eu-central-1"],
        "instance_types": ["t4g.medium"],
        "schedule": {"expression": "cron(0 3 ? * SUN *)", "time_zone": "Europe/Berlin"},
        "subnet_id": network.private_subnet_ids_by_zone[f"{REGION}a"],
        "security_group_ids": [firewall.group_id("build")],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "tags": TAGS,
    },
)

servers = ScaleOut(
    "web-servers",
    {
        "instance_types": ["t4g.small"],
        # Each launch takes the newest image.
        "image_parameter": image.image_parameter,
        # Each week's image replaces the servers of the week before, one after the other.
        "refresh": {"max_instance_lifetime_seconds": 7 * 86_400},
        "min_size": 2,
        "max_size": 4,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("shop")],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "tags": TAGS,
    },
)

pulumi.export("image_parameter", image.image_parameter)
# aws ssm start-automation-execution --document-name ... --parameters Build=previous
pulumi.export("promote_document_name", image.promote_document_name)
pulumi.export("auto_scaling_group", servers.auto_scaling_group_name)
