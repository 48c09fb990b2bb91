"""``ScaleUp``: the instance, what resizes it, and what the roles may do."""

import json
from typing import Any

import pytest
from cloudpatterns.compute import ScaleUp
from cloudpatterns.core import ArgumentError
from cloudpatterns.storage import OnDemandDisk
from offline_preview.graph import Graph

from tests.emulators.automation import errors
from tests.harness import record, refs

INSTANCE, DOCUMENT, SCHEDULE = "aws:ec2/instance:Instance", "aws:ssm/document:Document", "aws:scheduler/schedule:Schedule"
ALARM, RULE = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/eventRule:EventRule"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:on-call"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
ARN = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0"
SCHEDULES = {"morning": {"instance_type": "m7g.xlarge", "schedule_expression": "cron(0 7 ? * MON-FRI *)"}}
NEW: dict[str, Any] = {
    "instance_type": "m7g.large",
    "image_id": "ami-0abc1234def567890",
    "subnet_id": "subnet-1",
    "security_group_ids": ["sg-1"],
}
OLD: dict[str, Any] = {"instance_type": "m7g.large", "existing_instance_arn": ARN, "schedules": SCHEDULES}


def server(mode: Any = "deployed", given: dict[str, Any] | None = None, **args: Any) -> Graph:
    arguments: Any = {**(NEW if given is None else given), **args}
    return record(lambda: ScaleUp("shop", arguments), mode=mode)


def statements(graph: Graph, policy: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(policy).inputs["policy"])["Statement"]


def test_a_resize_is_stop_modify_start_of_the_same_instance_and_disk() -> None:
    graph = server(schedules=SCHEDULES)
    content = json.loads(graph.one(DOCUMENT, "shop-resize").inputs["content"])
    assert errors(content) == []
    changes = [(step["name"], step["action"]) for step in content["mainSteps"] if step["name"] in ("stop", "modify", "start")]
    assert changes == [("stop", "aws:changeInstanceState"), ("modify", "aws:executeAwsApi"), ("start", "aws:changeInstanceState")]
    ids = {json.dumps(step["inputs"].get("InstanceIds", [step["inputs"].get("InstanceId")])) for step in content["mainSteps"]}
    assert ids == {json.dumps([graph.one(INSTANCE).id]), "[null]"}
    assert {step["inputs"].get("Api", "") for step in content["mainSteps"]} == {"", "DescribeInstances", "ModifyInstanceAttribute"}
    assert content["parameters"]["InstanceType"]["allowedValues"] == ["m7g.large", "m7g.xlarge"]
    assert errors(json.loads(graph.one(DOCUMENT, "shop-restore").inputs["content"])) == []


@pytest.mark.parametrize("given", [NEW, OLD])
@pytest.mark.parametrize("key", [None, KEY])
def test_the_roles_mutating_rights_cover_that_instance_alone(given: dict[str, Any], key: str | None) -> None:
    graph = server(given=given, schedules=SCHEDULES, kms_key_arn=key)
    change, describe, executions, read, *grant = statements(graph, "shop-automation-policy")
    arn = ARN if given is OLD else graph.one(INSTANCE).outputs["arn"]
    assert change["Action"] == ["ec2:StartInstances", "ec2:StopInstances", "ec2:ModifyInstanceAttribute"]
    assert change["Resource"] == [arn]
    assert all(action.partition(":")[2].startswith("Describe") for action in (*describe["Action"], *executions["Action"]))
    assert (describe["Resource"], executions["Resource"], read["Action"]) == (["*"], ["*"], ["ssm:GetAutomationExecution"])
    assert read["Resource"] == ["arn:aws:ssm:eu-west-1:123456789012:automation-execution/*"]
    assert [(one["Action"], one["Resource"]) for one in grant] == ([(["kms:CreateGrant"], [KEY])] if key else [])


def test_a_deployment_does_not_undo_a_schedule() -> None:
    assert server(schedules=SCHEDULES).one(INSTANCE).options["ignoreChanges"] == ["volumeTags", "instanceType"]
    assert server().one(INSTANCE).options["ignoreChanges"] == ["volumeTags"]


def test_a_disk_that_is_attached_keeps_its_tags_and_survives_a_resize() -> None:
    def program() -> None:
        disk = OnDemandDisk("data", {"volumes": {"one": {"size_gib": 9}}, "mount_path": "/srv/data", "availability_zone": "eu-west-1a"})
        more: Any = {"user_data": disk.boot_script, "statements": disk.instance_statements(), "attached_kms_key_arns": [disk.kms_key_arn]}
        disk.attach(ScaleUp("shop", {**NEW, "schedules": SCHEDULES, "kms_key_arn": KEY, **more}).instance_id)

    graph = record(program, mode="deployed")
    # Of the instance's tags for volumes, which the provider writes to all that are attached, only the creation's count.
    assert "volumeTags" in graph.one(INSTANCE).options["ignoreChanges"]
    *_, grant = statements(graph, "shop-automation-policy")
    assert (grant["Action"], grant["Resource"]) == (["kms:CreateGrant"], [KEY, graph.named("data-key").outputs["arn"]])
    assert {"SessionManager", "DiskDocument"} <= {one["Sid"] for one in statements(graph, "shop-instance-policy")}


