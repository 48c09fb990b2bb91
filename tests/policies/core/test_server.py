"""The analyzer protocol: in process, and once as the engine starts a pack."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pytest
from cloudpatterns_policies import VERSION
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Verdict,
    control,
    discover,
    server,
    stack_control,
)
from cloudpatterns_policies.core.server import Analyzer, policy_info
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from tests.policies.helpers import request_of, resource, secret, urn, wire

BUCKET = "aws:s3/bucket:Bucket"
PACK = Path(__file__).parents[3] / "policies" / "security"
META: dict[str, Any] = {"types": (BUCKET,), "why": "Anyone could read.", "remediation": "Close it.", "url": "https://example.com/x"}


@control(
    id="closed",
    title="Buckets are closed",
    severity=Severity.CRITICAL,
    frameworks={"CIS 5.0": ("2.1.4", "2.1.5"), "Checkov": ("CKV_AWS_53",)},
    partial={"2.1.5": "access points", "CKV_AWS_53": "other types"},
    config={"word": {"type": "string", "default": "open"}, "limit": {"type": "integer", "default": 5}},
    **META,
)
def closed(resource: Resource, *, config: Mapping[str, Any]) -> Verdict:
    assert config["limit"] == 5
    assert isinstance(config["limit"], int)
    if resource.get("kind") == "log":
        return NotApplicable("kind of log target")
    return Fail(f"is {config['word']}", "acl") if resource.get("acl") == config["word"] else Pass()


@stack_control(id="alone", title="There is one bucket", severity=Severity.LOW, frameworks={"FSBP": ("S3.1",)}, **META)
def alone(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if len(stack.of_type(BUCKET)) == 1 else Fail("is not alone")


class Refusal(Exception):
    """What `abort` raises in place of gRPC."""


class Context:
    """Stands in for gRPC's context, as far as it is used."""

    def send_initial_metadata(self, _metadata: Any) -> None:
        """Not sent."""

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        raise Refusal(code, details)


CONTEXT: Any = Context()
EMPTY = empty_pb2.Empty()


@pytest.fixture
def analyzer() -> Analyzer:
    return Analyzer("pack", "1.2.3", [closed, alone], date(2026, 11, 20))


def request(name: str, props: Mapping[str, Any]) -> analyzer_pb2.AnalyzeRequest:
    properties = struct_pb2.Struct()
    properties.update(wire(props))
    return analyzer_pb2.AnalyzeRequest(type=BUCKET, name=name, urn=urn(BUCKET, name), properties=properties)


def profile(**policies: tuple[analyzer_pb2.EnforcementLevel.ValueType, Mapping[str, Any]]) -> analyzer_pb2.ConfigureAnalyzerRequest:
    result = analyzer_pb2.ConfigureAnalyzerRequest()
    for name, (level, properties) in policies.items():
        result.policyConfig[name].enforcementLevel = level
        result.policyConfig[name].properties.update(properties)
    return result


def test_info_shows_each_control_as_a_policy(analyzer: Analyzer) -> None:
    info = analyzer.GetAnalyzerInfo(EMPTY, CONTEXT)
    assert (info.name, info.version, info.supportsConfig, info.provider) == ("pack", "1.2.3", True, "aws")
    assert [item.name for item in info.policies] == ["alone", "closed", "exemptions", "baseline", "unknowns"]
    policy = json_format.MessageToDict(info.policies[1])
    on_unknown = policy["configSchema"]["properties"].pop("onUnknown")
    assert {key: on_unknown[key] for key in ("type", "enum", "default")} == {"type": "string", "enum": ["warn", "fail"], "default": "warn"}
    assert policy == {
        "name": "closed",
        "displayName": "Buckets are closed",
        "description": "Anyone could read.",
        "message": "Close it.",
        "enforcementLevel": "MANDATORY",
        "policyType": "POLICY_TYPE_RESOURCE",
        "severity": "POLICY_SEVERITY_CRITICAL",
        "framework": {"name": "CIS", "version": "5.0", "reference": "https://example.com/x", "specification": "2.1.4, 2.1.5 (partial)"},
        "tags": ["CIS 5.0: 2.1.4", "CIS 5.0: 2.1.5 (partial)", "Checkov: CKV_AWS_53 (partial)"],
        "remediationSteps": "Close it.",
        "url": "https://example.com/x",
        "configSchema": {"properties": {"word": {"type": "string", "default": "open"}, "limit": {"type": "integer", "default": 5.0}}},
    }
    stack_policy = info.policies[0]
    assert stack_policy.policy_type == analyzer_pb2.POLICY_TYPE_STACK
    assert stack_policy.enforcementLevel == analyzer_pb2.ADVISORY
    assert (stack_policy.framework.name, stack_policy.framework.version) == ("FSBP", "")
    assert list(stack_policy.configSchema.properties) == ["onUnknown"]


