"""FloatingIp: two instances, one address that the program does not take back, and a function that may touch nothing else."""

import functools
import json
from typing import Any, cast

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import FloatingIp, FloatingIpArgs
from offline_preview.graph import Graph

from tests.harness import record, refs

A, B = "eu-west-1a", "eu-west-1b"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
BASE: dict[str, Any] = {
    "subnet_ids_by_zone": {B: "subnet-b", A: "subnet-a"},
    "security_group_ids": ["sg-1"],
    "instance_type": "t4g.micro",
    "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
}
EIP, INSTANCE, INTERFACE = "aws:ec2/eip:Eip", "aws:ec2/instance:Instance", "aws:ec2/networkInterface:NetworkInterface"
ALARM, RULE = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/eventRule:EventRule"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:pager"


@functools.cache
def plain() -> Graph:
    return make()


def make(mode: Any = "deployed", name: str = "site", **args: Any) -> Graph:
    """An argument of `...` is left out."""
    given = {key: value for key, value in {**BASE, **args}.items() if value is not ...}
    return record(lambda: FloatingIp(name, cast(FloatingIpArgs, given)), mode=mode)


def test_it_makes_two_instances_one_address_and_what_moves_it() -> None:
    graph = plain()
    made = {child.name: child.type.split(":")[-1] for child in graph.children(graph.one("cloudpatterns:index:FloatingIp").urn)}
    assert made == {
        "site-instance": "WorkloadRole",
        "site-template": "LaunchTemplate",
        "site-address": "Eip",
        **{f"site-interface-{zone}": "NetworkInterface" for zone in (A, B)},
        **{f"site-instance-{zone}": "Instance" for zone in (A, B)},
        **{f"site-alarm-{zone}": "MetricAlarm" for zone in (A, B)},
        "site-mover": "Function",
        "site-mover-logs": "LogGroup",
        "site-mover-role": "Role",
        "site-mover-policy": "RolePolicy",
        "site-mover-errors": "MetricAlarm",
        "site-mover-undelivered": "Queue",
        "site-mover-undelivered-policy": "QueuePolicy",
        **{f"site-mover-{run}": "EventRule" for run in ("states", "alarms", "watch")},
        **{f"site-mover-{run}-permission": "Permission" for run in ("states", "alarms", "watch")},
        **{f"site-mover-{run}-target": "EventTarget" for run in ("states", "alarms", "watch")},
    }


def test_the_instances_stand_in_different_zones_at_interfaces_of_their_own() -> None:
    graph = plain()
    for zone, subnet in ((A, "subnet-a"), (B, "subnet-b")):
        interface = graph.one(INTERFACE, f"site-interface-{zone}")
        assert interface.inputs["subnetId"] == subnet
        assert interface.inputs["securityGroups"] == ["sg-1"]
        instance = graph.one(INSTANCE, f"site-instance-{zone}")
        assert instance.inputs["primaryNetworkInterface"] == {"networkInterfaceId": interface.id}
        assert instance.inputs["launchTemplate"] == {"id": graph.named("site-template").id, "version": "1"}
        assert instance.inputs["metadataOptions"] == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}
        assert instance.options["deleteBeforeReplace"] is True
        assert "associatePublicIpAddress" not in instance.inputs


def test_the_program_puts_the_address_on_the_active_instance_once_and_never_fights_a_move() -> None:
    for active, standby in ((A, B), (B, A)):
        graph = make(active_zone=active)
        address = graph.one(EIP)
        assert refs(graph, address, "networkInterface") == [f"site-interface-{active}"]
        assert address.options["ignoreChanges"] == ["networkInterface", "instance", "associateWithPrivateIp"]
        # Made first, and so destroyed last: an address that is on something is not released.
        assert address.urn in graph.one(INTERFACE, f"site-interface-{standby}").dependencies
        # The first boot finds the internet; changes of both instances come one after the other.
        assert address.urn in graph.one(INSTANCE, f"site-instance-{active}").dependencies
        assert graph.one(INSTANCE, f"site-instance-{active}").urn in graph.one(INSTANCE, f"site-instance-{standby}").dependencies
        assert graph.of_type("aws:ec2/eipAssociation:EipAssociation") == []


