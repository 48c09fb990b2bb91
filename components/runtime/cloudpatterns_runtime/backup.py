"""Copies the data of a legacy system to a database of one's choice, and says whether the copy is right.

A source gives pages of rows, changes since a position, and totals; ``backup_sources`` has two, and others have the methods of ``Source``::

    puller = Puller(source, connection, Checkpoints(boto3.client("dynamodb"), "progress"))
    run = puller.begin("2027-01-31", "incremental")
    while not puller.pull(run, Deadline.of(context, reserve_seconds=60)):
        ...

How a table is copied
=====================

1. A full pull reads all pages into a stage, an incremental one what has changed since the last position.
2. Changes of the meantime follow, until what the source counts and sums at one moment is what the copy would have.
3. Only then does the copy change, in one transaction. Where the totals differ, it stays as it was.

An incremental pull whose totals differ is followed by a full one; a full one whose totals differ fails with ``VerifyFailed``. The position
after each page is kept in DynamoDB, on the condition that nobody else has written since. Whoever is killed at any point is followed by the
next call, which goes on behind the last page; a page that comes twice is as good as once.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from cloudpatterns_runtime import _hot_copy
from cloudpatterns_runtime._checks import entry
from cloudpatterns_runtime._fence import Connection, refuse_autocommit
from cloudpatterns_runtime._hot_copy import Row, Unusable
from cloudpatterns_runtime.retry import Deadline

__all__ = [
    "Busy",
    "Checkpoints",
    "Page",
    "Puller",
    "Run",
    "Source",
    "Superseded",
    "Table",
    "Totals",
    "Unusable",
    "VerifyFailed",
    "checksum",
]

KINDS = ("full", "incremental")
_DAY_SECONDS = 86_400
_PAGES, _CHANGES, _SETTLE, _DONE = "pages", "changes", "settle", "done"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the source, and of the copy."""

    name: str
    """Its name, letters, digits and underscores."""
    columns: Mapping[str, str]
    """PostgreSQL's types of the columns, by name: ``{"id": "bigint", "record": "json"}``."""
    key: Sequence[str]
    """The columns that make a row unique."""
    incremental: bool = True
    """Whether the source can say what has changed; otherwise every pull is a full one. Default: it can."""

    def shape(self) -> str:
        """A text that is another one when the columns are."""
        return hashlib.sha256(json.dumps([*self.columns.items(), [*self.key]]).encode()).hexdigest()[:16]


class Page(NamedTuple):
    """Some rows."""

    rows: Sequence[Row]
    """Their values as PostgreSQL writes them as text, in the order of the table's columns; None for NULL."""
    next: str | None
    """What to give as ``after`` for the next page; None after the last one."""
    deleted: Sequence[Row] = ()
    """Keys of rows that are gone, in a page of changes."""


class Totals(NamedTuple):
    """What a table of the source has."""

    count: int
    """Rows."""
    checksum: str
    """``checksum`` of the rows, whatever their order."""


class Source(Protocol):
    """A legacy system. Methods raise when they cannot answer: what they return is taken as true."""

    def tables(self) -> Sequence[Table]:
        """The tables, those that others refer to first."""
        ...

    def position(self, table: Table) -> str:
        """Where the changes of a table stand, for ``changes``: no later than what a page that is read afterwards shows."""
        ...

    def page(self, table: Table, after: str | None, limit: int) -> Page:
        """At most so many rows behind a page, in an order that stays. A row that is there from the first page to the last is in one."""
        ...

    def changes(self, table: Table, since: str, after: str | None, limit: int) -> Page:
        """At most so many rows that were written since a position; a row may come again."""
        ...

    def totals(self, table: Table) -> Totals:
        """Count and checksum of the whole table."""
        ...

    def moment(self) -> AbstractContextManager[Any]:
        """Within it, ``changes`` and ``totals`` are of one moment, if the source can do that."""
        ...


class Busy(Exception):
    """Another run goes on; come again later."""


class Superseded(Exception):
    """Another run has taken over: this one has to end."""


