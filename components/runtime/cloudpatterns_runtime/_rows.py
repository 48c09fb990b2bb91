"""The rows of a slot: how they are read on one shard and written on another.

PostgreSQL reads and takes every type as text, in formats that each transaction sets, so nothing depends on what a driver does with a type.
MySQL's drivers take back what they gave, but for ``float``, which the server rounds for display.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cloudpatterns_runtime._fence import Connection, execute, quoted

_MOST_PARAMETERS = 30_000


class Unmovable(Exception):
    """A slot cannot be moved as things are; the message says why. The slot stays where it is."""

    not_retried = True


@dataclass(frozen=True, slots=True)
class ShardedTable:
    """A table whose rows move with their slot. It has the same columns, in any order, on all shards."""

    name: str
    """Its name, with the schema where that is not the connection's: ``shop.orders``."""
    key: str
    """The column of the key that ``Router`` was called with, such as ``customer``."""
    primary_key: Sequence[str]
    """Columns that make a row unique over all shards: an identity column that each database counts by itself is none."""
    slot: str = "slot"
    """The column of the slot, not null and indexed. Default: ``slot``."""


class _Columns(NamedTuple):
    """The columns of a table: how they are read, and how they are written."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    read: tuple[str, ...]
    write: tuple[str, ...]


class Columns(NamedTuple):
    """The columns of a table that are written, without generated ones, and their types."""

    names: tuple[str, ...]
    types: tuple[str, ...]


# The names that a user gives may be without a schema: the connection's first one is meant, as in its statements.
_POSTGRES_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attname
"""
_MYSQL_COLUMNS = """
SELECT column_name, column_type FROM information_schema.columns
WHERE table_schema = COALESCE(%s, DATABASE()) AND table_name = %s AND COALESCE(generation_expression, '') = '' ORDER BY column_name
"""
_FORMATS = {
    "postgres": "SELECT set_config('datestyle', 'ISO, YMD', true), set_config('intervalstyle', 'postgres', true), "
    "set_config('timezone', 'UTC', true), set_config('extra_float_digits', '3', true), set_config('bytea_output', 'hex', true)",
    "mysql": "SET SESSION time_zone = '+00:00'",
}


