"""YAML as the Pulumi CLI reads it, which differs from PyYAML's YAML 1.1 in ways that matter for configuration.

The CLI uses Go's yaml.v3: ``yes`` and ``on`` are text, ``12:30`` is text and not a sexagesimal number, ``0o14`` is an octal number.
A date becomes text in the form Go prints it.
"""

import datetime
import re
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from offline_preview.errors import PreviewError

_INT = re.compile(r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of Go's yaml.v3, and duplicate keys refused as it does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise ConstructorError(None, None, f"the key '{key.value}' is defined twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    digits = text.lstrip("+-")
    # A leading zero makes an octal number, where its digits allow that; Python's own base 0 refuses the old form.
    base = 8 if re.fullmatch("0[0-7]+", digits) else 10 if re.fullmatch("[0-9]+", digits) else 0
    return int(text, base)


def _timestamp(loader: _Loader, node: yaml.ScalarNode) -> str:
    value = loader.construct_yaml_timestamp(node)
    moment = value if isinstance(value, datetime.datetime) else datetime.datetime.combine(value, datetime.time())
    return f"{moment:%Y-%m-%d %H:%M:%S} +0000 UTC"


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(true|True|TRUE|false|False|FALSE)\Z"), list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(rf"({_INT.pattern})\Z"), list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"({_FLOAT.pattern})\Z"), list("-+0123456789."))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"(<<)\Z"), ["<"])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:timestamp",
    re.compile(r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[ ]?[-+][0-9]{1,2}(:[0-9]{2})?)?)?)\Z"),
    list("0123456789"),
)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML (or JSON) file; an empty file is an empty mapping.

    Raises ``PreviewError``, with line and column, when the file cannot be read, is not YAML or contains anything else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PreviewError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise PreviewError(f"{path}{where}: is not valid YAML: {error.problem}. Fix that line.") from error
    except yaml.YAMLError as error:
        raise PreviewError(f"{path}: is not valid YAML: {error}.") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise PreviewError(f"{path}: contains a {type(data).__name__}; it must be a mapping of keys to values.")
    return data
