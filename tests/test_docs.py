"""What the documents name exists: targets of make, files, stack outputs, options of the offline preview."""

import json
import re
import subprocess
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from cloudpatterns.compute.web_server import user_data
from cloudpatterns.systems.storefront import stores
from offline_preview import cli

from settings.systems import SYSTEMS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {document: document.read_text(encoding="utf-8") for document in DOCUMENTS}
# Paths in backticks are told from other words with a slash by their first folder.
FOLDERS = ("bootstrap", "components", "docs", "examples", "policies", "preview", "publish", "sandbox", "settings", "tests", ".github")


PRIVATE_ENGLISH = re.compile(
    r"what answers the web|\bways? out\b|\bMade (are|is)\b|\b(is|are|was) told\b|\btells? nobody\b|\bmends?\b|\bnot to be had\b"
    r"|\bof one's own\b|\blet call\b|\bgiven out\b|\bloose ends?\b|\bjoints?\b|\bis no (argument|function|zone)\b|\bcannot be made\b",
    re.IGNORECASE,
)
# User data of running instances: a changed word would replace them.
BOOT_SCRIPTS = ("boot.sh",)


def _found(pattern: str) -> set[tuple[str, str]]:
    """Document and first group of every match, in all documents."""
    return {(document.name, match[1]) for document, text in TEXTS.items() for match in re.finditer(pattern, text, re.MULTILINE)}


def test_every_target_of_make_exists() -> None:
    named = _found(r"(?:^\s*|`)make ([\w-]+)")
    assert {("operations.md", "up"), ("operations.md", "publish"), ("README.md", "sandbox")} <= named
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {name for _, name in named} <= targets


def test_every_link_leads_to_a_file() -> None:
    links = {
        (document.parent / target).resolve()
        for document, text in TEXTS.items()
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    }
    assert {ROOT / "docs" / name for name in ("delivery.md", "operations.md", "testing.md")} <= links
    assert [link for link in links if not link.exists()] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_path_in_backticks_exists(folder: str) -> None:
    assert (ROOT / folder).is_dir()
    # A part in angle brackets stands for any name: such a path does not match.
    paths = _found(rf"`({re.escape(folder)}/[\w./-]*)`")
    assert [(document, path) for document, path in sorted(paths) if not (ROOT / path).exists()] == []


def test_there_are_paths_to_check() -> None:
    assert len(_found(rf"`((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*)`")) >= 10


def test_every_stack_output_is_exported() -> None:
    named = _found(r"pulumi stack output(?: --stack \w+| --json)* (\w+)")
    assert {("operations.md", "nat_runbook"), ("delivery.md", "backend_url")} <= named
    programs = [ROOT / "__main__.py", *(ROOT / "program").glob("*.py"), ROOT / "bootstrap" / "__main__.py"]
    exported = {
        name
        for program in programs
        for name in re.findall(r'pulumi\.export\(\s*"(\w+)"', program.read_text(encoding="utf-8"), re.MULTILINE)
    }
    # A section's outputs are one of the stack, by the section's name.
    assert {name for _, name in named} <= exported | set(SYSTEMS)


# Of the AWS CLI itself, and of paginated commands.
_AWS_GLOBAL = {"--query", "--output", "--region", "--profile", "--max-items", "--page-size", "--starting-token", "--cli-binary-format"}
# Not calls of an API, or with options of the CLI alone: what the AWS CLI does itself.
_AWS_OWN = {("sso", "login"), ("logs", "tail"), ("cloudfront", "create-invalidation")}


def _aws_commands() -> list[tuple[str, str, list[str]]]:
    """Service, command and options of every call of the AWS CLI in the documents."""
    texts = [text.replace("\\\n", " ") for text in TEXTS.values()]
    inline = [" ".join(match.split()) for text in texts for match in re.findall(r"`(aws [^`]+)`", text)]
    lines = [line.strip() for text in texts for line in re.findall(r"^ *(aws .+)$", text, re.MULTILINE)]
    found = []
    for command in [*inline, *lines]:
        # An inner command, whose output is a value, has options of its own.
        words = re.sub(r"\$\([^)]*\)", "X", command).split()
        if words[2] == "wait":
            # A waiter has the options of the command that it repeats.
            waiters = botocore.session.get_session().get_component("data_loader").load_service_model(words[1], "waiters-2")["waiters"]
            words[2] = {xform_name(name, "-"): xform_name(one["operation"], "-") for name, one in waiters.items()}[words[3]]
        found.append((words[1], words[2], [word.partition("=")[0] for word in words if re.fullmatch(r"--[a-z].*", word)]))
    return found


