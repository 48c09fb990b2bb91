"""The loss of an Availability Zone, on the graph of a stack: which tiers are left without a member, which routes without a target.

A **tier** is what other things depend on, and what AWS can run in several zones: load balancers, Auto Scaling groups, services, functions,
databases, caches, file systems, brokers, endpoints. A stand-alone instance is none by itself: nothing says that it has to be there. It is a
member where a target group or a route leads to it. A group or service that something routes to needs two members: of one, none is left
until AWS has started another. Workers that nothing routes to may be one: their queue waits.

A read replica does not keep the tier of its source: somebody has to promote it, and until then nothing can be written. Aurora's replicas
are promoted by AWS. DNS records and Elastic IP addresses are not followed: what moves them, and how fast, is not in the graph.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.kinds import BALANCERS, INSTANCE, INTERFACE, KINDS, SUBNET_GROUPS
from cloudpatterns_policies.graph.reading import Reference, all_of, has_value, read, refer, refer_all
from cloudpatterns_policies.graph.routes import ROUTE, ROUTE_TABLES, Route, routes
from cloudpatterns_policies.graph.topology import SUBNETS, main_table_key, topology_of

_GROUP: Final = "aws:autoscaling/group:Group"
_SERVICE: Final = "aws:ecs/service:Service"
_TARGET_GROUPS: Final = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
_TARGETS: Final = ("aws:lb/targetGroupAttachment:TargetGroupAttachment", "aws:alb/targetGroupAttachment:TargetGroupAttachment")
_NAT: Final = "aws:ec2/natGateway:NatGateway"
_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
_FILES: Final = "aws:efs/fileSystem:FileSystem"
_SCALABLE: Final = "aws:appautoscaling/target:Target"
_EMR: Final = "aws:emr/cluster:Cluster"
_SEARCH: Final = ("aws:opensearch/domain:Domain", "aws:elasticsearch/domain:Domain")

_ATTACHMENTS: Final[Mapping[str, Sequence[str]]] = {
    "aws:autoscaling/attachment:Attachment": ("autoscalingGroupName",),
    "aws:autoscaling/trafficSourceAttachment:TrafficSourceAttachment": ("autoscalingGroupName",),
}
_CLUSTER_MEMBERS: Final[Mapping[str, str]] = {
    "aws:rds/cluster:Cluster": "aws:rds/clusterInstance:ClusterInstance",
    "aws:docdb/cluster:Cluster": "aws:docdb/clusterInstance:ClusterInstance",
    "aws:neptune/cluster:Cluster": "aws:neptune/clusterInstance:ClusterInstance",
}

_SPREAD: Final[Mapping[str, str]] = {
    **dict.fromkeys(BALANCERS, "node"),
    "aws:lambda/function:Function": "network interface",
    "aws:eks/nodeGroup:NodeGroup": "node",
    "aws:eks/fargateProfile:FargateProfile": "pod",
    "aws:batch/computeEnvironment:ComputeEnvironment": "instance",
    "aws:rds/proxy:Proxy": "network interface",
    "aws:apprunner/vpcConnector:VpcConnector": "network interface",
    "aws:mwaa/environment:Environment": "worker",
    "aws:mq/broker:Broker": "broker",
    "aws:msk/cluster:Cluster": "broker",
    "aws:msk/serverlessCluster:ServerlessCluster": "broker",
    "aws:fsx/windowsFileSystem:WindowsFileSystem": "file server",
    "aws:fsx/ontapFileSystem:OntapFileSystem": "file server",
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem": "file server",
    "aws:redshiftserverless/workgroup:Workgroup": "node",
    "aws:elasticache/serverlessCache:ServerlessCache": "node",
}
"""Types whose service places members in all of the subnets that they name, with the noun of a member."""

_MORE_SUBNETS: Final[Mapping[str, Sequence[str]]] = {
    _ENDPOINT: ("subnetIds", "subnetConfigurations.*.subnetId"),
    _EMR: ("ec2Attributes.subnetId", "ec2Attributes.subnetIds"),
    "aws:emrserverless/application:Application": ("networkConfiguration.subnetIds",),
}

WITHOUT_ZONE: Final = "is in no subnet"
"""The reason of a resource that has no place in a VPC."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the loss of zones leaves of one tier or route."""

    zones: frozenset[str] = frozenset()
    """The zones in which it has members, as far as the stack shows them."""
    lost: str = ""
    """What is lost with which zone; empty when it survives, or nothing is known."""
    where: str = ""
    """The property that shows it."""
    unknown: str = ""
    """The property that leaves it open."""
    beside: str = ""
    """Why it is neither tier nor route."""


