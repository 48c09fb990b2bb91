"""Zero Trust Network (2025 guide, "Zero Trust Network"): nothing may talk to anything, except along the edges that are declared.

Creates a security group per app without any rule, and for each declared edge (source, target, port) one rule on either side. Calls to
VPC Lattice services go through a service network that authenticates each caller by its IAM role and admits the declared ones alone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, NamedTuple, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.security_group import (
    GROUP_DELETION,
    MOST_RULES_PER_INTERFACE,
    RULES_PER_GROUP,
    Peer,
    egress_rule,
    group_name_problems,
    ingress_rule,
    security_group,
)
from cloudpatterns.core import Choice, Component, Matches, Problem, Unique, after, by_name, is_given, needs, unknown
from cloudpatterns.core.vocabulary import Port
from cloudpatterns.network._destinations import group_names
from cloudpatterns.network._lattice import (
    NAME_LIMITS,
    LatticeArgs,
    access_log_problems,
    grant_calls,
    join_network,
    lattice_name_problems,
    log_destination,
    may_call,
    service_network,
)

_LATTICE = "lattice"
_NAMES = group_names(_LATTICE)
# What each of VPC Lattice's prefix lists counts in the rule quota. The quota holds for IPv4 and for IPv6 apart, a rule that names a group
# counts in both, and each list in its own: so the second list changes no count.
# https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html#aws-managed-prefix-list-weights
_LATTICE_ENTRIES = 10


class ZeroTrustAppArgs(TypedDict):
    """An app: whatever carries its security group."""

    role_arn: NotRequired[pulumi.Input[str]]
    """The IAM role the app runs as. Callers of ``services`` need it. Default: no role."""


class ZeroTrustEdgeArgs(TypedDict):
    """One permission to connect; nothing else is permitted, and never the opposite direction."""

    source: str
    """The app that connects."""
    target: str
    """The app that is connected to; the source itself for the nodes of a cluster."""
    port: Port
    """The target's port."""
    protocol: NotRequired[Annotated[str, Choice("tcp", "udp"), Field(default="tcp")]]
    """The protocol."""


class ZeroTrustServiceArgs(TypedDict):
    """A VPC Lattice service that apps call by HTTPS, with signed requests."""

    service_arn: pulumi.Input[str]
    """The service, such as one of a ``ServiceMesh`` with ``associate`` false; it joins this network."""
    callers: Annotated[list[str], Field(min_length=1), Unique()]
    """The apps that may call; each has a ``role_arn``."""
    port: NotRequired[Annotated[Port, Field(default=443)]]
    """The port of the service's listener."""
    app: NotRequired[str]
    """The app that is the service's target, which then admits VPC Lattice on ``app_port``. Default: no app, as for functions."""
    app_port: NotRequired[Port]
    """The port of the targets. Required with ``app``."""
    health_check_port: NotRequired[Port]
    """The port at which VPC Lattice checks the targets, with ``app``. Default: ``app_port``."""


class ZeroTrustNetworkArgs(LatticeArgs):
    """Arguments of ``ZeroTrustNetwork``."""

    vpc_id: pulumi.Input[str]
    """The VPC of the apps. It can be connected to one service network only."""
    apps: Annotated[dict[str, ZeroTrustAppArgs], _NAMES, Field(min_length=1)]
    """The apps by name."""
    edges: NotRequired[Annotated[list[ZeroTrustEdgeArgs], Field(default=[])]]
    """The only connections between apps that are allowed, each once."""
    services: NotRequired[Annotated[dict[str, ZeroTrustServiceArgs], _NAMES, Field(default={})]]
    """The services that apps may call, by name. Without any, there is no service network."""
    lattice_prefix_list_id: NotRequired[
        Annotated[pulumi.Input[str], Matches("pl-[0-9a-f]+", "the id of a prefix list such as pl-0a1b2c3d")]
    ]
    """The Region's AWS-managed prefix list ``com.amazonaws.<region>.vpc-lattice``, to whose addresses calls go.
    ``aws ec2 describe-managed-prefix-lists`` shows it. Required with ``services``."""
    lattice_ipv6_prefix_list_id: NotRequired[
        Annotated[pulumi.Input[str], Matches("pl-[0-9a-f]+", "the id of a prefix list such as pl-0a1b2c3d")]
    ]
    """The Region's second list, ``com.amazonaws.<region>.ipv6.vpc-lattice``. Needed where apps have IPv6 addresses: names of services
    resolve to both kinds, and clients may prefer IPv6. Default: calls by IPv4 alone."""
    rules_per_group: NotRequired[Annotated[int, Field(default=RULES_PER_GROUP, ge=1, le=MOST_RULES_PER_INTERFACE)]]
    """The account's quota of rules of a group, per direction."""


class _Connection(NamedTuple):
    """A permitted connection between two apps, or between an app and VPC Lattice."""

    source: str
    target: str
    port: int
    protocol: str = "tcp"


