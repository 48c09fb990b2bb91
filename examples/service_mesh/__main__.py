"""Orders in two versions. One request in twenty goes to the new one, and every request with ``x-canary: true``."""

import pulumi
import pulumi_aws as aws
from cloudpatterns.network import FunctionalFirewall, Network, ServiceMesh
from cloudpatterns.security import WorkloadRole

REGION = pulumi.Config("aws").require("region")
LATTICE = pulumi.Config().require("lattice_prefix_list_id")

network = Network("shop", {"cidr_block": "10.42.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"]})
web_role = WorkloadRole("web", {"service": "ec2.amazonaws.com", "instance_profile": True})

# The web machines reach VPC Lattice, and the VPC's connection to the mesh takes calls from them alone.
firewall = FunctionalFirewall(
    "shop",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "web": {
                "egress": {"lattice": {"ports": [443], "prefix_list_id": LATTICE, "prefix_list_entries": 10, "description": "VPC Lattice"}}
            },
            "mesh": {"ports": [443], "callers": ["web"]},
            "orders": {},
        },
    },
)
# The targets take requests, health checks included, from VPC Lattice alone.
aws.vpc.SecurityGroupIngressRule(
    "orders-from-lattice",
    security_group_id=firewall.group_id("orders"),
    prefix_list_id=LATTICE,
    ip_protocol="tcp",
    from_port=8080,
    to_port=8080,
    description="From VPC Lattice",
)

mesh = ServiceMesh(
    "shop",
    {
        "vpc_id": network.vpc_id,
        "security_group_ids": [firewall.group_id("mesh")],
        "services": {
            "orders": {
                "callers": {"web": web_role.role_arn},
                "versions": {
                    "v1": {"port": 8080, "weight": 95, "health_check_path": "/health"},
                    "v2": {"port": 8080, "weight": 5, "health_check_path": "/health"},
                },
                "canary": {"weights": {"v2": 100}},
                # With True, a release controller moves the weights from here on, and no deployment moves them back.
                "external_weights": False,
            },
        },
    },
)

# Calls are signed requests to this name, for the service vpc-lattice-svcs.
pulumi.export("orders_host_name", mesh.host_names["orders"])
# Auto Scaling groups register their machines as a traffic source of the type vpc-lattice.
pulumi.export("target_group_ids", mesh.target_group_ids)
