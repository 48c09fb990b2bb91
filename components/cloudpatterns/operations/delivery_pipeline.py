"""Delivery without a stored key: GitHub Actions takes short-lived roles by OpenID Connect (Cloud Design Patterns for AWS,
"Infrastructure as Code" and "Continuous Integration").

Made are the identity provider of GitHub's tokens, and for each environment two roles: *plan*, which pull requests and the branch
may take and which reads, and *apply*, which only jobs of that GitHub environment on that branch may take and which changes things.
Neither may change the pipeline itself: that is done by whoever runs the program that makes it.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import ArgumentError, Component, Statement, document, partition_of
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import Tags

_ISSUER = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"

# What AWS's ReadOnlyAccess gives beyond configuration: the data itself. A refresh reads no data of others.
_SECRET_READ = "secretsmanager:GetSecretValue"
_DATA_READS = [
    *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:GetRecords", "dynamodb:PartiQLSelect", "dynamodb:Query", "dynamodb:Scan"),
    *("kinesis:GetRecords", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogRecord", "logs:GetQueryResults"),
    *("logs:StartLiveTail", "logs:StartQuery", "rds:DownloadDBLogFilePortion", "sqs:ReceiveMessage"),
    _SECRET_READ,
]
_OBJECT_READS = ["s3:GetObject", "s3:GetObjectVersion"]
# Whoever can do one of these to a role of the pipeline can make it trust others or do more.
_ROLE_CHANGES = [
    *("iam:AttachRolePolicy", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"),
    *("iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"),
]
_PROVIDER_CHANGES = [
    *("iam:AddClientIDToOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider", "iam:RemoveClientIDFromOpenIDConnectProvider"),
    "iam:UpdateOpenIDConnectProviderThumbprint",
]


# And so can whoever rewrites a policy of theirs, or the boundary.
_POLICY_CHANGES = ["iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"]


class DeliveryEnvironment(TypedDict):
    """One GitHub environment: where its state lies, and what its two roles may do."""

    apply_policy_arns: Annotated[dict[str, pulumi.Input[str]], Field(min_length=1, max_length=9)]
    """Managed policies of the apply role by a short name of your choice, at most 9. They decide what a deployment can do."""
    plan_policy_arns: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(min_length=1, max_length=9)]]
    """Managed policies of the plan role by a short name of your choice, at most 9. Default: AWS's ``ReadOnlyAccess``."""
    plan_denied_actions: NotRequired[Annotated[list[str], Field(default=[*_DATA_READS, *_OBJECT_READS])]]
    """Actions that the plan role is refused whatever its policies say. Default: reading data (items, messages, logs, secret values,
    and objects outside the state); with ``secretsmanager:GetSecretValue`` it decrypts no ``SecureString`` parameter either. Give a list
    of your own when a refresh must read some: it reads objects, items of tables, such parameters and versions of secrets that are
    resources, but no secret that is write-only."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """A managed policy that the apply role can never go beyond. Without one, an apply role that may make roles can make a
    stronger one. Default: none."""
    stacks: NotRequired[Annotated[list[str], Field(min_length=1)]]
    """Stacks whose state the roles reach, as ``project/stack``, each part possibly with ``*``. Default: ``*/<environment>``."""
    state_bucket_arn: NotRequired[pulumi.Input[str]]
    """The bucket of Pulumi's self-managed state, with the state at its root. Default: none, as with Pulumi Cloud."""
    state_kms_key_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """Keys that encrypt the state bucket's objects or, as ``awskms`` secrets provider, the stacks' secrets. Pull requests can
    decrypt what the plan role can: a preview needs the stack's secrets. Default: none."""


