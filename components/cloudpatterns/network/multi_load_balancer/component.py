"""Several load balancers before one fleet, each for an audience of its own.

Pattern: "Multi-Load Balancer" (Cloud Design Patterns for AWS). Made are, for each audience (the public, partners, staff), an application
load balancer with its own certificate and its own security group; and the group of the fleet, which admits plain HTTP from the balancers'
groups and from nowhere else.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.security_group import MOST_RULES_PER_INTERFACE, RULES_PER_GROUP, group_name_problems
from cloudpatterns.core import ArgumentError, Choice, Component, account_of, after, by_name
from cloudpatterns.core.vocabulary import DeletionProtection, Tags
from cloudpatterns.network.load_balancer import LoadBalancer, LoadBalancerArgs, MutualTls, Stickiness, checked_arguments
from cloudpatterns.network.multi_load_balancer.audiences import ports, source_problems, sources
from cloudpatterns.storage.durable_bucket import DurableBucket

_RESERVED = ("fleet", "logs")


class AudienceEntryArgs(TypedDict):
    """One network that an audience comes from."""

    cidr: str
    """The network, IPv4 or IPv6, without host bits."""
    description: str
    """Whose it is. 1 to 255 of the letters, digits, blanks and ``._-:/()#,@[]+=;{}!$*``."""


class AudienceArgs(TypedDict):
    """One audience and its balancer. At least one of ``internet``, ``entries``, ``prefix_list_id`` and ``client_security_group_ids``."""

    subnet_ids_by_zone: dict[str, pulumi.Input[str]]
    """One subnet per zone, public ones unless ``internal``; two zones at least."""
    certificate_arn: NotRequired[pulumi.Input[str]]
    """The certificate, which no other audience has. Either this, or ``domain_name`` and ``hosted_zone_id``."""
    domain_name: NotRequired[str]
    """The name that the balancer serves: a certificate is made for it, and alias records point to the balancer."""
    hosted_zone_id: NotRequired[pulumi.Input[str]]
    """The public Route 53 zone of ``domain_name``."""
    internal: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the balancer has private addresses only. Default: False."""
    internet: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether everybody may connect. Default: False."""
    entries: NotRequired[Annotated[list[AudienceEntryArgs], Field(default=[])]]
    """Networks that may connect. Default: none."""
    prefix_list_id: NotRequired[pulumi.Input[str]]
    """Prefix list of networks that may connect. Default: none."""
    prefix_list_max_entries: NotRequired[Annotated[int, Field(default=10, ge=1, le=1000)]]
    """What the prefix list counts in the rule quota, 1 to 1000. Default: 10."""
    client_security_group_ids: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Security groups that may connect, by a name of your choice: letters, digits and hyphens. Default: none."""
    mutual_tls: NotRequired[MutualTls]
    """Client certificates. Default: not asked for, on a new listener."""
    tls_policy: NotRequired[str]
    """The TLS policy, of those that take TLS 1.2 or 1.3 only. Default: that of ``LoadBalancer``."""
    http_redirect: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether port 80 is open as well and answers with a 301 to HTTPS. Default: True."""
    ip_address_type: NotRequired[Annotated[str, Choice("ipv4", "dualstack"), Field(default="ipv4")]]
    """``ipv4`` or ``dualstack``. Default: ipv4."""
    stickiness: NotRequired[Stickiness]
    """Session affinity. Default: none."""
    idle_timeout_seconds: NotRequired[int]
    """Seconds until a silent connection is closed, 1 to 4000. Default: 60."""


