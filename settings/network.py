"""The section `network`: addresses, zones, flow logs, endpoints and internet egress for private subnets."""

import re
import zoneinfo
from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from itertools import combinations
from typing import Annotated, Any, Literal

from cloudpatterns.core.vocabulary import InstanceType
from cloudpatterns.network import NatWindow, NetworkOptions, NetworkSubnetCidrs, NetworkSubnetPrefixes, OnDemandNatOptions
from cloudpatterns.network.network import subnets as layout
from cloudpatterns.network.on_demand_nat.arguments import INSTANCES
from cloudpatterns.network.on_demand_nat.windows import DAYS
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import InitErrorDetails

from settings.faults import Allowed, Assign, Context, Fix, Remove, fault, refuse
from settings.fields import Ipv4Cidr, Port, each_once, from_last
from settings.network_traffic import AggregationSeconds, FlowLogFiles, NetworkAcls
from settings.options import options

_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
# Rules in one direction of an ACL that AWS's default quota of 20 leaves room for, and what other rules of each tier take of them.
_MOST_RULES = 18
_OTHER_RULES = 6
_HTTPS = 443


def _clock(value: Any) -> Any:
    # YAML 1.1 parsers read an unquoted 22:30 as a number in base 60.
    if isinstance(value, int) and not isinstance(value, bool):
        looks_like = f"{value // 60:02}:{value % 60:02}" if 0 <= value < _DAY_MINUTES else "02:00"
        raise refuse("a number; some YAML parsers convert an unquoted time to a number, so write it in quotes", looks_like)
    if isinstance(value, str) and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        early = re.fullmatch(r"(\d):([0-5]\d)", value)
        raise refuse("not a time of day", f"0{value}" if early else "02:00")
    return value


def _time_zone(value: str) -> str:
    if _known_time_zone(value):
        return value
    near = get_close_matches(value, zoneinfo.available_timezones(), n=1, cutoff=0.5)
    raise refuse("not a time zone", near[0] if near else "Europe/Berlin")


def _known_time_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        # OSError: a folder of the database, such as "Europe".
        return False
    return True


def _gapless(window: "Window") -> Iterable[tuple[int, int]]:
    start = int(window.start[:2]) * 60 + int(window.start[3:])
    for day in window.days:
        yield DAYS.index(day) * _DAY_MINUTES + start, window.minutes


class Window(
    options(
        NatWindow,
        limits={"start": Annotated[str, BeforeValidator(_clock)]},
        texts={
            "name": Allowed("lower-case letters, digits and hyphens, a letter first, at most 32 characters, each name once", "patch"),
            "days": Allowed("at least one of MON, TUE, WED, THU, FRI, SAT, SUN, each once", ["TUE"]),
            "start": Allowed('a time of day, "00:00" to "23:59", in quotes', "02:00"),
            "minutes": Allowed("minutes, 1 to 1440 (a day)", 120),
        },
    )
):
    """A weekly maintenance window, in which private subnets have internet egress."""


def _only_where_used(nat: "Nat", context: Context) -> Iterable[InitErrorDetails]:
    owners = {
        "zone": ("single", *INSTANCES),
        "instance_type": INSTANCES,
        "instance_revision": INSTANCES,
        "egress_ports": INSTANCES,
        "time_zone": ("on_demand",),
        "windows": ("on_demand",),
    }
    for name, strategies in owners.items():
        if getattr(nat, name) and nat.strategy not in strategies:
            yield fault((name,), f"strategy {nat.strategy} does not use it", fix=[Remove((name,))], allowed=f"only with {_or(strategies)}")


def _windows_required(nat: "Nat", context: Context) -> Iterable[InitErrorDetails]:
    if nat.strategy == "on_demand" and not nat.windows:
        first: tuple[str | int, ...] = ("windows", 0)
        example = {"name": "patch", "start": "02:00", "minutes": 120}
        fix: list[Fix] = [Assign((*first, "days", 0), "TUE"), *(Assign((*first, key), value) for key, value in example.items())]
        yield fault(("windows",), "strategy on_demand opens only in windows", fix=fix, allowed="at least one window with on_demand")


