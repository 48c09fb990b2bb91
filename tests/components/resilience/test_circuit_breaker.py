import contextlib
import json
from dataclasses import replace
from email.message import Message
from typing import Any
from urllib.error import HTTPError, URLError

import pulumi
import pytest
from botocore.exceptions import ClientError
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import Workflow
from cloudpatterns.resilience import CircuitBreaker
from cloudpatterns_runtime import breaker as library
from offline_preview.graph import Graph

from tests.emulators.events import Context, drive_queue
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.harness import record, refs
from tests.program import ROOT, folder_graph
from tests.runtime.breaker_table import create_table

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/breakers"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
TAGS = {"Owner": "orders"}


def make(seen: dict[str, Any] | None = None, mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"dependencies": {"payments": {}, "card-bank": {"failures": 5}}, "tags": TAGS, **args}

    def program() -> None:
        breaker = CircuitBreaker("calls", given)
        if seen is not None:
            found = {
                **{name: getattr(breaker, name) for name in CircuitBreaker.__annotations__},
                "environment": breaker.environment("payments"),
                "statements": breaker.statements("payments"),
                "machine": breaker.state_machine_statements("payments", "card-bank"),
                "states": breaker.states("payments", "Pay", {"Type": "Task"}, next_state="a", open_state="b", failure_state="c"),
            }
            pulumi.Output.from_input(found).apply(seen.update)

    return record(program, mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return caught.value.problems


def test_one_item_per_dependency_in_an_encrypted_table_on_demand() -> None:
    graph = make()
    table, key = graph.one("aws:dynamodb/table:Table"), graph.one("aws:kms/key:Key")
    assert (table.name, table.inputs) == (
        "calls-table",
        {
            "billingMode": "PAY_PER_REQUEST",
            "hashKey": "dependency",
            "attributes": [{"name": "dependency", "type": "S"}],
            "ttl": {"attributeName": "expires_at", "enabled": True},
            "serverSideEncryption": {"enabled": True, "kmsKeyArn": key.outputs["arn"]},
            "pointInTimeRecovery": {"enabled": True},
            "deletionProtectionEnabled": True,
            "tags": TAGS,
        },
    )
    assert (key.name, key.inputs["enableKeyRotation"]) == ("calls-key", True)
    own = make(kms_key_arn=KEY, deletion_protection=False)
    assert own.of_type("aws:kms/key:Key") == []
    inputs = own.one("aws:dynamodb/table:Table").inputs
    assert (inputs["serverSideEncryption"]["kmsKeyArn"], inputs["deletionProtectionEnabled"]) == (KEY, False)


def test_a_function_gets_the_settings_that_the_library_reads() -> None:
    seen: dict[str, Any] = {}
    graph = make(seen)
    name = graph.one("aws:dynamodb/table:Table").outputs["name"]
    assert seen["environment"] == {
        "CLOUDPATTERNS_BREAKER_TABLE": name,
        "CLOUDPATTERNS_BREAKER_METRICS": "CloudPatterns/CircuitBreaker",
        "CLOUDPATTERNS_BREAKER_PAYMENTS": seen["environment"]["CLOUDPATTERNS_BREAKER_PAYMENTS"],
    }
    assert seen["variables"].keys() == seen["environment"].keys() | {"CLOUDPATTERNS_BREAKER_CARD_BANK"}
    client: Any = object()
    payments, bank = (
        library.CircuitBreaker.from_environment(client, dependency, environment=seen["variables"])
        for dependency in ("payments", "card-bank")
    )
    default = library.CircuitBreaker(
        client, table=name, dependency="payments", on_change=payments.on_change, on_unreachable=payments.on_unreachable
    )
    # The component's defaults are the library's.
    assert payments == default
    assert (bank.failures, bank.failure_rate) == (5, None)


@pytest.mark.parametrize(
    ("options", "failures", "rate"),
    [({}, None, 0.5), ({"failures": 5}, 5, None), ({"failure_rate": 0.1}, None, 0.1), ({"failures": 5, "failure_rate": 1.0}, 5, 1.0)],
)
def test_failures_or_their_share_open_a_circuit(options: Any, failures: int | None, rate: float | None) -> None:
    seen: dict[str, Any] = {}
    make(seen, dependencies={"payments": options, "card-bank": {}})
    settings = json.loads(seen["environment"]["CLOUDPATTERNS_BREAKER_PAYMENTS"])
    assert (settings["failures"], settings["failure_rate"]) == (failures, rate)


def test_a_role_may_touch_the_items_of_its_dependencies_alone() -> None:
    seen: dict[str, Any] = {}
    graph = make(seen)
    arn, key = graph.one("aws:dynamodb/table:Table").outputs["arn"], graph.one("aws:kms/key:Key").outputs["arn"]
    items = {"sid": "Breaker", "actions": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], "resources": [arn]}
    use = {"sid": "BreakerKey", "actions": ["kms:Decrypt"], "resources": [key]}
    assert seen["statements"] == [{**items, "conditions": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["payments"]}}}, use]
    assert seen["machine"] == [
        {**items, "conditions": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["payments", "card-bank"]}}},
        use,
        {
            "sid": "BreakerMetric",
            "actions": ["cloudwatch:PutMetricData"],
            "resources": ["*"],
            "conditions": {"StringEquals": {"cloudwatch:namespace": ["CloudPatterns/CircuitBreaker"]}},
        },
    ]


