"""API gateway: orders go through an authorizer and a web ACL into a queue; a function shows each to its customer."""

from pathlib import Path

import pulumi
from cloudpatterns.messaging import QueueWorker
from cloudpatterns.network import ApiGateway, WebApplicationFirewall

CONFIG = pulumi.Config()
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
# The Cognito user pool in which the customers are.
USER_POOL_ARN = CONFIG.require("user_pool_arn")

# A service of the shop polls it.
orders = QueueWorker("orders", {"idempotency": False, "visibility_timeout_seconds": 120, "alarm_topic_arns": [ALARM_TOPIC_ARN]})

firewall = WebApplicationFirewall("firewall", {"rate_limit": 2000})

api = ApiGateway(
    "shop",
    {
        "kind": "rest",
        "account_logging_role": "create",
        "authorizers": {"customers": {"user_pool": {"user_pool_arns": [USER_POOL_ARN]}}},
        "default_authorizer": "customers",
        "functions": {"show": {"code": pulumi.FileArchive("app"), "timeout_seconds": 10}},
        "models": {"Order": Path(__file__).with_name("order.json").read_text(encoding="utf-8")},
        "routes": {
            "POST /orders": {
                "queue": {
                    "queue_arn": orders.queue_arn,
                    "kms_key_arn": orders.kms_key_arn,
                    "message_attributes": {"customer": "claim.sub"},
                },
                "model": "Order",
                "throttle": {"rate_per_second": 50, "burst": 100},
            },
            "GET /orders/{id}": {"function": "show"},
        },
        "web_acl_arn": firewall.web_acl_arn,
        "cors": {"allowed_origins": ["https://www.example.com"]},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# curl -H "Authorization: $TOKEN" -d '{"id": "4711", "address": "1 Main Street"}' -H 'Content-Type: application/json' $URL/orders
pulumi.export("url", api.invoke_url)
