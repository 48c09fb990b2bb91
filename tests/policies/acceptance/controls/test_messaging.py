"""What is accepted and does not work of queues, streams, workflows and APIs, or is refused."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from cloudpatterns_policies.acceptance.controls import workflows
from cloudpatterns_policies.core import UNKNOWN

from tests.policies.acceptance.controls.cases import Case, Made, check

MACHINE = "aws:sfn/stateMachine:StateMachine"


def one(type: str, /, **props: Any) -> dict[str, Made]:
    """A stack of one resource."""
    return {"x": Made(type, props)}


EXPRESS = workflows.express_integrations
FUNCTION_STEP = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}


def express(states: Mapping[str, Any] | None = None, kind: Any = "EXPRESS", **step: Any) -> dict[str, Made]:
    return one(MACHINE, type=kind, definition=json.dumps({"States": states or {"A": {**FUNCTION_STEP, **step}}}))


def refused(resource: str, step: str = "A") -> tuple[str, str, str]:
    return ("x", "definition", f"would be refused by AWS: step {step} calls {resource}, and the type is EXPRESS")


JOB, JOB2 = "arn:aws:states:::ecs:runTask.sync", "arn:aws:states:::states:startExecution.sync:2"
TOKEN, ACTIVITY = "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "arn:aws:states:eu-west-1:1:activity:sign"
CASES = {
    "an express workflow of functions": Case(EXPRESS, express()),
    "an express workflow of a function whose name ends as a job does": Case(
        EXPRESS, express(Resource="arn:aws:lambda:eu-west-1:1:function:orders-sync")
    ),
    **{f"an express workflow with {kind}": Case(EXPRESS, express(Resource=kind), refused(kind)) for kind in (JOB, JOB2, TOKEN, ACTIVITY)},
    "a job inside a map": Case(
        EXPRESS,
        express({"M": {"Type": "Map", "ItemProcessor": {"States": {"B": {**FUNCTION_STEP, "Resource": JOB}}}, "End": True}}),
        refused(JOB, "B"),
    ),
    "a distributed map": Case(
        EXPRESS,
        express({"M": {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, "States": {}}, "End": True}}),
        ("x", "definition", "would be refused by AWS: step M is a distributed map, and the type is EXPRESS"),
    ),
    "an inline map": Case(
        EXPRESS, express({"M": {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "States": {}}, "End": True}})
    ),
    "a standard workflow with a job": Case(EXPRESS, express(kind="STANDARD", Resource=JOB)),
    "a workflow without a type": Case(EXPRESS, one(MACHINE, definition=json.dumps({"States": {"A": {**FUNCTION_STEP, "Resource": JOB}}}))),
    "a type that is not known": Case(EXPRESS, express(kind=UNKNOWN, Resource=JOB), None, ("x", "type")),
    "an express workflow that is not known": Case(EXPRESS, one(MACHINE, type="EXPRESS", definition=UNKNOWN), None, ("x", "definition")),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case) -> None:
    check(case)
