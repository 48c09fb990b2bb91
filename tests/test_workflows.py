"""The delivery workflows: valid, pinned, without stored keys, and never past the policy packs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.workspace import PACKS

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: path for path in sorted((GITHUB / "workflows").glob("*.yml"))}
ACTION = GITHUB / "actions" / "stack" / "action.yml"
FOR_OTHERS = GITHUB / "actions" / "offline-preview" / "action.yml"
FILES = [*WORKFLOWS.values(), ACTION, FOR_OTHERS]
STACK = "./.github/actions/stack"
CLI = "pulumi/actions@"
SECRET = "4dabf18193072939515e22adb298388d"


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
        ("vendor.github-actions", [FOR_OTHERS]),
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
    assert WORKFLOWS.keys() == {"check", "compat", "deploy", "drift", "offline-preview", "pages", "preview"}


def test_the_checks_run_the_tests_alone_and_once_more_with_coverage() -> None:
    runs = [step["run"] for step in steps(WORKFLOWS["check"]) if "run" in step]
    assert {".ci/run", "make cover"} <= set(runs)
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == "make test"
    recipes = re.findall(r"^(test|cover):.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: "--cov " in recipe for name, recipe in recipes} == {"test": False, "cover": True}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_they_use_is_pinned(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    pinned = r"[\w-]+/[\w-]+(/[\w-]+)?@[0-9a-f]{40}|[.$]/\.github/actions/[\w-]+"
    assert [one for one in used if not re.fullmatch(pinned, one)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_key_is_stored(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [word for word in ("secrets.", "access-key", "ACCESS_KEY", "PULUMI_ACCESS_TOKEN") if word in text] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_token_for_aws_is_given_only_to_jobs_that_run_a_stack(name: str) -> None:
    content = loaded(WORKFLOWS[name])
    if list(content["on"]) == ["workflow_call"]:
        # It has what its caller gives it; a permission that is not given ends the caller's run.
        assert "permissions" not in content
    else:
        assert content["permissions"] == {"contents": "read"}
    for key, job in content["jobs"].items():
        runs_a_stack = any(step.get("uses") == STACK for step in job.get("steps", []))
        # GitHub Pages asks for a token too; no role in AWS trusts its environment.
        publishes = job.get("environment", {}).get("name") == "github-pages" if isinstance(job.get("environment"), dict) else False
        assert (job.get("permissions", {}).get("id-token") == "write") == (runs_a_stack or publishes), key


def test_every_update_is_an_environments_and_the_branchs_and_comes_after_the_checks() -> None:
    content = loaded(WORKFLOWS["deploy"])
    assert content["on"] == {"push": {"branches": ["main"]}}
    jobs = content["jobs"]
    assert jobs["check"]["uses"] == "./.github/workflows/check.yml"
    needs = [["stacks", "artifact"], ["stacks", "dev"], ["stacks", "artifact", "plan"]]
    assert [jobs[name]["needs"] for name in ("stacks", "artifact", "dev", "plan", "prod")] == ["check", "stacks", *needs]
    for name in ("dev", "prod"):
        given = jobs[name]["steps"][-1]["with"]
        assert (jobs[name]["environment"], given["stack"], given["command"]) == (name, "${{ matrix.stack }}", "up")
        assert given["role-arn"] == f"${{{{ fromJSON(vars.APPLY_ROLE_ARNS).{name} }}}}"
    others = [
        step["with"]["command"] for name in ("preview", "drift") for step in steps(WORKFLOWS[name]) if "command" in step.get("with", {})
    ]
    assert others == ["preview", "preview"]


def test_updates_wait_for_each_other_stack_by_stack_and_for_nothing_else() -> None:
    content = loaded(WORKFLOWS["deploy"])
    assert "concurrency" not in content
    concurrency = {key: job["concurrency"] for key, job in content["jobs"].items() if "concurrency" in job}
    assert concurrency == {name: {"group": "deploy-${{ matrix.stack }}", "cancel-in-progress": "false"} for name in ("dev", "prod")}


def test_prod_needs_dev_done_or_not_there() -> None:
    """A dev job that a newer commit cancels is neither a failure nor a cancelled run."""
    jobs = loaded(WORKFLOWS["deploy"])["jobs"]
    condition = jobs["plan"]["if"]
    assert "(needs.dev.result == 'success' || needs.dev.result == 'skipped')" in condition
    assert "!cancelled() && needs.stacks.result == 'success'" in condition
    assert "!cancelled() && needs.plan.result == 'success'" in jobs["prod"]["if"]
    assert "failure()" not in condition + jobs["prod"]["if"]


def test_what_is_approved_for_prod_is_what_is_applied() -> None:
    jobs = loaded(WORKFLOWS["deploy"])["jobs"]
    # The plan is there before anybody is asked, and by the role that changes nothing.
    assert "environment" not in jobs["plan"]
    preview, keep = jobs["plan"]["steps"][-2:]
    assert (preview["with"]["command"], preview["with"]["role-arn"]) == ("preview", "${{ fromJSON(vars.PLAN_ROLE_ARNS).prod }}")
    assert keep["with"] == {"name": "plan-${{ matrix.stack }}", "path": "plan.json", "if-no-files-found": "error"}
    fetch, update = jobs["prod"]["steps"][-2:]
    assert fetch["with"] == {"name": keep["with"]["name"], "path": "dist/approved"}
    assert [one["with"]["plan"].removeprefix("${{ github.workspace }}/") for one in (preview, update)] == [
        "plan.json",
        "dist/approved/plan.json",
    ]
    judge, refuse, apply = [
        step for step in steps(ACTION) if step.get("uses", "").startswith(CLI) or step.get("name") == "Refuse what was not approved"
    ]
    now = "${{ runner.temp }}/plan.json"
    assert judge["with"]["plan"] == refuse["env"]["NOW"] == now
    assert refuse["if"] == "${{ inputs.command == 'up' && inputs.plan != '' }}"
    assert refuse["run"] == 'python3 .github/plan.py "$APPROVED" "$NOW"'
    assert apply["with"]["plan"] == "${{ inputs.plan || (inputs.command == 'up' && format('{0}/plan.json', runner.temp)) || '' }}"


APPROVED = {
    "urn:a": {"goal": {"name": "a", "protect": True, "inputDiff": {"adds": {"size": 1, "name": "a-0123abc"}}}, "steps": ["create"]},
    "urn:b": {"goal": {"name": "b", "inputDiff": {"updates": {"key": {SECRET: "1b47", "ciphertext": "v1:x"}}}}, "steps": ["update"]},
    "urn:c": {"goal": {"name": "c"}, "steps": ["same"], "seed": "one"},
}


def compared(tmp_path: Path, now: Any) -> tuple[int, list[str]]:
    """Exit code and lines of the comparison of the plan above with another."""
    for name, plans in (("approved", APPROVED), ("now", now)):
        (tmp_path / name).write_text(json.dumps({"manifest": {}, "resourcePlans": plans}), encoding="utf-8")
    command = [sys.executable, str(GITHUB / "plan.py"), str(tmp_path / "approved"), str(tmp_path / "now")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def test_a_plan_is_the_same_where_names_and_encryptions_alone_differ(tmp_path: Path) -> None:
    now = json.loads(json.dumps(APPROVED).replace("0123abc", "9876fed").replace("v1:x", "v1:y").replace('"one"', '"two"'))
    assert compared(tmp_path, now) == (0, ["The update is the approved one."])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda plans: plans["urn:a"]["goal"]["inputDiff"]["adds"].update(size=2), "- urn:a: property size"),
        (lambda plans: plans["urn:a"]["goal"]["inputDiff"]["adds"].update(name="b-0123abc"), "- urn:a: property name"),
        (lambda plans: plans["urn:a"]["goal"].update(protect=False), "- urn:a: protect"),
        (lambda plans: plans["urn:b"]["goal"]["inputDiff"].update(deletes=["tags"]), "- urn:b: property tags"),
        (lambda plans: plans["urn:b"]["goal"]["inputDiff"].update(updates={"key": "open"}), "- urn:b: property key"),
        (
            lambda plans: plans["urn:c"].update(steps=["create-replacement", "replace", "delete-replaced"]),
            "- urn:c: approved was same, it would be create-replacement and replace and delete-replaced",
        ),
        (lambda plans: plans.pop("urn:c"), "- urn:c: approved was same, it would be nothing"),
        (lambda plans: plans.update({"urn:d": {"steps": ["delete"]}}), "- urn:d: approved was nothing, it would be delete"),
    ],
)
def test_any_other_update_than_the_approved_one_is_refused(tmp_path: Path, change: Callable[[Any], None], line: str) -> None:
    now = json.loads(json.dumps(APPROVED))
    change(now)
    code, (first, error) = compared(tmp_path, now)
    assert (code, first) == (1, line)
    assert error.startswith("::error::The update differs from the approved plan in 1 resources, so nothing was changed")


def test_of_many_differences_some_are_shown(tmp_path: Path) -> None:
    code, lines = compared(tmp_path, APPROVED | {f"urn:{number}": {"steps": ["create"]} for number in range(100)})
    assert (code, len(lines), lines[30]) == (1, 32, "- and 70 more")


def test_an_older_commit_is_refused_before_the_update() -> None:
    names = [step.get("name", step.get("uses", "")) for step in steps(ACTION)]
    index = names.index("Refuse a commit that is older than the deployed one")
    step = list(steps(ACTION))[index]
    assert (step["if"], step["run"]) == ("${{ inputs.command == 'up' }}", 'python3 .github/order.py "$STACK"')
    assert step["env"]["PULUMI_BACKEND_URL"] == "${{ inputs.backend }}"
    assert names[index - 2 : index] == ["Judge the whole graph before anything is made", "Refuse what was not approved"]
    assert names[index + 1].startswith("Upload the artifact")
    assert names[index + 2].startswith("pulumi/actions@")
    for name in ("dev", "prod"):
        (checkout,) = [step for step in loaded(WORKFLOWS["deploy"])["jobs"][name]["steps"] if "actions/checkout@" in step["uses"]]
        assert checkout["with"]["fetch-depth"] == "0"


@pytest.fixture
def commits(tmp_path: Path) -> Callable[..., str]:
    """Makes a commit in a new repository, on the branch given, and returns its id."""
    folder = tmp_path / "repository"
    folder.mkdir()

    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "--quiet", "--initial-branch=main")

    def commit(branch: str = "main") -> str:
        if branch != "main":
            git("checkout", "--quiet", "-b", branch)
        git("commit", "--quiet", "--allow-empty", f"--message={branch}")
        return git("rev-parse", "HEAD")

    return commit


def order(tmp_path: Path, at: str, *updates: tuple[str, str | None]) -> tuple[int, str]:
    """Exit code and output of the step for a commit, after updates of the stack, the newest first."""
    folder = tmp_path / "repository"
    subprocess.run(["git", "checkout", "--quiet", "--detach", at], cwd=folder, check=True)
    history = [{"kind": kind, "environment": {"git.head": head} if head else {}} for kind, head in updates]
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f"#!/bin/sh\n[ \"$1 $2 $3 $4\" = 'stack history --stack prod' ] && echo '{json.dumps(history)}'\n")
    pulumi.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, str(GITHUB / "order.py"), "prod"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_commit_never_takes_back_what_a_newer_one_deployed(commits: Callable[..., str], tmp_path: Path) -> None:
    first, second, third = commits(), commits(), commits()
    code, said = order(tmp_path, second, ("update", third), ("update", first))
    assert (code, said) == (
        1,
        f"::error::prod was last updated by {third}, which is newer than {second}: this run would take its changes back, so nothing was"
        " changed. Use the run of the newest commit; to undo a change, revert its commit.\n",
    )
    assert order(tmp_path, third, ("update", second)) == (0, f"prod was last updated by {second}, which {third} contains.\n")
    assert order(tmp_path, second, ("update", second), ("update", third))[0] == 0
    assert order(tmp_path, first) == order(tmp_path, first, ("update", None)) == (0, "prod has no update by a commit yet.\n")
    # A refresh or an import by hand, from an old checkout, says nothing about what is deployed.
    assert order(tmp_path, second, ("refresh", first), ("update", third))[0] == 1


def test_a_commit_that_is_not_on_the_branch_is_replaced(commits: Callable[..., str], tmp_path: Path) -> None:
    main = commits()
    other = commits("other")
    subprocess.run(["git", "checkout", "--quiet", "main"], cwd=tmp_path / "repository", check=True)
    newer = commits()
    warning = f"::warning::prod was last updated by the commit {'0' * 40}, which is on no branch; {newer} replaces it.\n"
    assert order(tmp_path, newer, ("update", "0" * 40)) == (0, warning)
    code, said = order(tmp_path, newer, ("update", other))
    assert (code, "is on another branch" in said) == (0, True)
    assert order(tmp_path, main, ("update", other))[0] == 1


def test_the_order_of_commits_needs_their_history(commits: Callable[..., str], tmp_path: Path) -> None:
    commits(), commits()
    (tmp_path / "repository").rename(tmp_path / "whole")
    source = (tmp_path / "whole").as_uri()
    subprocess.run(["git", "clone", "--quiet", "--depth=1", source, str(tmp_path / "repository")], capture_output=True, check=True)
    assert order(tmp_path, "HEAD") == (1, "::error::The order of commits needs the whole history: check out with fetch-depth 0.\n")


def profiles_of_the_action(tmp_path: Path, stack: str) -> tuple[int, str, str]:
    """Exit code, outputs and errors of the action's step that chooses the profiles."""
    (step,) = [step for step in steps(ACTION) if step.get("id") == "profiles"]
    assert (step["shell"], step["env"]) == ("bash", {"STACK": "${{ inputs.stack }}"})
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    output = tmp_path / "output"
    environment = {**os.environ, "STACK": stack, "GITHUB_OUTPUT": str(output)}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, output.read_text() if output.exists() else "", done.stderr


