"""What a component offers to the roles of others is what a role takes."""

import inspect
from types import FunctionType
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError, Component
from cloudpatterns.plugin import components, snippets
from cloudpatterns.security import WorkloadRole
from pulumi import ComponentResource

from tests.harness import record


def methods(component: type[ComponentResource]) -> list[str]:
    """Names of the methods that return statements, and need no argument."""
    found = inspect.getmembers(component, lambda member: isinstance(member, FunctionType))
    return [
        name
        for name, method in found
        if name.endswith("_statements")
        and not name.startswith("_")
        # Those are for the policy of a bucket.
        and name != "bucket_statements"
        and all(one.default is not one.empty for one in [*inspect.signature(method).parameters.values()][1:])
    ]


OFFERED = [component for component in components() if methods(component)]


@pytest.mark.parametrize("component", OFFERED, ids=lambda component: component.__name__)
def test_a_role_takes_the_statements_that_a_component_offers(component: type[ComponentResource], monkeypatch: pytest.MonkeyPatch) -> None:
    example, created, register = snippets.example(component), list[Component](), Component.register

    def registered(self: Component) -> None:
        register(self)
        created.append(self)

    def program() -> None:
        assert example is not None
        example()
        offers = [(one, name) for one in created if type(one) is component for name in methods(component)]
        for index, (one, name) in enumerate(offers):
            statements: Any
            try:
                statements = getattr(one, name)()
            except ArgumentError:
                # The example has nothing of the kind.
                continue
            WorkloadRole(f"role-{index}", {"service": "ecs-tasks.amazonaws.com", "statements": statements})

    monkeypatch.setattr(Component, "register", registered)
    assert record(program, mode="deployed").of_type("aws:iam/role:Role")
