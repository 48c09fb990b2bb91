"""Scale Up: a server whose licence allows one machine, larger in working hours and smaller at night and on weekends."""

import pulumi
from cloudpatterns.compute import ScaleUp
from cloudpatterns.network import FunctionalFirewall, Network

network = Network("net", {"cidr_block": "10.41.0.0/20", "zones": ["eu-west-1a", "eu-west-1b"]})

firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {"https": {"internet": True}, "reports": {"ports": [8080], "callers": ["https"]}},
        "tags": {"cloudpatterns:internet": "true"},
    },
)

reports = ScaleUp(
    "licensed",
    {
        "instance_type": "m7g.large",
        "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
        "subnet_id": network.private_subnet_ids_by_zone["eu-west-1a"],
        "security_group_ids": [firewall.group_id("reports")],
        "root_disk_gib": 50,
        # Each change takes the server away for some minutes: before the first users come, and after the last have gone.
        "schedules": {
            "morning": {"instance_type": "m7g.2xlarge", "schedule_expression": "cron(30 6 ? * MON-FRI *)"},
            "evening": {"instance_type": "m7g.large", "schedule_expression": "cron(30 19 ? * MON-FRI *)"},
        },
        "time_zone": "Europe/Berlin",
        "alarm_topic_arns": [pulumi.Config().require("alarm_topic_arn")],
    },
)

pulumi.export("instance_id", reports.instance_id)
# aws ssm start-automation-execution --document-name ... --parameters InstanceType=m7g.2xlarge
pulumi.export("resize_document_name", reports.resize_document_name)
