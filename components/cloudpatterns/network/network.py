"""A VPC of three tiers over several zones, the ground that other patterns stand on.

Patterns: private and public subnets, Multi-Datacenter (AWS cloud design patterns). Made are the VPC with its internet gateway, one
public, private and data subnet per zone, their route tables, a closed default security group, a flow log, gateway endpoints for S3 and
DynamoDB, and on request interface endpoints and IPv6. Or an existing VPC is adopted by its ids: then nothing is made or changed.

Private subnets have no way to the internet of their own for IPv4: `OnDemandNat` adds one. Data subnets never have one.
"""

import re
from ipaddress import IPv4Network
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import ArgumentError, Arguments, Component, LogRetentionDays, check_names
from cloudpatterns.network import subnets
from cloudpatterns.network._endpoints import gateway_endpoint, interface_endpoints
from cloudpatterns.network._flow_log import flow_log
from cloudpatterns.network._tiers import Tiers, make_tiers


class NetworkSubnetPrefixes(TypedDict):
    """Prefix length of the subnets of each tier, 16 to 28. A tier left out has the default for the VPC's size."""

    public: NotRequired[int]
    """Public subnets. A load balancer needs /27 or larger. Default: the VPC's length plus 8, at most 27."""
    private: NotRequired[int]
    """Private subnets. Default: the VPC's length plus 4, at most 28."""
    data: NotRequired[int]
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

    zones: list[str]
    """Availability zones of one region, each once, at most six; their last letters (a to f) give the subnets their places."""
    cidr_block: NotRequired[str]
    """IPv4 addresses of the VPC, /16 to /28. Changing it replaces the network. Required, unless ``ipv4_netmask_length`` is given."""
    subnet_prefixes: NotRequired[NetworkSubnetPrefixes]
    """Sizes of the subnets. Not beside ``subnet_cidrs``. Default: in proportion to the VPC."""
    subnet_cidrs: NotRequired[NetworkSubnetCidrs]
    """A CIDR for every subnet. Needs ``cidr_block``. Default: derived from the zone's letter, see ``network.subnets``."""
    dual_stack: NotRequired[bool]
    """Whether to have IPv6 as well: Amazon's /56 for the VPC, a /64 for each subnet, ``::/0`` from public subnets to the internet gateway
    and from private ones, outward only, to an egress-only gateway. It can be switched on later but not off: AWS keeps the VPC's block
    while subnets have a part of it, and an update comes to the VPC first. Default: False."""
    ipv4_ipam_pool_id: NotRequired[pulumi.Input[str]]
    """IPAM pool that the VPC's addresses come from: ``cidr_block``, which must be free in the pool, or any block of
    ``ipv4_netmask_length``. Default: no pool."""
    ipv4_netmask_length: NotRequired[int]
    """Size of the block to take from the IPAM pool, 16 to 28, instead of ``cidr_block``; subnets are then derived once the block is known.
    Default: none."""
    interface_endpoints: NotRequired[list[str]]
    """Services reached through interface endpoints in the private subnets, by short name: ``ssm``, ``ecr.api``. Each costs by the hour
    and zone. S3 and DynamoDB have gateway endpoints already. Default: none."""
    flow_log_retention_days: NotRequired[int]
    """Days that CloudWatch keeps the flow log. Default: 365."""
    flow_log_bucket_arn: NotRequired[pulumi.Input[str]]
    """Your own bucket for the flow log, instead of a CloudWatch log group; its policy must admit ``delivery.logs.amazonaws.com``.
    Default: a log group."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """Customer key of the flow log's log group; its policy must admit the regional logs principal. Not beside ``flow_log_bucket_arn``.
    Default: CloudWatch's own encryption."""
    vpc_id: NotRequired[pulumi.Input[str]]
    """An existing VPC to adopt; ``cidr_block`` then says its addresses, and ids are given below. Nothing is made or changed.
    Default: a new VPC."""
    internet_gateway_id: NotRequired[pulumi.Input[str]]
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
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of everything that is made, beside ``Name``. Default: none."""


_PREFIX = Field(ge=16, le=28)
Arguments(NetworkSubnetPrefixes, public=_PREFIX, private=_PREFIX, data=_PREFIX)
Arguments(NetworkSubnetCidrs)
_ARGUMENTS = Arguments(
    NetworkArgs,
    zones=Field(min_length=1, max_length=subnets.MAX_ZONES),
    dual_stack=Field(default=False),
    ipv4_netmask_length=_PREFIX,
    interface_endpoints=Field(default=[]),
    flow_log_retention_days=LogRetentionDays,
    vpc_id=Field(pattern=r"^vpc-[0-9a-f]+$"),
    internet_gateway_id=Field(pattern=r"^igw-[0-9a-f]+$"),
    tags=Field(default={}),
)
_RETENTION_DAYS = 365

_SUBNET_IDS = {tier: f"{tier}_subnet_ids_by_zone" for tier in subnets.TIERS}
_TABLE_IDS = {tier: f"{tier}_route_table_ids_by_zone" for tier in subnets.TIERS}
_ADOPTED = ("internet_gateway_id", *_SUBNET_IDS.values(), *_TABLE_IDS.values())
_MADE = (
    *("subnet_prefixes", "subnet_cidrs", "dual_stack", "ipv4_ipam_pool_id", "ipv4_netmask_length"),
    *("interface_endpoints", "flow_log_retention_days", "flow_log_bucket_arn", "kms_key_arn"),
)


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
    s3_prefix_list_id: pulumi.Output[str] | None
    """Prefix list of S3 in this region, for security group rules; none with an adopted VPC."""
    dynamodb_prefix_list_id: pulumi.Output[str] | None
    """Prefix list of DynamoDB in this region, for security group rules; none with an adopted VPC."""
    endpoint_security_group_id: pulumi.Output[str] | None
    """Security group of the interface endpoints; none without them."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = _ARGUMENTS.check("Network", name, args)
        if found := _problems(checked):
            raise ArgumentError("Network", name, found)
        adopted = checked.get("vpc_id") is not None
        cidrs = None if adopted else _layout(name, checked)
        if not adopted:
            check_names("Network", name, {"flow-log-role": 64})
        super().__init__("Network", name, opts)

        self.flow_log_group_name = self.s3_prefix_list_id = self.dynamodb_prefix_list_id = self.endpoint_security_group_id = None
        if cidrs is None:
            self._adopt(checked)
        else:
            self._make(name, checked, cidrs)

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
            {tier: _outputs(args.get(key), args["zones"]) for tier, key in _SUBNET_IDS.items()},
            {tier: _outputs(args.get(key), args["zones"]) for tier, key in _TABLE_IDS.items()},
            {},
        )

    def _make(self, name: str, args: NetworkArgs, cidrs: "Cidrs") -> None:
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
        logs = flow_log(
            self,
            name,
            vpc,
            retention_days=args.get("flow_log_retention_days") or _RETENTION_DAYS,
            bucket_arn=args.get("flow_log_bucket_arn"),
            kms_key_arn=args.get("kms_key_arn"),
            tags=tags,
        )
        self.vpc_id = vpc.id
        self.vpc_cidr_block = vpc.cidr_block
        self.internet_gateway_id = gateway.id
        self.flow_log_group_name = None if logs is None else logs.name
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


