"""Resources that must exist before the first deployment: the bucket of Pulumi's state, a key per environment, the roles of CI."""

import pulumi
import pulumi_aws as aws
from cloudpatterns.operations import DeliveryPipeline
from cloudpatterns.storage import DurableBucket

config = pulumi.Config()
repository = config.require("repository")
environments = config.require_object("environments")
tags = config.get_object("tags") or {}

# Without them no stack can be read any more, so they must be unprotected before a destroy.
protected = pulumi.ResourceOptions(protect=True)

state = DurableBucket("state", {"kind": "data", "noncurrent_retention_days": 365, "tags": tags}, protected)
keys = {
    environment: aws.kms.Key(
        f"secrets-{environment}",
        description=f"Secrets of the Pulumi stacks of {environment}",
        enable_key_rotation=True,
        deletion_window_in_days=30,
        tags=tags,
        opts=protected,
    )
    for environment in environments
}
aliases = {
    environment: aws.kms.Alias(f"secrets-{environment}", name=f"alias/pulumi-secrets-{environment}", target_key_id=key.key_id)
    for environment, key in keys.items()
}
delivery = DeliveryPipeline(
    "delivery",
    {
        **(config.get_object("delivery") or {}),
        "repository": repository,
        "environments": {
            environment: {
                # The workflows group stacks in this way: prod-us-east-1 is a stack of prod.
                "stacks": [f"*/{environment}", f"*/{environment}-*"],
                "state_bucket_arn": state.bucket_arn,
                "state_kms_key_arns": [state.kms_key_arn, keys[environment].arn],
                **given,
            }
            for environment, given in environments.items()
        },
        "tags": tags,
    },
)

region = next(iter(keys.values())).region
pulumi.export("backend_url", pulumi.Output.concat("s3://", state.bucket_name, "?region=", region, "&awssdk=v2"))
pulumi.export(
    "secrets_providers",
    {environment: pulumi.Output.concat("awskms://", alias.name, "?region=", region) for environment, alias in aliases.items()},
)
pulumi.export("plan_role_arns", delivery.plan_role_arns)
pulumi.export("apply_role_arns", delivery.apply_role_arns)
