import io
import json
import socket
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.resilience import DeepHealthCheck
from cloudpatterns_runtime import health
from offline_preview.graph import Graph

from tests.emulators.events import Context
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.tables import table_by_id
from tests.harness import record, refs
from tests.program import ROOT

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
GLOBAL_TOPIC = "arn:aws:sns:us-east-1:123456789012:operations"
LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shop/0123456789abcdef/0123456789abcdef"
TABLE, QUEUE = "arn:aws:dynamodb:eu-west-1:123456789012:table/sessions", "arn:aws:sqs:eu-west-1:123456789012:orders"
CHECK, ALARM = "aws:route53/healthCheck:HealthCheck", "aws:cloudwatch/metricAlarm:MetricAlarm"
TCP: dict[str, Any] = {"tcp": {"host": "db.internal", "port": 5432}}
BEHIND: dict[str, Any] = {"domain_name": "shop.example.com", "listener_arn": LISTENER, "listener_priority": 10}
IMAGE = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/health@sha256:0"}
EXISTING = {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:health:live", "timeout_seconds": 10}
CODE = ROOT / "components/cloudpatterns/resilience/deep_health_check/on_aws/index.py"


def make(mode: Any = "deployed", **args: Any) -> Graph:
    return record(lambda: DeepHealthCheck("shop", args), mode=mode)  # ty: ignore[invalid-argument-type]


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def outputs(graph: Graph) -> dict[str, Any]:
    return graph.one("cloudpatterns:index:DeepHealthCheck").outputs


# A failing shared dependency never empties the balancer's pool


def test_a_failing_shared_dependency_never_empties_the_balancers_pool() -> None:
    """The deep path is the function's alone, whose target group is not checked; the balancer's check has another path."""
    graph = make(layers={"database": TCP}, **BEHIND, shallow_path="/health")
    group = graph.one("aws:lb/targetGroup:TargetGroup")
    assert group.inputs["targetType"] == "lambda"
    # AWS's defaults beside: the provider's are an interval that is no longer than the timeout.
    assert group.inputs["healthCheck"] == {
        "enabled": False,
        "healthyThreshold": 5,
        "interval": 35,
        "timeout": 30,
        "unhealthyThreshold": 2,
    }
    rule = graph.one("aws:lb/listenerRule:ListenerRule")
    assert refs(graph, rule, "actions") == ["shop-tg"]
    assert rule.inputs["conditions"] == [
        {"hostHeader": {"values": ["shop.example.com"]}},
        {"pathPattern": {"values": ["/health/deep"]}},
    ]
    assert (outputs(graph)["shallow_path"], graph.one(CHECK).inputs["resourcePath"]) == ("/health", "/health/deep")


@pytest.mark.parametrize(("path", "shallow"), [("/health", "/health"), ("/health/", "/health"), ("/health", "/health/")])
@pytest.mark.parametrize("form", [{"domain_name": "shop.example.com"}, {**BEHIND, "layers": {"database": TCP}}])
def test_the_deep_path_is_refused_as_the_balancers(path: str, shallow: str, form: dict[str, Any]) -> None:
    assert refused(**form, path=path, shallow_path=shallow) == [
        (
            "shallow_path",
            f"is {shallow!r}, the path of the deep check: a layer that all servers share would fail for all of them at once, and the "
            "balancer would have none left. Give a path that looks at the server alone.",
        )
    ]


# Three forms


def test_behind_a_balancer_route_53_looks_for_the_functions_text() -> None:
    graph = make(
        layers={"database": TCP}, **BEHIND, request_interval_seconds=10, failure_threshold=2, measure_latency=True, tags={"Owner": "shop"}
    )
    check = graph.one(CHECK)
    assert check.inputs == {
        "type": "HTTPS_STR_MATCH",
        "fqdn": "shop.example.com",
        "port": 443,
        "resourcePath": "/health/deep",
        "searchString": health.OK,
        "enableSni": True,
        "measureLatency": True,
        "requestInterval": 10,
        "failureThreshold": 2,
        "tags": {"Name": "shop", "Owner": "shop"},
    }
    permission = graph.one("aws:lambda/permission:Permission")
    assert permission.inputs["principal"] == "elasticloadbalancing.amazonaws.com"
    assert refs(graph, permission, "sourceArn") == ["shop-tg"]
    assert graph.one("aws:lb/listenerRule:ListenerRule").inputs["priority"] == 10
    target = graph.one("aws:lb/targetGroupAttachment:TargetGroupAttachment")
    assert target.inputs["targetId"] == graph.named("shop-function").outputs["arn"]
    assert outputs(graph)["endpoint_url"] == "https://shop.example.com/health/deep"
    assert not graph.of_type("aws:cloudwatch/eventRule:EventRule", "aws:lambda/functionUrl:FunctionUrl")


def test_what_is_needed_first_is_created_first() -> None:
    graph = make(layers={"database": TCP}, **BEHIND)
    assert "shop-balancer-permission" in names(graph, "shop-target")
    assert "shop-target" in names(graph, "shop-rule")
    assert "shop-rule" in names(graph, "shop-check")


def names(graph: Graph, resource: str) -> set[str]:
    return {urn.rpartition("::")[2] for urn in graph.named(resource).dependencies}


def test_an_application_answers_itself() -> None:
    graph = make(domain_name="shop.example.com", path="/deep", global_alarm_topic_arns=[GLOBAL_TOPIC])
    assert {resource.type for resource in graph.resources if resource.custom and resource.type.startswith("aws:")} == {CHECK, ALARM}
    assert graph.one(CHECK).inputs["resourcePath"] == "/deep"
    assert (outputs(graph)["function_arn"], outputs(graph)["alarm_name"]) == ("", "")


def test_the_alarm_on_the_health_check_is_where_its_metrics_are() -> None:
    graph = make(domain_name="shop.example.com", global_alarm_topic_arns=[GLOBAL_TOPIC])
    alarm = graph.one(ALARM)
    assert (alarm.inputs["region"], alarm.inputs["alarmActions"]) == ("us-east-1", [GLOBAL_TOPIC])
    assert (alarm.inputs["namespace"], alarm.inputs["metricName"]) == ("AWS/Route53", "HealthCheckStatus")
    assert refs(graph, alarm, "dimensions") == ["shop-check"]
    assert (alarm.inputs["comparisonOperator"], alarm.inputs["threshold"]) == ("LessThanThreshold", 1)
    assert not make(domain_name="shop.example.com").of_type(ALARM)


def test_a_private_check_follows_an_alarm() -> None:
    graph = make(layers={"database": TCP}, alarm_topic_arns=[TOPIC], failed_minutes=5)
    alarm, check = graph.named("shop-failed"), graph.one(CHECK)
    expected = {
        "namespace": "DeepHealth",
        "metricName": "Healthy",
        "dimensions": {"Check": outputs(graph)["check_name"]},
        "statistic": "Minimum",
        "period": 60,
        "evaluationPeriods": 5,
        "threshold": 1,
        "comparisonOperator": "LessThanThreshold",
        "treatMissingData": "missing",
        "alarmActions": [TOPIC],
    }
    assert {name: alarm.inputs.get(name) for name in expected} == expected
    assert check.inputs == {
        "type": "CLOUDWATCH_METRIC",
        "cloudwatchAlarmName": alarm.outputs["name"],
        "cloudwatchAlarmRegion": "eu-west-1",
        "insufficientDataHealthStatus": "LastKnownStatus",
        "triggers": {"failed_minutes": "5", "check_name": outputs(graph)["check_name"]},
        "tags": {"Name": "shop"},
    }
    rule = graph.one("aws:cloudwatch/eventRule:EventRule")
    assert rule.inputs["scheduleExpression"] == "rate(1 minute)"
    assert graph.one("aws:cloudwatch/eventTarget:EventTarget").inputs["arn"] == graph.named("shop-function").outputs["arn"]
    assert graph.one("aws:lambda/permission:Permission").inputs["principal"] == "events.amazonaws.com"
    assert (outputs(graph)["endpoint_url"], outputs(graph)["shallow_path"]) == ("", "")
    assert outputs(graph)["alarm_name"] == alarm.outputs["name"]


def test_nothing_measured_is_told_by_an_alarm_of_its_own_which_no_health_check_follows() -> None:
    graph = make(layers={"database": TCP}, alarm_topic_arns=[TOPIC], failed_minutes=5)
    alarm = graph.named("shop-unmeasured").inputs
    failed = graph.named("shop-failed").inputs
    same = ("namespace", "metricName", "dimensions", "period", "evaluationPeriods", "threshold", "comparisonOperator", "alarmActions")
    assert {name: alarm[name] for name in same} == {name: failed[name] for name in same}
    assert (alarm["statistic"], alarm["treatMissingData"]) == ("SampleCount", "breaching")


def test_stacks_of_one_account_do_not_mix_their_measurements() -> None:
    """The alarm compares what this stack's function prints: the check is named as the rule, which AWS has once."""
    graph = make(layers={"database": TCP}, alarm_topic_arns=[TOPIC])
    rule = graph.one("aws:cloudwatch/eventRule:EventRule")
    assert outputs(graph)["check_name"] == rule.outputs["name"] != "shop"
    assert graph.named("shop-function").inputs["environment"]["variables"]["DEEP_HEALTH_CHECK"] == rule.outputs["name"]
    # An existing function finds it in the event.
    assert rule.outputs["arn"].endswith(f":rule/{rule.outputs['name']}")
    behind = make(layers={"database": TCP}, **BEHIND)
    assert (outputs(behind)["check_name"], [one for one in variables_of(behind) if one.startswith("DEEP_HEALTH")]) == ("", [])


def variables_of(graph: Graph) -> dict[str, str]:
    return graph.named("shop-function").inputs["environment"]["variables"]


def test_a_measurement_that_fails_is_kept_and_not_repeated_late() -> None:
    graph = make(layers={"database": TCP}, alarm_topic_arns=[TOPIC])
    lost = graph.named("shop-lost")
    target = graph.one("aws:cloudwatch/eventTarget:EventTarget")
    assert target.inputs["deadLetterConfig"] == {"arn": lost.outputs["arn"]}
    assert target.inputs["retryPolicy"] == {"maximumEventAgeInSeconds": 60, "maximumRetryAttempts": 1}
    failures = graph.one("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").inputs
    assert failures["destinationConfig"] == {"onFailure": {"destination": lost.outputs["arn"]}}
    assert (failures["maximumRetryAttempts"], failures["maximumEventAgeInSeconds"]) == (0, 60)
    assert graph.named("shop-lost-alarm").inputs["alarmActions"] == [TOPIC]
    sender = json.loads(graph.named("shop-lost-policy").inputs["policy"])["Statement"][1]
    assert sender["Condition"] == {"ArnEquals": {"aws:SourceArn": graph.one("aws:cloudwatch/eventRule:EventRule").outputs["arn"]}}
    key = json.loads(graph.named("shop-key-policy").inputs["policy"])["Statement"]
    assert [one["Sid"] for one in key] == ["Administration", "CloudWatchLogs", "SenderEvents"]
    sids = [one["Sid"] for one in json.loads(graph.named("shop-function-policy").inputs["policy"])["Statement"]]
    assert sids[:2] == ["Send", "SendKey"]


def test_a_public_check_has_no_queue() -> None:
    graph = make(layers={"database": TCP}, **BEHIND)
    assert not graph.of_type("aws:sqs/queue:Queue", "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    key = json.loads(graph.named("shop-key-policy").inputs["policy"])["Statement"]
    assert [one["Sid"] for one in key] == ["Administration", "CloudWatchLogs"]


def test_an_edit_of_the_alarm_reaches_the_health_check() -> None:
    first, second = (make(layers={"database": TCP}, failed_minutes=minutes).one(CHECK).inputs["triggers"] for minutes in (3, 4))
    assert first != second


def test_the_alarm_is_there_without_topics_because_the_check_follows_it() -> None:
    assert make(layers={"database": TCP}, insufficient_data_health_status="Unhealthy").one(ALARM).name == "shop-failed"


# The function


def test_the_function_may_do_what_its_layers_need() -> None:
    far = TABLE.replace("eu-west-1", "eu-central-1")
    layers: dict[str, Any] = {
        "database": TCP,
        "page": {"http": {"url": "http://page.internal/"}, "timeout_seconds": 0.5},
        # A table of another Region.
        "sessions": {"table": {"arn": far, "key": {"id": {"S": "x"}}, "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/t"}},
        "orders": {"queue": {"arn": QUEUE, "most_messages": 7}},
    }
    graph = make(layers=layers, subnet_ids_by_zone={"eu-west-1a": "subnet-1"}, security_group_ids=["sg-1"], cache_seconds=2.5)
    found = json.loads(graph.named("shop-function-policy").inputs["policy"])["Statement"]
    assert [(one["Sid"], one["Action"], one["Resource"]) for one in found[:3]] == [
        ("Tables", ["dynamodb:GetItem"], [far]),
        ("TableKeys", ["kms:Decrypt"], ["arn:aws:kms:eu-west-1:123456789012:key/t"]),
        ("Queues", ["sqs:GetQueueAttributes"], [QUEUE]),
    ]
    function = graph.named("shop-function")
    variables = function.inputs["environment"]["variables"]
    assert json.loads(variables["LAYERS"]) == {
        "database": {"kind": "tcp", "host": "db.internal", "port": 5432, "timeout_seconds": 1.5},
        "page": {"kind": "http", "url": "http://page.internal/", "contains": "", "timeout_seconds": 0.5},
        "sessions": {
            "kind": "table",
            "region": "eu-central-1",
            "name": "sessions",
            "key": {"id": {"S": "x"}},
            "timeout_seconds": 1.5,
        },
        "orders": {
            "kind": "queue",
            "region": "eu-west-1",
            "url": "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
            "most_messages": 7,
            "timeout_seconds": 1.5,
        },
    }
    assert variables["CACHE_SECONDS"] == "2.5"
    assert (variables["DEEP_HEALTH_NAMESPACE"], variables["DEEP_HEALTH_CHECK"]) == ("DeepHealth", outputs(graph)["check_name"])
    assert function.inputs["vpcConfig"] == {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]}
    assert refs(graph, function, "layers") == ["shop-function-library"]


def test_a_function_of_the_users_own_and_one_that_is_there() -> None:
    graph = make(function=IMAGE)
    variables = variables_of(graph)
    assert (variables["DEEP_HEALTH_NAMESPACE"], variables["DEEP_HEALTH_CHECK"]) == ("DeepHealth", outputs(graph)["check_name"])
    assert "LAYERS" not in variables
    existing = make(existing_function=EXISTING)
    assert not existing.of_type("aws:lambda/function:Function", "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    assert not make(existing_function=EXISTING, **BEHIND).of_type("aws:kms/key:Key")
    assert existing.one("aws:cloudwatch/eventTarget:EventTarget").inputs["arn"] == EXISTING["arn"]
    permission = existing.one("aws:lambda/permission:Permission").inputs
    assert (f"{permission['function']}:{permission['qualifier']}", permission["qualifier"]) == (EXISTING["arn"], "live")
    assert make(existing_function=EXISTING, **BEHIND).one("aws:lb/targetGroupAttachment:TargetGroupAttachment").inputs["targetId"]


def test_a_key_of_the_users_own() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/own"
    graph = make(layers={"database": TCP}, kms_key_arn=key)
    assert not graph.of_type("aws:kms/key:Key")
    assert graph.named("shop-function").inputs["kmsKeyArn"] == graph.named("shop-function-logs").inputs["kmsKeyId"] == key


# What is refused

NO_ENDPOINT = "is for a public endpoint, and there is no domain_name. Give it, or leave it out."
LATE = "Route 53 waits 2 seconds for the answer. Give less, such as 1.5."


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ({}, [("layers", "is missing; without domain_name a function measures. Give layers, function or existing_function.")]),
        (BEHIND, [("layers", "is missing; with listener_arn a function answers. Give layers, function or existing_function.")]),
        (
            {"domain_name": "shop.example.com", "layers": {"database": TCP}},
            [("layers", "is given without listener_arn: nothing would reach the function. Give listener_arn, or leave it out.")],
        ),
        (
            {"layers": {"database": TCP}, "existing_function": EXISTING},
            [("existing_function", "is given beside layers; one function checks the layers. Leave one out.")],
        ),
        ({"layers": {"database": TCP}, "path": "/x"}, [("path", NO_ENDPOINT)]),
        ({"layers": {"database": TCP}, "failure_threshold": 2}, [("failure_threshold", NO_ENDPOINT)]),
        (
            {"domain_name": "shop.example.com", "failed_minutes": 2},
            [("failed_minutes", "is for an alarm, and with domain_name Route 53 asks by itself. Leave it out.")],
        ),
        (
            {"function": IMAGE, "cache_seconds": 2},
            [("cache_seconds", "is for the function of the component, which layers creates. Give layers, or leave it out.")],
        ),
        (
            {"layers": {"database": {**TCP, "timeout_seconds": 2}}, **BEHIND},
            [("layers.database.timeout_seconds", f"is 2; {LATE}")],
        ),
        (
            {"layers": {"x-deep-health-ok": TCP}},
            [("layers", "has 'x-deep-health-ok', in which Route 53 would find that all is well. Choose another name.")],
        ),
        (
            {"function": {**IMAGE, "log_level": "WARN"}},
            [
                (
                    "function.log_level",
                    "is WARN; the metric is a line in the log without a level, which counts as INFO and would be left out. "
                    "Give INFO or DEBUG.",
                )
            ],
        ),
        (
            {"domain_name": "shop.example.com", "alarm_topic_arns": [TOPIC]},
            [
                (
                    "alarm_topic_arns",
                    "is for a function, and the application answers itself. Leave it out; Route 53 notifies global_alarm_topic_arns.",
                )
            ],
        ),
        (
            {"domain_name": "shop.example.com", "global_alarm_topic_arns": [GLOBAL_TOPIC, TOPIC]},
            [
                (
                    "global_alarm_topic_arns.1",
                    "is in eu-west-1; the metrics of health checks are in us-east-1. Give a topic there.",
                )
            ],
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert refused(**args) == found


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"layers": {"database": {}}}, "layers.database.tcp"),
        ({"layers": {"database": {**TCP, "queue": {"arn": QUEUE}}}}, "layers.database.tcp"),
        ({"function": {}}, "function.code"),
        ({"layers": {"database": TCP}, "domain_name": "shop.example.com", "listener_arn": LISTENER}, "listener_priority"),
        ({"layers": {"database": TCP}, "subnet_ids_by_zone": {"eu-west-1a": "subnet-1"}}, "security_group_ids"),
        ({"layers": {"a b": TCP}}, "layers"),
        ({"domain_name": "shop.example.com", "path": "/"}, "path"),
    ],
)
def test_other_arguments_that_do_not_fit_are_refused(args: dict[str, Any], path: str) -> None:
    assert path in [place for place, _ in refused(**args)]


