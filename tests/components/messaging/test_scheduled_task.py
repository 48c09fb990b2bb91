import json
import time
from typing import Any
from uuid import uuid4

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import QueueWorker, ScheduledTask
from offline_preview.graph import Graph

from tests.emulators.deployed import Deployed
from tests.emulators.events import Context
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.ministack import MiniStack
from tests.emulators.tables import table_by_id
from tests.harness import record, refs
from tests.program import ROOT, folder_graph

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
IMAGE = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/task@sha256:0"}
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:jobs"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"
EXISTING = {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:report:live", "timeout_seconds": 20}
CONTAINERS: dict[str, Any] = {
    "cluster_arn": "arn:aws:ecs:eu-west-1:123456789012:cluster/jobs",
    "task_definition_arn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/report:7",
    "role_arns": ["arn:aws:iam::123456789012:role/execution", "arn:aws:iam::123456789012:role/report"],
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-1", "eu-west-1b": "subnet-2"},
    "security_group_ids": ["sg-1"],
}
RUN_TASK: dict[str, Any] = {
    "service": "ecs",
    "action": "runTask",
    "statements": [{"actions": ["ecs:RunTask"], "resources": ["arn:aws:ecs:eu-west-1:123456789012:task-definition/report:*"]}],
}
EXAMPLE = ROOT / "examples/scheduled_task"


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"schedule_expression": "rate(1 hour)", "function": {**IMAGE}, **args}
    return record(lambda: ScheduledTask("report", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def policy(graph: Graph, name: str, field: str = "policy") -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs[field])["Statement"]


TARGETS: list[tuple[dict[str, Any], str, list[tuple[list[str], list[str]]]]] = [
    ({"function": None, "existing_function": EXISTING}, EXISTING["arn"], [(["lambda:InvokeFunction"], [EXISTING["arn"]])]),
    (
        {"function": None, "existing_queue": {"arn": QUEUE, "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"}},
        QUEUE,
        [
            (["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"], [QUEUE]),
            (["kms:Decrypt", "kms:GenerateDataKey"], ["arn:aws:kms:eu-west-1:123456789012:key/1"]),
        ],
    ),
    ({"function": None, "state_machine_arn": MACHINE}, MACHINE, [(["states:StartExecution"], [MACHINE])]),
    (
        {"function": None, "state_machine_arn": MACHINE, "state_machine_kms_key_arn": KEY},
        MACHINE,
        [(["states:StartExecution"], [MACHINE]), (["kms:Decrypt", "kms:GenerateDataKey"], [KEY])],
    ),
    (
        {"function": None, "ecs_task": CONTAINERS},
        CONTAINERS["cluster_arn"],
        [(["ecs:RunTask"], [CONTAINERS["task_definition_arn"]]), (["iam:PassRole"], CONTAINERS["role_arns"])],
    ),
    (
        {"function": None, "api_action": RUN_TASK, "input_json": "{}"},
        "arn:aws:scheduler:::aws-sdk:ecs:runTask",
        [(["ecs:RunTask"], RUN_TASK["statements"][0]["resources"])],
    ),
]


@pytest.mark.parametrize(("target", "arn", "rights"), TARGETS)
def test_role_may_start_only_its_target(target: dict[str, Any], arn: str, rights: list[Any]) -> None:
    graph = make(**target)
    schedule = graph.one("aws:scheduler/schedule:Schedule").inputs
    assert schedule["target"]["arn"] == arn
    parked, key = graph.named("report-dead-letters").outputs["arn"], graph.named("report-key").outputs["arn"]
    park = [(["sqs:SendMessage"], [parked]), (["kms:Decrypt", "kms:GenerateDataKey"], [key]), (["kms:Decrypt"], [key])]
    assert [(one["Action"], one["Resource"]) for one in policy(graph, "report-policy")] == [*rights, *park]


def test_its_trust_names_the_schedule_group() -> None:
    graph = make()
    group = graph.named("report-group").outputs["arn"]
    (trust,) = policy(graph, "report-role", "assumeRolePolicy")
    assert trust["Principal"] == {"Service": ["scheduler.amazonaws.com"]}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": group.split(":")[4]}, "ArnEquals": {"aws:SourceArn": group}}
    assert graph.one("aws:scheduler/schedule:Schedule").inputs["groupName"] == graph.named("report-group").outputs["name"]


def test_a_schedule_has_time_zone_window_retries_and_a_dead_letter_queue() -> None:
    graph = make(
        schedule_expression="cron(0 6 ? * MON-FRI *)",
        time_zone="Europe/Berlin",
        flexible_window_minutes=15,
        maximum_retry_attempts=3,
        maximum_event_age_seconds=600,
        start_date="2027-01-01T00:00:00Z",
        end_date="2027-12-31T00:00:00Z",
        enabled=False,
    )
    inputs = graph.one("aws:scheduler/schedule:Schedule").inputs
    target = inputs.pop("target")
    assert inputs == {
        "description": "Starts the task report",
        "groupName": graph.named("report-group").outputs["name"],
        "scheduleExpression": "cron(0 6 ? * MON-FRI *)",
        "scheduleExpressionTimezone": "Europe/Berlin",
        "flexibleTimeWindow": {"mode": "FLEXIBLE", "maximumWindowInMinutes": 15},
        "state": "DISABLED",
        "startDate": "2027-01-01T00:00:00Z",
        "endDate": "2027-12-31T00:00:00Z",
        "kmsKeyArn": graph.named("report-key").outputs["arn"],
    }
    assert target == {
        "arn": graph.named("report-function").outputs["arn"],
        "roleArn": graph.named("report-role").outputs["arn"],
        "input": '{"scheduled_time": "<aws.scheduler.scheduled-time>", "execution_id": "<aws.scheduler.execution-id>", '
        '"attempt": "<aws.scheduler.attempt-number>"}',
        "retryPolicy": {"maximumEventAgeInSeconds": 600, "maximumRetryAttempts": 3},
        "deadLetterConfig": {"arn": graph.named("report-dead-letters").outputs["arn"]},
    }
    assert make().one("aws:scheduler/schedule:Schedule").inputs["flexibleTimeWindow"] == {"mode": "OFF"}


def test_the_schedule_comes_after_what_its_role_may_do() -> None:
    graph = make(mode="preview")
    schedule = graph.one("aws:scheduler/schedule:Schedule")
    assert {"report-role", "report-policy", "report-dead-letters-policy"} <= set(refs(graph, schedule, "target"))


def test_a_function_that_fails_is_parked_too() -> None:
    graph = make(maximum_event_age_seconds=900)
    parked, key = graph.named("report-dead-letters").outputs["arn"], graph.named("report-key").outputs["arn"]
    inputs = graph.one("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig").inputs
    assert inputs == {
        "functionName": graph.named("report-function").outputs["name"],
        "maximumRetryAttempts": 2,
        "maximumEventAgeInSeconds": 900,
        "destinationConfig": {"onFailure": {"destination": parked}},
    }
    once = make(maximum_retry_attempts=0).one("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    assert once.inputs["maximumRetryAttempts"] == 0
    (send, use, items, *_) = policy(graph, "report-function-policy")
    assert (send["Resource"], use["Resource"], items["Resource"]) == ([parked], [key], [graph.named("report-idempotency").outputs["arn"]])
    kinds = ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "aws:iam/rolePolicy:RolePolicy")
    assert [one.name for one in make(function=None, existing_function=EXISTING).of_type(*kinds)] == ["report-policy"]


def test_containers_run_in_their_cluster_and_their_roles_are_passed_to_ecs_alone() -> None:
    graph = make(function=None, ecs_task=CONTAINERS)
    run, pass_roles = policy(graph, "report-policy")[:2]
    assert run["Condition"] == {"ArnEquals": {"ecs:cluster": CONTAINERS["cluster_arn"]}}
    assert pass_roles["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    target = graph.one("aws:scheduler/schedule:Schedule").inputs["target"]
    assert target["ecsParameters"] == {
        "taskDefinitionArn": CONTAINERS["task_definition_arn"],
        "launchType": "FARGATE",
        "taskCount": 1,
        "networkConfiguration": {"subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"], "assignPublicIp": False},
    }
    # The overrides of a task know no context.
    assert "input" not in target


def test_the_schedule_is_encrypted_and_its_role_reads_those_of_its_group_alone() -> None:
    graph = make()
    schedule, group = graph.one("aws:scheduler/schedule:Schedule"), graph.named("report-group").outputs["arn"]
    assert schedule.inputs["kmsKeyArn"] == graph.named("report-key").outputs["arn"]
    schedules = f"{group.replace('schedule-group', 'schedule')}/*"
    read = policy(graph, "report-policy")[-1]
    assert read["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:scheduler:schedule:arn": schedules}}


