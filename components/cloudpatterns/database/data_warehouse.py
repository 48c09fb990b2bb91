"""A data warehouse that is paid by the second of its queries: Redshift Serverless.

Pattern: the choice of an analytics store (AWS Well-Architected Framework, performance efficiency: purpose-built data stores).
"""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import (
    Metric,
    MetricSearch,
    alarm,
    api_target,
    create_key,
    dropped_schedules_alarm,
    log_group,
    logs_statement,
    schedule,
    service_role,
)
from cloudpatterns.core import (
    Choice,
    Component,
    Keys,
    Matches,
    Problem,
    Statement,
    WorkloadStatementArgs,
    account_of,
    after,
    as_arguments,
    excludes,
    iam_statement,
    is_given,
    partition_of,
    region_of,
    statement_problems,
)
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    DeletionProtection,
    KmsKeyArn,
    LogRetentionDays,
    Port,
    SecurityGroupIds,
    Tags,
)
from cloudpatterns.database._shared import name_problems, notify_on_failed_rotation, unique_name

# https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-audit-logging.html
_LOGS = ("connectionlog", "useractivitylog", "userlog")
_PERIODS = ("daily", "weekly", "monthly")
_FEWEST_ZONES = 3
_RESERVED_NAMES = ("admin", "awsuser", "public", "rdsdb")
_MOST_RPUS = 1024


class DataWarehouseUsageLimitArgs(TypedDict):
    """What the warehouse may compute in a day, week or month."""

    rpu_hours: Annotated[int, Field(ge=1)]
    """Redshift Processing Units times hours: 8 units for two hours of queries are 16."""
    action: NotRequired[Annotated[str, Choice("emit-metric", "deactivate", "log"), Field(default="emit-metric")]]
    """What happens at the limit: ``emit-metric`` reports it to ``alarm_topic_arns``, ``deactivate`` also refuses queries until the period
    ends, ``log`` writes a line into ``sys_query_history``."""


class DataWarehouseOptions(TypedDict):
    """What a user tunes of a ``DataWarehouse``."""

    database_name: Annotated[str, Matches(r"[a-z_][a-z0-9_$]{0,63}", "1 to 64 lower-case letters, digits and underscores such as sales")]
    """Name of the first database. Another one replaces the warehouse, with its data."""
    admin_username: NotRequired[
        Annotated[
            str, Field(default="dbadmin"), Matches(r"[a-z][a-z0-9_]{0,126}", "lower-case letters, digits and underscores such as dba")
        ]
    ]
    """Name of the administrator, whose password Secrets Manager creates and rotates."""
    base_capacity_rpus: NotRequired[Annotated[int, Field(ge=4, le=_MOST_RPUS)]]
    """Redshift Processing Units with which queries start: 4, or 8 and its multiples. Not with ``price_performance_level``. Default: 8."""
    price_performance_level: NotRequired[Annotated[int, Choice(1, 25, 50, 75, 100)]]
    """Lets AWS choose the units: 1 for the lowest cost, 100 for the fastest queries. Default: ``base_capacity_rpus``."""
    max_capacity_rpus: NotRequired[Annotated[int, Field(ge=4, le=_MOST_RPUS)]]
    """Most units that the warehouse scales to, so the most that an hour costs. Default: that of AWS."""
    usage_limits: NotRequired[
        Annotated[dict[str, DataWarehouseUsageLimitArgs], Keys("|".join(_PERIODS), "one of daily, weekly and monthly"), Field(default={})]
    ]
    """Limits of the computing time by period: ``daily``, ``weekly``, ``monthly``."""
    max_query_seconds: NotRequired[Annotated[int, Field(default=14_400, ge=1, le=86_400)]]
    """Ends a query that runs longer. When the warehouse is created; later, change it with ``aws redshift-serverless update-workgroup``."""
    case_sensitive_identifiers: NotRequired[Annotated[bool, Field(default=False)]]
    """Keeps the case of names of tables and columns, as a zero-ETL integration needs it. When the warehouse is created, as
    ``max_query_seconds``."""
    port: NotRequired[Annotated[Port, Field(default=5439)]]
    """Port, 5431 to 5455 or 8191 to 8215."""
    snapshot_schedule: NotRequired[
        Annotated[str, Matches(r"(cron|rate)\(.+\)", "a schedule such as cron(0 2 * * ? *)"), Field(default="cron(0 2 * * ? *)")]
    ]
    """When a snapshot is taken, in UTC. AWS's own recovery points, of each half hour, are gone after a day."""
    snapshot_retention_days: NotRequired[Annotated[int, Field(default=35, ge=1, le=3653)]]
    """Days that each snapshot is kept, the last ones after the warehouse is gone."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs of connections, users and statements are kept. Statements contain what is written in them."""
    deletion_protection: NotRequired[DeletionProtection]
    """Pulumi refuses to delete or replace the warehouse; Redshift Serverless has no protection of its own."""


