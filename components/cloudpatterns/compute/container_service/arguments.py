"""The arguments of ``ContainerService``: what a user tunes, in groups, and where the tasks stand."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks import FargateSize
from cloudpatterns.core import Choice, Keys, Matches, Unique, WorkloadStatementArgs
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    KmsKeyArn,
    LogRetentionDays,
    Port,
    SecurityGroupIds,
    ShortNames,
    SubnetIdsByZones,
    Tags,
)

STRATEGIES = ("ROLLING", "BLUE_GREEN", "CANARY", "LINEAR")
_MOST_BAKE_MINUTES = 1440

_Environment = Annotated[
    dict[str, pulumi.Input[str]], Keys("[A-Za-z_][A-Za-z0-9_]*", "letters, digits and _, no digit first"), Field(default={})
]
_BakeMinutes = Annotated[int, Field(default=5, ge=0, le=_MOST_BAKE_MINUTES)]
_UtcTime = Annotated[str, Matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "a time in UTC such as 2027-01-31T18:00:00Z")]
_SecretArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:[^:]+",
        "the ARN of a secret, without a key behind it, such as arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-a1b2c3",
    ),
]
_Image = Annotated[
    pulumi.Input[str],
    # A port in the registry's name is no tag; latest is one that changes.
    Matches(
        r"[^\s@]+(@sha256:[0-9a-f]{64}|:(?!latest$)[\w][\w.-]{0,127})",
        "an image by its digest or by a tag other than latest, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:2027.1",
    ),
]


class ContainerServiceSecret(TypedDict):
    """A secret by reference: ECS reads it when a container starts, and a new value needs a new deployment."""

    secret_arn: NotRequired[_SecretArn]
    """A secret of Secrets Manager. Exactly one of ``secret_arn`` and ``parameter_arn``."""
    parameter_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"arn:[^:]+:ssm:[^:]*:[^:]*:parameter/.+",
                "the ARN of a parameter such as arn:aws:ssm:eu-west-1:123456789012:parameter/shop",
            ),
        ]
    ]
    """A parameter of Systems Manager. Exactly one of ``secret_arn`` and ``parameter_arn``."""
    json_key: NotRequired[Annotated[str, Matches(r"[^:\s]+", "a key in the secret's JSON such as password")]]
    """The key in the JSON of ``secret_arn``. Default: the whole secret."""
    version_stage: NotRequired[Annotated[str, Matches(r"[^:\s]+", "a staging label such as AWSCURRENT")]]
    """Staging label of ``secret_arn``. Default: the newest version, AWSCURRENT."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key that encrypts it, which ECS may then use. Default: none, an AWS managed key."""


class ContainerServiceRegistry(TypedDict):
    """Credentials of a private registry outside Amazon ECR."""

    secret_arn: _SecretArn
    """A secret with the JSON keys ``username`` and ``password``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key that encrypts the secret. Default: none, the AWS managed key."""


class ContainerServiceHealthCheck(TypedDict):
    """A command in the container that says whether it works; ECS replaces the task when it fails."""

    command: Annotated[list[str], Field(min_length=2)]
    """``["CMD", ...]``, or ``["CMD-SHELL", "curl -f http://localhost:8080/ || exit 1"]``; the image has the program."""
    interval_seconds: NotRequired[Annotated[int, Field(default=30, ge=5, le=300)]]
    """Seconds between two checks."""
    timeout_seconds: NotRequired[Annotated[int, Field(default=5, ge=2, le=60)]]
    """Seconds after which a check has failed."""
    retries: NotRequired[Annotated[int, Field(default=3, ge=1, le=10)]]
    """Consecutive failures after which the container is unhealthy."""
    start_period_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=300)]]
    """Seconds after the start in which failures do not count."""


