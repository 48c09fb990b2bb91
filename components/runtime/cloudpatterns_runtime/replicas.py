"""Sends reads to replicas and writes to the writer, so that a visitor reads what the same visitor has written.

A module makes one router, once. ``writer`` and ``reader`` open connections of PEP 249, or take them from a pool::

    import psycopg
    from cloudpatterns_runtime.replicas import ReplicaRouter

    ROUTER = ReplicaRouter(writer, reader, engine="aurora-postgresql", consistency_seconds=10)

    def order(session, article):
        written = ROUTER.write(lambda connection: insert(connection, article))
        SESSIONS.write(session, {**session.data, "wrote": written.mark})

    def orders(session):
        return ROUTER.read(select, mark=session.data.get("wrote", ""))

What holds
==========

1. **A visitor reads their own writes.** For ``consistency_seconds`` after the write that a mark is of, reads go to the writer. Later they
   go to a replica, which first says how far behind it is: where that is more than the time since the write, less a second for clocks that
   differ, or it cannot say, the writer answers. Who gives no mark may read older data.
2. **A read never writes**, wherever it goes: replicas refuse writes, and on the writer the transaction is read-only.
3. **Without a replica** reads go to the writer, unless ``fall_back`` is off. After a failed connection replicas are left alone for
   ``retry_seconds``. A read whose connection breaks, or that a replica cancels in favour of replication, runs once more on the writer.
4. A mark is a time, not a secret; keep it in the session. One that cannot be read counts as of now.

Source: Cloud Design Patterns for AWS, "Read Replica".
"""

import os
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Generic, NamedTuple, Self, TypeVar

from cloudpatterns_runtime._checks import is_duration
from cloudpatterns_runtime._fence import Connection, execute, transaction

__all__ = ["Reads", "ReplicaRouter", "Written", "lag_seconds"]

_PREFIX = "CLOUDPATTERNS_REPLICAS_"
_MOST_SECONDS = 86_400
_CLOCKS_DIFFER_SECONDS = 1.0
_Result = TypeVar("_Result")

# Seconds that a replica is behind at most; no row, or NULL, where it cannot say. The statements run in the transaction of the read, so
# behind a proxy they ask the reader that answers it.
_LAG = {
    # The time since the last transaction that it applied says too much where nothing is written. One that has applied all that came has
    # what is older than the time after which a silent stream ends.
    "postgres": "SELECT CASE WHEN NOT pg_is_in_recovery() THEN 0 ELSE LEAST(EXTRACT(EPOCH FROM clock_timestamp() - "
    "pg_last_xact_replay_timestamp()), CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM "
    "pg_stat_wal_receiver) THEN (SELECT NULLIF(setting::numeric, 0) / 1000 FROM pg_settings WHERE name = 'wal_receiver_timeout') END) END",
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora_replica_status.html
    "aurora-postgresql": "SELECT MAX(replica_lag_in_msec) / 1000.0 FROM aurora_replica_status() "
    "WHERE server_id = aurora_db_instance_identifier()",
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Reference.ISTables.html
    "aurora-mysql": "SELECT MAX(replica_lag_in_milliseconds) / 1000.0 FROM information_schema.replica_host_status "
    "WHERE server_id = @@aurora_server_id",
    "mysql": "SHOW REPLICA STATUS",
}
_MYSQL_LAG = ("seconds_behind_source", "seconds_behind_master")

# 40001 and 40P01: cancelled for replication; 57P01 to 57P03: the server shuts down or is starting.
# https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-CONFLICT
_CANCELLED = frozenset({"40001", "40P01", "57P01", "57P02", "57P03"})
# In China the Region comes behind: orders.abc.rds.cn-north-1.amazonaws.com.cn.
_RDS = re.compile(r".+\.rds\.(cn-[a-z]+-\d\.)?amazonaws\.com(\.cn)?")


class Written(NamedTuple, Generic[_Result]):
    """What a write gave, and its mark."""

    result: _Result
    """What ``work`` returned."""
    mark: str
    """When it was committed; for ``read``."""


