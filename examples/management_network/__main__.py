"""Management Network: two servers take business on one interface and administrators on another, who come through a Client VPN."""

import pulumi
from cloudpatterns.network import FunctionalFirewall, ManagementNetwork, Network

ZONES = ["eu-west-1a", "eu-west-1b"]
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
# Certificates of your own account take the place of this. Where one authority has issued those of server and clients, one ARN is enough.
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-4000-8000-000000000001"

network = Network("net", {"cidr_block": "10.42.0.0/20", "zones": ZONES})

# Who calls the servers: whatever wears the group `web`, which reaches the private subnets on the servers' port.
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {"web": {"egress": {"servers": {"ports": [8080], "cidr": "10.42.0.0/23", "description": "Private subnets"}}}},
    },
)

backnet = ManagementNetwork(
    "backnet",
    {
        "vpc_id": network.vpc_id,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        # Free addresses of the VPC: the other tiers take those from its beginning.
        "management_cidrs_by_zone": {"eu-west-1a": "10.42.15.0/26", "eu-west-1b": "10.42.15.64/26"},
        "admin_ports": [22],
        "client_vpn": {
            "server_certificate_arn": CERTIFICATE,
            "root_certificate_chain_arn": CERTIFICATE,
            # Addresses of the administrators' machines in the tunnel, outside of the VPC.
            "client_cidr_block": "10.250.0.0/22",
        },
        # A second way in, by IAM instead of certificates, for the day the VPN is down.
        "instance_connect_zone": "eu-west-1a",
        "servers": {
            "app-a": {
                "zone": "eu-west-1a",
                "instance_type": "t4g.micro",
                "image_parameter": IMAGE,
                "ports": [8080],
                "callers": {"web": firewall.group_id("web")},
            },
            "app-b": {
                "zone": "eu-west-1b",
                "instance_type": "t4g.micro",
                "image_parameter": IMAGE,
                "ports": [8080],
                "callers": {"web": firewall.group_id("web")},
            },
        },
    },
)

pulumi.export("client_vpn_endpoint", backnet.client_vpn_endpoint_id)
pulumi.export("connect_to", backnet.management_addresses)
pulumi.export("serve_at", backnet.business_addresses)
