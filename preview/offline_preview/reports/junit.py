"""The JUnit XML report: one test suite for each stack and pack, one test case for each control.

A control with a mandatory finding fails; advisory, unknown, known and exempted findings are the test case's output, so that they do not
fail a build that the deployment itself would pass. A disabled control is skipped.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from offline_preview.findings import Control, Finding, PackReport, StackReport, short_name

# Characters that XML 1.0 does not allow.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(reports: Sequence[StackReport]) -> str:
    """The report of all stacks, as one document."""
    root = ElementTree.Element("testsuites", {"name": "offline-preview"})
    for report in reports:
        for pack in report.packs:
            root.append(_suite(report, pack))
    suites = list(root)
    for attribute in ("tests", "failures", "skipped"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in suites)))
    root.set("errors", "0")
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(report: StackReport, pack: PackReport) -> ElementTree.Element:
    findings = pack.all_findings
    names = dict.fromkeys([control.name for control in pack.controls] + [finding.control for finding in findings])
    cases = [_case(report.stack, pack.control(name), [finding for finding in findings if finding.control == name]) for name in names]
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": _text(f"{report.stack}.{pack.name}"),
            "tests": str(len(cases)),
            "failures": str(sum(case.find("failure") is not None for case in cases)),
            "errors": "0",
            "skipped": str(sum(case.find("skipped") is not None for case in cases)),
            "time": f"{pack.seconds:.3f}",
        },
    )
    properties = ElementTree.SubElement(suite, "properties")
    ElementTree.SubElement(properties, "property", {"name": "profile", "value": _text(pack.profile.stem if pack.profile else "none")})
    suite.extend(cases)
    return suite


def _case(stack: str, control: Control, findings: Sequence[Finding]) -> ElementTree.Element:
    case = ElementTree.Element("testcase", {"classname": _text(f"{stack}.{control.pack}"), "name": _text(control.name), "time": "0"})
    blocking = [finding for finding in findings if finding.blocks]
    if control.level == "disabled" and not findings:
        ElementTree.SubElement(case, "skipped", {"message": "disabled by the profile"})
    if blocking:
        count = f"{len(blocking)} mandatory finding{'s' if len(blocking) > 1 else ''}"
        failure = ElementTree.SubElement(
            case, "failure", {"message": _text(f"{control.title or control.name}: {count}"), "type": control.severity}
        )
        failure.text = _lines(blocking)
    if others := [finding for finding in findings if not finding.blocks]:
        ElementTree.SubElement(case, "system-out").text = _lines(others)
    return case


def _lines(findings: Sequence[Finding]) -> str:
    return _text("\n".join(_line(finding) for finding in findings))


def _line(finding: Finding) -> str:
    kind = finding.level if finding.verdict == "fail" else finding.verdict
    return f"{kind}: {short_name(finding.urn)}: {finding.message}\n    {finding.urn}"


def _text(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
