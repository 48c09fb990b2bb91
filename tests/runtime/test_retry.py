"""Retry: how long it waits, when it stops, what it repeats; with a clock of the test's, and with real clients on loopback."""

import functools
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ParamValidationError, ReadTimeoutError
from botocore.retries import standard
from cloudpatterns.core.retry import RetrySettings
from cloudpatterns_runtime import retry as library
from cloudpatterns_runtime.retry import Deadline, DeadlineExceeded, Retry, RetryBudget, botocore_config, is_transient
from hypothesis import given
from hypothesis import strategies as st

LIBRARY = Path(library.__file__).parents[1]


@dataclass
class Clock:
    """A clock that only sleeping and working move."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@dataclass
class Context:
    """As Lambda's."""

    milliseconds: int

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@dataclass
class Failing:
    """Fails ``times`` times, each after ``seconds``, then returns what it was called with."""

    clock: Clock
    times: int = 1_000
    seconds: float = 0.0
    error: Callable[[], BaseException] = TimeoutError
    begun: list[float] = field(default_factory=list)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.begun.append(self.clock.now)
        self.clock.now += self.seconds
        if len(self.begun) <= self.times:
            raise self.error()
        return args, kwargs


def longest(low: float, high: float) -> float:
    return high


def make(clock: Clock, **settings: Any) -> Retry:
    given: dict[str, Any] = {"clock": clock, "sleep": clock.sleep, "uniform": longest, **settings}
    return Retry(**given)


def client_error(code: str = "", status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetItem")


def notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])


# How often and how long


def test_what_succeeds_is_called_once_with_its_arguments() -> None:
    clock = Clock()
    function = Failing(clock, times=0)
    assert make(clock).call(function, 1, two=2) == ((1,), {"two": 2})
    assert (len(function.begun), clock.waits) == (1, [])


def test_waits_double_up_to_the_cap() -> None:
    clock = Clock()
    function = Failing(clock, times=6)
    assert make(clock, attempts=7, base_seconds=1, cap_seconds=10).call(function) == ((), {})
    assert clock.waits == [1, 2, 4, 8, 10, 10]


def test_the_default_settings() -> None:
    clock = Clock()
    with pytest.raises(TimeoutError):
        make(clock).call(Failing(clock))
    assert clock.waits == [0.1, 0.2]
    assert (Retry().cap_seconds, Retry().deadline_seconds, Retry().budget.tokens) == (20, 60, 500)


def test_a_hundred_attempts_can_be_waited_for() -> None:
    clock = Clock()
    with pytest.raises(TimeoutError):
        make(clock, attempts=100, cap_seconds=0.1, budget=RetryBudget(10_000)).call(Failing(clock))
    assert clock.waits == [0.1] * 99


def test_jitter_is_full() -> None:
    """Drawn from the operating system: over 2,000 waits each tenth of the range has its share."""
    clock = Clock()
    retry = Retry(attempts=2, base_seconds=1, clock=clock, sleep=clock.sleep, deadline_seconds=10)
    for _ in range(2_000):
        assert retry.call(Failing(clock, times=1)) == ((), {})
    assert len(clock.waits) == 2_000
    # 200 are expected in each, with a standard deviation of 13.
    assert all(100 < sum(low / 10 <= wait < (low + 1) / 10 for wait in clock.waits) < 300 for low in range(10))


def test_the_random_numbers_are_not_those_of_a_restored_snapshot() -> None:
    random.seed(1)
    first = [Retry().uniform(0, 1) for _ in range(3)]
    random.seed(1)
    assert [Retry().uniform(0, 1) for _ in range(3)] != first


