"""The mover of shards: no row is lost or doubled while an application writes, wherever the mover is killed, on real servers."""

import itertools
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from cloudpatterns_runtime.shard_mover import Mover, ShardedTable, Unmovable
from cloudpatterns_runtime.shards import MapTable, Move, Router, Shard, SlotMap, SlotMoving, WrongShard

from tests.emulators.locked_moto import client as moto_client
from tests.emulators.ministack import MiniStack
from tests.program import ROOT
from tests.runtime.shard_servers import TABLES, Application, Shards, contents, expected, mariadb_shards, postgres_shards
from tests.runtime.shard_tables import map_table

NUMBERS = itertools.count()


class Killed(BaseException):
    """The process of the mover ends here: nothing of it runs any more."""


@dataclass
class Life:
    """Counts the calls of a mover to databases and the table, and ends its process at one, before or after the call did its work."""

    last: float = float("inf")
    after: bool = False
    calls: int = 0

    def call(self, function: Any, *args: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls > self.last:
            raise Killed
        if self.calls < self.last or self.after:
            answer = function(*args, **named)
            if self.calls < self.last:
                return answer
        raise Killed


class Mortal:
    """An object whose calls count; what a cursor or connection of a killed process would do, its server does when the socket closes."""

    def __init__(self, real: Any, life: Life) -> None:
        self._real, self._life = real, life

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if not callable(value) or name in ("get_autocommit", "fetchone", "fetchall"):
            return value

        def call(*args: Any, **named: Any) -> Any:
            if name == "cursor":
                return Mortal(value(), self._life)
            if name in ("rollback", "close"):
                return value()
            return self._life.call(value, *args, **named)

        return call


@pytest.fixture(scope="module", params=["postgres", "mysql"])
def shards(request: pytest.FixtureRequest) -> Generator[Shards]:
    with {"postgres": postgres_shards, "mysql": mariadb_shards}[request.param]() as server:
        yield server


@dataclass
class World:
    """Shards with a map of the first ones, and an application with accounts."""

    shards: Shards
    maps: MapTable
    names: list[str]
    application: Application

    def mover(self, life: Life | None = None, **settings: Any) -> Mover:
        maps, connect, opened = self.maps, self.shards.connect, []
        if life is not None:
            client: Any = Mortal(self.maps.client, life)
            maps = MapTable(client, self.maps.table)

            def connect(shard: Shard) -> Any:
                opened.append(life.call(self.shards.connect, shard))
                return Mortal(opened[-1], life)

        return Mover(maps, connect, TABLES, engine=self.shards.engine, **settings)

    def account(self, slot: int) -> str:
        """A new account of a slot."""
        current = self.maps.read()
        account = next(name for name in map("extra-{}".format, itertools.count()) if current.slot(name) == slot)
        self.application.accounts[account] = []
        self.application.open_account(account)
        return account

    def fence(self, shard: str, slot: int) -> tuple[str, int]:
        """State and generation of a slot on a shard."""
        [row] = self.shards.run(shard, f"SELECT state, generation FROM cloudpatterns_slots WHERE slot = {slot}")
        return row[0], row[1]

    def check(self) -> None:
        assert contents(self.shards, self.names) == expected(self.application.accounts)
        assert self.mover().verify() == []


@pytest.fixture
def large_world(shards: Shards, moto_account: None) -> Iterator[World]:
    """With a slot for each kill."""
    with new_world(shards, moto_client("dynamodb"), slots=192) as world:
        yield world


@pytest.fixture
def world(shards: Shards, moto_account: None) -> Iterator[World]:
    with new_world(shards, moto_client("dynamodb")) as world:
        yield world


@contextmanager
def new_world(shards: Shards, dynamodb: Any, slots: int = 48) -> Generator[World]:
    number = next(NUMBERS)
    names = [f"{letter}{number}" for letter in "abc"]
    addresses = shards.create(*names)
    maps = MapTable(dynamodb, map_table(dynamodb))
    maps.create(SlotMap(addresses=addresses, shards=names[:2], slots=slots))
    routers = [Router(maps, shards.connect, engine=shards.engine, wait_seconds=30) for _ in range(4)]
    application = Application(routers, {f"account-{number}": [] for number in range(200)})
    world = World(shards, maps, names, application)
    world.mover().prepare()
    for account in application.accounts:
        application.open_account(account)
    yield world
    shards.drop(names)


def test_a_shard_that_comes_gets_its_share_while_others_write(large_world: World) -> None:
    world = large_world
    plan = world.mover().start(world.names).moves()
    moved = []
    with world.application.writing():
        assert world.mover(on_slot=lambda move, rows: moved.append((move, rows)), batch_rows=3).run() == 0
    assert [move for move, _ in moved] == plan
    assert {move.target for move in plan} == {world.names[2]}
    assert world.maps.read().moves() == []
    assert world.application.writes > 20
    assert len(world.shards.run(world.names[2], "SELECT id FROM accounts")) > 30
    world.check()


def balance(connection: Any, account: str) -> int | None:
    cursor = connection.cursor()
    cursor.execute("SELECT balance FROM accounts WHERE id = %s", (account,))
    row = cursor.fetchone()
    return None if row is None else row[0]


def add(connection: Any, account: str, amount: int) -> None:
    connection.cursor().execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", (amount, account))


def test_a_mover_whose_process_is_killed_is_followed_by_another_one(
    shards: Shards, emulator: MiniStack, capsys: pytest.CaptureFixture[str]
) -> None:
    """With SIGKILL, at moments of which nobody knows; it takes seconds, since each mover is a process."""
    chance, ended = random.Random(shards.engine), []
    with new_world(shards, emulator.client("dynamodb"), slots=192) as world:
        world.mover().start(world.names)
        with world.application.writing():
            while not ended or ended[-1]:
                command = [sys.executable, "-m", "tests.runtime.shard_mover_process", shards.engine, shards.socket]
                with subprocess.Popen([*command, emulator.url, world.maps.table], stdout=subprocess.PIPE, cwd=ROOT) as process:
                    assert process.stdout is not None
                    # It prints a line for each slot.
                    for _ in range(chance.randint(2, 10)):
                        process.stdout.readline()
                    time.sleep(chance.uniform(0, 0.04))
                    process.kill()
                ended.append(process.returncode)
        world.check()
    with capsys.disabled():
        print(f"\n{shards.engine}: {len(ended) - 1} processes killed, {world.application.writes} writes")
    assert ended.count(-signal.SIGKILL) >= 3
    assert ended[-1] == 0


class Enough(BaseException):
    """A test wants no more slots of a mover."""


def one_slot(world: World, life: Life | None = None) -> bool:
    """Moves one slot; whether there was one."""

    def stop(move: Move, rows: int) -> None:
        raise Enough

    try:
        world.mover(life, on_slot=stop).run()
    except Enough:
        return True
    return False


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_mover_killed_at_any_call_loses_and_doubles_no_row(large_world: World, after: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """It takes seconds, since each of some thirty kills meets a slot of its own."""
    world = large_world
    world.mover().start(world.names)
    killed = 0
    with world.application.writing():
        # Each kill meets a slot that is whole, at the next call; another mover follows it.
        for last in itertools.count(1):
            try:
                assert one_slot(world, Life(last, after)), "there are slots enough"
                break
            except Killed:
                killed = last
                if last % 2:
                    # At every other call the slot is given back first.
                    world.mover().release()
                one_slot(world)
        world.mover().run()
    with capsys.disabled():
        longest = world.application.longest_seconds
        print(f"\n{world.shards.engine}: {killed} kills, {world.application.writes} writes, the longest {longest * 1000:.0f} ms")
    assert killed > 25
    world.check()


def test_a_slot_leaves_when_no_transaction_writes_it(world: World) -> None:
    plan = world.mover().start(world.names).moves()
    account = world.account(plan[0].slot)
    began, end = threading.Event(), threading.Event()

    def slow(connection: Any, slot: int) -> None:
        began.set()
        assert end.wait(30)
        connection.cursor().execute("UPDATE accounts SET balance = 7 WHERE id = %s", (account,))

    writer = threading.Thread(target=world.application.routers[0].write, args=(account, slow))
    mover = threading.Thread(target=one_slot, args=(world,))
    writer.start()
    assert began.wait(30)
    mover.start()
    mover.join(0.3)
    assert mover.is_alive()
    assert world.fence(plan[0].source, plan[0].slot) == ("owned", 1)
    end.set()
    for thread in (writer, mover):
        thread.join(30)
    assert world.fence(plan[0].source, plan[0].slot) == ("gone", 2)
    assert world.fence(world.names[2], plan[0].slot) == ("owned", 2)
    assert world.shards.run(world.names[2], f"SELECT balance FROM accounts WHERE id = '{account}'")[0][0] == 7


def test_a_read_that_missed_rows_is_done_again_where_they_are(world: World) -> None:
    plan = world.mover().start(world.names).moves()
    account = world.account(plan[0].slot)
    router, calls = world.application.routers[0], []

    def read(connection: Any, slot: int) -> int | None:
        calls.append(slot)
        if len(calls) == 1:
            # The map of the router is old from here on; with REPEATABLE READ the rows would be there still.
            assert one_slot(world)
            connection.rollback()
        return balance(connection, account)

    assert router.read(account, read) == 0
    assert calls == [plan[0].slot] * 2
    # An old map costs a refusal, and no call of the work.
    other = Router(world.maps, world.shards.connect, engine=world.shards.engine, stale_seconds=3600)
    other.map()
    account = world.account(plan[1].slot)
    assert one_slot(world)
    other.write(account, lambda connection, slot: calls.append(slot))
    assert calls[2:] == [plan[1].slot]
    with pytest.raises(ZeroDivisionError):
        other.read(account, lambda connection, slot: 1 // 0)


def stopped_at(world: World, step: str, **settings: Any) -> Mover:
    """A mover that is killed when it begins a step of its first slot."""
    mover = world.mover(**settings)

    def killed(*args: Any) -> None:
        raise Killed

    setattr(mover, step, killed)
    with pytest.raises(Killed):
        mover.run()
    return mover


def router(world: World, wait_seconds: float = 5) -> Router:
    return Router(world.maps, world.shards.connect, engine=world.shards.engine, stale_seconds=3600, wait_seconds=wait_seconds)


def test_a_slot_that_is_being_copied_is_read_and_not_written(world: World) -> None:
    slot = world.mover().start(world.names).moves()[0].slot
    account = world.account(slot)
    stopped_at(world, "_copy")
    impatient = router(world, wait_seconds=0.05)
    assert impatient.read(account, lambda connection, slot: balance(connection, account)) == 0
    with pytest.raises(SlotMoving, match=rf"^slot {slot} is being moved to another shard and was not open within 0.05 seconds; try again$"):
        impatient.write(account, lambda connection, slot: pytest.fail("it is not called"))
    # Given back, it is written again, and moves another time.
    assert world.mover().release() == [slot]
    impatient.write(account, lambda connection, slot: add(connection, account, 5))
    world.mover().run()
    assert impatient.read(account, lambda connection, slot: balance(connection, account)) == 5


@pytest.mark.parametrize("step", ["_clear", "_arrived"])
def test_what_is_open_on_the_target_is_not_read_on_the_source(world: World, step: str) -> None:
    move = world.mover().start(world.names).moves()[0]
    account = world.account(move.slot)
    old = router(world, wait_seconds=0.5)
    old.map()
    stopped_at(world, step)
    # The map says the source still: the fence says where the slot went.
    assert world.maps.read().owner(move.slot) == move.source
    router(world, wait_seconds=0.5).write(account, lambda connection, slot: add(connection, account, 7))
    assert old.read(account, lambda connection, slot: balance(connection, account)) == 7
    # It cannot be given back: the next mover ends it.
    assert world.mover().release() == []
    world.mover().run()
    assert old.read(account, lambda connection, slot: balance(connection, account)) == 7
    assert world.mover().verify() == []


def test_a_mover_that_was_only_slow_does_nothing_to_what_others_did_meanwhile(world: World) -> None:
    move = world.mover().start(world.names).moves()[0]
    account = world.account(move.slot)
    slow, other = world.mover(), router(world)
    copy, opened = slow._copy, slow._open

    def meanwhile(step: Any, *args: Any) -> Any:
        # The slot is given back, written, moved by another mover, and written again.
        world.mover().release()
        other.write(account, lambda connection, slot: add(connection, account, 1))
        one_slot(world)
        other.write(account, lambda connection, slot: add(connection, account, 1))
        slow._copy, slow._open = copy, opened
        return step(*args)

    slow._copy = lambda *args: meanwhile(copy, *args)  # ty: ignore[invalid-assignment]
    slow.run()
    assert other.read(account, lambda connection, slot: balance(connection, account)) == 2
    world.mover().start(world.names[:2])
    assert world.maps.read().moves()[0].slot == move.slot
    slow._open = lambda *args: meanwhile(opened, *args)  # ty: ignore[invalid-assignment]
    slow.run()
    assert other.read(account, lambda connection, slot: balance(connection, account)) == 4
    assert world.mover().verify() == []


def test_a_slow_mover_does_not_open_the_copy_of_another_attempt(world: World) -> None:
    move = world.mover().start(world.names).moves()[0]
    slow, third = world.mover(), world.mover()
    opened, copy = slow._open, third._copy

    def killed_behind(*args: Any) -> int:
        copy(*args)
        raise Killed

    third._copy = killed_behind  # ty: ignore[invalid-assignment]

    def late(*args: Any) -> bool:
        slow._open = opened
        world.mover().release()
        with pytest.raises(Killed):
            third.run()
        assert not opened(*args)
        # It would be read here, and written there.
        assert world.fence(move.source, move.slot)[0] == "leaving"
        assert world.fence(move.target, move.slot)[0] == "arrived"
        return False

    slow._open = late  # ty: ignore[invalid-assignment]
    slow.run()
    world.check()


def test_a_mover_of_an_earlier_move_freezes_nothing(world: World) -> None:
    move = world.mover().start(world.names).moves()[0]
    slow = world.mover()
    freeze = slow._freeze

    def late(*args: Any) -> None:
        slow._freeze = freeze
        world.mover().run()
        world.mover().start(world.names[:2])
        world.mover().run()
        freeze(*args)

    slow._freeze = late  # ty: ignore[invalid-assignment]
    reason = rf"^slot {move.slot}: shard {move.source} says owned since move 3, peer '{move.target}', which does not go with move 2 to"
    with pytest.raises(Unmovable, match=reason):
        slow.run()
    world.check()


def test_two_movers_at_once_do_no_harm(world: World) -> None:
    world.mover().start(world.names)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            world.mover().run()
        except BaseException as error:
            errors.append(error)

    movers = [threading.Thread(target=run) for _ in range(2)]
    with world.application.writing():
        for mover in movers:
            mover.start()
        for mover in movers:
            mover.join(120)
    assert errors == []
    assert world.maps.read().moves() == []
    world.check()


def test_a_shard_that_goes_gives_its_rows_to_the_others(world: World) -> None:
    world.mover().start(world.names)
    world.mover().run()
    plan = world.mover().start(world.names[1:]).moves()
    assert {move.source for move in plan} == {world.names[0]}
    # A move that has begun goes on where it is begun again.
    assert world.mover().start(world.names[1:]).moves() == plan
    with world.application.writing():
        # In a function, with the seconds that it may take.
        left = [len(plan)]
        while left[-1]:
            left.append(world.mover().run(seconds=0.5))
    assert contents(world.shards, world.names[:1]) == {"accounts": [], "entries": []}
    world.check()
    # It comes back, and is used again.
    world.mover().start(world.names)
    world.mover().run()
    world.check()


def test_a_copy_that_fails_gives_the_slot_back(world: World) -> None:
    move = world.mover().start(world.names).moves()[0]
    account = world.account(move.slot)
    world.shards.run(world.names[2], f"INSERT INTO accounts (id, slot, balance) VALUES ('{account}', {move.slot + 1}, 1)")
    with pytest.raises(Exception, match=r"(?i)duplicate"):
        world.mover().run()
    assert world.fence(move.source, move.slot) == ("owned", 1)
    router(world, 0.5).write(account, lambda connection, slot: add(connection, account, 3))
    problems = world.mover().verify()
    assert problems == [f"{world.names[2]}: accounts has rows of slots that are not there: {move.slot + 1}"]
    world.shards.run(world.names[2], "DELETE FROM accounts")
    world.shards.run(world.names[2], f"INSERT INTO accounts (id, slot, balance) VALUES ('stray', {move.slot}, 1)")
    reason = rf"^slot {move.slot}: shard {world.names[2]} has rows of it in accounts, which it does not have; somebody wrote them past the"
    with pytest.raises(Unmovable, match=reason):
        world.mover().run()
    world.shards.run(world.names[2], "DELETE FROM accounts")
    world.shards.run(move.source, f"INSERT INTO accounts (id, slot, balance) VALUES ('wrong', {move.slot}, 1)")
    wrong = world.maps.read().slot("wrong")
    with pytest.raises(Unmovable, match=rf"^slot {move.slot}: a row of accounts has this slot, and its key is of slot {wrong}\. Correct"):
        world.mover().run()
    assert world.fence(move.source, move.slot) == ("owned", 1)
    world.shards.run(move.source, "DELETE FROM accounts WHERE id = 'wrong'")
    world.mover().run()
    assert world.mover().verify() == []


def test_shards_that_are_not_what_the_map_says_are_refused(world: World) -> None:
    mover, current = world.mover(), world.maps.read()
    mover.prepare()
    a, b, c = world.names
    # Another database behind a name.
    crossed = world.maps.swap(current, current.reached_at({**current.addresses, c: current.addresses[a]}))
    with pytest.raises(WrongShard, match=rf"^the database behind shard {c} is shard {a}; check the addresses in the shard map$"):
        mover.start(world.names)
    swapped = world.maps.swap(crossed, crossed.reached_at({**current.addresses, a: current.addresses[b], b: current.addresses[a]}))
    with pytest.raises(WrongShard, match="it is another shard's, or the fence is missing"):
        router(world).write("customer", lambda connection, slot: pytest.fail("it is not called"))
    world.maps.swap(swapped, swapped.reached_at(current.addresses))
    # Tables that differ, or are not there.
    world.shards.run(c, "ALTER TABLE accounts ADD note VARCHAR(10)")
    with pytest.raises(Unmovable, match=rf"^shard {c} has other columns in accounts than {a}; migrate it first$"):
        mover.start(world.names)
    world.shards.run(c, "ALTER TABLE accounts DROP COLUMN note", "ALTER TABLE entries DROP COLUMN slot")
    with pytest.raises(Unmovable, match=r"^table entries has no column slot; add it, or create the table first$"):
        mover.start(world.names)
    world.shards.run(c, "ALTER TABLE entries ADD slot INTEGER NOT NULL")
    mover.start(world.names)
    mover.run()
    # A database that has lost its fence.
    world.shards.run(c, "DELETE FROM cloudpatterns_slots")
    with pytest.raises(WrongShard, match=rf"^shard {c} had slots before, and its database has no fence"):
        mover.prepare()
    assert len(mover.verify()) == len([slot for slot in range(48) if world.maps.read().owner(slot) == c]) + 1


def test_a_database_that_was_restored_is_found(world: World) -> None:
    move = world.mover().start(world.names).moves()[0]
    world.mover().run()
    # The source as it was before the move.
    world.shards.run(move.source, f"UPDATE cloudpatterns_slots SET state = 'owned', generation = 1, ticket = '' WHERE slot = {move.slot}")
    owners = f"{move.source} \\(owned\\) and {move.target} \\(owned\\)"
    [problem] = world.mover().verify()
    assert re.fullmatch(rf"slot {move.slot} is at {owners}; the map has it at {move.target}", problem)
    # A later move does not take one of the two for the other.
    world.mover().start(world.names[:2])
    with pytest.raises(Unmovable, match=rf"^slot {move.slot}: shard {move.source} says owned, while {move.target} has it"):
        world.mover().run()


TYPES = {
    "postgres": {
        "jsonb": '\'{"a": [1, "ä"], "b": null}\'',
        "json": "'[1,  2]'",
        "numeric(20, 5)": "12345678901234.56789",
        "double precision": "0.1::float8 + 0.2",
        "real": "0.1",
        "timestamptz": "'2026-11-30 07:45:00.123456+02'",
        "timestamp": "'infinity'",
        "interval": "'1 mon -3 days 04:05:06.5'",
        "bytea": "'\\x00ff25'",
        "text[]": "ARRAY['a,b', 'c\"d', NULL]",
        "inet": "'10.0.0.1/8'",
        "uuid": "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
        "boolean": "true",
        "bit(3)": "B'101'",
        "int4range": "'[1,5)'",
        "char(5)": "'ab'",
        "text": "'100%% %s :x \\'",
        "date": "NULL",
    },
    "mysql": {
        "JSON": '\'{"a": [1, "ä"], "b": null}\'',
        "DECIMAL(20, 5)": "12345678901234.56789",
        "DOUBLE": "0.1 + 0.2e0",
        "FLOAT": "16777217.1e-3",
        "DATETIME(6)": "'2026-11-30 07:45:00.123456'",
        "TIMESTAMP(6) NULL": "'2026-11-30 07:45:00.123456'",
        "TIME(3)": "'-100:01:02.5'",
        "VARBINARY(8)": "x'00ff25'",
        "BLOB": "x'00ff'",
        "BIT(3)": "b'101'",
        "YEAR": "2026",
        "ENUM('a', 'b')": "'b'",
        "SET('a', 'b')": "'a,b'",
        "CHAR(5)": "'ab'",
        "TEXT": "'100%% %s :x'",
        "BIGINT UNSIGNED": "18446744073709551615",
        "DATE": "NULL",
    },
}


def test_values_of_every_type_arrive_as_they_were(world: World) -> None:
    types, names = TYPES[world.shards.engine], world.names
    columns = [f"column_{number}" for number in range(len(types))]
    generated = "INTEGER GENERATED ALWAYS AS (number * 2) STORED"
    identity = "INTEGER GENERATED ALWAYS AS IDENTITY" if world.shards.engine == "postgres" else "INTEGER NOT NULL AUTO_INCREMENT UNIQUE"
    quote = '"' if world.shards.engine == "postgres" else "`"
    name, key_column = f"{quote}order{quote}", f"{quote}key{quote}"
    definitions = [
        f"{key_column} VARCHAR(40)",
        "number INTEGER",
        "slot INTEGER NOT NULL",
        f"twice {generated}",
        f"counted {identity}",
        *(f"{column} {kind}" for column, kind in zip(columns, types, strict=True)),
        f"PRIMARY KEY ({key_column}, number)",
    ]
    for shard in names:
        world.shards.run(shard, f"CREATE TABLE {name} ({', '.join(definitions)})")
    plan, current = world.maps.read().move_to(names).moves(), world.maps.read()
    slot = plan[0].slot
    key = next(f"key-{number}" for number in itertools.count() if current.slot(f"key-{number}") == slot)
    inserted, values = ", ".join([key_column, "number", "slot", *columns]), ", ".join(types.values()).replace("%%", "%")
    for number in (2, 10, 1):
        world.shards.run(plan[0].source, f"INSERT INTO {name} ({inserted}) VALUES ('{key}', {number}, {slot}, {values})")
    select = f"SELECT * FROM {name} ORDER BY number"
    before = [tuple(row) for row in world.shards.run(plan[0].source, select)]
    tables = [ShardedTable("order", key="key", primary_key=["key", "number"])]
    mover = Mover(world.maps, world.shards.connect, tables, engine=world.shards.engine, batch_rows=1)
    mover.start(names)
    mover.run()
    assert [tuple(row) for row in world.shards.run(names[2], select)] == before
    assert len(before) == 3
    assert world.shards.run(plan[0].source, select) == []


def test_settings_that_cannot_be_are_refused(world: World) -> None:
    bad: Any = {"engine": "oracle", "batch_rows": 0, "lock_seconds": float("inf")}
    with pytest.raises(ValueError, match=r"^Mover cannot be created:") as caught:
        Mover(world.maps, world.shards.connect, [ShardedTable("a; DROP", key="id", primary_key="id")], **bad)
    assert str(caught.value).split("\n  ")[1:] == [
        "engine: is 'oracle'; postgres and mysql are allowed (mysql for MariaDB too). Give the one of the databases.",
        "batch_rows: is 0; whole numbers from 1 are allowed. Leave it out for the default.",
        "lock_seconds: is inf; seconds above 0 are allowed. Leave it out for the default.",
        "tables: has ShardedTable(name='a; DROP', key='id', primary_key='id', slot='slot'); names of letters, digits and underscores are "
        "allowed, and primary_key is a list of them.",
    ]
    with pytest.raises(ValueError, match="tables: is empty; a mover without tables would lose rows"):
        Mover(world.maps, world.shards.connect, [], engine="postgres")
    with pytest.raises(ValueError, match="wait_seconds: is 0; seconds above 0 are allowed"):
        Router(world.maps, world.shards.connect, engine="postgres", wait_seconds=0)


def test_a_connection_that_commits_each_statement_is_refused(world: World) -> None:
    def connect(shard: Shard) -> Any:
        connection = world.shards.open(shard.address["database"])
        connection.autocommit(True) if callable(connection.autocommit) else setattr(connection, "autocommit", True)
        return connection

    with pytest.raises(ValueError, match="the connection commits each statement; a transaction is needed"):
        Router(world.maps, connect, engine=world.shards.engine).write("key", lambda connection, slot: None)
