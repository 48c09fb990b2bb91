"""IAM role of a workload, or of named people for a limited time, with nothing but what a table of statements lists.

Pattern: "Use IAM roles" (AWS Well-Architected; EC2 instances and functions take temporary credentials from a role instead of
keys on disk). Made are the role, one inline policy, attachments of managed policies and, on request, an instance profile.
The just-in-time variant (``assume``) trusts named users or roles instead of a service, with MFA and an expiry.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, NamedTuple, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import ArgumentError, Component, Statement, assume_role, document
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import Tags

# Actions without resource types, for which IAM accepts only "*"; they are listed in the Service Authorization
# Reference, https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
# ec2:Describe* is absent on purpose: some of it, DescribeInstanceAttribute for one, does take resources.
# ssm:UpdateInstanceInformation is the agent's heartbeat; Session Manager's own minimum gives it on "*":
# https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
_UNSCOPED = {
    "acm": ("ListCertificates",),
    "autoscaling": ("Describe*",),
    "cloudwatch": ("GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData"),
    "ec2": (
        *("DescribeAddresses", "DescribeAvailabilityZones", "DescribeImages", "DescribeInstances", "DescribeInstanceStatus"),
        *("DescribeInstanceTypes", "DescribeLaunchTemplates", "DescribeNetworkInterfaces", "DescribeRegions", "DescribeRouteTables"),
        *("DescribeSecurityGroups", "DescribeSnapshots", "DescribeSubnets", "DescribeTags", "DescribeVolumes", "DescribeVpcs"),
    ),
    "ec2messages": ("AcknowledgeMessage", "DeleteMessage", "FailMessage", "GetEndpoint", "GetMessages", "SendReply"),
    "ecr": ("GetAuthorizationToken",),
    "ecr-public": ("GetAuthorizationToken",),
    "elasticloadbalancing": ("Describe*",),
    "kms": ("GenerateRandom", "ListAliases", "ListKeys"),
    "route53": ("ListHostedZones", "ListHostedZonesByName"),
    "s3": ("ListAllMyBuckets",),
    "secretsmanager": ("GetRandomPassword", "ListSecrets"),
    "ssm": ("DescribeParameters", "UpdateInstanceInformation"),
    "ssmmessages": ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"),
    "sts": ("DecodeAuthorizationMessage", "GetCallerIdentity"),
    "tag": ("GetResources",),
    "xray": ("GetSamplingRules", "GetSamplingStatisticSummaries", "GetSamplingTargets", "PutTelemetryRecords", "PutTraceSegments"),
}

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html (white space is not counted)
_INLINE_CHARACTERS = 10_240
_MANAGED_POLICIES = 10

_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9*?]+")
_PRINCIPAL = re.compile(r"arn:[a-z-]+:iam::\d{12}:(user|role)/[\w+=,.@/-]+")


class WorkloadStatementArgs(TypedDict):
    """One line of the table of permissions: these actions on these resources."""

    actions: Annotated[list[str], Field(min_length=1)]
    """Actions as ``service:Action``. A part may be a wildcard (``s3:Get*``); every action of a service may not."""
    resources: Annotated[list[pulumi.Input[str]], Field(min_length=1)]
    """ARNs. ``*`` is refused unless every action of the statement has no resource types of its own."""
    sid: NotRequired[Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]]
    """Statement id: letters and digits, unique in the role. Default: none."""
    conditions: NotRequired[dict[str, dict[str, list[pulumi.Input[str]]]]]
    """Conditions: operator to key to accepted values, as in IAM's JSON. Default: none."""


