"""Who may publish to a topic: its policy, what its key needs for that, and what a publisher's own role needs."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, QueueSender, Statement, account_of, document, partition_of, region_of
from cloudpatterns.messaging.fan_out.arguments import FanOutArgs

# What EventBridge asks of SNS has no condition keys; with a condition every event would be dropped.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
_WITHOUT_CONDITION = "events.amazonaws.com"


def topic_policy(component: Component, child_name: str, topic_arn: pulumi.Output[str], checked: FanOutArgs) -> aws.sns.TopicPolicy:
    """The policy of a topic: TLS alone, and the services, accounts and organization that may publish.

    Roles of the topic's account need no statement. A topic's policy takes the actions of SNS one by one; ``sns:*`` is refused.
    """
    return aws.sns.TopicPolicy(
        child_name,
        arn=topic_arn,
        policy=document(
            Statement(
                sid="DenyPlain",
                effect="Deny",
                actions=["sns:Publish"],
                resources=[topic_arn],
                principals="*",
                conditions={"Bool": {"aws:SecureTransport": "false"}},
            ),
            *_services(topic_arn, checked),
            *_others(topic_arn, checked, "Publish", ["sns:Publish"], topic_arn, {}),
        ),
        opts=component.child(),
    )


def key_statements(key_arn: pulumi.Output[str], checked: FanOutArgs) -> list[Statement]:
    """What roles of other accounts need of the topic's key: only by way of SNS."""
    via = {"StringEquals": {"kms:ViaService": pulumi.Output.concat("sns.", region_of(key_arn), ".amazonaws.com")}}
    return _others(key_arn, checked, "Key", ["kms:Decrypt", "kms:GenerateDataKey*"], "*", via)


def publish_statements(topic_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None) -> list[Statement]:
    """What a role needs to publish to a topic."""
    publish = Statement(sid="Publish", actions=["sns:Publish"], resources=[topic_arn])
    if kms_key_arn is None:
        return [publish]
    # Both: SNS encrypts with the publisher's rights.
    return [publish, Statement(sid="PublishKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[kms_key_arn])]


def _services(topic_arn: pulumi.Output[str], checked: FanOutArgs) -> list[Statement]:
    return [
        Statement(
            sid=f"Publisher{number}",
            actions=["sns:Publish"],
            resources=[topic_arn],
            principals={"Service": [publisher["service"]]},
            conditions=_source(publisher, topic_arn),
        )
        for number, publisher in enumerate(checked["publishers"], start=1)
    ]


def _source(publisher: QueueSender, topic_arn: pulumi.Output[str]) -> dict[str, dict[str, pulumi.Input[str]]]:
    if publisher["service"] == _WITHOUT_CONDITION:
        return {}
    source: dict[str, dict[str, pulumi.Input[str]]] = {"ArnLike": {"aws:SourceArn": publisher["source_arn"]}}
    # A bucket's ARN names no account: whoever has the name next would be let in.
    return (
        {**source, "StringEquals": {"aws:SourceAccount": account_of(topic_arn)}} if publisher["service"] == "s3.amazonaws.com" else source
    )


def _others(
    arn: pulumi.Output[str],
    checked: FanOutArgs,
    sid: str,
    actions: Sequence[str],
    resource: pulumi.Input[str],
    conditions: dict[str, dict[str, Any]],
) -> list[Statement]:
    """Statements for the accounts, and for those of the organization."""
    statements: list[Statement] = []
    accounts, organization = checked["publisher_account_ids"], checked.get("organization_id")
    if accounts:
        roots = [pulumi.Output.concat("arn:", partition_of(arn), ":iam::", account, ":root") for account in accounts]
        statements.append(
            Statement(sid=f"{sid}Accounts", actions=actions, resources=[resource], principals={"AWS": roots}, conditions=conditions)
        )
    if organization is not None:
        equals = {**conditions.get("StringEquals", {}), "aws:PrincipalOrgID": organization}
        statements.append(
            Statement(
                sid=f"{sid}Organization",
                actions=actions,
                resources=[resource],
                principals={"AWS": ["*"]},
                conditions={**conditions, "StringEquals": equals},
            )
        )
    return statements
