"""The read model stays right under repeated, reordered, failed, lost and replayed changes, on moto's tables and streams."""

import base64
import itertools
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_runtime.projection import (
    DELETED,
    EXPIRES_AT,
    ORDER,
    Change,
    Projection,
    ReadModel,
    forget_deleted,
    main,
    project_again,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.emulators.events import drive_stream
from tests.emulators.locked_moto import client

NAMES = itertools.count()
KEYS = ("tea", "pen", "cup")


class Tables:
    """A write table with its stream, and a read table."""

    def __init__(self, dynamodb: Any, streams: Any) -> None:
        self.dynamodb, self.streams = dynamodb, streams
        number = next(NAMES)
        self.write, self.read = f"orders-{number}", f"orders-read-{number}"
        schema: dict[str, Any] = {
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        created = self.dynamodb.create_table(TableName=self.write, StreamSpecification=stream, **schema)
        self.dynamodb.create_table(TableName=self.read, **schema)
        arn = created["TableDescription"]["LatestStreamArn"]
        shard = self.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        iterator = self.streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        self._iterator = iterator["ShardIterator"]

    def put(self, key: str, **attributes: Any) -> None:
        self.dynamodb.put_item(TableName=self.write, Item={"id": {"S": key}, **{name: wire(one) for name, one in attributes.items()}})

    def delete(self, key: str) -> None:
        self.dynamodb.delete_item(TableName=self.write, Key={"id": {"S": key}})

    def changes(self) -> list[dict[str, Any]]:
        """The records that are new in the stream."""
        answer = self.streams.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        return answer["Records"]

    def row(self, key: str) -> dict[str, Any] | None:
        return self.dynamodb.get_item(TableName=self.read, Key={"id": {"S": key}}).get("Item")

    def projection(self, project: Any = None, **options: Any) -> Projection:
        return Projection(self.dynamodb, project, table=self.read, **options)

    def shown(self, key: str) -> dict[str, Any] | None:
        return ReadModel(self.dynamodb, self.read).get({"id": key})


def wire(value: Any) -> dict[str, Any]:
    return {"N": str(value)} if isinstance(value, int) else {"B": value} if isinstance(value, bytes) else {"S": value}


def number_of(record: dict[str, Any]) -> str:
    return record["dynamodb"]["SequenceNumber"]


@pytest.fixture
def tables(moto_account: None) -> Tables:
    return Tables(client("dynamodb"), client("dynamodbstreams"))


class BrokenAnswerError(Exception):
    """A write was done, and its answer was lost."""


class Flaky:
    """DynamoDB, of which the answer to the next write may be lost."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb, self.lose_answer = dynamodb, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dynamodb, name)

    def put_item(self, **request: Any) -> Any:
        answer = self._dynamodb.put_item(**request)
        if self.lose_answer:
            self.lose_answer = False
            raise BrokenAnswerError
        return answer


class Machine(RuleBasedStateMachine):
    """Items change while their changes arrive again, in another order, after others, after a replay or not at all."""

    clients: tuple[Any, Any]

    def __init__(self) -> None:
        super().__init__()
        self.tables = Tables(*self.clients)
        self.dynamodb: Any = Flaky(self.tables.dynamodb)
        self.items: dict[str, int] = {}
        self.records: list[dict[str, Any]] = []
        self.owed: dict[str, dict[str, Any]] = {}
        """Records that were neither projected nor lost, by number."""
        self.orders: dict[str, str] = {}
        self.lossy, self.fixed = False, False
        self.projection = Projection(self.dynamodb, self.project, table=self.tables.read)

    def project(self, item: dict[str, Any]) -> dict[str, Any] | None:
        amount = int(item["amount"])
        if amount == 3 and not self.fixed:
            raise RuntimeError("poison")
        return None if amount == 4 else {"twice": amount * 2}

    def handle(self, records: list[dict[str, Any]]) -> None:
        failed = {one["itemIdentifier"] for one in self.projection.handle({"Records": records})["batchItemFailures"]}
        for record in records:
            if number_of(record) not in failed:
                self.owed.pop(number_of(record), None)

    def _read(self) -> None:
        for record in self.tables.changes():
            self.records.append(record)
            self.owed[number_of(record)] = record

    @rule(key=st.sampled_from(KEYS), amount=st.integers(0, 4))
    def put(self, key: str, amount: int) -> None:
        self.tables.put(key, amount=amount)
        self.items[key] = amount
        self._read()

    @rule(key=st.sampled_from(KEYS))
    def delete(self, key: str) -> None:
        self.tables.delete(key)
        self.items.pop(key, None)
        self._read()

    @precondition(lambda self: self.records)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """Any records in any order, also such as were delivered, or parked, or lost."""
        self.handle(data.draw(st.lists(st.sampled_from(self.records), min_size=1, max_size=4)))

    @precondition(lambda self: self.owed)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.owed.pop(data.draw(st.sampled_from(sorted(self.owed))))
        self.lossy = True

    @rule()
    def lose_answer(self) -> None:
        self.dynamodb.lose_answer = True

    @invariant()
    def a_row_never_goes_back(self) -> None:
        orders = {row["id"]["S"]: row[ORDER]["S"] for row in self.tables.dynamodb.scan(TableName=self.tables.read)["Items"]}
        assert all(orders[key] >= order for key, order in self.orders.items())
        self.orders = orders

    def teardown(self) -> None:
        """The cause of failures is fixed, all that was not lost is delivered, the newest first; what was lost is projected again."""
        self.fixed = True
        self.dynamodb.lose_answer = False
        self.handle(sorted(self.owed.values(), key=lambda record: int(number_of(record)), reverse=True))
        if self.lossy:
            for _progress in project_again(self.dynamodb, self.tables.write):
                self._read()
            list(forget_deleted(self.dynamodb, self.tables.write, self.tables.read))
            self.handle(list(self.owed.values()))
        assert self.owed == {}
        for key in KEYS:
            amount = self.items.get(key, 4)
            assert self.tables.shown(key) == (None if amount == 4 else {"id": key, "twice": amount * 2})


def test_the_read_model_is_right_whatever_happens_to_the_changes(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # Clients take longer to make than most requests.
    monkeypatch.setattr(Machine, "clients", (client("dynamodb"), client("dynamodbstreams")), raising=False)
    run_state_machine_as_test(Machine, settings=settings(max_examples=15, stateful_step_count=12, deadline=None))


def test_poison_is_left_out_once_its_row_is_newer_and_named_until_then(tables: Tables) -> None:
    def project(item: dict[str, Any]) -> dict[str, Any]:
        if item["amount"] == 3:
            raise ValueError("three")
        return {"amount": item["amount"]}

    projection = tables.projection(project)
    tables.put("tea", amount=3)
    tables.put("pen", amount=1)
    poison, other = tables.changes()
    assert projection.handle({"Records": [poison, other]}) == {"batchItemFailures": [{"itemIdentifier": number_of(poison)}]}
    assert tables.shown("pen") == {"id": "pen", "amount": 1}
    assert [one.records for one in drive_stream([poison], lambda event, _: projection.handle(event), identifier=number_of)] == [[poison]]
    tables.put("tea", amount=2)
    assert projection.handle({"Records": tables.changes()}) == {"batchItemFailures": []}
    assert projection.handle({"Records": [poison]}) == {"batchItemFailures": []}
    assert tables.shown("tea") == {"id": "tea", "amount": 2}


def test_without_a_function_items_are_copied_or_some_of_their_attributes(tables: Tables) -> None:
    tables.put("tea", amount=2, note="green", picture=b"\x00\xff", projection_again_at="1")
    records = tables.changes()
    # Lambda writes bytes in base64.
    encoded = json.loads(json.dumps(records, default=lambda value: base64.b64encode(value).decode() if isinstance(value, bytes) else ""))
    assert tables.projection().handle({"Records": encoded}) == {"batchItemFailures": []}
    row = tables.row("tea")
    assert row == {
        "id": {"S": "tea"},
        "amount": {"N": "2"},
        "note": {"S": "green"},
        "picture": {"B": b"\x00\xff"},
        ORDER: {"S": number_of(records[0]).rjust(40, "0")},
    }
    tables.put("pen", amount=1, note="blue")
    environment = {"CLOUDPATTERNS_PROJECTION_TABLE": tables.read, "CLOUDPATTERNS_PROJECTION_ATTRIBUTES": '["amount"]'}
    Projection.from_environment(tables.dynamodb, environment=environment).handle({"Records": tables.changes()})
    assert tables.shown("pen") == {"id": "pen", "amount": Decimal(1)}


def test_a_function_without_the_variables_of_the_component_says_so(tables: Tables) -> None:
    with pytest.raises(ValueError, match="CLOUDPATTERNS_PROJECTION_TABLE is missing") as error:
        Projection.from_environment(tables.dynamodb, environment={})
    assert str(error.value) == "CLOUDPATTERNS_PROJECTION_TABLE is missing. Pass environment(projection) of the Cqrs to the function."


def test_a_deleted_item_is_remembered_longer_than_changes_are_delivered_and_no_reader_sees_it(tables: Tables) -> None:
    projection = tables.projection(remember_seconds=100, clock=lambda: 1000.0)
    tables.put("tea", amount=2)
    tables.delete("tea")
    put, delete = tables.changes()
    projection.handle({"Records": [delete]})
    assert tables.row("tea") == {
        "id": {"S": "tea"},
        ORDER: {"S": number_of(delete).rjust(40, "0")},
        DELETED: {"BOOL": True},
        EXPIRES_AT: {"N": "1100"},
    }
    projection.handle({"Records": [put]})
    model = ReadModel(tables.dynamodb, tables.read)
    assert model.get({"id": "tea"}, consistent=True) is None
    assert list(model.query("id = :id", {":id": "tea"})) == []
    tables.put("tea", amount=5)
    projection.handle({"Records": tables.changes()})
    assert list(model.query("id = :id", {":id": "tea"})) == [{"id": "tea", "amount": 5}]
    assert list(model.query("id = :id", {":id": "tea", ":low": 9}, FilterExpression="amount > :low")) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({ORDER: "1"}, "The projected row has projection_order, which the projection itself writes. Choose another name."),
        ({"id": "pen"}, "The projected row has another id than its item. Leave the key out; use an index."),
    ],
)
def test_a_row_that_would_break_the_protocol_is_refused(tables: Tables, row: dict[str, Any], message: str) -> None:
    tables.put("tea", amount=2)
    with pytest.raises(ValueError, match=message):
        tables.projection(lambda item: row).apply(Change.from_record(tables.changes()[0]))
    assert tables.row("tea") is None


def test_numbers_of_different_lengths_are_in_order(tables: Tables) -> None:
    projection = tables.projection()
    for number, amount in (("9" * 21, 1), ("1" + "0" * 21, 2), ("9" * 21, 1)):
        keys, image = {"id": {"S": "tea"}}, {"id": {"S": "tea"}, "amount": {"N": str(amount)}}
        record = {"eventName": "MODIFY", "dynamodb": {"Keys": keys, "NewImage": image, "SequenceNumber": number}}
        assert projection.handle({"Records": [record]}) == {"batchItemFailures": []}
    assert tables.shown("tea") == {"id": "tea", "amount": 2}


def test_a_stream_without_images_is_refused() -> None:
    record = {"eventName": "INSERT", "dynamodb": {"Keys": {"id": {"S": "tea"}}, "SequenceNumber": "1"}}
    with pytest.raises(ValueError, match=r"The stream has no new images\. Set its view type to NEW_AND_OLD_IMAGES\."):
        Change.from_record(record)


def test_the_command_projects_everything_again_and_goes_on_where_it_was_ended(
    tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    for number in range(5):
        tables.put(f"tea-{number}", amount=number)
    tables.put("gone", amount=1)
    projection = tables.projection()
    projection.handle({"Records": tables.changes()[-1:]})
    tables.delete("gone")
    tables.changes()
    checkpoint = tmp_path / "again.json"
    given = ["--write-table", tables.write, "--read-table", tables.read, "--checkpoint", str(checkpoint), "--per-second", "2"]
    written: list[str] = []

    class Ended(Exception):
        """The command was ended."""

    class Counted(Flaky):
        ends = True

        def update_item(self, **request: Any) -> Any:
            if len(written) == 2 and self.ends:
                raise Ended
            written.append(request["Key"]["id"]["S"])
            return self._dynamodb.update_item(**request)

    dynamodb: Any = Counted(tables.dynamodb)
    with pytest.raises(Ended):
        main(given, dynamodb)
    assert json.loads(checkpoint.read_text())[0] == "again"
    dynamodb.ends = False
    main(given, dynamodb)
    # Each of them once.
    assert sorted(written) == [f"tea-{number}" for number in range(5)]
    assert not checkpoint.exists()
    assert tables.shown("gone") is None
    assert DELETED in (tables.row("gone") or {})
    projection.handle({"Records": tables.changes()})
    assert [tables.shown(f"tea-{number}") for number in range(5)] == [{"id": f"tea-{number}", "amount": number} for number in range(5)]
    assert capsys.readouterr().out.splitlines()[-1] == "forget: 1 seen, 1 written"
