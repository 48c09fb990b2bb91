import base64
import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import JobObserver, job_guard_user_data
from cloudpatterns.messaging.job_observer.on_aws.job_guard import HOOK
from cloudpatterns.security import WorkloadRole
from offline_preview.graph import Graph

from tests.harness import record, refs

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
QUEUE_ARN = "arn:aws:sqs:eu-west-1:123456789012:jobs"
PLACE: dict[str, Any] = {
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
    "security_group_ids": ["sg-1"],
}
WORKERS: dict[str, Any] = {"instance_types": ["c7g.large"], "image_id": "ami-0123", "min_size": 0, "max_size": 20}
NEW: dict[str, Any] = {"job_seconds": 60, "workers": WORKERS, **PLACE}
EXISTING: dict[str, Any] = {
    "job_seconds": 60,
    "auto_scaling_group_name": "render",
    "role_name": "render",
    "existing_queue": {"arn": QUEUE_ARN, "visibility_timeout_seconds": 300},
}
GROUP, POLICY, HOOKS = "aws:autoscaling/group:Group", "aws:autoscaling/policy:Policy", "aws:autoscaling/lifecycleHook:LifecycleHook"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def observer(**args: Any) -> Graph:
    arguments: Any = args
    return record(lambda: JobObserver("render", arguments), mode="deployed")


def rights(graph: Graph, name: str) -> dict[str, list[str]]:
    return {action: one["Resource"] for one in json.loads(graph.named(name).inputs["policy"])["Statement"] for action in one["Action"]}


def script(graph: Graph) -> str:
    data = base64.b64decode(graph.one("aws:ec2/launchTemplate:LaunchTemplate").inputs["userData"])
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()


def test_the_group_follows_the_backlog_per_worker_and_nothing_else() -> None:
    graph = observer(**NEW)
    [tracking] = [one for one in graph.of_type(POLICY) if one.inputs["policyType"] == "TargetTrackingScaling"]
    configuration = tracking.inputs["targetTrackingConfiguration"]
    metrics = {one["id"]: one for one in configuration["customizedMetricSpecification"]["metrics"]}
    assert configuration["targetValue"] == 6
    assert [key for key, one in metrics.items() if one["returnData"]] == ["backlog"]
    assert metrics["backlog"]["expression"] == "(visible + running) / workers"
    assert {key: one["metricStat"]["metric"]["metricName"] for key, one in metrics.items() if key != "backlog"} == {
        "visible": "ApproximateNumberOfMessagesVisible",
        "running": "ApproximateNumberOfMessagesNotVisible",
        "workers": "GroupInServiceInstances",
    }
    assert set(refs(graph, tracking, "targetTrackingConfiguration")) == {"render-queue", "render-workers-group"}
    assert {one.name for one in graph.of_type(POLICY)} == {"render-backlog", "render-start"}
    assert "GroupInServiceInstances" in graph.one(GROUP).inputs["enabledMetrics"]


@pytest.mark.parametrize(
    ("args", "target"),
    [
        ({"most_wait_seconds": 0}, 1),
        ({"most_wait_seconds": 59}, 1),
        ({"most_wait_seconds": 120}, 3),
        ({"most_wait_seconds": 120, "jobs_per_worker": 4}, 12),
    ],
)
def test_the_target_is_what_an_instance_works_off_in_the_longest_wait(args: dict[str, Any], target: int) -> None:
    tracking = observer(**{**NEW, **args}).named("render-backlog")
    assert tracking.inputs["targetTrackingConfiguration"]["targetValue"] == target


def test_from_no_instance_steps_start_as_many_as_the_messages_need() -> None:
    graph = observer(**NEW)
    steps = graph.named("render-start").inputs["stepAdjustments"]
    assert [(one["metricIntervalLowerBound"], one.get("metricIntervalUpperBound"), one["scalingAdjustment"]) for one in steps] == [
        ("0", "7", 1),
        ("7", "13", 2),
        ("13", "25", 4),
        ("25", "49", 8),
        ("49", "97", 16),
        ("97", None, 20),
    ]
    alarm = graph.named("render-start-alarm")
    assert refs(graph, alarm, "alarmActions") == ["render-start"]
    assert alarm.inputs["threshold"] == 0
    assert [one["expression"] for one in alarm.inputs["metricQueries"] if one.get("returnData")] == ["IF(FILL(workers, 0) < 1, visible, 0)"]


def test_a_group_that_is_never_empty_needs_no_steps() -> None:
    graph = observer(**{**NEW, "workers": {**WORKERS, "min_size": 1}})
    assert [one.name for one in graph.of_type(POLICY)] == ["render-backlog"]
    assert graph.of_type("aws:scheduler/schedule:Schedule", ALARM) == []