class ZeroTrustNetwork(Component):
    """Deny by default, and only declared connections and calls (2025 guide, "Zero Trust Network").

    The groups admit and allow nothing but the declared edges: what an app needs beside them, such as an endpoint of AWS, is an edge
    to that endpoint's app or another group on the same machine.

    **Use when**: every connection between apps of a VPC must be declared and proven, with IAM authentication of HTTP calls.

    **Not when**: apps share a function and need the same rules (``FunctionalFirewall``), or calls need weights and versions alone
    (``ServiceMesh``).

    **Cost drivers**: none without ``services``; with them the access logs. VPC Lattice bills the services, not their network.

    **Trade-offs**: each connection is two rules of a quota of ``rules_per_group``, and VPC Lattice's prefix list counts ten; a VPC has one
    service network.

    **Proven by**: control ``zero-trust-network``; ``test_zero_trust_network.py``, which holds for random edges that the allowed paths are
    the declared ones.
    """

    security_group_ids: pulumi.Output[dict[str, str]]
    """Ids of the apps' groups by name, available after their rules."""
    edges: pulumi.Output[list[str]]
    """All declared connections, those of services included, as ``shop-web -> shop-api: 8080``: what policies prove."""
    service_network_id: pulumi.Output[str] | None
    """The service network; none without ``services``."""
    lattice_security_group_id: pulumi.Output[str] | None
    """The group of the VPC's connection to the service network; none without ``services``."""
    log_group_name: pulumi.Output[str] | None
    """The new log group of the access logs; none without ``services`` or with ``access_log_destination_arn``."""

    def __init__(self, name: str, args: ZeroTrustNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=partial(_problems, name), names=_child_names)
        self._groups = {app: self._group(app, f"Members of the app {app}") for app in checked["apps"]}
        if checked["services"]:
            self._groups[_LATTICE] = self._group(_LATTICE, "Connection to the service network")
        self._rules: dict[str, list[pulumi.Resource]] = {key: [] for key in self._groups}
        connections = _connections(checked)
        for connection in connections:
            self._allow(connection)
        self._ids = {key: after(group.id, *self._rules[key]) for key, group in self._groups.items()}
        self.lattice_security_group_id = self._ids.pop(_LATTICE, None)
        self.service_network_id = self.log_group_name = None
        if self.lattice_security_group_id is not None:
            self._open_services(name, self.lattice_security_group_id)
        self.security_group_ids = by_name(self._ids)
        self.edges = pulumi.Output.all(*[path for connection in connections for path in self._written(connection)])
        self.register()

    def group_id(self, app: str) -> pulumi.Output[str]:
        """The id of an app's group, available after its rules.

        :raises ArgumentError: when there is no such app.
        """
        return self.lookup(self._ids, app, "group_id", "an app")

    def _group(self, key: str, description: str) -> aws.ec2.SecurityGroup:
        child_name = f"{self.pulumi_resource_name}-{key}"
        checked = self._checked
        return security_group(self, child_name, checked["vpc_id"], description, checked["tags"], custom_timeouts=GROUP_DELETION)

    def _allow(self, connection: _Connection) -> None:
        """A rule on either side; VPC Lattice calls targets from the addresses of its prefix list, which have no group.

        https://docs.aws.amazon.com/vpc-lattice/latest/ug/security-groups.html
        """
        source, target, port, protocol = connection
        name, tags = self.pulumi_resource_name, self._checked["tags"]
        suffix = f"{port}" if protocol == "tcp" else f"{port}-{protocol}"
        sides = [(ingress_rule, target, "from", source)]
        if source != _LATTICE:
            sides.append((egress_rule, source, "to", target))
        for create_rule, own, direction, other in sides:
            group = self._groups[own].id
            description = f"{direction.capitalize()} {'VPC Lattice' if other == _LATTICE else f'the app {other}'}"
            child_name = f"{name}-{own}-{direction}-{other}-{suffix}"
            for family, peer in self._peers(other).items():
                self._rules[own].append(create_rule(self, f"{child_name}{family}", group, port, peer, description, tags, protocol))

    def _peers(self, key: str) -> dict[str, Peer]:
        """Suffix of a rule to its other side: a group, or the prefix lists of VPC Lattice, each of one address family."""
        if key != _LATTICE:
            return {"": {"referenced_security_group_id": self._groups[key].id}}
        return {family: {"prefix_list_id": list_id} for family, list_id in self._lattice_lists.items()}

    @property
    def _lattice_lists(self) -> dict[str, pulumi.Input[str]]:
        ipv6 = self._checked.get("lattice_ipv6_prefix_list_id")
        return {"": self._checked["lattice_prefix_list_id"], **({} if ipv6 is None else {"-ipv6": ipv6})}

    def _written(self, connection: _Connection) -> list[pulumi.Output[str]]:
        """The connection by the names of its groups; from VPC Lattice it is one for each prefix list."""
        source, target, port, protocol = connection
        name = self.pulumi_resource_name
        suffix = f"{port}" if protocol == "tcp" else f"{port}/{protocol}"
        starts = self._lattice_lists.values() if source == _LATTICE else [f"{name}-{source}"]
        return [pulumi.Output.concat(start, f" -> {name}-{target}: {suffix}") for start in starts]

    def _open_services(self, name: str, group_id: pulumi.Output[str]) -> None:
        checked, apps = self._checked, self._checked["apps"]
        statements = [
            may_call(service["service_arn"], [apps[app]["role_arn"] for app in service["callers"]], checked["vpc_id"])
            for service in checked["services"].values()
        ]
        network, prerequisites = service_network(self, checked, checked["vpc_id"], [group_id], statements)
        destination_arn, self.log_group_name = log_destination(self, checked)
        logs = aws.vpclattice.AccessLogSubscription(
            f"{name}-logs", resource_identifier=network.id, destination_arn=destination_arn, tags=checked["tags"], opts=self.child()
        )
        called: dict[str, list[pulumi.Input[str]]] = {}
        for key, service in checked["services"].items():
            # No call goes unlogged, and none is refused because the policy comes later.
            join_network(self, key, service["service_arn"], network.id, checked["tags"], [*prerequisites, logs])
            for app in service["callers"]:
                called.setdefault(app, []).append(service["service_arn"])
        for app, arns in called.items() if checked["attach_role_policies"] else ():
            grant_calls(self, f"{name}-{app}-calls", apps[app]["role_arn"], arns)
        self.service_network_id = network.id


