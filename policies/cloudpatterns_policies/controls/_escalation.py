"""Actions that allow privilege escalation, and actions that do not support resources. Tables, with their sources."""

from typing import Final

# The published methods, except those that need access to a running instance:
# https://github.com/RhinoSecurityLabs/AWS-IAM-Privilege-Escalation
# https://cloudsplaining.readthedocs.io/en/latest/glossary/privilege-escalation/ (and the pathfinding.cloud entries it lists)
ESCALATIONS: Final[tuple[str, ...]] = (
    *("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:CreateAccessKey", "iam:CreateLoginProfile"),
    *("iam:UpdateLoginProfile", "iam:AttachUserPolicy", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:PutUserPolicy"),
    *("iam:PutGroupPolicy", "iam:PutRolePolicy", "iam:AddUserToGroup", "iam:UpdateAssumeRolePolicy"),
    *("lambda:UpdateFunctionCode", "glue:UpdateDevEndpoint"),
)
"""Actions that are enough alone, when they are allowed on every resource of their type."""

PASS_ROLE: Final = "iam:PassRole"

PASSING: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("ec2.amazonaws.com", ("ec2:RunInstances",)),
    ("ec2.amazonaws.com", ("ec2:RequestSpotInstances",)),
    ("lambda.amazonaws.com", ("lambda:CreateFunction", "lambda:InvokeFunction")),
    ("lambda.amazonaws.com", ("lambda:CreateFunction", "lambda:CreateEventSourceMapping")),
    ("lambda.amazonaws.com", ("lambda:CreateFunction", "lambda:AddPermission")),
    ("cloudformation.amazonaws.com", ("cloudformation:CreateStack",)),
    ("cloudformation.amazonaws.com", ("cloudformation:UpdateStackSet",)),
    ("codebuild.amazonaws.com", ("codebuild:CreateProject", "codebuild:StartBuild")),
    ("datapipeline.amazonaws.com", ("datapipeline:CreatePipeline",)),
    ("ecs-tasks.amazonaws.com", ("ecs:RegisterTaskDefinition", "ecs:RunTask")),
    ("ecs-tasks.amazonaws.com", ("ecs:RegisterTaskDefinition", "ecs:CreateService")),
    ("glue.amazonaws.com", ("glue:CreateDevEndpoint",)),
    ("glue.amazonaws.com", ("glue:CreateJob", "glue:StartJobRun")),
    ("sagemaker.amazonaws.com", ("sagemaker:CreateNotebookInstance",)),
)
"""Service and actions that are enough together with permission to pass any role to that service."""

# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
# ec2:Describe* is absent on purpose: some of these actions, such as DescribeInstanceAttribute, support resources.
# ssm:UpdateInstanceInformation and the channels are used by the agent; AWS's minimal policy for Session Manager allows them on "*":
# https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
UNSCOPED: Final[frozenset[str]] = frozenset(
    action.lower()
    for action in (
        "acm:ListCertificates",
        "autoscaling:Describe*",
        *("cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics", "cloudwatch:PutMetricData"),
        *("ec2:DescribeAddresses", "ec2:DescribeAvailabilityZones", "ec2:DescribeImages", "ec2:DescribeInstances"),
        *("ec2:DescribeInstanceStatus", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplates", "ec2:DescribeNetworkInterfaces"),
        *("ec2:DescribeRegions", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSnapshots"),
        *("ec2:DescribeSubnets", "ec2:DescribeTags", "ec2:DescribeVolumes", "ec2:DescribeVpcs"),
        *("ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage"),
        *("ec2messages:GetEndpoint", "ec2messages:GetMessages", "ec2messages:SendReply"),
        *("ecr:GetAuthorizationToken", "ecr-public:GetAuthorizationToken"),
        "elasticloadbalancing:Describe*",
        *("kms:GenerateRandom", "kms:ListAliases", "kms:ListKeys"),
        *("route53:ListHostedZones", "route53:ListHostedZonesByName"),
        "s3:ListAllMyBuckets",
        *("secretsmanager:GetRandomPassword", "secretsmanager:ListSecrets"),
        *("ssm:DescribeParameters", "ssm:UpdateInstanceInformation"),
        *("ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel"),
        *("ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"),
        *("sts:DecodeAuthorizationMessage", "sts:GetCallerIdentity"),
        "tag:GetResources",
        *("xray:GetSamplingRules", "xray:GetSamplingStatisticSummaries", "xray:GetSamplingTargets"),
        *("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    )
)
"""Actions, in lower case, for which IAM supports only `*` as resource."""
