from collections.abc import Iterator
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError, Component, part_problems
from pydantic import Field

from tests.harness import record


class Pair(Component):
    vpc_id: pulumi.Output[str]
    note: pulumi.Output[str]

    def __init__(self, name: str, *, forget: bool = False, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Pair", name, opts)
        vpc = aws.ec2.Vpc(f"{name}-vpc", cidr_block="10.0.0.0/16", opts=self.child(protect=True))
        self.vpc_id = vpc.id
        if not forget:
            self.note = pulumi.Output.from_input("n")
        self.register()


def test_a_component_has_the_package_s_token_parents_its_children_and_registers_its_outputs() -> None:
    graph = record(lambda: Pair("p"), mode="deployed")
    pair, vpc = graph.one("cloudpatterns:index:Pair"), graph.one("aws:ec2/vpc:Vpc")
    assert pair.name == "p"
    assert not pair.custom
    assert vpc.parent == pair.urn
    assert vpc.options["protect"] is True
    assert pair.outputs == {"vpc_id": vpc.id, "note": "n"}


def test_options_of_the_caller_are_not_merged_into_children() -> None:
    graph = record(lambda: Pair("p", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")], ignore_changes=["x"])))
    assert graph.one("cloudpatterns:index:Pair").options["aliases"] == [{"name": "old"}]
    assert {"aliases", "ignoreChanges"}.isdisjoint(graph.one("aws:ec2/vpc:Vpc").options)


def test_a_forgotten_output_is_a_mistake_of_the_component() -> None:
    with pytest.raises(TypeError, match="Pair declares the outputs note and does not set them"):
        record(lambda: Pair("p", forget=True))


class ShelfArgs(TypedDict):
    """Arguments of ``Shelf``."""

    size: NotRequired[Annotated[int, Field(default=1)]]


class Shelf(Component):
    def __init__(self, name: str, args: ShelfArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=_too_large, names=lambda checked: {"lb": 32} if checked["size"] else {})
        self.boxes = {f"box-{number}": number for number in range(checked["size"])}
        self.register()

    def box(self, name: str) -> int:
        return self.lookup(self.boxes, name, "box", "a box")


def _too_large(checked: ShelfArgs) -> Iterator[tuple[str, str]]:
    if checked["size"] > 2:
        yield "size", "is too large"


def test_begin_checks_arguments_and_registers_under_the_package_s_token() -> None:
    shelf = record(lambda: Shelf("s", {"size": 2})).one("cloudpatterns:index:Shelf")
    assert shelf.name == "s"


def test_begin_reports_rules_and_names_at_once_and_registers_nothing() -> None:
    with pytest.raises(ArgumentError) as caught:
        Shelf("x" * 22, {"size": 3})
    assert [path for path, _ in caught.value.problems] == ["size", "name"]
    assert caught.value.component == "Shelf"


def test_what_a_part_refuses_is_told_at_the_arguments_that_it_comes_from() -> None:
    assert [*part_problems(Shelf, "s", {"size": 2}, {})] == []
    assert [*part_problems(Shelf, "s", {"size": 3}, {"size": "shelves.first.size"})] == [("shelves.first.size", "is too large")]
    wrong = {"size": "x", "colour": 1}
    reasons = [("shelf.colour", "is not an argument; known are size"), ("size", "is 'x'; must be a whole number")]
    assert sorted(part_problems(Shelf, "s", wrong, {"": "shelf", "size": "size"})) == reasons
    assert [path for path, _ in part_problems(Shelf, "s", {"size": 3}, {"size": ""})] == [""]


def test_the_name_of_a_part_that_is_too_long_is_left_to_what_composes_it() -> None:
    assert [*part_problems(Shelf, "x" * 22, {"size": 1}, {})] == []


def test_names_depend_on_the_arguments() -> None:
    record(lambda: Shelf("x" * 22, {"size": 0}))


class CabinetArgs(TypedDict):
    """Arguments of ``Cabinet``."""

    size: NotRequired[Annotated[int, Field(default=1)]]


class Cabinet(Component):
    """A component of the package, as its users see it."""

    made: pulumi.Output[str]

    def __init__(self, name: str, args: CabinetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.size = self.begin(name, args, opts)["size"]
        self.made = pulumi.Output.from_input("m")
        self.register()


def test_a_subclass_of_a_component_keeps_its_token_its_checks_and_its_outputs() -> None:
    class OfficeArgs(TypedDict):
        team: str

    class Office(Cabinet):
        extra: pulumi.Output[str]

        def __init__(self, name: str, args: OfficeArgs) -> None:
            super().__init__(name, {"size": 2})
            self.extra = pulumi.Output.from_input(args["team"])

    cabinet = record(lambda: Office("s", {"team": "t"}), mode="deployed").one("cloudpatterns:index:Cabinet")
    assert (cabinet.name, cabinet.outputs) == ("s", {"made": "m"})


def test_arguments_are_checked_without_creating_anything() -> None:
    def program() -> None:
        assert Shelf.check("s", {}) == {"size": 1}
        for name, args, problem in (
            ("s", {"size": 3}, "too large"),
            ("x" * 22, {}, "has 22 characters"),
            ("s", {"depth": 1}, "is not an argument"),
        ):
            with pytest.raises(ArgumentError, match=problem):
                Shelf.check(name, args)

    assert [one.type for one in record(program).resources if one.type.startswith("cloudpatterns:")] == []


def test_what_a_caller_looks_up_is_named_with_what_is_known() -> None:
    def program() -> None:
        shelf = Shelf("s", {"size": 2})
        assert shelf.box("box-1") == 1
        with pytest.raises(ArgumentError) as caught:
            shelf.box("box-2")
        assert caught.value.name == "s"
        assert caught.value.problems == [("box", "is 'box-2', which is not a box; known are box-0, box-1.")]
        # It exists.
        assert str(caught.value) == "Shelf \"s\" has a problem:\n  box: is 'box-2', which is not a box; known are box-0, box-1."

    record(program)


def test_arguments_are_called_like_their_component() -> None:
    with pytest.raises(TypeError, match="the arguments of Rack are a TypedDict RackArgs, not ShelfArgs"):

        class Rack(Component):
            def __init__(self, name: str, args: ShelfArgs, opts: pulumi.ResourceOptions | None = None) -> None:
                pass


def test_arguments_outside_a_dictionary_are_refused_with_the_call_that_is_needed() -> None:
    construct: Any = Shelf
    with pytest.raises(ArgumentError) as caught:
        construct("s", size=2, color="red")
    assert caught.value.problems == [("args", 'must be one dictionary of arguments: Shelf("s", {"size": ..., "color": ...})')]
    with pytest.raises(ArgumentError) as caught:
        construct(name="s", size=2)
    assert caught.value.problems == [("args", 'must be one dictionary of arguments: Shelf("s", {"size": ...})')]
