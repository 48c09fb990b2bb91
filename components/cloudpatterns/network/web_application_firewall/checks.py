"""What cannot be used among the arguments of a WebApplicationFirewall, and why."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from cloudpatterns.network._cidrs import Network, parse, too_broad
from cloudpatterns.network.web_application_firewall.rules import MANAGED, PRIORITIES, WebRule

# A roll-out longer than this is no roll-out. The date only comes nearer, so an accepted one is never refused later.
_LONGEST_COUNT_DAYS = 90
# https://docs.aws.amazon.com/waf/latest/developerguide/limits.html
_MOST_ADDRESSES = 10_000
_MOST_REDACTED = 90
# https://docs.aws.amazon.com/waf/latest/APIReference/API_Tag.html
_MOST_TAGS = 50
_TAG_VALUE = re.compile(r"[\w .:/=+\-@]{1,256}")
# Also the alphabet of metrics, 128 characters: https://docs.aws.amazon.com/waf/latest/APIReference/API_VisibilityConfig.html
_COMPONENT_NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")
_RULE_NAME = re.compile(r"[A-Za-z0-9_-]{1,70}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CONDITIONS = ("path_prefix", "method", "header_name", "country_codes", "except_country_codes")


def argument_problems(name: str, checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every fault of the arguments taken one by one."""
    if not _COMPONENT_NAME.fullmatch(name):
        yield "name", f"is {name!r}; metrics carry it: 1 to 50 letters, digits, hyphens and underscores. Give the component another name."
    if checked["scope"] == "CLOUDFRONT" and checked["associations"]:
        yield "associations", "cannot be used with scope CLOUDFRONT. Give web_acl_arn to the distribution as its web_acl_id."
    for kind in ("blocked", "allowed"):
        yield from _network_problems(f"{kind}_cidrs", checked[f"{kind}_cidrs"], narrow=kind == "allowed")
    for key, rule in checked["rules"].items():
        yield from _rule_problems(f"rules.{key}", key, rule)
    yield from _place_problems(checked["rules"])
    for index, entry in enumerate(checked["count_rules"]):
        yield from _date_problems(f"count_rules.{index}.until", entry["until"])
    for index, entry in enumerate(checked["exceptions"]):
        if not _TAG_VALUE.fullmatch(entry["reason"]):
            yield f"exceptions.{index}.reason", "must be 1 to 256 letters, digits, blanks and _.:/=+-@, as it becomes a tag. Reword it."
        if "/" not in entry["rule"]:
            yield (
                f"exceptions.{index}.rule",
                f"is {entry['rule']!r}; name one rule inside a managed group, such as common/SizeRestrictions_BODY.",
            )
    yield from _log_problems(checked)


def outcome_problems(checked: Mapping[str, Any], rules: Sequence[WebRule]) -> Iterator[tuple[str, str]]:
    """Every fault of the rules taken together: what counts, what still blocks, what they cost."""
    blocking = [rule.name for rule in rules if rule.group or rule.action == "block"]
    seen: set[str] = set()
    for argument in ("count_rules", "exceptions"):
        for index, entry in enumerate(checked[argument]):
            path, rule = f"{argument}.{index}.rule", entry["rule"]
            group, _, inner = rule.partition("/")
            if rule in seen:
                yield path, f"is {rule!r}, which is named already. Name each rule once."
            elif "/" in rule and (group not in MANAGED or not _RULE_NAME.fullmatch(inner)):
                yield path, f"is {rule!r}; before the slash one of {', '.join(MANAGED)} is needed, after it a rule of that group."
            elif "/" not in rule and rule not in blocking:
                yield path, f"is {rule!r}, which is no blocking rule here; there are {', '.join(blocking)}."
            seen.add(rule)
    if blocking and seen.issuperset(blocking):
        yield "count_rules", "leaves no rule that blocks. Take at least one out."
    capacity = sum(rule.capacity for rule in rules)
    if capacity > checked["max_capacity"]:
        costs = ", ".join(f"{rule.name} {rule.capacity}" for rule in rules)
        yield (
            "max_capacity",
            f"is {checked['max_capacity']}; the rules need {capacity} WCU ({costs}). Use fewer rules, or raise it up to 5000.",
        )
    marks = len(checked["count_rules"]) + len(checked["exceptions"])
    if len(checked["tags"]) + marks > _MOST_TAGS:
        reason = (
            f"has {len(checked['tags'])} tags; with {marks} for counting rules and exceptions it passes the {_MOST_TAGS} that AWS allows."
        )
        yield "tags", f"{reason} Use fewer."


