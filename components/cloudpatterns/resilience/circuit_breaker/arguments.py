"""Arguments of ``CircuitBreaker``, and the settings that the library and the state machines get of them."""

from collections.abc import Iterator
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Keys, Matches, Problem, excludes
from cloudpatterns.core.vocabulary import AlarmTopicArns, DeletionProtection, KmsKeyArn, Tags

_PERIOD = Field(default=30.0, ge=1, le=86_400)


class CircuitBreakerDependencyOptions(TypedDict):
    """When the circuit of one dependency opens, and for how long. Without ``failures`` and ``failure_rate`` half of the calls open it."""

    failures: NotRequired[Annotated[int, Field(ge=1, le=1_000_000)]]
    """Failures of all callers in the window that open the circuit. Default: their number does not open it."""
    failure_rate: NotRequired[Annotated[float, Field(gt=0, le=1)]]
    """The share of failures among the calls in the window that opens the circuit, from ``minimum_calls`` on. Default: 0.5 without
    ``failures``, else no share opens it."""
    minimum_calls: NotRequired[Annotated[int, Field(default=10, ge=1, le=1_000_000)]]
    """Calls in the window below which ``failure_rate`` does not count."""
    window_seconds: NotRequired[Annotated[float, _PERIOD]]
    """How long calls count."""
    open_seconds: NotRequired[Annotated[float, _PERIOD]]
    """How long no call goes through before one probes."""
    probe_seconds: NotRequired[Annotated[float, _PERIOD]]
    """When another caller may probe, because the last one has not ended: longer than the longest call."""
    cache_seconds: NotRequired[Annotated[float, Field(default=5.0, ge=0, le=3_600)]]
    """How long a process works with what it read. A state machine reads at each call."""
    clock_skew_seconds: NotRequired[Annotated[float, Field(default=1.0, ge=0, le=3_600)]]
    """How far the clocks of two callers may differ."""


class CircuitBreakerTableArgs(TypedDict):
    """A table that is there: its partition key is the text ``dependency``, it has no sort key, and its TTL attribute is ``expires_at``."""

    arn: Annotated[pulumi.Input[str], Matches(r"arn:[^:]+:dynamodb:[^:]+:\d{12}:table/[a-zA-Z0-9_.-]+", "the ARN of a DynamoDB table")]
    """ARN of the table."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Its customer managed key. Default: the table has a key of AWS's."""


class CircuitBreakerOptions(TypedDict):
    """What a user tunes of a ``CircuitBreaker``."""

    dependencies: Annotated[
        dict[str, CircuitBreakerDependencyOptions],
        Keys("[a-z][a-z0-9]*(-[a-z0-9]+)*", "lower-case letters, digits and single hyphens, a letter first"),
        Field(min_length=1, max_length=50),
    ]
    """What is called, such as ``payments``, each with a circuit of its own: ``{"payments": {}}``."""
    metric_namespace: NotRequired[
        Annotated[
            str,
            Matches(r"(?!AWS/)[A-Za-z0-9_./#-][A-Za-z0-9_./#-]{0,254}", "a namespace outside AWS/ such as CloudPatterns/CircuitBreaker"),
            Field(default="CloudPatterns/CircuitBreaker"),
        ]
    ]
    """Namespace of the metrics."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the table."""
    create_layer: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether to create a Lambda layer with ``cloudpatterns_runtime``, for functions without ``runtime_library``."""


class CircuitBreakerArgs(CircuitBreakerOptions):
    """Arguments of ``CircuitBreaker``."""

    existing_table: NotRequired[CircuitBreakerTableArgs]
    """A table that is there. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the new table. Default: a new customer managed key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when a circuit opens, or when callers cannot reach the table."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def problems(checked: CircuitBreakerArgs) -> Iterator[Problem]:
    """Rules over several arguments."""
    yield from excludes(checked, "existing_table", "kms_key_arn", "deletion_protection", why="the table is there already")


def settings_of(options: CircuitBreakerDependencyOptions) -> dict[str, Any]:
    """The settings of ``cloudpatterns_runtime.breaker.CircuitBreaker``."""
    failures, rate = options.get("failures"), options.get("failure_rate")
    return {
        "failures": failures,
        "failure_rate": 0.5 if failures is None and rate is None else rate,
        "minimum_calls": options["minimum_calls"],
        "window_seconds": options["window_seconds"],
        "open_seconds": options["open_seconds"],
        "probe_seconds": options["probe_seconds"],
        "cache_seconds": options["cache_seconds"],
        "clock_skew_seconds": options["clock_skew_seconds"],
    }
