"""Arguments of ``DistributedProcessing``, and the rules over them."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks import FargateSize, fargate_problems
from cloudpatterns.blocks.fargate import ContainerImage
from cloudpatterns.blocks.security_group import group_name_problems
from cloudpatterns.core import (
    Choice,
    Keys,
    Matches,
    Problem,
    Unique,
    WorkloadStatementArgs,
    is_given,
    looks_secret,
    needs,
    one_of,
    statement_problems,
    unknown,
)
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    BucketArn,
    Cidr,
    KmsKeyArn,
    LogRetentionDays,
    SecurityGroupIds,
    ShortNames,
    SubnetIdsByZones,
    Tags,
)

_MOST_TIMEOUT_SECONDS = 14 * 86_400
"""AWS retires Fargate's tasks for patches: https://docs.aws.amazon.com/batch/latest/userguide/fargate.html"""
_MOST_FARGATE_SUBNETS = 16
_NAMES = Keys("[A-Za-z_][A-Za-z0-9_]*", "letters, digits and _, no digit first")
_STORES = ("INPUT_BUCKET", "INPUT_PREFIX", "OUTPUT_BUCKET", "OUTPUT_PREFIX")
"""The variables that tell a job where its data is."""
_Prefix = Annotated[str, Field(default=""), Matches("([^/*?]+/)*", "a prefix that ends with a slash such as raw/")]
_SecretReference = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:(secretsmanager:[^:]*:[^:]*:secret:[^:]+(:[^:]*){0,3}|ssm:[^:]*:[^:]*:parameter/.+)",
        "the ARN of a secret or parameter such as arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-a1b2c3",
    ),
]
_Share = Keys(r"[A-Za-z0-9_-]{1,254}\*?", "letters, digits, _ and -, with * at the end for all that begin so")


class ProcessingBucket(TypedDict):
    """A bucket that is there, and which is not changed."""

    arn: BucketArn
    """ARN of the bucket."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of its objects, which the job role may then use. Default: none."""


class ProcessingJob(FargateSize):
    """A job definition of AWS Batch: one container on Fargate."""

    image: ContainerImage
    """The image, by its digest or by a tag. Jobs may pull it from a repository of Amazon ECR."""
    command: NotRequired[Annotated[list[str], Field(default=[])]]
    """Replaces the command of the image; ``Ref::name`` stands for a parameter. Without any, the image's own runs."""
    parameters: NotRequired[Annotated[dict[str, str], Field(default={})]]
    """Default values of the parameters in ``command``."""
    environment: NotRequired[Annotated[dict[str, pulumi.Input[str]], _NAMES, Field(default={})]]
    """Environment variables beside ``INPUT_BUCKET`` and ``OUTPUT_BUCKET``, ``INPUT_PREFIX`` and ``OUTPUT_PREFIX`` where there is a prefix,
    and those of Batch, which drops variables without a value. No secrets: anyone who may describe the job can read them. Use
    ``secrets``."""
    secrets: NotRequired[Annotated[dict[str, _SecretReference], _NAMES, Field(default={})]]
    """Environment variables whose values are read when the job starts: variable to ARN of a secret of Secrets Manager, also with
    ``:key::`` for a key of its JSON, or of a parameter of Systems Manager."""
    user: NotRequired[Annotated[str, Matches(r"[\w.-]+(:[\w.-]+)?", "a user, or user:group, such as 1000:1000")]]
    """Who runs the command. Default: the image's own, which should not be root."""
    writable_paths: NotRequired[
        Annotated[list[Annotated[str, Matches("(/[A-Za-z0-9._-]+)+", "an absolute path such as /tmp")]], Unique(), Field(default=["/tmp"])]
    ]
    """Folders on the task's disk that the job may write to; the rest is read-only. They belong to root, unless the image has them as a
    ``VOLUME`` of another owner."""
    attempts: NotRequired[Annotated[int, Field(default=5, ge=1, le=10)]]
    """Tries of a job whose worker is lost, the first included."""
    retry_exit_codes: NotRequired[Annotated[list[Annotated[int, Field(ge=1, le=255)]], Unique(), Field(default=[], max_length=2)]]
    """Exit codes with which the job asks for another try. Any other error of the application ends it: it would fail again."""
    timeout_seconds: NotRequired[Annotated[int, Field(default=3600, ge=60, le=_MOST_TIMEOUT_SECONDS)]]
    """Longest attempt, of an array job that of each child."""
    scheduling_priority: NotRequired[Annotated[int, Field(ge=0, le=9999)]]
    """Higher ones first within a share of ``fair_share``. Default: none."""


