"""``on_demand_nat``."""

from cloudpatterns.network.on_demand_nat.component import NatWindow, OnDemandNat, OnDemandNatArgs

__all__ = ["NatWindow", "OnDemandNat", "OnDemandNatArgs"]
