"""Deep health: limits, one run for many, hung checks, what the public sees; the checks on real sockets, moto and MiniStack."""

import http.client
import inspect
import io
import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cloudpatterns_runtime import health as library
from cloudpatterns_runtime.health import OK, DeepHealth, Health, Layer, dynamodb, http_get, lambda_handler, sqs, tcp, wsgi_app

from tests.emulators.locked_moto import client
from tests.emulators.ministack import MiniStack

SECRET = "password=hunter2"
SECONDS = 30


def nothing() -> None:
    pass


def broken() -> None:
    raise ConnectionError(SECRET)


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Hanging:
    """A check that hangs until it is released."""

    release: threading.Event = field(default_factory=threading.Event)
    calls: int = 0

    def __call__(self) -> None:
        self.calls += 1
        self.release.wait(SECONDS)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    check = Hanging()
    yield check
    check.release.set()


# What is found


def test_all_layers_work() -> None:
    found = DeepHealth({"database": nothing, "queue": lambda: False}).check()
    assert (found.ok, found.status, found.body, found.errors) == (True, 200, "deep-health-ok", {})
    assert set(found.seconds) == {"database", "queue"}
    assert OK == "deep-health-ok"


def test_the_failed_layers_are_named_and_their_errors_are_not_public() -> None:
    found = DeepHealth({"database": broken, "queue": nothing, "cache": broken}).check()
    assert (found.ok, found.status, found.body) == (False, 503, "deep-health-failed: database, cache")
    assert found.errors == {"database": f"ConnectionError: {SECRET}", "cache": f"ConnectionError: {SECRET}"}
    assert OK not in found.body


def test_an_exit_of_a_check_is_a_failure() -> None:
    assert DeepHealth({"database": sys.exit}).check().errors == {"database": "SystemExit: "}


def test_details_are_for_logs() -> None:
    found = Health({"database": SECRET}, {"database": 1.23456, "queue": 0.0})
    assert json.loads(found.details()) == {
        "deep_health": {
            "ok": False,
            "layers": {"database": {"ok": False, "seconds": 1.235, "error": SECRET}, "queue": {"ok": True, "seconds": 0.0}},
        }
    }


def test_a_run_that_finds_a_failed_layer_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    health = DeepHealth({"database": broken})
    health.check()
    health.check()
    [record] = caplog.records
    assert json.loads(record.getMessage())["deep_health"]["layers"]["database"]["error"] == f"ConnectionError: {SECRET}"
    assert record.levelno == logging.WARNING


def test_without_details_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    DeepHealth({"database": broken}, log_details=False).check()
    DeepHealth({"database": nothing}).check()
    assert not caplog.records


def test_the_metric_is_one_line_of_cloudwatchs_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library.time, "time", lambda: 1_700_000_000.1234)
    line = Health({"database": SECRET}, {"database": 1.0}).metric("Shop", {"Check": "deep"})
    assert json.loads(line) == {
        "_aws": {
            "Timestamp": 1_700_000_000_123,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Shop",
                    "Dimensions": [["Check"]],
                    "Metrics": [{"Name": "Healthy", "Unit": "Count"}, {"Name": "FailedLayers", "Unit": "Count"}],
                }
            ],
        },
        "Check": "deep",
        "Healthy": 0,
        "FailedLayers": 1,
        "failed": ["database"],
    }
    assert "\n" not in line
    assert json.loads(Health({}, {"database": 1.0}).metric("Shop", {}))["Healthy"] == 1


# Time


def test_layers_are_checked_at_the_same_time() -> None:
    together = threading.Barrier(3)
    check = DeepHealth({name: lambda: together.wait(SECONDS) for name in ("a", "b", "c")}, timeout_seconds=20).check()
    assert check.ok


def test_a_hung_check_does_not_hang_the_answer(hanging: Hanging) -> None:
    begun = time.monotonic()
    found = DeepHealth({"database": hanging, "cache": Layer(hanging, 0.1), "queue": nothing}, timeout_seconds=0.2).check()
    assert time.monotonic() - begun < 2
    assert found.errors == {"database": "no answer in 0.2 s", "cache": "no answer in 0.1 s"}
    assert 0.2 <= found.seconds["database"] < 2
    assert found.seconds["queue"] < 0.2


