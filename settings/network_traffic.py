"""Parts of the section `network` about traffic and its logs: network ACLs and the interval of the flow logs."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any

from cloudpatterns import network
from pydantic import AfterValidator, BeforeValidator, Field

from settings.faults import Allowed, refuse
from settings.fields import WHOLE, Cidr, each_once
from settings.options import options

_AGGREGATION_SECONDS = (60, 600)

# The broadest networks of one organisation: 10.0.0.0/8, a /16 of IPv6.
_BROADEST = {4: 8, 6: 16}


def _interval(value: Any) -> Any:
    if isinstance(value, int) and value not in _AGGREGATION_SECONDS:
        raise refuse("flow logs do not support this interval", 60 if value < _AGGREGATION_SECONDS[1] else 600)
    return value


AggregationSeconds = Annotated[int, BeforeValidator(_interval)]
"""The interval of flow logs, with the nearest one that they support as the fix."""


def _no_ssh(value: int) -> int:
    if value == 22:
        raise refuse("an administration port, which is never opened to the internet: use Session Manager or a trusted network", 443)
    return value


def _of_one_organisation(value: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if value.prefixlen < _BROADEST[value.version]:
        raise refuse("the whole internet" if value.prefixlen == 0 else "far too broad for a network of one organisation")
    return value


class NetworkAcls(options(network.NetworkAcls)):
    """Network ACLs of the tiers: all traffic inside the VPC, from outside only what is listed here, and responses."""

    public_ports: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1023), WHOLE, AfterValidator(_no_ssh), Allowed("a port, 1 to 1023, not 22", 443)], ...],
        AfterValidator(each_once),
        Allowed("TCP ports, 1 to 1023, not 22, each once", [80, 443]),
    ] = (80, 443)
    """TCP ports on which public subnets allow the internet. Ports above 1023 are open for responses anyway."""
    trusted_cidrs: Annotated[
        tuple[
            Annotated[
                Cidr,
                AfterValidator(_of_one_organisation),
                Allowed("an IPv4 network of /8 or narrower or, with dual_stack, an IPv6 network of /16 or narrower", "10.250.0.0/16"),
            ],
            ...,
        ],
        AfterValidator(each_once),
        Allowed("networks outside the VPC that reach private subnets, each once", ["10.250.0.0/16"]),
    ] = ()
    """Networks that reach private subnets over a VPN, Direct Connect or peering: those of all operators."""


class FlowLogFiles(options(network.NetworkFlowLogFiles, texts={"format": Allowed("plain-text or parquet", "parquet")})):
    """Format of the files of a flow log in a bucket."""