def test_both_instances_are_watched_whichever_has_the_address() -> None:
    graph = make(failover_minutes=3, alarm_topic_arns=[TOPIC])
    for zone in (A, B):
        alarm = graph.one(ALARM, f"site-alarm-{zone}").inputs
        assert alarm == {
            "alarmDescription": f"The instance in {zone} fails; when it has the floating address, the other one gets it",
            "namespace": "AWS/EC2",
            "metricName": "StatusCheckFailed",
            "dimensions": {"InstanceId": graph.named(f"site-instance-{zone}").id},
            "statistic": "Maximum",
            "threshold": 1,
            "comparisonOperator": "GreaterThanOrEqualToThreshold",
            "period": 60,
            "evaluationPeriods": 3,
            "treatMissingData": "breaching",
            "alarmActions": [TOPIC],
            "okActions": [TOPIC],
            "tags": {},
        }
    errors = graph.named("site-mover-errors").inputs
    assert (errors["namespace"], errors["metricName"], errors["alarmActions"]) == ("AWS/Lambda", "Errors", [TOPIC])
    assert errors["dimensions"] == {"FunctionName": graph.named("site-mover").outputs["name"]}


def test_a_metric_of_ones_own_decides_for_both() -> None:
    metric = {"namespace": "Shop", "metric_name": "Heartbeat", "threshold": 1, "comparison_operator": "LessThanThreshold"}
    graph = make(health_metric={**metric, "statistic": "Sum"})
    for zone in (A, B):
        alarm = graph.named(f"site-alarm-{zone}").inputs
        found = [alarm[key] for key in ("namespace", "metricName", "threshold", "comparisonOperator", "statistic", "treatMissingData")]
        assert found == ["Shop", "Heartbeat", 1, "LessThanThreshold", "Sum", "breaching"]
    assert make(health_metric=metric).named(f"site-alarm-{A}").inputs["statistic"] == "Maximum"


def test_the_function_watches_a_metric_of_ones_own_for_silence() -> None:
    metric = {"namespace": "Shop", "metric_name": "Heartbeat", "threshold": 1, "comparison_operator": "LessThanThreshold"}
    graph = make(health_metric=metric, failover_minutes=3)
    environment = graph.named("site-mover").inputs["environment"]["variables"]
    assert json.loads(environment["HEALTH_METRIC"]) == {"namespace": "Shop", "metric_name": "Heartbeat", "failover_minutes": 3}
    statements = json.loads(graph.named("site-mover-policy").inputs["policy"])["Statement"]
    [hear] = [statement for statement in statements if "cloudwatch:GetMetricStatistics" in statement["Action"]]
    assert (hear["Effect"], hear["Action"], hear["Resource"]) == ("Allow", ["cloudwatch:GetMetricStatistics"], ["*"])
    assert "HEALTH_METRIC" not in plain().named("site-mover").inputs["environment"]["variables"]


def test_the_end_of_either_instance_changes_of_its_alarm_and_every_minute_start_the_function() -> None:
    graph = plain()
    assert json.loads(graph.one(RULE, "site-mover-states").inputs["eventPattern"]) == {
        "source": ["aws.ec2"],
        "detail-type": ["EC2 Instance State-change Notification"],
        "detail": {
            "instance-id": [graph.named(f"site-instance-{zone}").id for zone in (A, B)],
            "state": ["stopping", "stopped", "shutting-down", "terminated"],
        },
    }
    arns = [graph.named(f"site-alarm-{zone}").outputs["arn"] for zone in (A, B)]
    assert json.loads(graph.one(RULE, "site-mover-alarms").inputs["eventPattern"]) == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "resources": arns,
    }
    assert graph.one(RULE, "site-mover-watch").inputs["scheduleExpression"] == "rate(1 minute)"
    function = graph.named("site-mover")
    for run in ("states", "alarms", "watch"):
        rule = graph.one(RULE, f"site-mover-{run}")
        assert graph.named(f"site-mover-{run}-target").inputs == {
            "rule": rule.outputs["name"],
            "arn": function.outputs["arn"],
            "deadLetterConfig": {"arn": graph.named("site-mover-undelivered").outputs["arn"]},
        }
        assert graph.named(f"site-mover-{run}-permission").inputs == {
            "action": "lambda:InvokeFunction",
            "function": function.outputs["name"],
            "principal": "events.amazonaws.com",
            "sourceArn": rule.outputs["arn"],
        }


def test_events_that_cannot_be_delivered_or_handled_are_kept_and_reported() -> None:
    graph = make(alarm_topic_arns=[TOPIC])
    queue = graph.named("site-mover-undelivered")
    assert (queue.inputs["sqsManagedSseEnabled"], queue.inputs["messageRetentionSeconds"]) == (True, 1_209_600)
    assert graph.named("site-mover").inputs["deadLetterConfig"] == {"targetArn": queue.outputs["arn"]}
    [statement] = json.loads(graph.named("site-mover-undelivered-policy").inputs["policy"])["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": ["events.amazonaws.com"]}, ["sqs:SendMessage"])
    rules = [graph.one(RULE, f"site-mover-{run}").outputs["arn"] for run in ("states", "alarms", "watch")]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}
    found = graph.named("site-mover-undelivered-alarm").inputs
    assert (found["dimensions"], found["alarmActions"]) == ({"QueueName": queue.outputs["name"]}, [TOPIC])


