"""StackDeployment: the loyalty team's template becomes a part of the program, and somebody hears when its resources drift from it."""

from pathlib import Path

import pulumi
from cloudpatterns.operations import StackDeployment
from cloudpatterns.security import WorkloadRole

config = pulumi.Config()
TEMPLATE = Path(__file__).parent / "templates" / "loyalty.yaml"

loyalty = StackDeployment(
    "loyalty",
    {
        "template": TEMPLATE.read_text(encoding="utf-8"),
        "parameters": {"ExpiryDays": "730"},
        # CloudFormation has all outputs as text.
        "outputs": {"PointsExpiryDays": "number"},
        # What CloudFormation may do, and, of it, what the detection of drift may read.
        "statements": [
            {
                "actions": [
                    *("dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:UpdateTable", "dynamodb:DeleteTable"),
                    *("dynamodb:DescribeContinuousBackups", "dynamodb:UpdateContinuousBackups", "dynamodb:DescribeTimeToLive"),
                    *("dynamodb:UpdateTimeToLive", "dynamodb:DescribeContributorInsights", "dynamodb:GetResourcePolicy"),
                    *("dynamodb:DescribeKinesisStreamingDestination", "dynamodb:ListTagsOfResource", "dynamodb:TagResource"),
                    "dynamodb:UntagResource",
                ],
                # Names of the resources of a stack begin with the name of the stack.
                "resources": [config.require("stacks_arn")],
            }
        ],
        "time_zone": "Europe/Dublin",
        "alarm_topic_arns": [config.require("alarm_topic_arn")],
    },
)

# What the program builds on the team's table.
checkout = WorkloadRole(
    "checkout",
    {
        "service": "lambda.amazonaws.com",
        "statements": [{"actions": ["dynamodb:GetItem", "dynamodb:UpdateItem"], "resources": [loyalty.texts["PointsTableArn"]]}],
    },
)

# aws cloudformation describe-stack-resource-drifts --stack-name ... --stack-resource-drift-status-filters MODIFIED DELETED
pulumi.export("stack_id", loyalty.stack_id)
pulumi.export("checkout_role_arn", checkout.role_arn)
