"""DistributedProcessing: the recorded graph, the arguments, and the sample job, killed in the middle and run again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from cloudpatterns.compute import DistributedProcessing
from cloudpatterns.core import ArgumentError
from moto.server import ThreadedMotoServer
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs
from tests.program import ROOT

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:7"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-a1b2c3"
PLACE: dict[str, Any] = {
    "vpc_id": "vpc-0a",
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-0a", "eu-west-1b": "subnet-0b"},
    "internet_egress": True,
}
JOBS: dict[str, Any] = {**PLACE, "jobs": {"sum": {"image": IMAGE}}}
SPARK: dict[str, Any] = {**PLACE, "spark": {}}
APP = ROOT / "examples" / "distributed_processing" / "app"


def _graph(args: Mapping[str, Any], mode: Any = "deployed") -> Graph:
    given: Any = args
    return record(lambda: DistributedProcessing("work", given), mode=mode)


def _statements(policy: Resource) -> dict[str, Any]:
    return {statement["Sid"]: statement for statement in json.loads(policy.inputs["policy"])["Statement"]}


def _container(graph: Graph, name: str = "work-job-sum") -> dict[str, Any]:
    return json.loads(graph.named(name).inputs["containerProperties"])


def _granted(statements: Mapping[str, Any]) -> set[str]:
    return {action for statement in statements.values() for action in statement["Action"]}


def test_jobs_can_be_tried_again_whole_a_lost_worker_is_and_an_error_of_the_application_is_not() -> None:
    job = {"image": IMAGE, "attempts": 4, "retry_exit_codes": [75]}
    definition = _graph({**PLACE, "jobs": {"sum": job}}).named("work-job-sum")
    assert definition.inputs["retryStrategy"] == {
        "attempts": 4,
        "evaluateOnExits": [
            {"action": "retry", "onStatusReason": "Your Spot Task was interrupted*"},
            {"action": "retry", "onStatusReason": "Timeout waiting for network interface*"},
            {"action": "retry", "onExitCode": "75"},
            {"action": "exit", "onReason": "*"},
        ],
    }
    assert definition.inputs["timeout"] == {"attemptDurationSeconds": 3600}
    # A job that waits or is tried again names its revision.
    assert definition.inputs["deregisterOnNewRevision"] is False


def test_a_lost_worker_loses_no_input_jobs_read_it_and_delete_nothing() -> None:
    graph = _graph({**JOBS, "input_prefix": "raw/", "output_prefix": "sums/"})
    policy = graph.named("work-job-policy")
    granted = _statements(policy)
    source, target = (graph.named(f"work-{what}-bucket").outputs["arn"] for what in ("input", "output"))
    key = graph.one("aws:kms/key:Key").outputs["arn"]
    assert granted["InputObjects"] == {
        "Sid": "InputObjects",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": [f"{source}/raw/*"],
    }
    assert granted["InputList"]["Resource"] == [source]
    assert granted["InputList"]["Condition"] == {"StringLike": {"s3:prefix": ["raw/*"]}}
    assert granted["OutputObjects"]["Action"] == ["s3:AbortMultipartUpload", "s3:PutObject"]
    assert granted["OutputObjects"]["Resource"] == granted["PublishedObjects"]["Resource"] == [f"{target}/sums/*"]
    assert granted["OutputKey"]["Resource"] == [key]
    assert _granted(granted) == {
        *("kms:Decrypt", "kms:GenerateDataKey", "s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"),
        "s3:PutObject",
    }


def test_the_environment_is_private_spot_first_and_outlived_by_the_policies_of_both_roles() -> None:
    graph = _graph(JOBS)
    spot, fargate = graph.named("work-spot"), graph.named("work-fargate")
    assert spot.inputs["computeResources"] == {
        "type": "FARGATE_SPOT",
        "maxVcpus": 64,
        "subnets": ["subnet-0a", "subnet-0b"],
        "securityGroupIds": [graph.named("work-workers").id],
    }
    assert fargate.inputs["computeResources"]["type"] == "FARGATE"
    assert fargate.inputs["computeResources"]["maxVcpus"] == 16
    queue = graph.named("work-queue")
    # An array has up to 10,000 jobs, and Batch ends 16 a second with their queue.
    assert queue.inputs["timeouts"] == {"delete": "60m"}
    orders = queue.inputs["computeEnvironmentOrders"]
    assert [order["order"] for order in orders] == [1, 2]
    assert [order["computeEnvironment"] for order in orders] == [spot.outputs["arn"], fargate.outputs["arn"]]
    for environment in (spot, fargate):
        assert {urn.rpartition("::")[2] for urn in environment.dependencies} >= {"work-job-policy", "work-execution-policy"}
        # Without a service role Batch uses its service-linked one.
        assert "serviceRole" not in environment.inputs


def test_a_job_learns_its_prefixes_and_batch_gets_no_variable_without_a_value() -> None:
    environment = _container(_graph({**JOBS, "output_prefix": "sums/"}))["environment"]
    assert {entry["name"] for entry in environment} == {"INPUT_BUCKET", "OUTPUT_BUCKET", "OUTPUT_PREFIX"}
    assert {"name": "OUTPUT_PREFIX", "value": "sums/"} in environment


def test_a_name_that_batch_would_refuse_is_refused() -> None:
    args: Any = JOBS
    with pytest.raises(ArgumentError) as caught:
        record(lambda: DistributedProcessing("my.work", args))
    reason = "it begins names of Batch: letters, digits, hyphens and underscores, a letter or digit first"
    assert caught.value.problems == [("name", f"is 'my.work'; {reason}. Rename the component.")]


def test_without_spot_the_queue_has_fargate_alone() -> None:
    graph = _graph({**JOBS, "spot": False, "max_vcpus": 8})
    assert graph.one("aws:batch/computeEnvironment:ComputeEnvironment").inputs["computeResources"]["type"] == "FARGATE"
    assert graph.one("aws:batch/computeEnvironment:ComputeEnvironment").inputs["computeResources"]["maxVcpus"] == 8


def test_a_job_is_what_fargate_takes_read_only_with_writable_folders_and_logs_under_the_key() -> None:
    job = {
        **{"image": IMAGE, "command": ["--day", "Ref::day"], "parameters": {"day": "x"}, "environment": {"MODE": "fast"}, "user": "1000"},
        **{"cpu_units": 1024, "ephemeral_storage_gib": 50, "secrets": {"API_KEY": f"{SECRET}:key::"}},
    }
    graph = _graph({**PLACE, "jobs": {"sum": job}, "secret_kms_key_arns": ["arn:aws:kms:eu-west-1:123456789012:key/s"]})
    assert _container(graph) == {
        "image": IMAGE,
        "command": ["--day", "Ref::day"],
        "jobRoleArn": graph.named("work-job-role").outputs["arn"],
        "executionRoleArn": graph.named("work-execution-role").outputs["arn"],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "ARM64"},
        "fargatePlatformConfiguration": {"platformVersion": "LATEST"},
        "networkConfiguration": {"assignPublicIp": "DISABLED"},
        "environment": [
            {"name": "INPUT_BUCKET", "value": graph.named("work-input-bucket").outputs["bucket"]},
            {"name": "MODE", "value": "fast"},
            {"name": "OUTPUT_BUCKET", "value": graph.named("work-output-bucket").outputs["bucket"]},
        ],
        "secrets": [{"name": "API_KEY", "valueFrom": f"{SECRET}:key::"}],
        "user": "1000",
        "ephemeralStorage": {"sizeInGiB": 50},
        "readonlyRootFilesystem": True,
        "linuxParameters": {"initProcessEnabled": True},
        "volumes": [{"name": "volume-1"}],
        "mountPoints": [{"sourceVolume": "volume-1", "containerPath": "/tmp"}],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"awslogs-group": graph.named("work-logs").outputs["name"], "awslogs-stream-prefix": "job"},
        },
    }
    assert refs(graph, graph.named("work-logs"), "kmsKeyId") == ["work-key", "work-key-policy"]
    granted = _statements(graph.named("work-execution-policy"))
    assert granted["Images"]["Resource"] == ["arn:aws:ecr:eu-west-1:123456789012:repository/orders"]
    # Without the key in its JSON: IAM knows the secret alone.
    assert granted["Secrets"]["Resource"] == [SECRET]
    assert granted["Logs"]["Resource"] == [f"{graph.named('work-logs').outputs['arn']}:*"]
    assert granted["SecretKeys"]["Action"] == ["kms:Decrypt"]
    assert set(granted) == {"Logs", "RegistryLogin", "Images", "Secrets", "SecretKeys"}


def test_images_of_other_registries_and_parameters_need_rights_of_their_own() -> None:
    parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/key"
    job = {"image": "public.ecr.aws/docker/library/python:3.13", "secrets": {"SETTING": parameter}}
    granted = _statements(_graph({**PLACE, "jobs": {"sum": job}}).named("work-execution-policy"))
    assert set(granted) == {"Logs", "Parameters"}
    assert granted["Parameters"]["Resource"] == [parameter]


def test_workers_reach_what_is_named_and_nobody_reaches_them() -> None:
    args = {**JOBS, "internet_egress": False, "endpoint_cidr": "10.60.0.0/16", "s3_prefix_list_id": "pl-0a"}
    graph = _graph(args)
    assert graph.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule") == []
    rules = {rule.name: rule.inputs for rule in graph.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")}
    assert rules["work-workers-to-endpoints"]["cidrIpv4"] == "10.60.0.0/16"
    assert rules["work-workers-to-s3"]["prefixListId"] == "pl-0a"
    assert {(rule["fromPort"], rule["toPort"]) for rule in rules.values()} == {(443, 443)}
    existing = {key: value for key, value in JOBS.items() if key not in ("vpc_id", "internet_egress")}
    groups = _graph({**existing, "security_group_ids": ["sg-0a"]})
    assert groups.of_type("aws:ec2/securityGroup:SecurityGroup") == []
    assert groups.named("work-spot").inputs["computeResources"]["securityGroupIds"] == ["sg-0a"]


def test_existing_buckets_are_adopted_with_their_keys_and_not_changed() -> None:
    bucket, key = "arn:aws:s3:::company-orders", "arn:aws:kms:eu-west-1:123456789012:key/b"
    graph = _graph({**JOBS, "existing_input_bucket": {"arn": bucket, "kms_key_arn": key}, "existing_output_bucket": {"arn": bucket}})
    assert graph.of_type("aws:s3/bucket:Bucket") == []
    granted = _statements(graph.named("work-job-policy"))
    assert granted["InputKey"]["Resource"] == [key]
    assert "OutputKey" not in granted
    assert graph.one("cloudpatterns:index:DistributedProcessing").outputs["input_bucket_name"] == "company-orders"


def test_both_new_buckets_share_the_key_and_one_log_bucket() -> None:
    graph = _graph({**JOBS, "output_retention_days": 30})
    assert sorted(bucket.name for bucket in graph.of_type("aws:s3/bucket:Bucket")) == [
        *("work-input-bucket", "work-input-logs-bucket", "work-output-bucket"),
    ]
    [rule] = graph.named("work-output-lifecycle").inputs["rules"]
    assert rule["expiration"] == {"days": 30}
    assert "days" not in graph.named("work-input-lifecycle").inputs["rules"][0]["expiration"]


def test_failed_jobs_and_a_blocked_queue_notify_an_array_once() -> None:
    graph = _graph({**JOBS, "alarm_topic_arns": [TOPIC]})
    queue = graph.named("work-queue").outputs["arn"]
    assert json.loads(graph.named("work-failed").inputs["eventPattern"]) == {
        "source": ["aws.batch"],
        "detail-type": ["Batch Job State Change"],
        "detail": {"status": ["FAILED"], "jobQueue": [queue], "arrayProperties": {"index": [{"exists": False}]}},
    }
    assert json.loads(graph.named("work-blocked").inputs["eventPattern"]) == {
        "source": ["aws.batch"],
        "detail-type": ["Batch Job Queue Blocked"],
        "detail": {"jobQueue": [queue]},
    }
    assert graph.named("work-failed-topic-1").inputs["arn"] == graph.named("work-blocked-topic-1").inputs["arn"] == TOPIC
    assert _graph(JOBS).of_type("aws:cloudwatch/eventRule:EventRule") == []


def test_a_schedule_submits_the_newest_revision_and_parks_what_cannot_be_submitted() -> None:
    schedules = {"nightly": {"job": "sum", "schedule_expression": "cron(0 2 * * ? *)", "array_size": 5, "parameters": {"day": "x"}}}
    graph = _graph({**JOBS, "schedules": schedules, "alarm_topic_arns": [TOPIC]})
    schedule = graph.named("work-schedule-nightly")
    assert schedule.inputs["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:batch:submitJob"
    definition = graph.named("work-job-sum")
    assert json.loads(schedule.inputs["target"]["input"]) == {
        "JobName": "nightly",
        "JobQueue": graph.named("work-queue").outputs["arn"],
        "JobDefinition": definition.outputs["name"],
        "ArrayProperties": {"Size": 5},
        "Parameters": {"day": "x"},
    }
    granted = _statements(graph.named("work-schedule-policy"))
    prefix = definition.outputs["arnPrefix"]
    assert granted["SubmitJobs"]["Resource"] == [graph.named("work-queue").outputs["arn"], prefix, f"{prefix}:*"]
    assert schedule.inputs["target"]["deadLetterConfig"] == {"arn": graph.named("work-unsubmitted").outputs["arn"]}
    assert graph.named("work-unsubmitted-alarm").inputs["alarmActions"] == [TOPIC]


def test_fair_share_is_another_queue_with_its_policy() -> None:
    graph = _graph({**JOBS, "fair_share": {"weights": {"reports": 0.5, "lab-*": 2}, "reservation_percent": 10}})
    assert graph.one("aws:batch/jobQueue:JobQueue").name == "work-shared-queue"
    assert refs(graph, graph.one("aws:batch/jobQueue:JobQueue"), "schedulingPolicyArn") == ["work-shares"]
    assert graph.named("work-shares").inputs["fairSharePolicy"] == {
        "computeReservation": 10,
        "shareDecaySeconds": 3600,
        "shareDistributions": [
            {"shareIdentifier": "lab-*", "weightFactor": 2},
            {"shareIdentifier": "reports", "weightFactor": 0.5},
        ],
    }


def test_spark_jobs_run_in_a_bounded_application_that_stops() -> None:
    graph = _graph({**SPARK, "alarm_topic_arns": [TOPIC]})
    application = graph.one("aws:emrserverless/application:Application")
    assert application.inputs["maximumCapacity"] == {"cpu": "64 vCPU", "memory": "256 GB", "disk": "2000 GB"}
    assert application.inputs["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 5}
    assert application.inputs["networkConfiguration"]["subnetIds"] == ["subnet-0a", "subnet-0b"]
    assert refs(graph, application, "monitoringConfiguration") == ["work-logs"]
    assert "work-job-policy" in {urn.rpartition("::")[2] for urn in application.dependencies}
    assert graph.of_type("aws:batch/jobQueue:JobQueue") == []
    trust = json.loads(graph.named("work-job-role").inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": ["emr-serverless.amazonaws.com"]}
    granted = _statements(graph.named("work-job-policy"))
    assert {"Logs", "LogGroups"} <= set(granted)
    # The committers of Spark and Hive delete their temporary objects.
    assert granted["OutputObjects"]["Action"] == ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
    assert "s3:DeleteObject" not in granted["InputObjects"]["Action"]
    assert json.loads(graph.named("work-failed").inputs["eventPattern"])["detail-type"] == ["EMR Serverless Job Run State Change"]


@pytest.mark.parametrize(
    ("args", "actions"),
    [
        (JOBS, {"batch:SubmitJob", "batch:DescribeJobs", "batch:ListJobs"}),
        (SPARK, {"emr-serverless:StartJobRun", "emr-serverless:CancelJobRun", "emr-serverless:GetJobRun", "iam:PassRole"}),
    ],
)
def test_others_submit_jobs_add_input_and_read_output_with_named_rights(args: Any, actions: set[str]) -> None:
    lines: list[Any] = []

    def program() -> None:
        work = DistributedProcessing("work", args)
        lines.append((work.submit_statements(), work.input_statements(), work.output_statements()))

    record(program)
    [(submit, add, read)] = lines
    assert {action for line in submit for action in line["actions"]} == actions
    assert {action for line in add for action in line["actions"]} == {
        *("s3:AbortMultipartUpload", "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey"),
    }
    assert {action for line in read for action in line["actions"]} == {
        *("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "kms:Decrypt"),
    }


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (PLACE, "jobs", "exactly one of jobs and spark is needed; none is given. Give one."),
        ({**JOBS, "spark": {}}, "jobs", "exactly one of jobs and spark is needed; both are given. Remove one."),
        (
            {**JOBS, "security_group_ids": ["sg-0a"]},
            "vpc_id",
            "exactly one of vpc_id and security_group_ids is needed; both are given. Remove one.",
        ),
        (
            {**JOBS, "internet_egress": False, "endpoint_cidr": "10.0.0.0/16"},
            "s3_prefix_list_id",
            "is missing; without it the workers reach no data and the layers of images. Give it, or set internet_egress to True.",
        ),
        (
            {**PLACE, "jobs": {"sum": {"image": IMAGE, "cpu_units": 1024, "memory_mib": 1024}}},
            "jobs.sum.memory_mib",
            "is 1024; Fargate has 2048 to 8192 MiB in steps of 1024 for 1024 CPU units. Set it to 2048.",
        ),
        (
            {**JOBS, "max_vcpus": 2, "jobs": {"sum": {"image": IMAGE, "cpu_units": 4096}}},
            "jobs.sum.cpu_units",
            "is 4096, more than max_vcpus (2): the job would wait for ever. Raise max_vcpus.",
        ),
        (
            {**PLACE, "jobs": {"sum": {"image": IMAGE, "environment": {"DB_PASSWORD": "hunter2"}}}},
            "jobs.sum.environment.DB_PASSWORD",
            "looks like a secret; anyone who describes the job can read it. Move it to secrets.",
        ),
        (
            {**PLACE, "jobs": {"sum": {"image": IMAGE, "environment": {"AWS_BATCH_X": "1"}}}},
            "jobs.sum.environment.AWS_BATCH_X",
            "is set by Batch or by the component. Choose another name.",
        ),
        (
            {**PLACE, "jobs": {"sum": {"image": IMAGE, "environment": {"MODE": ""}}}},
            "jobs.sum.environment.MODE",
            "has no value; Batch drops such variables. Remove it.",
        ),
        (
            {**PLACE, "jobs": {"sum": {"image": IMAGE, "command": ["Ref::day"]}}},
            "jobs.sum.parameters",
            "has no day, which command refers to. Give a default value.",
        ),
        (
            {**PLACE, "jobs": {"sum": {"image": "orders:latest"}}},
            "jobs.sum.image",
            "is 'orders:latest'; must be an image by its digest or by a tag other than latest, such as "
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:2027.1",
        ),
        (
            {**JOBS, "schedules": {"nightly": {"job": "add", "schedule_expression": "rate(1 day)"}}},
            "schedules.nightly.job",
            "is 'add', which is not a job; known are sum.",
        ),
        (
            {**JOBS, "fair_share": {}, "schedules": {"nightly": {"job": "sum", "schedule_expression": "rate(1 day)"}}},
            "schedules.nightly.share_identifier",
            "is missing; fair_share needs it of each job. Give it.",
        ),
        (
            {**JOBS, "fair_share": {"weights": {"lab-*": 1, "lab-1": 2}}},
            "fair_share.weights.lab-1",
            "is also one of lab-*; AWS takes each share once. Remove one of them.",
        ),
        ({**SPARK, "max_vcpus": 8}, "max_vcpus", "is for jobs of AWS Batch; spark has settings of its own. Remove it."),
        (
            {**JOBS, "spot": False, "on_demand_max_vcpus": 8},
            "on_demand_max_vcpus",
            "is given without spot, where max_vcpus is that of Fargate. Leave it out.",
        ),
    ],
)
def test_what_aws_would_refuse_or_leave_waiting_is_refused(args: Any, path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        _graph(args)
    assert caught.value.problems == [(path, reason)]
    assert "hunter2" not in str(caught.value)


# The sample job.

DAY = "2026-11-30T02:00:00Z"
ORDERS = {f"orders/2026-11-29/{number}.csv": f"product,amount\ntea,{number}.50\ncup,1\n" for number in range(6)}
# A process that ends itself, by a signal, when it is about to write its n-th object.
DRIVER = """
import os, sys
import boto3, job
number, at = int(sys.argv.pop(1)), int(sys.argv.pop(1))
client, puts = boto3.client("s3"), []
def count(**_):
    puts.append(1)
    if len(puts) == at:
        os.kill(os.getpid(), number)
