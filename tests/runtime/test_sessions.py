"""Sessions: both stores behave alike, with a clock of the test's, and with many requests at once."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloudpatterns_runtime.sessions import (
    MOST_BYTES,
    CacheSessions,
    Session,
    SessionConflict,
    SessionGone,
    Sessions,
    SessionTooLarge,
    TableSessions,
)

from tests.emulators.locked_moto import client as moto_client
from tests.examples.servers import cache_program
from tests.runtime.session_stores import session_cache, session_table

# Far ahead: a real cache deletes by its own clock what has expired by the test's.
START = 4_000_000_000.0
MOST = MOST_BYTES - 256


@dataclass
class Time:
    """The time, which only a test moves."""

    now: float = START

    def __call__(self) -> float:
        return self.now


class Fault:
    """A client that counts requests, and that fails or repeats one where a test wants it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.requests: list[str] = []
        self.errors: list[Exception] = []
        self.twice = False

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **request: Any) -> Any:
            self.requests.append(name)
            if self.errors:
                raise self.errors.pop()
            if self.twice:
                self.twice = False
                getattr(self.client, name)(*args, **request)
            return getattr(self.client, name)(*args, **request)

        return call


def faulty(client: Any) -> Any:
    return Fault(client)


@pytest.fixture(scope="module")
def cache() -> Iterator[Any]:
    program = cache_program()
    if program is None:
        pytest.skip("neither Valkey nor Redis is installed")
    with session_cache(program) as client:
        yield client


@pytest.fixture
def time() -> Time:
    return Time()


def of_table(client: Any, **settings: Any) -> TableSessions:
    return TableSessions(client, table=session_table(client), **settings)


@pytest.fixture(params=["table", "cache"])
def sessions(request: pytest.FixtureRequest, time: Time) -> Sessions:
    if request.param == "table":
        request.getfixturevalue("moto_account")
        client = moto_client("dynamodb")
        return TableSessions(faulty(client), table=session_table(client), clock=time)
    return CacheSessions(faulty(request.getfixturevalue("cache")), clock=time)


def fault(sessions: Any) -> Fault:
    return sessions.client


def test_a_session_is_read_as_it_was_created(sessions: Sessions) -> None:
    data = {"user": "ada", "basket": ["ä/1", {"count": 2}], "none": None}
    session = sessions.create(data)
    assert sessions.read(session.id) == session
    assert (session.data, session.created_at, session.expires_at) == (data, START, START + 1800)
    assert sessions.create(data).id != session.id


def test_ids_are_random_and_secret(sessions: Sessions) -> None:
    session = sessions.create({"card": "4711"})
    assert len(session.id) == 43
    assert session.id not in repr(session)
    assert "4711" not in repr(session)
    for unknown in ("", "x" * 43, "../etc", session.id + "x"):
        assert sessions.read(unknown) is None
        sessions.destroy(unknown)
    assert sessions.read(session.id) == session


def test_the_store_does_not_hold_the_id(moto_account: None, cache: Any) -> None:
    client = moto_client("dynamodb")
    table = of_table(client)
    session = table.create({})
    assert session.id not in str(client.scan(TableName=table.table)["Items"])
    session = CacheSessions(cache, prefix="ids:").create({})
    [key] = cache.keys("ids:*")
    assert session.id.encode() not in key + cache.get(key)
    assert 0 < cache.ttl(key) <= 1800


def test_expired_sessions_are_not_returned_though_the_store_holds_them(sessions: Sessions, time: Time) -> None:
    session = sessions.create({"user": "ada"})
    time.now += 1799.9
    assert sessions.read(session.id) == session
    time.now += 0.1
    assert sessions.read(session.id) is None
    for change in (sessions.touch, sessions.rotate, lambda old: sessions.write(old, {})):
        with pytest.raises(SessionGone, match="has expired or was ended; it cannot be changed"):
            change(session)
    # The store has it still.
    time.now -= 1
    assert sessions.read(session.id) == session


def test_a_write_prolongs_and_changes(sessions: Sessions, time: Time) -> None:
    session = sessions.create({"count": 1})
    time.now += 100
    written = sessions.write(session, {"count": 2})
    assert sessions.read(session.id) == written
    assert (written.id, written.data, written.created_at, written.expires_at) == (session.id, {"count": 2}, START, START + 1900)
    assert written.version != session.version


