"""What rolls a deployment back, and what people hear of."""

from collections.abc import Iterator, Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, alarm, notify_on_event
from cloudpatterns.compute.container_service.arguments import ContainerServiceArgs
from cloudpatterns.core import Component, name_of

# Fewer errors in a minute are no failed deployment, whatever their share is.
_FEWEST_ERRORS = 5
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_events.html
_FAILURES = ("SERVICE_DEPLOYMENT_FAILED", "SERVICE_TASK_PLACEMENT_FAILURE", "SERVICE_TASK_START_IMPAIRED")


def rollback_alarms(component: Component, checked: ContainerServiceArgs) -> list[pulumi.Input[str]]:
    """Names of the alarms that roll a deployment back: the given ones, and one on 5xx responses for each target group."""
    names, balancer = [*checked["deployment"]["alarm_names"]], checked.get("load_balancer_arn_suffix")
    if balancer is not None:
        groups = _target_groups(checked)
        names += [_errors(component, checked, suffix, {"LoadBalancer": balancer, "TargetGroup": group}).name for suffix, group in groups]
    return names


def _target_groups(checked: ContainerServiceArgs) -> Iterator[tuple[str, pulumi.Output[str]]]:
    """Each target group as CloudWatch's dimension has it (``targetgroup/...``), the end of its ARN."""
    for number, arn in enumerate(checked["target_group_arns"], start=1):
        yield f"errors-{number}", name_of(arn)
    if (alternate := checked.get("alternate_target_group_arn")) is not None:
        yield "errors-alternate", name_of(alternate)


def _errors(
    component: Component, checked: ContainerServiceArgs, suffix: str, dimensions: Mapping[str, pulumi.Input[str]]
) -> aws.cloudwatch.MetricAlarm:
    name, percent = component.pulumi_resource_name, checked["deployment"]["error_percent"]
    metrics = {
        "errors": Metric("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", dimensions, "Sum"),
        "requests": Metric("AWS/ApplicationELB", "RequestCount", dimensions, "Sum"),
    }
    # By target group: of all requests together those of a canary are too few.
    return alarm(
        component,
        f"{name}-{suffix}",
        f"More than {percent:g}% of the requests of two minutes to {name} end in 5xx: a deployment that runs is rolled back",
        MetricMath(f"IF(errors >= {_FEWEST_ERRORS}, 100 * errors / requests, 0)", metrics),
        percent,
        periods=2,
        # Elastic Load Balancing reports errors only when there are some.
        missing="notBreaching",
        actions=checked["alarm_topic_arns"],
        tags=checked["tags"],
    )


def report(
    component: Component, checked: ContainerServiceArgs, service: aws.ecs.Service, dimensions: Mapping[str, pulumi.Output[str]]
) -> None:
    """Reports failed deployments, missing tasks, and too much CPU or memory; nothing without topics."""
    name, topics, tags = component.pulumi_resource_name, checked["alarm_topic_arns"], checked["tags"]
    if not topics:
        return
    notify_on_event(
        component,
        f"{name}-failed",
        f"A deployment of {name} failed, or its tasks cannot be started",
        pattern={
            "source": ["aws.ecs"],
            "detail-type": ["ECS Deployment State Change", "ECS Service Action"],
            "resources": [service.arn],
            "detail": {"eventName": list(_FAILURES)},
        },
        topic_arns=topics,
        tags=tags,
    )
    if checked["container_insights"] != "disabled":
        counts = {
            key: Metric("ECS/ContainerInsights", metric, dimensions, "Minimum")
            for key, metric in (("running", "RunningTaskCount"), ("desired", "DesiredTaskCount"))
        }
        alarm(
            component,
            f"{name}-too-few-tasks",
            f"{name} has had fewer tasks than it should for ten minutes: they cannot be started, or they stop again",
            MetricMath("running - desired", counts),
            0,
            comparison="LessThanThreshold",
            periods=10,
            # Reported every minute, also for no task: without data nobody would notice a dead service.
            missing="breaching",
            actions=topics,
            tags=tags,
        )
    for suffix, metric, statistic, percent, text in (
        ("cpu", "CPUUtilization", "Average", checked["alarm_cpu_percent"], "scaling does not keep up, or max_tasks is reached"),
        ("memory", "MemoryUtilization", "Maximum", checked["alarm_memory_percent"], "a task that reaches 100% is killed"),
    ):
        alarm(
            component,
            f"{name}-high-{suffix}",
            f"{statistic} {suffix.upper() if suffix == 'cpu' else suffix} of the tasks of {name} is above {percent}%: {text}",
            Metric("AWS/ECS", metric, dimensions, statistic),
            percent,
            period_seconds=300,
            periods=3,
            # A service without tasks has none.
            missing="notBreaching",
            actions=topics,
            tags=tags,
        )
