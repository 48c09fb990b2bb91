import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import QueueWorker
from offline_preview.graph import Graph

from tests.emulators.events import Context, drive_queue
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.tables import table_by_id
from tests.harness import record, refs
from tests.program import ROOT

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
QUEUE = "aws:sqs/queue:Queue"
IMAGE = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/worker@sha256:0"}
EXISTING = {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:ship:live", "timeout_seconds": 20}
TAGS = {"Owner": "orders"}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"function": {**IMAGE}, "tags": TAGS, **args}
    return record(lambda: QueueWorker("orders", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def statements(graph: Graph, name: str, field: str = "policy") -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs[field])["Statement"]


@pytest.mark.parametrize(("timeout", "window", "visibility"), [(30, 0, 180), (900, 0, 5400), (60, 120, 480)])
def test_visibility_timeout_at_least_six_times_the_functions(timeout: int, window: int, visibility: int) -> None:
    graph = make(function={**IMAGE, "timeout_seconds": timeout}, batching_window_seconds=window)
    assert graph.named("orders-queue").inputs["visibilityTimeoutSeconds"] == visibility
    assert graph.named("orders-function").inputs["timeout"] == timeout


def test_a_shorter_visibility_timeout_is_refused() -> None:
    words = "six times the function's timeout of 30 seconds are 180. Raise it."
    assert refused(visibility_timeout_seconds=179) == [("visibility_timeout_seconds", f"is 179; {words}")]
    existing = {"arn": "arn:aws:sqs:eu-west-1:123456789012:orders", "visibility_timeout_seconds": 60}
    assert refused(existing_queue=existing) == [("existing_queue.visibility_timeout_seconds", f"is 60; {words}")]


def test_what_is_no_arn_is_refused() -> None:
    queue = "the ARN of a queue, not its URL, such as arn:aws:sqs:eu-west-1:123456789012:orders"
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
    existing = {"arn": url, "visibility_timeout_seconds": 180}
    assert refused(existing_queue=existing) == [("existing_queue.arn", f"is '{url}'; must be {queue}")]
    assert refused(dead_letter_queue_arn=url) == [("dead_letter_queue_arn", f"is '{url}'; must be {queue}")]
    function = "the ARN of a function, such as arn:aws:lambda:eu-west-1:123456789012:function:orders"
    reason = f"is 'orders'; must be {function}"
    assert refused(function=None, existing_function={"arn": "orders", "timeout_seconds": 3}) == [("existing_function.arn", reason)]


def test_a_variable_that_lambda_refuses_is_refused() -> None:
    reason = "has '1ST'; a name has two or more letters, digits and _, a letter first. Rename it"
    assert refused(function={**IMAGE, "environment": {"1ST": "a"}}) == [("function.environment", reason)]


def test_maximum_concurrency_not_reserved_concurrency() -> None:
    graph = make(maximum_concurrency=7)
    source = graph.one("aws:lambda/eventSourceMapping:EventSourceMapping")
    assert source.inputs == {
        "eventSourceArn": graph.named("orders-queue").outputs["arn"],
        "functionName": graph.named("orders-function").outputs["arn"],
        "batchSize": 10,
        "functionResponseTypes": ["ReportBatchItemFailures"],
        "scalingConfig": {"maximumConcurrency": 7},
        "metricsConfig": {"metrics": ["EventCount"]},
        "tags": TAGS,
    }
    assert "reservedConcurrentExecutions" not in graph.named("orders-function").inputs
    reason = (
        "is 5, below maximum_concurrency (10): messages would be throttled into the dead-letter queue. "
        "Leave it out, or lower maximum_concurrency."
    )
    assert refused(function={**IMAGE, "reserved_concurrency": 5}) == [("function.reserved_concurrency", reason)]


def test_the_source_reads_the_queue_only_when_the_function_may() -> None:
    graph = make(mode="preview")
    source = graph.one("aws:lambda/eventSourceMapping:EventSourceMapping")
    assert set(refs(graph, source, "eventSourceArn")) == {
        "orders-queue",
        "orders-queue-policy",
        "orders-queue-dead-letters-redrive",
        "orders-queue-dead-letters-policy",
    }
    assert set(refs(graph, graph.named("orders-function"), "role")) == {"orders-function-role", "orders-function-policy"}


def test_a_message_is_parked_after_its_tries_and_kept_longer_than_in_the_queue() -> None:
    graph = make(max_receive_count=3, message_retention_days=13)
    queue, dead = graph.named("orders-queue"), graph.named("orders-queue-dead-letters")
    assert json.loads(queue.inputs["redrivePolicy"]) == {"deadLetterTargetArn": dead.outputs["arn"], "maxReceiveCount": 3}
    allowed = json.loads(graph.one("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy").inputs["redriveAllowPolicy"])
    assert allowed == {"redrivePermission": "byQueue", "sourceQueueArns": [queue.outputs["arn"]]}
    assert (queue.inputs["messageRetentionSeconds"], dead.inputs["messageRetentionSeconds"]) == (13 * 86_400, 14 * 86_400)
    assert queue.inputs["maxMessageSize"] == dead.inputs["maxMessageSize"] == 1_048_576


def test_alarms_are_raised_on_parked_and_old_messages_and_on_a_failing_function() -> None:
    graph = make(alarm_topic_arns=[TOPIC], alarm_age_seconds=300)
    alarms = {one.name: one.inputs for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert {name: (one["metricName"], one["threshold"], one["evaluationPeriods"]) for name, one in alarms.items()} == {
        "orders-queue-age": ("ApproximateAgeOfOldestMessage", 300, 3),
        "orders-queue-dead-letters-alarm": ("ApproximateNumberOfMessagesVisible", 0, 1),
        "orders-function-errors": ("Errors", 0, 5),
    }
    assert {one["comparisonOperator"] for one in alarms.values()} == {"GreaterThanThreshold"}
    assert [one["alarmActions"] for one in alarms.values()] == [[TOPIC]] * 3
    assert alarms["orders-queue-dead-letters-alarm"]["dimensions"] == {
        "QueueName": graph.named("orders-queue-dead-letters").outputs["name"]
    }
    assert make().of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []


def test_queues_table_log_and_environment_have_one_key_that_lets_exactly_the_senders_in() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:orders"
    rule = "arn:aws:events:eu-west-1:123456789012:rule/orders"
    senders = [{"service": "sns.amazonaws.com", "source_arn": topic}, {"service": "events.amazonaws.com", "source_arn": rule}]
    graph = make(senders=senders)
    key = graph.one("aws:kms/key:Key").outputs["arn"]
    assert {one.name: one.inputs["kmsMasterKeyId"] for one in graph.of_type(QUEUE)} == {
        "orders-queue": key,
        "orders-queue-dead-letters": key,
    }
    assert graph.one("aws:dynamodb/table:Table").inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": key}
    assert graph.one("aws:cloudwatch/logGroup:LogGroup").inputs["kmsKeyId"] == graph.named("orders-function").inputs["kmsKeyArn"] == key
    account = key.split(":")[4]
    conditions = {one["Sid"]: one.get("Condition") for one in statements(graph, "orders-key-policy")}
    assert conditions == {
        "Administration": None,
        "CloudWatchLogs": {
            "ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:eu-west-1:{account}:log-group:orders-function-logs*"}
        },
        "SenderEvents": None,
        "SenderSns": {"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{account}:*"}},
    }
    queue = graph.named("orders-queue").outputs["arn"]
    assert statements(graph, "orders-queue-policy")[1:] == [
        {
            "Sid": "Sender1",
            "Effect": "Allow",
            "Action": ["sqs:SendMessage"],
            "Resource": [queue],
            "Principal": {"Service": ["sns.amazonaws.com"]},
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        },
        {
            "Sid": "Sender2",
            "Effect": "Allow",
            "Action": ["sqs:SendMessage"],
            "Resource": [queue],
            "Principal": {"Service": ["events.amazonaws.com"]},
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        },
    ]
    for name in ("orders-queue-policy", "orders-queue-dead-letters-policy"):
        (denial, *_) = statements(graph, name)
        assert (denial["Effect"], denial["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_functions_role_reads_its_queue_its_table_and_its_key_and_no_more() -> None:
    graph = make(
        function={**IMAGE, "tracing": False, "statements": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::prices/*"]}]}
    )
    queue, table, key = (graph.named(name).outputs["arn"] for name in ("orders-queue", "orders-idempotency", "orders-key"))
    log = graph.named("orders-function-logs").outputs["arn"]
    receive = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    items = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    assert [(one["Action"], one["Resource"]) for one in statements(graph, "orders-function-policy")] == [
        (receive, [queue]),
        (["kms:Decrypt"], [key]),
        (items, [table]),
        (["kms:Decrypt"], [key]),
        (["s3:GetObject"], ["arn:aws:s3:::prices/*"]),
        (["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log}:*"]),
        (["kms:Decrypt"], [key]),
    ]


def test_the_function_knows_its_queue_and_its_idempotency_table() -> None:
    graph = make(function={**IMAGE, "environment": {"STAGE": "live"}})
    assert graph.named("orders-function").inputs["environment"]["variables"] == {
        "POWERTOOLS_SERVICE_NAME": "orders-function",
        "STAGE": "live",
        "QUEUE_URL": graph.named("orders-queue").outputs["url"],
        "IDEMPOTENCY_TABLE": graph.named("orders-idempotency").outputs["name"],
    }
    table = graph.named("orders-idempotency").inputs
    assert (table["hashKey"], table["ttl"]) == ("id", {"attributeName": "expiration", "enabled": True})
    assert (table["pointInTimeRecovery"], table["deletionProtectionEnabled"]) == ({"enabled": True}, True)
    assert make(idempotency=False).of_type("aws:dynamodb/table:Table") == []


def test_a_fifo_queue_has_a_fifo_dead_letter_queue() -> None:
    graph = make(fifo=True, content_based_deduplication=True)
    queues = [one.inputs for one in graph.of_type(QUEUE)]
    assert [(one["fifoQueue"], one["contentBasedDeduplication"]) for one in queues] == [(True, True)] * 2
    assert [(one["deduplicationScope"], one["fifoThroughputLimit"]) for one in queues] == [("messageGroup", "perMessageGroupId")] * 2
    assert refused(fifo=True, batch_size=11, batching_window_seconds=5) == [
        ("batch_size", "is 11; the batches of a FIFO queue have at most 10 messages. Lower it."),
        ("batching_window_seconds", "is 5; FIFO queues have no batching window. Leave it out."),
    ]


def test_more_than_ten_messages_need_a_batching_window() -> None:
    reason = "is 100; more than 10 messages need a batching window. Set batching_window_seconds to 1 or more."
    assert refused(batch_size=100) == [("batch_size", reason)]
    source = make(batch_size=100, batching_window_seconds=5).one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs
    assert (source["batchSize"], source["maximumBatchingWindowInSeconds"]) == (100, 5)


def test_an_existing_function_is_not_changed_and_its_role_gets_the_rights() -> None:
    graph = make(function=None, existing_function={**EXISTING, "role_name": "ship"})
    assert graph.of_type("aws:lambda/function:Function", "aws:dynamodb/table:Table", "aws:iam/role:Role") == []
    assert graph.named("orders-function-policy").inputs["role"] == "ship"
    assert [one["Sid"] for one in statements(graph, "orders-function-policy")] == ["Receive", "ReceiveKey"]
    assert graph.one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs["functionName"] == EXISTING["arn"]
    assert graph.named("orders-queue").inputs["visibilityTimeoutSeconds"] == 120
    without_role = make(function=None, existing_function=EXISTING)
    assert without_role.of_type("aws:iam/rolePolicy:RolePolicy") == []


def test_an_existing_queue_is_not_changed() -> None:
    existing = {
        "arn": "arn:aws:sqs:eu-west-1:123456789012:orders",
        "visibility_timeout_seconds": 600,
        "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1",
    }
    seen: dict[str, Any] = {}

    def program() -> None:
        args: Any = {"function": {**IMAGE}, "existing_queue": existing}
        worker = QueueWorker("orders", args)
        pulumi.Output.all(worker.queue_url, worker.queue_name, worker.dead_letter_queue_arn).apply(lambda found: seen.update(found=found))

    graph = record(program, mode="deployed")
    assert graph.of_type(QUEUE, "aws:sqs/queuePolicy:QueuePolicy") == []
    assert graph.one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs["eventSourceArn"] == existing["arn"]
    assert seen["found"] == ["https://sqs.eu-west-1.amazonaws.com/123456789012/orders", "orders", ""]
    assert statements(graph, "orders-function-policy")[1]["Resource"] == [existing["kms_key_arn"]]
    reason = "excludes max_receive_count: the queue is there already; both are given. Remove one of them."
    assert refused(existing_queue=existing, max_receive_count=3) == [("existing_queue", reason)]


def test_the_function_of_an_existing_queue_has_the_key_that_is_given_and_old_messages_raise_the_alarm() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/2"
    existing = {"arn": "arn:aws:sqs:eu-west-1:123456789012:orders", "visibility_timeout_seconds": 600}
    graph = make(existing_queue=existing, kms_key_arn=key, alarm_topic_arns=[TOPIC])
    assert graph.of_type("aws:kms/key:Key") == []
    assert graph.named("orders-function").inputs["kmsKeyArn"] == key
    age = graph.named("orders-queue-age").inputs
    assert (age["dimensions"], age["threshold"]) == ({"QueueName": "orders"}, 900)
    reason = "excludes kms_key_arn: without function or service there is nothing to encrypt; both are given. Remove one of them."
    assert refused(function=None, existing_function=EXISTING, existing_queue=existing, kms_key_arn=key) == [("existing_queue", reason)]


def test_a_service_polls_the_queue_where_there_is_no_function() -> None:
    graph = record(lambda: QueueWorker("orders", {"visibility_timeout_seconds": 900}), mode="deployed")
    assert (
        graph.of_type("aws:lambda/function:Function", "aws:lambda/eventSourceMapping:EventSourceMapping", "aws:dynamodb/table:Table") == []
    )
    assert graph.named("orders-queue").inputs["visibilityTimeoutSeconds"] == 900
    missing = "is missing; without a function a service polls the queue. Give the longest time that it needs for a message."
    assert refused(function=None) == [("visibility_timeout_seconds", missing)]
    reason = "is for a function, and none is given. Give function or existing_function, or leave it out."
    assert refused(function=None, visibility_timeout_seconds=60, maximum_concurrency=5) == [("maximum_concurrency", reason)]


def test_senders_and_services_get_the_statements_that_they_need() -> None:
    seen: list[Any] = []

    def program() -> None:
        worker = QueueWorker("orders", {"visibility_timeout_seconds": 900})
        pulumi.Output.from_input([worker.send_statements(), worker.receive_statements()]).apply(seen.extend)

    graph = record(program, mode="deployed")
    queue, key = graph.named("orders-queue").outputs["arn"], graph.named("orders-key").outputs["arn"]
    assert [[(one["sid"], one["resources"]) for one in lines] for lines in seen] == [
        [("Send", [queue]), ("SendKey", [key])],
        [("Receive", [queue]), ("ReceiveKey", [key])],
    ]
    assert seen[0][1]["actions"] == ["kms:Decrypt", "kms:GenerateDataKey"]


@pytest.mark.parametrize(("fifo", "suffix", "own", "other"), [(True, "", "FIFO", "standard"), (False, ".fifo", "standard", "FIFO")])
def test_a_dead_letter_queue_of_the_other_kind_is_refused(fifo: bool, suffix: str, own: str, other: str) -> None:
    arn = f"arn:aws:sqs:eu-west-1:123456789012:parked{suffix}"
    reason = f"is {arn}, a {other} queue; that of a {own} queue is a {own} queue. Give one."
    assert refused(fifo=fifo, dead_letter_queue_arn=arn) == [("dead_letter_queue_arn", reason)]


def test_a_function_comes_from_one_place() -> None:
    assert refused(existing_function=EXISTING) == [("function", "excludes existing_function; both are given. Remove one of them.")]
    assert refused(function={}) == [("function.code", "exactly one of code and image_uri is needed; none is given. Give one.")]


@pytest.fixture
def orders(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The sample handler of the example, with its queues and its table."""
    sqs, dynamodb = client("sqs"), client("dynamodb")
    table_by_id(dynamodb, "idempotency")
    parked = sqs.create_queue(QueueName="parked")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=parked, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    queue = sqs.create_queue(QueueName="orders", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    monkeypatch.setenv("IDEMPOTENCY_TABLE", "idempotency")
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    return load_handler(ROOT / "examples/queue_worker/app/index.py"), sqs, queue, parked


def test_a_poison_message_is_parked_after_its_tries_and_the_rest_of_the_batch_is_kept(orders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    index, sqs, queue, parked = orders
    shipped: list[str] = []
    ship = index.ship
    monkeypatch.setattr(index, "ship", lambda order: (ship(order), shipped.append(order["id"])))
    bodies = [{"id": "1", "address": "a"}, {"id": "2"}, {"id": "3", "address": "c"}]
    for body in [*map(json.dumps, bodies), "no JSON"]:
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    drive_queue(sqs, queue, index.handler, context=Context())
    assert sorted(shipped) == ["1", "3"]
    left = sqs.receive_message(QueueUrl=parked, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in left) == ["no JSON", '{"id": "2"}']


def test_a_repeated_message_is_processed_once_in_effect(orders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    index, sqs, queue, parked = orders
    shipped: list[str] = []
    failures = iter([True])

    def ship(order: dict[str, str]) -> None:
        if next(failures, False):
            raise TimeoutError("the warehouse does not answer")
        shipped.append(order["id"])

    monkeypatch.setattr(index, "ship", ship)
    for _ in range(4):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"id": "7", "address": "a"}))
    drive_queue(sqs, queue, index.handler, batch_size=2, context=Context())
    assert shipped == ["7"]
    assert "Messages" not in sqs.receive_message(QueueUrl=parked)
