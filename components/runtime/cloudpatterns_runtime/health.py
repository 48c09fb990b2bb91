"""Deep health: whether the layers that an application stands on work, for Route 53 or an alarm, not for a load balancer.

One answer for all who ask within a few seconds, from a function, or from the application itself::

    from cloudpatterns_runtime.health import DeepHealth, dynamodb, lambda_handler, tcp

    HEALTH = DeepHealth({"database": tcp(DATABASE_HOST, 5432), "sessions": dynamodb(client, "sessions", {"id": {"S": "health"}})})
    handler = lambda_handler(HEALTH)

A balancer keeps a shallow check: if it asked for the layers that all servers share, one failing database would empty its pool.

Sources: Amazon Builders' Library, "Implementing health checks"
(https://aws.amazon.com/builders-library/implementing-health-checks/); AWS, "Web Application Hosting in the AWS Cloud".
"""

import http.client
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

__all__ = ["OK", "DeepHealth", "Health", "Layer", "dynamodb", "http_get", "lambda_handler", "sqs", "tcp", "wsgi_app"]

_LOG = logging.getLogger(__name__)

OK = "deep-health-ok"
"""The body when all layers work, for the search string of a Route 53 health check. No other body has it."""
_FAILED = "deep-health-failed"
_HEADERS = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
_MOST_THREADS = 3
"""Of one layer: a check that hangs is tried again beside, but not without end."""
_BODY_BYTES = 65_536
"""Of a page that are searched for a text."""

Check = Callable[[], object]
"""Raises when its layer does not work; what it returns does not matter."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A check with a time limit of its own."""

    check: Check
    """Raises when the layer does not work."""
    timeout_seconds: float
    """After which the layer counts as failed, more than 0."""


