"""Unknown verdicts on the real CLI: `onUnknown` in the profile, and what it refuses there."""

import json
import subprocess
from pathlib import Path
from typing import Any

from cloudpatterns_policies.core import discover
from offline_preview import cli

from tests.engine.conftest import ROOT, Engine
from tests.engine.test_preview import FINDING

PACK = ROOT / "policies" / "security"


def _preview(engine: Engine, profile: Path) -> subprocess.CompletedProcess[str]:
    return engine.pulumi("preview", "--stack", "prod", "--policy-pack", str(PACK), "--policy-pack-config", str(profile))


def _profile(tmp_path: Path, **changes: Any) -> Path:
    profile = json.loads((PACK / "prod.json").read_text())
    for name, value in changes.items():
        profile[name] = {**profile.get(name, {}), **value}
    file = tmp_path / "profile.json"
    file.write_text(json.dumps(profile))
    return file


def _found(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    lines = (done.stdout + done.stderr).splitlines()
    return sorted((match["control"], match["level"]) for line in lines if (match := FINDING.search(line)))


def test_each_unknown_is_a_finding_where_every_control_fails_on_it(engine: Engine, tmp_path: Path) -> None:
    # Advisory, because the CLI leaves out what comes after a resource that it blocks.
    profile = _profile(tmp_path, **{control.id: {"enforcementLevel": "advisory", "onUnknown": "fail"} for control in discover()})
    done = _preview(engine, profile)
    report = tmp_path / "report.json"
    arguments = ("--policy-pack", str(PACK), "--policy-pack-config", str(profile), "--as", "preview", "--json", str(report))
    code = cli.main(["--project", str(ROOT), "--stack", "prod", *arguments])
    offline = json.loads(report.read_text())["findings"]
    assert _found(done) == sorted((item["control"], item["level"]) for item in offline)
    assert [item for item in offline if item["control"] == "iam-policy-no-administrator"]
    assert "unknowns" not in {item["control"] for item in offline}
    assert (done.returncode, code) == (0, 0)


def test_an_unknown_blocks_as_its_control_does(engine: Engine, tmp_path: Path) -> None:
    done = _preview(engine, _profile(tmp_path, **{"iam-policy-no-administrator": {"onUnknown": "fail"}}))
    assert ("iam-policy-no-administrator", "mandatory") in _found(done)
    assert done.returncode != 0


def test_a_value_that_is_no_mode_is_refused(engine: Engine, tmp_path: Path) -> None:
    done = _preview(engine, _profile(tmp_path, **{"vpc-flow-logs": {"onUnknown": "block"}}))
    assert done.returncode != 0
    assert "onUnknown" in done.stdout + done.stderr


def test_a_misspelt_property_is_refused(engine: Engine, tmp_path: Path) -> None:
    done = _preview(engine, _profile(tmp_path, **{"vpc-flow-logs": {"onUnkown": "fail"}}))
    assert done.returncode != 0
    assert "vpc-flow-logs: unknown property 'onUnkown'; did you mean 'onUnknown'?" in " ".join((done.stdout + done.stderr).split())
