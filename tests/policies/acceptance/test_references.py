"""References in a template: which resource and attribute, where several are possible, and mistakes across two resources."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.acceptance.judgement import judgements
from cloudpatterns_policies.acceptance.references import targets
from cloudpatterns_policies.acceptance.translate import translate
from cloudpatterns_policies.core import Resource
from cloudpatterns_policies.core.values import UnknownValue

from tests.policies.helpers import UNKNOWN, resource, stack

ROLE = "arn:aws:iam::123456789012:role/web"
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
CODE = {"s3Bucket": "releases-of-the-shop", "s3Key": "app.zip", "role": ROLE, "runtime": "python3.13", "handler": "index.handler"}
FORWARD = [{"type": "forward", "targetGroupArn": UNKNOWN}]
PUBLIC = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/*"}]})

Parts = list[tuple[str, str, dict[str, Any], dict[str, str]]]
"""Type, name, properties, and the resource behind a property."""


def vpc(**more: Any) -> Parts:
    return [("aws:ec2/vpc:Vpc", "vpc", {"cidrBlock": "10.0.0.0/16", **more}, {})]


def subnet(name: str, cidr: str, zone: str = "eu-west-1a") -> Parts:
    return [("aws:ec2/subnet:Subnet", name, {"vpcId": UNKNOWN, "cidrBlock": cidr, "availabilityZone": zone}, {"vpcId": "vpc"})]


def listener(protocol: str, kind: str, group: str) -> Parts:
    target = {"port": 80, "protocol": group, "vpcId": "vpc-0123456789abcdef0", "targetType": "ip"}
    given = {"loadBalancerArn": UNKNOWN, "port": 80, "protocol": protocol, "defaultActions": FORWARD}
    return [
        ("aws:lb/loadBalancer:LoadBalancer", "balancer", {"loadBalancerType": kind, "subnets": SUBNETS}, {}),
        ("aws:lb/targetGroup:TargetGroup", "group", target, {}),
        ("aws:lb/listener:Listener", "listener", given, {"loadBalancerArn": "balancer", "defaultActions": "group"}),
    ]


def rule(name: str) -> Parts:
    given = {
        "listenerArn": UNKNOWN,
        "priority": 5,
        "actions": FORWARD,
        "conditions": [{"pathPattern": {"values": [f"/{name}"]}}],
    }
    return [("aws:lb/listenerRule:ListenerRule", name, given, {"listenerArn": "listener", "actions": "group"})]


def schedule(name: str) -> Parts:
    given = {"autoscalingGroupName": UNKNOWN, "scheduledActionName": name, "startTime": "2030-01-01T00:00:00Z", "desiredCapacity": 1}
    return [("aws:autoscaling/schedule:Schedule", name, given, {"autoscalingGroupName": "group"})]


def association(name: str) -> Parts:
    given = {"subnetId": UNKNOWN, "routeTableId": UNKNOWN}
    return [("aws:ec2/routeTableAssociation:RouteTableAssociation", name, given, {"subnetId": "a", "routeTableId": "table"})]


TEMPLATE = {"id": "lt-0123456789abcdef0", "version": "1"}
GROUP = {"minSize": 1, "maxSize": 2, "availabilityZones": ["eu-west-1a"], "launchTemplate": TEMPLATE}
CONTAINERS = json.dumps([{"name": "web", "image": "nginx"}])
CLUSTER = {"engine": "aurora-mysql", "masterUsername": "shop", "manageMasterUserPassword": True}
REPLICATION = {"description": "x", "nodeType": "cache.r6g.large", "numNodeGroups": 2, "replicasPerNodeGroup": 1}
# The resources, the property that is told with a rule's id, and a property of another resource that has to be known for it.
MISTAKES: dict[str, tuple[Parts, tuple[str, str], str, tuple[str, str]]] = {
    "a subnet outside of its VPC": (
        [*vpc(), *subnet("a", "10.1.1.0/24")],
        ("a", "cidrBlock"),
        "E3059",
        ("vpc", "cidrBlock"),
    ),
    "two subnets that overlap": (
        [*vpc(), *subnet("a", "10.0.1.0/24"), *subnet("b", "10.0.1.0/25", "eu-west-1b")],
        ("b", "cidrBlock"),
        "E3060",
        ("a", "cidrBlock"),
    ),
    "a subnet with two route tables": (
        [
            *vpc(),
            *subnet("a", "10.0.1.0/24"),
            ("aws:ec2/routeTable:RouteTable", "table", {"vpcId": UNKNOWN}, {"vpcId": "vpc"}),
            *association("x"),
            *association("y"),
        ],
        ("x", "subnetId"),
        "E3022",
        ("y", ""),
    ),
    "a TCP listener of an Application Load Balancer": (
        listener("TCP", "application", "TCP"),
        ("listener", "protocol"),
        "pf-elbv2-listener-protocol-lb-type",
        ("balancer", "loadBalancerType"),
    ),
    "a TCP target group behind an HTTP listener": (
        listener("HTTP", "application", "TCP"),
        ("listener", "protocol"),
        "pf-elbv2-listener-tg-protocol-match",
        ("group", "protocol"),
    ),
    "two rules of one priority": (
        [*listener("HTTP", "application", "HTTP"), *rule("a"), *rule("b")],
        ("b", "priority"),
        "pf-elbv2-rule-priority-unique",
        ("a", "priority"),
    ),
    "an instance of another engine than its cluster": (
        [
            ("aws:rds/cluster:Cluster", "cluster", CLUSTER, {}),
            (
                "aws:rds/clusterInstance:ClusterInstance",
                "instance",
                {"clusterIdentifier": UNKNOWN, "engine": "aurora-postgresql", "instanceClass": "db.r6g.large"},
                {"clusterIdentifier": "cluster"},
            ),
        ],
        ("instance", "engine"),
        "E3707",
        ("cluster", "engine"),
    ),
    "a public policy of a bucket that blocks them": (
        [
            ("aws:s3/bucket:Bucket", "bucket", {}, {}),
            (
                "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
                "block",
                {"bucket": UNKNOWN, "blockPublicPolicy": True},
                {"bucket": "bucket"},
            ),
            ("aws:s3/bucketPolicy:BucketPolicy", "policy", {"bucket": UNKNOWN, "policy": PUBLIC}, {"bucket": "bucket"}),
        ],
        ("policy", "policy"),
        "pf-s3-policy-public-with-block-public-policy",
        ("block", "blockPublicPolicy"),
    ),
    "two scheduled actions of one time": (
        [("aws:autoscaling/group:Group", "group", GROUP, {}), *schedule("a"), *schedule("b")],
        ("b", "startTime"),
        "pf-asg-sched-starttime-unique-per-group",
        ("a", "startTime"),
    ),
    "shards with a parameter group without cluster mode": (
        [
            (
                "aws:elasticache/parameterGroup:ParameterGroup",
                "parameters",
                {"family": "redis7", "description": "x", "parameters": [{"name": "cluster-enabled", "value": "no"}]},
                {},
            ),
            (
                "aws:elasticache/replicationGroup:ReplicationGroup",
                "cache",
                {**REPLICATION, "automaticFailoverEnabled": True, "parameterGroupName": UNKNOWN, "engine": "redis"},
                {"parameterGroupName": "parameters"},
            ),
        ],
        ("cache", "parameterGroupName"),
        "pf-elasticache-cluster-mode-parameter-group",
        ("parameters", "parameters"),
    ),
    "a task with a network interface and a service without subnets": (
        [
            (
                "aws:ecs/taskDefinition:TaskDefinition",
                "task",
                {"family": "web", "networkMode": "awsvpc", "containerDefinitions": CONTAINERS},
                {},
            ),
            ("aws:ecs/service:Service", "service", {"taskDefinition": UNKNOWN}, {"taskDefinition": "task"}),
        ],
        ("service", ""),
        "E3052",
        ("task", "networkMode"),
    ),
}


def resources(parts: Parts, *, linked: bool = True, unknown: tuple[str, str] = ("", "")) -> list[Resource]:
    """The resources, without their dependencies or with one property unknown on request."""
    return [
        resource(
            type,
            name,
            {**props, unknown[1]: UNKNOWN} if name == unknown[0] and unknown[1] else props,
            deps={key: [target] for key, target in deps.items()} if linked and not (name == unknown[0] and not unknown[1]) else {},
        )
        for type, name, props, deps in parts
    ]


def told(found: list[Resource]) -> set[tuple[str, str, str]]:
    """Resource, property and rule of what AWS refuses."""
    return {
        (one.resource.name, one.property, rule)
        for one in judgements(stack(*found))
        if one.refused
        for rule in one.message.partition("). ")[0].rpartition("(")[2].split()
    }


def deployed(parts: Parts) -> list[Resource]:
    """The same as after deployment: ids instead of what is unknown."""

    def known(value: Any, target: str) -> Any:
        if isinstance(value, UnknownValue):
            return f"arn:aws:made-up:{target}"
        if isinstance(value, list):
            return [known(one, target) for one in value]
        return {key: known(one, target) for key, one in value.items()} if isinstance(value, dict) else value

    found: list[Resource] = []
    for type, name, props, deps in parts:
        inputs = {key: known(value, deps.get(key, "")) for key, value in props.items()}
        behind = {key: [target] for key, target in deps.items()}
        one = resource(type, name, {**inputs, "arn": f"arn:aws:made-up:{name}"}, deps=behind)
        one.inputs = resource(type, name, inputs)
        found.append(one)
    return found


@pytest.mark.parametrize(("parts", "where", "rule", "other"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_across_two_resources_is_told(parts: Parts, where: tuple[str, str], rule: str, other: tuple[str, str]) -> None:
    assert (*where, rule) in told(resources(parts))
    assert (*where, rule) in told(deployed(parts))


@pytest.mark.parametrize(("parts", "where", "rule", "other"), MISTAKES.values(), ids=MISTAKES)
def test_it_is_none_where_one_side_is_unknown(parts: Parts, where: tuple[str, str], rule: str, other: tuple[str, str]) -> None:
    assert [one for one in told(resources(parts, unknown=other)) if one[2] == rule] == []


@pytest.mark.parametrize(("parts", "where", "rule", "other"), MISTAKES.values(), ids=MISTAKES)
def test_it_is_none_without_what_connects_them(parts: Parts, where: tuple[str, str], rule: str, other: tuple[str, str]) -> None:
    assert [one for one in told(resources(parts, linked=False)) if one[2] == rule] == []


def properties(*found: Resource) -> dict[str, Any]:
    """CloudFormation's properties of the first of the resources; the others are R1, R2, ..."""
    return translate(stack(*found)).document["Resources"]["R0"]["Properties"]


