"""Subnets and route tables of the three tiers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Network

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component
from cloudpatterns.network.network import subnets

Tags = Mapping[str, pulumi.Input[str]]

_IPV6_PER_TIER = 16


@dataclass(frozen=True)
class Tiers:
    """Tier -> zone -> id of subnets and of route tables, and the route tables that were made, by a name for children."""

    subnet_ids: dict[str, dict[str, pulumi.Output[str]]]
    route_table_ids: dict[str, dict[str, pulumi.Output[str]]]
    tables: dict[str, pulumi.Output[str]]


def make_tiers(
    component: Component,
    name: str,
    vpc: aws.ec2.Vpc,
    gateway: aws.ec2.InternetGateway,
    cidrs: Mapping[str, Mapping[str, pulumi.Input[str]]],
    dual_stack: bool,
    tags: Tags,
) -> Tiers:
    """One subnet per tier and zone; one public route table for all zones, one private and one data table for each."""
    public = _table(component, name, vpc, "public", tags)
    internet = _default_route(component, f"{name}-public-internet", public, gateway_id=gateway.id)
    ways = [internet.id]
    if dual_stack:
        ways.append(_default_route_ipv6(component, f"{name}-public-internet-ipv6", public, gateway_id=gateway.id).id)
        # Outward only: nothing on the internet can open a connection to a private subnet.
        # https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html
        outward = aws.ec2.EgressOnlyInternetGateway(
            f"{name}-egress-only", vpc_id=vpc.id, tags={"Name": f"{name}-egress-only", **tags}, opts=component.child()
        )
    tables = {"public": public.id}
    subnet_ids: dict[str, dict[str, pulumi.Output[str]]] = {}
    table_ids: dict[str, dict[str, pulumi.Output[str]]] = {}
    for tier in subnets.TIERS:
        subnet_ids[tier], table_ids[tier] = {}, {}
        for zone, cidr in cidrs[tier].items():
            table = public if tier == "public" else _table(component, name, vpc, f"{tier}-{zone}", tags)
            tables["public" if tier == "public" else f"{tier}-{zone}"] = table.id
            if tier == "private" and dual_stack:
                _default_route_ipv6(component, f"{name}-private-ipv6-{zone}", table, egress_only_gateway_id=outward.id)
            subnet = aws.ec2.Subnet(
                f"{name}-{tier}-{zone}",
                vpc_id=vpc.id,
                availability_zone=zone,
                cidr_block=cidr,
                map_public_ip_on_launch=False,
                ipv6_cidr_block=vpc.ipv6_cidr_block.apply(_ipv6(tier, zone)) if dual_stack else None,
                # An instance needs an IPv6 address of its own to use the egress-only gateway; elsewhere who wants one asks for it.
                assign_ipv6_address_on_creation=True if dual_stack and tier == "private" else None,
                # By this tag policies know a data subnet before a store is in it.
                tags={"Name": f"{name}-{tier}-{zone}", **tags, "cloudpatterns:tier": tier},
                opts=component.child(),
            )
            association = aws.ec2.RouteTableAssociation(
                f"{name}-{tier}-{zone}", subnet_id=subnet.id, route_table_id=table.id, opts=component.child()
            )
            # Given out only once its routes hold: until the association is there the main route table applies.
            waits_for = [association.id, *ways] if tier == "public" else [association.id]
            subnet_ids[tier][zone] = pulumi.Output.all(subnet.id, *waits_for).apply(lambda values: values[0])
            table_ids[tier][zone] = table.id
    return Tiers(subnet_ids, table_ids, tables)


def _table(component: Component, name: str, vpc: aws.ec2.Vpc, suffix: str, tags: Tags) -> aws.ec2.RouteTable:
    # Routes are resources of their own: inline ones would remove those that OnDemandNat and the gateway endpoints add.
    # https://www.pulumi.com/registry/packages/aws/api-docs/ec2/routetable/
    return aws.ec2.RouteTable(f"{name}-{suffix}", vpc_id=vpc.id, tags={"Name": f"{name}-{suffix}", **tags}, opts=component.child())


def _default_route(component: Component, child_name: str, table: aws.ec2.RouteTable, gateway_id: pulumi.Output[str]) -> aws.ec2.Route:
    return aws.ec2.Route(
        child_name, route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway_id, opts=component.child()
    )


def _default_route_ipv6(
    component: Component,
    child_name: str,
    table: aws.ec2.RouteTable,
    gateway_id: pulumi.Output[str] | None = None,
    egress_only_gateway_id: pulumi.Output[str] | None = None,
) -> aws.ec2.Route:
    return aws.ec2.Route(
        child_name,
        route_table_id=table.id,
        destination_ipv6_cidr_block="::/0",
        gateway_id=gateway_id,
        egress_only_gateway_id=egress_only_gateway_id,
        opts=component.child(),
    )


def _ipv6(tier: str, zone: str) -> Callable[[str], str]:
    """The /64 of a tier and zone in the VPC's /56, at a place that depends on the tier and the zone's letter alone."""
    place = subnets.TIERS.index(tier) * _IPV6_PER_TIER + ord(zone[-1]) - ord("a")

    def network(block: str) -> str:
        vpc = IPv6Network(block)
        return str(IPv6Network((int(vpc.network_address) + (place << 64), 64)))

    return network
