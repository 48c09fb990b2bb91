"""Network ACLs of the three tiers: what their subnets let in and out, whatever the security groups behind say.

An ACL keeps no state, so the answers of every connection need a rule of their own, and it knows no prefix lists, so whatever must reach
S3 and DynamoDB through their gateway endpoints needs the internet's addresses. It does not see the VPC's DNS resolver, Amazon's time
service, instance metadata and DHCP. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import Component
from cloudpatterns.network.network import subnets

Tags = Mapping[str, pulumi.Input[str]]

MOST_RULES = 18
"""Rules in one direction of an ACL: AWS's default quota is 20, of which one for each IP version is its own last rule, deny.
https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-nacls"""


class NetworkAcls(TypedDict):
    """Network ACLs, one for each tier.

    Inside the VPC they let everything pass. Public subnets admit ``public_ports`` from the internet besides, private ones
    ``trusted_cidrs``, data ones nothing: not even S3 and DynamoDB, so a database cannot import from or export to a bucket. Public and
    private subnets may send everything out and admit the answers, TCP and UDP at ports 1024 to 65535 and ICMP for path MTU. Port 3389
    is left out of these, lest Remote Desktop be open; an outgoing connection that happens to start from it gets no answer. A Network
    Load Balancer that keeps clients' addresses reaches private targets on ports from 1024 only.
    """

    public_ports: NotRequired[Annotated[list[int], Field(default=[80, 443])]]
    """TCP ports below 1024 at which public subnets admit the internet, each once, not 22. Those above are open for answers anyway.
    Default: 80 and 443."""
    trusted_cidrs: NotRequired[Annotated[list[str], Field(default=[])]]
    """Networks outside the VPC, IPv6 ones only with ``dual_stack``, that reach private subnets over a VPN, Direct Connect or peering, each
    once; the internet is refused. There is room for 12, or 6 with ``dual_stack``. Default: none."""


_ALL, _ICMP, _TCP, _UDP, _ICMPV6 = "-1", "1", "6", "17", "58"
_TRANSPORTS = ((_TCP, "tcp"), (_UDP, "udp"))
_FIRST_EPHEMERAL, _LAST_PORT = 1024, 65535
_SSH, _REMOTE_DESKTOP = 22, 3389
_INTERNET = {4: "0.0.0.0/0", 6: "::/0"}
# NAT gateways, load balancers and Lambda functions use the whole range. https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html
# In two parts, since scanners fault a rule that allows an administration port whether or not another denies it before.
# https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-21
_ANSWER_PORTS = {"low": (_FIRST_EPHEMERAL, _REMOTE_DESKTOP - 1), "high": (_REMOTE_DESKTOP + 1, _LAST_PORT)}

# A rule's number is tied to what it says, since AWS takes each number once and an update adds the new rule before it removes the old one:
# who changes a rule's content gives it another suffix and number.
_VPC, _TRUSTED, _PORTS, _ANSWERS, _PATH_MTU, _OUT = 100, 1000, 10000, 21100, 22000, 30000
_TRUSTED_NUMBERS = 9000


@dataclass(frozen=True)
class _Rule:
    """One rule. Without ``cidr`` it is about the VPC's own addresses of that IP version."""

    suffix: str
    number: int
    version: int
    protocol: str
    cidr: str | None
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None


