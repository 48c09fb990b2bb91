"""Known findings: recorded, told from new ones, and said when they are gone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from offline_preview import baseline, cli
from offline_preview.baseline import Baseline, applied, recorded
from offline_preview.findings import Control, Finding, Known, PackReport, StackReport, Undecided
from offline_preview.graph import Graph
from offline_preview.reports import json_report, junit, sarif, terminal

from tests.preview.conftest import STACK_URN, URN
from tests.preview.test_cli import error, run
from tests.program import ROOT

Write = Callable[..., Path]
LOGS, DATA = (f"{URN}shop:index:Store$aws:s3/bucket:Bucket::{name}" for name in ("logs", "data"))
REMEDY = "Set tags."


def finding(urn: str = LOGS, message: str = "has no tags - tags", **changes: Any) -> Finding:
    text = f"{message}. Remedy: {REMEDY} https://example.com"
    return replace(Finding("tags", "own", "fail", "mandatory", "high", urn, text, REMEDY), **changes)


def report(graph: Graph, *findings: Finding, level: Any = "mandatory", undecided: tuple[Undecided, ...] = ()) -> StackReport:
    controls = (Control("tags", "own", "Buckets have tags", "", level, "high", REMEDY), Control("open", "own"))
    return StackReport(graph, (PackReport("own", "1.0", Path("own"), controls, findings, undecided=undecided),))


def known(*entries: Known) -> Baseline:
    return Baseline("shop", {"dev": {"own": entries}}, "known.json")


ENTRY = Known("own", "tags", LOGS, "has no tags - tags")


def test_a_known_finding_does_not_block_and_a_new_one_does(graph: Graph) -> None:
    result = applied(report(graph, finding(), finding(DATA)), known(ENTRY))
    assert [(one.urn, one.verdict, one.level) for one in result.findings] == [(DATA, "fail", "mandatory"), (LOGS, "known", "advisory")]
    assert (result.compliant, result.gone, result.baseline) == (False, (), "known.json")
    assert {name: result.summary()[name] for name in ("mandatory", "advisory", "known", "gone")} == {
        "mandatory": 1,
        "advisory": 0,
        "known": 1,
        "gone": 0,
    }


def test_what_is_fixed_is_gone(graph: Graph) -> None:
    result = applied(report(graph), known(ENTRY))
    assert (result.compliant, result.gone) == (True, (ENTRY,))


def test_a_second_finding_that_differs_in_its_position_only_is_new(graph: Graph) -> None:
    entry = replace(ENTRY, detail="is open - rules[1].port")
    first, second = (finding(message=f"is open - rules[{index}].port") for index in (0, 1))
    assert [one.verdict for one in applied(report(graph, first), known(entry)).findings] == ["known"]
    both = applied(report(graph, first, second), known(entry))
    assert [(one.message[:18], one.verdict) for one in both.findings] == [("is open - rules[0]", "fail"), ("is open - rules[1]", "known")]


def test_another_port_is_another_finding(graph: Graph) -> None:
    result = applied(report(graph, finding(message="allows port 3389")), known(replace(ENTRY, detail="allows port 22")))
    assert ([one.verdict for one in result.findings], len(result.gone)) == (["fail"], 1)


@pytest.mark.parametrize(
    ("findings", "undecided", "level"),
    [
        ((), (Undecided("tags", "own", "high", LOGS, "tags"),), "mandatory"),
        ((), (Undecided("tags", "own", "high", STACK_URN, "tags"),), "mandatory"),
        ((finding(verdict="exempt"),), (), "mandatory"),
        ((finding(STACK_URN, verdict="error"),), (), "mandatory"),
        ((), (), "disabled"),
    ],
    ids=["undecided", "undecided for the stack", "exempted", "failed itself", "disabled"],
)
def test_what_was_not_judged_is_not_gone(graph: Graph, findings: Any, undecided: Any, level: Any) -> None:
    assert applied(report(graph, *findings, level=level, undecided=undecided), known(ENTRY)).gone == ()


def test_an_unknown_and_an_exempted_finding_are_not_recorded(graph: Graph) -> None:
    some = (finding(verdict="unknown"), finding(DATA, verdict="exempt"), finding(level="advisory"), finding(DATA, verdict="known"))
    entries = recorded([report(graph, *some)], Path("f")).stacks["dev"]["own"]
    assert entries == (replace(ENTRY, urn=DATA), ENTRY)


def test_what_the_file_has_of_other_stacks_and_packs_is_kept(graph: Graph, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    other = Known("other", "a", "urn:pulumi:prod::shop::a:b:C::c", "is x")
    baseline.write(file, Baseline("shop", {"prod": {"other": (other,)}, "dev": {"other": (other,), "own": (other,)}}))
    baseline.write(file, recorded([report(graph, finding())], file, baseline.former(file, "shop")))
    text = file.read_text()
    assert baseline.load(file).stacks == {"dev": {"other": (other,), "own": (ENTRY,)}, "prod": {"other": (other,)}}
    baseline.write(file, baseline.load(file))
    assert file.read_text() == text


def test_every_report_shows_what_is_known_and_what_is_gone(graph: Graph) -> None:
    gone = replace(ENTRY, urn=DATA)
    result = applied(report(graph, finding(), finding(STACK_URN, "is new")), known(ENTRY, gone))
    data = json.loads(json_report.render([result]))
    assert [(one["verdict"], one["pack"]) for one in data["findings"]] == [("fail", "own"), ("known", "own")]
    assert data["gone"] == [{"pack": "own", **gone.to_json()}]
    run_ = json.loads(sarif.render([result]))["runs"][0]
    assert [(one["baselineState"], one["level"]) for one in run_["results"]] == [("new", "error"), ("unchanged", "warning")]
    assert run_["properties"]["gone"] == [gone.to_json()]
    case = ElementTree.fromstring(junit.render([result]).encode()).find(".//testcase[@name='tags']")
    assert case is not None
    assert [child.tag for child in case] == ["failure", "system-out"]
    assert str(case[1].text).startswith("known: logs: has no tags - tags.")
    out = terminal.console(100)
    with out.capture() as capture:
        terminal.show(out, [result])
    lines = [line.rstrip() for line in capture.get().splitlines()]
    start = lines.index(" KNOWN  1 finding of the baseline")
    assert lines[start : start + 6] == [
        " KNOWN  1 finding of the baseline",
        "  • tags s3.Bucket logs",
        "",
        " GONE  1 finding of the baseline: write it again with --write-baseline",
        "  • tags s3.Bucket data: has no tags - tags",
        "",
    ]
    assert lines[-1].endswith("NOT COMPLIANT: 1 mandatory, 0 advisory, 1 known, 1 gone; no profile  (0.0 s)")


def test_a_report_without_a_baseline_has_no_state(graph: Graph) -> None:
    assert "baselineState" not in sarif.render([report(graph, finding())])


PROGRAM = """
import pulumi
import pulumi_aws as aws

