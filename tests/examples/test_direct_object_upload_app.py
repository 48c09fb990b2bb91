import json
import os
from types import ModuleType
from typing import Any

import boto3
import pytest

from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.program import ROOT

FILE = ROOT / "examples/direct_object_upload/app/index.py"
KEY = "receipts/0123456789abcdef/00000000-0000-4000-8000-000000000001"


@pytest.fixture
def index(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    topic = client("sns").create_topic(Name="receipts")["TopicArn"]
    queue = client("sqs").create_queue(QueueName="accounting")["QueueUrl"]
    arn = "arn:aws:sqs:eu-west-1:123456789012:accounting"
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    client("s3").create_bucket(Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client("s3").put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})
    monkeypatch.setenv("TOPIC_ARN", topic)
    monkeypatch.setenv("QUEUE_URL", queue)
    return load_handler(FILE)


def scanned(content: bytes, content_type: str) -> dict[str, Any]:
    """The event of GuardDuty for a version, after which another was uploaded."""
    version = client("s3").put_object(Bucket="uploads", Key=KEY, Body=content, ContentType=content_type)["VersionId"]
    client("s3").put_object(Bucket="uploads", Key=KEY, Body=b"not scanned yet", ContentType="text/html")
    details = {"bucketName": "uploads", "objectKey": KEY, "eTag": "e", "versionId": version, "s3Throttled": False}
    return {"detail": {"s3ObjectDetails": details, "scanResultDetails": {"scanResultStatus": "NO_THREATS_FOUND", "threats": None}}}


def heard() -> list[dict[str, Any]]:
    found = boto3.client("sqs", region_name="eu-west-1").receive_message(QueueUrl=os.environ["QUEUE_URL"]).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def test_accounting_hears_of_the_version_that_was_scanned(index: ModuleType) -> None:
    event = scanned(b"%PDF-1.7 ...", "application/pdf")
    index.handler(event, None)
    version = event["detail"]["s3ObjectDetails"]["versionId"]
    assert heard() == [{"key": KEY, "version_id": version, "customer": "0123456789abcdef", "content_type": "application/pdf"}]


@pytest.mark.parametrize(("content", "declared"), [(b"<html>", "application/pdf"), (b"%PDF-1.7", "image/png"), (b"", "image/jpeg")])
def test_a_file_that_is_not_what_it_says_is_ignored(index: ModuleType, content: bytes, declared: str) -> None:
    index.handler(scanned(content, declared), None)
    assert heard() == []
