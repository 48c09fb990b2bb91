"""Subnets, their route tables and routes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cloudpatterns_policies.core import Resource, Stack
from cloudpatterns_policies.graph.reading import Reference, label, refer
from cloudpatterns_policies.graph.routes import ROUTE_TABLES, VPCS, Route, routes, table_named

SUBNETS: Final = ("aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet")
"""Types of subnets."""

_ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
_MAIN_ASSOCIATION: Final = "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
_DEFAULT_TABLE: Final = "aws:ec2/defaultRouteTable:DefaultRouteTable"


@dataclass(eq=False, slots=True)
class Table:
    """A route table: of this stack, known only by its id, or the one that AWS creates with a VPC."""

    key: str
    name: str
    """Its name in messages."""
    routes: list[Route] = field(default_factory=list)
    unknown: tuple[str, str] | None = None
    """URN and path of what leaves its other routes unknown; None when `routes` is complete."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet and the tables that it may have: one, or more when the association is unknown."""

    key: str
    name: str
    """Its name in messages."""
    resource: Resource | None
    tables: tuple[Table, ...]
    unknown: tuple[str, str] | None = None
    """URN and path of what leaves its table unknown; None when it is one of `tables`."""


def main_table_key(vpc: str) -> str:
    """The key of the table that AWS creates with a VPC, by the VPC's URN or id."""
    return f"{vpc} main"