@given(
    attempts=st.integers(1, 20),
    base=st.floats(0.001, 100),
    factor=st.floats(1, 1_000),
    deadline=st.floats(0.001, 1_000),
    seconds=st.floats(0, 100),
    remaining=st.none() | st.integers(0, 900_000),
    seed=st.integers(),
)
def test_no_wait_passes_its_bound_and_no_attempt_begins_after_the_deadline(
    attempts: int, base: float, factor: float, deadline: float, seconds: float, remaining: int | None, seed: int
) -> None:
    clock = Clock()
    begun = clock.now
    retry = make(
        clock,
        attempts=attempts,
        base_seconds=base,
        cap_seconds=base * factor,
        deadline_seconds=deadline,
        uniform=random.Random(seed).uniform,
        budget=RetryBudget(10_000),
    )
    end = begun + deadline
    if remaining is not None:
        retry = retry.before(Deadline.of(Context(remaining), reserve_seconds=0.5, clock=clock))
        end = min(end, begun + remaining / 1000 - 0.5)
    function = Failing(clock, seconds=seconds)
    with pytest.raises(TimeoutError):
        retry.call(function)
    assert len(function.begun) <= attempts
    assert all(start < end for start in function.begun)
    assert len(clock.waits) == max(0, len(function.begun) - 1)
    assert all(0 <= wait <= min(base * factor, base * 2**number) for number, wait in enumerate(clock.waits))
    # Nothing but attempts and waits takes time, so the call ends one attempt after the deadline at the latest.
    assert clock.now <= end + seconds or not function.begun


# When it stops


def test_the_last_error_is_raised_unchanged_with_a_note() -> None:
    clock = Clock()
    errors = [TimeoutError("first"), TimeoutError("second")]
    given_out = iter(errors)
    with pytest.raises(TimeoutError) as caught:
        make(clock, attempts=2).call(Failing(clock, seconds=1, error=lambda: next(given_out)))
    assert caught.value is errors[1]
    assert caught.value.args == ("second",)
    assert notes(caught.value) == ["Failing: 2 of 2 attempts in 2.100 s; no attempt is left"]
    # An error of an earlier attempt is not shown as the cause of a later one.
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("settings", "attempts", "waits", "note"),
    [
        ({"attempts": 1}, 1, [], "1 of 1 attempts in 1.000 s; no attempt is left"),
        (
            {"attempts": 5, "base_seconds": 2, "deadline_seconds": 6},
            2,
            [2],
            "2 of 5 attempts in 4.000 s; the next one would begin after the deadline",
        ),
        # A wait that ends at the deadline itself is too long: no attempt could begin after it.
        ({"base_seconds": 2, "deadline_seconds": 3}, 1, [], "1 of 3 attempts in 1.000 s; the next one would begin after the deadline"),
        ({"retry_on": ValueError}, 1, [], "1 of 3 attempts in 1.000 s; this error is not retried"),
        ({"budget": RetryBudget(9)}, 2, [0.1], "2 of 3 attempts in 2.100 s; the retry budget is empty"),
    ],
)
def test_every_reason_to_stop_is_in_the_note(settings: dict[str, Any], attempts: int, waits: list[float], note: str) -> None:
    clock = Clock()
    function = Failing(clock, seconds=1)
    with pytest.raises(TimeoutError) as caught:
        make(clock, **settings).call(function)
    assert (len(function.begun), clock.waits) == (attempts, waits)
    assert notes(caught.value) == [f"Failing: {note}"]


def test_a_sleep_that_takes_longer_than_asked_ends_the_call() -> None:
    clock = Clock()
    function = Failing(clock)

    def oversleep(seconds: float) -> None:
        clock.sleep(seconds + 100)

    with pytest.raises(TimeoutError) as caught:
        make(clock, sleep=oversleep).call(function)
    assert len(function.begun) == 1
    assert notes(caught.value) == ["Failing: 1 of 3 attempts in 100.100 s; the deadline passed during the wait"]


def test_the_note_does_not_show_arguments() -> None:
    clock = Clock()
    with pytest.raises(TimeoutError) as caught:
        make(clock, attempts=1).call(functools.partial(Failing(clock), "hunter2"))
    assert notes(caught.value) == ["partial: 1 of 1 attempts in 0.000 s; no attempt is left"]


def test_an_invocation_bounds_the_call_by_its_remaining_time() -> None:
    clock = Clock()
    deadline = Deadline.of(Context(5_000), clock=clock)
    assert deadline.remaining() == 4
    function = Failing(clock, seconds=1.5)
    retry = make(clock, attempts=10)
    with pytest.raises(TimeoutError):
        retry.before(deadline).call(function)
    assert function.begun == [1000, pytest.approx(1001.6), pytest.approx(1003.3)]
    # The settings themselves are as before.
    assert retry.deadline is None


