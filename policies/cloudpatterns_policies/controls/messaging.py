"""SQS, SNS, Kinesis and EventBridge: encrypted, and not public."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls._public_access import is_fixed, not_public
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide"

_QUEUE: Final = "aws:sqs/queue:Queue"
_QUEUE_POLICY: Final = "aws:sqs/queuePolicy:QueuePolicy"
_TOPIC: Final = "aws:sns/topic:Topic"
_TOPIC_POLICY: Final = "aws:sns/topicPolicy:TopicPolicy"
_BUS: Final = "aws:cloudwatch/eventBus:EventBus"
_BUS_POLICY: Final = "aws:cloudwatch/eventBusPolicy:EventBusPolicy"
_BUS_PERMISSION: Final = "aws:cloudwatch/eventPermission:EventPermission"
_DEFAULT: Final = "the default policy allows the owner only"
_KEYS: Final = (
    *("aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey", "aws:kms/externalKey:ExternalKey"),
    *("aws:kms/replicaExternalKey:ReplicaExternalKey", "aws:kms/alias:Alias"),
)


@control(
    id="sqs-encrypted",
    title="SQS queues are encrypted at rest",
    severity=Severity.MEDIUM,
    types=(_QUEUE,),
    why="Messages often contain personal data, and stay in the queue for up to 14 days.",
    remediation="Leave sqs_managed_sse_enabled at True, or set kms_master_key_id.",
    url=f"{_PAGE}/sqs-controls.html#sqs-1",
    frameworks={"FSBP": ("SQS.1",), "Checkov": ("CKV_AWS_27",)},
)
def sqs_encrypted(resource: Resource) -> Verdict:
    # SQS encrypts queues that are created without either argument:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html
    if resource.get("sqsManagedSseEnabled", True) or resource.get("kmsMasterKeyId"):
        return Pass()
    return Fail("stores messages unencrypted", "sqsManagedSseEnabled")


@control(
    id="sqs-not-public",
    title="SQS queue policies allow only known callers",
    severity=Severity.CRITICAL,
    types=(_QUEUE, _QUEUE_POLICY),
    why="Anyone, from any account, could read, forge or delete messages.",
    remediation="Name accounts, roles or services as Principal, or add a condition such as ArnEquals aws:SourceArn, in policy.",
    url=f"{_PAGE}/sqs-controls.html#sqs-3",
    frameworks={"FSBP": ("SQS.3",), "Checkov": ("CKV_AWS_168", "CKV_AWS_387")},
)
def sqs_not_public(resource: Resource) -> Iterator[Verdict]:
    return not_public(resource, default=_DEFAULT)


@stack_control(
    id="sns-encrypted",
    title="SNS topics are encrypted with a KMS key",
    severity=Severity.MEDIUM,
    types=(_TOPIC,),
    why="Without a KMS key, anyone who obtains the topic's storage can read the messages.",
    remediation="Set kms_master_key_id to a customer-managed key whose policy allows the services that publish.",
    url=f"{_PAGE}/sns-controls.html#sns-1",
    frameworks={"FSBP": ("SNS.1",), "Checkov": ("CKV_AWS_26",)},
)
def sns_encrypted(resource: Resource, stack: Stack) -> Verdict:
    key = read(resource, "kmsMasterKeyId", computed=True)
    if key is UNKNOWN:
        return Pass() if stack.refs(resource, "kmsMasterKeyId", *_KEYS) else Unknown("kmsMasterKeyId")
    return Pass() if key else Fail("is not encrypted", "kmsMasterKeyId")


@control(
    id="sns-not-public",
    title="SNS topic policies allow only known callers",
    severity=Severity.CRITICAL,
    types=(_TOPIC, _TOPIC_POLICY),
    why="Anyone, from any account, could publish forged messages, or subscribe and read all messages.",
    remediation="Name accounts, roles or services as Principal, or add a condition such as StringEquals aws:SourceAccount, in policy.",
    url=f"{_PAGE}/sns-controls.html#sns-4",
    frameworks={"FSBP": ("SNS.4",), "Checkov": ("CKV_AWS_169",)},
)
def sns_not_public(resource: Resource) -> Iterator[Verdict]:
    return not_public(resource, default=_DEFAULT)


@control(
    id="kinesis-encrypted",
    title="Kinesis streams are encrypted at rest",
    severity=Severity.MEDIUM,
    types=("aws:kinesis/stream:Stream",),
    why="Records stay in the stream for days, and anyone who obtains its storage can read them.",
    remediation='Set encryption_type to "KMS" and kms_key_id to a key, such as "alias/aws/kinesis".',
    url=f"{_PAGE}/kinesis-controls.html#kinesis-1",
    frameworks={"FSBP": ("Kinesis.1",), "Checkov": ("CKV_AWS_43",)},
)
def kinesis_encrypted(resource: Resource) -> Verdict:
    return Pass() if resource.get("encryptionType", "NONE") == "KMS" else Fail("stores records unencrypted", "encryptionType")


@stack_control(
    id="event-bus-policy",
    title="Custom event buses have a policy",
    severity=Severity.LOW,
    types=(_BUS,),
    why="Without a resource policy, identity policies alone decide who may send events and manage rules.",
    remediation="Add an aws.cloudwatch.EventBusPolicy with the bus's event_bus_name.",
    url=f"{_PAGE}/eventbridge-controls.html#eventbridge-3",
    frameworks={"FSBP": ("EventBridge.3",)},
)
def event_bus_policy(resource: Resource, stack: Stack) -> Verdict:
    holders = [item for kind in (_BUS_POLICY, _BUS_PERMISSION) for item in stack.referrers(resource, kind, "eventBusName")]
    return Pass() if holders else Fail("has no policy")


@control(
    id="event-bus-not-public",
    title="Event bus policies allow only known callers",
    severity=Severity.CRITICAL,
    types=(_BUS_POLICY, _BUS_PERMISSION),
    why="Anyone, from any account, could send events that your rules treat as your own.",
    remediation="Name accounts as principal, or add the condition StringEquals aws:PrincipalOrgID.",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html",
)
def event_bus_not_public(resource: Resource) -> Iterator[Verdict]:
    if resource.type == _BUS_POLICY:
        yield from not_public(resource)
    elif resource.get("principal") == "*" and not is_fixed(resource.get("condition.value", "")):
        yield Fail("allows events:PutEvents to everyone (Principal *)", "principal")
