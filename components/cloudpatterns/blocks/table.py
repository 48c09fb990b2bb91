"""DynamoDB tables on demand, encrypted with a customer managed key."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.alarm import Metric, MetricMath, alarm
from cloudpatterns.core import Component, Statement, TableKeyArgs, document, table_schema


def table(
    component: Component,
    child_name: str,
    *,
    hash_key: str,
    range_key: str | None = None,
    ttl_attribute: str | None = None,
    stream: bool = False,
    kms_key_arn: pulumi.Input[str],
    deletion_protection: bool,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.dynamodb.Table:
    """A table whose keys are texts, with point-in-time recovery, and by choice a stream, see ``schema_table``.

    Items whose ``ttl_attribute`` (a number, seconds since 1970) has passed are deleted within days: readers compare the time themselves.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html
    """
    sort_key: TableKeyArgs | None = None if range_key is None else {"name": range_key, "type": "S"}
    schema = table_schema({"name": hash_key, "type": "S"}, sort_key, {}, ttl_attribute)
    protected = deletion_protection
    return schema_table(component, child_name, schema, stream=stream, kms_key_arn=kms_key_arn, deletion_protection=protected, tags=tags)


def schema_table(
    component: Component,
    child_name: str,
    schema: Mapping[str, Any],
    *,
    stream: bool = False,
    kms_key_arn: pulumi.Input[str],
    deletion_protection: bool,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.dynamodb.Table:
    """A table with the keys and indexes of ``table_schema``, and point-in-time recovery.

    Its ``stream`` has each change of an item, with the item before and after it, for 24 hours.
    """
    return aws.dynamodb.Table(
        child_name,
        billing_mode="PAY_PER_REQUEST",
        stream_enabled=True if stream else None,
        stream_view_type="NEW_AND_OLD_IMAGES" if stream else None,
        server_side_encryption={"enabled": True, "kms_key_arn": kms_key_arn},
        point_in_time_recovery={"enabled": True},
        deletion_protection_enabled=deletion_protection,
        tags=tags,
        opts=component.child(),
        **schema,
    )


def idempotency_table(
    component: Component,
    child_name: str,
    *,
    kms_key_arn: pulumi.Input[str],
    deletion_protection: bool,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.dynamodb.Table:
    """A table as Powertools' idempotency expects it: https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/."""
    return table(
        component,
        child_name,
        hash_key="id",
        ttl_attribute="expiration",
        kms_key_arn=kms_key_arn,
        deletion_protection=deletion_protection,
        tags=tags,
    )


def stream_statements(stream_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None) -> list[Statement]:
    """What the role of a function needs so that Lambda reads a table's stream for it."""
    actions = [f"dynamodb:{action}" for action in ("DescribeStream", "GetRecords", "GetShardIterator")]
    return [
        Statement(sid="ReadStream", actions=actions, resources=[stream_arn]),
        # It has no resource types; Lambda refuses an event source without it.
        Statement(sid="FindStream", actions=["dynamodb:ListStreams"], resources=["*"]),
        *([] if kms_key_arn is None else [Statement(sid="ReadStreamKey", actions=["kms:Decrypt"], resources=[kms_key_arn])]),
    ]


def item_statements(table_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None, *, sid: str = "Items") -> list[Statement]:
    """What a role needs to read and write single items of a table."""
    actions = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    use = Statement(sid=f"{sid}Key", actions=["kms:Decrypt"], resources=[kms_key_arn]) if kms_key_arn is not None else None
    return [Statement(sid=sid, actions=actions, resources=[table_arn]), *([use] if use else [])]


def refuse_plain_requests(component: Component, child_name: str, made: aws.dynamodb.Table) -> aws.dynamodb.ResourcePolicy:
    """A policy of a table that refuses requests without TLS.

    DynamoDB's endpoints answer HTTP too: https://docs.aws.amazon.com/general/latest/gr/ddb.html
    """
    plain = Statement(
        sid="DenyPlain",
        effect="Deny",
        actions=["dynamodb:*"],
        resources=[made.arn],
        principals="*",
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )
    return aws.dynamodb.ResourcePolicy(child_name, resource_arn=made.arn, policy=document(plain), opts=component.child())


def throttled_alarm(
    component: Component,
    child_name: str,
    description: str,
    table_name: pulumi.Input[str],
    *,
    actions: Sequence[pulumi.Input[str]],
    region: str | None = None,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.MetricAlarm:
    """An alarm on requests to a table that DynamoDB throttles in each of five minutes."""
    dimensions = {"TableName": table_name}
    metrics = {kind: Metric("AWS/DynamoDB", f"{kind.title()}ThrottleEvents", dimensions, "Sum") for kind in ("read", "write")}
    # A kind of event without any has no data.
    throttled = MetricMath("FILL(read, 0) + FILL(write, 0)", metrics)
    return alarm(component, child_name, description, throttled, 0, periods=5, actions=actions, region=region, tags=tags)
