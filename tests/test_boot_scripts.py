"""Every boot script of the components and the examples."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.program import ROOT

SCRIPTS = sorted((ROOT / "components").rglob("*.sh"))
EXAMPLES = sorted((ROOT / "examples").rglob("*.sh"))


def test_there_are_scripts() -> None:
    assert ROOT / "components/cloudpatterns/compute/web_server/on_aws/boot.sh" in SCRIPTS


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="no shellcheck on PATH")
@pytest.mark.parametrize("script", [*SCRIPTS, *EXAMPLES], ids=lambda path: str(path.relative_to(ROOT)))
def test_shellcheck_finds_nothing(script: Path) -> None:
    # Parameters are set before the script.
    done = subprocess.run(["shellcheck", "--exclude=SC2153,SC2154", str(script)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_stops_at_the_first_failure(script: Path) -> None:
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    # With -E a trap on errors is inherited by functions.
    assert next(line for line in lines[1:] if line and not line.startswith("#")) in ("set -euo pipefail", "set -Eeuo pipefail")
