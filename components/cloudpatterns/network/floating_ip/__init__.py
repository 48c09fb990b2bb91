"""``floating_ip``."""

from cloudpatterns.network.floating_ip.component import FloatingIp, FloatingIpArgs, FloatingIpMetricArgs

__all__ = ["FloatingIp", "FloatingIpArgs", "FloatingIpMetricArgs"]
