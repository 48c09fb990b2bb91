import json
from typing import Any

import pulumi_aws as aws
from cloudpatterns.blocks import service_role
from cloudpatterns.core import Statement
from offline_preview.graph import Graph

from tests.components.blocks.parent import Parent, children, names
from tests.harness import refs

READ = Statement(actions=["s3:GetObject"], resources=["arn:aws:s3:::shop/*"])
WRITE = Statement(actions=["s3:PutObject"], resources=["arn:aws:s3:::shop/*"])


def make(mode: Any = "deployed", **options: Any) -> Graph:
    def create(parent: Parent) -> None:
        role = service_role(parent, "shop-role", "scheduler.amazonaws.com", "Reads the shop", tags={"Owner": "web"}, **options)
        assert [type(policy).__name__ for policy in role.policies] == [
            *("RolePolicyAttachment" for _ in options.get("managed_policies", ())),
            *("RolePolicy" for _ in options.get("statements", ())),
        ]
        aws.ssm.Parameter("user", type="String", value=role.arn)

    return children(create, mode)


def test_a_role_that_one_service_assumes_and_that_allows_nothing() -> None:
    graph = make()
    assert names(graph) == {"shop-role": "Role"}
    inputs = graph.named("shop-role").inputs
    trust = json.loads(inputs.pop("assumeRolePolicy"))
    assert trust["Statement"] == [{"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": ["scheduler.amazonaws.com"]}}]
    assert inputs == {"description": "Reads the shop", "tags": {"Owner": "web"}}


def test_conditions_limit_the_trust() -> None:
    conditions = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    trust = json.loads(make(conditions=conditions).named("shop-role").inputs["assumeRolePolicy"])
    assert [statement["Condition"] for statement in trust["Statement"]] == [conditions]


def test_inline_policies_hold_their_own_statements() -> None:
    graph = make(statements={"shop-read": [READ], "shop-both": [READ, WRITE]})
    assert names(graph) == {"shop-role": "Role", "shop-read": "RolePolicy", "shop-both": "RolePolicy"}
    for name, actions in (("shop-read", [["s3:GetObject"]]), ("shop-both", [["s3:GetObject"], ["s3:PutObject"]])):
        policy = graph.named(name).inputs
        assert policy.keys() == {"role", "policy"}
        assert policy["role"] == graph.named("shop-role").id
        assert [statement["Action"] for statement in json.loads(policy["policy"])["Statement"]] == actions


def test_a_managed_policy_is_that_of_the_roles_partition() -> None:
    graph = make(managed_policies={"shop-monitoring": "service-role/AmazonRDSEnhancedMonitoringRole"})
    assert names(graph) == {"shop-role": "Role", "shop-monitoring": "RolePolicyAttachment"}
    assert graph.named("shop-monitoring").inputs == {
        "role": graph.named("shop-role").outputs["name"],
        "policyArn": "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
    }


def test_who_uses_the_role_waits_for_its_policies() -> None:
    graph = make("preview", statements={"shop-read": [READ]}, managed_policies={"shop-monitoring": "ReadOnlyAccess"})
    assert sorted(refs(graph, graph.named("user"), "value")) == ["shop-monitoring", "shop-read", "shop-role"]
    assert refs(graph, graph.named("shop-read"), "role") == ["shop-role"]
    assert refs(graph, graph.named("shop-monitoring"), "role") == ["shop-role"]
