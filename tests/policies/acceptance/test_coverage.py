"""What is judged: the shares of types and properties over everything of ours, and the reasons for the rest."""

import pytest
from cloudpatterns_policies.acceptance.facts import _table

from tests.policies.acceptance.coverage import FORM, MODEL, NONE, NOTHING, OWN, PROVIDER, PROVIDERS, coverage, of_property, of_type
from tests.policies.acceptance.test_accepted import graphs, sent
from tests.policies.helpers import UNKNOWN, resource, stack


def test_nearly_all_types_and_most_properties_of_ours_are_judged() -> None:
    found = coverage(sent(graph) for _, graph in graphs())
    assert found.type_share >= 0.95, found.missing()
    assert found.property_share >= 0.85, found.missing()
    assert len(_table()) >= 300


@pytest.mark.parametrize(
    ("token", "by"),
    [
        ("aws:sqs/queue:Queue", FORM),
        ("aws:s3/bucketVersioning:BucketVersioning", FORM),
        ("aws:iam/accountAlias:AccountAlias", MODEL),
        ("aws:acm/certificateValidation:CertificateValidation", PROVIDER),
        ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", NONE),
    ],
)
def test_how_a_type_is_judged(token: str, by: str) -> None:
    assert of_type(token).by == by
    assert bool(of_type(token).reason) == (by in (NONE, PROVIDER))


@pytest.mark.parametrize(
    ("token", "path", "by"),
    [
        ("aws:sqs/queue:Queue", "visibilityTimeoutSeconds", FORM),
        ("aws:lb/targetGroup:TargetGroup", "healthCheck.path", FORM),
        ("aws:autoscaling/group:Group", "enabledMetrics", FORM),
        ("aws:acm/certificate:Certificate", "options.export", MODEL),
        ("aws:s3/bucketVersioning:BucketVersioning", "bucket", PROVIDER),
        ("aws:s3/bucket:Bucket", "tags", PROVIDER),
        ("aws:ec2/launchTemplate:LaunchTemplate", "tagSpecifications.tags.Owner", PROVIDER),
        ("aws:lambda/function:Function", "code", PROVIDER),
        ("aws:autoscaling/group:Group", "instanceRefresh.strategy", NONE),
    ],
)
def test_how_a_property_is_judged(token: str, path: str, by: str) -> None:
    assert of_property(token, path).by == by
    assert bool(of_property(token, path).reason) == (by in (NONE, PROVIDER))


def test_each_property_that_is_set_counts_once_and_without_indices() -> None:
    rules = [
        {"id": "a", "status": "Enabled", "expiration": {"days": 1}},
        {"id": "b", "status": UNKNOWN, "abortIncompleteMultipartUpload": None},
    ]
    lifecycle = resource("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "x", {"bucket": "files", "rules": rules})
    policy = resource("aws:iam/role:Role", "y", {"assumeRolePolicy": '{"Statement": []}', "tags": {"Owner": "shop"}})
    found = coverage([stack(lifecycle, policy), stack(policy, resource("random:index/id:Id", "z"))])
    assert {token: list(one.properties) for token, one in found.types.items()} == {
        "aws:iam/role:Role": ["assumeRolePolicy", "tags.Owner"],
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": [
            "bucket",
            "rules.expiration.days",
            "rules.id",
            "rules.status",
        ],
    }
    assert (found.type_share, found.property_share, found.missing()) == (1.0, 1.0, [])


def test_what_is_missing_is_named() -> None:
    found = coverage([stack(resource("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "x", {"vpcId": UNKNOWN}))])
    assert found.missing() == [
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup vpcId",
    ]
    assert (found.type_share, found.property_share) == (0.0, 0.0)


def test_each_reason_is_given() -> None:
    reasons = [*PROVIDERS.values(), *NOTHING.values(), *(reason for one in OWN.values() for reason in one.values())]
    assert all(reason.strip() for reason in reasons)
