"""A VPC of three tiers: ``Network`` with its subnets, routes, endpoints, network ACLs and flow log; ``subnets`` plans the addresses."""

from cloudpatterns.network.network.arguments import (
    NetworkAcls,
    NetworkArgs,
    NetworkFlowLogFiles,
    NetworkOptions,
    NetworkSubnetCidrs,
    NetworkSubnetPrefixes,
)
from cloudpatterns.network.network.component import Network

__all__ = [
    "Network",
    "NetworkAcls",
    "NetworkArgs",
    "NetworkFlowLogFiles",
    "NetworkOptions",
    "NetworkSubnetCidrs",
    "NetworkSubnetPrefixes",
]
