"""What Checkov fails of the prod stack in CloudFormation's form, and whether docs/testing.md explains it.

    python -m tests.policies.acceptance.checkov [CHECKOV]

`CHECKOV` is the command, by default the one on PATH. It takes minutes to install and has a hundred dependencies, so that it belongs in an
environment of its own: `python3 -m venv ~/checkov && ~/checkov/bin/pip install checkov==3.3.30`. The explanations were written with that
version. Ends with 1 when a failure is not explained, or an explanation is of nothing that fails.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from cloudpatterns_policies.acceptance.translate import Template, translate

from tests.policies.acceptance.test_accepted import sent
from tests.program import ROOT, program_graph

PAGE = ROOT / "docs" / "testing.md"
_ROW = re.compile(r"^\| `(CKV2?_AWS_\d+)` \| `(aws:[\w/:]+)` \| `([^`|]+)` \| ([^|]+) \|$", re.MULTILINE)


class Explanation(NamedTuple):
    """A row of the table in docs/testing.md."""

    check: str
    type: str
    names: str
    """The resources' names, with `*` for any text."""
    why: str


class Failure(NamedTuple):
    """What Checkov fails, on the program's resource."""

    check: str
    type: str
    name: str
    title: str
    """What the check is about, in Checkov's words."""

    def is_explained_by(self, row: Explanation) -> bool:
        """Whether a row is about it."""
        return (self.check, self.type) == (row.check, row.type) and fnmatchcase(self.name, row.names)


def explanations() -> list[Explanation]:
    """The table in docs/testing.md."""
    return [Explanation(*row) for row in _ROW.findall(PAGE.read_text(encoding="utf-8"))]


def failures(report: Any, template: Template) -> list[Failure]:
    """The failed checks of Checkov's report in JSON, sorted."""
    found = set()
    for check in report["results"]["failed_checks"]:
        resource, _ = template.origin(check["resource"].rpartition(".")[2], ())
        found.add(Failure(check["check_id"], resource.type, resource.name, check["check_name"]))
    return sorted(found)


def compare(found: Iterable[Failure], rows: Iterable[Explanation]) -> tuple[list[Failure], list[Explanation]]:
    """The failures that no row explains, and the rows that explain none."""
    found, rows = list(found), list(rows)
    unexplained = [failure for failure in found if not any(map(failure.is_explained_by, rows))]
    return unexplained, [row for row in rows if not any(failure.is_explained_by(row) for failure in found)]


def report(template: Template, command: str) -> Any:
    """Checkov's report on a template, in JSON. It is asked for nothing that needs a network."""
    path = shutil.which(command)
    if path is None:
        raise SystemExit(f"there is no {command}; see the head of this file")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prod.json"
        file.write_text(json.dumps(template.document), encoding="utf-8")
        options = ("--framework", "cloudformation", "--file", file, "--output", "json", "--compact", "--skip-download", "--soft-fail")
        run = subprocess.run([os.path.abspath(path), *options], capture_output=True, text=True, check=False, cwd=folder)
    if run.returncode or not run.stdout.startswith("{"):
        raise SystemExit(f"{command} gave no report (exit code {run.returncode}): {run.stderr[-500:]}")
    return json.loads(run.stdout)


def main() -> int:
    """Prints the figures and what is not explained; returns the exit code."""
    template = translate(sent(program_graph("prod")))
    told = report(template, sys.argv[1] if len(sys.argv) > 1 else "checkov")
    if told["summary"]["parsing_errors"] or told["summary"]["resource_count"] != len(template.document["Resources"]):
        raise SystemExit(f"Checkov did not read the whole template: {told['summary']}")
    found = failures(told, template)
    unexplained, unused = compare(found, explanations())
    for failure in unexplained:
        print(f"not explained: {failure.check} ({failure.title}) on {failure.name}, {failure.type}")
    for row in unused:
        print(f"explains nothing that fails: {row.check} on {row.names}, {row.type}")
    summary = told["summary"]
    print(
        f"Checkov {summary['checkov_version']}: {summary['resource_count']} resources, {summary['passed']} checks passed, "
        f"{len(found)} failed, {len(found) - len(unexplained)} of these explained; {len(template.not_judged)} resources have no such form"
    )
    return 1 if unexplained or unused else 0


if __name__ == "__main__":
    sys.exit(main())
