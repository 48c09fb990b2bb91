import json
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.blocks import allow_invocation, pattern_function
from cloudpatterns.core import Statement
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names
from tests.harness import refs

TAGS = {"Owner": "web"}
LOOK = Statement(sid="Look", actions=["ec2:DescribeInstances"], resources=["*"])


def make(folder: Path, mode: Any = "deployed", **options: Any) -> Graph:
    (folder / "index.py").write_text("def handler(event, context): pass\n", encoding="utf-8")

    def create(parent: Parent) -> None:
        made = pattern_function(
            parent,
            "shop-watch",
            folder,
            description="Watches the shop",
            role_description="Watches instances",
            statements=[LOOK],
            memory_mib=256,
            log_retention_days=30,
            tags=TAGS,
            **options,
        )
        assert (made.function.pulumi_resource_name, made.role.pulumi_resource_name) == ("shop-watch", "shop-watch-role")

    return children(create, mode)


def test_a_function_runs_the_folders_handler_and_logs_to_its_own_group(tmp_path: Path) -> None:
    graph = make(tmp_path)
    assert names(graph) == {
        "shop-watch": "Function",
        "shop-watch-logs": "LogGroup",
        "shop-watch-role": "Role",
        "shop-watch-policy": "RolePolicy",
    }
    inputs = graph.named("shop-watch").inputs
    assets = inputs.pop("code")["assets"]
    assert {name: asset["path"] for name, asset in assets.items()} == {"index.py": str(tmp_path / "index.py")}
    assert inputs == {
        "description": "Watches the shop",
        "role": graph.named("shop-watch-role").outputs["arn"],
        "runtime": "python3.13",
        "architectures": ["arm64"],
        "handler": "index.handler",
        "timeout": 30,
        "memorySize": 256,
        "loggingConfig": {"logFormat": "JSON", "logGroup": graph.named("shop-watch-logs").outputs["name"]},
        "tags": TAGS,
    }
    assert graph.named("shop-watch-logs").inputs == {"retentionInDays": 30, "tags": TAGS}


def test_its_role_may_do_what_is_stated_and_write_its_own_log(tmp_path: Path) -> None:
    graph = make(tmp_path)
    role = graph.named("shop-watch-role").inputs
    assert (role["description"], role["tags"]) == ("Watches instances", TAGS)
    (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": ["lambda.amazonaws.com"]}
    policy = graph.named("shop-watch-policy").inputs
    assert policy["role"] == graph.named("shop-watch-role").id
    assert json.loads(policy["policy"])["Statement"] == [
        {"Sid": "Look", "Effect": "Allow", "Action": ["ec2:DescribeInstances"], "Resource": ["*"]},
        {
            "Sid": "Log",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [f"{graph.named('shop-watch-logs').outputs['arn']}:*"],
        },
    ]


@pytest.mark.parametrize("variables", [{}, {"QUEUE": "https://queue"}])
def test_the_environment_is_given_where_there_is_one(tmp_path: Path, variables: dict[str, str]) -> None:
    assert make(tmp_path, environment=variables).named("shop-watch").inputs["environment"] == {"variables": variables}


def test_the_function_waits_for_the_rights_of_its_role(tmp_path: Path) -> None:
    graph = make(tmp_path, "preview")
    assert sorted(refs(graph, graph.named("shop-watch"), "role")) == ["shop-watch-policy", "shop-watch-role"]
    assert refs(graph, graph.named("shop-watch"), "loggingConfig") == ["shop-watch-logs"]
    assert refs(graph, graph.named("shop-watch-policy"), "policy") == ["shop-watch-logs"]


def test_a_service_may_invoke_a_function_for_one_source_alone() -> None:
    graph = children(lambda parent: allow_invocation(parent, "shop-permission", "watch", "s3.amazonaws.com", "arn:aws:s3:::shop"))
    assert names(graph) == {"shop-permission": "Permission"}
    assert graph.named("shop-permission").inputs == {
        "action": "lambda:InvokeFunction",
        "function": "watch",
        "principal": "s3.amazonaws.com",
        "sourceArn": "arn:aws:s3:::shop",
    }


@pytest.mark.parametrize(
    ("function", "name", "qualifier"),
    [
        ("watch:live", "watch", "live"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:watch", "arn:aws:lambda:eu-west-1:123456789012:function:watch", None),
        ("arn:aws:lambda:eu-west-1:123456789012:function:watch:7", "arn:aws:lambda:eu-west-1:123456789012:function:watch", "7"),
        ("123456789012:function:watch:live", "123456789012:function:watch", "live"),
    ],
)
def test_the_permission_of_an_alias_names_it_as_the_provider_reads_it(function: str, name: str, qualifier: str | None) -> None:
    """A qualified name in ``function`` would differ from what the provider reads, and replace the permission at each update."""
    graph = children(lambda parent: allow_invocation(parent, "shop-permission", function, "s3.amazonaws.com", "arn:aws:s3:::shop"))
    inputs = graph.named("shop-permission").inputs
    assert (inputs["function"], inputs.get("qualifier")) == (name, qualifier)
