"""The IAM role of a workload, or of named people for a limited time, with nothing but what a table of statements lists.

Pattern: "Use IAM roles" (AWS Well-Architected): instances and functions take temporary credentials from a role, instead of keys on disk.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import (
    Component,
    Matches,
    Problem,
    Statement,
    WorkloadStatementArgs,
    after,
    assume_role,
    document,
    excludes,
    iam_statement,
    one_of,
    statement_problems,
)
from cloudpatterns.core.vocabulary import Conditions, Tags

# The channels of Session Manager's agent, which it opens for itself.
_CHANNELS = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html (white space is not counted)
_INLINE_CHARACTERS = 10_240

# Not an account or *: those trust people unknown.
_Principal = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[a-z-]+:iam::\d{12}:(user|role)/[\w+=,.@/-]+", "the ARN of one IAM user or role such as arn:aws:iam::123456789012:user/ada"
    ),
]


class WorkloadAssumeArgs(TypedDict):
    """Who may assume the role just in time: named users or roles, not a service."""

    principal_arns: Annotated[list[_Principal], Field(min_length=1)]
    """IAM users or roles; a whole account (``:root``) and ``*`` are refused. IAM keeps the principal's internal id: one that is
    deleted and created again under the same name needs another deployment."""
    mfa_required: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the caller must have signed in with MFA. The session of a role never carries AWS's MFA mark, so set False for role
    principals, such as those of IAM Identity Center, which asks for MFA at its own sign-in."""
    external_id: NotRequired[
        Annotated[
            str, Field(min_length=2, max_length=1224), Matches(r"[\w+=,.@:/-]+", "letters, digits and +=,.@:/-_ such as partner-4711")
        ]
    ]
    """The external id that a third party must send. Default: none is asked for."""
    expires: NotRequired[str]
    """ISO 8601 time with its offset (``2027-01-31T18:00:00+01:00``), after which the role can no longer be assumed, and open sessions lose
    what ``statements`` allow (not what managed policies allow). Default: never."""


class WorkloadRoleArgs(TypedDict):
    """Arguments of ``WorkloadRole``."""

    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """The permissions."""
    service: NotRequired[
        Annotated[
            str, Matches(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?", "the principal of a service such as lambda.amazonaws.com")
        ]
    ]
    """The service that assumes the role. Exactly one of ``service`` and ``assume``."""
    trust_conditions: NotRequired[Conditions]
    """Conditions on the service's trust, such as ``aws:SourceAccount`` against the confused deputy; EC2 and Lambda send none."""
    assume: NotRequired[WorkloadAssumeArgs]
    """The just-in-time variant: named principals instead of a service. Exactly one of ``service`` and ``assume``."""
    managed_policy_arns: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={}, max_length=10)]]
    """Managed policies by a short name of your choice, which names the attachment."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """A managed policy that the role can never exceed. Default: no boundary."""
    max_session_duration_seconds: NotRequired[Annotated[int, Field(default=3600, ge=3600, le=43_200)]]
    """Longest session."""
    path: NotRequired[
        Annotated[
            str,
            Field(default="/", max_length=512),
            Matches(r"/([\x21-\x7e]+/)?", "a path that begins and ends with a slash such as /shop/"),
        ]
    ]
    """IAM path of the role and the profile."""
    description: NotRequired[Annotated[str, Field(max_length=1000)]]
    """Description of the role. Default: names the service, or says just in time."""
    instance_profile: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether to create an instance profile as well; needs the service ``ec2.amazonaws.com``."""
    tags: NotRequired[Tags]
    """Tags of the role and the profile."""


def session_manager_statements() -> list[WorkloadStatementArgs]:
    """What an instance needs for Session Manager, and nothing more: no shared key, no open port, no access to parameters.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
    """
    channels = [f"ssmmessages:{action}" for action in _CHANNELS]
    return [{"sid": "SessionManager", "actions": ["ssm:UpdateInstanceInformation", *channels], "resources": ["*"]}]


