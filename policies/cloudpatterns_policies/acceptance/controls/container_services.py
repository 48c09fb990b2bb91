"""ECS services: their target groups, and the capacity providers of their cluster."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.acceptance.relations import target, targets, waits_for
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control

_SERVICE: Final = "aws:ecs/service:Service"
_GROUPS: Final = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
_FORWARDING: Final = (
    ("aws:lb/listener:Listener", "defaultActions"),
    ("aws:alb/listener:Listener", "defaultActions"),
    ("aws:lb/listenerRule:ListenerRule", "actions"),
    ("aws:alb/listenerRule:ListenerRule", "actions"),
)
"""What associates a target group with a load balancer, and the property that names the group."""
_ASSOCIATION: Final = "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
_TARGET_GROUP: Final = "loadBalancers.*.targetGroupArn"

_refusal = partial(stack_control, severity=Severity.HIGH, types=(_SERVICE,), pack="acceptance")


@_refusal(
    id="ecs-target-type",
    title="The target groups of tasks with their own network interface have the target type ip",
    why="ECS refuses a target group of instances for tasks in the network mode awsvpc, which Fargate always has.",
    remediation='Set target_type of the target group to "ip".',
    url="https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html",
)
def ecs_target_type(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    if not _has_interface(resource, stack):
        return
    for path, group in targets(stack, resource, _TARGET_GROUP, *_GROUPS):
        kind = given(group, "targetType")
        kind = "instance" if kind is None else kind
        if isinstance(kind, str) and kind != "ip":
            yield Fail(f"has tasks with their own network interface, and target group {group.name} of the type {kind}", path)


@_refusal(
    id="ecs-listener-first",
    title="A service waits until its target groups are at a load balancer",
    why="ECS refuses a target group that no listener forwards to yet.",
    remediation="Name the listener, or the listener's rule, in depends_on of the service.",
    url="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html",
)
def ecs_listener_first(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    for path, group in targets(stack, resource, _TARGET_GROUP, *_GROUPS):
        forwarding = [item for type_, name in _FORWARDING for item in stack.referrers(group, type_, name)]
        if forwarding and not any(waits_for(stack, resource, item) for item in forwarding):
            yield Fail(f"does not wait for {forwarding[0].name}, which forwards to target group {group.name}", path)


@_refusal(
    id="ecs-capacity-providers",
    title="The capacity providers of a service are those of its cluster",
    why="ECS refuses a capacity provider that is not associated with the cluster; a new cluster has none, not even FARGATE.",
    remediation="Associate it by aws.ecs.ClusterCapacityProviders, and name that in depends_on of the service.",
    url="https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html",
)
def ecs_capacity_providers(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    strategies = given(resource, "capacityProviderStrategies")
    cluster = target(stack, resource, "cluster", "aws:ecs/cluster:Cluster")
    if cluster is None or not isinstance(strategies, list) or not strategies:
        return
    associations = stack.referrers(cluster, _ASSOCIATION, "clusterName")
    if not associations:
        yield Fail(f"uses capacity providers, and cluster {cluster.name} has none", "capacityProviderStrategies")
        return
    names = _names(associations)
    for index, strategy in enumerate(strategies):
        wanted = strategy.get("capacityProvider") if isinstance(strategy, dict) else UNKNOWN
        if isinstance(wanted, str) and names is not None and wanted not in names:
            path = f"capacityProviderStrategies.{index}.capacityProvider"
            yield Fail(f"uses capacity provider {wanted}, which cluster {cluster.name} does not have", path)
    if not any(waits_for(stack, resource, item) for item in associations):
        yield Fail(f"does not wait for {associations[0].name}, which gives cluster {cluster.name} its capacity providers", "cluster")


def _has_interface(resource: Resource, stack: Stack) -> bool:
    """Whether the tasks of a service surely have their own network interface."""
    if is_given(resource, "launchType", "FARGATE"):
        return True
    definition = target(stack, resource, "taskDefinition", "aws:ecs/taskDefinition:TaskDefinition")
    return definition is not None and is_given(definition, "networkMode", "awsvpc")


def _names(associations: list[Resource]) -> list[str] | None:
    """The capacity providers of a cluster; None when one is not known."""
    lists = [given(item, "capacityProviders") for item in associations]
    names = [name for found in lists if isinstance(found, list) for name in found]
    return None if any(one is UNKNOWN for one in (*lists, *names)) else names