class MultiLoadBalancerArgs(TypedDict):
    """Arguments of ``MultiLoadBalancer``."""

    vpc_id: pulumi.Input[str]
    """The VPC of the balancers and the fleet."""
    audiences: dict[str, AudienceArgs]
    """Two audiences at least, by name: lower-case letters and digits, a letter first, not ``fleet`` or ``logs``."""
    target_port: Annotated[int, Field(ge=1, le=65535)]
    """The port on which the fleet serves plain HTTP."""
    fleet_security_group_id: NotRequired[pulumi.Input[str]]
    """The fleet's own group, which gets the rules; what else it admits is not known here. Default: a new one, which lets nothing out: stack
    the groups of what the fleet calls beside it."""
    target_type: NotRequired[str]
    """``instance`` or ``ip`` (containers). Default: instance."""
    health_check_path: NotRequired[str]
    """The path that a healthy target answers. Default: ``/``."""
    health_check_port: NotRequired[Annotated[int, Field(ge=1, le=65535)]]
    """The port of the health check, which the balancers reach as well. Default: ``target_port``."""
    health_check_matcher: NotRequired[str]
    """Codes of a healthy answer. Default: 200."""
    deregistration_delay_seconds: NotRequired[int]
    """Seconds that a leaving target may finish its requests, 0 to 3600. Default: 300."""
    access_log_bucket_name: NotRequired[pulumi.Input[str]]
    """A bucket for the logs of all balancers, each under its audience's name: same region, SSE-S3, and a policy for Elastic Load Balancing
    that is in place already. Default: one log target of its own."""
    log_retention_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days that a log bucket of its own keeps the logs. Default: 365."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the balancers; switch it off with an update before the stack is destroyed. Default: True."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroying the stack deletes the logs in a log bucket of its own. Default: False: with logs in it, it cannot be destroyed."""
    rules_per_group: NotRequired[Annotated[int, Field(default=RULES_PER_GROUP, ge=1, le=MOST_RULES_PER_INTERFACE)]]
    """The account's quota of rules of a group, per direction and address family. Default: 60, AWS's own default."""
    tags: NotRequired[Tags]
    """Tags of everything that takes some. Default: none."""


class MultiLoadBalancer(Component):
    """A balancer for each audience before the same fleet (Cloud Design Patterns for AWS, "Multi-Load Balancer").

    Attach the fleet to every target group: a target group serves one balancer only. An Auto Scaling group then replaces an instance
    that any one of the balancers finds unhealthy.
    """

    fleet_security_group_id: pulumi.Output[str]
    """The group that the fleet wears, given out once it admits the balancers."""
    security_group_ids: pulumi.Output[dict[str, str]]
    """Audience to its balancer's security group, given out once its rules are in place."""
    load_balancer_arns: pulumi.Output[dict[str, str]]
    """Audience to its balancer's ARN."""
    dns_names: pulumi.Output[dict[str, str]]
    """Audience to its balancer's own host name."""
    zone_ids: pulumi.Output[dict[str, str]]
    """Audience to the hosted zone of its balancer's host name, for alias records."""
    https_listener_arns: pulumi.Output[dict[str, str]]
    """Audience to its HTTPS listener's ARN."""
    target_group_arns: pulumi.Output[dict[str, str]]
    """Audience to its target group's ARN, given out only once the listener is there."""
    log_bucket_name: pulumi.Output[str]
    """The bucket with the logs of all balancers."""

    def __init__(self, name: str, args: MultiLoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        # What all balancers share is told once.
        if problems := list(dict.fromkeys([*_problems(name, checked), *_balancer_problems(name, checked)])):
            raise ArgumentError("MultiLoadBalancer", name, problems)
        super().__init__("MultiLoadBalancer", name, opts)
        self._prefix, self._checked, self._tags = name, checked, checked["tags"]
        audiences = checked["audiences"]
        groups = {audience: self._group(audience, f"Balancer of the audience {audience}") for audience in audiences}
        if (given := checked.get("fleet_security_group_id")) is not None:
            fleet_id = pulumi.Output.from_input(given)
        else:
            fleet_id = self._group("fleet", "Fleet behind several balancers").id
        fleet_rules: list[pulumi.Resource] = []
        ids: dict[str, pulumi.Output[str]] = {}
        for audience, group in groups.items():
            admitted = self._admit(audience, audiences[audience], group)
            fleet_rules += self._serve(audience, group, fleet_id)
            ids[audience] = after(group.id, *admitted, *self._forward(audience, group, fleet_id))
        self.fleet_security_group_id = after(fleet_id, *fleet_rules)
        self.log_bucket_name = self._log_bucket(next(iter(groups.values())))
        self._balancers = {
            audience: LoadBalancer(
                f"{name}-{audience}", _balancer_args(checked, audience, [ids[audience]], self.log_bucket_name), self.child()
            )
            for audience in audiences
        }
        self.security_group_ids = by_name(ids)
        balancers = self._balancers.items()
        self.load_balancer_arns = by_name({audience: balancer.load_balancer_arn for audience, balancer in balancers})
        self.dns_names = by_name({audience: balancer.dns_name for audience, balancer in balancers})
        self.zone_ids = by_name({audience: balancer.zone_id for audience, balancer in balancers})
        self.https_listener_arns = by_name({audience: balancer.https_listener_arn for audience, balancer in balancers})
        self.target_group_arns = by_name({audience: balancer.target_group_arn for audience, balancer in balancers})
        self.register()

    def balancer(self, audience: str) -> LoadBalancer:
        """The balancer of an audience, for what takes one: a web application firewall, the target groups of a fleet.

        :raises ArgumentError: when there is no such audience.
        """
        if audience not in self._balancers:
            reason = f"{audience} is no audience; known are {', '.join(self._balancers)}."
            raise ArgumentError("MultiLoadBalancer", self._prefix, [("balancer", reason)])
        return self._balancers[audience]

    def _group(self, suffix: str, description: str) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            f"{self._prefix}-{suffix}-group",
            vpc_id=self._checked["vpc_id"],
            description=description,
            tags={"Name": f"{self._prefix}-{suffix}", **self._tags},
            opts=self.child(),
        )

    def _admit(self, audience: str, args: AudienceArgs, group: aws.ec2.SecurityGroup) -> list[pulumi.Resource]:
        return [
            aws.vpc.SecurityGroupIngressRule(
                f"{self._prefix}-{audience}-from-{source}-{port}",
                security_group_id=group.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                tags=self._tags,
                opts=self.child(),
                **target,
            )
            for source, target in sources(args).items()
            for port in ports(args)
        ]

    def _forward(self, audience: str, group: aws.ec2.SecurityGroup, fleet_id: pulumi.Output[str]) -> list[pulumi.Resource]:
        return [
            aws.vpc.SecurityGroupEgressRule(
                f"{self._prefix}-{audience}-to-fleet-{port}",
                security_group_id=group.id,
                referenced_security_group_id=fleet_id,
                description="To the fleet",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                tags=self._tags,
                opts=self.child(),
            )
            for port in _fleet_ports(self._checked)
        ]

    def _serve(self, audience: str, group: aws.ec2.SecurityGroup, fleet_id: pulumi.Output[str]) -> list[pulumi.Resource]:
        return [
            aws.vpc.SecurityGroupIngressRule(
                f"{self._prefix}-fleet-from-{audience}-{port}",
                security_group_id=fleet_id,
                referenced_security_group_id=group.id,
                description=f"From the balancer of the audience {audience}",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                tags=self._tags,
                opts=self.child(),
            )
            for port in _fleet_ports(self._checked)
        ]

    def _log_bucket(self, any_group: aws.ec2.SecurityGroup) -> pulumi.Output[str]:
        checked = self._checked
        if given := checked.get("access_log_bucket_name"):
            return pulumi.Output.from_input(given)
        # A group tells the account whose logs are taken. Names of audiences keep them apart.
        account = account_of(any_group.arn)
        return DurableBucket(
            f"{self._prefix}-logs",
            {
                "kind": "log_target",
                "log_writers": [
                    {"service": "load_balancer", "prefix": audience, "account_ids": [account]} for audience in checked["audiences"]
                ],
                "retention_days": checked.get("log_retention_days") or 365,
                "force_destroy": checked["force_destroy"],
                "tags": self._tags,
            },
            self.child(),
        ).bucket_name


