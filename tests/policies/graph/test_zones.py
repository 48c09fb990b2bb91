"""The loss of a zone: what each tier and each route is left with."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.availability import zone_loss
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict
from cloudpatterns_policies.graph.zones import JUDGED

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

SUBNET = "aws:ec2/subnet:Subnet"
GROUP, SERVICE, LOAD_BALANCER = "aws:autoscaling/group:Group", "aws:ecs/service:Service", "aws:lb/loadBalancer:LoadBalancer"
TARGET_GROUP, ATTACHMENT = "aws:lb/targetGroup:TargetGroup", "aws:lb/targetGroupAttachment:TargetGroupAttachment"
INSTANCE, INTERFACE = "aws:ec2/instance:Instance", "aws:ec2/networkInterface:NetworkInterface"
NAT, ROUTE, TABLE = "aws:ec2/natGateway:NatGateway", "aws:ec2/route:Route", "aws:ec2/routeTable:RouteTable"
ASSOCIATION, ENDPOINT = "aws:ec2/routeTableAssociation:RouteTableAssociation", "aws:ec2/vpcEndpoint:VpcEndpoint"
FILES, MOUNT = "aws:efs/fileSystem:FileSystem", "aws:efs/mountTarget:MountTarget"
RDS, SUBNET_GROUP = "aws:rds/instance:Instance", "aws:rds/subnetGroup:SubnetGroup"
CACHE, CACHE_SUBNETS = "aws:elasticache/replicationGroup:ReplicationGroup", "aws:elasticache/subnetGroup:SubnetGroup"


def subnets() -> list[Resource]:
    zones = (("a1", "a"), ("a2", "a"), ("b1", "b"), ("c1", "c"), ("x", UNKNOWN))
    return [resource(SUBNET, name, {"availabilityZone": zone}) for name, zone in zones]


def edge(type: str, name: str, props: dict[str, Any] | None = None, **to: str) -> Resource:
    """A resource whose properties come from the named resources."""
    return resource(type, name, {**dict.fromkeys(to, UNKNOWN), **(props or {})}, deps={path: target.split() for path, target in to.items()})


def judged(subject: Resource, *others: Resource) -> Verdict:
    found = dict(verdicts(zone_loss, stack(*subnets(), *others, subject)))
    return found[subject.name]


def placed(type: str, path: str, names: str, **props: Any) -> Resource:
    """A resource that names subnets at a path."""
    top, _, rest = path.partition(".")
    value: Any = [UNKNOWN] * len(names.split())
    for part in reversed(rest.split(".") if rest else []):
        value = [{part.removeprefix("*."): item} for item in value] if part == "*" else {part: value}
    return resource(type, "tier", {top: value, **props}, deps={top: names.split()})


def gone(noun: str, zone: str = "a") -> str:
    return f"has every {noun} in {zone}: with that zone, none is left"


SPREAD = [
    (LOAD_BALANCER, "subnets", "node"),
    ("aws:elb/loadBalancer:LoadBalancer", "subnets", "node"),
    (GROUP, "vpcZoneIdentifiers", "instance"),
    (SERVICE, "networkConfiguration.subnets", "task"),
    ("aws:lambda/function:Function", "vpcConfig.subnetIds", "network interface"),
    ("aws:eks/nodeGroup:NodeGroup", "subnetIds", "node"),
    ("aws:rds/proxy:Proxy", "vpcSubnetIds", "network interface"),
    ("aws:msk/cluster:Cluster", "brokerNodeGroupInfo.clientSubnets", "broker"),
    ("aws:mq/broker:Broker", "subnetIds", "broker"),
    ("aws:elasticache/serverlessCache:ServerlessCache", "subnetIds", "node"),
    ("aws:emr/cluster:Cluster", "ec2Attributes.subnetIds", "instance"),
    ("aws:emrserverless/application:Application", "networkConfiguration.subnetIds", "worker"),
]


@pytest.mark.parametrize(("type", "path", "noun"), SPREAD)
def test_a_tier_keeps_a_member_in_another_zone(type: str, path: str, noun: str) -> None:
    where = path
    assert judged(placed(type, path, "a1 b1")) == Pass()
    assert judged(placed(type, path, "a1 a2")) == Fail(gone(noun), where)
    assert judged(placed(type, path, "a1")) == Fail(gone(noun), where)
    assert judged(placed(type, path, "x")) == Fail(f"is in one subnet: with its zone, no {noun} is left", where)
    assert judged(placed(type, path, "a1 x")) == Unknown(where)
    assert judged(resource(type, "tier")) == NotApplicable("is in no subnet")


@pytest.mark.parametrize(
    ("value", "names", "expected"),
    [
        (UNKNOWN, "a1 b1", Pass()),
        (UNKNOWN, "a1 a2", Unknown("vpcZoneIdentifiers")),
        (["subnet-1", "subnet-2"], "", Unknown("vpcZoneIdentifiers")),
        (["subnet-1", UNKNOWN], "a1", Unknown("vpcZoneIdentifiers")),
        (["subnet-1"], "", Fail("is in one subnet: with its zone, no instance is left", "vpcZoneIdentifiers")),
        (UNKNOWN, "", NotApplicable("is in no subnet")),
    ],
)
def test_what_the_stack_shows_of_a_group(value: Any, names: str, expected: Verdict) -> None:
    assert judged(resource(GROUP, "tier", {"vpcZoneIdentifiers": value}, deps={"vpcZoneIdentifiers": names.split()})) == expected


def test_load_balancers_by_their_mappings() -> None:
    def balancer(*names: str) -> Resource:
        mappings = [{"subnetId": UNKNOWN} for _ in names]
        return resource(LOAD_BALANCER, "tier", {"subnetMappings": mappings}, deps={"subnetMappings": names})

    assert judged(balancer("a1", "b1")) == Pass()
    assert judged(balancer("a1")) == Fail(gone("node"), "subnetMappings.0.subnetId")


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        (["a", "b"], Pass()),
        (["a"], Fail(gone("instance"), "availabilityZones")),
        (["a", UNKNOWN], Unknown("availabilityZones")),
        (UNKNOWN, NotApplicable("is in no subnet")),
        ([UNKNOWN], Unknown("availabilityZones")),
        ([], NotApplicable("is in no subnet")),
    ],
)
def test_a_group_in_default_subnets_names_zones(zones: Any, expected: Verdict) -> None:
    assert judged(resource(GROUP, "tier", {"availabilityZones": zones})) == expected
    other = edge(GROUP, "tier", availabilityZones="a1")
    assert judged(other) == Unknown("availabilityZones")


def down_to(count: str) -> str:
    return f"may be down to {count}: with that one's zone, none is left until AWS has started another"


@pytest.mark.parametrize(
    ("least", "expected"),
    [
        (2, Pass()),
        (1, Fail(down_to("one instance"), "minSize")),
        (0, Fail(down_to("none at all"), "minSize")),
        (UNKNOWN, Unknown("minSize")),
        (None, Fail(down_to("none at all"), "minSize")),
    ],
)
def test_what_requests_are_routed_to_needs_two_members(least: Any, expected: Verdict) -> None:
    for routed in ({"targetGroupArns": ["arn"]}, {"loadBalancers": ["web"]}, {"trafficSources": [{"identifier": "arn"}]}):
        assert judged(placed(GROUP, "vpcZoneIdentifiers", "a1 b1", minSize=least, **routed)) == expected
    for type in ("aws:autoscaling/attachment:Attachment", "aws:autoscaling/trafficSourceAttachment:TrafficSourceAttachment"):
        attached = edge(type, "attached", autoscalingGroupName="tier")
        assert judged(placed(GROUP, "vpcZoneIdentifiers", "a1 b1", minSize=least), attached) == expected
    # Workers take from a queue, which waits.
    assert judged(placed(GROUP, "vpcZoneIdentifiers", "a1 b1", minSize=least)) == Pass()


def test_a_group_in_one_zone_is_reported_once() -> None:
    group = placed(GROUP, "vpcZoneIdentifiers", "a1", minSize=1, targetGroupArns=["arn"])
    assert judged(group) == Fail(gone("instance"), "vpcZoneIdentifiers")


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (2, Pass()),
        (1, Fail(down_to("one task"), "desiredCount")),
        (None, Fail(down_to("none at all"), "desiredCount")),
        # The provider's own preview shows a count that the program leaves out as unknown.
        (UNKNOWN, Fail(down_to("none at all"), "desiredCount")),
    ],
)
def test_services_behind_a_load_balancer(count: Any, expected: Verdict) -> None:
    routed = {"desiredCount": count, "loadBalancers": [{"containerPort": 80}]}
    assert judged(placed(SERVICE, "networkConfiguration.subnets", "a1 b1", **routed)) == expected
    assert judged(placed(SERVICE, "networkConfiguration.subnets", "a1 b1", schedulingStrategy="DAEMON", **routed)) == Pass()
    assert judged(placed(SERVICE, "networkConfiguration.subnets", "a1 b1", desiredCount=count)) == Pass()


@pytest.mark.parametrize(
    ("least", "expected"),
    [(2, Pass()), (1, Fail(down_to("one task"), "minCapacity of scale")), (UNKNOWN, Unknown("minCapacity of scale"))],
)
def test_services_that_scale(least: Any, expected: Verdict) -> None:
    service = placed(SERVICE, "networkConfiguration.subnets", "a1 b1", desiredCount=1, loadBalancers=[{"containerPort": 80}])
    scale = edge("aws:appautoscaling/target:Target", "scale", {"minCapacity": least}, resourceId="tier")
    assert judged(service, scale) == expected


# Data stores


def in_subnets(type: str, group_type: str, names: str, path: str, **props: Any) -> tuple[Resource, Resource]:
    group = resource(group_type, "subnets", {"subnetIds": [UNKNOWN] * len(names.split())}, deps={"subnetIds": names.split()})
    return resource(type, "tier", {path: UNKNOWN, **props}, deps={path: ["subnets"]}), group


NO_STANDBY = "has no standby in a second zone: with its zone, the data cannot be reached"


@pytest.mark.parametrize(("value", "expected"), [(True, Pass()), (False, Fail(NO_STANDBY, "multiAz")), (None, Fail(NO_STANDBY, "multiAz"))])
def test_databases(value: Any, expected: Verdict) -> None:
    assert judged(*in_subnets(RDS, SUBNET_GROUP, "a1 b1", "dbSubnetGroupName", multiAz=value)) == expected


def test_a_standby_needs_subnets_in_two_zones() -> None:
    found = judged(*in_subnets(RDS, SUBNET_GROUP, "a1 a2", "dbSubnetGroupName", multiAz=True))
    assert found == Fail(gone("member"), "dbSubnetGroupName")
    assert judged(*in_subnets(RDS, SUBNET_GROUP, "a1 x", "dbSubnetGroupName", multiAz=True)) == Pass()
    assert judged(resource(RDS, "tier", {"multiAz": True, "dbSubnetGroupName": "elsewhere"})) == Pass()
    assert judged(edge(RDS, "tier", multiAz="a1")) == Unknown("multiAz")


def test_a_read_replica_does_not_keep_its_source() -> None:
    source = resource(RDS, "source", {"multiAz": False})
    replica = edge(RDS, "replica", replicateSourceDb="source")
    assert judged(source, replica) == Fail(NO_STANDBY, "multiAz")
    assert judged(replica, source) == NotApplicable("is a replica, whose source is judged")


@pytest.mark.parametrize("service", ["rds", "docdb", "neptune"])
def test_clusters(service: str) -> None:
    cluster, member = f"aws:{service}/cluster:Cluster", f"aws:{service}/clusterInstance:ClusterInstance"

    def members(*zones: Any) -> Verdict:
        found = [
            edge(member, f"m{index}", {} if zone is None else {"availabilityZone": zone}, clusterIdentifier="tier")
            for index, zone in enumerate(zones)
        ]
        return judged(resource(cluster, "tier"), *found)

    assert members("a", "b") == Pass()
    assert members("a", None) == Pass()
    assert members(None, None) == Pass()
    assert members("a", "a") == Fail(gone("instance"), "availabilityZone of m0")
    assert members("a") == Fail("has one instance: with its zone, no reader takes over", "clusterIdentifier")
    assert members() == NotApplicable("has no instance in this stack")


def test_clusters_of_other_kinds() -> None:
    type = "aws:rds/cluster:Cluster"
    assert judged(resource(type, "tier", {"dbClusterInstanceClass": "db.m6gd.large"})) == Pass()
    moved = NotApplicable("is moved between zones by Aurora Serverless v1")
    assert judged(resource(type, "tier", {"engineMode": "serverless"})) == moved


def test_caches() -> None:
    def cache(names: str = "a1 b1", **props: Any) -> Verdict:
        return judged(*in_subnets(CACHE, CACHE_SUBNETS, names, "subnetGroupName", **props))

    alone = Fail("has no replica that takes over: with its zone, the cache is empty and away", "automaticFailoverEnabled")
    beside = Fail("has no replica in a second zone: with its zone, the data cannot be reached", "multiAzEnabled")
    assert cache(automaticFailoverEnabled=True, multiAzEnabled=True) == Pass()
    assert cache(automaticFailoverEnabled=False, multiAzEnabled=True) == alone
    assert cache() == alone
    assert cache(automaticFailoverEnabled=True) == beside
    assert cache("a1 a2", automaticFailoverEnabled=True, multiAzEnabled=True) == Fail(gone("member"), "subnetGroupName")
    for path in ("automaticFailoverEnabled", "multiAzEnabled"):
        unknown = resource(CACHE, "tier", {"automaticFailoverEnabled": True, path: UNKNOWN}, deps={path: ["a1"]})
        assert judged(unknown) == Unknown(path)


def test_nodes_of_a_cache() -> None:
    type = "aws:elasticache/cluster:Cluster"
    away = Fail("has its nodes in one zone: with it, the cache is empty and away", "azMode")
    assert judged(resource(type, "tier", {"azMode": "cross-az"})) == Pass()
    assert judged(resource(type, "tier", {"azMode": "single-az"})) == away
    assert judged(resource(type, "tier")) == away
    assert judged(resource(type, "tier", {"replicationGroupId": "shop"})) == NotApplicable(
        "is a node of a replication group, which is judged"
    )


def test_memory_databases() -> None:
    type, subnet_group = "aws:memorydb/cluster:Cluster", "aws:memorydb/subnetGroup:SubnetGroup"

    def database(names: str, **props: Any) -> Verdict:
        return judged(*in_subnets(type, subnet_group, names, "subnetGroupName", **props))

    alone = Fail("has no replica that takes over: with its zone, the data cannot be reached", "numReplicasPerShard")
    assert database("a1 b1") == database("a1 b1", numReplicasPerShard=1) == Pass()
    assert database("a1 b1", numReplicasPerShard=0) == alone
    assert database("a1 a2") == Fail(gone("node"), "subnetGroupName")
    assert judged(edge(type, "tier", numReplicasPerShard="a1")) == Unknown("numReplicasPerShard")


def test_warehouses() -> None:
    type, subnet_group = "aws:redshift/cluster:Cluster", "aws:redshift/subnetGroup:SubnetGroup"
    path = "clusterSubnetGroupName"
    assert judged(*in_subnets(type, subnet_group, "a1 b1", path, multiAz=True)) == Pass()
    assert judged(*in_subnets(type, subnet_group, "a1 b1", path, availabilityZoneRelocationEnabled=True)) == Pass()
    assert judged(*in_subnets(type, subnet_group, "a1 b1", path)) == Fail(NO_STANDBY, "multiAz")


def test_search_domains() -> None:
    for type in ("aws:opensearch/domain:Domain", "aws:elasticsearch/domain:Domain"):
        lost = Fail("has its nodes in one zone: with it, no node is left", "clusterConfig.zoneAwarenessEnabled")
        assert judged(resource(type, "tier", {"clusterConfig": {"zoneAwarenessEnabled": True}})) == Pass()
        assert judged(resource(type, "tier", {"clusterConfig": {}})) == lost
        assert judged(edge(type, "tier", clusterConfig="a1")) == Unknown("clusterConfig.zoneAwarenessEnabled")


def test_file_systems() -> None:
    def files(*names: str, **props: Any) -> Verdict:
        mounts = [edge(MOUNT, f"at-{name}", fileSystemId="tier", subnetId=name) for name in names]
        return judged(resource(FILES, "tier", props), *mounts)

    one_zone = Fail("keeps its data in one zone: with it, the files cannot be reached", "availabilityZoneName")
    assert files("a1", "b1") == files("a1", "b1", "x") == Pass()
    assert files("a1", "a2") == Fail(gone("mount target"), "subnetId of at-a1")
    assert files("a1") == Fail("has one mount target, in a: with that zone, none is left", "subnetId of at-a1")
    assert files("x") == Fail("has one mount target, for one subnet: with that zone, none is left", "subnetId of at-x")
    assert files("a1", "x") == Unknown("subnetId of at-x")
    assert files("a1", "b1", availabilityZoneName="a") == one_zone
    assert files() == NotApplicable("has no mount target")


def test_endpoints() -> None:
    def endpoint(names: str, kind: str | None) -> Verdict:
        return judged(placed(ENDPOINT, "subnetIds", names, **({} if kind is None else {"vpcEndpointType": kind})))

    assert endpoint("a1 b1", "Interface") == Pass()
    assert endpoint("a1 a2", "Interface") == Fail(gone("network interface"), "subnetIds")
    for kind in (None, "Gateway"):
        assert endpoint("", kind) == NotApplicable("is a gateway endpoint, which is in no zone")
    assert endpoint("a1", "GatewayLoadBalancer") == NotApplicable("is the target of routes, which are judged")


# Targets and routes


def targets(*named: Resource) -> Verdict:
    attached = [edge(ATTACHMENT, f"to-{target.name}", targetGroupArn="tier", targetId=target.name) for target in named]
    return judged(resource(TARGET_GROUP, "tier"), *named, *attached)


def test_stand_alone_instances_behind_a_load_balancer() -> None:
    def instance(name: str, subnet: str) -> Resource:
        return edge(INSTANCE, name, subnetId=subnet)

    assert targets(instance("one", "a1"), instance("two", "b1")) == Pass()
    assert targets(instance("one", "a1"), instance("two", "a2")) == Fail(gone("target"), "targetId")
    assert targets(instance("one", "a1")) == Fail("has one target, to-one, in a: with its zone, none is left", "targetId")
    assert targets(instance("one", "x")) == Fail("has one target, to-one: with its zone, none is left", "targetId")
    assert targets(instance("one", "a1"), instance("two", "x")) == Unknown("targetId")
    assert targets() == NotApplicable("has no target but those of groups and services, which are judged")


def test_targets_of_other_kinds() -> None:
    assert targets(resource("aws:lambda/function:Function", "one")) == NotApplicable("has a target that is in no zone")
    # One of a second zone's group is left.
    group = edge(GROUP, "group", targetGroupArns="tier")
    attached = edge(ATTACHMENT, "to-one", targetGroupArn="tier", targetId="one")
    found = judged(resource(TARGET_GROUP, "tier"), group, edge(INSTANCE, "one", subnetId="a1"), attached)
    assert found == NotApplicable("has an Auto Scaling group among its targets, which is judged")
    for zone, expected in (("a", ", in a"), ("all", "")):
        props = {"targetGroupArn": UNKNOWN, "targetId": "10.0.0.1", "availabilityZone": zone}
        address = resource(ATTACHMENT, "ip", props, deps={"targetGroupArn": ["tier"]})
        found = judged(resource(TARGET_GROUP, "tier"), address)
        assert found == Fail(f"has one target, ip{expected}: with its zone, none is left", "targetId")


def test_an_instance_by_its_zone_or_its_interface() -> None:
    interface = edge(INTERFACE, "interface", subnetId="b1")
    named = resource(INSTANCE, "one", {"availabilityZone": "a"})
    held = resource(
        INSTANCE, "two", {"primaryNetworkInterface": {"networkInterfaceId": UNKNOWN}}, deps={"primaryNetworkInterface": ["interface"]}
    )
    attached = [edge(ATTACHMENT, f"to-{name}", targetGroupArn="tier", targetId=name) for name in ("one", "two")]
    assert judged(resource(TARGET_GROUP, "tier"), named, held, interface, *attached) == Pass()


def test_a_target_in_a_place_that_is_not_shown() -> None:
    elsewhere = resource(INSTANCE, "one")
    assert targets(elsewhere) == Fail("has one target, to-one: with its zone, none is left", "targetId")


def test_an_instance_that_nothing_leads_to_is_no_tier() -> None:
    assert INSTANCE not in JUDGED
    [(name, verdict)] = verdicts(zone_loss, stack(*subnets(), edge(INSTANCE, "dev", subnetId="a1")))
    assert name == ""
    assert isinstance(verdict, NotApplicable)


def egress(served: str, *others: Resource, **target: str) -> Verdict:
    associations = [edge(ASSOCIATION, f"to-{name}", routeTableId="table", subnetId=name) for name in served.split()]
    route = edge(ROUTE, "route", {"destinationCidrBlock": "0.0.0.0/0"}, routeTableId="table", **target)
    return judged(route, resource(TABLE, "table"), *associations, *others)


def test_each_zone_keeps_the_target_of_its_routes() -> None:
    nat = edge(NAT, "nat", subnetId="a1")
    lost = "leads b to NAT gateway nat in a: with a, b lose it"
    assert egress("a1 a2", nat, natGatewayId="nat") == Pass()
    assert egress("b1", nat, natGatewayId="nat") == Fail(lost, "natGatewayId")
    both = Fail("leads b and c to NAT gateway nat in a: with a, b and c lose it", "natGatewayId")
    assert egress("a1 b1 c1", nat, natGatewayId="nat") == both
    assert egress("a1 x", nat, natGatewayId="nat") == Unknown("natGatewayId")
    assert egress("", nat, natGatewayId="nat") == NotApplicable("has no target in a single zone")


def test_targets_whose_zone_is_not_shown() -> None:
    nat = edge(NAT, "nat", subnetId="x")
    lost = Fail("leads a and b to one NAT gateway nat: with its zone, the others lose it", "natGatewayId")
    assert egress("a1 b1", nat, natGatewayId="nat") == lost
    assert egress("a1", nat, natGatewayId="nat") == Unknown("natGatewayId")


def test_targets_in_no_single_zone() -> None:
    nowhere = NotApplicable("has no target in a single zone")
    assert egress("a1 b1", resource(NAT, "nat", {"availabilityMode": "regional"}), natGatewayId="nat") == nowhere
    assert egress("a1 b1", resource("aws:ec2/internetGateway:InternetGateway", "gateway"), gatewayId="gateway") == nowhere
    assert egress("a1 b1", resource(ENDPOINT, "s3"), vpcEndpointId="s3") == nowhere


def test_routes_to_instances_and_endpoints() -> None:
    interface = edge(INTERFACE, "interface", subnetId="a1")
    lost = Fail("leads b to network interface interface in a: with a, b lose it", "networkInterfaceId")
    assert egress("a1 b1", interface, networkInterfaceId="interface") == lost
    firewall = edge(ENDPOINT, "wall", {"vpcEndpointType": "GatewayLoadBalancer"}, subnetIds="a1")
    found = egress("b1", firewall, vpcEndpointId="wall")
    assert found == Fail("leads b to Gateway Load Balancer endpoint wall in a: with a, b lose it", "vpcEndpointId")


def test_routes_within_a_table() -> None:
    def table(*gateways: str) -> Verdict:
        rules = [{"cidrBlock": f"10.{index}.0.0/16", "natGatewayId": gateway} for index, gateway in enumerate(gateways)]
        nats = [edge(NAT, name, {"id": f"nat-{name}"}, subnetId=subnet) for name, subnet in (("one", "a1"), ("two", "b1"))]
        subject = resource(TABLE, "table", {"routes": rules})
        return judged(subject, *nats, edge(ASSOCIATION, "to-b1", routeTableId="table", subnetId="b1"))

    assert table("nat-two") == Pass()
    assert table("nat-two", "nat-one") == Fail("leads b to NAT gateway one in a: with a, b lose it", "routes.1.natGatewayId")
    assert table() == NotApplicable("has no target in a single zone")


# What promises to survive

NOTHING = NotApplicable("is in a stack of which nothing is spread over zones")


def test_a_stack_in_one_zone_promises_nothing() -> None:
    one = [resource(SUBNET, name, {"availabilityZone": "a"}) for name in ("a1", "a2")]
    database = resource(RDS, "tier", {"multiAz": False})
    assert verdicts(zone_loss, stack(*one, database)) == [("tier", NOTHING)]
    assert verdicts(zone_loss, stack(database)) == [("tier", NOTHING)]


@pytest.mark.parametrize(
    "spread",
    [
        resource(LOAD_BALANCER, "spread"),
        resource(GROUP, "spread", {"vpcZoneIdentifiers": ["subnet-1", "subnet-2"]}),
        resource(SERVICE, "spread", {"networkConfiguration": {"subnets": ["subnet-1", "subnet-2"]}}),
    ],
)
def test_what_is_spread_over_zones_promises(spread: Resource) -> None:
    found = dict(verdicts(zone_loss, stack(spread, resource(RDS, "tier", {"multiAz": False}))))
    assert found["tier"] == Fail(NO_STANDBY, "multiAz")
