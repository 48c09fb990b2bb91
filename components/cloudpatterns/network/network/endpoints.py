"""Ways to AWS services that stay inside the VPC."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component

Tags = Mapping[str, pulumi.Input[str]]


def gateway_endpoint(
    component: Component, name: str, vpc: aws.ec2.Vpc, service: str, tables: Mapping[str, pulumi.Output[str]], tags: Tags
) -> aws.ec2.VpcEndpoint:
    """A gateway endpoint (no charge) for ``s3`` or ``dynamodb`` on the given route tables."""
    endpoint = aws.ec2.VpcEndpoint(
        f"{name}-{service}",
        vpc_id=vpc.id,
        vpc_endpoint_type="Gateway",
        service_name=pulumi.Output.concat("com.amazonaws.", vpc.region, ".", service),
        tags={"Name": f"{name}-{service}", **tags},
        opts=component.child(),
    )
    for suffix, table_id in tables.items():
        # A resource for each table, so that a zone that goes takes its own along and leaves the endpoint as it is.
        aws.ec2.VpcEndpointRouteTableAssociation(
            f"{name}-{service}-{suffix}", vpc_endpoint_id=endpoint.id, route_table_id=table_id, opts=component.child()
        )
    return endpoint


def interface_endpoints(
    component: Component,
    name: str,
    vpc: aws.ec2.Vpc,
    services: Sequence[str],
    subnet_ids: Mapping[str, pulumi.Output[str]],
    tags: Tags,
) -> aws.ec2.SecurityGroup:
    """Interface endpoints for services by short name, and the group that admits HTTPS from the VPC to them."""
    group = aws.ec2.SecurityGroup(
        f"{name}-endpoints",
        vpc_id=vpc.id,
        description="Interface endpoints: HTTPS from the VPC",
        tags={"Name": f"{name}-endpoints", **tags},
        opts=component.child(),
    )
    aws.vpc.SecurityGroupIngressRule(
        f"{name}-endpoints-https",
        security_group_id=group.id,
        description="HTTPS from the VPC",
        ip_protocol="tcp",
        from_port=443,
        to_port=443,
        cidr_ipv4=vpc.cidr_block,
        tags=dict(tags),
        opts=component.child(),
    )
    for service in services:
        aws.ec2.VpcEndpoint(
            f"{name}-endpoint-{service}",
            vpc_id=vpc.id,
            vpc_endpoint_type="Interface",
            service_name=pulumi.Output.concat("com.amazonaws.", vpc.region, ".", service),
            subnet_ids=list(subnet_ids.values()),
            security_group_ids=[group.id],
            private_dns_enabled=True,
            tags={"Name": f"{name}-{service}", **tags},
            opts=component.child(),
        )
    return group
