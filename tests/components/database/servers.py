"""Real database servers, for the tests of SQL. A test that needs one that is not installed is skipped and says so."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

Client = Callable[..., str]
"""Runs SQL as a user: ``client("SELECT 1", user="app")``; its output without decoration."""


def executable(*names: str) -> str:
    """The path of the first of the programs that is installed; skips the test without any."""
    folders = [os.environ.get("PATH", ""), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), "/usr/sbin"]
    found = next((path for name in names if (path := shutil.which(name, path=os.pathsep.join(folders)))), None)
    if found is None:
        pytest.skip(f"{names[0]} is not installed")
    return found


def run(*command: str, **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def folder(owner: str | None) -> Generator[Path]:
    # Not pytest's: the path of a socket has at most 107 characters, and another user must reach it.
    with tempfile.TemporaryDirectory() as name:
        if owner is not None:
            shutil.chown(name, owner)
        yield Path(name)


@contextmanager
def postgres() -> Generator[Client]:
    """A server whose master user ``dbadmin`` is no superuser and owns the database ``orders``, as on RDS."""
    initdb, pg_ctl, psql = executable("initdb"), executable("pg_ctl"), executable("psql")
    # PostgreSQL refuses to run as root.
    owner = "nobody" if os.geteuid() == 0 else None
    with folder(owner) as path:
        data = path / "data"
        run(initdb, "-D", str(data), "-A", "trust", "-U", "rdsadmin", "--no-sync", user=owner, cwd=path)
        start = (pg_ctl, "-D", str(data), "-l", str(path / "log"), "-o", f"-c listen_addresses='' -k {path} -F", "-w", "start")
        run(*start, user=owner, cwd=path)

        def client(sql: str, user: str = "dbadmin", database: str = "orders") -> str:
            connection = ("-h", str(path), "-U", user, "-d", database)
            return run(psql, "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", *connection, input=sql).strip()

        try:
            for statement in (
                "CREATE ROLE rds_iam",
                "CREATE ROLE dbadmin LOGIN CREATEROLE CREATEDB",
                "GRANT rds_iam TO dbadmin WITH ADMIN OPTION",
                "CREATE DATABASE orders OWNER dbadmin",
            ):
                client(statement, "rdsadmin", "postgres")
            yield client
        finally:
            run(pg_ctl, "-D", str(data), "-m", "immediate", "stop", user=owner, cwd=path)


@contextmanager
def mariadb() -> Generator[Client]:
    """A server with the databases ``shop_eu`` and ``shopXeu``, whose names differ where GRANT knows a wildcard."""
    install, server, command = executable("mariadb-install-db"), executable("mariadbd"), executable("mariadb")
    admin = executable("mariadb-admin")
    with folder(None) as path:
        socket, data = path / "socket", path / "data"
        runner = f"--user={'root' if os.geteuid() == 0 else os.environ.get('USER', '')}"
        method = "--auth-root-authentication-method=normal"
        run(install, "--no-defaults", f"--datadir={data}", runner, method, "--skip-test-db")
        process = subprocess.Popen(
            (server, "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking", runner),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def client(sql: str, user: str = "root", database: str = "mysql") -> str:
            connection = ("--no-defaults", f"--socket={socket}", f"--user={user}", f"--database={database}")
            return run(command, *connection, "--batch", "--skip-column-names", input=sql).strip()

        try:
            run(admin, "--no-defaults", f"--socket={socket}", "--user=root", "--connect-timeout=30", "--wait=30", "ping")
            client("CREATE DATABASE shop_eu; CREATE DATABASE shopXeu; CREATE TABLE shopXeu.secrets (id int)")
            yield client
        finally:
            process.terminate()
            process.wait(30)