client.meta.events.register("before-call.s3.PutObject", count)
job.boto3.client = lambda *_: client
job.main()
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str) -> Any:
    client = boto3.client("s3", endpoint_url=endpoint, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="a")
    for bucket in ("orders-in", "orders-out"):
        for found in client.list_buckets()["Buckets"]:
            if found["Name"] == bucket:
                for left in client.list_objects_v2(Bucket=bucket).get("Contents", []):
                    client.delete_object(Bucket=bucket, Key=left["Key"])
                client.delete_bucket(Bucket=bucket)
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for key, text in ORDERS.items():
        client.put_object(Bucket="orders-in", Key=key, Body=text.encode())
    return client


def _run(endpoint: str, attempt: int, number: int = 0, at: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {
        **{"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": "eu-west-1"},
        **{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "a", "INPUT_BUCKET": "orders-in", "INPUT_PREFIX": "orders/"},
        **{
            "OUTPUT_BUCKET": "orders-out",
            "AWS_BATCH_JOB_ID": "j1",
            "AWS_BATCH_JOB_ATTEMPT": str(attempt),
            **environment,
        },
    }
    command = [sys.executable, "-c", DRIVER, str(number), str(at), DAY]
    return subprocess.run(command, cwd=APP, env=variables, capture_output=True, text=True, timeout=60, check=False)


def _keys(s3: Any, prefix: str) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket="orders-out", Prefix=prefix).get("Contents", [])]