def test_without_names_all_dependencies_are_meant() -> None:
    found: dict[str, Any] = {}

    def program() -> None:
        breaker = CircuitBreaker("calls", {"dependencies": {"payments": {}, "card-bank": {}}})
        names = ("payments", "card-bank")
        pairs = {
            "statements": [breaker.statements(), breaker.statements(*names)],
            "machine": [breaker.state_machine_statements(), breaker.state_machine_statements(*names)],
            "environment": [breaker.environment(), breaker.environment(*names)],
        }
        pulumi.Output.from_input(pairs).apply(found.update)

    record(program, mode="deployed")
    assert [one == other for one, other in found.values()] == [True, True, True]
    assert found["statements"][0][0]["conditions"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["payments", "card-bank"]}}


def test_the_states_know_the_table_and_the_settings() -> None:
    seen: dict[str, Any] = {}
    graph = make(seen, metric_namespace="Shop")
    states, name = seen["states"], graph.one("aws:dynamodb/table:Table").outputs["name"]
    assert states["Pay guarded"]["Arguments"] == {"TableName": name, "Key": {"dependency": {"S": "payments"}}, "ConsistentRead": True}
    assert states["Pay report"]["Arguments"]["Namespace"] == seen["metric_namespace"] == "Shop"
    assert "0.5 * " in states["Pay counted"]["Choices"][0]["Condition"]


