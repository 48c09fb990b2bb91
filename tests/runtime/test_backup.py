"""Backups of a legacy system into a real PostgreSQL: full and incremental, with faults, and killed at any call."""

import itertools
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cloudpatterns_runtime.backup import Busy, Checkpoints, Page, Puller, PullerOptions, Superseded, Table, VerifyFailed, checksum
from cloudpatterns_runtime.backup_sources import ApiSource, Collection, Damaged, NodeTable, ReadNode, Refused
from cloudpatterns_runtime.retry import Deadline, Retry

from tests.emulators.locked_moto import client as moto_client
from tests.emulators.ministack import MiniStack
from tests.emulators.tables import table_by_id
from tests.program import ROOT
from tests.runtime.backup_servers import TABLES, Databases, LegacyApi, databases, legacy_api, rows

FAR = Deadline.after(1e9)
SCHEMA = (
    "CREATE TYPE state AS ENUM ('open', 'closed')",
    "CREATE TABLE customers (id bigint PRIMARY KEY, name text, born date, changed timestamptz NOT NULL)",
    "CREATE TABLE lines (order_id integer, line integer, amount numeric(12,2), tags text[], state state, photo bytea, size float8, "
    "note varchar(40), doc jsonb, twice numeric GENERATED ALWAYS AS (amount * 2) STORED, version bigint, PRIMARY KEY (order_id, line))",
    "CREATE TABLE rates (currency char(3) PRIMARY KEY, rate numeric)",
)
FILLED = (
    "INSERT INTO customers SELECT n, CASE WHEN n % 7 = 0 THEN NULL ELSE E'Zoë\\t\\\\N ' || n END, date '1970-01-01' + n, "
    "timestamptz '2027-01-01 00:00:00.123456Z' + n * interval '1 second' FROM generate_series(1, 250) n",
    "INSERT INTO lines (order_id, line, amount, tags, state, photo, size, note, doc, version) "
    "SELECT n / 3, n % 3, n * 1.10, ARRAY['a,b', NULL, E'c\\nd'], "
    "CASE WHEN n % 2 = 0 THEN 'open' ELSE 'closed' END::state, "
    "sha256(n::text::bytea), n / 7.0, E'x\\r\\n' || n, jsonb_build_object('n', n, 'e', 1e2), n FROM generate_series(1, 120) n",
    "INSERT INTO rates VALUES ('EUR', 1), ('USD', 1.0851), ('NaN', 'NaN')",
)
KEYS = {"customers": "id", "lines": "order_id, line", "rates": "currency"}


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Life:
    """Ends a process at a call, before or after it did its work."""

    last: float = float("inf")
    after: bool = False
    calls: int = 0

    def call(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls < self.last:
            return function(*args, **named)
        if self.calls == self.last and self.after:
            function(*args, **named)
        raise Killed


class Mortal:
    """An object whose methods of some names count."""

    def __init__(self, real: Any, life: Life, *names: str) -> None:
        self._real, self._life, self._names = real, life, names

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        return (lambda *args, **named: self._life.call(value, *args, **named)) if name in self._names else value


@pytest.fixture(scope="module")
def server() -> Generator[Databases]:
    with databases() as found:
        yield found


@pytest.fixture
def api() -> Generator[LegacyApi]:
    with legacy_api() as found:
        yield found


@dataclass
class World:
    """A hot copy, its checkpoints, and what happened."""

    server: Databases
    client: Any
    copy: str
    table: str = field(default_factory=lambda: f"progress-{uuid.uuid4()}")
    events: list[tuple[str, Any]] = field(default_factory=list)
    now: float = 1_800_000_000.0
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        table_by_id(self.client, self.table)

    def checkpoints(self, life: Life | None = None) -> Checkpoints:
        client = self.client if life is None else Mortal(self.client, life, "put_item", "get_item")
        return Checkpoints(client, self.table, clock=lambda: self.now)

    def pull(self, source: Any, kind: str = "incremental", name: str = "", life: Life | None = None, **options: Any) -> Any:
        """A run to its end, in one process; the states of its tables."""
        accept_loss = options.pop("accept_loss", False)
        settings = PullerOptions(
            page_rows=options.pop("page_rows", 20),
            on_event=lambda event, fields: self.events.append((event, dict(fields))),
            clock=lambda: self.now,
            sleep=lambda seconds: None,
            **options,
        )
        real = self.server.connect(self.copy)
        try:
            connection: Any = real if life is None else Mortal(real, life, "commit")
            puller = Puller(source, connection, self.checkpoints(life), settings)
            run = puller.begin(name or f"run-{next(self.numbers)}", kind, accept_loss=accept_loss)
            assert puller.pull(run, FAR)
            puller.finish(run)
            return run.state["tables"]
        finally:
            real.close()

    def happened(self, *events: str) -> list[str]:
        return [event for event, _ in self.events if event in events]


@pytest.fixture
def world(server: Databases, moto_account: None) -> World:
    return World(server, moto_client("dynamodb"), server.new("copy"))


@pytest.fixture
def source(server: Databases) -> str:
    name = server.new("source")
    server.run(name, *SCHEMA, *FILLED)
    return name


@dataclass
class Node:
    """A read node with a connection for each run."""

    server: Databases
    database: str

    def open(self) -> Any:
        return ReadNode(self.server.connect(self.database), TABLES)


def is_equal(server: Databases, source: str, copy: str) -> bool:
    for table, key in KEYS.items():
        if table == "lines":
            # Generated columns are the source's own, and types of its own are texts.
            ours = server.run(copy, "SELECT md5(string_agg(l::text, '' ORDER BY order_id, line)) FROM lines l")
            columns = "order_id, line, amount, tags, state, photo, size, note, doc, version"
            theirs = server.run(source, f"SELECT md5(string_agg(l::text, '' ORDER BY order_id, line)) FROM (SELECT {columns} FROM lines) l")
        else:
            ours, theirs = rows(server, copy, table, key), rows(server, source, table, key)
        if ours != theirs:
            return False
    return True


def test_a_full_pull_copies_every_type_and_the_checksum_is_that_of_the_library(world: World, server: Databases, source: str) -> None:
    state = world.pull(Node(server, source).open(), "full")
    assert is_equal(server, source, world.copy)
    assert {name: (table["kind"], table["count"]) for name, table in state.items()} == {
        "customers": ("full", 250),
        "lines": ("full", 120),
        "rates": ("full", 3),
    }
    node = Node(server, source).open()
    for table in node.tables():
        assert state[table.name]["checksum"] == str(checksum(node.page(table, None, 1000).rows))
    assert server.run(world.copy, "SELECT count(*) FROM pg_tables WHERE schemaname = 'cloudpatterns_backup'") == [(0,)]


def test_an_incremental_pull_reads_what_changed_and_deletions_are_found_by_the_totals(world: World, server: Databases, source: str) -> None:
    world.pull(Node(server, source).open(), "full")
    world.events.clear()
    server.run(
        source,
        "UPDATE customers SET name = 'new', changed = '2027-02-01Z' WHERE id IN (3, 4)",
        "INSERT INTO lines (order_id, line, amount, version) VALUES (900, 1, NULL, 500)",
    )
    state = world.pull(Node(server, source).open())
    assert is_equal(server, source, world.copy)
    # The overlap of a minute reads some rows again.
    assert (state["customers"]["kind"], state["customers"]["rows"]) == ("incremental", 63)
    assert (state["lines"]["kind"], state["lines"]["rows"]) == ("incremental", 7)
    assert state["rates"]["kind"] == "full"
    assert world.happened("pull_repeated", "verify_differs") == []

    server.run(source, "DELETE FROM customers WHERE id = 5")
    state = world.pull(Node(server, source).open())
    assert is_equal(server, source, world.copy)
    assert state["customers"]["kind"] == "full"
    assert world.happened("pull_repeated") == ["pull_repeated"]


def test_an_incremental_pull_without_a_recent_full_one_is_full(world: World, server: Databases, source: str) -> None:
    assert world.pull(Node(server, source).open())["customers"]["kind"] == "full"
    world.now += 7 * 86_400
    assert world.pull(Node(server, source).open())["customers"]["kind"] == "incremental"
    world.now += 2 * 86_400
    assert world.pull(Node(server, source).open())["customers"]["kind"] == "full"


def test_a_column_that_the_source_adds_is_added_and_another_type_is_refused(world: World, server: Databases, source: str) -> None:
    world.pull(Node(server, source).open(), "full")
    server.run(source, "ALTER TABLE customers ADD COLUMN mail text DEFAULT 'none'")
    assert world.pull(Node(server, source).open())["customers"]["kind"] == "full"
    assert is_equal(server, source, world.copy)
    server.run(source, "ALTER TABLE customers ALTER COLUMN mail TYPE varchar(10)")
    message = (
        r"table customers: column mail is text in the hot copy and character varying\(10\) in the source\. Alter it in the hot copy, or"
    )
    with pytest.raises(Exception, match=message):
        world.pull(Node(server, source).open())


def test_a_source_that_has_lost_its_rows_does_not_empty_the_copy(world: World, server: Databases, source: str) -> None:
    world.pull(Node(server, source).open(), "full")
    before = rows(server, world.copy, "customers", "id")
    server.run(source, "DELETE FROM customers WHERE id > 100")
    with pytest.raises(VerifyFailed, match="too_much_lost"):
        world.pull(Node(server, source).open(), "full")
    assert rows(server, world.copy, "customers", "id") == before
    world.pull(Node(server, source).open(), "full", accept_loss=True)
    assert is_equal(server, source, world.copy)


def test_rows_written_while_pages_are_read_are_in_the_copy(world: World, server: Databases, source: str) -> None:
    node, written = Node(server, source).open(), itertools.count(1)
    read = node.page

    def page(table: Table, after: str | None, limit: int) -> Page:
        if table.name == "customers":
            number = next(written)
            now = f"timestamptz '2027-03-01Z' + {number} * interval '1 second'"
            server.run(
                source,
                f"UPDATE customers SET name = 'moved', changed = {now} WHERE id = {number}",
                f"INSERT INTO customers VALUES (-{number}, 'behind', NULL, {now})",
            )
        return read(table, after, limit)

    node.page = page
    world.pull(node, "full")
    assert is_equal(server, source, world.copy)


def api_source(api: LegacyApi, token: str = "secret-token", sleep: Callable[[float], None] = lambda seconds: None) -> ApiSource:
    collections = [Collection("customers", key_type="bigint"), Collection("notes")]
    retry = Retry(attempts=4, base_seconds=0.001, cap_seconds=0.01)
    return ApiSource(api.url, collections, token=token, retry=retry, sleep=sleep)


@pytest.fixture
def filled_api(api: LegacyApi) -> LegacyApi:
    for number in range(1, 101):
        api.put("customers", number, name=f"Zoë {number}", price=number / 8, tags=[None, True, {"b": 1, "a": []}])
    for number in range(30):
        api.put("notes", f"n-{number:03}", text="\u0000\ud800" + "x" * number)
    return api


def copied(world: World) -> dict[str, int]:
    return {table: world.server.run(world.copy, f"SELECT count(*) FROM {table}")[0][0] for table in ("customers", "notes")}


@pytest.mark.parametrize("with_totals", [True, False], ids=["totals", "read again"])
def test_an_api_is_copied_whole_then_by_its_changes(world: World, filled_api: LegacyApi, with_totals: bool) -> None:
    filled_api.with_totals = with_totals
    state = world.pull(api_source(filled_api))
    assert (copied(world), state["customers"]["kind"]) == ({"customers": 100, "notes": 30}, "full")
    filled_api.put("customers", 7, name="other")
    filled_api.put("customers", 7, name="another")
    filled_api.put("customers", 200, name="new")
    filled_api.delete("customers", 9)
    filled_api.asked.clear()
    state = world.pull(api_source(filled_api))
    assert (copied(world), state["customers"]["kind"]) == ({"customers": 100, "notes": 30}, "incremental")
    assert world.server.run(world.copy, "SELECT record ->> 'name' FROM customers WHERE key IN (7, 9, 200) ORDER BY key") == [
        ("another",),
        ("new",),
    ]
    if with_totals:
        assert not [path for path in filled_api.asked if path.startswith("/customers?")]


def fault(status: int = 200, cut: int = 0, body: bytes | None = None, **headers: str) -> Any:
    """An answer of another status, cut off, or another body."""

    def of(api: LegacyApi, path: str, answer: tuple[int, dict[str, str], bytes]) -> Any:
        whole = answer[2] if body is None else body
        length = {"Content-Length": str(len(whole))} if cut else {}
        return status, {**length, **{name.replace("_", "-"): value for name, value in headers.items()}}, whole[: len(whole) - cut]

    return of


def healthy(api: LegacyApi, path: str, answer: tuple[int, dict[str, str], bytes]) -> Any:
    return answer


def short_page(api: LegacyApi, path: str, answer: tuple[int, dict[str, str], bytes]) -> Any:
    """A page with fewer records than it says."""
    return 200, {}, answer[2].replace(b'"count": 20', b'"count": 21').replace(b'"count": 10', b'"count": 11')


@pytest.mark.parametrize(
    "broken",
    [fault(429, Retry_After="7"), fault(500), fault(503), fault(cut=30), fault(body=b'{"records": [{'), short_page, lambda *given: None],
    ids=["429", "500", "503", "cut off", "half of JSON", "short page", "closed"],
)
def test_an_answer_that_fails_is_asked_for_again(world: World, filled_api: LegacyApi, broken: Any) -> None:
    waits: list[float] = []
    # The totals, then pages: the second and the third of them fail.
    filled_api.faults = [healthy, healthy, broken, broken]
    world.pull(api_source(filled_api, sleep=waits.append))
    assert copied(world) == {"customers": 100, "notes": 30}
    assert filled_api.faults == []
    assert len([path for path in filled_api.asked if path == "/customers?limit=20&after=20"]) == 3
    if broken(filled_api, "", (200, {}, b"")) is not None and broken(filled_api, "", (200, {}, b""))[0] == 429:
        # As long as the API asks for, in two parts.
        assert sum(waits) == pytest.approx(14)


def test_an_api_that_refuses_or_stays_broken_fails_the_run_and_the_next_one_goes_on(world: World, filled_api: LegacyApi) -> None:
    with pytest.raises(Refused, match=r"^401 from http"):
        world.pull(api_source(filled_api, token="stale"))
    world.now += 1300
    filled_api.faults = [healthy, healthy, healthy, *[short_page] * 4]
    with pytest.raises(Damaged, match="customers: a page says 21 records and has 20"):
        world.pull(api_source(filled_api))
    filled_api.asked.clear()
    world.now += 1300
    world.pull(api_source(filled_api))
    assert copied(world) == {"customers": 100, "notes": 30}
    # Behind the two pages that it has.
    assert filled_api.asked[0] == "/customers?limit=20&after=40"


def test_records_that_change_between_pages_are_right_in_the_end(world: World, filled_api: LegacyApi) -> None:
    numbers = itertools.count(1)

    def change(collection: str, after: str | None) -> None:
        # What changes while the notes are read, after the customers, is for the next pull.
        if collection == "customers" and (number := next(numbers)) < 12:
            filled_api.put("customers", number * 3, name=f"changed {number}")
            filled_api.put("customers", 1000 + number, name="new")
            filled_api.delete("customers", number * 3 + 1)

    filled_api.before_page = change
    world.pull(api_source(filled_api))
    records = world.server.run(world.copy, "SELECT key, record ->> 'name' FROM customers ORDER BY key")
    assert records == [(key, record["name"]) for key, record in sorted(filled_api.records["customers"].items())]


def test_what_the_api_counts_or_sums_otherwise_fails_the_run_and_leaves_the_copy(world: World, filled_api: LegacyApi) -> None:
    world.pull(api_source(filled_api))
    before = rows(world.server, world.copy, "customers", "key")
    source = api_source(filled_api)
    totals = source.totals
    source.totals = lambda table: totals(table)._replace(checksum="1")
    filled_api.put("customers", 1, name="other")
    with pytest.raises(VerifyFailed, match=r'^verify_failed: \{"table": "customers", "source": \[100, "1"\], "copy": \[100, "\d+"\]'):
        world.pull(source)
    assert rows(world.server, world.copy, "customers", "key") == before
    assert world.happened("pull_repeated", "verify_failed") == ["pull_repeated", "verify_failed"]
    # The next run begins the table anew, at once.
    assert world.pull(api_source(filled_api))["customers"]["kind"] == "full"


def test_an_api_does_not_get_the_token_of_another(world: World, filled_api: LegacyApi) -> None:
    filled_api.faults = [fault(302, Location=f"{filled_api.url}/notes/totals")]
    with pytest.raises(Refused, match=r"^302 from"):
        world.pull(api_source(filled_api))
    assert filled_api.asked == ["/customers/totals"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", ["full", "incremental"])
def test_a_pull_killed_at_any_call_is_resumed_without_loss(
    world: World, server: Databases, source: str, kind: str, after: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes seconds: each run is killed at each of its commits and writes of progress, and followed by another process."""
    world.pull(Node(server, source).open(), "full", page_rows=100)
    server.run(
        source,
        "UPDATE customers SET name = 'new', changed = timestamptz '2027-02-01Z' + id * interval '1 second' WHERE id % 2 = 0",
        "UPDATE lines SET amount = 1, version = 1000 + line WHERE order_id < 30",
        "DELETE FROM rates WHERE currency = 'USD'",
        "INSERT INTO rates VALUES ('CHF', 0.9)",
    )
    for last in itertools.count(1):
        life = Life(last, after)
        with_kill = Node(server, source).open()
        try:
            world.pull(with_kill, kind, "run", life, page_rows=50, most_lost_percent=50)
        except Killed:
            continue
        finally:
            with_kill._connection.close()
        break
    assert is_equal(server, source, world.copy)
    assert last > 5
    with capsys.disabled():
        print(f"\n{kind}, {'after' if after else 'before'}: killed {last - 1} times")


def test_a_pull_killed_by_the_system_at_any_page_is_resumed(server: Databases, source: str, emulator: MiniStack) -> None:
    """With SIGKILL, at moments of which nobody knows; it takes seconds, since each pull is a process."""
    server.run(source, "INSERT INTO customers SELECT n, 'x', NULL, '2027-01-01Z' FROM generate_series(1000, 2200) n")
    world, chance, ended = World(server, emulator.client("dynamodb"), server.new("copy")), random.Random(4711), []
    while not ended or ended[-1]:
        command = [sys.executable, "-m", "tests.runtime.backup_process", server.socket, source, world.copy, emulator.url, world.table]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
            assert process.stdout is not None
            # It prints a line for each page.
            for _ in range(chance.randint(6, 16)):
                process.stdout.readline()
            process.kill()
        ended.append(process.returncode)
    assert ended.count(-signal.SIGKILL) >= 3
    assert is_equal(server, source, world.copy)


def test_two_runs_exclude_each_other(world: World, server: Databases, source: str) -> None:
    checkpoints = world.checkpoints()
    first = checkpoints.begin("first", "full")
    with pytest.raises(Busy, match=r"^the run first is at work until \d+ at least$"):
        checkpoints.begin("second", "full")
    assert checkpoints.begin("first", "full").version == first.version
    world.now += 1300
    second = checkpoints.begin("second", "incremental")
    with pytest.raises(Superseded, match=r"^the run first is not the last one any more$"):
        checkpoints.save(first)
    checkpoints.save(second)
    connection = server.connect(world.copy)
    Puller(Node(server, source).open(), connection, checkpoints)
    with pytest.raises(Busy, match=r"^another connection copies into this database$"):
        Puller(Node(server, source).open(), server.connect(world.copy), checkpoints)
    connection.close()
    with pytest.raises(ValueError, match=r"^kind is 'half'; full and incremental are allowed"):
        checkpoints.begin("third", "half")


def test_a_write_of_progress_whose_answer_was_lost_is_recognised(world: World) -> None:
    class Repeating:
        """A client that sends each write twice, as botocore does after a lost answer."""

        def __getattr__(self, name: str) -> Any:
            return getattr(world.client, name)

        def put_item(self, **request: Any) -> Any:
            world.client.put_item(**request)
            return world.client.put_item(**request)

    checkpoints = Checkpoints(Repeating(), world.table)
    run = checkpoints.begin("run", "full")
    checkpoints.save(run)
    assert run.version == 2


def test_a_table_without_key_or_column_of_changes_is_refused(server: Databases, source: str) -> None:
    server.run(source, "CREATE TABLE heap (n integer)")
    for table, message in (
        (NodeTable("heap"), "table heap has no primary key on the read node; correct that, or leave it out"),
        (NodeTable("absent"), "table absent has no columns that this user may see on the read node; correct that, or leave it out"),
        (NodeTable("rates", "changed"), "table rates has no column changed, by which changes are found; name another one"),
    ):
        with pytest.raises(Exception, match=f"^{message}$"):
            ReadNode(server.connect(source), [table]).tables()
