import json
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.operations import CostGuard
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs

BUDGET, SUBSCRIPTION = "aws:budgets/budget:Budget", "aws:costexplorer/anomalySubscription:AnomalySubscription"
MONITOR_TYPE, TAG_TYPE = "aws:costexplorer/anomalyMonitor:AnomalyMonitor", "aws:costexplorer/costAllocationTag:CostAllocationTag"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:costs"
MONITOR = "arn:aws:ce::123456789012:anomalymonitor/00000000-0000-4000-8000-000000000001"
ADA = "finance@example.com"
MINIMAL: dict[str, Any] = {"budgets": {"all": {"limit": 1000}}, "email_addresses": [ADA]}
SHOP: dict[str, Any] = {"key": "CostCenter", "values": ["4711", "4712"]}


def make(**args: Any) -> Graph:
    given: Any = {**MINIMAL, **args}
    return record(lambda: CostGuard("costs", given), mode="deployed")


def problems(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return list(caught.value.problems)


def alerts(budget: Resource) -> list[tuple[str, float]]:
    return [(alert["notificationType"], alert["threshold"]) for alert in budget.inputs["notifications"]]


def statements(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in json.loads(graph.named(name).inputs["policy"])["Statement"]}


# The contract, sentence by sentence.


def test_alerts_reach_a_person_before_the_limit() -> None:
    graph = make()
    budget = graph.one(BUDGET)
    assert alerts(budget) == [("ACTUAL", 50), ("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
    topic = graph.named("costs-alerts").outputs["arn"]
    for alert in budget.inputs["notifications"]:
        # By mail without a confirmation, and to the topic.
        assert (alert["subscriberEmailAddresses"], alert["subscriberSnsTopicArns"]) == ([ADA], [topic])
        assert (alert["comparisonOperator"], alert["thresholdType"]) == ("GREATER_THAN", "PERCENTAGE")
    assert (budget.inputs["limitAmount"], budget.inputs["limitUnit"], budget.inputs["timeUnit"]) == ("1000.0", "USD", "MONTHLY")


def test_a_budget_that_alerts_nobody_or_too_late_is_refused() -> None:
    late = {"limit": 10, "actual_percents": [100], "forecast_percents": [110]}
    assert problems(budgets={"all": late}) == [
        ("budgets.all.actual_percents", "is [100]; people are to hear before the limit is reached. Add one below 100."),
        ("budgets.all.forecast_percents", "is [110]; people are to hear before the limit is reached. Add one of 100 or below."),
    ]
    reason = "is missing; nobody would hear of the budget. Give email_addresses, here or above."
    assert problems(email_addresses=[]) == [("budgets.all.email_addresses", reason)]
    # A topic that people read is enough.
    assert make(email_addresses=[], existing_topic_arn=TOPIC).one(BUDGET).inputs["notifications"][0]["subscriberSnsTopicArns"] == [TOPIC]
    assert make(email_addresses=[], topic_email_addresses=[ADA]).one(BUDGET)
    assert make(email_addresses=[], budgets={"all": {"limit": 10, "email_addresses": [ADA]}}).one(BUDGET)


def test_the_topic_and_its_key_admit_what_publishes_to_it() -> None:
    graph = make()
    topic, key = graph.named("costs-alerts"), graph.named("costs-alerts-key")
    assert topic.inputs["kmsMasterKeyId"] == key.outputs["arn"]
    for sid, service in (("Budgets", "budgets.amazonaws.com"), ("CostAnomalies", "costalerts.amazonaws.com")):
        publish, use = statements(graph, "costs-alerts-policy")[sid], statements(graph, "costs-alerts-key-policy")[sid]
        assert (publish["Action"], publish["Resource"]) == (["sns:Publish"], [topic.outputs["arn"]])
        assert (use["Action"], use["Resource"]) == (["kms:Decrypt", "kms:GenerateDataKey*"], ["*"])
        for statement in (publish, use):
            assert statement["Principal"] == {"Service": [service]}
            assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    # A message before the policy would be lost.
    assert graph.named("costs-alerts-policy").urn in graph.one(BUDGET).dependencies


def test_anomalies_are_detected_on_a_monitor_that_is_passed_in() -> None:
    graph = make(anomalies={"existing_monitor_arns": [MONITOR]})
    assert graph.of_type(MONITOR_TYPE) == []
    subscription = graph.one(SUBSCRIPTION)
    assert subscription.inputs["monitorArnLists"] == [MONITOR]
    # Daily ones go to mail alone.
    assert subscription.inputs["subscribers"] == [{"type": "EMAIL", "address": ADA}]
    assert subscription.inputs["thresholdExpression"] == {
        "ands": [
            {"dimension": {"key": f"ANOMALY_TOTAL_IMPACT_{kind}", "matchOptions": ["GREATER_THAN_OR_EQUAL"], "values": [least]}}
            for kind, least in (("ABSOLUTE", "100"), ("PERCENTAGE", "20"))
        ]
    }
    assert graph.one("cloudpatterns:index:CostGuard").outputs["monitor_arns"] == [MONITOR]


def test_or_made_and_the_accounts_one_monitor_of_services_is_opt_in() -> None:
    assert make().of_type(MONITOR_TYPE, SUBSCRIPTION) == []
    graph = make(anomalies={"create_service_monitor": True})
    monitor = graph.one(MONITOR_TYPE)
    assert (monitor.inputs["monitorType"], monitor.inputs["monitorDimension"]) == ("DIMENSIONAL", "SERVICE")
    assert refs(graph, graph.one(SUBSCRIPTION), "monitorArnLists") == ["costs-monitor"]
    reason = "exactly one of existing_monitor_arns, create_service_monitor and tag is needed; none is given. Give one."
    assert problems(anomalies={"least_impact": 5}) == [("anomalies.existing_monitor_arns", reason)]


def test_a_monitor_of_a_tag_has_all_fields_that_aws_returns() -> None:
    monitor = make(anomalies={"tag": SHOP}).one(MONITOR_TYPE)
    assert (monitor.inputs["monitorType"], "monitorDimension" in monitor.inputs) == ("CUSTOM", False)
    assert json.loads(monitor.inputs["monitorSpecification"]) == {
        **dict.fromkeys(("And", "CostCategories", "Dimensions", "Not", "Or")),
        "Tags": {"Key": "CostCenter", "MatchOptions": None, "Values": ["4711", "4712"]},
    }


def test_immediate_anomalies_go_to_a_topic_that_somebody_reads() -> None:
    anomalies = {"existing_monitor_arns": [MONITOR], "frequency": "IMMEDIATE"}
    graph = make(anomalies=anomalies, topic_email_addresses=[ADA])
    assert graph.one(SUBSCRIPTION).inputs["subscribers"] == [{"type": "SNS", "address": graph.named("costs-alerts").outputs["arn"]}]
    assert graph.one("aws:sns/topicSubscription:TopicSubscription").inputs["endpoint"] == ADA
    reason = "is IMMEDIATE; that goes to the topic alone, which nobody reads. Give topic_email_addresses or existing_topic_arn."
    assert problems(anomalies=anomalies) == [("anomalies.frequency", reason)]
    daily = {"existing_monitor_arns": [MONITOR]}
    reason = "is DAILY; that goes to email_addresses alone, and there are none. Give some, or set IMMEDIATE."
    assert problems(anomalies=daily, email_addresses=[], existing_topic_arn=TOPIC) == [("anomalies.frequency", reason)]


def test_resources_without_required_tags_are_reported() -> None:
    graph = make(required_tags=["Owner", "CostCenter"])
    rule = graph.one("aws:cfg/rule:Rule")
    assert rule.inputs["source"] == {"owner": "AWS", "sourceIdentifier": "REQUIRED_TAGS"}
    assert json.loads(rule.inputs["inputParameters"]) == {"tag1Key": "Owner", "tag2Key": "CostCenter"}
    detail = json.loads(graph.named("costs-untagged").inputs["eventPattern"])["detail"]
    assert detail["configRuleName"] == [rule.outputs["name"]]
    assert graph.named("costs-untagged-topic-1").inputs["arn"] == graph.named("costs-alerts").outputs["arn"]
    assert make().of_type("aws:cfg/rule:Rule") == []


def test_cost_allocation_tags_are_opt_in_stay_active_and_hold_up_no_budget() -> None:
    assert make().of_type(TAG_TYPE) == []
    graph = make(budgets={"shop": {"limit": 10, "tag": SHOP}}, cost_allocation_tags=["CostCenter"])
    tag = graph.one(TAG_TYPE)
    assert (tag.inputs, tag.options.get("retainOnDelete")) == ({"tagKey": "CostCenter", "status": "Active"}, True)
    # AWS refuses a key in its first day.
    assert tag.urn not in graph.one(BUDGET).dependencies


# Budgets.


def test_a_budget_counts_what_fits_all_of_its_filters() -> None:
    budget = {"limit": 10.5, "tag": SHOP, "services": ["Amazon Relational Database Service"], "account_ids": ["123456789012"]}
    found = make(budgets={"shop": {**budget, "period": "QUARTERLY"}}, currency="CNY").one(BUDGET)
    assert found.inputs["costFilters"] == [
        {"name": "TagKeyValue", "values": ["user:CostCenter$4711", "user:CostCenter$4712"]},
        {"name": "Service", "values": ["Amazon Relational Database Service"]},
        {"name": "LinkedAccount", "values": ["123456789012"]},
    ]
    assert (found.inputs["limitAmount"], found.inputs["limitUnit"], found.inputs["timeUnit"]) == ("10.5", "CNY", "QUARTERLY")
    assert "costFilters" not in make().one(BUDGET).inputs


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (
            {"budgets": {"all": {"limit": 10, "actual_percents": [*range(10, 100, 10)], "forecast_percents": [90, 100]}}},
            ("budgets.all.actual_percents", "makes 11 alerts with forecast_percents; AWS takes 10. Remove some."),
        ),
        (
            {"existing_topic_arn": TOPIC, "topic_email_addresses": [ADA]},
            (
                "topic_email_addresses",
                "excludes existing_topic_arn: they subscribe to the new topic; both are given. Remove one of them.",
            ),
        ),
        ({"email_addresses": ["finance"]}, ("email_addresses.0", "is 'finance'; must be an e-mail address such as finance@example.com")),
        (
            {"cost_allocation_tags": ["aws:createdBy"]},
            ("cost_allocation_tags.0", "is 'aws:createdBy'; must be the key of a tag such as CostCenter"),
        ),
    ],
)
def test_what_aws_would_refuse(args: dict[str, Any], expected: tuple[str, str]) -> None:
    [(path, reason)] = problems(**args)
    assert (path, reason.rstrip(".")) == (expected[0], expected[1].rstrip("."))


def test_outputs() -> None:
    outputs = make().one("cloudpatterns:index:CostGuard").outputs
    assert set(outputs) == {"topic_arn", "budget_names", "monitor_arns"}
    assert (list(outputs["budget_names"]), outputs["monitor_arns"]) == (["all"], [])
