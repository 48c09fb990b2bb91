"""Reads IAM policy documents: statements, wildcards, conditions. Keys are read case-insensitively, as IAM does."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Unknown, UnknownValueError

# An operator that is true only when the key exists and has a listed value: no negation, no `IfExists`, no `ForAllValues`, which
# are true when the key is missing.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
_FIRM_OPERATOR: Final = re.compile(r"(foranyvalue:)?(string(equals(ignorecase)?|like)|arn(equals|like)|ipaddress)")

UNKNOWN_PART: Final = "\0"
"""Stands for an unknown part of a statement in a document that is read in part."""

_KINDS: Final = {kind.lower(): kind for kind in ("AWS", "CanonicalUser", "Federated", "Service")}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Patterns are kept as written; missing elements are empty."""

    label: str
    """Its name in messages: `statement Admin`, or its number, from 1."""
    allow: bool
    """Whether it allows; in a document that is read in part also when its effect is unknown."""
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    principals: tuple[tuple[str, str], ...] = ()
    """Pairs of kind and name, such as `("AWS", "*")`; `*` alone is that pair too."""
    not_principals: tuple[tuple[str, str], ...] = ()
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """Triples of operator, key (both in lower case) and values."""
    certain: bool = True
    """Whether its effect is known."""

    def names(self, action: str) -> bool:
        """Whether the statement covers an action, given without wildcards."""
        if self.not_actions:
            return not any(matches(pattern, action) for pattern in self.not_actions)
        return any(matches(pattern, action) for pattern in self.actions)

    @property
    def everything(self) -> bool:
        """Whether it covers every resource. `NotResource` excludes some, but not those that will be created later."""
        return bool(self.not_resources) or any(is_everything(resource) for resource in self.resources)

    @property
    def every_action(self) -> bool:
        """Whether it covers every action of every service."""
        return any(is_every_action(action) for action in self.actions)

    @property
    def allows_everyone(self) -> bool:
        """Whether its principals are everyone. `NotPrincipal` excludes some, and includes all others."""
        return bool(self.not_principals) or any(name == "*" for _, name in self.principals)

    def covers_all(self, service: str) -> bool:
        """Whether it covers every resource of one of the service's types."""
        return bool(self.not_resources) or any(is_every_one(resource, service) for resource in self.resources)

    def confined_by(self, keys: re.Pattern[str]) -> Iterator[tuple[str, ...]]:
        """Values of the conditions on matching keys that surely restrict the statement."""
        for operator, key, values in self.conditions:
            if keys.fullmatch(key) and _FIRM_OPERATOR.fullmatch(operator) and not any(set(value) <= set("*?") for value in values):
                yield values


def read_document(resource: Resource, path: str, *, partly: bool = False) -> list[Statement] | Unknown | Fail:
    """The statements of the document at `path`; none when it is missing. With `partly`, unknown parts are `UNKNOWN_PART`."""
    if resource.is_unknown(path):
        return Unknown(path)
    try:
        return statements(resource.json(path, {}), partly=partly)
    except ValueError:
        return Fail("is not a valid policy document", path)


def statements(document: Any, *, partly: bool = False) -> list[Statement]:
    """Parses a document, or the text of one.

    Raises `ValueError` when it is invalid, and `UnknownValueError` when a part of a statement is unknown; with `partly`, when all of them
    are.
    """
    if isinstance(document, str):
        document = json.loads(document)
    found = _require_known(_lower(document).get("statement")) or []
    items = found if isinstance(found, list) else [found]
    return [_statement(_lower(_marked(item) if partly else item), number) for number, item in enumerate(items, start=1)]


def _marked(statement: Any) -> Any:
    """A statement whose unknown parts are marked."""
    if statement is UNKNOWN:
        statement = dict.fromkeys(("Effect", "Action", "Resource", "Principal", "Condition"), UNKNOWN)
    if not isinstance(statement, dict):
        return statement
    fields: dict[str, Any] = {}
    for key, value in statement.items():
        if str(key).lower() == "sid" and value is UNKNOWN:
            continue
        if str(key).lower() == "condition" and value is UNKNOWN:
            value = {UNKNOWN_PART: UNKNOWN}
        if str(key).lower() == "condition" and isinstance(value, dict):
            value = {operator: {UNKNOWN_PART: UNKNOWN} if keys is UNKNOWN else keys for operator, keys in value.items()}
        fields[key] = _filled(value)
    return fields


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item) for item in value]
    return UNKNOWN_PART if value is UNKNOWN else value


def _statement(fields: dict[str, Any], number: int) -> Statement:
    effect = _require_known(fields.get("effect"))
    return Statement(
        label=f"statement {_require_known(fields.get('sid')) or number}",
        allow=effect in ("Allow", UNKNOWN_PART),
        certain=effect != UNKNOWN_PART,
        actions=_texts(fields.get("action")),
        not_actions=_texts(fields.get("notaction")),
        resources=_texts(fields.get("resource")),
        not_resources=_texts(fields.get("notresource")),
        principals=_principals(fields.get("principal")),
        not_principals=_principals(fields.get("notprincipal")),
        conditions=tuple(
            (operator, key, _texts(values))
            for operator, keys in _lower(fields.get("condition") or {}).items()
            for key, values in _lower(keys).items()
        ),
    )


def _lower(value: Any) -> dict[str, Any]:
    if not isinstance(_require_known(value), dict):
        raise ValueError("an object is required")
    return {str(key).lower(): item for key, item in value.items()}


def _require_known(value: Any) -> Any:
    if value is UNKNOWN:
        raise UnknownValueError()
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if _require_known(value) is None:
        return ()
    items = [_require_known(item) for item in (value if isinstance(value, list) else [value])]
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in items)


def _principals(value: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(_require_known(value), dict):
        return tuple((_KINDS.get(kind.lower(), kind), name) for kind, names in value.items() for name in _texts(names))
    return tuple(("AWS", name) for name in _texts(value))


def matches(pattern: str, text: str) -> bool:
    """Whether an IAM pattern matches: `*` is any characters or none, `?` is one, and case is ignored. Backtracks to the last `*` only."""
    pattern, text = pattern.lower(), text.lower()
    at = here = 0
    star, resume = -1, 0
    while here < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, here
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[here]):
            at, here = at + 1, here + 1
        elif star >= 0:
            resume += 1
            at, here = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")


def is_every_action(pattern: str) -> bool:
    """`*`, `*:*` and other spellings of every action of every service."""
    return set(pattern) <= set("*?:") and all("*" in part for part in pattern.split(":"))


def is_every_action_of_a_service(pattern: str) -> bool:
    """`s3:*`, `i*:*`, `*`: the part after the service has only wildcards."""
    verb = pattern.rpartition(":")[2]
    return "*" in verb and set(verb) <= set("*?")


def is_everything(resource: str) -> bool:
    """`*`, and ARNs that name only partition and account."""
    rest = re.sub(r"^arn:[a-z-]*|\d{12}", "", resource)
    return "*" in rest and set(rest) <= set("*?:/")


def is_every_one(resource: str, service: str) -> bool:
    """Every resource of a service's type, such as `arn:aws:iam::*:role/*`, or every resource there is."""
    parts = resource.split(":", 5)
    if is_everything(resource) or len(parts) < 6:
        return is_everything(resource)
    last = re.sub(r"^[a-z*?-]+[:/]", "", parts[5])
    return matches(parts[2], service) and "*" in last and set(last) <= set("*?:/")
