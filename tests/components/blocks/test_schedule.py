import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.blocks import api_target, schedule
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names
from tests.harness import record, refs

ROLE = "arn:aws:iam::123456789012:role/starter"
TARGET = "arn:aws:scheduler:::aws-sdk:ec2:startInstances"


def make(mode: Any = "deployed") -> Graph:
    def create(parent: Parent) -> None:
        group = aws.scheduler.ScheduleGroup("group")
        server = aws.ec2.Instance("server")
        made = schedule(
            parent,
            "shop-start",
            group=group,
            expression="cron(0 6 ? * MON *)",
            time_zone="Europe/Berlin",
            target_arn=TARGET,
            target_input={"InstanceIds": [server.id]},
            role_arn=ROLE,
            retry_seconds=600,
            depends_on=[aws.iam.Role("rights", assume_role_policy="{}")],
        )
        assert made.pulumi_resource_name == "shop-start"

    return children(create, mode)


def test_a_schedule_calls_an_api_at_exact_times_and_gives_up_in_time() -> None:
    graph = make()
    assert names(graph) == {"shop-start": "Schedule"}
    inputs = graph.named("shop-start").inputs
    assert json.loads(inputs["target"].pop("input")) == {"InstanceIds": [graph.named("server").id]}
    assert inputs == {
        "groupName": graph.named("group").outputs["name"],
        "scheduleExpression": "cron(0 6 ? * MON *)",
        "scheduleExpressionTimezone": "Europe/Berlin",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": {
            "arn": TARGET,
            "roleArn": ROLE,
            "retryPolicy": {"maximumEventAgeInSeconds": 600, "maximumRetryAttempts": 185},
        },
    }


def test_it_comes_after_what_its_call_needs() -> None:
    graph = make("preview")
    found = graph.named("shop-start")
    assert graph.named("rights").urn in found.dependencies
    assert (refs(graph, found, "groupName"), refs(graph, found, "target")) == (["group"], ["server"])


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_target_is_an_action_of_the_same_partition(partition: str) -> None:
    arn = f"arn:{partition}:iam::123456789012:role/starter"
    graph = record(lambda: pulumi.export("target", api_target(arn, "ec2", "startInstances")))
    assert graph.outputs == {"target": f"arn:{partition}:scheduler:::aws-sdk:ec2:startInstances"}
