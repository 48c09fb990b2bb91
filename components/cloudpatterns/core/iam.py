"""The one typed builder of IAM documents. It refuses ``*`` on ``*``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pulumi


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of an IAM document.

    ``principals`` maps a principal type (``Service``, ``AWS``, ``Federated``) to identifiers; ``"*"`` alone means everyone.
    ``conditions`` maps operator to key to value or values, as in IAM's own JSON.

    ``not_resources`` makes a Deny of everything else.

    :raises ValueError: an Allow of every action on every resource, or, without principals, of a service's every action on
        every resource; ``not_resources`` beside ``resources`` or in an Allow.
    """

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]] = ()
    effect: Literal["Allow", "Deny"] = "Allow"
    not_resources: Sequence[pulumi.Input[str]] = ()
    sid: str | None = None
    principals: Mapping[str, Sequence[pulumi.Input[str]]] | Literal["*"] | None = None
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.actions:
            raise ValueError("an IAM statement needs at least one action")
        if self.not_resources and (self.resources or self.effect == "Allow"):
            raise ValueError("not_resources is for a Deny, and excludes resources; name the resources that an Allow is about")
        _refuse_everything(self, [resource for resource in self.resources if isinstance(resource, str)])


def _refuse_everything(statement: Statement, resources: Sequence[str]) -> None:
    if statement.effect != "Allow" or "*" not in resources:
        return
    # A resource policy's "*" means the resource itself; an identity policy's means every one in the account.
    broad = [action for action in statement.actions if action == "*" or (action.endswith(":*") and statement.principals is None)]
    if broad:
        raise ValueError(f"an IAM statement allows {', '.join(broad)} on every resource; name the actions or the resources")


def document(*statements: Statement) -> pulumi.Output[str]:
    """The JSON of a policy with the given statements; unknown in a preview while an ARN in it is.

    IAM refuses an id twice in a policy. Of statements with the same one, such as those to send to two queues, only the first keeps it.
    """

    def build(resolved: list[Any]) -> str:
        for statement, fields in zip(statements, resolved, strict=True):
            _refuse_everything(statement, fields.get("Resource", []))
        return json.dumps({"Version": "2012-10-17", "Statement": resolved})

    return pulumi.Output.all(*[_fields(statement) for statement in _with_unique_ids(statements)]).apply(build)


def assume_role(*services: str, conditions: Mapping[str, Mapping[str, Any]] | None = None) -> pulumi.Output[str]:
    """The trust policy of a role that the given service principals (``ec2.amazonaws.com``) may assume."""
    return document(
        Statement(actions=["sts:AssumeRole"], principals={"Service": list(services)}, conditions=conditions or {}),
    )


def _with_unique_ids(statements: Sequence[Statement]) -> list[Statement]:
    taken: set[str | None] = set()
    unique: list[Statement] = []
    for statement in statements:
        unique.append(replace(statement, sid=None) if statement.sid in taken else statement)
        taken.add(statement.sid)
    return unique


def _fields(statement: Statement) -> dict[str, Any]:
    result: dict[str, Any] = {"Sid": statement.sid} if statement.sid else {}
    result["Effect"] = statement.effect
    result["Action"] = list(statement.actions)
    if statement.resources:
        result["Resource"] = list(statement.resources)
    if statement.not_resources:
        result["NotResource"] = list(statement.not_resources)
    if statement.principals == "*":
        result["Principal"] = "*"
    elif statement.principals is not None:
        result["Principal"] = {kind: list(names) for kind, names in statement.principals.items()}
    if statement.conditions:
        result["Condition"] = {operator: dict(keys) for operator, keys in statement.conditions.items()}
    return result
