"""Known findings of stacks that exist: a file records them, and later runs report them apart, so that only new ones fail.

A finding is known by its pack, control and resource and by what it says, the property included. A port or a number of days counts: another
open port is another weakness. Positions in lists and generated ids do not, since they change by themselves. Two findings that differ in
nothing else are counted, so a second one is new.

One file holds the stacks of a project. The findings of a pack are in the form of that pack's configuration, for the real CLI:
`python -m offline_preview.baseline FILE STACK PACK [PROFILE]` prints the profile of a pack with them.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from offline_preview.errors import PreviewError, listed, nearest
from offline_preview.findings import STACK_TYPE, Finding, Known, PackReport, StackReport, shown_message

FORMAT: Final = "offline-preview baseline"
VERSION: Final = 1
RECORDED: Final = ("fail", "known")
"""The verdicts that are recorded: an undecided check is no finding, and an exempted one has its own entry."""
_OWN: Final = "baseline"
"""The policy by which a pack says what of the baseline in its profile is gone."""
_WRITE: Final = "--write-baseline"
_FIX: Final = f"Write it with {_WRITE} FILE."
# What is there is not overwritten, since the findings of other stacks would be lost.
_OTHER_FILE: Final = "Use another file name, or remove that file first."
_FIELDS: Final = ("control", "urn", "detail")
# rules[0].port, rules.0.port, statement 2.
_POSITION: Final = re.compile(r"\[\d+\]|(?<=[A-Za-z\]])\.\d+(?!\w)|\bstatement \d+(?!\w)")
# Ids and the ends of generated names: vpc-0a1b2c3d4e5f60718, logs-1a2b3c4.
_GENERATED: Final = re.compile(r"-(?=[0-9a-f]*\d)[0-9a-f]{7,}\b")


@dataclass(frozen=True, slots=True)
class Baseline:
    """The known findings of a project's stacks, for each stack and the name of each pack that was run on it."""

    project: str
    stacks: Mapping[str, Mapping[str, tuple[Known, ...]]]
    file: str = ""

    def check(self, project: str, stacks: Iterable[str]) -> list[str]:
        """Raises ``PreviewError`` when it is of another project or of other stacks only. Returns notes on stacks that it does not have."""
        where = f"--baseline: {self.file}"
        if self.project != project:
            raise PreviewError(f"{where} is of the project {self.project}, not of {project}. Use that project's file. {_FIX}")
        wanted = list(stacks)
        missing = [stack for stack in wanted if stack not in self.stacks]
        if missing == wanted:
            raise PreviewError(f"{where} knows no stack {listed(wanted)}; it has: {listed(self.stacks)}. {_FIX}")
        return [f"{self.file} has no baseline of the stack {stack}: all its findings are new." for stack in missing]

    def notes(self, reports: Iterable[StackReport]) -> list[str]:
        """Notes on packs that it does not have of stacks that it has. It has every pack that was run, with or without findings."""
        lacking = ((pack.name, report.stack) for report in reports for pack in report.packs if report.stack in self.stacks)
        return [
            f"{self.file} has no baseline of the pack {pack} on the stack {stack}: all its findings are new."
            for pack, stack in lacking
            if pack not in self.stacks[stack]
        ]


