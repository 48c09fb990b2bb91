"""The account of the stand-in refuses what AWS refuses, and keeps no secret."""

import threading
from pathlib import Path
from typing import Any

import pytest
from offline_preview.values import Secret

from sandbox.cloud import Cloud, Entry, RefusedError, restored

REGION = "eu-west-1"
VPC, SUBNET, GROUP = "ec2/vpc:Vpc", "ec2/subnet:Subnet", "ec2/securityGroup:SecurityGroup"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def make(cloud: Cloud, kind: str, identity: str, outputs: dict[str, Any] | None = None, /, **inputs: Any) -> None:
    cloud.create(kind, REGION, f"urn:pulumi:s::p::aws:{kind}::{identity}-name", (identity, inputs, outputs or {}))


def refused(cloud: Cloud, kind: str, identity: str) -> str:
    with pytest.raises(RefusedError) as raised:
        cloud.delete(kind, REGION, identity)
    assert cloud.read(kind, REGION, identity) is not None
    return str(raised.value)


@pytest.mark.parametrize(
    ("holder", "inputs", "target", "message"),
    [
        (SUBNET, {"vpcId": "it"}, VPC, "DependencyViolation: Vpc it is in use by Subnet holder"),
        ("ec2/internetGateway:InternetGateway", {"vpcId": "it"}, VPC, "DependencyViolation: Vpc it is in use by InternetGateway holder"),
        (
            "ec2/networkInterface:NetworkInterface",
            {"securityGroups": ["x", "it"]},
            GROUP,
            "DependencyViolation: SecurityGroup it is in use",
        ),
        ("ec2/instance:Instance", {"subnetId": "it"}, SUBNET, "DependencyViolation: Subnet it is in use by Instance holder"),
        (
            "ec2/instance:Instance",
            {"primaryNetworkInterface": {"networkInterfaceId": "it"}},
            "ec2/networkInterface:NetworkInterface",
            "DependencyViolation: NetworkInterface it is in use by Instance holder",
        ),
        ("iam/rolePolicyAttachment:RolePolicyAttachment", {"role": "it"}, "iam/role:Role", "DeleteConflict: Role it is in use by"),
        (
            "lb/listener:Listener",
            {"defaultActions": [{"targetGroupArn": "it"}]},
            "lb/targetGroup:TargetGroup",
            "ResourceInUse: TargetGroup it is in use by Listener holder",
        ),
        (
            "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            {"securityGroupId": "other", "referencedSecurityGroupId": "it"},
            GROUP,
            "DependencyViolation: SecurityGroup it is in use by SecurityGroupIngressRule holder",
        ),
    ],
)
def test_what_something_holds_is_not_deleted_before_it(
    cloud: Cloud, holder: str, inputs: dict[str, Any], target: str, message: str
) -> None:
    make(cloud, target, "it")
    make(cloud, holder, "holder", **inputs)
    assert refused(cloud, target, "it").startswith(message)
    cloud.delete(holder, REGION, "holder")
    cloud.delete(target, REGION, "it")
    assert cloud.living() == []


def test_a_resource_is_held_by_its_arn_and_its_name_too(cloud: Cloud) -> None:
    make(cloud, "wafv2/webAcl:WebAcl", "acl", {"arn": "arn:acl"})
    make(cloud, "wafv2/webAclAssociation:WebAclAssociation", "one", webAclArn="arn:acl")
    assert refused(cloud, "wafv2/webAcl:WebAcl", "acl").startswith("WAFAssociatedItemException")
    make(cloud, "rds/subnetGroup:SubnetGroup", "id", {"name": "subnets"})
    make(cloud, "rds/instance:Instance", "db", dbSubnetGroupName="subnets")
    assert refused(cloud, "rds/subnetGroup:SubnetGroup", "id").startswith("InvalidDBResourceState")