def _windows_apart(nat: "Nat", context: Context) -> Iterable[InitErrorDetails]:
    names: set[str] = set()
    for index, window in enumerate(nat.windows):
        if window.name in names:
            yield fault(
                ("windows", index, "name"),
                "another window has this name",
                fix=[Assign(("windows", index, "name"), f"{window.name}-{index}")],
            )
        names.add(window.name)
    spans = [(index, begin, length) for index, window in enumerate(nat.windows) for begin, length in _gapless(window)]
    reported: set[tuple[int, int]] = set()
    for (one, begin, length), (other, later, later_length) in combinations(spans, 2):
        # Within a week, each must end before the next begins. Closing one window and opening another in the same minute would race, so
        # windows must not touch either.
        to_later, to_begin = (later - begin) % _WEEK_MINUTES, (begin - later) % _WEEK_MINUTES
        clash_ahead, clash_behind = to_later <= length, to_begin <= later_length
        if not (clash_ahead or clash_behind) or (one, other) in reported:
            continue
        reported.add((one, other))
        long, room = (one, to_later) if clash_ahead else (other, to_begin)
        fix: Fix = Assign(("windows", long, "minutes"), room - 1) if room > 1 else Remove(("windows", other))
        yield fault(
            ("windows", other),
            f"window {nat.windows[other].name} overlaps or touches window {nat.windows[one].name}"
            if one != other
            else f"window {nat.windows[one].name} overlaps or touches its own next day",
            fix=[fix],
            allowed="windows that end at least a minute before the next begins",
        )


def _with_instances(value: Any) -> Any:
    """A default that only a NAT instance has: other strategies refuse the setting, also with its default."""
    return Field(default_factory=lambda known: value if known.get("strategy") in INSTANCES else None)


class Nat(
    options(
        OnDemandNatOptions,
        texts={
            "strategy": Allowed(
                "none (no internet egress), single (one NAT gateway), per_zone (one in each zone), regional (one regional NAT gateway), "
                "instance (a NAT instance) or on_demand (a NAT instance that runs in maintenance windows)",
                "per_zone",
            ),
            "zone": Allowed("one of network.zones, only with single, instance and on_demand", "{region}a"),
        },
    )
):
    """Internet egress of private subnets."""

    checks = (_only_where_used, _windows_required, _windows_apart)

    instance_type: Annotated[InstanceType | None, Allowed("an EC2 instance type, only with instance and on_demand", "t4g.micro")] = (
        _with_instances("t4g.micro")
    )
    """EC2 type of the NAT instance. Default: t4g.micro with `instance` and `on_demand`."""
    instance_revision: Annotated[
        Annotated[int, Field(ge=1)] | None,
        Allowed("a number from 1, only with instance and on_demand; raise it to replace the instance", 2),
    ] = _with_instances(1)
    """Raised, it replaces the NAT instance by one of the newest Amazon Linux image. Default: 1 with `instance` and `on_demand`."""
    time_zone: Annotated[
        Annotated[str, AfterValidator(_time_zone)] | None,
        Allowed("an IANA time zone such as Europe/Berlin or UTC, only with on_demand", "Europe/Berlin"),
    ] = Field(default_factory=lambda known: "UTC" if known.get("strategy") == "on_demand" else None)
    """IANA time zone of the windows. Default: UTC with `on_demand`."""
    windows: Annotated[tuple[Window, ...], Allowed("a list of windows, only with on_demand", None)] = ()
    """Maintenance windows, only with `on_demand`, at least one."""
    egress_ports: Annotated[
        Annotated[
            tuple[Annotated[Port, Allowed("a port, 1 to 65535", 443)], ...],
            Field(min_length=1, max_length=30),
            AfterValidator(each_once),
        ]
        | None,
        Allowed("1 to 30 TCP ports, each once, only with instance and on_demand", [80, 443]),
    ] = _with_instances((80, 443))
    """TCP ports to which a NAT instance lets the VPC out. Default: 80 and 443 with `instance` and `on_demand`."""


