"""Rules over the arguments of a ``Network``, whether it creates a VPC or adopts one."""

import re
from collections import Counter
from collections.abc import Iterator

from cloudpatterns.core import Problem, declared, excludes, is_given, needs, one_of, region_of_zone
from cloudpatterns.network.network.arguments import SUBNET_IDS, TABLE_IDS, NetworkArgs
from cloudpatterns.network.network.flow_log import goes_to_bucket
from cloudpatterns.network.network.network_acls import acl_problems
from cloudpatterns.network.network.public_access import exclusion_problems
from cloudpatterns.network.network.subnets import SubnetPlanError
from cloudpatterns.network.network.tiers import subnet_networks

_ADOPTED = ("internet_gateway_id", *SUBNET_IDS.values(), *TABLE_IDS.values())
_CREATED = tuple(name for name in declared(NetworkArgs) if name not in ("zones", "cidr_block", "vpc_id", "tags", *_ADOPTED))


def child_names(checked: NetworkArgs) -> dict[str, int]:
    """AWS's limits of the names of children, by suffix."""
    if checked.get("vpc_id") is not None or checked.get("flow_log_bucket_arn") is not None:
        return {}
    return {"flow-logs-logs-bucket": 63} if goes_to_bucket(checked) else {"flow-log-role": 64}


def problems(name: str, checked: NetworkArgs) -> Iterator[Problem]:
    """What is wrong with the arguments taken together, and whether the subnets fit."""
    regions = sorted({region_of_zone(zone) or zone[:-1] for zone in checked["zones"]})
    if len(regions) > 1:
        yield "zones", f"are of the regions {', '.join(regions)}; all zones of a network are of one region. Remove the others."
    if checked.get("vpc_id") is not None:
        yield from _adoption_problems(checked)
    else:
        yield from [*_creation_problems(name, checked)] or _layout_problems(checked)


def _creation_problems(name: str, checked: NetworkArgs) -> Iterator[Problem]:
    for argument in _ADOPTED:
        yield from needs(checked, argument, "vpc_id")
    yield from one_of(checked, "cidr_block", "ipv4_netmask_length")
    yield from needs(checked, "ipv4_netmask_length", "ipv4_ipam_pool_id")
    yield from excludes(checked, "ipv4_netmask_length", "subnet_cidrs", why="the pool chooses the block")
    yield from excludes(checked, "subnet_prefixes", "subnet_cidrs", why="the latter gives every subnet its size")
    yield from _flow_log_problems(name, checked)
    yield from exclusion_problems(checked)
    yield from acl_problems(checked)
    for index, service in enumerate(checked["interface_endpoints"]):
        if service in ("s3", "dynamodb"):
            yield f"interface_endpoints.{index}", f"is {service!r}, which has a gateway endpoint in every network already. Remove it."


def _flow_log_problems(name: str, checked: NetworkArgs) -> Iterator[Problem]:
    created = ("kms_key_arn", "flow_log_customer_key", "flow_log_retention_days")
    yield from excludes(checked, "flow_log_bucket_arn", *created, why="nothing is created for the flow log")
    yield from excludes(checked, "flow_log_customer_key", "kms_key_arn", why="one creates a key, the other gives one")
    has_bucket = is_given(checked, "flow_log_bucket_arn")
    creates_bucket = goes_to_bucket(checked) and not has_bucket
    if has_bucket and checked.get("flow_log_destination") == "cloud-watch-logs":
        yield "flow_log_destination", "is cloud-watch-logs, and flow_log_bucket_arn names a bucket. Remove one."
    if is_given(checked, "flow_log_files") and not goes_to_bucket(checked):
        yield "flow_log_files", "is about files in a bucket. Remove it, or set flow_log_destination to s3."
    if checked["flow_log_force_destroy"] and not creates_bucket:
        yield "flow_log_force_destroy", "is about the bucket that is created with flow_log_destination s3. Remove it."
    if creates_bucket and not re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]*", name):
        yield "name", f"is {name!r}; names of buckets have letters, digits and dashes only. Give the component such a name."


def _layout_problems(checked: NetworkArgs) -> Iterator[Problem]:
    block, explicit = checked.get("cidr_block"), checked.get("subnet_cidrs")
    # Whether the subnets fit does not depend on which block the pool chooses.
    block = f"10.0.0.0/{checked['ipv4_netmask_length']}" if block is None else block
    try:
        subnet_networks(checked, block)
    except SubnetPlanError as error:
        path = "zones" if error.zone else "cidr_block"
        if error.tier:
            path = "subnet_prefixes" if explicit is None else "subnet_cidrs"
        yield path, f"cannot be laid out: {error}"


def _adoption_problems(checked: NetworkArgs) -> Iterator[Problem]:
    yield from excludes(checked, "vpc_id", *_CREATED, why="an adopted VPC is left as it is")
    yield from needs(checked, "vpc_id", "cidr_block")
    given = {name: ids for name in (*SUBNET_IDS.values(), *TABLE_IDS.values()) if (ids := checked.get(name)) is not None}
    if not given.keys() & {*SUBNET_IDS.values()}:
        yield "vpc_id", f"adopts a VPC without subnets; give at least one of {', '.join(SUBNET_IDS.values())}."
    for name, ids in given.items():
        if set(ids) != set(checked["zones"]):
            yield name, f"has the zones {', '.join(sorted(ids)) or 'none'}; one id is needed for each of {', '.join(checked['zones'])}."
    subnets = {f"{name}.{zone}": subnet_id for name in SUBNET_IDS.values() for zone, subnet_id in given.get(name, {}).items()}
    times = Counter(subnet_id for subnet_id in subnets.values() if isinstance(subnet_id, str))
    for path, subnet_id in subnets.items():
        if isinstance(subnet_id, str) and times[subnet_id] > 1:
            yield path, f"is {subnet_id!r}, which is also given elsewhere; a subnet has one zone and one tier. Correct one."
