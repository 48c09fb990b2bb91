"""A server that is what its configuration says: the port, and the sign that visitors read."""

import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers health checks and visitors."""

    def do_GET(self) -> None:
        """The health check does not depend on anything but this process."""
        text = "ok" if self.path == "/healthz" else f"{os.environ['SIGN']}, says {socket.gethostname()}"
        body = f"{text}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
