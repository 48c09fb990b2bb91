"""Container worker: labels are printed by as many containers as there is work for; exports of customers come before nightly ones."""

import pulumi
from cloudpatterns.messaging import PriorityQueue, QueueWorker
from cloudpatterns.network import FunctionalFirewall, FunctionEgressArgs, Network

REGION = pulumi.Config("aws").require("region")
IMAGE = pulumi.Config().require("image")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

# The containers have no internet egress: they reach AWS by endpoints in the VPC.
network = Network(
    "net",
    {
        "cidr_block": "10.48.0.0/16",
        "zones": [f"{REGION}a", f"{REGION}b"],
        "interface_endpoints": ["ecr.api", "ecr.dkr", "logs", "sqs", "ssm"],
    },
)
# A network that is new has the prefix list.
assert network.s3_prefix_list_id is not None
egress: FunctionEgressArgs = {"ports": [443], "cidr": "10.48.0.0/16", "description": "Endpoints of AWS"}
layers: FunctionEgressArgs = {"ports": [443], "prefix_list_id": network.s3_prefix_list_id, "description": "Layers of images, in S3"}
firewall = FunctionalFirewall(
    "firewall",
    {"vpc_id": network.vpc_id, "functions": {"worker": {"egress": {"endpoints": egress, "layers": layers}}}},
)

labels = QueueWorker(
    "labels",
    {
        # None while there is nothing to print; Spot, since a label that is interrupted is printed again.
        "service": {"image": IMAGE, "user": "1000", "min_tasks": 0, "max_tasks": 10, "spot_percentage": 100, "stop_timeout_seconds": 60},
        "messages_per_task": 200,
        "visibility_timeout_seconds": 60,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("worker")],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

exports = PriorityQueue(
    "exports",
    {
        "priorities": [
            # A customer waits for it.
            {"name": "interactive", "alarm_age_seconds": 120},
            # Due by the morning.
            {"name": "nightly", "alarm_age_seconds": 14_400},
        ],
        "service": {"image": IMAGE, "user": "1000", "min_tasks": 1, "max_tasks": 10, "stop_timeout_seconds": 60},
        "messages_per_task": 50,
        "existing_cluster_arn": labels.cluster_arn,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("worker")],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# aws sqs send-message --queue-url ... --message-body 4711
pulumi.export("queue_url", labels.queue_url)
pulumi.export("queue_urls", exports.queue_urls)
