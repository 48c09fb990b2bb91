"""GoldenEnvironment: who may launch what, with whose rights, and what Service Catalog would refuse."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.security import GoldenEnvironment
from offline_preview.graph import Graph, Resource

from tests.components.uploads.access import Request, allowed
from tests.harness import record, refs

ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:operations"
DEVELOPERS = f"arn:aws:iam::{ACCOUNT}:role/teams/developers"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/00000000-0000-4000-8000-000000000001"
TEMPLATE = '{"Parameters": {"Retention": {"Type": "Number"}}, "Resources": {"Files": {"Type": "AWS::S3::Bucket"}}}'
STATEMENTS = [{"actions": ["s3:CreateBucket", "s3:DeleteBucket", "s3:PutBucketTagging"], "resources": ["arn:aws:s3:::sc-*"]}]
BUCKET: dict[str, Any] = {"versions": {"v1": {"template": TEMPLATE}}, "statements": STATEMENTS}
TABLE: dict[str, Any] = {
    "versions": {"v1": {"template": '{"Resources": {"Table": {"Type": "AWS::DynamoDB::Table"}}}'}},
    "statements": [{"actions": ["dynamodb:CreateTable"], "resources": [f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/SC-*"]}],
}
USERS: dict[str, Any] = {"developers": {"principal_arn": DEVELOPERS}}


def make(**more: Any) -> Graph:
    args: Any = {"owner": "Platform", "products": {"bucket": BUCKET, "table": TABLE}, "users": USERS, **more}
    return record(lambda: GoldenEnvironment("golden", args), mode="deployed")


def named(graph: Graph, name: str) -> dict[str, Any]:
    return graph.named(name).inputs


def outputs(graph: Graph) -> dict[str, Any]:
    return graph.one("cloudpatterns:index:GoldenEnvironment").outputs


def waits_for(graph: Graph, resource: Resource) -> set[str]:
    by_urn = {one.urn: one.name for one in graph.resources}
    return {by_urn[urn] for urn in resource.dependencies}


def problems(**more: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**more)
    return list(caught.value.problems)


def constraints(graph: Graph, kind: str) -> dict[str, Any]:
    found = [one for one in graph.of_type("aws:servicecatalog/constraint:Constraint") if one.inputs["type"] == kind]
    return {one.name: json.loads(one.inputs["parameters"]) for one in found}


# Users launch without holding the underlying rights.


def rights_of_launch_roles(graph: Graph) -> Iterator[tuple[str, str]]:
    """Each action that a launch role has, with a resource that it has it on."""
    for policy in graph.of_type("aws:iam/rolePolicy:RolePolicy"):
        for statement in json.loads(policy.inputs["policy"])["Statement"]:
            for action in statement["Action"]:
                yield action, statement["Resource"][0].replace("*", "x")


def may(graph: Graph, action: str, resource: str, **context: str) -> bool:
    """Whether somebody with nothing but the policy of those who launch may do it."""
    request = Request(DEVELOPERS, action, resource, {key.replace("_", ":"): value for key, value in context.items()})
    return allowed(request, identity=[named(graph, "golden-user-policy")["policy"]])


def test_users_launch_the_products() -> None:
    graph = make()
    for product in ("golden-bucket-product", "golden-table-product"):
        arn = graph.named(product).outputs["arn"]
        assert may(graph, "servicecatalog:ProvisionProduct", arn)
        assert may(graph, "servicecatalog:DescribeProvisioningParameters", arn)
    assert may(graph, "servicecatalog:SearchProducts", "*")
    assert not may(graph, "servicecatalog:ProvisionProduct", f"arn:aws:catalog:eu-west-1:{ACCOUNT}:product/prod-other")


def test_users_do_not_hold_the_underlying_rights() -> None:
    graph = make()
    rights = [*rights_of_launch_roles(graph)]
    assert {"s3:CreateBucket", "dynamodb:CreateTable", "cloudformation:CreateStack", "kms:Decrypt"} <= {action for action, _ in rights}
    assert [(action, resource) for action, resource in rights if may(graph, action, resource)] == []
    # Nor the launch role, by which they would have them.
    for role in outputs(graph)["launch_role_arns"].values():
        assert not may(graph, "sts:AssumeRole", role)
        assert not may(graph, "iam:PassRole", role)
    for action in ("servicecatalog:CreateConstraint", "servicecatalog:DeleteConstraint", "servicecatalog:CreateProvisioningArtifact"):
        assert not may(graph, action, graph.named("golden-bucket-product").outputs["arn"])


def test_a_launch_role_holds_them_and_service_catalog_alone_assumes_it() -> None:
    graph = make()
    policy = named(graph, "golden-bucket-launch-role-policy")["policy"]

    def holds(action: str, resource: str, **context: str) -> bool:
        return allowed(Request("service", action, resource, context), identity=[policy])

    assert holds("s3:CreateBucket", "arn:aws:s3:::sc-123456789012-pp-abc-files")
    assert not holds("s3:CreateBucket", "arn:aws:s3:::others")
    assert not holds("dynamodb:CreateTable", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/SC-1")
    assert holds("cloudformation:CreateStack", f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/SC-{ACCOUNT}-pp-abc/1")
    assert not holds("cloudformation:DeleteStack", f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/network/1")
    copy = "arn:aws:s3:::sc-copies/template"
    assert holds("s3:GetObject", copy, **{"s3:ExistingObjectTag/servicecatalog:provisioning": "true"})
    assert not holds("s3:GetObject", copy)
    for role in graph.of_type("aws:iam/role:Role"):
        [trust] = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        assert (trust["Action"], trust["Principal"]) == (["sts:AssumeRole"], {"Service": ["servicecatalog.amazonaws.com"]})


def test_each_product_is_launched_by_its_own_role_before_anybody_sees_it() -> None:
    graph = make()
    roles = outputs(graph)["launch_role_arns"]
    assert constraints(graph, "LAUNCH") == {
        "golden-bucket-launch": {"RoleArn": roles["bucket"]},
        "golden-table-launch": {"RoleArn": roles["table"]},
    }
    assert roles["bucket"] != roles["table"]
    association = graph.one("aws:servicecatalog/principalPortfolioAssociation:PrincipalPortfolioAssociation")
    assert {"golden-bucket-launch", "golden-table-launch"} <= waits_for(graph, association)
    assert (association.inputs["principalArn"], association.inputs["principalType"]) == (DEVELOPERS, "IAM")
    # The role has its rights before it is named.
    assert "golden-bucket-launch-role-policy" in refs(graph, graph.named("golden-bucket-launch"), "parameters")


def test_a_constraint_waits_for_the_product_in_the_portfolio() -> None:
    graph = make()
    for kind in ("launch", "tags"):
        assert "golden-bucket-association" in waits_for(graph, graph.named(f"golden-bucket-{kind}"))


@pytest.mark.parametrize(("level", "other"), [("user", "role"), ("role", "user")])
def test_users_update_and_end_what_they_launched_alone(level: str, other: str) -> None:
    graph = make(access_level=level)
    for action in ("servicecatalog:UpdateProvisionedProduct", "servicecatalog:TerminateProvisionedProduct"):
        assert may(graph, action, "*", **{f"servicecatalog_{level}Level": "self"})
        assert not may(graph, action, "*", **{f"servicecatalog_{other}Level": "self"})
        assert not may(graph, action, "*")


# Portfolio, products and versions.


def test_parameters_have_the_values_that_are_allowed() -> None:
    graph = make(products={"bucket": {**BUCKET, "allowed_values": {"Retention": ["30", "90"]}, "tag_changes": True}})
    assert constraints(graph, "TEMPLATE") == {
        "golden-bucket-values": {
            "Rules": {
                "AllowedRetention": {
                    "Assertions": [
                        {
                            "Assert": {"Fn::Contains": [["30", "90"], {"Ref": "Retention"}]},
                            "AssertDescription": "Retention is one of 30, 90",
                        }
                    ]
                }
            }
        }
    }
    update = {"Version": "2.0", "Properties": {"TagUpdateOnProvisionedProduct": "ALLOWED"}}
    assert constraints(graph, "RESOURCE_UPDATE") == {"golden-bucket-tags": update}
    forbidden = {"Version": "2.0", "Properties": {"TagUpdateOnProvisionedProduct": "NOT_ALLOWED"}}
    assert constraints(make(), "RESOURCE_UPDATE")["golden-bucket-tags"] == forbidden


def test_a_version_is_the_template_under_a_key_of_its_content() -> None:
    graph = make()
    template = graph.named("golden-bucket-template-v1")
    assert template.inputs["content"] == TEMPLATE
    product = graph.named("golden-bucket-product")
    first = product.inputs["provisioningArtifactParameters"]
    assert (first["name"], first["type"]) == ("v1", "CLOUD_FORMATION_TEMPLATE")
    assert first["templateUrl"].startswith("https://")
    assert first["templateUrl"].endswith(f"/{template.inputs['key']}")
    assert "golden-bucket-template-v1" in refs(graph, product, "provisioningArtifactParameters")
    changed = make(products={"bucket": {**BUCKET, "versions": {"v1": {"template": TEMPLATE + " "}}}})
    assert named(changed, "golden-bucket-template-v1")["key"] != template.inputs["key"]


def test_later_versions_come_one_after_the_other() -> None:
    later = {"v2": {"template": TEMPLATE, "deprecated": True}, "v3": {"template": TEMPLATE, "description": "Tags"}}
    graph = make(products={"bucket": {**BUCKET, "versions": {**BUCKET["versions"], **later}}})
    second, third = graph.named("golden-bucket-version-v2"), graph.named("golden-bucket-version-v3")
    assert (second.inputs["guidance"], third.inputs["guidance"]) == ("DEPRECATED", "DEFAULT")
    assert (third.inputs["name"], third.inputs["description"]) == ("v3", "Tags")
    assert "golden-bucket-version-v2" in waits_for(graph, third)
    # Service Catalog refuses changes of a product that is being changed: the portfolio comes last.
    assert "golden-bucket-version-v3" in waits_for(graph, graph.named("golden-bucket-association"))


def test_people_read_titles_not_names_of_resources() -> None:
    graph = make(title="Golden products", description="Approved", products={"bucket": {**BUCKET, "title": "A bucket"}, "table": TABLE})
    assert (named(graph, "golden-portfolio")["name"], named(graph, "golden-portfolio")["providerName"]) == ("Golden products", "Platform")
    assert [named(graph, f"golden-{key}-product")["name"] for key in ("bucket", "table")] == ["A bucket", "table"]


def test_what_exists_is_adopted() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/launch"
    product = {"versions": BUCKET["versions"], "existing_launch_role_arn": role}
    graph = make(existing_portfolio_id="port-abc123", kms_key_arn=KEY, products={"bucket": product})
    assert graph.of_type("aws:servicecatalog/portfolio:Portfolio", "aws:iam/role:Role", "aws:kms/key:Key") == []
    assert constraints(graph, "LAUNCH") == {"golden-bucket-launch": {"RoleArn": role}}
    assert named(graph, "golden-bucket-association")["portfolioId"] == outputs(graph)["portfolio_id"] == "port-abc123"


def test_launch_roles_have_the_boundary() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    roles = make(permissions_boundary_arn=boundary).of_type("aws:iam/role:Role")
    assert [one.inputs["permissionsBoundary"] for one in roles] == [boundary, boundary]


def test_the_policy_is_attached_to_roles_and_to_nobody_else() -> None:
    group = {"principal_arn": f"arn:aws:iam::{ACCOUNT}:group/analysts", "attach_policy": False}
    graph = make(users={**USERS, "analysts": group})
    attachment = graph.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert (attachment.inputs["role"], attachment.inputs["policyArn"]) == ("developers", outputs(graph)["user_policy_arn"])
    associations = graph.of_type("aws:servicecatalog/principalPortfolioAssociation:PrincipalPortfolioAssociation")
    assert [one.name for one in associations] == ["golden-developers-user", "golden-analysts-user"]


def test_launches_that_fail_are_reported() -> None:
    graph = make(alarm_topic_arns=[TOPIC])
    detail = json.loads(named(graph, "golden-failed")["eventPattern"])["detail"]
    assert detail["stack-id"] == [{"prefix": f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/SC-"}]
    assert "ROLLBACK_COMPLETE" in detail["status-details"]["status"]
    assert "UPDATE_COMPLETE" not in detail["status-details"]["status"]
    assert named(graph, "golden-failed-topic-1")["arn"] == TOPIC
    assert make().of_type("aws:cloudwatch/eventRule:EventRule") == []


def test_statements_for_roles_that_are_kept_elsewhere() -> None:
    found: dict[str, Any] = {}

    def program() -> None:
        args: Any = {"owner": "Platform", "products": {"bucket": BUCKET}}
        golden = GoldenEnvironment("golden", args)
        found["user"] = [line["sid"] for line in golden.launch_statements()]
        found["role"] = [line["sid"] for line in golden.launch_role_statements("bucket")]
        with pytest.raises(ArgumentError, match="table"):
            golden.launch_role_statements("table")

    record(program)
    assert found == {"user": ["Products", "Search", "Launched"], "role": ["Stacks", "Templates", "Copies", "Originals", "OriginalsKey"]}


# What is refused.


@pytest.mark.parametrize(
    ("more", "path", "reason"),
    [
        (
            {"existing_portfolio_id": "port-abc123", "title": "Approved"},
            "existing_portfolio_id",
            "excludes title: an adopted portfolio is not changed; both are given. Remove one of them.",
        ),
        (
            {"products": {"bucket": {**BUCKET, "allowed_values": {"Retension": ["30"]}}}},
            "products.bucket.allowed_values.Retension",
            "is no parameter of version v1, which could not be launched. Name one of its Parameters.",
        ),
        (
            {"products": {"bucket": {"versions": BUCKET["versions"]}}},
            "products.bucket.statements",
            "exactly one of statements and existing_launch_role_arn is needed; none is given. Give one.",
        ),
        (
            {"products": {"bucket": {**BUCKET, "statements": [{"actions": ["s3:*"], "resources": ["arn:aws:s3:::sc-*"]}]}}},
            "products.bucket.statements.0.actions",
            "has s3:* in statement 0; every action is not least privilege. Name the actions.",
        ),
        (
            {"products": {"bucket": {**BUCKET, "versions": {"v1": {"template": "templates/bucket.yaml"}}}}},
            "products.bucket.versions.v1.template",
            "has no Resources: it is the text of a template of CloudFormation, not its path. Read the file.",
        ),
        (
            {"products": {"bucket": {**BUCKET, "versions": {"v1": {"template": TEMPLATE, "deprecated": True}}}}},
            "products.bucket.versions.v1.deprecated",
            "is True for the first version, which is part of the product. Set it for later versions only.",
        ),
        (
            {"users": {"ana": {"principal_arn": f"arn:aws:iam::{ACCOUNT}:user/ana"}}},
            "users.ana.attach_policy",
            "is True for what is no role of yours. Set it to False, and give user_policy_arn to it where it is kept.",
        ),
    ],
)
def test_what_would_be_refused(more: dict[str, Any], path: str, reason: str) -> None:
    assert problems(**more) == [(path, reason)]


def test_a_pattern_of_principals_is_refused() -> None:
    [(path, reason)] = problems(users={"all": {"principal_arn": f"arn:aws:iam::{ACCOUNT}:role/dev*"}})
    assert path == "users.all.principal_arn"
    assert "must be the ARN of one role, user or group" in reason
