"""ECS, Image Builder, launches, alarms and GuardDuty."""

from typing import Any

import pytest
from cloudpatterns_policies.acceptance.controls import alarm_actions, container_services, images, launches
from cloudpatterns_policies.core import UNKNOWN

from tests.policies.acceptance.controls.cases import OTHERS, Case, Made, check, refers

SERVICE = "aws:ecs/service:Service"
KIND, LISTENER, PROVIDERS = (
    container_services.ecs_target_type,
    container_services.ecs_listener_first,
    container_services.ecs_capacity_providers,
)


def service(
    group: dict[str, Any], *, launch: Any = "FARGATE", mode: Any = None, after: Any = (), listener: bool = False
) -> dict[str, Made]:
    props = {
        "loadBalancers": [{"targetGroupArn": UNKNOWN}],
        "taskDefinition": UNKNOWN,
        **({} if launch is None else {"launchType": launch}),
    }
    made = {
        "g": Made("aws:lb/targetGroup:TargetGroup", group),
        "d": Made("aws:ecs/taskDefinition:TaskDefinition", {} if mode is None else {"networkMode": mode}),
        "x": Made(SERVICE, props, {"loadBalancers": "g", "taskDefinition": "d", OTHERS: after}),
    }
    if listener:
        made["l"] = refers("aws:lb/listener:Listener", "defaultActions", "g")
    return made


def strategies(names: Any, associated: Any, after: Any = "a") -> dict[str, Made]:
    used = UNKNOWN if names is UNKNOWN else [{"capacityProvider": name} for name in names]
    made = {"c": Made("aws:ecs/cluster:Cluster")}
    if associated is not None:
        props = {"capacityProviders": associated}
        made["a"] = refers("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", "clusterName", "c", props)
    return {**made, "x": Made(SERVICE, {"cluster": UNKNOWN, "capacityProviderStrategies": used}, {"cluster": "c", OTHERS: after})}


GROUP, FIRST = "loadBalancers.0.targetGroupArn", "capacityProviderStrategies.0.capacityProvider"
CASES = {
    "a target group of addresses": Case(KIND, service({"targetType": "ip"})),
    "a target group of instances": Case(KIND, service({"targetType": "instance"}), ("x", GROUP, "target group g of the type instance")),
    "a target group without a type": Case(KIND, service({}), ("x", GROUP, "target group g of the type instance")),
    "a type that is not known": Case(KIND, service({"targetType": UNKNOWN})),
    "tasks in awsvpc": Case(KIND, service({}, launch=None, mode="awsvpc"), ("x", GROUP, "has tasks with their own network interface")),
    "tasks in the bridge network": Case(KIND, service({}, launch="EC2", mode="bridge")),
    "a network mode that is not known": Case(KIND, service({}, launch=None, mode=UNKNOWN)),
    "a service after the listener": Case(LISTENER, service({}, listener=True, after="l")),
    "a service beside the listener": Case(
        LISTENER, service({}, listener=True), ("x", GROUP, "does not wait for l, which forwards to target group g")
    ),
    "a target group of nobody here": Case(LISTENER, service({})),
    "load balancers that are not known": Case(LISTENER, {"x": Made(SERVICE, {"loadBalancers": UNKNOWN})}),
    "no load balancer": Case(LISTENER, {"x": Made(SERVICE)}),
    "providers of the cluster": Case(PROVIDERS, strategies(["FARGATE"], ["FARGATE", "FARGATE_SPOT"])),
    "a cluster without providers": Case(
        PROVIDERS, strategies(["FARGATE"], None, ()), ("x", "capacityProviderStrategies", "uses capacity providers, and cluster c has none")
    ),
    "a provider of no cluster": Case(
        PROVIDERS, strategies(["FARGATE_SPOT"], ["FARGATE"]), ("x", FIRST, "FARGATE_SPOT, which cluster c does not have")
    ),
    "providers that come later": Case(
        PROVIDERS, strategies(["FARGATE"], ["FARGATE"], ()), ("x", "cluster", "does not wait for a, which gives cluster c its capacity")
    ),
    "providers that are not known": Case(PROVIDERS, strategies(["own"], UNKNOWN)),
    "a provider that is not known": Case(PROVIDERS, strategies(["own"], ["FARGATE", UNKNOWN])),
    "strategies that are not known": Case(PROVIDERS, strategies(UNKNOWN, None, ())),
    "no strategies": Case(PROVIDERS, {"x": Made(SERVICE)}),
}

