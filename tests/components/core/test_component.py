import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError, Component, check_names

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


def test_a_name_is_long_enough_until_a_child_would_pass_aws_limit() -> None:
    # 32 characters - 8 of the auto-name - "-lb" leaves 21.
    check_names("Shop", "x" * 21, {"lb": 32})
    with pytest.raises(ArgumentError) as caught:
        check_names("Shop", "x" * 22, {"lb": 32})
    assert caught.value.problems == [
        (
            "name",
            f"the name has 22 characters; its child {'x' * 22}-lb would pass the 32 characters that AWS allows. "
            "Give the component a name of at most 21 characters.",
        )
    ]
