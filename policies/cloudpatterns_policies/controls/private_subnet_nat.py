"""Proof of private subnets: workloads have no internet gateway route, and data stores have no internet egress at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.kinds import Role
from cloudpatterns_policies.graph.marks import DATA_SUBNET_TAG, PUBLIC_TAG, Marks
from cloudpatterns_policies.graph.placements import Placement, placements, users
from cloudpatterns_policies.graph.reading import Reference, arrow
from cloudpatterns_policies.graph.routes import Route
from cloudpatterns_policies.graph.topology import SUBNETS, Subnet, Table, Topology, topology_of

_STRINGS: Final = {"type": "array", "items": {"type": "string"}}

Finding = tuple[Resource, Verdict]


@dataclass(slots=True)
class _OutboundRoute:
    """An outbound route of data subnets, reported once however many stores use it."""

    subnet_route: "_SubnetRoute"
    placement: Placement
    subnets: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _SubnetRoute:
    """A subnet with a route of its table."""

    subnet: Subnet
    table: Table
    route: Route

    def path(self, *before: str, after: str = "", more: int = 0) -> str:
        """The path from a resource in the subnet to the route, for a message."""
        return arrow(*before, self.subnet.name + (f" and {more} more" if more else ""), self.table.name, self.route.name, after)


@stack_control(
    id="private-subnet-nat",
    title="Workloads are in private subnets, with a NAT at most, and data stores in subnets without outbound routes",
    severity=Severity.HIGH,
    why="A workload with a route to an internet gateway is one address or one rule away from the internet. An attacker can send data out "
    "of a data store that has outbound access.",
    remediation="Move the resource to subnets whose route table fits its tier, or delete the route; tag a bastion or another public "
    "instance with cloudpatterns:internet=true.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html",
    config={
        "publicTags": {
            **_STRINGS,
            "default": [PUBLIC_TAG],
            "description": "Tags, key or key=value, of workloads that may be in public subnets, such as bastions.",
        },
        "publicNames": {**_STRINGS, "default": [], "description": "The same by logical name; * matches any text."},
        "dataSubnetTags": {
            **_STRINGS,
            "default": [DATA_SUBNET_TAG],
            "description": "Tags, key or key=value, of subnets that are for data stores, with or without one in them.",
        },
    },
)
def private_subnet_nat(stack: Stack, *, config: Mapping[str, Any]) -> Verdict | Iterator[Finding]:
    """Checks each workload and data store by the route tables of its subnets."""
    data = Marks.of(config["dataSubnetTags"])
    found = [*placements(stack), *_data_subnets(stack, data)]
    if not found:
        return NotApplicable("the stack has no workload or data store in a VPC")
    return _findings(stack, found, Marks.of(config["publicTags"], config["publicNames"]))


def _data_subnets(stack: Stack, data: Marks) -> list[Placement]:
    """Subnets that are tagged for data, and those that may be."""
    marks = [(subnet, data.on(subnet)) for subnet in stack.of_type(*SUBNETS)]
    return [
        Placement(subnet, Role.DATA, Reference("", (subnet,)), (), (subnet, mark) if isinstance(mark, str) else None)
        for subnet, mark in marks
        if mark
    ]


def _findings(stack: Stack, found: list[Placement], public: Marks) -> Iterator[Finding]:
    topology = topology_of(stack)
    outbound: dict[int, _OutboundRoute] = {}
    for placement in found:
        subnets = topology.subnets(placement.subnets)
        if placement.role is Role.DATA:
            yield from _data(topology, placement, subnets, outbound)
        else:
            yield from _workload(topology, placement, subnets, public)
    for outbound_route in outbound.values():
        yield _outbound_finding(stack, outbound_route)
    for resource, path in topology.unresolved:
        yield resource, Unknown(path)


def _workload(topology: Topology, placement: Placement, subnets: list[Subnet], public: Marks) -> Iterator[Finding]:
    marked = next((mark for mark in map(public.on, placement.marked_by) if mark), False)
    if marked is True:
        return
    subnet_routes = [subnet_route for subnet in subnets for subnet_route in _subnet_routes(subnet) if subnet_route.route.public]
    doubt = placement.doubt or ((placement.subject, marked) if isinstance(marked, str) else None)
    if subnet_routes and doubt:
        yield doubt[0], Unknown(doubt[1])
    elif subnet_routes and _sure(placement, subnets, subnet_routes):
        subnet_route = next(subnet_route for subnet_route in subnet_routes if subnet_route.subnet.unknown is None)
        message = f"is in a public subnet, with a route to an {subnet_route.route.target}: {subnet_route.path(placement.name)}"
        yield placement.subject, Fail(message, placement.subnets.path)
    else:
        unsure = [subnet_route for subnet in subnets for subnet_route in _subnet_routes(subnet) if subnet_route.route.public is None]
        yield from _unknown(topology, placement, subnets, [*subnet_routes, *unsure])


def _data(topology: Topology, placement: Placement, subnets: list[Subnet], outbound: dict[int, _OutboundRoute]) -> Iterator[Finding]:
    subnet_routes = [subnet_route for subnet in subnets for subnet_route in _subnet_routes(subnet) if subnet_route.route.leads_out]
    if subnet_routes and placement.doubt:
        yield placement.doubt[0], Unknown(placement.doubt[1])
        return
    known = [subnet_route for subnet_route in subnet_routes if not subnet_route.route.unseen and not _may_stay_inside(subnet_route.route)]
    sure = [subnet_route for subnet_route in known if subnet_route.subnet.unknown is None] if _sure(placement, subnets, known) else []
    for subnet_route in sure:
        if not subnet_route.route.public:
            outbound.setdefault(id(subnet_route.route), _OutboundRoute(subnet_route, placement)).subnets.add(subnet_route.subnet.name)
    if public := [subnet_route for subnet_route in sure if subnet_route.route.public]:
        # The route is right for a public subnet: the store is in the wrong subnet.
        message = f"is in a public subnet, but a data store must not have internet egress: {public[0].path(placement.name)}"
        yield placement.subject, Fail(message, placement.subnets.path)
    reported = {id(subnet_route) for subnet_route in sure}
    yield from _unknown(topology, placement, subnets, [subnet_route for subnet_route in subnet_routes if id(subnet_route) not in reported])


def _may_stay_inside(route: Route) -> bool:
    """Whether an unknown gateway may be the VPC itself or a gateway endpoint, to which no default route leads."""
    return route.public is None and route.destination not in ("0.0.0.0/0", "::/0")


def _outbound_finding(stack: Stack, outbound: _OutboundRoute) -> Finding:
    route, subject = outbound.subnet_route.route, outbound.placement.subject
    stores = ", ".join(user.name for user in users(stack, outbound.placement)[:2])
    place = "" if subject.type in SUBNETS else outbound.placement.name
    path = outbound.subnet_route.path(stores, place, more=len(outbound.subnets) - 1)
    return route.resource, Fail(f"gives a data store an outbound route through {route.target_name}: {path}", route.where)


def _subnet_routes(subnet: Subnet) -> Iterator[_SubnetRoute]:
    for table in subnet.tables:
        for route in table.routes:
            yield _SubnetRoute(subnet, table, route)


def _sure(placement: Placement, subnets: list[Subnet], subnet_routes: list[_SubnetRoute]) -> bool:
    """Whether at least one of `subnet_routes` surely applies: the placement's subnets are certain, or each possible subnet has one."""
    reached = {subnet_route.subnet.key for subnet_route in subnet_routes if subnet_route.subnet.unknown is None}
    return bool(reached) if placement.subnets.certain else all(subnet.key in reached for subnet in subnets)


def _unknown(topology: Topology, placement: Placement, subnets: list[Subnet], doubtful: list[_SubnetRoute]) -> Iterator[Finding]:
    """At most one finding: what leaves the placement's routes unknown. `doubtful` are subnet_routes that may apply to it."""
    reference = placement.subnets
    if doubtful and not reference.certain:
        yield placement.subject, Unknown(reference.path)
        return
    for subnet_route in doubtful:
        if subnet_route.subnet.unknown is None and (subnet_route.route.public is None or subnet_route.route.unseen):
            yield subnet_route.route.resource, Unknown(subnet_route.route.where)
            return
    for subnet in subnets:
        place = subnet.unknown or next((table.unknown for table in subnet.tables if table.unknown), None)
        if place is not None:
            resource = topology.resource(place[0])
            yield (resource, Unknown(place[1])) if resource else (placement.subject, Unknown(f"{reference.path} ({subnet.name})"))
            return
    if reference.unresolved or reference.empty:
        yield placement.subject, Unknown(reference.path)
