"""Every type and property that the table of facts names exists in the SDK, so that no line of it is dead."""

import collections.abc
import json
import typing
from typing import Any

import pytest
from pulumi import _types

from sandbox import facts
from sandbox.properties import plain_kind, shape_of
from tests.program import ROOT, STACKS

PROPERTIES = {
    **{("REPLACES", kind): names for kind, names in facts.REPLACES.items()},
    **{("PUTS", kind): names for kind, names in facts.PUTS.items()},
    **{("UNIQUE", kind): tuple(name for names, _code in alike for name in names) for kind, alike in facts.UNIQUE.items()},
    **{("PROTECTED", kind): (name,) for kind, (name, _code) in facts.PROTECTED.items()},
    **{("NAMINGS", kind): (naming.property,) for kind, naming in facts.NAMINGS.items()},
    **{("HOLDS", kind): tuple(paths) for kind, paths in facts.HOLDS.items()},
}


def _known(kind: str, path: str) -> bool:
    """Whether a type has a property; dotted, lists are looked through."""
    shape = shape_of(f"aws:{kind}")
    assert shape is not None, kind
    kinds: Any = shape.kinds
    *way, last = path.split(".")
    for name in way:
        inside = plain_kind(kinds[name])
        if typing.get_origin(inside) is collections.abc.Sequence:
            inside = plain_kind(typing.get_args(inside)[0])
        kinds = _types.input_type_types(inside)
    return last in kinds


@pytest.mark.parametrize(("table", "kind"), PROPERTIES)
def test_the_sdk_has_what_the_table_names(table: str, kind: str) -> None:
    assert [name for name in PROPERTIES[table, kind] if not _known(kind, name)] == []


def test_every_other_type_that_the_table_names_exists() -> None:
    others = {*facts.RENAMED, *facts.DELETED_FIRST, *facts.RENEWED, *facts.RULE_TYPES}
    others |= {target for paths in facts.HOLDS.values() for target in paths.values()}
    assert [kind for kind in sorted(others) if shape_of(f"aws:{kind}") is None] == []


def test_a_name_replaces_where_it_is_not_changed_in_place() -> None:
    assert facts.replaces("ec2/vpc:Vpc") >= {"cidrBlock", "region"}
    assert "identifier" not in facts.replaces("rds/instance:Instance")
    assert "replicationGroupId" in facts.replaces("elasticache/replicationGroup:ReplicationGroup")
    assert facts.replaces("s3/bucketPolicy:BucketPolicy") == {"bucket", "expectedBucketOwner"}
    assert facts.replaces("nobody/knows:This") == {"name", "namePrefix", "region"}


# Of these nothing but the name replaces.
IN_PLACE = {
    "autoscaling/group:Group",
    "cloudwatch/metricAlarm:MetricAlarm",
    "ec2/internetGateway:InternetGateway",
    "ec2/launchTemplate:LaunchTemplate",
    "elasticache/subnetGroup:SubnetGroup",
    "rds/eventSubscription:EventSubscription",
    "rds/subnetGroup:SubnetGroup",
    "scheduler/scheduleGroup:ScheduleGroup",
}


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_that_a_stack_deploys_is_missing_in_the_table(stack: str) -> None:
    golden = json.loads((ROOT / "tests" / "golden" / f"{stack}.json").read_text(encoding="utf-8"))
    kinds = {line.split(" ")[0].removeprefix("aws:") for line in golden if line.startswith("aws:")}
    assert kinds
    unknown = {kind for kind in kinds - set(facts.REPLACES) - IN_PLACE if facts.replaces(kind) == facts.replaces("nobody/knows:This")}
    assert unknown == set()