def test_no_attempt_is_made_after_the_deadline() -> None:
    clock = Clock()
    function = Failing(clock, times=0)
    message = "Failing was not called: the deadline had passed before the first attempt"
    for milliseconds in (900, 1_000):
        with pytest.raises(TimeoutError, match=f"^{message}$"):
            make(clock).before(Deadline.of(Context(milliseconds), clock=clock)).call(function)
    assert function.begun == []


def test_the_earlier_of_two_deadlines_counts() -> None:
    clock = Clock()
    early, late = Deadline.after(1, clock=clock), Deadline.after(2, clock=clock)
    assert make(clock).before(early).before(late).deadline == early
    assert make(clock).before(late).before(early).deadline == early


def test_a_deadline_by_the_real_clock() -> None:
    remaining = Deadline.of(Context(3_000), reserve_seconds=0).remaining()
    assert 2 < remaining <= 3


# What it repeats


RETRIED: list[Exception] = [
    client_error("ThrottlingException"),
    client_error("SlowDown", 503),
    client_error("RequestTimeout"),
    *(client_error("InternalServerError", status) for status in (429, 500, 502, 503, 504)),
    EndpointConnectionError(endpoint_url="https://example.com"),
    ReadTimeoutError(endpoint_url="https://example.com"),
    TimeoutError(),
    ConnectionResetError(),
]
NOT_RETRIED: list[Exception] = [
    client_error("ConditionalCheckFailedException"),
    client_error("AccessDeniedException", 403),
    client_error("NotImplemented", 501),
    NoCredentialsError(),
    ParamValidationError(report="x"),
    ValueError(),
    OSError(),
    KeyError(),
]


@pytest.mark.parametrize("error", RETRIED, ids=repr)
def test_transient_errors_are_retried(error: Exception) -> None:
    assert is_transient(error)
    clock = Clock()
    assert make(clock).call(Failing(clock, times=2, error=lambda: error)) == ((), {})


@pytest.mark.parametrize("error", NOT_RETRIED, ids=repr)
def test_no_other_error_is_retried(error: Exception) -> None:
    assert not is_transient(error)
    clock = Clock()
    function = Failing(clock, error=lambda: error)
    with pytest.raises(type(error)):
        make(clock).call(function)
    assert len(function.begun) == 1


class HttpError(OSError):
    """As ``requests.HTTPError``, whose response is no dictionary."""

    def __init__(self, response: object) -> None:
        super().__init__()
        self.response = response


def test_a_response_of_another_library_is_no_response_of_aws() -> None:
    assert not is_transient(HttpError(object()))
    assert not is_transient(HttpError({}))


def test_the_error_codes_are_botocores() -> None:
    codes = {*standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES, *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES}
    assert codes == library._CODES
    assert {429, *standard.TransientRetryableChecker._TRANSIENT_STATUS_CODES} == library._STATUSES


@pytest.mark.parametrize(
    "condition", [KeyError, (KeyError, ValueError), LookupError, lambda error: error.args == ()], ids=["class", "tuple", "base", "function"]
)
def test_the_caller_says_what_is_retried(condition: Any) -> None:
    clock = Clock()
    assert make(clock, retry_on=condition).call(Failing(clock, times=1, error=KeyError)) == ((), {})
    with pytest.raises(RuntimeError):
        make(clock, retry_on=condition).call(Failing(clock, times=1, error=lambda: RuntimeError("other")))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_the_program_is_never_retried(error: type[BaseException]) -> None:
    clock = Clock()
    function = Failing(clock, error=error)
    with pytest.raises(error) as caught:
        make(clock, retry_on=lambda _: True).call(function)
    assert (len(function.begun), notes(caught.value)) == (1, [])


# Hook, decorator, budget, values


def test_the_hook_hears_of_every_retry_before_the_wait() -> None:
    clock = Clock()
    heard: list[Any] = []
    errors = [TimeoutError(), ConnectionError()]
    given_out = iter(errors)
    retry = make(clock, on_retry=lambda attempt, delay, error: heard.append((attempt, delay, error, clock.now)))
    assert retry.call(Failing(clock, times=2, error=lambda: next(given_out))) == ((), {})
    assert heard == [(1, 0.1, errors[0], 1000), (2, 0.2, errors[1], 1000.1)]


