"""A CloudFormation stack inside a program, for teams that have templates.

Pattern: "Stack Deployment" (Cloud Design Patterns for AWS).
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    api_target,
    dropped_schedules_alarm,
    messages_alarm,
    notify_on_event,
    queue_policy,
    schedule,
    service_role,
    undelivered_queue,
)
from cloudpatterns.core import ByName, Component, Statement, after, iam_statement, unknown
from cloudpatterns.operations.stack_deployment.arguments import (
    StackDeploymentArgs,
    hidden_data,
    output_kinds,
    problems,
    read_statements,
)
from cloudpatterns.operations.stack_deployment.references import StackOutputs

_NAMES = {"stack": 128, "deployment-role": 64, "drift": 64, "drift-schedules": 64, "drift-role": 64, "drift-undelivered": 80}
_NAMES |= {"drifted": 64, "drifted-undelivered": 80, "failed": 64, "failed-undelivered": 80}
_FAILED = (
    *("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"),
    *("IMPORT_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_FAILED", "DELETE_FAILED"),
    # By somebody else: Pulumi deletes the rule before the stack.
    "DELETE_COMPLETE",
)
_RETRY_SECONDS = 3600
_CLEANUP_MINUTES = 30
"""For CloudFormation to remove what a failed creation has left."""


class StackDeployment(Component):
    """A CloudFormation stack as a part of a program (Cloud Design Patterns for AWS, "Stack Deployment").

    The template comes as text, which is checked before anything is created: parameters that it needs, secrets that are in it, capabilities
    that CloudFormation wants acknowledged. CloudFormation deploys it with a role that has ``statements`` and nothing else. The outputs are
    typed, and one that is missing is named. Parameters can be outputs of other stacks of Pulumi (``parameters_from``); for components,
    ``StackOutputs`` reads them in the same way.

    Each day the drift is detected: what somebody has changed past the template. The topics hear of drift, of a detection that failed, and
    of a stack that failed, was rolled back or was deleted by somebody else. ``aws cloudformation describe-stack-resource-drifts
    --stack-name <stack_name>`` says what has drifted.

    **Use when**: a team or a vendor has templates that work, and the program around them needs their outputs.

    **Not when**: the resources are yours to write: as components, each of them is in the preview and judged by the policy packs.

    **Cost drivers**: what the template creates; the detection is free of charge.

    **Trade-offs**: a preview shows a stack, not what is in it, and its outputs are unknown whenever anything changes. Properties that the
    template leaves out, nested stacks and some types have no drift. Everything waits for the slowest resource.

    **Proven by**: controls ``schedule-dead-letters``, ``schedule-role-confined``, ``iam-policy-no-escalation``;
    ``test_stack_deployment.py``.
    """

    stack_id: pulumi.Output[str]
    """ARN of the stack."""
    stack_name: pulumi.Output[str]
    """Name of the stack in CloudFormation."""
    deployment_role_arn: pulumi.Output[str]
    """Role with which CloudFormation deploys; whoever deploys passes it on (``iam:PassRole``). Empty with ``existing_stack_arn``."""
    texts: pulumi.Output[dict[str, str]]
    """Outputs of the stack that are text, by name; each can be taken alone: ``deployment.texts["BucketName"]``."""
    numbers: pulumi.Output[dict[str, float]]
    """Outputs that are numbers."""
    flags: pulumi.Output[dict[str, bool]]
    """Outputs that are true or false."""
    lists: pulumi.Output[dict[str, list[str]]]
    """Outputs that are lists."""
    schedule_group_name: pulumi.Output[str]
    """Name of the schedule's group, the dimension ``ScheduleGroup`` of its metrics."""
    undelivered_queue_url: pulumi.Output[str]
    """URL of the queue of detections that could not be started."""

    def __init__(self, name: str, args: StackDeploymentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=partial(problems, name), names=_NAMES)
        existing = checked.get("existing_stack_arn")
        found: dict[str, dict[str, Any]] = {"text": {}, "number": {}, "flag": {}, "list": {}}
        if existing is None:
            stack = self._stack(name)
            self.stack_id, self.stack_name = stack.id, stack.name
            for output, kind in output_kinds(checked).items():
                found[kind][output] = stack.outputs.apply(partial(self._typed, output, kind))
        else:
            self.stack_id = pulumi.Output.from_input(existing)
            self.stack_name = self.stack_id.apply(lambda arn: arn.split("/")[1])
            self.deployment_role_arn = pulumi.Output.from_input("")
        self.texts, self.numbers = ByName(found["text"]), ByName(found["number"])
        self.flags, self.lists = ByName(found["flag"]), ByName(found["list"])
        self._detection(name)
        self._notifications(name)
        self.register()

    def _stack(self, name: str) -> aws.cloudformation.Stack:
        checked, minutes = self._checked, self._checked["timeout_minutes"]
        self.deployment_role_arn = self._deployment_role(name)
        return aws.cloudformation.Stack(
            f"{name}-stack",
            template_body=checked.get("template"),
            template_url=checked.get("template_url"),
            parameters=self._parameters(name) or None,
            capabilities=checked["capabilities"] or None,
            iam_role_arn=self.deployment_role_arn,
            policy_body=json.dumps({"Statement": self._policy()}),
            on_failure=checked["on_failure"],
            timeout_in_minutes=minutes,
            tags=checked["tags"],
            opts=self.child(
                protect=checked["deletion_protection"],
                # They count at the creation alone, and a change would replace the stack.
                ignore_changes=["onFailure", "timeoutInMinutes"],
                custom_timeouts=pulumi.CustomTimeouts(create=f"{minutes + _CLEANUP_MINUTES}m", update=f"{minutes}m", delete=f"{minutes}m"),
            ),
        )

    def _deployment_role(self, name: str) -> pulumi.Output[str]:
        checked, existing = self._checked, self._checked.get("existing_deployment_role_arn")
        if existing is not None:
            return pulumi.Output.from_input(existing)
        role = service_role(
            self,
            f"{name}-deployment-role",
            # Without a condition: AWS documents none for it, and a role can be passed within its own account alone.
            "cloudformation.amazonaws.com",
            f"CloudFormation deploys {name}",
            statements={f"{name}-deployment-policy": [iam_statement(one) for one in checked["statements"]]},
            permissions_boundary_arn=checked.get("permissions_boundary_arn"),
            tags=checked["tags"],
        )
        return role.arn

    def _parameters(self, name: str) -> dict[str, pulumi.Input[str]]:
        checked = self._checked
        stacks = {reference["stack"] for reference in checked["parameters_from"].values()}
        others = {one: StackOutputs(one, f"{name}-from-{one.replace('/', '-')}", self.child()) for one in sorted(stacks)}
        parameters: dict[str, pulumi.Input[str]] = {
            key: self._public(f"parameters.{key}", value) if isinstance(value, pulumi.Output) else value
            for key, value in checked["parameters"].items()
        }
        for key, reference in checked["parameters_from"].items():
            value = others[reference["stack"]].value(reference["output"]).apply(partial(self._as_parameter, key))
            parameters[key] = self._public(f"parameters_from.{key}", value)
        return parameters

    def _public(self, path: str, value: pulumi.Output[str]) -> pulumi.Output[str]:
        """The value, unless it is a secret, which CloudFormation would show."""

        async def check() -> None:
            if await value.is_secret():
                reason = "is a secret, which parameters do not hide. Keep it in Secrets Manager, and give {{resolve:secretsmanager:...}}."
                self.refuse((path, reason))

        return after(value, pulumi.Output.from_input(check()))

    def _as_parameter(self, key: str, value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return ",".join(value)
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        if not isinstance(value, str | int | float):
            reason = f"is of type {type(value).__name__}; text, a number, true or false, or a list of texts is needed."
            self.refuse((f"parameters_from.{key}", reason))
        return str(value)

    def _typed(self, name: str, kind: str, outputs: Mapping[str, str] | None) -> Any:
        known = {} if outputs is None else outputs
        if name not in known:
            self.refuse((f"outputs.{name}", unknown(name, "an output of the stack", known)))
        text = known[name]
        try:
            return _VALUES[kind](text)
        except (KeyError, ValueError):
            self.refuse((f"outputs.{name}", f"is {text!r} in the stack, which is no {kind}. Declare it as text, or correct the template."))

    def _policy(self) -> list[dict[str, Any]]:
        """The stack policy: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html."""
        checked = self._checked
        keep = {"Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*"}
        statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]
        if types := checked["kept_types"]:
            statements.append({**keep, "Resource": "*", "Condition": {"StringEquals": {"ResourceType": types}}})
        if names := checked["kept_resources"]:
            statements.append({**keep, "Resource": [f"LogicalResourceId/{one}" for one in names]})
        return statements

    def _detection(self, name: str) -> None:
        checked = self._checked
        group = aws.scheduler.ScheduleGroup(f"{name}-drift-schedules", tags=checked["tags"], opts=self.child())
        self.schedule_group_name = group.name
        queue = undelivered_queue(self, f"{name}-drift-undelivered", checked["tags"])
        self.undelivered_queue_url = after(queue.url, queue_policy(self, f"{name}-drift-undelivered-policy", queue, ()))
        detect = ["cloudformation:DetectStackDrift", "cloudformation:DetectStackResourceDrift"]
        rights = [
            Statement(sid="Detect", actions=detect, resources=[self.stack_id]),
            # It has no resources to name.
            Statement(sid="Types", actions=["cloudformation:BatchDescribeTypeConfigurations"], resources=["*"]),
            Statement(sid="Park", actions=["sqs:SendMessage"], resources=[queue.arn]),
        ]
        # CloudFormation reads the resources with the rights of who asks for the detection.
        reading = [iam_statement(one) for one in read_statements(checked)]
        if data := hidden_data(checked):
            reading.append(Statement(sid="NoData", effect="Deny", actions=data, resources=["*"]))
        role = service_role(
            self,
            f"{name}-drift-role",
            "scheduler.amazonaws.com",
            f"Detects the drift of {name}",
            statements={f"{name}-drift-policy": rights, f"{name}-drift-reading": reading},
            # The group, not the schedule: https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
            conditions={"ArnEquals": {"aws:SourceArn": group.arn}},
            permissions_boundary_arn=checked.get("permissions_boundary_arn"),
            tags=checked["tags"],
        )
        schedule(
            self,
            f"{name}-drift",
            group=group,
            expression=checked["drift_schedule_expression"],
            time_zone=checked["time_zone"],
            target_arn=api_target(group.arn, "cloudformation", "detectStackDrift"),
            target_input={"StackName": self.stack_id},
            role_arn=role.arn,
            retry_seconds=_RETRY_SECONDS,
            dead_letter_arn=queue.arn,
            description=f"Detects the drift of {name}",
        )
        topics, tags = checked["alarm_topic_arns"], checked["tags"]
        reason = f"The drift of {name} could not be detected; the message in the queue says why"
        messages_alarm(self, f"{name}-drift-undelivered-alarm", reason, queue, topics, tags)
        dropped_schedules_alarm(self, f"{name}-drift-dropped", f"The schedule of {name} has not started its detection", group, topics, tags)

    def _notifications(self, name: str) -> None:
        """Rules on its events: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/eventbridge-events.html."""
        drift: dict[str, Any] = {"$or": [{"stack-drift-status": ["DRIFTED"]}, {"detection-status": ["DETECTION_FAILED"]}]}
        events = {
            "drifted": ("Drift Detection Status Change", f"{name} has drifted from its template, or its drift was not detected", drift),
            "failed": ("Stack Status Change", f"{name} failed, was rolled back, or was deleted by hand", {"status": [*_FAILED]}),
        }
        for suffix, (kind, words, details) in events.items():
            notify_on_event(
                self,
                f"{name}-{suffix}",
                words,
                pattern={
                    "source": ["aws.cloudformation"],
                    "detail-type": [f"CloudFormation {kind}"],
                    "detail": {"stack-id": [self.stack_id], "status-details": details},
                },
                topic_arns=self._checked["alarm_topic_arns"],
                tags=self._checked["tags"],
            )


_VALUES: Mapping[str, Any] = {
    "text": str,
    "number": float,
    "flag": lambda text: {"true": True, "false": False}[text.lower()],
    "list": lambda text: text.split(",") if text else [],
}
