"""What moves the number of tasks: targets of CPU, memory, requests and backlog, and times."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, alarm
from cloudpatterns.compute.container_service.arguments import ContainerServiceArgs, ContainerServiceBacklog
from cloudpatterns.core import Component, is_given, pick

_MOST_STEPS = 8
"""Up to 128 tasks at once from none; target tracking adds more."""


def is_scaled(checked: ContainerServiceArgs) -> bool:
    """Whether the number of tasks changes by itself."""
    return checked["min_tasks"] < checked["max_tasks"] or bool(checked["scaling"]["scheduled_actions"])


def may_be_empty(checked: ContainerServiceArgs) -> bool:
    """Whether there may be no task on purpose."""
    return checked["min_tasks"] == 0 or any(action.get("min_tasks") == 0 for action in checked["scaling"]["scheduled_actions"].values())


class Scaling:
    """The scalable target of a service, and its policies."""

    def __init__(self, component: Component, checked: ContainerServiceArgs, dimensions: Mapping[str, pulumi.Output[str]]) -> None:
        self._component, self._name, self._checked = component, component.pulumi_resource_name, checked
        self._dimensions = dimensions
        actions = checked["scaling"]["scheduled_actions"].values()
        limits = {"minCapacity": "min_tasks", "maxCapacity": "max_tasks"}
        self._target = aws.appautoscaling.Target(
            f"{self._name}-tasks",
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=pulumi.Output.concat("service/", dimensions["ClusterName"], "/", dimensions["ServiceName"]),
            min_capacity=checked["min_tasks"],
            max_capacity=checked["max_tasks"],
            tags=checked["tags"],
            # Limits that scheduled actions change.
            opts=component.child(ignore_changes=[key for key, limit in limits.items() if any(is_given(one, limit) for one in actions)]),
        )
        self._previous: pulumi.Resource = self._target
        self._track_utilization()
        if backlog := checked["scaling"].get("backlog"):
            self._track_backlog(backlog)
        self._schedule()

    def _track_utilization(self) -> None:
        scaling, checked = self._checked["scaling"], self._checked
        if scaling["by_cpu"]:
            self._track("cpu", scaling["cpu_target_percent"], predefined={"predefined_metric_type": "ECSServiceAverageCPUUtilization"})
        if (memory := scaling.get("memory_target_percent")) is not None:
            self._track("memory", memory, predefined={"predefined_metric_type": "ECSServiceAverageMemoryUtilization"})
        if (requests := scaling.get("requests_per_target")) is not None:
            label = pulumi.Output.concat(checked["load_balancer_arn_suffix"], "/", checked["target_group_arn_suffix"])
            self._track("requests", requests, predefined={"predefined_metric_type": "ALBRequestCountPerTarget", "resource_label": label})

    def _track(self, suffix: str, target: int, *, predefined: Any = None, customized: Any = None) -> None:
        scaling = self._checked["scaling"]
        self._policy(
            suffix,
            policy_type="TargetTrackingScaling",
            target_tracking_scaling_policy_configuration={
                "target_value": target,
                "predefined_metric_specification": predefined,
                "customized_metric_specification": customized,
                "scale_out_cooldown": scaling["scale_out_cooldown_seconds"],
                "scale_in_cooldown": scaling["scale_in_cooldown_seconds"],
            },
        )

    def _policy(self, suffix: str, **options: Any) -> aws.appautoscaling.Policy:
        policy = aws.appautoscaling.Policy(f"{self._name}-{suffix}", **self._place(), **options)
        self._previous = policy
        return policy

    def _place(self) -> dict[str, Any]:
        """The target, and the options of a child that comes after the one before it.

        Application Auto Scaling refuses a second change of a target while one is pending, and the provider does not try again.
        https://github.com/hashicorp/terraform-provider-aws/issues/17915
        """
        # By the target's outputs, so that the target comes first.
        return {
            "service_namespace": self._target.service_namespace,
            "scalable_dimension": self._target.scalable_dimension,
            "resource_id": self._target.resource_id,
            "opts": self._component.child(depends_on=[self._previous]),
        }

    def _track_backlog(self, backlog: ContainerServiceBacklog) -> None:
        """Messages per task; those in work count, or a busy service would shrink.

        Without tasks the quotient has no value and the policy does nothing: steps start the first ones.
        """
        visible: dict[str, Metric] = {}
        hidden: dict[str, Metric] = {}
        for number, queue_name in enumerate(backlog["queue_names"], start=1):
            queue = {"QueueName": queue_name}
            visible[f"visible{number}"] = Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, "Average")
            hidden[f"hidden{number}"] = Metric("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", queue, "Average")
        tasks = {"tasks": Metric("ECS/ContainerInsights", "RunningTaskCount", self._dimensions, "Average")}
        expression = f"({' + '.join([*visible, *hidden])}) / tasks"
        metrics = [_query(key, metric) for key, metric in {**visible, **hidden, **tasks}.items()]
        metrics.append({"id": "backlog", "label": "Messages per task", "expression": expression, "return_data": True})
        self._track("backlog", backlog["messages_per_task"], customized={"metrics": metrics})
        if may_be_empty(self._checked):
            self._start(backlog["messages_per_task"], visible, tasks)

    def _start(self, per_task: int, visible: Mapping[str, Metric], tasks: Mapping[str, Metric]) -> None:
        """Steps from no task: as many at once as the messages that wait need."""
        most = self._checked["max_tasks"]
        sizes = [*(size for size in (2**step for step in range(_MOST_STEPS)) if size < most), most][:_MOST_STEPS]
        bounds = [0, *(size * per_task + 1 for size in sizes[:-1])]
        steps = [
            {
                "metric_interval_lower_bound": str(lower),
                **({"metric_interval_upper_bound": str(bounds[number + 1])} if number + 1 < len(sizes) else {}),
                "scaling_adjustment": sizes[number],
            }
            for number, lower in enumerate(bounds)
        ]
        policy = self._policy(
            "start",
            policy_type="StepScaling",
            step_scaling_policy_configuration={
                # Not an exact number: tasks that are on their way would be taken back.
                "adjustment_type": "ChangeInCapacity",
                "metric_aggregation_type": "Average",
                "cooldown": self._checked["scaling"]["scale_out_cooldown_seconds"],
                "step_adjustments": steps,
            },
        )
        alarm(
            self._component,
            f"{self._name}-start-alarm",
            f"Messages for {self._name} wait and there is no task: the service starts some",
            MetricMath(f"IF(FILL(tasks, 0) < 1, {' + '.join(visible)}, 0)", {**visible, **tasks}),
            0,
            # A queue that nothing happens in reports nothing.
            missing="notBreaching",
            actions=[policy.arn],
            ok_actions=[],
            tags=self._checked["tags"],
        )

    def _schedule(self) -> None:
        limits = {"min_tasks": "min_capacity", "max_tasks": "max_capacity"}
        for key, action in self._checked["scaling"]["scheduled_actions"].items():
            # Left out, a limit stays as it is.
            changed: Any = {limits[name]: value for name, value in pick(action, *limits).items()}
            self._previous = aws.appautoscaling.ScheduledAction(
                f"{self._name}-at-{key}",
                schedule=action["schedule"],
                timezone=action["time_zone"],
                start_time=action.get("start_time"),
                end_time=action.get("end_time"),
                scalable_target_action=changed,
                **self._place(),
            )


def _query(key: str, metric: Metric) -> dict[str, Any]:
    dimensions = [{"name": name, "value": value} for name, value in metric.dimensions.items()]
    whole = {"namespace": metric.namespace, "metric_name": metric.name, "dimensions": dimensions}
    return {"id": key, "metric_stat": {"metric": whole, "stat": metric.statistic}, "return_data": False}
