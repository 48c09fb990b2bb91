"""Spreads the rows of an application over several databases, each of which writes its share.

A module makes one router, once; ``connect`` opens a connection to a shard::

    import boto3
    import psycopg
    from cloudpatterns_runtime.shards import MapTable, Router

    def connect(shard):
        return psycopg.connect(host=shard.address["host"], port=shard.address["port"], sslmode="verify-full", ...)

    ROUTER = Router(MapTable.from_environment(boto3.client("dynamodb")), connect, engine="postgres")

    def order(customer, articles):
        def work(connection, slot):
            connection.cursor().execute(
                "INSERT INTO orders (customer, id, slot, articles) VALUES (%s, %s, %s, %s)", (customer, str(uuid4()), slot, articles)
            )
        ROUTER.write(customer, work)

How it works
============

A **key**, such as a customer's id, has a **slot**: SHA-256 of the key, modulo the number of slots. A slot is on the shard that ranks
highest for it (rendezvous hashing). Rows have their slot in a column, so that they are found when the slot moves.

The **shard map** is one item of a DynamoDB table: which shards there are, how to reach them, and how far a move is. It changes as a whole,
under the condition that its version is the one that was seen, and is read consistently.

Each database has a **fence**, the table ``cloudpatterns_slots``, which says of each slot whether this database may write or read it. A
transaction reads the fence first, with a lock in share mode that it keeps to its end; the mover (``cloudpatterns_runtime.shard_mover``)
changes the fence only when no such lock is held. A process with an old map is therefore refused, never wrong: it reads the map again.

What holds
==========

1. **One database accepts writes for a key** at any time, whatever maps the processes have and however many movers run.
2. ``write`` calls ``work`` once: a refusal comes before it. ``read`` may call it again, when the slot has moved meanwhile.
3. A shard that comes gets about 1/N of the keys, from all others; between the others nothing moves. One that goes gives its keys to all.
4. A process that has another database behind a shard's name than the map means is refused as well (``WrongShard``).

Source: Cloud Design Patterns for AWS, "Sharding Write"; Thaler and Ravishankar, "Using name-based mappings to increase hit rates"
(rendezvous hashing).
"""

import functools
import hashlib
import json
import os
import random
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from cloudpatterns_runtime import _fence
from cloudpatterns_runtime._checks import is_duration
from cloudpatterns_runtime._fence import Connection, WrongShard
from cloudpatterns_runtime.sharding import ShardMap

__all__ = [
    "Connection",
    "MapConflict",
    "MapMissing",
    "MapTable",
    "Move",
    "Router",
    "Shard",
    "SlotMap",
    "SlotMoving",
    "WrongShard",
]

_LAYOUT = 1
"""Of the document: another way to place keys would get another number."""

_MOST_SLOTS = 65_536
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_Result = TypeVar("_Result")


class MapMissing(Exception):
    """The table has no shard map yet: create it with ``MapTable.create``, or deploy the component that does."""

    not_retried = True


class MapConflict(Exception):
    """Another process has changed the shard map since it was read: read it again."""

    def __init__(self) -> None:
        super().__init__("the shard map was changed by another process since it was read; read it again")


class SlotMoving(Exception):
    """The slot of a key is being moved, and was not open within the time that the router waits. Nothing was done: try again later."""

    def __init__(self, slot: int, seconds: float) -> None:
        super().__init__(f"slot {slot} is being moved to another shard and was not open within {seconds:g} seconds; try again")
        self.slot = slot
        """Number of the slot."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A database of the map."""

    name: str
    """Its name in the map."""
    address: Mapping[str, str] = field(repr=False)
    """How to reach it, as whoever wrote the map has it: such as ``host``, ``port``, ``database`` and ``secret_arn``. No secret."""


