"""One setting of retries, in the form of each layer that may retry.

Layers multiply: 3 attempts around 3 attempts are 9. So one layer retries, and the settings show that its attempts and its longest waits
end before the caller gives up.

Sources: Amazon Builders' Library, "Timeouts, retries, and backoff with jitter"; the links beside the limits.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cloudpatterns.core.arguments import Problem

__all__ = ["MOST_ATTEMPTS", "MOST_FUNCTION_SECONDS", "MOST_SECONDS", "TRANSIENT_ERRORS", "RetrySettings", "RetrySettingsError"]

MOST_ATTEMPTS = 100
"""Of the runtime library; every layer's own limit is below or above it."""
TRANSIENT_ERRORS = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "States.Timeout",
)
"""Errors of a task that another attempt may not meet: https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html"""

# https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html; an event that waits longer is dropped.
_LEAST_AGE_SECONDS, MOST_SECONDS = 60, 21_600
"""The oldest event that Lambda keeps, and the longest of all times here."""
_MOST_ASYNCHRONOUS_RETRIES = 2
# Lambda waits so long before it repeats an asynchronous invocation: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
_ASYNCHRONOUS_WAITS_SECONDS = (60, 120)
# What a queue's visibility timeout is to be of the function's timeout, and the fewest receives, because those that a throttled function
# never saw count as well: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY_FACTOR, _LEAST_RECEIVES = 6, 5
_MOST_VISIBILITY_SECONDS = 43_200
MOST_FUNCTION_SECONDS = _MOST_VISIBILITY_SECONDS // _VISIBILITY_FACTOR
"""The longest invocation for which a queue has a visibility timeout."""
# botocore's standard mode waits at most this long before a retry, and this much longer where the service asks for it.
_SDK_BASE_SECONDS, _SDK_CAP_SECONDS, _SDK_ASKED_SECONDS = 1, 20, 5
# Linux sends a lost SYN again after 1 and after 3 seconds: a longer wait for a connection seldom gets one.
_CONNECT_SECONDS = 4.0


