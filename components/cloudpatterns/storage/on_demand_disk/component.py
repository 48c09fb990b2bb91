"""EBS volumes that are joined to one disk of an instance, outlive it, and grow while they are used.

Pattern: "On-demand Disk" (Cloud Design Patterns for AWS).
"""

import functools
from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, alarm, create_key, notify_on_event
from cloudpatterns.blocks.managed_instance import managed_instance_statements
from cloudpatterns.core import (
    Component,
    Statement,
    WorkloadStatementArgs,
    as_arguments,
    by_name,
    document,
)
from cloudpatterns.storage.on_demand_disk.arguments import (
    GP3_IOPS,
    GP3_MIB_PER_SECOND,
    OnDemandDiskArgs,
    OnDemandDiskVolumeArgs,
    created,
    problems,
)
from cloudpatterns.storage.on_demand_disk.script import (
    METRIC_NAMESPACE,
    REVISION,
    USED_PERCENT,
    boot_script,
    command_document,
    revision,
)

# A deletion ends with the final snapshot, which takes hours for a large disk; the provider gives up after ten minutes, and makes another
# snapshot when it is tried again.
_VOLUME_DELETION = pulumi.CustomTimeouts(delete="24h")
# What else may have enlarged a volume; State Manager's shortest rate.
_RERUN = "rate(30 minutes)"
_LEAST_CREDITS_PERCENT = 20


