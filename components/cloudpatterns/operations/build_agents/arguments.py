"""Arguments of ``BuildAgents``, and the rules over them."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NotRequired, TypedDict, TypeGuard
from zoneinfo import available_timezones

import pulumi
from pydantic import Field

from cloudpatterns.core import (
    Choice,
    Matches,
    Problem,
    Unique,
    WorkloadStatementArgs,
    excludes,
    looks_secret,
    needs,
    one_of,
    statement_problems,
)
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    ImageId,
    ImageParameter,
    InstanceType,
    KmsKeyArn,
    LogRetentionDays,
    QueueArn,
    RootDiskGib,
    SecurityGroupIds,
    ShortNames,
    SubnetIdsByZone,
    Tags,
)

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
GIT = ("GITHUB", "GITLAB", "BITBUCKET")
MOST_AGENTS = 100
RELEASED = "RELEASED"
_EVENTS = ("PUSH", *(f"PULL_REQUEST_{what}" for what in ("CREATED", "UPDATED", "REOPENED", "MERGED")), RELEASED)
# https://docs.aws.amazon.com/codebuild/latest/userguide/bitbucket-webhook.html
_NOT_OF_BITBUCKET = ("PULL_REQUEST_REOPENED", RELEASED)
_SETUP_BYTES = 8192
_Time = Annotated[str, Matches(r"([01]\d|2[0-3]):[0-5]\d", "a time of day such as 08:00")]
_Variable = Matches(r"(?!CODEBUILD_)[A-Za-z_][A-Za-z0-9_]*", "the name of a variable such as STAGE, not with CODEBUILD_ in front")
_SecretArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+",
        "the ARN of a secret such as arn:aws:secretsmanager:eu-west-1:123456789012:secret:npm-AbCdEf",
    ),
]


class BuildSourceArgs(TypedDict):
    """Where a build takes its source from."""

    type: Annotated[str, Choice(*GIT, "CODECOMMIT", "S3", "NO_SOURCE")]
    """Kind of the source. ``NO_SOURCE`` takes what the ``buildspec`` fetches."""
    location: NotRequired[pulumi.Input[str]]
    """URL of the repository, or ``bucket/key`` of an archive; a bucket's objects need ``statements``. Needed with every other type than
    ``NO_SOURCE``."""
    connection_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"arn:[^:]+:(codeconnections|codestar-connections):[^:]+:\d{12}:connection/.+",
                "the ARN of a connection such as arn:aws:codeconnections:eu-west-1:123456789012:connection/1a2b3c4d",
            ),
        ]
    ]
    """A connection to GitHub, GitLab or Bitbucket, which somebody has confirmed in the console. Default: the credentials that the account
    has for that kind of source."""
    branch: NotRequired[Annotated[str, Field(min_length=1)]]
    """Branch, tag or commit of a build that is started without one. Default: the default branch."""
    buildspec: NotRequired[Annotated[str, Field(min_length=1)]]
    """Text of the build specification, or its path in the source. Default: ``buildspec.yml`` in the source."""


class BuildWebhookArgs(TypedDict):
    """Builds that the repository starts. Whoever can start one runs code with the build's role."""

    events: NotRequired[
        Annotated[
            list[
                Annotated[
                    str,
                    Choice(*_EVENTS),
                ]
            ],
            Unique(),
            Field(default=["PUSH"], min_length=1),
        ]
    ]
    """What starts a build."""
    actor_pattern: Annotated[str, Field(min_length=1)]
    """Regular expression over the account ids of those who may start a build, all of an id: ``^(1234567|2345678)$``."""
    branch_pattern: Annotated[str, Field(min_length=1)]
    """Regular expression over the branch: ``^refs/heads/main$``; of a pull request, its own. A release has none: ``actor_pattern`` alone
    decides."""


