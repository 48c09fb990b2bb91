"""The command on an exported stack, from end to end."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from offline_preview import cli

from tests.preview.test_cli import PACK

Write = Callable[..., Path]

EXPORT = {
    "version": 3,
    "deployment": {
        "resources": [
            {"urn": "urn:pulumi:prod::other::pulumi:pulumi:Stack::other-prod", "custom": False, "type": "pulumi:pulumi:Stack"},
            {
                "urn": "urn:pulumi:prod::other::aws:s3/bucket:Bucket::store-logs",
                "custom": True,
                "type": "aws:s3/bucket:Bucket",
                "inputs": {"bucket": "logs"},
                "outputs": {"bucket": "logs", "arn": "arn:aws:s3:::logs"},
            },
        ],
        "pending_operations": [
            {"resource": {"urn": "urn:pulumi:prod::other::a:b:C::c", "custom": True, "type": "a:b:C"}, "type": "updating"}
        ],
    },
}


@pytest.fixture
def exported(pack: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The export of a stack ``prod``, in the current folder, which has a pack but no project."""
    policies = pack(PACK, "policies/own")
    (policies / "prod.json").write_text('{"arns": "mandatory"}')
    file = tmp_path / "export.json"
    file.write_text(json.dumps(EXPORT))
    monkeypatch.chdir(tmp_path)
    return file


def run_state(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["--state", *arguments])
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def test_an_exported_stack_is_judged_by_the_profile_of_its_name(exported: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run_state(capfd, "export.json", "--json", "report.json", "--sarif", "report.sarif", "--junit", "report.junit")
    assert code == 1
    assert err == (
        "note: export.json: updating urn:pulumi:prod::other::a:b:C::c was not finished when the stack was exported."
        " Fix: pulumi refresh, then export again.\n"
    )
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0] == "other / prod"
    assert lines[-1].startswith("prod  1 resource, 0 components  NOT COMPLIANT: 2 mandatory, 0 advisory; profile prod  (")
    report = json.loads(exported.with_name("report.json").read_text())
    assert [(found["control"], found["level"], found["message"]) for found in report["findings"]] == [
        ("tags", "mandatory", "Buckets have tags\nbucket has no tags"),
        ("arns", "mandatory", "ARNs are right\nARN is arn:aws:s3:::logs"),
    ]
    sarif = json.loads(exported.with_name("report.sarif").read_text())["runs"][0]["results"][0]
    assert sarif["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "export.json"
    assert '<testsuite name="prod.own" tests="2" failures="2"' in exported.with_name("report.junit").read_text()


def test_packs_learn_the_project_and_stack_of_the_export(exported: Path, pack: Write, capfd: pytest.CaptureFixture[str]) -> None:
    program = """
import os
from pulumi_policy import *
def told(args, report):
    report(f"{os.environ['PULUMI_PROJECT']} {os.environ['PULUMI_STACK']} {os.environ['PULUMI_CONFIG']}")
PolicyPack("told", [StackValidationPolicy("told", "d", told)])
"""
    code, out, _ = run_state(capfd, str(exported), "--policy-pack", str(pack(program, "told")), "--json", "-")
    assert (code, [found["message"] for found in json.loads(out)["findings"]]) == (0, ["d\nother prod {}"])


def test_a_given_profile_holds_for_an_exported_stack(exported: Path, capfd: pytest.CaptureFixture[str]) -> None:
    exported.with_name("lax.json").write_text('{"all": "advisory"}')
    code, out, _ = run_state(capfd, str(exported), "--policy-pack", "policies/own", "--policy-pack-config", "lax.json")
    assert code == 0
    assert "compliant: 0 mandatory, 2 advisory" in out


def test_an_export_comes_from_a_pipe(exported: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(exported.read_bytes())))
    code, out, _ = run_state(capfd, "-", "--sarif", "-")
    assert (code, '"uri": "Pulumi.yaml"' in out) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--project", "."],
        ["--stack", "prod"],
        ["--set", "a=b"],
        ["--config-file", "Pulumi.prod.yaml"],
        ["--stack-reference", "a=b"],
        ["--as", "deployed"],
        ["--as", "preview"],
    ],
)
def test_options_of_programs_are_refused_with_an_export(exported: Path, capfd: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    code, out, err = run_state(capfd, exported.name, *arguments)
    assert (code, out) == (2, "")
    assert err == (
        f"error: {arguments[0]}: is for running a program, but --state runs none: it checks the stack in the file. Remove {arguments[0]}.\n"
    )


def test_an_export_that_is_none(exported: Path, capfd: pytest.CaptureFixture[str]) -> None:
    exported.write_text("{}")
    code, out, err = run_state(capfd, exported.name)
    assert (code, out) == (2, "")
    assert err.startswith("error: --state: export.json is not an export of a stack: ")
    assert err.count("\n") == 1


def test_an_export_without_a_pack_to_check_it(
    exported: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    code, _, err = run_state(capfd, str(exported))
    assert (code, err) == (
        2,
        f"error: --state: there is no policy pack under {tmp_path}/empty/policies, so there is nothing to check with."
        " Add --policy-pack DIR, or the name of an installed pack, such as security.\n",
    )


def test_an_export_is_drawn_without_a_pack(
    exported: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert cli.main(["--state", str(exported), "--svg", "stack.svg"]) == 0
    assert "bucket" in (folder / "stack.svg").read_text()


def test_a_pack_that_does_not_start_on_an_exported_stack(exported: Path, pack: Write, capfd: pytest.CaptureFixture[str]) -> None:
    broken = pack("import nonsense\n", "broken")
    code, _, err = run_state(capfd, str(exported), "--policy-pack", str(broken))
    assert code == 2
    assert err.startswith(f"error: policy pack {broken}, stack prod: does not start (it ended with exit code 1). It wrote:\n")


def test_an_exported_stack_has_a_baseline_and_is_compared_with_an_earlier_export(exported: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run_state(capfd, "export.json", "--write-baseline", "known.json", "--json", "earlier.json")
    assert (code, "compliant: 0 mandatory, 0 advisory, 2 known" in out) == (0, True)
    assert "note: known.json: recorded findings of prod: 2.\n" in err
    exported.write_text(exported.read_text().replace('"bucket": "logs"', '"bucket": "data"'))
    code, out, _ = run_state(capfd, "export.json", "--baseline", "known.json", "--against", "earlier.json")
    lines = [line.rstrip() for line in out.splitlines()]
    assert code == 0
    assert {" CHANGES  against earlier.json: 1 replaced", '      bucket "logs" → "data"  replaces it'} <= set(lines)
    code, _, err = run_state(capfd, "export.json", "--baseline", "export.json")
    assert (code, err.startswith("error: --baseline: export.json is not a baseline of offline-preview.")) == (2, True)
