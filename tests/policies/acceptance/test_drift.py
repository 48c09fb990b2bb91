"""What goes stale without a word when a package is raised: names in our tables that the SDK, the validator or botocore no longer has."""

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import cloudformation_validate
from cloudpatterns_policies.acceptance import command, engine, judgement, rules
from cloudpatterns_policies.acceptance.preflight import load

from tests.policies.acceptance import generate, generate_references
from tests.policies.acceptance.corpus import controls
from tests.policies.acceptance.docs import alternatives
from tests.policies.acceptance.models import history, sdk, service

OBJECTS = ("object", "wrap", "first", "list", "up")
"""Forms of an entry with entries inside."""
WITHIN = ("in", "item")
"""Forms with one entry inside."""
FACTS: Mapping[str, Any] = json.loads(generate.TABLE.read_text(encoding="utf-8"))


@cache
def types() -> Mapping[str, sdk.ResourceType]:
    """The SDK's resource types by token."""
    return {type.token: type for type in sdk.resource_types()}


@cache
def rule_ids() -> frozenset[str]:
    """The ids of the rules of the installed validator and cdk-preflight."""
    found = load()
    return frozenset(rule.id for rule in (*cloudformation_validate.CompositeEngine().list_rules(), *found.of(found.types)))


def lost(module: str, inputs: Iterable[sdk.Input], entries: Mapping[str, Any], path: str) -> Iterator[str]:
    """The paths of a table's properties that the SDK does not have."""
    kinds = {one.name: one.kind for one in inputs}
    for name, entry in entries.items():
        here = f"{path}.{name}"
        if not isinstance(entry, str) and entry[1] == "own":
            continue
        if (kind := kinds.get(name)) is None:
            yield here
            continue
        while not isinstance(entry, str) and entry[1] in WITHIN:
            entry = entry[2]
        while kind.of is not None:
            kind = kind.of
        if not isinstance(entry, str) and entry[1] in OBJECTS:
            yield from lost(module, sdk.blocks(module).get(kind.block, ()), entry[2], here)


def test_the_sdk_has_what_the_table_translates() -> None:
    found = (
        path for token, (_, entries, *_) in FACTS.items() for path in lost(types()[token].module, types()[token].inputs, entries, token)
    )
    assert list(found) == []


def test_a_property_that_the_sdk_lost_is_seen() -> None:
    inner = sdk.blocks("lambda_")["FunctionTracingConfigArgs"]
    entries = {"mode": "Mode", "sampling": "Sampling"}
    assert list(lost("lambda_", inner, entries, "x")) == ["x.sampling"]
    function = types()["aws:lambda/function:Function"].inputs
    assert list(lost("lambda_", function, {"tracingConfig": ["A", "in", ["B", "object", entries]]}, "x")) == ["x.tracingConfig.sampling"]


def filled(entry: Any, into: dict[str, Any]) -> None:
    """Puts an unknown value at each place that an entry names."""
    if isinstance(entry, str):
        into[entry] = {"Ref": "P"}
        return
    name, kind, inside = entry
    if kind == "own":
        filled(inside, into)
        return
    inner: dict[str, Any] = into if kind == "up" else {}
    for one in inside.values() if kind in OBJECTS else [inside] if kind in WITHIN else ():
        filled(one, inner)
    if kind == "in":
        into[name] = {**into.get(name, {}), **inner}
    elif kind == "item":
        into[name] = [{**into.get(name, [{}])[0], **inner}]
    elif kind == "key":
        into[name] = [*into.get(name, []), {"AttributeName": {"Ref": "P"}, "KeyType": inside}]
    elif kind in ("append", "attribute"):
        into[name] = [{"Ref": "P"} if kind == "append" else {"Key": "k", "Value": {"Ref": "P"}}]
    elif kind != "up":
        into[name] = [inner] if kind in ("list", "wrap") else inner if kind in OBJECTS else {"Ref": "P"}


def test_the_validator_knows_each_type_and_property_of_the_table() -> None:
    resources: dict[str, Any] = {}
    for number, (type, entries, *part) in enumerate(FACTS.values()):
        properties: dict[str, Any] = {}
        for entry in entries.values():
            filled(entry, properties)
        if len(part) > 1:
            # One object of a list of the resource that it is part of.
            properties = {part[1]: [properties]}
        resources[f"R{number}"] = {"Type": type, "Properties": properties}
    assert unknown(resources) == []


