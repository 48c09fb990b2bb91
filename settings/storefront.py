"""The section `storefront`: certificate, servers, scaling, web application firewall and logs."""

import re
from collections.abc import Iterable
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import InitErrorDetails

from settings.faults import Allowed, Assign, Context, Model, Remove, fault, refuse
from settings.fields import WHOLE, Cidr, LogRetentionDays, Switch, each_once, from_last

Architecture = Literal["arm64", "x86_64"]

_INSTANCE_TYPE = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"
EXAMPLE_CERTIFICATE = "arn:aws:acm:{region}:123456789012:certificate/00000000-0000-4000-8000-000000000000"
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:([a-z0-9-]+):\d{12}:certificate/[0-9a-fA-F-]{36}")
EXAMPLE_TOPIC = "arn:aws:sns:{region}:123456789012:alarms"
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}")
_DOMAIN = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$"


def architecture_of(instance_type: str) -> Architecture:
    """The CPU architecture of an EC2 instance type, from its family's name.

    AWS's Graviton families have a g among the letters after the generation (t4g, c7gn, im4gn, is4gen), and a1 is the first of them.
    https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
    """
    family = instance_type.split(".")[0]
    attributes = re.fullmatch(r"[a-z-]+\d+([a-z]*).*", family)
    graviton = family == "a1" or (attributes is not None and "g" in attributes[1])
    return "arm64" if graviton else "x86_64"


def _not_everything(value: tuple[IPv4Network | IPv6Network, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    # WAF's IP sets refuse /0: https://docs.aws.amazon.com/waf/latest/APIReference/API_IPSet.html
    everything = next((index for index, cidr in enumerate(value) if cidr.prefixlen == 0), None)
    if everything is not None:
        raise refuse(f"{value[everything]} is the whole internet", Remove((everything,)))
    return each_once(value)


def _blocked_or_allowed(waf: "Waf", context: Context) -> Iterable[InitErrorDetails]:
    for index, cidr in from_last(waf.blocked_cidrs):
        if cidr in waf.allowed_cidrs:
            place = ("blocked_cidrs", index)
            yield fault(place, "it is also in allowed_cidrs", fix=[Remove(place)], allowed="each network in one of the two lists")


class CountRule(Model):
    """A rule that temporarily counts instead of blocking."""

    rule: Annotated[str, Field(pattern=r"^[A-Za-z0-9_/-]{1,128}$"), Allowed("a rule's name", "rate-limit")]
    """Name of the rule in the component `WebApplicationFirewall`."""
    until: Annotated[date, Allowed("the last day of counting, in quotes, at most 90 days ahead", "2026-12-31")]
    """The last day of counting."""


class RuleException(Model):
    """A rule inside a managed group that always counts, because it does not fit the application."""

    rule: Annotated[
        str,
        Field(pattern=r"^(ip-reputation|common|known-bad-inputs|sql-injection)/[A-Za-z0-9_-]{1,70}$"),
        Allowed("a managed group and a rule of it", "common/SizeRestrictions_BODY"),
    ]
    """Group and rule."""
    reason: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9_ .:/=+@-]{1,256}$"),
        Allowed("reason, 1 to 256 letters, digits, spaces and _.:/=+-@", "customers upload pictures"),
    ]
    """Reason; it becomes a tag of the web ACL."""


class Waf(Model):
    """The web application firewall in front of the load balancer."""

    rules = (_blocked_or_allowed,)

    rate_limit: Annotated[
        int, Field(ge=10, le=2_000_000_000), WHOLE, Allowed("requests per address in five minutes, 10 to 2000000000", 2000)
    ] = 2000
    """Requests that one address may send in five minutes before it is blocked."""
    blocked_cidrs: Annotated[
        tuple[Cidr, ...], AfterValidator(_not_everything), Allowed("networks, none of them /0, each once", ["198.51.100.0/24"])
    ] = ()
    """Networks that are always blocked."""
    allowed_cidrs: Annotated[
        tuple[Cidr, ...], AfterValidator(_not_everything), Allowed("networks, none of them /0, each once", ["203.0.113.0/24"])
    ] = ()
    """Networks that skip the other rules."""
    count_rules: Annotated[
        tuple[CountRule, ...],
        Allowed("rules that count temporarily, each with its last day", [{"rule": "rate-limit", "until": "2026-12-31"}]),
    ] = ()
    """Rules that count instead of block, while they are rolled out."""
    exceptions: Annotated[
        tuple[RuleException, ...],
        Allowed(
            "rules of managed groups that always count, each with a reason",
            [{"rule": "common/SizeRestrictions_BODY", "reason": "customers upload pictures"}],
        ),
    ] = ()
    """Rules inside managed groups that always count. By default, bodies over 8 KB are blocked."""


