"""What rolls a failed deployment of an ECS service back."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import container_deployments as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
ALARMS = {"enable": True, "rollback": True, "alarmNames": ["errors"]}
CANARY = {"deploymentConfiguration": {"strategy": "CANARY"}}
NO_BREAKER = Fail("has no deployment circuit breaker", "deploymentCircuitBreaker")
NO_ALARMS = Fail("has no alarms that its CANARY deployments are watched by", "alarms")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (BREAKER, Pass()),
        ({**BREAKER, "deploymentConfiguration": {"strategy": "ROLLING"}, "deploymentController": {"type": "ECS"}}, Pass()),
        ({}, NO_BREAKER),
        ({"deploymentCircuitBreaker": {"enable": False, "rollback": True}}, NO_BREAKER),
        (
            {"deploymentCircuitBreaker": {"enable": True, "rollback": False}},
            Fail("does not roll back what its circuit breaker ends", "deploymentCircuitBreaker.rollback"),
        ),
        # Alarms see no task that does not start.
        ({"alarms": ALARMS}, NO_BREAKER),
        ({**CANARY, "alarms": ALARMS}, Pass()),
        ({**CANARY, **BREAKER}, NO_ALARMS),
        ({**CANARY, "alarms": {**ALARMS, "enable": False}}, NO_ALARMS),
        ({**CANARY, "alarms": {**ALARMS, "alarmNames": []}}, NO_ALARMS),
        (
            {**CANARY, "alarms": {**ALARMS, "rollback": False}},
            Fail("does not roll its CANARY deployments back when an alarm is raised", "alarms.rollback"),
        ),
        ({"deploymentController": {"type": "CODE_DEPLOY"}}, NotApplicable("is deployed by the controller CODE_DEPLOY")),
        ({"deploymentController": {"type": "EXTERNAL"}}, NotApplicable("is deployed by the controller EXTERNAL")),
        ({"deploymentController": UNKNOWN}, Unknown("deploymentController.type")),
        ({"deploymentConfiguration": {"strategy": UNKNOWN}}, Unknown("deploymentConfiguration.strategy")),
        ({"deploymentCircuitBreaker": UNKNOWN}, Unknown("deploymentCircuitBreaker.enable")),
        ({**CANARY, "alarms": UNKNOWN}, Unknown("alarms.enable")),
        ({**CANARY, "alarms": {**ALARMS, "alarmNames": UNKNOWN}}, Unknown("alarms.alarmNames")),
    ],
)
def test_failed_deployments_are_rolled_back(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.ecs_deployment_rollback, resource("aws:ecs/service:Service", props=props)) == [expected]
