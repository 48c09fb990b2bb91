"""What is wrong with the arguments of a management network."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

from cloudpatterns.blocks.security_group import RULES_PER_GROUP, description_problem, group_name_problems, port_problems
from cloudpatterns.network._cidrs import Network, parse, too_broad
from cloudpatterns.network._destinations import destination_problems, naming_problem
from cloudpatterns.network._server import image_problems

INSTANCE_CONNECT_PORTS = (22, 3389)
"""Ports that an EC2 Instance Connect endpoint reaches.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/connect-with-ec2-instance-connect-endpoint.html
"""

_SESSION_HOURS = (8, 10, 12, 24)
# A Client VPN's subnet: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/cvpn-working-target.html
_VPN_SUBNET_PREFIX = 27
# A Client VPN's clients: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/what-is-best-practices.html
_CLIENT_PREFIXES = range(12, 23)
# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
_SUBNET_PREFIXES = range(16, 29)


def problems(name: str, checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every fault of checked ``ManagementNetworkArgs``."""
    yield from group_name_problems(name)
    yield from port_problems("admin_ports", checked["admin_ports"])
    subnets = {zone: parse(cidr) for zone, cidr in checked["management_cidrs_by_zone"].items()}
    yield from _subnet_problems(subnets)
    yield from _entrance_problems(checked)
    yield from _entry_problems(checked)
    if checked["client_vpn"] is not None:
        yield from _vpn_problems(checked["client_vpn"], subnets)
    yield from destination_problems("management_egress", checked["management_egress"])
    for key, server in checked["servers"].items():
        yield from _server_problems(f"servers.{key}", key, server, checked)


def _subnet_problems(subnets: Mapping[str, Network | str]) -> Iterator[tuple[str, str]]:
    for zone, network in subnets.items():
        path = f"management_cidrs_by_zone.{zone}"
        if isinstance(network, str):
            yield path, network
        elif not isinstance(network, IPv4Network) or network.prefixlen not in _SUBNET_PREFIXES:
            yield path, f"is {network}; an IPv4 network of /16 to /28 is needed. Correct it."
    known = [(zone, network) for zone, network in subnets.items() if isinstance(network, IPv4Network)]
    for (one, first), (other, second) in combinations(known, 2):
        if first.overlaps(second):
            yield f"management_cidrs_by_zone.{other}", f"is {second}, which overlaps {first} of {one}. Choose another."


def _entrance_problems(checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    vpn, entries = checked["client_vpn"], checked["entries"]
    if (vpn is None) == (not entries):
        given = "neither is given" if vpn is None else "both are given"
        yield "client_vpn", f"excludes entries, and one of them is needed; {given}. Say where administrators come from."
    gateways = [key for key in ("vpn_gateway_id", "transit_gateway_id") if checked[key] is not None]
    if len(gateways) == 2:
        yield "vpn_gateway_id", "excludes transit_gateway_id; both are given. Leave out the one that does not lead to the entries."
    for key in gateways:
        if not entries:
            yield key, "leads to entries, and there are none. Leave it out."
    zone = checked["instance_connect_zone"]
    if zone is not None:
        if zone not in checked["management_cidrs_by_zone"]:
            yield "instance_connect_zone", f"is {zone!r}; it must be one of {', '.join(checked['management_cidrs_by_zone'])}."
        if not set(INSTANCE_CONNECT_PORTS) & set(checked["admin_ports"]):
            yield "instance_connect_zone", "reaches the ports 22 and 3389 alone, and admin_ports has neither. Leave it out."


def _entry_problems(checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    networks: list[Network] = []
    for index, entry in enumerate(checked["entries"]):
        path, network = f"entries.{index}.cidr", parse(entry["cidr"])
        if isinstance(network, str):
            yield path, network
        elif network.version != 4:
            yield path, f"is {network}; the management subnets have IPv4 addresses alone. Name an IPv4 network."
        elif network in networks:
            yield path, f"is {network}, which is there already. Name each network once."
        else:
            networks.append(network)
        if problem := description_problem(entry["description"]):
            yield f"entries.{index}.description", problem
    if (count := len(networks) * len(checked["admin_ports"])) > RULES_PER_GROUP:
        yield "entries", f"times admin_ports are {count} rules; a security group takes {RULES_PER_GROUP}. Name fewer, wider networks."
    for network in too_broad(networks):
        yield "entries", f"add up to {network}; administrators come from an IPv4 /8 or narrower. Name narrower networks."


def _vpn_problems(vpn: Mapping[str, Any], subnets: Mapping[str, Network | str]) -> Iterator[tuple[str, str]]:
    hours = vpn["session_timeout_hours"]
    if hours not in _SESSION_HOURS:
        allowed = ", ".join(map(str, _SESSION_HOURS))
        yield "client_vpn.session_timeout_hours", f"is {hours}; AWS allows {allowed}. Choose one of these."
    clients, path = parse(vpn["client_cidr_block"]), "client_vpn.client_cidr_block"
    if isinstance(clients, str):
        yield path, clients
        return
    if not isinstance(clients, IPv4Network) or clients.prefixlen not in _CLIENT_PREFIXES:
        yield path, f"is {clients}; an IPv4 network of /12 to /22 is needed. Correct it."
        return
    for zone, network in subnets.items():
        if not isinstance(network, IPv4Network):
            continue
        if network.overlaps(clients):
            yield path, f"is {clients}, which overlaps {network} of {zone}; clients have addresses outside of the VPC. Choose others."
        if network.prefixlen > _VPN_SUBNET_PREFIX:
            yield f"management_cidrs_by_zone.{zone}", f"is {network}; a Client VPN needs a /27 or larger. Widen it."


def _server_problems(path: str, key: str, server: Mapping[str, Any], checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if problem := naming_problem(key):
        yield path, problem
    for tier in ("subnet_ids_by_zone", "management_cidrs_by_zone"):
        if server["zone"] not in checked[tier]:
            yield f"{path}.zone", f"is {server['zone']!r}, which {tier} has not; it has {', '.join(checked[tier]) or 'none'}."
    yield from port_problems(f"{path}.ports", server["ports"])
    if shared := sorted(set(server["ports"]) & set(checked["admin_ports"])):
        ports = ", ".join(map(str, shared))
        yield f"{path}.ports", f"has {ports}, which admin_ports has too; administration stays off the business interface. Take it out."
    if bool(server["ports"]) != bool(server["callers"]):
        missing = "callers" if server["ports"] else "ports"
        yield f"{path}.{missing}", "is empty; ports and callers go together. Give both or neither."
    for caller in server["callers"]:
        if problem := naming_problem(caller):
            yield f"{path}.callers.{caller}", problem
    yield from destination_problems(f"{path}.egress", server["egress"])
    yield from image_problems(f"{path}.image_parameter", server["image_parameter"], server["image_id"])
