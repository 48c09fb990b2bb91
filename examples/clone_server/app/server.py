"""Serves the pages of a folder, and answers the load balancer's health check without them."""

import functools
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

HEALTH_CHECK_PATH = "/healthz"


class Handler(SimpleHTTPRequestHandler):
    """Answers visitors; a clone that has no pages yet is healthy too, and says 404."""

    def do_GET(self) -> None:
        """A page, or the health check."""
        if self.path != HEALTH_CHECK_PATH:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")


if __name__ == "__main__":
    port, folder = sys.argv[1:]
    ThreadingHTTPServer(("", int(port)), functools.partial(Handler, directory=folder)).serve_forever()
