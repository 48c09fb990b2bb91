"""One preview: programs and packs of several stacks in parallel, since starting them takes most of the time; no more than processors."""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offline_preview import children, runner
from offline_preview.errors import PreviewError
from offline_preview.findings import PackReport, StackReport
from offline_preview.forks import SUPPORTED, Parent
from offline_preview.graph import Graph
from offline_preview.pack_pool import ORGANIZATION, PackPool, Preparation
from offline_preview.packs import PackSelection
from offline_preview.project import Project
from offline_preview.stack_config import StackConfig, load_stack_config


@dataclass(frozen=True, slots=True)
class Job:
    """What to preview. ``deployed`` invents the outputs AWS would compute; otherwise they are unknown, as in the CLI's preview."""

    project: Project
    stacks: Sequence[str]
    packs: Sequence[PackSelection] = ()
    sets: Sequence[str] = ()
    config_files: Mapping[str, Path] = field(default_factory=dict)
    """Files of configuration by stack, in place of the project's."""
    stack_references: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    deployed: bool = True
    at_once: int | None = None
    """How many stacks run at the same time; default: as many as there are processors, and at least two."""
    output: Callable[[str], None] = print
    """Gets each line that a program prints, from several threads."""


@dataclass(slots=True)
class Outcome:
    """Reports of the stacks that could be previewed, errors of the others, and log messages of packs."""

    reports: list[StackReport] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    stacks: dict[str, list[str]] = field(default_factory=dict)
    """The stacks that ended in an error, by its text."""
    logs: list[str] = field(default_factory=list)

    def fail(self, stack: str, error: Exception) -> None:
        """Adds an error; the same error of several stacks only once."""
        stacks = self.stacks.setdefault(str(error), [])
        if not stacks:
            self.errors.append(error)
        stacks.append(stack)


