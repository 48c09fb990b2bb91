from pathlib import Path
from typing import Any

import pytest
from offline_preview.errors import PreviewError
from offline_preview.yaml_text import read_mapping


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("True", True),
        ("false", False),
        ("12:30", "12:30"),
        ("0123", 83),
        ("0o17", 15),
        ("0b11", 3),
        ("-0x10", -16),
        ("089", 89),
        ("1_000", 1000),
        ("+5", 5),
        ("8.40", 8.4),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("~", None),
        ("", None),
        ("2026-01-02", "2026-01-02 00:00:00 +0000 UTC"),
        ("2026-01-02T03:04:05Z", "2026-01-02 03:04:05 +0000 UTC"),
        ("'8'", "8"),
        ("10.20.0.0/16", "10.20.0.0/16"),
    ],
)
def test_scalars_are_those_of_the_cli(tmp_path: Path, text: str, value: Any) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(f"key: {text}\n")
    found = read_mapping(file)["key"]
    assert found == value
    assert type(found) is type(value)


def test_merge_keys_are_merged(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\n")
    assert read_mapping(file)["b"] == {"x": 1, "y": 2}


def test_an_empty_file_is_an_empty_mapping(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("")
    assert read_mapping(file) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1,\n", "x.yaml:2:1: is not valid YAML: expected the node content, but found '<stream end>'. Fix that line."),
        (b"a: 1\na: 2\n", "x.yaml:2:1: is not valid YAML: the key 'a' is defined twice. Fix that line."),
        (b"- 1\n", "x.yaml: contains a list; it must be a mapping of keys to values."),
        (b"a: \xff\n", "x.yaml: cannot be read:"),
        (b"a: \x01\n", "x.yaml: is not valid YAML:"),
    ],
)
def test_errors_name_file_and_place(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    with pytest.raises(PreviewError) as error:
        read_mapping(file)
    assert str(error.value).startswith(f"{tmp_path}/{message}")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PreviewError, match=r"x\.yaml: cannot be read: No such file or directory\.$"):
        read_mapping(tmp_path / "x.yaml")
