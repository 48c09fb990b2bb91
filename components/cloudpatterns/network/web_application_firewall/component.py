"""Web Application Firewall (Cloud Design Patterns for AWS; Architecting for the Cloud): requests are judged by what is in them.

Makes a WAFv2 web ACL with one resource per rule: blocked and allowed networks, AWS's managed groups (bad addresses, common attacks,
known bad inputs, SQL injection), cross-site scripting, a rate limit per address and rules of your own; full logs without credentials;
and the association with load balancers and API stages.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import ArgumentError, Choice, Component, after
from cloudpatterns.core.vocabulary import KmsKeyArn, LogRetentionDays, Tags
from cloudpatterns.network._cidrs import parse
from cloudpatterns.network.web_application_firewall.checks import argument_problems, outcome_problems
from cloudpatterns.network.web_application_firewall.rules import (
    MANAGED,
    MOST_CAPACITY,
    PRICED_CAPACITY,
    WebRule,
    cross_site_scripting,
    custom,
    ip_set,
    managed,
    rate_limit,
)

_RETENTION_DAYS = 365
_REDACTED_HEADERS = ("authorization", "cookie", "proxy-authorization", "x-api-key", "x-amz-security-token")


class CountRuleArgs(TypedDict):
    """A rule that counts for a while instead of blocking, to see whom it would block."""

    rule: str
    """The rule: one of ``blocked-ipv4``, ``blocked-ipv6``, ``ip-reputation``, ``rate-limit``, ``common``, ``known-bad-inputs``,
    ``sql-injection``, ``cross-site-scripting``, a rule of your own, or a rule in a managed group, ``common/SizeRestrictions_BODY``."""
    until: str
    """The last day of counting, ``2026-12-31``, at most 90 days ahead. Nothing changes by itself on that day: later deployments warn and go
    on, and the web ACL's tag ``count-until:<rule>`` shows the date to policies."""


class WebExceptionArgs(TypedDict):
    """A rule inside a managed group that counts for good, because it does not fit the application."""

    rule: str
    """Group and rule, ``common/SizeRestrictions_BODY``. AWS does not refuse a name it does not know: the rule then goes on blocking."""
    reason: str
    """Why, 1 to 256 letters, digits, blanks and ``_.:/=+-@``; it becomes the web ACL's tag ``exception:<rule>``."""


class WebRuleArgs(TypedDict):
    """A rule of your own: conditions that must all hold, or a rule group."""

    priority: Annotated[int, Field(ge=1, le=9999)]
    """Its place, 1 to 9999: lower comes first. Built in are 1000, 1001 (blocked), 2000, 2001 (allowed), 3000 (addresses), 4000 (rate),
    5000 (common), 6000 (bad inputs), 7000 (SQL) and 8000 (scripts). A renamed rule needs a new place, because the new one comes first."""
    action: NotRequired[Annotated[str, Choice("block", "allow"), Field(default="block")]]
    """``block``, or ``allow``, which ends the evaluation. Default: ``block``."""
    path_prefix: NotRequired[Annotated[str, Field(pattern="^/", max_length=200)]]
    """Beginning of the path, e.g. ``/admin``, compared after decoding; at most 200 characters."""
    method: NotRequired[Annotated[str, Field(pattern="^[A-Z]{1,20}$")]]
    """The HTTP method, e.g. ``POST``."""
    header_name: NotRequired[Annotated[str, Field(min_length=1, max_length=64)]]
    """A header, with ``header_contains``."""
    header_contains: NotRequired[Annotated[str, Field(min_length=1, max_length=200)]]
    """What the header contains, in any case; at most 200 characters."""
    country_codes: NotRequired[Annotated[list[str], Field(default=[])]]
    """The request comes from one of these countries (ISO 3166-1, two capitals)."""
    except_country_codes: NotRequired[Annotated[list[str], Field(default=[])]]
    """The request comes from none of these countries. Not with ``rate_limit``."""
    # https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based-high-level-settings.html
    rate_limit: NotRequired[Annotated[int, Field(ge=10, le=2_000_000_000)]]
    """Blocks an address only above this number of such requests in five minutes, 10 to 2000000000. Default: blocks each one."""
    rule_group_arn: NotRequired[pulumi.Input[str]]
    """An existing rule group instead of conditions; its rules have actions of their own. Needs ``rule_group_capacity``."""
    rule_group_capacity: NotRequired[Annotated[int, Field(ge=1, le=MOST_CAPACITY)]]
    """The rule group's capacity in WCU, 1 to 5000."""


