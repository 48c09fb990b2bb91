"""IAM roles that a service assumes for what a pattern does in AWS."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Statement, after, assume_role, document, partition_of


class ServiceRole(NamedTuple):
    """A role, its policies, and its ARN, available after the policies: a service that comes earlier meets a role without rights."""

    role: aws.iam.Role
    policies: list[pulumi.Resource]
    arn: pulumi.Output[str]


def service_role(
    component: Component,
    child_name: str,
    service: str | Sequence[str],
    description: str | None,
    *,
    statements: Mapping[str, Sequence[Statement]] | None = None,
    managed_policies: Mapping[str, str] | None = None,
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
    permissions_boundary_arn: pulumi.Input[str] | None = None,
    tags: Mapping[str, pulumi.Input[str]],
) -> ServiceRole:
    """A role for ``service`` (``scheduler.amazonaws.com``), or for several, under ``conditions`` against the confused deputy.

    ``statements`` maps the names of inline policies, and ``managed_policies`` those of attachments, to what the role may do; a managed
    policy is one of AWS's own (``service-role/AmazonRDSEnhancedMonitoringRole``).
    """
    role = aws.iam.Role(
        child_name,
        description=description,
        assume_role_policy=assume_role(*((service,) if isinstance(service, str) else service), conditions=conditions),
        permissions_boundary=permissions_boundary_arn,
        tags=tags,
        opts=component.child(),
    )
    policies = role_policies(component, role.name, role.arn, statements or {}, managed_policies or {})
    return ServiceRole(role, policies, after(role.arn, *policies))


def role_policies(
    component: Component,
    role_name: pulumi.Input[str],
    role_arn: pulumi.Input[str],
    statements: Mapping[str, Sequence[Statement]],
    managed_policies: Mapping[str, str],
) -> list[pulumi.Resource]:
    """The policies of a role, new or existing, as ``service_role`` has them."""
    attachments: list[pulumi.Resource] = [
        aws.iam.RolePolicyAttachment(
            name,
            role=role_name,
            policy_arn=pulumi.Output.concat("arn:", partition_of(role_arn), ":iam::aws:policy/", policy),
            opts=component.child(),
        )
        for name, policy in managed_policies.items()
    ]
    inline = [
        aws.iam.RolePolicy(name, role=role_name, policy=document(*rights), opts=component.child()) for name, rights in statements.items()
    ]
    return [*attachments, *inline]