class ProcessingSpark(TypedDict):
    """An application of EMR Serverless. It starts with the first job and stops when it is idle."""

    kind: NotRequired[Annotated[str, Choice("spark", "hive"), Field(default="spark")]]
    """What the jobs are written for."""
    release_label: NotRequired[Annotated[str, Matches(r"emr-7\.\d+\.\d+", "a release such as emr-7.10.0"), Field(default="emr-7.10.0")]]
    """Release of EMR."""
    architecture: NotRequired[Annotated[str, Choice("arm64", "x86_64"), Field(default="arm64")]]
    """Instruction set of the workers."""
    maximum_vcpus: NotRequired[Annotated[int, Field(default=64, ge=1, le=4000)]]
    """CPU of all workers at most, and so the cost of an hour."""
    maximum_memory_gib: NotRequired[Annotated[int, Field(default=256, ge=1, le=30_000)]]
    """Memory of all workers at most."""
    maximum_disk_gib: NotRequired[Annotated[int, Field(default=2000, ge=20, le=2_000_000)]]
    """Disk of all workers at most, 20 GiB for each at least."""
    idle_minutes: NotRequired[Annotated[int, Field(default=5, ge=1, le=10_080)]]
    """Minutes without a job after which the application stops."""
    maximum_concurrent_runs: NotRequired[Annotated[int, Field(default=15, ge=1, le=1000)]]
    """Jobs that run at once; further ones wait."""
    queue_timeout_minutes: NotRequired[Annotated[int, Field(default=360, ge=15, le=720)]]
    """Minutes that a job waits before it is given up."""


class ProcessingFairShare(TypedDict):
    """How the queue is shared by those who submit. Each job then needs a share identifier."""

    weights: NotRequired[Annotated[dict[str, Annotated[float, Field(ge=0.0001, le=999.9999)]], _Share, Field(default={}, max_length=500)]]
    """Weights by share identifier; half the weight is twice the capacity. Others have the weight 1."""
    decay_seconds: NotRequired[Annotated[int, Field(default=3600, ge=600, le=604_800)]]
    """How far back use counts against a share."""
    reservation_percent: NotRequired[Annotated[int, Field(default=0, ge=0, le=99)]]
    """Capacity that is kept for shares without a job."""


class ProcessingSchedule(TypedDict):
    """A job that is submitted at times."""

    job: str
    """Name of one of ``jobs``."""
    schedule_expression: Annotated[
        str, Matches(r"(rate|cron|at)\([^()]+\)", "rate(value unit), at(yyyy-mm-ddThh:mm:ss) or cron with six fields, such as rate(1 day)")
    ]
    """When: ``cron(0 2 * * ? *)``, ``rate(1 day)``, in ``time_zone``."""
    time_zone: NotRequired[Annotated[str, Field(default="Etc/UTC")]]
    """A name of the IANA database; summer time is followed."""
    array_size: NotRequired[Annotated[int, Field(ge=2, le=10_000)]]
    """Children of an array job; each finds its number in ``AWS_BATCH_JOB_ARRAY_INDEX``. Default: a single job."""
    parameters: NotRequired[Annotated[dict[str, str], Field(default={})]]
    """Values of the parameters in the job's ``command``."""
    share_identifier: NotRequired[Annotated[str, Matches("[A-Za-z0-9_-]{1,255}", "a share such as reports")]]
    """Share of the job, which ``fair_share`` needs. Default: none."""


