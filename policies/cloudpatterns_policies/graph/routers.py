"""Instances and interfaces that forward traffic for others, as a NAT instance does."""

from functools import lru_cache
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.kinds import INSTANCE, INTERFACE
from cloudpatterns_policies.graph.reading import expand, owning, read, refer
from cloudpatterns_policies.graph.regions import Place
from cloudpatterns_policies.graph.routes import UNKNOWN_DESTINATION, Route, routes
from cloudpatterns_policies.graph.topology import SUBNETS, main_table_key, topology_of

_DEFAULTS: Final = ("0.0.0.0/0", "::/0")
_TARGETS: Final = ("network interface", "instance")


def is_router(stack: Stack, subject: Resource) -> bool:
    """Whether an instance or interface forwards traffic for others.

    Its source/dest check is off, on itself or on its primary interface, and the default route of a subnet other than its own leads to it:
    a disabled check alone does not make a NAT.
    """
    return _unchecked(stack, subject) is True and bool(_equivalents(stack, subject) & _route_targets(stack)[0])


def router_doubt(stack: Stack, subject: Resource) -> Place | None:
    """What leaves it unknown whether `subject` is a router; None when that is known."""
    unchecked = _unchecked(stack, subject)
    if unchecked is False or is_router(stack, subject):
        return None
    _, doubts = _route_targets(stack)
    if unchecked is True:
        return doubts[0] if doubts else None
    return (subject, "sourceDestCheck") if doubts or _equivalents(stack, subject) & _route_targets(stack)[0] else None


def attached_interfaces(stack: Stack, instance: Resource) -> list[Resource]:
    """The network interfaces that an instance names, in the current argument or in the older `networkInterfaces`."""
    paths = ["primaryNetworkInterface.networkInterfaceId", *expand(instance, "networkInterfaces.*.networkInterfaceId")]
    found = {item.urn: item for path in paths for item in refer(stack, instance, path, (INTERFACE,), computed=True).targets}
    return list(found.values())


def _unchecked(stack: Stack, subject: Resource) -> bool | None:
    """Whether the source/dest check is off; None when that is unknown."""
    own = read(subject, "sourceDestCheck", computed=True)
    if own is False or own is UNKNOWN:
        return True if own is False else None
    interfaces = attached_interfaces(stack, subject) if subject.type == INSTANCE else []
    values = [read(item, "sourceDestCheck", computed=True) for item in interfaces]
    if values and all(value is False for value in values):
        return True
    return None if values and all(value is False or value is UNKNOWN for value in values) else False


def _equivalents(stack: Stack, subject: Resource) -> set[str]:
    """URNs by which a route may name the subject: an instance and its interfaces are equivalent."""
    if subject.type == INSTANCE:
        return {subject.urn, *(item.urn for item in attached_interfaces(stack, subject))}
    owners = [item for item in stack.of_type(INSTANCE) if subject in attached_interfaces(stack, item)]
    return {subject.urn, *(item.urn for item in owners)}


@lru_cache(maxsize=2)
def _route_targets(stack: Stack) -> tuple[frozenset[str], tuple[Place, ...]]:
    """URNs of the targets of default routes of other subnets, and default routes with unknown targets."""
    used: dict[str, set[str]] = {}
    for table, key in topology_of(stack).in_use():
        used.setdefault(table.key, set()).add(key)
    found: set[str] = set()
    doubts: list[Place] = []
    for route in routes(stack):
        if route.target not in _TARGETS or route.destination not in (*_DEFAULTS, UNKNOWN_DESTINATION):
            continue
        targets = _targets(stack, route)
        table = route.table
        if targets is None or route.destination == UNKNOWN_DESTINATION or table.unresolved or not table.certain:
            doubts.append((route.resource, route.where))
            continue
        for target in targets:
            own = {subnet.urn for subnet in refer(stack, target, "subnetId", SUBNETS, computed=True).targets}
            keys = [key for item in table.targets for key in (item.urn, main_table_key(item.urn))]
            served = set().union(*(used.get(key, set()) for key in keys)) - own
            # The subnets of a table outside the stack are unknown; it is assumed to serve some.
            if served or table.foreign:
                found.add(target.urn)
    return frozenset(found), tuple(sorted(doubts, key=lambda place: (place[0].urn, place[1])))


def _targets(stack: Stack, route: Route) -> list[Resource] | None:
    """The instances and interfaces that a route leads to; None when they are unknown."""
    reference = refer(stack, route.resource, route.where, (INTERFACE, INSTANCE))
    # The id of an instance's primary interface is an attribute of the instance.
    found = [*reference.targets, *owning(stack, (INSTANCE,), ("primaryNetworkInterfaceId",), reference.foreign)]
    return None if not found or reference.unresolved or not reference.certain else found
