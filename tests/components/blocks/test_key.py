import json

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.blocks import create_key, logs_statement
from cloudpatterns.core import Component, Statement, account_of, document, partition_of, region_of

from tests.components.blocks.parent import Parent, children
from tests.harness import record, refs


class Locked(Component):
    key_arn: pulumi.Output[str]

    def __init__(self, name: str) -> None:
        super().__init__("Locked", name)
        use = Statement(actions=["kms:Decrypt"], resources=["*"], principals={"Service": ["logs.eu-west-1.amazonaws.com"]})
        self.key_arn = create_key(self, f"{name}-key", "Locks things", [use])
        aws.s3.Bucket(f"{name}-bucket", tags={"key": self.key_arn}, opts=self.child())
        self.register()


def test_a_create_key_rotates_keeps_the_account_as_administrator_and_lets_the_service_in() -> None:
    graph = record(lambda: Locked("l"), mode="deployed")
    key = graph.one("aws:kms/key:Key", "l-key")
    assert key.inputs == {"description": "Locks things", "enableKeyRotation": True, "deletionWindowInDays": 30}
    policy = graph.one("aws:kms/keyPolicy:KeyPolicy", "l-key-policy")
    assert refs(graph, policy, "keyId") == ["l-key"]
    assert json.loads(policy.inputs["policy"])["Statement"] == [
        {
            "Sid": "Administration",
            "Effect": "Allow",
            "Action": ["kms:*"],
            "Resource": ["*"],
            "Principal": {"AWS": ["arn:aws:iam::123456789012:root"]},
        },
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": ["*"],
            "Principal": {"Service": ["logs.eu-west-1.amazonaws.com"]},
        },
    ]


def test_what_encrypts_with_the_key_waits_for_its_policy() -> None:
    graph = record(lambda: Locked("l"))
    assert refs(graph, graph.one("aws:s3/bucket:Bucket"), "tags") == ["l-key", "l-key-policy"]


def test_partition_region_and_account_come_from_an_arn() -> None:
    def program() -> None:
        arn = "arn:aws-cn:rds:cn-north-1:123456789012:db:x"
        pulumi.export("parts", pulumi.Output.all(partition_of(arn), region_of(arn), account_of(arn)))

    assert record(program).outputs == {"parts": ["aws-cn", "cn-north-1", "123456789012"]}


def test_a_statement_can_name_the_account() -> None:
    def create(parent: Parent) -> None:
        def statements(arn: pulumi.Output[str]) -> list[Statement]:
            conditions = {"StringEquals": {"aws:SourceAccount": account_of(arn)}}
            return [Statement(actions=["kms:Decrypt"], resources=["*"], principals={"Service": ["a.amazonaws.com"]}, conditions=conditions)]

        create_key(parent, "shop-key", "Locks things", statements)

    policy = json.loads(children(create).named("shop-key-policy").inputs["policy"])
    assert policy["Statement"][1]["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


@pytest.mark.parametrize(
    ("arn", "principal"),
    [
        ("arn:aws:kms:eu-west-1:123456789012:key/1", "logs.eu-west-1.amazonaws.com"),
        ("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1", "logs.us-gov-west-1.amazonaws.com"),
        ("arn:aws-cn:kms:cn-north-1:123456789012:key/1", "logs.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_cloudwatch_logs_has_the_domain_of_its_partition(arn: str, principal: str) -> None:
    def program() -> None:
        pulumi.export("policy", document(logs_statement(arn, "shop-*")))

    (statement,) = json.loads(record(program).outputs["policy"])["Statement"]
    assert statement["Principal"] == {"Service": [principal]}


@pytest.mark.parametrize(
    ("patterns", "groups"), [(["shop-*"], "log-group:shop-*"), (["shop-*", "api-*"], ["log-group:shop-*", "log-group:api-*"])]
)
def test_a_key_is_for_the_log_groups_of_each_pattern(patterns: list[str], groups: str | list[str]) -> None:
    arn, prefix = "arn:aws:kms:eu-west-1:123456789012:key/1", "arn:aws:logs:eu-west-1:123456789012:"
    outputs = record(lambda: pulumi.export("policy", document(logs_statement(arn, *patterns)))).outputs
    (statement,) = json.loads(outputs["policy"])["Statement"]
    expected = f"{prefix}{groups}" if isinstance(groups, str) else [f"{prefix}{group}" for group in groups]
    assert statement["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": expected}}
