"""The hot copy of a backup: tables in PostgreSQL that get their rows by way of a stage, in one transaction that compares before it ends.

A table and its stage have the same columns. What is pulled goes into the stage, page by page; nobody but the backup reads it. ``settle``
then brings the table to what the stage says, and ends the transaction only if the table has the rows that the source has.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from cloudpatterns_runtime._fence import Connection, execute, quoted

_MOST_PARAMETERS = 30_000
_STAGES = "cloudpatterns_backup"
_DELETED = "cloudpatterns_deleted"
# Two backups of one database exclude each other for as long as they are connected.
_LOCK = 4_711_201_613
_FORMATS = (
    "SELECT set_config('datestyle', 'ISO, YMD', false), set_config('intervalstyle', 'postgres', false), "
    "set_config('timezone', 'UTC', false), set_config('extra_float_digits', '3', false), set_config('bytea_output', 'hex', false)"
)
_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""

Row = Sequence[str | None]
"""The values of a row as PostgreSQL writes them as text, in the order of the table's columns."""


class Shape(Protocol):
    """What is used of a table."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def columns(self) -> Mapping[str, str]:
        """The types of its columns, by name."""
        ...

    @property
    def key(self) -> Sequence[str]:
        """The columns of its primary key."""
        ...


class Counted(NamedTuple):
    """How many rows a table has, and the sum of their digests."""

    count: int
    checksum: str


class Settled(NamedTuple):
    """What became of an attempt to bring a table to its stage."""

    kept: bool
    """Whether the table is now as the source: otherwise it is as before."""
    totals: Counted
    """What the table had at the end of the transaction."""
    before: int
    """Rows before."""
    deleted: int
    """Rows that were deleted."""


class Unusable(Exception):
    """A table cannot be copied as things are; the message says why."""

    not_retried = True


def use_formats(connection: Connection) -> None:
    """Has every value written in one way, whatever the server's settings are."""
    execute(connection, _FORMATS)


