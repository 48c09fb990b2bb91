"""One leg of a path: from the internet to an endpoint, from an endpoint to the internet, and between two endpoints, without a relay.

A leg is open where route tables, network ACLs in both directions (answers too, for ACLs keep no state), security groups of both sides and
public addresses all let it through. What "the internet" is, `graph.addresses` says. Not modelled: VPC block public access, gateway route
tables, network firewalls, and services with a public address of their own other than OpenSearch and EKS.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Stack
from cloudpatterns_policies.graph.acls import Acl, acls_of
from cloudpatterns_policies.graph.addresses import VERSIONS, is_internet, parse
from cloudpatterns_policies.graph.admission import Admission, shown_rules
from cloudpatterns_policies.graph.endpoints import Endpoint, Known, Location, endpoints_of
from cloudpatterns_policies.graph.ports import ALL, admitted
from cloudpatterns_policies.graph.reading import read
from cloudpatterns_policies.graph.regions import EVERYWHERE, Fact, Passage, Place, Region, across, everything
from cloudpatterns_policies.graph.routes import UNKNOWN_DESTINATION, Route
from cloudpatterns_policies.graph.spans import Spans
from cloudpatterns_policies.graph.topology import Subnet
from cloudpatterns_policies.graph.vpcs import vpc_addresses

INTERNET: Final = "internet"
_PEERING: Final = "peering connection"
_TRANSIT: Final = frozenset({"transit gateway", "core network", "virtual private gateway", "network interface", "instance", "gateway"})
_DOMAINS: Final = ("aws:opensearch/domain:Domain", "aws:elasticsearch/domain:Domain")
_EKS: Final = "aws:eks/cluster:Cluster"
_EKS_NETWORKS: Final = "vpcConfig.publicAccessCidrs"


@dataclass(frozen=True, slots=True)
class Leg:
    """A way on some ports, resource by resource. It is sure, or `unknown` says where it stands what would have to be known."""

    ports: Spans
    hops: tuple[str, ...]
    unknown: Place | None = None


class DirectPaths:
    """The legs of one stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._endpoints = endpoints_of(stack)
        self._acls = acls_of(stack)
        self._admission = Admission(stack)
        self._pairs: dict[tuple[object, ...], list[Leg]] = {}

    def inbound(self, target: Endpoint) -> list[Leg]:
        """From the internet."""
        if target.outbound_only:
            return []
        legs = list(self._own_entrance(target))
        for version in VERSIONS:
            addressed = [
                (location, known)
                for location in _locations(target)
                if (known := self._endpoints.public(target, location, version)) is not False
            ]
            if not addressed:
                continue
            fact, possible = self._admission.of_internet(target, version, ingress=True)
            for location, known in addressed if possible else ():
                gateway, way = self._toward(target, location, version, _from_gateway)
                acl = self._acl(target, location)
                facts = [gateway, acl.fact(True, version), acl.answers(False, version), fact]
                for leg in _legs(_internet(facts, [known, _sure(location)], version)):
                    hops = (INTERNET, *way, *_named(location), acl.name, *shown_rules(target.groups, True, leg.ports, version), target.name)
                    legs.append(Leg(leg.ports, hops, leg.unknown))
        return legs

    def outbound(self, source: Endpoint) -> list[Leg]:
        """To the internet."""
        legs: list[Leg] = []
        for version in VERSIONS:
            fact, possible = self._admission.of_internet(source, version, ingress=False)
            for location in _locations(source) if possible else ():
                known = self._endpoints.public(source, location, version)
                gateway, way = self._toward(
                    source, location, version, _to_gateway(known, version, self._endpoints.has_v6(source, location))
                )
                acl = self._acl(source, location)
                facts = [fact, acl.fact(False, version), acl.answers(True, version), gateway]
                for leg in _legs(_internet(facts, [_sure(location)], version)):
                    hops = (
                        source.name,
                        *shown_rules(source.groups, False, leg.ports, version)[::-1],
                        *_named(location),
                        acl.name,
                        *way[::-1],
                        INTERNET,
                    )
                    legs.append(Leg(leg.ports, hops, leg.unknown))
        return legs

    def between(self, source: Endpoint, target: Endpoint) -> list[Leg]:
        """From one endpoint to another, over private addresses."""
        if target.outbound_only or source is target:
            return []
        key = (*self._signature(source), *self._signature(target))
        if key not in self._pairs:
            self._pairs[key] = [
                leg for start in _locations(source) for end in _locations(target) for leg in self._private(source, start, target, end)
            ]
        return [Leg(leg.ports, (source.name, *leg.hops, target.name), leg.unknown) for leg in self._pairs[key]]

    def with_client_address(self, via: Endpoint, target: Endpoint, client: Endpoint | None) -> Passage:
        """The ports on which `target` admits what comes over `via` under the client's own IPv4 address; None stands for the internet.

        The network ACL of the target's subnet sees that address too, both ways, unless `via` stands in the same subnet.
        """
        fact = self._admission.of(target, via, 4, ingress=True)
        found = [self._kept(self._guarded(fact, via, target, location), client) for location in _locations(target)]
        low, high = ALL, Spans()
        for passage in found:
            # It is sure where it is so in whatever subnet of the target it arrives.
            low, high = low & passage.low, high | passage.high
        place = next((passage.place for passage in found if passage.place), (target.subject, _subnet_path(target)))
        return Passage(low, high, None if low == high else place) if found else self._kept(fact, client)

    def _guarded(self, fact: Fact, via: Endpoint, target: Endpoint, location: Location | None) -> Fact:
        """The fact, with what the network ACL of one of the target's subnets makes of it."""
        near = [location is not None and start is not None and start.subnet.key == location.subnet.key for start in _locations(via)]
        if near and all(near):
            return fact
        acl = self._acl(target, location)
        low, high, place = fact.low, fact.high, fact.place
        for guard in (acl.fact(True, 4), acl.answers(False, 4)):
            low, place = low & guard.low, place or guard.place
            if not any(near) and location is not None and None not in _locations(via):
                high = high & guard.high
        # Of several subnets of the balancer one is, or may be, the target's own.
        mixed = any(near) or None in _locations(via)
        return Fact(low, high, place or via.unknown_locations or ((via.subject, _subnet_path(via)) if mixed else None))

    def _kept(self, fact: Fact, client: Endpoint | None) -> Passage:
        if client is None:
            low, high = (region.ports_where(lambda addresses: is_internet(4, addresses)) for region in (fact.low, fact.high))
            return Passage(low, high, None if low == high else fact.place)
        bounds = Spans.union(self._bounds(client, location, 4) for location in _locations(client))
        return across(fact, bounds, (client.subject, "privateIp"))

    def _signature(self, endpoint: Endpoint) -> tuple[object, ...]:
        places = [(location.subnet.key, location.doubt) for location in endpoint.locations]
        return (
            endpoint.signature,
            *places,
            endpoint.unknown_locations,
            endpoint.subject.raw.get("privateIp") is UNKNOWN or read(endpoint.subject, "privateIp"),
        )

    def _private(self, source: Endpoint, start: Location | None, target: Endpoint, end: Location | None) -> Iterator[Leg]:
        for version in VERSIONS:
            if version == 6 and not (_has_v6(start) and _has_v6(end)):
                continue
            here, there = self._bounds(source, start, version), self._bounds(target, end, version)
            inward = across(self._admission.of(target, source, version, ingress=True), here, (source.subject, "privateIp"))
            outward = across(self._admission.of(source, target, version, ingress=False), there, (target.subject, "privateIp"))
            if not inward.high & outward.high:
                continue
            link, names = self._link(source, start, target, end, here, there, version)
            if link is False:
                continue
            passages = [outward, inward]
            shown: list[str] = []
            if start is None or end is None or start.subnet.key != end.subnet.key:
                mine, theirs = self._acl(source, start), self._acl(target, end)
                guards = [
                    across(mine.fact(False, version), there, (target.subject, "privateIp")),
                    across(theirs.fact(True, version), here, (source.subject, "privateIp")),
                    across(theirs.answers(False, version), here, (source.subject, "privateIp")),
                    across(mine.answers(True, version), there, (target.subject, "privateIp")),
                ]
                if start is None or end is None:
                    # They may sit in one subnet, within which no ACL guards.
                    lost = source.unknown_locations if start is None else target.unknown_locations
                    guards = [Passage(guard.low, ALL, guard.place or lost) for guard in guards]
                passages[1:1] = guards
                shown = [*_named(start), mine.name, *names, *_named(end), theirs.name]
            else:
                shown = [*_named(start)]
            for leg in _legs(_passage(passages, [link, _sure(start), _sure(end)])):
                out = shown_rules(source.groups, False, leg.ports, version, target)[::-1]
                into = shown_rules(target.groups, True, leg.ports, version, source)
                yield Leg(leg.ports, (*out, *shown, *into), leg.unknown)

    def _own_entrance(self, target: Endpoint) -> Iterator[Leg]:
        """Services that AWS puts on the internet without a place in the VPC."""
        subject, https = target.subject, admitted("tcp", 443, 443)
        hops = (INTERNET, f"public endpoint of {target.name}", target.name)
        if subject.type in _DOMAINS:
            value = read(subject, "vpcOptions", computed=True)
            if value is UNKNOWN or not value:
                yield Leg(https, hops, (subject, "vpcOptions") if value is UNKNOWN else None)
        if subject.type == _EKS:
            wanted, networks = read(subject, "vpcConfig.endpointPublicAccess", computed=True), read(subject, _EKS_NETWORKS, computed=True)
            if wanted is False:
                return
            texts = networks if isinstance(networks, list) else ["0.0.0.0/0"]
            known = [parse(text) for text in texts if text is not UNKNOWN]
            if any(is_internet(version, Spans.union(part for own, part in known if own == version)) for version in VERSIONS):
                doubt = "vpcConfig.endpointPublicAccess" if wanted is UNKNOWN else _EKS_NETWORKS if networks is UNKNOWN else ""
                yield Leg(https, hops, (subject, doubt) if doubt else None)
            elif any(text is UNKNOWN for text in texts):
                yield Leg(https, hops, (subject, _EKS_NETWORKS))

    def _acl(self, endpoint: Endpoint, location: Location | None) -> Acl:
        place = endpoint.unknown_locations or (endpoint.subject, "subnetId")
        if location is None:
            return Acl("an unknown network ACL", unknown=place)
        return self._acls.of(location.subnet, place if endpoint.unknown_locations else (endpoint.subject, _subnet_path(endpoint)))

    def _toward(
        self, endpoint: Endpoint, location: Location | None, version: int, judge: Callable[[Route], Known]
    ) -> tuple[Fact, tuple[str, ...]]:
        """The addresses whose routes `judge` wants, the longest prefix first; and target and table for the path."""
        if location is None:
            place = endpoint.unknown_locations or (endpoint.subject, _subnet_path(endpoint))
            return Fact(Region(), everything(version), place), ("an unknown subnet",)
        tables = location.subnet.tables
        place = self._place(location.subnet.unknown, endpoint)
        low, high, names = Spans(), Spans(), ()
        stolen: Place | None = None
        for table in tables:
            place = place or self._place(table.unknown, endpoint)
            taken = Spans()
            for route, (own, addresses, sure) in sorted(
                ((item, _destination(item)) for item in table.routes), key=lambda pair: pair[1][1].size
            ):
                if own not in (version, 0):
                    continue
                known = judge(route)
                part = addresses - taken if own else EVERYWHERE[version]
                taken = taken | part if sure else taken
                if known is False:
                    # More narrow a destination than others, it may take anything away from them.
                    stolen = stolen or ((route.resource, route.where) if route.destination == UNKNOWN_DESTINATION else None)
                    continue
                high = high | part
                names = names or (route.target_name, table.name)
                if known is True and sure:
                    low = low | part
                else:
                    place = place or (route.resource, route.where)
        if stolen and low:
            low, place = Spans(), place or stolen
        if location.subnet.unknown or (not low and any(table.unknown for table in tables)):
            low, high = (Spans() if location.subnet.unknown else low), EVERYWHERE[version]
        return Fact(Region.of(ALL, low), Region.of(ALL, high), place), names or tuple(table.name for table in tables[:1])

    def _place(self, unknown: tuple[str, str] | None, endpoint: Endpoint) -> Place | None:
        if unknown is None:
            return None
        holder = self._stack.by_urn(unknown[0])
        return (holder, unknown[1]) if holder else (endpoint.subject, _subnet_path(endpoint))

    def _bounds(self, endpoint: Endpoint, location: Location | None, version: int) -> Spans:
        """The addresses that an endpoint can have: its own, else its subnet's, else its VPC's, else any."""
        subnet = location.subnet.resource if location else None
        whole = _cidr(read(subnet, "cidrBlock" if version == 4 else "ipv6CidrBlock"), version) if subnet else None
        if whole is None:
            found = vpc_addresses(self._stack, subnet, version) if subnet else None
            whole = found if isinstance(found, Spans) and found else EVERYWHERE[version]
        own = _cidr(read(endpoint.subject, "privateIp"), version)
        return own if own and not own - whole else whole

    def _link(
        self, source: Endpoint, start: Location | None, target: Endpoint, end: Location | None, here: Spans, there: Spans, version: int
    ) -> tuple[Known, list[str]]:
        """Whether the two subnets are joined, and through what."""
        if start and end and start.subnet.key == end.subnet.key:
            return True, []
        vpcs = self._endpoints.vpc(source, start), self._endpoints.vpc(target, end)
        if None in vpcs:
            lost, location = (source, start) if vpcs[0] is None else (target, end)
            return lost.unknown_locations or (lost.subject, _subnet_path(lost) if location else "subnetId"), []
        if vpcs[0] == vpcs[1]:
            return True, []
        doubt: Known = (source.unknown_locations if start is None else target.unknown_locations if end is None else None) or False
        for route, certain in _routes(start, there, version):
            for back, sure in _routes(end, here, version):
                if route.target != back.target or route.target not in (_PEERING, *_TRANSIT):
                    continue
                named = _PEERING not in (route.target_name, back.target_name)
                if route.target == _PEERING and named and route.target_name != back.target_name:
                    continue
                if route.target == _PEERING and named and certain and sure:
                    return True, [route.target_name]
                doubt = doubt or (route.resource, route.where)
        for location, endpoint in ((start, source), (end, target)):
            tables = location.subnet.tables if location else ()
            unknown = (location.subnet.unknown if location else None) or next((table.unknown for table in tables if table.unknown), None)
            doubt = doubt or self._place(unknown, endpoint) or False
        return doubt, []


