"""The terminal's view of what is known, and of what is different from an earlier run."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from offline_preview.changes import Changes, Kind
from offline_preview.findings import Finding, StackReport, short_name
from offline_preview.reports.groups import Group, grouped
from offline_preview.reports.texts import named, plural, printable

_SIGNS: Final[dict[Kind, tuple[str, str]]] = {
    "replaced": ("\N{PLUS-MINUS SIGN}", "bold magenta"),
    "removed": ("-", "bold red"),
    "changed": ("~", "bold yellow"),
    "added": ("+", "bold green"),
    "renamed": ("=", "bold cyan"),
}
_LONGEST: Final = 100
"""Longer values are cut: the JSON report has all of them."""


def show_known(out: Console, report: StackReport) -> None:
    """Prints the known findings by control, and what a baseline has that is gone."""
    known = [finding for finding in report.findings if finding.verdict == "known"]
    if known:
        _heading(out, "KNOWN", f"{plural(len(known), 'finding')} of the baseline")
        _list(out, _by_control(known))
    if report.gone:
        _heading(out, "GONE", f"{plural(len(report.gone), 'finding')} of the baseline: write it again with --write-baseline")
        lines = (
            (Text(entry.control, style="bold"), Text.assemble(_place(entry.urn), f": {printable(entry.detail)}")) for entry in report.gone
        )
        _list(out, lines)


def show_changes(out: Console, changes: Changes) -> None:
    """Prints what is different from an earlier run: resources, then findings."""
    _heading(out, "CHANGES", summary(changes))
    for group in grouped(changes.resources):
        sign, style = _SIGNS[group.kind]
        out.print(Padding(_row(Text(sign, style=style), _subject(group)), (0, 0, 0, 2), expand=False))
        lines = Table.grid(padding=(0, 1))
        for one, before, after in group.values(_LONGEST):
            forced = Text("  replaces it", style="magenta") if one.replaces else Text()
            lines.add_row(Text(one.path), Text(printable(before)), "\N{RIGHTWARDS ARROW}", Text(printable(after)) + forced)
        if group.first.properties:
            out.print(Padding(lines, (0, 0, 0, 6), expand=False))
    for word, style, findings in (
        ("new finding", "bold red", [(finding, "") for finding in changes.new]),
        ("finding gone", "bold green", [(one.finding, one.reason) for one in changes.gone]),
    ):
        for finding, reason in findings:
            text = Text.assemble((word, style), " ", (finding.control, "bold"), " on ", _place(finding.urn), f", {finding.level}")
            text.append(f": {reason}" if reason else "", style="dim")
            out.print(Padding(text, (0, 0, 0, 2), expand=False))


def summary(changes: Changes) -> str:
    """``against main.json: 1 replaced, 2 changed; 1 new finding, 2 gone``."""
    counts = [f"{number} {kind}" for kind, number in changes.counts().items()]
    text = f"against {changes.against}: {', '.join(counts) or 'no resource changes'}"
    findings = [plural(len(changes.new), "new finding")] if changes.new else []
    findings += [f"{plural(len(changes.gone), 'finding')} gone"] if changes.gone else []
    return f"{text}; {', '.join(findings)}" if findings else text


def _heading(out: Console, word: str, text: str) -> None:
    out.print()
    out.print(Text.assemble((f" {word} ", "bold"), " ", printable(text)))


def _list(out: Console, rows: Iterable[tuple[Text, Text]]) -> None:
    lines = Table.grid(padding=(0, 1))
    for first, second in rows:
        lines.add_row(Text("\N{BULLET}", style="dim"), first, second)
    out.print(Padding(lines, (0, 0, 0, 2), expand=False))


def _by_control(findings: Sequence[Finding]) -> Iterable[tuple[Text, Text]]:
    by_control: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        by_control[finding.control].append(finding.urn)
    for control, urns in by_control.items():
        yield Text.assemble((control, "bold"), f" {len(urns)}" if len(urns) > 1 else ""), Text(named(urns))


def _row(first: Text, second: Text) -> Table:
    line = Table.grid(padding=(0, 1))
    line.add_row(first, second)
    return line


def _subject(group: Group) -> Text:
    """What changes: the resources, and what is in a component."""
    text = Text(named([change.urn for change in group.changes]))
    if group.inside:
        resources = sum(change.custom for change in group.inside)
        text.append(f"  with {plural(resources, 'resource')}", style="dim")
    if group.first.former:
        text.append(f"  was {short_name(group.first.former)}", style="dim")
    if not group.first.is_known:
        text.append("  whether this replaces it is not known", style="dim")
    for note in group.first.notes:
        text.append(f"  {note}", style="yellow")
    return text


def _place(urn: str) -> Text:
    return Text(named([urn]))