@lru_cache(maxsize=2)
def spans_zones(stack: Stack) -> bool:
    """Whether the stack is spread over zones at all: it has subnets in several, or something that names several subnets.

    Otherwise nothing in it promises to survive: a development server with its database, in one subnet.
    """
    known = {zone for subnet in stack.of_type(*SUBNETS) if isinstance(zone := read(subnet, "availabilityZone"), str)}
    if len(known) > 1 or stack.of_type(*BALANCERS):
        return True
    named = (
        (resource, path) for token in (_GROUP, _SERVICE, *_SPREAD) for resource in stack.of_type(token) for path in _subnet_paths(token)
    )
    return any(isinstance(items := read(resource, path, computed=True), list) and len(items) > 1 for resource, path in named)


def outcome(stack: Stack, resource: Resource) -> Outcome:
    """What is lost of a tier or route of the stack when any one zone is."""
    return JUDGED[resource.type](stack, resource)


def _subnet_paths(token: str) -> Sequence[str]:
    return _MORE_SUBNETS.get(token) or (("vpcZoneIdentifiers",) if token == _GROUP else KINDS[token].subnets)


def _zone(subnet: Resource) -> str | None:
    value = read(subnet, "availabilityZone")
    return value if isinstance(value, str) else None


def _is(resource: Resource, path: str, text: str) -> bool:
    value = read(resource, path, computed=True)
    return isinstance(value, str) and value == text


def _is_gateway(endpoint: Resource) -> bool:
    # AWS's own default is a gateway endpoint.
    return read(endpoint, "vpcEndpointType", computed=True) is None or _is(endpoint, "vpcEndpointType", "Gateway")


def _spread(stack: Stack, resource: Resource, patterns: Iterable[str], noun: str) -> Outcome:
    """The zones of the subnets that a resource names; when one is removed, the members in the others are left."""
    references = [found for pattern in patterns for found in refer_all(stack, resource, pattern, SUBNETS, computed=True) if not found.empty]
    if not references:
        return Outcome(beside=WITHOUT_ZONE)
    path, named = references[0].path, sum(_named(resource, found) for found in references)
    found = [_zone(subnet) for reference in references for subnet in reference.targets]
    zones = frozenset(zone for zone in found if zone is not None)
    if len(zones) > 1:
        return Outcome(zones)
    if len(zones) == 1 and named == 1:
        return _gone(zones, noun, path)
    if named == 1:
        return Outcome(zones, f"is in one subnet: with its zone, no {noun} is left", path)
    # Only when the zone of every subnet is known is it sure that there are no more.
    complete = bool(zones) and None not in found and all(item.certain and not item.unresolved and not item.foreign for item in references)
    return _gone(zones, noun, path) if complete else Outcome(zones, unknown=path)


def _named(resource: Resource, reference: Reference) -> int:
    """How many subnets a reference names at least, as far as its text shows."""
    value = read(resource, reference.path, computed=True)
    return len(value) if isinstance(value, list) else 2 if value is UNKNOWN and len(reference.targets) != 1 else 1


def _gone(zones: frozenset[str], noun: str, where: str) -> Outcome:
    return Outcome(zones, f"has every {noun} in {min(zones)}: with that zone, none is left", where)


def _tier(token: str, noun: str) -> Callable[[Stack, Resource], Outcome]:
    return lambda stack, resource: _spread(stack, resource, _subnet_paths(token), noun)


def _enough(found: Outcome, least: Any, noun: str, where: str) -> Outcome:
    """The outcome of a tier that something routes to, which needs two members."""
    if found.lost or found.beside:
        return found
    if least is UNKNOWN:
        return replace(found, unknown=found.unknown or where)
    if least is not None and least >= 2:
        return found
    count = "none at all" if not least else f"one {noun}"
    return Outcome(found.zones, f"may be down to {count}: with that one's zone, none is left until AWS has started another", where)


def _group(stack: Stack, group: Resource) -> Outcome:
    found = _spread(stack, group, ("vpcZoneIdentifiers",), "instance")
    if found.beside:
        found = _named_zones(group)
    routed = any(has_value(group, path, computed=True) for path in ("targetGroupArns", "loadBalancers", "trafficSources")) or any(
        stack.referrers(group, token, path) for token, paths in _ATTACHMENTS.items() for path in paths
    )
    return _enough(found, read(group, "minSize"), "instance", "minSize") if routed else found


