"""What starts and stops a NAT instance: the weekly schedules, and the runbook that starts it by hand for some minutes."""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, api_target, schedule, service_role
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
        statements={f"{name}-windows-policy": [rights, *_disk_key_statements(instance, checked.get("kms_key_arn"))]},
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
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
        alarm(
            component,
            f"{name}-windows-dropped",
            "A scheduled start or stop of the NAT instance failed until its last retry: check whether the NAT instance is running",
            Metric("AWS/Scheduler", "InvocationDroppedCount", {"ScheduleGroup": group.name}, "Sum"),
            0,
            period_seconds=300,
            actions=checked["alarm_topic_arns"],
            ok_actions=[],
            tags=tags,
        )
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
    partition, account = partition_of(group.arn), account_of(group.arn)
    place = pulumi.Output.concat(region_of(group.arn), ":", account)
    automations = pulumi.Output.concat("arn:", partition, ":ssm:", place, ":automation-execution/*")
    own_schedule = pulumi.Output.concat("arn:", partition, ":scheduler:", place, ":schedule/", group.name, f"/{_BY_HAND}")
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
    role = service_role(
        component,
        f"{name}-runbook-role",
        "ssm.amazonaws.com",
        "Starts one NAT instance by hand",
        statements={f"{name}-runbook-policy": [*statements, *_disk_key_statements(instance, checked.get("kms_key_arn"))]},
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html
        conditions={"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": automations}},
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
    content = pulumi.Output.json_dumps(_content(name, role.arn, instance.id, payload), indent=2)
    document = aws.ssm.Document(
        f"{name}-open", document_type="Automation", document_format="JSON", content=content, tags=tags, opts=component.child()
    )
    return document, role.role


def _content(name: str, role_arn: pulumi.Output[str], instance_id: pulumi.Output[str], payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "schemaVersion": "0.3",
        "description": (
            f"Starts the NAT instance of {name} for some minutes. It stops by itself: earlier when a maintenance window ends first, "
            "and with the window when the time is up in one. When it is run again, the last run decides. "
            "The output says when the instance stops. It succeeds when the instance has reported that it forwards packets."
        ),
        "assumeRole": role_arn,
        "parameters": {
            "Minutes": {"type": "String", "description": "Minutes that it runs, 5 to 720.", "allowedPattern": "^[1-9][0-9]{0,2}$"},
        },
        "mainSteps": [
            # Starting an instance that is still stopping is an error.
            _wait("settle", instance_id, ["running", "stopped"]),
            _run("open", "Schedules the stop, then starts the instance.", "handler", payload, ["closes_at", "started_at"], 120),
            _wait("running", instance_id, ["running"]),
            {
                **_run(
                    "forwards",
                    "Waits until the instance reports that its packet filter is in place and that it forwards.",
                    "wait_for_heartbeat",
                    {
                        "instance_id": instance_id,
                        "namespace": HEARTBEAT_NAMESPACE,
                        "metric_name": HEARTBEAT,
                        "started_at": "{{ open.started_at }}",
                        "closes_at": "{{ open.closes_at }}",
                    },
                    ["forwards_since"],
                    # As long as a script may run.
                    600,
                ),
                "isEnd": True,
            },
        ],
        "outputs": ["open.closes_at", "forwards.forwards_since"],
    }


def _run(step: str, description: str, handler: str, payload: dict[str, Any], outputs: list[str], timeout_seconds: int) -> dict[str, Any]:
    """A step that runs a function of the script, whose outputs are texts."""
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeScript.html
    script = (Path(__file__).parent / "on_aws/open_by_hand.py").read_text(encoding="utf-8")
    return {
        "name": step,
        "description": description,
        "action": "aws:executeScript",
        "timeoutSeconds": timeout_seconds,
        "onFailure": "Abort",
        "inputs": {"Runtime": "python3.11", "Handler": handler, "InputPayload": payload, "Script": script},
        "outputs": [{"Name": name, "Selector": f"$.Payload.{name}", "Type": "String"} for name in outputs],
    }


def _wait(step: str, instance_id: pulumi.Output[str], states: list[str]) -> dict[str, Any]:
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-waitForAwsResourceProperty.html
    return {
        "name": step,
        "description": f"Waits until the instance is {' or '.join(states)}.",
        "action": "aws:waitForAwsResourceProperty",
        "timeoutSeconds": 600,
        "onFailure": "Abort",
        "inputs": {
            "Service": "ec2",
            "Api": "DescribeInstances",
            "InstanceIds": [instance_id],
            "PropertySelector": "$.Reservations[0].Instances[0].State.Name",
            "DesiredValues": states,
        },
    }


def _disk_key_statements(instance: aws.ec2.Instance, kms_key_arn: pulumi.Input[str] | None) -> list[Statement]:
    """What a role needs besides StartInstances when a customer managed key encrypts the disk.

    Without it the instance goes from pending straight back to stopped, with no error to the caller.
    https://repost.aws/knowledge-center/kms-iam-ec2-permission
    """
    if kms_key_arn is None:
        return []
    suffix = partition_of(instance.arn).apply(lambda partition: "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com")
    return [
        Statement(
            actions=["kms:CreateGrant"],
            resources=[kms_key_arn],
            conditions={
                "Bool": {"kms:GrantIsForAWSResource": "true"},
                "StringEquals": {"kms:ViaService": pulumi.Output.concat("ec2.", instance.region, ".", suffix)},
            },
        )
    ]
