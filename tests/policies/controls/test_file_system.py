"""EFS file systems and access points."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import file_system as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

FILES, POINT = "aws:efs/fileSystem:FileSystem", "aws:efs/accessPoint:AccessPoint"
ENCRYPTED, ROOT, USER = controls.efs_encrypted, controls.efs_access_point_root, controls.efs_access_point_user
PLAIN = Fail("is not encrypted", "encrypted")
CHOICE = Fail("lets the client choose its user", "posixUser")


@pytest.mark.parametrize(
    ("control", "type", "props", "expected"),
    [
        (ENCRYPTED, FILES, {"encrypted": True}, Pass()),
        (ENCRYPTED, FILES, {"encrypted": False}, PLAIN),
        (ENCRYPTED, FILES, {}, PLAIN),
        (ENCRYPTED, FILES, {"encrypted": UNKNOWN}, Unknown("encrypted")),
        (ROOT, POINT, {"rootDirectory": {"path": "/app"}}, Pass()),
        (ROOT, POINT, {"rootDirectory": {"path": "/"}}, Fail("exposes the root of the file system: /", "rootDirectory.path")),
        (ROOT, POINT, {"rootDirectory": {"path": "//"}}, Fail("exposes the root of the file system: //", "rootDirectory.path")),
        (ROOT, POINT, {"rootDirectory": {}}, Fail("exposes the root of the file system: /", "rootDirectory.path")),
        (ROOT, POINT, {}, Fail("exposes the root of the file system: /", "rootDirectory.path")),
        (ROOT, POINT, {"rootDirectory": {"path": UNKNOWN}}, Unknown("rootDirectory.path")),
        (USER, POINT, {"posixUser": {"uid": 1000, "gid": 1000}}, Pass()),
        (USER, POINT, {"posixUser": {"uid": UNKNOWN, "gid": UNKNOWN}}, Pass()),
        (USER, POINT, {}, CHOICE),
        (USER, POINT, {"posixUser": None}, CHOICE),
        (USER, POINT, {"posixUser": UNKNOWN}, Unknown("posixUser")),
    ],
)
def test_file_system(control: Control, type: str, props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(control, resource(type, props=props)) == [expected]


BACKUPS, SELECTION = "aws:efs/backupPolicy:BackupPolicy", "aws:backup/selection:Selection"


def policy(status: Any) -> Resource:
    props = {"fileSystemId": UNKNOWN, "backupPolicy": {"status": status}}
    return resource(BACKUPS, "backups", props, deps={"fileSystemId": ["files"]})


def selection(resources: Any = None, deps: list[str] | None = None, **props: Any) -> Resource:
    return resource(SELECTION, "plan", {"resources": resources, **props}, deps={"resources": deps or []})


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (policy("ENABLED"), Pass()),
        (policy("DISABLED"), Fail("has no automatic backups", "backupPolicy of backups")),
        (policy(UNKNOWN), Unknown("backupPolicy.status")),
        (selection([UNKNOWN], ["files"]), Pass()),
        (selection(UNKNOWN, ["files"]), Pass()),
        (selection([UNKNOWN], ["other"]), Fail("has no backups")),
        (selection(["arn:aws:rds:eu-west-1:123456789012:db:shop"]), Fail("has no backups")),
        (selection(), Fail("has no backups")),
        (selection([UNKNOWN]), NotApplicable("may be selected by plan")),
        (selection(["*"]), NotApplicable("may be selected by plan")),
        (selection(["arn:aws:rds:eu-west-1:123456789012:db:shop", "*"]), NotApplicable("may be selected by plan")),
        # The provider shows what it computes as unknown in a preview.
        (selection([], conditions=UNKNOWN), Fail("has no backups")),
        (selection(["arn:aws:elasticfilesystem:*:*:file-system/*"]), NotApplicable("may be selected by plan")),
        (selection(selectionTags=[{"key": "backup", "value": "daily"}]), NotApplicable("may be selected by plan")),
        (
            selection(conditions=[{"stringEquals": [{"key": "aws:ResourceTag/backup", "value": "daily"}]}]),
            NotApplicable("may be selected by plan"),
        ),
        (resource(SELECTION, "plan", {"resources": UNKNOWN}), NotApplicable("may be selected by plan")),
    ],
)
def test_backups(other: Resource, expected: Verdict) -> None:
    found = verdicts(controls.efs_backups, stack(resource(FILES, "files"), resource("aws:ec2/vpc:Vpc", "other"), other))
    assert found == [("files", expected)]


def test_no_backups() -> None:
    assert verdicts(controls.efs_backups, resource(FILES)) == [("x", Fail("has no backups"))]


FILE_POLICY, TARGET, GROUP = (
    "aws:efs/fileSystemPolicy:FileSystemPolicy",
    "aws:efs/mountTarget:MountTarget",
    "aws:ec2/securityGroup:SecurityGroup",
)
DENIAL = {
    "Effect": "Deny",
    "Principal": {"AWS": "*"},
    "Action": "elasticfilesystem:ClientMount",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
NO_DENIAL = Fail("has a policy that does not deny clients without TLS", "policy of rules")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (DENIAL, Pass()),
        ({**DENIAL, "Principal": "*", "Action": ["*"]}, Pass()),
        ({**DENIAL, "Effect": "Allow"}, NO_DENIAL),
        ({**DENIAL, "Action": "elasticfilesystem:ClientRootAccess"}, NO_DENIAL),
        ({**DENIAL, "Principal": {"AWS": "arn:aws:iam::123456789012:role/shop"}}, NO_DENIAL),
        ({**DENIAL, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}, NO_DENIAL),
        ({**DENIAL, "Condition": {**DENIAL["Condition"], "StringEquals": {"aws:PrincipalTag/team": "shop"}}}, NO_DENIAL),
        ({key: value for key, value in DENIAL.items() if key != "Condition"}, NO_DENIAL),
    ],
)
def test_the_policy_of_a_file_system(statement: Any, expected: Verdict) -> None:
    rules = resource(FILE_POLICY, "rules", {"policy": json.dumps({"Statement": [statement]})}, deps={"fileSystemId": ["files"]})
    assert verdicts(controls.efs_policy_tls, stack(resource(FILES, "files"), rules)) == [("files", expected)]


def test_a_policy_that_is_missing_or_unknown() -> None:
    files = resource(FILES, "files")
    assert verdicts(controls.efs_policy_tls, stack(files)) == [("files", Fail("has no policy that denies clients without TLS"))]
    unknown = resource(FILE_POLICY, "rules", {"policy": UNKNOWN}, deps={"fileSystemId": ["files"]})
    assert verdicts(controls.efs_policy_tls, stack(files, unknown)) == [("files", Unknown("policy of rules"))]
    broken = resource(FILE_POLICY, "rules", {"policy": "{"}, deps={"fileSystemId": ["files"]})
    assert verdicts(controls.efs_policy_tls, stack(files, broken)) == [("files", NO_DENIAL)]


INGRESS, RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:ec2/securityGroupRule:SecurityGroupRule"
BY_RULE = Fail("admits addresses by the rule rule", "securityGroups")


@pytest.mark.parametrize(
    ("type", "props", "expected"),
    [
        (INGRESS, {"referencedSecurityGroupId": "sg-clients"}, Pass()),
        (INGRESS, {"cidrIpv4": "10.0.0.0/16"}, BY_RULE),
        (INGRESS, {"cidrIpv6": "::/0"}, BY_RULE),
        (INGRESS, {"prefixListId": "pl-1"}, BY_RULE),
        (RULE, {"type": "ingress", "cidrBlocks": ["10.0.0.0/16"]}, BY_RULE),
        (RULE, {"type": "egress", "cidrBlocks": ["10.0.0.0/16"]}, Pass()),
    ],
)
def test_the_clients_of_a_mount_target(type: str, props: Any, expected: Verdict) -> None:
    target = resource(TARGET, "target", {"securityGroups": [UNKNOWN]}, deps={"securityGroups": ["group"]})
    rule = resource(type, "rule", {"securityGroupId": UNKNOWN, **props}, deps={"securityGroupId": ["group"]})
    assert verdicts(controls.efs_mount_target_clients, stack(target, resource(GROUP, "group"), rule)) == [("target", expected)]


def test_rules_within_the_group_of_a_mount_target() -> None:
    target = resource(TARGET, "target", {"securityGroups": [UNKNOWN]}, deps={"securityGroups": ["group"]})
    for ingress, expected in (
        ([{"cidrBlocks": ["10.0.0.0/16"]}], Fail("admits addresses by its group group", "securityGroups")),
        ([{"securityGroups": ["sg-clients"]}], Pass()),
        (UNKNOWN, Pass()),
    ):
        group = resource(GROUP, "group", {"ingress": ingress})
        assert verdicts(controls.efs_mount_target_clients, stack(target, group)) == [("target", expected)]
    bare = resource(TARGET, "target", {})
    assert verdicts(controls.efs_mount_target_clients, stack(bare)) == [
        ("target", Fail("has the VPC's default security group", "securityGroups"))
    ]