class BuildArgs(TypedDict):
    """A build that runs on demand in CodeBuild."""

    source: BuildSourceArgs
    """Where the source is."""
    webhook: NotRequired[BuildWebhookArgs]
    """Builds that the repository starts. Default: none; ``start_statements`` lets others start them."""
    image: NotRequired[Annotated[pulumi.Input[str], Field(default="aws/codebuild/amazonlinux-aarch64-standard:3.0")]]
    """Image of CodeBuild, of ECR, which the build may pull then, or of a public registry. A repository of ECR in another account needs a
    policy that lets this one pull."""
    environment_type: NotRequired[
        Annotated[str, Choice("ARM_CONTAINER", "LINUX_CONTAINER", "LINUX_GPU_CONTAINER"), Field(default="ARM_CONTAINER")]
    ]
    """Kind of machine; the image is for it."""
    compute_type: NotRequired[
        Annotated[
            str,
            Matches(r"BUILD_GENERAL1_(SMALL|MEDIUM|LARGE|XLARGE|2XLARGE)", "a size such as BUILD_GENERAL1_SMALL"),
            Field(default="BUILD_GENERAL1_SMALL"),
        ]
    ]
    """Size of the machine."""
    docker: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the build builds images: it is privileged then, root on its host. Let only reviewed code reach it."""
    variables: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={}, max_length=100)]]
    """Variables of the build, without secrets."""
    secrets: NotRequired[Annotated[dict[str, _SecretArn], Field(default={}, max_length=50)]]
    """Variables that the build reads from Secrets Manager, by their names."""
    secret_kms_key_arns: NotRequired[Annotated[list[KmsKeyArn], Field(default=[])]]
    """Customer managed keys of the secrets."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the build may do besides its logs, cache and secrets."""
    timeout_minutes: NotRequired[Annotated[int, Field(default=60, ge=5, le=2160)]]
    """Minutes after which a build is ended."""
    most_concurrent: NotRequired[Annotated[int, Field(ge=1)]]
    """Builds of this project at once; further ones fail at once. Default: as many as the account may have."""
    most_failed: NotRequired[Annotated[int, Field(default=0, ge=0)]]
    """Failed builds within five minutes that alarm nobody."""


class BuildHoursArgs(TypedDict):
    """Hours in which agents wait for jobs, so that none waits for a boot."""

    time_zone: str
    """IANA time zone of the hours, such as ``Europe/Berlin``; summer time is followed."""
    start: NotRequired[Annotated[_Time, Field(default="08:00")]]
    """Time of day at which they start, ``HH:MM``."""
    end: NotRequired[Annotated[_Time, Field(default="19:00")]]
    """Time of day from which they are not kept, ``HH:MM``, on the same day."""
    days: NotRequired[
        Annotated[list[Annotated[str, Choice(*DAYS)]], Field(default=["MON", "TUE", "WED", "THU", "FRI"], min_length=1), Unique()]
    ]
    """Working days."""
    agents: NotRequired[Annotated[int, Field(default=1, ge=1, le=MOST_AGENTS)]]
    """Agents that are kept."""


class BuildGroupArgs(TypedDict):
    """Agents on instances, which take jobs from a queue one at a time."""

    instance_types: Annotated[list[InstanceType], Field(min_length=2, max_length=40), Unique()]
    """Types, two or more of one CPU architecture: Spot takes capacity back by type and zone."""
    job_command: Annotated[str, Field(min_length=1, max_length=2000)]
    """Shell command that runs a job, as the user ``builder`` in an empty folder: it gets the message on standard input, ``JOB_ID`` and
    ``CACHE_URL``. Its exit code is the job's."""
    setup_script: NotRequired[Annotated[str, Field(default="", max_length=_SETUP_BYTES)]]
    """Script of the first boot, as root, without secrets: what ``job_command`` needs, such as ``dnf --assumeyes install git``."""
    max_size: Annotated[int, Field(ge=1, le=MOST_AGENTS)]
    """Most agents."""
    image_parameter: NotRequired[ImageParameter]
    """SSM parameter that names the image, with dnf and systemd. Default: the newest Amazon Linux 2023."""
    image_id: NotRequired[ImageId]
    """A fixed image. Default: ``image_parameter``."""
    root_disk_gib: NotRequired[Annotated[RootDiskGib, Field(default=30)]]
    """Size of the disk."""
    spot_percentage: NotRequired[Annotated[int, Field(default=100, ge=0, le=100)]]
    """Share of Spot instances. A job whose instance is taken back runs again elsewhere."""
    hours: NotRequired[BuildHoursArgs]
    """Working hours, in which some agents wait for jobs. Default: none wait, at no hour."""
    idle_minutes: NotRequired[Annotated[int, Field(default=10, ge=3, le=60)]]
    """Minutes without a job after which all agents end, but those of working hours."""
    job_minutes: NotRequired[Annotated[int, Field(default=60, ge=1, le=690)]]
    """Minutes after which a job is ended, and counts as failed."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What agents and their jobs may do besides."""
    most_failed: NotRequired[Annotated[int, Field(default=0, ge=0)]]
    """Failed jobs within five minutes that alarm nobody."""
    most_waiting_minutes: NotRequired[Annotated[int, Field(default=20, ge=10, le=240)]]
    """Minutes in which jobs may wait without a pause until somebody hears of it."""


class BuildQueueArgs(TypedDict):
    """A queue that somebody else deploys, with its own dead-letter queue."""

    arn: QueueArn
    """ARN of the queue, which is not FIFO: after a job that was lost, its group would wait."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key that encrypts it. Default: none, it is encrypted by SQS itself."""


