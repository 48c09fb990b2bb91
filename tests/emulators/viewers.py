"""What browsers reach in front of an emulator, by the names that AWS has for it, over TLS on this machine's loopback interface.

Two distributions of CloudFront: one of a site, with its function and its headers, and one that answers signed URLs alone. The emulator
serves distributions and verifies no signature; this does, by ``signed.admit``. Beside them, API Gateway, managed login and S3.
"""

import datetime
import http.client
import ipaddress
import json
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from offline_preview.graph import Resource

from tests.emulators import edge, signed
from tests.emulators.ministack import MiniStack

_HOP = {"connection", "content-length", "date", "server", "transfer-encoding"}


@dataclass
class Request:
    """A request of a browser."""

    method: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, without the query string."""
        return self.target.partition("?")[0]


@dataclass
class Response:
    """What the browser gets."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


Host = Callable[[Request], Response]


@contextmanager
def front(hosts: Mapping[str, Host], folder: Path) -> Generator[int]:
    """The port on which the hosts answer until the end of the block, each by its name."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            name = (self.headers.get("Host") or "").partition(":")[0]
            headers = {key.lower(): value for key, value in self.headers.items()}
            host = hosts.get(name)
            response = Response(421) if host is None else host(Request(self.command, name, self.path, headers, body))
            self.send_response(response.status)
            for key, value in response.headers.items():
                if key.lower() not in _HOP:
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_POST = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            # A browser closes connections as it likes.
            pass

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate([*hosts], folder))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _certificate(names: list[str], folder: Path) -> Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    places = [*(x509.DNSName(name) for name in names), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(places), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file = folder / "front.pem"
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


def forwarded(emulator: MiniStack, prefix: str = "", *, strip: str = "") -> Host:
    """The emulator itself; ``strip`` begins the paths of the name, ``prefix`` those of the emulator."""

    def answer(request: Request) -> Response:
        target = prefix + request.target.removeprefix(strip)
        connection = http.client.HTTPConnection("127.0.0.1", urllib.parse.urlsplit(emulator.url).port, timeout=60)
        headers = {key: value for key, value in request.headers.items() if key not in ("host", "connection")}
        try:
            connection.request(request.method, target, request.body or None, headers)
            found = connection.getresponse()
            return Response(found.status, dict(found.getheaders()), found.read())
        finally:
            connection.close()

    return answer


def uploads(emulator: MiniStack, bucket: str, cors: Mapping[str, Any]) -> Host:
    """The address of a bucket, with the CORS rules of a graph in place of the emulator's own."""
    [rule] = cors["corsRules"]
    send = forwarded(emulator, f"/{bucket}")

    def answer(request: Request) -> Response:
        response = send(request) if request.method != "OPTIONS" else Response(200)
        response.headers = {key: value for key, value in response.headers.items() if not key.lower().startswith("access-control-")}
        origin = request.headers.get("origin", "")
        asked = request.headers.get("access-control-request-method", request.method)
        if origin in rule["allowedOrigins"] and asked in rule["allowedMethods"]:
            response.headers |= {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Headers": ", ".join(rule["allowedHeaders"]),
                "Access-Control-Allow-Methods": ", ".join(rule["allowedMethods"]),
            }
        return response

    return answer


def site(emulator: MiniStack, bucket: str, code: str, policy: Resource, error_page: str) -> Host:
    """A distribution of a site: the CloudFront function finds the object, the headers policy adds headers."""
    s3 = emulator.client("s3")

    def answer(request: Request) -> Response:
        [result] = edge.run(code, edge.request_event(request.path, host=request.host))
        if "statusCode" in result:
            return Response(result["statusCode"], {key: one["value"] for key, one in result["headers"].items()})
        response = _object(s3, bucket, result["uri"].lstrip("/"))
        if response.status == 404:
            response = Response(404, *_parts(_object(s3, bucket, error_page)))
        response.headers |= policy_headers(policy)
        return response

    return answer


def private_files(
    emulator: MiniStack, bucket: str, keys: Mapping[str, str], policy: Resource, now: Callable[[], float], seen: list[str]
) -> Host:
    """A distribution that answers signed URLs alone, before a bucket that gives nobody what is not clean.

    ``seen`` has what becomes of each request.
    """
    s3 = emulator.client("s3")

    def answer(request: Request) -> Response:
        try:
            signed.admit(f"https://{request.host}{request.target}", keys, now())
        except signed.Refused as refused:
            seen.append(str(refused))
            return Response(403, {"Content-Type": "text/xml"}, b"<Error><Code>AccessDenied</Code></Error>")
        key = urllib.parse.unquote(request.path.lstrip("/"))
        if not _clean(s3, bucket, key):
            seen.append("not clean")
            return Response(403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>")
        seen.append("served")
        response = _object(s3, bucket, key)
        response.headers |= policy_headers(policy)
        return response

    return answer


def _clean(s3: Any, bucket: str, key: str) -> bool:
    """The condition of the bucket's policy, which the emulator does not judge."""
    try:
        tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    except ClientError:
        return False
    return {"Key": "GuardDutyMalwareScanStatus", "Value": "NO_THREATS_FOUND"} in tags


def _object(s3: Any, bucket: str, key: str) -> Response:
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except ClientError:
        return Response(404)
    headers = {"Content-Type": found["ContentType"], "ETag": found["ETag"]}
    for name, field_name in (("Content-Disposition", "ContentDisposition"), ("Cache-Control", "CacheControl")):
        if found.get(field_name):
            headers[name] = found[field_name]
    return Response(200, headers, found["Body"].read())


def _parts(response: Response) -> tuple[dict[str, str], bytes]:
    return response.headers, response.body


def policy_headers(policy: Resource) -> dict[str, str]:
    """The headers that a response headers policy adds."""
    given = policy.inputs["securityHeadersConfig"]
    headers = {"X-Content-Type-Options": "nosniff"} if "contentTypeOptions" in given else {}
    if (csp := given.get("contentSecurityPolicy")) is not None:
        headers["Content-Security-Policy"] = csp["contentSecurityPolicy"]
    if (frame := given.get("frameOptions")) is not None:
        headers["X-Frame-Options"] = frame["frameOption"]
    if (referrer := given.get("referrerPolicy")) is not None:
        headers["Referrer-Policy"] = referrer["referrerPolicy"]
    return headers


def fetch(port: int, url: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    """A request of a program, which follows no redirect and trusts the certificate."""
    parts = urllib.parse.urlsplit(url)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    data = None if body is None else json.dumps(body).encode()
    kind = {} if data is None else {"Content-Type": "application/json"}
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, data, {"Host": parts.netloc, **kind, **(headers or {})})
        found = connection.getresponse()
        return Response(found.status, {key.lower(): value for key, value in found.getheaders()}, found.read())
    finally:
        connection.close()
