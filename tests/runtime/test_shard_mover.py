"""The mover of shards: no row is lost or doubled while an application writes, wherever the mover is killed, on real servers."""

import itertools
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cloudpatterns_runtime.shard_mover import Mover
from cloudpatterns_runtime.shards import MapTable, Move, Router, Shard, SlotMap

from tests.emulators.locked_moto import client as moto_client
from tests.emulators.tables import table_by_id
from tests.runtime.shard_servers import TABLES, Application, Shards, contents, expected, mariadb_shards, postgres_shards

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
def world(shards: Shards, moto_account: None) -> Iterator[World]:
    dynamodb = moto_client("dynamodb")
    table_by_id(dynamodb, "maps")
    number = next(NUMBERS)
    names = [f"{letter}{number}" for letter in "abc"]
    addresses = shards.create(*names)
    maps = MapTable(dynamodb, "maps")
    maps.create(SlotMap(addresses=addresses, shards=names[:2], slots=256))
    routers = [Router(maps, shards.connect, engine=shards.engine, wait_seconds=30) for _ in range(4)]
    application = Application(routers, {f"account-{number}": [] for number in range(200)})
    world = World(shards, maps, names, application)
    world.mover().prepare()
    for account in application.accounts:
        application.open_account(account)
    yield world
    shards.drop(names)


def test_a_shard_that_comes_gets_its_share_while_others_write(world: World) -> None:
    plan = world.mover().start(world.names).moves()
    moved = []
    with world.application.writing():
        assert world.mover(on_slot=lambda move, rows: moved.append((move, rows)), batch_rows=3).run() == 0
    assert [move for move, _ in moved] == plan
    assert {move.target for move in plan} == {world.names[2]}
    assert world.maps.read().moves() == []
    assert world.application.writes > 100
    assert len(world.shards.run(world.names[2], "SELECT id FROM accounts")) > 30
    world.check()


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
def test_a_mover_killed_at_any_call_loses_and_doubles_no_row(world: World, after: bool, capsys: pytest.CaptureFixture[str]) -> None:
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

    def read(connection: Any, slot: int) -> int:
        calls.append(slot)
        if len(calls) == 1:
            # The map of the router is old from here on.
            assert one_slot(world)
            connection.rollback()
        cursor = connection.cursor()
        cursor.execute("SELECT balance FROM accounts WHERE id = %s", (account,))
        return cursor.fetchone()[0]

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
