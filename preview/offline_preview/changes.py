"""What a change of the program changes: a run compared with the JSON report of an earlier one, without an account.

Resources are matched as the engine matches them, by URN and alias. A change replaces a resource where the provider's facts, the options of
the resource or a replaced dependency say so: a resource that uses an id or another computed value of a replaced one gets a new value, which
is shown as `[unknown]`. Nothing is read from AWS, so what was changed there by hand is not seen, nor is a new value of a secret.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from offline_preview import provider_facts
from offline_preview.aliases import matched
from offline_preview.baseline import entry_of, masked
from offline_preview.differences import difference
from offline_preview.errors import PreviewError, listed
from offline_preview.findings import STACK_TYPE, Finding, PackReport, Redactor, StackReport
from offline_preview.graph import Resource
from offline_preview.hidden import Place, named, place_of, reported, without
from offline_preview.leaves import covers, leaves, path, steps
from offline_preview.reports.json_report import VERSION
from offline_preview.values import UNKNOWN, shown

Kind = Literal["replaced", "removed", "changed", "added", "renamed"]
KINDS: Final[tuple[Kind, ...]] = ("replaced", "removed", "changed", "added", "renamed")
"""The worst first."""

_FIX: Final = "Write it with --json FILE, on the code to compare with."
_SECRET: Final = "[secret]"
UNKNOWN_TEXT: Final = "[unknown]"
"""A value that is known after the deployment."""
_PLAIN: Final = "[not secret]"
MARKS: Final = (_SECRET, UNKNOWN_TEXT, _PLAIN)
"""What stands for a value that is not shown."""
_ACTIVE: Final = ("fail", "error")
_SHORTEST: Final = 6
"""Shorter texts that AWS computes occur in others by chance."""
_OPTIONS: Final = ("protect", "retainOnDelete")
_SHARED: Final = frozenset({"accountId", "hostedZoneId", "ownerId", "partition", "region", "registryId", "state", "status"})
"""Outputs that say nothing of a resource itself: its replacement has the same."""


@dataclass(frozen=True, slots=True)
class Property:
    """A value that changes; None where there is none. ``replaces``: the change replaces the resource."""

    path: str
    before: Any
    after: Any
    replaces: bool = False

    def to_json(self) -> dict[str, Any]:
        """The property as ``--json`` shows it."""
        return {"path": self.path, "before": self.before, "after": self.after, "replaces": self.replaces}


@dataclass(frozen=True, slots=True)
class Change:
    """A resource that changes. ``former`` is its URN before, if it was another; ``notes`` tell what else happens to it.

    ``is_known`` is whether all properties that replace a resource of its type are known.
    """

    kind: Kind
    urn: str
    type: str
    name: str
    custom: bool = True
    parent: str = ""
    former: str = ""
    properties: tuple[Property, ...] = ()
    notes: tuple[str, ...] = ()
    is_known: bool = True

    def to_json(self) -> dict[str, Any]:
        """The change as ``--json`` shows it."""
        return {
            "urn": self.urn,
            "type": self.type,
            "name": self.name,
            "custom": self.custom,
            "former": self.former,
            "properties": [one.to_json() for one in self.properties],
            "replacementKnown": self.is_known,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Gone:
    """A finding of the earlier run that is gone, and why, unless it is fixed."""

    finding: Finding
    reason: str = ""

    def to_json(self) -> dict[str, str]:
        """The finding as ``--json`` shows it."""
        return {**self.finding.to_json(), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes of a stack. ``before`` is the summary of the earlier run, None for a stack that it did not have."""

    against: str
    before: Mapping[str, Any] | None
    resources: tuple[Change, ...] = ()
    new: tuple[Finding, ...] = ()
    gone: tuple[Gone, ...] = ()

    def of_kind(self, kind: Kind) -> list[Change]:
        """The changes of one kind."""
        return [change for change in self.resources if change.kind == kind]

    def counts(self) -> dict[Kind, int]:
        """How many resources and components change, by kind, without the kinds of which there are none."""
        counted = Counter(change.kind for change in self.resources)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}

    def to_json(self) -> dict[str, Any]:
        """The changes as ``--json`` shows them."""
        return {
            "against": self.against,
            "before": None if self.before is None else dict(self.before),
            **{kind: [change.to_json() for change in self.of_kind(kind)] for kind in KINDS},
            "findings": {"new": [finding.to_json() for finding in self.new], "gone": [one.to_json() for one in self.gone]},
        }


