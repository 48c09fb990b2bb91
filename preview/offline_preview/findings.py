"""The results of the packs: controls, findings and the report of one stack."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from offline_preview.graph import Graph, Resource
from offline_preview.values import Secret

if TYPE_CHECKING:
    from offline_preview.changes import Changes

Verdict = Literal["fail", "unknown", "exempt", "known", "error"]
"""``known``: a baseline has it; ``error``: the control itself failed, so nothing was checked."""
Level = Literal["advisory", "mandatory", "remediate", "disabled"]

SEVERITIES: Final = ("critical", "high", "medium", "low", "unspecified")
STACK_TYPE: Final = "pulumi:pulumi:Stack"
_PREFIXES: Final[dict[str, Verdict]] = {"[UNKNOWN]": "unknown", "[EXEMPT]": "exempt", "[KNOWN]": "known", "[ERROR]": "error"}
_UNDECIDED: Final = "[UNKNOWN] "
# The message of Pulumi's policy SDK when a policy reads an unknown value.
_SDK_UNKNOWN: Final = ("can't run policy '", "can't run remediation '")
_REMEDY_LABEL: Final = re.compile(r"[\s-]*(Remedy|If it fails then):?\s*\Z")
# Shorter texts occur in a report by chance.
_SHORTEST_SECRET: Final = 4


@dataclass(frozen=True, slots=True)
class Control:
    """A policy of a pack, with the enforcement level that its profile gives it."""

    name: str
    pack: str
    title: str = ""
    description: str = ""
    level: Level = "advisory"
    severity: str = "unspecified"
    remediation: str = ""
    url: str = ""
    framework: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a control on one resource, or, with the stack's URN, on the stack."""

    control: str
    pack: str
    verdict: Verdict
    level: Level
    severity: str
    urn: str
    message: str
    remediation: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it blocks a deployment."""
        return self.level == "mandatory"

    def to_json(self) -> dict[str, str]:
        """The finding as ``--json`` shows it."""
        return {
            "control": self.control,
            "pack": self.pack,
            "verdict": self.verdict,
            "level": self.level,
            "severity": self.severity,
            "urn": self.urn,
            "message": self.message,
            "remediation": self.remediation,
        }


@dataclass(frozen=True, slots=True)
class Undecided:
    """A check without a verdict, because the value at ``path`` is known only after deployment.

    ``urn`` is the stack's when it is about no resource. A pack names such checks beside its findings, in which it sums them up.
    """

    control: str
    pack: str
    severity: str
    urn: str
    path: str

    def to_json(self) -> dict[str, str]:
        """The check as ``--json`` shows it."""
        return {"control": self.control, "severity": self.severity, "urn": self.urn, "path": self.path}

    def finding(self) -> Finding:
        """The check as a finding, for reports that support only findings."""
        message = f"cannot be checked before deployment, because {self.path} is unknown until then."
        return Finding(self.control, self.pack, "unknown", "advisory", self.severity, self.urn, message)


@dataclass(frozen=True, slots=True, order=True)
class Known:
    """A finding that a baseline has. ``detail`` is what it says, without the remedy."""

    pack: str
    control: str
    urn: str
    detail: str

    def to_json(self) -> dict[str, str]:
        """The entry as a baseline and ``--json`` show it, where its pack is named otherwise."""
        return {"control": self.control, "urn": self.urn, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class PackReport:
    """One pack's share in a stack's report. ``seconds`` is the time its checks took, without its start.

    ``profile`` is the file of its levels and settings; None for the pack's own defaults.
    """

    name: str
    version: str
    folder: Path
    controls: tuple[Control, ...] = ()
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    undecided: tuple[Undecided, ...] = ()
    profile: Path | None = None

    @property
    def all_findings(self) -> list[Finding]:
        """The findings, and each undecided check that is not among them."""
        reported = {(finding.control, finding.urn) for finding in self.findings if finding.verdict == "unknown"}
        return [*self.findings, *(check.finding() for check in self.undecided if (check.control, check.urn) not in reported)]

    @property
    def profile_name(self) -> str:
        """Its profile in words."""
        return "no profile" if self.profile is None else f"profile {self.profile.stem}"

    def control(self, name: str) -> Control:
        """A control by its name; an unknown one has its name only."""
        return next((control for control in self.controls if control.name == name), Control(name, self.name))


@dataclass(frozen=True, slots=True)
class StackReport:
    """The results of one stack after its preview. ``seconds`` is wall time from the start of the command."""

    graph: Graph
    packs: tuple[PackReport, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())
    baseline: str = ""
    """Name of the baseline's file, if there is one."""
    gone: tuple[Known, ...] = ()
    """Findings of the baseline that are no longer there."""
    mode: Literal["deployed", "preview", "state"] = "deployed"
    """How it was run: with invented or unknown outputs, or on an export."""
    changes: "Changes | None" = None
    """What is different from an earlier run, if it was compared with one."""

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self.graph.stack

    @property
    def findings(self) -> list[Finding]:
        """All findings, the worst first, else in the order of packs, resources and controls."""
        return self._ordered(finding for pack in self.packs for finding in pack.findings)

    @property
    def all_findings(self) -> list[Finding]:
        """The findings, and each undecided check, ordered as the findings are."""
        return self._ordered(finding for pack in self.packs for finding in pack.all_findings)

    @property
    def compliant(self) -> bool:
        """Whether no finding blocks a deployment."""
        return not any(finding.blocks for finding in self.findings)

    @staticmethod
    def _ordered(findings: Iterable[Finding]) -> list[Finding]:
        return sorted(findings, key=lambda finding: (not finding.blocks, rank(finding.severity)))

    @property
    def profiles(self) -> str:
        """What the packs were judged by, in words: `profile prod`, or each pack's where they differ."""
        if not self.packs:
            return ""
        names = [pack.profile_name for pack in self.packs]
        if len(set(names)) == 1:
            return names[0]
        return ", ".join(f"{pack.name}: {name}" for pack, name in zip(self.packs, names, strict=True))

    def summary(self) -> dict[str, Any]:
        """The figures of the report."""
        findings = self.findings
        return {
            "compliant": self.compliant,
            "resources": sum(1 for resource in self.graph.resources if is_cloud(resource)),
            "components": sum(1 for resource in self.graph.resources if is_component(resource)),
            "mandatory": sum(1 for finding in findings if finding.blocks),
            "advisory": sum(1 for finding in findings if finding.verdict in ("fail", "error") and not finding.blocks),
            # A pack that names its undecided checks sums them up in a finding as well.
            "unknown": sum(
                len(pack.undecided) or sum(1 for finding in pack.findings if finding.verdict == "unknown") for pack in self.packs
            ),
            "exempt": sum(1 for finding in findings if finding.verdict == "exempt"),
            "known": sum(1 for finding in findings if finding.verdict == "known"),
            "gone": len(self.gone),
            "controls": sum(1 for pack in self.packs for control in pack.controls if control.level != "disabled"),
            "packs": [pack.name for pack in self.packs],
            "profiles": [None if pack.profile is None else pack.profile.name for pack in self.packs],
            "seconds": round(self.seconds, 3),
        }


