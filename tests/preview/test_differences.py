"""What changed inputs do: update or replacement, and what goes first."""

from typing import Any

import pytest
from offline_preview.differences import Difference, difference
from offline_preview.values import UNKNOWN, Secret

RULE = "vpc/securityGroupIngressRule:SecurityGroupIngressRule"
CACHE = "elasticache/replicationGroup:ReplicationGroup"


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        ("ec2/vpc:Vpc", {"tags": {"a": "b"}}, {"tags": {"a": "b"}}, ((), (), False)),
        ("ec2/vpc:Vpc", {"tags": {"a": "b"}}, {"tags": {"a": "c"}}, (("tags",), (), False)),
        ("ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "10.1.0.0/16"}, (("cidrBlock",), ("cidrBlock",), False)),
        # Not known yet may be another: a subnet of a VPC that is replaced is replaced.
        ("ec2/subnet:Subnet", {"vpcId": "vpc-1"}, {"vpcId": UNKNOWN}, (("vpcId",), ("vpcId",), False)),
        ("ec2/subnet:Subnet", {"vpcId": UNKNOWN}, {"vpcId": UNKNOWN}, (("vpcId",), ("vpcId",), False)),
        ("rds/instance:Instance", {"password": Secret("a")}, {"password": Secret("a")}, ((), (), False)),
        ("rds/instance:Instance", {"password": Secret("a")}, {"password": Secret("b")}, (("password",), (), False)),
        ("rds/instance:Instance", {"identifier": "a", "__defaults": []}, {"identifier": "b"}, (("identifier",), (), False)),
        # A name that the program gives cannot be used twice; one that is made up is made up anew.
        ("lb/targetGroup:TargetGroup", {"name": "a", "port": 1}, {"name": "a", "port": 2}, (("port",), ("port",), True)),
        (
            "lb/targetGroup:TargetGroup",
            {"name": "a-1", "__defaults": ["name"], "port": 1},
            {"name": "a-1", "__defaults": ["name"], "port": 2},
            (("port",), ("port",), False),
        ),
        ("iam/rolePolicyAttachment:RolePolicyAttachment", {"role": "a"}, {"role": "b"}, (("role",), ("role",), True)),
        # Another address of the same kind is an update, another kind of source is another rule.
        (RULE, {"cidrIpv4": "10.0.0.0/8"}, {"cidrIpv4": "10.0.0.0/9"}, (("cidrIpv4",), (), False)),
        (RULE, {"cidrIpv4": "10.0.0.0/8"}, {"cidrIpv6": "::/0"}, (("cidrIpv4", "cidrIpv6"), ("cidrIpv4", "cidrIpv6"), False)),
        ("ec2/instance:Instance", {"userData": "a"}, {"userData": "b"}, (("userData",), (), False)),
        (
            "ec2/instance:Instance",
            {"userData": "a", "userDataReplaceOnChange": True},
            {"userData": "b", "userDataReplaceOnChange": True},
            (("userData",), ("userData",), False),
        ),
        (CACHE, {"engine": "redis"}, {"engine": "valkey"}, (("engine",), (), False)),
        (CACHE, {"engine": "valkey"}, {"engine": "redis"}, (("engine",), ("engine",), False)),
        (CACHE, {"engineVersion": "8.0"}, {"engineVersion": "8.1"}, (("engineVersion",), (), False)),
        (CACHE, {"engineVersion": "8.1"}, {"engineVersion": "8.0"}, (("engineVersion",), ("engineVersion",), False)),
    ],
)
def test_what_a_change_does(kind: str, old: dict[str, Any], new: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert difference(kind, old, new) == Difference(*expected)
