"""The package's schema: complete, and no breaking change without a version that says so."""

import copy
import inspect
import json
import re
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pytest
from cloudpatterns.core import Choice, declared
from cloudpatterns.core.arguments import metadata
from cloudpatterns.plugin import components, package_schema, project_version
from cloudpatterns.plugin.schema import DescribingAnalyzer, without_args

from tests import release
from tests.components.test_shape import types_of_arguments
from tests.release import SCHEMA, breaking_changes, may_break

RELEASED = json.loads(SCHEMA.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def current() -> dict[str, Any]:
    return package_schema(project_version())


def properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{token} {part} {name}": one
        for token, owner in {**schema["resources"], **schema["types"]}.items()
        for part in ("inputProperties", "properties")
        for name, one in (owner.get(part) or {}).items()
    }


def test_the_last_release_is_not_broken(current: dict[str, Any]) -> None:
    """A change that breaks programs needs a new major version (before 1.0 a minor one) in components/pyproject.toml."""
    changes = breaking_changes(RELEASED, current)
    assert may_break(RELEASED["version"], current["version"]) or changes == []


def test_everything_is_described_as_markdown(current: dict[str, Any]) -> None:
    found = properties(current)
    assert len(found) > 400
    everything = {**found, **current["resources"], **current["types"]}
    assert [name for name, one in everything.items() if not one["description"].strip()] == []
    # Four spaces would make code of it.
    assert [name for name, one in everything.items() if one["description"].startswith(" ")] == []
    text, _, _ = current["resources"]["cloudpatterns:index:OnDemandNat"]["description"].partition("{{% examples %}}")
    assert "\n    " not in text


def test_descriptions_name_arguments_as_the_schema_does(current: dict[str, Any]) -> None:
    nat = current["resources"]["cloudpatterns:index:OnDemandNat"]
    assert "`runbookRoleArn`" in nat["description"]
    assert "`on_demand`" in nat["inputProperties"]["strategy"]["description"]


def test_descriptions_are_markdown_and_name_values_as_json_does(current: dict[str, Any]) -> None:
    texts = json.dumps([current["resources"], current["types"]])
    # reStructuredText; fences of code have three.
    assert re.findall(r"(?<!`)``(?!`)[^`]*", texts) == []
    described = [one.get("description", "") for one in properties(current).values()]
    assert [text for text in described if re.search(r"\b(True|False|None)\b", text)] == []
    assert current["types"]["cloudpatterns:index:MutualTls"]["properties"]["enabled"]["description"].startswith("false stops asking")
    network = current["resources"]["cloudpatterns:index:Network"]["properties"]
    assert network["flowLogGroupName"]["description"].endswith("; null with a bucket or an adopted VPC.")


def test_types_of_nested_arguments_have_no_args_in_their_name(current: dict[str, Any]) -> None:
    """The SDKs add it: a type FunctionArgs would be FunctionArgsArgs there."""
    names = [token.rpartition(":")[2] for token in current["types"]]
    assert {"Function", "FunctionEgress", "NatWindow"} <= set(names)
    assert [name for name in names if name.endswith("Args")] == []
    assert len(names) == len({name.lower() for name in names})
    resources = {token.rpartition(":")[2] for token in current["resources"]}
    assert set(names) & {*resources, *(f"{name}Args" for name in resources)} == set()
    references = set(re.findall(r'"#/types/([^"]+)"', json.dumps(current)))
    assert references == set(current["types"])
    functions = current["resources"]["cloudpatterns:index:FunctionalFirewall"]["inputProperties"]["functions"]
    assert functions["additionalProperties"]["$ref"] == "#/types/cloudpatterns:index:Function"


class ShopRule(TypedDict):
    """A rule."""

    kind: NotRequired[Annotated[str, Choice("a", "b")]]
    """Its kind."""


class ShopRuleArgs(TypedDict):
    """Another."""

    kind: NotRequired[Annotated[str, Choice("a", "c")]]
    """Its kind."""


