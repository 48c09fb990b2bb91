"""A VPC of three tiers over several zones, the ground that other patterns stand on.

Patterns: private and public subnets, Multi-Datacenter (AWS cloud design patterns). Made are the VPC with its internet gateway, one
public, private and data subnet per zone, their route tables, a closed default security group, a flow log, gateway endpoints for S3 and
DynamoDB, and on request interface endpoints, IPv6, network ACLs per tier and VPC block public access. Or an existing VPC is adopted by
its ids: then nothing is made or changed.

Private subnets have no way to the internet of their own for IPv4: `OnDemandNat` adds one. Data subnets never have one.
"""

from ipaddress import IPv4Network
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import ArgumentError, Choice, Component
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import DualStack, KmsKeyArn, LogRetentionDays, Tags
from cloudpatterns.network.network import subnets
from cloudpatterns.network.network.checks import SUBNET_IDS, TABLE_IDS, problems
from cloudpatterns.network.network.endpoints import gateway_endpoint, interface_endpoints
from cloudpatterns.network.network.flow_log import LONGEST_BUCKET_SUFFIX, FlowLogSettings, NetworkFlowLogFiles, flow_log
from cloudpatterns.network.network.network_acls import NetworkAcls, make_acls
from cloudpatterns.network.network.public_access import block_public_access, default_exclusions
from cloudpatterns.network.network.tiers import Tiers, make_tiers


class NetworkSubnetPrefixes(TypedDict):
    """Prefix length of the subnets of each tier, 16 to 28. A tier left out has the default for the VPC's size."""

    public: NotRequired[Annotated[int, Field(ge=16, le=28)]]
    """Public subnets. A load balancer needs /27 or larger. Default: the VPC's length plus 8, at most 27."""
    private: NotRequired[Annotated[int, Field(ge=16, le=28)]]
    """Private subnets. Default: the VPC's length plus 4, at most 28."""
    data: NotRequired[Annotated[int, Field(ge=16, le=28)]]
    """Data subnets. Default: the VPC's length plus 8, at most 28."""


class NetworkSubnetCidrs(TypedDict):
    """An explicit CIDR for every tier and zone."""

    public: dict[str, str]
    """Zone to CIDR of its public subnet."""
    private: dict[str, str]
    """Zone to CIDR of its private subnet."""
    data: dict[str, str]
    """Zone to CIDR of its data subnet."""