def test_info_of_a_control_without_frameworks() -> None:
    assert not policy_info(control(id="bare", title="t", severity=Severity.HIGH, **META)(lambda resource: Pass())).HasField("framework")


def test_exemptions_are_a_policy_with_a_schema(analyzer: Analyzer) -> None:
    info = analyzer.GetAnalyzerInfo(EMPTY, CONTEXT).policies[2]
    schema = json_format.MessageToDict(info.configSchema)["properties"]["entries"]
    assert (info.enforcementLevel, info.policy_type) == (analyzer_pb2.MANDATORY, analyzer_pb2.POLICY_TYPE_STACK)
    assert schema["default"] == []
    assert schema["items"]["required"] == ["control", "urn", "reason", "owner", "ticket", "expires"]
    assert schema["items"]["additionalProperties"] is False
    assert set(schema["items"]["properties"]) == {*schema["items"]["required"], "detail"}


def test_unknowns_are_a_policy_that_does_not_block(analyzer: Analyzer) -> None:
    info = analyzer.GetAnalyzerInfo(EMPTY, CONTEXT).policies[4]
    assert (info.enforcementLevel, info.policy_type) == (analyzer_pb2.ADVISORY, analyzer_pb2.POLICY_TYPE_STACK)
    assert (info.severity, info.HasField("configSchema")) == (analyzer_pb2.POLICY_SEVERITY_LOW, False)


def test_a_finding_is_a_diagnostic(analyzer: Analyzer) -> None:
    response = analyzer.Analyze(request("b", {"acl": "open"}), CONTEXT)
    assert [json_format.MessageToDict(item) for item in response.diagnostics] == [
        {
            "policyName": "closed",
            "policyPackName": "pack",
            "policyPackVersion": "1.2.3",
            "description": "Buckets are closed",
            "message": "is open - acl. Remedy: Close it. https://example.com/x",
            "enforcementLevel": "MANDATORY",
            "urn": urn(BUCKET, "b"),
            "severity": "POLICY_SEVERITY_CRITICAL",
        }
    ]
    assert list(response.not_applicable) == []


