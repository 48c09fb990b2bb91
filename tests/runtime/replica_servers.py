"""A real PostgreSQL with a streaming replica, for tests."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pg8000.dbapi
import pytest

from tests.examples.servers import Server, fast_folder, postgres_programs, until


@dataclass(frozen=True)
class Replicated:
    """Both servers, with a user who may write and one who may not."""

    folder: Path
    standby: Server
    opened: list[str] = field(default_factory=list)
    """The servers to which connections went."""

    def connect(self, server: str, user: str = "postgres") -> Any:
        self.opened.append(server)
        return pg8000.dbapi.connect(user, database="postgres", unix_sock=str(self.folder / server / ".s.PGSQL.5432"), ssl_context=False)

    def writer(self) -> Any:
        return self.connect("primary", "app")

    def reader(self) -> Any:
        return self.connect("standby", "reader")

    def run(self, server: str, *statements: str) -> Any:
        """Statements of the administrator, each for itself; the first value of the last one."""
        connection = self.connect(server)
        try:
            connection.autocommit = True
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
        finally:
            connection.close()

    def pause(self) -> None:
        """The replica applies nothing any more; what comes is kept."""
        self.run("standby", "SELECT pg_wal_replay_pause()")
        until(lambda: self.run("standby", "SELECT pg_get_wal_replay_pause_state() = 'paused'"), "the pause")

    def resume(self) -> None:
        self.run("standby", "SELECT pg_wal_replay_resume()")

    def catch_up(self) -> None:
        written = self.run("primary", "SELECT pg_current_wal_lsn()")
        until(lambda: self.run("standby", f"SELECT pg_last_wal_replay_lsn() >= '{written}'"), "the replica")


@contextmanager
def replicated_postgres() -> Generator[Replicated]:
    """Both behind sockets; PostgreSQL refuses to run as root."""
    programs, account = postgres_programs(), "postgres" if os.geteuid() == 0 else None
    if programs is None or not (programs / "pg_basebackup").exists():
        pytest.skip("no PostgreSQL server with pg_basebackup is installed")
    with fast_folder() as folder:
        for name in ("primary", "standby"):
            (folder / name).mkdir()
            if account:
                shutil.chown(folder / name, account, account)
        options = ["-c", "listen_addresses=", "-F", "-c", "shared_buffers=16MB"]

        def server(name: str) -> Server:
            place = folder / name
            command = [str(programs / "postgres"), "-D", str(place / "data"), "-k", str(place), *options]
            return Server(command, place / "log", lambda: servers.connect(name).close() or True, account)

        primary, standby = server("primary"), server("standby")
        servers = Replicated(folder, standby)
        data = folder / "primary" / "data"
        primary.run([str(programs / "initdb"), "--no-sync", "--auth=trust", "--username=postgres", str(data)])
        try:
            primary.start()
            servers.run(
                "primary",
                "CREATE USER app",
                "CREATE USER reader",
                "CREATE TABLE orders (visitor integer PRIMARY KEY, number integer NOT NULL)",
                "GRANT SELECT, INSERT, UPDATE ON orders TO app",
                "GRANT SELECT ON orders TO reader",
            )
            target = str(folder / "standby" / "data")
            source = ["-h", str(folder / "primary"), "-U", "postgres", "--checkpoint=fast", "--no-sync"]
            standby.run([str(programs / "pg_basebackup"), *source, "-D", target, "--write-recovery-conf", "--wal-method=stream"])
            standby.start()
            servers.catch_up()
            yield servers
        finally:
            standby.stop()
            primary.stop()
