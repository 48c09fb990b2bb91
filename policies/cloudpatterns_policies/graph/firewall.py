"""Security groups with their rules, and what they are attached to."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.kinds import BALANCERS, INSTANCE, INTERFACE, KINDS, TEMPLATE, Kind, Role
from cloudpatterns_policies.graph.reading import Reference, arrow, expand, label, owning, read, refer, some
from cloudpatterns_policies.graph.regions import Place
from cloudpatterns_policies.graph.routers import is_router, router_doubt
from cloudpatterns_policies.graph.rules import GROUPS, Rule, rules

_FLEET: Final = "aws:autoscaling/group:Group"
_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_VPC_ORIGIN: Final = "aws:cloudfront/vpcOrigin:VpcOrigin"
_INTERFACE_ATTACHMENT: Final = "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"
_ENDPOINT_ASSOCIATION: Final = "aws:ec2/securityGroupAssociation:SecurityGroupAssociation"
_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A resource that a group is attached to."""

    subject: Resource
    kind: Kind
    path: str
    """The property of `holder` that names the group."""
    holder: Resource
    """The subject, or the resource that attaches the group to it."""
    certain: bool
    """Whether the group is surely attached; see `Reference.certain`."""
    router: bool
    """Whether the subject forwards traffic for others, as a NAT instance does; see `graph.routers`."""
    users: tuple[Resource, ...] = ()
    """For a launch template, the instances and Auto Scaling groups that use it."""
    router_doubt: Place | None = None
    """What leaves it unknown whether the subject is a router; None when that is known."""

    @property
    def name(self) -> str:
        """The subject in messages."""
        return label(self.subject, self.kind.noun)


@dataclass(eq=False, slots=True)
class Group:
    """A security group: of this stack, or one that the stack knows only by its id."""

    key: str
    """URN, or the literal id."""
    resource: Resource | None
    rules: dict[Rule, None] = field(default_factory=dict)
    """Its rules in order; a dictionary, for fast lookup."""
    attachments: list[Attachment] = field(default_factory=list)
    elsewhere: list[Place] = field(default_factory=list)
    """Resources that attach it to an interface that is unknown or not in this stack."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        return label(self.resource, "security group") if self.resource else f"security group {self.key}"

    @property
    def ingress(self) -> list[Rule]:
        """The inbound rules."""
        return [rule for rule in self.rules if rule.ingress]

    def path(self, rule: Rule) -> str:
        """The path for a message: rule, group, and what it is attached to."""
        shown = [item.name for item in self.attachments[:2]]
        more = len(self.attachments) - len(shown)
        return arrow(rule.name, self.name, ", ".join(shown) + (f" and {more} more" if more > 0 else ""))


@dataclass(frozen=True, slots=True)
class Firewall:
    """All security groups of a stack."""

    groups: tuple[Group, ...]
    unassigned: tuple[Group, ...]
    """For each rule of an unknown group, a separate group without attachments."""
    scopes: tuple[tuple[Group, ...], ...]
    """Sets of two or more groups that are attached to the same interface, instance, template or other resource."""
    unresolved: tuple[tuple[Resource, str], ...]
    """Resources and properties that name a group outside this stack."""
    origins: frozenset[str]
    """URNs of load balancers and instances that a CloudFront distribution has as origin."""
    unresolved_attachments: tuple[tuple[Resource, str], ...] = ()
    """Resources and properties that may attach any group to any resource."""

    launches: tuple[tuple[Resource, str], ...] = ()
    """Resources and properties that name an unknown launch template."""

    def may_belong(self, group: Group) -> list[Rule]:
        """The inbound rules of an unknown group that may be this one."""
        rules = (rule for group in self.unassigned for rule in group.ingress)
        return [
            rule
            for rule in rules
            if rule.group.unresolved or group.key in (*(item.urn for item in rule.group.targets), *rule.group.foreign)
        ]

    @property
    def empty(self) -> bool:
        """Whether the stack has no security groups, and no references to any."""
        return not (self.groups or self.unassigned or self.unresolved)


@lru_cache(maxsize=2)
def firewall_of(stack: Stack) -> Firewall:
    """The stack's security groups. Built once for all controls."""
    return _Builder(stack).build()


