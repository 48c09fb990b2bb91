"""The circuit breaker: its states with a clock of the test's, its requests, faults at each of them, and many callers at once."""

import asyncio
import contextlib
import functools
import json
import logging
import pickle
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cloudpatterns_runtime.breaker import (
    CLOSED,
    HALF_OPEN,
    OPEN,
    Change,
    CircuitBreaker,
    CircuitOpen,
    EmbeddedMetrics,
    Unreachable,
    client_config,
)
from cloudpatterns_runtime.retry import DeadlineExceeded, Retry
from hypothesis import settings, stateful
from hypothesis import strategies as st

from tests.emulators.locked_moto import client as moto_client
from tests.runtime.breaker_table import TABLE, Memory, create_table, refusal

START = 1_700_000_000.0


@dataclass
class Time:
    """The time, which only a test moves."""

    now: float = START

    def clock(self, skew: float = 0.0) -> Callable[[], float]:
        return lambda: self.now + skew


@dataclass
class World:
    """A table, a time, and what breakers reported."""

    table: Memory = field(default_factory=Memory)
    time: Time = field(default_factory=Time)
    changes: list[Change] = field(default_factory=list)
    errors: list[Unreachable] = field(default_factory=list)

    def breaker(self, skew: float = 0.0, **given: Any) -> CircuitBreaker:
        """A breaker as another process has it; its clock is wrong by ``skew``."""
        named: dict[str, Any] = {
            "table": TABLE,
            "dependency": "payments",
            "failures": 3,
            "failure_rate": None,
            "clock": self.time.clock(skew),
            "on_change": self.changes.append,
            "on_unreachable": self.errors.append,
            **given,
        }
        return CircuitBreaker(self.table, **named)

    @property
    def item(self) -> dict[str, Any]:
        return {name: next(iter(value.values())) for name, value in self.table.items["payments"].items()}

    @property
    def states(self) -> list[tuple[str, str, str]]:
        return [(change.before, change.after, change.reason) for change in self.changes]

    def requests(self, work: Callable[[], Any]) -> dict[str, int]:
        """What some work asks of the table."""
        self.table.requests.clear()
        work()
        return self.table.counts


@pytest.fixture
def world() -> World:
    return World()


def fail(error: BaseException | None = None) -> None:
    raise TimeoutError if error is None else error


def failing(breaker: CircuitBreaker, times: int = 1, error: type[BaseException] = TimeoutError) -> None:
    for _ in range(times):
        with pytest.raises(error):
            breaker.call(fail, error())


def opened(world: World, **given: Any) -> CircuitBreaker:
    breaker = world.breaker(**given)
    failing(breaker, 3)
    assert world.item["circuit"] == OPEN
    return breaker


def refused(breaker: CircuitBreaker) -> float:
    """Seconds after which the refusal of a call says to try again."""
    called: list[int] = []
    with pytest.raises(CircuitOpen) as caught:
        breaker.call(called.append, 1)
    assert called == []
    return caught.value.retry_after_seconds


def passes(breaker: CircuitBreaker) -> bool:
    try:
        return breaker.call(bool, 1)
    except CircuitOpen:
        return False


# The states


def test_a_closed_circuit_passes_arguments_results_and_errors_on(world: World) -> None:
    breaker = world.breaker()
    assert breaker.call(lambda *args, **named: (args, named), 1, two=2) == ((1,), {"two": 2})
    error = KeyError("no such order")
    with pytest.raises(KeyError) as caught:
        breaker.call(fail, error)
    assert caught.value is error
    assert world.changes == world.errors == []


def test_the_third_failure_opens_the_circuit_for_everybody(world: World) -> None:
    breaker, other = world.breaker(), world.breaker()
    failing(breaker, 2)
    assert passes(other)
    failing(breaker)
    assert refused(breaker) == 31
    world.time.now += 4.999
    assert passes(other)
    world.time.now += 0.001
    assert refused(other) == 26
    assert world.changes == [Change(TABLE, "payments", CLOSED, OPEN, "3 of 3 calls failed in 30 seconds", START, START + 30)]


def test_failures_of_several_processes_are_added(world: World) -> None:
    for _ in range(3):
        assert world.table.items.get("payments", {}).get("circuit") is None
        failing(world.breaker())
    assert world.item["circuit"] == OPEN


def test_an_open_circuit_is_probed_when_its_time_is_over(world: World) -> None:
    breaker = opened(world)
    world.time.now += 30.999
    assert refused(breaker) == pytest.approx(0.001, rel=0.01)
    world.time.now += 0.001
    assert breaker.call(lambda: world.item["circuit"]) == HALF_OPEN
    assert passes(breaker)
    assert world.item["circuit"] == CLOSED
    assert world.states[1:] == [(OPEN, HALF_OPEN, "the open time is over"), (HALF_OPEN, CLOSED, "the probe succeeded")]
    assert [change.at for change in world.changes] == [START, START + 31, START + 31]
    assert [change.retry_at for change in world.changes] == [START + 30, START + 61, START + 31]


def test_a_probe_that_fails_opens_the_circuit_again(world: World) -> None:
    breaker = opened(world)
    world.time.now += 31
    failing(breaker)
    assert refused(breaker) == 31
    assert world.states[2:] == [(HALF_OPEN, OPEN, "the probe failed")]
    world.time.now += 31
    assert passes(breaker)


def test_exactly_one_caller_probes(world: World) -> None:
    breaker, other = opened(world), world.breaker()
    assert refused(other) == 31
    world.time.now += 31
    with breaker.guard():
        # The same process, one that knows that it is open, and one that knows nothing yet.
        assert refused(breaker) == refused(other) == refused(world.breaker()) == 5
    assert passes(breaker)
    # The others learn it when what they know is too old.
    assert refused(other) == 5
    world.time.now += 5
    assert passes(other)


