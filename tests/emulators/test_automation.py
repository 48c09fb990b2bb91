"""The rules of Automation documents, the interpreter that walks them, and the runbook of ``OnDemandNat`` as a proof of both."""

import copy
import json
from typing import Any

import pytest

from tests.components.network.test_on_demand_nat import nat, runbook
from tests.emulators.automation import INSTANCE_ID, Automation, AwsError, Clock, Ec2, errors

IDS = {"InstanceIds": [INSTANCE_ID]}
STATE = "$.Reservations[0].Instances[0].State.Name"


def _step(name: str, action: str, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "action": f"aws:{action}", "inputs": inputs, **more}


def _start(name: str = "start", **more: Any) -> dict[str, Any]:
    return _step(name, "executeAwsApi", {"Service": "ec2", "Api": "StartInstances", **IDS}, **more)


def _document(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schemaVersion": "0.3", "assumeRole": "arn:aws:iam::123456789012:role/a", "mainSteps": list(steps), **more}


def _ec2(**options: Any) -> Ec2:
    return Ec2(Clock(), **options)


def _run(document: dict[str, Any], ec2: Ec2, **options: Any) -> Any:
    return Automation(document, ec2, ec2.clock).run(**options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schemaVersion": "2.2"}, "$.schemaVersion: '0.3' was expected"),
        ({"mainSteps": []}, "$.mainSteps: [] should be non-empty"),
        ({"variables": {}}, "$: Additional properties are not allowed ('variables' was unexpected)"),
        ({"parameters": {"Type": {"default": "a"}}}, "$.parameters.Type: 'type' is a required property"),
        ({"mainSteps": [_start(), _start()]}, "two steps have the same name"),
        ({"mainSteps": [_start(onFailure="step:gone")]}, "start: there is no step gone"),
        ({"mainSteps": [_start(nextStep="gone")]}, "start: there is no step gone"),
        (
            {"mainSteps": [_start(onFailure="Retry")]},
            "$.mainSteps[0].onFailure: 'Retry' does not match '^(Abort|Continue|step:[a-zA-Z0-9_]+)$'",
        ),
        ({"mainSteps": [_start("a.b")]}, "$.mainSteps[0].name: 'a.b' does not match '^[a-zA-Z0-9_]{3,128}$'"),
        (
            {"mainSteps": [_start(isEnd=True, onFailure="step:other"), _start("other")]},
            "start: isEnd ends the execution whether the step fails or not, so no step follows it",
        ),
        ({"mainSteps": [_start(isEnd=True), _start("other")]}, "no step leads to other"),
        ({"mainSteps": [_start(nextStep="third"), _start("other"), _start("third")]}, "no step leads to other"),
        ({"mainSteps": [_start(description="{{ Type }}")]}, "start: {{ Type }} is nothing that the document has"),
        ({"outputs": ["start.id"]}, "outputs: start.id is nothing that a step has"),
        (
            {"mainSteps": [_start(onCancel="step:rest"), _step("rest", "sleep", {"Duration": "PT5M"})]},
            "start: onCancel does not go to aws:sleep",
        ),
        (
            {"mainSteps": [_step("choose", "branch", {"Choices": [{"NextStep": "choose", "Variable": "a", "Like": "b"}]})]},
            "choose: ['Like', 'Variable'] is no condition of aws:branch",
        ),
        ({"mainSteps": [_step("stop", "changeInstanceState", IDS)]}, "$.mainSteps[0].inputs: 'DesiredState' is a required property"),
        (
            {"mainSteps": [_step("run", "executeScript", {"Runtime": "python3.6", "Handler": "a", "Script": "a"})]},
            "$.mainSteps[0].inputs.Runtime: 'python3.6' is not one of ['python3.11']",
        ),
        (
            {"mainSteps": [_step("run", "executeScript", {"Runtime": "python3.11", "Handler": "a", "Script": "a"}, timeoutSeconds=601)]},
            "run: a script runs for 600 seconds at most",
        ),
    ],
)
def test_a_document_that_aws_refuses_or_that_cannot_work_is_an_error(change: dict[str, Any], message: str) -> None:
    assert errors({**_document(_start()), **change}) == [message]


def test_an_action_that_is_not_known_here_is_an_error() -> None:
    [message] = errors(_document(_step("run", "copyImage", {})))
    assert message.startswith("$.mainSteps[0].action: 'aws:copyImage' is not one of")
    with pytest.raises(ValueError, match="aws:copyImage"):
        Automation(_document(_step("run", "copyImage", {})), _ec2())


