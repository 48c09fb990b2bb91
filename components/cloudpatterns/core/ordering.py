"""Values that are available only after other resources, and maps of values as one value."""

from collections.abc import Mapping
from typing import Any, TypeVar

import pulumi

_T = TypeVar("_T")


def after(value: pulumi.Input[_T], *others: pulumi.Resource | pulumi.Input[Any]) -> pulumi.Output[_T]:
    """The value, available after the other resources, or after those that the other values come from.

    It waits on their URNs, which a preview knows. With ids the value would be unknown in every preview that adds one of them, and so
    would whatever is made from it.
    """
    waits = [other.urn if isinstance(other, pulumi.Resource) else _whether_known_or_not(other) for other in others]
    return pulumi.Output.all(value, *waits).apply(lambda values: values[0])


def _whether_known_or_not(value: pulumi.Input[Any]) -> pulumi.Output[None]:
    # None is no secret, whatever the value is.
    return pulumi.Output.unsecret(pulumi.Output.from_input(value).apply(lambda _: None, run_with_unknowns=True))


def by_name(values: Mapping[str, pulumi.Input[_T]]) -> pulumi.Output[dict[str, _T]]:
    """The values as one output; an empty mapping stays a mapping, which ``Output.all`` alone makes a list."""
    return pulumi.Output.all(*values.values()).apply(lambda found: dict(zip(values, found, strict=True)))
