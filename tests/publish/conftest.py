"""A bucket of an S3 emulator on this machine, and a Pulumi CLI that knows one stack and writes down what it is asked."""

import json
import os
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "shop-artifacts-1a2b3c4"

CLI = """#!{python}
import json, sys
from pathlib import Path
words = [word for word in sys.argv[1:] if word not in ("--non-interactive", "--color", "never")]
file = Path({file!r})
stack = json.loads(file.read_text())
stack["calls"].append(words)
if words[-2:] != ["--stack", "dev"]:
    print("error: no stack named '" + words[-1] + "' found", file=sys.stderr)
    sys.exit(6)
if words[:3] == ["stack", "output", "--json"]:
    print(json.dumps(stack["outputs"]))
elif words[:2] == ["config", "--json"] and "config" in stack:
    print(json.dumps(stack["config"]))
elif words[:2] == ["config", "--json"]:
    section = {{"secret": True}} if stack["secret"] else {{"value": "", "objectValue": {{"servers": stack["servers"]}}, "secret": False}}
    print(json.dumps({{"aws:region": {{"value": "eu-west-1", "secret": False}}, "cloudpatterns:storefront": section}}))
elif words[:3] == ["config", "set", "--path"]:
    stack["servers"][words[3].rpartition(".")[2]] = words[4]
file.write_text(json.dumps(stack))
"""


@dataclass(frozen=True)
class Cli:
    """The stack of the CLI, in a file."""

    file: Path

    def get(self, key: str) -> Any:
        return json.loads(self.file.read_text())[key]

    def put(self, **values: Any) -> None:
        self.file.write_text(json.dumps({**json.loads(self.file.read_text()), **values}))

    def asked(self) -> list[str]:
        """What was asked, without the stack."""
        return [" ".join(words[:-2]) for words in self.get("calls")]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The stack dev, deployed with an artifact bucket, without a version."""
    file = tmp_path / "stack.json"
    file.write_text(json.dumps({"outputs": {"artifact_bucket": BUCKET}, "servers": {}, "secret": False, "calls": []}))
    executable = tmp_path / "bin" / "pulumi"
    executable.parent.mkdir()
    executable.write_text(CLI.format(python=sys.executable, file=str(file)))
    executable.chmod(0o755)
    monkeypatch.setenv("PATH", f"{executable.parent}{os.pathsep}{os.environ['PATH']}")
    return Cli(file)


@pytest.fixture(scope="session")
def emulator() -> Generator[str]:
    """The address of the S3 emulator."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(emulator: str, monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    """A client of the emulator, with the bucket, versioned; boto3 finds the emulator and credentials by itself."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"ENDPOINT_URL": emulator, "ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    client = boto3.client("s3", region_name="eu-west-1")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield client
    for version in client.list_object_versions(Bucket=BUCKET).get("Versions", []):
        client.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A folder that is an application."""
    folder = tmp_path / "build"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "start").write_text("#!/bin/sh\nexec python3 -m http.server 8080\n")
    (folder / "bin" / "start").chmod(0o755)
    (folder / "notes.txt").write_text("hello\n")
    return folder