class DeliveryPipelineArgs(TypedDict):
    """Arguments of ``DeliveryPipeline``."""

    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
    """The GitHub repository, ``owner/name``."""
    environments: Annotated[dict[str, DeliveryEnvironment], Field(min_length=1)]
    """The GitHub environments by name, such as ``dev`` and ``prod``. A protection rule of the environment is what asks for an approval."""
    subject_repository: NotRequired[Annotated[str, Field(pattern=r"^[A-Za-z0-9@-]+/[A-Za-z0-9@._-]+$")]]
    """The repository as the token's subject spells it. Repositories made or renamed after June 18, 2026 have ids in it;
    the repository's OIDC settings show the spelling. Default: ``repository``."""
    repository_id: NotRequired[Annotated[str, Field(pattern=r"^[0-9]+$")]]
    """GitHub's number of the repository, so that another one that takes over the name is refused. Default: not checked."""
    branch: NotRequired[Annotated[str, Field(default="main", pattern=r"^[A-Za-z0-9._/-]+$")]]
    """The protected branch: only its jobs can apply. Default: ``main``."""
    apply_workflow: NotRequired[Annotated[str, Field(pattern=r"^\.github/workflows/[A-Za-z0-9._-]+\.ya?ml$")]]
    """The one workflow file that can apply, such as ``.github/workflows/deploy.yml``. Default: any workflow of the branch."""
    provider_arn: NotRequired[pulumi.Input[str]]
    """The account's identity provider for GitHub's tokens; an account can have one only. Default: a new one."""
    max_session_duration_seconds: NotRequired[Annotated[int, Field(default=7200, ge=3600, le=43_200)]]
    """Longest session of the roles, 3,600 to 43,200 seconds; a deployment that lasts longer fails half-way. Default: 7200."""
    tags: NotRequired[Tags]
    """Tags of the provider and the roles. Default: none."""


