"""Build agents that are there while something is built.

Pattern: "Continuous Integration" (Cloud Design Patterns for AWS).
"""

import pulumi

from cloudpatterns.blocks import create_key, log_group, logs_statement, send_statements, work_queue
from cloudpatterns.blocks.security_group import GROUP_DELETION, INTERNET, egress_rule, security_group
from cloudpatterns.blocks.work_queue import queue_url
from cloudpatterns.core import Component, Problem, Statement, WorkloadStatementArgs, after, as_arguments, by_name, pick
from cloudpatterns.operations.build_agents.agents import AgentPlace, agent_alarms, agent_group, agent_role, group_problems
from cloudpatterns.operations.build_agents.arguments import BuildAgentsArgs, BuildGroupArgs, child_names, problems
from cloudpatterns.operations.build_agents.builds import BuildPlace, build_alarms, build_project
from cloudpatterns.storage import DurableBucket

_INVISIBLE_SECONDS = 300
_RETENTION_SECONDS = 345_600
_MOST_TRIES = 3
_HTTPS = 443


class BuildAgents(Component):
    """Agents for builds that are there on demand (Cloud Design Patterns for AWS, "Continuous Integration").

    With ``builds``, each build has a machine of CodeBuild for itself, which is gone with it; a fleet of CodeBuild would never have fewer
    than one. A webhook starts builds for named actors and branches alone.

    With ``agents``, instances of an Auto Scaling group, Spot by default, take jobs from a queue: messages whose text is the command's
    input. There is an agent for each job that waits or runs, up to ``max_size``; an alarm takes the group from zero. Without jobs the group
    is empty, but for the agents that ``hours`` keeps on working days. While a job runs, its instance is protected from scale-in. A job
    whose instance is lost goes to another, three times at most; one that fails has run, and is not tried again. Its log is in the bucket
    below ``logs/``, and its cache, which all jobs share, below ``cache/``.

    **Use when**: builds and tests come in bursts by day, and machines for them would wait for most of their time.

    **Not when**: the Git host's own runners suffice; or the work is data (``DistributedProcessing``) or takes seconds (``QueueWorker``).

    **Cost drivers**: minutes of builds, or instances while jobs run and in working hours; the key, and the cache.

    **Trade-offs**: a build waits for its machine for half a minute, a job at an empty group for some; SQS reports a queue that was quiet
    for six hours up to 15 minutes late. Code that is built has the rights of its role: in pull requests of strangers, everybody's.

    **Proven by**: controls ``codebuild-logging``, ``codebuild-not-privileged``, ``codebuild-no-secret-in-environment``,
    ``auto-scaling-several-zones``; ``test_build_agents.py``, which plays a day, and ``test_build_agents_on_aws.py``, which runs the agent.
    """

    project_names: pulumi.Output[dict[str, str]]
    """Projects of CodeBuild by the name of the build. Empty with ``agents``."""
    project_arns: pulumi.Output[dict[str, str]]
    """Their ARNs."""
    queue_url: pulumi.Output[str]
    """URL of the queue of jobs. Empty with ``builds``."""
    queue_arn: pulumi.Output[str]
    """ARN of the queue of jobs. Empty with ``builds``."""
    dead_letter_url: pulumi.Output[str]
    """URL of the queue of jobs that lost their agent three times. Empty with ``builds`` or ``existing_queue``."""
    auto_scaling_group_name: pulumi.Output[str]
    """The group of the agents. Empty with ``builds``."""
    agent_role_arn: pulumi.Output[str]
    """Role of the agents and their jobs. Empty with ``builds``."""
    bucket_name: pulumi.Output[str]
    """The bucket with the cache, and with the logs of jobs."""
    log_group_name: pulumi.Output[str]
    """Log group of the builds. Empty with ``agents``."""
    security_group_id: pulumi.Output[str]
    """The new security group, for rules of what builds and agents may reach. Empty with ``security_group_ids``, or without a VPC."""
    kms_key_arn: pulumi.Output[str]
    """Key of queue, bucket and logs, given or new."""

    def __init__(self, name: str, args: BuildAgentsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        def found(checked: BuildAgentsArgs) -> list[Problem]:
            return [*problems(checked)] or [*group_problems(name, checked)]

        self._checked = checked = self.begin(name, args, opts, problems=found, names=child_names)
        given = checked.get("kms_key_arn")
        self.kms_key_arn = pulumi.Output.from_input(self._key(name) if given is None else given)
        self._bucket = DurableBucket(
            f"{name}-bucket",
            {
                "kind": "data",
                "kms_key_arn": self.kms_key_arn,
                "retention_days": checked["cache_days"],
                "noncurrent_retention_days": 1,
                # A cache can be built again.
                "force_destroy": True,
                **pick(checked, "log_bucket_name", "tags"),
            },
            self.child(),
        )
        self.bucket_name = self._bucket.bucket_name
        self._groups = self._security_groups(name)
        empty = pulumi.Output.from_input("")
        self.project_names = self.project_arns = by_name({})
        self.queue_url = self.queue_arn = self.dead_letter_url = self.auto_scaling_group_name = empty
        self.agent_role_arn = self.log_group_name = empty
        agents = checked.get("agents")
        if agents is None:
            self._builds(name)
        else:
            self._agents(name, agents)
        self.register()

    def start_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to start the builds, to follow and to stop them."""
        if not self._checked["builds"]:
            self.refuse(("builds", "is missing, so there are no builds to start. Use submit_statements."))
        actions = [f"codebuild:{action}" for action in ("BatchGetBuilds", "StartBuild", "StopBuild")]
        return as_arguments([Statement(sid="StartBuilds", actions=actions, resources=[*self._project_arns.values()])])

    def submit_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to submit jobs."""
        if self._checked.get("agents") is None:
            self.refuse(("agents", "is missing, so there is no queue. Use start_statements."))
        return as_arguments(send_statements(self.queue_arn, self._queue_key))

    def _key(self, name: str) -> pulumi.Output[str]:
        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            return [logs_statement(key_arn, f"{name}-logs*")] if self._checked["builds"] else []

        return create_key(self, f"{name}-key", f"Queue, cache and logs of {name}", statements, tags=self._checked["tags"])

    def _security_groups(self, name: str) -> list[pulumi.Input[str]]:
        checked = self._checked
        given, vpc_id = checked.get("security_group_ids"), checked.get("vpc_id")
        if given is not None or vpc_id is None:
            self.security_group_id = pulumi.Output.from_input("")
            return [] if given is None else [*given]
        group = security_group(self, f"{name}-network", vpc_id, f"Builds of {name}", checked["tags"], custom_timeouts=GROUP_DELETION)
        words = "Sources and packages over HTTPS"
        rule = egress_rule(self, f"{name}-to-internet", group.id, _HTTPS, INTERNET["ipv4"], words, checked["tags"])
        self.security_group_id = after(group.id, rule)
        return [group.id]

    def _builds(self, name: str) -> None:
        checked = self._checked
        logs = log_group(self, f"{name}-logs", checked["log_retention_days"], kms_key_arn=self.kms_key_arn, tags=checked["tags"])
        self.log_group_name = logs.name
        subnets = checked.get("subnet_ids_by_zone")
        place = BuildPlace(
            self._bucket,
            logs,
            self.kms_key_arn,
            checked.get("vpc_id"),
            [] if subnets is None else [*subnets.values()],
            self._groups,
            checked.get("permissions_boundary_arn"),
            checked["tags"],
        )
        projects = {key: build_project(self, f"{name}-{key}", key, build, place) for key, build in checked["builds"].items()}
        self.project_names = by_name({key: project.name for key, project in projects.items()})
        self._project_arns = {key: project.arn for key, project in projects.items()}
        self.project_arns = by_name(self._project_arns)
        for key, project in projects.items() if checked["alarm_topic_arns"] else ():
            most = checked["builds"][key]["most_failed"], checked["most_queued_minutes"]
            build_alarms(self, f"{name}-{key}", project, most, checked["alarm_topic_arns"], checked["tags"])

    def _agents(self, name: str, agents: BuildGroupArgs) -> None:
        checked, existing = self._checked, self._checked.get("existing_queue")
        if existing is None:
            queue = work_queue(
                self,
                f"{name}-jobs",
                kms_key_arn=self.kms_key_arn,
                visibility_timeout_seconds=_INVISIBLE_SECONDS,
                retention_seconds=_RETENTION_SECONDS,
                max_receive_count=_MOST_TRIES,
                alarm_topic_arns=checked["alarm_topic_arns"],
                tags=checked["tags"],
            )
            self.queue_url, self.queue_arn, self.dead_letter_url = queue.url, queue.arn, queue.dead_letter_url
            self._queue_key: pulumi.Input[str] | None = self.kms_key_arn
        else:
            self.queue_arn, self.queue_url = pulumi.Output.from_input(existing["arn"]), queue_url(existing["arn"])
            self._queue_key = existing.get("kms_key_arn")
        subnets = checked.get("subnet_ids_by_zone")
        place = AgentPlace(
            self.queue_arn,
            self.queue_url,
            self._queue_key,
            self._bucket,
            self.kms_key_arn,
            {} if subnets is None else subnets,
            self._groups,
            checked.get("permissions_boundary_arn"),
            checked["alarm_topic_arns"],
            checked["tags"],
        )
        role = agent_role(self, f"{name}-agents", agents, place)
        self.agent_role_arn = role.role_arn
        self.auto_scaling_group_name = agent_group(self, f"{name}-agents", agents, role, place).auto_scaling_group_name
        if checked["alarm_topic_arns"]:
            agent_alarms(self, f"{name}-agents", agents, place)