def test_the_role_of_an_existing_function_gets_no_empty_policy() -> None:
    graph = make(function=None, existing_function={**EXISTING, "role_name": "report"})
    assert [one.name for one in graph.of_type("aws:iam/rolePolicy:RolePolicy")] == ["report-policy"]


def test_a_fifo_queue_gets_its_group() -> None:
    fifo = {"arn": f"{QUEUE}.fifo", "message_group_id": "reports"}
    target = make(function=None, existing_queue=fifo).one("aws:scheduler/schedule:Schedule").inputs["target"]
    assert target["sqsParameters"] == {"messageGroupId": "reports"}
    reason = "is missing; a FIFO queue needs it. Give the group of the message."
    assert refused(function=None, existing_queue={"arn": f"{QUEUE}.fifo"}) == [("existing_queue.message_group_id", reason)]


def test_alarms_are_raised_on_lost_runs_and_on_silence() -> None:
    graph = make(alarm_topic_arns=[TOPIC], alarm_silence_hours=3)
    alarms = {one.name: one.inputs for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert {name: (one["metricName"], one["comparisonOperator"], one["treatMissingData"]) for name, one in alarms.items()} == {
        "report-dead-letters-alarm": ("ApproximateNumberOfMessagesVisible", "GreaterThanThreshold", "notBreaching"),
        "report-function-errors": ("Errors", "GreaterThanThreshold", "notBreaching"),
        "report-failing": ("TargetErrorCount", "GreaterThanThreshold", "notBreaching"),
        "report-function-unparked": ("DestinationDeliveryFailures", "GreaterThanThreshold", "notBreaching"),
        "report-dropped": ("InvocationDroppedCount", "GreaterThanThreshold", "notBreaching"),
        "report-unparked": ("InvocationsFailedToBeSentToDeadLetterCount", "GreaterThanThreshold", "notBreaching"),
        "report-silence": ("InvocationAttemptCount", "LessThanThreshold", "breaching"),
    }
    name = {"FunctionName": graph.named("report-function").outputs["name"]}
    assert (alarms["report-function-unparked"]["namespace"], alarms["report-function-unparked"]["dimensions"]) == ("AWS/Lambda", name)
    assert (alarms["report-silence"]["period"], alarms["report-silence"]["evaluationPeriods"]) == (3600, 3)
    assert alarms["report-silence"]["dimensions"] == {"ScheduleGroup": graph.named("report-group").outputs["name"]}
    assert make().of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []
    # A daily task is silent for a day and a little more.
    daily = make(alarm_topic_arns=[TOPIC], alarm_silence_hours=26, function=None, existing_function=EXISTING)
    assert daily.named("report-silence").inputs["evaluationPeriods"] == 26
    assert "report-function-unparked" not in {one.name for one in daily.resources}


CHOICE = "function, existing_function, existing_queue, state_machine_arn, ecs_task and api_action"


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        ({"function": None}, [("function", f"exactly one of {CHOICE} is needed; none is given. Give one.")]),
        ({"existing_queue": {"arn": QUEUE}}, [("function", f"exactly one of {CHOICE} is needed; both are given. Remove one.")]),
        (
            {"state_machine_kms_key_arn": KEY},
            [("state_machine_arn", "is missing; state_machine_kms_key_arn needs it. Give it, or remove state_machine_kms_key_arn.")],
        ),
        (
            {"time_zone": "Berlin"},
            [("time_zone", "is 'Berlin'; a name of the IANA database is needed, such as Europe/Berlin.")],
        ),
        (
            {"schedule_expression": "cron(0 6 * * MON *)"},
            [
                (
                    "schedule_expression",
                    "is 'cron(0 6 * * MON *)'; exactly one of day of month (third) and day of week (fifth) is ?. "
                    "Write cron(0 6 ? * MON *).",
                )
            ],
        ),
        (
            {"schedule_expression": "at(2027-01-31T06:00:00)", "start_date": "2027-01-01T00:00:00Z", "alarm_silence_hours": 1},
            [
                ("start_date", "is given with at(...), which runs once: AWS ignores it. Leave it out."),
                ("alarm_silence_hours", "is given with at(...), which runs once. Leave it out."),
            ],
        ),
        (
            {"start_date": "2027-02-01T00:00:00Z", "end_date": "2027-01-01T00:00:00Z"},
            [("end_date", "is 2027-01-01T00:00:00Z, not after start_date (2027-02-01T00:00:00Z). Give a later one.")],
        ),
        (
            {"input_json": "{x}"},
            [
                (
                    "input_json",
                    "is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1). Write it with json.dumps.",
                )
            ],
        ),
        (
            {"function": None, "api_action": {**RUN_TASK, "action": "describeTasks"}},
            [
                (
                    "api_action.action",
                    "is 'describeTasks'; Scheduler calls no action that only reads. Name one that changes something, or use a function.",
                ),
                ("input_json", "is missing; api_action needs it: the parameters of the action as JSON, at least {}."),
            ],
        ),
    ],
)
def test_what_cannot_work_is_refused(args: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**args) == problems


