"""An address that moves between two instances: ``FloatingIp`` with its failover function."""