for number in range(COUNT):
    aws.sqs.Queue(f"queue-{number}", sqs_managed_sse_enabled=NUMBER != number)
pulumi.export("token", pulumi.Output.secret("hunter22"))
"""
QUEUES = """
from pulumi_policy import *

def check(args, report):
    if args.resource_type == "aws:sqs/queue:Queue":
        report("has no tags")
        report("is not encrypted, says hunter22 of 12 rules")
def unknown(args, report):
    if args.resource_type == "aws:sqs/queue:Queue":
        report("[UNKNOWN] cannot be decided")
PolicyPack("own", [
    ResourceValidationPolicy("queues", "Queues are right", check, EnforcementLevel.MANDATORY, remediation_steps="Do it."),
    ResourceValidationPolicy("open", "Queues are closed", unknown, EnforcementLevel.ADVISORY),
])
"""


@pytest.fixture
def shop(project: Write, pack: Write) -> Path:
    """A project with 29 queues of two findings each."""
    folder = project()
    queues(folder, 29)
    pack(QUEUES, "project/policies/own")
    return folder


def queues(folder: Path, count: int, number: int = -1) -> None:
    # Of another length each time: Python takes what it compiled within the same second for up to date.
    text = PROGRAM.replace("COUNT", str(count)).replace("NUMBER", str(number))
    (folder / "__main__.py").write_text(f"{text}# {'-' * count}\n")


def test_58_findings_are_recorded_one_more_fails_and_a_fixed_one_is_said(
    shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "known.json"
    code, out, err = run(capfd, shop, "--write-baseline", str(file))
    assert (code, err) == (0, f"note: {file}: recorded findings of dev: 58.\n")
    assert "compliant: 0 mandatory, 0 advisory, 29 unknown, 58 known; no profile" in out
    assert "hunter22" not in file.read_text()
    code, out, err = run(capfd, shop, "--baseline", str(file))
    assert (code, err, "58 known; no profile" in out) == (0, "", True)

    queues(shop, 28)
    extra = QUEUES.replace("    if args.resource", "    if args.name == 'queue-7': report('is the one')\n    if args.resource", 1)
    (shop / "policies/own/__main__.py").write_text(extra)
    code, out, _ = run(capfd, shop, "--baseline", str(file))
    lines = [line.rstrip() for line in out.splitlines()]
    assert code == 1
    assert [line for line in lines if line.endswith("queues  mandatory")] == ["  • is the one  queues  mandatory"]
    assert lines[lines.index("  • is the one  queues  mandatory") - 1] == " UNSPECIFIED  sqs.Queue queue-7  __main__.py:6"
    start = next(index for index, line in enumerate(lines) if line.startswith(" GONE  2 findings"))
    assert lines[start + 1 : start + 3] == [
        "  • queues sqs.Queue queue-28: has no tags",
        "  • queues sqs.Queue queue-28: is not encrypted, says [secret] of 12 rules",
    ]
    assert "NOT COMPLIANT: 1 mandatory, 0 advisory, 28 unknown, 56 known, 2 gone" in lines[-1]


def test_the_baseline_of_a_run_with_errors_is_not_written(shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "known.json"
    (shop / "policies/own/__main__.py").write_text(QUEUES.replace('"has no tags"', '"[ERROR] the control itself failed"'))
    assert error(capfd, shop, "--write-baseline", str(file)) == (
        "error: --write-baseline: nothing is written, because on the stack dev controls failed themselves: queues. Fix or disable them.\n"
    )
    (shop / "__main__.py").write_text("raise ValueError('no luck')\n")
    assert error(capfd, shop, "--write-baseline", str(file)) == "error: stack dev, __main__.py:1: ValueError: no luck\n"
    assert not file.exists()


def test_a_stack_that_the_baseline_does_not_have_is_noted(shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "known.json"
    (shop / "Pulumi.prod.yaml").write_text("config: {aws:region: eu-west-1}\n")
    run(capfd, shop, "--stack", "dev", "--write-baseline", str(file))
    code, out, err = run(capfd, shop, "--baseline", str(file))
    assert (code, err) == (1, f"note: {file} has no baseline of the stack prod: all its findings are new.\n")
    assert "compliant: 0 mandatory, 0 advisory, 29 unknown, 58 known" in out
    assert "NOT COMPLIANT: 58 mandatory" in out


def test_a_pack_that_the_baseline_does_not_have_is_noted(shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "known.json"
    file.write_text(json.dumps({**HEAD, "stacks": {"dev": {"another": []}}}))
    code, out, err = run(capfd, shop, "--baseline", str(file))
    assert (code, err) == (1, f"note: {file} has no baseline of the pack own on the stack dev: all its findings are new.\n")
    assert "NOT COMPLIANT: 58 mandatory" in out


HEAD = {"format": baseline.FORMAT, "version": 1, "project": "shop"}
FIX = "Write it with --write-baseline FILE.\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory."),
        ("{", "is not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)."),
        ("[]", "is not a baseline of offline-preview."),
        ('{"name": "package"}', "is not a baseline of offline-preview."),
        ({**HEAD, "version": 0}, "has version 0; this command reads 1."),
        ({**HEAD, "version": 2}, "has version 2; this command reads 1."),
        (HEAD, "is a damaged baseline: 'stacks' is missing."),
        ({**HEAD, "stacks": []}, "is a damaged baseline: 'list' object has no attribute 'items'."),
        ({**HEAD, "stacks": {"dev": {"own": [1]}}}, "is a damaged baseline: own has an entry that is not an object."),
        ({**HEAD, "stacks": {"dev": {"own": [{"control": "a", "urn": "b"}]}}}, "is a damaged baseline: 'detail' is missing."),
        ({**HEAD, "stacks": {"dev": {"own": [{"control": 1, "urn": "b", "detail": "c"}]}}}, "is a damaged baseline: 1 is not a text."),
        ({**HEAD, "project": "other", "stacks": {"dev": {}}}, "is of the project other, not of shop. Use that project's file."),
        ({**HEAD, "stacks": {"prod": {}, "qa": {}}}, "knows no stack dev; it has: prod, qa."),
    ],
)
def test_a_file_that_is_no_baseline_of_the_stack(
    shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], content: Any, message: str
) -> None:
    file = tmp_path / "known.json"
    if content is not None:
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    assert error(capfd, shop, "--baseline", str(file)) == f"error: --baseline: {file} {message} {FIX}"


def test_nothing_but_a_baseline_of_the_project_is_overwritten(shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "package.json"
    other = "Use another file name, or remove that file first.\n"
    for content, message in (
        ('{"name": "package"}', "is not a baseline of offline-preview."),
        (json.dumps({**HEAD, "version": 99}), "has version 99; this command reads 1."),
    ):
        file.write_text(content)
        assert error(capfd, shop, "--write-baseline", str(file)) == f"error: --write-baseline: {file} {message} {other}"
        assert file.read_text() == content
    file.write_text(json.dumps({**HEAD, "project": "other", "stacks": {}}))
    assert error(capfd, shop, "--write-baseline", str(file)) == (
        f"error: --write-baseline: {file} is of the project other, not of shop. Use another file.\n"
    )


def test_a_baseline_cannot_be_written_everywhere(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert error(capfd, shop, "--write-baseline", "nowhere/x").startswith("error: --write-baseline: there is no folder ")
    assert error(capfd, shop, "--write-baseline", ".") == "error: --write-baseline: . is a folder. Use the name of a file in it.\n"
    assert error(capfd, shop, "--write-baseline", "a", "--baseline", "b") == (
        "error: --write-baseline: records every finding as known, and --baseline tells the new ones; use one of them.\n"
    )
    assert baseline.main([str(shop), "dev", "own"]) == 2


LEGACY = """
import pulumi_aws as aws
for number in range(2):
    aws.s3.Bucket(f"data-{number}")
