"""Customer managed KMS keys."""

from collections.abc import Callable, Mapping, Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Statement, account_of, after, document, partition_of, region_of


def create_key(
    component: Component,
    child_name: str,
    description: str,
    statements: Sequence[Statement] | Callable[[pulumi.Output[str]], Sequence[Statement]] = (),
    region: pulumi.Input[str] | None = None,
    tags: Mapping[str, pulumi.Input[str]] | None = None,
    retain_on_delete: bool | None = None,
    before_policy: bool = False,
) -> pulumi.Output[str]:
    """The ARN of a new key, available after its policy or, with ``before_policy``, before it, as where the policy names what takes the key.

    The key has yearly rotation, a deletion window of 30 days, and the account as administrator.
    ``statements`` let services use the key; their resource is ``"*"``, which in a key policy means the key itself. Statements that name
    the account are a function of the key's ARN. The policy is a resource of its own because it names the account, which is known from
    the key's ARN only. ``region`` defaults to the provider's. ``retain_on_delete`` leaves the key behind when the component goes: a last
    snapshot could not be read without it.
    """
    key = aws.kms.Key(
        child_name,
        description=description,
        enable_key_rotation=True,
        deletion_window_in_days=30,
        region=region,
        tags=tags,
        opts=component.child(retain_on_delete=retain_on_delete),
    )
    administrator = pulumi.Output.concat("arn:", partition_of(key.arn), ":iam::", account_of(key.arn), ":root")
    policy = aws.kms.KeyPolicy(
        f"{child_name}-policy",
        key_id=key.id,
        policy=document(
            Statement(sid="Administration", actions=["kms:*"], resources=["*"], principals={"AWS": [administrator]}),
            *(statements if isinstance(statements, Sequence) else statements(key.arn)),
        ),
        region=region,
        opts=component.child(retain_on_delete=retain_on_delete),
    )
    return key.arn if before_policy else after(key.arn, policy)


def logs_statement(arn: pulumi.Input[str], *log_group_patterns: str) -> Statement:
    """Lets CloudWatch Logs of the ARN's region and account use a key for the log groups that match one of the patterns.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    partition, region, account = partition_of(arn), region_of(arn), account_of(arn)
    # One of few principals with the domain of its partition; elsewhere in China KMS would refuse the policy.
    domain = partition.apply(lambda found: "amazonaws.com.cn" if found == "aws-cn" else "amazonaws.com")
    prefix = pulumi.Output.concat("arn:", partition, ":logs:", region, ":", account, ":log-group:")
    groups = [pulumi.Output.concat(prefix, pattern) for pattern in log_group_patterns]
    return Statement(
        sid="CloudWatchLogs",
        actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        resources=["*"],
        principals={"Service": [pulumi.Output.concat("logs.", region, ".", domain)]},
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups[0] if len(groups) == 1 else groups}},
    )


def sender_statements(key_arn: pulumi.Input[str], services: Sequence[str]) -> list[Statement]:
    """Lets services (``sns.amazonaws.com``) use a key for what they send to encrypted queues, for sources of the key's account alone.

    A topic may be in another Region than the queue: https://docs.aws.amazon.com/sns/latest/dg/sns-cross-region-delivery.html.
    Only EventBridge is not confined to the account: it sends no condition key with its requests to KMS. A queue's policy still says which
    rule may send.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html#compatibility-with-aws-services
    """
    partition, account = partition_of(key_arn), account_of(key_arn)
    statements: list[Statement] = []
    for service in sorted(set(services)):
        namespace = service.split(".")[0]
        conditions: Mapping[str, Mapping[str, pulumi.Input[str]]] = {}
        if namespace == "sns":
            conditions = {"ArnLike": {"aws:SourceArn": pulumi.Output.concat("arn:", partition, ":sns:*:", account, ":*")}}
        elif namespace != "events":
            conditions = {"StringEquals": {"aws:SourceAccount": account}}
        statements.append(
            Statement(
                sid=f"Sender{namespace.capitalize()}",
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                principals={"Service": [service]},
                conditions=conditions,
            )
        )
    return statements