class ContainerServiceMount(TypedDict):
    """A volume of the task at a path of a container."""

    volume: str
    """Name of one of ``volumes``."""
    read_only: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the container may not write there."""


class ContainerServiceContainer(TypedDict):
    """What a container of the task is, the main one or a sidecar. Its root file system is read-only."""

    image: _Image
    """The image, by its digest or by a tag. A tag that is overwritten starts other code at the next scaling: make tags immutable in the
    repository. Its architecture is ``architecture``. The tasks may pull it from a repository of Amazon ECR."""
    registry_credentials: NotRequired[ContainerServiceRegistry]
    """Credentials of a private registry. Default: none, for Amazon ECR and public registries."""
    entry_point: NotRequired[Annotated[list[str], Field(min_length=1)]]
    """Replaces the entry point of the image. Default: the image's own."""
    command: NotRequired[Annotated[list[str], Field(min_length=1)]]
    """Replaces the command of the image. Default: the image's own."""
    working_directory: NotRequired[Annotated[str, Matches("/.*", "a path such as /app")]]
    """Where the command runs. Default: the image's own."""
    user: NotRequired[Annotated[str, Matches(r"[\w.-]+(:[\w.-]+)?", "a user, or user:group, such as 1000:1000")]]
    """Who runs the command. Default: the image's own, which should not be root."""
    environment: NotRequired[_Environment]
    """Environment variables. No secrets: anyone who may describe the task definition can read them. Use ``secrets``."""
    secrets: NotRequired[
        Annotated[
            dict[str, ContainerServiceSecret], Keys("[A-Za-z_][A-Za-z0-9_]*", "letters, digits and _, no digit first"), Field(default={})
        ]
    ]
    """Environment variables whose values are read from Secrets Manager or Systems Manager, by the variable's name."""
    health_check: NotRequired[ContainerServiceHealthCheck]
    """A command that checks the container. Default: none; a load balancer has its own."""
    mounts: NotRequired[Annotated[dict[str, ContainerServiceMount], Keys("/[^:]*", "an absolute path such as /tmp"), Field(default={})]]
    """Volumes by the path in the container, such as ``{"/tmp": {"volume": "scratch"}}``. The path of a new volume belongs to root, unless
    the image has it as a ``VOLUME`` of another owner."""
    stop_timeout_seconds: NotRequired[Annotated[int, Field(default=30, ge=2, le=120)]]
    """Seconds from SIGTERM to SIGKILL when the task stops: time to finish what runs."""
    starts_after: NotRequired[Annotated[dict[str, Annotated[str, Choice("START", "COMPLETE", "SUCCESS", "HEALTHY")]], Field(default={})]]
    """Containers that come first, by name, and what they must have reached: ``HEALTHY`` by their health check; ``COMPLETE`` or ``SUCCESS``
    (it exited, with 0) where they are not essential. Others start at once."""


class ContainerServiceSidecar(ContainerServiceContainer):
    """A container beside the main one: it shares the task's network, life, CPU and memory."""

    port: NotRequired[Port]
    """Port on which it listens. Default: none."""
    essential: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the task stops when it exits."""
    cpu_units: NotRequired[Annotated[int, Field(ge=1, le=16_384)]]
    """Share of the task's CPU that it gets when others want it as well. Default: what they leave."""
    memory_mib: NotRequired[Annotated[int, Field(ge=6)]]
    """Memory above which it is killed, less than the task's. Default: the task's."""


class ContainerServiceFileSystem(TypedDict):
    """An EFS file system through an access point, encrypted in transit, with the task's role as the user of EFS."""

    file_system_arn: Annotated[
        pulumi.Input[str],
        Matches(
            r"arn:[^:]+:elasticfilesystem:[^:]*:[^:]*:file-system/fs-[0-9a-f]+",
            "the ARN of a file system such as arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0123456789abcdef0",
        ),
    ]
    """The file system. It needs a mount target in each zone, whose security group admits the tasks on port 2049."""
    access_point_arn: Annotated[
        pulumi.Input[str],
        Matches(
            r"arn:[^:]+:elasticfilesystem:[^:]*:[^:]*:access-point/fsap-[0-9a-f]+",
            "the ARN of an access point such as arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0",
        ),
    ]
    """The access point: it fixes folder, user and group."""


class ContainerServiceVolume(TypedDict):
    """A volume of each task. Without ``file_system`` it is part of the task's ephemeral storage and gone with the task."""

    file_system: NotRequired[ContainerServiceFileSystem]
    """A file system that stays. Default: ephemeral storage."""


