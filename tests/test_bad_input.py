"""What people get wrong, told by the command on the project's own program: one clear message, exit code 2, no traceback.

What any program can be given to get wrong (stacks, options, packs that do not start) is in `tests/preview/test_cli.py`, and each rule of
the settings in `tests/settings`.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from offline_preview import cli

from tests.program import ROOT, copy_project

SECURITY = ROOT / "policies" / "security"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, its settings and its stacks, without packs."""
    return copy_project(tmp_path_factory.mktemp("project"))


def run(capfd: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command."""
    code = cli.main(["--project", str(folder), *arguments])
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def stack_file(folder: Path, stack: str, **sections: dict[str, Any] | list[Any] | None) -> Path:
    """A shipped stack file with other values in its sections; None takes a value, or a whole section, away."""
    data = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    for section, changes in sections.items():
        key = f"cloudpatterns:{section}"
        if not isinstance(changes, dict):
            data["config"][key] = changes
            continue
        values = {**data["config"][key], **changes}
        data["config"][key] = {name: value for name, value in values.items() if value is not None}
    file = folder / f"Pulumi.{stack}.yaml"
    file.write_text(
        yaml.safe_dump({"config": {key: value for key, value in data["config"].items() if value is not None}}), encoding="utf-8"
    )
    return file


def problems(err: str, stack: str) -> list[tuple[str, str, str]]:
    """Key, what was given and what is wrong with it, of a message about settings."""
    head, *blocks = err.rstrip("\n").split("\n\n")
    number = f"{len(blocks)} problem{'s' if len(blocks) > 1 else ''}"
    assert re.fullmatch(rf"error: stack {stack}, __main__.py:\d+:\nThe settings of stack {stack} have {number}:", head)
    found = []
    for block in blocks:
        key, *lines = block.splitlines()
        fields = {name.strip(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        assert fields["allowed"]
        assert fields["fix"].startswith("pulumi config ")
        assert f" --stack {stack} " in fields["fix"]
        found.append((key.removeprefix("cloudpatterns:"), fields["given"], fields.get("problem", "")))
    return found


def test_all_wrong_settings_are_reported_at_once(project: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = stack_file(
        tmp_path,
        "dev",
        network={"zones": ["eu-west-1a", "us-east-1b"], "flow_log_retention_days": "many"},
        storefront={"load_balancer": {}, "colour": "blue"},
        operators=[],
        cache=None,
    )
    code, out, err = run(capfd, project, "--config-file", str(file))
    assert (code, out) == (2, "")
    assert problems(err, "dev") == [
        ("network.flow_log_retention_days", '"many"', "text where another type of value is expected"),
        ("network.zones[1]", '"us-east-1b"', "is not a zone of eu-west-1 (local and wavelength zones are not supported)"),
        ("storefront.load_balancer.certificate_arn", "nothing", "HTTPS needs a certificate"),
        ("storefront.colour", '"blue"', "unknown key"),
        ("cache", "nothing", "the whole section is missing"),
        ("operators", "[]", ""),
    ]


def test_what_components_refuse_is_reported_with_the_settings(project: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    servers = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]["cloudpatterns:storefront"]["servers"]
    statement = {"actions": ["*"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:orders"]}
    wrong = {"environment": {"DB_PASS": "hunter2"}, "statements": [statement], "database_user": "root"}
    file = stack_file(tmp_path, "dev", storefront={"servers": {**servers, **wrong}}, database={"engine": "oracle"})
    code, _, err = run(capfd, project, "--config-file", str(file))
    assert code == 2
    reason = "is named like a secret, and user data can be read. Pass the secret's ARN as DB_PASS_ARN and fetch it at run time"
    assert problems(err, "dev") == [
        (
            "storefront.servers.statements[0].actions",
            '["*"]',
            "has * in statement 0; every action is not least privilege. Name the actions",
        ),
        ("storefront.servers.environment.DB_PASS", "[secret]", reason),
        ("storefront.servers.database_user", '"root"', "is 'root'; the name is reserved by mysql. Use another, such as app"),
        ("database.engine", '"oracle"', ""),
    ]
    assert "hunter2" not in err


def test_subnets_that_overlap_or_are_too_small(project: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cidrs = {
        "public": {"eu-west-1a": "10.20.0.0/24", "eu-west-1b": "10.20.1.0/24"},
        "private": {"eu-west-1a": "10.20.0.0/20", "eu-west-1b": "10.20.16.0/20"},
        "data": {"eu-west-1a": "10.20.32.0/29", "eu-west-1b": "10.21.0.0/24"},
    }
    code, _, err = run(capfd, project, "--config-file", str(stack_file(tmp_path, "dev", network={"subnet_cidrs": cidrs})))
    assert code == 2
    private, overlaps = "10.20.0.0/20, the private subnet of zone eu-west-1a", "the public subnet of zone"
    assert problems(err, "dev") == [
        (f"network.subnet_cidrs.{key}", f'"{given}"', problem)
        for key, given, problem in (
            ("data.eu-west-1a", "10.20.32.0/29", "10.20.32.0/29, the data subnet of zone eu-west-1a, is not between /16 and /28"),
            ("data.eu-west-1b", "10.21.0.0/24", "10.21.0.0/24, the data subnet of zone eu-west-1b, is not inside 10.20.0.0/16"),
            ("private.eu-west-1a", "10.20.0.0/20", f"{private}, overlaps 10.20.0.0/24, {overlaps} eu-west-1a"),
            ("private.eu-west-1a", "10.20.0.0/20", f"{private}, overlaps 10.20.1.0/24, {overlaps} eu-west-1b"),
        )
    ]


def test_a_setting_of_the_command_line_is_checked_like_the_files(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capfd, project, "--stack", "prod", "--set", "database.engine=oracle")
    assert code == 2
    assert problems(err, "prod") == [("database.engine", '"oracle"', "")]


def test_wrong_arguments_of_a_component_are_reported_like_settings_and_prints_just_show(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = 'print("noise")\nNetwork("other", {"cidr_block": "10.0.0.0/8", "zones": ["eu-west-1a"]})\n'
    folder = copy_project(tmp_path / "project", after=program)
    code, out, err = run(capfd, folder, "--stack", "dev")
    line = len((folder / "__main__.py").read_text().splitlines()) - 1
    assert (code, out) == (2, "noise\n")
    assert err == (
        f'error: stack dev, __main__.py:{line}:\nNetwork "other" cannot be created:\n'
        "  cidr_block: cannot be laid out: the VPC's block 10.0.0.0/8 is not between /16 and /28\n"
    )
    code, _, err = run(capfd, folder, "--stack", "dev", "--debug")
    assert code == 2
    assert "Traceback (most recent call last)" in err


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A project without resources: profiles are refused before any is looked at."""
    (tmp_path / "Pulumi.yaml").write_text("name: empty\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {aws:region: eu-west-1}\n")
    (tmp_path / "__main__.py").write_text("import pulumi\n")
    return tmp_path


ENTRY = {
    "control": "security-group-egress",
    "urn": "*",
    "reason": "Moves away.",
    "owner": "platform",
    "ticket": "OPS-1",
    "expires": "2020-01-31",
}


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        (
            {"security-group-egres": "advisory"},
            "{file}: the pack has no control 'security-group-egres'. Did you mean 'security-group-egress'?",
        ),
        (
            {"exemptions": {"entries": [ENTRY]}},
            "policy pack cloudpatterns-security refuses {file}: exemptions: entries[0]: exemption of security-group-egress for * (OPS-1)"
            " expired on 2020-01-31; fix the finding or renew it",
        ),
        (
            {"exemptions": {"entries": [{**ENTRY, "expires": "2999-01-31", "control": "security-group-egres"}]}},
            "policy pack cloudpatterns-security refuses {file}: exemptions: entries[0]: unknown control 'security-group-egres';"
            " did you mean 'security-group-egress'?",
        ),
    ],
    ids=["misspelt control", "expired exemption", "exemption of an unknown control"],
)
def test_profiles_of_the_security_pack(empty: Path, capfd: pytest.CaptureFixture[str], profile: dict[str, Any], message: str) -> None:
    file = empty / "profile.json"
    file.write_text(json.dumps(profile))
    code, _, err = run(capfd, empty, "--policy-pack", str(SECURITY), "--policy-pack-config", str(file))
    assert (code, err) == (2, f"error: {message.format(file=file)}\n")