class DeliveryPipeline(Component):
    """Plan and apply roles of a repository's GitHub Actions for each environment, without a stored key.

    AWS checks the claims ``ref``, ``repository_id`` and ``job_workflow_ref`` of GitHub's tokens in commercial regions
    (https://aws.amazon.com/about-aws/whats-new/2026/01/aws-sts-supports-validation-identity-provider-claims/).
    """

    provider_arn: pulumi.Output[str]
    """ARN of the identity provider for GitHub's tokens."""
    plan_role_arns: pulumi.Output[dict[str, str]]
    """ARN of the plan role by environment; given out only once its policies are attached."""
    apply_role_arns: pulumi.Output[dict[str, str]]
    """ARN of the apply role by environment; given out only once its policies are attached."""

    def __init__(self, name: str, args: DeliveryPipelineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        environments = checked["environments"]
        check_names("DeliveryPipeline", name, {f"{environment}-apply": 64 for environment in environments})
        if problems := list(_problems(environments)):
            raise ArgumentError("DeliveryPipeline", name, problems)
        super().__init__("DeliveryPipeline", name, opts)
        self._prefix = name
        self._checked = checked
        self.provider_arn = self._identity_provider()
        plan = {environment: self._role(environment, "plan", self._plan_trust()) for environment in environments}
        apply = {environment: self._role(environment, "apply", self._apply_trust(environment)) for environment in environments}
        unchangeable = self._unchangeable([*plan.values(), *apply.values()], _policies(environments))
        read_only = pulumi.Output.concat("arn:", partition_of(self.provider_arn), ":iam::aws:policy/ReadOnlyAccess")
        plan_arns: dict[str, pulumi.Output[str]] = {}
        apply_arns: dict[str, pulumi.Output[str]] = {}
        for key, environment in environments.items():
            policies = environment.get("plan_policy_arns") or {"read-only": read_only}
            statements = [*_state(key, environment, ["s3:GetObject"], ["kms:Decrypt"]), *_plan_denials(key, environment)]
            plan_arns[key] = self._permit(plan[key], f"{key}-plan", policies, [*statements, *unchangeable])
            write = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
            statements = _state(key, environment, write, ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"])
            apply_arns[key] = self._permit(apply[key], f"{key}-apply", environment["apply_policy_arns"], [*statements, *unchangeable])
        self.plan_role_arns = pulumi.Output.all(**plan_arns)
        self.apply_role_arns = pulumi.Output.all(**apply_arns)
        self.register()

    def _identity_provider(self) -> pulumi.Output[str]:
        if given := self._checked.get("provider_arn"):
            return pulumi.Output.from_input(given)
        # IAM trusts the issuer by its own list of authorities: no thumbprint.
        return aws.iam.OpenIdConnectProvider(
            f"{self._prefix}-provider",
            url=f"https://{_ISSUER}",
            client_id_lists=[_AUDIENCE],
            tags=self._checked["tags"],
            opts=self.child(),
        ).arn

    def _role(self, environment: str, kind: str, trust: Mapping[str, Any]) -> aws.iam.Role:
        conditions = {f"{_ISSUER}:aud": _AUDIENCE, **{f"{_ISSUER}:{claim}": value for claim, value in trust.items()}}
        if number := self._checked.get("repository_id"):
            conditions[f"{_ISSUER}:repository_id"] = number
        role_trust = Statement(
            actions=["sts:AssumeRoleWithWebIdentity"],
            principals={"Federated": [self.provider_arn]},
            conditions={"StringEquals": conditions},
        )
        boundary = self._checked["environments"][environment].get("permissions_boundary_arn") if kind == "apply" else None
        return aws.iam.Role(
            f"{self._prefix}-{environment}-{kind}",
            assume_role_policy=document(role_trust),
            description=f"GitHub Actions of {self._checked['repository']}: {kind} for {environment}",
            max_session_duration=self._checked["max_session_duration_seconds"],
            permissions_boundary=boundary,
            tags=self._checked["tags"],
            opts=self.child(),
        )

    @property
    def _subject(self) -> str:
        return f"repo:{self._checked.get('subject_repository') or self._checked['repository']}"

    @property
    def _ref(self) -> str:
        return f"refs/heads/{self._checked['branch']}"

    def _plan_trust(self) -> dict[str, Any]:
        return {"sub": [f"{self._subject}:pull_request", f"{self._subject}:ref:{self._ref}"]}

    def _apply_trust(self, environment: str) -> dict[str, Any]:
        # A job with an environment has no branch in its subject; the branch is a claim of its own.
        # https://docs.github.com/en/actions/reference/security/oidc
        trust: dict[str, Any] = {"sub": f"{self._subject}:environment:{environment}", "ref": self._ref}
        if workflow := self._checked.get("apply_workflow"):
            trust["job_workflow_ref"] = f"{self._checked['repository']}/{workflow}@{self._ref}"
        return trust

    def _unchangeable(self, roles: list[aws.iam.Role], policies: list[pulumi.Input[str]]) -> list[Statement]:
        arns = [role.arn for role in roles]
        return [
            Statement(sid="KeepTheRoles", effect="Deny", actions=_ROLE_CHANGES, resources=arns),
            Statement(sid="KeepThePolicies", effect="Deny", actions=_POLICY_CHANGES, resources=policies),
            Statement(sid="KeepTheProvider", effect="Deny", actions=_PROVIDER_CHANGES, resources=[self.provider_arn]),
        ]

    def _permit(
        self, role: aws.iam.Role, suffix: str, policies: Mapping[str, pulumi.Input[str]], statements: list[Statement]
    ) -> pulumi.Output[str]:
        """The role's ARN, as soon as it has all its policies: a job that comes earlier would meet a role without its denials."""
        own = aws.iam.RolePolicy(f"{self._prefix}-{suffix}-own", role=role.name, policy=document(*statements), opts=self.child())
        attached = [
            aws.iam.RolePolicyAttachment(
                f"{self._prefix}-{suffix}-{key}",
                role=role.name,
                policy_arn=arn,
                # What a policy allows must not be open before the denials are in place.
                opts=self.child(depends_on=[own]),
            )
            for key, arn in policies.items()
        ]
        return pulumi.Output.all(role.arn, own.id, *[one.id for one in attached]).apply(lambda values: values[0])


def _policies(environments: Mapping[str, DeliveryEnvironment]) -> list[pulumi.Input[str]]:
    """The policies and boundaries of all roles that are passed in; ``ReadOnlyAccess``, the default, is AWS's and cannot change."""
    found: list[pulumi.Input[str]] = []
    for environment in environments.values():
        found += [*environment["apply_policy_arns"].values(), *(environment.get("plan_policy_arns") or {}).values()]
        if boundary := environment.get("permissions_boundary_arn"):
            found.append(boundary)
    # Outputs cannot be compared, and a policy that is named twice does no harm.
    return [*dict.fromkeys(arn for arn in found if isinstance(arn, str)), *(arn for arn in found if not isinstance(arn, str))]


def _problems(environments: Mapping[str, DeliveryEnvironment]) -> Iterator[tuple[str, str]]:
    for key, environment in environments.items():
        if not key.replace("-", "").isalnum():
            yield f"environments.{key}", "names a child; letters, digits and dashes are allowed. Rename the GitHub environment."
        if "own" in environment["apply_policy_arns"] or "own" in (environment.get("plan_policy_arns") or {}):
            yield f"environments.{key}", "has a policy under the name own, which is the component's. Choose another name."
        for index, stack in enumerate(environment.get("stacks") or []):
            if stack.count("/") != 1 or not all(part.replace("*", "x") for part in stack.split("/")):
                reason = f"is {stack!r}; project/stack is needed, where a part may hold *. For example '*/{key}'."
                yield f"environments.{key}.stacks.{index}", reason


def _state_objects(key: str, environment: DeliveryEnvironment) -> list[pulumi.Output[str]]:
    """The objects of the stacks' state; the layout is that of Pulumi's self-managed backends."""
    paths = [".pulumi/meta.yaml"]
    for stack in environment.get("stacks") or [f"*/{key}"]:
        paths += [f".pulumi/stacks/{stack}.*", f".pulumi/locks/organization/{stack}/*"]
        paths += [f".pulumi/{folder}/{stack}/*" for folder in ("history", "backups")]
    bucket = environment.get("state_bucket_arn")
    return [pulumi.Output.concat(bucket, "/", path) for path in paths] if bucket else []


def _state(key: str, environment: DeliveryEnvironment, objects: list[str], keys: list[str]) -> list[Statement]:
    found = []
    if bucket := environment.get("state_bucket_arn"):
        found.append(Statement(sid="ListTheState", actions=["s3:ListBucket"], resources=[bucket]))
        found.append(Statement(sid="UseTheState", actions=objects, resources=_state_objects(key, environment)))
    if key_arns := environment["state_kms_key_arns"]:
        found.append(Statement(sid="UseTheKeys", actions=keys, resources=key_arns))
    return found


def _plan_denials(key: str, environment: DeliveryEnvironment) -> list[Statement]:
    denied = environment["plan_denied_actions"]
    of_objects = [action for action in denied if action in _OBJECT_READS]
    of_data = [action for action in denied if action not in _OBJECT_READS]
    state = _state_objects(key, environment)
    found = [Statement(sid="NoData", effect="Deny", actions=of_data, resources=["*"])] if of_data else []
    if _SECRET_READ in denied:
        # ReadOnlyAccess gets parameters, and the default key of SecureString decrypts for everyone in the account who does.
        # https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
        through = {"StringLike": {"kms:ViaService": "ssm.*"}}
        found.append(Statement(sid="NoSecureParameters", effect="Deny", actions=["kms:Decrypt"], resources=["*"], conditions=through))
    if of_objects:
        everywhere = [] if state else ["*"]
        found.append(Statement(sid="NoObjects", effect="Deny", actions=of_objects, resources=everywhere, not_resources=state))
    return found
