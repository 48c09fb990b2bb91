"""What starts and stops a NAT instance: the weekly schedules, and the runbook that starts it by hand for some minutes."""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import api_target, dropped_schedules_alarm, schedule, service_role
from cloudpatterns.blocks.automation import automation_document, automation_role, script_step, wait_for_instance
from cloudpatterns.blocks.server import disk_key_statements
from cloudpatterns.core import Component, Statement, account_of, partition_of, region_of
from cloudpatterns.network.on_demand_nat.arguments import OnDemandNatArgs
from cloudpatterns.network.on_demand_nat.instance import HEARTBEAT, HEARTBEAT_NAMESPACE
from cloudpatterns.network.on_demand_nat.windows import closing, closing_again, opening, retry_seconds_close, retry_seconds_open

_BY_HAND = "opened-by-hand"
"""Name of the schedule that the runbook creates."""


def weekly_schedules(
    component: Component, checked: OnDemandNatArgs, instance: aws.ec2.Instance
) -> tuple[aws.scheduler.ScheduleGroup, pulumi.Output[str]]:
    """Schedules that start the instance when a window opens and stop it when it closes, and an alarm when either fails for good.

    :returns: The schedule group, and the ARN of the role that its schedules run with.
    """
    name, tags, windows, time_zone = component.pulumi_resource_name, checked["tags"], checked["windows"], checked["time_zone"]
    # The confused-deputy condition takes the ARN of a group, not of a schedule, so the component has a group of its own.
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    group = aws.scheduler.ScheduleGroup(f"{name}-windows", tags=tags, opts=component.child())
    rights = Statement(actions=["ec2:StartInstances", "ec2:StopInstances"], resources=[instance.arn])
    role = service_role(
        component,
        f"{name}-windows-role",
        "scheduler.amazonaws.com",
        "Starts and stops one NAT instance on schedule",
        statements={f"{name}-windows-policy": [rights, *disk_key_statements(instance.arn, checked.get("kms_key_arn"))]},
        conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn), "aws:SourceArn": group.arn}},
        tags=tags,
    )
    for window in windows:
        runs = [
            ("open", "startInstances", opening(window), retry_seconds_open(window)),
            ("close", "stopInstances", closing(window), retry_seconds_close(window, windows)),
        ]
        if again := closing_again(window, windows, time_zone):
            runs.append(("close-again", "stopInstances", again, retry_seconds_close(window, windows, after_minutes=60)))
        for suffix, action, time, retry_seconds in runs:
            schedule(
                component,
                f"{name}-{suffix}-{window['name']}",
                group=group,
                expression=time.cron,
                time_zone=time_zone,
                target_arn=api_target(group.arn, "ec2", action),
                target_input={"InstanceIds": [instance.id]},
                role_arn=role.arn,
                retry_seconds=retry_seconds,
            )
    if checked["alarm_topic_arns"]:
        # A stop that was dropped leaves the instance running, a start stopped.
        description = "A scheduled start or stop of the NAT instance failed until its last retry: check whether the NAT instance is running"
        dropped_schedules_alarm(component, f"{name}-windows-dropped", description, group, checked["alarm_topic_arns"], tags)
    return group, role.arn


def runbook(
    component: Component,
    checked: OnDemandNatArgs,
    instance: aws.ec2.Instance,
    group: aws.scheduler.ScheduleGroup,
    schedule_role_arn: pulumi.Output[str],
) -> tuple[aws.ssm.Document, aws.iam.Role]:
    """A Systems Manager Automation document with one parameter, ``Minutes``, and the role that it runs with."""
    name, tags, windows, time_zone = component.pulumi_resource_name, checked["tags"], checked["windows"], checked["time_zone"]
    place = pulumi.Output.concat(region_of(group.arn), ":", account_of(group.arn))
    own_schedule = pulumi.Output.concat("arn:", partition_of(group.arn), ":scheduler:", place, ":schedule/", group.name, f"/{_BY_HAND}")
    statements = [
        Statement(actions=["ec2:StartInstances"], resources=[instance.arn]),
        # Neither has resource types: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
        Statement(actions=["ec2:DescribeInstances", "cloudwatch:GetMetricStatistics"], resources=["*"]),
        Statement(actions=["scheduler:CreateSchedule", "scheduler:UpdateSchedule"], resources=[own_schedule]),
        Statement(
            actions=["iam:PassRole"],
            resources=[schedule_role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
        ),
    ]
    role = automation_role(
        component,
        f"{name}-runbook-role",
        f"{name}-runbook-policy",
        "Starts one NAT instance by hand",
        [*statements, *disk_key_statements(instance.arn, checked.get("kms_key_arn"))],
        arn=group.arn,
        tags=tags,
    )
    extra_stops = [time for window in windows if (time := closing_again(window, windows, time_zone))]
    payload = {
        "minutes": "{{ Minutes }}",
        "instance_id": instance.id,
        "schedule_name": _BY_HAND,
        "schedule_group_name": group.name,
        "schedule_role_arn": schedule_role_arn,
        "stop_target_arn": api_target(group.arn, "ec2", "stopInstances"),
        "time_zone": time_zone,
        "windows": [{"days": window["days"], "start": window["start"], "minutes": window["minutes"]} for window in windows],
        "extra_stops": [{"days": time.days, "start": time.clock} for time in extra_stops],
    }
    automation = automation_document(
        component,
        f"{name}-open",
        f"Starts the NAT instance of {name} for some minutes. It stops by itself: earlier when a maintenance window ends first, "
        "and with the window when the time is up in one. When it is run again, the last run decides. "
        "The output says when the instance stops. It succeeds when the instance has reported that it forwards packets.",
        role_arn=role.arn,
        parameters={
            "Minutes": {"type": "String", "description": "Minutes that it runs, 5 to 720.", "allowedPattern": "^[1-9][0-9]{0,2}$"},
        },
        steps=_steps(instance.id, payload),
        outputs=["open.closes_at", "forwards.forwards_since"],
        tags=tags,
    )
    return automation.document, role.role


def _steps(instance_id: pulumi.Output[str], payload: dict[str, Any]) -> list[dict[str, Any]]:
    script = Path(__file__).parent / "on_aws/open_by_hand.py"
    heartbeat = {
        "instance_id": instance_id,
        "namespace": HEARTBEAT_NAMESPACE,
        "metric_name": HEARTBEAT,
        "started_at": "{{ open.started_at }}",
        "closes_at": "{{ open.closes_at }}",
    }
    opens, reports = (
        "Schedules the stop, then starts the instance.",
        ("Waits until the instance reports that its packet filter is in place and that it forwards."),
    )
    return [
        # Starting an instance that is still stopping is an error.
        wait_for_instance("settle", instance_id, ["running", "stopped"]),
        script_step("open", opens, script, "handler", payload, ["closes_at", "started_at"], timeout_seconds=120),
        wait_for_instance("running", instance_id, ["running"]),
        {**script_step("forwards", reports, script, "wait_for_heartbeat", heartbeat, ["forwards_since"]), "isEnd": True},
    ]