def profiles_of_make(tmp_path: Path, stack: str, *, examples: str = "yes") -> tuple[int, str, str]:
    """Exit code, what the CLI was called with, and errors of ``make up``, which may deploy examples."""
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n')
    pulumi.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["make", "-s", "-o", ".venv/ready", "up", f"STACK={stack}", f"EXAMPLES={examples}", f"BIN={Path(sys.executable).parent}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    called = tmp_path / "called"
    return done.returncode, called.read_text() if called.exists() else "", done.stderr


@pytest.mark.parametrize("stack", ["prod", "prod-cell-2"])
def test_a_cell_has_the_profiles_of_its_environment(tmp_path: Path, stack: str) -> None:
    profiles = {pack: f"policies/{pack}/prod.json" for pack in PACKS}
    assert profiles_of_the_action(tmp_path, stack) == (0, "".join(f"{pack}={profile}\n" for pack, profile in profiles.items()), "")
    code, called, _ = profiles_of_make(tmp_path, stack)
    packs = [f"--policy-pack {Path(profile).parent} --policy-pack-config {profile}" for profile in profiles.values()]
    assert (code, called) == (0, f"up --stack {stack} {' '.join(packs)}\n")


def test_examples_are_not_deployed(tmp_path: Path) -> None:
    code, called, said = profiles_of_make(tmp_path, "prod", examples="")
    assert (code, called) == (2, "")
    assert said.startswith(
        "error: Pulumi.prod.yaml has 5 values that are only examples:\n\ncloudpatterns:storefront.load_balancer.domain_name"
    )


def test_a_stack_without_a_profile_is_not_updated(tmp_path: Path) -> None:
    error = (
        "error: policies/security: there is no profile for the stack staging (looked for staging.json)."
        " Write policies/security/staging.json, for example as a copy of another environment's profile.\n"
    )
    assert profiles_of_the_action(tmp_path, "staging") == (2, "", error)
    code, called, said = profiles_of_make(tmp_path, "staging")
    assert (code, called) == (2, "")
    assert said.startswith(error)


def test_every_run_of_a_stack_has_all_packs_and_no_way_around_them() -> None:
    runs = [step for step in steps(ACTION) if step.get("uses", "").startswith("pulumi/actions@")]
    for run in runs:
        assert run["with"]["policyPacks"].split() == [f"policies/{pack}" for pack in PACKS]
        assert re.findall(r"outputs\.(\w+)", run["with"]["policyPackConfigs"]) == list(PACKS)
        assert "continue-on-error" not in run
    elsewhere = [step["with"] for path in WORKFLOWS.values() for step in steps(path) if step.get("uses", "").startswith(CLI)]
    # Without a command the CLI is installed, and nothing else.
    assert elsewhere == [{"pulumi-version-file": ".pulumi.version"}]


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
    """The last step before the first change: the preview has installed the CLI and asked the packs."""
    (publish,) = [step for step in steps(ACTION) if "make publish" in step.get("run", "")]
    assert publish["run"] == 'make publish STACK="$STACK" ARTIFACT="$ARTIFACT" SET=no'
    order = list(steps(ACTION))
    assert order.index(publish) == len(order) - 2
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
        # A failed build skips dev, and must not let prod pass for that.
        assert "(needs.artifact.result == 'success' || needs.artifact.result == 'skipped')" in jobs[name]["if"]
        (download,) = [step for step in jobs[name]["steps"] if step.get("with", {}).get("name") == "artifact"]
        stack = jobs[name]["steps"][-1]
        assert download["if"] == "${{ needs.artifact.result == 'success' }}"
        assert download["with"] == {"name": upload["with"]["name"], "path": str(Path(path).parent)}
        assert stack["with"]["artifact"] == f"${{{{ needs.artifact.result == 'success' && '{path}' || '' }}}}"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_is_given_to_the_action_is_what_it_takes(name: str) -> None:
    inputs = loaded(ACTION)["inputs"]
    required = {key for key, one in inputs.items() if one.get("required") == "true"}
    for step in steps(WORKFLOWS[name]):
        if step.get("uses") == STACK:
            assert required <= step["with"].keys() <= inputs.keys()


def test_other_repositories_call_the_action_by_a_workflow_with_the_same_inputs() -> None:
    content, action = loaded(WORKFLOWS["offline-preview"]), loaded(FOR_OTHERS)
    inputs = content["on"]["workflow_call"]["inputs"]
    (call,) = [step for step in steps(WORKFLOWS["offline-preview"]) if step["uses"] == "$/.github/actions/offline-preview"]
    assert call["with"] == {name: f"${{{{ inputs.{name} }}}}" for name in inputs}
    assert {name: one["default"] for name, one in inputs.items()} == {name: one["default"] for name, one in action["inputs"].items()}


def test_the_tests_on_the_real_engine_run_on_the_pinned_cli() -> None:
    job = loaded(WORKFLOWS["check"])["jobs"]["engine"]
    assert job["steps"][-2]["with"] == {"pulumi-version-file": ".pulumi.version"}
    assert job["steps"][-1] == {"run": "make engine"}


def test_the_comparison_needs_no_account_and_its_comment_runs_no_code_of_the_pull_request() -> None:
    jobs = loaded(WORKFLOWS["preview"])["jobs"]
    changes, comment = jobs["changes"], jobs["comment"]
    assert ("if" in changes, "vars." in json.dumps([changes, comment])) == (False, False)
    assert (changes["permissions"], comment["permissions"]["pull-requests"]) == ({"actions": "read", "contents": "read"}, "write")
    assert "head.repo.full_name == github.repository" in comment["if"]
    assert comment["steps"][0]["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert [step["run"] for step in comment["steps"] if "run" in step] == ['python3 .github/comment.py "$NUMBER" comment.md']
    (compare,) = [step for step in changes["steps"] if step.get("name") == "Compare"]
    assert compare["run"] == '.venv/bin/offline-preview --markdown comment.md --html offline-preview.html ${MAIN:+--against "$MAIN"}'
    (keep,) = [step for step in steps(WORKFLOWS["check"]) if "upload-artifact@" in step.get("uses", "")]
    assert "github.event_name == 'push'" in keep["if"]
    assert keep["with"] == {"name": "offline-preview", "path": "offline-preview.json"}
    assert any(step.get("run") == FETCH for step in changes["steps"])


FETCH = """\
file=$(python3 .github/earlier.py offline-preview "$COMMIT")
echo "file=$file" >> "$GITHUB_OUTPUT"
"""


def with_gh(tmp_path: Path, program: str, script: str, *arguments: str) -> str:
    """What a script prints, with a `gh` that runs the program given."""
    gh = tmp_path / "gh"
    gh.write_text(f"#!{sys.executable}\nimport json, sys\nwords = sys.argv[1:]\n{program}\n")
    gh.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "GH_REPO": "a/b"}
    command = [sys.executable, str(GITHUB / script), *arguments]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout


ARTIFACTS = """
import io, zipfile
def item(number, branch="main", commit="c", expired=False, head=1):
    run = {"head_branch": branch, "head_sha": commit, "head_repository_id": head, "repository_id": 1}
    return {"id": number, "expired": expired, "workflow_run": run}
if words[1].startswith("repos/a/b/actions/artifacts?name=offline-preview&"):
    print(json.dumps({"artifacts": ITEMS}))
else:
    number = words[1].removeprefix("repos/a/b/actions/artifacts/").removesuffix("/zip")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("offline-preview.json", number)
    sys.stdout.buffer.write(out.getvalue())
"""


@pytest.mark.parametrize(
    ("items", "file", "number"),
    [
        ("[item(3, commit='newest-commit'), item(2, commit='wanted-commit')]", "main-wanted-.json", "2"),
        ("[item(3, commit='newest-commit'), item(2, commit='other')]", "main-newest-.json", "3"),
        (
            "[item(5, 'feature', 'wanted-commit'), item(4, head=2), item(3, expired=True), item(2, commit='other-commit')]",
            "main-other-c.json",
            "2",
        ),
        ("[item(5, 'feature')]", "", ""),
    ],
    ids=["its commit", "the newest", "only of main", "none"],
)
def test_the_preview_of_main_is_an_artifact_of_main(tmp_path: Path, items: str, file: str, number: str) -> None:
    said = with_gh(tmp_path, ARTIFACTS.replace("ITEMS", items), "earlier.py", "offline-preview", "wanted-commit")
    assert said.strip() == file
    assert not file or (tmp_path / file).read_text() == number


COMMENTS = """
def item(number, body, login="github-actions[bot]"):
    return {"id": number, "body": body, "user": {"login": login}}
if "--input" in words:
    open("sent", "w").write(json.dumps([words, json.load(sys.stdin)]))
else:
    assert words == ["api", "repos/a/b/issues/7/comments?per_page=100", "--paginate", "--slurp"]
    print(json.dumps([[item(1, "x\\n<!-- m -->", "somebody"), item(2, "about <!-- m -->!")], ITEMS]))
"""


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ("[item(3, 'old\\n<!-- m -->\\n')]", ["api", "repos/a/b/issues/comments/3", "--method", "PATCH", "--input", "-"]),
        ("[]", ["api", "repos/a/b/issues/7/comments", "--input", "-"]),
    ],
    ids=["there is one", "there is none"],
)
def test_a_pull_request_has_one_comment(tmp_path: Path, items: str, words: list[str]) -> None:
    (tmp_path / "comment.md").write_text("new\n<!-- m -->\n")
    with_gh(tmp_path, COMMENTS.replace("ITEMS", items), "comment.py", "7", "comment.md")
    assert json.loads((tmp_path / "sent").read_text()) == [words, {"body": "new\n<!-- m -->\n"}]


