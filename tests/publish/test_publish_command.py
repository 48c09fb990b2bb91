"""`python -m publish` against an S3 emulator, with a CLI that knows one stack: what is uploaded, what is set, and in which order."""

import base64
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.blocks.server import architecture

from publish import __main__ as command
from publish import archive
from publish.bucket import Bucket
from publish.stack import SETTING, Stack
from tests.publish.conftest import BUCKET, Cli

ROOT = Path(__file__).resolve().parents[2]
READS = ["config --json", "stack output --json"]
OTHER = "f" * 64


def run(*arguments: str) -> int:
    return command.main(["--stack", "dev", *arguments])


@pytest.fixture
def artifact(build: Path, tmp_path: Path) -> Path:
    """The application, packed."""
    path = tmp_path / "shop.tar.gz"
    archive.pack(build, path)
    return path


def objects(s3: Any) -> list[str]:
    return [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def versions(s3: Any) -> int:
    return len(s3.list_object_versions(Bucket=BUCKET).get("Versions", []))


def put(s3: Any, version: str) -> None:
    checksum = base64.b64encode(bytes.fromhex(version)).decode()
    s3.put_object(Bucket=BUCKET, Key=f"{version}.tar.gz", Body=b"x", ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum)


def test_an_artifact_is_uploaded_under_its_sha256_and_set(cli: Cli, s3: Any, artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--artifact", str(artifact)) == 0
    version = archive.sha256(artifact)
    stored = s3.get_object(Bucket=BUCKET, Key=f"{version}.tar.gz", ChecksumMode="ENABLED")
    assert stored["Body"].read() == artifact.read_bytes()
    # S3 compares this with what arrives.
    assert base64.b64decode(stored["ChecksumSHA256"]).hex() == version
    assert stored["ContentType"] == "application/gzip"
    assert cli.asked() == [*READS, f"config set --path {SETTING} {version}"]
    assert capsys.readouterr().out.splitlines() == [
        f"{artifact} has 2 files, 49 bytes; packed, {artifact.stat().st_size} bytes",
        f"{artifact} is version {version}: uploaded to s3://{BUCKET}/{version}.tar.gz",
        f"{SETTING} of stack dev is now {version}; it was not set",
        "Next: make up STACK=dev, and commit Pulumi.dev.yaml: workflows deploy what is committed.",
    ]


def test_a_second_time_changes_nothing(cli: Cli, s3: Any, artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--artifact", str(artifact)) == 0
    cli.put(calls=[])
    capsys.readouterr()
    assert run("--artifact", str(artifact)) == 0
    version = archive.sha256(artifact)
    assert (versions(s3), cli.asked()) == (1, READS)
    assert capsys.readouterr().out.splitlines()[1:3] == [
        f"{artifact} is version {version}: already in s3://{BUCKET}/{version}.tar.gz",
        f"{SETTING} of stack dev names it already",
    ]


def test_the_bucket_is_asked_in_the_region_of_the_stack(cli: Cli, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever region the user's own configuration has."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    made: list[Bucket] = []
    monkeypatch.setattr(command, "Bucket", lambda *given: made.append(Bucket(*given)) or made[-1])
    assert run("--set", "no") == 0
    assert [(bucket.name, bucket.region) for bucket in made] == [(BUCKET, "eu-west-1")]


def test_a_folder_is_packed_and_uploaded(cli: Cli, s3: Any, build: Path, artifact: Path) -> None:
    cli.put(servers={"artifact_sha256": OTHER})
    assert run("--artifact", str(build)) == 0
    assert objects(s3) == [f"{archive.sha256(artifact)}.tar.gz"]
    assert cli.get("servers") == {"artifact_sha256": archive.sha256(artifact)}


def test_the_kind_of_the_settings_decides_what_is_checked(cli: Cli, s3: Any, build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.put(servers={"artifact_kind": "static"})
    assert run("--artifact", str(build)) == 1
    assert "problem:  index.html: is missing; bin/start is there" in capsys.readouterr().err
    (build / "index.html").write_text("<!doctype html>")
    assert run("--artifact", str(build)) == 0
    cli.put(servers={"artifact_kind": "jar"}, calls=[])
    assert run("--artifact", str(build)) == 1
    assert capsys.readouterr().err.splitlines() == [
        "publish: cloudpatterns:storefront.servers.artifact_kind of stack dev",
        '  given:    "jar"',
        "  problem:  is not a kind of artifact",
        "  allowed:  app or static",
        "  fix:      pulumi config set --stack dev --path cloudpatterns:storefront.servers.artifact_kind app",
    ]


def test_servers_that_take_their_application_from_elsewhere_are_left_alone(
    cli: Cli, artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.put(servers={"artifact_uri": "s3://builds/shop.tar.gz", "artifact_sha256": OTHER})
    assert run("--artifact", str(artifact)) == 1
    assert capsys.readouterr().err.splitlines() == [
        "publish: cloudpatterns:storefront.servers.artifact_uri of stack dev",
        "  given:    s3://builds/shop.tar.gz",
        "  problem:  the servers take the application from there, and not from the stack's artifact bucket",
        "  allowed:  no such setting for artifacts that this command publishes",
        "  fix:      pulumi config rm --stack dev --path cloudpatterns:storefront.servers.artifact_uri",
    ]
    assert run("--artifact", str(artifact), "--set", "no") == 0
    assert capsys.readouterr().out == "The servers of stack dev take s3://builds/shop.tar.gz: nothing is uploaded or checked.\n"


def test_a_stack_with_containers_is_told_how_its_version_is_set(cli: Cli, artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = {"objectValue": {"containers": {"image": "shop:1"}}, "secret": False}
    cli.put(config={"aws:region": {"value": "eu-west-1", "secret": False}, "cloudpatterns:storefront": section})
    assert command.main(["--stack", "dev", "--artifact", str(artifact)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "publish: ARTIFACT",
        f"  given:    {artifact}",
        "  problem:  stack dev runs containers, and their version is an image",
        "  allowed:  an artifact for a stack with servers; for containers an image that is pushed to a registry",
        "  fix:      pulumi config set --stack dev --path cloudpatterns:storefront.containers.image REPOSITORY@sha256:DIGEST",
    ]
    # What the workflow asks before a deployment.
    assert command.main(["--stack", "dev", "--set", "no"]) == 0
    setting = "cloudpatterns:storefront.containers.image"
    assert capsys.readouterr().out == f"Stack dev runs containers, whose version is {setting}: nothing is uploaded or checked.\n"


def test_with_set_no_the_setting_stays_and_must_be_in_the_bucket(
    cli: Cli, s3: Any, artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(s3, OTHER)
    cli.put(servers={"artifact_sha256": OTHER})
    assert run("--artifact", str(artifact), "--set", "no") == 0
    assert sorted(objects(s3)) == sorted([f"{archive.sha256(artifact)}.tar.gz", f"{OTHER}.tar.gz"])
    assert cli.asked() == READS
    assert capsys.readouterr().out.splitlines()[2:] == [f"{SETTING} of stack dev is {OTHER}, which is in the bucket."]


def test_a_version_that_is_not_in_the_bucket_stops_a_deployment(cli: Cli, s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(7):
        put(s3, f"{number}" * 64)
    s3.put_object(Bucket=BUCKET, Key="notes.txt", Body=b"x")
    cli.put(servers={"artifact_sha256": OTHER})
    assert run("--set", "no") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[:3] == [
        f"publish: {SETTING} of stack dev",
        f"  given:    {OTHER}",
        f"  problem:  is not in the bucket {BUCKET}; its newest artifacts:",
    ]
    shown = [line.split()[0] for line in lines[3:8]]
    assert all(re.fullmatch(r" {12}(\d)\1{63}  \d{4}-\d\d-\d\d \d\d:\d\d UTC  1 bytes", line) for line in lines[3:8])
    assert shown == sorted(shown, reverse=True)
    assert lines[8:] == [
        "  allowed:  the SHA-256 of an artifact in the bucket, 64 hexadecimal digits",
        "  fix:      publish that artifact: make publish STACK=dev ARTIFACT=...",
        "            or set one of those above:",
        f"            pulumi config set --stack dev --path {SETTING} {shown[0]}",
    ]


def test_an_empty_bucket_has_nothing_to_choose_from(cli: Cli, s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cli.put(servers={"artifact_sha256": OTHER})
    assert run("--set", "no") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[2] == f"  problem:  is not in the bucket {BUCKET}, which has no artifacts"
    assert lines[-1] == "  fix:      publish that artifact: make publish STACK=dev ARTIFACT=..."


def test_a_stack_without_a_version_is_deployed(cli: Cli, s3: Any, artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--set", "no") == 0
    assert capsys.readouterr().out == f"{SETTING} of stack dev is not set: its servers run no artifact.\n"
    assert run("--set", "no", "--artifact", str(artifact)) == 0
    assert objects(s3) == [f"{archive.sha256(artifact)}.tar.gz"]


def test_before_its_first_deployment_a_stack_has_nowhere_to_upload_to(cli: Cli, artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.put(outputs={})
    assert run("--set", "no", "--artifact", str(artifact)) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "Stack dev has no artifact bucket yet, and no version: nothing to upload to. Deploy it, then publish."
    ]
    assert run("--artifact", str(artifact)) == 1
    assert capsys.readouterr().err.splitlines() == [
        "publish: STACK",
        "  given:    dev",
        "  problem:  has no artifact bucket yet: there is no stack output artifact_bucket",
        "  allowed:  a stack that is deployed",
        "  fix:      make up STACK=dev",
        "            then publish",
    ]
    cli.put(servers={"artifact_sha256": OTHER})
    removed = [
        f"publish: {SETTING} of stack dev",
        f"  given:    {OTHER}",
        "  problem:  the stack has no artifact bucket yet (no stack output artifact_bucket), so no artifact can be in it",
        "  allowed:  no version until the stack is deployed once without one",
        f"  fix:      pulumi config rm --stack dev --path {SETTING}",
        "            deploy, then make publish STACK=dev ARTIFACT=...",
    ]
    for more in ([], ["--set", "no"]):
        assert run("--artifact", str(artifact), *more) == 1
        assert capsys.readouterr().err.splitlines() == removed


@pytest.mark.parametrize("more", [[], ["--set", "no"]])
def test_an_artifact_is_checked_also_before_the_first_deployment(
    cli: Cli, build: Path, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cli.put(outputs={})
    (build / "bin" / "start").chmod(0o644)
    assert run("--artifact", str(build), *more) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"  fix:      chmod +x {build}/bin/start"


def test_a_folder_with_a_repository_is_not_packed(cli: Cli, s3: Any, build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (build / ".git").mkdir()
    assert run("--artifact", str(build)) == 1
    assert capsys.readouterr().err.splitlines()[2].startswith("  problem:  .git: holds sources or credentials")
    assert objects(s3) == []


def test_a_folder_whose_files_become_readable_is_noted(cli: Cli, s3: Any, build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (build / "notes.txt").chmod(0o600)
    assert run("--artifact", str(build)) == 0
    assert capsys.readouterr().out.splitlines()[0] == ("note: not everyone may read notes.txt here; packed, every user of a server may")


def test_a_program_for_other_servers_is_refused(cli: Cli, s3: Any, build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (build / "bin" / "start").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(11) + (183).to_bytes(2, "little") + bytes(44))
    cli.put(servers={"instance_types": ["m7i.large"]})
    assert run("--artifact", str(build)) == 1
    assert "bin/start: is a program for arm64, and the servers (m7i.large) are x86_64" in capsys.readouterr().err
    cli.put(servers={"instance_types": ["m7g.large"]})
    assert run("--artifact", str(build)) == 0


@pytest.mark.parametrize(
    "instance_type", ["a1.large", "t4g.small", "im4gn.large", "c7gn.large", "hpc7g.4xlarge", "g4dn.xlarge", "g5.xlarge", "m7i.large"]
)
def test_the_architecture_is_that_of_the_components(cli: Cli, instance_type: str) -> None:
    cli.put(servers={"instance_types": [instance_type]})
    assert Stack("dev").wanted.architecture == architecture(instance_type)


def test_an_object_that_someone_else_put_there_is_not_taken_for_the_artifact(
    cli: Cli, s3: Any, artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version = archive.sha256(artifact)
    s3.put_object(Bucket=BUCKET, Key=f"{version}.tar.gz", Body=b"something else")
    assert run("--artifact", str(artifact)) == 1
    assert cli.asked() == READS
    assert capsys.readouterr().err.splitlines()[1:3] == [
        f"  given:    s3://{BUCKET}/{version}.tar.gz",
        "  problem:  is in the bucket already, and S3 has another SHA-256 of it or none: it was not uploaded by this command",
    ]


def test_what_aws_refuses_is_reported_and_nothing_is_set(cli: Cli, s3: Any, artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.put(outputs={"artifact_bucket": "another-bucket"})
    assert run("--artifact", str(artifact)) == 1
    assert cli.asked() == READS
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["publish: artifact bucket", "  given:    another-bucket"]
    assert lines[2].startswith("  problem:  cannot upload the artifact: An error occurred (NoSuchBucket)")
    assert lines[3:] == [
        "  allowed:  credentials of the stack's account, which may read and write this bucket and use its key",
        "  fix:      aws sts get-caller-identity",
        "            shows whose credentials these are. Then run the command again; the setting is unchanged",
    ]


def test_missing_credentials_are_reported(
    cli: Cli, s3: Any, artifact: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert run("--artifact", str(artifact)) == 1
    assert "problem:  cannot upload the artifact: Unable to locate credentials" in capsys.readouterr().err
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert run("--artifact", str(artifact)) == 1
    assert "problem:  cannot find credentials and settings of AWS: The config profile (nobody)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "problem"),
    [("", "there is no artifact to publish"), ("dist/nothing.tar.gz", "does not exist")],
)
def test_an_artifact_must_be_there(cli: Cli, given: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*(["--artifact", given] if given else [])) == 1
    assert capsys.readouterr().err.splitlines()[:3] == [
        "publish: ARTIFACT",
        f"  given:    {given or 'nothing'}",
        f"  problem:  {problem}",
    ]


def test_a_refused_artifact_is_not_uploaded(cli: Cli, s3: Any, build: Path) -> None:
    (build / "bin" / "start").chmod(0o644)
    assert run("--artifact", str(build)) == 1
    assert (objects(s3), cli.asked()) == ([], READS[:1])


def test_a_stack_that_the_cli_does_not_know_is_reported(cli: Cli, artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--stack", "test", "--artifact", str(artifact)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "publish: STACK",
        "  given:    test",
        "  problem:  `pulumi config --json` failed: no stack named 'test' found",
        "  allowed:  a stack of this project in the backend of `pulumi login`, and its passphrase or key where it has secrets",
        "  fix:      pulumi whoami --verbose",
        "            pulumi stack ls",
    ]


def test_a_secret_that_hides_the_version_is_reported(cli: Cli, artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.put(secret=True)
    assert run("--set", "no") == 1
    assert capsys.readouterr().err.splitlines()[:3] == [
        "publish: cloudpatterns:storefront of stack dev",
        "  given:    [secret]",
        "  problem:  one of its values is a secret, which hides the whole section and so the version",
    ]


def test_without_the_cli_nothing_is_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run("--set", "no") == 1
    assert capsys.readouterr().err.splitlines()[:2] == ["publish: pulumi", "  given:    no such command on PATH"]


def test_an_interrupt_leaves_the_setting(
    cli: Cli, s3: Any, artifact: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "check", interrupt)
    assert run("--artifact", str(artifact)) == 130
    assert capsys.readouterr().err == "\npublish: stopped; the setting is unchanged\n"
    assert cli.asked() == READS[:1]


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["ARTIFACT=a b.tar.gz"], "--stack dev --artifact 'a b.tar.gz'"),
        (["STACK=prod", "SET=no"], "--stack prod --set no"),
    ],
)
def test_make_publish_hands_its_variables_over(words: list[str], asked: str) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "publish", *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == f".venv/bin/python -m publish {asked}"


def test_the_command_starts_without_the_sdk() -> None:
    found = "import sys, publish.__main__; print([name for name in ('pulumi', 'pulumi_aws', 'settings') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", found], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"
