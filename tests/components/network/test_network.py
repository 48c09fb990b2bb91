"""`Network`: what is made, zone by zone, and how it changes when a zone goes."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import Network, NetworkArgs, OnDemandNat
from cloudpatterns.network.network.subnets import ipv6
from offline_preview.graph import Graph

from tests.harness import record, refs

VPC, SUBNET, TABLE, ROUTE = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/routeTable:RouteTable", "aws:ec2/route:Route"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
ON_TABLE = "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation"
COMPONENT = "cloudpatterns:index:Network"
A, B, C = "eu-west-1a", "eu-west-1b", "eu-west-1c"
DUAL = {"dual_stack": True}


def network(mode: str = "preview", **args: Any) -> Graph:
    given = {"cidr_block": "10.20.0.0/16", "zones": [A, B], **args}
    given = {key: value for key, value in given.items() if value is not ...}
    return record(lambda: Network("net", cast(NetworkArgs, given)), mode=cast(Any, mode))


def names(graph: Graph, kind: str) -> list[str]:
    return sorted(resource.name for resource in graph.of_type(kind))


def default_routes(graph: Graph, table: str) -> dict[str, str]:
    """Destination -> name of the target, of the routes of one table."""
    found = {}
    for route in graph.of_type(ROUTE):
        if refs(graph, route, "routeTableId") == [table]:
            destination = route.inputs.get("destinationCidrBlock") or route.inputs["destinationIpv6CidrBlock"]
            assert destination not in found
            (found[destination],) = refs(graph, route, *(key for key in route.property_dependencies if key != "routeTableId"))
    return found


def test_makes_a_subnet_per_tier_and_zone_with_the_planned_addresses() -> None:
    graph = network()
    cidrs = {subnet.name: (subnet.inputs["availabilityZone"], subnet.inputs["cidrBlock"]) for subnet in graph.of_type(SUBNET)}
    assert cidrs == {
        "net-public-eu-west-1a": (A, "10.20.96.0/24"),
        "net-public-eu-west-1b": (B, "10.20.97.0/24"),
        "net-private-eu-west-1a": (A, "10.20.0.0/20"),
        "net-private-eu-west-1b": (B, "10.20.16.0/20"),
        "net-data-eu-west-1a": (A, "10.20.102.0/24"),
        "net-data-eu-west-1b": (B, "10.20.103.0/24"),
    }
    assert all(refs(graph, subnet, "vpcId") == ["net-vpc"] for subnet in graph.of_type(SUBNET))


@pytest.mark.parametrize("args", [{}, DUAL])
def test_no_subnet_gives_out_public_addresses(args: Mapping[str, Any]) -> None:
    assert [subnet.inputs["mapPublicIpOnLaunch"] for subnet in network(**args).of_type(SUBNET)] == [False] * 6


def test_the_vpc_resolves_names_for_interface_endpoints() -> None:
    inputs = network().one(VPC).inputs
    assert inputs == {"cidrBlock": "10.20.0.0/16", "enableDnsSupport": True, "enableDnsHostnames": True, "tags": {"Name": "net"}}


def test_one_public_table_and_a_private_and_data_table_for_each_zone() -> None:
    graph = network()
    assert names(graph, TABLE) == [
        *("net-data-eu-west-1a", "net-data-eu-west-1b", "net-private-eu-west-1a", "net-private-eu-west-1b", "net-public"),
    ]
    tables = {refs(graph, link, "subnetId")[0]: refs(graph, link, "routeTableId") for link in graph.of_type(ASSOCIATION)}
    assert tables == {
        **{f"net-public-{zone}": ["net-public"] for zone in (A, B)},
        **{f"net-{tier}-{zone}": [f"net-{tier}-{zone}"] for tier in ("private", "data") for zone in (A, B)},
    }


@pytest.mark.parametrize("zones", [[A], [A, B], [A, B, C]])
def test_the_public_tier_alone_has_a_default_route(zones: list[str]) -> None:
    graph = network(zones=zones)
    assert default_routes(graph, "net-public") == {"0.0.0.0/0": "net-gateway"}
    assert len(graph.of_type(ROUTE)) == 1


@pytest.mark.parametrize("zones", [[A], [A, B], [A, B, C]])
def test_dual_stack_leads_private_subnets_outward_only_and_data_subnets_nowhere(zones: list[str]) -> None:
    graph = network(zones=zones, dual_stack=True)
    assert default_routes(graph, "net-public") == {"0.0.0.0/0": "net-gateway", "::/0": "net-gateway"}
    for zone in zones:
        assert default_routes(graph, f"net-private-{zone}") == {"::/0": "net-egress-only"}
        assert default_routes(graph, f"net-data-{zone}") == {}
    for route in graph.of_type(ROUTE):
        outward = route.name.startswith("net-private")
        assert ("egressOnlyGatewayId" in route.inputs, "gatewayId" in route.inputs) == (outward, not outward)


def test_dual_stack_takes_amazons_block_and_a_subnet_of_it_each() -> None:
    graph = network(dual_stack=True)
    assert graph.one(VPC).inputs["assignGeneratedIpv6CidrBlock"] is True
    assert all(refs(graph, subnet, "ipv6CidrBlock") == ["net-vpc"] for subnet in graph.of_type(SUBNET))
    own_address = [subnet.name for subnet in graph.of_type(SUBNET) if subnet.inputs.get("assignIpv6AddressOnCreation")]
    assert own_address == ["net-private-eu-west-1a", "net-private-eu-west-1b"]


def test_ipv6_subnets_have_places_by_tier_and_letter() -> None:
    block = "2a05:d018:abc:de00::/56"
    assert ipv6(block, "public", A) == "2a05:d018:abc:de00::/64"
    assert ipv6(block, "private", C) == "2a05:d018:abc:de12::/64"
    places = {ipv6(block, tier, f"eu-west-1{letter}") for tier in ("public", "private", "data") for letter in "abcdef"}
    assert len(places) == 18


def test_the_default_security_group_admits_and_sends_nothing() -> None:
    graph = network()
    group = graph.one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "net-default-group")
    assert (group.inputs["ingress"], group.inputs["egress"], refs(graph, group, "vpcId")) == ([], [], ["net-vpc"])


@pytest.mark.parametrize("service", ["s3", "dynamodb"])
def test_every_route_table_reaches_s3_and_dynamodb_inside_aws(service: str) -> None:
    graph = network("deployed")
    endpoint = graph.one(ENDPOINT, f"net-{service}")
    assert (endpoint.inputs["vpcEndpointType"], endpoint.inputs["serviceName"]) == ("Gateway", f"com.amazonaws.eu-west-1.{service}")
    links = [link for link in graph.of_type(ON_TABLE) if refs(graph, link, "vpcEndpointId") == [endpoint.name]]
    assert sorted(refs(graph, link, "routeTableId")[0] for link in links) == names(graph, TABLE)


def test_without_interface_endpoints_there_is_no_group_for_them() -> None:
    graph = network()
    assert [graph.of_type("aws:ec2/securityGroup:SecurityGroup"), len(graph.of_type(ENDPOINT))] == [[], 2]
    assert "endpoint_security_group_id" not in graph.one(COMPONENT).outputs


def test_interface_endpoints_sit_in_private_subnets_and_admit_https_from_the_vpc() -> None:
    graph = network("deployed", interface_endpoints=["ssm", "ecr.api"])
    for service in ("ssm", "ecr.api"):
        endpoint = graph.one(ENDPOINT, f"net-endpoint-{service}")
        assert endpoint.inputs["serviceName"] == f"com.amazonaws.eu-west-1.{service}"
        assert (endpoint.inputs["vpcEndpointType"], endpoint.inputs["privateDnsEnabled"]) == ("Interface", True)
        subnets = {name for name in refs(graph, endpoint, "subnetIds") if graph.of_type(SUBNET) and name in names(graph, SUBNET)}
        assert subnets == {"net-private-eu-west-1a", "net-private-eu-west-1b"}
        assert refs(graph, endpoint, "securityGroupIds") == ["net-endpoints"]
    (rule,) = graph.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert (rule.inputs["ipProtocol"], rule.inputs["fromPort"], rule.inputs["toPort"]) == ("tcp", 443, 443)
    assert (rule.inputs["cidrIpv4"], refs(graph, rule, "securityGroupId")) == ("10.20.0.0/16", ["net-endpoints"])
    assert graph.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule") == []


def test_the_flow_log_takes_all_traffic_to_a_log_group_of_its_own() -> None:
    graph = network("deployed", flow_log_retention_days=30, kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/1")
    log = graph.one("aws:ec2/flowLog:FlowLog", "net-flow-log")
    assert (log.inputs["trafficType"], log.inputs["logDestinationType"], refs(graph, log, "vpcId")) == (
        "ALL",
        "cloud-watch-logs",
        ["net-vpc"],
    )
    assert refs(graph, log, "logDestination") == ["net-flow-log"]
    assert refs(graph, log, "iamRoleArn") == ["net-flow-log-role", "net-flow-log-policy"]
    group = graph.one("aws:cloudwatch/logGroup:LogGroup", "net-flow-log")
    assert (group.inputs["retentionInDays"], group.inputs["kmsKeyId"]) == (30, "arn:aws:kms:eu-west-1:123456789012:key/1")
    assert graph.one("aws:iam/rolePolicy:RolePolicy", "net-flow-log-policy").urn in log.dependencies


def test_the_flow_log_is_kept_for_a_year_by_default() -> None:
    assert network().one("aws:cloudwatch/logGroup:LogGroup").inputs["retentionInDays"] == 365


def test_the_flow_logs_role_writes_to_its_group_alone_for_this_account_alone() -> None:
    graph = network("deployed")
    role = graph.one("aws:iam/role:Role", "net-flow-log-role")
    (trust,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": ["vpc-flow-logs.amazonaws.com"]}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ec2:eu-west-1:123456789012:vpc-flow-log/*"},
    }
    group = graph.one("aws:cloudwatch/logGroup:LogGroup").outputs["arn"]
    (statement,) = json.loads(graph.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    assert statement["Resource"] == [group, f"{group}:*"]


def test_the_flow_log_can_go_to_a_bucket_of_ones_own() -> None:
    graph = network(flow_log_bucket_arn="arn:aws:s3:::logs")
    inputs = graph.one("aws:ec2/flowLog:FlowLog").inputs
    assert (inputs["trafficType"], inputs["logDestinationType"], inputs["logDestination"]) == ("ALL", "s3", "arn:aws:s3:::logs")
    assert graph.of_type("aws:cloudwatch/logGroup:LogGroup", "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy") == []


def test_outputs_give_ids_by_zone_once_their_routes_hold() -> None:
    graph = network("deployed")
    outputs = graph.one(COMPONENT).outputs
    ids = {resource.name: resource.id for resource in graph.of_type(SUBNET)}
    tables = {resource.name: resource.id for resource in graph.of_type(TABLE)}
    for tier in ("public", "private", "data"):
        assert outputs[f"{tier}_subnet_ids_by_zone"] == {zone: ids[f"net-{tier}-{zone}"] for zone in (A, B)}
        shared = {zone: "net-public" if tier == "public" else f"net-{tier}-{zone}" for zone in (A, B)}
        assert outputs[f"{tier}_route_table_ids_by_zone"] == {zone: tables[name] for zone, name in shared.items()}
    assert outputs["vpc_id"] == graph.one(VPC).id
    assert outputs["vpc_cidr_block"] == "10.20.0.0/16"
    assert outputs["internet_gateway_id"] == graph.one("aws:ec2/internetGateway:InternetGateway").id
    assert outputs["flow_log_group_name"] == graph.one("aws:cloudwatch/logGroup:LogGroup").outputs["name"]
    assert outputs["s3_prefix_list_id"] == graph.one(ENDPOINT, "net-s3").outputs["prefixListId"]
    assert outputs["dynamodb_prefix_list_id"] == graph.one(ENDPOINT, "net-dynamodb").outputs["prefixListId"]


def test_what_needs_the_route_to_s3_comes_after_it() -> None:
    def program() -> None:
        args: Any = {"cidr_block": "10.0.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]}
        aws.ec2.ManagedPrefixList("user", address_family="IPv4", max_entries=1, name=Network("net", args).s3_prefix_list_id)

    graph = record(program, mode="preview")
    associations = {one.name for one in graph.of_type("aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation")}
    assert {name for name in associations if name.startswith("net-s3-")} <= set(refs(graph, graph.named("user"), "name"))


@pytest.mark.parametrize(
    ("tier", "waits_for"),
    [
        ("public", ["net-public-eu-west-1a", "net-public-eu-west-1a", "net-public-internet", "net-public-internet-ipv6"]),
        ("private", ["net-private-eu-west-1a", "net-private-eu-west-1a"]),
    ],
)
def test_a_subnets_id_carries_the_wait_for_its_routes(tier: str, waits_for: list[str]) -> None:
    def program() -> None:
        made = Network("net", {"cidr_block": "10.20.0.0/16", "zones": [A, B], "dual_stack": True})
        aws.ec2.NetworkInterface("user", subnet_id=made.subnet_ids(tier)[A])

    graph = record(program)
    assert sorted(refs(graph, graph.named("user"), "subnetId")) == waits_for


def test_methods_have_plain_zones_and_hand_out_copies() -> None:
    def program() -> None:
        made = Network("net", {"cidr_block": "10.20.0.0/16", "zones": [B, A]})
        assert list(made.subnet_ids("data")) == [B, A]
        made.route_table_ids("data").clear()
        assert list(made.route_table_ids("data")) == [B, A]
        with pytest.raises(ArgumentError, match="tier: is 'dmz', which is not a tier; known are public, private, data"):
            made.subnet_ids("dmz")

    record(program)


def routed(arguments: Callable[[Network], dict[str, Any]], mode: Any) -> Graph:
    """A NAT gateway in each zone of a network, with the arguments made of its outputs."""

    def program() -> None:
        made = Network("net", {"cidr_block": "10.20.0.0/16", "zones": [A, B]})
        given: Any = {"strategy": "per_zone", "vpc_id": made.vpc_id, **arguments(made)}
        OnDemandNat("nat", given)
        pulumi.export("subnets", made.private_subnet_ids_by_zone)
        pulumi.export("first", made.private_subnet_ids_by_zone[A])
        pulumi.export("count", made.private_subnet_ids_by_zone.apply(len))

    return record(program, mode=mode)


@pytest.mark.parametrize("mode", ["preview", "deployed"])
def test_outputs_by_zone_are_accepted_where_the_zones_decide_what_is_created(mode: str) -> None:
    by_outputs, by_methods = (
        routed(arguments, mode)
        for arguments in (
            lambda made: {
                "public_subnet_ids_by_zone": made.public_subnet_ids_by_zone,
                "private_route_table_ids_by_zone": made.private_route_table_ids_by_zone,
            },
            lambda made: {
                "public_subnet_ids_by_zone": made.subnet_ids("public"),
                "private_route_table_ids_by_zone": made.route_table_ids("private"),
            },
        )
    )
    assert by_outputs.to_json() == by_methods.to_json()
    gateway, route = by_outputs.named(f"nat-gateway-{A}"), by_outputs.named(f"nat-{A}")
    # What is in another zone is no dependency.
    assert sorted(refs(by_outputs, gateway, "subnetId")) == [f"net-public-{A}", f"net-public-{A}", "net-public-internet"]
    assert refs(by_outputs, route, "routeTableId") == [f"net-private-{A}"]
    if mode == "deployed":
        assert set(by_outputs.outputs["subnets"]) == {A, B}
        assert by_outputs.outputs["first"] == by_outputs.outputs["subnets"][A]
        assert by_outputs.outputs["count"] == 2
    else:
        assert repr(by_outputs.outputs["subnets"]) == "UNKNOWN"
    assert by_outputs.one(COMPONENT).outputs["private_subnet_ids_by_zone"] == by_outputs.outputs["subnets"]


def test_an_output_without_plain_zones_is_refused_with_the_method_that_has_them() -> None:
    late = (
        "is an output or a secret. It decides what is created, so it must be known when the program runs: give a dictionary with plain "
        "keys, whose values may be outputs; Network."
    )

    def arguments(made: Network) -> dict[str, Any]:
        return {
            "public_subnet_ids_by_zone": made.public_subnet_ids_by_zone.apply(lambda ids: ids),
            "private_route_table_ids_by_zone": made.private_route_table_ids_by_zone.apply(lambda ids: ids),
        }

    with pytest.raises(ArgumentError) as caught:
        routed(arguments, "preview")
    assert caught.value.problems == [
        ("private_route_table_ids_by_zone", f"{late}route_table_ids(...) returns one."),
        ("public_subnet_ids_by_zone", f"{late}subnet_ids(...) returns one."),
    ]


def test_explicit_cidrs_are_taken_as_they_are() -> None:
    cidrs = {"public": {A: "10.20.0.0/24"}, "private": {A: "10.20.16.0/20"}, "data": {A: "10.20.1.0/24"}}
    graph = network(zones=[A], subnet_cidrs=cidrs)
    made = {subnet.name: subnet.inputs["cidrBlock"] for subnet in graph.of_type(SUBNET)}
    assert made == {f"net-{tier}-{A}": by_zone[A] for tier, by_zone in cidrs.items()}


def test_prefixes_size_the_subnets() -> None:
    graph = network(zones=[A], subnet_prefixes={"private": 22.0})
    sizes = {subnet.name: subnet.inputs["cidrBlock"].split("/")[1] for subnet in graph.of_type(SUBNET)}
    assert sizes == {f"net-public-{A}": "24", f"net-private-{A}": "22", f"net-data-{A}": "24"}


def test_an_ipam_pool_gives_the_block_that_was_asked_for() -> None:
    graph = network(ipv4_ipam_pool_id="ipam-pool-1")
    inputs = graph.one(VPC).inputs
    assert (inputs["cidrBlock"], inputs["ipv4IpamPoolId"], "ipv4NetmaskLength" in inputs) == ("10.20.0.0/16", "ipam-pool-1", False)


def test_an_ipam_pool_can_choose_the_block_and_subnets_follow_it() -> None:
    blocks: dict[str, Any] = {}

    def program() -> None:
        def choose(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
            if args.type_ != VPC:
                return None
            blocks.update(args.props)
            # What AWS would do: the block appears.
            return pulumi.ResourceTransformResult({**args.props, "cidrBlock": "172.20.0.0/20"}, args.opts)

        Network(
            "net",
            {"zones": [A, C], "ipv4_ipam_pool_id": "ipam-pool-1", "ipv4_netmask_length": 20},
            pulumi.ResourceOptions(transforms=[choose]),
        )

    graph = record(program, mode="deployed")
    assert (blocks["ipv4IpamPoolId"], blocks["ipv4NetmaskLength"], "cidrBlock" in blocks) == ("ipam-pool-1", 20, False)
    made = {subnet.name: subnet.inputs["cidrBlock"] for subnet in graph.of_type(SUBNET)}
    assert made == {
        "net-public-eu-west-1a": "172.20.6.0/27",
        "net-public-eu-west-1c": "172.20.6.64/27",
        "net-private-eu-west-1a": "172.20.0.0/24",
        "net-private-eu-west-1c": "172.20.2.0/24",
        "net-data-eu-west-1a": "172.20.6.192/28",
        "net-data-eu-west-1c": "172.20.6.224/28",
    }


def test_tags_reach_everything_that_has_tags() -> None:
    graph = network(tags={"Owner": "platform"}, interface_endpoints=["ssm"], dual_stack=True)
    untaggable = {ROUTE, ASSOCIATION, ON_TABLE, "aws:iam/rolePolicy:RolePolicy"}
    parent = graph.one(COMPONENT).urn
    tagged = [resource for resource in graph.children(parent) if resource.type not in untaggable]
    assert len(tagged) > 20
    assert {resource.name for resource in tagged if resource.inputs["tags"].get("Owner") != "platform"} == set()
    assert graph.named("net-vpc").inputs["tags"] == {"Name": "net", "Owner": "platform"}


def test_transforms_reach_the_children() -> None:
    def program() -> None:
        def rename(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
            if args.type_ != VPC:
                return None
            return pulumi.ResourceTransformResult({**args.props, "instanceTenancy": "dedicated"}, args.opts)

        Network("net", {"cidr_block": "10.20.0.0/16", "zones": [A]}, pulumi.ResourceOptions(transforms=[rename]))

    assert record(program).one(VPC).inputs["instanceTenancy"] == "dedicated"


def test_subnets_say_their_tier_to_policies() -> None:
    tiers = {subnet.name: subnet.inputs["tags"]["cloudpatterns:tier"] for subnet in network().of_type("aws:ec2/subnet:Subnet")}
    assert {name.split("-")[1] for name in tiers} == {"public", "private", "data"}
    assert all(name.split("-")[1] == tier for name, tier in tiers.items())
