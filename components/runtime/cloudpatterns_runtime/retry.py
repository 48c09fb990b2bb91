"""Calls again what failed for a moment: with full jitter, within a deadline, and not so often that an outage gets worse.

A module makes its settings once, and a function bounds each call by the time that its invocation has left::

    from cloudpatterns_runtime.retry import Deadline, Retry, botocore_config

    RETRY = Retry(attempts=4, deadline_seconds=10)
    TABLE = boto3.resource("dynamodb", config=botocore_config(RETRY, client_retries=False)).Table("orders")

    def handler(event, context):
        retry = RETRY.before(Deadline.of(context, reserve_seconds=3))
        return retry.call(TABLE.get_item, Key={"id": event["id"]})

Only what may be done twice is called so: a request whose answer was lost may have succeeded. Give writes an idempotency
token or a condition.

**One layer retries.** boto3's clients retry by themselves: ``call`` with 3 attempts around a client with 3 attempts makes up
to 9 requests, and each layer above multiplies again. So either the client retries, and is called without ``call``
(``botocore_config(retry)``: right for single requests to AWS), or ``call`` retries, and the client tries once
(``botocore_config(retry, client_retries=False)``: where the deadline of an invocation holds, or where several requests are
repeated as one).

Sources: AWS Architecture Blog, "Exponential Backoff And Jitter"
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/); Amazon Builders' Library, "Timeouts, retries,
and backoff with jitter" (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).
"""

import contextlib
import functools
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from cloudpatterns_runtime._checks import Errors, entry, is_among, is_duration, is_errors, name_of, refuse_asynchronous

if TYPE_CHECKING:
    from botocore.config import Config

