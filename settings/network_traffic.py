"""Parts of the section `network` about traffic and its logs: network ACLs, block public access, files of the flow log."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from settings.faults import Allowed, Model, refuse
from settings.fields import WHOLE, Cidr, Switch, each_once

BlockMode = Literal["block-ingress", "block-bidirectional"]
_AGGREGATION_SECONDS = (60, 600)

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


# The broadest networks of one organisation: 10.0.0.0/8, a /16 of IPv6.
