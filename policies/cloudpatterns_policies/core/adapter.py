"""The controls as plain `pulumi_policy` policies, for use in your own `PolicyPack`.

    PolicyPack("ours", [*as_policies(discover()), our_policy])

The SDK has limits: unknown values are reported for each resource, exemptions do not exist, and a secret in a control's message is not
recognised, because the SDK has removed the marks of secrets by then. `onUnknown` works as in the packs.
"""

from collections.abc import Iterable
from typing import Any

import pulumi_policy
from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.deserialize import serialize_properties
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

from cloudpatterns_policies.core.configuration import default_level
from cloudpatterns_policies.core.control import FAIL_ON_UNKNOWN, ON_UNKNOWN, Control
from cloudpatterns_policies.core.pack import message
from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.runner import Broken, Outcome, judge_resource, judge_stack
from cloudpatterns_policies.core.stack import Stack
from cloudpatterns_policies.core.values import Redactor
from cloudpatterns_policies.core.verdicts import Fail, NotApplicable, Unknown


def as_policies(controls: Iterable[Control]) -> list[pulumi_policy.Policy]:
    """Returns one policy for each control, with the level its severity gives."""
    return [_resource_policy(control) if control.kind == "resource" else _stack_policy(control) for control in controls]


def _metadata(control: Control) -> dict[str, Any]:
    return {
        "name": control.id,
        "description": control.title,
        "display_name": control.title,
        "enforcement_level": pulumi_policy.EnforcementLevel(default_level(control).value),
        "severity": pulumi_policy.Severity(control.severity.label),
        "config_schema": pulumi_policy.PolicyConfigSchema(properties={key: dict(value) for key, value in control.schema.items()}),
        "remediation_steps": control.remediation,
        "url": control.url,
    }


def _resource_policy(control: Control) -> pulumi_policy.ResourceValidationPolicy:
    def validate(args: pulumi_policy.ResourceValidationArgs, report: pulumi_policy.ReportViolation) -> None:
        if args.resource_type in control.types:
            request = analyzer_pb2.AnalyzeRequest(type=args.resource_type, urn=args.urn, name=args.name, properties=_struct(args.props))
            request.options.parent = args.opts.parent or ""
            request.options.protect = args.opts.protect
            _tell(judge_resource(control, Resource(request), args.get_config()), args, report)
        else:
            args.not_applicable("of another resource type")

    return pulumi_policy.ResourceValidationPolicy(validate=validate, **_metadata(control))


def _stack_policy(control: Control) -> pulumi_policy.StackValidationPolicy:
    def validate(args: pulumi_policy.StackValidationArgs, report: pulumi_policy.ReportViolation) -> None:
        _tell(judge_stack(control, Stack.sent(map(_resource, args.resources)), args.get_config()), args, report)

    return pulumi_policy.StackValidationPolicy(validate=validate, **_metadata(control))


def _tell(
    outcomes: list[Outcome],
    args: pulumi_policy.ResourceValidationArgs | pulumi_policy.StackValidationArgs,
    report: pulumi_policy.ReportViolation,
) -> None:
    redact = Redactor(frozenset())
    fails = args.get_config().get(ON_UNKNOWN) == FAIL_ON_UNKNOWN
    for outcome in outcomes:
        if isinstance(outcome.verdict, Fail | Broken) or (fails and isinstance(outcome.verdict, Unknown)):
            report(message(outcome, redact), outcome.urn)
    for outcome in outcomes:
        if isinstance(outcome.verdict, Unknown) and not fails:
            # The SDK reports it as advisory and keeps earlier findings.
            raise UnknownValueError(UNKNOWN_STRING_VALUE, outcome.verdict.path.split("."))
    reasons = [outcome.verdict.reason for outcome in outcomes if isinstance(outcome.verdict, NotApplicable)]
    if len(reasons) == len(outcomes):
        args.not_applicable(reasons[0])


def _resource(item: pulumi_policy.PolicyResource) -> Resource:
    message = analyzer_pb2.AnalyzerResource(
        type=item.resource_type,
        urn=item.urn,
        name=item.name,
        properties=_struct(item.props),
        parent=item.parent.urn if item.parent else "",
        dependencies=[dependency.urn for dependency in item.dependencies],
    )
    message.options.protect = item.opts.protect
    for key, targets in item.property_dependencies.items():
        message.propertyDependencies[key].urns.extend(target.urn for target in targets)
    return Resource(message)


def _struct(props: Any) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(serialize_properties(props))
    return struct