class DistributedProcessingOptions(TypedDict):
    """What a user tunes of a ``DistributedProcessing``."""

    jobs: NotRequired[Annotated[dict[str, ProcessingJob], ShortNames, Field(default={})]]
    """Job definitions of AWS Batch by name. Exactly one of ``jobs`` and ``spark``."""
    spark: NotRequired[ProcessingSpark]
    """An application of EMR Serverless, to which jobs of Spark or Hive are submitted. Exactly one of ``jobs`` and ``spark``."""
    spot: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether Batch uses Fargate Spot, up to ``max_vcpus``, before Fargate."""
    max_vcpus: NotRequired[Annotated[int, Field(default=64, ge=1, le=100_000)]]
    """CPU that jobs have at once at most, on Fargate Spot; without ``spot`` on Fargate."""
    on_demand_max_vcpus: NotRequired[Annotated[int, Field(default=16, ge=1, le=100_000)]]
    """CPU on Fargate at most, which takes jobs that Fargate Spot does not; with ``spot`` only."""
    fair_share: NotRequired[ProcessingFairShare]
    """How the job queue is shared. Giving or removing it replaces the queue, and with it the jobs that wait there. Default: first in,
    first out."""
    schedules: NotRequired[Annotated[dict[str, ProcessingSchedule], ShortNames, Field(default={})]]
    """Jobs that are submitted at times, by name of the schedule."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the jobs may do beside reading the input and adding to the output."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """A managed policy that none of the new roles can exceed. Default: no boundary."""
    input_prefix: NotRequired[_Prefix]
    """Where the jobs may read in the input bucket: ``raw/``; empty for everywhere."""
    output_prefix: NotRequired[_Prefix]
    """Where the jobs may write in the output bucket; empty for everywhere."""
    output_retention_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days after which objects of a new output bucket are deleted, what lost attempts left included. Default: they stay."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroying the stack deletes the data in new buckets as well; otherwise a bucket with objects cannot be destroyed."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log group keeps what the jobs print."""


class DistributedProcessingArgs(DistributedProcessingOptions):
    """Arguments of ``DistributedProcessing``."""

    subnet_ids_by_zone: SubnetIdsByZones
    """Private subnets of the workers."""
    vpc_id: NotRequired[pulumi.Input[str]]
    """The VPC, for a new security group without ingress. Exactly one of ``vpc_id`` and ``security_group_ids``."""
    security_group_ids: NotRequired[SecurityGroupIds]
    """Existing security groups of the workers. Exactly one of ``vpc_id`` and ``security_group_ids``."""
    endpoint_cidr: NotRequired[Cidr]
    """Network of the VPC's interface endpoints (ECR, CloudWatch Logs), which the new group may reach on port 443. Default: no
    endpoints."""
    s3_prefix_list_id: NotRequired[pulumi.Input[str]]
    """Prefix list of S3, which the new group may reach on port 443. Default: S3 is reached as the internet is."""
    internet_egress: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the new group may open HTTPS connections to the internet, through a NAT."""
    existing_input_bucket: NotRequired[ProcessingBucket]
    """A bucket with the input. Default: a new one."""
    existing_output_bucket: NotRequired[ProcessingBucket]
    """A bucket for the output. Default: a new one."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """The bucket for the server access logs of new buckets. Default: a new log target."""
    secret_kms_key_arns: NotRequired[Annotated[list[KmsKeyArn], Field(default=[])]]
    """Customer managed keys of the ``secrets`` of jobs, which the execution role may then use."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of new buckets and of the logs. Its policy must admit CloudWatch Logs. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of failed jobs, of a blocked queue and of schedules that do not submit. Their policies must let
    ``events.amazonaws.com`` publish."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, and of the tasks."""


