"""Associations with an unresolved reference: the paths that they open or block are unknown.

A route may belong to any table, an address to any server, a listener to any load balancer. While such a reference exists, no path can be
ruled out; and if it may block paths, no path is certain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.acls import ACL, ACLS, DEFAULT_ACL
from cloudpatterns_policies.graph.kinds import BALANCERS
from cloudpatterns_policies.graph.reading import read, refer
from cloudpatterns_policies.graph.routes import ROUTE, ROUTE_TABLES, VPCS
from cloudpatterns_policies.graph.rules import DEFAULT_GROUP, GROUPS
from cloudpatterns_policies.graph.topology import SUBNETS

_ANY: Final = ()
_TARGET_GROUPS: Final = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
_LISTENERS: Final = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
_FLEET: Final = "aws:autoscaling/group:Group"
_BLOCKING: Final[dict[str, dict[str, Sequence[str]]]] = {
    ROUTE: {"routeTableId": (*ROUTE_TABLES, *VPCS)},
    "aws:ec2/routeTableAssociation:RouteTableAssociation": {"subnetId": SUBNETS},
    "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation": {"vpcId": VPCS},
    "aws:ec2/defaultRouteTable:DefaultRouteTable": {"defaultRouteTableId": VPCS},
    ACL: {"subnetIds": SUBNETS},
    DEFAULT_ACL: {"defaultNetworkAclId": VPCS, "subnetIds": SUBNETS},
    "aws:ec2/networkAclAssociation:NetworkAclAssociation": {"subnetId": SUBNETS},
    "aws:ec2/networkAclRule:NetworkAclRule": {"networkAclId": (*ACLS, *VPCS)},
    DEFAULT_GROUP: {"vpcId": VPCS},
}
"""By type, references of resources that may block paths. They may open some as well."""

_OPENING: Final[dict[str, dict[str, Sequence[str]]]] = {
    "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment": {
        "networkInterfaceId": _ANY,
        "securityGroupId": (*GROUPS, *VPCS),
    },
    "aws:ec2/securityGroupAssociation:SecurityGroupAssociation": {"vpcEndpointId": _ANY, "securityGroupId": (*GROUPS, *VPCS)},
    "aws:ec2/eip:Eip": {"instance": _ANY, "networkInterface": _ANY},
    "aws:ec2/eipAssociation:EipAssociation": {"instanceId": _ANY, "networkInterfaceId": _ANY},
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": {"targetGroupArn": _TARGET_GROUPS, "targetId": _ANY},
    "aws:alb/targetGroupAttachment:TargetGroupAttachment": {"targetGroupArn": _TARGET_GROUPS, "targetId": _ANY},
    "aws:lb/listener:Listener": {"loadBalancerArn": BALANCERS},
    "aws:alb/listener:Listener": {"loadBalancerArn": BALANCERS},
    "aws:lb/listenerRule:ListenerRule": {"listenerArn": _LISTENERS},
    "aws:alb/listenerRule:ListenerRule": {"listenerArn": _LISTENERS},
    "aws:elb/loadBalancer:LoadBalancer": {"instances": _ANY},
    _FLEET: {"launchTemplate.id": _ANY, "targetGroupArns": _TARGET_GROUPS, "loadBalancers": _ANY},
    "aws:autoscaling/attachment:Attachment": {"autoscalingGroupName": (_FLEET,), "lbTargetGroupArn": _TARGET_GROUPS, "elb": _ANY},
    "aws:rds/proxyTarget:ProxyTarget": {"dbProxyName": _ANY, "dbInstanceIdentifier": _ANY, "dbClusterIdentifier": _ANY},
    "aws:rds/clusterInstance:ClusterInstance": {"clusterIdentifier": _ANY},
    "aws:neptune/clusterInstance:ClusterInstance": {"clusterIdentifier": _ANY},
}
"""By type, references of resources that can only open paths. Without types, any AWS resource may be the target."""

_ACTIONS: Final = {
    "aws:lb/listener:Listener": "defaultActions",
    "aws:alb/listener:Listener": "defaultActions",
    "aws:lb/listenerRule:ListenerRule": "actions",
    "aws:alb/listenerRule:ListenerRule": "actions",
}


@dataclass(frozen=True, slots=True)
class UnresolvedReference:
    """A property whose target is unknown."""

    resource: Resource
    path: str
    blocks: bool
    """Whether the resource may block a path that is open without it."""


@lru_cache(maxsize=2)
def unresolved_references(stack: Stack) -> tuple[UnresolvedReference, ...]:
    """All unresolved references of a stack, in the order of URNs."""
    found = [*_references(stack, _BLOCKING, True), *_references(stack, _OPENING, False)]
    for token, path in _ACTIONS.items():
        found += [
            UnresolvedReference(resource, path, False) for resource in stack.of_type(token) if _forwards_anywhere(stack, resource, path)
        ]
    return tuple(sorted(found, key=lambda reference: (reference.resource.urn, reference.path)))


def _references(stack: Stack, table: dict[str, dict[str, Sequence[str]]], blocks: bool) -> Iterator[UnresolvedReference]:
    for token, paths in table.items():
        for resource in stack.of_type(token):
            for path, types in paths.items():
                if _unresolved(stack, resource, path, types):
                    yield UnresolvedReference(resource, path, blocks)


def _unresolved(stack: Stack, resource: Resource, path: str, types: Sequence[str]) -> bool:
    if types:
        return refer(stack, resource, path, types, computed=True).unresolved
    value = read(resource, path, computed=True)
    texts = value if isinstance(value, list) else [value]
    targets = [target for urn in resource.property_dependencies.get(path.partition(".")[0], ()) if (target := stack.by_urn(urn))]
    return any(text is UNKNOWN for text in texts) and not any(target.type.startswith("aws:") for target in targets)


def _forwards_anywhere(stack: Stack, resource: Resource, path: str) -> bool:
    if stack.refs(resource, path, *_TARGET_GROUPS) or read(resource, path, computed=True) is None:
        return False
    # Other properties of an action, such as its order, are chosen by AWS.
    return any(place.count(".") < 2 or place.lower().endswith("arn") for place in resource.unknown_paths(path))
