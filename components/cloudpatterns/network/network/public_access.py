"""VPC block public access: the region's switch, and what of this network is exempt from it."""

from collections.abc import Iterator
from typing import Any

import pulumi_aws as aws

from cloudpatterns.core import Component, Problem, unknown
from cloudpatterns.network.network.arguments import NetworkArgs
from cloudpatterns.network.network.tiers import IdsByTier

_PLACES = ("vpc", "public", "private")


def block_public_access(component: Component, checked: NetworkArgs, vpc: aws.ec2.Vpc, subnet_ids: IdsByTier) -> None:
    """The exclusions, and after them, so that nothing is cut off in between, the region's switch."""
    name, mode = component.pulumi_resource_name, checked.get("block_public_access")
    exclusions = []
    for place, exclusion in _exclusions(checked).items():
        targets: dict[str, dict[str, Any]] = {"vpc": {"vpc_id": vpc.id}}
        if place != "vpc":
            targets = {f"{place}-{zone}": {"subnet_id": subnet_id} for zone, subnet_id in subnet_ids[place].items()}
        exclusions += [
            aws.ec2.VpcBlockPublicAccessExclusion(
                f"{name}-exclusion-{suffix}",
                internet_gateway_exclusion_mode=exclusion,
                tags={"Name": f"{name}-{suffix}", **checked["tags"]},
                opts=component.child(),
                **target,
            )
            for suffix, target in targets.items()
        ]
    if mode is not None:
        aws.ec2.VpcBlockPublicAccessOptions(
            f"{name}-block-public-access", internet_gateway_block_mode=mode, opts=component.child(depends_on=exclusions)
        )


def exclusion_problems(checked: NetworkArgs) -> Iterator[Problem]:
    """What is wrong with the exclusions from the switch, or from one that is set elsewhere."""
    exclusions, mode = _exclusions(checked), checked.get("block_public_access")
    for place, exclusion in exclusions.items():
        path = f"public_access_exclusions.{place}"
        if place not in _PLACES:
            yield path, unknown(place, "a part of a network that can be exempt", _PLACES)
        elif place == "private" and exclusion == "allow-bidirectional":
            yield path, "is allow-bidirectional, and private subnets have no internet ingress. Give allow-egress."
        elif mode == "block-ingress" and exclusion == "allow-egress":
            yield path, "is allow-egress, which block-ingress allows already. Remove it."
    if "vpc" in exclusions and len(exclusions) > 1:
        yield "public_access_exclusions.vpc", "exempts every subnet already. Remove the others, or vpc."


def _exclusions(checked: NetworkArgs) -> dict[str, str]:
    """What is exempt; by default what load balancers and NATs in public subnets, and the egress-only gateway, need to go on working."""
    exclusions, mode = checked.get("public_access_exclusions"), checked.get("block_public_access")
    if exclusions is not None:
        return exclusions
    if mode is None:
        return {}
    private = {"private": "allow-egress"} if mode == "block-bidirectional" and checked["dual_stack"] else {}
    return {"public": "allow-bidirectional", **private}
