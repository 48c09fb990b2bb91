"""Two legacy systems for ``backup``: one with an API over HTTP, and a PostgreSQL that is read on a read node.

The API
=======

For each collection, with ``Authorization: Bearer <token>`` where there is one:

``GET <url>/<collection>?limit=<n>&after=<cursor>``
    ``{"records": [...], "next": "<cursor>" or null, "count": <records in this page>}``, in an order that stays.
``GET <url>/<collection>/changes?since=<position>&limit=<n>&after=<cursor>``
    The same for records that were written since a position, with the keys of deleted ones in ``deleted``.
``GET <url>/<collection>/totals``
    ``{"position": "<position>", "count": <records>, "checksum": "<checksum>"}``. An API that cannot give count and checksum leaves them
    out: all pages are then read once more for them.

A record is one row: its key, and itself as JSON with sorted keys and without spaces. An API that answers otherwise needs another
source with these methods.
"""

import contextlib
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from cloudpatterns_runtime import _hot_copy
from cloudpatterns_runtime._fence import Connection, execute
from cloudpatterns_runtime.backup import Page, Table, Totals, checksum
from cloudpatterns_runtime.retry import Retry

__all__ = ["ApiSource", "Collection", "Damaged", "NodeTable", "ReadNode", "Refused"]

_MOST_BYTES = 64 * 1024 * 1024
_LONGEST_WAIT_SECONDS = 60.0
_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


class Damaged(Exception):
    """An answer is not whole, or not what was asked for."""


class Refused(Exception):
    """The API refuses a request: another attempt would not help."""

    not_retried = True


