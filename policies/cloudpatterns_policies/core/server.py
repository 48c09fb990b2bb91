"""Serves a pack over CrossGuard's analyzer protocol.

The SDK's own server decodes every property for every policy and gives a policy one level for all its findings; this one decodes once, and
each finding has its own level.
"""

import contextlib
import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

from cloudpatterns_policies.core import baseline, exemptions
from cloudpatterns_policies.core.baseline import BASELINE, BASELINE_REMEDY, BASELINE_TITLE
from cloudpatterns_policies.core.configuration import Level, ProfileError, default_level
from cloudpatterns_policies.core.control import Control
from cloudpatterns_policies.core.exemptions import EXEMPTIONS
from cloudpatterns_policies.core.language import is_python_program
from cloudpatterns_policies.core.pack import EXEMPTIONS_TITLE, Pack, Report
from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.stack import Stack
from cloudpatterns_policies.core.unknowns import UNKNOWNS, UNKNOWNS_TITLE
from cloudpatterns_policies.core.verdicts import Severity

_MAX_MESSAGE_BYTES: Final = 400 * 1024 * 1024  # what the engine and the SDK allow; a whole stack comes in one message
_STOP_GRACE_SECONDS: Final = 1.0
_KEPT_RESPONSES: Final = 1000
_SERVES_MANY: Final = "pulumi-policy-serves-many"
"""Tells the offline preview that the pack can be configured for another stack, and then knows nothing of the one before."""


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    """The protocol server of a `Pack`."""

    def __init__(
        self,
        name: str,
        version: str,
        controls: Iterable[Control],
        on: date | None = None,
        *,
        keep_inputs: bool = False,
        python: bool = True,
    ) -> None:
        self.name = name
        self.version = version
        self.pack = Pack(controls, on, keep_inputs=keep_inputs, python=python)
        self.cancelled = threading.Event()
        """Set when the engine no longer needs the pack."""
        self._skipped: dict[tuple[tuple[str, str], ...], analyzer_pb2.AnalyzeResponse] = {}

    def Handshake(
        self, request: analyzer_pb2.AnalyzerHandshakeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerHandshakeResponse:
        """Answers the engine's first call."""
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The pack's version."""
        return plugin_pb2.PluginInfo(version=self.version)

    def GetAnalyzerInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> analyzer_pb2.AnalyzerInfo:
        """The controls as policies, each with the level its severity gives, and the pseudo-policies."""
        pseudo = (_exemptions_info(), _baseline_info(), _unknowns_info(self.pack.unknowns_remedy))
        policies = [*map(policy_info, self.pack.controls), *pseudo]
        return analyzer_pb2.AnalyzerInfo(name=self.name, version=self.version, supportsConfig=True, provider="aws", policies=policies)

    def ConfigureStack(
        self, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerStackConfigureResponse:
        """Stores the stack's secret settings, to keep them out of messages, and its name, to recognise its resources.

        Forgets the stack before.
        """
        self.pack.begin()
        context.send_initial_metadata(((_SERVES_MANY, "true"),))
        self.pack.stack = f"urn:pulumi:{request.stack}::{request.project}::" if request.stack and request.project else ""
        self.pack.add_secrets(request.config[key] for key in request.config_secret_keys if key in request.config)
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Configure(self, request: analyzer_pb2.ConfigureAnalyzerRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Applies the profile, which the engine has completed with defaults. An invalid profile ends the run with one message."""
        try:
            levels = {name: Level.of(item.enforcementLevel) for name, item in request.policyConfig.items()}
            properties = {name: _plain(json_format.MessageToDict(item.properties)) for name, item in request.policyConfig.items()}
            self.pack.configure(levels, properties)
        except (ProfileError, ValueError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return empty_pb2.Empty()

    def Analyze(self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext) -> analyzer_pb2.AnalyzeResponse:
        """Checks one resource's inputs, before it is created."""
        return self._response(self.pack.analyze(Resource(request)))

    def AnalyzeStack(self, request: analyzer_pb2.AnalyzeStackRequest, context: grpc.ServicerContext) -> analyzer_pb2.AnalyzeResponse:
        """Checks the whole stack."""
        return self._response(self.pack.analyze_stack(Stack.sent(map(Resource, request.resources))))

    def Remediate(self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext) -> analyzer_pb2.RemediateResponse:
        """Changes nothing: controls report, they do not remediate."""
        return analyzer_pb2.RemediateResponse()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Ends `serve`."""
        self.cancelled.set()
        return empty_pb2.Empty()

    def _response(self, report: Report) -> analyzer_pb2.AnalyzeResponse:
        response = analyzer_pb2.AnalyzeResponse()
        skipped = self._skipped.get(report.not_applicable)
        if skipped is None:
            items = [analyzer_pb2.PolicyNotApplicable(policy_name=name, reason=reason) for name, reason in report.not_applicable]
            skipped = analyzer_pb2.AnalyzeResponse(not_applicable=items)
            # The same dozens of lines are returned for every resource of a type, so they are cached; lines that name a resource are not.
            if len(self._skipped) < _KEPT_RESPONSES:
                self._skipped[report.not_applicable] = skipped
        response.CopyFrom(skipped)
        for finding in report.findings:
            response.diagnostics.add(
                policyName=finding.policy,
                policyPackName=self.name,
                policyPackVersion=self.version,
                description=finding.title,
                message=finding.message,
                enforcementLevel=finding.level.wire,
                urn=finding.urn,
                severity=_severity(finding.severity),
            )
        return response


def policy_info(control: Control) -> analyzer_pb2.PolicyInfo:
    """A control as the protocol describes a policy. All framework ids are tags, since a policy can name only one framework."""
    info = analyzer_pb2.PolicyInfo(
        name=control.id,
        displayName=control.title,
        description=control.why,
        message=control.remediation,
        enforcementLevel=default_level(control).wire,
        policy_type=analyzer_pb2.POLICY_TYPE_RESOURCE if control.kind == "resource" else analyzer_pb2.POLICY_TYPE_STACK,
        severity=_severity(control.severity),
        tags=[f"{name}: {item}" for name in sorted(control.frameworks) for item in control.claims(name)],
        remediation_steps=control.remediation,
        url=control.url,
    )
    if control.frameworks:
        name = next(iter(control.frameworks))
        title, _, version = name.rpartition(" ")
        named = (title, version) if title and version[:1].isdigit() else (name, "")
        framework = analyzer_pb2.PolicyComplianceFramework(
            name=named[0], version=named[1], reference=control.url, specification=", ".join(control.claims(name))
        )
        info.framework.CopyFrom(framework)
    info.configSchema.properties.update(control.schema)
    return info


def _exemptions_info() -> analyzer_pb2.PolicyInfo:
    info = analyzer_pb2.PolicyInfo(
        name=EXEMPTIONS,
        displayName=EXEMPTIONS_TITLE,
        description="Holds the profile's exemptions. One that covers nothing is an error: it would hide the weakness when it comes back.",
        message="Remove the exemption from the profile.",
        enforcementLevel=Level.MANDATORY.wire,
        policy_type=analyzer_pb2.POLICY_TYPE_STACK,
        severity=_severity(Severity.HIGH),
        remediation_steps="Remove it from the profile.",
    )
    info.configSchema.properties.update(exemptions.SCHEMA)
    return info


def _baseline_info() -> analyzer_pb2.PolicyInfo:
    info = analyzer_pb2.PolicyInfo(
        name=BASELINE,
        displayName=BASELINE_TITLE,
        description="Holds the known findings of a stack that exists, which do not block, and names those that are gone. It never blocks.",
        message=BASELINE_REMEDY,
        enforcementLevel=Level.ADVISORY.wire,
        policy_type=analyzer_pb2.POLICY_TYPE_STACK,
        severity=_severity(Severity.LOW),
        remediation_steps=BASELINE_REMEDY,
    )
    info.configSchema.properties.update(baseline.SCHEMA)
    return info


def _unknowns_info(remedy: str) -> analyzer_pb2.PolicyInfo:
    return analyzer_pb2.PolicyInfo(
        name=UNKNOWNS,
        displayName=UNKNOWNS_TITLE,
        description="Sums up the checks without a verdict before deployment. It never blocks.",
        message=remedy,
        enforcementLevel=Level.ADVISORY.wire,
        policy_type=analyzer_pb2.POLICY_TYPE_STACK,
        severity=_severity(Severity.LOW),
        remediation_steps=remedy,
    )


def _severity(severity: Severity) -> analyzer_pb2.PolicySeverity.ValueType:
    return analyzer_pb2.PolicySeverity.Value(f"POLICY_SEVERITY_{severity.name}")


def _plain(value: Any) -> Any:
    """The wire has floating-point numbers only; whole ones become integers again."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value % 1 == 0 else value


def serve(name: str, version: str, controls: Iterable[Control], *, keep_inputs: bool = False) -> None:
    """Serves the pack until the engine cancels or kills it: what a pack's `__main__.py` calls.

    With `keep_inputs`, a stack control finds each resource's own inputs in `Resource.inputs`; it takes memory.

    The first line on standard output is the port, as the engine expects. Nothing else may be printed there before it.
    """
    analyzer = Analyzer(name, version, controls, keep_inputs=keep_inputs, python=is_python_program(os.environ))
    server = grpc.server(
        ThreadPoolExecutor(max_workers=4),
        options=[("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES), ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES)],
    )
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(analyzer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    # An interrupt in the terminal reaches both the pack and the engine, which stops the pack.
    with contextlib.suppress(KeyboardInterrupt):
        analyzer.cancelled.wait()
    server.stop(_STOP_GRACE_SECONDS).wait()