def _published(s3: Any, name: str = "0-of-1") -> dict[str, str]:
    manifest = json.loads(s3.get_object(Bucket="orders-out", Key=f"published/2026-11-29/{name}.json")["Body"].read())
    parts = [json.loads(s3.get_object(Bucket="orders-out", Key=part)["Body"].read()) for part in manifest["parts"]]
    return {str(number): part["tea"] for number, part in enumerate(parts)}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_job_that_is_killed_in_the_middle_publishes_nothing_and_the_next_attempt_all(
    s3: Any, endpoint: str, number: int, code: int
) -> None:
    killed = _run(endpoint, 1, number, at=4)
    # Not 0, which Batch would take for success.
    assert killed.returncode == code, killed.stderr
    assert len(_keys(s3, "attempts/2026-11-29/0-of-1/j1/1/")) == 3
    assert _keys(s3, "published/") == []
    again = _run(endpoint, 2)
    assert again.returncode == 0, again.stderr
    assert _published(s3) == {str(number): f"{number}.50" for number in range(6)}
    manifest = s3.get_object(Bucket="orders-out", Key="published/2026-11-29/0-of-1.json")["Body"].read()
    assert all(part.startswith("attempts/2026-11-29/0-of-1/j1/2/") for part in json.loads(manifest)["parts"])
    # The input is as it was.
    assert {key: s3.get_object(Bucket="orders-in", Key=key)["Body"].read().decode() for key in ORDERS} == ORDERS


