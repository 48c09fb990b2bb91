"""Network ACLs: the traffic they allow into and out of subnets, and the rule that decides on it, in the order of rule numbers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.addresses import VERSIONS, parse
from cloudpatterns_policies.graph.ports import ALL, admitted
from cloudpatterns_policies.graph.reading import Reference, expand, label, read, refer
from cloudpatterns_policies.graph.regions import EVERYWHERE, Fact, Place, Region, everything
from cloudpatterns_policies.graph.routes import VPCS
from cloudpatterns_policies.graph.spans import Spans
from cloudpatterns_policies.graph.topology import SUBNETS, Subnet

ACL: Final = "aws:ec2/networkAcl:NetworkAcl"
DEFAULT_ACL: Final = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
_NOUNS: Final = {ACL: "network ACL", DEFAULT_ACL: "default network ACL"}
ACLS: Final = tuple(_NOUNS)
"""Types of network ACLs."""

ACL_RULE: Final = "aws:ec2/networkAclRule:NetworkAclRule"
_ASSOCIATION: Final = "aws:ec2/networkAclAssociation:NetworkAclAssociation"
_INLINE_NAMES: Final = ("ruleNo", "action")
_RESOURCE_NAMES: Final = ("ruleNumber", "ruleAction")

_SPACE: Final = 65536
_TCP, _UDP = 6, 17
EPHEMERAL: Final = (1024, 65535)
"""Ports to which responses are sent: https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html"""


def _block(first: int, last: int, low: int = 0, high: int = _SPACE - 1) -> Spans:
    return Spans(((first * _SPACE + low, last * _SPACE + high),))


# For each block of protocols, the ports of its responses: for TCP and UDP a port that the client chooses, for others the block itself.
_RESPONSES: Final = (
    (_block(_TCP, _TCP), _block(_TCP, _TCP, *EPHEMERAL)),
    (_block(_UDP, _UDP), _block(_UDP, _UDP, *EPHEMERAL)),
    *((block, block) for block in (_block(0, _TCP - 1), _block(_TCP + 1, _UDP - 1), _block(_UDP + 1, 255))),
)


@dataclass(frozen=True, slots=True)
class AclRule:
    """One rule in one IP version. None stands for an unknown value."""

    resource: Resource
    """The resource that holds the rule: the ACL, or a rule that is a resource."""
    path: str
    """The rule's path in `resource`, such as `ingress.0`; empty for a rule that is a resource."""
    number: int | None = None
    allow: bool | None = None
    ports: Spans | None = None
    addresses: Spans | None = None
    cidr: str = ""
    """The addresses as the program writes them; empty when they are unknown."""
    unknown: str = ""
    """The path in `resource` of the first value that leaves the rule unclear; empty when the whole rule is known."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The part of all traffic that one rule decides on: it matches the rule, and none before it."""

    rule: AclRule
    allow: bool
    region: Region


@dataclass(eq=False, slots=True)
class Acl:
    """A network ACL. Without a rule it allows nothing."""

    name: str
    """How messages name it."""
    open: bool = False
    """Whether it is the one that AWS creates with a VPC, unchanged: it allows everything."""
    unknown: Place | None = None
    """The unknown value that leaves all its rules unclear."""
    rules: dict[tuple[bool, int], list[AclRule]] = field(default_factory=dict)
    """By direction (whether ingress) and IP version."""
    _facts: dict[tuple[bool, int], Fact] = field(default_factory=dict)

    def fact(self, ingress: bool, version: int) -> Fact:
        """The traffic that it allows in one direction, by the address of the other end."""
        key = (ingress, version)
        if key not in self._facts:
            self._facts[key] = self._judge(*key)
        return self._facts[key]

    def responses(self, ingress: bool, version: int) -> Fact:
        """The ports whose connections get their responses through in that direction, by the address of the other end.

        An ACL is stateless: for TCP and UDP, responses need some ephemeral port, which the client chooses.
        """
        fact = self.fact(ingress, version)
        return Fact(_responses(fact.low), _responses(fact.high), fact.place)

    def decisions(self, ingress: bool, version: int, *, sure: bool) -> list[Decision]:
        """The rules of one direction, each with the traffic it decides on, in the order in which they are evaluated.

        Unknown values are read as strictly as possible with `sure`, and otherwise as openly as possible.
        """
        meanings = [meaning for rule in self.rules.get((ingress, version), []) if (meaning := _meaning(rule, version, sure))]
        decisions: list[Decision] = []
        left = everything(version)
        for _, decision in sorted(meanings, key=lambda meaning: meaning[0]):
            decisions.append(Decision(decision.rule, decision.allow, left & decision.region))
            left = left - decision.region
        return decisions

    def _judge(self, ingress: bool, version: int) -> Fact:
        if self.open:
            return Fact.sure(everything(version))
        if self.unknown:
            return Fact(Region(), everything(version), self.unknown)
        low, high = (
            Region.union(decision.region for decision in self.decisions(ingress, version, sure=sure) if decision.allow)
            for sure in (True, False)
        )
        rules = self.rules.get((ingress, version), [])
        return Fact(low, high, next(((rule.resource, rule.unknown) for rule in rules if rule.unknown), None))


