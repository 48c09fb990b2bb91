"""The pack acceptance on the real CLI: it finds what the offline preview finds, on mistakes in Python and on a program in TypeScript.

Both stacks of the program are in `test_preview.py`, which runs all packs.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from offline_preview import cli

from sandbox import workspace
from sandbox.workspace import Workspace
from tests.engine import languages
from tests.engine.conftest import ROOT
from tests.engine.programs import PROJECT, new_stack

PACK = "policies/acceptance"
MISTAKES = ROOT / "tests/policies/acceptance/mistakes"
TYPESCRIPT = """
import * as aws from "@pulumi/aws";

const role = new aws.iam.Role("worker", {
    assumeRolePolicy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [{Effect: "Allow", Principal: {Service: "lambda.amazonaws.com"}, Action: "sts:AssumeRole"}],
    }),
});
new aws.iam.RolePolicy("worker", {
    role: role.id,
    policy: JSON.stringify({Version: "2012-10-17", Statement: [{Effect: "Allow", Action: "sqs:ReadMessage", Resource: "*"}]}),
});
new aws.lambda.Function("worker", {
    role: role.arn, runtime: "python3.13", handler: "index.handler", s3Bucket: "shop-code", s3Key: "worker.zip", timeout: 1000,
});
new aws.kms.Key("data", {deletionWindowInDays: 3, enableKeyRotation: true});
new aws.cloudwatch.LogGroup("worker", {retentionInDays: 8});
new aws.sqs.Queue("orders", {visibilityTimeoutSeconds: 50000, sqsManagedSseEnabled: true});
new aws.sqs.Queue("accepted", {visibilityTimeoutSeconds: 43200, sqsManagedSseEnabled: true});
"""
EXPECTED = {
    ("iam-statement-effective", "aws:iam/rolePolicy:RolePolicy::worker", "policy"),
    ("accepted-combination", "aws:lambda/function:Function::worker", "timeout"),
    ("accepted-value", "aws:kms/key:Key::data", "deletionWindowInDays"),
    ("accepted-value", "aws:cloudwatch/logGroup:LogGroup::worker", "retentionInDays"),
    ("accepted-value", "aws:sqs/queue:Queue::orders", "visibilityTimeoutSeconds"),
}
Found = tuple[str, str, str, str, str]


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The program's folder, its packages installed."""
    languages.needs("pulumi-language-nodejs", "node", "npm")
    example = languages.EXAMPLES / "typescript"
    packages = json.loads((example / "package.json").read_text(encoding="utf-8"))
    packages["dependencies"] = {"@pulumi/pulumi": packages["dependencies"]["@pulumi/pulumi"], "@pulumi/aws": "^7.40.0"}
    files = {
        "Pulumi.yaml": "name: shop\nruntime: nodejs\n",
        "index.ts": TYPESCRIPT,
        "package.json": json.dumps(packages),
        "tsconfig.json": (example / "tsconfig.json").read_text(encoding="utf-8"),
    }
    found = workspace.make(tmp_path_factory.mktemp("acceptance"), files)
    languages.run(found, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline")
    # The CLI wants the plugin of the version that npm chose.
    chosen = json.loads((found.project / "node_modules/@pulumi/aws/package.json").read_text(encoding="utf-8"))["version"]
    languages.done(
        found.pulumi("plugin", "install", "resource", "aws", chosen, "--file", str(found.project.parent / "plugin"), "--reinstall")
    )
    return found


def _place(finding: Found) -> tuple[str, str, str]:
    """Control, resource and property."""
    control, _, _, urn, message = finding
    return control, "::".join(urn.split("::")[-2:]), message.partition(". Remedy: ")[0].rpartition(" - ")[2]


def _events(text: str) -> list[Found]:
    events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    found = [event["policyEvent"] for event in events if "policyEvent" in event]
    keys = ("policyName", "enforcementLevel", "severity", "resourceUrn", "message")
    return sorted(tuple(one.get(key, "").strip() for key in keys) for one in found)


def _offline(report: Path, *arguments: str) -> list[Found]:
    assert cli.main([*arguments, "--policy-pack", str(ROOT / PACK), "--json", str(report)]) == 1
    found: list[dict[str, Any]] = json.loads(report.read_text())["findings"]
    return sorted(tuple(one[key] for key in ("control", "level", "severity", "urn", "message")) for one in found)


def test_ten_mistakes_in_python_have_the_same_findings_by_the_cli_and_offline(tmp_path: Path) -> None:
    files = {file.name: file.read_text(encoding="utf-8") for file in MISTAKES.iterdir() if file.is_file()}
    # In the environment that has the SDK.
    found = workspace.make(tmp_path, {**files, "Pulumi.yaml": PROJECT.replace("small", "mistakes")})
    languages.done(found.pulumi("stack", "init", "dev"))
    log = tmp_path / "events.json"
    pack = ("--policy-pack", PACK, "--policy-pack-config", f"{PACK}/dev.json")
    preview = found.pulumi("preview", "--stack", "dev", *pack, "--event-log", str(log), PULUMI_DEBUG_COMMANDS="true")
    assert preview.returncode != 0, preview.stdout + preview.stderr
    previewed = _events(log.read_text())
    assert len({_place(one)[1] for one in previewed if one[1] == "mandatory"}) == 10
    offline = _offline(
        tmp_path / "report.json", "--project", str(MISTAKES), "--as", "preview", "--policy-pack-config", f"{ROOT / PACK}/dev.json"
    )
    assert offline == previewed


def test_a_program_in_typescript_has_the_same_findings_by_the_cli_and_by_its_export(typescript: Workspace, tmp_path: Path) -> None:
    stack = new_stack(typescript, "dev")
    typescript.pulumi("config", "set", "aws:region", "eu-west-1", "--stack", stack)
    log, export = tmp_path / "events.json", tmp_path / "export.json"
    pack = ("--policy-pack", PACK, "--policy-pack-config", f"{PACK}/dev.json")
    preview = typescript.pulumi("preview", "--stack", stack, *pack, "--event-log", str(log), PULUMI_DEBUG_COMMANDS="true")
    assert preview.returncode == 1
    previewed = _events(log.read_text())
    assert {_place(one) for one in previewed if one[1] == "mandatory"} == EXPECTED
    languages.done(typescript.pulumi("up", "--yes", "--skip-preview", "--stack", stack))
    languages.done(typescript.pulumi("stack", "export", "--stack", stack, "--file", str(export)))
    assert _offline(tmp_path / "state.json", "--state", str(export)) == previewed
    analyzed = typescript.pulumi("policy", "analyze", "--file", str(export), *pack, "--json")
    assert (analyzed.returncode, _events(analyzed.stdout)) == (1, previewed)