def lock(connection: Connection) -> bool:
    """Takes the lock of the database's backup for as long as the connection lasts; False while another connection has it."""
    taken = execute(connection, "SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()[0]
    connection.commit()
    return bool(taken)


def name_of(name: str) -> str:
    """A name as SQL has it."""
    return quoted("postgres", name)


def digest_of(columns: Sequence[str]) -> str:
    """The digest of a row, as an expression: 60 bits of SHA-256 over its values, each with its length before it."""
    values = ", ".join(f"coalesce(length({name_of(column)}::text) || ':' || {name_of(column)}::text, 'N')" for column in columns)
    return f"('x' || substr(encode(sha256(convert_to(concat({values}), 'UTF8')), 'hex'), 1, 15))::bit(60)::bigint"


def totals_statement(relation: str, columns: Sequence[str]) -> str:
    """What counts the rows of a table and sums their digests."""
    return f"SELECT count(*), coalesce(sum({digest_of(columns)}), 0)::text FROM {relation}"


def totals(connection: Connection, table: Shape) -> Counted:
    """The totals of a table of the hot copy."""
    count, checksum = execute(connection, totals_statement(name_of(table.name), [*table.columns])).fetchone()
    return Counted(int(count), str(checksum))


def prepare(connection: Connection, table: Shape) -> None:
    """Creates the table where it is not there, adds columns that it lacks, and empties its stage.

    :raises Unusable: where a column has another type than the source's.
    """
    relation, stage = name_of(table.name), _stage(table)
    there = {str(name): str(kind) for name, kind in execute(connection, _COLUMNS, (relation,)).fetchall()}
    key = ", ".join(map(name_of, table.key))
    columns = ", ".join(f"{name_of(name)} {kind}" for name, kind in table.columns.items())
    if not there:
        execute(connection, f"CREATE TABLE {relation} ({columns}, PRIMARY KEY ({key}))")
    for name, kind in table.columns.items():
        if there and name not in there:
            execute(connection, f"ALTER TABLE {relation} ADD COLUMN {name_of(name)} {kind}")
        elif there and there[name] != kind:
            reason = f"column {name} is {there[name]} in the hot copy and {kind} in the source"
            raise Unusable(
                f"table {table.name}: {reason}. Alter it in the hot copy, or rename the table there; the next run copies it whole."
            )
    execute(connection, f"CREATE SCHEMA IF NOT EXISTS {_STAGES}")
    execute(connection, f"DROP TABLE IF EXISTS {stage}")
    execute(connection, f"CREATE TABLE {stage} ({columns}, {_DELETED} boolean NOT NULL, PRIMARY KEY ({key}))")
    connection.commit()


def put(connection: Connection, table: Shape, rows: Sequence[Row], deleted: Sequence[Row]) -> None:
    """Writes a page into the stage, and the keys of rows that the source has deleted; again is the same as once."""
    numbers = [[*table.columns].index(name) for name in table.key]
    # One statement may not write a row twice: the last one of a page counts.
    last: dict[tuple[str | None, ...], tuple[Row, str]] = {tuple(row[number] for number in numbers): (row, "false") for row in rows}
    for gone in deleted:
        values: list[str | None] = [None] * len(table.columns)
        for number, value in zip(numbers, gone, strict=True):
            values[number] = value
        last[tuple(gone)] = (values, "true")
    for statement, parameters in _insertions(table, [*last.values()]):
        execute(connection, statement, parameters)
    connection.commit()


def settle(connection: Connection, table: Shape, wanted: Counted, *, whole: bool, acceptable: Callable[[int, int], bool]) -> Settled:
    """Brings the table to its stage, and keeps that where it then has the ``wanted`` totals; otherwise it stays as it was.

    With ``whole`` the stage has all rows, and what it does not have is deleted; otherwise it has changes. ``acceptable`` says whether so
    many rows may be deleted of so many.
    """
    relation, stage = name_of(table.name), _stage(table)
    same = " AND ".join(f"staged.{name_of(name)} = kept.{name_of(name)}" for name in table.key)
    try:
        # Readers go on; other writers wait.
        execute(connection, f"LOCK TABLE {relation} IN SHARE ROW EXCLUSIVE MODE")
        before = int(execute(connection, f"SELECT count(*) FROM {relation}").fetchone()[0])
        if whole:
            present = f"EXISTS (SELECT 1 FROM {stage} AS staged WHERE {same} AND NOT staged.{_DELETED})"
            deletion = f"DELETE FROM {relation} AS kept WHERE NOT {present}"
        else:
            deletion = f"DELETE FROM {relation} AS kept USING {stage} AS staged WHERE {same} AND staged.{_DELETED}"
        deleted = int(execute(connection, deletion).rowcount)
        execute(connection, _merge(table, relation, stage))
        found = totals(connection, table)
        kept = found == wanted and acceptable(deleted, before)
    except BaseException:
        connection.rollback()
        raise
    if kept:
        connection.commit()
    else:
        connection.rollback()
    return Settled(kept, found, before, deleted)


def drop_stage(connection: Connection, table: Shape) -> None:
    """Frees what the stage took."""
    execute(connection, f"DROP TABLE IF EXISTS {_stage(table)}")
    connection.commit()


def _stage(table: Shape) -> str:
    # A table of another schema has a stage of its own name.
    return f"{_STAGES}.{quoted('postgres', table.name.replace('.', '__'))}"


def _merge(table: Shape, relation: str, stage: str) -> str:
    columns = ", ".join(map(name_of, table.columns))
    others = [name_of(name) for name in table.columns if name not in table.key]
    conflict = "DO NOTHING"
    if others:
        values = ", ".join(f"{name} = excluded.{name}" for name in others)
        # As texts: json has no equality.
        now, then = (", ".join(f"{place}.{name}::text" for name in others) for place in ("kept", "excluded"))
        conflict = f"DO UPDATE SET {values} WHERE ROW({now}) IS DISTINCT FROM ROW({then})"
    key = ", ".join(map(name_of, table.key))
    selection = f"SELECT {columns} FROM {stage} WHERE NOT {_DELETED}"
    return f"INSERT INTO {relation} AS kept ({columns}) {selection} ON CONFLICT ({key}) {conflict}"


def _insertions(table: Shape, several: Sequence[tuple[Row, str]]) -> Iterator[tuple[str, list[Any]]]:
    names = [*map(name_of, table.columns), _DELETED]
    marks = f"({', '.join(f'CAST(%s AS {kind})' for kind in [*table.columns.values(), 'boolean'])})"
    key = ", ".join(map(name_of, table.key))
    values = ", ".join(f"{name} = excluded.{name}" for name in names)
    most = max(1, _MOST_PARAMETERS // len(names))
    for start in range(0, len(several), most):
        some = several[start : start + most]
        rows = ", ".join([marks] * len(some))
        statement = f"INSERT INTO {_stage(table)} ({', '.join(names)}) VALUES {rows} ON CONFLICT ({key}) DO UPDATE SET {values}"
        yield statement, [value for row, deleted in some for value in (*row, deleted)]
