import json
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest
from cloudpatterns.blocks.automation import (
    api_step,
    automation_document,
    automation_role,
    notify_on_failed_automation,
    scheduled_automation,
    script_step,
    starter_role,
    step,
    wait_for_instance,
    wait_step,
)
from cloudpatterns.blocks.server import disk_key_statements
from cloudpatterns.core import Statement, document
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names
from tests.emulators.automation import errors

TOPIC = "arn:aws:sns:eu-west-1:123456789012:on-call"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"


def make(mode: Any = "deployed") -> Graph:
    def create(parent: Parent) -> None:
        group = aws.scheduler.ScheduleGroup("group")
        rights = [Statement(actions=["ec2:DescribeInstances"], resources=["*"])]
        role = automation_role(parent, "shop-role", "shop-policy", "Looks", rights, arn=group.arn, tags={"a": "b"})
        automation = automation_document(
            parent,
            "shop-look",
            "Looks at a server.",
            role_arn=role.arn,
            parameters={"Id": {"type": "String"}},
            steps=[
                wait_for_instance("settle", "{{ Id }}", ["running", "stopped"]),
                api_step("look", "Looks.", "ec2", "DescribeInstances", {"InstanceIds": ["{{ Id }}"]}, onFailure="Continue"),
            ],
            tags={"a": "b"},
        )
        starter = starter_role(parent, "shop-starter", automation, group, {})
        scheduled_automation(
            parent,
            "shop-daily",
            automation,
            group=group,
            role_arn=starter.arn,
            expression="cron(0 6 * * ? *)",
            time_zone="UTC",
            parameters={"Id": ["i-1"]},
        )
        notify_on_failed_automation(parent, "shop-failed", "It failed", [automation.document], [TOPIC], {})

    return children(create, mode)


def statements(graph: Graph, policy: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(policy).inputs["policy"])["Statement"]


def test_a_document_runs_with_its_role_and_keeps_the_rules() -> None:
    graph = make()
    found = graph.named("shop-look")
    content = json.loads(found.inputs["content"])
    assert errors(content) == []
    assert (found.inputs["documentType"], found.inputs["documentFormat"], found.inputs["tags"]) == ("Automation", "JSON", {"a": "b"})
    assert list(content) == ["schemaVersion", "description", "assumeRole", "parameters", "mainSteps"]
    assert content["assumeRole"] == graph.named("shop-role").outputs["arn"]
    assert graph.named("shop-policy").urn in make("preview").named("shop-look").dependencies


def test_only_executions_of_the_account_and_region_have_the_role() -> None:
    graph = make()
    (trust,) = json.loads(graph.named("shop-role").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": ["ssm.amazonaws.com"]}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ssm:eu-west-1:123456789012:automation-execution/*"},
    }


def test_schedules_of_the_group_start_this_document_with_this_role_alone() -> None:
    graph = make()
    document, group = graph.named("shop-look"), graph.named("group")
    start, hand_over = statements(graph, "shop-starter-policy")
    assert (start["Action"], start["Resource"]) == (
        ["ssm:StartAutomationExecution"],
        [
            document.outputs["arn"],
            f"arn:aws:ssm:eu-west-1:123456789012:automation-definition/{document.outputs['name']}:*",
            "arn:aws:ssm:eu-west-1:123456789012:automation-execution/*",
        ],
    )
    assert (hand_over["Action"], hand_over["Resource"]) == (["iam:PassRole"], [graph.named("shop-role").outputs["arn"]])
    assert hand_over["Condition"] == {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}
    (trust,) = json.loads(graph.named("shop-starter").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Condition"]["StringEquals"]["aws:SourceArn"] == group.outputs["arn"]
    target = graph.named("shop-daily").inputs["target"]
    assert target["arn"] == "arn:aws:scheduler:::aws-sdk:ssm:startAutomationExecution"
    assert json.loads(target["input"]) == {"DocumentName": document.outputs["name"], "Parameters": {"Id": ["i-1"]}}
    assert target["retryPolicy"]["maximumEventAgeInSeconds"] == 900


def test_a_failed_execution_is_reported() -> None:
    graph = make()
    assert json.loads(graph.named("shop-failed").inputs["eventPattern"]) == {
        "source": ["aws.ssm"],
        "detail-type": ["EC2 Automation Execution Status-change Notification"],
        "detail": {"Definition": [graph.named("shop-look").outputs["name"]], "Status": ["Failed", "TimedOut", "Cancelled", "Canceled"]},
    }
    assert names(graph)["shop-failed-topic-1"] == "EventTarget"


def test_a_step_has_its_properties_in_the_order_of_a_document() -> None:
    found = step("stop", "aws:sleep", "Rests.", {"Duration": "PT5M"}, timeout_seconds=5, nextStep="look", outputs=[])
    assert list(found) == ["name", "description", "action", "timeoutSeconds", "onFailure", "nextStep", "inputs", "outputs"]
    assert found["onFailure"] == "Abort"
    waits = wait_step("available", "Waits.", "ec2", "DescribeImages", {"ImageIds": ["ami-1"]}, "$.Images[0].State", ["available"])
    assert (waits["timeoutSeconds"], waits["inputs"]["DesiredValues"]) == (600, ["available"])


def test_a_script_is_a_file_and_its_outputs_are_texts(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("def handler(events, context): ...", encoding="utf-8")
    found = script_step("run", "Runs.", script, "handler", {"a": "b"}, ["found"], timeout_seconds=60)
    assert found["outputs"] == [{"Name": "found", "Selector": "$.Payload.found", "Type": "String"}]
    assert found["inputs"] == {"Runtime": "python3.11", "Handler": "handler", "InputPayload": {"a": "b"}, "Script": script.read_text()}
    assert "outputs" not in script_step("run", "Runs.", script, "handler", {})


@pytest.mark.parametrize(("partition", "suffix"), [("aws", "amazonaws.com"), ("aws-cn", "amazonaws.com.cn")])
def test_a_role_that_starts_an_instance_may_use_the_key_of_its_disk_by_ec2_alone(partition: str, suffix: str) -> None:
    def create(_: Parent) -> None:
        arn = f"arn:{partition}:ec2:eu-west-1:123456789012:instance/i-1"
        assert disk_key_statements(arn, None) == []
        aws.iam.RolePolicy("rights", role="a", policy=document(*disk_key_statements(arn, KEY)))

    (grant,) = statements(children(create), "rights")
    assert (grant["Action"], grant["Resource"]) == (["kms:CreateGrant"], [KEY])
    assert grant["Condition"] == {
        "Bool": {"kms:GrantIsForAWSResource": "true"},
        "StringEquals": {"kms:ViaService": f"ec2.eu-west-1.{suffix}"},
    }
