import json
from typing import Any

import pytest
from cloudpatterns.blocks import Fifo, Sender, dead_letter_queue, receive_statements, send_statements, work_queue
from cloudpatterns.blocks.work_queue import queue_url
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:jobs"


def make(**options: Any) -> Graph:
    def create(parent: Parent) -> None:
        settings: dict[str, Any] = {"visibility_timeout_seconds": 60, "retention_seconds": 345_600, "max_receive_count": 5, **options}
        work_queue(parent, "shop-jobs", kms_key_arn=KEY, tags={}, **settings)

    return children(create)


def test_a_queue_and_its_dead_letter_queue_with_a_policy_each() -> None:
    graph = make()
    assert names(graph) == {
        "shop-jobs": "Queue",
        "shop-jobs-policy": "QueuePolicy",
        "shop-jobs-dead-letters": "Queue",
        "shop-jobs-dead-letters-policy": "QueuePolicy",
        "shop-jobs-dead-letters-redrive": "RedriveAllowPolicy",
    }
    for name in ("shop-jobs", "shop-jobs-dead-letters"):
        assert graph.named(f"{name}-policy").inputs["queueUrl"] == graph.named(name).id
        document = json.loads(graph.named(f"{name}-policy").inputs["policy"])
        # Without the version a policy never takes effect, and the provider waits for it.
        assert document["Version"] == "2012-10-17"
        assert [one["Sid"] for one in document["Statement"]] == ["DenyPlain"]


def test_a_dead_letter_queue_that_is_there() -> None:
    graph = make(dead_letter_queue_arn=QUEUE)
    assert names(graph) == {"shop-jobs": "Queue", "shop-jobs-policy": "QueuePolicy"}
    assert json.loads(graph.named("shop-jobs").inputs["redrivePolicy"]) == {"deadLetterTargetArn": QUEUE, "maxReceiveCount": 5}


@pytest.mark.parametrize("throughput", [True, False])
def test_a_fifo_queue(throughput: bool) -> None:
    inputs = make(fifo=Fifo(high_throughput=throughput)).named("shop-jobs").inputs
    assert (inputs["fifoQueue"], inputs["contentBasedDeduplication"]) == (True, False)
    assert ("fifoThroughputLimit" in inputs) == throughput


def test_a_sender_may_send_for_its_source_alone() -> None:
    graph = make(senders=[Sender("sns.amazonaws.com", "arn:aws:sns:eu-west-1:123456789012:orders")])
    (_, sender) = json.loads(graph.named("shop-jobs-policy").inputs["policy"])["Statement"]
    assert sender["Condition"] == {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:eu-west-1:123456789012:orders"}}
    assert (sender["Action"], sender["Resource"]) == (["sqs:SendMessage"], [graph.named("shop-jobs").outputs["arn"]])


def test_a_bucket_that_sends_is_one_of_the_account() -> None:
    # Its ARN says nothing of the account, and anybody may have the name after it is deleted.
    graph = make(senders=[Sender("s3.amazonaws.com", "arn:aws:s3:::orders")])
    (_, sender) = json.loads(graph.named("shop-jobs-policy").inputs["policy"])["Statement"]
    account = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert sender["Condition"] == {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::orders"}, **account}


@pytest.mark.parametrize(
    ("redrive", "fix"), [(True, "move them back (redrive), or delete them"), (False, "start again what still counts, and delete them")]
)
def test_the_alarm_says_what_sqs_can_do_with_what_failed(redrive: bool, fix: str) -> None:
    graph = children(lambda parent: dead_letter_queue(parent, "shop-failed", KEY, None, [TOPIC], {}, what="Runs", redrive=redrive))
    said = graph.named("shop-failed-alarm").inputs["alarmDescription"]
    assert said == f"Runs that failed are in the queue shop-failed: fix the cause, then {fix}"


def test_only_the_dead_letter_queue_of_a_queue_is_moved_back() -> None:
    said = make(alarm_topic_arns=[TOPIC]).named("shop-jobs-dead-letters-alarm").inputs["alarmDescription"]
    assert said.endswith("then move them back (redrive), or delete them")


def test_rights_name_the_key_only_where_there_is_one() -> None:
    assert [one.sid for one in send_statements(QUEUE, KEY)] == ["Send", "SendKey"]
    assert [one.sid for one in receive_statements(QUEUE, None)] == ["Receive"]


@pytest.mark.parametrize(
    ("arn", "url"),
    [
        (QUEUE, "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"),
        ("arn:aws-cn:sqs:cn-north-1:123456789012:jobs", "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/jobs"),
    ],
)
def test_the_url_of_a_queue(arn: str, url: str) -> None:
    seen: list[str] = []
    children(lambda parent: queue_url(arn).apply(seen.append))
    assert seen == [url]
