"""Trust of IAM roles in others: tokens of OpenID Connect and SAML providers, and other accounts.

A provider such as GitHub issues tokens to everybody. What a role is for is said by the token's subject, which the trust must limit.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cloudpatterns_policies.controls._documents import Statement, read_document
from cloudpatterns_policies.core import Fail, Resource, Severity, Verdict, control

_OIDC: Final = ":oidc-provider/"
_ROLE: Final = "aws:iam/role:Role"
_TRUST: Final = "assumeRolePolicy"
_OIDC_PAGE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html"

# A part of a claim without a wildcard or a policy variable.
_PART: Final = r"[^*?:/$]+"
# Claims of GitHub before the one that counts: GitHub writes a colon in a value as %3A, so that none can be smuggled in.
_BEFORE: Final = r"(?:[^*?$]+:)?"
_ANY: Final = re.compile(r"[^*?$]+")
_GITHUB: Final = "token.actions.githubusercontent.com"


@dataclass(frozen=True)
class _Issuer:
    """A provider that issues tokens to everybody who signs up."""

    name: str
    """How messages name its customers' things."""
    subject: re.Pattern[str]
    """Subjects that belong to one customer, for sure."""
    claims: Mapping[str, re.Pattern[str]]
    """Further claims that belong to one customer, with the values that do."""
    place: re.Pattern[str] | None = None
    """Subjects that belong to one repository or workspace."""
    places: str = ""
    """What these are called."""


_SHARED: Final[Mapping[str, _Issuer]] = {
    _GITHUB: _Issuer(
        "repository of GitHub",
        re.compile(
            rf"{_BEFORE}(?:(?:repo|repository|job_workflow_ref):{_PART}/.*"
            rf"|(?:repository_owner|repository_owner_id|repository_id|enterprise|enterprise_id):{_PART}(?::.*)?)"
        ),
        {
            **dict.fromkeys(("repository", "job_workflow_ref"), re.compile(rf"{_PART}/.+")),
            **dict.fromkeys(("repository_id", "repository_owner", "repository_owner_id", "enterprise", "enterprise_id"), _ANY),
        },
        re.compile(rf"{_BEFORE}(?:(?:repo|repository|job_workflow_ref):{_PART}/[^*?:$]+(?::.*|@.*)?|repository_id:{_PART}(?::.*)?)"),
        "repository",
    ),
    "gitlab.com": _Issuer(
        "project of GitLab",
        re.compile(rf"project_path:{_PART}/.*"),
        dict.fromkeys(("project_path", "namespace_path", "project_id", "namespace_id"), _ANY),
        re.compile(r"project_path:[^*?:$]+:.*"),
        "project",
    ),
    **dict.fromkeys(
        ("app.terraform.io", "app.eu.terraform.io"),
        _Issuer(
            "workspace of HCP Terraform",
            re.compile(rf"organization:{_PART}:.*"),
            dict.fromkeys(("terraform_organization_id", "terraform_organization_name", "terraform_workspace_id"), _ANY),
            re.compile(rf"organization:{_PART}:(?:.*:)?(?:project|workspace):{_PART}:.*"),
            "workspace",
        ),
    ),
    "agent.buildkite.com": _Issuer("pipeline of Buildkite", re.compile(rf"organization:{_PART}:.*"), {"organization_id": _ANY}),
    "oidc.vercel.com": _Issuer("project of Vercel", re.compile(rf"owner:{_PART}:.*"), {"aud": re.compile(rf"https://vercel\.com/{_PART}")}),
    "api.pulumi.com/oidc": _Issuer("organization of Pulumi Cloud", re.compile(rf"pulumi:(?:[^*?$]+:)?org:{_PART}:.*"), {"aud": _ANY}),
    "cognito-identity.amazonaws.com": _Issuer("identity pool of Cognito", _ANY, {"aud": _ANY}),
    "accounts.google.com": _Issuer("application of Google", _ANY, {"aud": _ANY, "oaud": _ANY}),
    "graph.facebook.com": _Issuer("application of Facebook", _ANY, {"app_id": _ANY, "id": _ANY}),
    "www.amazon.com": _Issuer("application of Login with Amazon", _ANY, {"app_id": _ANY, "user_id": _ANY}),
}
"""By the issuer's address, as the provider's ARN and the condition keys have it."""


def _issuers(statement: Statement) -> Iterator[str]:
    """The OpenID Connect providers whose tokens the statement takes."""
    for kind, name in statement.principals:
        if kind == "Federated" and (_OIDC in name or name in _SHARED):
            yield name.rpartition(_OIDC)[2]


