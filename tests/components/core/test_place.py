"""Zones of another region than the provider's are refused, wherever the region is known."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError, in_region, region_of_zone
from cloudpatterns.core.place import zone_problems
from cloudpatterns.network import Network

from tests.harness import record, record_with

A, B = "eu-west-1a", "eu-west-1b"


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        (A, "eu-west-1"),
        ("ap-southeast-2c", "ap-southeast-2"),
        ("us-gov-west-1a", "us-gov-west-1"),
        ("us-west-2-lax-1a", "us-west-2"),
        ("us-east-1-wl1-bos-wlz-1", "us-east-1"),
        ("ap-southeast-2-akl-1a", "ap-southeast-2"),
        ("eusc-de-east-1b", "eusc-de-east-1"),
        # The id of a zone, a region, and what is none of these.
        ("euw1-az1", None),
        ("eu-west-1", None),
        ("a", None),
        ("West B", None),
    ],
)
def test_a_zone_begins_with_the_name_of_its_region(zone: str, region: str | None) -> None:
    assert region_of_zone(zone) == region


def network(zones: list[str], opts: pulumi.ResourceOptions | None = None) -> None:
    Network("net", {"cidr_block": "10.20.0.0/16", "zones": zones}, opts)


def refused(program: Callable[[], Any], mode: Any = "preview") -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        record(program, mode=mode)
    return error.value.problems


def test_zones_of_another_region_than_the_configured_are_refused() -> None:
    for mode in ("preview", "deployed"):
        assert refused(lambda: network(["us-west-2a", "us-west-2-lax-1b"]), mode) == [
            (
                f"zones.{index}",
                f"is '{zone}', a zone of us-west-2; aws:region is eu-west-1. Name zones of eu-west-1, or set aws:region to us-west-2.",
            )
            for index, zone in enumerate(("us-west-2a", "us-west-2-lax-1b"))
        ]


def test_local_zones_are_of_their_region() -> None:
    record(lambda: network(["us-west-2-lax-1a", "us-west-2b"]), config={"aws:region": "us-west-2"})


def test_where_the_region_is_unknown_only_zones_of_several_regions_are_refused() -> None:
    record_with(lambda: network(["us-east-1a", "us-east-1-bos-1b"]), deployed=False, config={})
    with pytest.raises(ArgumentError) as error:
        record_with(lambda: network([A, "us-east-1b"]), deployed=False, config={})
    assert error.value.problems == [
        ("zones", "are of the regions eu-west-1, us-east-1; all zones of a network are of one region. Remove the others.")
    ]


class Shop(pulumi.ComponentResource):
    def __init__(self, opts: pulumi.ResourceOptions) -> None:
        super().__init__("test:index:Shop", "shop", {}, opts)
        network([A, B], pulumi.ResourceOptions(parent=self))


PASSED: dict[str, Callable[[aws.Provider], Any]] = {
    "provider": lambda provider: network([A, B], pulumi.ResourceOptions(provider=provider)),
    "providers": lambda provider: network([A, B], pulumi.ResourceOptions(providers=[provider])),
    "providers by name": lambda provider: network([A, B], pulumi.ResourceOptions(providers={"aws": provider})),
    "parent": lambda provider: Shop(pulumi.ResourceOptions(providers=[provider])),
}


@pytest.mark.parametrize("way", PASSED)
@pytest.mark.parametrize("mode", ["preview", "deployed"])
def test_an_explicit_providers_region_counts_not_the_configured(way: str, mode: Any) -> None:
    def program(region: str) -> None:
        PASSED[way](aws.Provider("west", region=region))

    reason = "a zone of eu-west-1; the provider's region is us-west-2. Name zones of us-west-2, or pass a provider of eu-west-1."
    assert refused(lambda: program("us-west-2"), mode) == [
        (
            f"zones.{index}",
            f"is '{zone}', {reason}",
        )
        for index, zone in enumerate((A, B))
    ]
    record(lambda: program("eu-west-1"), mode=mode, config={"aws:region": "us-west-2"})


def test_a_provider_whose_region_is_not_known_refuses_nothing() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("elsewhere", cidr_block="10.0.0.0/16")
        network([A, B], pulumi.ResourceOptions(provider=aws.Provider("later", region=vpc.owner_id)))
        network_2 = {"cidr_block": "10.30.0.0/16", "zones": [A, B]}
        Network("other", network_2, pulumi.ResourceOptions(providers=[pulumi.ProviderResource("kubernetes", "cluster")]))  # ty: ignore[invalid-argument-type]

    record(program)


def test_every_component_checks_its_maps_by_zone_and_regions_of_its_own() -> None:
    checked = {
        "zones": None,
        "subnet_ids_by_zone": {A: "subnet-a", "us-east-1a": "subnet-b"},
        "replica": {"region": "us-east-1", "subnet_ids_by_zone": {"us-east-1a": "subnet-c", B: "subnet-d"}},
        "nodes": {"one": {"address": "x"}},
    }
    assert list(zone_problems(checked, "eu-west-1", "aws:region is", "set aws:region to {}")) == [
        (
            "subnet_ids_by_zone.us-east-1a",
            "is 'us-east-1a', a zone of us-east-1; aws:region is eu-west-1. Name zones of eu-west-1, or set aws:region to us-east-1.",
        ),
        (
            f"replica.subnet_ids_by_zone.{B}",
            f"is '{B}', a zone of eu-west-1; replica.region is us-east-1. Name zones of us-east-1, or correct region.",
        ),
    ]


class _Pair(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Pair", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        aws.sqs.Queue(f"{name}-queue", opts=own)
        aws.cloudwatch.LogGroup(f"{name}-elsewhere", region="us-east-1", opts=own)
        aws.route53.Zone(f"{name}-zone", name="example.com", opts=own)


def test_children_are_put_into_a_region_unless_they_have_one_or_can_have_none() -> None:
    graph = record(lambda: _Pair("pair", pulumi.ResourceOptions(transformations=in_region("eu-central-1"))))
    regions = {one.name: one.inputs.get("region") for one in graph.resources if one.name.startswith("pair-")}
    assert regions == {"pair-queue": "eu-central-1", "pair-elsewhere": "us-east-1", "pair-zone": None}
