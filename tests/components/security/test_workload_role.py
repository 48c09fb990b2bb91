"""WorkloadRole: exact trust and permission documents, order of the outputs, and every refusal."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.security import WorkloadRole, WorkloadRoleArgs, session_manager_statements
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs

BUCKET = "arn:aws:s3:::shop-data/*"
USER = "arn:aws:iam::123456789012:user/ada"
READ: Any = {"sid": "ReadData", "actions": ["s3:GetObject"], "resources": [BUCKET]}


def role(args: WorkloadRoleArgs, name: str = "web", mode: Any = "deployed") -> Graph:
    return record(lambda: WorkloadRole(name, args), mode=mode)


def refused(args: Any, name: str = "web") -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        role(args, name)
    return error.value.problems


def component(graph: Graph) -> Resource:
    return graph.one("cloudpatterns:index:WorkloadRole")


def test_a_service_role_has_these_children_and_no_others() -> None:
    args: Any = {
        "service": "ec2.amazonaws.com",
        "statements": [READ],
        "managed_policy_arns": {"audit": "arn:aws:iam::aws:policy/SecurityAudit"},
        "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
        "max_session_duration_seconds": 7200.0,  # the component host delivers integers as floats
        "path": "/shop/",
        "instance_profile": True,
        "tags": {"Owner": "platform"},
    }
    graph = role(args)
    assert sorted((item.type, item.name) for item in graph.children(component(graph).urn)) == [
        ("aws:iam/instanceProfile:InstanceProfile", "web-profile"),
        ("aws:iam/role:Role", "web-role"),
        ("aws:iam/rolePolicy:RolePolicy", "web-policy"),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "web-policy-audit"),
    ]
    made = graph.named("web-role").inputs
    assert json.loads(made.pop("assumeRolePolicy")) == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": ["ec2.amazonaws.com"]}}],
    }
    made.pop("name", None)
    assert made == {
        "description": "Workload of ec2.amazonaws.com",
        "maxSessionDuration": 7200,
        "path": "/shop/",
        "permissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
        "tags": {"Owner": "platform"},
    }
    assert json.loads(graph.named("web-policy").inputs["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "ReadData", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [BUCKET]}],
    }
    assert refs(graph, graph.named("web-policy"), "role") == ["web-role"]
    assert graph.named("web-policy-audit").inputs["policyArn"] == "arn:aws:iam::aws:policy/SecurityAudit"
    assert refs(graph, graph.named("web-policy-audit"), "role") == ["web-role"]
    profile = graph.named("web-profile")
    assert (profile.inputs["path"], profile.inputs["tags"]) == ("/shop/", {"Owner": "platform"})
    assert refs(graph, profile, "role") == ["web-role"]


def test_defaults_and_empty_profile_outputs() -> None:
    graph = role({"service": "lambda.amazonaws.com"})
    assert [item.name for item in graph.children(component(graph).urn)] == ["web-role"]
    made = graph.named("web-role").inputs
    assert (made["maxSessionDuration"], made["path"], "permissionsBoundary" in made) == (3600, "/", False)
    outputs = component(graph).outputs
    assert (outputs["instance_profile_arn"], outputs["instance_profile_name"]) == ("", "")
    assert outputs["role_arn"] == graph.named("web-role").outputs["arn"]


def test_outputs_wait_for_every_policy() -> None:
    def program() -> None:
        made = WorkloadRole(
            "web",
            {
                "service": "ec2.amazonaws.com",
                "statements": [READ],
                "managed_policy_arns": {"audit": "arn:aws:iam::aws:policy/SecurityAudit"},
                "instance_profile": True,
            },
        )
        for output in ("role_arn", "role_name", "instance_profile_arn", "instance_profile_name"):
            aws.ssm.Parameter(f"use-{output}", type="String", value=getattr(made, output))

    graph = record(program)
    policies = {"web-policy", "web-policy-audit"}
    assert set(refs(graph, graph.named("use-role_arn"), "value")) == {"web-role", *policies}
    assert set(refs(graph, graph.named("use-role_name"), "value")) == {"web-role", *policies}
    assert set(refs(graph, graph.named("use-instance_profile_arn"), "value")) == {"web-profile", *policies}
    assert set(refs(graph, graph.named("use-instance_profile_name"), "value")) == {"web-profile", *policies}


def test_just_in_time_trust_and_permissions_end_together() -> None:
    graph = role(
        {
            "assume": {
                "principal_arns": [USER],
                "external_id": "ticket-4711",
                "expires": "2027-01-31T18:00:00+01:00",
            },
            "statements": [{**READ, "conditions": {"StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}}}],
        }
    )
    [trust] = json.loads(graph.named("web-role").inputs["assumeRolePolicy"])["Statement"]
    assert trust == {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole"],
        "Principal": {"AWS": [USER]},
        "Condition": {
            "Bool": {"aws:MultiFactorAuthPresent": "true"},
            "StringEquals": {"sts:ExternalId": "ticket-4711"},
            "DateLessThan": {"aws:CurrentTime": "2027-01-31T17:00:00Z"},
        },
    }
    [statement] = json.loads(graph.named("web-policy").inputs["policy"])["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"aws:RequestedRegion": ["eu-west-1"]},
        "DateLessThan": {"aws:CurrentTime": "2027-01-31T17:00:00Z"},
    }
    assert graph.named("web-role").inputs["description"] == "Just-in-time access of named principals"


def test_just_in_time_without_mfa_or_expiry() -> None:
    graph = role({"assume": {"principal_arns": ["arn:aws-us-gov:iam::123456789012:role/ops/deployer"], "mfa_required": False}})
    [trust] = json.loads(graph.named("web-role").inputs["assumeRolePolicy"])["Statement"]
    assert "Condition" not in trust


def test_trust_conditions_narrow_the_service() -> None:
    conditions: Any = {"StringEquals": {"aws:SourceAccount": ["123456789012"]}}
    graph = role({"service": "scheduler.amazonaws.com", "trust_conditions": conditions})
    [trust] = json.loads(graph.named("web-role").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Condition"] == conditions


def test_session_manager_is_accepted_on_every_resource() -> None:
    graph = role({"service": "ec2.amazonaws.com", "statements": session_manager_statements()})
    [statement] = json.loads(graph.named("web-policy").inputs["policy"])["Statement"]
    assert statement == {
        "Sid": "SessionManager",
        "Effect": "Allow",
        "Action": [
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ],
        "Resource": ["*"],
    }


@pytest.mark.parametrize("action", ["autoscaling:DescribeAutoScalingGroups", "autoscaling:Describe*", "XRAY:x", "ec2:describeinstances"])
def test_unscoped_actions_are_matched_as_iam_does(action: str) -> None:
    args: Any = {"service": "ec2.amazonaws.com", "statements": [{"actions": [action], "resources": ["*"]}]}
    if action.startswith("XRAY"):
        assert refused(args) == [
            ("statements.0.actions", "has 'XRAY:x' in statement 0; an action is service:Action, such as s3:GetObject.")
        ]
    else:
        role(args)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "*"),
        ("ec2:Describe*", "*"),
        ("ec2:TerminateInstances", "*"),
        ("iam:PassRole", "arn:*:*:*:*:*"),
        ("autoscaling:D*", "*"),
        ("sts:AssumeRole", "**"),
    ],
)
def test_a_star_resource_is_refused_where_the_action_could_be_limited(action: str, resource: str) -> None:
    statement = {"sid": "Wide", "actions": ["sts:GetCallerIdentity", action], "resources": [BUCKET, resource]}
    assert refused({"service": "ec2.amazonaws.com", "statements": [READ, statement]}) == [
        (
            "statements.1.resources",
            f"is {resource!r} with {action} in statement Wide; the action can be limited to resources. Name their ARNs, or, for a "
            "permission that truly has none, attach a managed policy of your own (managed_policy_arns).",
        )
    ]


@pytest.mark.parametrize("action", ["*", "s3:*", "s3:?*", "iam:**"])
def test_every_action_is_refused_even_on_one_resource(action: str) -> None:
    assert refused({"service": "ec2.amazonaws.com", "statements": [{"actions": [action], "resources": [BUCKET]}]}) == [
        ("statements.0.actions", f"has {action} in statement 0; every action is not least privilege. Name the actions.")
    ]


def test_a_resource_that_turns_out_to_be_a_star_is_refused() -> None:
    def program() -> None:
        star = pulumi.Output.from_input("*")
        WorkloadRole("web", {"service": "ec2.amazonaws.com", "statements": [{"actions": ["s3:GetObject"], "resources": [star]}]})

    with pytest.raises(ArgumentError) as error:
        record(program)
    [(path, reason)] = error.value.problems
    assert path == "statements.0.resources"
    assert reason.startswith("is '*' with s3:GetObject in statement 0; ")


def test_the_policy_may_have_10240_characters_without_white_space() -> None:
    def args(extra: int) -> Any:
        arn = "arn:aws:s3:::" + "b" * extra
        return {"service": "ec2.amazonaws.com", "statements": [{"actions": ["s3:GetObject"], "resources": [arn]}]}

    base = len(json.dumps(json.loads(role(args(1)).named("web-policy").inputs["policy"]), separators=(",", ":")))
    role(args(10_240 - base + 1))
    assert refused(args(10_240 - base + 2)) == [
        (
            "statements",
            "take 10241 characters; IAM allows 10240 in the inline policies of a role. "
            "Move some to a managed policy (managed_policy_arns).",
        )
    ]


ONE = "exactly one of service and assume is needed; {}."


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        ({}, [("service", ONE.format("none is given. Give one"))]),
        ({"service": "ec2.amazonaws.com", "assume": {"principal_arns": [USER]}}, [("service", ONE.format("both are given. Remove one"))]),
        (
            {"service": "lambda.amazonaws.com", "instance_profile": True},
            [("instance_profile", 'is True; only instances take one. Set service to "ec2.amazonaws.com" or leave it out.')],
        ),
        (
            {"assume": {"principal_arns": [USER]}, "trust_conditions": {"Bool": {"aws:SecureTransport": ["true"]}}},
            [
                (
                    "trust_conditions",
                    "excludes assume: the conditions on principals are the arguments of assume; both are given. Remove one of them.",
                )
            ],
        ),
        *[
            (
                {"assume": {"principal_arns": [USER, principal]}},
                [
                    (
                        "assume.principal_arns.1",
                        f"is {principal!r}; must be the ARN of one IAM user or role such as arn:aws:iam::123456789012:user/ada",
                    )
                ],
            )
            for principal in ("*", "123456789012", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/*")
        ],
        *[
            (
                {"assume": {"principal_arns": [USER], "expires": expires}},
                [("assume.expires", f"is {expires!r}; an ISO 8601 time with its offset is needed, such as 2027-01-31T18:00:00Z.")],
            )
            for expires in ("tomorrow", "2027-01-31T18:00:00")
        ],
        (
            {
                "assume": {"principal_arns": [USER], "expires": "2027-01-31T18:00:00Z"},
                "statements": [{**READ, "conditions": {"DateLessThan": {"aws:CurrentTime": ["2028-01-01T00:00:00Z"]}}}],
            },
            [("statements.0.conditions.DateLessThan", "has aws:CurrentTime, which assume.expires sets. Leave one of them out.")],
        ),
        (
            {"service": "ec2.amazonaws.com", "statements": [{"actions": ["GetObject"], "resources": [BUCKET]}]},
            [("statements.0.actions", "has 'GetObject' in statement 0; an action is service:Action, such as s3:GetObject.")],
        ),
    ],
)
def test_arguments_that_contradict_are_refused(args: Any, problems: list[tuple[str, str]]) -> None:
    assert refused(args) == problems


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"service": "ec2"}, "service"),
        ({"service": "ec2.amazonaws.com", "max_session_duration_seconds": 3599}, "max_session_duration_seconds"),
        ({"service": "ec2.amazonaws.com", "max_session_duration_seconds": 43_201}, "max_session_duration_seconds"),
        ({"service": "ec2.amazonaws.com", "path": "shop"}, "path"),
        ({"service": "ec2.amazonaws.com", "managed_policy_arns": {f"p{i}": BUCKET for i in range(11)}}, "managed_policy_arns"),
        ({"service": "ec2.amazonaws.com", "statements": [{**READ, "actions": []}]}, "statements.0.actions"),
        ({"service": "ec2.amazonaws.com", "statements": [{**READ, "resources": []}]}, "statements.0.resources"),
        ({"service": "ec2.amazonaws.com", "statements": [{**READ, "sid": "with space"}]}, "statements.0.sid"),
        ({"assume": {"principal_arns": []}}, "assume.principal_arns"),
        ({"assume": {"principal_arns": [USER], "external_id": "a"}}, "assume.external_id"),
    ],
)
def test_values_out_of_range_are_refused(args: Any, path: str) -> None:
    assert [problem[0] for problem in refused(args)] == [path]


def test_a_name_too_long_for_the_role_is_refused() -> None:
    role({"service": "ec2.amazonaws.com"}, name="w" * 51)
    [(path, reason)] = refused({"service": "ec2.amazonaws.com"}, name="w" * 52)
    assert path == "name"
    assert "would pass the 64 characters that AWS allows" in reason


def test_a_transform_reaches_the_role() -> None:
    def lengthen(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "aws:iam/role:Role":
            return None
        return pulumi.ResourceTransformResult({**args.props, "maxSessionDuration": 7200}, args.opts)

    options = pulumi.ResourceOptions(transforms=[lengthen])
    graph = record(lambda: WorkloadRole("web", {"service": "ec2.amazonaws.com"}, options))
    assert graph.named("web-role").inputs["maxSessionDuration"] == 7200
