"""Regions agree with sets of pairs."""

from cloudpatterns_policies.graph.regions import Region
from cloudpatterns_policies.graph.spans import Spans
from hypothesis import given
from hypothesis import strategies as st

RUN = st.tuples(st.integers(0, 6), st.integers(0, 6))
SPANS = st.lists(RUN, max_size=2).map(Spans.of)
REGIONS = st.lists(st.builds(Region.of, SPANS, SPANS), max_size=4).map(Region.union)


def numbers(spans: Spans) -> set[int]:
    return {number for first, last in spans.runs for number in range(first, last + 1)}


def pairs(region: Region) -> set[tuple[int, int]]:
    return {(port, address) for ports, addresses in region.parts for port in numbers(ports) for address in numbers(addresses)}


@given(REGIONS, REGIONS)
def test_set_operations(left: Region, right: Region) -> None:
    assert pairs(left & right) == pairs(left) & pairs(right)
    assert pairs(left - right) == pairs(left) - pairs(right)
    assert pairs(Region.union([left, right])) == pairs(left) | pairs(right)
    assert bool(left) == bool(pairs(left))


@given(REGIONS, SPANS)
def test_addresses_of_ports(region: Region, ports: Spans) -> None:
    assert numbers(region.addresses(ports)) == {address for port, address in pairs(region) if port in numbers(ports)}


@given(REGIONS, st.integers(1, 7))
def test_ports_by_the_addresses_they_go_with(region: Region, least: int) -> None:
    sizes: dict[int, set[int]] = {}
    for port, address in pairs(region):
        sizes.setdefault(port, set()).add(address)
    assert numbers(region.ports_where(lambda addresses: addresses.size >= least)) == {
        port for port, addresses in sizes.items() if len(addresses) >= least
    }
