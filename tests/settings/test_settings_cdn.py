"""The CDN of the storefront in the settings: what it needs, and problems of the component at the settings that cause them."""

from typing import Any

from tests.settings.configurations import ABSENT, broken, good, problems

CDN: dict[str, Any] = {"prefix_list_id": "pl-4fa04526"}
NAMED = {
    "storefront.load_balancer.certificate_arn": ABSENT,
    "storefront.load_balancer.domain_name": "shop.example.com",
    "storefront.load_balancer.hosted_zone_id": "Z0123456789ABCDEFGHIJ",
}


def test_a_cdn_takes_the_options_of_its_component() -> None:
    cdn = {**CDN, "price_class": "PriceClass_100", "behaviors": [{"path_pattern": "/assets/*", "cache": "optimized"}]}
    front = good(broken({**NAMED, "storefront.cdn": cdn})).storefront
    assert front.cdn.as_args()["price_class"] == "PriceClass_100"
    assert front.as_args()["cdn"]["behaviors"][0]["path_pattern"] == "/assets/*"
    assert good(broken({})).storefront.cdn is None
    assert "cdn" not in good(broken({})).storefront.as_args()


def test_its_firewall_is_the_section_firewall() -> None:
    [problem] = problems(broken({**NAMED, "storefront.cdn": {**CDN, "firewall": {"rate_limit": 100}}}))
    assert problem.key == "cloudpatterns:storefront.cdn.firewall"


def test_the_problems_of_the_component_are_at_their_settings() -> None:
    found = problems(broken({"storefront.cdn": CDN}))
    assert {problem.key: problem.because for problem in found} == {
        "cloudpatterns:storefront.load_balancer.domain_name": "is missing; cdn needs it: the CDN serves this name. Give it, or remove cdn",
        "cloudpatterns:storefront.load_balancer.hosted_zone_id": (
            "is missing; cdn needs it: the CDN serves this name. Give it, or remove cdn"
        ),
        "cloudpatterns:storefront.load_balancer.certificate_arn": (
            "excludes cdn, whose certificates here and in us-east-1 are created. Give domain_name and hosted_zone_id instead"
        ),
    }
    topic = {**CDN, "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:alarms"]}
    [problem] = problems(broken({**NAMED, "storefront.cdn": topic}))
    assert problem.key == "cloudpatterns:storefront.cdn.alarm_topic_arns[0]"
    # Nothing is said twice when the load balancer has a problem of its own.
    wrong = broken({**NAMED, "storefront.cdn": CDN, "storefront.load_balancer.health_check_path": "healthz"})
    assert [problem.key for problem in problems(wrong)] == ["cloudpatterns:storefront.load_balancer.health_check_path"]