def _connections(checked: ZeroTrustNetworkArgs) -> list[_Connection]:
    """The edges, the connections of callers to VPC Lattice, and those of VPC Lattice to targets."""
    callers: set[_Connection] = set()
    targets: set[_Connection] = set()
    for service in checked["services"].values():
        callers |= {_Connection(app, _LATTICE, service["port"]) for app in service["callers"]}
        if (app := service.get("app")) is not None and (port := service.get("app_port")) is not None:
            checked_port = service.get("health_check_port")
            targets |= {_Connection(_LATTICE, app, one) for one in (port, port if checked_port is None else checked_port)}
    edges = [_Connection(edge["source"], edge["target"], edge["port"], edge["protocol"]) for edge in checked["edges"]]
    return [*edges, *sorted(callers), *sorted(targets)]


def _child_names(checked: ZeroTrustNetworkArgs) -> dict[str, int]:
    return {**dict.fromkeys(checked["apps"], 255), "network": NAME_LIMITS["network"]}


def _problems(name: str, checked: ZeroTrustNetworkArgs) -> Iterator[Problem]:
    yield from group_name_problems(name)
    if checked["services"]:
        yield from lattice_name_problems(name)
    yield from _edge_problems(checked)
    for key, service in checked["services"].items():
        yield from _service_problems(f"services.{key}", checked["apps"], service)
    yield from needs(checked, "services", "lattice_prefix_list_id")
    for argument in (
        "lattice_prefix_list_id",
        "lattice_ipv6_prefix_list_id",
        "access_log_destination_arn",
        "log_retention_days",
        "kms_key_arn",
    ):
        yield from needs(checked, argument, "services")
    yield from access_log_problems(checked)
    yield from _quota_problems(checked)


def _edge_problems(checked: ZeroTrustNetworkArgs) -> Iterator[Problem]:
    for index, edge in enumerate(checked["edges"]):
        for end in ("source", "target"):
            if edge[end] not in checked["apps"]:
                yield f"edges.{index}.{end}", unknown(edge[end], "an app", checked["apps"])
        if edge in checked["edges"][:index]:
            connection = f"{edge['source']} to {edge['target']} on {edge['protocol']} {edge['port']}"
            yield f"edges.{index}", f"is {connection}, which is already in the list. Declare each edge once."


def _service_problems(path: str, apps: Mapping[str, ZeroTrustAppArgs], service: ZeroTrustServiceArgs) -> Iterator[Problem]:
    for index, caller in enumerate(service["callers"]):
        if caller not in apps:
            yield f"{path}.callers.{index}", unknown(caller, "an app", apps)
        elif not is_given(apps[caller], "role_arn"):
            yield f"{path}.callers.{index}", f"is {caller!r}, which has no role_arn to authenticate with. Give apps.{caller}.role_arn."
    for one, other in (("app", "app_port"), ("app_port", "app"), ("health_check_port", "app")):
        yield from needs(service, one, other, path=f"{path}.")
    if (app := service.get("app")) is not None and app not in apps:
        yield f"{path}.app", unknown(app, "an app", apps)


def _quota_problems(checked: ZeroTrustNetworkArgs) -> Iterator[Problem]:
    quota = checked["rules_per_group"]
    counts: Counter[tuple[str, str]] = Counter()
    for source, target, _, _ in _connections(checked):
        counts[target, "ingress"] += _LATTICE_ENTRIES if source == _LATTICE else 1
        if source != _LATTICE:
            counts[source, "egress"] += _LATTICE_ENTRIES if target == _LATTICE else 1
    for (key, direction), count in sorted(counts.items()):
        if count > quota:
            yield (
                "services" if key == _LATTICE else f"apps.{key}",
                f"needs {count} {direction} rules; a security group takes {quota} per direction. Divide the app, or have the quota "
                "raised and say so in rules_per_group.",
            )