def test_an_open_circuit_and_a_table_that_cannot_be_reached_are_reported() -> None:
    graph = make(alarm_topic_arns=[TOPIC], metric_namespace="Shop")
    alarms = {one.name: one for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    name = graph.one("aws:dynamodb/table:Table").outputs["name"]
    assert {key: (one.inputs["metricName"], one.inputs["evaluationPeriods"]) for key, one in alarms.items()} == {
        "calls-payments-opened": ("Opened", 1),
        "calls-payments-unreachable": ("Unreachable", 5),
        "calls-card-bank-opened": ("Opened", 1),
        "calls-card-bank-unreachable": ("Unreachable", 5),
    }
    for key, one in alarms.items():
        assert refs(graph, one, "dimensions") == ["calls-table"]
        assert one.inputs["dimensions"] == {"Table": name, "Dependency": key.removeprefix("calls-").rpartition("-")[0]}
        assert (one.inputs["namespace"], one.inputs["statistic"], one.inputs["threshold"], one.inputs["period"]) == ("Shop", "Sum", 0, 60)
        assert (one.inputs["treatMissingData"], one.inputs["alarmActions"]) == ("notBreaching", [TOPIC])
    assert make().of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []


def test_the_alarms_watch_what_the_library_writes() -> None:
    """Metrics, dimensions and namespace of a line that a breaker with the function's environment writes."""
    seen: dict[str, Any] = {}
    graph = make(seen, alarm_topic_arns=[TOPIC])
    lines: list[dict[str, Any]] = []
    metrics = library.EmbeddedMetrics(seen["environment"]["CLOUDPATTERNS_BREAKER_METRICS"], lambda line: lines.append(json.loads(line)))
    table = seen["environment"]["CLOUDPATTERNS_BREAKER_TABLE"]
    metrics.change(library.Change(table, "payments", library.CLOSED, library.OPEN, "", 1, 2))
    metrics.unreachable(library.Unreachable(table, "payments", ClientError({}, "GetItem"), 1))
    for line, suffix in zip(lines, ("opened", "unreachable"), strict=True):
        alarm = graph.named(f"calls-payments-{suffix}").inputs
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == alarm["namespace"]
        assert [metric["Name"] for metric in directive["Metrics"]] == [alarm["metricName"]]
        assert {name: line[name] for name in directive["Dimensions"][0]} == alarm["dimensions"]


def test_an_existing_table_is_not_changed() -> None:
    seen: dict[str, Any] = {}
    graph = make(seen, existing_table={"arn": TABLE, "kms_key_arn": KEY})
    assert [one.type for one in graph.resources if one.custom] == []
    assert (seen["table_name"], seen["table_arn"], seen["kms_key_arn"]) == ("breakers", TABLE, KEY)
    assert [one["resources"] for one in seen["statements"]] == [[TABLE], [KEY]]
    make(seen, existing_table={"arn": TABLE})
    assert ([one["sid"] for one in seen["statements"]], seen["kms_key_arn"]) == (["Breaker"], "")
    why = "excludes kms_key_arn: the table is there already; both are given. Remove one of them."
    assert refused(existing_table={"arn": TABLE}, kms_key_arn=KEY) == [("existing_table", why)]


def test_a_layer_is_created_on_demand() -> None:
    seen: dict[str, Any] = {}
    graph = make(seen, create_layer=True)
    layer = graph.one("aws:lambda/layerVersion:LayerVersion")
    assert (layer.name, seen["layer_arn"]) == ("calls-runtime", layer.outputs["arn"])
    make(seen)
    assert seen["layer_arn"] == ""


def test_an_unknown_dependency_is_refused() -> None:
    def program() -> None:
        breaker = CircuitBreaker("calls", {"dependencies": {"payments": {}}})
        for ask in (breaker.environment, breaker.statements, breaker.state_machine_statements):
            with pytest.raises(ArgumentError) as caught:
                ask("bank")
            assert caught.value.problems == [("dependency", "is 'bank', which is not a dependency; known are payments.")]

    record(program, mode="deployed")


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"dependencies": {}}, "dependencies", ""),
        ({"dependencies": {"Card_Bank": {}}}, "dependencies", "has 'Card_Bank'; a name has lower-case letters"),
        ({"dependencies": {"a": {"failure_rate": 1.1}}}, "dependencies.a.failure_rate", "is 1.1; "),
        ({"existing_table": {"arn": "breakers"}}, "existing_table.arn", "is 'breakers'; must be the ARN of a DynamoDB table"),
        ({"metric_namespace": "AWS/Lambda"}, "metric_namespace", "is 'AWS/Lambda'; must be a namespace outside AWS/"),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, path: str, reason: str) -> None:
    [(found, text)] = refused(**args)
    assert (found, text.startswith(reason)) == (path, True)


