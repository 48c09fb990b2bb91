"""The policies by which a group follows a backlog, and the hook that holds an instance until its jobs have ended."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, alarm
from cloudpatterns.core import Component
from cloudpatterns.messaging.job_observer.on_aws.job_guard import HOOK

_MOST_STEPS = 8
"""Up to 128 instances at once from none; target tracking adds more."""


class Backlog:
    """The messages of a queue and the instances of a group, in CloudWatch's metrics."""

    def __init__(self, component: Component, queue_name: pulumi.Input[str], group_name: pulumi.Input[str], target: int) -> None:
        self._component, self._name = component, component.pulumi_resource_name
        self._group_name, self._target = group_name, target
        queue = {"QueueName": queue_name}
        self._metrics = {
            "visible": Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, "Average"),
            "running": Metric("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", queue, "Average"),
            "workers": Metric("AWS/AutoScaling", "GroupInServiceInstances", {"AutoScalingGroupName": group_name}, "Average"),
        }

    def track(self) -> aws.autoscaling.Policy:
        """Target tracking of the backlog for each instance.

        Messages that are worked on count: without them, jobs that are longer than they may wait would make the quotient jump by the number
        of instances for each message, and a group that is busy would shrink. Without instances the quotient has no value, and the policy
        does nothing. https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-target-tracking-metric-math.html
        """
        metrics: list[aws.autoscaling.PolicyTargetTrackingConfigurationCustomizedMetricSpecificationMetricArgsDict] = [
            {
                "id": key,
                "metric_stat": {
                    "metric": {
                        "namespace": metric.namespace,
                        "metric_name": metric.name,
                        "dimensions": [{"name": name, "value": value} for name, value in metric.dimensions.items()],
                    },
                    "stat": metric.statistic,
                },
                "return_data": False,
            }
            for key, metric in self._metrics.items()
        ]
        metrics.append({"id": "backlog", "label": "Backlog per worker", "expression": "(visible + running) / workers", "return_data": True})
        return aws.autoscaling.Policy(
            f"{self._name}-backlog",
            autoscaling_group_name=self._group_name,
            policy_type="TargetTrackingScaling",
            target_tracking_configuration={"customized_metric_specification": {"metrics": metrics}, "target_value": self._target},
            opts=self._component.child(),
        )

    def start(self, max_size: int | None, tags: Mapping[str, pulumi.Input[str]]) -> None:
        """Steps from no instance: as many at once as the messages that are there need."""
        sizes = [2**step for step in range(_MOST_STEPS)]
        sizes = sizes if max_size is None else [*(size for size in sizes if size < max_size), max_size][:_MOST_STEPS]
        # Whole messages, in the first step those that one instance may have, in the last all that are more.
        bounds = [0, *(size * self._target + 1 for size in sizes[:-1])]
        steps: list[aws.autoscaling.PolicyStepAdjustmentArgsDict] = [
            {
                "metric_interval_lower_bound": str(lower),
                **({"metric_interval_upper_bound": str(bounds[number + 1])} if number + 1 < len(sizes) else {}),
                "scaling_adjustment": sizes[number],
            }
            for number, lower in enumerate(bounds)
        ]
        policy = aws.autoscaling.Policy(
            f"{self._name}-start",
            autoscaling_group_name=self._group_name,
            policy_type="StepScaling",
            # Not an exact size: instances that are on their way would be taken back.
            adjustment_type="ChangeInCapacity",
            metric_aggregation_type="Average",
            step_adjustments=steps,
            opts=self._component.child(),
        )
        alarm(
            self._component,
            f"{self._name}-start-alarm",
            f"Jobs of {self._name} wait and there is no instance: the group starts some",
            MetricMath("IF(FILL(workers, 0) < 1, visible, 0)", {key: self._metrics[key] for key in ("visible", "workers")}),
            0,
            # A queue that nothing happens in reports nothing.
            missing="notBreaching",
            actions=[policy.arn],
            ok_actions=[],
            tags=tags,
        )

    def report(self, actions: Sequence[pulumi.Input[str]], tags: Mapping[str, pulumi.Input[str]]) -> None:
        """An alarm when the group has not kept up for half an hour; nothing without topics."""
        if actions:
            alarm(
                self._component,
                f"{self._name}-behind",
                f"Jobs of {self._name} wait twice as long as they may, for half an hour: the group is at its largest size, its instances "
                "do not start, or the workers take no jobs",
                MetricMath("IF(FILL(workers, 0) < 1, visible * 1000, (visible + running) / workers)", self._metrics),
                2 * self._target,
                period_seconds=300,
                periods=6,
                missing="notBreaching",
                actions=actions,
                tags=tags,
            )

    def hold(self, heartbeat_seconds: int) -> aws.autoscaling.LifecycleHook:
        """The hook at which an instance waits until its jobs have ended, whatever terminates it."""
        return aws.autoscaling.LifecycleHook(
            f"{self._name}-finish-jobs",
            name=HOOK,
            autoscaling_group_name=self._group_name,
            lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
            heartbeat_timeout=heartbeat_seconds,
            # Either result terminates the instance; other hooks still run after this one.
            default_result="CONTINUE",
            opts=self._component.child(),
        )
