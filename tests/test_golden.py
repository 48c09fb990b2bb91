"""Golden URNs: what a stack has deployed must still be found by the next version of the program.

A resource whose URN is gone is deleted by the next `pulumi up`, and made anew under its new name: a database with its data. So a rename
carries an alias. `tests/golden/<stack>.json` and `tests/golden/examples/<folder>.json` hold type and URN of everything that the stacks and
the examples have; additions are free, and are written there, as intended removals are, with

    UPDATE_GOLDEN=1 .venv/bin/python -m pytest tests/test_golden.py
"""

import functools
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import Component
from offline_preview.aliases import matched
from offline_preview.graph import Graph

from tests.harness import record
from tests.program import ROOT, STACKS, folder_graph, program_graph

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "UPDATE_GOLDEN=1 .venv/bin/python -m pytest tests/test_golden.py"
EXAMPLES = sorted(folder.parent.name for folder in (ROOT / "examples").glob("*/Pulumi.yaml"))
PROGRAMS = [*STACKS, *(f"examples/{folder}" for folder in EXAMPLES)]


def entries(graph: Graph) -> list[str]:
    """Type and URN of every resource, sorted. Default providers are left out: their names follow the SDK's version, to nobody's harm."""
    return sorted(f"{one.type} {one.urn}" for one in graph.resources if not one.type.startswith("pulumi:providers:"))


def lost(golden: Iterable[str], graph: Graph) -> list[str]:
    """The golden entries that no resource is found for, neither by its URN nor by an alias, as the engine looks for them."""
    old = {entry.partition(" ")[2]: entry for entry in golden}
    return sorted(old[urn] for urn in old.keys() - set(matched(graph, old).values()))


@functools.cache
def shipped(program: str) -> Graph:
    """The graph of a stack of the project (``prod``) or of an example's only stack (``examples/floating_ip``)."""
    return program_graph(program) if program in STACKS else folder_graph(ROOT / program, "dev", deployed=True)


@pytest.mark.parametrize("program", PROGRAMS)
def test_everything_deployed_is_still_found(program: str) -> None:
    file = GOLDEN / f"{program}.json"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        file.write_text(json.dumps(entries(shipped(program)), indent=1) + "\n", encoding="utf-8")
    missing = lost(json.loads(file.read_text(encoding="utf-8")), shipped(program))
    assert not missing, (
        f"{program} loses {len(missing)} of its resources; the next `pulumi up` deletes them:\n  "
        + "\n  ".join(missing)
        + "\nGive what was renamed an alias: self.child(aliases=[pulumi.Alias(name=...)])."
        + f"\nIf they are to go, write the golden files anew: {UPDATE}"
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_golden_file_knows_every_resource(program: str) -> None:
    golden = json.loads((GOLDEN / f"{program}.json").read_text(encoding="utf-8"))
    unknown = [entry for entry in entries(shipped(program)) if entry not in golden]
    assert not unknown, f"new in {program}:\n  " + "\n  ".join(unknown) + f"\nWrite them to the golden files: {UPDATE}"


class Box(Component):
    """A component with one child, whose names are given."""

    def __init__(self, name: str, child: str, opts: pulumi.ResourceOptions | None = None, kind: str = "Box", **options: Any) -> None:
        super().__init__(kind, name, opts)
        aws.s3.Bucket(child, opts=self.child(**options))
        self.register()


BUCKET = "aws:s3/bucket:Bucket"
BEFORE = [
    f"{BUCKET} urn:pulumi:test::project::cloudpatterns:index:Box${BUCKET}::box-data",
    "cloudpatterns:index:Box urn:pulumi:test::project::cloudpatterns:index:Box::box",
    "pulumi:pulumi:Stack urn:pulumi:test::project::pulumi:pulumi:Stack::project-test",
]
OLD_BOX, OLD_BUCKET = BEFORE[1].partition(" ")[2], BEFORE[0].partition(" ")[2]


def test_entries_are_types_and_urns_in_order() -> None:
    assert entries(record(lambda: Box("box", "box-data"))) == BEFORE


def test_what_is_as_before_is_found_and_what_is_new_does_no_harm() -> None:
    def program() -> None:
        Box("box", "box-data")
        Box("other", "other-data")

    assert lost(BEFORE, record(program)) == []


def test_a_removed_resource_is_lost() -> None:
    assert lost(BEFORE, record(lambda: None)) == BEFORE[:2]


def test_a_renamed_resource_without_an_alias_is_lost() -> None:
    assert lost(BEFORE, record(lambda: Box("box", "box-store"))) == [BEFORE[0]]
    assert lost(BEFORE, record(lambda: Box("crate", "crate-data"))) == BEFORE[:2]


def renamed(*aliases: Any) -> list[str]:
    return lost(BEFORE, record(lambda: Box("box", "box-store", aliases=list(aliases))))


def test_a_renamed_resource_with_an_alias_is_found() -> None:
    assert renamed(pulumi.Alias(name="box-data")) == []
    assert renamed(OLD_BUCKET) == []
    assert renamed(pulumi.Alias(name="wrong"), pulumi.Alias(name="box-data")) == []


def test_an_alias_must_lead_to_what_was_there() -> None:
    assert renamed(pulumi.Alias(name="box-dat")) == [BEFORE[0]]
    assert renamed(pulumi.Alias(name="box-data", stack="other")) == [BEFORE[0]]
    assert renamed(pulumi.Alias(name="box-data", project="other")) == [BEFORE[0]]
    assert renamed(pulumi.Alias(name="box-data", parent=pulumi.ROOT_STACK_RESOURCE)) == [BEFORE[0]]
    assert renamed(pulumi.Alias(name="box-data", type_="aws:s3/bucketV2:BucketV2")) == [BEFORE[0]]


def test_children_go_with_a_component_that_is_found_by_its_alias() -> None:
    was = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="box")])
    assert lost(BEFORE, record(lambda: Box("crate", "crate-data", was))) == []
    assert lost(BEFORE, record(lambda: Box("crate", "crate-store", was))) == [BEFORE[0]]
    assert lost(BEFORE, record(lambda: Box("crate", "crate-store", was, aliases=[pulumi.Alias(name="crate-data")]))) == []


def test_children_go_with_a_component_whose_type_changed() -> None:
    was = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="cloudpatterns:index:Box")])
    assert lost(BEFORE, record(lambda: Box("box", "box-data", was, "Crate"))) == []
    assert lost(BEFORE, record(lambda: Box("box", "box-data", None, "Crate"))) == BEFORE[:2]

    def out() -> None:
        crate = Box("box", "box-other", was, "Crate")
        aws.s3.Bucket("data", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="box-data", parent=crate)]))

    assert lost(BEFORE, record(out)) == []


def test_a_resource_that_moved_is_found_by_where_it_was() -> None:
    def into(**alias: Any) -> list[str]:
        return lost(BEFORE[:1], record(lambda: aws.s3.Bucket("data", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(**alias)]))))

    assert into(name="box-data", parent=OLD_BOX) == []
    assert into(name="box-data") == [BEFORE[0]]

    def out() -> None:
        Box("box", "box-data", aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)])

    assert lost([f"{BUCKET} urn:pulumi:test::project::{BUCKET}::box-data"], record(out)) == []
