"""No false alarm: the provider's documented examples, the programs and exports of others, and what these taught."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_policies.acceptance.judgement import judgements

from tests.policies.acceptance import documented
from tests.policies.helpers import UNKNOWN, resource, stack

# Examples that take a few seconds; `python -m tests.policies.acceptance.documented --check` judges all.
SAMPLE = ["dynamodb", "kms", "sfn", "sqs"]


def test_the_documented_examples_have_no_other_findings_than_those_listed() -> None:
    found, counts = documented.judge(SAMPLE)
    assert documented.differences(found, SAMPLE) == []
    assert counts["alone"] + counts["helped"] >= 60


def test_each_listed_finding_has_a_reason_that_is_described() -> None:
    data = json.loads(documented.LISTED.read_text(encoding="utf-8"))
    used = {reason for findings in data["findings"].values() for reason in findings.values()}
    assert used == set(data["reasons"])


def test_each_alarm_in_a_program_of_others_is_explained() -> None:
    data = json.loads(Path(__file__).with_name("foreign.json").read_text(encoding="utf-8"))
    assert [len(one["revision"]) for one in data["sources"]] == [40, 40]
    assert [one["programs"] for one in data["sources"]] == [len(data["programs"]), len(data["exports"])] == [27, 7]
    assert [alarm for alarm in data["alarms"] if not alarm["why"]] == []


def refused(*given: tuple[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The rule and the property of what AWS would refuse of resources of these types and inputs."""
    found = judgements(stack(*(resource(kind, f"r{number}", props) for number, (kind, props) in enumerate(given))))
    return sorted((documented.RULE.findall(one.message)[0], one.property) for one in found if one.refused)


TABLE = "aws:dynamodb/table:Table"
KEYS = {"hashKey": "id", "attributes": [{"name": "id", "type": "S"}]}
RECORD = {"zoneId": "Z0123456789ABC", "name": "www", "type": "A", "ttl": 60, "records": ["10.0.0.1"]}
TASK = {"family": "web", "cpu": "256", "memory": "512"}
CONTAINER = {"name": "web", "image": "nginx", "portMappings": [{"containerPort": 80}]}
ACCEPTED: dict[str, tuple[str, dict[str, Any]]] = {
    "a default of the provider": ("aws:accessanalyzer/analyzer:Analyzer", {"analyzerName": "a"}),
    "a name that Pulumi gives": ("aws:apigatewayv2/api:Api", {"protocolType": "HTTP"}),
    "capacities": (TABLE, {**KEYS, "billingMode": "PROVISIONED", "readCapacity": 1, "writeCapacity": 1}),
    "what the table does not know": ("aws:ecs/taskDefinition:TaskDefinition", {**TASK, "containerDefinitions": UNKNOWN}),
    "a document in the form of the API": (
        "aws:ecs/taskDefinition:TaskDefinition",
        {**TASK, "containerDefinitions": json.dumps([CONTAINER])},
    ),
    "a routing policy": ("aws:route53/record:Record", {**RECORD, "setIdentifier": "a", "weightedRoutingPolicies": [{"weight": 1}]}),
    "a text that the provider encloses in quotes": ("aws:route53/record:Record", {**RECORD, "type": "TXT", "records": ["v=spf1 -all"]}),
    "an alias of which no more is known": (
        "aws:route53/record:Record",
        {"zoneId": "Z0123456789ABC", "name": "www", "type": "A", "aliases": [{"name": None, "zoneId": None, "evaluateTargetHealth": True}]},
    ),
    "the name of a protocol": (
        "aws:ec2/networkAclRule:NetworkAclRule",
        {"networkAclId": "acl-0123456789abcdef0", "ruleNumber": 1, "protocol": "tcp", "ruleAction": "allow", "cidrBlock": "10.0.0.0/8"}
        | {"fromPort": 80, "toPort": 80},
    ),
    "a regional NAT gateway": ("aws:ec2/natGateway:NatGateway", {"vpcId": "vpc-0123456789abcdef0", "availabilityMode": "regional"}),
    "a stage with a hyphen": ("aws:apigatewayv2/stage:Stage", {"apiId": "a1b2c3d4e5", "name": "my-stage"}),
    "what a preview invents": ("aws:ssoadmin/permissionSet:PermissionSet", {"instanceArn": "getInstances-6bea8e8", "name": "admins"}),
    "an instance type that is new": ("aws:ec2/instance:Instance", {"instanceType": "m99.large", "ami": "ami-0123456789abcdef0"}),
    "a type of stickiness that is off": (
        "aws:lb/targetGroup:TargetGroup",
        {"port": 80, "protocol": "TCP", "targetType": "ip", "vpcId": "vpc-0123456789abcdef0"}
        | {"stickiness": {"type": "lb_cookie", "enabled": False}},
    ),
    "a secure string": ("aws:ssm/parameter:Parameter", {"name": "/a", "type": "SecureString", "value": "x"}),
}
# The same, and wrong.
REFUSED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a container that is wrong": (
        "aws:ecs/taskDefinition:TaskDefinition",
        {**TASK, "containerDefinitions": json.dumps([{**CONTAINER, "essential": "maybe"}])},
        "F3012",
        "containerDefinitions.0.essential",
    ),
    "no container": ("aws:ecs/taskDefinition:TaskDefinition", {**TASK, "containerDefinitions": "[]"}, "pf-", "containerDefinitions"),
    "no capacities": (TABLE, {**KEYS, "billingMode": "PROVISIONED"}, "pf-dynamodb-billing-throughput", ""),
    "no routing policy": ("aws:route53/record:Record", {**RECORD, "setIdentifier": "a"}, "pf-", "setIdentifier"),
    "no address": ("aws:ec2/natGateway:NatGateway", {"subnetId": "subnet-0123456789abcdef0"}, "pf-ec2-natgw-allocation", ""),
    "a protocol that there is not": (
        "aws:ec2/networkAclRule:NetworkAclRule",
        {"networkAclId": "acl-0123456789abcdef0", "ruleNumber": 1, "protocol": "quic", "ruleAction": "allow", "cidrBlock": "10.0.0.0/8"},
        "F3012",
        "protocol",
    ),
}


@pytest.mark.parametrize(("kind", "props"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_aws_accepts_of_the_provider_is_no_finding(kind: str, props: dict[str, Any]) -> None:
    assert refused((kind, props)) == []


@pytest.mark.parametrize(("kind", "props", "rule", "where"), REFUSED.values(), ids=REFUSED)
def test_what_aws_refuses_of_it_still_is(kind: str, props: dict[str, Any], rule: str, where: str) -> None:
    assert any(found.startswith(rule) and place == where for found, place in refused((kind, props))), refused((kind, props))


def test_one_name_in_two_regions_is_no_finding() -> None:
    table = {**KEYS, "name": "orders", "billingMode": "PAY_PER_REQUEST"}
    assert refused((TABLE, {**table, "region": "eu-west-1"}), (TABLE, {**table, "region": "us-east-1"})) == []
    assert refused((TABLE, table), (TABLE, table)) == [("E3019", "name"), ("E3019", "name")]


def test_what_several_rules_find_is_told_once() -> None:
    assert refused((TABLE, {**KEYS, "billingMode": "PROVISIONED"})) == [("pf-dynamodb-billing-throughput", "")]
    assert refused((TABLE, {**KEYS, "billingMode": "ON_DEMAND"})) == [("W3030", "billingMode")]
    mapping = {"eventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:orders.fifo", "functionName": "work", "batchSize": 100}
    # Control fifo-batch tells it.
    assert refused(("aws:lambda/eventSourceMapping:EventSourceMapping", mapping)) == []