@dataclass(frozen=True, slots=True)
class Earlier:
    """The JSON report of an earlier run, by stack."""

    file: str
    stacks: Mapping[str, Mapping[str, Any]]

    def check(self, project: str, stacks: Sequence[str], mode: str) -> list[str]:
        """Raises ``PreviewError`` when it is of another project, of other stacks or another kind of run. Returns notes on single stacks."""
        where = f"--against: {self.file}"
        for stack in self.stacks.values():
            if stack["project"] != project:
                raise PreviewError(f"{where} is of the project {stack['project']}, not of {project}. {_FIX}")
            if stack["mode"] != mode:
                raise PreviewError(f"{where} was written {_MODES[stack['mode']]}, but this run is {_MODES[mode]}. Use the same for both.")
        missing = [stack for stack in stacks if stack not in self.stacks]
        if missing == list(stacks):
            raise PreviewError(f"{where} has no stack {listed(stacks)}; it has: {listed(self.stacks)}. {_FIX}")
        return [f"{self.file} does not have the stack {stack}: all of it is added." for stack in missing]


_MODES: Final = {"deployed": "with --as deployed", "preview": "with --as preview", "state": "with --state"}
_SHAPES: Final = {"project": str, "stack": str, "mode": str, "resources": list, "findings": list, "summary": dict}
_RESOURCE_SHAPES: Final = {
    **{"urn": str, "type": str, "name": str, "custom": bool, "parent": str, "id": str},
    **{"inputs": dict, "outputs": dict, "options": dict},
}
_FINDING_FIELDS: Final = ("control", "pack", "verdict", "level", "severity", "urn", "message", "remediation")


def load(file: Path) -> Earlier:
    """The report in a file. Raises ``PreviewError`` when it cannot be read, is none, or is of another version."""
    where = f"--against: {file}"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise PreviewError(f"{where} cannot be read: {error.strerror}. {_FIX}") from error
    except (ValueError, RecursionError) as error:
        raise PreviewError(f"{where} is not valid JSON: {error}. {_FIX}") from error
    stacks = data if isinstance(data, list) else [data]
    if not stacks or not all(isinstance(stack, dict) and "resources" in stack and "findings" in stack for stack in stacks):
        raise PreviewError(f"{where} is not a report of offline-preview. {_FIX}")
    for stack in stacks:
        if stack.get("version") != VERSION:
            age = "an older" if stack.get("version") is None else "another"
            raise PreviewError(f"{where} is a report of {age} version of offline-preview, without what a comparison needs. {_FIX}")
        if problem := _problem(stack):
            raise PreviewError(f"{where} is a damaged report: {problem}. {_FIX}")
    return Earlier(str(file), {stack["stack"]: stack for stack in stacks})


def _problem(stack: Mapping[str, Any]) -> str:
    """What is wrong with a report's form; empty when nothing is."""
    for name, kind in _SHAPES.items():
        if not isinstance(stack.get(name), kind):
            return f"'{name}' is missing or of the wrong type"
    if stack["mode"] not in _MODES:
        return f"'mode' is {stack['mode']!r}"
    for number, resource in enumerate(stack["resources"], 1):
        wrong = [
            name for name, kind in _RESOURCE_SHAPES.items() if not (isinstance(resource, dict) and isinstance(resource.get(name), kind))
        ]
        if wrong or resource["urn"].count("::") < 3:
            return f"resource {number} has no valid {', '.join(wrong) or 'urn'}"
    for number, finding in enumerate(stack["findings"], 1):
        if not isinstance(finding, dict) or not all(isinstance(finding.get(name), str) for name in _FINDING_FIELDS):
            return f"finding {number} does not have the texts {', '.join(_FINDING_FIELDS)}"
    return ""