class Move(NamedTuple):
    """A slot that changes its shard."""

    slot: int
    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMap:
    """Which shard has which slot. A map never changes: its methods give others.

    :raises ValueError: with every value that cannot be used, what is allowed, and what to give instead.
    """

    addresses: Mapping[str, Mapping[str, str]]
    """How to reach each shard, by name; shards that have no slot yet, or none any more, included."""
    shards: Sequence[str]
    """Names of the shards that have slots, or will have when the move is over."""
    slots: int = 4096
    """Number of slots, for good. Default: 4096, for up to about a hundred shards."""
    generation: int = 1
    """Counts the moves: 1 is the first map."""
    previous: Sequence[str] = ()
    """While slots move: the shards that had them before. Default: nothing moves."""
    moved: frozenset[int] = frozenset()
    """While slots move: those that have arrived."""
    version: int = 0
    """Version of the item in the table; 0 where it is in none."""

    def __post_init__(self) -> None:
        """Checks the values, and keeps copies that nobody changes."""
        if problems := list(_map_problems(self)):
            raise ValueError("".join(["SlotMap cannot be created:", *(f"\n  {problem}" for problem in problems)]))
        object.__setattr__(self, "addresses", {name: dict(address) for name, address in sorted(self.addresses.items())})
        object.__setattr__(self, "shards", tuple(sorted(self.shards)))
        object.__setattr__(self, "previous", tuple(sorted(self.previous)))

    def slot(self, key: str) -> int:
        """The slot of a key, for the column of its rows; the same for good. The key of a column of numbers is the number as a text.

        :raises TypeError: for a key that is no text.
        """
        return slot_of(key, self.slots)

    def shard(self, key: str) -> Shard:
        """The shard of a key, by this map."""
        return self.at(self.owner(self.slot(key)))

    def at(self, name: str) -> Shard:
        """The shard of a name."""
        return Shard(name, self.addresses[name])

    def owner(self, slot: int) -> str:
        """Name of the shard that has a slot, by this map."""
        shards = self.previous if self.previous and slot not in self.moved else self.shards
        return _owners(self.slots, tuple(shards))[slot]

    def moves(self) -> list[Move]:
        """The plan: what is still to be moved, in the order of the slots. Empty where nothing moves."""
        return [move for move in self._all_moves() if move.slot not in self.moved]

    def move_to(self, shards: Sequence[str]) -> "SlotMap":
        """The map at the begin of a move to other shards; ``moves`` of it is the plan.

        :raises ValueError: while another move is not over, for shards without an address, and where nothing would move.
        """
        if self.previous:
            raise ValueError(
                f"the move to {', '.join(self.shards)} is not over: {len(self.moves())} slots are left. Let the mover finish it."
            )
        if sorted(shards) == list(self.shards):
            raise ValueError(f"shards are {', '.join(self.shards)} already; nothing would move.")
        begun = replace(self, shards=shards, previous=self.shards, generation=self.generation + 1)
        return begun if begun.moves() else replace(begun, previous=())

    def arrived(self, slot: int) -> "SlotMap":
        """The map when a slot has arrived; with the last one the move is over."""
        arrived = replace(self, moved=self.moved | {slot})
        return arrived if arrived.moves() else replace(arrived, previous=(), moved=frozenset())

    def reached_at(self, addresses: Mapping[str, Mapping[str, str]]) -> "SlotMap":
        """The map with other addresses; new shards may be among them, which have no slot until a move.

        :raises ValueError: where a shard that has slots would lose its address.
        """
        return replace(self, addresses=addresses)

    def to_json(self) -> str:
        """The map as text, without its version; ``from_json`` reads it."""
        document = {
            "layout": _LAYOUT,
            "slots": self.slots,
            "generation": self.generation,
            "shards": self.shards,
            "previous": self.previous,
            # A bit for each slot: 1 KB for 4096 of them.
            "moved": f"{sum(1 << slot for slot in self.moved):x}",
            "addresses": self.addresses,
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, version: int = 0) -> "SlotMap":
        """The map of a text that ``to_json`` wrote.

        :raises ValueError: for another text, and for a map that a newer version of this library wrote otherwise.
        """
        document: Any = json.loads(text)
        if not isinstance(document, dict) or document.get("layout") != _LAYOUT:
            raise ValueError(f"SlotMap: the document is not one of layout {_LAYOUT}. Write it with to_json of this version.")
        bits = int(document["moved"], 16)
        return cls(
            addresses=document["addresses"],
            shards=document["shards"],
            slots=document["slots"],
            generation=document["generation"],
            previous=document["previous"],
            moved=frozenset(slot for slot in range(bits.bit_length()) if bits >> slot & 1),
            version=version,
        )

    def _all_moves(self) -> Sequence[Move]:
        return _moves(self.slots, tuple(self.previous), tuple(self.shards)) if self.previous else ()


def slot_of(key: str, slots: int) -> int:
    """The slot of a key.

    :raises TypeError: for a key that is no text: the mover compares with the text that the database has of it.
    """
    if not isinstance(key, str):
        raise TypeError(f"key is {key!r}; a text is needed: str(key) of a number.")
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % slots


@functools.lru_cache(maxsize=16)
def _owners(slots: int, shards: tuple[str, ...]) -> tuple[str, ...]:
    hashing = ShardMap(shards, shard_size=1, seed="slots")
    return tuple(hashing.shard(str(slot))[0] for slot in range(slots))


@functools.lru_cache(maxsize=16)
def _moves(slots: int, previous: tuple[str, ...], shards: tuple[str, ...]) -> tuple[Move, ...]:
    pairs = zip(_owners(slots, previous), _owners(slots, shards), strict=True)
    return tuple(Move(slot, source, target) for slot, (source, target) in enumerate(pairs) if source != target)


