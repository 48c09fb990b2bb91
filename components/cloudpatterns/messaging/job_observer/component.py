"""A group of workers that follows the backlog of a queue.

Pattern: "Job Observer" (Cloud Design Patterns for AWS).
"""

import functools

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    Sender,
    api_target,
    create_key,
    receive_statements,
    schedule,
    send_statements,
    sender_statements,
    service_role,
    work_queue,
)
from cloudpatterns.blocks.work_queue import DAY_SECONDS, age_alarm, queue_url
from cloudpatterns.compute import ScaleOut
from cloudpatterns.core import (
    Component,
    Statement,
    WorkloadStatementArgs,
    account_of,
    after,
    as_arguments,
    document,
    name_of,
    partition_of,
    region_of,
)
from cloudpatterns.messaging.job_observer.arguments import JobObserverArgs, alarm_age, backlog_target, child_names, problems, scale_out
from cloudpatterns.messaging.job_observer.scaling import Backlog
from cloudpatterns.messaging.job_observer.user_data import job_guard_user_data
from cloudpatterns.security import WorkloadRole, session_manager_statements

_HOUR_SECONDS = 3600


class JobObserver(Component):
    """An Auto Scaling group that follows the backlog of a queue, and ends no instance while it runs a job (Cloud Design Patterns for AWS,
    "Job Observer").

    Target tracking holds the messages for each instance, waiting and running ones, at what the instance can work off in
    ``most_wait_seconds``. From no instance a step policy starts as many as the messages need, and without messages the group shrinks to its
    ``min_size``, which may be 0. A worker runs each job under ``job-guard``: it protects the instance from scale-in while a job runs. What
    terminates instances otherwise (an instance refresh, their age, health checks, rebalancing) waits at a lifecycle hook, to which the
    guard sends heartbeats until the jobs have ended.

    The worker's contract: run each job by ``job-guard run -- COMMAND``, or between ``job-guard protect JOB`` and ``job-guard release JOB``;
    on exit code 75 return the message and receive no more; on SIGTERM finish the jobs and end; extend the visibility of a message while its
    job runs. ``cloudpatterns_runtime.priority`` does the last two.

    **Use when**: jobs take longer than Lambda's 15 minutes, or need an instance's processor, memory, disk or licence.

    **Not when**: jobs are short (``QueueWorker``), or a job can be split into steps (``Workflow``).

    **Cost drivers**: the instances; the alarms; an idle group with ``min_size`` 0 costs little more than these.

    **Trade-offs**: from no instance a job waits for two to three minutes and the start of an instance; a group that must grow reacts after
    four to five minutes, for which jobs may wait beyond ``most_wait_seconds``, and shrinks after fifteen. A crash of an instance, a Spot
    interruption and ``destroy`` end jobs all the same: their messages show again, so jobs are idempotent.

    **Proven by**: controls ``queue-dead-letters``, ``auto-scaling-launch-template``; ``test_job_observer.py``, ``test_job_guard.py`` and
    ``test_job_observer_simulation.py``, which runs arrivals against the scaling as it is deployed.
    """

    queue_url: pulumi.Output[str]
    """URL of the queue, available after its policy."""
    queue_arn: pulumi.Output[str]
    """ARN of the queue, available after its policy."""
    dead_letter_queue_arn: pulumi.Output[str]
    """ARN of the new dead-letter queue; empty for an existing queue."""
    auto_scaling_group_name: pulumi.Output[str]
    """Name of the group, available after its policies and its lifecycle hook."""
    role_arn: pulumi.Output[str]
    """ARN of the new instances' role; empty for an existing group."""
    kms_key_arn: pulumi.Output[str]
    """The key of the queues; empty for an existing queue without one."""

    def __init__(self, name: str, args: JobObserverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=functools.partial(problems, name), names=child_names)
        self._checked, self._name = checked, name
        queue_name = self._queue()
        group_name, policy = self._group()
        workers, target = checked.get("workers"), backlog_target(checked)
        backlog = Backlog(self, queue_name, group_name, target)
        hook, tracking = backlog.hold(checked["heartbeat_seconds"]), backlog.track()
        if workers is None or workers["min_size"] == 0:
            backlog.start(None if workers is None else workers["max_size"], checked["tags"])
            self._keep_metrics()
        backlog.report(checked["alarm_topic_arns"], checked["tags"])
        self.auto_scaling_group_name = after(group_name, policy, hook, tracking)
        self.register()

    def send_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to send jobs, for the ``statements`` of a function or a ``WorkloadRole``."""
        return as_arguments(send_statements(self.queue_arn, self._queue_key_arn))

    def _queue(self) -> pulumi.Output[str]:
        """Creates or adopts the queue; its name."""
        checked, name, existing = self._checked, self._name, self._checked.get("existing_queue")
        self._queue_key_arn: pulumi.Input[str] | None
        if existing is not None:
            self._queue_key_arn = existing.get("kms_key_arn")
            self.queue_arn, self.queue_url = pulumi.Output.from_input(existing["arn"]), queue_url(existing["arn"])
            self.dead_letter_queue_arn = pulumi.Output.from_input("")
            self.kms_key_arn = pulumi.Output.from_input("" if self._queue_key_arn is None else self._queue_key_arn)
            queue_name = name_of(self.queue_arn)
            if topics := checked["alarm_topic_arns"]:
                age_alarm(self, f"{name}-queue", queue_name, alarm_age(checked), topics, checked["tags"])
            return queue_name
        given = checked.get("kms_key_arn")
        services = [sender["service"] for sender in checked["senders"]]
        key_arn = given
        if key_arn is None:
            key_arn = create_key(self, f"{name}-key", f"Jobs of {name}", lambda arn: sender_statements(arn, services), tags=checked["tags"])
        self._queue_key_arn, self.kms_key_arn = key_arn, pulumi.Output.from_input(key_arn)
        queues = work_queue(
            self,
            f"{name}-queue",
            kms_key_arn=key_arn,
            visibility_timeout_seconds=checked["visibility_timeout_seconds"],
            retention_seconds=checked["message_retention_days"] * DAY_SECONDS,
            max_receive_count=checked["max_receive_count"],
            senders=[Sender(sender["service"], sender["source_arn"]) for sender in checked["senders"]],
            alarm_age_seconds=alarm_age(checked),
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
        self.queue_url, self.queue_arn, self.dead_letter_queue_arn = queues.url, queues.arn, queues.dead_letter_arn
        return queues.queue.name

    def _group(self) -> tuple[pulumi.Output[str], pulumi.Resource]:
        """Creates or adopts the group; its name, and the policy of the instances' role."""
        checked, name, given = self._checked, self._name, self._checked.get("auto_scaling_group_name")
        if given is not None:
            self.role_arn = pulumi.Output.from_input("")
            return pulumi.Output.from_input(given), self._guard(checked["role_name"], given)
        role = WorkloadRole(
            f"{name}-worker",
            {
                "service": "ec2.amazonaws.com",
                "instance_profile": True,
                "statements": [*session_manager_statements(), *checked["statements"]],
                "managed_policy_arns": checked["managed_policy_arns"],
                "tags": checked["tags"],
            },
            self.child(),
        )
        self.role_arn = role.role_arn
        script = job_guard_user_data(
            self.queue_url,
            checked.get("user_data"),
            worker_unit=checked["worker_unit"],
            heartbeat_seconds=checked["heartbeat_seconds"],
        )
        # The first instances start before the group has its name, and take jobs as soon as they can.
        policy = self._guard(role.role_name, f"{name}-workers-group*")
        group = ScaleOut(f"{name}-workers", scale_out(checked, after(role.instance_profile_arn, policy), script), self.child())
        return group.auto_scaling_group_name, policy

    def _guard(self, role_name: pulumi.Input[str], group_name: pulumi.Input[str]) -> aws.iam.RolePolicy:
        """Lets instances take jobs, and protect themselves in their group."""
        return aws.iam.RolePolicy(
            f"{self._name}-guard", role=role_name, policy=document(*self._guard_statements(group_name)), opts=self.child()
        )

    def _guard_statements(self, group_name: pulumi.Input[str]) -> list[Statement]:
        arn = self.queue_arn
        group_arn = pulumi.Output.concat(
            *("arn:", partition_of(arn), ":autoscaling:", region_of(arn), ":", account_of(arn)),
            *(":autoScalingGroup:*:autoScalingGroupName/", group_name),
        )
        protect = ("SetInstanceProtection", "RecordLifecycleActionHeartbeat", "CompleteLifecycleAction")
        return [
            *receive_statements(arn, self._queue_key_arn),
            Statement(sid="Guard", actions=[f"autoscaling:{action}" for action in protect], resources=[group_arn]),
            # Which has no resource types.
            Statement(sid="FindGroup", actions=["autoscaling:DescribeAutoScalingInstances"], resources=["*"]),
        ]

    def _keep_metrics(self) -> None:
        """Calls the queue every hour: after six hours without a call SQS stops its metrics, and starts them up to a quarter of an hour
        late, for which the first job would wait.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
        """
        name, tags = self._name, self._checked["tags"]
        group = aws.scheduler.ScheduleGroup(f"{name}-call", tags=tags, opts=self.child())
        role = service_role(
            self,
            f"{name}-call-role",
            "scheduler.amazonaws.com",
            f"Calls the queue of {name}",
            statements={f"{name}-call-policy": [Statement(actions=["sqs:UntagQueue"], resources=[self.queue_arn])]},
            conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn)}, "ArnEquals": {"aws:SourceArn": group.arn}},
            tags=tags,
        )
        schedule(
            self,
            f"{name}-call",
            group=group,
            expression="rate(1 hour)",
            time_zone="Etc/UTC",
            # Schedules call no API that only reads: this one takes away a tag that there is not.
            target_arn=api_target(group.arn, "sqs", "untagQueue"),
            target_input={"QueueUrl": self.queue_url, "TagKeys": ["cloudpatterns:none"]},
            role_arn=role.arn,
            retry_seconds=_HOUR_SECONDS,
        )
