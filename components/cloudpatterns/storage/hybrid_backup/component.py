"""Backup of servers outside AWS to S3, without a long-lived key.

Pattern: "Hybrid Backup" (Cloud Design Patterns for AWS).
"""

import functools
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import EncryptedPlace, Metric, alarm, create_key, logs_statement, notify_on_event
from cloudpatterns.core import ByName, Component, Statement, WorkloadStatementArgs, after, as_arguments, by_name, document, pick, region_of
from cloudpatterns.storage.durable_bucket.component import DurableBucket
from cloudpatterns.storage.hybrid_backup.arguments import HybridBackupArgs, child_names, problems, transitions
from cloudpatterns.storage.hybrid_backup.data_sync import create_transfer
from cloudpatterns.storage.hybrid_backup.file_gateway import create_share
from cloudpatterns.storage.hybrid_backup.scripts import install_script

# The certificate's subject as Roles Anywhere gives it to the session: each server has a folder of its own.
_COMMON_NAME = "${aws:PrincipalTag/x509Subject/CN}"
# What destroys backups, or what protects them.
_DENIED = (
    *("s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketObjectLockConfiguration"),
    *("s3:PutBucketVersioning", "s3:PutLifecycleConfiguration", "s3:PutObjectLegalHold", "s3:PutObjectRetention"),
)


