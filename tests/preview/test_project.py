import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from offline_preview.errors import PreviewError
from offline_preview.project import Declared, load_project

Write = Callable[..., Path]


def test_a_project_knows_its_folders_and_stacks(project: Write) -> None:
    folder = project(Pulumi__prod__yaml="", Pulumi__yaml="name: shop\nruntime: {name: python}\n")
    (folder / "Pulumi.not a stack.yaml").touch()
    loaded = load_project(folder)
    assert (loaded.name, loaded.root, loaded.program, loaded.stack_folder) == ("shop", folder, folder, folder)
    assert loaded.stacks() == ["dev", "prod"]
    assert loaded.stack_file("dev") == folder / "Pulumi.dev.yaml"


@pytest.mark.parametrize("line", ["config: stacks", "stackConfigDir: stacks"])
def test_stack_files_may_have_a_folder_of_their_own(project: Write, line: str) -> None:
    folder = project(Pulumi__yaml=f"name: shop\nruntime: python\nmain: app/\n{line}\n")
    assert load_project(folder).stack_file("dev") == folder / "stacks" / "Pulumi.dev.yaml"
    assert load_project(folder).program == folder / "app"


def test_main_may_be_a_file(project: Write) -> None:
    folder = project(Pulumi__yaml="name: shop\nruntime: python\nmain: app/run.py\n")
    assert load_project(folder).program == folder / "app" / "run.py"


def test_a_projects_virtual_environment_runs_its_program_when_it_exists(project: Write) -> None:
    folder = project(Pulumi__yaml="name: shop\nruntime: {name: python, options: {virtualenv: venv}}\n")
    assert load_project(folder).interpreter == sys.executable
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert load_project(folder).interpreter == str(python)


def test_declared_configuration_is_read(project: Write) -> None:
    text = """
name: shop
runtime: python
config:
  size: 3
  names: [a, b]
  aws:region: eu-west-1
  aws:profile: {value: me}
  shop:token: {type: string, secret: true}
  rules: {type: array, items: {type: array, items: {type: integer}}, default: [[1, "2"]], description: x}
"""
    assert {item.key: item for item in load_project(project(Pulumi__yaml=text)).declared} == {
        "shop:size": Declared("shop:size", default=3),
        "shop:names": Declared("shop:names", default=["a", "b"]),
        "aws:region": Declared("aws:region", default="eu-west-1"),
        "aws:profile": Declared("aws:profile", default="me"),
        "shop:token": Declared("shop:token", type="string", secret=True),
        "shop:rules": Declared("shop:rules", type="array", items={"type": "array", "items": {"type": "integer"}}, default=[[1, "2"]]),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nam: shop\nruntime: python", "'name' must be a non-empty text; it is None. Did you mean 'nam'?"),
        ("name: shop\nruntime: nodejs", "'runtime' is 'nodejs'; the offline preview runs Python programs only, 'runtime: python'."),
        ("name: shop", "'runtime' is None; the offline preview runs Python programs only, 'runtime: python'."),
        ("config: a\nstackConfigDir: b", "'config' and 'stackConfigDir' both name the folder of the stack files; keep 'stackConfigDir'."),
        ("config: [a]", "'config' must be a mapping of keys to values or declarations; it is ['a']."),
        ("main: 3", "'main' must be a path; it is 3."),
        ("config: {a: }", "config 'a': has neither a value nor a declaration; use one of"),
        (
            "config: {a: {typ: string}}",
            "config 'a': 'typ' is unknown; allowed: default, description, items, secret, type, value. Did you mean 'type'?",
        ),
        ("config: {a: {default: 1, value: 2}}", "config 'a': has a 'default' and a 'value'; keep one."),
        ("config: {'aws:region': {type: string}}", "config 'aws:region': is not in the project's namespace and needs only a 'value'"),
        ("config: {a: {type: text}}", "config 'a': the type 'text' is unknown; allowed: array, boolean, integer, object, string."),
        (
            "config: {a: {type: array}}",
            "config 'a': is an array without 'items'; add the type of its items, e.g. 'items: {type: string}'.",
        ),
        ("config: {a: {type: integer, default: x}}", "config 'a': the default 'x' is not of the type 'integer'."),
        (
            "config: {a: {type: array, items: {type: string}, default: [1]}}",
            "config 'a': the default [1] is not of the type 'array<string>'.",
        ),
        (
            "config: {a: {type: array, items: {type: string}, default: x}}",
            "config 'a': the default 'x' is not of the type 'array<string>'.",
        ),
        ("config: {a: {type: object, default: x}}", "config 'a': the default 'x' is not of the type 'object'."),
        ("config: {a: {type: boolean, default: x}}", "config 'a': the default 'x' is not of the type 'boolean'."),
        ("config: {a: {type: integer, default: 1.5}}", "config 'a': the default 1.5 is not of the type 'integer'."),
    ],
)
def test_a_wrong_project_file_is_refused(project: Write, text: str, message: str) -> None:
    base = "" if "name: shop" in text or "nam:" in text else "name: shop\nruntime: python\n"
    folder = project(Pulumi__yaml=base + text)
    with pytest.raises(PreviewError) as error:
        load_project(folder)
    assert str(error.value).startswith(f"{folder / 'Pulumi.yaml'}: {message}")


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PreviewError) as error:
        load_project(tmp_path)
    assert str(error.value) == f"--project: there is no Pulumi.yaml in {tmp_path}. Use the folder that contains it."
    with pytest.raises(PreviewError, match=r"--project: .*/nowhere is not a folder\. Use the folder that contains Pulumi\.yaml\."):
        load_project(tmp_path / "nowhere")


def test_an_unknown_stack_names_the_nearest(project: Write) -> None:
    folder = project(Pulumi__prod__yaml="")
    with pytest.raises(PreviewError) as error:
        load_project(folder).check_stack("prd")
    assert str(error.value) == (
        f"--stack: there is no stack 'prd': {folder / 'Pulumi.prd.yaml'} does not exist. Existing stacks: dev, prod. Did you mean 'prod'?"
    )
    with pytest.raises(PreviewError, match="'a/b' is not a stack name"):
        load_project(folder).check_stack("a/b")
    load_project(folder).check_stack("dev")
