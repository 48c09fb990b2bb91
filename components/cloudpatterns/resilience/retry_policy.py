"""Retries with backoff and full jitter: one setting in the form of each layer that may retry.

Pattern: "Retry with backoff" (2025 guide).
"""

import json
from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import runtime_layer
from cloudpatterns.core import Component, Keys, Problem, RetrySettings, needs, unqualified
from cloudpatterns.core.retry import MOST_ATTEMPTS, MOST_FUNCTION_SECONDS, MOST_SECONDS, RetrySettingsError

_SECONDS = Field(gt=0, le=MOST_SECONDS)
_DEFAULTS = RetrySettings()


class RetryPolicyOptions(TypedDict):
    """What a user tunes of a ``RetryPolicy``."""

    attempts: NotRequired[Annotated[int, Field(default=_DEFAULTS.attempts, ge=1, le=MOST_ATTEMPTS)]]
    """Attempts in all, the first included; 1 means no retry."""
    base_seconds: NotRequired[Annotated[float, Field(default=_DEFAULTS.base_seconds), _SECONDS]]
    """The longest wait before the first retry; each later one may be twice as long. The wait is a random part of it (full jitter)."""
    cap_seconds: NotRequired[Annotated[float, Field(default=_DEFAULTS.cap_seconds), _SECONDS]]
    """The longest wait before any retry, at least ``base_seconds``."""
    call_timeout_seconds: NotRequired[Annotated[float, Field(default=_DEFAULTS.call_timeout_seconds), _SECONDS]]
    """When one attempt is given up."""
    reserve_seconds: NotRequired[Annotated[float, Field(default=1.0), _SECONDS]]
    """What the caller needs for the rest of its work, its own error handling included."""
    event_age_seconds: NotRequired[Annotated[int, Field(default=_DEFAULTS.event_age_seconds, ge=60, le=MOST_SECONDS)]]
    """How old an event that nobody waits for may get and still be worth an attempt."""


