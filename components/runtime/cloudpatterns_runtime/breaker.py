"""Stops calling what keeps failing: a circuit breaker whose state all processes share, in one item of a DynamoDB table.

A module makes one per dependency, once, and calls the dependency through it::

    import boto3
    from cloudpatterns_runtime.breaker import CircuitBreaker, CircuitOpen, client_config

    PAYMENTS = CircuitBreaker(boto3.client("dynamodb", config=client_config()), table="breakers", dependency="payments")

    def handler(event, context):
        try:
            return PAYMENTS.call(charge, event["card"], event["amount"])
        except CircuitOpen as error:
            return {"statusCode": 503, "headers": {"Retry-After": str(math.ceil(error.retry_after_seconds))}}

**Closed**: calls go through, and failures are counted. **Open**: no call goes through for ``open_seconds``. **Half-open**: exactly one
call, the probe, goes through; its success closes the circuit, its failure opens it again.

The protocol
============

The item of a dependency has ``circuit`` (no item, or none in it: closed), ``generation``, ``ends_at`` (when the open time, or the time of
the probe, is over), ``seconds`` (how long that is), ``expires_at`` (for the table's TTL, which only cleans up: nothing here reads it) and
the counts of calls (``c<start>``) and failures (``f<start>``) in tenths of the window, which begin at ``start``, in milliseconds.

1. Each change of state writes the whole item anew, under the condition that ``generation`` is the one that the writer saw, with a new
   random one. So of all who saw the same state one changes it, and ``circuit``, ``ends_at`` and ``seconds`` never change within a
   generation: what a caller compares in code is what the condition holds. Who loses gets the item as it is with the refusal
   (``ReturnValuesOnConditionCheckFailure=ALL_OLD``). Where that is of the generation that the loser itself wrote, the first answer was lost
   and the SDK has sent the request again: it has won.
2. The probe is the caller that writes *half-open* over an *open* that is over, or over a *half-open* that is over, because that probe's
   caller was killed. Only the probe's own generation may be closed or opened after it.
3. Times of other callers are compared with ``clock_skew_seconds`` of slack: over is what ended that long ago by the own clock, or what
   this process has seen for ``seconds`` and the slack, so that a writer with a wrong clock blocks nobody for long. While clocks differ by
   less than the slack, and a probe ends within ``probe_seconds``, there is one probe at a time.
4. Counts are added (``ADD``) on the same condition on ``generation``: a call that began before a change of state does not count after it.
5. A process asks the table at most once in ``cache_seconds`` while there is nothing to count; other threads wait for that one read. What
   it knows is therefore at most ``cache_seconds`` and one request old.

What it costs
=============

Requests of one process, whatever the number of calls and threads:

============================================  =====================================================================================
closed, no failures in the window             one read per ``cache_seconds``, no write
closed, with failures in the window           one read and one write per ``cache_seconds``, and up to 4 writes more that may open it
closed to open                                one write
open                                          one read per ``cache_seconds``
open to half-open, half-open to either        one write, that of the caller that loses included
the table cannot be reached                   one request that fails per ``cache_seconds``; calls go through
============================================  =====================================================================================

It **fails open**: any error of the table, or an item that cannot be read, is reported to ``on_unreachable``, and calls go through for
``cache_seconds``, unguarded. A probe whose write had no answer goes through as well, and closes or opens the circuit if the write was
done. A count without an answer is given up; the SDK's own retries may count it twice.

Source: Michael T. Nygard, "Release It!"; AWS Prescriptive Guidance, "Circuit breaker pattern"
(https://docs.aws.amazon.com/prescriptive-guidance/latest/cloud-design-patterns/circuit-breaker.html).
"""

import contextlib
import datetime
import functools
import itertools
import json
import logging
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, Protocol, TypeVar

from cloudpatterns_runtime._checks import Errors, entry, is_among, is_count, is_duration, is_errors, refuse_asynchronous
from cloudpatterns_runtime.retry import is_transient

if TYPE_CHECKING:
    from botocore.config import Config