def test_a_probe_whose_caller_is_killed_is_taken_over_when_its_time_is_over(world: World) -> None:
    breaker, other = opened(world), world.breaker()
    world.time.now += 31
    killed = breaker.guard()
    killed.__enter__()
    world.time.now += 30.999
    assert refused(other) == 5
    world.time.now += 0.001
    with other.guard():
        assert world.item["circuit"] == HALF_OPEN
        # The one that was taken for killed has an answer after all, which no longer counts.
        killed.__exit__(None, None, None)
        assert world.item["circuit"] == HALF_OPEN
        assert refused(world.breaker()) == 5
    assert world.item["circuit"] == CLOSED
    assert world.states[2:] == [
        (HALF_OPEN, HALF_OPEN, "the last probe has not ended in time"),
        (HALF_OPEN, CLOSED, "the probe succeeded"),
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, DeadlineExceeded])
def test_a_probe_without_a_result_leaves_the_next_caller_to_probe_at_once(world: World, error: type[BaseException]) -> None:
    breaker = opened(world)
    world.time.now += 31
    failing(breaker, error=error)
    assert world.states[2:] == [(HALF_OPEN, OPEN, "the probe had no result")]
    assert world.changes[-1].retry_at == world.time.now - 1
    assert world.breaker().call(lambda: world.item["circuit"]) == HALF_OPEN
    assert world.item["circuit"] == CLOSED


def test_a_probe_that_is_stopped_by_another_breaker_has_no_result(world: World) -> None:
    breaker = opened(world)
    world.time.now += 31
    bank = world.breaker(dependency="bank")
    failing(bank, 3)
    with pytest.raises(CircuitOpen) as caught:
        breaker.call(lambda: bank.call(bool))
    assert caught.value.dependency == "bank"
    assert world.states[-1] == (HALF_OPEN, OPEN, "the probe had no result")
    assert world.item["circuit"] == OPEN


def test_what_is_no_failure_of_the_dependency_closes_the_circuit(world: World) -> None:
    breaker = opened(world)
    world.time.now += 31
    failing(breaker, error=KeyError)
    assert world.item["circuit"] == CLOSED


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, DeadlineExceeded])
def test_only_failures_of_the_dependency_count(world: World, error: type[BaseException]) -> None:
    failing(world.breaker(failures=1), 20, error)
    assert world.table.counts == {"get_item": 1}


@pytest.mark.parametrize("count_on", [KeyError, (KeyError, OSError), lambda error: isinstance(error, KeyError)])
def test_which_errors_count_can_be_chosen(world: World, count_on: Any) -> None:
    breaker = world.breaker(count_on=count_on)
    failing(breaker, 2, KeyError)
    failing(breaker, error=ValueError)
    assert "circuit" not in world.item
    failing(breaker, error=KeyError)
    assert world.item["circuit"] == OPEN


def test_while_another_thread_takes_the_probe_callers_are_refused(world: World) -> None:
    breaker = opened(world)
    world.time.now += 31
    with breaker._memory.taking:
        assert refused(breaker) == 5
    assert passes(breaker)


# The counts


def test_a_rate_opens_the_circuit_from_the_least_number_of_calls_on(world: World) -> None:
    breaker = world.breaker(failures=None, failure_rate=0.5)
    failing(breaker, 9)
    assert "circuit" not in world.item
    # The tenth call need not fail.
    assert passes(breaker)
    assert world.changes[0].reason == "9 of 10 calls failed in 30 seconds"


def test_a_rate_below_the_limit_opens_nothing(world: World) -> None:
    breaker = world.breaker(failures=None, failure_rate=0.4, minimum_calls=5)
    for _ in range(4):
        assert all(passes(breaker) for _ in range(2))
        failing(breaker)
    world.time.now += 5
    failing(breaker)
    assert "circuit" not in world.item
    failing(breaker)
    assert world.changes[0].reason == "6 of 14 calls failed in 30 seconds"


def test_successes_of_others_keep_a_rate_down(world: World) -> None:
    breaker, other = world.breaker(failures=None, failure_rate=0.5), world.breaker(failures=None, failure_rate=0.5)
    assert all(passes(other) for _ in range(20))
    failing(breaker, 9)
    # The other one learns that there are failures, and adds the calls that it had before.
    world.time.now += 5
    assert passes(other)
    world.time.now += 5
    failing(breaker, 10)
    assert "circuit" not in world.item
    failing(breaker, 2)
    assert world.changes[0].reason == "21 of 42 calls failed in 30 seconds"


def test_failures_count_for_the_window_and_no_longer(world: World) -> None:
    breaker = world.breaker(window_seconds=10)
    failing(breaker, 2)
    world.time.now += 10
    failing(breaker, 2)
    assert "circuit" not in world.item
    world.time.now += 9
    failing(breaker)
    assert world.changes[0].reason == "3 of 3 calls failed in 10 seconds"


def test_counts_that_are_too_old_are_removed(world: World) -> None:
    breaker = world.breaker(window_seconds=10, failures=100)
    for _ in range(40):
        failing(breaker)
        world.time.now += 5
    counts = {name: value for name, value in world.item.items() if name[0] in "fc" and name[1:].isdigit()}
    start = int(START + 39 * 5) * 1000
    assert counts == {f"{kind}{start - 5000 * i}": "1" for i in range(2) for kind in "fc"}


def test_counts_stand_in_tenths_of_the_window(world: World) -> None:
    breaker = world.breaker(window_seconds=0.5, cache_seconds=0, failures=100)
    world.time.now += 0.12
    failing(breaker, 2)
    assert world.item == {
        "dependency": "payments",
        "expires_at": str(int(START) + 7 * 86_400),
        f"f{int(START * 1000) + 100}": "2",
        f"c{int(START * 1000) + 100}": "2",
    }


def test_counts_of_a_caller_whose_clock_is_ahead_count(world: World) -> None:
    for skew in (20, 29.9, 0):
        failing(world.breaker(skew=skew))
    assert world.item["circuit"] == OPEN


def test_a_call_from_before_a_change_does_not_count_after_it(world: World) -> None:
    breaker, other = world.breaker(failures=1), world.breaker(failures=1)
    late, later = breaker.guard(), other.guard()
    late.__enter__()
    later.__enter__()
    failing(breaker)
    world.time.now += 31
    assert passes(breaker)
    assert world.item["circuit"] == CLOSED
    for guard in (late, later):
        with contextlib.suppress(TimeoutError):
            guard.__exit__(TimeoutError, TimeoutError(), None)
    assert world.item["circuit"] == CLOSED
    # The other process has heard of the change by the refusal of its count.
    assert world.table.requests[-1][0] == "update_item"
    assert passes(other)
    assert world.table.requests[-1][0] == "update_item"


