"""Arguments of ``ContentDeliveryNetwork``."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks.distribution import FAILOVER_CODES
from cloudpatterns.core import HIDDEN, Choice, Keys, Matches, Unique
from cloudpatterns.core.vocabulary import Port, Region, ShortNames
from cloudpatterns.delivery._viewers import BucketHost, CdnViewerArgs, CdnViewerOptions

_Path = Annotated[str, Matches(r"/[^\s?#]{0,253}[^\s?#/]", "a path without a slash at its end such as /site")]
_PagePath = Annotated[str, Matches(r"/[^\s?#]{1,254}", "the path of a page such as /errors/404.html")]
_HostName = Annotated[pulumi.Input[str], Matches(r"[A-Za-z0-9.-]+\.[A-Za-z]{2,63}", "a host name such as api.example.com")]
_BalancerArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:(elasticloadbalancing:[^:]+:[^:]*:loadbalancer/(app|net)/.+|ec2:[^:]+:[^:]*:instance/.+)",
        "the ARN of a load balancer or an instance, not a host name, such as "
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/api/50dc6c495c0c9188",
    ),
]
_FunctionArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:cloudfront::[^:]*:function/.+",
        "the ARN of a CloudFront function, no Lambda function, such as arn:aws:cloudfront::123456789012:function/redirects",
    ),
]
_HttpsPort = Annotated[Port, Field(default=443)]
_Seconds = Annotated[int, Field(default=30, ge=1, le=120)]
_Keepalive = Annotated[int, Field(default=5, ge=1, le=120)]


class CdnBucket(TypedDict):
    """A private bucket as an origin, read by origin access control."""

    regional_domain_name: BucketHost
    """``bucket_regional_domain_name`` of the bucket, of any Region. Its policy, and that of its key, must admit the
    distribution: those of ``HighAvailabilityStorage`` with ``cdn_domain_name`` do, and others take ``bucket_statements()``. A
    ``DurableBucket`` of the same program cannot, as the distribution needs it first: its ``statements`` admit those of the account, by
    ``ArnLike`` of ``aws:SourceArn``."""


class CdnBalancer(TypedDict):
    """An internal load balancer as an origin, which nothing but CloudFront and its VPC reach."""

    arn: NotRequired[_BalancerArn]
    """ARN of an internal load balancer or an instance, of any Region, for which a VPC origin is created. Exactly one of this and
    ``existing_vpc_origin_id``. Its VPC has an internet gateway, and the load balancer an HTTPS listener."""
    existing_vpc_origin_id: NotRequired[pulumi.Input[str]]
    """A VPC origin that is there, for HTTPS alone. Default: a new one for ``arn``."""
    domain_name: _HostName
    """Host name that its certificate is valid for. Requests have the viewer's Host header, unless ``requests`` leaves that out: then the
    certificate is valid for the ``domain_names`` of the CDN too."""
    security_group_id: NotRequired[pulumi.Input[str]]
    """Security group of the load balancer, which gets a rule for CloudFront alone. It has no other inbound rule. Needed with
    ``prefix_list_id``."""
    prefix_list_id: NotRequired[pulumi.Input[str]]
    """AWS's prefix list com.amazonaws.global.cloudfront.origin-facing in the load balancer's Region; it counts as 55 rules. Needed with
    ``security_group_id``. Default: no rule is created."""
    region: NotRequired[Region]
    """Region of the security group. Default: the provider's."""
    https_port: NotRequired[_HttpsPort]
    """Port of the HTTPS listener."""
    read_timeout_seconds: NotRequired[_Seconds]
    """Seconds without an answer, after which viewers get 504."""
    keepalive_seconds: NotRequired[_Keepalive]
    """Seconds for which an idle connection stays open; less than the load balancer's idle timeout."""


