"""Endpoints of AWS services inside the VPC."""

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.security_group import ingress_rule, security_group
from cloudpatterns.core import Component
from cloudpatterns.network.network.arguments import NetworkArgs
from cloudpatterns.network.network.tiers import Tiers, table_suffix


def gateway_endpoint(component: Component, checked: NetworkArgs, vpc: aws.ec2.Vpc, service: str, tiers: Tiers) -> aws.ec2.VpcEndpoint:
    """A gateway endpoint (no charge) for ``s3`` or ``dynamodb`` on all route tables."""
    name = f"{component.pulumi_resource_name}-{service}"
    endpoint = aws.ec2.VpcEndpoint(
        name,
        vpc_id=vpc.id,
        vpc_endpoint_type="Gateway",
        service_name=pulumi.Output.concat("com.amazonaws.", vpc.region, ".", service),
        tags={"Name": name, **checked["tags"]},
        opts=component.child(),
    )
    tables = {table_suffix(tier, zone): table_id for tier, ids in tiers.route_table_ids.items() for zone, table_id in ids.items()}
    for suffix, table_id in tables.items():
        # A resource for each table, so that a zone that goes takes its own along and leaves the endpoint as it is.
        aws.ec2.VpcEndpointRouteTableAssociation(
            f"{name}-{suffix}", vpc_endpoint_id=endpoint.id, route_table_id=table_id, opts=component.child()
        )
    return endpoint


def interface_endpoints(component: Component, checked: NetworkArgs, vpc: aws.ec2.Vpc, tiers: Tiers) -> aws.ec2.SecurityGroup:
    """Interface endpoints in the private subnets, and the group that admits HTTPS from the VPC to them."""
    name, tags = component.pulumi_resource_name, checked["tags"]
    group = security_group(component, f"{name}-endpoints", vpc.id, "Interface endpoints: HTTPS from the VPC", tags)
    ingress_rule(component, f"{name}-endpoints-https", group.id, 443, {"cidr_ipv4": vpc.cidr_block}, "HTTPS from the VPC", tags)
    for service in checked["interface_endpoints"]:
        aws.ec2.VpcEndpoint(
            f"{name}-endpoint-{service}",
            vpc_id=vpc.id,
            vpc_endpoint_type="Interface",
            service_name=pulumi.Output.concat("com.amazonaws.", vpc.region, ".", service),
            subnet_ids=list(tiers.subnet_ids["private"].values()),
            security_group_ids=[group.id],
            private_dns_enabled=True,
            tags={"Name": f"{name}-{service}", **tags},
            opts=component.child(),
        )
    return group
