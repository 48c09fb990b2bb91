"""A network that fails: a proxy in front of an emulator that refuses requests, and loses answers of requests that were carried out.

A lost answer is the fault that makes programs do things twice: the caller cannot know whether its request was carried out.
"""

import http.client
import random
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class Faults:
    """How often requests are refused and answers lost, and how many were; threads may share it."""

    def __init__(self, seed: int, *, refused: float = 0.0, lost: float = 0.0) -> None:
        self.refused, self.lost = refused, lost
        self.counts: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def draw(self) -> str:
        """What happens to the next request: ``refused``, ``lost`` or ``passed``."""
        with self._lock:
            number = self._random.random()
            fate = "refused" if number < self.refused else "lost" if number < self.refused + self.lost else "passed"
            self.counts[fate] += 1
            return fate


@contextmanager
def faulty_network(target: str, faults: Faults) -> Generator[str]:
    """The address of a proxy on loopback to ``target``, until the end of the block."""
    host = urlsplit(target).netloc

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fate = faults.draw()
            if fate == "refused":
                self._answer(503, {}, b"")
                return
            connection = http.client.HTTPConnection(host, timeout=60)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                if fate == "lost":
                    self._answer(503, {}, b"")
                else:
                    kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
                    self._answer(answer.status, kept, content)
            finally:
                connection.close()

        def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