def acl_problems(acls: NetworkAcls, cidr_block: str | None, dual_stack: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with checked ``acls``, as paths below the argument and reasons."""
    ports = acls["public_ports"]
    for index, port in enumerate(ports):
        path = f"public_ports.{index}"
        if not 1 <= port < _FIRST_EPHEMERAL:
            yield path, f"is {port}; a port from 1 to 1023 is needed, those above are open for answers anyway. Remove it."
        elif port == _SSH:
            yield path, "is 22, an administration port; reach servers through Session Manager or a trusted network. Remove it."
        elif port in ports[:index]:
            yield path, f"is {port} again; name each port once."
    yield from _trusted_problems(acls["trusted_cidrs"], cidr_block, dual_stack)
    for tier, argument in (("public", "public_ports"), ("private", "trusted_cidrs")):
        over = len(_inbound(tier, acls, dual_stack)) - MOST_RULES
        if over > 0:
            yield (
                argument,
                f"makes {MOST_RULES + over} inbound rules of the {tier} tier's ACL; AWS's quota leaves room for {MOST_RULES}. "
                "Join or remove some.",
            )


def _trusted_problems(cidrs: Sequence[str], cidr_block: str | None, dual_stack: bool) -> Iterator[tuple[str, str]]:
    for index, cidr in enumerate(cidrs):
        path = f"trusted_cidrs.{index}"
        try:
            network = ip_network(cidr)
        except ValueError as error:
            yield path, f"is no network: {error}"
            continue
        if network.prefixlen < (8 if network.version == 4 else 16):
            yield path, f"is {cidr}, far too broad for networks of one's own. Name those alone."
        elif network.version == 6 and not dual_stack:
            yield path, f"is {cidr}, an IPv6 network, and the VPC has no IPv6. Remove it, or set dual_stack."
        elif str(network) in [_canonical(other) for other in cidrs[:index]]:
            yield path, f"is {cidr} again; name each network once."
        elif isinstance(network, IPv4Network) and cidr_block and _inside(network, cidr_block):
            yield path, f"is {cidr}, inside the VPC's {cidr_block}, where everything passes anyway. Remove it."


def _canonical(cidr: str) -> str:
    try:
        return str(ip_network(cidr))
    except ValueError:
        return cidr


def _inside(network: IPv4Network, cidr_block: str) -> bool:
    try:
        return network.subnet_of(IPv4Network(cidr_block))
    except ValueError:
        # A block that is no network is reported with the layout.
        return False


def make_acls(
    component: Component,
    name: str,
    vpc: aws.ec2.Vpc,
    subnet_ids: Mapping[str, Mapping[str, pulumi.Output[str]]],
    acls: NetworkAcls,
    dual_stack: bool,
    tags: Tags,
) -> None:
    """An ACL for each tier, with its rules, on the tier's subnets."""
    for tier in subnets.TIERS:
        acl = aws.ec2.NetworkAcl(f"{name}-acl-{tier}", vpc_id=vpc.id, tags={"Name": f"{name}-{tier}", **tags}, opts=component.child())
        rules = [_make_rule(component, name, tier, vpc, acl, rule, egress=False) for rule in _inbound(tier, acls, dual_stack)]
        rules += [_make_rule(component, name, tier, vpc, acl, rule, egress=True) for rule in _outbound(tier, dual_stack)]
        for zone, subnet_id in subnet_ids[tier].items():
            # A resource for each subnet, so that a zone that goes leaves the ACL as it is. After the rules: an ACL without any lets nothing
            # through. A subnet that loses its association falls back to the VPC's default ACL, so destroying needs no order of its own.
            aws.ec2.NetworkAclAssociation(
                f"{name}-{tier}-{zone}", network_acl_id=acl.id, subnet_id=subnet_id, opts=component.child(depends_on=rules)
            )


def _make_rule(
    component: Component, name: str, tier: str, vpc: aws.ec2.Vpc, acl: aws.ec2.NetworkAcl, rule: _Rule, *, egress: bool
) -> aws.ec2.NetworkAclRule:
    first, last = rule.ports or (None, None)
    kind, code = rule.icmp or (None, None)
    own = vpc.cidr_block if rule.version == 4 else vpc.ipv6_cidr_block
    cidr = own if rule.cidr is None else rule.cidr
    return aws.ec2.NetworkAclRule(
        f"{name}-acl-{tier}-{'out' if egress else 'in'}-{rule.suffix}",
        network_acl_id=acl.id,
        rule_number=rule.number,
        egress=egress,
        rule_action="allow",
        # The number: AWS gives back nothing else.
        protocol=rule.protocol,
        from_port=first,
        to_port=last,
        icmp_type=kind,
        icmp_code=code,
        cidr_block=cidr if rule.version == 4 else None,
        ipv6_cidr_block=cidr if rule.version == 6 else None,
        opts=component.child(),
    )


def _versions(dual_stack: bool) -> tuple[int, ...]:
    return (4, 6) if dual_stack else (4,)


def _offset(version: int) -> int:
    return 0 if version == 4 else 1


def _suffix(text: str, version: int) -> str:
    return text if version == 4 else f"{text}-ipv6"


def _own(version: int) -> _Rule:
    return _Rule(_suffix("vpc", version), _VPC + _offset(version), version, _ALL, None)


def _inbound(tier: str, acls: NetworkAcls, dual_stack: bool) -> list[_Rule]:
    rules = [_own(version) for version in _versions(dual_stack)]
    if tier == "data":
        return rules
    if tier == "private":
        rules += _trusted(acls["trusted_cidrs"])
    for version in _versions(dual_stack):
        internet, offset = _INTERNET[version], _offset(version)
        if tier == "public":
            rules += [
                _Rule(_suffix(f"port-{port}", version), _PORTS + 2 * port + offset, version, _TCP, internet, (port, port))
                for port in acls["public_ports"]
            ]
        for place, (protocol, transport) in enumerate(_TRANSPORTS):
            for after, (part, ports) in enumerate(_ANSWER_PORTS.items()):
                number = _ANSWERS + 4 * place + 2 * after + offset
                rules.append(_Rule(_suffix(f"answers-{transport}-{part}", version), number, version, protocol, internet, ports))
        # "Fragmentation needed" and "packet too big": https://docs.aws.amazon.com/vpc/latest/userguide/path_mtu_discovery.html
        protocol, message = (_ICMP, (3, 4)) if version == 4 else (_ICMPV6, (2, 0))
        rules.append(_Rule(_suffix("path-mtu", version), _PATH_MTU + offset, version, protocol, internet, icmp=message))
    return rules


def _outbound(tier: str, dual_stack: bool) -> list[_Rule]:
    if tier == "data":
        return [_own(version) for version in _versions(dual_stack)]
    return [
        _Rule(_suffix("everywhere", version), _OUT + _offset(version), version, _ALL, _INTERNET[version])
        for version in _versions(dual_stack)
    ]


def _trusted(cidrs: Sequence[str]) -> Iterator[_Rule]:
    """A rule for each network, at a number that depends on the network, so that one that comes or goes leaves the others alone."""
    taken: set[int] = set()
    for network in sorted(map(_network, cidrs), key=str):
        place = zlib.crc32(str(network).encode()) % _TRUSTED_NUMBERS
        while place in taken:
            place = (place + 1) % _TRUSTED_NUMBERS
        taken.add(place)
        # Two colons in a row would end a part of the URN.
        name = str(network).replace(":", "-").replace("/", "_")
        yield _Rule(f"trusted-{name}", _TRUSTED + place, network.version, _ALL, str(network))


def _network(cidr: str) -> IPv4Network | IPv6Network:
    # In the form that AWS gives back.
    return ip_network(cidr, strict=False)
