"""Moves slots between the shards of ``cloudpatterns_runtime.shards``, while the application writes.

A shard is added in three steps: a new database gets the tables; its address enters the shard map; a mover moves its share to it::

    import boto3
    from cloudpatterns_runtime.shard_mover import Mover, ShardedTable
    from cloudpatterns_runtime.shards import MapTable

    TABLES = [ShardedTable("customers", key="id", primary_key=["id"]), ShardedTable("orders", key="customer", primary_key=["id"])]
    mover = Mover(MapTable.from_environment(boto3.client("dynamodb")), connect, TABLES, engine="postgres")
    mover.start(["a", "b", "c"])
    while mover.run(seconds=600):
        ...

How a slot moves
================

1. The source refuses writes of the slot. That waits for transactions that write it; reads go on.
2. The rows are copied in one transaction of the target: all of them or none.
3. The source refuses reads; the target opens the slot. Between the two nobody has it, for the time of two short transactions.
4. The source deletes the rows, and the map says that the slot has arrived.

Every step can be repeated, and looks at what the databases say before it does anything: a mover that is killed at any point is followed
by another one, or by the same command. Two at once do no harm. A ticket per attempt keeps one that was only slow from doing a step of a
move that was given up, or of an earlier one.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cloudpatterns_runtime import _fence
from cloudpatterns_runtime._checks import is_count, is_duration
from cloudpatterns_runtime._fence import ARRIVED, BACK, GONE, LEAVING, LEFT, OWNED, Connection, Row, WrongShard
from cloudpatterns_runtime._rows import Columns, Rows, ShardedTable, Unmovable
from cloudpatterns_runtime.shards import MapConflict, MapTable, Move, Shard, SlotMap

__all__ = ["Mover", "ShardedTable", "Unmovable"]

_MOST_STEPS = 32
_LOCK_TRIES = 5


@dataclass(frozen=True, slots=True)
class _Passage:
    """A slot on its move, with a connection to each of its shards."""

    move: Move
    current: SlotMap
    source: Connection
    target: Connection


class Mover:
    """Moves slots, one after another. Several may run at the same time, though one is as fast."""

    def __init__(
        self,
        maps: MapTable,
        connect: Callable[[Shard], Connection],
        tables: Sequence[ShardedTable],
        *,
        engine: str,
        batch_rows: int = 500,
        lock_seconds: float = 2.0,
        on_slot: Callable[[Move, int], None] = lambda move, rows: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """The mover of a map's tables.

        ``connect`` and ``engine`` are those of ``Router``; its user may create a table, and read, write and delete rows of ``tables``. A
        table that refers to another one comes after it. ``batch_rows`` (default 500) are read at once. A slot is frozen when no
        transaction writes it; ``lock_seconds`` (default 2) is how long that is waited for, five times. ``on_slot`` is called with
        each slot that was moved, and the number of rows that were copied.

        :raises ValueError: with every value that cannot be used.
        """
        self._maps, self._connect, self._tables, self._engine = maps, connect, list(tables), engine
        self._lock_seconds, self._on_slot, self._clock, self._sleep = lock_seconds, on_slot, clock, sleep
        if problems := list(self._problems(self._tables, batch_rows)):
            raise ValueError("".join(["Mover cannot be created:", *(f"\n  {problem}" for problem in problems)]))
        self._rows = Rows(engine, self._tables, batch_rows)

    def prepare(self) -> None:
        """Creates the fence on each shard of the map that has none. It changes nothing where they are: run it with each deployment.

        :raises WrongShard: where a database is another shard, or one that had slots has lost its fence.
        :raises Unmovable: where tables differ between shards.
        """
        current = self._maps.read()
        self._prepare(current, sorted({*current.shards, *current.previous}))

    def start(self, shards: Sequence[str]) -> SlotMap:
        """Begins a move to other shards, all of which have an address in the map; ``moves`` of the result is the plan.

        Nothing moves before ``run``. A move to the same shards that has begun already goes on.

        :raises ValueError: while another move is not over, and where nothing would move.
        :raises Unmovable: where tables are missing or differ.
        """
        current = self._maps.read()
        if current.previous and sorted(shards) == list(current.shards):
            return current
        begun = current.move_to(shards)
        self._prepare(current, sorted({*current.shards, *begun.shards}))
        return self._maps.swap(current, begun)

    def run(self, seconds: float | None = None) -> int:
        """Moves slots until none is left, or for so long; the number of slots that are left.

        What fails gives the slot back to its source, as far as that can be reached, and is raised; ``run`` again goes on.
        """
        begun_at, current = self._clock(), self._maps.read()
        generation = current.generation
        with contextlib.ExitStack() as stack:
            open_connections: dict[str, Connection] = {}

            def connection(name: str) -> Connection:
                if name not in open_connections:
                    open_connections[name] = stack.enter_context(_fence.transaction(self._connect, current.at(name)))
                return open_connections[name]

            while current.generation == generation and (moves := current.moves()):
                if seconds is not None and self._clock() - begun_at >= seconds:
                    return len(moves)
                move = moves[0]
                passage = _Passage(move, current, connection(move.source), connection(move.target))
                try:
                    rows = self._move(passage)
                except Exception:
                    self._give_back(passage)
                    raise
                current = self._arrived(current, move.slot)
                self._on_slot(move, rows)
        return 0

    def release(self) -> list[int]:
        """Gives slots that a mover left halfway back to their sources, for writes at once; their numbers. The move can go on later.

        A slot that the target has opened is not given back: ``run`` finishes it.
        """
        current, released = self._maps.read(), []
        for move in current.moves():
            with (
                _fence.transaction(self._connect, current.at(move.source)) as source,
                _fence.transaction(self._connect, current.at(move.target)) as target,
            ):
                if self._release(_Passage(move, current, source, target)):
                    released.append(move.slot)
        return released

    def verify(self) -> list[str]:
        """What is wrong with the fences: slots that no shard has or that several have, such as after a database was restored.

        Rows of slots that a shard does not have are found as well, which scans the index of each table's slots.
        """
        current, problems, owners = self._maps.read(), [], dict[int, list[str]]()
        for name in sorted({*current.shards, *current.previous}):
            with _fence.transaction(self._connect, current.at(name)) as connection:
                fence = _fence.rows(connection, name)
                for slot, row in fence.items():
                    if row.state != GONE:
                        owners.setdefault(slot, []).append(f"{name} ({row.state})")
                for table in self._tables:
                    stray = sorted(slot for slot in self._rows.slots(connection, table) if slot not in fence or fence[slot].state == GONE)
                    if stray:
                        problems.append(f"{name}: {table.name} has rows of slots that are not there: {', '.join(map(str, stray[:10]))}")
        moving = {move.slot for move in current.moves()}
        for slot in range(current.slots):
            has = owners.get(slot, [])
            if slot not in moving and has != [f"{current.owner(slot)} ({OWNED})"]:
                problems.append(f"slot {slot} is at {' and '.join(has) or 'no shard'}; the map has it at {current.owner(slot)}")
        return problems

    def _move(self, passage: _Passage) -> int:
        """Moves a slot as far as it is not moved yet; the rows that were copied. Each turn looks, and does one step."""
        move, generation, source = passage.move, passage.current.generation, passage.source
        copied = 0
        for _ in range(_MOST_STEPS):
            # Another transaction, which sees what is committed.
            source.rollback()
            row = _fence.look(source, move.source, move.slot)
            source.rollback()
            if row.state == GONE and row.generation == generation:
                return copied
            if row.state == OWNED and row.generation < generation:
                self._freeze(passage, row)
            elif row.state == LEAVING and row.peer == move.target:
                copied = self._copy(passage, row)
                self._change(source, move.source, move.slot, row, row._replace(state=LEFT))
            elif row.state == LEFT and row.peer == move.target:
                if self._open(passage, row):
                    self._clear(passage, row)
            elif row.state == BACK and row.peer == move.target:
                self._settle(passage, row)
            else:
                break
        raise Unmovable(
            f"slot {move.slot}: shard {move.source} says {row.state} since move {row.generation}, peer {row.peer!r}, which does not go "
            f"with move {generation} to {move.target}. Another mover has moved it, or a database was restored: see Mover.verify."
        )

    def _freeze(self, passage: _Passage, row: Row) -> None:
        move, source = passage.move, passage.source
        leaving = Row(LEAVING, row.generation, secrets.token_urlsafe(18), move.target)
        for left in reversed(range(_LOCK_TRIES)):
            try:
                _fence.limit_waiting(source, self._engine, self._lock_seconds)
                self._change(source, move.source, move.slot, row, leaving)
            except Exception:
                source.rollback()
                if not left:
                    raise
                # Others write meanwhile, instead of waiting behind the mover.
                self._sleep(self._lock_seconds / 4)
            else:
                return

    def _copy(self, passage: _Passage, row: Row) -> int:
        move, generation, source, target = passage.move, passage.current.generation, passage.source, passage.target
        target.rollback()
        arrival = _fence.lock(target, move.target, move.slot)
        if (arrival.state == ARRIVED and arrival.ticket == row.ticket) or (arrival.state == OWNED and arrival.generation == generation):
            target.rollback()
            return 0
        if arrival.state != GONE or arrival.generation >= generation:
            raise _two_owners(move, arrival)
        source.rollback()
        # While the target's row is locked no other mover opens the slot, so none deletes the rows of the source.
        if _fence.look(source, move.source, move.slot) != row:
            source.rollback()
            target.rollback()
            return 0
        if strays := self._rows.tables_with(target, move.slot):
            reason = "which it does not have; somebody wrote them past the router. Move or delete them, and run again"
            raise Unmovable(f"slot {move.slot}: shard {move.target} has rows of it in {', '.join(strays)}, {reason}.")
        copied = self._rows.copy(move.slot, passage.current.slot, source, target)
        _fence.change(target, move.target, move.slot, arrival, Row(ARRIVED, arrival.generation, row.ticket, move.source))
        source.rollback()
        target.commit()
        return copied

    def _open(self, passage: _Passage, row: Row) -> bool:
        """Opens the slot on the target; whether it is open there, with the copy of this attempt."""
        move, target = passage.move, passage.target
        target.rollback()
        arrived = _fence.lock(target, move.target, move.slot)
        if arrived.state == ARRIVED and arrived.ticket == row.ticket:
            _fence.change(target, move.target, move.slot, arrived, Row(OWNED, passage.current.generation, row.ticket, move.source))
            target.commit()
        target.rollback()
        return arrived.ticket == row.ticket and arrived.state in (ARRIVED, OWNED)

    def _clear(self, passage: _Passage, row: Row) -> None:
        move, source = passage.move, passage.source
        if _fence.change(source, move.source, move.slot, row, Row(GONE, passage.current.generation, row.ticket, move.target)):
            self._rows.delete(source, move.slot)
            source.commit()
        source.rollback()

    def _give_back(self, passage: _Passage) -> None:
        """After a failure, with other connections, since those in use may be broken, and hold locks."""
        current, move = passage.current, passage.move
        for connection in (passage.source, passage.target):
            with contextlib.suppress(Exception):
                connection.rollback()
        with (
            contextlib.suppress(Exception),
            _fence.transaction(self._connect, current.at(move.source)) as source,
            _fence.transaction(self._connect, current.at(move.target)) as target,
        ):
            self._release(_Passage(move, current, source, target))

    def _release(self, passage: _Passage) -> bool:
        move, source = passage.move, passage.source
        row = _fence.look(source, move.source, move.slot)
        if row.state in (LEAVING, LEFT) and row.peer == move.target:
            # A mover that is only slow takes no step from here on, but to open what the target has.
            back = row._replace(state=BACK)
            self._change(source, move.source, move.slot, row, back)
            row = _fence.look(source, move.source, move.slot)
        source.rollback()
        return row.state == BACK and row.peer == move.target and self._settle(passage, row)

    def _settle(self, passage: _Passage, row: Row) -> bool:
        """Ends what gives a slot back: the target has opened it before, or never does."""
        move, generation, source, target = passage.move, passage.current.generation, passage.source, passage.target
        target.rollback()
        arrival = _fence.lock(target, move.target, move.slot)
        if opened := arrival.state == OWNED and arrival.generation == generation:
            target.rollback()
            following = row._replace(state=LEFT, ticket=arrival.ticket)
        elif arrival.state not in (GONE, ARRIVED):
            raise _two_owners(move, arrival)
        else:
            if arrival.state == ARRIVED:
                self._rows.delete(target, move.slot)
            _fence.change(target, move.target, move.slot, arrival, Row(GONE, arrival.generation, "", ""))
            target.commit()
            following = Row(OWNED, row.generation, "", "")
        self._change(source, move.source, move.slot, row, following)
        return not opened

    def _change(self, connection: Connection, shard: str, slot: int, seen: Row, new: Row) -> None:
        """A change of the fence alone. Where another one came first nothing happens: the next look shows it."""
        _fence.change(connection, shard, slot, seen, new)
        connection.commit()

    def _arrived(self, current: SlotMap, slot: int) -> SlotMap:
        generation = current.generation
        while current.generation == generation and current.previous and slot not in current.moved:
            try:
                return self._maps.swap(current, current.arrived(slot))
            except MapConflict:
                current = self._maps.read()
        return current

    def _prepare(self, current: SlotMap, names: Sequence[str]) -> None:
        first: dict[str, Columns] | None = None
        for name in names:
            with _fence.transaction(self._connect, current.at(name)) as connection:
                columns = {table.name: self._rows.columns(connection, table) for table in self._tables}
                first = columns if first is None else first
                if differing := sorted(table for table in columns if set(columns[table]) != set(first[table])):
                    raise Unmovable(f"shard {name} has other columns in {', '.join(differing)} than {names[0]}; migrate it first")
                connection.rollback()
                _fence.create(connection)
                self._fill(connection, current, name)

    def _fill(self, connection: Connection, current: SlotMap, name: str) -> None:
        there = _fence.names(connection)
        if there - {name}:
            raise WrongShard(f"the database behind shard {name} is shard {', '.join(sorted(there))}; check the addresses in the shard map")
        if there:
            return
        had_slots = name in (current.previous or current.shards)
        if (had_slots and current.generation > 1) or (current.moved and name in current.shards):
            raise WrongShard(f"shard {name} had slots before, and its database has no fence: it is another one, or an old backup of it")
        owned = [slot for slot in range(current.slots) if current.owner(slot) == name] if had_slots else []
        _fence.fill(connection, name, current.slots, owned)
        connection.commit()

    def _problems(self, tables: Sequence[ShardedTable], batch_rows: int) -> Iterator[str]:
        yield from _fence.engine_problems(self._engine)
        if not is_count(batch_rows):
            yield f"batch_rows: is {batch_rows!r}; whole numbers from 1 are allowed. Leave it out for the default."
        if not is_duration(self._lock_seconds):
            yield f"lock_seconds: is {self._lock_seconds!r}; seconds above 0 are allowed. Leave it out for the default."
        if not tables:
            yield "tables: is empty; a mover without tables would lose rows. Name each table that has a column for the slot."
        for table in tables:
            names = [*table.name.split("."), table.key, table.slot, *table.primary_key]
            if isinstance(table.primary_key, str) or not table.primary_key or not all(map(_fence.is_identifier, names)):
                yield f"tables: has {table!r}; names of letters, digits and underscores are allowed, and primary_key is a list of them."


def _two_owners(move: Move, arrival: Row) -> Unmovable:
    return Unmovable(f"slot {move.slot}: shard {move.target} says {arrival.state}, while {move.source} has it. See Mover.verify.")
