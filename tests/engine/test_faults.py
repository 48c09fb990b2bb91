"""Whatever breaks in the middle of a deployment, the next run completes it, and nothing is left behind or made twice.

What a user has to do after a fault is what these tests do: nothing after an error of AWS; after the engine was killed, `pulumi cancel`
for the lock, and `pulumi refresh` that is told what became of the creations that were on their way.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from sandbox import workspace
from tests.engine.conftest import Engine
from tests.engine.programs import NETWORK, in_account, in_state, new_stack, small, state, state_file, twice

UP = ("up", "--yes", "--skip-preview")
DESTROY = ("destroy", "--yes", "--skip-preview")
KILLS = 10
TIMEOUT = 600


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return workspace.make(tmp_path_factory.mktemp("faults"), small(NETWORK))


@pytest.fixture(scope="module")
def whole(network: Engine) -> int:
    """How many resources a complete `up` makes."""
    stack = new_stack(network, "whole")
    _done(network, stack, *UP)
    return len(_complete(network, stack))


def _done(engine: Engine, stack: str, *arguments: str, **environment: str) -> str:
    done = engine.pulumi(*arguments, "--stack", stack, timeout=TIMEOUT, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _failed(engine: Engine, stack: str, *arguments: str, **environment: str) -> str:
    failed = engine.pulumi(*arguments, "--stack", stack, timeout=TIMEOUT, **environment)
    assert failed.returncode != 0, failed.stdout
    return failed.stdout + failed.stderr


def _complete(engine: Engine, stack: str) -> list[tuple[str, str]]:
    """The state and the account have the same resources, each once."""
    living = in_account(engine, stack)
    assert living == in_state(engine, stack)
    assert twice(living) == []
    return living


def _repair(engine: Engine, stack: str) -> bool:
    """Removes what the kill has left half-written beside the state; whether there was any.

    On a disk the CLI replaces the state file as a whole, but writes its `.attrs` file in place: an empty one makes every command end with
    "failed to load checkpoint: EOF". Nobody misses it. A bucket and Pulumi Cloud have no such files.
    """
    json.loads(state_file(engine, stack).read_bytes())
    torn = [file for file in (engine.project.parent / "state").rglob("*.attrs") if file.stat().st_size == 0]
    for file in torn:
        file.unlink()
    return bool(torn)


def _adopt(engine: Engine, stack: str, resources: list[dict[str, Any]], ids: dict[str, str]) -> None:
    """`pulumi import` of what came to be, under the parents and the provider that it has in the program."""
    names: dict[str, str] = {}
    imports = []
    for made in resources:
        names |= {"provider": made["provider"].rpartition("::")[0], made["parent"]: made["parent"]}
        name, identity = made["urn"].rpartition("::")[2], ids[made["urn"]]
        imports.append({"type": made["type"], "name": name, "id": identity, "parent": made["parent"], "provider": "provider"})
    if imports:
        file = engine.project / f"{stack}.import.json"
        file.write_text(json.dumps({"nameTable": names, "resources": imports}), encoding="utf-8")
        _done(engine, stack, "import", "--file", str(file), "--yes", "--skip-preview", "--protect=false", "--generate-code=false")


def _wait_until(holds: Callable[[], bool], started: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not holds():
        assert started.poll() is None, started.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def seed() -> int:
    """Of the random moments; set ENGINE_SEED to repeat a run."""
    return int(os.environ.get("ENGINE_SEED") or random.SystemRandom().randrange(2**32))


def test_ten_kills_at_random_moments_leave_nothing_behind(network: Engine, whole: int, seed: int, figures: Callable[[str], None]) -> None:
    moments = random.Random(seed)
    figures(f"ten kills of an up with {whole} resources, ENGINE_SEED={seed}: made / in the state / on their way (made, not in the state)")
    for number in range(1, KILLS + 1):
        stack = new_stack(network, f"kill{number}")
        target = moments.randrange(1, whole)
        started = network.start(*UP, "--stack", stack, STAND_IN_DELAY_MS="150")
        _wait_until(lambda stack=stack, target=target: len(in_account(network, stack)) >= target, started)
        time.sleep(moments.uniform(0, 0.15))
        network.end(started)
        torn = _repair(network, stack)
        made = in_account(network, stack)
        if number == 1:
            assert "the stack is currently locked by 1 lock(s)" in _failed(network, stack, *UP)
        _done(network, stack, "cancel", "--yes")
        known = in_state(network, stack)
        operations = state(network, stack).get("pending_operations", [])
        creating = {one["resource"]["urn"]: one["resource"] for one in operations if one["type"] == "creating"}
        unknown = dict(set(made) - set(known))
        # What is in the account without the state knowing it, the state says was on its way: nothing else can be lost.
        assert set(unknown) <= set(creating)
        # The user looks up which of those AWS has made, and takes them over; the others never came to be.
        _done(network, stack, "refresh", "--yes", "--skip-preview", "--clear-pending-creates")
        _adopt(network, stack, [creating[urn] for urn in unknown], unknown)
        assert _complete(network, stack) == made
        _done(network, stack, *UP)
        assert set(made) <= set(_complete(network, stack))
        assert len(in_account(network, stack)) == whole
        before = f"{len(made):3} / {len(known):3} / {len(operations):2} ({len(unknown)})"
        repaired = ", an empty .attrs file removed" if torn else ""
        figures(f"  {number:2}  {before}  after the next up: {whole}, orphans 0, twice 0{repaired}")


@pytest.mark.parametrize(
    ("fault", "share"), [*(("fail", share) for share in (0.02, 0.25, 0.5, 0.75, 0.98)), ("partial", 0.5), ("crash", 0.5)]
)
def test_the_run_after_a_failed_creation_completes(
    network: Engine, whole: int, fault: str, share: float, figures: Callable[[str], None]
) -> None:
    number = max(1, round(whole * share))
    stack = new_stack(network, f"{fault}{number}")
    text = _failed(network, stack, *UP, STAND_IN_FAULTS=f"create:{number}:{fault}")
    expected = {
        "fail": "InternalError: a requested fault",
        "partial": "timeout while waiting for state",
        "crash": "error reading from server",
    }
    assert expected[fault] in text, text
    made = in_account(network, stack)
    # Only a provider that dies takes other calls with it, done or not, whose outcome nobody knows then.
    assert len(made) >= (1 if fault == "crash" else number - 1)
    assert len(made) < whole
    assert made == in_state(network, stack) or fault == "crash"
    _done(network, stack, *UP)
    living = in_account(network, stack)
    orphans = sorted(set(living) - set(in_state(network, stack)))
    assert len(living) - len(orphans) == whole
    assert orphans == [] or fault == "crash"
    figures(f"creation {number} of {whole}: {fault}; kept {len(made)}, the next up completes, orphans {len(orphans)}")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_the_run_after_a_failed_deletion_completes(network: Engine, whole: int, share: float, figures: Callable[[str], None]) -> None:
    number = max(1, round(whole * share))
    stack = new_stack(network, f"delete{number}")
    _done(network, stack, *UP)
    assert "InternalError: a requested fault" in _failed(network, stack, *DESTROY, STAND_IN_FAULTS=f"delete:{number}:fail")
    left = _complete(network, stack)
    assert 0 < len(left) <= whole
    _done(network, stack, *DESTROY)
    assert _complete(network, stack) == []
    figures(f"deletion {number} of {whole}: fail; {len(left)} left, the next destroy completes")


def test_a_lost_answer_is_told_and_only_that_resource_is_made_twice(network: Engine, whole: int) -> None:
    stack = new_stack(network, "lost")
    text = _failed(network, stack, *UP, STAND_IN_FAULTS="create:1:lost")
    assert "RequestTimeout: a requested fault" in text
    _done(network, stack, *UP)
    living = in_account(network, stack)
    # AWS has made it, and nobody could tell the engine its id.
    assert len(twice(living)) == 1
    assert len(living) == whole + 1


def test_a_run_that_hangs_is_ended_by_one_interrupt_and_can_be_repeated(network: Engine, whole: int) -> None:
    stack = new_stack(network, "hang")
    started = network.start(*UP, "--stack", stack, STAND_IN_FAULTS="create:5:hang")
    _wait_until(lambda: len(in_account(network, stack)) >= 4, started)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=TIMEOUT)
    assert started.returncode != 0, out + err
    _complete(network, stack)
    _done(network, stack, *UP)
    assert len(_complete(network, stack)) == whole


def test_a_second_run_at_the_same_time_is_refused(network: Engine, whole: int) -> None:
    stack = new_stack(network, "both")
    started = network.start(*UP, "--stack", stack, STAND_IN_DELAY_MS="400")
    _wait_until(lambda: len(in_account(network, stack)) >= 1, started)
    text = _failed(network, stack, *UP)
    assert "the stack is currently locked by 1 lock(s)" in text
    assert "pulumi cancel" in text
    out, err = started.communicate(timeout=TIMEOUT)
    assert started.returncode == 0, out + err
    assert len(_complete(network, stack)) == whole


def test_a_wrong_passphrase_is_told_and_changes_nothing(network: Engine) -> None:
    stack = new_stack(network, "passphrase")
    _done(network, stack, "config", "set", "--secret", "word", "open")
    text = _failed(network, stack, *UP, PULUMI_CONFIG_PASSPHRASE="wrong")
    assert "incorrect passphrase" in text
    assert in_account(network, stack) == []


@pytest.mark.parametrize("damage", ["cut", "emptied"])
def test_a_corrupt_state_file_is_told_and_changes_nothing_and_the_backup_brings_it_back(network: Engine, whole: int, damage: str) -> None:
    stack = new_stack(network, damage)
    _done(network, stack, *UP)
    file = state_file(network, stack)
    good = file.read_bytes()
    file.write_bytes(good[: len(good) // 2] if damage == "cut" else b"")
    for command in (UP, DESTROY):
        _failed(network, stack, *command)
        assert len(in_account(network, stack)) == whole
    backup = file.with_name(f"{file.name}.bak")
    file.write_bytes(backup.read_bytes())
    _done(network, stack, "refresh", "--yes", "--skip-preview")
    _done(network, stack, *UP)
    assert len(_complete(network, stack)) == whole


def test_an_attributes_file_that_a_kill_has_left_empty_is_in_the_way_and_nobody_misses_it(network: Engine) -> None:
    stack = new_stack(network, "attributes")
    file = state_file(network, stack)
    attributes = file.with_name(f"{file.name}.attrs")
    assert attributes.stat().st_size > 0
    attributes.write_bytes(b"")
    assert "failed to load checkpoint: EOF" in _failed(network, stack, "stack", "export")
    assert _repair(network, stack)
    assert not _repair(network, stack)
    _done(network, stack, "stack", "export")
