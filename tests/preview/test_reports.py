import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from offline_preview.findings import Control, Finding, PackReport, StackReport, Undecided
from offline_preview.graph import Graph, Resource
from offline_preview.reports import json_report, junit, sarif, terminal
from offline_preview.values import UNKNOWN

from tests.preview.conftest import STACK_URN, URN

LOGS = f"{URN}shop:index:Store$aws:s3/bucket:Bucket::logs"
REMEDY = "Set tags."


@pytest.fixture
def report(graph: Graph) -> StackReport:
    """Every kind of finding, in one pack."""
    controls = (
        Control(
            "tags", "own", "Buckets have tags", "Who pays?", "mandatory", "high", REMEDY, "https://example.com/tags", "CIS", ("CIS: 1",)
        ),
        Control("size", "own", "Sizes are small", "", "advisory", "low"),
        Control("off", "own", "Is off", "", "disabled", "low"),
        Control("open", "own", "Ports are closed", "", "mandatory", "critical", "Close it."),
    )
    findings = (
        Finding("tags", "own", "fail", "mandatory", "high", LOGS, f"has no tags. Remedy: {REMEDY} https://example.com/tags", REMEDY),
        Finding("tags", "own", "exempt", "advisory", "high", LOGS, "has no tags. Exempt until 2027.", REMEDY),
        Finding("size", "own", "fail", "advisory", "low", STACK_URN, "is large \x00<b>"),
        Finding(
            "open",
            "own",
            "unknown",
            "advisory",
            "critical",
            f"{URN}aws:rds/instance:Instance::db",
            "cannot be judged. If it fails then: Close it.",
        ),
        Finding("open", "own", "error", "mandatory", "critical", STACK_URN, "the control itself failed", "Close it."),
        Finding("new", "own", "fail", "advisory", "unspecified", STACK_URN, "is new"),
    )
    graph.named("logs").outputs["id"] = UNKNOWN
    return StackReport(graph, (PackReport("own", "1.0", Path("own"), controls, findings, 0.25),), 1.9)


def test_json_holds_the_whole_stack_without_its_secrets(report: StackReport) -> None:
    text = json_report.render([report])
    data = json.loads(text)
    assert list(data) == ["version", "project", "stack", "mode", "resources", "outputs", "findings", "unknowns", "summary"]
    assert data["outputs"] == {"url": "https://shop", "token": "[secret]"}
    resources = {resource["name"]: resource for resource in data["resources"]}
    assert {"urn", "type", "name", "custom", "parent", "inputs", "outputs", "dependencies", "propertyDependencies", "options"} <= set(
        resources["db"]
    )
    assert resources["db"]["inputs"] == {"password": "[secret]"}
    assert resources["logs"]["outputs"]["id"] == "[unknown]"
    assert data["findings"][0] == {
        "control": "open",
        "pack": "own",
        "verdict": "error",
        "level": "mandatory",
        "severity": "critical",
        "urn": STACK_URN,
        "message": "the control itself failed",
        "remediation": "Close it.",
    }
    exempt = [found for found in data["findings"] if found["verdict"] == "exempt"]
    assert [(found["control"], found["level"], found["message"]) for found in exempt] == [
        ("tags", "advisory", "has no tags. Exempt until 2027.")
    ]
    assert data["summary"]["mandatory"] == 2
    assert "correct horse" not in text
    assert "hunter22" not in text


@pytest.fixture
def undecided(graph: Graph) -> StackReport:
    """A pack that sums its unknowns up in one finding and names them beside it."""
    controls = (Control("closed", "own", "Buckets are closed", severity="high"), Control("unknowns", "own", severity="low"))
    line = Finding("unknowns", "own", "unknown", "advisory", "low", STACK_URN, "2 checks of 1 control cannot be decided.")
    checks = tuple(Undecided("closed", "own", "high", urn, path) for urn, path in ((LOGS, "acl"), (LOGS, "policy of x")))
    return StackReport(graph, (PackReport("own", "1.0", Path("own"), controls, (line,), undecided=checks),))


def test_json_shows_every_unknown_with_its_path(undecided: StackReport) -> None:
    data = json.loads(json_report.render([undecided]))
    assert [finding["control"] for finding in data["findings"]] == ["unknowns"]
    assert data["unknowns"] == [
        {"control": "closed", "severity": "high", "urn": LOGS, "path": "acl"},
        {"control": "closed", "severity": "high", "urn": LOGS, "path": "policy of x"},
    ]
    assert (data["summary"]["unknown"], data["summary"]["compliant"]) == (2, True)


