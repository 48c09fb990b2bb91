import json
import re
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.operations import MonitoringIntegration
from cloudpatterns.operations.monitoring_integration.component import alarm_rule
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs

ALARM, COMPOSITE = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm"
TOPIC, PAGER = (f"arn:aws:sns:eu-west-1:123456789012:{name}" for name in ("alarms", "pager"))
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/0123456789abcdef"
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/fedcba9876543210"
EXISTING = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop no target"
WORKSPACE = "arn:aws:aps:eu-west-1:123456789012:workspace/ws-0123"
FIREHOSE = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/metrics"
TOPICS: dict[str, Any] = {"alarm_topic_arns": [TOPIC]}
LATE: dict[str, Any] = {
    "description": "Mails wait",
    "metric": {
        "namespace": "AWS/SQS",
        "name": "ApproximateAgeOfOldestMessage",
        "dimensions": {"QueueName": "mail"},
        "statistic": "Maximum",
    },
    "threshold": 600,
    "missing_data": "notBreaching",
}
FAILED: dict[str, Any] = {
    "description": "Renders fail",
    "expression": "100 * failed / all",
    "metrics": {
        "failed": {"namespace": "Shop", "name": "Failures", "statistic": "Sum"},
        "all": {"namespace": "Shop", "name": "Renders", "statistic": "Sum"},
    },
    "threshold": 10.5,
    "missing_data": "breaching",
}
WEB: dict[str, Any] = {"watched_auto_scaling_groups": {"web": "shop-web"}}
SHOP: dict[str, Any] = {
    "watched_load_balancers": {"shop": {"load_balancer_arn": BALANCER, "target_group_arn": GROUP}},
    "watched_distributions": {"shop": "E123"},
    **WEB,
    "watched_services": {"api": {"cluster_name": "shop", "service_name": "api"}},
    "watched_databases": {"orders": {"instance_id": "shop-orders"}, "carts": {"cluster_id": "shop-carts"}},
    "watched_caches": {"shop": {"replication_group_id": "shop", "nodes": 2}, "carts": {"serverless_cache_name": "carts"}},
    "watched_functions": {"mail": "arn:aws:lambda:eu-west-1:123456789012:function:mail"},
    "watched_queues": {"mail": "https://sqs.eu-west-1.amazonaws.com/123456789012/mail"},
    "watched_tables": {"visits": "visits"},
}


def make(**args: Any) -> Graph:
    given: Any = args
    return record(lambda: MonitoringIntegration("shop", given), mode="deployed")


