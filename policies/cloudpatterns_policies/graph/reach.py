"""Reachability: "may A reach B on port p?" and "who may reach B?", with the path as the answer, resource by resource.

Besides the direct paths of `graph.paths`, a path may lead through load balancers, which forward traffic from their listeners to their
targets, through RDS proxies, and out to the internet and in again. An application is not a relay: a database is not reachable from the
internet because a web server that is reachable connects to it.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.endpoints import FLEET, SERVICE, Endpoint, Known, endpoints_of
from cloudpatterns_policies.graph.firewall import INSTANCE
from cloudpatterns_policies.graph.kinds import BALANCERS
from cloudpatterns_policies.graph.paths import INTERNET, DirectPaths, Leg
from cloudpatterns_policies.graph.ports import ALL, admitted
from cloudpatterns_policies.graph.reading import arrow, expand, label, read, refer
from cloudpatterns_policies.graph.regions import Passage, Place
from cloudpatterns_policies.graph.spans import Spans

if TYPE_CHECKING:
    from networkx import DiGraph

_TARGET_GROUPS: Final = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
_LISTENERS: Final = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
_LISTENER_RULES: Final = ("aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule")
_ATTACHMENTS: Final = ("aws:lb/targetGroupAttachment:TargetGroupAttachment", "aws:alb/targetGroupAttachment:TargetGroupAttachment")
_FLEET_ATTACHMENT: Final = "aws:autoscaling/attachment:Attachment"
_CLASSIC: Final = "aws:elb/loadBalancer:LoadBalancer"
_CLASSIC_ATTACHMENT: Final = "aws:elb/attachment:Attachment"
_PROXY: Final = "aws:rds/proxy:Proxy"
_PROXY_TARGETS: Final = {"dbInstanceIdentifier": "aws:rds/instance:Instance", "dbClusterIdentifier": "aws:rds/cluster:Cluster"}


@dataclass(frozen=True, slots=True)
class Path:
    """A network path from one endpoint to another."""

    ports: Spans
    """The ports it arrives on, of those asked about."""
    hops: tuple[str, ...]
    """The names of all resources on the path, both ends included."""
    unknown: Place | None = None
    """The place of the unknown value that decides whether it exists; None for a certain path."""
    entry: Spans = ALL
    """The ports at its start; other than `ports` when a load balancer is in between."""

    @property
    def text(self) -> str:
        """The hops, for a message."""
        return arrow(*self.hops)


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay that forwards traffic: from `via`, on the ports on which it listens, to `target` on `ports`."""

    via: Endpoint
    listens: Spans
    target: Endpoint
    ports: Spans
    """The ports of the targets; all ports when they are unknown, or differ by task."""
    name: str
    """The name of the resource in between, such as a target group; empty for none."""
    listener: Resource | None = None
    """The listener that forwards; None when listeners are not separate resources."""
    through: Resource | None = None
    """The target group, or None."""
    unknown: Place | None = None
    """The place of an unknown port."""