class ContainerServiceBacklog(TypedDict):
    """Scaling by the messages that wait in queues, for a service that works them off."""

    queue_names: Annotated[list[pulumi.Input[str]], Field(min_length=1, max_length=4), Unique()]
    """Names of the queues, whose messages count together."""
    messages_per_task: Annotated[int, Field(ge=1, le=1_000_000)]
    """Messages, waiting or in work, that each task may have: how many it handles in the time that a message may wait."""


class ContainerServiceScheduledAction(TypedDict):
    """A change of the limits of scaling at a time; a limit that is left out stays as it is."""

    schedule: Annotated[
        str,
        Matches(
            r"(cron\([^()]+\)|at\([^()]+\)|rate\([^()]+\))", "an expression of Application Auto Scaling such as cron(0 7 ? * MON-FRI *)"
        ),
    ]
    """When it happens, in ``time_zone``."""
    time_zone: NotRequired[Annotated[str, Field(default="Etc/UTC")]]
    """IANA time zone; daylight saving applies."""
    start_time: NotRequired[_UtcTime]
    """First time. Default: at once."""
    end_time: NotRequired[_UtcTime]
    """End of the recurrence. Default: it does not end."""
    min_tasks: NotRequired[Annotated[int, Field(ge=0)]]
    """New minimum. Default: unchanged."""
    max_tasks: NotRequired[Annotated[int, Field(ge=0)]]
    """New maximum. Default: unchanged."""


class ContainerServiceScaling(TypedDict):
    """When the number of tasks grows and shrinks, between ``min_tasks`` and ``max_tasks``; of several targets the one that needs the most
    tasks counts.
    """

    by_cpu: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the CPU scales the service. False where something else does, such as a backlog."""
    cpu_target_percent: NotRequired[Annotated[int, Field(default=50, ge=10, le=90)]]
    """Average CPU that target tracking holds."""
    memory_target_percent: NotRequired[Annotated[int, Field(ge=10, le=90)]]
    """Average memory that target tracking holds; only for programs that give memory back. Default: not tracked."""
    requests_per_target: NotRequired[Annotated[int, Field(ge=1)]]
    """Requests per minute and task that target tracking holds. Needs one target group and both suffixes; with ``ROLLING`` only. Default:
    not tracked."""
    backlog: NotRequired[ContainerServiceBacklog]
    """Messages per task that target tracking holds, from no task on where ``min_tasks`` is 0. Default: not tracked."""
    scale_out_cooldown_seconds: NotRequired[Annotated[int, Field(default=60, ge=0, le=3600)]]
    """Seconds until the next growth."""
    scale_in_cooldown_seconds: NotRequired[Annotated[int, Field(default=300, ge=0, le=3600)]]
    """Seconds until the next shrinking."""
    scheduled_actions: NotRequired[Annotated[dict[str, ContainerServiceScheduledAction], ShortNames, Field(default={})]]
    """Changes of the limits by name. Where one sets a limit, deployments leave that limit alone."""


class ContainerServiceDeployment(TypedDict):
    """How new tasks replace old ones; in each strategy the old ones stay until the new ones are healthy."""

    strategy: NotRequired[Annotated[str, Choice(*STRATEGIES), Field(default="ROLLING")]]
    """``ROLLING`` (in batches; the circuit breaker rolls back when tasks do not start or stay healthy), ``BLUE_GREEN`` (all new tasks
    beside the old ones, then all traffic at once), ``CANARY`` (a share of the traffic first, then the rest), ``LINEAR`` (equal steps).
    All but ``ROLLING`` need a target group, an alternate one, a listener rule and alarms, which roll back. With ``CANARY`` and ``LINEAR``
    ECS has no circuit breaker: new tasks that never become healthy get no requests, and ``up`` fails when its time is up."""
    bake_time_minutes: NotRequired[_BakeMinutes]
    """Minutes for which the old tasks stay, and the alarms are watched, after all traffic has moved. Not with ``ROLLING``."""
    canary_percent: NotRequired[Annotated[int, Field(default=10, ge=1, le=99)]]
    """Share of the traffic that moves first, with ``CANARY``."""
    canary_bake_time_minutes: NotRequired[_BakeMinutes]
    """Minutes for which that share alone has moved, with ``CANARY``."""
    step_percent: NotRequired[Annotated[int, Field(default=20, ge=3, le=100)]]
    """Share of the traffic that moves in each step, with ``LINEAR``."""
    step_bake_time_minutes: NotRequired[_BakeMinutes]
    """Minutes between two steps, with ``LINEAR``."""
    alarm_names: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """CloudWatch alarms that roll a deployment back, beside the service's own on 5xx responses. ECS watches none that is raised already
    when the deployment begins."""
    error_percent: NotRequired[Annotated[float, Field(default=5, ge=0.1, le=50)]]
    """Share of the requests of a minute that may end in a 5xx response of the tasks before a deployment is rolled back; fewer than five
    such responses never do. Needs ``target_group_arns`` and ``load_balancer_arn_suffix``."""
    health_check_grace_seconds: NotRequired[Annotated[int, Field(default=60, ge=0, le=86_400)]]
    """Seconds after the start of a task in which failed health checks do not stop it."""
    wait_for_steady_state: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether a deployment of Pulumi waits until that of ECS has ended. Without it ``up`` succeeds before anything has started."""
    timeout_minutes: NotRequired[Annotated[int, Field(ge=5, le=1440)]]
    """How long Pulumi waits. Default: 30, and all bake times."""


