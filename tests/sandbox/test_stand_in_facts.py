"""Every type and property that the table of facts names exists in the SDK, so that no line of it is dead."""

import collections.abc
import json
import typing
from typing import Any

import pytest
from offline_preview import provider_facts
from pulumi import _types

from sandbox import facts
from sandbox.properties import plain_kind, shape_of
from tests.program import ROOT, STACKS

PROPERTIES = {
    **{("REPLACES", kind): names for kind, names in provider_facts.REPLACES.items()},
    **{("PUTS", kind): names for kind, names in facts.PUTS.items()},
    **{("IDS", kind): names for kind, names in facts.IDS.items()},
    **{("UNIQUE", kind): tuple(name for names, _code in alike for name in names) for kind, alike in facts.UNIQUE.items()},
    **{("PROTECTED", kind): (name,) for kind, (name, _code) in facts.PROTECTED.items()},
    **{("NAMINGS", kind): (naming.property,) for kind, naming in provider_facts.NAMINGS.items()},
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
    others = {
        *provider_facts.RENAMED,
        *provider_facts.DELETED_FIRST,
        *provider_facts.RENEWED,
        *provider_facts.RULE_TYPES,
        *provider_facts.IN_PLACE,
    }
    others |= {target for paths in facts.HOLDS.values() for target in paths.values()}
    assert [kind for kind in sorted(others) if shape_of(f"aws:{kind}") is None] == []


def test_a_name_replaces_where_it_is_not_changed_in_place() -> None:
    assert provider_facts.replaces("ec2/vpc:Vpc") >= {"cidrBlock", "region"}
    assert "identifier" not in provider_facts.replaces("rds/instance:Instance")
    assert "replicationGroupId" in provider_facts.replaces("elasticache/replicationGroup:ReplicationGroup")
    assert provider_facts.replaces("s3/bucketPolicy:BucketPolicy") == {"bucket", "expectedBucketOwner"}
    assert provider_facts.replaces("nobody/knows:This") == {"name", "namePrefix", "region"}


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_that_a_stack_deploys_is_missing_in_the_table(stack: str) -> None:
    golden = json.loads((ROOT / "tests" / "golden" / f"{stack}.json").read_text(encoding="utf-8"))
    kinds = {line.split(" ")[0].removeprefix("aws:") for line in golden if line.startswith("aws:")}
    assert kinds
    unknown = {kind for kind in kinds if not provider_facts.is_known(kind)}
    assert unknown == set()
