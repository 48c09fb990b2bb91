"""CloudDependencyInjection: tags in the metadata, a role that reads its own path alone, and every refusal."""

import base64
import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cloudpatterns.compute import CloudDependencyInjection, ScaleOut
from cloudpatterns.core import ArgumentError
from offline_preview.graph import Graph

from tests.harness import record, refs

GROUP, TEMPLATE, POLICY = "aws:autoscaling/group:Group", "aws:ec2/launchTemplate:LaunchTemplate", "aws:iam/rolePolicy:RolePolicy"
PARAMETER = "aws:ssm/parameter:Parameter"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000001"
ARGUMENTS: Any = {
    "app": "shop",
    "env": "prod",
    "role": "web",
    "unit": "shop.service",
    "instance_types": ["t4g.small"],
    "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
    "min_size": 2,
    "max_size": 4,
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
    "security_group_ids": ["sg-web"],
}


def servers(**changes: Any) -> Graph:
    return record(lambda: CloudDependencyInjection("shop", {**ARGUMENTS, **changes}), mode="deployed")


def refused(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        servers(**changes)
    return error.value.problems


def statements(graph: Graph) -> dict[str, Any]:
    policy = next(one for one in graph.of_type(POLICY) if one.name == "shop-configuration")
    assert "shop-role-role" in refs(graph, policy, "role")
    return {statement["Sid"]: statement for statement in json.loads(policy.inputs["policy"])["Statement"]}


def test_the_role_reads_only_its_own_path() -> None:
    found = statements(servers())
    read = found["ReadConfiguration"]
    assert (read["Effect"], read["Action"]) == ("Allow", ["ssm:GetParametersByPath"])
    own, below = read["Resource"]
    assert own.startswith("arn:aws:ssm:eu-west-1:")
    assert own.endswith(":parameter/shop/prod/web")
    assert below == f"{own}/*"

    def matches(arn: str) -> bool:
        return any(fnmatchcase(arn, pattern) for pattern in read["Resource"])

    assert matches(own)
    assert matches(f"{own}/DATABASE_HOST")
    for sibling in (f"{own}2", f"{own}2/DATABASE_HOST", own.removesuffix("/web"), own.replace("/prod/", "/test/")):
        assert not matches(sibling)
    others = found["OtherParameters"]
    assert (others["Effect"], others["NotResource"]) == ("Deny", read["Resource"])
    assert others["Action"] == ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:GetParameterHistory"]


def test_an_instance_cannot_change_its_tags() -> None:
    keep = statements(servers())["KeepTags"]
    assert keep == {
        "Sid": "KeepTags",
        "Effect": "Deny",
        "Action": ["ec2:CreateTags", "ec2:DeleteTags"],
        "Resource": ["arn:aws:ec2:*:*:instance/*"],
    }


def test_the_tags_are_in_the_metadata() -> None:
    graph = servers(tags={"Owner": "shop"})
    template = graph.one(TEMPLATE)
    assert template.inputs["metadataOptions"]["instanceMetadataTags"] == "enabled"
    assert template.inputs["metadataOptions"]["httpTokens"] == "required"
    tags = {"Name": "shop-servers", "Owner": "shop", "app": "shop", "env": "prod", "role": "web"}
    assert [one["tags"] for one in template.inputs["tagSpecifications"]] == [tags] * 3
    assert {one["key"]: one["value"] for one in graph.one(GROUP).inputs["tags"]} == tags


def test_a_group_that_does_not_ask_has_no_tags_in_the_metadata() -> None:
    plain: Any = {key: value for key, value in ARGUMENTS.items() if key not in ("app", "env", "role", "unit")}
    plain["tags"] = {"cost/centre": "1"}
    graph = record(lambda: ScaleOut("shop", plain), mode="deployed")
    assert "instanceMetadataTags" not in graph.one(TEMPLATE).inputs["metadataOptions"]


def test_user_data_installs_the_script_and_then_runs_the_callers() -> None:
    text = base64.b64decode(servers(user_data="#!/bin/bash\necho mine\n").one(TEMPLATE).inputs["userData"]).decode()
    assert text.index("10-configuration.sh") < text.index("20-application.sh") < text.index("echo mine")
    assert "REFRESH_MINUTES=5" in text


def test_the_parameters_are_secure_strings_below_the_path() -> None:
    graph = servers(parameters={"DATABASE_HOST": "db", "PASSWORD": "hidden"}, configuration_kms_key_arn=KEY)
    shown = {one.inputs["name"]: (one.inputs["type"], one.inputs["keyId"]) for one in graph.of_type(PARAMETER)}
    assert shown == {"/shop/prod/web/DATABASE_HOST": ("SecureString", KEY), "/shop/prod/web/PASSWORD": ("SecureString", KEY)}
    decrypt = statements(graph)["Decrypt"]
    assert (decrypt["Action"], decrypt["Resource"]) == (["kms:Decrypt"], [KEY])
    [context] = decrypt["Condition"]["StringLike"]["kms:EncryptionContext:PARAMETER_ARN"]
    assert context.endswith(":parameter/shop/prod/web/*")


def test_a_bucket_in_place_of_parameter_store() -> None:
    graph = servers(bucket_name="configurations")
    read = statements(graph)["ReadConfiguration"]
    assert (read["Action"], read["Resource"]) == (["s3:GetObject"], ["arn:aws:s3:::configurations/shop/prod/web/configuration.json"])
    outputs = graph.one("cloudpatterns:index:CloudDependencyInjection").outputs
    assert outputs["configuration_path"] == "s3://configurations/shop/prod/web/configuration.json"


@pytest.mark.parametrize("key", ["cost/centre", "cost centre", ".", "..", "_index", "é", "k" * 256])
def test_a_tag_that_the_metadata_cannot_hold_is_refused(key: str) -> None:
    reason = f"has the key {key!r}; tags in the metadata have keys of 1 to 255 letters, digits and -_+=,.@:, and not ., .., _index"
    assert refused(tags={key: "1"}) == [("tags", f"{reason}. Rename it, or no instance starts.")]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"app": "awsome"}, ("app", "is 'awsome'; names of parameters cannot begin with aws or ssm. Rename it.")),
        ({"tags": {"role": "db"}}, ("tags.role", "is given; the argument role sets it. Remove it.")),
        (
            {"bucket_name": "settings", "parameters": {"A": "1"}},
            ("bucket_name", "excludes parameters: the configuration is in the bucket; both are given. Remove one of them."),
        ),
        (
            {"parameters": {"A": ""}},
            ("parameters.A", "has 0 bytes; a standard parameter has 1 to 4,096. Shorten it, remove it, or use bucket_name."),
        ),
        (
            {"parameters": {"A": "é" * 2049}},
            ("parameters.A", "has 4,098 bytes; a standard parameter has 1 to 4,096. Shorten it, remove it, or use bucket_name."),
        ),
        (
            {"parameters": {"A": "dear {{name}}"}},
            ("parameters.A", "has text between {{ and }}, which Parameter Store refuses. Change it, or use bucket_name."),
        ),
        ({"min_size": 5}, ("min_size", "is 5, above max_size 4. Lower it or raise max_size.")),
        ({"user_data": "echo"}, ("user_data", "begins with 'echo'; a script is needed. Begin it with #!/bin/bash.")),
    ],
)
def test_what_is_refused(changes: dict[str, Any], problem: tuple[str, str]) -> None:
    assert refused(**changes) == [problem]


def test_a_role_of_several_parts_is_refused() -> None:
    [(path, reason)] = refused(role="web/*")
    assert path == "role"
    assert reason.startswith("is 'web/*'; must be 1 to 64 letters, digits, hyphens and underscores")
