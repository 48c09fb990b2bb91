"""S3 buckets, in old and new ways of setting them up."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import object_storage as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

BUCKET, OLD_BUCKET = "aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"
BLOCK, ACCOUNT_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LOGGING, OLD_LOGGING = "aws:s3/bucketLogging:BucketLogging", "aws:s3/bucketLoggingV2:BucketLoggingV2"
VERSIONING = ["aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2"]
ENCRYPTION = [
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
]
BALANCER, CLASSIC = "aws:lb/loadBalancer:LoadBalancer", "aws:elb/loadBalancer:LoadBalancer"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
COMPLETE, BLOCKED, TLS = controls.s3_public_access_block_complete, controls.s3_bucket_public_access_blocked, controls.s3_tls_only
KMS, VERSIONED, LOGGED = controls.s3_kms, controls.s3_versioning, controls.s3_access_logging

ON = {"blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True, "restrictPublicBuckets": True}
TAGGED = {"tags": {"cloudpatterns:bucket-kind": "log-target"}}


def bucket(props: dict[str, Any] | None = None, kind: str = BUCKET, name: str = "data") -> Resource:
    return resource(kind, name, props)


def setting(kind: str, props: dict[str, Any] | None = None, name: str = "setting", of: str = "data") -> Resource:
    return resource(kind, name, {"bucket": UNKNOWN, **(props or {})}, deps={"bucket": [of]})


def logging(of: str, target: str, kind: str = LOGGING, name: str = "logging") -> Resource:
    return resource(kind, name, {"bucket": UNKNOWN, "targetBucket": UNKNOWN}, deps={"bucket": [of], "targetBucket": [target]})


def of_data(control: Any, *resources: Resource) -> Verdict:
    return dict(verdicts(control, stack(*resources)))["data"]


@pytest.mark.parametrize("kind", [BLOCK, ACCOUNT_BLOCK])
def test_complete_block(kind: str) -> None:
    assert verdicts(COMPLETE, resource(kind, props=ON)) == [Pass()]
    for path in ON:
        assert verdicts(COMPLETE, resource(kind, props={**ON, path: False})) == [Fail(f"leaves {path} off", path)]
        assert verdicts(COMPLETE, resource(kind, props={**ON, path: UNKNOWN})) == [Unknown(path)]
    assert verdicts(COMPLETE, resource(kind)) == [Fail(f"leaves {path} off", path) for path in ON]


@pytest.mark.parametrize("kind", [BUCKET, OLD_BUCKET])
def test_block_of_each_bucket(kind: str) -> None:
    missing = Fail("declares no public access block")
    assert of_data(BLOCKED, bucket(kind=kind), setting(BLOCK, ON)) == Pass()
    assert of_data(BLOCKED, bucket(kind=kind)) == missing
    assert of_data(BLOCKED, bucket(kind=kind), bucket(name="other"), setting(BLOCK, ON, of="other")) == missing


def test_settings_by_the_literal_name_of_the_bucket() -> None:
    named = bucket({"bucket": "shop-data"})
    assert of_data(BLOCKED, named, resource(BLOCK, "block", {"bucket": "shop-data"})) == Pass()
    assert of_data(BLOCKED, named, resource(BLOCK, "block", {"bucket": "shop"})) == Fail("declares no public access block")


def deny(**changed: Any) -> dict[str, Any]:
    whole = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::shop", "arn:aws:s3:::shop/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        **changed,
    }
    return {key: value for key, value in whole.items() if value is not None}


NO_TLS = "does not deny requests without TLS"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (deny(), None),
        (deny(Principal={"AWS": "*"}, Action=["*"], Resource="*"), None),
        (deny(Resource=["arn:aws-cn:s3:::shop", "arn:aws-cn:s3:::shop/*"]), None),
        (deny(Resource="arn:aws:s3:::shop*"), None),
        (deny(Condition={"BoolIfExists": {"aws:SecureTransport": False}}), None),
        (deny(Effect="Allow"), NO_TLS),
        (deny(Principal={"AWS": "arn:aws:iam::123456789012:root"}), NO_TLS),
        (deny(Principal={"Service": "*"}), NO_TLS),
        (deny(Action="s3:GetObject"), NO_TLS),
        (deny(Action=None, NotAction="s3:GetObject"), NO_TLS),
        (deny(Resource="arn:aws:s3:::shop"), f"{NO_TLS} on its objects"),
        (deny(Resource="arn:aws:s3:::shop/*"), f"{NO_TLS} on the bucket itself"),
        (deny(Resource=["arn:aws:s3:::other", "arn:aws:s3:::other/*"]), NO_TLS),
        (deny(Resource=["arn:aws:s3:::shop", "arn:aws:s3:::shop/public/*"]), f"{NO_TLS} on its objects"),
        (deny(Condition=None), NO_TLS),
        (deny(Condition={"Bool": {"aws:SecureTransport": "true"}}), NO_TLS),
        (deny(Condition={"StringEquals": {"aws:SecureTransport": "false"}}), NO_TLS),
        (deny(Condition={"Bool": {"aws:SecureTransport": "false", "aws:ViaAWSService": "false"}}), NO_TLS),
    ],
)
@pytest.mark.parametrize("inline", [True, False])
def test_tls_only(statement: dict[str, Any], expected: str | None, inline: bool) -> None:
    document = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}, statement]})
    if inline:
        found, where = of_data(TLS, bucket({"bucket": "shop", "policy": document})), "policy of data"
    else:
        found, where = of_data(TLS, bucket({"bucket": "shop"}), setting(POLICY, {"policy": document})), "policy of setting"
    assert found == (Pass() if expected is None else Fail(expected, where))


def test_tls_in_two_statements_and_without_a_known_name() -> None:
    halves = [deny(Resource="arn:aws:s3:::shop"), deny(Resource="arn:aws:s3:::shop/*")]
    assert of_data(TLS, bucket(), setting(POLICY, {"policy": {"Statement": halves}})) == Pass()
    assert of_data(TLS, bucket(), setting(POLICY, {"policy": {"Statement": halves[:1]}})) == Fail(
        f"{NO_TLS} on its objects", "policy of setting"
    )
    assert of_data(TLS, bucket({"id": "shop"}), setting(POLICY, {"policy": {"Statement": halves}})) == Pass()
    assert of_data(TLS, bucket({"id": "other"}), setting(POLICY, {"policy": {"Statement": halves}})) == Fail(NO_TLS, "policy of setting")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (UNKNOWN, Unknown("policy of setting")),
        ({"Statement": [deny(Resource=UNKNOWN)]}, Unknown("policy.Statement.0.Resource of setting")),
        ("no json", Fail("has a policy that is not a valid policy document", "policy of setting")),
        (None, Fail(NO_TLS, "policy of setting")),
    ],
)
def test_policies_that_cannot_be_read(policy: Any, expected: Verdict) -> None:
    assert of_data(TLS, bucket(), setting(POLICY, {"policy": policy})) == expected


def test_an_unknown_policy_may_be_the_right_one() -> None:
    plain, unclear = setting(POLICY, {"policy": {"Statement": []}}), setting(POLICY, {"policy": UNKNOWN}, "unclear")
    assert of_data(TLS, bucket(), plain, unclear) == Unknown("policy of unclear")


def test_a_bucket_without_a_policy() -> None:
    expected = Fail("has no policy that denies requests without TLS")
    assert of_data(TLS, bucket()) == expected
    # What the provider computes is unknown and comes from no resource.
    assert of_data(TLS, bucket({"policy": UNKNOWN})) == expected
    owner = resource(BUCKET, "data", {"policy": UNKNOWN}, deps={"policy": ["other"]})
    assert of_data(TLS, owner, bucket(name="other")) == Unknown("policy of data")


ALGORITHM = "applyServerSideEncryptionByDefault"


@pytest.mark.parametrize("kind", ENCRYPTION)
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{ALGORITHM: {"sseAlgorithm": "aws:kms"}}], Pass()),
        ([{ALGORITHM: {"sseAlgorithm": "aws:kms:dsse", "kmsMasterKeyId": UNKNOWN}}], Pass()),
        ([{ALGORITHM: {"sseAlgorithm": "AES256"}}], Fail("encrypts with AES256", f"rules.0.{ALGORITHM}.sseAlgorithm of setting")),
        ([{}], Fail("encrypts with no algorithm", f"rules.0.{ALGORITHM}.sseAlgorithm of setting")),
        ([{ALGORITHM: {"sseAlgorithm": UNKNOWN}}], Unknown(f"rules.0.{ALGORITHM}.sseAlgorithm of setting")),
        (UNKNOWN, Unknown("rules of setting")),
        (None, Fail("has no default encryption with a KMS key")),
    ],
)
def test_kms(kind: str, rules: Any, expected: Verdict) -> None:
    assert of_data(KMS, bucket(), setting(kind, {"rules": rules})) == expected


def inline_encryption(kind: str, algorithm: Any) -> dict[str, Any]:
    if kind == BUCKET:
        return {"serverSideEncryptionConfiguration": {"rule": {ALGORITHM: {"sseAlgorithm": algorithm}}}}
    return {"serverSideEncryptionConfigurations": [{"rules": [{f"{ALGORITHM}s": [{"sseAlgorithm": algorithm}]}]}]}


@pytest.mark.parametrize("kind", [BUCKET, OLD_BUCKET])
def test_kms_in_the_bucket_itself(kind: str) -> None:
    assert of_data(KMS, bucket(inline_encryption(kind, "aws:kms"), kind)) == Pass()
    found = of_data(KMS, bucket(inline_encryption(kind, "AES256"), kind))
    assert isinstance(found, Fail)
    assert found.message == "encrypts with AES256"
    assert of_data(KMS, bucket(kind=kind)) == Fail("has no default encryption with a KMS key")


@pytest.mark.parametrize("kind", VERSIONING)
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Enabled", Pass()),
        ("Suspended", Fail("has its versioning Suspended", "versioningConfiguration.status of setting")),
        (None, Fail("has its versioning unset", "versioningConfiguration.status of setting")),
        (UNKNOWN, Unknown("versioningConfiguration.status of setting")),
    ],
)
def test_versioning(kind: str, status: Any, expected: Verdict) -> None:
    assert of_data(VERSIONED, bucket(), setting(kind, {"versioningConfiguration": {"status": status}})) == expected


@pytest.mark.parametrize(
    ("kind", "props", "expected"),
    [
        (BUCKET, {"versioning": {"enabled": True}}, Pass()),
        (OLD_BUCKET, {"versionings": [{"enabled": True}]}, Pass()),
        (BUCKET, {"versioning": {"enabled": False}}, Fail("has its versioning off", "versioning of data")),
        (BUCKET, {"versioning": {"enabled": UNKNOWN}}, Unknown("versioning of data")),
        (BUCKET, {"versioning": UNKNOWN}, Fail("has no versioning")),
        (BUCKET, {}, Fail("has no versioning")),
    ],
)
def test_versioning_in_the_bucket_itself(kind: str, props: dict[str, Any], expected: Verdict) -> None:
    assert of_data(VERSIONED, bucket(props, kind)) == expected


NOT_LOGGED, NOT_KMS = Fail("has no server access logs"), Fail("has no default encryption with a KMS key")


@pytest.mark.parametrize("kind", [LOGGING, OLD_LOGGING])
def test_logging_and_its_target(kind: str) -> None:
    both = stack(bucket(), bucket(name="logs"), logging("data", "logs", kind))
    excused = NotApplicable("receives the server access logs of logging")
    assert verdicts(LOGGED, both) == [("data", Pass()), ("logs", excused)]
    assert verdicts(KMS, both) == [("data", NOT_KMS), ("logs", excused)]


@pytest.mark.parametrize(
    ("kind", "props"),
    [(BUCKET, {"logging": {"targetBucket": "logs-1"}}), (OLD_BUCKET, {"loggings": [{"targetBucket": "logs-1"}]})],
)
def test_logging_in_the_bucket_itself(kind: str, props: dict[str, Any]) -> None:
    found = dict(verdicts(LOGGED, stack(bucket(props, kind), bucket({"id": "logs-1"}, name="logs"))))
    assert found == {"data": Pass(), "logs": NotApplicable("receives the server access logs of data")}


def test_a_known_name_beside_names_that_are_not_known_yet() -> None:
    # The provider names a bucket by itself before it is made.
    parts = bucket({"bucket": "data-1234567"}), bucket(name="other"), bucket(name="logs"), logging("other", "logs")
    assert of_data(LOGGED, *parts) == Fail("has no server access logs")


@pytest.mark.parametrize(
    ("kind", "from_elsewhere", "expected"),
    [
        ({}, False, NotApplicable("receives the logs of load balancer web")),
        ({"loadBalancerType": UNKNOWN}, False, NotApplicable("receives the logs of load balancer web")),
        ({"loadBalancerType": UNKNOWN}, True, Unknown("loadBalancerType of web")),
    ],
)
def test_a_balancer_whose_kind_is_left_out_or_not_known_yet(kind: dict[str, Any], from_elsewhere: bool, expected: Verdict) -> None:
    deps = {"accessLogs": ["data"], **({"loadBalancerType": ["later"]} if from_elsewhere else {})}
    web = resource(BALANCER, "web", {"accessLogs": {"bucket": UNKNOWN}, **kind}, deps=deps)
    assert of_data(LOGGED, bucket(), resource("x:y:Z", "later"), web) == expected


def test_a_bucket_that_logs_into_itself_is_no_log_target() -> None:
    itself = logging("data", "data")
    expected = Fail("writes its access logs to itself, so that each log entry causes another", "targetBucket of logging")
    assert of_data(LOGGED, bucket(), itself) == expected
    assert of_data(KMS, bucket(), itself) == NOT_KMS


def writer(kind: str, path: str, **props: Any) -> Resource:
    return resource(kind, "front", {path: {"bucket": UNKNOWN}, **props}, deps={path: ["data"]})


@pytest.mark.parametrize(
    ("source", "reason", "kms_excused"),
    [
        (writer(BALANCER, "accessLogs"), "receives the logs of load balancer front", True),
        (writer(BALANCER, "connectionLogs"), "receives the logs of load balancer front", True),
        (writer(CLASSIC, "accessLogs"), "receives the logs of load balancer front", True),
        (writer(BALANCER, "accessLogs", loadBalancerType="network"), "receives the logs of load balancer front", False),
        (writer(DISTRIBUTION, "loggingConfig"), "receives the logs of distribution front", False),
    ],
)
def test_buckets_of_other_writers(source: Resource, reason: str, kms_excused: bool) -> None:
    data = bucket()
    assert of_data(LOGGED, data, source) == NotApplicable(reason)
    assert of_data(KMS, data, source) == (NotApplicable(reason) if kms_excused else NOT_KMS)


def test_the_stricter_of_two_writers_counts() -> None:
    distribution = resource(DISTRIBUTION, "cdn", {"loggingConfig": {"bucket": UNKNOWN}}, deps={"loggingConfig": ["data"]})
    network = writer(BALANCER, "accessLogs", loadBalancerType="network")
    assert of_data(KMS, bucket(), distribution, network) == NOT_KMS
    classic = resource(CLASSIC, "old", {"accessLogs": {"bucket": UNKNOWN}}, deps={"accessLogs": ["data"]})
    assert of_data(KMS, bucket(), distribution, classic) == NotApplicable("receives the logs of load balancer old")


def admits(*principals: Any) -> str:
    rows = [{"Effect": "Allow", "Principal": principal, "Action": "s3:PutObject", "Resource": "*"} for principal in principals]
    return json.dumps({"Statement": [*rows, deny()]})


LOG_SERVICE = {"Service": ["logging.s3.amazonaws.com", "logdelivery.elasticloadbalancing.amazonaws.com"]}
PLAUSIBLE = NotApplicable("is tagged as a log target, and its policy allows only services that deliver logs")


@pytest.mark.parametrize(
    ("props", "policy", "expected"),
    [
        (TAGGED, admits(LOG_SERVICE), PLAUSIBLE),
        (TAGGED, admits(LOG_SERVICE, {"Service": "delivery.logs.amazonaws.com"}), PLAUSIBLE),
        (TAGGED, UNKNOWN, Unknown("policy of setting")),
        (TAGGED, admits(), None),
        (TAGGED, admits(LOG_SERVICE, {"AWS": "arn:aws:iam::123456789012:role/app"}), None),
        (TAGGED, admits({"Service": "lambda.amazonaws.com"}), None),
        (TAGGED, admits("*"), None),
        (TAGGED, "no json", None),
        ({"tags": {"cloudpatterns:bucket-kind": "data"}}, admits(LOG_SERVICE), None),
        ({"tags": {"cloudpatterns:bucket-kind": UNKNOWN}}, admits(LOG_SERVICE), None),
        ({"tags": UNKNOWN}, admits(LOG_SERVICE), None),
        ({}, admits(LOG_SERVICE), None),
    ],
)
def test_the_tag_alone_excuses_nothing(props: dict[str, Any], policy: Any, expected: Verdict | None) -> None:
    resources = (bucket(props), setting(POLICY, {"policy": policy}))
    assert of_data(LOGGED, *resources) == (expected or NOT_LOGGED)
    assert of_data(KMS, *resources) == (expected or NOT_KMS)


def test_the_tag_without_a_policy_excuses_nothing() -> None:
    assert of_data(LOGGED, bucket(TAGGED)) == NOT_LOGGED
    assert of_data(KMS, bucket(TAGGED)) == NOT_KMS


def test_what_is_known_goes_before_a_tag_that_cannot_be_checked() -> None:
    policy = setting(POLICY, {"policy": UNKNOWN}, "policy")
    encryption = setting(ENCRYPTION[0], {"rules": [{ALGORITHM: {"sseAlgorithm": "aws:kms"}}]})
    assert of_data(KMS, bucket(TAGGED), policy, encryption) == Pass()
    assert of_data(LOGGED, bucket(TAGGED), bucket(name="logs"), policy, logging("data", "logs")) == Pass()