def is_component(resource: Resource) -> bool:
    """Whether it is a component; the stack itself is not."""
    return not resource.custom and resource.type != STACK_TYPE


def is_cloud(resource: Resource) -> bool:
    """Whether it is a resource of a cloud: neither a component nor one of Pulumi's own, such as a provider."""
    return resource.custom and not resource.type.startswith("pulumi:")


def rank(severity: str) -> int:
    """The place of a severity, 0 for the worst."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def short_name(urn: str) -> str:
    """The logical name in a URN."""
    return urn.rsplit("::", 1)[-1]


def type_of(urn: str) -> str:
    """The type in a URN, without those of its parents; empty when it has none."""
    return urn.split("::")[2].rsplit("$", 1)[-1] if urn.count("::") >= 3 else ""


def short_type(type_token: str) -> str:
    """A type as Python programs write it: ``aws:ec2/vpc:Vpc`` is ``ec2.Vpc``, ``cloudpatterns:index:Network`` is ``Network``."""
    _, module, name = (["", "", *type_token.split(":")])[-3:]
    module = module.split("/", 1)[0]
    return name if module in ("", "index") else f"{module}.{name}"


def undecided_path(reason: str) -> tuple[str, str] | None:
    """Path and URN (empty: not said) of an undecided check, from the reason for which a control did not apply; None for any other."""
    if not reason.startswith(_UNDECIDED):
        return None
    text = reason.removeprefix(_UNDECIDED)
    path, separator, urn = text.rpartition(" at urn:pulumi:")
    return (path, f"urn:pulumi:{urn}") if separator else (text, "")


def classify(message: str, description: str = "") -> tuple[Verdict, str]:
    """The verdict that a message's prefix names, and the message without it; Pulumi's SDK puts the policy's description before it."""
    bare = message.removeprefix(f"{description}\n")
    for prefix, verdict in _PREFIXES.items():
        if bare.startswith(prefix):
            return verdict, bare.removeprefix(prefix).lstrip(" :")
    return ("unknown" if message.startswith(_SDK_UNKNOWN) else "fail"), message


def shown_message(finding: Finding, control: Control) -> str:
    """The message without the description that Pulumi's SDK puts before it and without the remedy: views show both once."""
    text = finding.message.removeprefix(f"{control.description}\n")
    if control.remediation and control.remediation in text:
        text = _REMEDY_LABEL.sub("", text.split(control.remediation, 1)[0])
    return text.rstrip()


class Redactor:
    """Removes the values of a graph's secrets from texts, since a policy may quote its input."""

    def __init__(self, graph: Graph) -> None:
        found: set[str] = set()
        for resource in graph.resources:
            _collect(resource.inputs, False, found)
            _collect(resource.outputs, False, found)
        _collect(graph.outputs, False, found)
        # The longest first, so that no secret survives as the rest of another.
        self._secrets = sorted(found, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text with ``[secret]`` in the place of every secret."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text


def _collect(value: Any, secret: bool, found: set[str]) -> None:
    if isinstance(value, Secret):
        _collect(value.value, True, found)
    elif isinstance(value, str):
        if secret and len(value) >= _SHORTEST_SECRET:
            found.add(value)
    elif isinstance(value, dict | list):
        items: Iterable[Any] = value.values() if isinstance(value, dict) else value
        for item in items:
            _collect(item, secret, found)
