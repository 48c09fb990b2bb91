"""Firehose: encryption of delivery streams."""

from typing import Final

from cloudpatterns_policies.controls._settings import switched_on
from cloudpatterns_policies.core import NotApplicable, Resource, Severity, Verdict, control
from cloudpatterns_policies.graph.reading import has_value

_SOURCES: Final = {"kinesisSourceConfiguration": "a Kinesis stream", "mskSourceConfiguration": "a Kafka topic"}


@control(
    id="firehose-encrypted",
    title="Delivery streams are encrypted at rest",
    severity=Severity.MEDIUM,
    types=("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",),
    why="Records wait in the stream until they are delivered, for up to 24 hours when the destination fails.",
    remediation="Set server_side_encryption with enabled=True.",
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/datafirehose-controls.html#datafirehose-1",
    frameworks={"FSBP": ("DataFirehose.1",), "Checkov": ("CKV_AWS_240",)},
)
def firehose_encrypted(resource: Resource) -> Verdict:
    source = next((what for path, what in _SOURCES.items() if has_value(resource, path)), "")
    if source:
        return NotApplicable(f"reads {source}, whose encryption applies")
    return switched_on(resource, "serverSideEncryption.enabled", "stores records unencrypted")
