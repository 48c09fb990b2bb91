"""Network ACLs: what they let into and out of subnets, rule by rule in the order of their numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.addresses import VERSIONS, parse
from cloudpatterns_policies.graph.ports import ALL, admitted
from cloudpatterns_policies.graph.reading import expand, label, read, refer
from cloudpatterns_policies.graph.regions import EVERYWHERE, Fact, Place, Region, everything
from cloudpatterns_policies.graph.routes import VPCS
from cloudpatterns_policies.graph.spans import Spans
from cloudpatterns_policies.graph.topology import SUBNETS, Subnet

ACL: Final = "aws:ec2/networkAcl:NetworkAcl"
DEFAULT_ACL: Final = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
_NOUNS: Final = {ACL: "network ACL", DEFAULT_ACL: "default network ACL"}
ACLS: Final = tuple(_NOUNS)
"""Types of network ACLs."""

_RULE: Final = "aws:ec2/networkAclRule:NetworkAclRule"
_ASSOCIATION: Final = "aws:ec2/networkAclAssociation:NetworkAclAssociation"
_NAMES: Final = ("ruleNo", "action", "protocol", "fromPort", "toPort", "icmpType", "icmpCode")
_OWN_NAMES: Final = ("ruleNumber", "ruleAction", "protocol", "fromPort", "toPort", "icmpType", "icmpCode")

_SPACE: Final = 65536
_TCP, _UDP = 6, 17
EPHEMERAL: Final = (1024, 65535)
"""Ports that clients are answered on: https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html"""


def _block(first: int, last: int, low: int = 0, high: int = _SPACE - 1) -> Spans:
    return Spans(((first * _SPACE + low, last * _SPACE + high),))


# For each block of protocols, where its answers go: TCP and UDP to a port of the client's choice, others within the block.
_ANSWERS: Final = (
    (_block(_TCP, _TCP), _block(_TCP, _TCP, *EPHEMERAL)),
    (_block(_UDP, _UDP), _block(_UDP, _UDP, *EPHEMERAL)),
    *((block, block) for block in (_block(0, _TCP - 1), _block(_TCP + 1, _UDP - 1), _block(_UDP + 1, 255))),
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule in one IP version. None stands for what is unknown."""

    number: int | None
    allow: bool | None
    ports: Spans | None
    addresses: Spans | None
    place: Place

    @property
    def unknown(self) -> bool:
        return self.number is None or self.allow is None or self.ports is None or self.addresses is None


@dataclass(eq=False, slots=True)
class Acl:
    """A network ACL. Without a rule it lets nothing through."""

    name: str
    """What messages call it."""
    open: bool = False
    """Whether it is the one AWS makes with a VPC, as AWS makes it: it lets everything through."""
    unknown: Place | None = None
    """What leaves all its rules unknown."""
    rules: dict[tuple[bool, int], list[_Rule]] = field(default_factory=dict)
    """By direction (whether ingress) and IP version."""
    unknowns: dict[bool, Place] = field(default_factory=dict)
    """By direction, what leaves further rules unknown."""
    _facts: dict[tuple[bool, int], Fact] = field(default_factory=dict)

    def fact(self, ingress: bool, version: int) -> Fact:
        """What it lets through in one direction, by the address of the other end."""
        key = (ingress, version)
        if key not in self._facts:
            self._facts[key] = self._judge(*key)
        return self._facts[key]

    def answers(self, ingress: bool, version: int) -> Fact:
        """On which ports a connection gets its answers through in that direction, by the address of the other end.

        An ACL keeps no state: for TCP and UDP the answers need some ephemeral port, which the client is free to choose.
        """
        fact = self.fact(ingress, version)
        return Fact(_answers(fact.low), _answers(fact.high), fact.place)

    def _judge(self, ingress: bool, version: int) -> Fact:
        if self.open:
            return Fact.sure(everything(version))
        place = self.unknown or self.unknowns.get(ingress)
        if place is not None:
            return Fact(Region(), everything(version), place)
        rules = self.rules.get((ingress, version), [])
        low, high = _first_match(rules, version, sure=True), _first_match(rules, version, sure=False)
        return Fact(low, high, next((rule.place for rule in rules if rule.unknown), None))


def _answers(region: Region) -> Region:
    return Region.union(Region.of(block, region.addresses(answers)) for block, answers in _ANSWERS)


def _first_match(rules: list[_Rule], version: int, sure: bool) -> Region:
    """What the rules allow, the first match deciding. Unknowns are read as strictly (`sure`) or as openly as they can be meant."""

    def meant(rule: _Rule) -> tuple[int, bool, Region] | None:
        allow = not sure if rule.allow is None else rule.allow
        if rule.unknown and allow == sure:
            return None
        number = -1 if rule.number is None else rule.number
        ports = ALL if rule.ports is None else rule.ports
        return number, allow, Region.of(ports, EVERYWHERE[version] if rule.addresses is None else rule.addresses)

    allowed: list[Region] = []
    left = everything(version)
    for _, allow, region in sorted((item for item in map(meant, rules) if item), key=lambda item: item[0]):
        if allow:
            allowed.append(left & region)
        left = left - region
    return Region.union(allowed)


