"""The conversation with one running pack: introduction, configuration, checks.

The engine's side of it: ``sdk/go/common/resource/plugin/analyzer_plugin.go`` and ``pkg/engine/update.go``.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

import grpc
from google.protobuf import empty_pb2, json_format

from offline_preview import protos
from offline_preview.errors import PreviewError
from offline_preview.findings import Control, Finding, Level, PackReport, Redactor, Undecided, classify, undecided_path
from offline_preview.graph import Graph
from offline_preview.pack_config import PolicyConfig, PolicySchema, read_profile, reconcile
from offline_preview.pack_process import PackProcess, PackStack
from offline_preview.packs import Pack
from offline_preview.values import decode_struct, encode_struct
from offline_preview.wire import Requests

ANSWER_SECONDS: float = 120.0
"""Time in which a pack must answer each request; after that it is stopped."""
SERVES_MANY: Final = "pulumi-policy-serves-many"
"""Metadata with which a pack answers ConfigureStack, when it then forgets all of the stack before. The SDK's packs do not: the protocol
asks for one process per stack, so they may keep what they have seen."""
_IN_FLIGHT: Final = 16
_LARGEST_MESSAGE: Final = 400 * 1024 * 1024
_CHANNEL_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    ("grpc.enable_http_proxy", 0),
)


class PackSession:
    """One pack for one stack: ``prepare`` once, then ``check`` a graph; ``close`` in any case."""

    def __init__(self, process: PackProcess, stack: PackStack, profile: Path | None) -> None:
        self._process = process
        self._stack = stack
        self._profile = profile
        self._pb = protos.load("analyzer_pb2")
        self._channel: grpc.Channel | None = None
        self._info: Any = None
        self._controls: dict[str, Control] = {}
        self.serves_many = False
        """Whether the pack can be configured again, for another stack or run; known after ``prepare``."""

    def prepare(self) -> None:
        """Waits for the pack and configures it. Raises ``PreviewError`` when it does not start, its profile is wrong or it refuses it."""
        profile = read_profile(self._profile) if self._profile else {}
        if self._channel is None:
            self._channel = grpc.insecure_channel(f"127.0.0.1:{self._process.port()}", options=_CHANNEL_OPTIONS)
        # No handshake: the CLI's language host answers it, and Python packs never see it.
        config = self._stack.config
        request = self._pb.AnalyzerStackConfigureRequest(
            stack=self._stack.stack,
            project=self._stack.project,
            organization=self._stack.organization,
            dry_run=True,
            config=config.values,
            config_secret_keys=config.secret_keys,
        )
        self.serves_many = self._configure_stack(request)
        self._info = self._ask("GetAnalyzerInfo", empty_pb2.Empty())
        self._controls = {policy.name: self._control(policy) for policy in self._info.policies}
        self._configure(profile)

    def check(self, graph: Graph) -> PackReport:
        """Runs every policy on every resource and on the stack. Raises ``PreviewError`` when the pack fails or does not answer."""
        started = time.monotonic()
        redact = Redactor(graph)
        findings: list[Finding] = []
        undecided: list[Undecided] = []
        changed: dict[str, Mapping[str, Any]] = {}
        requests = Requests(graph)
        if any(control.level == "remediate" for control in self._controls.values()):
            changed = self._remediate(requests, graph, findings, redact)
            requests = Requests(graph, changed)
        resources = requests.resources()
        messages = (requests.analyze(resource) for resource in resources)
        for resource, response in zip(resources, self._ask_all("Analyze", messages, redact), strict=True):
            findings.extend(self._finding(diagnostic, resource.urn, redact) for diagnostic in response.diagnostics)
            undecided.extend(self._undecided(response, resource.urn, redact))
        response = self._ask("AnalyzeStack", requests.analyze_stack(), optional=True, redact=redact)
        urns = {resource.urn for resource in requests.resources()}
        root = f"urn:pulumi:{graph.stack}::{graph.project}::pulumi:pulumi:Stack::{graph.project}-{graph.stack}"
        for diagnostic in response.diagnostics if response else ():
            findings.append(self._finding(diagnostic, diagnostic.urn if diagnostic.urn in urns else root, redact))
        if response:
            undecided.extend(self._undecided(response, root, redact))
        return PackReport(
            name=self._info.name,
            version=self._process.pack.version or self._info.version,
            folder=self._process.pack.folder,
            controls=tuple(self._controls.values()),
            findings=tuple(findings),
            seconds=time.monotonic() - started,
            undecided=tuple(undecided),
            profile=self._profile,
        )

    @property
    def pack(self) -> Pack:
        """The pack that runs."""
        return self._process.pack

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process.alive

    def turn_to(self, stack: PackStack, profile: Path | None) -> None:
        """Makes it that of another stack, or of the same again; ``prepare`` comes next. Only for a pack that ``serves_many``."""
        self._stack, self._profile = stack, profile
        self._process.stack = stack.stack

    def close(self) -> None:
        """Ends the conversation and the pack."""
        if self._channel is not None:
            self._channel.close()
        self._process.stop()

    def kill(self) -> None:
        """Ends the pack at once, whatever it does; ``close`` is still needed. May be called in any thread."""
        self._process.kill()

    def _configure_stack(self, request: Any) -> bool:
        """Whether the pack can be configured for another stack later, which it says in the metadata of its response."""
        assert self._channel is not None
        call = protos.load("analyzer_pb2_grpc").AnalyzerStub(self._channel).ConfigureStack.future(request, timeout=ANSWER_SECONDS)
        if self._answer("ConfigureStack", request, call, str, True) is None:
            return False
        return any(key == SERVES_MANY for key, _ in call.initial_metadata())

    def _configure(self, profile: Mapping[str, PolicyConfig]) -> None:
        if not self._info.supportsConfig:
            if self._profile:
                raise PreviewError(f"{self._profile}: policy pack {self._info.name} accepts no configuration; remove the file.")
            return
        schemas = [
            PolicySchema(
                policy.name,
                self._level(policy.enforcementLevel),
                json_format.MessageToDict(policy.configSchema.properties),
                list(policy.configSchema.required),
            )
            for policy in self._info.policies
        ]
        initial = {
            name: PolicyConfig(self._level(config.enforcementLevel), json_format.MessageToDict(config.properties))
            for name, config in self._info.initialConfig.items()
        }
        config = reconcile(schemas, initial, profile, str(self._profile or self._process.pack.folder))
        message = {
            name: self._pb.PolicyConfig(
                enforcementLevel=self._pb.EnforcementLevel.Value(policy.level.upper()) if policy.level else 0,
                properties=encode_struct(policy.properties),
            )
            for name, policy in config.items()
        }
        self._ask("Configure", self._pb.ConfigureAnalyzerRequest(policyConfig=message))
        for name, control in self._controls.items():
            self._controls[name] = replace(control, level=cast(Level, config[name].level))

    def _remediate(self, requests: Requests, graph: Graph, findings: list[Finding], redact: Redactor) -> dict[str, Mapping[str, Any]]:
        """Inputs by URN after the pack's remediations; a failed remediation becomes an advisory finding, as with the CLI."""
        changed: dict[str, Mapping[str, Any]] = {}
        resources = requests.resources()
        messages = (requests.analyze(resource) for resource in resources)
        for resource, response in zip(resources, self._ask_all("Remediate", messages, redact), strict=True):
            for remediation in response.remediations if response else ():
                if remediation.diagnostic:
                    control = self._controls.get(remediation.policyName, Control(remediation.policyName, self._info.name))
                    verdict, message = classify(redact(remediation.diagnostic))
                    findings.append(
                        Finding(
                            control.name, self._info.name, verdict, "advisory", control.severity, resource.urn, message, control.remediation
                        )
                    )
                else:
                    changed[resource.urn] = decode_struct(remediation.properties)
        return changed

    def _finding(self, diagnostic: Any, urn: str, redact: Redactor) -> Finding:
        control = self._controls.get(diagnostic.policyName, Control(diagnostic.policyName, self._info.name))
        verdict, message = classify(redact(diagnostic.message), control.description)
        level = self._level(diagnostic.enforcementLevel)
        return Finding(
            control=diagnostic.policyName,
            pack=self._info.name,
            verdict=verdict,
            # A violation that remains after a remediation blocks, and a stack policy cannot be remediated.
            level="mandatory" if level == "remediate" else level,
            severity=self._severity(diagnostic.severity) if diagnostic.severity else control.severity,
            urn=urn,
            message=message,
            remediation=control.remediation,
        )

    def _undecided(self, response: Any, urn: str, redact: Redactor) -> Iterator[Undecided]:
        for item in response.not_applicable:
            if (found := undecided_path(item.reason)) is not None:
                control = self._controls.get(item.policy_name, Control(item.policy_name, self._info.name))
                yield Undecided(control.name, self._info.name, control.severity, found[1] or urn, redact(found[0]))

    def _control(self, policy: Any) -> Control:
        framework = policy.framework
        return Control(
            name=policy.name,
            pack=self._info.name,
            title=policy.displayName or policy.description,
            description=policy.description,
            level=self._level(policy.enforcementLevel),
            severity=self._severity(policy.severity),
            remediation=policy.remediation_steps,
            url=policy.url,
            framework=" ".join(part for part in (framework.name, framework.version, framework.reference) if part),
            tags=tuple(policy.tags),
        )

    def _level(self, number: int) -> Level:
        return cast(Level, self._pb.EnforcementLevel.Name(number).lower())

    def _severity(self, number: int) -> str:
        return self._pb.PolicySeverity.Name(number).removeprefix("POLICY_SEVERITY_").lower()

    def _ask(self, method: str, request: Any, *, optional: bool = False, redact: Callable[[str], str] = str) -> Any:
        """The response to one request; ``None`` when the pack lacks an optional method."""
        return next(self._ask_all(method, iter((request,)), redact, optional=optional))

    def _ask_all(
        self, method: str, requests: Iterator[Any], redact: Callable[[str], str], *, optional: bool | None = None
    ) -> Iterator[Any]:
        """The responses in the order of the requests, a few of which run at a time."""
        assert self._channel is not None
        call = getattr(protos.load("analyzer_pb2_grpc").AnalyzerStub(self._channel), method)
        optional = method == "Remediate" if optional is None else optional
        waiting: deque[tuple[Any, Any]] = deque()
        for request in requests:
            waiting.append((request, call.future(request, timeout=ANSWER_SECONDS)))
            if len(waiting) >= _IN_FLIGHT:
                yield self._answer(method, *waiting.popleft(), redact, optional)
        while waiting:
            yield self._answer(method, *waiting.popleft(), redact, optional)

    def _answer(self, method: str, request: Any, future: Any, redact: Callable[[str], str], optional: bool) -> Any:
        try:
            return future.result()
        except grpc.RpcError as error:
            call = cast(grpc.Call, error)
            code, details = call.code(), redact(call.details() or "")
            if code is grpc.StatusCode.UNIMPLEMENTED and optional:
                return None
            if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise self._process.error(f"has not answered {method} within {ANSWER_SECONDS:g} s, so it was stopped") from error
            if code is grpc.StatusCode.UNAVAILABLE:
                raise self._process.error(f"stopped answering at {method}") from error
            if method == "Configure":
                where = self._profile or "its own defaults"
                raise PreviewError(f"policy pack {self._info.name} refuses {where}: {_reason(details)}") from error
            subject = f" on {request.urn}" if getattr(request, "urn", "") else ""
            raise self._process.error(f"failed in {method}{subject}: {_reason(details)}") from error


def _reason(details: str) -> str:
    """The message of a pack's exception, without the prefix of gRPC."""
    return details.removeprefix("Exception calling application: ").strip()