def test_an_answer_at_the_very_limit_is_in_time() -> None:
    asking = threading.current_thread()
    found = {
        late: DeepHealth(
            {"database": nothing}, clock=lambda late=late: 100.0 if threading.current_thread() is asking else 101.5 + late
        ).check()
        for late in (0, 0.5)
    }
    assert (found[0].errors, found[0].seconds) == ({}, {"database": 1.5})
    assert found[0.5].errors == {"database": "no answer in 1.5 s"}


def test_a_limit_of_its_own_may_be_longer() -> None:
    health = DeepHealth({"slow": Layer(lambda: time.sleep(0.15), 20), "quick": lambda: time.sleep(0.15)}, timeout_seconds=0.05)
    found = health.check()
    assert found.errors == {"quick": "no answer in 0.05 s"}
    assert 0.15 <= found.seconds["slow"] < 2


def test_hung_threads_do_not_pile_up(hanging: Hanging) -> None:
    health = DeepHealth({"hung": hanging, "queue": nothing}, timeout_seconds=0.01, cache_seconds=0)
    found = [health.check() for _ in range(20)]
    assert hanging.calls == 3
    assert sum(thread.name == "deep-health-hung" for thread in threading.enumerate()) == 3
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("deep-health"))
    assert [one.errors["hung"] for one in found[:4]] == ["no answer in 0.01 s"] * 3 + ["3 checks of it hang"]
    assert found[-1].seconds["hung"] == 0
    hanging.release.set()
    until = time.monotonic() + SECONDS
    while any(thread.name == "deep-health-hung" for thread in threading.enumerate()):
        assert time.monotonic() < until
    # When they end, the layer is checked again; on a busy machine not within 10 ms at once.
    while not health.check().ok:
        assert time.monotonic() < until


def test_a_layer_without_a_thread_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    health = DeepHealth({"database": nothing}, cache_seconds=0)
    with monkeypatch.context() as patch:
        patch.setattr(library.threading, "Thread", Full)
        found = [health.check() for _ in range(5)]
    assert [one.errors for one in found] == [{"database": "RuntimeError: can't start new thread"}] * 5
    assert found[0].seconds == {"database": 0}
    assert health.check().ok


# One run for many


def test_a_result_is_kept_for_its_time() -> None:
    clock, calls = Clock(), []
    health = DeepHealth({"database": lambda: calls.append(1)}, clock=clock)
    for now, expected in ((100, 1), (104.9, 1), (105, 2), (109.9, 2), (110, 3)):
        clock.now = now
        health.check()
        assert len(calls) == expected


