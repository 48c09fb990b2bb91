"""The addresses of VPCs."""

from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.addresses import parse
from cloudpatterns_policies.graph.reading import read, refer
from cloudpatterns_policies.graph.regions import Place
from cloudpatterns_policies.graph.routes import VPCS
from cloudpatterns_policies.graph.spans import Spans

BLOCKS: Final = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
"""The resource type that adds IPv4 addresses to a VPC."""


def vpc_addresses(stack: Stack, resource: Resource, version: int) -> Spans | Place:
    """The addresses, of one IP version, of the VPC that a resource names in `vpcId`, or what leaves them unknown."""
    found = refer(stack, resource, "vpcId", VPCS)
    if len(found.targets) != 1 or not found.certain or found.foreign:
        return (resource, "vpcId")
    vpc = found.targets[0]
    places = [(vpc, "cidrBlock"), *((item, "cidrBlock") for item in stack.referrers(vpc, BLOCKS, "vpcId"))]
    for item in stack.of_type(BLOCKS) if version == 4 else ():
        owner = refer(stack, item, "vpcId", VPCS)
        # A block of an unknown VPC may belong to this one.
        if owner.unresolved or (not owner.certain and vpc in owner.targets):
            return (item, "vpcId")
    if version == 6:
        # A preview shows the block as unknown even when no Amazon-provided block is requested.
        generated = read(vpc, "assignGeneratedIpv6CidrBlock", computed=True)
        own = read(vpc, "ipv6CidrBlock", computed=generated is None)
        places = [] if own is None else [(vpc, "ipv6CidrBlock")]
    spans = Spans()
    for place in places:
        text = read(*place)
        if text is UNKNOWN or text is None:
            return place
        spans |= parse(text)[1]
    return spans
