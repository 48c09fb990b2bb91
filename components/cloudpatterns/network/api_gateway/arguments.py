"""Arguments of an API, and the limits that API Gateway sets."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, FunctionOptions, Keys, Matches, Unique
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    DomainName,
    DualStack,
    HostedZoneId,
    KmsKeyArn,
    LogRetentionDays,
    RegionalWebAclArn,
    SecurityGroupIds,
    SubnetIdsByZones,
    Tags,
    UserPoolArn,
)
from cloudpatterns.network.web_application_firewall.arguments import WebApplicationFirewallOptions

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "ANY")
SECONDS = {"rest": 29, "http": 30}
"""Seconds that API Gateway waits for an integration: a quota that can be raised for REST, and a fixed limit for HTTP.

https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""
STAGE_NAMES = {"rest": "live", "http": "$default"}
"""Stages without a name of their own: ``$default`` adds nothing to the paths of an HTTP API; a REST API has no such stage."""
TARGETS = ("function", "function_arn", "queue", "state_machine_arn", "event_bus", "url", "load_balancer")

# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
_RESPONSES = (
    *("ACCESS_DENIED", "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE", "BAD_REQUEST_BODY"),
    *("BAD_REQUEST_PARAMETERS", "DEFAULT_4XX", "DEFAULT_5XX", "EXPIRED_TOKEN", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT"),
    *("INVALID_API_KEY", "INVALID_SIGNATURE", "MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED", "REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND"),
    *("THROTTLED", "UNAUTHORIZED", "UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED"),
)
_NAMES = Keys("[A-Za-z][A-Za-z0-9]*", "letters and digits, a letter first")
# What is sent to AWS is part of a mapping template, in which $ and # are commands and quotes end a text.
_SOURCE = Matches(
    r"(path|query|claim|authorizer)\.[A-Za-z0-9_-]+|request_id", "a part of the request such as path.customer, claim.sub or request_id"
)
_PARAMETER = Matches(r"(header|query)\.[A-Za-z0-9_-]+", "a parameter such as query.page or header.X-Tenant")


class ApiThrottle(TypedDict):
    """A limit of requests, beyond which the response is 429."""

    rate_per_second: Annotated[float, Field(ge=0, le=100_000)]
    """Requests per second in the long run."""
    burst: Annotated[int, Field(ge=0, le=100_000)]
    """Requests that may arrive at once."""


class ApiQueueArgs(TypedDict):
    """An SQS queue that receives the body of each request, whole, as one message."""

    queue_arn: pulumi.Input[str]
    """The queue."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Its customer managed key, which the API's role is then allowed to use. Default: the queue has none."""
    message_group: NotRequired[Annotated[str, _SOURCE]]
    """The part of the request that is the message group: ``path.<name>``, ``query.<name>``, ``claim.<name>`` of the token of a JWT or user
    pool, ``authorizer.<key>`` of the context that a function returns, or ``request_id``, with which messages are not ordered. Needed by a
    FIFO queue. Default: none."""
    deduplication_id: NotRequired[Annotated[str, _SOURCE]]
    """The part of the request that a FIFO queue takes as deduplication id, in the same words. Default: none; the queue needs content-based
    deduplication."""
    message_attributes: NotRequired[
        Annotated[
            dict[str, Annotated[str, _SOURCE]],
            Keys("(?![aA][wW][sS]|[aA][mM][aA])[A-Za-z0-9_-]{1,100}", "letters, digits, _ and -, not beginning with AWS or Amazon"),
            Field(default={}, max_length=10),
        ]
    ]
    """Attributes of the message by name, in the same words: ``{"caller": "claim.sub"}``. REST only. A part that a request lacks is refused
    by SQS, so that the response is 500: list it in ``required_parameters``."""


class ApiEventBusArgs(TypedDict):
    """An EventBridge bus that receives the body of each request, which must be a JSON object, as the detail of one event.

    A bus with a customer managed key needs no right of the API's: EventBridge uses the key itself.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-key-policy.html
    """

    event_bus_arn: pulumi.Input[str]
    """The bus."""
    source: Annotated[str, Matches(r"(?!aws\.)[A-Za-z0-9._/-]{1,256}", "a source outside aws. such as shop.orders")]
    """Source of the events."""
    detail_type: Annotated[str, Matches("[A-Za-z0-9 ._:/-]{1,128}", "a detail type such as Order received")]
    """Detail type of the events."""


class ApiLoadBalancerArgs(TypedDict):
    """A load balancer inside a VPC, reached through the API's VPC link.

    A REST API may put the stage's name in front of the path: let the load balancer's rules match it, too.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/private-integration.html
    """

    listener_arn: NotRequired[pulumi.Input[str]]
    """A listener of an Application or Network Load Balancer. Default: none, with REST; needed with HTTP."""
    load_balancer_arn: NotRequired[pulumi.Input[str]]
    """An Application or Network Load Balancer. Default: none, with HTTP; needed with REST."""
    url: NotRequired[
        Annotated[pulumi.Input[str], Matches(r"https?://[^\s?#]+", "a URL such as https://orders.internal.example.com/orders")]
    ]
    """Scheme, host and path of the requests to it. Variables of the route's path may stand in it. Default: none, with HTTP; needed with
    REST."""
    server_name: NotRequired[DomainName]
    """The name in the certificate of an HTTPS listener, with which the connection is encrypted. HTTP only. Default: no TLS."""


class ApiRouteArgs(TypedDict):
    """One route: where its requests go (exactly one of the targets), and who may send them."""

    function: NotRequired[str]
    """Name of a new function in ``functions``, which receives the request as it is (proxy integration). Exactly one of the targets."""
    function_arn: NotRequired[pulumi.Input[str]]
    """An existing Lambda function, version or alias, which receives the request as it is. Exactly one of the targets."""
    queue: NotRequired[ApiQueueArgs]
    """An SQS queue. Exactly one of the targets."""
    state_machine_arn: NotRequired[pulumi.Input[str]]
    """A Step Functions state machine, started with the body as input, which must be JSON. The caller does not wait for it: a route that
    reports its state is yours. On a REST API the execution has the request id as its name. Exactly one of
    the targets."""
    state_machine_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of ``state_machine_arn``, such as ``kms_key_arn`` of a ``Workflow``: who starts an execution uses it. Default:
    the state machine has none."""
    event_bus: NotRequired[ApiEventBusArgs]
    """An EventBridge bus. Exactly one of the targets."""
    url: NotRequired[Annotated[pulumi.Input[str], Matches(r"https://[^\s?#]+", "an HTTPS URL such as https://backend.example.com/orders")]]
    """An HTTPS endpoint. Variables of the route's path may stand in it: ``https://backend.example.com/orders/{id}``. Exactly one of
    the targets."""
    load_balancer: NotRequired[ApiLoadBalancerArgs]
    """A load balancer inside a VPC. Needs ``vpc_link``. Exactly one of the targets."""
    authorizer: NotRequired[str]
    """Name of the authorizer. Default: ``default_authorizer``."""
    scopes: NotRequired[Annotated[list[str], Unique(), Field(default=[], max_length=10)]]
    """OAuth scopes, of which the token needs one. JWT and user pools only. Without scopes a user pool authorizer of a REST API accepts ID
    tokens alone, with scopes access tokens."""
    iam_authorization: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether requests are signed (SigV4) and IAM decides, instead of an authorizer."""
    public: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether everybody may call the route."""
    api_key_required: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a request needs an API key of a usage plan, to be counted: it authenticates nobody. REST only."""
    model: NotRequired[str]
    """Name of the model that the body must match. REST only. Default: the body is not checked."""
    required_parameters: NotRequired[Annotated[list[Annotated[str, _PARAMETER]], Unique(), Field(default=[])]]
    """Parameters without which a request is refused: ``query.page``, ``header.X-Tenant``. REST only."""
    throttle: NotRequired[ApiThrottle]
    """Limit of the route, of all callers together. Default: that of the stage."""
    timeout_seconds: NotRequired[Annotated[int, Field(default=29, ge=1, le=300)]]
    """Seconds after which the caller gets 504: at most 30 on HTTP and 29 on REST, there up to ``timeout_quota_seconds``. For a queue, a
    state machine and a bus as well."""


class ApiJwtArgs(TypedDict):
    """Tokens of an OpenID Connect provider."""

    issuer: Annotated[pulumi.Input[str], Matches(r"https://[^\s?#]+", "an issuer such as https://login.example.com/")]
    """Issuer of the tokens, exactly as in their claim ``iss``."""
    audiences: Annotated[list[pulumi.Input[str]], Field(min_length=1, max_length=50)]
    """Audiences, one of which is in the claim ``aud``, or ``client_id``."""


class ApiUserPoolArgs(TypedDict):
    """Tokens of Cognito user pools."""

    user_pool_arns: Annotated[list[UserPoolArn], Field(min_length=1, max_length=50)]
    """The user pools; one for an HTTP API."""
    client_ids: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[], max_length=50)]]
    """HTTP only, and needed there: the app clients whose tokens are accepted. A REST API accepts those of every client of the pools: tell
    clients apart by ``scopes``."""