def compared(report: StackReport, earlier: Earlier) -> StackReport:
    """The report with the changes since an earlier run."""
    stack = earlier.stacks.get(report.stack)
    comparison = _Comparison(report, stack or {})
    resources = tuple(sorted(comparison.changes(), key=lambda change: KINDS.index(change.kind)))
    new, gone = comparison.findings()
    return replace(
        report, changes=Changes(Path(earlier.file).name, stack["summary"] if stack else None, resources, tuple(new), tuple(gone))
    )


class _Comparison:
    """One stack, now and before."""

    def __init__(self, report: StackReport, stack: Mapping[str, Any]) -> None:
        self._report = report
        self._redact = Redactor(report.graph)
        self._old = {resource["urn"]: resource for resource in stack.get("resources", ())}
        self._old_findings = [Finding(**{name: item[name] for name in _FINDING_FIELDS}) for item in stack.get("findings", ())]
        former = matched(report.graph, self._old)
        # Of two resources with the same former URN, the one that has kept it is that resource.
        kept = {old for new, old in former.items() if new == old}
        self._former = {new: old for new, old in former.items() if new == old or old not in kept}
        self._now = {old: new for new, old in self._former.items()}
        self._by_urn = report.graph.by_urn()
        self._plain_secrets: dict[str, set[Place]] = {}
        for finding in (*report.all_findings, *self._old_findings):
            if (place := reported(finding)) is not None:
                self._plain_secrets.setdefault(self._now.get(finding.urn, finding.urn), set()).add(place)
        self._renewed: dict[str, list[Any]] = {}
        self._translate = _translation((self._old[old], self._by_urn[new]) for new, old in self._former.items() if new != old)

    def changes(self) -> Iterator[Change]:
        """Every resource that changes: those of now in the order of the program, then those that are removed."""
        for resource in self._report.graph.resources:
            if not _is_managed(resource.type, resource.name, resource.options):
                continue
            old = self._old.get(self._former.get(resource.urn, ""))
            if old is None:
                yield _changed("added", resource, notes=("imported",) if resource.options.get("importId") else ())
            elif (change := self._change(resource, old)) is not None:
                yield change
        for urn, old in self._old.items():
            if urn not in self._now and _is_managed(old["type"], old["name"], old["options"]):
                yield Change("removed", urn, old["type"], old["name"], old["custom"], old["parent"], notes=_removal(old["options"]))

    def _change(self, resource: Resource, old: Mapping[str, Any]) -> Change | None:
        former = old["urn"] if old["urn"] != resource.urn else ""
        properties = tuple(self._properties(resource, old)) if resource.custom else ()
        replaced = any(one.replaces for one in properties)
        self._renew(resource, replaced, bool(properties))
        if not properties and not former:
            return None
        kind: Kind = "replaced" if replaced else "changed" if properties else "renamed"
        notes = _removal(old["options"]) if replaced else ()
        known = kind != "changed" or _is_known(resource.type)
        return _changed(kind, resource, former, properties, notes, known)

    def _properties(self, resource: Resource, old: Mapping[str, Any]) -> Iterator[Property]:
        before = self._translate(old["inputs"])
        after = {name: self._after(resource, name, value) for name, value in shown(resource.inputs).items()}
        ignored = [steps(text) for text in resource.options.get("ignoreChanges", ())]
        forced = [steps(text) for text in resource.options.get("replaceOnChanges", ())]
        replaces: set[str] = set()
        if resource.type.startswith("aws:"):
            replaces.update(difference(resource.type.partition(":")[2], before, after).replaces)
        changing = [leaf for leaf in leaves((), before, after) if not any(covers(pattern, leaf[0]) for pattern in ignored)]
        hidden = self._hidden(resource.urn, before, after) if changing else ()
        for place, was, now in changing:
            forces = place[0] in replaces or any(covers(pattern, place) for pattern in forced)
            values = (without(value, place_of(place), hidden, _SECRET, MARKS) for value in self._safe(was, now))
            yield Property(path(place), *values, forces)
        if (regions := self._regions(resource, old)) is not None:
            yield Property("region of the provider", *regions, True)
        for name in _OPTIONS:
            was, now = old["options"].get(name) or False, resource.options.get(name) or False
            if was != now:
                yield Property(f"option {name}", was, now)

    def _after(self, resource: Resource, name: str, value: Any) -> Any:
        """A property's value, unknown where it comes from a resource that is replaced."""
        renewed = [text for urn in resource.property_dependencies.get(name, ()) for text in self._renewed.get(urn, ())]
        return _unknown_where(value, renewed) if renewed else value

    def _renew(self, resource: Resource, replaced: bool, updated: bool) -> None:
        """Remembers which values of a resource are new after the change."""
        kind = resource.type.partition(":")[2]
        outputs = shown(resource.outputs)
        counters = provider_facts.RENEWED.get(kind, ()) if updated else ()
        values = [outputs[name] for name in counters if name in outputs]
        if replaced:
            computed = (value for name, value in outputs.items() if name not in resource.inputs and name not in _SHARED)
            values += [value for value in (resource.id, *computed) if _is_telling(value)]
        self._renewed[resource.urn] = values

    def _regions(self, resource: Resource, old: Mapping[str, Any]) -> tuple[str, str] | None:
        """The regions of the providers, if they differ and count."""
        if "region" in resource.inputs or "region" in old["inputs"] or resource.type.startswith("pulumi:"):
            return None
        provider = self._by_urn.get(_provider(resource.options))
        former = self._old.get(_provider(old["options"]))
        now, was = (provider.inputs if provider else {}).get("region"), (former["inputs"] if former else {}).get("region")
        return (was, now) if isinstance(was, str) and isinstance(now, str) and was != now else None

    def _safe(self, was: Any, now: Any) -> tuple[Any, Any]:
        """Both values without secrets, one that has become a secret included."""
        if _SECRET in (was, now):
            hidden = [value if value in (None, _SECRET, UNKNOWN_TEXT) else _PLAIN for value in (was, self._redacted(now))]
            return hidden[0], hidden[1]
        return self._redacted(was), self._redacted(now)

    def _hidden(self, urn: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> set[Place]:
        """The places of plain values of a resource that are not shown. A place that the resource does not have stands for all of it."""
        names = {name.lower() for name in (*before, *after)}
        found = {place if place[:1] and place[0] in names else () for place in self._plain_secrets.get(urn, ())}
        return {*found, *named(dict(before)), *named(dict(after))}

    def _redacted(self, value: Any) -> Any:
        if value is UNKNOWN:
            return UNKNOWN_TEXT
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, dict):
            return {name: self._redacted(item) for name, item in value.items()}
        return [self._redacted(item) for item in value] if isinstance(value, list) else value

    def findings(self) -> tuple[list[Finding], list[Gone]]:
        """The findings that are new and those that are gone."""
        packs = {pack.name: pack for pack in self._report.packs}
        before: Counter[tuple[str, ...]] = Counter()
        active = [finding for finding in self._old_findings if finding.verdict in _ACTIVE]
        for finding in active:
            before[self._key(finding, packs)] += 1
        new = []
        for finding in (finding for finding in self._report.findings if finding.verdict in _ACTIVE):
            key = self._key(finding, packs)
            if before[key] > 0:
                before[key] -= 1
            else:
                new.append(finding)
        gone = []
        # What is left over are the last ones of each kind.
        for finding in reversed(active):
            key = self._key(finding, packs)
            if before[key] > 0:
                before[key] -= 1
                if finding.pack in packs and (one := self._gone(finding, packs[finding.pack])) is not None:
                    gone.append(one)
        return new, gone[::-1]

    def _gone(self, finding: Finding, pack: PackReport) -> Gone | None:
        """Why a finding is gone; None when it is only undecided now."""
        urn = self._now.get(finding.urn, finding.urn)
        if pack.control(finding.control).level == "disabled":
            return Gone(finding, "its control is disabled now")
        if urn not in self._by_urn:
            return Gone(finding, "its resource is removed")
        verdicts = {one.verdict for one in pack.all_findings if one.control == finding.control and one.urn == urn}
        if "unknown" in verdicts:
            return None
        for verdict, reason in (("exempt", "it is exempted now"), ("known", "the baseline has it now")):
            if verdict in verdicts:
                return Gone(finding, reason)
        return Gone(finding)

    def _key(self, finding: Finding, packs: Mapping[str, PackReport]) -> tuple[str, ...]:
        entry = entry_of(finding, packs.get(finding.pack) or PackReport(finding.pack, "", Path()))
        detail = self._translate(entry.detail)
        return entry.pack, entry.control, self._now.get(entry.urn, entry.urn), masked(detail)