class SubnetPrefixes(
    options(
        NetworkSubnetPrefixes,
        limits={"public": Annotated[int, Field(le=27)]},
        texts={
            "public": Allowed("16 to 27, the smallest that a load balancer supports", 24),
            "private": Allowed("16 to 28", 20),
            "data": Allowed("16 to 28", 24),
        },
    )
):
    """Prefix length per tier. An omitted tier has the default for the VPC's size."""


class SubnetCidrs(
    options(
        NetworkSubnetCidrs,
        texts={
            "public": Allowed("a network for each zone", {"{region}a": "10.20.0.0/24"}),
            "private": Allowed("a network for each zone", {"{region}a": "10.20.16.0/20"}),
            "data": Allowed("a network for each zone", {"{region}a": "10.20.6.0/24"}),
        },
    )
):
    """An explicit network for every tier and zone."""


def _vpc_size(value: IPv4Network) -> IPv4Network:
    if not 16 <= value.prefixlen <= 24:
        raise refuse("the wrong size for a network of three tiers", str(IPv4Network((int(value.network_address) & 0xFFFF0000, 16))))
    return value


def _zones_of_region(network: "Network", context: Context) -> Iterable[InitErrorDetails]:
    taken: set[str] = set()
    for index, zone in enumerate(network.zones):
        right = context.region is None or re.fullmatch(re.escape(context.region) + "[a-f]", zone)
        if right and zone not in taken:
            taken.add(zone)
            continue
        because = "is listed twice" if right else f"is not a zone of {context.region} (local and wavelength zones are not supported)"
        free = [f"{context.region}{letter}" for letter in "abcdef" if f"{context.region}{letter}" not in (*network.zones, *taken)]
        fix: Fix = Remove(("zones", index))
        if free and context.region is not None:
            letter = zone[-1:]
            value = next((name for name in free if name[-1] == letter), free[0])
            taken.add(value)
            fix = Assign(("zones", index), value)
        yield fault(("zones", index), because, fix=[fix])


def _one_way_of_addressing(network: "Network", context: Context) -> Iterable[InitErrorDetails]:
    if network.subnet_prefixes is not None and network.subnet_cidrs is not None:
        yield fault(
            ("subnet_prefixes",),
            "subnet_cidrs is set too, which defines the network of every subnet",
            fix=[Remove(("subnet_prefixes",))],
            allowed="subnet_prefixes or subnet_cidrs, not both",
        )


def _derived_subnets_fit(network: "Network", context: Context) -> Iterable[InitErrorDetails]:
    if network.subnet_cidrs is not None:
        return
    prefixes = _given_prefixes(network.subnet_prefixes)
    for index, zone in enumerate(network.zones):
        try:
            layout.plan(network.cidr_block, [zone], prefixes)
        except layout.SubnetPlanError as error:
            # The zone rule reports a name without a letter.
            if error.tier is None:
                continue
            larger = IPv4Network((int(network.cidr_block.network_address) & 0xFFFF0000, 16))
            fix: Fix = Remove(("subnet_prefixes", error.tier)) if error.tier in prefixes else Assign(("cidr_block",), str(larger))
            yield fault(
                ("zones", index), str(error), fix=[fix], allowed="a zone whose subnets fit in the VPC; zone a comes first, then b ..."
            )


def _explicit_subnets_fit(network: "Network", context: Context) -> Iterable[InitErrorDetails]:
    if network.subnet_cidrs is None:
        return
    cidrs: dict[str, dict[str, IPv4Network]] = {tier: getattr(network.subnet_cidrs, tier) for tier in layout.TIERS}
    used = [cidr for by_zone in cidrs.values() for cidr in by_zone.values()]
    for problem in layout.problems(network.cidr_block, network.zones, cidrs):
        place = ("subnet_cidrs", problem.tier, str(problem.zone))
        size = layout.default_prefixes(network.cidr_block)[problem.tier]
        free = next(
            (str(net) for net in network.cidr_block.subnets(new_prefix=size) if not any(net.overlaps(other) for other in used)), None
        )
        fix: Fix = Remove(place) if problem.zone not in network.zones else Assign(place, free or f"(no /{size} is free)")
        yield fault(
            place,
            problem.message,
            fix=[fix],
            allowed="a network of /16 to /28 inside the VPC for each zone, none overlapping another",
        )
    for zone, cidr in cidrs["public"].items():
        if cidr.prefixlen == 28:
            yield fault(
                ("subnet_cidrs", "public", zone),
                "too small for a load balancer",
                fix=[Assign(("subnet_cidrs", "public", zone), str(cidr.supernet()))],
                allowed="a public subnet of /27 or larger",
            )


