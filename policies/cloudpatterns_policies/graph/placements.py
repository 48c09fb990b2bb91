"""Which workloads and data stores sit in which subnets."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from cloudpatterns_policies.core import Resource, Stack
from cloudpatterns_policies.graph.firewall import is_internal
from cloudpatterns_policies.graph.kinds import INSTANCE, INTERFACE, KINDS, SUBNET_GROUPS, TEMPLATE, Role
from cloudpatterns_policies.graph.reading import Reference, label, read, refer, refer_all
from cloudpatterns_policies.graph.regions import Place
from cloudpatterns_policies.graph.routers import attached_interfaces, is_router, router_doubt
from cloudpatterns_policies.graph.topology import SUBNETS

_GROUP: Final = "aws:autoscaling/group:Group"
_INTERFACE_ATTACHMENT: Final = "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment"


@dataclass(frozen=True, slots=True)
class Placement:
    """A resource, or a subnet group for data stores, and the subnets it names in one property."""

    subject: Resource
    role: Role
    """`Role.WORKLOAD` or `Role.DATA`."""
    subnets: Reference
    marked_by: tuple[Resource, ...]
    """Resources whose tags count for it: itself, and an Auto Scaling group's launch template."""
    doubt: Place | None = None
    """What leaves it unknown whether it must be private at all: a load balancer's `internal`, or a route that may make it a NAT."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        return label(self.subject, KINDS[self.subject.type].noun if self.subject.type in KINDS else "")


@lru_cache(maxsize=2)
def placements(stack: Stack) -> list[Placement]:
    """Workloads and data stores of the stack in subnets. Without internet-facing load balancers and NAT instances."""
    found: list[Placement] = []
    for token, kind in KINDS.items():
        if kind.role not in (Role.WORKLOAD, Role.DATA, Role.BALANCER):
            continue
        for subject in stack.of_type(token):
            if kind.role is Role.BALANCER:
                internal = is_internal(subject)
                found += [] if internal is False else _named(stack, subject, Role.WORKLOAD, None if internal else (subject, "internal"))
            elif token == INSTANCE:
                doubt = router_doubt(stack, subject)
                found += [] if is_router(stack, subject) else [replace(item, doubt=doubt) for item in _instance(stack, subject)]
            elif token == _GROUP:
                found += _fleet(stack, subject)
            elif kind.subnet_group:
                found += _store(stack, subject)
            else:
                found += _named(stack, subject, kind.role)
    return found


def users(stack: Stack, placement: Placement) -> list[Placement]:
    """For a subnet group the data stores in it; for anything else nothing."""
    if placement.subject.type not in SUBNET_GROUPS:
        return []
    return [
        Placement(store, Role.DATA, placement.subnets, (store,))
        for token, kind in KINDS.items()
        if kind.subnet_group
        for store in stack.referrers(placement.subject, token, kind.subnet_group)
    ]


def _named(stack: Stack, subject: Resource, role: Role, doubt: Place | None = None) -> list[Placement]:
    """Subnets that the resource names itself. One that names none is not in a VPC."""
    kind = KINDS[subject.type]
    references = [found for pattern in kind.subnets for found in refer_all(stack, subject, pattern, SUBNETS, computed=True)]
    return [Placement(subject, role, reference, (subject,), doubt) for reference in references if not reference.empty]


def _instance(stack: Stack, subject: Resource) -> list[Placement]:
    """An instance by its subnet, its interfaces, or its launch template; AWS chooses a default subnet when none names one."""
    found = _named(stack, subject, Role.WORKLOAD)
    interfaces = attached_interfaces(stack, subject)
    for attachment in stack.referrers(subject, _INTERFACE_ATTACHMENT, "instanceId"):
        interfaces += refer(stack, attachment, "networkInterfaceId", (INTERFACE,)).targets
    primary = refer(stack, subject, "primaryNetworkInterface.networkInterfaceId", (INTERFACE,), computed=True)
    if primary.unresolved or primary.foreign:
        found.append(Placement(subject, Role.WORKLOAD, Reference(primary.path, unresolved=True), (subject,)))
    for interface in interfaces:
        reference = refer(stack, interface, "subnetId", SUBNETS)
        found.append(Placement(subject, Role.WORKLOAD, reference, (subject, interface)))
    if not found and all(read(subject, path, computed=True) is None for path in ("primaryNetworkInterface", "networkInterfaces")):
        templates = stack.refs(subject, "launchTemplate", TEMPLATE)
        # A template that names a subnet is checked itself.
        if not any(_named(stack, template, Role.WORKLOAD) for template in templates):
            found.append(Placement(subject, Role.WORKLOAD, Reference("subnetId"), (subject, *templates)))
    return found


def _fleet(stack: Stack, subject: Resource) -> list[Placement]:
    reference = refer(stack, subject, "vpcZoneIdentifiers", SUBNETS, computed=True)
    templates = stack.refs(subject, "launchTemplate", TEMPLATE) + stack.refs(subject, "mixedInstancesPolicy", TEMPLATE)
    return [Placement(subject, Role.WORKLOAD, reference, (subject, *templates))]


def _store(stack: Stack, subject: Resource) -> list[Placement]:
    """A data store by its subnet group: a group of the stack is checked itself, another one is unknown."""
    kind = KINDS[subject.type]
    if any(read(subject, path, computed=True) is not None for path in kind.inherits):
        return []
    group = refer(stack, subject, kind.subnet_group, SUBNET_GROUPS, computed=True)
    if group.targets and not group.foreign:
        return []
    return [Placement(subject, Role.DATA, Reference(kind.subnet_group), (subject,))]
