"""Finds secrets among variables: by their names, and by values that only secrets have. Values are never returned."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from cloudpatterns_policies.controls._documents import matches
from cloudpatterns_policies.controls._user_data import secrets_in
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Unknown, Verdict
from cloudpatterns_policies.graph.reading import read

SECRET_NAMES: Final = (
    # The names of AWS's own rules, and further ones.
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ECS_ENGINE_AUTH_DATA"),
    *("*PASSWORD", "*PASSWD", "*PASSPHRASE", "*_PWD", "*API_KEY", "*PRIVATE_KEY", "*SECRET_KEY"),
)
"""Names of variables that hold secrets."""
NAMES: Final[Mapping[str, Mapping[str, Any]]] = {
    "names": {
        "type": "array",
        "items": {"type": "string"},
        "default": list(SECRET_NAMES),
        "description": "Names of variables that hold secrets; case is ignored, and * matches any characters.",
    }
}
"""The setting of the controls that use them."""

# These may hold the name of a secret as well: only a value that looks random is one.
_LIKELY_NAMES: Final = ("*SECRET", "*TOKEN", "*CREDENTIAL", "*CREDENTIALS", "*APIKEY", "*ACCESS_KEY", "*AUTHORIZATION")
_RANDOM: Final = re.compile(r"(?=[A-Za-z0-9]*[0-9])(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{16,}")

# Says where the secret is kept, or is none.
_REFERENCE: Final = re.compile(
    r"arn:.*|\{\{resolve:.*|(?:/[\w.@-]+){2,}|\$\w+|\$\{.*\}|<.*>|true|false|yes|no|none|null|[01]", re.IGNORECASE | re.DOTALL
)

Variable = tuple[str, str, Any]
"""Path, name and value; the value is `UNKNOWN` when it is unknown, and the name empty when that is unknown too."""


def of_map(resource: Resource, path: str) -> Iterator[Variable]:
    """The variables of a map from names to values."""
    value = read(resource, path)
    if value is UNKNOWN:
        yield path, "", UNKNOWN
    elif isinstance(value, Mapping):
        yield from ((f"{path}.{name}", str(name), item) for name, item in value.items())


def of_list(items: Any, path: str, name: str = "name", value: str = "value") -> Iterator[Variable]:
    """The variables of a list of objects with a name and a value."""
    if items is UNKNOWN:
        yield path, "", UNKNOWN
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if not isinstance(item, Mapping) or item.get(name) is UNKNOWN:
            if item is UNKNOWN or isinstance(item, Mapping):
                yield f"{path}.{index}", "", UNKNOWN
        else:
            yield f"{path}.{index}", str(item.get(name) or ""), item.get(value)


def is_plain_secret(name: str, value: str, names: Sequence[str]) -> bool:
    """Whether a variable holds a secret itself, not a reference to one."""
    if not value.strip() or _REFERENCE.fullmatch(value.strip()):
        return False
    plain = re.sub(r"[-. /]", "_", name.strip("-/ "))
    if any(matches(pattern, plain) for pattern in names):
        return True
    likely = any(matches(pattern, plain) for pattern in _LIKELY_NAMES)
    return bool(likely and _RANDOM.search(value)) or bool(secrets_in(value))


def plain_secrets(variables: Iterable[Variable], names: Sequence[str], holder: str = "") -> Iterator[Verdict]:
    """A failure for each variable that holds a secret, and Unknown for each that may."""
    for path, name, value in variables:
        if value is UNKNOWN:
            if not name or is_plain_secret(name, "unknown", names):
                yield Unknown(path)
        elif isinstance(value, str) and is_plain_secret(name, value, names):
            yield Fail(f"passes the secret {name}{holder} in plain text", path)