class Reads(NamedTuple):
    """Where reads go, as ``ReadReplica`` says it."""

    host: str
    """The endpoint of the proxy, or the name of the records of the replicas."""
    port: int
    """Its port."""
    user: str
    """The database user with read rights alone."""
    engine: str
    """As ``ReadReplica`` has it."""
    consistency_seconds: float
    """For ``ReplicaRouter``."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The place that ``environment()`` of the component says; of ``os.environ`` by default.

        :raises ValueError: with the variable that is missing.
        """
        found = os.environ if environment is None else environment
        names = ("HOST", "PORT", "USER", "ENGINE", "CONSISTENCY_SECONDS")
        if missing := [f"{_PREFIX}{name}" for name in names if f"{_PREFIX}{name}" not in found]:
            raise ValueError(f"{', '.join(missing)}: missing. Pass environment() of the ReadReplica to the server.")
        host, port, user, engine, seconds = (found[f"{_PREFIX}{name}"] for name in names)
        return cls(host, int(port), user, engine, float(seconds))

    def endpoint(self, resolve: Callable[[str], tuple[str, list[str], list[str]]] = socket.gethostbyname_ex) -> str:
        """The host name to connect to: of a record over several replicas the endpoint of the one that DNS chose now.

        Certificates and IAM tokens are of the endpoint, not of the record. Call it for each new connection.
        """
        if _RDS.fullmatch(self.host):
            return self.host
        name, others, _ = resolve(self.host)
        return next((one for one in (*others, name) if _RDS.fullmatch(one)), self.host)


class _Server(NamedTuple):
    """One side of a router."""

    name: str
    connect: Callable[[], Connection]


class _ElsewhereError(Exception):
    """A replica does not answer this read; another server does."""


