"""Real servers for the sample application: PostgreSQL, MariaDB and Redis or Valkey, on loopback, which end with the tests."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pg8000.dbapi
import pymysql
import pytest
import trustme

from tests.examples.iam import REGION, Iam, Resource
from tests.examples.logins import Upstream, directory, password_check

DATABASE = "shop"
USER = "storefront"
CACHE = Resource("elasticache", "shop-cache", {"Action": "connect", "User": USER})
SECONDS = 30  # for a server to be ready


@contextmanager
def fast_folder() -> Generator[Path]:
    """A folder for data that other users can reach; in memory where there is room, since a server waits for a disk ten times as long."""
    memory = Path("/dev/shm")
    room = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 500_000_000
    with tempfile.TemporaryDirectory(prefix="storefront-", dir=memory if room else None) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(ready: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """Waits for something that is true; what is raised until then counts as not ready."""
    deadline, error = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            if result := ready():
                return result
        except Exception as raised:
            error = raised
        time.sleep(0.02)
    raise TimeoutError(f"{what}: not within {seconds} seconds") from error


@dataclass
class Server:
    """A process that can be killed and started again; the kernel kills it if the tests die."""

    command: list[str]
    log: Path
    ready: Callable[[], Any]
    account: str | None = None
    environment: dict[str, str] | None = None
    process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        account = ["--reuid", self.account, "--regid", self.account, "--clear-groups"] if self.account else []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *account, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
            )

    def run(self, command: list[str]) -> None:
        """Runs another command as the same user, to its end."""
        other = Server(command, self.log, self.ready, self.account)
        other.launch()
        assert other.process is not None
        assert other.process.wait(SECONDS) == 0, self.log.read_text(errors="replace")

    def wait(self) -> None:
        def ready() -> Any:
            assert self.process is not None
            if self.process.poll() is not None:
                pytest.fail(f"{self.command[0]} ended: {self.log.read_text(errors='replace')}")
            return self.ready()

        until(ready, self.command[0])

    def start(self) -> None:
        self.launch()
        self.wait()

    def stop(self, number: int = signal.SIGKILL) -> int:
        """Ends it; gives its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)


@dataclass
class RealDatabase:
    """A database server with TLS alone, whose one user logs in by token."""

    engine: str
    port: int
    server: Server
    admin: Callable[[], Any]
    """A connection of the administrator."""
    iam: Iam = field(default_factory=Iam)


@dataclass(frozen=True)
class Certificate:
    """Files in PEM form: the server's key with its certificate, and that of the authority."""

    server: Path
    authority: Path


