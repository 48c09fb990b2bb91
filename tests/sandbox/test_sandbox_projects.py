"""`python -m sandbox --project DIR` with a CLI that only writes down what it is asked: any project, where it is."""

import json
import re
from pathlib import Path

import pytest
from offline_preview.errors import PreviewError

from sandbox import __main__ as command
from sandbox import projects, workspace
from sandbox.workspace import ROOT
from tests.sandbox.conftest import calls, left_behind

STACK = "encryptionsalt: v1:AQID=:v1:x\nconfig:\n  aws:region: eu-central-1\n  shop:key: {secure: v1:YQ==}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in Python with one stack."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "__main__.py").write_text("")
    (folder / "Pulumi.prod.yaml").write_text(STACK)
    return folder


@pytest.mark.parametrize("cli", ["protected"], indirect=True)
def test_a_project_is_deployed_where_it_is(
    cli: Path, project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    before = {file: file.read_text() for file in project.iterdir()}
    assert command.main(["--project", str(project)]) == 0
    assert {file: file.read_text() for file in project.iterdir()} == before
    words = [line.split(" --config-file ") for line in calls(cli)]
    assert [line[0] for line in words] == [
        "stack init prod",
        "up --stack prod --yes",
        "up --stack prod --yes --expect-no-changes",
        "stack export --stack prod",
        "stack export --stack prod",
        "destroy --stack prod --yes --skip-preview",
    ]
    # Never the file beside Pulumi.yaml.
    assert {Path(line[1]).name for line in words if len(line) == 2} == {"Pulumi.prod.yaml"}
    assert [len(line) for line in words] == [1, 2, 2, 1, 1, 2]
    environment = json.loads(cli.with_suffix(".environment").read_text())
    assert (environment["AWS_PROFILE"], environment["AWS_ACCESS_KEY_ID"]) == ("", "sandbox")
    assert environment["PATH"].split(":")[0].endswith("/plugin")
    out = capfd.readouterr().out
    assert "  note: Pulumi.prod.yaml: the sandbox cannot decrypt shop:key and deploys a placeholder instead\n" in out
    assert "  note: deletion protection is switched off in the account, as by hand: shop-db\n" in out
    assert "\nprod  2 resources: up, second up without changes, destroy left nothing but resources retained on purpose (shop-key)  (" in out
    assert left_behind(cli) == []


@pytest.mark.parametrize("cli", ["plain"], indirect=True)
def test_the_copy_has_the_settings_without_what_encrypts_the_real_stack(cli: Path, project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    made = projects.make(folder, projects.load(project), "prod")
    assert (made.project, made.config_file) == (project, folder / "stack" / "Pulumi.prod.yaml")
    assert json.loads((folder / "stack" / "Pulumi.prod.yaml").read_text()) == {
        "config": {"aws:region": "eu-central-1", "shop:key": "OfflinePlaceholder0Secret"}
    }
    assert json.loads((folder / "stack" / "Pulumi.yaml").read_text()) == {"name": "shop", "runtime": "python"}


@pytest.mark.parametrize("cli", ["plain"], indirect=True)
def test_packs_are_optional_and_have_their_profile(cli: Path, project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bare = project / "bare"
    bare.mkdir()
    (bare / "PulumiPolicy.yaml").write_text("runtime: python\n")
    assert command.main(["--project", str(project), "--policy-pack", "security", "--policy-pack", str(bare)]) == 0
    security = ROOT / "policies" / "security"
    assert json.loads(cli.read_text().splitlines()[1])[4:12] == [
        *("--policy-pack", str(security), "--policy-pack-config", str(security / "prod.json")),
        *("--policy-pack", str(bare), "--policy-pack-config", str(ROOT / "sandbox" / "no-profile.json")),
    ]
    assert "prod  2 resources: up compliant, " in capfd.readouterr().out
    assert command._pack_options([Path("security")], "qa", "dev")[2:] == ["--policy-pack-config", str(security / "dev.json")]
    assert json.loads((ROOT / "sandbox" / "no-profile.json").read_text()) == {}
    assert command._pack_options([bare], "prod", "") == ["--policy-pack", str(bare)]


@pytest.mark.parametrize("cli", ["failing"], indirect=True)
def test_a_failure_says_what_the_sandbox_knows_of_it(cli: Path, project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--project", str(project)]) == 1
    assert capfd.readouterr().err.endswith("a provider said no\n\n`pulumi up` ended with 255\nprod  FAILED\n")
    said = "no resource plugin 'pulumi-resource-cloudflare' found, install it: `pulumi plugin install resource cloudflare`"
    assert list(projects.hints(said)) == [
        "the sandbox stands in for AWS alone; of your CLI's plugins it lends only "
        "aws-apigateway, awsx, cloudpatterns, random, std, time, tls"
    ]
    assert list(projects.hints('unknown stack "organization/network/prod"')) == [
        "the sandbox has no other stacks, so a StackReference finds none"
    ]
    assert list(projects.hints("a provider said no")) == []


@pytest.mark.parametrize(
    ("files", "wanted", "expected"),
    [
        ([], None, "dev"),
        ([], "qa", "qa"),
        (["dev", "prod"], None, "dev"),
        (["prod"], None, "prod"),
        (["prod", "qa"], "qa", "qa"),
        (["prod", "qa"], None, "has no stack dev; choose one with --stack: prod, qa"),
        (["prod", "qa"], "dev", "there is no Pulumi.dev.yaml in {0}; stack files are there for prod, qa"),
    ],
)
def test_the_stack_is_told_or_asked_for(tmp_path: Path, files: list[str], wanted: str | None, expected: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: {name: go}\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    for name in files:
        (tmp_path / "stacks" / f"Pulumi.{name}.yaml").touch()
    project = projects.load(tmp_path)
    if " " not in expected:
        assert project.stack(wanted) == expected
        return
    with pytest.raises(PreviewError) as error:
        project.stack(wanted)
    assert str(error.value).endswith(expected.format(tmp_path / "stacks"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--project", "nowhere"], r"there is no Pulumi\.yaml in .*/nowhere; --project takes the folder of a Pulumi project"),
        (["--project", "nameless"], r".*/nameless/Pulumi\.yaml: 'name' must be a text; it is None"),
        (["--project", "node"], r".*/node: its packages are not installed; run `pulumi install` there first"),
        (["--project", "venv"], r".*/venv: its virtual environment \.venv is not there; run `pulumi install` there first"),
        (["--project", "go"], r".*/go: there is no `pulumi-language-go`, which comes with the Pulumi CLI"),
        (["--project", "sdk"], r".*/sdk: the SDKs of its `packages` are not generated; run"),
        (["--policy-pack", "security"], r"--policy-pack is for --project; this repository's own program always has its packs"),
        (["--project", "sdk", "--profile", "dev"], r"--profile is for --policy-pack"),
        (["--examples", "--stack", "dev"], r"--examples takes no other options"),
        (["--project", "sdk", "--policy-pack", "nowhere"], r"--policy-pack: there is no PulumiPolicy\.yaml in .*/nowhere\."),
    ],
)
@pytest.mark.parametrize("cli", ["plain"], indirect=True)
def test_what_cannot_be_tried_is_one_message(
    cli: Path, arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    files = {
        "nameless/Pulumi.yaml": "runtime: python\n",
        "node/Pulumi.yaml": "name: node\nruntime: python\n",
        "node/package.json": "{}",
        "venv/Pulumi.yaml": "name: venv\nruntime: {name: python, options: {virtualenv: .venv}}\n",
        "go/Pulumi.yaml": "name: go\nruntime: go\n",
        "sdk/Pulumi.yaml": "name: sdk\nruntime: python\npackages: {cloudpatterns: ../components}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)
    assert command.main(arguments) == 2
    [line] = capfd.readouterr().err.splitlines()
    assert re.match(f"sandbox: {message}", line), line


@pytest.mark.parametrize("cli", ["plain"], indirect=True)
def test_every_example_has_a_line(
    cli: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    node = tmp_path / "node"
    node.mkdir()
    (node / "Pulumi.yaml").write_text("name: node\nruntime: python\n")
    (node / "package.json").write_text("{}")
    monkeypatch.setattr(projects, "examples", lambda: [project, node])
    monkeypatch.setattr(workspace, "example_stack_files", list)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["--examples"]) == 0
    *_steps, first, second = capfd.readouterr().out.splitlines()
    assert first.startswith("shop                              prod  2 resources: up, second up without changes, destroy left nothing ")
    assert second == "node                              skipped: its packages are not installed; run `pulumi install` there first"


@pytest.mark.parametrize("cli", ["failing"], indirect=True)
def test_an_example_that_fails_stops_no_other(
    cli: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(projects, "examples", lambda: [project, project])
    monkeypatch.setattr(workspace, "example_stack_files", list)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["--examples"]) == 1
    assert capfd.readouterr().out.splitlines()[-2:] == ["shop                              FAILED"] * 2


def test_the_examples_are_found() -> None:
    names = {str(folder.relative_to(ROOT)) for folder in projects.examples()}
    assert {"bootstrap", "examples/floating_ip", "examples/languages/go"} <= names
    assert len(names) == len(list(ROOT.glob("examples/**/Pulumi.yaml"))) + 1


@pytest.mark.parametrize("cli", ["plain"], indirect=True)
def test_every_stack_file_of_the_examples_has_a_line(cli: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    files = workspace.example_stack_files()
    assert "Pulumi.prod-backup.yaml" in {file.name for file in files}
    monkeypatch.setattr(projects, "examples", list)
    monkeypatch.setattr(workspace, "example_stack_files", lambda: files[:1])
    assert command.main(["--examples"]) == 0
    line = capfd.readouterr().out.splitlines()[-1]
    stack = files[0].name.split(".")[1]
    assert line.startswith(f"examples/stacks/{files[0].name}")
    assert f"{stack}  2 resources: up compliant, second up without changes" in line


def test_only_harmless_plugins_of_the_users_cli_are_lent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("resource-random-v4.16.7", "resource-aws-v7.1.0", "resource-cloudflare-v6.0.0", "language-yaml-v1.0.0"):
        (tmp_path / "home" / "plugins" / name).mkdir(parents=True)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    projects._lend_plugins(tmp_path / "plugins")
    assert [file.name for file in (tmp_path / "plugins").iterdir()] == ["resource-random-v4.16.7"]
