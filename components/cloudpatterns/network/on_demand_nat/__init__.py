"""Internet egress of private subnets: ``OnDemandNat`` with its NAT instance, schedules and runbook."""
