"""``Stamp``: the pipeline, what it may do, and what launches read."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.compute import Stamp
from cloudpatterns.compute.stamp.component import image_ids
from cloudpatterns.core import ArgumentError
from offline_preview.graph import Graph

from tests.emulators.automation import errors
from tests.harness import record, refs

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
ARGS: Any = {
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


def test_builds_write_the_parameter_of_every_region() -> None:
    graph = stamp()
    distributions = graph.named("shop-distribution").inputs["distributions"]
    # EC2 refuses a launch template whose parameter has another type.
    parameters = [{"parameterName": "/images/shop", "dataType": "aws:ec2:image"}]
    assert [one["ssmParameterConfigurations"] for one in distributions] == [parameters] * 2
    assert graph.named("shop-first-image").inputs["distributionConfigurationArn"] == graph.named("shop-distribution").outputs["arn"]
    written = [f"arn:aws:ssm:{region}:123456789012:parameter/images/shop" for region in ARGS["regions"]]
    assert resources(graph, "shop-execution-policy")["ssm:PutParameter"] == written
    assert graph.named("shop-execution-managed").inputs["policyArn"] == "arn:aws:iam::aws:policy/EC2ImageBuilderExecutionPolicy"


@pytest.mark.parametrize("role", ["shop-execution-role", "shop-lifecycle-role"])
def test_image_builder_may_assume_its_roles_without_a_condition_that_it_may_not_meet(role: str) -> None:
    [trust] = json.loads(stamp().named(role).inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": ["imagebuilder.amazonaws.com"]}
    assert "Condition" not in trust


def test_launches_resolve_the_parameter_after_the_first_build_never_a_literal_ami_id() -> None:
    def program() -> None:
        component = Stamp("shop", ARGS)
        aws.ec2.LaunchTemplate("servers", image_id=pulumi.Output.concat("resolve:ssm:", component.image_parameter))

    graph = record(program, mode="deployed")
    assert graph.named("servers").inputs["imageId"] == "resolve:ssm:/images/shop"
    assert "shop-first-image" in refs(graph, graph.named("servers"), "imageId")
    assert not [one.name for one in graph.resources if "ami-" in json.dumps(one.inputs)]


def test_the_ids_of_the_first_build_are_by_region() -> None:
    built = [{"region": region, "image": f"ami-{index}"} for index, region in enumerate(ARGS["regions"])]
    resources: Any = [
        aws.imagebuilder.outputs.ImageOutputResource(amis=[aws.imagebuilder.outputs.ImageOutputResourceAmi(**one) for one in built])
    ]
    assert image_ids(resources) == {"eu-west-1": "ami-0", "eu-central-1": "ami-1"}

    def program() -> None:
        aws.ec2.Instance("one", ami=Stamp("shop", ARGS).image_ids["eu-west-1"])

    graph = record(program, mode="deployed")
    assert refs(graph, graph.named("one"), "ami") == ["shop-first-image"]


def test_the_first_build_may_take_four_hours_and_follows_an_added_region() -> None:
    image = stamp().named("shop-first-image")
    assert image.options["customTimeouts"] == {"create": "4h"}
    assert image.options["replaceOnChanges"] == ["tags.Regions"]
    assert image.inputs["tags"] == {"Regions": "eu-central-1 eu-west-1"}


def test_images_keep_their_keys_after_destroy() -> None:
    graph = stamp()
    kept = {one.name for one in graph.resources if one.options.get("retainOnDelete")}
    assert kept == {
        "shop-component-web",
        "shop-recipe",
        "shop-first-image",
        *(f"shop-key-{region}{part}" for region in ARGS["regions"] for part in ("", "-policy")),
    }


def test_the_build_logs_are_kept_under_the_key_of_its_region() -> None:
    graph = stamp(log_retention_days=30)
    group, key = graph.named("shop-logs"), graph.named("shop-key-eu-west-1")
    assert (group.inputs["namePrefix"], group.inputs["retentionInDays"]) == ("/aws/imagebuilder/shop-", 30)
    assert group.inputs["kmsKeyId"] == key.outputs["arn"]
    context = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/imagebuilder/*"
    policies = [json.loads(graph.named(f"shop-key-{region}-policy").inputs["policy"])["Statement"] for region in ARGS["regions"]]
    assert [one["Condition"] for one in policies[0] if one.get("Sid") == "CloudWatchLogs"] == [
        {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": context}}
    ]
    assert not [one for one in policies[1] if one.get("Sid") == "CloudWatchLogs"]
    assert graph.named("shop-first-image").inputs["loggingConfiguration"] == {"logGroupName": group.outputs["name"]}
    assert set(graph.named("shop-pipeline").inputs["loggingConfiguration"].values()) == {group.outputs["name"]}


def test_components_may_do_what_is_stated() -> None:
    graph = stamp(statements=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::packages/*"]}])
    policy = json.loads(graph.named("shop-build-policy").inputs["policy"])
    assert policy["Statement"][-1]["Resource"] == ["arn:aws:s3:::packages/*"]


def test_a_log_group_and_an_instance_profile_that_exist_are_adopted() -> None:
    group = "arn:aws:logs:eu-west-1:123456789012:log-group:builds"
    graph = stamp(existing_log_group_arn=f"{group}:*")
    assert not graph.of_type("aws:cloudwatch/logGroup:LogGroup")
    assert graph.named("shop-first-image").inputs["loggingConfiguration"] == {"logGroupName": "builds"}
    assert resources(graph, "shop-execution-policy")["logs:PutLogEvents"] == [group, f"{group}:*"]
    assert resources(graph, "shop-build-policy")["logs:PutLogEvents"] == [group, f"{group}:*"]
    graph = stamp(instance_profile_arn="arn:aws:iam::123456789012:instance-profile/builds/golden")
    assert graph.named("shop-infrastructure").inputs["instanceProfileName"] == "golden"
    assert not graph.of_type("aws:iam/instanceProfile:InstanceProfile")


@pytest.mark.parametrize(
    ("parent", "resource"),
    [
        ("ssm:/images/base", ["arn:aws:ssm:eu-west-1:123456789012:parameter/images/base"]),
        (["ssm:", "base"], ["arn:aws:ssm:eu-west-1:123456789012:parameter/base"]),
        ("ssm:arn:aws:ssm:eu-west-1:210987654321:parameter/base", ["arn:aws:ssm:eu-west-1:210987654321:parameter/base"]),
        (["ami-", "1"], ["arn:aws:ssm:eu-west-1:123456789012:parameter/images/shop"]),
        ("ami-1", None),
    ],
)
def test_builds_read_the_parameter_of_their_parent_image(parent: Any, resource: list[str] | None) -> None:
    def program() -> None:
        # A list is text that is known only during the deployment.
        arguments: Any = {**ARGS, "parent_image": parent if isinstance(parent, str) else pulumi.Output.concat(*parent)}
        Stamp("shop", arguments)

    graph = record(program, mode="deployed")
    assert resources(graph, "shop-execution-policy").get("ssm:GetParameter") == resource


def test_another_region_than_that_of_the_provider_cannot_be_first() -> None:
    with pytest.raises(ArgumentError) as raised:
        stamp(regions=["eu-central-1", "eu-west-1"])
    assert "regions: begins with eu-central-1, but the image is built in the provider's Region. Put eu-west-1 first." in str(raised.value)


def test_the_build_instance_is_private_and_ends_with_the_build() -> None:
    inputs = stamp().named("shop-infrastructure").inputs
    assert inputs["terminateInstanceOnFailure"] is True
    assert inputs["instanceMetadataOptions"]["httpTokens"] == "required"
    assert (inputs["subnetId"], inputs["securityGroupIds"]) == ("subnet-1", ["sg-1"])


def resources(graph: Graph, policy: str) -> dict[str, Any]:
    statements = json.loads(graph.named(policy).inputs["policy"])["Statement"]
    return {action: one["Resource"] for one in statements for action in one["Action"]}


def test_the_build_instance_runs_commands_reads_components_and_writes_its_log() -> None:
    resources_by_action = resources(stamp(), "shop-build-policy")
    assert {"ssmmessages:OpenDataChannel", "ec2messages:GetMessages", "ssm:PutInventory"} <= set(resources_by_action)
    assert "ssm:GetParameter" not in resources_by_action
    assert resources_by_action["imagebuilder:GetComponent"] == ["arn:*:imagebuilder:*:*:component/*"]
    assert resources_by_action["s3:GetObject"] == ["arn:*:s3:::ec2imagebuilder*"]
    assert resources_by_action["logs:PutLogEvents"] == ["arn:*:logs:*:*:log-group:/aws/imagebuilder/*"]
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
        (
            {"parent_image": "arn:aws:imagebuilder:eu-west-1:aws:image/amazon-linux-2023-arm64/x.x.x"},
            "instance_types.0: is t3.medium with x86_64; the parent image boots on arm64 alone. Name types with arm64.",
        ),
        (
            {"instance_types": ["t3.medium", "t4g.medium"]},
            "instance_types.1: is t4g.medium with arm64; the parent image boots on x86_64 alone. Name types with x86_64.",
        ),
        (
            {
                "instance_profile_arn": "arn:aws:iam::123456789012:instance-profile/golden",
                "statements": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::packages/*"]}],
            },
            "statements: are for the new profile. Give them to the role of instance_profile_arn, or leave that out.",
        ),
        ({"statements": [{"actions": ["s3:*"], "resources": ["arn:aws:s3:::packages/*"]}]}, "every action is not least privilege"),
        ({"parameter_name": "/aws/shop"}, "must be a name such as /images/shop, not below /aws or /ssm"),
        (
            {"existing_recipe_arn": "arn:aws:imagebuilder:eu-west-1:123456789012:image-recipe/golden/x.x.x"},
            "must be the ARN of an image recipe with its version",
        ),
        ({"existing_log_group_arn": "/aws/imagebuilder/shop"}, "must be the ARN of a log group"),
        ({"kms_key_arns": {"us-east-1": KEY}}, "is not one of regions (eu-west-1, eu-central-1)"),
        (
            {"kms_key_arns": {"eu-west-1": KEY}},
            "kms_key_arns.eu-west-1: is a key of eu-central-1; images need one of their Region. Give it, or leave it out.",
        ),
        (
            {"parent_image": "resolve:ssm:/images/base"},
            "must be the ARN of an Image Builder image (.../x.x.x), an AMI, or ssm: and the name of a parameter",
        ),
        (
            {"schedule": {"expression": "cron(0 3 ? * SUN *)", "time_zone": "Mars"}},
            "schedule.time_zone: is 'Mars'; must be an IANA time zone such as Europe/Berlin.",
        ),
        ({"managed_components": ["update-linux"]}, "managed_components.0: is 'update-linux'; must be the ARN of a component such as"),
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
    assert inputs["policyDetails"][0]["exclusionRules"] == {"amis": {"lastLaunched": {"unit": "DAYS", "value": 90}}}
    recipe = stamp().named("shop-recipe")
    assert inputs["resourceSelection"] == {"recipes": [{"name": recipe.outputs["name"], "semanticVersion": "1.0.0"}]}


def test_other_accounts_may_launch_the_image_and_use_its_key() -> None:
    graph = stamp(launch_account_ids=["210987654321"])
    configuration = graph.named("shop-distribution").inputs["distributions"][1]["amiDistributionConfiguration"]
    assert configuration["launchPermission"] == {"userIds": ["210987654321"]}
    policy = json.loads(graph.named("shop-key-eu-central-1-policy").inputs["policy"])["Statement"]
    principals = {one["Sid"]: one["Principal"] for one in policy}
    assert principals["AccountsUse"] == {"AWS": ["arn:aws:iam::210987654321:root"]}
