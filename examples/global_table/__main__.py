"""Global table: the profiles of players, which the game servers of three Regions read and write next to them."""

import pulumi
from cloudpatterns.database import GlobalTable
from cloudpatterns.security import WorkloadRole

# SNS topics that somebody reads, by Region: an alarm notifies topics of its own Region alone.
ALARM_TOPIC_ARNS = pulumi.Config().require_object("alarm_topic_arns")

profiles = GlobalTable(
    "profiles",
    {
        "region": "eu-west-1",
        "partition_key": {"name": "player"},
        "sort_key": {"name": "part"},
        "indexes": {"by-guild": {"partition_key": {"name": "guild"}, "sort_key": {"name": "score", "type": "N"}, "attributes": ["nick"]}},
        "replicas": {"us-east-1": {"alarm_topic_arns": [ALARM_TOPIC_ARNS["us-east-1"]]}, "eu-central-1": {}},
        "alarm_topic_arns": [ALARM_TOPIC_ARNS["eu-west-1"]],
    },
)

# Game servers of every Region have one role: IAM is global. Each uses the endpoint of its own Region, under the same table name.
servers = WorkloadRole(
    "servers",
    {
        "service": "ecs-tasks.amazonaws.com",
        "description": "Game servers: profiles of players",
        "statements": profiles.writer_statements(),
    },
)

pulumi.export("table_name", profiles.table_name)
pulumi.export("table_arns", profiles.table_arns)
pulumi.export("server_role_arn", servers.role_arn)
