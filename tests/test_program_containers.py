"""The stacks as they are shipped, with containers in the place of the servers: clean under all packs in their profiles.

It takes some seconds for each: the real packs judge the whole program.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from offline_preview import cli

from tests.program import ROOT, STACKS, program_graph

CONTAINERS = {"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:" + "0" * 64, "min_tasks": 3, "max_tasks": 6}


def settings(stack: str) -> dict[str, Any]:
    """The settings of the stack's file, with containers, and the endpoints that start them while a NAT is stopped."""
    found = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    storefront, network = (found["config"][f"cloudpatterns:{section}"] for section in ("storefront", "network"))
    del storefront["servers"]
    storefront["containers"] = CONTAINERS
    network["interface_endpoints"] = [*network["interface_endpoints"], "ecr.api", "ecr.dkr"]
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_with_containers_complies(stack: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / f"Pulumi.{stack}.yaml"
    file.write_text(yaml.safe_dump(settings(stack)), encoding="utf-8")
    code = cli.main(["--project", str(ROOT), "--stack", stack, "--config-file", str(file)])
    shown = capsys.readouterr().out
    assert code == 0, shown
    assert "compliant: 0 mandatory" in shown
    assert "exempt" not in shown
    assert "ecs.Service" in shown
    assert "autoscaling.Group" not in shown


def test_exports_say_where_the_containers_are() -> None:
    config = settings("prod")["config"]
    sections = {name: config[f"cloudpatterns:{name}"] for name in ("network", "storefront")}
    # A section replaces values alone.
    sections["storefront"]["servers"] = None
    outputs = program_graph("prod", sections).one("pulumi:pulumi:Stack").outputs
    assert outputs["image"] == CONTAINERS["image"]
    assert outputs["ecs_cluster"]
    assert outputs["ecs_service"]
    assert "auto_scaling_group" not in outputs
    assert "artifact_sha256" not in outputs
