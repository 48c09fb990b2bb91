"""What every component with a distribution of its own has: its names and certificate, its firewall, headers, logs and alarms."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.certificate import main_name_problems
from cloudpatterns.blocks.distribution import EDGE_REGION, Viewer
from cloudpatterns.blocks.edge import (
    Cors,
    SecurityHeaders,
    access_logs,
    alias_records,
    distribution_alarms,
    edge_certificate,
    response_headers,
)
from cloudpatterns.core import Choice, Component, Keys, Matches, Problem, Unique, account_of, after, excludes, is_given, pick
from cloudpatterns.core.vocabulary import AlarmTopicArns, BucketArn, DomainName, EdgeCertificateArn, HostedZoneId, Tags
from cloudpatterns.network import WebApplicationFirewall, WebApplicationFirewallOptions
from cloudpatterns.storage import DurableBucket

_YEAR_SECONDS = 31_536_000
_CountryCode = Annotated[str, Matches("[A-Z]{2}", "a country code such as DE")]
_Header = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}"

EdgeWebAclArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:wafv2:us-east-1:[^:]*:global/webacl/.+",
        "a web ACL of the scope CLOUDFRONT such as arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/1a2b3c",
    ),
]
"""A web ACL that CloudFront takes, in us-east-1."""
BucketHost = Annotated[
    pulumi.Input[str],
    Matches(
        r"[a-z0-9.-]+\.s3\.[a-z0-9-]+\.amazonaws\.com(\.cn)?",
        "the host name of a bucket in its Region, no website endpoint, such as assets.s3.eu-west-1.amazonaws.com",
    ),
]
"""``bucket_regional_domain_name`` of a bucket."""
WebOriginUrl = Annotated[str, Matches(r"https://[a-z0-9.-]+(:\d{1,5})?", "an origin such as https://shop.example.com")]
"""The origin of a page, as browsers send it in the header ``Origin``."""


class CdnCors(TypedDict):
    """Which pages may read responses by scripts, fonts and modules."""

    origins: Annotated[list[WebOriginUrl], Field(min_length=1, max_length=50), Unique()]
    """Origins of the pages, each by its name: any origin at all cannot be named."""
    methods: NotRequired[
        Annotated[
            list[Annotated[str, Choice("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")]],
            Field(default=["GET", "HEAD", "OPTIONS"], min_length=1),
            Unique(),
        ]
    ]
    """Methods that scripts may use."""
    headers: NotRequired[Annotated[list[str], Field(default=["*"], min_length=1, max_length=50)]]
    """Request headers that scripts may set. ``*`` does not cover ``Authorization``, and nothing with ``cookies``."""
    expose_headers: NotRequired[Annotated[list[str], Field(default=[], max_length=50)]]
    """Response headers that scripts may read, beside those that browsers always show."""
    cookies: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether browsers send cookies along; ``headers`` must then be named."""
    max_age_seconds: NotRequired[Annotated[int, Field(default=600, ge=0, le=86_400)]]
    """Seconds for which a browser asks no second time."""


class CdnHeaders(TypedDict):
    """Headers of every response, by which a browser protects its user."""

    content_security_policy: NotRequired[Annotated[pulumi.Input[str], Matches(r"[^\r\n]{1,1783}", "1 to 1,783 characters in one line")]]
    """Sources that a page may load from: ``default-src 'self'``. Default: the origin's header, or none."""
    frame_options: NotRequired[Annotated[str, Choice("DENY", "SAMEORIGIN"), Field(default="DENY")]]
    """Whether pages of the same site may show these in a frame; others never may."""
    referrer_policy: NotRequired[
        Annotated[
            str,
            Choice("no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"),
            Field(default="strict-origin-when-cross-origin"),
        ]
    ]
    """What other sites learn about the page with a link to them."""
    hsts_seconds: NotRequired[Annotated[int, Field(default=_YEAR_SECONDS, ge=0, le=63_072_000)]]
    """Seconds for which browsers use HTTPS alone after a visit."""
    hsts_subdomains: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether that binds all names below the domain name as well, those of other systems too."""
    hsts_preload: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether browsers may know it before the first visit; hard to undo. Needs ``hsts_subdomains``."""
    replace: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether these headers take the place of the origin's own; Strict-Transport-Security and X-Content-Type-Options always do."""
    custom: NotRequired[Annotated[dict[str, pulumi.Input[str]], Keys(_Header, "header characters"), Field(default={}, max_length=10)]]
    """More headers, by name, such as ``Permissions-Policy``."""
    remove: NotRequired[
        Annotated[
            list[Annotated[str, Matches(_Header, "a header such as Server")]], Field(default=["Server", "X-Powered-By"], max_length=10)
        ]
    ]
    """Headers of the origin that viewers do not get."""
    cors: NotRequired[CdnCors]
    """Pages of other sites that may read responses by scripts. Default: none but where the origin allows it."""


