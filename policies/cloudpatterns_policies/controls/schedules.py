"""EventBridge Scheduler: for whose schedules it takes on a role."""

import re
from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls._documents import UNKNOWN_PART, read_document
from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Severity, Unknown, Verdict, control

_SERVICE: Final = "scheduler.amazonaws.com"
_SOURCES: Final = re.compile(r"aws:source(arn|account|orgid|orgpaths)")


@control(
    id="schedule-role-confined",
    title="Roles of schedules are taken on for known schedules only",
    severity=Severity.LOW,
    types=("aws:iam/role:Role",),
    why="Every schedule that somebody may create with the role gets its rights, whatever the schedule calls.",
    remediation="Add the condition aws:SourceArn with the ARN of the schedule group, or aws:SourceAccount, to assume_role_policy.",
    url="https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html",
)
def schedule_role_confined(resource: Resource) -> Iterator[Verdict]:
    path = "assumeRolePolicy"
    document = read_document(resource, path, partly=True)
    if isinstance(document, Unknown | Fail):
        yield document
        return
    trusting = [item for item in document if item.allow and ("Service", _SERVICE) in item.principals]
    if not trusting:
        yield NotApplicable("does not trust EventBridge Scheduler")
    for statement in trusting:
        if list(statement.confined_by(_SOURCES)):
            continue
        keys = {part for operator, key, _ in statement.conditions for part in (operator, key)}
        if not statement.certain or UNKNOWN_PART in keys:
            yield Unknown(path)
        else:
            yield Fail(f"trusts EventBridge Scheduler for every schedule in {statement.label}", path)
