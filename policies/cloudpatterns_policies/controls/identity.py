"""IAM policies and role trust: nobody is an administrator by accident, or can escalate to one.

Documents are evaluated as a whole. A condition is no excuse for `*` on `*` or for a whole service, since it says when, not what. Elsewhere
a condition counts when it surely confines the resources, the policies or the service that a statement speaks of.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from cloudpatterns_policies.controls._documents import (
    Statement,
    is_every_action,
    is_every_action_of_a_service,
    matches,
    read_document,
)
from cloudpatterns_policies.controls._escalation import ESCALATIONS, PASS_ROLE, PASSING
from cloudpatterns_policies.controls._public_access import not_public
from cloudpatterns_policies.controls._unscoped import UNSCOPED
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import some

_IAM: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html"
_KMS: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html"

_ROLE: Final = "aws:iam/role:Role"
_POLICIES: Final[Mapping[str, str]] = {
    "aws:iam/policy:Policy": "policy",
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:iam/userPolicy:UserPolicy": "policy",
    "aws:iam/groupPolicy:GroupPolicy": "policy",
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": "inlinePolicy",
    _ROLE: "inlinePolicies",
}
_ATTACHMENTS: Final[Mapping[str, str]] = {
    "aws:iam/policyAttachment:PolicyAttachment": "policyArn",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "policyArn",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "policyArn",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": "policyArn",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": "policyArns",
    "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive": "policyArns",
    "aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive": "policyArns",
    "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment": "managedPolicyArn",
    _ROLE: "managedPolicyArns",
}

# AWS managed policies that allow `*` on `*`, or allow a principal to attach such a policy to itself.
_ADMINISTRATOR: Final = re.compile(r"arn:[a-z-]+:iam::aws:policy/(AdministratorAccess|IAMFullAccess)")

# One of these on every resource is enough to gain every permission.
_KEYS_TO_ALL: Final = ("iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:CreatePolicyVersion")

_DECRYPTION: Final = ("kms:Decrypt", "kms:ReEncryptFrom")

_CONFINES_RESOURCES: Final = re.compile(
    r"[a-z0-9-]+:resourcetag/.+|kms:(resourcealiases|encryptioncontext:.+)|ecs:cluster|cloudwatch:namespace|ec2:vpc"
)
_CONFINES_RIGHTS: Final = re.compile(r"iam:(policyarn|permissionsboundary|associatedresourcearn)|[a-z0-9-]+:resourcetag/.+")
_CONFINES_SERVICE: Final = re.compile(r"iam:passedtoservice")

Check = Callable[[str, Sequence[Statement]], Iterator[Verdict]]


def _each_document(resource: Resource, check: Check) -> Iterator[Verdict]:
    """Runs `check` on each policy document of a resource, with its path."""
    path = _POLICIES[resource.type]
    paths = [path]
    if resource.type == _ROLE:
        if resource.is_unknown(path):
            yield Unknown(path)
            return
        paths = [f"{path}.{index}.policy" for index in range(len(resource.get(path, ())))]
        if not paths:
            yield NotApplicable("has no inline policy")
    for each in paths:
        document = read_document(resource, each)
        if isinstance(document, list):
            yield from check(each, document)
        else:
            yield document


def _is_administrator(statement: Statement) -> bool:
    if not statement.allow or not statement.everything:
        return False
    return statement.every_action or (bool(statement.not_actions) and any(map(statement.names, _KEYS_TO_ALL)))


def _but(statement: Statement) -> str:
    actions = f"every action but {some(statement.not_actions, 3)}" if statement.not_actions else "every action"
    resources = f"every resource but {some(statement.not_resources, 3)}" if statement.not_resources else "every resource"
    return f"{actions} on {resources}"


@control(
    id="iam-policy-no-administrator",
    title="IAM policies do not allow every action on every resource",
    # FSBP rates IAM.1 high. Such a policy endangers everything in the account, so the control blocks everywhere.
    severity=Severity.CRITICAL,
    types=tuple(_POLICIES),
    why="Anyone who obtains the credentials controls the account: its data, keys, logs and bill.",
    remediation="List the needed actions in Action, and their ARNs in Resource; the component WorkloadRole refuses wildcards.",
    url=f"{_IAM}#iam-1",
    frameworks={"FSBP": ("IAM.1",), "CIS 5.0": ("1.15",), "Checkov": ("CKV_AWS_62",)},
)
def iam_policy_no_administrator(resource: Resource) -> Iterator[Verdict]:
    def check(path: str, statements: Sequence[Statement]) -> Iterator[Verdict]:
        for statement in filter(_is_administrator, statements):
            yield Fail(f"allows {_but(statement)} in {statement.label}", path)

    yield from _each_document(resource, check)


@control(
    id="iam-policy-no-action-wildcard",
    title="IAM policies do not allow every action",
    severity=Severity.MEDIUM,
    types=tuple(_POLICIES),
    why="Every action on a resource includes deleting it, giving it to others, and whatever AWS adds later.",
    remediation="List the needed actions in Action, such as s3:GetObject instead of *.",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    frameworks={"Checkov": ("CKV_AWS_63",)},
)
def iam_policy_no_action_wildcard(resource: Resource) -> Iterator[Verdict]:
    def check(path: str, statements: Sequence[Statement]) -> Iterator[Verdict]:
        for statement in statements:
            # Whatever the resource is, as CKV_AWS_63 has it: also where `iam-policy-no-administrator` fails.
            if statement.allow and statement.every_action:
                yield Fail(f"allows every action in {statement.label}", path)

    yield from _each_document(resource, check)


@control(
    id="iam-no-administrator-attachment",
    title="No AWS managed administrator policy is attached",
    severity=Severity.CRITICAL,
    types=tuple(_ATTACHMENTS),
    why="AdministratorAccess allows every action on every resource, and IAMFullAccess allows a principal to attach it to itself.",
    remediation="Set policy_arn to a policy that lists what is needed.",
    url=f"{_IAM}#iam-1",
    frameworks={"Checkov": ("CKV_AWS_274", "CKV2_AWS_56")},
    partial={"CKV2_AWS_56": "look-ups of the policy, such as aws.iam.get_policy, that attach it to nothing in the stack"},
)
def iam_no_administrator_attachment(resource: Resource) -> Iterator[Verdict]:
    path = _ATTACHMENTS[resource.type]
    if not resource.is_unknown(path) and resource.get(path) is None:
        yield NotApplicable("attaches no managed policy")
        return
    listed = path.endswith("s") and not resource.is_unknown(path)
    for each in [f"{path}.{index}" for index in range(len(resource.get(path)))] if listed else [path]:
        if resource.is_unknown(each):
            yield Unknown(each)
        elif found := _ADMINISTRATOR.fullmatch(str(resource.get(each))):
            yield Fail(f"attaches {found[1]}", each)


@control(
    id="iam-policy-no-service-wildcard",
    title="IAM policies do not allow every action of a service",
    severity=Severity.LOW,
    types=tuple(_POLICIES),
    why="All actions of a service include deleting its data, changing its policies, and any action that AWS adds later.",
    remediation="List the actions that are needed, such as s3:GetObject instead of s3:*.",
    url=f"{_IAM}#iam-21",
    frameworks={"FSBP": ("IAM.21",)},
)
def iam_policy_no_service_wildcard(resource: Resource) -> Iterator[Verdict]:
    def check(path: str, statements: Sequence[Statement]) -> Iterator[Verdict]:
        for statement in statements:
            if not statement.allow or _is_administrator(statement):
                continue
            if statement.not_actions:
                yield Fail(f"allows every action but {some(statement.not_actions, 3)} in {statement.label}", path)
            # `iam-policy-no-action-wildcard` reports every action of every service.
            elif whole := [action for action in statement.actions if is_every_action_of_a_service(action) and not is_every_action(action)]:
                yield Fail(f"allows {some(whole, 3)} in {statement.label}", path)

    yield from _each_document(resource, check)


@control(
    id="iam-policy-no-escalation",
    title="IAM policies do not allow privilege escalation",
    severity=Severity.HIGH,
    types=tuple(_POLICIES),
    why="Who may change any policy, create access keys for any user, or launch an instance with any role can become administrator.",
    remediation=(
        "Name the ARNs of the roles, users or functions in Resource; for iam:PassRole add a condition on iam:PassedToService, "
        "for policy actions a condition on iam:PolicyARN or iam:PermissionsBoundary."
    ),
    url="https://cloudsplaining.readthedocs.io/en/latest/glossary/privilege-escalation/",
    frameworks={"Checkov": ("CKV_AWS_286",)},
)
def iam_policy_no_escalation(resource: Resource) -> Iterator[Verdict]:
    yield from _each_document(resource, _escalations)


def _escalations(path: str, statements: Sequence[Statement]) -> Iterator[Verdict]:
    allowed = [item for item in statements if item.allow and not _is_administrator(item)]
    unconfined = [item for item in allowed if not any(item.confined_by(_CONFINES_RIGHTS))]

    def may(action: str, by: Sequence[Statement]) -> bool:
        return any(item.names(action) for item in by) and not _denied(action, statements)

    def may_on_all(action: str, by: Sequence[Statement]) -> bool:
        return may(action, [item for item in by if item.covers_all(action.partition(":")[0])])

    found = [action for action in ESCALATIONS if may_on_all(action, unconfined)]
    for service, actions in PASSING:
        passing = [item for item in unconfined if _passes_to(item, service)]
        if may_on_all(PASS_ROLE, passing) and all(may(action, allowed) for action in actions):
            found.append(f"{PASS_ROLE} with {' and '.join(actions)}")
    if found:
        yield Fail(f"allows privilege escalation by {some(found, 3)}", path)


def _denied(action: str, statements: Sequence[Statement]) -> bool:
    """Whether a statement without conditions denies an action on every resource."""
    return any(
        not item.allow and not item.conditions and not item.not_resources and item.everything and item.names(action) for item in statements
    )


def _passes_to(statement: Statement, service: str) -> bool:
    return all(any(matches(value, service) for value in values) for values in statement.confined_by(_CONFINES_SERVICE))


@control(
    id="iam-policy-resources-named",
    title="IAM policies name resources for actions that support it",
    severity=Severity.MEDIUM,
    types=tuple(_POLICIES),
    why="With Resource *, an action also reaches the data of all other workloads in the account.",
    remediation="Set Resource to the needed ARNs, or add a condition on the resources' tags.",
    url="https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
    frameworks={"Checkov": ("CKV_AWS_355",)},
    config={
        "unscopedActions": {
            "type": "array",
            "items": {"type": "string"},
            "default": [],
            "description": "Further actions that support only * as resource, such as iam:ListRoles.",
        }
    },
)
def iam_policy_resources_named(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    def check(path: str, statements: Sequence[Statement]) -> Iterator[Verdict]:
        for statement in statements:
            if not statement.allow or not statement.everything or _is_administrator(statement):
                continue
            if any(statement.confined_by(_CONFINES_RESOURCES)):
                continue
            if statement.not_actions:
                yield Fail(f"allows {_but(statement)} in {statement.label}", path)
                continue
            open_ones = [action for action in statement.actions if not _is_unscoped(action, config["unscopedActions"])]
            if open_ones:
                yield Fail(f"allows {some(open_ones, 3)} on every resource in {statement.label}", path)

    yield from _each_document(resource, check)


def _is_unscoped(action: str, more: Sequence[str]) -> bool:
    """Whether IAM supports only `*` for an action. A pattern that a known pattern matches, wildcards included, is contained in it."""
    service, _, verb = action.lower().partition(":")
    return any(matches(known, verb) for known in UNSCOPED.get(service, ())) or any(matches(known, action) for known in more)


@control(
    id="iam-policy-no-decrypt-on-all-keys",
    title="IAM policies do not allow decryption with every KMS key",
    severity=Severity.MEDIUM,
    types=tuple(_POLICIES),
    why="Separate KMS keys separate nothing when one principal can decrypt with all of them.",
    remediation="Set Resource to the ARNs of the needed keys.",
    # Like FSBP, which looks at Resource alone: a condition such as kms:ViaService still leaves every key.
    url=f"{_KMS}#kms-1",
    frameworks={"FSBP": ("KMS.1", "KMS.2")},
)
def iam_policy_no_decrypt_on_all_keys(resource: Resource) -> Iterator[Verdict]:
    def check(path: str, statements: Sequence[Statement]) -> Iterator[Verdict]:
        for statement in statements:
            if not statement.allow or _is_administrator(statement) or not statement.covers_all("kms"):
                continue
            if found := [action for action in _DECRYPTION if statement.names(action) and not _denied(action, statements)]:
                yield Fail(f"allows {' and '.join(found)} with every key in {statement.label}", path)

    yield from _each_document(resource, check)


@control(
    id="iam-role-trust-not-public",
    title="IAM roles trust only known principals",
    severity=Severity.CRITICAL,
    types=(_ROLE,),
    why="Any AWS account can assume a role that trusts everyone, with all its permissions.",
    remediation="Name accounts, roles or services as Principal in assume_role_policy, or add a condition on the caller, such as "
    "StringEquals aws:PrincipalOrgID.",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous",
    frameworks={"Checkov": ("CKV_AWS_60",)},
)
def iam_role_trust_not_public(resource: Resource) -> Iterator[Verdict]:
    return not_public(resource)


@control(
    id="iam-user-no-policy",
    title="IAM users have no policies attached directly",
    severity=Severity.LOW,
    types=(
        "aws:iam/userPolicy:UserPolicy",
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        "aws:iam/policyAttachment:PolicyAttachment",
    ),
    why="Permissions of individual users are forgotten when people change roles.",
    remediation="Use groups with an aws.iam.GroupPolicyAttachment, or better, roles that people assume through IAM Identity Center.",
    url=f"{_IAM}#iam-2",
    frameworks={"FSBP": ("IAM.2",), "CIS 5.0": ("1.14",), "Checkov": ("CKV_AWS_40",)},
)
def iam_user_no_policy(resource: Resource) -> Verdict:
    if resource.type.startswith("aws:iam/policyAttachment:"):
        return Fail("attaches a policy to users", "users") if resource.get("users") else Pass()
    return Fail("attaches a policy directly to a user", "user")


@control(
    id="iam-no-access-key",
    title="No long-lived access keys are created",
    severity=Severity.MEDIUM,
    types=("aws:iam/accessKey:AccessKey",),
    why="A key that never expires leaks sooner or later, and without pgp_key its secret is stored in the stack's state.",
    remediation="Use a role: an instance profile, an execution role, or OpenID Connect for pipelines.",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
)
def iam_no_access_key(resource: Resource) -> Verdict:
    return Pass() if resource.get("status") == "Inactive" else Fail("is a long-lived access key", "status")