def _legs(passage: Passage) -> Iterator[Leg]:
    """The sure part and the rest."""
    if passage.low:
        yield Leg(passage.low, ())
    rest = passage.high - passage.low
    if rest:
        yield Leg(rest, (), passage.place)


def _internet(facts: list[Fact], conditions: list[Known], version: int) -> Passage:
    """Where all facts hold for the internet. Of several unknowns the first in the order of `facts` is told, then of `conditions`."""
    low = high = everything(version)
    for fact in facts:
        low, high = low & fact.low, high & fact.high
    doubts = [item for item in conditions if not isinstance(item, bool)]
    sure = Spans() if doubts else low.ports_where(lambda addresses: is_internet(version, addresses))
    possible = high.ports_where(lambda addresses: is_internet(version, addresses))
    return Passage(sure, possible, next((place for place in [*(fact.place for fact in facts), *doubts] if place), None))


def _passage(passages: list[Passage], conditions: list[Known]) -> Passage:
    low = high = ALL
    for passage in passages:
        low, high = low & passage.low, high & passage.high
    doubts = [item for item in conditions if not isinstance(item, bool)]
    place = next((item for item in [*doubts, *(passage.place for passage in passages)] if item), None)
    return Passage(Spans() if doubts else low, high, place)


def _from_gateway(route: Route) -> Known:
    return (route.resource, route.where) if route.public is None else route.public