class CdnServer(TypedDict):
    """A server on the internet as an origin."""

    domain_name: _HostName
    """Its host name, which its certificate is valid for."""
    secret_headers: NotRequired[
        Annotated[
            dict[str, Annotated[pulumi.Input[str], HIDDEN]],
            Keys("[A-Za-z0-9-]{1,128}", "letters, digits and hyphens"),
            Field(default={}, max_length=10),
        ]
    ]
    """Headers that only CloudFront sends, such as ``X-Origin-Verify``: the origin answers 403 without one. Two, while a value changes."""
    public: NotRequired[Annotated[bool, Field(default=False)]]
    """The origin answers everybody, and is meant to. Without this it needs ``secret_headers``."""
    https_port: NotRequired[_HttpsPort]
    """Its port."""
    read_timeout_seconds: NotRequired[_Seconds]
    """Seconds without an answer, after which viewers get 504."""
    keepalive_seconds: NotRequired[_Keepalive]
    """Seconds for which an idle connection stays open."""


class CdnOrigin(TypedDict):
    """Where CloudFront gets what is not in its cache: exactly one of ``bucket``, ``load_balancer`` and ``server``."""

    bucket: NotRequired[CdnBucket]
    """A private bucket. Exactly one of this, ``load_balancer`` and ``server``."""
    load_balancer: NotRequired[CdnBalancer]
    """A load balancer in a VPC. Exactly one of this, ``bucket`` and ``server``."""
    server: NotRequired[CdnServer]
    """A server on the internet. Exactly one of this, ``bucket`` and ``load_balancer``."""
    path: NotRequired[_Path]
    """Begins the path of every request to the origin. Default: nothing is added."""
    shield_region: NotRequired[Region]
    """Region of a cache between all edge locations and the origin, near the origin. Default: none."""
    connection_attempts: NotRequired[Annotated[int, Field(default=3, ge=1, le=3)]]
    """Attempts to connect before the request fails, or goes to the other origin."""
    connection_timeout_seconds: NotRequired[Annotated[int, Field(default=10, ge=1, le=10)]]
    """Seconds of each attempt. With ``failover_origin`` less of both fails over sooner."""


class CdnCaching(TypedDict):
    """How long responses are kept, and what tells one from another."""

    default_seconds: NotRequired[Annotated[int, Field(default=86_400, ge=0, le=31_536_000)]]
    """For responses that say nothing themselves."""
    min_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=31_536_000)]]
    """The least, whatever responses say. Above 0, private responses are kept too."""
    max_seconds: NotRequired[Annotated[int, Field(default=31_536_000, ge=0, le=31_536_000)]]
    """The most, whatever responses say."""
    query_strings: NotRequired[Annotated[list[str], Field(default=[], max_length=10), Unique()]]
    """Query parameters that change the response; ``*`` alone means all."""
    headers: NotRequired[Annotated[list[str], Field(default=[], max_length=10), Unique()]]
    """Request headers that change the response; ``Accept-Encoding`` always does."""
    cookies: NotRequired[Annotated[list[str], Field(default=[], max_length=10), Unique()]]
    """Cookies that change the response."""


class CdnBehaviorOptions(TypedDict):
    """What CloudFront does with requests."""

    origin: NotRequired[str]
    """Name of the origin. Default: that of ``default_behavior``, and there the only one."""
    failover_origin: NotRequired[str]
    """Name of the origin to ask when the first fails, for reading alone. Default: none."""
    methods: NotRequired[Annotated[str, Choice("read", "read_and_preflight", "all")]]
    """``read`` (GET and HEAD), ``read_and_preflight`` (OPTIONS too, which browsers send for CORS) or ``all``. Default: ``read`` from a
    bucket, with ``failover_origin`` ``read_and_preflight``, else ``all``."""
    cache: NotRequired[Annotated[str, Choice("optimized", "origin", "origin_with_query", "disabled")]]
    """``optimized`` (a day without a header Cache-Control, whatever query, headers and cookies), ``origin`` (as Cache-Control says, by
    cookies), ``origin_with_query`` (by query string too), both with ``requests`` of ``all`` alone, or ``disabled``.
    Default: ``optimized`` for buckets, else ``disabled``."""
    caching: NotRequired[CdnCaching]
    """A cache policy with times and keys of your choice, in place of ``cache``. Default: that of ``cache``."""
    cache_policy_id: NotRequired[pulumi.Input[str]]
    """A cache policy that is there, in place of ``cache``. Default: that of ``cache``."""
    requests: NotRequired[Annotated[str, Choice("all", "all_except_host", "cors", "none")]]
    """What the origin gets beside what the cache distinguishes: ``all`` (headers, cookies, query string), ``all_except_host``, ``cors``
    (the headers that a bucket with CORS rules asks for) or ``none``.
    Default: ``none`` for buckets, ``all`` for load balancers, ``all_except_host`` for servers."""
    key_group_ids: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[], max_length=4)]]
    """Key groups of CloudFront: requests need a signed URL or cookies. Without any, everybody may read."""
    request_function_arn: NotRequired[_FunctionArn]
    """CloudFront function that sees each request before the cache does. Default: none."""
    response_function_arn: NotRequired[_FunctionArn]
    """CloudFront function that sees each response before the viewer does. Default: none."""
    response_headers_policy_id: NotRequired[pulumi.Input[str]]
    """A response headers policy that is there. Default: that of ``headers``."""


