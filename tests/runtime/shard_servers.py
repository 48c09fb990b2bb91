"""Shards for tests: databases of a real PostgreSQL or MariaDB, and a ledger of what an application wrote into them."""

import getpass
import os
import random
import shutil
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pg8000.dbapi
import pymysql
import pytest
from cloudpatterns_runtime.shard_mover import ShardedTable
from cloudpatterns_runtime.shards import Connection, Router, Shard

from tests.examples.servers import Server, fast_folder, postgres_programs

TABLES = [
    ShardedTable("accounts", key="id", primary_key=["id"]),
    ShardedTable("entries", key="account", primary_key=["account", "number"]),
]
COLUMNS = {
    "accounts": "id VARCHAR(40) PRIMARY KEY, slot INTEGER NOT NULL, balance INTEGER NOT NULL",
    "entries": "account VARCHAR(40) NOT NULL REFERENCES accounts (id), number INTEGER NOT NULL, slot INTEGER NOT NULL, "
    "amount INTEGER NOT NULL, PRIMARY KEY (account, number)",
}


def connect(engine: str, socket: str, database: str) -> Any:
    """A connection of the administrator; without a database, one of the server alone."""
    if engine == "postgres":
        return pg8000.dbapi.connect("postgres", database=database or "postgres", unix_sock=socket, ssl_context=False)
    return pymysql.connect(unix_socket=socket, user="root", database=database or None)


class Pooled:
    """A connection that goes back to its pool when it is closed."""

    def __init__(self, real: Any, idle: list[Any]) -> None:
        self._real, self._idle = real, idle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def close(self) -> None:
        self._idle.append(self._real)


@dataclass(frozen=True)
class Shards:
    """The databases of a server, each of which is a shard of its name."""

    engine: str
    socket: str
    """Where the server listens."""
    idle: dict[str, list[Any]] = field(default_factory=dict)
    """A pool: connections that are closed are kept, by database."""

    def open(self, database: str) -> Any:
        """A connection of the administrator to a database of the server, without autocommit."""
        return connect(self.engine, self.socket, database)

    def connect(self, shard: Shard) -> Any:
        database = shard.address["database"]
        idle = self.idle.setdefault(database, [])
        try:
            connection = idle.pop()
        except IndexError:
            connection = self.open(database)
        return Pooled(connection, idle)

    def create(self, *names: str) -> dict[str, dict[str, str]]:
        """Databases with the tables, and their addresses."""
        for name in names:
            self.run("", f"CREATE DATABASE {name}")
            for table, columns in COLUMNS.items():
                self.run(name, f"CREATE TABLE {table} ({columns})", f"CREATE INDEX {table}_slot ON {table} (slot)")
        return {name: {"database": name} for name in names}

    def drop(self, names: Sequence[str]) -> None:
        for name in names:
            for connection in self.idle.pop(name, []):
                connection.close()
            self.run("", f"DROP DATABASE {name}{' WITH (FORCE)' if self.engine == 'postgres' else ''}")

    def run(self, database: str, *statements: str) -> list[Any]:
        """Statements, each for itself; the rows of the last one."""
        connection = self.open(database)
        try:
            # PostgreSQL creates no database in a transaction.
            connection.autocommit(True) if callable(connection.autocommit) else setattr(connection, "autocommit", True)
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()


@contextmanager
def postgres_shards() -> Generator[Shards]:
    """PostgreSQL behind a socket; it refuses to run as root."""
    programs, account = postgres_programs(), "postgres" if os.geteuid() == 0 else None
    if programs is None:
        pytest.skip("no PostgreSQL server is installed")
    with fast_folder() as folder:
        if account:
            shutil.chown(folder, account, account)

        socket, data = str(folder / ".s.PGSQL.5432"), folder / "data"
        options = ["-c", "listen_addresses=", "-k", str(folder), "-F", "-c", "shared_buffers=16MB"]
        server = Server(
            [str(programs / "postgres"), "-D", str(data), *options], folder / "log", lambda: connect("postgres", socket, ""), account
        )
        server.run([str(programs / "initdb"), "--no-sync", "--auth=trust", "--username=postgres", str(data)])
        with running(server):
            yield Shards("postgres", socket)


