"""Clones of a master server, which start from the newest image of it.

Pattern: "Clone Server" (Cloud Design Patterns for AWS).
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, dropped_schedules_alarm
from cloudpatterns.blocks.automation import (
    alone_statements,
    automation_document,
    automation_role,
    notify_on_failed_automation,
    scheduled_automation,
    starter_role,
)
from cloudpatterns.blocks.boot import SEVERAL_PARTS, SHELL, BootPart, boot_script, multipart, parts_after
from cloudpatterns.compute.clone_server.arguments import CloneServerArgs, child_names, clone_args, master_args, problems
from cloudpatterns.compute.clone_server.documents import IMAGE_TAG, image_steps
from cloudpatterns.compute.scale_out.checks import protected_instances
from cloudpatterns.compute.scale_out.component import ScaleOut
from cloudpatterns.compute.scale_up.component import ScaleUp
from cloudpatterns.core import (
    Component,
    Statement,
    WorkloadStatementArgs,
    account_of,
    after,
    as_arguments,
    document,
    partition_of,
    pick,
    region_of,
)
from cloudpatterns.security import WorkloadRole, session_manager_statements
from cloudpatterns.storage.durable_bucket.component import DurableBucket

_ON_AWS = Path(__file__).parent / "on_aws"
_NAMESPACE = "CloudPatterns/CloneServer"


class CloneServer(Component):
    """A master server and a group of clones of it (Cloud Design Patterns for AWS, "Clone Server").

    On schedule, a Systems Manager Automation document takes an image of the master. Only a whole image is named in the parameter that the
    clones start from; then an instance refresh replaces them, and images and snapshots that are too old are deleted. An image that fails is
    deregistered, and the clones stay. When the refresh fails, since clones of a new image do not become healthy, the parameter names the
    image of before again. Between two images, ``content`` brings the files of one folder from the master to a bucket, and from there to the
    clones, every few minutes. The clones' role denies every write to the content, and the master is in no target group.
    By hand: ``aws ssm start-automation-execution --document-name <image_document_name>``.

    The first deployment precedes the first image: until then clones start from ``first_image_id``.

    **Use when**: an application that keeps its installation or files on one server must serve more requests than that server can.

    **Not when**: images are built from a recipe (``Stamp``), a script installs the application (``Bootstrap``), or clones must write files
    too (``NfsSharing``).

    **Cost drivers**: the master, the clones, the snapshots of ``keep_images`` images, of which each holds what has changed, and the bucket.

    **Trade-offs**: whatever is on the master's disks, secrets and logs included, is on every clone. Without ``reboot_master`` an image is
    what a power failure would leave. Without ``target_group_arns``, a clone that boots and does not serve counts as healthy. Clones see new
    content after up to two intervals. Images and snapshots outlive ``destroy``; their tag ``cloudpatterns:image-parameter`` has
    ``image_parameter``.

    **Proven by**: controls ``imdsv2-required``, ``launch-template-volumes-encrypted``, ``auto-scaling-several-zones``;
    ``test_clone_server.py``, ``test_clone_server_on_aws.py``, which walks the document through every failure, and
    ``test_clone_server_content.py``, which runs the scripts in a shell.
    """

    auto_scaling_group_name: pulumi.Output[str]
    """The Auto Scaling group of the clones."""
    master_instance_id: pulumi.Output[str]
    """Id of the master."""
    image_parameter: pulumi.Output[str]
    """Name of the SSM parameter that names the image of the clones."""
    image_document_name: pulumi.Output[str]
    """Name of the Automation document that takes an image and replaces the clones."""
    automation_role_arn: pulumi.Output[str]
    """Role that the document runs with."""
    clone_role_arn: pulumi.Output[str]
    """The clones' role."""
    master_role_arn: pulumi.Output[str]
    """A new master's role. Empty with ``existing_master_arn``."""
    bucket_name: pulumi.Output[str]
    """Bucket with the content. Empty without ``content``."""
    content_script: pulumi.Output[str]
    """Script that installs the publishing of the content on an existing master; a new one has it. Empty without ``content``."""

    def __init__(self, name: str, args: CloneServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=partial(problems, name), names=child_names)
        self._checked, self._tags = checked, checked["tags"]
        self._bucket = self._content_bucket(name)
        self.bucket_name = pulumi.Output.from_input("") if self._bucket is None else self._bucket.bucket_name
        self.content_script = self._content_script("master")
        master_arn = self._master(name)
        parameter = aws.ssm.Parameter(
            f"{name}-image",
            description=f"Image that the clones of {name} start from",
            type=aws.ssm.ParameterType.STRING,
            # EC2 resolves no other type in a launch template.
            data_type="aws:ec2:image",
            value=checked["first_image_id"],
            tags=self._tags,
            # The document writes it.
            opts=self.child(ignore_changes=["value"]),
        )
        clones = self._clones(name, parameter)
        self._images_on_schedule(name, master_arn, parameter, clones)
        self.auto_scaling_group_name, self.image_parameter = clones.auto_scaling_group_name, parameter.name
        self.register()

    def content_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of an existing master needs to publish the content.

        :raises ArgumentError: without ``content``.
        """
        if self._bucket is None:
            self.refuse(("content", "is missing, so nothing is published. Give the folder of the content."))
        return as_arguments(self._writes(self._bucket))

    def _content_bucket(self, name: str) -> DurableBucket | None:
        checked = self._checked
        if checked.get("content") is None:
            return None
        given = pick(checked, "existing_bucket_arn", "log_bucket_name", "tags")
        if checked.get("existing_bucket_arn") is None:
            # The master has all of it.
            given["force_destroy"] = True
        if (key_arn := checked.get("bucket_kms_key_arn")) is not None:
            given["kms_key_arn"] = key_arn
        return DurableBucket(f"{name}-content", {"kind": "data", **given}, self.child())

    def _role(
        self, name: str, of: str, description: str, given: Sequence[WorkloadStatementArgs], own: Sequence[Statement]
    ) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """ARNs of a role with Session Manager, what is given and its own policy, and of its instance profile."""
        role = WorkloadRole(
            f"{name}-{of}-role",
            {
                "service": "ec2.amazonaws.com",
                "instance_profile": True,
                "description": description,
                "statements": [*session_manager_statements(), *given],
                "tags": self._tags,
            },
            self.child(),
        )
        if not own:
            return role.role_arn, role.instance_profile_arn
        policy = aws.iam.RolePolicy(f"{name}-{of}-content", role=role.role_name, policy=document(*own), opts=self.child())
        return after(role.role_arn, policy), after(role.instance_profile_arn, policy)

    def _master(self, name: str) -> pulumi.Output[str]:
        checked, existing = self._checked, self._checked.get("existing_master_arn")
        writes = [] if self._bucket is None else self._writes(self._bucket)
        if existing is not None:
            arn = pulumi.Output.from_input(existing)
            self.master_instance_id = arn.apply(lambda text: text.rpartition("/")[2])
            self.master_role_arn = pulumi.Output.from_input("")
            if (role_name := checked.get("existing_master_role_name")) is not None:
                aws.iam.RolePolicy(f"{name}-master-content", role=role_name, policy=document(*writes), opts=self.child())
            return arn
        description = "Master of clones: publishes the content"
        self.master_role_arn, profile_arn = self._role(name, "master", description, checked["master_statements"], writes)
        user_data = self._user_data("master", checked.get("master_user_data"), "master_user_data")
        master = ScaleUp(f"{name}-master", master_args(checked, profile_arn, user_data), self.child())
        self.master_instance_id = master.instance_id
        return master.instance_arn

    def _clones(self, name: str, parameter: aws.ssm.Parameter) -> ScaleOut:
        checked = self._checked
        reads = [] if self._bucket is None else self._reads(self._bucket)
        description = "Clones of a master: read the content alone"
        self.clone_role_arn, profile_arn = self._role(name, "clone", description, checked["clone_statements"], reads)
        user_data = self._user_data("clone", checked.get("user_data"), "user_data")
        return ScaleOut(f"{name}-clones", clone_args(checked, parameter.name, profile_arn, user_data), self.child())

    def _objects(self, bucket: DurableBucket) -> pulumi.Output[str]:
        return pulumi.Output.concat(bucket.bucket_arn, f"/{self.pulumi_resource_name}/*")

    def _finds(self, bucket: DurableBucket) -> Statement:
        own = {"StringLike": {"s3:prefix": [f"{self.pulumi_resource_name}/*"]}}
        return Statement(sid="FindContent", actions=["s3:ListBucket"], resources=[bucket.bucket_arn], conditions=own)

    def _key_use(self, bucket: DurableBucket, *actions: str) -> list[Statement]:
        if self._checked.get("existing_bucket_arn") is not None and self._checked.get("bucket_kms_key_arn") is None:
            return []
        return [Statement(sid="ContentKey", actions=actions, resources=[bucket.kms_key_arn])]

    def _reads(self, bucket: DurableBucket) -> list[Statement]:
        objects = self._objects(bucket)
        return [
            Statement(sid="ReadContent", actions=["s3:GetObject"], resources=[objects]),
            self._finds(bucket),
            *self._key_use(bucket, "kms:Decrypt"),
            # Whatever clone_statements allow, and whatever else is attached to the role.
            Statement(
                sid="NeverWriteContent",
                effect="Deny",
                actions=["s3:AbortMultipartUpload", "s3:Delete*", "s3:Put*", "s3:Replicate*", "s3:RestoreObject"],
                resources=[bucket.bucket_arn, objects],
            ),
        ]

    def _writes(self, bucket: DurableBucket) -> list[Statement]:
        objects = self._objects(bucket)
        marker = pulumi.Output.concat(bucket.bucket_arn, f"/{self.pulumi_resource_name}/marker")
        statements = [
            Statement(sid="WriteContent", actions=["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"], resources=[objects]),
            Statement(sid="ReadMarker", actions=["s3:GetObject"], resources=[marker]),
            self._finds(bucket),
            # S3 decrypts the parts of a large upload.
            *self._key_use(bucket, "kms:Decrypt", "kms:GenerateDataKey"),
        ]
        if self._checked["alarm_topic_arns"]:
            # PutMetricData has no resource types; the namespace is its only limit.
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
            namespace = {"StringEquals": {"cloudwatch:namespace": [_NAMESPACE]}}
            statements.append(Statement(sid="Heartbeat", actions=["cloudwatch:PutMetricData"], resources=["*"], conditions=namespace))
        return statements

    def _content_script(self, mode: str) -> pulumi.Output[str]:
        content = self._checked.get("content")
        if content is None or self._bucket is None:
            return pulumi.Output.from_input("")
        heartbeat = "yes" if self._checked["alarm_topic_arns"] else ""
        settings = {"MODE": mode, "PREFIX": self.pulumi_resource_name, "FOLDER": content["folder"], "HEARTBEAT": heartbeat}

        def render(bucket: str) -> str:
            text = boot_script(_ON_AWS / "content.sh", {**settings, "BUCKET": bucket})
            values = {"CONTENT_SCRIPT": text, "MODE": mode, "INTERVAL_MINUTES": content["interval_minutes"]}
            return boot_script(_ON_AWS / "install.sh", values)

        return self._bucket.bucket_name.apply(render)

    def _user_data(self, mode: str, script: pulumi.Input[str] | None, argument: str) -> pulumi.Input[str] | None:
        if self._bucket is None:
            return script

        def join(content: str, application: str) -> str:
            parts = [BootPart("10-content.sh", SHELL, content)]
            if application:
                if not application.startswith(("#!", SEVERAL_PARTS)):
                    self.refuse((argument, f"begins with {application[:10]!r}; a script is needed. Begin it with #!/bin/bash."))
                parts += parts_after("20-application.sh", application)
            return multipart(parts)

        return pulumi.Output.all(self._content_script(mode), "" if script is None else script).apply(lambda texts: join(*texts))

    def _images_on_schedule(self, name: str, master_arn: pulumi.Output[str], parameter: aws.ssm.Parameter, clones: ScaleOut) -> None:
        checked, options = self._checked, self._checked["clones"]
        group = aws.scheduler.ScheduleGroup(f"{name}-schedules", tags=self._tags, opts=self.child())
        role = automation_role(
            self,
            f"{name}-automation-role",
            f"{name}-automation-policy",
            "Takes images of one instance, and replaces its clones",
            self._statements(master_arn, parameter, clones),
            arn=group.arn,
            tags=self._tags,
        )
        images = automation_document(
            self,
            f"{name}-take-image",
            f"Takes an image of the master of {name}, and replaces its clones. An image that fails is deregistered, and the clones stay.",
            role_arn=role.arn,
            steps=image_steps(
                name,
                instance_id=self.master_instance_id,
                parameter_name=parameter.name,
                group_name=clones.auto_scaling_group_name,
                keep=checked["keep_images"],
                reboot=checked["reboot_master"],
                protected_instances=protected_instances(options["scaling"], options["refresh"]),
                tags=self._tags,
            ),
            tags=self._tags,
        )
        starter = starter_role(self, f"{name}-schedules-role", images, group, self._tags)
        scheduled_automation(
            self,
            f"{name}-schedule",
            images,
            group=group,
            role_arn=starter.arn,
            expression=checked["schedule_expression"],
            time_zone=checked["time_zone"],
        )
        self._report(name, group, images.document)
        self.image_document_name, self.automation_role_arn = images.document.name, role.arn

    def _statements(self, master_arn: pulumi.Output[str], parameter: aws.ssm.Parameter, clones: ScaleOut) -> list[Statement]:
        # Images and snapshots have no account in their ARNs.
        place = pulumi.Output.concat("arn:", partition_of(master_arn), ":ec2:", region_of(master_arn), "::")
        images = [pulumi.Output.concat(place, kind, "/*") for kind in ("image", "snapshot")]
        created = {"StringEquals": {"ec2:CreateAction": "CreateImage", f"aws:RequestTag/{IMAGE_TAG}": parameter.name}}
        own = {"StringEquals": {f"aws:ResourceTag/{IMAGE_TAG}": parameter.name}}
        return [
            Statement(actions=["ec2:CreateImage"], resources=[master_arn, *images]),
            Statement(actions=["ec2:CreateTags"], resources=images, conditions=created),
            Statement(actions=["ec2:DeregisterImage", "ec2:DeleteSnapshot"], resources=images, conditions=own),
            # Neither has resource types: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
            # Without DescribeImages, Systems Manager does not store the image.
            Statement(actions=["ec2:DescribeImages", "ec2:DescribeSnapshots"], resources=["*"]),
            Statement(actions=["ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter"], resources=[parameter.arn]),
            Statement(actions=["autoscaling:StartInstanceRefresh"], resources=[clones.auto_scaling_group_arn]),
            Statement(actions=["autoscaling:DescribeInstanceRefreshes"], resources=["*"]),
            *self._launches(master_arn, images, clones),
            *alone_statements(master_arn),
        ]

    def _launches(self, master_arn: pulumi.Output[str], images: Sequence[pulumi.Output[str]], clones: ScaleOut) -> list[Statement]:
        """What a launch of a clone needs, with GetParameters: Auto Scaling tries one, dry, for who starts a refresh, and refuses otherwise.

        https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html#runinstances-permissions-validation
        """
        place = pulumi.Output.concat("arn:", partition_of(master_arn), ":ec2:", region_of(master_arn), ":", account_of(master_arn), ":")
        template = pulumi.Output.concat(place, "launch-template/", clones.launch_template_id)
        tagged = [pulumi.Output.concat(place, kind, "/*") for kind in ("instance", "network-interface", "volume")]
        return [
            Statement(
                actions=["ec2:RunInstances"],
                resources=[pulumi.Output.concat(place, "*"), *images],
                conditions={"ArnEquals": {"ec2:LaunchTemplate": template}},
            ),
            Statement(actions=["ec2:CreateTags"], resources=tagged, conditions={"StringEquals": {"ec2:CreateAction": "RunInstances"}}),
            Statement(
                actions=["iam:PassRole"],
                resources=[self.clone_role_arn],
                conditions={"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}},
            ),
        ]

    def _report(self, name: str, group: aws.scheduler.ScheduleGroup, images: aws.ssm.Document) -> None:
        topic_arns, content = self._checked["alarm_topic_arns"], self._checked.get("content")
        if not topic_arns:
            return
        description = f"An image of the master of {name} failed, or its clones could not be replaced"
        notify_on_failed_automation(self, f"{name}-failed", description, [images], topic_arns, self._tags)
        description = f"A scheduled image of the master of {name} could not be started until the last retry"
        dropped_schedules_alarm(self, f"{name}-schedules-dropped", description, group, topic_arns, self._tags)
        if content is not None:
            place = pulumi.Output.concat(self.bucket_name, "/", name)
            alarm(
                self,
                f"{name}-content-stale",
                f"The master of {name} has published no content for three intervals: the journal of cloudpatterns-content has the reason",
                Metric(_NAMESPACE, "ContentPublished", {"Content": place}, "Sum"),
                1,
                comparison="LessThanThreshold",
                period_seconds=60 * content["interval_minutes"],
                periods=3,
                missing="breaching",
                actions=topic_arns,
                tags=self._tags,
            )
