"""`python -m tests.mutation [graph/rules.py | controls | ...]`: mutants of one module, of a folder, or of all.

The package is the policies, or what the environment variable MUTATION_PACKAGE names of `[tool.mutation]`.
What is found stays in `.mutants/`, one session of cosmic-ray for each module: `cr-report --show-diff --surviving-only` reads it.
"""

import contextlib
import functools
import sys
import uuid
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkItem, WorkResult
from rich.console import Console
from rich.table import Table

from tests.mutation.engine import run
from tests.mutation.mutants import PACKAGE, ROOT, SETTINGS, STATE, Mutant, mutants

SEED: Final = 20261120
"""Of the order, and of a sample."""


def main() -> int:
    """Tries the mutants and prints the survivors and the score. Ends with 1 where the score is too low."""
    parser = ArgumentParser(prog="python -m tests.mutation", description=f"Tries mutants of {PACKAGE.name}.")
    parser.add_argument("modules", nargs="*", default=["."], help="modules or folders of the package, such as graph/rules.py; all of it")
    parser.add_argument("--sample", type=int, metavar="N", help="of each module no more than N mutants, drawn with a fixed seed")
    options = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    modules = sorted({path for argument in options.modules for path in _modules(argument)})
    tried, known = [], 0
    for module in modules:
        found = list(mutants(module))
        known += len(found)
        tried += found if options.sample is None or len(found) <= options.sample else Random(SEED).sample(found, options.sample)
    console.print(f"{len(tried)} of {known} mutants in {len(modules)} modules")
    with contextlib.ExitStack() as stack:
        jobs = {
            mutant: job for module in modules for mutant, job in _session(stack, module, [item for item in tried if item.path == module])
        }
        outcomes: list[tuple[Mutant, bool]] = []
        # In random order, what an interrupted run has tried of a batch is a fair sample.
        Random(SEED).shuffle(tried)
        with contextlib.suppress(KeyboardInterrupt):
            for mutant, killed in run(tried):
                outcomes.append((mutant, killed))
                jobs[mutant](killed)
                if not killed:
                    place = f"{mutant.path.relative_to(PACKAGE)}:{mutant.start[0]}"
                    print(f"{place} {mutant.operator.partition('/')[2]}\n{mutant.difference()}", flush=True)
    console.print(_table(outcomes))
    return 0 if not outcomes or _score(outcomes) >= SETTINGS["fail_under"] else 1


def _modules(argument: str) -> list[Path]:
    path = PACKAGE / argument
    found = [path] if path.is_file() else list(path.rglob("*.py"))
    if not found:
        raise SystemExit(f"{argument} is no module and no folder of {PACKAGE.relative_to(ROOT)}")
    return found


def _session(stack: contextlib.ExitStack, module: Path, tried: Iterable[Mutant]) -> Iterator[tuple[Mutant, Callable[[bool], None]]]:
    """A new session for a module: its mutants, each with what keeps its result."""
    path = STATE / module.relative_to(PACKAGE).with_suffix(".sqlite")
    path.parent.mkdir(parents=True, exist_ok=True)
    database = stack.enter_context(use_db(path, WorkDB.Mode.create))
    database.clear()
    items = []
    for mutant in tried:
        place = MutationSpec(module, mutant.operator, mutant.occurrence, mutant.start, mutant.end)
        items.append(WorkItem.single(uuid.uuid4().hex, place))
        yield mutant, functools.partial(_keep, database, items[-1].job_id, mutant)
    database.add_work_items(items)


def _keep(database: WorkDB, job: str, mutant: Mutant, killed: bool) -> None:
    outcome = TestOutcome.KILLED if killed else TestOutcome.SURVIVED
    database.set_result(job, WorkResult(WorkerOutcome.NORMAL, None, outcome, mutant.difference()))


def _score(outcomes: Sequence[tuple[Mutant, bool]]) -> float:
    return 100 * sum(killed for _, killed in outcomes) / len(outcomes)


def _table(outcomes: Sequence[tuple[Mutant, bool]]) -> Table:
    table = Table("Module", "Mutants", "Killed", "Survived", "Score")
    groups: dict[str, list[tuple[Mutant, bool]]] = {}
    for outcome in outcomes:
        name = outcome[0].path.relative_to(PACKAGE)
        for group in (str(name), f"{name.parent}/", "all", "all but texts" if not outcome[0].operator.endswith("ChangeText") else "texts"):
            groups.setdefault(group, []).append(outcome)
    for name in sorted(groups, key=lambda group: (not group.endswith(".py"), not group.endswith("/"), group)):
        killed = sum(dead for _, dead in groups[name])
        table.add_row(name, f"{len(groups[name])}", f"{killed}", f"{len(groups[name]) - killed}", f"{_score(groups[name]):.1f} %")
    return table


if __name__ == "__main__":
    sys.exit(main())