GROUPS = [resource("aws:ec2/securityGroup:SecurityGroup", name, {"id": f"sg-{name}-of-the-shop"}) for name in "ab"]
BALANCER = "aws:lb/loadBalancer:LoadBalancer"


def test_several_of_one_list_are_references_where_there_are_as_many_as_resources() -> None:
    both = {"securityGroups": GROUPS}
    found = properties(resource(BALANCER, "x", {"securityGroups": [UNKNOWN, UNKNOWN]}, deps=both), *GROUPS)
    assert found["SecurityGroups"] == [{"Fn::GetAtt": ["R1", "GroupId"]}, {"Fn::GetAtt": ["R2", "GroupId"]}]
    found = properties(resource(BALANCER, "x", {"securityGroups": [UNKNOWN] * 3}, deps=both), *GROUPS)
    assert [one.keys() for one in found["SecurityGroups"]] == [{"Ref"}] * 3
    found = properties(resource(BALANCER, "x", {"securityGroups": UNKNOWN}, deps=both), *GROUPS)
    assert found["SecurityGroups"].keys() == {"Ref"}


def test_ids_tell_which_is_which() -> None:
    given = {"securityGroups": ["sg-b-of-the-shop", "sg-0123456789abcdef0", UNKNOWN]}
    found = properties(resource(BALANCER, "x", given, deps={"securityGroups": GROUPS}), *GROUPS)["SecurityGroups"]
    assert found[:2] == [{"Fn::GetAtt": ["R2", "GroupId"]}, "sg-0123456789abcdef0"]
    assert found[2].keys() == {"Ref"}


def test_what_another_kind_of_resource_gives_is_unknown() -> None:
    subnet = resource("aws:ec2/subnet:Subnet", "subnet", {"vpcId": "vpc-0123456789abcdef0"})
    group = resource("aws:ec2/securityGroup:SecurityGroup", "x", {"vpcId": UNKNOWN}, deps={"vpcId": [subnet]})
    template = translate(stack(group, subnet))
    assert template.document["Resources"]["R0"]["Properties"]["VpcId"]["Ref"] in template.document["Parameters"]


def test_the_attribute_is_what_the_property_takes() -> None:
    assert targets("AWS::Lambda::Function", ("Role",)) == {"AWS::IAM::Role": "Arn"}
    assert targets("AWS::IAM::InstanceProfile", ("Roles", 0)) == {"AWS::IAM::Role": ""}
    assert targets("AWS::ElasticLoadBalancingV2::Listener", ("DefaultActions", 0, "TargetGroupArn")) == {
        "AWS::ElasticLoadBalancingV2::TargetGroup": ""
    }
    assert targets("AWS::RDS::DBInstance", ("CACertificateIdentifier",)) == {}
    assert targets("AWS::Nothing::Known", ("VpcId",)) == {}