def test_sarif_shows_every_unknown_as_an_open_result(undecided: StackReport) -> None:
    results = json.loads(sarif.render([undecided]))["runs"][0]["results"]
    assert [(result["ruleId"], result["kind"], result["level"]) for result in results] == [
        ("own/closed", "open", "none"),
        ("own/closed", "open", "none"),
        ("own/unknowns", "open", "none"),
    ]
    assert results[0]["message"]["text"] == "logs: cannot be checked before deployment, because acl is unknown until then."


def test_junit_shows_every_unknown_at_its_control(undecided: StackReport) -> None:
    root = ElementTree.fromstring(junit.render([undecided]).encode())
    assert (root.get("tests"), root.get("failures")) == ("2", "0")
    text = "unknown: logs: cannot be checked before deployment, because {} is unknown until then.\n    " + LOGS
    assert root.findtext(".//testcase[@name='closed']/system-out") == "\n".join(text.format(path) for path in ("acl", "policy of x"))


def test_the_terminal_shows_unknowns_in_one_line(undecided: StackReport) -> None:
    text = shown(undecided)
    assert " UNKNOWN  shop-dev\n  \N{BULLET} 2 checks of 1 control cannot be decided.  unknowns  advisory" in text
    assert text.splitlines()[-1].endswith("compliant: 0 mandatory, 0 advisory, 2 unknown; no profile  (0.0 s)")


def test_json_of_several_stacks_is_a_list(report: StackReport) -> None:
    assert [stack["stack"] for stack in json.loads(json_report.render([report, report]))] == ["dev", "dev"]


def test_sarif_has_a_rule_for_every_control_and_a_result_for_every_finding(report: StackReport) -> None:
    data = json.loads(sarif.render([report]))
    assert (data["version"], data["$schema"]) == ("2.1.0", sarif.SCHEMA)
    (run,) = data["runs"]
    assert run["automationDetails"] == {"id": "offline-preview/shop/dev/"}
    assert run["properties"] == {"profile": "no profile"}
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["own/tags", "own/size", "own/off", "own/open", "own/new"]
    assert rules[0] == {
        "id": "own/tags",
        "name": "tags",
        "shortDescription": {"text": "Buckets have tags"},
        "fullDescription": {"text": "Who pays?"},
        "help": {"text": REMEDY, "markdown": f"{REMEDY}\n\n[Buckets have tags](https://example.com/tags)"},
        "defaultConfiguration": {"level": "error", "enabled": True},
        "properties": {"tags": ["CIS: 1"], "severity": "high", "security-severity": "8.0"},
        "helpUri": "https://example.com/tags",
    }
    assert rules[2]["defaultConfiguration"] == {"level": "warning", "enabled": False}
    results = run["results"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in results)
    assert [(result["ruleId"], result["kind"], result["level"]) for result in results] == [
        ("own/open", "fail", "error"),
        ("own/tags", "fail", "error"),
        ("own/open", "open", "none"),
        ("own/tags", "fail", "warning"),
        ("own/size", "fail", "warning"),
        ("own/new", "fail", "warning"),
    ]
    assert [result["suppressions"] for result in results if "suppressions" in result] == [
        [{"kind": "external", "status": "accepted", "justification": "has no tags. Exempt until 2027."}]
    ]
    assert len({result["partialFingerprints"]["controlAndResource/v1"] for result in results}) == len(results)


def test_sarif_points_at_the_programs_line_or_the_project(report: StackReport) -> None:
    report.graph.named("logs").source = "a folder/störe.py:7"
    results = json.loads(sarif.render([report], "Pulumi.json"))["runs"][0]["results"]
    assert results[1]["message"] == {"text": f"logs: has no tags. Remedy: {REMEDY} https://example.com/tags"}
    assert results[1]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "a%20folder/st%C3%B6re.py", "uriBaseId": "PROJECTROOT"},
                "region": {"startLine": 7},
            },
            "logicalLocations": [{"name": "logs", "fullyQualifiedName": LOGS, "kind": "resource"}],
        }
    ]
    assert results[0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "Pulumi.json", "uriBaseId": "PROJECTROOT"},
        "region": {"startLine": 1},
    }
    assert results[1]["properties"] == {"severity": "high", "resourceType": "s3.Bucket"}