def test_a_new_generation_begins_without_counts(world: World) -> None:
    breaker = opened(world)
    world.time.now += 31
    assert passes(breaker)
    failing(breaker, 2)
    assert world.item["circuit"] == CLOSED
    failing(breaker)
    assert world.item["circuit"] == OPEN


def test_who_loses_the_probe_to_one_that_has_succeeded_goes_through(world: World) -> None:
    breaker, other = opened(world), world.breaker(failures=2)
    world.time.now += 30
    assert not passes(other)
    world.time.now += 1
    assert passes(breaker)
    # The other one still takes the circuit for open, and learns better when it wants the probe; its failure is one of two.
    failing(other)
    assert world.item["circuit"] == CLOSED
    world.time.now += 5
    failing(other)
    assert world.item["circuit"] == OPEN


# Clocks


@pytest.mark.parametrize("skew", [-1.0, -0.4, 0.4, 1.0])
def test_clocks_may_differ_by_the_slack(world: World, skew: float) -> None:
    """Neither is the dependency probed before its time, nor a probe taken over that still runs."""
    breaker, other = opened(world), world.breaker(skew=skew)
    world.time.now += 29.999
    assert not passes(other)
    world.time.now += 1.001
    with breaker.guard():
        world.time.now += 29.999
        assert not passes(other)
        assert not passes(world.breaker(skew=skew))
    assert world.item["circuit"] == CLOSED


def test_a_caller_whose_clock_is_far_ahead_blocks_nobody_for_long(world: World) -> None:
    opened(world, skew=86_400)
    other = world.breaker()
    # It has no time of its own to compare with: from when it first saw it on, the circuit is open as long as it says.
    assert refused(other) == 31
    world.time.now += 20
    assert refused(other) == 11
    world.time.now += 11
    assert passes(other)


@pytest.mark.parametrize("seconds", [0.5, 3600])
def test_a_clock_that_is_set_back_makes_nothing_fresh(world: World, seconds: float) -> None:
    breaker = world.breaker()
    assert passes(breaker)
    opened(world)
    world.time.now -= seconds
    assert not passes(breaker)


# The item


def test_what_stands_in_the_item(world: World) -> None:
    opened(world)
    generation = world.item["generation"]
    assert world.item == {
        "dependency": "payments",
        "generation": generation,
        "circuit": "open",
        "ends_at": "1700000030.000",
        "seconds": "30.000",
        "reason": "3 of 3 calls failed in 30 seconds",
        "expires_at": "1700604800",
    }
    assert len(generation) == 32
    world.time.now += 31
    assert passes(world.breaker())
    assert world.item["generation"] != generation
    assert (world.item["seconds"], world.item["ends_at"]) == ("0.000", "1700000031.000")


def test_an_expired_item_that_is_still_there_means_what_its_times_say(world: World) -> None:
    opened(world)
    world.table.items["payments"]["expires_at"] = {"N": "1"}
    assert not passes(world.breaker())
    world.time.now += 8 * 86_400
    assert world.breaker().call(lambda: world.item["circuit"]) == HALF_OPEN


def test_an_item_that_is_deleted_is_closed(world: World) -> None:
    breaker = opened(world)
    other = world.breaker()
    assert not passes(other)
    world.time.now += 31
    guard = breaker.guard()
    guard.__enter__()
    world.table.items.clear()
    # A probe without its item changes nothing.
    guard.__exit__(None, None, None)
    assert world.table.items == {}
    assert passes(breaker)
    assert passes(other)
    assert world.errors == []


@pytest.mark.parametrize(
    "change",
    [{"circuit": {"S": "ajar"}}, {"circuit": {"N": "1"}}, {"ends_at": {"N": "soon"}}, {"f1": {"S": "x"}}, {"generation": {"N": "1"}}],
)
def test_an_item_that_cannot_be_read_stops_no_call(world: World, change: Any) -> None:
    opened(world)
    world.table.items["payments"].update(change)
    assert passes(world.breaker())
    [event] = world.errors
    assert isinstance(event.error, KeyError | ValueError)
    assert change != {"circuit": {"S": "ajar"}} or str(event.error) == "circuit is 'ajar'"


def test_the_states_are_those_that_state_machines_write() -> None:
    assert (CLOSED, OPEN, HALF_OPEN) == ("closed", "open", "half_open")


# The table cannot be reached


@pytest.mark.parametrize("fault", ["before", "after"])
def test_it_fails_open_when_its_table_cannot_be_reached(world: World, fault: str) -> None:
    opened(world)
    breaker = world.breaker()
    world.table.fault = lambda number, operation: fault
    for _ in range(3):
        # Calls go through, and one in five seconds asks the table.
        assert world.requests(lambda: [passes(breaker) for _ in range(10)]) == {"get_item": 1}
        failing(breaker, 10)
        world.time.now += 4.999
        assert world.requests(lambda: passes(breaker)) == {}
        world.time.now += 0.001
    assert [(event.table, event.dependency, type(event.error).__name__) for event in world.errors] == [
        (TABLE, "payments", "EndpointConnectionError")
    ] * 3
    assert [event.at - START for event in world.errors] == [0, 5, 10]
    world.table.fault = lambda number, operation: None
    assert not passes(breaker)


def test_what_is_known_of_an_open_circuit_holds_until_it_is_too_old(world: World) -> None:
    breaker = opened(world)
    world.table.fault = lambda number, operation: "before"
    assert not passes(breaker)
    world.time.now += 5
    assert passes(breaker)


def test_a_count_without_an_answer_is_given_up(world: World) -> None:
    breaker = world.breaker(failures=2)
    world.table.fault = lambda number, operation: "before" if operation == "update_item" else None
    failing(breaker)
    world.table.fault = lambda number, operation: None
    world.time.now += 5
    failing(breaker)
    assert [value for name, value in world.item.items() if name[0] == "f"] == ["1"]
    assert len(world.errors) == 1


