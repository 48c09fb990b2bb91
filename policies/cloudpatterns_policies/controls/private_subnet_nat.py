"""Proof of private subnets: workloads have no internet gateway route, and data stores no way out at all."""

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
class _Way:
    """A way out of data subnets, told once however many stores it serves."""

    lead: "_Lead"
    placement: Placement
    subnets: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Lead:
    """Where a subnet's route table leads."""

    subnet: Subnet
    table: Table
    route: Route

    def path(self, *before: str, after: str = "", more: int = 0) -> str:
        """The way from a resource in the subnet to the route, for a message."""
        return arrow(*before, self.subnet.name + (f" and {more} more" if more else ""), self.table.name, self.route.name, after)


@stack_control(
    id="private-subnet-nat",
    title="Workloads sit in private subnets whose way out is a NAT or none, and data stores in subnets without any way out",
    severity=Severity.HIGH,
    why="A machine with a route to an internet gateway is one address or one rule away from the internet. A data store that can reach out "
    "can be made to send its data out.",
    remediation="Move the resource to subnets whose route table fits its tier, or delete the route; mark a bastion or another public "
    "instance with the tag cloudpatterns:internet=true.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html",
    config={
        "publicTags": {
            **_STRINGS,
            "default": [PUBLIC_TAG],
            "description": "Tags, key or key=value, of workloads that may sit in public subnets, such as bastions.",
        },
        "publicNames": {**_STRINGS, "default": [], "description": "The same by logical name; * stands for any text."},
        "dataSubnetTags": {
            **_STRINGS,
            "default": [DATA_SUBNET_TAG],
            "description": "Tags, key or key=value, of subnets that are for data stores, with or without one in them.",
        },
    },
)
def private_subnet_nat(stack: Stack, *, config: Mapping[str, Any]) -> Verdict | Iterator[Finding]:
    """Judges each workload and data store by the route tables of its subnets."""
    data = Marks.of(config["dataSubnetTags"])
    found = [*placements(stack), *_data_subnets(stack, data)]
    if not found:
        return NotApplicable("the stack has no workload or data store in a VPC")
    return _findings(stack, found, Marks.of(config["publicTags"], config["publicNames"]))


def _data_subnets(stack: Stack, data: Marks) -> list[Placement]:
    """Subnets that say themselves that they are for data, and those that may."""
    marks = [(subnet, data.on(subnet)) for subnet in stack.of_type(*SUBNETS)]
    return [
        Placement(subnet, Role.DATA, Reference("", (subnet,)), (), (subnet, mark) if isinstance(mark, str) else None)
        for subnet, mark in marks
        if mark
    ]


def _findings(stack: Stack, found: list[Placement], public: Marks) -> Iterator[Finding]:
    topology = topology_of(stack)
    ways: dict[int, _Way] = {}
    for placement in found:
        subnets = topology.subnets(placement.subnets)
        if placement.role is Role.DATA:
            yield from _data(topology, placement, subnets, ways)
        else:
            yield from _workload(topology, placement, subnets, public)
    for way in ways.values():
        yield _way_out(stack, way)
    for resource, path in topology.unresolved:
        yield resource, Unknown(path)


def _workload(topology: Topology, placement: Placement, subnets: list[Subnet], public: Marks) -> Iterator[Finding]:
    marked = next((mark for mark in map(public.on, placement.marked_by) if mark), False)
    if marked is True:
        return
    leads = [lead for subnet in subnets for lead in _leads(subnet) if lead.route.public]
    doubt = placement.doubt or ((placement.subject, marked) if isinstance(marked, str) else None)
    if leads and doubt:
        yield doubt[0], Unknown(doubt[1])
    elif leads and _sure(placement, subnets, leads):
        lead = next(lead for lead in leads if lead.subnet.unknown is None)
        message = f"sits in a public subnet, with a route to an {lead.route.target}: {lead.path(placement.name)}"
        yield placement.subject, Fail(message, placement.subnets.path)
    else:
        unsure = [lead for subnet in subnets for lead in _leads(subnet) if lead.route.public is None]
        yield from _unknown(topology, placement, subnets, [*leads, *unsure])


def _data(topology: Topology, placement: Placement, subnets: list[Subnet], ways: dict[int, _Way]) -> Iterator[Finding]:
    leads = [lead for subnet in subnets for lead in _leads(subnet) if lead.route.leads_out]
    if leads and placement.doubt:
        yield placement.doubt[0], Unknown(placement.doubt[1])
        return
    known = [lead for lead in leads if not lead.route.unseen and not _may_stay_inside(lead.route)]
    sure = [lead for lead in known if lead.subnet.unknown is None] if _sure(placement, subnets, known) else []
    for lead in sure:
        if not lead.route.public:
            ways.setdefault(id(lead.route), _Way(lead, placement)).subnets.add(lead.subnet.name)
    if public := [lead for lead in sure if lead.route.public]:
        # The route makes a public subnet of it, which is right elsewhere: the store is in the wrong place.
        message = f"sits in a public subnet, and a data store may have no way out: {public[0].path(placement.name)}"
        yield placement.subject, Fail(message, placement.subnets.path)
    told = {id(lead) for lead in sure}
    yield from _unknown(topology, placement, subnets, [lead for lead in leads if id(lead) not in told])


def _may_stay_inside(route: Route) -> bool:
    """Whether an unknown gateway may be the VPC itself or a gateway endpoint, to which no default route leads."""
    return route.public is None and route.destination not in ("0.0.0.0/0", "::/0")


def _way_out(stack: Stack, way: _Way) -> Finding:
    route, subject = way.lead.route, way.placement.subject
    stores = ", ".join(user.name for user in users(stack, way.placement)[:2])
    place = "" if subject.type in SUBNETS else way.placement.name
    path = way.lead.path(stores, place, more=len(way.subnets) - 1)
    return route.resource, Fail(f"gives a data store a way out through {route.target_name}: {path}", route.where)


def _leads(subnet: Subnet) -> Iterator[_Lead]:
    for table in subnet.tables:
        for route in table.routes:
            yield _Lead(subnet, table, route)


def _sure(placement: Placement, subnets: list[Subnet], leads: list[_Lead]) -> bool:
    """Whether at least one of `leads` surely counts: the placement's subnets are certain, or it has a lead in whichever it means."""
    reached = {lead.subnet.key for lead in leads if lead.subnet.unknown is None}
    return bool(reached) if placement.subnets.certain else all(subnet.key in reached for subnet in subnets)


def _unknown(topology: Topology, placement: Placement, subnets: list[Subnet], doubtful: list[_Lead]) -> Iterator[Finding]:
    """At most one finding: what leaves the placement's routes unknown. `doubtful` are leads that may count against it."""
    reference = placement.subnets
    if doubtful and not reference.certain:
        yield placement.subject, Unknown(reference.path)
        return
    for lead in doubtful:
        if lead.subnet.unknown is None and (lead.route.public is None or lead.route.unseen):
            yield lead.route.resource, Unknown(lead.route.where)
            return
    for subnet in subnets:
        place = subnet.unknown or next((table.unknown for table in subnet.tables if table.unknown), None)
        if place is not None:
            resource = topology.resource(place[0])
            yield (resource, Unknown(place[1])) if resource else (placement.subject, Unknown(f"{reference.path} ({subnet.name})"))
            return
    if reference.unresolved or reference.empty:
        yield placement.subject, Unknown(reference.path)
