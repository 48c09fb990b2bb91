"""Two private domains in one VPC: ``svc.internal`` for services that register themselves, ``lb.internal`` for a load balancer."""

import pulumi
from cloudpatterns.network import FunctionalFirewall, LoadBalancer, Network, ServiceDiscovery

REGION = pulumi.Config("aws").require("region")

network = Network("shop", {"cidr_block": "10.40.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"]})

# Orders gets an address record for each healthy task, e.g. of an Amazon ECS service that is given the ARN below as its registry.
# Carts run on ports that change, so an SRV record says the port as well.
services = ServiceDiscovery(
    "services",
    {
        "vpc_id": network.vpc_id,
        "domain_name": "svc.internal",
        "services": {
            "orders": {"description": "Takes orders"},
            "_carts._tcp": {"record_types": ["SRV"], "ttl_seconds": 5},
        },
    },
)

# Clients know web.lb.internal. Another balancer can take this one's place without their notice.
firewall = FunctionalFirewall(
    "shop",
    {
        "vpc_id": network.vpc_id,
        "functions": {"client": {}, "https": {"internet": False, "callers": ["client"]}, "app": {"callers": ["https"]}},
    },
)
balancer = LoadBalancer(
    "web",
    {
        "vpc_id": network.vpc_id,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("https")],
        "internal": True,
        "http_redirect": False,
        "target_port": 8080,
        # A certificate of a private authority, because no public one is given for such a name.
        "certificate_arn": f"arn:aws:acm:{REGION}:123456789012:certificate/7f4c3b0e-7a2b-4c58-9d0f-2f1f5f3a9b11",
    },
)
load_balancers = ServiceDiscovery(
    "load-balancers",
    {
        "vpc_id": network.vpc_id,
        "domain_name": "lb.internal",
        "load_balancers": {"web": {"dns_name": balancer.dns_name, "zone_id": balancer.zone_id}},
    },
)

pulumi.export("orders_service_arn", services.service_arn("orders"))
pulumi.export("host_names", pulumi.Output.all(services.host_names, load_balancers.host_names).apply(lambda names: {**names[0], **names[1]}))