def test_a_probe_whose_write_had_no_answer_closes_the_circuit_if_it_was_written(world: World) -> None:
    breaker = opened(world)
    world.time.now += 31
    world.table.fault = lambda number, operation: "after" if operation == "put_item" else None
    with breaker.guard():
        assert world.item["circuit"] == HALF_OPEN
        world.table.fault = lambda number, operation: None
        assert refused(world.breaker()) == 5
    assert world.item["circuit"] == CLOSED
    # Who wrote it does not know that it did, and has nothing to report.
    assert world.states[1:] == [(HALF_OPEN, CLOSED, "the probe succeeded")]


def test_a_probe_whose_write_was_not_done_changes_nothing(world: World) -> None:
    breaker = opened(world)
    world.time.now += 31
    world.table.fault = lambda number, operation: "before" if operation == "put_item" else None
    with breaker.guard():
        assert world.item["circuit"] == OPEN
        world.table.fault = lambda number, operation: None
    assert world.item["circuit"] == OPEN
    # By the refusal it has learnt how it is, and the next call probes.
    assert breaker.call(lambda: world.item["circuit"]) == HALF_OPEN


def test_a_write_that_the_sdk_repeats_after_its_answer_was_lost_has_won(world: World) -> None:
    breaker = opened(world)
    world.time.now += 31
    world.table.fault = lambda number, operation: "twice" if operation == "put_item" else None
    with breaker.guard():
        assert refused(world.breaker()) == 5
    assert world.item["circuit"] == CLOSED
    assert world.states[1:] == [(OPEN, HALF_OPEN, "the open time is over"), (HALF_OPEN, CLOSED, "the probe succeeded")]


def test_an_end_of_a_probe_that_cannot_be_written_is_that_of_a_killed_one(world: World) -> None:
    breaker = opened(world)
    world.time.now += 31
    with breaker.guard():
        world.table.fault = lambda number, operation: "before"
    world.table.fault = lambda number, operation: None
    assert world.item["circuit"] == HALF_OPEN
    other = world.breaker()
    assert not passes(other)
    world.time.now += 31
    assert passes(other)
    assert world.item["circuit"] == CLOSED


SCENARIO = [
    None,
    *[TimeoutError] * 3,
    None,
    31,
    None,
    *[TimeoutError] * 3,
    31,
    TimeoutError,
    31,
    KeyboardInterrupt,
    None,
    5,
    None,
    TimeoutError,
]


@pytest.mark.parametrize("fault", ["before", "after", "twice"])
@pytest.mark.parametrize("number", range(1, 20))
def test_a_fault_at_any_request_is_survived(world: World, number: int, fault: str) -> None:
    """Nobody sees an error of the table, and within the times of a probe and of a circuit all is as it was."""
    breaker, other = world.breaker(), world.breaker()
    world.table.fault = lambda current, operation: fault if current == number else None
    for step in SCENARIO:
        if isinstance(step, int):
            world.time.now += step
            continue
        for one in (breaker, other):
            with contextlib.suppress(CircuitOpen, TimeoutError, KeyboardInterrupt):
                one.call(lambda error=step: fail(error()) if error else None)
    assert len(world.table.requests) >= number
    assert len(world.errors) == (0 if fault == "twice" else 1)
    world.table.fault = lambda current, operation: None
    world.time.now += 62
    assert passes(world.breaker())
    world.time.now += 5
    assert all(passes(one) for one in (breaker, other, world.breaker()))
    assert world.item.get("circuit", CLOSED) == CLOSED


def test_errors_of_callbacks_go_no_further(world: World, caplog: pytest.LogCaptureFixture) -> None:
    breaker = world.breaker(on_change=lambda change: fail(ValueError("x")), on_unreachable=lambda event: fail(ValueError("y")))
    failing(breaker, 3)
    world.table.fault = lambda number, operation: "before"
    world.time.now += 31
    assert passes(breaker)
    assert [record.message for record in caplog.records] == ["payments: a callback of the circuit breaker failed"] * 2
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ValueError] * 2


def test_a_callback_may_call_the_dependency(world: World) -> None:
    results: list[bool] = []
    breaker = world.breaker(on_unreachable=lambda event: results.append(passes(breaker)))
    world.table.fault = lambda number, operation: "before"
    assert passes(breaker)
    assert results == [True]


def test_changes_and_errors_are_logged_unless_there_are_callbacks(caplog: pytest.LogCaptureFixture) -> None:
    table, time = Memory(), Time()
    breaker = CircuitBreaker(table, table=TABLE, dependency="payments", failures=1, clock=time.clock())
    failing(breaker)
    table.fault = lambda number, operation: "before"
    time.now += 5
    assert passes(breaker)
    assert [(record.name, record.levelno, record.message) for record in caplog.records] == [
        ("cloudpatterns_runtime.breaker", logging.WARNING, "payments: the circuit is open, was closed: 1 of 1 calls failed in 30 seconds"),
        (
            "cloudpatterns_runtime.breaker",
            logging.WARNING,
            "payments: the table breakers cannot be used, calls go through: "
            "EndpointConnectionError('Could not connect to the endpoint URL: \"https://dynamodb\"')",
        ),
    ]


# What it costs


