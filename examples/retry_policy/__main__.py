"""Retry with backoff: one setting for a function that asks for exchange rates, for its queue, and for a function that sends mails."""

import pulumi
from cloudpatterns.messaging import QueueWorker
from cloudpatterns.resilience import RetryPolicy

TIMEOUT_SECONDS = 30

config = pulumi.Config()

policy = RetryPolicy(
    "calls",
    {
        # Four attempts of 5 seconds and waits of at most 0.2, 0.4 and 0.8 seconds: 21.4 seconds of the function's 30.
        "attempts": 4,
        "base_seconds": 0.2,
        "call_timeout_seconds": 5,
        "caller_timeout_seconds": TIMEOUT_SECONDS,
        # A function of another team, which this one invokes asynchronously: mails older than an hour are not sent.
        "event_age_seconds": 3600,
        "function_names": {"mail": config.require("mail_function_name")},
        "on_failure_arn": config.require("failed_mails_queue_arn"),
    },
)

orders = QueueWorker(
    "orders",
    {
        "function": {
            "code": pulumi.FileArchive("app"),
            "timeout_seconds": TIMEOUT_SECONDS,
            "runtime_library": True,
            "environment": {**policy.environment(), "RATES_URL": config.require("rates_url")},
        },
        # One order at a time, since the policy's time is that of a whole invocation.
        "batch_size": 1,
        "max_receive_count": policy.settings.queue(TIMEOUT_SECONDS)["max_receive_count"],
        "alarm_topic_arns": [config.require("alarm_topic_arn")],
    },
)

pulumi.export("queue_url", orders.queue_url)
pulumi.export("longest_call_seconds", policy.total_seconds)
