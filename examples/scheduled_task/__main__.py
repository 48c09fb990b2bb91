"""Scheduled task: a function writes a report every working day at six in Berlin; a run that fails is parked, and somebody hears of it."""

import pulumi
from cloudpatterns.messaging import ScheduledTask

# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

report = ScheduledTask(
    "report",
    {
        "schedule_expression": "cron(0 6 ? * MON-FRI *)",
        "time_zone": "Europe/Berlin",
        "flexible_window_minutes": 15,
        "function": {"code": pulumi.FileArchive("app"), "timeout_seconds": 120},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# By hand: aws lambda invoke --function-name ... --payload '{"scheduled_time": "2027-01-31"}' /dev/stdout
pulumi.export("function_name", report.function_name)
pulumi.export("failed_runs", report.dead_letter_queue_url)
