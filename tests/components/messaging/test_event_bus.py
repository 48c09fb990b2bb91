import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import EventBus
from offline_preview.graph import Graph

from tests.emulators.deployed import Deployed
from tests.emulators.events import Context, drive_queue
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.tables import table_by_id
from tests.harness import record, refs
from tests.program import ROOT

OPERATIONS = "arn:aws:sns:eu-west-1:123456789012:operations"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
IMAGE = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/worker@sha256:0"}
ACCOUNT = "arn:aws:{}:eu-west-1:123456789012:{}"
FUNCTION = ACCOUNT.format("lambda", "function:ship")
KEY = ACCOUNT.format("kms", "key/1")
TARGETS: dict[str, Any] = {
    "function": {"function": IMAGE},
    "existing-function": {"existing_function": {"arn": f"{FUNCTION}:live", "timeout_seconds": 20}},
    "queue": {"queue": {}},
    "existing-queue": {"existing_queue": {"arn": ACCOUNT.format("sqs", "orders")}},
    "stream": {"stream": {"arn": ACCOUNT.format("kinesis", "stream/orders"), "partition_key_path": "$.detail.id", "kms_key_arn": KEY}},
    "machine": {"state_machine_arn": ACCOUNT.format("states", "stateMachine:orders"), "state_machine_kms_key_arn": KEY},
    "topic": {"topic": {"arn": ACCOUNT.format("sns", "orders"), "kms_key_arn": KEY}},
    "bus": {"event_bus_arn": "arn:aws:events:us-east-1:210987654321:event-bus/central"},
    "api": {"api": {"connection_arn": ACCOUNT.format("events", "connection/crm/1"), "endpoint": "https://api.example.com/orders"}},
}
PATTERN: dict[str, Any] = {"source": ["shop"]}
TAGS = {"Owner": "shop"}


def rules(**targets: Any) -> dict[str, Any]:
    return {"orders": {"event_pattern": PATTERN, "targets": targets}}


def every_kind() -> dict[str, Any]:
    """Rules with a target of each kind; five a rule at most."""
    pairs = [*TARGETS.items()]
    return {
        "first": {"event_pattern": PATTERN, "targets": dict(pairs[:5])},
        "second": {"event_pattern": PATTERN, "targets": dict(pairs[5:])},
    }


