"""The tables of the translation are what the generators write, where the package with AWS's schemas is installed."""

import importlib.util
import json

import pytest

from tests.policies.acceptance import generate, generate_references


@pytest.mark.skipif(importlib.util.find_spec("cfnlint") is None, reason="cfn-lint is not installed: the tables cannot be written again")
@pytest.mark.parametrize("module", [generate, generate_references], ids=["facts", "references"])
def test_a_table_is_what_its_generator_writes(module: object) -> None:
    assert isinstance(module, type(generate))
    assert json.loads(json.dumps(module.table())) == json.loads(module.TABLE.read_text(encoding="utf-8"))
