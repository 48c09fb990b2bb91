"""The release step, on an S3 that keeps versions and honours conditions."""

import itertools
import json
import os
import threading
import uuid
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulators.handlers import load_handler
from tests.emulators.ministack import MiniStack
from tests.program import ROOT

FILE: Path = ROOT / "components/cloudpatterns/uploads/write_proxy/on_aws/release/index.py"
CLEAN = "NO_THREATS_FOUND"
KEY = "incoming/alice/orders.csv"


@pytest.fixture
def s3(emulator: MiniStack) -> Any:
    return emulator.client("s3")


@pytest.fixture
def index(s3: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name in ("BUCKET", "RELEASE_BUCKET"):
        bucket = f"{name.lower().replace('_', '-')}-{uuid.uuid4()}"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        monkeypatch.setenv(name, bucket)
    monkeypatch.setenv("PREFIX", "incoming/")
    return load_handler(FILE)


def upload(s3: Any, content: bytes, key: str = KEY, result: str | None = CLEAN) -> dict[str, Any]:
    """An upload and the result of its scan, as a tag and as an event."""
    bucket = os.environ["BUCKET"]
    version = s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="text/csv", Metadata={"sent-by": "alice"})["VersionId"]
    if result:
        tags = {"TagSet": [{"Key": "GuardDutyMalwareScanStatus", "Value": result}]}
        s3.put_object_tagging(Bucket=bucket, Key=key, VersionId=version, Tagging=tags)
    details = {"bucketName": bucket, "objectKey": key, "versionId": version, "eTag": "e", "s3Throttled": False}
    return {"detail": {"s3ObjectDetails": details, "scanResultDetails": {"scanResultStatus": result}}}


def released(s3: Any, key: str = "alice/orders.csv") -> bytes | None:
    try:
        return s3.get_object(Bucket=os.environ["RELEASE_BUCKET"], Key=key)["Body"].read()
    except ClientError:
        return None


def versions(s3: Any) -> int:
    return len(s3.list_object_versions(Bucket=os.environ["RELEASE_BUCKET"]).get("Versions", []))


def test_a_clean_file_is_released_with_its_type_and_metadata(index: ModuleType, s3: Any) -> None:
    event = upload(s3, b"1;2")
    assert index.handler(event, None, s3) == "released"
    found = s3.head_object(Bucket=os.environ["RELEASE_BUCKET"], Key="alice/orders.csv")
    assert (released(s3), found["ContentType"]) == (b"1;2", "text/csv")
    assert found["Metadata"] == {"sent-by": "alice", "source-version": event["detail"]["s3ObjectDetails"]["versionId"]}


def test_an_event_that_comes_again_changes_nothing(index: ModuleType, s3: Any) -> None:
    event = upload(s3, b"1")
    assert [index.handler(event, None, s3) for _ in range(3)] == ["released", "released before", "released before"]
    assert versions(s3) == 1


def test_a_file_that_a_reader_has_deleted_does_not_come_back(index: ModuleType, s3: Any) -> None:
    event = upload(s3, b"1")
    index.handler(event, None, s3)
    s3.delete_object(Bucket=os.environ["RELEASE_BUCKET"], Key="alice/orders.csv")
    assert index.handler(event, None, s3) == "released before"
    assert released(s3) is None
    assert index.handler(upload(s3, b"2"), None, s3) == "released"
    assert released(s3) == b"2"


@pytest.mark.parametrize("result", [None, "THREATS_FOUND", "UNSUPPORTED", "FAILED"])
def test_an_event_alone_releases_nothing(index: ModuleType, s3: Any, result: str | None) -> None:
    event = upload(s3, b"1", result=result)
    with pytest.raises(index.NotCleanError):
        index.handler(event, None, s3)
    assert released(s3) is None


def test_an_older_event_does_not_bring_an_older_file_back(index: ModuleType, s3: Any) -> None:
    first, second = upload(s3, b"1"), upload(s3, b"2")
    assert index.handler(first, None, s3) == "superseded"
    assert index.handler(second, None, s3) == "released"
    assert index.handler(first, None, s3) == "superseded"
    assert released(s3) == b"2"


