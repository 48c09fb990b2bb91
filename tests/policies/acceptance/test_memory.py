"""The types of the last run."""

from pathlib import Path

import pytest
from cloudpatterns_policies.acceptance import judgement
from cloudpatterns_policies.acceptance.facts import cfn_type, tokens
from cloudpatterns_policies.acceptance.memory import COMMON, recall, remember


def test_types_are_remembered_for_each_stack(tmp_path: Path) -> None:
    assert recall("org/shop/prod", tmp_path) == frozenset()
    remember("org/shop/prod", {"AWS::SQS::Queue", "AWS::S3::Bucket"}, tmp_path)
    assert recall("org/shop/prod", tmp_path) == {"AWS::SQS::Queue", "AWS::S3::Bucket"}
    assert recall("org/shop/dev", tmp_path) == frozenset()


@pytest.mark.parametrize("content", ["", "{}", "nonsense", '[1, "no type", null]'])
def test_a_damaged_file_is_no_memory(tmp_path: Path, content: str) -> None:
    remember("shop", ["AWS::SQS::Queue"], tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_text(content)
    assert recall("shop", tmp_path) == frozenset()


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remember("shop", ["AWS::SQS::Queue"], tmp_path / "file" / "cache")
    assert recall("shop", tmp_path / "file" / "cache") == frozenset()


def test_the_validator_is_prepared_for_the_last_types_and_else_for_common_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[frozenset[str]] = []

    class Validator:
        def prepare(self, types: frozenset[str]) -> None:
            prepared.append(types)

    monkeypatch.setattr(judgement.engine, "shared", Validator)
    for name, value in (("XDG_CACHE_HOME", str(tmp_path)), ("PULUMI_PROJECT", "shop"), ("PULUMI_STACK", "prod")):
        monkeypatch.setenv(name, value)
    judgement.prepare()
    remember("shop/prod", ["AWS::SQS::Queue"])
    judgement.prepare()
    assert prepared == [COMMON, {"AWS::SQS::Queue"}]


def test_the_common_types_are_types_of_the_table() -> None:
    assert {cfn_type(token) for token in tokens()} >= COMMON
