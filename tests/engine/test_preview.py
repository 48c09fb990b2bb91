"""`pulumi preview` with the project's packs finds what `offline-preview --as preview` finds."""

import json
import re
from pathlib import Path

import pytest
from offline_preview import cli

from sandbox.workspace import PACKS
from tests.engine.conftest import ROOT, Engine

# [mandatory] [severity: high]  control-id  (aws:rds:Instance: name), and the message on the line after it
FINDING = re.compile(
    r"- \[(?P<level>\w+)\] \[severity: (?P<severity>\w+)\]\s+(?P<control>[\w-]+)\s+\((?P<type>[\w:/-]+): (?P<name>[^)]+)\)"
)


def _engine_findings(engine: Engine, stack: str) -> tuple[int, list[tuple[str, ...]]]:
    preview = engine.pulumi(
        *("preview", "--stack", stack),
        *(
            part
            for pack in PACKS
            for part in ("--policy-pack", f"policies/{pack}", "--policy-pack-config", f"policies/{pack}/{stack}.json")
        ),
    )
    text = preview.stdout + preview.stderr
    assert "Policies:" in text, text
    lines = text.splitlines()
    found = []
    for index, line in enumerate(lines):
        if match := FINDING.search(line):
            name = match["name"].removeprefix(f"cloudpatterns-{stack}") or "stack"
            found.append((match["control"], match["level"], match["severity"], name, lines[index + 1].strip()))
    return preview.returncode, sorted(found)


def _offline_findings(stack: str, report: Path) -> tuple[int, list[tuple[str, ...]]]:
    code = cli.main(["--project", str(ROOT), "--stack", stack, "--as", "preview", "--json", str(report)])
    findings = json.loads(report.read_text())["findings"]
    found = []
    for finding in findings:
        name = finding["urn"].rsplit("::", 1)[-1].removeprefix(f"cloudpatterns-{stack}") or "stack"
        found.append((finding["control"], finding["level"], finding["severity"], name, finding["verdict"]))
    return code, sorted(found)


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_real_engine_and_the_offline_preview_find_the_same(engine: Engine, stack: str, tmp_path: Path) -> None:
    code, found = _engine_findings(engine, stack)
    offline_code, offline = _offline_findings(stack, tmp_path / "out.json")
    assert [finding[:4] for finding in found] == [finding[:4] for finding in offline]
    assert (code == 0) == (offline_code == 0)
