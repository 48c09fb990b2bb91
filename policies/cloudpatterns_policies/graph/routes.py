"""All routes, in one form."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.reading import Reference, expand, label, owning, read, refer

ROUTE_TABLES: Final = ("aws:ec2/routeTable:RouteTable", "aws:ec2/defaultRouteTable:DefaultRouteTable")
"""Types of route tables."""

VPCS: Final = ("aws:ec2/vpc:Vpc", "aws:ec2/defaultVpc:DefaultVpc")
"""Types of VPCs."""

ROUTE: Final = "aws:ec2/route:Route"
_OWN_TABLE: Final = ("mainRouteTableId", "defaultRouteTableId")
_PROPAGATIONS: Final = {
    "aws:ec2/vpnGatewayRoutePropagation:VpnGatewayRoutePropagation": "virtual private gateway",
    "aws:vpc/routeServerPropagation:RouteServerPropagation": "route server",
}

INTERNET_GATEWAY: Final = "internet gateway"
"""The target that makes a subnet public."""

CARRIER_GATEWAY: Final = "carrier gateway"
"""The internet gateway of a Wavelength zone."""

PRIVATE_NAT: Final = "private NAT gateway"
"""A NAT gateway without a public address, which leads to other networks."""

UNKNOWN_DESTINATION: Final = "an unknown destination"
"""The name of an unknown destination."""

_UNKNOWN_GATEWAY: Final = "gateway"
_ENDPOINT_TYPE: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
_GATEWAYS: Final = {
    "aws:ec2/internetGateway:InternetGateway": INTERNET_GATEWAY,
    "aws:ec2/vpnGateway:VpnGateway": "virtual private gateway",
    _ENDPOINT_TYPE: "",
}
_GATEWAY_IDS: Final = {"igw-": INTERNET_GATEWAY, "vgw-": "virtual private gateway", "vpce-": "", "local": ""}

_TARGETS: Final = {
    "natGatewayId": ("NAT gateway", "aws:ec2/natGateway:NatGateway"),
    "egressOnlyGatewayId": ("egress-only gateway", "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway"),
    "transitGatewayId": ("transit gateway", "aws:ec2transitgateway/transitGateway:TransitGateway"),
    "vpcPeeringConnectionId": ("peering connection", "aws:ec2/vpcPeeringConnection:VpcPeeringConnection"),
    "carrierGatewayId": (CARRIER_GATEWAY, "aws:ec2/carrierGateway:CarrierGateway"),
    "localGatewayId": ("local gateway",),
    "coreNetworkArn": ("core network",),
    "vpcEndpointId": ("Gateway Load Balancer endpoint", _ENDPOINT_TYPE),
    "odbNetworkArn": ("ODB network",),
    # Last: the provider computes these in addition to the target that the program names.
    "networkInterfaceId": ("network interface", "aws:ec2/networkInterface:NetworkInterface", "aws:ec2/instance:Instance"),
    "instanceId": ("instance", "aws:ec2/instance:Instance"),
}
# When the program omits these, the provider computes them.
_COMPUTED: Final = frozenset({"networkInterfaceId", "instanceId"})
_DESTINATIONS: Final = (
    "destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId", "cidrBlock", "ipv6CidrBlock",
)  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Route:
    """One route of one table."""

    resource: Resource
    """The route, or the table that holds it inline."""
    where: str
    """The property that names the target."""
    destination: str
    """For messages."""
    target: str
    """Its target: `internet gateway`, `NAT gateway`, ...; `gateway` when no more is known; empty for a target inside the VPC."""
    target_name: str
    """For messages: the target with its name or id."""
    table: Reference

    @property
    def leads_out(self) -> bool:
        """Whether it may lead out of the VPC, except to gateway endpoints."""
        return bool(self.target)

    @property
    def unseen(self) -> bool:
        """Whether it represents an unknown list of routes, which may be empty."""
        return self.where == "routes"

    @property
    def public(self) -> bool | None:
        """Whether it makes its subnets public; None when unknown."""
        return None if self.target == _UNKNOWN_GATEWAY else self.target in (INTERNET_GATEWAY, CARRIER_GATEWAY)

    @property
    def name(self) -> str:
        """Its name in messages: the resource, destination and target."""
        owner = label(self.resource) if self.resource.type not in ROUTE_TABLES else self.where.rpartition(".")[0] or self.where
        return f"{owner} ({self.destination} to {self.target_name})"


def routes(stack: Stack) -> Iterator[Route]:
    """All routes of the stack that have a target, in no promised order."""
    for route in stack.of_type(ROUTE):
        yield from _target_routes(stack, route, "", table_named(stack, route))
    for table in stack.of_type(*ROUTE_TABLES):
        own = Reference("", (table,))
        for path in expand(table, "routes.*"):
            if path == "routes":
                yield Route(table, path, "unknown routes", _UNKNOWN_GATEWAY, "an unknown target", own)
            else:
                yield from _target_routes(stack, table, f"{path}.", own)
        if read(table, "propagatingVgws", computed=True):
            yield Route(table, "propagatingVgws", "propagated routes", "virtual private gateway", "virtual private gateway", own)
    for token, target in _PROPAGATIONS.items():
        for propagation in stack.of_type(token):
            yield Route(propagation, "routeTableId", "propagated routes", target, target, table_named(stack, propagation))


def table_named(stack: Stack, resource: Resource) -> Reference:
    """The route table that `routeTableId` names, or the VPC whose main table it is: the id of that one is an attribute of the VPC."""
    found = refer(stack, resource, "routeTableId", ROUTE_TABLES)
    if found.targets or found.empty:
        return found
    if found.unresolved:
        return refer(stack, resource, "routeTableId", VPCS)
    owners = owning(stack, VPCS, _OWN_TABLE, found.foreign)
    return Reference(found.path, tuple(owners)) if owners else found


def _target_routes(stack: Stack, resource: Resource, prefix: str, table: Reference) -> Iterator[Route]:
    destinations = [read(resource, f"{prefix}{name}") for name in _DESTINATIONS]
    shown = next(
        (value if isinstance(value, str) else UNKNOWN_DESTINATION for value in destinations if value is not None), "no destination"
    )
    for name in ("gatewayId", *_TARGETS):
        path = f"{prefix}{name}"
        value = read(resource, path, computed=name in _COMPUTED)
        if value is None:
            continue
        if name == "gatewayId":
            found = refer(stack, resource, path, tuple(_GATEWAYS))
            noun = _gateway(value, found)
        else:
            noun, *types = _TARGETS[name]
            found = refer(stack, resource, path, types)
            if name == "natGatewayId" and found.targets and all(_is_private(target) for target in found.targets):
                noun = PRIVATE_NAT
        yield Route(resource, path, shown, noun, _named(noun, found), table)
        return


def _is_private(gateway: Resource) -> bool:
    kind = read(gateway, "connectivityType", computed=True)
    return kind is not UNKNOWN and kind == "private"


def _gateway(value: Any, found: Reference) -> str:
    """The kind of gateway that a `gatewayId` names: by the prefix of the id, else by the type of the resource that it comes from."""
    for start, noun in _GATEWAY_IDS.items() if value is not UNKNOWN else ():
        if str(value).startswith(start):
            return noun
    kinds = {_GATEWAYS[target.type] for target in found.targets}
    return kinds.pop() if len(kinds) == 1 else _UNKNOWN_GATEWAY


def _named(noun: str, found: Reference) -> str:
    names = [target.name for target in found.targets] or list(found.foreign)
    return f"{noun} {names[0]}" if len(names) == 1 else noun
