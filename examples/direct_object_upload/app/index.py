"""Tells a topic of each clean receipt that is what its sender declared: S3 compares the declared type alone, not the bytes."""

import json
import logging
import os
from collections.abc import Mapping
from typing import Any

import boto3

_LOG = logging.getLogger()
_FIRST_BYTES = {"application/pdf": b"%PDF-", "image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}


def handler(event: Mapping[str, Any], _context: object, s3: Any = None, sns: Any = None) -> None:
    """The entry point: the event of a scan, which may come more than once, so whoever subscribes tells receipts apart by ``key``."""
    s3, sns = s3 or boto3.client("s3"), sns or boto3.client("sns")
    scanned = event["detail"]["s3ObjectDetails"]
    # This version has been scanned: another may have come since.
    of_version = {"Bucket": scanned["bucketName"], "Key": scanned["objectKey"], "VersionId": scanned["versionId"]}
    first = s3.get_object(**of_version)
    declared = first["ContentType"]
    if not first["Body"].read(16).startswith(_FIRST_BYTES[declared]):
        _LOG.warning(json.dumps({"ignored": scanned["objectKey"], "declared": declared}))
        return
    # Below the form's prefix the folder is the customer's.
    _, customer, _ = scanned["objectKey"].split("/")
    receipt = {"key": scanned["objectKey"], "version_id": scanned["versionId"], "customer": customer, "content_type": declared}
    sns.publish(TopicArn=os.environ["TOPIC_ARN"], Message=json.dumps(receipt))