class NetworkArgs(TypedDict):
    """Arguments of ``Network``."""

    zones: Annotated[list[str], Field(min_length=1, max_length=subnets.MAX_ZONES)]
    """Availability zones of one region, each once, at most six; their last letters (a to f) give the subnets their places."""
    cidr_block: NotRequired[str]
    """IPv4 addresses of the VPC, /16 to /28. Changing it replaces the network. Required, unless ``ipv4_netmask_length`` is given."""
    subnet_prefixes: NotRequired[NetworkSubnetPrefixes]
    """Sizes of the subnets. Not beside ``subnet_cidrs``. On a network that is deployed they cannot be changed in place: the new subnets
    would overlap with the old, and AWS refuses them. Default: in proportion to the VPC."""
    subnet_cidrs: NotRequired[NetworkSubnetCidrs]
    """A CIDR for every subnet. Needs ``cidr_block``. Default: derived from the zone's letter, see ``network.subnets``."""
    dual_stack: NotRequired[DualStack]
    """Whether to have IPv6 as well: Amazon's /56 for the VPC, a /64 for each subnet, ``::/0`` from public subnets to the internet gateway
    and from private ones, outward only, to an egress-only gateway. It can be switched on later but not off: AWS keeps the VPC's block
    while subnets have a part of it, and an update comes to the VPC first. Default: False."""
    ipv4_ipam_pool_id: NotRequired[pulumi.Input[str]]
    """IPAM pool that the VPC's addresses come from: ``cidr_block``, which must be free in the pool, or any block of
    ``ipv4_netmask_length``. Default: no pool."""
    ipv4_netmask_length: NotRequired[Annotated[int, Field(ge=16, le=28)]]
    """Size of the block to take from the IPAM pool, 16 to 28, instead of ``cidr_block``; subnets are then derived once the block is known.
    Default: none."""
    interface_endpoints: NotRequired[Annotated[list[str], Field(default=[])]]
    """Services reached through interface endpoints in the private subnets, by short name: ``ssm``, ``ecr.api``. Each costs by the hour
    and zone. S3 and DynamoDB have gateway endpoints already. Default: none."""
    network_acls: NotRequired[NetworkAcls]
    """Network ACLs for each tier, ``{}`` for the defaults. Without, the VPC's default ACL lets everything pass. Default: none, since
    an ACL cuts off every network outside the VPC that it is not told of."""
    block_public_access: NotRequired[Annotated[str, Choice("block-bidirectional", "block-ingress")]]
    """VPC block public access: ``block-ingress`` (only NAT gateways and egress-only gateways reach the internet) or ``block-bidirectional``
    (nothing does). A switch of the whole region and account: it works on every VPC there, one stack alone may set it, and destroying
    that stack switches it off. Default: left as it is."""
    public_access_exclusions: NotRequired[dict[str, str]]
    """What of this network the switch spares, also one that is set elsewhere: ``public`` or ``private`` subnets, or all of the ``vpc``, to
    ``allow-bidirectional`` or, against ``block-bidirectional``, ``allow-egress``. A NAT is spared with its public subnet, a regional
    NAT gateway only with the ``vpc``. Default: with ``block_public_access`` public subnets both ways, for load balancers and NATs, and with
    ``dual_stack`` under ``block-bidirectional`` private ones outward; else none. ``{}``: none."""
    flow_log_destination: NotRequired[Annotated[str, Choice("cloud-watch-logs", "s3")]]
    """``cloud-watch-logs``, a log group, or ``s3``, a bucket, cheaper for logs that are kept long. Default: ``cloud-watch-logs``, or
    ``flow_log_bucket_arn``."""
    flow_log_bucket_arn: NotRequired[pulumi.Input[str]]
    """Your own bucket for the flow log, with a folder if wanted (``arn:aws:s3:::logs/vpc``), instead of one that is made; its policy, and
    that of its key, must admit ``delivery.logs.amazonaws.com``. Default: none."""
    flow_log_retention_days: NotRequired[LogRetentionDays]
    """Days that the flow log is kept, one of CloudWatch's numbers, in a bucket as well. Default: 365."""
    flow_log_customer_key: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a customer key is made for the log group or bucket. A bucket under a customer key has its requests logged in a second one.
    Default: False, the encryption of CloudWatch or S3 itself."""
    flow_log_files: NotRequired[NetworkFlowLogFiles]
    """How the files in a bucket are written. Default: compressed text, a folder for each day."""
    flow_log_aggregation_seconds: NotRequired[Annotated[int, Choice(60, 600)]]
    """The most that packets of one flow are counted together before they show, 60 or 600; on Nitro instances it is 60 at most in any case.
    More records cost more. Default: 600."""
    flow_log_force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroying the network deletes the logs in the bucket that was made for them. Default: False, so that destroying fails
    while it holds any."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer key of the log group or bucket that is made for the flow log; its policy must admit the regional logs principal, or with a
    bucket ``delivery.logs.amazonaws.com``. Not beside ``flow_log_bucket_arn``. Default: see ``flow_log_customer_key``."""
    vpc_id: NotRequired[Annotated[pulumi.Input[str], Field(pattern=r"^vpc-[0-9a-f]+$")]]
    """An existing VPC to adopt; ``cidr_block`` then says its addresses, and ids are given below. Nothing is made or changed.
    Default: a new VPC."""
    internet_gateway_id: NotRequired[Annotated[pulumi.Input[str], Field(pattern=r"^igw-[0-9a-f]+$")]]
    """The adopted VPC's internet gateway. Default: none."""
    public_subnet_ids_by_zone: NotRequired[dict[str, pulumi.Input[str]]]
    """The adopted VPC's public subnets, one for each zone. Default: no public tier."""
    private_subnet_ids_by_zone: NotRequired[dict[str, pulumi.Input[str]]]
    """The adopted VPC's private subnets, one for each zone. Default: no private tier."""
    data_subnet_ids_by_zone: NotRequired[dict[str, pulumi.Input[str]]]
    """The adopted VPC's data subnets, one for each zone. Default: no data tier."""
    public_route_table_ids_by_zone: NotRequired[dict[str, pulumi.Input[str]]]
    """Route tables of the adopted public subnets, one for each zone; zones may share one. Default: none."""
    private_route_table_ids_by_zone: NotRequired[dict[str, pulumi.Input[str]]]
    """Route tables of the adopted private subnets, one for each zone; zones may share one. Default: none."""
    data_route_table_ids_by_zone: NotRequired[dict[str, pulumi.Input[str]]]
    """Route tables of the adopted data subnets, one for each zone; zones may share one. Default: none."""
    tags: NotRequired[Tags]
    """Tags of everything that is made, beside ``Name``. Default: none."""


_AGGREGATION_SECONDS = 600