def test_the_sample_function_writes_a_report_once(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    table_by_id(client("dynamodb"), "idempotency")
    monkeypatch.setenv("IDEMPOTENCY_TABLE", "idempotency")
    index = load_handler(EXAMPLE / "app/index.py")
    written: list[str] = []
    failures, write_report = iter([True]), index.write_report

    def write(day: str) -> None:
        if next(failures, False):
            raise TimeoutError("no answer")
        write_report(day)
        written.append(day)

    monkeypatch.setattr(index, "write_report", write)
    event = {"scheduled_time": "2027-01-31T05:00:00Z", "attempt": "1"}
    with pytest.raises(TimeoutError):
        index.handler(event, Context())
    assert [index.handler({**event, "attempt": str(attempt)}, Context()) for attempt in (2, 3)] == ["2027-01-31"] * 2
    assert written == ["2027-01-31"]


def test_its_function_may_send_to_several_queues() -> None:
    def program() -> None:
        polled: Any = {"visibility_timeout_seconds": 60}
        queues = [QueueWorker(name, polled) for name in ("mails", "bills")]
        sends = [line for queue in queues for line in queue.send_statements()]
        given: Any = {"schedule_expression": "rate(1 hour)", "function": {**IMAGE, "statements": sends}}
        ScheduledTask("report", given)

    found = policy(record(program, mode="deployed"), "report-function-policy")
    # The dead-letter queue and the two others: IAM refuses an id that is there twice.
    assert [one.get("Sid") for one in found if "sqs:SendMessage" in one["Action"]] == ["Send", None, None]


def test_an_emulators_scheduler_runs_the_sample_function(emulator: MiniStack) -> None:
    # Takes seconds: the scheduler fires at the minute of a one-time schedule.
    deployed = Deployed(folder_graph(EXAMPLE, "dev", deployed=True), emulator.client, folder=EXAMPLE)
    scheduler, group = emulator.client("scheduler"), f"report-{uuid4().hex[:8]}"
    scheduler.create_schedule_group(Name=group)
    scheduler.create_schedule(
        Name="now",
        GroupName=group,
        ScheduleExpression=f"at({time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(time.time() + 1))})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": deployed.arns["report-function"],
            "RoleArn": "arn:aws:iam::000000000000:role/any",
            "Input": '{"scheduled_time": "2027-01-31T05:00:00Z"}',
        },
    )
    table, items = deployed.names["report-idempotency"], []
    for _ in range(60):
        items = emulator.client("dynamodb").scan(TableName=table)["Items"]
        if items and items[0]["status"]["S"] == "COMPLETED":
            break
        time.sleep(0.5)
    assert [(item["status"]["S"], json.loads(item["data"]["S"])) for item in items] == [("COMPLETED", "2027-01-31")]