def test_as_a_decorator() -> None:
    clock = Clock()
    attempts: list[str] = []

    class Shop:
        @make(clock)
        def price(self, name: str, *, currency: str = "EUR") -> str:
            """The price."""
            attempts.append(name)
            if len(attempts) < 3:
                raise TimeoutError
            return f"{name} {currency}"

    assert Shop().price("tea", currency="GBP") == "tea GBP"
    assert (attempts, Shop.price.__name__, Shop.price.__doc__) == (["tea"] * 3, "price", "The price.")


async def coroutine() -> None:
    """Fails only when it is awaited."""


@pytest.mark.parametrize("use", [Retry(), Retry().call])
def test_asynchronous_functions_are_refused(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"^coroutine is asynchronous; Retry calls synchronous functions only\. Retry inside of it"):
        use(coroutine)


def test_the_budget_bounds_the_retries_of_all_calls_together() -> None:
    clock = Clock()
    budget = RetryBudget()
    retry = make(clock, attempts=2, budget=budget, deadline_seconds=10)
    function = Failing(clock)
    for _ in range(200):
        with pytest.raises(TimeoutError):
            retry.before(Deadline.after(10, clock=clock)).call(function)
    # 500 tokens pay for 100 retries.
    assert (len(function.begun), budget.tokens) == (300, 0)


def test_successes_earn_retries() -> None:
    clock = Clock()
    budget = RetryBudget(7)
    retry = make(clock, budget=budget)
    assert retry.call(Failing(clock, times=1)) == ((), {})
    assert budget.tokens == 7
    with pytest.raises(TimeoutError):
        retry.call(Failing(clock))
    assert budget.tokens == 2
    for _ in range(3):
        retry.call(Failing(clock, times=0))
    assert budget.tokens == 5
    for _ in range(9):
        retry.call(Failing(clock, times=0))
    assert budget.tokens == 7


def test_without_tokens_nothing_is_retried() -> None:
    clock = Clock()
    function = Failing(clock)
    with pytest.raises(TimeoutError):
        make(clock, budget=RetryBudget(0)).call(function)
    assert len(function.begun) == 1


def test_threads_share_one_budget() -> None:
    """Without its lock the budget pays for more retries than it has tokens, as `Slow` makes certain."""

    class Slow(RetryBudget):
        """Gives way to other threads between reading and writing."""

        @property
        def _tokens(self) -> int:
            seen = self.__dict__["left"]
            time.sleep(0.0005)
            return seen

        @_tokens.setter
        def _tokens(self, value: int) -> None:
            self.__dict__["left"] = value

    budget = Slow(100)
    retry = Retry(attempts=5, budget=budget, sleep=lambda _: None)
    attempts: list[int] = []

    def fail() -> None:
        attempts.append(1)
        raise TimeoutError

    def work() -> None:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                retry.call(fail)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(attempts), budget.tokens) == (16 * 3 + 20, 0)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"attempts": 0}, "attempts: is 0; whole numbers from 1 to 100 are allowed. Give 1 for no retry; 3 is the default."),
        ({"attempts": 101}, "attempts: is 101; whole numbers from 1 to 100 are allowed. Give 1 for no retry; 3 is the default."),
        ({"attempts": 2.0}, "attempts: is 2.0; whole numbers from 1 to 100 are allowed. Give 1 for no retry; 3 is the default."),
        ({"attempts": True}, "attempts: is True; whole numbers from 1 to 100 are allowed. Give 1 for no retry; 3 is the default."),
        ({"base_seconds": 0}, "base_seconds: is 0; seconds above 0 are allowed. Leave it out for the default."),
        ({"cap_seconds": float("inf")}, "cap_seconds: is inf; seconds above 0 are allowed. Leave it out for the default."),
        ({"deadline_seconds": "60"}, "deadline_seconds: is '60'; seconds above 0 are allowed. Leave it out for the default."),
        ({"deadline_seconds": True}, "deadline_seconds: is True; seconds above 0 are allowed. Leave it out for the default."),
        (
            {"call_timeout_seconds": 0},
            "call_timeout_seconds: is 0; seconds above 0 are allowed. Leave it out for a share of the deadline.",
        ),
        (
            {"base_seconds": 30},
            "base_seconds: is 30; at most cap_seconds, which is 20.0, is allowed. Give a smaller base_seconds or a larger cap_seconds.",
        ),
        *(
            (
                {"retry_on": given},
                f"retry_on: is {given!r}; a subclass of Exception, a tuple of them, or a function of an error is allowed. "
                "Give (TimeoutError, ConnectionError), for example.",
            )
            for given in (KeyboardInterrupt, (ValueError, SystemExit), [TimeoutError], "TimeoutError", (is_transient,))
        ),
        ({"deadline": 30.0}, "deadline: is 30.0; a Deadline is allowed. Give Deadline.after(seconds), or deadline_seconds instead."),
        ({"budget": 500}, "budget: is 500; a RetryBudget is allowed. Leave it out for one of 500 tokens."),
    ],
)
def test_values_that_cannot_be_used_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=r"^Retry cannot be created:") as caught:
        Retry(**settings)
    assert str(caught.value) == f"Retry cannot be created:\n  {problem}"


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ValueError, match="attempts: is 0") as caught:
        Retry(attempts=0, base_seconds=-1, cap_seconds=float("nan"))
    assert [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]] == ["attempts", "base_seconds", "cap_seconds"]


