"""Every resource type and property that the model names is one that the AWS provider has."""

import importlib

import pytest
from cloudpatterns_policies.graph import endpoints, firewall, interfaces, placements, routes, rules, topology, unresolved, vpcs
from cloudpatterns_policies.graph.kinds import KINDS

TOKENS = {
    value
    for module in (firewall, interfaces, placements, routes, rules, topology, unresolved, vpcs)
    for constant in vars(module).values()
    for value in (constant if isinstance(constant, tuple | dict) else (constant,))
    if isinstance(value, str) and value.startswith("aws:")
}
TOKENS |= {token for _, *tokens in routes._TARGETS.values() for token in tokens}


def properties(token: str) -> set[str]:
    """Names on the wire of the properties of a resource type."""
    _, module, name = token.split(":")
    room = module.partition("/")[0]
    found = getattr(importlib.import_module(f"pulumi_aws.{'lambda_' if room == 'lambda' else room}"), name)
    assert found.pulumi_type == token
    getters = [item.fget for item in vars(found).values() if isinstance(item, property)]
    return {getter._pulumi_name for getter in getters}


@pytest.mark.parametrize("token", sorted(TOKENS - KINDS.keys()))
def test_types_exist(token: str) -> None:
    assert properties(token)


@pytest.mark.parametrize("token", sorted(KINDS))
def test_places_exist(token: str) -> None:
    kind = KINDS[token]
    paths = {*kind.groups, *kind.subnets, *kind.inherits, *([kind.subnet_group] if kind.subnet_group else [])}
    assert paths
    assert {path.partition(".")[0] for path in paths} <= properties(token)


PROPERTIES: list[tuple[str, str]] = sorted({
    *((token, path) for table in (unresolved._BLOCKING, unresolved._OPENING) for token, paths in table.items() for path in paths),
    *unresolved._ACTIONS.items(),
    *endpoints._PUBLIC_FLAGS.items(),
    *((token, path) for token, paths in endpoints._MORE_SUBNETS.items() for path in paths),
})  # fmt: skip


@pytest.mark.parametrize(("token", "path"), PROPERTIES)
def test_properties_of_the_tables_exist(token: str, path: str) -> None:
    assert path.partition(".")[0] in properties(token)
