"""The arguments of ``MonitoringIntegration``, and the rules over several of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Keys, Matches, Problem, Unique, excludes, is_given, needs, one_of, unknown
from cloudpatterns.core.vocabulary import (
    MOST_ALARM_ACTIONS,
    AlarmTopicArns,
    KmsKeyArn,
    LogRetentionDays,
    Region,
    RoleName,
    ShortNames,
    Tags,
    TopicArn,
)

EDGE_REGION = "us-east-1"
EDGE_NAMESPACES = ("AWS/Billing", "AWS/CloudFront", "AWS/Route53")
"""What has its metrics in that Region alone, so that an alarm elsewhere would never see any."""
STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")
_DAY_SECONDS = 86_400
_HOUR_SECONDS = 3_600

_AlarmArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:cloudwatch:[^:]*:[^:]*:alarm:.+", "the ARN of an alarm such as arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop"
    ),
]
_LoadBalancerArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:elasticloadbalancing:[^:]*:[^:]*:loadbalancer/(app|net)/.+",
        "the ARN of an application or network load balancer, such as "
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/0123456789abcdef",
    ),
]
_TargetGroupArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:elasticloadbalancing:[^:]*:[^:]*:targetgroup/.+",
        "the ARN of a target group, such as arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/0123456789abcdef",
    ),
]
_FirehoseArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:firehose:[^:]*:[^:]*:deliverystream/.+",
        "the ARN of a delivery stream, such as arn:aws:firehose:eu-west-1:123456789012:deliverystream/metrics",
    ),
]
_WorkspaceArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:aps:[^:]*:[^:]*:workspace/.+",
        "the ARN of a workspace of Amazon Managed Service for Prometheus, such as arn:aws:aps:eu-west-1:123456789012:workspace/ws-0123",
    ),
]
_ActionArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:(automate|autoscaling|lambda|ssm|ssm-incidents|sns|states|aiops|swf):.+",
        "the ARN of an action that CloudWatch supports, such as arn:aws:automate:eu-west-1:ec2:reboot",
    ),
]
_Named = Annotated[dict[str, pulumi.Input[str]], ShortNames, Field(default={}, max_length=40)]
_Period = Annotated[int, Field(default=60, multiple_of=60, ge=60, le=_DAY_SECONDS)]
_Percent = Annotated[int, Field(ge=1, le=99)]


class MonitoringMetricArgs(TypedDict):
    """A metric of CloudWatch."""

    namespace: Annotated[str, Matches(r"[0-9A-Za-z.\-_/#:]{1,255}", "a namespace such as AWS/SQS or Shop")]
    """Namespace, such as ``AWS/SQS``."""
    name: Annotated[str, Field(min_length=1, max_length=255)]
    """Name of the metric, such as ``ApproximateAgeOfOldestMessage``."""
    dimensions: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={}, max_length=30)]]
    """Dimensions that select one series, all of those that the metric has."""
    statistic: NotRequired[
        Annotated[
            str,
            Field(default="Average"),
            Matches(rf"{'|'.join(STATISTICS)}|p(\d{{1,2}}(\.\d{{1,10}})?|100)", "one of CloudWatch's statistics, such as Maximum or p99"),
        ]
    ]
    """Statistic of each period."""


class MonitoringAlarmArgs(TypedDict):
    """An alarm of your own."""

    description: Annotated[str, Field(min_length=1, max_length=1024)]
    """What is wrong and what to do, for who is woken by it."""
    metric: NotRequired[MonitoringMetricArgs]
    """The metric. Exactly one of ``metric`` and ``expression`` with ``metrics``."""
    expression: NotRequired[Annotated[str, Field(min_length=1, max_length=2048)]]
    """Metric math over the ids of ``metrics``, such as ``100 * errors / requests``. Exactly one of ``metric`` and ``expression`` with
    ``metrics``."""
    metrics: NotRequired[
        Annotated[
            dict[str, MonitoringMetricArgs],
            Keys(r"(?!result$)[a-z][a-zA-Z0-9_]*", "letters, digits and underscores, a lower-case letter first, and is not result"),
            Field(default={}, max_length=10),
        ]
    ]
    """Metrics in the expression by the ids that it uses."""
    threshold: float
    """Value to compare with."""
    comparison: NotRequired[
        Annotated[
            str,
            Field(default="GreaterThanThreshold"),
            Choice("GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"),
        ]
    ]
    """How the value compares with the threshold when the alarm is raised."""
    missing_data: Annotated[str, Choice("breaching", "notBreaching", "ignore", "missing")]
    """What a period without data means: ``breaching`` (a heartbeat that must not stop), ``notBreaching`` (errors that are reported only
    when there are some), ``ignore`` (the alarm stays as it is), ``missing`` (the alarm knows nothing: INSUFFICIENT_DATA)."""
    period_seconds: NotRequired[_Period]
    """Length of a period."""
    periods: NotRequired[Annotated[int, Field(default=1, ge=1, le=1440)]]
    """Latest periods that are compared."""
    datapoints: NotRequired[Annotated[int, Field(ge=1, le=1440)]]
    """How many of the periods raise the alarm. Default: all."""
    alarm_topic_arns: NotRequired[Annotated[list[TopicArn], Field(min_length=1, max_length=MOST_ALARM_ACTIONS)]]
    """SNS topics to notify, such as that of another team. An alarm on ``AWS/CloudFront``, ``AWS/Route53`` or ``AWS/Billing`` is in
    us-east-1, as its metrics are, and its topics are there. Default: those of the component."""
    action_arns: NotRequired[Annotated[list[_ActionArn], Field(default=[], max_length=MOST_ALARM_ACTIONS)]]
    """More actions of the alarm: reboot an instance, scale, run a function, open an incident."""


class MonitoringCompositeAlarmArgs(TypedDict):
    """An alarm over the states of others, which reports an outage once instead of each of its symptoms."""

    description: Annotated[str, Field(min_length=1, max_length=1024)]
    """What is wrong and what to do, for who is woken by it."""
    alarms: Annotated[list[str], Unique(), Field(min_length=2, max_length=100)]
    """Names among ``alarms`` and ``existing_alarm_arns``."""
    least_in_alarm: NotRequired[Annotated[int, Field(default=1, ge=1, le=100)]]
    """How many of them must be raised at the same time."""
    suppressed_by: NotRequired[str]
    """A name among ``alarms`` and ``existing_alarm_arns``: while that alarm is raised, such as one of a maintenance window, this one
    notifies nobody. Default: never."""
    alarm_topic_arns: NotRequired[Annotated[list[TopicArn], Field(min_length=1, max_length=MOST_ALARM_ACTIONS)]]
    """SNS topics to notify, such as that of who is on call. Default: those of the component."""


class MonitoringLoadBalancerArgs(TypedDict):
    """A load balancer on the dashboard."""

    load_balancer_arn: _LoadBalancerArn
    """An application or network load balancer."""
    target_group_arn: NotRequired[_TargetGroupArn]
    """Its target group, for the number of healthy targets. Default: not shown."""


class MonitoringServiceArgs(TypedDict):
    """An ECS service on the dashboard."""

    cluster_name: pulumi.Input[str]
    """Name of its cluster."""
    service_name: pulumi.Input[str]
    """Name of the service."""


class MonitoringDatabaseArgs(TypedDict):
    """A relational database on the dashboard."""

    instance_id: NotRequired[pulumi.Input[str]]
    """Identifier of an RDS instance. Exactly one of ``instance_id`` and ``cluster_id``."""
    cluster_id: NotRequired[pulumi.Input[str]]
    """Identifier of an Aurora cluster. Exactly one of ``instance_id`` and ``cluster_id``."""


class MonitoringCacheArgs(TypedDict):
    """A cache of ElastiCache on the dashboard."""

    replication_group_id: NotRequired[pulumi.Input[str]]
    """Id of a replication group without shards. Exactly one of ``replication_group_id`` and ``serverless_cache_name``."""
    nodes: NotRequired[Annotated[int, Field(default=1, ge=1, le=6)]]
    """Its nodes, the primary included."""
    serverless_cache_name: NotRequired[pulumi.Input[str]]
    """Name of a serverless cache. Exactly one of ``replication_group_id`` and ``serverless_cache_name``."""


class MonitoringChartArgs(TypedDict):
    """A chart of your own on the dashboard."""

    metrics: Annotated[list[MonitoringMetricArgs], Field(min_length=1, max_length=100)]
    """Metrics in it, such as those that the application publishes."""
    period_seconds: NotRequired[_Period]
    """Length of a period."""


class MonitoringLogFileArgs(TypedDict):
    """A log file that the agent sends to a log group of its own."""

    file_path: Annotated[str, Matches(r"/.+", "an absolute path, with * where names change, such as /var/log/shop/*.log")]
    """The file, or the newest of the files that match."""
    timestamp_format: NotRequired[Annotated[str, Field(min_length=1, max_length=100)]]
    """Where a line has its time, such as ``%Y-%m-%dT%H:%M:%S``. Default: a line has the time at which it was read."""
    multi_line_start_pattern: NotRequired[Annotated[str, Field(min_length=1, max_length=200)]]
    """A regular expression for the first line of an event, for those of several lines. Default: each line is an event."""


class MonitoringAgentArgs(TypedDict):
    """The CloudWatch agent on EC2 instances with Linux: what it collects, and on which ones Systems Manager installs it."""

    instance_tags: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={}, max_length=5)]]
    """Tags that the instances have, all of them. Without any, the instances of ``watched_auto_scaling_groups``."""
    metrics_interval_seconds: NotRequired[Annotated[int, Choice(10, 30, 60, 300), Field(default=60)]]
    """How often memory, swap and disks are measured; below 60 the metrics are of high resolution, which costs more."""
    disk_mount_points: NotRequired[Annotated[list[str], Unique(), Field(default=["/"], min_length=1, max_length=20)]]
    """Mount points of the disks."""
    log_files: NotRequired[Annotated[dict[str, MonitoringLogFileArgs], ShortNames, Field(default={}, max_length=20)]]
    """Log files by a short name, which names the log group."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the lines are kept."""
    alarm_memory_percent: NotRequired[Annotated[_Percent, Field(default=90)]]
    """Memory in use on any instance of a group above which an alarm is raised."""
    alarm_disk_percent: NotRequired[Annotated[_Percent, Field(default=85)]]
    """Use of any disk of a group above which an alarm is raised."""