def test_a_type_and_a_property_that_the_validator_lost_are_seen() -> None:
    properties: dict[str, Any] = {}
    filled(["TracingConfig", "in", ["Inner", "list", {"a": "Lost"}]], properties)
    assert properties == {"TracingConfig": {"Inner": [{"Lost": {"Ref": "P"}}]}}
    function = {"Type": "AWS::Lambda::Function", "Properties": properties}
    found = unknown({"A": function, "B": {"Type": "AWS::Lambda::Lost", "Properties": {}}})
    assert found == [("AWS::Lambda::Function", "Properties.TracingConfig.Inner"), ("AWS::Lambda::Lost", None)]


def unknown(resources: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Type and place of what the validator does not know."""
    validator = cloudformation_validate.CompositeEngine()
    without = cloudformation_validate.RuleFilterConfig(id_patterns=["^[EIWP].*"])
    config = cloudformation_validate.ValidateConfig(exclude=without)
    names, found = list(resources), []
    for at in range(0, len(names), 400):
        part = {name: resources[name] for name in names[at : at + 400]}
        document = {"Parameters": {"P": {"Type": "String"}}, "Resources": part}
        found += validator.validate_template(json.dumps(document).encode(), config).diagnostics
    return [
        (resources[one.entity.logical_id]["Type"], one.property_path)
        for one in found
        if one.rule_id == "F3002" or (one.rule_id == "F3006" and one.message.startswith("Unknown"))
    ]


def test_each_entry_of_the_generator_is_of_what_the_sdk_has() -> None:
    names = {
        **{token: set(entries) for token, entries in generate.ENTRIES.items()},
        **{token: {reference, *places} for token, (_, reference, places, *_) in generate.SATELLITES.items()},
    }
    paths = [(token, path[0]) for token, found in generate.DEFAULTS.items() for path in found]
    asked = [*((token, name) for token, found in names.items() for name in found), *paths, *generate.WITHIN]
    assert {*generate.TYPES, *generate.INSIDE, *generate.PROPERTIES, *(token for token, _ in asked)} <= types().keys()
    assert [(token, name) for token, name in asked if not has(token, name)] == []


def test_each_synonym_of_the_generator_is_of_what_the_sdk_has() -> None:
    """A synonym that several types share is one of any of them."""
    types_of: dict[tuple[str, str | None], list[str]] = {}
    for token, synonyms in generate.PROPERTIES.items():
        for synonym in synonyms.items():
            types_of.setdefault(synonym, []).append(token)
    assert [synonym for synonym, tokens in types_of.items() if not any(has(token, synonym[0]) for token in tokens)] == []


def has(token: str, name: str) -> bool:
    """Whether a resource type of the SDK takes a property."""
    return name in {one.name for one in types()[token].inputs}


def test_each_pattern_of_rules_matches_a_rule_of_the_installed_packages() -> None:
    tables = (
        rules.RULES_OFF,
        rules.ADVISED_DESPITE_SEVERITY,
        rules.RULES_UNLESS,
        rules.TOLD_BY_RULES,
        rules.TOLD_BY_CONTROLS,
        rules._FAMILIES,
    )
    patterns = [one for table in tables for pattern in table for one in alternatives(pattern)]
    patterns += [one for better, _ in rules.TOLD_BY_RULES.values() for one in alternatives(better)]
    assert [pattern for pattern in patterns if not any(re.fullmatch(pattern, rule) for rule in rule_ids())] == []
    assert list(alternatives(r"F0\d+|[|]1|E(1|2)|W")) == [r"F0\d+", "[|]1", "E(1|2)", "W"]


def test_each_control_that_tells_what_a_rule_finds_is_one_of_the_pack() -> None:
    assert {control for control, _ in rules.TOLD_BY_CONTROLS.values()} <= {one.id for one in controls()}


def test_each_rule_that_the_code_names_is_one_of_the_installed_packages() -> None:
    text = "".join(map(inspect.getsource, (command, engine, judgement)))
    named = set(re.findall(r'"([EFIW]\d{4}|pf-[\w-]+)"', text))
    assert named >= {"F3003", "W3030", "F3006"}
    assert named - rule_ids() == set()


def test_what_is_known_of_older_releases_is_of_shapes_that_botocore_has() -> None:
    assert [
        f"{name}.{shape}" for name, shapes in history.read().items() for shape in shapes if shape not in service.load(name).shapes
    ] == []


def test_what_may_be_a_reference_is_of_types_that_the_validator_knows() -> None:
    table = json.loads(generate_references.TABLE.read_text(encoding="utf-8"))
    named = {*table, *(target for properties in table.values() for targets in properties.values() for target in targets)}
    assert len(named) > 100
    assert unknown({f"R{number}": {"Type": type, "Properties": {}} for number, type in enumerate(sorted(named))}) == []
