"""The JSON report: what ``--json`` writes."""

import json
from collections.abc import Sequence
from typing import Any, Final

from offline_preview.findings import StackReport
from offline_preview.values import shown

VERSION: Final = 1
"""The version of the report's form, for programs that read it, such as ``--against``."""


def render(reports: Sequence[StackReport]) -> str:
    """One object for one stack, a list of objects for several. Secrets are ``[secret]``, unknown values ``[unknown]``."""
    stacks = [_stack(report) for report in reports]
    return json.dumps(stacks[0] if len(stacks) == 1 else stacks, indent=2, ensure_ascii=False) + "\n"


def _stack(report: StackReport) -> dict[str, Any]:
    data = {
        "version": VERSION,
        "project": report.graph.project,
        "stack": report.stack,
        "mode": report.mode,
        "resources": [resource.shown() for resource in report.graph.resources],
        "outputs": shown(report.graph.outputs),
        "findings": [finding.to_json() for finding in report.findings],
        "unknowns": [check.to_json() for pack in report.packs for check in pack.undecided],
        "summary": report.summary(),
    }
    if report.baseline:
        data["gone"] = [{"pack": entry.pack, **entry.to_json()} for entry in report.gone]
    if report.changes is not None:
        data["changes"] = report.changes.to_json()
    return data
