"""Tries mutants in forked children: a fresh interpreter for each would cost more than the tests themselves.

A mutant of a function's body gets the changed code put into the live function of a process that has collected the tests already. What runs
while modules are imported (tables, class bodies, functions that make a module's constants) is imported anew, from the changed source.
Either way only the tests that run the changed statement are run, quickest first, until one fails.
"""

import functools
import gc
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

import coverage
import google.protobuf.struct_pb2
import pulumi.runtime.proto.analyzer_pb2
import pulumi_policy
import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from tests.mutation.mutants import PACKAGE, ROOT, SETTINGS, STATE, Mutant, compiled

WARM: Final = (google.protobuf.struct_pb2, pulumi.runtime.proto.analyzer_pb2, pulumi_policy)
"""Loaded here, so that no child has to."""

_OPTIMIZED: Final = 1
"""The flag of a function's code; that of a class body does not have it."""
_BATCH: Final = 1000
_FILES: Final = 6
"""Test files that a mutant gets which has to be imported; to collect them all would take longer than to run them."""
_SPARE_SECONDS: Final = 1.0
_SLOWER: Final = 5.0
_IMPORT_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 500
"""How long a child may take that hangs without working."""
_MEMORY: Final = 4 << 30

Send = Callable[[Any], None]


class Broken(Exception):
    """Tests fail without any mutant."""


@dataclass
class Known:
    """What one run of all tests tells."""

    tests: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    """The tests that run a line of a file."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each test takes."""
    imported: set[tuple[str, int]] = field(default_factory=set)
    """Lines that run while modules are imported and tests are collected."""
    failed: list[str] = field(default_factory=list)
    """Tests that fail as it is."""

    def at_import(self, mutant: Mutant) -> bool:
        """Whether the changed statement runs at import."""
        return any((os.fspath(mutant.path), line) in self.imported for line in mutant.lines)

    def choose(self, mutant: Mutant) -> list[str]:
        """The tests that run the changed statement."""
        path = os.fspath(mutant.path)
        return self._order(mutant, set().union(*(self.tests.get((path, line), ()) for line in mutant.lines)))

    def choose_all(self, mutant: Mutant) -> Iterator[list[str]]:
        """For a statement that runs at import: the tests of its own test file, then those of the files that run most of the module."""
        path = os.fspath(mutant.path)
        near = Counter(name.partition("::")[0] for (where, _), names in self.tests.items() if where == path for name in names)
        files = [file for file, _ in near.most_common(_FILES)]
        names = self._order(mutant, (name for name in self.seconds if name.partition("::")[0] in files or not files))
        own = [name for name in self._order(mutant, self.seconds) if self._is_own(mutant, name)]
        yield from filter(None, (own, [name for name in names if name not in own]))

    def limit(self, names: Iterable[str]) -> float:
        """Processor seconds after which tests count as hanging."""
        return _SPARE_SECONDS + _SLOWER * sum(self.seconds[name] for name in names)

    def _order(self, mutant: Mutant, names: Iterable[str]) -> list[str]:
        """Tests of the module's own file first, then one of each file in turn, quickest first, as long as the time lasts."""
        turns: Counter[str] = Counter()
        ranked = []
        for name in sorted(names, key=self.seconds.__getitem__):
            file = name.partition("::")[0]
            turns[file] += 1
            ranked.append((not self._is_own(mutant, name), turns[file], self.seconds[name], name))
        ranked.sort()
        spent = accumulate(seconds for _, _, seconds, _ in ranked)
        return [name for (strange, _, _, name), total in zip(ranked, spent, strict=True) if not strange or total < SETTINGS["seconds"]]

    @staticmethod
    def _is_own(mutant: Mutant, name: str) -> bool:
        return f"/test_{mutant.path.stem.strip('_')}" in name.partition("::")[0]


def run(mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, bool]]:
    """Tries mutants one after the other; gives each with whether a test failed on it, in about the order given."""
    known = _known()
    for start in range(0, len(mutants), _BATCH):
        yield from _run(mutants[start : start + _BATCH], known)


