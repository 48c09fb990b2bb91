"""Systems Manager Automation: documents, the roles that they run with, their steps, and what starts them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.event import notify_on_event
from cloudpatterns.blocks.role import ServiceRole, service_role
from cloudpatterns.blocks.schedule import api_target, schedule
from cloudpatterns.core import Component, Statement, account_of, partition_of, region_of

_EXECUTIONS = Path(__file__).parent / "on_aws/executions.py"
FAILED = ["Failed", "TimedOut", "Cancelled", "Canceled"]
"""Final states of an execution that did not do its work. AWS's pages spell the last one in both ways.

https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-eventbridge-events.html
"""
INSTANCE_STATE = "$.Reservations[0].Instances[0].State.Name"
"""Selector of the state in what ``DescribeInstances`` answers for one instance."""


class Automation(NamedTuple):
    """A document and the role that its executions run with."""

    document: aws.ssm.Document
    role_arn: pulumi.Output[str]


def automation_role(
    component: Component,
    child_name: str,
    policy_name: str,
    description: str,
    statements: Sequence[Statement],
    *,
    arn: pulumi.Input[str],
    tags: Mapping[str, pulumi.Input[str]],
) -> ServiceRole:
    """The role that executions in the account and Region of an ARN run with.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html
    """
    executions = automation_executions(arn)
    return service_role(
        component,
        child_name,
        "ssm.amazonaws.com",
        description,
        statements={policy_name: statements},
        conditions={"StringEquals": {"aws:SourceAccount": account_of(arn)}, "ArnLike": {"aws:SourceArn": executions}},
        tags=tags,
    )


def automation_document(
    component: Component,
    child_name: str,
    description: str,
    *,
    role_arn: pulumi.Output[str],
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    steps: Sequence[Mapping[str, Any]],
    outputs: Sequence[str] = (),
    tags: Mapping[str, pulumi.Input[str]],
) -> Automation:
    """An Automation document whose executions run with the role; a role without an argument of the document that replaces it."""
    content = {
        "schemaVersion": "0.3",
        "description": description,
        "assumeRole": role_arn,
        **({"parameters": parameters} if parameters else {}),
        "mainSteps": list(steps),
        **({"outputs": list(outputs)} if outputs else {}),
    }
    document = aws.ssm.Document(
        child_name,
        document_type="Automation",
        document_format="JSON",
        content=pulumi.Output.json_dumps(content, indent=2),
        tags=tags,
        opts=component.child(),
    )
    return Automation(document, role_arn)


def start_statements(automation: Automation) -> list[Statement]:
    """What starts an automation: the document, and the role that it hands over."""
    document = automation.document
    # AWS's pages have documents and executions; IAM's reference still has automation definitions, which it asked for alone before.
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-identity-based-policies.html
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
    definition = pulumi.Output.concat(_arn(document.arn, "automation-definition/"), document.name, ":*")
    return [
        Statement(
            actions=["ssm:StartAutomationExecution"],
            resources=[document.arn, definition, automation_executions(document.arn)],
        ),
        Statement(
            actions=["iam:PassRole"],
            resources=[automation.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
        ),
    ]


def starter_role(
    component: Component,
    child_name: str,
    automation: Automation,
    group: aws.scheduler.ScheduleGroup,
    tags: Mapping[str, pulumi.Input[str]],
) -> ServiceRole:
    """The role with which the schedules of a group start an automation; its policy is the child ``<child_name>-policy``."""
    return service_role(
        component,
        child_name,
        "scheduler.amazonaws.com",
        "Starts one Systems Manager Automation document on schedule",
        statements={f"{child_name}-policy": start_statements(automation)},
        conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn), "aws:SourceArn": group.arn}},
        tags=tags,
    )


def scheduled_automation(
    component: Component,
    child_name: str,
    automation: Automation,
    *,
    group: aws.scheduler.ScheduleGroup,
    role_arn: pulumi.Output[str],
    expression: str,
    time_zone: str,
    parameters: Mapping[str, Sequence[pulumi.Input[str]]] | None = None,
    retry_seconds: int = 900,
    depends_on: Sequence[pulumi.Resource] = (),
) -> aws.scheduler.Schedule:
    """A schedule that starts an automation; Systems Manager takes every parameter as a list."""
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartAutomationExecution.html
    request = {"DocumentName": automation.document.name, **({"Parameters": parameters} if parameters else {})}
    return schedule(
        component,
        child_name,
        group=group,
        expression=expression,
        time_zone=time_zone,
        target_arn=api_target(group.arn, "ssm", "startAutomationExecution"),
        target_input=request,
        role_arn=role_arn,
        retry_seconds=retry_seconds,
        depends_on=depends_on,
    )


def failed_automation(document_names: Sequence[pulumi.Input[str]]) -> dict[str, Any]:
    """Pattern of EventBridge's events for executions of the documents that failed, timed out or were cancelled."""
    return {
        "source": ["aws.ssm"],
        "detail-type": ["EC2 Automation Execution Status-change Notification"],
        "detail": {"Definition": list(document_names), "Status": FAILED},
    }