@contextmanager
def mariadb_shards() -> Generator[Shards]:
    """MariaDB behind a socket."""
    if (install := shutil.which("mariadb-install-db")) is None or not Path("/usr/sbin/mariadbd").exists():
        pytest.skip("no MariaDB server is installed")
    with fast_folder() as folder:
        address = str(folder / "socket")
        common = ["--no-defaults", f"--datadir={folder / 'data'}", f"--user={'root' if os.geteuid() == 0 else getpass.getuser()}"]

        command = ["/usr/sbin/mariadbd", *common, f"--socket={address}", "--skip-networking", "--innodb-flush-log-at-trx-commit=0"]
        server = Server(command, folder / "log", lambda: connect("mysql", address, ""))
        server.run([install, *common, "--skip-test-db", "--auth-root-authentication-method=normal"])
        with running(server):
            yield Shards("mysql", address)


@contextmanager
def running(server: Server) -> Generator[None]:
    try:
        server.start()
        yield
    finally:
        server.stop()


@dataclass
class Application:
    """Threads that write accounts and their entries through routers of their own, and know what was acknowledged.

    An entry changes the balance of its account in the same transaction; each account has one writer at a time, so the ledger is exact.
    """

    routers: Sequence[Router]
    accounts: dict[str, list[int]]
    """Amounts of the entries of each account; a writer holds the lock of an account while it writes."""
    seed: int = 0
    errors: list[BaseException] = field(default_factory=list)
    writes: int = 0
    longest_seconds: float = 0.0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open_account(self, account: str) -> None:
        self.routers[0].write(account, lambda connection, slot: _insert_account(connection, account, slot))

    @contextmanager
    def writing(self) -> Generator[None]:
        """Writes for the time of the block."""
        # Each router writes accounts of its own, and reads those of all.
        shares = [list(self.accounts)[number :: len(self.routers)] for number in range(len(self.routers))]
        threads = [threading.Thread(target=self._write, args=pair) for pair in zip(self.routers, shares, strict=True)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join(60)
            self._stopped.clear()
        assert self.errors == []

    def _write(self, router: Router, share: Sequence[str]) -> None:
        chance = random.Random(f"{self.seed} {share[0]}")
        try:
            while not self._stopped.is_set():
                self._entry(router, chance.choice(share), chance.randint(-9, 9))
                self._look(router, chance.choice(share))
                # Two processors are shared by many tests.
                time.sleep(0.003)
        except BaseException as error:
            self.errors.append(error)

    def _entry(self, router: Router, account: str, amount: int) -> None:
        amounts, began_at = self.accounts[account], time.monotonic()
        router.write(account, lambda connection, slot: _insert_entry(connection, account, len(amounts), slot, amount))
        amounts.append(amount)
        with self._lock:
            self.writes += 1
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - began_at)

    def _look(self, router: Router, account: str) -> None:
        """What was acknowledged is read, however the slot moves."""
        balance, amounts = router.read(account, lambda connection, slot: _account(connection, account))
        assert (balance, amounts) == (sum(self.accounts[account]), self.accounts[account]), account


def _insert_account(connection: Connection, account: str, slot: int) -> None:
    connection.cursor().execute("INSERT INTO accounts (id, slot, balance) VALUES (%s, %s, 0)", (account, slot))


def _insert_entry(connection: Connection, account: str, number: int, slot: int, amount: int) -> None:
    cursor = connection.cursor()
    cursor.execute("INSERT INTO entries (account, number, slot, amount) VALUES (%s, %s, %s, %s)", (account, number, slot, amount))
    cursor.execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", (amount, account))
    assert cursor.rowcount == 1 or amount == 0


def _account(connection: Connection, account: str) -> tuple[int, list[int]]:
    cursor = connection.cursor()
    cursor.execute("SELECT balance FROM accounts WHERE id = %s", (account,))
    row = cursor.fetchone()
    assert row is not None, f"account {account} is not there"
    cursor.execute("SELECT amount FROM entries WHERE account = %s ORDER BY number", (account,))
    return row[0], [amount for (amount,) in cursor.fetchall()]


def contents(shards: Shards, names: Sequence[str]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of all shards together, in order: one that is there twice is there twice."""
    statements = {
        "accounts": "SELECT id, balance FROM accounts",
        "entries": "SELECT account, number, amount FROM entries",
    }
    return {table: sorted(tuple(row) for name in names for row in shards.run(name, select)) for table, select in statements.items()}


def expected(accounts: Mapping[str, list[int]]) -> dict[str, list[tuple[Any, ...]]]:
    """The same by the ledger."""
    return {
        "accounts": sorted((account, sum(amounts)) for account, amounts in accounts.items()),
        "entries": sorted((account, number, amount) for account, amounts in accounts.items() for number, amount in enumerate(amounts)),
    }
