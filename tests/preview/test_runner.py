import sys
from pathlib import Path
from typing import Any

import pytest
from offline_preview.runner import Program, ProgramError, run
from offline_preview.values import Secret

HEADER = "import pulumi\nimport pulumi_aws as aws\n"


def program(folder: Path, text: str, **options: Any) -> Program:
    (folder / "__main__.py").write_text(HEADER + text)
    given: dict[str, Any] = {"directory": folder, "main": folder, "project": "p", "stack": "dev", **options}
    return Program(**given)


def failure(given: Program) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        run(given)
    return caught.value


@pytest.mark.usefixtures("either_children")
def test_a_program_runs_with_its_configuration_and_its_own_modules(tmp_path: Path) -> None:
    # Modules of the program may be called like folders of this repository.
    for name in ("settings", "preview", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"NAME = 'own {name}'\n")
    text = """
import settings, preview, tests
print("printed")
pulumi.export("names", [settings.NAME, preview.NAME, tests.NAME])
pulumi.export("size", pulumi.Config().require_int("size"))
pulumi.export("secret", pulumi.Config().require_secret("key"))
pulumi.export("stack", [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization(), pulumi.runtime.is_dry_run()])
aws.ec2.Vpc("v", cidr_block="10.0.0.0/16")
"""
    lines: list[str] = []
    graph = run(program(tmp_path, text, config={"p:size": "3", "p:key": "hush"}, secret_keys=frozenset({"p:key"})), lines.append)
    assert graph.outputs == {
        "names": ["own settings", "own preview", "own tests"],
        "size": 3,
        "secret": Secret("hush"),
        "stack": ["p", "dev", "organization", True],
    }
    assert lines == ["printed"]
    assert graph.named("v").source == "__main__.py:10"


def test_the_line_behind_a_resource_is_the_program_s_not_an_installed_library_s(tmp_path: Path) -> None:
    (tmp_path / "libs" / "lib").mkdir(parents=True)
    (tmp_path / "libs" / "lib" / "__init__.py").write_text(
        "import pulumi_aws as aws\n\ndef make():\n    aws.ec2.Vpc('v', cidr_block='10.0.0.0/16')\n"
    )
    graph = run(program(tmp_path, "import sys\nsys.path.append('libs')\nimport lib\nlib.make()\n"))
    assert graph.named("v").source == "__main__.py:6"


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("raise ValueError('boom')\n", "ValueError: boom", "__main__.py:3"),
        ("raise pulumi.RunError('settings are wrong')\n", "settings are wrong", "__main__.py:3"),
        ("import sys\nsys.exit(3)\n", "the program called sys.exit(3)", "__main__.py:4"),
        ("import sys\nsys.exit()\n", "the program called sys.exit() before its resources were registered", ""),
        ("pulumi.Config().require('x')\n", "Missing required configuration variable 'p:x'", "__main__.py:3"),
    ],
)
def test_a_program_that_fails_is_told_by_message_and_line(tmp_path: Path, text: str, message: str, where: str) -> None:
    error = failure(program(tmp_path, text))
    assert str(error).startswith(message)
    assert error.where == where


def test_an_error_meant_for_the_user_is_placed_where_the_program_called_for_it(tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text(
        "import pulumi\n\ndef check():\n    raise pulumi.RunError('wrong')\n\ndef fall():\n    raise KeyError('x')\n"
    )
    assert failure(program(tmp_path, "import checks\nchecks.check()\n")).where == "__main__.py:4"
    assert failure(program(tmp_path, "import checks\nchecks.fall()\n")).where == "checks.py:7"


def test_a_missing_module_names_the_interpreter(tmp_path: Path) -> None:
    error = failure(program(tmp_path, "import nothere\n"))
    assert str(error) == (
        f"ModuleNotFoundError: No module named 'nothere'. Install it for {sys.executable}, the interpreter that runs the program."
    )


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    error = failure(Program(directory=tmp_path, main=tmp_path, project="p", stack="dev"))
    assert str(error) == f"no program: {tmp_path} has no __main__.py"


def test_a_main_file_works_like_a_main_folder(tmp_path: Path) -> None:
    (tmp_path / "infra.py").write_text(HEADER + "import helper\npulumi.export('x', helper.X)\n")
    (tmp_path / "helper.py").write_text("X = 1\n")
    graph = run(Program(directory=tmp_path, main=tmp_path / "infra.py", project="p", stack="dev"))
    assert graph.outputs == {"x": 1}


def test_a_process_that_dies_is_told_with_what_it_said(tmp_path: Path) -> None:
    error = failure(program(tmp_path, "import os\nprint('last words', flush=True)\nos._exit(7)\n"))
    assert str(error) == "stack dev: the program's process ended with code 7 and returned no result"
    assert error.details == "last words"


def test_an_interpreter_that_cannot_start_or_has_no_sdk_is_named(tmp_path: Path) -> None:
    assert str(failure(program(tmp_path, "", python="/nowhere/python"))) == (
        "the interpreter /nowhere/python cannot be started: No such file or directory"
    )
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor} -S "$@"\n')
    bare.chmod(0o755)
    assert str(failure(program(tmp_path, "", python=str(bare)))) == (
        f"the interpreter {bare} has no Pulumi SDK. Install the project's requirements for it: {bare} -m pip install -r requirements.txt"
    )