@pytest.mark.parametrize("tokens", [-1, 2.5, True])
def test_a_budget_has_whole_tokens(tokens: Any) -> None:
    with pytest.raises(ValueError, match=r"^RetryBudget: tokens is .*; whole numbers from 0 are allowed\. Leave it out for 500\.$"):
        RetryBudget(tokens)


# With botocore


class Server(ThreadingHTTPServer):
    """Answers the first ``failures`` requests with ``answer``, the others with an empty result."""

    def __init__(self, failures: int, answer: tuple[int, str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.failures = failures
        self.answer = answer
        self.requests = 0


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast(Server, self.server)
        self.rfile.read(int(self.headers["content-length"]))
        server.requests += 1
        status, code = server.answer if server.requests <= server.failures else (200, "")
        body = json.dumps({"__type": code} if code else {}).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""


@contextmanager
def serving(failures: int, answer: tuple[int, str] = (500, "InternalServerError")) -> Generator[Server]:
    with Server(failures, answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def dynamodb(port: int, config: Config) -> Any:
    return botocore.session.Session().create_client(
        "dynamodb",
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of botocore, which are not waited for."""
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


@pytest.mark.parametrize("answer", [(500, "InternalServerError"), (400, "ThrottlingException")])
def test_with_the_clients_retries_the_settings_hold_for_the_client(answer: tuple[int, str], waits: list[float]) -> None:
    config = botocore_config(Retry(attempts=4))
    with serving(3, answer) as server:
        assert dynamodb(server.server_port, config).list_tables()["ResponseMetadata"]["RetryAttempts"] == 3
    assert (server.requests, len(waits)) == (4, 3)
    assert all(wait <= 2**number for number, wait in enumerate(waits))
    with serving(9, answer) as server, pytest.raises(ClientError):
        dynamodb(server.server_port, config).list_tables()
    assert server.requests == 4


@pytest.mark.parametrize("answer", [(500, "InternalServerError"), (400, "ThrottlingException")])
def test_without_the_clients_retries_call_makes_every_attempt(answer: tuple[int, str], waits: list[float]) -> None:
    clock = Clock()
    retry = make(clock, attempts=4)
    config = botocore_config(retry, client_retries=False)
    with serving(3, answer) as server:
        assert retry.call(dynamodb(server.server_port, config).list_tables)["ResponseMetadata"]["RetryAttempts"] == 0
    assert (server.requests, clock.waits, waits) == (4, [0.1, 0.2, 0.4], [])
    with serving(9, answer) as server, pytest.raises(ClientError) as caught:
        retry.call(dynamodb(server.server_port, config).list_tables)
    assert server.requests == 4
    assert notes(caught.value) == ["list_tables: 4 of 4 attempts in 0.700 s; no attempt is left"]


def test_two_layers_of_retries_multiply(waits: list[float]) -> None:
    """What the module's documentation warns of."""
    clock = Clock()
    retry = make(clock)
    with serving(99) as server, pytest.raises(ClientError):
        retry.call(dynamodb(server.server_port, botocore_config(retry)).list_tables)
    assert server.requests == 9


@pytest.mark.usefixtures("waits")
def test_other_errors_of_a_client_are_not_retried() -> None:
    clock = Clock()
    retry = make(clock)
    with serving(99, (400, "ResourceNotFoundException")) as server, pytest.raises(ClientError):
        retry.call(dynamodb(server.server_port, botocore_config(retry, client_retries=False)).list_tables)
    assert server.requests == 1


def test_a_server_that_never_answers_is_given_up_before_the_deadline() -> None:
    attempts: list[str] = []
    retry = Retry(attempts=2, deadline_seconds=1, on_retry=lambda *_: attempts.append("failed"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = dynamodb(silent.getsockname()[1], botocore_config(retry, client_retries=False))
        begun = time.monotonic()
        with pytest.raises(ReadTimeoutError):
            retry.call(client.list_tables)
        elapsed = time.monotonic() - begun
    assert attempts == ["failed"]
    # Both attempts ran into their read timeout of 0.225 s; the rest is for a busy machine, whose time no timeout counts.
    assert 0.45 <= elapsed < 3


@given(attempts=st.integers(1, 12), base=st.floats(0.01, 5), cap=st.floats(5, 30), deadline=st.floats(0.2, 900), client=st.booleans())
def test_timeouts_and_waits_of_all_attempts_fit_the_deadline(attempts: int, base: float, cap: float, deadline: float, client: bool) -> None:
    retry = Retry(attempts=attempts, base_seconds=base, cap_seconds=cap, deadline_seconds=deadline)
    # Written out here again: botocore's longest waits, and the 5 seconds that a service may ask for on top.
    longest_waits = [min(20, 2**n) + 5 if client else min(cap, base * 2**n) for n in range(attempts - 1)]
    try:
        config: Any = botocore_config(retry, client_retries=client)
    except ValueError:
        assert (deadline - sum(longest_waits)) / attempts < 0.1
        return
    each = config.connect_timeout + config.read_timeout
    assert config.connect_timeout <= config.read_timeout
    assert config.connect_timeout <= 4
    assert attempts * each + sum(longest_waits) == pytest.approx(deadline)
    assert config.retries == {"mode": "standard", "total_max_attempts": attempts if client else 1}


def test_the_timeouts_of_the_default_settings() -> None:
    config: Any = botocore_config(Retry())
    assert (config.connect_timeout, round(config.read_timeout, 1)) == (4, 11.7)


def test_the_longest_waits_are_botocores() -> None:
    backoff = standard.ExponentialBackoff
    assert (backoff._MAX_BACKOFF, getattr(backoff, "_RETRY_AFTER_MAX_ADDITIONAL", 5)) == (20, 5)
    assert getattr(backoff, "_DEFAULT_BACKOFF_CONFIG", {"throttling_base_scale": 1})["throttling_base_scale"] == 1


def test_a_deadline_that_is_too_short_for_the_attempts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^deadline_seconds is 10; ") as caught:
        botocore_config(Retry(deadline_seconds=10))
    assert str(caught.value) == (
        "deadline_seconds is 10; 3 attempts need at least 13.3 seconds, 13.0 of them for the longest waits. "
        "Give a later deadline or fewer attempts, or let Retry.call do the retries (client_retries=False)."
    )
    with pytest.raises(ValueError, match=r"Give a later deadline or fewer attempts\.$"):
        botocore_config(Retry(deadline_seconds=0.5), client_retries=False)


def test_the_library_stands_alone_and_loads_no_botocore() -> None:
    """Without site-packages, as in a function whose layer holds nothing else."""
    program = (
        f"import sys; sys.path.insert(0, {str(LIBRARY)!r})\n"
        "from cloudpatterns_runtime.retry import Retry, is_transient\n"
        "assert not is_transient(ValueError()) and is_transient(TimeoutError())\n"
        "print(Retry().call(len, 'four'), *(name for name in sys.modules if name.partition('.')[0] in ('boto3', 'botocore', 'pulumi')))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("4\n", "")


@pytest.mark.parametrize(
    "response", [{"Error": "boom"}, {"Error": None}, {"Error": {"Code": ["x"]}}, {"ResponseMetadata": 3}, "text", None]
)
def test_a_response_of_another_shape_is_not_transient(response: Any) -> None:
    error = RuntimeError("x")
    vars(error)["response"] = response
    assert not is_transient(error)


def test_an_error_that_takes_no_note_is_raised_all_the_same() -> None:
    class Frozen(Exception):
        def add_note(self, note: str, /) -> None:
            raise AttributeError("frozen")

    def fail() -> None:
        raise Frozen

    with pytest.raises(Frozen):
        Retry().call(fail)


def test_no_retry_repeats_what_an_inner_one_did_not_begin() -> None:
    calls = 0

    def inner() -> None:
        nonlocal calls
        calls += 1
        Retry(deadline=Deadline.after(0)).call(lambda: None)

    with pytest.raises(DeadlineExceeded):
        Retry(attempts=3, base_seconds=0.001).call(inner)
    assert calls == 1


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = RetrySettings(attempts=4, base_seconds=0.25, cap_seconds=2, call_timeout_seconds=1.5, deadline_seconds=9).environment()
    retry = Retry.from_environment(environment=environment)
    assert (retry.attempts, retry.base_seconds, retry.cap_seconds, retry.deadline_seconds, retry.call_timeout_seconds) == (
        4,
        0.25,
        2,
        9,
        1.5,
    )
    assert isinstance(retry.attempts, int)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Retry.from_environment().attempts == 4
    assert Retry.from_environment(attempts=2, retry_on=KeyError).attempts == 2
    assert Retry.from_environment(environment={}).deadline_seconds == Retry().deadline_seconds


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"CLOUDPATTERNS_RETRY_ATTEMPTS": "2.5"}, "CLOUDPATTERNS_RETRY_ATTEMPTS is '2.5'; a whole number is needed."),
        ({"CLOUDPATTERNS_RETRY_CAP_SECONDS": ""}, "CLOUDPATTERNS_RETRY_CAP_SECONDS is ''; a number of seconds is needed."),
        (
            {"CLOUDPATTERNS_RETRY_ATTEMPTS": "0"},
            "Retry cannot be created:\n  attempts: is 0; whole numbers from 1 to 100 are allowed. Give 1 for no retry; 3 is the default.",
        ),
    ],
)
def test_an_environment_that_cannot_be_used_is_refused(environment: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=r"ATTEMPTS|CAP|attempts") as caught:
        Retry.from_environment(environment=environment)
    assert str(caught.value) == problem


def test_the_timeouts_of_an_attempt_are_those_of_the_policy() -> None:
    """What the component's sum counts with is what the client has."""
    settings = RetrySettings(attempts=4, base_seconds=1, cap_seconds=2, call_timeout_seconds=3, deadline_seconds=20)
    config: Any = botocore_config(Retry.from_environment(environment=settings.environment()), client_retries=False)
    assert {"connect_timeout": config.connect_timeout, "read_timeout": config.read_timeout} == settings.sdk_timeouts()
    assert config.connect_timeout + config.read_timeout == 3
    # A share of the deadline that is shorter counts.
    retry = Retry(attempts=2, base_seconds=1, cap_seconds=1, deadline_seconds=3, call_timeout_seconds=9)
    shorter: Any = botocore_config(retry, client_retries=False)
    assert shorter.connect_timeout + shorter.read_timeout == 1


def test_the_waits_of_the_sdk_are_those_that_the_policy_counts_with() -> None:
    """`RetrySettings` and `botocore_config` agree on how many attempts fit."""
    for deadline in (6.2, 6.3, 13.4, 13.5, 40):
        settings = RetrySettings(attempts=3, call_timeout_seconds=0.1, base_seconds=0.01, cap_seconds=0.01, deadline_seconds=deadline)
        botocore_config(Retry(attempts=settings.sdk_attempts, deadline_seconds=deadline))
        if settings.sdk_attempts < 3:
            with pytest.raises(ValueError, match="Give a later deadline"):
                botocore_config(Retry(attempts=settings.sdk_attempts + 1, deadline_seconds=deadline))


def test_an_object_with_an_asynchronous_call_is_refused() -> None:
    class Caller:
        async def __call__(self) -> None:
            raise AssertionError

    with pytest.raises(TypeError, match="is asynchronous"):
        _: Any = Retry().call(Caller())
