"""A table of permissions as an argument, with least privilege: each line names actions and the resources that they may touch."""

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core._unscoped import UNSCOPED
from cloudpatterns.core.arguments import Problem
from cloudpatterns.core.iam import Statement
from cloudpatterns.core.limits import Matches
from cloudpatterns.core.vocabulary import Conditions


class WorkloadStatementArgs(TypedDict):
    """One line of the table of permissions: these actions on these resources."""

    actions: Annotated[list[str], Field(min_length=1)]
    """Actions as ``service:Action``. A part may be a wildcard (``s3:Get*``); every action of a service may not."""
    resources: Annotated[list[pulumi.Input[str]], Field(min_length=1)]
    """ARNs. ``*`` is refused unless every action of the statement has no resource types of its own."""
    sid: NotRequired[Annotated[str, Matches("[A-Za-z0-9]+", "letters and digits such as ReadOrders")]]
    """Statement id; of two statements with the same one only the first keeps it. Default: no id."""
    conditions: NotRequired[Conditions]
    """Conditions: operator to key to accepted values, as in IAM's JSON."""


def iam_statement(statement: WorkloadStatementArgs, conditions: Mapping[str, Mapping[str, Any]] | None = None) -> Statement:
    """A checked line as a statement of a policy, under further ``conditions``."""
    every: dict[str, dict[str, Any]] = {operator: {**keys} for operator, keys in statement["conditions"].items()}
    for operator, keys in (conditions or {}).items():
        every.setdefault(operator, {}).update(keys)
    return Statement(sid=statement.get("sid"), actions=statement["actions"], resources=statement["resources"], conditions=every)


def as_arguments(statements: Sequence[Statement]) -> list[WorkloadStatementArgs]:
    """Statements without principals as lines of a table of permissions, for the ``statements`` of a function or role."""
    lines: list[WorkloadStatementArgs] = []
    for statement in statements:
        line: WorkloadStatementArgs = {"actions": [*statement.actions], "resources": [*statement.resources]}
        if statement.sid:
            line["sid"] = statement.sid
        if statement.conditions:
            line["conditions"] = {
                operator: {
                    key: [*values] if isinstance(values, Sequence) and not isinstance(values, str) else [values]
                    for key, values in keys.items()
                }
                for operator, keys in statement.conditions.items()
            }
        lines.append(line)
    return lines


def statement_problems(statements: Sequence[WorkloadStatementArgs], path: str = "statements") -> Iterator[Problem]:
    """What is wrong with a table of permissions: actions that are none, wildcards where resources can be named."""
    for index, statement in enumerate(statements):
        place, label = f"{path}.{index}", f"statement {statement.get('sid') or index}"
        # A * or an ARN of wildcards alone.
        everything = [name for name in statement["resources"] if isinstance(name, str) and set(name.removeprefix("arn")) <= set("*?:/")]
        for action in statement["actions"]:
            if re.fullmatch(r"\*|[a-z0-9-]+:[*?]*\*[*?]*", action):
                yield f"{place}.actions", f"has {action} in {label}; every action is not least privilege. Name the actions."
            elif not re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9*?]+", action):
                yield f"{place}.actions", f"has {action!r} in {label}; an action is service:Action, such as s3:GetObject."
            elif everything and not _is_unscoped(action):
                reason = (
                    f"is {everything[0]!r} with {action} in {label}; the action can be limited to resources. Name their ARNs, or, for a "
                    "permission that truly has none, attach a managed policy of your own (managed_policy_arns)."
                )
                yield f"{place}.resources", reason


def _is_unscoped(action: str) -> bool:
    service, _, verb = action.partition(":")
    return any(fnmatchcase(verb.lower(), known.lower()) for known in UNSCOPED.get(service, ()))
