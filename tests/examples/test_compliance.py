"""Every example and every stack file of the examples is clean under all three packs in the profile `prod`, without an exemption.

It takes a second or two for each example: the real packs judge what a user deploys when they copy one.
"""

from pathlib import Path

import pytest
import yaml
from offline_preview import cli

from settings.systems import SYSTEMS, component_of
from tests.program import ROOT

EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/Pulumi.yaml"))
STACKS = sorted((ROOT / "examples" / "stacks").glob("Pulumi.*.yaml"), key=lambda file: file.name)
PACKS = ("security", "operations", "acceptance")


def judged(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What a preview with all packs shows, which is compliant without an exemption."""
    packs = [option for pack in PACKS for option in ("--policy-pack", str(ROOT / "policies" / pack))]
    code = cli.main([*options, *packs, "--profile", "prod"])
    shown = capsys.readouterr().out
    assert code == 0, shown
    assert "compliant: 0 mandatory" in shown
    assert "exempt" not in shown
    return shown


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_clean_in_the_profile_of_production(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    judged(capsys, "--project", str(ROOT / "examples" / example))


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.name)
def test_a_stack_file_is_clean_and_deploys_the_systems_that_it_names(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = judged(capsys, "--project", str(ROOT), "--config-file", str(file))
    config = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]
    systems = [section for section in SYSTEMS if f"cloudpatterns:{section}" in config]
    assert systems
    for section in systems:
        assert component_of(section).__name__ in shown