class HybridBackup(Component):
    """A bucket for backups of servers outside AWS, who prove by certificates who they are (Cloud Design Patterns for AWS, "Hybrid Backup").

    IAM Roles Anywhere gives a server credentials of an hour for a certificate of your authority: no IAM user, no key on disk that AWS
    accepts. A server writes under its own name and reads, deletes and unlocks nothing. ``install_scripts`` set up a job on each: it sends
    changed files, whose checksums S3 verifies, and reports; an alarm is raised when a complete backup is missing. File servers are copied
    by DataSync, or clients write to the NFS share of a file gateway: agent and gateway run beside them, and are activated by a key.

    Take a server out of ``servers`` to revoke its certificate: open sessions end within ``session_seconds``. A revocation list is imported
    by ``aws rolesanywhere import-crl``: Pulumi's provider has no resource for one.

    **Use when**: servers in your own data center need a backup in another place.

    **Not when**: servers are in AWS: AWS Backup takes whole volumes and databases there.

    **Cost drivers**: stored bytes with their versions, requests by the file, moves to colder classes, one key; a private CA in AWS by the
    month.

    **Trade-offs**: files as they are when they are read, so dump databases first; a deleted file stays in the bucket; certificates must be
    renewed.

    **Proven by**: controls ``s3-kms``, ``s3-versioning``, ``iam-role-trust-not-public``; ``test_hybrid_backup.py``,
    ``test_hybrid_backup_scripts.py``.
    """

    bucket_name: pulumi.Output[str]
    """Name of the bucket."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the backups."""
    role_arn: pulumi.Output[str]
    """ARN of the servers' role, available after its policy. Empty without ``servers``."""
    trust_anchor_arn: pulumi.Output[str]
    """ARN of the trust anchor. Empty without ``servers``."""
    profile_arn: pulumi.Output[str]
    """ARN of the profile. Empty without ``servers``."""
    install_scripts: ByName[str]
    """The script that each server runs as root, by the server's name. Nothing in it is secret."""
    data_sync_agent_arn: pulumi.Output[str]
    """ARN of DataSync's agent. Empty without ``data_sync``."""
    data_sync_task_arn: pulumi.Output[str]
    """ARN of DataSync's task. Empty without ``data_sync``."""
    gateway_arn: pulumi.Output[str]
    """ARN of the file gateway. Empty without ``file_gateway``."""
    file_share_path: pulumi.Output[str]
    """The path that clients mount: ``mount -t nfs -o nolock,hard <gateway>:<path> /mnt``. Empty without the gateway's cache."""
    replica_bucket_name: pulumi.Output[str]
    """Name of the copy in another Region. Empty without ``replication``."""

    def __init__(self, name: str, args: HybridBackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self._namespace = f"HybridBackup/{name}"
        self._place(name)
        nothing = pulumi.Output.from_input("")
        self.trust_anchor_arn = self.role_arn = self.profile_arn = nothing
        self.data_sync_agent_arn = self.data_sync_task_arn = self.gateway_arn = self.file_share_path = nothing
        self.install_scripts = by_name(self._servers(name) if checked["servers"] else {})
        bucket, topics = EncryptedPlace(self.bucket_arn, self.kms_key_arn), checked["alarm_topic_arns"]
        if (settings := checked.get("data_sync")) is not None:
            days = checked["log_retention_days"]
            transfer = create_transfer(
                self, f"{name}-data-sync", settings, bucket, log_retention_days=days, topic_arns=topics, tags=checked["tags"]
            )
            self.data_sync_agent_arn, self.data_sync_task_arn = transfer.agent_arn, transfer.task_arn
        if (gateway := checked.get("file_gateway")) is not None:
            share = create_share(self, f"{name}-gateway", gateway, bucket, topic_arns=topics, tags=checked["tags"])
            self.gateway_arn, self.file_share_path = share.gateway_arn, share.path
        self.register()

    def restore_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of whoever restores files needs: to find and read every server's files and their old versions."""
        objects = pulumi.Output.concat(self.bucket_arn, "/*")
        read = ["s3:GetObject", "s3:GetObjectVersion", "s3:RestoreObject"]
        return as_arguments(
            [
                Statement(sid="FindBackups", actions=["s3:ListBucket", "s3:ListBucketVersions"], resources=[self.bucket_arn]),
                Statement(sid="ReadBackups", actions=read, resources=[objects]),
                Statement(sid="ReadBackupsKey", actions=["kms:Decrypt"], resources=[self.kms_key_arn]),
            ]
        )

    def _servers(self, name: str) -> dict[str, pulumi.Output[str]]:
        """The script of each server."""
        checked = self._checked
        self.trust_anchor_arn = self._trust_anchor(name)
        self.role_arn = self._role(f"{name}-server-role")
        self.profile_arn = aws.rolesanywhere.Profile(
            f"{name}-profile",
            enabled=True,
            role_arns=[self.role_arn],
            duration_seconds=checked["session_seconds"],
            tags=checked["tags"],
            opts=self.child(),
        ).arn
        if checked["alarm_topic_arns"]:
            self._alarms(name)
        found = pulumi.Output.all(
            BUCKET=self.bucket_name,
            REGION=region_of(self.trust_anchor_arn),
            TRUST_ANCHOR_ARN=self.trust_anchor_arn,
            PROFILE_ARN=self.profile_arn,
            ROLE_ARN=self.role_arn,
        )
        scripts = {key: functools.partial(install_script, name, server, self._namespace) for key, server in checked["servers"].items()}
        return {key: found.apply(script) for key, script in scripts.items()}

    def _place(self, name: str) -> None:
        checked, existing = self._checked, self._checked.get("existing_bucket")
        self.replica_bucket_name = pulumi.Output.from_input("")
        if existing is not None:
            self.bucket_arn, self.kms_key_arn = pulumi.Output.from_input(existing["arn"]), pulumi.Output.from_input(existing["kms_key_arn"])
            self.bucket_name = self.bucket_arn.apply(lambda arn: arn.split(":")[-1])
            return
        given = checked.get("kms_key_arn")
        self.kms_key_arn = self._key(name) if given is None else pulumi.Output.from_input(given)
        settings = ("retention_days", "noncurrent_retention_days", "object_lock", "replication", "log_bucket_name", "tags")
        bucket = DurableBucket(
            f"{name}-backups",
            {"kind": "data", "kms_key_arn": self.kms_key_arn, "transitions": list(transitions(checked)), **pick(checked, *settings)},
            self.child(),
        )
        self.bucket_name, self.bucket_arn, self.replica_bucket_name = bucket.bucket_name, bucket.bucket_arn, bucket.replica_bucket_name

    def _key(self, name: str) -> pulumi.Output[str]:
        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            logged = self._checked.get("data_sync") is not None
            return [logs_statement(key_arn, f"/aws/datasync/{name}-*")] if logged else []

        lock, description = self._checked.get("object_lock"), f"Backups of {name}"
        # Nobody can delete what is locked so: without the key nobody could restore it either.
        kept = True if lock is not None and lock["mode"] == "COMPLIANCE" else None
        return create_key(self, f"{name}-key", description, statements, tags=self._checked["tags"], retain_on_delete=kept)

    def _trust_anchor(self, name: str) -> pulumi.Output[str]:
        checked = self._checked
        existing, bundle = checked.get("existing_trust_anchor_arn"), checked.get("certificate_bundle")
        if existing is not None:
            return pulumi.Output.from_input(existing)
        source: aws.rolesanywhere.TrustAnchorSourceArgsDict = (
            {"source_type": "AWS_ACM_PCA", "source_data": {"acm_pca_arn": checked["private_ca_arn"]}}
            if bundle is None
            else {"source_type": "CERTIFICATE_BUNDLE", "source_data": {"x509_certificate_data": bundle}}
        )
        # Created disabled otherwise.
        return aws.rolesanywhere.TrustAnchor(f"{name}-anchor", enabled=True, source=source, tags=checked["tags"], opts=self.child()).arn

    def _role(self, child_name: str) -> pulumi.Output[str]:
        """The servers' role.

        Without the conditions, any certificate of any trust anchor in the account would do.
        https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html
        """
        checked = self._checked
        subject: dict[str, Any] = {"aws:PrincipalTag/x509Subject/CN": [server["common_name"] for server in checked["servers"].values()]}
        if (unit := checked.get("organizational_unit")) is not None:
            subject["aws:PrincipalTag/x509Subject/OU"] = unit
        trust = Statement(
            actions=["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
            principals={"Service": ["rolesanywhere.amazonaws.com"]},
            conditions={"ArnEquals": {"aws:SourceArn": self.trust_anchor_arn}, "StringEquals": subject},
        )
        role = aws.iam.Role(
            child_name,
            description=f"Servers outside AWS that write backups of {self.pulumi_resource_name}",
            assume_role_policy=document(trust),
            max_session_duration=max(checked["session_seconds"], 3600),
            tags=checked["tags"],
            opts=self.child(),
        )
        policy = aws.iam.RolePolicy(f"{child_name}-policy", role=role.name, policy=document(*self._writes()), opts=self.child())
        return after(role.arn, policy)

    def _writes(self) -> list[Statement]:
        own = pulumi.Output.concat(self.bucket_arn, "/", _COMMON_NAME, "/*")
        everything = [self.bucket_arn, pulumi.Output.concat(self.bucket_arn, "/*")]
        s3 = {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}
        return [
            Statement(
                sid="Compare",
                actions=["s3:ListBucket"],
                resources=[self.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [f"{_COMMON_NAME}/*"]}},
            ),
            Statement(sid="Write", actions=["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"], resources=[own]),
            # S3 decrypts the parts of a large upload.
            Statement(sid="WriteKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.kms_key_arn], conditions=s3),
            Statement(
                sid="Report",
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": self._namespace}},
            ),
            # Whatever else is attached to the role.
            Statement(sid="Protect", effect="Deny", actions=_DENIED, resources=everything),
        ]

    def _alarms(self, name: str) -> None:
        checked = self._checked
        for key, server in checked["servers"].items():
            alarm(
                self,
                f"{name}-{key}-missing",
                f"No complete backup of {server['common_name']} for {server['alarm_hours']} hours: its journal says why",
                Metric(self._namespace, "Succeeded", {"Server": server["common_name"]}, "Sum"),
                1,
                comparison="LessThanThreshold",
                period_seconds=3600,
                periods=server["alarm_hours"],
                missing="breaching",
                actions=checked["alarm_topic_arns"],
                tags=checked["tags"],
            )
        # https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-rolesanywhere.html
        pattern = {"source": ["aws.rolesanywhere"], "detail-type": ["Roles Anywhere Certificate Expiration State Change"]}
        notify_on_event(
            self,
            f"{name}-expiry",
            "Certificates of servers or of their authority are about to expire",
            pattern=pattern,
            topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
