"""Delivery without a stored key: GitHub Actions assumes short-lived roles by OpenID Connect.

Pattern: "Infrastructure as Code" and "Continuous Integration" (Cloud Design Patterns for AWS).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import Component, Keys, Matches, Problem, Statement, after, by_name, document, partition_of
from cloudpatterns.core.vocabulary import KmsKeyArn, Tags
from cloudpatterns.operations._state import state_objects

_ISSUER = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"

# What AWS's ReadOnlyAccess allows beyond configuration: the data itself. A refresh reads no data of others.
_SECRET_READ = "secretsmanager:GetSecretValue"
_DATA_READS = [
    *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:GetRecords", "dynamodb:PartiQLSelect", "dynamodb:Query", "dynamodb:Scan"),
    *("kinesis:GetRecords", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogRecord", "logs:GetQueryResults"),
    *("logs:StartLiveTail", "logs:StartQuery", "rds:DownloadDBLogFilePortion", "sqs:ReceiveMessage"),
    _SECRET_READ,
]
_OBJECT_READS = ["s3:GetObject", "s3:GetObjectVersion"]
# Whoever can do one of these to a role of the pipeline can make it trust others or allow more.
_ROLE_CHANGES = [
    *("iam:AttachRolePolicy", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"),
    *("iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"),
]
_PROVIDER_CHANGES = [
    *("iam:AddClientIDToOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider", "iam:RemoveClientIDFromOpenIDConnectProvider"),
    "iam:UpdateOpenIDConnectProviderThumbprint",
]
# So can whoever rewrites one of its policies, or the boundary.
_POLICY_CHANGES = ["iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"]

# The component's own policy makes ten, IAM's quota.
_Policies = Annotated[dict[str, pulumi.Input[str]], Field(min_length=1, max_length=9)]
_Stack = Annotated[str, Matches("[^/]+/[^/]+", "project/stack, where each part may have a *, such as */prod")]


class DeliveryEnvironment(TypedDict):
    """One GitHub environment: where its state is, and what its two roles are allowed to do."""

    apply_policy_arns: _Policies
    """Managed policies of the apply role by a short name of your choice. They decide what a deployment can do."""
    plan_policy_arns: NotRequired[Annotated[_Policies, Field(default={})]]
    """Managed policies of the plan role by a short name of your choice. Without any, the role has AWS's ``ReadOnlyAccess``."""
    plan_denied_actions: NotRequired[Annotated[list[str], Field(default=[*_DATA_READS, *_OBJECT_READS])]]
    """Actions that the plan role is denied whatever its policies allow: reading data (items, messages, logs, secret values, and objects
    outside the state); with ``secretsmanager:GetSecretValue`` it decrypts no ``SecureString`` parameter either. Give another list when a
    refresh must read some: it reads objects, items of tables, such parameters and versions of secrets that are resources, but no secret
    that is write-only."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """A managed policy that the apply role can never exceed. Without one, an apply role that is allowed to create roles can create a more
    powerful one. Default: no boundary."""
    stacks: NotRequired[Annotated[list[_Stack], Field(default=[], min_length=1)]]
    """Stacks whose state the roles reach. Without any, ``*/<environment>``."""
    state_bucket_arn: NotRequired[pulumi.Input[str]]
    """The bucket of Pulumi's self-managed state, with the state at its root. Default: no bucket, as with Pulumi Cloud."""
    state_kms_key_arns: NotRequired[Annotated[list[KmsKeyArn], Field(default=[])]]
    """Keys that encrypt the state bucket's objects or, as ``awskms`` secrets provider, the stacks' secrets. Pull requests can decrypt what
    the plan role can: a preview needs the stack's secrets."""


