"""Runs the controls of a pack on resources and stacks, and turns verdicts into findings.

A finding's message begins with a mark of its verdict, stable for programs that read it:

| mark        | verdict                                                            | level            |
|-------------|--------------------------------------------------------------------|------------------|
| none        | FAIL                                                               | the control's    |
| `[EXEMPT]`  | FAIL, covered by an exemption                                      | advisory         |
| `[KNOWN]`   | FAIL, in the baseline                                              | advisory         |
| `[UNKNOWN]` | UNKNOWN of all controls together, in one finding for the stack     | advisory         |
| `[UNKNOWN]` | UNKNOWN of a control whose `onUnknown` is `fail`, one by one       | the control's    |
| `[ERROR]`   | none: the control itself failed                                    | the control's    |

PASS gives no finding; NOT_APPLICABLE is reported in the protocol's own field, and so is each UNKNOWN with its path, which the CLI would
otherwise count as a pass. Messages end with the remedy and the link, since the CLI prints neither by itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from cloudpatterns_policies.core.baseline import BASELINE, BASELINE_REMEDY, BASELINE_TITLE, Known, place, recognised
from cloudpatterns_policies.core.configuration import Configuration, Level, configure, today
from cloudpatterns_policies.core.control import Control
from cloudpatterns_policies.core.exemptions import EXEMPTIONS, Exemption
from cloudpatterns_policies.core.language import neutral
from cloudpatterns_policies.core.registry import checked
from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.runner import Broken, Outcome, judge_resource, judge_stack, sort_key
from cloudpatterns_policies.core.stack import Stack
from cloudpatterns_policies.core.unknowns import (
    UNKNOWNS,
    UNKNOWNS_REMEDY,
    UNKNOWNS_REMEDY_ELSEWHERE,
    UNKNOWNS_TITLE,
    Undecided,
    summary,
    undecided,
)
from cloudpatterns_policies.core.values import Redactor, secret_texts
from cloudpatterns_policies.core.verdicts import Fail, NotApplicable, Severity, Unknown


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
    """Findings in a fixed order, and the reason for each control that had nothing to check, or could not decide."""

    findings: tuple[Finding, ...]
    not_applicable: tuple[tuple[str, str], ...]


class Pack:
    """Controls under a configuration. Analyses may run at the same time; `configure` may not run beside them."""

    def __init__(self, controls: Iterable[Control], on: date | None = None, *, keep_inputs: bool = False, python: bool = True) -> None:
        self.controls: tuple[Control, ...] = checked(controls if python else map(neutral, controls))
        """The controls, sorted by id; for a program that is not in `python`, with Pulumi's own names. `ValueError` for an id used twice."""
        self.unknowns_remedy: str = UNKNOWNS_REMEDY if python else UNKNOWNS_REMEDY_ELSEWHERE
        """The remedy for unknown values."""
        self.stack: str = ""
        """The beginning of the stack's URNs, once it is known."""
        self._on = on
        self._keep_inputs = keep_inputs
        self.begin()
        self.configure({}, {})

    def begin(self) -> None:
        """Forgets everything about the stack before."""
        self.stack = ""
        self._config_secrets: frozenset[str] = frozenset()
        # Filled by `analyze` and read by `analyze_stack`; the engine analyses a resource again after a change, so both are by URN.
        self._unknowns: dict[str, set[Undecided]] = {}
        self._used: dict[str, frozenset[Exemption]] = {}
        self._found: dict[str, list[Known]] = {}
        self._open: dict[str, set[tuple[str, str]]] = {}
        # A stack's resources come with their outputs, in which nothing tells what was given from what the provider computes.
        self._inputs: dict[str, Resource] | None = {} if self._keep_inputs else None

    def configure(self, levels: Mapping[str, Level], properties: Mapping[str, Mapping[str, Any]]) -> None:
        """Applies a profile. Raises `ProfileError` when it is invalid."""
        self.configuration: Configuration = configure(self.controls, levels, properties, self._on or today(), self.stack)
        self._known: dict[tuple[str, str], list[Known]] = {}
        for entry in self.configuration.baseline:
            self._known.setdefault((entry.control, entry.urn), []).append(entry)
        active = [control for control in self.controls if self.configuration.levels[control.id] is not Level.DISABLED]
        self._stack_controls = sorted((control for control in active if control.kind == "stack"), key=lambda control: control.last)
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
        """Checks one resource with the resource controls. Unknown verdicts are kept for the summary that `analyze_stack` gives."""
        if self._inputs is not None:
            self._inputs[resource.urn] = resource
        controls = self._by_type.get(resource.type, ())
        outcomes = [outcome for control in controls for outcome in judge_resource(control, resource, self._config(control))]
        unknowns = undecided(outcomes)
        self._unknowns[resource.urn] = self._warned(unknowns)
        self._used[resource.urn] = self._covering(outcomes)
        findings = self._marked(resource.urn, self._findings(outcomes, (resource,)), outcomes)
        marks = sorted((item.control, item.mark()) for item in unknowns)
        return Report(findings, (*self._not_of_type(resource.type), *_not_applicable(outcomes), *marks))

    def analyze_stack(self, stack: Stack) -> Report:
        """Checks the stack with the stack controls, and reports what `analyze` could not decide and which exemptions were not used."""
        for resource in stack.resources if self._inputs else ():
            resource.inputs = self._inputs.get(resource.urn, resource) if self._inputs else resource
        stack.asked.update(self._by_type)
        outcomes = [outcome for control in self._stack_controls for outcome in judge_stack(control, stack, self._config(control))]
        unknowns = undecided(outcomes)
        warned = self._warned(unknowns).union(*self._unknowns.values())
        used = self._covering(outcomes).union(*self._used.values())
        findings = self._marked("", (*self._findings(outcomes, stack.resources), *self._unused(used)), outcomes)
        findings += (*self._summary(warned), *self._gone())
        ordered = sorted(findings, key=lambda finding: (finding.policy, finding.urn, finding.message))
        marks = sorted((item.control, item.mark(named=True)) for item in unknowns)
        return Report(tuple(ordered), (*_not_applicable(outcomes), *marks))

    def _config(self, control: Control) -> Mapping[str, Any] | None:
        return self.configuration.properties.get(control.id)

    def _not_of_type(self, name: str) -> tuple[tuple[str, str], ...]:
        if name not in self._elsewhere:
            others = (control for control in self._resource_controls if name not in control.types)
            self._elsewhere[name] = tuple((control.id, "of another resource type") for control in others)
        return self._elsewhere[name]

    def _warned(self, unknowns: Iterable[Undecided]) -> set[Undecided]:
        return {item for item in unknowns if not self.configuration.fails_on_unknown(item.control)}

    def _summary(self, unknowns: set[Undecided]) -> list[Finding]:
        level = self.configuration.levels[UNKNOWNS]
        if level is Level.DISABLED or not unknowns:
            return []
        return [Finding(UNKNOWNS, UNKNOWNS_TITLE, level, Severity.LOW, "", f"[UNKNOWN] {summary(unknowns)} Remedy: {self.unknowns_remedy}")]

    def _covering(self, outcomes: Iterable[Outcome]) -> frozenset[Exemption]:
        return frozenset(item for item in self.configuration.exemptions for outcome in outcomes if _used(item, outcome))

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
                f"the exemption of {item.control} for {item.scope} ({item.ticket}) covers no finding. Remedy: Remove it from the profile.",
            )
            for item in self.configuration.exemptions
            if item not in used
        ]

    def _marked(self, analyzed: str, findings: tuple[Finding, ...], outcomes: Iterable[Outcome]) -> tuple[Finding, ...]:
        """The findings, with those of the baseline marked. `analyzed` is a resource, or empty for the stack."""
        if not self._known:
            return findings
        own = [(index, Known(item.policy, place(item.urn), _detail(item.message))) for index, item in enumerate(findings) if _fails(item)]
        places = dict.fromkeys((known.control, known.urn) for _, known in own)
        entries = recognised([known for _, known in own], [entry for at in places for entry in self._known.get(at, ())])
        self._found[analyzed] = [entry for entry in entries if entry is not None]
        undecided = (item for item in outcomes if isinstance(item.verdict, Unknown | Broken))
        self._open[analyzed] = {(item.control.id, place(item.urn)) for item in undecided}
        self._open[analyzed] |= {(item.policy, place(item.urn)) for item in findings if not _fails(item)}
        marked = {index for (index, _), entry in zip(own, entries, strict=True) if entry is not None}
        return tuple(
            replace(item, level=Level.ADVISORY, message=f"[KNOWN] {item.message}") if index in marked else item
            for index, item in enumerate(findings)
        )

    def _gone(self) -> list[Finding]:
        """A finding for each entry of the baseline that was not found, where its control could decide."""
        level = self.configuration.levels[BASELINE]
        if level is Level.DISABLED:
            return []
        found = Counter(entry for entries in self._found.values() for entry in entries)
        undecided = set().union(*self._open.values())
        gone = []
        for entry in self.configuration.baseline:
            found[entry] -= 1
            decided = self.configuration.levels.get(entry.control) is not Level.DISABLED
            if found[entry] < 0 and decided and not undecided & {(entry.control, entry.urn), (entry.control, "")}:
                on = f" on {entry.urn.rpartition('::')[2]}" if entry.urn else ""
                what = f"the finding of {entry.control}{on} is gone: {entry.detail}. Remedy: {BASELINE_REMEDY}"
                gone.append(Finding(BASELINE, BASELINE_TITLE, level, Severity.LOW, entry.urn if entry.urn in self._used else "", what))
        return gone

    def _findings(self, outcomes: Iterable[Outcome], resources: Sequence[Resource]) -> tuple[Finding, ...]:
        reported = sorted((outcome for outcome in outcomes if self._shows(outcome)), key=sort_key)
        if not reported:
            return ()
        redact = Redactor(self._config_secrets.union(*(resource.secrets for resource in resources)))
        return tuple(self._finding(outcome, redact) for outcome in reported)

    def _shows(self, outcome: Outcome) -> bool:
        if isinstance(outcome.verdict, Unknown):
            return self.configuration.fails_on_unknown(outcome.control.id)
        return isinstance(outcome.verdict, Fail | Broken)

    def _finding(self, outcome: Outcome, redact: Redactor) -> Finding:
        control = outcome.control
        level = self.configuration.levels[control.id]
        note = ""
        exemption = next((item for item in self.configuration.exemptions if _accepts(item, outcome)), None)
        if exemption is not None:
            level, note = Level.ADVISORY, exemption.note
        return Finding(control.id, control.title, level, control.severity, outcome.urn, message(outcome, redact, note))


