"""Several load balancers in front of one fleet, each for an audience of its own.

Pattern: "Multi-Load Balancer" (Cloud Design Patterns for AWS).
"""

from collections.abc import Iterator
from functools import partial
from itertools import combinations
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.security_group import (
    INTERNET,
    MOST_RULES_PER_INTERFACE,
    RULES_PER_GROUP,
    Peer,
    cidr_peer,
    egress_rule,
    group_name_problems,
    ingress_rule,
    security_group,
)
from cloudpatterns.core import Component, Keys, Problem, after, by_name, declared, excludes
from cloudpatterns.core.vocabulary import Cidr, RuleDescription
from cloudpatterns.network._cidrs import entry_problems
from cloudpatterns.network.load_balancer import (
    ListenerArgs,
    LoadBalancer,
    TargetArgs,
    access_log_bucket,
    listener_problems,
    log_problems,
    name_pattern_problems,
)


class AudienceEntryArgs(TypedDict):
    """One network of an audience."""

    cidr: Cidr
    """The network."""
    description: RuleDescription
    """Whose network it is."""


class AudienceArgs(ListenerArgs):
    """One audience and its load balancer. At least one of ``internet``, ``entries``, ``prefix_list_id`` and
    ``client_security_group_ids``. No two audiences have the same certificate.
    """

    internet: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the internet may connect."""
    entries: NotRequired[Annotated[list[AudienceEntryArgs], Field(default=[])]]
    """Networks that may connect."""
    prefix_list_id: NotRequired[pulumi.Input[str]]
    """Prefix list of networks that may connect. Default: none."""
    prefix_list_max_entries: NotRequired[Annotated[int, Field(default=10, ge=1, le=1000)]]
    """How many rules the prefix list counts as in the quota."""
    client_security_group_ids: NotRequired[
        Annotated[dict[str, pulumi.Input[str]], Field(default={}), Keys("[A-Za-z0-9-]+", "letters, digits and hyphens")]
    ]
    """Security groups that may connect, by a name of your choice."""


class MultiLoadBalancerArgs(TargetArgs):
    """Arguments of ``MultiLoadBalancer``."""

    audiences: Annotated[
        dict[str, AudienceArgs],
        Keys("(?!(fleet|logs)$)[a-z][a-z0-9]*", "lower-case letters and digits, a letter first, and is not fleet or logs"),
    ]
    """Two audiences or more, by name. For one, a ``LoadBalancer`` is enough."""
    fleet_security_group_id: NotRequired[pulumi.Input[str]]
    """Security group of the fleet, which receives the rules beside its own, which are not checked. Default: a new one without egress rules:
    add the groups of what the fleet calls to the fleet."""
    rules_per_group: NotRequired[Annotated[int, Field(default=RULES_PER_GROUP, ge=1, le=MOST_RULES_PER_INTERFACE)]]
    """The account's quota of rules per security group, direction and address family."""


