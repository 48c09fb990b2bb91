"""Network patterns."""

from cloudpatterns.network.floating_ip import FloatingIp, FloatingIpArgs, FloatingIpMetricArgs
from cloudpatterns.network.functional_firewall import FunctionalFirewall, FunctionalFirewallArgs, FunctionArgs, FunctionEgressArgs
from cloudpatterns.network.load_balancer import LoadBalancer, LoadBalancerArgs, LoadBalancerOptions, MutualTls, Stickiness
from cloudpatterns.network.management_network import (
    ManagedServerArgs,
    ManagementEntryArgs,
    ManagementNetwork,
    ManagementNetworkArgs,
    ManagementVpnArgs,
)
from cloudpatterns.network.multi_load_balancer import AudienceArgs, AudienceEntryArgs, MultiLoadBalancer, MultiLoadBalancerArgs
from cloudpatterns.network.network import (
    Network,
    NetworkAcls,
    NetworkArgs,
    NetworkFlowLogFiles,
    NetworkOptions,
    NetworkSubnetCidrs,
    NetworkSubnetPrefixes,
)
from cloudpatterns.network.on_demand_nat import NatWindow, OnDemandNat, OnDemandNatArgs, OnDemandNatOptions
from cloudpatterns.network.operational_firewall import (
    OperationalFirewall,
    OperationalFirewallArgs,
    OperatorArgs,
    OperatorConsoleArgs,
    OperatorEntryArgs,
    RevocationListArgs,
)
from cloudpatterns.network.service_discovery import (
    DiscoveredLoadBalancerArgs,
    DiscoveredServiceArgs,
    ServiceDiscovery,
    ServiceDiscoveryArgs,
)
from cloudpatterns.network.service_mesh import MeshCanaryArgs, MeshServiceArgs, MeshVersionArgs, ServiceMesh, ServiceMeshArgs
from cloudpatterns.network.web_application_firewall import (
    CountRuleArgs,
    WebApplicationFirewall,
    WebApplicationFirewallArgs,
    WebApplicationFirewallOptions,
    WebExceptionArgs,
    WebRuleArgs,
)
from cloudpatterns.network.zero_trust_network import (
    ZeroTrustAppArgs,
    ZeroTrustEdgeArgs,
    ZeroTrustNetwork,
    ZeroTrustNetworkArgs,
    ZeroTrustServiceArgs,
)

__all__ = [
    "AudienceArgs",
    "AudienceEntryArgs",
    "CountRuleArgs",
    "DiscoveredLoadBalancerArgs",
    "DiscoveredServiceArgs",
    "FloatingIp",
    "FloatingIpArgs",
    "FloatingIpMetricArgs",
    "FunctionArgs",
    "FunctionEgressArgs",
    "FunctionalFirewall",
    "FunctionalFirewallArgs",
    "LoadBalancer",
    "LoadBalancerArgs",
    "LoadBalancerOptions",
    "ManagedServerArgs",
    "ManagementEntryArgs",
    "ManagementNetwork",
    "ManagementNetworkArgs",
    "ManagementVpnArgs",
    "MeshCanaryArgs",
    "MeshServiceArgs",
    "MeshVersionArgs",
    "MultiLoadBalancer",
    "MultiLoadBalancerArgs",
    "MutualTls",
    "NatWindow",
    "Network",
    "NetworkAcls",
    "NetworkArgs",
    "NetworkFlowLogFiles",
    "NetworkOptions",
    "NetworkSubnetCidrs",
    "NetworkSubnetPrefixes",
    "OnDemandNat",
    "OnDemandNatArgs",
    "OnDemandNatOptions",
    "OperationalFirewall",
    "OperationalFirewallArgs",
    "OperatorArgs",
    "OperatorConsoleArgs",
    "OperatorEntryArgs",
    "RevocationListArgs",
    "ServiceDiscovery",
    "ServiceDiscoveryArgs",
    "ServiceMesh",
    "ServiceMeshArgs",
    "Stickiness",
    "WebApplicationFirewall",
    "WebApplicationFirewallArgs",
    "WebApplicationFirewallOptions",
    "WebExceptionArgs",
    "WebRuleArgs",
    "ZeroTrustAppArgs",
    "ZeroTrustEdgeArgs",
    "ZeroTrustNetwork",
    "ZeroTrustNetworkArgs",
    "ZeroTrustServiceArgs",
]