class CdnPathBehavior(CdnBehaviorOptions):
    """What CloudFront does with the requests of a path."""

    path_pattern: Annotated[str, Matches(r"/?[A-Za-z0-9_.*$/~\"'@:+&?-]{1,254}", "a path with * and ? such as /api/*")]
    """The path, with ``*`` for any characters and ``?`` for one."""


class CdnErrorPage(TypedDict):
    """What viewers get in place of an error."""

    code: Annotated[int, Choice(400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)]
    """Status code of the origin, or of CloudFront and the firewall, whose refusals are 403."""
    page_path: NotRequired[_PagePath]
    """Path of the page. Default: what the origin sent."""
    response_code: NotRequired[Annotated[int, Choice(200, 400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)]]
    """Status code with the page. Default: ``code``."""
    cache_seconds: NotRequired[Annotated[int, Field(default=10, ge=0, le=31_536_000)]]
    """Seconds for which the origin is not asked again."""


class CdnStaging(TypedDict):
    """A second distribution with other behaviors, to which CloudFront sends a part of the viewers of the same names. It stays: the
    provider cannot detach it again, and while it is attached, CloudFront refuses another certificate, web ACL and ``tls_policy``.
    """

    percent: NotRequired[Annotated[float, Field(default=0, ge=0, le=15)]]
    """Share of the viewers, by chance. 0 until the distribution exists: CloudFront attaches none to one that is being created. 0 again ends
    the trial."""
    session_idle_seconds: NotRequired[Annotated[int, Field(ge=300, le=3600)]]
    """Seconds without a request, up to which a viewer stays on the same side. Default: each request is decided by itself."""
    default_behavior: NotRequired[CdnBehaviorOptions]
    """For every path that the behaviors of the trial do not have. Default: that of the CDN."""
    behaviors: NotRequired[Annotated[list[CdnPathBehavior], Field(max_length=24)]]
    """For paths, in the order in which they are tried. Default: those of the CDN."""


class ContentDeliveryNetworkOptions(CdnViewerOptions):
    """What a user tunes of a ``ContentDeliveryNetwork``."""

    default_behavior: NotRequired[Annotated[CdnBehaviorOptions, Field(default={})]]
    """For every path that ``behaviors`` do not have."""
    behaviors: NotRequired[Annotated[list[CdnPathBehavior], Field(default=[], max_length=24)]]
    """For paths, in the order in which they are tried."""
    failover_codes: NotRequired[
        Annotated[
            list[Annotated[int, Choice(403, 404, 429, 500, 502, 503, 504)]], Field(default=list(FAILOVER_CODES), min_length=1), Unique()
        ]
    ]
    """Status codes after which the ``failover_origin`` is asked, beside failed connections and timeouts."""
    error_pages: NotRequired[Annotated[list[CdnErrorPage], Field(default=[], max_length=11)]]
    """Pages in place of errors."""
    staging: NotRequired[CdnStaging]
    """A trial of other behaviors with a part of the viewers. HTTP/3 is off with it. Default: none."""
    default_root_object: NotRequired[Annotated[str, Matches(r"[A-Za-z0-9._~-]{1,255}", "an object such as index.html")]]
    """What the path ``/`` shows. Default: the origin decides; with a bucket as the default origin ``index.html``."""


class ContentDeliveryNetworkArgs(ContentDeliveryNetworkOptions, CdnViewerArgs):
    """Arguments of ``ContentDeliveryNetwork``."""

    origins: Annotated[dict[str, CdnOrigin], ShortNames, Field(min_length=1, max_length=25)]
    """Origins by a name of your choice."""
