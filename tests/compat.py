"""The tests of four distributions at an end of the ranges of versions that their ``pyproject.toml`` state.

``make compat`` runs both ends; it needs a package index. ``requirements.txt`` pins what everything else here runs with.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECTS = ("components", "components/runtime", "policies", "preview")
TESTS = ("tests/components", "tests/policies/core", "tests/preview", "tests/runtime")
TOOLS = ("pytest", "pytest-cov", "pytest-xdist", "hypothesis", "jsonschema", "tzdata")
# What is imported for its own sake. The rest, such as protobuf, is what these ask for.
OURS = ("boto3", "pulumi", "pulumi-aws", "pulumi-policy", "pydantic")
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)>=(?P<lowest>[\d.]+)(?P<rest>,<[\d.]+)?")


def requirements(end: str) -> list[str]:
    """What the distributions need, at the ``lowest`` or at the ``latest`` versions that all of them take."""
    lowest: dict[str, tuple[int, ...]] = {}
    rests: dict[str, str] = {}
    for project in PROJECTS:
        stated = tomllib.loads((ROOT / project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for text in (*stated["dependencies"], *(text for extra in stated.get("optional-dependencies", {}).values() for text in extra)):
            found = REQUIREMENT.fullmatch(text)
            if found is None:
                raise ValueError(f"{project}/pyproject.toml: {text} states no range like name>=1.2,<3")
            name = found["name"].lower()
            lowest[name] = max(lowest.get(name, ()), tuple(int(part) for part in found["lowest"].split(".")))
            rests[name] = found["rest"] or rests.get(name, "")
    versions = {name: ".".join(map(str, version)) for name, version in lowest.items()}
    return [
        f"{name}=={versions[name]}.*" if end == "lowest" and name in OURS else f"{name}>={versions[name]}{rests[name]}" for name in lowest
    ]


def tools() -> list[str]:
    """The pinned tools that the tests need."""
    lines = [
        *(ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines(),
        *(ROOT / "requirements.txt").read_text().splitlines(),
    ]
    return [line for line in lines if line.partition("==")[0] in TOOLS]


def main(end: str) -> int:
    """Runs the tests in an environment of its own."""
    with tempfile.TemporaryDirectory() as name:
        environment = Path(name) / "environment"
        venv.create(environment, with_pip=True)
        python = str(environment / "bin" / "python")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run([*pip, *requirements(end), *tools()], check=True)
        subprocess.run([*pip, "--no-deps", *(option for project in PROJECTS for option in ("-e", str(ROOT / project)))], check=True)
        shown = subprocess.run([python, "-m", "pip", "freeze", "--exclude-editable"], capture_output=True, text=True, check=True).stdout
        print(end, *re.findall(r"^(?:boto|pulumi|pydantic|grpcio|protobuf)[\w-]*==\S+", shown, re.MULTILINE), sep="\n  ", flush=True)
        return subprocess.run([python, "-m", "pytest", "-n", "2", *TESTS], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    if sys.argv[1:] not in (["lowest"], ["latest"]):
        sys.exit("usage: python -m tests.compat lowest|latest")
    sys.exit(main(sys.argv[1]))