def _named_zones(group: Resource) -> Outcome:
    """A group in default subnets names zones."""
    zones = read(group, "availabilityZones", computed=True)
    if zones is UNKNOWN:
        return Outcome(unknown="availabilityZones")
    known = frozenset(zone for zone in zones or () if isinstance(zone, str))
    if not zones:
        return Outcome(beside=WITHOUT_ZONE)
    if len(known) > 1:
        return Outcome(known)
    return _gone(known, "instance", "availabilityZones") if len(zones) == 1 and known else Outcome(known, unknown="availabilityZones")


def _service(stack: Stack, service: Resource) -> Outcome:
    found = _spread(stack, service, ("networkConfiguration.subnets",), "task")
    if not has_value(service, "loadBalancers", computed=True) or _is(service, "schedulingStrategy", "DAEMON"):
        return found
    scaled = stack.referrers(service, _SCALABLE, "resourceId")
    # Application Auto Scaling moves the count; its least is what stays.
    if scaled:
        return _enough(found, read(scaled[0], "minCapacity"), "task", f"minCapacity of {scaled[0].name}")
    return _enough(found, read(service, "desiredCount", computed=True), "task", "desiredCount")


def _in_group(stack: Stack, store: Resource, noun: str) -> Outcome:
    """The zones of the subnet group of a data store whose service spreads its members over them."""
    path = KINDS[store.type].subnet_group
    group = refer(stack, store, path, SUBNET_GROUPS, computed=True)
    if len(group.targets) != 1:
        return Outcome(unknown=path)
    found = _spread(stack, group.targets[0], ("subnetIds",), noun)
    return replace(found, where=path if found.where else "", unknown=path if found.unknown else "")


def _stands_by(stack: Stack, store: Resource, flag: str, noun: str = "standby") -> Outcome:
    """A store with a member in a second zone where ``flag`` says so."""
    value = read(store, flag, computed=True)
    if value is UNKNOWN:
        return Outcome(unknown=flag)
    if not value:
        return Outcome(lost=f"has no {noun} in a second zone: with its zone, the data cannot be reached", where=flag)
    found = _in_group(stack, store, "member")
    # AWS itself refuses a standby where the group's subnets are all in one zone; those of a group elsewhere are not shown.
    return found if found.lost else Outcome(found.zones)


def _database(stack: Stack, instance: Resource) -> Outcome:
    source = read(instance, "replicateSourceDb", computed=True)
    return Outcome(beside="is a replica, whose source is judged") if source is not None else _stands_by(stack, instance, "multiAz")


def _cluster(stack: Stack, cluster: Resource) -> Outcome:
    if read(cluster, "dbClusterInstanceClass", computed=True) is not None:
        return Outcome()  # a Multi-AZ DB cluster has three members in three zones
    if _is(cluster, "engineMode", "serverless"):
        return Outcome(beside="is moved between zones by Aurora Serverless v1")
    members = stack.referrers(cluster, _CLUSTER_MEMBERS[cluster.type], "clusterIdentifier")
    if len(members) < 2:
        count = "one instance: with its zone, no reader takes over" if members else "no instance in this stack"
        return Outcome(lost=f"has {count}", where="clusterIdentifier") if members else Outcome(beside=f"has {count}")
    zones = [read(member, "availabilityZone", computed=True) for member in members]
    # Where no zone is requested, AWS spreads the instances.
    known = frozenset(zone for zone in zones if isinstance(zone, str))
    if len(known) == 1 and all(isinstance(zone, str) for zone in zones):
        return _gone(known, "instance", f"availabilityZone of {members[0].name}")
    return Outcome(known)


def _cache(stack: Stack, cache: Resource) -> Outcome:
    failover = read(cache, "automaticFailoverEnabled", computed=True)
    if failover is UNKNOWN:
        return Outcome(unknown="automaticFailoverEnabled")
    if not failover:
        return Outcome(lost="has no replica that takes over: with its zone, the cache is empty and away", where="automaticFailoverEnabled")
    return _stands_by(stack, cache, "multiAzEnabled", "replica")