def test_a_group_goes_with_its_own_rules(cloud: Cloud) -> None:
    make(cloud, GROUP, "it")
    make(cloud, "vpc/securityGroupIngressRule:SecurityGroupIngressRule", "own", securityGroupId="it", referencedSecurityGroupId="it")
    cloud.delete(GROUP, REGION, "it")


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("ec2/eip:Eip", {"networkInterface": "eni"}),
        ("ec2/natGateway:NatGateway", {"subnetId": "subnet", "allocationId": "eipalloc"}),
        ("lb/loadBalancer:LoadBalancer", {"subnets": ["subnet"]}),
    ],
)
def test_a_gateway_stays_while_its_vpc_has_public_addresses(cloud: Cloud, kind: str, inputs: dict[str, Any]) -> None:
    gateway = "ec2/internetGateway:InternetGateway"
    make(cloud, VPC, "vpc")
    make(cloud, gateway, "igw", vpcId="vpc")
    make(cloud, SUBNET, "subnet", vpcId="vpc")
    make(cloud, "ec2/networkInterface:NetworkInterface", "eni", subnetId="subnet")
    make(cloud, kind, "public", **inputs)
    assert refused(cloud, gateway, "igw").startswith("DependencyViolation: InternetGateway igw is in use by")
    cloud.delete(kind, REGION, "public")
    # Neither an internal balancer nor an address elsewhere is in the way.
    make(cloud, "lb/loadBalancer:LoadBalancer", "internal", subnets=["subnet"], internal=True)
    make(cloud, "ec2/eip:Eip", "elsewhere", networkInterface="other")
    cloud.delete(gateway, REGION, "igw")


def test_what_is_protected_is_not_deleted(cloud: Cloud) -> None:
    database = "rds/instance:Instance"
    make(cloud, database, "db", identifier="db", deletionProtection=True)
    assert refused(cloud, database, "db") == "InvalidParameterCombination: Instance db cannot be deleted while deletionProtection is on"
    cloud.update(database, REGION, "urn", ("db", {"identifier": "db", "deletionProtection": False}, {}))
    cloud.delete(database, REGION, "db")


@pytest.mark.parametrize(
    ("kind", "inputs", "code"),
    [
        ("iam/role:Role", {"name": "same"}, "AlreadyExists: Role with same already exists: first"),
        (GROUP, {"name": "same", "vpcId": "vpc"}, "InvalidGroup.Duplicate"),
        (
            SUBNET,
            {"vpcId": "vpc", "cidrBlock": "10.0.0.0/24"},
            "InvalidSubnet.Conflict: 10.0.0.0/24 overlaps with 10.0.0.0/24 of subnet first",
        ),
        ("ec2/route:Route", {"routeTableId": "rtb", "destinationCidrBlock": "0.0.0.0/0"}, "RouteAlreadyExists"),
        ("ec2/internetGateway:InternetGateway", {"vpcId": "vpc"}, "Resource.AlreadyAssociated"),
        ("lb/listener:Listener", {"port": 443, "loadBalancerArn": "lb"}, "DuplicateListener"),
        (
            "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            {"securityGroupId": "sg", "ipProtocol": "tcp", "fromPort": 1, "toPort": 1, "cidrIpv4": "10.0.0.0/8"},
            "InvalidPermission.Duplicate",
        ),
        ("route53/record:Record", {"name": "shop", "type": "A", "zoneId": "Z"}, "InvalidChangeBatch"),
    ],
)
def test_two_that_are_alike_are_refused(cloud: Cloud, kind: str, inputs: dict[str, Any], code: str) -> None:
    make(cloud, kind, "first", **inputs)
    with pytest.raises(RefusedError) as raised:
        make(cloud, kind, "second", **inputs)
    assert str(raised.value).startswith(code)
    # In another region it is another thing, and an update of itself is no conflict.
    cloud.create(kind, "eu-central-1", "urn", ("second", inputs, {}))
    cloud.update(kind, REGION, "urn", ("first", inputs, {}))
    assert [one.id for one in cloud.living(kind)] == ["first", "second"]


def test_what_differs_lives_side_by_side(cloud: Cloud) -> None:
    make(cloud, SUBNET, "one", vpcId="vpc", cidrBlock="10.0.0.0/24")
    make(cloud, SUBNET, "two", vpcId="vpc", cidrBlock="10.0.1.0/24")
    make(cloud, SUBNET, "three", vpcId="other", cidrBlock="10.0.0.0/24")
    make(cloud, SUBNET, "ipam", vpcId="vpc")
    make(cloud, "ec2/route:Route", "a", routeTableId="rtb", destinationCidrBlock="0.0.0.0/0")
    make(cloud, "ec2/route:Route", "b", routeTableId="rtb", destinationIpv6CidrBlock="::/0")
    make(cloud, "ec2/eip:Eip", "x")
    make(cloud, "ec2/eip:Eip", "y")
    record: dict[str, Any] = {"name": "shop", "type": "A", "zoneId": "Z", "allowOverwrite": True}
    make(cloud, "route53/record:Record", "r", **record)
    make(cloud, "route53/record:Record", "s", **record)
    assert len(cloud.living()) == 10


