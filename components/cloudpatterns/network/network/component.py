"""A VPC of three tiers over several zones, the ground that other patterns stand on.

Patterns: private and public subnets, "Multi-Datacenter" (Cloud Design Patterns for AWS).
"""

from functools import partial

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.security_group import ingress_rule, security_group
from cloudpatterns.core import ByName, Component, after, by_name
from cloudpatterns.network.network.arguments import SUBNET_IDS, TABLE_IDS, NetworkArgs
from cloudpatterns.network.network.checks import child_names, problems
from cloudpatterns.network.network.flow_log import flow_log
from cloudpatterns.network.network.network_acls import create_acls
from cloudpatterns.network.network.public_access import block_public_access
from cloudpatterns.network.network.tiers import IdsByTier, Tiers, create_tiers, table_suffix


class Network(Component):
    """A VPC with a public, a private and a data subnet in every zone, or an existing one adopted by its ids ("Multi-Datacenter").

    Creates the VPC with its internet gateway, subnets and route tables, a closed default security group, a flow log and gateway endpoints
    for S3 and DynamoDB, and on request interface endpoints, IPv6, network ACLs per tier and VPC block public access. Public route tables
    lead to the internet, private ones only where ``OnDemandNat`` and others add routes, data ones to S3 and DynamoDB alone. No subnet
    assigns public IPv4 addresses. Removing a zone touches that zone's children alone. With ``vpc_id`` it creates nothing: it checks the
    given ids and returns them.

    **Use when**: workloads need a VPC: other patterns take its subnets and route tables by zone; two zones or more for production.

    **Not when**: another team provides the VPC: adopt that with ``vpc_id``; or the workload is functions, queues and tables that need no
    VPC.

    **Cost drivers**: flow log records by the gigabyte; interface endpoints by the hour and zone, and by the gigabyte. The VPC itself, its
    subnets, gateway endpoints and network ACLs are free.

    **Trade-offs**: block and subnet sizes are fixed once it is deployed; IPv6 cannot be switched off again. Network ACLs keep no state, and
    have room for few rules. Block public access is one switch for the region and account.

    **Proven by**: controls ``vpc-flow-logs``, ``default-security-group-empty``, ``vpc-default-security-group-closed``,
    ``subnet-no-public-ip``, ``network-acl-admin-ports``; ``test_network.py``, ``test_network_routes.py``, which states every route, and
    ``test_subnets.py``, which shows for any size and zones that subnets fit, never overlap and stay.
    """

    vpc_id: pulumi.Output[str]
    """Id of the VPC."""
    vpc_cidr_block: pulumi.Output[str]
    """IPv4 addresses of the VPC."""
    public_subnet_ids_by_zone: ByName[str]
    """Zone to id of its public subnet, available after its route to the internet."""
    private_subnet_ids_by_zone: ByName[str]
    """Zone to id of its private subnet."""
    data_subnet_ids_by_zone: ByName[str]
    """Zone to id of its data subnet."""
    public_route_table_ids_by_zone: ByName[str]
    """Zone to id of its public route table; all zones share one."""
    private_route_table_ids_by_zone: ByName[str]
    """Zone to id of its private route table."""
    data_route_table_ids_by_zone: ByName[str]
    """Zone to id of its data route table."""
    internet_gateway_id: pulumi.Output[str] | None
    """Id of the internet gateway; None when an adopted VPC's was not given."""
    flow_log_group_name: pulumi.Output[str] | None
    """Name of the flow log's log group; None with a bucket or an adopted VPC."""
    flow_log_bucket_name: pulumi.Output[str] | None
    """Name of the bucket that was created for the flow log; None with a log group, an existing bucket or an adopted VPC."""
    s3_prefix_list_id: pulumi.Output[str] | None
    """Prefix list of S3 in this region, for security group rules; None with an adopted VPC."""
    dynamodb_prefix_list_id: pulumi.Output[str] | None
    """Prefix list of DynamoDB in this region, for security group rules; None with an adopted VPC."""
    endpoint_security_group_id: pulumi.Output[str] | None
    """Security group of the interface endpoints; None without them."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=partial(problems, name), names=child_names)
        self.flow_log_group_name = self.flow_log_bucket_name = None
        self.s3_prefix_list_id = self.dynamodb_prefix_list_id = self.endpoint_security_group_id = None
        if checked.get("vpc_id") is None:
            self._create(name, checked)
        else:
            self._adopt(checked)
        subnet_ids, table_ids = self._tiers
        self.public_subnet_ids_by_zone = by_name(subnet_ids["public"])
        self.private_subnet_ids_by_zone = by_name(subnet_ids["private"])
        self.data_subnet_ids_by_zone = by_name(subnet_ids["data"])
        self.public_route_table_ids_by_zone = by_name(table_ids["public"])
        self.private_route_table_ids_by_zone = by_name(table_ids["private"])
        self.data_route_table_ids_by_zone = by_name(table_ids["data"])
        self.register()

    def subnet_ids(self, tier: str) -> dict[str, pulumi.Input[str]]:
        """Zone to subnet id of a tier: ``public``, ``private`` or ``data``. The keys are plain, so they can decide what is created."""
        return dict(self.lookup(self._tiers.subnet_ids, tier, "tier", "a tier"))

    def route_table_ids(self, tier: str) -> dict[str, pulumi.Input[str]]:
        """Zone to route table id of a tier: ``public``, ``private`` or ``data``. The keys are plain, so they can decide what is created."""
        return dict(self.lookup(self._tiers.route_table_ids, tier, "tier", "a tier"))

    def _adopt(self, checked: NetworkArgs) -> None:
        def outputs(arguments: dict[str, str]) -> IdsByTier:
            given = {tier: checked.get(argument) for tier, argument in arguments.items()}
            return {
                tier: {} if ids is None else {zone: pulumi.Output.from_input(ids[zone]) for zone in checked["zones"]}
                for tier, ids in given.items()
            }

        self._tiers = Tiers(outputs(SUBNET_IDS), outputs(TABLE_IDS))
        self.vpc_id = pulumi.Output.from_input(checked["vpc_id"])
        self.vpc_cidr_block = pulumi.Output.from_input(checked["cidr_block"])
        gateway_id = checked.get("internet_gateway_id")
        self.internet_gateway_id = None if gateway_id is None else pulumi.Output.from_input(gateway_id)

    def _create(self, name: str, checked: NetworkArgs) -> None:
        vpc = self._vpc(name, checked)
        gateway = aws.ec2.InternetGateway(f"{name}-gateway", vpc_id=vpc.id, tags={"Name": name, **checked["tags"]}, opts=self.child())
        self._tiers = create_tiers(self, checked, vpc, gateway)
        self.vpc_id, self.vpc_cidr_block, self.internet_gateway_id = vpc.id, vpc.cidr_block, gateway.id
        if checked["interface_endpoints"]:
            self.endpoint_security_group_id = self._interface_endpoints(name, checked, vpc).id
        if checked.get("network_acls") is not None:
            create_acls(self, checked, vpc, self._tiers.subnet_ids)
        block_public_access(self, checked, vpc, self._tiers.subnet_ids)
        self.flow_log_group_name, self.flow_log_bucket_name = flow_log(self, checked, vpc)
        self.s3_prefix_list_id = self._gateway_endpoint(f"{name}-s3", checked, vpc, "s3")
        self.dynamodb_prefix_list_id = self._gateway_endpoint(f"{name}-dynamodb", checked, vpc, "dynamodb")

    def _vpc(self, name: str, checked: NetworkArgs) -> aws.ec2.Vpc:
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            # With a netmask length the pool chooses the block, and AWS refuses both at once.
            # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
            cidr_block=checked.get("cidr_block"),
            ipv4_ipam_pool_id=checked.get("ipv4_ipam_pool_id"),
            ipv4_netmask_length=checked.get("ipv4_netmask_length"),
            assign_generated_ipv6_cidr_block=True if checked["dual_stack"] else None,
            # Interface endpoints with private DNS need both: https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": name, **checked["tags"]},
            opts=self.child(),
        )
        # Without rules it admits nothing, not even traffic among its members: Security Hub EC2.2.
        # https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-2
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default-group",
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags={"Name": f"{name}-default-closed", **checked["tags"]},
            opts=self.child(),
        )
        return vpc

    def _gateway_endpoint(self, name: str, checked: NetworkArgs, vpc: aws.ec2.Vpc, service: str) -> pulumi.Output[str]:
        """The prefix list of an endpoint without charge, available after it is on all route tables: a server boots from S3."""
        endpoint = aws.ec2.VpcEndpoint(
            name,
            vpc_id=vpc.id,
            vpc_endpoint_type="Gateway",
            service_name=pulumi.Output.concat("com.amazonaws.", vpc.region, ".", service),
            tags={"Name": name, **checked["tags"]},
            opts=self.child(),
        )
        ids_by_tier = self._tiers.route_table_ids
        table_ids = {table_suffix(tier, zone): table_id for tier, ids in ids_by_tier.items() for zone, table_id in ids.items()}
        # A resource for each table, so that a zone that goes takes its own along and leaves the endpoint as it is.
        associations = [
            aws.ec2.VpcEndpointRouteTableAssociation(
                f"{name}-{suffix}", vpc_endpoint_id=endpoint.id, route_table_id=table_id, opts=self.child()
            )
            for suffix, table_id in table_ids.items()
        ]
        return after(endpoint.prefix_list_id, *associations)

    def _interface_endpoints(self, name: str, checked: NetworkArgs, vpc: aws.ec2.Vpc) -> aws.ec2.SecurityGroup:
        """Endpoints in the private subnets, and the group that admits HTTPS from the VPC to them."""
        tags = checked["tags"]
        group = security_group(self, f"{name}-endpoints", vpc.id, "Interface endpoints: HTTPS from the VPC", tags)
        ingress_rule(self, f"{name}-endpoints-https", group.id, 443, {"cidr_ipv4": vpc.cidr_block}, "HTTPS from the VPC", tags)
        for service in checked["interface_endpoints"]:
            aws.ec2.VpcEndpoint(
                f"{name}-endpoint-{service}",
                vpc_id=vpc.id,
                vpc_endpoint_type="Interface",
                service_name=pulumi.Output.concat("com.amazonaws.", vpc.region, ".", service),
                subnet_ids=list(self._tiers.subnet_ids["private"].values()),
                security_group_ids=[group.id],
                private_dns_enabled=True,
                tags={"Name": f"{name}-{service}", **tags},
                opts=self.child(),
            )
        return group
