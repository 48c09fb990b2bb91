"""Distributed processing: every night the orders of the day are summed by product, in an array job on Fargate Spot."""

import pulumi
from cloudpatterns.compute import DistributedProcessing
from cloudpatterns.network import Network

config = pulumi.Config()
# An SNS topic that somebody reads, and whose policy lets events.amazonaws.com publish.
ALARM_TOPIC_ARN = config.require("alarm_topic_arn")

ZONES = [f"{pulumi.Config('aws').require('region')}{letter}" for letter in "ab"]

network = Network(
    "network",
    {
        "cidr_block": "10.60.0.0/16",
        "zones": ZONES,
        "interface_endpoints": ["ecr.api", "ecr.dkr", "logs"],
    },
)

reports = DistributedProcessing(
    "reports",
    {
        "jobs": {
            "sum-orders": {
                "image": config.require("image"),
                "command": ["Ref::scheduled_time"],
                "parameters": {"scheduled_time": "1970-01-02T00:00:00Z"},
                "user": "1000",
                "writable_paths": ["/scratch"],
                "cpu_units": 512,
                "timeout_seconds": 900,
            },
        },
        "schedules": {
            "nightly": {
                "job": "sum-orders",
                "schedule_expression": "cron(0 2 * * ? *)",
                "array_size": 20,
                # The time of the schedule, not of the run: a retry sums the same day.
                "parameters": {"scheduled_time": "<aws.scheduler.scheduled-time>"},
            },
        },
        "input_prefix": "orders/",
        "vpc_id": network.vpc_id,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "endpoint_cidr": "10.60.0.0/16",
        "s3_prefix_list_id": network.s3_prefix_list_id or "",
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

pulumi.export("input_bucket_name", reports.input_bucket_name)
pulumi.export("output_bucket_name", reports.output_bucket_name)
# aws batch submit-job --job-queue ... --job-definition ... --job-name ... --parameters scheduled_time=2026-11-30T02:00:00Z
pulumi.export("job_queue_name", reports.job_queue_name)
pulumi.export("job_definition_names", reports.job_definition_names)