def test_of_two_writes_one_wins(sessions: Sessions) -> None:
    session = sessions.create({"count": 1})
    first = sessions.write(session, {"count": 2})
    for change in (lambda old: sessions.write(old, {"count": 3}), sessions.rotate):
        with pytest.raises(SessionConflict, match="changed by another request since it was read; read it again"):
            change(session)
    assert sessions.read(session.id) == first


def test_a_write_whose_answer_was_lost_is_no_conflict(sessions: Sessions) -> None:
    session = sessions.create({"count": 1})
    fault(sessions).twice = True
    assert sessions.read(session.id) == session
    fault(sessions).twice = True
    written = sessions.write(session, {"count": 2})
    assert sessions.read(session.id) == written


def test_a_touch_prolongs_and_writes_seldom(sessions: Sessions, time: Time) -> None:
    session = sessions.create({"user": "ada"})
    fault(sessions).requests.clear()
    time.now += 179
    assert sessions.touch(session) is session
    assert fault(sessions).requests == []
    time.now += 1
    touched = sessions.touch(session)
    assert touched.expires_at == START + 180 + 1800
    assert len(fault(sessions).requests) == 1
    assert sessions.read(session.id) == touched
    # It is no change: who read before may still write.
    assert sessions.write(session, {"user": "ada", "count": 1}).data["count"] == 1


def test_a_session_ends_after_its_lifetime_however_busy(sessions: Sessions, time: Time) -> None:
    session = sessions.create({})
    for _ in range(47):
        time.now += 900
        session = sessions.touch(session)
    assert session.expires_at == START + 43_200
    session = sessions.rotate(session)
    assert sessions.write(session, {}).expires_at == START + 43_200
    time.now = START + 43_200
    assert sessions.read(session.id) is None


def test_rotation_gives_another_id_and_takes_the_old_one_away(sessions: Sessions, time: Time) -> None:
    session = sessions.create({"user": "ada"})
    time.now += 60
    rotated = sessions.rotate(session)
    assert rotated.id != session.id
    assert (rotated.data, rotated.created_at, rotated.expires_at) == (session.data, session.created_at, session.expires_at)
    assert sessions.read(session.id) is None
    assert sessions.read(rotated.id) == rotated
    with pytest.raises(SessionGone):
        sessions.rotate(session)


def test_a_destroyed_session_is_gone(sessions: Sessions) -> None:
    session = sessions.create({})
    sessions.destroy(session.id)
    sessions.destroy(session.id)
    assert sessions.read(session.id) is None
    with pytest.raises(SessionGone):
        sessions.write(session, {})


def test_a_touch_does_not_bring_a_destroyed_session_back(sessions: Sessions, time: Time) -> None:
    session = sessions.create({})
    sessions.destroy(session.id)
    time.now += 900
    with pytest.raises(SessionGone):
        sessions.touch(session)
    assert sessions.read(session.id) is None