class ApiFunctionAuthorizerArgs(TypedDict):
    """A Lambda function that decides about each request.

    A REST API expects an IAM policy from it, an HTTP API ``{"isAuthorized": True}`` (payload format 2.0).
    """

    function: NotRequired[str]
    """Name of a new function in ``functions``. Exactly one of ``function`` and ``function_arn``."""
    function_arn: NotRequired[pulumi.Input[str]]
    """An existing function, version or alias. Exactly one of ``function`` and ``function_arn``."""
    identity_sources: NotRequired[
        Annotated[
            list[Annotated[str, _PARAMETER]],
            Unique(),
            Field(default=["header.Authorization"], min_length=1, max_length=10),
        ]
    ]
    """Parameters that are the key of the cache. A request without one is refused before the function is invoked, on a REST API only where
    decisions are cached."""
    # A policy that names a path would answer for every route while it is cached.
    result_cache_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=3600)]]
    """Seconds for which a decision is used again, for every route of the API. Raise it only where the function's decision holds for all
    routes: a policy with the path of one denies the others, or a caller keeps a right that was taken away."""


class ApiAuthorizerArgs(TypedDict):
    """One authorizer, of three kinds."""

    jwt: NotRequired[ApiJwtArgs]
    """Tokens of an OpenID Connect provider. HTTP only. Exactly one of the three."""
    user_pool: NotRequired[ApiUserPoolArgs]
    """Tokens of Cognito user pools. Exactly one of the three."""
    function: NotRequired[ApiFunctionAuthorizerArgs]
    """A Lambda function. Exactly one of the three."""


