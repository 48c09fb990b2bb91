"""The clients of an audience: from where its load balancer admits them, and what is wrong with that."""

from collections.abc import Iterator

from cloudpatterns.blocks.security_group import INTERNET, Peer, cidr_peer
from cloudpatterns.core import Problem, excludes
from cloudpatterns.network._cidrs import networks_of, repetition_problems, too_broad
from cloudpatterns.network.load_balancer import listener_problems
from cloudpatterns.network.multi_load_balancer.arguments import AudienceArgs


def ports(audience: AudienceArgs) -> list[int]:
    """Ports that the load balancer of an audience listens on."""
    return [443, 80] if audience["http_redirect"] else [443]


def sources(audience: AudienceArgs) -> Iterator[tuple[str, Peer, str]]:
    """From where clients connect: a part of the rules' names, the peer, and the rules' description."""
    if audience["internet"]:
        yield "internet", INTERNET["ipv4"], "From the internet"
        if audience["ip_address_type"] == "dualstack":
            yield "internet-ipv6", INTERNET["ipv6"], "From the internet"
    for entry in audience["entries"]:
        cidr = entry["cidr"]
        # Two colons separate the parts of a URN.
        yield cidr.replace(":", "_").replace("/", "-"), cidr_peer(cidr), entry["description"]
    prefix_list = audience.get("prefix_list_id")
    if prefix_list is not None:
        yield "list", {"prefix_list_id": prefix_list}, "From the prefix list of the audience"
    for client, group_id in audience["client_security_group_ids"].items():
        yield f"client-{client}", {"referenced_security_group_id": group_id}, f"From {client}"


def audience_problems(path: str, audience: AudienceArgs, quota: int) -> Iterator[Problem]:
    """What is wrong with an audience; ``quota`` is the number of rules that a security group takes."""
    at = f"{path}."
    yield from listener_problems(audience, at)
    yield from excludes(audience, "internet", "internal", path=at, why="the internet does not reach private addresses")
    yield from excludes(audience, "internet", "entries", "prefix_list_id", path=at, why="the internet includes every network")
    cidrs = [entry["cidr"] for entry in audience["entries"]]
    yield from repetition_problems(f"{path}.entries", cidrs)
    for network in too_broad(networks_of(cidrs)):
        yield (
            f"{path}.entries",
            f"add up to {network}, broader than an IPv4 /8 or IPv6 /16. Name narrower networks, or set internet to True.",
        )
    clients, has_list = audience["client_security_group_ids"], audience.get("prefix_list_id") is not None
    if not (audience["internet"] or cidrs or has_list or clients):
        yield path, "admits nobody. Set internet to True, or give entries, prefix_list_id or client_security_group_ids."
    count = len(ports(audience)) * (has_list * audience["prefix_list_max_entries"] + len(cidrs) + len(clients))
    if count > quota:
        yield (
            path,
            f"needs {count} rules, a prefix list counting as its prefix_list_max_entries; a security group takes {quota}. Name fewer.",
        )
