"""The SARIF 2.1.0 report, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/.

One run for each stack. A control is a rule; a finding is a result at the program's line that created the resource. An exempted finding is a
suppressed result, an undecided one has the kind ``open``. With a baseline, a known result is ``unchanged`` and every other ``new``.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any, Final
from urllib.parse import quote

from offline_preview.findings import Control, Finding, StackReport, short_name, short_type, type_of

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT: Final = "PROJECTROOT"
# Scores by which GitHub code scanning sorts: 9.0 and up critical, 7.0 high, 4.0 medium, above 0.0 low.
_SCORES: Final = {"critical": "9.5", "high": "8.0", "medium": "5.0", "low": "2.0"}


def render(reports: Sequence[StackReport], project_file: str = "Pulumi.yaml") -> str:
    """The report of all stacks. A finding whose resource has no source line is placed at the project's file."""
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report, project_file) for report in reports]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _run(report: StackReport, project_file: str) -> dict[str, Any]:
    controls = {(control.pack, control.name): control for pack in report.packs for control in pack.controls}
    findings = report.all_findings
    for finding in findings:
        controls.setdefault((finding.pack, finding.control), Control(finding.control, finding.pack))
    compared = bool(report.baseline) or any(finding.verdict == "known" for finding in findings)
    index = {key: position for position, key in enumerate(controls)}
    resources = {resource.urn: resource for resource in report.graph.resources}
    return {
        "tool": {
            "driver": {
                "name": "offline-preview",
                "version": metadata.version("offline-preview"),
                "rules": [_rule(control) for control in controls.values()],
            }
        },
        "automationDetails": {"id": f"offline-preview/{report.graph.project}/{report.stack}/"},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder of the Pulumi project."}}},
        "columnKind": "unicodeCodePoints",
        # No result is "absent": code scanning would show what is gone as open.
        "properties": {"profile": report.profiles, **({"gone": [entry.to_json() for entry in report.gone]} if report.baseline else {})},
        "results": [
            _result(finding, index, resources[finding.urn].source if finding.urn in resources else "", project_file, compared)
            for finding in findings
        ],
    }


def rule_id(control: Control | Finding) -> str:
    """A rule's id: pack and control, since two packs may have a control of the same name."""
    return f"{control.pack}/{control.name if isinstance(control, Control) else control.control}"


def _rule(control: Control) -> dict[str, Any]:
    title = control.title or control.name
    remedy = control.remediation or control.description or title
    rule: dict[str, Any] = {
        "id": rule_id(control),
        "name": control.name,
        "shortDescription": {"text": title},
        "fullDescription": {"text": control.description or title},
        "help": {"text": remedy, "markdown": f"{remedy}\n\n[{title}]({control.url})" if control.url else remedy},
        "defaultConfiguration": {"level": _level(control.level), "enabled": control.level != "disabled"},
        "properties": {"tags": sorted(control.tags), "severity": control.severity},
    }
    if control.url:
        rule["helpUri"] = control.url
    if control.severity in _SCORES:
        rule["properties"]["security-severity"] = _SCORES[control.severity]
    return rule


def _level(level: str) -> str:
    return "error" if level in ("mandatory", "remediate") else "warning"


def _result(finding: Finding, index: Mapping[tuple[str, str], int], source: str, project_file: str, compared: bool) -> dict[str, Any]:
    path, _, line = source.rpartition(":")
    kind = "open" if finding.verdict == "unknown" else "fail"
    result: dict[str, Any] = {
        "ruleId": rule_id(finding),
        "ruleIndex": index[finding.pack, finding.control],
        "kind": kind,
        # SARIF allows no other level than "none" for a result that is not a failure.
        "level": "none" if kind == "open" else _level(finding.level),
        "message": {"text": f"{short_name(finding.urn)}: {finding.message}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(path or project_file), "uriBaseId": _ROOT},
                    "region": {"startLine": int(line) if line.isdigit() and int(line) > 0 else 1},
                },
                "logicalLocations": [
                    {"name": short_name(finding.urn), "fullyQualifiedName": finding.urn, "kind": "resource"},
                ],
            }
        ],
        "partialFingerprints": {"controlAndResource/v1": _fingerprint(finding)},
        "properties": {"severity": finding.severity, "resourceType": short_type(type_of(finding.urn))},
    }
    if compared:
        result["baselineState"] = "unchanged" if finding.verdict == "known" else "new"
    if finding.verdict == "exempt":
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": finding.message}]
    return result


def _fingerprint(finding: Finding) -> str:
    text = "\n".join((rule_id(finding), finding.urn, finding.message))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
