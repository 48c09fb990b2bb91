"""A Route 53 health check on whether the layers of an application work; the load balancer keeps its shallow one.

Pattern: "Deep Health Check" (Cloud Design Patterns for AWS; Web Application Hosting in the AWS Cloud).
"""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    Metric,
    Sender,
    UserFunction,
    alarm,
    allow_invocation,
    create_key,
    dead_letter_queue,
    function_names,
    logs_statement,
    pattern_options,
    queue_policy,
    runtime_module,
    send_statements,
    sender_statements,
    user_function,
)
from cloudpatterns.blocks.dns import Endpoint, endpoint_check, unhealthy_alarm
from cloudpatterns.blocks.work_queue import QUEUE_NAME_LENGTH, queue_url
from cloudpatterns.core import Component, FunctionOptions, Statement, after, as_arguments, region_of
from cloudpatterns.resilience.deep_health_check.arguments import (
    DeepHealthCheckArgs,
    HealthLayerArgs,
    code_of,
    problems,
)

# The same text that the function answers with.
_OK: str = runtime_module("health").OK
_NAMESPACE = "DeepHealth"
_TARGET_GROUP_NAME_LENGTH, _RULE_NAME_LENGTH = 32, 64
_EVENTS = "events.amazonaws.com"
_UNCHECKED: aws.lb.TargetGroupHealthCheckArgsDict = {
    "enabled": False,
    "healthy_threshold": 5,
    "interval": 35,
    "timeout": 30,
    "unhealthy_threshold": 2,
}
"""AWS's defaults for functions. The provider sends others, an interval of 30 seconds that is no longer than the timeout.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
"""
_LATE_SECONDS = 60
"""After which a measurement is worth nothing, since the next one is due."""


