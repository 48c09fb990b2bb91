"""The arguments of ``Network``."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches, Unique
from cloudpatterns.core.vocabulary import Cidr, DualStack, Ipv4Cidr, KmsKeyArn, LogRetentionDays, Tags
from cloudpatterns.network.network.subnets import MAX_ZONES, TIERS

SUBNET_IDS = {tier: f"{tier}_subnet_ids_by_zone" for tier in TIERS}
"""Tier to the argument with the ids of its subnets."""
TABLE_IDS = {tier: f"{tier}_route_table_ids_by_zone" for tier in TIERS}
"""Tier to the argument with the ids of its route tables."""

_Prefix = Annotated[int, Field(ge=16, le=28)]
_SubnetIds = dict[str, Annotated[pulumi.Input[str], Matches(r"subnet-[0-9a-f]+", "the id of a subnet such as subnet-0123456789abcdef0")]]
_TableIds = dict[str, Annotated[pulumi.Input[str], Matches(r"rtb-[0-9a-f]+", "the id of a route table such as rtb-0123456789abcdef0")]]


class NetworkSubnetPrefixes(TypedDict):
    """Prefix length of the subnets of each tier."""

    public: NotRequired[_Prefix]
    """Public subnets. A load balancer needs /27 or larger. Default: the VPC's length plus 8, at most 27."""
    private: NotRequired[_Prefix]
    """Private subnets. Default: the VPC's length plus 4, at most 28."""
    data: NotRequired[_Prefix]
    """Data subnets. Default: the VPC's length plus 8, at most 28."""


class NetworkSubnetCidrs(TypedDict):
    """An explicit CIDR for every tier and zone."""

    public: dict[str, Ipv4Cidr]
    """Zone to CIDR of its public subnet."""
    private: dict[str, Ipv4Cidr]
    """Zone to CIDR of its private subnet."""
    data: dict[str, Ipv4Cidr]
    """Zone to CIDR of its data subnet."""


class NetworkFlowLogFiles(TypedDict):
    """How the files of a flow log in a bucket are written. A change replaces the flow log; files that are there stay."""

    format: NotRequired[Annotated[str, Choice("plain-text", "parquet"), Field(default="plain-text")]]
    """Format, compressed in either case; Athena reads Parquet faster and cheaper."""
    hive_partitions: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the folders are named as Hive and Athena find partitions by themselves (``year=2026``)."""
    hourly_partitions: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether each hour has a folder, instead of each day: for large logs and queries about single hours."""


class NetworkAcls(TypedDict):
    """Network ACLs, one for each tier.

    They allow all traffic inside the VPC. Besides, public subnets admit ``public_ports`` from the internet, private ones
    ``trusted_cidrs`` and VPC Lattice on ``lattice_ports``, and data ones nothing: not even S3 and DynamoDB, so a database cannot import
    from or export to a bucket. Public and private subnets may send everything out and admit the responses, TCP and UDP at ports 1024 to
    65535 and ICMP for path MTU. Port 3389 is left out of these, so that Remote Desktop is not open; an outgoing connection that happens to
    start from it gets no response. A Network Load Balancer that keeps clients' addresses reaches private targets on ports from 1024 only.
    """

    public_ports: NotRequired[Annotated[list[Annotated[int, Field(ge=1, le=1023)]], Unique(), Field(default=[80, 443])]]
    """TCP ports at which public subnets admit the internet, not 22. Those above 1023 are open for responses in any case."""
    trusted_cidrs: NotRequired[Annotated[list[Cidr], Unique(), Field(default=[])]]
    """Networks outside the VPC, IPv6 ones only with ``dual_stack``, that reach private subnets over a VPN, Direct Connect or peering;
    the internet is refused. There is room for 12, or 6 with ``dual_stack``; each of ``lattice_ports`` takes the room of one, or of two."""
    lattice_ports: NotRequired[Annotated[list[Annotated[int, Field(ge=1, le=1023)]], Unique(), Field(default=[])]]
    """TCP ports at which private subnets admit VPC Lattice, whose addresses lie outside the VPC's: those below 1024 of a ``ServiceMesh``'s
    targets and of their health checks. Those above are open for responses in any case."""


