"""Temporary environment: the stack of a trial is destroyed when it ends; two days before, somebody hears of it and can prolong it."""

import pulumi
from cloudpatterns.operations import TemporaryEnvironment

config = pulumi.Config()

trial = TemporaryEnvironment(
    "trial",
    {
        "stack": config.require("stack"),
        # To prolong it: pulumi config set expires_at ... && pulumi up
        "expires_at": config.require("expires_at"),
        "time_zone": "Europe/Dublin",
        "warning_hours": 48,
        "state_bucket_arn": config.require("state_bucket_arn"),
        "state_kms_key_arns": [config.require("state_key_arn")],
        # What the role that deploys trials may do.
        "destroy_policy_arns": {"deploy": config.require("deploy_policy_arn")},
        "alarm_topic_arns": [config.require("alarm_topic_arn")],
    },
)

# Before its time: aws codebuild start-build --project-name ...
pulumi.export("project_name", trial.project_name)