class _Unavailable(Exception):
    """The API asks to come again."""

    def __init__(self, message: str, wait_seconds: float) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of the API."""

    name: str
    """Its name in the URL, and that of the table."""
    key: str = "id"
    """The field of a record that identifies it, a text or a whole number. Default: ``id``."""
    key_type: str = "text"
    """PostgreSQL's type of the key. Default: ``text``."""

    def table(self) -> Table:
        """The table: the key, and the record as JSON, letter for letter."""
        return Table(self.name, {"key": self.key_type, "record": "json"}, ["key"])


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token is for the API, and not for whatever it names."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class ApiSource:
    """A legacy system with an API as above."""

    def __init__(
        self,
        url: str,
        collections: Sequence[Collection],
        *,
        token: str = "",
        retry: Retry | None = None,
        timeout_seconds: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``url`` stands before the collections. Default of ``retry``: 6 attempts within two minutes."""
        self._url, self._collections, self._sleep = url.rstrip("/"), {one.name: one for one in collections}, sleep
        self._headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        self._timeout_seconds, self._opener = timeout_seconds, urllib.request.build_opener(_NoRedirects)
        default = Retry(attempts=6, base_seconds=0.5, deadline_seconds=120)
        self._retry = replace(default if retry is None else retry, retry_on=_is_passing, on_retry=self._wait, sleep=sleep)

    def tables(self) -> Sequence[Table]:
        """The collections."""
        return [collection.table() for collection in self._collections.values()]

    def moment(self) -> contextlib.AbstractContextManager[Any]:
        """An API has none: the puller compares until nothing comes between."""
        return contextlib.nullcontext()

    def position(self, table: Table) -> str:
        """As the API has it."""
        return str(self._get(table, "/totals", {}, lambda answer: answer["position"]))

    def page(self, table: Table, after: str | None, limit: int) -> Page:
        """A page of the collection."""
        return self._page(table, "", {}, after, limit)

    def changes(self, table: Table, since: str, after: str | None, limit: int) -> Page:
        """A page of changes."""
        return self._page(table, "/changes", {"since": since}, after, limit)

    def totals(self, table: Table) -> Totals:
        """As the API has them, or of all its pages."""
        answer = self._get(table, "/totals", {}, lambda answer: {**answer})
        if answer.get("count") is not None and answer.get("checksum") is not None:
            return Totals(int(answer["count"]), str(answer["checksum"]))
        count, total, after = 0, 0, None
        while True:
            page = self.page(table, after, 1000)
            count, total, after = count + len(page.rows), total + checksum(page.rows), page.next
            if after is None:
                return Totals(count, str(total))

    def _page(self, table: Table, path: str, asked: Mapping[str, str], after: str | None, limit: int) -> Page:
        collection = self._collections[table.name]

        def read(answer: Any) -> Page:
            records, deleted, cursor = answer["records"], answer.get("deleted", []), answer["next"]
            if answer.get("count") is not None and answer["count"] != len(records):
                raise Damaged(f"{table.name}: a page says {answer['count']} records and has {len(records)}")
            if cursor is not None and cursor == after:
                raise Damaged(f"{table.name}: a page says that it is its own next one")
            rows = [(_key(record, collection), _canonical(record)) for record in records]
            return Page(rows, None if cursor is None else str(cursor), [(str(key),) for key in deleted])

        return self._get(table, path, {**asked, "limit": str(limit), **({} if after is None else {"after": after})}, read)

    def _get(self, table: Table, path: str, asked: Mapping[str, str], read: Callable[[Any], Any]) -> Any:
        """What ``read`` makes of an answer, after as many attempts as it takes."""
        query = f"?{urllib.parse.urlencode(asked)}" if asked else ""
        address = f"{self._url}/{urllib.parse.quote(table.name)}{path}{query}"
        return self._retry.call(self._attempt, address, read)

    def _attempt(self, address: str, read: Callable[[Any], Any]) -> Any:
        request = urllib.request.Request(address, headers=self._headers)
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as response:
                body = response.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                wait = error.headers.get("Retry-After", "")
            if error.code in _STATUSES:
                raise _Unavailable(f"{error.code} from {address}", float(wait) if wait.isdigit() else 0.0) from None
            raise Refused(f"{error.code} from {address}") from None
        if len(body) > _MOST_BYTES:
            raise Refused(f"more than {_MOST_BYTES} bytes from {address}; ask for smaller pages")
        try:
            # Numbers keep their digits: what was 1.10 stays so.
            return read(json.loads(body, parse_float=Decimal))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Damaged(f"{address} answers otherwise than the interface says: {type(error).__name__} {error}") from error

    def _wait(self, attempt: int, delay: float, error: Exception) -> None:
        """As long as the API asks for, beyond the own wait."""
        if isinstance(error, _Unavailable) and error.wait_seconds > delay:
            self._sleep(min(error.wait_seconds, _LONGEST_WAIT_SECONDS) - delay)


def _is_passing(error: Exception) -> bool:
    """Whether another attempt may not meet an error."""
    passing = (_Unavailable, Damaged, ConnectionError, TimeoutError, http.client.HTTPException, urllib.error.URLError)
    return isinstance(error, passing)


def _key(record: Any, collection: Collection) -> str:
    key = record[collection.key]
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise TypeError(f"the key {collection.key} is {key!r}; a text or a whole number is needed")
    return str(key)


def _canonical(value: Any) -> str:
    """JSON with sorted keys, without spaces, in ASCII, and with numbers as they came."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


@dataclass(frozen=True, slots=True)
class NodeTable:
    """A table on the read node."""

    name: str
    """Its name, with the schema where that is not the connection's; in the copy it has no schema."""
    changed_column: str = ""
    """A column that grows with each write: a time, or a number of versions; best with an index. Default: none, and every pull is full."""
    overlap: str = ""
    """How far back changes are read again, because transactions end in another order than they begin: ``10 minutes`` for a time, ``1000``
    for a number. Default: ten minutes; nothing for a number."""


class ReadNode:
    """A PostgreSQL, read where that does no harm: at a replica, as a user who may only read."""

    def __init__(self, connection: Connection, tables: Sequence[NodeTable]) -> None:
        """``connection`` is one of PEP 249 with parameters as ``%s``, without autocommit."""
        self._connection, self._given = connection, {one.name.rpartition(".")[2]: one for one in tables}
        _hot_copy.use_formats(connection)
        connection.commit()
        self._in_moment, self._tables = False, list[Table]()

    def tables(self) -> Sequence[Table]:
        """The tables with the columns and keys that the source has, without generated columns; types of its own become texts."""
        if not self._tables:
            with self._reading():
                self._tables = [self._table(name, given) for name, given in self._given.items()]
        return self._tables

    @contextlib.contextmanager
    def moment(self) -> Generator[None]:
        """One snapshot of the database."""
        self._connection.rollback()
        execute(self._connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        self._in_moment = True
        try:
            yield
        finally:
            self._in_moment = False
            self._connection.rollback()

    def position(self, table: Table) -> str:
        """The greatest value of the column of changes; empty where there is none."""
        if not table.incremental:
            return ""
        found = self._rows(f"SELECT max({self._changed(table)})::text FROM {self._relation(table)}")[0][0]
        return "" if found is None else str(found)

    def page(self, table: Table, after: str | None, limit: int) -> Page:
        """Rows in the order of the key."""
        return self._page(table, [*table.key], "", [], after, limit)

    def changes(self, table: Table, since: str, after: str | None, limit: int) -> Page:
        """Rows in the order of their changes. Deleted rows are not among them: the totals show that some are missing."""
        changed = self._given[table.name].changed_column
        kind, overlap = table.columns[changed], self._given[table.name].overlap
        if not since:
            return self._page(table, [changed, *table.key], "", [], after, limit)
        back = ""
        if kind.startswith(("timestamp", "date")):
            back = f" - CAST({_literal(overlap or '10 minutes')} AS interval)"
        elif overlap:
            back = f" - CAST({_literal(overlap)} AS {kind})"
        return self._page(table, [changed, *table.key], f"{self._changed(table)} >= CAST(%s AS {kind}){back}", [since], after, limit)

    def totals(self, table: Table) -> Totals:
        """As the database counts and sums them."""
        count, total = self._rows(_hot_copy.totals_statement(self._relation(table), [*table.columns]))[0]
        return Totals(int(count), str(total))

    def _page(self, table: Table, order: list[str], condition: str, given: list[str], after: str | None, limit: int) -> Page:
        conditions, parameters = [condition] if condition else [], [*given]
        ordered = ", ".join(f"source.{_hot_copy.name_of(name)}" for name in order)
        if after is not None:
            marks = ", ".join(f"CAST(%s AS {table.columns[name]})" for name in order)
            conditions.append(f"({ordered}) > ({marks})")
            parameters += json.loads(after)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        columns = ", ".join(f"source.{_hot_copy.name_of(name)}::text" for name in table.columns)
        statement = f"SELECT {columns} FROM {self._relation(table)} AS source{where} ORDER BY {ordered} LIMIT {limit}"
        rows = [tuple(row) for row in self._rows(statement, parameters)]
        if len(rows) < limit:
            return Page(rows, None)
        names = [*table.columns]
        return Page(rows, json.dumps([rows[-1][names.index(name)] for name in order]))

    def _table(self, name: str, given: NodeTable) -> Table:
        relation = _hot_copy.name_of(given.name)
        columns = {str(column): str(kind) for column, kind in execute(self._connection, _COLUMNS, (relation,)).fetchall()}
        key = [str(column) for (column,) in execute(self._connection, _KEY, (relation,)).fetchall()]
        if not columns or not key:
            what = "no primary key" if columns else "no columns that this user may see"
            raise _hot_copy.Unusable(f"table {given.name} has {what} on the read node; correct that, or leave it out")
        if given.changed_column and given.changed_column not in columns:
            raise _hot_copy.Unusable(
                f"table {given.name} has no column {given.changed_column}, by which changes are found; name another one"
            )
        return Table(name, columns, key, incremental=bool(given.changed_column))

    def _relation(self, table: Table) -> str:
        return _hot_copy.name_of(self._given[table.name].name)

    def _changed(self, table: Table) -> str:
        return _hot_copy.name_of(self._given[table.name].changed_column)

    def _rows(self, statement: str, parameters: Sequence[str] = ()) -> Any:
        with self._reading():
            return execute(self._connection, statement, parameters).fetchall()

    @contextlib.contextmanager
    def _reading(self) -> Generator[None]:
        """Ends the transaction, so that the replica keeps no snapshot; not within a moment."""
        try:
            yield
        finally:
            if not self._in_moment:
                self._connection.rollback()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_COLUMNS = """
SELECT attname, CASE WHEN t.typtype = 'b' AND n.nspname = 'pg_catalog' THEN format_type(atttypid, atttypmod) ELSE 'text' END
FROM pg_attribute JOIN pg_type t ON t.oid = atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
_KEY = """
SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
WHERE indrelid = to_regclass(%s) AND indisprimary ORDER BY array_position(indkey::smallint[], attnum)
"""