class DeepHealthCheck(Component):
    """A health check of the layers behind an application: database, cache, queue (Cloud Design Patterns for AWS, "Deep Health Check").

    One of three forms. **Behind a load balancer** (``domain_name`` and ``listener_arn``): the listener sends ``path`` to a function, which
    checks the layers, and Route 53 looks for ``deep-health-ok`` in its answer. **In the application** (``domain_name`` alone): it answers
    at ``path`` itself, with the runtime library. **Private** (neither): the function runs each minute, an alarm is raised when a layer
    fails, and the health check follows the alarm. A function URL would not do: Route 53 signs no requests, so anybody could call it.

    The balancer's own check stays at ``shallow_path``, which is another path: a failing layer takes a name out of DNS, never a server out
    of the pool. The function's own target group is not checked at all. Pass ``shallow_path`` to ``LoadBalancer`` as ``health_check_path``.

    **Use when**: DNS fails over to another Region or a static page, or somebody is to know that a layer has failed.

    **Not when**: the balancer is to replace broken servers; that is its own, shallow check.

    **Cost drivers**: the health check (HTTPS and text cost extra; an interval of 10 seconds more), an invocation for each question.

    **Trade-offs**: Route 53 asks every two seconds from all over the world; results are kept for ``cache_seconds``. Names of failed layers
    are public, their errors are in the log alone. A private check is up to a minute late. The alarm that nothing is measured is raised when
    it is created, until the first measurement.

    **Proven by**: controls ``alarm-actions``, ``lambda-url-authenticated``; ``test_deep_health_check.py``, and ``test_health.py`` of the
    library.
    """

    health_check_id: pulumi.Output[str]
    """Id of the Route 53 health check, for records that fail over."""
    health_check_arn: pulumi.Output[str]
    """ARN of the Route 53 health check."""
    endpoint_url: pulumi.Output[str]
    """URL that Route 53 asks; empty for a private check."""
    shallow_path: pulumi.Output[str]
    """Path for the health check of the load balancer; empty for a private check."""
    function_arn: pulumi.Output[str]
    """ARN of the function; empty where the application answers itself."""
    function_name: pulumi.Output[str]
    """Name of the function; empty where the application answers itself."""
    alarm_name: pulumi.Output[str]
    """Name of the alarm that a private check follows; empty with a public endpoint."""
    check_name: pulumi.Output[str]
    """Value of the dimension ``Check`` of the metrics ``Healthy`` and ``FailedLayers`` in the namespace ``DeepHealth``; empty with a public
    endpoint."""

    def __init__(self, name: str, args: DeepHealthCheckArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=_child_names)
        domain, key_arn = checked.get("domain_name"), self._key(name)
        # A function that is invoked each minute has a queue for what fails before or in it.
        lost = rule = None
        if domain is None:
            rule = self._rule(name)
            lost = dead_letter_queue(self, f"{name}-lost", key_arn, None, checked["alarm_topic_arns"], checked["tags"], what="Measurements")
        self.function_arn = self.function_name = self.alarm_name = self.check_name = pulumi.Output.from_input("")
        if rule:
            # The name of the component would not do: stacks of one account may have one of the same name, and mix their measurements.
            self.check_name = rule.name
        function = None if code_of(checked) is None else self._function(name, key_arn, lost)
        if function:
            self.function_arn, self.function_name = function.arn, function.name
        self.endpoint_url = pulumi.Output.from_input("" if domain is None else f"https://{domain}{checked['path']}")
        self.shallow_path = pulumi.Output.from_input("" if domain is None else checked["shallow_path"])
        if domain is None:
            assert function, "without a public endpoint there is a function"
            assert lost, "without a public endpoint there is a queue"
            assert rule, "without a public endpoint there is a rule"
            self._schedule(name, function, lost, rule)
            check = self._private(name)
        else:
            listener = checked.get("listener_arn")
            rules = [self._behind(name, domain, function, listener)] if function and listener is not None else []
            check = self._public(name, domain, rules)
        self.health_check_id, self.health_check_arn = check.id, check.arn
        self.register()

    def _public(self, name: str, domain: str, rules: list[pulumi.Resource]) -> aws.route53.HealthCheck:
        checked = self._checked
        check = endpoint_check(
            self,
            f"{name}-check",
            Endpoint(
                domain_name=domain,
                path=checked["path"],
                # Not HTTPS alone, for which a redirect to an error page is healthy.
                search_string=_OK,
                request_interval_seconds=checked["request_interval_seconds"],
                failure_threshold=checked["failure_threshold"],
                measure_latency=checked["measure_latency"],
            ),
            self._tags(name),
            rules,
        )
        if topics := checked["global_alarm_topic_arns"]:
            what = f"Route 53 finds {domain} unhealthy: its answer at {checked['path']} names the failed layers"
            unhealthy_alarm(self, f"{name}-unhealthy", what, check.id, topics, checked["tags"])
        return check

    def _behind(self, name: str, domain: str, function: UserFunction, listener_arn: pulumi.Input[str]) -> pulumi.Resource:
        """Sends the path to the function. Its target group has no health check: that would be another deep one."""
        group = aws.lb.TargetGroup(
            f"{name}-tg", target_type="lambda", health_check=_UNCHECKED, tags=self._checked["tags"], opts=self.child()
        )
        permission = allow_invocation(self, f"{name}-balancer-permission", function.arn, "elasticloadbalancing.amazonaws.com", group.arn)
        attachment = aws.lb.TargetGroupAttachment(
            f"{name}-target", target_group_arn=group.arn, target_id=function.arn, opts=self.child(depends_on=[permission])
        )
        return aws.lb.ListenerRule(
            f"{name}-rule",
            listener_arn=listener_arn,
            priority=self._checked.get("listener_priority"),
            conditions=[{"host_header": {"values": [domain]}}, {"path_pattern": {"values": [self._checked["path"]]}}],
            actions=[{"type": "forward", "target_group_arn": group.arn}],
            tags=self._checked["tags"],
            opts=self.child(depends_on=[attachment]),
        )

    def _rule(self, name: str) -> aws.cloudwatch.EventRule:
        return aws.cloudwatch.EventRule(
            f"{name}-measure",
            description=f"Measures each minute whether the layers of {name} work",
            schedule_expression="rate(1 minute)",
            tags=self._checked["tags"],
            opts=self.child(),
        )

    def _schedule(self, name: str, function: UserFunction, lost: aws.sqs.Queue, rule: aws.cloudwatch.EventRule) -> None:
        """Invokes the function each minute; what fails goes into the queue, whole."""
        permission = allow_invocation(self, f"{name}-measure-permission", function.arn, _EVENTS, rule.arn)
        policy = queue_policy(self, f"{name}-lost-policy", lost, [Sender(_EVENTS, rule.arn)])
        aws.cloudwatch.EventTarget(
            f"{name}-measure-target",
            rule=rule.name,
            arn=function.arn,
            retry_policy={"maximum_event_age_in_seconds": _LATE_SECONDS, "maximum_retry_attempts": 1},
            dead_letter_config={"arn": after(lost.arn, policy)},
            opts=self.child(depends_on=[permission]),
        )
        if function.function:
            aws.lambda_.FunctionEventInvokeConfig(
                f"{name}-measure-failures",
                function_name=function.name,
                destination_config={"on_failure": {"destination": lost.arn}},
                maximum_retry_attempts=0,
                maximum_event_age_in_seconds=_LATE_SECONDS,
                opts=self.child(),
            )

    def _private(self, name: str) -> aws.route53.HealthCheck:
        checked, minutes, topics = self._checked, self._checked["failed_minutes"], self._checked["alarm_topic_arns"]
        failed = alarm(
            self,
            f"{name}-failed",
            f"A layer of {name} fails: the function's log names the layers",
            Metric(_NAMESPACE, "Healthy", {"Check": self.check_name}, "Minimum"),
            1,
            comparison="LessThanThreshold",
            periods=minutes,
            # Were it breaching, the health check would fail with it, whatever insufficient_data_health_status says:
            # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-ge-cfn.html
            missing="missing",
            actions=topics,
            tags=checked["tags"],
        )
        self.alarm_name = failed.name
        if topics:
            alarm(
                self,
                f"{name}-unmeasured",
                f"The layers of {name} are not measured: the function, its log or the schedule fails",
                Metric(_NAMESPACE, "Healthy", {"Check": self.check_name}, "SampleCount"),
                1,
                comparison="LessThanThreshold",
                periods=minutes,
                missing="breaching",
                actions=topics,
                tags=checked["tags"],
            )
        return aws.route53.HealthCheck(
            f"{name}-check",
            type="CLOUDWATCH_METRIC",
            cloudwatch_alarm_name=failed.name,
            cloudwatch_alarm_region=region_of(failed.arn),
            insufficient_data_health_status=checked["insufficient_data_health_status"],
            # Route 53 keeps a copy of what the alarm compares, and does not see that it changed.
            triggers={"failed_minutes": str(minutes), "check_name": self.check_name},
            tags=self._tags(name),
            opts=self.child(),
        )

    def _tags(self, name: str) -> dict[str, pulumi.Input[str]]:
        # A health check has no other name.
        return {"Name": name, **self._checked["tags"]}

    def _key(self, name: str) -> pulumi.Input[str]:
        """The key of queue, logs and environment; empty where there is none of them."""
        checked, given = self._checked, self._checked.get("kms_key_arn")
        private = checked.get("domain_name") is None
        if given is not None:
            return given
        if not private and code_of(checked) in (None, "existing_function"):
            return ""
        return create_key(
            self,
            f"{name}-key",
            f"Logs, environment and lost measurements of {name}",
            lambda key_arn: [
                logs_statement(key_arn, f"{name}-function-logs*"),
                *(sender_statements(key_arn, [_EVENTS]) if private else []),
            ],
            tags=checked["tags"],
        )

    def _function(self, name: str, key_arn: pulumi.Input[str], lost: aws.sqs.Queue | None) -> UserFunction:
        checked, layers = self._checked, self._checked.get("layers")
        metric: dict[str, pulumi.Input[str]] = {"DEEP_HEALTH_NAMESPACE": _NAMESPACE, "DEEP_HEALTH_CHECK": self.check_name} if lost else {}
        own = checked.get("function") if layers is None else _options(checked)
        return user_function(
            self,
            f"{name}-function",
            own,
            checked.get("existing_function"),
            description=f"Checks the layers of {name}",
            statements=[
                *([] if layers is None else _statements(layers)),
                *(send_statements(lost.arn, key_arn) if lost else []),
            ],
            environment=metric
            if layers is None
            else {**metric, "LAYERS": _document(layers), "CACHE_SECONDS": f"{checked['cache_seconds']:g}"},
            kms_key_arn=key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )


