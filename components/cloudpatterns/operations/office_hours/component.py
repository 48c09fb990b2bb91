"""Office hours of everything that nobody needs at night: tagged resources are stopped and started by the clock.

Pattern: "Turn off non-production" (Architecting for the Cloud); "Temporary Development Environment" (Cloud Design Patterns for AWS).
"""

import json
from pathlib import Path

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import dropped_schedules_alarm, messages_alarm, pattern_function, queue_policy, schedule, service_role
from cloudpatterns.blocks.event import undelivered_queue
from cloudpatterns.blocks.server import disk_key_statements
from cloudpatterns.core import Component, Statement, account_of, after, partition_of, region_of
from cloudpatterns.operations.office_hours.arguments import (
    OfficeHoursArgs,
    holidays_in_utc,
    problems,
    production_names,
    starting,
    stopping,
    watching,
)

_CODE = Path(__file__).parent / "on_aws"
_TIMEOUT_SECONDS = 900
_ALARM_ACTIONS = ("DisableAlarmActions", "EnableAlarmActions", "SetAlarmState")
_RETRY_SECONDS = 1800
"""A start may be late by that much; a stop never reaches the next start."""
_NAMES = {"function": 64, "function-role": 64, "schedules": 64, "schedules-role": 64, "stop-days-off": 64, "failed": 80}