class ApiCorsArgs(TypedDict):
    """Browsers' calls from pages of other origins.

    Preflight requests are answered by API Gateway, without authorization. On an HTTP API it adds the headers to every response; on a REST
    API to its own errors and to the responses of queues, state machines and buses, while functions and backends return them themselves.
    """

    allowed_origins: Annotated[
        list[Annotated[str, Matches(r"https?://[a-z0-9.-]+(:\d{1,5})?", "an origin such as https://www.example.com")]],
        Unique(),
        Field(min_length=1, max_length=20),
    ]
    """Origins by name; there is no wildcard."""
    allowed_headers: NotRequired[
        Annotated[
            list[Annotated[str, Matches("[A-Za-z0-9-]+", "a header such as Content-Type")]],
            Unique(),
            Field(default=["Authorization", "Content-Type"]),
        ]
    ]
    """Headers of requests."""
    exposed_headers: NotRequired[
        Annotated[list[Annotated[str, Matches("[A-Za-z0-9-]+", "a header such as ETag")]], Unique(), Field(default=[])]
    ]
    """Headers of responses that the page may read."""
    allow_credentials: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether browsers send cookies."""
    max_age_seconds: NotRequired[Annotated[int, Field(default=3600, ge=0, le=86_400)]]
    """Seconds for which browsers keep the answer to a preflight request."""


class ApiQuota(TypedDict):
    """Requests that one API key may send in a period."""

    limit: Annotated[int, Field(ge=1, le=2_000_000_000)]
    """Requests."""
    period: Annotated[str, Choice("DAY", "WEEK", "MONTH")]
    """The period."""


class ApiUsagePlanArgs(TypedDict):
    """What each of some API keys may use. It meters and limits clients; it authenticates nobody."""

    api_keys: Annotated[
        list[Annotated[str, Matches("[A-Za-z0-9_-]+", "a name such as partner-a")]], Unique(), Field(min_length=1, max_length=1000)
    ]
    """Names of the API keys. AWS generates their values: read them in the console, or with ``aws apigateway get-api-key
    --include-value``."""
    throttle: ApiThrottle
    """Limit of each key."""
    route_throttles: NotRequired[Annotated[dict[str, ApiThrottle], Field(default={})]]
    """Limits of each key on a route, by the route's key."""
    quota: NotRequired[ApiQuota]
    """Requests of each key in a period. Default: no limit."""


