import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.security import SecretsVault
from offline_preview.graph import Graph
from offline_preview.values import UNKNOWN, Secret

from tests.harness import record, refs

CANARY = "canary-91d3-Value"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:rotate"
READER = "arn:aws:iam::210987654321:role/reader"
COMPONENT = "cloudpatterns:index:SecretsVault"
SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"
EMPTY: Any = {"description": "Filled by an operator"}


def make(secrets: Any, mode: Any = "deployed", *, value: str | None = None, **others: Any) -> Graph:
    """A vault; `value` becomes the secret value of the secret `api`."""

    def program() -> None:
        given = {key: dict(secret) for key, secret in secrets.items()}
        if value is not None:
            given["api"]["value"] = pulumi.Config("shop").require_secret("api")
        args: Any = {"secrets": given, **others}
        SecretsVault("vault", args)

    config = {} if value is None else {"shop:api": value}
    return record(program, mode=mode, config=config)


def children(graph: Graph) -> list[tuple[str, str]]:
    return sorted((each.type.split(":")[-1], each.name) for each in graph.resources if each.type.startswith("aws:"))


def test_a_vault_has_exactly_these_children() -> None:
    graph = make({"api": {"description": "API", "rotation": {"function_arn": FUNCTION}}, "later": EMPTY}, value=CANARY)
    assert children(graph) == [
        ("Key", "vault-key"),
        ("KeyPolicy", "vault-key-policy"),
        ("Permission", "vault-api-rotation-permission"),
        ("Secret", "vault-api"),
        ("Secret", "vault-later"),
        ("SecretPolicy", "vault-api-policy"),
        ("SecretPolicy", "vault-later-policy"),
        ("SecretRotation", "vault-api-rotation"),
        ("SecretVersion", "vault-api-value"),
    ]


def test_a_secret_is_auto_named_encrypted_and_can_be_restored() -> None:
    graph = make({"later": EMPTY, "short": {"description": "Short", "recovery_window_days": 7.0}}, tags={"Owner": "team"})
    secret = graph.one(SECRET, "vault-later")
    assert secret.inputs == {
        "description": "Filled by an operator",
        "kmsKeyId": graph.one("aws:kms/key:Key").outputs["arn"],
        "recoveryWindowInDays": 30,
        "tags": {"Name": "vault-later", "Owner": "team"},
    }
    assert graph.one(SECRET, "vault-short").inputs["recoveryWindowInDays"] == 7
    assert graph.one("aws:kms/key:Key").inputs["tags"] == {"Owner": "team"}


def test_the_value_is_in_no_plain_state() -> None:
    graph = make({"api": {"description": "API", "version": 3}}, value=CANARY)
    version = graph.one(VERSION)
    assert isinstance(version.inputs["secretStringWo"], Secret)
    assert version.inputs["secretStringWo"].value == CANARY
    assert version.inputs["secretStringWoVersion"] == 3
    assert "secretString" not in version.inputs
    assert version.inputs["versionStages"] == ["AWSCURRENT", "cloudpatterns-first"]
    assert version.options["ignoreChanges"] == ["versionStages"]
    assert version.options["deleteBeforeReplace"] is True
    assert CANARY not in repr([(each.inputs, each.outputs, each.options) for each in graph.resources])
    assert CANARY not in repr(graph.outputs)


