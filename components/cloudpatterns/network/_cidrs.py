"""Networks in CIDR notation: which are well written, and which are narrow enough to be admitted."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from cloudpatterns.core import Problem

Network = IPv4Network | IPv6Network

# The broadest networks that count as somebody's, not as the internet.
BROADEST = {4: 8, 6: 16}


def networks_of(cidrs: Iterable[str]) -> list[Network]:
    """The networks of checked arguments."""
    return [ip_network(cidr) for cidr in cidrs]


def entry_problems(path: str, cidrs: Sequence[str], fix: str = "Name narrower networks.") -> Iterator[Problem]:
    """What is wrong with entries by their ``cidr``: one that an earlier entry has, or networks that together are the internet's."""
    for index, cidr in enumerate(cidrs):
        if cidr in cidrs[:index]:
            yield f"{path}.{index}.cidr", f"is {cidr}, which is already in the list. Name each network once."
    for network in too_broad(networks_of(cidrs)):
        yield path, f"add up to {network}, broader than an IPv4 /8 or IPv6 /16. {fix}"


def too_broad(networks: Iterable[Network]) -> list[Network]:
    """What the networks add up to, where that is broader than an IPv4 /8 or an IPv6 /16."""
    given = list(networks)
    ipv4 = collapse_addresses(network for network in given if isinstance(network, IPv4Network))
    ipv6 = collapse_addresses(network for network in given if isinstance(network, IPv6Network))
    return [network for network in (*ipv4, *ipv6) if network.prefixlen < BROADEST[network.version]]