def test_the_sample_handler_leaves_orders_in_the_queue_while_payments_are_down(
    moto_account: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No order is lost, none is charged twice, and the payment service is called as often as the circuit lets through."""
    sqs, dynamodb = client("sqs"), client("dynamodb")
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    variables = (
        folder_graph(ROOT / "examples/circuit_breaker", "dev", deployed=True).named("orders-function").inputs["environment"]["variables"]
    )
    for name in (name for name in variables if name.startswith("CLOUDPATTERNS_") or name == "PAYMENT_URL"):
        monkeypatch.setenv(name, variables[name])
    monkeypatch.setenv("CLOUDPATTERNS_BREAKER_TABLE", create_table(dynamodb))
    monkeypatch.setenv("QUEUE_URL", queue)
    index = load_handler(ROOT / "examples/circuit_breaker/app/index.py")
    now, down, called, charged = [1_700_000_000.0], [True], list[str](), list[str]()

    def urlopen(request: Any, timeout: float) -> Any:
        called.append(request.get_header("Idempotency-key"))
        if called[-1] == "declined":
            raise HTTPError("", 402, "", Message(), None)
        if down[0]:
            raise URLError(TimeoutError())
        charged.append(called[-1])
        return contextlib.nullcontext()

    monkeypatch.setattr(index, "urlopen", urlopen)
    guarded = replace(index.PAYMENTS, clock=lambda: now[0])
    monkeypatch.setattr(index, "charge", guarded(index.charge.__wrapped__))
    waits: list[int] = []
    monkeypatch.setattr(index.SQS, "change_message_visibility", lambda **request: waits.append(request["VisibilityTimeout"]))
    for order in [*map(str, range(20)), "declined"]:
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"id": order, "amount": 5}))
    with contextlib.suppress(AssertionError):
        drive_queue(sqs, queue, index.handler, rounds=10, context=Context())
    assert len([order for order in called if order != "declined"]) == 5
    assert waits
    assert all(31 <= seconds <= 42 for seconds in waits)
    assert '"Opened": 1' in capsys.readouterr().out
    down[0], called[:] = False, []
    now[0] += 32
    with contextlib.suppress(AssertionError):
        drive_queue(sqs, queue, index.handler, rounds=30, context=Context())
    assert sorted(charged, key=int) == [str(order) for order in range(20)]
    # The declined one is an answer: it opens nothing, and stays for the dead-letter queue.
    assert "declined" in called


def test_a_workflow_takes_the_states_as_its_definition(capfd: pytest.CaptureFixture[str]) -> None:
    pay: Any = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "arn:aws:lambda:eu-west-1:123456789012:function:pay:live", "Payload": "{% $states.input %}"},
        "TimeoutSeconds": 10,
    }

    def program() -> None:
        breaker = CircuitBreaker("calls", {"dependencies": {"payments": {}}})
        states = breaker.states("payments", "Pay", pay, next_state="Paid", open_state="Unpaid", failure_state="Unpaid")
        ends = {"Paid": {"Type": "Succeed"}, "Unpaid": {"Type": "Fail", "Error": "Unpaid"}}
        definition: Any = {"QueryLanguage": "JSONata", "StartAt": "Pay guarded", "TimeoutSeconds": 60, "States": {**states, **ends}}
        Workflow("pay", {"definition": definition, "statements": breaker.state_machine_statements("payments")})

    graph = record(program, mode="deployed")
    machine = graph.one("aws:sfn/stateMachine:StateMachine")
    # An output that is made a text says so there.
    assert "Output" not in "".join(capfd.readouterr())
    read = json.loads(machine.inputs["definition"])["States"]["Pay guarded"]
    assert read["Arguments"]["TableName"] == graph.named("calls-table").outputs["name"]
    assert "dynamodb:LeadingKeys" in json.dumps([one.inputs["policy"] for one in graph.of_type("aws:iam/rolePolicy:RolePolicy")])
