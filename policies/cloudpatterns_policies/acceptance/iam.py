"""Statements of IAM documents that have no effect, although AWS accepts them: judged by AWS's own list of actions, ARNs and condition keys.

Pure functions over parsed documents. What is not known before deployment matches everything and is never a finding.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final

from cloudpatterns_policies.acceptance.iam_database import CORRECTIONS, GLOBAL_KEYS, TAG_KEYS, Action, Database, meet
from cloudpatterns_policies.controls._document_places import Kind
from cloudpatterns_policies.controls._documents import matches
from cloudpatterns_policies.core import UNKNOWN
from cloudpatterns_policies.core.values import UNKNOWN_SENTINELS
from cloudpatterns_policies.graph.reading import some


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of a statement that has no effect."""

    rule: str
    """The rule's id."""
    message: str
    """Completes the sentence "<resource> ..."."""


RULES: Final[Mapping[str, str]] = {
    "iam-action-unknown": "No service has an action of that name.",
    "iam-action-pattern-empty": "No action of the service matches the pattern.",
    "iam-action-of-trust": "A trust policy takes actions of STS only.",
    "iam-resource-kind": "The action does not take resources of that kind.",
    "iam-resource-none": "The action takes no resource, only *.",
    "iam-resource-service": "No action of the statement takes resources of that service.",
    "iam-condition-key-unknown": "No service has a condition key of that name.",
    "iam-condition-key-unused": "No action of the statement knows the condition key.",
}
"""The rules by their ids."""