def notify_on_failed_automation(
    component: Component,
    child_name: str,
    description: str,
    documents: Sequence[aws.ssm.Document],
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.EventRule:
    """Reports executions of the documents that failed, timed out or were cancelled to SNS topics; see ``notify_on_event``."""
    pattern = failed_automation([document.name for document in documents])
    return notify_on_event(component, child_name, description, pattern=pattern, topic_arns=topic_arns, tags=tags)


# --- steps ---


def step(name: str, action: str, description: str, inputs: Mapping[str, Any], *, timeout_seconds: int | None = None, **more: Any) -> Any:
    """A step; ``more`` are its other properties by their names in a document: ``onFailure``, ``nextStep``, ``isEnd`` ..."""
    # Left out, an action waits for as long as it can: aws:changeInstanceState for an hour.
    timeout = {} if timeout_seconds is None else {"timeoutSeconds": timeout_seconds}
    outputs = {"outputs": more.pop("outputs")} if "outputs" in more else {}
    return {
        "name": name,
        "description": description,
        "action": action,
        **timeout,
        "onFailure": more.pop("onFailure", "Abort"),
        **more,
        "inputs": inputs,
        **outputs,
    }


def script_step(
    name: str,
    description: str,
    script: Path,
    handler: str,
    payload: Mapping[str, Any],
    outputs: Sequence[str] = (),
    *,
    timeout_seconds: int = 600,
    **more: Any,
) -> Any:
    """A step that runs a function of a Python file, whose outputs are texts. A script may run for ten minutes."""
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeScript.html
    inputs = {"Runtime": "python3.11", "Handler": handler, "InputPayload": payload, "Script": script.read_text(encoding="utf-8")}
    selected = [{"Name": output, "Selector": f"$.Payload.{output}", "Type": "String"} for output in outputs]
    return step(
        name,
        "aws:executeScript",
        description,
        inputs,
        timeout_seconds=timeout_seconds,
        **({"outputs": selected} if selected else {}),
        **more,
    )


def alone_step() -> Any:
    """The first step of a document whose executions must not work at once: the older one goes on, the other fails and changes nothing.

    The role has ``alone_statements``.
    """
    execution = {"execution_id": "{{ automation:EXECUTION_ID }}"}
    description = "Fails when another execution of this document is in progress."
    return script_step("alone", description, _EXECUTIONS, "alone", execution, timeout_seconds=120)


def interrupted_step(name: str, description: str, execution_id: str, *, begun: str, found: str, output: str) -> Any:
    """A step of a repair: its output ``restore`` is yes where the execution had begun the step ``begun`` and no other is in progress.

    Its other output is ``output``, that of the execution's step ``found``. The role has ``alone_statements``.
    """
    payload = {"execution_id": execution_id, "begun": begun, "found": found, "output": output}
    return script_step(name, description, _EXECUTIONS, "interrupted", payload, ["restore", output], timeout_seconds=120)


def alone_statements(arn: pulumi.Input[str]) -> list[Statement]:
    """What ``alone_step`` and ``interrupted_step`` read, in the account and Region of an ARN."""
    return [
        # It has no resource types: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
        Statement(actions=["ssm:DescribeAutomationExecutions"], resources=["*"]),
        Statement(actions=["ssm:GetAutomationExecution"], resources=[automation_executions(arn)]),
    ]


def api_step(name: str, description: str, service: str, api: str, request: Mapping[str, Any], **more: Any) -> Any:
    """A step that calls an API of AWS, whose parameters have boto3's names."""
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeAwsApi.html
    return step(name, "aws:executeAwsApi", description, {"Service": service, "Api": api, **request}, **more)


def wait_step(
    name: str,
    description: str,
    service: str,
    api: str,
    request: Mapping[str, Any],
    selector: str,
    desired: Sequence[str],
    *,
    timeout_seconds: int = 600,
    **more: Any,
) -> Any:
    """A step that asks an API of AWS until what the selector finds in the answer is one of the desired values."""
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-waitForAwsResourceProperty.html
    inputs = {"Service": service, "Api": api, **request, "PropertySelector": selector, "DesiredValues": list(desired)}
    return step(name, "aws:waitForAwsResourceProperty", description, inputs, timeout_seconds=timeout_seconds, **more)


def wait_for_instance(name: str, instance_id: pulumi.Input[str], states: Sequence[str], *, timeout_seconds: int = 600, **more: Any) -> Any:
    """A step that waits until an instance is in one of the states."""
    description = f"Waits until the instance is {' or '.join(states)}."
    request = {"InstanceIds": [instance_id]}
    return wait_step(
        name, description, "ec2", "DescribeInstances", request, INSTANCE_STATE, states, timeout_seconds=timeout_seconds, **more
    )


def automation_executions(like: pulumi.Input[str]) -> pulumi.Output[str]:
    """All executions in the account and Region of an ARN."""
    return _arn(like, "automation-execution/*")


def _arn(like: pulumi.Input[str], resource: str) -> pulumi.Output[str]:
    """The ARN of a resource of Systems Manager in the place of another ARN."""
    return pulumi.Output.concat("arn:", partition_of(like), ":ssm:", region_of(like), ":", account_of(like), ":", resource)