def _responses(region: Region) -> Region:
    return Region.union(Region.of(block, region.addresses(responses)) for block, responses in _RESPONSES)


def _meaning(rule: AclRule, version: int, sure: bool) -> tuple[int, Decision] | None:
    """The rule's number and all traffic that it matches; None when it does not count in the strict (`sure`) or the open reading."""
    allow = not sure if rule.allow is None else rule.allow
    if rule.unknown and allow == sure:
        return None
    # A rule whose number is unknown may come before all others.
    number = -1 if rule.number is None else rule.number
    ports = ALL if rule.ports is None else rule.ports
    addresses = EVERYWHERE[version] if rule.addresses is None else rule.addresses
    return number, Decision(rule, allow, Region.of(ports, addresses))


class Acls:
    """All network ACLs of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.by_urn: dict[str, Acl] = {acl.urn: Acl(label(acl, _NOUNS[acl.type])) for acl in stack.of_type(*ACLS)}
        """By URN: each ACL, and each rule whose ACL is not in the stack, as an ACL that has this rule alone."""
        self._by_subnet: dict[str, list[tuple[Acl, Place | None]]] = {}
        self._by_vpc: dict[str, Acl] = {}
        for resource in stack.of_type(*ACLS):
            self._read_acl(resource)
        for rule in stack.of_type(ACL_RULE):
            self._read_rule(rule)
        for association in stack.of_type(_ASSOCIATION):
            reference = refer(stack, association, "networkAclId", ACLS)
            for target in reference.targets:
                self._associate(self.by_urn[target.urn], association, "subnetId", sure=reference.certain)
            if not reference.targets and not reference.empty:
                name = f"network ACL {reference.foreign[0]}" if reference.foreign else "an unknown network ACL"
                self._associate(Acl(name, unknown=(association, "networkAclId")), association, "subnetId")

    def of(self, subnet: Subnet, place: Place) -> Acl:
        """The ACL of a subnet. `place` names the subnet where only its id is known: its ACL is then unknown."""
        associations = self._by_subnet.get(subnet.key, [])
        if associations:
            acl, doubt = associations[0]
            sure = doubt is None and all(other is acl for other, _ in associations)
            return acl if sure else Acl(acl.name, unknown=doubt or place)
        if subnet.resource is None:
            return Acl(f"the network ACL of {subnet.name}", unknown=place)
        vpc = refer(self._stack, subnet.resource, "vpcId", VPCS)
        keys = [target.urn for target in vpc.targets] + list(vpc.foreign)
        if len(keys) != 1 or not vpc.certain:
            return Acl(f"the network ACL of {subnet.name}", unknown=(subnet.resource, "vpcId"))
        return self._by_vpc.get(keys[0], _DEFAULT)

    def _associate(self, acl: Acl, holder: Resource, path: str, *, sure: bool = True) -> None:
        subnets = refer(self._stack, holder, path, SUBNETS, computed=True)
        doubt = None if sure and subnets.certain else (holder, path)
        for key in [target.urn for target in subnets.targets] + list(subnets.foreign):
            self._by_subnet.setdefault(key, []).append((acl, doubt))

    def _read_acl(self, resource: Resource) -> None:
        acl = self.by_urn[resource.urn]
        self._associate(acl, resource, "subnetIds")
        if resource.type == DEFAULT_ACL:
            reference = refer(self._stack, resource, "defaultNetworkAclId", VPCS)
            identity = read(resource, "defaultNetworkAclId")
            vpcs = list(reference.targets) or [vpc for vpc in self._stack.of_type(*VPCS) if _is_default(vpc, identity)]
            self._by_vpc.update((vpc.urn, acl) for vpc in vpcs)
        for ingress, direction in ((True, "ingress"), (False, "egress")):
            for path in expand(resource, f"{direction}.*"):
                _add(acl, ingress, _rules(resource, path, path if read(resource, path) is UNKNOWN else ""))

    def _read_rule(self, resource: Resource) -> None:
        reference = refer(self._stack, resource, "networkAclId", ACLS)
        egress = read(resource, "egress")
        doubt = "networkAclId" if not reference.certain else "egress" if egress is UNKNOWN else ""
        rules = list(_rules(resource, "", doubt))
        for acl in self._owners(resource, reference):
            for ingress in (True, False):
                if egress is UNKNOWN or ingress != bool(egress):
                    _add(acl, ingress, rules)

    def _owners(self, rule: Resource, reference: Reference) -> Iterator[Acl]:
        """The ACLs that a rule belongs to, or may belong to."""
        if reference.targets:
            yield from (self.by_urn[target.urn] for target in reference.targets)
            return
        # The id of a VPC's own ACL is an attribute of the VPC.
        for vpc in refer(self._stack, rule, "networkAclId", VPCS).targets:
            self._by_vpc.setdefault(vpc.urn, Acl(f"default network ACL of {vpc.name}", unknown=(rule, "networkAclId")))
        yield self.by_urn.setdefault(rule.urn, Acl(f"the network ACL of {label(rule)}"))


def _add(acl: Acl, ingress: bool, rules: Iterable[tuple[int, AclRule]]) -> None:
    for version, rule in rules:
        acl.rules.setdefault((ingress, version), []).append(rule)


def _rules(resource: Resource, path: str, doubt: str) -> Iterator[tuple[int, AclRule]]:
    """The rule at `path`, by IP version. `doubt` is the path of an unknown value that leaves open whether the ACL has the rule at all."""
    prefix = f"{path}." if path else ""
    if path and doubt == path:
        yield from ((version, AclRule(resource, path, unknown=path)) for version in VERSIONS)
        return
    number_name, action_name = _INLINE_NAMES if path else _RESOURCE_NAMES
    number, action = read(resource, f"{prefix}{number_name}"), read(resource, f"{prefix}{action_name}")
    ports, unclear = _ports(resource, prefix)
    if action is UNKNOWN:
        unclear = action_name
    if number is UNKNOWN or number is None:
        number, unclear = None, number_name
    for version, addresses, address_name in _addresses(resource, prefix):
        name = unclear or (address_name if addresses is None else "")
        rule = AclRule(
            resource,
            path,
            number=None if number is None else int(number),
            allow=None if doubt or action is UNKNOWN else str(action).lower() == "allow",
            ports=ports,
            addresses=addresses,
            cidr="" if addresses is None else str(read(resource, f"{prefix}{address_name}")),
            unknown=doubt or (f"{prefix}{name}" if name else ""),
        )
        yield version, rule


def _ports(resource: Resource, prefix: str) -> tuple[Spans | None, str]:
    """Protocols and ports of a rule, or None and the property that leaves them unknown."""
    protocol = read(resource, f"{prefix}protocol")
    if protocol is UNKNOWN:
        return None, "protocol"
    text = str(protocol).strip().lower()
    if text in ("-1", "all"):
        return ALL, ""
    names = ("icmpType", "icmpCode") if text in ("1", "icmp", "58", "icmpv6", "ipv6-icmp") else ("fromPort", "toPort")
    bounds = [read(resource, f"{prefix}{name}") for name in names]
    for name, bound in zip(names, bounds, strict=True):
        if bound is UNKNOWN:
            return None, name
    try:
        return admitted(protocol, *bounds), ""
    except ValueError:
        return None, "protocol"


def _addresses(resource: Resource, prefix: str) -> Iterator[tuple[int, Spans | None, str]]:
    """By IP version the addresses of a rule, None when they are unknown or cannot be read, and the property that names them."""
    for version, name in zip(VERSIONS, ("cidrBlock", "ipv6CidrBlock"), strict=True):
        value = read(resource, f"{prefix}{name}")
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
