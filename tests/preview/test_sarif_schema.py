"""The SARIF report holds to the schema of SARIF 2.1.0, and its results point at the lines that make the resources."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft4Validator, FormatChecker
from offline_preview import cli
from offline_preview.findings import Control, Finding, PackReport, StackReport, Verdict
from offline_preview.graph import Graph
from offline_preview.reports import sarif

from tests.program import ROOT, copy_project
from tests.test_broken_variants import VARIANTS

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
VALIDATOR = Draft4Validator(SCHEMA, format_checker=FormatChecker())
LEVELS = ["none", "note", "warning", "error"]
NAME = "the database's port open to both halves of everybody"


def _wrong(document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Any]:
    """The lines of a broken variant's program, and the SARIF report on both of its stacks."""
    folder = copy_project(tmp_path_factory.mktemp("sarif") / "project", VARIANTS[NAME].before, VARIANTS[NAME].after)
    packs = [part for pack in ("security", "operations") for part in ("--policy-pack", str(ROOT / "policies" / pack))]
    target = folder / "out.sarif"
    assert cli.main(["--project", str(folder), "--as", "preview", *packs, "--sarif", str(target)]) == 1
    return (folder / "__main__.py").read_text(encoding="utf-8").splitlines(), json.loads(target.read_text(encoding="utf-8"))


def test_the_report_on_real_stacks_is_valid(report: tuple[list[str], Any]) -> None:
    _, document = report
    assert _wrong(document) == []
    assert [len(run["results"]) > 5 for run in document["runs"]] == [True, True]


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_a_finding_of_every_verdict_is_valid(verdict: Verdict, graph: Graph) -> None:
    control = Control("tags", "own", "Buckets have tags", "Who pays?", "mandatory", "high", "Set tags.", "https://example.com/tags")
    finding = Finding("tags", "own", verdict, "advisory", "high", graph.named("logs").urn, "has no tags", "Set tags.")
    document = json.loads(sarif.render([StackReport(graph, (PackReport("own", "1.0", Path("own"), (control,), (finding,)),))]))
    assert _wrong(document) == []
    assert len(document["runs"][0]["results"]) == 1


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("version",), "2.0.0", "$.version: '2.0.0' is not one of ['2.1.0']"),
        (
            ("runs", 0, "results", 0, "level"),
            "fatal",
            "$.runs[0].results[0].level: 'fatal' is not one of " + str(LEVELS),
        ),
        (("runs", 0, "results", 0, "line"), 1, "$.runs[0].results[0]: Additional properties are not allowed ('line' was unexpected)"),
    ],
)
def test_the_schema_is_not_toothless(report: tuple[list[str], Any], path: tuple[Any, ...], value: Any, message: str) -> None:
    document = json.loads(json.dumps(report[1]))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert _wrong(document) == [message]


def test_results_point_at_the_line_that_makes_the_resource(report: tuple[list[str], Any]) -> None:
    lines, document = report
    for run in document["runs"]:
        placed = {}
        for result in run["results"]:
            (location,) = result["locations"]
            physical = location["physicalLocation"]
            placed[location["logicalLocations"][0]["name"]] = (physical["artifactLocation"]["uri"], physical["region"]["startLine"])
        for name in ("low", "high"):
            uri, line = placed[name]
            assert uri == "__main__.py"
            assert lines[line - 1].startswith(f"aws.vpc.SecurityGroupIngressRule('{name}'")
