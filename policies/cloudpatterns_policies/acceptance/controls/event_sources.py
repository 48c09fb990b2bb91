"""What a Lambda function reads from: the source fits the function."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.relations import gives, target
from cloudpatterns_policies.controls._documents import Statement, statements
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, stack_control
from cloudpatterns_policies.core.values import UnknownValueError

_MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
_FUNCTION: Final = "aws:lambda/function:Function"
_ROLE: Final = "aws:iam/role:Role"
_POLICY: Final = "aws:iam/policy:Policy"
_ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_OTHER_WAYS: Final = (
    *("aws:iam/policyAttachment:PolicyAttachment", "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive"),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
)
"""Types by which a role gets policies in ways that are not looked into."""
_NEEDED: Final = {
    "aws:sqs/queue:Queue": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "aws:kinesis/stream:Stream": ("kinesis:GetRecords", "kinesis:GetShardIterator"),
    "aws:dynamodb/table:Table": ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"),
}
"""What Lambda does with the role of a function, by the type of the source."""
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

_refusal = partial(stack_control, severity=Severity.HIGH, types=(_MAPPING,), pack="acceptance")


@_refusal(
    id="table-stream-enabled",
    title="A table that a function reads has a stream",
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


def _has_policy(stack: Stack, source: Resource) -> bool:
    """Whether the source has a policy that may let the role in."""
    return any(stack.referrers(source, type_, by) for type_, by in _SOURCE_POLICIES)


def _allowed(stack: Stack, role: Resource, source: str) -> list[Statement] | None:
    """The statements that allow a role something; None where not all are known, or where a policy of AWS's own is enough."""
    documents: list[Any] = []
    arns: list[tuple[Resource, str]] = [(role, f"managedPolicyArns.{at}") for at in range(_count(role, "managedPolicyArns"))]
    for item in stack.of_type(_ROLE_POLICY, _ATTACHMENT, *_OTHER_WAYS):
        owners = stack.refs(item, "role", _ROLE)
        if item.type in _OTHER_WAYS or not owners:
            return None
        if role in owners and item.type == _ROLE_POLICY:
            documents.append(given(item, "policy"))
        elif role in owners:
            arns.append((item, "policyArn"))
    documents += [given(role, f"inlinePolicies.{at}.policy") for at in range(_count(role, "inlinePolicies"))]
    for item, path in arns:
        policy, arn = target(stack, item, path, _POLICY), given(item, path)
        enough = _OF_AWS.get(arn.rpartition("/")[2]) if isinstance(arn, str) and ":iam::aws:policy/" in arn else None
        if policy is not None:
            documents.append(given(policy, "policy"))
        elif enough is None or source in enough:
            return None
    if any(role.is_unknown(name) for name in ("managedPolicyArns", "inlinePolicies")):
        return None
    try:
        return [one for document in documents for one in statements(document) if one.allow]
    except (ValueError, UnknownValueError):
        return None


def _count(role: Resource, name: str) -> int:
    value = given(role, name)
    return len(value) if isinstance(value, list) else 0
