"""Several load balancers in front of one fleet, each for an audience of its own.

Pattern: "Multi-Load Balancer" (Cloud Design Patterns for AWS).
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.security_group import egress_rule, group_name_problems, ingress_rule, security_group
from cloudpatterns.core import Component, Problem, after, by_name, declared
from cloudpatterns.network.load_balancer import (
    ListenerArgs,
    LoadBalancer,
    TargetArgs,
    access_log_bucket,
    log_problems,
    name_pattern_problems,
)
from cloudpatterns.network.multi_load_balancer.arguments import AudienceArgs, MultiLoadBalancerArgs
from cloudpatterns.network.multi_load_balancer.audiences import audience_problems, ports, sources

# The component's own log bucket has them.
_OF_THE_LOG_BUCKET = ("access_log_bucket_name", "log_retention_days", "force_destroy")


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
        checked = self.begin(name, args, opts, problems=lambda checked: _problems(name, checked), names=_child_names)
        self._checked, self._tags = checked, checked["tags"]
        audiences = checked["audiences"]
        groups = {audience: self._group(audience, f"Balancer of the audience {audience}") for audience in audiences}
        given = checked.get("fleet_security_group_id")
        fleet_id = pulumi.Output.from_input(self._group("fleet", "Fleet behind several balancers").id if given is None else given)
        fleet_rules: list[pulumi.Resource] = []
        group_ids: dict[str, pulumi.Output[str]] = {}
        for audience, group in groups.items():
            admitting = self._admitting_rules(audience, group)
            fleet_rules += self._fleet_rules(audience, group, fleet_id)
            group_ids[audience] = after(group.id, *admitting, *self._forwarding_rules(audience, group, fleet_id))
        self.fleet_security_group_id = after(fleet_id, *fleet_rules)
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

    def _admitting_rules(self, audience: str, group: aws.ec2.SecurityGroup) -> list[pulumi.Resource]:
        args = self._checked["audiences"][audience]
        return [
            ingress_rule(
                self, f"{self.pulumi_resource_name}-{audience}-from-{source}-{port}", group.id, port, peer, description, self._tags
            )
            for source, peer, description in sources(args)
            for port in ports(args)
        ]

    def _forwarding_rules(self, audience: str, group: aws.ec2.SecurityGroup, fleet_id: pulumi.Output[str]) -> list[pulumi.Resource]:
        name, fleet = f"{self.pulumi_resource_name}-{audience}-to-fleet", {"referenced_security_group_id": fleet_id}
        return [
            egress_rule(self, f"{name}-{port}", group.id, port, fleet, "To the fleet", self._tags) for port in _fleet_ports(self._checked)
        ]

    def _fleet_rules(self, audience: str, group: aws.ec2.SecurityGroup, fleet_id: pulumi.Output[str]) -> list[pulumi.Resource]:
        name, description = f"{self.pulumi_resource_name}-fleet-from-{audience}", f"From the balancer of the audience {audience}"
        return [
            ingress_rule(self, f"{name}-{port}", fleet_id, port, {"referenced_security_group_id": group.id}, description, self._tags)
            for port in _fleet_ports(self._checked)
        ]

    def _load_balancer(self, audience: str, group_id: pulumi.Output[str]) -> LoadBalancer:
        own: Any = self._checked["audiences"][audience]
        shared: Any = self._checked
        given: Any = {
            **{key: own[key] for key in declared(ListenerArgs)},
            **{key: shared[key] for key in declared(TargetArgs) if key not in _OF_THE_LOG_BUCKET},
            "security_group_ids": [group_id],
            "access_log_bucket_name": self.log_bucket_name,
            "log_prefix": audience,
        }
        return LoadBalancer(f"{self.pulumi_resource_name}-{audience}", given, self.child())


def _fleet_ports(checked: MultiLoadBalancerArgs) -> list[int]:
    health_check_port = checked.get("health_check_port")
    return sorted({checked["target_port"], health_check_port or checked["target_port"]})


def _child_names(checked: MultiLoadBalancerArgs) -> dict[str, int]:
    return {f"{audience}-{suffix}": 32 for audience in checked["audiences"] for suffix in ("lb", "tg")}


def _problems(name: str, checked: MultiLoadBalancerArgs) -> Iterator[Problem]:
    audiences = checked["audiences"]
    yield from group_name_problems(name)
    yield from name_pattern_problems(name)
    if len(audiences) < 2:
        yield "audiences", f"has {', '.join(audiences) or 'none'}; for one audience a LoadBalancer is enough. Name two or more."
    for audience, args in audiences.items():
        yield from audience_problems(f"audiences.{audience}", args, checked["rules_per_group"])
    yield from _shared_certificate_problems(audiences)
    yield from log_problems(checked)
    rules = len(audiences) * len(_fleet_ports(checked))
    if rules > checked["rules_per_group"]:
        yield (
            "audiences",
            f"need {rules} rules in the fleet's security group, which takes {checked['rules_per_group']}. Name fewer audiences.",
        )


def _shared_certificate_problems(audiences: dict[str, AudienceArgs]) -> Iterator[Problem]:
    for (one, first), (other, second) in combinations(audiences.items(), 2):
        for key in ("certificate_arn", "domain_name"):
            value = second.get(key)
            # Values that are not known yet are compared by identity: outputs have no other equality.
            if value is not None and (value is first.get(key) or (isinstance(value, str) and value == first.get(key))):
                yield f"audiences.{other}.{key}", f"is that of {one} as well; each audience has a certificate of its own. Give it another."