def test_what_aws_puts_under_a_key_is_written_over(cloud: Cloud) -> None:
    policy = "iam/rolePolicy:RolePolicy"
    make(cloud, policy, "role:name", role="role", name="name", policy="{}")
    make(cloud, policy, "role:name", role="role", name="name", policy="{1}")
    assert [one.inputs["policy"] for one in cloud.living()] == ["{1}"]
    rule = "wafv2/webAclRule:WebAclRule"
    make(cloud, rule, "acl:a", webAclArn="acl", name="a", priority=1)
    with pytest.raises(RefusedError, match="WAFInvalidParameterException"):
        make(cloud, rule, "acl:b", webAclArn="acl", name="b", priority=1)


def test_nothing_is_made_on_what_was_deleted_but_on_what_the_account_never_knew(cloud: Cloud) -> None:
    make(cloud, VPC, "vpc-1")
    cloud.delete(VPC, REGION, "vpc-1")
    with pytest.raises(RefusedError, match="NotFound: Vpc vpc-1 does not exist"):
        make(cloud, SUBNET, "one", vpcId="vpc-1")
    make(cloud, SUBNET, "two", vpcId="vpc-of-the-user")


def test_what_is_not_there_is_not_updated_and_as_good_as_deleted(cloud: Cloud) -> None:
    with pytest.raises(RefusedError, match="NotFound: Vpc gone does not exist"):
        cloud.update(VPC, REGION, "urn", ("gone", {}, {}))
    cloud.delete(VPC, REGION, "gone")
    assert cloud.journal() == []


def test_the_journal_tells_what_was_done_and_a_refusal_leaves_no_trace(cloud: Cloud) -> None:
    make(cloud, VPC, "it")
    make(cloud, SUBNET, "one", vpcId="it")
    refused(cloud, VPC, "it")
    cloud.update(VPC, REGION, "urn:v", ("it", {}, {}))
    cloud.delete(SUBNET, REGION, "one")
    assert [(one.operation, one.id) for one in cloud.journal()] == [
        ("create", "it"),
        ("create", "one"),
        ("update", "it"),
        ("delete", "one"),
    ]
    assert cloud.journal()[0] == Entry("create", VPC, "it", f"urn:pulumi:s::p::aws:{VPC}::it-name")
    assert [one.name for one in cloud.living()] == ["urn:v"]


def test_a_secret_is_not_written_and_is_given_back_to_whoever_knows_it(tmp_path: Path) -> None:
    file = tmp_path / "account"
    cloud = Cloud(file)
    inputs: dict[str, Any] = {"password": Secret("canary"), "list": [{"inner": Secret("canary")}], "plain": 1, "nothing": None}
    make(cloud, "ssm/parameter:Parameter", "it", **inputs)
    cloud.close()
    assert b"canary" not in b"".join(part.read_bytes() for part in tmp_path.iterdir())
    found = Cloud(file).read("ssm/parameter:Parameter", REGION, "it")
    assert found is not None
    assert found.inputs["password"] != found.inputs["plain"]
    del inputs["nothing"]
    assert restored(found.inputs, inputs) == inputs
    assert restored(found.inputs, {}) == {"password": Secret(""), "list": [{"inner": Secret("")}], "plain": 1}
    assert restored({"a": {"b": 1}}, {"a": Secret({"b": 2})}) == {"a": {"b": 1}}


def test_several_connections_to_one_account_wait_for_each_other(tmp_path: Path) -> None:
    file = tmp_path / "account"
    Cloud(file).close()

    def fill(start: int) -> None:
        cloud = Cloud(file)
        for number in range(start, start + 25):
            make(cloud, VPC, f"vpc-{number}")
        cloud.close()

    threads = [threading.Thread(target=fill, args=(start,)) for start in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Cloud(file).living()) == 50


def test_deletion_protection_is_switched_off_as_in_the_console(cloud: Cloud) -> None:
    make(cloud, "rds/instance:Instance", "db", identifier="db", deletionProtection=True)
    make(cloud, "rds/instance:Instance", "other", identifier="other", deletionProtection=False)
    assert cloud.unprotect() == ["db-name"]
    assert cloud.unprotect() == []
    journal = len(cloud.journal())
    cloud.delete("rds/instance:Instance", REGION, "db")
    assert len(cloud.journal()) == journal + 1


def test_invented_results_are_noted_once(cloud: Cloud) -> None:
    for function in ("aws:ec2/getVpc:getVpc", "aws:ec2/getAmi:getAmi", "aws:ec2/getVpc:getVpc"):
        cloud.ask(function)
    assert cloud.invented() == ["aws:ec2/getAmi:getAmi", "aws:ec2/getVpc:getVpc"]
