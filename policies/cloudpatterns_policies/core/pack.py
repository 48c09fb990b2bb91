"""A pack at work: runs its controls on resources and stacks, and turns verdicts into findings.

A finding's message begins with a mark that tells its verdict, stable for programs that read it:

| mark        | verdict                                                            | level            |
|-------------|--------------------------------------------------------------------|------------------|
| none        | FAIL                                                               | the control's    |
| `[EXEMPT]`  | FAIL, covered by an exemption                                      | advisory         |
| `[UNKNOWN]` | UNKNOWN; one finding for each control, given with the stack's      | advisory         |
| `[ERROR]`   | none: the control itself failed                                    | the control's    |

PASS gives no finding; NOT_APPLICABLE is told apart in the protocol's own field. Messages end with the remedy and the link, since the CLI
prints neither on its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cloudpatterns_policies.core.configuration import Configuration, Level, configure, today
from cloudpatterns_policies.core.control import Control
from cloudpatterns_policies.core.exemptions import EXEMPTIONS, Exemption
from cloudpatterns_policies.core.registry import checked
from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.runner import Broken, Outcome, judge_resource, judge_stack, sort_key
from cloudpatterns_policies.core.stack import Stack
from cloudpatterns_policies.core.values import Redactor, secret_texts
from cloudpatterns_policies.core.verdicts import Fail, NotApplicable, Severity, Unknown

_SHOWN_UNKNOWNS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a report. `urn` is empty when the stack as a whole is meant."""

    policy: str
    title: str
    level: Level
    severity: Severity
    urn: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """Findings in a fixed order, and for each control that had nothing to judge the reason."""

    findings: tuple[Finding, ...]
    not_applicable: tuple[tuple[str, str], ...]


class Pack:
    """Controls under a configuration. Analyses may run at the same time; `configure` may not run beside them."""

    def __init__(self, controls: Iterable[Control], on: date | None = None) -> None:
        self.controls: tuple[Control, ...] = checked(controls)
        """The controls, sorted by id. Raises `ValueError` for an id used twice."""
        self._on = on
        self._config_secrets: frozenset[str] = frozenset()
        # Filled by `analyze` and read by `analyze_stack`; the engine analyses a resource again after a change, so both are by URN.
        self._unknowns: dict[str, list[Outcome]] = {}
        self._used: dict[str, frozenset[Exemption]] = {}
        self.configure({}, {})

    def configure(self, levels: Mapping[str, Level], properties: Mapping[str, Mapping[str, Any]]) -> None:
        """Takes over a profile. Raises `ProfileError` when it cannot be used."""
        self.configuration: Configuration = configure(self.controls, levels, properties, self._on or today())
        active = [control for control in self.controls if self.configuration.levels[control.id] is not Level.DISABLED]
        self._stack_controls = [control for control in active if control.kind == "stack"]
        self._resource_controls = [control for control in active if control.kind == "resource"]
        self._by_type: dict[str, list[Control]] = {}
        for control in self._resource_controls:
            for name in dict.fromkeys(control.types):
                self._by_type.setdefault(name, []).append(control)
        self._elsewhere: dict[str, tuple[tuple[str, str], ...]] = {}

    def add_secrets(self, values: Iterable[str]) -> None:
        """Keeps further values, such as the stack's secret settings, out of messages."""
        self._config_secrets |= frozenset(secret_texts(list(values)))

    def analyze(self, resource: Resource) -> Report:
        """Judges one resource by the resource controls. Unknown verdicts are kept for `analyze_stack`."""
        controls = self._by_type.get(resource.type, ())
        outcomes = [outcome for control in controls for outcome in judge_resource(control, resource, self._config(control))]
        self._unknowns[resource.urn] = [outcome for outcome in outcomes if isinstance(outcome.verdict, Unknown)]
        self._used[resource.urn] = self._covering(outcomes)
        findings = self._findings(outcomes, (resource,))
        return Report(findings, (*self._not_of_type(resource.type), *_not_applicable(outcomes)))

    def analyze_stack(self, stack: Stack) -> Report:
        """Judges the stack by the stack controls, and reports what `analyze` could not judge and which exemptions were of no use."""
        outcomes = [outcome for control in self._stack_controls for outcome in judge_stack(control, stack, self._config(control))]
        unknowns = [outcome for outcome in outcomes if isinstance(outcome.verdict, Unknown)]
        unknowns += [outcome for kept in self._unknowns.values() for outcome in kept]
        used = self._covering(outcomes).union(*self._used.values())
        findings = (*self._findings(outcomes, stack.resources), *_unknown_findings(unknowns), *self._unused(used))
        ordered = sorted(findings, key=lambda finding: (finding.policy, finding.urn, finding.message))
        return Report(tuple(ordered), _not_applicable(outcomes))

    def _config(self, control: Control) -> Mapping[str, Any] | None:
        return self.configuration.properties.get(control.id)

    def _not_of_type(self, name: str) -> tuple[tuple[str, str], ...]:
        if name not in self._elsewhere:
            others = (control for control in self._resource_controls if name not in control.types)
            self._elsewhere[name] = tuple((control.id, "of another resource type") for control in others)
        return self._elsewhere[name]

    def _covering(self, outcomes: Iterable[Outcome]) -> frozenset[Exemption]:
        # What could not be judged counts as use: the finding may well be there after deployment.
        judged = [outcome for outcome in outcomes if isinstance(outcome.verdict, Fail | Unknown | Broken)]
        return frozenset(
            item for item in self.configuration.exemptions for outcome in judged if item.covers(outcome.control.id, outcome.urn)
        )

    def _unused(self, used: frozenset[Exemption]) -> list[Finding]:
        level = self.configuration.levels[EXEMPTIONS]
        if level is Level.DISABLED:
            return []
        return [
            Finding(
                EXEMPTIONS,
                EXEMPTIONS_TITLE,
                level,
                Severity.HIGH,
                "",
                f"the exemption of {item.control} for {item.urn} ({item.ticket}) covers no finding. Remedy: Remove it from the profile.",
            )
            for item in self.configuration.exemptions
            if item not in used
        ]

    def _findings(self, outcomes: Iterable[Outcome], resources: Sequence[Resource]) -> tuple[Finding, ...]:
        told = sorted((outcome for outcome in outcomes if isinstance(outcome.verdict, Fail | Broken)), key=sort_key)
        if not told:
            return ()
        redact = Redactor(self._config_secrets.union(*(resource.secrets for resource in resources)))
        return tuple(self._finding(outcome, redact) for outcome in told)

    def _finding(self, outcome: Outcome, redact: Redactor) -> Finding:
        control, verdict = outcome.control, outcome.verdict
        level = self.configuration.levels[control.id]
        note = ""
        if isinstance(verdict, Fail):
            exemption = next((item for item in self.configuration.exemptions if item.covers(control.id, outcome.urn)), None)
            if exemption is not None:
                level, note = Level.ADVISORY, exemption.note
        return Finding(control.id, control.title, level, control.severity, outcome.urn, message(outcome, redact, note))


