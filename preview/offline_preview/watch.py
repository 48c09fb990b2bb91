"""``--watch``: judges again on each save what the save concerns, with processes that stay."""

import contextlib
import functools
import glob
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

from offline_preview.environments import Environments, usable
from offline_preview.errors import PreviewError
from offline_preview.findings import StackReport, short_name
from offline_preview.packs import Pack
from offline_preview.preview import Job, Kept, Outcome, preview
from offline_preview.runner import ProgramError
from offline_preview.saves import Saves

_IMPORT: Final = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
_CLEAR: Final = "\x1b[2J\x1b[3J\x1b[H"
_ALL: Final = "*"
_LOOK_SECONDS: Final = 0.5
_INSTALLED_SECONDS: Final = 1.0
"""An installation is at its end when nothing has changed for so long; one that is not is noticed again."""
_PACK_SECONDS: Final = 2.0
"""Time that packs have to finish with a stack whose verdict nobody waits for any more; after that they are ended."""


class Watch:
    """Judges stacks on each save, until it is interrupted. ``job`` reads the command line's choice of stacks and packs again."""

    def __init__(self, job: Callable[[], Job], project_folder: Path, ignored: Iterable[Path], show: Callable[[str], None] = print) -> None:
        self._read, self._show = job, show
        self._here = Path.cwd()
        self._folder, self._ignored = project_folder.resolve(), list(ignored)
        self._changed = threading.Event()
        self._job: Job | None = None
        self._kept: Kept | None = None
        self._saves: Saves | None = None
        self._watched: set[Path] = set()
        self._sources: dict[Pack, set[Path]] = {}
        self._environments = Environments()
        self._reports: dict[str, StackReport] = {}
        self._errors: dict[str, list[str]] = {}
        self._pending: set[str] = {_ALL}
        self._installed = False
        self._old_packs: set[Pack] = set()
        self._old_sources: set[Path] = set()
        self._saved = time.monotonic()

    def run(self) -> None:
        """Runs until the process is interrupted, which raises ``KeyboardInterrupt`` here."""
        try:
            self._environments.follow((), ())
            while True:
                while self._pending:
                    self._judge()
                self._wait()
                self._notice()
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Ends every process."""
        if self._saves is not None:
            self._saves.close()
        self._end_processes()

    def _end_processes(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _wait(self) -> None:
        while not self._changed.wait(_LOOK_SECONDS):
            if self._environment_changed() or (self._saves is not None and self._saves.stale):
                self._saved = time.monotonic()
                return
        self._changed.clear()

    def _environment_changed(self) -> bool:
        changed = self._environments.changed()
        self._installed = self._installed or changed
        return changed

    def _notice(self) -> None:
        """Finds out what the changes concern; the stacks to judge again are then pending. A run may be under way meanwhile."""
        changes = self._saves.changes() if self._saves is not None else set()
        self._old_sources |= {path for path in changes if path.suffix == ".py"}
        self._environment_changed()
        if self._installed or self._job is None or (self._saves is not None and self._saves.stale):
            self._pending.add(_ALL)
            return
        for path in changes:
            self._pending |= self._concerned(path)

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
                self._old_packs.add(selection.pack)
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
        if self._installed and not self._renewed():
            return
        self._forget()
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
        if self._kept is not None and not self._kept.serves(job.project):
            self._end_processes()
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

    def _renewed(self) -> bool:
        """Becomes a new process of the same command, since this one has loaded what was installed before; False where there is none."""
        self._end_processes()
        self._show("offline-preview: installed packages have changed; waiting for the end of it")
        time.sleep(_INSTALLED_SECONDS)
        while self._environments.changed():
            time.sleep(_INSTALLED_SECONDS)
        if usable():
            self.close()
            sys.stdout.flush()
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        self._pending.clear()
        self._show(
            f"Pulumi.yaml:1: error: {sys.prefix} has no complete offline-preview any more, or is gone. Install it there again;"
            " then this goes on. [environment]"
        )
        self._show("offline-preview: nothing judged; watching. Ctrl-C ends it.")
        return False

    def _forget(self) -> None:
        """Removes what is older than the changes: processes of packs, and what is compiled."""
        with contextlib.suppress(OSError):
            # It may be another folder of the same name.
            os.chdir(self._here)
        if self._kept is not None:
            self._kept.packs.restart(self._old_packs)
        for path in self._old_sources:
            # What is compiled is found again by the second of the change and the size: two saves in one second may look the same.
            folder = Path(importlib.util.cache_from_source(str(path))).parent
            for compiled in folder.glob(f"{glob.escape(path.stem)}.*.pyc"):
                compiled.unlink(missing_ok=True)
        self._old_packs.clear()
        self._old_sources.clear()

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
                    _end(thread, kept)
                    return None
        if errors:
            if self._environment_changed():
                # What it had not loaded yet is gone.
                self._pending.add(_ALL)
                return None
            raise errors[0]
        return outcomes[0]

    def _save(self) -> None:
        self._saved = time.monotonic()
        self._changed.set()

    def _follow_all(self, job: Job) -> None:
        folders = {self._folder, job.project.root, job.project.stack_folder, *(selection.pack.folder for selection in job.packs)}
        # They may be links, or stand elsewhere.
        folders |= {file.parent for file in self._stack_files(job)}
        folders |= {selection.config.parent for selection in job.packs if selection.config is not None}
        folders |= {source for sources in self._sources.values() for source in sources}
        survey = self._kept.parent.survey if self._kept is not None and self._kept.parent is not None else None
        folders |= {Path(file).parent for file in (survey.files if survey is not None else ())}
        self._follow(folders)
        environments = {job.project.environment, *(selection.pack.environment for selection in job.packs)} - {None}
        self._environments.follow((folder for folder in environments if folder is not None), survey.libraries if survey is not None else ())

    def _follow(self, folders: Iterable[Path]) -> None:
        """Watches the folders as well; what changed before is not lost."""
        wanted = {folder.resolve() for folder in folders}
        followed = all(any(folder.is_relative_to(watched) for watched in self._watched) for folder in wanted)
        if followed and self._saves is not None and not self._saves.stale:
            return
        if self._saves is not None:
            self._notice()
            self._saves.close()
        self._watched |= wanted
        self._saves = Saves(self._watched, self._ignored, self._save, lambda line: self._show(f"offline-preview: {line}"))

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


def _end(thread: threading.Thread, kept: Kept) -> None:
    """Ends a preview that is under way; it may not have come to its programs yet, so it is asked until it has ended."""
    begin = time.monotonic()
    while thread.is_alive():
        kept.cancel(packs=time.monotonic() - begin > _PACK_SECONDS)
        thread.join(0.05)


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
