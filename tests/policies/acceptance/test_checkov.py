"""What Checkov fails is compared with the explanations; Checkov itself runs by a command of its own."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_policies.acceptance.translate import Template, translate

from tests.policies.acceptance import checkov
from tests.policies.acceptance.checkov import Explanation, Failure
from tests.policies.helpers import resource, stack
from tests.program import program_graph

BUCKET, QUEUE = "aws:s3/bucket:Bucket", "aws:sqs/queue:Queue"
LOGS = Failure("CKV_AWS_18", BUCKET, "web-logs-bucket", "Ensure the S3 bucket has access logging enabled")


def template() -> Template:
    return translate(stack(resource(BUCKET, "web-logs-bucket"), resource(QUEUE, "orders")))


def told(*checks: tuple[str, str], **summary: Any) -> dict[str, Any]:
    """A report in Checkov's form."""
    failed = [{"check_id": check, "check_name": LOGS.title, "resource": name} for check, name in checks]
    counts = {"passed": 3, "failed": len(failed), "parsing_errors": 0, "resource_count": 2, "checkov_version": "3.0", **summary}
    return {"check_type": "cloudformation", "results": {"failed_checks": failed}, "summary": counts}


def fake(folder: Path, text: str, code: int = 0) -> str:
    """A command that prints a text."""
    file = folder / "checkov"
    file.write_text(f"#!{sys.executable}\nimport sys\nprint({text!r})\nsys.exit({code})\n")
    file.chmod(0o755)
    return str(file)


def test_each_explanation_is_of_resources_of_the_prod_stack() -> None:
    rows = checkov.explanations()
    section = checkov.PAGE.read_text(encoding="utf-8").split("\n## What Checkov says\n")[1].split("\n## ")[0]
    assert len(rows) == sum(line.startswith("| `") for line in section.splitlines()) > 0
    known = [Failure(row.check, one.type, one.name, "") for one in program_graph("prod").resources for row in rows]
    assert checkov.compare(known, rows)[1] == []


def test_failures_are_on_the_programs_resources_once() -> None:
    report = told(("CKV_AWS_18", "AWS::S3::Bucket.R0"), ("CKV_AWS_18", "AWS::S3::Bucket.R0"))
    assert checkov.failures(report, template()) == [LOGS]


@pytest.mark.parametrize(
    "row", [("CKV_AWS_19", BUCKET, "*-logs-bucket"), ("CKV_AWS_18", QUEUE, "*-logs-bucket"), ("CKV_AWS_18", BUCKET, "*-logs")]
)
def test_a_row_about_something_else_explains_nothing(row: tuple[str, str, str]) -> None:
    other = Explanation(*row, "why")
    assert checkov.compare([LOGS], [other]) == ([LOGS], [other])
    assert checkov.compare([LOGS], [Explanation("CKV_AWS_18", BUCKET, "*-logs-bucket", "why")]) == ([], [])


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, report: str, rows: list[Explanation], code: int = 0) -> int:
    monkeypatch.setattr(checkov, "explanations", lambda: rows)
    monkeypatch.setattr(checkov, "translate", lambda sent: template())
    monkeypatch.setattr(checkov, "sent", lambda graph: None)
    monkeypatch.setattr(checkov, "program_graph", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["checkov", fake(folder, report, code)])
    return checkov.main()


def test_what_the_command_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row, other = Explanation("CKV_AWS_18", BUCKET, "*-logs-bucket", "why"), Explanation("CKV_AWS_27", QUEUE, "*", "why")
    report = told(("CKV_AWS_18", "AWS::S3::Bucket.R0"))
    assert run(monkeypatch, tmp_path, json.dumps(report), [row]) == 0
    last = "Checkov 3.0: 2 resources, 3 checks passed, 1 failed, {} of these explained; 0 resources have no such form\n"
    assert capsys.readouterr().out == last.format(1)
    assert run(monkeypatch, tmp_path, json.dumps(report), [other]) == 1
    assert capsys.readouterr().out == (
        f"not explained: CKV_AWS_18 ({LOGS.title}) on web-logs-bucket, {BUCKET}\n"
        f"explains nothing that fails: CKV_AWS_27 on *, {QUEUE}\n{last.format(0)}"
    )


@pytest.mark.parametrize(
    ("report", "code", "message"),
    [
        (json.dumps(told(parsing_errors=1)), 0, "did not read the whole template"),
        (json.dumps(told(resource_count=1)), 0, "did not read the whole template"),
        ("no such option", 2, "gave no report (exit code 2)"),
        ("[]", 0, "gave no report (exit code 0)"),
    ],
)
def test_a_report_that_is_not_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, report: str, code: int, message: str) -> None:
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, tmp_path, report, [], code)
    assert message in str(stop.value)


def test_no_such_command(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="see the head of this file"):
        checkov.report(template(), str(tmp_path / "checkov"))
