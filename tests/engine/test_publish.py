"""A version of the application over its life: published, deployed, deployed again, rolled back, with the real CLI, the stand-in for AWS and
an S3 emulator. What carries the version changes, and nothing else.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer

from publish.stack import SETTING
from sandbox import workspace
from sandbox.cloud import Entry
from tests.engine.conftest import ROOT, Engine
from tests.engine.programs import steps

TIMEOUT = 900
# The user data names the version. A new version of the template starts an instance refresh of the group.
CARRIERS = {"update": {"shop-app-template", "shop-app-group"}}


@dataclass(frozen=True)
class Deployed:
    """The stack dev, deployed without a version, and its artifact bucket in an S3 emulator."""

    engine: Engine
    environment: dict[str, str]
    s3: Any
    bucket: str

    def publish(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m publish`, in the project's folder."""
        command = [sys.executable, "-m", "publish", "--stack", "dev", *arguments]
        environment = {**self.engine.environment, **self.environment, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            command, cwd=self.engine.project, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )

    def published(self, folder: Path) -> str:
        """Publishes a build; its version, which is now the setting."""
        done = self.publish("--artifact", str(folder))
        assert done.returncode == 0, done.stderr
        version = self.settings()["artifact_sha256"]
        assert f"{version}.tar.gz" in self.objects()
        return version

    def objects(self) -> list[str]:
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]

    @property
    def file(self) -> Path:
        """The stack's file."""
        return self.engine.project / "Pulumi.dev.yaml"

    def settings(self) -> dict[str, Any]:
        """The settings of the servers."""
        return yaml.safe_load(self.file.read_text(encoding="utf-8"))["config"]["cloudpatterns:storefront"]["servers"]

    def up(self) -> dict[str, set[str]]:
        """Deploys the stack; what that changed in the account."""
        before = len(self._journal())
        _done(self.engine, "up", "--stack", "dev", "--yes", "--skip-preview")
        changed: dict[str, set[str]] = {}
        for entry in self._journal()[before:]:
            changed.setdefault(entry.operation, set()).add(entry.urn.rpartition("::")[2])
        return changed

    def planned(self) -> dict[str, set[str]]:
        """What a preview says that an update changes."""
        return steps(_done(self.engine, "preview", "--stack", "dev", "--json"))

    def _journal(self) -> list[Entry]:
        cloud = self.engine.cloud()
        journal = cloud.journal()
        cloud.close()
        return journal

    def carriers(self) -> tuple[str, Any]:
        """The servers' user data, and the version of the template that the group launches."""
        cloud = self.engine.cloud()
        template, group = (next(one for one in cloud.living() if one.name == name) for name in ("shop-app-template", "shop-app-group"))
        cloud.close()
        chosen = group.inputs["mixedInstancesPolicy"]["launchTemplate"]["launchTemplateSpecification"]
        assert chosen["version"] == str(template.outputs["latestVersion"])
        return template.inputs["userData"], chosen["version"]


def _done(engine: Engine, *arguments: str) -> str:
    done = engine.pulumi(*arguments, timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def deployed(tmp_path: Path) -> Generator[Deployed]:
    engine = workspace.make(tmp_path)
    _done(engine, "stack", "init", "dev")
    _done(engine, "up", "--stack", "dev", "--yes", "--skip-preview")
    bucket = json.loads(_done(engine, "stack", "output", "--stack", "dev", "--json"))["artifact_bucket"]
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    s3 = boto3.Session().client("s3", region_name="eu-west-1", endpoint_url=f"http://{host}:{port}", **keys)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield Deployed(engine, {**credentials, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}, s3, bucket)
    server.stop()


def _build(folder: Path, text: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "start").write_text(f"#!/bin/sh\n# {text}\nexec python3 -m http.server $PORT\n", encoding="utf-8")
    (folder / "bin" / "start").chmod(0o755)
    return folder


def test_a_version_is_published_deployed_and_rolled_back(deployed: Deployed, tmp_path: Path, figures: Callable[[str], None]) -> None:
    old, new = _build(tmp_path / "old", "old"), _build(tmp_path / "new", "new")
    # Before there is a version, a deployment goes on.
    assert deployed.publish("--set", "no").returncode == 0
    file = deployed.file.read_text(encoding="utf-8").splitlines()

    first = deployed.published(old)
    # One new line in the file; comments stay.
    lines = deployed.file.read_text(encoding="utf-8").splitlines()
    assert [line.strip() for line in lines if line not in file] == [f"artifact_sha256: {first}"]
    assert [line for line in file if line not in lines] == []
    # The first version also lets the servers read the bucket.
    assert deployed.up() == {"update": {*CARRIERS["update"], "shop-role-policy"}}
    before = deployed.carriers()

    second = deployed.published(new)
    assert deployed.planned() == CARRIERS
    assert deployed.up() == CARRIERS
    assert deployed.carriers() != before
    assert deployed.up() == {}
    # The same build again is the same version.
    file = deployed.file.read_text(encoding="utf-8").splitlines()
    assert deployed.published(new) == second != first
    assert sorted(deployed.objects()) == sorted([f"{first}.tar.gz", f"{second}.tar.gz"])
    assert deployed.file.read_text(encoding="utf-8").splitlines() == file

    _done(deployed.engine, "config", "set", "--stack", "dev", "--path", SETTING, first)
    assert deployed.publish("--set", "no").returncode == 0
    assert deployed.up() == CARRIERS
    data, version = deployed.carriers()
    assert (data, int(version)) == (before[0], int(before[1]) + 2)
    figures(f"dev   version of the application: update {', '.join(sorted(CARRIERS['update']))}; the same to roll back")

    _done(deployed.engine, "config", "set", "--stack", "dev", "--path", SETTING, "f" * 64)
    refused = deployed.publish("--set", "no")
    assert refused.returncode == 1
    assert {line.split()[0] for line in refused.stderr.splitlines()[3:5]} == {first, second}