GROUPS, ROLE, COUNT = images.image_builder_security_groups, images.image_builder_execution_role, images.image_builder_count_deletes
PIPELINE, INFRASTRUCTURE = (
    "aws:imagebuilder/imagePipeline:ImagePipeline",
    "aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration",
)


def one(type_: str, **props: Any) -> dict[str, Made]:
    return {"x": Made(type_, props)}


def logs(name: Any, kind: str = "imageLogGroupName") -> dict[str, Any]:
    return {"loggingConfiguration": {kind: name}}


def lifecycle(action: Any, kind: Any) -> dict[str, Made]:
    return one("aws:imagebuilder/lifecyclePolicy:LifecyclePolicy", policyDetails=[{"action": {"type": action}, "filter": {"type": kind}}])


FLOWS = [{"workflowArn": "arn:aws:imagebuilder:eu-west-1:aws:workflow/build/b/1.0.0/1"}]
CASES |= {
    "a subnet with security groups": Case(GROUPS, one(INFRASTRUCTURE, subnetId=UNKNOWN, securityGroupIds=[UNKNOWN])),
    "a subnet without": Case(
        GROUPS, one(INFRASTRUCTURE, subnetId=UNKNOWN), ("x", "securityGroupIds", "has a subnet and no security groups")
    ),
    "a subnet with none": Case(
        GROUPS, one(INFRASTRUCTURE, subnetId="s", securityGroupIds=[]), ("x", "securityGroupIds", "no security groups")
    ),
    "groups that are not known": Case(GROUPS, one(INFRASTRUCTURE, subnetId="s", securityGroupIds=UNKNOWN)),
    "no subnet": Case(GROUPS, one(INFRASTRUCTURE)),
    "workflows by a role": Case(ROLE, one(PIPELINE, workflows=FLOWS, executionRole=UNKNOWN)),
    "workflows without a role": Case(ROLE, one(PIPELINE, workflows=FLOWS), ("x", "executionRole", "has workflows and no execution role")),
    "workflows that are not known": Case(ROLE, one(PIPELINE, workflows=UNKNOWN), None, ("x", "workflows")),
    "a log group of its own": Case(ROLE, one(PIPELINE, **logs("/aws/imagebuilder/shop"))),
    "another log group": Case(ROLE, one(PIPELINE, **logs("shop")), ("x", "executionRole", "writes logs to shop and has no execution role")),
    "another log group of the pipeline": Case(
        ROLE,
        one(PIPELINE, **logs("shop", "pipelineLogGroupName")),
        ("x", "executionRole", "writes logs to shop and has no execution role"),
    ),
    "another log group of an image": Case(
        ROLE,
        one("aws:imagebuilder/image:Image", **logs("shop", "logGroupName")),
        ("x", "executionRole", "writes logs to shop and has no execution role"),
    ),
    "a log group that is not known": Case(ROLE, one(PIPELINE, **logs(UNKNOWN)), None, ("x", "loggingConfiguration.imageLogGroupName")),
    "a pipeline with neither": Case(ROLE, one(PIPELINE)),
    "a count that deletes": Case(COUNT, lifecycle("DELETE", "COUNT")),
    "a count that disables": Case(
        COUNT, lifecycle("DISABLE", "COUNT"), ("x", "policyDetails.0.filter.type", "counts images for the action DISABLE")
    ),
    "an age that disables": Case(COUNT, lifecycle("DISABLE", "AGE")),
    "an action that is not known": Case(COUNT, lifecycle(UNKNOWN, "COUNT"), None, ("x", "policyDetails.0.action.type")),
    "no details": Case(COUNT, one("aws:imagebuilder/lifecyclePolicy:LifecyclePolicy")),
}

