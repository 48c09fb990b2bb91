"""What stands around a CloudFront distribution: certificate, DNS records, response headers, functions, access logs and alarms."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.alarm import Metric, MetricMath, alarm
from cloudpatterns.blocks.certificate import certificates
from cloudpatterns.blocks.distribution import EDGE_REGION
from cloudpatterns.core import Component, Statement

MOST_FUNCTION_BYTES = 10_240
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-functions"""
LOG_FIELDS = (
    "date",
    "time",
    "x-edge-location",
    "x-edge-request-id",
    "c-ip",
    "c-country",
    "x-forwarded-for",
    "x-host-header",
    "cs-method",
    "cs-protocol",
    "cs-protocol-version",
    "ssl-protocol",
    "ssl-cipher",
    "cs-uri-stem",
    "cs-uri-query",
    "cs(Referer)",
    "cs(User-Agent)",
    "cs-bytes",
    "sc-status",
    "sc-bytes",
    "sc-content-type",
    "sc-content-len",
    "x-edge-result-type",
    "x-edge-response-result-type",
    "x-edge-detailed-result-type",
    "time-taken",
    "time-to-first-byte",
    "cache-behavior-path-pattern",
    "origin-fbl",
    "origin-lbl",
)
"""Fields of the access logs; cookies, which hold sessions, are not among them.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html
"""
QUERY_FIELDS = ("cs-uri-query", "cs(Referer)")
"""Fields with query strings, which may hold tokens and signatures."""

# Fewer failed requests in five minutes are no alarm, whatever their share is.
_FEWEST_ERRORS = 5
_YEAR_SECONDS = 31_536_000


@dataclass(frozen=True, kw_only=True)
class Cors:
    """Which pages may read responses by scripts."""

    origins: Sequence[str]
    methods: Sequence[str] = ("GET", "HEAD", "OPTIONS")
    headers: Sequence[str] = ("*",)
    credentials: bool = False
    expose_headers: Sequence[str] = ()
    max_age_seconds: int = 600


@dataclass(frozen=True, kw_only=True)
class SecurityHeaders:
    """Headers of every response that a browser protects its user by."""

    content_security_policy: pulumi.Input[str] | None = None
    frame_options: str = "DENY"
    referrer_policy: str = "strict-origin-when-cross-origin"
    hsts_seconds: int = _YEAR_SECONDS
    hsts_subdomains: bool = False
    hsts_preload: bool = False
    replace: bool = True
    """Whether CloudFront's headers take the place of the origin's, but for Strict-Transport-Security and X-Content-Type-Options, which
    always do."""
    custom: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    remove: Sequence[str] = ("Server", "X-Powered-By")


def edge_certificate(
    component: Component,
    child_name: str,
    domain_names: Sequence[str],
    hosted_zone_id: pulumi.Input[str],
    tags: Mapping[str, pulumi.Input[str]],
) -> pulumi.Output[str]:
    """The ARN of a certificate in us-east-1 for all the names, available after it is issued; the validation records stay, for renewals."""
    names = {EDGE_REGION: child_name}
    return certificates(component, names, f"{child_name}-record-{{}}".format, domain_names, hosted_zone_id, tags)[EDGE_REGION]


def alias_records(
    component: Component,
    child_name: str,
    domain_names: Sequence[str],
    hosted_zone_id: pulumi.Input[str],
    distribution: aws.cloudfront.Distribution,
) -> list[aws.route53.Record]:
    """Points the names to a distribution, over IPv4 and IPv6."""
    return [
        aws.route53.Record(
            # By the name alone: with its place in it, another order would create records that are there.
            f"{child_name}-{kind.lower()}-{name}",
            zone_id=hosted_zone_id,
            name=name,
            type=kind,
            # Route 53 evaluates no health of a distribution.
            aliases=[{"name": distribution.domain_name, "zone_id": distribution.hosted_zone_id, "evaluate_target_health": False}],
            opts=component.child(),
        )
        for name in domain_names
        for kind in ("A", "AAAA")
    ]