def _values(statement: Statement, issuer: str, claim: str) -> Iterator[tuple[str, ...]]:
    """For each condition that surely limits a claim, the values that it takes."""
    # The key of an enterprise's own issuer matches no token of the shared one, and limits it to none.
    yield from statement.confined_by(re.compile(rf"{re.escape(issuer.lower())}(?:/[\w.-]+)?:{re.escape(claim.lower())}"))


def _limits(statement: Statement, issuer: str, claim: str, pattern: re.Pattern[str]) -> bool:
    return any(all(pattern.fullmatch(value) for value in values) for values in _values(statement, issuer, claim))


def _of_one_customer(statement: Statement, name: str, issuer: _Issuer) -> bool:
    return _limits(statement, name, "sub", issuer.subject) or any(
        _limits(statement, name, claim, pattern) for claim, pattern in issuer.claims.items()
    )


def _of_one_place(statement: Statement, name: str, issuer: _Issuer) -> bool:
    named = ("repository", "repository_id", "job_workflow_ref", "project_path", "project_id", "terraform_workspace_id")
    return (
        issuer.place is None
        or _limits(statement, name, "sub", issuer.place)
        or any(_limits(statement, name, claim, _ANY) for claim in issuer.claims if claim in named)
    )


def _each(resource: Resource, check: Callable[[Statement, str], str]) -> Iterator[Verdict]:
    """Runs `check` on each statement and provider that it trusts; a text that it gives is the weakness."""
    document = read_document(resource, _TRUST)
    if not isinstance(document, list):
        yield document
        return
    for statement in document:
        for issuer in dict.fromkeys(_issuers(statement)) if statement.allow else ():
            if weakness := check(statement, issuer):
                yield Fail(f"{weakness} in {statement.label}", _TRUST)


@control(
    id="iam-oidc-trust-limited",
    title="IAM roles trust OpenID Connect providers for the account's own callers only",
    severity=Severity.CRITICAL,
    types=(_ROLE,),
    why="GitHub, GitLab and others issue tokens to everybody: a repository of anyone could assume the role, with all its permissions.",
    remediation='Add a condition on the subject to assume_role_policy, such as StringLike "token.actions.githubusercontent.com:sub" '
    '"repo:ORGANIZATION/REPOSITORY:*", without a wildcard before the slash.',
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html#idp_oidc_Create_GitHub",
    frameworks={"Checkov": ("CKV_AWS_393",)},
    partial={"CKV_AWS_393": "subjects that name a workflow, an environment or a branch before the repository"},
)
def iam_oidc_trust_limited(resource: Resource) -> Iterator[Verdict]:
    def check(statement: Statement, name: str) -> str:
        issuer = _SHARED.get(name)
        return f"trusts every {issuer.name}" if issuer and not _of_one_customer(statement, name, issuer) else ""

    yield from _each(resource, check)


@control(
    id="iam-oidc-claims-limited",
    title="IAM roles limit the subjects of the OpenID Connect providers that they trust",
    severity=Severity.MEDIUM,
    types=(_ROLE,),
    why="Every workload that gets a token of the provider, such as each service account of a cluster, could assume the role.",
    remediation='Add a condition on the provider\'s subject to assume_role_policy, such as StringEquals "ISSUER:sub".',
    url=_OIDC_PAGE,
)
def iam_oidc_claims_limited(resource: Resource) -> Iterator[Verdict]:
    def check(statement: Statement, name: str) -> str:
        if name in _SHARED:
            return ""
        limited = any(
            key.startswith(f"{name.lower()}:") and not key.endswith(":aud") and any(_values(statement, name, key.rpartition(":")[2]))
            for _, key, _ in statement.conditions
        )
        return "" if limited else f"trusts every token of {name}"

    yield from _each(resource, check)


@control(
    id="iam-oidc-repository-named",
    title="IAM roles that trust a build service name its repositories",
    severity=Severity.MEDIUM,
    types=(_ROLE,),
    why="Everybody who may create a repository in the organization could assume the role from there.",
    remediation='Name the repository in the condition on the subject, such as "repo:ORGANIZATION/REPOSITORY:ref:refs/heads/main".',
    url="https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws",
)
def iam_oidc_repository_named(resource: Resource) -> Iterator[Verdict]:
    def check(statement: Statement, name: str) -> str:
        issuer = _SHARED.get(name)
        if not issuer or not _of_one_customer(statement, name, issuer) or _of_one_place(statement, name, issuer):
            return ""
        return f"trusts every {issuer.places} of an organization"

    yield from _each(resource, check)


