"""Parts of the section `network` about traffic and its logs: network ACLs, block public access, files of the flow log."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import InitErrorDetails

from settings.faults import Allowed, Assign, Context, Model, Remove, fault, refuse
from settings.fields import WHOLE, Cidr, Switch, each_once, from_last

if TYPE_CHECKING:
    from settings.network import Network

BlockMode = Literal["block-ingress", "block-bidirectional"]
_AGGREGATION_SECONDS = (60, 600)

# Rules in one direction of an ACL under AWS's default quota of 20, and the number that other rules of each tier use.
_MOST_RULES = 18
_OTHER_RULES = {"public_ports": 6, "trusted_cidrs": 6}
_HTTPS = 443
# The broadest networks of one organisation: 10.0.0.0/8, a /16 of IPv6.
_BROADEST = {4: 8, 6: 16}


def _interval(value: int) -> int:
    if value not in _AGGREGATION_SECONDS:
        raise refuse("flow logs do not support this interval", 60 if value < _AGGREGATION_SECONDS[1] else 600)
    return value


AggregationSeconds = Annotated[
    int,
    WHOLE,
    AfterValidator(_interval),
    WithJsonSchema({"type": "integer", "enum": list(_AGGREGATION_SECONDS)}),
    Allowed("60 or 600 seconds", 600),
]


def _no_ssh(value: int) -> int:
    if value == 22:
        raise refuse("an administration port, which is never opened to the internet: use Session Manager or a trusted network", 443)
    return value


def _of_ones_own(value: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if value.prefixlen < _BROADEST[value.version]:
        raise refuse("the whole internet" if value.prefixlen == 0 else "far too broad for a network of one organisation")
    return value


class NetworkAcls(Model):
    """Network ACLs of the tiers: all traffic inside the VPC, from outside only what is listed here, and responses."""

    public_ports: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1023), WHOLE, AfterValidator(_no_ssh), Allowed("a port, 1 to 1023, not 22", 443)], ...],
        AfterValidator(each_once),
        Allowed("TCP ports, 1 to 1023, not 22, each once", [80, 443]),
    ] = (80, 443)
    """TCP ports on which public subnets allow the internet. Ports above 1023 are open for responses anyway. Default: 80 and 443."""
    trusted_cidrs: Annotated[
        tuple[
            Annotated[
                Cidr,
                AfterValidator(_of_ones_own),
                Allowed("an IPv4 network of /8 or narrower or, with dual_stack, an IPv6 network of /16 or narrower", "10.250.0.0/16"),
            ],
            ...,
        ],
        AfterValidator(each_once),
        Allowed("networks outside the VPC that reach private subnets, each once", ["10.250.0.0/16"]),
    ] = ()
    """Networks that reach private subnets over a VPN, Direct Connect or peering: those of all operators. Default: none."""


class FlowLogFiles(Model):
    """Format of the files of a flow log in a bucket."""

    format: Annotated[Literal["plain-text", "parquet"], Allowed("plain-text or parquet", "parquet")] = "plain-text"
    """Format of the files; both are compressed. Default: plain-text."""
    hive_partitions: Switch = False
    """Whether folders have Hive-compatible names, so that Athena finds partitions."""
    hourly_partitions: Switch = False
    """Whether there is a folder per hour instead of per day."""


def acls_fit(network: "Network", context: Context) -> Iterable[InitErrorDetails]:
    """Checks network ACLs against their VPC: no rule without effect, and not more rules than AWS allows."""
    acls = network.network_acls
    if acls is None:
        return
    for index, cidr in from_last(acls.trusted_cidrs):
        place = ("network_acls", "trusted_cidrs", index)
        if isinstance(cidr, IPv6Network) and not network.dual_stack:
            yield fault(place, "an IPv6 network, but the VPC has no IPv6", fix=[Remove(place)])
        elif isinstance(cidr, IPv4Network) and cidr.subnet_of(network.cidr_block):
            yield fault(place, f"inside the VPC's {network.cidr_block}, where all traffic is allowed anyway", fix=[Remove(place)])
    versions = 2 if network.dual_stack else 1
    room = (_MOST_RULES - _OTHER_RULES["public_ports"] * versions) // versions
    if _HTTPS not in acls.public_ports and len(acls.public_ports) <= room:
        yield fault(
            ("network_acls", "public_ports"),
            "the load balancer in the public subnets listens on 443, and would not be reachable",
            fix=[Assign(("network_acls", "public_ports", min(len(acls.public_ports), room - 1)), _HTTPS)],
            allowed="443 among the ports",
        )
    for name, each in (("public_ports", versions), ("trusted_cidrs", 1)):
        count, most = len(getattr(acls, name)), (_MOST_RULES - _OTHER_RULES[name] * versions) // each
        if count > most:
            yield fault(
                ("network_acls", name),
                f"{count} exceed AWS's quota of rules",
                fix=[Remove(("network_acls", name, index)) for index in range(count - 1, most - 1, -1)],
                allowed=f"at most {most}",
            )


def nat_is_spared(network: "Network", context: Context) -> Iterable[InitErrorDetails]:
    """The NAT must be in a public subnet, which block public access excludes."""
    if network.block_public_access == "block-bidirectional" and network.nat.strategy == "regional":
        yield fault(
            ("block_public_access",),
            "a regional NAT gateway is in none of the excluded public subnets, so private subnets would lose internet egress",
            fix=[Assign(("block_public_access",), "block-ingress")],
            allowed="block-ingress with nat.strategy regional",
        )


def flow_log_options_fit(network: "Network", context: Context) -> Iterable[InitErrorDetails]:
    """Settings of a bucket are allowed only with one."""
    if network.flow_log_destination == "s3":
        return
    for name in ("flow_log_files", "flow_log_force_destroy"):
        if getattr(network, name):
            yield fault((name,), "the flow log does not go to a bucket", fix=[Remove((name,))], allowed="only with flow_log_destination s3")


def operators_get_through(network: "Network", operators: Iterable, context: Context) -> Iterable[InitErrorDetails]:
    """Checks that the ACL of the private tier allows every operator's network."""
    acls = network.network_acls
    if acls is None:
        return
    inside = [network.cidr_block, *acls.trusted_cidrs]
    place = len(acls.trusted_cidrs)
    added: list[IPv4Network | IPv6Network] = []
    for number, operator in enumerate(operators):
        for index, entry in enumerate(operator.entries):
            cidr = entry.cidr
            if any(cidr.version == other.version and cidr.subnet_of(other) for other in [*inside, *added]):
                continue
            trusted = ("network", "network_acls", "trusted_cidrs", place + len(added))
            added.append(cidr)
            yield fault(
                ("operators", number, "entries", index, "cidr"),
                "the network ACL of the private subnets, where the servers are, does not allow it",
                fix=[Assign(trusted, str(cidr))],
                allowed="a network inside one of network.network_acls.trusted_cidrs",
            )
