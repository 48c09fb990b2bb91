"""Arguments of ``ScheduledTask``, and the rules over them."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, NotRequired, TypedDict
from zoneinfo import available_timezones

import pulumi
from pydantic import Field

from cloudpatterns.blocks import function_names
from cloudpatterns.core import (
    Choice,
    ExistingFunction,
    FunctionOptions,
    Matches,
    Problem,
    WorkloadStatementArgs,
    function_problems,
    is_given,
    needs,
    one_of,
    statement_problems,
)
from cloudpatterns.core.vocabulary import AlarmTopicArns, DeletionProtection, KmsKeyArn, QueueArn, SecurityGroupIds, SubnetIdsByZone, Tags

_MOST_SILENCE_HOURS = 7 * 24
"""Seven days, over which an alarm may look: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_Expression = Annotated[
    str,
    Matches(
        rf"rate\([1-9]\d* (minutes?|hours?|days?)\)|at\({_TIME}\)|cron\(\S+ \S+ \S+ \S+ \S+ \S+\)",
        "rate(value unit), at(yyyy-mm-ddThh:mm:ss) or cron with six fields, such as rate(1 hour)",
    ),
]
_Date = Annotated[str, Matches(rf"{_TIME}(\.\d+)?Z", "a time in UTC such as 2027-01-31T00:00:00Z")]
_TARGETS = ("function", "existing_function", "existing_queue", "state_machine_arn", "ecs_task", "api_action")
# Actions that only read are no universal targets: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
_READS = re.compile("get|describe|list|poll|receive|search|scan|query|select|read|view|batchGet|lookup|discover|validate|test")


class ScheduledTaskQueue(TypedDict):
    """A queue to which a message is sent."""

    arn: QueueArn
    """ARN of the queue."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the queue. Default: none, it is encrypted by SQS itself."""
    message_group_id: NotRequired[Annotated[str, Field(min_length=1, max_length=128)]]
    """Group of the message, which a FIFO queue needs, beside content-based deduplication: Scheduler gives no deduplication id, and two
    runs within five minutes with the same ``input_json`` are one message. Default: none, it is a standard queue."""


class ScheduledTaskContainers(TypedDict):
    """A task of ECS that is run, with ``input_json`` as its overrides (``{"containerOverrides": [...]}``)."""

    cluster_arn: pulumi.Input[str]
    """ARN of the cluster."""
    task_definition_arn: pulumi.Input[str]
    """ARN of the task definition, with its revision."""
    role_arns: Annotated[list[pulumi.Input[str]], Field(min_length=1, max_length=2)]
    """The task definition's execution role and task role, which the schedule's role passes to ECS."""
    subnet_ids_by_zone: SubnetIdsByZone
    """Subnets of the task's network interface: private ones, with a path to the image's repository."""
    security_group_ids: SecurityGroupIds
    """Security groups of the task's network interface."""
    launch_type: NotRequired[Annotated[str, Choice("FARGATE", "EC2"), Field(default="FARGATE")]]
    """Where the task runs."""
    task_count: NotRequired[Annotated[int, Field(default=1, ge=1, le=10)]]
    """Tasks that are run at each time."""


class ScheduledTaskAction(TypedDict):
    """An API action of an AWS service that is called with the task's input."""

    service: Annotated[str, Matches("[a-z0-9]+", "the service as the AWS SDK for Java 2 names it, in lower case, such as ecs")]
    """The service: ``ecs``, ``ec2``, ``rds``, ``codebuild``."""
    action: Annotated[str, Matches("[a-z][A-Za-z0-9]+", "the action, beginning in lower case, such as runTask")]
    """The action: ``runTask``, ``startInstances``, ``startBuild``; not one that only reads."""
    statements: Annotated[list[WorkloadStatementArgs], Field(min_length=1)]
    """What the schedule's role may do, with the action itself and, for ``runTask``, ``iam:PassRole`` on the roles of the task."""


class ScheduledTaskOptions(TypedDict):
    """What a user tunes of a ``ScheduledTask``."""

    schedule_expression: _Expression
    """When: ``cron(0 6 ? * MON-FRI *)``, ``rate(15 minutes)`` or, once, ``at(2027-01-31T06:00:00)``, in ``time_zone``."""
    time_zone: NotRequired[Annotated[str, Field(default="Etc/UTC")]]
    """A name of the IANA database; summer time is followed."""
    flexible_window_minutes: NotRequired[Annotated[int, Field(default=0, ge=0, le=1440)]]
    """Minutes after each time within which the task begins, so that many tasks do not begin at once; 0 for the time itself."""
    start_date: NotRequired[_Date]
    """When the schedule begins, in UTC; not with ``at``. AWS refuses to create a schedule with one that passed more than five minutes ago.
    Default: at once."""
    end_date: NotRequired[_Date]
    """When the schedule ends, in UTC; not with ``at``. Default: never."""
    enabled: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the schedule starts the task."""
    function: NotRequired[FunctionOptions]
    """The function to invoke. Exactly one of the targets."""
    input_json: NotRequired[pulumi.Input[str]]
    """What the target gets, as JSON; the parameters of an API action have the API's own names. Default: the time of the schedule, an id
    of the run and the number of the attempt, as ``scheduled_time``, ``execution_id`` and ``attempt``; nothing for ``ecs_task``."""
    maximum_retry_attempts: NotRequired[Annotated[int, Field(default=10, ge=0, le=185)]]
    """Retries when the target cannot be reached. A function that fails is invoked again by Lambda, twice at most."""
    maximum_event_age_seconds: NotRequired[Annotated[int, Field(default=3600, ge=60, le=21_600)]]
    """Age after which a run is given up, and for functions, after which Lambda invokes no more."""
    idempotency: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether there is a table for Powertools' idempotency, named in the function's environment variable ``IDEMPOTENCY_TABLE``: Scheduler
    starts a task more than once now and then."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the idempotency table."""
    alarm_silence_hours: NotRequired[Annotated[int, Field(ge=1, le=_MOST_SILENCE_HOURS)]]
    """Hours without a run after which an alarm is raised, at least one more than between two runs: 26 for a daily task. It is raised from
    the creation to the first run as well. Default: no such alarm."""