class MultiLoadBalancer(Component):
    """A load balancer for each audience (the public, partners, staff) in front of the same fleet (Cloud Design Patterns for AWS,
    "Multi-Load Balancer").

    Creates, for each audience, an application load balancer with a certificate and a security group of its own, and the fleet's security
    group, which admits plain HTTP from the load balancers' groups and from nowhere else. Attach the fleet to every target group: a target
    group serves one load balancer only. An Auto Scaling group then replaces an instance that any one of the load balancers finds unhealthy.

    **Use when**: groups of clients need certificates, networks, client certificates or timeouts of their own, and the same servers.

    **Not when**: one certificate and one set of sources serve everybody: a ``LoadBalancer`` is enough.

    **Cost drivers**: a load balancer for each audience, with its capacity units (LCU) and public IPv4 addresses; the stored logs.

    **Trade-offs**: every target is checked by every load balancer, and leaves service when one of them finds it unhealthy; the traffic
    behind the load balancers is plain HTTP.

    **Proven by**: controls ``alb-https-listener``, ``lb-tls-policy``, ``alb-access-logs``, ``lb-several-zones``;
    ``test_multi_load_balancer.py``.
    """

    fleet_security_group_id: pulumi.Output[str]
    """Security group of the fleet, available after its rules."""
    security_group_ids: pulumi.Output[dict[str, str]]
    """Audience to its load balancer's security group, available after its rules."""
    load_balancer_arns: pulumi.Output[dict[str, str]]
    """Audience to its load balancer's ARN."""
    dns_names: pulumi.Output[dict[str, str]]
    """Audience to its load balancer's own host name."""
    zone_ids: pulumi.Output[dict[str, str]]
    """Audience to the hosted zone of its load balancer's host name, for alias records."""
    https_listener_arns: pulumi.Output[dict[str, str]]
    """Audience to its HTTPS listener's ARN."""
    target_group_arns: pulumi.Output[dict[str, str]]
    """Audience to its target group's ARN, available after the listener."""
    log_bucket_name: pulumi.Output[str]
    """Name of the bucket with the logs of all load balancers."""

    def __init__(self, name: str, args: MultiLoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=partial(_problems, name), names=_child_names)
        self._checked, self._tags = checked, checked["tags"]
        audiences = checked["audiences"]
        groups = {audience: self._group(audience, f"Balancer of the audience {audience}") for audience in audiences}
        given = checked.get("fleet_security_group_id")
        fleet_id = pulumi.Output.from_input(self._group("fleet", "Fleet behind several balancers").id if given is None else given)
        self._fleet_rules: list[pulumi.Resource] = []
        group_ids = {audience: self._connect(audience, group, fleet_id) for audience, group in groups.items()}
        self.fleet_security_group_id = after(fleet_id, *self._fleet_rules)
        # Any group's ARN names the account; the audiences' names keep the logs apart.
        self.log_bucket_name = access_log_bucket(self, checked, audiences, next(iter(groups.values())).arn)
        self._balancers = {audience: self._load_balancer(audience, group_id) for audience, group_id in group_ids.items()}
        self.security_group_ids = by_name(group_ids)
        balancers = self._balancers.items()
        self.load_balancer_arns = by_name({audience: balancer.load_balancer_arn for audience, balancer in balancers})
        self.dns_names = by_name({audience: balancer.dns_name for audience, balancer in balancers})
        self.zone_ids = by_name({audience: balancer.zone_id for audience, balancer in balancers})
        self.https_listener_arns = by_name({audience: balancer.https_listener_arn for audience, balancer in balancers})
        self.target_group_arns = by_name({audience: balancer.target_group_arn for audience, balancer in balancers})
        self.register()

    def balancer(self, audience: str) -> LoadBalancer:
        """The load balancer of an audience, for a web application firewall or the target groups of a fleet.

        :raises ArgumentError: for an unknown audience.
        """
        return self.lookup(self._balancers, audience, "balancer", "an audience")

    def _group(self, suffix: str, description: str) -> aws.ec2.SecurityGroup:
        name = f"{self.pulumi_resource_name}-{suffix}"
        return security_group(self, f"{name}-group", self._checked["vpc_id"], description, {"Name": name, **self._tags})

    def _connect(self, audience: str, group: aws.ec2.SecurityGroup, fleet_id: pulumi.Output[str]) -> pulumi.Output[str]:
        """Lets clients reach the load balancer, and that the fleet; the id of its group is available after the group's rules."""
        args, name = self._checked["audiences"][audience], self.pulumi_resource_name
        rules: list[pulumi.Resource] = [
            ingress_rule(self, f"{name}-{audience}-from-{source}-{port}", group.id, port, peer, description, self._tags)
            for source, peer, description in _sources(args)
            for port in _ports(args)
        ]
        balancer, fleet = {"referenced_security_group_id": group.id}, {"referenced_security_group_id": fleet_id}
        description = f"From the balancer of the audience {audience}"
        for port in _fleet_ports(self._checked):
            child_name = f"{name}-fleet-from-{audience}-{port}"
            self._fleet_rules.append(ingress_rule(self, child_name, fleet_id, port, balancer, description, self._tags))
            rules.append(egress_rule(self, f"{name}-{audience}-to-fleet-{port}", group.id, port, fleet, "To the fleet", self._tags))
        return after(group.id, *rules)

    def _load_balancer(self, audience: str, group_id: pulumi.Output[str]) -> LoadBalancer:
        own: Any = self._checked["audiences"][audience]
        shared: Any = self._checked
        given: Any = {
            **{key: own[key] for key in declared(ListenerArgs)},
            # Those of the log bucket are for the component's own.
            **{key: shared[key] for key in declared(TargetArgs) if key not in ("log_retention_days", "force_destroy")},
            "security_group_ids": [group_id],
            "access_log_bucket_name": self.log_bucket_name,
            "log_prefix": audience,
        }
        return LoadBalancer(f"{self.pulumi_resource_name}-{audience}", given, self.child())


