"""Arguments of ``DeepHealthCheck``, and the rules over them."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks.dns import DNS_REGION
from cloudpatterns.core import (
    Choice,
    ExistingFunction,
    FunctionOptions,
    Keys,
    Matches,
    Problem,
    function_problems,
    is_given,
    needs,
    one_of,
)
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    DomainName,
    KmsKeyArn,
    LogRetentionDays,
    Port,
    SecurityGroupIds,
    SubnetIdsByZone,
    Tags,
)

KINDS = ("tcp", "http", "table", "queue")
CODE = ("layers", "function", "existing_function")
_ANSWER_SECONDS = 2
"""Route 53 waits so long for an answer.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
"""
_OF_LAYERS = ("cache_seconds", "log_retention_days", "subnet_ids_by_zone", "security_group_ids")
_OF_ENDPOINTS = ("path", "shallow_path", "request_interval_seconds", "failure_threshold", "measure_latency", "global_alarm_topic_arns")
_OF_FUNCTIONS = ("kms_key_arn", "alarm_topic_arns")
_OF_ALARMS = ("failed_minutes", "insufficient_data_health_status")


class HealthTcpArgs(TypedDict):
    """A layer that accepts connections: a database, a cache."""

    host: pulumi.Input[str]
    """Name or address."""
    port: Port
    """TCP port."""


class HealthHttpArgs(TypedDict):
    """A layer that answers HTTP."""

    url: pulumi.Input[str]
    """URL that answers 200 to 299; redirects are failures."""
    contains: NotRequired[Annotated[str, Field(default="", max_length=255)]]
    """Text in the first 64 KiB of the page."""


class HealthTableArgs(TypedDict):
    """A DynamoDB table, of which one item is read."""

    arn: pulumi.Input[str]
    """ARN of the table."""
    key: Annotated[dict[str, dict[str, str]], Field(min_length=1, max_length=2)]
    """Key of an item, which need not exist, as DynamoDB has it: ``{"id": {"S": "health"}}``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key that encrypts the table. Default: none."""


class HealthQueueArgs(TypedDict):
    """An SQS queue, which is asked for the number of its messages."""

    arn: pulumi.Input[str]
    """ARN of the queue."""
    most_messages: NotRequired[Annotated[int, Field(ge=0)]]
    """Messages that wait, above which the layer has failed. Default: any number will do."""


class HealthLayerArgs(TypedDict):
    """A layer that the application stands on; exactly one of ``tcp``, ``http``, ``table`` and ``queue``."""

    tcp: NotRequired[HealthTcpArgs]
    """It accepts connections. Default: another kind."""
    http: NotRequired[HealthHttpArgs]
    """It answers HTTP. Default: another kind."""
    table: NotRequired[HealthTableArgs]
    """A DynamoDB table. Default: another kind."""
    queue: NotRequired[HealthQueueArgs]
    """An SQS queue. Default: another kind."""
    timeout_seconds: NotRequired[Annotated[float, Field(default=1.5, ge=0.1, le=20)]]
    """Time limit of the check; less than 2 where Route 53 waits for the answer."""


class DeepHealthCheckOptions(TypedDict):
    """What a user tunes of a ``DeepHealthCheck``."""

    function: NotRequired[FunctionOptions]
    """A function of your own that checks the layers: it answers with ``deep-health-ok`` or status 503, and on a schedule prints the metric
    (``lambda_handler`` and ``Health.metric`` of the runtime library). Default: a function of the component, from ``layers``."""
    cache_seconds: NotRequired[Annotated[float, Field(default=5, ge=0, le=60)]]
    """How long the function of the component gives the same result again."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log group of the component's function keeps its events."""
    path: NotRequired[Annotated[str, Matches(r"/[A-Za-z0-9._~/-]{1,127}", "a path such as /health/deep"), Field(default="/health/deep")]]
    """Path of the deep check, for Route 53 alone."""
    shallow_path: NotRequired[Annotated[str, Matches(r"/[A-Za-z0-9._~/-]{0,127}", "a path such as /health"), Field(default="/")]]
    """Path that the load balancer checks, which looks at one server alone. It is another one than ``path``."""
    request_interval_seconds: NotRequired[Annotated[int, Choice(10, 30), Field(default=30)]]
    """How often each of Route 53's checkers asks; 10 costs more. A change replaces the health check."""
    failure_threshold: NotRequired[Annotated[int, Field(default=3, ge=1, le=10)]]
    """Answers in a row that change a checker's mind."""
    measure_latency: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether Route 53 measures how long the endpoint takes, at a price. A change replaces the health check."""
    failed_minutes: NotRequired[Annotated[int, Field(default=3, ge=1, le=60)]]
    """Without ``domain_name``: minutes in a row with a failed layer, or without a measurement, after which an alarm is raised."""
    insufficient_data_health_status: NotRequired[
        Annotated[str, Choice("Healthy", "LastKnownStatus", "Unhealthy"), Field(default="LastKnownStatus")]
    ]
    """Without ``domain_name``: the health check's state while nothing is measured, which alone is no reason to fail over. An alarm of its
    own says so."""


class DeepHealthCheckArgs(DeepHealthCheckOptions):
    """Arguments of ``DeepHealthCheck``."""

    layers: NotRequired[
        Annotated[
            dict[str, HealthLayerArgs],
            Keys("[A-Za-z0-9_-]{1,64}", "1 to 64 letters, digits, - and _"),
            Field(min_length=1, max_length=20),
        ]
    ]
    """Layers to check by names, which the public sees when they fail. Default: ``function``, ``existing_function``, or the endpoint itself
    checks them."""
    existing_function: NotRequired[ExistingFunction]
    """A function that is there and does what ``function`` says; the metric is ``Healthy`` in the namespace ``DeepHealth``, its dimension
    ``Check`` what follows ``rule/`` in ``resources[0]`` of the schedule's event. Default: none."""
    subnet_ids_by_zone: NotRequired[SubnetIdsByZone]
    """Subnets of the component's function, from which it reaches the layers; tables and queues by VPC endpoints or internet egress.
    Default: the function is outside any VPC of yours."""
    security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups of the component's function, with ``subnet_ids_by_zone``. Default: none, without subnets."""
    domain_name: NotRequired[DomainName]
    """Public name at which Route 53 finds ``path`` by HTTPS. Without ``listener_arn`` the application answers there itself. Default: no
    public endpoint; the function runs each minute, and the health check follows an alarm on what it measures."""
    listener_arn: NotRequired[pulumi.Input[str]]
    """HTTPS listener of the Application Load Balancer behind ``domain_name``, which sends ``path`` to the function. Default: none."""
    listener_priority: NotRequired[Annotated[int, Field(ge=1, le=50_000)]]
    """Priority of the listener's rule, with ``listener_arn``. Default: none, without it."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the function's logs and environment, and of the queue for lost measurements. Its policy must admit CloudWatch
    Logs and, without ``domain_name``, EventBridge. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of a failing function and, without ``domain_name``, of failed layers."""
    global_alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics in us-east-1 to notify when Route 53 finds the endpoint unhealthy: its metrics are there."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def code_of(checked: DeepHealthCheckArgs) -> str | None:
    """The argument that says what the function runs; None where the endpoint answers itself."""
    return next((name for name in CODE if is_given(checked, name)), None)