def _no_second_way_out(network: "Network", context: Context) -> Iterable[InitErrorDetails]:
    if network.dual_stack and network.nat.strategy == "on_demand":
        yield fault(
            ("dual_stack",),
            "private subnets would reach the internet over IPv6 outside the windows of on_demand",
            fix=[Assign(("dual_stack",), False)],
            allowed="false with nat.strategy on_demand",
        )


def _acls_fit(network: "Network", context: Context) -> Iterable[InitErrorDetails]:
    """Checks network ACLs against their VPC: no rule without effect, and not more rules than AWS allows."""
    acls = network.network_acls
    if acls is None:
        return
    for index, cidr in from_last(acls.trusted_cidrs):
        place = ("network_acls", "trusted_cidrs", index)
        if isinstance(cidr, IPv6Network) and not network.dual_stack:
            yield fault(place, "an IPv6 network, but the VPC has no IPv6", fix=[Remove(place)])
        elif isinstance(cidr, IPv4Network) and cidr.subnet_of(network.cidr_block):
            yield fault(place, f"inside the VPC's {network.cidr_block}, where all traffic is allowed anyway", fix=[Remove(place)])
    versions = 2 if network.dual_stack else 1
    room = (_MOST_RULES - _OTHER_RULES * versions) // versions
    if _HTTPS not in acls.public_ports and len(acls.public_ports) <= room:
        yield fault(
            ("network_acls", "public_ports"),
            "the load balancer in the public subnets listens on 443, and would not be reachable",
            fix=[Assign(("network_acls", "public_ports", min(len(acls.public_ports), room - 1)), _HTTPS)],
            allowed="443 among the ports",
        )
    full = _MOST_RULES - _OTHER_RULES * versions
    # What trusted networks leave of the private tier's room is for VPC Lattice.
    left = max(full - len(acls.trusted_cidrs), 0)
    for name, most in (("public_ports", full // versions), ("trusted_cidrs", full), ("lattice_ports", left // versions)):
        count = len(getattr(acls, name))
        if count > most:
            yield fault(
                ("network_acls", name),
                f"{count} exceed AWS's quota of rules",
                fix=[Remove(("network_acls", name, index)) for index in range(count - 1, most - 1, -1)],
                allowed=f"at most {most}",
            )


def _nat_is_spared(network: "Network", context: Context) -> Iterable[InitErrorDetails]:
    """The NAT must be in a public subnet, which block public access excludes."""
    if network.block_public_access == "block-bidirectional" and network.nat.strategy == "regional":
        yield fault(
            ("block_public_access",),
            "a regional NAT gateway is in none of the excluded public subnets, so private subnets would lose internet egress",
            fix=[Assign(("block_public_access",), "block-ingress")],
            allowed="block-ingress with nat.strategy regional",
        )


def _flow_log_options_fit(network: "Network", context: Context) -> Iterable[InitErrorDetails]:
    """Settings of a bucket are allowed only with one."""
    if network.flow_log_destination == "s3":
        return
    for name in ("flow_log_files", "flow_log_force_destroy"):
        if getattr(network, name):
            yield fault((name,), "the flow log does not go to a bucket", fix=[Remove((name,))], allowed="only with flow_log_destination s3")


class Network(
    options(
        NetworkOptions,
        limits={"flow_log_aggregation_seconds": AggregationSeconds},
        texts={
            "block_public_access": Allowed("block-ingress or block-bidirectional, in one stack of the account and region", None),
            "flow_log_aggregation_seconds": Allowed("60 or 600 seconds", 600),
            "interface_endpoints": Allowed("short names of AWS services, each once", ["ssm"]),
        },
    )
):
    """The VPC and its subnets."""

    checks = (
        _zones_of_region,
        _one_way_of_addressing,
        _derived_subnets_fit,
        _explicit_subnets_fit,
        _no_second_way_out,
        _acls_fit,
        _nat_is_spared,
        _flow_log_options_fit,
    )

    cidr_block: Annotated[Ipv4Cidr, AfterValidator(_vpc_size), Allowed("an IPv4 network of /16 to /24 in CIDR notation", "10.20.0.0/16")]
    """Addresses of the VPC. Changing it replaces the network."""
    zones: Annotated[
        tuple[Annotated[str, Allowed("a zone of {region}, {region}a to {region}f, each once", "{region}a")], ...],
        # One zone is refused by a rule that says what requires two.
        Field(min_length=1, max_length=layout.MAX_ZONES, json_schema_extra={"minItems": 2}),
        Allowed("2 to 6 zones of {region}", ["{region}a", "{region}b"]),
    ]
    """Availability Zones in use. A load balancer and a Multi-AZ database require two."""
    subnet_prefixes: Annotated[SubnetPrefixes | None, Allowed("prefix lengths per tier, not together with subnet_cidrs", None)] = None
    """Sizes of the derived subnets. Default: in proportion to the VPC."""
    subnet_cidrs: Annotated[SubnetCidrs | None, Allowed("a network for every tier and zone, not together with subnet_prefixes", None)] = (
        None
    )
    """Explicit networks instead of derived ones. Default: derived, at a fixed place for each zone's letter."""
    network_acls: Annotated[NetworkAcls | None, Allowed("ports and networks that the tiers allow, {} for the defaults", None)] = None
    """Network ACLs per tier. Default: none, only security groups apply."""
    flow_log_destination: Annotated[Literal["cloud-watch-logs", "s3"], Allowed("cloud-watch-logs (a log group) or s3 (a bucket)", "s3")] = (
        "cloud-watch-logs"
    )
    """Destination of the VPC flow logs."""
    flow_log_files: Annotated[FlowLogFiles | None, Allowed("format and folders, only with flow_log_destination s3", None)] = None
    """Format of the files in the bucket. Default: compressed text, a folder for each day."""
    nat: Annotated[Nat, Allowed("internet egress of private subnets", None)]
    """Internet egress for private subnets."""

    @property
    def subnets(self) -> dict[str, dict[str, IPv4Network]]:
        """Tier -> zone -> network of its subnet."""
        if self.subnet_cidrs is not None:
            return {tier: {zone: getattr(self.subnet_cidrs, tier)[zone] for zone in self.zones} for tier in layout.TIERS}
        return layout.plan(self.cidr_block, self.zones, _given_prefixes(self.subnet_prefixes))


def operators_get_through(network: "Network", operators: Iterable, context: Context) -> Iterable[InitErrorDetails]:
    """Checks that the ACL of the private tier allows every operator's network."""
    acls = network.network_acls
    if acls is None:
        return
    inside = [network.cidr_block, *acls.trusted_cidrs]
    place = len(acls.trusted_cidrs)
    added: list[IPv4Network | IPv6Network] = []
    for number, operator in enumerate(operators):
        for index, entry in enumerate(operator.entries):
            cidr = entry.cidr
            if any(cidr.version == other.version and cidr.subnet_of(other) for other in [*inside, *added]):
                continue
            trusted = ("network", "network_acls", "trusted_cidrs", place + len(added))
            added.append(cidr)
            yield fault(
                ("operators", number, "entries", index, "cidr"),
                "the network ACL of the private subnets, where the servers are, does not allow it",
                fix=[Assign(trusted, str(cidr))],
                allowed="a network inside one of network.network_acls.trusted_cidrs",
            )


def _given_prefixes(prefixes: SubnetPrefixes | None) -> dict[str, int]:
    return {} if prefixes is None else prefixes.model_dump(exclude_none=True)


def _or(names: tuple[str, ...]) -> str:
    return " or ".join(names)