class DynamoDb(Protocol):
    """What is used of ``boto3.client("dynamodb")``."""

    def get_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def put_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...


@dataclass(frozen=True, slots=True)
class MapTable:
    """The shard map in a DynamoDB table whose key is the text ``id``: one item, which is swapped as a whole. Threads may share it.

    The table is in one Region: a global table would let two Regions swap the map at the same time.
    """

    client: DynamoDb = field(repr=False)
    """``boto3.client("dynamodb")``."""
    table: str
    """Name of the table."""
    name: str = "shards"
    """Id of the item: a table can have several maps. Default: ``shards``."""

    @classmethod
    def from_environment(cls, client: DynamoDb, *, environment: Mapping[str, str] = os.environ) -> Self:
        """The map of the component ``ShardingWrite``: what its ``environment()`` holds.

        :raises ValueError: where it is not there.
        """
        table, name = environment.get("CLOUDPATTERNS_SHARDS_TABLE"), environment.get("CLOUDPATTERNS_SHARDS_MAP")
        if not table or not name:
            missing = "CLOUDPATTERNS_SHARDS_MAP" if table else "CLOUDPATTERNS_SHARDS_TABLE"
            raise ValueError(f"{missing} is missing. Pass environment() of the ShardingWrite to the server.")
        return cls(client, table, name)

    def read(self) -> SlotMap:
        """The map as it is.

        :raises MapMissing: where there is none.
        """
        item = self.client.get_item(TableName=self.table, Key={"id": {"S": self.name}}, ConsistentRead=True).get("Item")
        if item is None:
            raise MapMissing(f"table {self.table} has no shard map {self.name}; create it, or deploy the component that does")
        return _of_item(item)

    def create(self, first: SlotMap) -> SlotMap:
        """Writes the first map.

        :raises MapConflict: where there is one.
        """
        return self._put(replace(first, version=1), "attribute_not_exists(#id)", {"#id": "id"}, {})

    def swap(self, seen: SlotMap, new: SlotMap) -> SlotMap:
        """Writes a map in the place of the one that was read.

        :raises MapConflict: where another process has changed it since.
        :raises ValueError: where the number of slots differs, which no row would survive.
        """
        if new.slots != seen.slots:
            raise ValueError(f"slots is {new.slots}; the map has {seen.slots}, for good. Keep that number.")
        following = replace(new, version=seen.version + 1)
        return self._put(following, "#version = :seen", {"#version": "version"}, {":seen": {"N": str(seen.version)}})

    def _put(self, new: SlotMap, condition: str, names: Mapping[str, str], values: Mapping[str, Any]) -> SlotMap:
        token = secrets.token_urlsafe(12)
        item = {"id": {"S": self.name}, "version": {"N": str(new.version)}, "document": {"S": new.to_json()}, "token": {"S": token}}
        given = {"ExpressionAttributeValues": values} if values else {}
        try:
            self.client.put_item(
                TableName=self.table,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **given,
            )
        except Exception as error:
            response: Any = getattr(error, "response", {})
            if response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise
            # A write whose answer was lost, and which the SDK repeated, finds its own token.
            if response.get("Item", {}).get("token") != {"S": token}:
                raise MapConflict from error
        return new


