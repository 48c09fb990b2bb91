"""Servers with two network interfaces: one for business, one for administration.

Pattern: "Management Network" (Cloud Design Patterns for AWS; also "backnet"). Creates a tier of management subnets, stand-alone servers
with an interface in a business subnet and one in a management subnet, a business group for each server and one management group, and the
entrance of the administrators: a Client VPN endpoint with mutual TLS, or the routes to an existing VPN or Direct Connect; and on request an
EC2 Instance Connect endpoint.
"""

from collections.abc import Sequence
from functools import cached_property, partial

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import log_group
from cloudpatterns.blocks.security_group import Peer, egress_rule, ingress_rule, security_group
from cloudpatterns.blocks.server import METADATA_OPTIONS, disk, encoded, launch_template
from cloudpatterns.core import Component, after, by_name
from cloudpatterns.network._destinations import let_out
from cloudpatterns.network.management_network.arguments import (
    INSTANCE_CONNECT_PORTS,
    ManagedServerArgs,
    ManagementNetworkArgs,
    ManagementVpnArgs,
    problems,
)
from cloudpatterns.security import instance_profile


class ManagementNetwork(Component):
    """Servers whose administration has a network of its own (Cloud Design Patterns for AWS, "Management Network").

    Admin ports are reachable through management interfaces alone, from the entrances alone. Servers have no key pair of their own: whom IAM
    allows ``ec2-instance-connect:SendSSHPublicKey`` logs in with a temporary key, for which the image needs EC2 Instance Connect, as Amazon
    Linux and Ubuntu have it. Through the VPN or from ``entries``, within the minute that the key lasts: ``aws ec2-instance-connect
    send-ssh-public-key --instance-id <instance> --instance-os-user ec2-user --ssh-public-key file://key.pub``, then ``ssh -i key
    ec2-user@<management address>``. Other images take a ``key_name``.

    **Use when**: stand-alone servers, such as appliances or databases on EC2, must keep SSH or RDP off their business interface.

    **Not when**: Session Manager is enough: it needs no port. Nor for an Auto Scaling group: a launch template's second interface sits in
    one subnet, so a lifecycle hook would have to attach the interface of each server.

    **Cost drivers**: the servers and their disks; with ``client_vpn`` every associated subnet and every connected client per hour.

    **Trade-offs**: the image must configure a second interface; a change of image, disk or user data replaces a server together with its
    root disk.

    **Proven by**: controls ``management-network``, ``operational-firewall``, ``imdsv2-required``, ``launch-template-volumes-encrypted``;
    ``test_management_network.py``.
    """

    management_subnet_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of its management subnet."""
    management_route_table_id: pulumi.Output[str]
    """The route table of the management subnets; it has no route to the internet."""
    management_security_group_id: pulumi.Output[str]
    """The group of the management interfaces, available after its rules."""
    business_security_group_ids: pulumi.Output[dict[str, str]]
    """Server to the group of its business interface, available after its rules."""
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
        checked = self.begin(name, args, opts, problems=partial(problems, name), names={"server-role": 64})
        self._checked, self._tags = checked, checked["tags"]
        table = self._tier(name)
        # The policy pack judges groups with this mark as groups of operators.
        operator = {"cloudpatterns:operator": "management", **self._tags}
        self._group = security_group(self, f"{name}-management", checked["vpc_id"], "Management interfaces", operator)
        self._rules: list[pulumi.Resource] = []
        for entry in checked["entries"]:
            self._admit(_in_a_name(entry["cidr"]), checked["admin_ports"], {"cidr_ipv4": entry["cidr"]}, entry["description"])
        self.client_vpn_endpoint_id = self.client_vpn_security_group_id = self.client_vpn_log_group_name = None
        if (vpn := checked.get("client_vpn")) is not None:
            self._client_vpn(vpn)
        self.instance_connect_endpoint_id = None
        if (zone := checked.get("instance_connect_zone")) is not None:
            self._instance_connect(zone)
        self._rules += let_out(self, f"{name}-management", self._group, checked["management_egress"], self._tags)
        self.management_security_group_id = after(self._group.id, *self._rules)
        groups: dict[str, pulumi.Output[str]] = {}
        business: dict[str, aws.ec2.NetworkInterface] = {}
        management: dict[str, aws.ec2.NetworkInterface] = {}
        instances: dict[str, aws.ec2.Instance] = {}
        for key, server in checked["servers"].items():
            zone = server["zone"]
            groups[key] = self._business_group(key, server)
            business[key] = self._interface(key, "business", checked["subnet_ids_by_zone"][zone], groups[key])
            management[key] = self._interface(key, "management", self._subnets[zone].id, self.management_security_group_id)
            instances[key] = self._server(key, server, business[key], management[key])

        self.management_subnet_ids_by_zone = by_name({zone: subnet.id for zone, subnet in self._subnets.items()})
        self.management_route_table_id = table.id
        self.business_security_group_ids = by_name(groups)
        self.instance_ids = by_name({key: instance.id for key, instance in instances.items()})
        self.business_addresses = by_name({key: interface.private_ip for key, interface in business.items()})
        self.management_addresses = by_name({key: interface.private_ip for key, interface in management.items()})
        self.register()

    def _tier(self, name: str) -> aws.ec2.RouteTable:
        checked = self._checked
        own_tags = {"Name": f"{name}-management", **self._tags}
        table = aws.ec2.RouteTable(f"{name}-management", vpc_id=checked["vpc_id"], tags=own_tags, opts=self.child())
        self._subnets: dict[str, aws.ec2.Subnet] = {}
        for zone, cidr in checked["management_cidrs_by_zone"].items():
            child_name = f"{name}-management-{zone}"
            self._subnets[zone] = subnet = aws.ec2.Subnet(
                child_name,
                vpc_id=checked["vpc_id"],
                availability_zone=zone,
                cidr_block=cidr,
                map_public_ip_on_launch=False,
                tags={**own_tags, "Name": child_name},
                opts=self.child(),
            )
            aws.ec2.RouteTableAssociation(child_name, subnet_id=subnet.id, route_table_id=table.id, opts=self.child())
        gateway, transit = checked.get("vpn_gateway_id"), checked.get("transit_gateway_id")
        for entry in checked["entries"] if gateway is not None or transit is not None else ():
            aws.ec2.Route(
                f"{name}-to-{_in_a_name(entry['cidr'])}",
                route_table_id=table.id,
                destination_cidr_block=entry["cidr"],
                gateway_id=gateway,
                transit_gateway_id=transit,
                opts=self.child(),
            )
        return table

    def _client_vpn(self, vpn: ManagementVpnArgs) -> None:
        """An entrance with mutual TLS that leads to the management subnets and to nothing else."""
        checked, name = self._checked, f"{self.pulumi_resource_name}-vpn"
        entrance = security_group(self, name, checked["vpc_id"], "Clients of the VPN", self._tags)
        log = log_group(self, f"{name}-log", checked["log_retention_days"], kms_key_arn=vpn.get("log_kms_key_arn"), tags=self._tags)
        # Named, so that the record of who was connected is in this stream alone.
        stream = aws.cloudwatch.LogStream(f"{name}-stream", log_group_name=log.name, opts=self.child())
        endpoint = aws.ec2clientvpn.Endpoint(
            name,
            description="Entrance of the management network",
            vpc_id=checked["vpc_id"],
            security_group_ids=[entrance.id],
            client_cidr_block=vpn["client_cidr_block"],
            server_certificate_arn=vpn["server_certificate_arn"],
            # https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/mutual.html
            authentication_options=[
                {"type": "certificate-authentication", "root_certificate_chain_arn": vpn["root_certificate_chain_arn"]},
            ],
            connection_log_options={"enabled": True, "cloudwatch_log_group": log.name, "cloudwatch_log_stream": stream.name},
            # Only traffic for the management network goes through the tunnel.
            split_tunnel=True,
            session_timeout_hours=vpn["session_timeout_hours"],
            disconnect_on_session_timeout=True,
            # Needs a directory or SAML, and would give the configuration to anyone who finds it.
            self_service_portal="disabled",
            transport_protocol="udp",
            vpn_port=443,
            tags={"Name": name, **self._tags},
            opts=self.child(),
        )
        for zone, subnet in self._subnets.items():
            # https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/cvpn-working-target.html
            association = aws.ec2clientvpn.NetworkAssociation(
                f"{name}-{zone}", client_vpn_endpoint_id=endpoint.id, subnet_id=subnet.id, opts=self.child()
            )
            # With certificates alone there are no groups of users: every client is authorized, but for these addresses only.
            # https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/client-authorization.html
            aws.ec2clientvpn.AuthorizationRule(
                f"{name}-to-{zone}",
                client_vpn_endpoint_id=endpoint.id,
                target_network_cidr=checked["management_cidrs_by_zone"][zone],
                authorize_all_groups=True,
                description=f"Management interfaces in {zone}",
                opts=self.child(depends_on=[association]),
            )
        # Clients come with the address and the group of the endpoint's own interfaces.
        # https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/client-authorization.html
        self._connect(entrance, "vpn", checked["admin_ports"], "From clients of the VPN")
        self.client_vpn_endpoint_id, self.client_vpn_security_group_id = endpoint.id, entrance.id
        self.client_vpn_log_group_name = log.name

    def _instance_connect(self, zone: str) -> None:
        """An entrance through which people connect whom IAM allows to, from the endpoint's address."""
        checked, name = self._checked, f"{self.pulumi_resource_name}-connect"
        entrance = security_group(self, name, checked["vpc_id"], "EC2 Instance Connect endpoint", self._tags)
        endpoint = aws.ec2transitgateway.InstanceConnectEndpoint(
            name,
            subnet_id=self._subnets[zone].id,
            security_group_ids=[entrance.id],
            # Otherwise connections come from the client's address, and a rule that names the endpoint's group would not admit them.
            # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/eice-security-groups.html
            preserve_client_ip=False,
            tags={"Name": name, **self._tags},
            opts=self.child(),
        )
        reached = [port for port in checked["admin_ports"] if port in INSTANCE_CONNECT_PORTS]
        self._connect(entrance, "connect", reached, "From the EC2 Instance Connect endpoint")
        self.instance_connect_endpoint_id = endpoint.id

    def _connect(self, entrance: aws.ec2.SecurityGroup, source: str, ports: Sequence[int], description: str) -> None:
        target: Peer = {"referenced_security_group_id": self._group.id}
        for port in ports:
            child_name = f"{self.pulumi_resource_name}-{source}-to-management-{port}"
            egress_rule(self, child_name, entrance.id, port, target, "To the management interfaces", self._tags)
        self._admit(source, ports, {"referenced_security_group_id": entrance.id}, description)

    def _admit(self, source: str, ports: Sequence[int], peer: Peer, description: str) -> None:
        prefix = f"{self.pulumi_resource_name}-management-from-{source}"
        self._rules += [ingress_rule(self, f"{prefix}-{port}", self._group.id, port, peer, description, self._tags) for port in ports]

    def _business_group(self, key: str, server: ManagedServerArgs) -> pulumi.Output[str]:
        prefix = f"{self.pulumi_resource_name}-business-{key}"
        group = security_group(self, prefix, self._checked["vpc_id"], f"Business interface of {key}", self._tags)
        rules = let_out(self, prefix, group, server["egress"], self._tags)
        for caller, caller_id in server["callers"].items():
            peer: Peer = {"referenced_security_group_id": caller_id}
            for port in server["ports"]:
                child_name = f"{prefix}-from-{caller}-{port}"
                rules.append(ingress_rule(self, child_name, group.id, port, peer, f"From {caller}", self._tags))
        return after(group.id, *rules)

    def _interface(self, key: str, side: str, subnet_id: pulumi.Input[str], group_id: pulumi.Input[str]) -> aws.ec2.NetworkInterface:
        child_name = f"{self.pulumi_resource_name}-{side}-{key}"
        return aws.ec2.NetworkInterface(
            child_name,
            subnet_id=subnet_id,
            security_groups=[group_id],
            description=f"{side.capitalize()} interface of {key}",
            tags={"Name": child_name, **self._tags},
            opts=self.child(),
        )

    @cached_property
    def _profile_name(self) -> pulumi.Output[str]:
        """The profile of all servers without a given one; its role allows nothing."""
        return instance_profile(self, f"{self.pulumi_resource_name}-server", None, [], self._tags).name

    def _server(
        self, key: str, server: ManagedServerArgs, business: aws.ec2.NetworkInterface, management: aws.ec2.NetworkInterface
    ) -> aws.ec2.Instance:
        name = f"{self.pulumi_resource_name}-server-{key}"
        own_tags = {"Name": name, **self._tags}
        template = launch_template(
            self,
            f"{name}-template",
            image_parameter=server.get("image_parameter"),
            image_id=server.get("image_id"),
            disks=[disk(server["root_device_name"], server["root_disk_gib"], self._checked.get("kms_key_arn"))],
            tags=own_tags,
            # These create a new template, whose first version the server is created from; any other change leaves the server alone.
            replace_on_changes=["imageId", "blockDeviceMappings"],
        )
        profile_arn = server.get("instance_profile_arn")
        instance = aws.ec2.Instance(
            name,
            # A number, not $Latest: no later version of the template replaces the server.
            launch_template={"id": template.id, "version": "1"},
            instance_type=server["instance_type"],
            key_name=server.get("key_name"),
            iam_instance_profile=self._profile_name if profile_arn is None else instance_profile(self, name, profile_arn, [], {}).name,
            primary_network_interface={"network_interface_id": business.id},
            user_data_base64=encoded(self, server.get("user_data")),
            user_data_replace_on_change=True,
            metadata_options=METADATA_OPTIONS,
            tags=own_tags,
            volume_tags=own_tags,
            # The interfaces fit one instance at a time.
            opts=self.child(delete_before_replace=True),
        )
        aws.ec2.NetworkInterfaceAttachment(
            f"{name}-management", instance_id=instance.id, network_interface_id=management.id, device_index=1, opts=self.child()
        )
        return instance


def _in_a_name(cidr: str) -> str:
    return cidr.replace("/", "-")
