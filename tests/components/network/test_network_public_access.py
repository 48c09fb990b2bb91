"""`Network` with VPC block public access: the switch, what it spares, in which order, and what makes no sense."""

from typing import Any, cast

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import Network, NetworkArgs
from offline_preview.graph import Graph

from tests.harness import record, refs

SWITCH = "aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions"
EXCLUSION = "aws:ec2/vpcBlockPublicAccessExclusion:VpcBlockPublicAccessExclusion"
A, B = "eu-west-1a", "eu-west-1b"
BOTH_WAYS, OUTWARD = "allow-bidirectional", "allow-egress"
PUBLIC = {f"net-exclusion-public-{zone}": (f"net-public-{zone}", BOTH_WAYS) for zone in (A, B)}
PRIVATE = {f"net-exclusion-private-{zone}": (f"net-private-{zone}", OUTWARD) for zone in (A, B)}


def network(**args: Any) -> Graph:
    given = {"cidr_block": "10.20.0.0/16", "zones": [A, B], **args}
    return record(lambda: Network("net", cast(NetworkArgs, given)))


def spared(graph: Graph) -> dict[str, tuple[str, str]]:
    """Name of the exclusion to what it spares and how."""
    places = {one.name for one in graph.of_type("aws:ec2/subnet:Subnet", "aws:ec2/vpc:Vpc")}
    found = {}
    for one in graph.of_type(EXCLUSION):
        assert ("vpcId" in one.inputs) != ("subnetId" in one.inputs), "AWS wants exactly one"
        (place,) = set(refs(graph, one, "vpcId", "subnetId")) & places
        found[one.name] = (place, one.inputs["internetGatewayExclusionMode"])
    return found


def test_by_default_the_switch_is_left_alone() -> None:
    assert network(dual_stack=True).of_type(SWITCH, EXCLUSION) == []


@pytest.mark.parametrize(
    ("mode", "dual_stack", "expected"),
    [
        ("block-ingress", False, PUBLIC),
        # The egress-only gateway is let through by this mode.
        ("block-ingress", True, PUBLIC),
        ("block-bidirectional", False, PUBLIC),
        ("block-bidirectional", True, PUBLIC | PRIVATE),
    ],
)
def test_the_switch_spares_what_the_network_needs_and_comes_after_it(mode: str, dual_stack: bool, expected: dict[str, Any]) -> None:
    graph = network(block_public_access=mode, dual_stack=dual_stack)
    assert spared(graph) == expected
    switch = graph.one(SWITCH, "net-block-public-access")
    assert switch.inputs == {"internetGatewayBlockMode": mode}
    assert {one.urn for one in graph.of_type(EXCLUSION)} <= set(switch.dependencies)


@pytest.mark.parametrize(
    ("exclusions", "expected"),
    [
        ({}, {}),
        ({"vpc": BOTH_WAYS}, {"net-exclusion-vpc": ("net-vpc", BOTH_WAYS)}),
        ({"vpc": OUTWARD}, {"net-exclusion-vpc": ("net-vpc", OUTWARD)}),
        ({"private": OUTWARD, "public": BOTH_WAYS}, PUBLIC | PRIVATE),
        ({"public": OUTWARD}, {name: (place, OUTWARD) for name, (place, _) in PUBLIC.items()}),
    ],
)
@pytest.mark.parametrize("mode", [None, "block-bidirectional"])
def test_what_is_spared_can_be_chosen_also_from_a_switch_set_elsewhere(
    mode: str | None, exclusions: dict[str, str], expected: dict[str, Any]
) -> None:
    graph = network(block_public_access=mode, public_access_exclusions=exclusions)
    assert spared(graph) == expected
    assert len(graph.of_type(SWITCH)) == (mode is not None)


def test_exclusions_have_tags() -> None:
    graph = network(public_access_exclusions={"vpc": BOTH_WAYS}, tags={"Owner": "platform"})
    assert graph.one(EXCLUSION).inputs["tags"] == {"Name": "net-vpc", "Owner": "platform"}


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            {"public_access_exclusions": {"data": OUTWARD}},
            ("data", "is 'data', which is not a part of a network that can be exempt; known are vpc, public, private."),
        ),
        (
            {"public_access_exclusions": {"dmz": OUTWARD}},
            ("dmz", "is 'dmz', which is not a part of a network that can be exempt; known are vpc, public, private."),
        ),
        (
            {"public_access_exclusions": {"public": "allow"}},
            ("public", "is 'allow'; must be one of allow-bidirectional, allow-egress"),
        ),
        (
            {"public_access_exclusions": {"private": BOTH_WAYS}},
            ("private", "is allow-bidirectional, and private subnets have no internet ingress. Give allow-egress."),
        ),
        (
            {"public_access_exclusions": {"private": OUTWARD}, "block_public_access": "block-ingress"},
            ("private", "is allow-egress, which block-ingress allows already. Remove it."),
        ),
        (
            {"public_access_exclusions": {"vpc": OUTWARD, "private": OUTWARD}},
            ("vpc", "exempts every subnet already. Remove the others, or vpc."),
        ),
    ],
)
def test_exclusions_that_make_no_sense_are_refused(args: dict[str, Any], problem: tuple[str, str]) -> None:
    with pytest.raises(ArgumentError) as error:
        network(**args)
    place, reason = problem
    assert error.value.problems == [(f"public_access_exclusions.{place}", reason)]


def test_another_mode_is_refused() -> None:
    with pytest.raises(ArgumentError) as error:
        network(block_public_access="off")
    assert [path for path, _ in error.value.problems] == ["block_public_access"]
