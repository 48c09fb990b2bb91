"""The counter of visits in the database, over verified TLS, as a user that logs in by IAM token."""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

import pg8000.dbapi
import pymysql

from storefront.log import reason
from storefront.settings import DatabaseSettings, SettingsError
from storefront.tokens import Tokens

_logger = logging.getLogger(__name__)
_SECONDS = 5  # that a connection or an answer may take
_COUNTER = "home"

_TABLE = "CREATE TABLE IF NOT EXISTS storefront_visits (counter VARCHAR(64) PRIMARY KEY, visits BIGINT NOT NULL)"
_READ = "SELECT visits FROM storefront_visits WHERE counter = %s"
_ADD = {
    "mysql": "INSERT INTO storefront_visits (counter, visits) VALUES (%s, 1) ON DUPLICATE KEY UPDATE visits = visits + 1",
    "postgres": (
        "INSERT INTO storefront_visits (counter, visits) VALUES (%s, 1)"
        " ON CONFLICT (counter) DO UPDATE SET visits = storefront_visits.visits + 1"
    ),
}
# A user without the right to create tables may use one that exists: PostgreSQL asks for the right first.
_TABLE_EXISTS = {
    "mysql": "SELECT 1 FROM information_schema.tables WHERE table_name = 'storefront_visits' AND table_schema = DATABASE()",
    "postgres": "SELECT 1 FROM information_schema.tables WHERE table_name = 'storefront_visits' AND table_schema = current_schema()",
}


class DatabaseError(Exception):
    """The database does not answer, or refuses. What was asked for may be tried again."""


class Database:
    """One connection for each thread, replaced when it is broken or older than ``connection_seconds``."""

    def __init__(self, settings: DatabaseSettings, tokens: Tokens, connection_seconds: int) -> None:
        self._settings = settings
        self._tokens = tokens
        self._connection_seconds = connection_seconds
        self._local = threading.local()
        self._context = _tls(settings)

    def visits(self) -> int:
        """How many visits were counted."""
        with self._cursor() as cursor:
            return self._read(cursor)

    def count(self) -> int:
        """Counts one visit; gives the new number."""
        with self._cursor() as cursor:
            cursor.execute(_ADD[self._settings.engine], (_COUNTER,))
            return self._read(cursor)

    def check(self) -> None:
        """Whether the database answers."""
        with self._cursor():
            pass

    def _read(self, cursor: Any) -> int:
        cursor.execute(_READ, (_COUNTER,))
        row = cursor.fetchone()
        return 0 if row is None else int(row[0])

    @contextmanager
    def _cursor(self) -> Generator[Any]:
        """A transaction on this thread's connection. After any error the connection is closed: the next one may reach another server."""
        try:
            connection = self._usable() or self._open()
            cursor = connection.cursor()
            yield cursor
            connection.commit()
        except Exception as error:
            self._close()
            _logger.warning("the database does not answer", extra={"fields": {"reason": reason(error)}})
            raise DatabaseError from error

    def _usable(self) -> Any:
        """The connection of this thread, if it is young and its server answers: a statement that counts is sent once only."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            return None
        if time.monotonic() < self._local.until:
            with suppress(Exception):
                connection.cursor().execute("SELECT 1")
                return connection
        self._close()
        return None

    def _open(self) -> Any:
        token = self._tokens.database(self._settings)
        connection = _CONNECT[self._settings.engine](self._settings, token, self._context)
        self._local.connection = connection
        self._local.until = time.monotonic() + self._connection_seconds
        cursor = connection.cursor()
        cursor.execute(_TABLE_EXISTS[self._settings.engine])
        if cursor.fetchone() is None:
            cursor.execute(_TABLE)
            connection.commit()
        return connection

    def _close(self) -> None:
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            with suppress(Exception):
                connection.close()


def _tls(settings: DatabaseSettings) -> ssl.SSLContext:
    """Trusts RDS's certificates alone, and only for the name that was asked for."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None, cadata=settings.certificates or None)
    except ssl.SSLError as error:
        place = f"DATABASE_CA_FILE is {settings.ca_file!r}; it holds" if settings.ca_file else "DATABASE_CERTIFICATES has"
        raise SettingsError(f"{place} no certificate in PEM form") from error
    # From Python 3.13 on, certificates are also refused for their form, which not all authorities keep to; the same on each Python.
    # https://docs.python.org/3/library/ssl.html#ssl.create_default_context
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _mysql(settings: DatabaseSettings, token: str, context: ssl.SSLContext) -> Any:
    """The server asks for the token in clear text (``mysql_clear_password``), which goes out after TLS has been set up, never before."""
    return pymysql.connect(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=token,
        database=settings.name,
        ssl=context,
        charset="utf8mb4",
        connect_timeout=_SECONDS,
        read_timeout=_SECONDS,
        write_timeout=_SECONDS,
    )


def _postgres(settings: DatabaseSettings, token: str, context: ssl.SSLContext) -> Any:
    return pg8000.dbapi.connect(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=token,
        database=settings.name,
        ssl_context=context,
        timeout=_SECONDS,
        application_name="storefront",
    )


_CONNECT: dict[str, Callable[[DatabaseSettings, str, ssl.SSLContext], Any]] = {"mysql": _mysql, "postgres": _postgres}
