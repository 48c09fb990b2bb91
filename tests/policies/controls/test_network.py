"""VPCs and subnets."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import network as controls
from cloudpatterns_policies.core import Fail, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

VPC = "aws:ec2/vpc:Vpc"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
SUBNET, DEFAULT_SUBNET = "aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet"
RULES = [
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
]
CLOSED, EMPTY = controls.vpc_default_security_group_closed, controls.default_security_group_empty
LOGS, PUBLIC = controls.vpc_flow_logs, controls.subnet_no_public_ip


def vpc(kind: str = VPC) -> Resource:
    return resource(kind, "net", {"cidrBlock": "10.0.0.0/16"})


def default_group(name: str = "default", target: str = "net") -> Resource:
    return resource(DEFAULT_GROUP, name, {"vpcId": UNKNOWN}, deps={"vpcId": [target]})


def flow_log(kind: Any, name: str = "log") -> Resource:
    return resource(FLOW_LOG, name, {"vpcId": UNKNOWN, "trafficType": kind}, deps={"vpcId": ["net"]})


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({}, [Pass()]),
        ({"ingress": [], "egress": []}, [Pass()]),
        ({"ingress": [{}]}, [Fail("has 1 ingress rule", "ingress")]),
        ({"egress": [{}, {}]}, [Fail("has 2 egress rules", "egress")]),
        ({"ingress": UNKNOWN, "egress": [{}]}, [Unknown("ingress"), Fail("has 1 egress rule", "egress")]),
    ],
)
def test_default_group_has_no_rules(props: dict[str, Any], expected: list[Verdict]) -> None:
    assert verdicts(EMPTY, resource(DEFAULT_GROUP, props=props)) == expected


@pytest.mark.parametrize("kind", [VPC, "aws:ec2/defaultVpc:DefaultVpc"])
def test_vpc_takes_over_its_default_group(kind: str) -> None:
    assert verdicts(CLOSED, stack(vpc(kind), default_group())) == [("net", Pass())]
    assert verdicts(CLOSED, stack(vpc(kind))) == [("net", Fail("leaves its default security group open"))]


def test_each_vpc_needs_its_own() -> None:
    found = verdicts(CLOSED, stack(vpc(), resource(VPC, "other"), default_group(target="other")))
    assert found == [("net", Fail("leaves its default security group open")), ("other", Pass())]


def test_known_ids_refer_as_well() -> None:
    net = resource(VPC, "net", {"id": "vpc-1"})
    assert verdicts(CLOSED, stack(net, resource(DEFAULT_GROUP, "default", {"vpcId": "vpc-1"}))) == [("net", Pass())]
    assert verdicts(CLOSED, stack(net, resource(DEFAULT_GROUP, "default", {"vpcId": "vpc-2"}))) == [
        ("net", Fail("leaves its default security group open"))
    ]


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize(
    ("deps", "seen"), [(["default"], True), (["net"], True), (["web"], False), (["web", "net"], False), (["default", "web"], True)]
)
def test_rules_of_their_own_in_the_default_group(kind: str, deps: list[str], seen: bool) -> None:
    rule = resource(kind, "rule", {"securityGroupId": UNKNOWN}, deps={"securityGroupId": deps})
    expected = Fail("has a rule in its default security group: rule", "rule") if seen else Pass()
    assert verdicts(CLOSED, stack(vpc(), default_group(), resource(GROUP, "web"), rule)) == [("net", expected)]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["ALL"], Pass()),
        (["REJECT", "ALL"], Pass()),
        ([UNKNOWN, "ALL"], Pass()),
        ([], Fail("has no flow log")),
        (["REJECT"], Fail("logs only REJECT traffic", "trafficType of log0")),
        (["ACCEPT", "REJECT"], Fail("logs only ACCEPT traffic", "trafficType of log0")),
        ([None], Fail("logs only unnamed traffic", "trafficType of log0")),
        (["REJECT", UNKNOWN], Unknown("trafficType of log1")),
    ],
)
def test_flow_logs(kinds: list[Any], expected: Verdict) -> None:
    logs = [flow_log(kind, f"log{index}") for index, kind in enumerate(kinds)]
    assert verdicts(LOGS, stack(vpc(), *logs)) == [("net", expected)]


def test_flow_log_of_a_subnet_does_not_count() -> None:
    log = resource(FLOW_LOG, "log", {"subnetId": UNKNOWN, "trafficType": "ALL"}, deps={"subnetId": ["net"]})
    assert verdicts(LOGS, stack(vpc(), log)) == [("net", Fail("has no flow log"))]


@pytest.mark.parametrize(
    ("type", "value", "expected"),
    [
        (SUBNET, False, Pass()),
        (SUBNET, None, Pass()),
        (DEFAULT_SUBNET, False, Pass()),
        (SUBNET, True, Fail("assigns each new instance a public IPv4 address", "mapPublicIpOnLaunch")),
        (DEFAULT_SUBNET, None, Fail("assigns each new instance a public IPv4 address", "mapPublicIpOnLaunch")),
        (SUBNET, UNKNOWN, Unknown("mapPublicIpOnLaunch")),
    ],
)
def test_subnet(type: str, value: Any, expected: Verdict) -> None:
    assert verdicts(PUBLIC, resource(type, props={"mapPublicIpOnLaunch": value, "assignIpv6AddressOnCreation": True})) == [expected]


EC2_API = "com.amazonaws.eu-west-1.ec2"
NO_ENDPOINT = Fail("has no endpoint for the EC2 API")


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([], NO_ENDPOINT),
        ([{"vpcEndpointType": "Interface", "serviceName": EC2_API}], Pass()),
        ([{"vpcEndpointType": "Interface", "serviceName": "cn.com.amazonaws.cn-north-1.ec2"}], Pass()),
        ([{"vpcEndpointType": "Interface", "serviceName": UNKNOWN}, {"vpcEndpointType": "Interface", "serviceName": EC2_API}], Pass()),
        ([{"vpcEndpointType": "Interface", "serviceName": "com.amazonaws.eu-west-1.ec2messages"}], NO_ENDPOINT),
        ([{"vpcEndpointType": "Gateway", "serviceName": UNKNOWN}], NO_ENDPOINT),
        ([{"serviceName": "com.amazonaws.eu-west-1.s3"}, {"vpcEndpointType": "Interface", "serviceName": EC2_API}], Pass()),
        ([{"vpcEndpointType": UNKNOWN, "serviceName": UNKNOWN}], NO_ENDPOINT),
        ([{"serviceName": "com.amazonaws.eu-west-1.s3"}], NO_ENDPOINT),
        ([{"vpcEndpointType": "Interface", "serviceName": UNKNOWN}], Unknown("serviceName of endpoint0")),
    ],
)
def test_the_api_of_ec2_has_an_endpoint(endpoints: list[dict[str, Any]], expected: Verdict) -> None:
    made = [
        resource("aws:ec2/vpcEndpoint:VpcEndpoint", f"endpoint{index}", {"vpcId": UNKNOWN, **props}, deps={"vpcId": ["net"]})
        for index, props in enumerate(endpoints)
    ]
    assert verdicts(controls.vpc_ec2_endpoint, stack(vpc(), *made)) == [("net", expected)]


@pytest.mark.parametrize(
    ("service", "expected"), [(EC2_API, Unknown("vpcEndpointType of endpoint")), ("com.amazonaws.eu-west-1.ssm", NO_ENDPOINT)]
)
def test_an_endpoint_whose_kind_is_not_known_yet(service: str, expected: Verdict) -> None:
    props = {"vpcId": UNKNOWN, "vpcEndpointType": UNKNOWN, "serviceName": service}
    made = resource("aws:ec2/vpcEndpoint:VpcEndpoint", "endpoint", props, deps={"vpcId": ["net"], "vpcEndpointType": ["later"]})
    assert verdicts(controls.vpc_ec2_endpoint, stack(vpc(), resource("x:y:Z", "later"), made)) == [("net", expected)]


def test_an_endpoint_of_another_vpc_does_not_count() -> None:
    props = {"vpcId": UNKNOWN, "vpcEndpointType": "Interface", "serviceName": EC2_API}
    made = resource("aws:ec2/vpcEndpoint:VpcEndpoint", "endpoint", props, deps={"vpcId": ["other"]})
    assert verdicts(controls.vpc_ec2_endpoint, stack(vpc(), resource(VPC, "other"), made)) == [("net", NO_ENDPOINT), ("other", Pass())]
