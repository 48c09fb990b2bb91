"""EventBridge: buses, rules and schedules."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.relations import gives, target
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, control, stack_control

_BUS: Final = "aws:cloudwatch/eventBus:EventBus"
_RULE: Final = "aws:cloudwatch/eventRule:EventRule"
_TARGET: Final = "aws:cloudwatch/eventTarget:EventTarget"
_MOST_TARGETS: Final = 5

_refusal = partial(stack_control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="schema-discovery-key",
    title="A bus whose schemas are discovered has no customer-managed key",
    types=("aws:schemas/discoverer:Discoverer",),
    why="EventBridge refuses schema discovery on a bus under a customer-managed key, and such a key on a bus with discovery.",
    remediation="Remove the discoverer, and write the schemas as aws.schemas.Schema; or remove kms_key_identifier of the bus.",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-cmkey.html",
)
def schema_discovery_key(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    bus = target(stack, resource, "sourceArn", _BUS)
    if bus is not None and gives(bus, "kmsKeyIdentifier"):
        yield Fail(f"discovers schemas on bus {bus.name}, which has a customer-managed key", "sourceArn")


@_refusal(
    id="event-rule-targets",
    title="A rule has at most five targets",
    types=(_RULE,),
    why="EventBridge refuses the sixth.",
    remediation="Send the event to an SNS topic that fans out, or write a second rule with the same pattern.",
    url="https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html",
)
def event_rule_targets(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    count = sum(target(stack, item, "rule", _RULE) is resource for item in stack.referrers(resource, _TARGET, "rule"))
    if count > _MOST_TARGETS:
        yield Fail(f"has {count} targets; at most {_MOST_TARGETS} are allowed")


@control(
    id="one-time-schedule-kept",
    title="A schedule that runs once stays after it ran",
    severity=Severity.LOW,
    types=("aws:scheduler/schedule:Schedule",),
    why="Deleted by AWS, it is missing in the next refresh, and the next deployment creates it again, at a time that has passed.",
    remediation="Leave action_after_completion at NONE.",
    url="https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html",
    pack="acceptance",
)
def one_time_schedule_kept(resource: Resource) -> Iterator[Verdict]:
    expression = resource.get("scheduleExpression", "")
    if re.match(r"at\(", str(expression)) and resource.get("actionAfterCompletion") == "DELETE":
        yield Fail("is deleted after it ran once", "actionAfterCompletion")


@_refusal(
    id="event-target-ids",
    title="The targets of a rule have different ids",
    types=(_RULE,),
    why="EventBridge takes a target of the same id for a change of the first: one of the two never gets an event.",
    remediation="Give each target its own target_id, or leave it out.",
    url="https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html",
)
def event_target_ids(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    own = [item for item in stack.referrers(resource, _TARGET, "rule") if target(stack, item, "rule", _RULE) is resource]
    ids = [given(item, "targetId") for item in own]
    for id_, count in Counter(one for one in ids if isinstance(one, str) and one).items():
        if count > 1:
            yield Fail(f"has {count} targets with the id {id_}")