def test_a_request_that_botocore_does_not_know_is_an_error() -> None:
    wrong = _document(_step("start", "executeAwsApi", {"Service": "ec2", "Api": "StartInstances", "Ids": [INSTANCE_ID]}))
    with pytest.raises(TypeError, match=r'(?s)ec2:StartInstances: .*Unknown parameter in input: "Ids"'):
        _run(wrong, _ec2())


def test_a_step_is_tried_again_and_fails_when_no_attempt_is_left() -> None:
    busy = AwsError("RequestLimitExceeded")
    run = _run(_document(_start(maxAttempts=3)), _ec2(state="stopped", faults={"StartInstances": [busy, busy]}))
    assert (run.status, run.runs[0].attempts) == ("Success", 3)
    run = _run(_document(_start(maxAttempts=2), _start("other")), _ec2(state="stopped", faults={"StartInstances": [busy, busy]}))
    assert (run.status, run.path, run.errors) == ("Failed", ["start"], {"start": "RequestLimitExceeded: "})


@pytest.mark.parametrize(
    ("more", "status", "path"),
    [
        ({}, "Failed", ["start"]),
        ({"onFailure": "Continue"}, "Success", ["start", "other", "third"]),
        ({"onFailure": "Continue", "isCritical": True}, "Failed", ["start", "other", "third"]),
        ({"onFailure": "step:third"}, "Failed", ["start", "third"]),
        ({"onFailure": "step:third", "isCritical": False}, "Success", ["start", "third"]),
    ],
)
def test_a_failure_leads_where_the_step_says(more: dict[str, Any], status: str, path: list[str]) -> None:
    document = _document(_start(**more), _start("other"), _start("third"))
    run = _run(document, _ec2(faults={"StartInstances": [AwsError("Busy")]}))
    assert (run.status, run.path) == (status, path)


def test_an_end_is_one_for_a_failure_too() -> None:
    choose = _step("choose", "branch", {"Choices": [{"NextStep": "other", "Variable": "a", "StringEquals": "b"}]})
    document = _document(choose, _start(isEnd=True, onFailure="Continue"), _start("other"))
    assert _run(document, _ec2(faults={"StartInstances": [AwsError("Busy")]})).path == ["choose", "start"]


def test_a_step_that_takes_too_long_times_out() -> None:
    stop = _step("stop", "changeInstanceState", {**IDS, "DesiredState": "stopped"}, timeoutSeconds=30)
    run = _run(_document(stop), ec2 := _ec2())
    assert (run.status, run.errors, ec2.clock.now) == ("TimedOut", {"stop": "timed out"}, 30)
    # It waits for an hour where nothing is said.
    del stop["timeoutSeconds"]
    run = _run(_document(stop), ec2 := _ec2(stop_seconds=10_000))
    assert (run.status, ec2.clock.now) == ("TimedOut", 3600)


def test_a_start_waits_for_the_status_checks() -> None:
    start = _step("start", "changeInstanceState", {**IDS, "DesiredState": "running"}, timeoutSeconds=300)
    assert _run(_document(start), _ec2(state="stopped")).status == "Success"
    assert _run(_document(start), _ec2(state="stopped", impaired={"t3.small"})).status == "TimedOut"


@pytest.mark.parametrize(("seconds", "path"), [(10, ["stop", "settle"]), (55, ["stop", "settle", "start"])])
def test_a_cancelled_execution_has_two_minutes_for_the_steps_after_it(seconds: int, path: list[str]) -> None:
    stop = _step("stop", "changeInstanceState", {**IDS, "DesiredState": "stopped"}, onCancel="step:settle")
    wait = {"Service": "ec2", "Api": "DescribeInstances", **IDS, "PropertySelector": STATE, "DesiredValues": ["stopped"]}
    settle = _step("settle", "waitForAwsResourceProperty", wait)
    run = _run(_document(stop, settle, _start()), ec2 := _ec2(stop_seconds=150), cancel_in=("stop", seconds))
    assert (run.status, run.path) == ("Cancelled", path)
    assert ec2.calls[-1][0] == "StartInstances" if "start" in path else ec2.clock.now == seconds + 120


