"""CloudFront distributions."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import cloudfront as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
WEB_ACL = "aws:wafv2/webAcl:WebAcl"
ACCESS_CONTROL = "aws:cloudfront/originAccessControl:OriginAccessControl"
VIEWER = "defaultCacheBehavior.viewerProtocolPolicy"
MINIMUM = "viewerCertificate.minimumProtocolVersion"
DEFAULT = "viewerCertificate.cloudfrontDefaultCertificate"
BUCKET = "logs.s3.eu-west-1.amazonaws.com"
NO_ACL = Fail("has no web ACL", "webAclId")
PLAIN = "serves plain HTTP: its viewer policy is allow-all"
CUSTOM = "origins.0.customOriginConfig"

Props = dict[str, Any]


def behavior(policy: Any) -> Props:
    return {"viewerProtocolPolicy": policy}


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"defaultCacheBehavior": behavior("redirect-to-https")}, [Pass()]),
        ({"defaultCacheBehavior": behavior("https-only"), "orderedCacheBehaviors": [behavior("https-only")]}, [Pass()]),
        ({"defaultCacheBehavior": behavior("allow-all")}, [Fail(PLAIN, VIEWER)]),
        ({"defaultCacheBehavior": {}}, [Fail(PLAIN, VIEWER)]),
        ({}, [Fail(PLAIN, VIEWER)]),
        (
            {"defaultCacheBehavior": behavior("https-only"), "orderedCacheBehaviors": [behavior("https-only"), behavior("allow-all")]},
            [Fail(PLAIN, "orderedCacheBehaviors.1.viewerProtocolPolicy")],
        ),
        (
            {"defaultCacheBehavior": UNKNOWN, "orderedCacheBehaviors": [behavior("allow-all")]},
            [Unknown(VIEWER), Fail(PLAIN, "orderedCacheBehaviors.0.viewerProtocolPolicy")],
        ),
        (
            {"defaultCacheBehavior": behavior("allow-all"), "orderedCacheBehaviors": UNKNOWN},
            [Fail(PLAIN, VIEWER), Unknown("orderedCacheBehaviors")],
        ),
    ],
)
def test_https(props: Props, expected: list[Verdict]) -> None:
    assert verdicts(controls.cloudfront_https, resource(DISTRIBUTION, props=props)) == expected


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        *(({"minimumProtocolVersion": policy}, Pass()) for policy in ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")),
        ({"minimumProtocolVersion": "TLSv1.2_2019"}, Fail("uses the TLS policy TLSv1.2_2019", MINIMUM)),
        ({"acmCertificateArn": "arn"}, Fail("uses the TLS policy TLSv1", MINIMUM)),
        (None, Fail("uses the TLS policy TLSv1", MINIMUM)),
        (
            {"cloudfrontDefaultCertificate": True, "minimumProtocolVersion": "TLSv1.2_2021"},
            Fail("uses CloudFront's default certificate, which accepts TLSv1", DEFAULT),
        ),
        ({"cloudfrontDefaultCertificate": False, "minimumProtocolVersion": "TLSv1.2_2021"}, Pass()),
        ({"minimumProtocolVersion": UNKNOWN}, Unknown(MINIMUM)),
        (UNKNOWN, Unknown(DEFAULT)),
    ],
)
def test_tls_policy(certificate: Any, expected: Verdict) -> None:
    assert verdicts(controls.cloudfront_tls_policy, resource(DISTRIBUTION, props={"viewerCertificate": certificate})) == [expected]


def test_tls_policies_can_be_chosen() -> None:
    subject = resource(DISTRIBUTION, props={"viewerCertificate": {"minimumProtocolVersion": "TLSv1.2_2021"}})
    assert verdicts(controls.cloudfront_tls_policy, subject, {"policies": ["TLSv1.3_2025"]}) == [
        Fail("uses the TLS policy TLSv1.2_2021", MINIMUM)
    ]


@pytest.mark.parametrize(
    ("value", "source", "expected"),
    [
        ("arn:aws:wafv2:us-east-1:111122223333:global/webacl/x/1", None, Pass()),
        (UNKNOWN, WEB_ACL, Pass()),
        (UNKNOWN, "aws:waf/webAcl:WebAcl", Pass()),
        (UNKNOWN, "x:y:Z", Unknown("webAclId")),
        (UNKNOWN, None, Unknown("webAclId")),
        ("", None, NO_ACL),
        (None, None, NO_ACL),
    ],
)
def test_web_acl(value: Any, source: str | None, expected: Verdict) -> None:
    assert run_stack(controls.cloudfront_web_acl, {"webAclId": value}, "webAclId", source) == [expected]


def run_stack(control: Any, props: Props, path: str, source: str | None) -> list[Verdict]:
    sources: list[Resource] = [resource(source, "source")] if source else []
    subject = resource(DISTRIBUTION, "cdn", props, deps={path: ["source"]} if source else {})
    return [verdict for name, verdict in verdicts(control, stack(*sources, subject)) if name == "cdn"]


def open_bucket(name: str = "web", index: int = 0) -> Fail:
    return Fail(f"reads the S3 origin {name} without origin access control", f"origins.{index}.originAccessControlId")


@pytest.mark.parametrize(
    ("origins", "source", "expected"),
    [
        ([{"originId": "web", "domainName": BUCKET, "originAccessControlId": "E1"}], None, [Pass()]),
        ([{"originId": "web", "domainName": UNKNOWN, "originAccessControlId": UNKNOWN}], ACCESS_CONTROL, [Pass()]),
        ([{"originId": "web", "originAccessControlId": UNKNOWN}], "x:y:Z", [Unknown("origins.0.originAccessControlId")]),
        ([{"originId": "web", "domainName": BUCKET}], None, [open_bucket()]),
        ([{"originId": "web", "domainName": UNKNOWN}], None, [open_bucket()]),
        ([{"originId": "web", "domainName": BUCKET, "originAccessControlId": ""}], None, [open_bucket()]),
        ([{"originId": "web", "s3OriginConfig": {"originAccessIdentity": "x"}}], None, [open_bucket()]),
        ([{"originId": UNKNOWN, "domainName": BUCKET}], None, [open_bucket("0")]),
        # Read as any web server, the bucket has to be public.
        ([{"originId": "web", "domainName": BUCKET, "customOriginConfig": {}}], None, [open_bucket()]),
        ([{"originId": "web", "domainName": "x.s3-eu-west-1.amazonaws.com", "customOriginConfig": {}}], None, [open_bucket()]),
        (
            [{"originId": "web", "domainName": "x.s3-website-eu-west-1.amazonaws.com", "customOriginConfig": {}}],
            None,
            [NotApplicable("has no S3 origin")],
        ),
        ([{"originId": "api", "domainName": "api.example.com", "customOriginConfig": {}}], None, [NotApplicable("has no S3 origin")]),
        ([{"originId": "api", "domainName": UNKNOWN, "vpcOriginConfig": {}}], None, [NotApplicable("has no S3 origin")]),
        (
            [{"originId": "api", "customOriginConfig": {}}, {"originId": "a", "originAccessControlId": "E1"}, {"originId": "b"}],
            None,
            [Pass(), open_bucket("b", 2)],
        ),
        ([UNKNOWN, {"originId": "b"}], None, [Unknown("origins.0"), open_bucket("b", 1)]),
        (UNKNOWN, None, [Unknown("origins")]),
    ],
)
def test_origin_access_control(origins: Any, source: str | None, expected: list[Verdict]) -> None:
    assert run_stack(controls.cloudfront_origin_access_control, {"origins": origins}, "origins", source) == expected


def origin(policy: Any, viewers: Any = "https-only", ordered: Any = None) -> Props:
    return {
        "defaultCacheBehavior": behavior(viewers),
        "orderedCacheBehaviors": ordered,
        "origins": [{"originId": "api", "customOriginConfig": {"originProtocolPolicy": policy}}],
    }


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (origin("https-only"), Pass()),
        (origin("https-only", "allow-all"), Pass()),
        (origin("https-only", UNKNOWN), Pass()),
        (origin("match-viewer"), Pass()),
        (origin("match-viewer", ordered=[behavior("redirect-to-https")]), Pass()),
        (origin("http-only"), Fail("requests the origin api over plain HTTP: its policy is http-only", f"{CUSTOM}.originProtocolPolicy")),
        (origin(None), Fail("requests the origin api over plain HTTP: its policy is None", f"{CUSTOM}.originProtocolPolicy")),
        (
            origin("match-viewer", "allow-all"),
            Fail(
                "requests the origin api over plain HTTP: its policy is match-viewer, and viewers may use HTTP",
                f"{CUSTOM}.originProtocolPolicy",
            ),
        ),
        (
            origin("match-viewer", UNKNOWN, [behavior("allow-all")]),
            Fail(
                "requests the origin api over plain HTTP: its policy is match-viewer, and viewers may use HTTP",
                f"{CUSTOM}.originProtocolPolicy",
            ),
        ),
        (origin("match-viewer", UNKNOWN), Unknown("viewerProtocolPolicy")),
        (origin("match-viewer", ordered=UNKNOWN), Unknown("viewerProtocolPolicy")),
        (origin(UNKNOWN), Unknown(f"{CUSTOM}.originProtocolPolicy")),
        ({"origins": [{"originId": "api", "customOriginConfig": UNKNOWN}]}, Unknown(f"{CUSTOM}.originProtocolPolicy")),
        ({"origins": UNKNOWN}, Unknown("origins")),
        ({"origins": [{"originId": "web", "domainName": BUCKET}]}, Pass()),
        ({}, Pass()),
    ],
)
def test_origin_tls(props: Props, expected: Verdict) -> None:
    assert verdicts(controls.cloudfront_origin_tls, resource(DISTRIBUTION, props=props)) == [expected]


@pytest.mark.parametrize(
    ("protocols", "expected"),
    [
        (["TLSv1.2"], Pass()),
        ([], Pass()),
        (None, Pass()),
        (["SSLv3", "TLSv1.2"], Fail("offers the origin api SSLv3", f"{CUSTOM}.originSslProtocols")),
        (["TLSv1.2", "TLSv1.1", "TLSv1"], Fail("offers the origin api TLSv1 and TLSv1.1", f"{CUSTOM}.originSslProtocols")),
        (["TLSv1", UNKNOWN], Fail("offers the origin api TLSv1", f"{CUSTOM}.originSslProtocols")),
        (["TLSv1.2", UNKNOWN], Unknown(f"{CUSTOM}.originSslProtocols")),
        (UNKNOWN, Unknown(f"{CUSTOM}.originSslProtocols")),
    ],
)
def test_origin_protocols(protocols: Any, expected: Verdict) -> None:
    subject = resource(DISTRIBUTION, props={"origins": [{"originId": "api", "customOriginConfig": {"originSslProtocols": protocols}}]})
    assert verdicts(controls.cloudfront_origin_protocols, subject) == [expected]


def test_deprecated_protocols_can_be_chosen() -> None:
    subject = resource(DISTRIBUTION, props={"origins": [{"customOriginConfig": {"originSslProtocols": ["TLSv1", "SSLv3"]}}]})
    assert verdicts(controls.cloudfront_origin_protocols, subject, {"deprecated": ["SSLv3"]}) == [
        Fail("offers the origin 0 SSLv3", f"{CUSTOM}.originSslProtocols")
    ]