def _certificate_of_region(storefront: "Storefront", context: Context) -> Iterable[InitErrorDetails]:
    arn, region = storefront.certificate_arn, context.region
    found = _CERTIFICATE.fullmatch(arn) if arn else None
    if arn and not found:
        yield fault(("certificate_arn",), "not the ARN of a certificate")
    if found and region is not None and found[1] != region:
        fixed = arn.replace(f":acm:{found[1]}:", f":acm:{region}:", 1) if arn else arn
        yield fault(
            ("certificate_arn",),
            f"the certificate is in {found[1]}, and a load balancer needs one in its own region",
            fix=[Assign(("certificate_arn",), fixed)],
        )


def _one_certificate(storefront: "Storefront", context: Context) -> Iterable[InitErrorDetails]:
    rule = "certificate_arn, or domain_name and hosted_zone_id, with which a certificate is created; not both"
    pair = {"domain_name": storefront.domain_name, "hosted_zone_id": storefront.hosted_zone_id}
    examples = {"domain_name": "shop.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
    given = [name for name, value in pair.items() if value is not None]
    if storefront.certificate_arn is not None and given:
        because = f"{' and '.join(given)} would make a second certificate"
        yield fault((given[0],), because, fix=[Remove((name,)) for name in given], allowed=rule)
    elif storefront.certificate_arn is None and not given:
        example = EXAMPLE_CERTIFICATE.replace("{region}", context.region or "eu-west-1")
        yield fault(("certificate_arn",), "HTTPS needs a certificate", fix=[Assign(("certificate_arn",), example)], allowed=rule)
    elif storefront.certificate_arn is None and len(given) == 1:
        missing = next(name for name in pair if name not in given)
        yield fault(
            (missing,), f"{given[0]} creates a certificate only together with it", fix=[Assign((missing,), examples[missing])], allowed=rule
        )


def _topics_of_region(storefront: "Storefront", context: Context) -> Iterable[InitErrorDetails]:
    for index, arn in from_last(storefront.alarm_topic_arns):
        found, place = _TOPIC.fullmatch(arn), ("alarm_topic_arns", index)
        if not found:
            yield fault(place, "not the ARN of a topic")
        elif context.region is not None and found[1] != context.region:
            fixed = arn.replace(f":sns:{found[1]}:", f":sns:{context.region}:", 1)
            yield fault(
                place, f"the topic is in {found[1]}, and an alarm can notify only topics in its own region", fix=[Assign(place, fixed)]
            )


def _minimum_below_maximum(storefront: "Storefront", context: Context) -> Iterable[InitErrorDetails]:
    if storefront.min_size > storefront.max_size:
        yield fault(
            ("min_size",),
            f"more than max_size, which is {storefront.max_size}",
            fix=[Assign(("max_size",), storefront.min_size)],
            allowed="servers, at least 1 and at most max_size",
        )


def _one_architecture(storefront: "Storefront", context: Context) -> Iterable[InitErrorDetails]:
    first = storefront.instance_types[0]
    wanted = architecture_of(first)
    for index, name in from_last(storefront.instance_types):
        if architecture_of(name) != wanted:
            yield fault(
                ("instance_types", index),
                f"{name} is {architecture_of(name)}, and the preferred {first} is {wanted}: one image cannot run on both",
                fix=[Remove(("instance_types", index))],
                allowed="types of one CPU architecture (Graviton: arm64, others: x86_64)",
            )


def _image_of_architecture(storefront: "Storefront", context: Context) -> Iterable[InitErrorDetails]:
    wanted = architecture_of(storefront.instance_types[0])
    named = next((arch for arch in ("arm64", "x86_64") if arch in storefront.image_parameter), None)
    if named is not None and named != wanted:
        yield fault(
            ("image_parameter",),
            f"an image for {named}, and {storefront.instance_types[0]} is {wanted}",
            fix=[Assign(("image_parameter",), storefront.image_parameter.replace(named, wanted))],
            allowed="an image of the instance types' CPU architecture",
        )


class Storefront(Model):
    """The web shop: load balancer, servers and their firewall."""

    rules = (
        _certificate_of_region,
        _one_certificate,
        _topics_of_region,
        _minimum_below_maximum,
        _one_architecture,
        _image_of_architecture,
    )

    certificate_arn: Annotated[str | None, Allowed("the ARN of an ACM certificate in {region}", EXAMPLE_CERTIFICATE)] = None
    """Certificate of the HTTPS listener. Alternatively, set `domain_name` and `hosted_zone_id`."""
    domain_name: Annotated[
        Annotated[str, Field(pattern=_DOMAIN, min_length=4, max_length=253)] | None,
        Allowed("a host name in lower case", "shop.example.com"),
    ] = None
    """Domain name for which a certificate is created. Requires `hosted_zone_id`."""
    hosted_zone_id: Annotated[
        Annotated[str, Field(pattern=r"^Z[A-Z0-9]{3,31}$")] | None,
        Allowed("the id of a public Route 53 zone, Z and capitals or digits", "Z0123456789ABCDEFGHIJ"),
    ] = None
    """Route 53 zone for the records of the name and the certificate's validation. Requires `domain_name`."""
    app_port: Annotated[int, Field(ge=1024, le=65535), WHOLE, Allowed("an unprivileged port, 1024 to 65535", 8080)] = 8080
    """Port on which the application listens on the servers."""
    health_check_path: Annotated[
        str, Field(pattern=r"^/[\x21-\x7e]*$", max_length=1024), Allowed("a path that begins with a slash", "/healthz")
    ] = "/healthz"
    """Path that returns 200 while a server is healthy."""
    instance_types: Annotated[
        tuple[Annotated[str, Field(pattern=_INSTANCE_TYPE), Allowed("an EC2 instance type such as t4g.small", "t4g.small")], ...],
        Field(min_length=1, max_length=40),
        AfterValidator(each_once),
        Allowed("at least one EC2 instance type, all of one CPU architecture, each once", ["t4g.small"]),
    ]
    """EC2 types of the servers, in order of preference. More types find more Spot capacity."""
    min_size: Annotated[int, Field(ge=1, le=1000), WHOLE, Allowed("servers, at least 1 and at most max_size", 2)]
    """Minimum number of servers."""
    max_size: Annotated[int, Field(ge=1, le=1000), WHOLE, Allowed("servers, at least min_size and at most 1000", 6)]
    """Maximum number of servers."""
    spot_percentage: Annotated[int, Field(ge=0, le=100), WHOLE, Allowed("per cent, 0 to 100", 0)] = 0
    """Share of Spot instances, which are cheaper and can be interrupted with two minutes' notice."""
    image_parameter: Annotated[
        str,
        Field(pattern=r"^/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", max_length=1011),
        Allowed(
            "the name of an SSM parameter that holds an image id", "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
        ),
    ] = Field(default_factory=lambda known: _default_image(known.get("instance_types", ())))
    """SSM parameter with the image id of the servers. Default: the newest Amazon Linux 2023 of the instance types' architecture."""
    cpu_target_percent: Annotated[int, Field(ge=10, le=90), WHOLE, Allowed("per cent, 10 to 90", 50)] = 50
    """Target CPU utilization of scaling."""
    access_log_retention_days: Annotated[int, Field(ge=1, le=3653), WHOLE, Allowed("days, 1 to 3653", 365)] = 365
    """Days that the load balancer's access logs are kept."""
    waf: Annotated[Waf, Allowed("settings of the web application firewall", None)] = Field(default_factory=dict, validate_default=True)
    """The web application firewall."""
    deletion_protection: Switch = True
    """Whether deletion protection of the load balancer is on."""
    log_retention_days: LogRetentionDays = 365
    """Days that the logs of the web application firewall and the cache are kept."""
    alarm_topic_arns: Annotated[
        tuple[Annotated[str, Allowed("the ARN of an SNS topic in {region}", EXAMPLE_TOPIC)], ...],
        AfterValidator(each_once),
        Allowed("ARNs of SNS topics in {region}, each once", [EXAMPLE_TOPIC]),
    ] = ()
    """SNS topics for alarms when CPU, storage, memory or healthy servers run short. Without topics, these alarms are not created."""

    def servers(self) -> Any:
        """The arguments of the servers."""
        return {name: value for name, value in self.as_args().items() if name in _SERVERS}

    def balancer(self) -> Any:
        """The arguments of neither the servers nor the firewall."""
        return self.as_args("waf", *_SERVERS)

    @property
    def architecture(self) -> Architecture:
        """CPU architecture of the servers."""
        return architecture_of(self.instance_types[0])


# The settings of the Auto Scaling group, a separate object in the component's arguments.
_SERVERS = (
    *("app_port", "health_check_path", "instance_types", "min_size", "max_size"),
    *("spot_percentage", "image_parameter", "cpu_target_percent"),
)


def _default_image(instance_types: tuple[str, ...]) -> str:
    architecture = architecture_of(instance_types[0]) if instance_types else "arm64"
    return f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}"
