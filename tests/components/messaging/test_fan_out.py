import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import FanOut, QueueWorker
from cloudpatterns.security import WorkloadRole
from offline_preview.graph import Graph

from tests.emulators.deployed import Deployed
from tests.emulators.events import Context, drive_queue
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.tables import table_by_id
from tests.harness import record, refs
from tests.program import ROOT

OPERATIONS = "arn:aws:sns:eu-west-1:123456789012:operations"
QUEUE = "aws:sqs/queue:Queue"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
PAID = {"state": ["paid"]}
SUBSCRIBERS: dict[str, Any] = {"shipping": {}, "invoices": {"filter_policy": PAID}}
EXISTING_QUEUE = {
    "arn": "arn:aws:sqs:eu-west-1:123456789012:archive",
    "visibility_timeout_seconds": 60,
    "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/archive",
}
EXISTING_TOPIC = {
    "arn": "arn:aws:sns:eu-west-1:123456789012:orders",
    "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/orders",
}
TAGS = {"Owner": "orders"}


def make(mode: Any = "deployed", name: str = "orders", **args: Any) -> Graph:
    given: Any = {"subscribers": SUBSCRIBERS, "tags": TAGS, **args}
    return record(lambda: FanOut(name, given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def statements(graph: Graph, name: str, field: str = "policy") -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs[field])["Statement"]


def test_a_slow_subscriber_does_not_hold_back_another() -> None:
    """On the graph: no queue, and no place for failures, belongs to two subscribers."""
    graph = make(subscribers={"shipping": {}, "invoices": {}, "archive": {}})
    of: dict[str, list[str]] = {}
    for subscription in graph.of_type(SUBSCRIPTION):
        (queue,) = [one for one in graph.refs(subscription, "endpoint") if one.type == QUEUE]
        (undelivered,) = [one for one in graph.refs(subscription, "redrivePolicy") if one.type == QUEUE]
        (dead,) = [one for one in graph.refs(queue, "redrivePolicy") if one.type == QUEUE]
        of[subscription.name] = [queue.name, dead.name, undelivered.name]
    assert of == {
        f"orders-{key}-subscription": [f"orders-{key}-queue", f"orders-{key}-queue-dead-letters", f"orders-{key}-undelivered"]
        for key in ("shipping", "invoices", "archive")
    }
    queues = [name for names in of.values() for name in names]
    assert len(set(queues)) == len(queues) == len(graph.of_type(QUEUE)) == 9


@pytest.fixture(params=["moto", "ministack"])
def fan_out(request: pytest.FixtureRequest) -> Callable[..., Deployed]:
    """Deploys a ``FanOut`` on each of the emulators."""
    if request.param == "moto":
        request.getfixturevalue("moto_account")
        connect = client
    else:
        connect = request.getfixturevalue("emulator").client

    def deploy(**args: Any) -> Deployed:
        return Deployed(make(name=f"orders-{uuid4().hex[:8]}", **args), connect)

    return deploy


def queue_of(deployed: Deployed, ending: str) -> str:
    (name,) = [name for name in deployed.urls if name.endswith(ending)]
    return name


def publish(deployed: Deployed, *messages: str, **attributes: str) -> None:
    topic = deployed.arns[queue_of(deployed, "-topic")]
    for message in messages:
        deployed.client("sns").publish(
            TopicArn=topic,
            Message=message,
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
        )


def test_while_one_consumer_stands_still_the_others_drain_their_queues(fan_out: Callable[..., Deployed]) -> None:
    deployed = fan_out(subscribers={"slow": {}, "shipping": {}, "invoices": {}})
    sqs, done = deployed.client("sqs"), {"shipping": [], "invoices": []}
    publish(deployed, *map(str, range(6)))
    # The slow consumer holds a message, and neither finishes nor gives it back.
    held = sqs.receive_message(QueueUrl=deployed.urls[queue_of(deployed, "slow-queue")])["Messages"]
    for key, bodies in done.items():
        url = deployed.urls[queue_of(deployed, f"{key}-queue")]
        drive_queue(sqs, url, lambda event, _, bodies=bodies: bodies.extend(one["body"] for one in event["Records"]))
    assert {key: sorted(bodies) for key, bodies in done.items()} == {key: list("012345") for key in done}
    assert len(held) + len(deployed.bodies(queue_of(deployed, "slow-queue"))) == 6
    assert [deployed.bodies(name) for name in deployed.urls if name.endswith(("dead-letters", "undelivered"))] == [[]] * 6


def test_a_filter_decides_which_messages_a_subscriber_gets(fan_out: Callable[..., Deployed]) -> None:
    large = {"total": [{"numeric": [">=", 100]}], "address": {"country": [{"anything-but": ["DE"]}]}}
    deployed = fan_out(
        subscribers={
            "all": {},
            "paid": {"filter_policy": {"state": ["paid", {"prefix": "settled-"}]}},
            "large": {"filter_policy": large, "filter_scope": "MessageBody"},
        }
    )
    orders = [(5, "FR"), (100, "FR"), (100, "DE")]
    small, big, german = (json.dumps({"total": total, "address": {"country": country}}) for total, country in orders)
    publish(deployed, small, state="paid")
    publish(deployed, big, state="settled-by-card")
    publish(deployed, german, state="open")
    assert {key: deployed.bodies(queue_of(deployed, f"{key}-queue")) for key in ("all", "paid", "large")} == {
        "all": sorted([small, big, german]),
        "paid": sorted([small, big]),
        "large": [big],
    }


def test_what_a_subscriber_fails_to_process_is_parked_and_the_others_have_it(fan_out: Callable[..., Deployed]) -> None:
    deployed = fan_out(subscribers={"shipping": {"max_receive_count": 2}, "invoices": {}})
    publish(deployed, "1", "poison")

    def ship(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        failed = [one["messageId"] for one in event["Records"] if one["body"] == "poison"]
        return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}

    assert drive_queue(deployed.client("sqs"), deployed.urls[queue_of(deployed, "shipping-queue")], ship) == 2
    assert deployed.bodies(queue_of(deployed, "shipping-queue-dead-letters")) == ["poison"]
    assert deployed.bodies(queue_of(deployed, "invoices-queue")) == ["1", "poison"]
    assert deployed.bodies(queue_of(deployed, "invoices-queue-dead-letters")) == []


def test_the_topic_of_fifo_queues_keeps_order_and_drops_repeated_messages(fan_out: Callable[..., Deployed]) -> None:
    deployed = fan_out(subscribers={"shipping": {}}, fifo=True, content_based_deduplication=True)
    topic = deployed.arns[queue_of(deployed, "-topic")]
    for body in ("1", "2", "2", "3"):
        deployed.client("sns").publish(TopicArn=topic, Message=body, MessageGroupId="order-7")
    sqs, seen = deployed.client("sqs"), []
    url = deployed.urls[queue_of(deployed, "shipping-queue")]
    drive_queue(sqs, url, lambda event, _: seen.extend(one["body"] for one in event["Records"]))
    assert seen == ["1", "2", "3"]


def test_the_key_lets_in_sns_and_the_publishers_and_no_other() -> None:
    rule = "arn:aws:events:eu-west-1:123456789012:rule/orders"
    bucket = "arn:aws:s3:::orders"
    graph = make(
        publishers=[{"service": "events.amazonaws.com", "source_arn": rule}, {"service": "s3.amazonaws.com", "source_arn": bucket}],
        publisher_account_ids=["210987654321"],
        organization_id="o-a1b2c3d4e5",
    )
    key = graph.one("aws:kms/key:Key").outputs["arn"]
    assert graph.one("aws:sns/topic:Topic").inputs["kmsMasterKeyId"] == key
    assert {one.inputs["kmsMasterKeyId"] for one in graph.of_type(QUEUE)} == {key}
    via = {"kms:ViaService": "sns.eu-west-1.amazonaws.com"}
    policy = {one["Sid"]: (one["Principal"], one.get("Condition")) for one in statements(graph, "orders-key-policy")}
    assert policy == {
        "Administration": ({"AWS": ["arn:aws:iam::123456789012:root"]}, None),
        "SenderEvents": ({"Service": ["events.amazonaws.com"]}, None),
        "SenderS3": ({"Service": ["s3.amazonaws.com"]}, {"StringEquals": {"aws:SourceAccount": "123456789012"}}),
        "SenderSns": (
            {"Service": ["sns.amazonaws.com"]},
            {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:123456789012:*"}},
        ),
        "KeyAccounts": ({"AWS": ["arn:aws:iam::210987654321:root"]}, {"StringEquals": via}),
        "KeyOrganization": ({"AWS": ["*"]}, {"StringEquals": {**via, "aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
    }
    topic = graph.one("aws:sns/topic:Topic").outputs["arn"]
    account = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    denial, *allowed = statements(graph, "orders-topic-policy")
    assert (denial["Effect"], denial["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert [(one["Sid"], one["Principal"], one.get("Condition")) for one in allowed] == [
        ("Publisher1", {"Service": ["events.amazonaws.com"]}, None),
        ("Publisher2", {"Service": ["s3.amazonaws.com"]}, {"ArnLike": {"aws:SourceArn": bucket}, **account}),
        ("PublishAccounts", {"AWS": ["arn:aws:iam::210987654321:root"]}, None),
        ("PublishOrganization", {"AWS": ["*"]}, {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
    ]
    assert {(tuple(one["Action"]), tuple(one["Resource"])) for one in [denial, *allowed]} == {(("sns:Publish",), (topic,))}
    assert [one["Sid"] for one in statements(make(), "orders-topic-policy")] == ["DenyPlain"]


def test_queues_and_their_places_for_failures_take_messages_of_this_topic_alone() -> None:
    graph = make()
    topic = graph.one("aws:sns/topic:Topic").outputs["arn"]
    for name in ("orders-shipping-queue-policy", "orders-shipping-undelivered-policy"):
        denial, allowed = statements(graph, name)
        assert (denial["Effect"], denial["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        assert (allowed["Action"], allowed["Principal"]) == (["sqs:SendMessage"], {"Service": ["sns.amazonaws.com"]})
        assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": topic}}


def test_messages_are_delivered_only_when_they_can_be_parked() -> None:
    graph = make(mode="preview")
    subscription = graph.named("orders-shipping-subscription")
    assert refs(graph, subscription, "redrivePolicy") == ["orders-shipping-undelivered", "orders-shipping-undelivered-policy"]
    assert set(refs(graph, subscription, "endpoint")) >= {"orders-shipping-queue", "orders-shipping-queue-policy"}


def test_nothing_is_published_before_all_are_subscribed_nor_received_before_its_own_subscription() -> None:
    def program() -> None:
        orders = FanOut("orders", {"subscribers": SUBSCRIBERS})
        WorkloadRole("till", {"service": "ecs-tasks.amazonaws.com", "statements": orders.publish_statements()})
        given: Any = {"existing_queue": orders.existing_queue("shipping"), "function": {"image_uri": "image"}}
        QueueWorker("shipping", given)

    graph = record(program, mode="preview")
    publisher = graph.named("till-policy")
    assert {"orders-topic-policy", "orders-shipping-subscription", "orders-invoices-subscription"} <= set(refs(graph, publisher, "policy"))
    source = graph.one("aws:lambda/eventSourceMapping:EventSourceMapping")
    assert "orders-shipping-subscription" in refs(graph, source, "eventSourceArn")
    assert "orders-invoices-subscription" not in refs(graph, source, "eventSourceArn")


def test_a_queue_worker_adopts_a_subscribers_queue() -> None:
    def program() -> None:
        subscribers: Any = {"shipping": {"visibility_timeout_seconds": 600}}
        orders = FanOut("orders", {"subscribers": subscribers})
        given: Any = {"existing_queue": orders.existing_queue("shipping"), "function": {"image_uri": "image", "timeout_seconds": 100}}
        QueueWorker("shipping", given)

    graph = record(program, mode="deployed")
    queue = graph.named("orders-shipping-queue")
    assert graph.one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs["eventSourceArn"] == queue.outputs["arn"]
    receive, decrypt = statements(graph, "shipping-function-policy")[:2]
    assert (receive["Resource"], decrypt["Resource"]) == ([queue.outputs["arn"]], [graph.named("orders-key").outputs["arn"]])


def test_publishers_and_consumers_get_the_statements_that_they_need() -> None:
    seen: list[Any] = []

    def program() -> None:
        given: Any = {"subscribers": {**SUBSCRIBERS, "archive": {"existing_queue": EXISTING_QUEUE}}}
        orders = FanOut("orders", given)
        lines = [orders.publish_statements(), orders.receive_statements("shipping"), orders.receive_statements("archive")]
        pulumi.Output.from_input(lines).apply(seen.extend)
        pulumi.export("parked", orders.dead_letter_queue_arn("shipping"))
        with pytest.raises(ArgumentError, match="is 'mail', which is not a subscriber; known are shipping, invoices, archive"):
            orders.receive_statements("mail")
        with pytest.raises(ArgumentError, match="is 'archive', which is not a subscriber with a new queue; known are shipping, invoices"):
            orders.dead_letter_queue_arn("archive")

    graph = record(program, mode="deployed")
    key = graph.named("orders-key").outputs["arn"]
    assert [[(one["sid"], one["resources"]) for one in lines] for lines in seen] == [
        [("Publish", [graph.named("orders-topic").outputs["arn"]]), ("PublishKey", [key])],
        [("Receive", [graph.named("orders-shipping-queue").outputs["arn"]]), ("ReceiveKey", [key])],
        [("Receive", [EXISTING_QUEUE["arn"]]), ("ReceiveKey", [EXISTING_QUEUE["kms_key_arn"]])],
    ]
    assert seen[0][1]["actions"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert graph.outputs["parked"] == graph.named("orders-shipping-queue-dead-letters").outputs["arn"]


def test_an_existing_queue_subscribes_and_its_policy_is_the_users() -> None:
    graph = make(subscribers={"archive": {"existing_queue": EXISTING_QUEUE}})
    assert [one.name for one in graph.of_type(QUEUE)] == ["orders-archive-undelivered"]
    assert [one.name for one in graph.of_type("aws:sqs/queuePolicy:QueuePolicy")] == ["orders-archive-undelivered-policy"]
    assert graph.one(SUBSCRIPTION).inputs["endpoint"] == EXISTING_QUEUE["arn"]
    reason = "excludes max_receive_count: the queue is there already; both are given. Remove one of them."
    wrong = {"archive": {"existing_queue": EXISTING_QUEUE, "max_receive_count": 3}}
    assert refused(subscribers=wrong) == [("subscribers.archive.existing_queue", reason)]


def test_an_existing_topic_is_not_changed() -> None:
    seen: list[Any] = []

    def program() -> None:
        given: Any = {"subscribers": SUBSCRIBERS, "existing_topic": EXISTING_TOPIC, "alarm_topic_arns": [OPERATIONS]}
        orders = FanOut("orders", given)
        pulumi.Output.from_input([orders.topic_arn, orders.topic_name, orders.publish_statements()]).apply(seen.extend)

    graph = record(program, mode="deployed")
    assert graph.of_type("aws:sns/topic:Topic", "aws:sns/topicPolicy:TopicPolicy") == []
    assert {one.inputs["topic"] for one in graph.of_type(SUBSCRIPTION)} == {EXISTING_TOPIC["arn"]}
    assert seen[:2] == [EXISTING_TOPIC["arn"], "orders"]
    assert seen[2][1]["resources"] == [EXISTING_TOPIC["kms_key_arn"]]
    assert graph.named("orders-lost").inputs["dimensions"] == {"TopicName": "orders"}
    reason = "excludes organization_id: the topic is there already; both are given. Remove one of them."
    assert refused(existing_topic=EXISTING_TOPIC, organization_id="o-a1b2c3d4e5") == [("existing_topic", reason)]


def test_alarms_are_raised_on_parked_undelivered_old_and_lost_messages() -> None:
    graph = make(alarm_topic_arns=[OPERATIONS], subscribers={"shipping": {"alarm_age_seconds": 300}, "mail": {}})
    alarms = {one.name: one.inputs for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert {name: (one["metricName"], one["threshold"]) for name, one in alarms.items()} == {
        "orders-lost": ("NumberOfNotificationsFailedToRedriveToDlq", 0),
        "orders-shipping-queue-age": ("ApproximateAgeOfOldestMessage", 300),
        "orders-shipping-queue-dead-letters-alarm": ("ApproximateNumberOfMessagesVisible", 0),
        "orders-shipping-undelivered-alarm": ("ApproximateNumberOfMessagesVisible", 0),
        "orders-mail-queue-dead-letters-alarm": ("ApproximateNumberOfMessagesVisible", 0),
        "orders-mail-undelivered-alarm": ("ApproximateNumberOfMessagesVisible", 0),
    }
    assert [one["alarmActions"] for one in alarms.values()] == [[OPERATIONS]] * 6
    assert alarms["orders-lost"]["dimensions"] == {"TopicName": graph.one("aws:sns/topic:Topic").outputs["name"]}
    assert make().of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []


def test_deliveries_are_logged_by_choice_in_groups_with_a_retention() -> None:
    graph = make(delivery_logs={"success_percent": 10, "log_retention_days": 30})
    topic = graph.one("aws:sns/topic:Topic")
    role = graph.named("orders-logs-role").outputs["arn"]
    assert {key: value for key, value in topic.inputs.items() if "Feedback" in key} == {
        "sqsFailureFeedbackRoleArn": role,
        "sqsSuccessFeedbackRoleArn": role,
        "sqsSuccessFeedbackSampleRate": 10,
    }
    base = f"sns/eu-west-1/123456789012/{topic.outputs['name']}"
    groups = {one.inputs["name"]: one.inputs for one in graph.of_type("aws:cloudwatch/logGroup:LogGroup")}
    assert set(groups) == {base, f"{base}/Failure"}
    assert {one["retentionInDays"] for one in groups.values()} == {30}
    (write,) = statements(graph, "orders-logs-policy")
    arns = [graph.named(f"orders-{kind}-logs").outputs["arn"] for kind in ("success", "failure")]
    assert write["Resource"] == [arns[0], f"{arns[0]}:*", arns[1], f"{arns[1]}:*"]
    logs = next(one for one in statements(graph, "orders-key-policy") if one["Sid"] == "CloudWatchLogs")
    pattern = "arn:aws:logs:eu-west-1:123456789012:log-group:sns/*"
    assert logs["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": pattern}}
    assert "sqsFailureFeedbackRoleArn" not in make().one("aws:sns/topic:Topic").inputs


def test_sns_may_write_logs_only_while_their_groups_are_there() -> None:
    # It creates a group that is missing by itself, and the program's own creation would fail then.
    graph = make(mode="preview", delivery_logs={})
    assert {"orders-success-logs", "orders-failure-logs"} <= set(refs(graph, graph.named("orders-logs-policy"), "policy"))
    assert refs(graph, graph.named("orders-topic"), "sqsFailureFeedbackRoleArn") == ["orders-logs-role"]


def test_a_fifo_topic_has_fifo_queues_everywhere() -> None:
    graph = make(fifo=True, content_based_deduplication=True)
    topic = graph.one("aws:sns/topic:Topic").inputs
    assert (topic["fifoTopic"], topic["contentBasedDeduplication"], topic["fifoThroughputScope"]) == (True, True, "MessageGroup")
    assert {(one.inputs["fifoQueue"], one.inputs["fifoThroughputLimit"]) for one in graph.of_type(QUEUE)} == {(True, "perMessageGroupId")}


@pytest.mark.parametrize(("kib", "size"), [(256, None), (64, 65_536), (1024, 1_048_576)])
def test_messages_may_be_as_large_as_the_topic_says(kib: int, size: int | None) -> None:
    graph = make(max_message_kib=kib)
    assert graph.one("aws:sns/topic:Topic").inputs.get("maximumMessageSize") == size
    assert {one.inputs["maxMessageSize"] for one in graph.of_type(QUEUE)} == {1_048_576}


def test_what_sns_refuses_is_refused_before() -> None:
    large = {"shipping": {"raw_delivery": False}}
    reason = (
        "is False with messages of 512 KiB: the envelope around them can pass the 1024 KiB of a queue. "
        "Set it to True, or max_message_kib to 256 or less."
    )
    assert refused(subscribers=large, max_message_kib=512) == [("subscribers.shipping.raw_delivery", reason)]
    fifo = {"archive": {"existing_queue": {**EXISTING_QUEUE, "arn": f"{EXISTING_QUEUE['arn']}.fifo"}}}
    wrong = "is a FIFO queue, and the topic is a standard topic. Give a standard queue."
    assert refused(subscribers=fifo) == [("subscribers.archive.existing_queue.arn", wrong)]
    named = {**EXISTING_TOPIC, "arn": f"{EXISTING_TOPIC['arn']}.fifo"}
    reason = f"is False with the topic {named['arn']}; the ARN of a FIFO topic ends in .fifo. Set it to True."
    assert refused(existing_topic=named) == [("existing_topic.fifo", reason)]
    many = {f"s{number}": {} for number in range(101)}
    reason = "has 101 entries; a topic of messages above 256 KiB has 100 subscriptions at most. Lower max_message_kib."
    assert refused(subscribers=many, max_message_kib=257) == [("subscribers", reason)]
    reason = "has 101 entries; a FIFO topic has 100 subscriptions at most. Remove some."
    assert refused(subscribers=many, fifo=True) == [("subscribers", reason)]


@pytest.mark.parametrize(
    ("policy", "field", "reason"),
    [
        ({"state": "paid"}, ".state", "is 'paid'; a field has a list of the values that match. Write ['paid']."),
        ({"state": []}, ".state", "is an empty list, which matches nothing and is refused. Name a value, or remove the field."),
        (
            {"order": {"state": ["paid"]}},
            ".order",
            "has fields in it, and attributes have none. Set filter_scope to MessageBody, or name the attribute.",
        ),
        ({key: ["a"] for key in "abcdef"}, "", "has 6 fields; a filter policy has at most 5. Remove some."),
        (
            {key: list("abcdef") for key in "abc"},
            "",
            "has 216 combinations of values; SNS takes 150. Use fewer values, or a prefix.",
        ),
    ],
)
def test_a_filter_policy_that_sns_refuses_is_refused_before(policy: Any, field: str, reason: str) -> None:
    found = refused(subscribers={"invoices": {"filter_policy": policy}})
    assert found == [(f"subscribers.invoices.filter_policy{field}", reason)]


def test_a_scope_needs_a_filter_policy() -> None:
    reason = "is missing; filter_scope needs it. Give it, or remove filter_scope."
    found = refused(subscribers={"invoices": {"filter_scope": "MessageBody"}})
    assert found == [("subscribers.invoices.filter_policy", reason)]


@pytest.mark.parametrize(
    ("folder", "done", "good", "bad"),
    [
        ("shipping", "ship", {"id": "1", "address": "a"}, {"id": "2"}),
        ("invoices", "write_invoice", {"id": "1", "total": 25}, {"id": "2", "total": 0}),
    ],
)
def test_the_sample_handlers_process_each_order_once_and_park_what_fails(
    moto_account: None, monkeypatch: pytest.MonkeyPatch, folder: str, done: str, good: Any, bad: Any
) -> None:
    deployed = Deployed(make(subscribers={folder: {"max_receive_count": 2}}), client)
    table_by_id(client("dynamodb"), "idempotency")
    monkeypatch.setenv("IDEMPOTENCY_TABLE", "idempotency")
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    index = load_handler(ROOT / f"examples/fan_out/{folder}/index.py")
    seen: list[str] = []
    process = getattr(index, done)
    monkeypatch.setattr(index, done, lambda order: (process(order), seen.append(order["id"])))
    publish(deployed, json.dumps(good), json.dumps(good), json.dumps(bad))
    drive_queue(client("sqs"), deployed.urls[f"orders-{folder}-queue"], index.handler, context=Context())
    assert seen == ["1"]
    assert deployed.bodies(f"orders-{folder}-queue-dead-letters") == [json.dumps(bad)]
