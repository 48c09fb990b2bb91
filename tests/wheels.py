"""Builds the wheels of the five distributions, each from its source distribution, looks into them, and uses them in an empty environment.

`make wheels` runs it; it needs a package index. Both kinds of distributions are left in `dist/`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

# What the wheel of the policies has beside its package, from the folders of the packs.
PACKS = ("security", "operations", "acceptance")
LAUNCHER = "launcher/bin/python"
ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
PROJECTS = {
    "components": "cloudpatterns",
    "components/runtime": "cloudpatterns_runtime",
    "pictures": "cloudpatterns_pictures",
    "policies": "cloudpatterns_policies",
    "preview": "offline_preview",
}

PROGRAM = """\
import pulumi
from cloudpatterns.blocks import runtime_layer
from cloudpatterns.core import Component
from cloudpatterns.network import Network, OnDemandNat

zones = ["eu-west-1a", "eu-west-1b"]
network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": zones})
OnDemandNat(
    "nat",
    {
        "strategy": "on_demand",
        "vpc_id": network.vpc_id,
        "vpc_cidr_block": network.vpc_cidr_block,
        "public_subnet_ids_by_zone": network.public_subnet_ids_by_zone,
        "private_route_table_ids_by_zone": network.private_route_table_ids_by_zone,
        "windows": [{"name": "patch", "days": ["TUE"], "start": "02:00", "minutes": 120}],
    },
)
runtime_layer(Component("Guarded", "guarded"), "runtime")
"""
# Nothing in the environment needs boto3, so the library runs without.
PROJECT = "name: empty\nruntime:\n  name: python\n  options:\n    toolchain: pip\n    virtualenv: ../environment\n"
FUNCTION = """\
from cloudpatterns_runtime.retry import Retry

print(Retry().call("{} is called".format, "cloudpatterns_runtime"))
"""


def build(folder: Path) -> list[Path]:
    """The wheels, from a copy of the sources: what an earlier build has left beside them must not get in."""
    shutil.rmtree(DIST, ignore_errors=True)
    builder = environment(folder / "builder", "build")
    for name in PROJECTS:
        if not (folder / name).exists():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build", ".venv"))
        # First the source distribution, then the wheel from it: a file that the former lacks is missed in the latter.
        run(str(builder / "python"), "-m", "build", "--outdir", str(DIST), str(folder / name))
    return sorted(DIST.glob("*.whl"))


def environment(folder: Path, *requirements: str) -> Path:
    """The folder of the executables of a new environment with what is named."""
    venv.create(folder, with_pip=True)
    run(str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *requirements)
    return folder / "bin"


def files(project: str) -> set[str]:
    """The files of a project's package, named from the project's folder."""
    folder = ROOT / project
    found = (folder / PROJECTS[project]).rglob("*")
    return {path.relative_to(folder).as_posix() for path in found if path.is_file() and "__pycache__" not in path.parts}


def problems(wheel: Path) -> Iterator[str]:
    """What a wheel lacks, and what it makes importable beside its package."""
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    project, package = next((project, package) for project, package in PROJECTS.items() if wheel.name.startswith(f"{package}-"))
    expected = files(project)
    if project == "components":
        # What the Lambda layer is made of.
        expected |= {f"cloudpatterns/runtime-copy/{name}" for name in files("components/runtime") if name.endswith(".py")}
    if project == "policies":
        names = [LAUNCHER, *(f"{pack}/{name}" for pack in PACKS for name in ("PulumiPolicy.yaml", "__main__.py", "dev.json", "prod.json"))]
        expected |= {f"cloudpatterns_policies/pack-folders/{name}" for name in names}
    yield from (f"lacks {name}" for name in sorted(expected - inside))
    tops = {name.partition("/")[0] for name in inside}
    yield from (f"has {top}" for top in sorted(tops) if top != package and not top.endswith(".dist-info"))


def use(wheels: list[Path], folder: Path) -> Iterator[str]:
    """What is said of a program with the components, judged by all packs: by the offline preview, and by the CLI where there is one."""
    # The validators of the pack acceptance are an extra.
    wanted = [f"{wheel}[acceptance]" if wheel.name.startswith("cloudpatterns_policies") else str(wheel) for wheel in wheels]
    installed = environment(folder / "environment", *wanted)
    yield run(str(installed / "python"), "-c", FUNCTION, cwd=folder).strip()
    project = folder / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text(PROJECT, encoding="utf-8")
    (project / "Pulumi.dev.yaml").write_text("config:\n  aws:region: eu-west-1\n", encoding="utf-8")
    (project / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    names = [part for pack in PACKS for part in ("--policy-pack", pack)]
    offline = run(str(installed / "offline-preview"), *names, "--svg", "stack.svg", "--html", "stack.html", cwd=project, allowed=(0, 1))
    yield f"offline: {offline.strip().splitlines()[-1]}"
    folders = [run(str(installed / "python"), "-m", "cloudpatterns_policies.packs", pack).strip() for pack in PACKS]
    yield from by_cli(folder, project, folders) if shutil.which("pulumi") else ["real CLI: no `pulumi` on PATH"]


def by_cli(folder: Path, project: Path, packs: list[str]) -> Iterator[str]:
    """The packs that the CLI has run on a program without AWS, by the printed folders, with nothing of the environment on PATH."""
    (project / "__main__.py").write_text("", encoding="utf-8")
    (folder / "state").mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "NO_COLOR": "1",
    }
    run("pulumi", "stack", "init", "dev", "--non-interactive", cwd=project, env=environment)
    options = [part for pack in packs for part in ("--policy-pack", pack, "--policy-pack-config", f"{pack}/dev.json")]
    said = run("pulumi", "preview", "--stack", "dev", "--non-interactive", *options, cwd=project, env=environment)
    yield from (f"real CLI: {line.strip()}" for line in said.splitlines() if "cloudpatterns-" in line and "@v" in line)


def run(*command: str, cwd: Path | None = None, allowed: tuple[int, ...] = (0,), env: dict[str, str] | None = None) -> str:
    """What a command prints. Ends this program with what it says when it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, timeout=900, capture_output=True, text=True, check=False)
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
        if wrong := [f"{wheel.name} {problem}" for wheel in wheels for problem in problems(wheel)]:
            print(*wrong, sep="\n")
            return 1
        print("in an empty environment:")
        for line in use(wheels, folder):
            print(f"  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
