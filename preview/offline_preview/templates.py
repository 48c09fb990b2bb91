"""Outputs of CloudFormation stacks, invented from their templates: what a program reads by name is there."""

import json
from collections.abc import Mapping
from typing import Any, Final

import yaml

from offline_preview.arns import ACCOUNT, Subject, digest, partition_of, text_of
from offline_preview.values import UNKNOWN


class _Loader(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation, as their long forms: ``!Ref A`` is ``{"Ref": "A"}``."""


def _long_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    kind: Any = {yaml.ScalarNode: "scalar", yaml.SequenceNode: "sequence"}.get(type(node), "mapping")
    value = getattr(loader, f"construct_{kind}")(node)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)
_SECTIONS: Final = ("Parameters", "Resources", "Outputs")


def stack_outputs(subject: Subject) -> Any:
    """The outputs of a stack by name; UNKNOWN where its template is not known here."""
    template = _read(text_of(subject.inputs.get("templateBody")))
    if template is None:
        return UNKNOWN
    parameters, resources, outputs = (_objects(template.get(section)) for section in _SECTIONS)
    given = subject.inputs.get("parameters")
    known = {
        **{name: one.get("Default") for name, one in parameters.items()},
        **(given if isinstance(given, dict) else {}),
    }
    return {name: _value(one.get("Value"), name, known, resources, subject) for name, one in outputs.items()}


def _read(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)
    except (ValueError, yaml.YAMLError):
        return None
    return found if isinstance(found, dict) else None


def _objects(value: Any) -> dict[str, Mapping[str, Any]]:
    return {str(name): one for name, one in value.items() if isinstance(one, dict)} if isinstance(value, dict) else {}


def _value(value: Any, name: str, known: Mapping[str, Any], resources: Mapping[str, Mapping[str, Any]], subject: Subject) -> Any:
    if not isinstance(value, dict):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if (parameter := value.get("Ref")) in known:
        return known[parameter] if isinstance(known[parameter], str) else str(known[parameter])
    attribute = value.get("Fn::GetAtt")
    logical, part = (attribute[0], attribute[-1]) if isinstance(attribute, list) and attribute else (value.get("Ref"), "")
    if name.endswith("Arn") or str(part).endswith("Arn"):
        _aws, service, noun = (*str(resources.get(str(logical), {}).get("Type")).lower().split("::"), "", "")[:3]
        here = f"{subject.region}:{ACCOUNT}"
        return f"arn:{partition_of(subject.region)}:{service or 'service'}:{here}:{noun or 'resource'}/{subject.name}-{logical}"
    if str(part).endswith("Port"):
        return "443"
    return f"{subject.name}-{logical or name}-{digest(subject.urn + name, 8)}"
