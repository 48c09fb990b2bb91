"""The Markdown report, for a comment of a pull request: the verdict first, then what is new, the rest folded.

GitHub takes 65,536 characters in a comment. What does not fit is counted; the JSON report has all of it. Texts of the program cannot
change the form of the comment, mention anybody or refer to an issue.
"""

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from offline_preview.causes import Cause, causes, remedies
from offline_preview.changes import Changes
from offline_preview.findings import Control, Finding, StackReport, rank, shown_message
from offline_preview.reports.groups import Group, grouped
from offline_preview.reports.texts import named, plural, printable

LIMIT: Final = 65_536
"""The length of a comment on GitHub, in characters."""
MARK: Final = "<!-- offline-preview -->"
"""The last line, by which a workflow finds its comment again."""
_MOST_STACKS: Final = 100
_MOST_PROPERTIES: Final = 30
_MOST_LINES: Final = 20
_LONGEST: Final = 400
_RESERVE: Final = 300
"""Characters for the end of a section."""
_SPECIAL: Final = re.compile(r"([\\`*_\[\]()~|$!{}])")


def render(reports: Sequence[StackReport], limit: int = LIMIT) -> str:
    """The report of all stacks, of at most ``limit`` characters."""
    text = _head(reports)
    for number, report in enumerate(reports):
        room = (limit - len(text) - len(MARK) - 2) // (len(reports) - number)
        text += _stack(report, room, titled=len(reports) > 1)
    return f"{text}\n{MARK}\n"


def _head(reports: Sequence[StackReport]) -> str:
    """The verdict, and a line for each stack."""
    failing = [report.stack for report in reports if not report.compliant]
    verdict = f"\N{CROSS MARK} Not compliant: {_escaped(', '.join(failing))}" if failing else "\N{WHITE HEAVY CHECK MARK} Compliant"
    if not any(report.packs for report in reports):
        verdict = "Previewed without policy packs"
    lines = [f"## Offline preview: {verdict}", "", "| stack | findings | profile | resources | changes |", "|---|---|---|---|---|"]
    for report in reports[:_MOST_STACKS]:
        figures = report.summary()
        counts = [f"{figures[name]} {name}" for name in ("mandatory", "advisory", "unknown", "exempt", "known", "gone") if figures[name]]
        changes = "not compared" if report.changes is None else _counts(report.changes)
        cells = (report.stack, ", ".join(counts) or "none", report.profiles, str(figures["resources"]), changes)
        lines.append(f"| {' | '.join(_escaped(cell) for cell in cells)} |")
    if len(reports) > _MOST_STACKS:
        lines.append(f"\n{len(reports) - _MOST_STACKS} more stacks are in the JSON report.")
    against = next((report.changes.against for report in reports if report.changes is not None), "")
    return "\n".join([*lines, "", *([f"Compared with {_code(against)}.", ""] if against else [])])


def _counts(changes: Changes) -> str:
    counts = [f"{number} {kind}" for kind, number in changes.counts().items()]
    counts += [plural(len(changes.new), "new finding")] if changes.new else []
    counts += [f"{plural(len(changes.gone), 'finding')} gone"] if changes.gone else []
    return ", ".join(counts) or "none"


def _stack(report: StackReport, room: int, *, titled: bool) -> str:
    """The sections of a stack, in at most ``room`` characters."""
    text = f"\n### {_escaped(report.stack)}\n" if titled else ""
    for title, folded, entries in _sections(report):
        text += _section(title, list(entries), room - len(text), folded=folded)
    return text


def _sections(report: StackReport) -> Iterator[tuple[str, bool, Iterable[str]]]:
    """Title, whether it is folded, and the entries of each section that has some."""
    changes = report.changes
    new = list(changes.new) if changes is not None else []
    old = [finding for finding in report.findings if finding not in new]
    failing = [finding for finding in old if finding.verdict in ("fail", "error")]
    if changes is not None:
        yield _title("New findings", len(new)), False, _causes(report, new)
    blocking = [finding for finding in failing if finding.blocks]
    title = "Mandatory findings" if changes is None else "Mandatory findings that were there before"
    yield _title(title, len(blocking)), changes is not None, _causes(report, blocking)
    if changes is not None:
        groups = grouped(changes.resources)
        dangerous = [group for group in groups if group.kind in ("replaced", "removed")]
        lines = [_short(group) for group in dangerous]
        more = [f"- and {len(lines) - _MOST_LINES} more, see below\n"] if len(lines) > _MOST_LINES else []
        yield "Replaced and removed", False, [*lines[:_MOST_LINES], *more]
        yield _title("All changes", len(changes.resources)), True, (_group(group) for group in groups)
        yield _title("Findings gone", len(changes.gone)), True, (_gone(one.finding, one.reason, report) for one in changes.gone)
    advisory = [finding for finding in failing if not finding.blocks]
    yield _title("Advisory findings", len(advisory)), True, _causes(report, advisory)
    for verdict, title in (("unknown", "Checks without a verdict"), ("exempt", "Exempted findings")):
        some = [finding for finding in old if finding.verdict == verdict]
        yield _title(title, len(some)), True, _causes(report, some)
    yield _title("Known findings", sum(finding.verdict == "known" for finding in old)), True, _known(old)
    gone = (f"- **{_escaped(entry.control)}** on {_code(named([entry.urn]))}: {_escaped(entry.detail)}\n" for entry in report.gone)
    yield _title("Findings of the baseline that are gone", len(report.gone)), True, gone


