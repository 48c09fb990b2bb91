"""``Stamp``: the pipeline, what it may do, and what launches read."""

import json
from typing import Any

import pytest
from cloudpatterns.compute import Stamp
from cloudpatterns.core import ArgumentError
from offline_preview.graph import Graph

from tests.emulators.automation import errors
from tests.harness import record

TEXT = """
name: web
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: Install, action: ExecuteBash, inputs: {commands: [dnf install -y nginx]}}
  - name: test
    steps:
      - {name: Check, action: ExecuteBash, inputs: {commands: [nginx -t]}}
"""
KEY, TOPIC = "arn:aws:kms:eu-central-1:123456789012:key/1", "arn:aws:sns:eu-west-1:123456789012:on-call"
ARGS: dict[str, Any] = {
    "parent_image": "arn:aws:imagebuilder:eu-west-1:aws:image/amazon-linux-2023-x86/x.x.x",
    "components": {"web": TEXT},
    "regions": ["eu-west-1", "eu-central-1"],
    "subnet_id": "subnet-1",
    "security_group_ids": ["sg-1"],
}


def stamp(**args: Any) -> Graph:
    arguments: Any = {**ARGS, **args}
    return record(lambda: Stamp("shop", arguments), mode="deployed")


def test_images_are_encrypted_under_a_key_of_each_region() -> None:
    graph = stamp(kms_key_arns={"eu-central-1": KEY})
    key = graph.named("shop-key-eu-west-1")
    assert key.inputs["region"] == "eu-west-1"
    ebs = graph.named("shop-recipe").inputs["blockDeviceMappings"][0]["ebs"]
    assert (ebs["encrypted"], ebs["kmsKeyId"]) == ("true", key.outputs["arn"])
    distributions = graph.named("shop-distribution").inputs["distributions"]
    keys = {one["region"]: one["amiDistributionConfiguration"]["kmsKeyId"] for one in distributions}
    assert keys == {"eu-west-1": key.outputs["arn"], "eu-central-1": KEY}


def test_launches_resolve_the_parameter_after_the_first_build() -> None:
    graph = stamp()
    distributions = graph.named("shop-distribution").inputs["distributions"]
    assert [one["ssmParameterConfigurations"] for one in distributions] == [[{"parameterName": "/images/shop", "dataType": "text"}]] * 2
    assert graph.named("shop-first-image").inputs["distributionConfigurationArn"] == graph.named("shop-distribution").outputs["arn"]
    put, describe, *_ = json.loads(graph.named("shop-execution-policy").inputs["policy"])["Statement"]
    assert (put["Action"], describe["Action"]) == (["ssm:PutParameter"], ["ec2:DescribeImages"])
    assert put["Resource"] == [f"arn:aws:ssm:{region}:123456789012:parameter/images/shop" for region in ARGS["regions"]]


def test_the_build_instance_is_private_and_ends_with_the_build() -> None:
    inputs = stamp().named("shop-infrastructure").inputs
    assert inputs["terminateInstanceOnFailure"] is True
    assert inputs["instanceMetadataOptions"]["httpTokens"] == "required"
    assert (inputs["subnetId"], inputs["securityGroupIds"]) == ("subnet-1", ["sg-1"])


def test_the_build_instance_reads_components_and_writes_its_log() -> None:
    statements = json.loads(stamp().named("shop-build-policy").inputs["policy"])["Statement"]
    resources = {action: one["Resource"] for one in statements for action in one["Action"]}
    assert resources["imagebuilder:GetComponent"] == ["arn:*:imagebuilder:*:*:component/*"]
    assert resources["s3:GetObject"] == ["arn:*:s3:::ec2imagebuilder*"]
    assert resources["logs:PutLogEvents"] == ["arn:*:logs:*:*:log-group:/aws/imagebuilder/*"]
    assert "kmsKeyId" not in stamp().named("shop-component-web").inputs


def test_the_promotion_covers_all_regions() -> None:
    document = json.loads(stamp().named("shop-promote").inputs["content"])
    assert errors(document) == []
    assert document["mainSteps"][0]["inputs"]["InputPayload"]["regions"] == "eu-west-1,eu-central-1"


def test_failed_builds_are_reported() -> None:
    pattern = json.loads(stamp(alarm_topic_arns=[TOPIC]).named("shop-failed-build").inputs["eventPattern"])
    assert pattern["resources"] == [{"prefix": "arn:aws:imagebuilder:eu-west-1:123456789012:image/shop-recipe-"}]
    assert pattern["detail"] == {"state": {"status": ["FAILED", "CANCELLED"]}}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"components": {"web": "phases: ["}}, "is no YAML"),
        ({"components": {"web": "schemaVersion: 1.0"}}, "has no phases; a component has a list of phases, each with a name and steps."),
        (
            {"components": {"web": TEXT.replace("name: test", "name: deploy")}},
            "has the phase 'deploy'; must be one of build, validate, test.",
        ),
        ({"components": {"web": TEXT.replace("1.0", "2.0")}}, "has the schemaVersion 2.0; write schemaVersion: 1.0."),
        ({"kms_key_arns": {"us-east-1": KEY}}, "is not one of regions (eu-west-1, eu-central-1)"),
    ],
)
def test_wrong_arguments_are_refused(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        stamp(**args)
    assert message in str(raised.value)


def test_a_recipe_that_exists_is_adopted() -> None:
    arn = "arn:aws:imagebuilder:eu-west-1:123456789012:image-recipe/golden/1.0.0"
    arguments: Any = {**{key: ARGS[key] for key in ("regions", "subnet_id", "security_group_ids")}, "existing_recipe_arn": arn}
    graph = record(lambda: Stamp("shop", arguments), mode="deployed")
    assert not graph.of_type("aws:imagebuilder/imageRecipe:ImageRecipe")
    assert graph.named("shop-pipeline").inputs["imageRecipeArn"] == arn
    assert json.loads(graph.named("shop-promote").inputs["content"])["mainSteps"][0]["inputs"]["InputPayload"]["recipe"] == "golden"


def test_the_lifecycle_policy_keeps_the_newest_images() -> None:
    inputs = stamp(keep_images=5).named("shop-lifecycle").inputs
    assert inputs["policyDetails"][0]["filter"] == {"type": "COUNT", "value": 5}
    assert inputs["policyDetails"][0]["action"]["type"] == "DELETE"


def test_other_accounts_may_launch_the_image_and_use_its_key() -> None:
    graph = stamp(launch_account_ids=["210987654321"])
    configuration = graph.named("shop-distribution").inputs["distributions"][1]["amiDistributionConfiguration"]
    assert configuration["launchPermission"] == {"userIds": ["210987654321"]}
    policy = json.loads(graph.named("shop-key-eu-central-1-policy").inputs["policy"])["Statement"]
    principals = {one["Sid"]: one["Principal"] for one in policy}
    assert principals["AccountsUse"] == {"AWS": ["arn:aws:iam::210987654321:root"]}
