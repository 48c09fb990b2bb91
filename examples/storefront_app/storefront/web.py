"""What the application answers."""

import json
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from storefront.cache import Cache, CacheError
from storefront.database import Database, DatabaseError

_logger = logging.getLogger(__name__)
_KEY = "storefront:visits"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Storefront</title>
<h1>Storefront</h1>
<p>{visits}</p>
<form method="post" action="/"><button>Count my visit</button></form>
</html>
"""
_TEXT = "text/plain; charset=utf-8"
_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Response:
    """A status, a body and its type, and further headers."""

    status: HTTPStatus
    body: str
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Application:
    """The WSGI application.

    ``/`` is a page with the number of visits; its button counts one. ``/api/visits`` gives (GET) and counts (POST) in JSON. The health
    check of the load balancer is shallow: a database that is away must not replace all servers. ``/readyz`` asks the database and the
    cache.
    """

    def __init__(self, database: Database, cache: Cache, health_check_path: str) -> None:
        self._database = database
        self._cache = cache
        self._health_checks = {health_check_path, "/healthz"}
        self._routes: dict[tuple[str, str], Callable[[], Response]] = {
            ("GET", "/"): self._page,
            ("POST", "/"): self._count_on_page,
            ("GET", "/api/visits"): self._visits,
            ("POST", "/api/visits"): self._count,
            ("GET", "/readyz"): self._ready,
        }
        # Last, and so first: a load balancer may also check "/".
        self._routes.update({("GET", path): _healthy for path in self._health_checks})

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answers one request, and logs it."""
        started = time.monotonic()
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO") or "/"
        response = self._answer("GET" if method == "HEAD" else method, path)
        body = response.body.encode()
        headers = {
            "Content-Type": response.content_type,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **response.headers,
        }
        if path not in self._health_checks:
            fields = {
                "method": method,
                "path": path[:200],
                "status": response.status.value,
                "milliseconds": round((time.monotonic() - started) * 1000, 1),
                # By which a request is found in the load balancer's log.
                "trace": environ.get("HTTP_X_AMZN_TRACE_ID", "")[:200],
            }
            _logger.info("request", extra={"fields": fields})
        start_response(f"{response.status.value} {response.status.phrase}", list(headers.items()))
        return [] if method == "HEAD" else [body]

    def _answer(self, method: str, path: str) -> Response:
        route = self._routes.get((method, path))
        try:
            if route is not None:
                return route()
        except DatabaseError:
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "the database does not answer"}, {"Retry-After": "5"})
        except Exception:
            _logger.exception("a request failed", extra={"fields": {"method": method, "path": path}})
            return _json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "internal error"})
        allowed = sorted(known for known, place in self._routes if place == path)
        if allowed:
            return _json(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "method not allowed"}, {"Allow": ", ".join(allowed)})
        return _json(HTTPStatus.NOT_FOUND, {"error": "not found"})

    def _page(self) -> Response:
        try:
            visits, _ = self._read()
        except DatabaseError:
            text = "The number of visits is not available at the moment."
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, _PAGE.format(visits=text), _HTML, {"Retry-After": "5"})
        return Response(HTTPStatus.OK, _PAGE.format(visits=f"Visits: {visits}"), _HTML)

    def _count_on_page(self) -> Response:
        self._add()
        # The browser gets the page by GET: a reload counts nothing.
        return Response(HTTPStatus.SEE_OTHER, "", _TEXT, {"Location": "/"})

    def _visits(self) -> Response:
        visits, source = self._read()
        return _json(HTTPStatus.OK, {"visits": visits, "source": source})

    def _count(self) -> Response:
        return _json(HTTPStatus.OK, {"visits": self._add(), "source": "database"})

    def _ready(self) -> Response:
        states = {"database": "ok", "cache": "ok"}
        try:
            self._database.check()
        except DatabaseError:
            states["database"] = "away"
        try:
            self._cache.check()
        except CacheError as error:
            _logger.warning("the cache does not answer", extra={"fields": {"reason": str(error)}})
            states["cache"] = "away"
        ready = set(states.values()) == {"ok"}
        return _json(HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, states)

    def _read(self) -> tuple[int, str]:
        """The number of visits, at most ``CACHE_SECONDS`` old, and where it came from."""
        kept = self._cache.get(_KEY)
        if kept is not None:
            return kept, "cache"
        visits = self._database.visits()
        self._cache.put(_KEY, visits)
        return visits, "database"

    def _add(self) -> int:
        visits = self._database.count()
        self._cache.drop(_KEY)
        return visits


def _healthy() -> Response:
    return Response(HTTPStatus.OK, "ok\n", _TEXT)


def _json(status: HTTPStatus, content: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(status, json.dumps(content) + "\n", headers=headers or {})
