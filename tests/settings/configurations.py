"""Stack configurations for the tests, and an interpreter of the commands that errors propose."""

import copy
import json
import re
import shlex
from typing import Any

import pytest

from settings import SettingsError, parse

VALID: dict[str, Any] = {
    "network": {
        "cidr_block": "10.20.0.0/16",
        "zones": ["eu-west-1a", "eu-west-1b"],
        "interface_endpoints": ["logs"],
        "nat": {
            "strategy": "on_demand",
            "time_zone": "Europe/Berlin",
            "windows": [{"name": "patch", "days": ["MON", "TUE"], "start": "02:00", "minutes": 120}],
        },
    },
    "storefront": {
        "servers": {"instance_types": ["t4g.small", "t4g.medium"], "min_size": 2, "max_size": 6},
        "load_balancer": {"certificate_arn": "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-4000-8000-000000000000"},
    },
    "database": {"engine": "mysql", "engine_version": "8.4", "instance_class": "db.t4g.micro"},
    "cache": {"engine_version": "8.1", "node_type": "cache.t4g.micro"},
    "operators": [
        {"name": "devops", "ports": [22], "entries": [{"cidr": "203.0.113.10/32", "description": "Office"}]},
        {"name": "dba", "ports": [2222], "entries": [{"cidr": "2001:db8:1::/48", "description": "Office"}]},
    ],
    "tags": {"Owner": "platform", "CostCenter": "cc-1234", "Environment": "dev"},
}
"""A small valid configuration."""


class _Absent:
    def __repr__(self) -> str:
        # Part of test names, which every worker must make alike.
        return "ABSENT"


ABSENT = _Absent()
"""In `broken`: take the setting away."""

SUBNET_CIDRS: dict[str, Any] = {
    "public": {"eu-west-1a": "10.20.0.0/24", "eu-west-1b": "10.20.1.0/24"},
    "private": {"eu-west-1a": "10.20.16.0/20", "eu-west-1b": "10.20.32.0/20"},
    "data": {"eu-west-1a": "10.20.2.0/24", "eu-west-1b": "10.20.3.0/24"},
}


def broken(changes: dict, base: dict = VALID) -> dict:
    """The configuration with other values at these paths (`network.zones[1]`)."""
    sections = copy.deepcopy(base)
    for path, value in changes.items():
        if value is ABSENT:
            _remove(sections, _steps(path))
        else:
            _assign(sections, _steps(path), copy.deepcopy(value))
    return sections


def config(sections: dict, region: str | None = "eu-west-1") -> dict[str, str]:
    """The configuration as Pulumi hands it to the program: objects as JSON text."""
    values = {f"cloudpatterns:{name}": value if isinstance(value, str) else json.dumps(value) for name, value in sections.items()}
    return values if region is None else {"aws:region": region, **values}


def good(sections: dict, **options) -> Any:
    return parse(config(sections), "dev", **options)


def problems(sections: dict, region: str | None = "eu-west-1", **options) -> tuple:
    with pytest.raises(SettingsError) as caught:
        parse(config(sections, region), "dev", **options)
    return caught.value.problems


def obey(commands, sections: dict) -> None:
    """Does to the sections what these `pulumi config` commands would do to the stack file."""
    for command in commands:
        words = shlex.split(command)
        assert words[:2] == ["pulumi", "config"]
        assert words[3:5] == ["--stack", "dev"], command
        verb, rest = words[2], words[5:]
        assert rest[0] == "--path", command
        if verb == "rm":
            assert len(rest) == 2
            _remove(sections, _steps(_own(rest[1])))
        elif verb == "set-all":
            assert rest[1::2] == ["--plaintext"] * (len(rest) // 2)
            for pair in rest[2::2]:
                key, _, value = pair.partition("=")
                _assign(sections, _steps(_own(key)), _typed(value))
        elif rest[1:3] == ["--type", "string"]:
            assert len(rest) == 5
            _assign(sections, _steps(_own(rest[3])), rest[4])
        else:
            assert verb == "set"
            assert len(rest) == 3, command
            _assign(sections, _steps(_own(rest[1])), _typed(rest[2]))


def _own(key: str) -> str:
    assert key.startswith("cloudpatterns:")
    return key.removeprefix("cloudpatterns:")


def _typed(value: str):
    """What the CLI stores for a value set by path: see `adjustObjectValue` in its `config/object.go`."""
    if value in ("true", "false"):
        return value == "true"
    return int(value) if re.fullmatch(r"0|[+-]?[1-9]\d*", value) else value


def _steps(path: str) -> list:
    found = re.findall(r'\["((?:\\"|[^"])*)"\]|\[(\d+)\]|([^.\[]+)', path)
    return [int(index) if index else (quoted or bare).replace('\\"', '"') for quoted, index, bare in found]


def _assign(node, steps: list, value) -> None:
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if following is None:
            inner = value
        else:
            kind = list if isinstance(following, int) else dict
            inner = node[step] if _has(node, step) and isinstance(node[step], kind) else kind()
        if isinstance(node, list) and step == len(node):
            node.append(inner)
        else:
            node[step] = inner
        node = inner


def _has(node, step) -> bool:
    return step < len(node) if isinstance(node, list) else step in node


def _remove(node, steps: list) -> None:
    for step in steps[:-1]:
        if not _has(node, step):
            return
        node = node[step]
    if _has(node, steps[-1]):
        del node[steps[-1]]