def certificate(folder: Path) -> Certificate:
    """For the name localhost alone: 127.0.0.1 is another one."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return Certificate(folder / "server.pem", folder / "authority.pem")


def environment(**changes: str) -> dict[str, str]:
    """What a server gives the application."""
    return {
        "PORT": "8080",
        "HEALTH_CHECK_PATH": "/health",
        "AWS_REGION": REGION,
        "DATABASE_ENGINE": "postgres",
        "DATABASE_HOST": "localhost",
        "DATABASE_PORT": "5432",
        "DATABASE_NAME": DATABASE,
        "DATABASE_USER": USER,
        "DATABASE_CA_FILE": __file__,
        "CACHE_ENDPOINT": "localhost",
        "CACHE_PORT": "6379",
        "CACHE_NAME": CACHE.host,
        "CACHE_USER": USER,
        "CACHE_SERVERLESS": "false",
        **changes,
    }


def surroundings(database: RealDatabase, certificate: Certificate, cache_port: int) -> dict[str, str]:
    """Where the servers of the tests are."""
    return {
        "LISTEN_ADDRESS": "127.0.0.1",
        "DATABASE_ENGINE": database.engine,
        "DATABASE_PORT": str(database.port),
        "DATABASE_CA_FILE": str(certificate.authority),
        "CACHE_PORT": str(cache_port),
        "SSL_CERT_FILE": str(certificate.authority),
    }


def postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name.split(".")[0]))
    for folder in [*reversed(folders), *map(Path, os.environ["PATH"].split(":"))]:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder.resolve()
    return None


def cache_program() -> str | None:
    return shutil.which("valkey-server") or shutil.which("redis-server")


def mariadb_missing() -> str | None:
    """Why there is no MariaDB for the tests."""
    if not Path("/usr/sbin/mariadbd").exists():
        return "no MariaDB server is installed"
    if os.geteuid() != 0 or not Path("/etc/pam.d").is_dir():
        return "MariaDB asks PAM about tokens, which only root can set up"
    return None


@contextmanager
def postgres(programs: Path, folder: Path, certificate: Certificate) -> Generator[RealDatabase]:
    """PostgreSQL, which refuses to run as root, asks an LDAP server about tokens; the administrator comes through its socket."""
    account = "postgres" if os.geteuid() == 0 else None
    port, iam, data = free_port(), Iam(), folder / "data"
    key = folder / "key.pem"
    key.touch(0o600)
    key.write_bytes(certificate.server.read_bytes())
    if account:
        for path in (folder, key):
            shutil.chown(path, account, account)

    def admin(database: str = DATABASE) -> Any:
        connection = pg8000.dbapi.connect("postgres", database=database, unix_sock=str(folder / f".s.PGSQL.{port}"))
        connection.autocommit = True
        return connection

    settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
    settings |= {"ssl": "on", "ssl_cert_file": key, "ssl_key_file": key, "shared_buffers": "16MB", "max_connections": 40}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = Server([str(programs / "postgres"), "-D", str(data), *words], folder / "log", lambda: admin("postgres"), account)
    resource = Resource("rds-db", f"localhost:{port}", {"Action": "connect", "DBUser": USER})
    with directory(iam, resource) as ldap:
        try:
            server.run([str(programs / "initdb"), "--no-sync", "--auth=trust", "--username=postgres", str(data)])
            (data / "pg_hba.conf").write_text(
                "local all postgres trust\n"
                f'hostssl {DATABASE} {USER} 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport={ldap} ldapprefix="user="\n'
            )
            server.start()
            admin("postgres").cursor().execute(f"CREATE DATABASE {DATABASE}")
            for statement in (f"CREATE USER {USER}", f"GRANT CREATE ON SCHEMA public TO {USER}"):
                admin().cursor().execute(statement)
            yield RealDatabase("postgres", port, server, admin, iam)
        finally:
            server.stop(signal.SIGQUIT)


@contextmanager
def mariadb(folder: Path, certificate: Certificate) -> Generator[RealDatabase]:
    """MariaDB asks PAM about tokens, and asks clients for them as RDS's MySQL does (``mysql_clear_password``)."""
    port, iam, data, address = free_port(), Iam(), folder / "data", folder / "socket"
    resource = Resource("rds-db", f"localhost:{port}", {"Action": "connect", "DBUser": USER})
    service = Path("/etc/pam.d") / f"storefront-test-{os.getpid()}"
    (folder / "init.sql").write_text(
        f"CREATE DATABASE IF NOT EXISTS {DATABASE};\n"
        f"CREATE USER IF NOT EXISTS {USER} IDENTIFIED VIA pam USING '{service.name}' REQUIRE SSL;\n"
        f"GRANT CREATE, SELECT, INSERT, UPDATE ON {DATABASE}.* TO {USER};\n"
    )
    common = ["--no-defaults", f"--datadir={data}", "--user=root", "--innodb-log-file-size=4M"]
    options = {"port": port, "bind-address": "127.0.0.1", "socket": address, "tmpdir": folder, "init-file": folder / "init.sql"}
    options |= {"ssl-cert": certificate.server, "ssl-key": certificate.server, "plugin-load-add": "auth_pam_v1"}
    words = [*(f"--{name}={value}" for name, value in options.items()), "--pam-use-cleartext-plugin", "--skip-log-bin"]

    def admin() -> Any:
        return pymysql.connect(unix_socket=str(address), user="root", database=DATABASE, autocommit=True)

    server = Server(["/usr/sbin/mariadbd", *common, *words], folder / "log", admin)
    with password_check(iam, resource, folder / "check"):
        question = folder / "question"
        question.write_text(_QUESTION.format(python=sys.executable, socket=str(folder / "check")))
        question.chmod(0o755)
        service.write_text(f"auth required pam_exec.so quiet expose_authtok {question}\naccount required pam_permit.so\n")
        try:
            server.run(["mariadb-install-db", *common, "--skip-test-db", "--auth-root-authentication-method=normal"])
            server.start()
            yield RealDatabase("mysql", port, server, admin, iam)
        finally:
            service.unlink()
            server.stop()


# pam_exec gives the password on standard input.
_QUESTION = """#!{python} -IS
import os, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect({socket!r})
connection.sendall(os.environ["PAM_USER"].encode() + b"\\n" + sys.stdin.buffer.read() + b"\\n")
sys.exit(connection.recv(3) != b"yes")
"""


@contextmanager
def cache(program: str, folder: Path) -> Generator[tuple[Server, Upstream]]:
    """Redis or Valkey behind a socket; its one user has a password that only the front of the tests knows."""
    upstream = Upstream(folder / "socket", USER, os.urandom(16).hex())
    (folder / "users.acl").write_text(f"user default off\nuser {USER} on >{upstream.password} ~storefront:* +get +set +del +ping +client\n")
    options = {"port": "0", "unixsocket": str(upstream.path), "save": "", "aclfile": str(folder / "users.acl"), "dir": str(folder)}
    command = [program, *(word for name, value in options.items() for word in (f"--{name}", value))]

    def ready() -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(upstream.path))
            return True

    server = Server(command, folder / "log", ready)
    try:
        server.start()
        yield server, upstream
    finally:
        server.stop()
