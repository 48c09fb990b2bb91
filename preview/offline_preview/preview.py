"""One preview: programs and packs of several stacks in parallel, since starting them takes most of the time; no more than processors."""

import itertools
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from offline_preview import children, runner
from offline_preview.errors import PreviewError
from offline_preview.findings import PackReport, StackReport
from offline_preview.graph import Graph
from offline_preview.packs import PackSelection
from offline_preview.project import Project
from offline_preview.stack_config import StackConfig, load_stack_config

if TYPE_CHECKING:
    from offline_preview.engine_service import EngineServer
    from offline_preview.pack_session import PackSession

ORGANIZATION: Final = "organization"
"""The CLI's name of the organization with a self-managed backend."""


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


def preview(job: Job, progress: Callable[[str], None] = lambda _: None, started: float | None = None) -> Outcome:
    """Previews all stacks of a job. ``started`` (``time.monotonic``) is when the command began; times in the reports count from there.

    Wrong settings, programs and packs are in the outcome's errors. No process is left behind, whatever happens.
    """
    begin = time.monotonic() if started is None else started
    outcome = Outcome()
    configs: dict[str, StackConfig] = {}
    for stack in job.stacks:
        try:
            configs[stack] = load_stack_config(job.project, stack, job.sets, job.config_files.get(stack))
        except PreviewError as error:
            outcome.fail(stack, error)
    if outcome.errors:
        return outcome
    with ExitStack() as cleanup:
        at_once = min(len(job.stacks), max(2, os.cpu_count() or 2))
        workers = ThreadPoolExecutor(max_workers=max(1, at_once * (len(job.packs) + 1)), thread_name_prefix="preview")
        # Last: the threads end when the processes that they wait for have been stopped.
        cleanup.callback(workers.shutdown, wait=True, cancel_futures=True)
        programs = _Programs(job)
        cleanup.callback(programs.stop)
        packs = _Packs(job.project.root, job.project.name, job.packs, cleanup, outcome.logs.append)

        def begin_stack(stack: str) -> tuple["Future[Graph]", Sequence[Preparation]]:
            # The program first: it takes longest.
            graph = workers.submit(programs.record, stack, configs[stack])
            return graph, packs.start(stack, configs[stack], workers)

        progress("starting")
        waiting = iter(job.stacks)
        running = {stack: begin_stack(stack) for stack in itertools.islice(waiting, at_once)}
        for stack in job.stacks:
            graph_of, sessions = running.pop(stack)
            progress(f"{stack}: running the program")
            try:
                graph = graph_of.result()
                progress(f"{stack}: checking {len(graph.resources)} resources with {len(job.packs)} packs")
                reports = _check(graph, sessions, workers)
            except (PreviewError, runner.ProgramError) as error:
                outcome.fail(stack, error)
            else:
                notes = (*configs[stack].notes, *_notes(job.packs, stack))
                mode = "deployed" if job.deployed else "preview"
                outcome.reports.append(StackReport(graph, reports, time.monotonic() - begin, notes, mode=mode))
            if (following := next(waiting, None)) is not None:
                packs.stop(stack)
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
            sessions = _Packs(None, graph.project, packs, cleanup, outcome.logs.append)
            preparations = sessions.start(graph.stack, StackConfig({}), workers)
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

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[str]] = []
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
        return runner.run(program, job.output, self._started)

    def stop(self) -> None:
        """Ends every program that still runs, and those that are just being started."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                children.kill(process)

    def _started(self, process: subprocess.Popen[str]) -> None:
        with self._lock:
            self._processes.append(process)
            if self._stopped:
                children.kill(process)


Preparation = tuple["PackSession", "Future[None]"]


class _Packs:
    """The packs of all stacks, each stack with processes of its own."""

    def __init__(
        self,
        folder: Path | None,
        project: str,
        packs: Sequence[PackSelection],
        cleanup: ExitStack,
        log: Callable[[str], None],
    ) -> None:
        self._folder, self._project, self._packs, self._cleanup, self._log = folder, project, packs, cleanup, log
        self._engine: EngineServer | None = None
        self._sessions: dict[str, list[PackSession]] = {}

    def start(self, stack: str, config: StackConfig, workers: ThreadPoolExecutor) -> list[Preparation]:
        """The sessions of a stack, each with the future of its configuration: all are started before the first is waited for."""
        if not self._packs:
            return []
        # These import gRPC, which a preview without packs does not need, and for which the programs need not wait.
        from offline_preview.engine_service import EngineServer
        from offline_preview.pack_process import PackProcess, PackStack
        from offline_preview.pack_session import PackSession

        if self._engine is None:
            self._engine = EngineServer(self._log)
            self._cleanup.callback(self._engine.stop)
        about = PackStack(self._project, stack, ORGANIZATION, config, self._folder)
        sessions = self._sessions[stack] = []
        for selection in self._packs:
            # In another thread, see `children.start`.
            process = workers.submit(PackProcess, selection.pack, about, self._engine.address).result()
            session = PackSession(process, about, selection.profile(stack))
            self._cleanup.callback(session.close)
            sessions.append(session)
        return [(session, workers.submit(session.prepare)) for session in sessions]

    def stop(self, stack: str) -> None:
        """Ends the processes of a stack that was judged, before others are started."""
        for session in self._sessions.pop(stack, []):
            session.close()


def _check(graph: Graph, sessions: Sequence[Preparation], workers: ThreadPoolExecutor) -> tuple[PackReport, ...]:
    for _, prepared in sessions:
        prepared.result()
    checks = [workers.submit(session.check, graph) for session, _ in sessions]
    return tuple(check.result() for check in checks)
