"""Priority poller: order, shares, heartbeat, deletes, errors and stop; with a queue of the test's, on moto and on MiniStack."""

import dataclasses
import inspect
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cloudpatterns_runtime import priority as library
from cloudpatterns_runtime.priority import Message, PriorityPoller, Turns
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.emulators.locked_moto import client
from tests.emulators.ministack import MiniStack

HIGH, MIDDLE, LOW = (f"https://sqs/{name}" for name in ("high", "middle", "low"))
SECONDS = 30
"""After which something that should have happened counts as missing."""


class Unavailable(Exception):
    """What SQS answers in a fault."""


@dataclass
class Queues:
    """As SQS, for one poller: queues in memory, requests written down, and faults by operation."""

    bodies: dict[str, deque[str]] = field(default_factory=lambda: {url: deque() for url in (HIGH, MIDDLE, LOW)})
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: dict[str, list[Any]] = field(default_factory=dict)
    """Of each operation, answers to come before the real ones: an exception to raise or an entry's ``Failed`` by its number."""
    receipts: int = 0
    long_poll: Callable[[dict[str, Any]], None] = lambda request: time.sleep(0.002)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, operation: str, request: dict[str, Any]) -> Any:
        with self.lock:
            self.requests.append((operation, request))
            answer = self.faults[operation].pop(0) if self.faults.get(operation) else None
        if isinstance(answer, Exception):
            raise answer
        return answer or {}

    def receive_message(self, **request: Any) -> dict[str, Any]:
        self.fault("receive", request)
        bodies = self.bodies[request["QueueUrl"]]
        if not bodies and request["WaitTimeSeconds"]:
            self.long_poll(request)
        messages = []
        while bodies and len(messages) < request["MaxNumberOfMessages"]:
            self.receipts += 1
            number = str(self.receipts)
            body = bodies.popleft()
            messages.append({"MessageId": f"id-{body}", "Body": body, "ReceiptHandle": number, "Attributes": {"a": "b"}})
        return {"Messages": messages} if messages else {}

    def _batch(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        failed = self.fault(operation, request)
        identifiers = [entry["Id"] for entry in request["Entries"]]
        assert 1 <= len(identifiers) == len(set(identifiers)) <= 10
        return {
            "Successful": [{"Id": name} for name in identifiers if name not in failed],
            "Failed": [{"Id": name, "Code": code, "SenderFault": fault} for name, (code, fault) in failed.items()],
        }

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:
        return self._batch("delete", request)

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        return self._batch("change", request)

    def of(self, operation: str) -> list[dict[str, Any]]:
        with self.lock:
            return [request for name, request in self.requests if name == operation]

    def handles(self, operation: str) -> list[str]:
        return [entry["ReceiptHandle"] for request in self.of(operation) for entry in request["Entries"]]


def make(sqs: Any, handler: Callable[[Message], object], urls: Sequence[str] = (HIGH, MIDDLE, LOW), **options: Any) -> PriorityPoller:
    given: dict[str, Any] = {"workers": 1, **options}
    return PriorityPoller(sqs=sqs, queue_urls=urls, handler=handler, **given)


@contextmanager
def running(poller: PriorityPoller) -> Generator[threading.Thread]:
    thread = threading.Thread(target=poller.run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        poller.stop()
        thread.join(SECONDS)
        assert not thread.is_alive()


def eventually(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


@pytest.fixture
def sqs() -> Queues:
    return Queues()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    eventually(lambda: not [one for one in set(threading.enumerate()) - before if one.name.startswith("priority-poller")])


# Turns


class TurnsMachine(RuleBasedStateMachine):
    """Queues fill and drain at random; the poller's rule is followed, and the bound is held to at each receive."""

    @initialize(queues=st.integers(1, 5), spare=st.integers(0, 8))
    def begin(self, queues: int, spare: int) -> None:
        self.every = max(2 * (queues - 1), 1) + spare
        self.turns = Turns(queues, self.every)
        self.messages = [0] * queues
        self.waited = [0] * queues
        """Receives of others since the queue was not empty or was last received from."""

    @rule(data=st.data(), count=st.integers(1, 20))
    def send(self, data: st.DataObject, count: int) -> None:
        self.messages[data.draw(st.integers(0, len(self.messages) - 1))] += count

    @rule(times=st.integers(1, 12))
    def receive(self, times: int) -> None:
        for _ in range(times):
            order = self.turns.order()
            assert sorted(order) == list(range(len(self.messages)))
            self._sweep(order)

    def _sweep(self, order: list[int]) -> None:
        for number in order:
            if not self.messages[number]:
                self.turns.empty(number)
                continue
            self.turns.received(number)
            self.messages[number] -= 1
            for other in range(len(self.messages)):
                self.waited[other] = self.waited[other] + 1 if other != number and self.messages[other] else 0
            return

    @invariant()
    def no_queue_waits_longer_than_stated(self) -> None:
        if hasattr(self, "every"):
            assert all(waited <= self.every - 1 for waited in self.waited[1:])
            assert self.waited[0] <= len(self.waited) - 1


TurnsMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestTurns = TurnsMachine.TestCase


def served(turns: Turns, messages: dict[int, int], receives: int) -> list[int]:
    """Which queue each receive was from; ``messages`` by queue."""
    found = []
    for _ in range(receives):
        for number in turns.order():
            if messages.get(number, 0):
                turns.received(number)
                messages[number] -= 1
                found.append(number)
                break
            turns.empty(number)
    return found


@pytest.mark.parametrize(
    ("queues", "every", "expected"),
    [
        (2, 4, [0, 0, 0, 1] * 3),
        (2, 2, [0, 1] * 6),
        (3, 4, [0, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]),
        (3, 5, [0, 0, 0, 1, 2, 0, 0, 1, 2, 0, 0, 1]),
        (1, 1, [0] * 12),
    ],
)
def test_the_order_while_all_queues_have_messages(queues: int, every: int, expected: list[int]) -> None:
    assert served(Turns(queues, every), dict.fromkeys(range(queues), 100), 12) == expected


def test_higher_queues_are_drained_first_between_the_shares() -> None:
    assert served(Turns(3, 100), {0: 3, 1: 2, 2: 2}, 7) == [0, 0, 0, 1, 1, 2, 2]


def test_a_queue_that_was_empty_at_its_turn_waits_for_the_next_one() -> None:
    turns = Turns(2, 3)
    assert served(turns, {0: 3}, 3) == [0, 0, 0]
    assert served(turns, {0: 9, 1: 9}, 3) == [0, 1, 0]


def test_the_share_of_the_highest_queue() -> None:
    assert Counter(served(Turns(3, 10), dict.fromkeys(range(3), 10_000), 9_010)) == {0: 7_008, 1: 1_001, 2: 1_001}


# The poller


def test_a_message_reaches_the_handler_whole_and_is_deleted(sqs: Queues) -> None:
    sqs.bodies[MIDDLE].append("x")
    seen: list[Message] = []
    with running(make(sqs, seen.append)):
        eventually(lambda: sqs.of("delete"))
    assert seen == [Message(MIDDLE, "id-x", "x", {"a": "b"}, {}, "1")]
    assert sqs.of("delete") == [{"QueueUrl": MIDDLE, "Entries": [{"Id": "0", "ReceiptHandle": "1"}]}]
    assert sqs.of("receive")[:2] == [
        {
            "QueueUrl": url,
            "MaxNumberOfMessages": 1,
            "WaitTimeSeconds": 0,
            "VisibilityTimeout": 60,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        for url in (HIGH, MIDDLE)
    ]
    assert "x" not in repr(seen[0]).replace("id-x", "")


def test_what_a_message_says_and_its_receipt_are_not_shown() -> None:
    message = Message(HIGH, "id-1", "secret", {"a": "secret"}, {"b": "secret"}, "secret")
    assert repr(message) == f"Message(queue_url='{HIGH}', id='id-1')"


def test_low_priority_is_never_starved(sqs: Queues) -> None:
    """The bound on the real poller: of ten receives in a row one is for each lower queue, though the highest never drains."""
    for url in (HIGH, MIDDLE, LOW):
        sqs.bodies[url].extend(f"{url}-{number}" for number in range(400))
    seen: list[str] = []
    with running(make(sqs, lambda message: seen.append(message.queue_url))):
        eventually(lambda: len(seen) >= 400)
    for start in range(390):
        assert Counter(seen[start : start + 10]).keys() >= {MIDDLE, LOW}
    assert Counter(seen[:397]) == {HIGH: 309, MIDDLE: 44, LOW: 44}


def test_a_simulation_of_arrivals_bounds_the_waiting_of_low_priority(sqs: Queues) -> None:
    """High arrivals at nine tenths of what is worked off, and bursts: a low message waits for its share and no longer."""
    waits: list[int] = []
    handled = 0

    def handler(message: Message) -> None:
        nonlocal handled
        handled += 1
        sqs.bodies[HIGH].extend(["h"] * (9 if handled % 10 == 0 else 0) + ["h"] * (50 if handled == 100 else 0))
        if handled % 20 == 0:
            sqs.bodies[LOW].append(str(handled))
        if message.queue_url == LOW:
            waits.append(handled - int(message.body))

    sqs.bodies[HIGH].extend(["h"] * 30)
    with running(make(sqs, handler, (HIGH, LOW))):
        eventually(lambda: handled >= 600)
    assert len(waits) >= 28
    # One of ten is for the low queue, and it is filled by one of twenty.
    assert max(waits) <= 10


def test_higher_queues_are_drained_first(sqs: Queues) -> None:
    for url, count in ((LOW, 3), (MIDDLE, 3), (HIGH, 5)):
        sqs.bodies[url].extend([url] * count)
    seen: list[str] = []
    with running(make(sqs, lambda message: seen.append(message.body), share_every=100)):
        eventually(lambda: len(seen) == 11)
    assert seen == [HIGH] * 5 + [MIDDLE] * 3 + [LOW] * 3


def test_it_receives_no_more_than_it_has_idle_threads(sqs: Queues) -> None:
    sqs.bodies[HIGH].extend(str(number) for number in range(30))
    release = threading.Event()
    begun: list[str] = []

    def handler(message: Message) -> None:
        begun.append(message.body)
        release.wait(SECONDS)

    with running(make(sqs, handler, workers=12)):
        eventually(lambda: len(begun) == 12)
        time.sleep(0.05)
        assert [request["MaxNumberOfMessages"] for request in sqs.of("receive")] == [10, 2]
        assert len(sqs.bodies[HIGH]) == 18
        release.set()
        eventually(lambda: len(sqs.handles("delete")) == 30)
    assert sorted(begun) == sorted(str(number) for number in range(30))


def test_while_all_queues_are_empty_requests_wait(sqs: Queues) -> None:
    """The stated figure: queues requests in wait_seconds + queues - 1."""
    waits: list[tuple[str, int]] = []

    def long_poll(request: dict[str, Any]) -> None:
        waits.append((request["QueueUrl"], request["WaitTimeSeconds"]))
        time.sleep(0.01)

    sqs.long_poll = long_poll
    with running(make(sqs, print)):
        eventually(lambda: len(waits) >= 6)
    assert waits[:6] == [(HIGH, 20), (MIDDLE, 1), (LOW, 1)] * 2
    # The first sweep does not wait; each one after it does.
    assert [request["WaitTimeSeconds"] for request in sqs.of("receive")[:6]] == [0, 0, 0, 20, 1, 1]
    documentation = PriorityPoller.__doc__ or ""
    assert "3,600 * queues / (wait_seconds + queues - 1) requests an hour, 343 for two queues" in documentation
    assert round(3600 * 2 / (20 + 2 - 1)) == 343


def test_after_a_message_nothing_waits_until_all_are_empty_again(sqs: Queues) -> None:
    sqs.long_poll = lambda request: sqs.bodies[LOW].append("x") if len(sqs.of("receive")) == 6 else time.sleep(0.01)
    with running(make(sqs, lambda message: None)):
        eventually(lambda: len(sqs.of("receive")) > 12)
    assert [request["WaitTimeSeconds"] for request in sqs.of("receive")[:13]] == [0, 0, 0, 20, 1, 1, 0, 0, 0, 20, 1, 1, 20]


def test_what_fails_is_left_to_its_queue_and_nothing_else(sqs: Queues, caplog: pytest.LogCaptureFixture) -> None:
    sqs.bodies[HIGH].extend(["1", "poison", "exit", "4"])

    def handler(message: Message) -> None:
        if message.body == "poison":
            raise ValueError("cannot be read")
        if message.body == "exit":
            raise SystemExit

    with running(make(sqs, handler)):
        eventually(lambda: len(sqs.handles("delete")) == 2)
        eventually(lambda: len(sqs.of("receive")) > 6)
    assert sqs.handles("delete") == ["1", "4"]
    assert not sqs.of("change")
    assert [record.getMessage() for record in caplog.records] == [
        f"message id-{body} of {HIGH} failed, and is left to its queue" for body in ("poison", "exit")
    ]
    assert "cannot be read" in caplog.text


# Deletes


def test_what_is_done_meanwhile_is_deleted_in_one_batch(sqs: Queues) -> None:
    sqs.bodies[HIGH].extend(str(number) for number in range(25))
    sqs.bodies[LOW].extend(str(number) for number in range(100, 103))
    first = threading.Event()
    handled: list[str] = []
    delete = sqs.delete_message_batch

    def slow(**request: Any) -> Any:
        first.wait(SECONDS)
        return delete(**request)

    sqs.delete_message_batch = slow
    with running(make(sqs, lambda message: handled.append(message.body))):
        eventually(lambda: len(handled) == 28)
        first.set()
        eventually(lambda: len(sqs.handles("delete")) == 28)
    assert len(sqs.of("delete")) <= 8
    assert max(len(request["Entries"]) for request in sqs.of("delete")) >= 8
    by_queue = {url: [r for q in sqs.of("delete") if q["QueueUrl"] == url for r in q["Entries"]] for url in (HIGH, LOW)}
    assert (len(by_queue[HIGH]), len(by_queue[LOW])) == (25, 3)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits before another delete, which take no time."""
    waits: list[float] = []

    class Time:
        monotonic = staticmethod(time.monotonic)
        sleep = staticmethod(waits.append)

    monkeypatch.setattr(library, "time", Time)
    return waits


def test_only_what_sqs_failed_to_delete_is_deleted_again(sqs: Queues, quick: list[float], caplog: pytest.LogCaptureFixture) -> None:
    sqs.bodies[HIGH].extend("abcd")
    hold = threading.Event()
    sqs.faults["delete"] = [{"0": ("InternalError", False), "2": ("ReceiptHandleIsInvalid", True)}, Unavailable("gone")]
    with running(make(sqs, lambda message: hold.wait(SECONDS), workers=4, uniform=lambda low, high: high)):
        eventually(lambda: len(sqs.of("receive")) >= 1 and not sqs.bodies[HIGH])
        with sqs.lock:  # all four are done before the first delete has its answer
            hold.set()
            time.sleep(0.1)
        eventually(lambda: len(sqs.of("delete")) >= 3)
    deletes = [[entry["ReceiptHandle"] for entry in request["Entries"]] for request in sqs.of("delete")]
    assert sorted({handle for batch in deletes for handle in batch}) == ["1", "2", "3", "4"]
    assert caplog.text.count("messages were not deleted: gone") == 1


def batch(sqs: Queues, count: int, **options: Any) -> tuple[PriorityPoller, list[Any]]:
    """A poller that holds messages which are done, without its threads."""
    poller = make(sqs, print, **options)
    messages = [Message(HIGH, f"id-{number}", "", {}, {}, f"r{number}") for number in range(count)]
    poller._idle = count
    poller._take(messages)
    return poller, [poller._jobs.get() for _ in messages]


def test_partial_failures_of_a_delete(sqs: Queues, quick: list[float], caplog: pytest.LogCaptureFixture) -> None:
    poller, held = batch(sqs, 4, uniform=lambda low, high: high)
    sqs.faults["delete"] = [
        {"0": ("InternalError", False), "2": ("ReceiptHandleIsInvalid", True), "3": ("Throttled", False)},
        Unavailable("gone"),
        {"1": ("Throttled", False)},
    ]
    poller._delete_batch(HIGH, held)
    assert [[entry["ReceiptHandle"] for entry in request["Entries"]] for request in sqs.of("delete")] == [
        ["r0", "r1", "r2", "r3"],
        ["r0", "r3"],
        ["r0", "r3"],
        ["r3"],
    ]
    assert quick == [0.4, 0.8, 1.6]
    assert not poller._held
    assert [record.getMessage() for record in caplog.records] == [
        f"message id-2 of {HIGH} was not deleted: ReceiptHandleIsInvalid",
        f"{HIGH}: 2 messages were not deleted: gone",
    ]


def test_a_delete_that_keeps_failing_is_given_up(sqs: Queues, quick: list[float], caplog: pytest.LogCaptureFixture) -> None:
    poller, held = batch(sqs, 2, uniform=lambda low, high: low)
    sqs.faults["delete"] = [Unavailable("gone")] * 9
    poller._delete_batch(HIGH, held)
    assert (len(sqs.of("delete")), quick, poller._held) == (5, [0, 0, 0, 0], {})
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        f"message id-{number} of {HIGH} was handled and not deleted: it will be received again" for number in (0, 1)
    ]


def test_while_nothing_is_deleted_nothing_more_is_received_in_the_end(sqs: Queues) -> None:
    sqs.bodies[HIGH].extend(str(number) for number in range(300))
    go = threading.Event()
    sqs.delete_message_batch = lambda **request: go.wait(SECONDS) and {}  # ty: ignore[invalid-assignment]
    handled: list[str] = []
    with running(make(sqs, lambda message: handled.append(message.body), workers=2)):
        eventually(lambda: len(handled) >= 102)
        time.sleep(0.05)
        # What the thread that deletes holds, what waits for it, and one in each worker thread.
        assert len(handled) <= 10 + 100 + 2
        go.set()
        eventually(lambda: len(handled) == 300)


# Errors of SQS


def test_errors_of_sqs_do_not_end_the_loop(sqs: Queues, caplog: pytest.LogCaptureFixture) -> None:
    sqs.bodies[HIGH].append("x")
    sqs.faults["receive"] = [Unavailable("gone")] * 5
    done: list[Message] = []
    with running(make(sqs, done.append, (HIGH,), uniform=lambda low, high: high / 100)):
        eventually(lambda: done)
    waits = [record.args[2] for record in caplog.records if isinstance(record.args, tuple) and len(record.args) == 4]
    assert waits == pytest.approx([0.002, 0.004, 0.008, 0.016, 0.032])
    assert caplog.records[0].getMessage() == f"{HIGH}: nothing was received, 1 errors in a row, again in 0.0 s: gone"


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_queue_that_answers_with_errors_keeps_no_other_one_waiting(sqs: Queues) -> None:
    clock = Clock()
    poller = make(sqs, print, clock=clock, uniform=lambda low, high: high)
    poller._idle = 3
    sqs.bodies[LOW].append("x")
    sqs.faults["receive"] = [Unavailable("gone")]
    assert poller._sweep(False)
    assert [request["QueueUrl"] for request in sqs.of("receive")] == [HIGH, MIDDLE, LOW]
    job = poller._jobs.get_nowait()
    assert job
    assert job.message.body == "x"
    # It is not asked until its wait is over, and then waits twice as long.
    clock.now = 0.19
    assert not poller._sweep(False)
    clock.now = 0.2
    sqs.faults["receive"] = [Unavailable("gone")]
    assert not poller._sweep(False)
    clock.now = 0.59
    assert not poller._sweep(False)
    clock.now = 0.61
    assert not poller._sweep(True)
    assert [request["QueueUrl"] for request in sqs.of("receive")[3:]] == [MIDDLE, LOW, HIGH, MIDDLE, LOW, MIDDLE, LOW, HIGH, MIDDLE, LOW]
    # A success ends the row of errors.
    assert not poller._errors


def test_waits_after_errors_have_full_jitter_and_a_cap(sqs: Queues) -> None:
    clock = Clock()
    drawn: list[tuple[float, float]] = []
    poller = make(sqs, print, (HIGH,), clock=clock, uniform=lambda low, high: drawn.append((low, high)) or 0.0)
    sqs.faults["receive"] = [Unavailable("gone")] * 13
    for _ in range(13):
        assert not poller._sweep(False)
    assert drawn == [(0, high) for high in (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20, 20, 20, 20, 20, 20)]
    uniform = PriorityPoller(sqs=sqs, queue_urls=[HIGH], handler=print).uniform
    assert len({uniform(0, 1) for _ in range(10)}) == 10


def test_while_all_queues_answer_with_errors_it_sleeps(sqs: Queues) -> None:
    poller = make(sqs, print, (HIGH, LOW), uniform=lambda low, high: 0.05 if not poller._errors else 0.3)
    sqs.faults["receive"] = [Unavailable("gone")] * 2
    assert not poller._sweep(False)
    begun = time.monotonic()
    assert not poller._sweep(False)
    assert 0.03 < time.monotonic() - begun < 0.25
    assert len(sqs.of("receive")) == 2


# Heartbeat


def test_a_message_stays_hidden_while_its_handler_runs_and_no_longer(sqs: Queues) -> None:
    sqs.bodies[HIGH].append("slow")
    release = threading.Event()
    with running(make(sqs, lambda message: release.wait(SECONDS), visibility_seconds=1)):
        eventually(lambda: len(sqs.of("change")) >= 2)
        release.set()
        eventually(lambda: sqs.of("delete"))
        beats = len(sqs.of("change"))
        time.sleep(0.4)
        assert len(sqs.of("change")) == beats
    assert sqs.of("change")[0] == {
        "QueueUrl": HIGH,
        "Entries": [{"Id": "0", "ReceiptHandle": "1", "VisibilityTimeout": 1}],
    }


def beat_once(poller: PriorityPoller) -> list[float]:
    """One beat of the heartbeat, and how long it waited for it."""
    waits: list[float] = []

    class Ended:
        def wait(self, seconds: float) -> bool:
            waits.append(seconds)
            return len(waits) > 1

    poller._ended = Ended()  # ty: ignore[invalid-assignment]
    poller._beat()
    return waits


def test_every_message_is_extended_in_batches_of_ten(sqs: Queues) -> None:
    poller, _ = batch(sqs, 23, workers=30, visibility_seconds=30)
    poller._idle = 1
    poller._take([Message(LOW, "id", "", {}, {}, "low")])
    # Two of three requests may be refused: the third comes after 22.5 of the 30 seconds.
    assert beat_once(poller) == [7.5, 7.5]
    assert [(request["QueueUrl"], len(request["Entries"])) for request in sqs.of("change")] == [(HIGH, 10), (HIGH, 10), (HIGH, 3), (LOW, 1)]
    assert sqs.handles("change") == [*(f"r{number}" for number in range(23)), "low"]
    assert {entry["VisibilityTimeout"] for request in sqs.of("change") for entry in request["Entries"]} == {30}


def test_the_heartbeat_gives_up_at_the_stated_most(sqs: Queues, caplog: pytest.LogCaptureFixture) -> None:
    """Hidden for 100 s at most: extended for 60 s until 40 s are over."""
    clock = Clock(1000)
    poller, _ = batch(sqs, 1, clock=clock, visibility_seconds=60, most_seconds=100)
    for seconds in (20, 40, 40.1, 60):
        clock.now = 1000 + seconds
        beat_once(poller)
    assert len(sqs.of("change")) == 2
    assert [record.getMessage() for record in caplog.records] == [f"message id-0 of {HIGH} is not hidden any longer: its handler runs on"]


def test_a_heartbeat_that_fails_is_repeated_at_the_next_beat(sqs: Queues, caplog: pytest.LogCaptureFixture) -> None:
    poller, _ = batch(sqs, 11)
    sqs.faults["change"] = [Unavailable("gone"), {"0": ("InvalidParameterValue", True)}]
    beat_once(poller)
    beat_once(poller)
    assert [len(request["Entries"]) for request in sqs.of("change")] == [10, 1, 10, 1]
    assert [record.getMessage() for record in caplog.records] == [
        f"{HIGH}: the visibility of 10 messages was not changed: gone",
        f"{HIGH}: the visibility of a message was not changed: InvalidParameterValue",
    ]


# Stop


def test_stop_waits_for_the_handlers_that_run(sqs: Queues) -> None:
    sqs.bodies[HIGH].extend(str(number) for number in range(9))
    begun, release = threading.Event(), threading.Event()

    def handler(message: Message) -> None:
        begun.set()
        release.wait(SECONDS)

    with running(make(sqs, handler, workers=2)) as thread:
        assert begun.wait(SECONDS)
        poller_stops = threading.Timer(0.05, release.set)
        poller_stops.start()
    assert not thread.is_alive()
    assert sorted(sqs.handles("delete")) == ["1", "2"]
    assert not sqs.of("change")
    assert len(sqs.bodies[HIGH]) == 7


def test_signals_stop_it_on_a_thread_of_their_own(sqs: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Callable[..., None]] = {}
    monkeypatch.setattr(library.signal, "signal", handlers.__setitem__)
    poller = make(sqs, print)
    poller.stop_on_signals(signal.SIGUSR1)
    assert handlers.keys() == {signal.SIGUSR1}
    poller.stop_on_signals()
    assert handlers.keys() == {signal.SIGUSR1, signal.SIGTERM, signal.SIGINT}
    assert not poller._stopping.is_set()
    handlers[signal.SIGTERM](signal.SIGTERM, None)
    eventually(poller._stopping.is_set)


def test_its_threads_have_names_and_keep_no_process_from_its_end(sqs: Queues) -> None:
    before = set(threading.enumerate())
    with running(make(sqs, print, workers=2)) as main:
        eventually(lambda: sqs.of("receive"))
        own = set(threading.enumerate()) - before - {main}
    names = Counter(thread.name for thread in own)
    assert names == {"priority-poller_work": 2, "priority-poller_beat": 1, "priority-poller_delete": 1}
    assert all(thread.daemon for thread in own)


def test_what_arrives_after_stop_is_returned_at_once(sqs: Queues) -> None:
    handled: list[Message] = []
    poller = make(sqs, handled.append, workers=3)

    def long_poll(request: dict[str, Any]) -> None:
        poller.stop()
        sqs.bodies[HIGH].extend("ab")

    sqs.long_poll = long_poll
    poller.run()
    assert not handled
    assert sqs.of("change") == [
        {"QueueUrl": HIGH, "Entries": [{"Id": str(n), "ReceiptHandle": str(n + 1), "VisibilityTimeout": 0} for n in range(2)]}
    ]
    assert len(sqs.of("receive")) == 4


def test_what_is_not_done_in_time_is_returned_and_not_deleted_later(sqs: Queues, caplog: pytest.LogCaptureFixture) -> None:
    sqs.bodies[HIGH].extend("ab")
    begun, release = threading.Barrier(3), threading.Event()

    def handler(message: Message) -> None:
        begun.wait(SECONDS)
        release.wait(SECONDS)

    poller = make(sqs, handler, workers=2, stop_seconds=1, wait_seconds=1)
    with running(poller) as thread:
        begun.wait(SECONDS)
        started = time.monotonic()
        poller.stop()
        thread.join(SECONDS)
        assert 0.9 < time.monotonic() - started < 3
    assert sorted(sqs.handles("change")) == ["1", "2"]
    assert [record.getMessage() for record in caplog.records] == ["2 messages were not done in 1 s, and are returned to their queues"]
    release.set()
    eventually(lambda: poller._idle == 2)
    assert poller._done.empty()
    assert not sqs.of("delete")


def test_the_time_to_stop_begins_with_stop_and_not_with_the_end_of_a_long_poll(sqs: Queues) -> None:
    clock = Clock(100)
    poller, _ = batch(sqs, 1, clock=clock, stop_seconds=30)
    poller.stop()
    clock.now = 120
    poller.stop()
    assert poller._stop_by == 130
    clock.now = 140
    begun = time.monotonic()
    poller._shut_down()
    assert time.monotonic() - begun < 1
    assert sqs.handles("change") == ["r0"]


def test_a_hanging_delete_does_not_keep_the_process_from_its_end(sqs: Queues) -> None:
    poller = make(sqs, print)
    for _ in range(100):
        poller._done.put(None)
    poller._shut_down()
    assert poller._stopping.is_set()


def test_an_interrupt_stops_as_well(sqs: Queues) -> None:
    def interrupt(request: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    sqs.long_poll = interrupt
    poller = make(sqs, print)
    with pytest.raises(KeyboardInterrupt):
        poller.run()
    assert poller._ended.is_set()


def test_a_poller_runs_once(sqs: Queues) -> None:
    poller = make(sqs, print)
    poller.stop()
    poller.run()
    assert not sqs.requests
    with pytest.raises(RuntimeError, match=r"^PriorityPoller\.run was called before\. Create another poller\.$"):
        poller.run()


PROGRAM = """
import os, signal, sys, time
sys.path[:0] = {paths!r}
from cloudpatterns_runtime.priority import PriorityPoller

class Sqs:
    left = ["a"]
    def receive_message(self, **request):
        if self.left:
            return {{"Messages": [{{"MessageId": "1", "Body": self.left.pop(), "ReceiptHandle": "r"}}]}}
        time.sleep(0.05)
        return {{}}
    def delete_message_batch(self, **request):
        print("deleted", flush=True)
        return {{}}

def handle(message):
    print("begun", flush=True)
    time.sleep(0.3)
    print("handled", flush=True)

poller = PriorityPoller(sqs=Sqs(), queue_urls=["https://sqs/q"], handler=handle)
poller.stop_on_signals({signals})
poller.run()
print("ended", flush=True)
"""


@pytest.mark.parametrize(("signals", "number"), [("", signal.SIGTERM), ("", signal.SIGINT), ("signal.SIGUSR1", signal.SIGUSR1)])
def test_a_signal_stops_it_after_the_handler_has_ended(signals: str, number: int) -> None:
    script = PROGRAM.format(paths=[str(Path(library.__file__).parents[1])], signals=signals)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        assert process.stdout.read() == "handled\ndeleted\nended\n"
    assert process.returncode == 0


# On emulators


@dataclass
class Unlocked:
    """A client of locked moto that waits for messages outside of the lock, which would hold up all other requests."""

    sqs: Any

    def receive_message(self, **request: Any) -> Any:
        response = self.sqs.receive_message(**{**request, "WaitTimeSeconds": 0})
        if not response.get("Messages"):
            time.sleep(0.1 * request.get("WaitTimeSeconds", 0))
        return response

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sqs, name)


@pytest.fixture(params=["moto", "ministack"])
def real(request: pytest.FixtureRequest) -> Any:
    if request.param == "moto":
        request.getfixturevalue("moto_account")
        return Unlocked(client("sqs"))
    emulator: MiniStack = request.getfixturevalue("emulator")
    return emulator.client("sqs")


def create(sqs: Any, name: str, **attributes: str) -> str:
    return sqs.create_queue(QueueName=f"{name}-{uuid4()}", Attributes=attributes)["QueueUrl"]


def left(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))


@dataclass
class Faulty:
    """A client of SQS of which every third request fails, before or after it had its effect."""

    sqs: Any
    calls: int = 0
    failures: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            with self.lock:
                self.calls += 1
                number = self.calls
                self.failures += number % 3 == 0
            if number % 6 == 3:
                raise Unavailable("refused")
            # An answer to a receive that is lost hides its messages until their visibility is over.
            answer = getattr(self.sqs, name)(**request)
            if number % 6 == 0:
                raise Unavailable("lost")
            return answer

        return call


def test_every_message_is_handled_with_faults_and_poison_reaches_the_dead_letter_queue(real: Any) -> None:
    """Takes seconds: a message that fails is shown again after a second, and a request to an empty queue waits for one."""
    dead = create(real, "dead")
    arn = real.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    high, low = create(real, "high", RedrivePolicy=f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 3}}'), create(real, "low")
    for number in range(12):
        real.send_message(QueueUrl=high, MessageBody=f"high-{number}")
        real.send_message(QueueUrl=low, MessageBody=f"low-{number}")
    real.send_message(QueueUrl=high, MessageBody="poison")
    effects: set[str] = set()

    def handler(message: Message) -> None:
        if message.body == "poison":
            raise ValueError(message.id)
        effects.add(message.body)

    faulty = Faulty(real)
    poller = make(faulty, handler, (high, low), workers=4, visibility_seconds=1, wait_seconds=1, uniform=lambda a, b: min(b, 0.05))
    with running(poller):
        eventually(lambda: len(effects) == 24)
        eventually(lambda: left(real, high) == left(real, low) == 0 and left(real, dead) == 1)
    assert faulty.failures > 3
    assert effects == {f"{name}-{number}" for name in ("high", "low") for number in range(12)}
    assert [message["Body"] for message in real.receive_message(QueueUrl=dead)["Messages"]] == ["poison"]


def test_a_handler_slower_than_the_visibility_is_not_processed_twice(real: Any) -> None:
    """Two pollers on one queue whose messages are shown again after a second; the handler takes one and a half."""
    url = create(real, "slow")
    for number in range(4):
        real.send_message(QueueUrl=url, MessageBody=str(number))
    handled: list[str] = []

    def handler(message: Message) -> None:
        time.sleep(1.5)
        handled.append(message.body)

    with (
        running(make(real, handler, (url,), workers=2, visibility_seconds=1, wait_seconds=1)),
        running(make(real, handler, (url,), workers=2, visibility_seconds=1, wait_seconds=1)),
    ):
        eventually(lambda: len(handled) >= 4 and left(real, url) == 0)
    assert sorted(handled) == ["0", "1", "2", "3"]


def test_what_a_stopped_poller_returns_another_one_receives_at_once(real: Any) -> None:
    url = create(real, "returned")
    real.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={"kind": {"DataType": "String", "StringValue": "order"}})
    begun, release = threading.Event(), threading.Event()
    second: list[Message] = []
    first = make(real, lambda message: begun.set() or release.wait(SECONDS), (url,), stop_seconds=1, wait_seconds=1)
    with running(first):
        assert begun.wait(SECONDS)
    with running(make(real, second.append, (url,), wait_seconds=1)):
        eventually(lambda: second and left(real, url) == 0)
    release.set()
    assert second[0].attributes["ApproximateReceiveCount"] == "2"
    assert second[0].message_attributes["kind"]["StringValue"] == "order"


# What is refused


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"queue_urls": HIGH}, f"queue_urls is '{HIGH}'; a list of URLs is allowed. Give the highest priority first."),
        ({"queue_urls": []}, "queue_urls is []; a list of URLs is allowed. Give the highest priority first."),
        ({"queue_urls": [HIGH, HIGH]}, "queue_urls has a queue more than once. Give each queue one priority."),
        (
            {"queue_urls": [HIGH, "q.fifo"]},
            "queue_urls has q.fifo; standard queues are allowed, threads would break the order. Use a standard queue.",
        ),
        ({"workers": 0}, "workers is 0; 1 to 1,000 are allowed."),
        ({"workers": 1_001}, "workers is 1001; 1 to 1,000 are allowed."),
        ({"workers": True}, "workers is True; 1 to 1,000 are allowed."),
        ({"share_every": 3}, "share_every is 3; 4 to 1,000,000 are allowed."),
        ({"share_every": 1_000_001}, "share_every is 1000001; 4 to 1,000,000 are allowed."),
        ({"visibility_seconds": 0}, "visibility_seconds is 0; 1 to 43,200 are allowed."),
        ({"most_seconds": 43_201}, "most_seconds is 43201; 1 to 43,200 are allowed."),
        ({"most_seconds": 0}, "most_seconds is 0; 1 to 43,200 are allowed."),
        ({"wait_seconds": 0}, "wait_seconds is 0; 1 to 20 are allowed."),
        ({"wait_seconds": 21}, "wait_seconds is 21; 1 to 20 are allowed."),
        ({"wait_seconds": "20"}, "wait_seconds is '20'; 1 to 20 are allowed."),
        ({"stop_seconds": 0}, "stop_seconds is 0; 1 to 43,200 are allowed."),
        ({"stop_seconds": 50_000}, "stop_seconds is 50000; 1 to 43,200 are allowed."),
        ({"stop_seconds": 19}, "stop_seconds is 19, less than wait_seconds, 20. Raise it, or lower wait_seconds."),
        ({"most_seconds": 59}, "most_seconds is 59, less than visibility_seconds, 60. Raise it, or lower visibility_seconds."),
    ],
)
def test_a_poller_that_cannot_be_is_refused(options: dict[str, Any], problem: str) -> None:
    given: dict[str, Any] = {"sqs": None, "queue_urls": [HIGH, MIDDLE, LOW], "handler": print, **options}
    with pytest.raises(ValueError, match="PriorityPoller cannot be created") as caught:
        PriorityPoller(**given)
    assert str(caught.value) == f"PriorityPoller cannot be created:\n  {problem}"


def test_what_is_allowed_at_the_limits() -> None:
    limits: dict[str, Any] = {
        "workers": 1_000,
        "share_every": 1,
        "visibility_seconds": 43_200,
        "most_seconds": 43_200,
        "stop_seconds": 43_200,
    }
    PriorityPoller(sqs=None, queue_urls=[HIGH], handler=print, **limits)
    PriorityPoller(
        sqs=None, queue_urls=[HIGH], handler=print, workers=1, visibility_seconds=1, most_seconds=1, wait_seconds=1, stop_seconds=1
    )


def test_only_settings_are_given_and_shown(sqs: Queues) -> None:
    settings = [
        *("sqs", "queue_urls", "handler", "workers", "share_every", "visibility_seconds", "most_seconds", "wait_seconds", "stop_seconds"),
        *("clock", "uniform"),
    ]
    assert list(inspect.signature(PriorityPoller).parameters) == settings
    shown = [field.name for field in dataclasses.fields(PriorityPoller) if field.repr]
    assert shown == settings[:-2]


def test_the_default_settings() -> None:
    poller = PriorityPoller(sqs=None, queue_urls=[HIGH], handler=print)
    assert (poller.workers, poller.share_every, poller.visibility_seconds) == (4, 10, 60)
    assert (poller.most_seconds, poller.wait_seconds, poller.stop_seconds) == (3600, 20, 25)


def test_boto3_is_not_loaded_with_the_library() -> None:
    script = "import sys, cloudpatterns_runtime.priority; print('boto3' in sys.modules or 'botocore' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(library.__file__).parents[1])}
    output = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True).stdout
    assert output == "False\n"
