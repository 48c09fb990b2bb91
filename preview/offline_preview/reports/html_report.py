"""The HTML report: one page that needs nothing from outside, for a code review.

The verdict first, then for each stack its findings beside its picture, what changes, and the tree of its resources. Without a script all of
it is there to be read; with it, findings are filtered and searched, and the path of a finding is lit up in the picture. The page's own
policy lets it run and load nothing but what is in it. Resources are in it without their values; texts are without secrets and never markup.
"""

import base64
import hashlib
import importlib.util
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from offline_preview.causes import Cause, Statement, causes, remedies
from offline_preview.changes import MARKS, Kind
from offline_preview.findings import (
    SEVERITIES,
    STACK_TYPE,
    Control,
    Finding,
    Redactor,
    StackReport,
    is_cloud,
    is_component,
    rank,
    short_name,
    short_type,
    shown_message,
)
from offline_preview.graph import Resource
from offline_preview.reports.groups import Group, grouped
from offline_preview.reports.html_paths import Places
from offline_preview.reports.texts import named, plural, printable, shortened

if TYPE_CHECKING:
    from cloudpatterns_pictures.page import Pictures

_ACTIVE: Final = ("fail", "error")
_LONGEST: Final = 400
"""Longer values are cut: the JSON report has all of them."""
_ID: Final = re.compile(r'"?([a-z]+-[0-9a-f]{8,17})"?')
"""An id of AWS, alone: `"subnet-6f3a51e6a5762b8d0"`."""
_LINK: Final = re.compile(r"https?://[^\s<>()\"\\]+")
_SIGNS: Final[dict[Kind, str]] = {
    "replaced": "\N{PLUS-MINUS SIGN}",
    "removed": "\N{MINUS SIGN}",
    "changed": "~",
    "added": "+",
    "renamed": "=",
}
_MOST_PICTURES: Final = 24
"""Each takes a third of a second and up to 100 kB; those of stacks that do not comply come first."""
_TOO_MANY: Final = (
    f"There is no picture, because the page has those of {_MOST_PICTURES} other stacks: --stack and --html, or --svg, draw this one."
)
_MOST_RESOURCES: Final = 10_000
"""Those of 10,000 were drawn in six seconds, in a page of half a MiB."""
_TOO_LARGE: Final = f"There is no picture, because the stack has more than {_MOST_RESOURCES:,} resources: --svg draws it."
_WITHOUT: Final = "There is no picture, because the package cloudpatterns-pictures is not installed beside offline-preview."
_NOTHING: Final = "There is no picture, because the stack has no resource that a picture shows."


def render(reports: Sequence[StackReport]) -> str:
    """The page of all stacks."""
    has_pictures = importlib.util.find_spec("cloudpatterns_pictures") is not None
    drawn_first = sorted(range(len(reports)), key=lambda number: reports[number].compliant)[:_MOST_PICTURES]
    stacks = [
        _Stack(number, report, _WITHOUT if not has_pictures else "" if number in drawn_first else _TOO_MANY)
        for number, report in enumerate(reports)
    ]
    style, script = _file("report.css"), _file("report.js")
    icons = ""
    if has_pictures:
        from cloudpatterns_pictures import page

        style = f"{page.STYLE}\n{style}"
        drawn = [stack.pictures for stack in stacks if stack.pictures is not None]
        icons = f'<svg class="icons" aria-hidden="true"><defs>{page.all_icons(drawn)}</defs></svg>\n'
    policy = f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    title, good = _verdict(reports)
    project = reports[0].graph.project if reports else ""
    sections = "\n".join(stack.section(alone=len(stacks) == 1) for stack in stacks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)} - {escape(project)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#results">Skip to the results</a>\n'
        f'<header>\n<h1><span class="verdict {good}">{escape(title)}</span> {escape(project)}</h1>\n{_overview(stacks)}</header>\n'
        f'{_filter(stacks)}{icons}<main id="results" tabindex="-1">\n{sections}\n</main>\n<script>{script}</script>\n</body>\n</html>\n'
    )