class WorkloadAssumeArgs(TypedDict):
    """Who may take the role just in time: named users or roles, not a service."""

    principal_arns: Annotated[list[pulumi.Input[str]], Field(min_length=1)]
    """ARNs of IAM users or roles. A whole account (``:root``) and ``*`` are refused. IAM keeps the principal's internal id:
    one that is deleted and made again under the same name needs another deployment."""
    mfa_required: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the caller must have signed in with MFA. The session of a role never carries AWS's MFA mark, so set False for
    role principals, such as those of IAM Identity Center, whose MFA is asked for at their own sign-in. Default: True."""
    external_id: NotRequired[Annotated[str, Field(min_length=2, max_length=1224, pattern=r"^[\w+=,.@:/-]+$")]]
    """The external id that a third party must send, 2 to 1,224 characters. Default: none."""
    expires: NotRequired[str]
    """ISO 8601 time with its offset (``2027-01-31T18:00:00+01:00``), after which the role can no longer be taken, and sessions
    that are still open lose what ``statements`` gives (not what managed policies give). Default: never."""


class WorkloadRoleArgs(TypedDict):
    """Arguments of ``WorkloadRole``."""

    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """The permissions. Default: none."""
    service: NotRequired[Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$")]]
    """The service that takes the role: ``ec2.amazonaws.com``, ``lambda.amazonaws.com``. Exactly one of ``service`` and ``assume``."""
    trust_conditions: NotRequired[Annotated[dict[str, dict[str, list[pulumi.Input[str]]]], Field(default={})]]
    """Conditions on the service's trust, such as ``aws:SourceAccount`` against the confused deputy; EC2 and Lambda send none.
    Default: none."""
    assume: NotRequired[WorkloadAssumeArgs]
    """The just-in-time variant: named principals instead of a service."""
    managed_policy_arns: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={}, max_length=_MANAGED_POLICIES)]]
    """Managed policies by a short name of your choice, which names the attachment. At most 10. Default: none."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """A managed policy that the role can never go beyond. Default: none."""
    max_session_duration_seconds: NotRequired[Annotated[int, Field(default=3600, ge=3600, le=43_200)]]
    """Longest session, 3,600 to 43,200 seconds. Default: 3600."""
    path: NotRequired[Annotated[str, Field(default="/", pattern=r"^/([\x21-\x7e]+/)?$", max_length=512)]]
    """IAM path; begins and ends with a slash. Default: ``/``."""
    description: NotRequired[Annotated[str, Field(max_length=1000)]]
    """Description, at most 1,000 characters. Default: names the service, or says just in time."""
    instance_profile: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether to make an instance profile as well; needs service ``ec2.amazonaws.com``. Default: False."""
    tags: NotRequired[Tags]
    """Tags of the role and the profile. Default: none."""


def session_manager_statements() -> list[WorkloadStatementArgs]:
    """What an instance needs for Session Manager, and nothing more: no shared key, no open port, no reading of parameters.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
    """
    channels = [f"ssmmessages:{action}" for action in _UNSCOPED["ssmmessages"]]
    return [{"sid": "SessionManager", "actions": ["ssm:UpdateInstanceInformation", *channels], "resources": ["*"]}]


