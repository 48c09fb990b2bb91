"""Values that are available only after other resources, and maps of values as one value."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, KeysView, Mapping
from contextlib import contextmanager
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


class Later(pulumi.Output[_T]):
    """An output whose value comes from a resource that the program creates further down, see ``later``."""

    def __init__(self) -> None:
        self._source: asyncio.Future[pulumi.Output[_T]] = asyncio.get_event_loop().create_future()

        async def ask(what: Callable[[pulumi.Output[_T]], Awaitable[Any]]) -> Any:
            return await what(await self._source)

        super().__init__(
            ask(lambda source: source.resources()),
            ask(lambda source: source.future(with_unknowns=True)),
            ask(lambda source: source.is_known()),
            ask(lambda source: source.is_secret()),
        )

    def come_from(self, source: pulumi.Output[_T]) -> None:
        """Sets the output that the value comes from, once."""
        self._source.set_result(source)

    def abandon(self) -> None:
        """Ends the wait for the value, which does not come."""
        nothing: Any = pulumi.Output.from_input(None)
        if not self._source.done():
            self._source.set_result(nothing)


@contextmanager
def later() -> Generator[Later[Any]]:
    """An output for a value of a resource that is created within the ``with`` block, which has ``come_from(...)`` as its last line.

    Two resources may name each other through a third: the policy of a bucket names the distribution that reads the bucket. Only the
    policy waits then. What waits for itself is never created, and the program never ends.
    """
    output: Later[Any] = Later()
    try:
        yield output
    finally:
        # After an error the program would otherwise wait for the value, and not report it.
        output.abandon()
