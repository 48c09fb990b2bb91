"""The pattern Multi-Load Balancer: its component and arguments; ``audiences`` says from where clients connect."""

from cloudpatterns.network.multi_load_balancer.arguments import AudienceArgs, AudienceEntryArgs, MultiLoadBalancerArgs
from cloudpatterns.network.multi_load_balancer.component import MultiLoadBalancer

__all__ = ["AudienceArgs", "AudienceEntryArgs", "MultiLoadBalancer", "MultiLoadBalancerArgs"]
