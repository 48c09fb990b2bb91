"""Parts of the section `network` about what passes, and how it is logged: network ACLs, block public access, files of the flow log."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from settings.faults import Allowed, Model, refuse
from settings.fields import WHOLE, Cidr, Switch, each_once

BlockMode = Literal["block-ingress", "block-bidirectional"]
_AGGREGATION_SECONDS = (60, 600)

# The broadest networks of one's own: 10.0.0.0/8, a provider's /16 of IPv6.
_BROADEST = {4: 8, 6: 16}


def _interval(value: int) -> int:
    if value not in _AGGREGATION_SECONDS:
        raise refuse("flow logs know no such interval", 60 if value < _AGGREGATION_SECONDS[1] else 600)
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
        raise refuse("the whole internet" if value.prefixlen == 0 else "far too broad for a network of one's own")
    return value


class NetworkAcls(Model):
    """Network ACLs of the tiers: everything inside the VPC, and to the outside what is named here, and answers."""

    public_ports: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1023), WHOLE, AfterValidator(_no_ssh), Allowed("a port, 1 to 1023, not 22", 443)], ...],
        AfterValidator(each_once),
        Allowed("TCP ports, 1 to 1023, not 22, each once", [80, 443]),
    ] = (80, 443)
    """TCP ports at which public subnets admit the internet. Those above 1023 are open for answers anyway. Default: 80 and 443."""
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
    """How the files of a flow log in a bucket are written."""

    format: Annotated[Literal["plain-text", "parquet"], Allowed("plain-text or parquet", "parquet")] = "plain-text"
    """Format of the files; both are compressed. Default: plain-text."""
    hive_partitions: Switch = False
    """Whether folders are named so that Hive and Athena find partitions by themselves."""
    hourly_partitions: Switch = False
    """Whether each hour has a folder instead of each day."""