@pytest.mark.parametrize(
    ("types", "twice"),
    [
        (["p:index:Rule", "p:index:RuleArgs"], "p:index:Rule"),
        (["p:index:ShopArgs"], "p:index:Shop"),
        (["p:index:FrontArgsArgs"], "p:index:FrontArgs"),
    ],
)
def test_a_name_that_two_things_of_the_schema_would_have_is_refused(types: list[str], twice: str) -> None:
    schema = {"resources": {"p:index:Shop": {}, "p:index:Front": {}}, "types": {token: {} for token in types}}
    with pytest.raises(TypeError, match=f"two things of the name {twice}; rename the TypedDict"):
        without_args(schema)


def test_a_name_that_two_enums_would_have_is_refused() -> None:
    analyzer = DescribingAnalyzer("p")
    for args_type in (ShopRule, ShopRuleArgs):
        declared(args_type)
    analyzer.analyze_type(ShopRule, is_component_output=False)
    with pytest.raises(TypeError, match=r"ShopRuleArgs\.kind is the second ShopRuleKind of the schema"):
        analyzer.analyze_type(ShopRuleArgs, is_component_output=False)


def test_a_text_that_is_one_of_a_few_is_an_enum(current: dict[str, Any]) -> None:
    strategy = current["resources"]["cloudpatterns:index:OnDemandNat"]["inputProperties"]["strategy"]
    assert (strategy["$ref"], strategy["plain"], "type" in strategy) == ("#/types/cloudpatterns:index:OnDemandNatStrategy", True, False)
    made = current["types"]["cloudpatterns:index:OnDemandNatStrategy"]
    assert made["type"] == "string"
    assert made["description"].startswith("Which NAT it creates: `none` (no internet egress), ")
    assert made["enum"][:2] == [
        {"name": "None", "value": "none", "description": "No internet egress."},
        {"name": "Single", "value": "single", "description": "One NAT gateway; the loss of its zone cuts off all."},
    ]
    assert made["enum"][-1]["name"] == "OnDemand"


@pytest.mark.parametrize(
    ("type_", "name", "reference", "members"),
    [
        # In a list, in a map, and inherited by the arguments of two components.
        ("NatWindow", "days", "NatWindowDay", ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]),
        ("Network", "publicAccessExclusions", "NetworkPublicAccessExclusion", ["AllowBidirectional", "AllowEgress"]),
        ("LoadBalancer", "targetProtocol", "LoadBalancerTargetProtocol", ["HTTP", "HTTPS"]),
        ("LoadBalancer", "routingAlgorithm", "LoadBalancerRoutingAlgorithm", ["RoundRobin", "LeastOutstandingRequests"]),
        ("StorefrontLoadBalancer", "routingAlgorithm", "LoadBalancerRoutingAlgorithm", ["RoundRobin", "LeastOutstandingRequests"]),
        ("RelationalDatabase", "databaseInsightsMode", "RelationalDatabaseInsightsMode", ["Standard", "Advanced"]),
        (
            "Transition",
            "storageClass",
            "TransitionStorageClass",
            ["StandardIa", "IntelligentTiering", "GlacierIr", "Glacier", "DeepArchive"],
        ),
    ],
)
def test_an_enum_is_named_like_who_declares_it(type_: str, name: str, reference: str, members: list[str], current: dict[str, Any]) -> None:
    token = f"cloudpatterns:index:{type_}"
    found = (
        current["types"][token]["properties"][name] if token in current["types"] else current["resources"][token]["inputProperties"][name]
    )
    held = found.get("items") or found.get("additionalProperties") or found
    assert held["$ref"] == f"#/types/cloudpatterns:index:{reference}"
    assert [member["name"] for member in current["types"][f"cloudpatterns:index:{reference}"]["enum"]] == members