class BuildAgentsOptions(TypedDict):
    """What a user tunes of ``BuildAgents``."""

    builds: NotRequired[Annotated[dict[str, BuildArgs], ShortNames, Field(default={}, max_length=20)]]
    """Builds of CodeBuild by a short name. Exactly one of ``builds`` and ``agents``."""
    agents: NotRequired[BuildGroupArgs]
    """Agents on instances. Exactly one of ``builds`` and ``agents``."""
    cache_days: NotRequired[Annotated[int, Field(default=30, ge=1, le=365)]]
    """Days that the bucket keeps what is in the cache, and the logs of jobs."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that CloudWatch keeps the logs of ``builds``."""
    most_queued_minutes: NotRequired[Annotated[int, Field(default=10, ge=1, le=480)]]
    """Minutes for which builds may wait for a machine until somebody hears of it."""


class BuildAgentsArgs(BuildAgentsOptions):
    """Arguments of ``BuildAgents``."""

    vpc_id: NotRequired[pulumi.Input[str]]
    """VPC of the agents, and of builds that reach something in it. Default: builds run outside of any VPC."""
    subnet_ids_by_zone: NotRequired[SubnetIdsByZone]
    """Private subnets with a route to the internet or endpoints. Needed with ``vpc_id``."""
    security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups of builds and agents. Default: a new one, from which HTTPS goes out."""
    existing_queue: NotRequired[BuildQueueArgs]
    """A queue of jobs for ``agents``. Default: a new one with a dead-letter queue."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of queue, bucket and logs, whose policy lets CloudWatch Logs use it with ``builds``. Default: a new one."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the access logs of the bucket. Default: a new one."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Permissions boundary of the new roles. Default: none."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of failed and of waiting builds and jobs."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, and of the instances."""


def child_names(checked: BuildAgentsArgs) -> dict[str, int]:
    """Names of children that AWS limits."""
    names = {"bucket-logs-bucket" if checked.get("log_bucket_name") is None else "bucket-bucket": 63}
    if checked["builds"]:
        names[f"{max(checked['builds'], key=len)}-role"] = 64
    return names if checked.get("agents") is None else {**names, "agents-role-role": 64, "jobs-dead-letters": 80, "agents-failed": 64}