__all__ = ["CLOSED", "HALF_OPEN", "OPEN", "Change", "CircuitBreaker", "CircuitOpen", "EmbeddedMetrics", "Unreachable", "client_config"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
"""The states, as they stand in the item and in ``Change``."""

_TENTHS = 10
_EARLY_WRITES = 4
_RETENTION_SECONDS = 7 * 86_400
_MOST_SECONDS = 86_400
_NAMESPACE = "CloudPatterns/CircuitBreaker"
_FOR_ALARMS = ("Opened", "Unreachable")
"""Metrics that somebody is notified of."""
_SUCCESS, _FAILURE, _NO_RESULT = "succeeded", "failed", "had no result"
_logger = logging.getLogger(__name__)


class DynamoDb(Protocol):
    """What is used of ``boto3.client("dynamodb")``."""

    def get_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def put_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def update_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...


class CircuitOpen(Exception):
    """A dependency was not called, because its circuit is open, or another caller probes it. No ``Retry`` repeats it."""

    not_retried = True

    def __init__(self, dependency: str, retry_after_seconds: float, retry_at: float) -> None:
        super().__init__(dependency, retry_after_seconds, retry_at)
        self.dependency = dependency
        """The dependency."""
        self.retry_after_seconds = retry_after_seconds
        """Seconds from the refusal on after which a call may go through."""
        self.retry_at = retry_at
        """The same as a time, in seconds since 1970."""

    def __str__(self) -> str:
        return f"{self.dependency} was not called: its circuit is open; try again in {self.retry_after_seconds:.1f} seconds"


class Change(NamedTuple):
    """A change of state that this process wrote."""

    table: str
    dependency: str
    before: str
    after: str
    reason: str
    at: float
    """When, in seconds since 1970, by this process's clock."""
    retry_at: float
    """When the circuit, if it is open now, may be probed; not later than ``at`` where the probe had no result."""


class Unreachable(NamedTuple):
    """An error of the table, at which the circuit breaker let calls through."""

    table: str
    dependency: str
    error: Exception
    at: float


def _log_change(change: Change) -> None:
    _logger.warning("%s: the circuit is %s, was %s: %s", change.dependency, change.after, change.before, change.reason)


def _log_unreachable(event: Unreachable) -> None:
    _logger.warning("%s: the table %s cannot be used, calls go through: %r", event.dependency, event.table, event.error)


@dataclass(frozen=True, slots=True)
class EmbeddedMetrics:
    """Writes changes and errors as log lines from which CloudWatch makes metrics: ``Opened``, ``Closed``, ``Probes``, ``Unreachable``.

    Pass ``metrics.change`` as ``on_change`` and ``metrics.unreachable`` as ``on_unreachable``. The dimensions are ``Table`` and
    ``Dependency``. Lines of ``Opened`` and ``Unreachable`` are of level ERROR, for functions whose log level leaves out INFO. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """

    namespace: str = _NAMESPACE
    """Namespace of the metrics."""
    write: Callable[[str], None] = field(default=print, repr=False)
    """Writes a line. Default: ``print``, which Lambda sends to the function's log group unchanged."""

    def change(self, change: Change) -> None:
        """A line for a change of state."""
        name = {OPEN: "Opened", CLOSED: "Closed", HALF_OPEN: "Probes"}[change.after]
        # A probe without a result opens nothing: the next caller probes at once.
        if change.after != OPEN or change.retry_at > change.at:
            self._line(name, change, before=change.before, after=change.after, reason=change.reason)

    def unreachable(self, event: Unreachable) -> None:
        """A line for an error of the table. It names the error's class alone: messages may hold what should not be logged."""
        self._line("Unreachable", event, error=type(event.error).__name__)

    def _line(self, name: str, event: Change | Unreachable, **fields: str) -> None:
        metric = {"Namespace": self.namespace, "Dimensions": [["Table", "Dependency"]], "Metrics": [{"Name": name, "Unit": "Count"}]}
        # Lambda takes a line without level, or without a time beside it, for INFO, and leaves it out where the log level is above:
        # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
        moment = datetime.datetime.fromtimestamp(event.at, datetime.UTC).isoformat(timespec="milliseconds")
        line = {
            "_aws": {"Timestamp": int(event.at * 1000), "CloudWatchMetrics": [metric]},
            "level": "ERROR" if name in _FOR_ALARMS else "INFO",
            "timestamp": moment.replace("+00:00", "Z"),
            "Table": event.table,
            "Dependency": event.dependency,
            name: 1,
            **fields,
        }
        self.write(json.dumps(line))


class _Counts(NamedTuple):
    failures: int = 0
    calls: int = 0

    def plus(self, other: "_Counts") -> "_Counts":
        return _Counts(self.failures + other.failures, self.calls + other.calls)


_Tenths = dict[int, _Counts]
"""Counts by the begin of their tenth of a window, in milliseconds."""


@dataclass(frozen=True, slots=True)
class _View:
    """What a process knows of the item."""

    generation: str | None
    circuit: str
    ends_at: float
    seconds: float
    tenths: _Tenths
    request: int
    """The number of the request that brought it, among this process's."""
    asked_at: float
    """When that request began."""
    seen_at: float
    """When this process first saw the generation."""


class _Ticket(NamedTuple):
    """A call that was let through."""

    view: _View | None
    """What was known then; None where the table could not be reached."""
    is_probe: bool


@dataclass(slots=True)
class _Memory:
    """What changes in a breaker; ``lock`` is held for moments, ``asking`` during a read and ``taking`` while a probe is taken."""

    view: _View | None = None
    failed_at: float | None = None
    pending: _Tenths = field(default_factory=dict)
    wrote_at: float | None = None
    early_writes: int = 0
    requests: Iterator[int] = field(default_factory=itertools.count)
    lock: threading.Lock = field(default_factory=threading.Lock)
    # A callback may call the dependency itself.
    asking: Any = field(default_factory=threading.RLock)
    taking: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreaker:
    """Guards the calls to one dependency; see the module for what it guarantees. Make one per dependency and process, once.

    ``call`` calls a function, as a decorator it guards every call of the function, and ``guard`` a block::

        with PAYMENTS.guard():
            response = session.post(url, json=order, timeout=5)

    With ``Retry`` around it, every attempt counts, and ``CircuitOpen`` is not repeated: ``RETRY.call(PAYMENTS.call, charge, order)``.

    Threads may share it. Functions must be synchronous.

    :raises ValueError: with every value that cannot be used, what is allowed, and what to give instead.
    """

    client: DynamoDb = field(repr=False, kw_only=False)
    """``boto3.client("dynamodb")``, with short time limits: ``client_config``."""
    table: str
    """Name of the table; its partition key is the text ``dependency``, and it has no sort key."""
    dependency: str
    """What is called, such as ``payments``: callers with the same name share a circuit."""
    failures: int | None = None
    """Failures of all callers in the window that open the circuit. Default: their number does not open it."""
    failure_rate: float | None = 0.5
    """The share of failures among the calls in the window, above 0 up to 1, that opens the circuit. Default: 0.5; with None only
    ``failures`` opens it. Where both are given, either does."""
    minimum_calls: int = 10
    """Calls in the window below which ``failure_rate`` does not count. Default: 10."""
    window_seconds: float = 30.0
    """How long calls count, to a tenth of it. Default: 30."""
    open_seconds: float = 30.0
    """How long no call goes through before the probe. Default: 30."""
    probe_seconds: float = 30.0
    """When another caller may probe, because the last one has not ended: longer than the longest call. Default: 30."""
    cache_seconds: float = 5.0
    """How long a process works with what it read, and saves up what it counts. Default: 5; with 0 it reads before each call."""
    clock_skew_seconds: float = 1.0
    """How far the clocks of two callers may differ. Default: 1, much more than those of AWS do."""
    count_on: Errors = is_transient
    """Which errors are failures of the dependency: a class, a tuple of classes, or a function that says so of an error. Others are answers,
    such as that there is no such order, and count as calls. Default: ``retry.is_transient``."""
    on_change: Callable[[Change], None] = _log_change
    """Called with every change of state that this process wrote, for metrics (``EmbeddedMetrics.change``). Its errors are logged and go no
    further. Default: a log line."""
    on_unreachable: Callable[[Unreachable], None] = _log_unreachable
    """Called with every error of the table (``EmbeddedMetrics.unreachable``), as ``on_change``. Default: a log line."""
    clock: Callable[[], float] = field(default=time.time, repr=False)
    """Seconds since 1970. Default: ``time.time``: Lambda may stop a monotonic clock between two invocations. Tests give another."""
    _memory: _Memory = field(default_factory=_Memory, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Checks the values."""
        if problems := list(_problems(self)):
            raise ValueError("".join(["CircuitBreaker cannot be created:", *(f"\n  {problem}" for problem in problems)]))

    @classmethod
    def from_environment(
        cls, client: DynamoDb, dependency: str, *, environment: Mapping[str, str] = os.environ, **settings: Any
    ) -> "CircuitBreaker":
        """The breaker with the table and settings of the component ``CircuitBreaker``: what its ``environment(dependency)`` holds.

        ``CLOUDPATTERNS_BREAKER_TABLE`` is the table, ``CLOUDPATTERNS_BREAKER_<DEPENDENCY>`` the settings as JSON, and
        ``CLOUDPATTERNS_BREAKER_METRICS`` the namespace of ``EmbeddedMetrics``. ``settings`` come before those of the environment.

        :raises ValueError: where one of the first two is missing, or the settings are none. A misspelt name would have an item of its own,
            which the role may not read, so that every call went through, and no alarm watched it.
        """
        name = f"CLOUDPATTERNS_BREAKER_{re.sub('[^A-Z0-9]', '_', dependency.upper())}"
        if not (table := environment.get("CLOUDPATTERNS_BREAKER_TABLE")):
            raise ValueError("CLOUDPATTERNS_BREAKER_TABLE is missing; pass environment(...) of the CircuitBreaker to the function.")
        if name not in environment:
            raise ValueError(f"{name} is missing; pass environment({dependency!r}) of the CircuitBreaker to the function.")
        try:
            given = json.loads(environment[name])
            metrics = EmbeddedMetrics(environment.get("CLOUDPATTERNS_BREAKER_METRICS", _NAMESPACE))
            callbacks: dict[str, Any] = {"on_change": metrics.change, "on_unreachable": metrics.unreachable}
            return cls(client, table=table, dependency=dependency, **{**callbacks, **given, **settings})
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{name}: {error}; a JSON object of settings is needed") from error

    def __call__(self, function: Callable[_P, _T]) -> Callable[_P, _T]:
        """The function, guarded.

        :raises TypeError: for an asynchronous function.
        """
        refuse_asynchronous(function, "CircuitBreaker", "Use guard in it.")

        @functools.wraps(function)
        def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            return self.call(function, *args, **kwargs)

        return guarded

    def call(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What ``function`` returns for the arguments, or raises, unchanged.

        :raises CircuitOpen: where the circuit is open, or another caller probes; ``function`` was not called then.
        :raises TypeError: for an asynchronous function.
        """
        refuse_asynchronous(function, "CircuitBreaker", "Use guard in it.")
        with self.guard():
            return function(*args, **kwargs)

    @contextlib.contextmanager
    def guard(self) -> Generator[None]:
        """Guards a block: an error that leaves it counts as ``count_on`` says.

        :raises CircuitOpen: where the circuit is open, or another caller probes; the block does not run then.
        """
        ticket = self._admit()
        try:
            yield
        except BaseException as error:
            self._conclude(ticket, self._outcome(error))
            raise
        self._conclude(ticket, _SUCCESS)

    def _outcome(self, error: BaseException) -> str:
        # Who was not called, or whose caller is stopped, has not shown how it is.
        if not isinstance(error, Exception) or getattr(error, "not_retried", False):
            return _NO_RESULT
        return _FAILURE if is_among(error, self.count_on) else _SUCCESS

    # Before a call

    def _admit(self) -> _Ticket:
        view = self._current()
        if view is None or view.circuit == CLOSED:
            return _Ticket(view, False)
        if self.clock() >= self._over_at(view) and self._memory.taking.acquire(blocking=False):
            try:
                # Another thread may have taken the probe just before.
                known = self._memory.view
                if known is not None and known.generation == view.generation and (ticket := self._take(view)):
                    return ticket
                view = self._memory.view or view
            finally:
                self._memory.taking.release()
        if view.circuit == CLOSED:
            return _Ticket(view, False)
        now = self.clock()
        after = self._over_at(view) - now
        # What becomes of a probe is known after ``cache_seconds`` at the latest.
        if view.circuit == HALF_OPEN or after <= 0:
            after = self.cache_seconds
        raise CircuitOpen(self.dependency, after, now + after)

    def _current(self) -> _View | None:
        """What is known, at most ``cache_seconds`` old; None while the table cannot be reached."""
        with self._memory.asking:
            now = self.clock()
            if self._is_fresh(self._memory.failed_at, now):
                return None
            view = self._memory.view
            if view is not None and self._is_fresh(view.asked_at, now):
                return view
            request = next(self._memory.requests)
            try:
                key = {"dependency": {"S": self.dependency}}
                answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
                return self._learn(_parsed(answer.get("Item"), request, now))
            except Exception as error:
                return self._fail(error)

    def _is_fresh(self, moment: float | None, now: float) -> bool:
        # A clock that was set back makes nothing fresh.
        return moment is not None and 0 <= now - moment < self.cache_seconds

    def _over_at(self, view: _View) -> float:
        """When the open time or the probe is over by this process's clock: rule 3 of the protocol."""
        return min(view.ends_at, view.seen_at + view.seconds) + self.clock_skew_seconds

    def _take(self, view: _View) -> _Ticket | None:
        """The probe, or None where another caller has it."""
        reason = "the open time is over" if view.circuit == OPEN else "the last probe has not ended in time"
        written = self._write(view, HALF_OPEN, self.probe_seconds, reason)
        return None if written is None else _Ticket(written, True)

    # After a call

    def _conclude(self, ticket: _Ticket, outcome: str) -> None:
        if ticket.view is None:
            return
        if not ticket.is_probe:
            if outcome != _NO_RESULT and (counted := self._count(ticket.view, outcome == _FAILURE)):
                self._write_counts(*counted)
        elif outcome == _SUCCESS:
            self._write(ticket.view, CLOSED, 0, f"the probe {outcome}")
        else:
            # Without a result the next caller probes at once.
            seconds = self.open_seconds if outcome == _FAILURE else -self.clock_skew_seconds
            self._write(ticket.view, OPEN, seconds, f"the probe {outcome}")

    def _count(self, view: _View, failed: bool) -> tuple[_View, _Tenths] | None:
        """Counts a call that began while ``view`` was known; what is to be written now, and over what."""
        memory, now = self._memory, self.clock()
        with memory.lock:
            known = memory.view
            if known is None or known.generation != view.generation:
                return None
            memory.pending = {start: counts for start, counts in memory.pending.items() if self._is_in_window(start, now)}
            # In milliseconds, for a name: the same for all callers with the same window.
            start = int(now / self.window_seconds * _TENTHS) * round(self.window_seconds * 1000) // _TENTHS
            memory.pending[start] = memory.pending.get(start, _Counts()).plus(_Counts(int(failed), 1))
            pending, written = self._sum(memory.pending, now), self._sum(known.tenths, now)
            # Successes alone cost no write, unless they belong to a rate.
            if not pending.failures and not (written.failures and self.failure_rate is not None):
                return None
            if not self._is_fresh(memory.wrote_at, now):
                memory.early_writes, memory.wrote_at = 0, now
            elif memory.early_writes < _EARLY_WRITES and self._reason(pending.plus(written)):
                memory.early_writes += 1
            else:
                return None
            counted, memory.pending = memory.pending, {}
            return known, counted

    def _write_counts(self, view: _View, tenths: _Tenths) -> None:
        now, request = self.clock(), next(self._memory.requests)
        counted = {f"{kind}{start}": str(getattr(counts, name)) for start, counts in tenths.items() for kind, name in _KINDS.items()}
        old = [start for start in view.tenths if start not in tenths and not self._is_in_window(start, now)]
        removed = [f"{kind}{start}" for start in old for kind in _KINDS]
        values = {":expires_at": str(int(now) + _RETENTION_SECONDS), **{f":{name}": count for name, count in counted.items()}}
        try:
            answer = self.client.update_item(
                TableName=self.table,
                Key={"dependency": {"S": self.dependency}},
                UpdateExpression=f"SET #expires_at = :expires_at ADD {', '.join(f'#{name} :{name}' for name in counted)}"
                + (f" REMOVE {', '.join(f'#{name}' for name in removed)}" if removed else ""),
                ExpressionAttributeValues={**_generation(view), **{name: {"N": value} for name, value in values.items()}},
                ReturnValues="ALL_NEW",
                **_unchanged(view, ["expires_at", *counted, *removed]),
            )
            view = self._learn(_parsed(answer["Attributes"], request, now))
        except Exception as error:
            self._lost(error, request, now)
            return
        if view.circuit == CLOSED and (reason := self._reason(self._sum(view.tenths, now))):
            self._write(view, OPEN, self.open_seconds, reason)

    def _is_in_window(self, start: int, now: float) -> bool:
        # One in the future is that of a caller whose clock is ahead.
        return abs(now - start / 1000) < self.window_seconds

    def _sum(self, tenths: _Tenths, now: float) -> _Counts:
        counts = [counts for start, counts in tenths.items() if self._is_in_window(start, now)]
        return _Counts(sum(one.failures for one in counts), sum(one.calls for one in counts))

    def _reason(self, counts: _Counts) -> str | None:
        """Why the circuit opens at these counts, if it does."""
        rate, many = self.failure_rate, self.failures is not None and counts.failures >= self.failures
        if many or (rate is not None and counts.calls >= self.minimum_calls and counts.failures >= rate * counts.calls):
            return f"{counts.failures} of {counts.calls} calls failed in {self.window_seconds:g} seconds"
        return None

    # The table

    def _write(self, view: _View, circuit: str, seconds: float, reason: str) -> _View | None:
        """Writes a new state over a known one; None where another caller was first.

        Where the write had no answer, the state that it may have written.
        """
        now, number = self.clock(), next(self._memory.requests)
        written = _View(uuid.uuid4().hex, circuit, now + seconds, seconds, {}, number, now, now)
        item = {
            "dependency": {"S": self.dependency},
            "generation": {"S": written.generation},
            "circuit": {"S": circuit},
            "ends_at": {"N": f"{written.ends_at:.3f}"},
            "seconds": {"N": f"{seconds:.3f}"},
            "reason": {"S": reason},
            "expires_at": {"N": str(int(now) + _RETENTION_SECONDS)},
        }
        condition = {**_unchanged(view, []), **({"ExpressionAttributeValues": values} if (values := _generation(view)) else {})}
        try:
            self.client.put_item(TableName=self.table, Item=item, **condition)
        except Exception as error:
            found = self._lost(error, number, now)
            if found is None:
                return written
            if found.generation != written.generation:
                return None
        self._learn(written)
        self._report(self.on_change, Change(self.table, self.dependency, view.circuit, circuit, reason, now, written.ends_at))
        return written

    def _lost(self, error: Exception, request: int, asked_at: float) -> _View | None:
        """What the table holds instead, where it refused a condition; else it cannot be reached."""
        response: Any = getattr(error, "response", None)
        if entry(response, "Error", "Code") == "ConditionalCheckFailedException":
            with contextlib.suppress(Exception):
                found = _parsed(response.get("Item"), request, asked_at)
                self._learn(found)
                return found
        return self._fail(error)

    def _learn(self, view: _View) -> _View:
        memory = self._memory
        with memory.lock:
            known = memory.view
            # An answer that was asked for earlier: threads get theirs in any order.
            if known is not None and known.request > view.request:
                return known
            if known is not None and known.generation == view.generation:
                view = replace(view, seen_at=known.seen_at)
            else:
                memory.pending = {}
            memory.view, memory.failed_at = view, None
            return view

    def _fail(self, error: Exception) -> None:
        now = self.clock()
        with self._memory.lock:
            self._memory.failed_at = now
        self._report(self.on_unreachable, Unreachable(self.table, self.dependency, error, now))

    def _report(self, report: Callable[[Any], None], event: Any) -> None:
        try:
            report(event)
        except Exception:
            _logger.exception("%s: a callback of the circuit breaker failed", self.dependency)


_KINDS = {"f": "failures", "c": "calls"}


def _unchanged(view: _View, names: list[str]) -> dict[str, Any]:
    """The condition that the item is of the generation in view, and the names in the request."""
    return {
        "ConditionExpression": "attribute_not_exists(#generation)" if view.generation is None else "#generation = :generation",
        "ExpressionAttributeNames": {f"#{name}": name for name in ["generation", *names]},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _generation(view: _View) -> dict[str, Any]:
    return {} if view.generation is None else {":generation": {"S": view.generation}}


def _parsed(item: Any, request: int, asked_at: float) -> _View:
    """The item as DynamoDB has it; None and an item with counts alone are closed."""
    item = item or {}
    tenths: _Tenths = {}
    for name, value in item.items():
        if re.fullmatch(r"[fc]\d+", name):
            start, count = int(name[1:]), int(value["N"])
            added = _Counts(failures=count) if name[0] == "f" else _Counts(calls=count)
            tenths[start] = tenths.get(start, _Counts()).plus(added)
    if "generation" not in item:
        return _View(None, CLOSED, 0, 0, tenths, request, asked_at, asked_at)
    circuit = item["circuit"]["S"]
    if circuit not in (CLOSED, OPEN, HALF_OPEN):
        raise ValueError(f"circuit is {circuit!r}")
    ends_at, seconds = float(item["ends_at"]["N"]), float(item["seconds"]["N"])
    return _View(item["generation"]["S"], circuit, ends_at, seconds, tenths, request, asked_at, asked_at)


def client_config() -> "Config":
    """The botocore ``Config`` of the client: a table that cannot be reached holds a call up for 1.2 seconds at most.

    :raises ImportError: where botocore is not installed (``pip install cloudpatterns-runtime[boto3]``).
    """
    from botocore.config import Config

    return Config(connect_timeout=0.5, read_timeout=0.7, retries={"mode": "standard", "total_max_attempts": 1})


def _problems(breaker: CircuitBreaker) -> Iterator[str]:
    for name in ("table", "dependency"):
        if not isinstance(value := getattr(breaker, name), str) or not value:
            yield f"{name}: is {value!r}; a text is needed."
    if breaker.failures is None and breaker.failure_rate is None:
        yield "failures: is None, and failure_rate is None; the circuit would never open. Give one of them."
    if breaker.failures is not None and not is_count(breaker.failures):
        yield f"failures: is {breaker.failures!r}; whole numbers from 1 are allowed. Leave it out to open by failure_rate alone."
    rate = breaker.failure_rate
    if rate is not None and not (is_duration(rate) and rate <= 1):
        yield f"failure_rate: is {rate!r}; numbers above 0 up to 1 are allowed. Give 0.5 for half of the calls, or None."
    if not is_count(breaker.minimum_calls):
        yield f"minimum_calls: is {breaker.minimum_calls!r}; whole numbers from 1 are allowed. Leave it out for 10."
    for name in ("window_seconds", "open_seconds", "probe_seconds"):
        value = getattr(breaker, name)
        if not is_duration(value) or not 0.01 <= value <= _MOST_SECONDS:
            yield f"{name}: is {value!r}; seconds from 0.01 to {_MOST_SECONDS} are allowed. Leave it out for 30."
    for name in ("cache_seconds", "clock_skew_seconds"):
        value = getattr(breaker, name)
        if value != 0 and not (is_duration(value) and value <= _MOST_SECONDS):
            yield f"{name}: is {value!r}; seconds from 0 to {_MOST_SECONDS} are allowed. Leave it out for the default."
    if not is_errors(breaker.count_on):
        yield (
            f"count_on: is {breaker.count_on!r}; a subclass of Exception, a tuple of them, or a function of an error is allowed. "
            "Give (TimeoutError, ConnectionError), for example."
        )