class ScheduledTaskArgs(ScheduledTaskOptions):
    """Arguments of ``ScheduledTask``."""

    existing_function: NotRequired[ExistingFunction]
    """A function that is there; what becomes of runs in which it fails is its own configuration. Exactly one of the targets."""
    existing_queue: NotRequired[ScheduledTaskQueue]
    """A queue to which a message is sent. Exactly one of the targets."""
    state_machine_arn: NotRequired[pulumi.Input[str]]
    """A state machine of which an execution is started. Exactly one of the targets."""
    state_machine_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of ``state_machine_arn``, such as ``kms_key_arn`` of a ``Workflow``: who starts an execution uses it. Default:
    the state machine has none."""
    ecs_task: NotRequired[ScheduledTaskContainers]
    """A task of ECS that is run; whether it succeeds is ECS's to report. Exactly one of the targets."""
    api_action: NotRequired[ScheduledTaskAction]
    """An API action of an AWS service, such as ``startBuild`` of CodeBuild. Exactly one of the targets; needs ``input_json``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the schedule, the dead-letter queue, the table, the logs and the environment. Its policy must admit
    CloudWatch Logs, and let the account's roles use it. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of runs that failed and of a failing function."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def child_names(checked: ScheduledTaskArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    return {"schedule": 64, "group": 64, "role": 64, "dead-letters": 80, **function_names(checked.get("function"), "function")}


def problems(checked: ScheduledTaskArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from one_of(checked, *_TARGETS)
    yield from needs(checked, "state_machine_kms_key_arn", "state_machine_arn")
    if function := checked.get("function"):
        yield from function_problems(function)
    if action := checked.get("api_action"):
        yield from _action_problems(checked, action)
    yield from _time_problems(checked)
    yield from _queue_problems(checked)
    given = checked.get("input_json")
    if isinstance(given, str):
        try:
            json.loads(given)
        except ValueError as error:
            yield "input_json", f"is no JSON: {error}. Write it with json.dumps."


def _action_problems(checked: ScheduledTaskArgs, action: ScheduledTaskAction) -> Iterator[Problem]:
    if _READS.match(action["action"]):
        reason = f"is {action['action']!r}; Scheduler calls no action that only reads. Name one that changes something, or use a function."
        yield "api_action.action", reason
    if checked.get("input_json") is None:
        yield "input_json", "is missing; api_action needs it: the parameters of the action as JSON, at least {}."
    yield from statement_problems(action["statements"], "api_action.statements")


def _time_problems(checked: ScheduledTaskArgs) -> Iterator[Problem]:
    zones = available_timezones()
    # Without the database of the system there is nothing to compare with.
    if zones and checked["time_zone"] not in zones:
        yield "time_zone", f"is {checked['time_zone']!r}; a name of the IANA database is needed, such as Europe/Berlin."
    expression, start, end = checked["schedule_expression"], checked.get("start_date"), checked.get("end_date")
    if expression.startswith("at("):
        for name in ("start_date", "end_date"):
            if is_given(checked, name):
                yield name, "is given with at(...), which runs once: AWS ignores it. Leave it out."
        if checked.get("alarm_silence_hours") is not None:
            yield "alarm_silence_hours", "is given with at(...), which runs once. Leave it out."
    if expression.startswith("cron("):
        _, _, day_of_month, _, day_of_week, _ = expression.removeprefix("cron(").removesuffix(")").split(" ")
        if (day_of_month == "?") == (day_of_week == "?"):
            reason = f"is {expression!r}; exactly one of day of month (third) and day of week (fifth) is ?. Write cron(0 6 ? * MON *)."
            yield "schedule_expression", reason
    if start is not None and end is not None and datetime.fromisoformat(start) >= datetime.fromisoformat(end):
        yield "end_date", f"is {end}, not after start_date ({start}). Give a later one."


def _queue_problems(checked: ScheduledTaskArgs) -> Iterator[Problem]:
    queue = checked.get("existing_queue")
    if queue is None or not isinstance(queue["arn"], str):
        return
    if queue["arn"].endswith(".fifo") and queue.get("message_group_id") is None:
        yield "existing_queue.message_group_id", "is missing; a FIFO queue needs it. Give the group of the message."