def test_every_choice_of_texts_is_an_enum_of_its_values(current: dict[str, Any]) -> None:
    found = 0
    for args_type in types_of_arguments():
        token = f"cloudpatterns:index:{args_type.__name__.removesuffix('Args')}"
        of = current["types"].get(token, {}).get("properties") or current["resources"].get(token, {}).get("inputProperties")
        for name, hint in declared(args_type).items():
            values = next((limit.values for limit in _limits(hint) if isinstance(limit, Choice) and isinstance(limit.values[0], str)), None)
            if values is not None and of is not None:
                [property_name] = camel([name])
                held = of[property_name].get("items") or of[property_name].get("additionalProperties") or of[property_name]
                enum = current["types"][held["$ref"].removeprefix("#/types/")]["enum"]
                assert [member["value"] for member in enum] == list(values), f"{args_type.__name__}.{name}"
                found += 1
    assert found > 30


def _limits(hint: Any) -> list[Any]:
    plain, limits = metadata(hint)
    held = typing.get_args(plain) if typing.get_origin(plain) in (list, dict) else ()
    return [*limits, *(_limits(held[-1]) if held else [])]


def camel(names: Iterable[str]) -> list[str]:
    return sorted("".join(word if index == 0 else word.capitalize() for index, word in enumerate(name.split("_"))) for name in names)


def may_be_none(hint: Any) -> bool:
    """``Output[str] | None`` and ``Output[str | None]``."""
    return any(member is type(None) or may_be_none(member) for member in typing.get_args(hint))


@pytest.mark.parametrize("component", components(), ids=lambda component: component.__name__)
def test_required_and_optional_are_those_of_the_arguments(component: type[pulumi.ComponentResource], current: dict[str, Any]) -> None:
    made = current["resources"][f"cloudpatterns:index:{component.__name__}"]
    arguments = inspect.get_annotations(component.__init__)["args"]
    assert sorted(made["inputProperties"]) == camel(inspect.get_annotations(arguments))
    assert made["requiredInputs"] == camel(arguments.__required_keys__)
    outputs = {name: hint for name, hint in inspect.get_annotations(component).items() if not name.startswith("_")}
    assert sorted(made["properties"]) == camel(outputs)
    assert made["required"] == camel(name for name, hint in outputs.items() if not may_be_none(hint))


def test_required_and_optional_are_those_of_nested_arguments(current: dict[str, Any]) -> None:
    assert current["types"]["cloudpatterns:index:NatWindow"]["required"] == ["days", "minutes", "name", "start"]
    assert current["types"]["cloudpatterns:index:Function"].get("required") is None


def test_what_the_languages_need_is_said(current: dict[str, Any]) -> None:
    assert current["language"]["go"]["generateExtraInputTypes"] is True
    assert current["language"]["python"]["pyproject"] == {"enabled": True}
    assert (current["name"], current["version"]) == ("cloudpatterns", project_version())


OLD: dict[str, Any] = {
    "version": "1.2.0",
    "resources": {
        "p:index:One": {
            "inputProperties": {
                "size": {"type": "integer", "plain": True},
                "ids": {"type": "array", "items": {"type": "string"}, "plain": True},
                "rule": {"$ref": "#/types/p:index:Rule"},
            },
            "requiredInputs": ["ids", "size"],
            "properties": {"arn": {"type": "string"}, "rules": {"type": "array", "items": {"$ref": "#/types/p:index:Out"}}},
            "required": ["arn"],
        }
    },
    "types": {
        "p:index:Rule": {"properties": {"port": {"type": "integer"}}, "required": ["port"]},
        "p:index:Out": {"properties": {"port": {"type": "integer"}}, "required": ["port"]},
        "p:index:Kind": {"enum": [{"value": "a"}, {"value": "b"}]},
    },
}


