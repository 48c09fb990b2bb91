"""Arguments of a management network, and the rules over them."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from itertools import combinations
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks.security_group import RULES_PER_GROUP, group_name_problems
from cloudpatterns.core import Choice, Problem, excludes, needs, one_of, unknown
from cloudpatterns.core.vocabulary import (
    ImageId,
    ImageParameter,
    InstanceType,
    Ipv4Cidr,
    KmsKeyArn,
    LogRetentionDays,
    Ports,
    RootDeviceName,
    RootDiskGib,
    RuleDescription,
    SubnetIdsByZone,
    Tags,
)
from cloudpatterns.network._cidrs import Network, entry_problems
from cloudpatterns.network._destinations import FunctionEgressArgs, destination_problems, group_names

INSTANCE_CONNECT_PORTS = (22, 3389)
"""Ports that an EC2 Instance Connect endpoint reaches.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/connect-with-ec2-instance-connect-endpoint.html
"""
_NAMES = group_names()


class ManagementVpnArgs(TypedDict):
    """A Client VPN endpoint that authenticates clients by certificate.

    To lock one out, import a revocation list by ``aws ec2 import-client-vpn-client-certificate-revocation-list``.
    """

    server_certificate_arn: pulumi.Input[str]
    """The endpoint's certificate, in ACM."""
    root_certificate_chain_arn: pulumi.Input[str]
    """The authority of the clients' certificates, in ACM; that of the server where one authority has issued both."""
    client_cidr_block: Ipv4Cidr
    """Addresses of the clients, /12 to /22, twice as many as connect at a time, outside of the VPC. A change replaces the endpoint."""
    session_timeout_hours: NotRequired[Annotated[int, Choice(8, 10, 12, 24), Field(default=8)]]
    """Hours after which a client must connect again."""
    log_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the connection log; its policy must let CloudWatch Logs of the Region use it. Default: CloudWatch's own
    encryption."""


class ManagementEntryArgs(TypedDict):
    """One network behind an existing VPN or Direct Connect from which administrators come."""

    cidr: Ipv4Cidr
    """The network, /8 or narrower."""
    description: RuleDescription
    """Whose it is."""


class ManagedServerArgs(TypedDict):
    """One stand-alone server. Its image must configure a second interface itself, with routes for each, as Amazon Linux does."""

    zone: str
    """Its zone, which has a business subnet and a management subnet."""
    instance_type: InstanceType
    """Its type. A change stops and starts it."""
    image_parameter: NotRequired[ImageParameter]
    """SSM parameter that names the image. A change replaces the server. Exactly one of ``image_parameter`` and ``image_id``."""
    image_id: NotRequired[ImageId]
    """A fixed image (AMI). A change replaces the server. Exactly one of ``image_parameter`` and ``image_id``."""
    key_name: NotRequired[Annotated[pulumi.Input[str], Field(min_length=1, max_length=255)]]
    """An existing EC2 key pair, for an image without EC2 Instance Connect, and for Windows, whose first password it decrypts. A change
    replaces the server. Default: no key pair; administrators log in with temporary keys, see the component."""
    ports: NotRequired[Annotated[Ports, Field(default=[])]]
    """TCP ports of its business interface, none of them an admin port."""
    callers: NotRequired[Annotated[dict[str, pulumi.Input[str]], _NAMES, Field(default={})]]
    """Security groups that may connect to ``ports``, by a name of your choice."""
    egress: NotRequired[Annotated[dict[str, FunctionEgressArgs], _NAMES, Field(default={})]]
    """Destinations of its business interface, by a name of your choice."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot, as plain text of at most 16,384 bytes, without secrets. A change replaces the server.
    Default: no script."""
    instance_profile_arn: NotRequired[pulumi.Input[str]]
    """Its profile. Default: one for all such servers, whose role allows nothing: Session Manager would be a second entrance."""
    root_disk_gib: NotRequired[RootDiskGib]
    """Size of the root disk, at least the image's own. A change replaces the server."""
    root_device_name: NotRequired[RootDeviceName]
    """The image's root device."""


