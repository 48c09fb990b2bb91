"""Dumps of a hot copy, restored into an empty PostgreSQL by the tools that operators have."""

import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_runtime import _hot_copy
from cloudpatterns_runtime.backup_dump import Dump, DumpDamaged, dump_keys, fetch, main, restore, thaw
from cloudpatterns_runtime.backup_sources import ReadNode

from tests.emulators.locked_moto import REGION
from tests.emulators.locked_moto import client as moto_client
from tests.runtime.backup_servers import TABLES, Databases, databases
from tests.runtime.test_backup import FILLED, SCHEMA, Node, World, is_equal

BUCKET, FOLDER = "dumps-of-legacy", "dumps/2027-01-31"


@pytest.fixture(scope="module")
def server() -> Generator[Databases]:
    with databases() as found:
        yield found


@pytest.fixture
def s3(moto_account: None) -> Any:
    client = moto_client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def source(server: Databases) -> str:
    name = server.new("source")
    server.run(name, *SCHEMA, *FILLED)
    return name


@pytest.fixture
def world(server: Databases, source: str, s3: Any) -> World:
    """A copy of the source."""
    found = World(server, moto_client("dynamodb"), server.new("copy"))
    found.pull(Node(server, source).open(), "full")
    return found


def dumped(world: World, source: str, s3: Any) -> dict[str, Any]:
    """A dump of the copy; what its manifest says of the tables."""
    node, connection, dump = ReadNode(world.server.connect(source), TABLES), world.server.connect(world.copy), Dump(s3, BUCKET, FOLDER)
    _hot_copy.use_formats(connection)
    connection.commit()
    tables = {table.name: dump.table(connection, table) for table in node.tables()}
    connection.close()
    assert dump.finish(tables, run="2027-01-31") == f"{FOLDER}/manifest.json"
    return tables


def test_the_restore_of_a_dump_equals_the_source_by_counts_and_checksums(world: World, source: str, s3: Any, tmp_path: Path) -> None:
    tables, empty = dumped(world, source, s3), world.server.new("restored")
    arguments = ["--bucket", BUCKET, "--dump", FOLDER]
    assert main(["list", "--bucket", BUCKET], s3) == 0
    assert main(["thaw", *arguments], s3) == 0
    assert main(["fetch", *arguments, "--folder", str(tmp_path)], s3) == 0
    restored = restore(tmp_path, world.server.psql(empty))
    assert is_equal(world.server, source, empty)
    node = ReadNode(world.server.connect(source), TABLES)
    for table in node.tables():
        assert tuple(restored[table.name]) == tuple(node.totals(table)) == (tables[table.name]["count"], tables[table.name]["checksum"])


def test_the_command_restores_by_psql_and_refuses_what_is_there(
    world: World, source: str, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dumped(world, source, s3)
    fetch(s3, BUCKET, FOLDER, tmp_path)
    program, *options = world.server.psql(world.server.new("restored"))
    monkeypatch.setenv("PATH", str(Path(program).parent))
    command = [sys.executable, "-m", "cloudpatterns_runtime.backup_dump", "restore", "--folder", str(tmp_path), "--", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("customers: 250 rows, checksum ")
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert 'relation "customers" already exists' in again.stderr


def test_a_table_of_a_dump_is_restored_by_psql_alone(world: World, source: str, s3: Any, tmp_path: Path) -> None:
    dumped(world, source, s3)
    fetch(s3, BUCKET, FOLDER, tmp_path)
    empty = world.server.new("restored")
    command = " ".join(world.server.psql(empty))
    subprocess.run(
        f"gunzip -c {tmp_path}/rates.sql.gz | {command} -q -v ON_ERROR_STOP=1", shell=True, check=True, stdout=subprocess.DEVNULL
    )
    assert world.server.run(empty, "SELECT count(*) FROM rates") == [(3,)]


def test_a_damaged_object_and_other_rows_are_refused(world: World, source: str, s3: Any, tmp_path: Path) -> None:
    tables = dumped(world, source, s3)
    manifest = fetch(s3, BUCKET, FOLDER, tmp_path)
    manifest["tables"]["customers"]["checksum"] = "1"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(DumpDamaged, match=r"^customers has Counted\(count=250, checksum='\d+'\); its manifest says 250 rows and 1$"):
        restore(tmp_path, world.server.psql(world.server.new("restored")))
    s3.put_object(Bucket=BUCKET, Key=tables["lines"]["key"], Body=b"rot")
    with pytest.raises(DumpDamaged, match=r"^dumps/2027-01-31/lines\.sql\.gz has the SHA-256 \w{64}; its manifest says \w{64}$"):
        fetch(s3, BUCKET, FOLDER, tmp_path)


def test_a_dump_is_finished_once_and_without_a_manifest_it_is_none(world: World, source: str, s3: Any) -> None:
    assert [*dump_keys(s3, BUCKET)] == []
    tables = dumped(world, source, s3)
    first = s3.get_object(Bucket=BUCKET, Key=f"{FOLDER}/manifest.json")["Body"].read()
    assert dumped(world, source, s3) == tables
    Dump(s3, BUCKET, FOLDER).finish({}, run="another")
    assert s3.get_object(Bucket=BUCKET, Key=f"{FOLDER}/manifest.json")["Body"].read() == first
    s3.put_object(Bucket=BUCKET, Key="dumps/2027-02-01/customers.sql.gz", Body=b"")
    assert [*dump_keys(s3, BUCKET)] == [FOLDER]


def test_objects_in_a_glacier_class_are_asked_for_once(s3: Any) -> None:
    asked: list[str] = []

    class Frozen:
        """S3 whose objects are in Glacier: moto gives them back at once."""

        states = {"a.sql.gz": "", "b.sql.gz": 'ongoing-request="true"', "c.sql.gz": 'ongoing-request="false", expiry-date="Fri"'}

        def get_paginator(self, name: str) -> Any:
            return s3.get_paginator(name)

        def head_object(self, Bucket: str, Key: str) -> Any:
            return {"Restore": self.states[Key.rpartition("/")[2]]}

        def restore_object(self, Bucket: str, Key: str, RestoreRequest: Any) -> None:
            asked.append(Key)
            assert RestoreRequest == {"Days": 7, "GlacierJobParameters": {"Tier": "Standard"}}

    for name in ("a", "b", "c"):
        s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}/{name}.sql.gz", Body=b"", StorageClass="DEEP_ARCHIVE")
    s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}/manifest.json", Body=b"{}")
    assert thaw(Frozen(), BUCKET, FOLDER) == [f"{FOLDER}/a.sql.gz", f"{FOLDER}/b.sql.gz"]
    assert asked == [f"{FOLDER}/a.sql.gz"]
    assert main(["thaw", "--bucket", BUCKET, "--dump", FOLDER], Frozen()) == 1
