"""Outputs of other stacks of Pulumi: each by its name and type, so that a missing one says so."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pulumi

from cloudpatterns.core import ByName


class StackOutputError(pulumi.RunError):
    """An output of another stack is missing, or is not what is asked for."""


class StackOutputs:
    """The outputs of another stack of Pulumi, typed: ``StackOutputs("organization/network/prod").text("vpc_id")``.

    ``pulumi.StackReference`` alone gives None for a name that is not there. Here the deployment ends, before anything that takes the value
    is created, and says the stack, the name, and what is known. A secret stays one.
    """

    def __init__(self, stack: str, name: str | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        """Refers to a stack.

        :param stack: ``organization/project/stack``; the organization of a self-managed backend is named ``organization``.
        :param name: of the reference in this program; default: the stack's.
        """
        self.stack = stack
        self._reference = pulumi.StackReference(stack if name is None else name, stack, opts)

    def text(self, name: str) -> pulumi.Output[str]:
        """An output that is text."""
        return self._typed(name, "text", lambda value: isinstance(value, str))

    def number(self, name: str) -> pulumi.Output[float]:
        """An output that is a number."""
        return self._typed(name, "a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool))

    def flag(self, name: str) -> pulumi.Output[bool]:
        """An output that is true or false."""
        return self._typed(name, "true or false", lambda value: isinstance(value, bool))

    def texts(self, name: str) -> pulumi.Output[list[str]]:
        """An output that is a list of texts."""
        return self._typed(name, "a list of texts", _are_texts)

    def texts_by_name(self, name: str, keys: Sequence[str]) -> ByName[str]:
        """Entries of an output that is an object of texts, such as subnets by zone: what decides about resources is named here."""
        found = self._typed(name, "an object of texts", lambda value: isinstance(value, dict) and _are_texts(list(value.values())))

        def entry(key: str) -> pulumi.Output[str]:
            def one(values: Mapping[str, str]) -> str:
                if key not in values:
                    raise StackOutputError(f"{name} of {self.stack} has no {key}; it has {_listed(values)}.")
                return values[key]

            return found.apply(one)

        return ByName({key: entry(key) for key in keys})

    def value(self, name: str) -> pulumi.Output[Any]:
        """An output of any type."""
        return self._typed(name, "a value", lambda value: value is not None)

    def _typed(self, name: str, words: str, fits: Callable[[Any], bool]) -> pulumi.Output[Any]:
        def check(values: Sequence[Any]) -> Any:
            value, known = values
            if name not in known:
                fix = "Export it there and deploy that stack, or correct the name."
                raise StackOutputError(f"{self.stack} has no output {name}; it has {_listed(known)}. {fix}")
            if not fits(value):
                raise StackOutputError(f"the output {name} of {self.stack} is of type {type(value).__name__}; {words} is needed.")
            return value

        names = pulumi.Output.unsecret(self._reference.outputs.apply(list))
        return pulumi.Output.all(self._reference.get_output(name), names).apply(check)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