def _changed(
    kind: Kind,
    resource: Resource,
    former: str = "",
    properties: tuple[Property, ...] = (),
    notes: tuple[str, ...] = (),
    known: bool = True,
) -> Change:
    return Change(kind, resource.urn, resource.type, resource.name, resource.custom, resource.parent, former, properties, notes, known)


def _is_managed(kind: str, name: str, options: Mapping[str, Any]) -> bool:
    """Whether a deployment creates, changes and deletes it. Default providers are named after the SDK's version."""
    default = kind.startswith("pulumi:providers:") and name.startswith("default")
    return not (default or kind in (STACK_TYPE, "pulumi:pulumi:StackReference") or options.get("external"))


def _is_known(kind: str) -> bool:
    return kind.startswith("aws:") and provider_facts.is_known(kind.partition(":")[2])


def _removal(options: Mapping[str, Any]) -> tuple[str, ...]:
    """What becomes of the resource that is removed or replaced."""
    if options.get("protect"):
        return ("it is protected, so the update is refused",)
    return ("it is kept in AWS",) if options.get("retainOnDelete") else ()


def _provider(options: Mapping[str, Any]) -> str:
    return str(options.get("provider", "")).rpartition("::")[0]


def _is_telling(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= _SHORTEST


def _translation(pairs: Iterable[tuple[Mapping[str, Any], Resource]]) -> Callable[[Any], Any]:
    """A function that gives values of before with the computed values of now, for resources that were renamed.

    What AWS computes is invented from the name here; a deployed resource keeps it.
    """
    texts: dict[str, str] = {}
    for old, resource in pairs:
        outputs = shown(resource.outputs)
        computed = {name for name in outputs if name not in resource.inputs and name not in old["inputs"]}
        values = [(old["outputs"].get(name), outputs[name]) for name in computed] + [(old["id"], resource.id), (old["urn"], resource.urn)]
        texts.update((was, now) for was, now in values if _is_telling(was) and isinstance(now, str) and was != now)
    if not texts:
        return lambda value: value
    pattern = re.compile("|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True)))

    def translate(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(lambda match: texts[match[0]], value)
        if isinstance(value, dict):
            return {name: translate(item) for name, item in value.items()}
        return [translate(item) for item in value] if isinstance(value, list) else value

    return translate


def _unknown_where(value: Any, renewed: Sequence[Any]) -> Any:
    """The value with every part unknown that has one of the renewed values in it."""
    if isinstance(value, dict):
        return {name: _unknown_where(item, renewed) for name, item in value.items()}
    if isinstance(value, list):
        return [_unknown_where(item, renewed) for item in value]
    for new in renewed:
        if value == new or str(value) == str(new) or (isinstance(new, str) and isinstance(value, str) and new in value):
            return UNKNOWN
    return value
