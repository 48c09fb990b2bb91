"""A real PostgreSQL with the databases of a backup, and an API of a legacy system whose answers fail as tests say."""

import http.server
import itertools
import json
import os
import shutil
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pg8000.dbapi
import pytest
from cloudpatterns_runtime.backup import checksum
from cloudpatterns_runtime.backup_sources import NodeTable

from tests.examples.servers import Server, fast_folder, postgres_programs

NUMBERS = itertools.count()
TABLES = [NodeTable("customers", "changed", "1 minute"), NodeTable("public.lines", "version", "5"), NodeTable("rates")]


def connect(socket: str, database: str) -> Any:
    return pg8000.dbapi.connect("postgres", database=database, unix_sock=socket, ssl_context=False)


@dataclass(frozen=True)
class Databases:
    """A server with as many databases as a test wants."""

    folder: Path
    programs: Path

    @property
    def socket(self) -> str:
        return str(self.folder / ".s.PGSQL.5432")

    def new(self, kind: str) -> str:
        """The name of a new database."""
        name = f"{kind}_{next(NUMBERS)}"
        self.run("postgres", f"CREATE DATABASE {name}")
        return name

    def connect(self, database: str) -> Any:
        return connect(self.socket, database)

    def run(self, database: str, *statements: str) -> Any:
        """Statements, each for itself; the rows of the last one."""
        connection = self.connect(database)
        try:
            connection.autocommit = True
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        finally:
            connection.close()

    def psql(self, database: str) -> list[str]:
        """The command that operators use."""
        return [str(self.programs / "psql"), "--host", str(self.folder), "--username", "postgres", "--dbname", database]


@contextmanager
def databases() -> Generator[Databases]:
    """A server behind a socket; PostgreSQL refuses to run as root."""
    programs, account = postgres_programs(), "postgres" if os.geteuid() == 0 else None
    if programs is None or not (programs / "psql").exists():
        pytest.skip("no PostgreSQL server with psql is installed")
    with fast_folder() as folder:
        if account:
            shutil.chown(folder, account, account)
        command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-c", "listen_addresses=", "-F"]
        found = Databases(folder, programs)
        server = Server([*command, "-c", "shared_buffers=16MB"], folder / "log", lambda: found.connect("postgres").close() or True, account)
        options = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
        server.run([str(programs / "initdb"), *options, str(folder / "data")])
        try:
            server.start()
            yield found
        finally:
            server.stop()


Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


@dataclass
class LegacyApi:
    """Records by collection, with their changes, as ``backup_sources`` expects an API to show them."""

    records: dict[str, dict[Any, Any]] = field(default_factory=dict)
    with_totals: bool = True
    token: str = "secret-token"
    faults: list[Callable[["LegacyApi", str, Answer], Answer | None]] = field(default_factory=list)
    """What becomes of the next answers, one each; None closes the connection."""
    before_page: Callable[[str, str | None], None] = lambda collection, after: None
    asked: list[str] = field(default_factory=list)
    log: list[tuple[int, str, Any]] = field(default_factory=list)
    """Changes: position, collection, key."""
    url: str = ""

    def put(self, collection: str, key: Any, **values: Any) -> None:
        self.records.setdefault(collection, {})[key] = {"id": key, **values}
        self.log.append((len(self.log) + 1, collection, key))

    def delete(self, collection: str, key: Any) -> None:
        del self.records[collection][key]
        self.log.append((len(self.log) + 1, collection, key))

    def answer(self, path: str) -> Any:
        parts, asked = urlsplit(path), {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        collection, _, kind = parts.path.strip("/").partition("/")
        records = self.records[collection]
        if kind == "totals":
            rows = [(str(key), canonical(record)) for key, record in records.items()]
            totals = {"count": len(rows), "checksum": str(checksum(rows))} if self.with_totals else {}
            return {"position": len(self.log), **totals}
        limit, after = int(asked["limit"]), asked.get("after")
        self.before_page(collection, after)
        if kind == "changes":
            log = [entry for entry in self.log if entry[1] == collection and entry[0] > int(after or asked["since"])]
            keys, last = [key for _, _, key in log[:limit]], log[limit - 1][0] if len(log) > limit else None
            found = [records[key] for key in dict.fromkeys(keys) if key in records]
            return {
                "records": found,
                "deleted": [key for key in dict.fromkeys(keys) if key not in records],
                "next": last,
                "count": len(found),
            }
        keys = sorted(key for key in records if after is None or key > type(key)(after))
        page = [records[key] for key in keys[:limit]]
        return {"records": page, "next": str(keys[limit - 1]) if len(keys) > limit else None, "count": len(page)}


def canonical(record: Any) -> str:
    return json.dumps(record, sort_keys=True, separators=(",", ":"))


@contextmanager
def legacy_api() -> Generator[LegacyApi]:
    api = LegacyApi()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api.asked.append(self.path)
            body = json.dumps(api.answer(self.path)).encode()
            answer: Answer | None = (200, {}, body)
            if self.headers["Authorization"] != f"Bearer {api.token}":
                answer = (401, {}, b"")
            elif api.faults:
                answer = api.faults.pop(0)(api, self.path, (200, {}, body))
            if answer is None:
                self.connection.close()
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def rows(found: Databases, database: str, table: str, key: str) -> Sequence[Any]:
    """All rows as texts."""
    [(columns,)] = found.run(
        database,
        f"SELECT string_agg(quote_ident(attname) || '::text', ', ' ORDER BY attname) FROM pg_attribute "
        f"WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped",
    )
    return found.run(database, f"SELECT {columns} FROM {table} ORDER BY {key}")