def make(mode: Any = "deployed", name: str = "shop", **args: Any) -> Graph:
    given: Any = {"tags": TAGS, **args}
    return record(lambda: EventBus(name, given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def statements(graph: Graph, name: str, field: str = "policy") -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs[field])["Statement"]


def test_every_target_has_a_dlq() -> None:
    """A standard queue of its own, whose policy names EventBridge with the ARN of the target's rule."""
    graph = make(rules=every_kind())
    targets = graph.of_type(TARGET)
    assert len(targets) == len(TARGETS)
    queues = []
    for target in targets:
        child = target.name.removesuffix("-target")
        assert refs(graph, target, "deadLetterConfig") == [f"{child}-dead-letters", f"{child}-dead-letters-policy"]
        queue = graph.named(f"{child}-dead-letters")
        assert target.inputs["deadLetterConfig"] == {"arn": queue.outputs["arn"]}
        assert "fifoQueue" not in queue.inputs
        (rule,) = [one for one in graph.refs(target, "rule") if one.type == "aws:cloudwatch/eventRule:EventRule"]
        denial, allowed = statements(graph, f"{child}-dead-letters-policy")
        assert (denial["Effect"], denial["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        assert (allowed["Principal"], allowed["Action"]) == ({"Service": ["events.amazonaws.com"]}, ["sqs:SendMessage"])
        assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": rule.outputs["arn"]}}
        queues.append(queue.name)
    assert len(set(queues)) == len(targets)


def test_what_a_new_function_fails_to_process_is_kept_in_the_same_queue() -> None:
    graph = make(rules=rules(check={"function": IMAGE, "maximum_retry_attempts": 1, "maximum_event_age_seconds": 600}))
    kept = graph.one("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").inputs
    dead = graph.named("shop-orders-check-dead-letters").outputs["arn"]
    assert kept["destinationConfig"] == {"onFailure": {"destination": dead}}
    assert (kept["maximumRetryAttempts"], kept["maximumEventAgeInSeconds"]) == (1, 600)
    send = statements(graph, "shop-orders-check-function-policy")[0]
    assert (send["Sid"], send["Resource"], "sqs:SendMessage" in send["Action"]) == ("Send", [dead], True)
    # Lambda's own limits are lower than EventBridge's.
    kept = make(rules=rules(check={"function": IMAGE})).one("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").inputs
    assert (kept["maximumRetryAttempts"], kept["maximumEventAgeInSeconds"]) == (2, 21_600)


def test_a_given_dead_letter_queue_is_used() -> None:
    given = ACCOUNT.format("sqs", "failed")
    graph = make(rules=rules(machine={**TARGETS["machine"], "dead_letter_queue_arn": given}))
    assert graph.one(TARGET).inputs["deadLetterConfig"] == {"arn": given}
    assert [one.name for one in graph.of_type("aws:sqs/queue:Queue")] == ["shop-bus-dead-letters"]


def test_each_kind_of_target_gets_exactly_what_it_needs() -> None:
    graph = make(rules=every_kind())
    targets = {one.name.split("-", 2)[2].removesuffix("-target"): one for one in graph.of_type(TARGET)}
    roles = {name: one.inputs.get("roleArn") for name, one in targets.items()}
    assert {name for name, role in roles.items() if role} == {"stream", "machine", "topic", "bus", "api"}
    rights = {
        name: [(one["Action"], one["Resource"]) for one in statements(graph, f"shop-{rule}-{name}-policy")]
        for name, rule in {"stream": "first", "machine": "second", "topic": "second", "bus": "second", "api": "second"}.items()
    }
    api = graph.one("aws:cloudwatch/eventApiDestination:EventApiDestination")
    assert rights == {
        "stream": [(["kinesis:PutRecord", "kinesis:PutRecords"], [TARGETS["stream"]["stream"]["arn"]]), (["kms:GenerateDataKey"], [KEY])],
        "machine": [
            (["states:StartExecution"], [TARGETS["machine"]["state_machine_arn"]]),
            (["kms:Decrypt", "kms:GenerateDataKey"], [KEY]),
        ],
        "topic": [(["sns:Publish"], [TARGETS["topic"]["topic"]["arn"]]), (["kms:Decrypt", "kms:GenerateDataKey"], [KEY])],
        "bus": [(["events:PutEvents"], [TARGETS["bus"]["event_bus_arn"]])],
        "api": [(["events:InvokeApiDestination"], [api.outputs["arn"]])],
    }
    (trust,) = statements(graph, "shop-second-machine-role", "assumeRolePolicy")
    rule = graph.named("shop-second-rule").outputs["arn"]
    assert trust["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}, "StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert targets["stream"].inputs["kinesisTarget"] == {"partitionKeyPath": "$.detail.id"}
    assert (api.inputs["httpMethod"], api.inputs["invocationRateLimitPerSecond"]) == ("POST", 10)


def test_rules_may_invoke_functions_for_themselves_alone() -> None:
    graph = make(rules=every_kind())
    own, existing = graph.named("shop-first-function-permission"), graph.named("shop-first-existing-function-permission")
    rule = graph.named("shop-first-rule").outputs["arn"]
    assert {one.inputs["sourceArn"] for one in (own, existing)} == {rule}
    assert own.inputs["function"] == graph.named("shop-first-function-function").outputs["arn"]
    assert (existing.inputs["function"], existing.inputs["qualifier"]) == (FUNCTION, "live")
    assert "qualifier" not in own.inputs
    target = graph.named("shop-first-existing-function-target")
    assert target.inputs["arn"] == f"{FUNCTION}:live"
    assert "shop-first-existing-function-permission" in [graph.by_urn()[one].name for one in target.dependencies]


def test_retries_are_bounded_and_input_is_transformed() -> None:
    given = {"paths": {"id": "$.detail.id"}, "template": '{"id": <id>, "at": <aws.events.event.ingestion-time>}'}
    target = {"queue": {}, "maximum_retry_attempts": 3, "maximum_event_age_seconds": 3600, "input": given}
    inputs = make(rules=rules(ledger=target)).one(TARGET).inputs
    assert inputs["retryPolicy"] == {"maximumRetryAttempts": 3, "maximumEventAgeInSeconds": 3600}
    assert inputs["inputTransformer"] == {"inputPaths": given["paths"], "inputTemplate": given["template"]}


def test_a_new_queue_takes_events_of_its_rule_and_a_queue_worker_adopts_it() -> None:
    seen: list[Any] = []

    def program() -> None:
        given: Any = {"rules": rules(ledger={"queue": {"visibility_timeout_seconds": 90}})}
        bus = EventBus("shop", given)
        pulumi.Output.from_input([bus.existing_queue("orders", "ledger"), bus.put_statements()]).apply(seen.extend)
        with pytest.raises(ArgumentError, match="is 'orders/mail', which is not a target with a new queue; known are orders/ledger"):
            bus.existing_queue("orders", "mail")

    graph = record(program, mode="deployed")
    queue, key = graph.named("shop-orders-ledger-queue").outputs["arn"], graph.named("shop-key").outputs["arn"]
    assert seen[0] == {"arn": queue, "visibility_timeout_seconds": 90, "kms_key_arn": key}
    assert [(one["actions"], one["resources"]) for one in seen[1]] == [(["events:PutEvents"], [graph.named("shop-bus").outputs["arn"]])]
    allowed = statements(graph, "shop-orders-ledger-queue-policy")[1]
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": graph.named("shop-orders-rule").outputs["arn"]}}


def test_a_service_polls_a_new_queue_with_an_alarm_on_old_events() -> None:
    seen: list[Any] = []

    def program() -> None:
        given: Any = {"rules": rules(ledger={"queue": {"alarm_age_seconds": 600}}), "alarm_topic_arns": [OPERATIONS]}
        bus = EventBus("shop", given)
        pulumi.Output.from_input(bus.receive_statements("orders", "ledger")).apply(seen.extend)
        with pytest.raises(ArgumentError, match="is 'orders/mail', which is not a target with a new queue; known are orders/ledger"):
            bus.receive_statements("orders", "mail")

    graph = record(program, mode="deployed")
    queue, key = graph.named("shop-orders-ledger-queue"), graph.named("shop-key").outputs["arn"]
    assert [one["resources"] for one in seen] == [[queue.outputs["arn"]], [key]]
    assert "sqs:ReceiveMessage" in seen[0]["actions"]
    alarm = graph.named("shop-orders-ledger-queue-age")
    assert (alarm.inputs["threshold"], alarm.inputs["dimensions"]) == (600, {"QueueName": queue.outputs["name"]})


def test_two_targets_whose_children_would_have_one_name_are_refused() -> None:
    given = {
        "a": {"event_pattern": PATTERN, "targets": {"b-c": {"queue": {}}}},
        "a-b": {"event_pattern": PATTERN, "targets": {"c": {"queue": {}}}},
    }
    reason = "names its children a-b-c, as rules.a.targets.b-c does. Choose another name for one of them."
    assert refused(rules=given) == [("rules.a-b.targets.c", reason)]


def test_a_fifo_queue_gets_a_group_and_drops_repeated_events() -> None:
    graph = make(rules=rules(ledger={"queue": {"message_group_id": "ledger"}}))
    queue = graph.named("shop-orders-ledger-queue").inputs
    assert (queue["fifoQueue"], queue["contentBasedDeduplication"]) == (True, True)
    assert graph.one(TARGET).inputs["sqsTarget"] == {"messageGroupId": "ledger"}
    fifo = {"existing_queue": {"arn": f"{ACCOUNT.format('sqs', 'orders')}.fifo"}}
    path = "rules.orders.targets.ledger.existing_queue.message_group_id"
    assert refused(rules=rules(ledger=fifo)) == [(path, "is missing; a FIFO queue needs it. Give it.")]
    standard = {"existing_queue": {"arn": ACCOUNT.format("sqs", "orders"), "message_group_id": "a"}}
    assert refused(rules=rules(ledger=standard)) == [(path, "is for FIFO queues, and this is none. Leave it out.")]


def test_a_customer_key_or_schema_discovery_never_both() -> None:
    reason = "is True with bus_encryption customer_key: AWS refuses both. Set bus_encryption to aws_key, or schema_discovery to False."
    assert refused(schema_discovery=True) == [("schema_discovery", reason)]
    existing = {"name": "central", "kms_key_arn": KEY}
    reason = "excludes existing_bus.kms_key_arn: AWS refuses both. Set schema_discovery to False."
    assert refused(schema_discovery=True, existing_bus=existing) == [("schema_discovery", reason)]
    graph = make(schema_discovery=True, bus_encryption="aws_key")
    bus = graph.one("aws:cloudwatch/eventBus:EventBus")
    assert "kmsKeyIdentifier" not in bus.inputs
    assert graph.one("aws:schemas/discoverer:Discoverer").inputs["sourceArn"] == bus.outputs["arn"]
    assert make().of_type("aws:schemas/discoverer:Discoverer") == []


def test_a_bus_under_a_customer_key_keeps_what_the_key_refuses() -> None:
    graph = make()
    bus, key = graph.one("aws:cloudwatch/eventBus:EventBus"), graph.one("aws:kms/key:Key").outputs["arn"]
    assert bus.inputs["kmsKeyIdentifier"] == key
    assert bus.inputs["deadLetterConfig"] == {"arn": graph.named("shop-bus-dead-letters").outputs["arn"]}
    arn = bus.outputs["arn"]
    sources = [one["Condition"]["ArnEquals"]["aws:SourceArn"] for one in statements(graph, "shop-bus-dead-letters-policy")[1:]]
    assert sources == [arn, f"{arn.replace('event-bus', 'rule')}/*"]
    assert "deadLetterConfig" not in make(bus_encryption="aws_key").one("aws:cloudwatch/eventBus:EventBus").inputs


def test_the_key_lets_in_eventbridge_and_the_logs_and_no_other() -> None:
    graph = make(rules=rules(check={"function": IMAGE}))
    conditions = {one["Sid"]: (one["Principal"], one.get("Condition")) for one in statements(graph, "shop-key-policy")}
    events, logs = {"Service": ["events.amazonaws.com"]}, {"Service": ["logs.eu-west-1.amazonaws.com"]}
    groups = "arn:aws:logs:eu-west-1:123456789012:log-group:"
    assert conditions == {
        "Administration": ({"AWS": ["arn:aws:iam::123456789012:root"]}, None),
        "SenderEvents": (events, None),
        "EventBusKey": (events, None),
        "EventBus": (
            events,
            {"ArnLike": {"kms:EncryptionContext:aws:events:event-bus:arn": "arn:aws:events:eu-west-1:123456789012:event-bus/*"}},
        ),
        "CloudWatchLogs1": (logs, {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"{groups}shop-*-function-logs*"}}),
        "CloudWatchLogs2": (
            logs,
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"{groups}/aws/vendedlogs/events/event-bus/shop-bus*"}},
        ),
        "LogDelivery": (
            {"Service": ["delivery.logs.amazonaws.com"]},
            {"StringLike": {"kms:EncryptionContext:SourceArn": "arn:aws:logs:eu-west-1:123456789012:*"}},
        ),
    }
    sids = [one["Sid"] for one in statements(make(bus_encryption="aws_key", log_level="OFF"), "shop-key-policy")]
    assert sids == ["Administration", "SenderEvents", "EventBusKey", "EventBus"]


def test_other_accounts_send_only_their_own_sources() -> None:
    graph = make(publisher_account_ids=["210987654321"], organization_id="o-a1b2c3d4e5", publisher_sources=["partner"])
    found = [(one["Sid"], one["Principal"], one.get("Condition")) for one in statements(graph, "shop-bus-policy")]
    source = {"events:source": ["partner"]}
    assert found == [
        ("Account", {"AWS": ["arn:aws:iam::123456789012:root"]}, None),
        ("Accounts", {"AWS": ["arn:aws:iam::210987654321:root"]}, {"StringEquals": source}),
        ("Organization", {"AWS": ["*"]}, {"StringEquals": {**source, "aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
    ]
    reason = "is for other accounts, and none may send. Give publisher_account_ids or organization_id, or leave it out."
    assert refused(publisher_sources=["partner"]) == [("publisher_sources", reason)]


def test_events_are_archived_under_the_key_and_the_archive_goes_before_the_bus() -> None:
    graph = make(archive_retention_days=7, archive_pattern=PATTERN)
    archive = graph.one("aws:cloudwatch/eventArchive:EventArchive")
    assert (archive.inputs["retentionDays"], json.loads(archive.inputs["eventPattern"])) == (7, PATTERN)
    assert archive.inputs["kmsKeyIdentifier"] == graph.one("aws:kms/key:Key").outputs["arn"]
    assert refs(graph, archive, "eventSourceArn") == ["shop-bus"]
    assert make(archive_retention_days=0).of_type("aws:cloudwatch/eventArchive:EventArchive") == []
    reason = "is for an archive, and archive_retention_days is 0. Give days, or leave archive_pattern out."
    assert refused(archive_retention_days=0, archive_pattern=PATTERN) == [("archive_pattern", reason)]


def test_the_default_bus_is_adopted_by_its_name() -> None:
    graph = make(existing_bus={"name": "default"}, rules=rules(ledger={"queue": {}}), alarm_topic_arns=[OPERATIONS])
    assert graph.of_type("aws:cloudwatch/eventBus:EventBus", "aws:cloudwatch/eventBusPolicy:EventBusPolicy") == []
    assert graph.one("aws:cloudwatch/eventRule:EventRule").inputs["eventBusName"] == "default"
    archive = graph.one("aws:cloudwatch/eventArchive:EventArchive").inputs
    assert archive["eventSourceArn"] == "arn:aws:events:eu-west-1:123456789012:event-bus/default"
    rule = graph.one("aws:cloudwatch/eventRule:EventRule").outputs["name"]
    assert graph.named("shop-orders-lost").inputs["dimensions"] == {"RuleName": rule}
    reason = "excludes log_level: the bus is there already; both are given. Remove one of them."
    assert refused(existing_bus={"name": "default"}, log_level="INFO") == [("existing_bus", reason)]
    named = make(existing_bus={"arn": ACCOUNT.format("events", "event-bus/central")}, rules=rules(ledger={"queue": {}}))
    assert named.one("aws:cloudwatch/eventRule:EventRule").inputs["eventBusName"] == "central"
    bus = {"arn": ACCOUNT.format("events", "event-bus/default")}
    by_arn = make(existing_bus=bus, rules=rules(ledger={"queue": {}}), alarm_topic_arns=[OPERATIONS])
    assert [*by_arn.named("shop-orders-lost").inputs["dimensions"]] == ["RuleName"]


@pytest.mark.parametrize(
    ("level", "kinds"), [("ERROR", ["ERROR"]), ("INFO", ["ERROR", "INFO"]), ("TRACE", ["ERROR", "INFO", "TRACE"]), ("OFF", [])]
)
def test_the_bus_logs_up_to_its_level(level: str, kinds: list[str]) -> None:
    graph = make(log_level=level, log_retention_days=30)
    bus = graph.one("aws:cloudwatch/eventBus:EventBus")
    assert bus.inputs.get("logConfig") == ({"level": level, "includeDetail": "NONE"} if kinds else None)
    sources = graph.of_type("aws:cloudwatch/logDeliverySource:LogDeliverySource")
    assert sorted(one.inputs["logType"] for one in sources) == [f"{kind}_LOGS" for kind in kinds]
    groups = graph.of_type("aws:cloudwatch/logGroup:LogGroup")
    names = [f"/aws/vendedlogs/events/event-bus/{bus.outputs['name']}"] if kinds else []
    assert [(one.inputs["name"], one.inputs["retentionInDays"]) for one in groups] == [(name, 30) for name in names]


def test_alarms_are_raised_on_dead_letters_lost_events_and_failing_functions() -> None:
    graph = make(rules=rules(check={"function": IMAGE}), alarm_topic_arns=[OPERATIONS])
    alarms = {one.name: one.inputs for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert {name: one["metricName"] for name, one in alarms.items()} == {
        "shop-bus-dead-letters-alarm": "ApproximateNumberOfMessagesVisible",
        "shop-orders-check-dead-letters-alarm": "ApproximateNumberOfMessagesVisible",
        "shop-orders-check-function-errors": "Errors",
        "shop-orders-lost": "InvocationsFailedToBeSentToDlq",
    }
    bus, rule = graph.named("shop-bus").outputs["name"], graph.named("shop-orders-rule").outputs["name"]
    assert alarms["shop-orders-lost"]["dimensions"] == {"EventBusName": bus, "RuleName": rule}
    assert make(rules=rules(check={"function": IMAGE})).of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []


def test_a_target_is_of_one_kind() -> None:
    kinds = "function, existing_function, queue, existing_queue, stream, state_machine_arn, topic, event_bus_arn, api"
    place = "rules.orders.targets.ledger"
    assert refused(rules=rules(ledger={})) == [(place, f"has no target; exactly one of {kinds} is needed.")]
    two = {"queue": {}, "state_machine_arn": "arn"}
    assert refused(rules=rules(ledger=two)) == [(place, f"has queue and state_machine_arn; exactly one of {kinds} is needed.")]
    keyless = {"queue": {}, "state_machine_kms_key_arn": KEY}
    reason = "is missing; state_machine_kms_key_arn needs it. Give it, or remove state_machine_kms_key_arn."
    assert refused(rules=rules(ledger=keyless)) == [(f"{place}.state_machine_arn", reason)]
    missing = {"queue": {}, "input": {"paths": {"a": "$.detail.a"}, "template": "<a> <b> <aws.events.rule-arn>"}}
    reason = "uses <b>, which is not in paths; known are a. Add its path."
    assert refused(rules=rules(ledger=missing)) == [(f"{place}.input.template", reason)]
    reason = "is a FIFO queue; EventBridge takes a standard queue. Give one, or leave it out."
    assert refused(rules=rules(ledger={"queue": {}, "dead_letter_queue_arn": "arn:aws:sqs:eu-west-1:1:a.fifo"})) == [
        (f"{place}.dead_letter_queue_arn", reason)
    ]


OPERATORS = "anything-but, cidr, equals-ignore-case, exists, numeric, prefix, suffix, wildcard"
PAGE = "See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html."


@pytest.mark.parametrize(
    ("pattern", "field", "reason"),
    [
        ({}, "", "is empty; a pattern needs at least one field. Name one."),
        ({"source": "shop"}, ".source", "is 'shop'; a field has a list of the values that match. Write ['shop']."),
        (
            {"detail_type": ["Placed"]},
            ".detail_type",
            "is 'detail_type', which is not a field of events; known are source, detail-type, detail, account, region, resources, time, "
            "id, version, replay-name, $or.",
        ),
        ({"source": [["a"]]}, ".source.0", "is ['a']; lists are not nested. Put its values into the list around it."),
        (
            {"source": [{"begins": "a"}]},
            ".source.0",
            f"has begins; an entry is a value, or an object with one of the operators {OPERATORS}. {PAGE}",
        ),
        (
            {"detail": {"n": [{"numeric": [">", 5, "<", 1]}]}},
            ".detail.n.0.numeric",
            f"is ['>', 5, '<', 1]; must be a comparison and a number, once or twice, such as ['>', 0, '<=', 5]. {PAGE}",
        ),
        ({"detail": {"n": [{"exists": "yes"}]}}, ".detail.n.0.exists", f"is 'yes'; must be True or False. {PAGE}"),
        ({"detail": {"n": [{"cidr": "10.0.0.1"}]}}, ".detail.n.0.cidr", f"is '10.0.0.1'; must be a network such as 10.0.0.0/24. {PAGE}"),
        ({"detail": {"n": [{"wildcard": "a**b"}]}}, ".detail.n.0.wildcard", f"is 'a**b'; must be a text without two * in a row. {PAGE}"),
        ({"detail": {"n": [{"prefix": 5}]}}, ".detail.n.0.prefix", f"is 5; must be a text. {PAGE}"),
        (
            {"detail": {"n": [{"anything-but": []}]}},
            ".detail.n.0.anything-but",
            f"is []; must be a value, a list of values, or an object with one of equals-ignore-case, prefix, suffix, wildcard. {PAGE}",
        ),
        ({"$or": [{"source": ["a"]}]}, ".$or", "must be a list of two patterns or more. Correct it."),
    ],
)
def test_a_pattern_that_eventbridge_refuses_is_refused_before(pattern: Any, field: str, reason: str) -> None:
    found = refused(rules={"orders": {"event_pattern": pattern, "targets": {"ledger": {"queue": {}}}}})
    assert found == [(f"rules.orders.event_pattern{field}", reason)]


def test_a_number_is_written_as_the_event_has_it() -> None:
    pattern = {"detail": {"count": [5.0, 5.5], "total": [{"numeric": [">", 1000.0]}]}}
    rule = make(rules={"orders": {"event_pattern": pattern, "targets": {"ledger": {"queue": {}}}}}).named("shop-orders-rule")
    assert rule.inputs["eventPattern"] == '{"detail": {"count": [5, 5.5], "total": [{"numeric": [">", 1000]}]}}'


MATCHES: list[tuple[Any, Any, Any]] = [
    (["paid"], "paid", "open"),
    ([{"prefix": "pa"}], "paid", "open"),
    ([{"prefix": {"equals-ignore-case": "PA"}}], "paid", "open"),
    ([{"suffix": "id"}], "paid", "open"),
    ([{"equals-ignore-case": "PAID"}], "paid", "open"),
    ([{"wildcard": "p*d"}], "paid", "open"),
    ([{"anything-but": ["open"]}], "paid", "open"),
    ([{"anything-but": {"prefix": "op"}}], "paid", "open"),
    ([{"numeric": [">", 0, "<=", 5]}], 5, 6),
    ([{"exists": True}], "paid", None),
    ([{"cidr": "10.0.0.0/24"}], "10.0.0.7", "10.0.1.7"),
]


@pytest.fixture
def emulated(emulator: Any) -> Callable[..., Deployed]:
    """Deploys an ``EventBus`` on MiniStack."""
    return lambda **args: Deployed(make(name=f"shop-{uuid4().hex[:8]}", **args), emulator.client)


def send(deployed: Deployed, *details: Any) -> None:
    bus = next(arn for name, arn in deployed.arns.items() if name.endswith("-bus"))
    entries = [{"EventBusName": bus, "Source": "shop", "DetailType": "Placed", "Detail": json.dumps(detail)} for detail in details]
    assert deployed.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0


def queue(deployed: Deployed, ending: str) -> str:
    (name,) = [name for name in deployed.urls if name.endswith(ending)]
    return name


def test_rules_route_events_by_every_operator(emulator: Any, emulated: Callable[..., Deployed]) -> None:
    """Each rule gets exactly the event that its operator matches, of two."""
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=f"routed-{uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    deployed = emulated(
        rules={
            f"r{index}": {
                "event_pattern": {"source": ["shop"], "detail": {"number": [{"prefix": f"{index}-"}], "value": matcher}},
                "targets": {
                    "queue": {
                        "existing_queue": {"arn": arn},
                        "dead_letter_queue_arn": arn,
                        "input": {"paths": {"number": "$.detail.number"}, "template": f'{{"rule": {index}, "number": <number>}}'},
                    }
                },
            }
            for index, (matcher, _, _) in enumerate(MATCHES)
        }
    )
    for index, (_, good, bad) in enumerate(MATCHES):
        other = {"number": f"{index}-bad", **({} if bad is None else {"value": bad})}
        send(deployed, {"number": f"{index}-good", "value": good}, other)
    found: list[Any] = []
    drive_queue(sqs, url, lambda event, _: found.extend(json.loads(one["body"]) for one in event["Records"]))
    assert sorted(found, key=lambda one: one["rule"]) == [{"rule": index, "number": f"{index}-good"} for index in range(len(MATCHES))]


def test_archived_events_are_replayed(emulated: Callable[..., Deployed]) -> None:
    """As the class describes it; MiniStack replays to all rules, whatever FilterArns names."""
    target = {"queue": {}, "input": {"paths": {"id": "$.detail.id"}, "template": '{"id": <id>}'}}
    deployed = emulated(rules=rules(ledger=target))
    begin = int(time.time()) - 5
    send(deployed, {"id": "7"}, {"id": "8"})
    arns = {name.split("-", 2)[2]: arn for name, arn in deployed.arns.items() if name.endswith(("-archive", "-bus", "-rule"))}
    deployed.client("events").start_replay(
        ReplayName=f"again-{uuid4().hex[:8]}",
        EventSourceArn=arns["archive"],
        EventStartTime=begin,
        EventEndTime=begin + 60,
        Destination={"Arn": arns["bus"], "FilterArns": [arns["orders-rule"]]},
    )
    ledger, deadline = queue(deployed, "ledger-queue"), time.monotonic() + 10
    while len(deployed.bodies(ledger)) < 4 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [json.loads(body)["id"] for body in deployed.bodies(ledger)] == ["7", "7", "8", "8"]


def test_the_sample_handler_processes_an_order_once_in_effect(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    table_by_id(client("dynamodb"), "idempotency")
    monkeypatch.setenv("IDEMPOTENCY_TABLE", "idempotency")
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    index = load_handler(ROOT / "examples/event_bus/app/index.py")
    seen: list[str] = []
    check = index.check
    monkeypatch.setattr(index, "check", lambda order: (check(order), seen.append(order["id"])))
    for identifier in ("1", "2"):
        # The second is a replay.
        index.handler({"id": identifier, "source": "shop.orders", "detail": {"id": "4711", "total": 1200}}, Context())
    assert seen == ["4711"]
    for _ in range(2):
        with pytest.raises(Exception, match="order 8 needs a person"):
            index.handler({"id": "3", "source": "shop.orders", "detail": {"id": "8", "total": 2_000_000}}, Context())