class Reach:
    """The reachability of one stack. Results are computed on demand and cached."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._direct_paths = DirectPaths(stack)
        self.endpoints: dict[str, Endpoint] = endpoints_of(stack).by_urn
        """All endpoints at which a path can begin or end, by URN."""
        self._legs: dict[tuple[str, str], list[Leg]] = {}
        self._maps: dict[str, DiGraph] = {}

    def path(self, source: Endpoint | None, target: Endpoint | None, ports: Spans = ALL) -> Path | None:
        """The path from `source` to `target` on some of `ports`; None stands for the internet. A certain path is preferred.

        Returns None when there is no path.
        """
        candidates = [self.direct(source, target, ports)]
        if candidates[0] is None or candidates[0].unknown:
            candidates += [self._relayed(source, target, ports), self._over_internet(source, target, ports)]
        paths = [path for path in candidates if path is not None]
        return min(paths, key=lambda path: path.unknown is not None, default=None)

    def who(self, target: Endpoint | None, ports: Spans = ALL) -> Iterator[tuple[Endpoint | None, Path]]:
        """All sources that may reach `target` on some of `ports`, the internet (None) first."""
        for source in (None, *self.endpoints.values()):
            if source is not target and (path := self.path(source, target, ports)):
                yield source, path

    def _between(self, source: Endpoint | None, target: Endpoint | None) -> list[Leg]:
        key = (source.subject.urn if source else INTERNET, target.subject.urn if target else INTERNET)
        if key not in self._legs:
            if source is None:
                self._legs[key] = self._direct_paths.inbound(target) if target else []
            else:
                self._legs[key] = self._direct_paths.between(source, target) if target else self._direct_paths.outbound(source)
        return self._legs[key]

    def direct(self, source: Endpoint | None, target: Endpoint | None, ports: Spans = ALL) -> Path | None:
        """The path without a relay and without the internet in between. None stands for the internet; a certain path is preferred."""
        leg = _best(self._between(source, target), ports)
        return Path(leg.ports & ports, leg.hops, leg.unknown, leg.ports & ports) if leg else None

    def _over_internet(self, source: Endpoint | None, target: Endpoint | None, ports: Spans) -> Path | None:
        """Out to the internet, and in again from there."""
        if source is None or target is None:
            return None
        inbound = [path for path in (self.direct(None, target, ports), self._relayed(None, target, ports)) if path]
        for path in sorted(inbound, key=lambda path: path.unknown is not None):
            outbound = _best(self._between(source, None), path.entry)
            if outbound is not None:
                arrives = path.ports & outbound.ports if path.ports == path.entry else path.ports
                return Path(arrives, (*outbound.hops, *path.hops[1:]), outbound.unknown or path.unknown, outbound.ports & path.entry)
        return None

    def _relayed(self, source: Endpoint | None, target: Endpoint | None, ports: Spans) -> Path | None:
        """Through load balancers and proxies."""
        if target is None or target.subject.urn not in {relay.target.subject.urn for relay in self.relays}:
            return None
        import networkx  # takes a tenth of a second, which stacks and statements without relays save

        start, end = source.subject.urn if source else INTERNET, target.subject.urn
        graph = self._map(start, source)
        for sure in (True, False):

            def usable(tail: str, head: str, sure: bool = sure) -> bool:
                return _best(graph.edges[tail, head]["legs"], ports if head == end else ALL, sure) is not None

            view: DiGraph = networkx.subgraph_view(graph, filter_edge=usable)
            if not networkx.has_path(view, start, end):
                continue
            nodes: list[str] = networkx.shortest_path(view, start, end)
            edges: list[dict[str, Any]] = [graph.edges[tail, head] for tail, head in itertools.pairwise(nodes)]
            legs = [_best(edge["legs"], ALL if edge is not edges[-1] else ports, sure) for edge in edges]
            known = [leg for leg in legs if leg is not None]
            hops = known[0].hops
            for edge, leg in zip(edges[1:], known[1:], strict=True):
                hops += (*((edge["name"],) if edge["name"] else ()), *leg.hops[1:])
            unknown = next((leg.unknown for leg in known if leg.unknown), None)
            return Path(known[-1].ports & ports, hops, unknown, known[0].ports)
        return None

    def _map(self, start: str, source: Endpoint | None) -> "DiGraph":
        """The edges of the relays, and those from `start` to the relays."""
        import networkx  # see above

        if start not in self._maps:
            graph: DiGraph = networkx.DiGraph()
            graph.add_node(start)
            for relay in self.relays:
                tail, head = relay.via.subject.urn, relay.target.subject.urn
                doubt = relay.unknown
                legs = [Leg(leg.ports & relay.ports, leg.hops, leg.unknown or doubt) for leg in self._between(relay.via, relay.target)]
                if (kept := _keeps_address(relay)) is not False:
                    passage = self._direct_paths.with_client_address(relay.via, relay.target, source)
                    if kept is not True:
                        passage = Passage(passage.low, ALL, kept)
                    legs = [part for leg in legs for part in _within(leg, passage)]
                earlier = graph.edges[tail, head]["legs"] if graph.has_edge(tail, head) else []
                graph.add_edge(tail, head, legs=[*earlier, *(leg for leg in legs if leg.ports)], name=relay.name)
                if tail != start and not graph.has_edge(start, tail):
                    first = [Leg(leg.ports & relay.listens, leg.hops, leg.unknown) for leg in self._between(source, relay.via)]
                    graph.add_edge(start, tail, legs=[leg for leg in first if leg.ports], name="")
            self._maps[start] = graph
        return self._maps[start]

    @cached_property
    def relays(self) -> list[Relay]:
        """All relays, in a fixed order."""
        found = [*self._forwarding(), *self._classic(), *self._proxies()]
        return sorted(found, key=_order)

    def _forwarding(self) -> Iterator[Relay]:
        """From load balancers through target groups."""
        members = self._members()
        rules: dict[str, list[Resource]] = {}
        for rule in self._stack.of_type(*_LISTENER_RULES):
            for listener in refer(self._stack, rule, "listenerArn", _LISTENERS).targets:
                rules.setdefault(listener.urn, []).append(rule)
        for listener in self._stack.of_type(*_LISTENERS):
            groups = list(self._stack.refs(listener, "defaultActions", *_TARGET_GROUPS))
            for rule in rules.get(listener.urn, ()):
                groups += self._stack.refs(rule, "actions", *_TARGET_GROUPS)
            port = read(listener, "port", computed=True)
            for via in refer(self._stack, listener, "loadBalancerArn", BALANCERS).targets:
                for group in dict.fromkeys(groups):
                    for target, ports, place in members.get(group.urn, ()):
                        unknown = (listener, "port") if port is UNKNOWN else place
                        yield Relay(self.endpoints[via.urn], _port(port), target, ports, label(group), listener, group, unknown)

    def _members(self) -> dict[str, list[tuple[Endpoint, Spans, Place | None]]]:
        """By target group, its targets, their ports, and the place of an unknown port."""
        found: dict[str, list[tuple[Endpoint, Spans, Place | None]]] = {}

        def add(group: Resource, target: Resource, holder: Resource | None) -> None:
            port = read(holder, "port", computed=True) if holder else None
            unknown = (holder, "port") if holder and port is UNKNOWN else None
            if target.urn in self.endpoints:
                found.setdefault(group.urn, []).append((self.endpoints[target.urn], _port(port), unknown))

        for attachment in self._stack.of_type(*_ATTACHMENTS):
            own = read(attachment, "port", computed=True)
            for group in refer(self._stack, attachment, "targetGroupArn", _TARGET_GROUPS).targets:
                for target in self._stack.refs(attachment, "targetId", INSTANCE, *BALANCERS):
                    add(group, target, group if own is not UNKNOWN and own is None else attachment)
        for fleet in self._stack.of_type(FLEET):
            for group in self._stack.refs(fleet, "targetGroupArns", *_TARGET_GROUPS):
                add(group, fleet, group)
        for attachment in self._stack.of_type(_FLEET_ATTACHMENT):
            for group in self._stack.refs(attachment, "lbTargetGroupArn", *_TARGET_GROUPS):
                for fleet in self._stack.refs(attachment, "autoscalingGroupName", FLEET):
                    add(group, fleet, group)
        for service in self._stack.of_type(SERVICE):
            for group in self._stack.refs(service, "loadBalancers", *_TARGET_GROUPS):
                # Each task may use any port.
                add(group, service, None)
        return found

    def _classic(self) -> Iterator[Relay]:
        """From classic load balancers."""
        for balancer in self._stack.of_type(_CLASSIC):
            paths = expand(balancer, "listeners.*")
            listens = Spans.union(_port(read(balancer, f"{path}.lbPort")) for path in paths)
            ports = Spans.union(_port(read(balancer, f"{path}.instancePort")) for path in paths)
            targets = list(self._stack.refs(balancer, "instances", INSTANCE))
            targets += self._stack.referrers(balancer, FLEET, "loadBalancers")
            for token, path in ((_CLASSIC_ATTACHMENT, "instance"), (_FLEET_ATTACHMENT, "autoscalingGroupName")):
                for attachment in self._stack.referrers(balancer, token, "elb"):
                    targets += self._stack.refs(attachment, path, INSTANCE, FLEET)
            for target in dict.fromkeys(targets):
                yield Relay(self.endpoints[balancer.urn], listens, self.endpoints[target.urn], ports, "")

    def _proxies(self) -> Iterator[Relay]:
        """From RDS proxies."""
        for item in self._stack.of_type("aws:rds/proxyTarget:ProxyTarget"):
            for proxy in self._stack.refs(item, "dbProxyName", _PROXY):
                for path, token in _PROXY_TARGETS.items():
                    for store in self._stack.refs(item, path, token):
                        yield Relay(self.endpoints[proxy.urn], ALL, self.endpoints[store.urn], ALL, label(item))


def _keeps_address(relay: Relay) -> Known:
    """Whether the target sees the client's address, which depends on network load balancer and target group.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
    """
    balancer, group = relay.via.subject, relay.through
    kind = read(balancer, "loadBalancerType", computed=True)
    if group is None or kind is UNKNOWN or kind != "network":
        return False
    places = ((balancer, "ipAddressType"), (group, "preserveClientIp"), (group, "targetType"), (group, "protocol"))
    values = [read(*place, computed=True) for place in places]
    for place, value in zip(places, values, strict=True):
        if value is UNKNOWN:
            return place
    family, kept, kind, protocol = values
    if family not in (None, "ipv4"):
        # An IPv6 client reaches an IPv4 target from the load balancer's address.
        return False
    if kept is not None:
        return str(kept).lower() == "true"
    return kind in (None, "instance") or (kind == "ip" and protocol in ("UDP", "TCP_UDP", "QUIC", "TCP_QUIC"))


def _within(leg: Leg, passage: Passage) -> Iterator[Leg]:
    """The parts of a leg that pass surely, and those that may."""
    sure, possible = leg.ports & passage.low, leg.ports & (passage.high - passage.low)
    if sure:
        yield Leg(sure, leg.hops, leg.unknown)
    if possible:
        yield Leg(possible, leg.hops, leg.unknown or passage.place)


def _order(relay: Relay) -> tuple[str, ...]:
    return (relay.via.subject.urn, relay.target.subject.urn, relay.name, relay.listener.urn if relay.listener else "")


def _best(legs: list[Leg], ports: Spans, sure: bool = False) -> Leg | None:
    """The first leg on some of `ports`, preferably a certain one; with `sure`, only a certain one."""
    fitting = [leg for leg in legs if leg.ports & ports and not (sure and leg.unknown)]
    return min(fitting, key=lambda leg: leg.unknown is not None, default=None)


def _port(value: object) -> Spans:
    """A port over TCP and UDP; all ports when it is missing or unknown."""
    if value is UNKNOWN or value is None:
        return ALL
    number = int(str(value))
    return admitted("tcp", number, number) | admitted("udp", number, number)


@lru_cache(maxsize=2)
def reach_of(stack: Stack) -> Reach:
    """The stack's reachability. Built once for all queries."""
    return Reach(stack)
