"""A task that runs at times: a function, a message, a state machine, a container or an API action, started by EventBridge Scheduler.

Pattern: "Scheduled functions" (Architecting for the Cloud).
"""

from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    Idempotency,
    Metric,
    UserFunction,
    alarm,
    api_target,
    create_key,
    dead_letter_queue,
    logs_statement,
    queue_policy,
    schedule,
    send_statements,
    service_role,
    user_function,
)
from cloudpatterns.core import Component, Statement, account_of, after, iam_statement
from cloudpatterns.messaging.scheduled_task.arguments import ScheduledTaskArgs, ScheduledTaskContainers, child_names, problems

# What Scheduler puts in their place: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
_CONTEXT = '{"scheduled_time": "<aws.scheduler.scheduled-time>", "execution_id": "<aws.scheduler.execution-id>", '
_CONTEXT += '"attempt": "<aws.scheduler.attempt-number>"}'
# What Lambda allows for asynchronous invocations: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
_MOST_RETRIES = 2
# Scheduler adds a minute at most until it invokes, and reports every minute.
_FAILURES = {
    "failing": ("TargetErrorCount", "cannot start it, and tries again: may its role still do so, and is the target throttled?"),
    "dropped": ("InvocationDroppedCount", "gives runs up: its target could not be reached within the retries"),
    "unparked": (
        "InvocationsFailedToBeSentToDeadLetterCount",
        "could not park failed runs: may its role send to the dead-letter queue, and use its key?",
    ),
}


class _Target(NamedTuple):
    """What the schedule starts, and what its role needs for that."""

    arn: pulumi.Input[str]
    statements: list[Statement]
    parameters: dict[str, Any]