TAGS, BACK = launches.metadata_tag_keys, launches.refresh_rollback_version
INSTANCE, TEMPLATE, SCALING = "aws:ec2/instance:Instance", "aws:ec2/launchTemplate:LaunchTemplate", "aws:autoscaling/group:Group"


def tagged(tags: Any, enabled: Any = "enabled") -> dict[str, Made]:
    return one(INSTANCE, tags=tags, metadataOptions={"instanceMetadataTags": enabled})


def template(kind: str, key: str) -> dict[str, Made]:
    specifications = [{"resourceType": kind, "tags": {key: "v"}}]
    return one(TEMPLATE, metadataOptions={"instanceMetadataTags": "enabled"}, tagSpecifications=specifications)


def refresh(version: Any, image: Any = "ami-0123456789abcdef0", *, back: Any = True) -> dict[str, Made]:
    props = {
        "launchTemplate": {"id": UNKNOWN, **({} if version is None else {"version": version})},
        "instanceRefresh": {"preferences": {"autoRollback": back}},
    }
    return {"t": Made(TEMPLATE, {"imageId": image}), "x": Made(SCALING, props, {"launchTemplate": "t"})}


VERSION = "launchTemplate.version"
CASES |= {
    "tags that fit": Case(TAGS, tagged({"Name": "a", "a:b.c-d_e+f=@,": "a"})),
    "a tag with a slash": Case(TAGS, tagged({"a/b": "c"}), ("x", "tags", "has the tag a/b, whose key does not fit into the metadata")),
    "a tag with a space": Case(TAGS, tagged({"a b": "c"}), ("x", "tags", "has the tag a b")),
    "a reserved tag": Case(TAGS, tagged({"_index": "c"}), ("x", "tags", "has the tag _index")),
    "tags that are not in the metadata": Case(TAGS, tagged({"a/b": "c"}, "disabled")),
    "metadata that is not known": Case(TAGS, tagged({"a/b": "c"}, UNKNOWN), None, ("x", "metadataOptions.instanceMetadataTags")),
    "tags that are not known": Case(TAGS, tagged(UNKNOWN)),
    "no tags": Case(TAGS, one(INSTANCE, metadataOptions={"instanceMetadataTags": "enabled"})),
    "a template's tag with a slash": Case(TAGS, template("instance", "a/b"), ("x", "tagSpecifications.0.tags", "has the tag a/b")),
    "a template's tag of volumes": Case(TAGS, template("volume", "a/b")),
    "a fixed version": Case(BACK, refresh("3")),
    "a version of the template": Case(BACK, refresh(UNKNOWN)),
    "the latest version": Case(BACK, refresh("$Latest"), ("x", VERSION, "rolls back refreshes, with the version $Latest of the launch")),
    "no version": Case(BACK, refresh(None), ("x", VERSION, "with the version $Default")),
    "an image by a parameter": Case(
        BACK, refresh("3", "resolve:ssm:/images/web"), ("x", "launchTemplate", "the image of t is a Systems Manager parameter")
    ),
    "an image that is not known": Case(BACK, refresh("3", UNKNOWN)),
    "no way back": Case(BACK, refresh("$Latest", back=False)),
    "a way back that is not known": Case(BACK, refresh("$Latest", back=UNKNOWN)),
    "no refresh": Case(BACK, one(SCALING)),
}

RECOVER, COMPOSITE = alarm_actions.alarm_recover_metric, alarm_actions.composite_alarm_actions
ANOMALY, RUNTIME = alarm_actions.cost_anomaly_subscribers, alarm_actions.runtime_monitoring_once
ALARM, ACTION = "aws:cloudwatch/metricAlarm:MetricAlarm", "arn:aws:automate:eu-west-1:ec2:recover"
WHOLE, SUBSCRIPTION = "aws:cloudwatch/compositeAlarm:CompositeAlarm", "aws:costexplorer/anomalySubscription:AnomalySubscription"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"


