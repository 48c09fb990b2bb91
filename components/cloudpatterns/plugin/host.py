"""The provider that makes components for programs in other languages."""

import json
from typing import Any, NoReturn

import pulumi
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from cloudpatterns.core import ArgumentError
from cloudpatterns.plugin.names import Names, Problem
from cloudpatterns.plugin.schema import PACKAGE, components, package_schema


class ComponentHost(ComponentProvider):
    """Pulumi's component provider, with arguments checked and errors told in the caller's names.

    A wrong argument is reported as the component reports it, without a traceback: the SDK's own host turns it into an internal error.
    Any other exception of a component is a fault of ours and keeps its traceback.
    """

    def __init__(self, version: str) -> None:
        super().__init__(components(), PACKAGE, None, version)
        self.schema = json.dumps(package_schema(version))

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Makes the component ``name`` with arguments that another language gave.

        :raises pulumi.InputPropertiesError: when an argument cannot be used.
        """
        component = resource_type.rpartition(":")[2]
        try:
            return super().construct(name, resource_type, inputs, options)
        except _UnusableInputs as error:
            _refuse(component, name, error.problems)
        except ComponentInitError as error:
            if not isinstance(error.inner, ArgumentError):
                raise
            names = self._names(component)
            _refuse(component, name, [(names.in_path(path), names.in_text(reason)) for path, reason in error.inner.problems])

    def map_inputs(self, inputs: pulumi.Inputs, component_def: Any) -> pulumi.Inputs:
        """The arguments by their names in Python."""
        given, problems = self._names(component_def.name).from_caller(dict(inputs))
        if problems:
            raise _UnusableInputs(problems)
        return given

    def _names(self, component: str) -> Names:
        return Names(self._component_defs[component], self._type_defs)


class _UnusableInputs(Exception):
    """Arguments that never reach the component."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


def _refuse(component: str, name: str, problems: list[Problem]) -> NoReturn:
    # The problems stand in the message alone: for each property error the CLI would print the property's value beside it.
    # The list is empty, not left out: the SDK's server fails without one.
    raise pulumi.InputPropertiesError(str(ArgumentError(component, name, problems)), []) from None


def serve(version: str) -> None:
    """Serves the components to the engine whose address is on the command line, until it ends."""
    main(ComponentHost(version), [])
