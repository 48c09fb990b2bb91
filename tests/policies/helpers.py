"""Builds resources and stacks as the engine would send them, so that a control's test is three lines.

bucket = resource("aws:s3/bucket:Bucket", "logs", {"acl": UNKNOWN, "password": secret("hunter2")})
rule = resource("aws:ec2/securityGroupRule:SecurityGroupRule", props={"securityGroupId": UNKNOWN}, deps={"securityGroupId": ["web"]})
assert verdicts(some_control, bucket) == [Fail("is open", "acl")]
assert verdicts(some_stack_control, stack(rule, group)) == [("x", Pass())]
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cloudpatterns_policies.core import UNKNOWN, Control, Resource, ResourceReference, Stack, Verdict
from cloudpatterns_policies.core.runner import Broken, Outcome, judge_resource, judge_stack
from cloudpatterns_policies.core.values import RESOURCE_SIGNATURE, SECRET_SIGNATURE, SIGNATURE_KEY
from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2

__all__ = ["UNKNOWN", "deep_without", "request_of", "resource", "secret", "stack", "urn", "verdicts", "wire"]

UNKNOWN_ON_THE_WIRE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True)
class Secret:
    """A value to be sent as a secret."""

    value: Any


def secret(value: Any) -> Secret:
    """Marks a property value as secret."""
    return Secret(value)


def urn(type: str, name: str) -> str:
    """The URN the helpers give a resource."""
    return f"urn:pulumi:test::project::{type}::{name}"


def wire(value: Any) -> Any:
    """Encodes a property value as the engine does."""
    if value is UNKNOWN:
        return UNKNOWN_ON_THE_WIRE
    if isinstance(value, Secret):
        return {SIGNATURE_KEY: SECRET_SIGNATURE, "value": wire(value.value)}
    if isinstance(value, ResourceReference):
        return {SIGNATURE_KEY: RESOURCE_SIGNATURE, "urn": value.urn, "id": value.id}
    if isinstance(value, Mapping):
        return {key: wire(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [wire(item) for item in value]
    return value


def resource(
    type: str,
    name: str = "x",
    props: Mapping[str, Any] | None = None,
    parent: str | Resource = "",
    deps: Mapping[str, Iterable[str | Resource]] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Resource:
    """A resource view. `parent` and the values of `deps` are resources, URNs, or names that `stack` resolves."""
    properties = struct_pb2.Struct()
    properties.update(wire(props or {}))
    message = analyzer_pb2.AnalyzerResource(type=type, name=name, urn=urn(type, name), properties=properties, parent=_reference(parent))
    message.options.CopyFrom(analyzer_pb2.AnalyzerResourceOptions(**(options or {})))
    for key, targets in (deps or {}).items():
        references = [_reference(target) for target in targets]
        message.propertyDependencies[key].urns.extend(references)
        message.dependencies.extend(references)
    return Resource(message)


def _reference(target: str | Resource) -> str:
    return target.urn if isinstance(target, Resource) else target


def stack(*resources: Resource) -> Stack:
    """A stack of `resources`, with names in `parent` and `deps` resolved. A name that is missing or not unique is an error."""

    def resolve(reference: str) -> str:
        if not reference or reference.startswith("urn:"):
            return reference
        found = [item.urn for item in resources if item.name == reference]
        if len(found) != 1:
            raise LookupError(f"{len(found)} resources are called {reference!r}; give the resource itself")
        return found[0]

    for item in resources:
        message = item.message
        assert isinstance(message, analyzer_pb2.AnalyzerResource)
        message.parent = resolve(message.parent)
        message.dependencies[:] = [resolve(reference) for reference in message.dependencies]
        for targets in message.propertyDependencies.values():
            targets.urns[:] = [resolve(reference) for reference in targets.urns]
    return Stack(resources)


def request_of(*resources: Resource) -> analyzer_pb2.AnalyzeStackRequest:
    """What the engine sends for a stack of `resources`."""
    messages = [item.message for item in stack(*resources).resources]
    return analyzer_pb2.AnalyzeStackRequest(resources=[item for item in messages if isinstance(item, analyzer_pb2.AnalyzerResource)])


def verdicts(control: Control, subject: Resource | Stack, config: Mapping[str, Any] | None = None) -> list[Any]:
    """Runs a control; its exceptions are passed on.

    For a resource: the list of verdicts. For a stack: a list of `(resource name, verdict)`; the name is empty when the stack as a whole is
    meant. A resource control given a stack is run on each resource of its types.
    """
    if isinstance(subject, Resource):
        if control.kind == "stack":
            return verdicts(control, stack(subject), config)
        return [_verdict(outcome) for outcome in judge_resource(control, subject, config, isolate=False)]
    if control.kind == "resource":
        outcomes = [found for item in subject.of_type(*control.types) for found in judge_resource(control, item, config, isolate=False)]
    else:
        outcomes = judge_stack(control, subject, config, isolate=False)
    return [(outcome.urn.rsplit("::", 1)[-1], _verdict(outcome)) for outcome in outcomes]


def _verdict(outcome: Outcome) -> Verdict:
    assert not isinstance(outcome.verdict, Broken)
    return outcome.verdict


def deep_without(props: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A copy of `props` without the property at a dotted path, for the "missing" side of a test."""
    head, _, rest = path.partition(".")
    if rest:
        return {**props, head: deep_without(props[head], rest)}
    return {key: value for key, value in props.items() if key != head}