def test_the_metrics_of_an_idle_queue_are_kept() -> None:
    graph = observer(**NEW)
    schedule = graph.one("aws:scheduler/schedule:Schedule")
    assert schedule.inputs["scheduleExpression"] == "rate(1 hour)"
    assert schedule.inputs["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:sqs:untagQueue"
    assert set(rights(graph, "render-call-policy")) == {"sqs:UntagQueue"}
    assert refs(graph, graph.named("render-call-policy"), "policy")[0].startswith("render-queue")


def test_no_running_job_is_ended_by_what_else_terminates_instances() -> None:
    graph = observer(**NEW)
    group, hook = graph.one(GROUP), graph.one(HOOKS)
    assert group.inputs["instanceRefresh"]["preferences"]["scaleInProtectedInstances"] == "Refresh"
    assert group.inputs["protectFromScaleIn"] is False
    assert hook.inputs == {
        "name": HOOK,
        "autoscalingGroupName": group.outputs["name"],
        "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "heartbeatTimeout": 300,
        "defaultResult": "CONTINUE",
    }


def test_destroy_waits_for_no_instance() -> None:
    assert observer(**NEW).one(GROUP).inputs["forceDelete"] is True


def test_the_instances_may_take_jobs_and_protect_their_own_group() -> None:
    graph = observer(**NEW)
    found = rights(graph, "render-guard")
    assert {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "kms:Decrypt"} < set(found)
    for action in ("SetInstanceProtection", "RecordLifecycleActionHeartbeat", "CompleteLifecycleAction"):
        assert found[f"autoscaling:{action}"] == [
            "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/render-workers-group*"
        ]
    assert found["autoscaling:DescribeAutoScalingInstances"] == ["*"]
    assert graph.named("render-guard").inputs["role"] == graph.one("cloudpatterns:index:WorkloadRole").outputs["role_name"]


def test_the_first_instances_have_their_rights() -> None:
    graph = observer(**NEW)
    assert graph.one(GROUP).name == "render-workers-group"
    assert "render-guard" in refs(graph, graph.named("render-workers-template"), "iamInstanceProfile")


def test_senders_get_the_statements_that_they_need() -> None:
    def program() -> None:
        arguments: Any = NEW
        jobs = JobObserver("render", arguments)
        WorkloadRole("app", {"service": "ec2.amazonaws.com", "statements": jobs.send_statements()})

    graph = record(program, mode="deployed")
    [found] = [one.name for one in graph.of_type("aws:iam/rolePolicy:RolePolicy") if one.name.startswith("app")]
    assert {"sqs:SendMessage", "kms:GenerateDataKey"} < set(rights(graph, found))


def test_an_existing_group_and_queue_are_not_changed() -> None:
    graph = observer(**EXISTING, alarm_topic_arns=[TOPIC])
    assert graph.of_type(GROUP, "aws:sqs/queue:Queue", "aws:iam/instanceProfile:InstanceProfile", "aws:kms/key:Key") == []
    assert {one.inputs["autoscalingGroupName"] for one in graph.of_type(POLICY, HOOKS)} == {"render"}
    assert graph.named("render-guard").inputs["role"] == "render"
    assert "kms:Decrypt" not in rights(graph, "render-guard")
    # Its largest size is not known.
    assert [one["scalingAdjustment"] for one in graph.named("render-start").inputs["stepAdjustments"]] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert graph.one("cloudpatterns:index:JobObserver").outputs["queue_url"] == "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"


def test_failed_and_late_jobs_raise_alarms() -> None:
    graph = observer(**NEW, alarm_topic_arns=[TOPIC])
    alarms = {one.name: one.inputs for one in graph.of_type(ALARM)}
    assert {"render-behind", "render-queue-age", "render-queue-dead-letters-alarm", "render-start-alarm"} < set(alarms)
    assert (alarms["render-behind"]["threshold"], alarms["render-behind"]["evaluationPeriods"]) == (12, 6)
    assert alarms["render-queue-age"]["threshold"] == 300 + 3600 + 1800
    assert "render-behind" not in {one.name for one in observer(**NEW).of_type(ALARM)}


def test_the_boot_script_installs_the_guard_before_the_worker(tmp_path: Path) -> None:
    graph = observer(**NEW, user_data="#!/bin/bash\necho worker\n", worker_unit="render.service", heartbeat_seconds=600)
    text = script(graph)
    assert text.startswith("#!/bin/bash\n")
    assert text.index("systemctl enable --now job-guard.service") < text.index("echo worker")
    assert "export QUEUE_URL=https://" in text
    bash = shutil.which("bash") or "/bin/bash"
    local = re.sub(r"(?<=[\s>'])/(usr/local/bin|etc)", rf"{tmp_path}/\1", text).replace("systemctl", "echo")
    subprocess.run([bash, "-c", local], check=True, capture_output=True, timeout=20)
    unit = (tmp_path / "etc/systemd/system/job-guard.service").read_text()
    assert "Environment=JOB_GUARD_UNIT=render.service JOB_GUARD_HEARTBEAT=600" in unit
    assert "TimeoutStopSec=infinity" in (tmp_path / "etc/systemd/system/render.service.d/job-guard.conf").read_text()
    assert (tmp_path / "usr/local/bin/job-guard").read_text().startswith("#!/usr/bin/python3\n")
    assert (tmp_path / "usr/local/bin/job-guard").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "etc/job-guard.env").read_text().startswith("QUEUE_URL=https://")


