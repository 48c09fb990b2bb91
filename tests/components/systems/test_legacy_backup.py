"""LegacyBackup: what it composes, who reaches what, what its state machines do, and every refusal."""

import functools
import json
import re
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.systems import LegacyBackup
from offline_preview.graph import Graph

from tests.emulators.step_functions import Execution, function_arn
from tests.emulators.step_functions import interpreter as running
from tests.harness import record

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:legacy-a1b2c3"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000001"
DATABASE: Any = {"engine": "postgres", "engine_version": "17", "instance_class": "db.t4g.medium", "allocated_storage_gib": 50}
API: Any = {"url": "https://legacy.example.com/export", "collections": {"customers": {"key_type": "bigint"}, "notes": {}}}
NODE: Any = {
    "host": "replica.example.com",
    "port": 5433,
    "cidr_blocks": ["192.168.40.0/24"],
    "database_name": "erp",
    "secret_arn": SECRET,
    "secret_kms_key_arn": KEY,
    "tables": {"sales.orders": {"changed_column": "changed_at"}, "countries": {}},
}
ARGS: Any = {
    "driver_layer_arn": "arn:aws:lambda:eu-west-1:123456789012:layer:pg8000:1",
    "database": DATABASE,
    "vpc_id": "vpc-1",
    "private_subnet_ids_by_zone": {"eu-west-1a": "subnet-pa", "eu-west-1b": "subnet-pb"},
    "data_subnet_ids_by_zone": {"eu-west-1a": "subnet-da", "eu-west-1b": "subnet-db"},
    "alarm_topic_arns": [TOPIC],
}


def make(**args: Any) -> Graph:
    source = {} if {"api", "read_node", "custom"} & args.keys() else {"api": {**API, "secret_arn": SECRET}}
    return record(lambda: LegacyBackup("legacy", {**ARGS, **source, **args}), mode="deployed")


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


@pytest.fixture(scope="module")
def graph() -> Graph:
    return make()


