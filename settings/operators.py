"""The section `operators`: who may reach administrative ports, and from which networks."""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from itertools import count
from typing import Annotated, Any

from annotated_types import MinLen
from pydantic import AfterValidator, Field, WrapValidator
from pydantic_core import InitErrorDetails

from settings.faults import Allowed, Assign, Context, Model, Remove, collect, fault, refuse
from settings.fields import WHOLE, Cidr, Port, each_once, from_last

# The broadest networks of one operator: an IPv4 /8, an IPv6 /32.
_BROADEST = {4: 8, 6: 32}
# Rules of a security group in each direction and address family, unless AWS has raised the quota; a prefix list counts as its max_entries.
# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups
_RULES_PER_GROUP = 60


# Ports of data stores, which allow only the servers, by their group, and never a network.
_DATA_PORTS = (3306, 5432, 6379)


def _no_data_port(value: int) -> int:
    if value in _DATA_PORTS:
        raise refuse("a data store's port, which allows only the servers: give the role port 22 and forward the port through a server", 22)
    return value


def _narrow(value: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if value.prefixlen < _BROADEST[value.version]:
        raise refuse("the whole internet" if value.prefixlen == 0 else "far too broad for an operator's network")
    return value


class Entry(Model):
    """A network of an operator."""

    cidr: Annotated[
        Cidr,
        AfterValidator(_narrow),
        Allowed("an IPv4 network of /8 or narrower or an IPv6 network of /32 or narrower, never the internet", "203.0.113.10/32"),
    ]
    """The network; a single address is a /32 (IPv4) or /128 (IPv6)."""
    description: Annotated[str, Field(min_length=1, max_length=255), Allowed("a description of the network, 1 to 255 characters", "Office")]
    """Description of the network in the prefix list."""


def _not_the_internet_in_pieces(operator: "Operator", context: Context) -> Iterable[InitErrorDetails]:
    networks = [entry.cidr for entry in operator.entries]
    for version in _BROADEST:
        for joined in collapse_addresses([network for network in networks if network.version == version]):  # ty: ignore[invalid-argument-type]  # one family at a time
            if joined.prefixlen >= _BROADEST[version]:
                continue
            pieces = [index for index, network in enumerate(networks) if network.version == version and network.subnet_of(joined)]
            yield fault(
                ("entries", pieces[-1], "cidr"),
                f"together with the other entries, it covers {joined}",
                fix=[Remove(("entries", pieces[-1]))],
                allowed="entries that do not add up to more than an IPv4 /8 or an IPv6 /32",
            )


def _entries_once(operator: "Operator", context: Context) -> Iterable[InitErrorDetails]:
    networks = [entry.cidr for entry in operator.entries]
    for index, cidr in from_last(networks):
        if cidr in networks[:index]:
            place = ("entries", index)
            yield fault((*place, "cidr"), "another entry has the same network", fix=[Remove(place)], allowed="each network once")


def _rules_fit_the_group(operator: "Operator", context: Context) -> Iterable[InitErrorDetails]:
    most = operator.max_entries
    needed = max(sum(entry.cidr.version == version for entry in operator.entries) for version in _BROADEST)
    place = ("max_entries",)
    if needed > most:
        yield fault(place, f"there are {needed} entries", fix=[Assign(place, needed)])
    elif most * len(operator.ports) > _RULES_PER_GROUP:
        room = _RULES_PER_GROUP // len(operator.ports)
        yield fault(
            place,
            f"{most} entries for each of {len(operator.ports)} ports are more than the {_RULES_PER_GROUP} rules of a security group",
            fix=[Assign(place, room) if room >= needed else Remove(("ports", len(operator.ports) - 1))],
        )


class Operator(Model):
    """A role that administers servers, with its ports and networks."""

    checks = (_not_the_internet_in_pieces, _entries_once, _rules_fit_the_group)

    name: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9-]{0,31}$"),
        Allowed("lower-case letters, digits and hyphens, a letter first, at most 32 characters, each name once", "devops"),
    ]
    """Name of the role; it is part of resource names."""
    ports: Annotated[
        tuple[Annotated[Port, AfterValidator(_no_data_port), Allowed("a port of the servers, 1 to 65535, not a data store's", 22)], ...],
        Field(min_length=1, max_length=_RULES_PER_GROUP),
        AfterValidator(each_once),
        Allowed("at least one port, 1 to 65535, each once", [22]),
    ]
    """TCP ports that the role may reach."""
    entries: Annotated[
        tuple[Entry, ...],
        Field(min_length=1),
        Allowed("at least one network with a description", [{"cidr": "203.0.113.10/32", "description": "Office"}]),
    ]
    """Networks of the role."""
    max_entries: Annotated[
        int,
        Field(ge=1, le=_RULES_PER_GROUP),
        WHOLE,
        Allowed("1 to 60, at least the number of entries of one address family; times the ports at most 60", 10),
    ] = 10
    """Maximum entries of the role's prefix list. Each of its ports uses this many of a security group's 60 rules."""


def _names_once(value: Any, handler: Callable[[Any], Any]) -> Any:
    def faults() -> Iterable[InitErrorDetails]:
        names = [item.get("name") for item in value if isinstance(item, dict)] if isinstance(value, (list, tuple)) else []
        for index, name in enumerate(names):
            if isinstance(name, str) and name in names[:index]:
                place = (index, "name")
                free = next(other for number in count(2) if (other := f"{name[:29]}-{number}") not in names)
                yield fault(place, "another operator has this name", fix=[Assign(place, free)])

    return collect("operators", handler, value, faults)


Operators = Annotated[
    Annotated[tuple[Operator, ...], MinLen(1)] | None,
    WrapValidator(_names_once),
    Allowed(
        "a list of at least one operator",
        [{"name": "devops", "ports": [22], "entries": [{"cidr": "203.0.113.10/32", "description": "Office"}]}],
    ),
]
