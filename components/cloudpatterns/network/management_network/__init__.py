"""``management_network``."""

from cloudpatterns.network.management_network.component import (
    ManagedServerArgs,
    ManagementEntryArgs,
    ManagementNetwork,
    ManagementNetworkArgs,
    ManagementVpnArgs,
)

__all__ = ["ManagedServerArgs", "ManagementEntryArgs", "ManagementNetwork", "ManagementNetworkArgs", "ManagementVpnArgs"]
