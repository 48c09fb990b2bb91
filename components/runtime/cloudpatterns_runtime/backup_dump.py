"""Dumps the copy of ``backup`` to S3, and restores a dump into an empty PostgreSQL.

A dump is a folder: ``<table>.sql.gz`` for each table, which ``psql`` can run by itself, and ``manifest.json``, written last, with the rows,
the checksum and the SHA-256 of each. A folder without a manifest is not a dump. To restore one::

    python -m cloudpatterns_runtime.backup_dump thaw --bucket <dump_bucket_name> --dump dumps/2027-01-31
    python -m cloudpatterns_runtime.backup_dump fetch --bucket <dump_bucket_name> --dump dumps/2027-01-31 --folder /tmp/restore
    python -m cloudpatterns_runtime.backup_dump restore --folder /tmp/restore -- --host <address> --dbname legacy --username dbadmin

``thaw`` asks S3 for objects in a Glacier class, and says which are not there yet: run it again until all are. ``fetch`` downloads them and
compares each with the manifest. ``restore`` runs ``psql`` with what stands behind ``--``, and compares rows and checksums. Tables that are
there already are refused.
"""

import argparse
import base64
import contextlib
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from cloudpatterns_runtime import _hot_copy
from cloudpatterns_runtime._checks import entry
from cloudpatterns_runtime._fence import Connection, execute
from cloudpatterns_runtime._hot_copy import Counted, Shape

__all__ = ["Dump", "DumpDamaged", "dump_keys", "fetch", "restore", "thaw"]

_MANIFEST = "manifest.json"
_ROWS_AT_ONCE = 2000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class DumpDamaged(Exception):
    """A dump is not what its manifest says."""


class Dump:
    """Writes dumps below a prefix of a bucket, whose default encryption they have."""

    def __init__(self, client: Any, bucket: str, folder: str) -> None:
        """``client`` is boto3's; ``folder`` is that of one dump, such as ``dumps/2027-01-31``."""
        self._client, self._bucket, self._folder = client, bucket, folder.rstrip("/")

    def table(self, connection: Connection, table: Shape) -> dict[str, Any]:
        """Writes a table as it is at one moment; what the manifest says of it. Again replaces the object."""
        key = f"{self._folder}/{table.name}.sql.gz"
        with tempfile.TemporaryFile() as file:
            execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            try:
                counted = _hot_copy.totals(connection, table)
                rows = _write(connection, table, file)
            finally:
                connection.rollback()
            if rows != counted.count:
                raise DumpDamaged(f"{table.name}: {rows} rows written of {counted.count}")
            size = file.tell()
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256")
            file.seek(0)
            # S3 compares it with what arrives, also of the parts of a large object.
            self._client.upload_fileobj(file, self._bucket, key, ExtraArgs={"ChecksumAlgorithm": "SHA256"})
        # A list: checksums depend on the order of the columns.
        columns = [{"name": name, "type": kind} for name, kind in table.columns.items()]
        facts = {"key": key, "bytes": size, "sha256": digest.hexdigest(), "columns": columns, "primary_key": [*table.key]}
        return {**facts, **counted._asdict()}

    def finish(self, tables: Mapping[str, Any], **facts: Any) -> str:
        """Writes the manifest; its key. What is there already stays: a dump is finished once."""
        key = f"{self._folder}/{_MANIFEST}"
        body = json.dumps({**facts, "tables": tables}, indent=1, sort_keys=True).encode()
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=body, ContentType="application/json", ChecksumSHA256=digest, IfNoneMatch="*"
            )
        except Exception as error:
            if entry(getattr(error, "response", None), "Error", "Code") != "PreconditionFailed":
                raise
        return key


def _write(connection: Connection, table: Shape, file: IO[bytes]) -> int:
    """The SQL that creates a table with its rows; how many there are."""
    relation, columns = _hot_copy.name_of(table.name), ", ".join(map(_hot_copy.name_of, table.columns))
    types = ", ".join(f"{_hot_copy.name_of(name)} {kind}" for name, kind in table.columns.items())
    key = ", ".join(map(_hot_copy.name_of, table.key))
    texts = ", ".join(f"{_hot_copy.name_of(name)}::text" for name in table.columns)
    count = 0
    # Without a time in it, the same rows give the same file.
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0, compresslevel=6) as packed:
        head = "SET client_encoding = 'UTF8'; SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET intervalstyle = 'postgres';\n"
        packed.write(f"{head}CREATE TABLE {relation} ({types});\nCOPY {relation} ({columns}) FROM stdin;\n".encode())
        execute(connection, f"DECLARE dumped NO SCROLL CURSOR FOR SELECT {texts} FROM {relation} ORDER BY {key}")
        while rows := execute(connection, f"FETCH {_ROWS_AT_ONCE} FROM dumped").fetchall():
            lines = ("\t".join("\\N" if value is None else str(value).translate(_ESCAPES) for value in row) for row in rows)
            packed.write(("\n".join(lines) + "\n").encode())
            count += len(rows)
        # The index is quicker when the rows are there.
        packed.write(f"\\.\nALTER TABLE {relation} ADD PRIMARY KEY ({key});\n".encode())
    return count


