"""Rules over the arguments of a management network."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from itertools import combinations

from cloudpatterns.blocks.security_group import RULES_PER_GROUP, group_name_problems
from cloudpatterns.core import Problem, excludes, needs, one_of, unknown
from cloudpatterns.network._cidrs import Network, too_broad
from cloudpatterns.network._destinations import destination_problems, naming_problem
from cloudpatterns.network.management_network.arguments import ManagedServerArgs, ManagementNetworkArgs

INSTANCE_CONNECT_PORTS = (22, 3389)
"""Ports that an EC2 Instance Connect endpoint reaches.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/connect-with-ec2-instance-connect-endpoint.html
"""

# A Client VPN's subnet: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/cvpn-working-target.html
_VPN_SUBNET_PREFIX = 27
# A Client VPN's clients: https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/what-is-best-practices.html
_CLIENT_PREFIXES = range(12, 23)
# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
_SUBNET_PREFIXES = range(16, 29)


def problems(name: str, checked: ManagementNetworkArgs) -> Iterator[Problem]:
    """Everything that is wrong with checked arguments."""
    yield from group_name_problems(name)
    subnets = {zone: ip_network(cidr) for zone, cidr in checked["management_cidrs_by_zone"].items()}
    yield from _subnet_problems(subnets)
    yield from _entrance_problems(checked)
    yield from _entry_problems(checked)
    if (vpn := checked.get("client_vpn")) is not None:
        yield from _vpn_problems(ip_network(vpn["client_cidr_block"]), subnets)
    yield from destination_problems("management_egress", checked["management_egress"])
    for key, server in checked["servers"].items():
        if problem := naming_problem(key):
            yield f"servers.{key}", problem
        yield from _server_problems(f"servers.{key}", server, checked)


def _subnet_problems(subnets: Mapping[str, Network]) -> Iterator[Problem]:
    for zone, network in subnets.items():
        if network.version != 4 or network.prefixlen not in _SUBNET_PREFIXES:
            yield f"management_cidrs_by_zone.{zone}", f"is {network}; an IPv4 network of /16 to /28 is needed. Correct it."
    for (one, first), (other, second) in combinations(subnets.items(), 2):
        if first.overlaps(second):
            yield f"management_cidrs_by_zone.{other}", f"is {second}, which overlaps {first} of {one}. Choose another."


def _entrance_problems(checked: ManagementNetworkArgs) -> Iterator[Problem]:
    yield from one_of(checked, "client_vpn", "entries")
    yield from excludes(checked, "vpn_gateway_id", "transit_gateway_id", why="the routes to entries have one target")
    for gateway in ("vpn_gateway_id", "transit_gateway_id"):
        yield from excludes(checked, gateway, "client_vpn", why="it leads to entries")
    zone, zones = checked.get("instance_connect_zone"), checked["management_cidrs_by_zone"]
    if zone is not None and zone not in zones:
        yield "instance_connect_zone", unknown(zone, "a zone of management_cidrs_by_zone", zones)
    if zone is not None and not set(INSTANCE_CONNECT_PORTS) & set(checked["admin_ports"]):
        yield "instance_connect_zone", "reaches the ports 22 and 3389 alone, and admin_ports has neither. Remove it."


def _entry_problems(checked: ManagementNetworkArgs) -> Iterator[Problem]:
    networks = [ip_network(entry["cidr"]) for entry in checked["entries"]]
    for index, network in enumerate(networks):
        if network.version != 4:
            yield f"entries.{index}.cidr", f"is {network}; the management subnets have IPv4 addresses alone. Name an IPv4 network."
        elif network in networks[:index]:
            yield f"entries.{index}.cidr", f"is {network}, which is already in the list. Name each network once."
    if (count := len(networks) * len(checked["admin_ports"])) > RULES_PER_GROUP:
        yield "entries", f"times admin_ports are {count} rules; a security group takes {RULES_PER_GROUP}. Name fewer, wider networks."
    for network in too_broad(network for network in networks if network.version == 4):
        yield "entries", f"add up to {network}; administrators come from an IPv4 /8 or narrower. Name narrower networks."


def _vpn_problems(clients: Network, subnets: Mapping[str, Network]) -> Iterator[Problem]:
    path = "client_vpn.client_cidr_block"
    if clients.version != 4 or clients.prefixlen not in _CLIENT_PREFIXES:
        yield path, f"is {clients}; an IPv4 network of /12 to /22 is needed. Correct it."
        return
    for zone, network in subnets.items():
        if network.overlaps(clients):
            yield path, f"is {clients}, which overlaps {network} of {zone}; clients have addresses outside of the VPC. Choose others."
        if network.version == 4 and network.prefixlen > _VPN_SUBNET_PREFIX:
            yield f"management_cidrs_by_zone.{zone}", f"is {network}; a Client VPN needs a /27 or larger. Widen it."


def _server_problems(path: str, server: ManagedServerArgs, checked: ManagementNetworkArgs) -> Iterator[Problem]:
    for tier in ("subnet_ids_by_zone", "management_cidrs_by_zone"):
        if server["zone"] not in checked[tier]:
            yield f"{path}.zone", unknown(server["zone"], f"a zone of {tier}", checked[tier])
    if shared := sorted(set(server["ports"]) & set(checked["admin_ports"])):
        ports = ", ".join(map(str, shared))
        yield f"{path}.ports", f"has {ports}, which admin_ports has too; administration stays off the business interface. Remove it."
    yield from needs(server, "ports", "callers", path=f"{path}.")
    yield from needs(server, "callers", "ports", path=f"{path}.")
    for caller in server["callers"]:
        if problem := naming_problem(caller):
            yield f"{path}.callers.{caller}", problem
    yield from destination_problems(f"{path}.egress", server["egress"])
    yield from one_of(server, "image_parameter", "image_id", path=f"{path}.")