__all__ = ["Deadline", "DeadlineExceeded", "Retry", "RetryBudget", "botocore_config", "is_transient"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

# What the SDKs' standard mode retries; a test compares the codes with botocore's own.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_STATUSES = frozenset({429, 500, 502, 503, 504})

# botocore's standard mode waits at most this long before a retry, and this much longer where the service asks for it.
_BOTOCORE_BASE_SECONDS, _BOTOCORE_CAP_SECONDS, _BOTOCORE_ASKED_SECONDS = 1, 20, 5
# Linux sends a lost SYN again after 1 and after 3 seconds: a longer wait for a connection seldom gets one.
_CONNECT_SECONDS = 4.0
_LEAST_ATTEMPT_SECONDS = 0.1

# The operating system's numbers: environments that Lambda SnapStart restores share the state of `random`, and would all wait
# equally long. https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
_uniform = random.SystemRandom().uniform


class LambdaContext(Protocol):
    """What is used of the context that Lambda passes to a handler."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, to pass on to everything that is to be over by then."""

    at: float
    """The moment, in seconds of ``clock``."""
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)
    """The clock. Default: ``time.monotonic``."""

    @classmethod
    def after(cls, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """The deadline that many seconds from now."""
        return cls(clock() + seconds, clock)

    @classmethod
    def of(cls, context: LambdaContext, *, reserve_seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """The deadline of a Lambda invocation, from its context.

        ``reserve_seconds`` stay for the rest of the handler. An attempt that was begun before the deadline may end after it, so
        they should cover the timeouts of one attempt and the handler's own error handling. Default: 1.
        """
        return cls.after(context.get_remaining_time_in_millis() / 1000 - reserve_seconds, clock=clock)

    def remaining(self) -> float:
        """Seconds until the deadline; 0 or less when it has passed."""
        return self.at - self.clock()


class RetryBudget:
    """Tokens that retries cost and successes earn, so that retries do not multiply the load on a service that is down.

    The figures are those of the AWS SDKs' standard mode: a retry costs 5 tokens; a call that succeeds at once earns 1, one that
    succeeds after a retry earns 5. A budget of 500 tokens so allows 100 retries in a row, and, while a service keeps failing,
    one retry per five successes. Threads may share it.
    """

    _COST = 5

    def __init__(self, tokens: int = 500) -> None:
        """A full budget. ``tokens``: what it holds at most, in whole tokens. Default: 500; 0 allows no retry.

        :raises ValueError: for another value.
        """
        if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 0:
            raise ValueError(f"RetryBudget: tokens is {tokens!r}; whole numbers from 0 are allowed. Leave it out for 500.")
        self._most = self._tokens = tokens
        self._lock = threading.Lock()

    @property
    def tokens(self) -> int:
        """The tokens that are left."""
        return self._tokens

    def spend(self) -> bool:
        """Pays for one retry; False, with nothing paid, when too few tokens are left."""
        with self._lock:
            if self._tokens < self._COST:
                return False
            self._tokens -= self._COST
            return True

    def earn(self, *, retried: bool) -> None:
        """Counts a success, at once or after a retry."""
        with self._lock:
            self._tokens = min(self._most, self._tokens + (self._COST if retried else 1))


class DeadlineExceeded(TimeoutError):
    """A function was not called, because the deadline had passed: to call it again helps nobody."""

    not_retried = True


def is_transient(error: Exception) -> bool:
    """Whether an error is one of throttling, of a timeout or of a connection, which another attempt may not meet.

    These are the error codes and HTTP statuses that the AWS SDKs retry (throttling, 429, 500, 502, 503, 504), botocore's errors of
    connections and timeouts, and Python's own ``ConnectionError`` and ``TimeoutError``. botocore is not imported for it. What
    single operations declare as retryable in their models is not known here: name it in ``retry_on``.
    """
    if isinstance(error, ConnectionError | TimeoutError):
        return not isinstance(error, DeadlineExceeded)
    # An error can be one of botocore's only where botocore has been imported.
    botocore: Any = sys.modules.get("botocore.exceptions")
    if botocore and isinstance(error, (botocore.ConnectionError, botocore.HTTPClientError)):
        return True
    # The shape of botocore's ClientError; other libraries' errors have a `response` too, which is no dictionary.
    response = getattr(error, "response", None)
    return entry(response, "Error", "Code") in _CODES or entry(response, "ResponseMetadata", "HTTPStatusCode") in _STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often, how long and on which errors a call is repeated. Make one per dependency, once: it holds the budget.

    ``call`` calls a function; as a decorator it makes every call of the function one with retries::

        @Retry(attempts=5, retry_on=(OSError, json.JSONDecodeError))
        def exchange_rate(currency: str) -> float: ...

    Before the retry number n, counted from 0, it waits a time drawn evenly from 0 to
    ``min(cap_seconds, base_seconds * 2**n)``. It never waits past the deadline and begins no attempt after it; it does not
    interrupt an attempt, which needs timeouts of its own (``botocore_config``). The last error is raised unchanged, with a note of
    the attempts, the time and the reason why there was no further one. ``KeyboardInterrupt``, ``SystemExit`` and everything else
    that is no ``Exception`` passes at once. Functions must be synchronous. Threads may share a ``Retry``.

    :raises ValueError: with every value that cannot be used, what is allowed, and what to give instead.
    """

    attempts: int = 3
    """Attempts in all, the first included, 1 to 100. Default: 3; 1 means no retry."""
    base_seconds: float = 0.1
    """The longest wait before the first retry, in seconds; each later one may be twice as long. Default: 0.1."""
    cap_seconds: float = 20.0
    """The longest wait before any retry, in seconds, at least ``base_seconds``. Default: 20."""
    deadline_seconds: float = 60.0
    """Seconds after the beginning of a call in which attempts may begin. Default: 60."""
    retry_on: Errors = is_transient
    """Which errors are retried: a class, a tuple of classes, or a function that says so of an error. Default: ``is_transient``. What was
    not called at all (``DeadlineExceeded``, ``breaker.CircuitOpen``) is never called again."""
    call_timeout_seconds: float | None = None
    """When an attempt is given up, for ``botocore_config``. Default: an equal share of the deadline, less the longest waits."""
    deadline: Deadline | None = None
    """A moment after which no attempt begins, where it comes before ``deadline_seconds`` are over; see ``before``. Default: none."""
    on_retry: Callable[[int, float, Exception], None] | None = None
    """Called before each wait with the number of the attempt that failed (from 1), the wait in seconds and the error, for logs and
    metrics. An error that it raises ends the call. Default: none."""
    budget: RetryBudget = field(default_factory=RetryBudget, repr=False)
    """The tokens that retries cost; to be shared by all that call the same service. Default: 500 tokens of its own."""
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    """Seconds that never go back. Default: ``time.monotonic``; tests give another."""
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    """Waits a number of seconds. Default: ``time.sleep``; tests give another."""
    uniform: Callable[[float, float], float] = field(default=_uniform, repr=False)
    """A random number between two. Default: from the operating system; tests give another."""

    def __post_init__(self) -> None:
        """Checks the values."""
        if problems := list(_problems(self)):
            raise ValueError("".join(["Retry cannot be created:", *(f"\n  {problem}" for problem in problems)]))

    @classmethod
    def from_environment(cls, *, environment: Mapping[str, str] = os.environ, **settings: Any) -> "Retry":
        """The settings of the component ``RetryPolicy``: its ``environment()``, as the function's environment variables.

        These are ``CLOUDPATTERNS_RETRY_ATTEMPTS``, ``_BASE_SECONDS``, ``_CAP_SECONDS``, ``_DEADLINE_SECONDS`` and
        ``_CALL_TIMEOUT_SECONDS``; what is missing has its default. ``settings`` come before those of the environment.

        :raises ValueError: for a variable that is no number, and as the constructor does.
        """
        given: dict[str, Any] = {}
        for name, kind in _VARIABLES.items():
            variable = f"CLOUDPATTERNS_RETRY_{name.upper()}"
            if variable in environment and name not in settings:
                try:
                    given[name] = kind(environment[variable])
                except ValueError:
                    raise ValueError(f"{variable} is {environment[variable]!r}; {_NUMBERS[kind]} is needed.") from None
        return cls(**given, **settings)

    def before(self, deadline: Deadline) -> "Retry":
        """The same, with the same budget, that begins no attempt after ``deadline`` either."""
        return replace(self, deadline=deadline if self.deadline is None else min(self.deadline, deadline, key=Deadline.remaining))

    def __call__(self, function: Callable[_P, _T]) -> Callable[_P, _T]:
        """The function with retries.

        :raises TypeError: for an asynchronous function.
        """
        refuse_asynchronous(function, "Retry", "Retry inside of it, or in a thread.")

        @functools.wraps(function)
        def retried(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            return self.call(function, *args, **kwargs)

        return retried

    def call(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What ``function`` returns for the arguments, after as many attempts as it takes and the settings allow.

        :raises Exception: the last attempt's error, unchanged but for a note.
        :raises DeadlineExceeded: when the deadline has passed before the first attempt; a ``TimeoutError`` that no ``Retry`` repeats.
        :raises TypeError: for an asynchronous function.
        """
        refuse_asynchronous(function, "Retry", "Retry inside of it, or in a thread.")
        begun = self.clock()
        if self._remaining(begun) <= 0:
            raise DeadlineExceeded(f"{name_of(function)} was not called: the deadline had passed before the first attempt")
        attempt = 0
        while True:
            attempt += 1
            try:
                result = function(*args, **kwargs)
            except Exception as error:
                delay = self.uniform(0, self._longest_wait(attempt - 1))
                ending = self._ending(error, attempt, delay, begun)
                if not ending:
                    if self.on_retry:
                        self.on_retry(attempt, delay, error)
                    self.sleep(delay)
                    if self._remaining(begun) > 0:
                        continue
                    ending = "the deadline passed during the wait"
                # Some errors take no notes, such as those of a frozen dataclass.
                with contextlib.suppress(Exception):
                    error.add_note(f"{name_of(function)}: {attempt} of {self.attempts} attempts in {self.clock() - begun:.3f} s; {ending}")
                raise
            self.budget.earn(retried=attempt > 1)
            return result

    def _remaining(self, begun: float) -> float:
        remaining = begun + self.deadline_seconds - self.clock()
        return remaining if self.deadline is None else min(remaining, self.deadline.remaining())

    def _longest_wait(self, retry: int) -> float:
        return min(self.cap_seconds, self.base_seconds * 2**retry)

    def _ending(self, error: Exception, attempt: int, delay: float, begun: float) -> str | None:
        """Why there is no further attempt; None when there is one, which is then paid for."""
        # The library's own refusals (DeadlineExceeded, CircuitOpen), whatever ``retry_on`` says.
        if getattr(error, "not_retried", False) or not is_among(error, self.retry_on):
            return "this error is not retried"
        if attempt >= self.attempts:
            return "no attempt is left"
        if delay >= self._remaining(begun):
            return "the next one would begin after the deadline"
        return None if self.budget.spend() else "the retry budget is empty"


_VARIABLES: dict[str, type[int] | type[float]] = {
    "attempts": int,
    "base_seconds": float,
    "cap_seconds": float,
    "deadline_seconds": float,
    "call_timeout_seconds": float,
}
_NUMBERS: dict[type, str] = {int: "a whole number", float: "a number of seconds"}


def botocore_config(retry: Retry, *, client_retries: bool = True) -> "Config":
    """The botocore ``Config`` with which one request of a client, retries included, takes at most ``deadline_seconds``.

    With ``client_retries``, the default, the client retries in botocore's standard mode, with as many attempts as ``retry`` has:
    call it without ``Retry.call``. Of ``retry`` only ``attempts`` and ``deadline_seconds`` count then; botocore has waits, errors
    and a budget of its own. Without, the client tries once, for ``Retry.call`` around it.

    Each attempt gets an equal share of the deadline, less the longest possible waits, or ``call_timeout_seconds`` where that is less: at
    most 4 seconds, and at most half of it, to connect, the rest as ``read_timeout``. With the defaults of ``Retry`` that is 4 and 11.7
    seconds. Not bounded, because no setting of botocore bounds them: name resolution, the second and further addresses of a name, and
    answers that trickle in.
    To add settings: ``botocore_config(retry).merge(Config(region_name="eu-west-1"))``.

    :raises ValueError: when the deadline leaves less than 0.1 seconds for an attempt.
    :raises ImportError: where botocore is not installed (``pip install cloudpatterns-runtime[boto3]``).
    """
    from botocore.config import Config

    retries = range(retry.attempts - 1)
    if client_retries:
        waits = sum(min(_BOTOCORE_CAP_SECONDS, _BOTOCORE_BASE_SECONDS * 2**n) + _BOTOCORE_ASKED_SECONDS for n in retries)
    else:
        waits = sum(map(retry._longest_wait, retries))
    each = (retry.deadline_seconds - waits) / retry.attempts
    if each < _LEAST_ATTEMPT_SECONDS:
        least = waits + retry.attempts * _LEAST_ATTEMPT_SECONDS
        other = ", or let Retry.call do the retries (client_retries=False)" if client_retries else ""
        raise ValueError(
            f"deadline_seconds is {retry.deadline_seconds}; {retry.attempts} attempts need at least {least:.1f} seconds, {waits:.1f} of "
            f"them for the longest waits. Give a later deadline or fewer attempts{other}."
        )
    if retry.call_timeout_seconds is not None:
        each = min(each, retry.call_timeout_seconds)
    connect = min(_CONNECT_SECONDS, each / 2)
    return Config(
        connect_timeout=connect,
        read_timeout=each - connect,
        retries={"mode": "standard", "total_max_attempts": retry.attempts if client_retries else 1},
    )


def _problems(retry: Retry) -> Iterator[str]:
    if not isinstance(retry.attempts, int) or isinstance(retry.attempts, bool) or not 1 <= retry.attempts <= 100:
        yield f"attempts: is {retry.attempts!r}; whole numbers from 1 to 100 are allowed. Give 1 for no retry; 3 is the default."
    unusable = [name for name in ("base_seconds", "cap_seconds", "deadline_seconds") if not is_duration(getattr(retry, name))]
    for name in unusable:
        yield f"{name}: is {getattr(retry, name)!r}; seconds above 0 are allowed. Leave it out for the default."
    if not {"base_seconds", "cap_seconds"} & set(unusable) and retry.base_seconds > retry.cap_seconds:
        yield (
            f"base_seconds: is {retry.base_seconds!r}; at most cap_seconds, which is {retry.cap_seconds!r}, is allowed. "
            "Give a smaller base_seconds or a larger cap_seconds."
        )
    each = retry.call_timeout_seconds
    if each is not None and not is_duration(each):
        yield f"call_timeout_seconds: is {each!r}; seconds above 0 are allowed. Leave it out for a share of the deadline."
    if not is_errors(retry.retry_on):
        yield (
            f"retry_on: is {retry.retry_on!r}; a subclass of Exception, a tuple of them, or a function of an error is allowed. "
            "Give (TimeoutError, ConnectionError), for example."
        )
    if not isinstance(retry.deadline, Deadline | None):
        yield f"deadline: is {retry.deadline!r}; a Deadline is allowed. Give Deadline.after(seconds), or deadline_seconds instead."
    if not isinstance(retry.budget, RetryBudget):
        yield f"budget: is {retry.budget!r}; a RetryBudget is allowed. Leave it out for one of 500 tokens."
