"""The action for other repositories runs the offline preview as its inputs say, and shows what came out."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.test_workflows import FOR_OTHERS, loaded

STUB = """\
#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
pathlib.Path(arguments[arguments.index("--json") + 1]).write_text(json.dumps(arguments))
{markdown}sys.exit({code})
"""
MARKDOWN = 'pathlib.Path(arguments[arguments.index("--markdown") + 1]).write_text("## verdict\\n")\n'


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The action's script, for a project in a new folder."""
    (tmp_path / "infra").mkdir()
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path / "temporary"))
    monkeypatch.setenv("PROJECT", str(tmp_path / "infra"))
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in ("STACKS", "PACKS", "PROFILE", "BASELINE", "MAIN", "STATE", "REPORTS"):
        monkeypatch.delenv(name, raising=False)
    spec = importlib.util.spec_from_file_location("judge", FOR_OTHERS.parent / "judge.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stub(module: ModuleType, code: int, *, writes: bool = True) -> None:
    command = module.TOOLS / "bin" / "offline-preview"
    command.parent.mkdir(parents=True)
    command.write_text(STUB.format(python=sys.executable, code=code, markdown=MARKDOWN if writes else ""))
    command.chmod(0o755)


def test_the_inputs_become_options(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(module, 0)
    given = {
        "PACKS": "security\n\n policies/own \n",
        "STACKS": "prod-*\ndev\n",
        "PROFILE": "prod",
        "BASELINE": "known.json",
        "MAIN": "main.json",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert module.judge() == 0
    folder = tmp_path / "temporary" / "offline-preview"
    assert json.loads((folder / "offline-preview.json").read_text()) == [
        *("--project", str(tmp_path / "infra"), "--policy-pack", "security", "--policy-pack", "policies/own", "--stack", "prod-*"),
        *("--stack", "dev", "--profile", "prod", "--baseline", "known.json", "--against", "main.json"),
        *("--json", str(folder / "offline-preview.json"), "--sarif", str(folder / "offline-preview.sarif")),
        *("--junit", str(folder / "offline-preview.xml"), "--markdown", str(folder / "offline-preview.md")),
        *("--html", str(folder / "offline-preview.html")),
    ]
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == f"verdict=compliant\nfolder={folder}\n"
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text() == "## verdict\n"


def test_an_export_is_judged_without_the_options_of_a_program(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"STATE": "export.json", "STACKS": "prod", "PACKS": "security"}.items():
        monkeypatch.setenv(name, value)
    assert module.options() == ["--policy-pack", "security", "--state", "export.json"]


@pytest.mark.parametrize(("code", "verdict"), [(0, "compliant"), (1, "violated"), (2, "failed")])
def test_the_step_ends_as_the_offline_preview_does(module: ModuleType, tmp_path: Path, code: int, verdict: str) -> None:
    stub(module, code)
    assert module.judge() == code
    assert (tmp_path / "GITHUB_OUTPUT").read_text().splitlines()[0] == f"verdict={verdict}"


def test_without_a_report_there_is_no_folder_of_reports(module: ModuleType, tmp_path: Path) -> None:
    stub(module, 2, writes=False)
    assert module.judge() == 2
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "verdict=failed\nfolder=\n"
    assert not (tmp_path / "GITHUB_STEP_SUMMARY").exists()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name: x\nruntime: python\n", ""),
        ("name: x\nruntime:\n  name: python\n  options:\n    virtualenv: '../venv'\n", "../venv"),
        ("name: x\nruntime:\n  options: {}\n", ""),
    ],
)
def test_the_environment_of_the_program_is_the_one_that_pulumi_yaml_names(
    module: ModuleType, tmp_path: Path, text: str, named: str
) -> None:
    (tmp_path / "infra" / "Pulumi.yaml").write_text(text)
    assert module.environment_of_the_program() == named


def test_the_tools_have_the_pinned_versions(module: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    lines = module.constraints().read_text().splitlines()
    assert [line for line in lines if line.startswith(("pulumi==", "networkx=="))] != []
    assert [line for line in lines if "==" not in line] == []
    assert [line.partition("==")[0] for line in module.unmanaged()] == ["cdk-preflight"]


def test_every_input_is_used_and_every_variable_of_the_script_is_given() -> None:
    text = FOR_OTHERS.read_text(encoding="utf-8")
    assert [name for name in loaded(FOR_OTHERS)["inputs"] if f"inputs.{name} " not in text and f"inputs.{name}=" not in text] == []
    script = (FOR_OTHERS.parent / "judge.py").read_text(encoding="utf-8")
    for variable in ("PROJECT", "REQUIREMENTS", "STACKS", "PACKS", "PROFILE", "BASELINE", "STATE", "MAIN", "REPORTS"):
        assert f'"{variable}"' in script, variable
        assert f"        {variable}: " in text, variable
