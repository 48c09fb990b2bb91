"""A web shop of tiers: servers, load balancer, firewalls, database and cache."""