def one(schema: dict[str, Any]) -> dict[str, Any]:
    return schema["resources"]["p:index:One"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda new: new["resources"].clear(), ["p:index:One: is gone"]),
        (lambda new: new["types"].pop("p:index:Kind"), ["p:index:Kind: is gone"]),
        (lambda new: one(new)["inputProperties"].pop("rule"), ["p:index:One, input rule: is gone"]),
        (lambda new: one(new)["properties"].pop("arn"), ["p:index:One, output arn: is gone"]),
        (lambda new: one(new)["requiredInputs"].append("rule"), ["p:index:One, input rule: is newly required"]),
        (lambda new: one(new).update(required=[]), ["p:index:One, output arn: is no longer always there"]),
        (
            lambda new: one(new)["inputProperties"].update(size={"type": "integer"}),
            ["p:index:One, input size: was plain integer, is integer"],
        ),
        (
            lambda new: one(new)["inputProperties"].update(ids={"type": "array", "items": {"type": "integer"}, "plain": True}),
            ["p:index:One, input ids: was plain array of string, is plain array of integer"],
        ),
        (
            lambda new: one(new)["inputProperties"].update(rule={"$ref": "#/types/p:index:Out"}),
            ["p:index:One, input rule: was p:index:Rule, is p:index:Out"],
        ),
        (
            lambda new: one(new)["properties"].update(arn={"type": "object", "additionalProperties": {"type": "string"}}),
            ["p:index:One, output arn: was string, is object of string"],
        ),
        (lambda new: new["types"]["p:index:Rule"]["properties"].clear(), ["p:index:Rule, property port: is gone"]),
        (lambda new: new["types"]["p:index:Rule"]["required"].append("name"), ["p:index:Rule, property name: is newly required"]),
        (lambda new: new["types"]["p:index:Out"].update(required=[]), ["p:index:Out, property port: is no longer always there"]),
        (lambda new: new["types"]["p:index:Kind"]["enum"].pop(0), ["p:index:Kind, value 'a': is gone"]),
    ],
)
def test_a_breaking_change_is_told(change: Callable[[dict[str, Any]], object], told: list[str]) -> None:
    new = copy.deepcopy(OLD)
    change(new)
    assert breaking_changes(OLD, new) == told


@pytest.mark.parametrize(
    "change",
    [
        lambda new: new["resources"].update(another={}),
        lambda new: one(new)["inputProperties"].update(more={"type": "string"}),
        lambda new: one(new)["inputProperties"]["size"].update(description="Other words."),
        lambda new: one(new)["requiredInputs"].remove("size"),
        lambda new: one(new)["required"].append("rules"),
        lambda new: new["types"]["p:index:Rule"].update(required=[]),
        lambda new: new["types"]["p:index:Kind"]["enum"].append({"value": "c"}),
    ],
)
def test_an_addition_breaks_nothing(change: Callable[[dict[str, Any]], object]) -> None:
    new = copy.deepcopy(OLD)
    change(new)
    assert breaking_changes(OLD, new) == []


@pytest.mark.parametrize(
    ("released", "version", "allowed"),
    [
        ("0.1.0", "0.1.0", False),
        ("0.1.0", "0.1.9", False),
        ("0.1.0", "0.2.0", True),
        ("0.9.0", "0.10.0", True),
        ("0.9.0", "1.0.0", True),
        ("1.2.0", "1.9.0", False),
        ("1.2.0", "2.0.0", True),
        ("1.2.0", "0.9.0", False),
    ],
)
def test_a_version_says_whether_it_may_break(released: str, version: str, allowed: bool) -> None:
    assert may_break(released, version) is allowed


def test_a_release_that_breaks_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "schema.json"
    assert release.main(path) == 0
    written = path.read_text(encoding="utf-8")
    assert json.loads(written) == package_schema(project_version())
    released = json.loads(written)
    released["resources"]["cloudpatterns:index:Gone"] = copy.deepcopy(one(OLD))
    path.write_text(json.dumps(released), encoding="utf-8")
    assert release.main(path) == 1
    assert capsys.readouterr().err.splitlines()[1:] == ["  cloudpatterns:index:Gone: is gone"]
    assert json.loads(path.read_text(encoding="utf-8")) == released
    monkeypatch.setattr(release, "project_version", lambda: "99.0.0")
    assert release.main(path) == 0
    assert json.loads(path.read_text(encoding="utf-8"))["version"] == "99.0.0"
