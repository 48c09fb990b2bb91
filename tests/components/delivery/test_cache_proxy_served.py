import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cloudpatterns.delivery.cache_proxy import configuration
from cloudpatterns.delivery.cache_proxy.configuration import ProxyOrigin

from tests.components.delivery import proxies
from tests.components.delivery.proxies import Answer, Load, Origin, Proxy, Request, Resolver, start_proxy
from tests.emulators.instance import Metadata

pytestmark = pytest.mark.skipif(proxies.NGINX is None, reason="no nginx on PATH")

NAME = "articles.shop.internal"
# nginx counts whole seconds, so a copy of one second is old after two.
OLD = 2.1
ON_AWS = Path(configuration.__file__).parent / "on_aws"
PURGE = ON_AWS / "purge.py"


class Stage:
    """A proxy before an origin whose responses a test sets by path."""

    def __init__(self, folder: Path, private_cookies: Sequence[str] | None = None) -> None:
        self.answers: dict[str, Answer] = {}
        self.origin = Origin(self._answer)
        self.origin.start()
        self.resolver = Resolver({NAME: ["127.0.0.1"]})
        origins = [ProxyOrigin("/", NAME, port=self.origin.port)]
        self.proxy = start_proxy(folder, origins, self.resolver, private_cookies=private_cookies)

    def _answer(self, request: Request) -> Answer:
        status, headers, text = self.answers.get(request.path.partition("?")[0], (200, {"Cache-Control": "max-age=60"}, "page"))
        return status, headers, f"{text} {len(self.origin.requests)}"

    def set(self, path: str, cache_control: str = "max-age=60", status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.answers[path] = status, {**({"Cache-Control": cache_control} if cache_control else {}), **(headers or {})}, "page"

    def stop(self) -> None:
        self.proxy.stop()
        self.origin.stop()
        self.resolver.close()

    def got(self, path: str, **headers: str) -> tuple[int, str, str]:
        reply = self.proxy.get(path, **headers)
        return reply.status, reply.text, reply.cache


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.stop()


def purge(proxy: Proxy, *paths: str, seconds: str = "0") -> str:
    command = [sys.executable, str(PURGE), str(proxy.folder / "cache/objects"), seconds, " ".join(paths)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_second_client_gets_a_copy(stage: Stage) -> None:
    assert stage.got("/news?page=2") == (200, "page 1", "MISS")
    assert stage.got("/news?page=2") == (200, "page 1", "HIT")
    assert stage.got("/news?page=3") == (200, "page 2", "MISS"), "another query is another page"
    assert stage.got("/news?page=2", Host="other.example") == (200, "page 3", "MISS"), "so is another host"
    assert [request.path for request in stage.origin.requests] == ["/news?page=2", "/news?page=3", "/news?page=2"]
    assert stage.origin.requests[0].headers["Host"] == "shop.example"


def test_only_what_the_origin_allows_is_cached(stage: Stage) -> None:
    stage.set("/unsaid", "")
    assert [stage.got("/unsaid")[2] for _ in range(2)] == ["MISS", "MISS"]
    assert stage.proxy.files == []


@pytest.mark.parametrize(
    ("cache_control", "answered", "sent"),
    [
        pytest.param("max-age=60", {"Set-Cookie": "session=1"}, {}, id="a response that sets a cookie"),
        pytest.param("private, max-age=60", {}, {}, id="private"),
        pytest.param('private="x-user", max-age=60', {}, {}, id="private field"),
        pytest.param("no-store", {}, {}, id="no-store"),
        pytest.param("no-cache", {}, {}, id="no-cache"),
        pytest.param("max-age=60, must-revalidate", {}, {}, id="must-revalidate"),
        pytest.param("max-age=60", {"Vary": "*"}, {}, id="Vary: *"),
        pytest.param("max-age=60", {}, {"Cookie": "session=1"}, id="a request with a cookie"),
        pytest.param("public, max-age=60", {}, {"Authorization": "Bearer 1"}, id="a request with a token"),
        pytest.param("max-age=60", {}, {"Authorization": "0"}, id="a token that nginx takes for false"),
        pytest.param("no-store", {"X-Accel-Expires": "60"}, {}, id="no-store against X-Accel-Expires"),
    ],
)
def test_no_private_response_is_cached(stage: Stage, cache_control: str, answered: dict[str, str], sent: dict[str, str]) -> None:
    stage.set("/account", cache_control, headers=answered)
    first, second = (stage.proxy.get("/account", **sent) for _ in range(2))
    assert (first.text, second.text) == ("page 1", "page 2")
    assert {first.cache, second.cache} <= {"MISS", "BYPASS"}
    assert stage.proxy.files == []


def test_who_signs_in_gets_no_copy_of_what_all_get(stage: Stage) -> None:
    assert stage.got("/front") == (200, "page 1", "MISS")
    assert stage.got("/front", Cookie="session=1") == (200, "page 2", "BYPASS")
    assert stage.got("/front", Authorization="Bearer 1") == (200, "page 3", "BYPASS")
    assert stage.got("/front") == (200, "page 1", "HIT"), "and leaves the copy of the others"


def test_only_the_named_cookies_make_a_request_private(tmp_path: Path) -> None:
    stage = Stage(tmp_path, private_cookies=["session", "__Host-id"])
    with proxies.running(stage):
        assert [stage.got("/front", Cookie="theme=dark")[2] for _ in range(2)] == ["MISS", "HIT"]
        for cookie in ("session=1", "theme=dark; session=1", "theme=dark;session =1", "__Host-id=7; a=b", "Session=1"):
            assert stage.got("/front", Cookie=cookie)[2] == "BYPASS", cookie
        assert stage.got("/front", Cookie="my-session=1")[2] == "HIT"
        assert stage.got("/front", Cookie="theme=session")[2] == "HIT"


def test_a_copy_is_served_while_the_origin_is_down(stage: Stage) -> None:
    stage.set("/news", "max-age=1")
    assert stage.got("/news") == (200, "page 1", "MISS")
    time.sleep(OLD)
    stage.origin.stop()
    assert stage.got("/news") == (200, "page 1", "STALE"), "no server accepts connections"
    assert stage.got("/never-seen")[0] == 502
    assert stage.proxy.get(proxies.HEALTH).text == "ok\n", "the proxy itself is healthy"
    stage.resolver.records.clear()
    time.sleep(1.2)
    assert stage.got("/news") == (200, "page 1", "STALE"), "the origin's name does not resolve"
    assert stage.got("/never-seen")[0] == 502
    stage.resolver.records[NAME] = ["127.0.0.1"]
    stage.origin.start()
    assert stage.got("/news") == (200, "page 2", "EXPIRED"), "it is back"


def test_a_copy_is_served_for_an_error_of_the_origin(stage: Stage) -> None:
    statuses = (500, 502, 503, 504, 429)
    for status in statuses:
        stage.set(f"/{status}", "max-age=1")
        assert stage.got(f"/{status}")[2] == "MISS"
    time.sleep(OLD)
    for status in statuses:
        stage.set(f"/{status}", "no-store", status=status)
        assert stage.got(f"/{status}")[0::2] == (200, "STALE")
    assert stage.got("/404")[1] == "page 11", "each of them was asked"


def test_a_client_does_not_write_into_what_others_get(stage: Stage) -> None:
    forged = ("X_Forwarded_Host", "X_Original_URL", "X_Rewrite_URL", "X_Forwarded_Prefix", "X_Host", "Forwarded", "X_HTTP_Method_Override")
    stage.proxy.get("/front", **dict.fromkeys(forged, "evil.example"))
    assert "evil.example" not in str(stage.origin.requests[0].headers)
    assert stage.origin.requests[0].headers["X-Forwarded-Host"] == "shop.example"


def test_many_clients_cost_the_origin_one_request(stage: Stage) -> None:
    stage.set("/news", "max-age=60")
    answer, stage.origin.answer = stage.origin.answer, lambda request: (time.sleep(0.3), answer(request))[1]
    replies: list[tuple[int, str, str]] = []
    threads = [threading.Thread(target=lambda: replies.append(stage.got("/news"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stage.origin.requests) == 1
    assert {reply[:2] for reply in replies} == {(200, "page 1")}
    assert len(replies) == 20


def test_a_purge_removes_the_copies_of_a_path(stage: Stage) -> None:
    for path in ("/news/1", "/news/1?a=b", "/news/12", "/front"):
        assert stage.got(path)[2] == "MISS"
    assert purge(stage.proxy, "/news/1") == "purged 2 copies at once, and 0 after 0 seconds\n"
    assert [stage.got(path)[2] for path in ("/news/1", "/news/1?a=b", "/news/12", "/front")] == ["MISS", "MISS", "HIT", "HIT"]
    assert purge(stage.proxy, "/news/*") == "purged 3 copies at once, and 0 after 0 seconds\n"
    assert [stage.got(path)[2] for path in ("/news/12", "/front")] == ["MISS", "HIT"]
    assert purge(stage.proxy, "/none", "/*").startswith("purged 2 copies at once")
    assert stage.proxy.files == []
    assert [stage.got("/front")[2] for _ in range(2)] == ["MISS", "HIT"]


def test_a_purge_finds_the_copies_of_every_variant(stage: Stage) -> None:
    stage.set("/news", "max-age=60", headers={"Vary": "Accept-Encoding, Accept-Language"})
    sent = [{"Accept_Encoding": "gzip"}, {"Accept_Encoding": "br"}, {"Accept_Language": "de"}]
    assert [stage.got("/news", **headers)[2] for headers in sent * 2] == ["MISS"] * 3 + ["HIT"] * 3
    assert [request.headers.get("Accept-Encoding") for request in stage.origin.requests] == ["gzip", "br", "identity"]
    assert purge(stage.proxy, "/news").startswith("purged 3 copies")
    assert [stage.got("/news", **headers)[2] for headers in sent] == ["MISS"] * 3


def test_what_was_asked_before_a_purge_is_purged_too(stage: Stage) -> None:
    answer, stage.origin.answer = stage.origin.answer, lambda request: (time.sleep(0.5), answer(request))[1]
    slow = threading.Thread(target=lambda: stage.got("/news"))
    slow.start()
    time.sleep(0.2)
    assert purge(stage.proxy, "/news", seconds="1") == "purged 0 copies at once, and 1 after 1 seconds\n"
    slow.join()
    assert stage.got("/news")[2] == "MISS"


@pytest.mark.parametrize("path", ["news", "/é", "/*/a", "https://shop.example/news"])
def test_a_purge_refuses_what_is_not_a_path(tmp_path: Path, path: str) -> None:
    run = subprocess.run([sys.executable, str(PURGE), str(tmp_path), "0", path], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (1, f"purge: not a path, such as /news/today or /news/*: {[path]}\n")


def test_a_purge_without_a_cache_fails(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, str(PURGE), str(tmp_path / "none"), "0", "/*"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (1, f"purge: there is no cache in {tmp_path / 'none'}\n")


def test_what_is_no_read_reaches_the_origin(stage: Stage) -> None:
    stage.set("/cart", "max-age=60")
    for _ in range(2):
        assert stage.proxy.get("/cart", "POST", "item=7").status == 200
    assert [(request.method, request.body) for request in stage.origin.requests] == [("POST", b"item=7")] * 2
    assert stage.proxy.files == []


def test_a_lost_proxy_loses_no_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = {"/slow": "no-store", "/pages": "max-age=60"}

    def answer(request: Request) -> Answer:
        kind = request.path.rpartition("/")[0]
        time.sleep(0.8 if kind == "/slow" else 0.01)
        return 200, {"Cache-Control": answers[kind]}, "page " * 1000

    origin, resolver = Origin(answer), Resolver({NAME: ["127.0.0.1"]})
    origin.start()
    origins = [ProxyOrigin("/", NAME, port=origin.port)]
    fleet = [start_proxy(tmp_path / str(number), origins, resolver) for number in range(3)]
    # A client in twenty waits for the origin; the others ask for fifty pages.
    load = Load(fleet[:2], ["/slow/#", *(f"/pages/{number}" for number in range(19))])
    with proxies.running(load, *fleet, origin):
        load.start()
        wait_for(lambda: load.done > 500 and load.in_flight(fleet[0]) >= 2)
        # As Auto Scaling ends an instance: a new one is in service, the old one is deregistered, and drained, and then stopped.
        load.register(fleet[2])
        begun = load.deregister(fleet[0], delay_seconds=3)
        fleet[0].stop(signal.SIGQUIT)
        time.sleep(0.5)
        drained, failed = load.done, list(load.failures)
        # Without the delay, for comparison: the driver sees what is lost.
        wait_for(lambda: load.in_flight(fleet[1]) >= 2)
        fleet[1].stop(signal.SIGTERM)
        time.sleep(0.3)
    with capsys.disabled():
        print(f"\n{drained} requests, {begun} of them in flight at a proxy that was drained: {len(failed)} lost.", end=" ")
        print(f"Then {load.done - drained}, without draining: {len(load.failures)} lost.")
    assert begun >= 1
    assert drained > 500
    assert failed == []
    assert load.failures, "the driver notices lost requests"


def test_a_stopped_proxy_still_answers_what_it_has_begun(tmp_path: Path, stage: Stage) -> None:
    answer, stage.origin.answer = stage.origin.answer, lambda request: (time.sleep(1), answer(request))[1]
    replies: list[tuple[int, str, str]] = []
    client = threading.Thread(target=lambda: replies.append(stage.got("/news")))
    client.start()
    wait_for(lambda: len(stage.origin.requests) == 1)
    stage.proxy.stop(signal.SIGQUIT)
    client.join()
    assert replies == [(200, "page 1", "MISS")]
    assert stage.proxy.process.returncode == 0


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


BUCKET = "shop-pictures.s3.eu-central-1.amazonaws.com"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    files = tmp_path / "bucket.pem", tmp_path / "bucket.key"
    subject = ["-subj", f"/CN={BUCKET}", "-addext", f"subjectAltName=DNS:{BUCKET}"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


@contextmanager
def with_bucket(folder: Path, bucket: Origin, certificate: Path, *paths: str, host_name: str = BUCKET) -> Generator[Proxy]:
    """A proxy before a bucket, with the program that signs, and a metadata service that gives it credentials."""
    bucket.start()
    metadata = Metadata()
    (folder / "proxy/run").mkdir(parents=True)
    command = [sys.executable, str(ON_AWS / "sign.py"), str(folder / "proxy/run/signer.sock")]
    signer = subprocess.Popen(command, env={**os.environ, "METADATA_URL": metadata.url})
    origins = [ProxyOrigin(path, host_name, bucket=True, default_ttl_seconds=60) for path in paths]
    resolver = Resolver({host_name: ["127.0.0.1"]})
    proxy = start_proxy(folder / "proxy", origins, resolver, certificate, bucket.port)
    wait_for((folder / "proxy/run/signer.sock").exists)
    try:
        yield proxy
    finally:
        signer.kill()
        signer.wait()
        for one in (proxy, bucket, metadata):
            one.stop()
        resolver.close()


def signature(request: Request) -> str:
    """What botocore signs the request with, at the time that it has."""
    names = ("x-amz-content-sha256", "x-amz-date", "x-amz-security-token")
    headers = {name.lower(): value for name, value in request.headers.items()}
    again = AWSRequest("GET", f"https://{headers['host']}{request.path}", headers={name: headers[name] for name in names})
    again.context["timestamp"] = headers["x-amz-date"]
    signer = S3SigV4Auth(Credentials("ASIAEXAMPLE", "example", "token"), "s3", "eu-central-1")
    text = signer.string_to_sign(again, signer.canonical_request(again))
    scope = headers["x-amz-date"][:8] + "/eu-central-1/s3/aws4_request"
    return (
        f"AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/{scope}, SignedHeaders=host;{';'.join(names)}, Signature={signer.signature(text, again)}"
    )


def test_pictures_come_from_a_bucket(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    def s3(request: Request) -> Answer:
        if request.path.startswith("/pictures/a%20%C3%A9"):
            return 200, {"Content-Type": "image/png", "x-amz-request-id": "1", "ETag": '"1"'}, "picture"
        return 403, {"x-amz-request-id": "1"}, "AccessDenied"

    bucket = Origin(s3, certificate)
    with with_bucket(tmp_path, bucket, certificate[0], "/") as proxy:
        sent = {"Cookie": "session=1", "Authorization": "Bearer 1", "X_Amz_Acl": "public-read"}
        first, second = (proxy.get("/pictures/a%20%c3%a9(1)+~.png?versionId=7", **sent) for _ in range(2))
        assert (first.status, first.text, first.cache, second.cache) == (200, "picture", "MISS", "HIT")
        assert first.headers["content-type"] == "image/png"
        assert "x-amz-request-id" not in first.headers
        [request] = bucket.requests
        assert request.path == "/pictures/a%20%C3%A9%281%29%2B~.png", "no query reaches S3"
        names = {name.lower() for name in request.headers}
        assert names == {"host", "authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}, (
            "nor do headers of visitors"
        )
        assert request.headers["Host"] == BUCKET
        assert request.headers["Authorization"] == signature(request)
        assert proxy.get("/pictures/none.png").status == 404, "S3's 403 for what is not there"
        assert proxy.get("/pictures/a%20%C3%A9", "PUT", "other").status == 405
        assert len(bucket.requests) == 2
        assert proxy.get("/?list-type=2").status == 404, "nobody lists the bucket"
        assert len(bucket.requests) == 2
        assert proxy.get("/pictures/a%20%C3%A9.png", "HEAD").status == 200
        assert bucket.requests[2].method == "GET"


def test_a_certificate_of_another_name_is_refused(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    bucket = Origin(lambda request: (200, {}, "picture"), certificate)
    with with_bucket(tmp_path, bucket, certificate[0], "/pictures/", host_name=f"other-{BUCKET}") as proxy:
        assert proxy.get("/pictures/a.png").status == 502
        assert bucket.requests == []
        assert proxy.get("/elsewhere").status == 404, "no origin has the path"


def test_text_from_a_bucket_is_compressed(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    bucket = Origin(lambda request: (200, {"Content-Type": "text/css"}, "p { color: red } " * 100), certificate)
    with with_bucket(tmp_path, bucket, certificate[0], "/") as proxy:
        plain = proxy.get("/a.css").headers
        packed = proxy.get("/a.css", Accept_Encoding="br, gzip").headers
    assert (plain.get("content-encoding"), packed.get("content-encoding")) == (None, "gzip")
    assert (plain.get("vary"), packed.get("vary")) == ("Accept-Encoding", "Accept-Encoding")
    assert len(bucket.requests) == 1


def test_a_copy_is_served_while_the_bucket_cannot_be_read(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    bucket = Origin(lambda request: (200, {"Cache-Control": "max-age=1", "ETag": '"1"'}, "picture"), certificate)
    with with_bucket(tmp_path, bucket, certificate[0], "/") as proxy:
        assert proxy.get("/a.png").cache == "MISS"
        time.sleep(OLD)
        bucket.answer = lambda request: (304, {"ETag": '"1"', "Cache-Control": "max-age=1"}, "")
        assert proxy.get("/a.png")[:3] == (200, "picture", "REVALIDATED")
        assert {name.lower() for name in bucket.requests[1].headers} >= {"if-none-match"}
        time.sleep(OLD)
        bucket.stop()
        assert proxy.get("/a.png")[:3] == (200, "picture", "STALE")


def test_a_server_of_the_origin_that_is_down_is_passed_over(tmp_path: Path) -> None:
    origin, resolver = Origin(lambda request: (200, {}, "page")), Resolver({NAME: ["127.0.0.2", "127.0.0.1"]})
    origin.start()
    proxy = start_proxy(tmp_path, [ProxyOrigin("/", NAME, port=origin.port)], resolver)
    with proxies.running(proxy, origin):
        assert [proxy.get(f"/{number}").status for number in range(6)] == [200] * 6
        assert "127.0.0.2" in (tmp_path / "logs/access.log").read_text(), "it was tried"


def test_the_log_has_what_the_cache_did_and_no_query(stage: Stage) -> None:
    stage.got("/news?token=abc", Cookie="session=xyz", X_Amzn_Trace_Id="Root=1-2")
    stage.proxy.stop(signal.SIGQUIT)
    lines = [json.loads(line) for line in (stage.proxy.folder / "logs/access.log").read_text().splitlines()]
    assert len(lines) == 1, "health checks are not logged"
    assert lines[0]["origin"] == f"127.0.0.1:{stage.origin.port}"
    fixed = {name: lines[0][name] for name in ("method", "host", "path", "status", "cache", "origin_status", "trace")}
    assert fixed == {
        **{"method": "GET", "host": "shop.example", "path": "/news", "status": 200},
        **{"cache": "BYPASS", "origin_status": "200", "trace": "Root=1-2"},
    }
    assert "abc" not in str(lines)
    assert "xyz" not in str(lines)
