"""Network ACLs of the three tiers: what their subnets admit and send, whatever the security groups behind them say.

An ACL keeps no state, so the responses of every connection need a rule of their own, and it knows no prefix lists, so whatever must reach
S3 and DynamoDB through their gateway endpoints needs the internet's addresses. It does not see the VPC's DNS resolver, Amazon's time
service, instance metadata and DHCP. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html
"""

import zlib
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, ip_network
from itertools import product
from typing import NamedTuple

import pulumi_aws as aws

from cloudpatterns.core import Component, Problem
from cloudpatterns.network._cidrs import BROADEST
from cloudpatterns.network.network.arguments import NetworkAcls, NetworkArgs
from cloudpatterns.network.network.subnets import TIERS
from cloudpatterns.network.network.tiers import IdsByTier

MOST_RULES = 18
"""Rules in one direction of an ACL: AWS's default quota is 20, of which one for each IP version is its own last rule, deny.
https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-nacls"""

# What the managed prefix lists com.amazonaws.<region>.vpc-lattice and com.amazonaws.<region>.ipv6.vpc-lattice hold for services: an ACL
# takes no prefix lists. https://docs.aws.amazon.com/vpc-lattice/latest/ug/network-acls.html
_LATTICE_CIDRS = {4: "169.254.171.0/24", 6: "fd00:ec2:80::/64"}
# Numbers of protocols, as AWS gives back nothing else.
_ALL, _ICMP, _TCP, _UDP, _ICMPV6 = "-1", "1", "6", "17", "58"
_INTERNET = {4: "0.0.0.0/0", 6: "::/0"}
# NAT gateways, load balancers and Lambda functions use the whole range. https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html
# In two parts without 3389, since scanners fault a rule that allows an administration port whether or not another denies it before.
# https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-21
_RESPONSE_PORTS = (("low", (1024, 3388)), ("high", (3390, 65_535)))
# "Fragmentation needed" and "packet too big": https://docs.aws.amazon.com/vpc/latest/userguide/path_mtu_discovery.html
_PATH_MTU_MESSAGES = {4: (_ICMP, (3, 4)), 6: (_ICMPV6, (2, 0))}

# A rule's number is tied to its content, since AWS takes each number once and an update adds the new rule before it removes the old one:
# who changes a rule's content gives it another suffix and number.
_VPC, _TRUSTED, _PORTS, _LATTICE, _RESPONSES, _PATH_MTU, _OUTBOUND = 100, 1000, 10000, 13000, 21100, 22000, 30000
_TRUSTED_NUMBERS = 9000


class _Rule(NamedTuple):
    """One rule; without ``cidr`` it is about the VPC's own addresses of that IP version."""

    suffix: str
    number: int
    version: int
    protocol: str
    cidr: str | None
    ports: tuple[int | None, int | None] = (None, None)
    icmp: tuple[int | None, int | None] = (None, None)


def create_acls(component: Component, checked: NetworkArgs, vpc: aws.ec2.Vpc, subnet_ids: IdsByTier) -> None:
    """An ACL for each tier, with its rules, on the tier's subnets."""
    name, acls, versions = component.pulumi_resource_name, checked["network_acls"], _versions(checked)
    for tier in TIERS:
        tags = {"Name": f"{name}-{tier}", **checked["tags"]}
        acl = aws.ec2.NetworkAcl(f"{name}-acl-{tier}", vpc_id=vpc.id, tags=tags, opts=component.child())
        rules = [
            *(_create_rule(component, f"{name}-acl-{tier}-in", vpc, acl, rule, egress=False) for rule in _inbound(tier, acls, versions)),
            *(_create_rule(component, f"{name}-acl-{tier}-out", vpc, acl, rule, egress=True) for rule in _outbound(tier, versions)),
        ]
        for zone, subnet_id in subnet_ids[tier].items():
            # A resource for each subnet, so that a zone that goes leaves the ACL as it is. After the rules: an ACL without any lets nothing
            # through. A subnet that loses its association falls back to the VPC's default ACL, so destroying needs no order of its own.
            aws.ec2.NetworkAclAssociation(
                f"{name}-{tier}-{zone}", network_acl_id=acl.id, subnet_id=subnet_id, opts=component.child(depends_on=rules)
            )


def acl_problems(checked: NetworkArgs) -> Iterator[Problem]:
    """What is wrong with the ACLs, and whether AWS's quota has room for their rules."""
    acls = checked.get("network_acls")
    if acls is None:
        return
    if 22 in acls["public_ports"]:
        path = f"network_acls.public_ports.{acls['public_ports'].index(22)}"
        yield path, "is 22, an administration port; reach servers through Session Manager or a trusted network. Remove it."
    yield from _trusted_problems(checked, acls["trusted_cidrs"])
    for tier, argument in (("public", "public_ports"), ("private", "trusted_cidrs" if acls["trusted_cidrs"] else "lattice_ports")):
        rules = len(list(_inbound(tier, acls, _versions(checked))))
        if rules > MOST_RULES:
            yield (
                f"network_acls.{argument}",
                f"needs {rules} inbound rules in the {tier} tier's ACL; AWS's quota leaves room for {MOST_RULES}. Join or remove some.",
            )