class ManagementNetworkArgs(TypedDict):
    """Arguments of ``ManagementNetwork``."""

    vpc_id: pulumi.Input[str]
    """The VPC."""
    subnet_ids_by_zone: SubnetIdsByZone
    """The servers' business subnets."""
    management_cidrs_by_zone: Annotated[dict[str, Ipv4Cidr], Field(min_length=1)]
    """Networks of the new management subnets, /16 to /28, free and within the VPC; with ``client_vpn`` /27 or larger."""
    servers: Annotated[dict[str, ManagedServerArgs], _NAMES, Field(min_length=1)]
    """The servers, by name."""
    admin_ports: NotRequired[Annotated[Ports, Field(default=[22], min_length=1)]]
    """TCP ports of administration, on the management interfaces alone."""
    client_vpn: NotRequired[ManagementVpnArgs]
    """A Client VPN endpoint for the administrators. Exactly one of ``client_vpn`` and ``entries``."""
    entries: NotRequired[Annotated[list[ManagementEntryArgs], Field(default=[])]]
    """Networks behind an existing VPN or Direct Connect that administrators come from. Exactly one of ``client_vpn`` and ``entries``."""
    vpn_gateway_id: NotRequired[pulumi.Input[str]]
    """Virtual private gateway that leads to ``entries``. Default: the transit gateway, or routes that you add."""
    transit_gateway_id: NotRequired[pulumi.Input[str]]
    """Transit gateway that leads to ``entries``; the VPC is attached to it already. Default: the virtual private gateway, or routes that
    you add."""
    management_egress: NotRequired[Annotated[dict[str, FunctionEgressArgs], _NAMES, Field(default={})]]
    """Destinations of the management interfaces, such as systems on premises, by a name of your choice."""
    instance_connect_zone: NotRequired[str]
    """Zone of an EC2 Instance Connect endpoint, of which a VPC has one; for the admin ports 22 and 3389. IAM then decides who connects, by
    ``ec2-instance-connect:OpenTunnel``: ``aws ec2-instance-connect ssh --connection-type eice --instance-id <instance> --instance-ip
    <management address>`` for SSH, which brings a temporary key along, and ``aws ec2-instance-connect open-tunnel
    --instance-connect-endpoint-id <endpoint> --private-ip-address <management address> --remote-port 3389 --local-port 13389`` for Remote
    Desktop. Default: no endpoint."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the disks. Default: the AWS managed key for EBS."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log of VPN connections is kept."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, beside Name and the mark ``cloudpatterns:operator`` of the management group."""


def problems(name: str, checked: ManagementNetworkArgs) -> Iterator[Problem]:
    """Everything that is wrong with checked arguments."""
    yield from group_name_problems(name)
    subnets = {zone: ip_network(cidr) for zone, cidr in checked["management_cidrs_by_zone"].items()}
    yield from _subnet_problems(subnets)
    yield from _entrance_problems(checked)
    cidrs = [entry["cidr"] for entry in checked["entries"]]
    yield from entry_problems("entries", cidrs)
    if (count := len(cidrs) * len(checked["admin_ports"])) > RULES_PER_GROUP:
        yield "entries", f"times admin_ports are {count} rules; a security group takes {RULES_PER_GROUP}. Name fewer, wider networks."
    if (vpn := checked.get("client_vpn")) is not None:
        yield from _vpn_problems(ip_network(vpn["client_cidr_block"]), subnets)
    yield from destination_problems("management_egress", checked["management_egress"])
    for key, server in checked["servers"].items():
        yield from _server_problems(f"servers.{key}", server, checked)


def _subnet_problems(subnets: Mapping[str, Network]) -> Iterator[Problem]:
    for zone, network in subnets.items():
        # https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
        if not 16 <= network.prefixlen <= 28:
            yield f"management_cidrs_by_zone.{zone}", f"is {network}; a network of /16 to /28 is needed. Correct it."
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


def _vpn_problems(clients: Network, subnets: Mapping[str, Network]) -> Iterator[Problem]:
    path = "client_vpn.client_cidr_block"
    # https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/what-is-best-practices.html
    if not 12 <= clients.prefixlen <= 22:
        yield path, f"is {clients}; a network of /12 to /22 is needed. Correct it."
    for zone, network in subnets.items():
        if network.overlaps(clients):
            yield path, f"is {clients}, which overlaps {network} of {zone}; clients have addresses outside of the VPC. Choose others."
        # https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/cvpn-working-target.html
        if network.prefixlen > 27:
            yield f"management_cidrs_by_zone.{zone}", f"is {network}; a Client VPN needs a /27 or larger. Widen it."


def _server_problems(path: str, server: ManagedServerArgs, checked: ManagementNetworkArgs) -> Iterator[Problem]:
    for tier in ("subnet_ids_by_zone", "management_cidrs_by_zone"):
        if server["zone"] not in checked[tier]:
            yield f"{path}.zone", unknown(server["zone"], f"a zone of {tier}", checked[tier])
    if shared := sorted(set(server["ports"]) & set(checked["admin_ports"])):
        ports = ", ".join(map(str, shared))
        yield f"{path}.ports", f"has {ports}, which admin_ports has too; administration stays off the business interface. Remove it."
    for one, other in (("ports", "callers"), ("callers", "ports")):
        yield from needs(server, one, other, path=f"{path}.")
    yield from destination_problems(f"{path}.egress", server["egress"])
    yield from one_of(server, "image_parameter", "image_id", path=f"{path}.")