class ApiMutualTls(TypedDict):
    """Certificates that clients must present."""

    truststore_uri: Annotated[pulumi.Input[str], Matches(r"s3://[^/\s]+/\S+", "a bundle in S3 such as s3://trust/ca.pem")]
    """Certificates of the authorities, in one PEM file in a bucket of the same Region."""
    truststore_version: pulumi.Input[str]
    """Version of the object: without it, a new file would change nothing."""
    ownership_certificate_arn: NotRequired[pulumi.Input[str]]
    """A public ACM certificate of the domain, where ``certificate_arn`` is imported or of a private authority. Default: none."""


class ApiDomainArgs(TypedDict):
    """A custom domain name."""

    domain_name: Annotated[str, Matches(r"(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}", "a name such as api.example.com")]
    """The name."""
    certificate_arn: pulumi.Input[str]
    """Its ACM certificate, in the API's Region."""
    base_path: NotRequired[Annotated[str, Matches("[A-Za-z0-9_-]+", "one part of a path such as v1")]]
    """Path in front of those of the routes. Default: none."""
    hosted_zone_id: NotRequired[HostedZoneId]
    """The Route 53 hosted zone that gets an alias record. Default: no record; you create it from the outputs."""
    mutual_tls: NotRequired[ApiMutualTls]
    """Client certificates. Default: none are asked for."""


class ApiVpcLinkArgs(TypedDict):
    """How the API reaches into a VPC: a new VPC link in these subnets, or an existing one."""

    vpc_link_id: NotRequired[pulumi.Input[str]]
    """An existing VPC link (V2). Default: a new one."""
    subnet_ids_by_zone: NotRequired[SubnetIdsByZones]
    """Subnets of a new VPC link. Required with ``security_group_ids``."""
    security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups of a new VPC link, which the load balancers must admit. Required with ``subnet_ids_by_zone``."""


class ApiGatewayResponseArgs(TypedDict):
    """What API Gateway answers itself."""

    status_code: NotRequired[Annotated[int, Field(ge=400, le=599)]]
    """Status code. Default: that of API Gateway."""
    body: Annotated[str, Field(min_length=2, max_length=8000)]
    """Mapping template of a JSON body: ``{"message": $context.error.messageString, "requestId": "$context.requestId"}``."""


class ApiGatewayOptions(TypedDict):
    """What a user tunes of an ``ApiGateway``."""

    kind: Annotated[str, Choice("rest", "http")]
    """``rest`` (a REST API: web ACL, usage plans, request validation, private endpoints, tracing) or ``http`` (an HTTP API: JWT
    authorizers, CORS for every integration, lower price and latency). A change replaces the API and its URL, and
    fails while ``domain`` is given: remove that first."""
    default_authorizer: NotRequired[str]
    """Name of the authorizer of routes that name none. Default: each route says who may call it."""
    stage_name: NotRequired[Annotated[str, Matches("[A-Za-z0-9_]{1,128}", "letters, digits and _ such as live")]]
    """Name of the stage, the first part of the path at the default endpoint. Default: ``live`` on REST, none on HTTP."""
    throttle: NotRequired[Annotated[ApiThrottle, Field(default={"rate_per_second": 1000, "burst": 500})]]
    """Limit of all callers together. All APIs of the account and Region share 10,000 requests per second by default."""
    timeout_quota_seconds: NotRequired[Annotated[int, Field(default=29, ge=29, le=300)]]
    """The account's quota for the time that a REST API waits for an integration, where AWS has raised it."""
    cors: NotRequired[ApiCorsArgs]
    """Browsers' calls from pages of other origins. Default: none."""
    models: NotRequired[Annotated[dict[str, str], _NAMES, Field(default={})]]
    """JSON schemas (draft 4) of bodies by name, as JSON. REST only."""
    binary_media_types: NotRequired[
        Annotated[list[Annotated[str, Matches(r"[\w.+*-]+/[\w.+*-]+", "a media type such as image/png")]], Unique(), Field(default=[])]
    ]
    """Media types whose bodies are not text. REST only; HTTP APIs find out by themselves."""
    gateway_responses: NotRequired[
        Annotated[
            dict[str, ApiGatewayResponseArgs], Keys("|".join(_RESPONSES), f"one of the types {', '.join(_RESPONSES)}"), Field(default={})
        ]
    ]
    """Responses of API Gateway itself, by type, in place of those of this component: JSON with ``message`` and ``requestId``, 404 for an
    unknown route, ``Retry-After`` where a limit is passed. REST only."""
    usage_plans: NotRequired[
        Annotated[dict[str, ApiUsagePlanArgs], Keys("[a-z0-9]+(-[a-z0-9]+)*", "lower-case letters, digits and hyphens"), Field(default={})]
    ]
    """Usage plans by name. REST only."""
    dual_stack: NotRequired[DualStack]
    """IPv6 beside IPv4, at the default endpoint and the custom domain. Private APIs have both."""
    tracing: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether a REST API traces requests in X-Ray. HTTP APIs do not."""
    client_certificate: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether a REST API with a route to a ``url`` presents a client certificate, by which the backend tells it from others. AWS lets it
    expire after a year: raise ``client_certificate_version`` before."""
    client_certificate_version: NotRequired[Annotated[int, Field(default=1, ge=1)]]
    """Raise it by one for a new client certificate."""
    alarm_5xx_percent: NotRequired[Annotated[float, Field(default=1, ge=0.01, le=100)]]
    """Share of the requests of five minutes that may end in a 5xx response without an alarm; fewer than five never raise one."""
    alarm_latency_milliseconds: NotRequired[Annotated[int, Field(default=5000, ge=1, le=300_000)]]
    """Latency that 99 of 100 requests stay below, else, after fifteen minutes, an alarm is raised."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that logs are kept."""
    firewall: NotRequired[WebApplicationFirewallOptions]
    """A web ACL of its own, see ``WebApplicationFirewall``; ``{}`` has its defaults. REST only. Default: none, or ``web_acl_arn``."""


