"""`Network`: adopting a VPC that is there, and the arguments that are refused."""

from typing import Any, cast

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import Network, NetworkArgs
from offline_preview.graph import Graph

from tests.harness import record

COMPONENT = "cloudpatterns:index:Network"
A, B = "eu-west-1a", "eu-west-1b"


def network(mode: str = "preview", **args: Any) -> Graph:
    given = {"cidr_block": "10.20.0.0/16", "zones": [A, B], **args}
    given = {key: value for key, value in given.items() if value is not ...}
    return record(lambda: Network("net", cast(NetworkArgs, given)), mode=cast(Any, mode))


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        network(**args)
    return error.value.problems


# --- adopting ---

ADOPTED: dict[str, Any] = {
    "vpc_id": "vpc-0a",
    "internet_gateway_id": "igw-0a",
    "public_subnet_ids_by_zone": {B: "subnet-0b", A: "subnet-0a"},
    "private_subnet_ids_by_zone": {A: "subnet-1a", B: "subnet-1b"},
    "private_route_table_ids_by_zone": {A: "rtb-1a", B: "rtb-1b"},
    "tags": {"Owner": "platform"},
}


def test_an_adopted_vpc_is_reported_and_not_changed() -> None:
    graph = network("deployed", **ADOPTED)
    assert [resource.type for resource in graph.resources if resource.parent] == [COMPONENT]
    assert graph.one(COMPONENT).outputs == {
        "vpc_id": "vpc-0a",
        "vpc_cidr_block": "10.20.0.0/16",
        "public_subnet_ids_by_zone": {A: "subnet-0a", B: "subnet-0b"},
        "private_subnet_ids_by_zone": {A: "subnet-1a", B: "subnet-1b"},
        "data_subnet_ids_by_zone": {},
        "public_route_table_ids_by_zone": {},
        "private_route_table_ids_by_zone": {A: "rtb-1a", B: "rtb-1b"},
        "data_route_table_ids_by_zone": {},
        "internet_gateway_id": "igw-0a",
    }


def test_an_adopted_vpc_may_come_without_its_internet_gateway() -> None:
    outputs = network("deployed", **{**ADOPTED, "internet_gateway_id": None}).one(COMPONENT).outputs
    assert "internet_gateway_id" not in outputs


def test_ids_to_adopt_may_be_known_later() -> None:
    def program() -> None:
        later = pulumi.Output.from_input("subnet-0a")
        Network("net", {"cidr_block": "10.0.0.0/16", "zones": [A], "vpc_id": later, "public_subnet_ids_by_zone": {A: later}})

    assert record(program, mode="deployed").one(COMPONENT).outputs["public_subnet_ids_by_zone"] == {A: "subnet-0a"}


def left_alone(argument: str) -> tuple[str, str]:
    return ("vpc_id", f"excludes {argument}: an adopted VPC is left as it is; both are given. Remove one of them.")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"cidr_block": None}, ("cidr_block", "is missing; vpc_id needs it. Give it, or remove vpc_id.")),
        (
            {"cidr_block": "10.0.0.1/16"},
            ("cidr_block", "is '10.0.0.1/16'; must have no host bits: write 10.0.0.0/16, or a /32 or /128 for one address"),
        ),
        (
            {"public_subnet_ids_by_zone": None, "private_subnet_ids_by_zone": None},
            (
                "vpc_id",
                "adopts a VPC without subnets; give at least one of public_subnet_ids_by_zone, private_subnet_ids_by_zone, "
                "data_subnet_ids_by_zone.",
            ),
        ),
        (
            {"private_route_table_ids_by_zone": {A: "rtb-1a"}},
            ("private_route_table_ids_by_zone", "has the zones eu-west-1a; one id is needed for each of eu-west-1a, eu-west-1b."),
        ),
        (
            {"private_subnet_ids_by_zone": {A: "subnet-1a", B: "vpc-1b"}},
            ("private_subnet_ids_by_zone.eu-west-1b", "is 'vpc-1b'; must be the id of a subnet such as subnet-0123456789abcdef0"),
        ),
        ({"dual_stack": True}, left_alone("dual_stack")),
        ({"flow_log_retention_days": 30}, left_alone("flow_log_retention_days")),
        ({"interface_endpoints": ["ssm"]}, left_alone("interface_endpoints")),
        (
            {"block_public_access": "block-ingress"},
            left_alone("block_public_access"),
        ),
        ({"flow_log_destination": "s3"}, left_alone("flow_log_destination")),
    ],
)
def test_what_does_not_fit_an_adopted_vpc_is_refused(change: dict[str, Any], problem: tuple[str, str]) -> None:
    assert refused(**{**ADOPTED, **change}) == [problem]


