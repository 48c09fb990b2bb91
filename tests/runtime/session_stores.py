"""The stores that sessions are tested on: a table on an emulator, and a real Valkey or Redis."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis

from tests.emulators.tables import table_by_id
from tests.examples.servers import Server


def session_table(dynamodb: Any) -> str:
    """A table of sessions of a name of its own."""
    name = f"sessions-{uuid4()}"
    table_by_id(dynamodb, name)
    return name


@contextmanager
def session_cache(program: str) -> Generator[redis.Redis]:
    """A client of a Valkey or Redis behind a socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        client = redis.Redis(unix_socket_path=str(path))

        def ready() -> bool:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

        server = Server([program, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder], Path(folder) / "log", ready)
        try:
            server.start()
            yield client
        finally:
            client.close()
            server.stop()