def calls(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        passes(breaker)


def test_a_closed_circuit_costs_one_read_in_five_seconds_whatever_the_calls(world: World) -> None:
    breaker = world.breaker()
    for _ in range(4):
        assert world.requests(lambda: calls(breaker, 1_000)) == {"get_item": 1}
        world.time.now += 4.999
        assert world.requests(lambda: calls(breaker, 1_000)) == {}
        world.time.now += 0.001


def test_a_thousand_failing_calls_cost_one_write_in_five_seconds_and_up_to_four_more(world: World) -> None:
    breaker = world.breaker(failures=10_000)
    for _ in range(5):
        assert world.requests(lambda: failing(breaker, 1_000)) in ({"get_item": 1, "update_item": 1}, {"update_item": 1})
        world.time.now += 5
    # Where each of them seems to open the circuit, and the successes of others say no.
    breaker, other = (world.breaker(failures=None, failure_rate=0.5, dependency="bank") for _ in range(2))
    failing(breaker)
    assert passes(other)
    written = 0
    for _ in range(8):
        # Another process has many calls that succeed, which this one learns with each write alone.
        world.table.items["bank"].update({f"c{int(world.time.now) * 1000 // 3000 * 3000}": {"N": str(10_000 + written)}})
        written += world.requests(lambda: failing(breaker, 100)).get("update_item", 0)
    assert written <= 4


def test_early_writes_are_bounded(world: World) -> None:
    """Each write seems to open the circuit, and each time the counts of another process are in the way."""
    breaker = world.breaker(failures=None, failure_rate=0.5, minimum_calls=1)
    start = int(START / 3) * 3000

    def crowd() -> None:
        # What this process saw of successes is gone from the item, and comes back with the next write.
        for _ in range(50):
            known = breaker._memory.view
            assert known is not None
            known.tenths.clear()
            world.table.items.setdefault("payments", {"dependency": {"S": "payments"}})[f"c{start}"] = {"N": "100000"}
            failing(breaker)

    assert passes(breaker)
    assert world.requests(crowd) == {"update_item": 5}
    world.time.now += 5
    assert world.requests(lambda: (passes(breaker), crowd())) == {"get_item": 1, "update_item": 5}


def test_opening_costs_one_write_more_and_probing_two(world: World) -> None:
    breaker = world.breaker()
    assert world.requests(lambda: failing(breaker, 3)) == {"get_item": 1, "update_item": 2, "put_item": 1}
    assert world.requests(lambda: calls(breaker, 1_000)) == {}
    world.time.now += 5
    assert world.requests(lambda: calls(breaker, 1_000)) == {"get_item": 1}
    world.time.now += 26
    assert world.requests(lambda: calls(breaker, 1_000)) == {"get_item": 1, "put_item": 2}


def test_a_caller_that_loses_the_probe_asks_once(world: World) -> None:
    breaker, other = opened(world), world.breaker()
    world.time.now += 30
    assert not passes(other)
    world.time.now += 1
    with breaker.guard():
        assert world.requests(lambda: calls(other, 1_000)) == {"put_item": 1}
        world.time.now += 5
        assert world.requests(lambda: calls(other, 1_000)) == {"get_item": 1}


def test_without_a_cache_each_call_reads(world: World) -> None:
    breaker, other = world.breaker(cache_seconds=0), world.breaker(cache_seconds=0)
    assert world.requests(lambda: calls(breaker, 10)) == {"get_item": 10}
    failing(other, 3)
    assert not passes(breaker)


def test_successes_are_written_only_for_a_rate(world: World) -> None:
    breaker = world.breaker(failure_rate=None)
    failing(breaker)
    world.time.now += 5
    assert world.requests(lambda: calls(breaker, 100)) == {"get_item": 1}
    rated = world.breaker(failure_rate=0.5, minimum_calls=1_000)
    assert world.requests(lambda: calls(rated, 100)) == {"get_item": 1, "update_item": 1}
    # Once the failure is out of the window, no more.
    world.time.now += 30
    assert world.requests(lambda: calls(rated, 100)) == {"get_item": 1}


# How it is used


def test_a_decorator_guards_every_call(world: World) -> None:
    breaker = world.breaker(failures=1)

    @breaker
    def charge(card: str, *, amount: int) -> str:
        """Charges a card."""
        if amount < 0:
            raise TimeoutError
        return f"{card} {amount}"

    assert charge("4242", amount=3) == "4242 3"
    assert (charge.__name__, charge.__doc__) == ("charge", "Charges a card.")
    with pytest.raises(TimeoutError):
        charge("4242", amount=-1)
    with pytest.raises(CircuitOpen):
        charge("4242", amount=3)


def test_an_open_circuit_ends_the_attempts_of_a_retry(world: World) -> None:
    breaker, waits = world.breaker(), list[float]()
    for retry_on in (Exception, lambda error: True):
        retry = Retry(attempts=9, retry_on=retry_on, sleep=waits.append)
        with pytest.raises(CircuitOpen):
            retry.call(breaker.call, fail)
    # Three attempts count and open the circuit, the fourth is refused; then the first is.
    assert len(waits) == 3
    assert world.changes[0].reason == "3 of 3 calls failed in 30 seconds"


def test_calls_that_were_not_made_are_never_repeated() -> None:
    calls: list[int] = []

    def refuse() -> None:
        calls.append(1)
        raise DeadlineExceeded("too late")

    with pytest.raises(DeadlineExceeded):
        Retry(retry_on=Exception, sleep=lambda seconds: None).call(refuse)
    assert calls == [1]


async def _asynchronous() -> None:
    """Never called."""


@pytest.mark.parametrize("use", [lambda breaker: breaker(_asynchronous), lambda breaker: breaker.call(_asynchronous)])
def test_asynchronous_functions_are_refused(world: World, use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError) as caught:
        use(world.breaker())
    assert str(caught.value) == "_asynchronous is asynchronous; CircuitBreaker calls synchronous functions only. Use guard in it."


def test_a_block_of_an_asynchronous_function_can_be_guarded(world: World) -> None:
    breaker = world.breaker(failures=1)

    async def charge() -> None:
        with breaker.guard():
            await asyncio.sleep(0)
            raise TimeoutError

    with pytest.raises(TimeoutError):
        asyncio.run(charge())
    with pytest.raises(CircuitOpen):
        asyncio.run(charge())


def test_the_end_of_an_iterator_is_passed_on(world: World) -> None:
    with pytest.raises(StopIteration):
        world.breaker().call(next, iter([]))


def test_an_open_circuit_says_when_to_try_again(world: World) -> None:
    breaker = opened(world, dependency="payments")
    world.time.now += 10
    with pytest.raises(CircuitOpen) as caught:
        breaker.call(bool)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.dependency, error.retry_after_seconds, error.retry_at) == ("payments", 21, START + 31)
    assert str(error) == "payments was not called: its circuit is open; try again in 21.0 seconds"


