"""Reads from replicas: a visitor reads their own writes, on PostgreSQL with a streaming replica that stops and goes on."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import pg8000.dbapi
import pytest
from cloudpatterns_runtime.replicas import Reads, ReplicaRouter, lag_seconds

from tests.runtime.replica_servers import Replicated, replicated_postgres

VISITORS = itertools.count(1)
ENVIRONMENT = {
    "CLOUDPATTERNS_REPLICAS_HOST": "reads.orders.internal",
    "CLOUDPATTERNS_REPLICAS_PORT": "5432",
    "CLOUDPATTERNS_REPLICAS_USER": "reader",
    "CLOUDPATTERNS_REPLICAS_ENGINE": "postgres",
    "CLOUDPATTERNS_REPLICAS_CONSISTENCY_SECONDS": "10",
}


@pytest.fixture(scope="module")
def servers() -> Generator[Replicated]:
    with replicated_postgres() as both:
        yield both


@dataclass
class Clock:
    """A clock that goes on by itself, and can be moved."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def router(servers: Replicated, **settings: Any) -> ReplicaRouter:
    servers.opened.clear()
    given: Any = {"engine": "postgres", "consistency_seconds": 10, **settings}
    return ReplicaRouter(servers.writer, servers.reader, **given)


def put(visitor: int, number: int) -> Callable[[Any], None]:
    statement = "INSERT INTO orders VALUES (%s, %s) ON CONFLICT (visitor) DO UPDATE SET number = EXCLUDED.number"
    return lambda connection: connection.cursor().execute(statement, (visitor, number))


def get(visitor: int) -> Callable[[Any], int | None]:
    def work(connection: Any) -> int | None:
        cursor = connection.cursor()
        cursor.execute("SELECT number FROM orders WHERE visitor = %s", (visitor,))
        row = cursor.fetchone()
        return None if row is None else row[0]

    return work


def test_a_visitor_reads_their_own_writes_from_the_writer_for_the_stated_time(servers: Replicated) -> None:
    clock, visitor = Clock(), next(VISITORS)
    both = router(servers, clock=clock)
    servers.pause()
    try:
        written = both.write(put(visitor, 1))
        assert both.read(get(visitor), written.mark) == 1
        clock.ahead = 9
        assert both.read(get(visitor), written.mark) == 1
        assert both.counts() == {"fresh": 2}
        # Somebody else may read older data.
        assert both.read(get(visitor)) is None
    finally:
        servers.resume()


def test_later_a_replica_that_is_behind_is_left_out(servers: Replicated) -> None:
    clock, visitor = Clock(), next(VISITORS)
    both = router(servers, clock=clock)
    servers.pause()
    try:
        mark = both.write(put(visitor, 1)).mark
        assert both.read(get(visitor)) is None
        connection = servers.reader()
        lag = lag_seconds(connection, "postgres")
        connection.close()
        assert lag is not None
        # The write is about as old as what the replica has: not old enough where clocks differ.
        clock.ahead = lag + 0.9
        both = router(servers, clock=clock, consistency_seconds=0.1)
        assert both.read(get(visitor), mark) == 1
        assert both.counts() == {"lagging": 1}
    finally:
        servers.resume()


def test_a_replica_that_has_the_write_answers(servers: Replicated) -> None:
    clock, visitor = Clock(), next(VISITORS)
    both = router(servers, clock=clock)
    mark = both.write(put(visitor, 1)).mark
    servers.catch_up()
    # Nothing was written since: what is older than the time after which a silent stream ends is there.
    clock.ahead = 62
    servers.opened.clear()
    assert both.read(get(visitor), mark) == 1
    assert (both.counts(), servers.opened) == ({"reader": 1}, ["standby"])


def test_without_the_check_a_replica_that_is_behind_shows_older_data(servers: Replicated) -> None:
    clock, visitor = Clock(), next(VISITORS)
    both = router(servers, clock=clock, check_lag=False)
    servers.pause()
    try:
        mark = both.write(put(visitor, 1)).mark
        clock.ahead = 11
        assert both.read(get(visitor), mark) is None
    finally:
        servers.resume()


