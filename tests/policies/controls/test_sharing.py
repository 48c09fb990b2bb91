"""Sharing by settings: ACLs, snapshots, images, documents, access points and endpoint services."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import sharing as controls
from cloudpatterns_policies.core import UNKNOWN, Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import resource, verdicts

BUCKET, ACL, OBJECT = "aws:s3/bucket:Bucket", "aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketObjectv2:BucketObjectv2"
ALL, ACCOUNTS, LOGS = (
    f"http://acs.amazonaws.com/groups/{name}" for name in ("global/AllUsers", "global/AuthenticatedUsers", "s3/LogDelivery")
)
POINT, MULTI = "aws:s3/accessPoint:AccessPoint", "aws:s3control/multiRegionAccessPoint:MultiRegionAccessPoint"

DISTRIBUTION = "aws:imagebuilder/distributionConfiguration:DistributionConfiguration"


def judged(control: Control, type: str, props: dict[str, Any]) -> list[Verdict]:
    return verdicts(control, resource(type, props=props))


@pytest.mark.parametrize("type", [BUCKET, ACL, OBJECT, "aws:s3/bucketV2:BucketV2", "aws:s3/bucketAclV2:BucketAclV2"])
def test_canned_acls(type: str) -> None:
    def acl(value: Any) -> list[Verdict]:
        return judged(controls.s3_acl_not_public, type, {"acl": value})

    assert acl(None) == acl("private") == acl("log-delivery-write") == acl("bucket-owner-full-control") == [Pass()]
    assert acl("public-read") == [Fail("has the ACL public-read, which allows everyone", "acl")]
    assert acl("public-read-write") == [Fail("has the ACL public-read-write, which allows everyone", "acl")]
    assert acl("authenticated-read") == [Fail("has the ACL authenticated-read, which allows every AWS account", "acl")]
    assert acl(UNKNOWN) == [Unknown("acl")]


def grant(uri: Any, permission: Any = "READ") -> dict[str, Any]:
    return {"permission": permission, "grantee": {"type": "Group", "uri": uri}}


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ([], [Pass()]),
        ([{"permission": "READ", "grantee": {"type": "CanonicalUser", "id": "52b1"}}, grant(LOGS, "WRITE"), grant(f"{ALL}Not")], [Pass()]),
        (
            [grant(LOGS), grant(ALL, "FULL_CONTROL"), grant(ACCOUNTS, UNKNOWN)],
            [
                Fail("grants FULL_CONTROL to everyone (AllUsers)", "accessControlPolicy.grants.1.grantee.uri"),
                Fail("grants a permission to every AWS account (AuthenticatedUsers)", "accessControlPolicy.grants.2.grantee.uri"),
            ],
        ),
        ([grant(UNKNOWN)], [Unknown("accessControlPolicy.grants.0.grantee.uri")]),
        (UNKNOWN, [Unknown("accessControlPolicy.grants")]),
    ],
)
def test_grants(grants: Any, expected: list[Verdict]) -> None:
    assert judged(controls.s3_acl_not_public, ACL, {"accessControlPolicy": {"grants": grants}}) == expected


def test_grants_of_a_bucket_and_a_copy() -> None:
    props = {"grants": [{"type": "Group", "uri": ALL, "permissions": ["READ", "WRITE"]}]}
    for type in (BUCKET, "aws:s3/objectCopy:ObjectCopy"):
        assert judged(controls.s3_acl_not_public, type, props) == [Fail("grants READ, WRITE to everyone (AllUsers)", "grants.0.uri")]
    assert judged(controls.s3_acl_not_public, BUCKET, {"grants": [{"uri": ALL, "permissions": [UNKNOWN]}]}) == [
        Fail("grants a permission to everyone (AllUsers)", "grants.0.uri")
    ]
    assert judged(controls.s3_acl_not_public, BUCKET, {"grants": [{"uri": "global/AllUsers"}]}) == [Pass()]


@pytest.mark.parametrize(("type", "head"), [(POINT, "publicAccessBlockConfiguration"), (MULTI, "details.publicAccessBlock")])
@pytest.mark.parametrize("name", ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"])
def test_access_points(type: str, head: str, name: str) -> None:
    def point(settings: Any) -> list[Verdict]:
        value = settings
        for part in reversed(head.split(".")):
            value = {part: value}
        return judged(controls.s3_access_point_public_access_blocked, type, value)

    assert point(None) == point({}) == point({name: True}) == [Pass()]
    assert point({name: False}) == [Fail(f"leaves {name} off", f"{head}.{name}")]
    assert point({name: UNKNOWN}) == [Unknown(f"{head}.{name}")]


@pytest.mark.parametrize(
    ("control", "type", "path", "everyone", "message"),
    [
        *(
            (controls.rds_snapshot_not_public, f"aws:rds/{name}", "sharedAccounts", "all", "may be restored by everyone (all)")
            for name in (
                *("snapshot:Snapshot", "snapshotCopy:SnapshotCopy", "clusterSnapshot:ClusterSnapshot"),
                "clusterSnapshotCopy:ClusterSnapshotCopy",
            )
        ),
        (
            controls.endpoint_service_not_public,
            "aws:ec2/vpcEndpointService:VpcEndpointService",
            "allowedPrincipals",
            "*",
            "may be connected to by everyone (*)",
        ),
    ],
)
def test_lists_of_accounts(control: Control, type: str, path: str, everyone: str, message: str) -> None:
    assert judged(control, type, {}) == judged(control, type, {path: ["123456789012"]}) == [Pass()]
    assert judged(control, type, {path: ["123456789012", everyone]}) == [Fail(message, f"{path}.1")]
    assert judged(control, type, {path: [UNKNOWN, everyone]}) == [Unknown(f"{path}.0"), Fail(message, f"{path}.1")]
    assert judged(control, type, {path: UNKNOWN}) == [Unknown(path)]


@pytest.mark.parametrize(
    ("control", "type", "path", "good", "bad", "message"),
    [
        (
            controls.ami_not_public,
            "aws:ec2/amiLaunchPermission:AmiLaunchPermission",
            "group",
            None,
            "all",
            "allows everyone to launch the image (group all)",
        ),
        (
            controls.endpoint_service_not_public,
            "aws:ec2/vpcEndpointServiceAllowedPrinciple:VpcEndpointServiceAllowedPrinciple",
            "principalArn",
            "arn:aws:iam::123456789012:root",
            "*",
            "may be connected to by everyone (*)",
        ),
    ],
)
def test_settings(control: Control, type: str, path: str, good: Any, bad: Any, message: str) -> None:
    assert judged(control, type, {path: good}) == judged(control, type, {}) == [Pass()]
    assert judged(control, type, {path: bad}) == [Fail(message, path)]
    assert judged(control, type, {path: UNKNOWN}) == [Unknown(path)]


def test_images_of_image_builder() -> None:
    def shared(permission: Any) -> list[Verdict]:
        distributions = [{"region": "eu-west-1"}, {"amiDistributionConfiguration": {"launchPermission": permission}}]
        return judged(controls.ami_not_public, DISTRIBUTION, {"distributions": distributions})

    groups = "distributions.1.amiDistributionConfiguration.launchPermission.userGroups"
    assert shared(None) == shared({"userIds": ["123456789012"]}) == judged(controls.ami_not_public, DISTRIBUTION, {}) == [Pass()]
    assert shared({"userGroups": ["all"]}) == [Fail("allows everyone to launch the image (all)", f"{groups}.0")]
    assert shared({"userGroups": UNKNOWN}) == shared(UNKNOWN) == [Unknown(groups)]
    assert judged(controls.ami_not_public, DISTRIBUTION, {"distributions": UNKNOWN}) == [Unknown("distributions")]


@pytest.mark.parametrize("key", ["account_ids", "accountIds"])
def test_documents(key: str) -> None:
    def shared(accounts: Any) -> list[Verdict]:
        document = {"permissions": {"type": "Share", key: accounts}}
        return judged(controls.ssm_document_not_public, "aws:ssm/document:Document", document)

    assert shared("123456789012") == shared("123456789012,210987654321") == shared(None) == [Pass()]
    assert shared("All") == shared("all") == shared("123456789012, All") == [Fail("is shared with everyone (All)", "permissions")]
    assert shared(UNKNOWN) == [Unknown(f"permissions.{key}")]
    assert judged(controls.ssm_document_not_public, "aws:ssm/document:Document", {}) == [Pass()]
