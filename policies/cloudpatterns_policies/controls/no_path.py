"""Proof of the user's own statements: A never reaches B."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph import ports
from cloudpatterns_policies.graph.endpoints import TYPES, Endpoint
from cloudpatterns_policies.graph.loose_ends import loose_ends
from cloudpatterns_policies.graph.reach import Path, reach_of
from cloudpatterns_policies.graph.spans import Spans
from cloudpatterns_policies.graph.ways import INTERNET

_ALL: Final = "all"
_END: Final = "internet, a resource type such as aws:rds/*, or type and logical name such as aws:ec2/instance:Instance::web-*"
_PORT: Final = r"\d{1,5}(-\d{1,5})?(/(tcp|udp))?"

Finding = tuple[Resource, Verdict]


class _StatementError(Exception):
    """A statement that cannot be used: `field` and what is wrong with it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Statement:
    """One statement, with its ends found in the stack. None stands for the internet."""

    sources: list[Endpoint | None]
    targets: list[Endpoint | None]
    ports: Spans


@stack_control(
    id="no-path",
    title="No path leads where the profile's statements say that none may",
    severity=Severity.CRITICAL,
    why="Each rule, route and address may look right by itself while together they open a way to what must never be reached.",
    remediation="Cut the path at one of the resources it names, or correct the statement in the profile.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/infrastructure-security.html",
    config={
        "statements": {
            "type": "array",
            "default": [],
            "description": "Paths that must not be: nothing that `from` names may reach anything that `to` names on `ports`.",
            "items": {
                "type": "object",
                "properties": {
                    "from": {"type": "string", "minLength": 1, "description": f"Who must not reach: {_END}."},
                    "to": {"type": "string", "minLength": 1, "description": f"What must not be reached: {_END}."},
                    "ports": {
                        "type": "string",
                        "pattern": rf"^({_ALL}|{_PORT}(, ?{_PORT})*)$",
                        "description": "all, or a list such as 22,3306-3310,53/udp.",
                    },
                },
                "required": ["from", "to", "ports"],
                "additionalProperties": False,
            },
        }
    },
)
def no_path(stack: Stack, *, config: Mapping[str, Any]) -> Verdict | Iterator[Any]:
    """Searches a path for each statement, and tells it."""
    statements = config["statements"]
    if not statements:
        return NotApplicable("the profile has no statement")
    return _findings(stack, statements)


def _findings(stack: Stack, statements: list[Any]) -> Iterator[Finding | Verdict]:
    """Findings at resources, and verdicts on statements that cannot be used."""
    seen: set[tuple[str, Verdict]] = set()
    for index, given in enumerate(statements):
        try:
            statement = _parse(stack, given)
        except _StatementError as error:
            where = f"statements.{index}" + (f".{error.field}" if error.field else "")
            yield Fail(f"a statement of the profile proves nothing: {error.problem}", where)
            continue
        told = [finding for target in statement.targets for finding in _prove(stack, statement, target, index)]
        ends = loose_ends(stack) if statement.sources and statement.targets else ()
        if any(isinstance(verdict, Fail) for _, verdict in told):
            # What may belong anywhere may shut the way.
            ends = tuple(end for end in ends if end.shuts)
            told = [finding for finding in told if isinstance(finding[1], Unknown)] if ends else told
        told += [(end.resource, Unknown(end.path)) for end in ends]
        for finding in told:
            # One resource may stand in the way of many paths.
            key = (finding[0].urn, finding[1])
            if key not in seen:
                seen.add(key)
                yield finding


def _prove(stack: Stack, statement: _Statement, target: Endpoint | None, index: int) -> Iterator[Finding]:
    """At most one failure: the first path to the target, and how many sources more have one. Without a failure, the unknowns."""
    reach = reach_of(stack)
    found: list[tuple[Endpoint | None, Path]] = []
    for source in statement.sources:
        if source is not target and (path := reach.path(source, target, statement.ports)):
            found.append((source, path))
    sure = [(source, path) for source, path in found if path.unknown is None]
    if not sure:
        yield from ((path.unknown[0], Unknown(path.unknown[1])) for _, path in found if path.unknown)
        return
    source, path = sure[0]
    more = f"; so do {len(sure) - 1} more" if len(sure) > 1 else ""
    who = source.name if source else "the internet"
    if target is None:
        # The internet is no resource: the finding stands at each who reaches it.
        for start, way in sure:
            if start is not None:
                yield start.subject, Fail(f"reaches the internet on {ports.describe(way.ports)}: {way.text}", f"statements.{index}")
    else:
        message = f"is reached by {who} on {ports.describe(path.ports)}: {path.text}{more}"
        yield target.subject, Fail(message, f"statements.{index}")


def _parse(stack: Stack, given: Any) -> _Statement:
    """Raises `_StatementError`."""
    if not isinstance(given, Mapping):
        raise _StatementError("", f"{given!r} is no statement; write from, to and ports")
    for name in ("from", "to", "ports"):
        if not isinstance(given.get(name), str) or not given[name].strip():
            raise _StatementError(name, f"{name} is missing or no text")
    for name in given:
        if name not in ("from", "to", "ports"):
            raise _StatementError(name, f"unknown field {name!r}; write from, to and ports")
    if given["from"] == given["to"] == INTERNET:
        raise _StatementError("to", "from and to are both the internet")
    try:
        wanted = ports.ALL if given["ports"] == _ALL else ports.parse_ports(given["ports"].split(","))
    except ValueError as error:
        raise _StatementError("ports", f"{error}, or all") from None
    return _Statement(_ends(stack, "from", given["from"]), _ends(stack, "to", given["to"]), wanted)


def _ends(stack: Stack, field: str, pattern: str) -> list[Endpoint | None]:
    """The endpoints that a pattern names.

    A type that the model knows and the stack has none of is no mistake: there is nothing to reach, or nobody who could. A name that matches
    nothing, or a type that can never match, is. Raises `_StatementError` for it.
    """
    if pattern == INTERNET:
        return [None]
    kind, _, name = pattern.partition("::")
    endpoints = reach_of(stack).endpoints.values()
    found = [item for item in endpoints if fnmatchcase(item.subject.type, kind) and fnmatchcase(item.subject.name, name or "*")]
    if found or (not name and any(fnmatchcase(token, kind) for token in TYPES)):
        return list(found)
    raise _StatementError(field, f"{pattern!r} matches no resource that has a place in the network; write {_END}")