def test_metrics_are_lines_of_json() -> None:
    lines: list[str] = []
    metrics = EmbeddedMetrics("Shop", lines.append)
    metrics.change(Change("t", "payments", CLOSED, OPEN, "3 of 3 calls failed", 12.5, 42.5))
    metrics.change(Change("t", "payments", OPEN, HALF_OPEN, "over", 12.5, 42.5))
    metrics.change(Change("t", "payments", HALF_OPEN, CLOSED, "succeeded", 12.5, 12.5))
    # A probe without a result opens nothing.
    metrics.change(Change("t", "payments", HALF_OPEN, OPEN, "no result", 12.5, 12.5))
    metrics.unreachable(Unreachable("t", "payments", ValueError("secret"), 13))
    assert json.loads(lines[0]) == {
        "_aws": {
            "Timestamp": 12_500,
            "CloudWatchMetrics": [
                {"Namespace": "Shop", "Dimensions": [["Table", "Dependency"]], "Metrics": [{"Name": "Opened", "Unit": "Count"}]}
            ],
        },
        "level": "ERROR",
        "timestamp": "1970-01-01T00:00:12.500Z",
        "Table": "t",
        "Dependency": "payments",
        "Opened": 1,
        "before": "closed",
        "after": "open",
        "reason": "3 of 3 calls failed",
    }
    names = [json.loads(line)["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] for line in lines]
    assert names == ["Opened", "Probes", "Closed", "Unreachable"]
    assert all(json.loads(line)[name] == 1 for line, name in zip(lines, names, strict=True))
    # What alarms watch is in the log at any level that Lambda can be set to.
    assert [json.loads(line)["level"] for line in lines] == ["ERROR", "INFO", "INFO", "ERROR"]
    assert json.loads(lines[3])["error"] == "ValueError"
    assert "secret" not in lines[3]


def test_settings_come_from_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    table = Memory()
    environment = {
        "CLOUDPATTERNS_BREAKER_TABLE": TABLE,
        "CLOUDPATTERNS_BREAKER_CARD_BANK_2": json.dumps({"failures": 1, "failure_rate": None, "open_seconds": 9}),
        "CLOUDPATTERNS_BREAKER_METRICS": "Shop",
    }
    breaker = CircuitBreaker.from_environment(table, "card-bank.2", environment=environment, clock=Time().clock(), open_seconds=7)
    assert (breaker.table, breaker.dependency, breaker.failures, breaker.failure_rate) == (TABLE, "card-bank.2", 1, None)
    assert breaker.open_seconds == 7
    failing(breaker)
    line = json.loads(capsys.readouterr().out)
    assert (line["Opened"], line["_aws"]["CloudWatchMetrics"][0]["Namespace"]) == (1, "Shop")
    table.fault = lambda number, operation: "before"
    assert passes(
        CircuitBreaker.from_environment(table, "x", environment={"CLOUDPATTERNS_BREAKER_TABLE": TABLE, "CLOUDPATTERNS_BREAKER_X": "{}"})
    )
    line = json.loads(capsys.readouterr().out)
    assert (line["Unreachable"], line["_aws"]["CloudWatchMetrics"][0]["Namespace"]) == (1, "CloudPatterns/CircuitBreaker")


def test_the_environment_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDPATTERNS_BREAKER_TABLE", "t")
    monkeypatch.setenv("CLOUDPATTERNS_BREAKER_PAYMENTS", '{"failures": 7}')
    breaker = CircuitBreaker.from_environment(Memory(), "payments")
    assert (breaker.table, breaker.failures) == ("t", 7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{", "CLOUDPATTERNS_BREAKER_PAYMENTS: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "CLOUDPATTERNS_BREAKER_PAYMENTS: "),
        ('{"x": 1}', "CLOUDPATTERNS_BREAKER_PAYMENTS: CircuitBreaker.__init__() got an unexpected keyword argument 'x'"),
    ],
)
def test_an_environment_that_cannot_be_used_is_refused(settings: str, message: str) -> None:
    environment = {"CLOUDPATTERNS_BREAKER_TABLE": "t", "CLOUDPATTERNS_BREAKER_PAYMENTS": settings}
    with pytest.raises(ValueError, match="CLOUDPATTERNS_BREAKER_PAYMENTS") as caught:
        CircuitBreaker.from_environment(Memory(), "payments", environment=environment)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("; a JSON object of settings is needed")


@pytest.mark.parametrize("environment", [{}, {"CLOUDPATTERNS_BREAKER_TABLE": ""}])
def test_an_environment_without_a_table_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="TABLE is missing") as caught:
        CircuitBreaker.from_environment(Memory(), "payments", environment=environment)
    assert str(caught.value) == "CLOUDPATTERNS_BREAKER_TABLE is missing; pass environment(...) of the CircuitBreaker to the function."


def test_a_dependency_that_the_environment_does_not_have_is_refused() -> None:
    environment = {"CLOUDPATTERNS_BREAKER_TABLE": "t", "CLOUDPATTERNS_BREAKER_PAYMENTS": "{}"}
    with pytest.raises(ValueError, match="PAYMENT is missing") as caught:
        CircuitBreaker.from_environment(Memory(), "payment", environment=environment)
    assert (
        str(caught.value) == "CLOUDPATTERNS_BREAKER_PAYMENT is missing; pass environment('payment') of the CircuitBreaker to the function."
    )


def test_the_client_does_not_hold_a_call_up_for_long() -> None:
    config: Any = client_config()
    assert isinstance(config, Config)
    assert (config.connect_timeout, config.read_timeout) == (0.5, 0.7)
    assert config.retries == {"mode": "standard", "total_max_attempts": 1}


