"""Job observer: films wait in a queue, and as many instances render them as there are films; none of them ends while it renders."""

from pathlib import Path

import pulumi
from cloudpatterns.messaging import JobObserver
from cloudpatterns.network import FunctionalFirewall, Network

REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")
APP = Path(__file__).parent / "app"
# The provider's default tags do not reach Auto Scaling groups and what they launch.
TAGS: dict[str, pulumi.Input[str]] = {"Owner": "render", "CostCenter": "4711", "Environment": pulumi.get_stack()}

# The instances have no internet egress: they reach SQS and Auto Scaling by endpoints in the VPC.
network = Network(
    "net",
    {"cidr_block": "10.45.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"], "interface_endpoints": ["autoscaling", "sqs"]},
)
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {"worker": {"egress": {"endpoints": {"ports": [443], "cidr": "10.45.0.0/16", "description": "Endpoints of AWS"}}}},
    },
)

films = JobObserver(
    "films",
    {
        # A film takes ten minutes, two hours at most, and should not wait for more than twenty.
        "job_seconds": 600,
        "longest_job_seconds": 7200,
        "most_wait_seconds": 1200,
        "workers": {
            "instance_types": ["c7g.xlarge"],
            "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
            "min_size": 0,
            "max_size": 20,
        },
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("worker")],
        "user_data": (APP / "install.sh").read_text(encoding="utf-8").replace("@WORKER@", (APP / "worker.py").read_text(encoding="utf-8")),
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "tags": TAGS,
    },
)

# aws sqs send-message --queue-url ... --message-body film-4711
pulumi.export("queue_url", films.queue_url)
pulumi.export("auto_scaling_group", films.auto_scaling_group_name)
