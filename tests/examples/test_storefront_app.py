"""The sample application as it is shipped, against real databases and a real cache whose users log in by IAM token, over TLS."""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import trustme
import urllib3
from moto.server import ThreadedMotoServer
from storefront.cache import Cache, CacheError
from storefront.database import Database, DatabaseError
from storefront.settings import CacheSettings, DatabaseSettings, SettingsError, load
from storefront.tokens import Tokens

from tests.examples import boot, servers
from tests.examples.agent import INSTANCE
from tests.examples.iam import ACCESS_KEY, REGION, SECRET_KEY, SESSION_TOKEN, Iam, metadata_service
from tests.examples.logins import cache_front
from tests.examples.servers import CACHE, USER, Certificate, RealDatabase, Server, environment, free_port, until
from tests.program import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the application is for Amazon Linux")

APPLICATION = ROOT / "examples" / "storefront_app"
HTTP = urllib3.PoolManager(timeout=15, retries=False)


# The artifact


def build(application: Path, output: Path, umask: int = 0o022) -> bytes:
    """The artifact, from the libraries that the set-up of the tests has downloaded."""
    wheels = ROOT / ".venv" / "storefront-app"
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)} if wheels.is_dir() else {}
    command = [sys.executable, str(application / "build.py"), "--output", str(output)]
    subprocess.run(command, env={**os.environ, **offline}, check=True, capture_output=True, umask=umask)
    return output.read_bytes()


@pytest.fixture(scope="session")
def folder() -> Generator[Path]:
    with servers.fast_folder() as path:
        yield path


@pytest.fixture(scope="session")
def artifact(folder: Path) -> Path:
    build(APPLICATION, folder / "artifact.tar.gz")
    return folder / "artifact.tar.gz"


@pytest.fixture(scope="session")
def release(artifact: Path, folder: Path) -> Path:
    """The artifact as a server unpacks it."""
    target = folder / "release"
    target.mkdir()
    subprocess.run(["tar", "--extract", "--gzip", "--file", str(artifact), "--directory", str(target)], check=True)
    return target


@pytest.fixture(scope="session")
def python(folder: Path) -> Path:
    """A folder with the Python that runs the tests, without the libraries of the tests."""
    programs = folder / "python"
    programs.mkdir()
    (programs / "python3").symlink_to(Path(sys.executable).resolve())
    return programs


