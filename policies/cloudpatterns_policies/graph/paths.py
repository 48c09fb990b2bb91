"""Direct paths: from the internet to an endpoint, from an endpoint to the internet, and between two endpoints, without a relay.

A path is open when route tables, network ACLs in both directions (also for responses, as ACLs are stateless), security groups of both
ends and public addresses all allow it. `graph.addresses` defines "the internet". Not modelled: VPC block public access, gateway route
tables, network firewalls, and services with public endpoints other than OpenSearch and EKS.
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
    """A direct path on some ports, resource by resource. It is certain, or `unknown` is the place of the unknown value that decides."""

    ports: Spans
    hops: tuple[str, ...]
    unknown: Place | None = None


class DirectPaths:
    """The direct paths of one stack."""

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
        legs = list(self._public_endpoint(target))
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
                gateway, route_hops = self._routed(target, location, version, _from_gateway)
                acl = self._acl(target, location)
                facts = [gateway, acl.fact(True, version), acl.responses(False, version), fact]
                for leg in _legs(_internet(facts, [known, _sure(location)], version)):
                    rules = shown_rules(target.groups, True, leg.ports, version)
                    hops = (INTERNET, *route_hops, *_named(location), acl.name, *rules, target.name)
                    legs.append(Leg(leg.ports, hops, leg.unknown))
        return legs

    def outbound(self, source: Endpoint) -> list[Leg]:
        """To the internet."""
        legs: list[Leg] = []
        for version in VERSIONS:
            fact, possible = self._admission.of_internet(source, version, ingress=False)
            for location in _locations(source) if possible else ():
                known = self._endpoints.public(source, location, version)
                gateway, route_hops = self._routed(
                    source, location, version, _to_gateway(known, version, self._endpoints.has_v6(source, location))
                )
                acl = self._acl(source, location)
                facts = [fact, acl.fact(False, version), acl.responses(True, version), gateway]
                for leg in _legs(_internet(facts, [_sure(location)], version)):
                    rules = shown_rules(source.groups, False, leg.ports, version)[::-1]
                    hops = (source.name, *rules, *_named(location), acl.name, *route_hops[::-1], INTERNET)
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
        """The ports on which `target` allows traffic through `via` that keeps the client's IPv4 address; None stands for the internet.

        The network ACL of the target's subnet applies to that address too, both ways, unless `via` is in the same subnet.
        """
        fact = self._admission.of(target, via, 4, ingress=True)
        found = [self._from_client(self._after_acl(fact, via, target, location), client) for location in _locations(target)]
        low, high = ALL, Spans()
        for passage in found:
            # It is certain only if it is in every subnet of the target.
            low, high = low & passage.low, high | passage.high
        place = next((passage.place for passage in found if passage.place), (target.subject, _subnet_path(target)))
        return Passage(low, high, None if low == high else place) if found else self._from_client(fact, client)

    def _after_acl(self, fact: Fact, via: Endpoint, target: Endpoint, location: Location | None) -> Fact:
        """The fact, limited by the network ACL of one of the target's subnets."""
        same_subnet = [location is not None and start is not None and start.subnet.key == location.subnet.key for start in _locations(via)]
        if same_subnet and all(same_subnet):
            return fact
        acl = self._acl(target, location)
        low, high, place = fact.low, fact.high, fact.place
        for acl_fact in (acl.fact(True, 4), acl.responses(False, 4)):
            low, place = low & acl_fact.low, place or acl_fact.place
            if not any(same_subnet) and location is not None and None not in _locations(via):
                high = high & acl_fact.high
        # One of the balancer's subnets is, or may be, that of the target.
        mixed = any(same_subnet) or None in _locations(via)
        return Fact(low, high, place or via.unknown_locations or ((via.subject, _subnet_path(via)) if mixed else None))

    def _from_client(self, fact: Fact, client: Endpoint | None) -> Passage:
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
                acl_passages = [
                    across(mine.fact(False, version), there, (target.subject, "privateIp")),
                    across(theirs.fact(True, version), here, (source.subject, "privateIp")),
                    across(theirs.responses(False, version), here, (source.subject, "privateIp")),
                    across(mine.responses(True, version), there, (target.subject, "privateIp")),
                ]
                if start is None or end is None:
                    # They may be in one subnet, within which no ACL applies.
                    unlocated = source.unknown_locations if start is None else target.unknown_locations
                    acl_passages = [Passage(passage.low, ALL, passage.place or unlocated) for passage in acl_passages]
                passages[1:1] = acl_passages
                shown = [*_named(start), mine.name, *names, *_named(end), theirs.name]
            else:
                shown = [*_named(start)]
            for leg in _legs(_passage(passages, [link, _sure(start), _sure(end)])):
                out = shown_rules(source.groups, False, leg.ports, version, target)[::-1]
                into = shown_rules(target.groups, True, leg.ports, version, source)
                yield Leg(leg.ports, (*out, *shown, *into), leg.unknown)

    def _public_endpoint(self, target: Endpoint) -> Iterator[Leg]:
        """Services with public endpoints outside the VPC."""
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

    def _routed(
        self, endpoint: Endpoint, location: Location | None, version: int, test: Callable[[Route], Known]
    ) -> tuple[Fact, tuple[str, ...]]:
        """The addresses whose routes `test` accepts, the longest prefix first; and target and table for the path."""
        if location is None:
            place = endpoint.unknown_locations or (endpoint.subject, _subnet_path(endpoint))
            return Fact(Region(), everything(version), place), ("an unknown subnet",)
        tables = location.subnet.tables
        place = self._place(location.subnet.unknown, endpoint)
        low, high, names = Spans(), Spans(), ()
        override: Place | None = None
        for table in tables:
            place = place or self._place(table.unknown, endpoint)
            taken = Spans()
            for route, (own, addresses, sure) in sorted(
                ((item, _destination(item)) for item in table.routes), key=lambda pair: pair[1][1].size
            ):
                if own not in (version, 0):
                    continue
                known = test(route)
                part = addresses - taken if own else EVERYWHERE[version]
                taken = taken | part if sure else taken
                if known is False:
                    # As its destination may be more specific than others, it may override any of them.
                    override = override or ((route.resource, route.where) if route.destination == UNKNOWN_DESTINATION else None)
                    continue
                high = high | part
                names = names or (route.target_name, table.name)
                if known is True and sure:
                    low = low | part
                else:
                    place = place or (route.resource, route.where)
        if override and low:
            low, place = Spans(), place or override
        if location.subnet.unknown or (not low and any(table.unknown for table in tables)):
            low, high = (Spans() if location.subnet.unknown else low), EVERYWHERE[version]
        return Fact(Region.of(ALL, low), Region.of(ALL, high), place), names or tuple(table.name for table in tables[:1])

    def _place(self, unknown: tuple[str, str] | None, endpoint: Endpoint) -> Place | None:
        if unknown is None:
            return None
        holder = self._stack.by_urn(unknown[0])
        return (holder, unknown[1]) if holder else (endpoint.subject, _subnet_path(endpoint))

    def _bounds(self, endpoint: Endpoint, location: Location | None, version: int) -> Spans:
        """The addresses that an endpoint can have: its own, else those of its subnet, else of its VPC, else any."""
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
        """Whether the two subnets are connected, and through what."""
        if start and end and start.subnet.key == end.subnet.key:
            return True, []
        vpcs = self._endpoints.vpc(source, start), self._endpoints.vpc(target, end)
        if None in vpcs:
            unlocated, location = (source, start) if vpcs[0] is None else (target, end)
            return unlocated.unknown_locations or (unlocated.subject, _subnet_path(unlocated) if location else "subnetId"), []
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
    """The certain part and the rest."""
    if passage.low:
        yield Leg(passage.low, ())
    rest = passage.high - passage.low
    if rest:
        yield Leg(rest, (), passage.place)


def _internet(facts: list[Fact], conditions: list[Known], version: int) -> Passage:
    """The ports on which all facts hold for the internet. The first unknown value of `facts`, then of `conditions`, is named."""
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
    """Tests whether routes give outbound access to an endpoint with or without a public address (`known`; or what leaves that unknown).

    `has_v6` is the same for an IPv6 address.
    """

    def test(route: Route) -> Known:
        if route.public:
            return known
        if route.target == "egress-only gateway" and version == 6:
            return has_v6
        if route.target in ("NAT gateway", "network interface", "instance"):
            return version == 4
        return (route.resource, route.where) if route.leads_out and route.target != _PEERING else False

    return test


def _destination(route: Route) -> tuple[int, Spans, bool]:
    """IP version, addresses, and whether they are known. Version 0 stands for an unknown destination, such as a prefix list."""
    try:
        return (*parse(route.destination), True)
    except ValueError:
        return 0, EVERYWHERE[6], False


def _routes(location: Location | None, wanted: Spans, version: int) -> list[tuple[Route, bool]]:
    """Routes of the location's tables to some of the wanted addresses, and whether surely to all; the certain ones first."""
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
