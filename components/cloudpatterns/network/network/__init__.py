"""A VPC of three tiers: ``Network`` with its subnets, routes, endpoints, network ACLs and flow log; ``subnets`` plans the addresses."""