def test_a_subnet_that_stands_twice_is_told_in_both_places() -> None:
    twice = "is 'subnet-0a', which is also given elsewhere; a subnet has one zone and one tier. Correct one."
    assert refused(**{**ADOPTED, "private_subnet_ids_by_zone": {A: "subnet-1a", B: "subnet-0a"}}) == [
        ("public_subnet_ids_by_zone.eu-west-1a", twice),
        ("private_subnet_ids_by_zone.eu-west-1b", twice),
    ]


# --- refusals ---


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            {"cidr_block": ...},
            ("cidr_block", "exactly one of cidr_block and ipv4_netmask_length is needed; none is given. Give one."),
        ),
        (
            {"ipv4_netmask_length": 20, "ipv4_ipam_pool_id": "ipam-pool-1"},
            ("cidr_block", "exactly one of cidr_block and ipv4_netmask_length is needed; both are given. Remove one."),
        ),
        (
            {"cidr_block": ..., "ipv4_netmask_length": 20},
            ("ipv4_ipam_pool_id", "is missing; ipv4_netmask_length needs it. Give it, or remove ipv4_netmask_length."),
        ),
        (
            {
                **{"cidr_block": ..., "ipv4_netmask_length": 20, "ipv4_ipam_pool_id": "ipam-pool-1"},
                "subnet_cidrs": {"public": {}, "private": {}, "data": {}},
            },
            ("ipv4_netmask_length", "excludes subnet_cidrs: the pool chooses the block; both are given. Remove one of them."),
        ),
        (
            {"subnet_prefixes": {"data": 26}, "subnet_cidrs": {"public": {}, "private": {}, "data": {}}},
            ("subnet_prefixes", "excludes subnet_cidrs: the latter gives every subnet its size; both are given. Remove one of them."),
        ),
        (
            {"flow_log_bucket_arn": "arn:aws:s3:::logs", "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"},
            ("flow_log_bucket_arn", "excludes kms_key_arn: nothing is created for the flow log; both are given. Remove one of them."),
        ),
        (
            {"public_subnet_ids_by_zone": {A: "subnet-0a"}},
            ("vpc_id", "is missing; public_subnet_ids_by_zone needs it. Give it, or remove public_subnet_ids_by_zone."),
        ),
        (
            {"interface_endpoints": ["ssm", "com.amazonaws/ecr"]},
            ("interface_endpoints.1", "is 'com.amazonaws/ecr'; must be the short name of a service such as ssm or ecr.api"),
        ),
        (
            {"interface_endpoints": ["s3"]},
            ("interface_endpoints.0", "is 's3', which has a gateway endpoint in every network already. Remove it."),
        ),
        (
            {"interface_endpoints": ["ssm", "ssm"]},
            ("interface_endpoints", "has ssm twice. Name each once"),
        ),
    ],
)
def test_contradictions_are_refused(args: dict[str, Any], problem: tuple[str, str]) -> None:
    assert refused(**args) == [problem]


@pytest.mark.parametrize(
    ("args", "path", "text"),
    [
        ({"zones": [A, A]}, "zones", "cannot be laid out: zones eu-west-1a and eu-west-1a have the same letter"),
        ({"cidr_block": "10.0.0.0/8"}, "cidr_block", "cannot be laid out: the VPC's block 10.0.0.0/8 is not between /16 and /28"),
        ({"subnet_prefixes": {"private": 16}}, "subnet_prefixes", "cannot be laid out: no room in 10.20.0.0/16"),
        (
            {"zones": [A], "subnet_cidrs": {"public": {A: "10.21.0.0/24"}, "private": {A: "10.20.16.0/20"}, "data": {A: "10.20.1.0/24"}}},
            "subnet_cidrs",
            "cannot be laid out: 10.21.0.0/24, the public subnet of zone eu-west-1a, is not inside 10.20.0.0/16",
        ),
        (
            {"cidr_block": ..., "ipv4_netmask_length": 28, "ipv4_ipam_pool_id": "ipam-pool-1"},
            "subnet_prefixes",
            "cannot be laid out: no room in 10.0.0.0/28",
        ),
    ],
)
def test_a_layout_that_cannot_be_made_is_refused(args: dict[str, Any], path: str, text: str) -> None:
    ((where, reason),) = refused(**args)
    assert where == path
    assert reason.startswith(text)


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"zones": []}, "zones"),
        ({"flow_log_retention_days": 31}, "flow_log_retention_days"),
        ({"subnet_prefixes": {"public": 29}}, "subnet_prefixes.public"),
        ({"subnet_prefixes": {"dmz": 24}}, "subnet_prefixes.dmz"),
        ({"vpc_id": "10.0.0.0"}, "vpc_id"),
    ],
)
def test_values_out_of_range_are_refused(args: dict[str, Any], path: str) -> None:
    assert [where for where, _ in refused(**args)] == [path]


def test_a_name_too_long_for_the_flow_logs_role_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"the child n{43}-flow-log-role would pass the 64 characters"):
        record(lambda: Network("n" * 43, {"cidr_block": "10.20.0.0/16", "zones": [A]}))