def problems(checked: BuildAgentsArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    agents = checked.get("agents")
    yield from one_of(checked, "builds", "agents")
    yield from needs(checked, "vpc_id", "subnet_ids_by_zone")
    yield from needs(checked, "subnet_ids_by_zone", "vpc_id")
    yield from needs(checked, "security_group_ids", "vpc_id")
    for key, build in checked["builds"].items():
        yield from _build_problems(f"builds.{key}", build)
    if agents is None:
        yield from excludes(checked, "existing_queue", "builds", why="it is of agents")
        return
    if checked.get("vpc_id") is None and checked.get("subnet_ids_by_zone") is None:
        yield "vpc_id", "is missing; agents are instances in a VPC. Give it, with subnet_ids_by_zone."
    yield from _agent_problems(agents)
    queue = checked.get("existing_queue")
    if queue is not None and isinstance(queue["arn"], str) and queue["arn"].endswith(".fifo"):
        yield "existing_queue.arn", f"is {queue['arn']}, a FIFO queue, of which a lost job holds up the others. Give a standard one."


def _build_problems(path: str, build: BuildArgs) -> Iterator[Problem]:
    yield from _source_problems(path, build)
    yield from _webhook_problems(f"{path}.webhook", build.get("webhook"))
    for argument, names in (("variables", build["variables"]), ("secrets", build["secrets"])):
        for name in names:
            if not re.fullmatch(_Variable.pattern, name):
                yield f"{path}.{argument}.{name}", f"is no variable; it must be {_Variable.words()}. Rename it."
    for name, value in build["variables"].items():
        if re.fullmatch(_Variable.pattern, name) and looks_secret(name, value):
            yield f"{path}.variables.{name}", "may be a secret, which everybody who may read the project would see. Give it in secrets."
    for name in build["variables"].keys() & build["secrets"].keys():
        yield f"{path}.secrets.{name}", "is in variables too. Remove one of them."
    arm, image = build["environment_type"] == "ARM_CONTAINER", build["image"]
    if is_of_codebuild(image) and arm != ("aarch64" in image):
        yield f"{path}.image", f"is {image}, for other machines than {build['environment_type']}. Give an image for these."
    if build["docker"] and build["environment_type"] == "LINUX_GPU_CONTAINER":
        yield f"{path}.docker", "is True with LINUX_GPU_CONTAINER. Choose LINUX_CONTAINER, or remove it."
    yield from statement_problems(build["statements"], f"{path}.statements")


def _source_problems(path: str, build: BuildArgs) -> Iterator[Problem]:
    source = build["source"]
    kind, location, specification = source["type"], source.get("location"), source.get("buildspec")
    if kind == "NO_SOURCE":
        yield from (
            (f"{path}.source.{name}", "is given with NO_SOURCE, which has none. Remove it.")
            for name in ("location", "branch", "connection_arn")
            if source.get(name) is not None
        )
        if specification is None:
            yield f"{path}.source.buildspec", "is missing; a build without a source needs the text of its specification. Give it."
        elif "phases" not in specification:
            reason = f"is {specification!r}, a path, and a build without a source has no files. Give the text of the specification."
            yield f"{path}.source.buildspec", reason
    elif location is None:
        yield f"{path}.source.location", f"is missing; {kind} needs it. Give it."
    elif isinstance(location, str) and not re.fullmatch(r"[^:/]+/.+" if kind == "S3" else "https://[^@]+", location):
        form = "a bucket and a key, such as sources/shop.zip" if kind == "S3" else "an https URL without credentials"
        yield f"{path}.source.location", f"is {location!r}; {kind} needs {form}. Correct it."
    if kind not in GIT:
        for name, given in (("webhook", build.get("webhook")), ("source.connection_arn", source.get("connection_arn"))):
            if given is not None and not (kind == "NO_SOURCE" and name != "webhook"):
                yield f"{path}.{name}", f"is given with {kind}; {', '.join(GIT)} have one. Remove it."
    if kind == "BITBUCKET" and (webhook := build.get("webhook")) is not None:
        for event in webhook["events"]:
            if event in _NOT_OF_BITBUCKET:
                yield f"{path}.webhook.events", f"has {event}, which BITBUCKET does not send. Remove it."


def _webhook_problems(path: str, webhook: BuildWebhookArgs | None) -> Iterator[Problem]:
    if webhook is None:
        return
    for name, pattern in (("actor_pattern", webhook["actor_pattern"]), ("branch_pattern", webhook["branch_pattern"])):
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"{path}.{name}", f"is {pattern!r}, no regular expression: {error}. Correct it."
            continue
        # CodeBuild looks for the pattern anywhere in the id, and longer ids of strangers have shorter ones in them.
        if name == "actor_pattern" and not re.fullmatch(r"\^(\([^()]*\)|[^|()]*)\$", pattern):
            reason = f"is {pattern!r}, which fits ids that have others in them, too. Write all of an id, such as ^(1234567|2345678)$."
            yield f"{path}.{name}", reason


def _agent_problems(agents: BuildGroupArgs) -> Iterator[Problem]:
    yield from statement_problems(agents["statements"], "agents.statements")
    yield from excludes(agents, "image_id", "image_parameter", path="agents.")
    if agents["setup_script"] and re.search(r"^#!(?!/bin/(ba)?sh|/usr/bin/env bash)", agents["setup_script"]):
        yield "agents.setup_script", "is for another shell than bash, which runs it. Rewrite it."
    hours = agents.get("hours")
    if hours is None:
        return
    zones = available_timezones()
    # Without the database of the system there is nothing to compare with.
    if zones and hours["time_zone"] not in zones:
        reason = f"is {hours['time_zone']!r}; a name of the IANA database is needed, such as Europe/Berlin."
        yield "agents.hours.time_zone", reason
    if hours["end"] <= hours["start"]:
        yield "agents.hours.end", f"is {hours['end']}, not after start ({hours['start']}). Give a later one."
    if hours["agents"] > agents["max_size"]:
        yield "agents.hours.agents", f"is {hours['agents']}, above max_size {agents['max_size']}. Lower it or raise max_size."


def is_of_codebuild(image: pulumi.Input[str]) -> TypeGuard[str]:
    """Whether an image is one that CodeBuild has."""
    return isinstance(image, str) and image.startswith("aws/codebuild/")


def scheduled_actions(hours: BuildHoursArgs | None) -> dict[str, Any]:
    """Changes of the group's minimum at the beginning and the end of working hours."""
    if hours is None:
        return {}
    days = ",".join(day for day in DAYS if day in hours["days"])

    def at(time: str) -> Mapping[str, str]:
        hour, minute = time.split(":")
        return {"recurrence": f"{int(minute)} {int(hour)} * * {days}", "time_zone": hours["time_zone"]}

    return {"begin": {**at(hours["start"]), "min_size": hours["agents"]}, "end": {**at(hours["end"]), "min_size": 0}}
