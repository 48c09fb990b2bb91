"""The catalogue of controls says what the controls say."""

import re
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_policies.core import Control, Pass, Severity, catalogue, control, stack_control
from cloudpatterns_policies.core.catalogue import FILE, anchor, main
from cloudpatterns_policies.core.profiles import PACKS

META: dict[str, Any] = {"title": "Cs are *good*", "why": "`w` <x>", "remediation": "Set a_b to _c_.", "url": "https://example.com/c#1"}
BUCKETS = "cloudpatterns_policies.controls.object_storage"


def _of(module: str, found: Control) -> Control:
    found.check.__module__ = module
    return found


def _one() -> Control:
    details = {"type": "array", "default": ["a"], "description": "What * means."}
    decorate = control(
        **META,
        id="c-good",
        severity=Severity.HIGH,
        types=("a:b:C", "a:b:D"),
        frameworks={"FSBP": ("C.1", "C.2"), "Checkov": ("CKV_1",)},
        partial={"C.2": "all Ds"},
        config={"names": details, "days": {"type": "integer", "default": 7}},
    )
    return _of(BUCKETS, decorate(lambda resource: Pass()))


def test_an_entry_says_everything() -> None:
    text = catalogue.catalogue({"some": [_one()]})
    assert text[text.index("## S3") :] == (
        "## S3 buckets\n"
        "\n"
        "S3 buckets: not public, TLS only, encrypted with KMS keys, versioned, logged.\n"
        "\n"
        "### c-good\n"
        "\n"
        "**Cs are \\*good\\*** (high)\n"
        "\n"
        "- Looks at the inputs of: `a:b:C`, `a:b:D`\n"
        "- Why: \\`w\\` \\<x>\n"
        "- Remedy: Set a_b to \\_c\\_.\n"
        "- Link: <https://example.com/c#1>\n"
        "- Frameworks: FSBP C.1, C.2 (partial); Checkov CKV_1\n"
        "- Not covered: C.2: all Ds\n"
        "- Pack: `some`, mandatory in `dev`, mandatory in `prod`\n"
        '- Setting `names`, default `["a"]`: What \\* means.\n'
        "- Setting `days`, default `7`\n"
    )


def test_a_control_of_the_whole_stack_without_frameworks() -> None:
    decorate = stack_control(**META, id="c-stack", severity=Severity.MEDIUM)
    text = catalogue.catalogue({"some": [_of(BUCKETS, decorate(lambda stack: ()))]})
    assert "- Follows references of: the whole stack\n" in text
    assert "- Pack: `some`, advisory in `dev`, mandatory in `prod`\n" in text
    assert "Frameworks:" not in text
    assert "Not covered:" not in text


def test_a_control_that_is_shipped_disabled_says_why() -> None:
    decorate = stack_control(**META, id="c-off", severity=Severity.CRITICAL, disabled="it contradicts *another*.")
    text = catalogue.catalogue({"some": [_of(BUCKETS, decorate(lambda stack: ()))]})
    assert "- Pack: `some`, disabled in `dev`, disabled in `prod`\n- Shipped disabled: it contradicts \\*another\\*.\n" in text


def test_contents_are_in_order_and_figures_add_up() -> None:
    def made(id_: str, severity: Severity, module: str) -> Control:
        return _of(module, control(**META, id=id_, severity=severity, types=("a:b:C",))(lambda resource: Pass()))

    api = "cloudpatterns_policies.controls.api"
    first = [made("b-low", Severity.LOW, BUCKETS), made("z", Severity.LOW, api), made("a-low", Severity.LOW, BUCKETS)]
    text = catalogue.catalogue({"one": first, "two": [made("y-high", Severity.HIGH, BUCKETS)]})
    assert "| pack | critical | high | medium | low | all |\n|---|---|---|---|---|---|\n| `one` | 0 | 0 | 0 | 3 | 3 |\n" in text
    assert "| `two` | 0 | 1 | 0 | 0 | 1 |\n" in text
    assert (
        "## Contents\n\n- [API Gateway](#api-gateway): [z](#z)\n"
        "- [S3 buckets](#s3-buckets): [y-high](#y-high), [a-low](#a-low), [b-low](#b-low)\n\n## API" in text
    )
    assert re.findall(r"^### (.*)$", text, re.MULTILINE) == ["z", "y-high", "a-low", "b-low"]
    assert "Controls of severity high and above in `dev`, and of medium and above in `prod` are mandatory" in text


def test_a_module_without_a_docstring_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bare_module_of_a_test.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert "## bare module of a test\n\nbare module of a test\n" in catalogue.catalogue({"some": [_of("bare_module_of_a_test", _one())]})


def test_anchors_are_githubs() -> None:
    assert anchor("RDS, Aurora & DynamoDB: in-memory_x") == "rds-aurora--dynamodb-in-memory_x"


def test_the_catalogue_is_in_step_with_the_controls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_every_control_is_in_it_once_and_every_link_leads_somewhere() -> None:
    text = FILE.read_text(encoding="utf-8")
    headings = re.findall(r"^##+ (.*)$", text, re.MULTILINE)
    anchors = [anchor(heading) for heading in headings]
    assert len(anchors) == len(set(anchors)), "two headings with the same anchor"
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) == {*anchors} - {"contents"}
    assert sorted(re.findall(r"^### (.*)$", text, re.MULTILINE)) == sorted(item.id for controls in PACKS.values() for item in controls())


def test_the_command_writes_and_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(catalogue, "PACKS", {"some": lambda: [_one()]})
    file = tmp_path / "docs" / "controls.md"
    arguments = ["--file", str(file)]
    stale = f"{file}: out of date with the controls. Fix: make docs\n"
    assert (main([*arguments, "--check"]), capsys.readouterr().out) == (1, stale)
    assert not file.exists()
    assert (main(arguments), capsys.readouterr().out) == (0, f"{file}: rewritten\n")
    assert file.read_text() == catalogue.catalogue({"some": [_one()]})
    assert (main([*arguments, "--check"]), main(arguments), capsys.readouterr().out) == (0, 0, "")
    file.write_text("old")
    assert (main([*arguments, "--check"]), capsys.readouterr().out) == (1, stale)