class WorkloadRole(Component):
    """A role with least privilege, for a service or, just in time, for named principals (AWS Well-Architected, "Use IAM roles").

    A statement with every action, or with ``*`` where the action can be limited to resources, is refused, also when a resource turns out to
    be ``*`` during the deployment. ``assume`` trusts users or roles instead of a service, with MFA and an expiry.

    **Use when**: an instance, a function or a service of AWS calls AWS, or people need rights for a limited time.

    **Not when**: GitHub Actions deploys (``DeliveryPipeline``), or people sign in every day: IAM Identity Center is for them.

    **Cost drivers**: none; IAM is free of charge.

    **Trade-offs**: every action and resource must be named, and a new need is a new deployment; at most 10,240 characters of statements.

    **Proven by**: controls ``iam-policy-no-administrator``, ``iam-policy-no-service-wildcard``, ``iam-policy-resources-named``,
    ``iam-role-trust-not-public``; ``test_workload_role.py``.
    """

    role_arn: pulumi.Output[str]
    """ARN of the role; available after its policies are attached."""
    role_name: pulumi.Output[str]
    """Name of the role; available after its policies are attached."""
    instance_profile_arn: pulumi.Output[str]
    """ARN of the instance profile, available after the role's policies are attached; empty without ``instance_profile``."""
    instance_profile_name: pulumi.Output[str]
    """Name of the instance profile, available after the role's policies are attached; empty without ``instance_profile``."""

    def __init__(self, name: str, args: WorkloadRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=_problems, names={"role": 64})
        role = aws.iam.Role(
            f"{name}-role",
            assume_role_policy=_trust(checked),
            description=_description(checked),
            max_session_duration=checked["max_session_duration_seconds"],
            path=checked["path"],
            permissions_boundary=checked.get("permissions_boundary_arn"),
            tags=checked["tags"],
            opts=self.child(),
        )
        policies: list[pulumi.Resource] = []
        if checked["statements"]:
            expires = _expiry(checked)
            until = {"DateLessThan": {"aws:CurrentTime": expires}} if expires else None
            policy = document(*[iam_statement(statement, until) for statement in checked["statements"]]).apply(self._resolved)
            policies.append(aws.iam.RolePolicy(f"{name}-policy", role=role.name, policy=policy, opts=self.child()))
        for key, arn in checked["managed_policy_arns"].items():
            policies.append(aws.iam.RolePolicyAttachment(f"{name}-policy-{key}", role=role.name, policy_arn=arn, opts=self.child()))
        self.role_arn, self.role_name = after(role.arn, *policies), after(role.name, *policies)
        self.instance_profile_arn = self.instance_profile_name = pulumi.Output.from_input("")
        if checked["instance_profile"]:
            profile = aws.iam.InstanceProfile(
                f"{name}-profile", role=role.name, path=checked["path"], tags=checked["tags"], opts=self.child()
            )
            self.instance_profile_arn, self.instance_profile_name = after(profile.arn, *policies), after(profile.name, *policies)
        self.register()

    def _resolved(self, policy: str) -> str:
        """The policy, checked once more with every ARN known.

        :raises ArgumentError: for a resource that turned out to be a wildcard, and for a policy that is too long.
        """
        statements: list[WorkloadStatementArgs] = [
            {"sid": statement.get("Sid", ""), "actions": statement["Action"], "resources": statement["Resource"]}
            for statement in json.loads(policy)["Statement"]
        ]
        problems = [*statement_problems(statements)]
        size = len(re.sub(r"\s", "", policy))
        if size > _INLINE_CHARACTERS:
            reason = (
                f"take {size} characters; IAM allows {_INLINE_CHARACTERS} in the inline policies of a role. "
                "Move some to a managed policy (managed_policy_arns)."
            )
            problems.append(("statements", reason))
        if problems:
            self.refuse(*problems)
        return policy


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
    if given := checked.get("description"):
        return given
    return f"Workload of {checked['service']}" if checked.get("service") else "Just-in-time access of named principals"


def _trust(checked: WorkloadRoleArgs) -> pulumi.Output[str]:
    assume = checked.get("assume")
    if assume is None:
        return assume_role(checked["service"], conditions=checked["trust_conditions"])
    conditions: dict[str, dict[str, Any]] = {}
    if assume["mfa_required"]:
        # Bool, not BoolIfExists: a request with long-term keys and no MFA does not send the key at all.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-multifactorauthpresent
        conditions["Bool"] = {"aws:MultiFactorAuthPresent": "true"}
    if external_id := assume.get("external_id"):
        conditions["StringEquals"] = {"sts:ExternalId": external_id}
    if expires := _expiry(checked):
        conditions["DateLessThan"] = {"aws:CurrentTime": expires}
    return document(Statement(actions=["sts:AssumeRole"], principals={"AWS": assume["principal_arns"]}, conditions=conditions))


def _expiry(checked: WorkloadRoleArgs) -> str | None:
    """When the role expires, in UTC as IAM wants it; None for never, and for what is not a time with its offset."""
    assume = checked.get("assume")
    expires = assume.get("expires") if assume else None
    try:
        time = datetime.fromisoformat(expires) if expires else None
    except ValueError:
        return None
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time and time.tzinfo else None


def _problems(checked: WorkloadRoleArgs) -> Iterator[Problem]:
    yield from one_of(checked, "service", "assume")
    if checked["instance_profile"] and checked.get("service") not in ("ec2.amazonaws.com", "ec2.amazonaws.com.cn"):
        yield "instance_profile", 'is True; only instances take one. Set service to "ec2.amazonaws.com" or leave it out.'
    yield from excludes(checked, "trust_conditions", "assume", why="the conditions on principals are the arguments of assume")
    assume = checked.get("assume")
    if assume and (expires := assume.get("expires")) is not None:
        if _expiry(checked) is None:
            yield "assume.expires", f"is {expires!r}; an ISO 8601 time with its offset is needed, such as 2027-01-31T18:00:00Z."
        for index, statement in enumerate(checked["statements"]):
            if "aws:CurrentTime" in statement["conditions"].get("DateLessThan", {}):
                reason = "has aws:CurrentTime, which assume.expires sets. Leave one of them out."
                yield f"statements.{index}.conditions.DateLessThan", reason
    yield from statement_problems(checked["statements"])
