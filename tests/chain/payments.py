"""A payments service that fails: it charges each order once by its id, loses answers, and has an outage when the test says so."""

import json
import random
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Payments:
    """What was charged, and how it was asked; threads share it."""

    def __init__(self, seed: int, *, flaky: float) -> None:
        self.down = False
        self.charged: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self._flaky = flaky
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def charge(self, key: str) -> int:
        """The status of an answer to a request to charge."""
        with self._lock:
            if self.down:
                self.requests["refused"] += 1
                return 503
            if key in self.charged:
                self.requests["repeated"] += 1
                return 200
            if self._random.random() < self._flaky:
                self.requests["failed"] += 1
                return 503
            self.charged[key] += 1
            if self._random.random() < self._flaky:
                self.requests["answer lost"] += 1
                return 503
            self.requests["charged"] += 1
            return 200


@contextmanager
def payments_service(payments: Payments) -> Generator[str]:
    """Its address on loopback, until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status = payments.charge(self.headers["Idempotency-Key"])
            content = json.dumps({"status": status}).encode()
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
