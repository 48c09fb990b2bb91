"""Actions that allow privilege escalation. Tables, with their sources."""

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
