"""The fence of a shard: the table ``cloudpatterns_slots``, in which its database says what it does with each slot.

A slot goes through these states. Each change is one transaction, on the condition that state and ticket are those that were seen; a
ticket is a random text of one attempt to move a slot.

============  ========  ========  =========================================================================================================
state         written   read      what it means
============  ========  ========  =========================================================================================================
``owned``     yes       yes       the slot is here
``leaving``   no        yes       its rows are being copied to ``peer``
``left``      no        no        the copy is whole; the rows are here still, and are never read again
``gone``      no        no        it is not here, and neither are its rows; ``peer`` is where it went
``arrived``   no        no        on the target: the copy is whole, and not open yet
``back``      no        no        the move of the slot is given up: it becomes ``owned`` again, unless the target has opened it
============  ========  ========  =========================================================================================================

The source is never ``owned`` or ``leaving`` while the target is ``owned``: so one database takes writes, and no read is out of date.
"""

import contextlib
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

OWNED, LEAVING, LEFT, GONE, ARRIVED, BACK = "owned", "leaving", "left", "gone", "arrived", "back"
ENGINES = ("postgres", "mysql")

_TABLE = "cloudpatterns_slots"
_COLUMNS = "state, generation, ticket, peer"
_ROWS_AT_ONCE = 500


class Connection(Protocol):
    """What is used of a connection of PEP 249."""

    def cursor(self) -> Any:
        """As the driver has it."""
        ...

    def commit(self) -> Any:
        """As the driver has it."""
        ...

    def rollback(self) -> Any:
        """As the driver has it."""
        ...

    def close(self) -> Any:
        """As the driver has it."""
        ...


class WrongShard(Exception):
    """A database is not the shard that it was taken for, or has no fence yet."""

    not_retried = True


