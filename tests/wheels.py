"""Builds the wheels of the three distributions, looks into them, and uses them in an empty environment, away from this repository.

`make wheels` runs it; it needs a package index. The wheels are left in `dist/`.
"""

import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
PROJECTS = {"components": "cloudpatterns", "policies": "cloudpatterns_policies", "preview": "offline_preview"}

PROGRAM = """\
import pulumi
from cloudpatterns.network import Network, OnDemandNat

zones = ["eu-west-1a", "eu-west-1b"]
network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": zones})
OnDemandNat(
    "nat",
    {
        "strategy": "on_demand",
        "vpc_id": network.vpc_id,
        "vpc_cidr_block": network.vpc_cidr_block,
        "public_subnet_ids_by_zone": network.subnet_ids("public"),
        "private_route_table_ids_by_zone": network.route_table_ids("private"),
        "windows": [{"name": "patch", "days": ["TUE"], "start": "02:00", "minutes": 120}],
    },
)
"""
PACK = """\
from cloudpatterns_policies.core import discover, serve

serve("mine", "1.0.0", discover())
"""


def build(folder: Path) -> list[Path]:
    """The wheels, from a copy of the sources: what an earlier build has left beside them must not get in."""
    shutil.rmtree(DIST, ignore_errors=True)
    for name in PROJECTS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build", ".venv"))
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(DIST), str(folder / name))
    return sorted(DIST.glob("*.whl"))


def lacking(wheel: Path) -> list[str]:
    """Files of the package that are not in its wheel."""
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    project, package = next((project, package) for project, package in PROJECTS.items() if wheel.name.startswith(f"{package}-"))
    source = ROOT / project
    files = (path for path in (source / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(name for path in files if (name := path.relative_to(source).as_posix()) not in inside)


def use(wheels: list[Path], folder: Path) -> str:
    """What the offline preview says of a program with the components, judged by a pack with the controls, all from the wheels."""
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    run(str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *map(str, wheels))
    project = folder / "project"
    pack = project / "policies" / "mine"
    pack.mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: empty\nruntime: python\n", encoding="utf-8")
    (project / "Pulumi.dev.yaml").write_text("config:\n  aws:region: eu-west-1\n", encoding="utf-8")
    (project / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n", encoding="utf-8")
    (pack / "__main__.py").write_text(PACK, encoding="utf-8")
    said = run(str(environment / "bin" / "offline-preview"), cwd=project, allowed=(0, 1))
    return said.strip().splitlines()[-1]


def run(*command: str, cwd: Path | None = None, allowed: tuple[int, ...] = (0,)) -> str:
    """What a command prints. Ends this program with what it says when it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode not in allowed:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    """Prints a line for each wheel and one for their use."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheels = build(folder)
        for wheel in wheels:
            print(f"{wheel.relative_to(ROOT)}  {wheel.stat().st_size // 1024} KiB")
        if missing := [f"  {wheel.name}: {file}" for wheel in wheels for file in lacking(wheel)]:
            print("not in its wheel:", *missing, sep="\n")
            return 1
        print(f"in an empty environment: {use(wheels, folder)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
