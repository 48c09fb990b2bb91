"""The command from end to end: real programs, real packs."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from offline_preview import cli

Write = Callable[..., Path]

PROGRAM = """
import pulumi
import pulumi_aws as aws

class Store(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("shop:index:Store", name, None, opts)
        bucket = aws.s3.Bucket(f"{name}-logs", opts=pulumi.ResourceOptions(parent=self))
        aws.s3.Bucket(f"{name}-data", tags={"Owner": "me"}, opts=pulumi.ResourceOptions(parent=self))
        self.arn = bucket.arn
        self.register_outputs({"arn": self.arn})

print("hello from", pulumi.get_stack())
store = Store("store")
pulumi.export("arn", store.arn)
pulumi.export("token", pulumi.Output.secret("hunter22"))
"""
EMPTY = "import pulumi\n"
PACK = """
from pulumi_policy import *
def tags(args, report):
    if args.resource_type == "aws:s3/bucket:Bucket" and not args.props.get("tags"):
        report("bucket has no tags")
def arns(args, report):
    for resource in args.resources:
        if resource.name == "store-logs":
            report("ARN is " + resource.props["arn"], resource.urn)
PolicyPack("own", [
    ResourceValidationPolicy("tags", "Buckets have tags", tags, EnforcementLevel.MANDATORY, remediation_steps="Set tags."),
    StackValidationPolicy("arns", "ARNs are right", arns),
])
"""

NO_PROFILE = (
    "note: own: there is no profile for the stack prod (looked for prod.json), so the pack's own defaults apply: no exemptions and no"
    " forbidden paths are known. Name a profile: --profile dev\n"
)


@pytest.fixture
def shop(project: Write, pack: Write) -> Path:
    """A project with the stacks dev and prod and one pack, whose profile for dev makes everything advisory."""
    folder = project(Pulumi__prod__yaml="config: {aws:region: eu-west-1}\n")
    (folder / "__main__.py").write_text(PROGRAM)
    policies = pack(PACK, "project/policies/own")
    (policies / "dev.json").write_text('{"all": "advisory"}')
    return folder


@pytest.fixture
def bare(project: Write) -> Callable[[str], Path]:
    """A project with the stack dev and the given program, without packs."""

    def write(program: str) -> Path:
        folder = project()
        (folder / "__main__.py").write_text(program)
        return folder

    return write


def run(capfd: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command."""
    code = cli.main(["--project", str(folder), *arguments])
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def test_both_stacks_are_previewed_and_judged_by_their_profiles(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, shop)
    lines = [line.rstrip() for line in out.splitlines()]
    assert (code, err) == (1, NO_PROFILE)
    assert {"hello from dev", "hello from prod", "shop / dev", "shop / prod"} <= set(lines)
    assert lines[-2].startswith("dev   2 resources, 1 component  compliant: 0 mandatory, 2 advisory; profile dev  (")
    assert lines[-1].startswith("prod  2 resources, 1 component  NOT COMPLIANT: 1 mandatory, 1 advisory; no profile  (")
    told = lines.index("  • bucket has no tags  tags  mandatory")
    assert (lines[told - 1], lines[told + 1]) == (" UNSPECIFIED  s3.Bucket store-logs  __main__.py:8", "  → Set tags.")


def test_a_cell_is_judged_by_the_profile_of_its_environment(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (shop / "Pulumi.dev-cell-2.yaml").write_text("config: {aws:region: eu-west-1}\n")
    code, out, err = run(capfd, shop, "--stack", "dev-cell-2")
    assert (code, err) == (0, "")
    assert "dev-cell-2  2 resources, 1 component  compliant: 0 mandatory, 2 advisory" in out


def test_stacks_are_chosen_by_patterns_in_a_stable_order(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cells = [f"dev-cell-{number}" for number in range(1, 6)]
    for cell in cells:
        (shop / f"Pulumi.{cell}.yaml").write_text("config: {aws:region: eu-west-1}\n")
    code, out, err = run(capfd, shop, "--stack", "prod", "--stack", "dev-cell-*", "--stack", "dev-cell-[34]")
    verdicts = [line.split()[0] for line in out.splitlines() if "compliant: " in line.lower()]
    # More stacks than are previewed at once; the worst decides.
    assert (code, err, verdicts) == (1, NO_PROFILE, ["prod", *cells])
    code, out, _ = run(capfd, shop, "--stack", "dev-cell-?")
    assert (code, out.count("  compliant: ")) == (0, 5)


def test_files_of_configuration_are_chosen_by_patterns(shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cells"
    folder.mkdir()
    for stack in ("dev-cell-2", "dev-cell-1", "dev-global"):
        (folder / f"Pulumi.{stack}.yaml").write_text("config: {aws:region: eu-west-1}\n")
    code, out, err = run(capfd, shop, "--config-file", str(folder / "Pulumi.*.yaml"))
    verdicts = [line.split()[0] for line in out.splitlines() if "  compliant: " in line]
    assert (code, err, verdicts) == (0, "", ["dev-cell-1", "dev-cell-2", "dev-global"])
    first = str(folder / "Pulumi.dev-cell-1.yaml")
    assert run(capfd, shop, "--config-file", first, "--config-file", str(folder / "Pulumi.dev-g*"))[1].count("  compliant: ") == 2
    other = tmp_path / "Pulumi.dev-cell-1.yaml"
    other.write_text("config: {}\n")
    code, _, err = run(capfd, shop, "--config-file", first, "--config-file", str(other))
    assert (code, err) == (2, f"error: --config-file: {first} and {other} are both of the stack 'dev-cell-1'. Keep one.\n")


def test_a_stack_that_fails_among_many_leaves_the_others_shown(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for number in range(1, 6):
        (shop / f"Pulumi.dev-cell-{number}.yaml").write_text("config: {aws:region: eu-west-1}\n")
    (shop / "__main__.py").write_text(PROGRAM + 'if pulumi.get_stack() == "dev-cell-1":\n    raise ValueError("no")\n')
    code, out, err = run(capfd, shop, "--stack", "dev-cell-*")
    assert (code, out.count("  compliant: ")) == (2, 4)
    assert err.startswith("error: stack dev-cell-1, ")


def test_a_compliant_stack_gives_zero(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, shop, "--stack", "dev")
    assert code == 0
    assert "prod" not in out


def test_reports_are_written(shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("json", "sarif", "junit")}
    arguments = [text for name, file in files.items() for text in (f"--{name}", str(file))]
    assert run(capfd, shop, *arguments)[0] == 1
    stacks = json.loads(files["json"].read_text())
    assert [stack["stack"] for stack in stacks] == ["dev", "prod"]
    assert stacks[0]["outputs"]["token"] == "[secret]"
    assert [(found["control"], found["level"], found["urn"].rsplit("::", 1)[1]) for found in stacks[1]["findings"]] == [
        ("tags", "mandatory", "store-logs"),
        ("arns", "advisory", "store-logs"),
    ]
    assert [one["automationDetails"]["id"] for one in json.loads(files["sarif"].read_text())["runs"]] == [
        "offline-preview/shop/dev/",
        "offline-preview/shop/prod/",
    ]
    assert '<testsuite name="prod.own" tests="2" failures="1"' in files["junit"].read_text()


def test_one_stack_is_drawn(shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "stack.svg"
    code, _, error = run(capfd, shop, "--stack", "dev", "--svg", str(picture))
    assert (code, error) == (0, "")
    assert picture.read_text().startswith("<svg ")
    several = "error: --svg: draws one stack, and these are 2: dev, prod. Add --stack NAME.\n"
    assert run(capfd, shop, "--svg", str(picture)) == (2, "", several)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    missing = "error: --svg: needs the package cloudpatterns-pictures. Install it beside offline-preview.\n"
    assert run(capfd, shop, "--stack", "dev", "--svg", "x.svg") == (2, "", missing)


def test_a_report_has_standard_output_for_itself(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, shop, "--stack", "prod", "--json", "-")
    assert (code, json.loads(out)["stack"]) == (1, "prod")
    assert "hello from prod" in err
    assert "NOT COMPLIANT" in err


def test_values_are_unknown_as_in_the_clis_preview_when_asked_for(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _, deployed, _ = run(capfd, shop, "--stack", "prod", "--json", "-")
    _, preview, _ = run(capfd, shop, "--stack", "prod", "--json", "-", "--as", "preview")
    assert json.loads(deployed)["outputs"]["arn"].startswith("arn:aws:s3:::store-logs-")
    data = json.loads(preview)
    assert data["outputs"]["arn"] == "[unknown]"
    assert [found["verdict"] for found in data["findings"]] == ["fail", "unknown"]


def test_given_packs_and_profiles_replace_the_projects(shop: Path, pack: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = pack(PACK.replace('"own"', '"other"'), "other")
    profile = tmp_path / "profile.json"
    profile.write_text('{"tags": "disabled"}')
    code, out, _ = run(capfd, shop, "--policy-pack", str(other), "--policy-pack-config", str(profile), "--json", "-")
    assert code == 0
    assert {(stack["summary"]["packs"][0], stack["summary"]["advisory"]) for stack in json.loads(out)} == {("other", 1)}


def test_settings_from_the_command_line_and_another_file_reach_the_program(
    bare: Callable[[str], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = bare("import pulumi\nc = pulumi.Config()\nprint(c.get('a'), c.get_object('o'), pulumi.get_stack())\n")
    other = tmp_path / "Pulumi.staging.yaml"
    other.write_text("config: {a: file, o: {x: 1}}")
    code, out, _ = run(capfd, folder, "--config-file", str(other), "--set", "o.y[0]=true", "--set", "a=set")
    assert code == 0
    assert out.splitlines()[0] == "set {'x': 1, 'y': [True]} staging"
    renamed = other.rename(tmp_path / "other.yaml")
    assert run(capfd, folder, "--config-file", str(renamed), "--stack", "qa")[1].splitlines()[0] == "file {'x': 1} qa"


def test_outputs_of_other_stacks_come_from_files(bare: Callable[[str], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = bare("import pulumi\npulumi.export('vpc', pulumi.StackReference('organization/network/prod').get_output('vpcId'))\n")
    file = tmp_path / "outputs.json"
    file.write_text('{"vpcId": "vpc-1"}')
    code, out, _ = run(capfd, folder, "--json", "-", "--stack-reference", f"organization/network/prod={file}")
    assert (code, json.loads(out)["outputs"]) == (0, {"vpc": "vpc-1"})


def test_a_program_may_have_modules_that_are_called_like_ours(bare: Callable[[str], Path], capfd: pytest.CaptureFixture[str]) -> None:
    folder = bare("import pulumi\nimport cli, findings, preview, settings\nprint(cli.A, findings.A, preview.A, settings.A)\n")
    for name in ("cli", "findings", "preview", "settings"):
        (folder / f"{name}.py").write_text(f"A = 'its own {name}'\n")
    code, out, _ = run(capfd, folder)
    assert code == 0
    assert out.splitlines()[0] == "its own cli its own findings its own preview its own settings"


def test_notes_are_shown(bare: Callable[[str], Path], capfd: pytest.CaptureFixture[str]) -> None:
    folder = bare(EMPTY)
    (folder / "Pulumi.dev.yaml").write_text("confg: {}\n")
    code, _, err = run(capfd, folder)
    assert (code, err) == (0, f"note: {folder}/Pulumi.dev.yaml: 'confg' is unknown to Pulumi and ignored.\n")


def error(capfd: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> str:
    """What standard error says of a command that must fail with exit code 2, without a traceback."""
    code, _, err = run(capfd, folder, *arguments)
    assert code == 2
    assert "Traceback" not in err
    return err


def test_no_project(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert error(capfd, tmp_path) == f"error: --project: there is no Pulumi.yaml in {tmp_path}. Use the folder that contains it.\n"


def test_unknown_stack(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert error(capfd, shop, "--stack", "prd") == (
        f"error: --stack: there is no stack 'prd': {shop}/Pulumi.prd.yaml does not exist. Existing stacks: dev, prod."
        " Did you mean 'prod'?\n"
    )


def test_no_stack_file(bare: Callable[[str], Path], capfd: pytest.CaptureFixture[str]) -> None:
    folder = bare(EMPTY)
    (folder / "Pulumi.dev.yaml").unlink()
    assert error(capfd, folder) == (
        f"error: {folder}: there is no Pulumi.<stack>.yaml, so there is no stack to preview."
        " Fix: pulumi stack init dev, or write Pulumi.dev.yaml.\n"
    )


def test_malformed_yaml(bare: Callable[[str], Path], capfd: pytest.CaptureFixture[str]) -> None:
    folder = bare(EMPTY)
    (folder / "Pulumi.dev.yaml").write_text("config: {a: 1\n")
    assert error(capfd, folder).startswith(f"error: {folder}/Pulumi.dev.yaml:2:1: is not valid YAML: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json", "nowhere/x.json"], "--json: there is no folder "),
        (["--sarif", "."], "--sarif: . is a folder. Use the name of a file in it."),
        (["--json", "-", "--sarif", "-"], "--json, --sarif: only one report can go to standard output; write the others to files."),
        (["--set", "x"], "--set: 'x' must be KEY=VALUE"),
        (["--stack-reference", "x"], "--stack-reference: 'x' must be NAME=FILE"),
        (["--stack-reference", "x=nowhere"], "--stack-reference: nowhere cannot be read: No such file or directory."),
        (["--stack-reference", f"x={__file__}"], f"--stack-reference: {__file__} is not valid JSON: "),
        (["--config-file", "nowhere"], "--config-file: nowhere does not exist."),
        (["--stack", "qa-*"], "--stack: no stack matches 'qa-*'. Existing stacks: "),
        (["--config-file", __file__], "--config-file: test_cli.py does not name its stack. Add --stack NAME."),
        (["--config-file", __file__, "--stack", "a", "--stack", "b"], "--config-file: is for one stack;"),
        (["--policy-pack", "nowhere"], "--policy-pack: there is no PulumiPolicy.yaml in "),
    ],
)
def test_wrong_arguments(bare: Callable[[str], Path], capfd: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert error(capfd, bare(EMPTY), *arguments).startswith(f"error: {message}")


def test_stack_outputs_must_be_an_object(bare: Callable[[str], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "outputs.json"
    file.write_text("[]")
    message = error(capfd, bare(EMPTY), "--stack-reference", f"x={file}")
    assert message == f"error: --stack-reference: {file} contains a list; it must be an object of outputs.\n"


def test_unknown_options_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--stak", "dev"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --stak dev" in capfd.readouterr().err


def test_a_report_that_cannot_be_written(bare: Callable[[str], Path], capfd: pytest.CaptureFixture[str]) -> None:
    assert error(capfd, bare(EMPTY), "--json", "/dev/full").startswith(
        "error: --json: /dev/full cannot be written: No space left on device."
    )


def test_a_program_that_raises_shows_its_own_line(bare: Callable[[str], Path], capfd: pytest.CaptureFixture[str]) -> None:
    folder = bare("import helper\nhelper.fail()\n")
    (folder / "helper.py").write_text("def fail():\n    raise ValueError('no luck')\n")
    assert error(capfd, folder) == "error: stack dev, helper.py:2: ValueError: no luck\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\nimport nothere\n",
            f"ModuleNotFoundError: No module named 'nothere'. Install it for {sys.executable}, the interpreter that runs the program.",
        ),
        ("import sys\nsys.exit(4)\n", "the program called sys.exit(4)"),
        ("x = 1\nx = (\n", "SyntaxError: '(' was never closed"),
    ],
)
def test_the_line_of_an_error_comes_before_its_text(
    bare: Callable[[str], Path], capfd: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    assert error(capfd, bare(text)) == f"error: stack dev, __main__.py:2: {message}\n"


STORE = PROGRAM.partition("print(")[0]


@pytest.mark.parametrize(
    ("program", "places"),
    [
        (
            STORE + "import again\nStore('store')\nagain.store(Store)\n",
            "shop:index:Store are named 'store', at __main__.py:14 and again.py:2",
        ),
        (STORE + "for _ in range(2):\n    aws.s3.Bucket('logs')\n", "aws:s3/bucket:Bucket are named 'logs', both at __main__.py:14"),
        (
            STORE + "import again\nagain.store(Store)\nagain.store(Store)\n",
            "shop:index:Store are named 'store', at __main__.py:14 and __main__.py:15",
        ),
        (
            STORE + "aws.s3.Bucket('logs')\naws.s3.Bucket.get('logs', 'id')\n",
            "aws:s3/bucket:Bucket are named 'logs', at __main__.py:13 and __main__.py:14",
        ),
    ],
)
def test_two_resources_of_one_name_are_refused_with_the_places_of_both(
    shop: Path, capfd: pytest.CaptureFixture[str], program: str, places: str
) -> None:
    (shop / "__main__.py").write_text(program)
    (shop / "again.py").write_text("def store(kind):\n    kind('store')\n")
    expected = f"error: stack dev, prod: Duplicate resource URN: two resources of type {places}. Give one of them another name.\n"
    assert error(capfd, shop) == expected


def test_the_same_error_of_two_stacks_is_shown_once(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (shop / "__main__.py").write_text("raise ValueError('no luck')\n")
    assert error(capfd, shop) == "error: stack dev, prod, __main__.py:1: ValueError: no luck\n"


def test_an_error_of_one_stack_leaves_the_other_shown_but_writes_no_report(
    shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (shop / "__main__.py").write_text(PROGRAM + "if pulumi.get_stack() == 'dev': raise ValueError('no luck')\n")
    code, out, err = run(capfd, shop, "--json", str(tmp_path / "out.json"))
    assert (code, err) == (2, f"{NO_PROFILE}error: stack dev, __main__.py:17: ValueError: no luck\n")
    assert "prod  2 resources" in out
    assert not (tmp_path / "out.json").exists()


def test_a_text_of_several_lines_is_shown_as_it_is(bare: Callable[[str], Path], capfd: pytest.CaptureFixture[str]) -> None:
    folder = bare("import pulumi\nraise pulumi.RunError('2 settings are wrong:\\n  a\\n  b')\n")
    assert error(capfd, folder) == "error: stack dev, __main__.py:2:\n2 settings are wrong:\n  a\n  b\n"


def test_tracebacks_are_shown_when_asked_for(bare: Callable[[str], Path], capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capfd, bare("raise ValueError('no luck')\n"), "--debug")
    assert code == 2
    assert "Traceback (most recent call last)" in err
    code, _, err = run(capfd, tmp_path / "nowhere", "--debug")
    assert code == 2
    assert "Traceback (most recent call last)" in err


def test_a_pack_that_does_not_start(bare: Callable[[str], Path], pack: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken = pack("import nonsense\n")
    message = error(capfd, bare(EMPTY), "--policy-pack", str(broken))
    assert message.startswith(f"error: policy pack {broken}, stack dev: does not start (it ended with exit code 1). It wrote:\n")
    assert message.endswith("    ModuleNotFoundError: No module named 'nonsense' (__main__.py:1)\n")
    code, _, err = run(capfd, tmp_path / "project", "--policy-pack", str(broken), "--debug")
    assert code == 2
    assert "import nonsense" in err


def test_a_misspelt_control_in_a_profile(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (shop / "policies" / "own" / "dev.json").write_text('{"tagz": "mandatory"}')
    assert error(capfd, shop, "--stack", "dev") == (
        f"error: {shop}/policies/own/dev.json: the pack has no control 'tagz'. Did you mean 'tags'?\n"
    )


def test_what_packs_log_is_shown_for_debugging(bare: Callable[[str], Path], pack: Write, capfd: pytest.CaptureFixture[str]) -> None:
    program = """
import grpc, sys
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
from pulumi_policy import *
engine_pb2_grpc.EngineStub(grpc.insecure_channel(sys.argv[1])).Log(engine_pb2.LogRequest(severity=1, message="logged"))
PolicyPack("logging", [ResourceValidationPolicy("v", "d", lambda args, report: None)])
"""
    code, _, err = run(capfd, bare(EMPTY), "--policy-pack", str(pack(program)), "--debug")
    assert (code, err) == (0, "logged\n")


def test_progress_is_shown_on_a_terminal(
    bare: Callable[[str], Path], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    folder = bare(EMPTY)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert cli.main(["--project", str(folder)]) == 0
    assert "dev: " in terminal.getvalue()


def command() -> str:
    """The installed command."""
    return str(Path(sys.executable).parent / "offline-preview")


def test_the_installed_command_previews_this_folder(shop: Path) -> None:
    done = subprocess.run([command(), "--stack", "dev"], cwd=shop, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "compliant: 0 mandatory" in done.stdout


def test_the_module_can_be_run(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "offline_preview"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: --project: there is no Pulumi.yaml in ")


def test_a_reader_that_goes_away_is_no_error(shop: Path) -> None:
    with subprocess.Popen([command(), "--stack", "dev"], cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