def test_the_instance_is_created_from_a_pinned_version() -> None:
    graph = server(template_version=3, kms_key_arn=KEY)
    instance, template = graph.one(INSTANCE), graph.one("aws:ec2/launchTemplate:LaunchTemplate")
    assert instance.inputs["launchTemplate"] == {"id": template.id, "version": "3"}
    assert instance.inputs["instanceType"] == "m7g.large"
    assert instance.inputs["disableApiTermination"] is True
    assert instance.inputs["metadataOptions"]["httpTokens"] == "required"
    assert template.inputs["monitoring"] == {"enabled": True}
    assert template.inputs["maintenanceOptions"] == {"autoRecovery": "default"}
    assert template.inputs["blockDeviceMappings"][0]["ebs"]["kmsKeyId"] == KEY
    assert not graph.of_type(DOCUMENT)


def test_schedules_start_the_document_with_a_type() -> None:
    graph = server(schedules=SCHEDULES, time_zone="Europe/Berlin")
    schedule = graph.one(SCHEDULE)
    assert (schedule.inputs["scheduleExpression"], schedule.inputs["scheduleExpressionTimezone"]) == (
        "cron(0 7 ? * MON-FRI *)",
        "Europe/Berlin",
    )
    assert json.loads(schedule.inputs["target"]["input"]) == {
        "DocumentName": graph.one(DOCUMENT, "shop-resize").outputs["name"],
        "Parameters": {"InstanceType": ["m7g.xlarge"]},
    }
    # The repair is there before the first resize.
    assert graph.named("shop-interrupted-restore").urn in schedule.dependencies


def test_an_execution_that_does_not_end_well_starts_the_repair() -> None:
    graph = server(schedules=SCHEDULES)
    restore = graph.one(DOCUMENT, "shop-restore").outputs["name"]
    pattern = json.loads(graph.one(RULE, "shop-interrupted").inputs["eventPattern"])
    assert pattern["detail"]["Definition"] == [graph.one(DOCUMENT, "shop-resize").outputs["name"]]
    target = graph.named("shop-interrupted-restore")
    assert target.inputs["arn"] == f"arn:aws:ssm:eu-west-1:123456789012:automation-definition/{restore}:$DEFAULT"
    assert target.inputs["inputTransformer"] == {
        "inputPaths": {"id": "$.detail.ExecutionId"},
        "inputTemplate": '{"ExecutionId": [<id>]}',
    }
    start, hand_over = statements(graph, "shop-restore-policy")
    assert f"arn:aws:ssm:eu-west-1:123456789012:automation-definition/{restore}:*" in start["Resource"]
    assert hand_over["Resource"] == [graph.named("shop-automation-role").outputs["arn"]]


def test_high_cpu_failed_checks_and_failed_resizes_are_reported() -> None:
    graph = server(schedules=SCHEDULES, alarm_topic_arns=[TOPIC], high_cpu_percent=70)
    cpu = graph.one(ALARM, "shop-high-cpu")
    assert (cpu.inputs["metricName"], cpu.inputs["threshold"], cpu.inputs["period"], cpu.inputs["evaluationPeriods"]) == (
        *("CPUUtilization", 70, 300, 3),
    )
    assert refs(graph, cpu, "dimensions") == ["shop-instance"]
    assert {"shop-status-checks", "shop-schedules-dropped"} <= {one.name for one in graph.of_type(ALARM)}
    failed = json.loads(graph.one(RULE, "shop-failed").inputs["eventPattern"])["detail"]
    assert failed["Definition"] == [graph.one(DOCUMENT, f"shop-{kind}").outputs["name"] for kind in ("resize", "restore")]
    assert failed["Status"] == ["Failed", "TimedOut", "Cancelled", "Canceled"]
    assert not server().of_type(ALARM)


def test_an_existing_instance_is_resized_and_nothing_of_it_is_created() -> None:
    graph = server(given=OLD)
    assert not graph.of_type(INSTANCE)
    outputs = graph.one("cloudpatterns:index:ScaleUp").outputs
    assert (outputs["instance_id"], outputs["private_ip"]) == ("i-0123456789abcdef0", "")


@pytest.mark.parametrize(
    ("given", "path", "reason"),
    [
        (
            {**NEW, "schedules": {"up": {**SCHEDULES["morning"], "instance_type": "m7i.xlarge"}}},
            "schedules.up.instance_type",
            "is m7i.xlarge with x86_64; instance_type m7g.large has arm64, and the disk boots on that alone. Name a type with arm64.",
        ),
        (
            {**OLD, "subnet_id": "subnet-1"},
            "existing_instance_arn",
            "excludes subnet_id: they are of a new instance; both are given. Remove one of them.",
        ),
        (
            {"instance_type": "m7g.large", "existing_instance_arn": ARN},
            "schedules",
            "is missing; existing_instance_arn needs it: nothing would resize the instance. Give it, or remove existing_instance_arn.",
        ),
        (
            {**NEW, "subnet_id": None},
            "subnet_id",
            "is missing; a new instance needs it. Give it, or an existing instance (existing_instance_arn).",
        ),
        (
            {**NEW, "attached_kms_key_arns": [KEY]},
            "schedules",
            "is missing; attached_kms_key_arns needs it: nothing else starts the instance. Give it, or remove attached_kms_key_arns.",
        ),
        (
            {**NEW, "instance_profile_arn": "arn", "statements": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::a/*"]}]},
            "instance_profile_arn",
            "excludes statements: the profile's role is the caller's; both are given. Remove one of them.",
        ),
        ({**NEW, "time_zone": "Mars"}, "time_zone", "is 'Mars'; must be an IANA time zone such as Europe/Berlin."),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any], path: str, reason: str) -> None:
    arguments = {key: value for key, value in given.items() if value is not None}
    with pytest.raises(ArgumentError) as caught:
        server(given=arguments)
    assert (path, reason) in caught.value.problems
