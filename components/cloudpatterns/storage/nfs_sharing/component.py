"""Files that the servers of several zones share, over TLS, each application in its own folder.

Pattern: "NFS Sharing" (Cloud Design Patterns for AWS).
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, alarm, boot, create_key
from cloudpatterns.blocks.security_group import GROUP_DELETION, egress_rule, ingress_rule, security_group
from cloudpatterns.core import Component, Statement, WorkloadStatementArgs, after, as_arguments, by_name, document
from cloudpatterns.storage.nfs_sharing.arguments import (
    NfsSharingAccessPointArgs,
    NfsSharingArgs,
    NfsSharingLifecycleArgs,
    NfsSharingReplicationArgs,
    mount_path_of,
    problems,
)

_PORT = 2049
_MOUNT, _WRITE, _ROOT = (f"elasticfilesystem:Client{action}" for action in ("Mount", "Write", "RootAccess"))
_MOUNT_ATTEMPTS = 30
_USED_PERCENT = 90
# An hour at 100 MiB a second: below it bursts are about to end.
_LEAST_CREDIT_BYTES = 360 * 2**30


class NfsSharing(Component):
    """An encrypted EFS file system that is mounted through TLS and an access point alone (Cloud Design Patterns for AWS, "NFS Sharing").

    There is a mount target in each zone. The file system's policy denies every mount without TLS, and every one that does not come through
    one of ``access_points``; the security group admits port 2049 from the client groups alone. A role mounts when ``writer_role_arns`` or
    ``reader_role_arns`` name it, or its policy has ``client_statements``. For an instance there is a mount script, for its user data or,
    with other scripts, for ``Bootstrap.scripts``. A volume of ``ContainerService`` takes ``file_system_arn`` and an entry of
    ``access_point_arns``; another container's takes the ids, with transit encryption and IAM.

    **Use when**: servers or containers in several zones read and write the same files.

    **Not when**: one instance uses the disk (``OnDemandDisk``), or files are written once and read by HTTP (``DurableBucket``).

    **Cost drivers**: stored bytes by storage class, reads and writes in the mode ``elastic``, backups, the copy in another Region.

    **Trade-offs**: each operation takes milliseconds, small files are slow; there is one folder and one user for each access point. The
    copy in another Region has no mount targets and access points until somebody fails over to it.

    **Proven by**: controls ``efs-encrypted``, ``efs-policy-tls``, ``efs-mount-target-clients``, ``efs-access-point-root``,
    ``efs-access-point-user``; ``test_nfs_sharing.py``, which runs the mount script too.
    """

    file_system_id: pulumi.Output[str]
    """Id of the file system, available after its policy and its mount targets."""
    file_system_arn: pulumi.Output[str]
    """ARN of the file system, available after its policy and its mount targets."""
    access_point_ids: pulumi.Output[dict[str, str]]
    """Name of the access point to its id, available after the policy and the mount targets."""
    access_point_arns: pulumi.Output[dict[str, str]]
    """Name of the access point to its ARN, available after the policy and the mount targets."""
    mount_scripts: pulumi.Output[dict[str, str]]
    """Name of the access point to a boot script that mounts it, for user data."""
    client_security_group_id: pulumi.Output[str]
    """A security group whose members reach the mount targets, and nothing else."""
    mount_target_security_group_id: pulumi.Output[str]
    """The security group of the mount targets."""
    kms_key_arn: pulumi.Output[str]
    """Key of a new file system. Empty for an adopted one."""
    replica_file_system_id: pulumi.Output[str]
    """Id of the copy. Empty without ``replication``."""

    def __init__(self, name: str, args: NfsSharingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=functools.partial(problems, name))
        existing = checked.get("existing_file_system_arn")
        self.kms_key_arn = pulumi.Output.from_input("")
        if existing is None:
            system = self._file_system(name)
            system_id, self._system_arn = system.id, system.arn
        else:
            self._system_arn = pulumi.Output.from_input(existing)
            system_id = self._system_arn.apply(lambda arn: arn.rpartition("/")[2])
        points = {key: self._access_point(key, point, system_id) for key, point in checked["access_points"].items()}
        self._point_arns = {key: point.arn for key, point in points.items()}
        policy = aws.efs.FileSystemPolicy(
            f"{name}-policy", file_system_id=system_id, policy=document(*self._policy_statements()), opts=self.child()
        )
        self._network(name)
        ready: list[pulumi.Resource] = [policy, *self._rules, *self._mount_targets(name, system_id, policy)]
        if checked["automatic_backups"]:
            aws.efs.BackupPolicy(f"{name}-backups", file_system_id=system_id, backup_policy={"status": "ENABLED"}, opts=self.child())
        # A container's volume takes the ARNs, and its task cannot start before the mount targets are there.
        self.file_system_id, self.file_system_arn = after(system_id, *ready), after(self._system_arn, *ready)
        self._point_ids = {key: after(point.id, *ready) for key, point in points.items()}
        self.access_point_ids = by_name(self._point_ids)
        self.access_point_arns = by_name({key: after(arn, *ready) for key, arn in self._point_arns.items()})
        self.mount_scripts = by_name({key: self._mount_script(key) for key in points})
        self.replica_file_system_id = self._replicate(name, system_id)
        if checked["alarm_topic_arns"]:
            self._alarms(name, system_id)
        self.register()

    def client_statements(self, access_point: str, *, read_only: bool = False) -> list[WorkloadStatementArgs]:
        """What a role needs to mount an access point, for the ``statements`` of a ``WorkloadRole`` or a task.

        :raises ArgumentError: for an unknown access point, with those known.
        """
        arn = self.lookup(self._point_arns, access_point, "access_point", "an access point")
        return as_arguments([self._client_statement(arn, read_only)])

    def mount_script(self, access_point: str) -> pulumi.Output[str]:
        """The boot script that mounts an access point.

        :raises ArgumentError: for an unknown access point, with those known.
        """
        self.lookup(self._point_arns, access_point, "access_point", "an access point")
        return self._mount_script(access_point)

    def _client_statement(self, arn: pulumi.Input[str], read_only: bool, **more: Any) -> Statement:
        return Statement(
            actions=[_MOUNT] if read_only else [_MOUNT, _WRITE],
            resources=[self._system_arn],
            conditions={"StringEquals": {"elasticfilesystem:AccessPointArn": [arn]}},
            **more,
        )

    def _policy_statements(self) -> list[Statement]:
        """The file system's policy. Its denials are of what clients do, so that nobody is locked out of the policy itself.

        https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html
        """
        clients = [_MOUNT, _WRITE, _ROOT]
        denials = {
            "DenyWithoutTls": {"Bool": {"aws:SecureTransport": "false"}},
            # A mount without an access point has no such key, and is denied by that.
            "DenyOtherAccessPoints": {"StringNotEquals": {"elasticfilesystem:AccessPointArn": list(self._point_arns.values())}},
            "DenyOutsideMountTargets": {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "false"}},
        }
        statements = [
            Statement(
                sid=sid, effect="Deny", actions=clients, resources=[self._system_arn], principals={"AWS": ["*"]}, conditions=conditions
            )
            for sid, conditions in denials.items()
        ]
        for key, point in self._checked["access_points"].items():
            for read_only, arns in ((False, point["writer_role_arns"]), (True, point["reader_role_arns"])):
                if arns:
                    statements.append(self._client_statement(self._point_arns[key], read_only, principals={"AWS": arns}))
        return statements

    def _file_system(self, name: str) -> aws.efs.FileSystem:
        checked = self._checked
        given = checked.get("kms_key_arn")
        # EFS uses the key through grants of whoever creates the file system, the account's administrators.
        key_arn = create_key(self, f"{name}-key", f"Files of {name}", tags=checked["tags"]) if given is None else given
        self.kms_key_arn = pulumi.Output.from_input(key_arn)
        return aws.efs.FileSystem(
            f"{name}-files",
            encrypted=True,
            kms_key_id=key_arn,
            throughput_mode=checked["throughput_mode"],
            provisioned_throughput_in_mibps=checked.get("provisioned_mib_per_second"),
            lifecycle_policies=_lifecycle(checked.get("lifecycle")),
            tags={"Name": name, **checked["backup_tags"], **checked["tags"]},
            # EFS refuses to delete only what has mount targets; Pulumi's protection also stops a replacement.
            opts=self.child(protect=checked["deletion_protection"]),
        )

    def _access_point(self, key: str, point: NfsSharingAccessPointArgs, system_id: pulumi.Input[str]) -> aws.efs.AccessPoint:
        name = f"{self.pulumi_resource_name}-{key}"
        user: aws.efs.AccessPointPosixUserArgsDict = {"uid": point["uid"], "gid": point["gid"]}
        if point["secondary_gids"]:
            user["secondary_gids"] = [*point["secondary_gids"]]
        return aws.efs.AccessPoint(
            name,
            file_system_id=system_id,
            posix_user=user,
            root_directory={
                "path": point["path"],
                "creation_info": {"owner_uid": point["uid"], "owner_gid": point["gid"], "permissions": point["permissions"]},
            },
            tags={"Name": name, **self._checked["tags"]},
            opts=self.child(),
        )

    def _network(self, name: str) -> None:
        """The group of the mount targets and that of the clients, each with rules that name the other."""
        checked, tags = self._checked, self._checked["tags"]
        group = security_group(
            self, f"{name}-targets", checked["vpc_id"], "EFS: admits its clients alone", tags, custom_timeouts=GROUP_DELETION
        )
        clients = security_group(self, f"{name}-clients", checked["vpc_id"], "Clients of EFS", tags, custom_timeouts=GROUP_DELETION)
        self.mount_target_security_group_id, targets = group.id, {"referenced_security_group_id": group.id}
        members: Mapping[str, pulumi.Input[str]] = checked["client_security_group_ids"]
        self._rules: list[pulumi.Resource] = []
        for suffix, label, client_id in [
            ("clients", "clients", clients.id),
            *((f"client-{key}", key, client_id) for key, client_id in members.items()),
        ]:
            client = {"referenced_security_group_id": client_id}
            self._rules += [
                ingress_rule(self, f"{name}-from-{suffix}", group.id, _PORT, client, f"NFS from {label}", tags),
                egress_rule(self, f"{name}-by-{suffix}", client_id, _PORT, targets, f"NFS of {name}", tags),
            ]
        self.client_security_group_id = after(clients.id, *self._rules)

    def _mount_targets(self, name: str, system_id: pulumi.Input[str], policy: pulumi.Resource) -> list[aws.efs.MountTarget]:
        return [
            aws.efs.MountTarget(
                f"{name}-target-{zone}",
                file_system_id=system_id,
                subnet_id=self._checked["subnet_ids_by_zone"][zone],
                security_groups=[self.mount_target_security_group_id],
                # Nobody mounts before the policy is there. EFS refuses a second mount target in a zone, as another subnet would create it.
                opts=self.child(depends_on=[policy], delete_before_replace=True),
            )
            for zone in self._checked["subnet_ids_by_zone"]
        ]

    def _mount_script(self, key: str) -> pulumi.Output[str]:
        path = mount_path_of(key, self._checked["access_points"][key])
        file = Path(__file__).parent / "on_aws/mount.sh"

        def render(ids: Sequence[str]) -> str:
            settings = {"FILE_SYSTEM_ID": ids[0], "ACCESS_POINT_ID": ids[1], "MOUNT_PATH": path, "ATTEMPTS": _MOUNT_ATTEMPTS}
            return boot.boot_script(file, {f"NFS_{name}": value for name, value in settings.items()})

        return pulumi.Output.all(self.file_system_id, self._point_ids[key]).apply(render)

    def _replicate(self, name: str, system_id: pulumi.Input[str]) -> pulumi.Output[str]:
        replication: NfsSharingReplicationArgs | None = self._checked.get("replication")
        if replication is None:
            return pulumi.Output.from_input("")
        checked, region, key_arn = self._checked, replication["region"], replication.get("kms_key_arn")
        if key_arn is None:
            key_arn = create_key(self, f"{name}-replica-key", f"Copy of the files of {name}", region=region, tags=checked["tags"])
        copy = aws.efs.FileSystem(
            f"{name}-replica",
            region=region,
            encrypted=True,
            kms_key_id=key_arn,
            throughput_mode="elastic",
            # Only a file system that may be overwritten can become a copy; while it is one, EFS shows another value.
            # https://docs.aws.amazon.com/efs/latest/ug/API_FileSystemProtectionDescription.html
            protection={"replication_overwrite": "DISABLED"},
            tags={"Name": f"{name}-replica", **checked["tags"]},
            opts=self.child(protect=checked["deletion_protection"], ignore_changes=["protection"]),
        )
        denial = Statement(
            sid="DenyWithoutTls",
            effect="Deny",
            actions=[_MOUNT, _WRITE, _ROOT],
            resources=[copy.arn],
            principals={"AWS": ["*"]},
            conditions={"Bool": {"aws:SecureTransport": "false"}},
        )
        aws.efs.FileSystemPolicy(
            f"{name}-replica-policy", file_system_id=copy.id, policy=document(denial), region=region, opts=self.child()
        )
        if checked["automatic_backups"]:
            backups: aws.efs.BackupPolicyBackupPolicyArgsDict = {"status": "ENABLED"}
            aws.efs.BackupPolicy(f"{name}-replica-backups", file_system_id=copy.id, backup_policy=backups, region=region, opts=self.child())
        aws.efs.ReplicationConfiguration(
            f"{name}-replication",
            source_file_system_id=system_id,
            destination={"file_system_id": copy.id, "region": region},
            # EFS refuses a second copy.
            opts=self.child(delete_before_replace=True),
        )
        return copy.id

    def _alarms(self, name: str, system_id: pulumi.Input[str]) -> None:
        """Alarms on the limits of the file system.

        https://docs.aws.amazon.com/efs/latest/ug/efs-metrics.html
        """
        checked, replication, system = self._checked, self._checked.get("replication"), {"FileSystemId": system_id}
        alert = functools.partial(alarm, self, actions=checked["alarm_topic_arns"], tags=checked["tags"])
        description = f"Files of {name} are above {_USED_PERCENT} percent of the I/O operations of the file system"
        alert(f"{name}-io", description, Metric("AWS/EFS", "PercentIOLimit", system, "Maximum"), _USED_PERCENT, periods=15)
        # Metered bytes of a minute against what is permitted in a second.
        used = {
            "metered": Metric("AWS/EFS", "MeteredIOBytes", system, "Sum"),
            "permitted": Metric("AWS/EFS", "PermittedThroughput", system, "Average"),
        }
        description = f"Files of {name} use more than {_USED_PERCENT} percent of their throughput"
        alert(f"{name}-throughput", description, MetricMath("100 * metered / 60 / permitted", used), _USED_PERCENT, periods=15)
        if checked["throughput_mode"] == "bursting":
            credits = Metric("AWS/EFS", "BurstCreditBalance", system, "Minimum")
            description = f"Burst credits of the files of {name} are nearly used up"
            alert(f"{name}-credits", description, credits, _LEAST_CREDIT_BYTES, comparison="LessThanThreshold", periods=15)
        if replication is not None:
            lag = Metric("AWS/EFS", "TimeSinceLastSync", {**system, "DestinationFileSystemId": self.replica_file_system_id}, "Maximum")
            minutes = replication["most_lag_minutes"]
            description = f"The copy of the files of {name} is more than {minutes} minutes behind"
            alert(f"{name}-replication-lag", description, lag, minutes * 60, periods=5, missing="breaching")


def _lifecycle(lifecycle: NfsSharingLifecycleArgs | None) -> list[aws.efs.FileSystemLifecyclePolicyArgsDict] | None:
    """Each transition is an object of its own."""
    if lifecycle is None:
        return None
    policies: list[aws.efs.FileSystemLifecyclePolicyArgsDict] = [{"transition_to_ia": _after(lifecycle["infrequent_access_days"])}]
    if (archive := lifecycle.get("archive_days")) is not None:
        policies.append({"transition_to_archive": _after(archive)})
    if lifecycle["back_on_access"]:
        policies.append({"transition_to_primary_storage_class": "AFTER_1_ACCESS"})
    return policies


def _after(days: int) -> str:
    return f"AFTER_{days}_DAY{'' if days == 1 else 'S'}"