class Router:
    """Runs the work of a key in a transaction on the shard that has it. Threads may share it.

    Work for several keys of one transaction must be of one slot; what spans shards has no transaction.
    """

    def __init__(
        self,
        maps: MapTable,
        connect: Callable[[Shard], Connection],
        *,
        engine: str,
        stale_seconds: float = 30.0,
        wait_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """The router of a map.

        ``connect`` gives a connection of PEP 249 without autocommit to a shard; the router commits or rolls back, and closes it (a pool
        takes it back). Its driver takes parameters as ``%s``: psycopg, pg8000, PyMySQL, MySQL Connector. ``engine`` is ``postgres`` or
        ``mysql``, which MariaDB is too.

        The map is read again after ``stale_seconds`` (default 30), and whenever a shard refuses a slot. A slot that moves is waited for
        up to ``wait_seconds`` (default 5).

        :raises ValueError: with every value that cannot be used.
        """
        problems = list(_fence.engine_problems(engine))
        for name, value in (("stale_seconds", stale_seconds), ("wait_seconds", wait_seconds)):
            if not is_duration(value):
                problems.append(f"{name}: is {value!r}; seconds above 0 are allowed. Leave it out for the default.")
        if problems:
            raise ValueError("".join(["Router cannot be created:", *(f"\n  {problem}" for problem in problems)]))
        self._maps, self._connect, self._engine = maps, connect, engine
        self._stale_seconds, self._wait_seconds = stale_seconds, wait_seconds
        self._clock, self._sleep, self._uniform = clock, sleep, uniform
        self._known: tuple[float, SlotMap] | None = None
        self._lock = threading.Lock()

    def map(self) -> SlotMap:
        """The map, at most ``stale_seconds`` old."""
        with self._lock:
            known = self._known
        if known is not None and self._clock() - known[0] < self._stale_seconds:
            return known[1]
        return self._read_map()

    def slot(self, key: str) -> int:
        """The slot of a key."""
        return self.map().slot(key)

    def write(self, key: str, work: Callable[[Connection, int], _Result]) -> _Result:
        """Calls ``work`` once, with a connection to the key's shard and the slot for the rows, and commits; the result of ``work``.

        ``work`` neither commits nor rolls back. What it raises goes to the caller, and the transaction is rolled back.

        :raises SlotMoving: where the slot moves for longer than the router waits; ``work`` was not called.
        """
        return self._on_shard(key, lambda shard, slot: self._write(shard, slot, work))

    def read(self, key: str, work: Callable[[Connection, int], _Result]) -> _Result:
        """Calls ``work`` with a connection to the key's shard and the slot, and rolls back: it reads only, without locks.

        When the slot moved while it ran, it is called again on the other shard.

        :raises SlotMoving: where the slot moves for longer than the router waits.
        """
        return self._on_shard(key, lambda shard, slot: self._read(shard, slot, work))

    def _on_shard(self, key: str, attempt: Callable[[Shard, int], "_Done[_Result] | _fence.Row"]) -> _Result:
        current = self.map()
        slot, shard = current.slot(key), current.shard(key)
        deadline, pause = self._clock() + self._wait_seconds, 0.0
        while isinstance(answer := attempt(shard, slot), _fence.Row):
            if self._clock() >= deadline:
                raise SlotMoving(slot, self._wait_seconds)
            current = self._read_map()
            following = current.owner(slot)
            if following == shard.name and answer.peer in current.addresses and not answer.readable:
                # The slot has left, and the map does not say so yet.
                following = answer.peer
            if pause or following == shard.name:
                self._sleep(self._uniform(0, pause))
            pause = min(pause * 2, 0.25) or 0.01
            shard = current.at(following)
        return answer.result

    def _write(self, shard: Shard, slot: int, work: Callable[[Connection, int], _Result]) -> "_Done[_Result] | _fence.Row":
        with _fence.transaction(self._connect, shard) as connection:
            row = _fence.lock_shared(connection, self._engine, shard.name, slot)
            if not row.writable:
                return row
            result = work(connection, slot)
            connection.commit()
            return _Done(result)

    def _read(self, shard: Shard, slot: int, work: Callable[[Connection, int], _Result]) -> "_Done[_Result] | _fence.Row":
        with _fence.transaction(self._connect, shard) as connection:
            row = _fence.look(connection, shard.name, slot)
            if not row.readable:
                return row
            try:
                result = work(connection, slot)
            except Exception:
                # Perhaps it missed rows that have moved.
                connection.rollback()
                if (row := _fence.look(connection, shard.name, slot)).readable:
                    raise
                return row
            # Each statement may have seen a later state than the first one: the rows were there if the slot still is.
            row = _fence.look(connection, shard.name, slot)
            return _Done(result) if row.readable else row

    def _read_map(self) -> SlotMap:
        asked_at, current = self._clock(), self._maps.read()
        with self._lock:
            # A slow read does not undo a later one.
            if self._known is None or self._known[1].version <= current.version:
                self._known = (asked_at, current)
            return self._known[1]


@dataclass(frozen=True, slots=True)
class _Done(Generic[_Result]):
    """What ``work`` gave."""

    result: _Result


def _of_item(item: Mapping[str, Any]) -> SlotMap:
    return SlotMap.from_json(item["document"]["S"], int(item["version"]["N"]))


def _map_problems(shard_map: SlotMap) -> Iterator[str]:
    names, slots = shard_map.addresses, shard_map.slots
    if wrong := sorted(name for name in names if not _NAME.fullmatch(name)):
        yield f"addresses has {', '.join(map(repr, wrong))}; 1 to 40 lower-case letters, digits and hyphens are allowed. Rename it."
    for field_name in ("shards", "previous"):
        shards = getattr(shard_map, field_name)
        if isinstance(shards, str) or (not shards and field_name == "shards"):
            yield f"{field_name} is {shards!r}; a list of names is needed. Name the shards."
        elif missing := sorted(set(shards) - set(names)):
            yield f"{field_name} has {', '.join(missing)}, which has no address. Give one in addresses."
        elif len(set(shards)) < len(shards):
            yield f"{field_name} is {list(shards)}, with a name twice. Name each once."
    if not isinstance(slots, int) or isinstance(slots, bool) or not 1 <= slots <= _MOST_SLOTS:
        yield f"slots is {slots!r}; whole numbers from 1 to {_MOST_SLOTS} are allowed. Leave it out for the default."
