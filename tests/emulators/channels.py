"""Stand-ins of the APIs that notifications go to, on loopback: they answer as a test says, and remember what they took.

Slack (https://docs.slack.dev/apis/web-api/rate-limits/, incoming webhooks), Mattermost (incoming webhooks) and PagerDuty's Events API v2
(https://developer.pagerduty.com/docs/send-alert-event), written from their documentation.
"""

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

SLACK_PATH, BOT_PATH, MATTERMOST_PATH, PAGERDUTY_PATH = (
    "/services/T0/B0/slackpart",
    "/api/chat.postMessage",
    "/hooks/mattermostpart",
    "/v2/enqueue",
)
BOT_TOKEN, ROUTING_KEY = "xoxb-0000-bot", "0123456789abcdef0123456789abcdef"
_SEVERITIES = ("critical", "error", "warning", "info")


class Fault(NamedTuple):
    """One answer in the place of the API's own."""

    status: int = 500
    retry_after: str = ""
    taken: bool = False
    """Whether the request counts although its answer is lost or an error."""
    silent: float = 0
    """Seconds without an answer, after which the connection is closed."""


class Channels:
    """What the stand-ins took, and the faults that come first, one for each request."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        """Path and body of each request, refused ones too."""
        self.messages: list[dict[str, Any]] = []
        """What Slack and Mattermost show."""
        self.incidents: dict[str, str] = {}
        """State of PagerDuty's incidents by their ``dedup_key``."""
        self.pages: list[str] = []
        """The ``dedup_key`` of each page that woke somebody."""
        self.port = 0

    def url(self, path: str) -> str:
        """The address of a stand-in; the code under test speaks HTTPS alone, so that a test replaces its connection."""
        return f"https://127.0.0.1:{self.port}{path}"

    def answer(self, path: str, headers: dict[str, str], body: Any) -> tuple[int, str]:
        """What the API answers."""
        if path == PAGERDUTY_PATH:
            return self._pagerduty(body)
        if path in (SLACK_PATH, MATTERMOST_PATH):
            if not isinstance(body.get("text"), str):
                return 400, "invalid_payload"
            self.messages.append(body)
            return 200, "ok"
        if path == BOT_PATH:
            # Slack answers 200 to what it refuses.
            if headers.get("authorization") != f"Bearer {BOT_TOKEN}":
                return 200, '{"ok": false, "error": "invalid_auth"}'
            if body.get("channel") != "#operations":
                return 200, '{"ok": false, "error": "channel_not_found"}'
            self.messages.append(body)
            return 200, '{"ok": true, "ts": "1503435956.000247"}'
        return 404, "no_service"

    def _pagerduty(self, body: dict[str, Any]) -> tuple[int, str]:
        payload, key = body.get("payload", {}), body.get("dedup_key", "")
        valid = payload.get("severity") in _SEVERITIES and payload.get("summary") and payload.get("source") and len(key) <= 255
        if body.get("routing_key") != ROUTING_KEY or not valid:
            return 400, '{"status": "invalid event"}'
        if body["event_action"] == "resolve":
            self.incidents[key] = "resolved"
        elif self.incidents.get(key) != "triggered":
            self.incidents[key] = "triggered"
            self.pages.append(key)
        return 202, json.dumps({"status": "success", "dedup_key": key})


@contextmanager
def channels() -> Generator[Channels]:
    """The stand-ins, served on a free port of 127.0.0.1."""
    state = Channels()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.requests.append((self.path, body))
            fault = state.faults.pop(0) if state.faults else None
            status, text = (500, "") if fault is not None and not fault.taken else state.answer(self.path, headers, body)
            if fault is not None and fault.silent:
                time.sleep(fault.silent)
                self.close_connection = True
                return
            content = text.encode()
            self.send_response(status if fault is None else fault.status)
            if fault is not None and fault.retry_after:
                self.send_header("Retry-After", fault.retry_after)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
