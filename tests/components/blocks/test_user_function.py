import json
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi
import pytest
from cloudpatterns.blocks import user_function
from cloudpatterns.core import Arguments, ExistingFunction, FunctionOptions, Statement
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names
from tests.harness import refs

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
TAGS = {"Owner": "shop"}
READ = Statement(sid="Read", actions=["sqs:ReceiveMessage"], resources=["arn:aws:sqs:eu-west-1:123456789012:jobs"])


class Taker(TypedDict):
    """Arguments with a function."""

    function: NotRequired[FunctionOptions]
    """The function."""
    existing_function: NotRequired[ExistingFunction]
    """A function that is there."""


def make(folder: Path | None = None, *, mode: Any = "deployed", existing: Any = None, topics: Any = (), **given: Any) -> Graph:
    def create(parent: Parent) -> None:
        code = {"code": pulumi.FileArchive(str(folder))} if folder else {}
        args: Any = {"function": {**code, **given}} if existing is None else {"existing_function": existing}
        checked = Arguments(Taker).check("shop", args)
        user_function(
            parent,
            "shop-jobs",
            checked.get("function"),
            checked.get("existing_function"),
            description="Does the jobs",
            statements=[READ],
            environment={"QUEUE_URL": "https://queue"},
            kms_key_arn=KEY,
            alarm_topic_arns=topics,
            tags=TAGS,
        )

    return children(create, mode)


def test_it_has_the_users_code_and_settings(tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text("", encoding="utf-8")
    graph = make(tmp_path, memory_mib=1024, timeout_seconds=60, environment={"STAGE": "live"}, reserved_concurrency=3)
    assert names(graph) == {
        "shop-jobs": "Function",
        "shop-jobs-logs": "LogGroup",
        "shop-jobs-role": "Role",
        "shop-jobs-policy": "RolePolicy",
    }
    inputs = graph.named("shop-jobs").inputs
    assert inputs.pop("code")["path"] == str(tmp_path)
    assert inputs == {
        "description": "Does the jobs",
        "role": graph.named("shop-jobs-role").outputs["arn"],
        "runtime": "python3.13",
        "handler": "index.handler",
        "architectures": ["arm64"],
        "timeout": 60,
        "memorySize": 1024,
        "ephemeralStorage": {"size": 512},
        "environment": {"variables": {"POWERTOOLS_SERVICE_NAME": "shop-jobs", "STAGE": "live", "QUEUE_URL": "https://queue"}},
        "kmsKeyArn": KEY,
        "layers": ["arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-arm64:27"],
        "reservedConcurrentExecutions": 3,
        "tracingConfig": {"mode": "Active"},
        "loggingConfig": {
            "logFormat": "JSON",
            "logGroup": graph.named("shop-jobs-logs").outputs["name"],
            "applicationLogLevel": "INFO",
            "systemLogLevel": "INFO",
        },
        "tags": TAGS,
    }
    assert graph.named("shop-jobs-logs").inputs == {"retentionInDays": 365, "kmsKeyId": KEY, "tags": TAGS}


def test_it_comes_after_every_right_of_its_role(tmp_path: Path) -> None:
    graph = make(
        tmp_path,
        mode="preview",
        subnet_ids_by_zone={"eu-west-1a": "subnet-1"},
        security_group_ids=["sg-1"],
        managed_policy_arns={"audit": "arn:aws:iam::123456789012:policy/audit"},
        permissions_boundary_arn="arn:aws:iam::123456789012:policy/boundary",
    )
    rights = {"shop-jobs-role", "shop-jobs-policy", "shop-jobs-network", "shop-jobs-policy-audit"}
    function = graph.named("shop-jobs")
    assert set(refs(graph, function, "role")) == rights
    assert function.inputs["vpcConfig"] == {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]}
    assert graph.named("shop-jobs-role").inputs["permissionsBoundary"] == "arn:aws:iam::123456789012:policy/boundary"


def test_a_role_that_is_there_gets_the_rights_of_a_new_one(tmp_path: Path) -> None:
    arn = "arn:aws:iam::123456789012:role/team/search"
    given: Any = {
        "subnet_ids_by_zone": {"eu-west-1a": "subnet-1"},
        "security_group_ids": ["sg-1"],
        "managed_policy_arns": {"audit": "arn:aws:iam::123456789012:policy/audit"},
    }
    graph, new = make(tmp_path, existing_role_arn=arn, **given), make(tmp_path, **given)
    assert names(graph) == {name: kind for name, kind in names(new).items() if kind != "Role"}
    function = graph.named("shop-jobs")
    assert function.inputs["role"] == arn
    for right in ("shop-jobs-policy", "shop-jobs-network", "shop-jobs-policy-audit"):
        assert graph.named(right).inputs["role"] == "search"
    assert set(refs(graph, function, "role")) == {"shop-jobs-policy", "shop-jobs-network", "shop-jobs-policy-audit"}
    statements = [json.loads(one.named("shop-jobs-policy").inputs["policy"])["Statement"] for one in (graph, new)]
    assert [one["Sid"] for one in statements[0]] == [one["Sid"] for one in statements[1]]


def test_its_role_may_write_its_log_and_traces_and_what_is_stated(tmp_path: Path) -> None:
    policy = json.loads(make(tmp_path).named("shop-jobs-policy").inputs["policy"])["Statement"]
    assert [one["Sid"] for one in policy] == ["Read", "Log", "Environment", "Trace"]
    assert json.loads(make(tmp_path, tracing=False).named("shop-jobs-policy").inputs["policy"])["Statement"] == policy[:-1]


def test_node_has_the_layer_for_node_and_the_library_is_a_layer_of_its_own(tmp_path: Path) -> None:
    node = make(tmp_path, runtime="nodejs24.x").named("shop-jobs").inputs
    assert node["layers"] == ["arn:aws:lambda:eu-west-1:094274105915:layer:AWSLambdaPowertoolsTypeScriptV2:40"]
    graph = make(tmp_path, powertools=False, runtime_library=True, layers=["arn:aws:lambda:eu-west-1:123456789012:layer:own:1"])
    assert graph.named("shop-jobs").inputs["layers"] == [
        graph.named("shop-jobs-library").outputs["arn"],
        "arn:aws:lambda:eu-west-1:123456789012:layer:own:1",
    ]


def test_an_image_has_no_layer_runtime_or_handler() -> None:
    inputs = make(image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs@sha256:0").named("shop-jobs").inputs
    assert (inputs["packageType"], inputs["imageUri"]) == ("Image", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs@sha256:0")
    assert inputs.keys() & {"layers", "runtime", "handler", "code"} == set()


def test_an_alarm_where_there_are_topics(tmp_path: Path) -> None:
    alarm = make(tmp_path, topics=[TOPIC]).named("shop-jobs-errors").inputs
    assert (alarm["metricName"], alarm["statistic"], alarm["threshold"], alarm["evaluationPeriods"]) == ("Errors", "Sum", 0, 5)
    assert alarm["alarmActions"] == [TOPIC]


@pytest.mark.parametrize("role", [None, "jobs"])
def test_a_function_that_is_there_gets_at_most_a_policy(role: str | None) -> None:
    existing = {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:jobs:live", "timeout_seconds": 10, "role_name": role}
    graph = make(existing=existing)
    assert names(graph) == ({"shop-jobs-policy": "RolePolicy"} if role else {})
    if role:
        assert graph.named("shop-jobs-policy").inputs["role"] == "jobs"