def _fleet_ports(checked: MultiLoadBalancerArgs) -> list[int]:
    return sorted({checked["target_port"], checked.get("health_check_port") or checked["target_port"]})


def _balancer_args(
    checked: MultiLoadBalancerArgs, audience: str, group_ids: list[pulumi.Input[str]], log_bucket_name: pulumi.Input[str]
) -> LoadBalancerArgs:
    own: Mapping[str, Any] = checked["audiences"][audience]
    shared: Mapping[str, Any] = checked
    own_keys = (
        *("subnet_ids_by_zone", "certificate_arn", "domain_name", "hosted_zone_id", "internal", "mutual_tls", "tls_policy"),
        *("http_redirect", "ip_address_type", "stickiness", "idle_timeout_seconds"),
    )
    shared_keys = (
        *("vpc_id", "target_port", "target_type", "health_check_path", "health_check_port", "health_check_matcher"),
        *("deregistration_delay_seconds", "deletion_protection", "tags"),
    )
    args: Any = {
        **{key: own[key] for key in own_keys},
        **{key: shared[key] for key in shared_keys},
        "security_group_ids": group_ids,
        # The fleet takes plain HTTP: TLS ends at the balancer.
        "target_protocol": "HTTP",
        "access_log_bucket_name": log_bucket_name,
        "log_prefix": audience,
    }
    return args


