"""Keeps what a server knows of a visitor outside the server, so that any server can answer the next request.

A module makes one store, once; both stores have the same methods::

    import boto3
    from cloudpatterns_runtime.sessions import TableSessions

    SESSIONS = TableSessions(boto3.client("dynamodb"), table="sessions")

    def login(user):
        session = SESSIONS.create({"user": user.id})
        return session.id                      # into a cookie: Secure, HttpOnly, SameSite=Lax

    def request(session_id):
        session = SESSIONS.read(session_id)
        if session is None:
            return redirect("/login")
        session = SESSIONS.touch(session)

``TableSessions`` keeps them in a DynamoDB table, ``CacheSessions`` in Valkey or Redis.

What holds
==========

1. **Ids** are 256 random bits, and no caller chooses one. The store keeps SHA-256 of an id: who reads the table or the cache cannot use
   what stands there as a cookie. ``rotate`` gives a session another id, as a login must (session fixation); the old one is gone.
2. **Times** are compared by the reader. DynamoDB deletes expired items within days, and returns them until then; an expired session is
   never returned, changed or prolonged, whatever the store still holds. It ends ``idle_seconds`` after the last ``touch`` or ``write``,
   and in any case ``lifetime_seconds`` after it was created, rotated or not.
3. **Writes** name the version that they saw. Of two requests that change the same session one wins, and the other gets
   ``SessionConflict``: it reads again. A write whose answer was lost, and which the SDK repeats, recognizes its own version.
4. **Size** is checked before anything is sent: DynamoDB takes 400 KB for an item, and ``CacheSessions`` has the same limit, so that a
   service can move from one to the other.

Source: Cloud Design Patterns for AWS, "State Sharing"; OWASP, "Session Management Cheat Sheet"
(https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html).
"""

import abc
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from cloudpatterns_runtime._checks import is_duration

__all__ = ["CacheSessions", "Session", "SessionConflict", "SessionGone", "SessionTooLarge", "Sessions", "TableSessions"]

MOST_BYTES = 400_000
"""An item of 400 KB, with the names of its attributes, counted with a margin for how DynamoDB rounds it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
"""

# The names, the key, and both times and the version at their longest.
_OVERHEAD_BYTES = 256
_MOST_SECONDS = 366 * 86_400
_ID = re.compile(r"[A-Za-z0-9_-]{43}")


class SessionGone(Exception):
    """A session is not there any more: it expired, or was ended or rotated by another request. The visitor logs in again."""

    not_retried = True

    def __init__(self) -> None:
        super().__init__("the session has expired or was ended; it cannot be changed")


class SessionConflict(Exception):
    """Another request has changed the session since it was read: read it again, and apply the change to what is there."""

    def __init__(self) -> None:
        super().__init__("the session was changed by another request since it was read; read it again")


class SessionTooLarge(ValueError):
    """The data of a session does not fit in an item."""

    not_retried = True

    def __init__(self, size: int) -> None:
        super().__init__(
            f"the session has {size:,} bytes of JSON; {MOST_BYTES - _OVERHEAD_BYTES:,} are allowed. Keep ids in it, and the data elsewhere."
        )
        self.size = size
        """Bytes of the data as JSON."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it was when it was read or written. ``id`` is a secret of the visitor: it is in no representation."""

    id: str = field(repr=False)
    """What the cookie holds."""
    data: Mapping[str, Any] = field(repr=False)
    """What the server knows: whatever JSON can hold."""
    version: str
    """Which state this is; another one after each ``write``."""
    created_at: int
    """When it was created, in seconds since 1970."""
    expires_at: int
    """When it ends, unless it is touched or written before."""


class _Record(NamedTuple):
    """A session as a store keeps it."""

    data: str
    version: str
    created_at: int
    expires_at: int


class Cache(Protocol):
    """What is used of ``redis.Redis``, ``redis.RedisCluster`` and the clients of Valkey."""

    def get(self, name: str, /) -> Any:
        """As the client has it."""
        ...

    def set(self, name: str, value: str, /, *, exat: int, nx: bool) -> Any:
        """As the client has it."""
        ...

    def delete(self, name: str, /) -> Any:
        """As the client has it."""
        ...

    def eval(self, script: str, numkeys: int, /, *keys_and_args: Any) -> Any:
        """As the client has it."""
        ...