def child_names(checked: DistributedProcessingArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    jobs = {f"job-{job}": 128 for job in checked["jobs"]}
    schedules = {f"schedule-{schedule}": 64 for schedule in checked["schedules"]}
    return {"execution-role": 64, **jobs, **schedules}


def problems(name: str, checked: DistributedProcessingArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from one_of(checked, "jobs", "spark")
    if checked["jobs"] and not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", name):
        reason = "it begins names of Batch: letters, digits, hyphens and underscores, a letter or digit first"
        yield "name", f"is {name!r}; {reason}. Rename the component."
    yield from _network_problems(name, checked)
    if checked.get("spark") is not None:
        for other in ("spot", "max_vcpus", "on_demand_max_vcpus", "fair_share", "schedules", "secret_kms_key_arns"):
            if is_given(checked, other):
                yield other, "is for jobs of AWS Batch; spark has settings of its own. Remove it."
    if not checked["spot"] and is_given(checked, "on_demand_max_vcpus"):
        yield "on_demand_max_vcpus", "is given without spot, where max_vcpus is that of Fargate. Leave it out."
    for job, options in checked["jobs"].items():
        yield from _job_problems(f"jobs.{job}.", options, checked)
    for schedule, options in checked["schedules"].items():
        yield from _schedule_problems(f"schedules.{schedule}.", options, checked)
    yield from _share_problems(checked)
    if is_given(checked, "existing_output_bucket") and is_given(checked, "output_retention_days"):
        yield "output_retention_days", "is given with existing_output_bucket, which is not changed. Leave one of them out."
    yield from statement_problems(checked["statements"])


def _network_problems(name: str, checked: DistributedProcessingArgs) -> Iterator[Problem]:
    yield from one_of(checked, "vpc_id", "security_group_ids")
    for other in ("endpoint_cidr", "s3_prefix_list_id", "internet_egress"):
        yield from needs(checked, other, "vpc_id", why="it is egress of the new group")
    if checked.get("vpc_id") is not None:
        yield from group_name_problems(name)
        if not checked["internet_egress"]:
            for other, what in (("endpoint_cidr", "images and logs"), ("s3_prefix_list_id", "data and the layers of images")):
                if not is_given(checked, other):
                    yield other, f"is missing; without it the workers reach no {what}. Give it, or set internet_egress to True."
    if (subnets := len(checked["subnet_ids_by_zone"].keys())) > _MOST_FARGATE_SUBNETS:
        yield "subnet_ids_by_zone", f"has {subnets} subnets; Batch takes {_MOST_FARGATE_SUBNETS} on Fargate. Leave some out."


def _job_problems(path: str, job: ProcessingJob, checked: DistributedProcessingArgs) -> Iterator[Problem]:
    yield from fargate_problems(job, path)
    for variable, value in job["environment"].items():
        if variable.startswith("AWS_BATCH") or variable in _STORES:
            yield f"{path}environment.{variable}", "is set by Batch or by the component. Choose another name."
        elif value == "":
            yield f"{path}environment.{variable}", "has no value; Batch drops such variables. Remove it."
        elif looks_secret(variable, value):
            # Never the value.
            yield f"{path}environment.{variable}", "looks like a secret; anyone who describes the job can read it. Move it to secrets."
    for variable in job["secrets"].keys() & job["environment"].keys():
        yield f"{path}secrets.{variable}", "is in environment as well. Remove one of them."
    if job.get("scheduling_priority") is not None and checked.get("fair_share") is None:
        yield f"{path}scheduling_priority", "is given without fair_share; a queue without it is first in, first out. Leave it out."
    for parameter in _references(job["command"]) - job["parameters"].keys():
        yield f"{path}parameters", f"has no {parameter}, which command refers to. Give a default value."
    most = checked["max_vcpus"]
    if job["cpu_units"] > most * 1024:
        yield f"{path}cpu_units", f"is {job['cpu_units']}, more than max_vcpus ({most}): the job would wait for ever. Raise max_vcpus."


def _references(command: list[str]) -> set[str]:
    return {word.removeprefix("Ref::") for word in command if word.startswith("Ref::")}


def _schedule_problems(path: str, schedule: ProcessingSchedule, checked: DistributedProcessingArgs) -> Iterator[Problem]:
    job: Mapping[str, ProcessingJob] = checked["jobs"]
    if schedule["job"] not in job:
        yield f"{path}job", unknown(schedule["job"], "a job", job)
    share = schedule.get("share_identifier")
    if checked.get("fair_share") is not None and share is None:
        yield f"{path}share_identifier", "is missing; fair_share needs it of each job. Give it."
    if checked.get("fair_share") is None and share is not None:
        yield f"{path}share_identifier", "is given without fair_share, whose queue alone has shares. Leave it out."


def _share_problems(checked: DistributedProcessingArgs) -> Iterator[Problem]:
    fair_share = checked.get("fair_share")
    weights = [*fair_share["weights"]] if fair_share else []
    for wide in (share for share in weights if share.endswith("*")):
        for other in weights:
            if other != wide and other.startswith(wide.removesuffix("*")):
                yield f"fair_share.weights.{other}", f"is also one of {wide}; AWS takes each share once. Remove one of them."