class DeliveryPipelineArgs(TypedDict):
    """Arguments of ``DeliveryPipeline``."""

    repository: Annotated[str, Matches("[A-Za-z0-9-]+/[A-Za-z0-9._-]+", "owner/name such as octo-org/shop")]
    """The GitHub repository."""
    environments: Annotated[
        dict[str, DeliveryEnvironment], Field(min_length=1), Keys("[A-Za-z0-9-]*[A-Za-z0-9][A-Za-z0-9-]*", "letters, digits and dashes")
    ]
    """The GitHub environments by name, such as ``dev`` and ``prod``. A protection rule of the environment is what asks for an approval."""
    subject_repository: NotRequired[
        Annotated[str, Matches("[A-Za-z0-9@-]+/[A-Za-z0-9@._-]+", "owner/name as in the token such as octo-org@1/shop@42")]
    ]
    """The repository as the token's subject spells it. Repositories created or renamed after June 18, 2026 have ids in it; the repository's
    OIDC settings show the spelling. Default: ``repository``."""
    repository_id: NotRequired[Annotated[str, Matches("[0-9]+", "GitHub's number of the repository such as 4711")]]
    """Refuses another repository that takes over the name. Default: not checked."""
    branch: NotRequired[Annotated[str, Field(default="main"), Matches("[A-Za-z0-9._/-]+", "the name of a branch such as release/1")]]
    """The protected branch: only its jobs can apply."""
    apply_workflow: NotRequired[
        Annotated[
            str, Matches(r"\.github/workflows/[A-Za-z0-9._-]+\.ya?ml", "the path of a workflow file such as .github/workflows/deploy.yml")
        ]
    ]
    """The one workflow file that can apply. Default: any workflow of the branch."""
    provider_arn: NotRequired[pulumi.Input[str]]
    """The account's identity provider for GitHub's tokens; an account can have one only. Default: a new one."""
    max_session_duration_seconds: NotRequired[Annotated[int, Field(default=7200, ge=3600, le=43_200)]]
    """Longest session of the roles; a deployment that lasts longer fails half-way."""
    tags: NotRequired[Tags]
    """Tags of the provider and the roles."""