EXEMPTIONS_TITLE = "Every exemption in the profile covers a finding"
"""Title of the pseudo-policy `exemptions`."""


def message(outcome: Outcome, redact: Redactor, note: str = "") -> str:
    """The text of a failure or of a control's own failure, without secrets. `note` is that of an exemption."""
    control, verdict = outcome.control, outcome.verdict
    if isinstance(verdict, Broken):
        remedy = f"Report it, or mend the control {control.id}."
        return f"[ERROR] the control itself failed with {verdict.error}, so nothing is proven. Remedy: {remedy}"
    assert isinstance(verdict, Fail)
    what = redact(verdict.message) + (f" - {redact(verdict.where)}" if verdict.where else "")
    mark, tail = ("[EXEMPT] ", f" {note}.") if note else ("", "")
    return f"{mark}{what}.{tail} Remedy: {control.remediation} {control.url}"


def _not_applicable(outcomes: Iterable[Outcome]) -> tuple[tuple[str, str], ...]:
    """Controls that had nothing to judge at all, with the first reason given."""
    reasons: dict[str, str] = {}
    applied: set[str] = set()
    for outcome in outcomes:
        if isinstance(outcome.verdict, NotApplicable):
            reasons.setdefault(outcome.control.id, outcome.verdict.reason)
        else:
            applied.add(outcome.control.id)
    return tuple((name, reason) for name, reason in sorted(reasons.items()) if name not in applied)


def _unknown_findings(outcomes: Iterable[Outcome]) -> list[Finding]:
    by_control: dict[str, tuple[Control, set[tuple[str, str]]]] = {}
    for outcome in outcomes:
        assert isinstance(outcome.verdict, Unknown)
        by_control.setdefault(outcome.control.id, (outcome.control, set()))[1].add((outcome.urn, outcome.verdict.path))
    findings = []
    for control, places in by_control.values():
        urns = {urn for urn, _ in places}
        ordered = sorted(places)
        shown = ", ".join(f"{urn.rsplit('::', 1)[-1] or 'the stack'} ({path})" for urn, path in ordered[:_SHOWN_UNKNOWNS])
        more = f" and {len(ordered) - _SHOWN_UNKNOWNS} more" if len(ordered) > _SHOWN_UNKNOWNS else ""
        count = "1 resource" if len(urns) == 1 else f"{len(urns)} resources"
        text = f"[UNKNOWN] cannot be judged before deployment on {count}: {shown}{more}."
        text += f" If it fails then: {control.remediation} {control.url}"
        findings.append(Finding(control.id, control.title, Level.ADVISORY, control.severity, urns.pop() if len(urns) == 1 else "", text))
    return findings
