"""The rules of a web ACL: their fixed places, what they inspect, and what they cost in web ACL capacity units (WCU)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from cloudpatterns.network.web_application_firewall.arguments import WebApplicationFirewallArgs, WebRuleArgs

# As `aws.wafv2.WebAclRuleStatementArgsDict`, loosely: parts are chosen at run time.
Statement = dict[str, Any]

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


@dataclass(frozen=True)
class WebRule:
    """A rule before it becomes a resource; ``group`` rules take an override instead of an action of their own."""

    name: str
    priority: int
    statement: Statement
    capacity: int
    action: str = "block"
    group: bool = False


def address_sets(checked: WebApplicationFirewallArgs) -> dict[str, list[str]]:
    """The addresses of the IP sets, by the name of the set and its rule."""
    cidrs = {"blocked": checked["blocked_cidrs"], "allowed": checked["allowed_cidrs"]}
    sets = {
        f"{kind}-ipv{version}": [cidr for cidr in cidrs[kind] if (":" in cidr) == (version == 6)] for kind in cidrs for version in (4, 6)
    }
    return {name: addresses for name, addresses in sets.items() if addresses}


def web_rules(checked: WebApplicationFirewallArgs, set_arns: Mapping[str, pulumi.Input[str]]) -> Iterator[WebRule]:
    """All rules; ``set_arns`` are the ARNs of the IP sets by their names."""
    for name, arn in set_arns.items():
        statement: Statement = {"ip_set_reference_statement": {"arn": arn}}
        yield WebRule(name, PRIORITIES[name], statement, _IP_SET, "block" if name.startswith("blocked") else "allow")
    counted = sorted(entry["rule"] for entry in (*checked["count_rules"], *checked["exceptions"]))
    for name, (group, capacity) in MANAGED.items():
        managed: Statement = {"vendor_name": "AWS", "name": group}
        if inner := [rule.removeprefix(f"{name}/") for rule in counted if rule.startswith(f"{name}/")]:
            managed["rule_action_overrides"] = [{"name": rule, "action_to_use": {"count": {}}} for rule in inner]
        yield WebRule(name, PRIORITIES[name], {"managed_rule_group_statement": managed}, capacity, group=True)
    yield WebRule("rate-limit", PRIORITIES["rate-limit"], _rate(checked["rate_limit"]), _RATE)
    yield _cross_site_scripting("cross-site-scripting")
    for name, rule in checked["rules"].items():
        yield _custom(name, rule)


def _cross_site_scripting(name: str) -> WebRule:
    """Blocks scripts in query arguments and in the part of the body that AWS inspects."""
    transformations = _transformations("URL_DECODE", "HTML_ENTITY_DECODE")
    fields: list[Statement] = [{"all_query_arguments": {}}, {"body": {"oversize_handling": "CONTINUE"}}]
    parts = [{"xss_match_statement": {"field_to_match": field, "text_transformations": transformations}} for field in fields]
    capacity = len(fields) * (_XSS + len(transformations) * _TRANSFORMATION) + _ALL_ARGUMENTS
    return WebRule(name, PRIORITIES[name], {"or_statement": {"statements": parts}}, capacity)


def _custom(name: str, rule: WebRuleArgs) -> WebRule:
    group_arn, limit = rule.get("rule_group_arn"), rule.get("rate_limit")
    if group_arn is not None:
        reference = {"rule_group_reference_statement": {"arn": group_arn}}
        return WebRule(name, rule["priority"], reference, rule["rule_group_capacity"], group=True)
    conditions = list(_conditions(rule))
    statements, capacity = [statement for statement, _ in conditions], sum(cost for _, cost in conditions)
    # All conditions must hold. AWS's "and" takes two at least, and the provider nests three levels only: there is no deeper tree here.
    joined = statements[0] if len(statements) == 1 else {"and_statement": {"statements": statements}}
    if limit is not None:
        return WebRule(name, rule["priority"], _rate(limit, scope_down_statement=joined), capacity + _RATE)
    return WebRule(name, rule["priority"], joined, capacity, rule["action"])


def _rate(limit: int, **scope: Statement) -> Statement:
    return {"rate_based_statement": {"limit": limit, "aggregate_key_type": "IP", "evaluation_window_sec": 300, **scope}}


def _conditions(rule: WebRuleArgs) -> Iterator[tuple[Statement, int]]:
    """The statements of the conditions, and what each costs."""
    path, method, header, contains = (rule.get(key) for key in ("path_prefix", "method", "header_name", "header_contains"))
    if path is not None:
        # Decoded and normalised first, or %2f and /./ would lead around the rule.
        decoded = ("URL_DECODE", "NORMALIZE_PATH")
        yield _string({"uri_path": {}}, "STARTS_WITH", path, *decoded), _STRING_EDGE + len(decoded) * _TRANSFORMATION
    if method is not None:
        yield _string({"method": {}}, "EXACTLY", method, "NONE"), _STRING_EDGE
    if header is not None and contains is not None:
        field = {"single_header": {"name": header.lower()}}
        yield _string(field, "CONTAINS", contains.lower(), "LOWERCASE"), _STRING_INSIDE + _TRANSFORMATION
    if rule["country_codes"]:
        yield _countries(rule["country_codes"]), _GEO
    if rule["except_country_codes"]:
        yield {"not_statement": {"statement": _countries(rule["except_country_codes"])}}, _GEO


def _countries(codes: list[str]) -> Statement:
    return {"geo_match_statement": {"country_codes": codes}}


def _string(field: Statement, position: str, text: str, *transformations: str) -> Statement:
    return {
        "byte_match_statement": {
            "field_to_match": field,
            "positional_constraint": position,
            "search_string": text,
            "text_transformations": _transformations(*transformations),
        }
    }


def _transformations(*kinds: str) -> list[Statement]:
    return [{"priority": index, "type": kind} for index, kind in enumerate(kinds)]
