"""What the patterns on VPC Lattice share: arguments, names, auth policies, service networks and access logs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import log_group
from cloudpatterns.core import Component, Problem, Statement, document, excludes
from cloudpatterns.core.vocabulary import KmsKeyArn, LogRetentionDays, Tags

# Each is a service network, service, target group, listener or rule: letters and digits with single hyphens between them. Beginnings that
# look like an id are refused. https://docs.aws.amazon.com/vpc-lattice/latest/APIReference/API_CreateTargetGroup.html
NAME_LIMITS = {"network": 63, "service": 40, "target_group": 128, "listener": 63, "rule": 63}
_NAME = re.compile(r"(?!(?:svc|tg|listener|rule)(?:-|$))[a-z0-9]+(?:-[a-z0-9]+)*")
_CALL = "vpc-lattice-svcs:Invoke"


class LatticeArgs(TypedDict):
    """Arguments of every component on VPC Lattice."""

    attach_role_policies: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether to give the callers' roles the permission to call; false where they have it already or are in another account."""
    access_log_destination_arn: NotRequired[pulumi.Input[str]]
    """An existing CloudWatch log group, S3 bucket or Firehose stream that receives the access logs of calls; it must let
    ``delivery.logs.amazonaws.com`` write. Default: a new log group."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the new log group keeps the access logs."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the new log group; its policy must let CloudWatch Logs of the Region use it. Default: CloudWatch's own
    encryption."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, beside Name."""


def lattice_name_problems(name: str) -> Iterator[Problem]:
    """What is wrong with the name of a component whose Lattice resources carry it."""
    if not _NAME.fullmatch(name):
        yield (
            "name",
            f"is {name!r}; names in VPC Lattice have lower-case letters and digits with single hyphens between them, and do not begin with "
            "svc-, tg-, listener- or rule-. Give the component such a name.",
        )


def access_log_problems(checked: LatticeArgs) -> Iterator[Problem]:
    """Options of a new log group beside an existing destination."""
    for option in ("log_retention_days", "kms_key_arn"):
        yield from excludes(checked, option, "access_log_destination_arn", why="it is for a new log group")


def may_call(
    service_arn: pulumi.Input[str], role_arns: Sequence[pulumi.Input[str]] | None, vpc_id: pulumi.Input[str] | None = None
) -> Statement:
    """The statement of an auth policy that lets roles (None: everyone) send any request to a service, from one VPC or from all.

    A request without signature has no principal, so a statement that names roles refuses it.
    https://docs.aws.amazon.com/vpc-lattice/latest/ug/auth-policies.html
    """
    return Statement(
        actions=[_CALL],
        resources=[pulumi.Output.concat(service_arn, "/*")],
        principals="*" if role_arns is None else {"AWS": list(role_arns)},
        conditions={} if vpc_id is None else {"StringEquals": {"vpc-lattice-svcs:SourceVpc": vpc_id}},
    )


def grant_calls(
    component: Component, child_name: str, role_arn: pulumi.Input[str], service_arns: Sequence[pulumi.Input[str]]
) -> aws.iam.RolePolicy:
    """The other half of the permission: Lattice asks the caller's own policies as well.

    https://docs.aws.amazon.com/vpc-lattice/latest/ug/auth-policies.html#auth-policies-evaluation-logic
    """
    return aws.iam.RolePolicy(
        child_name,
        role=pulumi.Output.from_input(role_arn).apply(lambda arn: arn.rsplit("/", 1)[-1]),
        policy=document(Statement(actions=[_CALL], resources=[pulumi.Output.concat(arn, "/*") for arn in service_arns])),
        opts=component.child(),
    )


def service_network(
    component: Component,
    checked: LatticeArgs,
    vpc_id: pulumi.Input[str],
    security_group_ids: Sequence[pulumi.Input[str]],
    statements: Sequence[Statement],
) -> tuple[aws.vpclattice.ServiceNetwork, list[pulumi.Resource]]:
    """A service network that knows callers by their IAM identity; and its VPC connection and auth policy, which every call needs.

    A VPC takes one such connection. https://docs.aws.amazon.com/vpc-lattice/latest/ug/service-networks.html
    """
    name = component.pulumi_resource_name
    tags = {"Name": name, **checked["tags"]}
    network = aws.vpclattice.ServiceNetwork(f"{name}-network", auth_type="AWS_IAM", tags=tags, opts=component.child())
    connection = aws.vpclattice.ServiceNetworkVpcAssociation(
        f"{name}-vpc",
        service_network_identifier=network.id,
        vpc_identifier=vpc_id,
        # With groups from the first day: an association that began without never takes any.
        # https://docs.aws.amazon.com/vpc-lattice/latest/APIReference/API_CreateServiceNetworkVpcAssociation.html
        security_group_ids=list(security_group_ids),
        tags=tags,
        opts=component.child(),
    )
    policy = aws.vpclattice.AuthPolicy(f"{name}-auth", resource_identifier=network.id, policy=document(*statements), opts=component.child())
    return network, [connection, policy]


def join_network(
    component: Component,
    key: str,
    service: pulumi.Input[str],
    network_id: pulumi.Input[str],
    tags: Mapping[str, pulumi.Input[str]],
    earlier: Sequence[pulumi.Resource],
) -> aws.vpclattice.ServiceNetworkServiceAssociation:
    """Makes a service (its id or ARN) callable in a network, after the resources without which a call would fail or go unlogged."""
    return aws.vpclattice.ServiceNetworkServiceAssociation(
        f"{component.pulumi_resource_name}-{key}-association",
        service_identifier=service,
        service_network_identifier=network_id,
        tags=tags,
        opts=component.child(depends_on=list(earlier)),
    )


def log_destination(component: Component, checked: LatticeArgs) -> tuple[pulumi.Output[str], pulumi.Output[str] | None]:
    """The ARN that receives access logs, and the name of the log group where it is a new one.

    Log delivery adds the log group's resource policy itself. https://docs.aws.amazon.com/vpc-lattice/latest/ug/monitoring-access-logs.html
    """
    given = checked.get("access_log_destination_arn")
    if given is not None:
        return pulumi.Output.from_input(given), None
    name = f"{component.pulumi_resource_name}-log"
    tags = {"Name": name, **checked["tags"]}
    group = log_group(component, name, checked["log_retention_days"], kms_key_arn=checked.get("kms_key_arn"), tags=tags)
    return group.arn, group.name
