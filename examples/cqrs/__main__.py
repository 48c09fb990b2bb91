"""CQRS: commands write orders by their number; queries read the orders of a customer, newest first, and those in a state."""

import pulumi
from cloudpatterns.database import Cqrs

# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

purchases = Cqrs(
    "purchases",
    {
        "partition_key": {"name": "order"},
        "projections": {
            # What the pages of a customer show: a row has the sum of an order's lines, and drafts have none.
            "customers": {
                "function": {"code": pulumi.FileArchive("app")},
                "indexes": {"by-customer": {"partition_key": {"name": "customer"}, "sort_key": {"name": "placed_at"}}},
                "parallelization_factor": 4,
            },
            # What the warehouse looks for: a copy of two attributes, without code.
            "states": {
                "attributes": ["state", "placed_at"],
                "indexes": {"by-state": {"partition_key": {"name": "state"}, "sort_key": {"name": "placed_at"}}},
            },
        },
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# Functions with commands need purchases.command_statements(), those with queries purchases.query_statements("customers").
pulumi.export("write_table_name", purchases.write_table_name)
pulumi.export("read_table_names", purchases.read_table_names)
# When the cause of failures is fixed: python -m cloudpatterns_runtime.parked --bucket ...
pulumi.export("failed_record_bucket_name", purchases.failed_record_bucket_name)
