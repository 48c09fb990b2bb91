"""`OnDemandNat`: the arguments that are refused, and what the messages say."""

from typing import Any, cast

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import OnDemandNat, OnDemandNatArgs

from tests.harness import record

A, B, C = "eu-west-1a", "eu-west-1b", "eu-west-1c"
PATCH = {"name": "patch", "days": ["TUE", "SUN"], "start": "01:00", "minutes": 90}


def refused(strategy: str, **args: Any) -> list[tuple[str, str]]:
    """What is wrong with the arguments; an argument of `...` is left out."""
    given: dict[str, Any] = {
        "strategy": strategy,
        "vpc_id": "vpc-0a",
        "vpc_cidr_block": "10.20.0.0/16",
        "public_subnet_ids_by_zone": {A: "subnet-0a", B: "subnet-0b"},
        "private_route_table_ids_by_zone": {A: "rtb-0a", B: "rtb-0b"},
        **({"windows": [PATCH]} if strategy == "on_demand" else {}),
        **args,
    }
    with pytest.raises(ArgumentError) as error:
        record(lambda: OnDemandNat("nat", cast(OnDemandNatArgs, {key: value for key, value in given.items() if value is not ...})))
    return error.value.problems


@pytest.mark.parametrize(
    ("strategy", "args", "problem"),
    [
        (
            "on_demand",
            {"dual_stack": True},
            ("dual_stack", "is True; private subnets would reach the internet by IPv6 outside the windows. Use a network without IPv6."),
        ),
        ("on_demand", {"windows": []}, ("windows", "is empty; strategy on_demand opens in windows only. Give at least one.")),
        ("single", {"windows": [PATCH]}, ("windows", "is not used by strategy single; only by on_demand. Remove it.")),
        ("instance", {"time_zone": "Europe/Berlin"}, ("time_zone", "is not used by strategy instance; only by on_demand. Remove it.")),
        (
            "per_zone",
            {"instance_type": "t4g.small"},
            ("instance_type", "is not used by strategy per_zone; only by instance, on_demand. Remove it."),
        ),
        (
            "single",
            {"egress_ports": [443]},
            ("egress_ports", "is not used by strategy single; only by instance, on_demand. Remove it."),
        ),
        (
            "single",
            {"instance_revision": 2},
            ("instance_revision", "is not used by strategy single; only by instance, on_demand. Remove it."),
        ),
        ("instance", {"egress_ports": [443, 22, 443]}, ("egress_ports", "has 443 twice. Name each once")),
        ("per_zone", {"zone": A}, ("zone", "is not used by strategy per_zone; only by single, instance, on_demand. Remove it.")),
        (
            "single",
            {"zone": C},
            ("zone", "is 'eu-west-1c', which is not a zone of a private route table; known are eu-west-1a, eu-west-1b."),
        ),
        (
            "instance",
            {"vpc_cidr_block": ...},
            ("vpc_cidr_block", "is missing; strategy instance needs the addresses that may use the instance. Give the VPC's block."),
        ),
        (
            "per_zone",
            {"public_subnet_ids_by_zone": {B: "subnet-0b"}},
            ("public_subnet_ids_by_zone", "lacks eu-west-1a, where strategy per_zone puts a NAT. Give its public subnet."),
        ),
        (
            "single",
            {"public_subnet_ids_by_zone": ...},
            ("public_subnet_ids_by_zone", "lacks eu-west-1a, where strategy single puts a NAT. Give its public subnet."),
        ),
        (
            "regional",
            {"public_subnet_ids_by_zone": {}},
            ("public_subnet_ids_by_zone", "is empty; strategy regional waits for a public subnet's internet gateway. Give one."),
        ),
        (
            "on_demand",
            {"windows": [{**PATCH, "days": ["TUE", "Sunday"]}]},
            ("windows.0.days.1", "is 'Sunday'; must be one of MON, TUE, WED, THU, FRI, SAT, SUN"),
        ),
        ("on_demand", {"windows": [{**PATCH, "days": ["TUE", "TUE"]}]}, ("windows.0.days", "has TUE twice. Name each once")),
        (
            "on_demand",
            {"windows": [PATCH, {**PATCH, "days": ["MON"]}]},
            ("windows.1.name", "is 'patch' again; each window needs a name of its own. Rename it."),
        ),
        (
            "on_demand",
            {"windows": [PATCH, {**PATCH, "name": "late", "start": "02:30"}]},
            ("windows.1", "overlaps or touches window patch; a minute at least must lie between. Shorten one."),
        ),
        (
            "on_demand",
            {"windows": [{**PATCH, "days": ["TUE", "WED"], "minutes": 1440}]},
            ("windows.0", "overlaps or touches its own next day; a minute at least must lie between. Shorten one."),
        ),
    ],
)
def test_contradictions_are_refused(strategy: str, args: dict[str, Any], problem: tuple[str, str]) -> None:
    assert refused(strategy, **args) == [problem]


@pytest.mark.parametrize(
    ("strategy", "args", "path"),
    [
        ("both", {}, "strategy"),
        ("none", {"private_route_table_ids_by_zone": {}}, "private_route_table_ids_by_zone"),
        ("on_demand", {"windows": [{**PATCH, "start": "2:00"}]}, "windows.0.start"),
        ("on_demand", {"windows": [{**PATCH, "minutes": 1441}]}, "windows.0.minutes"),
        ("on_demand", {"windows": [{**PATCH, "days": []}]}, "windows.0.days"),
        ("on_demand", {"windows": [{**PATCH, "name": "Patch"}]}, "windows.0.name"),
        ("instance", {"instance_type": "nano"}, "instance_type"),
        ("instance", {"instance_revision": 0}, "instance_revision"),
        ("instance", {"egress_ports": []}, "egress_ports"),
        ("instance", {"egress_ports": list(range(1, 32))}, "egress_ports"),
        ("on_demand", {"time_zone": "Europe/ Berlin"}, "time_zone"),
        ("instance", {"vpc_cidr_block": "0.0.0.0/0; true"}, "vpc_cidr_block"),
    ],
)
def test_values_out_of_range_are_refused(strategy: str, args: dict[str, Any], path: str) -> None:
    assert [where for where, _ in refused(strategy, **args)] == [path]


def test_names_that_aws_would_refuse_are_refused_first() -> None:
    arguments: dict[str, Any] = {"vpc_id": "vpc-0a", "vpc_cidr_block": "10.0.0.0/16", "public_subnet_ids_by_zone": {A: "subnet-0a"}}
    arguments |= {"private_route_table_ids_by_zone": {A: "rtb-0a"}}
    window = {**PATCH, "name": "w" * 32}
    for strategy, longest, extra in (("instance", 42, {}), ("on_demand", 11, {"windows": [window]})):
        given = cast(OnDemandNatArgs, {"strategy": strategy, **arguments, **extra})
        record(lambda given=given, name="n" * longest: OnDemandNat(name, given))
        with pytest.raises(ArgumentError, match=f"Give the component a name of at most {longest} characters"):
            record(lambda given=given, name="n" * (longest + 1): OnDemandNat(name, given))
