"""What distributions send and log."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import cloudfront_delivery as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

Props = dict[str, Any]

DISTRIBUTION, HEADERS = "aws:cloudfront/distribution:Distribution", "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
DELIVERY = "aws:cloudwatch/logDeliverySource:LogDeliverySource"


@pytest.mark.parametrize(
    ("props", "others", "expected"),
    [
        ({"loggingConfig": {"bucket": UNKNOWN}}, [], Pass()),
        ({}, [resource(DELIVERY, "logs", {"resourceArn": UNKNOWN}, deps={"resourceArn": ["web"]})], Pass()),
        ({}, [resource(DELIVERY, "logs", {"resourceArn": "arn:other"})], Fail("has no access logs", "loggingConfig.bucket")),
        ({"loggingConfig": {"includeCookies": True}}, [], Fail("has no access logs", "loggingConfig.bucket")),
        ({"loggingConfig": UNKNOWN}, [], Fail("has no access logs", "loggingConfig.bucket")),
        ({}, [], Fail("has no access logs", "loggingConfig.bucket")),
    ],
)
def test_access_logs(props: Props, others: list[Resource], expected: Verdict) -> None:
    web = resource(DISTRIBUTION, "web", {"arn": "arn:web", **props})
    assert verdicts(controls.cloudfront_access_logs, stack(web, *others)) == [("web", expected)]


POLICY = "responseHeadersPolicyId"


def bare(behavior: str) -> Fail:
    return Fail("has a behavior without a response headers policy", f"{behavior}.{POLICY}")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"defaultCacheBehavior": {POLICY: "p"}}, [Pass()]),
        ({"defaultCacheBehavior": {POLICY: UNKNOWN}, "orderedCacheBehaviors": [{POLICY: "p"}]}, [Pass()]),
        ({"defaultCacheBehavior": {}}, [bare("defaultCacheBehavior")]),
        ({"defaultCacheBehavior": {POLICY: "p"}, "orderedCacheBehaviors": [{POLICY: "p"}, {}]}, [bare("orderedCacheBehaviors.1")]),
        ({}, [bare("defaultCacheBehavior")]),
    ],
)
def test_response_headers(props: Props, expected: list[Verdict]) -> None:
    found = verdicts(controls.cloudfront_response_headers, resource(DISTRIBUTION, "web", props))
    assert found == [("web", verdict) for verdict in expected]


TRANSPORT = "securityHeadersConfig.strictTransportSecurity"


def transport(**values: Any) -> Props:
    return {"securityHeadersConfig": {"strictTransportSecurity": values}}


NONE = Fail("sends no Strict-Transport-Security", f"{TRANSPORT}.accessControlMaxAgeSec")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (transport(accessControlMaxAgeSec=31536000, override=True), Pass()),
        (transport(accessControlMaxAgeSec=63072000, override=True), Pass()),
        (
            transport(accessControlMaxAgeSec=86400, override=True),
            Fail("sends Strict-Transport-Security for 86400 seconds, not for a year", f"{TRANSPORT}.accessControlMaxAgeSec"),
        ),
        (transport(accessControlMaxAgeSec=31536000), Fail("lets the origin replace Strict-Transport-Security", f"{TRANSPORT}.override")),
        (transport(override=True), NONE),
        ({}, NONE),
        (transport(accessControlMaxAgeSec=UNKNOWN), Unknown(f"{TRANSPORT}.accessControlMaxAgeSec")),
        (transport(accessControlMaxAgeSec=31536000, override=UNKNOWN), Unknown(f"{TRANSPORT}.override")),
    ],
)
def test_strict_transport_security(props: Props, expected: Verdict) -> None:
    assert verdicts(controls.cloudfront_strict_transport_security, resource(HEADERS, props=props)) == [expected]


ALONE = Fail("has no origin to fail over to", "originGroups")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"originGroups": [{"members": [{"originId": "a"}, {"originId": "b"}]}]}, Pass()),
        ({"originGroups": [{"members": [{"originId": "a"}]}]}, Fail("has an origin group with one origin", "originGroups.0.members")),
        ({"originGroups": [{"members": UNKNOWN}]}, Unknown("originGroups.0.members")),
        ({"originGroups": []}, ALONE),
        ({}, ALONE),
        ({"originGroups": UNKNOWN}, Unknown("originGroups")),
    ],
)
def test_failover(props: Props, expected: Verdict) -> None:
    assert verdicts(controls.cloudfront_origin_failover, resource(DISTRIBUTION, props=props)) == [expected]


BUCKET, REPLICATION = "aws:s3/bucket:Bucket", "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
GROUP = [{"members": [{"originId": "a"}, {"originId": "b"}]}]
NO_REPLICA = NotApplicable("reads no bucket with a replica in another Region")


def site(region: Any = "eu-central-1", *, own: Any = None, replicated: str = "site", **props: Any) -> list[Resource]:
    """A distribution, the bucket that it reads and, where that is what is replicated, its replica."""
    replica = {} if region is None else {"region": region}
    return [
        resource(DISTRIBUTION, "web", {"origins": [{"originId": "a", "domainName": UNKNOWN}], **props}, deps={"origins": ["site"]}),
        resource(BUCKET, "site", {} if own is None else {"region": own}),
        resource(BUCKET, "copy", replica),
        resource(BUCKET, "other", {"arn": "arn:aws:s3:::other"}),
        resource(
            REPLICATION,
            "replication",
            {"bucket": UNKNOWN, "rules": [{"destination": {"bucket": UNKNOWN}}]},
            deps={"bucket": [replicated], "rules": ["copy"]},
        ),
    ]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (site(originGroups=GROUP), Pass()),
        (site(), Fail("reads site, and does not fail over to its replica copy in another Region", "originGroups")),
        (site(originGroups=[]), Fail("reads site, and does not fail over to its replica copy in another Region", "originGroups")),
        (site(own="eu-west-1"), Fail("reads site, and does not fail over to its replica copy in another Region", "originGroups")),
        (site(originGroups=UNKNOWN), Unknown("originGroups")),
        # In the same Region, in one that nobody knows, of another bucket, or of none.
        (site(own="eu-central-1"), NO_REPLICA),
        (site(None), NO_REPLICA),
        (site(UNKNOWN), NO_REPLICA),
        (site(replicated="other"), NO_REPLICA),
        (site()[:2], NO_REPLICA),
    ],
)
def test_failover_to_a_replica(resources: list[Resource], expected: Verdict) -> None:
    assert verdicts(controls.cloudfront_replica_failover, stack(*resources)) == [("web", expected)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("index.html", Pass()),
        ("", Fail("has no default root object", "defaultRootObject")),
        (None, Fail("has no default root object", "defaultRootObject")),
        (UNKNOWN, Unknown("defaultRootObject")),
    ],
)
def test_default_root_object(value: Any, expected: Verdict) -> None:
    assert verdicts(controls.cloudfront_default_root_object, resource(DISTRIBUTION, props={"defaultRootObject": value})) == [expected]


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        ({"sslSupportMethod": "sni-only"}, Pass()),
        ({"sslSupportMethod": "static-ip"}, Pass()),
        ({}, Pass()),
        ({"sslSupportMethod": "vip"}, Fail("has dedicated addresses", "viewerCertificate.sslSupportMethod")),
        ({"sslSupportMethod": UNKNOWN}, Unknown("viewerCertificate.sslSupportMethod")),
        ({"cloudfrontDefaultCertificate": True, "sslSupportMethod": "vip"}, NotApplicable("uses CloudFront's default certificate")),
    ],
)
def test_sni(certificate: Props, expected: Verdict) -> None:
    assert verdicts(controls.cloudfront_sni, resource(DISTRIBUTION, props={"viewerCertificate": certificate})) == [expected]
