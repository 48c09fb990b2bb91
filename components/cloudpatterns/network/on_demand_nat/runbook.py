"""The runbook that opens a NAT instance by hand for some minutes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Statement, account_of, assume_role, document, partition_of, region_of
from cloudpatterns.network.on_demand_nat import windows as weekly
from cloudpatterns.network.on_demand_nat.schedules import Schedules, second_closing, start_with_key, target_arn

Tags = Mapping[str, pulumi.Input[str]]

_BY_HAND = "opened-by-hand"


class Runbook(NamedTuple):
    """The Automation document and the role that it runs with."""

    document: aws.ssm.Document
    role: aws.iam.Role


def make_runbook(
    component: Component,
    name: str,
    instance: aws.ec2.Instance,
    schedules: Schedules,
    windows: Sequence[weekly.Window],
    time_zone: str,
    kms_key_arn: pulumi.Input[str] | None,
    tags: Tags,
) -> Runbook:
    """A Systems Manager Automation document with one parameter, ``Minutes``, and the role that it runs with."""
    group = schedules.group
    place = pulumi.Output.concat(region_of(group.arn), ":", account_of(group.arn))
    automations = pulumi.Output.concat("arn:", partition_of(group.arn), ":ssm:", place, ":automation-execution/*")
    role = aws.iam.Role(
        f"{name}-runbook-role",
        description="Opens one NAT instance by hand",
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html
        assume_role_policy=assume_role(
            "ssm.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn)}, "ArnLike": {"aws:SourceArn": automations}},
        ),
        tags=dict(tags),
        opts=component.child(),
    )
    by_hand = pulumi.Output.concat("arn:", partition_of(group.arn), ":scheduler:", place, ":schedule/", group.name, f"/{_BY_HAND}")
    policy = aws.iam.RolePolicy(
        f"{name}-runbook-policy",
        role=role.id,
        policy=document(
            Statement(actions=["ec2:StartInstances"], resources=[instance.arn]),
            # Has no resource types: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
            Statement(actions=["ec2:DescribeInstances"], resources=["*"]),
            Statement(actions=["scheduler:CreateSchedule", "scheduler:UpdateSchedule"], resources=[by_hand]),
            Statement(
                actions=["iam:PassRole"],
                resources=[schedules.role.arn],
                conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            ),
            *start_with_key(instance, kms_key_arn),
        ),
        opts=component.child(),
    )
    content = pulumi.Output.all(
        role=role.arn,
        instance=instance.id,
        group=group.name,
        stop=target_arn(group.arn, "stop"),
        schedule_role=schedules.role.arn,
    ).apply(lambda known: json.dumps(_content(name, known, windows, time_zone), indent=2))
    runbook = aws.ssm.Document(
        f"{name}-open",
        document_type="Automation",
        document_format="JSON",
        content=content,
        tags=dict(tags),
        opts=component.child(depends_on=[policy, schedules.policy]),
    )
    return Runbook(runbook, role)


def _content(name: str, known: Mapping[str, str], windows: Sequence[weekly.Window], time_zone: str) -> dict[str, Any]:
    open_in = [{"days": list(window.days), "start": weekly.opening(window).clock, "minutes": window.minutes} for window in windows]
    again = [occasion for window in windows if (occasion := second_closing(window, windows, time_zone))]
    script = (Path(__file__).parent / "on_aws/open_by_hand.py").read_text(encoding="utf-8")
    return {
        "schemaVersion": "0.3",
        "description": (
            f"Opens the way to the internet that {name} keeps closed, for some minutes. It closes by itself, earlier when a maintenance "
            "window ends first, and with the window when the time is up in one. Called again, the last call decides. The output says when."
        ),
        "assumeRole": known["role"],
        "parameters": {
            "Minutes": {"type": "String", "description": "Minutes to stay open, 5 to 720.", "allowedPattern": "^[1-9][0-9]{0,2}$"},
        },
        "mainSteps": [
            # Starting an instance that is still stopping is an error.
            _wait("settle", known["instance"], ["running", "stopped"]),
            {
                "name": "open",
                "description": "Schedules the stop, then starts the instance.",
                # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeScript.html
                "action": "aws:executeScript",
                "timeoutSeconds": 120,
                "onFailure": "Abort",
                "inputs": {
                    "Runtime": "python3.11",
                    "Handler": "handler",
                    "InputPayload": {
                        "minutes": "{{ Minutes }}",
                        "instance_id": known["instance"],
                        "schedule_name": _BY_HAND,
                        "schedule_group_name": known["group"],
                        "schedule_role_arn": known["schedule_role"],
                        "stop_target_arn": known["stop"],
                        "time_zone": time_zone,
                        "windows": open_in,
                        "extra_stops": [{"days": list(occasion.days), "start": occasion.clock} for occasion in again],
                    },
                    "Script": script,
                },
                "outputs": [{"Name": "closes_at", "Selector": "$.Payload.closes_at", "Type": "String"}],
            },
            {**_wait("running", known["instance"], ["running"]), "isEnd": True},
        ],
        "outputs": ["open.closes_at"],
    }


def _wait(step: str, instance_id: str, states: list[str]) -> dict[str, Any]:
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