class WebApplicationFirewallOptions(TypedDict):
    """What a user tunes of a ``WebApplicationFirewall``."""

    rate_limit: NotRequired[Annotated[int, Field(default=2000, ge=10, le=2_000_000_000)]]
    """Requests an address may send in five minutes, 10 to 2000000000. Default: 2000."""
    blocked_cidrs: NotRequired[Annotated[list[str], Field(default=[])]]
    """Networks that are always blocked, IPv4 and IPv6, none of them /0, at most 10000 of each. Default: none."""
    allowed_cidrs: NotRequired[Annotated[list[str], Field(default=[])]]
    """Networks that skip all other rules, but for blocked networks and rules of your own before place 2000; together at most an IPv4 /8
    or an IPv6 /16. Default: none."""
    count_rules: NotRequired[Annotated[list[CountRuleArgs], Field(default=[])]]
    """Rules that count for a while. At least one rule must go on blocking. Default: none."""
    exceptions: NotRequired[Annotated[list[WebExceptionArgs], Field(default=[])]]
    """Rules inside managed groups that count for good. Default: none, so that e.g. bodies over 8 KB are blocked."""
    rules: NotRequired[Annotated[dict[str, WebRuleArgs], Field(default={})]]
    """Rules of your own, by name: letters, digits, ``_`` and ``-``, at most 70. Default: none."""
    max_capacity: NotRequired[Annotated[int, Field(default=PRICED_CAPACITY, ge=1, le=MOST_CAPACITY)]]
    """What the rules may cost together in WCU, up to 5000. Default: 1500; AWS charges extra above."""
    redacted_headers: NotRequired[Annotated[list[str], Field(default=[])]]
    """Headers kept out of the logs beside authorization, cookie, proxy-authorization, x-api-key and x-amz-security-token. Default: none."""
    redact_query_string: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether query strings are kept out of the logs; needed where tokens travel in them. Default: false."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days the log group that is made keeps the logs. Default: 365."""


class WebApplicationFirewallArgs(WebApplicationFirewallOptions):
    """Arguments of ``WebApplicationFirewall``: its options, and where it stands; none is required."""

    scope: NotRequired[Annotated[str, Choice("REGIONAL", "CLOUDFRONT"), Field(default="REGIONAL")]]
    """``REGIONAL``, or ``CLOUDFRONT``, which puts everything into us-east-1. Changing it replaces the web ACL. Default: ``REGIONAL``."""
    associations: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """ARNs of load balancers, API stages and the like, by a name of your choice. A CloudFront distribution takes ``web_acl_arn`` itself.
    Default: none."""
    log_destination_arn: NotRequired[pulumi.Input[str]]
    """An existing log group (without ``:*``), bucket or Firehose stream for the logs, whose name starts with ``aws-waf-logs-``. Default: a
    log group is made."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the log group that is made; its policy must admit CloudWatch Logs of the region. Default: CloudWatch's own encryption."""
    tags: NotRequired[Tags]
    """Tags of the web ACL, the IP sets and the log group. Default: none but those of counting rules and exceptions."""


