"""VPC block public access: the region's switch, and what of this network is exempt from it."""

from collections.abc import Iterator, Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component

Tags = Mapping[str, pulumi.Input[str]]

BIDIRECTIONAL, INGRESS = "block-bidirectional", "block-ingress"
"""Modes of the switch."""
_BOTH_WAYS, _OUTWARD = "allow-bidirectional", "allow-egress"
_PLACES = ("vpc", "public", "private")


def exclusion_problems(mode: str | None, exclusions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with the exclusions from a switch in this mode, or one that is set elsewhere, as paths and reasons."""
    for place, exclusion in exclusions.items():
        path = f"public_access_exclusions.{place}"
        if place not in _PLACES:
            reason = "data subnets have no way to the internet" if place == "data" else f"{place!r} is no part of a network"
            yield path, f"is not possible: {reason}. The keys are {', '.join(_PLACES)}."
        elif exclusion not in (_BOTH_WAYS, _OUTWARD):
            yield path, f"is {exclusion!r}; allowed are {_BOTH_WAYS} and {_OUTWARD}."
        elif place == "private" and exclusion == _BOTH_WAYS:
            yield path, f"is {_BOTH_WAYS}, and private subnets are never entered from the internet. Give {_OUTWARD}."
        elif mode == INGRESS and exclusion == _OUTWARD:
            yield path, f"is {_OUTWARD}, which {INGRESS} allows everyone already. Remove it."
    if "vpc" in exclusions and len(exclusions) > 1:
        yield "public_access_exclusions.vpc", "excludes every subnet already. Remove the others, or vpc."


def default_exclusions(mode: str | None, dual_stack: bool) -> dict[str, str]:
    """What must be exempt for load balancers and NATs in public subnets, and for the egress-only gateway, to go on working."""
    if mode is None:
        return {}
    outward = {"private": _OUTWARD} if mode == BIDIRECTIONAL and dual_stack else {}
    return {"public": _BOTH_WAYS, **outward}


def block_public_access(
    component: Component,
    name: str,
    vpc: aws.ec2.Vpc,
    subnet_ids: Mapping[str, Mapping[str, pulumi.Output[str]]],
    mode: str | None,
    exclusions: Mapping[str, str],
    tags: Tags,
) -> None:
    """The exclusions, and after them, so that nothing is cut off in between, the region's switch."""
    made = []
    for place, exclusion in exclusions.items():
        targets = {"vpc": None} if place == "vpc" else {f"{place}-{zone}": subnet_id for zone, subnet_id in subnet_ids[place].items()}
        for suffix, subnet_id in targets.items():
            made.append(
                aws.ec2.VpcBlockPublicAccessExclusion(
                    f"{name}-exclusion-{suffix}",
                    vpc_id=vpc.id if subnet_id is None else None,
                    subnet_id=subnet_id,
                    internet_gateway_exclusion_mode=exclusion,
                    tags={"Name": f"{name}-{suffix}", **tags},
                    opts=component.child(),
                )
            )
    if mode is not None:
        aws.ec2.VpcBlockPublicAccessOptions(
            f"{name}-block-public-access", internet_gateway_block_mode=mode, opts=component.child(depends_on=made)
        )