def _balancer_problems(name: str, checked: MultiLoadBalancerArgs) -> Iterator[tuple[str, str]]:
    for audience in checked["audiences"]:
        try:
            checked_arguments(f"{name}-{audience}", _balancer_args(checked, audience, ["sg"], "bucket"))
        except ArgumentError as error:
            for path, reason in error.problems:
                at_top = path in MultiLoadBalancerArgs.__annotations__ and path not in AudienceArgs.__annotations__
                yield path if at_top or path == "name" else f"audiences.{audience}.{path}", reason


def _problems(name: str, checked: MultiLoadBalancerArgs) -> Iterator[tuple[str, str]]:
    audiences = checked["audiences"]
    yield from group_name_problems(name)
    if len(audiences) < 2:
        yield "audiences", f"has {', '.join(audiences) or 'none'}; for one audience a LoadBalancer is enough. Name two at least."
    for audience, args in audiences.items():
        path = f"audiences.{audience}"
        if not re.fullmatch("[a-z][a-z0-9]*", audience) or audience in _RESERVED:
            yield (
                path,
                f"is named {audience!r}; a name has lower-case letters and digits, a letter first, and is not fleet or logs. Rename it.",
            )
        yield from source_problems(path, args, checked["rules_per_group"])
    for (one, mine), (other, yours) in combinations(audiences.items(), 2):
        for key in ("certificate_arn", "domain_name"):
            given: Sequence[Any] = (mine.get(key), yours.get(key))
            # What is not known yet is compared by identity: outputs have no other equality.
            if given[0] is not None and (given[0] is given[1] or (isinstance(given[0], str) and given[0] == given[1])):
                yield f"audiences.{other}.{key}", f"is that of {one} as well; each audience has a certificate of its own. Give it another."
    if checked.get("access_log_bucket_name") is not None:
        for key in ("log_retention_days", "force_destroy"):
            if checked.get(key):
                yield key, "excludes access_log_bucket_name: it is about a log bucket of the component's own. Leave out one of the two."
    rules = len(audiences) * len(_fleet_ports(checked))
    if rules > checked["rules_per_group"]:
        yield "audiences", f"are {rules} rules of the fleet's group, which takes {checked['rules_per_group']}. Name fewer audiences."
