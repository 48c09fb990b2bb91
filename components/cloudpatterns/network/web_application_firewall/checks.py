"""What is wrong with the arguments of a ``WebApplicationFirewall``."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from cloudpatterns.core import Problem, excludes, is_given, needs
from cloudpatterns.network._cidrs import networks_of, too_broad
from cloudpatterns.network.web_application_firewall.arguments import WebApplicationFirewallArgs, WebRuleArgs
from cloudpatterns.network.web_application_firewall.rules import MANAGED, PRIORITIES, address_sets, web_rules

# https://docs.aws.amazon.com/waf/latest/developerguide/limits.html
_MOST_ADDRESSES = 10_000
# https://docs.aws.amazon.com/waf/latest/APIReference/API_Tag.html
_MOST_TAGS = 50
_CONDITIONS = ("path_prefix", "method", "header_name", "country_codes", "except_country_codes")


def firewall_problems(name: str, checked: WebApplicationFirewallArgs) -> Iterator[Problem]:
    """What is wrong with the arguments one by one; if nothing, then with the rules together."""
    yield from [*_argument_problems(name, checked)] or _outcome_problems(checked)


def _argument_problems(name: str, checked: WebApplicationFirewallArgs) -> Iterator[Problem]:
    # The alphabet of metrics, 128 characters: https://docs.aws.amazon.com/waf/latest/APIReference/API_VisibilityConfig.html
    if not re.fullmatch("[A-Za-z0-9_-]{1,50}", name):
        yield "name", f"is {name!r}; metrics carry it: 1 to 50 letters, digits, hyphens and underscores. Give the component another name."
    if checked["scope"] == "CLOUDFRONT" and checked["associations"]:
        yield "associations", "cannot be used with scope CLOUDFRONT. Give web_acl_arn to the distribution as its web_acl_id."
    for argument in ("blocked_cidrs", "allowed_cidrs"):
        yield from _network_problems(argument, checked[argument])
    for network in too_broad(network for network in networks_of(checked["allowed_cidrs"]) if network.prefixlen):
        yield (
            "allowed_cidrs",
            f"adds up to {network}, which would skip the firewall; an IPv4 /8 or IPv6 /16 is the most. Name narrower networks.",
        )
    yield from _rule_problems(checked["rules"])
    for index, entry in enumerate(checked["count_rules"]):
        yield from _date_problems(f"count_rules.{index}.until", entry["until"])
    yield from excludes(checked, "log_destination_arn", "log_retention_days", "kms_key_arn", why="it is for a log group that is created")


def _network_problems(path: str, cidrs: Sequence[str]) -> Iterator[Problem]:
    networks = networks_of(cidrs)
    for index, network in enumerate(networks):
        if network.prefixlen == 0:
            yield f"{path}.{index}", f"is {network}, the whole internet, which AWS WAF does not take. Name narrower networks."
    for version in (4, 6):
        count = sum(network.version == version for network in networks)
        if count > _MOST_ADDRESSES:
            yield path, f"has {count} IPv{version} networks; an IP set takes {_MOST_ADDRESSES}. Join neighbouring networks."


def _rule_problems(rules: Mapping[str, WebRuleArgs]) -> Iterator[Problem]:
    owners = {place: name for name, place in PRIORITIES.items()}
    for name, rule in rules.items():
        path = f"rules.{name}"
        if name in PRIORITIES:
            yield path, "has the name of a built-in rule. Rename it."
        yield from _condition_problems(f"{path}.", rule)
        if not any(is_given(rule, key) for key in (*_CONDITIONS, "rule_group_arn")):
            yield path, f"has no condition; give at least one of {', '.join(_CONDITIONS)}, or a rule_group_arn."
        if (owner := owners.setdefault(rule["priority"], name)) != name:
            yield f"{path}.priority", f"is {rule['priority']}, the place of {owner}. Choose another."


def _condition_problems(path: str, rule: WebRuleArgs) -> Iterator[Problem]:
    why = "the group's rules have conditions and actions of their own"
    yield from excludes(rule, "rule_group_arn", "action", *_CONDITIONS, "rate_limit", path=path, why=why)
    for one, other in (("rule_group_arn", "rule_group_capacity"), ("header_name", "header_contains")):
        yield from needs(rule, one, other, path=path)
        yield from needs(rule, other, one, path=path)
    yield from excludes(rule, "rate_limit", "action", path=path, why="AWS WAF's rate limits can only block")
    yield from excludes(
        rule, "rate_limit", "except_country_codes", path=path, why="the provider does not nest that deep, so use country_codes"
    )


def _date_problems(path: str, until: str) -> Iterator[Problem]:
    # A roll-out is over after this. The date only comes nearer, so an accepted one is never refused later.
    latest = date.today() + timedelta(days=90)
    try:
        if date.fromisoformat(until) > latest:
            yield path, f"is {until}; a rule may count for 90 days at most, until {latest}. Choose an earlier day."
    except ValueError:
        yield path, f"is {until!r}; a date such as {latest} is needed. Correct it."


def _outcome_problems(checked: WebApplicationFirewallArgs) -> Iterator[Problem]:
    """What counts, what still blocks, and what the rules cost."""
    rules = list(web_rules(checked, dict.fromkeys(address_sets(checked), "")))
    blocking = [rule.name for rule in rules if rule.group or rule.action == "block"]
    counted = {f"count_rules.{index}.rule": entry["rule"] for index, entry in enumerate(checked["count_rules"])}
    excepted = {f"exceptions.{index}.rule": entry["rule"] for index, entry in enumerate(checked["exceptions"])}
    yield from _counting_problems({**counted, **excepted}, blocking)
    if blocking and set(counted.values()).issuperset(blocking):
        yield "count_rules", "leaves no rule that blocks. Remove at least one."
    capacity = sum(rule.capacity for rule in rules)
    if capacity > checked["max_capacity"]:
        costs = ", ".join(f"{rule.name} {rule.capacity}" for rule in rules)
        yield (
            "max_capacity",
            f"is {checked['max_capacity']}; the rules need {capacity} WCU ({costs}). Use fewer rules, or raise it up to 5000.",
        )
    tags, marks = len(checked["tags"]), len(counted) + len(excepted)
    if tags + marks > _MOST_TAGS:
        yield "tags", f"has {tags} tags; with {marks} for counting rules and exceptions it passes AWS's limit of {_MOST_TAGS}. Use fewer."


def _counting_problems(rules: Mapping[str, str], blocking: Sequence[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for path, rule in rules.items():
        group, slash, inner = rule.partition("/")
        if rule in seen:
            yield path, f"is {rule!r}, which is already in the list. Name each rule once."
        elif slash and (group not in MANAGED or not re.fullmatch("[A-Za-z0-9_-]{1,70}", inner)):
            yield path, f"is {rule!r}; before the slash one of {', '.join(MANAGED)} is needed, after it a rule of that group."
        elif not slash and rule not in blocking:
            yield path, f"is {rule!r}, which is not a rule that blocks; those are {', '.join(blocking)}."
        seen.add(rule)