class Named(Protocol):
    """What has the name of a shard."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


_Named = TypeVar("_Named", bound=Named)


class Row(NamedTuple):
    """What the fence says of a slot."""

    state: str
    generation: int
    ticket: str
    peer: str

    @property
    def writable(self) -> bool:
        """Whether rows of the slot may be written here."""
        return self.state == OWNED

    @property
    def readable(self) -> bool:
        """Whether rows of the slot may be read here."""
        return self.state in (OWNED, LEAVING)


def engine_problems(engine: str) -> Iterator[str]:
    """What is wrong with the name of an engine."""
    if engine not in ENGINES:
        yield f"engine: is {engine!r}; {' and '.join(ENGINES)} are allowed (mysql for MariaDB too). Give the one of the databases."


@contextlib.contextmanager
def transaction(connect: Callable[[_Named], Connection], shard: _Named) -> Generator[Connection]:
    """A connection for one transaction; what was not committed is rolled back."""
    connection = connect(shard)
    try:
        refuse_autocommit(connection)
        yield connection
    finally:
        # After a commit there is nothing to lose, and a broken connection has lost it already.
        for end in (connection.rollback, connection.close):
            with contextlib.suppress(Exception):
                end()


def refuse_autocommit(connection: Any) -> None:
    """:raises ValueError: for a connection that commits each statement: the lock of the fence would end with it."""
    # PyMySQL and mysqlclient have a function in the place of the attribute of the others.
    on = connection.get_autocommit() if hasattr(connection, "get_autocommit") else getattr(connection, "autocommit", False)
    if on is True or on == 1:
        raise ValueError("the connection commits each statement; a transaction is needed. Switch autocommit off in connect.")


def execute(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> Any:
    """A cursor that has run a statement."""
    cursor = connection.cursor()
    # Without parameters a driver leaves percent signs alone.
    cursor.execute(statement, tuple(parameters)) if parameters else cursor.execute(statement)
    return cursor


def look(connection: Connection, shard: str, slot: int) -> Row:
    """What the fence says of a slot."""
    return _row(connection, shard, slot, "")


def lock_shared(connection: Connection, engine: str, shard: str, slot: int) -> Row:
    """The same, which stays so until the transaction ends."""
    # MariaDB and MySQL 5.7 do not know FOR SHARE.
    return _row(connection, shard, slot, " FOR SHARE" if engine == "postgres" else " LOCK IN SHARE MODE")


def lock(connection: Connection, shard: str, slot: int) -> Row:
    """The same, for the one transaction that may change it."""
    return _row(connection, shard, slot, " FOR UPDATE")


def _row(connection: Connection, shard: str, slot: int, locking: str) -> Row:
    cursor = execute(connection, f"SELECT {_COLUMNS} FROM {_TABLE} WHERE slot = %s AND shard = %s{locking}", (slot, shard))
    found = cursor.fetchone()
    if found is None:
        raise WrongShard(
            f"the database behind shard {shard} has no slot {slot} of it: it is another shard's, or the fence is missing. "
            "Check the address in the shard map, and that Mover.prepare has run."
        )
    return Row(str(found[0]), int(found[1]), str(found[2]), str(found[3]))


def change(connection: Connection, shard: str, slot: int, seen: Row, new: Row) -> bool:
    """Changes what the fence says, if that is what was seen; not committed."""
    cursor = execute(
        connection,
        f"UPDATE {_TABLE} SET state = %s, generation = %s, ticket = %s, peer = %s "
        "WHERE slot = %s AND shard = %s AND state = %s AND generation = %s AND ticket = %s",
        (*new, slot, shard, seen.state, seen.generation, seen.ticket),
    )
    return cursor.rowcount == 1


def rows(connection: Connection, shard: str) -> dict[int, Row]:
    """What the fence says of all slots."""
    cursor = execute(connection, f"SELECT slot, {_COLUMNS} FROM {_TABLE} WHERE shard = %s", (shard,))
    return {
        int(slot): Row(str(state), int(generation), str(ticket), str(peer)) for slot, state, generation, ticket, peer in cursor.fetchall()
    }


def create(connection: Connection) -> None:
    """The table, where it is not there yet."""
    execute(
        connection,
        f"CREATE TABLE IF NOT EXISTS {_TABLE} (slot INTEGER NOT NULL PRIMARY KEY, shard VARCHAR(40) NOT NULL, "
        "state VARCHAR(8) NOT NULL, generation INTEGER NOT NULL, ticket VARCHAR(32) NOT NULL, peer VARCHAR(40) NOT NULL)",
    )
    connection.commit()


def names(connection: Connection) -> set[str]:
    """The shards that the fence is of: one, none where it is empty."""
    return {str(name) for (name,) in execute(connection, f"SELECT DISTINCT shard FROM {_TABLE}").fetchall()}


def fill(connection: Connection, shard: str, slots: int, owned: Iterable[int]) -> None:
    """Rows for an empty fence; not committed."""
    first = set(owned)
    for start in range(0, slots, _ROWS_AT_ONCE):
        several = range(start, min(start + _ROWS_AT_ONCE, slots))
        values = [(slot, shard, *(Row(OWNED, 1, "", "") if slot in first else Row(GONE, 0, "", ""))) for slot in several]
        marks = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(values))
        statement = f"INSERT INTO {_TABLE} (slot, shard, {_COLUMNS}) VALUES {marks}"
        execute(connection, statement, [value for row in values for value in row])


def limit_waiting(connection: Connection, engine: str, seconds: float) -> None:
    """How long statements of the transaction wait for a lock: who waits for one holds up those that come after."""
    if engine == "postgres":
        execute(connection, f"SET LOCAL lock_timeout = {int(seconds * 1000)}")
    else:
        execute(connection, f"SET SESSION innodb_lock_wait_timeout = {max(1, round(seconds))}")


_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


def is_identifier(name: Any) -> bool:
    """Whether a name needs no escapes between quotes."""
    return isinstance(name, str) and _IDENTIFIER.fullmatch(name) is not None


def quoted(engine: str, name: str) -> str:
    """A name in a statement, a reserved word too; ``schema.table`` has both parts quoted."""
    mark = '"' if engine == "postgres" else "`"
    return ".".join(f"{mark}{part}{mark}" for part in name.split("."))