class ContainerServiceOptions(ContainerServiceContainer, FargateSize):
    """What the containers are, how many, and how they change. The arguments of a container are those of the main one, ``app``."""

    port: NotRequired[Port]
    """Port on which the main container listens. Default: none, as for a worker."""
    protocol: NotRequired[Annotated[str, Choice("http", "http2", "grpc", "tcp"), Field(default="http")]]
    """What it speaks on ``port``, for Service Connect."""
    sidecars: NotRequired[Annotated[dict[str, ContainerServiceSidecar], ShortNames, Field(default={}, max_length=9)]]
    """More containers of each task by name."""
    platform_version: NotRequired[
        Annotated[str, Matches(r"LATEST|\d+\.\d+\.\d+", "LATEST, or a version such as 1.4.0"), Field(default="LATEST")]
    ]
    """Platform version of Fargate. A fixed one gets no security updates once AWS retires it."""
    volumes: NotRequired[Annotated[dict[str, ContainerServiceVolume], ShortNames, Field(default={})]]
    """Volumes of each task by name, for ``mounts``: the only places that containers can write to."""
    min_tasks: Annotated[int, Field(ge=0, le=5000)]
    """Fewest tasks, and the number at the first deployment. Two or more survive the loss of a zone."""
    max_tasks: Annotated[int, Field(ge=1, le=5000)]
    """Most tasks. The same as ``min_tasks`` for a fixed number."""
    scaling: NotRequired[Annotated[ContainerServiceScaling, Field(default={})]]
    """When the number of tasks changes."""
    spot_percentage: NotRequired[Annotated[int, Field(default=0, ge=0, le=100)]]
    """Share of Fargate Spot above ``on_demand_base``: AWS stops such tasks with two minutes' notice (SIGTERM)."""
    on_demand_base: NotRequired[Annotated[int, Field(default=0, ge=0, le=5000)]]
    """Tasks that are never Spot."""
    deployment: NotRequired[Annotated[ContainerServiceDeployment, Field(default={})]]
    """How new tasks replace old ones, and what rolls back."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the containers may do, in the task role. Pulling images, reading ``secrets`` and writing logs is the execution role's."""
    managed_policy_arns: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={}, max_length=10)]]
    """Managed policies of the task role by a short name, which names the attachment."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """A managed policy that neither of the new roles can exceed. Default: no boundary."""
    container_insights: NotRequired[Annotated[str, Choice("enhanced", "enabled", "disabled"), Field(default="enhanced")]]
    """Metrics of tasks and containers: of a new cluster its setting, of an existing one what it has. Scaling by backlog and the alarm on
    missing tasks need them."""
    execute_command: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether people whom IAM allows it may open a shell in the main container (ECS Exec), encrypted and logged. Needs a new cluster; the
    role of ``existing_task_role_arn`` needs the rights of ECS Exec, and those to decrypt by the key and to write to the log group."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log group keeps its events."""
    alarm_cpu_percent: NotRequired[Annotated[int, Field(default=90, ge=1, le=100)]]
    """Average CPU over 15 minutes above which the alarm is raised: scaling does not keep up."""
    alarm_memory_percent: NotRequired[Annotated[int, Field(default=90, ge=1, le=100)]]
    """Highest memory of a task over 15 minutes above which the alarm is raised: at 100 it is killed."""


