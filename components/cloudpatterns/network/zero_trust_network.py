"""Zero Trust Network (2025 guide, "Zero Trust Network"): nothing may talk to anything, except along the edges that are declared.

Makes a security group per app without any rule, and for each declared edge (source, target, port) one rule on either side. Calls to
VPC Lattice services go through a service network that knows each caller by its IAM role and lets in the declared ones alone.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.security_group import GROUP_DELETION, MOST_RULES_PER_INTERFACE, RULES_PER_GROUP, group_name_problems
from cloudpatterns.core import ArgumentError, Choice, Component, after, by_name, document
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import KmsKeyArn, LogRetentionDays, Port, Tags
from cloudpatterns.network._lattice import NAME_LIMITS, grant_calls, log_destination, may_call, service_network
from cloudpatterns.network._lattice import name_problem as lattice_name_problem

# Names of children join two apps with -from- or -to-; a name that holds such a part could spell another pair.
_NAME = re.compile(r"(?!(?:[a-z0-9]+-)*(?:to|from)(?:-|$))[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LATTICE = "lattice"
# What VPC Lattice's prefix list counts in the rule quota.
# https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html#aws-managed-prefix-list-weights
_LATTICE_ENTRIES = 10


class ZeroTrustAppArgs(TypedDict):
    """An app: whatever carries its security group."""

    role_arn: NotRequired[pulumi.Input[str]]
    """The IAM role the app runs as. Needed by callers of ``services``. Default: none."""


class ZeroTrustEdgeArgs(TypedDict):
    """One permission to connect; nothing else is permitted, and never the way back."""

    source: str
    """The app that connects."""
    target: str
    """The app that is connected to; the source itself for the nodes of a cluster."""
    port: Port
    """The target's port, 1 to 65535."""
    protocol: NotRequired[Annotated[str, Choice("tcp", "udp"), Field(default="tcp")]]
    """``tcp`` or ``udp``. Default: ``tcp``."""


class ZeroTrustServiceArgs(TypedDict):
    """A VPC Lattice service that apps call by HTTPS, with signed requests."""

    service_arn: pulumi.Input[str]
    """The service, e.g. of a ``ServiceMesh`` with ``associate`` False; it joins this network."""
    callers: Annotated[list[str], Field(min_length=1)]
    """The apps that may call; each has a ``role_arn``."""
    port: NotRequired[Annotated[int, Field(default=443, ge=1, le=65535)]]
    """The port of the service's listener, 1 to 65535. Default: 443."""
    app: NotRequired[str]
    """The app that is the service's target, which then admits VPC Lattice on ``app_port``. Default: none, as for functions."""
    app_port: NotRequired[Port]
    """The port of the targets, 1 to 65535. Goes with ``app``."""


class ZeroTrustNetworkArgs(TypedDict):
    """Arguments of ``ZeroTrustNetwork``."""

    vpc_id: pulumi.Input[str]
    """The VPC of the apps. It can be connected to one service network only."""
    apps: Annotated[dict[str, ZeroTrustAppArgs], Field(min_length=1)]
    """The apps by name: lower-case letters, digits and hyphens, a letter first, no part ``to`` or ``from``, not ``lattice``."""
    edges: NotRequired[Annotated[list[ZeroTrustEdgeArgs], Field(default=[])]]
    """The only connections between apps that are allowed, each once. Default: none."""
    services: NotRequired[Annotated[dict[str, ZeroTrustServiceArgs], Field(default={})]]
    """The services that apps may call, by a name like those of apps. Default: none, and no service network."""
    lattice_prefix_list_id: NotRequired[Annotated[pulumi.Input[str], Field(pattern="^pl-[0-9a-f]+$")]]
    """The AWS-managed prefix list ``com.amazonaws.<region>.vpc-lattice`` of the region, whose addresses carry the calls. Needed for
    ``services``. ``aws ec2 describe-managed-prefix-lists`` shows it."""
    attach_role_policies: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the callers' roles get the permission to call. Default: True; False when they are in another account or have it already."""
    access_log_destination_arn: NotRequired[pulumi.Input[str]]
    """Where access logs of the calls go: a CloudWatch log group, an S3 bucket or a Firehose stream of your own, which must let
    ``delivery.logs.amazonaws.com`` write. Default: a new log group."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the new log group keeps the access logs. Default: 365."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer key of the new log group; its policy must admit the regional logs principal. Default: CloudWatch's own encryption."""
    rules_per_group: NotRequired[Annotated[int, Field(default=RULES_PER_GROUP, ge=1, le=MOST_RULES_PER_INTERFACE)]]
    """The account's quota of rules of a group, per direction. Default: 60, AWS's own default."""
    tags: NotRequired[Tags]
    """Tags of everything that takes some. Default: none but Name."""