class RetryPolicyArgs(RetryPolicyOptions):
    """Arguments of ``RetryPolicy``."""

    caller_timeout_seconds: Annotated[float, Field(gt=0, le=MOST_FUNCTION_SECONDS)]
    """When the caller gives up: the timeout of the function or state that retries, or of the client that waits for it. All attempts, the
    longest waits and ``reserve_seconds`` fit into it."""
    function_names: NotRequired[
        Annotated[
            dict[str, pulumi.Input[str]], Field(default={}), Keys("[a-z0-9]+(-[a-z0-9]+)*", "lower-case letters, digits and single hyphens")
        ]
    ]
    """Functions whose asynchronous invocations this policy configures: names or ARNs by a short name, which names the child. A function has
    one such configuration, and each alias of its own: ``mail:live`` for callers that invoke the alias."""
    on_failure_arn: NotRequired[pulumi.Input[str]]
    """What gets the events that failed to the end, whole: an SQS queue, SNS topic, S3 bucket, function or event bus. The functions' roles
    must be allowed to send there, or AWS refuses the configuration. Default: none, without ``function_names``."""
    create_layer: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether to create a Lambda layer with ``cloudpatterns_runtime``, for functions without ``runtime_library``."""


class RetryPolicy(Component):
    """One setting of retries for functions, SDK clients, state machines, queues and streams (2025 guide, "Retry with backoff").

    Only one layer should retry: 3 attempts around 3 attempts are 9. Clients that a function calls through ``cloudpatterns_runtime.retry``
    are made with ``botocore_config(retry, client_retries=False)``; all others retry by themselves, as ``sdk_variables`` says.

    Waits have full jitter: a random time between 0 and the longest. What is refused at construction is a sum of attempts and longest waits
    that does not fit into ``caller_timeout_seconds``; layers with longer waits of their own get fewer attempts.

    **Use when**: a call may fail for a moment (throttling, timeouts, lost connections), and may be made twice.

    **Not when**: the dependency is down for longer (``CircuitBreaker``), or the caller can come back later (``QueueWorker``).

    **Cost drivers**: nothing but the calls that are repeated; a layer costs nothing.

    **Trade-offs**: a retry makes a slow answer slower, and more load for a service that has too much already. What is not idempotent needs
    a token or a condition.

    **Proven by**: control ``function-async-failures-kept``; ``test_retry_policy.py``, and ``test_retry.py``, which holds the sum of every
    form below the deadline.
    """

    variables: pulumi.Output[dict[str, str]]
    """Environment variables of a function that retries with ``cloudpatterns_runtime.retry`` (``Retry.from_environment()``)."""
    sdk_variables: pulumi.Output[dict[str, str]]
    """Environment variables of a function whose SDK clients retry by themselves, in the standard mode, in any language. The timeouts that
    the sum counts with are set in code: botocore's own are 60 seconds to connect and 60 to read."""
    state_machine_retry: pulumi.Output[str]
    """One entry for ``Retry`` of a state, as JSON; its attempts of ``task_timeout_seconds`` fit into ``caller_timeout_seconds``."""
    task_timeout_seconds: pulumi.Output[int]
    """``TimeoutSeconds`` of such a state."""
    total_seconds: pulumi.Output[float]
    """What all attempts and the longest waits take."""
    asynchronous_retries: pulumi.Output[int]
    """Retries of asynchronous invocations, 0 to 2."""
    event_retries: pulumi.Output[int]
    """``maximum_retry_attempts`` of an EventBridge target or a stream's event source."""
    event_age_seconds: pulumi.Output[int]
    """``maximum_event_age_in_seconds`` or ``maximum_record_age_in_seconds`` of these."""
    visibility_timeout_seconds: pulumi.Output[int]
    """Visibility timeout of a queue that a function with ``caller_timeout_seconds`` reads."""
    max_receive_count: pulumi.Output[int]
    """Receives of a message before it goes to the dead-letter queue."""
    layer_arn: pulumi.Output[str]
    """The layer with ``cloudpatterns_runtime``; empty without ``create_layer``."""

    def __init__(self, name: str, args: RetryPolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=_problems)
        self._settings = settings = _settings(checked)
        caller_seconds = checked["caller_timeout_seconds"]
        asynchronous, queue = settings.asynchronous_invocation(caller_seconds), settings.queue(caller_seconds)
        self.variables = pulumi.Output.from_input(self.environment())
        self.sdk_variables = pulumi.Output.from_input(self.sdk_environment())
        self.state_machine_retry = pulumi.Output.from_input(json.dumps(settings.asl_retrier()))
        self.task_timeout_seconds = pulumi.Output.from_input(settings.task_timeout_seconds)
        self.total_seconds = pulumi.Output.from_input(settings.total_seconds)
        self.asynchronous_retries = pulumi.Output.from_input(asynchronous["maximum_retry_attempts"])
        self.event_retries = pulumi.Output.from_input(settings.event_target()["maximum_retry_attempts"])
        self.event_age_seconds = pulumi.Output.from_input(settings.event_age_seconds)
        self.visibility_timeout_seconds = pulumi.Output.from_input(queue["visibility_timeout_seconds"])
        self.max_receive_count = pulumi.Output.from_input(queue["max_receive_count"])
        self.layer_arn = runtime_layer(self, f"{name}-runtime").arn if checked["create_layer"] else pulumi.Output.from_input("")
        for key, function in checked["function_names"].items():
            function_name, qualifier = unqualified(function)
            aws.lambda_.FunctionEventInvokeConfig(
                f"{name}-{key}",
                function_name=function_name,
                qualifier=qualifier,
                destination_config={"on_failure": {"destination": checked["on_failure_arn"]}},
                maximum_retry_attempts=asynchronous["maximum_retry_attempts"],
                maximum_event_age_in_seconds=asynchronous["maximum_event_age_in_seconds"],
                opts=self.child(),
            )
        self.register()

    def environment(self) -> dict[str, str]:
        """``variables`` as a dictionary, to be put together with others for a function's ``environment``."""
        return self._settings.environment()

    def sdk_environment(self) -> dict[str, str]:
        """``sdk_variables`` as a dictionary, to be put together with others for a function's ``environment``."""
        return self._settings.sdk_environment()

    @property
    def settings(self) -> RetrySettings:
        """The same in Python, for ``asl_retrier(errors)`` and others."""
        return self._settings


def _settings(checked: RetryPolicyArgs) -> RetrySettings:
    return RetrySettings(
        attempts=checked["attempts"],
        base_seconds=checked["base_seconds"],
        cap_seconds=checked["cap_seconds"],
        call_timeout_seconds=checked["call_timeout_seconds"],
        deadline_seconds=checked["caller_timeout_seconds"] - checked["reserve_seconds"],
        event_age_seconds=checked["event_age_seconds"],
    )


def _problems(checked: RetryPolicyArgs) -> Iterator[Problem]:
    caller, reserve = checked["caller_timeout_seconds"], checked["reserve_seconds"]
    if reserve >= caller:
        yield "reserve_seconds", f"is {reserve:g}; less than caller_timeout_seconds, which is {caller:g}, is needed. Give less."
    else:
        try:
            _settings(checked)
        except RetrySettingsError as error:
            for path, reason in error.problems:
                of_caller = f"is {caller:g}, {reserve:g} of them in reserve; {reason.partition('; ')[2]}".replace(
                    "a later deadline", "a longer caller_timeout_seconds"
                )
                yield ("caller_timeout_seconds", of_caller) if path == "deadline_seconds" else (path, reason)
    yield from needs(checked, "function_names", "on_failure_arn", why="events that fail to the end would be lost")
