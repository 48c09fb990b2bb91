"""``--watch``: judges again on each save what the save concerns, with processes that stay."""

import contextlib
import functools
import importlib.util
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from offline_preview.errors import PreviewError
from offline_preview.findings import StackReport, short_name
from offline_preview.packs import Pack
from offline_preview.preview import Job, Kept, Outcome, preview
from offline_preview.runner import ProgramError
from offline_preview.saves import Saves

_IMPORT: Final = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
_CLEAR: Final = "\x1b[2J\x1b[3J\x1b[H"
_ALL: Final = "*"


class Watch:
    """Judges stacks on each save, until it is interrupted. ``job`` reads the command line's choice of stacks and packs again."""

    def __init__(self, job: Callable[[], Job], project_folder: Path, ignored: Iterable[Path], show: Callable[[str], None] = print) -> None:
        self._read, self._show = job, show
        self._folder, self._ignored = project_folder.resolve(), list(ignored)
        self._changed = threading.Event()
        self._job: Job | None = None
        self._kept: Kept | None = None
        self._saves: Saves | None = None
        self._watched: set[Path] = set()
        self._sources: dict[Pack, set[Path]] = {}
        self._libraries: dict[str, int] = {}
        self._reports: dict[str, StackReport] = {}
        self._errors: dict[str, list[str]] = {}
        self._pending: set[str] = {_ALL}
        self._saved = time.monotonic()

    def run(self) -> None:
        """Runs until the process is interrupted, which raises ``KeyboardInterrupt`` here."""
        try:
            while True:
                while self._pending:
                    self._judge()
                self._wait()
                self._notice()
        except PreviewError:
            self.close()
            raise

    def close(self) -> None:
        """Ends every process."""
        if self._saves is not None:
            self._saves.close()
        if self._kept is not None:
            self._kept.close()

    def _wait(self) -> None:
        while not self._changed.wait(0.5):
            if self._environment_changed():
                return
        self._changed.clear()

    def _environment_changed(self) -> bool:
        parent = self._kept.parent if self._kept is not None else None
        now: dict[str, int] = {}
        for folder in sorted(parent.survey.libraries) if parent is not None else ():
            with contextlib.suppress(OSError):
                now[folder] = os.stat(folder).st_mtime_ns
        changed = any(self._libraries.get(folder, stamp) != stamp for folder, stamp in now.items())
        self._libraries = now
        return changed

    def _notice(self) -> None:
        """Finds out what the changes concern; the stacks to judge again are then pending."""
        changes = self._saves.changes() if self._saves is not None else set()
        for path in changes:
            if path.suffix == ".py":
                # What is compiled is found again by the second of the change: two saves in one second may look the same.
                with contextlib.suppress(OSError, NotImplementedError):
                    os.unlink(importlib.util.cache_from_source(str(path)))
        if self._environment_changed() or self._job is None:
            self._restart()
            self._pending.add(_ALL)
        for path in changes:
            self._pending |= self._concerned(path)

    def _restart(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _concerned(self, path: Path) -> set[str]:
        """The stacks that a changed file concerns; packs whose code it is are restarted."""
        job = self._job
        assert job is not None
        if path in self._stack_files(job):
            return {stack for stack, file in self._by_stack(job).items() if file == path}
        beside = path.parent == job.project.stack_folder.resolve() and path.suffix == job.project.file.suffix
        if beside and path.name.startswith("Pulumi.") and path.name != job.project.file.name:
            # One that is new or gone, or of a stack that is not chosen: the choice is read again.
            return {path.name.removeprefix("Pulumi.").removesuffix(path.suffix)}
        stacks: set[str] = set()
        of_packs = False
        for selection in job.packs:
            profiles = {stack: selection.profile(stack) for stack in job.stacks}
            if path.suffix == ".json" and path.parent == selection.pack.folder.resolve():
                of_packs = True
                used = {stack for stack, profile in profiles.items() if profile is not None and profile.resolve() == path}
                stacks |= used if used and path.is_file() else {_ALL}
            elif any(path.is_relative_to(source) for source in self._sources.get(selection.pack, ())):
                of_packs = True
                stacks.add(_ALL)
                if self._kept is not None:
                    self._kept.packs.restart([selection.pack])
        if of_packs and not self._is_loaded(path):
            return stacks
        return {_ALL}

    def _is_loaded(self, path: Path) -> bool:
        parent = self._kept.parent if self._kept is not None else None
        return parent is not None and str(path) in parent.survey.files

    @staticmethod
    def _by_stack(job: Job) -> dict[str, Path]:
        return {stack: Path(job.config_files.get(stack) or job.project.stack_file(stack)).resolve() for stack in job.stacks}

    def _stack_files(self, job: Job) -> set[Path]:
        return set(self._by_stack(job).values())

    def _judge(self) -> None:
        """Judges what is pending; when something is saved meanwhile, that is pending as well."""
        pending, self._pending = self._pending, set()
        try:
            job = self._read()
        except PreviewError as error:
            self._job = None
            self._reports.clear()
            self._errors = {"": [f"Pulumi.yaml:1: error: {error} [settings]"]}
            self._follow([self._folder])
            self._print([])
            return
        if self._kept is not None and (self._job is None or self._job.project.interpreter != job.project.interpreter):
            self._restart()
        self._job = job
        stacks = [stack for stack in job.stacks if _ALL in pending or stack in pending or stack not in {*self._reports, *self._errors}]
        for gone in {*self._reports, *self._errors} - set(job.stacks):
            self._reports.pop(gone, None)
            self._errors.pop(gone, None)
        self._sources = {selection.pack: _sources(selection.pack) for selection in job.packs}
        self._follow_all(job)
        self._show(f"offline-preview: judging {', '.join(stacks) or 'nothing'}")
        outcome = self._previewed(replace(job, stacks=stacks)) if stacks else Outcome()
        if outcome is None:
            self._pending |= pending
            return
        self._take(outcome, stacks)
        self._follow_all(job)
        self._print(stacks)

    def _take(self, outcome: Outcome, stacks: Sequence[str]) -> None:
        for stack in stacks:
            self._reports.pop(stack, None)
            self._errors.pop(stack, None)
        for report in outcome.reports:
            self._reports[report.stack] = report
        for error in outcome.errors:
            for stack in outcome.stacks[str(error)]:
                self._errors.setdefault(stack, []).append(_error_line(error, stack))

    def _previewed(self, job: Job) -> Outcome | None:
        """The outcome, or None when a save has made it worthless: its programs are ended then."""
        if self._kept is None:
            self._kept = Kept(job.project)
        kept = self._kept
        outcomes: list[Outcome] = []
        errors: list[Exception] = []

        def work() -> None:
            kept.start_parent()
            try:
                outcomes.append(preview(job, kept=kept))
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=work, name="watch", daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(0.02)
            if self._changed.is_set():
                self._changed.clear()
                self._notice()
                if self._pending:
                    kept.cancel()
                    thread.join()
                    return None
        if errors:
            raise errors[0]
        return outcomes[0]

    def _save(self) -> None:
        self._saved = time.monotonic()
        self._changed.set()

    def _follow_all(self, job: Job) -> None:
        folders = {self._folder, job.project.root, job.project.stack_folder, *(selection.pack.folder for selection in job.packs)}
        folders |= {Path(file).resolve().parent for file in job.config_files.values()}
        folders |= {source for sources in self._sources.values() for source in sources}
        parent = self._kept.parent if self._kept is not None else None
        folders |= {Path(file).parent for file in (parent.survey.files if parent is not None else ())}
        self._follow(folders)

    def _follow(self, folders: Iterable[Path]) -> None:
        """Watches the folders as well; what changed before is not lost."""
        wanted = {folder.resolve() for folder in folders}
        if all(any(folder.is_relative_to(watched) for watched in self._watched) for folder in wanted):
            return
        if self._saves is not None:
            self._notice()
            self._saves.close()
        self._watched |= wanted
        self._saves = Saves(self._watched, self._ignored, self._save)

    def _print(self, judged: Sequence[str]) -> None:
        from offline_preview.reports import terminal

        out = terminal.console()
        if sys.stdout.isatty():
            self._show(_CLEAR)
        for lines in self._errors.values():
            for line in lines:
                self._show(line)
        job = self._job
        place = job.project.file.name if job is not None else "Pulumi.yaml"
        reports = sorted(self._reports.values(), key=lambda report: report.stack)
        for line in dict.fromkeys(line for report in reports for line in finding_lines(report, place)):
            self._show(line)
        longest = max((len(report.stack) for report in reports), default=0)
        for report in reports:
            out.print(terminal.verdict(report, longest), soft_wrap=True)
        what = f"{', '.join(judged)} judged in {time.monotonic() - self._saved:.1f} s; " if judged else ""
        self._show(f"offline-preview: {what}watching. Ctrl-C ends it.")


def finding_lines(report: StackReport, place: str) -> list[str]:
    """``file:line: level: message [control]``, as problem matchers of editors read it, for open ones; ``place`` where no line is known."""
    resources = {resource.urn: resource for resource in report.graph.resources}
    lines = []
    for finding in report.findings:
        if finding.verdict in ("exempt", "known"):
            continue
        source = resources[finding.urn].source if finding.urn in resources else ""
        level = "error" if finding.blocks else "warning"
        text = " ".join(f"{short_name(finding.urn)}: {finding.message}".split())
        lines.append(f"{source or f'{place}:1'}: {level}: {text} [{finding.control}]")
    return lines


def _error_line(error: Exception, stack: str) -> str:
    where = error.where if isinstance(error, ProgramError) else ""
    return f"{where or 'Pulumi.yaml:1'}: error: stack {stack}: {error} [program]"


@functools.cache
def _module_folder(name: str) -> Path | None:
    """The folder of an imported package that is not installed, but somebody's source."""
    with contextlib.suppress(ImportError, ValueError, AttributeError):
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec is not None else None
        if origin and "site-packages" not in origin and os.path.basename(origin) == "__init__.py":
            folder = Path(origin).resolve().parent
            return None if folder.is_relative_to(Path(os.__file__).resolve().parent) else folder
    return None


def _sources(pack: Pack) -> set[Path]:
    """The folders of a pack's code: its own, and those of packages it imports that are not installed."""
    names: set[Any] = set()
    for file in pack.program.glob("*.py"):
        with contextlib.suppress(OSError):
            names |= set(_IMPORT.findall(file.read_text(encoding="utf-8", errors="replace")))
    packages = {folder for name in names if (folder := _module_folder(name)) is not None}
    return {pack.folder.resolve(), pack.program.resolve(), *packages}
