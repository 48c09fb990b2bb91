"""Subnet addresses of a VPC: one subnet per tier and zone, at places that depend on the zone's letter alone.

Every tier owns one run of equal slots in the VPC's block, and zone `a` always has the first slot, `b` the second and so on. Which
other zones are in use plays no part, so adding or removing a zone never moves the subnets of another. The runs depend on the VPC's
block and the prefix lengths; changing either moves subnets.

Nothing here needs Pulumi, so settings can check a layout before a program runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from itertools import combinations
from typing import NamedTuple

TIERS: tuple[str, ...] = ("public", "private", "data")
"""The tiers of a network, outermost first."""

MAX_ZONES = 6
"""Zones a network can have: letters `a` to `f`, as many as the largest region (us-east-1) has."""

_LETTERS = "abcdef"
# AWS's limits for VPCs and subnets alike: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
_LARGEST_PREFIX, _SMALLEST_PREFIX = 16, 28
# A load balancer's subnet must be /27 or larger:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
_SMALLEST_PUBLIC_PREFIX = 27


class SubnetPlanError(ValueError):
    """A layout that does not work. `tier`, `zone` and `prefix` name the subnet at fault, each None where no single one is."""

    def __init__(self, message: str, *, tier: str | None = None, zone: str | None = None, prefix: int | None = None):
        super().__init__(message)
        self.tier = tier
        self.zone = zone
        self.prefix = prefix


class SubnetProblem(NamedTuple):
    """One fault of an explicit layout: the subnet it is about and what is wrong with it."""

    tier: str
    zone: str | None
    message: str


def default_prefixes(cidr_block: IPv4Network | str) -> dict[str, int]:
    """Prefix length per tier for a VPC of this size: /24 public, /20 private and /24 data in a /16, and in proportion for smaller ones.

    No subnet is smaller than AWS's /28, and no public one smaller than the /27 a load balancer needs.
    """
    length = _vpc(cidr_block).prefixlen
    return {
        "public": min(length + 8, _SMALLEST_PUBLIC_PREFIX),
        "private": min(length + 4, _SMALLEST_PREFIX),
        "data": min(length + 8, _SMALLEST_PREFIX),
    }


def slots(cidr_block: IPv4Network | str, prefixes: Mapping[str, int] | None = None) -> int:
    """How many zones, counted from letter `a`, the VPC has room for with these prefix lengths: 0 to 6."""
    vpc = _vpc(cidr_block)
    per_zone = sum(1 << (32 - length) for length in _prefixes(vpc, prefixes).values())
    return min(MAX_ZONES, vpc.num_addresses // per_zone)


def plan(
    cidr_block: IPv4Network | str, zones: Sequence[str], prefixes: Mapping[str, int] | None = None
) -> dict[str, dict[str, IPv4Network]]:
    """The subnets of a VPC: tier -> zone -> network, zones in the order given.

    `prefixes` gives prefix lengths per tier (16 to 28); a tier left out has its default, see `default_prefixes`.
    Raises `SubnetPlanError` when zones are repeated, unknown in letter or more than six, or when a subnet does not fit.
    """
    vpc = _vpc(cidr_block)
    lengths = _prefixes(vpc, prefixes)
    index = {zone: _slot(zone) for zone in zones}
    _refuse_repeats(zones)
    available = slots(vpc, lengths)
    result: dict[str, dict[str, IPv4Network]] = {}
    start = int(vpc.network_address)
    # Largest subnets first keeps every later run aligned to its own size, so no address is lost between runs.
    for tier in sorted(TIERS, key=lambda tier: (lengths[tier], TIERS.index(tier))):
        length = lengths[tier]
        size = 1 << (32 - length)
        for zone, slot in index.items():
            if slot >= available:
                sizes = ", ".join(f"{tier} /{lengths[tier]}" for tier in TIERS)
                message = f"no room in {vpc} for the {tier} subnet of zone {zone}: it needs a /{length}"
                room = f"with {sizes} per zone the block has room for {_room(available)}"
                raise SubnetPlanError(f"{message}, and {room}", tier=tier, zone=zone, prefix=length)
        result[tier] = {zone: IPv4Network((start + slot * size, length)) for zone, slot in index.items()}
        start += available * size
    return {tier: result[tier] for tier in TIERS}


def explicit(
    cidr_block: IPv4Network | str, zones: Sequence[str], cidrs: Mapping[str, Mapping[str, IPv4Network | str]]
) -> dict[str, dict[str, IPv4Network]]:
    """The subnets of a VPC as given, tier -> zone -> network, when they are complete, fit and do not overlap.

    Raises `SubnetPlanError` with every fault that `problems` finds.
    """
    vpc = _vpc(cidr_block)
    _refuse_repeats(zones)
    networks = {tier: {zone: _network(cidr, tier, zone) for zone, cidr in by_zone.items()} for tier, by_zone in cidrs.items()}
    if faults := list(problems(vpc, zones, networks)):
        raise SubnetPlanError("; ".join(fault.message for fault in faults), tier=faults[0].tier, zone=faults[0].zone)
    return {tier: {zone: networks[tier][zone] for zone in zones} for tier in TIERS}


def ipv6(vpc_block: str, tier: str, zone: str) -> str:
    """The /64 of a tier and zone in the VPC's /56, at a place that depends on the tier and the zone's letter alone."""
    # Sixteen places for each tier.
    place = TIERS.index(tier) * 16 + _slot(zone)
    return str(IPv6Network((int(IPv6Network(vpc_block).network_address) + (place << 64), 64)))


def problems(vpc: IPv4Network, zones: Sequence[str], cidrs: Mapping[str, Mapping[str, IPv4Network]]) -> Iterator[SubnetProblem]:
    """Every fault of an explicit layout: missing and unknown subnets, sizes AWS refuses, addresses outside the VPC, overlaps."""
    for tier in cidrs:
        if tier not in TIERS:
            yield SubnetProblem(tier, None, f"{tier} is not a tier; the tiers are {', '.join(TIERS)}")
    placed: list[tuple[str, str, IPv4Network]] = []
    for tier in TIERS:
        given = cidrs.get(tier, {})
        for zone in zones:
            if zone not in given:
                yield SubnetProblem(tier, zone, f"the {tier} subnet of zone {zone} has no CIDR")
        for zone, network in given.items():
            if zone not in zones:
                yield SubnetProblem(tier, zone, f"{zone} of the {tier} tier is not one of the network's zones")
            if not _LARGEST_PREFIX <= network.prefixlen <= _SMALLEST_PREFIX:
                yield SubnetProblem(tier, zone, f"{network}, the {tier} subnet of zone {zone}, is not between /16 and /28")
            if not network.subnet_of(vpc):
                yield SubnetProblem(tier, zone, f"{network}, the {tier} subnet of zone {zone}, is not inside {vpc}")
            placed.append((tier, zone, network))
    for (tier, zone, network), (later_tier, later_zone, later) in combinations(placed, 2):
        if network.overlaps(later):
            message = f"{later}, the {later_tier} subnet of zone {later_zone}, overlaps {network}, the {tier} subnet of zone {zone}"
            yield SubnetProblem(later_tier, later_zone, message)


def _vpc(cidr_block: IPv4Network | str) -> IPv4Network:
    try:
        vpc = IPv4Network(cidr_block)
    except ValueError as error:
        raise SubnetPlanError(f"the VPC's block is not an IPv4 network: {error}") from error
    if not _LARGEST_PREFIX <= vpc.prefixlen <= _SMALLEST_PREFIX:
        raise SubnetPlanError(f"the VPC's block {vpc} is not between /16 and /28")
    return vpc


def _network(cidr: IPv4Network | str, tier: str, zone: str) -> IPv4Network:
    try:
        return IPv4Network(cidr)
    except ValueError as error:
        raise SubnetPlanError(f"the {tier} subnet of zone {zone} is not an IPv4 network: {error}", tier=tier, zone=zone) from error


def _prefixes(vpc: IPv4Network, prefixes: Mapping[str, int] | None) -> dict[str, int]:
    lengths = default_prefixes(vpc) | dict(prefixes or {})
    for tier, length in lengths.items():
        if tier not in TIERS:
            raise SubnetPlanError(f"{tier} is not a tier; the tiers are {', '.join(TIERS)}", tier=tier)
        if not _LARGEST_PREFIX <= length <= _SMALLEST_PREFIX:
            raise SubnetPlanError(f"the {tier} tier's prefix /{length} is not between /16 and /28", tier=tier, prefix=length)
    return lengths


def _slot(zone: str) -> int:
    letter = zone[-1:]
    if not letter or letter not in _LETTERS:
        raise SubnetPlanError(f"zone {zone!r} does not end in a letter from a to f, which gives a subnet its place", zone=zone)
    return _LETTERS.index(letter)


def _refuse_repeats(zones: Sequence[str]) -> None:
    if not zones:
        raise SubnetPlanError("a network needs at least one zone")
    seen: dict[str, str] = {}
    for zone in zones:
        letter = zone[-1:]
        if letter in seen:
            message = f"zones {seen[letter]} and {zone} have the same letter; each zone is named once, all of one region"
            raise SubnetPlanError(message, zone=zone)
        seen[letter] = zone


def _room(available: int) -> str:
    if available == 0:
        return "no zone at all"
    return "zone a alone" if available == 1 else f"zones a to {_LETTERS[available - 1]}"
