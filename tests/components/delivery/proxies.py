"""What stands around a caching proxy on this machine: a DNS resolver, origins, the real nginx, and clients behind a load balancer."""

import getpass
import http.client
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from cloudpatterns.delivery.cache_proxy.configuration import Places, ProxyOrigin, ProxySettings, proxy_configuration

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
HEALTH = "/cache-proxy/health"


class Reply(NamedTuple):
    """A response to a client."""

    status: int
    text: str
    cache: str
    headers: Mapping[str, str]


@dataclass
class Request:
    """A request as an origin gets it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


Answer = tuple[int, Mapping[str, str], str]


@dataclass
class Origin:
    """An HTTP server that notes its requests; ``answer`` is what it responds, which a test may change."""

    answer: Callable[[Request], Answer]
    certificate: tuple[Path, Path] | None = None
    address: str = "127.0.0.1"
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listens, at the same port as before."""
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                request = Request(self.command, self.path, dict(self.headers.items()), self.rfile.read(size))
                origin.requests.append(request)
                status, headers, text = origin.answer(request)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode() if self.command != "HEAD" else b"")

            do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the requests are noted."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Clients that go away are no error of a test."""

        self._server = Server((self.address, self.port), Handler)
        self.port = self._server.server_address[1]
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuses connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class Resolver:
    """A DNS server for A records with a TTL of a second; a name without addresses does not exist, as in Cloud Map."""

    def __init__(self, records: dict[str, list[str]]) -> None:
        self.records = records
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                query, client = self._socket.recvfrom(512)
            except OSError:
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while size := query[at]:
            labels.append(query[at + 1 : at + 1 + size].decode())
            at += size + 1
        question, addresses = query[12 : at + 5], self.records.get(".".join(labels).lower(), [])
        answers = [b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton(address) for address in addresses]
        flags = 0x8180 if addresses else 0x8183
        return query[:2] + struct.pack(">HHHHH", flags, 1, len(answers), 0, 0) + question + b"".join(answers)

    def close(self) -> None:
        """Answers no more."""
        self._socket.close()


@dataclass
class Proxy:
    """A running nginx with the configuration of the component."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    def get(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Reply:
        """What a client gets; ``_`` in the name of a header is ``-``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            sent = {"Host": "shop.example", **{name.replace("_", "-"): value for name, value in headers.items()}}
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, response.read().decode(errors="replace"), found.get("x-cache", ""), found)
        finally:
            connection.close()

    @property
    def files(self) -> list[Path]:
        """The files of the cache."""
        return [file for file in (self.folder / "cache/objects").rglob("*") if file.is_file()]

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> None:
        """Ends nginx by a signal."""
        if self.process.poll() is None:
            self.process.send_signal(sent)
            self.process.wait(20)


def free_port() -> int:
    """A port of the loopback address that nothing listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start_proxy(
    folder: Path,
    origins: Sequence[ProxyOrigin],
    resolver: Resolver,
    certificates: Path | None = None,
    bucket_port: int = 443,
    private_cookies: Sequence[str] | None = None,
) -> Proxy:
    """A proxy in a folder, when it answers its health path."""
    port = free_port()
    for name in ("cache", "logs", "run"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    places = Places(
        cache=str(folder / "cache"),
        logs=str(folder / "logs"),
        run=str(folder / "run"),
        certificates=str(certificates or "/etc/ssl/certs/ca-certificates.crt"),
        signer=str(folder / "run/signer.sock"),
        resolver=resolver.address,
        bucket_port=bucket_port,
    )
    settings = ProxySettings(
        listen=f"127.0.0.1:{port}",
        health_check_path=HEALTH,
        longest_request_seconds=3,
        keepalive_seconds=75,
        cache_mib=64,
        stale_seconds=600,
        max_body_mib=10,
        private_cookies=private_cookies,
    )
    # Not as the user that a packaged nginx runs workers as, who may not read the folder; and not as many workers as processors.
    text = proxy_configuration(settings, origins, places).replace("worker_processes auto;", "worker_processes 2;")
    (folder / "nginx.conf").write_text(f"user {getpass.getuser()};\n" * (os.geteuid() == 0) + text)
    command = [str(NGINX), "-e", str(folder / "logs/error.log"), "-c", str(folder / "nginx.conf")]
    with (folder / "logs/output").open("wb") as output:
        proxy = Proxy(folder, port, subprocess.Popen(command, stdout=output, stderr=output))
    for _ in range(200):
        try:
            assert proxy.get(HEALTH).status == 200
            return proxy
        except OSError:
            assert proxy.process.poll() is None, (folder / "logs/output").read_text()
            time.sleep(0.05)
    raise AssertionError("nginx does not answer")


@contextmanager
def running(*stoppable: Any) -> Generator[None]:
    """Stops all of them at the end."""
    try:
        yield
    finally:
        for one in stoppable:
            one.stop()


@dataclass
class Load:
    """Clients of a load balancer: each keeps a connection to each registered proxy, as the balancer does, and repeats no request."""

    proxies: list[Proxy]
    paths: Sequence[str]
    clients: int = 12
    done: int = 0
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    _registered: list[Proxy] = field(default_factory=list)
    _in_flight: dict[int, int] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begins to send requests."""
        self._registered = list(self.proxies)
        self._in_flight = dict.fromkeys((proxy.port for proxy in self.proxies), 0)
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(self.clients)]
        for thread in self._threads:
            thread.start()

    def deregister(self, proxy: Proxy, delay_seconds: float) -> int:
        """Sends no new request to a proxy, and waits for those in flight, at most for the delay; how many there were at the begin."""
        with self._lock:
            self._registered.remove(proxy)
            begun = self._in_flight[proxy.port]
        end = time.monotonic() + delay_seconds
        while self._in_flight[proxy.port] and time.monotonic() < end:
            time.sleep(0.02)
        return begun

    def register(self, proxy: Proxy) -> None:
        """Sends requests to a proxy, too."""
        with self._lock:
            self._in_flight.setdefault(proxy.port, 0)
            self._registered.append(proxy)

    def in_flight(self, proxy: Proxy) -> int:
        """Requests that a proxy has not answered."""
        return self._in_flight[proxy.port]

    def stop(self) -> None:
        """Waits for the last responses."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _client(self, number: int) -> None:
        connections: dict[int, http.client.HTTPConnection] = {}
        count = number
        while not self._over.is_set():
            count += 1
            with self._lock:
                proxy = self._registered[count % len(self._registered)]
                self._in_flight[proxy.port] += 1
            path, begin = self.paths[count % len(self.paths)].replace("#", f"{number}-{count}"), time.monotonic()
            try:
                connection = connections.setdefault(proxy.port, http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10))
                connection.request("GET", path, headers={"Host": "shop.example"})
                response = connection.getresponse()
                response.read()
                failed = "" if response.status == 200 else str(response.status)
            except (OSError, http.client.HTTPException) as error:
                failed = type(error).__name__
                connections.pop(proxy.port).close()
            with self._lock:
                self._in_flight[proxy.port] -= 1
                self.done += 1
                self.seconds.append(time.monotonic() - begin)
                if failed:
                    self.failures.append(failed)
        for connection in connections.values():
            connection.close()