class CdnViewerOptions(TypedDict):
    """What a user tunes of the side that viewers see."""

    tls_policy: NotRequired[Annotated[str, Choice("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025"), Field(default="TLSv1.2_2025")]]
    """Lowest TLS version and ciphers of viewers."""
    price_class: NotRequired[Annotated[str, Choice("PriceClass_100", "PriceClass_200", "PriceClass_All"), Field(default="PriceClass_All")]]
    """Edge locations: North America and Europe; without the most expensive ones; or all."""
    country_codes: NotRequired[Annotated[list[_CountryCode], Field(default=[], max_length=300), Unique()]]
    """Countries whose viewers are served, others get 403. Without any, all are."""
    blocked_country_codes: NotRequired[Annotated[list[_CountryCode], Field(default=[], max_length=300), Unique()]]
    """Countries whose viewers get 403. Not with ``country_codes``."""
    headers: NotRequired[Annotated[CdnHeaders, Field(default={})]]
    """Headers of every response."""
    firewall: NotRequired[Annotated[WebApplicationFirewallOptions, Field(default={})]]
    """The web application firewall in front, see ``WebApplicationFirewall``."""
    log_query_strings: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the logs of CloudFront, and those of a new web ACL, have query strings and referrers; not where these hold tokens."""
    log_retention_days: NotRequired[Annotated[int, Field(default=365, ge=1)]]
    """Days that a created log bucket keeps the access logs."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroy deletes the logs in a created log bucket; otherwise a bucket with logs cannot be destroyed."""
    alarm_5xx_percent: NotRequired[Annotated[float, Field(default=5, ge=0.1, le=50)]]
    """Share of the requests of five minutes that may end in 5xx without an alarm. Fewer than five such requests never raise one."""


