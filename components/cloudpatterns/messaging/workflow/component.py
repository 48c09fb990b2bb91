"""A state machine of Step Functions from typed steps, with compensations, or from a given definition.

Pattern: "Step Functions Workflow" (2025 guide).
"""

import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, create_key, log_group, logs_statement, service_role, user_function
from cloudpatterns.blocks.user_function import function_names
from cloudpatterns.blocks.work_queue import QUEUE_NAME_LENGTH, dead_letter_queue, queue_policy, queue_url
from cloudpatterns.core import (
    Component,
    Statement,
    WorkloadStatementArgs,
    account_of,
    after,
    as_arguments,
    iam_statement,
    partition_of,
    region_of,
)
from cloudpatterns.messaging.workflow.arguments import WorkflowArgs, WorkflowTaskArgs
from cloudpatterns.messaging.workflow.checks import given_problems, parsed, sequences_of, timeout_of, workflow_problems
from cloudpatterns.messaging.workflow.definition import Definition, parks
from cloudpatterns.messaging.workflow.tasks import key_use, statements

_LOG_PREFIX = "/aws/vendedlogs/states/"
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_MOST_BYTES = 1_048_576


class Workflow(Component):
    """A Step Functions state machine that compensates what it has done when a later step fails (2025 guide, "Step Functions Workflow").

    Steps hand on one document: ``input`` is what the execution was started with, ``steps.<name>`` the result of each step that has
    finished, ``error`` what failed. A function gets the whole document, or what ``input`` of the step takes from it.

    When a step fails after its retries, the compensations of exactly the steps that have finished run, in reverse order, also of those
    inside a parallel, map or saga; then the execution fails with ``WorkflowFailed``. A step that timed out counts as finished, because it
    may have happened: its compensation must be idempotent and do nothing where there is nothing to undo. A compensation that fails after
    its own retries ends it all: the whole document goes to the parking queue, which has an alarm, nothing else is undone, and the
    execution fails with ``CompensationFailed``.

    What no Catch reaches (``States.Runtime``, the end of the whole ``timeout_seconds``, somebody who stops an execution) fails the
    execution without compensations, and an alarm reports it. Whoever deploys needs ``states:ValidateStateMachineDefinition``: the provider
    has AWS check a changed definition in the preview. The preview that creates a workflow calls nothing.

    **Use when**: several steps form one business transaction across services, with retries and compensations that somebody can see.

    **Not when**: one function does it, or events between services without a common outcome suffice (``EventBus``).

    **Cost drivers**: state transitions (each step, and for each step with a compensation two more after a failure), or the duration of
    Express executions; a customer managed key, the log, and traces.

    **Trade-offs**: steps run at least once, so functions must be idempotent. A document has at most 256 KiB. A parallel with compensations
    inside waits for all its sequences, also when one fails early.

    **Proven by**: controls ``step-failure-paths``, ``step-timeouts``, ``step-function-retries``, ``step-callbacks-timed``,
    ``step-functions-logging``; ``test_workflow.py``, and ``test_workflow_runs.py``, which validates definitions and runs them in an
    interpreter with a failure at each step.
    """

    state_machine_arn: pulumi.Output[str]
    """The state machine, for ``states:StartExecution``."""
    state_machine_name: pulumi.Output[str]
    """Name of the state machine."""
    role_arn: pulumi.Output[str]
    """Role of the executions, available after its policy."""
    log_group_name: pulumi.Output[str]
    """Log group of the executions."""
    kms_key_arn: pulumi.Output[str]
    """Key of the definition, the history, the log and a new queue."""
    parking_queue_arn: pulumi.Output[str] | None
    """Queue with the records of failed compensations; none where no step has a compensation and failures are not parked."""
    parking_queue_url: pulumi.Output[str] | None
    """URL of that queue."""

    def __init__(self, name: str, args: WorkflowArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=workflow_problems, names=_child_names)
        self._checked, self._tags = checked, checked["tags"]
        given_key = checked.get("kms_key_arn")
        self.kms_key_arn = self._key(f"{name}-key") if given_key is None else pulumi.Output.from_input(given_key)
        group = log_group(
            self,
            f"{name}-log",
            checked["log_retention_days"],
            name_prefix=f"{_LOG_PREFIX}{name}-",
            kms_key_arn=self.kms_key_arn,
            tags=self._tags,
        )
        self.parking_queue_arn = self._queue(f"{name}-parked")
        self.parking_queue_url = None if self.parking_queue_arn is None else queue_url(self.parking_queue_arn)
        self._functions = {key: self._function(key) for key in checked["functions"]}
        role = service_role(
            self,
            f"{name}-role",
            "states.amazonaws.com",
            f"Executions of {name}",
            statements={f"{name}-policy": [*self._rights(), *self._own_rights(group.arn)]},
            conditions={
                "StringEquals": {"aws:SourceAccount": account_of(group.arn)},
                "ArnLike": {"aws:SourceArn": _machines(group.arn)},
            },
            tags=self._tags,
        )
        machine = aws.sfn.StateMachine(
            f"{name}-machine",
            type="EXPRESS" if checked["express"] else "STANDARD",
            # Unknown in the preview that creates it, as the role's ARN is: there, the provider would have AWS validate it.
            definition=pulumi.Output.all(text=self._definition(), role=role.role.arn).apply(lambda known: known["text"]),
            role_arn=role.arn,
            logging_configuration={
                "level": checked["log_level"],
                "include_execution_data": checked["include_execution_data"],
                "log_destination": pulumi.Output.concat(group.arn, ":*"),
            },
            tracing_configuration={"enabled": checked["tracing"]},
            encryption_configuration={
                "type": "CUSTOMER_MANAGED_KMS_KEY",
                "kms_key_id": self.kms_key_arn,
                "kms_data_key_reuse_period_seconds": checked["data_key_reuse_seconds"],
            },
            tags=self._tags,
            opts=self.child(),
        )
        self._alarms(name, machine)
        self.state_machine_arn, self.state_machine_name = machine.arn, machine.name
        self.role_arn, self.log_group_name = role.arn, group.name
        self.register()

    def start_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to start executions, for the ``statements`` of a function or a ``WorkloadRole``."""
        actions = ["states:StartExecution", *(["states:StartSyncExecution"] if self._checked["express"] else [])]
        start = Statement(sid="Start", actions=actions, resources=[self.state_machine_arn])
        return as_arguments([start, key_use(self.kms_key_arn, "states")])

    def callback_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to end steps with ``callback``; the workflow's new functions in such steps have it."""
        return as_arguments(self._callback_rights())

    def _callback_rights(self) -> list[Statement]:
        # A token says which execution it is for: the actions have no resource types.
        actions = [f"states:SendTask{end}" for end in ("Failure", "Heartbeat", "Success")]
        return [Statement(sid="Callback", actions=actions, resources=["*"]), key_use(self.kms_key_arn, "states")]

    def _key(self, child_name: str) -> pulumi.Output[str]:
        def rights(key_arn: pulumi.Output[str]) -> list[Statement]:
            # https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
            delivery = Statement(
                sid="LogDelivery",
                actions=["kms:Decrypt*"],
                resources=["*"],
                principals={"Service": ["delivery.logs.amazonaws.com"]},
                conditions={"StringEquals": {"kms:EncryptionContext:SourceArn": _log_source(key_arn)}},
            )
            # The log of the executions, and those of new functions.
            return [logs_statement(key_arn, f"*{self.pulumi_resource_name}-*"), delivery]

        return create_key(self, child_name, f"Executions of {self.pulumi_resource_name}", rights, tags=self._tags)

    def _queue(self, child_name: str) -> pulumi.Output[str] | None:
        checked, given = self._checked, self._checked.get("parking_queue_arn")
        if not parks(checked):
            return None
        if given is not None:
            return pulumi.Output.from_input(given)
        what, parked = f"Documents of executions of {self.pulumi_resource_name}", self._parked(child_name)
        topics = checked["alarm_topic_arns"]
        queue = dead_letter_queue(self, child_name, self.kms_key_arn, None, topics, self._tags, what=what, description=parked)
        # It is where records end: no other queue may send what it gave up here.
        end = aws.sqs.RedriveAllowPolicy(
            f"{child_name}-redrive",
            queue_url=queue.id,
            redrive_allow_policy=json.dumps({"redrivePermission": "denyAll"}),
            opts=self.child(),
        )
        return after(queue.arn, queue_policy(self, f"{child_name}-policy", queue, ()), end)

    def _parked(self, queue: str) -> str | None:
        """What the alarm on parked documents says; None where all that failed is parked, and may be started again."""
        half = (
            f"Executions of {self.pulumi_resource_name} are half undone: a compensation failed. Their documents are in the queue {queue}."
        )
        if self._checked["resume_parked"]:
            return f"{half} Fix the cause, then go on with them: python -m cloudpatterns_runtime.parked_executions"
        return None if self._checked["park_failures"] else f"{half} Undo the rest by hand, then delete them"

    def _function(self, key: str) -> pulumi.Output[str]:
        """The ARN of a new function."""
        name, checked = self.pulumi_resource_name, self._checked
        functions = [task["function"] for task in self._tasks() if task.get("function") is not None]
        called_back = any(function["callback"] and function.get("name") == key for function in functions)
        return user_function(
            self,
            f"{name}-{key}",
            checked["functions"][key],
            description=f"A step of {name}",
            statements=self._callback_rights() if called_back else [],
            kms_key_arn=self.kms_key_arn,
            # Refusals are errors to Lambda; other errors fail executions, which have an alarm.
            alarm_topic_arns=[] if checked["refusals"] else checked["alarm_topic_arns"],
            tags=self._tags,
        ).arn

    def _definition(self) -> pulumi.Output[str]:
        checked, given = self._checked, self._checked.get("definition")
        if checked["steps"]:
            queue = "" if self.parking_queue_arn is None else self.parking_queue_arn
            text = pulumi.Output.json_dumps(Definition(checked, self._functions, queue, timeout_of(checked)).block())
        elif isinstance(given, pulumi.Output):
            text = given.apply(self._late)
        else:
            text = pulumi.Output.json_dumps({"TimeoutSeconds": timeout_of(checked), **(parsed(given) or {})})
        return text.apply(self._small)

    def _late(self, given: Any) -> str:
        """A definition that was known only now."""
        if problems := list(given_problems(self._checked, given)):
            self.refuse(*problems)
        return json.dumps({"TimeoutSeconds": timeout_of(self._checked), **(parsed(given) or {})})

    def _small(self, text: str) -> str:
        if (size := len(text.encode())) > _MOST_BYTES:
            argument = "steps" if self._checked["steps"] else "definition"
            self.refuse(
                (
                    argument,
                    f"is a definition of {size:,} bytes; Step Functions takes {_MOST_BYTES:,}. Move a part into a workflow of its own.",
                )
            )
        return text

    def _rights(self) -> Iterator[Statement]:
        """What the steps need, each target once, and what the caller adds."""
        seen: list[Statement] = []
        for statement in (one for task in self._tasks() for one in statements(task, self._functions)):
            if not any(_same(statement, other) for other in seen):
                seen.append(statement)
                yield statement
        yield from map(iam_statement, self._checked["statements"])

    def _tasks(self) -> list[WorkflowTaskArgs]:
        """All steps and compensations."""
        steps = [step for _, sequence in sequences_of(self._checked) for step in sequence]
        return [task for step in steps for task in (step, step.get("compensation")) if task]

    def _own_rights(self, log_group_arn: pulumi.Output[str]) -> Iterator[Statement]:
        """What every state machine needs: to log, to trace, to use its key, and to send records to its queue."""
        # None of them has resource types: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
        deliveries = [f"logs:{action}LogDelivery" for action in ("Create", "Get", "Update", "Delete")]
        more = ["logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"]
        yield Statement(sid="LogDelivery", actions=[*deliveries, *more], resources=["*"])
        if self._checked["tracing"]:
            # Nor has any of these: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
            traces = ["PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets"]
            yield Statement(sid="Trace", actions=[f"xray:{action}" for action in traces], resources=["*"])
        yield Statement(
            sid="Executions",
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[self.kms_key_arn],
            conditions={"ArnLike": {"kms:EncryptionContext:aws:states:stateMachineArn": _machines(log_group_arn)}},
        )
        yield Statement(
            sid="LogEncryption",
            actions=["kms:GenerateDataKey"],
            resources=[self.kms_key_arn],
            conditions={"StringEquals": {"kms:EncryptionContext:SourceArn": _log_source(log_group_arn)}},
        )
        if self.parking_queue_arn is not None:
            given = self._checked.get("parking_queue_arn")
            key_arn = self.kms_key_arn if given is None else self._checked.get("parking_queue_kms_key_arn")
            yield Statement(sid="Park", actions=["sqs:SendMessage"], resources=[self.parking_queue_arn])
            if key_arn is not None:
                yield key_use(key_arn, "sqs")

    def _alarms(self, name: str, machine: aws.sfn.StateMachine) -> None:
        checked = self._checked
        if not checked["alarm_topic_arns"]:
            return
        # Express executions cannot be stopped, so they have no ExecutionsAborted.
        # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
        kinds = {
            "failed": (
                "ExecutionsFailed",
                f"Executions of {name} fail: the history of each says at which step, and why",
                checked["most_failed_executions"],
            ),
            "timed-out": ("ExecutionsTimedOut", f"Executions of {name} are ended by their timeout, without compensations", 0),
            **(
                {}
                if checked["express"]
                else {"aborted": ("ExecutionsAborted", f"Executions of {name} are stopped, without compensations", 0)}
            ),
        }
        for suffix, (metric, description, threshold) in kinds.items():
            alarm(
                self,
                f"{name}-{suffix}",
                description,
                Metric("AWS/States", metric, {"StateMachineArn": machine.arn}, "Sum"),
                threshold,
                period_seconds=300,
                actions=checked["alarm_topic_arns"],
                tags=self._tags,
            )


def _child_names(checked: WorkflowArgs) -> dict[str, int]:
    functions = {suffix: limit for key, options in checked["functions"].items() for suffix, limit in function_names(options, key).items()}
    return {"machine": 80, "role": 64, **({"parked": QUEUE_NAME_LENGTH} if parks(checked) else {}), **functions}


def _machines(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """The state machines of an ARN's account and Region: the name of one is known only when it is there, after its role."""
    return pulumi.Output.concat("arn:", partition_of(arn), ":states:", region_of(arn), ":", account_of(arn), ":stateMachine:*")


def _log_source(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """What log deliveries of an ARN's account and Region have in their encryption context."""
    return pulumi.Output.concat("arn:", partition_of(arn), ":logs:", region_of(arn), ":", account_of(arn), ":*")


def _same(one: Statement, other: Statement) -> bool:
    # Outputs are the same where they are one object: they cannot be compared.
    same = len(one.resources) == len(other.resources) and all(
        a is b or (isinstance(a, str) and isinstance(b, str) and a == b) for a, b in zip(one.resources, other.resources, strict=True)
    )
    return same and one.actions == other.actions and one.conditions == other.conditions
