"""Firehose delivery streams."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.delivery_streams import firehose_encrypted
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
UNENCRYPTED = Fail("stores records unencrypted", "serverSideEncryption.enabled")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"serverSideEncryption": {"enabled": True}}, Pass()),
        ({"serverSideEncryption": {"enabled": False}}, UNENCRYPTED),
        ({}, UNENCRYPTED),
        ({"serverSideEncryption": UNKNOWN}, Unknown("serverSideEncryption.enabled")),
        ({"kinesisSourceConfiguration": {"kinesisStreamArn": UNKNOWN}}, NotApplicable("reads a Kinesis stream, whose encryption applies")),
        ({"mskSourceConfiguration": {"topicName": "orders"}}, NotApplicable("reads a Kafka topic, whose encryption applies")),
    ],
)
def test_delivery_stream(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(firehose_encrypted, resource(STREAM, props=props)) == [expected]