@dataclass(frozen=True, slots=True)
class Health:
    """What one run of all checks found."""

    errors: Mapping[str, str]
    """Of each failed layer, class and text of the error: for logs, never for the public."""
    seconds: Mapping[str, float]
    """How long each check took, or was waited for."""

    @property
    def ok(self) -> bool:
        """Whether all layers work."""
        return not self.errors

    @property
    def status(self) -> int:
        """200 when all layers work, else 503."""
        return 200 if self.ok else 503

    @property
    def body(self) -> str:
        """``OK`` when all layers work, else the names of those that failed. No text of an error is in it."""
        return OK if self.ok else f"{_FAILED}: {', '.join(self.errors)}"

    def details(self) -> str:
        """Everything that was found, as one line of JSON for a log. Texts of errors may hold addresses and names, even secrets."""
        layers = {
            name: {
                "ok": name not in self.errors,
                "seconds": round(seconds, 3),
                **({"error": self.errors[name]} if name in self.errors else {}),
            }
            for name, seconds in self.seconds.items()
        }
        return json.dumps({"deep_health": {"ok": self.ok, "layers": layers}})

    def metric(self, namespace: str, dimensions: Mapping[str, str]) -> str:
        """A line in CloudWatch's embedded metric format: ``Healthy``, 1 or 0, and ``FailedLayers``; printed by a function, it needs no
        permission and no way to CloudWatch.
        """
        metrics = [{"Name": "Healthy", "Unit": "Count"}, {"Name": "FailedLayers", "Unit": "Count"}]
        directive = {"Namespace": namespace, "Dimensions": [list(dimensions)], "Metrics": metrics}
        values = {"Healthy": int(self.ok), "FailedLayers": len(self.errors), "failed": list(self.errors)}
        return json.dumps({"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}, **dimensions, **values})


@dataclass(slots=True)
class DeepHealth:
    """Runs the checks of named layers at the same time, each within its limit, and keeps the result for a few seconds.

    Whoever asks meanwhile gets the same result: many callers cause one run. ``check`` returns within the longest limit, even if a check
    hangs; three threads of a layer hang at most, after which it counts as failed without another one until one of them ends.

    :raises ValueError: with every value that cannot be used, what is allowed, and what to give instead.
    """

    layers: Mapping[str, Check | Layer]
    """What is checked, by a name that may be public: letters, digits, ``-`` and ``_``, 64 at most."""
    timeout_seconds: float = 1.5
    """Time limit of each layer that has none of its own. Default: 1.5; Route 53 waits two seconds for an answer."""
    cache_seconds: float = 5.0
    """How long a result is given again. Default: 5; 0 gives it to those alone who waited for it."""
    log_details: bool = True
    """Whether each run that finds a failed layer is logged with the texts of its errors. Default: True."""
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    """Seconds that never go back. Default: ``time.monotonic``; tests give another."""

    _lock: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)
    """Guards what follows."""
    _kept: Health | None = field(init=False, repr=False, default=None)
    _until: float = field(init=False, repr=False, default=0.0)
    _kept_at: float = field(init=False, repr=False, default=0.0)
    """In seconds since 1970."""
    _run: "_Run | None" = field(init=False, repr=False, default=None)
    """The run that is under way."""
    _threads: dict[str, list[threading.Thread]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Checks the values."""
        if problems := list(_problems(self)):
            raise ValueError("".join(["DeepHealth cannot be created:", *(f"\n  {problem}" for problem in problems)]))

    def check(self) -> Health:
        """The health of all layers, at most ``cache_seconds`` old."""
        while True:
            with self._lock:
                # Both clocks: Lambda may stop a monotonic one between two invocations, and any other may be set back.
                if self._kept is not None and self.clock() < self._until and 0 <= time.time() - self._kept_at < self.cache_seconds:
                    return self._kept
                run, mine = self._run, self._run is None
                if run is None:
                    run = self._run = _Run()
            if mine:
                return self._lead(run)
            run.ended.wait()
            # None: whoever led the run was interrupted. Another one of those who wait begins anew.
            if run.health is not None:
                return run.health

    def _lead(self, run: "_Run") -> Health:
        try:
            run.health = self._check_all()
            if self.log_details and not run.health.ok:
                _LOG.warning("%s", run.health.details())
            return run.health
        finally:
            with self._lock:
                self._run = None
                self._kept, self._until, self._kept_at = run.health, self.clock() + self.cache_seconds, time.time()
            run.ended.set()

    def _check_all(self) -> Health:
        begun = self.clock()
        layers = {name: layer if isinstance(layer, Layer) else Layer(layer, self.timeout_seconds) for name, layer in self.layers.items()}
        answers = {name: self._begin(name, layer.check, begun) for name, layer in layers.items()}
        errors: dict[str, str] = {}
        seconds: dict[str, float] = {}
        for name, layer in layers.items():
            answer = answers[name]
            # One clock for all: a layer that is looked at late has had its time meanwhile.
            answer.ended.wait(max(begun + layer.timeout_seconds - self.clock(), 0))
            with answer.lock:
                ended = answer.ended.is_set()
                error, taken = answer.error, answer.seconds if ended else self.clock() - begun
            # Also of one that came while another layer was waited for.
            if not ended or taken > layer.timeout_seconds:
                error = f"no answer in {layer.timeout_seconds:g} s"
            seconds[name] = taken
            if error is not None:
                errors[name] = error
        return Health(errors, seconds)

    def _begin(self, name: str, check: Check, begun: float) -> "_Answer":
        """Starts the check of a layer on a thread of its own."""
        answer = _Answer()
        alive = self._threads[name] = [thread for thread in self._threads.get(name, []) if thread.is_alive()]
        if len(alive) >= _MOST_THREADS:
            answer.end(f"{len(alive)} checks of it hang", 0.0)
            return answer

        def run() -> None:
            try:
                check()
            except BaseException as error:
                answer.end(f"{type(error).__name__}: {error}", self.clock() - begun)
            else:
                answer.end(None, self.clock() - begun)

        # A daemon: a check that hangs does not keep the process from its end.
        thread = threading.Thread(target=run, name=f"deep-health-{name}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            answer.end(f"{type(error).__name__}: {error}", 0.0)
        else:
            alive.append(thread)
        return answer


@dataclass(eq=False, slots=True)
class _Run:
    health: Health | None = None
    ended: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False, slots=True)
class _Answer:
    error: str | None = None
    seconds: float = 0.0
    ended: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self, error: str | None, seconds: float) -> None:
        with self.lock:
            self.error, self.seconds = error, seconds
            self.ended.set()


def tcp(host: str, port: int, *, timeout_seconds: float = 1.0) -> Check:
    """A check that connects: a database, a cache, anything that listens. The port may be open though the server refuses to work."""

    def check() -> None:
        socket.create_connection((host, port), timeout_seconds).close()

    return check


def http_get(url: str, *, contains: str = "", timeout_seconds: float = 1.0) -> Check:
    """A check that gets a page: status 200 to 299 and, where given, a text in its first 64 KiB. It follows no redirect and uses no proxy.

    :raises ValueError: for another URL than one of http or https.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"http_get: url is {url!r}; URLs with http or https and a host are allowed.")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    host, port = parts.hostname, parts.port
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"

    def check() -> None:
        connection = kind(host, port, timeout=timeout_seconds)
        try:
            connection.request("GET", target, headers={"User-Agent": "cloudpatterns-deep-health", "Connection": "close"})
            response = connection.getresponse()
            if not 200 <= response.status < 300:
                raise RuntimeError(f"status {response.status}")
            if contains.encode() not in response.read(_BODY_BYTES):
                raise RuntimeError("the page does not have the text")
        finally:
            connection.close()

    return check


def dynamodb(client: Any, table_name: str, key: Mapping[str, Any]) -> Check:
    """A check that reads an item, which need not exist, so that table, key and permissions are tried. Needs ``dynamodb:GetItem``.

    ``client`` is boto3's, with timeouts of a second and without retries; ``key`` the item's, as in ``{"id": {"S": "health"}}``.
    """

    def check() -> None:
        client.get_item(TableName=table_name, Key=key, ConsistentRead=True)

    return check


def sqs(client: Any, queue_url: str, *, most_messages: int | None = None) -> Check:
    """A check that asks a queue for the number of its messages, and fails above ``most_messages``. Needs ``sqs:GetQueueAttributes``.

    ``client`` is boto3's, with timeouts of a second and without retries. Default: any number of messages will do.
    """

    def check() -> None:
        response = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"])
        waiting = int(response["Attributes"]["ApproximateNumberOfMessages"])
        if most_messages is not None and waiting > most_messages:
            raise RuntimeError(f"{waiting} messages wait, more than {most_messages}")

    return check


def lambda_handler(health: DeepHealth) -> Callable[[Mapping[str, Any], object], dict[str, Any]]:
    """A handler for a function URL, API Gateway (REST and HTTP) and a target group of an Application Load Balancer."""

    def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
        found = health.check()
        response = {"statusCode": found.status, "body": found.body, "isBase64Encoded": False}
        if "elb" not in (event.get("requestContext") or {}):
            return {**response, "headers": dict(_HEADERS)}
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
        response["statusDescription"] = f"{found.status} {http.client.responses[found.status]}"
        if "multiValueHeaders" in event:
            return {**response, "multiValueHeaders": {name: [value] for name, value in _HEADERS.items()}}
        return {**response, "headers": dict(_HEADERS)}

    return handler


def wsgi_app(
    health: DeepHealth, *, path: str = "/health/deep", otherwise: Callable[..., Iterable[bytes]] | None = None
) -> Callable[..., Any]:
    """A WSGI application that answers at ``path``; every other path goes to ``otherwise``, or is not found."""

    def application(environment: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environment.get("PATH_INFO") != path:
            if otherwise is not None:
                return otherwise(environment, start_response)
            return _answer(start_response, 404, "not found", environment)
        found = health.check()
        return _answer(start_response, found.status, found.body, environment)

    return application


def _answer(start_response: Callable[..., Any], status: int, text: str, environment: Mapping[str, Any]) -> list[bytes]:
    body = text.encode()
    start_response(f"{status} {http.client.responses[status]}", [*_HEADERS.items(), ("Content-Length", str(len(body)))])
    return [] if environment.get("REQUEST_METHOD") == "HEAD" else [body]


def _problems(health: DeepHealth) -> Iterator[str]:
    if not health.layers:
        yield "layers is empty. Name at least one layer."
    for name, layer in health.layers.items():
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) or OK in name:
            yield f"layers has the name {name!r}; letters, digits, - and _ are allowed, 64 at most, without {OK}. It may be public."
        if isinstance(layer, Layer) and not _is_time(layer.timeout_seconds):
            yield f"timeout_seconds of layer {name!r} is {layer.timeout_seconds!r}; numbers above 0 are allowed, up to 60."
    if not _is_time(health.timeout_seconds):
        yield f"timeout_seconds is {health.timeout_seconds!r}; numbers above 0 are allowed, up to 60."
    if not _is_time(health.cache_seconds) and health.cache_seconds != 0:
        yield f"cache_seconds is {health.cache_seconds!r}; numbers from 0 to 60 are allowed."


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 60
