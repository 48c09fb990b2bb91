"""Whether IAM allows a request, by the documents that a component declares, read as the policy packs read them.

It knows the operators that these documents use, and fails at others.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cloudpatterns_policies.controls._documents import Statement, statements


def _like(wanted: str, found: str) -> bool:
    """As IAM compares ARNs of objects and names: by case."""
    pattern = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in wanted)
    return re.fullmatch(pattern, found, re.DOTALL) is not None


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "arnequals": _like,
    "arnlike": _like,
    "bool": lambda wanted, found: wanted.lower() == found.lower(),
    "stringequals": lambda wanted, found: wanted == found,
    "stringlike": _like,
}


class Request(NamedTuple):
    """A request of a principal of the account, with its context (``s3:prefix``, in any case)."""

    principal: str
    action: str
    resource: str
    context: Mapping[str, str] = {}


def allowed(request: Request, *, identity: Sequence[Any], resource: Any = None, session: Any = None) -> bool:
    """Whether the principal's policies allow it, and its session policy does as well, and no policy denies it."""
    own = [statement for document in identity for statement in statements(document)]
    of_resource = [] if resource is None else statements(resource)
    of_session = None if session is None else statements(session)
    if any(not one.allow and _covers(one, request) for one in (*own, *of_resource, *(of_session or ()))):
        return False
    sessions = of_session is None or any(one.allow and _covers(one, request) for one in of_session)
    return sessions and any(one.allow and _covers(one, request) for one in own)


def _covers(statement: Statement, request: Request) -> bool:
    assert not statement.not_principals, "NotPrincipal is not judged here"
    assert not statement.not_resources, "NotResource is not judged here"
    principals = [name for kind, name in statement.principals if kind == "AWS"]
    if statement.principals and not any(_like(name, request.principal) for name in principals):
        return False
    if not statement.names(request.action):
        return False
    context = {"aws:principalarn": request.principal, **{key.lower(): value for key, value in request.context.items()}}
    if not any(_like(_filled(pattern, context), request.resource) for pattern in statement.resources):
        return False
    return all(
        _met(operator, context.get(key), [_filled(value, context) for value in values]) for operator, key, values in statement.conditions
    )


def _filled(pattern: str, context: Mapping[str, str]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda found: context.get(found[1].lower(), "\0"), pattern)


def _met(operator: str, found: str | None, values: Sequence[str]) -> bool:
    negated = "not" in operator
    compare = _COMPARISONS[operator.replace("not", "")]
    # A key that is missing has no value that equals, and none that does not differ.
    return negated if found is None else any(compare(value, found) for value in values) != negated
