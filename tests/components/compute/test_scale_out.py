"""ScaleOut: the launch template, the group and what moves its size, exactly; and every refusal."""

import base64
import gzip
import hashlib
import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.blocks.server import architecture
from cloudpatterns.compute import ScaleOut
from cloudpatterns.core import ArgumentError
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs

PROFILE = "arn:aws:iam::123456789012:instance-profile/web"
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
TARGETS = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUP = "aws:autoscaling/group:Group"
POLICY = "aws:autoscaling/policy:Policy"
SCHEDULE = "aws:autoscaling/schedule:Schedule"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
NOTIFICATION = "aws:autoscaling/notification:Notification"


def arguments(**changes: Any) -> Any:
    """Arguments of a small group; a change to None leaves the argument out."""
    return {
        "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
        "security_group_ids": ["sg-app"],
        "instance_types": ["t4g.small"],
        "min_size": 2,
        "max_size": 6,
        "image_parameter": IMAGE,
        "instance_profile_arn": PROFILE,
        **changes,
    }


def made(name: str = "web", options: pulumi.ResourceOptions | None = None, **changes: Any) -> Graph:
    return record(lambda: ScaleOut(name, arguments(**changes), options), mode="deployed")


def refused(name: str = "web", **changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        made(name, **changes)
    return error.value.problems


def children(graph: Graph) -> list[tuple[str, str]]:
    component = graph.one("cloudpatterns:index:ScaleOut")
    return sorted((item.type, item.name) for item in graph.children(component.urn))


def inputs(resource: Resource) -> dict[str, Any]:
    """Inputs without the name that auto-naming may have given."""
    return {key: value for key, value in resource.inputs.items() if key not in ("name", "__defaults")}


def test_a_plain_group_has_these_children_and_no_others() -> None:
    graph = made()
    assert children(graph) == [
        (GROUP, "web-group"),
        (POLICY, "web-burst"),
        (POLICY, "web-cpu"),
        (ALARM, "web-burst-alarm"),
        (TEMPLATE, "web-template"),
    ]
    outputs = graph.one("cloudpatterns:index:ScaleOut").outputs
    group, template = graph.one(GROUP), graph.one(TEMPLATE)
    assert outputs == {
        "auto_scaling_group_name": group.outputs["name"],
        "auto_scaling_group_arn": group.outputs["arn"],
        "launch_template_id": template.id,
        "instance_profile_arn": PROFILE,
    }


def test_the_launch_template() -> None:
    graph = made(user_data="#!/bin/bash\necho hällo\n", tags={"Owner": "platform"})
    tags = {"Name": "web", "Owner": "platform"}
    template = inputs(graph.one(TEMPLATE))
    assert base64.b64decode(template.pop("userData")).decode() == "#!/bin/bash\necho hällo\n"
    assert template == {
        "description": "Instances of web",
        "imageId": f"resolve:ssm:{IMAGE}",
        "instanceType": "t4g.small",
        "iamInstanceProfile": {"arn": PROFILE},
        "blockDeviceMappings": [
            {
                "deviceName": "/dev/xvda",
                "ebs": {"volumeType": "gp3", "volumeSize": 10, "encrypted": "true", "deleteOnTermination": "true"},
            }
        ],
        "ebsOptimized": "true",
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
        "monitoring": {"enabled": True},
        "networkInterfaces": [
            {
                "deviceIndex": 0,
                "associatePublicIpAddress": "false",
                "securityGroups": ["sg-app"],
                "deleteOnTermination": "true",
            }
        ],
        "updateDefaultVersion": True,
        "tagSpecifications": [{"resourceType": kind, "tags": tags} for kind in ("instance", "network-interface", "volume")],
        "tags": tags,
    }


def test_the_group() -> None:
    graph = made(tags={"Owner": "platform"})
    group, template = graph.one(GROUP), graph.one(TEMPLATE)
    assert inputs(group) == {
        "vpcZoneIdentifiers": ["subnet-a", "subnet-b"],
        "minSize": 2,
        "maxSize": 6,
        "desiredCapacity": 2,
        "launchTemplate": {"id": template.id, "version": str(template.outputs["latestVersion"])},
        "healthCheckType": "EC2",
        "healthCheckGracePeriod": 300,
        "defaultInstanceWarmup": 120,
        "instanceRefresh": {
            "strategy": "Rolling",
            "preferences": {
                "minHealthyPercentage": 100,
                "maxHealthyPercentage": 150,
                "autoRollback": False,
                "scaleInProtectedInstances": "Ignore",
            },
        },
        "instanceMaintenancePolicy": {"minHealthyPercentage": 100, "maxHealthyPercentage": 150},
        "maxInstanceLifetime": 1_209_600,
        "terminationPolicies": ["Default"],
        "protectFromScaleIn": False,
        "enabledMetrics": [
            "GroupMinSize",
            "GroupMaxSize",
            "GroupDesiredCapacity",
            "GroupInServiceInstances",
            "GroupPendingInstances",
            "GroupStandbyInstances",
            "GroupTerminatingInstances",
            "GroupTotalInstances",
        ],
        "metricsGranularity": "1Minute",
        "waitForCapacityTimeout": "15m",
        "tags": [
            {"key": "Name", "value": "web", "propagateAtLaunch": True},
            {"key": "Owner", "value": "platform", "propagateAtLaunch": True},
        ],
    }
    assert group.options["ignoreChanges"] == ["desiredCapacity"]
    assert refs(graph, group, "launchTemplate") == ["web-template"]


def test_the_version_is_unknown_in_a_preview_and_never_default() -> None:
    graph = record(lambda: ScaleOut("web", arguments()))
    assert refs(graph, graph.one(GROUP), "launchTemplate") == ["web-template"]
    assert "Default" not in repr(graph.one(GROUP).inputs["launchTemplate"])
    assert "Latest" not in repr(graph.one(GROUP).inputs["launchTemplate"])


def test_behind_a_load_balancer_its_health_checks_count() -> None:
    group = inputs(made(target_group_arns=[TARGETS], health_check_grace_seconds=90).one(GROUP))
    assert (group["targetGroupArns"], group["healthCheckType"], group["healthCheckGracePeriod"]) == ([TARGETS], "ELB", 90)


def test_the_first_deployment_alone_waits_for_healthy_targets() -> None:
    group = inputs(made(target_group_arns=[TARGETS]).one(GROUP))
    assert (group["waitForCapacityTimeout"], group["minElbCapacity"]) == ("15m", group["minSize"])
    # It would count at updates too.
    assert "waitForElbCapacity" not in group
    assert "minElbCapacity" not in inputs(made().one(GROUP))


def test_a_mix_with_spot() -> None:
    graph = made(instance_types=["t4g.small", "t4g.medium"], spot_percentage=75, on_demand_base_size=1)
    group, template = graph.one(GROUP), graph.one(TEMPLATE)
    assert "launchTemplate" not in group.inputs
    assert group.inputs["capacityRebalance"] is True
    assert group.inputs["mixedInstancesPolicy"] == {
        "launchTemplate": {
            "launchTemplateSpecification": {"launchTemplateId": template.id, "version": str(template.outputs["latestVersion"])},
            "overrides": [{"instanceType": "t4g.small"}, {"instanceType": "t4g.medium"}],
        },
        "instancesDistribution": {
            "onDemandAllocationStrategy": "prioritized",
            "onDemandBaseCapacity": 1,
            "onDemandPercentageAboveBaseCapacity": 25,
            "spotAllocationStrategy": "price-capacity-optimized",
        },
    }


def test_several_types_without_spot_are_spread_but_not_rebalanced() -> None:
    group = made(instance_types=["t4g.small", "t4g.medium"]).one(GROUP)
    distribution = group.inputs["mixedInstancesPolicy"]["instancesDistribution"]
    assert (distribution["onDemandBaseCapacity"], distribution["onDemandPercentageAboveBaseCapacity"]) == (0, 100)
    assert "capacityRebalance" not in group.inputs
    assert "launchTemplate" not in group.inputs


def test_a_fixed_image_rolls_back() -> None:
    graph = made(image_parameter=None, image_id="ami-0123456789abcdef0")
    assert graph.one(TEMPLATE).inputs["imageId"] == "ami-0123456789abcdef0"
    assert graph.one(GROUP).inputs["instanceRefresh"]["preferences"]["autoRollback"] is True


def test_every_knob_of_the_group() -> None:
    group = inputs(
        made(
            scaling={"protect_from_scale_in": True, "termination_policies": ["OldestInstance"]},
            refresh={"instance_warmup_seconds": 0, "min_healthy_percent": 50, "max_instance_lifetime_seconds": 604_800},
            wait_for_capacity_minutes=10,
            service_linked_role_arn="arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/x_web",
        ).one(GROUP)
    )
    assert group["instanceRefresh"]["preferences"]["scaleInProtectedInstances"] == "Refresh"
    assert group["instanceRefresh"]["preferences"]["minHealthyPercentage"] == 50
    assert group["instanceMaintenancePolicy"] == {"minHealthyPercentage": 50, "maxHealthyPercentage": 150}
    assert group["protectFromScaleIn"] is True
    assert group["maxInstanceLifetime"] == 604_800
    assert group["terminationPolicies"] == ["OldestInstance"]
    assert group["defaultInstanceWarmup"] == 0
    assert group["waitForCapacityTimeout"] == "10m"
    assert group["serviceLinkedRoleArn"].endswith("/x_web")


def test_a_group_that_something_else_scales_has_no_policy_of_its_own() -> None:
    graph = made(scaling={"by_cpu": False})
    assert graph.of_type("aws:autoscaling/policy:Policy") == []
    assert [one.name for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm") if "burst" in one.name] == []


def test_a_refresh_may_wait_for_protected_instances_and_destroy_need_not() -> None:
    group = made(refresh={"protected_instances": "Wait"}, force_delete=True).one("aws:autoscaling/group:Group").inputs
    assert group["instanceRefresh"]["preferences"]["scaleInProtectedInstances"] == "Wait"
    assert group["forceDelete"] is True
    assert "forceDelete" not in made().one("aws:autoscaling/group:Group").inputs


def test_disks_and_metadata_for_containers() -> None:
    graph = made(
        disks={
            "root_disk_gib": 20,
            "root_device_name": "/dev/sda1",
            "data_disks": {"/dev/sdf": {"size_gib": 100, "iops": 6000, "throughput_mib_per_second": 500}},
            "ebs_optimized": False,
        },
        kms_key_arn=KEY,
        metadata_hop_limit=2,
    )
    template = graph.one(TEMPLATE).inputs
    common = {"volumeType": "gp3", "encrypted": "true", "kmsKeyId": KEY, "deleteOnTermination": "true"}
    assert template["blockDeviceMappings"] == [
        {"deviceName": "/dev/sda1", "ebs": {"volumeSize": 20, **common}},
        {"deviceName": "/dev/sdf", "ebs": {"volumeSize": 100, "iops": 6000, "throughput": 500, **common}},
    ]
    assert template["metadataOptions"]["httpPutResponseHopLimit"] == 2
    assert template["ebsOptimized"] == "false"
    assert graph.of_type("aws:kms/key:Key") == []


def test_a_created_key_lets_auto_scaling_use_it() -> None:
    graph = made(create_kms_key=True)
    assert ("aws:kms/key:Key", "web-key") in children(graph)
    statements = json.loads(graph.one("aws:kms/keyPolicy:KeyPolicy").inputs["policy"])["Statement"][1:]
    principal = {"AWS": ["arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"]}
    assert statements == [
        {
            "Sid": "AutoScalingUse",
            "Effect": "Allow",
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
            "Resource": ["*"],
            "Principal": principal,
        },
        {
            "Sid": "AutoScalingGrants",
            "Effect": "Allow",
            "Action": ["kms:CreateGrant"],
            "Resource": ["*"],
            "Principal": principal,
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    ]
    assert set(refs(graph, graph.one(TEMPLATE), "blockDeviceMappings")) == {"web-key", "web-key-policy"}


def test_a_created_key_names_the_service_linked_role_that_is_given() -> None:
    role = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/x_web"
    policy = json.loads(made(create_kms_key=True, service_linked_role_arn=role).one("aws:kms/keyPolicy:KeyPolicy").inputs["policy"])
    assert [statement["Principal"] for statement in policy["Statement"][1:]] == [{"AWS": [role]}] * 2


def test_without_a_profile_one_is_made_for_session_manager() -> None:
    graph = made(instance_profile_arn=None)
    assert ("cloudpatterns:index:WorkloadRole", "web-instance") in children(graph)
    [statement] = json.loads(graph.named("web-instance-policy").inputs["policy"])["Statement"]
    assert statement["Sid"] == "SessionManager"
    profile = graph.named("web-instance-profile")
    assert graph.one(TEMPLATE).inputs["iamInstanceProfile"] == {"arn": profile.outputs["arn"]}
    assert set(refs(graph, graph.one(TEMPLATE), "iamInstanceProfile")) == {"web-instance-profile", "web-instance-policy"}
    assert graph.one("cloudpatterns:index:ScaleOut").outputs["instance_profile_arn"] == profile.outputs["arn"]


def test_target_tracking_on_cpu_and_requests() -> None:
    graph = made(
        target_group_arns=[TARGETS],
        scaling={"cpu_target_percent": 60, "requests_per_target": 800},
        load_balancer_arn_suffix="app/web/1111111111111111",
        target_group_arn_suffix="targetgroup/web/2222222222222222",
    )
    assert inputs(graph.one(POLICY, "web-cpu")) == {
        "autoscalingGroupName": graph.one(GROUP).outputs["name"],
        "policyType": "TargetTrackingScaling",
        "targetTrackingConfiguration": {
            "predefinedMetricSpecification": {"predefinedMetricType": "ASGAverageCPUUtilization"},
            "targetValue": 60,
        },
    }
    requests = graph.one(POLICY, "web-requests")
    assert requests.inputs["policyType"] == "TargetTrackingScaling"
    assert requests.inputs["targetTrackingConfiguration"] == {
        "predefinedMetricSpecification": {
            "predefinedMetricType": "ALBRequestCountPerTarget",
            "resourceLabel": "app/web/1111111111111111/targetgroup/web/2222222222222222",
        },
        "targetValue": 800,
    }
    assert refs(graph, requests, "autoscalingGroupName") == ["web-group"]


@pytest.mark.parametrize(("target", "burst"), [(50, 85), (80, 85), (81, 86), (90, 95)])
def test_every_target_leaves_room_for_a_burst(target: int, burst: int) -> None:
    assert made(scaling={"cpu_target_percent": target}).one(ALARM).inputs["threshold"] == burst


def test_a_burst_adds_half_or_all_of_the_group_at_once() -> None:
    graph = made(scaling={"burst_cpu_percent": 80}, alarm_topic_arns=[TOPIC], tags={"Owner": "platform"})
    policy, group = graph.one(POLICY, "web-burst"), graph.one(GROUP)
    assert inputs(policy) == {
        "autoscalingGroupName": group.outputs["name"],
        "policyType": "StepScaling",
        "adjustmentType": "PercentChangeInCapacity",
        "minAdjustmentMagnitude": 1,
        "metricAggregationType": "Average",
        "stepAdjustments": [
            {"metricIntervalLowerBound": "0", "metricIntervalUpperBound": "10", "scalingAdjustment": 50},
            {"metricIntervalLowerBound": "10", "scalingAdjustment": 100},
        ],
    }
    assert inputs(graph.one(ALARM, "web-burst-alarm")) == {
        "alarmDescription": "CPU of web is too high for target tracking alone; the group grows at once",
        "namespace": "AWS/EC2",
        "metricName": "CPUUtilization",
        "dimensions": {"AutoScalingGroupName": group.outputs["name"]},
        "statistic": "Average",
        "period": 60,
        "evaluationPeriods": 2,
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "threshold": 80,
        "treatMissingData": "notBreaching",
        "alarmActions": [policy.outputs["arn"], TOPIC],
        "tags": {"Name": "web", "Owner": "platform"},
    }


def test_scheduled_actions_leave_unset_sizes_alone_and_own_the_ones_they_set() -> None:
    graph = made(
        scaling={
            "scheduled_actions": {
                "night": {"recurrence": "0 20 * * MON-FRI", "time_zone": "Europe/Berlin", "min_size": 0, "desired_capacity": 0},
                "sale": {"start_time": "2027-11-26T06:00:00Z", "end_time": "2027-11-27T06:00:00Z", "desired_capacity": 6},
            }
        }
    )
    group = graph.one(GROUP)
    assert inputs(graph.one(SCHEDULE, "web-at-night")) == {
        "autoscalingGroupName": group.outputs["name"],
        "scheduledActionName": "night",
        "recurrence": "0 20 * * MON-FRI",
        "timeZone": "Europe/Berlin",
        "minSize": 0,
        "maxSize": -1,
        "desiredCapacity": 0,
    }
    sale = inputs(graph.one(SCHEDULE, "web-at-sale"))
    assert (sale["minSize"], sale["maxSize"], sale["desiredCapacity"], sale["timeZone"]) == (-1, -1, 6, "Etc/UTC")
    assert (sale["startTime"], sale["endTime"]) == ("2027-11-26T06:00:00Z", "2027-11-27T06:00:00Z")
    assert group.options["ignoreChanges"] == ["desiredCapacity", "minSize"]


def test_scheduled_actions_come_one_after_the_other() -> None:
    times = {key: {"recurrence": f"0 {hour} * * *", "min_size": 2} for key, hour in (("night", 22), ("day", 7), ("noon", 12))}
    graph = made(scaling={"scheduled_actions": times})
    for before, after in (("night", "day"), ("day", "noon")):
        assert graph.named(f"web-at-{before}").urn in graph.named(f"web-at-{after}").dependencies


def test_a_changed_scheduled_action_is_put_anew() -> None:
    options = made(scaling={"scheduled_actions": {"night": {"recurrence": "0 22 * * *", "min_size": 2}}}).one(SCHEDULE).options
    assert {"recurrence", "minSize", "desiredCapacity"} <= set(options["replaceOnChanges"])
    # Of the same name: the new one would be deleted with the old one.
    assert options["deleteBeforeReplace"] is True


def test_a_scheduled_action_may_fix_the_size() -> None:
    graph = made(scaling={"scheduled_actions": {"sale": {"recurrence": "0 7 * * *", "min_size": 6}}})
    assert graph.one(SCHEDULE).inputs["minSize"] == 6


def test_failed_launches_have_a_topic_of_their_own() -> None:
    graph = made(notification_topic_arn=TOPIC)
    assert inputs(graph.one(NOTIFICATION, "web-failures")) == {
        "groupNames": [graph.one(GROUP).outputs["name"]],
        "notifications": ["autoscaling:EC2_INSTANCE_LAUNCH_ERROR", "autoscaling:EC2_INSTANCE_TERMINATE_ERROR"],
        "topicArn": TOPIC,
    }


def test_fewer_instances_than_the_minimum_raise_an_alarm() -> None:
    graph = made(alarm_topic_arns=[TOPIC], tags={"Owner": "platform"})
    group = graph.one(GROUP).outputs["name"]
    assert inputs(graph.one(ALARM, "web-too-few-instances")) == {
        "alarmDescription": "web has had fewer instances in service than its minimum size for five minutes: AWS cannot launch them, "
        "or they stop again",
        "metricQueries": [
            {"id": "result", "expression": "instances - fewest", "label": "Result", "returnData": True},
            *(
                {
                    "id": key,
                    "metric": {
                        "namespace": "AWS/AutoScaling",
                        "metricName": metric,
                        "dimensions": {"AutoScalingGroupName": group},
                        "stat": "Minimum",
                        "period": 60,
                    },
                }
                for key, metric in (("instances", "GroupInServiceInstances"), ("fewest", "GroupMinSize"))
            ),
        ],
        "threshold": 0,
        "comparisonOperator": "LessThanThreshold",
        "evaluationPeriods": 5,
        "treatMissingData": "breaching",
        "alarmActions": [TOPIC],
        "okActions": [TOPIC],
        "tags": {"Name": "web", "Owner": "platform"},
    }
    assert {"GroupInServiceInstances", "GroupMinSize"} <= set(graph.one(GROUP).inputs["enabledMetrics"])


@pytest.mark.parametrize(
    ("changes", "launches"),
    [
        ({}, ["EC2 Instance Launch Unsuccessful", "EC2 Instance Terminate Unsuccessful"]),
        ({"notification_topic_arn": f"{TOPIC}-3"}, []),
    ],
)
def test_failures_of_this_group_reach_every_topic_of_alarms(changes: dict[str, Any], launches: list[str]) -> None:
    graph = made(alarm_topic_arns=[TOPIC, f"{TOPIC}-2"], **changes)
    rule = graph.named("web-failed")
    assert json.loads(rule.inputs["eventPattern"]) == {
        "source": ["aws.autoscaling"],
        "detail-type": [
            *launches,
            "EC2 Auto Scaling Instance Refresh Failed",
            "EC2 Auto Scaling Instance Refresh Rollback Succeeded",
            "EC2 Auto Scaling Instance Refresh Rollback Failed",
        ],
        "detail": {"AutoScalingGroupName": [graph.one(GROUP).outputs["name"]]},
    }
    description = "An instance refresh of web failed, or an instance could not be launched or terminated"
    assert rule.inputs["description"] == description
    assert [graph.named(f"web-failed-topic-{number}").inputs["arn"] for number in (1, 2)] == [TOPIC, f"{TOPIC}-2"]
    assert [one.inputs["topicArn"] for one in graph.of_type(NOTIFICATION)] == list(changes.values())


def test_nobody_to_notify_no_alarms_but_the_one_that_scales() -> None:
    graph = made()
    assert [alarm.name for alarm in graph.of_type(ALARM)] == ["web-burst-alarm"]
    assert graph.of_type("aws:cloudwatch/eventRule:EventRule") == []


@pytest.mark.parametrize(("lifetime", "given"), [(0, 0), (86_400, 86_400)])
def test_the_lifetime_of_instances_can_be_unlimited(lifetime: int, given: int) -> None:
    assert made(refresh={"max_instance_lifetime_seconds": lifetime}).one(GROUP).inputs["maxInstanceLifetime"] == given


def test_the_burst_alarm_has_room_for_four_topics() -> None:
    topics = [f"{TOPIC}-{number}" for number in range(5)]
    assert len(made(alarm_topic_arns=topics[:4]).one(ALARM, "web-burst-alarm").inputs["alarmActions"]) == 5
    assert refused(alarm_topic_arns=topics) == [
        ("alarm_topic_arns", "has 5 entries; the burst alarm has 5 actions at most, and scaling is one. Name 4 or fewer."),
    ]
    assert [path for path, _ in refused(alarm_topic_arns=[*topics, TOPIC])] == ["alarm_topic_arns"]


def test_a_lifetime_below_a_day_is_refused() -> None:
    assert refused(refresh={"max_instance_lifetime_seconds": 86_399}) == [
        ("refresh.max_instance_lifetime_seconds", "is 86399; AWS allows 86400 or more. Raise it, or set 0 for no limit."),
    ]


def test_a_single_zone_has_to_be_asked_for() -> None:
    one = {"eu-west-1a": "subnet-a"}
    assert refused(subnet_ids_by_zone=one) == [
        (
            "subnet_ids_by_zone",
            "has eu-west-1a alone; a zone can fail. Name subnets in two zones or more, or set single_zone to True.",
        )
    ]
    assert made(subnet_ids_by_zone=one, single_zone=True).one(GROUP).inputs["vpcZoneIdentifiers"] == ["subnet-a"]
    assert refused(single_zone=True) == [("single_zone", "is True with 2 zones. Leave it out, or name one subnet.")]


REQUESTS = "is missing; scaling.requests_per_target needs it. Give it, or remove scaling.requests_per_target."


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"min_size": 7}, [("min_size", "is 7, above max_size 6. Lower it or raise max_size.")]),
        (
            {"image_parameter": None},
            [("image_parameter", "exactly one of image_parameter and image_id is needed; none is given. Give one.")],
        ),
        (
            {"image_id": "ami-0123"},
            [("image_parameter", "exactly one of image_parameter and image_id is needed; both are given. Remove one.")],
        ),
        (
            {"instance_types": ["t4g.small", "t4g.small"]},
            [("instance_types", "has t4g.small twice. Name each once")],
        ),
        (
            {"instance_types": ["t4g.small", "t3.small"]},
            [
                (
                    "instance_types",
                    "has t4g.small (arm64) and t3.small (x86_64); one image runs on one architecture. Choose types of the same.",
                )
            ],
        ),
        (
            {"instance_types": ["t3.small"]},
            [("image_parameter", f"is {IMAGE!r}, an arm64 image; t3.small is x86_64. Choose the image for x86_64.")],
        ),
        (
            {"image_parameter": "/images/web-x86_64"},
            [("image_parameter", "is '/images/web-x86_64', an x86_64 image; t4g.small is arm64. Choose the image for arm64.")],
        ),
        (
            {"spot_percentage": 50},
            [
                (
                    "instance_types",
                    "has t4g.small alone, with Spot instances; Spot takes capacity back by type and zone. Name two types or more, "
                    "or set spot_percentage to 0.",
                )
            ],
        ),
        (
            {"scaling": {"burst_cpu_percent": 50}},
            [("scaling.burst_cpu_percent", "is 50; it must be above cpu_target_percent 50, or every rise counts as a burst.")],
        ),
        (
            {"scaling": {"requests_per_target": 100}},
            [("target_group_arns", REQUESTS), ("load_balancer_arn_suffix", REQUESTS), ("target_group_arn_suffix", REQUESTS)],
        ),
        ({"create_kms_key": True, "kms_key_arn": KEY}, [("create_kms_key", "excludes kms_key_arn; both are given. Remove one of them.")]),
        (
            {"disks": {"data_disks": {"/dev/xvda": {"size_gib": 10}}}},
            [("disks.data_disks./dev/xvda", "is the root disk. Set root_disk_gib, or choose another device.")],
        ),
        (
            {"disks": {"data_disks": {"/dev/sdf": {"size_gib": 10, "iops": 5001, "throughput_mib_per_second": 1251}}}},
            [
                ("disks.data_disks./dev/sdf.iops", "is 5001; 10 GiB of gp3 allow 5000. Enlarge the disk or lower it."),
                (
                    "disks.data_disks./dev/sdf.throughput_mib_per_second",
                    "is 1251; 5001 operations per second allow 1250. Raise iops or lower it.",
                ),
            ],
        ),
        (
            {"scaling": {"scheduled_actions": {"night": {"time_zone": "Mars/Olympus"}}}},
            [
                ("scaling.scheduled_actions.night", "changes nothing; give min_size, max_size or desired_capacity."),
                ("scaling.scheduled_actions.night", "has no time; give recurrence or start_time."),
                (
                    "scaling.scheduled_actions.night.time_zone",
                    "is 'Mars/Olympus'; a name of the IANA database is needed, such as Europe/Berlin.",
                ),
            ],
        ),
        (
            {"scaling": {"scheduled_actions": {"sale": {"recurrence": "0 7 * * *", "min_size": 7}}}},
            [("scaling.scheduled_actions.sale", "leaves a minimum of 7 above a maximum of 6. Set both.")],
        ),
        (
            {"scaling": {"scheduled_actions": {"sale": {"recurrence": "0 7 * * *", "desired_capacity": 7}}}},
            [("scaling.scheduled_actions.sale.desired_capacity", "is 7; the sizes at that time allow 2 to 6.")],
        ),
    ],
)
def test_arguments_that_contradict_are_refused(changes: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**changes) == problems


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"subnet_ids_by_zone": {}}, "subnet_ids_by_zone"),
        ({"security_group_ids": []}, "security_group_ids"),
        ({"security_group_ids": [f"sg-{i}" for i in range(6)]}, "security_group_ids"),
        ({"instance_types": []}, "instance_types"),
        ({"instance_types": [f"t4g.x{i}" for i in range(41)]}, "instance_types"),
        ({"max_size": 0}, "max_size"),
        ({"image_parameter": "a b"}, "image_parameter"),
        ({"image_id": "ami"}, "image_id"),
        ({"health_check_grace_seconds": 7201}, "health_check_grace_seconds"),
        ({"spot_percentage": 101}, "spot_percentage"),
        ({"scaling": {"cpu_target_percent": 9}}, "scaling.cpu_target_percent"),
        ({"scaling": {"burst_cpu_percent": 96}}, "scaling.burst_cpu_percent"),
        ({"metadata_hop_limit": 3}, "metadata_hop_limit"),
        ({"refresh": {"min_healthy_percent": 49}}, "refresh.min_healthy_percent"),
        ({"refresh": {"max_instance_lifetime_seconds": 86_399}}, "refresh.max_instance_lifetime_seconds"),
        ({"refresh": {"max_instance_lifetime_seconds": 31_536_001}}, "refresh.max_instance_lifetime_seconds"),
        (
            {"scaling": {"scheduled_actions": {"night": {"recurrence": "0 7 * *", "min_size": 2}}}},
            "scaling.scheduled_actions.night.recurrence",
        ),
        (
            {"scaling": {"scheduled_actions": {"night": {"start_time": "tomorrow", "min_size": 2}}}},
            "scaling.scheduled_actions.night.start_time",
        ),
        ({"disks": {"data_disks": {"/dev/sdf": {"size_gib": 0}}}}, "disks.data_disks./dev/sdf.size_gib"),
        ({"disks": {"root_device_name": "xvda"}}, "disks.root_device_name"),
    ],
)
def test_values_out_of_range_are_refused(changes: dict[str, Any], path: str) -> None:
    assert [problem[0] for problem in refused(**changes)] == [path]