def response_headers(
    component: Component, child_name: str, comment: str, headers: SecurityHeaders, cors: Cors | None = None
) -> pulumi.Output[str]:
    """The id of a response headers policy."""
    security: aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigArgsDict = {
        "strict_transport_security": {
            "access_control_max_age_sec": headers.hsts_seconds,
            "include_subdomains": headers.hsts_subdomains,
            "preload": headers.hsts_preload,
            "override": True,
        },
        "content_type_options": {"override": True},
        "frame_options": {"frame_option": headers.frame_options, "override": headers.replace},
        "referrer_policy": {"referrer_policy": headers.referrer_policy, "override": headers.replace},
    }
    if headers.content_security_policy is not None:
        security["content_security_policy"] = {
            "content_security_policy": headers.content_security_policy,
            "override": headers.replace,
        }
    custom: list[aws.cloudfront.ResponseHeadersPolicyCustomHeadersConfigItemArgsDict] = [
        {"header": name, "value": value, "override": headers.replace} for name, value in sorted(headers.custom.items())
    ]
    return aws.cloudfront.ResponseHeadersPolicy(
        child_name,
        comment=comment,
        security_headers_config=security,
        custom_headers_config={"items": custom} if custom else None,
        remove_headers_config={"items": [{"header": name} for name in headers.remove]} if headers.remove else None,
        cors_config=None if cors is None else _cors_settings(cors),
        opts=component.child(),
    ).id


def _cors_settings(cors: Cors) -> aws.cloudfront.ResponseHeadersPolicyCorsConfigArgsDict:
    settings: aws.cloudfront.ResponseHeadersPolicyCorsConfigArgsDict = {
        "access_control_allow_origins": {"items": list(cors.origins)},
        "access_control_allow_methods": {"items": list(cors.methods)},
        "access_control_allow_headers": {"items": list(cors.headers)},
        "access_control_allow_credentials": cors.credentials,
        "access_control_max_age_sec": cors.max_age_seconds,
        "origin_override": True,
    }
    if cors.expose_headers:
        settings["access_control_expose_headers"] = {"items": list(cors.expose_headers)}
    return settings


