"""Subnet layouts: they never overlap, always fit, and do not move when zones come and go."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from cloudpatterns.network.network.subnets import MAX_ZONES, TIERS, SubnetPlanError, default_prefixes, explicit, plan, problems, slots
from hypothesis import assume, given
from hypothesis import strategies as st

VPCS = st.builds(
    lambda length, host: IPv4Network((0x0A000000 | (host << 8 & 0xFFFFFF) & ~((1 << (32 - length)) - 1), length)),
    st.integers(16, 28),
    st.integers(0, 0xFFFF),
)
PREFIXES = st.dictionaries(st.sampled_from(TIERS), st.integers(16, 28))
LETTERS = st.lists(st.sampled_from("abcdef"), unique=True, min_size=1)


def zones_of(letters):
    return [f"eu-west-1{letter}" for letter in letters]


def all_networks(layout):
    return [network for by_zone in layout.values() for network in by_zone.values()]


@given(VPCS, PREFIXES, LETTERS)
def test_layout_fits_never_overlaps_and_has_the_prefixes_asked_for(vpc, prefixes, letters):
    room = slots(vpc, prefixes)
    assume(all("abcdef".index(letter) < room for letter in letters))
    layout = plan(vpc, zones_of(letters), prefixes)
    assert list(layout) == list(TIERS)
    assert all(list(layout[tier]) == zones_of(letters) for tier in TIERS)
    assert all(network.subnet_of(vpc) for network in all_networks(layout))
    assert not any(one.overlaps(other) for one, other in combinations(all_networks(layout), 2))
    expected = default_prefixes(vpc) | prefixes
    assert {tier: {network.prefixlen for network in layout[tier].values()} for tier in TIERS} == {t: {expected[t]} for t in TIERS}
    assert list(problems(vpc, zones_of(letters), layout)) == []


@given(st.integers(16, 24), LETTERS, LETTERS)
def test_a_zone_keeps_its_subnets_whatever_other_zones_there_are(length, letters, others):
    vpc = IPv4Network((0x0A140000, length))
    room = "abcdef"[: slots(vpc)]
    one, other = [letter for letter in letters if letter in room], [letter for letter in others if letter in room]
    shared = set(zones_of(one)) & set(zones_of(other))
    assume(shared)
    first, second = plan(vpc, zones_of(one)), plan(vpc, zones_of(other))
    assert {(tier, zone): first[tier][zone] for tier in TIERS for zone in shared} == {
        (tier, zone): second[tier][zone] for tier in TIERS for zone in shared
    }


@given(VPCS, PREFIXES, st.sampled_from("abcdef"))
def test_a_zone_without_room_is_named(vpc, prefixes, letter):
    assume("abcdef".index(letter) >= slots(vpc, prefixes))
    with pytest.raises(SubnetPlanError) as caught:
        plan(vpc, [f"eu-west-1{letter}"], prefixes)
    tier = caught.value.tier
    assert caught.value.zone == f"eu-west-1{letter}"
    assert caught.value.prefix == (default_prefixes(vpc) | prefixes)[tier]


@pytest.mark.parametrize(
    ("vpc", "expected", "room"),
    [
        ("10.20.0.0/16", {"public": 24, "private": 20, "data": 24}, 6),
        ("10.20.0.0/20", {"public": 27, "private": 24, "data": 28}, 6),
        ("10.20.0.0/22", {"public": 27, "private": 26, "data": 28}, 6),
        ("10.20.0.0/23", {"public": 27, "private": 27, "data": 28}, 6),
        ("10.20.0.0/24", {"public": 27, "private": 28, "data": 28}, 4),
    ],
)
def test_defaults_by_size(vpc, expected, room):
    assert default_prefixes(vpc) == expected
    assert slots(vpc) == room


def test_layout_of_a_sixteen_is_pinned():
    """These addresses are public contract: another layout would replace every subnet of a running network."""
    assert plan("10.20.0.0/16", ["eu-west-1c", "eu-west-1a"]) == {
        "public": {"eu-west-1c": IPv4Network("10.20.98.0/24"), "eu-west-1a": IPv4Network("10.20.96.0/24")},
        "private": {"eu-west-1c": IPv4Network("10.20.32.0/20"), "eu-west-1a": IPv4Network("10.20.0.0/20")},
        "data": {"eu-west-1c": IPv4Network("10.20.104.0/24"), "eu-west-1a": IPv4Network("10.20.102.0/24")},
    }
    assert len(plan("10.20.0.0/16", zones_of("abcdef"))["data"]) == MAX_ZONES


@pytest.mark.parametrize(
    ("vpc", "zones", "prefixes", "message"),
    [
        ("10.20.0.0/15", ["eu-west-1a"], {}, "the VPC's block 10.20.0.0/15 is not between /16 and /28"),
        ("10.20.0.0/29", ["eu-west-1a"], {}, "the VPC's block 10.20.0.0/29 is not between /16 and /28"),
        ("10.20.0.1/16", ["eu-west-1a"], {}, "the VPC's block is not an IPv4 network: 10.20.0.1/16 has host bits set"),
        ("10.20.0.0/16", [], {}, "a network needs at least one zone"),
        ("10.20.0.0/16", [""], {}, "zone '' does not end in a letter from a to f, which gives a subnet its place"),
        ("10.20.0.0/16", ["eu-west-1g"], {}, "zone 'eu-west-1g' does not end in a letter from a to f, which gives a subnet its place"),
        (
            "10.20.0.0/16",
            ["eu-west-1a", "eu-west-2a"],
            {},
            "zones eu-west-1a and eu-west-2a have the same letter; each zone is named once, all of one region",
        ),
        ("10.20.0.0/16", ["eu-west-1a"], {"dmz": 24}, "dmz is not a tier; the tiers are public, private, data"),
        ("10.20.0.0/16", ["eu-west-1a"], {"data": 29}, "the data tier's prefix /29 is not between /16 and /28"),
        ("10.20.0.0/16", ["eu-west-1a"], {"public": 15}, "the public tier's prefix /15 is not between /16 and /28"),
        (
            "10.20.0.0/24",
            ["eu-west-1a", "eu-west-1e"],
            {},
            "no room in 10.20.0.0/24 for the public subnet of zone eu-west-1e: it needs a /27, and with public /27, private /28, "
            "data /28 per zone the block has room for zones a to d",
        ),
        (
            "10.20.0.0/28",
            ["eu-west-1a"],
            {},
            "no room in 10.20.0.0/28 for the public subnet of zone eu-west-1a: it needs a /27, and with public /27, private /28, "
            "data /28 per zone the block has room for no zone at all",
        ),
        (
            "10.20.0.0/16",
            ["eu-west-1b"],
            {"private": 17},
            "no room in 10.20.0.0/16 for the private subnet of zone eu-west-1b: it needs a /17, and with public /24, private /17, "
            "data /24 per zone the block has room for zone a alone",
        ),
    ],
)
def test_a_plan_that_cannot_be_made_says_why(vpc, zones, prefixes, message):
    with pytest.raises(SubnetPlanError) as caught:
        plan(vpc, zones, prefixes)
    assert str(caught.value) == message


CIDRS = {
    "public": {"eu-west-1a": "10.20.0.0/24", "eu-west-1b": "10.20.1.0/24"},
    "private": {"eu-west-1a": "10.20.16.0/20", "eu-west-1b": "10.20.32.0/20"},
    "data": {"eu-west-1a": "10.20.2.0/24", "eu-west-1b": "10.20.3.0/24"},
}


def test_an_explicit_layout_comes_back_by_tier_and_zone():
    layout = explicit("10.20.0.0/16", ["eu-west-1b", "eu-west-1a"], CIDRS)
    assert list(layout["public"]) == ["eu-west-1b", "eu-west-1a"]
    assert {t: {z: str(n) for z, n in by_zone.items()} for t, by_zone in layout.items()} == CIDRS


@pytest.mark.parametrize(
    ("tier", "zone", "cidr", "message"),
    [
        ("data", "eu-west-1b", "10.21.0.0/24", "10.21.0.0/24, the data subnet of zone eu-west-1b, is not inside 10.20.0.0/16"),
        ("data", "eu-west-1b", "10.20.3.0/29", "10.20.3.0/29, the data subnet of zone eu-west-1b, is not between /16 and /28"),
        (
            "data",
            "eu-west-1b",
            "10.20.1.0/25",
            "10.20.1.0/25, the data subnet of zone eu-west-1b, overlaps 10.20.1.0/24, the public subnet of zone eu-west-1b",
        ),
        ("data", "eu-west-1c", "10.20.4.0/24", "eu-west-1c of the data tier is not one of the network's zones"),
        ("data", "eu-west-1b", None, "the data subnet of zone eu-west-1b has no CIDR"),
        ("dmz", "eu-west-1b", "10.20.9.0/24", "dmz is not a tier; the tiers are public, private, data"),
        ("data", "eu-west-1b", "10.20.3.1/24", "the data subnet of zone eu-west-1b is not an IPv4 network: 10.20.3.1/24 has host bits set"),
    ],
)
def test_an_explicit_layout_with_one_fault_names_it(tier, zone, cidr, message):
    cidrs = {name: dict(by_zone) for name, by_zone in CIDRS.items()}
    cidrs.setdefault(tier, {})[zone] = cidr
    if cidr is None:
        del cidrs[tier][zone]
    with pytest.raises(SubnetPlanError) as caught:
        explicit("10.20.0.0/16", ["eu-west-1a", "eu-west-1b"], cidrs)
    assert str(caught.value) == message
    assert caught.value.tier == tier
