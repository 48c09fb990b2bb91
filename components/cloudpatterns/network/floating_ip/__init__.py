"""An address that moves between two instances: ``FloatingIp`` with its failover function."""

from cloudpatterns.network.floating_ip.component import FloatingIp, FloatingIpArgs, FloatingIpMetricArgs

__all__ = ["FloatingIp", "FloatingIpArgs", "FloatingIpMetricArgs"]
