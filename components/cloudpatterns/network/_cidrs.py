"""Networks in CIDR notation: which are well written, and which are narrow enough to be admitted."""

from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from cloudpatterns.core import Problem

Network = IPv4Network | IPv6Network

# The broadest networks that count as somebody's, not as the internet.
BROADEST = {4: 8, 6: 16}


def parse(cidr: str) -> Network | str:
    """The network, or what is wrong with the text: AWS would drop host bits, and every later preview would show a difference."""
    try:
        return ip_network(cidr)
    except ValueError:
        pass
    try:
        return f"is {cidr!r}, an address inside a network. Write {ip_network(cidr, strict=False)}, or a /32 or /128 for one address."
    except ValueError:
        return f"is {cidr!r}; a network such as 203.0.113.0/24 or 2001:db8::/32 is needed. Correct it."


def networks_of(cidrs: Iterable[str]) -> list[Network]:
    """The networks that are well written, each once."""
    return list(dict.fromkeys(network for cidr in cidrs if not isinstance(network := parse(cidr), str)))


def network_problems(
    path: str, cidrs: Iterable[str], *, field: str = "", refusal: Callable[[Network], str | None] = lambda _: None
) -> Iterator[Problem]:
    """What is wrong with each network of a list, at ``<path>.<index><field>``; ``refusal`` gives a reason of the component's own."""
    seen: set[Network] = set()
    for index, cidr in enumerate(cidrs):
        network = parse(cidr)
        if isinstance(network, str):
            yield f"{path}.{index}{field}", network
            continue
        if network in seen:
            yield f"{path}.{index}{field}", f"is {network}, which is already in the list. Name each network once."
        elif reason := refusal(network):
            yield f"{path}.{index}{field}", reason
        seen.add(network)


def too_broad(networks: Iterable[Network]) -> list[Network]:
    """What the networks add up to, where that is broader than an IPv4 /8 or an IPv6 /16."""
    given = list(networks)
    joined: list[Network] = [
        *collapse_addresses(network for network in given if isinstance(network, IPv4Network)),
        *collapse_addresses(network for network in given if isinstance(network, IPv6Network)),
    ]
    return [network for network in joined if network.prefixlen < BROADEST[network.version]]
