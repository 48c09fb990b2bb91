"""The report in the terminal: a tree per component, the findings by severity and cause, one verdict line per stack."""

import itertools
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from offline_preview.causes import Cause, Statement, causes, remedies
from offline_preview.findings import (
    STACK_TYPE,
    Control,
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
from offline_preview.reports.texts import plural, printable, shortened

_STYLES: Final = {"critical": "bold white on red", "high": "bold red", "medium": "bold yellow", "low": "bold cyan"}
_WIDEST: Final = 120
"""Longer lines are hard to read, even in a wide terminal."""
_TREES: Final = 8
"""Of more stacks, no trees are shown."""
_TYPES: Final = 3
"""What so many types have in common is shown type by type; of more, one is named."""
_LINK: Final = re.compile(r"https?://[^\s<>()]*[^\s<>().,;]")


def console(width: int | None = None, *, stderr: bool = False) -> Console:
    """The console: colours when it is a terminal that supports them, never with NO_COLOR; at most 120 columns, unless a width is given."""
    result = Console(highlight=False, width=width, stderr=stderr)
    if width is not None:
        return result
    # Without a terminal, the width that is taken by default is that of none.
    given = result.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    return Console(highlight=False, width=min(result.width, _WIDEST) if given else _WIDEST, stderr=stderr)


def show(out: Console, reports: Sequence[StackReport]) -> None:
    """Prints the trees and findings of all stacks, then their verdict lines, one below the other."""
    for report in reports:
        # Of many stacks, nobody reads the trees; findings and verdicts remain.
        if len(reports) <= _TREES:
            out.print(_tree(report))
        elif report.findings:
            out.print(Text(f"{report.graph.project} / {report.stack}", style="bold"))
        _show_findings(out, report)
        _show_earlier(out, report)
        out.print()
    longest = max((len(report.stack) for report in reports), default=0)
    for report in reports:
        # The verdict is one line, whatever the width.
        out.print(verdict(report, longest), soft_wrap=True)
    if len(reports) > _TREES:
        bad = sum(not report.compliant for report in reports)
        resources = sum(report.summary()["resources"] for report in reports)
        out.print(f"{plural(len(reports), 'stack')}, {plural(resources, 'resource')}: {len(reports) - bad} compliant, {bad} not")


def verdict(report: StackReport, width: int = 0) -> Text:
    """``dev  63 resources, 12 components  compliant: 0 mandatory, 3 advisory; profile dev  (1.9 s)``."""
    figures = report.summary()
    text = Text(report.stack.ljust(width), style="bold")
    text.append(f"  {plural(figures['resources'], 'resource')}, {plural(figures['components'], 'component')}  ", style="not bold")
    if not report.packs:
        text.append("no policy packs", style="not bold yellow")
    else:
        word, style = ("compliant", "bold green") if report.compliant else ("NOT COMPLIANT", "bold red")
        text.append(word, style=style)
        counts = [f"{figures['mandatory']} mandatory", f"{figures['advisory']} advisory"]
        counts += [f"{figures[name]} {name}" for name in ("unknown", "exempt", "known", "gone") if figures[name]]
        text.append(f": {', '.join(counts)}; {report.profiles}", style="not bold")
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
        label.append(f"  {plural(_count(resource, children), 'resource')}", style="not bold dim")
        _grow(branch.add(label), children[resource.urn], children)
    for type_, count in sorted(plain.items()):
        line = Text(type_)
        if count > 1:
            line.append(f" \N{MULTIPLICATION SIGN}{count}", style="dim")
        branch.add(line)


def _count(resource: Resource, children: dict[str, list[Resource]]) -> int:
    return is_cloud(resource) + sum(_count(child, children) for child in children.get(resource.urn, ()))


def _show_findings(out: Console, report: StackReport) -> None:
    """Prints the causes of the findings, the worst first, then those of checks without a verdict and of accepted findings."""
    controls = {pack.name: {control.name: control for control in pack.controls} for pack in report.packs}

    def control(finding: Finding) -> Control:
        return controls[finding.pack].get(finding.control) or Control(finding.control, finding.pack)

    def grouped(*verdicts: str) -> list[Cause]:
        chosen = (finding for finding in report.findings if finding.verdict in verdicts)
        return causes(chosen, lambda finding: shown_message(finding, control(finding)))

    failures = sorted(grouped("fail", "error"), key=lambda cause: rank(cause.worst.severity))
    blocks = [(cause.worst.severity, cause) for cause in failures]
    blocks += [(heading, cause) for heading in ("unknown", "exempt") for cause in grouped(heading)]
    resources = {resource.urn: resource for resource in report.graph.resources}
    for heading, cause in blocks:
        out.print()
        out.print(Text.assemble((f" {heading.upper()} ", _STYLES.get(heading, "bold")), " ", _place(cause, resources)))
        for statement in cause.statements:
            _show_statement(out, statement)
        for about in remedies(cause, control):
            if about.remediation:
                _hang(out, "\N{RIGHTWARDS ARROW}", Text(about.remediation, style="green"))
            _show_links(out, [about.url] if about.url else [])


def _show_earlier(out: Console, report: StackReport) -> None:
    """Prints what a baseline and an earlier run have to do with the report; most reports have neither."""
    if report.changes is None and not report.gone and not any(finding.verdict == "known" for finding in report.findings):
        return
    from offline_preview.reports import terminal_changes

    terminal_changes.show_known(out, report)
    if report.changes is not None:
        terminal_changes.show_changes(out, report.changes)


def _show_statement(out: Console, statement: Statement) -> None:
    """Prints what is said about a cause, and by which controls; links in it below."""
    links = _LINK.findall(statement.text)
    line = Text(printable(" ".join(_LINK.sub("", statement.text).split())))
    for blocks, found in itertools.groupby(statement.findings, key=lambda finding: finding.blocks):
        line.append(f"  {', '.join(finding.control for finding in found)}", style="bold")
        line.append("  mandatory" if blocks else "  advisory", style="red" if blocks else "dim")
    _hang(out, "\N{BULLET}", line)
    _show_links(out, links)


def _show_links(out: Console, links: Iterable[str]) -> None:
    # A link that is broken into lines can be neither followed nor copied.
    for link in links:
        out.print(Text(f"    {link}", style="dim"), soft_wrap=True)


def _hang(out: Console, mark: str, text: Text) -> None:
    """Prints a text behind a mark; further lines stand below the first."""
    for number, line in enumerate(text.wrap(out, max(20, out.width - 4), overflow="fold")):
        line.rstrip()
        out.print(Text.assemble("  ", (" " if number else mark, "dim"), " ", line), soft_wrap=True)


def _place(cause: Cause, resources: Mapping[str, Resource]) -> Text:
    """The type, names and property of what has a cause, and where the program has the first."""
    by_type: dict[str, list[str]] = defaultdict(list)
    for urn in cause.urns:
        resource = resources.get(urn)
        by_type["" if resource is None or resource.type == STACK_TYPE else short_type(resource.type)].append(short_name(urn))
    text = Text()
    if len(by_type) > _TYPES:
        kind, names = next(iter(by_type.items()))
        text.append(f"{len(cause.urns)} resources of {len(by_type)} types", style="bold")
        text.append(f", such as {kind} {names[0]}")
    else:
        for kind, names in by_type.items():
            text.append("; " if text else "")
            text.append(f"{kind} " if kind else "", style="cyan")
            text.append(shortened(names), style="bold")
    text.append(f" - {cause.where}" if cause.where else "")
    sources = {resources[urn].source for urn in cause.urns if urn in resources}
    if len(sources) == 1 and (source := sources.pop()):
        text.append(f"  {source}", style="dim")
    return text
