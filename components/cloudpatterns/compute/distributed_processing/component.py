"""Jobs over large data, from an input bucket to an output bucket, that can be tried again whole.

Pattern: "distributed processing of large data" (AWS Well-Architected).
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    ServiceRole,
    api_target,
    create_key,
    dead_letter_queue,
    log_group,
    logs_statement,
    notify_on_event,
    schedule,
    service_role,
)
from cloudpatterns.blocks.fargate import pull_statements
from cloudpatterns.blocks.security_group import GROUP_DELETION, INTERNET, cidr_peer, egress_rule, security_group
from cloudpatterns.compute.distributed_processing.access import Store, read_statements, write_statements
from cloudpatterns.compute.distributed_processing.arguments import DistributedProcessingArgs, ProcessingBucket, child_names, problems
from cloudpatterns.compute.distributed_processing.batch import Placement, job_definition, job_queue
from cloudpatterns.core import Component, Statement, WorkloadStatementArgs, account_of, after, as_arguments, by_name, iam_statement, pick
from cloudpatterns.storage import DurableBucket

_BATCH, _SPARK = "ecs-tasks.amazonaws.com", "emr-serverless.amazonaws.com"
_SCHEDULE_RETRY_SECONDS = 3600


class DistributedProcessing(Component):
    """Jobs over large data between an input and an output bucket, in private subnets (AWS Well-Architected, distributed processing).

    With ``jobs``, AWS Batch runs containers on Fargate Spot, and on Fargate once Spot is full; a job whose worker is lost is tried again,
    an error of the application is not. With ``spark``, jobs of Spark or Hive run in an application of EMR Serverless.

    Jobs read the input and add to the output; they can neither change the input nor delete output. So a job can be tried again whole: it
    writes under a prefix of its attempt, and publishes by one last object that names what it wrote, created only if it is not there yet.
    ``examples/distributed_processing/app`` does so. On SIGTERM, which Fargate Spot sends two minutes before it takes the worker, a job ends
    with another code than 0: 0 would count as success. Only jobs of Spark and Hive may delete output, as both remove their temporary
    objects when they commit; a new output bucket keeps the versions before.

    **Use when**: files can be processed apart from each other or by Spark, in minutes to hours, and nobody waits for the answer.

    **Not when**: each file takes seconds (``QueueWorker``), or events are to be processed as they come (``EventStream``).

    **Cost drivers**: vCPU and memory for as long as jobs run, Spot at about a third; stored data with its old versions, one key, logs.

    **Trade-offs**: Fargate has no GPU and 16 vCPU at most; Spot takes workers away; what lost attempts wrote is paid for until
    ``output_retention_days``. An application of EMR Serverless can be changed and destroyed only while it is stopped:
    ``aws emr-serverless stop-application`` or ``idle_minutes`` first.

    **Proven by**: controls ``s3-tls-only``, ``s3-kms``, ``batch-no-secret-in-environment``; ``test_distributed_processing.py``, which kills
    the sample job in the middle and runs it again.
    """

    job_queue_arn: pulumi.Output[str]
    """ARN of the job queue, available after the job definitions. Empty with ``spark``."""
    job_queue_name: pulumi.Output[str]
    """Name of the job queue. Empty with ``spark``."""
    job_definition_names: pulumi.Output[dict[str, str]]
    """Names of the job definitions by job: without a revision, a submission takes the newest. Empty with ``spark``."""
    application_id: pulumi.Output[str]
    """Id of the application of EMR Serverless. Empty with ``jobs``."""
    application_arn: pulumi.Output[str]
    """ARN of the application of EMR Serverless. Empty with ``jobs``."""
    input_bucket_name: pulumi.Output[str]
    """The bucket that jobs read."""
    input_bucket_arn: pulumi.Output[str]
    """ARN of the bucket that jobs read."""
    output_bucket_name: pulumi.Output[str]
    """The bucket that jobs add to."""
    output_bucket_arn: pulumi.Output[str]
    """ARN of the bucket that jobs add to."""
    job_role_arn: pulumi.Output[str]
    """The role of the jobs, available after its policies."""
    execution_role_arn: pulumi.Output[str]
    """The role with which Fargate pulls images, reads secrets and writes logs. Empty with ``spark``."""
    security_group_id: pulumi.Output[str]
    """The new security group of the workers, for rules of what they may reach. Empty with ``security_group_ids``."""
    log_group_name: pulumi.Output[str]
    """The log group of what jobs print."""
    kms_key_arn: pulumi.Output[str]
    """The key of new buckets and of the logs."""

    def __init__(self, name: str, args: DistributedProcessingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=partial(problems, name), names=child_names)
        given = checked.get("kms_key_arn")
        self.kms_key_arn = pulumi.Output.from_input(self._key(name) if given is None else given)
        self._stores(name)
        self._logs = log_group(self, f"{name}-logs", checked["log_retention_days"], kms_key_arn=self.kms_key_arn, tags=checked["tags"])
        self.log_group_name = self._logs.name
        groups, rules = self._groups(name)
        role = self._job_role(name)
        self.job_role_arn = role.arn
        self.job_definition_names = by_name({})
        empty = pulumi.Output.from_input("")
        self.job_queue_arn = self.job_queue_name = self.application_id = self.application_arn = self.execution_role_arn = empty
        if checked["jobs"]:
            self._batch(name, role, groups, rules)
        else:
            self._spark(name, role, groups, rules)
        self.register()

    def submit_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to submit jobs and to follow them, for the ``statements`` of a function or a ``WorkloadRole``."""
        if self._checked["jobs"]:
            return as_arguments(
                [
                    self._submit(),
                    # Neither action can be limited to resources.
                    Statement(sid="FollowJobs", actions=["batch:DescribeJobs", "batch:ListJobs"], resources=["*"]),
                ]
            )
        runs = pulumi.Output.concat(self.application_arn, "/jobruns/*")
        return as_arguments(
            [
                Statement(sid="SubmitJobs", actions=["emr-serverless:StartJobRun"], resources=[self.application_arn]),
                Statement(sid="FollowJobs", actions=["emr-serverless:CancelJobRun", "emr-serverless:GetJobRun"], resources=[runs]),
                Statement(
                    sid="PassJobRole",
                    actions=["iam:PassRole"],
                    resources=[self.job_role_arn],
                    conditions={"StringEquals": {"iam:PassedToService": _SPARK}},
                ),
            ]
        )

    def input_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to add input, for the ``statements`` of a function or a ``WorkloadRole``."""
        return as_arguments(write_statements(self._input, "AddInput"))

    def output_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to read output, for the ``statements`` of a function or a ``WorkloadRole``."""
        return as_arguments(read_statements(self._output, "ReadOutput"))

    def _key(self, name: str) -> pulumi.Output[str]:
        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            return [logs_statement(key_arn, f"{name}-logs*")]

        return create_key(self, f"{name}-key", f"Input, output and logs of {name}", statements, tags=self._checked["tags"])

    def _stores(self, name: str) -> None:
        checked = self._checked
        log_bucket = checked.get("log_bucket_name")
        self._input, first = self._store(f"{name}-input", checked.get("existing_input_bucket"), checked["input_prefix"], log_bucket)
        if log_bucket is None and first is not None:
            # One log target for both.
            log_bucket = first.log_bucket_name
        self._output, _ = self._store(
            f"{name}-output",
            checked.get("existing_output_bucket"),
            checked["output_prefix"],
            log_bucket,
            retention_days=checked.get("output_retention_days"),
        )
        self.input_bucket_name, self.input_bucket_arn = self._input.bucket_name, self._input.bucket_arn
        self.output_bucket_name, self.output_bucket_arn = self._output.bucket_name, self._output.bucket_arn

    def _store(
        self, child_name: str, existing: ProcessingBucket | None, prefix: str, log_bucket: pulumi.Input[str] | None, **options: Any
    ) -> tuple[Store, DurableBucket | None]:
        if existing is not None:
            arn = pulumi.Output.from_input(existing["arn"])
            return Store(arn, arn.apply(lambda text: text.split(":")[-1]), prefix, existing.get("kms_key_arn")), None
        given = {key: value for key, value in {**options, "log_bucket_name": log_bucket}.items() if value is not None}
        bucket = DurableBucket(
            child_name,
            {"kind": "data", "kms_key_arn": self.kms_key_arn, **pick(self._checked, "force_destroy", "tags"), **given},
            self.child(),
        )
        return Store(bucket.bucket_arn, bucket.bucket_name, prefix, self.kms_key_arn), bucket

    def _groups(self, name: str) -> tuple[list[pulumi.Input[str]], list[pulumi.Resource]]:
        """The security groups of the workers, and the rules of a new one."""
        checked = self._checked
        vpc_id = checked.get("vpc_id")
        if vpc_id is None:
            self.security_group_id = pulumi.Output.from_input("")
            return [*checked["security_group_ids"]], []
        # Batch takes its time to remove the interfaces of the last tasks.
        group = security_group(self, f"{name}-workers", vpc_id, f"Workers of {name}", checked["tags"], custom_timeouts=GROUP_DELETION)
        peers: dict[str, tuple[Mapping[str, pulumi.Input[str]], str]] = {}
        if (cidr := checked.get("endpoint_cidr")) is not None:
            peers["endpoints"] = cidr_peer(cidr), "Interface endpoints of the VPC"
        if (prefix_list_id := checked.get("s3_prefix_list_id")) is not None:
            peers["s3"] = {"prefix_list_id": prefix_list_id}, "S3 through its gateway endpoint"
        if checked["internet_egress"]:
            peers["internet"] = INTERNET["ipv4"], "HTTPS to the internet through the NAT"
        rules: list[pulumi.Resource] = [
            egress_rule(self, f"{name}-workers-to-{key}", group.id, 443, peer, words, checked["tags"])
            for key, (peer, words) in peers.items()
        ]
        self.security_group_id = after(group.id, *rules)
        return [group.id], rules

    def _job_role(self, name: str) -> ServiceRole:
        """The role of the jobs: it reads the input, adds to the output and reads it, and does what ``statements`` say."""
        checked = self._checked
        statements = [
            *read_statements(self._input, "Input"),
            # Spark and Hive delete their temporary objects when they commit.
            # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/security-iam-runtime-role.html
            *write_statements(self._output, "Output", deletes=not checked["jobs"]),
            *read_statements(self._output, "Published"),
            *[iam_statement(statement) for statement in checked["statements"]],
        ]
        if not checked["jobs"]:
            streams = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
            group = pulumi.Output.concat(self._logs.arn, ":*")
            # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html
            statements += [
                Statement(sid="Logs", actions=streams, resources=[group]),
                Statement(sid="LogGroups", actions=["logs:DescribeLogGroups"], resources=["*"]),
            ]
        return self._role(f"{name}-job-role", f"Jobs of {name}", _BATCH if checked["jobs"] else _SPARK, {f"{name}-job-policy": statements})

    def _role(self, child_name: str, description: str, service: str, statements: Mapping[str, list[Statement]]) -> ServiceRole:
        return service_role(
            self,
            child_name,
            service,
            description,
            statements=statements,
            # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
            conditions={"StringEquals": {"aws:SourceAccount": account_of(self._logs.arn)}},
            permissions_boundary_arn=self._checked.get("permissions_boundary_arn"),
            tags=self._checked["tags"],
        )

    def _batch(self, name: str, role: ServiceRole, groups: list[pulumi.Input[str]], rules: list[pulumi.Resource]) -> None:
        checked = self._checked
        execution = self._execution_role(name)
        placement = Placement(groups, role.arn, execution.arn, self._logs.name, self._locations(), [*role.policies, *execution.policies])
        queue = job_queue(self, name, checked, placement)
        definitions = {
            job: job_definition(self, f"{name}-job-{job}", options, placement, checked["tags"]) for job, options in checked["jobs"].items()
        }
        # Jobs that are submitted before the rules are there would fail to pull their image.
        self.job_queue_arn, self.job_queue_name = after(queue.arn, *definitions.values(), *rules), queue.name
        self.job_definition_names = by_name({job: definition.name for job, definition in definitions.items()})
        self._definition_arns = [definition.arn_prefix for definition in definitions.values()]
        self.execution_role_arn = execution.arn
        self._schedules(name, definitions)
        self._batch_events(name, queue)

    def _locations(self) -> dict[str, pulumi.Input[str]]:
        """The variables that tell a job where its data is.

        Batch drops variables without a value: https://github.com/hashicorp/terraform-provider-aws/issues/26960
        """
        prefixes = {"INPUT_PREFIX": self._input.prefix, "OUTPUT_PREFIX": self._output.prefix}
        return {
            "INPUT_BUCKET": self._input.bucket_name,
            "OUTPUT_BUCKET": self._output.bucket_name,
            **{variable: prefix for variable, prefix in prefixes.items() if prefix},
        }

    def _execution_role(self, name: str) -> ServiceRole:
        """The role with which Fargate starts jobs, apart from that of the jobs: what it may read, they may not."""
        jobs = self._checked["jobs"].values()
        statements = pull_statements([job["image"] for job in jobs], self._logs.arn)
        references = [arn for job in jobs for _, arn in sorted(job["secrets"].items())]
        for sid, action, service in (
            ("Secrets", "secretsmanager:GetSecretValue", "secretsmanager"),
            ("Parameters", "ssm:GetParameters", "ssm"),
        ):
            # One that is known later may be either: the other action grants nothing on it.
            arns = [_without_key(arn) for arn in references if not isinstance(arn, str) or arn.split(":")[2] == service]
            if arns:
                statements.append(Statement(sid=sid, actions=[action], resources=arns))
        if keys := self._checked["secret_kms_key_arns"]:
            statements.append(Statement(sid="SecretKeys", actions=["kms:Decrypt"], resources=keys))
        return self._role(f"{name}-execution-role", f"Starts the jobs of {name}", _BATCH, {f"{name}-execution-policy": statements})

    def _submit(self) -> Statement:
        definitions = [resource for arn in self._definition_arns for resource in (arn, pulumi.Output.concat(arn, ":*"))]
        return Statement(sid="SubmitJobs", actions=["batch:SubmitJob"], resources=[self.job_queue_arn, *definitions])

    def _schedules(self, name: str, definitions: Mapping[str, aws.batch.JobDefinition]) -> None:
        checked = self._checked
        if not checked["schedules"]:
            return
        group = aws.scheduler.ScheduleGroup(f"{name}-schedules", tags=checked["tags"], opts=self.child())
        topics = checked["alarm_topic_arns"]
        parked = dead_letter_queue(self, f"{name}-unsubmitted", self.kms_key_arn, None, topics, checked["tags"], what="Submissions")
        # Scheduler sends to the queue as the role: https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
        park = [
            Statement(sid="Park", actions=["sqs:SendMessage"], resources=[parked.arn]),
            Statement(sid="ParkKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.kms_key_arn]),
        ]
        role = service_role(
            self,
            f"{name}-schedule-role",
            "scheduler.amazonaws.com",
            f"Submits the jobs of {name}",
            statements={f"{name}-schedule-policy": [self._submit(), *park]},
            # The group, not the schedule: https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
            conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn)}, "ArnEquals": {"aws:SourceArn": group.arn}},
            permissions_boundary_arn=checked.get("permissions_boundary_arn"),
            tags=checked["tags"],
        )
        for key, options in checked["schedules"].items():
            size, share = options.get("array_size"), options.get("share_identifier")
            schedule(
                self,
                f"{name}-schedule-{key}",
                group=group,
                expression=options["schedule_expression"],
                time_zone=options["time_zone"],
                target_arn=api_target(group.arn, "batch", "submitJob"),
                target_input={
                    "JobName": key,
                    "JobQueue": self.job_queue_arn,
                    "JobDefinition": definitions[options["job"]].name,
                    **({} if size is None else {"ArrayProperties": {"Size": size}}),
                    **({"Parameters": options["parameters"]} if options["parameters"] else {}),
                    **({} if share is None else {"ShareIdentifier": share}),
                },
                role_arn=role.arn,
                retry_seconds=_SCHEDULE_RETRY_SECONDS,
                dead_letter_arn=parked.arn,
            )

    def _batch_events(self, name: str, queue: aws.batch.JobQueue) -> None:
        # Of an array job the parent alone, not each of up to 10,000 children.
        # https://docs.aws.amazon.com/batch/latest/userguide/batch_job_events.html
        failed = {"status": ["FAILED"], "jobQueue": [queue.arn], "arrayProperties": {"index": [{"exists": False}]}}
        self._event(name, "failed", "Jobs that failed", "aws.batch", "Batch Job State Change", failed)
        # https://docs.aws.amazon.com/batch/latest/userguide/batch-job-queue-blocked-events.html
        self._event(name, "blocked", "Jobs stuck in RUNNABLE", "aws.batch", "Batch Job Queue Blocked", {"jobQueue": [queue.arn]})

    def _event(self, name: str, suffix: str, words: str, source: str, kind: str, detail: Mapping[str, Any]) -> None:
        if topics := self._checked["alarm_topic_arns"]:
            notify_on_event(
                self,
                f"{name}-{suffix}",
                f"{words} of {name}",
                pattern={"source": [source], "detail-type": [kind], "detail": detail},
                topic_arns=topics,
                tags=self._checked["tags"],
            )

    def _spark(self, name: str, role: ServiceRole, groups: list[pulumi.Input[str]], rules: list[pulumi.Resource]) -> None:
        spark = self._checked.get("spark")
        assert spark is not None
        application = aws.emrserverless.Application(
            f"{name}-application",
            type=spark["kind"],
            release_label=spark["release_label"],
            architecture=spark["architecture"].upper(),
            # Without it, a job takes as much as the account's quota allows.
            maximum_capacity={
                "cpu": f"{spark['maximum_vcpus']} vCPU",
                "memory": f"{spark['maximum_memory_gib']} GB",
                "disk": f"{spark['maximum_disk_gib']} GB",
            },
            auto_start_configuration={"enabled": True},
            auto_stop_configuration={"enabled": True, "idle_timeout_minutes": spark["idle_minutes"]},
            scheduler_configuration={
                "max_concurrent_runs": spark["maximum_concurrent_runs"],
                "queue_timeout_minutes": spark["queue_timeout_minutes"],
            },
            network_configuration={"subnet_ids": [*self._checked["subnet_ids_by_zone"].values()], "security_group_ids": groups},
            monitoring_configuration={
                "cloudwatch_logging_configuration": {"enabled": True, "log_group_name": self._logs.name, "log_stream_name_prefix": "job"}
            },
            tags=self._checked["tags"],
            opts=self.child(depends_on=[*role.policies]),
        )
        self.application_id, self.application_arn = after(application.id, *rules), after(application.arn, *rules)
        detail = {"state": ["FAILED"], "applicationId": [application.id]}
        self._event(name, "failed", "Jobs that failed", "aws.emr-serverless", "EMR Serverless Job Run State Change", detail)


def _without_key(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """The ARN of the secret, without the key in its JSON, the stage and the version; that of a parameter as it is."""
    return pulumi.Output.from_input(arn).apply(lambda text: ":".join(text.split(":")[:7]))
