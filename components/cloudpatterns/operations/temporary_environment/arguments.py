"""Arguments of ``TemporaryEnvironment``, and the rules over them."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, NotRequired, TypedDict
from zoneinfo import available_timezones

import pulumi
from pydantic import Field

from cloudpatterns.core import Matches, Problem
from cloudpatterns.core.vocabulary import MOST_ALARM_ACTIONS, BucketArn, KmsKeyArn, LogRetentionDays, ShortNames, Tags, TopicArn

_FORMAT = "%Y-%m-%dT%H:%M:%S"
_PolicyArn = Annotated[
    pulumi.Input[str],
    Matches(r"arn:[^:]+:iam::(\d{12}|aws):policy/.+", "the ARN of a policy such as arn:aws:iam::123456789012:policy/deploy"),
]
_NAME = r"[A-Za-z0-9_.-]+"


class TemporaryEnvironmentOptions(TypedDict):
    """What a user tunes of a ``TemporaryEnvironment``."""

    stack: Annotated[str, Matches(f"organization/{_NAME}/{_NAME}", "organization/project/stack such as organization/shop/pr-42")]
    """The stack that expires, as ``pulumi stack ls --all`` of a self-managed backend shows it; not the one with this component in it."""
    expires_at: Annotated[str, Matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "a time such as 2027-01-31T18:00:00")]
    """When the stack is destroyed, in ``time_zone``. A later time prolongs it. AWS refuses a time in the past, that of the warning too:
    lower ``warning_hours`` where it is nearer than that."""
    time_zone: NotRequired[Annotated[str, Field(default="Etc/UTC")]]
    """A name of the IANA database."""
    warning_hours: NotRequired[Annotated[int, Field(default=24, ge=1, le=336)]]
    """Hours before the expiry at which the topics are warned."""
    production_names: NotRequired[
        Annotated[
            list[Annotated[str, Matches(_NAME, "the name of a stack such as prod")]],
            Field(default=["prod", "production", "prd", "live"], min_length=1),
        ]
    ]
    """Names of stacks that are refused, in any case, also between dashes, dots and underscores of a longer one: ``prod-cell-2``."""
    pulumi_version: NotRequired[
        Annotated[str, Matches(r"3\.\d+\.\d+", "a version of the Pulumi CLI such as 3.272.0"), Field(default="3.272.0")]
    ]
    """Version of the Pulumi CLI, not older than the one that deploys the stack."""
    timeout_minutes: NotRequired[Annotated[int, Field(default=120, ge=5, le=480)]]
    """Minutes after which the destruction is given up; databases take half an hour."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log of the destruction is kept."""


class TemporaryEnvironmentArgs(TemporaryEnvironmentOptions):
    """Arguments of ``TemporaryEnvironment``."""

    state_bucket_arn: BucketArn
    """The bucket of Pulumi's self-managed state, with the state at its root, in this Region."""
    state_kms_key_arns: NotRequired[Annotated[list[KmsKeyArn], Field(default=[])]]
    """Keys that encrypt the bucket's objects or, as ``awskms`` secrets provider, the stack's secrets."""
    destroy_policy_arns: Annotated[dict[str, _PolicyArn], ShortNames, Field(min_length=1, max_length=9)]
    """Managed policies by a short name of your choice: what may be read and deleted of the stack, such as those of the role that deploys
    it."""
    alarm_topic_arns: Annotated[list[TopicArn], Field(min_length=1, max_length=MOST_ALARM_ACTIONS)]
    """SNS topics to warn, and to notify of how the destruction ended; their policies must let ``events.amazonaws.com`` publish."""
    topic_kms_key_arns: NotRequired[Annotated[list[KmsKeyArn], Field(default=[])]]
    """Customer managed keys of the topics."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def problems(checked: TemporaryEnvironmentArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    stack, name = checked["stack"], checked["stack"].rpartition("/")[2]
    words = {name.lower(), *re.split("[._-]", name.lower())}
    if found := sorted(words & {one.lower() for one in checked["production_names"]}):
        reason = f"is {stack}; a stack of production never expires. Give another stack, or leave {found[0]} out of production_names."
        yield "stack", reason
    if stack == f"organization/{pulumi.get_project()}/{pulumi.get_stack()}":
        yield "stack", f"is {stack}, this very stack: it would delete what destroys it. Put the component into a stack outside of it."
    zones = available_timezones()
    # Without the database of the system there is nothing to compare with.
    if zones and checked["time_zone"] not in zones:
        yield "time_zone", f"is {checked['time_zone']!r}; a name of the IANA database is needed, such as Europe/Berlin."
    try:
        datetime.strptime(checked["expires_at"], _FORMAT)
    except ValueError:
        yield "expires_at", f"is {checked['expires_at']!r}, which is no time. Correct it."


def warned_at(checked: TemporaryEnvironmentArgs) -> str:
    """When the topics are warned, in the time zone."""
    return f"{datetime.strptime(checked['expires_at'], _FORMAT) - timedelta(hours=checked['warning_hours']):{_FORMAT}}"