SECONDS = "seconds from 0.01 to 86400 are allowed. Leave it out for 30."
SLACK = "seconds from 0 to 86400 are allowed. Leave it out for the default."
COUNT_ON = (
    "a subclass of Exception, a tuple of them, or a function of an error is allowed. Give (TimeoutError, ConnectionError), for example."
)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"table": ""}, "table: is ''; a text is needed."),
        ({"dependency": 1}, "dependency: is 1; a text is needed."),
        (
            {"failure_rate": None, "failures": None},
            "failures: is None, and failure_rate is None; the circuit would never open. Give one of them.",
        ),
        ({"failures": 0}, "failures: is 0; whole numbers from 1 are allowed. Leave it out to open by failure_rate alone."),
        ({"failures": True}, "failures: is True; whole numbers from 1 are allowed. Leave it out to open by failure_rate alone."),
        ({"failure_rate": 0}, "failure_rate: is 0; numbers above 0 up to 1 are allowed. Give 0.5 for half of the calls, or None."),
        ({"failure_rate": 1.01}, "failure_rate: is 1.01; numbers above 0 up to 1 are allowed. Give 0.5 for half of the calls, or None."),
        ({"minimum_calls": 1.5}, "minimum_calls: is 1.5; whole numbers from 1 are allowed. Leave it out for 10."),
        ({"window_seconds": 0}, f"window_seconds: is 0; {SECONDS}"),
        ({"window_seconds": 0.009}, f"window_seconds: is 0.009; {SECONDS}"),
        ({"open_seconds": 86_401}, f"open_seconds: is 86401; {SECONDS}"),
        ({"probe_seconds": "1"}, f"probe_seconds: is '1'; {SECONDS}"),
        ({"cache_seconds": -1}, f"cache_seconds: is -1; {SLACK}"),
        ({"clock_skew_seconds": 86_401}, f"clock_skew_seconds: is 86401; {SLACK}"),
        ({"count_on": BaseException}, f"count_on: is <class 'BaseException'>; {COUNT_ON}"),
        ({"count_on": (KeyError, 1)}, f"count_on: is (<class 'KeyError'>, 1); {COUNT_ON}"),
        ({"count_on": None}, f"count_on: is None; {COUNT_ON}"),
    ],
)
def test_values_that_cannot_be_used_are_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match="CircuitBreaker cannot be created") as caught:
        CircuitBreaker(Memory(), **dict[str, Any]({"table": "t", "dependency": "d", **given}))
    assert str(caught.value) == f"CircuitBreaker cannot be created:\n  {problem}"


def test_the_limits_themselves_can_be_used() -> None:
    most: dict[str, Any] = dict.fromkeys(("window_seconds", "open_seconds", "probe_seconds", "cache_seconds", "clock_skew_seconds"), 86_400)
    CircuitBreaker(Memory(), table="t", dependency="d", failures=1, failure_rate=1, minimum_calls=1, **most)
    least: dict[str, Any] = dict.fromkeys(("window_seconds", "open_seconds", "probe_seconds"), 0.01)
    breaker = CircuitBreaker(Memory(), table="t", dependency="d", failure_rate=0.001, cache_seconds=0, clock_skew_seconds=0, **least)
    assert "Memory" not in repr(breaker)
    assert "clock=" not in repr(breaker)
    assert repr(EmbeddedMetrics("Shop")) == "EmbeddedMetrics(namespace='Shop')"


def test_the_default_settings() -> None:
    breaker = CircuitBreaker(Memory(), table="t", dependency="d")
    assert (breaker.failures, breaker.failure_rate, breaker.minimum_calls, breaker.window_seconds) == (None, 0.5, 10, 30)
    assert (breaker.open_seconds, breaker.probe_seconds, breaker.cache_seconds, breaker.clock_skew_seconds) == (30, 30, 5, 1)


def test_without_slack_a_probe_without_a_result_opens_nothing(world: World) -> None:
    breaker = opened(world, clock_skew_seconds=0)
    world.time.now += 30
    failing(breaker, error=KeyboardInterrupt)
    assert world.changes[-1].retry_at == world.changes[-1].at
    assert breaker.call(lambda: world.item["circuit"]) == HALF_OPEN


# Answers that are not DynamoDB's


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "PutItem"),
        refusal({"generation": {"S": "x"}}),  # without the rest of it
        ValueError("Unable to parse"),
    ],
)
def test_any_other_error_of_the_table_stops_no_call(world: World, error: Exception) -> None:
    breaker = opened(world)
    world.time.now += 31

    def put_item(**request: Any) -> Any:
        raise error

    world.table.put_item = put_item
    assert passes(breaker)
    assert [event.error for event in world.errors] == [error, error]


# An older answer that comes later


def test_an_answer_that_was_asked_for_earlier_changes_nothing(world: World) -> None:
    breaker = world.breaker()
    read = world.table.get_item

    def get_item(**request: Any) -> Any:
        answer = read(**request)
        # While the answer is on its way, another thread opens the circuit.
        world.time.now += 1
        known = breaker._memory.view
        assert known is not None
        breaker._write(known, OPEN, 30, "by another thread")
        return answer

    assert passes(breaker)
    world.time.now += 5
    world.table.get_item = get_item
    assert not passes(breaker)


# Threads


@pytest.fixture(params=["memory", "moto", "ministack"])
def table(request: pytest.FixtureRequest) -> Iterator[tuple[Any, str]]:
    if request.param == "memory":
        yield Memory(), TABLE
        return
    if request.param == "moto":
        request.getfixturevalue("moto_account")
        client = moto_client("dynamodb")
    else:
        client = request.getfixturevalue("emulator").client("dynamodb")
    yield client, create_table(client)


THREADS, ROUNDS = 16, 12


def together(work: Callable[[int], None]) -> None:
    """Runs some work in all threads at once; an error in one of them fails the test."""
    barrier, errors = threading.Barrier(THREADS), list[BaseException]()

    def run(number: int) -> None:
        try:
            barrier.wait(5)
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert errors == []


@pytest.mark.parametrize("processes", [1, 4, THREADS])
def test_of_sixteen_callers_exactly_one_probes(table: tuple[Any, str], processes: int) -> None:
    """Threads of one process, four of each of four, and sixteen processes, on all three tables."""
    client, name = table
    time, changes, errors = Time(), list[Change](), list[Unreachable]()
    breakers = [
        CircuitBreaker(
            client,
            table=name,
            dependency="payments",
            failures=THREADS,
            failure_rate=None,
            clock=time.clock(),
            on_change=changes.append,
            on_unreachable=errors.append,
        )
        for _ in range(processes)
    ]
    for number in range(ROUNDS):
        # Each fails once, and opens it all together: nobody counts twice, nobody's failure is lost.
        changes.clear()
        together(lambda caller: failing(breakers[caller % processes]))
        time.now += 5
        for breaker in breakers:
            with contextlib.suppress(TimeoutError, CircuitOpen):
                breaker.call(fail)
        opening = [change for change in changes if change.after == OPEN]
        assert len(opening) == 1
        changes.clear()
        time.now += 31
        # All hold back until each has asked: who is let through stays in.
        probing, refusals, asked = list[int](), list[int](), threading.Barrier(THREADS)
        succeeds = number % 3 < 2

        def probe(caller: int, asked: threading.Barrier = asked, probing: list[int] = probing, refusals: list[int] = refusals) -> None:
            try:
                with breakers[caller % processes].guard():
                    probing.append(caller)
                    asked.wait(5)
                    if not succeeds:  # noqa: B023
                        raise TimeoutError
            except CircuitOpen:
                refusals.append(caller)
                asked.wait(5)
            except TimeoutError:
                pass

        together(probe)
        assert (len(probing), len(refusals)) == (1, THREADS - 1)
        assert [change.after for change in changes] == [HALF_OPEN, CLOSED if succeeds else OPEN]
        if not succeeds:
            time.now += 31
            assert any(passes(breaker) for breaker in breakers)
        time.now += 5
        assert all(passes(breaker) for breaker in breakers)
        time.now += 30
    assert errors == []


