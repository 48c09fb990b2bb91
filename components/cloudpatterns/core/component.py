"""The base class of every component."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, ClassVar, NoReturn, Self, TypeVar, is_typeddict

import pulumi

from cloudpatterns.core.arguments import ArgumentError, Arguments, Problem
from cloudpatterns.core.place import aws_provider, zone_problems
from cloudpatterns.core.rules import name_problems, unknown

_ArgsT = TypeVar("_ArgsT", bound=Mapping[str, Any])
_T = TypeVar("_T")


_checking: ContextVar[bool] = ContextVar("checking", default=False)


class _CheckedError(Exception):
    """Ends a constructor whose arguments were to be checked alone."""

    def __init__(self, checked: Any) -> None:
        super().__init__()
        self.checked = checked


class Component(pulumi.ComponentResource):
    """A component of this package: its type token is ``cloudpatterns:index:<Class>``.

    Its constructor is ``(name, args, opts=None)``, with ``args`` annotated with the ``TypedDict`` that declares the arguments, and begins
    with ``self.begin``.
    """

    _arguments: ClassVar[Arguments[Any]]
    """The checks of the arguments, from the annotation of the constructor."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        constructor = vars(cls).get("__init__")
        args_type: Any = inspect.get_annotations(constructor).get("args") if constructor else None
        # A subclass in somebody's program keeps what it inherits, its type token included.
        if is_typeddict(args_type) and not hasattr(cls, "_arguments"):
            if args_type.__name__ != f"{cls.__name__}Args":
                raise TypeError(f"the arguments of {cls.__name__} are a TypedDict {cls.__name__}Args, not {args_type.__name__}")
            cls._arguments = Arguments(args_type)

    def __new__(cls, *given: Any, **named: Any) -> Self:
        """Refuses arguments that are not in one dictionary, for which Python alone would raise a ``TypeError`` without a hint.

        :raises ArgumentError: with the call that is needed.
        """
        # A subclass in somebody's program may have a constructor of its own.
        if "_arguments" in vars(cls) and (others := [name for name in named if name not in ("name", "args", "opts")]):
            component, name = cls._arguments.component, str(given[0] if given else named.get("name", ""))
            entries = ", ".join(f'"{other}": ...' for other in others)
            reason = f'must be one dictionary of arguments: {component}("{name}", {{{entries}}})'
            raise ArgumentError(component, name, [("args", reason)])
        return super().__new__(cls)

    def __init__(self, component: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"cloudpatterns:index:{component}", name, {}, opts)

    def begin(
        self,
        name: str,
        args: _ArgsT | None,
        opts: pulumi.ResourceOptions | None,
        *,
        problems: Callable[[_ArgsT], Iterable[Problem]] | None = None,
        names: Mapping[str, int] | Callable[[_ArgsT], Mapping[str, int]] | None = None,
    ) -> _ArgsT:
        """Checks the arguments and registers the component; nothing is created when something is wrong.

        ``problems`` are rules over several arguments. ``names`` maps suffixes of children to AWS's limit for their names, see
        ``name_problems``. Zones (``zones``, ``*_by_zone``) of another region than the provider's are refused wherever that is known: here
        for the default provider, and for an explicit one as soon as Pulumi has registered it, so that a preview fails.

        :returns: The checked arguments: every key is there, an optional one without default as None.
        :raises ArgumentError: with all problems at once.
        """
        arguments: Arguments[_ArgsT] = type(self)._arguments
        checked = arguments.check(name, args)
        limits = names if isinstance(names, Mapping) else names(checked) if names else {}
        provider = aws_provider(opts)
        configured = pulumi.Config("aws").get("region") if provider is None else None
        misplaced = zone_problems(checked, configured, "aws:region is", "set aws:region to {}")
        if found := [*(problems(checked) if problems else ()), *misplaced, *name_problems(name, limits)]:
            raise ArgumentError(arguments.component, name, found)
        if _checking.get():
            raise _CheckedError(checked)
        Component.__init__(self, arguments.component, name, opts)
        self._check_region(checked, provider)
        return checked

    def _check_region(self, checked: Mapping[str, Any], provider: pulumi.ProviderResource | None) -> None:
        """Refuses zones of another region than that of an explicit provider."""
        region = getattr(provider, "region", None)
        if not isinstance(region, pulumi.Output):
            return

        def check(known: str | None) -> None:
            if found := list(zone_problems(checked, known, "the provider's region is", "pass a provider of {}")):
                self.refuse(*found)

        region.apply(check)

    @classmethod
    def check(cls, name: str, args: Any) -> Any:
        """The checked arguments, as ``begin`` returns them, and nothing is created: for what composes this component.

        :raises ArgumentError: with all problems at once, as the constructor does.
        """
        construct: Any = cls
        token = _checking.set(True)
        try:
            construct(name, args)
        except _CheckedError as done:
            return done.checked
        finally:
            _checking.reset(token)
        raise TypeError(f"the constructor of {cls.__name__} does not begin with self.begin")

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of a child: this component is its parent, and nothing of the caller's options is merged in."""
        return pulumi.ResourceOptions(parent=self, **options)

    def refuse(self, *problems: Problem) -> NoReturn:
        """Raises an ``ArgumentError`` of this component, which exists already, for what is asked of it later."""
        headline = "has a problem" if len(problems) == 1 else f"has {len(problems)} problems"
        raise ArgumentError(type(self)._arguments.component, self.pulumi_resource_name, problems, headline=headline)

    def lookup(self, values: Mapping[str, _T], key: str, argument: str, kind: str) -> _T:
        """The value of a key that a caller asks for: ``self.lookup(groups, "web", "group_id", "a function")``.

        :raises ArgumentError: for an unknown key, with those known.
        """
        if key not in values:
            self.refuse((argument, unknown(key, kind, values)))
        return values[key]

    def register(self) -> None:
        """Registers every annotated output; the last line of a constructor.

        :raises TypeError: when the constructor forgot to assign one.
        """
        # Not those of a subclass in somebody's program, which sets its own later.
        component = next((one for one in type(self).__mro__ if "_arguments" in vars(one)), type(self))
        names = [name for name in inspect.get_annotations(component) if not name.startswith("_")]
        if missing := [name for name in names if name not in self.__dict__]:
            raise TypeError(f"{type(self).__name__} declares the outputs {', '.join(missing)} and does not set them")
        self.register_outputs({name: getattr(self, name) for name in names})


def part_problems(component: type[Component], name: str, args: Any, places: Mapping[str, str]) -> Iterator[Problem]:
    """What a composed component would refuse, at the arguments that it comes from: when the first of the others exists it is too late.

    ``places`` maps beginnings of the part's paths to those of the component that composes it; ``""`` is for all others. A name that is too
    long is left to that component's own limits.
    """
    try:
        component.check(name, args)
    except ArgumentError as error:
        for path, reason in error.problems:
            if not (path == "name" and reason.startswith("has ")):
                yield _place(path, places), reason


def _place(path: str, places: Mapping[str, str]) -> str:
    parts = path.split(".")
    for size in range(len(parts), -1, -1):
        if (head := ".".join(parts[:size])) in places:
            return ".".join(part for part in (places[head], *parts[size:]) if part)
    return path
