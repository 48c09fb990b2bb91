"""What databases and caches share: names that are known early, rotated credentials, alarms, and rules over arguments."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import notify_on_event
from cloudpatterns.core import Component, Matches, Problem, after
from cloudpatterns.security.secret_values import rotate_secret, write_value

_NAME = Matches(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "lower case letters, digits and single hyphens, a letter first, such as orders-db")
HyphenatedName = Annotated[str, _NAME]
"""What databases, caches and their users may be named."""
InstanceClass = Annotated[str, Matches(r"db\.[a-z0-9-]+(\.[a-z0-9-]+)?", "an instance class such as db.t4g.medium")]
"""An instance class of RDS or Aurora."""

# What reports nothing is down or gone.
SUSTAINED: dict[str, Any] = {"period_seconds": 300, "periods": 3, "missing": "breaching"}
"""How an alarm looks at a metric for a quarter of an hour."""


class CredentialOptions(TypedDict):
    """How a password or token is written and rotated."""

    version: NotRequired[Annotated[int, Field(default=1, ge=1)]]
    """Raise it by one to write ``value`` again."""
    rotation_days: NotRequired[Annotated[int, Field(default=30, ge=1, le=1000)]]
    """Days between rotations."""


def unique_name(auto_named: pulumi.Input[str], child_name: str, wanted: str) -> pulumi.Output[str]:
    """``wanted`` with the random suffix of an auto-named child, for what must be named before it exists.

    A fixed name would collide between two stacks of one account, and an auto-name of the resource itself is known too late. Where the
    child's name does not start with its logical name (auto-naming is configurable), the child's whole name is used.
    """

    def derive(name: str) -> str:
        return f"{wanted}{name.removeprefix(child_name)}" if name.startswith(f"{child_name}-") else name

    return pulumi.Output.from_input(auto_named).apply(derive)


def final_snapshot(skip: bool, given: str | None, identifier: pulumi.Output[str], *replacing: Any) -> pulumi.Input[str] | None:
    """The name of the final snapshot: the one given, or one that no earlier snapshot has; None without a snapshot.

    The identifier's suffix is new when the component is created again. ``replacing`` are the values that replace the database or cache
    when they change: the digest is of these alone, so the old one and its replacement leave snapshots of different names.
    """
    if skip or given is not None:
        return None if skip else given
    digest = pulumi.Output.all(*replacing).apply(lambda values: hashlib.sha256(repr(values).encode()).hexdigest()[:8])
    return pulumi.Output.concat(identifier, "-final-", digest)


def credential_secret(
    component: Component,
    child_name: str,
    rotation_name: str,
    description: str,
    value: pulumi.Input[str],
    credential: CredentialOptions,
    *,
    function_arn: pulumi.Input[str] | None,
    kms_key_arn: pulumi.Input[str],
    user: pulumi.Resource,
    tags: Mapping[str, pulumi.Input[str]],
) -> pulumi.Output[str]:
    """The ARN of a new secret, available after its value and, with a function, its rotation.

    ``user`` is the database or cache, into which the first rotation logs in.
    """
    # Auto-named: a name stays taken during the recovery window.
    secret = aws.secretsmanager.Secret(
        child_name,
        description=description,
        kms_key_id=kms_key_arn,
        recovery_window_in_days=30,
        tags=tags,
        opts=component.child(),
    )
    written = write_value(component, f"{child_name}-value", secret_id=secret.id, value=value, version=credential["version"])
    secret_arn = after(secret.arn, written)
    if function_arn is None:
        return secret_arn
    rotation = rotate_secret(
        component,
        rotation_name,
        secret_arn=secret_arn,
        function_arn=function_arn,
        days=credential["rotation_days"],
        depends_on=[user],
    )
    return after(secret_arn, rotation)


def notify_on_failed_rotation(
    component: Component,
    child_name: str,
    secret_arn: pulumi.Input[str],
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    """Reports to topics that the rotation of a secret failed; nothing without topics.

    The event comes through CloudTrail: a trail of the account must record management events.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html
    """
    if not topic_arns:
        return
    pattern = {
        "source": ["aws.secretsmanager"],
        "detail-type": ["AWS Service Event via CloudTrail"],
        "detail": {
            "eventSource": ["secretsmanager.amazonaws.com"],
            "eventName": ["RotationFailed"],
            "additionalEventData": {"SecretId": [secret_arn]},
        },
    }
    description = "The rotation of a password or token failed"
    notify_on_event(component, child_name, description, pattern=pattern, topic_arns=topic_arns, tags=tags)


def name_problems(name: str) -> Iterator[Problem]:
    """A component name that its database, cache or users cannot carry."""
    if re.fullmatch(_NAME.pattern, name) is None:
        yield "name", f"is {name!r}; names in AWS begin with it, so it must be {_NAME.allowed}."


def credential_problems(path: str, value: pulumi.Input[str], pattern: str, allowed: str) -> Iterator[Problem]:
    """A plain credential that AWS would refuse; an output is AWS's to check. The value itself is not shown."""
    if isinstance(value, str) and re.fullmatch(pattern, value) is None:
        yield f"{path}.value", f"cannot be used; {allowed}."


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES_PER_DAY = 24 * 60


def window_problems(argument: str, daily: str, maintenance: str, shortest_minutes: int) -> Iterator[Problem]:
    """A daily window, given as ``argument``, or a ``maintenance_window`` that is too short, and two that overlap."""
    for path, window in ((argument, daily), ("maintenance_window", maintenance)):
        if _window_minutes(window) < shortest_minutes:
            yield path, f"is {window!r}; a window has at least {shortest_minutes} minutes. Extend it."
    if windows_overlap(daily, maintenance):
        yield "maintenance_window", f"is {maintenance!r}; it overlaps {argument} {daily!r}. Move one."


def windows_overlap(daily: str, weekly: str) -> bool:
    """Whether a daily window (``03:00-04:00``) and a weekly one (``sun:04:30-sun:05:30``) share a minute; both may run past midnight."""
    week = 7 * _MINUTES_PER_DAY
    daily_start, weekly_start = _start_minute(daily), _start_minute(weekly)
    busy = {(weekly_start + minute) % week for minute in range(_window_minutes(weekly))}
    return any(
        (day * _MINUTES_PER_DAY + daily_start + minute) % week in busy for day in range(7) for minute in range(_window_minutes(daily))
    )


def _window_minutes(window: str) -> int:
    """Length of a daily or weekly window; one that ends where it begins has none."""
    start, end = (_start_minute(text) for text in window.split("-"))
    return (end - start) % (_MINUTES_PER_DAY if window[0].isdigit() else 7 * _MINUTES_PER_DAY)


def _start_minute(window: str) -> int:
    """Minute of the day, or of the week, at which a window starts."""
    day, time = (0, window) if window[0].isdigit() else (_DAYS.index(window[:3]), window[4:])
    return day * _MINUTES_PER_DAY + int(time[:2]) * 60 + int(time[3:5])