def test_the_comment_leads_to_the_page_and_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGE", "https://example.com/artifacts/7")
    (tmp_path / "comment.md").write_text("new\n\n<!-- m -->\n")
    with_gh(tmp_path, COMMENTS.replace("ITEMS", "[]"), "comment.py", "7", "comment.md")
    body = "new\n\n[The page with the picture](https://example.com/artifacts/7)\n\n<!-- m -->\n"
    assert json.loads((tmp_path / "sent").read_text())[1] == {"body": body}


DRIFT = """
import pathlib
path, body = words[1], json.load(sys.stdin) if "--input" in words else None
if path == "repos/a/b/actions/runs/5/jobs?per_page=100":
    others = [{"name": "stacks", "conclusion": "success", "html_url": "-"}, {"name": "report", "conclusion": None, "html_url": "-"}]
    stacks = [{"name": f"drift ({stack})", "conclusion": end, "html_url": f"u/{stack}"} for stack, end in JOBS]
    print(json.dumps([{"jobs": others}, {"jobs": stacks}]))
elif path == "repos/a/b/issues?state=open&labels=drift&per_page=100":
    foreign = {"number": 2, "body": "", "user": {"login": "somebody"}}
    print(json.dumps([foreign, *({"number": 3, "body": body, "user": {"login": "github-actions[bot]"}} for body in ISSUES)]))
else:
    with pathlib.Path("sent").open("a") as file:
        file.write(json.dumps([path.removeprefix("repos/a/b/"), body]) + chr(10))
    print('{"html_url": "https://example.com/3"}')
"""


