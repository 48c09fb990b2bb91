"""What a Lambda function reads from, and where it keeps what fails: source, role and key fit the function."""

import re
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.relations import gives, target
from cloudpatterns_policies.controls._documents import Statement, statements
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control
from cloudpatterns_policies.core.values import UnknownValueError

_MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
_FUNCTION: Final = "aws:lambda/function:Function"
_ROLE: Final = "aws:iam/role:Role"
_POLICY: Final = "aws:iam/policy:Policy"
_ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
_QUEUE: Final = "aws:sqs/queue:Queue"
_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_OTHER_WAYS: Final = (
    *("aws:iam/policyAttachment:PolicyAttachment", "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive"),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
)
"""Types by which a role gets policies in ways that are not looked into."""
_NEEDED: Final = {
    _QUEUE: ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "aws:kinesis/stream:Stream": ("kinesis:GetRecords", "kinesis:GetShardIterator"),
    "aws:dynamodb/table:Table": ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"),
}
"""What Lambda does with the role of a function, by the type of the source."""
_TOPIC: Final = "aws:sns/topic:Topic"
_BUCKET: Final = "aws:s3/bucket:Bucket"
_BUS: Final = "aws:cloudwatch/eventBus:EventBus"
_KEY: Final = "aws:kms/key:Key"
_KEY_POLICY: Final = "aws:kms/keyPolicy:KeyPolicy"
_KEPT: Final = (
    (_FUNCTION, "deadLetterConfig.targetArn", "role"),
    ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "destinationConfig.onFailure.destination", "functionName"),
    ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "destinationConfig.onSuccess.destination", "functionName"),
    (_MAPPING, "destinationConfig.onFailure.destinationArn", "functionName"),
    ("aws:scheduler/schedule:Schedule", "target.deadLetterConfig.arn", "target.roleArn"),
)
"""Properties that name where failures, or results, are kept, and the property that leads to the role that writes there."""
_WRITES: Final = {
    _QUEUE: ("sqs:SendMessage", "aws:sqs/queuePolicy:QueuePolicy", "queueUrl"),
    _TOPIC: ("sns:Publish", "aws:sns/topicPolicy:TopicPolicy", "arn"),
    _BUCKET: ("s3:PutObject", "aws:s3/bucketPolicy:BucketPolicy", "bucket"),
    _FUNCTION: ("lambda:InvokeFunction", "aws:lambda/permission:Permission", "function"),
    _BUS: ("events:PutEvents", "aws:cloudwatch/eventBusPolicy:EventBusPolicy", "eventBusName"),
}
"""What writing to a destination takes, and the type and property of a policy that may let the role in by itself."""
_SOURCE_KEYS: Final = {_QUEUE: "kmsMasterKeyId", "aws:kinesis/stream:Stream": "kmsKeyId"}
_ACCOUNT: Final = re.compile(r"\d{12}|arn:[^:]*:iam::\d{12}:root")
_SOURCE_POLICIES: Final = (
    ("aws:sqs/queuePolicy:QueuePolicy", "queueUrl"),
    ("aws:kinesis/resourcePolicy:ResourcePolicy", "resourceArn"),
    ("aws:dynamodb/resourcePolicy:ResourcePolicy", "resourceArn"),
)
_OF_AWS: Final = {
    "AWSLambdaSQSQueueExecutionRole": ("aws:sqs/queue:Queue",),
    "AWSLambdaKinesisExecutionRole": ("aws:kinesis/stream:Stream",),
    "AWSLambdaDynamoDBExecutionRole": ("aws:dynamodb/table:Table",),
    "AWSLambdaBasicExecutionRole": (),
    "AWSLambdaVPCAccessExecutionRole": (),
    "AWSXRayDaemonWriteAccess": (),
    "AWSXrayWriteOnlyAccess": (),
    "CloudWatchLambdaInsightsExecutionRolePolicy": (),
}
"""Policies of AWS's own that functions have, and the types of sources that each is enough for."""

