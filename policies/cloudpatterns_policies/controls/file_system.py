"""EFS: encryption at rest, backups, and access points that restrict their clients."""

from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import has_value, read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/efs-controls.html"

_FILE_SYSTEM: Final = "aws:efs/fileSystem:FileSystem"
_ACCESS_POINT: Final = "aws:efs/accessPoint:AccessPoint"
_BACKUPS: Final = "aws:efs/backupPolicy:BackupPolicy"
_SELECTION: Final = "aws:backup/selection:Selection"
_POLICY: Final = "aws:efs/fileSystemPolicy:FileSystemPolicy"
_TARGET: Final = "aws:efs/mountTarget:MountTarget"
_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
_ADDRESSES: Final = ("cidrIpv4", "cidrIpv6", "prefixListId", "cidrBlocks", "ipv6CidrBlocks", "prefixListIds")


@control(
    id="efs-encrypted",
    title="EFS file systems are encrypted",
    severity=Severity.MEDIUM,
    types=(_FILE_SYSTEM,),
    why="Anyone who obtains a backup or a discarded disk of an unencrypted file system can read it.",
    remediation="Set encrypted to True, which replaces the file system; also set kms_key_id to a customer-managed key if possible.",
    url=f"{_PAGE}#efs-1",
    frameworks={"FSBP": ("EFS.1", "EFS.8"), "CIS 5.0": ("2.3.1",), "Checkov": ("CKV_AWS_42",)},
)
def efs_encrypted(resource: Resource) -> Verdict:
    return Pass() if resource.get("encrypted", False) else Fail("is not encrypted", "encrypted")


@control(
    id="efs-access-point-root",
    title="EFS access points have their own root directory",
    severity=Severity.MEDIUM,
    types=(_ACCESS_POINT,),
    why="From the root directory, each application can access the files of all others.",
    remediation='Set root_directory with a path below "/".',
    url=f"{_PAGE}#efs-3",
    frameworks={"FSBP": ("EFS.3",), "Checkov": ("CKV_AWS_329",)},
)
def efs_access_point_root(resource: Resource) -> Verdict:
    path = resource.get("rootDirectory.path", "/")
    return Pass() if path.strip("/") else Fail(f"exposes the root of the file system: {path}", "rootDirectory.path")


@control(
    id="efs-access-point-user",
    title="EFS access points enforce a user",
    severity=Severity.MEDIUM,
    types=(_ACCESS_POINT,),
    why="Without it, the client chooses its user, even root, and file permissions protect nothing.",
    remediation="Set posix_user to the uid and gid for every client of the access point.",
    url=f"{_PAGE}#efs-4",
    frameworks={"FSBP": ("EFS.4",), "Checkov": ("CKV_AWS_330",)},
)
def efs_access_point_user(resource: Resource) -> Verdict:
    return Pass() if resource.get("posixUser") is not None else Fail("lets the client choose its user", "posixUser")


@stack_control(
    id="efs-backups",
    title="EFS file systems are backed up",
    severity=Severity.MEDIUM,
    types=(_FILE_SYSTEM,),
    why="Files that are deleted or encrypted by an intruder are lost: EFS keeps no earlier versions.",
    remediation='Add an aws.efs.BackupPolicy with status "ENABLED", or name the file system in an aws.backup.Selection.',
    url=f"{_PAGE}#efs-7",
    frameworks={"FSBP": ("EFS.2", "EFS.7")},
    partial={"EFS.7": "automatic backups of a file system that a backup plan names"},
)
def efs_backups(resource: Resource, stack: Stack) -> Verdict:
    policies = [(item, read(item, "backupPolicy.status")) for item in stack.referrers(resource, _BACKUPS, "fileSystemId")]
    if any(status == "ENABLED" for _, status in policies if isinstance(status, str)) or stack.referrers(resource, _SELECTION, "resources"):
        return Pass()
    for item, status in policies:
        return (
            Fail("has no automatic backups", f"backupPolicy of {item.name}") if isinstance(status, str) else Unknown("backupPolicy.status")
        )
    doubtful = next((item for item in stack.of_type(_SELECTION) if _may_select(item, stack)), None)
    return NotApplicable(f"may be selected by {doubtful.name}") if doubtful else Fail("has no backups")


