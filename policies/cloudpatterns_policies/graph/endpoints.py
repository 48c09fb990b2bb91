"""Resources in the network: their security groups, subnets and public addresses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.firewall import INSTANCE, INTERFACE, TEMPLATE, Firewall, Group, firewall_of, is_internal
from cloudpatterns_policies.graph.kinds import BALANCERS, KINDS, SUBNET_GROUPS, Kind, Role
from cloudpatterns_policies.graph.ports import ALL
from cloudpatterns_policies.graph.reading import Reference, label, read, refer, refer_all
from cloudpatterns_policies.graph.regions import EVERYWHERE, Place
from cloudpatterns_policies.graph.routes import VPCS
from cloudpatterns_policies.graph.rules import DEFAULT_GROUP, Rule, Source, SourceKind
from cloudpatterns_policies.graph.topology import SUBNETS, Subnet, topology_of

FLEET: Final = "aws:autoscaling/group:Group"
CONFIGURATION: Final = "aws:ec2/launchConfiguration:LaunchConfiguration"
SERVICE: Final = "aws:ecs/service:Service"
TYPES: Final = tuple(token for token in KINDS if token not in (*SUBNET_GROUPS, TEMPLATE, CONFIGURATION))
"""Resource types that a path can begin or end at."""

_CACHE_NODE: Final = "aws:elasticache/cluster:Cluster"
_INTERFACE_ATTACHMENT: Final = "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment"
_MORE_SUBNETS: Final = {
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("subnetIds",),
    "aws:eks/cluster:Cluster": ("vpcConfig.subnetIds",),
    "aws:opensearch/serverlessVpcEndpoint:ServerlessVpcEndpoint": ("subnetIds",),
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": ("subnetId",),
}
_OUTBOUND_ONLY: Final = frozenset(
    {"aws:lambda/function:Function", "aws:codebuild/project:Project", "aws:apprunner/vpcConnector:VpcConnector"}
)
# The property that gives a public address, for types without `associatePublicIpAddress` that do not follow the subnet.
_PUBLIC_FLAGS: Final = {
    "aws:rds/instance:Instance": "publiclyAccessible",
    "aws:redshift/cluster:Cluster": "publiclyAccessible",
    "aws:redshiftserverless/workgroup:Workgroup": "publiclyAccessible",
    "aws:mq/broker:Broker": "publiclyAccessible",
    "aws:timestreaminfluxdb/dbInstance:DbInstance": "publiclyAccessible",
    "aws:ecs/service:Service": "networkConfiguration.assignPublicIp",
    "aws:ecs/taskSet:TaskSet": "networkConfiguration.assignPublicIp",
}
_CLUSTER_MEMBERS: Final = {
    "aws:rds/cluster:Cluster": "aws:rds/clusterInstance:ClusterInstance",
    "aws:neptune/cluster:Cluster": "aws:neptune/clusterInstance:ClusterInstance",
}
_BY_SUBNET: Final = (INSTANCE, FLEET, "aws:ec2/spotInstanceRequest:SpotInstanceRequest", "aws:eks/nodeGroup:NodeGroup",
                     "aws:batch/computeEnvironment:ComputeEnvironment")  # fmt: skip
_MSK: Final = "aws:msk/cluster:Cluster"
_PUBLIC_ACCESS: Final = "brokerNodeGroupInfo.connectivityInfo.publicAccess.type"

Known = bool | Place
"""Yes, no, or the place of the unknown value that decides."""


@dataclass(frozen=True, slots=True)
class Location:
    """One subnet that an endpoint may be in. `doubt` is the place of the unknown value that decides."""

    subnet: Subnet
    doubt: Place | None = None


@dataclass(eq=False)
class Endpoint:
    """A resource in the network."""

    subject: Resource
    kind: Kind
    groups: tuple[Group, ...] = ()
    """Its certain security groups."""
    doubtful: tuple[tuple[Group, Place], ...] = ()
    """Groups that it may have, each with the unknown value that decides."""
    unknown_groups: Place | None = None
    """What leaves further groups unknown."""
    without_groups: bool = False
    """Whether it has no security groups at all, so that all traffic is allowed."""
    locations: tuple[Location, ...] = ()
    unknown_locations: Place | None = None
    """What leaves further subnets unknown."""
    interfaces: tuple[Resource, ...] = field(default=())
    """Network interfaces, launch templates and configurations that define its network."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        return label(self.subject, self.kind.noun)

    @property
    def outbound_only(self) -> bool:
        """Whether it only makes outbound connections."""
        return self.subject.type in _OUTBOUND_ONLY

    @cached_property
    def signature(self) -> tuple[object, ...]:
        """The same rules apply to endpoints of the same signature."""
        return (
            *sorted(group.key for group in self.groups),
            *(id(pair[0]) for pair in self.doubtful),
            self.unknown_groups,
            self.without_groups,
        )


