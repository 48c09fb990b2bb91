"""Agents on instances: a group that has as many as there are jobs, and none where there are none."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, alarm, receive_statements
from cloudpatterns.blocks.boot import boot_script
from cloudpatterns.blocks.server import amazon_linux
from cloudpatterns.compute import ScaleOut, ScaleOutArgs
from cloudpatterns.core import Component, Problem, Statement, as_arguments, document, name_of, part_problems, pick
from cloudpatterns.operations.build_agents.arguments import BuildAgentsArgs, BuildGroupArgs, scheduled_actions
from cloudpatterns.security import WorkloadRole, session_manager_statements
from cloudpatterns.storage import DurableBucket

NAMESPACE = "CloudPatterns/BuildAgents"
_ON_AWS = Path(__file__).parent / "on_aws"
_MOST_STEPS = 20
"""Of a step policy: https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-quotas.html"""
_MOST_HOOK_SECONDS = 7200
_PERIOD_SECONDS = 300


class AgentPlace(NamedTuple):
    """Where agents stand, and what they use."""

    queue_arn: pulumi.Output[str]
    queue_url: pulumi.Output[str]
    queue_kms_key_arn: pulumi.Input[str] | None
    bucket: DurableBucket
    kms_key_arn: pulumi.Output[str]
    subnet_ids_by_zone: Mapping[str, pulumi.Input[str]]
    security_group_ids: Sequence[pulumi.Input[str]]
    permissions_boundary_arn: pulumi.Input[str] | None
    alarm_topic_arns: Sequence[pulumi.Input[str]]
    tags: Mapping[str, pulumi.Input[str]]

    @property
    def queue_name(self) -> pulumi.Output[str]:
        """Name of the queue, the dimension of its metrics."""
        return name_of(self.queue_arn)


def agent_role(component: Component, name: str, agents: BuildGroupArgs, place: AgentPlace) -> WorkloadRole:
    """The role of the agents, and so of their jobs."""
    bucket_arn = place.bucket.bucket_arn
    logs, cache = (pulumi.Output.concat(bucket_arn, f"/{folder}/*") for folder in ("logs", "cache"))
    namespace = {"StringEquals": {"cloudwatch:namespace": [NAMESPACE]}}
    below_cache = {"StringLike": {"s3:prefix": ["cache/*"]}}
    own = [
        *receive_statements(place.queue_arn, place.queue_kms_key_arn),
        Statement(sid="Keep", actions=["s3:PutObject"], resources=[logs, cache]),
        Statement(sid="Cache", actions=["s3:GetObject"], resources=[cache]),
        Statement(sid="FindCache", actions=["s3:ListBucket"], resources=[bucket_arn], conditions=below_cache),
        Statement(sid="Key", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[place.kms_key_arn]),
        # Neither has resources to name.
        Statement(sid="Report", actions=["cloudwatch:PutMetricData"], resources=["*"], conditions=namespace),
        Statement(sid="FindGroup", actions=["autoscaling:DescribeAutoScalingInstances"], resources=["*"]),
    ]
    boundary = {} if place.permissions_boundary_arn is None else {"permissions_boundary_arn": place.permissions_boundary_arn}
    return WorkloadRole(
        f"{name}-role",
        {
            "service": "ec2.amazonaws.com",
            "instance_profile": True,
            "description": "Build agents: take jobs from a queue",
            "statements": [*session_manager_statements(), *as_arguments(own), *agents["statements"]],
            "tags": dict(place.tags),
            **boundary,
        },
        component.child(),
    )


def agent_group(component: Component, name: str, agents: BuildGroupArgs, role: WorkloadRole, place: AgentPlace) -> ScaleOut:
    """The group, which grows and ends with the jobs, with what an agent may do with its own instance."""
    args: ScaleOutArgs = {
        **_group_args(agents, place.subnet_ids_by_zone, place.security_group_ids),
        "instance_profile_arn": role.instance_profile_arn,
        "user_data": _user_data(name, agents, place),
        "alarm_topic_arns": list(place.alarm_topic_arns),
        "tags": dict(place.tags),
    }
    group = ScaleOut(name, args, component.child())
    aws.autoscaling.LifecycleHook(
        f"{name}-end",
        name="build-agent-end",
        autoscaling_group_name=group.auto_scaling_group_name,
        lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
        # A job that runs when an instance is replaced; Spot itself waits for two minutes.
        heartbeat_timeout=min(60 * agents["job_minutes"] + 300, _MOST_HOOK_SECONDS),
        default_result="CONTINUE",
        opts=component.child(),
    )
    aws.iam.RolePolicy(
        f"{name}-own-instance",
        role=role.role_name,
        policy=document(
            Statement(
                actions=["autoscaling:CompleteLifecycleAction", "autoscaling:SetInstanceProtection"],
                resources=[group.auto_scaling_group_arn],
            )
        ),
        opts=component.child(),
    )
    _scaling(component, name, agents, group, place)
    return group


def group_problems(name: str, checked: BuildAgentsArgs) -> Iterator[Problem]:
    """What the group would refuse, at the arguments that it comes from."""
    agents, subnets = checked.get("agents"), checked.get("subnet_ids_by_zone")
    if agents is None or subnets is None:
        return
    args = {**_group_args(agents, subnets, ["sg-0"]), "instance_profile_arn": "arn"}
    places = {"": "agents", "disks": "agents", "subnet_ids_by_zone": "subnet_ids_by_zone"}
    yield from part_problems(ScaleOut, f"{name}-agents", args, places)


def _group_args(agents: BuildGroupArgs, subnet_ids_by_zone: Mapping[str, Any], security_group_ids: Sequence[Any]) -> ScaleOutArgs:
    given: Any = pick(agents, "image_parameter", "image_id")
    image = given if given else {"image_parameter": amazon_linux(agents["instance_types"][0])}
    return {
        **image,
        "instance_types": agents["instance_types"],
        "min_size": 0,
        "max_size": agents["max_size"],
        "spot_percentage": agents["spot_percentage"],
        "disks": {"root_disk_gib": agents["root_disk_gib"]},
        "scaling": {"by_cpu": False, "scheduled_actions": scheduled_actions(agents.get("hours"))},
        # A job that runs is not ended for another image; the hook lets it finish.
        "refresh": {"min_healthy_percent": 50, "protected_instances": "Wait"},
        "subnet_ids_by_zone": dict(subnet_ids_by_zone),
        "single_zone": len(subnet_ids_by_zone) == 1,
        "security_group_ids": list(security_group_ids),
        # Jobs come back to the queue.
        "force_delete": True,
    }


def _user_data(name: str, agents: BuildGroupArgs, place: AgentPlace) -> pulumi.Output[str]:
    def render(values: Sequence[str]) -> str:
        url, bucket = values
        settings = {
            "QUEUE_URL": url,
            "BUCKET": bucket,
            "JOB_COMMAND": agents["job_command"],
            "JOB_SECONDS": 60 * agents["job_minutes"],
            "HOOK": "build-agent-end",
            "NAME": name,
        }
        agent = boot_script(_ON_AWS / "agent.sh", settings)
        return boot_script(_ON_AWS / "install.sh", {"AGENT_SCRIPT": agent, "SETUP_SCRIPT": agents["setup_script"]})

    return pulumi.Output.all(place.queue_url, place.bucket.bucket_name).apply(render)


def agent_steps(max_size: int) -> list[dict[str, Any]]:
    """How many agents there are for how many jobs: as many, or in steps where a policy would have too many.

    Bounds are beyond the alarm's threshold, which is one job.
    """
    width = -(-max_size // _MOST_STEPS)
    sizes = [min(size, max_size) for size in range(width, max_size + width, width)]
    steps: list[dict[str, Any]] = [
        {
            "metric_interval_lower_bound": str(index * width),
            "metric_interval_upper_bound": str((index + 1) * width),
            "scaling_adjustment": size,
        }
        for index, size in enumerate(sizes)
    ]
    del steps[-1]["metric_interval_upper_bound"]
    return steps


def _scaling(component: Component, name: str, agents: BuildGroupArgs, group: ScaleOut, place: AgentPlace) -> None:
    """As many agents as jobs, waiting or running: target tracking has no metric with which to leave zero."""
    queue = {"QueueName": place.queue_name}
    jobs = MetricMath(
        "FILL(waiting, 0) + FILL(running, 0)",
        {
            "waiting": Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, "Maximum"),
            "running": Metric("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", queue, "Maximum"),
        },
    )
    idle_step: list[Any] = [{"metric_interval_upper_bound": "0", "scaling_adjustment": 0}]
    plans: dict[str, tuple[Any, str, int, str, str]] = {
        "jobs": (
            agent_steps(agents["max_size"]),
            "GreaterThanOrEqualToThreshold",
            1,
            "notBreaching",
            "An agent for each job",
        ),
        "idle": (idle_step, "LessThanThreshold", agents["idle_minutes"], "breaching", "No job: no agent but those of hours"),
    }
    for suffix, (steps, comparison, periods, missing, words) in plans.items():
        policy = aws.autoscaling.Policy(
            f"{name}-{suffix}",
            autoscaling_group_name=group.auto_scaling_group_name,
            policy_type="StepScaling",
            adjustment_type="ExactCapacity",
            metric_aggregation_type="Maximum",
            step_adjustments=steps,
            opts=component.child(),
        )
        alarm(
            component,
            f"{name}-{suffix}-alarm",
            words,
            jobs,
            1,
            comparison=comparison,
            periods=periods,
            missing=missing,
            actions=[policy.arn],
            ok_actions=[],
            tags=place.tags,
        )


def agent_alarms(component: Component, name: str, agents: BuildGroupArgs, place: AgentPlace) -> None:
    """Alarms on failed jobs, and on jobs that wait without a pause."""
    minutes = agents["most_waiting_minutes"]
    alarm(
        component,
        f"{name}-job-failed",
        f"Jobs of {name} fail; their logs are in the bucket, below logs/",
        Metric(NAMESPACE, "FailedJobs", {"Agents": name}, "Sum"),
        agents["most_failed"],
        period_seconds=_PERIOD_SECONDS,
        actions=place.alarm_topic_arns,
        tags=place.tags,
    )
    alarm(
        component,
        f"{name}-job-waiting",
        f"Jobs have waited for {minutes} minutes: AWS has no instances, agents do not start, or max_size is too small",
        Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": place.queue_name}, "Minimum"),
        0,
        periods=minutes,
        actions=place.alarm_topic_arns,
        tags=place.tags,
    )
