"""What a ``ContentDeliveryNetwork`` refuses, word for word."""

from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import ContentDeliveryNetwork

from tests.harness import record

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/1a2b3c"
SITE: Any = {"bucket": {"regional_domain_name": "site.s3.eu-west-1.amazonaws.com"}}
APP: Any = {"load_balancer": {"arn": BALANCER, "domain_name": "app.example.com"}}
BOTH: Any = {"origins": {"site": SITE, "app": APP}}


def refused(**args: Any) -> list[tuple[str, str]]:
    given: Any = {"domain_names": ["shop.example.com"], "certificate_arn": CERTIFICATE, "origins": {"site": SITE}, **args}
    with pytest.raises(ArgumentError) as caught:
        record(lambda: ContentDeliveryNetwork("shop", given))
    return caught.value.problems


def balancer(**args: Any) -> Any:
    return {"origins": {"app": {"load_balancer": {**APP["load_balancer"], **args}}}}


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (
            {"certificate_arn": CERTIFICATE.replace("us-east-1", "eu-west-1")},
            "certificate_arn",
            "is 'arn:aws:acm:eu-west-1:123456789012:certificate/1'; must be a certificate in us-east-1 such as "
            "arn:aws:acm:us-east-1:123456789012:certificate/1",
        ),
        (
            {"country_codes": ["DE"], "blocked_country_codes": ["FR"]},
            "country_codes",
            "excludes blocked_country_codes: CloudFront takes one of the two lists; both are given. Remove one of them.",
        ),
        (
            {"web_acl_arn": WEB_ACL, "firewall": {"rate_limit": 100}},
            "web_acl_arn",
            "excludes firewall: it is for a web ACL that is created; both are given. Remove one of them.",
        ),
        (
            {"log_bucket_arn": "arn:aws:s3:::logs", "log_retention_days": 30},
            "log_bucket_arn",
            "excludes log_retention_days: it is for a bucket that is created; both are given. Remove one of them.",
        ),
        (
            {"headers": {"hsts_preload": True}},
            "headers.hsts_preload",
            "needs hsts_subdomains: browsers preload no single name. Set hsts_subdomains, or remove hsts_preload.",
        ),
        (
            {"headers": {"cors": {"origins": ["https://a.example.com"], "cookies": True}}},
            "headers.cors.headers",
            "is '*', which browsers take literally with cookies. Name the headers.",
        ),
        (
            {"origins": {"site": {**SITE, **APP}}},
            "origins.site.bucket",
            "exactly one of bucket, load_balancer and server is needed; both are given. Remove one.",
        ),
        (
            balancer(existing_vpc_origin_id="vo_1"),
            "origins.app.load_balancer.arn",
            "exactly one of arn and existing_vpc_origin_id is needed; both are given. Remove one.",
        ),
        (
            balancer(security_group_id="sg-1"),
            "origins.app.load_balancer.prefix_list_id",
            "is missing; security_group_id needs it. Give it, or remove security_group_id.",
        ),
        (
            balancer(https_port=444),
            "origins.app.load_balancer.https_port",
            "is 444; CloudFront connects to 80, 443 and 1024 to 65,535. Choose one of them.",
        ),
        (
            {"default_behavior": {"origin": "shop"}},
            "default_behavior.origin",
            "is 'shop', which is not an origin; known are site.",
        ),
        (
            {"default_behavior": {"failover_origin": "shop"}},
            "default_behavior.failover_origin",
            "is 'shop', which is not an origin; known are site.",
        ),
        (BOTH, "default_behavior.origin", "is missing; there are several origins. Name one of site, app."),
        ({**BOTH, "default_behavior": {"origin": "app"}}, "origins.site", "is in no behavior. Name it in one, or remove it."),
        (
            {"default_behavior": {"failover_origin": "site"}},
            "default_behavior.failover_origin",
            "is 'site', the origin itself. Name another.",
        ),
        (
            {**BOTH, "default_behavior": {"origin": "app", "failover_origin": "site", "methods": "all", "requests": "none"}},
            "default_behavior.methods",
            "is all; CloudFront fails over for GET, HEAD and OPTIONS, and takes no other method there. Give another path to what writes, "
            "or remove failover_origin.",
        ),
        (
            {"default_behavior": {"methods": "all"}},
            "default_behavior.methods",
            "is all; CloudFront only reads from a bucket here. Choose read or read_and_preflight.",
        ),
        (
            {"default_behavior": {"requests": "all"}},
            "default_behavior.requests",
            "is all; a bucket answers to its own name alone. Choose all_except_host, cors or none.",
        ),
        (
            {"default_behavior": {"cache": "origin"}},
            "default_behavior.cache",
            "is origin, with which the origin gets the viewer's Host header. Use caching in place of cache.",
        ),
        (
            {
                "origins": {"images": {"server": {"domain_name": "images.example.com", "public": True}}},
                "default_behavior": {"cache": "origin_with_query"},
            },
            "default_behavior.cache",
            "is origin_with_query, with which the origin gets the viewer's Host header. Set requests to all, or use caching in place of "
            "cache.",
        ),
        (
            {"default_behavior": {"caching": {"headers": ["X-Shop", "host"]}}},
            "default_behavior.caching.headers",
            "has Host, which the origin gets then, and requests leaves it out. Remove it.",
        ),
        (
            {"default_behavior": {"cache": "disabled", "cache_policy_id": "1"}},
            "default_behavior.cache",
            "excludes cache_policy_id: a behavior has one cache policy. Remove one of them.",
        ),
        (
            {"default_behavior": {"caching": {"min_seconds": 60, "default_seconds": 30}}},
            "default_behavior.caching.default_seconds",
            "is 30; it must be from min_seconds, 60, to max_seconds, 31536000. Change one of them.",
        ),
        (
            {"default_behavior": {"caching": {"default_seconds": 0, "max_seconds": 0}}},
            "default_behavior.caching.max_seconds",
            "is 0, with which nothing is kept. Raise it, or set cache to disabled in place of caching.",
        ),
        (
            {"default_behavior": {"caching": {"headers": ["accept-encoding"]}}},
            "default_behavior.caching.headers",
            "has Accept-Encoding, by which CloudFront tells responses apart anyway. Remove it.",
        ),
        (
            balancer(keepalive_seconds=121),
            "origins.app.load_balancer.keepalive_seconds",
            "is 121; must be at most 120",
        ),
        (
            {"default_behavior": {"caching": {"query_strings": ["*", "page"]}}},
            "default_behavior.caching.query_strings",
            "has '*' and more; '*' alone means all. Remove the others.",
        ),
        (
            {"behaviors": [{"path_pattern": "/a/*"}, {"path_pattern": "/a/*"}]},
            "behaviors",
            "has /a/* twice. Name each once.",
        ),
        ({"error_pages": [{"code": 404}, {"code": 404}]}, "error_pages", "has 404 twice. Name each once."),
        (
            {"error_pages": [{"code": 404, "response_code": 200}]},
            "error_pages.0.page_path",
            "is missing; response_code needs it. Give it, or remove response_code.",
        ),
        (
            {"default_certificate": True, "domain_names": []},
            "certificate_arn",
            "is for domain_names, and none is given. Give domain_names in place of default_certificate, or remove it.",
        ),
    ],
)
def test_what_cloudfront_cannot_do_is_refused(args: Any, path: str, reason: str) -> None:
    assert (path, reason) in refused(**args)


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (
            {"web_acl_arn": "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/shop/1"},
            "web_acl_arn",
            "is 'arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/shop/1'; must be a web ACL of the scope CLOUDFRONT such as "
            "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/1a2b3c",
        ),
        (
            {"log_bucket_arn": "logs"},
            "log_bucket_arn",
            "is 'logs'; must be the ARN of a bucket, not its name, such as arn:aws:s3:::uploads",
        ),
        (
            balancer(arn="internal-api.eu-west-1.elb.amazonaws.com"),
            "origins.app.load_balancer.arn",
            "is 'internal-api.eu-west-1.elb.amazonaws.com'; must be the ARN of a load balancer or an instance, not a host name, such as "
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/api/50dc6c495c0c9188",
        ),
        (
            {"default_behavior": {"request_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:redirects:1"}},
            "default_behavior.request_function_arn",
            "is 'arn:aws:lambda:us-east-1:123456789012:function:redirects:1'; must be the ARN of a CloudFront function, no Lambda "
            "function, such as arn:aws:cloudfront::123456789012:function/redirects",
        ),
        ({"origins": {}}, "origins", "has 0 entries; at least 1 is needed"),
        (
            {"origins": {"My_Site": SITE}},
            "origins",
            "has [hidden]; a name has lower-case letters, digits and single hyphens, a letter first. Rename it",
        ),
    ],
)
def test_a_name_or_arn_of_something_else_is_refused(args: Any, path: str, reason: str) -> None:
    assert refused(**args) == [(path, reason)]


def test_a_name_that_leaves_no_room_is_refused() -> None:
    given: Any = {"domain_names": ["shop.example.com"], "certificate_arn": CERTIFICATE, "origins": {"site": SITE}}
    with pytest.raises(ArgumentError, match="logs-source would pass the 60 characters") as caught:
        record(lambda: ContentDeliveryNetwork("s" * 41, given))
    assert {path for path, _ in caught.value.problems} == {"name"}
