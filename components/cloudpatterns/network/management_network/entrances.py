"""The entrances of a management network: a Client VPN endpoint and an EC2 Instance Connect endpoint."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import log_group
from cloudpatterns.core import Component
from cloudpatterns.network.management_network.arguments import ManagementNetworkArgs, ManagementVpnArgs


def client_vpn(
    component: Component,
    child_name: str,
    vpn: ManagementVpnArgs,
    checked: ManagementNetworkArgs,
    group: aws.ec2.SecurityGroup,
    subnets: Mapping[str, aws.ec2.Subnet],
) -> tuple[aws.ec2clientvpn.Endpoint, aws.cloudwatch.LogGroup]:
    """An endpoint with mutual TLS that leads to the management subnets and to nothing else, and the log group of its connections."""
    tags = checked["tags"]
    log = log_group(component, f"{child_name}-log", checked["log_retention_days"], kms_key_arn=vpn.get("log_kms_key_arn"), tags=tags)
    # Named, so that the record of who was connected is in this stream alone.
    stream = aws.cloudwatch.LogStream(f"{child_name}-stream", log_group_name=log.name, opts=component.child())
    endpoint = aws.ec2clientvpn.Endpoint(
        child_name,
        description="Entrance of the management network",
        vpc_id=checked["vpc_id"],
        security_group_ids=[group.id],
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
        tags={"Name": child_name, **tags},
        opts=component.child(),
    )
    for zone, subnet in subnets.items():
        # https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/cvpn-working-target.html
        association = aws.ec2clientvpn.NetworkAssociation(
            f"{child_name}-{zone}", client_vpn_endpoint_id=endpoint.id, subnet_id=subnet.id, opts=component.child()
        )
        # With certificates alone there are no groups of users: every client is authorized, but for these addresses only.
        # https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/client-authorization.html
        aws.ec2clientvpn.AuthorizationRule(
            f"{child_name}-to-{zone}",
            client_vpn_endpoint_id=endpoint.id,
            target_network_cidr=checked["management_cidrs_by_zone"][zone],
            authorize_all_groups=True,
            description=f"Management interfaces in {zone}",
            opts=component.child(depends_on=[association]),
        )
    return endpoint, log


def instance_connect(
    component: Component,
    child_name: str,
    group: aws.ec2.SecurityGroup,
    subnet: aws.ec2.Subnet,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.ec2transitgateway.InstanceConnectEndpoint:
    """An endpoint through which people connect whom IAM allows to, from the endpoint's address."""
    return aws.ec2transitgateway.InstanceConnectEndpoint(
        child_name,
        subnet_id=subnet.id,
        security_group_ids=[group.id],
        # Otherwise connections come from the client's address, and a rule that names the endpoint's group would not admit them.
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/eice-security-groups.html
        preserve_client_ip=False,
        tags={"Name": child_name, **tags},
        opts=component.child(),
    )
