"""The components in a plugin of their own, by the SDK that Pulumi generates: this program installs no pulumi-aws."""

import pulumi
import pulumi_cloudpatterns as cloudpatterns  # ty: ignore[import-not-found] (`pulumi install` makes it)

zones = ["eu-west-1a", "eu-west-1b"]
network = cloudpatterns.Network("network", cidr_block="10.40.0.0/16", zones=zones)
nat = cloudpatterns.OnDemandNat(
    "nat",
    strategy="on_demand",
    vpc_id=network.vpc_id,
    vpc_cidr_block=network.vpc_cidr_block,
    # Which zones there are is plain; what is in them is an output.
    public_subnet_ids_by_zone={zone: network.public_subnet_ids_by_zone[zone] for zone in zones},
    private_route_table_ids_by_zone={zone: network.private_route_table_ids_by_zone[zone] for zone in zones},
    windows=[{"name": "patch", "days": ["TUE", "THU"], "start": "02:00", "minutes": 120}],
    egress_ports=[443],
)
pulumi.export("privateSubnets", network.private_subnet_ids_by_zone)
pulumi.export("addresses", nat.public_ips)
