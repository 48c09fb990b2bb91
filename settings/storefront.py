"""The section `storefront`: servers, load balancer, web application firewall and alarms."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from cloudpatterns.blocks.server import amazon_linux, architecture
from cloudpatterns.network import WebApplicationFirewallOptions
from cloudpatterns.systems.storefront import StorefrontLoadBalancerArgs, StorefrontServersArgs
from pydantic import AfterValidator, Field
from pydantic_core import InitErrorDetails

from settings.faults import Allowed, Assign, Context, Model, Remove, fault, refuse
from settings.fields import Cidr, each_once, from_last
from settings.options import options

EXAMPLE_CERTIFICATE = "arn:aws:acm:{region}:123456789012:certificate/00000000-0000-4000-8000-000000000000"
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:([a-z0-9-]+):\d{12}:certificate/[0-9a-fA-F-]{36}")
EXAMPLE_TOPIC = "arn:aws:sns:{region}:123456789012:alarms"
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}")


def _minimum_below_maximum(servers: "Servers", context: Context) -> Iterable[InitErrorDetails]:
    if servers.min_size > servers.max_size:
        yield fault(
            ("min_size",),
            f"more than max_size, which is {servers.max_size}",
            fixes=[Assign(("max_size",), servers.min_size)],
            allowed="servers, at least 1 and at most max_size",
        )


def _types_once(servers: "Servers", context: Context) -> Iterable[InitErrorDetails]:
    for index, name in from_last(servers.instance_types):
        if name in servers.instance_types[:index]:
            yield fault(
                ("instance_types", index), f"{name} is named twice", fixes=[Remove(("instance_types", index))], allowed="each type once"
            )


def _one_architecture(servers: "Servers", context: Context) -> Iterable[InitErrorDetails]:
    first = servers.instance_types[0]
    wanted = architecture(first)
    for index, name in from_last(servers.instance_types):
        if architecture(name) != wanted:
            yield fault(
                ("instance_types", index),
                f"{name} is {architecture(name)}, and the preferred {first} is {wanted}: one image cannot start both",
                fixes=[Remove(("instance_types", index))],
                allowed="types of one CPU architecture (Graviton: arm64, others: x86_64)",
            )


def _image_of_architecture(servers: "Servers", context: Context) -> Iterable[InitErrorDetails]:
    wanted = architecture(servers.instance_types[0])
    named = next((arch for arch in ("arm64", "x86_64") if arch in servers.image_parameter), None)
    if named is not None and named != wanted:
        yield fault(
            ("image_parameter",),
            f"an image for {named}, and {servers.instance_types[0]} is {wanted}",
            fixes=[Assign(("image_parameter",), servers.image_parameter.replace(named, wanted))],
            allowed="an image of the instance types' CPU architecture",
        )


class Servers(
    options(
        StorefrontServersArgs,
        texts={
            "instance_types": Allowed("at least one EC2 instance type, all of one CPU architecture, each once", ["t4g.small"]),
            "min_size": Allowed("servers, at least 1 and at most max_size", 2),
            "max_size": Allowed("servers, at least min_size and at most 1000", 6),
        },
    )
):
    """The servers, and what they serve."""

    checks = (_minimum_below_maximum, _types_once, _one_architecture, _image_of_architecture)

    image_parameter: Annotated[
        str,
        Field(pattern=r"^/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", max_length=1011),
        Allowed("the name of an SSM parameter that holds an image id", amazon_linux("t4g.small")),
    ] = Field(default_factory=lambda known: amazon_linux(next(iter(known.get("instance_types", ())), "t4g.small")))
    """SSM parameter with the id of the servers' image. Default: the newest Amazon Linux 2023 of the instance types' architecture."""


def _certificate_of_region(load_balancer: "LoadBalancer", context: Context) -> Iterable[InitErrorDetails]:
    arn, region = load_balancer.certificate_arn, context.region
    found = _CERTIFICATE.fullmatch(arn) if arn else None
    if arn and not found:
        yield fault(("certificate_arn",), "not the ARN of a certificate")
    if found and region is not None and found[1] != region:
        fixed = arn.replace(f":acm:{found[1]}:", f":acm:{region}:", 1) if arn else arn
        yield fault(
            ("certificate_arn",),
            f"the certificate is in {found[1]}, and a load balancer takes one of its own region only",
            fixes=[Assign(("certificate_arn",), fixed)],
        )


def _one_certificate(load_balancer: "LoadBalancer", context: Context) -> Iterable[InitErrorDetails]:
    rule = "certificate_arn, or domain_name and hosted_zone_id, with which a certificate is made; not both"
    pair = {"domain_name": load_balancer.domain_name, "hosted_zone_id": load_balancer.hosted_zone_id}
    examples = {"domain_name": "shop.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
    given = [name for name, value in pair.items() if value is not None]
    if load_balancer.certificate_arn is not None and given:
        because = f"{' and '.join(given)} would make a second certificate"
        yield fault((given[0],), because, fixes=[Remove((name,)) for name in given], allowed=rule)
    elif load_balancer.certificate_arn is None and not given:
        example = EXAMPLE_CERTIFICATE.replace("{region}", context.region or "eu-west-1")
        yield fault(("certificate_arn",), "HTTPS needs a certificate", fixes=[Assign(("certificate_arn",), example)], allowed=rule)
    elif load_balancer.certificate_arn is None and len(given) == 1:
        missing = next(name for name in pair if name not in given)
        yield fault(
            (missing,), f"{given[0]} makes a certificate only together with it", fixes=[Assign((missing,), examples[missing])], allowed=rule
        )


class LoadBalancer(
    options(
        StorefrontLoadBalancerArgs,
        texts={
            "certificate_arn": Allowed("the ARN of an ACM certificate in {region}", EXAMPLE_CERTIFICATE),
            "hosted_zone_id": Allowed("the id of a public Route 53 zone, Z and capitals or digits", "Z0123456789ABCDEFGHIJ"),
        },
    )
):
    """The load balancer and its certificate."""

    checks = (_certificate_of_region, _one_certificate)


def _not_everything(value: tuple[IPv4Network | IPv6Network, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    # WAF's IP sets refuse /0: https://docs.aws.amazon.com/waf/latest/APIReference/API_IPSet.html
    everything = next((index for index, cidr in enumerate(value) if cidr.prefixlen == 0), None)
    if everything is not None:
        raise refuse(f"{value[everything]} is the whole internet", Remove((everything,)))
    return each_once(value)


def _blocked_or_allowed(firewall: "Firewall", context: Context) -> Iterable[InitErrorDetails]:
    for index, cidr in from_last(firewall.blocked_cidrs):
        if cidr in firewall.allowed_cidrs:
            place = ("blocked_cidrs", index)
            yield fault(place, "allowed_cidrs has it too", fixes=[Remove(place)], allowed="each network in one of the two lists")


_Networks = Annotated[tuple[Cidr, ...], AfterValidator(_not_everything)]


class Firewall(options(WebApplicationFirewallOptions)):
    """The web application firewall in front of the load balancer."""

    checks = (_blocked_or_allowed,)

    blocked_cidrs: Annotated[_Networks, Allowed("networks, none of them /0, each once", ["198.51.100.0/24"])] = ()
    """Networks that are always blocked."""
    allowed_cidrs: Annotated[_Networks, Allowed("networks, none of them /0, each once", ["203.0.113.0/24"])] = ()
    """Networks that skip the other rules."""


def _topics_of_region(storefront: "Storefront", context: Context) -> Iterable[InitErrorDetails]:
    for index, arn in from_last(storefront.alarm_topic_arns):
        found, place = _TOPIC.fullmatch(arn), ("alarm_topic_arns", index)
        if not found:
            yield fault(place, "not the ARN of a topic")
        elif context.region is not None and found[1] != context.region:
            fixed = arn.replace(f":sns:{found[1]}:", f":sns:{context.region}:", 1)
            yield fault(
                place, f"the topic is in {found[1]}, and an alarm tells topics of its own region only", fixes=[Assign(place, fixed)]
            )


class Storefront(Model):
    """The web shop: servers, load balancer and firewall."""

    checks = (_topics_of_region,)

    servers: Annotated[Servers, Allowed("an object", None)]
    """The servers."""
    load_balancer: Annotated[LoadBalancer, Allowed("an object", {"certificate_arn": EXAMPLE_CERTIFICATE})]
    """The load balancer and its certificate."""
    firewall: Annotated[Firewall, Allowed("settings of the web application firewall", None)] = Field(
        default_factory=dict, validate_default=True
    )
    """The web application firewall."""
    alarm_topic_arns: Annotated[
        tuple[Annotated[str, Allowed("the ARN of an SNS topic in {region}", EXAMPLE_TOPIC)], ...],
        AfterValidator(each_once),
        Allowed("ARNs of SNS topics in {region}, each once", [EXAMPLE_TOPIC]),
    ] = ()
    """SNS topics to notify when processor, storage, memory or servers run short. Without one no such alarm is created."""