def test_user_data_is_compressed_only_when_it_would_be_too_long() -> None:
    def user_data(script: str) -> bytes:
        return base64.b64decode(made(user_data=script).named("web-template").inputs["userData"])

    longest = "#!" + "x" * 16_382
    assert user_data(longest).decode() == longest
    data = user_data(f"{longest}x")
    assert gzip.decompress(data).decode() == f"{longest}x"
    # No time and no operating system: what is the same script is the same user data, on every machine.
    assert data[:10].hex() == "1f8b08000000000002ff"


def test_user_data_has_a_limit_and_has_to_be_a_script() -> None:
    # Hexadecimal digits of a hash compress to a little over half.
    incompressible = hashlib.shake_256(b"x").hexdigest(16_000)
    assert refused(user_data=f"#!{incompressible}") == [
        ("user_data", "has 18,644 bytes, compressed; EC2 takes 16,384. Fetch the rest from S3 at boot.")
    ]
    assert refused(user_data="echo hello") == [
        ("user_data", "begins with 'echo hello'; cloud-init runs what begins with #!, #cloud-config and the like.")
    ]


def test_a_name_too_long_for_the_role_is_refused_only_where_a_role_is_made() -> None:
    made("w" * 43)
    assert [path for path, _ in refused("w" * 43, instance_profile_arn=None)] == ["name"]
    made("w" * 42, instance_profile_arn=None)


