"""What a version promises: the schema of the last release, and what breaks programs that use it.

``python -m tests.release`` writes ``components/schema.json`` when a version is released.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloudpatterns.plugin import package_schema, project_version

SCHEMA = Path(__file__).resolve().parents[1] / "components" / "schema.json"


def breaking_changes(released: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """What a program that uses the released schema would trip over, one sentence each."""
    given_out = set(_types_in([one["properties"] for one in released["resources"].values()], released))
    return [
        *_missing(released["resources"], current["resources"], ""),
        *_missing(released["types"], current["types"], ""),
        *(
            change
            for token, old in released["resources"].items()
            if (new := current["resources"].get(token))
            for change in (
                *_changed(old["inputProperties"], new["inputProperties"], f"{token}, input "),
                *_required(old["requiredInputs"], new["requiredInputs"], f"{token}, input "),
                *_changed(old["properties"], new["properties"], f"{token}, output "),
                *(f"{token}, output {name}: is no longer always there" for name in _no_longer(old["required"], new["required"])),
            )
        ),
        *(
            change
            for token, old in released["types"].items()
            if (new := current["types"].get(token))
            for change in _changed_type(old, new, token, token in given_out)
        ),
    ]


def _changed_type(old: dict[str, Any], new: dict[str, Any], token: str, given_out: bool) -> Iterator[str]:
    yield from _changed(old.get("properties", {}), new.get("properties", {}), f"{token}, property ")
    yield from _required(old.get("required", []), new.get("required", []), f"{token}, property ")
    if given_out:
        yield from (
            f"{token}, property {name}: is no longer always there" for name in _no_longer(old.get("required", []), new.get("required", []))
        )
    values = [[value["value"] for value in type_.get("enum", [])] for type_ in (old, new)]
    yield from (f"{token}, value {value!r}: is gone" for value in _no_longer(*values))


def _missing(old: dict[str, Any], new: dict[str, Any], where: str) -> Iterator[str]:
    yield from (f"{where}{name}: is gone" for name in old if name not in new)


def _changed(old: dict[str, Any], new: dict[str, Any], where: str) -> Iterator[str]:
    yield from _missing(old, new, where)
    for name in old.keys() & new.keys():
        if (before := _shape(old[name])) != (after := _shape(new[name])):
            yield f"{where}{name}: was {before}, is {after}"


def _required(old: list[str], new: list[str], where: str) -> Iterator[str]:
    yield from (f"{where}{name}: is newly required" for name in _no_longer(new, old))


def _no_longer(old: list[Any], new: list[Any]) -> list[Any]:
    return [one for one in old if one not in new]


def _shape(property_: dict[str, Any]) -> str:
    """The type of a property as the SDKs see it; ``plain`` is what takes no output."""
    kind = property_.get("$ref", property_.get("type", "")).rpartition("/")[2]
    below = [_shape(property_[key]) for key in ("items", "additionalProperties") if key in property_]
    return f"{'plain ' if property_.get('plain') else ''}{kind}{f' of {below[0]}' if below else ''}"


def _types_in(part: Any, schema: dict[str, Any]) -> Iterator[str]:
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        if isinstance(one, str) and one.startswith("#/types/"):
            token = one.removeprefix("#/types/")
            yield token
            yield from _types_in(schema["types"].get(token), schema)
        else:
            yield from _types_in(one, schema)


def may_break(released: str, version: str) -> bool:
    """Whether ``version`` may break what ``released`` promised: a new major version, or before 1.0 a new minor one."""
    before, after = ([int(part) for part in text.split(".")] for text in (released, version))
    return after[0] > before[0] or (before[0] == after[0] == 0 and after[1] > before[1])


def main(path: Path = SCHEMA) -> int:
    """Writes the schema of the version that is being released, unless it breaks the last one without saying so in its version."""
    version = project_version()
    current = package_schema(version)
    if path.exists():
        released = json.loads(path.read_text(encoding="utf-8"))
        changes = breaking_changes(released, current)
        if changes and not may_break(released["version"], version):
            print(f"{version} breaks programs that use {released['version']}; raise the version in pyproject.toml:", file=sys.stderr)
            print(*(f"  {change}" for change in changes), sep="\n", file=sys.stderr)
            return 1
    path.write_text(json.dumps(current, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