def _to_gateway(known: Known, version: int, has_v6: Known) -> Callable[[Route], Known]:
    """Judges routes as a way out of somebody who has a public address, or has not, or `known` says what leaves that unknown.

    `has_v6` says the same of an IPv6 address.
    """

    def judge(route: Route) -> Known:
        if route.public:
            return known
        if route.target == "egress-only gateway" and version == 6:
            return has_v6
        if route.target in ("NAT gateway", "network interface", "instance"):
            return version == 4
        return (route.resource, route.where) if route.leads_out and route.target != _PEERING else False

    return judge


def _destination(route: Route) -> tuple[int, Spans, bool]:
    """IP version, addresses, and whether they are known. Version 0 stands for a destination that is not, such as a prefix list."""
    try:
        return (*parse(route.destination), True)
    except ValueError:
        return 0, EVERYWHERE[6], False


def _routes(location: Location | None, wanted: Spans, version: int) -> list[tuple[Route, bool]]:
    """Routes of the location's tables that lead to some of the wanted addresses, and whether surely to all; those that may come last."""
    found = [(route, _destination(route)) for table in (location.subnet.tables if location else ()) for route in table.routes]
    leading = [
        (route, sure and not wanted - addresses) for route, (own, addresses, sure) in found if own in (version, 0) and addresses & wanted
    ]
    return sorted(leading, key=lambda pair: not pair[1])


def _locations(endpoint: Endpoint) -> tuple[Location | None, ...]:
    return (*endpoint.locations, *((None,) if endpoint.unknown_locations else ()))


def _sure(location: Location | None) -> Known:
    return location.doubt or True if location else True


def _named(location: Location | None) -> tuple[str, ...]:
    return (location.subnet.name,) if location else ()


def _has_v6(location: Location | None) -> bool:
    subnet: Subnet | None = location.subnet if location else None
    return subnet is not None and subnet.resource is not None and read(subnet.resource, "ipv6CidrBlock", computed=True) is not None


def _subnet_path(endpoint: Endpoint) -> str:
    paths = (endpoint.kind.subnet_group, *endpoint.kind.subnets, "subnetIds")
    return next(path for path in paths if path)


def _cidr(value: object, version: int) -> Spans | None:
    if value is UNKNOWN or not isinstance(value, str):
        return None
    try:
        own, addresses = parse(value)
    except ValueError:
        return None
    return addresses if own == version else None
