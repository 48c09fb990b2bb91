"""What arguments of a `Network` do not go together, whether it makes a VPC or adopts one."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from cloudpatterns.network.network import subnets
from cloudpatterns.network.network.flow_log import FlowLogSettings, flow_log_problems
from cloudpatterns.network.network.network_acls import acl_problems
from cloudpatterns.network.network.public_access import exclusion_problems

SUBNET_IDS = {tier: f"{tier}_subnet_ids_by_zone" for tier in subnets.TIERS}
"""Tier to the argument with the ids of its subnets."""
TABLE_IDS = {tier: f"{tier}_route_table_ids_by_zone" for tier in subnets.TIERS}
"""Tier to the argument with the ids of its route tables."""
_ADOPTED = ("internet_gateway_id", *SUBNET_IDS.values(), *TABLE_IDS.values())
_MADE = (
    *("subnet_prefixes", "subnet_cidrs", "dual_stack", "ipv4_ipam_pool_id", "ipv4_netmask_length"),
    *("interface_endpoints", "network_acls", "block_public_access", "public_access_exclusions"),
    *("flow_log_destination", "flow_log_retention_days", "flow_log_bucket_arn", "flow_log_customer_key", "flow_log_files"),
    *("flow_log_aggregation_seconds", "flow_log_force_destroy", "kms_key_arn"),
)

Problems = list[tuple[str, str]]


def problems(name: str, args: Mapping[str, Any], flow_log: FlowLogSettings) -> Problems:
    """Everything that is wrong with checked arguments taken together, as paths and reasons."""
    given = {key: value for key, value in args.items() if value is not None and value is not False and value != []}
    regions = sorted({zone[:-1] for zone in args["zones"]})
    found: Problems = []
    if len(regions) > 1:
        found.append(("zones", f"are of the regions {', '.join(regions)}; all zones of a network are of one region. Remove the others."))
    if "vpc_id" in given:
        return found + _adoption_problems(args["zones"], given)
    found += _creation_problems(given)
    found += flow_log_problems(name, flow_log)
    found += exclusion_problems(args["block_public_access"], args["public_access_exclusions"] or {})
    if args["network_acls"] is not None:
        acls = acl_problems(args["network_acls"], args["cidr_block"], args["dual_stack"])
        found += [(f"network_acls.{path}", reason) for path, reason in acls]
    return found + _endpoint_problems(args["interface_endpoints"])


def _creation_problems(given: Mapping[str, Any]) -> Problems:
    found = [(key, "belongs to an adopted VPC. Remove it, or give vpc_id.") for key in _ADOPTED if key in given]
    if "ipv4_netmask_length" in given:
        if "ipv4_ipam_pool_id" not in given:
            found.append(("ipv4_netmask_length", "needs ipv4_ipam_pool_id, the pool to take from. Give it, or cidr_block instead."))
        if "cidr_block" in given:
            found.append(("cidr_block", "and ipv4_netmask_length exclude each other: the pool chooses the block. Remove one."))
        elif "subnet_cidrs" in given:
            found.append(("subnet_cidrs", "needs cidr_block: what the pool will choose is not known. Give subnet_prefixes instead."))
    elif "cidr_block" not in given:
        found.append(("cidr_block", "is missing; give it, or ipv4_ipam_pool_id and ipv4_netmask_length, or vpc_id to adopt a VPC."))
    if "subnet_prefixes" in given and "subnet_cidrs" in given:
        found.append(("subnet_prefixes", "and subnet_cidrs exclude each other: the latter gives every subnet its size. Remove one."))
    return found


def _endpoint_problems(services: Sequence[str]) -> Problems:
    found: Problems = []
    for index, service in enumerate(services):
        path = f"interface_endpoints.{index}"
        if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", service):
            found.append((path, f"is {service!r}; the short name of a service is needed, such as ssm or ecr.api."))
        elif service in ("s3", "dynamodb"):
            found.append((path, f"is {service!r}, which every network reaches through a gateway endpoint already. Remove it."))
        elif service in services[:index]:
            found.append((path, f"is {service!r} again; name each service once."))
    return found


def _adoption_problems(zones: Sequence[str], given: Mapping[str, Any]) -> Problems:
    found = [(key, "shapes a new VPC, and vpc_id adopts one as it is. Remove one.") for key in _MADE if key in given]
    if "cidr_block" not in given:
        found.append(("cidr_block", "is missing; give the adopted VPC's IPv4 block."))
    else:
        try:
            IPv4Network(given["cidr_block"])
        except ValueError as error:
            found.append(("cidr_block", f"is no IPv4 network: {error}"))
    if not any(key in given for key in SUBNET_IDS.values()):
        found.append(("vpc_id", f"adopts a VPC without subnets; give at least one of {', '.join(SUBNET_IDS.values())}."))
    for keys, prefix in ((SUBNET_IDS, "subnet"), (TABLE_IDS, "rtb")):
        for key in keys.values():
            ids = given.get(key)
            if ids is None:
                continue
            if set(ids) != set(zones):
                found.append((key, f"has the zones {', '.join(sorted(ids)) or 'none'}; one id is needed for each of {', '.join(zones)}."))
            for zone, value in ids.items():
                if isinstance(value, str) and not re.fullmatch(rf"{prefix}-[0-9a-f]+", value):
                    found.append((f"{key}.{zone}", f"is {value!r}; an id such as {prefix}-0123456789abcdef0 is needed."))
    return found + _repeated_subnets(given)


def _repeated_subnets(given: Mapping[str, Any]) -> Problems:
    places = [(f"{key}.{zone}", value) for key in SUBNET_IDS.values() for zone, value in given.get(key, {}).items()]
    times = Counter(value for _, value in places if isinstance(value, str))
    repeated = [(path, value) for path, value in places if isinstance(value, str) and times[value] > 1]
    return [(path, f"is {value!r}, which stands elsewhere too; a subnet has one zone and one tier.") for path, value in repeated]
