"""Servers with two network interfaces: one for business, one for administration.

Pattern: "Management Network" (Cloud Design Patterns for AWS; also "backnet"). Made are a tier of management subnets, stand-alone servers
with an interface in a business subnet and one in a management subnet, a business group for each server and one admin group, and the
entrance of the administrators: a Client VPN endpoint with mutual TLS, or the routes to an existing VPN or Direct Connect; and on request an
EC2 Instance Connect endpoint.
"""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.server import encoded
from cloudpatterns.core import ArgumentError, Component, after, by_name
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import KmsKeyArn, LogRetentionDays, RootDiskGib, Tags
from cloudpatterns.network._destinations import let_out
from cloudpatterns.network._server import ROOT_DEVICE, server_profile, server_template
from cloudpatterns.network.functional_firewall import FunctionEgressArgs
from cloudpatterns.network.management_network.checks import INSTANCE_CONNECT_PORTS, problems
from cloudpatterns.network.management_network.entrances import entry_group, make_client_vpn, make_instance_connect


class ManagementVpnArgs(TypedDict):
    """A Client VPN endpoint whose clients show a certificate.

    To lock one out, import a revocation list by ``aws ec2 import-client-vpn-client-certificate-revocation-list``.
    """

    server_certificate_arn: pulumi.Input[str]
    """The endpoint's certificate, in ACM."""
    root_certificate_chain_arn: pulumi.Input[str]
    """The authority of the clients' certificates, in ACM; that of the server where one authority has issued both."""
    client_cidr_block: str
    """Addresses of the clients, /12 to /22, twice as many as connect at a time, outside of the VPC. A change replaces the endpoint."""
    session_timeout_hours: NotRequired[Annotated[int, Field(default=8)]]
    """Hours until a client must connect again: 8, 10, 12 or 24. Default: 8."""
    log_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer key of the log of connections; its policy must admit the regional logs principal. Default: CloudWatch's own encryption."""


class ManagementEntryArgs(TypedDict):
    """One network behind an existing VPN or Direct Connect from which administrators come."""

    cidr: str
    """The network, IPv4, /8 or narrower, without host bits."""
    description: str
    """Whose it is. 1 to 255 of the letters, digits, blanks and ``._-:/()#,@[]+=;{}!$*``."""


