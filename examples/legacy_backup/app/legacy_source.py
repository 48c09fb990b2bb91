"""A legacy system that knows nothing but CSV: one file for each table, by the number of the last row that one has.

``GET /export/<table>.csv?after=<id>&rows=<n>`` answers with a header, at most so many rows in the order of ``id``, and a line with their
number. It cannot say what has changed, so every pull is a full one; and it counts nothing, so the totals are those of a second reading.
"""

import contextlib
import csv
import io
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

import boto3
from cloudpatterns_runtime.backup import Page, Table, Totals, checksum
from cloudpatterns_runtime.retry import Retry

TABLES = [
    Table("customers", {"id": "bigint", "name": "text", "city": "text"}, ["id"], incremental=False),
    Table("invoices", {"id": "bigint", "customer": "bigint", "cents": "bigint", "issued": "date"}, ["id"], incremental=False),
]
_ROWS, _SECONDS = 1000, 60
_PASSING = (429, 500, 502, 503, 504)


class CsvExport:
    """The source that the puller asks."""

    def __init__(self, url: str, token: str, retry: Retry) -> None:
        self._url, self._token, self._retry = url, token, retry

    def tables(self) -> Sequence[Table]:
        """Those that are exported."""
        return TABLES

    def moment(self) -> Any:
        """There is none."""
        return contextlib.nullcontext()

    def position(self, table: Table) -> str:
        """There is none: nothing says what has changed."""
        return ""

    def page(self, table: Table, after: str | None, limit: int) -> Page:
        """Rows by their ids."""
        rows = self._retry.call(self._rows, table, after, limit)
        return Page(rows, rows[-1][0] if len(rows) == limit else None)

    def changes(self, table: Table, since: str, after: str | None, limit: int) -> Page:
        """Never asked for."""
        raise NotImplementedError("the system does not know what has changed")

    def totals(self, table: Table) -> Totals:
        """Of all rows, read again."""
        count, total, after = 0, 0, None
        while True:
            page = self.page(table, after, _ROWS)
            count, total, after = count + len(page.rows), total + checksum(page.rows), page.next
            if after is None:
                return Totals(count, str(total))

    def _rows(self, table: Table, after: str | None, limit: int) -> list[tuple[str | None, ...]]:
        address = f"{self._url}/export/{table.name}.csv?after={after or 0}&rows={limit}"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {self._token}"})
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                text = answer.read().decode("utf-8")
        except urllib.error.HTTPError as error:
            if error.code not in _PASSING:
                raise
            raise ConnectionError(f"{table.name}: the system answers {error.code}") from error
        header, *lines = csv.reader(io.StringIO(text, newline="")) if text else [[]]
        # Each file ends with a line of its number of rows: without it, the answer is not whole.
        if header != [*table.columns] or not lines or lines[-1] != ["rows", str(len(lines) - 1)]:
            raise ConnectionError(f"{table.name}: the file is cut off, or has other columns")
        # CSV does not tell an empty text from none.
        return [tuple(value or None for value in line) for line in lines[:-1]]


def create_source() -> CsvExport:
    """Called by the puller, once for each invocation."""
    token = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["EXPORT_SECRET_ARN"])["SecretString"]
    return CsvExport(os.environ["EXPORT_URL"], token, Retry(attempts=6, base_seconds=0.5, deadline_seconds=120))