class ScheduledTask(Component):
    """A function, a message, a state machine, a container or an API action at times (Architecting for the Cloud, "Scheduled functions").

    The schedule's role may start its target, park failed runs, and nothing else; only schedules of the component's own group may assume it.
    A run that cannot be started, and one in which the function fails at last, is parked in a dead-letter queue.

    **Use when**: work is due at times or in intervals: reports, clean-up, polling a partner.

    **Not when**: something happened (``EventBus``), or it takes longer than a function may run and is no single action (``Workflow``,
    started by this component).

    **Cost drivers**: invocations, one key, the table's writes; the first 14 million runs a month are free of charge.

    **Trade-offs**: a task starts within a minute of its time, and now and then twice: use ``scheduled_time`` as the key of idempotency.

    **Proven by**: controls ``schedule-dead-letters``, ``schedule-role-confined``, ``schedule-role-trust``;
    ``test_scheduled_task.py``, which lets an emulator's scheduler run the sample function.
    """

    schedule_arn: pulumi.Output[str]
    """ARN of the schedule."""
    schedule_group_name: pulumi.Output[str]
    """Name of the schedule's group, the dimension ``ScheduleGroup`` of its metrics."""
    role_arn: pulumi.Output[str]
    """ARN of the schedule's role."""
    dead_letter_queue_url: pulumi.Output[str]
    """URL of the queue of failed runs."""
    dead_letter_queue_arn: pulumi.Output[str]
    """ARN of the queue of failed runs."""
    function_arn: pulumi.Output[str]
    """ARN of the function; empty for another target."""
    function_name: pulumi.Output[str]
    """Name of the function; empty for another target."""
    function_role_arn: pulumi.Output[str]
    """ARN of the new function's role; empty without one."""
    idempotency_table_name: pulumi.Output[str]
    """Name of the idempotency table; empty without one."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts schedule, queue, table, logs and environment."""

    def __init__(self, name: str, args: ScheduledTaskArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        given_key = checked.get("kms_key_arn")
        self.kms_key_arn = self._key(name) if given_key is None else pulumi.Output.from_input(given_key)
        parked = dead_letter_queue(
            self, f"{name}-dead-letters", self.kms_key_arn, None, checked["alarm_topic_arns"], checked["tags"], what="Runs"
        )
        policy = queue_policy(self, f"{name}-dead-letters-policy", parked, ())
        self.dead_letter_queue_arn, self.dead_letter_queue_url = after(parked.arn, policy), after(parked.url, policy)
        self.idempotency_table_name = self.function_arn = self.function_name = self.function_role_arn = pulumi.Output.from_input("")
        group = aws.scheduler.ScheduleGroup(f"{name}-group", tags=checked["tags"], opts=self.child())
        self.schedule_group_name = group.name
        target = self._target(name)
        self.role_arn = self._role(name, group, target)
        self.schedule_arn = self._schedule(name, group, target).arn
        if checked["alarm_topic_arns"]:
            self._alarms(name, group)
            if checked.get("function"):
                self._function_alarm(name)
        self.register()

    def _key(self, name: str) -> pulumi.Output[str]:
        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            return [logs_statement(key_arn, f"{name}-function-logs*")] if self._checked.get("function") else []

        return create_key(self, f"{name}-key", f"Failed runs, logs and environment of {name}", statements, tags=self._checked["tags"])

    def _target(self, name: str) -> _Target:
        checked = self._checked
        if (queue := checked.get("existing_queue")) is not None:
            group_id = queue.get("message_group_id")
            parameters = {} if group_id is None else {"sqs_parameters": {"message_group_id": group_id}}
            return _Target(queue["arn"], send_statements(queue["arn"], queue.get("kms_key_arn")), parameters)
        if (machine := checked.get("state_machine_arn")) is not None:
            rights = [Statement(sid="Start", actions=["states:StartExecution"], resources=[machine])]
            if (key_arn := checked.get("state_machine_kms_key_arn")) is not None:
                # StartExecution uses the key of a state machine with the caller's rights.
                rights.append(Statement(sid="StartKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key_arn]))
            return _Target(machine, rights, {})
        if (containers := checked.get("ecs_task")) is not None:
            return _containers(containers)
        if (action := checked.get("api_action")) is not None:
            arn = api_target(self.kms_key_arn, action["service"], action["action"])
            return _Target(arn, [iam_statement(statement) for statement in action["statements"]], {})
        function = self._function(name)
        self.function_arn, self.function_name, self.function_role_arn = function.arn, function.name, function.role_arn
        self.idempotency_table_name = function.idempotency_table_name
        return _Target(function.arn, [Statement(sid="Invoke", actions=["lambda:InvokeFunction"], resources=[function.arn])], {})

    def _function(self, name: str) -> UserFunction:
        checked, options = self._checked, self._checked.get("function")
        statements = [] if options is None else send_statements(self.dead_letter_queue_arn, self.kms_key_arn)
        idempotency = Idempotency(f"{name}-idempotency", checked["deletion_protection"]) if checked["idempotency"] else None
        function = user_function(
            self,
            f"{name}-function",
            options,
            checked.get("existing_function"),
            description=f"The task {name}",
            statements=statements,
            idempotency=idempotency,
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
        if function.function is not None:
            # Scheduler only hands the run over: what becomes of a function that fails is Lambda's matter.
            aws.lambda_.FunctionEventInvokeConfig(
                f"{name}-function-failures",
                function_name=function.function.name,
                maximum_retry_attempts=min(_MOST_RETRIES, checked["maximum_retry_attempts"]),
                maximum_event_age_in_seconds=checked["maximum_event_age_seconds"],
                destination_config={"on_failure": {"destination": self.dead_letter_queue_arn}},
                opts=self.child(),
            )
        return function

    def _role(self, name: str, group: aws.scheduler.ScheduleGroup, target: _Target) -> pulumi.Output[str]:
        # Scheduler sends to the dead-letter queue as the role, too.
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
        park = [
            Statement(sid="Park", actions=["sqs:SendMessage"], resources=[self.dead_letter_queue_arn]),
            Statement(sid="ParkKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.kms_key_arn]),
        ]
        schedules = group.arn.apply(lambda arn: f"{arn.replace(':schedule-group/', ':schedule/')}/*")
        # Scheduler decrypts a schedule as the role: https://docs.aws.amazon.com/scheduler/latest/UserGuide/encryption-rest.html
        read = Statement(
            sid="ReadSchedule",
            actions=["kms:Decrypt"],
            resources=[self.kms_key_arn],
            conditions={"ArnLike": {"kms:EncryptionContext:aws:scheduler:schedule:arn": schedules}},
        )
        return service_role(
            self,
            f"{name}-role",
            "scheduler.amazonaws.com",
            f"Starts the task {name}",
            statements={f"{name}-policy": [*target.statements, *park, read]},
            # The group, not the schedule: https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
            conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn)}, "ArnEquals": {"aws:SourceArn": group.arn}},
            tags=self._checked["tags"],
        ).arn

    def _schedule(self, name: str, group: aws.scheduler.ScheduleGroup, target: _Target) -> aws.scheduler.Schedule:
        checked = self._checked
        given, default = checked.get("input_json"), None if checked.get("ecs_task") else _CONTEXT
        return schedule(
            self,
            f"{name}-schedule",
            group=group,
            expression=checked["schedule_expression"],
            time_zone=checked["time_zone"],
            target_arn=target.arn,
            target_input=default if given is None else given,
            role_arn=self.role_arn,
            retry_seconds=checked["maximum_event_age_seconds"],
            retry_attempts=checked["maximum_retry_attempts"],
            flexible_minutes=checked["flexible_window_minutes"],
            dead_letter_arn=self.dead_letter_queue_arn,
            target=target.parameters,
            description=f"Starts the task {name}",
            state="ENABLED" if checked["enabled"] else "DISABLED",
            start_date=checked.get("start_date"),
            end_date=checked.get("end_date"),
            kms_key_arn=self.kms_key_arn,
        )

    def _alarms(self, name: str, group: aws.scheduler.ScheduleGroup) -> None:
        checked = self._checked
        for suffix, (metric, words) in _FAILURES.items():
            alarm(
                self,
                f"{name}-{suffix}",
                f"The schedule of {name} {words}",
                Metric("AWS/Scheduler", metric, {"ScheduleGroup": group.name}, "Sum"),
                0,
                actions=checked["alarm_topic_arns"],
                tags=checked["tags"],
            )
        if (hours := checked.get("alarm_silence_hours")) is not None:
            alarm(
                self,
                f"{name}-silence",
                f"The task {name} was not started for {hours} hours: is its schedule enabled, and its end not reached?",
                Metric("AWS/Scheduler", "InvocationAttemptCount", {"ScheduleGroup": group.name}, "Sum"),
                1,
                comparison="LessThanThreshold",
                period_seconds=3600,
                periods=hours,
                missing="breaching",
                actions=checked["alarm_topic_arns"],
                tags=checked["tags"],
            )

    def _function_alarm(self, name: str) -> None:
        alarm(
            self,
            f"{name}-function-unparked",
            f"Runs in which the function of {name} failed are lost: may its role send to the dead-letter queue, and use its key?",
            Metric("AWS/Lambda", "DestinationDeliveryFailures", {"FunctionName": self.function_name}, "Sum"),
            0,
            actions=self._checked["alarm_topic_arns"],
            tags=self._checked["tags"],
        )


def _containers(task: ScheduledTaskContainers) -> _Target:
    """A task of ECS in its cluster alone, whose roles are passed to ECS alone."""
    run = Statement(
        sid="Run",
        actions=["ecs:RunTask"],
        resources=[task["task_definition_arn"]],
        conditions={"ArnEquals": {"ecs:cluster": task["cluster_arn"]}},
    )
    pass_roles = Statement(
        sid="PassRoles",
        actions=["iam:PassRole"],
        resources=task["role_arns"],
        conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
    )
    parameters = {
        "task_definition_arn": task["task_definition_arn"],
        "launch_type": task["launch_type"],
        "task_count": task["task_count"],
        "network_configuration": {
            "subnets": [*task["subnet_ids_by_zone"].values()],
            "security_groups": task["security_group_ids"],
            "assign_public_ip": False,
        },
    }
    return _Target(task["cluster_arn"], [run, pass_roles], {"ecs_parameters": parameters})