class VerifyFailed(Exception):
    """The copy would not be what the source has; it stays as it was."""

    not_retried = True


def checksum(rows: Sequence[Row]) -> int:
    """The sum of the digests of rows, whatever their order.

    A digest is 60 bits of SHA-256 over the values of a row, each with its length and a colon before it, ``N`` for NULL. Sums of parts
    add up to that of the whole.
    """
    return sum(int(hashlib.sha256("".join(map(_counted, row)).encode()).hexdigest()[:15], 16) for row in rows)


def _counted(value: str | None) -> str:
    return "N" if value is None else f"{len(value)}:{value}"


@dataclass(slots=True)
class Run:
    """A run, and how far it is: what is in the table of checkpoints."""

    name: str
    kind: str
    version: int
    state: dict[str, Any]
    """``tables`` has the progress of each table, ``positions`` where its last copy ended; what a caller adds ends with the run."""

    @property
    def kept(self) -> dict[str, Any]:
        """What a caller wants to find in later runs."""
        return self.state.setdefault("kept", {})


class Checkpoints:
    """The progress of a backup: one item of a DynamoDB table with the key ``id``."""

    def __init__(
        self, client: Any, table_name: str, *, item: str = "progress", lease_seconds: int = 1200, clock: Callable[[], float] = time.time
    ) -> None:
        """``client`` is boto3's; a run that has written nothing for ``lease_seconds`` (default 1200) may be taken over."""
        self._client, self._table_name, self._item = client, table_name, item
        self._lease_seconds, self._clock = lease_seconds, clock

    def begin(self, name: str, kind: str) -> Run:
        """The run of this name, new or where it was; what an earlier one has left unfinished is its own.

        :raises Busy: while another one is at work.
        """
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; {' and '.join(KINDS)} are allowed.")
        found = self._read()
        if found is None:
            run = Run(name, kind, 0, {"tables": {}, "positions": {}})
        else:
            run = Run(found["run"]["S"], found["kind"]["S"], int(found["version"]["N"]), json.loads(found["state"]["S"]))
            if run.name == name:
                return run
            if not run.state.get("finished") and float(found["lease_until"]["N"]) > self._clock():
                raise Busy(f"the run {run.name} is at work until {found['lease_until']['N']} at least")
            left = {table: progress for table, progress in run.state["tables"].items() if progress["phase"] != _DONE}
            run = Run(name, kind, run.version, {"tables": left, "positions": run.state["positions"], "kept": run.kept})
        self.save(run)
        return run

    def save(self, run: Run) -> None:
        """Keeps the progress.

        :raises Superseded: where somebody else has written since the run was read.
        """
        nonce, seen = secrets.token_hex(8), run.version
        item = {
            "id": {"S": self._item},
            "run": {"S": run.name},
            "kind": {"S": run.kind},
            "version": {"N": str(seen + 1)},
            "lease_until": {"N": str(int(self._clock()) + self._lease_seconds)},
            "nonce": {"S": nonce},
            "state": {"S": json.dumps(run.state)},
        }
        condition: dict[str, Any] = {
            "ConditionExpression": "#version = :seen" if seen else "attribute_not_exists(id)",
            **(
                {"ExpressionAttributeNames": {"#version": "version"}, "ExpressionAttributeValues": {":seen": {"N": str(seen)}}}
                if seen
                else {}
            ),
        }
        try:
            self._client.put_item(TableName=self._table_name, Item=item, **condition)
        except Exception as error:
            if entry(getattr(error, "response", None), "Error", "Code") != "ConditionalCheckFailedException":
                raise
            # A write whose answer was lost is repeated by the client, and meets itself.
            found = self._read()
            if found is None or found.get("nonce", {}).get("S") != nonce:
                raise Superseded(f"the run {run.name} is not the last one any more") from None
        run.version = seen + 1

    def _read(self) -> dict[str, Any] | None:
        return self._client.get_item(TableName=self._table_name, Key={"id": {"S": self._item}}, ConsistentRead=True).get("Item")