_refusal = partial(stack_control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="table-stream-enabled",
    title="A table that a function reads has a stream",
    types=(_MAPPING,),
    why="Without a stream the table has no stream ARN, and Lambda refuses the mapping.",
    remediation="Set stream_enabled and stream_view_type of the table.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html",
)
def table_stream_enabled(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    table = target(stack, resource, "eventSourceArn", "aws:dynamodb/table:Table")
    # A global table has a stream without being told to.
    if table is not None and not (gives(table, "streamEnabled") or gives(table, "replicas")):
        yield Fail(f"reads table {table.name}, which has no stream", "eventSourceArn")


@_refusal(
    id="source-readable",
    title="A function's role may read what the function is to read",
    types=(_MAPPING,),
    why="Lambda reads the source with the role, and refuses a mapping whose role may not.",
    remediation="Attach AWSLambdaSQSQueueExecutionRole, AWSLambdaKinesisExecutionRole or AWSLambdaDynamoDBExecutionRole.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html",
)
def source_readable(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Of a role in the stack whose policies are all known; on which resources they allow it does not count."""
    source = target(stack, resource, "eventSourceArn", *_NEEDED)
    function = target(stack, resource, "functionName", _FUNCTION)
    role = None if function is None else target(stack, function, "role", _ROLE)
    if source is None or role is None or given(source, "policy") is not None or _has_policy(stack, source):
        return
    allowed = _allowed(stack, role, source.type)
    missing = [one for one in _NEEDED[source.type] if allowed is not None and not any(it.names(one) for it in allowed)]
    if function is not None and missing:
        yield Fail(
            f"would be refused: role {role.name} of {function.name} has no {missing[0]}, with which Lambda reads {source.name}",
            "functionName",
        )


@_refusal(
    id="source-key-usable",
    title="A function's role may use the key of what the function reads",
    types=(_MAPPING,),
    why="Lambda decrypts with the role: without the right it reads nothing, and the messages stay where they are until they expire.",
    remediation="Allow kms:Decrypt on the key to the role of the function.",
    url="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html",
)
def source_key_usable(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Of a role in the stack whose policies are all known, and a key whose policy names no role."""
    source = target(stack, resource, "eventSourceArn", *_SOURCE_KEYS)
    key = None if source is None else target(stack, source, _SOURCE_KEYS[source.type], _KEY)
    role = _role(resource, "functionName", stack)
    if source is None or key is None or role is None or _may_name_roles(key, stack):
        return
    allowed = _allowed(stack, role, "")
    if allowed is not None and not any(one.names("kms:Decrypt") for one in allowed):
        yield Fail(f"reads nothing: role {role.name} has no kms:Decrypt for key {key.name} of {source.name}", "functionName")


@_refusal(
    id="failure-destination-writable",
    title="Roles may write to where failures are kept",
    types=tuple(dict.fromkeys(type_ for type_, _, _ in _KEPT)),
    why="Lambda and Scheduler write there with the role: Lambda refuses some destinations without the right, and others stay empty.",
    remediation="Allow the role sqs:SendMessage, sns:Publish, s3:PutObject, lambda:InvokeFunction or events:PutEvents on the destination.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
)
def failure_destination_writable(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Of a role in the stack whose policies are all known, and a destination whose policy lets nobody in."""
    for type_, path, by in _KEPT:
        if resource.type != type_:
            continue
        place, role = target(stack, resource, path, *_WRITES), _role(resource, by, stack)
        if place is None or role is None or _may_let_in(place, stack):
            continue
        allowed, (action, _, _) = _allowed(stack, role, ""), _WRITES[place.type]
        if allowed is not None and not any(one.names(action) for one in allowed):
            yield Fail(f"keeps nothing in {place.name}: role {role.name} has no {action}", path)


def _role(resource: Resource, by: str, stack: Stack) -> Resource | None:
    """The role that a property names, or that of the function that it names."""
    if by != "functionName":
        return target(stack, resource, by, _ROLE)
    function = target(stack, resource, by, _FUNCTION)
    return None if function is None else target(stack, function, "role", _ROLE)


def _may_let_in(place: Resource, stack: Stack) -> bool:
    """Whether a destination has a policy that lets somebody in, or may do so."""
    _, type_, by = _WRITES[place.type]
    holders = [place, *stack.referrers(place, type_, by)]
    # A permission of a function is no document: it always lets somebody in.
    return (place.type == _FUNCTION and len(holders) > 1) or any(_may_allow(given(holder, "policy")) for holder in holders)


def _may_name_roles(key: Resource, stack: Stack) -> bool:
    """Whether the policy of a key lets in anybody by itself; a whole account leaves it to the policies of its roles."""
    holders = stack.referrers(key, _KEY_POLICY, "keyId") or [key]
    return any(_may_allow(given(holder, "policy"), but=_ACCOUNT) for holder in holders)


def _may_allow(document: Any, but: re.Pattern[str] | None = None) -> bool:
    """Whether a document allows something to somebody, except for principals of some accounts; also where it is not known."""
    if document is None:
        return False
    try:
        allowed = [one for one in statements(document) if one.allow]
    except (ValueError, UnknownValueError):
        return True
    named = (name for one in allowed for kind, name in one.principals if kind == "AWS")
    return bool(allowed) if but is None else any(not but.fullmatch(name) for name in named)


def _has_policy(stack: Stack, source: Resource) -> bool:
    """Whether the source has a policy that may let the role in."""
    return any(stack.referrers(source, type_, by) for type_, by in _SOURCE_POLICIES)


def _allowed(stack: Stack, role: Resource, source: str) -> list[Statement] | None:
    """The statements that allow a role something; None where not all are known, or where a policy of AWS's own is enough."""
    documents: list[Any] = []
    arns: list[tuple[Resource, str]] = [(role, f"managedPolicyArns.{at}") for at in range(_count(role, "managedPolicyArns"))]
    if _policies_without_role(stack):
        return None
    documents += [given(item, "policy") for item in stack.referrers(role, _ROLE_POLICY, "role")]
    arns += [(item, "policyArn") for item in stack.referrers(role, _ATTACHMENT, "role")]
    documents += [given(role, f"inlinePolicies.{at}.policy") for at in range(_count(role, "inlinePolicies"))]
    for item, path in arns:
        policy, arn = target(stack, item, path, _POLICY), given(item, path)
        enough = _OF_AWS.get(arn.rpartition("/")[2]) if isinstance(arn, str) and ":iam::aws:policy/" in arn else None
        if policy is not None:
            documents.append(given(policy, "policy"))
        elif enough is None or source in enough:
            return None
    if any(given(role, name) is UNKNOWN for name in ("managedPolicyArns", "inlinePolicies")):
        return None
    try:
        return [one for document in documents for one in statements(document) if one.allow]
    except (ValueError, UnknownValueError):
        return None


@lru_cache(maxsize=16)
def _policies_without_role(stack: Stack) -> bool:
    """Whether the stack has policies that may be of any role."""
    return bool(stack.of_type(*_OTHER_WAYS)) or any(
        not stack.refs(item, "role", _ROLE) for item in stack.of_type(_ROLE_POLICY, _ATTACHMENT)
    )


def _count(role: Resource, name: str) -> int:
    value = given(role, name)
    return len(value) if isinstance(value, list) else 0