class Network(Component):
    """A VPC with a public, a private and a data subnet in every zone, or an existing one adopted by its ids.

    No subnet gives out public IPv4 addresses. Every route table reaches S3 and DynamoDB through gateway endpoints; public ones reach the
    internet, private ones only what else is added, data ones nothing more. Taking a zone out touches that zone's children alone.
    """

    vpc_id: pulumi.Output[str]
    """Id of the VPC."""
    vpc_cidr_block: pulumi.Output[str]
    """IPv4 addresses of the VPC."""
    public_subnet_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of its public subnet, given out once its route to the internet is in place."""
    private_subnet_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of its private subnet."""
    data_subnet_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of its data subnet."""
    public_route_table_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of its public route table; all zones share one."""
    private_route_table_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of its private route table."""
    data_route_table_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to id of its data route table."""
    internet_gateway_id: pulumi.Output[str] | None
    """Id of the internet gateway; none when an adopted VPC's was not given."""
    flow_log_group_name: pulumi.Output[str] | None
    """Name of the flow log's log group; none with a bucket or an adopted VPC."""
    flow_log_bucket_name: pulumi.Output[str] | None
    """Name of the bucket that was made for the flow log; none with a log group, a bucket of your own or an adopted VPC."""
    s3_prefix_list_id: pulumi.Output[str] | None
    """Prefix list of S3 in this region, for security group rules; none with an adopted VPC."""
    dynamodb_prefix_list_id: pulumi.Output[str] | None
    """Prefix list of DynamoDB in this region, for security group rules; none with an adopted VPC."""
    endpoint_security_group_id: pulumi.Output[str] | None
    """Security group of the interface endpoints; none without them."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        logs = _flow_log_settings(checked)
        if found := problems(name, checked, logs):
            raise ArgumentError("Network", name, found)
        adopted = checked.get("vpc_id") is not None
        cidrs = None if adopted else _layout(name, checked)
        if logs.own_bucket:
            check_names("Network", name, {LONGEST_BUCKET_SUFFIX: 63})
        elif not adopted and not logs.to_bucket:
            check_names("Network", name, {"flow-log-role": 64})
        super().__init__("Network", name, opts)

        self.flow_log_group_name = self.flow_log_bucket_name = None
        self.s3_prefix_list_id = self.dynamodb_prefix_list_id = self.endpoint_security_group_id = None
        if cidrs is None:
            self._adopt(checked)
        else:
            self._make(name, checked, cidrs, logs)

        subnet_ids, table_ids = self._tiers.subnet_ids, self._tiers.route_table_ids
        self.public_subnet_ids_by_zone = _together(subnet_ids["public"])
        self.private_subnet_ids_by_zone = _together(subnet_ids["private"])
        self.data_subnet_ids_by_zone = _together(subnet_ids["data"])
        self.public_route_table_ids_by_zone = _together(table_ids["public"])
        self.private_route_table_ids_by_zone = _together(table_ids["private"])
        self.data_route_table_ids_by_zone = _together(table_ids["data"])
        self.register()

    def subnet_ids(self, tier: str) -> dict[str, pulumi.Input[str]]:
        """Zone to subnet id of a tier: ``public``, ``private`` or ``data``. The keys are plain, so they can decide what is made."""
        return dict(self._tiers.subnet_ids[tier])

    def route_table_ids(self, tier: str) -> dict[str, pulumi.Input[str]]:
        """Zone to route table id of a tier: ``public``, ``private`` or ``data``. The keys are plain, so they can decide what is made."""
        return dict(self._tiers.route_table_ids[tier])

    def _adopt(self, args: NetworkArgs) -> None:
        self.vpc_id = pulumi.Output.from_input(args["vpc_id"])
        self.vpc_cidr_block = pulumi.Output.from_input(args["cidr_block"])
        gateway = args.get("internet_gateway_id")
        self.internet_gateway_id = None if gateway is None else pulumi.Output.from_input(gateway)
        self._tiers = Tiers(
            {tier: _outputs(args.get(key), args["zones"]) for tier, key in SUBNET_IDS.items()},
            {tier: _outputs(args.get(key), args["zones"]) for tier, key in TABLE_IDS.items()},
            {},
        )

    def _make(self, name: str, args: NetworkArgs, cidrs: "Cidrs", logs: FlowLogSettings) -> None:
        tags, dual_stack = args["tags"], args["dual_stack"]
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            # With a netmask length the pool chooses the block, and AWS refuses both at once.
            # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
            cidr_block=args.get("cidr_block"),
            ipv4_ipam_pool_id=args.get("ipv4_ipam_pool_id"),
            ipv4_netmask_length=args.get("ipv4_netmask_length"),
            assign_generated_ipv6_cidr_block=True if dual_stack else None,
            # Interface endpoints with private DNS need both: https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": name, **tags},
            opts=self.child(),
        )
        # Without rules it admits nothing, not even traffic among its members: Security Hub EC2.2.
        # https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-2
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default-group",
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags={"Name": f"{name}-default-closed", **tags},
            opts=self.child(),
        )
        gateway = aws.ec2.InternetGateway(f"{name}-gateway", vpc_id=vpc.id, tags={"Name": name, **tags}, opts=self.child())
        blocks = {tier: {zone: cidrs(vpc, tier, zone) for zone in args["zones"]} for tier in subnets.TIERS}
        self._tiers = make_tiers(self, name, vpc, gateway, blocks, dual_stack, tags)
        s3 = gateway_endpoint(self, name, vpc, "s3", self._tiers.tables, tags)
        dynamodb = gateway_endpoint(self, name, vpc, "dynamodb", self._tiers.tables, tags)
        if args["interface_endpoints"]:
            group = interface_endpoints(self, name, vpc, args["interface_endpoints"], self._tiers.subnet_ids["private"], tags)
            self.endpoint_security_group_id = group.id
        if (acls := args.get("network_acls")) is not None:
            make_acls(self, name, vpc, self._tiers.subnet_ids, acls, dual_stack, tags)
        mode, exclusions = args.get("block_public_access"), args.get("public_access_exclusions")
        spared = default_exclusions(mode, dual_stack) if exclusions is None else exclusions
        block_public_access(self, name, vpc, self._tiers.subnet_ids, mode, spared, tags)
        log_place = flow_log(self, name, vpc, logs, tags)
        self.vpc_id = vpc.id
        self.vpc_cidr_block = vpc.cidr_block
        self.internet_gateway_id = gateway.id
        self.flow_log_group_name = log_place.group_name
        self.flow_log_bucket_name = log_place.bucket_name
        self.s3_prefix_list_id = s3.prefix_list_id
        self.dynamodb_prefix_list_id = dynamodb.prefix_list_id


class Cidrs:
    """The CIDR of each subnet: known at once, or, with a block that the IPAM pool chooses, once AWS has given it."""

    def __init__(self, known: dict[str, dict[str, IPv4Network]] | None, prefixes: dict[str, int]) -> None:
        self._known = known
        self._prefixes = prefixes

    def __call__(self, vpc: aws.ec2.Vpc, tier: str, zone: str) -> pulumi.Input[str]:
        """The CIDR of the subnet of a tier and zone."""
        if self._known is not None:
            return str(self._known[tier][zone])
        return vpc.cidr_block.apply(lambda block: str(subnets.plan(block, [zone], self._prefixes)[tier][zone]))


def _layout(name: str, args: NetworkArgs) -> Cidrs:
    """The subnets' CIDRs. Raises ArgumentError when they cannot be made."""
    prefixes = {tier: length for tier, length in (args.get("subnet_prefixes") or {}).items() if isinstance(length, int)}
    block, explicit = args.get("cidr_block"), args.get("subnet_cidrs")
    try:
        if block is None:
            # Where the pool's block will lie does not matter to whether the subnets fit in it.
            subnets.plan(f"10.0.0.0/{args['ipv4_netmask_length']}", args["zones"], prefixes)
            return Cidrs(None, prefixes)
        if explicit is not None:
            given = {"public": explicit["public"], "private": explicit["private"], "data": explicit["data"]}
            return Cidrs(subnets.explicit(block, args["zones"], given), {})
        return Cidrs(subnets.plan(block, args["zones"], prefixes), prefixes)
    except subnets.SubnetPlanError as error:
        path = "zones" if error.zone and not error.tier else "cidr_block"
        if error.tier:
            path = "subnet_cidrs" if explicit is not None else "subnet_prefixes"
        raise ArgumentError("Network", name, [(path, f"cannot be laid out: {error}")]) from None


def _flow_log_settings(args: NetworkArgs) -> FlowLogSettings:
    return FlowLogSettings(
        destination=args.get("flow_log_destination"),
        bucket_arn=args.get("flow_log_bucket_arn"),
        retention_days=args.get("flow_log_retention_days"),
        create_key=args["flow_log_customer_key"],
        kms_key_arn=args.get("kms_key_arn"),
        files=args.get("flow_log_files"),
        aggregation_seconds=args.get("flow_log_aggregation_seconds") or _AGGREGATION_SECONDS,
        force_destroy=args["flow_log_force_destroy"],
    )


def _outputs(ids: dict[str, pulumi.Input[str]] | None, zones: list[str]) -> dict[str, pulumi.Output[str]]:
    return {} if ids is None else {zone: pulumi.Output.from_input(ids[zone]) for zone in zones}


def _together(ids: dict[str, pulumi.Output[str]]) -> pulumi.Output[dict[str, str]]:
    # Output.all of nothing would be a list.
    return pulumi.Output.all(**ids) if ids else pulumi.Output.from_input({})
