"""What the firewalls share: AWS's limits on security groups, and which networks are narrow enough to be admitted."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from itertools import chain

import pulumi

Network = IPv4Network | IPv6Network

# Defaults of AWS's quotas. Rules count per direction and per address family; a rule that names a security group counts in both.
# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups
RULES_PER_GROUP = 60
GROUPS_PER_INTERFACE = 5
MOST_GROUPS_PER_INTERFACE = 16
MOST_RULES_PER_INTERFACE = 1000

GROUP_DELETION = pulumi.CustomTimeouts(delete="60m")
"""A group can go once no instance has it: an instance refresh takes it off them one by one, for longer than the provider's 15 minutes."""

# The broadest networks that count as somebody's, not as the internet.
BROADEST = {4: 8, 6: 16}

# Rules allow no ampersand; groups do.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UserIdGroupPair.html
_DESCRIPTION = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=;{}!$*]{1,255}")
_ALLOWED_IN_DESCRIPTION = "1 to 255 of the letters a-z and A-Z, digits, blanks and ._-:/()#,@[]+=;{}!$*"


def description_problem(text: str) -> str | None:
    """What is wrong with the description of a security group rule, or None."""
    return None if _DESCRIPTION.fullmatch(text) else f"is {text!r}; AWS allows {_ALLOWED_IN_DESCRIPTION}. Write it in those."


def name_problem(name: str) -> str | None:
    """What is wrong with the name of a component whose security groups carry it, or None."""
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
    if name.lower().startswith("sg-") or name.lower() == "sg":
        return f"is {name!r}; the names of security groups may not begin with sg-. Give the component another name."
    return None


def port_problems(path: str, ports: Iterable[int]) -> Iterable[tuple[str, str]]:
    """Every fault of a list of TCP or UDP ports."""
    seen: set[int] = set()
    for index, port in enumerate(ports):
        if not 1 <= port <= 65535:
            yield f"{path}.{index}", f"is {port}; a port is a number from 1 to 65535. Correct it."
        elif port in seen:
            yield f"{path}.{index}", f"is {port}, which is there already. Name each port once."
        seen.add(port)


def parse(cidr: str) -> Network | str:
    """The network, or what is wrong with the text: AWS would shorten host bits away, and every later preview would show it."""
    try:
        return ip_network(cidr)
    except ValueError:
        pass
    try:
        return f"is {cidr!r}, an address inside a network. Write {ip_network(cidr, strict=False)}, or a /32 or /128 for one address."
    except ValueError:
        return f"is {cidr!r}; a network such as 203.0.113.0/24 or 2001:db8::/32 is needed. Correct it."


def too_broad(networks: Iterable[Network]) -> list[Network]:
    """What the networks add up to, where that is broader than an IPv4 /8 or an IPv6 /16."""
    given = list(networks)
    joined: chain[Network] = chain(
        collapse_addresses(network for network in given if isinstance(network, IPv4Network)),
        collapse_addresses(network for network in given if isinstance(network, IPv6Network)),
    )
    return [network for network in joined if network.prefixlen < BROADEST[network.version]]


def after(value: pulumi.Input[str], *resources: pulumi.Resource) -> pulumi.Output[str]:
    """The value, given out once the resources are there.

    The order hangs on their URNs, which a preview knows, so a new resource never makes the value look unknown there.
    """
    return pulumi.Output.all(value, *[resource.urn for resource in resources]).apply(lambda values: values[0])


def by_name(values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[dict[str, str]]:
    """The values as one output; an empty mapping stays a mapping, which ``Output.all`` alone makes a list."""
    return pulumi.Output.all(*values.values()).apply(lambda found: dict(zip(values, found, strict=True)))