class ReplicaRouter:
    """Runs work in a transaction on the writer or on a replica. Threads may share it."""

    def __init__(
        self,
        writer: Callable[[], Connection],
        reader: Callable[[], Connection],
        *,
        engine: str,
        consistency_seconds: float = 10.0,
        check_lag: bool = True,
        fall_back: bool = True,
        retry_seconds: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """The router of a database.

        ``writer`` and ``reader`` give connections of PEP 249 without autocommit; the router commits or rolls back, and closes them (a pool
        takes them back). ``engine`` is ``postgres``, ``mysql``, ``aurora-postgresql`` or ``aurora-mysql``. ``check_lag`` off saves a
        statement for each read with a mark: then a visitor reads their own writes only while replicas are less than
        ``consistency_seconds`` behind. ``fall_back`` off raises what the connection to a replica raises. ``clock`` are seconds since 1970.

        :raises ValueError: with every value that cannot be used.
        """
        settings = {"consistency_seconds": consistency_seconds, "retry_seconds": retry_seconds}
        if problems := list(_problems(engine, settings)):
            raise ValueError("".join(["ReplicaRouter cannot be created:", *(f"\n  {problem}" for problem in problems)]))
        self._writer, self._reader, self._engine = _Server("writer", writer), _Server("reader", reader), engine
        self._consistency_seconds, self._retry_seconds = consistency_seconds, retry_seconds
        self._check_lag, self._fall_back, self._clock = check_lag, fall_back, clock
        self._lock, self._counts, self._retry_at = threading.Lock(), Counter[str](), 0.0

    def mark(self) -> str:
        """The mark of now: for a write that went past this router, and for one whose commit raised, which may have been done."""
        return str(int(self._clock() * 1000))

    def write(self, work: Callable[[Connection], _Result]) -> Written[_Result]:
        """Calls ``work`` once, with a connection to the writer, and commits.

        What ``work`` raises goes to the caller, and the transaction is rolled back.
        """
        with transaction(lambda server: server.connect(), self._writer) as connection:
            result = work(connection)
            connection.commit()
        # Not before the commit: the time counts from when the data is there.
        return Written(result, self.mark())

    def read(self, work: Callable[[Connection], _Result], mark: str = "") -> _Result:
        """Calls ``work`` with a connection that takes no writes, to a replica or the writer, and rolls back.

        ``mark`` is that of the last write of the visitor; empty where there is none. ``work`` may run a second time, on the writer.
        """
        if self._is_fresh(mark):
            return self._on_writer(work, "fresh")
        with self._lock:
            waits = self._clock() < self._retry_at
        if waits and self._fall_back:
            return self._on_writer(work, "unavailable")
        try:
            return self._on_reader(work, mark)
        except _ElsewhereError as elsewhere:
            return self._on_writer(work, str(elsewhere))

    def counts(self) -> dict[str, int]:
        """Reads so far by where they went: ``reader``; or, on the writer, ``fresh``, ``lagging``, ``unavailable`` or ``cancelled``."""
        with self._lock:
            return dict(self._counts)

    def _is_fresh(self, mark: str) -> bool:
        if not mark:
            return False
        # A mark of the future is that of a server whose clock is ahead.
        return not mark.isdecimal() or self._age(mark) < self._consistency_seconds

    def _age(self, mark: str) -> float:
        return self._clock() - int(mark) / 1000

    def _on_writer(self, work: Callable[[Connection], _Result], reason: str) -> _Result:
        with transaction(lambda server: server.connect(), self._writer) as connection:
            execute(connection, "SET TRANSACTION READ ONLY")
            result = work(connection)
        self._count(reason)
        return result

    def _on_reader(self, work: Callable[[Connection], _Result], mark: str) -> _Result:
        connected = False

        def connect(server: _Server) -> Connection:
            nonlocal connected
            connection = server.connect()
            connected = True
            return connection

        try:
            with transaction(connect, self._reader) as connection:
                try:
                    if mark and self._check_lag and not self._has(mark, connection):
                        raise _ElsewhereError("lagging")
                    result = work(connection)
                except _ElsewhereError:
                    raise
                except Exception as error:
                    if _is_cancelled(error) or not _is_alive(connection):
                        raise _ElsewhereError("cancelled") from error
                    raise
        except Exception:
            if connected:
                raise
            if not self._fall_back:
                raise
            with self._lock:
                self._retry_at = self._clock() + self._retry_seconds
            raise _ElsewhereError("unavailable") from None
        self._count("reader")
        return result

    def _has(self, mark: str, connection: Connection) -> bool:
        """Whether a replica has what was written at a mark."""
        lag = lag_seconds(connection, self._engine)
        return lag is not None and 0 <= lag < self._age(mark) - _CLOCKS_DIFFER_SECONDS

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1


def lag_seconds(connection: Connection, engine: str) -> float | None:
    """How far behind the replica of a connection is at most; None where it cannot say, as where replication is broken."""
    cursor = execute(connection, _LAG[engine])
    row = cursor.fetchone()
    if row is None:
        return None
    value = row[0]
    if engine == "mysql":
        columns = {str(column[0]).lower(): number for number, column in enumerate(cursor.description)}
        value = next((row[columns[name]] for name in _MYSQL_LAG if name in columns), None)
    return None if value is None else float(value)


def _is_cancelled(error: Exception) -> bool:
    """Whether PostgreSQL cancelled a statement; psycopg says so in an attribute, pg8000 in a dictionary."""
    details = error.args[0] if error.args else None
    state = getattr(error, "sqlstate", None) or (details.get("C") if isinstance(details, dict) else None)
    return state in _CANCELLED


def _is_alive(connection: Connection) -> bool:
    with suppress(Exception):
        connection.rollback()
        execute(connection, "SELECT 1").fetchone()
        return True
    return False


def _problems(engine: str, settings: Mapping[str, Any]) -> Iterator[str]:
    if engine not in _LAG:
        yield f"engine: is {engine!r}; {', '.join(_LAG)} are allowed. Give the one of the database."
    for name, value in settings.items():
        if not is_duration(value) or value > _MOST_SECONDS:
            yield f"{name}: is {value!r}; seconds above 0, up to {_MOST_SECONDS}, are allowed. Leave it out for the default."
