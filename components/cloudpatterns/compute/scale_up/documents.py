"""The Automation documents of ``ScaleUp``: one that resizes the instance, and one that repairs what an interrupted resize left behind."""

from collections.abc import Sequence
from typing import Any

import pulumi

from cloudpatterns.blocks.automation import INSTANCE_STATE, alone_step, api_step, interrupted_step, step, wait_for_instance

_STATES = ["running", "stopped"]


def resize_parameters(types: Sequence[str]) -> dict[str, Any]:
    """The one parameter of the document that resizes."""
    return {"InstanceType": {"type": "String", "description": "The type that the instance gets.", "allowedValues": list(types)}}


def resize_steps(instance_id: pulumi.Input[str]) -> list[dict[str, Any]]:
    """Stop, modify, start; whatever fails or is cancelled leads to a start with the type that the instance had."""
    repaired: dict[str, Any] = {"onFailure": "step:settle_again", "onCancel": "step:settle_again"}
    differs = {"NextStep": "running_or_stopped", "Not": {"Variable": "{{ look.instance_type }}", "StringEquals": "{{ InstanceType }}"}}
    runs = {"NextStep": "stop", "Variable": "{{ look.state }}", "StringEquals": "running"}
    return [
        alone_step(),
        wait_for_instance("settle", instance_id, _STATES),
        _look(instance_id),
        step("needed", "aws:branch", "Ends where the instance has the type already.", {"Choices": [differs]}, isEnd=True),
        step(
            "running_or_stopped",
            "aws:branch",
            "An instance that somebody stopped gets the type and stays stopped.",
            {"Choices": [runs], "Default": "modify_stopped"},
        ),
        {**_modify("modify_stopped", instance_id, "{{ InstanceType }}"), "isEnd": True},
        _change("stop", instance_id, "stopped", 900, **repaired),
        _modify("modify", instance_id, "{{ InstanceType }}", **repaired),
        # It waits for the status checks too: a type on which the system does not boot counts as failed. Cancelled while it starts, the
        # instance keeps the new type.
        _change("start", instance_id, "running", 900, onFailure="step:stop_again", onCancel="step:settle_again", nextStep="resized"),
        _change("stop_again", instance_id, "stopped", 900, maxAttempts=3, onFailure="step:settle_again"),
        wait_for_instance("settle_again", instance_id, _STATES, timeout_seconds=900, onFailure="Continue", isCritical=True),
        # It is refused where the stop failed: the instance runs, and its type is the old one.
        _modify("restore_type", instance_id, "{{ look.instance_type }}", onFailure="Continue", isCritical=True),
        _change("start_again", instance_id, "running", 900, maxAttempts=5, isEnd=True),
        step(
            "resized",
            "aws:assertAwsResourceProperty",
            "Checks that the instance has the type.",
            {
                **{"Service": "ec2", "Api": "DescribeInstances", "InstanceIds": [instance_id]},
                **{"PropertySelector": "$.Reservations[0].Instances[0].InstanceType", "DesiredValues": ["{{ InstanceType }}"]},
            },
            isEnd=True,
        ),
    ]


RESTORE_PARAMETERS = {"ExecutionId": {"type": "String", "description": "The execution that did not end well."}}


def restore_steps(instance_id: pulumi.Input[str]) -> list[dict[str, Any]]:
    """Starts the instance with the type that it had, where an execution stopped it and ended before it ran again."""
    begun = {"NextStep": "settle", "Variable": "{{ read.restore }}", "StringEquals": "yes"}
    stopped = {"NextStep": "restore_type", "Variable": "{{ look.state }}", "StringEquals": "stopped"}
    description = "Reads whether the execution had begun to stop the instance, and which type that had."
    return [
        interrupted_step("read", description, "{{ ExecutionId }}", begun="stop", found="look", output="instance_type"),
        step("begun", "aws:branch", "Ends where the execution had changed nothing.", {"Choices": [begun]}, isEnd=True),
        wait_for_instance("settle", instance_id, _STATES, timeout_seconds=1800, onFailure="Continue", isCritical=True),
        _look(instance_id),
        step("stopped", "aws:branch", "Ends where the instance runs.", {"Choices": [stopped]}, isEnd=True),
        _modify("restore_type", instance_id, "{{ read.instance_type }}", onFailure="Continue", isCritical=True),
        _change("start", instance_id, "running", 900, maxAttempts=10, isEnd=True),
    ]


def _look(instance_id: pulumi.Input[str]) -> Any:
    outputs = [
        {"Name": "instance_type", "Selector": "$.Reservations[0].Instances[0].InstanceType", "Type": "String"},
        {"Name": "state", "Selector": INSTANCE_STATE, "Type": "String"},
    ]
    return api_step(
        "look",
        "Reads the type and the state of the instance.",
        "ec2",
        "DescribeInstances",
        {"InstanceIds": [instance_id]},
        maxAttempts=3,
        outputs=outputs,
    )


def _modify(name: str, instance_id: pulumi.Input[str], instance_type: str, **more: Any) -> Any:
    request = {"InstanceId": instance_id, "InstanceType": {"Value": instance_type}}
    return api_step(name, "Changes the type of the stopped instance.", "ec2", "ModifyInstanceAttribute", request, maxAttempts=3, **more)


def _change(name: str, instance_id: pulumi.Input[str], state: str, timeout_seconds: int, **more: Any) -> Any:
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-changestate.html
    description = "Starts the instance, and waits for its status checks." if state == "running" else "Stops the instance."
    inputs: dict[str, Any] = {"InstanceIds": [instance_id], "DesiredState": state}
    if state == "running":
        # Where the key of a disk may not be used, EC2 accepts the start and stops the instance again: the step would wait for all its time.
        inputs["FailOnUnexpectedStopped"] = True
    return step(name, "aws:changeInstanceState", description, inputs, timeout_seconds=timeout_seconds, **more)
