"""DeliveryPipeline: who may take which role, what each may and may not, and every refusal."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.operations import DeliveryPipeline
from offline_preview.graph import Graph

from tests.harness import record, refs

ISSUER = "token.actions.githubusercontent.com"
BUCKET, KEY = "arn:aws:s3:::state", "arn:aws:kms:eu-west-1:123456789012:key/1"
POWER = "arn:aws:iam::aws:policy/PowerUserAccess"
PROD: Any = {"apply_policy_arns": {"power": POWER}, "state_bucket_arn": BUCKET, "state_kms_key_arns": [KEY]}
ARGS: Any = {"repository": "octo-org/shop", "environments": {"prod": PROD}}
PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
STATE = [
    f"{BUCKET}/.pulumi/{path}"
    for path in (
        "meta.yaml",
        "stacks/*/prod.*",
        "locks/organization/*/prod/*",
        "history/*/prod/*",
        "backups/*/prod/*",
    )
]


def made(args: Any = ARGS, mode: Any = "deployed") -> Graph:
    return record(lambda: DeliveryPipeline("delivery", args), mode=mode)


def with_environment(**changes: Any) -> Any:
    return {**ARGS, "environments": {"prod": {**PROD, **changes}}}


def trust(graph: Graph, role: str) -> Any:
    (statement,) = json.loads(graph.named(role).inputs["assumeRolePolicy"])["Statement"]
    return statement


def rights(graph: Graph, policy: str) -> dict[str, Any]:
    """The statements by their ids; their effect and id are checked here."""
    found = {statement.pop("Sid"): statement for statement in json.loads(graph.named(policy).inputs["policy"])["Statement"]}
    assert {sid: statement.pop("Effect") for sid, statement in found.items()} == {
        sid: "Allow" if sid in ("ListTheState", "UseTheState", "UseTheKeys") else "Deny" for sid in found
    }
    return found


def refused(args: Any, name: str = "delivery") -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        record(lambda: DeliveryPipeline(name, args))
    return error.value.problems


def test_these_are_its_children() -> None:
    graph = made()
    assert sorted((item.type, item.name) for item in graph.children(graph.one("cloudpatterns:index:DeliveryPipeline").urn)) == [
        (PROVIDER, "delivery-provider"),
        ("aws:iam/role:Role", "delivery-prod-apply"),
        ("aws:iam/role:Role", "delivery-prod-plan"),
        ("aws:iam/rolePolicy:RolePolicy", "delivery-prod-apply-own"),
        ("aws:iam/rolePolicy:RolePolicy", "delivery-prod-plan-own"),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "delivery-prod-apply-power"),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "delivery-prod-plan-read-only"),
    ]
    assert graph.one(PROVIDER).inputs == {"url": f"https://{ISSUER}", "clientIdLists": ["sts.amazonaws.com"], "tags": {}}
    assert graph.named("delivery-prod-apply").inputs["maxSessionDuration"] == 7200
    assert graph.named("delivery-prod-apply-power").inputs["policyArn"] == POWER
    assert graph.named("delivery-prod-plan-read-only").inputs["policyArn"] == "arn:aws:iam::aws:policy/ReadOnlyAccess"


def test_only_a_job_of_the_environment_on_the_branch_may_apply() -> None:
    graph = made({**ARGS, "repository_id": "42", "apply_workflow": ".github/workflows/deploy.yml"})
    statement = trust(graph, "delivery-prod-apply")
    assert statement["Principal"] == {"Federated": [graph.one(PROVIDER).outputs["arn"]]}
    assert statement["Action"] == ["sts:AssumeRoleWithWebIdentity"]
    assert statement["Condition"] == {
        "StringEquals": {
            f"{ISSUER}:aud": "sts.amazonaws.com",
            f"{ISSUER}:sub": "repo:octo-org/shop:environment:prod",
            f"{ISSUER}:ref": "refs/heads/main",
            f"{ISSUER}:job_workflow_ref": "octo-org/shop/.github/workflows/deploy.yml@refs/heads/main",
            f"{ISSUER}:repository_id": "42",
        }
    }


def test_pull_requests_and_the_branch_may_plan() -> None:
    graph = made({**ARGS, "subject_repository": "octo-org@1/shop@42", "branch": "release/1"})
    assert trust(graph, "delivery-prod-plan")["Condition"] == {
        "StringEquals": {
            f"{ISSUER}:aud": "sts.amazonaws.com",
            f"{ISSUER}:sub": ["repo:octo-org@1/shop@42:pull_request", "repo:octo-org@1/shop@42:ref:refs/heads/release/1"],
        }
    }


def test_plan_reads_the_state_and_no_data() -> None:
    graph = made()
    found = rights(graph, "delivery-prod-plan-own")
    assert found["ListTheState"] == {"Action": ["s3:ListBucket"], "Resource": [BUCKET]}
    assert found["UseTheState"] == {"Action": ["s3:GetObject"], "Resource": STATE}
    assert found["UseTheKeys"] == {"Action": ["kms:Decrypt"], "Resource": [KEY]}
    assert found["NoObjects"] == {"Action": ["s3:GetObject", "s3:GetObjectVersion"], "NotResource": STATE}
    assert found["NoData"]["Resource"] == ["*"]
    assert {"secretsmanager:GetSecretValue", "dynamodb:GetItem", "sqs:ReceiveMessage"} <= set(found["NoData"]["Action"])
    logs = {
        f"logs:{name}" for name in ("FilterLogEvents", "GetLogEvents", "GetLogRecord", "GetQueryResults", "StartLiveTail", "StartQuery")
    }
    assert {action for action in found["NoData"]["Action"] if action.startswith("logs:")} == logs
    assert found["NoSecureParameters"] == {
        "Action": ["kms:Decrypt"],
        "Resource": ["*"],
        "Condition": {"StringLike": {"kms:ViaService": "ssm.*"}},
    }


def test_apply_writes_the_state_of_its_stacks() -> None:
    graph = made(with_environment(stacks=["shop/prod-*"]))
    found = rights(graph, "delivery-prod-apply-own")
    assert found["UseTheState"] == {
        "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        "Resource": [path.replace("*/prod", "shop/prod-*", 1) for path in STATE],
    }
    assert found["UseTheKeys"]["Action"] == ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
    assert found.keys() == {"ListTheState", "UseTheState", "UseTheKeys", "KeepTheRoles", "KeepThePolicies", "KeepTheProvider"}


def test_no_role_changes_the_pipeline() -> None:
    environments = {"dev": {"apply_policy_arns": {"power": POWER}}, "prod": PROD}
    graph = made({**ARGS, "environments": environments})
    roles = [graph.named(f"delivery-{one}").outputs["arn"] for one in ("dev-plan", "prod-plan", "dev-apply", "prod-apply")]
    for policy in ("dev-plan", "dev-apply", "prod-plan", "prod-apply"):
        found = rights(graph, f"delivery-{policy}-own")
        assert found["KeepTheRoles"]["Resource"] == roles
        assert {"iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePolicy"} <= set(found["KeepTheRoles"]["Action"])
        assert found["KeepTheProvider"]["Resource"] == [graph.one(PROVIDER).outputs["arn"]]


def test_no_role_rewrites_a_policy_of_the_pipeline_or_a_boundary() -> None:
    own, boundary, audit = (f"arn:aws:iam::123456789012:policy/{name}" for name in ("deploy", "boundary", "audit"))

    def program() -> None:
        dev = {"apply_policy_arns": {"power": POWER}, "plan_policy_arns": {"audit": pulumi.Output.from_input(audit)}}
        prod = {**PROD, "apply_policy_arns": {"power": POWER, "deploy": own}, "permissions_boundary_arn": boundary}
        args: Any = {**ARGS, "environments": {"dev": dev, "prod": prod}}
        DeliveryPipeline("delivery", args)

    graph = record(program, mode="deployed")
    for policy in ("dev-plan", "dev-apply", "prod-plan", "prod-apply"):
        assert rights(graph, f"delivery-{policy}-own")["KeepThePolicies"] == {
            "Action": ["iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"],
            "Resource": [POWER, own, boundary, audit],
        }


def test_what_is_allowed_comes_after_what_is_denied() -> None:
    graph = made()
    for kind, key in (("apply", "power"), ("plan", "read-only")):
        attachment = graph.named(f"delivery-prod-{kind}-{key}")
        assert graph.named(f"delivery-prod-{kind}-own").urn in attachment.dependencies
        assert refs(graph, attachment, "role") == [f"delivery-prod-{kind}"]


def test_without_self_managed_state_there_is_nothing_about_state() -> None:
    found = rights(made({**ARGS, "environments": {"prod": {"apply_policy_arns": {"power": POWER}}}}), "delivery-prod-plan-own")
    assert found.keys() == {"NoData", "NoSecureParameters", "NoObjects", "KeepTheRoles", "KeepThePolicies", "KeepTheProvider"}
    assert found["NoObjects"]["Resource"] == ["*"]


@pytest.mark.parametrize(
    ("denied", "statements"),
    [
        ([], {}),
        (["sqs:ReceiveMessage"], {"NoData": ["sqs:ReceiveMessage"]}),
        (["s3:GetObject"], {"NoObjects": ["s3:GetObject"]}),
        (
            ["secretsmanager:GetSecretValue"],
            {"NoData": ["secretsmanager:GetSecretValue"], "NoSecureParameters": ["kms:Decrypt"]},
        ),
    ],
)
def test_what_plan_is_refused_can_be_chosen(denied: list[str], statements: dict[str, list[str]]) -> None:
    found = rights(made(with_environment(plan_denied_actions=denied)), "delivery-prod-plan-own")
    assert {sid: one["Action"] for sid, one in found.items() if sid.startswith("No")} == statements


def test_the_accounts_provider_own_policies_and_a_boundary_can_be_passed_in() -> None:
    given = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    environment = {**PROD, "plan_policy_arns": {"audit": "arn:aws:iam::aws:policy/SecurityAudit"}, "permissions_boundary_arn": boundary}
    graph = made({**ARGS, "environments": {"prod": environment}, "provider_arn": given, "max_session_duration_seconds": 3600.0})
    assert not graph.of_type(PROVIDER)
    assert trust(graph, "delivery-prod-plan")["Principal"] == {"Federated": [given]}
    assert graph.named("delivery-prod-plan-audit").inputs["policyArn"] == "arn:aws:iam::aws:policy/SecurityAudit"
    assert graph.named("delivery-prod-apply").inputs["permissionsBoundary"] == boundary
    assert "permissionsBoundary" not in graph.named("delivery-prod-plan").inputs
    assert graph.named("delivery-prod-plan").inputs["maxSessionDuration"] == 3600


def test_read_only_access_is_that_of_the_partition() -> None:
    given = f"arn:aws-us-gov:iam::123456789012:oidc-provider/{ISSUER}"
    graph = made({**ARGS, "provider_arn": given})
    assert graph.named("delivery-prod-plan-read-only").inputs["policyArn"] == "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess"


def test_the_arns_wait_for_the_policies() -> None:
    def program() -> None:
        pipeline = DeliveryPipeline("delivery", ARGS)
        aws.ssm.Parameter("role", type="String", value=pipeline.apply_role_arns.apply(lambda arns: arns["prod"]))

    graph = record(program, mode="deployed")
    needed = refs(graph, graph.one("aws:ssm/parameter:Parameter"), "value")
    assert {"delivery-prod-apply", "delivery-prod-apply-own", "delivery-prod-apply-power"} <= set(needed)
    outputs = graph.one("cloudpatterns:index:DeliveryPipeline").outputs
    assert outputs["apply_role_arns"] == {"prod": graph.named("delivery-prod-apply").outputs["arn"]}
    assert outputs["plan_role_arns"] == {"prod": graph.named("delivery-prod-plan").outputs["arn"]}


def test_a_program_can_change_the_children() -> None:
    def mark(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "aws:iam/role:Role":
            return None
        return pulumi.ResourceTransformResult({**args.props, "path": "/ci/"}, args.opts)

    graph = record(lambda: DeliveryPipeline("delivery", ARGS, pulumi.ResourceOptions(transforms=[mark])))
    assert {role.inputs["path"] for role in graph.of_type("aws:iam/role:Role")} == {"/ci/"}


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        (
            {**ARGS, "environments": {"pro d": PROD}},
            [("environments", "has 'pro d'; a name has letters, digits and dashes. Rename it")],
        ),
        (
            with_environment(apply_policy_arns={"own": POWER}),
            [("environments.prod", "has a policy under the name own, which is the component's. Choose another name.")],
        ),
        (
            with_environment(plan_policy_arns={"own": POWER}),
            [("environments.prod", "has a policy under the name own, which is the component's. Choose another name.")],
        ),
        (
            with_environment(stacks=["prod"]),
            [
                (
                    "environments.prod.stacks.0",
                    "is 'prod'; must be project/stack, where each part may have a *, such as */prod",
                )
            ],
        ),
        (
            with_environment(stacks=["*/prod", "/prod"]),
            [
                (
                    "environments.prod.stacks.1",
                    "is '/prod'; must be project/stack, where each part may have a *, such as */prod",
                )
            ],
        ),
    ],
)
def test_what_cannot_be_is_refused(args: Any, problems: list[tuple[str, str]]) -> None:
    assert refused(args) == problems


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"repository": "shop"}, "repository"),
        ({"repository": "octo-org/*"}, "repository"),
        ({"subject_repository": "octo-org/*"}, "subject_repository"),
        ({"repository_id": "shop"}, "repository_id"),
        ({"branch": "*"}, "branch"),
        ({"apply_workflow": "deploy.yml"}, "apply_workflow"),
        ({"environments": {}}, "environments"),
        ({"max_session_duration_seconds": 60}, "max_session_duration_seconds"),
        ({"environments": {"prod": {"apply_policy_arns": {}}}}, "environments.prod.apply_policy_arns"),
        ({"environments": {"prod": {**PROD, "plan_policy_arns": {}}}}, "environments.prod.plan_policy_arns"),
        ({"environments": {"prod": {**PROD, "stacks": []}}}, "environments.prod.stacks"),
    ],
)
def test_values_have_limits(change: Any, path: str) -> None:
    assert [where for where, _ in refused({**ARGS, **change})] == [path]


def test_a_long_name_is_refused() -> None:
    ((where, reason),) = refused(ARGS, "d" * 46)
    assert where == "name"
    assert "prod-apply would pass the 64 characters" in reason