def edge_code(file: Path, settings: Mapping[str, Any]) -> str:
    """The code of a CloudFront function in a file, with ``SETTINGS`` before it; comments are for those who read the file."""
    body = re.sub(r"^ *//.*\n", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return f"const SETTINGS = {json.dumps(settings, sort_keys=True)};\n{body}"


def chained_code(*codes: str) -> str:
    """The code of one viewer-request function that is several: each sees what the one before it left, until one answers."""
    bodies = "".join(f"(function () {{\n{code}return handler;\n}})(),\n" for code in codes)
    return f"""const HANDLERS = [
{bodies}];
function handler(event) {{
    for (const one of HANDLERS) {{
        const result = one(event);
        if (result.statusCode) {{
            return result;
        }}
        event.request = result;
    }}
    return event.request;
}}
"""


def edge_function(
    component: Component,
    child_name: str,
    comment: str,
    code: str | pulumi.Output[str],
    key_value_store_arn: pulumi.Input[str] | None = None,
    *,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudfront.Function:
    """A CloudFront function in JavaScript, published. Its ARN goes into ``Behavior.function_arns``.

    :raises ValueError: when it has more bytes than CloudFront takes.
    """

    def fitting(text: str) -> str:
        if (size := len(text.encode())) > MOST_FUNCTION_BYTES:
            raise ValueError(f"{child_name} has {size} bytes; CloudFront takes {MOST_FUNCTION_BYTES}")
        return text

    code = fitting(code) if isinstance(code, str) else code.apply(fitting)
    return aws.cloudfront.Function(
        child_name,
        comment=comment,
        runtime="cloudfront-js-2.0",
        code=code,
        publish=True,
        key_value_store_associations=None if key_value_store_arn is None else [key_value_store_arn],
        tags=tags,
        opts=component.child(),
    )


def decrypt_statement(distribution_arn: pulumi.Input[str]) -> Statement:
    """Lets one distribution read what a key encrypts.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html#oac-permissions-sse-kms
    """
    return Statement(
        sid="CloudFront",
        actions=["kms:Decrypt"],
        resources=["*"],
        principals={"Service": ["cloudfront.amazonaws.com"]},
        conditions={"StringEquals": {"aws:SourceArn": distribution_arn}},
    )


def access_logs(
    component: Component,
    child_name: str,
    distribution: aws.cloudfront.Distribution,
    bucket_arn: pulumi.Input[str],
    *,
    query_strings: bool = True,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.LogDelivery:
    """Standard logging (v2) of a distribution into a bucket of any Region, as JSON, under ``AWSLogs/<account>/CloudFront/``.

    The bucket's policy admits ``delivery.logs.amazonaws.com`` already: otherwise CloudWatch Logs writes a statement into it, which the
    next update of the program removes. Names of source and destination have 60 characters at most.
    """
    destination = aws.cloudwatch.LogDeliveryDestination(
        child_name,
        delivery_destination_configuration={"destination_resource_arn": bucket_arn},
        output_format="json",
        region=EDGE_REGION,
        tags=tags,
        opts=component.child(),
    )
    source = aws.cloudwatch.LogDeliverySource(
        f"{child_name}-source",
        resource_arn=distribution.arn,
        log_type="ACCESS_LOGS",
        region=EDGE_REGION,
        tags=tags,
        opts=component.child(),
    )
    return aws.cloudwatch.LogDelivery(
        f"{child_name}-delivery",
        delivery_source_name=source.name,
        delivery_destination_arn=destination.arn,
        record_fields=[one for one in LOG_FIELDS if query_strings or one not in QUERY_FIELDS],
        # Below AWSLogs/<account>/CloudFront/, which CloudWatch Logs adds.
        s3_delivery_configurations=[{"suffix_path": "{DistributionId}/{yyyy}/{MM}/{dd}/{HH}", "enable_hive_compatible_path": False}],
        region=EDGE_REGION,
        tags=tags,
        opts=component.child(),
    )


def distribution_alarms(
    component: Component,
    name: str,
    distribution: aws.cloudfront.Distribution,
    error_percent: float,
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.MetricAlarm:
    """The alarm ``<name>-viewer-5xx``, when many requests end in 5xx. The topics are in us-east-1, as CloudFront's metrics are."""
    dimensions = {"DistributionId": distribution.id, "Region": "Global"}
    return alarm(
        component,
        f"{name}-viewer-5xx",
        f"{name} answered more than {error_percent:g}% of the requests of five minutes with 5xx: look at its origins first",
        MetricMath(
            f"IF(requests * rate / 100 >= {_FEWEST_ERRORS}, rate, 0)",
            {
                "requests": Metric("AWS/CloudFront", "Requests", dimensions, "Sum"),
                "rate": Metric("AWS/CloudFront", "5xxErrorRate", dimensions, "Average"),
            },
        ),
        error_percent,
        period_seconds=300,
        missing="notBreaching",
        actions=topic_arns,
        region=EDGE_REGION,
        tags=tags,
    )


def function_alarm(
    component: Component,
    child_name: str,
    description: str,
    function: aws.cloudfront.Function,
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.MetricAlarm:
    """An alarm when a CloudFront function fails, for which viewers get 503.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/monitoring-functions.html
    """
    return alarm(
        component,
        child_name,
        f"{description} failed: its viewers got 503",
        Metric("AWS/CloudFront", "FunctionExecutionErrors", {"FunctionName": function.name, "Region": "Global"}, "Sum"),
        0,
        period_seconds=300,
        missing="notBreaching",
        actions=topic_arns,
        region=EDGE_REGION,
        tags=tags,
    )
