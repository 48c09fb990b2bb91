"""One setting of retries: the sum stays below the caller's timeout, in the form of every layer."""

import math
from typing import Any

import pytest
from botocore.config import Config
from cloudpatterns.core.retry import TRANSIENT_ERRORS, RetrySettings
from hypothesis import assume, given
from hypothesis import strategies as st

SETTINGS = st.fixed_dictionaries(
    {
        "attempts": st.integers(1, 100),
        "base_seconds": st.floats(0.001, 30),
        "cap_seconds": st.floats(0.001, 300),
        "call_timeout_seconds": st.floats(0.01, 60),
        "deadline_seconds": st.floats(0.01, 21_600),
        "event_age_seconds": st.integers(60, 21_600),
    }
)


def _settings(values: dict[str, Any]) -> RetrySettings:
    try:
        return RetrySettings(**values)
    except ValueError:
        assume(False)
        raise


@given(SETTINGS)
def test_total_time_is_bounded_below_the_callers_timeout_in_every_form(values: dict[str, Any]) -> None:
    settings = _settings(values)
    deadline = settings.deadline_seconds
    assert settings.total_seconds <= deadline
    # The SDK: each wait is at most min(20, 2**n) and 5 more.
    n = settings.sdk_attempts
    waits = sum(min(20, 2**i) + 5 for i in range(n - 1))
    assert n == 1 or n * settings.call_timeout_seconds + waits <= deadline
    assert n == settings.attempts or (n + 1) * settings.call_timeout_seconds + waits + min(20, 2 ** (n - 1)) + 5 > deadline
    # A state machine, with its whole seconds.
    retrier = settings.asl_retrier()
    delays = [min(retrier["MaxDelaySeconds"], retrier["IntervalSeconds"] * 2**i) for i in range(retrier["MaxAttempts"])]
    assert not delays or (len(delays) + 1) * settings.task_timeout_seconds + sum(delays) <= deadline
    assert retrier["IntervalSeconds"] >= 1
    assert retrier["MaxDelaySeconds"] > retrier["IntervalSeconds"]
    # Asynchronous invocations, with Lambda's waits.
    invocation = settings.asynchronous_invocation()
    retries = invocation["maximum_retry_attempts"]
    assert 0 <= retries <= 2
    assert retries == 0 or (retries + 1) * deadline + (0, 60, 180)[retries] <= settings.event_age_seconds


def test_the_defaults_fit_every_form() -> None:
    settings = RetrySettings()
    assert settings.longest_waits == (0.1, 0.2)
    assert settings.total_seconds == pytest.approx(15.3)
    assert settings.environment() == {
        "CLOUDPATTERNS_RETRY_ATTEMPTS": "3",
        "CLOUDPATTERNS_RETRY_BASE_SECONDS": "0.1",
        "CLOUDPATTERNS_RETRY_CAP_SECONDS": "20",
        "CLOUDPATTERNS_RETRY_DEADLINE_SECONDS": "29",
        "CLOUDPATTERNS_RETRY_CALL_TIMEOUT_SECONDS": "5",
    }
    assert settings.sdk_environment() == {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "3"}
    assert settings.sdk_timeouts() == {"connect_timeout": 2.5, "read_timeout": 2.5}
    assert settings.asl_retrier() == {
        "ErrorEquals": list(TRANSIENT_ERRORS),
        "IntervalSeconds": 1,
        "MaxAttempts": 2,
        "BackoffRate": 2,
        "MaxDelaySeconds": 20,
        "JitterStrategy": "FULL",
    }
    assert settings.task_timeout_seconds == 5
    assert settings.asynchronous_invocation() == {"maximum_retry_attempts": 2, "maximum_event_age_in_seconds": 21_600}
    assert settings.event_target() == {"maximum_retry_attempts": 2, "maximum_event_age_in_seconds": 21_600}
    assert settings.event_source() == {
        "maximum_retry_attempts": 2,
        "maximum_record_age_in_seconds": 21_600,
        "bisect_batch_on_function_error": True,
    }
    assert settings.queue() == {"visibility_timeout_seconds": 174, "max_receive_count": 5}


def test_the_longest_waits_double_up_to_the_cap() -> None:
    settings = RetrySettings(attempts=6, base_seconds=1, cap_seconds=5, call_timeout_seconds=1, deadline_seconds=60)
    assert settings.longest_waits == (1, 2, 4, 5, 5)
    assert settings.total_seconds == 23


