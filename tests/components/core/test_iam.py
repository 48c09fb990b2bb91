import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import Statement, assume_role, document
from offline_preview.values import UNKNOWN

from tests.harness import record


def policy_of(*statements: Statement) -> dict[str, Any]:
    graph = record(lambda: aws.iam.Policy("p", policy=document(*statements)))
    return json.loads(graph.one("aws:iam/policy:Policy").inputs["policy"])


def test_a_document_has_iam_s_own_form() -> None:
    statement = Statement(
        sid="Read",
        actions=["s3:GetObject"],
        resources=["arn:aws:s3:::b/*"],
        principals={"AWS": ["arn:aws:iam::123456789012:root"]},
        conditions={"Bool": {"aws:SecureTransport": "true"}},
    )
    assert policy_of(statement, Statement(effect="Deny", actions=["*"], resources=["*"], principals="*")) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": ["arn:aws:s3:::b/*"],
                "Principal": {"AWS": ["arn:aws:iam::123456789012:root"]},
                "Condition": {"Bool": {"aws:SecureTransport": "true"}},
            },
            {"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Principal": "*"},
        ],
    }


def test_a_document_with_an_arn_that_is_not_known_yet_is_unknown_and_depends_on_it() -> None:
    def program() -> None:
        bucket = aws.s3.Bucket("b")
        aws.iam.Policy("p", policy=document(Statement(actions=["s3:GetObject"], resources=[bucket.arn])))

    graph = record(program)
    policy = graph.one("aws:iam/policy:Policy")
    assert policy.inputs["policy"] is UNKNOWN
    assert [target.name for target in graph.refs(policy, "policy")] == ["b"]


@pytest.mark.parametrize(
    ("actions", "named"),
    [(["*"], r"\*"), (["s3:*"], r"s3:\*"), (["s3:GetObject", "iam:*"], r"iam:\*")],
)
def test_every_action_on_every_resource_is_refused(actions: list[str], named: str) -> None:
    with pytest.raises(ValueError, match=f"allows {named} on every resource"):
        Statement(actions=actions, resources=["*"])


def test_every_resource_is_refused_also_when_it_becomes_known_later() -> None:
    def program() -> None:
        everything = pulumi.Output.from_input("*")
        aws.iam.Policy("p", policy=document(Statement(actions=["s3:*"], resources=[everything])))

    with pytest.raises(ValueError, match=r"allows s3:\* on every resource"):
        record(program)


def test_a_resource_policy_s_star_is_the_resource_itself() -> None:
    statement = Statement(actions=["kms:*"], resources=["*"], principals={"AWS": ["arn:aws:iam::123456789012:root"]})
    assert policy_of(statement)["Statement"][0]["Resource"] == ["*"]
    with pytest.raises(ValueError, match="on every resource"):
        Statement(actions=["*"], resources=["*"], principals="*")


def test_a_statement_needs_an_action() -> None:
    with pytest.raises(ValueError, match="at least one action"):
        Statement(actions=[], resources=["*"])


def test_a_trust_policy_names_services_and_conditions() -> None:
    conditions = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    graph = record(lambda: aws.iam.Role("r", assume_role_policy=assume_role("ec2.amazonaws.com", conditions=conditions)))
    assert json.loads(graph.one("aws:iam/role:Role").inputs["assumeRolePolicy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["sts:AssumeRole"],
            "Principal": {"Service": ["ec2.amazonaws.com"]},
            "Condition": conditions,
        }
    ]


def test_everything_but_some_resources_can_be_denied_only() -> None:
    statement = Statement(effect="Deny", actions=["s3:GetObject"], not_resources=["arn:aws:s3:::state/*"])
    assert policy_of(statement)["Statement"] == [{"Effect": "Deny", "Action": ["s3:GetObject"], "NotResource": ["arn:aws:s3:::state/*"]}]
    with pytest.raises(ValueError, match="not_resources is for a Deny, and excludes resources"):
        Statement(actions=["s3:GetObject"], not_resources=["*"])
    with pytest.raises(ValueError, match="not_resources is for a Deny, and excludes resources"):
        Statement(effect="Deny", actions=["s3:GetObject"], resources=["*"], not_resources=["*"])


def test_an_id_is_in_a_document_once() -> None:
    def program() -> None:
        sends = [
            Statement(sid="Send", actions=["sqs:SendMessage"], resources=[f"arn:aws:sqs:eu-west-1:123456789012:{name}"]) for name in "abc"
        ]
        plain = Statement(actions=["sqs:SendMessage"], resources=["arn:aws:sqs:eu-west-1:123456789012:d"])
        pulumi.export("policy", document(*sends, plain))

    found = json.loads(record(program).outputs["policy"])["Statement"]
    assert [(one.get("Sid"), one["Resource"][0][-1]) for one in found] == [("Send", "a"), (None, "b"), (None, "c"), (None, "d")]
