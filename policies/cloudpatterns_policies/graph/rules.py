"""All security group rules, in one form."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.addresses import parse
from cloudpatterns_policies.graph.ports import admitted
from cloudpatterns_policies.graph.reading import Reference, expand, label, read, refer
from cloudpatterns_policies.graph.spans import Spans

GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
GROUPS: Final = (GROUP, DEFAULT_GROUP)
"""Types of security groups."""

PREFIX_LIST: Final = "aws:ec2/managedPrefixList:ManagedPrefixList"
PREFIX_LIST_ENTRY: Final = "aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry"
CLASSIC_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
RULES: Final = (CLASSIC_RULE, INGRESS_RULE, EGRESS_RULE)
"""Types of rules that are separate resources."""


class SourceKind(Enum):
    """The kind of the other end of a rule."""

    CIDR = "CIDR"
    PREFIX_LIST = "prefix list"
    GROUP = "security group"


@dataclass(frozen=True, slots=True)
class Source:
    """One other end of a rule."""

    kind: SourceKind
    text: str
    """Its name in messages."""
    path: str
    """The property that names it."""
    addresses: Mapping[int, Spans] = field(default_factory=dict)
    """By IP version, its known addresses."""
    unknown: str = ""
    """The path of its unknown addresses; empty when all are known. Groups have no addresses."""
    certain: bool = True
    """Whether it surely exists. An unknown list may be empty."""
    names: frozenset[str] = frozenset()
    """Ids and logical names of a prefix list, by which configuration can declare it."""
    group: Reference | None = None
    """The group that it refers to; None for the rule's own group (`self`)."""


@dataclass(frozen=True, eq=False, slots=True)
class Rule:
    """One rule of one security group, in one direction."""

    resource: Resource
    """The rule, or the group that holds it inline."""
    where: str
    """Its path in the resource, such as `ingress.0`; empty when the resource is the rule."""
    ingress: bool
    ports: Spans
    """Protocols and ports that it allows, see `graph.ports`."""
    unknown: str
    """The property that leaves protocol, ports or direction unknown; empty when they are known."""
    sources: tuple[Source, ...]
    group: Reference
    """The group it belongs to."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.where if self.where else label(self.resource, "rule")


@dataclass(frozen=True, slots=True)
class PrefixList:
    """A managed prefix list, with entries from both forms."""

    resource: Resource | None
    """None for a list outside the stack, to which the stack only adds entries."""
    addresses: Mapping[int, Spans]
    unknown: str
    """The path of an unknown entry; empty when all are known."""


def prefix_lists(stack: Stack) -> dict[str, PrefixList]:
    """The stack's managed prefix lists by URN, and by their ids the lists that it adds entries to."""
    found: dict[str, tuple[Resource | None, list[str], list[str]]] = {item.urn: (item, [], []) for item in stack.of_type(PREFIX_LIST)}
    for item in stack.of_type(PREFIX_LIST):
        _, texts, unknowns = found[item.urn]
        for path in expand(item, "entries.*"):
            cidr = UNKNOWN if path == "entries" else read(item, f"{path}.cidr")
            if isinstance(cidr, str):
                texts.append(cidr)
            else:
                unknowns.append(path)
    for entry in stack.of_type(PREFIX_LIST_ENTRY):
        cidr = read(entry, "cidr")
        owners = refer(stack, entry, "prefixListId", (PREFIX_LIST,))
        sure = owners.certain and not owners.unresolved
        # An entry of an unknown list may belong to any list.
        others = found if owners.unresolved and not owners.targets else ()
        for key in [*(target.urn for target in owners.targets), *owners.foreign, *others]:
            _, texts, unknowns = found.setdefault(key, (None, [], []))
            if not sure:
                unknowns.append(f"prefixListId of {entry.name}")
            elif isinstance(cidr, str):
                texts.append(cidr)
            else:
                unknowns.append(f"cidr of {entry.name}")
    lists = {}
    for urn, (item, texts, unknowns) in found.items():
        runs: dict[int, list[Spans]] = {}
        for text in texts:
            try:
                version, addresses = parse(text)
            except ValueError:
                unknowns.append(f"the entry {text!r}")
            else:
                runs.setdefault(version, []).append(addresses)
        addresses_by_version = {version: Spans.union(sets) for version, sets in runs.items()}
        lists[urn] = PrefixList(item, addresses_by_version, unknowns[0] if unknowns else "")
    return lists


def rules(stack: Stack) -> Iterator[Rule]:
    """All rules of the stack, in no promised order."""
    reader = _Reader(stack)
    for group in stack.of_type(*GROUPS):
        for direction in ("ingress", "egress"):
            for path in expand(group, f"{direction}.*"):
                yield reader.inline(group, path, direction == "ingress")
    for rule in stack.of_type(CLASSIC_RULE):
        yield reader.classic(rule)
    for rule in stack.of_type(INGRESS_RULE, EGRESS_RULE):
        yield reader.current(rule)