class WebApplicationFirewall(Component):
    """A web ACL with its rules, logs and associations (Cloud Design Patterns for AWS, "Web Application Firewall").

    What no rule blocks is let through. Sampling of requests is off, because samples show the very credentials that the logs leave out.
    """

    web_acl_arn: pulumi.Output[str]
    """ARN of the web ACL, given out once its rules are in place; for CloudFront the distribution's ``web_acl_id``."""
    log_destination_arn: pulumi.Output[str]
    """ARN of what receives the logs."""
    log_group_name: pulumi.Output[str]
    """Name of the log group made here; empty when the logs go to ``log_destination_arn``."""

    def __init__(self, name: str, args: WebApplicationFirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        problems = list(argument_problems(name, checked))
        if not problems:
            problems = list(outcome_problems(checked, _rules(checked, dict.fromkeys(_address_sets(checked), ""))))
        if problems:
            raise ArgumentError("WebApplicationFirewall", name, problems)
        super().__init__("WebApplicationFirewall", name, opts)
        self._label = name
        self._scope = checked["scope"]
        # A web ACL of CloudFront, its sets and its logs live in us-east-1: https://docs.aws.amazon.com/waf/latest/developerguide/how-aws-waf-works-resources.html
        self._region = "us-east-1" if self._scope == "CLOUDFRONT" else None
        for entry in checked["count_rules"]:
            if date.fromisoformat(entry["until"]) < date.today():
                pulumi.log.warn(f"{entry['rule']} should have blocked since {entry['until']}: take it out of count_rules", self)
        acl = aws.wafv2.WebAcl(
            f"{name}-acl",
            scope=self._scope,
            region=self._region,
            default_action={"allow": {}},
            visibility_config={"cloudwatch_metrics_enabled": True, "metric_name": f"{name}-acl", "sampled_requests_enabled": False},
            tags={**checked["tags"], **_marks(checked)},
            # Rules are resources of their own: inline, an IP set could not be removed. Nothing but the tags may change here later: the
            # provider would write back the rules of its own state, which has none. So, too, no data protection: rules would erase it.
            # https://github.com/hashicorp/terraform-provider-aws/issues/39281, https://github.com/hashicorp/terraform-provider-aws/issues/49388
            opts=self.child(ignore_changes=["rules"]),
        )
        sets = {key: self._make_set(key, networks, checked["tags"]) for key, networks in _address_sets(checked).items()}
        counted = {entry["rule"] for entry in checked["count_rules"]}
        made = [self._make_rule(rule, acl, counts=rule.name in counted) for rule in _rules(checked, sets)]
        logging = self._log(acl, checked)
        for key, arn in checked["associations"].items():
            aws.wafv2.WebAclAssociation(
                f"{name}-{key}",
                resource_arn=arn,
                web_acl_arn=acl.arn,
                # Its deletion frees the resource from whichever web ACL it has, so the old association must go before the new one comes.
                opts=self.child(depends_on=[*made, logging], delete_before_replace=True),
            )
        # Not after the logs: they are deleted before they are replaced, which would pull down whatever hangs on them.
        self.web_acl_arn = after(acl.arn, *made)
        self.register()

    def _make_set(self, key: str, networks: list[str], tags: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
        return aws.wafv2.IpSet(
            f"{self._label}-{key}",
            scope=self._scope,
            region=self._region,
            ip_address_version="IPV4" if key.endswith("ipv4") else "IPV6",
            addresses=networks,
            tags=tags,
            opts=self.child(),
        ).arn

    def _make_rule(self, rule: WebRule, acl: aws.wafv2.WebAcl, *, counts: bool) -> aws.wafv2.WebAclRule:
        own: dict[str, Any] = {"override_action": {"count" if counts else "none": {}}} if rule.group else {}
        return aws.wafv2.WebAclRule(
            f"{self._label}-{rule.name}",
            # Unique within the web ACL only; it stands in logs and tags, so it has no random part.
            name=rule.name,
            web_acl_arn=acl.arn,
            region=self._region,
            priority=rule.priority,
            statement=rule.statement,  # ty: ignore[invalid-argument-type]  # chosen at run time; tests compare it with AWS's form
            visibility_config={
                "cloudwatch_metrics_enabled": True,
                "metric_name": f"{self._label}-{rule.name}",
                "sampled_requests_enabled": False,
            },
            opts=self.child(),
            **(own or {"action": {"count" if counts else rule.action: {}}}),
        )

    def _log(self, acl: aws.wafv2.WebAcl, checked: Mapping[str, Any]) -> aws.wafv2.WebAclLoggingConfiguration:
        if checked["log_destination_arn"] is None:
            group = aws.cloudwatch.LogGroup(
                f"{self._label}-logs",
                # AWS demands the beginning; the rest keeps stacks of one account apart. Not `name_prefix`, which auto-naming stood in the
                # way of (https://github.com/pulumi/pulumi/issues/6155). WAF grants itself the right to write, in one policy per region that
                # all web ACLs share: https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
                name=f"aws-waf-logs-{pulumi.get_project()}-{pulumi.get_stack()}-{self._label}",
                region=self._region,
                retention_in_days=checked["log_retention_days"] or _RETENTION_DAYS,
                kms_key_id=checked["kms_key_arn"],
                tags=checked["tags"],
                opts=self.child(),
            )
            self.log_destination_arn, self.log_group_name = group.arn, group.name
        else:
            self.log_destination_arn = pulumi.Output.from_input(checked["log_destination_arn"])
            self.log_group_name = pulumi.Output.from_input("")
        headers = dict.fromkeys([*_REDACTED_HEADERS, *(header.lower() for header in checked["redacted_headers"])])
        redacted: list[dict[str, Any]] = [{"single_header": {"name": header}} for header in headers]
        if checked["redact_query_string"]:
            redacted.append({"query_string": {}})
        return aws.wafv2.WebAclLoggingConfiguration(
            f"{self._label}-logging",
            resource_arn=acl.arn,
            region=self._region,
            log_destination_configs=[self.log_destination_arn],
            redacted_fields=redacted,  # ty: ignore[invalid-argument-type]  # a plain dictionary is the TypedDict it asks for
            # A web ACL has one: deleting the old one after the new one has come would switch the logs off.
            opts=self.child(delete_before_replace=True),
        )


def _address_sets(checked: Mapping[str, Any]) -> dict[str, list[str]]:
    sets: dict[str, list[str]] = {}
    for kind in ("blocked", "allowed"):
        networks = [network for cidr in checked[f"{kind}_cidrs"] if not isinstance(network := parse(cidr), str)]
        for version in (4, 6):
            if own := [str(network) for network in networks if network.version == version]:
                sets[f"{kind}-ipv{version}"] = own
    return sets


def _rules(checked: Mapping[str, Any], sets: Mapping[str, pulumi.Input[str]]) -> list[WebRule]:
    inner = [entry["rule"].split("/") for entry in (*checked["count_rules"], *checked["exceptions"]) if "/" in entry["rule"]]
    return [
        *(ip_set(key, arn, "block" if key.startswith("blocked") else "allow") for key, arn in sets.items()),
        *(managed(group, sorted(rule for owner, rule in inner if owner == group)) for group in MANAGED),
        rate_limit(checked["rate_limit"]),
        cross_site_scripting(),
        *(custom(key, rule) for key, rule in checked["rules"].items()),
    ]


def _marks(checked: Mapping[str, Any]) -> dict[str, str]:
    """Tags that show policies and people what does not block."""
    return {
        **{f"count-until:{entry['rule']}": entry["until"] for entry in checked["count_rules"]},
        **{f"exception:{entry['rule']}": entry["reason"] for entry in checked["exceptions"]},
    }
