"""What several records of one name point to, and how Route 53 knows whether it is healthy."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.dns import (
    CLOUDFRONT_ZONE_ID,
    DNS_REGION,
    Destination,
    Endpoint,
    Routing,
    endpoint_check,
    records,
    unhealthy_alarm,
)
from cloudpatterns.core import Choice, Component, Matches, Problem, Unique, excludes, is_given, one_of
from cloudpatterns.core.vocabulary import AlarmTopicArns, DomainName, HostedZoneId, Port, Tags

_HostName = Annotated[pulumi.Input[str], Matches(r"[A-Za-z0-9_.-]+\.[A-Za-z]{2,63}\.?", "a host name such as shop.hosting.example")]
_OwnName = Annotated[str, Matches(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", "a domain name such as new.shop.example.com")]
_MOST_VALUES = 400
"""https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-entities-records"""


class DnsAlias(TypedDict):
    """Something in AWS that has a name and a hosted zone: a load balancer, an API, a distribution."""

    dns_name: pulumi.Input[str]
    """Its own name, such as ``dns_name`` of a ``LoadBalancer``."""
    zone_id: HostedZoneId
    """The hosted zone of that name, such as ``zone_id`` of a ``LoadBalancer``; not the zone of the record."""
    evaluate_target_health: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether Route 53 asks the target itself: a load balancer is healthy while each of its target groups has a healthy target. False for a
    distribution, whose health it does not evaluate; then a health check is needed."""