class Rows:
    """The rows of all tables of a mover."""

    def __init__(self, engine: str, tables: Sequence[ShardedTable], batch_rows: int) -> None:
        """Those of an engine; so many are read at once."""
        self._engine, self._tables, self._batch_rows = engine, tables, batch_rows

    def copy(self, slot: int, slot_of: Callable[[str], int], source: Connection, target: Connection) -> int:
        """Copies the rows of a slot in the order of the tables, within the transactions of both; their number.

        :raises Unmovable: for a row whose key is of another slot: where it went nobody would find it.
        """
        for connection in (source, target):
            execute(connection, _FORMATS[self._engine])
        return sum(self._copy_table(table, slot, slot_of, source, target) for table in self._tables)

    def delete(self, connection: Connection, slot: int) -> None:
        """Deletes the rows of a slot, those that refer to others first."""
        for table in reversed(self._tables):
            execute(connection, f"DELETE FROM {self._name(table.name)} WHERE {self._name(table.slot)} = %s", (slot,))

    def tables_with(self, connection: Connection, slot: int) -> list[str]:
        """The tables that have a row of a slot."""
        statement = "SELECT 1 FROM {} WHERE {} = %s LIMIT 1"
        return [
            table.name
            for table in self._tables
            if execute(connection, statement.format(self._name(table.name), self._name(table.slot)), (slot,)).fetchone() is not None
        ]

    def slots(self, connection: Connection, table: ShardedTable) -> set[int]:
        """The slots that a table has rows of."""
        cursor = execute(connection, f"SELECT DISTINCT {self._name(table.slot)} FROM {self._name(table.name)}")
        return {int(slot) for (slot,) in cursor.fetchall()}

    def columns(self, connection: Connection, table: ShardedTable) -> Columns:
        """The columns of a table on a shard.

        :raises Unmovable: where it is not there, or lacks a column that the mover needs.
        """
        if self._engine == "postgres":
            cursor = execute(connection, _POSTGRES_COLUMNS, (self._name(table.name),))
        else:
            schema, _, name = table.name.rpartition(".")
            cursor = execute(connection, _MYSQL_COLUMNS, (schema or None, name))
        pairs = [(str(name), _text(kind)) for name, kind in cursor.fetchall()]
        if missing := sorted({table.key, table.slot, *table.primary_key} - {name for name, _ in pairs}):
            raise Unmovable(f"table {table.name} has no column {', '.join(missing)}; add it, or create the table first")
        return Columns(tuple(name for name, _ in pairs), tuple(kind for _, kind in pairs))

    def _copy_table(self, table: ShardedTable, slot: int, slot_of: Callable[[str], int], source: Connection, target: Connection) -> int:
        columns = self.columns(source, table)
        key, numbers = columns.names.index(table.key), [columns.names.index(name) for name in table.primary_key]
        copied, after = 0, ()
        while rows := execute(source, self._selection(table, columns, bool(after)), (slot, *after)).fetchall():
            for row in rows:
                if slot_of(_text(row[key])) != slot:
                    reason = f"its key is of slot {slot_of(_text(row[key]))}. Correct the column {table.slot}, and run again"
                    raise Unmovable(f"slot {slot}: a row of {table.name} has this slot, and {reason}.")
            self._insert(target, table, columns, rows)
            copied, after = copied + len(rows), tuple(rows[-1][number] for number in numbers)
        return copied

    def _selection(self, table: ShardedTable, columns: Columns, beyond: bool) -> str:
        """The next rows of a slot. With the name of the table: what stands alone in ORDER BY is the text that is selected."""
        types = dict(zip(columns.names, columns.types, strict=True))
        read = ", ".join(self._read(f"moved.{self._name(name)}", kind) for name, kind in types.items())
        order = ", ".join(f"moved.{self._name(name)}" for name in table.primary_key)
        marks = ", ".join(self._written(types[name]) for name in table.primary_key)
        after = f" AND ({order}) > ({marks})" if beyond else ""
        where = f"moved.{self._name(table.slot)} = %s{after}"
        return f"SELECT {read} FROM {self._name(table.name)} AS moved WHERE {where} ORDER BY {order} LIMIT {self._batch_rows}"

    def _insert(self, target: Connection, table: ShardedTable, columns: Columns, rows: Sequence[Sequence[Any]]) -> None:
        names = ", ".join(map(self._name, columns.names))
        marks = f"({', '.join(map(self._written, columns.types))})"
        # Identity columns that are GENERATED ALWAYS keep their values.
        override = " OVERRIDING SYSTEM VALUE" if self._engine == "postgres" else ""
        # The protocol of PostgreSQL has 65,535 parameters for a statement.
        most = max(1, _MOST_PARAMETERS // len(columns.names))
        for start in range(0, len(rows), most):
            several = rows[start : start + most]
            statement = f"INSERT INTO {self._name(table.name)} ({names}){override} VALUES {', '.join([marks] * len(several))}"
            cursor = execute(target, statement, [value for row in several for value in row])
            if cursor.rowcount != len(several):
                raise Unmovable(
                    f"table {table.name}: the target took {cursor.rowcount} of {len(several)} rows; a trigger or rule keeps some"
                )

    def _read(self, column: str, kind: str) -> str:
        if self._engine == "postgres":
            return f"{column}::text"
        return f"({column} + 0e0)" if kind.startswith("float") else column

    def _written(self, kind: str) -> str:
        return f"CAST(%s AS {kind})" if self._engine == "postgres" else "%s"

    def _name(self, name: str) -> str:
        return quoted(self._engine, name)


def _text(value: Any) -> str:
    """Of a name in MySQL's catalog or a key, which may come as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