def test_every_option_of_the_aws_cli_exists() -> None:
    session, commands = botocore.session.get_session(), _aws_commands()
    assert {
        *{("ec2", "describe-flow-logs"), ("rds", "modify-db-instance"), ("logs", "describe-log-streams"), ("s3api", "put-object")},
        # What is needed to follow and to end a roll-out, and in the first minutes of an alarm.
        *{("autoscaling", f"{verb}-instance-refresh") for verb in ("cancel", "rollback")},
        *{("autoscaling", "describe-instance-refreshes"), ("autoscaling", "describe-scaling-activities")},
        *{("elbv2", "describe-target-health"), ("cloudwatch", "describe-alarms"), ("logs", "tail")},
    } <= {(service, command) for service, command, _ in commands}
    for service, command, options in (found for found in commands if found[:2] not in _AWS_OWN):
        model = session.get_service_model({"s3api": "s3"}.get(service, service))
        operations = {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}
        assert command in operations, (service, command)
        members = {f"--{xform_name(name, '-')}" for name in operations[command].input_shape.members}
        # A switch has a second form that turns it off.
        known = members | {option.replace("--", "--no-", 1) for option in members} | _AWS_GLOBAL
        assert set(options) <= known, (service, command, set(options) - known)


def test_every_option_of_the_offline_preview_exists(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    options = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out))
    calls = _found(r"offline-preview((?: +[^`\n|]+)?)(?:`|$)")
    named = {option for _, call in calls for option in re.findall(r"--[a-z][a-z-]+", call)}
    assert {"--state", "--project", "--policy-pack"} <= named
    assert named <= options


def _plain_texts() -> list[Path]:
    folders = (*FOLDERS, "examples")
    texts = [
        path for folder in folders if folder != "tests" for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".md", ".yaml")
    ]
    return [*texts, *ROOT.glob("*.md"), *ROOT.glob("*.yaml"), *ROOT.glob("*.py"), ROOT / "Makefile"]


def test_the_english_is_plain() -> None:
    """The field's own terms instead of a private vocabulary: readers meet our text in editors, alarms and other languages' SDKs."""
    texts = [path for path in _plain_texts() if not {".venv", "build", "node_modules"} & set(path.parts) and path.name not in BOOT_SCRIPTS]
    assert len(texts) > 200
    assert [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if PRIVATE_ENGLISH.search(line)
    ] == []


def test_private_english_is_found() -> None:
    assert PRIVATE_ENGLISH.search("Made are a VPC and its way out.")
    assert not PRIVATE_ENGLISH.search("Creates a VPC with internet egress; recommends a key.")


def _section(document: str, title: str) -> str:
    level = title.partition(" ")[0]
    text = (ROOT / "docs" / document).read_text(encoding="utf-8").split(f"\n{title}\n")[1]
    return re.split(rf"\n#{{1,{len(level)}}} ", text)[0]


def test_the_contract_of_the_application_names_every_variable() -> None:
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", _section("operations.md", "## What your application must do")))
    assert named == {*user_data._RESERVED, *stores.VARIABLES, *stores.REPLICA_VARIABLES}


def test_every_json_is_json() -> None:
    blocks = [block for text in TEXTS.values() for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert len(blocks) >= 4
    for block in blocks:
        json.loads(block)


def test_the_documented_pull_request_changes_the_version_alone(tmp_path: Path) -> None:
    [command] = re.findall(r"^ *(sed .*)$", _section("delivery.md", "### An application in a repository of its own"), re.MULTILINE)
    text = (ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    setting = "      artifact_kind: app\n"
    (tmp_path / "Pulumi.dev.yaml").write_text(text.replace(setting, f"      artifact_sha256: {'0' * 64}\n{setting}"))
    subprocess.run(["bash", "-c", command], check=True, cwd=tmp_path, env={"VERSION": "f" * 64, "PATH": "/usr/bin:/bin"})
    assert (tmp_path / "Pulumi.dev.yaml").read_text() == text.replace(setting, f"      artifact_sha256: {'f' * 64}\n{setting}")
