"""The cache, over verified TLS, as a user that logs in by IAM token. The application works without it, more slowly."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import redis
from botocore.exceptions import BotoCoreError
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.retry import Retry

from storefront.log import reason
from storefront.settings import CacheSettings
from storefront.tokens import Tokens

_logger = logging.getLogger(__name__)
_SECONDS = 1  # that a connection or an answer may take
_PAUSE_SECONDS = 2  # in which a cache that does not answer is not asked again
_ERRORS = (redis.RedisError, BotoCoreError, OSError)


class CacheError(Exception):
    """The cache does not answer, or refuses."""


class Cache:
    """Numbers that are kept for some seconds. What the cache cannot do is logged and left undone.

    ElastiCache ends a connection 12 hours after its token was checked. All connections are therefore replaced by new ones, which log in
    with new tokens, every ``connection_seconds``.
    """

    def __init__(self, settings: CacheSettings, tokens: Tokens, keep_seconds: int, connection_seconds: int) -> None:
        self._settings = settings
        self._provider = _Provider(settings, tokens)
        self._keep_seconds = keep_seconds
        self._connection_seconds = connection_seconds
        self._lock = threading.Lock()
        self._client = self._connected()
        self._client_until = time.monotonic() + connection_seconds
        self._paused_until = 0.0

    def get(self, key: str) -> int | None:
        """The number, or None if it is not there."""
        value = self._try(lambda client: client.get(key))
        return None if value is None else int(value)

    def put(self, key: str, value: int) -> None:
        """Keeps the number."""
        self._try(lambda client: client.set(key, value, ex=self._keep_seconds))

    def drop(self, key: str) -> None:
        """Forgets the number."""
        self._try(lambda client: client.delete(key))

    def check(self) -> None:
        """Whether the cache answers.

        :raises CacheError: if it does not.
        """
        try:
            self._current().ping()
        except _ERRORS as error:
            raise CacheError(reason(error)) from error

    def _try(self, action: Callable[[redis.Redis], Any]) -> Any:
        if time.monotonic() < self._paused_until:
            return None
        try:
            return action(self._current())
        except _ERRORS as error:
            self._paused_until = time.monotonic() + _PAUSE_SECONDS
            _logger.warning("the cache does not answer", extra={"fields": {"reason": reason(error)}})
            return None

    def _current(self) -> redis.Redis:
        with self._lock:
            if time.monotonic() >= self._client_until:
                self._client.connection_pool.disconnect(inuse_connections=False)
                self._client = self._connected()
                self._client_until = time.monotonic() + self._connection_seconds
            return self._client

    def _connected(self) -> redis.Redis:
        return redis.Redis(
            host=self._settings.host,
            port=self._settings.port,
            credential_provider=self._provider,
            ssl=True,  # verified against the system's certificates, the host's name too
            ssl_cert_reqs="required",
            ssl_check_hostname=True,
            protocol=2,
            socket_connect_timeout=_SECONDS,
            socket_timeout=_SECONDS,
            # Once more on a new connection: one that lay idle may have been closed by the other side.
            retry=Retry(NoBackoff(), 1),
        )


class _Provider(CredentialProvider):
    """Signs a token for each new connection."""

    def __init__(self, settings: CacheSettings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens

    def get_credentials(self) -> tuple[str, str]:
        return self._settings.user, self._tokens.cache(self._settings)