@control(
    id="iam-oidc-branch-named",
    title="IAM roles that trust GitHub name branches, tags or environments",
    severity=Severity.LOW,
    types=(_ROLE,),
    why="Everybody who may push a branch to the repository, or open a pull request there, gets the role before anybody has reviewed it.",
    remediation='End the subject in a branch, tag or environment, such as "repo:ORGANIZATION/REPOSITORY:environment:production".',
    url="https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws",
)
def iam_oidc_branch_named(resource: Resource) -> Iterator[Verdict]:
    issuer, any_branch = _SHARED[_GITHUB], re.compile(r"[^*?$]*:(?:ref:)?(?:refs/)?(?:heads/)?\*|[^*?$]*:pull_request|[^:]*:[^:]*\*?")

    def check(statement: Statement, name: str) -> str:
        if name != _GITHUB or not _limits(statement, name, "sub", issuer.subject) or not _of_one_place(statement, name, issuer):
            return ""
        if any(any(_values(statement, name, claim)) for claim in ("ref", "environment", "job_workflow_ref")):
            return ""
        wide = [value for values in _values(statement, name, "sub") for value in values if any_branch.fullmatch(value)]
        return f"trusts every branch or pull request by {wide[0]}" if wide else ""

    yield from _each(resource, check)


@control(
    id="iam-oidc-audience-limited",
    title="IAM roles limit the audience of the OpenID Connect tokens that they take",
    severity=Severity.LOW,
    types=(_ROLE,),
    why="A token that was issued for another purpose, and has another audience of the provider, is taken as well.",
    remediation='Add a condition on the audience to assume_role_policy, such as StringEquals "ISSUER:aud" "sts.amazonaws.com".',
    url=_OIDC_PAGE,
)
def iam_oidc_audience_limited(resource: Resource) -> Iterator[Verdict]:
    def check(statement: Statement, name: str) -> str:
        facebook_like = name in ("graph.facebook.com", "www.amazon.com")
        return "" if facebook_like or any(_values(statement, name, "aud")) else f"takes every audience of {name}"

    yield from _each(resource, check)


_SAML: Final = ":saml-provider/"
_WHOLE_ACCOUNT: Final = re.compile(r"\d{12}|arn:[^:]*:iam::\d{12}:root")
_CALLER: Final = re.compile(
    r"sts:(externalid|sourceidentity|rolesessionname)|saml:.+"
    r"|aws:(principal(arn|orgid|orgpaths|tag/.+|isawsservice)|multifactorauth(present|age)|sourceidentity|userid|username|source(vpc|vpce|ip))"
)


@control(
    id="iam-saml-audience-limited",
    title="IAM roles limit the audience of the SAML assertions that they take",
    severity=Severity.LOW,
    types=(_ROLE,),
    why="An assertion that the identity provider issued for another application can be replayed at AWS.",
    remediation='Add a condition StringEquals "SAML:aud" "https://signin.aws.amazon.com/saml" to assume_role_policy.',
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_saml.html",
)
def iam_saml_audience_limited(resource: Resource) -> Iterator[Verdict]:
    document = read_document(resource, _TRUST)
    if not isinstance(document, list):
        yield document
        return
    for statement in document:
        trusted = statement.allow and any(kind == "Federated" and _SAML in name for kind, name in statement.principals)
        if trusted and not any(statement.confined_by(re.compile(r"saml:(aud|recipient)"))):
            yield Fail(f"takes every audience of a SAML provider in {statement.label}", _TRUST)


@control(
    id="iam-role-trust-account-confined",
    title="IAM roles do not trust a whole account without a condition",
    severity=Severity.LOW,
    types=(_ROLE,),
    why="Every principal of the account that may assume roles can assume this one; a vendor can be led to do so for another customer.",
    remediation="Name the role as Principal in assume_role_policy, or add a condition such as StringEquals sts:ExternalId for a vendor.",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html",
    frameworks={"Checkov": ("CKV_AWS_61",)},
    partial={"CKV_AWS_61": "accounts that are trusted with a condition on the caller"},
)
def iam_role_trust_account_confined(resource: Resource) -> Iterator[Verdict]:
    document = read_document(resource, _TRUST)
    if not isinstance(document, list):
        yield document
        return
    for statement in document:
        if not statement.allow or any(_CALLER.fullmatch(key) for _, key, _ in statement.conditions):
            continue
        if any(kind == "AWS" and _WHOLE_ACCOUNT.fullmatch(name) for kind, name in statement.principals):
            yield Fail(f"trusts every principal of an account in {statement.label}", _TRUST)
