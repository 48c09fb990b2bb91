"""Clone Server: curators write the pages of a museum on one server, and two to eight clones of it serve the visitors."""

from pathlib import Path

import pulumi
from cloudpatterns.compute import CloneServer
from cloudpatterns.network import FunctionalFirewall, FunctionEgressArgs, LoadBalancer, Network, WebApplicationFirewall

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
APP = Path(__file__).parent / "app"
PORT = 8080
# The provider's default tags do not reach Auto Scaling groups and what they launch.
TAGS: dict[str, pulumi.Input[str]] = {"Owner": "museum", "CostCenter": "4711", "Environment": pulumi.get_stack()}
SCRIPT = (APP / "install.sh").read_text(encoding="utf-8").replace("@SERVER@", (APP / "server.py").read_text(encoding="utf-8"))

# No server has internet egress: S3 has a gateway in the network, CloudWatch and Session Manager have endpoints.
CIDR = "10.51.0.0/16"
network = Network(
    "net", {"cidr_block": CIDR, "zones": [f"{REGION}a", f"{REGION}b"], "interface_endpoints": ["monitoring", "ssm", "ssmmessages"]}
)
assert network.s3_prefix_list_id is not None
EGRESS: dict[str, FunctionEgressArgs] = {
    "s3": {"ports": [443], "prefix_list_id": network.s3_prefix_list_id, "description": "S3 through its gateway endpoint"},
    "endpoints": {"ports": [443], "cidr": CIDR, "description": "Endpoints of AWS"},
}
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "http": {},
            "https": {},
            "pages": {"ports": [PORT], "callers": ["https"], "egress": EGRESS},
            # Curators reach the master through Session Manager, nobody else reaches it at all.
            "curators": {"egress": EGRESS},
        },
    },
)
balancer = LoadBalancer(
    "web",
    {
        "vpc_id": network.vpc_id,
        "subnet_ids_by_zone": network.public_subnet_ids_by_zone,
        "security_group_ids": [*firewall.group_ids("http", "https")],
        "certificate_arn": CONFIG.require("certificate_arn"),
        "target_port": PORT,
        "health_check_path": "/healthz",
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)
WebApplicationFirewall("waf", {"rate_limit": 2000, "associations": {"web": balancer.load_balancer_arn}})

museum = CloneServer(
    "museum",
    {
        "first_image_id": CONFIG.require("image_id"),
        "master": {"instance_type": "t4g.medium", "image_id": CONFIG.require("image_id"), "root_disk_gib": 30},
        "master_subnet_id": network.private_subnet_ids_by_zone[f"{REGION}a"],
        "master_security_group_ids": [firewall.group_id("curators")],
        # The script installs the server on the first clones; later ones have it from the image, and the script changes nothing.
        "master_user_data": SCRIPT,
        "user_data": SCRIPT,
        "content": {"folder": "/srv/site"},
        "clones": {"instance_types": ["t4g.small"], "min_size": 2, "max_size": 8},
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("pages")],
        "target_group_arns": [balancer.target_group_arn],
        "schedule_expression": "cron(0 4 * * ? *)",
        "time_zone": "Europe/Berlin",
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "tags": TAGS,
    },
)

pulumi.export("host_name", balancer.dns_name)
# aws ssm start-session --target ...
pulumi.export("master_instance_id", museum.master_instance_id)
# An image at once: aws ssm start-automation-execution --document-name ...
pulumi.export("image_document_name", museum.image_document_name)
