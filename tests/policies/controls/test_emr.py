"""EMR clusters, security configurations and the block of public access."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import emr as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

CONFIGURATION = "aws:emr/securityConfiguration:SecurityConfiguration"
BLOCK, CLUSTER = "aws:emr/blockPublicAccessConfiguration:BlockPublicAccessConfiguration", "aws:emr/cluster:Cluster"
AT_REST, S3, DISKS, TRANSIT = (
    controls.emr_encrypted_at_rest,
    controls.emr_s3_customer_key,
    controls.emr_local_disks_encrypted,
    controls.emr_encrypted_in_transit,
)
NO_S3 = Fail("does not encrypt data in S3 with a KMS key", "configuration")
NO_DISKS = Fail("does not encrypt local disks", "configuration")
NO_VOLUMES = Fail("does not encrypt EBS volumes", "configuration")
OFF = [
    (AT_REST, Fail("does not encrypt data at rest", "configuration")),
    (S3, NO_S3),
    (DISKS, NO_DISKS),
    (TRANSIT, Fail("does not encrypt data in transit", "configuration")),
]
LOCAL = {"EncryptionKeyProviderType": "AwsKms", "AwsKmsKey": "key", "EnableEbsEncryption": True}


def encryption(**settings: Any) -> dict[str, Any]:
    return {"EncryptionConfiguration": settings}


def at_rest(**settings: Any) -> dict[str, Any]:
    return encryption(EnableAtRestEncryption=True, AtRestEncryptionConfiguration=settings)


@pytest.mark.parametrize(
    ("control", "document", "expected"),
    [
        (AT_REST, encryption(EnableAtRestEncryption=True), Pass()),
        (AT_REST, encryption(EnableAtRestEncryption=False), OFF[0][1]),
        (TRANSIT, encryption(EnableInTransitEncryption=True), Pass()),
        (TRANSIT, encryption(EnableInTransitEncryption=False), OFF[3][1]),
        *[(S3, at_rest(S3EncryptionConfiguration={"EncryptionMode": mode}), Pass()) for mode in ("SSE-KMS", "CSE-KMS", "CSE-Custom")],
        (S3, at_rest(S3EncryptionConfiguration={"EncryptionMode": "SSE-S3"}), NO_S3),
        (DISKS, at_rest(LocalDiskEncryptionConfiguration=LOCAL), Pass()),
        (DISKS, at_rest(LocalDiskEncryptionConfiguration={**LOCAL, "EnableEbsEncryption": False}), NO_VOLUMES),
        (DISKS, at_rest(LocalDiskEncryptionConfiguration={"AwsKmsKey": "key"}), NO_VOLUMES),
        (DISKS, at_rest(LocalDiskEncryptionConfiguration={}), NO_DISKS),
        (DISKS, at_rest(), NO_DISKS),
        (DISKS, encryption(AtRestEncryptionConfiguration={"LocalDiskEncryptionConfiguration": LOCAL}), NO_DISKS),
        *[(control, document, missing) for control, missing in OFF for document in ({}, encryption())],
    ],
)
@pytest.mark.parametrize("encode", [json.dumps, lambda document: document], ids=["text", "object"])
def test_security_configuration(encode: Any, control: Control, document: Any, expected: Verdict) -> None:
    assert verdicts(control, resource(CONFIGURATION, props={"configuration": encode(document)})) == [expected]


@pytest.mark.parametrize(("control", "missing"), OFF)
def test_no_document(control: Control, missing: Verdict) -> None:
    def judged(document: Any) -> list[Verdict]:
        return verdicts(control, resource(CONFIGURATION, props={"configuration": document}))

    assert judged(None) == judged("[]") == [missing]
    assert judged("{") == [Fail("is not a valid security configuration", "configuration")]
    assert judged(UNKNOWN) == judged({"EncryptionConfiguration": UNKNOWN}) == [Unknown("configuration")]


@pytest.mark.parametrize(
    ("control", "document"),
    [
        (AT_REST, encryption(EnableAtRestEncryption=UNKNOWN)),
        (TRANSIT, encryption(EnableInTransitEncryption=UNKNOWN)),
        (S3, at_rest(S3EncryptionConfiguration={"EncryptionMode": UNKNOWN})),
        (S3, at_rest(S3EncryptionConfiguration=UNKNOWN)),
        (DISKS, at_rest(LocalDiskEncryptionConfiguration=UNKNOWN)),
        (DISKS, at_rest(LocalDiskEncryptionConfiguration={"EnableEbsEncryption": UNKNOWN})),
    ],
)
def test_unknown_parts(control: Control, document: Any) -> None:
    assert verdicts(control, resource(CONFIGURATION, props={"configuration": document})) == [Unknown("configuration")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("encrypted", Pass()),
        (UNKNOWN, Pass()),
        (None, Fail("has no security configuration", "securityConfiguration")),
    ],
)
def test_cluster(name: Any, expected: Verdict) -> None:
    assert verdicts(controls.emr_security_configuration, resource(CLUSTER, props={"securityConfiguration": name})) == [expected]


RANGES = "permittedPublicSecurityGroupRuleRanges"


@pytest.mark.parametrize(
    ("blocked", "ranges", "expected"),
    [
        (True, None, Pass()),
        (True, [{"minRange": 22, "maxRange": 22}], Pass()),
        (True, [{"minRange": 22}], Pass()),
        (
            True,
            [{"minRange": 22, "maxRange": 22}, {"minRange": 22, "maxRange": 8088}],
            Fail("allows public security groups for ports 22 to 8088", f"{RANGES}.1"),
        ),
        (
            True,
            [{"minRange": 80, "maxRange": 80}],
            Fail("allows public security groups for ports 80 to 80", f"{RANGES}.0"),
        ),
        (True, [{"minRange": UNKNOWN, "maxRange": 22}], Unknown(f"{RANGES}.0.minRange")),
        (True, UNKNOWN, Unknown(RANGES)),
        (False, None, Fail("allows clusters with public security groups", "blockPublicSecurityGroupRules")),
        (None, None, Fail("allows clusters with public security groups", "blockPublicSecurityGroupRules")),
        (UNKNOWN, None, Unknown("blockPublicSecurityGroupRules")),
    ],
)
def test_block_of_public_access(blocked: Any, ranges: Any, expected: Verdict) -> None:
    props = {"blockPublicSecurityGroupRules": blocked, RANGES: ranges}
    assert verdicts(controls.emr_block_public_access, resource(BLOCK, props=props)) == [expected]
