"""The controls as plain SDK policies, run by the SDK's own servicer."""

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi_policy
import pytest
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Verdict, control, stack_control
from cloudpatterns_policies.core.adapter import as_policies
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import policy as sdk

from tests.policies.helpers import request_of, resource, secret, urn

BUCKET = "aws:s3/bucket:Bucket"
KEY = "aws:kms/key:Key"
META: dict[str, Any] = {"why": "w", "remediation": "Close it.", "url": "https://example.com/x"}
REMEDY = "Remedy: Close it. https://example.com/x"


@control(
    id="closed", title="Closed", severity=Severity.HIGH, types=(BUCKET,), config={"word": {"type": "string", "default": "open"}}, **META
)
def closed(resource: Resource, *, config: Mapping[str, Any]) -> Iterator[Verdict]:
    if resource.get("kind") == "log":
        yield NotApplicable("kind of log target")
        return
    if resource.get("password") == "weak" and resource.options.protect and resource.parent == "urn:parent":
        yield Fail("has a weak password")
    if resource.get("acl.mode") == config["word"]:
        yield Fail(f"is {config['word']}", "acl.mode")


@stack_control(id="keyed", title="Keyed", severity=Severity.LOW, types=(BUCKET,), **META)
def keyed(resource: Resource, stack: Stack) -> Verdict:
    if resource.name == "logs":
        return NotApplicable("kind of log target")
    if resource.options.protect and resource.parent == urn(KEY, "key") and resource.dependencies:
        return Pass() if stack.refs(resource, "kmsKeyId", KEY) else Fail("has no key")
    raise KeyError


def servicer() -> Any:
    return sdk._PolicyAnalyzerServicer("pack", "1", as_policies([closed, keyed]), pulumi_policy.EnforcementLevel.ADVISORY)


def analyze(props: Mapping[str, Any], type: str = BUCKET, serving: Any = None) -> analyzer_pb2.AnalyzeResponse:
    view = resource(type, "b", props)
    request = analyzer_pb2.AnalyzeRequest(type=type, name="b", urn=view.urn, properties=view.message.properties)
    request.options.parent = "urn:parent"
    request.options.protect = True
    return (serving or servicer()).Analyze(request, None)


def test_metadata() -> None:
    first, second = as_policies([closed, keyed])
    assert isinstance(first, pulumi_policy.ResourceValidationPolicy)
    assert isinstance(second, pulumi_policy.StackValidationPolicy)
    assert (first.name, first.description, first.url, first.remediation_steps) == ("closed", "Closed", "https://example.com/x", "Close it.")
    assert (first.enforcement_level, first.severity) == (pulumi_policy.EnforcementLevel.MANDATORY, pulumi_policy.Severity.HIGH)
    assert first.config_schema is not None
    assert first.config_schema.properties["word"] == {"type": "string", "default": "open"}
    assert second.enforcement_level is pulumi_policy.EnforcementLevel.ADVISORY
    assert second.config_schema is not None
    assert list(second.config_schema.properties) == ["onUnknown"]
    assert (second.config_schema.properties["onUnknown"]["enum"], first.config_schema.properties["onUnknown"]["default"]) == (
        ["warn", "fail"],
        "warn",
    )


def test_failures_are_reported() -> None:
    response = analyze({"acl": {"mode": "open"}, "password": secret("weak")})
    assert [(item.message, item.urn, item.enforcementLevel) for item in response.diagnostics] == [
        (f"Closed\nhas a weak password. {REMEDY}", urn(BUCKET, "b"), analyzer_pb2.MANDATORY),
        (f"Closed\nis open - acl.mode. {REMEDY}", urn(BUCKET, "b"), analyzer_pb2.MANDATORY),
    ]


def test_configuration_reaches_the_control() -> None:
    serving = servicer()
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    request.policyConfig["closed"].properties.update({"word": "wide"})
    serving.Configure(request, None)
    assert [item.message for item in analyze({"acl": {"mode": "wide"}}, serving=serving).diagnostics] == [
        f"Closed\nis wide - acl.mode. {REMEDY}"
    ]


def test_an_unknown_is_the_sdks_advisory_and_hides_nothing() -> None:
    first, second = analyze({"password": "weak", "acl": UNKNOWN}).diagnostics
    assert first.message == f"Closed\nhas a weak password. {REMEDY}"
    assert second.enforcementLevel == analyzer_pb2.ADVISORY
    assert second.message.endswith("string value at .acl.mode can't be known during preview")


def test_an_unknown_is_reported_as_hard_as_the_control_when_asked_to() -> None:
    serving = servicer()
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    request.policyConfig["closed"].properties.update({"onUnknown": "fail", "word": "open"})
    request.policyConfig["closed"].enforcementLevel = analyzer_pb2.MANDATORY
    serving.Configure(request, None)
    (told,) = analyze({"acl": UNKNOWN}, serving=serving).diagnostics
    assert told.enforcementLevel == analyzer_pb2.MANDATORY
    text = "cannot be checked before deployment, because acl.mode is unknown until then. If it fails then: Close it. https://example.com/x"
    assert told.message == f"Closed\n[UNKNOWN] {text}"


@pytest.mark.parametrize(
    ("props", "type", "reason"),
    [({"kind": "log"}, BUCKET, "kind of log target"), ({}, KEY, "of another resource type")],
)
def test_not_applicable(props: Mapping[str, Any], type: str, reason: str) -> None:
    response = analyze(props, type)
    assert list(response.diagnostics) == []
    assert [(item.policy_name, item.reason) for item in response.not_applicable] == [("closed", reason)]


def test_a_pass_says_nothing() -> None:
    response = analyze({"acl": {"mode": "closed"}})
    assert (list(response.diagnostics), list(response.not_applicable)) == ([], [])


def analyze_stack(*resources: Resource) -> analyzer_pb2.AnalyzeResponse:
    return servicer().AnalyzeStack(request_of(*resources), None)


def test_stack_controls_follow_references_and_fail_alone() -> None:
    options = {"protect": True}
    response = analyze_stack(
        resource(KEY, "key"),
        resource(BUCKET, "good", {"kmsKeyId": UNKNOWN}, "key", {"kmsKeyId": ["key"]}, options),
        resource(BUCKET, "bad", {"kmsKeyId": UNKNOWN}, "key", {"other": ["key"]}, options),
        resource(BUCKET, "odd"),
        resource(BUCKET, "logs"),
    )
    assert list(response.not_applicable) == []
    assert [(item.urn, item.message) for item in response.diagnostics] == [
        (urn(BUCKET, "bad"), f"Keyed\nhas no key. {REMEDY}"),
        (
            urn(BUCKET, "odd"),
            "Keyed\n[ERROR] the control itself failed with KeyError, so nothing was checked. Remedy: Report it, or fix the control keyed.",
        ),
    ]


def test_a_stack_without_the_type_is_not_applicable() -> None:
    response = analyze_stack(resource(KEY, "key"))
    assert [(item.policy_name, item.reason) for item in response.not_applicable] == [
        ("keyed", f"the stack has no resource of type {BUCKET}")
    ]