class OnDemandDisk(Component):
    """Encrypted EBS volumes as one disk of an instance (Cloud Design Patterns for AWS, "On-demand Disk").

    Volumes are attached by resources of their own, so they outlive the instance. A script joins them by LVM, creates the file system where
    the volumes are blank, mounts it at each boot, and grows it online: raise ``size_gib`` or add a volume, and the next update does the
    rest. It never formats a volume that has anything on it. Systems Manager runs the script when the volumes are attached, when the
    arguments change and every half hour. To mount the disk during the first boot as well, give the instance ``boot_script`` as user data
    (with ``ignore_changes=["userData"]``: later changes come through Systems Manager) and, in Python, call ``attach`` with its id.
    ``ScaleUp`` takes ``boot_script`` as ``user_data``, ``instance_statements()`` and, to start again after a resize, ``kms_key_arn``. With
    scripts of others, ``boot_script`` is one of ``Bootstrap.scripts``. The instance is of the Nitro system and runs Amazon Linux 2023, or
    another Linux with ``dnf`` or the tools installed.

    **Use when**: an instance keeps data on a disk: a database of your own, an index, a license server.

    **Not when**: several instances share files (``NfsSharing``), objects do (``DurableBucket``), or AWS runs the database.

    **Cost drivers**: the provisioned GiB, IOPS and throughput, whether used or not; final snapshots; a customer managed key; the metric and
    the alarms.

    **Trade-offs**: a disk is in one zone, and at one instance at a time; it grows and never shrinks. Joined volumes fail together, and one
    snapshot of each is consistent only when all are of the same moment, as backups of the whole instance are. Another device name or
    instance detaches the volumes, for which the instance is stopped.

    **Proven by**: controls ``ebs-volume-encrypted``, ``ebs-volume-customer-key``, ``instance-volumes-outlive``; ``test_on_demand_disk.py``,
    and ``test_on_demand_disk_on_aws.py``, which runs the script on real block devices and stops it after each of its commands.
    """

    volume_ids: pulumi.Output[dict[str, str]]
    """Name of the volume to its id."""
    boot_script: pulumi.Output[str]
    """Script for the instance's user data, or the beginning of one; it ends with an error when the disk cannot be mounted."""
    document_name: pulumi.Output[str]
    """SSM document that runs the script."""
    kms_key_arn: pulumi.Output[str]
    """The key of the new volumes. Empty when all volumes existed and no key was given."""

    def __init__(self, name: str, args: OnDemandDiskArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=functools.partial(problems, name), names={"document": 128})
        self._attached = False
        key_arn = checked.get("kms_key_arn")
        if key_arn is None:
            key_arn = self._key() if created(checked) else ""
        self.kms_key_arn = pulumi.Output.from_input(key_arn)
        self._volumes = {key: self._volume(key, volume) for key, volume in created(checked).items()}
        self._ids: Mapping[str, pulumi.Input[str]] = {
            key: self._volumes[key].id if key in self._volumes else volume["existing_volume_id"]
            for key, volume in sorted(checked["volumes"].items())
        }
        self.volume_ids = by_name(self._ids)
        self.boot_script = pulumi.Output.all(*self._ids.values()).apply(lambda ids: boot_script(name, checked, ids))
        self._document = aws.ssm.Document(
            f"{name}-document",
            document_type="Command",
            document_format="JSON",
            target_type="/AWS::EC2::Instance",
            content=self.boot_script.apply(lambda script: command_document(name, script)),
            tags=checked["tags"],
            opts=self.child(),
        )
        self.document_name = self._document.name
        if (instance_id := checked.get("instance_id")) is not None:
            self._attach(instance_id, checked.get("instance_role_name"))
        self.register()

    def attach(self, instance_id: pulumi.Input[str], instance_role_name: pulumi.Input[str] | None = None) -> None:
        """Attaches the volumes to an instance whose user data has ``boot_script``; the role gets ``instance_statements``.

        :raises ArgumentError: when they are attached already.
        """
        if self._attached:
            self.refuse(("instance_id", "is given, or attach was called before; the volumes are at one instance. Remove one of them."))
        self._attach(instance_id, instance_role_name)

    def instance_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of the instance needs for Systems Manager to run the script, and for the metric, for a ``WorkloadRole``."""
        return as_arguments(self._statements())

    def _key(self) -> pulumi.Output[str]:
        # EBS uses the key through grants of whoever creates, attaches and starts: they need kms:CreateGrant, by the account's policies.
        # https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
        name, kept = self.pulumi_resource_name, self._checked["retain_on_delete"] or self._checked["final_snapshot"]
        return create_key(self, f"{name}-key", f"Disk {name}", tags=self._checked["tags"], retain_on_delete=kept)

    def _volume(self, key: str, volume: OnDemandDiskVolumeArgs) -> aws.ebs.Volume:
        checked, name = self._checked, f"{self.pulumi_resource_name}-{key}"
        iops, throughput = volume.get("iops"), volume.get("throughput_mib_per_second")
        if volume["type"] == "gp3":
            # Without a number EBS keeps the one before, also that of another type.
            iops = GP3_IOPS if iops is None else iops
            throughput = GP3_MIB_PER_SECOND if throughput is None else throughput
        return aws.ebs.Volume(
            name,
            availability_zone=checked["availability_zone"],
            size=volume["size_gib"],
            type=volume["type"],
            iops=iops,
            throughput=throughput,
            snapshot_id=volume.get("snapshot_id"),
            encrypted=True,
            kms_key_id=self.kms_key_arn,
            final_snapshot=checked["final_snapshot"] and not checked["retain_on_delete"],
            tags={"Name": name, **checked["backup_tags"], **checked["tags"]},
            # AWS has no deletion protection for volumes; Pulumi's also stops a replacement.
            opts=self.child(
                protect=checked["deletion_protection"], retain_on_delete=checked["retain_on_delete"], custom_timeouts=_VOLUME_DELETION
            ),
        )

    def _attach(self, instance_id: pulumi.Input[str], role_name: pulumi.Input[str] | None) -> None:
        self._attached, checked, name = True, self._checked, self.pulumi_resource_name
        before: list[pulumi.Resource] = []
        if role_name is not None:
            policy = document(*self._statements())
            before.append(aws.iam.RolePolicy(f"{name}-policy", role=role_name, policy=policy, opts=self.child()))
        for key, volume in sorted(checked["volumes"].items()):
            attachment = aws.ec2.VolumeAttachment(
                f"{name}-{key}-attachment",
                device_name=volume["device_name"],
                instance_id=instance_id,
                volume_id=self._ids[key],
                stop_instance_before_detaching=checked["stop_instance_before_detaching"],
                # A volume is at one instance at a time.
                opts=self.child(delete_before_replace=True),
            )
            before.append(attachment)
        sizes = {key: volume.get("size_gib") for key, volume in checked["volumes"].items()}
        association = aws.ssm.Association(
            f"{name}-association",
            name=self._document.name,
            association_name=f"disk-{name}",
            targets=[{"key": "InstanceIds", "values": [instance_id]}],
            # A changed association runs at once.
            parameters={REVISION: self.boot_script.apply(lambda script: revision(script, sizes))},
            schedule_expression=_RERUN,
            compliance_severity="HIGH",
            tags=checked["tags"],
            # It runs when the volumes have their new sizes, and the role its rights.
            opts=self.child(depends_on=[*self._volumes.values(), *before]),
        )
        if checked["alarm_topic_arns"]:
            self._alarms(instance_id, association)

    def _statements(self) -> list[Statement]:
        arn = self._document.arn
        # PutMetricData has no resource types; the namespace is its only limit.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
        own_namespace = {"StringEquals": {"cloudwatch:namespace": [METRIC_NAMESPACE]}}
        return [
            *managed_instance_statements(arn),
            Statement(sid="DiskDocument", actions=["ssm:GetDocument", "ssm:DescribeDocument"], resources=[arn]),
            Statement(sid="DiskMetric", actions=["cloudwatch:PutMetricData"], resources=["*"], conditions=own_namespace),
        ]

    def _alarms(self, instance_id: pulumi.Input[str], association: aws.ssm.Association) -> None:
        self._disk_alarms({"Disk": self.pulumi_resource_name, "InstanceId": instance_id})
        self._volume_alarms({"InstanceId": instance_id})
        name = self.pulumi_resource_name
        notify_on_event(
            self,
            f"{name}-failed",
            f"The disk {name} could not be joined, mounted or grown",
            pattern={
                "source": ["aws.ssm"],
                "detail-type": ["EC2 State Manager Instance Association State Change"],
                "detail": {"association-id": [association.association_id], "status": ["Failed"]},
            },
            topic_arns=self._checked["alarm_topic_arns"],
            tags=self._checked["tags"],
        )

    def _disk_alarms(self, disk: Mapping[str, pulumi.Input[str]]) -> None:
        checked, name = self._checked, self.pulumi_resource_name
        topics, tags, percent = checked["alarm_topic_arns"], checked["tags"], checked["full_percent"]
        alarm(
            self,
            f"{name}-full",
            f"More than {percent} percent of the disk {name} are used",
            Metric(METRIC_NAMESPACE, USED_PERCENT, disk, "Maximum"),
            percent,
            periods=5,
            actions=topics,
            tags=tags,
        )
        alarm(
            self,
            f"{name}-mounted",
            f"The disk {name} has not been reported as mounted for ten minutes",
            Metric(METRIC_NAMESPACE, USED_PERCENT, disk, "SampleCount"),
            1,
            comparison="LessThanThreshold",
            periods=10,
            missing="breaching",
            actions=topics,
            tags=tags,
        )

    def _volume_alarms(self, instance: Mapping[str, pulumi.Input[str]]) -> None:
        name, topics, tags = self.pulumi_resource_name, self._checked["alarm_topic_arns"], self._checked["tags"]
        alarm(
            self,
            f"{name}-stalled",
            f"A volume at the instance of the disk {name} does not complete I/O",
            # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html#attached-ebs-status-checks
            Metric("AWS/EC2", "StatusCheckFailed_AttachedEBS", instance, "Maximum"),
            1,
            comparison="GreaterThanOrEqualToThreshold",
            periods=5,
            actions=topics,
            tags=tags,
        )
        # gp3 and io2 have no burst credits; smaller instances have, for what goes to all of their volumes.
        # https://docs.aws.amazon.com/ebs/latest/userguide/ebs-optimization.html
        credits = {key: Metric("AWS/EC2", f"EBS{kind}Balance%", instance, "Minimum") for key, kind in (("io", "IO"), ("bytes", "Byte"))}
        alarm(
            self,
            f"{name}-credits",
            f"The instance of the disk {name} has less than {_LEAST_CREDITS_PERCENT} percent of its EBS burst credits",
            MetricMath("MIN([io, bytes])", credits),
            _LEAST_CREDITS_PERCENT,
            comparison="LessThanThreshold",
            period_seconds=300,
            periods=3,
            actions=topics,
            tags=tags,
        )
