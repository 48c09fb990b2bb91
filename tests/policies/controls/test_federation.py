"""Trust in identity providers and other accounts."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import federation as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

ROLE, TRUST = "aws:iam/role:Role", "assumeRolePolicy"
OPEN, CLAIMS, REPOSITORY = controls.iam_oidc_trust_limited, controls.iam_oidc_claims_limited, controls.iam_oidc_repository_named
BRANCH, AUDIENCE = controls.iam_oidc_branch_named, controls.iam_oidc_audience_limited
SAML, ACCOUNT = controls.iam_saml_audience_limited, controls.iam_role_trust_account_confined
GITHUB, GITLAB, TERRAFORM = "token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io"
OWN = "oidc.eks.eu-west-1.amazonaws.com/id/ABC"


def judged(control: Control, *statements: Any) -> list[Verdict]:
    return verdicts(control, resource(ROLE, props={TRUST: json.dumps({"Statement": list(statements)})}))


def trust(issuer: str, operator: str = "StringLike", **claims: Any) -> dict[str, Any]:
    condition = {operator: {f"{issuer}:{claim}": value for claim, value in claims.items()}} if claims else {}
    name = issuer if issuer.startswith(("cognito", "accounts", "graph", "www")) else f"arn:aws:iam::123456789012:oidc-provider/{issuer}"
    return {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": name}, "Condition": condition}


def failing(message: str) -> list[Verdict]:
    return [Fail(f"{message} in statement 1", TRUST)]


@pytest.mark.parametrize(
    ("issuer", "claims"),
    [
        (GITHUB, {"sub": "repo:shop/web:ref:refs/heads/main"}),
        (GITHUB, {"sub": "repo:shop/*"}),
        (GITHUB, {"sub": ["repo:shop/web:*", "repo:shop/api:*"]}),
        (GITHUB, {"sub": "repo:shop@123/web@456:*"}),
        (GITHUB, {"sub": "environment:prod:repo:shop/web"}),
        (GITHUB, {"sub": "repository_owner_id:123:environment:prod"}),
        (GITHUB, {"sub": "job_workflow_ref:shop/flows/*"}),
        (GITHUB, {"sub": "repo:*", "repository_owner": "shop"}),
        (GITHUB, {"repository": "shop/*"}),
        (GITLAB, {"sub": "project_path:shop/*:ref_type:branch:ref:main"}),
        (GITLAB, {"project_id": "123"}),
        (TERRAFORM, {"sub": "organization:shop:project:*:workspace:*:run_phase:*"}),
        ("agent.buildkite.com", {"sub": "organization:shop:pipeline:*"}),
        ("oidc.vercel.com", {"sub": "owner:shop:project:web:environment:production"}),
        ("api.pulumi.com/oidc", {"aud": "aws:shop"}),
        ("cognito-identity.amazonaws.com", {"aud": "eu-west-1:11111111-2222-3333-4444-555555555555"}),
        ("accounts.google.com", {"aud": "shop.apps.googleusercontent.com"}),
        ("www.amazon.com", {"app_id": "amzn1.application-oa2-client.1"}),
        (OWN, {}),
    ],
)
def test_a_role_for_one_customer_of_a_shared_provider(issuer: str, claims: Any) -> None:
    assert judged(OPEN, trust(issuer, **claims)) == [Pass()]
    # Deny and other principals open nothing.
    assert judged(OPEN, trust(issuer) | {"Effect": "Deny"}, {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}) == [Pass()]


@pytest.mark.parametrize(
    ("issuer", "claims", "what"),
    [
        (GITHUB, {}, "repository of GitHub"),
        (GITHUB, {"aud": "sts.amazonaws.com"}, "repository of GitHub"),
        (GITHUB, {"sub": "*"}, "repository of GitHub"),
        (GITHUB, {"sub": "repo:*"}, "repository of GitHub"),
        (GITHUB, {"sub": "repo:shop*"}, "repository of GitHub"),
        (GITHUB, {"sub": "repo:*/web:*"}, "repository of GitHub"),
        (GITHUB, {"sub": "*:repo:shop/web"}, "repository of GitHub"),
        (GITHUB, {"sub": "environment:prod"}, "repository of GitHub"),
        (GITHUB, {"sub": ["repo:shop/web:*", "repo:*"]}, "repository of GitHub"),
        (GITHUB, {"ref": "refs/heads/main"}, "repository of GitHub"),
        (GITHUB, {"repository_owner": "shop*"}, "repository of GitHub"),
        (GITLAB, {"sub": "project_path:*:ref_type:branch:ref:main"}, "project of GitLab"),
        (TERRAFORM, {"sub": "organization:*:project:*:workspace:web:run_phase:*"}, "workspace of HCP Terraform"),
        ("cognito-identity.amazonaws.com", {"amr": "authenticated"}, "identity pool of Cognito"),
        ("accounts.google.com", {}, "application of Google"),
    ],
)
def test_a_role_for_everybody(issuer: str, claims: Any, what: str) -> None:
    assert judged(OPEN, trust(issuer, **claims)) == failing(f"trusts every {what}")
    assert judged(REPOSITORY, trust(issuer, **claims)) == [Pass()]


@pytest.mark.parametrize("operator", ["StringNotLike", "StringLikeIfExists", "ForAllValues:StringLike"])
def test_an_operator_that_limits_nothing(operator: str) -> None:
    assert judged(OPEN, trust(GITHUB, operator, sub="repo:shop/web:*")) == failing("trusts every repository of GitHub")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"sub": "system:serviceaccount:shop:web"}, [Pass()]),
        ({"sub": "system:serviceaccount:shop:*", "aud": "sts.amazonaws.com"}, [Pass()]),
        ({"namespace": "shop"}, [Pass()]),
        ({}, failing(f"trusts every token of {OWN}")),
        ({"aud": "sts.amazonaws.com"}, failing(f"trusts every token of {OWN}")),
        ({"sub": "*"}, failing(f"trusts every token of {OWN}")),
    ],
)
def test_subjects_of_a_provider_of_ones_own(claims: Any, expected: list[Verdict]) -> None:
    assert judged(CLAIMS, trust(OWN, **claims)) == expected
    assert judged(CLAIMS, trust(GITHUB, **claims)) == [Pass()]


@pytest.mark.parametrize(
    ("issuer", "claims", "expected"),
    [
        (GITHUB, {"sub": "repo:shop/web:*"}, [Pass()]),
        (GITHUB, {"sub": "environment:prod:repo:shop/web"}, [Pass()]),
        (GITHUB, {"sub": "repo:shop/*", "repository_id": "123"}, [Pass()]),
        (GITHUB, {"sub": "repo:shop/*"}, failing("trusts every repository of an organization")),
        (GITHUB, {"sub": "repo:shop/*:ref:refs/heads/main"}, failing("trusts every repository of an organization")),
        (GITHUB, {"sub": "repo:shop/web*"}, failing("trusts every repository of an organization")),
        (GITHUB, {"sub": ["repo:shop/web:*", "repo:shop/*"]}, failing("trusts every repository of an organization")),
        (GITHUB, {"sub": "repository_owner:shop:environment:prod"}, failing("trusts every repository of an organization")),
        (GITLAB, {"sub": "project_path:shop/web:ref_type:branch:ref:*"}, [Pass()]),
        (GITLAB, {"sub": "project_path:shop/*:ref_type:branch:ref:main"}, failing("trusts every project of an organization")),
        (TERRAFORM, {"sub": "organization:shop:project:*:workspace:web:run_phase:*"}, [Pass()]),
        (
            TERRAFORM,
            {"sub": "organization:shop:project:*:workspace:*:run_phase:*"},
            failing("trusts every workspace of an organization"),
        ),
        ("agent.buildkite.com", {"sub": "organization:shop:*"}, [Pass()]),
        (OWN, {}, [Pass()]),
    ],
)
def test_repositories(issuer: str, claims: Any, expected: list[Verdict]) -> None:
    assert judged(REPOSITORY, trust(issuer, **claims)) == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"sub": "repo:shop/web:ref:refs/heads/main"}, [Pass()]),
        ({"sub": "repo:shop/web:ref:refs/heads/release/*"}, [Pass()]),
        ({"sub": "repo:shop/web:ref:refs/tags/v*"}, [Pass()]),
        ({"sub": "repo:shop/web:environment:prod"}, [Pass()]),
        ({"sub": "repo:shop/web:*", "environment": "prod"}, [Pass()]),
        ({"sub": "repo:shop/web:*"}, failing("trusts every branch or pull request by repo:shop/web:*")),
        ({"sub": "repo:shop/web*"}, [Pass()]),
        ({"sub": "repo:shop/web:ref:refs/heads/*"}, failing("trusts every branch or pull request by repo:shop/web:ref:refs/heads/*")),
        ({"sub": "repo:shop/web:ref:*"}, failing("trusts every branch or pull request by repo:shop/web:ref:*")),
        ({"sub": "repo:shop/web:pull_request"}, failing("trusts every branch or pull request by repo:shop/web:pull_request")),
        ({"sub": "repo:shop/*"}, [Pass()]),
        ({"sub": "repo:*"}, [Pass()]),
        ({}, [Pass()]),
    ],
)
def test_branches(claims: Any, expected: list[Verdict]) -> None:
    assert judged(BRANCH, trust(GITHUB, **claims)) == expected
    assert judged(BRANCH, trust(GITLAB, **claims)) == [Pass()]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (trust(GITHUB, aud="sts.amazonaws.com"), [Pass()]),
        (trust(OWN, "ForAnyValue:StringEquals", aud="sts.amazonaws.com"), [Pass()]),
        (trust("www.amazon.com", app_id="a"), [Pass()]),
        (trust(GITHUB, sub="repo:shop/web:*"), failing(f"takes every audience of {GITHUB}")),
        (trust(OWN, aud="*"), failing(f"takes every audience of {OWN}")),
        (trust(OWN) | {"Effect": "Deny"}, [Pass()]),
    ],
)
def test_audiences(statement: Any, expected: list[Verdict]) -> None:
    assert judged(AUDIENCE, statement) == expected


def saml(**condition: Any) -> dict[str, Any]:
    principal = {"Federated": "arn:aws:iam::123456789012:saml-provider/idp"}
    return {"Effect": "Allow", "Action": "sts:AssumeRoleWithSAML", "Principal": principal, "Condition": condition}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (saml(StringEquals={"SAML:aud": "https://signin.aws.amazon.com/saml"}), [Pass()]),
        (saml(), failing("takes every audience of a SAML provider")),
        (saml(StringEquals={"SAML:sub": "ann"}), failing("takes every audience of a SAML provider")),
        (saml() | {"Effect": "Deny"}, [Pass()]),
        (trust(GITHUB), [Pass()]),
    ],
)
def test_audiences_of_saml(statement: Any, expected: list[Verdict]) -> None:
    assert judged(SAML, statement) == expected


def account(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}, **more}


ROOT = "arn:aws:iam::123456789012:root"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (account("arn:aws:iam::123456789012:role/ci"), [Pass()]),
        (account(ROOT, Effect="Deny"), [Pass()]),
        (account(ROOT, Condition={"StringEquals": {"sts:ExternalId": "shop"}}), [Pass()]),
        (account(ROOT, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), [Pass()]),
        (account(ROOT, Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/ci-*"}}), [Pass()]),
        (account(ROOT), failing("trusts every principal of an account")),
        (account("123456789012"), failing("trusts every principal of an account")),
        (account(["arn:aws:iam::123456789012:role/ci", ROOT]), failing("trusts every principal of an account")),
        (
            account(ROOT, Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
            failing("trusts every principal of an account"),
        ),
        ({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}, [Pass()]),
    ],
)
def test_accounts(statement: Any, expected: list[Verdict]) -> None:
    assert judged(ACCOUNT, statement) == expected


@pytest.mark.parametrize("control", [OPEN, CLAIMS, REPOSITORY, BRANCH, AUDIENCE, SAML, ACCOUNT])
def test_a_trust_that_is_unknown_or_missing(control: Control) -> None:
    part = {"Statement": [trust(GITHUB) | {"Principal": {"Federated": UNKNOWN}}]}
    assert verdicts(control, resource(ROLE, props={TRUST: UNKNOWN})) == [Unknown(TRUST)]
    assert verdicts(control, resource(ROLE, props={TRUST: part})) == [Unknown(f"{TRUST}.Statement.0.Principal.Federated")]
    assert verdicts(control, resource(ROLE)) == [Pass()]
    assert verdicts(control, resource(ROLE, props={TRUST: "no json"})) == [Fail("is not a valid policy document", TRUST)]