def test_the_fence_stands_before_the_value() -> None:
    graph = make({"api": {"description": "API"}}, value=CANARY)
    policy = graph.one(POLICY)
    assert policy.inputs["blockPublicPolicy"] is True
    assert policy.inputs["secretArn"] == graph.one(SECRET).outputs["arn"]
    assert json.loads(policy.inputs["policy"])["Statement"] == [
        {
            "Sid": "DenyOutside",
            "Effect": "Deny",
            "Action": ["secretsmanager:*"],
            "Resource": ["*"],
            "Principal": "*",
            "Condition": {
                "StringNotEqualsIfExists": {"aws:PrincipalAccount": "123456789012"},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
        },
        {
            "Sid": "DenyPlain",
            "Effect": "Deny",
            "Action": ["secretsmanager:*"],
            "Resource": ["*"],
            "Principal": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]
    assert "vault-api-policy" in refs(graph, graph.one(VERSION), "secretId")


def test_readers_of_the_organization() -> None:
    graph = make({"later": EMPTY}, organization_id="o-abcdefghij", reader_arns=[READER])
    outside, _, readers = json.loads(graph.one(POLICY).inputs["policy"])["Statement"]
    assert outside["Condition"]["StringNotEqualsIfExists"] == {"aws:PrincipalOrgID": "o-abcdefghij"}
    assert readers == {
        "Sid": "Readers",
        "Effect": "Allow",
        "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        "Resource": ["*"],
        "Principal": {"AWS": [READER]},
    }
    key = json.loads(graph.one("aws:kms/keyPolicy:KeyPolicy").inputs["policy"])["Statement"]
    assert key[1] == {
        "Sid": "Readers",
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:DescribeKey"],
        "Resource": ["*"],
        "Principal": {"AWS": [READER]},
        "Condition": {"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
    }


def test_rotation_begins_once_the_value_is_there_and_the_function_may_be_called() -> None:
    graph = make({"api": {"description": "API", "rotation": {"function_arn": FUNCTION, "days": 7}}}, value=CANARY)
    rotation, permission = graph.one(ROTATION), graph.one("aws:lambda/permission:Permission")
    assert rotation.inputs == {
        "secretId": graph.one(SECRET).outputs["arn"],
        "rotationLambdaArn": FUNCTION,
        "rotationRules": {"automaticallyAfterDays": 7},
        "rotateImmediately": True,
    }
    assert "vault-api-value" in refs(graph, rotation, "secretId")
    assert permission.urn in rotation.dependencies
    assert permission.inputs == {
        "action": "lambda:InvokeFunction",
        "function": FUNCTION,
        "principal": "secretsmanager.amazonaws.com",
        "sourceArn": graph.one(SECRET).outputs["arn"],
    }


def test_a_generated_value_is_the_functions_alone() -> None:
    graph = make({"api": {"description": "API", "generate": True, "rotation": {"function_arn": FUNCTION}}})
    assert graph.one(VERSION).inputs["secretStringWo"].value == "{}"
    assert graph.one(ROTATION).inputs["rotationRules"] == {"automaticallyAfterDays": 30}


def test_a_function_of_the_vaults_own_may_touch_its_secrets_alone() -> None:
    rotated: Any = {"description": "Key", "generate": True, "rotation": {}}
    other: Any = {"description": "API", "generate": True, "rotation": {"function_arn": FUNCTION}}
    graph = make({"one": rotated, "two": rotated, "other": other}, log_retention_days=30, tags={"Owner": "team"})
    function = graph.one("aws:lambda/function:Function")
    assert children(graph)[0] == ("Function", "vault-rotate")
    assert {each.name: each.inputs["rotationLambdaArn"] for each in graph.of_type(ROTATION)} == {
        "vault-one-rotation": function.outputs["arn"],
        "vault-two-rotation": function.outputs["arn"],
        "vault-other-rotation": FUNCTION,
    }
    expected = {"runtime": "python3.13", "architectures": ["arm64"], "handler": "index.handler", "timeout": 30, "tags": {"Owner": "team"}}
    assert {key: function.inputs[key] for key in expected} == expected
    assert "index.py" in repr(function.inputs["code"])
    group = graph.one("aws:cloudwatch/logGroup:LogGroup")
    assert group.inputs["retentionInDays"] == 30
    assert function.inputs["loggingConfig"] == {"logFormat": "JSON", "logGroup": group.outputs["name"]}
    assert "vault-rotate-policy" in refs(graph, function, "role")
    policy = json.loads(graph.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])["Statement"]
    assert [each["Resource"] for each in policy] == [
        [graph.one(SECRET, f"vault-{key}").outputs["arn"] for key in ("one", "two")],
        [graph.one("aws:kms/key:Key").outputs["arn"]],
        [f"{group.outputs['arn']}:*"],
    ]
    assert [action for each in policy for action in each["Action"]] == [
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    ]


def test_a_name_too_long_for_the_functions_role() -> None:
    with pytest.raises(ArgumentError, match="of at most 44 characters"):
        record(lambda: SecretsVault("v" * 45, {"secrets": {"one": {"description": "Key", "generate": True, "rotation": {}}}}))


def test_replicas_have_keys_of_their_regions() -> None:
    keys = {region: f"arn:aws:kms:{region}:123456789012:key/k" for region in ("us-east-1", "eu-central-1")}
    assert make({"later": EMPTY}, replica_regions=keys).one(SECRET).inputs["replicas"] == [
        {"region": "eu-central-1", "kmsKeyId": keys["eu-central-1"]},
        {"region": "us-east-1", "kmsKeyId": keys["us-east-1"]},
    ]


def test_a_key_of_ones_own() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/mine"
    graph = make({"later": EMPTY}, kms_key_arn=key)
    assert graph.of_type("aws:kms/key:Key") == []
    assert graph.one(SECRET).inputs["kmsKeyId"] == key
    assert graph.one(COMPONENT).outputs["kms_key_arn"] == key


def test_outputs_are_arns() -> None:
    graph = make({"api": {"description": "API"}, "later": EMPTY}, value=CANARY)
    assert graph.one(COMPONENT).outputs == {
        "secret_arns": {key: graph.one(SECRET, f"vault-{key}").outputs["arn"] for key in ("api", "later")},
        "kms_key_arn": graph.one("aws:kms/key:Key").outputs["arn"],
    }
    assert make({"later": EMPTY}, mode="preview").one(COMPONENT).outputs["kms_key_arn"] is UNKNOWN


def test_one_arn_by_name() -> None:
    def program() -> None:
        vault = SecretsVault("vault", {"secrets": {"later": EMPTY}})
        pulumi.export("arn", vault.secret_arn("later"))
        with pytest.raises(ArgumentError) as caught:
            vault.secret_arn("other")
        assert caught.value.problems == [("name", "is 'other', which is not a secret; known are later.")]

    graph = record(program, mode="deployed")
    assert graph.outputs["arn"] == graph.one(SECRET).outputs["arn"]


def test_transforms_reach_the_children() -> None:
    def shorter(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != SECRET:
            return None
        return pulumi.ResourceTransformResult(props={**args.props, "recoveryWindowInDays": 7}, opts=args.opts)

    options = pulumi.ResourceOptions(transforms=[shorter])
    graph = record(lambda: SecretsVault("vault", {"secrets": {"later": EMPTY}}, options))
    assert graph.one(SECRET).inputs["recoveryWindowInDays"] == 7


ROTATED: Any = {"function_arn": FUNCTION}
PROBLEMS: Any = [
    ({"secrets": {}}, "secrets", "is empty; name at least one secret."),
    ({"secrets": {"api": {}}}, "secrets.api.description", "is missing; give it a value"),
    (
        {"secrets": {"a.b": EMPTY}},
        "secrets.a.b",
        "has a name that cannot be used; allowed are letters, digits and single hyphens",
    ),
    ({"secrets": {"a.b": {**EMPTY, "value": [CANARY]}}}, "secrets.a.b.value", "is [hidden]; must be text"),
    (
        {"secrets": {"api": {**EMPTY, "value": CANARY}}},
        "secrets.api.value",
        "is a plain string, in the open; give a Pulumi secret, such as config.require_secret gives.",
    ),
    (
        {"secrets": {"api": {**EMPTY, "generate": True}}},
        "secrets.api.rotation",
        "is missing; generate needs it. Give it, or remove generate.",
    ),
    (
        {"secrets": {"api": {**EMPTY, "rotation": ROTATED}}},
        "secrets.api.rotation",
        "needs value or generate: an empty secret cannot be rotated.",
    ),
    ({"secrets": {"api": {**EMPTY, "recovery_window_days": 6}}}, "secrets.api.recovery_window_days", "is [hidden]; must be at least 7"),
    ({"secrets": {"api": {**EMPTY, "rotation": {**ROTATED, "days": 0}}}}, "secrets.api.rotation.days", "is [hidden]; must be at least 1"),
    ({"secrets": {"api": {**EMPTY, "value": [CANARY]}}}, "secrets.api.value", "is [hidden]; must be text"),
    ({"secrets": {"api": CANARY}}, "secrets.api", "what was given is not shown"),
    (None, "secrets", "is missing; give it a value"),
    ({"secrets": CANARY}, "secrets", "what was given is not shown"),
    ({"secrets": {"api": {**EMPTY, "values": CANARY}}}, "secrets.api.values", "is not an argument; did you mean value?"),
    (
        {"secrets": {"api": EMPTY}, "replica_regions": {"mars": "key"}},
        "replica_regions",
        "has 'mars'; a name has the form of eu-central-1. Rename it",
    ),
    (
        {"secrets": {"api": EMPTY}, "organization_id": "123"},
        "organization_id",
        "is '123'; must be the id of an organization such as o-a1b2c3d4e5",
    ),
]


@pytest.mark.parametrize(("args", "argument", "reason"), PROBLEMS, ids=[f"{each[1]}-{number}" for number, each in enumerate(PROBLEMS)])
def test_problems(args: Any, argument: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        record(lambda: SecretsVault("vault", args))
    assert [path for path, _ in caught.value.problems] == [argument]
    assert reason in caught.value.problems[0][1]
    assert CANARY not in str(caught.value)


def test_a_value_is_given_or_generated() -> None:
    with pytest.raises(
        ArgumentError, match=r"secrets\.api\.generate: excludes value: the rotation function creates the value, or you do; both"
    ):
        make({"api": {"description": "API", "generate": True, "rotation": ROTATED}}, value=CANARY)
