"""The puller of LegacyBackup on real PostgreSQL, S3 and DynamoDB: runs of several invocations, dumps that restore, and what it reports."""

import contextlib
import importlib.util
import json
import shutil
import ssl
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cloudpatterns_runtime.backup import Checkpoints
from cloudpatterns_runtime.backup_dump import dump_keys, fetch, restore
from cloudpatterns_runtime.retry import Deadline

from tests.emulators.locked_moto import REGION
from tests.emulators.locked_moto import client as moto_client
from tests.emulators.tables import table_by_id
from tests.program import ROOT
from tests.runtime.backup_servers import Databases, databases
from tests.runtime.test_backup import FILLED, SCHEMA, Node, is_equal

CODE = ROOT / "components/cloudpatterns/systems/legacy_backup/on_aws/index.py"
ENVIRONMENT = {
    "BACKUP": "legacy",
    "METRIC_NAMESPACE": "Cloudpatterns/LegacyBackup",
    "PROGRESS_TABLE": "progress",
    "DUMP_BUCKET": "dumps-of-legacy",
    "DATABASE_HOST": "copy.example.com",
    "DATABASE_PORT": "5432",
    "DATABASE_NAME": "legacy",
    "DATABASE_SECRET_ARN": "copy",
    "PAGE_ROWS": "50",
    "MOST_LOST_PERCENT": "20",
    "FULL_AFTER_DAYS": "8",
    "AWS_REGION": REGION,
}
DAY = 86_400


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("legacy_puller", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def server() -> Generator[Databases]:
    with databases() as found:
        yield found


@pytest.fixture
def index(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    table_by_id(moto_client("dynamodb"), "progress")
    moto_client("s3").create_bucket(Bucket="dumps-of-legacy", CreateBucketConfiguration={"LocationConstraint": REGION})
    return load(CODE)


@dataclass
class Backup:
    """A source, its copy, and a clock."""

    index: ModuleType
    server: Databases
    source: str
    copy: str
    now: float = 1_800_000_000.0
    deadlines: list[float] = field(default_factory=list)

    def invoke(self, run: str, kind: str = "incremental", seconds: float = 1e9, **more: Any) -> Any:
        copy = self.server.connect(self.copy)
        try:
            source = Node(self.server, self.source).open()
            dynamodb, s3 = moto_client("dynamodb"), moto_client("s3")
            event = {"run": run, "kind": kind, **more}
            return self.index.work(event, Deadline.after(seconds), source, copy, dynamodb, s3, lambda: self.now)
        finally:
            copy.close()

    def dumps(self) -> list[str]:
        return [*dump_keys(moto_client("s3"), "dumps-of-legacy")]


@pytest.fixture
def backup(index: ModuleType, server: Databases) -> Backup:
    source = server.new("source")
    server.run(source, *SCHEMA, *FILLED)
    return Backup(index, server, source, server.new("copy"))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_full_run_ends_with_a_dump_that_restores_to_what_the_source_has(
    backup: Backup, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backup.invoke("first", "full") == {"state": "done", "manifest": "dumps/2027-01-15T080000Z/manifest.json"}
    assert is_equal(backup.server, backup.source, backup.copy)
    [folder] = backup.dumps()
    manifest = fetch(moto_client("s3"), "dumps-of-legacy", folder, tmp_path)
    assert (manifest["run"], manifest["kind"]) == ("first", "full")
    empty = backup.server.new("restored")
    restored = restore(tmp_path, backup.server.psql(empty))
    assert is_equal(backup.server, backup.source, empty)
    node = Node(backup.server, backup.source).open()
    assert {name: tuple(counted) for name, counted in restored.items()} == {
        table.name: tuple(node.totals(table)) for table in node.tables()
    }
    [verified] = [line for line in lines(capsys) if line["event"] == "run_verified"]
    assert (verified["RunsVerified"], verified["Backup"]) == (1, "legacy")
    [metrics] = verified["_aws"]["CloudWatchMetrics"]
    assert metrics == {
        "Namespace": "Cloudpatterns/LegacyBackup",
        "Dimensions": [["Backup"]],
        "Metrics": [{"Name": "RunsVerified", "Unit": "Count"}],
    }


def test_a_run_whose_invocations_end_early_goes_on_in_the_next_ones(backup: Backup) -> None:
    class Counting:
        """A deadline after so many looks at it."""

        def __init__(self, looks: int) -> None:
            self.looks = looks

        def remaining(self) -> float:
            self.looks -= 1
            return self.looks

    states = []
    while not states or states[-1] == "more":
        copy, source = backup.server.connect(backup.copy), Node(backup.server, backup.source).open()
        event = {"run": "first", "kind": "full"}
        with contextlib.closing(copy):
            answer = backup.index.work(event, Counting(4), source, copy, moto_client("dynamodb"), moto_client("s3"), lambda: backup.now)
        states.append(answer["state"])
        backup.now += 300
    assert len(states) > 4
    assert states[-1] == "done"
    assert is_equal(backup.server, backup.source, backup.copy)
    # Named after the first invocation that dumped, and finished by the last one.
    assert len(backup.dumps()) == 1


def test_an_incremental_run_dumps_only_when_the_last_dump_is_old(backup: Backup) -> None:
    backup.invoke("first", "full")
    for number, days in enumerate((1, 6)):
        backup.now += days * DAY
        assert backup.invoke(f"next-{number}")["state"] == "done"
    assert len(backup.dumps()) == 1
    backup.now += 2 * DAY
    backup.invoke("late")
    assert backup.dumps() == ["dumps/2027-01-15T080000Z", "dumps/2027-01-24T080000Z"]


def test_a_run_beside_another_one_is_skipped(backup: Backup, capsys: pytest.CaptureFixture[str]) -> None:
    Checkpoints(moto_client("dynamodb"), "progress", clock=lambda: backup.now).begin("other", "full")
    assert backup.invoke("first", "full") == {"state": "busy"}
    assert [line["event"] for line in lines(capsys)] == ["run_skipped"]


def test_a_source_that_has_lost_its_rows_fails_the_run_with_a_metric(backup: Backup, capsys: pytest.CaptureFixture[str]) -> None:
    backup.invoke("first", "full")
    backup.server.run(backup.source, "DELETE FROM customers")
    answer = backup.invoke("second", "full")
    assert answer["state"] == "failed"
    assert answer["reason"].startswith('too_much_lost: {"table": "customers", "source": [0, "0"]')
    assert [line["VerifyFailed"] for line in lines(capsys) if line["event"] == "too_much_lost"] == [1]
    assert backup.server.run(backup.copy, "SELECT count(*) FROM customers") == [(250,)]
    assert backup.invoke("third", "full", accept_loss=True)["state"] == "done"
    assert backup.server.run(backup.copy, "SELECT count(*) FROM customers") == [(0,)]


def deployed(folder: Path, source: dict[str, Any]) -> ModuleType:
    """The function's archive in a folder."""
    shutil.copy(CODE, folder / "index.py")
    shutil.copytree(ROOT / "components/cloudpatterns/database/rds-certificates", folder / "certificates")
    (folder / "source.json").write_text(json.dumps(source), encoding="utf-8")
    return load(folder / "index.py")


class Secrets:
    """Secrets by their ARNs."""

    def __init__(self, **secrets: str) -> None:
        self.secrets = secrets

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        return {"SecretString": self.secrets[SecretId]}


def test_the_source_is_made_of_what_the_component_was_given(index: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = deployed(
        tmp_path, {"api": {"url": "https://legacy.example.com", "collections": {"customers": {"key": "nr", "key_type": "bigint"}}}}
    )
    monkeypatch.setenv("SOURCE_SECRET_ARN", "api")
    for secret in ("token-1", '{"token": "token-1"}'):
        source = api._source(Secrets(api=secret), contextlib.ExitStack())
        assert [(table.name, table.columns) for table in source.tables()] == [("customers", {"key": "bigint", "record": "json"})]
        assert source._headers["Authorization"] == "Bearer token-1"


def test_connections_verify_the_server(index: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = {"host": "replica.example.com", "port": 5433, "database_name": "erp", "tables": {"sales.orders": {"changed_column": "at"}}}
    puller, opened = deployed(tmp_path, {"read_node": node}), list[Any]()

    def connect(*given: Any, **named: Any) -> Any:
        opened.append((given, named))
        raise ConnectionError("nobody is there")

    monkeypatch.setattr(puller.pg8000.dbapi, "connect", connect)
    monkeypatch.setenv("SOURCE_SECRET_ARN", "node")
    secrets = Secrets(copy='{"username": "dbadmin", "password": "p1"}', node='{"username": "reader", "password": "p2"}')
    for function, given in ((lambda: puller._hot_copy(secrets), None), (lambda: puller._source(secrets, contextlib.ExitStack()), node)):
        with pytest.raises(ConnectionError):
            function()
        (user, host, _, port, _), named = opened[-1]
        assert (user, host, port) == (("dbadmin", "copy.example.com", 5432) if given is None else ("reader", "replica.example.com", 5433))
        assert named["ssl_context"].verify_mode == ssl.CERT_REQUIRED
        assert named["ssl_context"].check_hostname


def test_code_of_ones_own_is_imported_from_its_folder(index: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    puller = deployed(tmp_path, {"custom": {}})
    shutil.copytree(ROOT / "examples/legacy_backup/app", tmp_path / "source")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "legacy_source", raising=False)
    monkeypatch.setenv("EXPORT_URL", "https://legacy.example.com")
    secret = moto_client("secretsmanager").create_secret(Name="export", SecretString="token-1")["ARN"]
    monkeypatch.setenv("EXPORT_SECRET_ARN", secret)
    source = puller._source(Secrets(), contextlib.ExitStack())
    assert [table.name for table in source.tables()] == ["customers", "invoices"]
    monkeypatch.delitem(sys.modules, "legacy_source")