def test_a_name_too_long_for_the_rule_is_refused_only_where_a_rule_is_made() -> None:
    made("w" * 50)
    assert [path for path, _ in refused("w" * 50, alarm_topic_arns=[TOPIC])] == ["name"]
    made("w" * 49, alarm_topic_arns=[TOPIC])


@pytest.mark.parametrize(
    ("instance_type", "expected"),
    [
        *[(kind, "arm64") for kind in ("t4g.small", "m7gd.large", "im4gn.large", "a1.medium", "c6gn.large", "g5g.xlarge", "x2gd.large")],
        *[(kind, "x86_64") for kind in ("t3.small", "g4dn.xlarge", "g5.xlarge", "m7i-flex.large", "c5a.large", "u7i-12tb.224xlarge")],
    ],
)
def test_the_architecture_of_a_type(instance_type: str, expected: str) -> None:
    assert architecture(instance_type) == expected


def test_a_transform_reaches_the_group() -> None:
    def suspend(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != GROUP:
            return None
        return pulumi.ResourceTransformResult({**args.props, "suspendedProcesses": ["AZRebalance"]}, args.opts)

    graph = record(lambda: ScaleOut("web", arguments(), pulumi.ResourceOptions(transforms=[suspend])))
    assert graph.one(GROUP).inputs["suspendedProcesses"] == ["AZRebalance"]
