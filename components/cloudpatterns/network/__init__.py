"""Network patterns."""

from cloudpatterns.network.api_gateway.arguments import (
    ApiAuthorizerArgs,
    ApiCorsArgs,
    ApiDomainArgs,
    ApiEventBusArgs,
    ApiFunctionAuthorizerArgs,
    ApiGatewayArgs,
    ApiGatewayOptions,
    ApiGatewayResponseArgs,
    ApiJwtArgs,
    ApiLoadBalancerArgs,
    ApiMutualTls,
    ApiQueueArgs,
    ApiQuota,
    ApiRouteArgs,
    ApiThrottle,
    ApiUsagePlanArgs,
    ApiUserPoolArgs,
    ApiVpcLinkArgs,
)
from cloudpatterns.network.api_gateway.component import ApiGateway
from cloudpatterns.network.floating_ip.component import FloatingIp, FloatingIpArgs, FloatingIpMetricArgs
from cloudpatterns.network.functional_firewall import (
    FunctionalFirewall,
    FunctionalFirewallArgs,
    FunctionArgs,
    FunctionEgressArgs,
    FunctionPrefixListArgs,
)
from cloudpatterns.network.load_balancer import LoadBalancer, LoadBalancerArgs, LoadBalancerOptions, MutualTls, Stickiness
from cloudpatterns.network.management_network.arguments import (
    ManagedServerArgs,
    ManagementEntryArgs,
    ManagementNetworkArgs,
    ManagementVpnArgs,
)
from cloudpatterns.network.management_network.component import ManagementNetwork
from cloudpatterns.network.multi_load_balancer import AudienceArgs, AudienceEntryArgs, MultiLoadBalancer, MultiLoadBalancerArgs
from cloudpatterns.network.network.arguments import (
    NetworkAcls,
    NetworkArgs,
    NetworkFlowLogFiles,
    NetworkOptions,
    NetworkSubnetCidrs,
    NetworkSubnetPrefixes,
)
from cloudpatterns.network.network.component import Network
from cloudpatterns.network.on_demand_nat.arguments import OnDemandNatArgs, OnDemandNatOptions
from cloudpatterns.network.on_demand_nat.component import OnDemandNat
from cloudpatterns.network.on_demand_nat.windows import NatWindow
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
from cloudpatterns.network.service_mesh.arguments import MeshCanaryArgs, MeshServiceArgs, MeshVersionArgs, ServiceMeshArgs
from cloudpatterns.network.service_mesh.component import ServiceMesh
from cloudpatterns.network.web_application_firewall.arguments import (
    CountRuleArgs,
    WebApplicationFirewallArgs,
    WebApplicationFirewallOptions,
    WebExceptionArgs,
    WebRuleArgs,
)
from cloudpatterns.network.web_application_firewall.component import WebApplicationFirewall
from cloudpatterns.network.zero_trust_network import (
    ZeroTrustAppArgs,
    ZeroTrustEdgeArgs,
    ZeroTrustNetwork,
    ZeroTrustNetworkArgs,
    ZeroTrustServiceArgs,
)

__all__ = [
    "ApiAuthorizerArgs",
    "ApiCorsArgs",
    "ApiDomainArgs",
    "ApiEventBusArgs",
    "ApiFunctionAuthorizerArgs",
    "ApiGateway",
    "ApiGatewayArgs",
    "ApiGatewayOptions",
    "ApiGatewayResponseArgs",
    "ApiJwtArgs",
    "ApiLoadBalancerArgs",
    "ApiMutualTls",
    "ApiQueueArgs",
    "ApiQuota",
    "ApiRouteArgs",
    "ApiThrottle",
    "ApiUsagePlanArgs",
    "ApiUserPoolArgs",
    "ApiVpcLinkArgs",
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
    "FunctionPrefixListArgs",
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
