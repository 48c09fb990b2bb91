"""CloudWatch log groups with a retention."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component


def log_group(
    component: Component,
    child_name: str,
    retention_days: int,
    *,
    name: pulumi.Input[str] | None = None,
    name_prefix: str | None = None,
    kms_key_arn: pulumi.Input[str] | None = None,
    region: str | None = None,
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.LogGroup:
    """A log group of the program's own: one that a service creates by itself keeps its events for ever.

    ``name`` is fixed where the service expects one, and ``name_prefix`` begins a unique one where it expects that (default: auto-named);
    ``region`` is that of the provider by default.
    """
    return aws.cloudwatch.LogGroup(
        child_name,
        name=name,
        name_prefix=name_prefix,
        retention_in_days=retention_days,
        kms_key_id=kms_key_arn,
        region=region,
        tags=tags,
        opts=component.child(),
    )
