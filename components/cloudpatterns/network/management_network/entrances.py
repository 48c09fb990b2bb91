"""The ways into a management network: a Client VPN endpoint and an EC2 Instance Connect endpoint."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component

Tags = Mapping[str, pulumi.Input[str]]


class ClientVpn(NamedTuple):
    """A Client VPN endpoint and the log group of its connections."""

    endpoint: aws.ec2clientvpn.Endpoint
    log_group: aws.cloudwatch.LogGroup


def entry_group(component: Component, child_name: str, description: str, vpc_id: pulumi.Input[str], tags: Tags) -> aws.ec2.SecurityGroup:
    """The group of an entrance: nothing comes in by it, and what it lets out is added rule by rule."""
    return aws.ec2.SecurityGroup(
        child_name, vpc_id=vpc_id, description=description, tags={"Name": child_name, **tags}, opts=component.child()
    )


def make_client_vpn(
    component: Component,
    child_name: str,
    args: Mapping[str, Any],
    *,
    vpc_id: pulumi.Input[str],
    group: aws.ec2.SecurityGroup,
    subnets: Mapping[str, aws.ec2.Subnet],
    cidrs: Mapping[str, str],
    log_retention_days: int,
    tags: Tags,
) -> ClientVpn:
    """An endpoint with mutual TLS that leads to the given subnets and to nothing else."""
    log_group = aws.cloudwatch.LogGroup(
        f"{child_name}-log",
        retention_in_days=log_retention_days,
        kms_key_id=args["log_kms_key_arn"],
        tags=dict(tags),
        opts=component.child(),
    )
    # The stream is named, so that who was connected is found there and nowhere else.
    stream = aws.cloudwatch.LogStream(f"{child_name}-stream", log_group_name=log_group.name, opts=component.child())
    endpoint = aws.ec2clientvpn.Endpoint(
        child_name,
        description="Entrance of the management network",
        vpc_id=vpc_id,
        security_group_ids=[group.id],
        client_cidr_block=args["client_cidr_block"],
        server_certificate_arn=args["server_certificate_arn"],
        # https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/mutual.html
        authentication_options=[
            {"type": "certificate-authentication", "root_certificate_chain_arn": args["root_certificate_chain_arn"]},
        ],
        connection_log_options={"enabled": True, "cloudwatch_log_group": log_group.name, "cloudwatch_log_stream": stream.name},
        # Only what is meant for the management network goes through the tunnel.
        split_tunnel=True,
        session_timeout_hours=args["session_timeout_hours"],
        disconnect_on_session_timeout=True,
        # Needs a directory or SAML, and would hand out the configuration to whoever finds it.
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
        # With certificates alone there are no groups of users: every client may, but to these addresses only.
        # https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/client-authorization.html
        aws.ec2clientvpn.AuthorizationRule(
            f"{child_name}-to-{zone}",
            client_vpn_endpoint_id=endpoint.id,
            target_network_cidr=cidrs[zone],
            authorize_all_groups=True,
            description=f"Management interfaces in {zone}",
            opts=component.child(depends_on=[association]),
        )
    return ClientVpn(endpoint, log_group)


def make_instance_connect(
    component: Component, child_name: str, group: aws.ec2.SecurityGroup, subnet: aws.ec2.Subnet, tags: Tags
) -> aws.ec2transitgateway.InstanceConnectEndpoint:
    """An endpoint through which IAM lets people in, from its own address."""
    return aws.ec2transitgateway.InstanceConnectEndpoint(
        child_name,
        subnet_id=subnet.id,
        security_group_ids=[group.id],
        # Else connections come from the client's address, and a rule that names the endpoint's group would not admit them.
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/eice-security-groups.html
        preserve_client_ip=False,
        tags={"Name": child_name, **tags},
        opts=component.child(),
    )