class _Builder:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._groups: dict[str, Group] = {item.urn: Group(item.urn, item) for item in stack.of_type(*GROUPS)}
        self._unassigned: list[Group] = []
        self._unresolved: list[tuple[Resource, str]] = []
        self._unresolved_attachments: list[tuple[Resource, str]] = []
        self._at: dict[str, dict[str, Group]] = {}

    def build(self) -> Firewall:
        for rule in rules(self._stack):
            self._add_rule(rule)
        for token, kind in KINDS.items():
            for subject in self._stack.of_type(token) if kind.groups else ():
                for pattern in kind.groups:
                    for path in expand(subject, pattern):
                        self._attach(subject, subject, path)
        for holder in self._stack.of_type(_INTERFACE_ATTACHMENT):
            self._join(holder, "networkInterfaceId", (INTERFACE, INSTANCE))
        for holder in self._stack.of_type(_ENDPOINT_ASSOCIATION):
            self._join(holder, "vpcEndpointId", (_ENDPOINT,))
        sets = {frozenset(groups): tuple(groups.values()) for groups in self._at.values() if len(groups) > 1}
        groups, unassigned, unresolved = tuple(self._groups.values()), tuple(self._unassigned), tuple(self._unresolved)
        return Firewall(
            groups, unassigned, tuple(sets.values()), unresolved, self._origins(), tuple(self._unresolved_attachments), self._launches()
        )

    def _add_rule(self, rule: Rule) -> None:
        owners = self._owners(rule.group)
        if len(owners) == 1 and rule.group.certain and not rule.group.unresolved:
            owners[0].rules[rule] = None
        else:
            names = [owner.resource.name if owner.resource else owner.key for owner in owners]
            self._unassigned.append(Group(f"(one of {some(names)})" if names else "of an unknown id", None, {rule: None}))

    def _owners(self, reference: Reference) -> list[Group]:
        found = [self._groups[target.urn] for target in reference.targets]
        return found + [self._groups.setdefault(text, Group(text, None)) for text in reference.foreign]

    def _attach(self, subject: Resource, holder: Resource, path: str, *, sure: bool = True) -> None:
        # A value that the provider computes is a default of AWS, not a group that the program names.
        found = refer(self._stack, holder, path, GROUPS, computed=True)
        if found.unresolved or found.foreign:
            self._unresolved.append((holder, path))
        if found.unresolved:
            self._unresolved_attachments.append((holder, path))
        kind, users = KINDS[subject.type], self._users(subject)
        for group in self._owners(found):
            certain = sure and found.certain
            router, doubt = self._router(subject)
            group.attachments.append(Attachment(subject, kind, path, holder, certain, router, users, doubt))
            if certain:
                self._at.setdefault(subject.urn, {})[group.key] = group

    def _join(self, holder: Resource, path: str, types: tuple[str, ...]) -> None:
        found = refer(self._stack, holder, path, types)
        if found.unresolved:
            self._unresolved_attachments.append((holder, path))
        # The id of an instance's primary interface is an attribute of the instance.
        owners = owning(self._stack, (INSTANCE,), ("primaryNetworkInterfaceId",), found.foreign)
        for subject in (*found.targets, *owners):
            self._attach(subject, holder, "securityGroupId", sure=found.certain)
        if found.unresolved:
            self._unresolved.append((holder, path))
        if found.unresolved or (found.foreign and not owners):
            for group in self._owners(refer(self._stack, holder, "securityGroupId", GROUPS)):
                group.elsewhere.append((holder, path))

    def _users(self, subject: Resource) -> tuple[Resource, ...]:
        if subject.type != TEMPLATE:
            return ()
        paths = ((INSTANCE, "launchTemplate"), (_FLEET, "launchTemplate"), (_FLEET, "mixedInstancesPolicy"))
        return tuple(user for token, path in paths for user in self._stack.referrers(subject, token, path))

    def _launches(self) -> tuple[tuple[Resource, str], ...]:
        path = "launchTemplate.id"
        users = self._stack.of_type(INSTANCE, _FLEET)
        return tuple((user, path) for user in users if refer(self._stack, user, path, (TEMPLATE,), computed=True).unresolved)

    def _router(self, subject: Resource) -> tuple[bool, Place | None]:
        """Whether a resource is a router, and what leaves that unknown."""
        users = self._users(subject) if subject.type == TEMPLATE else (subject,)
        if not users:
            # An instance with an unknown template may use this one.
            lost = [place for place in self._launches() if is_router(self._stack, place[0]) or router_doubt(self._stack, place[0])]
            return False, next(iter(lost), None)
        if subject.type == TEMPLATE and any(user.type != INSTANCE for user in users):
            return False, None
        if all(is_router(self._stack, user) for user in users):
            return True, None
        doubts = [router_doubt(self._stack, user) for user in users if not is_router(self._stack, user)]
        return False, doubts[0] if all(doubts) else None

    def _origins(self) -> frozenset[str]:
        types = (*BALANCERS, INSTANCE)
        found = [item for cdn in self._stack.of_type(_DISTRIBUTION) for item in self._stack.refs(cdn, "origins", *types)]
        for origin in self._stack.of_type(_VPC_ORIGIN):
            found += self._stack.refs(origin, "vpcOriginEndpointConfig", *types)
        return frozenset(item.urn for item in found)


def is_internal(balancer: Resource) -> bool | None:
    """Whether a load balancer is internal; None when that is unknown. By default it is internet-facing."""
    value = read(balancer, "internal", computed=True)
    return None if value is UNKNOWN else value is True


def is_balancer(attachment: Attachment) -> bool:
    """Whether the group is attached to a load balancer."""
    return attachment.kind.role is Role.BALANCER