def _title(text: str, number: int) -> str:
    return f"{text}: {number}"


def _section(title: str, entries: Sequence[str], room: int, *, folded: bool) -> str:
    """A section with as many entries as fit; empty without any, or without room for its title."""
    if not entries or room < 2 * _RESERVE:
        return ""
    start = f"\n<details><summary>{html.escape(title)}</summary>\n\n" if folded else f"\n**{_escaped(title)}**\n\n"
    end = "\n</details>\n" if folded else ""
    left = room - len(start) - len(end) - _RESERVE
    kept: list[str] = []
    for entry in entries:
        left -= len(entry)
        if left < 0:
            break
        kept.append(entry)
    more = f"\n{len(entries) - len(kept)} more do not fit into a comment: the JSON report has them.\n" if len(kept) < len(entries) else ""
    return f"{start}{''.join(kept)}{more}{end}"


def _causes(report: StackReport, findings: Sequence[Finding]) -> Iterator[str]:
    """An entry for each cause of findings, the worst first."""
    packs = {pack.name: pack for pack in report.packs}

    def control(finding: Finding) -> Control:
        return packs[finding.pack].control(finding.control)

    found = causes(findings, lambda finding: shown_message(finding, control(finding)))
    sources = {resource.urn: resource.source for resource in report.graph.resources}
    for cause in sorted(found, key=lambda cause: rank(cause.worst.severity)):
        yield _cause(cause, remedies(cause, control), sources.get(cause.urns[0], ""))


def _cause(cause: Cause, abouts: Sequence[Control], source: str) -> str:
    place = _code(named(cause.urns)) + (f" {_code(cause.where)}" if cause.where else "") + (f" at {_code(source)}" if source else "")
    lines = [f"- **{_escaped(cause.worst.severity)}** {place}"]
    for statement in cause.statements:
        controls = ", ".join(dict.fromkeys(f"{_code(one.control)} ({one.level})" for one in statement.findings))
        lines.append(f"  - {_escaped(_shortened(statement.text))} {controls}")
    lines += [f"  - Fix: {_escaped(_shortened(about.remediation))}{_link(about.url)}" for about in abouts if about.remediation]
    return "\n".join(lines) + "\n"


def _link(url: str) -> str:
    """A link, if it is one of the web."""
    return f" [More]({url})" if re.fullmatch(r"https?://[^\s<>()\\]+", url) else ""


def _known(findings: Sequence[Finding]) -> Iterator[str]:
    by_control: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        if finding.verdict == "known":
            by_control[finding.control].append(finding.urn)
    for control, urns in by_control.items():
        yield f"- {_code(control)} {len(urns)}: {_code(named(urns))}\n"


def _gone(finding: Finding, reason: str, report: StackReport) -> str:
    control = next((pack.control(finding.control) for pack in report.packs if pack.name == finding.pack), Control(finding.control, ""))
    what = _escaped(_shortened(shown_message(finding, control)))
    return f"- {_code(finding.control)} on {_code(named([finding.urn]))}: {what}{f' ({_escaped(reason)})' if reason else ''}\n"


def _short(group: Group) -> str:
    """A line on what is replaced or removed, and why."""
    return f"- {_subject(group)}{_because(group)}\n"


def _because(group: Group) -> str:
    forcing = [one.path for one in group.first.properties if one.replaces]
    return f", because {', '.join(map(_code, forcing))} {'changes' if len(forcing) == 1 else 'change'}" if forcing else ""


def _subject(group: Group) -> str:
    text = f"**{group.kind}** {_code(named([change.urn for change in group.changes]))}"
    if group.inside:
        text += f" with {plural(sum(change.custom for change in group.inside), 'resource')}"
    if group.first.former:
        text += f", was {_code(named([group.first.former]))}"
    if not group.first.is_known:
        text += ", whether this replaces it is not known"
    return text + "".join(f", **{_escaped(note)}**" for note in group.first.notes)


def _group(group: Group) -> str:
    """What changes, with the values as a block in the form of a difference."""
    lines = []
    for one, before, after in list(group.values(_LONGEST))[:_MOST_PROPERTIES]:
        lines.append(f"@@ {one.path}{' (replaces it)' if one.replaces else ''} @@")
        lines += [f"- {before}"] if one.before is not None and before else []
        lines += [f"+ {after}"] if one.after is not None else []
    if len(group.first.properties) > _MOST_PROPERTIES:
        lines.append(f"  and {len(group.first.properties) - _MOST_PROPERTIES} more")
    if not lines:
        return f"- {_subject(group)}\n"
    # No line begins with backticks, and values have no line breaks: nothing in it can end the block.
    indented = "\n".join(f"  {printable(line)}" for line in ["```diff", *lines, "```"])
    return f"- {_subject(group)}\n\n{indented}\n\n"


def _shortened(text: str) -> str:
    return text if len(text) <= 2 * _LONGEST else f"{text[: 2 * _LONGEST - 3]}..."


def _escaped(text: str) -> str:
    """A text of which nothing is Markdown, HTML, a mention or a reference."""
    text = _SPECIAL.sub(r"\\\1", html.escape(printable(" ".join(text.split())), quote=False))
    # GitHub looks for mentions, references and addresses in the rendered text, where escapes are gone.
    return re.sub(r"([@#]|(?<=://)|\bwww(?=\.))", lambda match: f"{match[0]}&#8203;", text)


def _code(text: str) -> str:
    """A text in backticks, in which nothing else is Markdown."""
    text = printable(" ".join(text.split())) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
