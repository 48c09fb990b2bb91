"""Arguments of ``JobObserver``, and the rules over them."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.compute import ScaleOut, ScaleOutArgs, ScaleOutOptions
from cloudpatterns.core import (
    ArgumentError,
    ExistingQueue,
    Matches,
    Problem,
    QueueSender,
    WorkloadStatementArgs,
    declared,
    excludes,
    is_given,
    needs,
    one_of,
    pick,
    statement_problems,
)
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, SecurityGroupIds, SubnetIdsByZone, Tags

_MOST_VISIBILITY_SECONDS = 43_200
"""SQS hides a message for twelve hours at most, extensions included."""
_MOST_HEARTBEATS = 100
"""A lifecycle hook holds an instance for a hundred times its timeout, or 48 hours.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html
"""
_OF_NEW_QUEUES = ("kms_key_arn", "max_receive_count", "message_retention_days", "senders", "visibility_timeout_seconds")
_OF_NEW_WORKERS = (
    *("subnet_ids_by_zone", "security_group_ids", "user_data", "statements", "managed_policy_arns"),
    *("disk_kms_key_arn", "interruptible"),
)


class JobObserverOptions(TypedDict):
    """What a user tunes of a ``JobObserver``."""

    job_seconds: Annotated[int, Field(ge=1, le=_MOST_VISIBILITY_SECONDS)]
    """How long a job runs on average."""
    longest_job_seconds: NotRequired[Annotated[int, Field(default=3600, ge=1, le=_MOST_VISIBILITY_SECONDS)]]
    """How long a job may run: SQS hides its message for twelve hours at most."""
    jobs_per_worker: NotRequired[Annotated[int, Field(default=1, ge=1, le=1000)]]
    """Jobs that an instance runs at the same time."""
    most_wait_seconds: NotRequired[Annotated[int, Field(default=300, ge=0, le=86_400)]]
    """How long a job may wait while the group has enough instances; a group that must grow first adds the time for that."""
    heartbeat_seconds: NotRequired[Annotated[int, Field(default=300, ge=30, le=7200)]]
    """How long the group waits for a sign of an instance that finishes its jobs before it terminates it."""
    workers: NotRequired[ScaleOutOptions]
    """The new group. It scales by the backlog alone, so ``scaling.by_cpu`` is False. Exactly one of ``workers`` and
    ``auto_scaling_group_name``."""
    worker_unit: NotRequired[
        Annotated[
            str, Field(default="worker.service"), Matches(r"[A-Za-z0-9@_.-]{1,200}\.service", "a unit of systemd such as worker.service")
        ]
    ]
    """The systemd unit of the worker on new instances. On SIGTERM it finishes its jobs and ends."""
    interruptible: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a job may be ended within two minutes and run again: Spot instances need it."""
    visibility_timeout_seconds: NotRequired[Annotated[int, Field(default=300, ge=30, le=_MOST_VISIBILITY_SECONDS)]]
    """How long a message stays hidden when a worker dies; while a job runs, the worker extends it."""
    max_receive_count: NotRequired[Annotated[int, Field(default=5, ge=2, le=1000)]]
    """Tries of a job, after which it goes to the dead-letter queue; a job that an instance returns, because it is about to go, counts as
    tried."""
    message_retention_days: NotRequired[Annotated[int, Field(default=4, ge=1, le=13)]]
    """Days that a job waits at most."""
    alarm_age_seconds: NotRequired[Annotated[int, Field(ge=60, le=1_209_600)]]
    """Age of the oldest message above which the alarm is raised; a job that runs counts. Default: half an hour above the longest wait and
    the longest job."""


class JobObserverArgs(JobObserverOptions):
    """Arguments of ``JobObserver``."""

    auto_scaling_group_name: NotRequired[pulumi.Input[str]]
    """A group that is there, without policies of its own, which reports ``GroupInServiceInstances``. Its instances run ``job_guard`` (see
    ``job_guard_user_data``). Exactly one of ``workers`` and ``auto_scaling_group_name``."""
    role_name: NotRequired[pulumi.Input[str]]
    """Name of the role of the instances, which gets a policy to receive jobs and to protect the instance. Needed with
    ``auto_scaling_group_name``; else that of a new role."""
    existing_queue: NotRequired[ExistingQueue]
    """A queue that is there. Default: a new one, with its dead-letter queue."""
    senders: NotRequired[Annotated[list[QueueSender], Field(default=[])]]
    """Services of AWS that may send to the new queue, beside roles of the account (``send_statements``)."""
    subnet_ids_by_zone: NotRequired[SubnetIdsByZone]
    """Private subnets of the new instances. Needed with ``workers``."""
    security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups of the new instances. Needed with ``workers``."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script that installs and starts the worker, behind that of ``job_guard``. The queue's URL is in ``$QUEUE_URL``. Default: the image
    has the worker's unit, which starts at boot."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the new instances may do, beside what ``JobObserver`` needs of them."""
    managed_policy_arns: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Managed policies of the new instances' role, by a short name."""
    disk_kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the instances' disks, as ``kms_key_arn`` of ``ScaleOut``. Default: the AWS managed key for EBS."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the new queues. Its policy must admit the services in ``senders``. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of jobs that failed or wait too long, and of instances that do not start; at most four."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def child_names(checked: JobObserverArgs) -> dict[str, int]:
    """Suffixes of children with AWS's limits for their names."""
    queue = {} if checked.get("existing_queue") is not None else {"queue-dead-letters": 80}
    # The role and the profile; and the rule that reports failures of the group.
    workers = {} if checked.get("workers") is None else {"worker-role": 64, "workers-failed": 64}
    return {**queue, **workers, "call-role": 64}


