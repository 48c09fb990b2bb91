"""Who may send to a bus, and who may use its key."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import logs_statement, sender_statements
from cloudpatterns.core import Component, Statement, account_of, document, partition_of, region_of
from cloudpatterns.messaging.event_bus.arguments import EventBusArgs

EVENTS = "events.amazonaws.com"
LOG_GROUP_PREFIX = "/aws/vendedlogs/events/event-bus/"
"""Under it CloudWatch Logs keeps the policy of its log groups short: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html"""


def bus_policy(component: Component, child_name: str, bus: aws.cloudwatch.EventBus, checked: EventBusArgs) -> aws.cloudwatch.EventBusPolicy:
    """The policy of a bus: this account, and others that may send, by choice with some sources alone."""
    accounts, organization, sources = checked["publisher_account_ids"], checked.get("organization_id"), checked["publisher_sources"]
    equals: dict[str, Any] = {"events:source": sources} if sources else {}

    def send(sid: str, principals: list[pulumi.Input[str]], conditions: Mapping[str, Any]) -> Statement:
        return Statement(
            sid=sid,
            actions=["events:PutEvents"],
            resources=[bus.arn],
            principals={"AWS": principals},
            conditions={"StringEquals": conditions} if conditions else {},
        )

    statements = [send("Account", [_root(bus.arn, account_of(bus.arn))], {})]
    if accounts:
        statements.append(send("Accounts", [_root(bus.arn, account) for account in accounts], equals))
    if organization is not None:
        statements.append(send("Organization", ["*"], {**equals, "aws:PrincipalOrgID": organization}))
    return aws.cloudwatch.EventBusPolicy(child_name, event_bus_name=bus.name, policy=document(*statements), opts=component.child())


def key_statements(key_arn: pulumi.Output[str], name: str, checked: EventBusArgs) -> list[Statement]:
    """What EventBridge needs for bus, archive and queues, and the log services for logs.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-cmkey.html
    https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-archives.html
    https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-bus-logs.html
    """
    scope = [partition_of(key_arn), ":", region_of(key_arn), ":", account_of(key_arn)]
    buses = pulumi.Output.concat("arn:", scope[0], ":events:", scope[2], ":", scope[4], ":event-bus/*")
    groups = pulumi.Output.concat("arn:", scope[0], ":logs:", scope[2], ":", scope[4], ":*")
    statements = [
        *sender_statements(key_arn, [EVENTS]),
        # A request without an encryption context, to which EventBridge adds no condition key.
        Statement(sid="EventBusKey", actions=["kms:DescribeKey"], resources=["*"], principals={"Service": [EVENTS]}),
        Statement(
            sid="EventBus",
            actions=["kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncrypt*"],
            resources=["*"],
            principals={"Service": [EVENTS]},
            conditions={"ArnLike": {"kms:EncryptionContext:aws:events:event-bus:arn": buses}},
        ),
    ]
    patterns = [
        *([f"{name}-*-function-logs*"] if has_functions(checked) else []),
        *([f"{LOG_GROUP_PREFIX}{name}-bus*"] if has_logs(checked) else []),
    ]
    for number, pattern in enumerate(patterns, start=1):
        statement = logs_statement(key_arn, pattern)
        statements.append(
            Statement(
                sid=f"CloudWatchLogs{number}",
                actions=statement.actions,
                resources=statement.resources,
                principals=statement.principals,
                conditions=statement.conditions,
            )
        )
    if has_logs(checked) and checked["bus_encryption"] == "customer_key":
        # Records travel encrypted; who delivers them decrypts them.
        statements.append(
            Statement(
                sid="LogDelivery",
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                principals={"Service": ["delivery.logs.amazonaws.com"]},
                conditions={"StringLike": {"kms:EncryptionContext:SourceArn": groups}},
            )
        )
    return statements


def has_functions(checked: EventBusArgs) -> bool:
    """Whether a target is a new function."""
    return any(target.get("function") is not None for rule in checked["rules"].values() for target in rule["targets"].values())


def has_logs(checked: EventBusArgs) -> bool:
    """Whether there is a new bus that logs."""
    return checked.get("existing_bus") is None and checked["log_level"] != "OFF"


def _root(arn: pulumi.Output[str], account: pulumi.Input[str]) -> pulumi.Output[str]:
    return pulumi.Output.concat("arn:", partition_of(arn), ":iam::", account, ":root")
