"""Deployments of ECS services: what rolls a failed one back."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Verdict, control

_BREAKER: Final = "deploymentCircuitBreaker"


@control(
    id="ecs-deployment-rollback",
    title="Failed deployments of ECS services are rolled back",
    severity=Severity.MEDIUM,
    types=("aws:ecs/service:Service",),
    why="ECS goes on starting the tasks of a failed rolling deployment, and leaves the requests with a version that answers with errors.",
    remediation='Set deployment_circuit_breaker={"enable": True, "rollback": True}; with the strategies BLUE_GREEN, CANARY and LINEAR set '
    "alarms with enable, rollback and alarm_names.",
    url="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-failure-detection.html",
    pack="operations",
)
def ecs_deployment_rollback(resource: Resource) -> Iterator[Verdict]:
    controller = resource.get("deploymentController.type", "ECS")
    if controller != "ECS":
        yield NotApplicable(f"is deployed by the controller {controller}")
        return
    strategy = resource.get("deploymentConfiguration.strategy", "ROLLING")
    if strategy != "ROLLING":
        # The circuit breaker counts tasks that do not start; one that starts and fails its requests is what these strategies are for.
        if not (resource.get("alarms.enable", False) and resource.get("alarms.alarmNames", [])):
            yield Fail(f"has no alarms that its {strategy} deployments are watched by", "alarms")
        elif not resource.get("alarms.rollback", False):
            yield Fail(f"does not roll its {strategy} deployments back when an alarm is raised", "alarms.rollback")
        else:
            yield Pass()
    elif not resource.get(f"{_BREAKER}.enable", False):
        yield Fail("has no deployment circuit breaker", _BREAKER)
    elif not resource.get(f"{_BREAKER}.rollback", False):
        yield Fail("does not roll back what its circuit breaker ends", f"{_BREAKER}.rollback")
    else:
        yield Pass()
