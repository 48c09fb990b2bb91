"""Where the clients of an audience come from: the rules that admit them, and what is wrong with them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloudpatterns.blocks.security_group import description_problem
from cloudpatterns.network._cidrs import parse, too_broad


def ports(args: Mapping[str, Any]) -> list[int]:
    """Ports that the balancer of a checked audience listens on."""
    return [443, 80] if args["http_redirect"] else [443]


def sources(args: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Part of the rules' names to where clients come from, for a checked audience."""
    found: dict[str, dict[str, Any]] = {}
    if args["internet"]:
        found["internet"] = {"cidr_ipv4": "0.0.0.0/0", "description": "From the internet"}
        if args["ip_address_type"] == "dualstack":
            found["internet-ipv6"] = {"cidr_ipv6": "::/0", "description": "From the internet"}
    for entry in args["entries"]:
        network = str(parse(entry["cidr"]))
        family = "ipv6" if ":" in network else "ipv4"
        # Two colons part the fields of a URN.
        name = network.replace(":", "_").replace("/", "-")
        found[name] = {f"cidr_{family}": network, "description": entry["description"]}
    if args["prefix_list_id"] is not None:
        found["list"] = {"prefix_list_id": args["prefix_list_id"], "description": "From the prefix list of the audience"}
    for client, group_id in args["client_security_group_ids"].items():
        found[f"client-{client}"] = {"referenced_security_group_id": group_id, "description": f"From {client}"}
    return found


def source_problems(path: str, args: Mapping[str, Any], quota: int) -> Iterator[tuple[str, str]]:
    """Every fault of an audience's sources; ``quota`` is the number of rules that a group takes."""
    entries, has_list, clients = args["entries"], args["prefix_list_id"] is not None, args["client_security_group_ids"]
    if args["internal"] and args["internet"]:
        yield f"{path}.internet", "excludes internal: the internet does not reach private addresses. Leave out one of the two."
    if args["internet"] and (entries or has_list):
        yield f"{path}.internet", "admits everybody, entries and prefix_list_id included. Leave out one or the other."
    networks = []
    for index, entry in enumerate(entries):
        network = parse(entry["cidr"])
        if isinstance(network, str):
            yield f"{path}.entries.{index}.cidr", network
        elif network in networks:
            yield f"{path}.entries.{index}.cidr", f"is {network}, which is there already. Name each network once."
        else:
            networks.append(network)
        if problem := description_problem(entry["description"]):
            yield f"{path}.entries.{index}.description", problem
    for network in too_broad(networks):
        yield (
            f"{path}.entries",
            f"add up to {network}; broader than an IPv4 /8 or IPv6 /16 is no audience. Name narrower networks, or set internet to True.",
        )
    for client in clients:
        if not re.fullmatch("[A-Za-z0-9-]+", client):
            yield f"{path}.client_security_group_ids.{client}", f"is named {client!r}; letters, digits and hyphens are allowed. Rename it."
    if not (args["internet"] or entries or has_list or clients):
        yield path, "admits nobody. Set internet to True, or give entries, prefix_list_id or client_security_group_ids."
    count = len(ports(args)) * (has_list * args["prefix_list_max_entries"] + len(entries) + len(clients))
    if count > quota:
        yield path, f"counts as {count} rules, a prefix list as its prefix_list_max_entries; a group takes {quota}. Name fewer."