class MonitoringPrometheusArgs(TypedDict):
    """A workspace of Amazon Managed Service for Prometheus, to which the agent writes its metrics beside CloudWatch."""

    existing_workspace_arn: NotRequired[_WorkspaceArn]
    """An existing workspace of this Region. Default: a new one."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log of a new workspace is kept: rules and alerts that fail."""


class MonitoringGrafanaArgs(TypedDict):
    """A role with which Grafana reads metrics, logs and the workspace of Prometheus."""

    managed: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether Amazon Managed Grafana assumes it, of this account. Exactly one of ``managed`` and ``principal_arns``."""
    principal_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """The roles or users that a Grafana elsewhere runs as."""
    external_id: NotRequired[Annotated[str, Field(min_length=2, max_length=1224)]]
    """The external id that Grafana sends. Default: none is asked for."""
    log_group_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """Log groups whose events it may query, beside those of the agent."""


class MonitoringMetricStreamArgs(TypedDict):
    """A stream of CloudWatch's metrics to another product, by a delivery stream of yours."""

    firehose_arn: _FirehoseArn
    """The delivery stream, of this account and Region."""
    output_format: NotRequired[Annotated[str, Choice("json", "opentelemetry0.7", "opentelemetry1.0"), Field(default="opentelemetry1.0")]]
    """Format of the records, as the receiver wants it."""
    namespaces: NotRequired[Annotated[list[str], Unique(), Field(default=[], max_length=1000)]]
    """Namespaces that are sent. Without any, all: each update of a metric costs."""