def test_a_read_never_writes_wherever_it_goes(servers: Replicated) -> None:
    both, visitor = router(servers), next(VISITORS)
    for mark in ("", both.mark()):
        with pytest.raises(pg8000.dbapi.Error, match="cannot execute INSERT in a read-only transaction"):
            both.read(put(visitor, 1), mark)
    assert servers.opened == ["standby", "primary"]
    # The engine refuses it from whoever has the rights too.
    with pytest.raises(pg8000.dbapi.Error, match="cannot execute INSERT in a read-only transaction"):
        servers.run("standby", f"INSERT INTO orders VALUES ({visitor}, 1)")
    assert both.read(get(visitor), both.mark()) is None


def test_a_write_that_fails_leaves_nothing(servers: Replicated) -> None:
    both, visitor = router(servers), next(VISITORS)

    def work(connection: Any) -> None:
        put(visitor, 1)(connection)
        raise KeyError("no")

    with pytest.raises(KeyError):
        both.write(work)
    assert both.read(get(visitor), both.mark()) is None


def test_reads_go_to_the_writer_while_there_is_no_replica(servers: Replicated) -> None:
    clock, visitor = Clock(), next(VISITORS)
    both, strict = router(servers, clock=clock, retry_seconds=5), router(servers, fall_back=False)
    both.write(put(visitor, 1))
    servers.standby.stop()
    try:
        servers.opened.clear()
        assert both.read(get(visitor)) == both.read(get(visitor)) == 1
        # It was tried once.
        assert servers.opened == ["standby", "primary", "primary"]
        assert both.counts() == {"unavailable": 2}
        with pytest.raises(pg8000.dbapi.Error):
            strict.read(get(visitor))
    finally:
        servers.standby.start()
    servers.catch_up()
    clock.ahead = 6
    assert both.read(get(visitor)) == 1
    assert both.counts() == {"unavailable": 2, "reader": 1}


def test_a_read_whose_connection_breaks_runs_once_more_on_the_writer(servers: Replicated) -> None:
    both, visitor, calls = router(servers), next(VISITORS), []
    both.write(put(visitor, 1))

    def work(connection: Any) -> int | None:
        calls.append(connection)
        if len(calls) == 1:
            cursor = connection.cursor()
            cursor.execute("SELECT pg_backend_pid()")
            servers.run("standby", f"SELECT pg_terminate_backend({cursor.fetchone()[0]})")
        return get(visitor)(connection)

    assert both.read(work) == 1
    assert (len(calls), both.counts()) == (2, {"cancelled": 1})


def test_a_read_that_a_replica_cancels_runs_once_more_on_the_writer(servers: Replicated) -> None:
    both, visitor, calls = router(servers), next(VISITORS), []
    both.write(put(visitor, 1))
    servers.catch_up()

    def work(connection: Any) -> int | None:
        calls.append(connection)
        if len(calls) == 1:
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            get(visitor)(connection)
            # What the read may still see goes on the writer; the replica cannot keep it.
            servers.run("primary", "UPDATE orders SET number = number", "VACUUM orders")
            connection.cursor().execute("SELECT pg_sleep(5)")
        return get(visitor)(connection)

    servers.run("standby", "ALTER SYSTEM SET max_standby_streaming_delay = 0", "SELECT pg_reload_conf()")
    assert both.read(work) == 1
    assert (len(calls), both.counts()) == (2, {"cancelled": 1})


@dataclass
class Traffic:
    """Visitors who write and read at once; each knows their last write."""

    router: ReplicaRouter
    deadline: float
    wrong: list[Any] = field(default_factory=list)
    reads: int = 0
    writes: int = 0

    def visit(self, visitor: int) -> None:
        chance, number, mark = random.Random(visitor), 0, ""
        try:
            while time.monotonic() < self.deadline:
                if chance.random() < 0.2:
                    number += 1
                    mark = self.router.write(put(visitor, number)).mark
                    self.writes += 1
                found = self.router.read(get(visitor), mark)
                self.reads += 1
                if mark and found != number:
                    self.wrong.append((visitor, number, found))
                time.sleep(chance.random() * 0.2)
        except Exception as error:
            self.wrong.append(error)


