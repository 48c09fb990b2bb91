"""Subnets and route tables of the three tiers."""

from ipaddress import IPv4Network
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, after
from cloudpatterns.network.network import subnets
from cloudpatterns.network.network.arguments import NetworkArgs

IdsByTier = dict[str, dict[str, pulumi.Output[str]]]
"""Tier to zone to id."""


class Tiers(NamedTuple):
    """The subnets, and the route tables that they use."""

    subnet_ids: IdsByTier
    route_table_ids: IdsByTier


def create_tiers(component: Component, checked: NetworkArgs, vpc: aws.ec2.Vpc, gateway: aws.ec2.InternetGateway) -> Tiers:
    """One subnet per tier and zone; one public route table for all zones, one private and one data table for each."""
    name, dual_stack = component.pulumi_resource_name, checked["dual_stack"]
    public = _table(component, checked, vpc, "public")
    internet = [_route(component, f"{name}-public-internet", public, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)]
    if dual_stack:
        internet.append(
            _route(component, f"{name}-public-internet-ipv6", public, destination_ipv6_cidr_block="::/0", gateway_id=gateway.id)
        )
        # Outbound only: nothing on the internet can open a connection to a private subnet.
        # https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html
        tags = {"Name": f"{name}-egress-only", **checked["tags"]}
        egress_only = aws.ec2.EgressOnlyInternetGateway(f"{name}-egress-only", vpc_id=vpc.id, tags=tags, opts=component.child())
    tiers = Tiers({tier: {} for tier in subnets.TIERS}, {tier: {} for tier in subnets.TIERS})
    for tier in subnets.TIERS:
        for zone in checked["zones"]:
            table = public if tier == "public" else _table(component, checked, vpc, table_suffix(tier, zone))
            if tier == "private" and dual_stack:
                gateway_id = egress_only.id
                _route(
                    component, f"{name}-private-ipv6-{zone}", table, destination_ipv6_cidr_block="::/0", egress_only_gateway_id=gateway_id
                )
            subnet = _subnet(component, checked, vpc, tier, zone)
            association = aws.ec2.RouteTableAssociation(
                f"{name}-{tier}-{zone}", subnet_id=subnet.id, route_table_id=table.id, opts=component.child()
            )
            # Available once its routes hold: until the association is there the main route table applies.
            tiers.subnet_ids[tier][zone] = after(subnet.id, association, *(internet if tier == "public" else ()))
            tiers.route_table_ids[tier][zone] = table.id
    return tiers


def table_suffix(tier: str, zone: str) -> str:
    """What children are named by that belong to the route table of a tier and zone."""
    return "public" if tier == "public" else f"{tier}-{zone}"


def subnet_networks(checked: NetworkArgs, cidr_block: str) -> dict[str, dict[str, IPv4Network]]:
    """Tier to zone to network of the subnets, in a VPC with this block.

    :raises SubnetPlanError: when they do not fit.
    """
    explicit, prefixes = checked.get("subnet_cidrs"), checked.get("subnet_prefixes")
    if explicit is not None:
        cidrs = {"public": explicit["public"], "private": explicit["private"], "data": explicit["data"]}
        return subnets.explicit(cidr_block, checked["zones"], cidrs)
    lengths = {} if prefixes is None else {tier: length for tier in subnets.TIERS if (length := prefixes.get(tier)) is not None}
    return subnets.plan(cidr_block, checked["zones"], lengths)


def _subnet(component: Component, checked: NetworkArgs, vpc: aws.ec2.Vpc, tier: str, zone: str) -> aws.ec2.Subnet:
    def cidr(vpc_block: str) -> str:
        return str(subnet_networks(checked, vpc_block)[tier][zone])

    name, dual_stack, block = f"{component.pulumi_resource_name}-{tier}-{zone}", checked["dual_stack"], checked.get("cidr_block")
    return aws.ec2.Subnet(
        name,
        vpc_id=vpc.id,
        availability_zone=zone,
        # Without a block the IPAM pool chooses it.
        cidr_block=vpc.cidr_block.apply(cidr) if block is None else cidr(block),
        map_public_ip_on_launch=False,
        ipv6_cidr_block=vpc.ipv6_cidr_block.apply(lambda vpc_block: subnets.ipv6(vpc_block, tier, zone)) if dual_stack else None,
        # An instance needs an IPv6 address of its own to use the egress-only gateway; elsewhere who wants one asks for it.
        assign_ipv6_address_on_creation=True if dual_stack and tier == "private" else None,
        # By this tag policies know a data subnet before a store is in it.
        tags={"Name": name, **checked["tags"], "cloudpatterns:tier": tier},
        opts=component.child(),
    )


def _table(component: Component, checked: NetworkArgs, vpc: aws.ec2.Vpc, suffix: str) -> aws.ec2.RouteTable:
    # Routes are resources of their own: inline ones would remove those that OnDemandNat and the gateway endpoints add.
    # https://www.pulumi.com/registry/packages/aws/api-docs/ec2/routetable/
    name = f"{component.pulumi_resource_name}-{suffix}"
    return aws.ec2.RouteTable(name, vpc_id=vpc.id, tags={"Name": name, **checked["tags"]}, opts=component.child())


def _route(component: Component, child_name: str, table: aws.ec2.RouteTable, **target: Any) -> aws.ec2.Route:
    return aws.ec2.Route(child_name, route_table_id=table.id, opts=component.child(), **target)