def health_function(layers: dict[str, HealthLayerArgs], *, cache_seconds: float, log_retention_days: int) -> FunctionOptions:
    """A function that checks layers, for an endpoint that is there: it answers as ``lambda_handler`` of the runtime library does."""
    options = pattern_options(Path(__file__).parent / "on_aws", log_retention_days)
    options["environment"] = {"LAYERS": _document(layers), "CACHE_SECONDS": f"{cache_seconds:g}"}
    options["statements"] = as_arguments(_statements(layers))
    return options


def _child_names(checked: DeepHealthCheckArgs) -> dict[str, int]:
    group = {} if checked.get("listener_arn") is None else {"tg": _TARGET_GROUP_NAME_LENGTH}
    schedule = {"lost": QUEUE_NAME_LENGTH, "measure": _RULE_NAME_LENGTH} if checked.get("domain_name") is None else {}
    own = checked.get("function") if checked.get("layers") is None else _options(checked)
    return {**group, **schedule, **function_names(own, "function")}


def _options(checked: DeepHealthCheckArgs) -> FunctionOptions:
    """The function of the component, as ``FunctionOptions`` has it."""
    options = pattern_options(Path(__file__).parent / "on_aws", checked["log_retention_days"])
    subnets, groups = checked.get("subnet_ids_by_zone"), checked.get("security_group_ids")
    if subnets is not None and groups is not None:
        options |= {"subnet_ids_by_zone": subnets, "security_group_ids": groups}
    return options


