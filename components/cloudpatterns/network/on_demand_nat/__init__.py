"""Internet egress of private subnets: ``OnDemandNat`` with its NAT instance, schedules and runbook."""

from cloudpatterns.network.on_demand_nat.arguments import OnDemandNatArgs, OnDemandNatOptions
from cloudpatterns.network.on_demand_nat.component import OnDemandNat
from cloudpatterns.network.on_demand_nat.windows import NatWindow

__all__ = ["NatWindow", "OnDemandNat", "OnDemandNatArgs", "OnDemandNatOptions"]