class MonitoringIntegrationOptions(TypedDict):
    """What a user tunes of a ``MonitoringIntegration``."""

    dashboard: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether there is a dashboard of what is watched, of alarms and ``charts``; as a stack's only setting it shows the storefront."""
    alarms: NotRequired[Annotated[dict[str, MonitoringAlarmArgs], ShortNames, Field(default={}, max_length=100)]]
    """Alarms by a short name."""
    existing_alarm_arns: NotRequired[Annotated[dict[str, _AlarmArn], ShortNames, Field(default={}, max_length=100)]]
    """Alarms that exist already, by a short name, for the dashboard and for composite alarms."""
    composite_alarms: NotRequired[Annotated[dict[str, MonitoringCompositeAlarmArgs], ShortNames, Field(default={}, max_length=100)]]
    """Alarms over the states of others, by a short name."""
    charts: NotRequired[Annotated[dict[str, MonitoringChartArgs], Field(default={}, max_length=50)]]
    """Charts of your own on the dashboard, by title."""
    agent: NotRequired[MonitoringAgentArgs]
    """The CloudWatch agent for memory, disks and log files of instances. Default: none is installed."""
    prometheus: NotRequired[MonitoringPrometheusArgs]
    """Export of the agent's metrics to Amazon Managed Service for Prometheus. Default: none."""
    grafana: NotRequired[MonitoringGrafanaArgs]
    """A role for Grafana's data sources. Default: none."""
    metric_stream: NotRequired[MonitoringMetricStreamArgs]
    """Export of CloudWatch's metrics to another product. Default: none."""