def test_a_layer_with_longer_waits_has_fewer_attempts() -> None:
    settings = RetrySettings(attempts=3, call_timeout_seconds=0.5, deadline_seconds=2)
    assert settings.sdk_environment()["AWS_MAX_ATTEMPTS"] == "1"
    # 2 * 1 + 1 is more than 2 seconds, too.
    assert settings.asl_retrier(["Flaky"]) == {
        "ErrorEquals": ["Flaky"],
        "IntervalSeconds": 1,
        "MaxAttempts": 0,
        "BackoffRate": 2,
        "MaxDelaySeconds": 20,
        "JitterStrategy": "FULL",
    }
    assert RetrySettings(attempts=3, call_timeout_seconds=0.5, deadline_seconds=3).asl_retrier()["MaxAttempts"] == 1
    assert RetrySettings(deadline_seconds=28).sdk_attempts == 3
    assert RetrySettings(deadline_seconds=27.9).sdk_attempts == 2
    assert RetrySettings(event_age_seconds=266).asynchronous_invocation()["maximum_retry_attempts"] == 1
    assert RetrySettings(event_age_seconds=267).asynchronous_invocation()["maximum_retry_attempts"] == 2
    assert RetrySettings(event_age_seconds=267).asynchronous_invocation(30)["maximum_retry_attempts"] == 1
    assert RetrySettings(attempts=1).asynchronous_invocation()["maximum_retry_attempts"] == 0


def test_whole_seconds_of_a_state_machine() -> None:
    settings = RetrySettings(base_seconds=2.5, cap_seconds=2.5, call_timeout_seconds=0.2)
    retrier = settings.asl_retrier()
    assert (retrier["IntervalSeconds"], retrier["MaxDelaySeconds"], settings.task_timeout_seconds) == (3, 4, 1)


def test_the_timeouts_are_botocores() -> None:
    settings = RetrySettings(attempts=1, call_timeout_seconds=20)
    config: Any = Config(**settings.sdk_timeouts())
    assert (config.connect_timeout, config.read_timeout) == (4, 16)


def test_a_queue_shows_a_message_again_after_six_timeouts() -> None:
    settings = RetrySettings(attempts=8, call_timeout_seconds=1, cap_seconds=1)
    assert settings.queue(0.3) == {"visibility_timeout_seconds": 2, "max_receive_count": 8}
    assert settings.queue(7_200)["visibility_timeout_seconds"] == 43_200
    with pytest.raises(ValueError, match="function_timeout_seconds") as caught:
        settings.queue(7_201)
    assert str(caught.value) == (
        "function_timeout_seconds: is 7201; the visibility timeout of 6 * 7201 = 43206 seconds would pass SQS's 43200. Give at most 7200."
    )


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"attempts": 0}, "attempts: is 0; whole numbers from 1 to 100 are allowed. Give 1 for no retry."),
        ({"attempts": 101}, "attempts: is 101; whole numbers from 1 to 100 are allowed. Give 1 for no retry."),
        ({"attempts": True}, "attempts: is True; whole numbers from 1 to 100 are allowed. Give 1 for no retry."),
        ({"base_seconds": 0}, "base_seconds: is 0; seconds above 0, and up to 21600, are allowed. Leave it out for the default."),
        ({"cap_seconds": math.inf}, "cap_seconds: is inf; seconds above 0, and up to 21600, are allowed. Leave it out for the default."),
        (
            {"call_timeout_seconds": True},
            "call_timeout_seconds: is True; seconds above 0, and up to 21600, are allowed. Leave it out for the default.",
        ),
        (
            {"deadline_seconds": "9"},
            "deadline_seconds: is '9'; seconds above 0, and up to 21600, are allowed. Leave it out for the default.",
        ),
        ({"event_age_seconds": 59}, "event_age_seconds: is 59; whole numbers from 60 to 21600 are allowed: Lambda keeps no event longer."),
        (
            {"event_age_seconds": 60.0},
            "event_age_seconds: is 60.0; whole numbers from 60 to 21600 are allowed: Lambda keeps no event longer.",
        ),
        (
            {"base_seconds": 21},
            "base_seconds: is 21; at most cap_seconds, which is 20, is allowed. Give a smaller base_seconds or a larger cap_seconds.",
        ),
        (
            {"attempts": 4, "call_timeout_seconds": 10, "base_seconds": 1},
            "deadline_seconds: is 29; every attempt at its full length and the longest waits between them take "
            "4 * 10 + 1 + 2 + 4 = 47 seconds. "
            "Give fewer attempts, a shorter call_timeout_seconds or cap_seconds, or a later deadline.",
        ),
        (
            {"attempts": 1, "call_timeout_seconds": 30},
            "deadline_seconds: is 29; every attempt at its full length and the longest waits between them take 1 * 30 = 30 seconds. "
            "Give fewer attempts, a shorter call_timeout_seconds or cap_seconds, or a later deadline.",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_sum(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match="RetrySettings cannot be created") as caught:
        RetrySettings(**values)
    assert str(caught.value) == f"RetrySettings cannot be created:\n  {problem}"


def test_all_values_are_reported_at_once() -> None:
    with pytest.raises(ValueError, match="attempts: is 0") as caught:
        RetrySettings(attempts=0, base_seconds=-1)
    assert len(str(caught.value).splitlines()) == 3
