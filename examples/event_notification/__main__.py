"""Event notification: an old billing system and a shop's logs reach Slack by day, PagerDuty at any time, and accountants by mail."""

import pulumi
from cloudpatterns.messaging import QueueWorker
from cloudpatterns.network import WebApplicationFirewall
from cloudpatterns.security import SecretsVault
from cloudpatterns.systems import EventNotification

CONFIG = pulumi.Config()
# An SNS topic that somebody reads when the notifications themselves fail.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")

firewall = WebApplicationFirewall(
    "firewall",
    {
        "rate_limit": 1000,
        # AWS's rules refuse bodies above 8 KB.
        "exceptions": [{"rule": "common/SizeRestrictions_BODY", "reason": "the function takes 128 KiB that are signed"}],
    },
)
# The billing system signs with it. Give it the new value within two weeks after each rotation: until then both are valid.
vault = SecretsVault(
    "senders",
    {"secrets": {"billing": {"description": "Signs the webhooks of billing", "generate": True, "rotation": {"days": 90}}}},
)

alerts = EventNotification(
    "alerts",
    {
        "webhooks": {
            "billing": {
                "secret_arn": vault.secret_arn("billing"),
                "secret_kms_key_arn": vault.kms_key_arn,
                "secret_overlap_hours": 336,
                "fields": {"id": "eventId", "severity": "priority", "title": "subject", "text": "message", "key": "customer"},
                "severities": {"P1": "critical", "P2": "error", "P3": "warning"},
            },
        },
        "api": {"account_logging_role": "create", "web_acl_arn": firewall.web_acl_arn},
        "log_alarms": {
            "payments": {
                "log_group_name": CONFIG.require("log_group_name"),
                "filter_pattern": '"payment failed"',
                "description": "Payments fail: ask the payment provider's status page first",
                "threshold": 5,
                "period_seconds": 300,
                "severity": "critical",
            },
        },
        # Knows which team a customer belongs to.
        "look_up": {"function": {"code": pulumi.FileArchive("app"), "timeout_seconds": 10}},
        "channels": {
            "slack": {
                "kind": "slack",
                "secret_arn": CONFIG.require("slack_secret_arn"),
                "quiet_hours": {"time_zone": "Europe/Berlin", "start": "20:00", "end": "07:00", "urgent_severities": ["critical", "error"]},
            },
            "pager": {"kind": "pagerduty", "secret_arn": CONFIG.require("pagerduty_secret_arn"), "severities": ["critical"]},
            "accountants": {
                "kind": "email",
                "from_address": "alerts@example.com",
                "to_addresses": ["accounts@example.com"],
                "identity_arns": [CONFIG.require("identity_arn")],
                "sources": ["billing"],
            },
        },
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# Its alarms are events as well.
QueueWorker(
    "invoices",
    {"idempotency": False, "visibility_timeout_seconds": 120, "alarm_topic_arns": [alerts.alarm_topic_arn]},
)

# SIGNATURE=$(printf '%s.%s' "$NOW" "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -c1-64)
# curl -d "$BODY" -H "X-Timestamp: $NOW" -H "X-Signature: sha256=$SIGNATURE" $URL
pulumi.export("webhook_urls", alerts.webhook_urls)
# aws dynamodb query --table-name ... --index-name by-source --key-condition-expression 'source = :s' ...
pulumi.export("history_table_name", alerts.history_table_name)
# To replay what is parked: see docs/operations.md.
pulumi.export("dead_letter_queue_arns", alerts.dead_letter_queue_arns)
