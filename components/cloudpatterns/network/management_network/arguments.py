"""Arguments of a management network."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice
from cloudpatterns.core.vocabulary import (
    Cidr,
    ImageId,
    ImageParameter,
    InstanceType,
    KmsKeyArn,
    LogRetentionDays,
    Ports,
    RootDeviceName,
    RootDiskGib,
    RuleDescription,
    SubnetIdsByZone,
    Tags,
)
from cloudpatterns.network._destinations import FunctionEgressArgs


class ManagementVpnArgs(TypedDict):
    """A Client VPN endpoint that authenticates clients by certificate.

    To lock one out, import a revocation list by ``aws ec2 import-client-vpn-client-certificate-revocation-list``.
    """

    server_certificate_arn: pulumi.Input[str]
    """The endpoint's certificate, in ACM."""
    root_certificate_chain_arn: pulumi.Input[str]
    """The authority of the clients' certificates, in ACM; that of the server where one authority has issued both."""
    client_cidr_block: Cidr
    """Addresses of the clients, /12 to /22, twice as many as connect at a time, outside of the VPC. A change replaces the endpoint."""
    session_timeout_hours: NotRequired[Annotated[int, Choice(8, 10, 12, 24), Field(default=8)]]
    """Hours after which a client must connect again."""
    log_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the connection log; its policy must let CloudWatch Logs of the Region use it. Default: CloudWatch's own
    encryption."""


class ManagementEntryArgs(TypedDict):
    """One network behind an existing VPN or Direct Connect from which administrators come."""

    cidr: Cidr
    """The network, IPv4, /8 or narrower."""
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
    ports: NotRequired[Annotated[Ports, Field(default=[])]]
    """TCP ports of its business interface, none of them an admin port."""
    callers: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Security groups that may connect to ``ports``, by a name of your choice."""
    egress: NotRequired[Annotated[dict[str, FunctionEgressArgs], Field(default={})]]
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
    management_cidrs_by_zone: Annotated[dict[str, Cidr], Field(min_length=1)]
    """IPv4 networks of the new management subnets, /16 to /28, free and within the VPC; with ``client_vpn`` /27 or larger."""
    servers: Annotated[dict[str, ManagedServerArgs], Field(min_length=1)]
    """The servers, by name: lower-case letters, digits and hyphens, a letter first."""
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
    management_egress: NotRequired[Annotated[dict[str, FunctionEgressArgs], Field(default={})]]
    """Destinations of the management interfaces, such as systems on premises, by a name of your choice."""
    instance_connect_zone: NotRequired[str]
    """Zone of an EC2 Instance Connect endpoint, of which a VPC has one; for the admin ports 22 and 3389. IAM then decides who connects:
    ``aws ec2-instance-connect open-tunnel --private-ip-address <management address>``. Default: no endpoint."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the disks. Default: the AWS managed key for EBS."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log of VPN connections is kept."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, beside Name and the mark ``cloudpatterns:operator`` of the management group."""