class DnsHealthCheck(TypedDict):
    """What Route 53's checkers ask over HTTPS. A firewall admits them: AWS's list of addresses is ROUTE53_HEALTHCHECKS."""

    domain_name: NotRequired[_OwnName]
    """Name that this target alone answers to, which its certificate has. Default: ``domain_name`` of the target."""
    path: NotRequired[Annotated[str, Matches(r"/[^\s#]{0,254}", "a path such as /health"), Field(default="/")]]
    """Path of the page."""
    search_string: NotRequired[Annotated[str, Field(min_length=1, max_length=255)]]
    """Text in the first 5,120 bytes of the page, such as ``deep-health-ok``. Default: a status of 200 to 399 is enough."""
    port: NotRequired[Annotated[Port, Field(default=443)]]
    """Port of the server."""
    request_interval_seconds: NotRequired[Annotated[int, Choice(10, 30), Field(default=30)]]
    """How often each of Route 53's checkers asks; 10 costs more. A change replaces the health check."""
    failure_threshold: NotRequired[Annotated[int, Field(default=3, ge=1, le=10)]]
    """Answers in a row that change a checker's mind."""
    measure_latency: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether Route 53 measures how long the answer takes, at a price. A change replaces the health check."""


class DnsEndpoint(TypedDict):
    """Where a record of addresses points."""

    alias: NotRequired[DnsAlias]
    """Something in AWS. Exactly one of this, ``addresses`` and, where there is one, ``host_name``."""
    addresses: NotRequired[
        Annotated[list[pulumi.Input[Annotated[str, Field(min_length=7)]]], Field(min_length=1, max_length=_MOST_VALUES), Unique()]
    ]
    """IPv4 addresses. Exactly one of this, ``alias`` and, where there is one, ``host_name``."""
    ipv6_addresses: NotRequired[Annotated[list[pulumi.Input[str]], Field(min_length=1, max_length=_MOST_VALUES), Unique()]]
    """IPv6 addresses, beside ``addresses``. Needed with them where ``ip_address_type`` is ``dualstack``."""
    domain_name: NotRequired[_OwnName]
    """A name for this alone, in the same hosted zone, by which it is tried before it gets traffic. Creates its records. Default:
    none are created."""


class DnsTarget(DnsEndpoint):
    """Where a record points, exactly one of ``alias``, ``addresses`` and ``host_name``, and how Route 53 knows that it is healthy."""

    host_name: NotRequired[_HostName]
    """A name elsewhere, by a CNAME record, which the name of a hosted zone itself cannot have. Exactly one of this, ``alias`` and
    ``addresses``."""
    health_check: NotRequired[DnsHealthCheck]
    """A health check to create. Default: none, ``health_check_id`` or the alias says whether the target is healthy."""
    health_check_id: NotRequired[pulumi.Input[str]]
    """A health check that is there, such as that of a ``DeepHealthCheck``. Default: none."""


class DnsNameOptions(TypedDict):
    """What a user tunes of the records of a name."""

    ip_address_type: NotRequired[Annotated[str, Choice("ipv4", "dualstack"), Field(default="ipv4")]]
    """``dualstack`` adds records for IPv6. All targets must answer over it: clients prefer it, and would only go to those that do."""
    ttl_seconds: NotRequired[Annotated[int, Field(default=60, ge=0, le=86_400)]]
    """Seconds for which resolvers keep an answer with addresses or a host name; for an alias they are those of its target."""


class DnsNameArgs(DnsNameOptions):
    """Where the records of a name stand."""

    domain_name: DomainName
    """The name that all targets share."""
    hosted_zone_id: HostedZoneId
    """Route 53 hosted zone of the name. It has no other record of the name and type: Route 53 refuses routed ones beside it."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when a created health check fails, in us-east-1, where Route 53's metrics are; without any there are no
    alarms."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class Targets:
    """The targets of a name, with their own names, health checks and alarms, as children of a component."""

    def __init__(self, component: Component, checked: DnsNameArgs, targets: Mapping[str, DnsTarget], path: str) -> None:
        self._component, self._checked, self._targets = component, checked, targets
        self._name = component.pulumi_resource_name
        self.health_check_ids: dict[str, pulumi.Output[str]] = {}
        """Ids of the health checks, created or given, by target."""
        _refuse_late(component, targets, path)
        for name, target in targets.items():
            own = target.get("domain_name")
            if own is not None:
                records(
                    component, f"{self._name}-{name}-own", checked["hosted_zone_id"], own, self._kinds(target), self._destination(target)
                )
            if (check_id := self._health_check(name, target)) is not None:
                self.health_check_ids[name] = pulumi.Output.from_input(check_id)

    def route(self, name: str, policy: Mapping[str, object]) -> list[aws.route53.Record]:
        """The records that point the shared name to a target, by a routing policy."""
        target = self._targets[name]
        return records(
            self._component,
            f"{self._name}-{name}",
            self._checked["hosted_zone_id"],
            self._checked["domain_name"],
            self._kinds(target),
            self._destination(target),
            Routing(set_identifier=name, policy=policy, health_check_id=self.health_check_ids.get(name)),
        )

    def _kinds(self, target: DnsTarget) -> Sequence[str]:
        if target.get("host_name") is not None:
            return ("CNAME",)
        return ("A", "AAAA") if self._checked["ip_address_type"] == "dualstack" else ("A",)

    def _destination(self, target: DnsTarget) -> Destination:
        alias, host_name, ttl = target.get("alias"), target.get("host_name"), self._checked["ttl_seconds"]
        if alias is not None:
            evaluated = alias["evaluate_target_health"]
            return Destination(alias={"name": alias["dns_name"], "zone_id": alias["zone_id"], "evaluate_target_health": evaluated})
        if host_name is not None:
            return Destination(values={"CNAME": [host_name]}, ttl_seconds=ttl)
        four, six = target.get("addresses"), target.get("ipv6_addresses")
        return Destination(values={"A": [] if four is None else four, "AAAA": [] if six is None else six}, ttl_seconds=ttl)

    def _health_check(self, name: str, target: DnsTarget) -> pulumi.Input[str] | None:
        check = target.get("health_check")
        if check is None:
            return target.get("health_check_id")
        domain_name = asked_name(target)
        assert domain_name is not None, "the rules of the arguments hold it"
        child_name, tags = f"{self._name}-{name}", self._checked["tags"]
        created = endpoint_check(
            self._component,
            f"{child_name}-check",
            Endpoint(
                domain_name=domain_name,
                path=check["path"],
                search_string=check.get("search_string"),
                port=check["port"],
                request_interval_seconds=check["request_interval_seconds"],
                failure_threshold=check["failure_threshold"],
                measure_latency=check["measure_latency"],
            ),
            {"Name": child_name, **tags},
        )
        if topics := self._checked["alarm_topic_arns"]:
            what = f"Route 53 finds {domain_name} unhealthy, and sends the clients of {self._checked['domain_name']} elsewhere"
            unhealthy_alarm(self._component, f"{child_name}-unhealthy", what, created.id, topics, tags)
        return created.id


def asked_name(target: DnsTarget) -> str | None:
    """The name at which Route 53 asks a target."""
    check = target.get("health_check")
    own = None if check is None else check.get("domain_name")
    return target.get("domain_name") if own is None else own


def name_problems(checked: DnsNameArgs, targets: Mapping[str, DnsTarget], path: str) -> Iterator[Problem]:
    """What is wrong with the targets of a name; ``path`` is the argument that has them."""
    for name, target in targets.items():
        yield from _target_problems(checked, target, f"{path}.{name}.")
    elsewhere = [name for name, target in targets.items() if target.get("host_name") is not None]
    if elsewhere and len(elsewhere) < len(targets):
        other = next(name for name in targets if name not in elsewhere)
        reason = f"is a CNAME record, and {other} has another type: a name has either. Give all targets a host_name, or none."
        yield f"{path}.{elsewhere[0]}.host_name", reason
    if elsewhere and checked["ip_address_type"] == "dualstack":
        yield "ip_address_type", "is 'dualstack'; what a host_name resolves to decides over IPv6 itself. Leave it out."
    yield from _distribution_problems(_plain_zones(targets), targets, path)
    yield from topic_problems(checked["alarm_topic_arns"])