def _run(mutants: Sequence[Mutant], known: Known) -> Iterator[tuple[Mutant, bool]]:
    late: list[Mutant] = []
    for index, killed in _messages(functools.partial(_try_collected, known, mutants)):
        if killed is None:
            late.append(mutants[index])
        else:
            yield mutants[index], killed
    for mutant in late:
        yield (
            mutant,
            any(not _passes(functools.partial(_import_anew, mutant, names, known.limit(names))) for names in known.choose_all(mutant)),
        )


def _known() -> Known:
    """What the last run learnt, if nothing has changed since."""
    digest = hashlib.sha256()
    for path in sorted(
        path for folder in (PACKAGE, ROOT / SETTINGS["tests"]) for path in folder.rglob("*") if path.suffix in (".py", ".yaml")
    ):
        digest.update(os.fspath(path).encode() + path.read_bytes())
    kept = STATE / f"{digest.hexdigest()}.pickle"
    if kept.exists():
        return pickle.loads(kept.read_bytes())
    (known,) = _messages(_learn)
    if known.failed:
        raise Broken(f"tests fail without any mutant: {', '.join(known.failed)}")
    STATE.mkdir(parents=True, exist_ok=True)
    for stale in STATE.glob("*.pickle"):
        stale.unlink()
    kept.write_bytes(pickle.dumps(known))
    return known


def _learn(send: Send) -> None:
    """Runs all tests once, line by line."""
    known = Known()
    lines = coverage.Coverage(data_file=None, config_file=False, include=[f"{PACKAGE}/*"])
    lines.start()

    def loop(session: pytest.Session) -> None:
        data = lines.get_data()
        known.imported = {(path, line) for path in data.measured_files() for line in data.lines(path) or ()}
        for item in session.items:
            lines.switch_context(item.nodeid)
            begin = time.process_time()
            if _fails(item):
                known.failed.append(item.nodeid)
            known.seconds[item.nodeid] = time.process_time() - begin

    if not _pytest([SETTINGS["tests"]], _Plugin(loop)):
        raise Broken("the tests did not come to their end")
    lines.stop()
    data = lines.get_data()
    for path in data.measured_files():
        for line, names in data.contexts_by_lineno(path).items():
            known.tests[path, line] = set(names) & known.seconds.keys()
    send(known)


def _try_collected(known: Known, mutants: Sequence[Mutant], send: Send) -> None:
    """Tries the mutants of function bodies. Sends the number of each with the result, None where it has to be imported."""

    def loop(session: pytest.Session) -> None:
        items = {item.nodeid: item for item in session.items}
        functions, caches = _live()
        gc.freeze()

        def attempt(changes: list[tuple[CodeType, CodeType]], names: list[str]) -> bool:
            for cache in caches:
                cache.cache_clear()
            for old, new in changes:
                for function in functions[old]:
                    function.__code__ = new
            for name in names:
                signal.setitimer(signal.ITIMER_VIRTUAL, known.limit([name]))
                if _fails(items[name]):
                    return False
            return True

        for index, mutant in enumerate(mutants):
            changes = _changes(mutant)
            if changes is None or not all(functions.get(old) for old, _ in changes):
                send((index, None))
                continue
            names = known.choose(mutant)
            killed = not _passes(functools.partial(attempt, changes, names))
            # What the unchanged function gave at import is there still, so a survivor may be none.
            send((index, None if not killed and known.at_import(mutant) else killed))

    if not _pytest([SETTINGS["tests"]], _Plugin(loop)):
        raise Broken("the tests did not come to their end")


def _import_anew(mutant: Mutant, names: list[str], seconds: float) -> bool:
    """Runs tests in this process, which has not imported the package yet, on the changed source."""
    signal.setitimer(signal.ITIMER_VIRTUAL, _IMPORT_SECONDS + seconds)
    parts = mutant.path.relative_to(PACKAGE.parent).with_suffix("").parts
    sys.meta_path.insert(0, _Finder(".".join(parts[:-1] if parts[-1] == "__init__" else parts), mutant))
    passed: list[bool] = []

    def loop(session: pytest.Session) -> None:
        items = {item.nodeid: item for item in session.items}
        # A mutant may change which tests there are; one that is missing has failed.
        passed.append(not session.testsfailed and not any(name not in items or _fails(items[name]) for name in names))

    _pytest(sorted({name.partition("::")[0] for name in names}), _Plugin(loop))
    return passed == [True]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a mutant's source."""

    def __init__(self, name: str, mutant: Mutant) -> None:
        self._name = name
        self._mutant = mutant

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        origin = os.fspath(self._mutant.path)
        package = self._mutant.path.name == "__init__.py"
        spec = importlib.util.spec_from_loader(fullname, self, origin=origin, is_package=package)
        if spec is not None and package:
            spec.submodule_search_locations = [os.path.dirname(origin)]
        return spec

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = os.fspath(self._mutant.path)
        exec(self._mutant.code, module.__dict__)