# An operator that is false when the key is missing: no negation, no IfExists, no ForAllValues.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
_FIRM: Final = re.compile(
    r"(foranyvalue:)?(string(equals(ignorecase)?|like)|arn(equals|like)|ipaddress|bool|binaryequals"
    r"|(numeric|date)(equals|lessthan(equals)?|greaterthan(equals)?))"
)
# What an Output becomes when it is put into a text, and a policy variable.
_OUTPUT_TEXT: Final = "Calling __str__ on an Output"
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}|\?")
# The end of an ARN that names no single resource, such as `*`, `table/*` or `log-group:*:*`.
_EVERY_ONE: Final = re.compile(r"[\w-]*([:/*][\w:/*-]*)?\*")
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as written. `None` among texts is what is known only after deployment."""

    label: str
    allow: bool
    actions: tuple[str | None, ...]
    not_actions: tuple[str | None, ...]
    resources: tuple[str | None, ...]
    not_resources: tuple[str | None, ...]
    conditions: tuple[tuple[str, str], ...]
    """Pairs of operator, in lower case, and key, as written."""

    @property
    def verb(self) -> str:
        """What the statement was meant to do."""
        return "allows" if self.allow else "denies"


def parse(document: Any) -> list[Statement]:
    """The statements of a document. Raises `ValueError` for what is no policy document."""
    if document is UNKNOWN:
        return []
    if not isinstance(document, Mapping):
        raise ValueError("a policy document is an object")
    found = _fields(document).get("statement", [])
    items = found if isinstance(found, list) else [found]
    return [_statement(item, number) for number, item in enumerate(items, start=1) if item is not UNKNOWN]


def _statement(item: Any, number: int) -> Statement:
    if not isinstance(item, Mapping):
        raise ValueError("a statement is an object")
    fields = _fields(item)
    sid, conditions = fields.get("sid"), fields.get("condition")
    pairs: list[tuple[str, str]] = []
    if isinstance(conditions, Mapping):
        for operator, keys in conditions.items():
            pairs += [(str(operator).lower(), str(key)) for key in keys] if isinstance(keys, Mapping) else []
    return Statement(
        label=f"statement {sid if isinstance(sid, str) and sid else number}",
        allow=fields.get("effect") is UNKNOWN or fields.get("effect") != "Deny",
        actions=_texts(fields.get("action")),
        not_actions=_texts(fields.get("notaction")),
        resources=_texts(fields.get("resource")),
        not_resources=_texts(fields.get("notresource")),
        conditions=tuple(pairs),
    )


def _fields(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key).lower(): item for key, item in value.items()}


def _texts(value: Any) -> tuple[str | None, ...]:
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    return tuple(item if isinstance(item, str) and not _is_unknown(item) else None for item in items)


def _is_unknown(text: str) -> bool:
    return _OUTPUT_TEXT in text or any(sentinel in text for sentinel in UNKNOWN_SENTINELS)


@dataclass(frozen=True, slots=True)
class _Named:
    """An action as a statement names it, and the actions of the service that it stands for."""

    text: str
    actions: Sequence[Action]

    @property
    def formats(self) -> list[str]:
        """The ARN formats that one of them takes."""
        return list(dict.fromkeys(item.text for action in self.actions for item in action.formats))


class _Judged:
    """A statement with what the database knows of its actions."""

    def __init__(self, statement: Statement, database: Database) -> None:
        self.statement = statement
        self.named: list[_Named] = []
        self.unnamed: list[str] = []
        """Actions of services that the database knows, which have none of that name."""
        self.open = not statement.actions
        """Whether it may be about actions that the database does not know, or about all but some."""
        for text in statement.actions or statement.not_actions:
            self._look_up(text, database)

    def _look_up(self, text: str | None, database: Database) -> None:
        prefix, _, verb = (text or "").partition(":")
        if text is None or "${" in text or "*" in prefix or "?" in prefix:
            self.open = True
            return
        service = database.service(prefix)
        if service is None:
            # Without a colon it is no action; AWS says so itself, and the validators do.
            self.open = True
            return
        if "*" in verb or "?" in verb:
            found = service.actions(verb)
        else:
            action = service.action(verb)
            found = [action] if action else []
        if found:
            self.named.append(_Named(text, found))
        elif any(item.known and text.lower() in item.actions for item in CORRECTIONS):
            self.open = True
        else:
            self.unnamed.append(text)


def findings(document: Any, kind: Kind, database: Database, own: Collection[str] = ()) -> Iterator[Finding]:
    """What has no effect in a parsed document. Raises `ValueError` for what is no policy document.

    `own` are the ARNs of the stack's resources. They are right by definition: one of a form that the database does not know is not judged.
    """
    for statement in parse(document):
        judged = _Judged(statement, database)
        yield from _actions(judged, database)
        if kind is Kind.TRUST:
            yield from _of_trust(judged)
        else:
            yield from _resources(judged, database, own)
        yield from _conditions(judged, database)


def _actions(judged: _Judged, database: Database) -> Iterator[Finding]:
    statement = judged.statement
    does = "excludes" if statement.not_actions else statement.verb
    for text in judged.unnamed:
        if "*" in text or "?" in text:
            yield Finding("iam-action-pattern-empty", f"{does} {text} in {statement.label}, which no action of the service matches")
        else:
            near = database.nearest_action(text)
            hint = f"; did you mean {near}?" if near else ""
            yield Finding("iam-action-unknown", f"{does} {text} in {statement.label}, an action that AWS does not have{hint}")


def _of_trust(judged: _Judged) -> Iterator[Finding]:
    for named in judged.named if judged.statement.actions else ():
        if not named.text.lower().startswith("sts:"):
            label = judged.statement.label
            yield Finding(
                "iam-action-of-trust", f"{judged.statement.verb} {named.text} in {label}, and a trust policy takes actions of sts only"
            )


def _resources(judged: _Judged, database: Database, own: Collection[str]) -> Iterator[Finding]:
    statement = judged.statement
    if not statement.actions or not statement.resources:
        return
    patterns = [parts for text in statement.resources if (parts := _arn(text)) is not None]
    if len(patterns) < len(statement.resources) or any(_is_news(parts, database) for parts in patterns):
        # One of them may be anything.
        return
    met = True
    shown = some([text for text in statement.resources if text is not None], _SHOWN)
    for named in judged.named:
        formats = [item for action in named.actions for item in action.formats]
        if any(item.covers(pattern) for item in formats for pattern in patterns):
            continue
        if any(not action.formats and _reaches_all(pattern, named.text) for action in named.actions for pattern in patterns):
            continue
        if any(_is_of_unknown_form(text, database, own) for text in statement.resources):
            return
        met = False
        what = f"{statement.verb} {named.text} in {statement.label} on {shown}"
        if formats:
            # The nearest first: those that most parts of the first ARN fit.
            nearest = sorted(formats, key=lambda item: -sum(map(meet, patterns[0], item.parts)))
            takes = list(dict.fromkeys(item.text for item in nearest))
            yield Finding("iam-resource-kind", f"{what}, but it takes {some(takes, _SHOWN)}")
        else:
            yield Finding("iam-resource-none", f"{what}, but it takes no resource: only * has an effect")
    if met:
        yield from _strangers(judged, patterns, database, own)


def _strangers(judged: _Judged, patterns: Sequence[Sequence[str]], database: Database, own: Collection[str]) -> Iterator[Finding]:
    """Resources of a service of which no action takes any."""
    if judged.open or judged.unnamed or not judged.named:
        return
    services = {item.parts[2] for named in judged.named for action in named.actions for item in action.formats}
    prefixes = {named.text.partition(":")[0].lower() for named in judged.named}
    if "*" in services:
        return
    for text, pattern in zip(judged.statement.resources, patterns, strict=True):
        service = pattern[2]
        if "*" not in service and service not in services | prefixes and not _is_of_unknown_form(text, database, own):
            label, verb = judged.statement.label, judged.statement.verb
            takers = some([named.text for named in judged.named], _SHOWN)
            yield Finding("iam-resource-service", f"{verb} {takers} in {label} on {text}, a resource of a service that none of them is of")


def _arn(text: str | None) -> tuple[str, ...] | None:
    """The six parts of an ARN pattern in lower case; None for what may be anything: unknown, a variable, `*`, a service's short form."""
    if text is None:
        return None
    pattern = _VARIABLE.sub("*", text).lower()
    if not pattern.startswith("arn:"):
        return None
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        if not parts[-1].endswith("*"):
            return None
        parts += ["*"] * (6 - len(parts))
    return None if parts[2:] == ["*"] * 4 else tuple(parts)


