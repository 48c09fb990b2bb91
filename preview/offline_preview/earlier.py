"""What a run is compared with: a baseline of known findings, and the report of an earlier run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from offline_preview import baseline, changes
from offline_preview.baseline import Baseline
from offline_preview.changes import Earlier
from offline_preview.errors import PreviewError
from offline_preview.findings import StackReport


@dataclass(frozen=True, slots=True)
class Files:
    """The files of the command line; None where there is none."""

    baseline: Path | None = None
    write_baseline: Path | None = None
    against: Path | None = None

    def open(self, project: str, stacks: Sequence[str], mode: str) -> "Comparison":
        """Reads the files, before anything else is done. Raises ``PreviewError`` when one does not fit to what is run."""
        if self.baseline is not None and self.write_baseline is not None:
            raise PreviewError("--write-baseline: records every finding as known, and --baseline tells the new ones; use one of them.")
        known = None if self.baseline is None else baseline.load(self.baseline)
        former = None if self.write_baseline is None else baseline.former(self.write_baseline, project)
        against = None if self.against is None else changes.load(self.against)
        notes = [] if known is None else known.check(project, stacks)
        notes += [] if against is None else against.check(project, stacks, mode)
        return Comparison(known, self.write_baseline, former, against, tuple(notes))


@dataclass(frozen=True, slots=True)
class Comparison:
    """The contents of the files, and notes for the user on them."""

    known: Baseline | None = None
    target: Path | None = None
    """Where the findings are to be recorded."""
    former: Baseline | None = None
    """What is there now."""
    against: Earlier | None = None
    notes: tuple[str, ...] = ()

    def complete(self, reports: Sequence[StackReport], *, failed: bool) -> tuple[list[StackReport], list[str]]:
        """The reports with known findings and changes, and notes. Writes the baseline, unless a stack ``failed``."""
        notes = list(self.notes)
        known = self.known
        if self.target is not None and not failed:
            known = baseline.recorded(reports, self.target, self.former)
            baseline.write(self.target, known)
            for stack, number in baseline.count(known, [report.stack for report in reports]):
                notes.append(f"{self.target}: recorded findings of {stack}: {number}.")
        notes += [] if known is None else known.notes(reports)
        result = []
        for report in reports:
            one = report if known is None else baseline.applied(report, known)
            result.append(one if self.against is None else changes.compared(one, self.against))
        return result, notes
