"""Shuffle sharding: sixteen workers process the orders of many shops, two for each; who floods its own leaves the others theirs."""

import pulumi
from cloudpatterns.resilience import ShuffleSharding
from cloudpatterns.security import WorkloadRole

# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

orders = ShuffleSharding(
    "orders",
    {
        "workers": {f"w{number:02}": {} for number in range(1, 17)},
        "most_overlap_probability": 0.01,
        "function": {"code": pulumi.FileArchive("app"), "timeout_seconds": 30},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)
# Servers that run sender.py.
sender = WorkloadRole("sender", {"service": "ec2.amazonaws.com", "instance_profile": True, "statements": orders.send_statements()})

# For the environment variable SHARD_MAP_PARAMETER of the servers.
pulumi.export("shard_map_parameter_name", orders.shard_map_parameter_name)
pulumi.export("overlap_probability", orders.overlap_probability)
pulumi.export("workers_of_alice", orders.shard("alice"))
