"""What databases and caches share: a name that is unique yet known early, log groups under a key."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, account_of, partition_of, region_of

__all__ = ["HYPHENATED_NAME", "digest", "log_groups", "parts_of", "unique_name"]

HYPHENATED_NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
"""What databases, caches and their users may be named."""


def unique_name(auto_named: pulumi.Input[str], child_name: str, wanted: str) -> pulumi.Output[str]:
    """``wanted`` with the random suffix of an auto-named child, for things that must be named before they exist.

    A fixed name would collide between two stacks of one account, and an auto-name of the thing itself is known too late. Where the
    child's name does not start with its logical name (auto-naming is configurable), the child's whole name is used.
    """

    def derive(name: str) -> str:
        return f"{wanted}{name.removeprefix(child_name)}" if name.startswith(f"{child_name}-") else name

    return pulumi.Output.from_input(auto_named).apply(derive)


def parts_of(arn: pulumi.Input[str]) -> tuple[pulumi.Output[str], pulumi.Output[str], pulumi.Output[str]]:
    """Partition, region and account of an ARN."""
    return partition_of(arn), region_of(arn), account_of(arn)


def log_groups(
    component: Component,
    child_prefix: str,
    path: pulumi.Input[str],
    kinds: Sequence[str],
    *,
    retention_days: int,
    kms_key_arn: pulumi.Input[str],
    tags: Mapping[str, pulumi.Input[str]],
    region: str | None = None,
) -> list[aws.cloudwatch.LogGroup]:
    """A log group ``<path>/<kind>`` per kind: made by the service itself it would keep its events for ever."""
    return [
        aws.cloudwatch.LogGroup(
            f"{child_prefix}-{kind}",
            name=pulumi.Output.concat(path, "/", kind),
            retention_in_days=retention_days,
            kms_key_id=kms_key_arn,
            region=region,
            tags=dict(tags),
            opts=component.child(),
        )
        for kind in kinds
    ]


def digest(*values: Any) -> pulumi.Output[str]:
    """Eight characters that change when one of the values does."""
    return pulumi.Output.all(*values).apply(lambda known: hashlib.sha256(repr(known).encode()).hexdigest()[:8])
