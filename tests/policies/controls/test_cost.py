"""Sizes, closing times and budgets."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import cost as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

INSTANCE, GROUP, DATABASE = "aws:ec2/instance:Instance", "aws:autoscaling/group:Group", "aws:rds/instance:Instance"
BUDGET, STACK = "aws:budgets/budget:Budget", "pulumi:pulumi:Stack"
NOT_HERE = NotApplicable("belongs to production: production is true in the profile")
DEV = {"production": False}


@pytest.mark.parametrize("control", [controls.small_outside_production, controls.schedule_outside_production])
def test_production_is_free_to_choose(control: Control) -> None:
    machine = resource(DATABASE, "db", {"instanceClass": "db.r8g.48xlarge"})
    for config in (None, {"production": True}):
        assert [verdict for _, verdict in verdicts(control, stack(machine), config)] == [NOT_HERE]


def nested(path: str, value: Any) -> Any:
    for part in reversed(path.split(".")):
        value = [value] if part == "*" else {part: value}
    return value


@pytest.mark.parametrize(
    ("type", "path", "small", "big"),
    [
        (INSTANCE, "instanceType", "t4g.nano", "m8g.xlarge"),
        ("aws:ec2/launchTemplate:LaunchTemplate", "instanceType", "t4g.micro", "m8g.metal-24xl"),
        ("aws:ec2/spotInstanceRequest:SpotInstanceRequest", "instanceType", "t4g.small", "m8g.metal"),
        (GROUP, "mixedInstancesPolicy.launchTemplate.overrides.*.instanceType", "t4g.medium", "c8g.4xlarge"),
        (DATABASE, "instanceClass", "db.m8g.large", "db.m8g.2xlarge"),
        ("aws:rds/clusterInstance:ClusterInstance", "instanceClass", "db.t4g.medium", "db.r8g.16xlarge"),
        ("aws:rds/cluster:Cluster", "dbClusterInstanceClass", "db.m6gd.large", "db.m6gd.xlarge"),
        ("aws:docdb/clusterInstance:ClusterInstance", "instanceClass", "db.t4g.medium", "db.r6g.xlarge"),
        ("aws:neptune/clusterInstance:ClusterInstance", "instanceClass", "db.t4g.medium", "db.r6g.xlarge"),
        ("aws:elasticache/replicationGroup:ReplicationGroup", "nodeType", "cache.t4g.micro", "cache.r7g.xlarge"),
        ("aws:elasticache/cluster:Cluster", "nodeType", "cache.t4g.micro", "cache.r7g.xlarge"),
        ("aws:opensearch/domain:Domain", "clusterConfig.instanceType", "t3.small.search", "r6g.2xlarge.search"),
        ("aws:opensearch/domain:Domain", "clusterConfig.dedicatedMasterType", "m6g.large.search", "m6g.xlarge.search"),
        ("aws:msk/cluster:Cluster", "brokerNodeGroupInfo.instanceType", "kafka.t3.small", "kafka.m7g.xlarge"),
        ("aws:mq/broker:Broker", "hostInstanceType", "mq.m7g.medium", "mq.m5.xlarge"),
    ],
)
def test_sizes(type: str, path: str, small: str, big: str) -> None:
    def judged(value: Any) -> list[Verdict]:
        return verdicts(controls.small_outside_production, resource(type, props=nested(path, value)), DEV)

    where = path.replace("*", "0")
    assert judged(small) == judged(None) == [Pass()]
    assert judged(big) == [Fail(f"runs on {big}, a size for production", where)]
    assert judged(UNKNOWN) == [Unknown(where)]
    assert verdicts(controls.small_outside_production, resource(type), DEV) == [Pass()]


def test_each_override_counts_and_sizes_can_be_chosen() -> None:
    kinds = [{"instanceType": kind} for kind in ("t4g.small", "m8g.xlarge", "m8g.2xlarge")]
    group = resource(GROUP, props={"mixedInstancesPolicy": {"launchTemplate": {"overrides": kinds}}})
    prefix = "mixedInstancesPolicy.launchTemplate.overrides"
    big = Fail("runs on m8g.2xlarge, a size for production", f"{prefix}.2.instanceType")
    assert verdicts(controls.small_outside_production, group, {**DEV, "sizes": ["small", "xlarge"]}) == [big]
    first = Fail("runs on m8g.xlarge, a size for production", f"{prefix}.1.instanceType")
    assert verdicts(controls.small_outside_production, group, DEV) == [first, big]


AROUND_THE_CLOCK = Fail("runs around the clock")


def closing(subject: Resource, *others: Resource, config: dict[str, Any] | None = None) -> Verdict:
    return dict(verdicts(controls.schedule_outside_production, stack(subject, *others), {**DEV, **(config or {})}))[subject.name]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"desiredCapacity": 0}, Pass()),
        ({"minSize": 0, "maxSize": 0}, Pass()),
        ({"desiredCapacity": UNKNOWN, "maxSize": 0}, Pass()),
        ({"desiredCapacity": 1}, AROUND_THE_CLOCK),
        ({"minSize": 0}, AROUND_THE_CLOCK),
        ({}, AROUND_THE_CLOCK),
        ({"maxSize": UNKNOWN}, AROUND_THE_CLOCK),
    ],
)
def test_closing_time_of_a_group(props: dict[str, Any], expected: Verdict) -> None:
    action = resource("aws:autoscaling/schedule:Schedule", "night", {"autoscalingGroupName": "g", **props})
    assert closing(resource(GROUP, "group", {"name": "g"}), action) == expected


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"minSize": 0}, Pass()),
        ({"minSize": 0, "desiredCapacity": 0}, Pass()),
        ({"minSize": 0, "desiredCapacity": 2}, AROUND_THE_CLOCK),
        ({"minSize": 1, "desiredCapacity": 1}, AROUND_THE_CLOCK),
        ({"minSize": UNKNOWN}, Unknown("minSize")),
        ({"minSize": 0, "desiredCapacity": UNKNOWN}, Unknown("desiredCapacity")),
        ({"minSize": 1, "desiredCapacity": UNKNOWN}, AROUND_THE_CLOCK),
        ({"desiredCapacity": UNKNOWN}, AROUND_THE_CLOCK),
    ],
)
def test_a_group_that_is_scaled_from_nothing_needs_no_closing_time(props: dict[str, Any], expected: Verdict) -> None:
    assert closing(resource(GROUP, "group", props)) == expected


def test_closing_time_of_a_group_that_is_not_known() -> None:
    props = {"autoscalingGroupName": UNKNOWN, "desiredCapacity": UNKNOWN}
    deps = {"autoscalingGroupName": ["group"], "desiredCapacity": ["source"]}
    action = resource("aws:autoscaling/schedule:Schedule", "night", props, deps=deps)
    expected = Unknown("desiredCapacity of night")
    assert closing(resource(GROUP, "group"), action, resource("x:y:Z", "source")) == expected


@pytest.mark.parametrize(
    ("type", "action"),
    [(INSTANCE, "ec2:stopInstances"), (DATABASE, "rds:stopDBInstance"), ("aws:rds/cluster:Cluster", "rds:stopDBCluster")],
)
def test_closing_time_of_a_machine(type: str, action: str) -> None:
    def found(arn: Any, to: str = "machine") -> Verdict:
        schedule = resource("aws:scheduler/schedule:Schedule", "night", {"target": {"arn": arn, "input": UNKNOWN}}, deps={"target": [to]})
        return closing(resource(type, "machine"), schedule, resource("x:y:Z", "other"))

    assert found(f"arn:aws:scheduler:::aws-sdk:{action}") == found(f"arn:aws:scheduler:::aws-sdk:{action.lower()}") == Pass()
    assert found("arn:aws:scheduler:::aws-sdk:ec2:startInstances") == AROUND_THE_CLOCK
    assert found(f"arn:aws:scheduler:::aws-sdk:{action}", "other") == AROUND_THE_CLOCK
    assert found(UNKNOWN) == Unknown("target.arn of night")


@pytest.mark.parametrize(
    ("type", "tags", "expected"),
    [
        (INSTANCE, {"Schedule": "office-hours"}, Pass()),
        (INSTANCE, {"Other": "x"}, AROUND_THE_CLOCK),
        (INSTANCE, None, AROUND_THE_CLOCK),
        (INSTANCE, UNKNOWN, AROUND_THE_CLOCK),
        (GROUP, [{"key": "Schedule", "value": "x"}], Pass()),
        (GROUP, [{"key": UNKNOWN, "value": "x"}, UNKNOWN], AROUND_THE_CLOCK),
    ],
)
def test_tag_of_a_scheduler_elsewhere(type: str, tags: Any, expected: Verdict) -> None:
    assert closing(resource(type, "m", {"tags": tags})) == expected


def test_tag_of_a_scheduler_can_be_chosen_and_may_not_be_known() -> None:
    machine = resource(INSTANCE, "m", {"tags": {"Schedule": "x"}})
    assert closing(machine, config={"scheduleTags": ["Hours"]}) == AROUND_THE_CLOCK
    unknown = resource(INSTANCE, "m", {"tags": UNKNOWN}, deps={"tags": ["source"]})
    assert closing(unknown, resource("x:y:Z", "source")) == Unknown("tags")


NOBODY, LATE = Fail("alerts nobody", "notifications"), Fail("alerts only after the limit is exceeded", "notifications")


def alert(threshold: Any = 80, **fields: Any) -> dict[str, Any]:
    return {"threshold": threshold, "thresholdType": "PERCENTAGE", "subscriberEmailAddresses": ["a@example.com"], **fields}


@pytest.mark.parametrize(
    ("notifications", "expected"),
    [
        ([alert()], Pass()),
        ([alert(100)], Pass()),
        ([alert(101)], LATE),
        ([alert(120), alert(90)], Pass()),
        ([alert(5000, thresholdType="ABSOLUTE_VALUE")], Pass()),
        ([alert(subscriberEmailAddresses=[])], NOBODY),
        ([alert(subscriberEmailAddresses=None, subscriberSnsTopicArns=[UNKNOWN])], Pass()),
        ([alert(subscriberEmailAddresses=None, subscriberSnsTopicArns=UNKNOWN)], Pass()),
        ([alert(UNKNOWN)], Unknown("notifications.0.threshold")),
        ([], NOBODY),
        (UNKNOWN, NOBODY),
        (None, NOBODY),
    ],
)
def test_budget_alerts(notifications: Any, expected: Verdict) -> None:
    assert verdicts(controls.budget_alerts, resource(BUDGET, "b", {"notifications": notifications})) == [("b", expected)]


def test_budget_alerts_that_are_not_known() -> None:
    budget = resource(BUDGET, "b", {"notifications": UNKNOWN}, deps={"notifications": ["source"]})
    assert verdicts(controls.budget_alerts, stack(resource("x:y:Z", "source"), budget)) == [("b", Unknown("notifications"))]


def test_the_stack_has_a_budget() -> None:
    root, machine = resource(STACK, "shop-dev"), resource(INSTANCE, "m")
    assert verdicts(controls.stack_budget, stack(root, machine, resource(BUDGET, "b"))) == [("shop-dev", Pass())]
    assert verdicts(controls.stack_budget, stack(root, machine)) == [("shop-dev", Fail("has no budget"))]
    assert verdicts(controls.stack_budget, stack(root)) == [("shop-dev", NotApplicable("has no AWS resources"))]
    elsewhere = verdicts(controls.stack_budget, stack(root, machine), {"keptElsewhere": "stack billing"})
    assert elsewhere == [("shop-dev", NotApplicable("has its budget elsewhere: stack billing"))]
