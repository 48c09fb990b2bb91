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


def name_of(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """The name in an ARN that ends in a name alone: that of a queue or a topic."""
    return _part(arn, 5)


def unqualified(function: pulumi.Input[str]) -> tuple[pulumi.Output[str], pulumi.Output[str | None]]:
    """A function's name or ARN without its alias or version, and that, or None, as the provider's ``qualifier`` takes it.

    The provider splits what it reads: a whole ARN in the place of the function would differ at each update, and replace the resource.
    """
    parts = pulumi.Output.from_input(function).apply(_unqualified)
    return parts.apply(lambda found: found[0]), parts.apply(lambda found: found[1])


def _unqualified(function: str) -> tuple[str, str | None]:
    # A name, a whole ARN, or a part of one: 123456789012:function:orders.
    before, mark, after = function.rpartition("function:")
    name, _, qualifier = after.partition(":")
    return f"{before}{mark}{name}", qualifier or None
