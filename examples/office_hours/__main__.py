"""Office hours: whatever has the tag Schedule=office-hours runs on working days from seven to eight in Dublin, and never in production."""

import pulumi
from cloudpatterns.operations import OfficeHours

# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

hours = OfficeHours(
    "hours",
    {
        "time_zone": "Europe/Dublin",
        "start": "07:00",
        "end": "20:00",
        "holidays": ["2026-12-25", "2026-12-28", "2027-01-01", "2027-02-01", "2027-03-17", "2027-03-29"],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# Other stacks set it on instances, databases, Auto Scaling groups and ECS services: {"tags": {"Schedule": "office-hours"}}.
pulumi.export("tag", pulumi.Output.concat(hours.tag_key, "=", hours.tag_value))
# On a holiday: aws lambda invoke --function-name ... --cli-binary-format raw-in-base64-out --payload '{"action": "start"}' /dev/stdout
pulumi.export("function_name", hours.function_name)
pulumi.export("failed_runs", hours.failed_queue_url)