def problems(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return list(caught.value.problems)


def body(graph: Graph) -> dict[str, Any]:
    return json.loads(graph.one("aws:cloudwatch/dashboard:Dashboard").inputs["dashboardBody"])


def charts(graph: Graph) -> dict[str, Any]:
    """Properties of the metric widgets by the heading above them and their title."""
    found, heading = {}, ""
    for widget in body(graph)["widgets"]:
        if widget["type"] == "text":
            heading = widget["properties"]["markdown"].removeprefix("## ")
        elif widget["type"] == "metric":
            found[f"{heading}: {widget['properties']['title']}"] = widget["properties"]
    return found


def statements(resource: Resource) -> dict[str, Any]:
    return {one["Sid"]: one for one in json.loads(resource.inputs["policy"])["Statement"]}


# The contract, sentence by sentence.


def test_every_alarm_has_an_action() -> None:
    graph = make(
        **WEB,
        alarms={"late": LATE, "failed": FAILED},
        composite_alarms={"outage": {"description": "All is down", "alarms": ["late", "failed"], "alarm_topic_arns": [PAGER]}},
        agent={},
        metric_stream={"firehose_arn": FIREHOSE},
        **TOPICS,
    )
    alarms = [*graph.of_type(ALARM), *graph.of_type(COMPOSITE)]
    assert sorted(alarm.name for alarm in alarms) == [
        "shop-agent-failed-undelivered-alarm",
        "shop-failed",
        "shop-late",
        "shop-metric-stream-failed",
        "shop-outage",
        "shop-web-disk",
        "shop-web-memory",
        "shop-web-silent",
    ]
    for alarm in alarms:
        expected = [PAGER] if alarm.name == "shop-outage" else [TOPIC]
        assert alarm.inputs["alarmActions"] == alarm.inputs["okActions"] == expected


def test_an_alarm_without_action_is_refused() -> None:
    outage = {"description": "All is down", "alarms": ["late", "there"]}
    found = problems(alarms={"late": LATE}, existing_alarm_arns={"there": EXISTING}, composite_alarms={"outage": outage})
    reason = "has no action: nobody would learn of it. Give it alarm_topic_arns, or give the component some."
    assert found == [("alarms.late", reason), ("composite_alarms.outage", reason)]


def test_missing_data_is_defined() -> None:
    graph = make(**WEB, alarms={"late": LATE, "failed": FAILED}, agent={}, metric_stream={"firehose_arn": FIREHOSE}, **TOPICS)
    missing = {alarm.name: alarm.inputs.get("treatMissingData") for alarm in graph.of_type(ALARM)}
    assert missing["shop-failed"] == "breaching"
    assert set(missing.values()) == {"breaching", "notBreaching"}
    undefined = {name: value for name, value in LATE.items() if name != "missing_data"}
    [(path, reason)] = problems(alarms={"late": undefined}, **TOPICS)
    assert (path, reason.startswith("is missing")) == ("alarms.late.missing_data", True)


def test_missing_data_of_dynamodb_is_ignored_whatever_is_set_so_nothing_else_can_be() -> None:
    throttled = {**LATE, "metric": {"namespace": "AWS/DynamoDB", "name": "ReadThrottleEvents", "dimensions": {"TableName": "visits"}}}
    reason = "is notBreaching; alarms on AWS/DynamoDB always ignore missing data. Set it to ignore."
    assert problems(alarms={"late": throttled}, **TOPICS) == [("alarms.late.missing_data", reason)]
    assert (
        make(alarms={"late": {**throttled, "missing_data": "ignore"}}, **TOPICS).named("shop-late").inputs["treatMissingData"] == "ignore"
    )


# Alarms.


def test_an_alarm_watches_a_metric_a_percentile_or_an_expression() -> None:
    slow = {**LATE, "metric": {"namespace": "Shop", "name": "Seconds", "statistic": "p99"}, "periods": 15, "datapoints": 10}
    graph = make(alarms={"late": LATE, "slow": slow, "failed": FAILED}, **TOPICS)
    late, percentile, failed = (graph.named(f"shop-{key}").inputs for key in ("late", "slow", "failed"))
    assert (late["namespace"], late["statistic"], late["threshold"], late["period"]) == ("AWS/SQS", "Maximum", 600, 60)
    assert late["dimensions"] == {"QueueName": "mail"}
    assert [query.get("expression", query.get("metric", {}).get("stat")) for query in percentile["metricQueries"]] == ["value", "p99"]
    assert (percentile["evaluationPeriods"], percentile["datapointsToAlarm"]) == (15, 10)
    assert [query["id"] for query in failed["metricQueries"]] == ["result", "failed", "all"]
    assert [query.get("returnData", False) for query in failed["metricQueries"]] == [True, False, False]


def test_actions_beside_the_topics_happen_at_the_alarm_alone() -> None:
    reboot = "arn:aws:automate:eu-west-1:ec2:reboot"
    late = make(alarms={"late": {**LATE, "action_arns": [reboot]}}, **TOPICS).named("shop-late")
    assert (late.inputs["alarmActions"], late.inputs["okActions"]) == ([TOPIC, reboot], [TOPIC])


def test_a_composite_alarm_names_its_alarms_by_reference_and_waits_for_its_suppressor() -> None:
    outage = {"description": "All is down", "alarms": ["late", "there", "failed"], "least_in_alarm": 2, "suppressed_by": "there"}
    graph = make(
        alarms={"late": LATE, "failed": FAILED}, existing_alarm_arns={"there": EXISTING}, composite_alarms={"outage": outage}, **TOPICS
    )
    composite = graph.one(COMPOSITE)
    # So neither can be deleted before it.
    assert sorted(refs(graph, composite, "alarmRule")) == ["shop-failed", "shop-late"]
    arns = {key: graph.named(f"shop-{key}").outputs["arn"] for key in ("late", "failed")}
    assert composite.inputs["alarmRule"] == f'AT_LEAST(2, ALARM, ("{arns["late"]}", "{EXISTING}", "{arns["failed"]}"))'
    assert composite.inputs["actionsSuppressor"] == {"alarm": EXISTING, "waitPeriod": 120, "extensionPeriod": 120}


def test_one_or_all_alarms_of_a_composite_alarm_need_no_count() -> None:
    assert alarm_rule(["a", "b"], 1) == 'ALARM("a") OR ALARM("b")'
    assert alarm_rule(["a", "b"], 2) == 'ALARM("a") AND ALARM("b")'


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (
            {"alarms": {"late": {**LATE, "expression": "m", "metrics": {"m": FAILED["metrics"]["all"]}}}},
            ("alarms.late.metric", "exactly one of metric and expression with metrics is needed; both are given. Remove one."),
        ),
        (
            {"alarms": {"late": {**LATE, "periods": 2, "datapoints": 3}}},
            ("alarms.late.datapoints", "is 3; at most the 2 of periods can raise the alarm. Lower it."),
        ),
        (
            {"alarms": {"late": {**LATE, "periods": 100, "period_seconds": 900}}},
            (
                "alarms.late.periods",
                "is 100, and with period_seconds makes 90,000 seconds; CloudWatch looks at 86,400. Lower one of them.",
            ),
        ),
        (
            {"alarms": {"late": {**LATE, "action_arns": ["arn:aws:automate:eu-west-1:ec2:reboot"] * 5}}},
            ("alarms.late.action_arns", "makes 6 actions with the topics; CloudWatch takes 5. Remove some."),
        ),
        (
            {"alarms": {"failed": {**FAILED, "expression": "100 * failed / IF(requests > 0, requests, 1)"}}},
            ("alarms.failed.expression", "uses requests, which is not one of metrics; known are failed, all."),
        ),
        (
            {"alarms": {"late": LATE}, "existing_alarm_arns": {"late": EXISTING}},
            ("existing_alarm_arns.late", "is also the name of one of alarms. Rename one of them."),
        ),
        (
            {"alarms": {"late": LATE}, "composite_alarms": {"late": {"description": "x", "alarms": ["late", "down"]}}},
            ("composite_alarms.late", "is also the name of another alarm. Rename one of them."),
        ),
        (
            {"alarms": {"late": LATE}, "composite_alarms": {"outage": {"description": "x", "alarms": ["late", "down"]}}},
            ("composite_alarms.outage.alarms.1", "is 'down', which is not an alarm; known are late."),
        ),
        (
            {
                "alarms": {"late": LATE, "failed": FAILED},
                "composite_alarms": {
                    "outage": {"description": "x", "alarms": ["late", "failed"], "least_in_alarm": 3, "suppressed_by": "down"}
                },
            },
            ("composite_alarms.outage.suppressed_by", "is 'down', which is not an alarm; known are late, failed."),
        ),
    ],
)
def test_alarms_that_cloudwatch_would_refuse(args: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in problems(**args, **TOPICS)


EDGE: dict[str, Any] = {
    "description": "The CDN answers with errors",
    "metric": {"namespace": "AWS/CloudFront", "name": "5xxErrorRate", "dimensions": {"DistributionId": "E123", "Region": "Global"}},
    "threshold": 5,
    "missing_data": "notBreaching",
}


def test_an_alarm_on_metrics_of_the_edge_is_where_they_are() -> None:
    topic = TOPIC.replace("eu-west-1", "us-east-1")
    graph = make(alarms={"cdn": {**EDGE, "alarm_topic_arns": [topic]}, "late": LATE}, **TOPICS)
    assert [graph.named(name).inputs.get("region") for name in ("shop-cdn", "shop-late")] == ["us-east-1", None]
    reason = f"has {TOPIC}; the metrics of AWS/CloudFront are in us-east-1, and so are alarm and topics. Give topics of us-east-1."
    outage = {"description": "x", "alarms": ["late", "cdn"]}
    assert problems(alarms={"cdn": EDGE, "late": LATE}, composite_alarms={"outage": outage}, **TOPICS) == [
        ("alarms.cdn.alarm_topic_arns", reason),
        ("composite_alarms.outage.alarms.1", "is 'cdn', an alarm of us-east-1; CloudWatch reads those of one Region. Remove it."),
    ]


# The dashboard.


def test_the_dashboard_has_a_row_for_each_thing_in_the_order_of_a_request() -> None:
    headings = [widget["properties"]["markdown"] for widget in body(make(**SHOP))["widgets"] if widget["type"] == "text"]
    assert headings == [
        "## Load balancer shop",
        "## CDN shop",
        "## Servers web",
        "## Containers api",
        "## Database orders",
        "## Database carts",
        "## Cache shop",
        "## Cache carts",
        "## Function mail",
        "## Queue mail",
        "## Table visits",
    ]


def test_charts_select_the_series_of_what_is_watched() -> None:
    found = charts(make(**SHOP))
    balancer = ["LoadBalancer", "app/shop/0123456789abcdef"]
    assert found["Load balancer shop: Requests"]["metrics"] == [["AWS/ApplicationELB", "RequestCount", *balancer, {"stat": "Sum"}]]
    targets = found["Load balancer shop: Targets"]["metrics"][0]
    assert targets[:6] == ["AWS/ApplicationELB", "HealthyHostCount", "TargetGroup", "targetgroup/shop/fedcba9876543210", *balancer]
    assert found["CDN shop: Requests"]["region"] == "us-east-1"
    assert [line[3] for line in found["Cache shop: Connections"]["metrics"]] == ["shop-001", "shop-002"]
    assert found["Cache carts: Connections"]["metrics"][0][2:4] == ["clusterId", "carts"]
    assert found["Database orders: Connections"]["metrics"][0][2:4] == ["DBInstanceIdentifier", "shop-orders"]
    assert found["Database carts: Connections"]["metrics"][0][2:4] == ["DBClusterIdentifier", "shop-carts"]
    assert found["Function mail: Invocations"]["metrics"][0][2:4] == ["FunctionName", "mail"]
    assert {chart["region"] for name, chart in found.items() if not name.startswith("CDN")} == {"eu-west-1"}
    assert "Servers web: Memory and disks, percent" not in found
    assert "Servers web: Memory and disks, percent" in charts(make(**SHOP, agent={}))


def test_a_network_load_balancer_has_charts_of_its_own() -> None:
    network = BALANCER.replace("/app/", "/net/")
    found = charts(make(watched_load_balancers={"shop": {"load_balancer_arn": network}}))
    assert {chart["metrics"][0][0] for chart in found.values()} == {"AWS/NetworkELB"}
    assert list(found) == ["Load balancer shop: Flows", "Load balancer shop: Bytes", "Load balancer shop: Resets"]


def test_widgets_do_not_overlap_and_are_within_the_grid() -> None:
    taken: set[tuple[int, int]] = set()
    chart = {"metrics": [{"namespace": "Shop", "name": "Renders", "statistic": "Sum"}]}
    dashboard = body(make(**SHOP, alarms={"late": LATE}, charts={f"Chart {n}": chart for n in range(5)}, **TOPICS))
    for widget in dashboard["widgets"]:
        cells = {
            (x, y) for x in range(widget["x"], widget["x"] + widget["width"]) for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_dashboard_shows_alarms_and_own_charts() -> None:
    chart = {
        "metrics": [{"namespace": "Shop", "name": "Renders", "dimensions": {"Kind": "pdf"}, "statistic": "Sum"}],
        "period_seconds": 300,
    }
    graph = make(alarms={"late": LATE}, existing_alarm_arns={"there": EXISTING}, charts={"Renders": chart}, **TOPICS)
    [alarms] = [widget for widget in body(graph)["widgets"] if widget["type"] == "alarm"]
    assert alarms["properties"] == {"title": "Alarms of shop", "alarms": [graph.named("shop-late").outputs["arn"], EXISTING]}
    renders = charts(graph)["Application: Renders"]
    assert (renders["metrics"], renders["period"]) == ([["Shop", "Renders", "Kind", "pdf", {"stat": "Sum"}]], 300)


def test_a_line_of_the_edge_is_read_where_its_metric_is() -> None:
    chart = {"metrics": [EDGE["metric"], LATE["metric"]]}
    found = charts(make(charts={"Both": chart}, **SHOP))
    assert [line[-1] for line in found["Application: Both"]["metrics"]] == [
        {"stat": "Average", "region": "us-east-1"},
        {"stat": "Maximum"},
    ]


def test_more_alarms_than_a_widget_takes_are_in_several() -> None:
    existing = {f"a{number}": f"{EXISTING} {number}" for number in range(100)}
    widgets = body(make(existing_alarm_arns=existing, alarms={"late": LATE}, **TOPICS))["widgets"]
    assert [len(widget["properties"]["alarms"]) for widget in widgets] == [100, 1]


def test_the_dashboard_of_each_stack_has_a_name_of_its_own() -> None:
    # There is one list for all Regions of an account.
    name = make(**SHOP).one("aws:cloudwatch/dashboard:Dashboard").inputs["dashboardName"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+-shop", name)


def test_the_region_of_the_metrics_is_that_of_an_arn_or_is_given() -> None:
    [(path, reason)] = problems(**WEB)
    assert path == "region"
    assert reason == "is missing; a dashboard names the Region of its metrics, and no ARN among the arguments has one. Give it."
    assert {chart["region"] for chart in charts(make(**WEB, region="eu-central-1")).values()} == {"eu-central-1"}
    assert {chart["region"] for chart in charts(make(**WEB, **TOPICS)).values()} == {"eu-west-1"}


def test_what_is_named_by_an_arn_has_charts() -> None:
    arns = {
        "watched_distributions": {"site": "arn:aws:cloudfront::123456789012:distribution/E1ABC"},
        "watched_functions": {"mail": "arn:aws:lambda:eu-west-1:123456789012:function:mail:live"},
        "watched_queues": {"mail": "arn:aws:sqs:eu-west-1:123456789012:mail"},
        "watched_tables": {"carts": "arn:aws:dynamodb:eu-west-1:123456789012:table/carts"},
    }
    body = json.loads(make(**arns, region="eu-west-1").one("aws:cloudwatch/dashboard:Dashboard").inputs["dashboardBody"])
    lines = [line for widget in body["widgets"] for line in widget["properties"].get("metrics", [])]
    pairs = [("DistributionId", "E1ABC"), ("FunctionName", "mail"), ("QueueName", "mail"), ("TableName", "carts")]
    assert all(any(list(pair) == line[2:4] for line in lines) for pair in pairs)


def test_nothing_at_all_is_refused() -> None:
    reason = "has nothing to show, and nothing else is created. Give what is watched, alarms or charts."
    assert problems(**TOPICS, instance_role_names={"web": "shop-web"}) == [("dashboard", reason)]


def test_nothing_to_show_is_no_dashboard() -> None:
    graph = make(**TOPICS, agent={"instance_tags": {"App": "shop"}})
    assert graph.of_type("aws:cloudwatch/dashboard:Dashboard") == []
    assert graph.one("cloudpatterns:index:MonitoringIntegration").outputs["dashboard_name"] == ""
    assert make(**SHOP, dashboard=False, agent={}).of_type("aws:cloudwatch/dashboard:Dashboard") == []


# The agent.


def agent_configuration(graph: Graph) -> dict[str, Any]:
    return json.loads(graph.one("aws:ssm/parameter:Parameter").inputs["insecureValue"])


def test_the_parameter_of_the_agent_has_the_name_that_its_policy_of_aws_allows() -> None:
    parameter = make(**WEB, agent={}).one("aws:ssm/parameter:Parameter")
    assert parameter.inputs["name"].startswith("AmazonCloudWatch-")
    # Two braces in a row would be the name of another parameter.
    assert not re.search(r"\{\{|\}\}", parameter.inputs["insecureValue"])


def test_the_configuration_of_many_log_files_fits_into_the_parameter() -> None:
    files = {f"app-{number}": {"file_path": f"/var/log/shop/{'a' * 40}-{number}.log"} for number in range(20)}
    parameter = make(**WEB, agent={"log_files": files}).one("aws:ssm/parameter:Parameter").inputs
    assert 4096 < len(parameter["insecureValue"]) < 8192
    assert parameter["tier"] == "Intelligent-Tiering"


def test_the_agent_measures_memory_and_disks_and_sends_log_files() -> None:
    files = {"app": {"file_path": "/var/log/app.log", "multi_line_start_pattern": "^\\d"}}
    graph = make(**WEB, agent={"log_files": files, "disk_mount_points": ["/", "/data"], "log_retention_days": 30})
    found = agent_configuration(graph)
    assert found["metrics"]["metrics_collected"]["disk"]["resources"] == ["/", "/data"]
    assert found["metrics"]["aggregation_dimensions"] == [["AutoScalingGroupName"]]
    assert "metrics_destinations" not in found["metrics"]
    group = graph.named("shop-app-log")
    assert group.inputs["retentionInDays"] == 30
    assert found["logs"]["logs_collected"]["files"]["collect_list"] == [
        {
            "file_path": "/var/log/app.log",
            "log_group_name": group.outputs["name"],
            "log_stream_name": "{instance_id}",
            "multi_line_start_pattern": "^\\d",
        }
    ]
    key = json.loads(graph.named("shop-key-policy").inputs["policy"])["Statement"][1]
    groups = key["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert [pattern.partition(":log-group:")[2] for pattern in groups] == ["shop-*", "/aws/vendedlogs/prometheus/shop*"]


def test_systems_manager_installs_the_agent_before_it_configures_it_and_again_when_the_configuration_changes() -> None:
    graph, changed = make(**WEB, agent={}), make(**WEB, agent={"disk_mount_points": ["/data"]})
    association = graph.one("aws:ssm/association:Association")
    assert association.inputs["targets"] == [{"key": "tag:aws:autoscaling:groupName", "values": ["shop-web"]}]
    assert association.inputs["parameters"] != changed.one("aws:ssm/association:Association").inputs["parameters"]
    document = json.loads(graph.one("aws:ssm/document:Document").inputs["content"])
    assert set(association.inputs["parameters"]) == set(document["parameters"])
    steps = [(step["inputs"]["documentPath"], json.loads(step["inputs"]["documentParameters"])) for step in document["mainSteps"]]
    assert [path for path, _ in steps] == ["AWS-ConfigureAWSPackage", "AmazonCloudWatch-ManageAgent"]
    assert steps[0][1] == {"action": "Install", "name": "AmazonCloudWatchAgent"}
    assert steps[1][1]["optionalConfigurationLocation"] == graph.one("aws:ssm/parameter:Parameter").inputs["name"]


def test_instances_are_those_with_tags_where_some_are_given() -> None:
    association = make(agent={"instance_tags": {"Role": "web", "Stage": "prod"}}).one("aws:ssm/association:Association")
    assert association.inputs["targets"] == [{"key": "tag:Role", "values": ["web"]}, {"key": "tag:Stage", "values": ["prod"]}]


def test_roles_of_instances_have_their_rights_before_the_association_runs() -> None:
    graph = make(
        **WEB, instance_role_names={"web": "shop-web"}, agent={"log_files": {"app": {"file_path": "/var/log/app.log"}}}, prometheus={}
    )
    rights = graph.named("shop-agent-web")
    assert rights.inputs["role"] == "shop-web"
    found = statements(rights)
    assert list(found) == [
        *("ManagedInstance", "Associations", "AgentDocuments", "AgentConfiguration", "AgentMetrics", "AgentDimensions"),
        *("AgentLogs", "AgentRemoteWrite"),
    ]
    assert found["AgentMetrics"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": ["CWAgent"]}}
    assert found["AgentConfiguration"]["Resource"] == [graph.one("aws:ssm/parameter:Parameter").outputs["arn"]]
    assert "arn:aws:ssm:eu-west-1:*:document/AmazonCloudWatch-ManageAgent" in found["AgentDocuments"]["Resource"]
    assert rights.urn in graph.one("aws:ssm/association:Association").dependencies


def test_rights_are_offered_for_a_role_of_yours() -> None:
    found: list[Any] = []
    args: Any = {**WEB, "agent": {}, **TOPICS}
    without: Any = SHOP
    record(lambda: found.extend(MonitoringIntegration("shop", args).agent_statements()))
    assert [one["sid"] for one in found][:2] == ["ManagedInstance", "Associations"]
    with pytest.raises(ArgumentError) as caught:
        record(lambda: MonitoringIntegration("shop", without).agent_statements())
    assert caught.value.problems == [("agent", "is missing; there is no agent that needs rights. Give it.")]


def test_a_group_whose_agents_are_silent_raises_an_alarm_while_it_has_instances() -> None:
    graph = make(**WEB, agent={"alarm_disk_percent": 70}, **TOPICS)
    silent, disk = graph.named("shop-web-silent"), graph.named("shop-web-disk")
    assert silent.inputs["metricQueries"][0]["expression"] == "IF(FILL(instances, 0) > 0 AND FILL(reports, 0) < 1, 1, 0)"
    # The fullest disk of any instance.
    assert (disk.inputs["namespace"], disk.inputs["metricName"], disk.inputs["statistic"]) == ("CWAgent", "disk_used_percent", "Maximum")
    assert (disk.inputs["threshold"], disk.inputs["dimensions"]) == (70, {"AutoScalingGroupName": "shop-web"})
    rule = json.loads(graph.named("shop-agent-failed").inputs["eventPattern"])
    assert rule["detail"] == {
        "association-id": [graph.one("aws:ssm/association:Association").outputs["associationId"]],
        "status": ["Failed"],
    }


def test_an_agent_needs_instances_and_prometheus_an_agent() -> None:
    reason = "is missing; without it the agent is for the instances of watched_auto_scaling_groups, and there are none. Give one of them."
    assert problems(agent={}) == [("agent.instance_tags", reason)]
    reason = "is missing; prometheus needs it: it is the agent that writes to the workspace. Give it, or remove prometheus."
    assert problems(prometheus={"log_retention_days": 30}) == [("agent", reason)]


# Export.


def test_the_agent_writes_to_a_new_workspace_that_is_encrypted_and_logged() -> None:
    graph = make(**WEB, agent={}, prometheus={"log_retention_days": 30})
    workspace, group = graph.one("aws:amp/workspace:Workspace"), graph.named("shop-workspace-log")
    assert refs(graph, workspace, "kmsKeyArn") == ["shop-key", "shop-key-policy"]
    assert workspace.inputs["loggingConfiguration"] == {"logGroupArn": group.outputs["arn"] + ":*"}
    assert group.inputs["namePrefix"] == "/aws/vendedlogs/prometheus/shop-"
    destinations = agent_configuration(graph)["metrics"]["metrics_destinations"]
    assert destinations == {"cloudwatch": {}, "amp": {"workspace_id": workspace.outputs["id"]}}


def test_an_existing_workspace_is_adopted() -> None:
    graph = make(**WEB, agent={}, instance_role_names={"web": "shop-web"}, prometheus={"existing_workspace_arn": WORKSPACE})
    assert graph.of_type("aws:amp/workspace:Workspace") == graph.of_type("aws:kms/key:Key") == []
    assert agent_configuration(graph)["metrics"]["metrics_destinations"]["amp"] == {"workspace_id": "ws-0123"}
    assert statements(graph.named("shop-agent-web"))["AgentRemoteWrite"]["Resource"] == [WORKSPACE]


def test_grafana_reads_and_its_role_trusts_who_is_named() -> None:
    grafana = {
        "principal_arns": ["arn:aws:iam::123456789012:role/grafana"],
        "external_id": "shop",
        "log_group_arns": ["arn:aws:logs:a:1:b:c"],
    }
    graph = make(**WEB, agent={}, prometheus={}, grafana=grafana)
    trust = json.loads(graph.named("shop-grafana-role").inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"AWS": ["arn:aws:iam::123456789012:role/grafana"]}
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": "shop"}}
    found = statements(graph.named("shop-grafana-policy"))
    assert [one for one in found if one not in ("Metrics", "Alarms", "Logs", "Prometheus")] == []
    assert found["Prometheus"]["Resource"] == [graph.one("aws:amp/workspace:Workspace").outputs["arn"]]
    assert found["Logs"]["Resource"] == ["arn:aws:logs:a:1:b:c:*"]
    verbs = {action.partition(":")[2] for one in found.values() for action in one["Action"]}
    assert [verb for verb in verbs if not verb.startswith(("Describe", "Get", "List", "Query", "StartQuery", "StopQuery"))] == []


def test_managed_grafana_assumes_the_role_in_this_account_alone() -> None:
    graph = make(grafana={"managed": True}, **TOPICS)
    trust = json.loads(graph.named("shop-grafana-role").inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": ["grafana.amazonaws.com"]}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ["123456789012"]}}
    [(path, _), (place, reason)] = problems(grafana={"managed": True, "external_id": "shop"})
    assert (path, place) == ("grafana.external_id", "grafana.managed")
    assert reason == "is True; the role trusts this account's Grafana, and no ARN among the arguments names it. Give topics."


def test_a_metric_stream_may_put_records_into_its_delivery_stream_alone() -> None:
    graph = make(metric_stream={"firehose_arn": FIREHOSE, "namespaces": ["AWS/RDS"]}, **TOPICS)
    stream = graph.one("aws:cloudwatch/metricStream:MetricStream")
    assert (stream.inputs["outputFormat"], stream.inputs["includeFilters"]) == ("opentelemetry1.0", [{"namespace": "AWS/RDS"}])
    assert statements(graph.named("shop-metric-stream-policy"))["Put"]["Resource"] == [FIREHOSE]
    assert graph.named("shop-metric-stream-failed").inputs["dimensions"] == {"MetricStreamName": stream.outputs["name"]}


def test_outputs() -> None:
    outputs = make(**SHOP, alarms={"late": LATE}, agent={}, **TOPICS).one("cloudpatterns:index:MonitoringIntegration").outputs
    assert set(outputs) == {
        *("dashboard_name", "alarm_arns", "agent_parameter_name", "agent_document_name", "log_group_names"),
        *("workspace_arn", "grafana_role_arn", "metric_stream_arn"),
    }
    assert list(outputs["alarm_arns"]) == ["late"]
    assert outputs["workspace_arn"] == outputs["grafana_role_arn"] == outputs["metric_stream_arn"] == ""
