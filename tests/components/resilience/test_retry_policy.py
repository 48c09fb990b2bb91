import io
import json
from dataclasses import replace
from email.message import Message
from typing import Any
from urllib.error import HTTPError

import pulumi
import pytest
from cloudpatterns.core import ArgumentError, RetrySettings
from cloudpatterns.resilience import RetryPolicy
from cloudpatterns_runtime.retry import Retry, botocore_config
from offline_preview.graph import Graph

from tests.emulators.events import Context
from tests.emulators.handlers import load_handler
from tests.harness import record
from tests.program import ROOT, folder_graph

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:failed"


def make(seen: dict[str, Any] | None = None, **args: Any) -> Graph:
    given: Any = {"caller_timeout_seconds": 30, **args}

    def program() -> None:
        policy = RetryPolicy("calls", given)
        if seen is not None:
            pulumi.Output.all(**{name: getattr(policy, name) for name in RetryPolicy.__annotations__}).apply(seen.update)

    return record(program, mode="deployed")


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return caught.value.problems


def test_total_time_is_bounded_below_the_callers_timeout() -> None:
    assert refused(attempts=4, call_timeout_seconds=10, base_seconds=1) == [
        (
            "caller_timeout_seconds",
            "is 30, 1 of them in reserve; every attempt at its full length and the longest waits between them take "
            "4 * 10 + 1 + 2 + 4 = 47 seconds. Give fewer attempts, a shorter call_timeout_seconds or cap_seconds, or a longer "
            "caller_timeout_seconds.",
        )
    ]
    # The same with a second less to spare.
    make(attempts=2, call_timeout_seconds=14, base_seconds=1)
    [(path, reason)] = refused(attempts=2, call_timeout_seconds=14, base_seconds=1.001)
    assert (path, "2 * 14 + 1.001 = 29.001 seconds" in reason) == ("caller_timeout_seconds", True)
    assert refused(reserve_seconds=30) == [
        ("reserve_seconds", "is 30; less than caller_timeout_seconds, which is 30, is needed. Give less.")
    ]
    assert refused(base_seconds=30, cap_seconds=20) == [
        (
            "base_seconds",
            "is 30; at most cap_seconds, which is 20, is allowed. Give a smaller base_seconds or a larger cap_seconds.",
        )
    ]


def test_one_setting_has_the_form_of_each_layer() -> None:
    seen: dict[str, Any] = {}
    graph = make(seen)
    settings = RetrySettings(deadline_seconds=29)
    assert seen == {
        "variables": settings.environment(),
        "sdk_variables": {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "3"},
        "state_machine_retry": json.dumps(settings.asl_retrier()),
        "task_timeout_seconds": 5,
        "total_seconds": settings.total_seconds,
        "asynchronous_retries": 2,
        "event_retries": 2,
        "event_age_seconds": 21_600,
        "visibility_timeout_seconds": 180,
        "max_receive_count": 5,
        "layer_arn": "",
    }
    assert [one.type for one in graph.resources if one.custom] == []
    # What the library makes of it, with the timeouts that the sum counts with.
    config: Any = botocore_config(Retry.from_environment(environment=seen["variables"]), client_retries=False)
    assert config.connect_timeout + config.read_timeout == 5


def test_asynchronous_invocations_of_functions_have_bounded_retries_and_keep_their_failures() -> None:
    graph = make(attempts=5, event_age_seconds=600, function_names={"mail": "mailer", "ship": "shipper"}, on_failure_arn=QUEUE)
    configurations = graph.of_type("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    assert {one.name: one.inputs for one in configurations} == {
        f"calls-{key}": {
            "functionName": name,
            "maximumRetryAttempts": 2,
            "maximumEventAgeInSeconds": 600,
            "destinationConfig": {"onFailure": {"destination": QUEUE}},
        }
        for key, name in (("mail", "mailer"), ("ship", "shipper"))
    }
    # Three invocations of 30 seconds and Lambda's waits take 270 seconds.
    [fewer] = make(event_age_seconds=269, function_names={"mail": "mailer"}, on_failure_arn=QUEUE).of_type(
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
    )
    assert fewer.inputs["maximumRetryAttempts"] == 1
    why = "is missing; function_names needs it: events that fail to the end would be lost. Give it, or remove function_names."
    assert refused(function_names={"mail": "mailer"}) == [("on_failure_arn", why)]