def test_a_deleted_upload_is_not_released(index: ModuleType, s3: Any) -> None:
    event = upload(s3, b"1")
    s3.delete_object(Bucket=os.environ["BUCKET"], Key=KEY)
    assert index.handler(event, None, s3) == "deleted"
    assert released(s3) is None


def test_an_empty_file_and_a_folder(index: ModuleType, s3: Any) -> None:
    assert index.handler(upload(s3, b""), None, s3) == "released"
    assert released(s3) == b""
    assert index.handler(upload(s3, b"", "incoming/alice/new/"), None, s3) == "folder"


def test_a_large_file_is_copied_in_parts(index: ModuleType, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_PART_BYTES", 5 * 1024**2)
    content = bytes(range(256)) * 4096 * 12
    assert index.handler(upload(s3, content), None, s3) == "released"
    assert released(s3) == content


def test_parts_cover_every_byte_once(index: ModuleType) -> None:
    for size in (1, 1024**3, 1024**3 + 1, 50 * 1024**4):
        spans = list(index._spans(size))
        assert (spans[0][1], spans[-1][2]) == (0, size - 1)
        assert len(spans) <= 10_000
        assert all(one[2] + 1 == two[1] for one, two in itertools.pairwise(spans))
        assert all(last - first < 5 * 1024**3 or size > 40 * 1024**4 for _, first, last in spans)


def test_an_upload_of_another_bucket_or_place_is_refused(index: ModuleType, s3: Any) -> None:
    event = upload(s3, b"1", "elsewhere/a")
    with pytest.raises(ValueError, match=r"elsewhere/a of .* is no upload of this server"):
        index.handler(event, None, s3)


@pytest.mark.parametrize("version", [{}, {"versionId": "null"}], ids=["none", "null"])
def test_a_bucket_without_versions_releases_nothing_and_says_why(index: ModuleType, s3: Any, version: dict[str, str]) -> None:
    details = {"bucketName": os.environ["BUCKET"], "objectKey": KEY, **version}
    with pytest.raises(ValueError, match=r"^incoming/alice/orders\.csv has no version: bucket-\S+ keeps none\. Turn its versions on; "):
        index.handler({"detail": {"s3ObjectDetails": details}}, None, s3)


def test_of_two_at_once_the_newer_stays(index: ModuleType, s3: Any) -> None:
    """The older one has looked, and copies only after the newer one was released: S3 refuses it, and its next attempt is superseded."""
    first = upload(s3, b"1")
    looked, go = threading.Event(), threading.Event()

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(s3, name)

        def create_multipart_upload(self, **given: Any) -> Any:
            looked.set()
            assert go.wait(10)
            return s3.create_multipart_upload(**given)

    errors: list[str] = []

    def release() -> None:
        try:
            index.handler(first, None, Slow())
        except ClientError as error:
            errors.append(error.response["Error"]["Code"])

    thread = threading.Thread(target=release)
    thread.start()
    assert looked.wait(10)
    assert index.handler(upload(s3, b"2"), None, s3) == "released"
    go.set()
    thread.join(10)
    assert errors == ["PreconditionFailed"]
    assert index.handler(first, None, s3) == "superseded"
    assert released(s3) == b"2"
    assert s3.list_multipart_uploads(Bucket=os.environ["RELEASE_BUCKET"]).get("Uploads", []) == []


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_repeated_lost_and_disordered_events_leave_the_newest_clean_file(index: ModuleType, s3: Any, data: st.DataObject) -> None:
    key = f"incoming/bob/{uuid.uuid4()}"
    events = [upload(s3, str(number).encode(), key) for number in range(data.draw(st.integers(1, 4), "versions"))]
    order = data.draw(st.lists(st.sampled_from(range(len(events))), max_size=8), "events")
    for number in [*order, len(events) - 1]:
        index.handler(json.loads(json.dumps(events[number])), None, s3)
        assert released(s3, key.removeprefix("incoming/")) in (None, str(len(events) - 1).encode())
    assert released(s3, key.removeprefix("incoming/")) == str(len(events) - 1).encode()
