"""DataWarehouse: no public endpoint, encrypted, logged, snapshots on schedule, limits, and every refusal."""

import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError, statement_problems
from cloudpatterns.database import DataWarehouse
from offline_preview.graph import Graph
from offline_preview.values import Secret

from tests.harness import record, refs

NAMESPACE, WORKGROUP = "aws:redshiftserverless/namespace:Namespace", "aws:redshiftserverless/workgroup:Workgroup"
ALARM, GROUP, LIMIT = (
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:redshiftserverless/usageLimit:UsageLimit",
)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
SUBNETS = {f"eu-west-1{zone}": f"subnet-{zone}" for zone in "abc"}
PLACE: Any = {"database_name": "sales", "subnet_ids_by_zone": SUBNETS, "security_group_ids": ["sg-1"]}
READ: Any = {"sid": "Landing", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::landing/*"]}


def warehouse(seen: dict[str, Any] | None = None, **args: Any) -> Graph:
    def program() -> None:
        made = DataWarehouse("sales", {**PLACE, **args})
        found = {
            "connect": made.connect_statements(),
            "data_api": made.data_api_statements(),
            "results": made.result_statements(),
            "endpoint": made.endpoint,
            "port": made.port,
            "role": made.load_role_arn,
            "secret": made.secret_arn,
        }
        if seen is not None:
            pulumi.Output.from_input(found).apply(seen.update)

    return record(program, mode="deployed")


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        warehouse(**args)
    return error.value.problems


def policy(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs["policy"])["Statement"]


def inputs(graph: Graph, type_: str) -> dict[str, Any]:
    return {key: value for key, value in graph.one(type_).inputs.items() if not key.startswith("__")}


def test_there_is_no_public_endpoint() -> None:
    graph = warehouse(tags={"team": "bi"})
    identifier = graph.one(NAMESPACE).inputs["namespaceName"]
    assert inputs(graph, WORKGROUP) == {
        "workgroupName": identifier,
        "namespaceName": identifier,
        "baseCapacity": 8,
        "pricePerformanceTarget": {"enabled": False},
        "publiclyAccessible": False,
        # COPY and UNLOAD go through the VPC.
        "enhancedVpcRouting": True,
        "subnetIds": list(SUBNETS.values()),
        "securityGroupIds": ["sg-1"],
        "port": 5439,
        "configParameters": [
            {"parameterKey": "auto_mv", "parameterValue": "true"},
            {"parameterKey": "datestyle", "parameterValue": "ISO, MDY"},
            {"parameterKey": "enable_case_sensitive_identifier", "parameterValue": "false"},
            {"parameterKey": "enable_user_activity_logging", "parameterValue": "true"},
            {"parameterKey": "max_query_execution_time", "parameterValue": "14400"},
            {"parameterKey": "query_group", "parameterValue": "default"},
            {"parameterKey": "require_ssl", "parameterValue": "true"},
            {"parameterKey": "search_path", "parameterValue": "$user, public"},
            {"parameterKey": "use_fips_ssl", "parameterValue": "false"},
        ],
        "tags": {"team": "bi"},
    }
    assert "sales-namespace" in refs(graph, graph.one(WORKGROUP), "namespaceName")
    assert graph.one(WORKGROUP).options["ignoreChanges"] == ["configParameters"]


def test_it_is_encrypted_and_its_password_is_nowhere() -> None:
    graph = warehouse()
    key = graph.named("sales-key")
    assert inputs(graph, NAMESPACE) == {
        "namespaceName": graph.one("aws:scheduler/scheduleGroup:ScheduleGroup").outputs["name"].replace("-schedules", ""),
        "dbName": "sales",
        "adminUsername": Secret("dbadmin"),
        "manageAdminPassword": True,
        "adminPasswordSecretKmsKeyId": key.outputs["arn"],
        "kmsKeyId": key.outputs["arn"],
        "logExports": ["connectionlog", "useractivitylog", "userlog"],
        "iamRoles": [],
        "tags": {},
    }
    assert refs(graph, graph.one(NAMESPACE), "kmsKeyId") == ["sales-key", "sales-key-policy"]
    # Snapshots outlive the warehouse, and cannot be read without it.
    assert key.options["retainOnDelete"] is True
    given = warehouse(kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/1")
    assert given.one(NAMESPACE).inputs["kmsKeyId"] == "arn:aws:kms:eu-west-1:123456789012:key/1"
    assert given.of_type("aws:kms/key:Key") == []


def test_its_logs_are_in_groups_with_a_retention() -> None:
    graph = warehouse(log_retention_days=30)
    name = graph.one(NAMESPACE).inputs["namespaceName"]
    groups = {group.name: (group.inputs["name"], group.inputs["retentionInDays"]) for group in graph.of_type(GROUP)}
    logs = ("connectionlog", "useractivitylog", "userlog")
    assert groups == {f"sales-logs-{log}": (f"/aws/redshift/{name}/{log}", 30) for log in logs}
    # They are there before the namespace writes.
    assert set(refs(graph, graph.one(NAMESPACE), "namespaceName")) >= set(groups)
    statement = policy(graph, "sales-key-policy")[1]
    assert statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"].endswith(":log-group:/aws/redshift/*")


def test_snapshots_are_taken_on_schedule() -> None:
    graph = warehouse(snapshot_retention_days=90, alarm_topic_arns=[TOPIC])
    namespace, group = graph.one(NAMESPACE), graph.one("aws:scheduler/scheduleGroup:ScheduleGroup")
    schedule = graph.named("sales-snapshot").inputs
    assert (schedule["scheduleExpression"], schedule["scheduleExpressionTimezone"]) == ("cron(0 2 * * ? *)", "Etc/UTC")
    assert schedule["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:redshiftserverless:createSnapshot"
    assert json.loads(schedule["target"]["input"]) == {
        "NamespaceName": namespace.outputs["namespaceName"],
        "SnapshotName": f"{namespace.outputs['namespaceName']}-<aws.scheduler.execution-id>",
        "RetentionPeriod": 90,
    }
    [statement] = policy(graph, "sales-snapshots-policy")
    assert statement["Action"] == ["redshift-serverless:CreateSnapshot"]
    assert statement["Resource"][0] == namespace.outputs["arn"]
    assert statement["Resource"][1].endswith(":123456789012:snapshot/*")
    trust = json.loads(graph.named("sales-snapshots").inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Condition"]["ArnEquals"] == {"aws:SourceArn": group.outputs["arn"]}
    assert graph.named("sales-snapshot-failed").inputs["dimensions"] == {"ScheduleGroup": group.outputs["name"]}


def test_copy_and_unload_have_a_role_of_their_own() -> None:
    seen: dict[str, Any] = {}
    graph = warehouse(seen, load_statements=[READ], iam_role_arns=["arn:aws:iam::123456789012:role/lake"])
    namespace = graph.one(NAMESPACE)
    assert namespace.inputs["iamRoles"] == [seen["role"], "arn:aws:iam::123456789012:role/lake"]
    assert namespace.inputs["defaultIamRoleArn"] == seen["role"]
    assert "sales-load-policy" in refs(graph, namespace, "defaultIamRoleArn")
    trust = json.loads(graph.named("sales-load").inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": ["redshift-serverless.amazonaws.com", "redshift.amazonaws.com"]}
    # It may not depend on keys that Redshift does not promise to send: COPY would be refused.
    assert trust["Condition"] == {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}
    assert policy(graph, "sales-load-policy") == [
        {"Sid": "Landing", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::landing/*"]}
    ]
    bare: dict[str, Any] = {}
    # Empty, not absent: the last role is taken away from a namespace that has one.
    assert warehouse(bare).one(NAMESPACE).inputs["iamRoles"] == []
    assert bare["role"] == ""


def test_callers_log_in_through_iam() -> None:
    seen: dict[str, Any] = {}
    arn = warehouse(seen).one(WORKGROUP).outputs["arn"]
    assert seen["connect"] == [
        {"sid": "WarehouseLogin", "actions": ["redshift-serverless:GetCredentials", "redshift-serverless:GetWorkgroup"], "resources": [arn]}
    ]
    [start] = seen["data_api"]
    assert start["actions"] == ["redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement"]
    assert start["resources"] == [arn]


def test_whoever_starts_a_statement_reads_its_own_result_alone() -> None:
    seen: dict[str, Any] = {}
    warehouse(seen)
    [own] = seen["results"]
    assert own == {
        "sid": "WarehouseResults",
        "actions": ["redshift-data:CancelStatement", "redshift-data:DescribeStatement", "redshift-data:GetStatementResult"],
        "resources": ["*"],
        "conditions": {"StringEquals": {"redshift-data:statement-owner-iam-userid": ["${aws:userid}"]}},
    }
    # A role takes them: the actions have no resource types.
    assert list(statement_problems(seen["results"])) == []


def test_costs_have_a_ceiling() -> None:
    limits: Any = {
        "monthly": {"rpu_hours": 600, "action": "deactivate"},
        "daily": {"rpu_hours": 60},
        "weekly": {"rpu_hours": 90, "action": "log"},
    }
    graph = warehouse(max_capacity_rpus=64, usage_limits=limits, alarm_topic_arns=[TOPIC])
    workgroup = graph.one(WORKGROUP)
    assert workgroup.inputs["maxCapacity"] == 64
    made = {one.name: one for one in graph.of_type(LIMIT)}
    assert {name: (one.inputs["period"], one.inputs["amount"], one.inputs["breachAction"]) for name, one in made.items()} == {
        "sales-limit-daily": ("daily", 60, "emit-metric"),
        "sales-limit-weekly": ("weekly", 90, "log"),
        "sales-limit-monthly": ("monthly", 600, "deactivate"),
    }
    # A workgroup takes one change at a time.
    assert made["sales-limit-daily"].urn in made["sales-limit-weekly"].dependencies
    reached = graph.named("sales-limit-monthly-reached").inputs
    assert (reached["threshold"], reached["comparisonOperator"]) == (600, "GreaterThanOrEqualToThreshold")
    assert reached["alarmDescription"] == (
        "sales has computed its monthly limit of 600 RPU-hours: it refuses queries until the period ends"
    )
    assert reached["metricQueries"] == [
        {
            "id": "result",
            "expression": 'SELECT MAX(UsageLimitConsumed) FROM "AWS/Redshift-Serverless" '
            f"WHERE UsageLimitId = '{made['sales-limit-monthly'].id}'",
            "label": "Result",
            "period": 300,
            "returnData": True,
        }
    ]
    assert "costs" in graph.named("sales-limit-daily-reached").inputs["alarmDescription"]
    capacity = graph.named("sales-at-capacity").inputs
    assert (capacity["metricName"], capacity["threshold"]) == ("ComputeCapacity", 64)
    assert capacity["dimensions"] == {"Workgroup": workgroup.outputs["workgroupName"]}
    assert {alarm.name for alarm in graph.of_type(ALARM)} >= {"sales-snapshot-failed", "sales-rotation-failed-undelivered-alarm"}
    # Without topics nothing is reported; a level lets AWS choose the units.
    assert warehouse(usage_limits=limits, max_capacity_rpus=64).of_type(ALARM) == []
    level = warehouse(price_performance_level=75).one(WORKGROUP).inputs
    assert level["pricePerformanceTarget"] == {"enabled": True, "level": 75}
    assert "baseCapacity" not in level


def test_deletion_is_refused_unless_it_is_asked_for() -> None:
    assert warehouse().one(NAMESPACE).options["protect"] is True
    assert warehouse(deletion_protection=False).one(NAMESPACE).options.get("protect") is False


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        ({"subnet_ids_by_zone": {"eu-west-1a": "subnet-a"}}, [("subnet_ids_by_zone", "has 1 entry; at least 3 are needed")]),
        (
            {"admin_username": "admin"},
            [("admin_username", "is 'admin', which is AWS's default or reserved. Use another, such as dbadmin.")],
        ),
        ({"base_capacity_rpus": 12}, [("base_capacity_rpus", "is 12; more than 4 units are a multiple of 8. Use 16.")]),
        (
            {"max_capacity_rpus": 4},
            [("max_capacity_rpus", "is 4, less than the 8 units of base_capacity_rpus. Raise it, or lower base_capacity_rpus.")],
        ),
        (
            {"base_capacity_rpus": 8, "price_performance_level": 50},
            [
                (
                    "price_performance_level",
                    "excludes base_capacity_rpus: AWS chooses the units by the level; both are given. Remove one of them.",
                )
            ],
        ),
        ({"price_performance_level": 60}, [("price_performance_level", "is 60; must be one of 1, 25, 50, 75, 100")]),
        ({"port": 5430}, [("port", "is 5430; Redshift Serverless has 5431 to 5455 and 8191 to 8215. Leave it out for 5439.")]),
        (
            {"usage_limits": {"yearly": {"rpu_hours": 1}}},
            [("usage_limits", "has 'yearly'; a name has one of daily, weekly and monthly. Rename it")],
        ),
        (
            {"load_statements": [{"actions": ["s3:*"], "resources": ["arn:aws:s3:::landing/*"]}]},
            [("load_statements.0.actions", "has s3:* in statement 0; every action is not least privilege. Name the actions.")],
        ),
    ],
)
def test_what_aws_refuses_is_refused_first(args: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**args) == problems


def test_the_name_is_one_that_redshift_takes() -> None:
    with pytest.raises(ArgumentError) as error:
        record(lambda: DataWarehouse("Sales", PLACE))
    allowed = "lower case letters, digits and single hyphens, a letter first, such as orders-db"
    assert error.value.problems == [("name", f"is 'Sales'; names in AWS begin with it, so it must be {allowed}.")]
