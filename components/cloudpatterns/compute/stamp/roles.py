"""What builds of ``Stamp`` may do: Image Builder, and the build instance."""

from collections.abc import Sequence

import pulumi

from cloudpatterns.blocks import service_role
from cloudpatterns.compute.stamp.arguments import StampArgs
from cloudpatterns.core import Component, Statement, WorkloadStatementArgs, account_of, partition_of
from cloudpatterns.security import session_manager_statements

KEY_USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
LOG_GROUPS = "/aws/imagebuilder/"
"""What the names of log groups begin with that both managed policies of Image Builder may write to."""
_WRITE_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
_MESSAGES = ["AcknowledgeMessage", "DeleteMessage", "FailMessage", "GetEndpoint", "GetMessages", "SendReply"]


def execution_role_arn(
    component: Component,
    checked: StampArgs,
    arn: pulumi.Output[str],
    parameter_arns: Sequence[pulumi.Output[str]],
    key_arns: Sequence[pulumi.Output[str]],
) -> pulumi.Output[str]:
    """The role that Image Builder builds, tests and distributes with, in the account of an ARN."""
    name = component.pulumi_resource_name
    statements = [
        # The managed policy writes parameters below /imagebuilder alone.
        Statement(actions=["ssm:PutParameter"], resources=parameter_arns),
        # The managed policy knows the keys of EC2 in the partition aws alone.
        Statement(actions=KEY_USE, resources=key_arns),
        Statement(actions=["kms:CreateGrant"], resources=key_arns, conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}}),
    ]
    if (parent := checked.get("parent_image")) is not None and not (isinstance(parent, str) and not parent.startswith("ssm:")):
        parameter = pulumi.Output.all(parent, partition_of(arn), account_of(arn), parameter_arns[0]).apply(
            lambda values: _parent_parameter(*values, region=checked["regions"][0])
        )
        statements.append(Statement(actions=["ssm:GetParameter"], resources=[parameter]))
    if (group := checked.get("existing_log_group_arn")) is not None:
        statements.append(Statement(actions=_WRITE_LOGS, resources=_log_group(group)))
    # AWS's trust policies have no condition here, and no page says that Image Builder sends aws:SourceAccount: without it a role with the
    # condition could not be assumed. Other accounts cannot use the role, as nobody passes a role of another account.
    # It passes the role of the build instance to EC2: https://docs.aws.amazon.com/imagebuilder/latest/userguide/security-iam-awsmanpol.html
    return service_role(
        component,
        f"{name}-execution-role",
        "imagebuilder.amazonaws.com",
        "Builds, tests and distributes images",
        statements={f"{name}-execution-policy": statements},
        managed_policies={f"{name}-execution-managed": "EC2ImageBuilderExecutionPolicy"},
        tags=checked["tags"],
    ).arn


def build_statements(log_group_arn: pulumi.Input[str] | None) -> list[WorkloadStatementArgs]:
    """What the build instance may do: commands and the inventory of Systems Manager, components, Image Builder's files, the log."""
    # As AWS's EC2InstanceProfileForImageBuilder and AmazonSSMManagedInstanceCore, without ISO files, parameters and Session Manager's
    # shared key; components are under AWS's own key. https://docs.aws.amazon.com/imagebuilder/latest/userguide/security-iam-awsmanpol.html
    machines: list[pulumi.Input[str]] = ["arn:*:ec2:*:*:instance/*", "arn:*:ssm:*:*:association/*"]
    inventory: list[pulumi.Input[str]] = ["arn:*:ssm:*:*:document/AWS-GatherSoftwareInventory"]
    associations = ["ListInstanceAssociations", "DescribeAssociation", "UpdateAssociationStatus", "UpdateInstanceAssociationStatus"]
    groups: list[pulumi.Input[str]] = [f"arn:*:logs:*:*:log-group:{LOG_GROUPS}*"] if log_group_arn is None else _log_group(log_group_arn)
    return [
        *session_manager_statements(),
        {"actions": [f"ec2messages:{action}" for action in _MESSAGES], "resources": ["*"]},
        {"actions": ["ssm:PutInventory"], "resources": ["*"]},
        {"actions": [f"ssm:{action}" for action in associations], "resources": [*machines, *inventory]},
        {"actions": ["ssm:GetDocument", "ssm:DescribeDocument"], "resources": inventory},
        {"actions": ["imagebuilder:GetComponent"], "resources": ["arn:*:imagebuilder:*:*:component/*"]},
        {"actions": ["s3:GetObject"], "resources": ["arn:*:s3:::ec2imagebuilder*"]},
        {"actions": _WRITE_LOGS, "resources": groups},
    ]


def _log_group(arn: pulumi.Input[str]) -> list[pulumi.Input[str]]:
    group = pulumi.Output.from_input(arn).apply(lambda text: text.removesuffix(":*"))
    return [group, pulumi.Output.concat(group, ":*")]


def _parent_parameter(parent: str, partition: str, account: str, other: str, *, region: str) -> str:
    """The parameter that names the parent image; another one when none does, as a statement needs a resource."""
    name = parent.removeprefix("ssm:")
    if name == parent:
        return other
    return name if name.startswith("arn:") else f"arn:{partition}:ssm:{region}:{account}:parameter/{name.removeprefix('/')}"
