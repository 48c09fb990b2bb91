"""The traffic that the security groups of an endpoint allow, and the rules that allow it."""

from collections.abc import Iterable

from cloudpatterns_policies.core import UNKNOWN, Stack
from cloudpatterns_policies.graph.addresses import INTERNET_PREFIX, is_internet, network_size, public
from cloudpatterns_policies.graph.endpoints import Endpoint
from cloudpatterns_policies.graph.firewall import Group, firewall_of
from cloudpatterns_policies.graph.ports import ALL
from cloudpatterns_policies.graph.reading import some
from cloudpatterns_policies.graph.regions import EVERYWHERE, Fact, Place, Region, everything
from cloudpatterns_policies.graph.rules import Rule, Source, SourceKind
from cloudpatterns_policies.graph.spans import Spans


class Admission:
    """The security groups of one stack, by endpoint."""

    def __init__(self, stack: Stack) -> None:
        self._unassigned: dict[str, list[Rule]] = {}
        for rule in (rule for group in firewall_of(stack).unassigned for rule in group.rules):
            # A rule of an unknown group may belong to any group.
            for key in [""] if rule.group.unresolved else [target.urn for target in rule.group.targets]:
                self._unassigned.setdefault(key, []).append(rule)
        self._open: dict[tuple[object, ...], tuple[Fact, Spans]] = {}

    def of_internet(self, endpoint: Endpoint, version: int, *, ingress: bool) -> tuple[Fact, Spans]:
        """The traffic that the endpoint's groups allow, and the ports on which that may be the internet."""
        key = (*endpoint.signature, version, ingress)
        if key not in self._open:
            fact = self.of(endpoint, None, version, ingress=ingress)
            self._open[key] = (fact, fact.high.ports_where(lambda addresses: is_internet(version, addresses)))
        return self._open[key]

    def of(self, endpoint: Endpoint, other: Endpoint | None, version: int, *, ingress: bool) -> Fact:
        """The traffic that the groups of `endpoint` allow, by the address of the other end; `other` is that end, None for the internet."""
        if endpoint.without_groups:
            return Fact.sure(everything(version))
        low: list[Region] = []
        high: list[Region] = []
        places: list[Place] = []
        for group in endpoint.groups:
            for rule in group.rules:
                if rule.ingress == ingress or rule.unknown == "type":
                    region, maybe, place = self._rule(rule, group, other, version)
                    low.append(region)
                    high += [region, maybe]
                    places += [place] if place and maybe else []
        unsure = [(rule, group, place) for group, place in endpoint.doubtful for rule in group.rules]
        for group in endpoint.groups:
            unassigned = (*self._unassigned.get(group.key, ()), *self._unassigned.get("", ()))
            unsure += [(rule, group, (rule.resource, rule.group.path)) for rule in unassigned]
        for rule, group, place in unsure:
            region, maybe, _ = self._rule(rule, group, other, version) if rule.ingress == ingress else (Region(), Region(), None)
            high += [region, maybe]
            places += [place] if region or maybe else []
        if endpoint.unknown_groups:
            high.append(everything(version))
            places.append(endpoint.unknown_groups)
        sure = Region.union(low)
        return Fact(sure, Region.union(high), min(places, key=lambda place: (place[0].urn, place[1]))) if places else Fact.sure(sure)

    @staticmethod
    def _rule(rule: Rule, group: Group, other: Endpoint | None, version: int) -> tuple[Region, Region, Place | None]:
        """What a rule surely allows, what else it may allow, and the unknown value that decides."""
        sure: list[Region] = []
        maybe: list[Region] = []
        place = (rule.resource, rule.unknown) if rule.unknown else None
        ports = ALL if rule.unknown else rule.ports
        for source in rule.sources:
            known = _names_group(source, group, other) if source.kind is SourceKind.GROUP else source.addresses.get(version)
            if known is True or (isinstance(known, Spans) and known):
                (maybe if rule.unknown else sure).append(Region.of(ports, EVERYWHERE[version] if known is True else known))
            if known is UNKNOWN or source.unknown:
                maybe.append(Region.of(ports, EVERYWHERE[version]))
                place = place or (rule.resource, source.unknown or source.path)
        return Region.union(sure), Region.union(maybe), place


def _names_group(source: Source, group: Group, other: Endpoint | None) -> object:
    """Whether a rule's group is one of the other end; UNKNOWN when that is unknown."""
    if other is None:
        return False
    keys = {item.key for item in other.groups}
    doubtful = {item.key for item, _ in other.doubtful}
    if source.group is None:
        return True if group.key in keys else UNKNOWN if group.key in doubtful or other.unknown_groups else False
    named = {target.urn for target in source.group.targets} | set(source.group.foreign)
    if named & keys:
        return True if source.group.certain else UNKNOWN
    return UNKNOWN if source.group.unresolved or named & doubtful or other.unknown_groups else False


def shown_rules(groups: Iterable[Group], ingress: bool, ports: Spans, version: int, other: Endpoint | None = None) -> tuple[str, ...]:
    """The rule, or the union of rules, that opens the first of `ports`, and its group."""
    first = Spans(((ports.runs[0][0], ports.runs[0][0]),))
    found: list[tuple[Rule, Group, int]] = []
    for group in groups:
        for rule in group.rules:
            if rule.ingress != ingress or not (rule.ports & first or rule.unknown):
                continue
            sizes = [
                EVERYWHERE[version].size
                if _names_group(source, group, other) is not False
                else 0
                if source.kind is SourceKind.GROUP
                else (public(version, known) if other is None else known).size or bool(source.unknown)
                for source in rule.sources
                for known in [source.addresses.get(version, Spans())]
            ]
            if sum(sizes):
                found.append((rule, group, sum(sizes)))
    found.sort(key=lambda item: (item[1].name, item[0].name))
    enough = [item for item in found if other is not None or item[2] > network_size(version, INTERNET_PREFIX[version])]
    shown = enough[:1] or found
    names = list(dict.fromkeys(item[1].name for item in shown))
    return (some([item[0].name for item in shown], 3, " + "), some(names, 3, " + ")) if shown else ()