def test_the_function_knows_the_two_instances_the_active_one_first() -> None:
    graph = make(active_zone=B)
    function = graph.named("site-mover").inputs
    assert function["environment"]["variables"]["ALLOCATION_ID"] == graph.one(EIP).outputs["allocationId"]
    assert json.loads(function["environment"]["variables"]["SERVERS"]) == [
        {
            "instance_id": graph.named(f"site-instance-{zone}").id,
            "interface_id": graph.named(f"site-interface-{zone}").id,
            "alarm_name": graph.named(f"site-alarm-{zone}").outputs["name"],
        }
        for zone in (B, A)
    ]
    assert (function["handler"], function["runtime"], list(function["code"]["assets"])) == ("index.handler", "python3.13", ["index.py"])
    assert function["loggingConfig"] == {"logFormat": "JSON", "logGroup": graph.named("site-mover-logs").outputs["name"]}
    assert "site-mover-policy" in refs(graph, graph.named("site-mover"), "role")


def test_its_rights_to_change_anything_cover_these_instances_and_this_address_alone() -> None:
    graph = plain()
    statements = json.loads(graph.named("site-mover-policy").inputs["policy"])["Statement"]
    arns = {
        name: graph.named(name).outputs["arn"]
        for name in (*(f"site-{kind}-{zone}" for kind in ("interface", "instance", "alarm") for zone in (A, B)), "site-address")
    }
    logs = graph.named("site-mover-logs").outputs["arn"]
    assert [(statement["Effect"], statement["Action"], statement["Resource"]) for statement in statements] == [
        (
            "Allow",
            ["ec2:AssociateAddress"],
            [
                arns[name]
                for name in ("site-address", f"site-interface-{A}", f"site-interface-{B}", f"site-instance-{A}", f"site-instance-{B}")
            ],
        ),
        ("Allow", ["ec2:DescribeAddresses", "ec2:DescribeInstanceStatus"], ["*"]),
        ("Allow", ["cloudwatch:DescribeAlarms"], [arns[f"site-alarm-{A}"], arns[f"site-alarm-{B}"]]),
        ("Allow", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{logs}:*"]),
        ("Allow", ["sqs:SendMessage"], [graph.named("site-mover-undelivered").outputs["arn"]]),
    ]
    trust = json.loads(graph.named("site-mover-role").inputs["assumeRolePolicy"])["Statement"]
    assert trust == [{"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": ["lambda.amazonaws.com"]}}]


def test_a_template_gets_new_versions_and_each_zone_takes_its_own_when_told() -> None:
    graph = make(
        template_versions_by_zone={B: 2.0},
        user_data="#!/bin/bash\ntrue\n",
        root_disk_gib=20,
        kms_key_arn=KEY,
        root_device_name="/dev/sda1",
    )
    assert graph.named(f"site-instance-{A}").inputs["launchTemplate"]["version"] == "1"
    assert graph.named(f"site-instance-{B}").inputs["launchTemplate"]["version"] == "2"
    template = graph.named("site-template")
    assert not template.options.get("replaceOnChanges")
    assert template.inputs["imageId"] == f"resolve:ssm:{BASE['image_parameter']}"
    assert template.inputs["instanceType"] == "t4g.micro"
    assert template.inputs["userData"] == "IyEvYmluL2Jhc2gKdHJ1ZQo="
    assert template.inputs["blockDeviceMappings"] == [
        {
            "deviceName": "/dev/sda1",
            "ebs": {"volumeSize": 20, "volumeType": "gp3", "encrypted": "true", "deleteOnTermination": "true", "kmsKeyId": KEY},
        }
    ]
    assert "networkInterfaces" not in template.inputs


def test_image_and_profile_can_be_ones_own() -> None:
    graph = make(image_parameter=..., image_id="ami-1", instance_profile_arn="arn:aws:iam::123456789012:instance-profile/path/mine")
    assert graph.named("site-template").inputs["imageId"] == "ami-1"
    assert graph.named("site-template").inputs["iamInstanceProfile"] == {"name": "mine"}
    assert graph.of_type("cloudpatterns:index:WorkloadRole") == []


