"""State machines."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.workflow import step_functions_logging
from cloudpatterns_policies.core import Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

NOTHING = Fail("has no execution logs", "loggingConfiguration.level")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        *[({"loggingConfiguration": {"level": level, "logDestination": UNKNOWN}}, Pass()) for level in ("ALL", "ERROR", "FATAL")],
        ({"loggingConfiguration": {"level": "OFF"}}, NOTHING),
        ({"loggingConfiguration": {"includeExecutionData": True}}, NOTHING),
        ({}, NOTHING),
        ({"loggingConfiguration": {"level": UNKNOWN}}, Unknown("loggingConfiguration.level")),
    ],
)
def test_logging(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(step_functions_logging, resource("aws:sfn/stateMachine:StateMachine", props=props)) == [expected]
