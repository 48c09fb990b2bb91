"""Arguments of ``WebApplicationFirewall``."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Keys, Matches, Unique
from cloudpatterns.core.vocabulary import Cidr, KmsKeyArn, LogRetentionDays, Tags

# https://docs.aws.amazon.com/waf/latest/developerguide/aws-waf-capacity-units.html: above the first AWS charges extra.
_PRICED_CAPACITY = 1500
_MOST_CAPACITY = 5000

CountryCode = Annotated[str, Matches("[A-Z]{2}", "a country code such as DE")]
"""ISO 3166-1 alpha-2."""
RateLimit = Annotated[int, Field(ge=10, le=2_000_000_000)]
"""https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based-high-level-settings.html"""
HeaderName = Annotated[str, Matches(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", "a header such as X-Session, at most 64 characters")]


class CountRuleArgs(TypedDict):
    """A rule that counts for a while instead of blocking, to see what it would block."""

    rule: str
    """The rule: one of ``blocked-ipv4``, ``blocked-ipv6``, ``ip-reputation``, ``rate-limit``, ``common``, ``known-bad-inputs``,
    ``sql-injection``, ``cross-site-scripting``, a custom rule, or a rule in a managed group, ``common/SizeRestrictions_BODY``."""
    until: Annotated[str, Matches(r"\d{4}-\d\d-\d\d", "a date such as 2026-12-31")]
    """Last day of counting, at most 90 days ahead. Nothing changes by itself on that day: later deployments warn
    and continue, and the web ACL's tag ``count-until:<rule>`` shows the date to policies."""


class WebExceptionArgs(TypedDict):
    """A rule inside a managed group that counts permanently, because it does not fit the application."""

    rule: Annotated[str, Matches("[^/]+/.+", "a rule inside a managed group such as common/SizeRestrictions_BODY")]
    """Group and rule. AWS does not refuse an unknown name: the rule then continues to block."""
    reason: Annotated[str, Matches(r"[\w .:/=+\-@]{1,256}", "1 to 256 letters, digits, spaces and _.:/=+-@, as it becomes a tag")]
    """Why; it becomes the web ACL's tag ``exception:<rule>``."""


class WebRuleArgs(TypedDict):
    """A custom rule: conditions that must all hold, or a rule group."""

    priority: Annotated[int, Field(ge=1, le=9999)]
    """Its place: lower comes first. Built-in rules have 1000, 1001 (blocked), 2000, 2001 (allowed), 3000 (addresses), 4000 (rate), 5000
    (common), 6000 (bad inputs), 7000 (SQL) and 8000 (scripts). A renamed rule needs a new place, because the new one is created first."""
    action: NotRequired[Annotated[str, Choice("block", "allow"), Field(default="block")]]
    """``allow`` ends the evaluation."""
    path_prefix: NotRequired[Annotated[str, Field(max_length=200), Matches("/.*", "the beginning of a path such as /admin")]]
    """Beginning of the path, compared after decoding. Default: any path."""
    method: NotRequired[Annotated[str, Matches("[A-Z]{1,20}", "an HTTP method such as POST")]]
    """HTTP method. Default: any method."""
    header_name: NotRequired[Annotated[str, Field(min_length=1, max_length=64)]]
    """Name of a header. Needed with ``header_contains``."""
    header_contains: NotRequired[Annotated[str, Field(min_length=1, max_length=200)]]
    """Text in that header, in upper or lower case. Needed with ``header_name``."""
    country_codes: NotRequired[Annotated[list[CountryCode], Field(default=[])]]
    """Countries that the request comes from (ISO 3166-1, two capitals)."""
    except_country_codes: NotRequired[Annotated[list[CountryCode], Field(default=[])]]
    """Countries that the request does not come from. Not with ``rate_limit``."""
    rate_limit: NotRequired[RateLimit]
    """Blocks an address only above this number of such requests in five minutes. Default: blocks every such request."""
    rule_group_arn: NotRequired[pulumi.Input[str]]
    """Existing rule group instead of conditions; its rules have actions of their own. Needed with ``rule_group_capacity``."""
    rule_group_capacity: NotRequired[Annotated[int, Field(ge=1, le=_MOST_CAPACITY)]]
    """Capacity of the rule group in WCU. Needed with ``rule_group_arn``."""


class WebApplicationFirewallOptions(TypedDict):
    """What a user tunes of a ``WebApplicationFirewall``."""

    rate_limit: NotRequired[Annotated[RateLimit, Field(default=2000)]]
    """Requests that an address may send in five minutes."""
    blocked_cidrs: NotRequired[Annotated[list[Cidr], Field(default=[]), Unique()]]
    """Networks that are always blocked, none of them /0, at most 10,000 of IPv4 and IPv6 each."""
    allowed_cidrs: NotRequired[Annotated[list[Cidr], Field(default=[]), Unique()]]
    """Networks that skip all other rules, except blocked networks and custom rules before place 2000; together at most an IPv4 /8 or an
    IPv6 /16."""
    count_rules: NotRequired[Annotated[list[CountRuleArgs], Field(default=[])]]
    """Rules that count for a while. At least one rule must continue to block."""
    exceptions: NotRequired[Annotated[list[WebExceptionArgs], Field(default=[])]]
    """Rules inside managed groups that count permanently. Without any, bodies over 8 KB, for example, are blocked."""
    rules: NotRequired[
        Annotated[
            dict[str, WebRuleArgs], Field(default={}), Keys("[A-Za-z0-9_-]{1,70}", "1 to 70 letters, digits, hyphens and underscores")
        ]
    ]
    """Custom rules, by name."""
    max_capacity: NotRequired[Annotated[int, Field(default=_PRICED_CAPACITY, ge=1, le=_MOST_CAPACITY)]]
    """Most capacity of all rules together, in WCU; AWS charges extra above 1500."""
    # https://docs.aws.amazon.com/waf/latest/developerguide/limits.html
    redacted_headers: NotRequired[Annotated[list[HeaderName], Field(default=[], max_length=90)]]
    """Headers kept out of the logs beside authorization, cookie, proxy-authorization, x-api-key and x-amz-security-token."""
    redact_query_string: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether query strings are kept out of the logs; needed where they contain tokens."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that a created log group keeps the logs."""


class WebApplicationFirewallArgs(WebApplicationFirewallOptions):
    """Arguments of ``WebApplicationFirewall``: its options, and where it stands; none is required."""

    scope: NotRequired[Annotated[str, Choice("REGIONAL", "CLOUDFRONT"), Field(default="REGIONAL")]]
    """``CLOUDFRONT`` creates everything in us-east-1. A change replaces the web ACL."""
    associations: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """ARNs of load balancers, API stages and the like, by a name of your choice. A CloudFront distribution takes ``web_acl_arn``."""
    log_destination_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                ".*[:/]aws-waf-logs-[^:]*",
                "an ARN without :* at its end whose name starts with aws-waf-logs-, such as arn:aws:s3:::aws-waf-logs-shop",
            ),
        ]
    ]
    """Existing log group, bucket or Firehose stream for the logs. Default: a new log group."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of a created log group; its policy must admit CloudWatch Logs of the Region. Default: CloudWatch's own
    encryption."""
    tags: NotRequired[Tags]
    """Tags of the web ACL, the IP sets and the log group, beside those of counting rules and exceptions."""
