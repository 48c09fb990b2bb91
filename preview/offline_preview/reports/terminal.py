"""The report in the terminal: a tree per component, the findings by severity, one verdict line per stack."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from offline_preview.findings import (
    Finding,
    StackReport,
    is_cloud,
    is_component,
    rank,
    short_name,
    short_type,
    shown_message,
)
from offline_preview.graph import Resource

_STYLES: Final = {"critical": "bold white on red", "high": "bold red", "medium": "bold yellow", "low": "bold cyan", "unspecified": "bold"}
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_WIDEST: Final = 120
"""Longer lines are hard to read, even in a wide terminal."""


def console(width: int | None = None, *, stderr: bool = False) -> Console:
    """The console: colours when it is a terminal that supports them, never with NO_COLOR; at most 120 columns, unless a width is given."""
    result = Console(highlight=False, width=width, stderr=stderr)
    if width is None and (not result.is_terminal or result.width > _WIDEST):
        return Console(highlight=False, width=_WIDEST, stderr=stderr)
    return result


def show(out: Console, reports: Sequence[StackReport]) -> None:
    """Prints the trees and findings of all stacks, then their verdict lines, one below the other."""
    for report in reports:
        out.print(_tree(report))
        findings = _findings(report)
        if findings is not None:
            out.print(findings)
        out.print()
    longest = max((len(report.stack) for report in reports), default=0)
    for report in reports:
        # The verdict is one line, whatever the width.
        out.print(verdict(report, longest), soft_wrap=True)


def verdict(report: StackReport, width: int = 0) -> Text:
    """``dev  63 resources, 12 components  compliant: 0 mandatory, 3 advisory  (1.9 s)``."""
    figures = report.summary()
    text = Text(report.stack.ljust(width), style="bold")
    text.append(f"  {_plural(figures['resources'], 'resource')}, {_plural(figures['components'], 'component')}  ", style="not bold")
    if not report.packs:
        text.append("no policy packs", style="not bold yellow")
    else:
        word, style = ("compliant", "bold green") if report.compliant else ("NOT COMPLIANT", "bold red")
        text.append(word, style=style)
        counts = [f"{figures['mandatory']} mandatory", f"{figures['advisory']} advisory"]
        counts += [f"{figures[name]} {name}" for name in ("unknown", "exempt") if figures[name]]
        text.append(f": {', '.join(counts)}", style="not bold")
    text.append(f"  ({report.seconds:.1f} s)", style="not bold dim")
    return text


def _tree(report: StackReport) -> Tree:
    children: dict[str, list[Resource]] = defaultdict(list)
    urns = {resource.urn for resource in report.graph.resources}
    tops: list[Resource] = []
    for resource in report.graph.resources:
        if not (is_cloud(resource) or is_component(resource)):
            continue
        parent = resource.parent if resource.parent in urns else ""
        if parent and not parent.split("::")[2].endswith("pulumi:pulumi:Stack"):
            children[parent].append(resource)
        else:
            tops.append(resource)
    tree = Tree(Text(f"{report.graph.project} / {report.stack}", style="bold"), guide_style="dim")
    _grow(tree, tops, children)
    return tree


def _grow(branch: Tree, resources: Iterable[Resource], children: dict[str, list[Resource]]) -> None:
    """Adds components and resources with children as branches, every other resource as a count of its type."""
    plain: Counter[str] = Counter()
    for resource in resources:
        if not is_component(resource) and resource.urn not in children:
            plain[short_type(resource.type)] += 1
            continue
        label = Text(short_type(resource.type), style="bold cyan" if is_component(resource) else "")
        label.append(f" {resource.name}", style="not bold default")
        label.append(f"  {_plural(_count(resource, children), 'resource')}", style="not bold dim")
        _grow(branch.add(label), children[resource.urn], children)
    for type_, count in sorted(plain.items()):
        line = Text(type_)
        if count > 1:
            line.append(f" \N{MULTIPLICATION SIGN}{count}", style="dim")
        branch.add(line)


def _count(resource: Resource, children: dict[str, list[Resource]]) -> int:
    return is_cloud(resource) + sum(_count(child, children) for child in children.get(resource.urn, ()))


def _findings(report: StackReport) -> RenderableType | None:
    parts: list[RenderableType] = []
    failures = [finding for finding in report.findings if finding.verdict in ("fail", "error")]
    for severity in sorted({finding.severity for finding in failures}, key=rank):
        parts += _group(
            Text(f" {severity.upper()} ", style=_STYLES.get(severity, "bold")),
            [finding for finding in failures if finding.severity == severity],
            report,
        )
    for verdict_, heading in (("unknown", "CANNOT BE CHECKED BEFORE DEPLOYMENT"), ("exempt", "EXEMPT")):
        parts += _group(
            Text(f" {heading} ", style="bold dim"), [finding for finding in report.findings if finding.verdict == verdict_], report
        )
    return Group(*parts) if parts else None


def _group(heading: Text, findings: Sequence[Finding], report: StackReport) -> list[RenderableType]:
    """One severity: each control once, with its findings and its remedy."""
    if not findings:
        return []
    heading.append(f" {_plural(len(findings), 'finding')}", style="default not bold")
    parts: list[RenderableType] = [Text(), heading]
    by_control: dict[tuple[str, str, bool], list[Finding]] = defaultdict(list)
    for finding in findings:
        by_control[finding.pack, finding.control, finding.blocks].append(finding)
    packs = {pack.name: pack for pack in report.packs}
    sources = {resource.urn: resource.source for resource in report.graph.resources}
    for (pack, name, blocks), found in by_control.items():
        control = packs[pack].control(name)
        title = Text(name, style="bold")
        title.append(f"  {control.title}" if control.title and control.title != name else "", style="not bold")
        title.append("  mandatory" if blocks else "  advisory", style="not bold red" if blocks else "not bold dim")
        parts.append(Padding(title, (0, 0, 0, 2), expand=False))
        lines = Table.grid(padding=(0, 1))
        for finding in found:
            line = Text.assemble((short_name(finding.urn), "bold"), ": ", _printable(shown_message(finding, control)))
            if source := sources.get(finding.urn):
                line.append(f"  {source}", style="dim")
            lines.add_row(Text("•", style="dim"), line)
        if control.remediation and any(finding.verdict != "error" for finding in found):
            lines.add_row("→", Text(control.remediation, style="green"))
        if control.url:
            lines.add_row("", Text(control.url, style="dim", overflow="fold"))
        parts.append(Padding(lines, (0, 0, 0, 4), expand=False))
    return parts


def _printable(text: str) -> str:
    """The text without control characters, with which a message could overwrite earlier output."""
    return _CONTROL.sub("", text)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
