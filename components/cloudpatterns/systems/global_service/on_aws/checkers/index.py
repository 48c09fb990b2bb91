"""Authorizes the health check's route: for the addresses of Route 53's checkers, and others that CLIENT_CIDRS names.

Route 53 sends no credentials. What it asks tells which part of the cell fails, and reads a table: nobody else needs that.
"""

import functools
import ipaddress
import os
from collections.abc import Mapping, Sequence
from typing import Any

# ROUTE53_HEALTHCHECKS of https://ip-ranges.amazonaws.com/ip-ranges.json. A check by name comes over IPv4 alone; an endpoint is healthy for
# Route 53 while more than 18 % of the checkers find it so, and ranges are added one by one.
# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
CHECKERS = (
    *("15.177.0.0/18", "54.183.255.128/26", "54.228.16.0/26", "54.232.40.64/26", "54.241.32.64/26", "54.243.31.192/26"),
    *("54.244.52.192/26", "54.245.168.0/26", "54.248.220.0/26", "54.250.253.192/26", "54.251.31.128/26", "54.252.79.128/26"),
    *("54.252.254.192/26", "54.255.254.192/26", "107.23.255.0/26", "176.34.159.192/26", "177.71.207.128/26"),
)


@functools.cache
def networks(more: str) -> Sequence[Any]:
    """The networks that may ask."""
    return [ipaddress.ip_network(cidr) for cidr in (*CHECKERS, *more.split())]


def is_known(address: str, more: str) -> bool:
    """Whether an address is one of those that may ask."""
    client = ipaddress.ip_address(address)
    return any(client in network for network in networks(more))


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """The entry point: a policy for a REST API, a simple response for an HTTP API."""
    request, more = event["requestContext"], os.environ.get("CLIENT_CIDRS", "")
    if "http" in request:
        return {"isAuthorized": is_known(request["http"]["sourceIp"], more)}
    effect = "Allow" if is_known(request["identity"]["sourceIp"], more) else "Deny"
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
    return {"principalId": "health-check", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