def _problems(args: NetworkArgs) -> list[tuple[str, str]]:
    given: dict[str, Any] = {key: value for key, value in args.items() if value is not None and value is not False and value != []}
    regions = sorted({zone[:-1] for zone in args["zones"]})
    found: list[tuple[str, str]] = []
    if len(regions) > 1:
        found.append(("zones", f"are of the regions {', '.join(regions)}; all zones of a network are of one region. Remove the others."))
    found += _adoption_problems(args, given) if "vpc_id" in given else _creation_problems(args, given)
    return found


def _creation_problems(args: NetworkArgs, given: dict[str, Any]) -> list[tuple[str, str]]:
    found = [(key, "belongs to an adopted VPC. Remove it, or give vpc_id.") for key in _ADOPTED if key in given]
    if "ipv4_netmask_length" in given:
        if "ipv4_ipam_pool_id" not in given:
            found.append(("ipv4_netmask_length", "needs ipv4_ipam_pool_id, the pool to take from. Give it, or cidr_block instead."))
        if "cidr_block" in given:
            found.append(("cidr_block", "and ipv4_netmask_length exclude each other: the pool chooses the block. Remove one."))
        elif "subnet_cidrs" in given:
            found.append(("subnet_cidrs", "needs cidr_block: what the pool will choose is not known. Give subnet_prefixes instead."))
    elif "cidr_block" not in given:
        found.append(("cidr_block", "is missing; give it, or ipv4_ipam_pool_id and ipv4_netmask_length, or vpc_id to adopt a VPC."))
    if "subnet_prefixes" in given and "subnet_cidrs" in given:
        found.append(("subnet_prefixes", "and subnet_cidrs exclude each other: the latter gives every subnet its size. Remove one."))
    if "flow_log_bucket_arn" in given and "kms_key_arn" in given:
        found.append(("kms_key_arn", "encrypts the flow log's log group, and flow_log_bucket_arn replaces that. Remove one."))
    services = args["interface_endpoints"]
    for index, service in enumerate(services):
        path = f"interface_endpoints.{index}"
        if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", service):
            found.append((path, f"is {service!r}; the short name of a service is needed, such as ssm or ecr.api."))
        elif service in ("s3", "dynamodb"):
            found.append((path, f"is {service!r}, which every network reaches through a gateway endpoint already. Remove it."))
        elif service in services[:index]:
            found.append((path, f"is {service!r} again; name each service once."))
    return found


