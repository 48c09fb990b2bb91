"""Address sets, and when they amount to the internet."""

import ipaddress

import pytest
from cloudpatterns_policies.graph.addresses import is_internet, network_size, parse, public, widest
from cloudpatterns_policies.graph.spans import Spans
from hypothesis import given
from hypothesis import strategies as st


def union(*cidrs: str) -> tuple[int, Spans]:
    """Version and addresses of CIDRs of one version."""
    parsed = [parse(cidr) for cidr in cidrs]
    return parsed[0][0], Spans.union(addresses for _, addresses in parsed)


def without(hole: str) -> list[str]:
    """All of IPv4 but one network."""
    return [str(item) for item in ipaddress.IPv4Network("0.0.0.0/0").address_exclude(ipaddress.IPv4Network(hole))]


PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")


@pytest.mark.parametrize(
    ("cidrs", "internet"),
    [
        (["0.0.0.0/0"], True),
        (["0.0.0.0/1"], True),
        (["0.0.0.0/1", "128.0.0.0/1"], True),
        (["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2"], True),
        (without("10.0.0.0/8"), True),
        (without("8.8.8.8/32"), True),
        (["12.0.0.0/7"], True),
        (["12.0.0.0/8", "13.0.0.0/32"], True),
        (["12.0.0.0/8"], False),
        (["10.0.0.0/7"], False),  # 11.0.0.0/8 is public, 10.0.0.0/8 is not
        (["224.0.0.0/3"], False),
        (["0.0.0.0/8"], False),
        ([*PRIVATE, "203.0.113.0/24"], False),
        (["::/0"], True),
        (["2000::/3"], True),
        (["::/1"], True),
        (["2600::/15"], True),
        (["2600::/16", "2a00::/128"], True),
        (["2600::/16"], False),
        (["8000::/1"], False),
        (["fc00::/7", "fe80::/10"], False),
    ],
)
def test_what_is_the_internet(cidrs: list[str], internet: bool) -> None:
    assert is_internet(*union(*cidrs)) is internet


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_cutting_a_network_in_two_changes_nothing(address: int, prefix: int) -> None:
    network = ipaddress.IPv4Network((address, prefix), strict=False)
    halves = [str(half) for half in network.subnets()] if prefix < 32 else [str(network)]
    assert union(*halves) == union(str(network))


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 32)), min_size=1, max_size=8))
def test_unions_agree_with_the_standard_library(networks: list[tuple[int, int]]) -> None:
    made = [ipaddress.IPv4Network(item, strict=False) for item in networks]
    collapsed = ipaddress.collapse_addresses(made)
    assert union(*map(str, made))[1].size == sum(network.num_addresses for network in collapsed)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 32)), min_size=1, max_size=8))
def test_more_addresses_are_never_less_of_the_internet(networks: list[tuple[int, int]]) -> None:
    cidrs = [str(ipaddress.IPv4Network(item, strict=False)) for item in networks]
    assert not is_internet(*union(cidrs[0])) or is_internet(*union(*cidrs))


@pytest.mark.parametrize(
    ("cidrs", "expected"),
    [
        (["8.0.0.0/16", "8.1.0.0/16"], "8.0.0.0/15"),
        (["8.1.0.0/16", "8.2.0.0/16"], "8.1.0.0/16"),
        (["10.0.0.0/8"], ""),
        (["10.0.0.0/7"], "11.0.0.0/8"),
        (["203.0.113.10/32"], "203.0.113.10/32"),
        (["2a00::/32", "2a00:1::/32"], "2a00::/31"),
    ],
)
def test_the_widest_network(cidrs: list[str], expected: str) -> None:
    assert widest(*union(*cidrs)) == expected


def test_parsing() -> None:
    assert parse(" 10.0.0.7/8 ") == (4, Spans(((10 << 24, (11 << 24) - 1),)))
    assert parse("203.0.113.10")[1].size == 1
    assert parse("2001:db8::/127")[1].size == 2
    for text in ("", "office", "10.0.0.0/33", "10.0.0.256/32"):
        with pytest.raises(ValueError, match="does not appear to be"):
            parse(text)


def test_public_parts_and_sizes() -> None:
    reserved = 2**29 + 3 * 2**24 + 2**22 + 2**20 + 2**17 + 2 * 2**16
    assert public(*union("0.0.0.0/0")).size == 2**32 - reserved
    assert public(*union("::/0")).size == 2**125
    assert public(*union("10.0.0.0/8")) == Spans()
    assert (network_size(4, 24), network_size(6, 64)) == (256, 2**64)
