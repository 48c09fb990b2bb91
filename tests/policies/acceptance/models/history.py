"""Which constraints AWS has not loosened: an enumeration that has grown will grow again, and its next value must be no finding.

    python -m tests.policies.acceptance.models.history FOLDER...

compares the installed botocore with older releases, the oldest first, each unpacked (`pip download --no-deps botocore==1.29.0`,
`unzip`), and writes `stable.json`: for the shapes that inputs become, what is as it was. Do this when botocore is raised, before the table
is generated. The committed one is from 1.29.0 (November 2022), 1.35.0 (August 2024) and 1.40.0 (July 2025).
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.policies.acceptance.models import sdk, service
from tests.policies.acceptance.models.match import Leaf, Matcher, leaves
from tests.policies.acceptance.models.names import names

PATH = Path(__file__).with_name("stable.json")
KINDS = ("enum", "pattern", "min", "max")

Stable = dict[str, dict[str, list[str]]]
"""Service to shape to the constraints that are as they were; a shape that is missing is too young to tell."""


def unchanged(old: list[dict[str, Any]], new: dict[str, Any]) -> list[str]:
    """The constraints of a shape that no older release had otherwise. An enumeration may have lost values."""

    def same(kind: str, before: dict[str, Any]) -> bool:
        if kind == "enum" and "enum" in before:
            return set(new["enum"]) <= set(before["enum"])
        return new[kind] == before.get(kind)

    return [kind for kind in KINDS if kind in new and all(same(kind, before) for before in old)]


def compare(found: list[Leaf], folders: list[Path]) -> Stable:
    """What is stable of the shapes of `found`."""
    result: Stable = {}
    shapes = sorted({(leaf.service.name, leaf.shape) for leaf in found})
    older: dict[str, list[dict[str, Any]]] = {}
    for name, shape in shapes:
        if name not in older:
            older[name] = [(service.model(folder / "botocore" / "data" / name) or {}).get("shapes", {}) for folder in folders]
        before = [release[shape] for release in older[name] if shape in release]
        # Younger than the release in the middle: nothing can be said of it.
        if any(shape in release for release in older[name][: (len(folders) + 1) // 2]):
            kinds = unchanged(before, service.load(name).shapes[shape])
            result.setdefault(name, {})[shape] = kinds
    return result


def read() -> Stable:
    """The committed comparison."""
    return json.loads(PATH.read_text(encoding="utf-8"))


def main() -> None:
    """Writes the comparison, a line a service."""
    matcher = Matcher(names())
    matches = (matcher.match(type) for type in sdk.resource_types())
    found = [leaf for match in matches if match is not None for leaf in leaves(match.root)]
    constrained = [leaf for leaf in found if leaf.service.shapes[leaf.shape].keys() & set(KINDS)]
    stable = compare(constrained, [Path(each) for each in sys.argv[1:]])
    lines = [f'"{name}": {json.dumps(shapes, separators=(",", ":"))}' for name, shapes in sorted(stable.items())]
    PATH.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