class _Reader:
    """Reads rules; knows the stack's prefix lists."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._lists = prefix_lists(stack)

    def inline(self, group: Resource, path: str, ingress: bool) -> Rule:
        """A rule in a group's own list. `path` is the list itself when all of it is unknown."""
        own = Reference("", (group,))
        if path in ("ingress", "egress"):
            return Rule(group, path, ingress, Spans(), path, (Source(SourceKind.CIDR, "an unknown source", path, {}, path, False),), own)
        ports, unknown = self._ports(group, f"{path}.protocol", f"{path}.fromPort", f"{path}.toPort")
        sources = [*self._lists_of(group, f"{path}."), *self._groups(group, f"{path}.securityGroups")]
        return Rule(group, path, ingress, ports, unknown, (*sources, *self._self(group, f"{path}.self")), own)

    def classic(self, rule: Resource) -> Rule:
        """A rule of type `aws:ec2/securityGroupRule:SecurityGroupRule`."""
        ports, unknown = self._ports(rule, "protocol", "fromPort", "toPort")
        direction = read(rule, "type")
        if direction is UNKNOWN:
            ports, unknown = Spans(), "type"
        sources = [*self._lists_of(rule, ""), *self._self(rule, "self")]
        # The provider computes the source group where the program names another source.
        sources += self._groups(rule, "sourceSecurityGroupId", computed=bool(sources))
        ingress = direction is UNKNOWN or direction != "egress"
        return Rule(rule, "", ingress, ports, unknown, tuple(sources), self._owner(rule))

    def current(self, rule: Resource) -> Rule:
        """A rule of type `aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule`, or its egress twin."""
        ports, unknown = self._ports(rule, "ipProtocol", "fromPort", "toPort")
        sources = [
            *self._cidrs(rule, "cidrIpv4"),
            *self._cidrs(rule, "cidrIpv6"),
            *self._prefix_lists(rule, "prefixListId"),
            *self._groups(rule, "referencedSecurityGroupId"),
        ]
        return Rule(rule, "", rule.type == INGRESS_RULE, ports, unknown, tuple(sources), self._owner(rule))

    def _owner(self, rule: Resource) -> Reference:
        found = refer(self._stack, rule, "securityGroupId", GROUPS)
        if found.unresolved and not found.targets:
            # The id of a VPC's own default group is an attribute of the VPC.
            vpcs = refer(self._stack, rule, "securityGroupId", ("aws:ec2/vpc:Vpc", "aws:ec2/defaultVpc:DefaultVpc"))
            for vpc in vpcs.targets if vpcs.certain else ():
                groups = self._stack.referrers(vpc, DEFAULT_GROUP, "vpcId")
                return Reference(found.path, tuple(groups)) if groups else Reference(found.path, (), (f"default group of {vpc.name}",))
        return found

    @staticmethod
    def _ports(resource: Resource, *paths: str) -> tuple[Spans, str]:
        values = [read(resource, path) for path in paths]
        if values[0] is not UNKNOWN and values[0] is None:
            values[0] = "-1"
        # With -1 the ports do not matter, known or not.
        if values[0] is not UNKNOWN and str(values[0]).strip().lower() in ("-1", "all"):
            return admitted(-1), ""
        for path, value in zip(paths, values, strict=True):
            if value is UNKNOWN:
                return Spans(), path
        try:
            return admitted(*values), ""
        except ValueError:
            return Spans(), paths[0]

    def _lists_of(self, resource: Resource, prefix: str) -> Iterator[Source]:
        for name in ("cidrBlocks", "ipv6CidrBlocks"):
            yield from self._cidrs(resource, f"{prefix}{name}")
        yield from self._prefix_lists(resource, f"{prefix}prefixListIds")

    @staticmethod
    def _cidrs(resource: Resource, path: str) -> Iterator[Source]:
        value = read(resource, path)
        scalar = path.rpartition(".")[2] in ("cidrIpv4", "cidrIpv6")
        if value is UNKNOWN:
            yield Source(SourceKind.CIDR, "an unknown CIDR", path, {}, path, scalar)
            return
        for where, item in [(path, value)] if scalar else [(f"{path}.{index}", item) for index, item in enumerate(value or ())]:
            if isinstance(item, str) and item:
                try:
                    version, addresses = parse(item)
                except ValueError:
                    yield Source(SourceKind.CIDR, item, where, {}, where)
                else:
                    yield Source(SourceKind.CIDR, item, where, {version: addresses})
            elif item is UNKNOWN:
                yield Source(SourceKind.CIDR, "an unknown CIDR", where, {}, where)

    def _prefix_lists(self, resource: Resource, path: str) -> Iterator[Source]:
        found = refer(self._stack, resource, path, (PREFIX_LIST,))
        for target in found.targets:
            entries = self._lists[target.urn]
            unknown = entries.unknown and f"{entries.unknown} of prefix list {target.name}"
            identity = target.raw.get("id")
            names = frozenset({target.name, *([identity] if isinstance(identity, str) else [])})
            addresses = entries.addresses if found.certain else {}
            text = f"prefix list {target.name}"
            yield Source(SourceKind.PREFIX_LIST, text, path, addresses, unknown if found.certain else path, found.certain, names)
        for text in found.foreign:
            own = self._lists[text].addresses if text in self._lists else {}
            yield Source(SourceKind.PREFIX_LIST, f"prefix list {text}", path, own, path, names=frozenset({text}))
        if found.unresolved:
            yield Source(SourceKind.PREFIX_LIST, "a prefix list", path, {}, path, path == "prefixListId")

    def _groups(self, resource: Resource, path: str, *, computed: bool = False) -> Iterator[Source]:
        found = refer(self._stack, resource, path, GROUPS, computed=computed)
        if not found.empty:
            text = ", ".join([label(target, "security group") for target in found.targets] + list(found.foreign)) or "a security group"
            yield Source(SourceKind.GROUP, text, path, group=found)

    @staticmethod
    def _self(resource: Resource, path: str) -> Iterator[Source]:
        if read(resource, path) is True:
            yield Source(SourceKind.GROUP, "the group itself", path)