def load(file: Path, option: str = "--baseline") -> Baseline:
    """The baseline in a file. Raises ``PreviewError`` when it cannot be read, is none, or is of another version."""
    where = f"{option}: {file}"
    fix = _OTHER_FILE if option == _WRITE else _FIX
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise PreviewError(f"{where} cannot be read: {error.strerror}. {fix}") from error
    except (ValueError, RecursionError) as error:
        raise PreviewError(f"{where} is not valid JSON: {error}. {fix}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise PreviewError(f"{where} is not a baseline of offline-preview. {fix}")
    if data.get("version") != VERSION:
        raise PreviewError(f"{where} has version {json.dumps(data.get('version'))}; this command reads {VERSION}. {fix}")
    try:
        stacks = {
            str(stack): {str(pack): tuple(_known(pack, entry) for entry in entries) for pack, entries in packs.items()}
            for stack, packs in data["stacks"].items()
        }
        return Baseline(_text(data["project"]), stacks, str(file))
    except (AttributeError, KeyError, TypeError) as error:
        raise PreviewError(f"{where} is a damaged baseline: {_damage(error)}. {fix}") from error


def _known(pack: str, entry: Any) -> Known:
    if not isinstance(entry, dict):
        raise TypeError(f"{pack} has an entry that is not an object")
    return Known(pack, *(_text(entry[field]) for field in _FIELDS))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _damage(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def applied(report: StackReport, baseline: Baseline) -> StackReport:
    """The report with the known findings marked, which no longer block, and with those of the baseline that are gone."""
    known = baseline.stacks.get(report.stack, {})
    packs, gone = [], []
    for pack in report.packs:
        marked, left = _marked(pack, known.get(pack.name, ()))
        packs.append(marked)
        gone += [entry for entry in left if _is_gone(entry, pack)]
    return replace(report, packs=tuple(packs), baseline=Path(baseline.file).name, gone=tuple(gone))


def _marked(pack: PackReport, known: Sequence[Known]) -> tuple[PackReport, list[Known]]:
    """The pack's report with what is known marked, and the entries that fit no finding."""
    free: dict[tuple[str, str, str], list[Known]] = {}
    for entry in known:
        free.setdefault(_key(entry), []).append(entry)
    own = [entry_of(finding, pack) for finding in pack.findings]
    failing = [index for index, finding in enumerate(pack.findings) if finding.verdict in RECORDED]
    found: set[int] = set()
    # First those that say exactly the same, so that of two which differ in a position only, the new one is reported.
    for exactly in (True, False):
        for index in (index for index in failing if index not in found):
            entries = free.get(_key(own[index]), [])
            fitting = next((entry for entry in entries if entry == own[index] or not exactly), None)
            if fitting is not None:
                entries.remove(fitting)
                found.add(index)
    findings = [_mark(finding) if index in found else finding for index, finding in enumerate(pack.findings)]
    return replace(pack, findings=tuple(findings)), [entry for entries in free.values() for entry in entries]


def _mark(finding: Finding) -> Finding:
    return replace(finding, verdict="known", level="advisory")


def _is_gone(entry: Known, pack: PackReport) -> bool:
    """Whether a finding that was not found is gone, and not only undecided, exempted or no longer looked for."""
    if pack.control(entry.control).level == "disabled":
        return False
    of_control = [finding for finding in pack.all_findings if finding.control == entry.control]
    # What is undecided or failed for the stack as a whole may be about this resource.
    return not any(
        finding.verdict in ("unknown", "exempt", "error")
        and (finding.urn == entry.urn or (finding.verdict != "exempt" and f"::{STACK_TYPE}::" in finding.urn))
        for finding in of_control
    )


def entry_of(finding: Finding, pack: PackReport) -> Known:
    """A finding as an entry: what it says, without the remedy."""
    detail = shown_message(finding, pack.control(finding.control)).removesuffix(".")
    return Known(finding.pack, finding.control, finding.urn, detail)


def masked(text: str) -> str:
    """A finding's text without what changes by itself: positions in lists and generated ids."""
    return _GENERATED.sub("-*", _POSITION.sub("*", text))


def _key(entry: Known) -> tuple[str, str, str]:
    return entry.control, entry.urn, masked(entry.detail)


def recorded(reports: Sequence[StackReport], file: Path, former: Baseline | None = None) -> Baseline:
    """The findings of reports as a baseline for a file; what ``former`` has of other stacks and packs is kept.

    Raises ``PreviewError`` when a control failed, since its findings would be missing.
    """
    for report in reports:
        broken = sorted({finding.control for finding in report.findings if finding.verdict == "error"})
        if broken:
            raise PreviewError(
                f"--write-baseline: nothing is written, because on the stack {report.stack} controls failed themselves: {listed(broken)}."
                " Fix or disable them."
            )
    stacks = {stack: dict(packs) for stack, packs in former.stacks.items()} if former else {}
    for report in reports:
        for pack in report.packs:
            entries = (entry_of(one, pack) for one in pack.findings if one.verdict in RECORDED and one.control != _OWN)
            stacks.setdefault(report.stack, {})[pack.name] = tuple(sorted(entries))
    return Baseline(reports[0].graph.project, stacks, str(file))


def write(file: Path, baseline: Baseline) -> None:
    """Writes a baseline. Raises ``PreviewError`` when it cannot."""
    stacks = {
        stack: {pack: [entry.to_json() for entry in entries] for pack, entries in sorted(packs.items())}
        for stack, packs in sorted(baseline.stacks.items())
    }
    document = {"format": FORMAT, "version": VERSION, "project": baseline.project, "stacks": stacks}
    try:
        file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise PreviewError(f"--write-baseline: {file} cannot be written: {error.strerror}.") from error


def former(file: Path, project: str) -> Baseline | None:
    """What a file that is to be written has now. Raises ``PreviewError`` when that is no baseline of the project: it would be lost."""
    if not file.exists():
        return None
    found = load(file, _WRITE)
    if found.project != project:
        raise PreviewError(f"--write-baseline: {file} is of the project {found.project}, not of {project}. Use another file.")
    return found


def configuration(baseline: Baseline, stack: str, pack: str, profile: Mapping[str, Any]) -> dict[str, Any]:
    """A pack's profile with the known findings of a stack, for the real CLI."""
    if stack not in baseline.stacks:
        raise PreviewError(f"{baseline.file} has no stack {stack}; it has: {listed(baseline.stacks)}.{nearest(stack, baseline.stacks)}")
    packs = baseline.stacks[stack]
    fitting = [name for name in packs if name == pack] or [name for name in packs if _folder(name) == pack]
    if len(fitting) != 1:
        folders = Counter(map(_folder, packs))
        similar = nearest(pack, [*packs, *(name for name, number in folders.items() if number == 1)])
        raise PreviewError(f"{baseline.file} has no pack {pack}; it has: {listed(packs)}.{similar}")
    return {**profile, _OWN: {"entries": [entry.to_json() for entry in packs[fitting[0]]]}}


def _folder(pack: str) -> str:
    """The name of a pack's folder by convention: cloudpatterns-security is in security/."""
    return pack.rpartition("-")[2]


def count(baseline: Baseline, stacks: Iterable[str]) -> Iterator[tuple[str, int]]:
    """The number of known findings of stacks."""
    return ((stack, sum(len(entries) for entries in baseline.stacks.get(stack, {}).values())) for stack in stacks)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a pack's profile with the known findings of a stack, or an error. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m offline_preview.baseline",
        description="Print the profile of a policy pack with the known findings of a stack, for --policy-pack-config of the Pulumi CLI.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="file that --write-baseline has written")
    parser.add_argument("stack", metavar="STACK", help="name of the stack")
    parser.add_argument(
        "pack", metavar="PACK", help="name of the pack, as the file has it, or its last word: security for cloudpatterns-security"
    )
    parser.add_argument("profile", metavar="PROFILE", type=Path, nargs="?", help="profile to add them to; default: an empty one")
    options = parser.parse_args(arguments)
    try:
        profile = _profile(options.profile)
        print(json.dumps(configuration(load(options.file, "baseline"), options.stack, options.pack, profile), indent=2, ensure_ascii=False))
    except PreviewError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _profile(file: Path | None) -> Mapping[str, Any]:
    if file is None:
        return {}
    from offline_preview.pack_config import read_profile

    read_profile(file)
    return json.loads(file.read_text(encoding="utf-8-sig") or "{}")


if __name__ == "__main__":
    sys.exit(main())
