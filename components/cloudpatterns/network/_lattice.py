"""What the patterns on VPC Lattice share: names, who may call a service, the connection of a VPC, and where access logs go."""

import re
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Statement, document

Tags = Mapping[str, pulumi.Input[str]]

# https://docs.aws.amazon.com/vpc-lattice/latest/ug/quotas.html
GROUPS_PER_ASSOCIATION = 5
# Each is a service network, service, target group, listener or rule: letters and digits with single hyphens between them. Beginnings that
# look like an id are refused. https://docs.aws.amazon.com/vpc-lattice/latest/APIReference/API_CreateTargetGroup.html
NAME_LIMITS = {"network": 63, "service": 40, "target_group": 128, "listener": 63, "rule": 63}
_NAME = re.compile(r"(?!(?:svc|tg|listener|rule)(?:-|$))[a-z0-9]+(?:-[a-z0-9]+)*")
_CALL = "vpc-lattice-svcs:Invoke"


def name_problem(name: str) -> str | None:
    """What is wrong with the name of a component whose Lattice resources carry it, or None."""
    if _NAME.fullmatch(name):
        return None
    return (
        f"is {name!r}; names in VPC Lattice have lower-case letters and digits with single hyphens between them, and do not begin with "
        "svc-, tg-, listener- or rule-. Give the component such a name."
    )


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
    component: Component, name: str, vpc_id: pulumi.Input[str], security_group_ids: Sequence[pulumi.Input[str]], tags: Tags
) -> tuple[aws.vpclattice.ServiceNetwork, aws.vpclattice.ServiceNetworkVpcAssociation]:
    """A service network that knows every caller by its IAM identity, and the VPC's connection to it: a VPC has one only.

    Without an auth policy nobody may call. https://docs.aws.amazon.com/vpc-lattice/latest/ug/service-networks.html
    """
    network = aws.vpclattice.ServiceNetwork(f"{name}-network", auth_type="AWS_IAM", tags={"Name": name, **tags}, opts=component.child())
    association = aws.vpclattice.ServiceNetworkVpcAssociation(
        f"{name}-vpc",
        service_network_identifier=network.id,
        vpc_identifier=vpc_id,
        # With groups from the first day: an association that began without never takes any.
        # https://docs.aws.amazon.com/vpc-lattice/latest/APIReference/API_CreateServiceNetworkVpcAssociation.html
        security_group_ids=list(security_group_ids),
        tags={"Name": name, **tags},
        opts=component.child(),
    )
    return network, association


def log_destination(
    component: Component,
    name: str,
    given: pulumi.Input[str] | None,
    retention_days: int,
    kms_key_arn: pulumi.Input[str] | None,
    tags: Tags,
) -> tuple[pulumi.Output[str], aws.cloudwatch.LogGroup | None]:
    """The ARN that access logs are sent to: the given one, or else a log group of its own, which is returned too.

    Log delivery adds the log group's resource policy itself. https://docs.aws.amazon.com/vpc-lattice/latest/ug/monitoring-access-logs.html
    """
    if given is not None:
        return pulumi.Output.from_input(given), None
    group = aws.cloudwatch.LogGroup(
        f"{name}-log",
        retention_in_days=retention_days,
        kms_key_id=kms_key_arn,
        tags={"Name": f"{name}-log", **tags},
        opts=component.child(),
    )
    return group.arn, group