def test_the_same_sources_give_the_same_artifact(artifact: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "examples" / "storefront_app"
    shutil.copytree(APPLICATION, copy, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile)
    assert build(copy, tmp_path / "artifact.tar.gz", umask=0o077) == artifact.read_bytes()


def test_the_artifact_holds_what_a_server_runs_and_nothing_of_its_builder(artifact: Path) -> None:
    with tarfile.open(artifact) as archive:
        entries = archive.getmembers()
    names = [entry.name for entry in entries]
    assert names == sorted(set(names))
    assert {entry.mtime for entry in entries} == {0}
    assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {(0, 0, "", "")}
    assert {(entry.name == "bin/start", entry.mode) for entry in entries if entry.isfile()} == {(True, 0o755), (False, 0o644)}
    assert {entry.mode for entry in entries if entry.isdir()} == {0o755}
    assert {name.split("/")[0] for name in names} == {"bin", "lib", "storefront"}
    assert [name for name in names if name.endswith((".so", ".pyc", ".pyd", ".dll"))] == []
    assert [path.name for path in (APPLICATION / "storefront").glob("*.py") if f"storefront/{path.name}" not in names] == []
    assert artifact.stat().st_size < 3_000_000


def test_tests_and_artifact_have_the_same_libraries() -> None:
    def pins(path: Path) -> dict[str, str]:
        return {name.lower(): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", path.read_text(), re.MULTILINE)}

    asked, locked = pins(APPLICATION / "requirements.in"), pins(APPLICATION / "requirements.txt")
    tools = {**pins(ROOT / "requirements.txt"), **pins(ROOT / "requirements-dev.txt")}
    assert asked.items() <= locked.items()
    assert {name for name, version in asked.items() if tools.get(name) != version} == {"async-timeout"}


# The start


def test_it_starts_with_the_newest_python_that_is_new_enough(release: Path, tmp_path: Path) -> None:
    def start(*versions: tuple[str, int]) -> subprocess.CompletedProcess[str]:
        programs = tmp_path / "-".join(name for name, _ in versions)
        programs.mkdir()
        for tool in ("dirname", "sh"):
            (programs / tool).symlink_to(shutil.which(tool) or "")
        for name, check in versions:
            # A Python that says whether it is new enough, and by which name it was started.
            (programs / name).write_text(f'#!/bin/sh\ncase "$1" in -c) exit {check} ;; *) echo {name} "$@" ;; esac\n')
            (programs / name).chmod(0o755)
        command = [str(release / "bin" / "start")]
        return subprocess.run(command, env={"PATH": str(programs)}, capture_output=True, text=True, check=False)

    assert start(("python3.11", 0), ("python3.13", 0), ("python3", 1)).stdout == "python3.13 -B -s -m storefront\n"
    assert start(("python3", 0)).stdout == "python3 -B -s -m storefront\n"
    too_old = start(("python3.9", 1), ("python3", 1))
    assert too_old.returncode == 1
    assert too_old.stderr.startswith("start: Python 3.11 or newer is needed; on Amazon Linux 2023 the setting servers.packages")


def test_every_missing_variable_is_named(release: Path, python: Path) -> None:
    command = [str(release / "bin" / "start")]
    done = subprocess.run(command, env={"PATH": f"{python}:/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    line = json.loads(done.stdout)
    assert (line["level"], line["message"]) == ("error", "cannot start: " + "; ".join(f"{name} is missing" for name in environment()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PORT": "http"}, "PORT is 'http'; a number from 1 to 65535 is needed"),
        ({"DATABASE_PORT": "65536"}, "DATABASE_PORT is '65536'; a number from 1 to 65535 is needed"),
        ({"DATABASE_ENGINE": "oracle"}, "DATABASE_ENGINE is 'oracle'; mysql or postgres is needed"),
        ({"HEALTH_CHECK_PATH": "health"}, "HEALTH_CHECK_PATH is 'health'; a path such as /healthz is needed"),
        ({"DATABASE_CA_FILE": "/nowhere"}, "DATABASE_CA_FILE is '/nowhere'; there is no such file that this user can read"),
        ({"CACHE_SERVERLESS": "yes", "CACHE_USER": ""}, "CACHE_USER is missing; CACHE_SERVERLESS is 'yes'; true or false is needed"),
        ({"CONNECTION_SECONDS": "43200"}, "CONNECTION_SECONDS is '43200'; a number from 1 to 36000 is needed"),
    ],
)
def test_wrong_variables_are_named(changes: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        load(environment(**changes))


def test_a_file_without_certificates_is_named() -> None:
    settings = load(environment())
    with pytest.raises(SettingsError, match=r"^DATABASE_CA_FILE is .*; it holds no certificate in PEM form$"):
        Database(settings.database, Tokens(REGION), 600)


# Tokens


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the pretended instance profile."""
    for name, value in {"ACCESS_KEY_ID": ACCESS_KEY, "SECRET_ACCESS_KEY": SECRET_KEY, "SESSION_TOKEN": SESSION_TOKEN}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.mark.usefixtures("credentials")
def test_a_token_for_the_database_is_the_one_of_the_sdk() -> None:
    settings = replace(load(environment()).database, host="db.abc.eu-west-1.rds.amazonaws.com", user="store front/é")
    client = boto3.Session().client("rds", region_name=REGION)

    def both() -> tuple[str, str]:
        return Tokens(REGION).database(settings), client.generate_db_auth_token(settings.host, settings.port, settings.user)

    # Both name the second in which they were signed.
    ours, theirs = until(lambda: pair if (pair := both())[0].split("Signature")[0] == pair[1].split("Signature")[0] else None, "two tokens")
    assert ours == theirs


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("serverless", [False, True])
def test_a_token_for_the_cache_is_signed_for_its_name_and_kind(serverless: bool) -> None:
    token = Tokens(REGION).cache(CacheSettings("host.of.the.cache", 6379, "Shop-Cache", USER, serverless))
    kinds = [CACHE, replace(CACHE, parameters={**CACHE.parameters, "ResourceType": "ServerlessCache"})]
    assert [Iam().allows(kind, USER, token) for kind in kinds] == [not serverless, serverless]


# Servers


@pytest.fixture(scope="session")
def certificate(folder: Path) -> Certificate:
    return servers.certificate(folder)


@pytest.fixture(scope="session")
def postgres(folder: Path, certificate: Certificate) -> Generator[RealDatabase]:
    programs = servers.postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed")
    (folder / "postgres").mkdir()
    with servers.postgres(programs, folder / "postgres", certificate) as running:
        yield running


@pytest.fixture(scope="session")
def mariadb(folder: Path, certificate: Certificate) -> Generator[RealDatabase]:
    missing = servers.mariadb_missing()
    if missing:
        pytest.skip(missing)
    (folder / "mariadb").mkdir()
    with servers.mariadb(folder / "mariadb", certificate) as running:
        yield running


@pytest.fixture(scope="session", params=["postgres", "mariadb"])
def database(request: pytest.FixtureRequest) -> RealDatabase:
    return request.getfixturevalue(request.param)


@dataclass
class RealCache:
    """The cache, and the port at which it takes tokens."""

    port: int
    server: Server
    iam: Iam


@pytest.fixture(scope="session")
def cache(folder: Path, certificate: Certificate) -> Generator[RealCache]:
    program = servers.cache_program()
    if program is None:
        pytest.skip("neither Valkey nor Redis is installed")
    (folder / "cache").mkdir()
    iam = Iam()
    with (
        servers.cache(program, folder / "cache") as (server, upstream),
        cache_front(iam, CACHE, upstream, certificate.server) as port,
    ):
        yield RealCache(port, server, iam)


@pytest.fixture(scope="session")
def profile() -> Generator[dict[str, str]]:
    """The instance profile: where the metadata service is."""
    with metadata_service() as port:
        yield {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{port}"}


def settings_of(database: RealDatabase, authority: Path, host: str = "localhost") -> DatabaseSettings:
    return DatabaseSettings(database.engine, host, database.port, servers.DATABASE, USER, str(authority))


@pytest.mark.usefixtures("credentials")
def test_the_database_must_have_a_certificate_of_the_authority(database: RealDatabase, certificate: Certificate, tmp_path: Path) -> None:
    logins = len(database.iam.accepted)
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with pytest.raises(DatabaseError) as refused:
        Database(settings_of(database, tmp_path / "other.pem"), Tokens(REGION), 600).check()
    assert "certificate verify failed: unable to get local issuer certificate" in str(refused.value.__cause__)
    with pytest.raises(DatabaseError) as refused:
        Database(settings_of(database, certificate.authority, "127.0.0.1"), Tokens(REGION), 600).check()
    assert "certificate is not valid for '127.0.0.1'" in str(refused.value.__cause__)
    assert (len(database.iam.accepted), database.iam.refused) == (logins, [])
    Database(settings_of(database, certificate.authority), Tokens(REGION), 600).check()
    assert len(database.iam.accepted) == logins + 1


@pytest.mark.usefixtures("credentials")
def test_a_connection_that_broke_is_replaced_before_it_is_used(database: RealDatabase, certificate: Certificate) -> None:
    counter = Database(settings_of(database, certificate.authority), Tokens(REGION), 600)
    visits = counter.count()
    logins = len(database.iam.accepted)
    assert counter.count() == visits + 1
    assert len(database.iam.accepted) == logins
    end_connections(database)
    assert counter.count() == visits + 2
    assert len(database.iam.accepted) == logins + 1


def end_connections(database: RealDatabase) -> None:
    """What a failover does to the connections of the application."""
    cursor = database.admin().cursor()
    if database.engine == "postgres":
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (USER,))
        return
    cursor.execute("SELECT id FROM information_schema.processlist WHERE user = %s", (USER,))
    for (number,) in cursor.fetchall():
        cursor.execute(f"KILL {int(number)}")


@pytest.mark.usefixtures("credentials")
def test_a_user_who_may_not_create_tables_uses_the_one_that_exists(database: RealDatabase, certificate: Certificate) -> None:
    visits = Database(settings_of(database, certificate.authority), Tokens(REGION), 600).count()
    scope = "SCHEMA public" if database.engine == "postgres" else f"{servers.DATABASE}.*"
    cursor = database.admin().cursor()
    cursor.execute(f"REVOKE CREATE ON {scope} FROM {USER}")
    try:
        assert Database(settings_of(database, certificate.authority), Tokens(REGION), 600).count() == visits + 1
    finally:
        cursor.execute(f"GRANT CREATE ON {scope} TO {USER}")


@pytest.mark.usefixtures("credentials")
def test_an_old_connection_is_replaced_by_one_with_a_new_token(
    database: RealDatabase, cache: RealCache, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    for module in ("storefront.database", "storefront.cache"):
        monkeypatch.setattr(sys.modules[module], "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    counter = Database(settings_of(database, certificate.authority), Tokens(REGION), 600)
    numbers = Cache(CacheSettings("localhost", cache.port, CACHE.host, USER, False), Tokens(REGION), 30, 600)
    before = [database.iam.tokens("rds-db"), cache.iam.tokens("elasticache")]

    def logins() -> list[list[str]]:
        """The tokens that the servers were shown, all of which they accepted."""
        counter.check()
        numbers.check()
        assert (database.iam.refused, cache.iam.refused) == ([], [])
        shown = (database.iam.tokens("rds-db"), cache.iam.tokens("elasticache"))
        return [tokens[len(known) :] for tokens, known in zip(shown, before, strict=True)]

    first = logins()
    assert [len(tokens) for tokens in first] == [1, 1]
    now = 599.0
    assert logins() == first
    now = 600.0
    time.sleep(1)  # a token names the second in which it was signed
    assert [len(set(tokens)) for tokens in logins()] == [2, 2]


@pytest.mark.usefixtures("credentials")
def test_the_cache_must_have_a_certificate_of_an_authority_for_its_name(
    cache: RealCache, certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def checked(host: str, authority: Path) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        Cache(CacheSettings(host, cache.port, CACHE.host, USER, False), Tokens(REGION), 30, 600).check()

    logins = len(cache.iam.accepted)
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with pytest.raises(CacheError, match="unable to get local issuer certificate"):
        checked("localhost", tmp_path / "other.pem")
    with pytest.raises(CacheError, match=r"certificate is not valid for '127\.0\.0\.1'"):
        checked("127.0.0.1", certificate.authority)
    assert (len(cache.iam.accepted), cache.iam.refused) == (logins, [])
    checked("localhost", certificate.authority)
    assert len(cache.iam.accepted) == logins + 1


# What a MySQL server says first, without CLIENT_SSL among its capabilities, and what a PostgreSQL server says to a request for TLS.
_GREETING = (
    b"\x0a8.4.0\0"
    + b"\1\0\0\0"
    + b"12345678\0"
    + b"\xff\xf7\x2d\x02\0\xff\xdf\x15"
    + b"\0" * 10
    + b"123456789012\0"
    + b"mysql_clear_password\0"
)
_WITHOUT_TLS = {"mysql": len(_GREETING).to_bytes(3, "little") + b"\0" + _GREETING, "postgres": b"N"}


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("engine", _WITHOUT_TLS)
def test_no_token_is_sent_without_tls(engine: str, certificate: Certificate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def serve() -> bytes:
            client, _ = listener.accept()
            with client, client.makefile("rb") as stream:
                client.settimeout(10)
                client.sendall(_WITHOUT_TLS[engine])
                return stream.read()

        heard = pool.submit(serve)
        settings = DatabaseSettings(engine, "localhost", listener.getsockname()[1], "shop", USER, str(certificate.authority))
        with pytest.raises(DatabaseError) as refused:
            Database(settings, Tokens(REGION), 600).check()
        assert "SSL" in str(refused.value.__cause__)
        # PostgreSQL's request for TLS, or nothing.
        assert heard.result(10) in (b"\0\0\0\x08\x04\xd2\x16\x2f", b"")


# The application


@dataclass
class Shop:
    """The running application."""

    server: Server
    port: int
    database: RealDatabase
    cache: RealCache

    def ask(self, method: str, path: str) -> urllib3.BaseHTTPResponse:
        return HTTP.request(method, f"http://127.0.0.1:{self.port}{path}", redirect=False)

    def visits(self, method: str = "GET") -> tuple[int, str]:
        response = self.ask(method, "/api/visits")
        assert response.status == 200, response.data
        return response.json()["visits"], response.json()["source"]

    def status(self, path: str, method: str = "GET") -> int:
        return self.ask(method, path).status

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.server.log.read_text().splitlines()]


@pytest.fixture(scope="session")
def surroundings(certificate: Certificate, cache: RealCache, profile: dict[str, str]) -> Callable[[RealDatabase], dict[str, str]]:
    """Where the servers of the tests are."""
    return lambda database: {**servers.surroundings(database, certificate, cache.port), **profile}


@pytest.fixture(scope="session")
def start(
    release: Path, python: Path, folder: Path, cache: RealCache, surroundings: Callable[[RealDatabase], dict[str, str]]
) -> Callable[..., Any]:
    """Runs the release as a server would: its environment is all that it has."""

    @contextmanager
    def running(database: RealDatabase, **changes: str) -> Generator[Shop]:
        port = free_port()
        values = {**environment(**surroundings(database)), "PORT": str(port), "PATH": f"{python}:/usr/bin:/bin", **changes}
        log = folder / f"application-{port}.log"
        server = Server([str(release / "bin" / "start")], log, lambda: shop.status("/health") == 200, environment=values)
        shop = Shop(server, port, database, cache)
        try:
            server.start()
            yield shop
        finally:
            server.stop()

    return running


@pytest.fixture(scope="module")
def shops() -> Generator[dict[str, Any]]:
    with ExitStack() as stack:
        yield {"stack": stack}


@pytest.fixture
def shop(start: Callable[..., Any], database: RealDatabase, shops: dict[str, Any]) -> Shop:
    """One process for the tests of an engine."""
    if database.engine not in shops:
        shops[database.engine] = shops["stack"].enter_context(start(database))
    return shops[database.engine]


def test_visits_are_counted_in_the_database_and_kept_in_the_cache(shop: Shop) -> None:
    before, _ = shop.visits("POST")
    assert shop.visits("POST") == (before + 1, "database")
    assert shop.visits() == (before + 1, "database")
    assert shop.visits() == (before + 1, "cache")
    assert shop.visits("POST") == (before + 2, "database")
    assert shop.visits() == (before + 2, "database")
    cursor = shop.database.admin().cursor()
    cursor.execute("SELECT counter, visits FROM storefront_visits")
    assert [tuple(row) for row in cursor.fetchall()] == [("home", before + 2)]


def test_the_page_shows_the_visits_and_counts_one(shop: Shop) -> None:
    visits, _ = shop.visits("POST")
    counted = shop.ask("POST", "/")
    assert (counted.status, counted.headers["location"]) == (303, "/")
    page = shop.ask("GET", "/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f"<p>Visits: {visits + 1}</p>" in page.data.decode()
    head = shop.ask("HEAD", "/")
    assert (head.status, head.data, head.headers["content-length"]) == (200, b"", page.headers["content-length"])


def test_other_requests_are_refused(shop: Shop) -> None:
    assert (shop.status("/nothing"), shop.status("/health")) == (404, 200)
    refused = shop.ask("DELETE", "/api/visits")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, POST")


def test_it_is_ready_when_database_and_cache_answer(shop: Shop) -> None:
    ready = shop.ask("GET", "/readyz")
    assert (ready.status, ready.json()) == (200, {"database": "ok", "cache": "ok"})


def test_log_lines_are_json_without_a_token(shop: Shop) -> None:
    shop.status("/readyz")
    text = shop.server.log.read_text()
    assert "X-Amz-" not in text
    assert SECRET_KEY not in text
    requests = [line for line in shop.log() if line["message"] == "request"]
    assert {"time", "level", "message", "method", "path", "status", "milliseconds", "trace"} == set(requests[-1])
    assert (requests[-1]["path"], requests[-1]["status"]) == ("/readyz", 200)
    assert [line for line in requests if line["path"] == "/health"] == []


# Faults


def test_it_survives_a_database_that_goes_away_and_comes_back(shop: Shop) -> None:
    visits, _ = shop.visits("POST")
    shop.visits()
    shop.database.server.stop(signal.SIGQUIT if shop.database.engine == "postgres" else signal.SIGKILL)
    # What the cache holds is still there, and the load balancer keeps the server.
    assert shop.visits() == (visits, "cache")
    assert shop.status("/health") == 200
    away = shop.ask("POST", "/api/visits")
    assert (away.status, away.json(), away.headers["retry-after"]) == (503, {"error": "the database does not answer"}, "5")
    assert (shop.status("/", "POST"), shop.ask("GET", "/readyz").json()) == (503, {"database": "away", "cache": "ok"})
    shop.database.server.start()
    assert shop.visits("POST") == (visits + 1, "database")
    assert shop.status("/readyz") == 200
    assert any(line["message"] == "the database does not answer" and line["level"] == "warning" for line in shop.log())


def test_it_answers_without_a_cache(shop: Shop) -> None:
    visits, _ = shop.visits("POST")
    shop.visits()
    shop.cache.server.stop()
    assert shop.visits() == (visits, "database")
    assert shop.visits("POST") == (visits + 1, "database")
    assert shop.ask("GET", "/readyz").json() == {"database": "ok", "cache": "away"}
    assert "<p>Visits: " in shop.ask("GET", "/").data.decode()
    assert any(line["message"] == "the cache does not answer" and line["level"] == "warning" for line in shop.log())
    shop.cache.server.start()
    assert until(lambda: shop.visits()[1] == "cache", "the cache is used again")


def test_connections_are_used_again_and_requests_are_finished_when_it_is_stopped(start: Callable[..., Any], postgres: RealDatabase) -> None:
    with start(postgres) as shop, ThreadPoolExecutor(1) as pool:
        before = len(postgres.iam.accepted), len(shop.cache.iam.accepted)
        for _ in range(20):
            visits, _ = shop.visits("POST")
            shop.visits()
        # Eight threads, with a connection each.
        assert 1 <= len(postgres.iam.accepted) - before[0] <= 8
        assert 1 <= len(shop.cache.iam.accepted) - before[1] <= 8
        admin = postgres.admin()
        admin.autocommit = False
        admin.cursor().execute("LOCK TABLE storefront_visits")
        slow = pool.submit(shop.visits, "POST")
        until(lambda: _waits(postgres), "a request that waits")
        ended = threading.Thread(target=shop.server.stop, args=(signal.SIGTERM,))
        ended.start()
        until(lambda: _refused(shop.port), "no new connections")
        assert not slow.done()
        admin.commit()
        assert slow.result(10) == (visits + 1, "database")
        ended.join(10)
        assert shop.server.stop() == 0
        assert shop.log()[-1]["message"] == "stopped"


def _waits(database: RealDatabase) -> bool:
    """Whether a statement waits for a lock."""
    cursor = database.admin().cursor()
    cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
    return cursor.fetchone() is not None


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    return False


# The boot script


@pytest.fixture
def cloudwatch() -> Generator[str]:
    """The address of a stand-in for CloudWatch Logs, with the servers' log group."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    # Servers of one process share what they keep.
    assert HTTP.request("POST", f"{url}/moto-api/reset").status == 200
    logs(url).create_log_group(logGroupName=boot.LOG_GROUP)
    yield url
    server.stop()


def logs(url: str) -> Any:
    credentials = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "example"}
    return boto3.client("logs", region_name=REGION, endpoint_url=url, **credentials)


def arrived(url: str, stream: str, text: str) -> list[str]:
    """The messages of a stream of the instance, once one of them has the text."""
    place = {"logGroupName": boot.LOG_GROUP, "logStreamName": f"{INSTANCE}/{stream}"}
    client = logs(url)
    deadline = time.monotonic() + 20
    messages: list[str] = []
    while time.monotonic() < deadline:
        with suppress(client.exceptions.ResourceNotFoundException):
            messages = [event["message"] for event in client.get_log_events(**place, startFromHead=True)["events"]]
        if any(text in message for message in messages):
            return messages
        time.sleep(0.1)
    raise AssertionError(f"no line of {stream} has {text!r}: {messages}")


def test_it_answers_through_the_boot_script_and_its_log_lines_arrive(
    artifact: Path,
    python: Path,
    database: RealDatabase,
    surroundings: Callable[[RealDatabase], dict[str, str]],
    tmp_path: Path,
    cloudwatch: str,
) -> None:
    port = free_port()
    values = environment(**surroundings(database))
    set_by_boot = ("PORT", "HEALTH_CHECK_PATH", "AWS_REGION", "DATABASE_CA_FILE")
    ours = {name: value for name, value in values.items() if name not in set_by_boot}
    certificates = Path(values["DATABASE_CA_FILE"]).read_text()
    script = boot.user_data(hashlib.sha256(artifact.read_bytes()).hexdigest(), port, ours, certificates)
    with boot.booted(tmp_path, artifact, script, python, cloudwatch) as instance:
        assert instance.code == 0, [instance.log("cloud-init-output.log"), instance.log()]
        url = f"http://127.0.0.1:{port}"
        counted = HTTP.request("POST", f"{url}/api/visits").json()
        assert HTTP.request("GET", f"{url}/api/visits").json() == counted
        assert HTTP.request("GET", f"{url}/api/visits").json() == {**counted, "source": "cache"}
        assert HTTP.request("GET", f"{url}/readyz").json() == {"database": "ok", "cache": "ok"}
        assert {json.loads(line)["level"] for line in instance.log()} == {"info"}
        assert arrived(cloudwatch, "server", "/readyz") == instance.log()


@contextmanager
def task_role() -> Generator[str]:
    """The address at which Fargate gives a container the credentials of its task role."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            expiry = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            answer = {"AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY, "Token": SESSION_TOKEN, "Expiration": expiry}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/credentials"
        server.shutdown()


def test_it_runs_as_a_container_with_the_variables_of_the_storefront_and_writes_no_file(
    release: Path, python: Path, cache: RealCache, database: RealDatabase, certificate: Certificate, folder: Path
) -> None:
    image = (APPLICATION / "Dockerfile").read_text().splitlines()
    assert image[-2:] == ["USER 1000:1000", 'ENTRYPOINT ["/app/bin/start"]']
    port = free_port()
    with task_role() as credentials:
        values = environment(**servers.surroundings(database, certificate, cache.port))
        del values["DATABASE_CA_FILE"]
        values |= {"DATABASE_CERTIFICATES": certificate.authority.read_text(), "PORT": str(port), "PATH": f"{python}:/usr/bin:/bin"}
        values |= {"AWS_CONTAINER_CREDENTIALS_FULL_URI": credentials, "AWS_EC2_METADATA_DISABLED": "true"}
        files = {path: path.stat().st_mtime_ns for path in release.rglob("*")}
        url = f"http://127.0.0.1:{port}"
        log = folder / f"container-{port}.log"
        server = Server(
            [str(release / "bin" / "start")], log, lambda: HTTP.request("GET", f"{url}/health").status == 200, environment=values
        )
        try:
            server.start()
            counted = HTTP.request("POST", f"{url}/api/visits").json()
            assert HTTP.request("GET", f"{url}/api/visits").json() == counted
            assert HTTP.request("GET", f"{url}/readyz").json() == {"database": "ok", "cache": "ok"}
        finally:
            server.stop()
    # One JSON object a line on stdout is what CloudWatch Logs gets.
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line for line in lines if line["level"] != "info"] == []
    assert {path: path.stat().st_mtime_ns for path in release.rglob("*")} == files


def test_certificates_that_are_none_are_named() -> None:
    settings = load(environment(DATABASE_CERTIFICATES="none"))
    with pytest.raises(SettingsError, match=r"^DATABASE_CERTIFICATES has no certificate in PEM form$"):
        Database(settings.database, Tokens(REGION), 600)


def test_the_reason_of_a_failed_boot_arrives(artifact: Path, python: Path, tmp_path: Path, cloudwatch: str) -> None:
    broken = tmp_path / "broken.tar.gz"
    with tarfile.open(artifact) as whole, tarfile.open(broken, "w:gz") as archive:
        for member in whole:
            if member.name.lstrip("./") == "bin/start":
                member.mode = 0o644
            archive.addfile(member, whole.extractfile(member) if member.isfile() else None)
    script = boot.user_data(hashlib.sha256(broken.read_bytes()).hexdigest(), free_port(), {}, "")
    (tmp_path / "instance").mkdir()
    with boot.booted(tmp_path / "instance", broken, script, python, cloudwatch) as instance:
        reason = "boot: the artifact's bin/start is not executable; pack it with its mode bits"
        assert (instance.code, instance.log("cloud-init-output.log")[-1]) == (1, reason)
        assert arrived(cloudwatch, "boot", "not executable")[-1] == reason
        assert instance.log() == []