class CdnViewerArgs(CdnViewerOptions):
    """Where the side that viewers see stands."""

    domain_names: NotRequired[Annotated[list[DomainName], Field(default=[], max_length=100), Unique()]]
    """Domain names to serve, the main one first. Exactly one of this and ``default_certificate``."""
    hosted_zone_id: NotRequired[HostedZoneId]
    """Public Route 53 hosted zone of all ``domain_names``, for alias records and, without ``certificate_arn``, the certificate. Default: no
    records."""
    certificate_arn: NotRequired[EdgeCertificateArn]
    """Certificate for all ``domain_names``, in us-east-1. Default: a new one, validated in ``hosted_zone_id``, which takes ten names until
    ACM's quota is raised."""
    alias_records: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether ``domain_names`` point to the distribution. False where others write the records, such as those of a failover."""
    default_certificate: NotRequired[Annotated[bool, Field(default=False)]]
    """Serves CloudFront's own name alone. Its certificate accepts TLS 1.0 and 1.1, whatever ``tls_policy`` says."""
    web_acl_arn: NotRequired[EdgeWebAclArn]
    """Web ACL of the scope CLOUDFRONT, such as ``web_acl_arn`` of another component here. Default: a new one, see ``firewall``."""
    log_bucket_arn: NotRequired[BucketArn]
    """Bucket for the access logs, whose policy admits ``delivery.logs.amazonaws.com``. Default: a new log bucket."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify, in us-east-1, where CloudFront's metrics are; without any there are no alarms."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class Viewers:
    """The side that viewers see, as children of a component: first what the distribution needs, by ``complete`` what needs it."""

    def __init__(self, component: Component, checked: CdnViewerArgs) -> None:
        self._component, self._checked = component, checked
        self._name, self._tags = component.pulumi_resource_name, checked["tags"]
        certificate_arn = self._certificate_arn()
        self.certificate_arn = pulumi.Output.from_input("" if certificate_arn is None else certificate_arn)
        self.viewer = Viewer(checked["domain_names"], certificate_arn, checked["tls_policy"])
        self.web_acl_arn = self._web_acl_arn()
        self.response_headers_policy_id = self._response_headers()

    def complete(self, distribution: aws.cloudfront.Distribution) -> None:
        """DNS records, access logs and alarms of the distribution."""
        checked, component, zone_id = self._checked, self._component, self._checked.get("hosted_zone_id")
        names = checked["domain_names"]
        records: list[aws.route53.Record] = []
        if zone_id is not None and checked["alias_records"]:
            records = alias_records(component, f"{self._name}-alias", names, zone_id, distribution)
        # A wildcard is no address.
        address = next((name for name in names if not name.startswith("*.")), distribution.domain_name)
        self.url = after(pulumi.Output.concat("https://", address), *records)
        self.log_bucket_arn = self._log_bucket_arn(distribution)
        self.watch(self._name, distribution)

    def watch(self, name: str, distribution: aws.cloudfront.Distribution) -> None:
        """Access logs and alarms of a distribution, once there is the bucket."""
        access_logs(
            self._component,
            f"{name}-logs",
            distribution,
            self.log_bucket_arn,
            query_strings=self._checked["log_query_strings"],
            tags=self._tags,
        )
        if topics := self._checked["alarm_topic_arns"]:
            distribution_alarms(self._component, name, distribution, self._checked["alarm_5xx_percent"], topics, self._tags)

    def _certificate_arn(self) -> pulumi.Input[str] | None:
        checked = self._checked
        given, zone_id = checked.get("certificate_arn"), checked.get("hosted_zone_id")
        if given is not None or zone_id is None:
            return given
        return edge_certificate(self._component, f"{self._name}-certificate", checked["domain_names"], zone_id, self._tags)

    def _web_acl_arn(self) -> pulumi.Output[str]:
        given = self._checked.get("web_acl_arn")
        if given is not None:
            return pulumi.Output.from_input(given)
        firewall: WebApplicationFirewallOptions = {**self._checked["firewall"]}
        if not self._checked["log_query_strings"]:
            # The firewall sees them as well, and logs what it refuses and what it lets through.
            headers = dict.fromkeys([*firewall.get("redacted_headers", []), "referer"])
            firewall = {**firewall, "redact_query_string": True, "redacted_headers": [*headers]}
        return WebApplicationFirewall(
            f"{self._name}-firewall", {**firewall, "scope": "CLOUDFRONT", "tags": self._tags}, self._component.child()
        ).web_acl_arn

    def _log_bucket_arn(self, distribution: aws.cloudfront.Distribution) -> pulumi.Output[str]:
        given = self._checked.get("log_bucket_arn")
        if given is not None:
            return pulumi.Output.from_input(given)
        return DurableBucket(
            f"{self._name}-log",
            {
                "kind": "log_target",
                "log_writers": [{"service": "log_delivery", "account_ids": [account_of(distribution.arn)]}],
                "retention_days": self._checked["log_retention_days"],
                "force_destroy": self._checked["force_destroy"],
                "tags": self._tags,
            },
            self._component.child(),
        ).bucket_arn

    def _response_headers(self) -> pulumi.Output[str]:
        headers = self._checked["headers"]
        cors = headers.get("cors")
        security = SecurityHeaders(
            content_security_policy=headers.get("content_security_policy"),
            frame_options=headers["frame_options"],
            referrer_policy=headers["referrer_policy"],
            hsts_seconds=headers["hsts_seconds"],
            hsts_subdomains=headers["hsts_subdomains"],
            hsts_preload=headers["hsts_preload"],
            replace=headers["replace"],
            custom=headers["custom"],
            remove=headers["remove"],
        )
        return response_headers(
            self._component, f"{self._name}-headers", f"Headers of {self._name}", security, None if cors is None else _cors(cors)
        )


def _cors(cors: CdnCors) -> Cors:
    return Cors(
        origins=cors["origins"],
        methods=cors["methods"],
        headers=cors["headers"],
        credentials=cors["cookies"],
        expose_headers=cors["expose_headers"],
        max_age_seconds=cors["max_age_seconds"],
    )


def viewer_names(checked: CdnViewerArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliverySource.html
    names = {"logs-source": 60, "headers": 128}
    return names if checked.get("log_bucket_arn") is not None else {**names, "log-bucket": 63}


def viewer_args(checked: CdnViewerArgs) -> CdnViewerArgs:
    """The side that viewers see, for a CDN that a component with a bucket composes."""
    given: CdnViewerArgs = pick(checked, *CdnViewerArgs.__annotations__)
    if checked.get("log_bucket_arn") is not None:
        # It is then for the component's bucket alone.
        given["force_destroy"] = False
    return given


def viewer_problems(checked: CdnViewerArgs, *, other_bucket: bool = False) -> Iterator[Problem]:
    """What is wrong with the arguments of the side that viewers see; ``other_bucket`` is created beside that of the logs."""
    named, default = is_given(checked, "domain_names"), checked["default_certificate"]
    if named == default:
        found = "both are given" if named else "none is given"
        yield (
            "domain_names",
            f"exactly one of domain_names and default_certificate is needed; {found}. Give domain names: CloudFront's own certificate "
            "accepts TLS 1.0. Set default_certificate to true alone where that is accepted.",
        )
    if named and checked.get("certificate_arn") is None and checked.get("hosted_zone_id") is None:
        yield (
            "certificate_arn",
            "is missing; domain_names need a certificate. Give it, or hosted_zone_id, in which a new one is validated.",
        )
    if checked.get("certificate_arn") is None:
        yield from main_name_problems(checked["domain_names"])
    for name in ("certificate_arn", "hosted_zone_id"):
        if default and not named and is_given(checked, name):
            yield name, "is for domain_names, and none is given. Give domain_names in place of default_certificate, or remove it."
    yield from excludes(checked, "country_codes", "blocked_country_codes", why="CloudFront takes one of the two lists")
    yield from excludes(checked, "web_acl_arn", "firewall", why="it is for a web ACL that is created")
    of_buckets = ("log_retention_days",) if other_bucket else ("log_retention_days", "force_destroy")
    yield from excludes(checked, "log_bucket_arn", *of_buckets, why="it is for a bucket that is created")
    yield from _topic_problems(checked)
    yield from _header_problems(checked["headers"])


def _topic_problems(checked: CdnViewerArgs) -> Iterator[Problem]:
    for index, arn in enumerate(checked["alarm_topic_arns"]):
        if isinstance(arn, str) and (parts := arn.split(":"))[3:4] not in ([EDGE_REGION], []):
            reason = f"is a topic of {parts[3]}; CloudFront's metrics and so their alarms are in {EDGE_REGION}, and notify topics there."
            yield f"alarm_topic_arns.{index}", f"{reason} Name one of {EDGE_REGION}."


def _header_problems(headers: CdnHeaders) -> Iterator[Problem]:
    if headers["hsts_preload"] and not headers["hsts_subdomains"]:
        yield "headers.hsts_preload", "needs hsts_subdomains: browsers preload no single name. Set hsts_subdomains, or remove hsts_preload."
    cors = headers.get("cors")
    if cors is not None and cors["cookies"] and "*" in cors["headers"]:
        yield "headers.cors.headers", "is '*', which browsers take literally with cookies. Name the headers."