def _nodes(stack: Stack, cache: Resource) -> Outcome:
    """An ElastiCache cluster: Memcached across zones, or a node of a replication group, which is judged itself."""
    if read(cache, "replicationGroupId", computed=True) is not None:
        return Outcome(beside="is a node of a replication group, which is judged")
    if _is(cache, "azMode", "cross-az"):
        return Outcome()
    return Outcome(lost="has its nodes in one zone: with it, the cache is empty and away", where="azMode")


def _memory_database(stack: Stack, database: Resource) -> Outcome:
    replicas = read(database, "numReplicasPerShard", computed=True)
    if replicas is UNKNOWN:
        return Outcome(unknown="numReplicasPerShard")
    # AWS's own default is one.
    if replicas is not None and replicas < 1:
        return Outcome(lost="has no replica that takes over: with its zone, the data cannot be reached", where="numReplicasPerShard")
    found = _in_group(stack, database, "node")
    return found if found.lost else Outcome(found.zones)


def _search(stack: Stack, domain: Resource) -> Outcome:
    path = "clusterConfig.zoneAwarenessEnabled"
    value = read(domain, path, computed=True)
    if value is UNKNOWN:
        return Outcome(unknown=path)
    return Outcome() if value else Outcome(lost="has its nodes in one zone: with it, no node is left", where=path)


def _file_system(stack: Stack, files: Resource) -> Outcome:
    if read(files, "availabilityZoneName", computed=True) is not None:
        return Outcome(lost="keeps its data in one zone: with it, the files cannot be reached", where="availabilityZoneName")
    mounts = stack.referrers(files, "aws:efs/mountTarget:MountTarget", "fileSystemId")
    if not mounts:
        return Outcome(beside="has no mount target")
    found = [_spread(stack, mount, ("subnetId",), "mount target") for mount in mounts]
    zones = frozenset().union(*(item.zones for item in found))
    if len(zones) > 1:
        return Outcome(zones)
    if len(mounts) == 1:
        place = f"in {min(zones)}" if zones else "for one subnet"
        return Outcome(zones, f"has one mount target, {place}: with that zone, none is left", f"subnetId of {mounts[0].name}")
    unsure = next((mount.name for mount, item in zip(mounts, found, strict=True) if not item.zones), None)
    return _gone(zones, "mount target", f"subnetId of {mounts[0].name}") if unsure is None else Outcome(unknown=f"subnetId of {unsure}")


def _endpoint(stack: Stack, endpoint: Resource) -> Outcome:
    if _is_gateway(endpoint):
        return Outcome(beside="is a gateway endpoint, which is in no zone")
    # One for each zone, to which the routes of that zone lead: the routes are judged.
    if _is(endpoint, "vpcEndpointType", "GatewayLoadBalancer"):
        return Outcome(beside="is the target of routes, which are judged")
    return _spread(stack, endpoint, _MORE_SUBNETS[_ENDPOINT], "network interface")


def _target_group(stack: Stack, group: Resource) -> Outcome:
    attachments = [item for token in _TARGETS for item in stack.referrers(group, token, "targetGroupArn")]
    if not attachments:
        return Outcome(beside="has no target but those of groups and services, which are judged")
    if stack.referrers(group, _GROUP, "targetGroupArns"):
        return Outcome(beside="has an Auto Scaling group among its targets, which is judged")
    found = [_target_zone(stack, item) for item in attachments]
    if "" in found:
        return Outcome(beside="has a target that is in no zone")
    zones = frozenset(zone for zone in found if zone is not None)
    if len(zones) > 1:
        return Outcome(zones)
    if len(attachments) == 1:
        place = f", in {min(zones)}" if zones else ""
        return Outcome(zones, f"has one target, {attachments[0].name}{place}: with its zone, none is left", "targetId")
    return _gone(zones, "target", "targetId") if None not in found else Outcome(zones, unknown="targetId")


def _target_zone(stack: Stack, attachment: Resource) -> str | None:
    """The zone of a registered target; empty for a function or load balancer, which is in none, None when unknown."""
    zone = read(attachment, "availabilityZone", computed=True)
    if isinstance(zone, str) and zone != "all":
        return zone
    target = refer(stack, attachment, "targetId", (INSTANCE, INTERFACE, "aws:lambda/function:Function", *BALANCERS))
    if len(target.targets) != 1:
        return None
    return _place(stack, target.targets[0]) if target.targets[0].type in (INSTANCE, INTERFACE) else ""