def test_what_does_not_fit_is_refused_before_it_is_sent(sessions: Sessions) -> None:
    # {"x":"..."} has eight characters around the text; an umlaut has two bytes.
    session = sessions.create({"x": "ä" * ((MOST - 8) // 2)})
    assert sessions.read(session.id) == session
    fault(sessions).requests.clear()
    for change in (sessions.create, lambda data: sessions.write(session, data)):
        with pytest.raises(SessionTooLarge) as error:
            change({"x": "x" * (MOST - 7)})
        assert error.value.size == MOST + 1
        assert str(error.value) == "the session has 399,745 bytes of JSON; 399,744 are allowed. Keep ids in it, and the data elsewhere."
    assert fault(sessions).requests == []


def test_other_errors_of_the_store_go_on(sessions: Sessions, time: Time) -> None:
    session = sessions.create({})
    time.now += 900
    for change in (sessions.touch, sessions.rotate, lambda old: sessions.write(old, {}), lambda old: sessions.read(old.id)):
        fault(sessions).errors.append(TimeoutError("no answer"))
        with pytest.raises(TimeoutError, match="no answer"):
            change(session)
    assert sessions.read(session.id) == session


def refusal(code: str, **more: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "refused"}, **more}
    return ClientError(answer, "PutItem")


def test_what_another_transaction_holds_is_a_conflict(moto_account: None) -> None:
    client = faulty(moto_client("dynamodb"))
    sessions = of_table(client)
    session = sessions.create({})
    client.errors.append(refusal("TransactionConflictException"))
    with pytest.raises(SessionConflict):
        sessions.write(session, {})
    client.errors.append(refusal("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}, {"Code": "None"}]))
    with pytest.raises(SessionConflict):
        sessions.rotate(session)
    client.errors.append(refusal("TransactionCanceledException", CancellationReasons=[{"Code": "None"}, {"Code": "ThrottlingError"}]))
    with pytest.raises(ClientError):
        sessions.rotate(session)


# Settings


def test_stores_are_made_of_the_environment(moto_account: None, cache: Any) -> None:
    client = moto_client("dynamodb")
    environment = {
        "CLOUDPATTERNS_SESSIONS_STORE": "table",
        "CLOUDPATTERNS_SESSIONS_TABLE": "visits",
        "CLOUDPATTERNS_SESSIONS_IDLE_SECONDS": "600",
    }
    found = TableSessions.from_environment(client, environment=environment, lifetime_seconds=3600)
    assert (found.table, found.idle_seconds, found.lifetime_seconds) == ("visits", 600, 3600)
    environment = {"CLOUDPATTERNS_SESSIONS_STORE": "cache", "CLOUDPATTERNS_SESSIONS_LIFETIME_SECONDS": "7200"}
    kept = CacheSessions.from_environment(cache, environment=environment)
    assert (kept.prefix, kept.idle_seconds, kept.lifetime_seconds) == ("session:", 1800, 7200)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "CLOUDPATTERNS_SESSIONS_STORE is missing; TableSessions needs 'table'. Pass environment() of the StateSharing to the server."),
        (
            {"CLOUDPATTERNS_SESSIONS_STORE": "cache"},
            "CLOUDPATTERNS_SESSIONS_STORE is 'cache'; TableSessions needs 'table'. Pass environment() of the StateSharing to the server.",
        ),
        (
            {"CLOUDPATTERNS_SESSIONS_STORE": "table", "CLOUDPATTERNS_SESSIONS_IDLE_SECONDS": "0"},
            "TableSessions cannot be created:\n"
            "  idle_seconds: is 0.0; seconds from 1 to 31622400 are allowed. Leave it out for the default.\n"
            "  table: is ''; a text is needed. Pass environment() of the StateSharing to the server.",
        ),
    ],
)
def test_what_the_environment_lacks_is_named(environment: dict[str, str], reason: str) -> None:
    client: Any = None
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        TableSessions.from_environment(client, environment=environment)


# Many requests at once

THREADS, ROUNDS = 8, 5


@pytest.fixture(params=["moto", "ministack", "cache"])
def shared(request: pytest.FixtureRequest) -> Sessions:
    if request.param == "cache":
        return CacheSessions(request.getfixturevalue("cache"))
    if request.param == "moto":
        request.getfixturevalue("moto_account")
        return of_table(moto_client("dynamodb"))
    return of_table(request.getfixturevalue("emulator").client("dynamodb"))


def together(work: Any) -> list[Any]:
    """What some work answers in all threads at once, errors included."""
    barrier, answers = threading.Barrier(THREADS), list[Any]()

    def run() -> None:
        try:
            barrier.wait(5)
            answers.append(work())
        except Exception as error:
            answers.append(error)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_no_change_is_lost(shared: Sessions) -> None:
    session = shared.create({"count": 0})

    def add() -> None:
        for _ in range(ROUNDS):
            while (found := shared.read(session.id)) is not None:
                try:
                    shared.write(found, {"count": found.data["count"] + 1})
                    break
                except SessionConflict:
                    continue

    assert together(add) == [None] * THREADS
    found = shared.read(session.id)
    assert found is not None
    assert found.data == {"count": THREADS * ROUNDS}


def test_one_of_many_rotates(shared: Sessions) -> None:
    session = shared.create({"user": "ada"})
    answers = together(lambda: shared.rotate(session))
    [rotated] = [answer for answer in answers if isinstance(answer, Session)]
    assert all(isinstance(answer, SessionGone | SessionConflict) for answer in answers if answer is not rotated)
    assert shared.read(session.id) is None
    assert shared.read(rotated.id) == rotated
