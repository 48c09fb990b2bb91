"""The documents of ``ScaleUp``, walked through every failure and cancellation: the instance is never left stopped."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.components.compute.test_scale_up import OLD, server
from tests.emulators.automation import INSTANCE_ID, Automation, AwsError, Clock, Ec2, Execution

OWN, OTHER = "4105a4fc-f944-11e6-9d32-0a1b2c3d4e5f", "11111111-f944-11e6-9d32-0a1b2c3d4e5f"
SMALL, LARGE = "m7g.large", "m7g.xlarge"
BUSY = AwsError("RequestLimitExceeded")


class Executions:
    """Systems Manager's record of executions: the one that runs, and others that are in progress."""

    def __init__(self, clock: Clock, *, others: dict[str, float] | None = None) -> None:
        self.clock, self.others, self.ended = clock, others or {}, None

    def __call__(self, service: str, api: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answers a request."""
        assert service == "ssm"
        if api == "GetAutomationExecution":
            assert request == {"AutomationExecutionId": OWN}
            return {"AutomationExecution": {**self._metadata(OWN, 0), "StepExecutions": self._steps()}}
        assert (api, request["Filters"][0]) == (
            "DescribeAutomationExecutions",
            {"Key": "DocumentNamePrefix", "Values": ["shop-resize"]},
        )
        own = {} if self.ended else {OWN: 0.0}
        return {"AutomationExecutionMetadataList": [self._metadata(*one) for one in {**own, **self.others}.items()]}

    def _metadata(self, execution_id: str, seconds: float) -> dict[str, Any]:
        start = self.clock.begin + timedelta(seconds=seconds)
        return {"AutomationExecutionId": execution_id, "DocumentName": "shop-resize", "ExecutionStartTime": start}

    def _steps(self) -> list[dict[str, Any]]:
        ended: Execution | None = self.ended
        if ended is None:
            return []
        ran: list[dict[str, Any]] = [{"StepName": run.name, "StepStatus": run.status} for run in ended.runs]
        for step in ran:
            values = {key: [value] for key, value in ended.values.items() if key.startswith(f"{step['StepName']}.")}
            step["Outputs"] = {key.rpartition(".")[2]: value for key, value in values.items() if isinstance(value[0], str)}
        pending = [{"StepName": name, "StepStatus": "Pending"} for name in ("stop", "modify", "start") if name not in ended.path]
        return [*ran, *pending]


def document(kind: str) -> dict[str, Any]:
    graph = server(given=OLD)
    return json.loads(graph.named(f"shop-{kind}").inputs["content"])


DOCUMENTS = {kind: document(kind) for kind in ("resize", "restore")}


def play(
    *, cancel_in: tuple[str, float] | None = None, others: dict[str, float] | None = None, wanted: str = LARGE, **options: Any
) -> tuple[Execution, Ec2]:
    ec2 = Ec2(Clock(), type=SMALL, **options)
    ec2.others = Executions(ec2.clock, others=others)
    run = Automation(DOCUMENTS["resize"], ec2, ec2.clock).run({"InstanceType": wanted}, cancel_in=cancel_in, execution_id=OWN)
    ec2.others.ended = run
    ec2.clock.ahead = lambda _: None
    return run, ec2


def repair(ec2: Ec2) -> Execution:
    return Automation(DOCUMENTS["restore"], ec2, ec2.clock).run({"ExecutionId": OWN}, execution_id=OTHER)


def settled(ec2: Ec2) -> tuple[str, str]:
    ec2.clock.sleep(3600)
    ec2("ec2", "DescribeInstances", {"InstanceIds": [INSTANCE_ID]})
    return ec2.state, ec2.type


def changes(ec2: Ec2) -> list[str]:
    return [api for api, _ in ec2.calls]


def test_the_instance_gets_the_type() -> None:
    run, ec2 = play()
    assert (run.status, settled(ec2)) == ("Success", ("running", LARGE))
    assert changes(ec2) == ["StopInstances", "ModifyInstanceAttribute", "StartInstances"]


def test_nothing_happens_when_it_has_the_type() -> None:
    run, ec2 = play(wanted=SMALL)
    assert (run.status, settled(ec2), changes(ec2)) == ("Success", ("running", SMALL), [])


def test_an_instance_that_somebody_stopped_stays_stopped() -> None:
    run, ec2 = play(state="stopped")
    assert (run.status, settled(ec2), changes(ec2)) == ("Success", ("stopped", LARGE), ["ModifyInstanceAttribute"])
    run, ec2 = play(state="stopped", faults={"ModifyInstanceAttribute": [BUSY] * 3})
    assert (run.status, repair(ec2).status, settled(ec2)) == ("Failed", "Success", ("stopped", SMALL))


@pytest.mark.parametrize(
    ("options", "status"),
    [
        pytest.param({"faults": {"StopInstances": [AwsError("OperationNotPermitted", "stop protection")]}}, "Failed", id="stop protection"),
        pytest.param({"stop_seconds": 1000}, "TimedOut", id="a stop that takes too long"),
        pytest.param({"faults": {"ModifyInstanceAttribute": [BUSY] * 3}}, "Failed", id="a modification that fails for good"),
        pytest.param({"faults": {"ModifyInstanceAttribute": [BUSY] * 6}}, "Failed", id="none that succeeds"),
        pytest.param({"no_capacity": {LARGE}}, "Failed", id="no capacity for the new type"),
        pytest.param({"impaired": {LARGE}}, "TimedOut", id="status checks that never pass on the new type"),
        pytest.param({"faults": {"StartInstances": [BUSY]}}, "Failed", id="a start that fails"),
        pytest.param({"faults": {"StartInstances": [BUSY] * 5}}, "Failed", id="starts that fail for a while"),
        pytest.param({"no_capacity": {LARGE}, "faults": {"StopInstances": [None, BUSY]}}, "Failed", id="a second stop that fails"),
    ],
)
def test_on_any_failure_it_is_started_again_with_the_type_that_it_had(options: dict[str, Any], status: str) -> None:
    run, ec2 = play(**options)
    assert (run.status, settled(ec2)) == (status, ("running", SMALL)), run
    # The repair finds nothing to do.
    count = len(ec2.calls)
    assert (repair(ec2).status, len(ec2.calls)) == ("Success", count)


def test_an_instance_that_could_not_be_started_again_is_started_by_the_repair() -> None:
    run, ec2 = play(faults={"StartInstances": [BUSY] * 9})
    assert (run.status, settled(ec2)[0]) == ("Failed", "stopped")
    assert (repair(ec2).status, settled(ec2)) == ("Success", ("running", SMALL))


def test_a_disk_whose_key_may_not_be_used_is_reported_within_minutes() -> None:
    run, ec2 = play(locked=True)
    assert (run.status, ec2.clock.now < 600) == ("Failed", True)
    assert run.errors["start"] == run.errors["start_again"] == "the instance stopped while it was started"
    # The repair starts it as soon as the key may be used.
    assert repair(ec2).status == "Failed"
    ec2.locked = False
    assert (repair(ec2).status, settled(ec2)) == ("Success", ("running", SMALL))


@pytest.mark.parametrize("seconds", [0, 30, 59, 65, 80, 100])
@pytest.mark.parametrize("stop_seconds", [60, 400])
@pytest.mark.parametrize("step", ["alone", "settle", "look", "needed", "stop", "modify", "start", "resized"])
def test_a_cancelled_resize_leaves_the_instance_running_with_a_whole_type(step: str, stop_seconds: float, seconds: float) -> None:
    run, ec2 = play(cancel_in=(step, seconds), stop_seconds=stop_seconds)
    if run.status != "Success":
        assert run.status == "Cancelled"
        assert repair(ec2).status == "Success"
    state, instance_type = settled(ec2)
    # Cancelled when it starts already, it keeps the new type.
    done = run.status == "Success" or step in ("start", "resized")
    assert (state, instance_type) == ("running", LARGE if done else SMALL)


def test_two_executions_at_once_do_not_fight() -> None:
    run, ec2 = play(others={OTHER: -5.0})
    assert (run.status, run.path, changes(ec2)) == ("Failed", ["alone"], [])
    reason = f"the execution {OTHER} of this document is in progress; start this one again when it is over"
    assert run.errors["alone"] == f"RuntimeError: {reason}"
    # Its repair leaves the instance to the other execution.
    ec2.state = "stopped"
    assert (repair(ec2).path, changes(ec2)) == (["read", "begun"], [])
    # The older one goes on; of two that start at once the one with the smaller id.
    assert play(others={OTHER: 5.0})[0].status == "Success"
    assert play(others={OTHER: 0.0})[0].status == "Failed"
    assert play(others={"9" + OTHER[1:]: 0.0})[0].status == "Success"