def _file(name: str) -> str:
    return (files("offline_preview.reports") / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _verdict(reports: Sequence[StackReport]) -> tuple[str, str]:
    """The verdict of the run, and its class."""
    failing = [report.stack for report in reports if not report.compliant]
    if failing:
        return f"Not compliant: {shortened(failing)}", "bad"
    return ("Compliant", "good") if any(report.packs for report in reports) else ("Previewed without policy packs", "none")


def _overview(stacks: Sequence["_Stack"]) -> str:
    """A row for each stack."""
    compared = any(stack.report.changes is not None for stack in stacks)
    heads = ["Stack", "Verdict", "Findings", "Profile", "Resources", *(["Changes"] if compared else [])]
    rows = "\n".join(stack.row(compared) for stack in stacks)
    against = next((stack.report.changes.against for stack in stacks if stack.report.changes is not None), "")
    note = f"<p>Compared with <code>{escape(printable(against))}</code>.</p>\n" if against else ""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Stacks">\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>\n{note}"
    )


def _filter(stacks: Sequence["_Stack"]) -> str:
    """The controls of the script, which shows them."""
    active = [finding for stack in stacks for finding in stack.report.findings if finding.verdict in _ACTIVE]
    severities = Counter(finding.severity for finding in active)
    levels = Counter("mandatory" if finding.blocks else "advisory" for finding in active)
    boxes = "".join(_box("severity", name, severities[name]) for name in SEVERITIES if severities[name])
    boxes += '<span class="gap"></span>' + "".join(_box("level", name, levels[name]) for name in ("mandatory", "advisory") if levels[name])
    if any(stack.report.changes is not None for stack in stacks):
        boxes += '<label><input type="checkbox" name="new"> only new</label>'
    return (
        '<form class="filter" role="search" hidden>\n'
        '<label>Search <input type="search" name="text" placeholder="name, type, control, text" autocomplete="off"></label>\n'
        f'<fieldset><legend>Show findings</legend>{boxes}</fieldset>\n<output aria-live="polite"></output>\n</form>\n'
    )


def _box(group: str, name: str, number: int) -> str:
    return f'<label><input type="checkbox" name="{group}" value="{escape(name)}" checked> {escape(name)} ({number})</label>'