def test_a_cancelled_execution_stops_where_no_step_is_named() -> None:
    run = _run(_document(_start(), _start("other")), _ec2(), cancel_in=("start", 0))
    assert (run.status, run.path) == ("Cancelled", ["start"])


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"Variable": "{{ look.state }}", "StringEquals": "running"}, True),
        ({"Variable": "{{ look.state }}", "StringEquals": "stopped"}, False),
        ({"Not": {"Variable": "{{ look.state }}", "StringEquals": "stopped"}}, True),
        ({"And": [{"Variable": "{{ look.state }}", "StartsWith": "run"}, {"Variable": "{{ look.state }}", "EndsWith": "x"}]}, False),
        ({"Or": [{"Variable": "{{ look.state }}", "Contains": "nn"}, {"Variable": "{{ look.state }}", "EndsWith": "x"}]}, True),
    ],
)
def test_a_branch_leads_to_the_first_choice_that_holds(condition: dict[str, Any], holds: bool) -> None:
    look = _step(
        "look",
        "executeAwsApi",
        {"Service": "ec2", "Api": "DescribeInstances", **IDS},
        outputs=[{"Name": "state", "Selector": STATE, "Type": "String"}],
    )
    choose = _step("choose", "branch", {"Choices": [{"NextStep": "start", **condition}]}, isEnd=True)
    assert _run(_document(look, choose, _start()), _ec2()).path == ["look", "choose", *(["start"] if holds else [])]


def test_an_output_that_is_not_there_fails_its_step() -> None:
    output = {"Name": "name", "Selector": "$.Reservations[0].Instances[0].KeyName", "Type": "String"}
    run = _run(_document(_step("look", "executeAwsApi", {"Service": "ec2", "Api": "DescribeInstances", **IDS}, outputs=[output])), _ec2())
    assert (run.status, run.errors) == ("Failed", {"look": "the output name is None, no String"})


def test_a_script_meets_the_simulated_aws_and_time() -> None:
    script = """
import time
from datetime import UTC, datetime
import boto3

def handler(events, context):
    ec2 = boto3.client("ec2")
    try:
        ec2.start_instances(InstanceIds=events["ids"])
    except ec2.exceptions.RequestLimitExceeded:
        time.sleep(events["seconds"])
    return {"at": f"{datetime.now(UTC):%H:%M:%S}"}
"""
    inputs = {"Runtime": "python3.11", "Handler": "handler", "Script": script, "InputPayload": {"ids": [INSTANCE_ID], "seconds": 90}}
    step = _step("run", "executeScript", inputs, outputs=[{"Name": "at", "Selector": "$.Payload.at", "Type": "String"}])
    busy = {"StartInstances": [AwsError("RequestLimitExceeded")]}
    assert _run(_document(step, outputs=["run.at"]), _ec2(faults=busy)).values["run.at"] == "12:01:30"
    late = copy.deepcopy(step)
    late["inputs"]["InputPayload"]["seconds"] = 601
    assert _run(_document(late), _ec2(faults={"StartInstances": [AwsError("RequestLimitExceeded")]})).status == "TimedOut"
    broken = copy.deepcopy(step)
    broken["inputs"]["InputPayload"] = {}
    assert _run(_document(broken), _ec2()).errors == {"run": "KeyError: 'ids'"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "the parameter Minutes is missing"),
        ({"Minutes": 5}, "Minutes is 5, no String"),
        ({"Minutes": "0"}, "Minutes is '0', which does not match ^[1-9]$"),
        ({"Minutes": "5", "Hours": "1"}, "the document has no parameter Hours"),
    ],
)
def test_parameters_are_checked(given: dict[str, Any], message: str) -> None:
    document = _document(_start(), parameters={"Minutes": {"type": "String", "allowedPattern": "^[1-9]$"}})
    with pytest.raises(ValueError, match=message.replace("^", r"\^").replace("[", r"\[").replace("$", r"\$")):
        _run(document, _ec2(), parameters=given)


def test_a_sleep_lets_time_pass() -> None:
    run = _run(_document(_step("rest", "sleep", {"Duration": "PT1H2M3S"}, timeoutSeconds=4000)), ec2 := _ec2())
    assert (run.status, ec2.clock.now) == ("Success", 3723)


def test_a_value_that_is_another_fails_an_assertion() -> None:
    inputs = {"Service": "ec2", "Api": "DescribeInstances", **IDS, "PropertySelector": STATE, "DesiredValues": ["stopped"]}
    run = _run(_document(_step("sure", "assertAwsResourceProperty", inputs)), _ec2())
    assert run.errors == {"sure": "is 'running', not one of ['stopped']"}