def _is_news(parts: Sequence[str], database: Database) -> bool:
    """Whether an ARN is of a service or of a kind that the database does not know."""
    if "*" in parts[2]:
        return False
    service = database.service(parts[2])
    return service is None or not service.has(parts, nearly=True)


def _is_of_unknown_form(text: str | None, database: Database, own: Collection[str]) -> bool:
    """Whether a text is, or begins with, the ARN of a resource of the stack in a form that its service does not have."""
    for arn in own:
        if text is not None and text.startswith(arn) and (parts := _arn(arn)) is not None:
            service = database.service(parts[2])
            return service is None or not service.has(parts)
    return False


def _reaches_all(pattern: Sequence[str], action: str) -> bool:
    """Whether a pattern reaches everything of an action's service, which is what actions without resources are authorised on."""
    return matches(pattern[2], action.partition(":")[0]) and _EVERY_ONE.fullmatch(pattern[5]) is not None


def _conditions(judged: _Judged, database: Database) -> Iterator[Finding]:
    statement = judged.statement
    for operator, key in dict.fromkeys(statement.conditions):
        known = _knowledge(key.lower(), database)
        if known is _Knowledge.NOBODY:
            near = _nearest_key(key, database)
            hint = f"; did you mean {near}?" if near else ""
            yield Finding("iam-condition-key-unknown", f"has a condition on {key} in {statement.label}, a key that AWS does not have{hint}")
        elif known is _Knowledge.SOME and _is_firm(operator) and not _somebody_knows(judged, key.lower()):
            actions = some([named.text for named in judged.named], _SHOWN)
            yield Finding(
                "iam-condition-key-unused",
                f"{statement.verb} nothing in {statement.label}: its condition needs {key}, which is not in requests of {actions}",
            )


class _Knowledge(Enum):
    EVERYBODY = "not judged, or in every request"
    SOME = "known to some actions"
    NOBODY = "known to no service"


_GLOBAL: Final = {key.lower(): key for key in GLOBAL_KEYS}
_TAG_KEYS: Final = tuple(key.lower() for key in TAG_KEYS)


def _knowledge(key: str, database: Database) -> _Knowledge:
    prefix, colon, _ = key.partition(":")
    # Keys with a dot are those of identity providers.
    if not colon or "." in prefix or "$" in prefix or any(matches(each, key) for item in CORRECTIONS for each in item.keys):
        return _Knowledge.EVERYBODY
    if prefix == "aws":
        if key in _GLOBAL or key.startswith("aws:principaltag/"):
            return _Knowledge.EVERYBODY
        return _Knowledge.SOME if key.startswith(_TAG_KEYS) else _Knowledge.NOBODY
    service = database.service(prefix)
    if service is None:
        return _Knowledge.EVERYBODY
    if key in service.used_keys:
        return _Knowledge.SOME
    # Keys that the service defines and no action of it knows describe the caller's session.
    return _Knowledge.EVERYBODY if key in service.keys else _Knowledge.NOBODY


def _nearest_key(key: str, database: Database) -> str:
    prefix = key.partition(":")[0].lower()
    service = database.service(prefix)
    texts = (*GLOBAL_KEYS, *TAG_KEYS, "aws:PrincipalTag/") if prefix == "aws" else service.key_names if service else ()
    names = {text.lower(): text for text in texts}
    near = get_close_matches(key.lower(), names, 1, 0.75)
    return names[near[0]] if near else ""


def _is_firm(operator: str) -> bool:
    return _FIRM.fullmatch(operator) is not None


def _somebody_knows(judged: _Judged, key: str) -> bool:
    if judged.open or judged.unnamed or not judged.named:
        return True
    return any(key in action.keys for named in judged.named for action in named.actions)


def limitable(document: Any, database: Database) -> Iterator[Finding]:
    """Statements of an identity policy that allow actions on `*` which can be limited to resources."""
    for statement in parse(document):
        if not statement.allow or "*" not in statement.resources or any(map(_confines, statement.conditions)):
            continue
        judged = _Judged(statement, database)
        found = [named for named in judged.named if statement.actions and all(action.limitable for action in named.actions)]
        if found:
            first = found[0]
            takes = f"; {first.text} takes {some(sorted(first.formats, key=len), _SHOWN)}"
            yield Finding(
                "iam-action-limitable",
                f"allows {some([named.text for named in found], _SHOWN)} on every resource in {statement.label}{takes}",
            )


def _confines(condition: tuple[str, str]) -> bool:
    """Whether a condition limits a statement to some resources: a firm one on what a service says of them."""
    operator, key = condition
    prefix = key.partition(":")[0].lower()
    return _is_firm(operator) and (
        prefix != "aws" or key.lower().startswith(("aws:resourcetag/", "aws:resourceaccount", "aws:resourceorg"))
    )