class _Stack:
    """The section of one stack."""

    def __init__(self, number: int, report: StackReport, missing: str) -> None:
        self.report = report
        missing = missing or (_TOO_LARGE if len(report.graph.resources) > _MOST_RESOURCES else "")
        self._missing = missing
        self._number = number
        self._redact = Redactor(report.graph)
        self._numbers = {resource.urn: str(index) for index, resource in enumerate(report.graph.resources)}
        self._resources = report.graph.by_urn()
        self._by_id = {resource.id: resource.urn for resource in report.graph.resources if resource.id}
        self._packs = {pack.name: pack for pack in report.packs}
        self._new = frozenset(report.changes.new) if report.changes is not None else frozenset()
        self.pictures: Pictures | None = None
        if not missing:
            from cloudpatterns_pictures.page import pictures_of

            self.pictures = pictures_of(report.graph, lambda urn: self._numbers.get(urn, "x"), self._redact)
            self._missing = "" if self.pictures.pictures else _NOTHING
        things, boxes = (self.pictures.things, self.pictures.boxes) if self.pictures else (frozenset(), frozenset())
        self._places = Places(report.graph, things, boxes)
        self._worst: dict[str, str] = {}
        for finding in report.findings:
            if finding.verdict in _ACTIVE and rank(finding.severity) < rank(self._worst.get(finding.urn, "")):
                self._worst[finding.urn] = finding.severity

    def _text(self, text: str) -> str:
        """A text of the program or a pack as HTML, without secrets."""
        return escape(self._redact(printable(text)))

    # Its parts

    def row(self, compared: bool) -> str:
        """Its row in the overview."""
        report, figures = self.report, self.report.summary()
        word, kind = _verdict([report])
        counts = [f"{figures[name]} {name}" for name in ("mandatory", "advisory", "unknown", "exempt", "known", "gone") if figures[name]]
        resources = f"{plural(figures['resources'], 'resource')}, {plural(figures['components'], 'component')}"
        cells = [", ".join(counts) or "none", report.profiles, resources, *([self._changes_counted()] if compared else [])]
        name = f'<a href="#s{self._number}">{self._text(report.stack)}</a>'
        verdict = f'<span class="verdict {kind}">{escape(word.partition(":")[0])}</span>'
        texts = "".join(f"<td>{self._text(cell)}</td>" for cell in cells)
        return f'<tr><th scope="row">{name}</th><td>{verdict}</td>{texts}</tr>'

    def _changes_counted(self) -> str:
        changes = self.report.changes
        if changes is None:
            return "not compared"
        counts = [f"{number} {kind}" for kind, number in changes.counts().items()]
        counts += [plural(len(changes.new), "new finding")] if changes.new else []
        counts += [f"{plural(len(changes.gone), 'finding')} gone"] if changes.gone else []
        return ", ".join(counts) or "none"

    def section(self, *, alone: bool) -> str:
        """All of it; of several stacks, those that comply are folded."""
        notes = "".join(f"<li>{self._text(note)}</li>" for note in self.report.notes)
        plain = " plain" if self._missing else ""
        parts = [
            f'<div class="work{plain}">\n<div class="findings">\n{self._findings()}</div>\n{self._view()}</div>\n',
            self._changes(),
            self._accepted(),
            f'<ul class="notes">{notes}</ul>\n' if notes else "",
            self._tree(),
        ]
        is_open = " open" if alone or not self.report.compliant else ""
        return (
            f'<details class="stack" id="s{self._number}"{is_open}>\n<summary><h2>{self._text(self.report.stack)}</h2></summary>\n'
            f"{''.join(parts)}</details>"
        )

    # Findings

    def _control(self, finding: Finding) -> Control:
        return self._packs[finding.pack].control(finding.control)

    def _causes(self, findings: Iterable[Finding]) -> list[Cause]:
        found = causes(findings, lambda finding: shown_message(finding, self._control(finding)))
        return sorted(found, key=lambda cause: rank(cause.worst.severity))

    def _findings(self) -> str:
        """The findings that count, by severity; new ones first, when there is something to compare with."""
        active = [finding for finding in self.report.findings if finding.verdict in _ACTIVE]
        new = [finding for finding in active if finding in self._new]
        groups = [("New", self._causes(new), True)] if self.report.changes is not None else []
        groups += [
            (level, self._causes(finding for finding in active if finding.blocks == blocks and finding not in new), False)
            for level, blocks in (("Mandatory", True), ("Advisory", False))
        ]
        texts = [self._group(title, found, new) for title, found, new in groups if found]
        return "".join(texts) or '<p class="none">No findings.</p>\n'

    def _group(self, title: str, found: Sequence[Cause], new: bool = False) -> str:
        number = sum(cause.count for cause in found)
        return (
            f'<section class="group">\n<h3>{escape(title)} <span class="count">{plural(number, "finding")}</span></h3>\n'
            f"{''.join(self._cause(cause, new) for cause in found)}</section>\n"
        )

    def _cause(self, cause: Cause, new: bool) -> str:
        worst = cause.worst
        routes = [self._places.route(statement.text) for statement in cause.statements]
        here = self._places.of(cause.urns)
        paths = [path for route in routes if (path := self._places.stops(route))]
        shown = [*here, *(place for path in paths for stop in path for place in stop)]
        data = {
            "severity": worst.severity if worst.verdict in _ACTIVE else "",
            "level": "mandatory" if worst.blocks else "advisory",
            "new": "yes" if new else "",
            "at": self._named(here, " "),
            "lit": self._named(dict.fromkeys(shown), " "),
            "path": "|".join(" ".join(map(self._named, path)) for path in paths),
        }
        attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items() if value)
        statements = "".join(self._statement(statement) for statement in cause.statements)
        fixes = "".join(self._fix(about) for about in remedies(cause, self._control))
        return (
            f'<article class="entry"{attributes}>\n<h4>{self._badges(worst)} {self._subject(cause)}</h4>\n'
            f"<ul>{statements}</ul>\n{fixes}{self._button(data['lit'], bool(paths))}</article>\n"
        )

    def _badges(self, finding: Finding) -> str:
        word = finding.verdict if finding.verdict not in _ACTIVE else finding.severity
        return f'<span class="badge {escape(word)}">{escape(word)}</span>'

    def _subject(self, cause: Cause) -> str:
        where = f" <code>{self._text(cause.where)}</code>" if cause.where else ""
        sources = {self._resources[urn].source for urn in cause.urns if urn in self._resources}
        source = sources.pop() if len(sources) == 1 else ""
        return f"{self._text(named(cause.urns))}{where}" + (f' <span class="source">{self._text(source)}</span>' if source else "")

    def _statement(self, statement: Statement) -> str:
        route = self._places.route(statement.text)
        marks = [' class="shown"' if is_shown else "" for is_shown in self._places.shown(route)]
        hops = "".join(f"<li{mark}>{self._hop(hop.text, hop.urns)}</li>" for hop, mark in zip(route.hops, marks, strict=True))
        path = f'<ol class="hops">{hops}</ol>' if hops else ""
        by_level: dict[str, list[str]] = defaultdict(list)
        for one in statement.findings:
            by_level[one.level].append(one.control)
        controls = " ".join(
            f'{", ".join(f"<code>{self._text(name)}</code>" for name in dict.fromkeys(names))} <span class="level {level}">{level}</span>'
            for level, names in by_level.items()
        )
        return f"<li>{self._text(route.text)}{path} {controls}</li>"

    def _hop(self, text: str, urns: Sequence[str]) -> str:
        """A place on a path, with a link to it in the tree."""
        known = [urn for urn in urns if urn in self._numbers]
        return f'<a href="#{self._identifier(known[0])}">{self._text(text)}</a>' if known else self._text(text)

    def _fix(self, about: Control) -> str:
        link = f' <a href="{escape(about.url)}" rel="noreferrer">More</a>' if _LINK.fullmatch(about.url) else ""
        return f'<p class="fix"><strong>Fix:</strong> {self._text(about.remediation)}{link}</p>\n'

    def _button(self, lit: str, is_path: bool) -> str:
        word = "Show the path in the picture" if is_path else "Show in the picture"
        return f'<button type="button" class="show" aria-pressed="false" hidden>{word}</button>\n' if lit else ""

    def _named(self, urns: Iterable[str], separator: str = "+") -> str:
        return separator.join(self._numbers.get(urn, urn) for urn in urns)

    def _identifier(self, urn: str) -> str:
        return f"s{self._number}r{self._numbers[urn]}"

    # Picture

    def _view(self) -> str:
        if self.pictures is None or self._missing:
            return f'<p class="none">{self._missing}</p>\n'
        whole, *parts = self.pictures.pictures
        stack = self._text(self.report.stack)
        inner = "".join(
            f'<details class="part" data-part="{part.key}"><summary>{self._text(part.title.rpartition(": ")[2])}</summary>\n'
            f"{self._canvas(part.svg, part.title)}</details>\n"
            for part in parts
        )
        more = f"<h4>Folded components</h4>\n{inner}" if inner else ""
        return (
            f'<section class="view">\n<h3>Picture of {stack}</h3>\n<div class="tools" hidden>'
            '<button type="button" data-zoom="0.8" aria-label="Smaller">\N{MINUS SIGN}</button>'
            '<button type="button" data-zoom="1.25" aria-label="Larger">+</button>'
            '<button type="button" data-zoom="fit">Whole picture</button>'
            '<button type="button" class="clear" hidden>Clear</button>'
            '<button type="button" class="back" hidden>Back to the finding</button></div>\n'
            f'<p class="status" role="status"></p>\n{self._canvas(whole.svg, whole.title)}{more}</section>\n'
        )

    def _canvas(self, svg: str, title: str) -> str:
        return f'<div class="canvas" tabindex="0" role="region" aria-label="Picture of {self._text(title)}">\n{svg}</div>\n'

    # Changes, accepted findings, tree

    def _folded(self, kind: str, title: str, number: int, body: str, *, is_open: bool = False) -> str:
        if not body:
            return ""
        opened = " open" if is_open else ""
        return (
            f'<details class="more {kind}"{opened}>\n<summary><h3>{escape(title)} <span class="count">{number}</span></h3></summary>\n'
            f"{body}</details>\n"
        )

    def _changes(self) -> str:
        changes = self.report.changes
        if changes is None:
            return ""
        groups = "".join(self._change(group) for group in grouped(changes.resources))
        gone = "".join(self._gone(one.finding, one.reason) for one in changes.gone)
        return self._folded("changes", "Changes", len(changes.resources), groups, is_open=True) + self._folded(
            "gone", "Findings gone", len(changes.gone), gone and f"<ul>{gone}</ul>\n"
        )

    def _change(self, group: Group) -> str:
        first = group.first
        inside = f" with {plural(sum(change.custom for change in group.inside), 'resource')}" if group.inside else ""
        former = f", was {short_name(first.former)}" if first.former else ""
        unknown = "" if first.is_known else ", whether this replaces it is not known"
        notes = "".join(f' <strong class="warning">{self._text(note)}</strong>' for note in first.notes)
        rows = "".join(
            f'<tr><th scope="row"><code>{self._text(one.path)}</code>{" <strong>replaces it</strong>" if one.replaces else ""}</th>'
            f"<td>{self._value(before)}</td><td>{self._value(after)}</td></tr>"
            for one, before, after in group.values(_LONGEST)
        )
        head = '<thead><tr><th scope="col">Property</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>'
        subject = self._text(named([change.urn for change in group.changes]) + inside + former + unknown)
        region = f'<div class="scroll" tabindex="0" role="region" aria-label="Properties of {subject}">'
        table = f"{region}<table>{head}<tbody>{rows}</tbody></table></div>\n"
        urns = [change.urn for change in (*group.changes, *group.inside)]
        badge = f'<span class="badge {group.kind}">{_SIGNS[group.kind]} {group.kind}</span>'
        lit = self._named(self._places.of(urns), " ")
        return (
            f'<article class="entry change" data-lit="{lit}">\n<h4>{badge} {subject}{notes}</h4>\n'
            f"{table if rows else ''}{self._button(lit, False)}</article>\n"
        )

    def _value(self, text: str) -> str:
        """A property's value; beside an id the resource that has it."""
        if text in ("not set", *MARKS):
            return f"<em>{self._text(text)}</em>"
        found = _ID.fullmatch(text)
        urn = self._by_id.get(found[1], "") if found else ""
        owner = f' <span class="source">{self._text(named([urn]))}</span>' if urn else ""
        return f"<code>{self._text(text)}</code>{owner}" if text else ""

    def _gone(self, finding: Finding, reason: str) -> str:
        control = self._control(finding) if finding.pack in self._packs else Control(finding.control, "")
        why = f" ({self._text(reason)})" if reason else ""
        return self._line(finding.control, finding.urn, shown_message(finding, control), why)

    def _line(self, control: str, urn: str, text: str, more: str = "") -> str:
        return f'<li class="entry"><code>{self._text(control)}</code> on {self._text(named([urn]))}: {self._text(text)}{more}</li>\n'

    def _accepted(self) -> str:
        """What is not decided, what is accepted, and what the baseline has."""
        parts = []
        for verdict, title in (
            ("unknown", "Checks without a verdict"),
            ("exempt", "Exempted findings"),
            ("known", "Findings of the baseline"),
        ):
            found = [finding for finding in self.report.all_findings if finding.verdict == verdict and finding not in self._new]
            body = "".join(self._cause(cause, new=False) for cause in self._causes(found))
            # A pack that names its undecided checks sums them up in a finding, which is none of them.
            number = self.report.summary()["unknown"] if verdict == "unknown" else len(found)
            parts.append(self._folded(verdict, title, number, body))
        gone = "".join(self._line(entry.control, entry.urn, entry.detail) for entry in self.report.gone)
        parts.append(self._folded("gone", "Findings of the baseline that are gone", len(self.report.gone), gone and f"<ul>{gone}</ul>\n"))
        return "".join(parts)

    def _tree(self) -> str:
        children: dict[str, list[Resource]] = defaultdict(list)
        urns = {resource.urn for resource in self.report.graph.resources if resource.type != STACK_TYPE}
        shown = [resource for resource in self.report.graph.resources if is_cloud(resource) or is_component(resource)]
        for resource in shown:
            children[resource.parent if resource.parent in urns else ""].append(resource)
        return self._folded("tree", "Resources", len(shown), f"<ul>{''.join(self._branches(children[''], children))}</ul>\n")

    def _branches(self, resources: Iterable[Resource], children: dict[str, list[Resource]]) -> Iterator[str]:
        for resource in resources:
            worst = self._worst.get(resource.urn, "")
            badge = f' <span class="badge {escape(worst)}">{escape(worst)}</span>' if worst else ""
            source = f' <span class="source">{self._text(resource.source)}</span>' if resource.source else ""
            kind = f"<b>{self._text(short_type(resource.type))}</b>" if is_component(resource) else self._text(short_type(resource.type))
            label = f"{kind} {self._text(resource.name)}{badge}{source}"
            inner = children.get(resource.urn)
            identifier = self._identifier(resource.urn)
            if inner:
                below = "".join(self._branches(inner, children))
                yield f'<li id="{identifier}"><details><summary>{label}</summary><ul>{below}</ul></details></li>\n'
            else:
                yield f'<li id="{identifier}">{label}</li>\n'
