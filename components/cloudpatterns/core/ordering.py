"""Values that are available only after other resources, and maps of values as one value."""

from collections.abc import KeysView, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pulumi

_T = TypeVar("_T")


def after(value: pulumi.Input[_T], *others: pulumi.Resource | pulumi.Input[Any]) -> pulumi.Output[_T]:
    """The value, available after the other resources, or after those that the other values come from.

    It waits on their URNs, which a preview knows. With ids the value would be unknown in every preview that adds one of them, and so
    would whatever is made from it.
    """
    waits = [other.urn if isinstance(other, pulumi.Resource) else _whether_known_or_not(other) for other in others]
    return pulumi.Output.all(value, *waits).apply(lambda values: values[0])


def origin(value: pulumi.Input[Any]) -> Any:
    """What a value comes from, for a ``depends_on`` of something that does not take the value itself."""
    return _whether_known_or_not(value)


def _whether_known_or_not(value: pulumi.Input[Any]) -> pulumi.Output[None]:
    # None is no secret, whatever the value is.
    return pulumi.Output.unsecret(pulumi.Output.from_input(value).apply(lambda _: None, run_with_unknowns=True))


if TYPE_CHECKING:
    # Type checkers accept it where an argument is a dictionary of inputs.
    class _Dictionary(dict[str, pulumi.Input[_T]]): ...
else:

    class _Dictionary(Generic[_T]): ...


class ByName(pulumi.Output[dict[str, _T]], _Dictionary[_T]):  # ty: ignore[incompatible-method-override]
    """A map of values as one output, whose names are plain.

    It is an output like any other. Besides, its names are known while the program runs, so a component takes it where the names decide
    what is created, such as ``subnet_ids_by_zone``; each value keeps its own dependencies. ``{**output}`` is a dictionary with them.
    """

    def __class_getitem__(cls, kind: Any) -> Any:
        # As an annotation it is what Pulumi's component host knows.
        return pulumi.Output[dict[str, kind]]

    def __init__(self, values: Mapping[str, pulumi.Input[_T]]) -> None:
        # Output.all alone makes a list of an empty mapping.
        whole = pulumi.Output.all(*values.values()).apply(lambda found: dict(zip(values, found, strict=True)))
        future: Any = whole.future(with_unknowns=True)
        super().__init__(whole.resources(), future, whole.is_known(), whole.is_secret())
        self._values = dict(values)

    def keys(self) -> KeysView[str]:  # ty: ignore[incompatible-method-override]
        """The names, plain."""
        return self._values.keys()

    def __getitem__(self, key: str) -> pulumi.Output[_T]:
        """The value of a name, with its own dependencies alone.

        :raises KeyError: for an unknown name, with those known.
        """
        if key not in self._values:
            raise KeyError(f"{key} is not one of {', '.join(self._values) or 'these: there are none'}")
        return pulumi.Output.from_input(self._values[key])


def by_name(values: Mapping[str, pulumi.Input[str]]) -> ByName[str]:
    """The values as one output, whose names stay plain."""
    return ByName(values)
