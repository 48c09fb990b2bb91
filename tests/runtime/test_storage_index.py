"""The index equals the bucket under repeated, reordered, lost and slow events, on moto's bucket, table and queue."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloudpatterns_runtime import storage_index
from cloudpatterns_runtime.storage_index import ConflictError, Indexer, StorageIndex, key_of, place
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.emulators.events import drive_queue
from tests.emulators.locked_moto import client
from tests.runtime.index_table import index_table

NAMES = itertools.count()
KEYS = ("a.jpg", "photos/b.jpg", "photos/2026/")


class Stalled:
    """S3, where something happens between a look and what is done with it."""

    def __init__(self, s3: Any) -> None:
        self._s3, self.then, self.looks = s3, None, 0
        self.then: Callable[[], None] | None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def head_object(self, **request: Any) -> Any:
        self.looks += 1
        then, self.then = self.then, None
        try:
            return self._s3.head_object(**request)
        finally:
            if then is not None:
                then()


class Clients:
    """Clients of moto, which take longer to make than most requests."""

    def __init__(self) -> None:
        self.s3, self.dynamodb, self.sqs = client("s3"), client("dynamodb"), client("sqs")


class Place:
    """A bucket, an index and a queue."""

    def __init__(self, clients: Clients, *, versions: bool = False) -> None:
        number = next(NAMES)
        self.bucket, self.table = f"uploads-{number}", f"index-{number}"
        self.s3: Any = Stalled(clients.s3)
        self.dynamodb, self.sqs = clients.dynamodb, clients.sqs
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        if versions:
            self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        index_table(self.dynamodb, self.table)
        self.queue = self.sqs.create_queue(QueueName=f"looks-{number}")["QueueUrl"]
        self.indexer = Indexer(
            self.dynamodb, self.s3, self.sqs, table=self.table, bucket=self.bucket, queue_url=self.queue, metadata=["owner"]
        )
        self.index = StorageIndex(self.dynamodb, self.table)
        self._sequence = 0xF0

    def put(self, key: str, body: str, **more: Any) -> dict[str, Any]:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body.encode(), **more)
        return self.event("Object Created", key)

    def delete(self, key: str) -> dict[str, Any]:
        self.s3.delete_object(Bucket=self.bucket, Key=key)
        return self.event("Object Deleted", key)

    def event(self, kind: str, key: str) -> dict[str, Any]:
        self._sequence += 7
        # Of different lengths, as those of S3 may be.
        detail = {"bucket": {"name": self.bucket}, "object": {"key": key, "sequencer": f"{self._sequence:X}"}}
        return {"source": "aws.s3", "detail-type": kind, "detail": detail}

    def handle(self, *bodies: dict[str, Any]) -> list[int]:
        """The places of the messages that failed."""
        records = [{"messageId": str(number), "body": json.dumps(body)} for number, body in enumerate(bodies)]
        return [int(one["itemIdentifier"]) for one in self.indexer.handle({"Records": records})["batchItemFailures"]]

    def reindex(self, **job: Any) -> int:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps({"reindex": job}))
        return drive_queue(self.sqs, self.queue, lambda event, _: self.indexer.handle(event))

    def indexed(self) -> dict[str, str]:
        entries = self.dynamodb.scan(TableName=self.table, FilterExpression="attribute_not_exists(deleted) AND attribute_exists(etag)")[
            "Items"
        ]
        return {key_of(entry): entry["etag"]["S"] for entry in entries}

    def stored(self) -> dict[str, str]:
        return {one["Key"]: one["ETag"].strip('"') for one in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])}


@pytest.fixture
def uploads(moto_account: None) -> Place:
    return Place(Clients())


class Machine(RuleBasedStateMachine):
    """Objects change while their events arrive again, in another order, during a slow look or not at all."""

    clients: Clients

    def __init__(self) -> None:
        super().__init__()
        self.place = Place(self.clients)
        self.events: list[dict[str, Any]] = []
        self.owed: list[dict[str, Any]] = []
        self.lost: set[str] = set()

    def _change(self, key: str, body: str) -> dict[str, Any]:
        event = self.place.put(key, body) if body else self.place.delete(key)
        self.events.append(event)
        return event

    @rule(key=st.sampled_from(KEYS), body=st.sampled_from(["", "one", "two", "three"]), lost=st.booleans())
    def change(self, key: str, body: str, lost: bool) -> None:
        event = self._change(key, body)
        if lost:
            self.lost.add(key)
        else:
            self.owed.append(event)

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """Any events in any order, also such as were delivered before."""
        events = data.draw(st.lists(st.sampled_from(self.events), min_size=1, max_size=3))
        assert self.place.handle(*events) == []
        self.owed = [event for event in self.owed if event not in events]

    @precondition(lambda self: self.events)
    @rule(data=st.data(), body=st.sampled_from(["", "one", "two"]), indexed=st.booleans())
    def deliver_while_the_object_changes(self, data: st.DataObject, body: str, indexed: bool) -> None:
        """A look is slow: meanwhile its object changes, and another indexer may process that."""
        event = data.draw(st.sampled_from(self.events))

        def then() -> None:
            change = self._change(event["detail"]["object"]["key"], body)
            if indexed:
                assert self.place.handle(change) == []
            else:
                self.owed.append(change)

        self.place.s3.then = then
        assert self.place.handle(event) == []
        self.place.s3.then = None
        self.owed = [one for one in self.owed if one != event]

    def teardown(self) -> None:
        """What was not lost is delivered, newest first. For the rest the bucket is indexed again, which would hide other faults."""
        assert self.place.handle(*reversed(self.owed)) == []
        indexed, stored = self.place.indexed(), self.place.stored()
        for key in set(KEYS) - self.lost:
            assert indexed.get(key) == stored.get(key)
        if self.lost:
            self.place.reindex()
            assert self.place.indexed() == stored


def test_the_index_is_right_whatever_happens_to_the_events(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "clients", Clients(), raising=False)
    run_state_machine_as_test(Machine, settings=settings(max_examples=8, stateful_step_count=10, deadline=None))


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
@pytest.mark.parametrize("body", ["two", ""], ids=["changed", "deleted"])
def test_a_slow_look_never_overwrites_a_later_one(uploads: Place, known: bool, body: str) -> None:
    if known:
        assert uploads.handle(uploads.put("a.jpg", "zero")) == []
    event = uploads.put("a.jpg", "one")

    def then() -> None:
        assert uploads.handle(uploads.put("a.jpg", body) if body else uploads.delete("a.jpg")) == []

    uploads.s3.then = then
    assert uploads.handle(event) == []
    assert uploads.s3.then is None
    assert uploads.indexed() == uploads.stored()
    assert len(uploads.stored()) == len(body[:1])


def test_repeated_and_older_events_cost_no_look(uploads: Place) -> None:
    first = uploads.put("a.jpg", "one")
    second = uploads.put("a.jpg", "two")
    assert uploads.handle(second, second, first) == []
    assert uploads.s3.looks == 1
    assert uploads.indexed() == uploads.stored()


def test_a_deleted_object_is_remembered_for_a_day_and_a_version_that_is_deleted_changes_nothing(moto_account: None) -> None:
    uploads = Place(Clients(), versions=True)
    uploads.handle(uploads.put("a.jpg", "one"))
    old = uploads.s3.head_object(Bucket=uploads.bucket, Key="a.jpg")["VersionId"]
    newest = uploads.put("a.jpg", "two")
    uploads.s3.delete_object(Bucket=uploads.bucket, Key="a.jpg", VersionId=old)
    gone = uploads.event("Object Deleted", "a.jpg")
    uploads.handle(newest, gone)
    entry = uploads.index.get("a.jpg")
    assert entry is not None
    assert entry["version_id"] == uploads.s3.head_object(Bucket=uploads.bucket, Key="a.jpg")["VersionId"]
    uploads.handle(uploads.delete("a.jpg"))
    assert uploads.index.get("a.jpg") is None
    item = uploads.dynamodb.get_item(TableName=uploads.table, Key=place("a.jpg"))["Item"]
    assert set(item) == {"folder", "name", "bucket", "revision", "sequencer", "deleted", "expires_at"}


def test_an_index_that_gets_another_bucket_follows_its_events(uploads: Place) -> None:
    uploads.handle(*[uploads.put("a.jpg", f"{number}") for number in range(3)])
    other = Place(Clients())
    other.indexer = Indexer(uploads.dynamodb, other.s3, uploads.sqs, table=uploads.table, bucket=other.bucket, queue_url=uploads.queue)
    # Its first sequencer is lower than the last one of the other.
    assert other.handle(other.put("a.jpg", "other")) == []
    assert uploads.indexed() == other.stored()


def test_an_entry_has_what_s3_tells_of_the_object(uploads: Place) -> None:
    uploads.handle(uploads.put("photos/ada/b.jpg", "body", ContentType="image/jpeg", Metadata={"owner": "ada", "camera": "x"}))
    entry = uploads.index.get("photos/ada/b.jpg")
    assert entry is not None
    modified = uploads.s3.head_object(Bucket=uploads.bucket, Key="photos/ada/b.jpg")["LastModified"]
    assert entry == {
        "key": "photos/ada/b.jpg",
        "size": 4,
        "etag": "841a2d689ad86bd1611447453c22c6fc",
        "last_modified": modified.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "content_type": "image/jpeg",
        "storage_class": "STANDARD",
        "metadata": {"owner": "ada", "camera": "x"},
    }


@pytest.mark.parametrize("key", ["a", "/", "a/", "a//", "/a", "a/b.jpg", "a/b/", "ä/ö.jpg"])
def test_every_key_has_an_entry_of_its_own(key: str) -> None:
    entry = place(key)
    assert entry["folder"]["S"].startswith("/")
    assert entry["folder"]["S"].endswith("/")
    assert entry["name"]["S"]
    assert key_of(entry) == key


def test_an_object_that_s3_refuses_is_an_error_unless_it_is_to_be_left_out(uploads: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    event = uploads.put("a.jpg", "one")
    found = uploads.s3.head_object

    def refuse(**request: Any) -> Any:
        raise ClientError({"Error": {"Code": "403"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "HeadObject")

    uploads.s3.head_object = refuse
    assert uploads.handle(event) == [0]
    uploads.indexer = Indexer(
        uploads.dynamodb,
        uploads.s3,
        uploads.sqs,
        table=uploads.table,
        bucket=uploads.bucket,
        queue_url=uploads.queue,
        unreadable_left_out=True,
    )
    assert uploads.handle(event) == []
    assert uploads.indexed() == {}
    # The scan has tagged it: of such an event no sequencer is documented, and one would be of the object.
    uploads.s3.head_object = found
    assert uploads.handle({**event, "detail-type": "Object Tags Added"}) == []
    assert uploads.indexed() == uploads.stored()


def test_what_is_not_the_buckets_or_not_to_be_indexed_is_left_out(uploads: Place) -> None:
    event = uploads.put("other/a.jpg", "one")
    foreign = {**event, "detail": {**event["detail"], "bucket": {"name": "foreign"}}}
    assert uploads.handle(foreign, {"unknown": 1}) == [0, 1]
    environment = {"TABLE": uploads.table, "BUCKET": uploads.bucket, "QUEUE_URL": uploads.queue, "PREFIX": "photos/"}
    given = {f"CLOUDPATTERNS_INDEX_{name}": value for name, value in environment.items()}
    uploads.indexer = Indexer.from_environment(uploads.dynamodb, uploads.s3, uploads.sqs, given)
    uploads.put("photos/b.jpg", "two")
    assert uploads.handle(event) == []
    uploads.reindex()
    assert set(uploads.indexed()) == {"photos/b.jpg"}


def test_a_server_without_the_variables_of_the_component_says_so(uploads: Place) -> None:
    with pytest.raises(ValueError, match="CLOUDPATTERNS_INDEX_TABLE is missing") as error:
        StorageIndex.from_environment(uploads.dynamodb, {})
    assert str(error.value) == "CLOUDPATTERNS_INDEX_TABLE is missing. Pass environment() of the StorageIndex to the server."


def test_who_is_always_late_gives_up_and_is_delivered_again(uploads: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads.put("a.jpg", "one")
    monkeypatch.setattr(uploads.indexer, "_write", lambda entry, before: False)
    with pytest.raises(ConflictError, match="the entry of an object was written by others 5 times"):
        uploads.indexer.look("a.jpg")


def test_a_job_indexes_what_is_there_and_empties_what_is_gone_and_goes_on_where_it_failed(
    uploads: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_index, "_PAGE_KEYS", 10)
    for number in range(25):
        uploads.put(f"photos/{number:02}.jpg", f"{number}")
    uploads.handle(uploads.put("gone.jpg", "one"))
    uploads.s3.delete_object(Bucket=uploads.bucket, Key="gone.jpg")
    send, calls = uploads.sqs.send_message_batch, itertools.count()
    listed: list[Any] = []
    find = uploads.s3.list_objects_v2

    def flaky(**request: Any) -> Any:
        if next(calls) in (1, 3):
            return {"Failed": [{"Code": "InternalError"}]}
        return send(**request)

    def recorded(**request: Any) -> Any:
        listed.append(request.get("StartAfter"))
        return find(**request)

    monkeypatch.setattr(uploads.sqs, "send_message_batch", flaky)
    uploads.s3.list_objects_v2 = recorded
    uploads.reindex()
    # The failed pages were listed twice, and none from the beginning.
    assert listed == [None, "photos/09.jpg", "photos/09.jpg", "photos/19.jpg", "photos/19.jpg"]
    assert uploads.indexed() == uploads.stored()
    [job] = uploads.dynamodb.query(
        TableName=uploads.table, KeyConditionExpression="folder = :jobs", ExpressionAttributeValues={":jobs": {"S": "jobs"}}
    )["Items"]
    assert (job["step"], job["seen"]) == ({"S": "end"}, {"N": "51"})


def test_a_page_that_was_passed_does_nothing(uploads: Place) -> None:
    uploads.put("a.jpg", "one")
    page = {"job": "1", "prefix": "", "seen": 0, "step": "objects"}
    assert uploads.handle({"reindex": {**page, "page": 3}}, {"reindex": {**page, "page": 2}}) == []
    messages = uploads.sqs.receive_message(QueueUrl=uploads.queue, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(one["Body"]) for one in messages] == [
        {"look": ["a.jpg"]},
        {"reindex": {**page, "page": 4, "seen": 1, "step": "entries", "after": None}},
    ]


def test_queries_find_objects_by_folder_time_and_metadata(uploads: Place) -> None:
    for number, (key, owner) in enumerate((("a/1.jpg", "ada"), ("a/2.jpg", "bob"), ("a/b/3.jpg", "ada"), ("4.jpg", ""))):
        uploads.handle(uploads.put(key, "x" * (number + 1), Metadata={"owner": owner}))
    uploads.handle(uploads.delete("a/2.jpg"))

    def keys(question: dict[str, Any]) -> list[str]:
        return [entry["key"] for entry in uploads.index.answer(question)["entries"]]

    assert keys({"folder": "a/"}) == ["a/1.jpg"]
    assert keys({}) == ["4.jpg"]
    assert keys({"folder": "a/", "name_prefix": "2"}) == []
    assert keys({"folder": "a/", "newest_first": True}) == ["a/1.jpg"]
    assert sorted(keys({"metadata": {"owner": "ada"}})) == ["a/1.jpg", "a/b/3.jpg"]
    assert keys({"key": "4.jpg"}) == ["4.jpg"]
    assert keys({"key": "a/2.jpg"}) == []
    first = uploads.index.find("owner", "ada", limit=1)
    assert first.token is not None
    second = uploads.index.find("owner", "ada", limit=1, token=first.token)
    assert sorted(entry["key"] for page in (first, second) for entry in page.entries) == ["a/1.jpg", "a/b/3.jpg"]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"folder": "a"}, "folder is 'a'; it ends in a slash, or is empty for the bucket's root."),
        ({"folder": "a/", "name_prefix": "1", "newest_first": True}, "name_prefix and newest_first exclude each other: give one of them."),
        ({"limit": 0}, "limit is 0; 1 to 1000 are allowed."),
        ({"key": "a", "limit": 1}, "limit is no part of such a question; known are none."),
        ({"metadata": {"owner": "ada", "kind": "cat"}}, "metadata has 2 entries; one name with its value is allowed."),
        ({"owner": "ada"}, "owner is no part of such a question; known are folder, name_prefix, newest_first, limit, token."),
    ],
)
def test_other_questions_are_refused(uploads: Place, question: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"is |exclude|has ") as error:
        uploads.index.answer(question)
    assert str(error.value) == message