def recover(metric: Any, actions: Any = (ACTION, TOPIC)) -> dict[str, Made]:
    return one(ALARM, metricName=metric, alarmActions=actions)


def anomaly(frequency: Any, kind: Any) -> dict[str, Made]:
    return one(SUBSCRIPTION, frequency=frequency, subscribers=[{"type": kind}])


def runtime(name: str, status: Any = "ENABLED", *, detector: str = "d") -> Made:
    return refers("aws:guardduty/detectorFeature:DetectorFeature", "detectorId", detector, {"name": name, "status": status})


BOTH = {"d": Made("aws:guardduty/detector:Detector"), "a": runtime("RUNTIME_MONITORING")}
CASES |= {
    "recovery by the system check": Case(RECOVER, recover("StatusCheckFailed_System")),
    "recovery by another metric": Case(
        RECOVER, recover("CPUUtilization"), ("x", "metricName", "recovers an instance by the metric CPUUtilization")
    ),
    "recovery by no metric": Case(RECOVER, recover(None), ("x", "metricName", "by the metric None")),
    "a metric that is not known": Case(RECOVER, recover(UNKNOWN), None, ("x", "metricName")),
    "another action": Case(RECOVER, recover("CPUUtilization", [TOPIC])),
    "actions that are not known": Case(RECOVER, recover("CPUUtilization", UNKNOWN)),
    "no actions": Case(RECOVER, one(ALARM, metricName="CPUUtilization")),
    "a composite alarm with a topic": Case(COMPOSITE, one(WHOLE, alarmActions=[TOPIC])),
    "a composite alarm that stops": Case(
        COMPOSITE, one(WHOLE, okActions=["arn:aws:automate:eu-west-1:ec2:stop"]), ("x", "okActions", "has the action arn:aws:automate")
    ),
    "a composite alarm that scales": Case(
        COMPOSITE,
        {"p": Made("aws:autoscaling/policy:Policy"), "x": refers(WHOLE, "alarmActions", "p")},
        ("x", "alarmActions", "has the scaling policy p as an action"),
    ),
    "composite actions that are not known": Case(COMPOSITE, one(WHOLE, alarmActions=UNKNOWN)),
    "a composite alarm without actions": Case(COMPOSITE, one(WHOLE)),
    "anomalies at once to a topic": Case(ANOMALY, anomaly("IMMEDIATE", "SNS")),
    "anomalies at once by e-mail": Case(
        ANOMALY, anomaly("IMMEDIATE", "EMAIL"), ("x", "subscribers.0.type", "sends by EMAIL with the frequency IMMEDIATE, which takes SNS")
    ),
    "anomalies once a day to a topic": Case(ANOMALY, anomaly("DAILY", "SNS"), ("x", "subscribers.0.type", "which takes EMAIL")),
    "a frequency that is not known": Case(ANOMALY, anomaly(UNKNOWN, "SNS"), None, ("x", "frequency")),
    "a subscriber that is not known": Case(ANOMALY, anomaly("DAILY", UNKNOWN)),
    "no subscribers": Case(ANOMALY, one(SUBSCRIPTION, frequency="DAILY")),
    "one runtime monitoring": Case(RUNTIME, BOTH),
    "two runtime monitorings": Case(
        RUNTIME, {**BOTH, "x": runtime("EKS_RUNTIME_MONITORING")}, ("x", "name", "is enabled beside a, which enables RUNTIME_MONITORING")
    ),
    "one that is off": Case(RUNTIME, {**BOTH, "x": runtime("EKS_RUNTIME_MONITORING", "DISABLED")}),
    "one that is not known": Case(RUNTIME, {**BOTH, "x": runtime("EKS_RUNTIME_MONITORING", UNKNOWN)}),
    "two of two detectors": Case(
        RUNTIME,
        {**BOTH, "e": Made("aws:guardduty/detector:Detector"), "x": runtime("EKS_RUNTIME_MONITORING", detector="e")},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case) -> None:
    check(case)