class MonitoringIntegrationArgs(MonitoringIntegrationOptions):
    """Arguments of ``MonitoringIntegration``: what is on the dashboard, by kind and a name of your choice, and where it stands."""

    watched_load_balancers: NotRequired[Annotated[dict[str, MonitoringLoadBalancerArgs], ShortNames, Field(default={}, max_length=20)]]
    """Load balancers: requests, errors, latency, healthy targets."""
    watched_distributions: NotRequired[_Named]
    """Ids or ARNs of CloudFront's distributions: requests, errors, bytes."""
    watched_auto_scaling_groups: NotRequired[_Named]
    """Names of Auto Scaling groups: instances, CPU and, with ``agent``, memory and disks."""
    watched_services: NotRequired[Annotated[dict[str, MonitoringServiceArgs], ShortNames, Field(default={}, max_length=40)]]
    """ECS services: tasks, CPU, memory."""
    watched_databases: NotRequired[Annotated[dict[str, MonitoringDatabaseArgs], ShortNames, Field(default={}, max_length=20)]]
    """Relational databases: CPU, connections, memory, storage, latency."""
    watched_caches: NotRequired[Annotated[dict[str, MonitoringCacheArgs], ShortNames, Field(default={}, max_length=20)]]
    """Caches: CPU, memory, connections, hits and evictions."""
    watched_functions: NotRequired[_Named]
    """Names or ARNs of Lambda functions: invocations, errors, duration."""
    watched_queues: NotRequired[_Named]
    """Names, ARNs or URLs of SQS queues: messages, and the age of the oldest one."""
    watched_tables: NotRequired[_Named]
    """Names or ARNs of DynamoDB tables: capacity, throttled requests."""
    instance_role_names: NotRequired[Annotated[dict[str, RoleName], ShortNames, Field(default={}, max_length=20)]]
    """Roles of the instances, by a short name of your choice, which get the rights that the ``agent`` and Systems Manager need. Without
    ``agent`` they get none."""
    region: NotRequired[Region]
    """Region of what is watched. Default: that of the agent's parameter, of the workspace, the first load balancer, alarm or topic."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the log groups and of a new workspace; it must admit CloudWatch Logs. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify, whose policies and keys let ``cloudwatch.amazonaws.com`` publish and, with ``agent``,
    ``events.amazonaws.com``."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


WATCHED = (
    *("watched_load_balancers", "watched_distributions", "watched_auto_scaling_groups", "watched_services", "watched_databases"),
    *("watched_caches", "watched_functions", "watched_queues", "watched_tables"),
)
"""What is on the dashboard, in the order in which a request meets it."""


def has_dashboard(checked: MonitoringIntegrationArgs) -> bool:
    """Whether there is something to show."""
    given: Mapping[str, Any] = checked
    return checked["dashboard"] and any(given[name] for name in (*WATCHED, "charts", "alarms", "existing_alarm_arns", "composite_alarms"))


def placing_arns(checked: MonitoringIntegrationArgs) -> list[pulumi.Input[str]]:
    """ARNs among the arguments that have Region and account of what is watched."""
    prometheus, balancers = checked.get("prometheus"), checked["watched_load_balancers"].values()
    workspace = None if prometheus is None else prometheus.get("existing_workspace_arn")
    topics_of_alarms = [alarm.get("alarm_topic_arns") for alarm in checked["alarms"].values()]
    return [
        *([] if workspace is None else [workspace]),
        *(balancer["load_balancer_arn"] for balancer in balancers),
        *checked["existing_alarm_arns"].values(),
        *checked["alarm_topic_arns"],
        *(arn for topics in topics_of_alarms if topics is not None for arn in topics),
    ]


def child_names(checked: MonitoringIntegrationArgs) -> dict[str, int]:
    """Suffixes of children whose names AWS limits."""
    names = {"alarm": 255, **dict.fromkeys([*checked["alarms"], *checked["composite_alarms"]], 255)}
    if checked.get("agent") is not None:
        names["agent"] = 128
    if checked.get("grafana") is not None:
        names["grafana-role"] = 64
    if checked.get("metric_stream") is not None:
        names["metric-stream-role"] = 64
    return names


def problems(checked: MonitoringIntegrationArgs) -> Iterator[Problem]:
    """Rules over several arguments."""
    for key, alarm in checked["alarms"].items():
        yield from _alarm_problems(f"alarms.{key}", alarm, checked)
    yield from _composite_problems(checked)
    for key, database in checked["watched_databases"].items():
        yield from one_of(database, "instance_id", "cluster_id", path=f"watched_databases.{key}.")
    for key, cache in checked["watched_caches"].items():
        yield from one_of(cache, "replication_group_id", "serverless_cache_name", path=f"watched_caches.{key}.")
        yield from needs(cache, "nodes", "replication_group_id", path=f"watched_caches.{key}.")
    yield from _agent_problems(checked)
    if (grafana := checked.get("grafana")) is not None:
        yield from one_of(grafana, "managed", "principal_arns", path="grafana.")
        yield from excludes(grafana, "external_id", "managed", path="grafana.", why="Amazon Managed Grafana sends none")
    if not has_dashboard(checked) and all(checked.get(name) is None for name in ("agent", "grafana", "metric_stream", "prometheus")):
        yield "dashboard", "has nothing to show, and nothing else is created. Give what is watched, alarms or charts."
    own = ("agent", "prometheus")
    if not placing_arns(checked) and all(checked.get(name) is None for name in own):
        if checked.get("region") is None and has_dashboard(checked):
            yield "region", "is missing; a dashboard names the Region of its metrics, and no ARN among the arguments has one. Give it."
        if grafana is not None and is_given(grafana, "managed"):
            yield (
                "grafana.managed",
                "is True; the role trusts this account's Grafana, and no ARN among the arguments names it. Give topics.",
            )


def is_at_edge(alarm: MonitoringAlarmArgs) -> bool:
    """Whether an alarm watches what has its metrics in us-east-1 alone."""
    return not _namespaces(alarm).isdisjoint(EDGE_NAMESPACES)


def _namespaces(alarm: MonitoringAlarmArgs) -> set[str]:
    metric, metrics = alarm.get("metric"), alarm["metrics"]
    return {one["namespace"] for one in (*([] if metric is None else [metric]), *metrics.values())}


def _edge_problems(path: str, alarm: MonitoringAlarmArgs, topics: Sequence[pulumi.Input[str]]) -> Iterator[Problem]:
    for topic in topics:
        if isinstance(topic, str) and f":{EDGE_REGION}:" not in topic:
            found = ", ".join(sorted(_namespaces(alarm)))
            reason = f"has {topic}; the metrics of {found} are in {EDGE_REGION}, and so are alarm and topics. "
            yield f"{path}.alarm_topic_arns", f"{reason}Give topics of {EDGE_REGION}."


def _alarm_problems(path: str, alarm: MonitoringAlarmArgs, checked: MonitoringIntegrationArgs) -> Iterator[Problem]:
    yield from one_of(alarm, "metric", ("expression", "metrics"), path=f"{path}.")
    yield from _expression_problems(path, alarm)
    yield from _action_problems(path, alarm, checked)
    topics = alarm.get("alarm_topic_arns")
    actions = [*(checked["alarm_topic_arns"] if topics is None else topics), *alarm["action_arns"]]
    if len(actions) > MOST_ALARM_ACTIONS:
        yield f"{path}.action_arns", f"makes {len(actions)} actions with the topics; CloudWatch takes {MOST_ALARM_ACTIONS}. Remove some."
    datapoints = alarm.get("datapoints")
    if datapoints is not None and datapoints > alarm["periods"]:
        yield f"{path}.datapoints", f"is {datapoints}; at most the {alarm['periods']} of periods can raise the alarm. Lower it."
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    seconds, most = alarm["period_seconds"] * alarm["periods"], _DAY_SECONDS * (7 if alarm["period_seconds"] >= _HOUR_SECONDS else 1)
    if seconds > most:
        reason = (
            f"is {alarm['periods']}, and with period_seconds makes {seconds:,} seconds; CloudWatch looks at {most:,}. Lower one of them."
        )
        yield f"{path}.periods", reason
    if is_at_edge(alarm):
        yield from _edge_problems(path, alarm, checked["alarm_topic_arns"] if topics is None else topics)
    if "AWS/DynamoDB" in _namespaces(alarm) and alarm["missing_data"] != "ignore":
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarms-and-missing-data
        yield f"{path}.missing_data", f"is {alarm['missing_data']}; alarms on AWS/DynamoDB always ignore missing data. Set it to ignore."


def _expression_problems(path: str, alarm: MonitoringAlarmArgs) -> Iterator[Problem]:
    expression, metrics = alarm.get("expression"), alarm["metrics"]
    if expression is None or not metrics:
        return
    # Functions and operators have capital letters alone.
    for used in dict.fromkeys(re.findall(r"\b[a-z]\w*", expression)):
        if used not in metrics:
            yield f"{path}.expression", f"uses {used}, {unknown(used, 'one of metrics', metrics).partition(', ')[2]}"


def _action_problems(path: str, alarm: Mapping[str, Any], checked: MonitoringIntegrationArgs) -> Iterator[Problem]:
    if not checked["alarm_topic_arns"] and alarm.get("alarm_topic_arns") is None and not alarm.get("action_arns"):
        yield path, "has no action: nobody would learn of it. Give it alarm_topic_arns, or give the component some."


def _composite_problems(checked: MonitoringIntegrationArgs) -> Iterator[Problem]:
    known = [*checked["alarms"], *checked["existing_alarm_arns"]]
    for key in checked["existing_alarm_arns"]:
        if key in checked["alarms"]:
            yield f"existing_alarm_arns.{key}", "is also the name of one of alarms. Rename one of them."
    for key, composite in checked["composite_alarms"].items():
        path = f"composite_alarms.{key}"
        if key in known:
            yield path, "is also the name of another alarm. Rename one of them."
        yield from _action_problems(path, composite, checked)
        for index, name in enumerate(composite["alarms"]):
            if name not in known:
                yield f"{path}.alarms.{index}", unknown(name, "an alarm", known)
            elif name in checked["alarms"] and is_at_edge(checked["alarms"][name]):
                yield f"{path}.alarms.{index}", f"is {name!r}, an alarm of {EDGE_REGION}; CloudWatch reads those of one Region. Remove it."
        suppressor = composite.get("suppressed_by")
        if suppressor is not None and suppressor not in known:
            yield f"{path}.suppressed_by", unknown(suppressor, "an alarm", known)
        if composite["least_in_alarm"] > len(composite["alarms"]):
            reason = f"is {composite['least_in_alarm']}, but alarms has {len(composite['alarms'])}. Lower it, or add alarms."
            yield f"{path}.least_in_alarm", reason


def _agent_problems(checked: MonitoringIntegrationArgs) -> Iterator[Problem]:
    agent = checked.get("agent")
    yield from needs(checked, "prometheus", "agent", why="it is the agent that writes to the workspace")
    if agent is None:
        return
    groups = checked["watched_auto_scaling_groups"]
    if not agent["instance_tags"] and not groups:
        reason = (
            "is missing; without it the agent is for the instances of watched_auto_scaling_groups, and there are none. Give one of them."
        )
        yield "agent.instance_tags", reason
