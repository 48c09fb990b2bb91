"""What the tests rely on in the emulators: one winner of a conditional write, on both."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.emulators.events import drive_queue, drive_stream, failures, kinesis_event
from tests.emulators.locked_moto import client
from tests.emulators.ministack import MiniStack
from tests.emulators.tables import table_by_id

THREADS, ROUNDS = 16, 10


@pytest.fixture(params=["moto", "ministack"])
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "moto":
        request.getfixturevalue("moto_account")
        yield client("dynamodb")
    else:
        yield request.getfixturevalue("emulator").client("dynamodb")


def test_of_sixteen_threads_exactly_one_wins_a_conditional_write(dynamodb: Any) -> None:
    table = f"winners-{uuid4()}"
    table_by_id(dynamodb, table)
    for number in range(ROUNDS):
        winners: list[int] = []
        start = threading.Barrier(THREADS)

        def attempt(thread: int, number: int = number, winners: list[int] = winners, start: threading.Barrier = start) -> None:
            start.wait()
            with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
                dynamodb.put_item(TableName=table, Item={"id": {"S": str(number)}}, ConditionExpression="attribute_not_exists(id)")
                winners.append(thread)

        threads = [threading.Thread(target=attempt, args=(thread,)) for thread in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(winners) == 1


def test_the_driver_parks_the_poison_message_and_keeps_the_rest_of_its_batch(moto_account: None) -> None:
    sqs = client("sqs")
    parked = sqs.create_queue(QueueName="parked")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=parked, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 3}}'
    queue = sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    for body in ["1", "poison", "3"]:
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    done: list[str] = []

    def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        failed = [one["messageId"] for one in event["Records"] if one["body"] == "poison"]
        done.extend(one["body"] for one in event["Records"] if one["body"] != "poison")
        return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}

    assert drive_queue(sqs, queue, handler) >= 3
    assert sorted(done) == ["1", "3"]
    assert [one["Body"] for one in sqs.receive_message(QueueUrl=parked)["Messages"]] == ["poison"]


def test_the_stream_driver_gives_up_one_record_and_keeps_the_order_of_the_others() -> None:
    records = kinesis_event([("a", bytes([number])) for number in range(8)], "arn:aws:kinesis:eu-west-1:123456789012:stream/orders")[
        "Records"
    ]
    done: list[str] = []

    def handler(event: dict[str, Any], _context: Any) -> None:
        if records[5] in event["Records"]:
            raise ValueError("poison")
        done.extend(record["kinesis"]["sequenceNumber"] for record in event["Records"])

    assert [parked.records for parked in drive_stream(records, handler, retries=2)] == [[records[5]]]
    assert done == sorted(record["kinesis"]["sequenceNumber"] for record in records if record is not records[5])


def test_an_unknown_identifier_fails_the_whole_batch() -> None:
    assert failures({"batchItemFailures": [{"itemIdentifier": "3"}]}, ["1", "2"]) == {"1", "2"}
    assert failures({"batchItemFailures": [{"itemIdentifier": ""}]}, ["1", "2"]) == {"1", "2"}
    assert failures(None, ["1"]) == failures({"batchItemFailures": []}, ["1"]) == set()


def test_the_server_listens_on_this_machine_alone(emulator: MiniStack) -> None:
    assert emulator.url.startswith("http://127.0.0.1:")
