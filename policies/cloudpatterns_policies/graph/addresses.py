"""Address ranges, and when they count as the internet.

A source counts as the internet when it contains more public addresses than any one organisation has. Anything broader is open to
strangers, however it is written: `0.0.0.0/0`, two halves, three quarters, or everything but the private ranges. The private
ranges, together or alone, never count.

- IPv4: more than one /8. No larger block was ever assigned to one organisation (https://www.iana.org/assignments/ipv4-address-space).
- IPv6: more than one /16, the most a registry gives to one organisation (https://www.arin.net/participate/policy/nrpm/, section 6.5.2.1).
  IPv6 is checked separately from IPv4: each alone can open a group.
"""

import ipaddress
from functools import lru_cache
from typing import Final

from cloudpatterns_policies.graph.spans import Spans

VERSIONS: Final = (4, 6)
"""IP versions."""

BITS: Final = {4: 32, 6: 128}
"""Length of an address in bits, by IP version."""

INTERNET_PREFIX: Final = {4: 8, 6: 16}
"""By IP version: more public addresses than a network of this prefix length has count as the internet."""


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[int, Spans]:
    """Returns version and addresses of a CIDR such as `10.0.0.0/8`, or of a single address. Host bits may be set. Raises `ValueError`."""
    network = ipaddress.ip_network(text.strip(), strict=False)
    return network.version, Spans(((int(network.network_address), int(network.broadcast_address)),))


def _spans(*cidrs: str) -> Spans:
    return Spans.union(parse(cidr)[1] for cidr in cidrs)


# Blocks of the special-purpose registry that are not routed on the internet. The small documentation blocks are kept, so that examples
# behave like real addresses. https://www.iana.org/assignments/iana-ipv4-special-registry
_NOT_PUBLIC = _spans(
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
    "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
)  # fmt: skip

PUBLIC: Final = {4: _spans("0.0.0.0/0") - _NOT_PUBLIC, 6: _spans("2000::/3")}
"""By IP version, the addresses that the internet uses."""


def public(version: int, addresses: Spans) -> Spans:
    """The part of `addresses` that the internet uses."""
    return addresses & PUBLIC[version]


def is_internet(version: int, addresses: Spans) -> bool:
    """Whether `addresses` of one IP version count as the internet."""
    return public(version, addresses).size > network_size(version, INTERNET_PREFIX[version])


def network_size(version: int, prefix: int) -> int:
    """How many addresses a network of that prefix length has."""
    return int(1 << (BITS[version] - prefix))


def widest(version: int, addresses: Spans) -> str:
    """The widest network, as a CIDR, inside the public part of `addresses`; empty when there is none.

    Adjacent ranges count as one, so that splitting a network in two does not make it narrower.
    """
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    networks = [
        network for first, last in public(version, addresses).runs for network in ipaddress.summarize_address_range(kind(first), kind(last))
    ]
    return str(min(networks, key=lambda network: network.prefixlen)) if networks else ""