def statements(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    found = json.loads(graph.named(name).inputs["policy"])["Statement"]
    return {one.get("Sid", str(number)): one for number, one in enumerate(found)}


def test_it_is_composed_of_the_patterns(graph: Graph) -> None:
    kinds = ("DurableBucket", "RelationalDatabase", "ScheduledTask", "Workflow")
    assert {kind: [one.name for one in graph.of_type(f"cloudpatterns:index:{kind}")] for kind in kinds} == {
        "DurableBucket": ["legacy-dumps", "legacy-exports", "legacy-dumps-logs"],
        "RelationalDatabase": ["legacy-copy"],
        "ScheduledTask": ["legacy-incremental-schedule", "legacy-full-schedule", "legacy-export-schedule"],
        "Workflow": ["legacy-pull", "legacy-export"],
    }


def test_the_hot_copy_is_kept_for_30_days(graph: Graph) -> None:
    inputs = graph.named("legacy-copy-instance").inputs
    assert (inputs["backupRetentionPeriod"], inputs["dbName"], inputs["storageEncrypted"]) == (30, "legacy", True)
    assert inputs["vpcSecurityGroupIds"] == [graph.named("legacy-store").id]
    words = "is 7; the hot copy is kept for 30 days. Give 30 to 35."
    assert refused(database={**DATABASE, "backup_retention_days": 7}) == [("database.backup_retention_days", words)]


@pytest.mark.parametrize("bucket", ["legacy-dumps", "legacy-exports"])
def test_the_cold_copies_move_to_glacier_and_are_kept_for_a_year_and_more(graph: Graph, bucket: str) -> None:
    [rule] = graph.named(f"{bucket}-lifecycle").inputs["rules"]
    assert rule["expiration"] == {"days": 400}
    assert [(move["storageClass"], move["days"]) for move in rule["transitions"]] == [("GLACIER", 30), ("DEEP_ARCHIVE", 120)]
    assert "retention_days" in {path for path, _ in refused(retention_days=364)}
    [(path, words)] = refused(transitions=[{"storage_class": "DEEP_ARCHIVE", "days": 300}])
    assert (path, words[:60]) == ("transitions.0.days", "is 300; DEEP_ARCHIVE is paid for at least 180 days, and rete")


def test_dumps_can_be_locked_and_exports_are_not() -> None:
    locked = make(object_lock={"mode": "GOVERNANCE", "retention_days": 30})
    assert [one.name for one in locked.of_type("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration")] == [
        "legacy-dumps-object-lock"
    ]


def test_the_schedules_start_full_incremental_and_export_runs(graph: Graph) -> None:
    found = {}
    for kind in ("full", "incremental", "export"):
        inputs = graph.named(f"legacy-{kind}-schedule-schedule").inputs
        machine = graph.named("legacy-export-machine" if kind == "export" else "legacy-pull-machine")
        assert inputs["target"]["arn"] == machine.outputs["arn"]
        found[kind] = (inputs["scheduleExpression"], inputs["target"]["input"], inputs["state"])
    assert found == {
        "full": ("cron(0 4 ? * SUN *)", '{"kind": "full"}', "ENABLED"),
        "incremental": ("cron(0 2 * * ? *)", '{"kind": "incremental"}', "ENABLED"),
        "export": ("cron(0 12 1 * ? *)", "{}", "ENABLED"),
    }
    off = make(schedules_enabled=False)
    assert {one.inputs["state"] for one in off.of_type("aws:scheduler/schedule:Schedule")} == {"DISABLED"}


def test_the_puller_may_do_what_it_does_and_nothing_else(graph: Graph) -> None:
    found = statements(graph, "legacy-pull-puller-policy")
    copy, dumps = graph.named("legacy-copy-key").outputs["arn"], graph.named("legacy-dumps-bucket").outputs["arn"]
    assert found["Dump"]["Resource"] == [f"{dumps}/dumps/*"]
    assert found["Dump"]["Action"] == ["s3:AbortMultipartUpload", "s3:PutObject"]
    assert found["Progress"]["Resource"] == [graph.named("legacy-progress").outputs["arn"]]
    assert SECRET in found["Secrets"]["Resource"]
    assert found["SecretKeys"]["Resource"] == [copy]
    assert found["SecretKeys"]["Condition"] == {"StringLike": {"kms:ViaService": ["secretsmanager.*.amazonaws.com"]}}
    node = statements(make(read_node=NODE), "legacy-pull-puller-policy")
    assert node["SecretKeys"]["Resource"][1:] == [KEY]


def test_the_puller_reaches_the_copy_and_https_and_the_copy_is_reached_by_it_alone(graph: Graph) -> None:
    function = graph.named("legacy-pull-puller").inputs
    assert function["vpcConfig"] == {"subnetIds": ["subnet-pa", "subnet-pb"], "securityGroupIds": [graph.named("legacy-puller").id]}
    assert (function["timeout"], function["ephemeralStorage"]["size"], function["memorySize"]) == (900, 4096, 1024)
    assert [one.name for one in graph.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")] == [
        "legacy-puller-to-https",
        "legacy-puller-to-store",
    ]
    assert [one.name for one in graph.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")] == ["legacy-store-from-puller"]
    wide = make(read_node=NODE, reader_security_group_ids={"erp": "sg-erp"}, puller_security_group_ids=["sg-more"])
    rule = wide.named("legacy-puller-to-node-192.168.40.0/24").inputs
    assert (rule["fromPort"], rule["toPort"], rule["cidrIpv4"]) == (5433, 5433, "192.168.40.0/24")
    assert wide.named("legacy-store-from-erp").inputs["referencedSecurityGroupId"] == "sg-erp"
    assert wide.named("legacy-pull-puller").inputs["vpcConfig"]["securityGroupIds"][1:] == ["sg-more"]


def test_the_export_has_a_role_and_a_key(graph: Graph) -> None:
    trust = json.loads(graph.named("legacy-exporter-role").inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": ["export.rds.amazonaws.com"]}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    bucket = graph.named("legacy-exports-bucket").outputs["arn"]
    role, key = statements(graph, "legacy-exporter-policy"), graph.named("legacy-key").outputs["arn"]
    assert (role["Objects"]["Resource"], role["Bucket"]["Resource"], role["Key"]["Resource"]) == ([f"{bucket}/*"], [bucket], [key])
    machine = statements(graph, "legacy-export-policy")
    snapshots = "arn:aws:rds:eu-west-1:123456789012:snapshot:legacy-export-*"
    assert machine["Export"]["Resource"] == [snapshots]
    assert machine["Snapshot"]["Resource"] == [graph.named("legacy-copy-instance").outputs["arn"], snapshots]
    assert machine["PassRole"]["Condition"] == {"StringEquals": {"iam:PassedToService": ["export.rds.amazonaws.com"]}}
    assert machine["Keys"]["Resource"] == [key, graph.named("legacy-copy-key").outputs["arn"]]
    assert {"kms:CreateGrant", "kms:DescribeKey"} <= {*machine["Keys"]["Action"]}


def definition(graph: Graph, name: str) -> dict[str, Any]:
    return json.loads(graph.named(name).inputs["definition"])


def test_the_alarms_are_about_missed_runs_and_differences(graph: Graph) -> None:
    missed = graph.named("legacy-missed").inputs
    assert (missed["metricName"], missed["comparisonOperator"], missed["threshold"]) == ("RunsVerified", "LessThanThreshold", 1)
    assert (missed["period"], missed["evaluationPeriods"], missed["treatMissingData"]) == (3600, 26, "breaching")
    differs = graph.named("legacy-differs").inputs
    assert (differs["metricName"], differs["dimensions"], differs["alarmActions"]) == ("VerifyFailed", {"Backup": "legacy"}, [TOPIC])
    environment = graph.named("legacy-pull-puller").inputs["environment"]["variables"]
    assert (environment["METRIC_NAMESPACE"], environment["BACKUP"]) == (missed["namespace"], "legacy")
    silent = make(alarm_topic_arns=[])
    assert [one.name for one in silent.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")] == []


def test_an_existing_log_bucket_is_used() -> None:
    found = make(log_bucket_name="logs-of-all")
    assert "legacy-dumps-logs" not in {one.name for one in found.resources}
    assert [found.named(f"legacy-{kind}-logging").inputs["targetBucket"] for kind in ("dumps", "exports")] == ["logs-of-all"] * 2


def test_dumps_that_nobody_can_delete_keep_their_key() -> None:
    for mode, kept in (("COMPLIANCE", True), ("GOVERNANCE", False)):
        found = make(object_lock={"mode": mode, "retention_days": 30})
        assert {found.named(one).options.get("retainOnDelete", False) for one in ("legacy-key", "legacy-dumps-bucket")} == {kept}


def test_what_cannot_be_is_refused_with_the_fix() -> None:
    assert refused(api=API, read_node=NODE) == [("api", "exactly one of api, read_node and custom is needed; both are given. Remove one.")]
    engine = {**DATABASE, "engine": "mysql", "engine_version": "8.4"}
    assert ("database.engine", "is 'mysql'; the copy and its snapshots are those of RDS for PostgreSQL. Give postgres.") in refused(
        database=engine
    )
    tables = {"a.orders": {}, "b.orders": {}, "rates": {"overlap": "1000"}, "lines": {"changed_column": "at", "overlap": "a while"}}
    assert refused(read_node={**NODE, "tables": tables}) == [
        (
            "read_node.tables.b.orders",
            "has the name of a.orders in the copy, which has no schemas. Leave one out, or give it another LegacyBackup.",
        ),
        ("read_node.tables.rates.overlap", "needs changed_column. Add it, or remove overlap."),
        ("read_node.tables.lines.overlap", "is 'a while'; a time such as 10 minutes, or a number such as 1000 is allowed."),
    ]
    assert [path for path, _ in refused(api={**API, "url": "http://legacy.example.com"})] == ["api.url"]
    everything = [{"actions": ["*"], "resources": ["*"]}]
    assert [path.rpartition(".")[0] for path, _ in refused(custom={"code": pulumi.AssetArchive({}), "statements": everything})] != []


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"time_zone": "Mars"}, ("time_zone", "is 'Mars'; a name of the IANA database is needed, such as Europe/Berlin.")),
        (
            {"database": {**DATABASE, "max_capacity_units": 4}},
            ("database.max_capacity_units", "is 4.0; only instance_class db.serverless takes it. Remove it."),
        ),
        (
            {"transitions": [{"storage_class": "GLACIER", "days": 30}, {"storage_class": "STANDARD_IA", "days": 150}]},
            (
                "transitions.1.storage_class",
                "is STANDARD_IA after GLACIER; the order is STANDARD_IA, INTELLIGENT_TIERING, GLACIER_IR, GLACIER, DEEP_ARCHIVE. "
                "Sort the transitions.",
            ),
        ),
        (
            {"read_node": {**NODE, "host": "replica.example.com:5432"}},
            (
                "read_node.host",
                "is 'replica.example.com:5432'; must be the name of a host such as replica.legacy.example.com",
            ),
        ),
        (
            {"read_node": {**NODE, "tables": {"rates": {"changed_column": "at", "overlap": "10 mins"}}}},
            ("read_node.tables.rates.overlap", "is '10 mins'; a time such as 10 minutes, or a number such as 1000 is allowed."),
        ),
        (
            {"custom": {"code": pulumi.AssetArchive({}), "environment": {"DATABASE_HOST": "db.example.com"}}},
            ("custom.environment.DATABASE_HOST", "is set by the system. Choose another name."),
        ),
        (
            {"api": {**API, "collections": {"order-lines": {}}}},
            (
                "api.collections",
                "has 'order-lines'; a name has letters, digits and underscores, no digit first, as that of a table has. Rename it",
            ),
        ),
    ],
)
def test_what_a_part_would_refuse_is_refused_before_anything_is_registered(args: Any, problem: tuple[str, str]) -> None:
    assert refused(**args) == [problem]


