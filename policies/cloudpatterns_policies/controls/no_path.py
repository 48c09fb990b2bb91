"""Proof of the statements in the profile: A never reaches B."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph import ports
from cloudpatterns_policies.graph.endpoints import TYPES, Endpoint
from cloudpatterns_policies.graph.paths import INTERNET
from cloudpatterns_policies.graph.reach import Path, reach_of
from cloudpatterns_policies.graph.spans import Spans
from cloudpatterns_policies.graph.unresolved import unresolved_references

_ALL: Final = "all"
_END: Final = "internet, a resource type such as aws:rds/*, or type and logical name such as aws:ec2/instance:Instance::web-*"
_PORT: Final = r"\d{1,5}(-\d{1,5})?(/(tcp|udp))?"

Finding = tuple[Resource, Verdict]


class _StatementError(Exception):
    """An invalid statement: `field`, and the problem with it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Statement:
    """One statement, with the endpoints that it names. None stands for the internet."""

    sources: list[Endpoint | None]
    targets: list[Endpoint | None]
    ports: Spans


@stack_control(
    id="no-path",
    title="No network path exists that the profile's statements forbid",
    severity=Severity.CRITICAL,
    why="Each rule, route and address may look right by itself, but together they can open a path that must not exist.",
    remediation="Block the path at one of the resources that it names, or correct the statement in the profile.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/infrastructure-security.html",
    config={
        "statements": {
            "type": "array",
            "default": [],
            "description": "Paths that must not exist: nothing that `from` names may reach anything that `to` names on `ports`.",
            "items": {
                "type": "object",
                "properties": {
                    "from": {"type": "string", "minLength": 1, "description": f"Sources that must not reach `to`: {_END}."},
                    "to": {"type": "string", "minLength": 1, "description": f"Targets that `from` must not reach: {_END}."},
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
    """Searches a path for each statement, and reports it."""
    statements = config["statements"]
    if not statements:
        return NotApplicable("the profile has no statement")
    return _findings(stack, statements)


def _findings(stack: Stack, statements: list[Any]) -> Iterator[Finding | Verdict]:
    """Findings on resources, and verdicts on invalid statements."""
    seen: set[tuple[str, Verdict]] = set()
    for index, entry in enumerate(statements):
        try:
            statement = _parse(stack, entry)
        except _StatementError as error:
            where = f"statements.{index}" + (f".{error.field}" if error.field else "")
            yield Fail(f"a statement of the profile is invalid: {error.problem}", where)
            continue
        findings = [finding for target in statement.targets for finding in _prove(stack, statement, target, index)]
        unresolved = unresolved_references(stack) if statement.sources and statement.targets else ()
        if any(isinstance(verdict, Fail) for _, verdict in findings):
            # An unresolved resource may block the path.
            unresolved = tuple(reference for reference in unresolved if reference.blocks)
            findings = [finding for finding in findings if isinstance(finding[1], Unknown)] if unresolved else findings
        findings += [(reference.resource, Unknown(reference.path)) for reference in unresolved]
        for finding in findings:
            # One resource may leave many paths unknown.
            key = (finding[0].urn, finding[1])
            if key not in seen:
                seen.add(key)
                yield finding


def _prove(stack: Stack, statement: _Statement, target: Endpoint | None, index: int) -> Iterator[Finding]:
    """At most one failure: the first path to the target, and how many other sources have one. Without a failure, the unknown values."""
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
        # The internet is not a resource: each source that reaches it gets a finding.
        for start, outbound in sure:
            if start is not None:
                yield (
                    start.subject,
                    Fail(f"reaches the internet on {ports.describe(outbound.ports)}: {outbound.text}", f"statements.{index}"),
                )
    else:
        message = f"is reached by {who} on {ports.describe(path.ports)}: {path.text}{more}"
        yield target.subject, Fail(message, f"statements.{index}")


def _parse(stack: Stack, entry: Any) -> _Statement:
    """Raises `_StatementError`."""
    if not isinstance(entry, Mapping):
        raise _StatementError("", f"{entry!r} is not a statement; use from, to and ports")
    for name in ("from", "to", "ports"):
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            raise _StatementError(name, f"{name} is missing or not text")
    for name in entry:
        if name not in ("from", "to", "ports"):
            raise _StatementError(name, f"unknown field {name!r}; use from, to and ports")
    if entry["from"] == entry["to"] == INTERNET:
        raise _StatementError("to", "from and to are both the internet")
    try:
        wanted = ports.ALL if entry["ports"] == _ALL else ports.parse_ports(entry["ports"].split(","))
    except ValueError as error:
        raise _StatementError("ports", f"{error}, or all") from None
    return _Statement(_ends(stack, "from", entry["from"]), _ends(stack, "to", entry["to"]), wanted)


def _ends(stack: Stack, field: str, pattern: str) -> list[Endpoint | None]:
    """The endpoints that a pattern names.

    A known type without resources in the stack is allowed: no path can exist. Raises `_StatementError` for a name that matches nothing, and
    for a type that can never match.
    """
    if pattern == INTERNET:
        return [None]
    kind, _, name = pattern.partition("::")
    endpoints = reach_of(stack).endpoints.values()
    found = [item for item in endpoints if fnmatchcase(item.subject.type, kind) and fnmatchcase(item.subject.name, name or "*")]
    if found or (not name and any(fnmatchcase(token, kind) for token in TYPES)):
        return list(found)
    raise _StatementError(field, f"{pattern!r} matches no resource in the network; use {_END}")