class Acls:
    """All network ACLs of a stack, by subnet."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._acls = {item.urn: Acl(label(item, _NOUNS[item.type])) for item in stack.of_type(*ACLS)}
        self._by_subnet: dict[str, list[tuple[Acl, Place | None]]] = {}
        self._by_vpc: dict[str, Acl] = {}
        for item in stack.of_type(*ACLS):
            self._read(item)
        for rule in stack.of_type(_RULE):
            self._read_own(rule)
        for association in stack.of_type(_ASSOCIATION):
            found = refer(stack, association, "networkAclId", ACLS)
            for target in found.targets:
                self._associate(self._acls[target.urn], association, "subnetId", sure=found.certain)
            if not found.targets and not found.empty:
                name = f"network ACL {found.foreign[0]}" if found.foreign else "an unknown network ACL"
                self._associate(Acl(name, unknown=(association, "networkAclId")), association, "subnetId")

    def of(self, subnet: Subnet, place: Place) -> Acl:
        """The ACL of a subnet. `place` names the subnet where that is known by its id alone: its ACL is then unknown."""
        found = self._by_subnet.get(subnet.key, [])
        if found:
            acl, doubt = found[0]
            sure = doubt is None and all(other is acl for other, _ in found)
            return acl if sure else Acl(acl.name, unknown=doubt or place)
        if subnet.resource is None:
            return Acl(f"the network ACL of {subnet.name}", unknown=place)
        vpc = refer(self._stack, subnet.resource, "vpcId", VPCS)
        keys = [target.urn for target in vpc.targets] + list(vpc.foreign)
        if len(keys) != 1 or not vpc.certain:
            return Acl(f"the network ACL of {subnet.name}", unknown=(subnet.resource, "vpcId"))
        return self._by_vpc.get(keys[0], _DEFAULT)

    def _associate(self, acl: Acl, holder: Resource, path: str, *, sure: bool = True) -> None:
        found = refer(self._stack, holder, path, SUBNETS, computed=True)
        doubt = None if sure and found.certain else (holder, path)
        for key in [target.urn for target in found.targets] + list(found.foreign):
            self._by_subnet.setdefault(key, []).append((acl, doubt))

    def _read(self, item: Resource) -> None:
        acl = self._acls[item.urn]
        self._associate(acl, item, "subnetIds")
        if item.type == DEFAULT_ACL:
            found = refer(self._stack, item, "defaultNetworkAclId", VPCS)
            identity = read(item, "defaultNetworkAclId")
            vpcs = list(found.targets) or [vpc for vpc in self._stack.of_type(*VPCS) if _is_default(vpc, identity)]
            self._by_vpc.update((vpc.urn, acl) for vpc in vpcs)
        for ingress, direction in ((True, "ingress"), (False, "egress")):
            for path in expand(item, f"{direction}.*"):
                if path == direction:
                    acl.unknowns[ingress] = (item, path)
                else:
                    self._add(acl, item, f"{path}.", _NAMES, ingress)

    def _read_own(self, rule: Resource) -> None:
        found = refer(self._stack, rule, "networkAclId", ACLS)
        owners = [self._acls[target.urn] for target in found.targets]
        egress = read(rule, "egress", computed=True)
        # The id of a VPC's own ACL is an attribute of the VPC.
        for vpc in () if owners else refer(self._stack, rule, "networkAclId", VPCS).targets:
            owners.append(self._by_vpc.setdefault(vpc.urn, Acl(f"default network ACL of {vpc.name}", unknown=(rule, "networkAclId"))))
        for acl in owners:
            if not found.certain:
                acl.unknown = (rule, "networkAclId")
            elif egress is UNKNOWN:
                acl.unknown = (rule, "egress")
            else:
                self._add(acl, rule, "", _OWN_NAMES, egress is not True)

    def _add(self, acl: Acl, resource: Resource, prefix: str, names: tuple[str, ...], ingress: bool) -> None:
        values = [read(resource, f"{prefix}{name}") for name in names]
        number, action = values[:2]
        ports, unknown = _ports(values[2:])
        for name, value in zip(names, values, strict=True):
            unknown = unknown or (name if value is UNKNOWN and name in names[:3] else "")
        for version, addresses, path in _addresses(resource, prefix):
            rule = _Rule(
                None if number is UNKNOWN or number is None else int(number),
                None if action is UNKNOWN else str(action).lower() == "allow",
                ports,
                addresses,
                (resource, f"{prefix}{unknown or path}"),
            )
            acl.rules.setdefault((ingress, version), []).append(rule)


def _ports(values: list[Any]) -> tuple[Spans | None, str]:
    """Protocols and ports of a rule, or None and the property that leaves them unknown."""
    protocol, first, last, kind, code = values
    if protocol is UNKNOWN:
        return None, "protocol"
    if str(protocol).strip().lower() in ("-1", "all"):
        return ALL, ""
    low, high = (kind, code) if str(protocol).strip().lower() in ("1", "icmp", "58", "icmpv6", "ipv6-icmp") else (first, last)
    if low is UNKNOWN or high is UNKNOWN:
        return None, "fromPort" if low is first else "icmpType"
    try:
        return admitted(protocol, low, high), ""
    except ValueError:
        return None, "protocol"


def _addresses(resource: Resource, prefix: str) -> Iterator[tuple[int, Spans | None, str]]:
    """By IP version the addresses of a rule, None when unknown, and the property that names them."""
    for version, name in zip(VERSIONS, ("cidrBlock", "ipv6CidrBlock"), strict=True):
        value = read(resource, f"{prefix}{name}", computed=not prefix)
        if value is UNKNOWN:
            yield version, None, name
        elif value is not None:
            try:
                yield (*parse(str(value)), name)
            except ValueError:
                yield version, None, name


def _is_default(vpc: Resource, identity: object) -> bool:
    own = vpc.raw.get("defaultNetworkAclId")
    return isinstance(identity, str) and own is not UNKNOWN and own == identity


_DEFAULT: Final = Acl("default network ACL", open=True)


@lru_cache(maxsize=2)
def acls_of(stack: Stack) -> Acls:
    """The stack's network ACLs. Built once for all queries."""
    return Acls(stack)