def test_junit_has_a_suite_for_every_pack_and_a_case_for_every_control(report: StackReport) -> None:
    root = ElementTree.fromstring(junit.render([report, report]).encode())
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("skipped"), root.get("time")) == (
        "testsuites",
        "10",
        "4",
        "2",
        "0.500",
    )
    suite = root[0]
    assert {key: suite.get(key) for key in ("name", "tests", "failures", "errors", "skipped", "time")} == {
        "name": "dev.own",
        "tests": "5",
        "failures": "2",
        "errors": "0",
        "skipped": "1",
        "time": "0.250",
    }
    assert [(one.get("name"), one.get("value")) for one in suite.iterfind("properties/property")] == [("profile", "none")]
    cases = {case.get("name"): case for case in suite.iterfind("testcase")}
    assert {name: [child.tag for child in case] for name, case in cases.items()} == {
        "tags": ["failure", "system-out"],
        "size": ["system-out"],
        "off": ["skipped"],
        "open": ["failure", "system-out"],
        "new": ["system-out"],
    }
    failure = cases["tags"][0]
    assert (failure.get("message"), failure.get("type")) == ("Buckets have tags: 1 mandatory finding", "high")
    assert failure.text == f"mandatory: logs: has no tags. Remedy: {REMEDY} https://example.com/tags\n    {LOGS}"
    assert cases["size"][0].text == f"advisory: shop-dev: is large \ufffd<b>\n    {STACK_URN}"
    assert str(cases["tags"][1].text).startswith("exempt: logs: ")


def test_junit_counts_findings_of_one_control(report: StackReport) -> None:
    (pack,) = report.packs
    twice = StackReport(report.graph, (PackReport("own", "1.0", Path("own"), pack.controls, (pack.findings[0], pack.findings[0])),))
    root = ElementTree.fromstring(junit.render([twice]).encode())
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("message") == "Buckets have tags: 2 mandatory findings"


def test_junit_skips_no_control_that_found_something(report: StackReport) -> None:
    (pack,) = report.packs
    finding = Finding("off", "own", "fail", "advisory", "low", STACK_URN, "is on")
    one = StackReport(report.graph, (PackReport("own", "1.0", Path("own"), pack.controls, (finding,)),))
    suite = ElementTree.fromstring(junit.render([one]).encode())[0]
    assert suite.get("skipped") == "0"


def shown(*reports: StackReport, width: int = 100) -> str:
    """What the terminal view prints, without colours."""
    out = terminal.console(width)
    with out.capture() as capture:
        terminal.show(out, reports)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def test_the_terminal_shows_tree_findings_and_verdict(report: StackReport) -> None:
    report.graph.resources.append(
        Resource(f"{URN}shop:index:Store$aws:s3/bucket:Bucket$aws:sqs/queue:Queue::q", "aws:sqs/queue:Queue", "q", True, parent=LOGS)
    )
    assert (
        shown(report)
        == """\
shop / dev
├── Store store  3 resources
│   ├── s3.Bucket logs  2 resources
│   │   └── sqs.Queue
│   └── s3.Bucket
└── rds.Instance

 CRITICAL  shop-dev
  • the control itself failed  open  mandatory

 HIGH  s3.Bucket logs  store.py:7
  • has no tags.  tags  mandatory
  → Set tags.
    https://example.com/tags

 LOW  shop-dev
  • is large <b>  size  advisory

 UNSPECIFIED  shop-dev
  • is new  new  advisory

 UNKNOWN  rds.Instance db
  • cannot be judged.  open  advisory
  → Close it.

 EXEMPT  s3.Bucket logs  store.py:7
  • has no tags. Exempt until 2027.  tags  advisory
  → Set tags.
    https://example.com/tags

dev  4 resources, 1 component  NOT COMPLIANT: 2 mandatory, 2 advisory, 1 unknown, 1 exempt; no profile  (1.9 s)"""
    )


def test_equal_types_are_counted(graph: Graph) -> None:
    assert "└── s3.Bucket \N{MULTIPLICATION SIGN}2" in shown(StackReport(graph))


def test_verdicts_stand_below_each_other(graph: Graph) -> None:
    production = Graph("shop", "production", [])
    lines = shown(StackReport(graph, (PackReport("own", "1", Path("own")),), 0.04), StackReport(production, (), 2)).splitlines()
    assert lines[-2:] == [
        "dev         3 resources, 1 component  compliant: 0 mandatory, 0 advisory; no profile  (0.0 s)",
        "production  0 resources, 0 components  no policy packs  (2.0 s)",
    ]


def test_the_verdict_stays_on_one_line_in_a_narrow_terminal(report: StackReport) -> None:
    (line,) = [line for line in shown(report, width=40).splitlines() if "COMPLIANT" in line]
    assert (line[:5], line[-7:]) == ("dev  ", "(1.9 s)")


def test_a_console_that_is_no_terminal_has_a_fixed_width_unless_one_is_given_and_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns, width in (("", 120), ("80", 80), ("300", 120), ("wide", 120)):
        monkeypatch.setenv("COLUMNS", columns)
        out = terminal.console()
        assert (out.width, out.is_terminal, out.color_system) == (width, False, None)
    assert terminal.console(stderr=True).stderr


def test_a_wide_terminal_is_not_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    for columns, width in (("300", 120), ("80", 80)):
        monkeypatch.setenv("COLUMNS", columns)
        assert terminal.console().width == width
