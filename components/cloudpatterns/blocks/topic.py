"""SNS topics for alarms, with the policies that AWS services need to publish to them."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.key import create_key
from cloudpatterns.core import Component, Statement, account_of, after, document, partition_of

_KEY_USE = ("kms:Decrypt", "kms:GenerateDataKey*")


def alarm_topic(
    component: Component,
    child_name: str,
    *,
    email_addresses: Sequence[str] = (),
    services: Mapping[str, str] | None = None,
    tags: Mapping[str, pulumi.Input[str]],
) -> pulumi.Output[str]:
    """The ARN of a new topic that people read, available after its policy.

    The topic is encrypted with a customer managed key of its own: AWS services cannot use the AWS managed key for SNS. CloudWatch alarms,
    EventBridge rules, RDS event subscriptions and the notifications of Auto Scaling groups of the same account and Region may publish.
    ElastiCache may not: it publishes to unencrypted topics only.
    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ElastiCacheSNS.html

    Each of ``email_addresses`` receives a mail first that asks to confirm the subscription, and nothing else until somebody does. SNS
    deletes a subscription that nobody confirms, and the next ``up`` does not notice: ``pulumi up --refresh`` sends the mail again.

    ``services`` are more publishers by the id of their statement (``{"Budgets": "budgets.amazonaws.com"}``), for sources of this account.
    """
    more = services or {}

    def key_statements(key_arn: pulumi.Output[str]) -> list[Statement]:
        return [*_key_statements(key_arn), *_admitted(more, _KEY_USE, "*", key_arn)]

    key_arn = create_key(component, f"{child_name}-key", f"Messages of the topic {child_name}", key_statements, tags=tags)
    topic = aws.sns.Topic(child_name, kms_master_key_id=key_arn, tags=tags, opts=component.child())
    publish = [*_publish_statements(topic.arn), *_admitted(more, ["sns:Publish"], topic.arn, topic.arn)]
    policy = aws.sns.TopicPolicy(f"{child_name}-policy", arn=topic.arn, policy=document(*publish), opts=component.child())
    for address in email_addresses:
        aws.sns.TopicSubscription(
            f"{child_name}-email-{address}", topic=topic.arn, protocol="email", endpoint=address, opts=component.child()
        )
    return after(topic.arn, policy)


def _of_account(arn: pulumi.Output[str]) -> dict[str, dict[str, pulumi.Output[str]]]:
    return {"StringEquals": {"aws:SourceAccount": account_of(arn)}}


def _admitted(services: Mapping[str, str], actions: Sequence[str], resource: pulumi.Input[str], arn: pulumi.Output[str]) -> list[Statement]:
    """A statement for each service, for sources of the ARN's account alone."""
    return [
        Statement(sid=sid, actions=actions, resources=[resource], principals={"Service": [service]}, conditions=_of_account(arn))
        for sid, service in services.items()
    ]


def _publish_statements(topic_arn: pulumi.Output[str]) -> list[Statement]:
    """Auto Scaling needs none: its service-linked role has ``sns:Publish`` in the account.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AutoScalingServiceRolePolicy.html
    """
    return [
        Statement(
            sid="CloudWatchAlarms",
            actions=["sns:Publish"],
            resources=[topic_arn],
            principals={"Service": ["cloudwatch.amazonaws.com"]},
            conditions=_of_account(topic_arn),
        ),
        # No condition: EventBridge sends none of the keys to SNS, and with one every event would be dropped.
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
        Statement(
            sid="EventBridgeRules",
            actions=["sns:Publish"],
            resources=[topic_arn],
            principals={"Service": ["events.amazonaws.com"]},
        ),
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.GrantingPermissions.html
        Statement(
            sid="RdsEvents",
            actions=["sns:Publish"],
            resources=[topic_arn],
            principals={"Service": ["events.rds.amazonaws.com"]},
            conditions=_of_account(topic_arn),
        ),
    ]


def _key_statements(key_arn: pulumi.Output[str]) -> list[Statement]:
    """What publishers need: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services."""
    account = account_of(key_arn)
    role = pulumi.Output.concat("arn:", partition_of(key_arn), ":iam::", account, ":role/aws-service-role/autoscaling.amazonaws.com/*")
    return [
        Statement(
            sid="CloudWatchAlarms",
            actions=_KEY_USE,
            resources=["*"],
            principals={"Service": ["cloudwatch.amazonaws.com"]},
            conditions=_of_account(key_arn),
        ),
        # EventBridge supports no condition here either, and for RDS none is documented. The topic's policy limits what they publish.
        Statement(
            sid="Events",
            actions=_KEY_USE,
            resources=["*"],
            principals={"Service": ["events.amazonaws.com", "events.rds.amazonaws.com"]},
        ),
        # A condition instead of a principal: KMS refuses a role that does not exist, and AWS creates this one with the account's first
        # Auto Scaling group.
        Statement(
            sid="AutoScalingNotifications",
            actions=_KEY_USE,
            resources=["*"],
            principals={"AWS": ["*"]},
            conditions={"StringEquals": {"kms:CallerAccount": account}, "ArnLike": {"aws:PrincipalArn": role}},
        ),
    ]
