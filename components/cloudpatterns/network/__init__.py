"""Network patterns."""

from cloudpatterns.network.load_balancer import LoadBalancer, LoadBalancerArgs

__all__ = [
    "LoadBalancer",
    "LoadBalancerArgs",
]