def test_no_visitor_reads_older_data_than_their_own_while_replication_stops_and_goes_on(
    servers: Replicated, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = 6.0
    traffic = Traffic(router(servers, consistency_seconds=0.2), time.monotonic() + seconds)
    threads = [threading.Thread(target=traffic.visit, args=(next(VISITORS),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    while time.monotonic() < traffic.deadline - 1:
        servers.pause()
        time.sleep(1.5)
        servers.resume()
        time.sleep(1.0)
    for thread in threads:
        thread.join(30)
    counts = traffic.router.counts()
    with capsys.disabled():
        print(f"\nreplicas: {traffic.writes} writes, {traffic.reads} reads, {counts}")
    assert traffic.wrong == []
    # Each kind of read was among them.
    assert counts.keys() == {"fresh", "lagging", "reader"}


class Cursor:
    """As that of a driver, with one row."""

    def __init__(self, description: list[str], row: tuple[Any, ...] | None):
        self.description, self.row = [(name,) for name in description], row
        self.statements: list[str] = []

    def cursor(self) -> "Cursor":
        return self

    def execute(self, statement: str) -> None:
        self.statements.append(statement)

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.row


@pytest.mark.parametrize(
    ("engine", "description", "row", "expected"),
    [
        ("mysql", ["Replica_IO_State", "Seconds_Behind_Source"], ("Waiting", 3), 3.0),
        ("mysql", ["Slave_IO_State", "Seconds_Behind_Master"], ("Waiting", 0), 0.0),
        ("mysql", ["Replica_IO_State", "Seconds_Behind_Source"], ("", None), None),
        ("mysql", ["Replica_IO_State"], ("",), None),
        ("mysql", [], None, None),
        ("aurora-mysql", ["lag"], (0.02,), 0.02),
        ("aurora-postgresql", ["lag"], (None,), None),
    ],
)
def test_a_replica_that_cannot_say_how_far_behind_it_is(engine: str, description: list[str], row: Any, expected: float | None) -> None:
    cursor: Any = Cursor(description, row)
    assert lag_seconds(cursor, engine) == expected
    assert len(cursor.statements) == 1


@pytest.mark.parametrize("mark", ["x", "-1", "1e3", pytest.param(str(int((time.time() + 3600) * 1000)), id="in an hour")])
def test_a_mark_that_cannot_be_read_or_is_of_the_future_counts_as_of_now(servers: Replicated, mark: str) -> None:
    both = router(servers)
    both.read(get(0), mark)
    assert both.counts() == {"fresh": 1}


def test_a_record_is_resolved_to_the_endpoint_that_has_the_certificate() -> None:
    reads = Reads.from_environment(ENVIRONMENT)
    assert reads == Reads("reads.orders.internal", 5432, "reader", "postgres", 10.0)
    endpoint = "reads-a.abc.eu-west-1.rds.amazonaws.com"
    assert reads.endpoint(lambda host: (endpoint, [host], ["10.0.0.7"])) == endpoint
    # The endpoint may have an alias itself.
    assert reads.endpoint(lambda host: ("ec2-1.compute.amazonaws.com", [host, endpoint], ["10.0.0.7"])) == endpoint
    assert reads.endpoint(lambda host: (host, [], ["10.0.0.7"])) == "reads.orders.internal"

    def unasked(host: str) -> Any:
        raise AssertionError(host)

    assert reads._replace(host="reads-proxy.proxy-abc.eu-west-1.rds.amazonaws.com").endpoint(unasked).startswith("reads-proxy.")
    assert reads._replace(host="reads-proxy.proxy-abc.rds.cn-north-1.amazonaws.com.cn").endpoint(unasked).startswith("reads-proxy.")


def test_a_place_without_its_variables_is_refused() -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if not name.endswith(("HOST", "USER"))}
    with pytest.raises(ValueError, match="missing") as caught:
        Reads.from_environment(environment)
    assert str(caught.value) == (
        "CLOUDPATTERNS_REPLICAS_HOST, CLOUDPATTERNS_REPLICAS_USER: missing. Pass environment() of the ReadReplica to the server."
    )


def test_settings_that_cannot_be_used_are_refused() -> None:
    unused: Any = None
    with pytest.raises(ValueError, match="cannot be created") as caught:
        ReplicaRouter(unused, unused, engine="oracle", consistency_seconds=0, retry_seconds=100_000)
    assert str(caught.value) == (
        "ReplicaRouter cannot be created:\n"
        "  engine: is 'oracle'; postgres, aurora-postgresql, aurora-mysql, mysql are allowed. Give the one of the database.\n"
        "  consistency_seconds: is 0; seconds above 0, up to 86400, are allowed. Leave it out for the default.\n"
        "  retry_seconds: is 100000; seconds above 0, up to 86400, are allowed. Leave it out for the default."
    )
