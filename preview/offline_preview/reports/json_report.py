"""The JSON report: what ``--json`` writes."""

import json
from collections.abc import Sequence
from typing import Any

from offline_preview.findings import StackReport
from offline_preview.values import shown


def render(reports: Sequence[StackReport]) -> str:
    """One object for one stack, a list of objects for several. Secrets are ``[secret]``, unknown values ``[unknown]``."""
    stacks = [_stack(report) for report in reports]
    return json.dumps(stacks[0] if len(stacks) == 1 else stacks, indent=2, ensure_ascii=False) + "\n"


def _stack(report: StackReport) -> dict[str, Any]:
    return {
        "stack": report.stack,
        "resources": [resource.shown() for resource in report.graph.resources],
        "outputs": shown(report.graph.outputs),
        "findings": [finding.to_json() for finding in report.findings],
        "unknowns": [check.to_json() for pack in report.packs for check in pack.undecided],
        "summary": report.summary(),
    }