def test_the_boot_script_leaves_room_for_the_workers_own() -> None:
    seen: list[str] = []
    record(lambda: job_guard_user_data("https://sqs.eu-west-1.amazonaws.com/123456789012/jobs").apply(seen.append))
    [text] = seen
    assert len(text) < 8_000


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "no group",
        {"job_seconds": 60},
        "workers",
        "exactly one of workers and auto_scaling_group_name is needed; none is given. Give one.",
    ),
    (
        "no role",
        {key: value for key, value in EXISTING.items() if key != "role_name"},
        "role_name",
        "is missing; auto_scaling_group_name needs it. Give it, or remove auto_scaling_group_name.",
    ),
    (
        "boot script of others",
        {**EXISTING, "user_data": "#!/bin/bash"},
        "auto_scaling_group_name",
        "excludes user_data: the instances are there already; both are given. Remove one of them.",
    ),
    (
        "no network",
        {"job_seconds": 60, "workers": WORKERS, "security_group_ids": ["sg-1"]},
        "subnet_ids_by_zone",
        "is missing; workers needs it. Give it, or remove workers.",
    ),
    (
        "tries of another queue",
        {**EXISTING, "max_receive_count": 7},
        "existing_queue",
        "excludes max_receive_count: the queue is there already; both are given. Remove one of them.",
    ),
    (
        "hook",
        {**NEW, "heartbeat_seconds": 30, "longest_job_seconds": 7200},
        "heartbeat_seconds",
        "is 30; a hook waits 100 times as long, 3000, and a job may run 7200. Raise it.",
    ),
    ("lengths", {**NEW, "job_seconds": 4000}, "job_seconds", "is 4000, above longest_job_seconds 3600. Correct one of them."),
    (
        "spot",
        {**NEW, "workers": {**WORKERS, "instance_types": ["c7g.large", "c6g.large"], "spot_percentage": 50}},
        "workers.spot_percentage",
        "is 50; EC2 takes Spot instances back within two minutes, whatever they run. Set it to 0, or interruptible to True where a job may "
        "be ended and run again.",
    ),
    (
        "protected for ever",
        {**NEW, "workers": {**WORKERS, "scaling": {"protect_from_scale_in": True}}},
        "workers.scaling.protect_from_scale_in",
        "is True; the group could never shrink. Leave it out: an instance is protected while it runs a job.",
    ),
    (
        "cpu",
        {**NEW, "workers": {**WORKERS, "scaling": {"cpu_target_percent": 70}}},
        "workers.scaling.cpu_target_percent",
        "is given; the group follows the backlog alone. Remove it.",
    ),
    (
        "refresh",
        {**NEW, "workers": {**WORKERS, "refresh": {"protected_instances": "Wait"}}},
        "workers.refresh.protected_instances",
        "is given; a refresh waits for jobs that run. Remove it.",
    ),
    (
        "sizes",
        {**NEW, "workers": {**WORKERS, "min_size": 30}},
        "workers.min_size",
        "is 30, above max_size 20. Lower it or raise max_size.",
    ),
    (
        "one zone",
        {**NEW, "subnet_ids_by_zone": {"eu-west-1a": "subnet-a"}},
        "subnet_ids_by_zone",
        "has eu-west-1a alone; a zone can fail. Name subnets in two zones or more, or set single_zone to True.",
    ),
]


def test_services_may_send_jobs_to_the_new_queue_and_use_its_key() -> None:
    bucket = "arn:aws:s3:::films"
    graph = observer(**NEW, senders=[{"service": "s3.amazonaws.com", "source_arn": bucket}])
    sender = json.loads(graph.named("render-queue-policy").inputs["policy"])["Statement"][1]
    assert sender["Principal"] == {"Service": ["s3.amazonaws.com"]}
    # The ARN of a bucket names no account.
    assert sender["Condition"] == {"ArnEquals": {"aws:SourceArn": bucket}, "StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert "s3.amazonaws.com" in graph.named("render-key-policy").inputs["policy"]


def test_old_jobs_in_an_existing_queue_raise_an_alarm_too() -> None:
    alarm = observer(**EXISTING, alarm_age_seconds=7200, alarm_topic_arns=["arn:aws:sns:eu-west-1:123456789012:alarms"]).named(
        "render-queue-age"
    )
    assert (alarm.inputs["threshold"], alarm.inputs["dimensions"]) == (7200, {"QueueName": "jobs"})


@pytest.mark.parametrize(("args", "path", "reason"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG])
def test_what_cannot_work_is_refused(args: dict[str, Any], path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        observer(**args)
    assert caught.value.problems == [(path, reason)]


def test_spot_instances_are_possible_where_jobs_may_run_again() -> None:
    workers = {**WORKERS, "instance_types": ["c7g.large", "c6g.large"], "spot_percentage": 50}
    assert observer(**{**NEW, "workers": workers}, interruptible=True).one(GROUP).inputs["capacityRebalance"] is True
