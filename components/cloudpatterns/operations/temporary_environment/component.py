"""The end of an environment that somebody needs for some days, and then nobody: its whole stack is destroyed.

Pattern: "Temporary Development Environment" (Cloud Design Patterns for AWS).
"""

import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import api_target, log_group, messages_alarm, notify_on_event, queue_policy, schedule, service_role
from cloudpatterns.blocks.event import undelivered_queue
from cloudpatterns.core import Component, Statement, account_of, after, region_of
from cloudpatterns.operations._state import state_objects
from cloudpatterns.operations.temporary_environment.arguments import TemporaryEnvironmentArgs, problems, warned_at

_SCRIPT = Path(__file__).parent / "on_aws/destroy.sh"
_NAMES = {"destroy": 150, "destroy-role": 64, "schedules": 64, "schedules-role": 64, "warning-5": 64, "expiry": 64, "undelivered": 80}
_NAMES |= {"ended": 64, "ended-undelivered": 80}
_ENDS = ("FAILED", "FAULT", "STOPPED", "SUCCEEDED", "TIMED_OUT")
_DAY_SECONDS = 86_400


class TemporaryEnvironment(Component):
    """Destroys a whole stack when it expires (Cloud Design Patterns for AWS, "Temporary Development Environment").

    The component stands in a small stack of its own, outside the one that it destroys. ``warning_hours`` before ``expires_at`` it warns the
    topics; then a build of CodeBuild runs ``pulumi destroy --remove`` on the stack's state, and the topics hear how it ended. Automations
    that delete resources by themselves would leave a state that names what is gone.

    Refused are stacks named like production, the component's own stack and, before anything is deleted, a stack with a resource that is
    protected: by Pulumi's ``protect``, or by deletion protection of AWS. To prolong the environment, raise ``expires_at`` and run
    ``pulumi up``; to keep it, destroy the stack of this component. To destroy at once:
    ``aws codebuild start-build --project-name <project_name>``, where a lock that a killed deployment has left is removed with
    ``--environment-variables-override name=CANCEL,value=true``.

    **Use when**: an environment serves a branch, a training or a trial, and is forgotten afterwards.

    **Not when**: it is used by day for months (``OfficeHours``), or its data must stay.

    **Cost drivers**: some minutes of a small build. Until the expiry, next to nothing.

    **Trade-offs**: the build has the rights to delete the stack. Resources that Pulumi retains (``retain_on_delete``) stay, and so does
    what the stack's programs have created by themselves. The state must be in a self-managed backend on S3, and the stack's secrets under
    a key (``awskms``): the build knows no passphrase. A bucket with objects ends the destruction halfway unless its ``force_destroy`` is
    set.

    **Proven by**: controls ``schedule-dead-letters``, ``schedule-role-confined``, ``codebuild-logging``, ``codebuild-not-privileged``;
    ``test_temporary_environment.py``, which runs the script of the build.
    """

    project_name: pulumi.Output[str]
    """Name of the CodeBuild project that destroys the stack."""
    project_arn: pulumi.Output[str]
    """ARN of the project."""
    janitor_role_arn: pulumi.Output[str]
    """Role of the project, which policies of buckets and keys must admit where they name principals."""
    schedule_group_name: pulumi.Output[str]
    """Name of the schedules' group, the dimension ``ScheduleGroup`` of their metrics."""
    undelivered_queue_url: pulumi.Output[str]
    """URL of the queue of schedules that could not warn or start the build."""

    def __init__(self, name: str, args: TemporaryEnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=_NAMES)
        project = self._project(name)
        self.project_name, self.project_arn = project.name, project.arn
        queue = undelivered_queue(self, f"{name}-undelivered", checked["tags"])
        self.undelivered_queue_url = after(queue.url, queue_policy(self, f"{name}-undelivered-policy", queue, ()))
        reason = (
            f"A schedule of {name} could not warn, or start the destruction of {checked['stack']}: does its role reach topic and project?"
        )
        messages_alarm(self, f"{name}-undelivered-alarm", reason, queue, checked["alarm_topic_arns"], checked["tags"])
        self._schedules(name, project, queue)
        notify_on_event(
            self,
            f"{name}-ended",
            f"How the destruction of {checked['stack']} ended",
            pattern={
                "source": ["aws.codebuild"],
                "detail-type": ["CodeBuild Build State Change"],
                "detail": {"project-name": [project.name], "build-status": [*_ENDS]},
            },
            topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
        self.register()

    def _project(self, name: str) -> aws.codebuild.Project:
        checked = self._checked
        group = log_group(self, f"{name}-destroy-logs", checked["log_retention_days"], tags=checked["tags"])
        role = service_role(
            self,
            f"{name}-destroy-role",
            "codebuild.amazonaws.com",
            f"Destroys {checked['stack']} when it expires",
            statements={f"{name}-destroy-policy": [self._log(group), *self._state()]},
            conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn)}},
            tags=checked["tags"],
        )
        attachments = [
            aws.iam.RolePolicyAttachment(f"{name}-destroy-{key}", role=role.role.name, policy_arn=arn, opts=self.child())
            for key, arn in checked["destroy_policy_arns"].items()
        ]
        self.janitor_role_arn = after(role.arn, *attachments)
        bucket = pulumi.Output.from_input(checked["state_bucket_arn"]).apply(lambda arn: arn.rpartition(":")[2])
        variables = {
            "STACK": checked["stack"],
            "PULUMI_BACKEND_URL": pulumi.Output.concat("s3://", bucket, "?region=", region_of(group.arn), "&awssdk=v2"),
            "PULUMI_VERSION": checked["pulumi_version"],
        }
        # A file, since the commands of a build share one shell, which the script ends, and Pulumi may read from standard input.
        command = f"cat > destroy.sh << 'END_OF_SCRIPT'\n{_SCRIPT.read_text(encoding='utf-8')}END_OF_SCRIPT\nbash destroy.sh"
        steps = {"version": 0.2, "env": {"shell": "bash"}, "phases": {"build": {"commands": [command]}}}
        return aws.codebuild.Project(
            f"{name}-destroy",
            description=f"Destroys {checked['stack']} when it expires",
            service_role=self.janitor_role_arn,
            source={"type": "NO_SOURCE", "buildspec": json.dumps(steps)},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "ARM_CONTAINER",
                "compute_type": "BUILD_GENERAL1_SMALL",
                "image": "aws/codebuild/amazonlinux-aarch64-standard:3.0",
                "environment_variables": [{"name": key, "value": value} for key, value in variables.items()],
            },
            logs_config={"cloudwatch_logs": {"group_name": group.name}},
            build_timeout=checked["timeout_minutes"],
            # A second one would only meet the lock of the first.
            concurrent_build_limit=1,
            tags=checked["tags"],
            opts=self.child(),
        )

    def _log(self, group: aws.cloudwatch.LogGroup) -> Statement:
        actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
        return Statement(sid="Log", actions=actions, resources=[group.arn, pulumi.Output.concat(group.arn, ":*")])

    def _state(self) -> list[Statement]:
        checked = self._checked
        bucket, keys = checked["state_bucket_arn"], checked["state_kms_key_arns"]
        objects = state_objects(bucket, checked["stack"].removeprefix("organization/"))
        use = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
        return [
            Statement(sid="ListTheState", actions=["s3:ListBucket"], resources=[bucket]),
            Statement(sid="UseTheState", actions=["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], resources=objects),
            *([Statement(sid="UseTheKeys", actions=use, resources=keys)] if keys else []),
        ]

    def _schedules(self, name: str, project: aws.codebuild.Project, queue: aws.sqs.Queue) -> None:
        checked, topics, keys = self._checked, self._checked["alarm_topic_arns"], self._checked["topic_kms_key_arns"]
        group = aws.scheduler.ScheduleGroup(f"{name}-schedules", tags=checked["tags"], opts=self.child())
        self.schedule_group_name = group.name
        rights = [
            Statement(sid="Destroy", actions=["codebuild:StartBuild"], resources=[project.arn]),
            Statement(sid="Warn", actions=["sns:Publish"], resources=topics),
            *([Statement(sid="WarnKeys", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=keys)] if keys else []),
            Statement(sid="Park", actions=["sqs:SendMessage"], resources=[queue.arn]),
        ]
        role = service_role(
            self,
            f"{name}-schedules-role",
            "scheduler.amazonaws.com",
            f"Warns that {checked['stack']} expires, and starts its destruction",
            statements={f"{name}-schedules-policy": rights},
            # The group, not the schedule: https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
            conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn)}, "ArnEquals": {"aws:SourceArn": group.arn}},
            tags=checked["tags"],
        )
        stack, at = checked["stack"], f"{checked['expires_at'].replace('T', ' ')} ({checked['time_zone']})"
        fix = f"To keep it, raise expires_at of {name} in the stack {pulumi.get_project()}/{pulumi.get_stack()}, and run pulumi up there."
        message = {"Subject": "A temporary environment expires", "Message": f"{stack} expires at {at}, and is destroyed then. {fix}"}
        runs: dict[str, tuple[str, str, str, dict[str, Any]]] = {
            "expiry": (checked["expires_at"], "codebuild", "startBuild", {"ProjectName": project.name}),
            **{
                f"warning-{number}": (warned_at(checked), "sns", "publish", {"TopicArn": topic, **message})
                for number, topic in enumerate(topics, 1)
            },
        }
        created: list[aws.scheduler.Schedule] = []
        for suffix, (time, service, action, parameters) in runs.items():
            created.append(
                schedule(
                    self,
                    f"{name}-{suffix}",
                    group=group,
                    # A one-time schedule stays after its time: deleted by itself, it would come back with the next up.
                    expression=f"at({time})",
                    time_zone=checked["time_zone"],
                    target_arn=api_target(group.arn, service, action),
                    target_input=parameters,
                    role_arn=role.arn,
                    retry_seconds=_DAY_SECONDS,
                    dead_letter_arn=queue.arn,
                    # The expiry is prolonged first: a new time of the warning that has passed already ends the update.
                    depends_on=created[:1],
                )
            )