@pytest.mark.parametrize(("state", "status"), [("available", "Success"), ("failed", "Failed")])
def test_an_image_counts_when_it_is_available(state: str, status: str) -> None:
    states = ["pending", "pending", state]

    def images(_: str, api: str, request: dict[str, Any]) -> dict[str, Any]:
        assert (api, request) in (
            ("CreateImage", {"InstanceId": INSTANCE_ID, "Name": "shop 2026-11-24", "NoReboot": True}),
            ("DescribeImages", {"ImageIds": ["ami-1"]}),
        )
        return {"ImageId": "ami-1"} if api == "CreateImage" else {"Images": [{"ImageId": "ami-1", "State": states.pop(0)}]}

    image = _step("image", "createImage", {"InstanceId": INSTANCE_ID, "ImageName": "shop {{ global:DATE }}", "NoReboot": True})
    run = _run(_document(image, outputs=["image.ImageId"]), _ec2(others=images))
    assert (run.status, run.values.get("image.ImageId")) == (status, "ami-1" if status == "Success" else None)


# --- the runbook of OnDemandNat ---


class NatAws:
    """What the runbook asks beside EC2: the schedule that stops the instance, and the heartbeat."""

    def __init__(self, ec2: Ec2, *, scheduled: bool = False, silent: bool = False) -> None:
        self.ec2, self.scheduled, self.silent = ec2, scheduled, silent

    def __call__(self, service: str, api: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answers a request."""
        if api == "CreateSchedule" and self.scheduled:
            raise AwsError("ConflictException")
        if api in ("CreateSchedule", "UpdateSchedule"):
            self.scheduled = True
            return {"ScheduleArn": "arn:aws:scheduler:eu-west-1:123456789012:schedule/nat/opened-by-hand"}
        assert (service, api) == ("cloudwatch", "GetMetricStatistics")
        if self.silent or self.ec2.state != "running":
            return {"Datapoints": []}
        return {"Datapoints": [{"Timestamp": self.ec2.clock.time(), "SampleCount": 1}]}


def _open(**options: Any) -> tuple[Any, Ec2]:
    document = runbook(nat("on_demand", mode="deployed"))
    ids = document["mainSteps"][0]["inputs"]["InstanceIds"][0]
    document = json.loads(json.dumps(document).replace(ids, INSTANCE_ID))
    more = {key: options.pop(key) for key in ("scheduled", "silent") if key in options}
    ec2 = _ec2(type="t4g.micro", **{"state": "stopped", **options})
    ec2.others = NatAws(ec2, **more)
    return Automation(document, ec2, ec2.clock).run({"Minutes": "30"}), ec2


@pytest.mark.parametrize("scheduled", [False, True])
def test_the_runbook_schedules_the_stop_then_starts_the_nat_and_waits_until_it_forwards(scheduled: bool) -> None:
    run, ec2 = _open(scheduled=scheduled)
    assert (run.status, run.path) == ("Success", ["settle", "open", "running", "forwards"])
    created = ["CreateSchedule", *(["UpdateSchedule"] if scheduled else [])]
    assert [api for api, _ in ec2.calls] == [*created, "StartInstances"]
    assert (run.values["open.closes_at"], ec2.state) == ("2026-11-24T12:31:00Z", "running")


def test_the_runbook_waits_until_a_stop_is_over() -> None:
    run, ec2 = _open(state="stopping", stop_seconds=90)
    assert (run.status, ec2.state, ec2.clock.now) == ("Success", "running", 120)


def test_a_nat_that_cannot_start_has_its_stop_and_fails_the_runbook() -> None:
    run, ec2 = _open(no_capacity={"t4g.micro"})
    assert (run.status, run.path, ec2.state) == ("Failed", ["settle", "open"], "stopped")
    assert "InsufficientInstanceCapacity" in run.errors["open"]
    assert [api for api, _ in ec2.calls] == ["CreateSchedule", "StartInstances"]


def test_a_nat_that_does_not_forward_fails_the_runbook_with_the_reason() -> None:
    run, _ = _open(silent=True)
    assert (run.status, run.path[-1]) == ("Failed", "forwards")
    assert run.errors["forwards"].startswith(
        f"RuntimeError: {INSTANCE_ID} was started and does not report that it forwards packets; it stops at"
    )