class _Plugin:
    """Runs something with the collected tests instead of running them."""

    def __init__(self, loop: Callable[[pytest.Session], None]) -> None:
        self._loop = loop

    def pytest_configure(self) -> None:
        # Shrinking a failure to a small example takes long and kills no better.
        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutants", parent=settings.get_profile("project"), phases=phases, database=None)
        settings.load_profile("mutants")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not any(name in item.nodeid for name in SETTINGS["deselected"])]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._loop(session)
        return True


def _pytest(arguments: Sequence[str], plugin: _Plugin) -> bool:
    """Collects tests and runs what the plugin wants; False when that did not come to its end."""
    options = [
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:pytest_cov",
        "--hypothesis-seed=0",
        f"--rootdir={ROOT}",
    ]
    return pytest.main([*options, *arguments], plugins=[plugin]) == pytest.ExitCode.OK


def _fails(item: pytest.Item) -> bool:
    """Whether a test fails. What pytest says of a failure would take most of the time."""
    vars(item)["repr_failure"] = lambda *_: ""
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def _live() -> tuple[dict[CodeType, list[FunctionType]], list[Any]]:
    """The package's functions by their code, and its caches, which may hold what the unchanged code gave."""
    functions: dict[CodeType, list[FunctionType]] = {}
    caches = []
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(os.fspath(PACKAGE)):
            functions.setdefault(thing.__code__, []).append(thing)
        elif isinstance(thing, functools._lru_cache_wrapper) and thing.__module__.startswith(PACKAGE.name):
            caches.append(thing)
    return functions, caches


def _changes(mutant: Mutant) -> list[tuple[CodeType, CodeType]] | None:
    """The functions that differ, as code before and after; None where more differs than functions."""
    return _differences(compiled(mutant.path), mutant.code)


def _differences(before: CodeType, after: CodeType) -> list[tuple[CodeType, CodeType]] | None:
    if _own(before) != _own(after):
        return None
    found = []
    for old, new in zip(_inner(before), _inner(after), strict=True):
        if old == new:
            continue
        if not old.co_flags & _OPTIMIZED:
            deeper = _differences(old, new)
            if deeper is None:
                return None
            found += deeper
        elif old.co_freevars == new.co_freevars:
            found.append((old, new))
        else:
            return None
    return found


def _own(code: CodeType) -> tuple[object, ...]:
    constants = [repr(item) for item in code.co_consts if not isinstance(item, CodeType)]
    return code.co_code, code.co_names, code.co_varnames, constants, [item.co_name for item in _inner(code)]


def _inner(code: CodeType) -> list[CodeType]:
    return [item for item in code.co_consts if isinstance(item, CodeType)]


def _passes(call: Callable[[], bool]) -> bool:
    """Whether a call says yes in a child of its own. A child that dies, or that a timer ends, does not."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _silence()
            signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
            signal.alarm(_PATIENCE_SECONDS)
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            status = 0 if call() else 1
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def _messages(call: Callable[[Send], None]) -> Iterator[Any]:
    """What a call in a child of its own sends."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            receiver.close()
            _silence()
            call(sender.send)
            status = 0
        finally:
            sender.close()
            os._exit(status)
    sender.close()
    try:
        while True:
            yield receiver.recv()
    except EOFError:
        pass
    if os.waitpid(child, 0)[1] != 0:
        raise Broken("the process that runs the tests ended in error; do the tests pass?")


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    if not os.environ.get("MUTATION_DEBUG"):
        os.dup2(nowhere, 2)
