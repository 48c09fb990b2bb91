"""Production survives the loss of one Availability Zone, tier by tier.

Auto Scaling groups, load balancers, databases and caches are checked by the security pack, because AWS's own standard requires it.
"""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import read
from cloudpatterns_policies.graph.zones import JUDGED, outcome, spans_zones

_SUBNETS: Final = ("aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet")
_GATEWAY: Final = "aws:ec2/natGateway:NatGateway"
_ROUTE: Final = "aws:ec2/route:Route"
_TABLE: Final = "aws:ec2/routeTable:RouteTable"
_ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"

_PLACES: Final[Mapping[str, str]] = {
    "aws:rds/subnetGroup:SubnetGroup": "subnetIds",
    "aws:docdb/subnetGroup:SubnetGroup": "subnetIds",
    "aws:neptune/subnetGroup:SubnetGroup": "subnetIds",
    "aws:elasticache/subnetGroup:SubnetGroup": "subnetIds",
    "aws:ecs/service:Service": "networkConfiguration.subnets",
    "aws:lambda/function:Function": "vpcConfig.subnetIds",
    "aws:msk/cluster:Cluster": "brokerNodeGroupInfo.clientSubnets",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "subnetIds",
}
"""The property in which a resource names its subnets."""

_PRODUCTION: Final = {
    "type": "boolean",
    "default": True,
    "description": "Whether the stack is production; the profile of any other sets it to false.",
}
_NOT_HERE: Final = NotApplicable("need not survive the loss of a zone: production is false in the profile")


@stack_control(
    id="tier-several-zones",
    title="Each tier of production spans several Availability Zones",
    severity=Severity.MEDIUM,
    types=tuple(_PLACES),
    why="When an Availability Zone fails, everything that runs only in that zone fails with it.",
    remediation="Name a subnet in each of several zones in subnet_ids, subnets or client_subnets.",
    url="https://docs.aws.amazon.com/wellarchitected/latest/reliability-pillar/rel_fault_isolation_multiaz_region_system.html",
    config={
        "production": _PRODUCTION,
        "minimumZones": {
            "type": "integer",
            "minimum": 2,
            "maximum": 6,
            "default": 2,
            "description": "Minimum number of Availability Zones that a tier spans.",
        },
    },
    pack="operations",
)
def tier_several_zones(resource: Resource, stack: Stack, config: Mapping[str, Any]) -> Verdict:
    if not config["production"]:
        return _NOT_HERE
    path = _PLACES[resource.type]
    items = read(resource, path, computed=True)
    if items is not UNKNOWN and not items:
        return NotApplicable("is in no subnet")
    zones = [read(subnet, "availabilityZone") for subnet in stack.refs(resource, path, *_SUBNETS)]
    known = {zone for zone in zones if isinstance(zone, str)}
    if len(known) >= config["minimumZones"]:
        return Pass()
    if items is not UNKNOWN and len(items) == 1:
        return Fail("is in one subnet, and so in one zone", path)
    # Only when the zone of every subnet is known is it sure that there are no more.
    complete = bool(zones) and all(isinstance(zone, str) for zone in zones) and (items is UNKNOWN or len(zones) >= len(items))
    return Fail(f"is only in {', '.join(sorted(known))}", path) if complete else Unknown(path)


@stack_control(
    id="nat-in-each-zone",
    title="Each Availability Zone of production has its own internet egress",
    severity=Severity.MEDIUM,
    types=(_GATEWAY,),
    why="When the gateway's zone fails, the healthy zones lose outbound access too; until then, traffic between zones costs extra.",
    remediation="Add an aws.ec2.NatGateway in each zone, or one with availability_mode regional, and route each zone to its own.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html",
    config={"production": _PRODUCTION},
    pack="operations",
)
def nat_in_each_zone(resource: Resource, stack: Stack, config: Mapping[str, Any]) -> Verdict:
    if not config["production"]:
        return _NOT_HERE
    own = {zone for subnet in stack.refs(resource, "subnetId", *_SUBNETS) if isinstance(zone := read(subnet, "availabilityZone"), str)}
    if len(own) != 1:
        return NotApplicable("is in no single zone that the stack shows")
    tables = [table for route in stack.referrers(resource, _ROUTE, "natGatewayId") for table in stack.refs(route, "routeTableId", _TABLE)]
    served = {
        zone
        for table in tables
        for association in stack.referrers(table, _ASSOCIATION, "routeTableId")
        for subnet in stack.refs(association, "subnetId", *_SUBNETS)
        if isinstance(zone := read(subnet, "availabilityZone"), str)
    }
    others = sorted(served - own)
    return Fail(f"is in {own.pop()} and also serves {', '.join(others)}", "subnetId") if others else Pass()


@stack_control(
    id="zone-loss",
    title="Whichever Availability Zone is lost, each tier keeps a member and each route a target",
    severity=Severity.MEDIUM,
    types=tuple(JUDGED),
    why="One tier without a member, or one route whose target was in the lost zone, takes the whole service down.",
    remediation="Give the tier members in a second zone, two at least of what requests are routed to, and lead each zone's routes to a"
    " target in that zone.",
    url="https://docs.aws.amazon.com/wellarchitected/latest/reliability-pillar/rel_fault_isolation_multiaz_region_system.html",
    pack="operations",
)
def zone_loss(resource: Resource, stack: Stack) -> Verdict:
    if not spans_zones(stack):
        return NotApplicable("is in a stack of which nothing is spread over zones")
    found = outcome(stack, resource)
    if found.beside:
        return NotApplicable(found.beside)
    if found.lost:
        return Fail(found.lost, found.where)
    return Unknown(found.unknown) if found.unknown else Pass()
