"""A CLI that only writes down what it is asked. And the types of the SDK, which are known once it is loaded, as it is in the stand-in."""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

from sandbox import workspace

importlib.import_module("pulumi_aws")

KEY = "urn:pulumi:dev::p::aws:kms/key:Key::shop-key"
DATABASE = "urn:pulumi:dev::p::aws:rds/instance:Instance::shop-db"

# `up` makes a database, protected or not, and a key that outlives the stack; `destroy` removes the database.
CLI = """#!{python}
import json, os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from sandbox.cloud import Cloud, RefusedError
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps([word for word in words if word != "--non-interactive"]) + "\\n")
mode, verb = {mode!r}, words[0]
if verb in ("up", "destroy"):
    cloud = Cloud(Path(os.environ["STAND_IN_CLOUD"]))
    protected = mode == "protected" and not os.path.exists("unprotected")
    inputs = {{"identifier": "db", "deletionProtection": protected}}
    if verb == "up" and (mode == "restless" or not cloud.read("rds/instance:Instance", "r", "db")):
        cloud.create("kms/key:Key", "r", {key!r}, ("key", {{}}, {{}})) if not cloud.read("kms/key:Key", "r", "key") else None
        made = cloud.update if cloud.read("rds/instance:Instance", "r", "db") else cloud.create
        made("rds/instance:Instance", "r", {database!r}, ("db", inputs, {{}}))
    elif verb == "up":
        cloud.update("rds/instance:Instance", "r", {database!r}, ("db", inputs, {{}})) if os.path.exists("unprotected") else None
    elif mode != "leaking":
        cloud.delete("rds/instance:Instance", "r", "db")
if words[:2] == ["config", "set"]:
    Path("unprotected").touch()
if words[:2] == ["stack", "export"]:
    resources = [{{"urn": {key!r}, "retainOnDelete": True}}, {{"urn": {database!r}}}]
    print(json.dumps({{"deployment": {{"resources": resources}}}}))
if mode == "failing" and verb == "up":
    print("a provider said no")
    sys.exit(255)
if verb == "up":
    Path({log!r}).with_suffix(".environment").write_text(json.dumps(dict(os.environ)))
if mode == "plugless" and verb == "plugin":
    sys.exit("no such plugin")
if mode == "brief" and verb == "up":
    import time
    time.sleep(1.5)
if mode == "slow" and verb == "up":
    import time
    Path({log!r}).with_suffix(".up").touch()
    time.sleep(600)
"""


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """The file with the calls of the CLI; the test's parameter is how the CLI behaves."""
    log = tmp_path / "calls"
    folder = tmp_path / "bin"
    folder.mkdir()
    executable = folder / "pulumi"
    filled = {"python": sys.executable, "root": str(workspace.ROOT), "log": str(log), "key": KEY, "database": DATABASE}
    executable.write_text(CLI.format(mode=request.param, **filled))
    executable.chmod(0o755)
    (folder / "pulumi-language-python").touch(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    return log


def calls(log: Path) -> list[str]:
    return [" ".join(word for word in json.loads(line) if "polic" not in word) for line in log.read_text().splitlines()]


def left_behind(log: Path) -> list[Path]:
    return list((log.parent / "temporary").iterdir())