class OfficeHours(Component):
    """Stops tagged resources after work and starts them in the morning (Architecting for the Cloud, "Turn off non-production").

    What has the tag ``tag_key`` = ``tag_value`` is stopped at ``end`` and started at ``start`` on working days: EC2 instances, RDS
    instances, clusters of Aurora, DocumentDB and Neptune, Auto Scaling groups and ECS services. Groups and services get the size zero,
    and in the morning the sizes from before, which are kept in parameters below ``sizes_path``; the scaling of a service is suspended
    meanwhile. Members of a group and instances of a cluster follow theirs. From ``end`` until an hour before the next start, and all day
    on days off, what runs again is stopped each hour: a database that AWS has started after seven days, what was being backed up at
    ``end``, or what somebody has deployed at night.

    Metric alarms with the tag are silent about what the clock stops: a stop switches their actions off first, and half an hour
    after ``start`` they are on again. One that is raised by then tells.

    To work late, set the tag ``cloudpatterns:keep-until`` on a resource (``2026-12-01T22:00Z``, in UTC): it is not stopped before. By hand:
    ``aws lambda invoke --function-name <function_name> --cli-binary-format raw-in-base64-out --payload '{"action": "start"}' /dev/stdout``.

    The role's rights end at the tag: to stop, start and resize are allowed where ``aws:ResourceTag`` says so, and not where
    ``environment_tag_key`` names production. The search for resources knows no such condition. Neither does the scaling of an ECS service
    (``RegisterScalableTarget``), whose own tags are not those of the service: the role may suspend it for any service, and the function
    checks the service's tags first.

    **Use when**: environments for development and tests run around the clock, and people use them by day.

    **Not when**: it is production; the environment can go as a whole (``TemporaryEnvironment``); or what runs is paid by the request.

    **Cost drivers**: next to nothing: some 550 short runs of a function a month. Disks, addresses and storage of what is stopped are
    billed on.

    **Trade-offs**: databases with read replicas, SQL Server with a standby, members of global databases and daemon services cannot be
    stopped; with the tag they are reported each hour. What an instance has in memory or on instance store is lost. A ``pulumi refresh`` at
    night sees the zero sizes, and the next ``up`` starts the servers until the next hour. Destroyed at night, it leaves everything stopped
    and alarms silent: start by hand first, then ``watch``. Events of databases and of Auto Scaling are no alarms: topics still hear of
    them.

    **Proven by**: controls ``schedule-outside-production``, ``schedule-dead-letters``, ``schedule-role-confined``, ``schedule-role-trust``;
    ``test_office_hours.py``, and ``test_office_hours_on_aws.py``, which stops and starts an emulated account whose services fail.
    """

    function_name: pulumi.Output[str]
    """Name of the function that stops and starts."""
    function_arn: pulumi.Output[str]
    """ARN of the function."""
    function_role_arn: pulumi.Output[str]
    """ARN of the function's role, which keys of disks in other accounts must admit."""
    schedule_group_name: pulumi.Output[str]
    """Name of the schedules' group, the dimension ``ScheduleGroup`` of their metrics."""
    failed_queue_url: pulumi.Output[str]
    """URL of the queue with the runs that failed at last; the function's log has the reasons."""
    sizes_path: pulumi.Output[str]
    """Path of the parameters that keep the sizes of stopped groups and services."""
    tag_key: pulumi.Output[str]
    """Key of the tag that selects resources."""
    tag_value: pulumi.Output[str]
    """Value of the tag that selects resources."""

    def __init__(self, name: str, args: OfficeHoursArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=_NAMES)
        self.tag_key = pulumi.Output.from_input(checked["tag_key"])
        self.tag_value = pulumi.Output.from_input(checked["tag_value"])
        group = aws.scheduler.ScheduleGroup(f"{name}-schedules", tags=checked["tags"], opts=self.child())
        self.schedule_group_name = group.name
        self.sizes_path = pulumi.Output.concat("/cloudpatterns/office-hours/", group.name)
        queue = undelivered_queue(self, f"{name}-failed", checked["tags"])
        policy = queue_policy(self, f"{name}-failed-policy", queue, ())
        self.failed_queue_url = after(queue.url, policy)
        self._schedules(name, group, self._function(name, group.arn, queue), queue)
        if topics := checked["alarm_topic_arns"]:
            reason = f"The function {name}-function could not stop or start something, and its log says what and why"
            messages_alarm(self, f"{name}-failed-alarm", reason, queue, topics, checked["tags"])
            reason = f"A schedule of {name} could not invoke its function: what it should stop runs on, or what it should start is stopped"
            dropped_schedules_alarm(self, f"{name}-dropped", reason, group, topics, checked["tags"])
        self.register()

    def _function(self, name: str, group_arn: pulumi.Output[str], queue: aws.sqs.Queue) -> aws.lambda_.Function:
        checked = self._checked
        created = pattern_function(
            self,
            f"{name}-function",
            _CODE,
            description=f"Stops and starts what has the tag {checked['tag_key']}={checked['tag_value']}",
            role_description=f"Stops and starts what has the tag {checked['tag_key']}={checked['tag_value']}, and nothing of production",
            statements=[*self._reads(group_arn), *self._changes(group_arn), *self._keys(group_arn)],
            memory_mib=256,
            timeout_seconds=_TIMEOUT_SECONDS,
            log_retention_days=checked["log_retention_days"],
            environment={
                "TAG_KEY": checked["tag_key"],
                "TAG_VALUE": checked["tag_value"],
                "ENVIRONMENT_TAG_KEY": checked["environment_tag_key"],
                "PRODUCTION_NAMES": json.dumps(production_names(checked)),
                "HOLIDAYS": json.dumps(holidays_in_utc(checked), separators=(",", ":")),
                "CALENDARS": pulumi.Output.json_dumps(checked["change_calendar_arns"]),
                "SIZES_PATH": self.sizes_path,
            },
            dead_letter_arn=queue.arn,
            tags=checked["tags"],
        )
        # Two retries, after one and two minutes: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
        aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-function-retries",
            function_name=created.function.name,
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=_RETRY_SECONDS,
            opts=self.child(),
        )
        self.function_name, self.function_arn = created.function.name, created.function.arn
        self.function_role_arn = created.role.arn
        return created.function

    def _place(self, group_arn: pulumi.Output[str], service: str, resource: pulumi.Input[str]) -> pulumi.Output[str]:
        """An ARN of this account and Region."""
        parts = partition_of(group_arn), region_of(group_arn), account_of(group_arn)
        return pulumi.Output.concat("arn:", parts[0], f":{service}:", parts[1], ":", parts[2], ":", resource)

    def _reads(self, group_arn: pulumi.Output[str]) -> list[Statement]:
        """What finds resources: the actions know no condition on tags, or answer without one with what the caller may not see."""
        listed = (
            "autoscaling:DescribeAutoScalingGroups",
            "ec2:DescribeInstances",
            "ecs:ListClusters",
            "ecs:ListServices",
            "tag:GetResources",
        )
        databases = [self._place(group_arn, "rds", "db:*"), self._place(group_arn, "rds", "cluster:*")]
        calendars = self._checked["change_calendar_arns"]
        return [
            Statement(sid="Find", actions=[*listed, "application-autoscaling:DescribeScalableTargets"], resources=["*"]),
            Statement(sid="FindAlarms", actions=["cloudwatch:DescribeAlarms"], resources=[self._place(group_arn, "cloudwatch", "alarm:*")]),
            Statement(sid="FindDatabases", actions=["rds:DescribeDBClusters", "rds:DescribeDBInstances"], resources=databases),
            Statement(sid="FindServices", actions=["ecs:DescribeServices"], resources=[self._place(group_arn, "ecs", "service/*")]),
            *([Statement(sid="Calendars", actions=["ssm:GetCalendarState"], resources=calendars)] if calendars else []),
        ]

    def _changes(self, group_arn: pulumi.Output[str]) -> list[Statement]:
        """What stops and starts: under the condition of the tag, and never in production."""
        checked = self._checked
        selected = {
            "StringEquals": {f"aws:ResourceTag/{checked['tag_key']}": checked["tag_value"]},
            # It holds for what has no such tag as well.
            "StringNotEqualsIgnoreCase": {f"aws:ResourceTag/{checked['environment_tag_key']}": production_names(checked)},
        }
        rights = {
            "Instances": (["ec2:StartInstances", "ec2:StopInstances"], "ec2", "instance/*"),
            "Databases": (["rds:StartDBInstance", "rds:StopDBInstance"], "rds", "db:*"),
            "Clusters": (["rds:StartDBCluster", "rds:StopDBCluster"], "rds", "cluster:*"),
            "Groups": (["autoscaling:UpdateAutoScalingGroup"], "autoscaling", "autoScalingGroup:*:autoScalingGroupName/*"),
            "Services": (["ecs:UpdateService"], "ecs", "service/*"),
            "Alarms": ([f"cloudwatch:{action}" for action in _ALARM_ACTIONS], "cloudwatch", "alarm:*"),
        }
        tagged = [
            Statement(sid=sid, actions=actions, resources=[self._place(group_arn, service, resource)], conditions=selected)
            for sid, (actions, service, resource) in rights.items()
        ]
        scaling = Statement(
            sid="ServiceScaling",
            actions=["application-autoscaling:RegisterScalableTarget"],
            resources=[self._place(group_arn, "application-autoscaling", "scalable-target/*")],
            conditions={
                "StringEquals": {
                    "application-autoscaling:service-namespace": "ecs",
                    "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
                }
            },
        )
        parameters = self._place(group_arn, "ssm", pulumi.Output.concat("parameter", self.sizes_path, "/*"))
        sizes = Statement(sid="Sizes", actions=["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"], resources=[parameters])
        return [*tagged, scaling, sizes]

    def _keys(self, group_arn: pulumi.Output[str]) -> list[Statement]:
        return disk_key_statements(group_arn, *self._checked["disk_kms_key_arns"])

    def _schedules(self, name: str, group: aws.scheduler.ScheduleGroup, function: aws.lambda_.Function, queue: aws.sqs.Queue) -> None:
        checked = self._checked
        role = service_role(
            self,
            f"{name}-schedules-role",
            "scheduler.amazonaws.com",
            f"Invokes the function of {name}",
            statements={
                f"{name}-schedules-policy": [
                    Statement(sid="Invoke", actions=["lambda:InvokeFunction"], resources=[function.arn]),
                    Statement(sid="Park", actions=["sqs:SendMessage"], resources=[queue.arn]),
                ]
            },
            # The group, not the schedule: https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
            conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn)}, "ArnEquals": {"aws:SourceArn": group.arn}},
            tags=checked["tags"],
        )
        descriptions = {"start": "Starts", "stop": "Stops", "watch": "Switches the alarms on again of"}
        for suffix, expression in {"start": starting(checked), "watch": watching(checked), **stopping(checked)}.items():
            action = suffix.partition("-")[0]
            schedule(
                self,
                f"{name}-{suffix}",
                group=group,
                expression=expression,
                time_zone=checked["time_zone"],
                target_arn=function.arn,
                target_input={"action": action, "scheduled_time": "<aws.scheduler.scheduled-time>"},
                role_arn=role.arn,
                retry_seconds=_RETRY_SECONDS,
                dead_letter_arn=queue.arn,
                description=f"{descriptions[action]} what has the tag {checked['tag_key']}={checked['tag_value']}",
            )