aws.ec2.SecurityGroup("web", vpc_id="vpc-0123456789abcdef0", ingress=[
    {"protocol": "tcp", "from_port": PORT, "to_port": PORT, "cidr_blocks": ["0.0.0.0/0"]}])
"""


def test_a_pack_takes_the_entries_as_its_configuration(project: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The same findings are known to the pack and to the preview, so both ways lead to one result."""
    folder, file, profile = project(), tmp_path / "known.json", tmp_path / "profile.json"
    (folder / "__main__.py").write_text(LEGACY.replace("PORT", "22"))
    pack = ("--policy-pack", str(ROOT / "policies" / "security"))
    code, out, _ = run(capfd, folder, *pack, "--write-baseline", str(file), "--json", "-")
    number = json.loads(out)["summary"]["known"]
    assert (code, number > 10) == (0, True)
    profile.write_text('{"s3-versioning": "mandatory"}')
    assert baseline.main([str(file), "dev", "cloudpatterns-security", str(profile)]) == 0
    profile.write_text(capfd.readouterr().out)
    assert json.loads(profile.read_text()).keys() == {"s3-versioning", "baseline"}
    config = (*pack, "--policy-pack-config", str(profile), "--json", "-")
    code, out, _ = run(capfd, folder, *config)
    assert (code, json.loads(out)["summary"]["known"], json.loads(out)["summary"]["advisory"]) == (0, number, 0)

    (folder / "__main__.py").write_text(LEGACY.replace("PORT", "3389").replace("range(2)", "range(1, 2)"))
    results = []
    for arguments in (config, (*pack, "--baseline", str(file), "--json", "-")):
        code, out, _ = run(capfd, folder, *arguments)
        data = json.loads(out)
        failing = {(one["control"], one["urn"].rpartition("::")[2]) for one in data["findings"] if one["level"] == "mandatory"}
        told = {one["message"].split(" is gone: ")[0] for one in data["findings"] if one["control"] == "baseline"}
        told |= {f"the finding of {one['control']} on {one['urn'].rpartition('::')[2]}" for one in data.get("gone", ())}
        results.append((code, failing, told, data["summary"]["known"]))
    assert results[0] == results[1]
    code, failing, told, _ = results[0]
    assert (code, ("security-group-high-risk-ports", "web") in failing, "the finding of s3-kms on data-0" in told) == (1, True, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prd", "own"], "error: {} has no stack prd; it has: dev, prod. Did you mean 'prod'?\n"),
        (["prod", "mine"], "error: {} has no pack mine; it has: cloud-own, cloud-security, own, shop-security.\n"),
        (
            ["prod", "clouds-own"],
            "error: {} has no pack clouds-own; it has: cloud-own, cloud-security, own, shop-security. Did you mean 'cloud-own'?\n",
        ),
        (
            ["dev", "securty"],
            "error: {} has no pack securty; it has: cloud-security. Did you mean 'security'?\n",
        ),
        # Two packs have that last word.
        (
            ["prod", "security"],
            "error: {} has no pack security; it has: cloud-own, cloud-security, own, shop-security. Did you mean 'shop-security'?\n",
        ),
    ],
)
def test_a_profile_for_what_the_file_does_not_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    file = tmp_path / "known.json"
    packs = {"own": (), "cloud-own": (ENTRY,), "cloud-security": (ENTRY,), "shop-security": ()}
    baseline.write(file, Baseline("shop", {"prod": packs, "dev": {"cloud-security": (ENTRY,)}}))
    assert baseline.main([str(file), *arguments]) == 2
    assert capsys.readouterr().err == message.format(file)
    assert baseline.main([str(file), "prod", "own"]) == 0
    assert json.loads(capsys.readouterr().out) == {"baseline": {"entries": []}}
    # The name of the pack's folder is enough.
    assert baseline.main([str(file), "dev", "security"]) == 0
    assert json.loads(capsys.readouterr().out) == {"baseline": {"entries": [ENTRY.to_json()]}}


def test_the_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert {"--baseline", "--write-baseline", "--against", "--markdown"} <= set(capsys.readouterr().out.replace("[", " ").split())
