"""``network``."""

from cloudpatterns.network.network.component import Network, NetworkArgs, NetworkSubnetCidrs, NetworkSubnetPrefixes
from cloudpatterns.network.network.flow_log import NetworkFlowLogFiles
from cloudpatterns.network.network.network_acls import NetworkAcls

__all__ = ["Network", "NetworkAcls", "NetworkArgs", "NetworkFlowLogFiles", "NetworkSubnetCidrs", "NetworkSubnetPrefixes"]