def _trusted_problems(checked: NetworkArgs, cidrs: Sequence[str]) -> Iterator[Problem]:
    block = checked.get("cidr_block")
    for index, network in enumerate(map(ip_network, cidrs)):
        path = f"network_acls.trusted_cidrs.{index}"
        if network.prefixlen < BROADEST[network.version]:
            yield path, f"is {network}, broader than an IPv4 /8 or an IPv6 /16. Name the trusted networks alone."
        elif network.version == 6 and not checked["dual_stack"]:
            yield path, f"is {network}, an IPv6 network, and the VPC has no IPv6. Remove it, or set dual_stack."
        elif isinstance(network, IPv4Network) and block is not None and network.subnet_of(IPv4Network(block)):
            yield path, f"is {network}, inside the VPC's {block}, where all traffic is allowed already. Remove it."


def _create_rule(
    component: Component, prefix: str, vpc: aws.ec2.Vpc, acl: aws.ec2.NetworkAcl, rule: _Rule, *, egress: bool
) -> aws.ec2.NetworkAclRule:
    own = {4: vpc.cidr_block, 6: vpc.ipv6_cidr_block}[rule.version]
    cidr = own if rule.cidr is None else rule.cidr
    return aws.ec2.NetworkAclRule(
        f"{prefix}-{rule.suffix}",
        network_acl_id=acl.id,
        rule_number=rule.number,
        egress=egress,
        rule_action="allow",
        protocol=rule.protocol,
        from_port=rule.ports[0],
        to_port=rule.ports[1],
        icmp_type=rule.icmp[0],
        icmp_code=rule.icmp[1],
        cidr_block=cidr if rule.version == 4 else None,
        ipv6_cidr_block=cidr if rule.version == 6 else None,
        opts=component.child(),
    )


def _versions(checked: NetworkArgs) -> tuple[int, ...]:
    return (4, 6) if checked["dual_stack"] else (4,)


def _inbound(tier: str, acls: NetworkAcls, versions: Sequence[int]) -> Iterator[_Rule]:
    yield from (_Rule(*_key("vpc", _VPC, version), _ALL, None) for version in versions)
    if tier == "data":
        return
    if tier == "private":
        yield from _trusted(acls["trusted_cidrs"])
    for version in versions:
        internet = _INTERNET[version]
        for port in acls["public_ports"] if tier == "public" else ():
            yield _Rule(*_key(f"port-{port}", _PORTS + 2 * port, version), _TCP, internet, (port, port))
        for port in acls["lattice_ports"] if tier == "private" else ():
            yield _Rule(*_key(f"lattice-{port}", _LATTICE + 2 * port, version), _TCP, _LATTICE_CIDRS[version], (port, port))
        transports = ((_TCP, "tcp"), (_UDP, "udp"))
        for place, ((protocol, transport), (part, ports)) in enumerate(product(transports, _RESPONSE_PORTS)):
            yield _Rule(*_key(f"answers-{transport}-{part}", _RESPONSES + 2 * place, version), protocol, internet, ports)
        protocol, message = _PATH_MTU_MESSAGES[version]
        yield _Rule(*_key("path-mtu", _PATH_MTU, version), protocol, internet, icmp=message)


def _outbound(tier: str, versions: Sequence[int]) -> Iterator[_Rule]:
    for version in versions:
        if tier == "data":
            yield _Rule(*_key("vpc", _VPC, version), _ALL, None)
        else:
            yield _Rule(*_key("everywhere", _OUTBOUND, version), _ALL, _INTERNET[version])


def _key(suffix: str, number: int, version: int) -> tuple[str, int, int]:
    """Suffix, number and IP version of a rule of which there is one for each version; that for IPv6 has the next number."""
    return (f"{suffix}-ipv6", number + 1, 6) if version == 6 else (suffix, number, 4)


def _trusted(cidrs: Sequence[str]) -> Iterator[_Rule]:
    """A rule for each network, at a number that depends on the network, so that one that comes or goes leaves the others alone."""
    taken: set[int] = set()
    for network in sorted(map(ip_network, cidrs), key=str):
        place = zlib.crc32(str(network).encode()) % _TRUSTED_NUMBERS
        while place in taken:
            place = (place + 1) % _TRUSTED_NUMBERS
        taken.add(place)
        # Two colons in a row would end a part of the URN.
        suffix = str(network).replace(":", "-").replace("/", "_")
        yield _Rule(f"trusted-{suffix}", _TRUSTED + place, network.version, _ALL, str(network))