def dump_keys(client: Any, bucket: str, prefix: str = "dumps/") -> Iterator[str]:
    """The folders of finished dumps, in the order of their names."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            if found["Key"].endswith(f"/{_MANIFEST}"):
                yield found["Key"].removesuffix(f"/{_MANIFEST}")


def thaw(client: Any, bucket: str, folder: str, *, days: int = 7, tier: str = "Standard") -> list[str]:
    """Asks for the objects of a dump that are in a Glacier class; those that cannot be read yet."""
    waiting = []
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{folder.rstrip('/')}/"):
        for found in page.get("Contents", []):
            if found.get("StorageClass") not in ("GLACIER", "DEEP_ARCHIVE"):
                continue
            state = client.head_object(Bucket=bucket, Key=found["Key"]).get("Restore", "")
            if 'ongoing-request="false"' in state:
                continue
            waiting.append(found["Key"])
            if not state:
                request = {"Days": days, "GlacierJobParameters": {"Tier": tier}}
                client.restore_object(Bucket=bucket, Key=found["Key"], RestoreRequest=request)
    return waiting


def fetch(client: Any, bucket: str, folder: str, target: Path) -> dict[str, Any]:
    """Downloads a dump into a folder; its manifest.

    :raises DumpDamaged: where an object is not what the manifest says.
    """
    target.mkdir(parents=True, exist_ok=True)
    body = client.get_object(Bucket=bucket, Key=f"{folder.rstrip('/')}/{_MANIFEST}")["Body"].read()
    manifest = json.loads(body)
    for name, facts in manifest["tables"].items():
        file = target / f"{name}.sql.gz"
        client.download_file(bucket, facts["key"], str(file))
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != facts["sha256"]:
            raise DumpDamaged(f"{facts['key']} has the SHA-256 {found}; its manifest says {facts['sha256']}")
    (target / _MANIFEST).write_bytes(body)
    return manifest


def restore(folder: Path, psql: Sequence[str]) -> dict[str, Counted]:
    """Restores a fetched dump by ``psql`` with its options, each table in a transaction of its own; what each has then.

    :raises DumpDamaged: where rows or checksum differ from the manifest.
    """
    manifest, restored = json.loads((folder / _MANIFEST).read_bytes()), dict[str, Counted]()
    for name, facts in manifest["tables"].items():
        with gzip.open(folder / f"{name}.sql.gz") as sql:
            _run([*psql, "--single-transaction"], sql)
        formats = "SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET intervalstyle = 'postgres'; SET extra_float_digits = 3;"
        statement = _hot_copy.totals_statement(_hot_copy.name_of(name), [column["name"] for column in facts["columns"]])
        count, _, checksum = (
            _run([*psql, "--tuples-only", "--no-align"], io.BytesIO(f"{formats}\n{statement};\n".encode())).strip().partition("|")
        )
        restored[name] = Counted(int(count), checksum)
        if restored[name] != Counted(facts["count"], facts["checksum"]):
            raise DumpDamaged(f"{name} has {restored[name]}; its manifest says {facts['count']} rows and {facts['checksum']}")
    return restored


def _run(command: Sequence[str], sql: IO[bytes] | gzip.GzipFile) -> str:
    """What psql answers to SQL, which may be larger than the memory."""
    options = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as problems:
        with subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=answer, stderr=problems) as process:
            assert process.stdin is not None
            # It ends at the first problem, and reads no more.
            with contextlib.suppress(BrokenPipeError), process.stdin:
                shutil.copyfileobj(sql, process.stdin)
        answer.seek(0)
        problems.seek(0)
        if process.returncode:
            raise RuntimeError(f"{command[0]} ends with {process.returncode}: {problems.read().decode(errors='replace').strip()}")
        return answer.read().decode()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cloudpatterns_runtime.backup_dump", description=(__doc__ or "").split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("list", "thaw", "fetch"):
        command = commands.add_parser(name)
        command.add_argument("--bucket", required=True, help="the bucket with the dumps")
        if name != "list":
            command.add_argument("--dump", required=True, help="folder of the dump in the bucket, such as dumps/2027-01-31")
        if name == "thaw":
            command.add_argument("--days", type=int, default=7, help="days that the objects stay readable")
            command.add_argument("--tier", default="Standard", choices=["Standard", "Bulk", "Expedited"], help="how fast, at which price")
        if name == "fetch":
            command.add_argument("--folder", type=Path, required=True, help="where the dump is put")
    command = commands.add_parser("restore")
    command.add_argument("--folder", type=Path, required=True, help="where the dump was put")
    command.add_argument("psql", nargs="*", help="options of psql, behind --")
    return parser


def main(arguments: Sequence[str], client: Any = None) -> int:
    """Runs a command; 1 where something is not there yet."""
    given = _arguments().parse_args(arguments)
    if given.command == "restore":
        for name, counted in restore(given.folder, ["psql", *given.psql]).items():
            print(f"{name}: {counted.count} rows, checksum {counted.checksum}, as in the manifest")
        return 0
    if client is None:
        import boto3

        client = boto3.client("s3")
    if given.command == "list":
        print(*dump_keys(client, given.bucket), sep="\n")
        return 0
    if given.command == "thaw":
        waiting = thaw(client, given.bucket, given.dump, days=given.days, tier=given.tier)
        print(f"{len(waiting)} objects cannot be read yet" if waiting else "all objects can be read")
        return 1 if waiting else 0
    manifest = fetch(client, given.bucket, given.dump, given.folder)
    print(f"{len(manifest['tables'])} tables, each as the manifest says")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
