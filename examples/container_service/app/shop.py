"""The sample application: it answers requests until ECS stops it, and then ends those that it has begun."""

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers health checks, and everything else with a greeting."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answers a request."""
        body = b"ok\n" if self.path == "/healthz" else b"Welcome to the shop.\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Logs requests, not the health checks of each 15 seconds."""
        if self.path != "/healthz":
            print(format % args, flush=True)


class Server(ThreadingHTTPServer):
    """Waits for the requests that it has begun."""

    daemon_threads = False


def main() -> None:
    """Serves until SIGTERM."""
    server = Server(("", int(os.environ["PORT"])), Handler)
    # Idle connections of the load balancer end by themselves; they must not keep the server from its end.
    Handler.timeout = 5
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listens on {server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    print("ended", flush=True)


if __name__ == "__main__":
    main()
