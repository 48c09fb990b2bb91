"""The page docs/acceptance.md is what the pack does."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from cloudpatterns_policies.acceptance.controls.accepted import accepted_value
from cloudpatterns_policies.core.pack import Pack

from tests.policies.acceptance import docs
from tests.policies.acceptance.coverage import coverage
from tests.policies.helpers import UNKNOWN, resource, stack
from tests.program import ROOT


def test_the_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    """Takes seconds: the stacks, components and examples run."""
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE))
    if version("pulumi-aws") != pinned["pulumi-aws"]:
        pytest.skip("the page is of the pinned version")
    assert docs.main(["--check"]) == 0, capsys.readouterr().out


def test_the_page_is_written_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(docs, "PAGE", tmp_path / "acceptance.md")
    monkeypatch.setattr(docs, "ours", lambda: coverage([stack(resource("aws:sqs/queue:Queue", "x", {"name": "orders"}))]))
    assert docs.main(["--check"]) == 1
    assert capsys.readouterr().out == f"{docs.PAGE}: out of date. Fix: python -m tests.policies.acceptance.docs\n"
    assert docs.main([]) == 0
    assert capsys.readouterr().out == f"{docs.PAGE}: rewritten\n"
    assert docs.main(["--check"]) == 0
    assert docs.main([]) == 0
    assert capsys.readouterr().out == ""


def test_its_example_is_what_the_pack_reports() -> None:
    code = {"role": UNKNOWN, "s3Bucket": "releases-of-the-shop", "s3Key": "app.zip", "runtime": "python3.13", "handler": "app.main"}
    pack = Pack([accepted_value], keep_inputs=True)
    jobs = resource("aws:lambda/function:Function", "jobs", {**code, "memorySize": 64})
    pack.analyze(jobs)
    [finding] = pack.analyze_stack(stack(jobs)).findings
    [example] = re.findall(r"```text\n(.*?)\n```", docs.PAGE.read_text(encoding="utf-8"), re.DOTALL)
    reported = f"{jobs.name}: {finding.message.partition(' Remedy: ')[0]}"
    assert example.split() == reported.split()


def test_each_type_of_the_sdk_is_counted_once() -> None:
    found = docs.services()
    assert sum(len(types) for kinds in found.values() for types in kinds.values()) == len(docs.tokens())
    assert "Function" in found["lambda"][docs.FORM]
    assert "RestApiPolicy*" in found["apigateway"][docs.NOT]


def test_what_is_not_judged_of_our_own_is_named() -> None:
    queue = resource("aws:sqs/queue:Queue", "x", {"name": "orders", "forceDestroy": True, "nothing": 1})
    other = resource("aws:ec2/ami:Ami", "y", {"name": "image"})
    found = docs._ours(coverage([stack(queue, other)]))
    assert found == {
        "our_types": 2,
        "our_properties": 3,
        "type_share": "50 %",
        "property_share": "33 %",
        "ours": "| `aws:ec2/ami:Ami` | the whole type |\n| `aws:sqs/queue:Queue` | `nothing` |",
    }


def test_programs_of_others_are_a_section_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(docs, "FOREIGN", tmp_path / "foreign.json")
    assert docs._foreign() == ""
    source = {"name": "pulumi/examples", "revision": "0123456", "programs": 2, "resources": 30}
    docs.FOREIGN.write_text(json.dumps({"sources": [source], "alarms": []}))
    assert "| pulumi/examples | 0123456 | 2 | 30 |\n\nThe pack refuses nothing of them.\n\n" in docs._foreign()
    alarm = {"program": "web", "type": "aws:sqs/queue:Queue", "property": "name", "rule": "E2504", "why": "a | b"}
    docs.FOREIGN.write_text(json.dumps({"sources": [source], "alarms": [alarm]}))
    assert docs._foreign().endswith("|---|---|---|---|---|\n| web | `aws:sqs/queue:Queue` | `name` | `E2504` | a \\| b |\n\n")