class DynamoDb(Protocol):
    """What is used of ``boto3.client("dynamodb")``."""

    def get_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def put_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def update_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def delete_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def transact_write_items(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions(abc.ABC):
    """What both stores have; see the module for what they guarantee. Threads may share one.

    :raises ValueError: with every value that cannot be used, what is allowed, and what to give instead.
    """

    _KIND: ClassVar[str]

    idle_seconds: float = 1800.0
    """How long a session lasts without a ``touch`` or ``write``. Default: half an hour."""
    lifetime_seconds: float = 43_200.0
    """How long it lasts at most, however busy it is. Default: twelve hours."""
    clock: Callable[[], float] = field(default=time.time, repr=False)
    """Seconds since 1970. Default: ``time.time``. Tests give another."""

    def __post_init__(self) -> None:
        """Checks the values."""
        if problems := list(_problems(self)):
            raise ValueError("".join([f"{type(self).__name__} cannot be created:", *(f"\n  {problem}" for problem in problems)]))

    def create(self, data: Mapping[str, Any]) -> Session:
        """A new session with a new id.

        :raises SessionTooLarge: where the data does not fit.
        """
        session_id, now = _new_id(), int(self.clock())
        record = _Record(_text(data), _new_version(), now, self._end(now, now))
        self._insert(_key(session_id), record)
        return _session(session_id, record)

    def read(self, session_id: str) -> Session | None:
        """The session of an id, as a cookie brings it; None where there is none, or it has expired."""
        if not _ID.fullmatch(session_id):
            return None
        record = self._get(_key(session_id))
        # Whatever the store still holds: it deletes what has expired when it comes to it.
        return None if record is None or record.expires_at <= self.clock() else _session(session_id, record)

    def write(self, session: Session, data: Mapping[str, Any]) -> Session:
        """The session with other data, which also prolongs it.

        :raises SessionConflict: where another request has changed it since ``session`` was read.
        :raises SessionGone: where it has expired or was ended.
        :raises SessionTooLarge: where the data does not fit.
        """
        now = self.clock()
        record = _Record(_text(data), _new_version(), session.created_at, self._end(now, session.created_at))
        self._replace(_key(session.id), record, session.version, now)
        return _session(session.id, record)

    def touch(self, session: Session) -> Session:
        """The session, prolonged. It is written only where it gains a tenth of ``idle_seconds``: most requests cost no write.

        :raises SessionGone: where it has expired or was ended.
        """
        now = self.clock()
        if session.expires_at <= now:
            raise SessionGone
        expires_at = self._end(now, session.created_at)
        if expires_at - session.expires_at < self.idle_seconds / 10:
            return session
        self._extend(_key(session.id), expires_at, now)
        return Session(session.id, session.data, session.version, session.created_at, expires_at)

    def rotate(self, session: Session) -> Session:
        """The session under a new id, with the same data and the same end; the old id is of no session any more.

        A server calls it when a visitor logs in or gets more rights.

        :raises SessionConflict: where another request has changed it since ``session`` was read.
        :raises SessionGone: where it has expired or was ended.
        """
        session_id = _new_id()
        record = _Record(_text(session.data), _new_version(), session.created_at, session.expires_at)
        self._move(_key(session.id), _key(session_id), record, session.version, self.clock())
        return _session(session_id, record)

    def destroy(self, session_id: str) -> None:
        """Ends the session of an id; nothing happens where there is none."""
        if _ID.fullmatch(session_id):
            self._delete(_key(session_id))

    def _end(self, now: float, created_at: int) -> int:
        return int(min(now + self.idle_seconds, created_at + self.lifetime_seconds))

    @classmethod
    def _settings(cls, environment: Mapping[str, str], settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that the component wrote into the environment, and those given before them."""
        kind = environment.get("CLOUDPATTERNS_SESSIONS_STORE")
        if kind != cls._KIND:
            reason = "is missing" if kind is None else f"is {kind!r}"
            raise ValueError(
                f"CLOUDPATTERNS_SESSIONS_STORE {reason}; {cls.__name__} needs {cls._KIND!r}. "
                "Pass environment() of the StateSharing to the server."
            )
        found: dict[str, Any] = {}
        for name in ("idle_seconds", "lifetime_seconds"):
            if text := environment.get(f"CLOUDPATTERNS_SESSIONS_{name.upper()}"):
                found[name] = float(text)
        return {**found, **settings}

    @abc.abstractmethod
    def _insert(self, key: str, record: _Record) -> None: ...

    @abc.abstractmethod
    def _get(self, key: str) -> _Record | None: ...

    @abc.abstractmethod
    def _replace(self, key: str, record: _Record, version: str, now: float) -> None: ...

    @abc.abstractmethod
    def _extend(self, key: str, expires_at: int, now: float) -> None: ...

    @abc.abstractmethod
    def _move(self, old: str, new: str, record: _Record, version: str, now: float) -> None: ...

    @abc.abstractmethod
    def _delete(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSessions(Sessions):
    """Sessions in a DynamoDB table whose key is the text ``id``; its TTL attribute is ``expires_at``, which only cleans up.

    A read is consistent: what a request wrote, the next one sees. ``rotate`` is a transaction.
    """

    _KIND: ClassVar[str] = "table"

    client: DynamoDb = field(repr=False, kw_only=False)
    """``boto3.client("dynamodb")``."""
    table: str
    """Name of the table."""

    @classmethod
    def from_environment(cls, client: DynamoDb, *, environment: Mapping[str, str] = os.environ, **settings: Any) -> Self:
        """The store of the component ``StateSharing``: what its ``environment()`` holds. ``settings`` come before it.

        :raises ValueError: where it is of another store, or is not there.
        """
        found = cls._settings(environment, {"table": environment.get("CLOUDPATTERNS_SESSIONS_TABLE", ""), **settings})
        return cls(client, **found)

    def _insert(self, key: str, record: _Record) -> None:
        # An id of 256 random bits is there only where the SDK repeats a request whose answer was lost.
        self.client.put_item(TableName=self.table, Item=_item(key, record))

    def _get(self, key: str) -> _Record | None:
        item = self.client.get_item(TableName=self.table, Key={"id": {"S": key}}, ConsistentRead=True).get("Item")
        return None if item is None else _of_item(item)

    def _replace(self, key: str, record: _Record, version: str, now: float) -> None:
        try:
            self.client.put_item(TableName=self.table, Item=_item(key, record), **_unchanged(version, now))
        except Exception as error:
            self._explain(error, _refused_item(error), record.version, now)

    def _extend(self, key: str, expires_at: int, now: float) -> None:
        condition = _CONDITION.partition(" AND ")[2]
        try:
            self.client.update_item(
                TableName=self.table,
                Key={"id": {"S": key}},
                UpdateExpression="SET #expires_at = :expires_at",
                ConditionExpression=condition,
                ExpressionAttributeNames={"#expires_at": "expires_at"},
                ExpressionAttributeValues={":expires_at": {"N": str(expires_at)}, ":now": {"N": repr(now)}},
            )
        except Exception as error:
            if _code(error) == "ConditionalCheckFailedException":
                raise SessionGone from error
            raise

    def _move(self, old: str, new: str, record: _Record, version: str, now: float) -> None:
        removed = {"TableName": self.table, "Key": {"id": {"S": old}}, **_unchanged(version, now)}
        added = {"TableName": self.table, "Item": _item(new, record)}
        try:
            # boto3 sends a token, by which DynamoDB recognizes a repeated request.
            self.client.transact_write_items(TransactItems=[{"Delete": removed}, {"Put": added}])
        except Exception as error:
            self._explain(error, _refused_item(error), record.version, now)

    def _delete(self, key: str) -> None:
        self.client.delete_item(TableName=self.table, Key={"id": {"S": key}})

    def _explain(self, error: Exception, item: Mapping[str, Any] | None, written: str, now: float) -> None:
        """Raises what a refused condition means; another error goes on. What this request wrote itself is no conflict."""
        if item is None:
            if _collided(error):
                raise SessionConflict from error
            raise error
        if not item or (record := _of_item(item)).expires_at <= now:
            raise SessionGone from error
        if record.version != written:
            raise SessionConflict from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSessions(Sessions):
    """Sessions in Valkey or Redis, each a key of its own with a time to live, in a cache of one or of many shards.

    ``rotate`` takes the old id away before the new one is there: who stops in between has logged the visitor out, and left no second id.
    A cache may drop keys when its memory is full, and loses the last writes in a failover: a visitor logs in again.
    """

    _KIND: ClassVar[str] = "cache"

    client: Cache = field(repr=False, kw_only=False)
    """A client such as ``redis.Redis(host=..., ssl=True)``, with a login and short time limits."""
    prefix: str = "session:"
    """What the keys begin with. Default: ``session:``."""

    @classmethod
    def from_environment(cls, client: Cache, *, environment: Mapping[str, str] = os.environ, **settings: Any) -> Self:
        """The store of the component ``StateSharing``: what its ``environment()`` holds. ``settings`` come before it.

        :raises ValueError: where it is of another store, or is not there.
        """
        found = cls._settings(environment, settings)
        return cls(client, **found)

    def _insert(self, key: str, record: _Record) -> None:
        self.client.set(self.prefix + key, json.dumps(record), exat=record.expires_at, nx=True)

    def _get(self, key: str) -> _Record | None:
        value = self.client.get(self.prefix + key)
        return None if value is None else _Record(*json.loads(value))

    def _replace(self, key: str, record: _Record, version: str, now: float) -> None:
        self._act(_REPLACE, key, version, now, record.version, json.dumps(record), record.expires_at)

    def _extend(self, key: str, expires_at: int, now: float) -> None:
        self._act(_EXTEND, key, "", now, "", "", expires_at)

    def _move(self, old: str, new: str, record: _Record, version: str, now: float) -> None:
        # Two keys may be in two shards, which no script spans.
        self._act(_TAKE, old, version, now, "", "", 0)
        self._insert(new, record)

    def _delete(self, key: str) -> None:
        self.client.delete(self.prefix + key)

    def _act(self, script: str, key: str, *arguments: Any) -> None:
        answer = self.client.eval(_CHECK + script, 1, self.prefix + key, *map(str, arguments))
        if int(answer) == _GONE:
            raise SessionGone
        if int(answer) == _CONFLICT:
            raise SessionConflict


_DONE, _GONE, _CONFLICT = 0, 1, 2

# KEYS[1] the session; ARGV: the version that was seen (empty: any), now, the version to be written, the record, its end. A record is the
# list of data, version, created_at and expires_at. A repeated request finds its own version.
_CHECK = f"""
local value = redis.call('GET', KEYS[1])
if not value then return {_GONE} end
local record = cjson.decode(value)
if record[4] <= tonumber(ARGV[2]) then return {_GONE} end
if ARGV[1] ~= '' and record[2] ~= ARGV[1] then
  if record[2] == ARGV[3] then return {_DONE} end
  return {_CONFLICT}
end
"""
_REPLACE = f"""
redis.call('SET', KEYS[1], ARGV[4], 'EXAT', ARGV[5])
return {_DONE}
"""
_EXTEND = f"""
record[4] = tonumber(ARGV[5])
redis.call('SET', KEYS[1], cjson.encode(record), 'EXAT', ARGV[5])
return {_DONE}
"""
_TAKE = f"""
redis.call('DEL', KEYS[1])
return {_DONE}
"""

_CONDITION = "#version = :version AND #expires_at > :now"


def _unchanged(version: str, now: float) -> dict[str, Any]:
    """The condition that a session is as it was seen, and has not expired."""
    return {
        "ConditionExpression": _CONDITION,
        "ExpressionAttributeNames": {"#version": "version", "#expires_at": "expires_at"},
        "ExpressionAttributeValues": {":version": {"S": version}, ":now": {"N": repr(now)}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _refused_item(error: Exception) -> Mapping[str, Any] | None:
    """The item at which a condition did not hold, empty where there is none; None for an error of another kind."""
    response: Any = getattr(error, "response", {})
    if _code(error) == "ConditionalCheckFailedException":
        return response.get("Item", {})
    reasons = response.get("CancellationReasons", ())
    refused = next((reason for reason in reasons if reason.get("Code") == "ConditionalCheckFailed"), None)
    return None if refused is None else refused.get("Item", {})


def _collided(error: Exception) -> bool:
    """Whether a transaction of another request held the session."""
    reasons = getattr(error, "response", {}).get("CancellationReasons", ())
    return _code(error) == "TransactionConflictException" or any(reason.get("Code") == "TransactionConflict" for reason in reasons)


def _code(error: Exception) -> str | None:
    return getattr(error, "response", {}).get("Error", {}).get("Code")


def _item(key: str, record: _Record) -> dict[str, Any]:
    return {
        "id": {"S": key},
        "data": {"S": record.data},
        "version": {"S": record.version},
        "created_at": {"N": str(record.created_at)},
        "expires_at": {"N": str(record.expires_at)},
    }


def _of_item(item: Mapping[str, Any]) -> _Record:
    return _Record(item["data"]["S"], item["version"]["S"], int(item["created_at"]["N"]), int(item["expires_at"]["N"]))


def _session(session_id: str, record: _Record) -> Session:
    return Session(session_id, json.loads(record.data), record.version, record.created_at, record.expires_at)


def _text(data: Mapping[str, Any]) -> str:
    text = json.dumps(dict(data), separators=(",", ":"), ensure_ascii=False)
    if (size := len(text.encode())) > MOST_BYTES - _OVERHEAD_BYTES:
        raise SessionTooLarge(size)
    return text


def _key(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()


def _new_id() -> str:
    return secrets.token_urlsafe(32)


def _new_version() -> str:
    return secrets.token_urlsafe(12)


def _problems(sessions: Sessions) -> Iterator[str]:
    for name in ("idle_seconds", "lifetime_seconds"):
        value = getattr(sessions, name)
        if not is_duration(value) or not 1 <= value <= _MOST_SECONDS:
            yield f"{name}: is {value!r}; seconds from 1 to {_MOST_SECONDS} are allowed. Leave it out for the default."
    if isinstance(sessions, TableSessions) and not sessions.table:
        yield f"table: is {sessions.table!r}; a text is needed. Pass environment() of the StateSharing to the server."