def test_not_applicable_has_its_own_field(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [analyzer_pb2.PolicyNotApplicable(policy_name="closed", reason="kind of log target")]
    for kept in (1000, 1000, 0):
        monkeypatch.setattr(server, "_KEPT_RESPONSES", kept)
        assert list(analyzer.Analyze(request("b", {"kind": "log"}), CONTEXT).not_applicable) == expected
    other = request("b", {})
    other.type = "other"
    assert [item.reason for item in analyzer.Analyze(other, CONTEXT).not_applicable] == ["of another resource type"]


def test_the_stack_is_judged_with_what_was_unknown_before(analyzer: Analyzer) -> None:
    analyzer.Analyze(request("a", {"acl": UNKNOWN}), CONTEXT)
    response = analyzer.AnalyzeStack(request_of(resource(BUCKET, "a"), resource(BUCKET, "b")), CONTEXT)
    assert [
        (item.policyName, item.urn.rsplit("::", 1)[-1], item.enforcementLevel, item.message.split(" ")[0]) for item in response.diagnostics
    ] == [
        ("alone", "a", analyzer_pb2.ADVISORY, "is"),
        ("alone", "b", analyzer_pb2.ADVISORY, "is"),
        ("unknowns", "", analyzer_pb2.ADVISORY, "[UNKNOWN]"),
    ]


def test_a_check_that_is_undecided_does_not_count_as_passed(analyzer: Analyzer) -> None:
    response = analyzer.Analyze(request("a", {"acl": UNKNOWN}), CONTEXT)
    assert list(response.diagnostics) == []
    assert [(item.policy_name, item.reason) for item in response.not_applicable] == [("closed", "[UNKNOWN] acl")]


def test_an_unknown_that_fails_is_a_diagnostic_of_its_control(analyzer: Analyzer) -> None:
    analyzer.Configure(profile(closed=(analyzer_pb2.MANDATORY, {"onUnknown": "fail"})), CONTEXT)
    (told,) = analyzer.Analyze(request("a", {"acl": UNKNOWN}), CONTEXT).diagnostics
    assert (told.policyName, told.enforcementLevel, told.urn) == ("closed", analyzer_pb2.MANDATORY, urn(BUCKET, "a"))
    assert [item.policyName for item in analyzer.AnalyzeStack(request_of(resource(BUCKET, "a")), CONTEXT).diagnostics] == []


def test_configure(analyzer: Analyzer) -> None:
    analyzer.Configure(profile(closed=(analyzer_pb2.ADVISORY, {"word": "wide", "limit": 5})), CONTEXT)
    (told,) = analyzer.Analyze(request("b", {"acl": "wide"}), CONTEXT).diagnostics
    assert (told.enforcementLevel, told.message[:7]) == (analyzer_pb2.ADVISORY, "is wide")
    analyzer.Configure(profile(closed=(analyzer_pb2.REMEDIATE, {})), CONTEXT)
    (told,) = analyzer.Analyze(request("b", {"acl": "open"}), CONTEXT).diagnostics
    assert told.enforcementLevel == analyzer_pb2.MANDATORY
    analyzer.Configure(profile(closed=(analyzer_pb2.DISABLED, {})), CONTEXT)
    assert list(analyzer.Analyze(request("b", {"acl": "open"}), CONTEXT).diagnostics) == []


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        ({"close": (0, {})}, "the profile names an unknown control 'close'; did you mean 'closed'?"),
        ({"closed": (0, {"wrd": "x"})}, "closed: unknown property 'wrd'; did you mean 'word'?"),
        ({"closed": (0, {"onUnknown": "block"})}, "closed: onUnknown must be warn or fail, not 'block'"),
        ({"closed": (0, {"onUnkown": "fail"})}, "closed: unknown property 'onUnkown'; did you mean 'onUnknown'?"),
        ({"closed": (99, {})}, "Enum EnforcementLevel has no name defined for value 99"),
    ],
)
def test_configure_refuses_a_mistake_with_one_message(analyzer: Analyzer, policies: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal) as raised:
        analyzer.Configure(profile(**policies), CONTEXT)
    assert raised.value.args == (grpc.StatusCode.INVALID_ARGUMENT, message)


def test_configure_takes_exemptions_off_the_wire(analyzer: Analyzer) -> None:
    entry = {"control": "closed", "urn": "*", "reason": "r", "owner": "o", "ticket": "t", "expires": "2026-12-31"}
    analyzer.Configure(profile(exemptions=(analyzer_pb2.MANDATORY, {"entries": [entry]})), CONTEXT)
    (told,) = analyzer.Analyze(request("b", {"acl": "open"}), CONTEXT).diagnostics
    assert (told.enforcementLevel, told.message[:8]) == (analyzer_pb2.ADVISORY, "[EXEMPT]")


def test_a_pack_that_serves_another_stack_has_forgotten_the_one_before(analyzer: Analyzer) -> None:
    secrets = analyzer_pb2.AnalyzerStackConfigureRequest(stack="prod", project="p", config={"p:a": "hunter2"}, config_secret_keys=["p:a"])
    analyzer.ConfigureStack(secrets, CONTEXT)
    analyzer.Configure(profile(), CONTEXT)
    before = analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(), CONTEXT)
    analyzer.Analyze(request("b", {"acl": UNKNOWN}), CONTEXT)
    assert analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(), CONTEXT) != before
    analyzer.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(stack="dev", project="p"), CONTEXT)
    analyzer.Configure(profile(closed=(analyzer_pb2.ADVISORY, {"word": "hunter2"})), CONTEXT)
    assert analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(), CONTEXT) == before
    (told,) = analyzer.Analyze(request("b", {"acl": "hunter2"}), CONTEXT).diagnostics
    assert told.message.startswith("is hunter2 - acl.")


