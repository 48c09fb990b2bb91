"""JSON schema of the stack files, for editors: `python -m settings.schema` writes `docs/settings.schema.json`."""

import json
from pathlib import Path
from typing import Any

from settings.faults import ALLOWED_KEYWORD
from settings.loading import PROJECT, SECTIONS, with_systems
from settings.systems import SYSTEMS

PATH = Path(__file__).resolve().parent.parent / "docs" / "settings.schema.json"
"""Path of the schema."""


def document() -> str:
    """The schema of a `Pulumi.<stack>.yaml`, as text."""
    generated: Any = _described(with_systems(SYSTEMS).model_json_schema())
    definitions = {name: schema for name, schema in generated["$defs"].items() if name != "Settings"}
    sections = {f"{PROJECT}:{section}": generated["properties"][section] for section in (*SECTIONS, *SYSTEMS)}
    region = {"type": "string", "description": "AWS region of the stack.", "examples": ["eu-west-1"]}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pulumi.<stack>.yaml of the project cloudpatterns",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {"aws:region": region, **sections},
                "required": ["aws:region", f"{PROJECT}:tags"],
                # Keys of other providers are allowed; a misspelt section is not.
                "patternProperties": {f"^(?!{PROJECT}:)": {}},
                "additionalProperties": False,
            }
        },
        "required": ["config"],
        "$defs": definitions,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _described(node: Any) -> Any:
    """The schema with the allowed values in each description, where editors show them."""
    if isinstance(node, list):
        return [_described(item) for item in node]
    if not isinstance(node, dict):
        return node
    described = {key: _described(value) for key, value in node.items() if key != ALLOWED_KEYWORD}
    if isinstance(allowed := node.get(ALLOWED_KEYWORD), str):
        described["description"] = f"{node.get('description', '')} Allowed: {allowed.replace('{region}', '<region>')}.".strip()
    return described


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(document(), encoding="utf-8")