@dataclass(kw_only=True)
class PullerOptions:
    """How a ``Puller`` works."""

    page_rows: int = 1000
    """Rows of a page. Default: 1000."""
    settle_attempts: int = 5
    """How often totals are compared until they differ for good. Default: 5."""
    settle_seconds: float = 5.0
    """Seconds before each further comparison. Default: 5."""
    full_after_seconds: float = 8 * _DAY_SECONDS
    """Age of a table's last full pull after which an incremental one is a full one. Default: 8 days."""
    most_lost_percent: float = 20.0
    """Share of the rows that a pull may delete; more looks like a source that has lost its data. Default: 20."""
    on_event: Callable[[str, Mapping[str, Any]], None] = field(default=lambda event, fields: None)
    """Called with what happens, for logs and metrics. Default: nothing."""
    clock: Callable[[], float] = time.time
    """Seconds since 1970."""
    sleep: Callable[[float], None] = time.sleep
    """Waits."""


class Puller:
    """Copies the tables of a source. Several exclude each other."""

    def __init__(self, source: Source, connection: Connection, checkpoints: Checkpoints, options: PullerOptions | None = None) -> None:
        """``connection`` is that of the copy, of PEP 249 with parameters as ``%s``, without autocommit.

        :raises Busy: while another one is connected.
        """
        refuse_autocommit(connection)
        self._source, self._connection, self._checkpoints = source, connection, checkpoints
        self._options = PullerOptions() if options is None else options
        _hot_copy.use_formats(connection)
        if not _hot_copy.lock(connection):
            raise Busy("another connection copies into this database")

    def begin(self, name: str, kind: str, *, accept_loss: bool = False) -> Run:
        """The run of this name, see ``Checkpoints.begin``; with ``accept_loss`` any number of rows may be deleted."""
        run = self._checkpoints.begin(name, kind)
        if accept_loss and not run.state.get("accept_loss"):
            run.state["accept_loss"] = True
            self._checkpoints.save(run)
        return run

    def pull(self, run: Run, deadline: Deadline) -> bool:
        """Goes on until all tables are copied and verified, or the deadline has come; whether they are.

        :raises VerifyFailed: for a table that differs after a full pull; its next pull is a full one.
        """
        tables = self._source.tables()
        names = {table.name for table in tables}
        # What the source has not any more is nobody's to finish; its copy stays.
        run.state["tables"] = {name: progress for name, progress in run.state["tables"].items() if name in names}
        for table in tables:
            progress = run.state["tables"].get(table.name)
            if progress is None or progress["shape"] != table.shape():
                progress = self._new(run, table, run.kind)
            while progress["phase"] != _DONE:
                if deadline.remaining() <= 0:
                    return False
                self._step(run, table, progress)
                progress = run.state["tables"][table.name]
        return True

    def finish(self, run: Run) -> None:
        """Lets the next run begin."""
        run.state["finished"] = True
        self._checkpoints.save(run)

    def save(self, run: Run) -> None:
        """Keeps what the caller has added to the run's state."""
        self._checkpoints.save(run)

    def _new(self, run: Run, table: Table, kind: str, attempt: int = 1) -> dict[str, Any]:
        """The beginning of a pull: full where an incremental one cannot be."""
        last = run.state["positions"].get(table.name)
        whole = kind == "full" or not table.incremental or last is None or last["shape"] != table.shape()
        if not whole and self._options.clock() - last["full_at"] > self._options.full_after_seconds:
            self._options.on_event("full_due", {"table": table.name})
            whole = True
        progress = {
            "kind": "full" if whole else "incremental",
            "phase": _PAGES if whole else _CHANGES,
            "shape": table.shape(),
            "attempt": attempt,
            "since": self._source.position(table) if whole else last["position"],
            "after": None,
            "pages": 0,
            "rows": 0,
        }
        run.state["tables"][table.name] = progress
        self._checkpoints.save(run)
        return progress

    def _step(self, run: Run, table: Table, progress: dict[str, Any]) -> None:
        """A page, or the end of a table."""
        if not progress["pages"]:
            _hot_copy.prepare(self._connection, table)
        if progress["phase"] == _SETTLE:
            self._settle(run, table, progress)
            return
        if progress["phase"] == _PAGES:
            page = self._source.page(table, progress["after"], self._options.page_rows)
        else:
            # What comes after this round is left to the next one.
            progress["start"] = progress.get("start") or self._source.position(table)
            page = self._changes(table, progress["since"], progress["after"])
        _hot_copy.put(self._connection, table, page.rows, page.deleted)
        progress |= {"after": page.next, "pages": progress["pages"] + 1, "rows": progress["rows"] + len(page.rows) + len(page.deleted)}
        if page.next is None:
            if progress["phase"] == _CHANGES:
                progress["since"] = progress.pop("start")
            progress["phase"] = _CHANGES if progress["phase"] == _PAGES and table.incremental else _SETTLE
        self._checkpoints.save(run)
        self._options.on_event("page", {"table": table.name, "rows": len(page.rows), "pages": progress["pages"]})

    def _changes(self, table: Table, since: str, after: str | None) -> Page:
        return self._source.changes(table, since, after, self._options.page_rows)

    def _settle(self, run: Run, table: Table, progress: dict[str, Any]) -> None:
        """Compares with the source, and changes the copy where both agree."""
        whole, facts = progress["kind"] == "full", dict[str, Any]()
        for attempt in range(self._options.settle_attempts if table.incremental else 1):
            if attempt:
                self._options.sleep(self._options.settle_seconds)
            with self._source.moment():
                position = self._source.position(table)
                self._catch_up(table, progress["since"])
                wanted = self._source.totals(table)
            settled = _hot_copy.settle(
                self._connection,
                table,
                _hot_copy.Counted(*wanted),
                whole=whole,
                acceptable=lambda deleted, before: self._is_acceptable(run, deleted, before),
            )
            if settled.kept:
                self._done(run, table, progress, position, wanted)
                return
            facts = {
                "table": table.name,
                "source": [*wanted],
                "copy": [*settled.totals],
                "deleted": settled.deleted,
                "before": settled.before,
            }
            if tuple(settled.totals) == tuple(wanted):
                self._fail(run, table, "too_much_lost", facts)
            self._options.on_event("verify_differs", {"attempt": attempt + 1, **facts})
        # Rows of a table without a record of changes may have changed between two pages: it is read again.
        again = not table.incremental and progress["attempt"] < self._options.settle_attempts
        if whole and not again:
            self._fail(run, table, "verify_failed", facts)
        self._options.on_event("pull_repeated", facts)
        self._new(run, table, "full", progress["attempt"] + 1)

    def _catch_up(self, table: Table, since: str) -> None:
        """What has changed since the last round, into the stage."""
        after, more = None, table.incremental
        while more:
            page = self._changes(table, since, after)
            _hot_copy.put(self._connection, table, page.rows, page.deleted)
            after, more = page.next, page.next is not None

    def _done(self, run: Run, table: Table, progress: dict[str, Any], position: str, totals: Totals) -> None:
        last = run.state["positions"].get(table.name, {})
        full_at = self._options.clock() if progress["kind"] == "full" else last["full_at"]
        run.state["positions"][table.name] = {"position": position, "full_at": full_at, "shape": progress["shape"]}
        progress |= {"phase": _DONE, "count": totals.count, "checksum": totals.checksum}
        self._checkpoints.save(run)
        _hot_copy.drop_stage(self._connection, table)
        self._options.on_event("verified", {"table": table.name, "kind": progress["kind"], "rows": progress["rows"], **totals._asdict()})

    def _is_acceptable(self, run: Run, deleted: int, before: int) -> bool:
        return bool(run.state.get("accept_loss")) or deleted * 100 <= before * self._options.most_lost_percent

    def _fail(self, run: Run, table: Table, event: str, facts: Mapping[str, Any]) -> None:
        """Ends the run; the next one begins this table anew."""
        run.state["tables"].pop(table.name)
        run.state["positions"].pop(table.name, None)
        run.state["finished"] = True
        self._checkpoints.save(run)
        self._options.on_event(event, facts)
        raise VerifyFailed(f"{event}: {json.dumps(facts)}")