def test_no_failure_of_sixteen_threads_is_lost(table: tuple[Any, str]) -> None:
    client, name = table
    time = Time()
    settings: dict[str, Any] = {"table": name, "dependency": "payments", "failures": 10_000, "failure_rate": None, "clock": time.clock()}
    breakers = [CircuitBreaker(client, **settings) for _ in range(4)]
    together(lambda caller: failing(breakers[caller % 4], 25))
    time.now += 5
    for breaker in breakers:
        failing(breaker)
    assert {operation for operation, _ in getattr(client, "requests", [])} <= {"get_item", "update_item"}
    item = client.get_item(TableName=name, Key={"dependency": {"S": "payments"}}, ConsistentRead=True)["Item"]
    assert sum(int(value["N"]) for key, value in item.items() if key[0] == "f") == 16 * 25 + 4


def test_threads_read_once_together(world: World) -> None:
    breaker = world.breaker()
    read, waiting = world.table.get_item, threading.Event()

    def get_item(**request: Any) -> Any:
        waiting.wait(0.2)
        return read(**request)

    world.table.get_item = get_item
    together(lambda caller: calls(breaker, 100))
    assert world.table.counts == {"get_item": 1}


# Any order of events


class Machine(stateful.RuleBasedStateMachine):
    """Four processes with clocks that differ within the slack, calls that take time, callers that are killed, lost answers.

    ``down`` is what the dependency does; ``reachable`` whether the table answers. What is checked after each step is what the module
    promises.
    """

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        skews = (0.0, 0.25, 0.5, -0.5)
        self.breakers = [self.world.breaker(skew=skew, failures=3, failure_rate=0.5, minimum_calls=4) for skew in skews]
        self.down = False
        self.running: list[tuple[contextlib.AbstractContextManager[None], bool, float]] = []
        self.fault: str | None = None
        self.faulty_at = self.changed_at = -1e9
        self.world.table.fault = lambda number, operation: self.fault

    def _probes(self, since: int) -> bool:
        return any(operation == "put_item" for operation, _ in self.world.table.requests[since:])

    @stateful.rule(number=st.integers(0, 3))
    def begin(self, number: int) -> None:
        before, since = self.world.table.items.get("payments", {}).get("generation"), len(self.world.table.requests)
        guard = self.breakers[number].guard()
        try:
            guard.__enter__()
        except CircuitOpen:
            return
        item = self.world.table.items.get("payments", {})
        is_probe = self._probes(since) and item.get("generation") != before
        if is_probe:
            # No other probe runs that began less than its time ago.
            assert [begun for _, probing, begun in self.running if probing and self.world.time.now < begun + 30] == []
        elif self.fault is None and self.world.time.now >= self.faulty_at + 5:
            # What a process knows is at most five seconds old, and it knew nothing of an open circuit then.
            assert item.get("circuit", {"S": CLOSED})["S"] == CLOSED or self.world.time.now < self.changed_at + 5
        self.running.append((guard, is_probe, self.world.time.now))

    @stateful.precondition(lambda self: self.running)
    @stateful.rule(data=st.data(), killed=st.booleans())
    def end(self, data: st.DataObject, killed: bool) -> None:
        guard, _, _ = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        if killed:
            _killed.append(guard)
        elif self.down:
            assert guard.__exit__(TimeoutError, TimeoutError(), None) is not True
        else:
            guard.__exit__(None, None, None)

    @stateful.rule(seconds=st.sampled_from([0.1, 1, 2.9, 5, 10, 31]))
    def wait(self, seconds: float) -> None:
        self.world.time.now += seconds
        # A call ends within the time of a probe.
        for running in [one for one in self.running if self.world.time.now - one[2] >= 29]:
            self.running.remove(running)
            _killed.append(running[0])

    @stateful.rule(down=st.booleans())
    def change_dependency(self, down: bool) -> None:
        self.down = down

    @stateful.rule(fault=st.sampled_from([None, None, "before", "after", "twice"]))
    def change_table(self, fault: str | None) -> None:
        if self.fault in ("before", "after"):
            self.faulty_at = self.world.time.now
        self.fault = fault

    @stateful.precondition(lambda self: self.fault == "before")
    @stateful.rule()
    def nothing_is_stopped_while_the_table_cannot_be_reached(self) -> None:
        self.world.time.now += 31
        self.running.clear()
        assert all(passes(breaker) for breaker in self.breakers)

    @stateful.invariant()
    def times_do_not_change_within_a_generation(self) -> None:
        item = self.world.table.items.get("payments", {})
        if "generation" in item:
            known = (item["circuit"]["S"], item["ends_at"]["N"])
            if item["generation"]["S"] not in self.seen:
                self.changed_at = self.world.time.now
            assert self.seen.setdefault(item["generation"]["S"], known) == known

    @functools.cached_property
    def seen(self) -> dict[str, tuple[str, str]]:
        return {}

    def teardown(self) -> None:
        """Once all is well, it closes within the times of a circuit and a probe, and stays so."""
        self.fault, self.down = None, False
        _killed.extend(guard for guard, _, _ in self.running)
        self.world.time.now += 31.5
        assert any(passes(breaker) for breaker in self.breakers)
        self.world.time.now += 5
        assert all(passes(breaker) for breaker in self.breakers)


_killed: list[Any] = []
"""Calls whose process is gone: nothing of them runs any more, not even when they are collected as garbage."""

TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=150, stateful_step_count=40)
