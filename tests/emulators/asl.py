"""The validator of Amazon States Language: https://github.com/ChristopheBougere/asl-validator, on Node."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from tests.program import ROOT

FOLDER = ROOT / "tests" / "emulators" / "asl_validator"


def missing() -> str | None:
    """Why definitions cannot be validated here; None when they can."""
    if shutil.which("node") is None:
        return "Node is not installed: .ci/install-servers installs it, with npm"
    if not (FOLDER / "node_modules" / "asl-validator").is_dir():
        return "asl-validator is not installed: `make test` installs it where npm is"
    return None


def errors(definitions: Sequence[Mapping[str, Any] | str]) -> list[list[str]]:
    """What is wrong with each of the definitions."""
    given = [json.loads(one) if isinstance(one, str) else one for one in definitions]
    found = subprocess.run(["node", "validate.js"], cwd=FOLDER, input=json.dumps(given), capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise RuntimeError(found.stderr)
    return json.loads(found.stdout)