def _network_problems(path: str, cidrs: Sequence[str], *, narrow: bool) -> Iterator[tuple[str, str]]:
    networks: set[Network] = set()
    for index, cidr in enumerate(cidrs):
        network = parse(cidr)
        if isinstance(network, str):
            yield f"{path}.{index}", network
        elif network in networks:
            yield f"{path}.{index}", f"is {network}, which is there already. Name each network once."
        elif network.prefixlen == 0:
            yield f"{path}.{index}", f"is {network}, the whole internet, which AWS WAF does not take. Name narrower networks."
        else:
            networks.add(network)
    for network in too_broad(networks) if narrow else ():
        yield path, f"adds up to {network}, which would skip the firewall; an IPv4 /8 or IPv6 /16 is the most. Name narrower networks."
    for version in (4, 6):
        count = sum(network.version == version for network in networks)
        if count > _MOST_ADDRESSES:
            yield path, f"has {count} IPv{version} networks; an IP set takes {_MOST_ADDRESSES}. Join neighbouring networks."


def _rule_problems(path: str, name: str, rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not _RULE_NAME.fullmatch(name) or name in PRIORITIES:
        yield (
            path,
            f"is named {name!r}; 1 to 70 letters, digits, hyphens and underscores, and no built-in rule's name, are allowed. Rename it.",
        )
    given = [condition for condition in _CONDITIONS if rule[condition]]
    if rule["rule_group_arn"] is not None:
        if given or rule["rate_limit"] is not None or rule["action"] != "block":
            yield path, "has a rule_group_arn and also an action, conditions or a rate_limit. Its group decides; leave them out."
        if rule["rule_group_capacity"] is None:
            yield f"{path}.rule_group_capacity", "is missing; AWS shows it with the rule group. Give it."
        return
    if rule["rule_group_capacity"] is not None:
        yield f"{path}.rule_group_capacity", "is given without rule_group_arn. Give both or none."
    if not given:
        yield path, f"has no condition; give at least one of {', '.join(_CONDITIONS)}, or a rule_group_arn."
    if (rule["header_name"] is None) != (rule["header_contains"] is None):
        yield path, "needs header_name and header_contains together. Give both or none."
    if rule["rate_limit"] is not None and rule["action"] == "allow":
        yield path, "has a rate_limit and the action allow; AWS rate limits can only block. Take one out."
    if rule["rate_limit"] is not None and rule["except_country_codes"]:
        yield path, "has a rate_limit and except_country_codes; the provider cannot nest that deep. Use country_codes."
    for argument in ("country_codes", "except_country_codes"):
        for index, code in enumerate(rule[argument]):
            if not re.fullmatch("[A-Z]{2}", code):
                yield f"{path}.{argument}.{index}", f"is {code!r}; a country has two capitals, such as DE. Correct it."


def _place_problems(rules: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    owners = {place: name for name, place in PRIORITIES.items()}
    for key, rule in rules.items():
        if (owner := owners.setdefault(rule["priority"], key)) != key:
            yield f"rules.{key}.priority", f"is {rule['priority']}, the place of {owner}. Choose another."


def _date_problems(path: str, until: str) -> Iterator[tuple[str, str]]:
    try:
        day = date.fromisoformat(until) if _DATE.fullmatch(until) else None
    except ValueError:
        day = None
    latest = date.today() + timedelta(days=_LONGEST_COUNT_DAYS)
    if day is None:
        yield path, f"is {until!r}; a date such as {latest} is needed. Correct it."
    elif day > latest:
        yield path, f"is {until}; a rule may count for {_LONGEST_COUNT_DAYS} days at most, until {latest}. Choose an earlier day."


def _log_problems(checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    destination = checked["log_destination_arn"]
    for argument in ("log_retention_days", "kms_key_arn"):
        if destination is not None and checked[argument] is not None:
            yield (
                argument,
                f"is for the log group made here, and log_destination_arn names another place. Give {argument} or log_destination_arn.",
            )
    if isinstance(destination, str) and not re.search(r"[:/]aws-waf-logs-[^:]*$", destination):
        yield (
            "log_destination_arn",
            f"is {destination!r}; an ARN is needed whose name starts with aws-waf-logs- and which has no :* at its end.",
        )
    headers = checked["redacted_headers"]
    for index, header in enumerate(headers):
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", header):
            yield f"redacted_headers.{index}", f"is {header!r}; the name of a header, at most 64 characters, is needed. Correct it."
    if len(headers) > _MOST_REDACTED:
        yield (
            "redacted_headers",
            f"has {len(headers)} headers; AWS WAF leaves out {_MOST_REDACTED} at most beside the usual ones. Name fewer.",
        )
