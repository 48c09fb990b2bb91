"""The rules of a web ACL: their fixed places, what they inspect, and what they cost in web ACL capacity units (WCU)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

# As `aws.wafv2.WebAclRuleStatementArgsDict`, loosely: parts are chosen at run time.
Statement = dict[str, Any]

# https://docs.aws.amazon.com/waf/latest/developerguide/aws-waf-capacity-units.html: above the first AWS charges extra.
PRICED_CAPACITY = 1500
MOST_CAPACITY = 5000

# Places are fixed numbers, so that adding or removing a rule never moves another; custom rules have the numbers between.
PRIORITIES: dict[str, int] = {
    "blocked-ipv4": 1000,
    "blocked-ipv6": 1001,
    "allowed-ipv4": 2000,
    "allowed-ipv6": 2001,
    "ip-reputation": 3000,
    "rate-limit": 4000,
    "common": 5000,
    "known-bad-inputs": 6000,
    "sql-injection": 7000,
    "cross-site-scripting": 8000,
}

# Name and capacity of AWS's managed groups.
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-ip-rep.html
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-use-case.html
MANAGED: dict[str, tuple[str, int]] = {
    "ip-reputation": ("AWSManagedRulesAmazonIpReputationList", 25),
    "common": ("AWSManagedRulesCommonRuleSet", 700),
    "known-bad-inputs": ("AWSManagedRulesKnownBadInputsRuleSet", 200),
    "sql-injection": ("AWSManagedRulesSQLiRuleSet", 200),
}

# https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statements-match.html
_IP_SET, _GEO, _RATE, _STRING_EDGE, _STRING_INSIDE, _XSS, _ALL_ARGUMENTS, _TRANSFORMATION = 1, 1, 2, 2, 10, 40, 10, 10


@dataclass(frozen=True, kw_only=True)
class WebRule:
    """A rule before it becomes a resource; ``group`` rules take an override instead of an action of their own."""

    name: str
    priority: int
    statement: Statement
    capacity: int
    action: str = "block"
    group: bool = False


def managed(name: str, counted: list[str]) -> WebRule:
    """One of AWS's managed groups, whose rules ``counted`` count instead of blocking."""
    group, capacity = MANAGED[name]
    inner: dict[str, Any] = {"vendor_name": "AWS", "name": group}
    if counted:
        inner["rule_action_overrides"] = [{"name": rule, "action_to_use": {"count": {}}} for rule in counted]
    statement = {"managed_rule_group_statement": inner}
    return WebRule(name=name, priority=PRIORITIES[name], statement=statement, capacity=capacity, group=True)


def ip_set(name: str, arn: pulumi.Input[str], action: str) -> WebRule:
    """Blocks or allows the addresses of an IP set."""
    statement = {"ip_set_reference_statement": {"arn": arn}}
    return WebRule(name=name, priority=PRIORITIES[name], statement=statement, capacity=_IP_SET, action=action)


def rate_limit(limit: int) -> WebRule:
    """Blocks an address that sends more requests in five minutes."""
    return WebRule(name="rate-limit", priority=PRIORITIES["rate-limit"], statement=_rate(limit, None), capacity=_RATE)


def cross_site_scripting() -> WebRule:
    """Blocks scripts in query arguments and in the part of the body that AWS inspects."""
    transformations = [{"priority": 0, "type": "URL_DECODE"}, {"priority": 1, "type": "HTML_ENTITY_DECODE"}]
    fields: list[dict[str, Any]] = [{"all_query_arguments": {}}, {"body": {"oversize_handling": "CONTINUE"}}]
    parts = [{"xss_match_statement": {"field_to_match": field, "text_transformations": transformations}} for field in fields]
    capacity = len(fields) * (_XSS + len(transformations) * _TRANSFORMATION) + _ALL_ARGUMENTS
    name = "cross-site-scripting"
    statement = {"or_statement": {"statements": parts}}
    return WebRule(name=name, priority=PRIORITIES[name], statement=statement, capacity=capacity)


def custom(name: str, args: Mapping[str, Any]) -> WebRule:
    """A rule of the user's own, from checked arguments."""
    if args["rule_group_arn"] is not None:
        reference = {"rule_group_reference_statement": {"arn": args["rule_group_arn"]}}
        return WebRule(name=name, priority=args["priority"], statement=reference, capacity=args["rule_group_capacity"], group=True)
    conditions, capacity = _conditions(args)
    # All conditions must hold. AWS's "and" takes two at least, and the provider nests three levels only: there is no deeper tree here.
    joined = conditions[0] if len(conditions) == 1 else {"and_statement": {"statements": conditions}}
    if args["rate_limit"] is not None:
        return WebRule(name=name, priority=args["priority"], statement=_rate(args["rate_limit"], joined), capacity=capacity + _RATE)
    return WebRule(name=name, priority=args["priority"], statement=joined, capacity=capacity, action=args["action"])


def _rate(limit: int, scope: Statement | None) -> Statement:
    inner: Statement = {"limit": limit, "aggregate_key_type": "IP", "evaluation_window_sec": 300}
    if scope is not None:
        inner["scope_down_statement"] = scope
    return {"rate_based_statement": inner}


def _conditions(args: Mapping[str, Any]) -> tuple[list[Statement], int]:
    found: list[Statement] = []
    capacity = 0
    if args["path_prefix"] is not None:
        # Decoded and normalised first, or %2f and /./ would lead around the rule.
        decoded = ["URL_DECODE", "NORMALIZE_PATH"]
        found.append(_string({"uri_path": {}}, "STARTS_WITH", args["path_prefix"], decoded))
        capacity += _STRING_EDGE + len(decoded) * _TRANSFORMATION
    if args["method"] is not None:
        found.append(_string({"method": {}}, "EXACTLY", args["method"], ["NONE"]))
        capacity += _STRING_EDGE
    if args["header_name"] is not None:
        header = {"single_header": {"name": args["header_name"].lower()}}
        found.append(_string(header, "CONTAINS", args["header_contains"].lower(), ["LOWERCASE"]))
        capacity += _STRING_INSIDE + _TRANSFORMATION
    if args["country_codes"]:
        found.append({"geo_match_statement": {"country_codes": args["country_codes"]}})
        capacity += _GEO
    if args["except_country_codes"]:
        found.append({"not_statement": {"statement": {"geo_match_statement": {"country_codes": args["except_country_codes"]}}}})
        capacity += _GEO
    return found, capacity


def _string(field: dict[str, Any], place: str, text: str, transformations: list[str]) -> Statement:
    return {
        "byte_match_statement": {
            "field_to_match": field,
            "positional_constraint": place,
            "search_string": text,
            "text_transformations": [{"priority": index, "type": kind} for index, kind in enumerate(transformations)],
        }
    }