class NetworkOptions(TypedDict):
    """What a user tunes of a ``Network``."""

    zones: Annotated[list[str], Field(min_length=1, max_length=MAX_ZONES)]
    """Availability Zones of one region, each once; their last letters (a to f) give the subnets their places."""
    cidr_block: NotRequired[Ipv4Cidr]
    """IPv4 addresses of the VPC, /16 to /28. Changing it replaces the network. Exactly one of ``cidr_block`` and
    ``ipv4_netmask_length``."""
    subnet_prefixes: NotRequired[NetworkSubnetPrefixes]
    """Sizes of the subnets. Not with ``subnet_cidrs``. On a network that is deployed they cannot be changed in place: the new subnets
    would overlap with the old, and AWS refuses them. Default: in proportion to the VPC."""
    subnet_cidrs: NotRequired[NetworkSubnetCidrs]
    """A CIDR for every subnet. Not with ``ipv4_netmask_length``. Default: derived from the zone's letter, see ``network.subnets``."""
    dual_stack: NotRequired[DualStack]
    """Whether to have IPv6 as well: Amazon's /56 for the VPC, a /64 for each subnet, ``::/0`` from public subnets to the internet gateway
    and from private ones, outbound only, to an egress-only gateway. It can be switched on later but not off: AWS keeps the VPC's block
    while subnets have a part of it, and an update changes the VPC first."""
    interface_endpoints: NotRequired[
        Annotated[
            list[Annotated[str, Matches(r"[a-z0-9]+([.-][a-z0-9]+)*", "the short name of a service such as ssm or ecr.api")]],
            Unique(),
            Field(default=[]),
        ]
    ]
    """Services reached through interface endpoints in the private subnets, by short name: ``ssm``, ``ecr.api``. Each costs by the hour
    and zone. S3 and DynamoDB have gateway endpoints already."""
    network_acls: NotRequired[NetworkAcls]
    """Network ACLs for each tier, ``{}`` for the defaults. Default: none, since they block every network outside the VPC that they do not
    list; the VPC's default ACL lets everything pass."""
    block_public_access: NotRequired[Annotated[str, Choice("block-bidirectional", "block-ingress")]]
    """VPC block public access: ``block-ingress`` (only NAT gateways and egress-only gateways reach the internet) or ``block-bidirectional``
    (nothing does). A switch of the whole region and account: it works on every VPC there, one stack alone may set it, and destroying
    that stack switches it off. Default: left as it is."""
    public_access_exclusions: NotRequired[dict[str, Annotated[str, Choice("allow-bidirectional", "allow-egress")]]]
    """What of this network is exempt from the switch, also from one that is set elsewhere: ``public`` or ``private`` subnets, or the whole
    ``vpc``, to ``allow-bidirectional`` or, against ``block-bidirectional``, ``allow-egress``. A NAT is exempt with its public subnet, a
    regional NAT gateway only with the ``vpc``. Default: with ``block_public_access`` public subnets both ways, for load balancers and NATs,
    and with ``dual_stack`` under ``block-bidirectional`` private ones outbound; else none. ``{}``: none."""
    flow_log_destination: NotRequired[Annotated[str, Choice("cloud-watch-logs", "s3")]]
    """``cloud-watch-logs``, a log group, or ``s3``, a bucket, cheaper for logs that are kept long. Default: ``cloud-watch-logs``, or
    ``flow_log_bucket_arn``."""
    flow_log_retention_days: NotRequired[LogRetentionDays]
    """Days that the flow log is kept, in a bucket as well."""
    flow_log_customer_key: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether to create a customer managed key for the log group or bucket; without, CloudWatch or S3 encrypts with its own. A bucket under
    a customer managed key has its requests logged in a second one."""
    flow_log_files: NotRequired[NetworkFlowLogFiles]
    """How the files in a bucket are written. Default: compressed text, a folder for each day."""
    flow_log_aggregation_seconds: NotRequired[Annotated[int, Choice(60, 600), Field(default=600)]]
    """Longest time over which packets of one flow are counted in one record; on Nitro instances it is 60 at most in any case. More records
    cost more."""
    flow_log_force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroying the network deletes the logs in the bucket that was created for them; without, destroying fails while it holds
    any."""


class NetworkArgs(NetworkOptions):
    """Arguments of ``Network``."""

    ipv4_ipam_pool_id: NotRequired[pulumi.Input[str]]
    """IPAM pool that the VPC's addresses come from: ``cidr_block``, which must be free in the pool, or any block of
    ``ipv4_netmask_length``. Default: no pool."""
    ipv4_netmask_length: NotRequired[_Prefix]
    """Size of the block to take from the IPAM pool; subnets are then derived once the block is known. Exactly one of ``cidr_block`` and
    ``ipv4_netmask_length``."""
    flow_log_bucket_arn: NotRequired[pulumi.Input[str]]
    """An existing bucket for the flow log, with a folder if wanted (``arn:aws:s3:::logs/vpc``); its policy, and that of its key, must admit
    ``delivery.logs.amazonaws.com``. Default: a new log group or bucket."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the log group or bucket that is created for the flow log; its policy must admit the regional logs principal,
    or with a bucket ``delivery.logs.amazonaws.com``. Default: see ``flow_log_customer_key``."""
    vpc_id: NotRequired[Annotated[pulumi.Input[str], Matches(r"vpc-[0-9a-f]+", "the id of a VPC such as vpc-0123456789abcdef0")]]
    """An existing VPC to adopt; ``cidr_block`` then says its addresses, and ids are given below. Nothing is created or changed.
    Default: a new VPC."""
    internet_gateway_id: NotRequired[
        Annotated[pulumi.Input[str], Matches(r"igw-[0-9a-f]+", "the id of an internet gateway such as igw-0123456789abcdef0")]
    ]
    """The adopted VPC's internet gateway. Default: not known to other patterns."""
    public_subnet_ids_by_zone: NotRequired[_SubnetIds]
    """The adopted VPC's public subnets, one for each zone. Default: no public tier."""
    private_subnet_ids_by_zone: NotRequired[_SubnetIds]
    """The adopted VPC's private subnets, one for each zone. Default: no private tier."""
    data_subnet_ids_by_zone: NotRequired[_SubnetIds]
    """The adopted VPC's data subnets, one for each zone. Default: no data tier."""
    public_route_table_ids_by_zone: NotRequired[_TableIds]
    """Route tables of the adopted public subnets, one for each zone; zones may share one. Default: none."""
    private_route_table_ids_by_zone: NotRequired[_TableIds]
    """Route tables of the adopted private subnets, one for each zone; zones may share one. Default: none."""
    data_route_table_ids_by_zone: NotRequired[_TableIds]
    """Route tables of the adopted data subnets, one for each zone; zones may share one. Default: none."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, beside ``Name``."""
