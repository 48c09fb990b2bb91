"""A shop in which nothing may talk to anything but: web to api, api to the database, and api to the payments service, as itself."""

import pulumi
from cloudpatterns.network import Network, ServiceMesh, ZeroTrustNetwork
from cloudpatterns.security import WorkloadRole

REGION = pulumi.Config("aws").require("region")

network = Network("shop", {"cidr_block": "10.41.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"]})
api_role = WorkloadRole("api", {"service": "ec2.amazonaws.com", "instance_profile": True})

# The service itself. It joins no network here: the zero trust network below takes it in.
payments = ServiceMesh(
    "pay",
    {
        "vpc_id": network.vpc_id,
        "associate": False,
        # The role's permission comes from the network below.
        "attach_role_policies": False,
        "services": {"payments": {"callers": {"api": api_role.role_arn}, "versions": {"v1": {"target_type": "ip", "port": 8443}}}},
    },
)

zero_trust = ZeroTrustNetwork(
    "shop-zt",
    {
        "vpc_id": network.vpc_id,
        "apps": {"web": {}, "api": {"role_arn": api_role.role_arn}, "database": {}, "payments": {}},
        # All connections there are. No one else reaches the database, and the database reaches no one.
        "edges": [
            {"source": "web", "target": "api", "port": 8080},
            {"source": "api", "target": "database", "port": 5432},
        ],
        # All calls there are. Payments admits VPC Lattice only, and VPC Lattice admits the role of api only.
        "services": {
            "payments": {"service_arn": payments.service_arn("payments"), "callers": ["api"], "app": "payments", "app_port": 8443},
        },
        "lattice_prefix_list_id": pulumi.Config().require("lattice_prefix_list_id"),
    },
)

# Give a machine the group of the app that it is.
pulumi.export("security_group_ids", zero_trust.security_group_ids)
pulumi.export("payments_host_name", payments.host_names["payments"])
