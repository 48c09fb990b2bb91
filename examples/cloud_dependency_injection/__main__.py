"""Cloud Dependency Injection: two fleets with one image and one script; what each of them does, its tags and parameters say."""

from pathlib import Path

import pulumi
from cloudpatterns.compute import CloudDependencyInjection
from cloudpatterns.network import FunctionalFirewall, FunctionEgressArgs, Network

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
APP = Path(__file__).parent / "app"
# The provider's default tags do not reach Auto Scaling groups and what they launch.
TAGS: dict[str, pulumi.Input[str]] = {"Owner": "shop", "CostCenter": "4711", "Environment": pulumi.get_stack()}
SIGNS = {"web": "Open all night", "office": "Staff only"}

# The servers have no internet egress: parameters and sessions have endpoints, packages are in S3, which has a gateway in the network.
CIDR = "10.48.0.0/16"
network = Network("net", {"cidr_block": CIDR, "zones": [f"{REGION}a", f"{REGION}b"], "interface_endpoints": ["ssm", "ssmmessages"]})
# A network that is new has the prefix list.
assert network.s3_prefix_list_id is not None
EGRESS: dict[str, FunctionEgressArgs] = {
    "endpoints": {"ports": [443], "cidr": CIDR, "description": "Endpoints of AWS"},
    "packages": {"ports": [443], "prefix_list_id": network.s3_prefix_list_id, "description": "Packages, in S3"},
}
# The load balancers of both stand in the group https.
firewall = FunctionalFirewall(
    "firewall",
    {"vpc_id": network.vpc_id, "functions": {"https": {}, "app": {"ports": [8080], "callers": ["https"], "egress": EGRESS}}},
)
SCRIPT = (APP / "install.sh").read_text(encoding="utf-8").replace("@SERVER@", (APP / "server.py").read_text(encoding="utf-8"))

for role, sign in SIGNS.items():
    servers = CloudDependencyInjection(
        role,
        {
            "app": "shop",
            "env": pulumi.get_stack(),
            "role": role,
            # Whoever may write there changes the sign without a deployment: aws ssm put-parameter --overwrite --name <path>/SIGN ...
            "parameters": {"PORT": "8080", "SIGN": sign},
            "unit": "web.service",
            "instance_types": ["t4g.small"],
            "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
            "min_size": 2,
            "max_size": 4,
            "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "security_group_ids": [firewall.group_id("app")],
            "user_data": SCRIPT,
            "alarm_topic_arns": [ALARM_TOPIC_ARN],
            "tags": TAGS,
        },
    )
    pulumi.export(f"{role}_configuration", servers.configuration_path)