def _document(layers: dict[str, HealthLayerArgs]) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps(
        {name: {**_settings(layer), "timeout_seconds": layer["timeout_seconds"]} for name, layer in layers.items()}
    )


def _settings(layer: HealthLayerArgs) -> dict[str, Any]:
    """What the function reads of a layer."""
    tcp, http, table, queue = layer.get("tcp"), layer.get("http"), layer.get("table"), layer.get("queue")
    if tcp is not None:
        return {"kind": "tcp", "host": tcp["host"], "port": tcp["port"]}
    if http is not None:
        return {"kind": "http", "url": http["url"], "contains": http["contains"]}
    if table is not None:
        name = pulumi.Output.from_input(table["arn"]).apply(lambda arn: arn.rpartition("/")[2])
        return {"kind": "table", "region": region_of(table["arn"]), "name": name, "key": table["key"]}
    assert queue, "a layer has one of four kinds"
    settings = {"url": queue_url(queue["arn"]), "most_messages": queue.get("most_messages")}
    return {"kind": "queue", "region": region_of(queue["arn"]), **settings}


def _statements(layers: dict[str, HealthLayerArgs]) -> list[Statement]:
    tables = [table for layer in layers.values() if (table := layer.get("table")) is not None]
    queues = [queue["arn"] for layer in layers.values() if (queue := layer.get("queue")) is not None]
    keys = [key for table in tables if (key := table.get("kms_key_arn")) is not None]
    return [
        *([Statement(sid="Tables", actions=["dynamodb:GetItem"], resources=[table["arn"] for table in tables])] if tables else []),
        *([Statement(sid="TableKeys", actions=["kms:Decrypt"], resources=keys)] if keys else []),
        *([Statement(sid="Queues", actions=["sqs:GetQueueAttributes"], resources=queues)] if queues else []),
    ]