class DataWarehouseArgs(DataWarehouseOptions):
    """Arguments of ``DataWarehouse``: its options, and what it stands among."""

    subnet_ids_by_zone: Annotated[dict[str, pulumi.Input[str]], Field(min_length=_FEWEST_ZONES)]
    """Subnets in three zones or more, each with 37 free addresses. COPY and UNLOAD reach S3 through them: they need a gateway endpoint, as
    private subnets of ``Network`` have."""
    security_group_ids: SecurityGroupIds
    """Security groups that admit the callers and nobody else, with egress to S3 on 443 for COPY and UNLOAD."""
    load_statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What COPY, UNLOAD and external tables may do (read a bucket, decrypt with its key): becomes a role, the default of the warehouse, so
    that SQL says ``iam_role default``."""
    iam_role_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[], max_length=49)]]
    """Existing roles that SQL may name as well; they trust ``redshift.amazonaws.com`` and ``redshift-serverless.amazonaws.com``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key for data, snapshots, logs and the password; its policy must let CloudWatch Logs use it. Default: a new key, which stays when the
    warehouse goes, because the snapshots cannot be read without it."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of a snapshot that was not taken, a usage limit, a warehouse at ``max_capacity_rpus``, and a failed rotation of
    the password, which needs a trail of management events. Their policies must let ``events.amazonaws.com`` publish."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class DataWarehouse(Component):
    """A data warehouse on Redshift Serverless: private, encrypted, logged, with daily snapshots (AWS Well-Architected, analytics choice).

    Creates a namespace (databases, key, users) and a workgroup (computing). It accepts TLS connections from the VPC alone, loads and
    unloads through the VPC (enhanced VPC routing), exports all three logs into groups with a retention, and takes snapshots on schedule.
    The administrator's password is in Secrets Manager alone. People and applications log in through IAM, without a password::

        "statements": warehouse.connect_statements()

    and ``redshift_connector.connect(iam=True, is_serverless=True, serverless_work_group=...)``, or ``get-credentials`` of the AWS CLI.

    **Use when**: reports read millions of rows of many tables, at times, and other stores have other work.

    **Not when**: applications read and write single rows (``RelationalDatabase``, DynamoDB), or files in S3 and Athena are enough.

    **Cost drivers**: units times seconds of queries, a minute at least; ``max_capacity_rpus`` and ``usage_limits`` are the ceiling; storage
    and snapshots.

    **Trade-offs**: nothing to pay while nobody asks; the first query after a pause waits. One copy of the data, in one Region.

    **Proven by**: controls ``redshift-private``, ``redshift-tls-required``, ``redshift-audit-log``, ``redshift-vpc-routing``,
    ``redshift-customer-key``, ``redshift-password-not-in-state``; ``test_data_warehouse.py``.
    """

    endpoint: pulumi.Output[str]
    """Address and port, ``host:port``."""
    address: pulumi.Output[str]
    """Host name, which has private addresses."""
    port: pulumi.Output[int]
    """Port."""
    database_name: pulumi.Output[str]
    """Name of the first database."""
    workgroup_name: pulumi.Output[str]
    """Name of the workgroup, for logins and for the Data API."""
    workgroup_arn: pulumi.Output[str]
    """ARN of the workgroup."""
    namespace_name: pulumi.Output[str]
    """Name of the namespace."""
    namespace_arn: pulumi.Output[str]
    """ARN of the namespace."""
    secret_arn: pulumi.Output[str]
    """ARN of the secret with the administrator's password."""
    load_role_arn: pulumi.Output[str]
    """ARN of the role of COPY and UNLOAD. Empty without ``load_statements``."""
    kms_key_arn: pulumi.Output[str]
    """ARN of the key."""
    log_group_names: pulumi.Output[list[str]]
    """Log groups of connections, statements and users."""

    def __init__(self, name: str, args: DataWarehouseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        names = {"schedules": 64, "snapshots": 64}
        checked = self.begin(name, args, opts, problems=lambda given: _problems(name, given), names=names)
        self._checked = checked
        self._group = aws.scheduler.ScheduleGroup(f"{name}-schedules", tags=checked["tags"], opts=self.child())
        self.kms_key_arn = self._key(name)
        identifier = unique_name(self._group.name, f"{name}-schedules", name)
        namespace = self._namespace(name, identifier)
        workgroup = self._workgroup(name, identifier, namespace)
        self.namespace_name, self.namespace_arn = namespace.namespace_name, namespace.arn
        self.workgroup_name, self.workgroup_arn = workgroup.workgroup_name, workgroup.arn
        self.database_name = pulumi.Output.from_input(checked["database_name"])
        self.address = workgroup.endpoints.apply(lambda endpoints: endpoints[0].address or "")
        self.port = workgroup.port
        self.endpoint = pulumi.Output.concat(self.address, ":", workgroup.port.apply(str))
        self.secret_arn = namespace.admin_password_secret_arn
        self._snapshots(name, namespace)
        self._limits(name, workgroup)
        self._capacity_alarm(name, workgroup)
        notify_on_failed_rotation(self, f"{name}-rotation-failed", self.secret_arn, checked["alarm_topic_arns"], checked["tags"])
        self.register()

    def connect_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to log in as a database user of its own, ``IAMR:<role>``, to whom an administrator grants rights."""
        # https://docs.aws.amazon.com/redshift/latest/mgmt/generating-iam-credentials-role-permissions.html
        actions = ["redshift-serverless:GetCredentials", "redshift-serverless:GetWorkgroup"]
        return as_arguments([Statement(sid="WarehouseLogin", actions=actions, resources=[self.workgroup_arn])])

    def data_api_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs beside ``connect_statements`` to start statements through the Data API, which needs no network."""
        actions = ["redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement"]
        return as_arguments([Statement(sid="WarehouseDataApi", actions=actions, resources=[self.workgroup_arn])])

    def result_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs beside ``data_api_statements`` to wait for the statements that it has started, end them and read results."""
        # They have no resource types: https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-iam.html
        own = {"StringEquals": {"redshift-data:statement-owner-iam-userid": ["${aws:userid}"]}}
        actions = [f"redshift-data:{action}" for action in ("CancelStatement", "DescribeStatement", "GetStatementResult")]
        return as_arguments([Statement(sid="WarehouseResults", actions=actions, resources=["*"], conditions=own)])

    def _key(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)
        # Redshift and Secrets Manager use the key through grants of whoever creates the namespace.
        logs = [logs_statement(self._group.arn, "/aws/redshift/*")]
        return create_key(self, f"{name}-key", f"Data warehouse {name}", logs, tags=self._checked["tags"], retain_on_delete=True)

    def _namespace(self, name: str, identifier: pulumi.Output[str]) -> aws.redshiftserverless.Namespace:
        checked, roles = self._checked, list(self._checked["iam_role_arns"])
        groups = [
            log_group(
                self,
                f"{name}-logs-{log}",
                checked["log_retention_days"],
                name=pulumi.Output.concat("/aws/redshift/", identifier, "/", log),
                kms_key_arn=self.kms_key_arn,
                tags=checked["tags"],
            )
            for log in _LOGS
        ]
        self.log_group_names = pulumi.Output.all(*[group.name for group in groups])
        self.load_role_arn = pulumi.Output.from_input("")
        if checked["load_statements"]:
            self.load_role_arn = self._load_role(name)
        return aws.redshiftserverless.Namespace(
            f"{name}-namespace",
            # Redshift takes a log group that is there, and creates one that is kept for ever otherwise.
            namespace_name=after(identifier, *groups),
            db_name=checked["database_name"],
            admin_username=checked["admin_username"],
            manage_admin_password=True,
            admin_password_secret_kms_key_id=self.kms_key_arn,
            kms_key_id=self.kms_key_arn,
            log_exports=list(_LOGS),
            # The default role must stand among the roles. An empty list takes the last role away; without one it would stay.
            iam_roles=[*([self.load_role_arn] if checked["load_statements"] else []), *roles],
            default_iam_role_arn=self.load_role_arn if checked["load_statements"] else None,
            tags=checked["tags"],
            # The name is fixed, so a replacement cannot stand beside the old one.
            opts=self.child(protect=checked["deletion_protection"], delete_before_replace=True),
        )

    def _load_role(self, name: str) -> pulumi.Output[str]:
        statements = [iam_statement(statement) for statement in self._checked["load_statements"]]
        # Both: https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-security-other-services.html
        return service_role(
            self,
            f"{name}-load",
            ("redshift-serverless.amazonaws.com", "redshift.amazonaws.com"),
            f"COPY, UNLOAD and external tables of {name}",
            statements={f"{name}-load-policy": statements},
            # Where Redshift sends the account, it is this one. AWS does not say that it does, and names no ARN that it would send.
            conditions={"StringEqualsIfExists": {"aws:SourceAccount": account_of(self._group.arn)}},
            tags=self._checked["tags"],
        ).arn

    def _workgroup(
        self, name: str, identifier: pulumi.Output[str], namespace: aws.redshiftserverless.Namespace
    ) -> aws.redshiftserverless.Workgroup:
        checked, level, base = self._checked, self._checked.get("price_performance_level"), self._checked.get("base_capacity_rpus")
        # A new workgroup without either gets a level of 50.
        capacity: dict[str, Any] = {"base_capacity": 8 if base is None else base, "price_performance_target": {"enabled": False}}
        if level is not None:
            capacity = {"price_performance_target": {"enabled": True, "level": level}}
        return aws.redshiftserverless.Workgroup(
            f"{name}-workgroup",
            workgroup_name=identifier,
            namespace_name=namespace.namespace_name,
            **capacity,
            max_capacity=checked.get("max_capacity_rpus"),
            publicly_accessible=False,
            enhanced_vpc_routing=True,
            subnet_ids=list(checked["subnet_ids_by_zone"].values()),
            security_group_ids=checked["security_group_ids"],
            port=checked["port"],
            config_parameters=[{"parameter_key": key, "parameter_value": value} for key, value in _parameters(checked).items()],
            tags=checked["tags"],
            # AWS returns one more parameter, which the provider refuses to declare, and refuses an update with the same values:
            # https://github.com/hashicorp/terraform-provider-aws/issues/49939
            opts=self.child(delete_before_replace=True, ignore_changes=["configParameters"]),
        )

    def _snapshots(self, name: str, namespace: aws.redshiftserverless.Namespace) -> None:
        checked, group = self._checked, self._group
        place = pulumi.Output.concat(
            "arn:", partition_of(group.arn), ":redshift-serverless:", region_of(group.arn), ":", account_of(group.arn), ":snapshot/*"
        )
        role = service_role(
            self,
            f"{name}-snapshots",
            "scheduler.amazonaws.com",
            f"Takes snapshots of {name}",
            statements={
                f"{name}-snapshots-policy": [
                    Statement(sid="Snapshot", actions=["redshift-serverless:CreateSnapshot"], resources=[namespace.arn, place])
                ]
            },
            conditions={"StringEquals": {"aws:SourceAccount": account_of(group.arn)}, "ArnEquals": {"aws:SourceArn": group.arn}},
            tags=checked["tags"],
        )
        schedule(
            self,
            f"{name}-snapshot",
            group=group,
            expression=checked["snapshot_schedule"],
            time_zone="Etc/UTC",
            target_arn=api_target(group.arn, "redshiftserverless", "createSnapshot"),
            target_input={
                "NamespaceName": namespace.namespace_name,
                # A name of its own each time: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
                "SnapshotName": pulumi.Output.concat(namespace.namespace_name, "-<aws.scheduler.execution-id>"),
                "RetentionPeriod": checked["snapshot_retention_days"],
            },
            role_arn=role.arn,
            # The namespace refuses a snapshot while something else changes it.
            retry_seconds=4 * 3600,
        )
        if checked["alarm_topic_arns"]:
            description = f"A snapshot of {name} was not taken: beyond a day, the data of the warehouse cannot be restored"
            dropped_schedules_alarm(self, f"{name}-snapshot-failed", description, group, checked["alarm_topic_arns"], checked["tags"])

    def _limits(self, name: str, workgroup: aws.redshiftserverless.Workgroup) -> None:
        checked = self._checked
        last: Sequence[pulumi.Resource] = ()
        for period in (one for one in _PERIODS if one in checked["usage_limits"]):
            limit = checked["usage_limits"][period]
            made = aws.redshiftserverless.UsageLimit(
                f"{name}-limit-{period}",
                resource_arn=workgroup.arn,
                usage_type="serverless-compute",
                amount=limit["rpu_hours"],
                period=period,
                breach_action=limit["action"],
                # A workgroup takes one change at a time.
                opts=self.child(depends_on=list(last)),
            )
            last = [made]
            if checked["alarm_topic_arns"] and limit["action"] != "log":
                refuses = limit["action"] == "deactivate"
                effect = "it refuses queries until the period ends" if refuses else "it goes on, and so do its costs"
                # By the name of the limit alone: other dimensions of the metric are AWS's own.
                search = pulumi.Output.concat(
                    'SELECT MAX(UsageLimitConsumed) FROM "AWS/Redshift-Serverless" WHERE UsageLimitId = \'', made.id, "'"
                )
                alarm(
                    self,
                    f"{name}-limit-{period}-reached",
                    f"{name} has computed its {period} limit of {limit['rpu_hours']} RPU-hours: {effect}",
                    MetricSearch(search),
                    limit["rpu_hours"],
                    comparison="GreaterThanOrEqualToThreshold",
                    period_seconds=300,
                    actions=checked["alarm_topic_arns"],
                    tags=checked["tags"],
                )

    def _capacity_alarm(self, name: str, workgroup: aws.redshiftserverless.Workgroup) -> None:
        checked, most = self._checked, self._checked.get("max_capacity_rpus")
        if most is None or not checked["alarm_topic_arns"]:
            return
        alarm(
            self,
            f"{name}-at-capacity",
            f"{name} has been at its {most} units for half an hour: queries wait for one another",
            Metric("AWS/Redshift-Serverless", "ComputeCapacity", {"Workgroup": workgroup.workgroup_name}, "Minimum"),
            most,
            comparison="GreaterThanOrEqualToThreshold",
            period_seconds=300,
            periods=6,
            actions=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )


def _parameters(checked: DataWarehouseArgs) -> dict[str, str]:
    """All parameters that AWS returns and the provider knows: with fewer, the second update would show a change."""
    return {
        "auto_mv": "true",
        "datestyle": "ISO, MDY",
        "enable_case_sensitive_identifier": "true" if checked["case_sensitive_identifiers"] else "false",
        "enable_user_activity_logging": "true",
        "max_query_execution_time": str(checked["max_query_seconds"]),
        "query_group": "default",
        "require_ssl": "true",
        "search_path": "$user, public",
        "use_fips_ssl": "false",
    }


def _problems(name: str, checked: DataWarehouseArgs) -> Iterator[Problem]:
    yield from name_problems(name)
    if checked["admin_username"] in _RESERVED_NAMES:
        yield "admin_username", f"is {checked['admin_username']!r}, which is AWS's default or reserved. Use another, such as dbadmin."
    yield from excludes(checked, "price_performance_level", "base_capacity_rpus", why="AWS chooses the units by the level")
    for argument in ("base_capacity_rpus", "max_capacity_rpus"):
        units = checked.get(argument)
        if units is not None and units > 4 and units % 8:
            near = 8 * math.ceil(units / 8)
            yield argument, f"is {units}; more than 4 units are a multiple of 8. Use {near}."
    base, most = checked.get("base_capacity_rpus"), checked.get("max_capacity_rpus")
    least = None if is_given(checked, "price_performance_level") else 8 if base is None else base
    if most is not None and least is not None and most < least:
        yield "max_capacity_rpus", f"is {most}, less than the {least} units of base_capacity_rpus. Raise it, or lower base_capacity_rpus."
    if not (5431 <= checked["port"] <= 5455 or 8191 <= checked["port"] <= 8215):
        yield "port", f"is {checked['port']}; Redshift Serverless has 5431 to 5455 and 8191 to 8215. Leave it out for 5439."
    yield from statement_problems(checked["load_statements"], "load_statements")