def test_secret_settings_do_not_show(analyzer: Analyzer) -> None:
    analyzer.Configure(profile(closed=(analyzer_pb2.ADVISORY, {"word": "hunter2"})), CONTEXT)
    message = analyzer_pb2.AnalyzerStackConfigureRequest(config={"p:a": "hunter2", "p:b": "acl"}, config_secret_keys=["p:a", "p:gone"])
    assert analyzer.ConfigureStack(message, CONTEXT) == analyzer_pb2.AnalyzerStackConfigureResponse()
    # As plain text: a value that the engine marks as secret is kept out without the settings.
    for acl in ("hunter2", secret("hunter2")):
        (told,) = analyzer.Analyze(request("b", {"acl": acl}), CONTEXT).diagnostics
        assert told.message.startswith("is [secret] - acl.")


def test_the_rest_of_the_protocol(analyzer: Analyzer) -> None:
    assert analyzer.Handshake(analyzer_pb2.AnalyzerHandshakeRequest(), CONTEXT) == analyzer_pb2.AnalyzerHandshakeResponse()
    assert analyzer.GetPluginInfo(EMPTY, CONTEXT).version == "1.2.3"
    assert analyzer.Remediate(request("b", {"acl": "open"}), CONTEXT) == analyzer_pb2.RemediateResponse()
    assert not analyzer.cancelled.is_set()
    assert analyzer.Cancel(EMPTY, CONTEXT) == EMPTY
    assert analyzer.cancelled.is_set()


def test_every_call_of_the_protocol_is_served() -> None:
    service = analyzer_pb2.DESCRIPTOR.services_by_name["Analyzer"]
    assert [method.name for method in service.methods if method.name not in vars(Analyzer)] == []


class Interrupted:
    """Stands in for the event that `serve` waits for."""

    def wait(self) -> NoReturn:
        raise KeyboardInterrupt


@pytest.mark.parametrize("interrupted", [False, True])
def test_serve_ends_when_cancelled_or_interrupted(
    interrupted: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Ended(Analyzer):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.cancelled.set()
            if interrupted:
                monkeypatch.setattr(self, "cancelled", Interrupted())

    monkeypatch.setattr(server, "Analyzer", Ended)
    server.serve("pack", "1", [closed])
    assert capsys.readouterr().out.strip().isdigit()


@pytest.fixture
def started() -> Iterator[tuple[subprocess.Popen[str], analyzer_pb2_grpc.AnalyzerStub]]:
    environment = {**os.environ, "PULUMI_PROJECT": "p", "PULUMI_STACK": "s", "PULUMI_DRY_RUN": "true", "PULUMI_CONFIG": "{}"}
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)]
    process = subprocess.Popen(command, cwd=PACK, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield process, analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_the_security_pack_as_the_engine_starts_it(started: tuple[subprocess.Popen[str], analyzer_pb2_grpc.AnalyzerStub]) -> None:
    process, stub = started
    info = stub.GetAnalyzerInfo(EMPTY)
    assert (info.name, info.version) == ("cloudpatterns-security", VERSION)
    assert [item.name for item in info.policies] == [*(item.id for item in discover()), "exemptions", "baseline", "unknowns"]
    stub.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(stack="s", project="p", dry_run=True))
    stub.Configure(profile(exemptions=(analyzer_pb2.MANDATORY, {"entries": []})))
    with pytest.raises(grpc.RpcError) as refused:
        stub.Configure(profile(exemtions=(analyzer_pb2.MANDATORY, {})))
    error: Any = refused.value  # gRPC's stubs do not say that it is a call, too
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "the profile names an unknown control 'exemtions'; did you mean 'exemptions'?"
    other = request("b", {"acl": "open"})
    other.type = "test:index:Thing"
    assert list(stub.Analyze(other).diagnostics) == []
    assert list(stub.AnalyzeStack(request_of(resource("test:index:Thing"))).diagnostics) == []
    stub.Cancel(EMPTY)
    assert process.wait(timeout=10) == 0
    assert process.stdout is not None
    assert process.stdout.read() == ""


def test_the_pack_folder_tells_the_version() -> None:
    assert f"\nversion: {VERSION}\n" in (PACK / "PulumiPolicy.yaml").read_text(encoding="utf-8")
    assert f'\nversion = "{VERSION}"\n' in (PACK.parent / "pyproject.toml").read_text(encoding="utf-8")
