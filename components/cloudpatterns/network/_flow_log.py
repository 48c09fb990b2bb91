"""The flow log of a VPC."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Statement, account_of, assume_role, document, partition_of, region_of

Tags = Mapping[str, pulumi.Input[str]]


def flow_log(
    component: Component,
    name: str,
    vpc: aws.ec2.Vpc,
    *,
    retention_days: int,
    bucket_arn: pulumi.Input[str] | None,
    kms_key_arn: pulumi.Input[str] | None,
    tags: Tags,
) -> aws.cloudwatch.LogGroup | None:
    """A flow log of all traffic, to the given bucket or else to a log group of its own, which is returned."""
    own_tags = {"Name": f"{name}-flow-log", **tags}
    if bucket_arn is not None:
        aws.ec2.FlowLog(
            f"{name}-flow-log",
            vpc_id=vpc.id,
            traffic_type="ALL",
            log_destination_type="s3",
            log_destination=bucket_arn,
            tags=own_tags,
            opts=component.child(),
        )
        return None
    group = aws.cloudwatch.LogGroup(
        f"{name}-flow-log", retention_in_days=retention_days, kms_key_id=kms_key_arn, tags=own_tags, opts=component.child()
    )
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html, with its conditions against the confused deputy.
    source = pulumi.Output.concat("arn:", partition_of(vpc.arn), ":ec2:", region_of(vpc.arn), ":", account_of(vpc.arn), ":vpc-flow-log/*")
    role = aws.iam.Role(
        f"{name}-flow-log-role",
        description=f"Lets the flow log of {name} write to its log group",
        assume_role_policy=assume_role(
            "vpc-flow-logs.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": account_of(vpc.arn)}, "ArnLike": {"aws:SourceArn": source}},
        ),
        tags=own_tags,
        opts=component.child(),
    )
    policy = aws.iam.RolePolicy(
        f"{name}-flow-log-policy",
        role=role.id,
        policy=document(
            # No CreateLogGroup: records that arrive late during a destroy would make the group again, without retention.
            Statement(
                actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                resources=[group.arn, pulumi.Output.concat(group.arn, ":*")],
            )
        ),
        opts=component.child(),
    )
    aws.ec2.FlowLog(
        f"{name}-flow-log",
        vpc_id=vpc.id,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        tags=own_tags,
        opts=component.child(depends_on=[policy]),
    )
    return group