def told(tmp_path: Path, jobs: str, issues: str) -> list[Any]:
    """What `drift.py` sends, by the ends of the stacks' jobs and the bodies of the open issue."""
    with_gh(tmp_path, DRIFT.replace("JOBS", jobs).replace("ISSUES", issues), "drift.py", "5")
    sent = tmp_path / "sent"
    return [json.loads(line) for line in sent.read_text().splitlines()] if sent.exists() else []


def test_drift_opens_one_issue(tmp_path: Path) -> None:
    ((path, issue),) = told(tmp_path, "[('dev', 'success'), ('prod-b', 'failure'), ('prod-a', 'cancelled')]", "[]")
    assert (path, issue["title"], issue["labels"]) == ("issues", "What is deployed differs from the program", ["drift"])
    assert issue["body"].splitlines()[-2:] == ["- `prod-a`: [log](u/prod-a)", "- `prod-b`: [log](u/prod-b)"]


CLOSED = {"state": "closed", "state_reason": "completed"}


@pytest.mark.parametrize(
    ("jobs", "issues", "sent"),
    [
        ("[('dev', 'success')]", "[]", {}),
        (
            "[('dev', 'success')]",
            "['- `dev`: [log](u/old)']",
            {"issues/3/comments": {"body": "No stack differs any more."}, "issues/3": CLOSED},
        ),
        (
            "[('dev', 'failure'), ('prod', 'failure')]",
            "['- `dev`: [log](u/old)']",
            {"issues/3": None, "issues/3/comments": {"body": "These differ now, too: `prod`."}},
        ),
        ("[('dev', 'failure')]", "['- `dev`: [log](u/old)']", {"issues/3": None}),
        ("[('dev', 'failure')]", "[None]", {"issues/3": None, "issues/3/comments": {"body": "These differ now, too: `dev`."}}),
    ],
    ids=["nothing differs", "no longer", "one more", "the same", "emptied by somebody"],
)
def test_an_open_issue_of_drift_is_brought_up_to_date(tmp_path: Path, jobs: str, issues: str, sent: dict[str, Any]) -> None:
    found = told(tmp_path, jobs, issues)
    assert [path for path, _ in found] == list(sent)
    for path, body in found:
        assert "[log](u/dev)" in body["body"] if sent[path] is None else body == sent[path]


def test_what_writes_the_issue_of_drift_runs_beside_no_program() -> None:
    jobs = loaded(WORKFLOWS["drift"])["jobs"]
    assert jobs["report"]["permissions"] == {"actions": "read", "contents": "read", "issues": "write"}
    assert [step["run"] for step in jobs["report"]["steps"] if "run" in step] == ['python3 .github/drift.py "$RUN"']
    assert (jobs["report"]["needs"], jobs["drift"]["name"]) == (["stacks", "drift"], "drift (${{ matrix.stack }})")


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