class Topology:
    """All subnets and route tables of a stack. Includes those that the stack refers to only by id."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.unresolved: list[tuple[Resource, str]] = []
        """Routes and associations whose table, subnet or VPC is unknown, with the property."""
        self._unresolved_main: tuple[str, str] | None = None
        """A table that may be the main table of any VPC."""
        self._tables: dict[str, Table] = {}
        for table in stack.of_type(*ROUTE_TABLES):
            self._tables[table.urn] = Table(table.urn, label(table))
        self._original = self._original_tables()
        for route in routes(stack):
            self._add(route)
        self._main = self._main_tables()
        self._explicit = self._associations()
        self._subnets: dict[str, Subnet] = {}

    def subnets(self, reference: Reference) -> list[Subnet]:
        """The subnets that a reference names, including those known only by their id."""
        return [self.subnet(target) for target in reference.targets] + [self._foreign_subnet(text, reference) for text in reference.foreign]

    def subnet(self, resource: Resource) -> Subnet:
        """The stack's subnet with its route table: the associated one, else the VPC's main one."""
        if resource.urn not in self._subnets:
            self._subnets[resource.urn] = self._find(resource)
        return self._subnets[resource.urn]

    def in_use(self) -> Iterator[tuple[Table, str]]:
        """The tables that subnets have or may have, each with the key of such a subnet."""
        for key, (tables, _) in self._explicit.items():
            yield from ((table, key) for table in tables)
        for subnet in self._stack.of_type(*SUBNETS):
            if subnet.urn not in self._explicit:
                yield from ((table, subnet.urn) for table in self.subnet(subnet).tables)

    def resource(self, urn: str) -> Resource | None:
        """The resource with that URN, or None."""
        return self._stack.by_urn(urn)

    def _find(self, resource: Resource) -> Subnet:
        name = label(resource)
        tables, unknown = self._explicit.get(resource.urn, ((), None))
        if tables or unknown:
            return Subnet(resource.urn, name, resource, tables, unknown)
        vpc = refer(self._stack, resource, "vpcId", VPCS)
        keys = [target.urn for target in vpc.targets] + list(vpc.foreign)
        if len(keys) != 1 or not vpc.certain:
            return Subnet(resource.urn, name, resource, (), (resource.urn, "vpcId"))
        table = self._main.get(keys[0]) or self._original_of(keys[0], vpc.targets[0] if vpc.targets else None, (resource.urn, "vpcId"))
        return Subnet(resource.urn, name, resource, (table,), self._unresolved_main)

    def _foreign_subnet(self, text: str, reference: Reference) -> Subnet:
        tables, unknown = self._explicit.get(text, ((), None))
        return Subnet(text, f"subnet {text}", None, tables, unknown or (None if tables else ("", reference.path)))

    def _add(self, route: Route) -> None:
        owners = [self._table_of(target) for target in route.table.targets] + [self._foreign_table(text) for text in route.table.foreign]
        sure = route.table.certain and len(owners) == 1
        if not owners and route.leads_out:
            self.unresolved.append((route.resource, route.table.path))
        for owner in owners:
            if sure:
                owner.routes.append(route)
            elif route.leads_out and owner.unknown is None:
                owner.unknown = (route.resource.urn, route.table.path)

    def _table_of(self, target: Resource) -> Table:
        return self._tables[target.urn] if target.urn in self._tables else self._original_of(target.urn, target, (target.urn, "routes"))

    def _foreign_table(self, text: str) -> Table:
        return self._tables.setdefault(text, Table(text, f"route table {text}", unknown=("", f"route table {text}")))

    def _original_tables(self) -> dict[str, Table]:
        """By VPC, the table that AWS created with it, if the stack manages it."""
        found = {}
        for table in self._stack.of_type(_DEFAULT_TABLE):
            named = refer(self._stack, table, "defaultRouteTableId", VPCS)
            self._note_main(table, named)
            for vpc in named.targets:
                found[vpc.urn] = self._tables[table.urn]
        # A known id is an attribute of the VPC.
        by_id = {value: vpc for vpc in self._stack.of_type(*VPCS) if isinstance(value := vpc.raw.get("defaultRouteTableId"), str)}
        for table in self._stack.of_type(_DEFAULT_TABLE):
            value = table.raw.get("defaultRouteTableId")
            if isinstance(value, str) and value in by_id:
                found[by_id[value].urn] = self._tables[table.urn]
        return found

    def _original_of(self, key: str, vpc: Resource | None, place: tuple[str, str]) -> Table:
        """The table that AWS created with a VPC. In a VPC of the stack, it has only the routes that the stack adds."""
        if key not in self._original:
            name = f"main route table of {vpc.name if vpc else key}"
            known = vpc is not None and vpc.type == VPCS[0]
            self._original[key] = Table(main_table_key(key), name, unknown=None if known else place)
        return self._original[key]

    def _main_tables(self) -> dict[str, Table]:
        found = {}
        for association in self._stack.of_type(_MAIN_ASSOCIATION):
            vpc = refer(self._stack, association, "vpcId", VPCS)
            self._note_main(association, vpc)
            for key in [target.urn for target in vpc.targets] + list(vpc.foreign):
                tables, unknown = self._tables_at(association)
                found[key] = tables[0] if len(tables) == 1 and not unknown else Table("", "an unknown main route table", unknown=unknown)
        return found

    def _note_main(self, holder: Resource, vpc: Reference) -> None:
        if vpc.unresolved:
            self.unresolved.append((holder, vpc.path))
            self._unresolved_main = self._unresolved_main or (holder.urn, vpc.path)

    def _tables_at(self, association: Resource) -> tuple[tuple[Table, ...], tuple[str, str] | None]:
        """Tables that an association names, and what leaves them unknown."""
        place = (association.urn, "routeTableId")
        found = table_named(self._stack, association)
        tables = [self._table_of(target) for target in found.targets] + [self._foreign_table(text) for text in found.foreign]
        return tuple(tables), place if found.unresolved or not found.certain or len(tables) != 1 else None

    def _associations(self) -> dict[str, tuple[tuple[Table, ...], tuple[str, str] | None]]:
        """By subnet, the tables it is associated with, and what leaves them unknown."""
        found: dict[str, tuple[tuple[Table, ...], tuple[str, str] | None]] = {}
        # Sorted, so that the same one of several is named in any order of resources.
        for association in sorted(self._stack.of_type(_ASSOCIATION), key=lambda item: item.urn, reverse=True):
            subnets = refer(self._stack, association, "subnetId", SUBNETS)
            keys = [target.urn for target in subnets.targets] + list(subnets.foreign)
            tables, unknown = self._tables_at(association) if keys else ((), None)
            if not keys and subnets.unresolved:
                self.unresolved.append((association, "subnetId"))
            if len(keys) > 1 or not subnets.certain:
                unknown = (association.urn, "subnetId")
            for key in keys:
                if key in found:
                    others, earlier = found[key]
                    # A subnet has one association: of several, at most one is meant.
                    found[key] = ((*others, *tables), earlier or unknown or (association.urn, "subnetId"))
                else:
                    found[key] = (tables, unknown)
        return found


@lru_cache(maxsize=2)
def topology_of(stack: Stack) -> Topology:
    """The stack's subnets and route tables. Built once for all controls."""
    return Topology(stack)
