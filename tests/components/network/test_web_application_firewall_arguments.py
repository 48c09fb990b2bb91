from datetime import date, timedelta
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import WebApplicationFirewall

from tests.harness import record

BUILT_IN = ["common", "cross-site-scripting", "ip-reputation", "known-bad-inputs", "rate-limit", "sql-injection"]
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/0123456789abcdef"
SOON = str(date.today() + timedelta(days=30))
LATEST = str(date.today() + timedelta(days=90))
TOO_LATE = str(date.today() + timedelta(days=91))
OWN: dict[str, Any] = {"priority": 7, "method": "PUT"}
DESTINATION = "arn:aws:s3:::aws-waf-logs-shop"


def problems(name: str = "shop", **arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        record(lambda: WebApplicationFirewall(name, arguments))  # ty: ignore[invalid-argument-type]  # the tests' own mistakes
    return caught.value.problems


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            {"name": "my shop"},
            ("name", "is 'my shop'; metrics carry it: 1 to 50 letters, digits, hyphens and underscores. Give the component another name."),
        ),
        ({"scope": "GLOBAL"}, ("scope", "is 'GLOBAL'; must be one of REGIONAL, CLOUDFRONT")),
        (
            {"scope": "CLOUDFRONT", "associations": {"lb": BALANCER}},
            ("associations", "cannot be used with scope CLOUDFRONT. Give web_acl_arn to the distribution as its web_acl_id."),
        ),
        ({"rate_limit": 9}, ("rate_limit", "is 9; must be at least 10")),
        (
            {"blocked_cidrs": ["0.0.0.0/0"]},
            ("blocked_cidrs.0", "is 0.0.0.0/0, the whole internet, which AWS WAF does not take. Name narrower networks."),
        ),
        (
            {"blocked_cidrs": ["192.0.2.0/24", "192.0.2.0/24"]},
            ("blocked_cidrs", "has 192.0.2.0/24 twice. Name each once"),
        ),
        (
            {"blocked_cidrs": ["192.0.2.1/24"]},
            ("blocked_cidrs.0", "is '192.0.2.1/24'; must have no host bits: write 192.0.2.0/24, or a /32 or /128 for one address"),
        ),
        (
            {"allowed_cidrs": ["0.0.0.0/1", "128.0.0.0/1"]},
            (
                "allowed_cidrs",
                "adds up to 0.0.0.0/0, which would skip the firewall; an IPv4 /8 or IPv6 /16 is the most. Name narrower networks.",
            ),
        ),
        (
            {"rules": {"common": OWN}},
            ("rules.common", "has the name of a built-in rule. Rename it."),
        ),
        (
            {"rules": {"a b": OWN}},
            ("rules", "has 'a b'; a name has 1 to 70 letters, digits, hyphens and underscores. Rename it"),
        ),
        ({"rules": {"a": OWN, "b": OWN}}, ("rules.b.priority", "is 7, the place of a. Choose another.")),
        ({"rules": {"a": {**OWN, "priority": 5000}}}, ("rules.a.priority", "is 5000, the place of common. Choose another.")),
        (
            {"rules": {"a": {"priority": 7}}},
            (
                "rules.a",
                "has no condition; give at least one of path_prefix, method, header_name, country_codes, except_country_codes, or a "
                "rule_group_arn.",
            ),
        ),
        (
            {"rules": {"a": {**OWN, "header_name": "x"}}},
            ("rules.a.header_contains", "is missing; header_name needs it. Give it, or remove header_name."),
        ),
        (
            {"rules": {"a": {**OWN, "rate_limit": 100, "action": "allow"}}},
            ("rules.a.rate_limit", "excludes action: AWS WAF's rate limits can only block; both are given. Remove one of them."),
        ),
        (
            {"rules": {"a": {**OWN, "rate_limit": 100, "except_country_codes": ["DE"]}}},
            (
                "rules.a.rate_limit",
                "excludes except_country_codes: the provider does not nest that deep, so use country_codes; both are given. Remove one of "
                "them.",
            ),
        ),
        (
            {"rules": {"a": {"priority": 7, "country_codes": ["de"]}}},
            ("rules.a.country_codes.0", "is 'de'; must be a country code such as DE"),
        ),
        (
            {"rules": {"a": {**OWN, "rule_group_arn": "arn:x", "rule_group_capacity": 1}}},
            (
                "rules.a.rule_group_arn",
                "excludes method: the group's rules have conditions and actions of their own; both are given. Remove one of them.",
            ),
        ),
        (
            {"rules": {"a": {"priority": 7, "rule_group_arn": "arn:x"}}},
            ("rules.a.rule_group_capacity", "is missing; rule_group_arn needs it. Give it, or remove rule_group_arn."),
        ),
        (
            {"rules": {"a": {**OWN, "rule_group_capacity": 1}}},
            ("rules.a.rule_group_arn", "is missing; rule_group_capacity needs it. Give it, or remove rule_group_capacity."),
        ),
        (
            {"count_rules": [{"rule": "common", "until": "tomorrow"}]},
            ("count_rules.0.until", "is 'tomorrow'; must be a date such as 2026-12-31"),
        ),
        (
            {"count_rules": [{"rule": "common", "until": "2026-02-30"}]},
            ("count_rules.0.until", f"is '2026-02-30'; a date such as {LATEST} is needed. Correct it."),
        ),
        (
            {"count_rules": [{"rule": "common", "until": TOO_LATE}]},
            ("count_rules.0.until", f"is {TOO_LATE}; a rule may count for 90 days at most, until {LATEST}. Choose an earlier day."),
        ),
        (
            {"allowed_cidrs": ["192.0.2.0/24"], "count_rules": [{"rule": "allowed-ipv4", "until": SOON}]},
            (
                "count_rules.0.rule",
                "is 'allowed-ipv4', which is not a rule that blocks; those are ip-reputation, common, known-bad-inputs, sql-injection, "
                "rate-limit, cross-site-scripting.",
            ),
        ),
        (
            {"count_rules": [{"rule": "common", "until": SOON}, {"rule": "common", "until": SOON}]},
            ("count_rules.1.rule", "is 'common', which is already in the list. Name each rule once."),
        ),
        (
            {"count_rules": [{"rule": "rate-limit/x", "until": SOON}]},
            (
                "count_rules.0.rule",
                "is 'rate-limit/x'; before the slash one of ip-reputation, common, known-bad-inputs, sql-injection is needed, after it a "
                "rule of that group.",
            ),
        ),
        (
            {"count_rules": [{"rule": name, "until": SOON} for name in BUILT_IN]},
            ("count_rules", "leaves no rule that blocks. Remove at least one."),
        ),
        (
            {"exceptions": [{"rule": "common", "reason": "x"}]},
            ("exceptions.0.rule", "is 'common'; must be a rule inside a managed group such as common/SizeRestrictions_BODY"),
        ),
        (
            {"exceptions": [{"rule": "common/X", "reason": "R&D"}]},
            ("exceptions.0.reason", "is 'R&D'; must be 1 to 256 letters, digits, spaces and _.:/=+-@, as it becomes a tag"),
        ),
        (
            {"tags": {f"k{number}": "v" for number in range(50)}, "count_rules": [{"rule": "common", "until": SOON}]},
            ("tags", "has 50 tags; with 1 for counting rules and exceptions it passes AWS's limit of 50. Use fewer."),
        ),
        (
            {"log_destination_arn": DESTINATION, "log_retention_days": 30},
            (
                "log_destination_arn",
                "excludes log_retention_days: it is for a log group that is created; both are given. Remove one of them.",
            ),
        ),
        (
            {"log_destination_arn": DESTINATION, "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"},
            (
                "log_destination_arn",
                "excludes kms_key_arn: it is for a log group that is created; both are given. Remove one of them.",
            ),
        ),
        (
            {"log_destination_arn": "arn:aws:s3:::logs"},
            (
                "log_destination_arn",
                "is 'arn:aws:s3:::logs'; must be an ARN without :* at its end whose name starts with aws-waf-logs-, such as "
                "arn:aws:s3:::aws-waf-logs-shop",
            ),
        ),
        (
            {"log_destination_arn": "arn:aws:logs:eu-west-1:123456789012:log-group:aws-waf-logs-shop:*"},
            (
                "log_destination_arn",
                "is 'arn:aws:logs:eu-west-1:123456789012:log-group:aws-waf-logs-shop:*'; must be an ARN without :* at its end whose name "
                "starts with aws-waf-logs-, such as arn:aws:s3:::aws-waf-logs-shop",
            ),
        ),
        (
            {"redacted_headers": ["a b"]},
            ("redacted_headers.0", "is 'a b'; must be a header such as X-Session, at most 64 characters"),
        ),
        (
            {"redacted_headers": [f"x-{number}" for number in range(91)]},
            ("redacted_headers", "has 91 entries; at most 90 are allowed"),
        ),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], expected: tuple[str, str]) -> None:
    assert problems(**arguments) == [expected]


def test_a_set_holds_ten_thousand_networks() -> None:
    networks = [f"10.{number // 256}.{number % 256}.0/32" for number in range(10_001)]
    reason = "has 10001 IPv4 networks; an IP set takes 10000. Join neighbouring networks."
    assert problems(blocked_cidrs=networks) == [("blocked_cidrs", reason)]
