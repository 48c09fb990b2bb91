"""The delivery workflows: valid, pinned, without stored keys, and never past the policy packs."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: path for path in sorted((GITHUB / "workflows").glob("*.yml"))}
ACTION = GITHUB / "actions" / "stack" / "action.yml"
FILES = [*WORKFLOWS.values(), ACTION]


def loaded(path: Path) -> Any:
    # YAML 1.1 reads the key "on" as true; the base loader keeps every scalar as it is written.
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)


def steps(path: Path) -> Iterator[dict[str, Any]]:
    content = loaded(path)
    for job in content.get("jobs", {"action": content.get("runs", {})}).values():
        yield from job.get("steps", [])


def check(schema: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", list(WORKFLOWS.values())),
        ("vendor.github-actions", [ACTION]),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
    ],
)
def test_github_can_read_them(schema: str, paths: list[Path], tmp_path: Path) -> None:
    done = check(schema, *paths)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / paths[0].name
    broken.write_text(paths[0].read_text(encoding="utf-8").replace("uses:", "use:").replace("schedule:", "schedul:"), encoding="utf-8")
    assert check(schema, broken).returncode == 1


def test_there_are_these_workflows() -> None:
    assert WORKFLOWS.keys() == {"check", "compat", "deploy", "drift", "preview"}


def test_the_checks_run_the_tests_alone_and_once_more_with_coverage() -> None:
    runs = [step["run"] for step in steps(WORKFLOWS["check"]) if "run" in step]
    assert {".ci/run", "make cover"} <= set(runs)
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == "make test"
    recipes = re.findall(r"^(test|cover):.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: "--cov " in recipe for name, recipe in recipes} == {"test": False, "cover": True}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_they_use_is_pinned(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+(/[\w-]+)?@[0-9a-f]{40}|\./\.github/actions/stack", one)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_key_is_stored(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [word for word in ("secrets.", "access-key", "ACCESS_KEY", "PULUMI_ACCESS_TOKEN") if word in text] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_token_for_aws_is_given_only_to_jobs_that_run_a_stack(name: str) -> None:
    content = loaded(WORKFLOWS[name])
    assert content["permissions"] == {"contents": "read"}
    for key, job in content["jobs"].items():
        runs_a_stack = any(step.get("uses") == "./.github/actions/stack" for step in job.get("steps", []))
        assert (job.get("permissions", {}).get("id-token") == "write") == runs_a_stack, key


def test_every_update_is_an_environments_and_the_branchs_and_comes_after_the_checks() -> None:
    content = loaded(WORKFLOWS["deploy"])
    assert content["on"] == {"push": {"branches": ["main"]}}
    assert content["concurrency"] == {"group": "deploy", "cancel-in-progress": "false"}
    jobs = content["jobs"]
    assert jobs["check"]["uses"] == "./.github/workflows/check.yml"
    needs = [["stacks", "artifact"], ["stacks", "artifact", "dev"]]
    assert [jobs[name]["needs"] for name in ("stacks", "artifact", "dev", "prod")] == ["check", "stacks", *needs]
    for name in ("dev", "prod"):
        given = jobs[name]["steps"][-1]["with"]
        assert (jobs[name]["environment"], given["environment"], given["command"]) == (name, name, "up")
        assert given["role-arn"] == f"${{{{ fromJSON(vars.APPLY_ROLE_ARNS).{name} }}}}"
    others = [
        step["with"]["command"] for name in ("preview", "drift") for step in steps(WORKFLOWS[name]) if "command" in step.get("with", {})
    ]
    assert others == ["preview", "preview"]


def test_every_run_of_a_stack_has_both_packs_and_no_way_around_them() -> None:
    runs = [step for step in steps(ACTION) if step.get("uses", "").startswith("pulumi/actions@")]
    for run in runs:
        assert run["with"]["policyPacks"].split() == ["policies/security", "policies/operations"]
        assert re.findall(r"outputs\.(\w+)", run["with"]["policyPackConfigs"]) == ["security", "operations"]
        assert "continue-on-error" not in run
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS.values())
    assert "pulumi/actions@" not in text


def test_an_update_comes_after_a_preview_of_its_own() -> None:
    """pulumi/actions updates with ``--skip-preview``, where controls of the whole graph come too late."""
    preview, asked = [step for step in steps(ACTION) if step.get("uses", "").startswith("pulumi/actions@")]
    assert (preview["if"], preview["with"]["command"]) == ("${{ inputs.command == 'up' }}", "preview")
    assert asked["with"]["command"] == "${{ inputs.command }}"
    assert "if" not in asked
    same = ("stack-name", "cloud-url", "pulumi-version-file", "policyPacks", "policyPackConfigs")
    assert {key: preview["with"][key] for key in same} == {key: asked["with"][key] for key in same}
    assert preview["uses"] == asked["uses"]


def test_the_version_of_the_application_is_there_before_an_update() -> None:
    """After the preview, which installs the CLI and asks the packs, and before the first change."""
    (publish,) = [step for step in steps(ACTION) if "make publish" in step.get("run", "")]
    order = [step.get("with", {}).get("command") or step.get("run") for step in steps(ACTION)][-3:]
    assert order == ["preview", 'make publish STACK="$STACK" ARTIFACT="$ARTIFACT" SET=no', "${{ inputs.command }}"]
    # Not in previews and drift: the plan role cannot write, and the artifact of a pull request is uploaded when it is deployed.
    assert publish["if"] == "${{ inputs.command == 'up' }}"
    assert publish["env"].keys() == {"STACK", "ARTIFACT", "PULUMI_BACKEND_URL"}
    assert "continue-on-error" not in publish


def test_an_artifact_is_built_once_and_handed_over_as_one_archive() -> None:
    jobs = loaded(WORKFLOWS["deploy"])["jobs"]
    artifact = jobs["artifact"]
    assert artifact["if"] == "${{ vars.ARTIFACT != '' }}"
    assert "permissions" not in artifact
    build, upload = artifact["steps"][-2:]
    path = "dist/handover/artifact.tar.gz"
    assert build["run"].splitlines() == ['bash -euo pipefail -c "$BUILD"', "mkdir -p dist/handover", f'cp -- "$ARTIFACT" {path}']
    assert build["env"] == {"ARTIFACT": "${{ vars.ARTIFACT }}", "BUILD": "${{ vars.ARTIFACT_COMMAND || 'make app' }}"}
    assert (upload["with"]["path"], upload["with"]["if-no-files-found"]) == (path, "error")
    for name in ("dev", "prod"):
        assert jobs[name]["if"].startswith("${{ !failure() && !cancelled() && needs.stacks.result == 'success' && ")
        download, stack = jobs[name]["steps"][-2:]
        assert download["if"] == "${{ needs.artifact.result == 'success' }}"
        assert download["with"] == {"name": upload["with"]["name"], "path": str(Path(path).parent)}
        assert stack["with"]["artifact"] == f"${{{{ needs.artifact.result == 'success' && '{path}' || '' }}}}"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_is_given_to_the_action_is_what_it_takes(name: str) -> None:
    inputs = loaded(ACTION)["inputs"]
    required = {key for key, one in inputs.items() if one.get("required") == "true"}
    for step in steps(WORKFLOWS[name]):
        if step.get("uses") == "./.github/actions/stack":
            assert required <= step["with"].keys() <= inputs.keys()


def test_a_role_lives_as_long_as_the_pipeline_makes_it() -> None:
    from cloudpatterns.operations import DeliveryPipeline

    (credentials,) = [step for step in steps(ACTION) if "configure-aws-credentials" in step.get("uses", "")]
    made = DeliveryPipeline.check("x", {"repository": "a/b", "environments": {"dev": {"apply_policy_arns": {"a": "arn"}}}})
    assert int(credentials["with"]["role-duration-seconds"]) == made["max_session_duration_seconds"]


def test_stacks_are_grouped_by_the_first_part_of_their_name(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.prod.yaml", "Pulumi.prod-us-east-1.yaml", "Pulumi.dev.yaml", "Pulumi.test.yaml"):
        (tmp_path / name).touch()
    done = subprocess.run([sys.executable, str(GITHUB / "stacks.py")], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = {key: json.loads(value) for key, _, value in (line.partition("=") for line in done.stdout.splitlines())}
    assert {key: [stack["stack"] for stack in value] for key, value in found.items()} == {
        "stacks": ["dev", "prod", "prod-us-east-1", "test"],
        "dev": ["dev"],
        "prod": ["prod", "prod-us-east-1"],
    }
    assert found["prod"][1] == {"stack": "prod-us-east-1", "environment": "prod"}


def test_the_cli_is_of_the_sdks_version() -> None:
    version = (ROOT / ".pulumi.version").read_text(encoding="utf-8").strip()
    assert f"pulumi=={version}" in (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