def _adoption_problems(args: NetworkArgs, given: dict[str, Any]) -> list[tuple[str, str]]:
    found = [(key, "shapes a new VPC, and vpc_id adopts one as it is. Remove one.") for key in _MADE if key in given]
    if "cidr_block" not in given:
        found.append(("cidr_block", "is missing; give the adopted VPC's IPv4 block."))
    else:
        try:
            IPv4Network(given["cidr_block"])
        except ValueError as error:
            found.append(("cidr_block", f"is no IPv4 network: {error}"))
    if not any(key in given for key in _SUBNET_IDS.values()):
        found.append(("vpc_id", f"adopts a VPC without subnets; give at least one of {', '.join(_SUBNET_IDS.values())}."))
    for keys, prefix in ((_SUBNET_IDS, "subnet"), (_TABLE_IDS, "rtb")):
        for key in keys.values():
            ids = given.get(key)
            if ids is None:
                continue
            if set(ids) != set(args["zones"]):
                found.append(
                    (key, f"has the zones {', '.join(sorted(ids)) or 'none'}; one id is needed for each of {', '.join(args['zones'])}.")
                )
            for zone, value in ids.items():
                if isinstance(value, str) and not re.fullmatch(rf"{prefix}-[0-9a-f]+", value):
                    found.append((f"{key}.{zone}", f"is {value!r}; an id such as {prefix}-0123456789abcdef0 is needed."))
    return found


def _outputs(ids: dict[str, pulumi.Input[str]] | None, zones: list[str]) -> dict[str, pulumi.Output[str]]:
    return {} if ids is None else {zone: pulumi.Output.from_input(ids[zone]) for zone in zones}


def _together(ids: dict[str, pulumi.Output[str]]) -> pulumi.Output[dict[str, str]]:
    # Output.all of nothing would be a list.
    return pulumi.Output.all(**ids) if ids else pulumi.Output.from_input({})