def test_a_job_that_is_killed_before_its_last_step_and_one_that_runs_twice_publish_once(s3: Any, endpoint: str) -> None:
    assert _run(endpoint, 1, signal.SIGKILL, at=7).returncode == -signal.SIGKILL
    assert _keys(s3, "published/") == []
    assert _run(endpoint, 2).returncode == 0
    first = s3.head_object(Bucket="orders-out", Key="published/2026-11-29/0-of-1.json")["ETag"]
    third = _run(endpoint, 3, AWS_BATCH_JOB_ID="j2")
    assert third.returncode == 0
    assert third.stdout == "published/2026-11-29/0-of-1.json is there: an earlier attempt published it\n"
    assert s3.head_object(Bucket="orders-out", Key="published/2026-11-29/0-of-1.json")["ETag"] == first


def test_the_children_of_an_array_job_share_the_input_without_gap_and_overlap(s3: Any, endpoint: str) -> None:
    for index in range(3):
        done = _run(endpoint, 1, AWS_BATCH_JOB_ID=f"j1:{index}", AWS_BATCH_JOB_ARRAY_INDEX=str(index), AWS_BATCH_JOB_ARRAY_SIZE="3")
        assert done.returncode == 0, done.stderr
    teas = sorted(tea for index in range(3) for tea in _published(s3, f"{index}-of-3").values())
    assert teas == [f"{number}.50" for number in range(6)]