EXEMPTIONS_TITLE = "Every exemption in the profile covers a finding"
"""Title of the pseudo-policy `exemptions`."""


def message(outcome: Outcome, redact: Redactor, note: str = "") -> str:
    """The text of a failure, an unknown or a control's own failure, without secrets. `note` is that of an exemption."""
    control, verdict = outcome.control, outcome.verdict
    if isinstance(verdict, Broken):
        remedy = f"Report it, or fix the control {control.id}."
        return f"[ERROR] the control itself failed with {verdict.error}, so nothing was checked. Remedy: {remedy}"
    tail = f" {note}." if note else ""
    if isinstance(verdict, Unknown):
        what = f"cannot be checked before deployment, because {redact(verdict.path)} is unknown until then"
        return f"[UNKNOWN] {what}.{tail} If it fails then: {control.remediation} {control.url}"
    assert isinstance(verdict, Fail)
    what = redact(verdict.message) + (f" - {redact(verdict.where)}" if verdict.where else "")
    mark = "[EXEMPT] " if note else ""
    return f"{mark}{what}.{tail} Remedy: {control.remediation} {control.url}"


def _fails(finding: Finding) -> bool:
    return not finding.message.startswith("[")


def _detail(message: str) -> str:
    """What a finding says, without the remedy."""
    return message.partition(" Remedy: ")[0].removesuffix(".")


def _used(exemption: Exemption, outcome: Outcome) -> bool:
    # An undecided check counts as use: the finding may exist after deployment.
    undecided = isinstance(outcome.verdict, Unknown | Broken) and exemption.covers(outcome.control.id, outcome.urn)
    return undecided or _accepts(exemption, outcome)


def _accepts(exemption: Exemption, outcome: Outcome) -> bool:
    verdict = outcome.verdict
    if isinstance(verdict, Fail):
        return exemption.accepts(outcome.control.id, outcome.urn, verdict.message, verdict.where)
    return isinstance(verdict, Unknown) and exemption.accepts(outcome.control.id, outcome.urn, verdict.path)


def _not_applicable(outcomes: Iterable[Outcome]) -> tuple[tuple[str, str], ...]:
    """Controls that had nothing to check, with the first reason."""
    reasons: dict[str, str] = {}
    applied: set[str] = set()
    for outcome in outcomes:
        if isinstance(outcome.verdict, NotApplicable):
            reasons.setdefault(outcome.control.id, outcome.verdict.reason)
        else:
            applied.add(outcome.control.id)
    return tuple((name, reason) for name, reason in sorted(reasons.items()) if name not in applied)
