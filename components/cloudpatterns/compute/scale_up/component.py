"""A server that becomes larger or smaller.

Pattern: "Scale Up" (Cloud Design Patterns for AWS): the same server with the same disk on another instance type, where more servers do
not help.
"""

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, dropped_schedules_alarm, messages_alarm, service_role
from cloudpatterns.blocks.automation import (
    Automation,
    alone_statements,
    automation_document,
    automation_role,
    failed_automation,
    notify_on_failed_automation,
    scheduled_automation,
    start_statements,
    starter_role,
)
from cloudpatterns.blocks.event import admit_events, undelivered_queue
from cloudpatterns.blocks.server import METADATA_OPTIONS, disk, disk_key_statements, encoded, launch_template
from cloudpatterns.compute.scale_up.arguments import ScaleUpArgs, child_names, problems
from cloudpatterns.compute.scale_up.documents import RESTORE_PARAMETERS, resize_parameters, resize_steps, restore_steps
from cloudpatterns.core import Component, Statement, account_of, after, partition_of, region_of
from cloudpatterns.security import instance_profile, session_manager_statements


class ScaleUp(Component):
    """A server whose type changes, by ``instance_type`` or on schedule (Cloud Design Patterns for AWS, "Scale Up").

    A schedule runs a Systems Manager Automation document: it stops the instance, changes its type and starts it again, with the same disk,
    private address and id. When a step fails, EC2 has no capacity for the new type, or the status checks do not pass on it, the instance is
    started again with the type that it had, and the execution fails. An execution that is cancelled or times out is repaired by a second
    document, which EventBridge starts. Two executions never work at once: the older one goes on, the other fails and changes nothing.
    By hand: ``aws ssm start-automation-execution --document-name <resize_document_name> --parameters InstanceType=<type>``, with one of
    the types of the component.

    **Use when**: software runs on one server only, such as a licence-bound or legacy database, and its load is known by time.

    **Not when**: more servers share the load: ``ScaleOut`` grows without downtime.

    **Cost drivers**: the instance by the hour of its type, its disk, and executions of Automation by the step.

    **Trade-offs**: a resize is minutes of downtime; what is on instance store volumes is lost, and so is a public address that is no
    Elastic IP. A type of another CPU architecture cannot boot the disk. With ``schedules`` a change of ``instance_type`` is ignored: start
    the document by hand.

    **Proven by**: controls ``imdsv2-required``, ``launch-template-volumes-encrypted``; ``test_scale_up.py``, and
    ``test_scale_up_on_aws.py``, which walks the documents through every failure and cancellation.
    """

    instance_id: pulumi.Output[str]
    """Id of the instance."""
    instance_arn: pulumi.Output[str]
    """ARN of the instance."""
    private_ip: pulumi.Output[str]
    """Private address of a new instance. Empty with an existing one."""
    resize_document_name: pulumi.Output[str]
    """Name of the Automation document that resizes the instance; its parameter is ``InstanceType``. Empty without ``schedules``."""
    automation_role_arn: pulumi.Output[str]
    """Role that the documents run with. Empty without ``schedules``."""

    def __init__(self, name: str, args: ScaleUpArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self._checked, self._tags = checked, checked["tags"]
        self.resize_document_name = self.automation_role_arn = pulumi.Output.from_input("")
        given = checked.get("existing_instance_arn")
        if given is None:
            instance = self._instance(name)
            self.instance_id, self.instance_arn, self.private_ip = instance.id, instance.arn, instance.private_ip
        else:
            self.instance_arn, self.private_ip = pulumi.Output.from_input(given), pulumi.Output.from_input("")
            self.instance_id = self.instance_arn.apply(lambda arn: arn.rpartition("/")[2])
        self._alarms(name)
        if checked["schedules"]:
            self._resize_on_schedule(name)
        self.register()

    def _instance(self, name: str) -> aws.ec2.Instance:
        checked, tags = self._checked, {"Name": name, **self._tags}
        statements = [*session_manager_statements(), *checked["statements"]]
        profile = instance_profile(self, f"{name}-instance", checked.get("instance_profile_arn"), statements, self._tags)
        template = launch_template(
            self,
            f"{name}-template",
            image_parameter=checked.get("image_parameter"),
            image_id=checked.get("image_id"),
            disks=[disk(checked["root_device_name"], checked["root_disk_gib"], checked.get("kms_key_arn"))],
            tags=tags,
            iam_instance_profile={"name": profile.name},
            monitoring={"enabled": True},
            maintenance_options={"auto_recovery": "default"},
            user_data=encoded(self, checked.get("user_data")),
        )
        return aws.ec2.Instance(
            f"{name}-instance",
            # A number, not $Latest: an edit of the template would replace the instance and its disk.
            launch_template={"id": template.id, "version": str(checked["template_version"])},
            instance_type=checked["instance_type"],
            subnet_id=checked.get("subnet_id"),
            vpc_security_group_ids=checked["security_group_ids"],
            metadata_options=METADATA_OPTIONS,
            disable_api_termination=checked["deletion_protection"],
            tags=tags,
            volume_tags=tags,
            # Tags of volumes would overwrite those of volumes that others attach: https://github.com/hashicorp/terraform-provider-aws/issues/770
            # The schedules change the type; a deployment would stop the instance and undo that.
            opts=self.child(ignore_changes=["volumeTags", *(["instanceType"] if checked["schedules"] else [])]),
        )

    def _alarms(self, name: str) -> None:
        topic_arns, dimensions = self._checked["alarm_topic_arns"], {"InstanceId": self.instance_id}
        if not topic_arns:
            return
        alarm(
            self,
            f"{name}-high-cpu",
            f"{name} has used more than {self._checked['high_cpu_percent']} % of its CPU for 15 minutes: it is time for a larger type",
            Metric("AWS/EC2", "CPUUtilization", dimensions),
            self._checked["high_cpu_percent"],
            period_seconds=300,
            periods=3,
            actions=topic_arns,
            tags=self._tags,
        )
        alarm(
            self,
            f"{name}-status-checks",
            f"{name} or its hardware fails EC2's status checks; EC2 recovers it from failures of the hardware",
            Metric("AWS/EC2", "StatusCheckFailed", dimensions, "Maximum"),
            1,
            comparison="GreaterThanOrEqualToThreshold",
            periods=3,
            # A stopped instance reports nothing.
            missing="notBreaching",
            actions=topic_arns,
            tags=self._tags,
        )

    def _resize_on_schedule(self, name: str) -> None:
        checked = self._checked
        group = aws.scheduler.ScheduleGroup(f"{name}-schedules", tags=self._tags, opts=self.child())
        role = automation_role(
            self,
            f"{name}-automation-role",
            f"{name}-automation-policy",
            "Resizes one instance",
            self._statements(),
            arn=group.arn,
            tags=self._tags,
        )
        types = sorted({checked["instance_type"], *(schedule["instance_type"] for schedule in checked["schedules"].values())})
        resize = automation_document(
            self,
            f"{name}-resize",
            f"Gives the instance of {name} another type. When that fails, it is started again with the type that it had.",
            role_arn=role.arn,
            parameters=resize_parameters(types),
            steps=resize_steps(self.instance_id),
            tags=self._tags,
        )
        restore = automation_document(
            self,
            f"{name}-restore",
            f"Starts the instance of {name} with the type that it had, after an execution that stopped it and did not end well.",
            role_arn=role.arn,
            parameters=RESTORE_PARAMETERS,
            steps=restore_steps(self.instance_id),
            tags=self._tags,
        )
        repair = self._repair(name, resize, restore)
        starter = starter_role(self, f"{name}-schedules-role", resize, group, self._tags)
        for key, schedule in checked["schedules"].items():
            scheduled_automation(
                self,
                f"{name}-at-{key}",
                resize,
                group=group,
                role_arn=starter.arn,
                expression=schedule["schedule_expression"],
                time_zone=checked["time_zone"],
                parameters={"InstanceType": [schedule["instance_type"]]},
                depends_on=[repair],
            )
        self._report(name, group, [resize.document, restore.document])
        self.resize_document_name, self.automation_role_arn = resize.document.name, role.arn

    def _report(self, name: str, group: aws.scheduler.ScheduleGroup, documents: list[aws.ssm.Document]) -> None:
        if self._checked["alarm_topic_arns"]:
            notify_on_failed_automation(
                self,
                f"{name}-failed",
                f"A resize of {name} failed, or its repair",
                documents,
                self._checked["alarm_topic_arns"],
                self._tags,
            )
            description = f"A scheduled resize of {name} could not be started until its last retry"
            dropped_schedules_alarm(self, f"{name}-schedules-dropped", description, group, self._checked["alarm_topic_arns"], self._tags)

    def _statements(self) -> list[Statement]:
        arn = self.instance_arn
        return [
            Statement(actions=["ec2:StartInstances", "ec2:StopInstances", "ec2:ModifyInstanceAttribute"], resources=[arn]),
            # Neither has resource types: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
            Statement(actions=["ec2:DescribeInstances", "ec2:DescribeInstanceStatus"], resources=["*"]),
            *alone_statements(arn),
            *disk_key_statements(arn, self._checked.get("kms_key_arn"), *self._checked["attached_kms_key_arns"]),
        ]

    def _repair(self, name: str, resize: Automation, restore: Automation) -> aws.cloudwatch.EventTarget:
        """Starts the repair when a resize fails, times out or is cancelled: a cancelled one has two minutes for its own steps."""
        rule = aws.cloudwatch.EventRule(
            f"{name}-interrupted",
            description=f"Repairs what a resize of {name} left behind that did not end well",
            event_pattern=pulumi.Output.json_dumps(failed_automation([resize.document.name])),
            tags=self._tags,
            opts=self.child(),
        )
        role = service_role(
            self,
            f"{name}-restore-role",
            "events.amazonaws.com",
            "Starts the repair of one instance",
            statements={f"{name}-restore-policy": start_statements(restore)},
            conditions={"StringEquals": {"aws:SourceAccount": account_of(rule.arn), "aws:SourceArn": rule.arn}},
            tags=self._tags,
        )
        arn, document = restore.document.arn, restore.document
        definition = pulumi.Output.concat(
            *(
                "arn:",
                partition_of(arn),
                ":ssm:",
                region_of(arn),
                ":",
                account_of(arn),
                ":automation-definition/",
                document.name,
                ":$DEFAULT",
            )
        )
        queue = undelivered_queue(self, f"{name}-interrupted-undelivered", self._tags)
        admitted = admit_events(self, f"{name}-interrupted-undelivered-policy", queue, [rule.arn])
        if self._checked["alarm_topic_arns"]:
            description = f"The repair of {name} could not be started: check whether the instance runs"
            messages_alarm(self, f"{name}-interrupted-alarm", description, queue, self._checked["alarm_topic_arns"], self._tags)
        return aws.cloudwatch.EventTarget(
            f"{name}-interrupted-restore",
            rule=rule.name,
            arn=definition,
            role_arn=role.arn,
            dead_letter_config={"arn": after(queue.arn, admitted)},
            input_transformer={"input_paths": {"id": "$.detail.ExecutionId"}, "input_template": '{"ExecutionId": [<id>]}'},
            opts=self.child(),
        )