class Kept:
    """The processes that several stacks, and several previews of a project, share. ``close`` ends them."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.parent: Parent | None = None
        self.log: Callable[[str], None] = lambda _line: None
        """Gets what packs log."""
        self.stop_programs: Callable[[], None] | None = None
        self.packs = PackPool(project.root, project.name, lambda line: self.log(line))

    def start_parent(self) -> None:
        """Starts the process that loads the SDK once for all programs, where it can fork. In a thread, see ``children.start``."""
        if SUPPORTED and (self.parent is None or not self.parent.alive):
            # An interpreter that cannot be started is reported by the first program.
            with contextlib.suppress(OSError):
                self.parent = runner.start_parent(self._project.interpreter)

    def serves(self, project: Project) -> bool:
        """Whether the processes are right for a project as it is now."""
        before = self._project
        return (before.root, before.name, before.interpreter) == (project.root, project.name, project.interpreter)

    def cancel(self, *, packs: bool = False) -> None:
        """Ends the programs that run, and with ``packs`` the packs that check something; the preview then ends soon, with errors."""
        if self.stop_programs is not None:
            self.stop_programs()
        if packs:
            self.packs.kill()

    def close(self) -> None:
        """Ends all processes."""
        self.packs.close()
        if self.parent is not None:
            self.parent.close()
            self.parent = None


def preview(job: Job, progress: Callable[[str], None] = lambda _: None, started: float | None = None, kept: Kept | None = None) -> Outcome:
    """Previews all stacks of a job. ``started`` (``time.monotonic``) is when the command began; times in the reports count from there.
    ``kept`` are the processes of the previews before, which the caller closes.

    Wrong settings, programs and packs are in the outcome's errors; with wrong settings of one stack, the others are previewed only with
    ``kept``, whose caller shows the stacks one by one. No process is left behind, whatever happens.
    """
    begin = time.monotonic() if started is None else started
    outcome = Outcome()
    configs: dict[str, StackConfig] = {}
    for stack in job.stacks:
        try:
            configs[stack] = load_stack_config(job.project, stack, job.sets, job.config_files.get(stack))
        except PreviewError as error:
            outcome.fail(stack, error)
    if outcome.errors and kept is None:
        return outcome
    stacks = [*configs]
    with ExitStack() as cleanup:
        at_once = min(len(stacks), job.at_once or max(2, os.cpu_count() or 2))
        workers = ThreadPoolExecutor(max_workers=max(1, at_once * (len(job.packs) + 1)), thread_name_prefix="preview")
        # Last: the threads end when the processes that they wait for have been stopped.
        cleanup.callback(workers.shutdown, wait=True, cancel_futures=True)
        lasting = kept is not None
        if kept is None:
            kept = Kept(job.project)
            # The first stacks would not be faster with it: each of them loads the SDK on a processor of its own.
            if len(stacks) > at_once:
                workers.submit(kept.start_parent).result()
            cleanup.callback(kept.close)
        programs, packs = _Programs(job, kept.parent), kept.packs
        kept.log = outcome.logs.append
        kept.stop_programs = programs.stop
        cleanup.callback(programs.stop)

        def begin_stack(stack: str) -> tuple["Future[Graph]", Sequence[Preparation]]:
            # The program first: it takes longest.
            graph = workers.submit(programs.record, stack, configs[stack])
            return graph, packs.start(stack, configs[stack], job.packs, workers)

        progress("starting")
        waiting = iter(stacks)
        running = {stack: begin_stack(stack) for stack in itertools.islice(waiting, at_once)}
        for stack in stacks:
            graph_of, sessions = running.pop(stack)
            progress(f"{stack}: running the program")
            usable = False
            try:
                graph = graph_of.result()
                progress(f"{stack}: checking {len(graph.resources)} resources with {len(job.packs)} packs")
                reports = _check(graph, sessions, workers)
            except (PreviewError, runner.ProgramError) as error:
                outcome.fail(stack, error)
                # The packs have nothing to do with a program that fails.
                usable = lasting and isinstance(error, runner.ProgramError) and all(ready.exception() is None for _, ready in sessions)
            else:
                usable = True
                notes = (*configs[stack].notes, *_notes(job.packs, stack))
                mode = "deployed" if job.deployed else "preview"
                outcome.reports.append(StackReport(graph, reports, time.monotonic() - begin, notes, mode=mode))
            packs.stop(stack, usable=usable)
            if (following := next(waiting, None)) is not None:
                running[following] = begin_stack(following)
    return outcome


def judge(
    graph: Graph,
    packs: Sequence[PackSelection],
    notes: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
    started: float | None = None,
) -> Outcome:
    """Runs packs on an existing graph, without a program and its configuration. Otherwise like ``preview``."""
    begin = time.monotonic() if started is None else started
    outcome = Outcome()
    with ExitStack() as cleanup:
        workers = ThreadPoolExecutor(max_workers=max(1, len(packs)), thread_name_prefix="judge")
        cleanup.callback(workers.shutdown, wait=True, cancel_futures=True)
        try:
            pool = PackPool(None, graph.project, outcome.logs.append)
            cleanup.callback(pool.close)
            preparations = pool.start(graph.stack, StackConfig({}), packs, workers)
            progress(f"{graph.stack}: checking {len(graph.resources)} resources with {len(packs)} packs")
            reports = _check(graph, preparations, workers)
        except PreviewError as error:
            outcome.fail(graph.stack, error)
            return outcome
        notes = (*notes, *_notes(packs, graph.stack))
        outcome.reports.append(StackReport(graph, reports, time.monotonic() - begin, notes, mode="state"))
    return outcome


def _notes(packs: Sequence[PackSelection], stack: str) -> Iterator[str]:
    return (note for selection in packs if (note := selection.note(stack)) is not None)


class _Programs:
    """The programs of all stacks, each in a separate process."""

    def __init__(self, job: Job, parent: Parent | None) -> None:
        self._job, self._parent = job, parent
        self._lock = threading.Lock()
        self._processes: list[children.Process] = []
        self._stopped = False

    def record(self, stack: str, config: StackConfig) -> Graph:
        """Runs the program for a stack; raises ``ProgramError`` when it fails."""
        job = self._job
        program = runner.Program(
            directory=job.project.root,
            main=job.project.program,
            project=job.project.name,
            stack=stack,
            organization=ORGANIZATION,
            config=config.values,
            secret_keys=frozenset(config.secret_keys),
            deployed=job.deployed,
            stack_references=job.stack_references,
            python=job.project.interpreter,
        )
        graph = runner.run(program, job.output, self._started, self._parent)
        if self._parent is not None:
            # What this program has needed, the next ones find loaded.
            self._parent.load()
        return graph

    def stop(self) -> None:
        """Ends every program that still runs, and those that are just being started."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                children.kill(process)

    def _started(self, process: children.Process) -> None:
        with self._lock:
            self._processes.append(process)
            if self._stopped:
                children.kill(process)


def _check(graph: Graph, sessions: Sequence[Preparation], workers: ThreadPoolExecutor) -> tuple[PackReport, ...]:
    for _, prepared in sessions:
        prepared.result()
    checks = [workers.submit(session.check, graph) for session, _ in sessions]
    return tuple(check.result() for check in checks)
