"""A pack's configuration, reconciled as the CLI does it (pulumi: ``pkg/resource/analyzer/config.go``).

The order: defaults of the policies' schemas, the pack's own initial configuration, the profile; in each, ``all`` before single policies.
One rule is stricter: the CLI passes an unknown policy name to the pack, which ignores it; here it is an error.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from offline_preview.errors import PreviewError, listed, nearest

LEVELS: Final = ("advisory", "mandatory", "remediate", "disabled")
_ALL: Final = "all"
_ENVIRONMENTS: Final = "environments"


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """The level (empty: not said) and the properties of one policy."""

    level: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicySchema:
    """The pack's declaration of one policy: its default level and the JSON schema of its properties."""

    name: str
    level: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    required: Sequence[str] = ()


def read_profile(path: Path) -> dict[str, PolicyConfig]:
    """A profile: a JSON file that gives policies a level or an object. Raises ``PreviewError`` when it is invalid."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PreviewError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if not text.strip():
        return {}
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise PreviewError(f"{path}:{error.lineno}:{error.colno}: is not valid JSON: {error.msg}. Fix that line.") from error
    if not isinstance(data, dict):
        raise PreviewError(f"{path}: contains a {type(data).__name__}; it must be an object of policies.")
    # References to Pulumi ESC are not policies, and cannot be resolved offline.
    return {name: _policy(path, name, value) for name, value in data.items() if name != _ENVIRONMENTS}


def _policy(path: Path, name: str, value: Any) -> PolicyConfig:
    if isinstance(value, str):
        return PolicyConfig(_level(path, name, value))
    if not isinstance(value, dict):
        raise PreviewError(f"{path}: '{name}' is {value!r}; it must be a level ({listed(LEVELS)}) or an object.")
    properties = {key: item for key, item in value.items() if key != "enforcementLevel"}
    return PolicyConfig(_level(path, name, value["enforcementLevel"]) if "enforcementLevel" in value else "", properties)


def _level(path: Path, name: str, level: Any) -> str:
    if level not in LEVELS:
        raise PreviewError(f"{path}: '{name}' has the level {level!r}; allowed: {listed(LEVELS)}.{nearest(str(level), LEVELS)}")
    return level


def reconcile(
    schemas: Sequence[PolicySchema], initial: Mapping[str, PolicyConfig], profile: Mapping[str, PolicyConfig], source: str
) -> dict[str, PolicyConfig]:
    """The level and properties of every policy. ``source`` names the profile in errors.

    Raises ``PreviewError`` for a policy that the pack does not have and for properties that break their schema.
    """
    known = [schema.name for schema in schemas]
    for name in profile:
        if name != _ALL and name not in known:
            meant = nearest(name, known) or f" It has: {listed(known)}."
            raise PreviewError(f"{source}: the pack has no control '{name}'.{meant}")
    result = {
        schema.name: PolicyConfig(
            schema.level, {key: item["default"] for key, item in schema.properties.items() if isinstance(item, dict) and "default" in item}
        )
        for schema in schemas
    }
    for given in (initial, profile):
        result = _applied(result, given)
    problems = [f"'{schema.name}': {problem}" for schema in schemas for problem in _problems(schema, result[schema.name].properties)]
    if problems:
        raise PreviewError(f"{source}: {'; '.join(problems)}")
    return result


def _applied(result: Mapping[str, PolicyConfig], given: Mapping[str, PolicyConfig]) -> dict[str, PolicyConfig]:
    everything = given.get(_ALL, PolicyConfig())
    changed = {name: replace(config, level=everything.level or config.level) for name, config in result.items()}
    for name, config in given.items():
        before = changed.get(name, PolicyConfig())
        # "all" is also passed under its own name, as the CLI does.
        changed[name] = PolicyConfig(config.level or before.level, {**before.properties, **config.properties})
    return changed


def _problems(schema: PolicySchema, properties: Mapping[str, Any]) -> list[str]:
    if not schema.properties and not schema.required:
        return []
    import fastjsonschema

    definition: dict[str, Any] = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}
    if schema.properties:
        definition["properties"] = dict(schema.properties)
    if schema.required:
        definition["required"] = list(schema.required)
    try:
        # The defaults are applied above; the library would write them into deeper levels as well, which the CLI does not.
        fastjsonschema.compile(definition, use_default=False, detailed_exceptions=True)(dict(properties))
    except fastjsonschema.JsonSchemaValueException as error:
        return [f"{error.message.removeprefix('data.').removeprefix('data ')} (it is {error.value!r})"]
    except fastjsonschema.JsonSchemaDefinitionException as error:
        return [f"the pack's own schema is wrong: {error}"]
    return []