class ApiGatewayArgs(ApiGatewayOptions):
    """Arguments of ``ApiGateway``."""

    # https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    routes: Annotated[dict[str, ApiRouteArgs], Field(min_length=1, max_length=300)]
    """The routes by method and path: ``POST /orders``, ``GET /orders/{id}``, ``ANY /files/{path+}``; on HTTP also ``$default``, for what
    matches no other."""
    functions: NotRequired[
        Annotated[dict[str, FunctionOptions], Keys("[a-z0-9]+(-[a-z0-9]+)*", "lower-case letters, digits and hyphens"), Field(default={})]
    ]
    """New functions by name, for routes and authorizers."""
    authorizers: NotRequired[Annotated[dict[str, ApiAuthorizerArgs], _NAMES, Field(default={}, max_length=10)]]
    """Authorizers by name."""
    account_logging_role: NotRequired[Annotated[str, Choice("create", "existing")]]
    """``create`` (the role by which API Gateway writes logs, in the settings of the account and Region, which all REST APIs share; it stays
    behind when the component is destroyed) or ``existing`` (the settings name one already). Needed on REST, which refuses a stage with logs
    otherwise. Default: none, with HTTP."""
    web_acl_arn: NotRequired[RegionalWebAclArn]
    """A regional AWS WAF web ACL that is there, instead of ``firewall``. REST only. Default: ``firewall``."""
    vpc_endpoint_ids: NotRequired[Annotated[list[pulumi.Input[str]], Field(min_length=1, max_length=50)]]
    """Makes a REST API private: it can be called only through these interface endpoints for ``execute-api``. A change of public to private
    fails at AWS while a custom domain is mapped. Default: a public, Regional API."""
    domain: NotRequired[ApiDomainArgs]
    """A custom domain name; the default endpoint is then closed. Default: the default endpoint."""
    more_domains: NotRequired[
        Annotated[
            dict[str, ApiDomainArgs],
            Keys("[a-z0-9]+(-[a-z0-9]+)*", "lower-case letters, digits and hyphens"),
            Field(default={}, max_length=10),
        ]
    ]
    """More custom domain names beside ``domain``, by a short name, such as one that this Region has for itself where several share
    ``domain``."""
    vpc_link: NotRequired[ApiVpcLinkArgs]
    """How routes with ``load_balancer`` reach into a VPC. Default: there are none."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the logs and of the new functions' environment, whose policy lets CloudWatch Logs use it. Default: a new customer managed
    key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of 5xx responses, of latency and of failing new functions; without any there are no alarms."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
