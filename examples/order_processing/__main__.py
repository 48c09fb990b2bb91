"""Order processing: an order reserves stock, is paid and shipped, by three services with stores of their own; what fails is undone."""

from pathlib import Path
from typing import Any

import pulumi
from cloudpatterns.network import WebApplicationFirewall
from cloudpatterns.systems import OrderProcessing

CONFIG = pulumi.Config()
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
# The Cognito user pool in which the customers are.
USER_POOL_ARN = CONFIG.require("user_pool_arn")


def function(service: str, **environment: str) -> Any:
    """The function of a service, whose code is in a folder of its own."""
    return {"code": pulumi.FileArchive(f"app/{service}"), "timeout_seconds": 20, "environment": environment}


firewall = WebApplicationFirewall("firewall", {"rate_limit": 2000})

orders = OrderProcessing(
    "shop",
    {
        "services": [
            {
                "name": "stock",
                "action": "Reserve",
                "compensation": "Release",
                "function": function("stock"),
                "refusals": ["OutOfStock", "UnknownArticle"],
            },
            {
                "name": "payment",
                "action": "Charge",
                "compensation": "Refund",
                "function": function("payment", PAYMENT_URL=CONFIG.require("payment_url")),
                "refusals": ["Declined"],
                # While the provider is down, it is left alone; orders wait for it in their retries, then they are undone.
                "circuit": {"failures": 5, "window_seconds": 60, "open_seconds": 15},
                "retry": {"attempts": 8, "base_seconds": 2, "cap_seconds": 60, "errors": ["States.ALL"]},
            },
            {"name": "shipping", "action": "Ship", "compensation": "Recall", "function": function("shipping")},
        ],
        "api": {"kind": "rest", "models": {"Order": Path(__file__).with_name("order.json").read_text(encoding="utf-8")}},
        "order_model": "Order",
        "account_logging_role": "create",
        "authorizer": {"user_pool": {"user_pool_arns": [USER_POOL_ARN]}},
        "web_acl_arn": firewall.web_acl_arn,
        "event_source": "shop.orders",
        # Whoever writes to the customers polls the queue.
        "events": {
            "rules": {
                "mail": {
                    "event_pattern": {"source": ["shop.orders"], "detail-type": ["OrderConfirmed", "OrderRejected", "OrderFailed"]},
                    "targets": {"customers": {"queue": {}}},
                }
            }
        },
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# curl -H "Authorization: $TOKEN" -H "Idempotency-Key: $(uuidgen)" -H 'Content-Type: application/json' \
#     -d '{"lines": [{"sku": "chair", "count": 2}], "payment_method": "pm_1", "address": "1 Main Street"}' $URL/orders
pulumi.export("url", orders.url)
# When the cause is fixed: python -m cloudpatterns_runtime.parked_executions --queue-url ... --state-machine-arn ...
pulumi.export("parking_queue_url", orders.parking_queue_url)
pulumi.export("state_machine_arn", orders.state_machine_arn)
# Articles are items of the table of stock: {"id": "sku#chair", "available": 5, "cents": 9900}.
pulumi.export("store_arns", orders.store_arns)
# Changes that could not be announced: python -m cloudpatterns_runtime.parked --bucket ...
pulumi.export("failed_record_bucket_name", orders.failed_record_bucket_name)