class DeliveryPipeline(Component):
    """Plan and apply roles of a repository's GitHub Actions for each environment (Cloud Design Patterns for AWS, "Infrastructure as Code").

    The plan role reads; pull requests and the branch may assume it. The apply role changes things; only jobs of its GitHub environment on
    the branch may assume it. Neither can change the pipeline itself: that is up to whoever runs the program with this component.

    AWS checks the claims ``ref``, ``repository_id`` and ``job_workflow_ref`` of GitHub's tokens in commercial Regions
    (https://aws.amazon.com/about-aws/whats-new/2026/01/aws-sts-supports-validation-identity-provider-claims/).

    **Use when**: GitHub Actions previews and deploys stacks into an account, and no access key may be stored.

    **Not when**: another system delivers: its tokens have other claims. People assume a ``WorkloadRole``.

    **Cost drivers**: none; IAM and its identity provider are free of charge.

    **Trade-offs**: pull requests decrypt the stack's secrets in a preview; changes of the pipeline need someone with more rights.

    **Proven by**: controls ``iam-role-trust-not-public``, ``iam-no-access-key``, ``iam-no-administrator-attachment``;
    ``test_delivery_pipeline.py``, and ``test_workflows.py``, which holds the workflows to the roles.
    """

    provider_arn: pulumi.Output[str]
    """ARN of the identity provider for GitHub's tokens."""
    plan_role_arns: pulumi.Output[dict[str, str]]
    """ARN of the plan role by environment, available after its policies are attached."""
    apply_role_arns: pulumi.Output[dict[str, str]]
    """ARN of the apply role by environment, available after its policies are attached."""

    def __init__(self, name: str, args: DeliveryPipelineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=_problems, names=_child_names)
        self.provider_arn = self._identity_provider(name)
        environments, subject = checked["environments"], checked.get("subject_repository")
        self._subject = f"repo:{checked['repository'] if subject is None else subject}"
        self._ref = f"refs/heads/{checked['branch']}"
        plan_trust = {"sub": [f"{self._subject}:pull_request", f"{self._subject}:ref:{self._ref}"]}
        plan = {key: self._role(key, "plan", plan_trust) for key in environments}
        apply = {key: self._role(key, "apply", self._apply_trust(key)) for key in environments}
        protection = self._protection([*plan.values(), *apply.values()])
        read_only = pulumi.Output.concat("arn:", partition_of(self.provider_arn), ":iam::aws:policy/ReadOnlyAccess")
        plan_arns: dict[str, pulumi.Output[str]] = {}
        apply_arns: dict[str, pulumi.Output[str]] = {}
        for key, environment in environments.items():
            state = _state_statements(key, environment, ["s3:GetObject"], ["kms:Decrypt"])
            statements = [*state, *_plan_denials(key, environment), *protection]
            policies = environment["plan_policy_arns"] or {"read-only": read_only}
            plan_arns[key] = self._permit(plan[key], f"{key}-plan", policies, statements)
            writes = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
            state = _state_statements(key, environment, writes, ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"])
            apply_arns[key] = self._permit(apply[key], f"{key}-apply", environment["apply_policy_arns"], [*state, *protection])
        self.plan_role_arns, self.apply_role_arns = by_name(plan_arns), by_name(apply_arns)
        self.register()

    def _identity_provider(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("provider_arn")
        if given is not None:
            return pulumi.Output.from_input(given)
        # IAM trusts the issuer by its own list of authorities: no thumbprint.
        return aws.iam.OpenIdConnectProvider(
            f"{name}-provider",
            url=f"https://{_ISSUER}",
            client_id_lists=[_AUDIENCE],
            tags=self._checked["tags"],
            opts=self.child(),
        ).arn

    def _role(self, environment: str, kind: str, claims: Mapping[str, str | list[str]]) -> aws.iam.Role:
        conditions = {f"{_ISSUER}:aud": _AUDIENCE, **{f"{_ISSUER}:{claim}": value for claim, value in claims.items()}}
        if number := self._checked.get("repository_id"):
            conditions[f"{_ISSUER}:repository_id"] = number
        trust = Statement(
            actions=["sts:AssumeRoleWithWebIdentity"],
            principals={"Federated": [self.provider_arn]},
            conditions={"StringEquals": conditions},
        )
        boundary = self._checked["environments"][environment].get("permissions_boundary_arn") if kind == "apply" else None
        return aws.iam.Role(
            f"{self.pulumi_resource_name}-{environment}-{kind}",
            assume_role_policy=document(trust),
            description=f"GitHub Actions of {self._checked['repository']}: {kind} for {environment}",
            max_session_duration=self._checked["max_session_duration_seconds"],
            permissions_boundary=boundary,
            tags=self._checked["tags"],
            opts=self.child(),
        )

    def _apply_trust(self, environment: str) -> dict[str, str | list[str]]:
        # A job with an environment has no branch in its subject; the branch is a claim of its own.
        # https://docs.github.com/en/actions/reference/security/oidc
        claims: dict[str, str | list[str]] = {"sub": f"{self._subject}:environment:{environment}", "ref": self._ref}
        if workflow := self._checked.get("apply_workflow"):
            claims["job_workflow_ref"] = f"{self._checked['repository']}/{workflow}@{self._ref}"
        return claims

    def _protection(self, roles: list[aws.iam.Role]) -> list[Statement]:
        """What keeps every role from changing the pipeline."""
        policies = _policy_arns(self._checked["environments"])
        return [
            Statement(sid="KeepTheRoles", effect="Deny", actions=_ROLE_CHANGES, resources=[role.arn for role in roles]),
            Statement(sid="KeepThePolicies", effect="Deny", actions=_POLICY_CHANGES, resources=policies),
            Statement(sid="KeepTheProvider", effect="Deny", actions=_PROVIDER_CHANGES, resources=[self.provider_arn]),
        ]

    def _permit(
        self, role: aws.iam.Role, suffix: str, policies: Mapping[str, pulumi.Input[str]], statements: list[Statement]
    ) -> pulumi.Output[str]:
        """The role's ARN, available after all its policies: a job that comes earlier would meet a role without its denials."""
        prefix = f"{self.pulumi_resource_name}-{suffix}"
        own = aws.iam.RolePolicy(f"{prefix}-own", role=role.name, policy=document(*statements), opts=self.child())
        attachments = [
            # What a policy allows must not be open before the denials are in place.
            aws.iam.RolePolicyAttachment(f"{prefix}-{key}", role=role.name, policy_arn=arn, opts=self.child(depends_on=[own]))
            for key, arn in policies.items()
        ]
        return after(role.arn, own, *attachments)


def _child_names(checked: DeliveryPipelineArgs) -> dict[str, int]:
    return {f"{environment}-apply": 64 for environment in checked["environments"]}


def _problems(checked: DeliveryPipelineArgs) -> Iterator[Problem]:
    for key, environment in checked["environments"].items():
        if "own" in environment["apply_policy_arns"] or "own" in environment["plan_policy_arns"]:
            yield f"environments.{key}", "has a policy under the name own, which is the component's. Choose another name."


def _policy_arns(environments: Mapping[str, DeliveryEnvironment]) -> list[pulumi.Input[str]]:
    """The policies and boundaries of all roles that are passed in; ``ReadOnlyAccess``, the default, is AWS's and cannot change."""
    arns: list[pulumi.Input[str]] = []
    for environment in environments.values():
        arns += [*environment["apply_policy_arns"].values(), *environment["plan_policy_arns"].values()]
        if boundary := environment.get("permissions_boundary_arn"):
            arns.append(boundary)
    # Outputs cannot be compared, and a policy that is named twice does no harm.
    return [*dict.fromkeys(arn for arn in arns if isinstance(arn, str)), *(arn for arn in arns if not isinstance(arn, str))]


def _state_objects(key: str, environment: DeliveryEnvironment) -> list[pulumi.Output[str]]:
    """The objects of the stacks' state."""
    bucket = environment.get("state_bucket_arn")
    return [] if bucket is None else state_objects(bucket, *(environment["stacks"] or [f"*/{key}"]))


def _state_statements(key: str, environment: DeliveryEnvironment, objects: list[str], keys: list[str]) -> list[Statement]:
    statements = []
    if bucket := environment.get("state_bucket_arn"):
        statements.append(Statement(sid="ListTheState", actions=["s3:ListBucket"], resources=[bucket]))
        statements.append(Statement(sid="UseTheState", actions=objects, resources=_state_objects(key, environment)))
    if key_arns := environment["state_kms_key_arns"]:
        statements.append(Statement(sid="UseTheKeys", actions=keys, resources=key_arns))
    return statements


def _plan_denials(key: str, environment: DeliveryEnvironment) -> list[Statement]:
    denied = environment["plan_denied_actions"]
    of_objects = [action for action in denied if action in _OBJECT_READS]
    of_data = [action for action in denied if action not in _OBJECT_READS]
    state = _state_objects(key, environment)
    statements = [Statement(sid="NoData", effect="Deny", actions=of_data, resources=["*"])] if of_data else []
    if _SECRET_READ in denied:
        # ReadOnlyAccess gets parameters, and the default key of SecureString decrypts for everyone in the account who does.
        # https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
        through = {"StringLike": {"kms:ViaService": "ssm.*"}}
        statements.append(Statement(sid="NoSecureParameters", effect="Deny", actions=["kms:Decrypt"], resources=["*"], conditions=through))
    if of_objects:
        everywhere = [] if state else ["*"]
        statements.append(Statement(sid="NoObjects", effect="Deny", actions=of_objects, resources=everywhere, not_resources=state))
    return statements