def _place(stack: Stack, resource: Resource) -> str | None:
    """The zone of an instance, network interface, NAT gateway or endpoint in one subnet; None when unknown."""
    own = read(resource, "availabilityZone", computed=True)
    if isinstance(own, str):
        return own
    paths = ("subnetId", "subnetIds", "primaryNetworkInterface.networkInterfaceId")
    found = [item for path in paths for item in refer(stack, resource, path, (*SUBNETS, INTERFACE), computed=True).targets]
    if len(found) != 1:
        return None
    return _place(stack, found[0]) if found[0].type == INTERFACE else _zone(found[0])


@lru_cache(maxsize=2)
def _routes_by_resource(stack: Stack) -> dict[str, list[Route]]:
    found: dict[str, list[Route]] = {}
    for route in routes(stack):
        found.setdefault(route.resource.urn, []).append(route)
    return found


@lru_cache(maxsize=2)
def _users_of_tables(stack: Stack) -> dict[str, set[str]]:
    """Subnets by the route table that they have or may have."""
    found: dict[str, set[str]] = {}
    for table, key in topology_of(stack).in_use():
        found.setdefault(table.key, set()).add(key)
    return found


def _route(stack: Stack, resource: Resource) -> Outcome:
    """A route, or a table with routes: the zones that it serves, and the one that its target is in."""
    found = [_one_route(stack, route) for route in _routes_by_resource(stack).get(resource.urn, ())]
    for wanted in ("lost", "unknown", "zones"):
        for item in found:
            if getattr(item, wanted):
                return item
    return Outcome(beside="has no target in a single zone")


def _one_route(stack: Stack, route: Route) -> Outcome:
    types = (_NAT, INTERFACE, INSTANCE, _ENDPOINT)
    target = refer(stack, route.resource, route.where, types, computed=True)
    if len(target.targets) != 1 or _is(target.targets[0], "availabilityMode", "regional"):
        return Outcome()
    gateway = target.targets[0]
    if gateway.type == _ENDPOINT and _is_gateway(gateway):
        return Outcome()
    users, topology = _users_of_tables(stack), topology_of(stack)
    keys = [*route.table.foreign, *(key for table in route.table.targets for key in (table.urn, main_table_key(table.urn)))]
    subnets = [topology.resource(key) for key in sorted(set().union(*(users.get(key, set()) for key in keys)))]
    served = [None if subnet is None else _zone(subnet) for subnet in subnets]
    known, own = frozenset(zone for zone in served if zone is not None), _place(stack, gateway)
    if not served:
        return Outcome()
    if own is None:
        if len(known) < 2:
            return Outcome(unknown=route.where)
        return Outcome(known, f"leads {all_of(sorted(known))} to one {route.target_name}: with its zone, the others lose it", route.where)
    if others := sorted(known - {own}):
        return Outcome(known, f"leads {all_of(others)} to {route.target_name} in {own}: with {own}, {all_of(others)} lose it", route.where)
    return Outcome(known, unknown=route.where if None in served else "")


def _redshift(stack: Stack, cluster: Resource) -> Outcome:
    if read(cluster, "availabilityZoneRelocationEnabled", computed=True) is True:
        return Outcome()
    return _stands_by(stack, cluster, "multiAz")


JUDGED: Final[Mapping[str, Callable[[Stack, Resource], Outcome]]] = {
    **{token: _tier(token, noun) for token, noun in _SPREAD.items()},
    _GROUP: _group,
    _SERVICE: _service,
    _EMR: _tier(_EMR, "instance"),
    "aws:emrserverless/application:Application": _tier("aws:emrserverless/application:Application", "worker"),
    **dict.fromkeys(_TARGET_GROUPS, _target_group),
    _ENDPOINT: _endpoint,
    _FILES: _file_system,
    "aws:rds/instance:Instance": _database,
    **dict.fromkeys(_CLUSTER_MEMBERS, _cluster),
    "aws:redshift/cluster:Cluster": _redshift,
    "aws:elasticache/replicationGroup:ReplicationGroup": _cache,
    "aws:elasticache/cluster:Cluster": _nodes,
    "aws:memorydb/cluster:Cluster": _memory_database,
    **dict.fromkeys(_SEARCH, _search),
    **dict.fromkeys((ROUTE, *ROUTE_TABLES), _route),
}
"""Every type that is a tier, or leads somewhere, and what decides."""