def test_the_configuration_of_an_alias_names_it_as_the_provider_reads_it() -> None:
    """Else the next update would replace it with the same id: the new one is written, and then deleted as the old one."""
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:mailer"
    graph = make(function_names={"mail": f"{arn}:live", "ship": "shipper:7", "print": arn}, on_failure_arn=QUEUE)
    configurations = graph.of_type("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    assert {one.name: (one.inputs["functionName"], one.inputs.get("qualifier")) for one in configurations} == {
        "calls-mail": (arn, "live"),
        "calls-ship": ("shipper", "7"),
        "calls-print": (arn, None),
    }


def test_a_layer_is_created_on_demand() -> None:
    seen: dict[str, Any] = {}
    graph = make(seen, create_layer=True)
    layer = graph.one("aws:lambda/layerVersion:LayerVersion")
    assert (layer.name, seen["layer_arn"]) == ("calls-runtime", layer.outputs["arn"])


def test_the_settings_are_there_in_python() -> None:
    kept: list[RetrySettings] = []
    record(lambda: kept.append(RetryPolicy("calls", {"caller_timeout_seconds": 61, "attempts": 2}).settings), mode="deployed")
    assert kept == [RetrySettings(attempts=2, deadline_seconds=60)]


def test_variables_are_put_together_with_others() -> None:
    found: dict[str, str] = {}

    def program() -> None:
        policy = RetryPolicy("calls", {"caller_timeout_seconds": 30, "attempts": 2})
        found.update({**policy.environment(), **policy.sdk_environment(), "OTHER": "1"})

    record(program)
    settings = RetrySettings(attempts=2, deadline_seconds=29)
    assert found == {**settings.environment(), **settings.sdk_environment(), "OTHER": "1"}


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"attempts": 101}, "attempts", "is 101; "),
        ({"caller_timeout_seconds": 0}, "caller_timeout_seconds", "is 0; "),
        ({"event_age_seconds": 59}, "event_age_seconds", "is 59; "),
        ({"function_names": {"Mail": "x"}, "on_failure_arn": QUEUE}, "function_names", "has 'Mail'; a name has lower-case letters"),
    ],
)
def test_limits_are_those_of_aws(args: Any, path: str, reason: str) -> None:
    [(found, text)] = refused(**args)
    assert (found, text.startswith(reason)) == (path, True)


def test_the_longest_timeouts_have_a_visibility_that_sqs_takes() -> None:
    seen: dict[str, Any] = {}
    make(seen, caller_timeout_seconds=7_200)
    assert seen["visibility_timeout_seconds"] == 43_200
    assert refused(caller_timeout_seconds=7_201)[0][1].startswith("is 7201; ")


def test_the_sample_handler_asks_again_within_the_time_of_the_policy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = folder_graph(ROOT / "examples/retry_policy", "dev", deployed=True)
    variables = graph.named("orders-function").inputs["environment"]["variables"]
    for name in (name for name in variables if name.startswith("CLOUDPATTERNS_") or name == "RATES_URL"):
        monkeypatch.setenv(name, variables[name])
    index = load_handler(ROOT / "examples/retry_policy/app/index.py")
    assert (index.RETRY.attempts, index.RETRY.call_timeout_seconds) == (4, 5)
    answers: list[Any] = [
        TimeoutError(),
        HTTPError("", 503, "", Message(), None),
        io.BytesIO(b'{"rate": 0.5}'),
        HTTPError("", 404, "", Message(), None),
    ]
    asked: list[Any] = []

    def urlopen(url: str, timeout: float) -> Any:
        asked.append((url, timeout))
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(index, "urlopen", urlopen)
    monkeypatch.setattr(index, "RETRY", replace(index.RETRY, sleep=lambda seconds: None))
    event = {"Records": [{"messageId": "m", "body": json.dumps({"id": "1", "amount": 10, "currency": "USD"})}]}
    assert index.handler(event, Context()) == {"batchItemFailures": []}
    assert json.loads(capsys.readouterr().out)["euros"] == 5
    assert asked == [("https://rates.example.com/latest?currency=USD", 5)] * 3
    with pytest.raises(HTTPError):
        index.handler(event, Context())
    assert len(asked) == 4