def unused_topic_problems(checked: DnsNameArgs, targets: Mapping[str, DnsTarget], path: str) -> Iterator[Problem]:
    """Topics where no health check is created."""
    if checked["alarm_topic_arns"] and not any(is_given(target, "health_check") for target in targets.values()):
        yield "alarm_topic_arns", f"is for the health checks that are created, and {path} has none. Give one a health_check, or remove it."


def topic_problems(arns: Sequence[pulumi.Input[str]]) -> Iterator[Problem]:
    """Topics of a Region that the alarms of health checks cannot notify."""
    for index, arn in enumerate(arns):
        if isinstance(arn, str) and (parts := arn.split(":"))[3:4] not in ([DNS_REGION], []):
            reason = f"is a topic of {parts[3]}; the metrics of health checks are in {DNS_REGION}. Give a topic there."
            yield f"alarm_topic_arns.{index}", reason


def _target_problems(checked: DnsNameArgs, target: DnsTarget, path: str) -> Iterator[Problem]:
    yield from one_of(target, "alias", "addresses", "host_name", path=path)
    yield from excludes(target, "health_check", "health_check_id", path=path, why="a record has one")
    yield from _address_problems(checked, target, path)
    alias = target.get("alias")
    evaluated = alias is not None and alias["evaluate_target_health"]
    if not evaluated and not is_given(target, "health_check") and not is_given(target, "health_check_id"):
        reason = "is missing; without it Route 53 would go on to answer with a target that is dead. Give it, or health_check_id"
        yield f"{path}health_check", f"{reason}, or an alias with evaluate_target_health." if alias else f"{reason}."
    if is_given(target, "health_check"):
        asked = asked_name(target)
        if asked is None:
            yield f"{path}health_check.domain_name", "is missing; Route 53 asks a target by a name. Give it, or domain_name of the target."
        elif asked == checked["domain_name"]:
            reason = f"is {asked!r}, the name that all targets share: another one may answer to it. Give a name of this target alone."
            yield f"{path}health_check.domain_name", reason
    elif target.get("domain_name") == checked["domain_name"]:
        yield f"{path}domain_name", f"is {checked['domain_name']!r}, the name that all targets share. Give another, or remove it."


def _address_problems(checked: DnsNameArgs, target: DnsTarget, path: str) -> Iterator[Problem]:
    dual, four, six = checked["ip_address_type"] == "dualstack", target.get("addresses"), target.get("ipv6_addresses")
    if six is not None and (four is None or not dual):
        yield f"{path}ipv6_addresses", "is for addresses of a dualstack name. Set ip_address_type to dualstack, or remove it."
    if four is not None and six is None and dual:
        yield f"{path}ipv6_addresses", "is missing; ip_address_type is 'dualstack'. Give it, or leave ip_address_type out."
    for argument, values, kind in (("addresses", four, IPv4Address), ("ipv6_addresses", six, IPv6Address)):
        for index, value in enumerate(() if values is None else values):
            if isinstance(value, str):
                try:
                    kind(value)
                except ValueError:
                    yield f"{path}{argument}.{index}", f"is {value!r}; must be an {kind.__name__.removesuffix('Address')} address"


def _plain_zones(targets: Mapping[str, DnsTarget]) -> dict[str, str]:
    return {
        name: zone_id
        for name, target in targets.items()
        if (alias := target.get("alias")) is not None and isinstance(zone_id := alias["zone_id"], str)
    }


def _distribution_problems(zone_ids: Mapping[str, str], targets: Mapping[str, DnsTarget], path: str) -> Iterator[Problem]:
    """What Route 53 and CloudFront refuse of distributions."""
    names = [name for name, zone_id in zone_ids.items() if zone_id == CLOUDFRONT_ZONE_ID]
    for name in names:
        alias = targets[name].get("alias")
        if alias is not None and alias["evaluate_target_health"]:
            reason = "is True, and the target is a distribution, whose health Route 53 does not evaluate. Set it to False"
            yield f"{path}.{name}.alias.evaluate_target_health", f"{reason}, and give a health_check."
    if len(names) > 1:
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html#alternate-domain-names-restrictions
        reason = f"is a distribution, as {names[0]} is, and CloudFront serves a name by one alone."
        yield f"{path}.{names[1]}.alias", f"{reason} Try a change of a distribution by continuous deployment."


def _refuse_late(component: Component, targets: Mapping[str, DnsTarget], path: str) -> None:
    """The same as ``_distribution_problems``, once zones are known."""
    late = {
        name: alias["zone_id"]
        for name, target in targets.items()
        if (alias := target.get("alias")) is not None and not isinstance(alias["zone_id"], str)
    }
    if not late:
        return

    def refuse(known: Mapping[str, str]) -> None:
        if found := list(_distribution_problems({**_plain_zones(targets), **known}, targets, path)):
            component.refuse(*found)

    pulumi.Output.all(**late).apply(refuse)