class ManagedServerArgs(TypedDict):
    """One stand-alone server. Its image has to set up a second interface by itself, with routes for each, as Amazon Linux does."""

    zone: str
    """Its zone, one of both tiers."""
    instance_type: Annotated[str, Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")]
    """Its type. A change stops and starts it."""
    image_parameter: NotRequired[pulumi.Input[str]]
    """SSM parameter that names the image. A change replaces the server. Exactly one of ``image_parameter`` and ``image_id``."""
    image_id: NotRequired[pulumi.Input[str]]
    """A fixed image (AMI). A change replaces the server."""
    ports: NotRequired[Annotated[list[int], Field(default=[])]]
    """TCP ports of its business, none of them an admin port. Default: none."""
    callers: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Security groups that may connect to ``ports``, by a name of your choice. Default: none."""
    egress: NotRequired[Annotated[dict[str, FunctionEgressArgs], Field(default={})]]
    """Destinations of its business interface, by a name of your choice. Default: none."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot, as plain text of at most 16,384 bytes, without secrets. A change replaces the server. Default: none."""
    instance_profile_arn: NotRequired[pulumi.Input[str]]
    """Its profile. Default: one for all such servers, whose role allows nothing: Session Manager would be another way in."""
    root_disk_gib: NotRequired[RootDiskGib]
    """Size of the root disk, at least the image's own. A change replaces the server. Default: 10."""
    root_device_name: NotRequired[Annotated[str, Field(default=ROOT_DEVICE, pattern="^/dev/")]]
    """The image's root device. Default: ``/dev/xvda``, Amazon Linux's."""


class ManagementNetworkArgs(TypedDict):
    """Arguments of ``ManagementNetwork``. Exactly one of ``client_vpn`` and ``entries``."""

    vpc_id: pulumi.Input[str]
    """The VPC."""
    subnet_ids_by_zone: dict[str, pulumi.Input[str]]
    """The servers' business subnets."""
    management_cidrs_by_zone: Annotated[dict[str, str], Field(min_length=1)]
    """IPv4 addresses of the management subnets that are made, /16 to /28, of the VPC's and free; with ``client_vpn`` /27 or larger."""
    servers: Annotated[dict[str, ManagedServerArgs], Field(min_length=1)]
    """The servers, by name: lower-case letters, digits and hyphens, a letter first."""
    admin_ports: NotRequired[Annotated[list[int], Field(default=[22], min_length=1)]]
    """TCP ports of administration, on the management interfaces alone. Default: 22."""
    client_vpn: NotRequired[ManagementVpnArgs]
    """A Client VPN endpoint for the administrators."""
    entries: NotRequired[Annotated[list[ManagementEntryArgs], Field(default=[])]]
    """Networks behind an existing VPN or Direct Connect that administrators come from."""
    vpn_gateway_id: NotRequired[pulumi.Input[str]]
    """Virtual private gateway that leads to ``entries``. Default: none; then the transit gateway, or routes of your own."""
    transit_gateway_id: NotRequired[pulumi.Input[str]]
    """Transit gateway that leads to ``entries``; the VPC is attached to it already. Default: none."""
    management_egress: NotRequired[Annotated[dict[str, FunctionEgressArgs], Field(default={})]]
    """Destinations of the management interfaces, such as systems on premises, by a name of your choice. Default: none."""
    instance_connect_zone: NotRequired[str]
    """Zone of an EC2 Instance Connect endpoint, of which a VPC has one; for the admin ports 22 and 3389. People then come in by IAM:
    ``aws ec2-instance-connect open-tunnel --private-ip-address <management address>``. Default: no endpoint."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the disks. Default: AWS's own key for EBS."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log of VPN connections is kept. Default: 365."""
    tags: NotRequired[Tags]
    """Tags of everything that takes some. Default: none but Name, and the mark of an operators' group on the admin group."""


_RETENTION_DAYS = 365
# The policy pack judges groups with this mark as groups of operators.
_OPERATOR = {"cloudpatterns:operator": "management"}


class ManagementNetwork(Component):
    """Servers whose administration has a network of its own (Cloud Design Patterns for AWS, "Management Network").

    Admin ports answer on management interfaces alone, to the entrances alone. For stand-alone servers: a launch template's second interface
    sits in one subnet, so the servers of an Auto Scaling group would need a lifecycle hook that attaches theirs.
    """

    management_subnet_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of its management subnet."""
    management_route_table_id: pulumi.Output[str]
    """The route table of the management subnets; it has no way to the internet."""
    management_security_group_id: pulumi.Output[str]
    """The group of the management interfaces, given out once its rules are in place."""
    business_security_group_ids: pulumi.Output[dict[str, str]]
    """Server to the group of its business interface, given out once its rules are in place."""
    instance_ids: pulumi.Output[dict[str, str]]
    """Server to its instance."""
    business_addresses: pulumi.Output[dict[str, str]]
    """Server to the private address of its business interface."""
    management_addresses: pulumi.Output[dict[str, str]]
    """Server to the private address that administrators connect to."""
    client_vpn_endpoint_id: pulumi.Output[str] | None
    """The Client VPN endpoint, with ``client_vpn``."""
    client_vpn_security_group_id: pulumi.Output[str] | None
    """The group that the endpoint's clients come from, with ``client_vpn``."""
    client_vpn_log_group_name: pulumi.Output[str] | None
    """The log of connections, with ``client_vpn``."""
    instance_connect_endpoint_id: pulumi.Output[str] | None
    """The EC2 Instance Connect endpoint, with ``instance_connect_zone``."""

    def __init__(self, name: str, args: ManagementNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        if found := list(problems(name, checked)):
            raise ArgumentError("ManagementNetwork", name, found)
        check_names("ManagementNetwork", name, {"server-role": 64})
        super().__init__("ManagementNetwork", name, opts)
        self._prefix, self._checked, self._tags = name, checked, checked["tags"]
        subnets, table = self._tier()
        group = aws.ec2.SecurityGroup(
            f"{name}-management",
            vpc_id=checked["vpc_id"],
            description="Management interfaces",
            tags={"Name": f"{name}-management", **_OPERATOR, **self._tags},
            opts=self.child(),
        )
        rules = [*self._entrances(group, subnets), *let_out(self, f"{name}-management", group, checked["management_egress"], self._tags)]
        self.management_security_group_id = after(group.id, *rules)

        business: dict[str, pulumi.Output[str]] = {}
        instances: dict[str, aws.ec2.Instance] = {}
        interfaces: dict[str, tuple[aws.ec2.NetworkInterface, aws.ec2.NetworkInterface]] = {}
        profile = None
        if any(server.get("instance_profile_arn") is None for server in checked["servers"].values()):
            profile = server_profile(self, f"{name}-server", None, session_manager=False, tags=self._tags)
        for key, server in checked["servers"].items():
            business[key] = self._business_group(key, server)
            front = self._interface(key, "business", checked["subnet_ids_by_zone"][server["zone"]], business[key])
            back = self._interface(key, "management", subnets[server["zone"]].id, self.management_security_group_id)
            instances[key], interfaces[key] = self._server(key, server, front, back, profile), (front, back)

        self.management_subnet_ids_by_zone = by_name({zone: subnet.id for zone, subnet in subnets.items()})
        self.management_route_table_id = table.id
        self.business_security_group_ids = by_name(business)
        self.instance_ids = by_name({key: instance.id for key, instance in instances.items()})
        self.business_addresses = by_name({key: front.private_ip for key, (front, _) in interfaces.items()})
        self.management_addresses = by_name({key: back.private_ip for key, (_, back) in interfaces.items()})
        self.register()

    def _tier(self) -> tuple[dict[str, aws.ec2.Subnet], aws.ec2.RouteTable]:
        name, checked = self._prefix, self._checked
        own_tags = {"Name": f"{name}-management", **self._tags}
        table = aws.ec2.RouteTable(f"{name}-management", vpc_id=checked["vpc_id"], tags=own_tags, opts=self.child())
        subnets: dict[str, aws.ec2.Subnet] = {}
        for zone, cidr in checked["management_cidrs_by_zone"].items():
            subnets[zone] = aws.ec2.Subnet(
                f"{name}-management-{zone}",
                vpc_id=checked["vpc_id"],
                availability_zone=zone,
                cidr_block=cidr,
                map_public_ip_on_launch=False,
                tags={**own_tags, "Name": f"{name}-management-{zone}"},
                opts=self.child(),
            )
            aws.ec2.RouteTableAssociation(
                f"{name}-management-{zone}", subnet_id=subnets[zone].id, route_table_id=table.id, opts=self.child()
            )
        gateway, transit = checked.get("vpn_gateway_id"), checked.get("transit_gateway_id")
        for entry in checked["entries"] if gateway is not None or transit is not None else ():
            aws.ec2.Route(
                f"{name}-to-{_spelt(entry['cidr'])}",
                route_table_id=table.id,
                destination_cidr_block=entry["cidr"],
                gateway_id=gateway,
                transit_gateway_id=transit,
                opts=self.child(),
            )
        return subnets, table

    def _entrances(self, group: aws.ec2.SecurityGroup, subnets: Mapping[str, aws.ec2.Subnet]) -> list[pulumi.Resource]:
        name, checked = self._prefix, self._checked
        ports, vpc_id = checked["admin_ports"], checked["vpc_id"]
        self.client_vpn_endpoint_id = self.client_vpn_security_group_id = self.client_vpn_log_group_name = None
        self.instance_connect_endpoint_id = None
        rules: list[pulumi.Resource] = []
        for entry in checked["entries"]:
            source = {"cidr_ipv4": entry["cidr"], "description": entry["description"]}
            rules += self._admit(group, _spelt(entry["cidr"]), ports, source)
        if (vpn := checked.get("client_vpn")) is not None:
            entrance = entry_group(self, f"{name}-vpn", "Clients of the VPN", vpc_id, self._tags)
            made = make_client_vpn(
                self,
                f"{name}-vpn",
                vpn,
                vpc_id=vpc_id,
                group=entrance,
                subnets=subnets,
                cidrs=checked["management_cidrs_by_zone"],
                log_retention_days=checked.get("log_retention_days") or _RETENTION_DAYS,
                tags=self._tags,
            )
            # Clients come with the address and the group of the endpoint's own interfaces.
            # https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/client-authorization.html
            rules += self._connect(group, entrance, "vpn", ports, "clients of the VPN")
            self.client_vpn_endpoint_id, self.client_vpn_security_group_id = made.endpoint.id, entrance.id
            self.client_vpn_log_group_name = made.log_group.name
        if (zone := checked.get("instance_connect_zone")) is not None:
            entrance = entry_group(self, f"{name}-connect", "EC2 Instance Connect endpoint", vpc_id, self._tags)
            self.instance_connect_endpoint_id = make_instance_connect(self, f"{name}-connect", entrance, subnets[zone], self._tags).id
            reached = [port for port in ports if port in INSTANCE_CONNECT_PORTS]
            rules += self._connect(group, entrance, "connect", reached, "the EC2 Instance Connect endpoint")
        return rules

    def _connect(
        self, group: aws.ec2.SecurityGroup, entrance: aws.ec2.SecurityGroup, source: str, ports: list[int], who: str
    ) -> list[pulumi.Resource]:
        for port in ports:
            aws.vpc.SecurityGroupEgressRule(
                f"{self._prefix}-{source}-to-management-{port}",
                security_group_id=entrance.id,
                referenced_security_group_id=group.id,
                description="To the management interfaces",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                tags=self._tags,
                opts=self.child(),
            )
        return self._admit(group, source, ports, {"referenced_security_group_id": entrance.id, "description": f"From {who}"})

    def _admit(self, group: aws.ec2.SecurityGroup, source: str, ports: list[int], target: Mapping[str, Any]) -> list[pulumi.Resource]:
        return [_ingress(self, f"{self._prefix}-management-from-{source}-{port}", group, port, self._tags, target) for port in ports]

    def _business_group(self, key: str, server: ManagedServerArgs) -> pulumi.Output[str]:
        prefix = f"{self._prefix}-business-{key}"
        group = aws.ec2.SecurityGroup(
            prefix,
            vpc_id=self._checked["vpc_id"],
            description=f"Business interface of {key}",
            tags={"Name": prefix, **self._tags},
            opts=self.child(),
        )
        rules = [
            _ingress(
                self,
                f"{prefix}-from-{caller}-{port}",
                group,
                port,
                self._tags,
                {"referenced_security_group_id": caller_id, "description": f"From {caller}"},
            )
            for caller, caller_id in server["callers"].items()
            for port in server["ports"]
        ]
        return after(group.id, *rules, *let_out(self, prefix, group, server["egress"], self._tags))

    def _interface(self, key: str, side: str, subnet_id: pulumi.Input[str], group_id: pulumi.Input[str]) -> aws.ec2.NetworkInterface:
        return aws.ec2.NetworkInterface(
            f"{self._prefix}-{side}-{key}",
            subnet_id=subnet_id,
            security_groups=[group_id],
            description=f"{side.capitalize()} interface of {key}",
            tags={"Name": f"{self._prefix}-{side}-{key}", **self._tags},
            opts=self.child(),
        )

    def _server(
        self,
        key: str,
        server: ManagedServerArgs,
        front: aws.ec2.NetworkInterface,
        back: aws.ec2.NetworkInterface,
        profile: pulumi.Output[str] | None,
    ) -> aws.ec2.Instance:
        name = f"{self._prefix}-server-{key}"
        own_tags = {"Name": name, **self._tags}
        template = server_template(
            self,
            f"{name}-template",
            image_parameter=server.get("image_parameter"),
            image_id=server.get("image_id"),
            root_disk_gib=server.get("root_disk_gib") or 0,
            root_device_name=server.get("root_device_name") or "",
            kms_key_arn=self._checked.get("kms_key_arn"),
            tags=own_tags,
            # Makes a new template, whose first version the server is made from; what else changes leaves the server alone.
            replace_on_changes=["imageId", "blockDeviceMappings"],
        )
        given, user_data = server.get("instance_profile_arn"), server.get("user_data")
        instance = aws.ec2.Instance(
            name,
            # A number, not $Latest: no later version of the template replaces the server.
            launch_template={"id": template.id, "version": "1"},
            instance_type=server["instance_type"],
            iam_instance_profile=profile if given is None else server_profile(self, name, given, session_manager=False, tags=self._tags),
            primary_network_interface={"network_interface_id": front.id},
            user_data_base64=encoded(self, user_data),
            user_data_replace_on_change=True,
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
            tags=own_tags,
            volume_tags=own_tags,
            # The interfaces fit one instance at a time.
            opts=self.child(delete_before_replace=True),
        )
        aws.ec2.NetworkInterfaceAttachment(
            f"{name}-management", instance_id=instance.id, network_interface_id=back.id, device_index=1, opts=self.child()
        )
        return instance


def _ingress(
    component: Component,
    child_name: str,
    group: aws.ec2.SecurityGroup,
    port: int,
    tags: dict[str, pulumi.Input[str]],
    target: Mapping[str, Any],
) -> aws.vpc.SecurityGroupIngressRule:
    return aws.vpc.SecurityGroupIngressRule(
        child_name,
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        tags=tags,
        opts=component.child(),
        **target,
    )


def _spelt(cidr: str) -> str:
    return cidr.replace("/", "-")
