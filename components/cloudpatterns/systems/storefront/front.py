"""What faces the internet: the load balancer with its web ACL, or the CDN before it."""

from collections.abc import Iterator, Sequence
from typing import Any

import pulumi

from cloudpatterns.core import Component, Problem, declared, is_given, pick, region_of_zone
from cloudpatterns.delivery import CdnBalancer, ContentDeliveryNetwork, ContentDeliveryNetworkArgs, ContentDeliveryNetworkOptions
from cloudpatterns.network import LoadBalancerArgs, WebApplicationFirewall, WebApplicationFirewallArgs
from cloudpatterns.systems.storefront.arguments import StorefrontArgs

# For checks of a CDN before there are such things.
_ANY_BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/origin/0"
_ANY_CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0"


def front(checked: StorefrontArgs) -> str:
    """The suffix of the load balancer: that of the internet, or that of the CDN."""
    return "web" if checked.get("cdn") is None else "origin"


def home_region(checked: StorefrontArgs) -> str:
    """The Region of the storefront; the rules of ``cdn`` refuse zones that do not tell it."""
    return str(region_of_zone(next(iter(checked["private_subnet_ids_by_zone"]))))


def application_port(checked: StorefrontArgs) -> int:
    """Port of the servers or containers."""
    return checked["containers"]["port"] if checked.get("servers") is None else checked["servers"]["app_port"]


def is_gradual(checked: StorefrontArgs) -> bool:
    """Whether a deployment moves the traffic between two target groups."""
    return checked.get("containers") is not None and checked["containers"]["deployment"]["strategy"] != "ROLLING"


def balancer_arguments(
    checked: StorefrontArgs, group_ids: Sequence[pulumi.Input[str]], certificate_arn: pulumi.Input[str] | None = None
) -> LoadBalancerArgs:
    """The load balancer; with ``cdn`` it has ``certificate_arn``."""
    return {
        **checked["load_balancer"],
        **_place(checked, certificate_arn),
        "vpc_id": checked["vpc_id"],
        "security_group_ids": list(group_ids),
        "target_port": application_port(checked),
        "target_type": "instance" if checked.get("containers") is None else "ip",
        **({"alternate_target_group": True} if is_gradual(checked) else {}),
        "ip_address_type": "dualstack" if checked["dual_stack"] else "ipv4",
        **pick(checked, "alarm_topic_arns", "tags"),
    }


def _place(checked: StorefrontArgs, certificate_arn: pulumi.Input[str] | None) -> dict[str, Any]:
    """Where the load balancer is: in front of everything, or behind the CDN alone."""
    if checked.get("cdn") is None:
        return {"subnet_ids_by_zone": checked["public_subnet_ids_by_zone"]}
    return {
        "internal": True,
        "subnet_ids_by_zone": checked["private_subnet_ids_by_zone"],
        "http_redirect": False,
        "certificate_arn": certificate_arn,
        "domain_name": None,
        "hosted_zone_id": None,
    }


def web_firewall_arguments(checked: StorefrontArgs, balancer_arn: pulumi.Input[str]) -> WebApplicationFirewallArgs:
    """The web ACL of a load balancer that faces the internet."""
    return {**checked["firewall"], "associations": {"load-balancer": balancer_arn}, "tags": checked["tags"]}


def cdn_arguments(
    checked: StorefrontArgs, balancer_arn: pulumi.Input[str], certificate_arn: pulumi.Input[str]
) -> ContentDeliveryNetworkArgs:
    """The CDN, whose only origin is the load balancer."""
    cdn = checked["cdn"]
    domain_name, zone_id = checked["load_balancer"]["domain_name"], checked["load_balancer"]["hosted_zone_id"]
    origin: CdnBalancer = {"arn": balancer_arn, "domain_name": domain_name}
    return {
        **pick(cdn, *declared(ContentDeliveryNetworkOptions)),
        "firewall": checked["firewall"],
        "alarm_topic_arns": cdn["alarm_topic_arns"],
        "origins": {"storefront": {"load_balancer": origin}},
        "domain_names": [domain_name],
        "hosted_zone_id": zone_id,
        "certificate_arn": certificate_arn,
        "tags": checked["tags"],
    }


def front_parts(checked: StorefrontArgs) -> Iterator[tuple[type[Component], str, str, Any]]:
    """The components of the front beside the load balancer, with made-up ids of others: class, suffix, argument and arguments."""
    if checked.get("cdn") is None:
        yield WebApplicationFirewall, "waf", "firewall", web_firewall_arguments(checked, "arn")
    else:
        yield WebApplicationFirewall, "cdn-firewall", "firewall", {**checked["firewall"], "scope": "CLOUDFRONT"}
        yield ContentDeliveryNetwork, "cdn", "cdn", cdn_arguments(checked, _ANY_BALANCER, _ANY_CERTIFICATE)


def cdn_problems(checked: StorefrontArgs) -> Iterator[Problem]:
    """What stands before the CDN's own rules, which are about arguments that these find missing."""
    cdn, named = checked.get("cdn"), checked["load_balancer"]
    if cdn is None:
        return
    for argument in ("domain_name", "hosted_zone_id"):
        if named.get(argument) is None:
            yield f"load_balancer.{argument}", "is missing; cdn needs it: the CDN serves this name. Give it, or remove cdn."
    if named.get("certificate_arn") is not None:
        reason = "excludes cdn, whose certificates here and in us-east-1 are created. Give domain_name and hosted_zone_id instead."
        yield "load_balancer.certificate_arn", reason
    if is_given(cdn, "firewall"):
        yield "cdn.firewall", "is given beside firewall, which is that of the CDN. Give firewall alone."
    if region_of_zone(next(iter(checked["private_subnet_ids_by_zone"]))) is None:
        yield "private_subnet_ids_by_zone", "names no zone such as eu-west-1a, and the Region of a certificate of cdn is not known."
