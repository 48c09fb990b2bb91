"""Cost: small sizes and scheduled stops outside production, and a budget with alerts."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import expand, has_value, read

_PRODUCTION: Final = {
    "type": "boolean",
    "default": True,
    "description": "Whether the stack is production; the profile of any other sets it to false.",
}
_NOT_HERE: Final = NotApplicable("belongs to production: production is true in the profile")

_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:ec2/instance:Instance": ("instanceType",),
    "aws:ec2/launchTemplate:LaunchTemplate": ("instanceType",),
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest": ("instanceType",),
    "aws:autoscaling/group:Group": ("mixedInstancesPolicy.launchTemplate.overrides.*.instanceType",),
    "aws:rds/instance:Instance": ("instanceClass",),
    "aws:rds/clusterInstance:ClusterInstance": ("instanceClass",),
    "aws:rds/cluster:Cluster": ("dbClusterInstanceClass",),
    "aws:docdb/clusterInstance:ClusterInstance": ("instanceClass",),
    "aws:neptune/clusterInstance:ClusterInstance": ("instanceClass",),
    "aws:elasticache/replicationGroup:ReplicationGroup": ("nodeType",),
    "aws:elasticache/cluster:Cluster": ("nodeType",),
    "aws:opensearch/domain:Domain": ("clusterConfig.instanceType", "clusterConfig.dedicatedMasterType"),
    "aws:msk/cluster:Cluster": ("brokerNodeGroupInfo.instanceType",),
    "aws:mq/broker:Broker": ("hostInstanceType",),
}
"""The property that names the size of a resource."""

_SIZE: Final = re.compile(r"(?:^|\.)(nano|micro|small|medium|x?large|\d+xlarge|metal(?:-\w+)?)(?:\.|$)")

_GROUP: Final = "aws:autoscaling/group:Group"
_GROUP_SCHEDULE: Final = "aws:autoscaling/schedule:Schedule"
_SCHEDULE: Final = "aws:scheduler/schedule:Schedule"
_STOPS: Final[Mapping[str, str]] = {
    "aws:ec2/instance:Instance": "ec2:stopInstances",
    "aws:rds/instance:Instance": "rds:stopDBInstance",
    "aws:rds/cluster:Cluster": "rds:stopDBCluster",
}
"""What stops a resource, as a target of EventBridge Scheduler."""


@control(
    id="small-outside-production",
    title="Compute and databases outside production are small",
    severity=Severity.MEDIUM,
    types=tuple(_CLASSES),
    why="Production sizes that run around the clock for a few users are a very common waste.",
    remediation="Choose a smaller instance_type, instance_class or node_type for this stack.",
    url="https://docs.aws.amazon.com/wellarchitected/latest/cost-optimization-pillar/select-the-correct-resource-type-size-and-number.html",
    config={
        "production": _PRODUCTION,
        "sizes": {
            "type": "array",
            "items": {"type": "string"},
            "default": ["nano", "micro", "small", "medium", "large"],
            "description": "Sizes that are accepted outside production, such as medium or xlarge.",
        },
    },
    pack="operations",
)
def small_outside_production(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    if config["production"]:
        yield _NOT_HERE
        return
    for path in (found for pattern in _CLASSES[resource.type] for found in expand(resource, pattern)):
        name = read(resource, path)
        size = _SIZE.search(name) if isinstance(name, str) else None
        if name is UNKNOWN:
            yield Unknown(path)
        elif size and size[1] not in config["sizes"]:
            yield Fail(f"runs on {name}, a size for production", path)


@stack_control(
    id="schedule-outside-production",
    title="Compute and databases outside production are stopped on a schedule",
    severity=Severity.LOW,
    types=(_GROUP, *_STOPS),
    why="Nights and weekends are 128 of the week's 168 hours, and cost as much as working hours.",
    remediation="Add an aws.autoscaling.Schedule, or an aws.scheduler.Schedule that stops it, or the tag of your instance scheduler.",
    url="https://docs.aws.amazon.com/wellarchitected/latest/cost-optimization-pillar/cost_manage_demand_resources_dynamic.html",
    config={
        "production": _PRODUCTION,
        "scheduleTags": {
            "type": "array",
            "items": {"type": "string"},
            "default": ["Schedule"],
            "description": "Tags by which a scheduler outside the stack finds the resources that it stops.",
        },
    },
    pack="operations",
)
def schedule_outside_production(resource: Resource, stack: Stack, config: Mapping[str, Any]) -> Verdict:
    if config["production"]:
        return _NOT_HERE
    tags = read(resource, "tags", computed=True)
    if tags is UNKNOWN:
        return Unknown("tags")
    keys = [tag.get("key") for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else list(tags or ())
    if any(key is not UNKNOWN and key in config["scheduleTags"] for key in keys):
        return Pass()
    closings = list(_group_closings(resource, stack) if resource.type == _GROUP else _machine_closings(resource, stack))
    for wanted in (Pass, Unknown):
        for verdict in closings:
            if isinstance(verdict, wanted):
                return verdict
    return Fail("runs around the clock")


def _group_closings(group: Resource, stack: Stack) -> Iterator[Verdict]:
    """Whether it is scaled from nothing; for each scheduled action, whether it stops all instances: desired or maximum size is zero."""
    sizes = {path: read(group, path) for path in ("minSize", "desiredCapacity")}
    if unknown := [path for path, size in sizes.items() if size is UNKNOWN]:
        # A group without a desired size has its minimum.
        if all(size is UNKNOWN or not size for size in sizes.values()) and sizes["minSize"] is not None:
            yield Unknown(unknown[0])
    elif sizes["minSize"] == 0 and not sizes["desiredCapacity"]:
        yield Pass()
    for item in stack.referrers(group, _GROUP_SCHEDULE, "autoscalingGroupName"):
        for path in ("desiredCapacity", "maxSize"):
            value = read(item, path, computed=True)
            if value is UNKNOWN:
                yield Unknown(f"{path} of {item.name}")
            elif value == 0:
                yield Pass()


def _machine_closings(machine: Resource, stack: Stack) -> Iterator[Verdict]:
    """For each schedule that targets the resource, whether it stops it."""
    for item in stack.referrers(machine, _SCHEDULE, "target"):
        target = read(item, "target.arn")
        if target is UNKNOWN:
            yield Unknown(f"target.arn of {item.name}")
        elif str(target).lower().endswith(_STOPS[machine.type].lower()):
            yield Pass()


@stack_control(
    id="budget-alerts",
    title="Budgets send an alert before the limit is reached",
    severity=Severity.MEDIUM,
    types=("aws:budgets/budget:Budget",),
    why="A budget that alerts nobody, or only after the money is spent, does not limit costs.",
    remediation="Set notifications with a threshold of at most 100 per cent, and subscriber_email_addresses or subscriber_sns_topic_arns.",
    url="https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-best-practices.html",
    pack="operations",
)
def budget_alerts(resource: Resource, stack: Stack) -> Verdict:
    notifications = read(resource, "notifications", computed=True)
    if notifications is UNKNOWN:
        return Unknown("notifications")
    late = False
    for index in range(len(notifications or ())):
        prefix = f"notifications.{index}"
        if not any(has_value(resource, f"{prefix}.{kind}") for kind in ("subscriberEmailAddresses", "subscriberSnsTopicArns")):
            continue
        threshold = read(resource, f"{prefix}.threshold")
        if threshold is UNKNOWN:
            return Unknown(f"{prefix}.threshold")
        if read(resource, f"{prefix}.thresholdType") != "PERCENTAGE" or (threshold or 0) <= 100:
            return Pass()
        late = True
    return Fail("alerts only after the limit is exceeded" if late else "alerts nobody", "notifications")


@stack_control(
    id="stack-budget",
    title="The stack has a budget",
    severity=Severity.LOW,
    types=("pulumi:pulumi:Stack",),
    why="Without a budget, a runaway cost is noticed on the bill, a month later.",
    remediation="Add an aws.budgets.Budget, or state in the profile's property keptElsewhere where the account's budget is kept.",
    url="https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html",
    config={"keptElsewhere": {"type": "string", "default": "", "description": "Where the budget is kept, if not in this stack."}},
    pack="operations",
)
def stack_budget(resource: Resource, stack: Stack, config: Mapping[str, Any]) -> Verdict:
    if config["keptElsewhere"]:
        return NotApplicable(f"has its budget elsewhere: {config['keptElsewhere']}")
    if not any(item.type.startswith("aws:") for item in stack.resources):
        return NotApplicable("has no AWS resources")
    return Pass() if stack.of_type("aws:budgets/budget:Budget") else Fail("has no budget")