class RetrySettingsError(ValueError):
    """Settings that cannot be used; ``problems`` are those of a component's arguments."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("".join(["RetrySettings cannot be created:", *(f"\n  {path}: {reason}" for path, reason in problems)]))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """How often and how long a call is repeated, by whichever layer repeats it.

    Before the retry number n, counted from 0, the caller waits a random time up to ``min(cap_seconds, base_seconds * 2**n)``. All attempts
    and the longest waits together fit into ``deadline_seconds``. A layer with longer waits of its own (an SDK client, whole seconds of a
    state machine) gets fewer attempts where those would not fit.

    :raises RetrySettingsError: with every value that cannot be used, what is allowed, and the sum where it passes the deadline.
    """

    attempts: int = 3
    """Attempts in all, the first included, 1 to 100; 1 means no retry."""
    base_seconds: float = 0.1
    """The longest wait before the first retry."""
    cap_seconds: float = 20.0
    """The longest wait before any retry, at least ``base_seconds``."""
    call_timeout_seconds: float = 5.0
    """When one attempt is given up."""
    deadline_seconds: float = 29.0
    """When everything is over. Give less than the caller's own timeout, which is that of a function, a state or a client."""
    event_age_seconds: int = MOST_SECONDS
    """How old an event that nobody waits for may get and still be worth an attempt, 60 to 21,600."""

    def __post_init__(self) -> None:
        """Checks the values."""
        if problems := list(_value_problems(self)) or list(_sum_problems(self)):
            raise RetrySettingsError(problems)

    @property
    def longest_waits(self) -> tuple[float, ...]:
        """The longest wait before each retry, in seconds."""
        return _waits(self.attempts, self.base_seconds, self.cap_seconds)

    @property
    def total_seconds(self) -> float:
        """What all attempts and the longest waits take together, at most ``deadline_seconds``."""
        return self.attempts * self.call_timeout_seconds + sum(self.longest_waits)

    def environment(self) -> dict[str, str]:
        """For a function that retries with ``cloudpatterns_runtime.retry``: what ``Retry.from_environment`` reads.

        A client that is called through it is made to try once, by ``botocore_config``; others keep their own retries.
        """
        return {
            "CLOUDPATTERNS_RETRY_ATTEMPTS": str(self.attempts),
            "CLOUDPATTERNS_RETRY_BASE_SECONDS": _text(self.base_seconds),
            "CLOUDPATTERNS_RETRY_CAP_SECONDS": _text(self.cap_seconds),
            "CLOUDPATTERNS_RETRY_DEADLINE_SECONDS": _text(self.deadline_seconds),
            "CLOUDPATTERNS_RETRY_CALL_TIMEOUT_SECONDS": _text(self.call_timeout_seconds),
        }

    @property
    def sdk_attempts(self) -> int:
        """Attempts of an SDK client: as many, up to ``attempts``, as fit with the SDK's own waits, which no setting shortens."""
        waits = _waits(self.attempts, _SDK_BASE_SECONDS, _SDK_CAP_SECONDS)
        return self._fitting(self.call_timeout_seconds, [wait + _SDK_ASKED_SECONDS for wait in waits])

    def sdk_environment(self) -> dict[str, str]:
        """For a function whose SDK clients retry by themselves, in the standard mode: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html."""
        return {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": str(self.sdk_attempts)}

    def sdk_timeouts(self) -> dict[str, float]:
        """``connect_timeout`` and ``read_timeout`` of a botocore ``Config``, which no environment variable sets: one attempt's."""
        connect = min(_CONNECT_SECONDS, self.call_timeout_seconds / 2)
        return {"connect_timeout": connect, "read_timeout": self.call_timeout_seconds - connect}

    @property
    def task_timeout_seconds(self) -> int:
        """``TimeoutSeconds`` of a task, in whole seconds, so that one attempt is given up in time."""
        return math.ceil(self.call_timeout_seconds)

    def asl_retrier(self, errors: Sequence[str] = TRANSIENT_ERRORS) -> dict[str, Any]:
        """One entry of a state's ``Retry``, for a task with ``TimeoutSeconds`` of ``task_timeout_seconds``.

        Intervals are whole seconds, so there may be fewer attempts than ``attempts``: as many as fit into the deadline. Name all errors
        in one entry: each entry counts its own attempts. https://states-language.net/spec.html#errors
        """
        interval = math.ceil(self.base_seconds)
        # Amazon States Language wants it above the interval.
        most = max(math.ceil(self.cap_seconds), interval + 1)
        attempts = self._fitting(self.task_timeout_seconds, _waits(self.attempts, interval, most))
        return {
            "ErrorEquals": list(errors),
            "IntervalSeconds": interval,
            "MaxAttempts": attempts - 1,
            "BackoffRate": 2,
            "MaxDelaySeconds": most,
            "JitterStrategy": "FULL",
        }

    def asynchronous_invocation(self, function_timeout_seconds: float | None = None) -> dict[str, int]:
        """Retries and age of an asynchronous invocation: 0 to 2, and as many as fit into the age with Lambda's waits of 1 and 2 minutes.

        ``function_timeout_seconds``: how long an invocation may take. Default: ``deadline_seconds``.
        """
        each = self.deadline_seconds if function_timeout_seconds is None else function_timeout_seconds
        retries = min(self.attempts - 1, _MOST_ASYNCHRONOUS_RETRIES)
        attempts = _fitting(each, _ASYNCHRONOUS_WAITS_SECONDS[:retries], self.event_age_seconds)
        return {"maximum_retry_attempts": attempts - 1, "maximum_event_age_in_seconds": self.event_age_seconds}

    def event_target(self) -> dict[str, int]:
        """``retry_policy`` of an EventBridge target: 0 to 185 retries, an age of 60 to 86,400 seconds."""
        return {"maximum_retry_attempts": self.attempts - 1, "maximum_event_age_in_seconds": self.event_age_seconds}

    def event_source(self) -> dict[str, Any]:
        """An event source mapping of a stream, with bounded retries and age: its own defaults are endless."""
        return {
            "maximum_retry_attempts": self.attempts - 1,
            "maximum_record_age_in_seconds": self.event_age_seconds,
            "bisect_batch_on_function_error": True,
        }

    def queue(self, function_timeout_seconds: float | None = None) -> dict[str, int]:
        """A queue that a function reads: its visibility timeout, six times the function's, and the receives before the dead-letter queue.

        There are 5 receives or more, because one that a throttled function never saw counts as well. SQS has no jitter.

        ``function_timeout_seconds``: how long an invocation may take. Default: ``deadline_seconds``.

        :raises ValueError: for a visibility timeout above SQS's 12 hours.
        """
        each = self.deadline_seconds if function_timeout_seconds is None else function_timeout_seconds
        visibility = math.ceil(_VISIBILITY_FACTOR * each)
        if visibility > _MOST_VISIBILITY_SECONDS:
            raise ValueError(
                f"function_timeout_seconds: is {each:g}; the visibility timeout of 6 * {each:g} = {visibility} seconds would pass SQS's "
                f"{_MOST_VISIBILITY_SECONDS}. Give at most {MOST_FUNCTION_SECONDS}."
            )
        return {"visibility_timeout_seconds": visibility, "max_receive_count": max(self.attempts, _LEAST_RECEIVES)}

    def _fitting(self, each: float, waits: Sequence[float]) -> int:
        return _fitting(each, waits, self.deadline_seconds)


def _fitting(each: float, waits: Sequence[float], most_seconds: float) -> int:
    """The most attempts, 1 at least, that with the waits between them take at most so many seconds."""
    return next((n for n in range(len(waits) + 1, 1, -1) if n * each + sum(waits[: n - 1]) <= most_seconds), 1)


def _waits(attempts: int, base_seconds: float, cap_seconds: float) -> tuple[float, ...]:
    return tuple(min(cap_seconds, base_seconds * 2**retry) for retry in range(attempts - 1))


def _text(seconds: float) -> str:
    return f"{seconds:.12g}"


def _value_problems(settings: RetrySettings) -> Iterator[Problem]:
    if not _is_whole(settings.attempts) or not 1 <= settings.attempts <= MOST_ATTEMPTS:
        yield "attempts", f"is {settings.attempts!r}; whole numbers from 1 to {MOST_ATTEMPTS} are allowed. Give 1 for no retry."
    for name in ("base_seconds", "cap_seconds", "call_timeout_seconds", "deadline_seconds"):
        value = getattr(settings, name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MOST_SECONDS:
            yield name, f"is {value!r}; seconds above 0, and up to {MOST_SECONDS}, are allowed. Leave it out for the default."
    age = settings.event_age_seconds
    if not _is_whole(age) or not _LEAST_AGE_SECONDS <= age <= MOST_SECONDS:
        yield (
            "event_age_seconds",
            f"is {age!r}; whole numbers from {_LEAST_AGE_SECONDS} to {MOST_SECONDS} are allowed: Lambda keeps no event longer.",
        )


def _sum_problems(settings: RetrySettings) -> Iterator[Problem]:
    if settings.base_seconds > settings.cap_seconds:
        yield (
            "base_seconds",
            f"is {settings.base_seconds:g}; at most cap_seconds, which is {settings.cap_seconds:g}, is allowed. "
            "Give a smaller base_seconds or a larger cap_seconds.",
        )
    elif settings.total_seconds > settings.deadline_seconds:
        each, waits = settings.call_timeout_seconds, "".join(f" + {wait:g}" for wait in settings.longest_waits)
        yield (
            "deadline_seconds",
            f"is {settings.deadline_seconds:g}; every attempt at its full length and the longest waits between them take "
            f"{settings.attempts} * {each:g}{waits} = {settings.total_seconds:g} seconds. "
            "Give fewer attempts, a shorter call_timeout_seconds or cap_seconds, or a later deadline.",
        )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
