"""Management Network: ``component`` and its ``entrances``, its ``arguments``, and the ``checks`` over them."""

from cloudpatterns.network.management_network.arguments import (
    ManagedServerArgs,
    ManagementEntryArgs,
    ManagementNetworkArgs,
    ManagementVpnArgs,
)
from cloudpatterns.network.management_network.component import ManagementNetwork

__all__ = ["ManagedServerArgs", "ManagementEntryArgs", "ManagementNetwork", "ManagementNetworkArgs", "ManagementVpnArgs"]
