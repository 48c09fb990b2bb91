"""Account, region and partition, taken from the ARN of a resource instead of a data-source call: previews need no credentials."""

import pulumi


def _part(arn: pulumi.Input[str], index: int) -> pulumi.Output[str]:
    return pulumi.Output.from_input(arn).apply(lambda text: text.split(":")[index])


def partition_of(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """The partition of an ARN: ``aws``, ``aws-cn``, ``aws-us-gov``."""
    return _part(arn, 1)


def region_of(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """The region of an ARN of a regional service."""
    return _part(arn, 3)


def account_of(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """The account of an ARN."""
    return _part(arn, 4)
