"""``multi_load_balancer``."""

from cloudpatterns.network.multi_load_balancer.component import AudienceArgs, AudienceEntryArgs, MultiLoadBalancer, MultiLoadBalancerArgs

__all__ = ["AudienceArgs", "AudienceEntryArgs", "MultiLoadBalancer", "MultiLoadBalancerArgs"]
