"""The internet egress of private subnets."""

from typing import Any

import pulumi
from cloudpatterns.network import Network, OnDemandNat

import settings


def deploy_nat(section: settings.Network, network: Network, **place: Any) -> OnDemandNat:
    """The NAT of the section `network`; ``place`` are topics for its alarms, and tags."""
    nat = OnDemandNat(
        "nat",
        {
            **section.nat.as_args(),
            "vpc_id": network.vpc_id,
            "vpc_cidr_block": network.vpc_cidr_block,
            "public_subnet_ids_by_zone": network.subnet_ids("public"),
            "private_route_table_ids_by_zone": network.route_table_ids("private"),
            "dual_stack": section.dual_stack,
            **place,
        },
    )
    pulumi.export("nat_public_ips", nat.public_ips)
    if nat.runbook_name is not None:
        pulumi.export("nat_runbook", nat.runbook_name)
    return nat