def test_a_name_too_long_for_the_schedules_rule_is_refused() -> None:
    """Which counts where the function, whose names are longer, is there already."""
    args: Any = {"existing_function": EXISTING}
    with pytest.raises(ArgumentError) as error:
        record(lambda: DeepHealthCheck("s" * 49, args), mode="deployed")
    [(path, reason)] = error.value.problems
    assert (path, f"the child {'s' * 49}-measure would pass the 64 characters" in reason) == ("name", True)


# The code that runs in AWS


class Event(dict[str, Any]):
    """What EventBridge sends on a schedule."""

    def __init__(self) -> None:
        super().__init__(source="aws.events", detail={}, **{"detail-type": "Scheduled Event"})


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def environment(moto_account: None, listening: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Four layers, of which the queue's and the page's do not work."""
    dynamodb, sqs = client("dynamodb"), client("sqs")
    region = dynamodb.meta.region_name
    table = f"sessions-{uuid4()}"
    table_by_id(dynamodb, table)
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    layers = {
        "database": {"kind": "tcp", "host": "127.0.0.1", "port": listening, "timeout_seconds": 20},
        "sessions": {"kind": "table", "region": region, "name": table, "key": {"id": {"S": "health"}}, "timeout_seconds": 20},
        "orders": {"kind": "queue", "region": region, "url": url, "most_messages": 0, "timeout_seconds": 20},
        "page": {"kind": "http", "url": "http://127.0.0.1:1/", "contains": "", "timeout_seconds": 20},
    }
    for name, value in {
        "LAYERS": json.dumps(layers),
        "CACHE_SECONDS": "60",
        "DEEP_HEALTH_NAMESPACE": "N",
        "DEEP_HEALTH_CHECK": "shop",
    }.items():
        monkeypatch.setenv(name, value)
    return layers


def test_the_function_answers_a_balancer(environment: dict[str, Any]) -> None:
    module = load_handler(CODE)
    answer = module.handler({"requestContext": {"elb": {}}, "path": "/health/deep"}, Context())
    assert (answer["statusCode"], answer["body"]) == (503, "deep-health-failed: orders, page")
    assert health.OK not in json.dumps(answer)
    assert set(module.current().check().seconds) == set(environment)


def test_the_function_measures_on_a_schedule(environment: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert load_handler(CODE).handler(Event(), Context()) is None
    line = json.loads(capsys.readouterr().out)
    assert (line["Healthy"], line["FailedLayers"], line["failed"], line["Check"]) == (0, 2, ["orders", "page"], "shop")
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "N"


def test_clients_try_once_within_the_limit(moto_account: None) -> None:
    meta = load_handler(CODE).client("sqs", "eu-north-1", 0.7).meta
    config = meta.config
    assert meta.region_name == "eu-north-1"
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (0.7, 0.7, 1)


def test_all_well(environment: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYERS", json.dumps({name: environment[name] for name in ("database", "sessions")}))
    assert load_handler(CODE).handler({}, Context())["body"] == "deep-health-ok"


# The sample


@pytest.mark.parametrize(("page", "healthy"), [(b"12 kg", 1), (b"out of order", 0)])
def test_the_sample_function(page: bytes, healthy: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SCALES_URL", "http://scales.internal/weight")
    monkeypatch.setenv("DEEP_HEALTH_NAMESPACE", "DeepHealth")
    monkeypatch.setenv("DEEP_HEALTH_CHECK", "warehouse")

    class Connection:
        def __init__(self, host: str, port: int | None, timeout: float) -> None:
            assert (host, port) == ("scales.internal", None)

        def request(self, method: str, target: str, headers: dict[str, str]) -> None:
            assert (method, target) == ("GET", "/weight")

        def getresponse(self) -> Any:
            response: Any = io.BytesIO(page)
            return type("Response", (), {"status": 200, "read": response.read})()

        def close(self) -> None:
            pass

    monkeypatch.setattr(health.http.client, "HTTPConnection", Connection)
    sample = load_handler(ROOT / "examples/deep_health_check/app/index.py")
    assert sample.handler(Event(), Context()) is None
    line = json.loads(capsys.readouterr().out)
    assert (line["Healthy"], line["Check"]) == (healthy, "warehouse")
    assert sample.handler({}, Context())["statusCode"] == (200 if healthy else 503)
    monkeypatch.setattr(sample, "LEAST_FREE_BYTES", 1 << 80)
    with pytest.raises(RuntimeError, match="bytes are free"):
        sample.room()
