"""What AWS does beside the servers: the credentials of an instance profile, and the check of tokens that were signed with them."""

import hashlib
import hmac
import json
import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote

REGION = "eu-west-1"
ACCESS_KEY = "ASIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "session+token/of=the=profile"  # shorter than AWS's: what pam_exec hands on ends after 512 bytes

_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Resource:
    """What a user logs in to: the service and the host that a token is signed for, and its parameters."""

    service: str
    host: str
    parameters: dict[str, str]


@dataclass
class Iam:
    """Checks tokens as AWS does, with the secret key, and keeps what it was shown."""

    accepted: list[tuple[str, str]] = field(default_factory=list)
    """Service and token of each login."""
    refused: list[str] = field(default_factory=list)

    def allows(self, resource: Resource, user: str, token: str) -> bool:
        problem = _problem(resource, token)
        if problem is None and user not in resource.parameters.values():
            problem = f"the user is {user}"
        if problem is None:
            self.accepted.append((resource.service, token))
        else:
            self.refused.append(problem)
        return problem is None

    def tokens(self, service: str) -> list[str]:
        return [token for name, token in self.accepted if name == service]


def _problem(resource: Resource, token: str) -> str | None:
    host, _, query = token.partition("/?")
    given = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    signature, stamp = given.pop("X-Amz-Signature", ""), given.get("X-Amz-Date", "19700101T000000Z")
    scope = f"{stamp[:8]}/{REGION}/{resource.service}/aws4_request"
    expected = {
        **resource.parameters,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{ACCESS_KEY}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": "900",
        "X-Amz-Security-Token": SESSION_TOKEN,
        "X-Amz-SignedHeaders": "host",
    }
    if host != resource.host:
        return f"the token is for {host}"
    if given != expected:
        return f"the token says {sorted(given)}"
    age = datetime.now(UTC) - datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    if not timedelta(seconds=-5) < age < timedelta(seconds=900):
        return f"the token is of {stamp}"
    return None if hmac.compare_digest(_signature(host, expected, scope), signature) else "the signature is wrong"


def _signature(host: str, parameters: dict[str, str], scope: str) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html ."""
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(parameters.items()))
    request = f"GET\n/\n{query}\nhost:{host}\n\nhost\n{hashlib.sha256(b'').hexdigest()}"
    text = f"AWS4-HMAC-SHA256\n{parameters['X-Amz-Date']}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{SECRET_KEY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


class _Metadata(BaseHTTPRequestHandler):
    """The instance metadata service, version 2, as far as credentials go."""

    def do_PUT(self) -> None:
        self._answer("a-metadata-token" if self.path == "/latest/api/token" else None)

    def do_GET(self) -> None:
        role = "/latest/meta-data/iam/security-credentials/"
        credentials = {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "AccessKeyId": ACCESS_KEY,
            "SecretAccessKey": SECRET_KEY,
            "Token": SESSION_TOKEN,
            "Expiration": (datetime.now(UTC) + timedelta(hours=6)).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        known = self.headers["X-aws-ec2-metadata-token"] == "a-metadata-token"
        self._answer({role: "web", f"{role}web": json.dumps(credentials)}.get(self.path) if known else None)

    def _answer(self, text: str | None) -> None:
        body = (text or "").encode()
        self.send_response(404 if text is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(server: socketserver.BaseServer) -> Generator[Any]:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server.server_address[1] if isinstance(server.server_address, tuple) else server.server_address
    finally:
        server.shutdown()
        server.server_close()


def metadata_service() -> Any:
    """The port of a metadata service."""
    return served(ThreadingHTTPServer(("127.0.0.1", 0), _Metadata))