def backlog_target(checked: JobObserverArgs) -> int:
    """Messages for each instance, those that it works on included, with which none waits longer than it may.

    The last of them waits for the whole jobs before it, so there are whole numbers of them.
    """
    return checked["jobs_per_worker"] * (1 + checked["most_wait_seconds"] // checked["job_seconds"])


def alarm_age(checked: JobObserverArgs) -> int:
    """Age of the oldest message that raises the alarm."""
    given = checked.get("alarm_age_seconds")
    return checked["most_wait_seconds"] + checked["longest_job_seconds"] + 1800 if given is None else given


def scale_out(checked: JobObserverArgs, profile_arn: pulumi.Input[str], user_data: pulumi.Input[str] | None) -> ScaleOutArgs:
    """The arguments of the new group."""
    workers = checked["workers"]
    key = {} if checked.get("disk_kms_key_arn") is None else {"kms_key_arn": checked["disk_kms_key_arn"]}
    return {
        **pick(workers, *declared(ScaleOutOptions)),
        **pick(checked, "alarm_topic_arns", "tags"),
        **key,
        "scaling": {**pick(workers["scaling"], *workers["scaling"]), "by_cpu": False},
        # Not Wait: a refresh waits for an hour and then fails, while a worker that is always busy is always protected. Instances that are
        # replaced finish their jobs at the hook. https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html
        "refresh": {**pick(workers["refresh"], *workers["refresh"]), "protected_instances": "Refresh"},
        # Jobs that run when everything is destroyed would hold it up for as long as they take.
        "force_delete": True,
        "subnet_ids_by_zone": checked["subnet_ids_by_zone"],
        "security_group_ids": checked["security_group_ids"],
        "instance_profile_arn": profile_arn,
        **({} if user_data is None else {"user_data": user_data}),
    }


def problems(name: str, checked: JobObserverArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from one_of(checked, "workers", "auto_scaling_group_name")
    yield from needs(checked, "auto_scaling_group_name", "role_name")
    for argument in (*_OF_NEW_WORKERS, "worker_unit"):
        yield from excludes(checked, "auto_scaling_group_name", argument, why="the instances are there already")
    yield from needs(checked, "workers", "subnet_ids_by_zone", "security_group_ids")
    yield from excludes(checked, "workers", "role_name", why="the new instances have a role of their own")
    for argument in _OF_NEW_QUEUES:
        yield from excludes(checked, "existing_queue", argument, why="the queue is there already")
    yield from statement_problems(checked["statements"])
    longest, most = checked["longest_job_seconds"], _MOST_HEARTBEATS * checked["heartbeat_seconds"]
    if longest > most:
        reason = f"is {checked['heartbeat_seconds']}; a hook waits {_MOST_HEARTBEATS} times as long, {most}, and a job may run {longest}."
        yield "heartbeat_seconds", f"{reason} Raise it."
    if checked["job_seconds"] > longest:
        yield "job_seconds", f"is {checked['job_seconds']}, above longest_job_seconds {longest}. Correct one of them."
    if is_given(checked, "workers") and checked.get("subnet_ids_by_zone") is not None and checked.get("security_group_ids") is not None:
        yield from _worker_problems(name, checked)


def _worker_problems(name: str, checked: JobObserverArgs) -> Iterator[Problem]:
    workers = checked["workers"]
    if workers["spot_percentage"] and not checked["interruptible"]:
        reason = f"is {workers['spot_percentage']}; EC2 takes Spot instances back within two minutes, whatever they run."
        yield "workers.spot_percentage", f"{reason} Set it to 0, or interruptible to True where a job may be ended and run again."
    if workers["scaling"]["protect_from_scale_in"]:
        reason = "is True; the group could never shrink. Leave it out: an instance is protected while it runs a job."
        yield "workers.scaling.protect_from_scale_in", reason
    for argument in ("cpu_target_percent", "burst_cpu_percent", "by_cpu", "requests_per_target"):
        if is_given(workers["scaling"], argument):
            yield f"workers.scaling.{argument}", "is given; the group follows the backlog alone. Remove it."
    if is_given(workers["refresh"], "protected_instances"):
        yield "workers.refresh.protected_instances", "is given; a refresh waits for jobs that run. Remove it."
    try:
        ScaleOut.check(f"{name}-workers", scale_out(checked, "arn", None))
    except ArgumentError as error:
        for path, reason in error.problems:
            root = path.split(".")[0]
            yield (f"workers.{path}" if root in declared(ScaleOutOptions) else path), reason
