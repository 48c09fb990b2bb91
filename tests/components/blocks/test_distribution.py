from typing import Any

from cloudpatterns.blocks.distribution import Behavior, Viewer, bucket_origin, distribution, failover, web_origin
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names

DISTRIBUTION = "aws:cloudfront/distribution:Distribution"


def make(**options: Any) -> Graph:
    def create(parent: Parent) -> None:
        given: dict[str, Any] = {
            "comment": "shop",
            "viewer": Viewer(),
            "origins": [web_origin("web", "web.example.com")],
            "default": Behavior(origin_id="web"),
            "web_acl_arn": None,
            "tags": {"Owner": "web"},
            **options,
        }
        distribution(parent, "shop-cdn", **given)

    return children(create)


def test_a_distribution_serves_https_over_both_families_and_the_newest_protocols() -> None:
    graph = make()
    assert names(graph) == {"shop-cdn": "Distribution"}
    whole = graph.one(DISTRIBUTION).inputs
    assert (whole["enabled"], whole["isIpv6Enabled"], whole["httpVersion"]) == (True, True, "http2and3")
    assert whole["defaultCacheBehavior"]["viewerProtocolPolicy"] == "redirect-to-https"
    assert whole["tags"] == {"Owner": "web"}
    assert not {"aliases", "originGroups", "orderedCacheBehaviors", "customErrorResponses", "webAclId", "staging"} & whole.keys()


def test_a_staging_distribution_has_no_name_and_the_primary_one_its_policy() -> None:
    assert make(staging=True).one(DISTRIBUTION).inputs["staging"] is True
    primary = make(viewer=Viewer(["shop.example.com"], "arn:c"), continuous_deployment_policy_id="policy").one(DISTRIBUTION).inputs
    assert (primary["aliases"], primary["continuousDeploymentPolicyId"]) == (["shop.example.com"], "policy")


def test_a_server_gets_no_headers_unless_they_are_given() -> None:
    [one] = make().one(DISTRIBUTION).inputs["origins"]
    assert "customHeaders" not in one
    assert one["customOriginConfig"]["originProtocolPolicy"] == "https-only"


def test_two_origins_fail_over_as_one() -> None:
    group = failover("web", "files", [503, 500])
    assert (group["origin_id"], group["failover_criteria"]) == ("web-or-files", {"status_codes": [500, 503]})


def test_a_bucket_is_read_with_signed_requests_alone() -> None:
    graph = children(lambda parent: bucket_origin(parent, "shop-access", "files", "files.s3.eu-west-1.amazonaws.com"))
    control = graph.one("aws:cloudfront/originAccessControl:OriginAccessControl").inputs
    assert (control["signingBehavior"], control["originAccessControlOriginType"]) == ("always", "s3")