def test_a_password_in_the_address_and_a_name_that_is_too_long_are_refused() -> None:
    assert refused(api={**API, "url": "https://user:hunter2@legacy.example.com"}) == [
        ("api.url", "has a user or a password, which the state would show. Remove it, and give a token in secret_arn.")
    ]
    args: Any = {**ARGS, "api": API}
    with pytest.raises(ArgumentError, match="of at most 26 characters"):
        record(lambda: LegacyBackup("l" * 27, args))
    record(lambda: LegacyBackup("l" * 26, args))


class Answers:
    """A function that gives one answer after the other."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.events = [*answers], list[Any]()

    def __call__(self, event: Any) -> Any:
        self.events.append(event)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def run(graph: Graph, answers: Answers, document: Any) -> Execution:
    with running({graph.named("legacy-pull-puller").outputs["name"]: answers}) as machine:
        return machine.run(definition(graph, "legacy-pull-machine"), document)


def test_a_run_goes_on_until_it_is_verified_through_failures_of_the_puller(graph: Graph) -> None:
    answers = Answers({"state": "more"}, ConnectionError("gone"), {"state": "more"}, {"state": "done"})
    ended = run(graph, answers, {"kind": "full"})
    assert (ended.status, ended.states[-2]) == ("SUCCEEDED", "Verified")
    assert len({event["run"] for event in answers.events}) == 1
    assert [(event["kind"], event["accept_loss"]) for event in answers.events] == [("full", False)] * 4


@pytest.mark.parametrize(
    ("answer", "status", "last"), [("busy", "SUCCEEDED", "Skipped"), ("failed", "FAILED", "Differs"), ("done", "SUCCEEDED", "Verified")]
)
def test_a_run_ends_as_the_puller_says(graph: Graph, answer: str, status: str, last: str) -> None:
    answers = Answers({"state": answer})
    ended = run(graph, answers, {"accept_loss": True})
    assert (ended.status, last in ended.states) == (status, True)
    assert [(event["kind"], event["accept_loss"]) for event in answers.events] == [("incremental", True)]


@dataclass
class Rds:
    """Snapshots and exports as RDS answers about them, through the integration of Step Functions."""

    ending: str = "COMPLETE"
    snapshot_states: list[str] = field(default_factory=lambda: ["creating", "creating", "available"])
    export_states: list[str] = field(default_factory=lambda: ["STARTING", "IN_PROGRESS"])
    snapshots: set[str] = field(default_factory=set)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def answer(self, action: str, given: Any) -> Any:
        self.asked.append((action, given))
        name = given.get("DbSnapshotIdentifier")
        if action == "createDBSnapshot":
            self.snapshots.add(name)
        elif action == "describeDBSnapshots":
            arn = f"arn:aws:rds:eu-west-1:123456789012:snapshot:{name}"
            return {"DbSnapshots": [{"Status": self.snapshot_states.pop(0), "DbSnapshotArn": arn}]}
        elif action == "describeExportTasks":
            return {"ExportTasks": [{"Status": self.export_states.pop(0) if self.export_states else self.ending}]}
        elif action == "deleteDBSnapshot":
            self.snapshots.remove(name)
        return {}

    def run(self, graph: Graph) -> tuple[Execution, list[float]]:
        """The machine, with functions in the place of the integrations, which the interpreter knows under other names."""
        machine = definition(graph, "legacy-export-machine")
        actions = set()
        for state in machine["States"].values():
            if (action := state.get("Resource", "").partition(":aws-sdk:rds:")[2]) != "":
                state["Resource"] = function_arn(action)
                actions.add(action)
        with running({action: functools.partial(self.answer, action) for action in actions}) as account:
            return account.run(machine, {}), account.waits


def test_an_export_takes_a_snapshot_has_it_exported_and_deletes_it(graph: Graph) -> None:
    rds = Rds()
    ended, waits = rds.run(graph)
    assert (ended.status, rds.snapshots) == ("SUCCEEDED", set())
    assert waits == [60, 60, 60, 300, 300, 300]
    given = dict(rds.asked)
    name = given["createDBSnapshot"]["DbSnapshotIdentifier"]
    assert re.fullmatch(r"legacy-export-\d{13}", name)
    assert given["createDBSnapshot"]["DbInstanceIdentifier"] == graph.named("legacy-copy-instance").outputs["identifier"]
    assert given["startExportTask"] == {
        "ExportTaskIdentifier": name.replace("-export", ""),
        "SourceArn": f"arn:aws:rds:eu-west-1:123456789012:snapshot:{name}",
        "S3BucketName": graph.named("legacy-exports-bucket").outputs["bucket"],
        "S3Prefix": "exports",
        "IamRoleArn": graph.named("legacy-exporter-role").outputs["arn"],
        "KmsKeyId": graph.named("legacy-key").outputs["arn"],
    }


@pytest.mark.parametrize("ending", ["FAILED", "CANCELED"])
def test_an_export_that_fails_fails_the_execution_and_leaves_no_snapshot(graph: Graph, ending: str) -> None:
    rds = Rds(ending)
    ended, _ = rds.run(graph)
    assert (ended.status, ended.states[-2:], rds.snapshots) == ("FAILED", ["ExportFailed", "Failed"], set())


def test_a_snapshot_that_fails_fails_the_execution(graph: Graph) -> None:
    rds = Rds(snapshot_states=["creating", "failed"])
    ended, _ = rds.run(graph)
    assert (ended.status, "SnapshotFailed" in ended.states) == ("FAILED", True)
    assert "startExportTask" not in dict(rds.asked)