class Endpoints:
    """All endpoints of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._firewall: Firewall = firewall_of(stack)
        self._groups = {group.key: group for group in self._firewall.groups}
        self._attached: dict[str, list[tuple[Group, Resource, str, bool]]] = {}
        for group in self._firewall.groups:
            for item in group.attachments:
                self._attached.setdefault(item.subject.urn, []).append((group, item.holder, item.path, item.certain))
        self._unresolved: dict[str, Place] = {holder.urn: (holder, path) for holder, path in self._firewall.unresolved}
        self._addressed: dict[str, Resource] = {}
        self._originals: dict[str, Group] = {}
        for token, paths in {"aws:ec2/eip:Eip": ("instance", "networkInterface"),
                             "aws:ec2/eipAssociation:EipAssociation": ("instanceId", "networkInterfaceId")}.items():  # fmt: skip
            for eip in stack.of_type(token):
                for path in paths:
                    for target in refer(stack, eip, path, (INSTANCE, INTERFACE), computed=True).targets:
                        self._addressed[target.urn] = eip
        subjects = sorted((item for item in stack.of_type(*TYPES) if self._counts(item)), key=lambda item: item.urn)
        self.by_urn = {subject.urn: self._make(subject) for subject in subjects}
        """By URN, and in the order of URNs."""

    def vpc(self, endpoint: Endpoint, location: Location | None) -> str | None:
        """The VPC of an endpoint, by its subnet or its security groups: a URN or an id; None when it is unknown."""
        holders = [location.subnet.resource] if location and location.subnet.resource else []
        holders += [group.resource for group in endpoint.groups if group.resource]
        for holder in holders:
            found = refer(self._stack, holder, "vpcId", VPCS)
            keys = [target.urn for target in found.targets] + list(found.foreign)
            if len(keys) == 1 and found.certain:
                return keys[0]
        return None

    def public(self, endpoint: Endpoint, location: Location | None, version: int) -> Known:
        """Whether it has a public address of that IP version in that subnet."""
        subject = endpoint.subject
        if subject.type in BALANCERS:
            internal = is_internal(subject)
            family = read(subject, "ipAddressType", computed=True)
            if internal or (version == 6 and family is not UNKNOWN and not str(family).startswith("dualstack")):
                return False
            if internal is None or family is UNKNOWN:
                return (subject, "internal" if internal is None else "ipAddressType")
            return version == 6 or family != "dualstack-without-public-ipv4"
        if subject.type in _PUBLIC_FLAGS or subject.type in _CLUSTER_MEMBERS:
            return self._flagged(subject, version)
        if subject.type == _MSK:
            return False if version == 6 else _is((subject, _PUBLIC_ACCESS), lambda value: value == "SERVICE_PROVIDED_EIPS")
        if subject.type in _BY_SUBNET or subject.type == INTERFACE:
            return self._addressed_by_subnet(endpoint, location, version)
        return False

    def has_v6(self, endpoint: Endpoint, location: Location | None) -> Known:
        """Whether it has an IPv6 address in that subnet. Yes for types of which the model does not know."""
        if endpoint.subject.type in _BY_SUBNET or endpoint.subject.type == INTERFACE:
            return self._addressed_by_subnet(endpoint, location, 6)
        return True

    def _flagged(self, subject: Resource, version: int) -> Known:
        members = [subject]
        path = _PUBLIC_FLAGS.get(subject.type, "publiclyAccessible")
        if subject.type in _CLUSTER_MEMBERS:
            members = self._stack.referrers(subject, _CLUSTER_MEMBERS[subject.type], "clusterIdentifier")
        if version == 6:
            family = read(subject, "networkType", computed=True)
            if family is not UNKNOWN and family != "DUAL":
                return False
        return _any(_is((member, path), lambda value: value is True) for member in members)

    def _addressed_by_subnet(self, endpoint: Endpoint, location: Location | None, version: int) -> Known:
        subject, holders = endpoint.subject, (endpoint.subject, *endpoint.interfaces)
        subnet = location.subnet.resource if location else None
        if version == 4 and any(holder.urn in self._addressed for holder in holders):
            return True
        own = ("associatePublicIpAddress",) if version == 4 else ("ipv6AddressCount", "ipv6Addresses")
        for place in [(holder, path) for holder in holders for name in own for path in (name, f"networkInterfaces.0.{name}")]:
            value = read(*place, computed=True)
            if value is UNKNOWN:
                return place
            if value is not None and value != []:
                return str(value).lower() not in ("false", "0")
        if subject.type == INTERFACE or (version == 4 and any(holder.type == INTERFACE for holder in holders)):
            return False
        if subnet is None:
            return (subject, endpoint.unknown_locations[1]) if endpoint.unknown_locations else (subject, KINDS[subject.type].subnets[0])
        if version == 6:
            return _is((subnet, "assignIpv6AddressOnCreation"), lambda value: value is True)
        default = subnet.type != SUBNETS[0]
        return _is((subnet, "mapPublicIpOnLaunch"), lambda value: default if value is None else value is True)

    @staticmethod
    def _counts(subject: Resource) -> bool:
        # A node of a replication group is in the subnets of the group.
        return subject.type != _CACHE_NODE or read(subject, "replicationGroupId", computed=True) is None

    def _make(self, subject: Resource) -> Endpoint:
        kind = KINDS[subject.type]
        made = Endpoint(subject, kind, interfaces=tuple(self._interfaces(subject)))
        references = list(self._subnets(subject, kind))
        for holder in made.interfaces if not any(not item.empty for _, item in references) else ():
            references += self._subnets(holder, KINDS[holder.type])
        self._locate(made, references)
        self._guard(made)
        return made

    def _interfaces(self, subject: Resource) -> Iterator[Resource]:
        """Resources that define the network interfaces of an instance or Auto Scaling group."""
        if subject.type == INSTANCE:
            for path in ("primaryNetworkInterface", "networkInterfaces"):
                if read(subject, path, computed=True) is not None:
                    yield from self._stack.refs(subject, path, INTERFACE)
            for attachment in self._stack.referrers(subject, _INTERFACE_ATTACHMENT, "instanceId"):
                yield from refer(self._stack, attachment, "networkInterfaceId", (INTERFACE,)).targets
        if subject.type in (INSTANCE, FLEET):
            yield from self._stack.refs(subject, "launchTemplate", TEMPLATE)
        if subject.type == FLEET:
            yield from self._stack.refs(subject, "mixedInstancesPolicy", TEMPLATE)
            yield from self._stack.refs(subject, "launchConfiguration", CONFIGURATION)

    def _subnets(self, subject: Resource, kind: Kind) -> Iterator[tuple[Resource, Reference]]:
        for pattern in (*kind.subnets, *_MORE_SUBNETS.get(subject.type, ())):
            for found in refer_all(self._stack, subject, pattern, SUBNETS, computed=True):
                yield subject, found
        if kind.subnet_group:
            group = refer(self._stack, subject, kind.subnet_group, SUBNET_GROUPS, computed=True)
            for target in group.targets:
                yield target, refer(self._stack, target, "subnetIds", SUBNETS)
            if group.foreign or group.unresolved:
                yield subject, Reference(kind.subnet_group, unresolved=True)
            for path in kind.inherits if group.empty else ():
                for source in refer(self._stack, subject, path, (subject.type,), computed=True).targets:
                    yield from self._subnets(source, kind)

    def _locate(self, made: Endpoint, references: list[tuple[Resource, Reference]]) -> None:
        locations: dict[str, Location] = {}
        for holder, reference in references:
            place = (holder, reference.path)
            for subnet in topology_of(self._stack).subnets(reference):
                locations.setdefault(subnet.key, Location(subnet, None if reference.certain else place))
            if reference.unresolved:
                made.unknown_locations = made.unknown_locations or place
        made.locations = tuple(locations.values())
        if not locations and made.unknown_locations is None:
            paths = (made.kind.subnet_group, *made.kind.subnets, "subnetIds")
            made.unknown_locations = (made.subject, next(path for path in paths if path))

    def _guard(self, made: Endpoint) -> None:
        subject, kind = made.subject, made.kind
        holders = [subject, *made.interfaces]
        sure: dict[str, Group] = {}
        doubtful: list[tuple[Group, Place]] = []
        for holder in holders:
            for group, by, path, certain in self._attached.get(holder.urn, ()):
                if group.resource is None:
                    made.unknown_groups = made.unknown_groups or (by, path)
                if certain:
                    sure[group.key] = group
                else:
                    doubtful.append((group, (by, path)))
            made.unknown_groups = made.unknown_groups or self._unresolved.get(holder.urn)
        made.groups, made.doubtful = tuple(sure.values()), tuple(doubtful)
        if made.groups or made.doubtful or made.unknown_groups:
            return
        shape = read(subject, "loadBalancerType", computed=True) if subject.type in BALANCERS else None
        launch = next((place for place in self._firewall.launches if place[0] is subject), None)
        if shape is UNKNOWN:
            made.unknown_groups = (subject, "loadBalancerType")
        elif launch is not None:
            made.unknown_groups = launch
        elif shape in ("network", "gateway"):
            made.without_groups = True
        elif not kind.groups and subject.type != FLEET:
            # EKS and similar services create their own groups.
            made.unknown_groups = (subject, kind.subnets[0])
        else:
            self._default_group(made, (holders[-1], next(iter(KINDS[holders[-1].type].groups), "launchTemplate").replace("*", "0")))

    def _default_group(self, made: Endpoint, place: Place) -> None:
        """An endpoint that names no group gets the default group of the VPC."""
        vpc = self.vpc(made, made.locations[0]) if made.locations else None
        target = self._stack.by_urn(vpc) if vpc else None
        managed = self._stack.referrers(target, DEFAULT_GROUP, "vpcId") if target else []
        if managed:
            made.groups = tuple(self._groups[item.urn] for item in managed)
        elif target is not None and target.type == VPCS[0]:
            made.groups = (self._original_group(target),)
        else:
            made.unknown_groups = place

    def _original_group(self, vpc: Resource) -> Group:
        """The default group that AWS creates with a VPC, with the stack's rules for it: it allows its members, and all outbound traffic."""
        key = f"default group of {vpc.name}"
        if key not in self._originals:
            here = Reference("", (vpc,))
            everywhere = [
                Source(SourceKind.CIDR, cidr, "", {version: EVERYWHERE[version]}) for version, cidr in ((4, "0.0.0.0/0"), (6, "::/0"))
            ]
            own = (Source(SourceKind.GROUP, "the group itself", ""),)
            made = [
                Rule(vpc, "its own ingress", True, ALL, "", own, here),
                Rule(vpc, "its own egress", False, ALL, "", tuple(everywhere), here),
            ]
            added = self._groups[key].rules if key in self._groups else ()
            self._originals[key] = Group(key, None, dict.fromkeys([*made, *added]))
        return self._originals[key]


def _is(place: Place, test: Callable[[object], bool]) -> Known:
    value = read(*place, computed=True)
    return place if value is UNKNOWN else test(value)


def _any(values: Iterator[Known]) -> Known:
    doubt: Known = False
    for value in values:
        if value is True:
            return True
        doubt = doubt or value
    return doubt


def is_balancer(endpoint: Endpoint) -> bool:
    """Whether the endpoint is a load balancer."""
    return endpoint.kind.role is Role.BALANCER


@lru_cache(maxsize=2)
def endpoints_of(stack: Stack) -> Endpoints:
    """The stack's endpoints. Built once for all queries."""
    return Endpoints(stack)