def _may_select(selection: Resource, stack: Stack) -> bool:
    """Whether a selection of AWS Backup picks resources by tags or a wildcard, or names some that are known only after deployment."""
    if any(has_value(selection, path, computed=True) for path in ("selectionTags", "conditions")):
        return True
    if selection.unknown_paths("resources") and not stack.refs(selection, "resources"):
        return True
    resources = read(selection, "resources")
    return isinstance(resources, list) and any(isinstance(item, str) and "*" in item for item in resources)


@stack_control(
    id="efs-policy-tls",
    title="EFS file systems refuse clients without TLS",
    severity=Severity.MEDIUM,
    types=(_FILE_SYSTEM,),
    why="Files can be read and changed in transit, and without TLS there is no IAM authorization: who reaches the port mounts everything.",
    remediation='Add an aws.efs.FileSystemPolicy that denies clients when "aws:SecureTransport" is "false".',
    url="https://docs.aws.amazon.com/efs/latest/ug/encryption-in-transit.html",
)
def efs_policy_tls(resource: Resource, stack: Stack) -> Verdict:
    policies = stack.referrers(resource, _POLICY, "fileSystemId")
    if not policies:
        return Fail("has no policy that denies clients without TLS")
    for policy in policies:
        if policy.is_unknown("policy"):
            return Unknown(f"policy of {policy.name}")
        try:
            document = policy.json("policy", {})
        except ValueError:
            continue
        if isinstance(document, dict) and any(_denies_plain(statement) for statement in _as_list(document.get("Statement"))):
            return Pass()
    return Fail("has a policy that does not deny clients without TLS", f"policy of {policies[0].name}")


def _denies_plain(statement: Any) -> bool:
    """Whether everyone's mounts are denied without TLS, and nothing more is asked for the denial."""
    if not isinstance(statement, dict) or statement.get("Effect") != "Deny":
        return False
    actions = [str(action).lower() for action in _as_list(statement.get("Action"))]
    everyone = statement.get("Principal") == "*" or _as_list((statement.get("Principal") or {}).get("AWS")) == ["*"]
    condition = statement.get("Condition")
    mounts = any(action in ("*", "elasticfilesystem:*", "elasticfilesystem:client*", "elasticfilesystem:clientmount") for action in actions)
    if not (mounts and everyone and isinstance(condition, dict) and set(condition) == {"Bool"} and isinstance(condition["Bool"], dict)):
        return False
    keys = {key.lower(): _as_list(value) for key, value in condition["Bool"].items()}
    return set(keys) == {"aws:securetransport"} and [str(value).lower() for value in keys["aws:securetransport"]] == ["false"]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


@stack_control(
    id="efs-mount-target-clients",
    title="EFS mount targets admit security groups, not addresses",
    severity=Severity.MEDIUM,
    types=(_TARGET,),
    why="Whatever gets an address of the network reaches the file system, whether it is a client or not.",
    remediation="Let the mount target's group admit port 2049 from the clients' security group (referenced_security_group_id) alone.",
    url="https://docs.aws.amazon.com/efs/latest/ug/network-access.html",
)
def efs_mount_target_clients(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    if not resource.is_unknown("securityGroups") and not resource.get("securityGroups"):
        yield Fail("has the VPC's default security group", "securityGroups")
    for group in stack.refs(resource, "securityGroups"):
        if group.type != _GROUP:
            continue
        # The provider shows rules that are resources of their own as unknown here.
        inline = read(group, "ingress")
        if isinstance(inline, list) and any(isinstance(rule, dict) and any(rule.get(name) for name in _ADDRESSES) for rule in inline):
            yield Fail(f"admits addresses by its group {group.name}", "securityGroups")
        rules = [*stack.referrers(group, _INGRESS, "securityGroupId"), *stack.referrers(group, _RULE, "securityGroupId")]
        for rule in rules:
            outward = rule.type == _RULE and read(rule, "type") != "ingress"
            if not outward and any(has_value(rule, name) for name in _ADDRESSES):
                yield Fail(f"admits addresses by the rule {rule.name}", "securityGroups")