_RETENTION_DAYS = 365


class ZeroTrustNetwork(Component):
    """Deny by default, and only declared connections and calls (2025 guide, "Zero Trust Network").

    The groups let nothing in and nothing out but the declared edges: what an app needs beside them, such as an endpoint of AWS, is an edge
    to that endpoint's app or another group on the same machine.
    """

    security_group_ids: pulumi.Output[dict[str, str]]
    """Ids of the apps' groups by name, given out once their rules are in place."""
    edges: pulumi.Output[list[str]]
    """All connections that are declared, those of services included, as ``shop-web -> shop-api: 8080``: what policies prove."""
    service_network_id: pulumi.Output[str] | None
    """The service network; none without ``services``."""
    lattice_security_group_id: pulumi.Output[str] | None
    """The group of the VPC's connection to the service network; none without ``services``."""
    log_group_name: pulumi.Output[str] | None
    """The log group with the access logs of the calls; none without ``services`` or with a destination of your own."""

    def __init__(self, name: str, args: ZeroTrustNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        if problems := list(_problems(name, checked)):
            raise ArgumentError("ZeroTrustNetwork", name, problems)
        check_names("ZeroTrustNetwork", name, {**dict.fromkeys(checked["apps"], 255), "network": NAME_LIMITS["network"]})
        super().__init__("ZeroTrustNetwork", name, opts)
        self._label = name
        self._checked = checked
        self._groups = {app: self._group(app, f"Members of the app {app}") for app in checked["apps"]}
        self._rules: dict[str, list[pulumi.Resource]] = {app: [] for app in checked["apps"]}
        for edge in checked["edges"]:
            self._connect(edge)
        self.service_network_id = self.lattice_security_group_id = self.log_group_name = None
        if checked["services"]:
            self._open_services(checked["services"])
        self._ids = {app: after(group.id, *self._rules[app]) for app, group in self._groups.items()}
        self.security_group_ids = by_name(self._ids)
        self.edges = pulumi.Output.all(*self._declared())
        self.register()

    def group_id(self, app: str) -> pulumi.Output[str]:
        """The id of an app's group, given out once its rules are in place.

        :raises ArgumentError: when there is no such app.
        """
        if app not in self._ids:
            reason = f"{app} is no app; known are {', '.join(self._ids)}."
            raise ArgumentError("ZeroTrustNetwork", self._label, [("group_id", reason)])
        return self._ids[app]

    def _declared(self) -> Iterator[pulumi.Output[str]]:
        """The declared connections by the names of their groups; VPC Lattice calls from the addresses of its prefix list."""
        for edge in self._checked["edges"]:
            port = f"{edge['port']}" if edge["protocol"] == "tcp" else f"{edge['port']}/{edge['protocol']}"
            yield pulumi.Output.from_input(f"{self._label}-{edge['source']} -> {self._label}-{edge['target']}: {port}")
        callers, targets = _lattice_ports(self._checked["services"])
        for app, port in callers:
            yield pulumi.Output.from_input(f"{self._label}-{app} -> {self._label}-{_LATTICE}: {port}")
        for app, port in targets:
            yield pulumi.Output.concat(self._checked["lattice_prefix_list_id"], f" -> {self._label}-{app}: {port}")

    def _group(self, key: str, description: str) -> aws.ec2.SecurityGroup:
        # The provider takes away the rule with which a new group lets everything out.
        # https://www.pulumi.com/registry/packages/aws/api-docs/ec2/securitygroup/ ("NOTE on Egress rules")
        return aws.ec2.SecurityGroup(
            f"{self._label}-{key}",
            vpc_id=self._checked["vpc_id"],
            description=description,
            tags={"Name": f"{self._label}-{key}", **self._checked["tags"]},
            opts=self.child(custom_timeouts=GROUP_DELETION),
        )

    def _connect(self, edge: Mapping[str, Any]) -> None:
        source, target, port, protocol = edge["source"], edge["target"], edge["port"], edge["protocol"]
        suffix = f"{port}" if protocol == "tcp" else f"{port}-{protocol}"
        from_source = {"referenced_security_group_id": self._groups[source].id, "description": f"From the app {source}"}
        self._rules[target].append(self._ingress(f"{target}-from-{source}-{suffix}", self._groups[target], port, protocol, from_source))
        to_target = {"referenced_security_group_id": self._groups[target].id, "description": f"To the app {target}"}
        self._rules[source].append(self._egress(f"{source}-to-{target}-{suffix}", self._groups[source], port, protocol, to_target))

    def _open_services(self, services: Mapping[str, Mapping[str, Any]]) -> None:
        checked, name, tags = self._checked, self._label, self._checked["tags"]
        gate = self._group(_LATTICE, "Connection to the service network")
        gate_rules = self._gate_rules(gate, services)
        network, association = service_network(self, name, checked["vpc_id"], [after(gate.id, *gate_rules)], tags)
        statements = [
            may_call(service["service_arn"], [checked["apps"][app]["role_arn"] for app in service["callers"]], checked["vpc_id"])
            for service in services.values()
        ]
        policy = aws.vpclattice.AuthPolicy(f"{name}-auth", resource_identifier=network.id, policy=document(*statements), opts=self.child())
        destination, group = log_destination(
            self,
            name,
            checked["access_log_destination_arn"],
            checked["log_retention_days"] or _RETENTION_DAYS,
            checked["kms_key_arn"],
            tags,
        )
        logs = aws.vpclattice.AccessLogSubscription(
            f"{name}-logs", resource_identifier=network.id, destination_arn=destination, tags=tags, opts=self.child()
        )
        for key, service in services.items():
            aws.vpclattice.ServiceNetworkServiceAssociation(
                f"{name}-{key}-association",
                service_identifier=service["service_arn"],
                service_network_identifier=network.id,
                tags=tags,
                # No call goes unlogged, and none is refused for want of the policy.
                opts=self.child(depends_on=[policy, logs, association]),
            )
        if checked["attach_role_policies"]:
            for app, arns in _calls(services).items():
                grant_calls(self, f"{name}-{app}-calls", checked["apps"][app]["role_arn"], arns)
        self.service_network_id, self.lattice_security_group_id = network.id, gate.id
        self.log_group_name = group.name if group else None

    def _gate_rules(self, gate: aws.ec2.SecurityGroup, services: Mapping[str, Mapping[str, Any]]) -> list[pulumi.Resource]:
        """Rules of callers, of the connection to the service network, which knows their groups, and of targets, which see Lattice alone.

        https://docs.aws.amazon.com/vpc-lattice/latest/ug/security-groups.html
        """
        lattice = {"prefix_list_id": self._checked["lattice_prefix_list_id"]}
        rules: list[pulumi.Resource] = []
        callers, targets = _lattice_ports(services)
        for app, port in callers:
            caller = {"referenced_security_group_id": self._groups[app].id, "description": f"From the app {app}"}
            rules.append(self._ingress(f"{_LATTICE}-from-{app}-{port}", gate, port, "tcp", caller))
            out = self._egress(f"{app}-to-{_LATTICE}-{port}", self._groups[app], port, "tcp", {**lattice, "description": "To VPC Lattice"})
            self._rules[app].append(out)
        for app, port in targets:
            source = {**lattice, "description": "From VPC Lattice"}
            self._rules[app].append(self._ingress(f"{app}-from-{_LATTICE}-{port}", self._groups[app], port, "tcp", source))
        return rules

    def _ingress(
        self, suffix: str, group: aws.ec2.SecurityGroup, port: int, protocol: str, source: Mapping[str, Any]
    ) -> aws.vpc.SecurityGroupIngressRule:
        return aws.vpc.SecurityGroupIngressRule(
            f"{self._label}-{suffix}",
            security_group_id=group.id,
            ip_protocol=protocol,
            from_port=port,
            to_port=port,
            tags=self._checked["tags"],
            opts=self.child(),
            **source,
        )

    def _egress(
        self, suffix: str, group: aws.ec2.SecurityGroup, port: int, protocol: str, target: Mapping[str, Any]
    ) -> aws.vpc.SecurityGroupEgressRule:
        return aws.vpc.SecurityGroupEgressRule(
            f"{self._label}-{suffix}",
            security_group_id=group.id,
            ip_protocol=protocol,
            from_port=port,
            to_port=port,
            tags=self._checked["tags"],
            opts=self.child(),
            **target,
        )


def _lattice_ports(services: Mapping[str, Mapping[str, Any]]) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Apps that call VPC Lattice, and apps that it calls, each with the port."""
    callers = {(app, service["port"]) for service in services.values() for app in service["callers"]}
    targets = {(service["app"], service["app_port"]) for service in services.values() if service["app"]}
    return sorted(callers), sorted(targets)


def _calls(services: Mapping[str, Mapping[str, Any]]) -> dict[str, list[pulumi.Input[str]]]:
    calls: dict[str, list[pulumi.Input[str]]] = {}
    for service in services.values():
        for app in service["callers"]:
            calls.setdefault(app, []).append(service["service_arn"])
    return calls


def _problems(name: str, checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from group_name_problems(name)
    if checked["services"] and (problem := lattice_name_problem(name)):
        yield "name", problem
    for path in ("apps", "services"):
        for key in checked[path]:
            if key == _LATTICE or not _NAME.fullmatch(key):
                reason = "a name has lower-case letters, digits and hyphens, a letter first, no part `to` or `from`, and is not `lattice`."
                yield f"{path}.{key}", f"is named {key!r}; {reason} Choose another."
    yield from _edge_problems(checked["apps"], checked["edges"])
    for key, service in checked["services"].items():
        yield from _service_problems(f"services.{key}", checked["apps"], service)
    if bool(checked["services"]) != (checked["lattice_prefix_list_id"] is not None):
        missing = (
            "is missing; services are called at its addresses. Give" if checked["services"] else "is of no use without services. Leave out"
        )
        yield "lattice_prefix_list_id", f"{missing} the region's com.amazonaws.<region>.vpc-lattice."
    for key in ("access_log_destination_arn", "log_retention_days", "kms_key_arn"):
        if checked[key] is not None and not checked["services"]:
            yield key, "is of no use without services: only their calls are logged here. Leave it out."
        elif checked[key] is not None and key != "access_log_destination_arn" and checked["access_log_destination_arn"] is not None:
            yield key, "excludes access_log_destination_arn: it is about a log group of the network's own. Leave out one of the two."
    yield from _quota_problems(checked)


def _edge_problems(apps: Mapping[str, Any], edges: list[ZeroTrustEdgeArgs]) -> Iterator[tuple[str, str]]:
    for index, edge in enumerate(edges):
        for end in (edge["source"], edge["target"]):
            if end not in apps:
                yield f"edges.{index}", f"names {end!r}, which is no app; known are {', '.join(apps)}. Add it, or correct the name."
        if edge in edges[:index]:
            what = f"{edge['source']} to {edge['target']} on {edge['protocol']} {edge['port']}"
            yield f"edges.{index}", f"is {what}, which is there already. Declare each edge once."


def _service_problems(path: str, apps: Mapping[str, Any], service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for index, caller in enumerate(service["callers"]):
        if caller not in apps:
            yield f"{path}.callers.{index}", f"is {caller!r}, which is no app; known are {', '.join(apps)}. Add it, or correct the name."
        elif apps[caller]["role_arn"] is None:
            yield f"{path}.callers.{index}", f"is {caller!r}, which has no role_arn to be known by. Give apps.{caller}.role_arn."
        if caller in service["callers"][:index]:
            yield f"{path}.callers.{index}", f"is {caller!r}, which is there already. Name each caller once."
    if (service["app"] is None) != (service["app_port"] is None):
        yield path, "has only one of app and app_port, which go together. Give both or neither."
    elif service["app"] is not None and service["app"] not in apps:
        yield f"{path}.app", f"is {service['app']!r}, which is no app; known are {', '.join(apps)}. Add it, or correct the name."


def _quota_problems(checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    quota, services = checked["rules_per_group"], checked["services"].values()
    counts: Counter[tuple[str, str]] = Counter()
    for edge in checked["edges"]:
        counts[edge["target"], "ingress"] += 1
        counts[edge["source"], "egress"] += 1
    for app, _ in {(app, service["port"]) for service in services for app in service["callers"]}:
        counts[app, "egress"] += _LATTICE_ENTRIES
        counts[_LATTICE, "ingress"] += 1
    for app, _ in {(service["app"], service["app_port"]) for service in services if service["app"]}:
        counts[app, "ingress"] += _LATTICE_ENTRIES
    for (app, direction), count in sorted(counts.items()):
        if count > quota:
            yield (
                "services" if app == _LATTICE else f"apps.{app}",
                f"needs {count} {direction} rules; a security group takes {quota} per direction. Divide the app, or have the quota "
                "raised and say so in rules_per_group.",
            )
