"""What every component shares: checked arguments, the base class, IAM documents, customer keys, names."""

from cloudpatterns.core.arguments import LOG_RETENTION_DAYS, ArgumentError, Arguments, LogRetentionDays
from cloudpatterns.core.component import Component, check_names
from cloudpatterns.core.functions import HandlerFunction, handler_function
from cloudpatterns.core.iam import Statement, assume_role, document
from cloudpatterns.core.identity import account_of, partition_of, region_of
from cloudpatterns.core.keys import CustomerKey, customer_key, logs_statement

__all__ = [
    "LOG_RETENTION_DAYS",
    "ArgumentError",
    "Arguments",
    "Component",
    "CustomerKey",
    "HandlerFunction",
    "LogRetentionDays",
    "Statement",
    "account_of",
    "assume_role",
    "check_names",
    "customer_key",
    "document",
    "handler_function",
    "logs_statement",
    "partition_of",
    "region_of",
]
