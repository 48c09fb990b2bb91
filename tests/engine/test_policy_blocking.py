"""With the packs, `pulumi up` of a broken program makes nothing that is broken: not even where the preview is skipped.

What one resource shows by itself is judged before it is created, whatever else happens. What only the whole graph shows is judged in the
preview, so that nothing at all is created as long as the preview is not skipped. `pulumi preview` of each variant is in
`test_broken_variants.py`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_policies.core import discover

from sandbox import workspace
from sandbox.workspace import PACKS
from tests.engine.conftest import Engine
from tests.engine.programs import in_account
from tests.test_broken_variants import VARIANTS, Variant

TIMEOUT = 900
STACK = "prod"
OPTIONS = [
    part for pack in PACKS for part in ("--policy-pack", f"policies/{pack}", "--policy-pack-config", f"policies/{pack}/{STACK}.json")
]
KINDS = {control.id: control.kind for pack in PACKS for control in discover(pack=pack)}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Prod, never deployed."""
    found = workspace.make(tmp_path_factory.mktemp("blocking"))
    made = found.pulumi("stack", "init", STACK)
    assert made.returncode == 0, made.stdout + made.stderr
    return found


@pytest.fixture(scope="module")
def program(engine: Engine) -> str:
    """The program as it is shipped."""
    return (engine.project / "__main__.py").read_text(encoding="utf-8")


def _write(project: Path, program: str, *variants: Variant) -> None:
    before = "\n".join(variant.before for variant in variants)
    after = "\n".join(variant.after for variant in variants)
    (project / "__main__.py").write_text(f"{before}\n{program}\n{after}\n", encoding="utf-8")


@pytest.mark.parametrize("name", VARIANTS)
def test_a_broken_program_makes_nothing(engine: Engine, program: str, name: str, figures: Callable[[str], None]) -> None:
    variant = VARIANTS[name]
    _write(engine.project, program, variant)
    blocked = engine.pulumi("up", "--stack", STACK, "--yes", *OPTIONS, timeout=TIMEOUT)
    text = blocked.stdout + blocked.stderr
    assert blocked.returncode != 0
    for control, resource in variant.found:
        assert _finding(text, control, resource), text
    assert in_account(engine, STACK) == []
    figures(f"blocked: {name}: exit code {blocked.returncode}, {len(variant.found)} findings, made 0")


@pytest.fixture(scope="module")
def deployed(engine: Engine, program: str) -> Engine:
    """Prod, deployed as it is shipped."""
    _write(engine.project, program)
    made = engine.pulumi("up", "--stack", STACK, "--yes", "--skip-preview", timeout=TIMEOUT)
    assert made.returncode == 0, made.stdout + made.stderr
    return engine


ALONE = ("the database's port open to everybody", "a public database", "a volume that is not encrypted", "a role that may do everything")


@pytest.mark.parametrize("name", ALONE)
def test_what_is_broken_by_itself_is_never_made_even_without_a_preview(
    deployed: Engine, program: str, name: str, figures: Callable[[str], None]
) -> None:
    broken = {(control, resource) for control, resource in VARIANTS[name].found if KINDS[control] == "resource"}
    assert broken
    before = _living(deployed)
    _write(deployed.project, program, VARIANTS[name])
    blocked = deployed.pulumi("up", "--stack", STACK, "--yes", "--skip-preview", *OPTIONS, timeout=TIMEOUT)
    text = blocked.stdout + blocked.stderr
    assert blocked.returncode != 0
    for control, resource in broken:
        assert _finding(text, control, resource), text
    # Neither made, nor, where it was there already, changed.
    assert _living(deployed) == before
    figures(f"blocked without a preview: {name}: exit code {blocked.returncode}, made 0, changed 0")


def _living(engine: Engine) -> dict[str, tuple[str, dict[str, Any]]]:
    cloud = engine.cloud()
    found = {one.urn: (one.id, one.inputs) for one in cloud.living()}
    cloud.close()
    return found


def _finding(text: str, control: str, resource: str) -> bool:
    return any("[mandatory]" in line and f"  {control}  " in line and f": {resource})" in line for line in text.splitlines())
