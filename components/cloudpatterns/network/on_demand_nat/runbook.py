"""The runbook that starts a NAT instance by hand for some minutes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import ServiceRole, api_target, service_role
from cloudpatterns.core import Component, Statement, account_of, partition_of, region_of
from cloudpatterns.network.on_demand_nat.arguments import OnDemandNatArgs
from cloudpatterns.network.on_demand_nat.schedules import Schedules, disk_key_statements
from cloudpatterns.network.on_demand_nat.windows import closing_again

_SCHEDULE_NAME = "opened-by-hand"


def runbook(
    component: Component, checked: OnDemandNatArgs, instance: aws.ec2.Instance, schedules: Schedules
) -> tuple[aws.ssm.Document, ServiceRole]:
    """A Systems Manager Automation document with one parameter, ``Minutes``, and the role that it runs with."""
    name, tags, group = component.pulumi_resource_name, checked["tags"], schedules.group
    role = _role(component, checked, instance, schedules)
    content = pulumi.Output.all(
        role=role.arn,
        instance=instance.id,
        group=group.name,
        stop=api_target(group.arn, "ec2", "stopInstances"),
        schedule_role=schedules.role.arn,
    ).apply(lambda values: json.dumps(_content(name, checked, values), indent=2))
    document = aws.ssm.Document(
        f"{name}-open", document_type="Automation", document_format="JSON", content=content, tags=tags, opts=component.child()
    )
    return document, role


def _role(component: Component, checked: OnDemandNatArgs, instance: aws.ec2.Instance, schedules: Schedules) -> ServiceRole:
    name, group = component.pulumi_resource_name, schedules.group
    partition, account = partition_of(group.arn), account_of(group.arn)
    place = pulumi.Output.concat(region_of(group.arn), ":", account)
    automations = pulumi.Output.concat("arn:", partition, ":ssm:", place, ":automation-execution/*")
    own_schedule = pulumi.Output.concat("arn:", partition, ":scheduler:", place, ":schedule/", group.name, f"/{_SCHEDULE_NAME}")
    statements = [
        Statement(actions=["ec2:StartInstances"], resources=[instance.arn]),
        # Has no resource types: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
        Statement(actions=["ec2:DescribeInstances"], resources=["*"]),
        Statement(actions=["scheduler:CreateSchedule", "scheduler:UpdateSchedule"], resources=[own_schedule]),
        Statement(
            actions=["iam:PassRole"],
            resources=[schedules.role.arn],
            conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
        ),
    ]
    return service_role(
        component,
        f"{name}-runbook-role",
        "ssm.amazonaws.com",
        "Starts one NAT instance by hand",
        statements={f"{name}-runbook-policy": [*statements, *disk_key_statements(instance, checked.get("kms_key_arn"))]},
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html
        conditions={"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": automations}},
        tags=checked["tags"],
    )


def _content(name: str, checked: OnDemandNatArgs, values: Mapping[str, str]) -> dict[str, Any]:
    windows, time_zone = checked["windows"], checked["time_zone"]
    extra_stops = [time for window in windows if (time := closing_again(window, windows, time_zone))]
    script = (Path(__file__).parent / "on_aws/open_by_hand.py").read_text(encoding="utf-8")
    return {
        "schemaVersion": "0.3",
        "description": (
            f"Starts the NAT instance of {name} for some minutes. It stops by itself: earlier when a maintenance window ends first, "
            "and with the window when the time is up in one. When it is run again, the last run decides. "
            "The output says when the instance stops."
        ),
        "assumeRole": values["role"],
        "parameters": {
            "Minutes": {"type": "String", "description": "Minutes that it runs, 5 to 720.", "allowedPattern": "^[1-9][0-9]{0,2}$"},
        },
        "mainSteps": [
            # Starting an instance that is still stopping is an error.
            _wait("settle", values["instance"], ["running", "stopped"]),
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
                        "instance_id": values["instance"],
                        "schedule_name": _SCHEDULE_NAME,
                        "schedule_group_name": values["group"],
                        "schedule_role_arn": values["schedule_role"],
                        "stop_target_arn": values["stop"],
                        "time_zone": time_zone,
                        "windows": [{"days": window["days"], "start": window["start"], "minutes": window["minutes"]} for window in windows],
                        "extra_stops": [{"days": time.days, "start": time.clock} for time in extra_stops],
                    },
                    "Script": script,
                },
                "outputs": [{"Name": "closes_at", "Selector": "$.Payload.closes_at", "Type": "String"}],
            },
            {**_wait("running", values["instance"], ["running"]), "isEnd": True},
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