def _ports(audience: AudienceArgs) -> list[int]:
    return [443, 80] if audience["http_redirect"] else [443]


def _sources(audience: AudienceArgs) -> Iterator[tuple[str, Peer, str]]:
    """From where clients connect: a part of the rules' names, the peer, and the rules' description."""
    if audience["internet"]:
        yield "internet", INTERNET["ipv4"], "From the internet"
        if audience["ip_address_type"] == "dualstack":
            yield "internet-ipv6", INTERNET["ipv6"], "From the internet"
    for entry in audience["entries"]:
        cidr = entry["cidr"]
        # Two colons separate the parts of a URN.
        yield cidr.replace(":", "_").replace("/", "-"), cidr_peer(cidr), entry["description"]
    prefix_list = audience.get("prefix_list_id")
    if prefix_list is not None:
        yield "list", {"prefix_list_id": prefix_list}, "From the prefix list of the audience"
    for client, group_id in audience["client_security_group_ids"].items():
        yield f"client-{client}", {"referenced_security_group_id": group_id}, f"From {client}"


def _fleet_ports(checked: MultiLoadBalancerArgs) -> list[int]:
    health_check_port = checked.get("health_check_port")
    return sorted({checked["target_port"], health_check_port or checked["target_port"]})


def _child_names(checked: MultiLoadBalancerArgs) -> dict[str, int]:
    return {f"{audience}-{suffix}": 32 for audience in checked["audiences"] for suffix in ("lb", "tg")}


def _problems(name: str, checked: MultiLoadBalancerArgs) -> Iterator[Problem]:
    audiences, quota = checked["audiences"], checked["rules_per_group"]
    yield from group_name_problems(name)
    yield from name_pattern_problems(name)
    if len(audiences) < 2:
        yield "audiences", f"has {', '.join(audiences) or 'none'}; for one audience a LoadBalancer is enough. Name two or more."
    for audience, args in audiences.items():
        yield from _audience_problems(f"audiences.{audience}", args, quota)
    yield from _shared_certificate_problems(audiences)
    yield from log_problems(checked)
    rules = len(audiences) * len(_fleet_ports(checked))
    if rules > quota:
        yield "audiences", f"need {rules} rules in the fleet's security group, which takes {quota}. Name fewer audiences."


def _audience_problems(path: str, audience: AudienceArgs, quota: int) -> Iterator[Problem]:
    at = f"{path}."
    yield from listener_problems(audience, at)
    yield from excludes(audience, "internet", "internal", path=at, why="the internet does not reach private addresses")
    yield from excludes(audience, "internet", "entries", "prefix_list_id", path=at, why="the internet includes every network")
    cidrs = [entry["cidr"] for entry in audience["entries"]]
    yield from entry_problems(f"{path}.entries", cidrs, "Name narrower networks, or set internet to True.")
    clients, has_list = audience["client_security_group_ids"], audience.get("prefix_list_id") is not None
    if not (audience["internet"] or cidrs or has_list or clients):
        yield path, "admits nobody. Set internet to True, or give entries, prefix_list_id or client_security_group_ids."
    count = len(_ports(audience)) * (has_list * audience["prefix_list_max_entries"] + len(cidrs) + len(clients))
    if count > quota:
        yield (
            path,
            f"needs {count} rules, a prefix list counting as its prefix_list_max_entries; a security group takes {quota}. Name fewer.",
        )


def _shared_certificate_problems(audiences: dict[str, AudienceArgs]) -> Iterator[Problem]:
    for (one, first), (other, second) in combinations(audiences.items(), 2):
        for key in ("certificate_arn", "domain_name"):
            value = second.get(key)
            # Values that are not known yet are compared by identity: outputs have no other equality.
            if value is not None and (value is first.get(key) or (isinstance(value, str) and value == first.get(key))):
                yield f"audiences.{other}.{key}", f"is that of {one} as well; each audience has a certificate of its own. Give it another."
