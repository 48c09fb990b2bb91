"""The components in other languages: the plugin as the CLI starts it, and programs that use it through generated SDKs."""

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from cloudpatterns.plugin import package_schema, project_version

from sandbox import workspace
from sandbox.workspace import ROOT, Workspace

EXAMPLES = ROOT / "examples" / "languages"


def install_plugin(found: Workspace) -> None:
    """Installs the plugin by name. It runs in the environment of the tests: the CLI would make one of its own, from the network."""
    executable = found.project.parent / "cloudpatterns" / "pulumi-resource-cloudpatterns"
    executable.parent.mkdir()
    main = ROOT / "components" / "__main__.py"
    executable.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{main.parent}" "$@"\n')
    executable.chmod(0o755)
    done(found.pulumi("plugin", "install", "resource", "cloudpatterns", project_version(), "--file", str(executable.parent)))


def done(run: subprocess.CompletedProcess[str]) -> str:
    """What a run printed; it must have succeeded."""
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def type_check(found: Workspace) -> subprocess.CompletedProcess[str]:
    """Compiles a project in TypeScript without writing anything."""
    return subprocess.run(
        ["npx", "--no-install", "tsc", "--noEmit"], cwd=found.project, capture_output=True, text=True, timeout=240, check=False
    )


def make(folder: Path, language: str) -> Workspace:
    """A workspace with the example in a language, ready to run; skips where it cannot be."""
    # An earlier try may have ended in a skip.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    example = EXAMPLES / language
    names = {one.name: one.read_text(encoding="utf-8") for one in example.iterdir() if one.is_file()}
    # The plugin is installed by name, so the project says nothing of where it comes from.
    names["Pulumi.yaml"] = "\n".join(
        line for line in names["Pulumi.yaml"].splitlines() if not line.startswith(("packages:", "  #", "  cloudp"))
    )
    found = workspace.make(folder, names)
    install_plugin(found)
    _READY[language](found)
    return found


def needs(*executables: str) -> None:
    """Skips where one of the executables is not on PATH."""
    for one in executables:
        if shutil.which(one) is None:
            pytest.skip(f"no `{one}` on PATH")


def _sdk(found: Workspace, language: str) -> Path:
    # As the plugin serves it: that of the last release may be older.
    schema = found.project / "schema.json"
    schema.write_text(json.dumps(package_schema(project_version())), encoding="utf-8")
    done(found.pulumi("package", "gen-sdk", str(schema), "--language", language, "--local", "--out", str(found.project / "made")))
    sdk = found.project / "sdks" / "cloudpatterns"
    sdk.parent.mkdir()
    return (found.project / "made" / language).rename(sdk)


def run(found: Workspace, *command: str) -> None:
    """Runs a command in a project's folder; skips where it reaches no registry."""
    made = subprocess.run(command, cwd=found.project, capture_output=True, text=True, timeout=500, check=False)
    if made.returncode and any(
        sign in made.stdout + made.stderr
        for sign in ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "dial tcp", "ETIMEDOUT", "No matching distribution")
    ):
        pytest.skip(f"{command[0]} reaches no registry")
    assert made.returncode == 0, made.stdout + made.stderr


def _yaml(found: Workspace) -> None:
    del found
    needs("pulumi-language-yaml")


def _python(found: Workspace) -> None:
    _sdk(found, "python")
    # An environment to install into, that has what the environment of the tests has.
    environment = found.project / ".venv"
    environment.unlink()
    venv.create(environment, with_pip=True)
    packages = next(environment.glob("lib/python*/site-packages"))
    (packages / "tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    run(found, str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "./sdks/cloudpatterns")


def _typescript(found: Workspace) -> None:
    needs("pulumi-language-nodejs", "node", "npm")
    _sdk(found, "nodejs")
    run(found, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline")
    done(type_check(found))


def _go(found: Workspace) -> None:
    needs("pulumi-language-go", "go")
    sdk = _sdk(found, "go")
    (sdk / "go.mod").write_text(
        "module example.com/pulumi-cloudpatterns/sdk/go\n\ngo 1.23\n\nrequire github.com/pulumi/pulumi/sdk/v3 v3.256.0\n"
    )
    run(found, "go", "mod", "tidy")
    run(found, "go", "vet", "./...")


_READY: dict[str, Callable[[Workspace], None]] = {"yaml": _yaml, "python": _python, "typescript": _typescript, "go": _go}
LANGUAGES = tuple(_READY)