def test_a_result_is_not_kept_while_the_process_was_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda may stop the monotonic clock between two invocations; the time of day goes on, and may be set back."""
    calls, day = [], Clock()
    monkeypatch.setattr(time, "time", day)
    health = DeepHealth({"database": lambda: calls.append(1)}, clock=Clock())
    for now, expected in ((100, 1), (104.9, 1), (160, 2), (120, 3), (121, 3)):
        day.now = now
        health.check()
        assert len(calls) == expected


def test_a_failure_is_kept_no_longer_than_a_success() -> None:
    clock, errors = Clock(), [ConnectionError()]

    def check() -> None:
        if errors:
            raise errors.pop()

    health = DeepHealth({"database": check}, clock=clock, cache_seconds=3)
    assert [health.check().ok, health.check().ok] == [False, False]
    clock.now += 3
    assert health.check().ok


def test_the_time_of_a_result_begins_when_it_is_there() -> None:
    clock = Clock()
    calls: list[float] = []

    def check() -> None:
        calls.append(clock.now)
        clock.now += 1

    health = DeepHealth({"database": check}, clock=clock, timeout_seconds=60)
    health.check()
    clock.now += 4.9
    health.check()
    assert calls == [100]
    clock.now += 0.2
    health.check()
    assert len(calls) == 2


@pytest.mark.parametrize("cache_seconds", [0, 5])
def test_many_callers_cause_one_run(cache_seconds: float) -> None:
    release, calls = threading.Event(), []

    def check() -> None:
        calls.append(1)
        release.wait(SECONDS)

    health = DeepHealth({"database": check}, cache_seconds=cache_seconds, timeout_seconds=20)
    found: list[Health] = []
    threads = [threading.Thread(target=lambda: found.append(health.check())) for _ in range(16)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    release.set()
    for thread in threads:
        thread.join(SECONDS)
    assert len(calls) == 1
    assert len(found) == 16
    assert len({id(one) for one in found}) == 1
    health.check()
    assert len(calls) == (1 if cache_seconds else 2)


def test_an_interrupted_run_leaves_nobody_waiting() -> None:
    """The one who leads a run may be interrupted: one of those who wait begins anew."""
    begun, release = threading.Event(), threading.Event()
    leads: list[int] = []

    class Interrupted(DeepHealth):
        def _check_all(self) -> Health:
            leads.append(1)
            if len(leads) > 1:
                return super()._check_all()
            begun.set()
            release.wait(SECONDS)
            raise KeyboardInterrupt

    health = Interrupted({"database": nothing})
    raised: list[BaseException] = []

    def lead() -> None:
        try:
            health.check()
        except KeyboardInterrupt as error:
            raised.append(error)

    leader = threading.Thread(target=lead)
    leader.start()
    assert begun.wait(SECONDS)
    found: list[Health] = []
    follower = threading.Thread(target=lambda: found.append(health.check()))
    follower.start()
    time.sleep(0.05)
    assert not found
    release.set()
    leader.join(SECONDS)
    follower.join(SECONDS)
    assert len(raised) == 1
    assert found[0].ok
    assert len(leads) == 2


# Who asks


def fails() -> DeepHealth:
    return DeepHealth({"database": broken, "queue": nothing})


def works() -> DeepHealth:
    return DeepHealth({"queue": nothing})


HEADERS = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"version": "2.0", "rawPath": "/", "requestContext": {"http": {"method": "GET"}}},
        {"version": "1.0", "path": "/", "requestContext": {"stage": "prod"}, "multiValueHeaders": {"Host": ["x"]}},
        {"requestContext": None},
    ],
)
def test_a_function_url_and_api_gateway_get_their_answer(event: dict[str, Any]) -> None:
    assert lambda_handler(works())(event, None) == {"statusCode": 200, "body": OK, "isBase64Encoded": False, "headers": HEADERS}
    answer = lambda_handler(fails())(event, None)
    assert answer == {"statusCode": 503, "body": "deep-health-failed: database", "isBase64Encoded": False, "headers": HEADERS}
    assert SECRET not in json.dumps(answer)


def test_a_load_balancer_gets_its_answer() -> None:
    event: dict[str, Any] = {"requestContext": {"elb": {"targetGroupArn": "arn"}}, "path": "/", "headers": {}}
    common = {"statusCode": 200, "statusDescription": "200 OK", "body": OK, "isBase64Encoded": False}
    assert lambda_handler(works())(event, None) == {**common, "headers": HEADERS}
    del event["headers"]
    event["multiValueHeaders"] = {}
    assert lambda_handler(works())(event, None) == {**common, "multiValueHeaders": {name: [value] for name, value in HEADERS.items()}}
    assert lambda_handler(fails())(event, None)["statusDescription"] == "503 Service Unavailable"


def request(application: Callable[..., Any], path: str = "/health/deep", method: str = "GET") -> tuple[str, dict[str, str], bytes]:
    started: list[Any] = []
    body = b"".join(application({"PATH_INFO": path, "REQUEST_METHOD": method}, lambda *arguments: started.append(arguments)))
    [(status, headers)] = started
    return status, dict(headers), body


def test_a_wsgi_application_answers_at_its_path() -> None:
    assert request(wsgi_app(works())) == ("200 OK", {**HEADERS, "Content-Length": "14"}, b"deep-health-ok")
    status, headers, body = request(wsgi_app(fails(), path="/deep"), "/deep")
    assert (status, body) == ("503 Service Unavailable", b"deep-health-failed: database")
    assert headers["Content-Length"] == str(len(body))
    assert request(wsgi_app(works()), method="HEAD") == ("200 OK", {**HEADERS, "Content-Length": "14"}, b"")


def test_other_paths_of_a_wsgi_application() -> None:
    assert request(wsgi_app(works()), "/other") == ("404 Not Found", {**HEADERS, "Content-Length": "9"}, b"not found")

    def shop(environment: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environment["PATH_INFO"].encode()]

    application = wsgi_app(works(), otherwise=shop)
    assert request(application, "/other") == ("200 OK", {}, b"/other")
    assert request(application)[2] == b"deep-health-ok"


# Checks


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def test_tcp_connects(listener: socket.socket) -> None:
    host, port = listener.getsockname()
    assert DeepHealth({"cache": tcp(host, port)}).check().ok
    listener.accept()[0].close()
    listener.close()
    assert DeepHealth({"cache": tcp(host, port)}).check().errors["cache"].startswith("ConnectionRefusedError: ")


def test_tcp_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[Any] = []

    class Connection:
        def close(self) -> None:
            limits.append("closed")

    monkeypatch.setattr(library.socket, "create_connection", lambda *arguments: limits.append(arguments) or Connection())
    tcp("db", 5432)()
    tcp("db", 5432, timeout_seconds=0.3)()
    assert limits == [(("db", 5432), 1.0), "closed", (("db", 5432), 0.3), "closed"]


class Pages(BaseHTTPRequestHandler):
    seen: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, f"{self.headers['User-Agent']} {self.headers['Connection']}"))
        status = int(self.path.strip("/").partition("?")[0] or 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/200")
        self.end_headers()
        self.wfile.write(b"x" * 65_530 + b"all good" if self.path.endswith("?long") else b"all good")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def pages() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        Pages.seen.clear()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_http_get_wants_a_success_and_the_text(pages: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    for path in ("", "/", "/200", "/204", "/299", "/200?a=b"):
        assert http_get(f"{pages}{path}")() is None
    assert http_get(f"{pages}/200", contains="all good")() is None
    assert [path for path, _ in Pages.seen] == ["/", "/", "/200", "/204", "/299", "/200?a=b", "/200"]
    assert {agent for _, agent in Pages.seen} == {"cloudpatterns-deep-health close"}
    for status in (302, 300, 404, 500):
        with pytest.raises(RuntimeError, match=f"^status {status}$"):
            http_get(f"{pages}/{status}")()
    for path, text in (("/200", "all bad"), ("/200?long", "all good")):
        with pytest.raises(RuntimeError, match=r"^the page does not have the text$"):
            http_get(f"{pages}{path}", contains=text)()


def test_http_get_has_a_time_limit(listener: socket.socket) -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        http_get("http://{}:{}".format(*listener.getsockname()), timeout_seconds=0.1)()
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("status", [199, 200, 299, 300, 500])
def test_http_get_closes_its_connection(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []

    class Connection:
        def __init__(self, host: str, port: int | None, timeout: float) -> None:
            self.status = status

        def request(self, method: str, target: str, headers: dict[str, str]) -> None: ...

        def getresponse(self) -> "Connection":
            return self

        def read(self, most: int) -> bytes:
            return b""

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(http.client, "HTTPConnection", Connection)
    assert DeepHealth({"page": http_get("http://pages/")}, timeout_seconds=20).check().ok is (200 <= status < 300)
    assert closed == [True]


@pytest.mark.parametrize(("before", "found"), [(65_536 - len(OK), True), (65_537 - len(OK), False)])
def test_a_text_is_looked_for_in_the_first_64_kib(before: int, found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    page = b"x" * before + OK.encode()

    class Connection(http.client.HTTPConnection):
        def request(self, *args: Any, **options: Any) -> None: ...

        def getresponse(self) -> Any:
            return type("Response", (), {"status": 200, "read": io.BytesIO(page).read})

    monkeypatch.setattr(http.client, "HTTPConnection", Connection)
    assert DeepHealth({"page": http_get("http://pages/", contains=OK)}, timeout_seconds=20).check().ok is found


def test_http_get_by_tls_checks_the_certificate(pages: str) -> None:
    with pytest.raises(OSError, match="SSL"):
        http_get(pages.replace("http:", "https:"))()


@pytest.mark.parametrize("url", ["ftp://host/", "host", "http://", "file:///etc/passwd", ""])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="are allowed") as caught:
        http_get(url)
    assert str(caught.value) == f"http_get: url is {url!r}; URLs with http or https and a host are allowed."


@pytest.fixture(params=["moto", "ministack"])
def clients(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    if request.param == "moto":
        request.getfixturevalue("moto_account")
        return client
    emulator: MiniStack = request.getfixturevalue("emulator")
    return emulator.client


def test_dynamodb_reads_an_item(clients: Callable[[str], Any]) -> None:
    table, service = f"sessions-{uuid4()}", clients("dynamodb")
    attributes = [{"AttributeName": "id", "AttributeType": "S"}]
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    service.create_table(TableName=table, KeySchema=key, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST")
    names = {"here": table, "missing": f"{table}-missing"}
    found = DeepHealth({name: dynamodb(service, of, {"id": {"S": "health"}}) for name, of in names.items()}, timeout_seconds=20).check()
    assert list(found.errors) == ["missing"]
    assert "ResourceNotFoundException" in found.errors["missing"]


def test_sqs_counts_messages(clients: Callable[[str], Any]) -> None:
    service = clients("sqs")
    url = service.create_queue(QueueName=f"work-{uuid4()}")["QueueUrl"]
    for _ in range(3):
        service.send_message(QueueUrl=url, MessageBody="x")
    layers = {"any": sqs(service, url), "three": sqs(service, url, most_messages=3), "two": sqs(service, url, most_messages=2)}
    found = DeepHealth({**layers, "missing": sqs(service, f"{url}x")}, timeout_seconds=20).check()
    assert list(found.errors) == ["two", "missing"]
    assert found.errors["two"] == "RuntimeError: 3 messages wait, more than 2"
    with pytest.raises(RuntimeError, match=r"^3 messages wait, more than 0$"):
        sqs(service, url, most_messages=0)()


@pytest.mark.parametrize(("waiting", "most", "fails"), [(3, None, False), (3, 3, False), (3, 2, True), (1, 0, True), (0, 0, False)])
def test_sqs_asks_for_the_number_of_messages_alone(waiting: int, most: int | None, fails: bool) -> None:
    class Queue:
        def get_queue_attributes(self, **request: Any) -> Any:
            assert request == {"QueueUrl": "https://orders", "AttributeNames": ["ApproximateNumberOfMessages"]}
            return {"Attributes": {"ApproximateNumberOfMessages": str(waiting)}}

    found = DeepHealth({"orders": sqs(Queue(), "https://orders", most_messages=most)}, timeout_seconds=20).check()
    text = f"RuntimeError: {waiting} messages wait, more than {most}"
    assert found.errors == ({"orders": text} if fails else {})


def test_dynamodb_reads_consistently() -> None:
    requests: list[dict[str, Any]] = []

    class Table:
        def get_item(self, **named: Any) -> None:
            requests.append(named)

    dynamodb(Table(), "sessions", {"id": {"S": "x"}})()
    assert requests == [{"TableName": "sessions", "Key": {"id": {"S": "x"}}, "ConsistentRead": True}]


# What is refused

NAME = "letters, digits, - and _ are allowed, 64 at most, without deep-health-ok. It may be public."


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"layers": {}}, "layers is empty. Name at least one layer."),
        ({"layers": {"a b": nothing}}, f"layers has the name 'a b'; {NAME}"),
        ({"layers": {"": nothing}}, f"layers has the name ''; {NAME}"),
        ({"layers": {"a\n": nothing}}, f"layers has the name 'a\\n'; {NAME}"),
        ({"layers": {"a" * 65: nothing}}, f"layers has the name {'a' * 65!r}; {NAME}"),
        ({"layers": {1: nothing}}, f"layers has the name 1; {NAME}"),
        ({"layers": {"x-deep-health-ok": nothing}}, f"layers has the name 'x-deep-health-ok'; {NAME}"),
        ({"layers": {"a": Layer(nothing, 0)}}, "timeout_seconds of layer 'a' is 0; numbers above 0 are allowed, up to 60."),
        ({"timeout_seconds": 0}, "timeout_seconds is 0; numbers above 0 are allowed, up to 60."),
        ({"timeout_seconds": 60.1}, "timeout_seconds is 60.1; numbers above 0 are allowed, up to 60."),
        ({"timeout_seconds": True}, "timeout_seconds is True; numbers above 0 are allowed, up to 60."),
        ({"timeout_seconds": "2"}, "timeout_seconds is '2'; numbers above 0 are allowed, up to 60."),
        ({"cache_seconds": -1}, "cache_seconds is -1; numbers from 0 to 60 are allowed."),
        ({"cache_seconds": 61}, "cache_seconds is 61; numbers from 0 to 60 are allowed."),
    ],
)
def test_a_check_that_cannot_be_is_refused(options: dict[str, Any], problem: str) -> None:
    given: dict[str, Any] = {"layers": {"a": nothing}, **options}
    with pytest.raises(ValueError, match="DeepHealth cannot be created") as caught:
        DeepHealth(**given)
    assert str(caught.value) == f"DeepHealth cannot be created:\n  {problem}"


def test_the_default_settings_and_what_is_allowed_at_the_limits() -> None:
    health = DeepHealth({"A-z_09" + "a" * 58: nothing})
    assert (health.timeout_seconds, health.cache_seconds, health.log_details) == (1.5, 5, True)
    DeepHealth({"a": Layer(nothing, 60)}, timeout_seconds=60, cache_seconds=60)
    DeepHealth({"a": nothing}, timeout_seconds=0.001, cache_seconds=0)


def test_only_settings_are_given_and_shown() -> None:
    settings = ["layers", "timeout_seconds", "cache_seconds", "log_details", "clock"]
    assert list(inspect.signature(DeepHealth).parameters) == settings
    shown = repr(DeepHealth({"a": Layer(nothing, 1)}))
    assert [name for name in settings if f"{name}=" in shown] == settings[:4]
    assert "_" not in re.sub(r"(timeout|cache)_seconds|log_details", "", shown.replace(repr(nothing), ""))


def test_the_checks_have_time_limits_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []

    class Connection(http.client.HTTPConnection):
        def __init__(self, host: str, port: int | None, timeout: float) -> None:
            limits.append(timeout)
            raise TimeoutError

    monkeypatch.setattr(library.http.client, "HTTPConnection", Connection)
    for check in (http_get("http://host/"), http_get("http://host/", timeout_seconds=0.2)):
        with pytest.raises(TimeoutError):
            check()
    assert limits == [1, 0.2]


def test_who_waits_for_a_run_takes_no_time_of_the_processor() -> None:
    release = threading.Event()
    health = DeepHealth({"database": lambda: release.wait(SECONDS)}, timeout_seconds=20)
    entered: list[int] = []

    class Lock:
        lock = threading.Lock()

        def __enter__(self) -> None:
            self.lock.acquire()
            entered.append(1)

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    health._lock = Lock()  # ty: ignore[invalid-assignment]
    threads = [threading.Thread(target=health.check) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    release.set()
    for thread in threads:
        thread.join(SECONDS)
    assert len(entered) < 20


def test_boto3_is_not_loaded_with_the_library() -> None:
    script = "import sys, cloudpatterns_runtime.health; print('boto3' in sys.modules or 'botocore' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(library.__file__).parents[1])}
    output = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True).stdout
    assert output == "False\n"