class ContainerServiceConnect(TypedDict):
    """Service Connect: names for services of a namespace, with retries and metrics by a proxy in each task."""

    namespace_arn: pulumi.Input[str]
    """The Cloud Map namespace."""
    discovery_name: NotRequired[Annotated[str, Matches("[a-z][a-z0-9-]{0,63}", "a name such as orders")]]
    """Name of this service in the namespace, which must have none of that name yet. Default: none, a client alone."""
    dns_name: NotRequired[Annotated[str, Matches("[a-z0-9][a-z0-9.-]{0,126}", "a host name such as orders")]]
    """Host name by which clients call it. Default: ``discovery_name``."""
    client_port: NotRequired[Port]
    """Port at which clients call it. Default: ``port``."""


class ContainerServiceArgs(ContainerServiceOptions):
    """Arguments of ``ContainerService``."""

    subnet_ids_by_zone: SubnetIdsByZones
    """Private subnets of the tasks, with access to the registry and CloudWatch Logs by a NAT or by endpoints."""
    security_group_ids: SecurityGroupIds
    """Security groups of the tasks."""
    existing_cluster_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"arn:[^:]+:ecs:[^:]*:[^:]*:cluster/.+",
                "the ARN of a cluster, not its name, such as arn:aws:ecs:eu-west-1:123456789012:cluster/team",
            ),
        ]
    ]
    """A cluster that is there, with the capacity providers FARGATE and FARGATE_SPOT. Default: a new one."""
    target_group_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[], max_length=5)]]
    """Target groups of type ``ip`` to register ``port`` with, each available after its listener. A worker has none."""
    load_balancer_arn_suffix: NotRequired[pulumi.Input[str]]
    """``app/<name>/<id>`` of their load balancer, for scaling by requests and the alarm that rolls a deployment back. Default: neither."""
    target_group_arn_suffix: NotRequired[pulumi.Input[str]]
    """``targetgroup/<name>/<id>`` of the target group. Needed with ``scaling.requests_per_target``."""
    alternate_target_group_arn: NotRequired[pulumi.Input[str]]
    """The second target group, like the first. Required with all strategies but ``ROLLING``."""
    production_listener_rule_arn: NotRequired[pulumi.Input[str]]
    """The listener rule whose weights ECS moves between both. Required with all strategies but ``ROLLING``. The program that owns it must
    ignore changes of its actions."""
    test_listener_rule_arn: NotRequired[pulumi.Input[str]]
    """A listener rule for test traffic, which reaches the new tasks before the production traffic does. Default: none."""
    existing_task_role_arn: NotRequired[pulumi.Input[str]]
    """The containers' role, which trusts ``ecs-tasks.amazonaws.com``. Default: a new one with ``statements`` and nothing else."""
    existing_execution_role_arn: NotRequired[pulumi.Input[str]]
    """The role with which ECS pulls images, reads ``secrets`` and writes logs. Default: a new one for exactly these."""
    service_connect: NotRequired[ContainerServiceConnect]
    """Service Connect. Default: none."""
    discovery_service_arn: NotRequired[pulumi.Input[str]]
    """A Cloud Map service in which the tasks register, such as an entry of ``ServiceDiscovery.service_arns``. Default: none."""
    discovery_port: NotRequired[Port]
    """Port in the records of ``discovery_service_arn``, where it has SRV records. Default: none, for A records."""
    lattice_target_group_arn: NotRequired[pulumi.Input[str]]
    """A VPC Lattice target group of type ``ip`` in which the tasks register, for ``ServiceMesh``; with ``ROLLING`` only. Default: none."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the logs, and of sessions with ``execute_command``. Its policy must admit CloudWatch Logs. Default: a new
    key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of failed deployments, missing tasks, and too much CPU or memory."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, and of the tasks."""