class WorkloadRole(Component):
    """A role with least privilege, for a service or, just in time, for named principals."""

    role_arn: pulumi.Output[str]
    """ARN of the role; given out only once its policies are attached."""
    role_name: pulumi.Output[str]
    """Name of the role; given out only once its policies are attached."""
    instance_profile_arn: pulumi.Output[str]
    """ARN of the instance profile, given out only once the role's policies are attached; empty without ``instance_profile``."""
    instance_profile_name: pulumi.Output[str]
    """Name of the instance profile, given out only once the role's policies are attached; empty without ``instance_profile``."""

    def __init__(self, name: str, args: WorkloadRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        check_names("WorkloadRole", name, {"role": 64})
        statements, assume = checked.get("statements") or [], checked.get("assume")
        problems = [*_trust_problems(checked), *_statement_problems(statements)]
        expires = _utc(assume.get("expires"), problems) if assume else None
        if expires:
            problems += _expiry_problems(statements)
        if problems:
            raise ArgumentError("WorkloadRole", name, problems)
        super().__init__("WorkloadRole", name, opts)
        tags = checked.get("tags") or {}
        role = aws.iam.Role(
            f"{name}-role",
            assume_role_policy=_trust(checked, expires),
            description=checked.get("description") or _description(checked),
            max_session_duration=checked.get("max_session_duration_seconds"),
            path=checked.get("path"),
            permissions_boundary=checked.get("permissions_boundary_arn"),
            tags=tags,
            opts=self.child(),
        )
        attached: list[pulumi.Resource] = []
        if statements:
            policy = document(*[_statement(statement, expires) for statement in statements])
            checked_policy = pulumi.Output.all(policy, name).apply(lambda values: _checked_policy(values[1], values[0]))
            attached.append(aws.iam.RolePolicy(f"{name}-policy", role=role.name, policy=checked_policy, opts=self.child()))
        for key, arn in (checked.get("managed_policy_arns") or {}).items():
            child = aws.iam.RolePolicyAttachment(f"{name}-policy-{key}", role=role.name, policy_arn=arn, opts=self.child())
            attached.append(child)
        self.role_arn = _once(role.arn, attached)
        self.role_name = _once(role.name, attached)
        self.instance_profile_arn = self.instance_profile_name = pulumi.Output.from_input("")
        if checked.get("instance_profile"):
            profile = aws.iam.InstanceProfile(f"{name}-profile", role=role.name, path=checked.get("path"), tags=tags, opts=self.child())
            self.instance_profile_arn = _once(profile.arn, attached)
            self.instance_profile_name = _once(profile.name, attached)
        self.register()


def _once(value: pulumi.Output[str], attached: Sequence[pulumi.Resource]) -> pulumi.Output[str]:
    """The value, as soon as all the others are there: who uses it earlier meets a role without rights."""
    ids = [resource.id for resource in attached if isinstance(resource, pulumi.CustomResource)]
    return pulumi.Output.all(value, *ids).apply(lambda values: values[0])


class InstanceProfile(NamedTuple):
    """ARN and name of an instance profile, available after the policies of its role."""

    arn: pulumi.Output[str]
    name: pulumi.Output[str]


def instance_profile(
    component: Component,
    child_name: str,
    given_arn: pulumi.Input[str] | None,
    statements: Sequence[WorkloadStatementArgs],
    tags: Mapping[str, pulumi.Input[str]],
) -> InstanceProfile:
    """The profile with the given ARN, or a new one whose role allows the statements."""
    if given_arn is not None:
        arn = pulumi.Output.from_input(given_arn)
        return InstanceProfile(arn, arn.apply(lambda text: text.rpartition("/")[2]))
    role = WorkloadRole(
        child_name,
        {"service": "ec2.amazonaws.com", "statements": list(statements), "instance_profile": True, "tags": dict(tags)},
        component.child(),
    )
    return InstanceProfile(role.instance_profile_arn, role.instance_profile_name)


def _description(checked: WorkloadRoleArgs) -> str:
    return f"Workload of {checked.get('service')}" if checked.get("service") else "Just-in-time access of named principals"


def _trust(checked: WorkloadRoleArgs, expires: str | None) -> pulumi.Output[str]:
    assume = checked.get("assume")
    if assume is None:
        return assume_role(checked.get("service") or "", conditions=checked.get("trust_conditions"))
    conditions: dict[str, dict[str, Any]] = {}
    if assume.get("mfa_required"):
        # Bool, not BoolIfExists: a request with long-term keys and no MFA does not send the key at all.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-multifactorauthpresent
        conditions["Bool"] = {"aws:MultiFactorAuthPresent": "true"}
    if assume.get("external_id"):
        conditions["StringEquals"] = {"sts:ExternalId": assume.get("external_id")}
    if expires:
        conditions["DateLessThan"] = {"aws:CurrentTime": expires}
    return document(Statement(actions=["sts:AssumeRole"], principals={"AWS": assume["principal_arns"]}, conditions=conditions))


def _statement(statement: WorkloadStatementArgs, expires: str | None) -> Statement:
    conditions: dict[str, dict[str, Any]] = {operator: dict(keys) for operator, keys in (statement.get("conditions") or {}).items()}
    if expires:
        conditions.setdefault("DateLessThan", {})["aws:CurrentTime"] = expires
    return Statement(sid=statement.get("sid"), actions=statement["actions"], resources=statement["resources"], conditions=conditions)


def _trust_problems(checked: WorkloadRoleArgs) -> list[tuple[str, str]]:
    service, assume = checked.get("service"), checked.get("assume")
    if (service is None) == (assume is None):
        given = "neither is given" if service is None else "both are given"
        return [("service", f"excludes assume, and one of them is needed; {given}. Give the service or the principals that take the role.")]
    problems: list[tuple[str, str]] = []
    if checked.get("instance_profile") and service not in ("ec2.amazonaws.com", "ec2.amazonaws.com.cn"):
        problems.append(("instance_profile", 'is True; only instances take one. Set service to "ec2.amazonaws.com" or leave it out.'))
    if assume is None:
        return problems
    if checked.get("trust_conditions"):
        problems.append(("trust_conditions", "belongs to service; the conditions on principals are the arguments of assume."))
    for index, principal in enumerate(assume["principal_arns"]):
        if isinstance(principal, str) and not _PRINCIPAL.fullmatch(principal):
            reason = f"is {principal!r}; the ARN of one IAM user or role is needed, since an account or * trusts people unknown."
            problems.append((f"assume.principal_arns.{index}", reason))
    return problems


def _utc(text: str | None, problems: list[tuple[str, str]]) -> str | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        reason = f"is {text!r}; an ISO 8601 time with its offset is needed, such as 2027-01-31T18:00:00Z."
        problems.append(("assume.expires", reason))
        return None
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _expiry_problems(statements: Sequence[WorkloadStatementArgs]) -> list[tuple[str, str]]:
    return [
        (f"statements.{index}.conditions.DateLessThan", "has aws:CurrentTime, which assume.expires sets. Leave one of them out.")
        for index, statement in enumerate(statements)
        if "aws:CurrentTime" in (statement.get("conditions") or {}).get("DateLessThan", {})
    ]


def _statement_problems(statements: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    sids: set[str] = set()
    for index, statement in enumerate(statements):
        path, sid = f"statements.{index}", statement.get("sid")
        which = f"statement {sid or index}"
        if sid and sid in sids:
            problems.append((f"{path}.sid", f"is {sid!r} a second time; ids are unique in a role. Choose another."))
        sids.add(sid or "")
        problems += _action_problems(path, which, statement["actions"])
        everything = [str(resource) for resource in statement["resources"] if isinstance(resource, str) and _is_everything(resource)]
        for action in statement["actions"] if everything else ():
            if _ACTION.fullmatch(action) and not _is_service_wide(action) and not _is_unscoped(action):
                reason = (
                    f"is {everything[0]!r} with {action} in {which}; the action can be limited to resources. Name their ARNs, or, for a "
                    "permission that truly has none, attach a managed policy of your own (managed_policy_arns)."
                )
                problems.append((f"{path}.resources", reason))
    return problems


def _action_problems(path: str, which: str, actions: Sequence[str]) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    for action in actions:
        if action == "*" or _is_service_wide(action):
            problems.append((f"{path}.actions", f"has {action} in {which}; every action is no least privilege. Name the actions."))
        elif not _ACTION.fullmatch(action):
            problems.append((f"{path}.actions", f"has {action!r} in {which}; an action is service:Action, such as s3:GetObject."))
    return problems


def _is_service_wide(action: str) -> bool:
    return re.fullmatch(r"[a-z0-9-]+:[*?]*\*[*?]*", action) is not None


def _is_everything(resource: str) -> bool:
    """Whether a resource is ``*`` or an ARN of wildcards alone."""
    return set(resource.removeprefix("arn")) <= set("*?:/")


def _is_unscoped(action: str) -> bool:
    service, _, verb = action.partition(":")
    return any(fnmatchcase(verb.lower(), known.lower()) for known in _UNSCOPED.get(service, ()))


def _checked_policy(name: str, policy: str) -> str:
    """The policy, checked once more with every ARN known.

    :raises ArgumentError: for a resource that turned out to be a wildcard, and for a policy that is too long.
    """
    statements = [
        {"sid": item.get("Sid"), "actions": item["Action"], "resources": item["Resource"]} for item in json.loads(policy)["Statement"]
    ]
    problems = _statement_problems(statements)
    size = len(re.sub(r"\s", "", policy))
    if size > _INLINE_CHARACTERS:
        reason = (
            f"take {size} characters; IAM allows {_INLINE_CHARACTERS} in the inline policies of a role. "
            "Move some to a managed policy (managed_policy_arns)."
        )
        problems.append(("statements", reason))
    if problems:
        raise ArgumentError("WorkloadRole", name, problems)
    return policy
