"""Cost guard: people hear of costs before a limit is reached, of unusual ones at once, and of resources whose payer nobody knows."""

import pulumi
from cloudpatterns.operations import CostGuard

CONFIG = pulumi.Config()

costs = CostGuard(
    "costs",
    {
        "budgets": {
            "all": {"limit": 5000},
            # Its team hears earlier. The key is active since an earlier deployment: AWS knows it a day after its first use.
            "shop": {
                "limit": 1200,
                "actual_percents": [25, 50, 75, 100],
                "tag": {"key": "CostCenter", "values": ["4711"]},
                "email_addresses": ["shop@example.com"],
            },
            "year": {"limit": 50_000, "period": "ANNUALLY"},
        },
        "email_addresses": ["finance@example.com", "operations@example.com"],
        # Each confirms by the mail that SNS sends.
        "topic_email_addresses": ["oncall@example.com"],
        # AWS has created the account's monitor of all services: aws ce get-anomaly-monitors
        "anomalies": {"existing_monitor_arns": [CONFIG.require("anomaly_monitor_arn")], "frequency": "IMMEDIATE", "least_impact": 50},
        "cost_allocation_tags": ["CostCenter"],
        "required_tags": ["Owner", "CostCenter", "Environment"],
    },
)

# For a chat channel: AWS Chatbot, or a function.
pulumi.export("topic_arn", costs.topic_arn)
pulumi.export("budget_names", costs.budget_names)
