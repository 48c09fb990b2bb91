"""The anti-pattern of a chain of synchronous service calls, as far as the graph shows it.

The graph shows who may invoke whom: the permissions of a Lambda function's role on another function of the stack. No property shows
whether the caller waits for the response; a function with a dead-letter queue is meant to be invoked asynchronously, and does not count.
Functions that Step Functions calls are not a chain and are never reported; nor are calls through ALB, VPC Lattice or plain HTTP.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cloudpatterns_policies.controls._documents import read_document
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Unknown, UnknownValueError, Verdict, stack_control
from cloudpatterns_policies.graph.reading import arrow, read

_FUNCTION: Final = "aws:lambda/function:Function"
_ALIAS: Final = "aws:lambda/alias:Alias"
_ROLE: Final = "aws:iam/role:Role"
_ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_POLICY: Final = "aws:iam/policy:Policy"
_WITHOUT_WAITING: Final = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
_INVOKE: Final = "lambda:InvokeFunction"

_ENTRANCES: Final = (
    ("aws:apigateway/integration:Integration", "uri"),
    ("aws:apigatewayv2/integration:Integration", "integrationUri"),
    ("aws:appsync/dataSource:DataSource", "lambdaConfig"),
    ("aws:lambda/functionUrl:FunctionUrl", "functionName"),
)
"""Resources that invoke a function synchronously."""


@dataclass(slots=True)
class _Calls:
    """By the caller's URN, the functions it may call. For a doubtful call, the unknown value that would decide."""

    functions: dict[str, Resource]
    certain: dict[str, set[str]] = field(default_factory=dict)
    doubtful: dict[tuple[str, str], str] = field(default_factory=dict)
    entrances: dict[str, Resource] = field(default_factory=dict)

    def targets(self, caller: str, *, doubtful: bool) -> list[str]:
        found = set(self.certain.get(caller, ()))
        if doubtful:
            found |= {target for source, target in self.doubtful if source == caller}
        return sorted(found)


@stack_control(
    id="synchronous-chain",
    title="Functions do not call each other in a synchronous chain",
    severity=Severity.MEDIUM,
    types=(_FUNCTION,),
    why="Each function waits for, and is billed for, all that follow; the slowest decides the latency, and one failure fails them all.",
    remediation="Put a queue or an event bus between the functions, or let a Step Functions state machine call them one by one; add an"
    " aws.lambda_.FunctionEventInvokeConfig to a function that is invoked asynchronously.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/concepts-event-driven-architectures.html",
    config={
        "maximumCalls": {"type": "integer", "minimum": 1, "default": 2, "description": "Maximum number of synchronous calls in a row."}
    },
    pack="operations",
)
def synchronous_chain(stack: Stack, config: Mapping[str, Any]) -> Iterator[tuple[Resource, Verdict]]:
    calls = _calls(stack)
    called = {target for targets in calls.certain.values() for target in targets}
    # A function without callers begins a chain; others only where they form a cycle.
    starts = sorted(calls.functions, key=lambda urn: (urn in called and urn not in calls.entrances, urn))
    reported: set[str] = set()
    for start in starts:
        if start in reported:
            continue
        entrance = calls.entrances.get(start)
        links = config["maximumCalls"] + (1 if entrance is None else 0)
        chain = _chain(calls, [start], links, doubtful=False)
        if chain:
            reported |= _reached(calls, start)
            shown = [f"{entrance.type.split(':')[1].split('/')[0]} {entrance.name}"] if entrance else []
            names = [calls.functions[urn].name for urn in chain]
            message = f"may begin a chain of {len(shown) + len(names) - 1} synchronous calls: {arrow(*shown, *names)}"
            yield calls.functions[start], Fail(message, "role")
        elif chain := _chain(calls, [start], links, doubtful=True):
            pair = next(pair for pair in itertools.pairwise(chain) if pair in calls.doubtful)
            yield calls.functions[start], Unknown(calls.doubtful[pair])


def _chain(calls: _Calls, chain: list[str], links: int, *, doubtful: bool) -> list[str]:
    """A chain of that many more calls, with no function twice; empty when there is none."""
    if not links:
        return chain
    for target in calls.targets(chain[-1], doubtful=doubtful):
        if target not in chain and (found := _chain(calls, [*chain, target], links - 1, doubtful=doubtful)):
            return found
    return []


def _reached(calls: _Calls, start: str) -> set[str]:
    reached, waiting = {start}, [start]
    while waiting:
        new = [target for target in calls.certain.get(waiting.pop(), ()) if target not in reached]
        reached.update(new)
        waiting += new
    return reached


def _calls(stack: Stack) -> _Calls:
    calls = _Calls({item.urn: item for item in stack.of_type(_FUNCTION)})
    waited_for = {urn: item for urn, item in calls.functions.items() if not _without_waiting(item, stack)}
    by_arn = {arn: urn for urn, item in waited_for.items() if isinstance(arn := read(item, "arn"), str)}
    for urn, caller in calls.functions.items():
        for holder, path in _documents(caller, stack):
            for arn in _invoked(holder, path):
                if arn is None:
                    for target in _functions(holder, path.partition(".")[0], stack):
                        if target.urn in waited_for:
                            calls.doubtful.setdefault((urn, target.urn), f"{path} of {holder.name}")
                # A version or an alias follows the function's own ARN, which has seven parts.
                elif (found := by_arn.get(":".join(arn.split(":")[:7]))) is not None:
                    calls.certain.setdefault(urn, set()).add(found)
    for kind, path in _ENTRANCES:
        for item in stack.of_type(kind):
            for target in _functions(item, path, stack):
                calls.entrances.setdefault(target.urn, item)
    return calls


def _without_waiting(function: Resource, stack: Stack) -> bool:
    """Whether a function is meant to be invoked asynchronously."""
    return read(function, "deadLetterConfig") is not None or bool(stack.referrers(function, _WITHOUT_WAITING, "functionName"))


def _functions(item: Resource, path: str, stack: Stack) -> Iterator[Resource]:
    yield from stack.refs(item, path, _FUNCTION)
    for alias in stack.refs(item, path, _ALIAS):
        yield from stack.refs(alias, "functionName", _FUNCTION)


def _documents(function: Resource, stack: Stack) -> Iterator[tuple[Resource, str]]:
    """The policies of a function's role, and the paths of their documents."""
    for role in stack.refs(function, "role", _ROLE):
        inline = read(role, "inlinePolicies", computed=True)
        for index in range(len(inline) if isinstance(inline, list) else 0):
            yield role, f"inlinePolicies.{index}.policy"
        for policy in stack.referrers(role, _ROLE_POLICY, "role"):
            yield policy, "policy"
        for attachment in stack.referrers(role, _ATTACHMENT, "role"):
            for policy in stack.refs(attachment, "policyArn", _POLICY):
                yield policy, "policy"


def _invoked(holder: Resource, path: str) -> list[str | None]:
    """The functions that a document allows to invoke, by ARN; None for an unknown document."""
    try:
        document = read_document(holder, path)
    except UnknownValueError:
        return [None]
    if isinstance(document, Unknown):
        return [None]
    statements = document if isinstance(document, list) else []
    return [resource for item in statements if item.allow and item.names(_INVOKE) for resource in item.resources]
