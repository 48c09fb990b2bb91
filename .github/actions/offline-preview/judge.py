"""The steps of the action: `judge.py install` and `judge.py judge`. What they do is in the environment, from the action's inputs.

The offline preview and the packs have an environment of their own, from the checkout that the action is in, with its pinned versions. The
program runs in the one that its Pulumi.yaml names as `virtualenv`, with its own requirements; without that it runs in the other.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
TEMPORARY = Path(os.environ.get("RUNNER_TEMP", "."))
TOOLS = TEMPORARY / "offline-preview-tools"
PROJECT = Path(os.environ.get("PROJECT") or ".")
VERDICTS = {0: "compliant", 1: "violated"}


def install() -> int:
    """Both environments."""
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    venv.create(TOOLS, with_pip=True)
    python = str(TOOLS / "bin" / "python")
    packages = [f"{REPOSITORY / 'policies'}[acceptance]", str(REPOSITORY / "pictures"), str(REPOSITORY / "preview")]
    subprocess.run([python, *pip, "--constraint", str(constraints()), *packages], check=True)
    subprocess.run([python, *pip, "--no-deps", *unmanaged()], check=True)
    if os.environ.get("STATE"):
        return 0
    own = PROJECT / named if (named := environment_of_the_program()) else TOOLS
    if not own.exists():
        venv.create(own, with_pip=True)
    wanted = PROJECT / (os.environ.get("REQUIREMENTS") or "requirements.txt")
    needed = ["--requirement", str(wanted)] if wanted.is_file() else ["pulumi", "pulumi-aws"]
    subprocess.run([str(own / "bin" / "python"), *pip, *needed], check=True)
    return 0


def constraints() -> Path:
    """The pinned versions of the checkout, without its own packages."""
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    file = TEMPORARY / "offline-preview-constraints.txt"
    file.write_text("\n".join(line for line in lines if "==" in line and not line.startswith("#")) + "\n", encoding="utf-8")
    return file


def unmanaged() -> list[str]:
    """What is read as data, without its dependencies: more rules for the pack acceptance."""
    lines = (REPOSITORY / "requirements-no-deps.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("cdk-preflight==")]


def environment_of_the_program() -> str:
    """The folder that Pulumi.yaml names as `virtualenv`, or an empty text."""
    for name in ("Pulumi.yaml", "Pulumi.yml"):
        if (PROJECT / name).is_file():
            for line in (PROJECT / name).read_text(encoding="utf-8").splitlines():
                key, _, value = line.strip().partition(":")
                if key == "virtualenv" and value.strip():
                    return value.strip().strip("'\"")
    return ""


def judge() -> int:
    """Runs the offline preview, and shows its result in the summary of the run."""
    name = os.environ.get("REPORTS") or "offline-preview"
    folder = TEMPORARY / name
    folder.mkdir(parents=True, exist_ok=True)
    endings = {"json": "json", "sarif": "sarif", "junit": "xml", "markdown": "md", "html": "html"}
    reports = {kind: folder / f"{name}.{ending}" for kind, ending in endings.items()}
    command = [str(TOOLS / "bin" / "offline-preview"), *options()]
    for kind, file in reports.items():
        command += [f"--{kind}", str(file)]
    code = subprocess.run(command, check=False).returncode
    written = reports["markdown"].is_file()
    if written and (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(reports["markdown"].read_text(encoding="utf-8"))
    if output := os.environ.get("GITHUB_OUTPUT"):
        with Path(output).open("a", encoding="utf-8") as file:
            file.write(f"verdict={VERDICTS.get(code, 'failed')}\nfolder={folder if written else ''}\n")
    return code


def options() -> list[str]:
    """The command line, without the reports."""
    found: list[str] = []
    for option, variable in (("policy-pack", "PACKS"), ("stack", "STACKS")):
        if not (option == "stack" and os.environ.get("STATE")):
            found += [part for line in os.environ.get(variable, "").splitlines() if line.strip() for part in (f"--{option}", line.strip())]
    for option, variable in (("profile", "PROFILE"), ("baseline", "BASELINE"), ("against", "MAIN"), ("state", "STATE")):
        if value := os.environ.get(variable):
            found += [f"--{option}", value]
    return found if os.environ.get("STATE") else ["--project", str(PROJECT), *found]


if __name__ == "__main__":
    sys.exit({"install": install, "judge": judge}[sys.argv[1]]())