def test_outputs_and_tags() -> None:
    graph = make(tags={"Owner": "web"}, log_retention_days=30)
    component = graph.one("cloudpatterns:index:FloatingIp")
    assert component.outputs == {
        "public_ip": graph.one(EIP).outputs["publicIp"],
        "allocation_id": graph.one(EIP).outputs["allocationId"],
        "instance_ids_by_zone": {zone: graph.named(f"site-instance-{zone}").id for zone in (A, B)},
        "network_interface_ids_by_zone": {zone: graph.named(f"site-interface-{zone}").id for zone in (A, B)},
        "alarm_arns_by_zone": {zone: graph.named(f"site-alarm-{zone}").outputs["arn"] for zone in (A, B)},
        "function_name": graph.named("site-mover").outputs["name"],
        "function_role_arn": graph.named("site-mover-role").outputs["arn"],
        "launch_template_id": graph.named("site-template").id,
        "launch_template_latest_version": graph.named("site-template").outputs["latestVersion"],
    }
    untagged = [one.name for one in graph.resources if "tags" in one.inputs and one.inputs["tags"].get("Owner") != "web"]
    assert untagged == []
    marked = {one.name for one in graph.resources if one.inputs.get("tags", {}).get("cloudpatterns:internet") == "true"}
    assert marked == {f"site-{kind}-{zone}" for kind in ("interface", "instance") for zone in (A, B)}
    assert graph.named("site-mover-logs").inputs["retentionInDays"] == 30
    assert make().named("site-mover-logs").inputs["retentionInDays"] == 365


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"subnet_ids_by_zone": {A: "s"}}, "subnet_ids_by_zone", "has 1 entry; at least 2 are needed"),
        ({"subnet_ids_by_zone": {}}, "subnet_ids_by_zone", "has 0 entries; at least 2 are needed"),
        (
            {"subnet_ids_by_zone": {A: "s", "West B": "t"}},
            "subnet_ids_by_zone",
            "has 'West B'; a name has lower-case letters, digits and hyphens, such as eu-west-1a. Rename it",
        ),
        ({"active_zone": "eu-west-1c"}, "active_zone", f"is 'eu-west-1c', which is not a zone of an instance; known are {A}, {B}."),
        (
            {"template_versions_by_zone": {"eu-west-1c": 2}},
            "template_versions_by_zone.eu-west-1c",
            f"is 'eu-west-1c', which is not a zone of an instance; known are {A}, {B}.",
        ),
        ({"template_versions_by_zone": {A: 0}}, f"template_versions_by_zone.{A}", "is 0; must be at least 1"),
        ({"image_parameter": ...}, "image_parameter", "exactly one of image_parameter and image_id is needed; none is given. Give one."),
        ({"image_id": "ami-1"}, "image_parameter", "exactly one of image_parameter and image_id is needed; both are given. Remove one."),
        ({"failover_minutes": 0}, "failover_minutes", "is 0; must be at least 1"),
        ({"security_group_ids": []}, "security_group_ids", "has 0 entries; at least 1 is needed"),
        (
            {"health_metric": {"namespace": "S", "metric_name": "m", "threshold": 1, "comparison_operator": "Less"}},
            "health_metric.comparison_operator",
            "is 'Less'; must be one of GreaterThanThreshold, GreaterThanOrEqualToThreshold, LessThanThreshold, LessThanOrEqualToThreshold",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is(args: dict[str, Any], path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    assert error.value.problems == [(path, reason)]


def test_long_names_are_refused() -> None:
    with pytest.raises(ArgumentError, match="Give the component a name of at most 42 characters"):
        make(name="x" * 43)
    make(name="x" * 42)


def test_transforms_reach_the_children() -> None:
    def quicker(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "aws:lambda/function:Function":
            return None
        return pulumi.ResourceTransformResult({**args.props, "timeout": 5}, args.opts)

    graph = record(lambda: FloatingIp("site", cast(FloatingIpArgs, BASE), pulumi.ResourceOptions(transforms=[quicker])))
    assert graph.named("site-mover").inputs["timeout"] == 5


def test_a_preview_knows_who_hangs_on_whom() -> None:
    graph = make(mode="preview")
    assert refs(graph, graph.named(f"site-alarm-{B}"), "dimensions") == [f"site-instance-{B}"]
    assert set(refs(graph, graph.named("site-mover-policy"), "policy")) == {
        "site-address",
        "site-mover-logs",
        "site-mover-undelivered",
        *(f"site-{kind}-{zone}" for kind in ("interface", "instance", "alarm") for zone in (A, B)),
    }