def problems(checked: DeepHealthCheckArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    yield from _form_problems(checked)
    yield from _pool_problems(checked)
    if function := checked.get("function"):
        yield from function_problems(function)
        if checked.get("domain_name") is None and function["log_level"] in ("WARN", "ERROR"):
            reason = (
                f"is {function['log_level']}; the metric is a line in the log without a level, which counts as INFO and would be left out."
            )
            yield "function.log_level", f"{reason} Give INFO or DEBUG."
    layers = checked.get("layers")
    for name, layer in ({} if layers is None else layers).items():
        path = f"layers.{name}"
        yield from one_of(layer, *KINDS, path=f"{path}.")
        if checked.get("domain_name") is not None and layer["timeout_seconds"] >= _ANSWER_SECONDS:
            reason = f"is {layer['timeout_seconds']:g}; Route 53 waits {_ANSWER_SECONDS} seconds for the answer. Give less, such as 1.5."
            yield f"{path}.timeout_seconds", reason
        if "deep-health-ok" in name:
            yield "layers", f"has {name!r}, in which Route 53 would find that all is well. Choose another name."
    for index, topic in enumerate(checked["global_alarm_topic_arns"]):
        region = topic.split(":")[3] if isinstance(topic, str) and topic.count(":") >= 5 else DNS_REGION
        if region != DNS_REGION:
            yield (
                f"global_alarm_topic_arns.{index}",
                f"is in {region}; the metrics of health checks are in {DNS_REGION}. Give a topic there.",
            )


def _form_problems(checked: DeepHealthCheckArgs) -> Iterator[Problem]:
    """Three forms: a function behind a balancer, an application that answers itself, and a function with an alarm."""
    given = [name for name in CODE if is_given(checked, name)]
    if len(given) > 1:
        yield given[1], f"is given beside {given[0]}; one function checks the layers. Leave one out."
    yield from needs(checked, "listener_arn", "domain_name", "listener_priority")
    yield from needs(checked, "listener_priority", "listener_arn")
    yield from needs(checked, "subnet_ids_by_zone", "security_group_ids")
    yield from needs(checked, "security_group_ids", "subnet_ids_by_zone")
    if checked.get("domain_name") is None:
        if not given:
            yield "layers", "is missing; without domain_name a function measures. Give layers, function or existing_function."
        yield from _without(checked, _OF_ENDPOINTS, "is for a public endpoint, and there is no domain_name. Give it, or leave it out.")
        return
    yield from _without(checked, _OF_ALARMS, "is for an alarm, and with domain_name Route 53 asks by itself. Leave it out.")
    if checked.get("listener_arn") is None:
        yield from _without(
            checked, CODE, "is given without listener_arn: nothing would reach the function. Give listener_arn, or leave it out."
        )
        if not given:
            reason = "is for a function, and the application answers itself. Leave it out; Route 53 notifies global_alarm_topic_arns."
            yield from _without(checked, _OF_FUNCTIONS, reason)
    elif not given:
        yield "layers", "is missing; with listener_arn a function answers. Give layers, function or existing_function."


def _pool_problems(checked: DeepHealthCheckArgs) -> Iterator[Problem]:
    if checked.get("layers") is None:
        yield from _without(
            checked, _OF_LAYERS, "is for the function of the component, which layers creates. Give layers, or leave it out."
        )
    deep, shallow = checked["path"].rstrip("/"), checked["shallow_path"].rstrip("/")
    if checked.get("domain_name") is not None and deep == shallow:
        reason = (
            f"is {checked['shallow_path']!r}, the path of the deep check: a layer that all servers share would fail for all of them at "
            "once, and the balancer would have none left. Give a path that looks at the server alone."
        )
        yield "shallow_path", reason


def _without(checked: DeepHealthCheckArgs, names: tuple[str, ...], reason: str) -> Iterator[Problem]:
    for name in names:
        if is_given(checked, name):
            yield name, reason
