"""Packs that can be configured again serve several stacks; others, such as those of the SDK, get a process for each."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from offline_preview.pack_process import PackProcess
from offline_preview.packs import select_packs
from offline_preview.preview import Job, preview
from offline_preview.project import load_project

SECURITY = Path(__file__).resolve().parents[2] / "policies" / "security"
PACK = """
from pulumi_policy import *
PolicyPack("names", [ResourceValidationPolicy("name", "Has a name", lambda args, report: report("no"), EnforcementLevel.ADVISORY)])
"""


@pytest.mark.parametrize(("at_once", "processes"), [(1, 1), (2, 2)])
def test_several_stacks_share_the_processes_of_packs_that_allow_it(
    at_once: int, processes: int, project: Callable[..., Path], pack: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(Pulumi__prod__yaml="config: {aws:region: eu-west-1}\n", Pulumi__test__yaml="config: {aws:region: eu-west-1}\n")
    (folder / "__main__.py").write_text("import pulumi\nimport pulumi_aws as aws\naws.s3.Bucket('logs-' + pulumi.get_stack())\n")
    started: Counter[str] = Counter()
    begin = PackProcess.__init__

    def counted(self: PackProcess, pack: Any, *rest: Any) -> None:
        started[pack.folder.name] += 1
        begin(self, pack, *rest)

    monkeypatch.setattr(PackProcess, "__init__", counted)
    packs = select_packs(folder, [SECURITY, pack(PACK)], [])
    stacks = ["dev", "prod", "test"]
    outcome = preview(Job(project=load_project(folder), stacks=stacks, packs=packs, at_once=at_once))
    assert started == {"security": processes, "pack": 3}
    assert (outcome.errors, [report.stack for report in outcome.reports]) == ([], stacks)
    for report in outcome.reports:
        alone = preview(Job(project=load_project(folder), stacks=[report.stack], packs=packs))
        assert report.findings == alone.reports[0].findings
        assert {finding.urn.partition("::")[0] for finding in report.findings if finding.urn} == {f"urn:pulumi:{report.stack}"}
