"""Signs the requests of the proxy to S3, which nginx cannot: ``sign.py <socket>``.

nginx asks before each request that its cache does not answer, with the bucket's host name and the path, and gets the headers to send. The
credentials are those of the instance's role. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import hashlib
import hmac
import json
import os
import sys
import threading
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer

_METADATA = os.environ.get("METADATA_URL", "http://169.254.169.254") + "/latest/"
# Amazon Linux 2023 has Python 3.9, without datetime.UTC.
_UTC = timezone.utc  # noqa: UP017
# New credentials are there five minutes before the old ones expire.
_MARGIN = timedelta(minutes=5)


class Role:
    """The credentials of the instance's role, read again before they expire."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._credentials: dict[str, str] = {}
        self._expires = datetime.min.replace(tzinfo=_UTC)

    def credentials(self) -> dict[str, str]:
        """AccessKeyId, SecretAccessKey and Token; those that are left when the metadata service does not answer."""
        with self._lock:
            now = datetime.now(_UTC)
            if now + _MARGIN >= self._expires:
                try:
                    self._read()
                except OSError:
                    if now >= self._expires:
                        raise
            return self._credentials

    def _read(self) -> None:
        headers = {"X-aws-ec2-metadata-token-ttl-seconds": "300"}
        token = _get(urllib.request.Request(_METADATA + "api/token", headers=headers, method="PUT"))
        with_token = {"X-aws-ec2-metadata-token": token}
        place = _METADATA + "meta-data/iam/security-credentials/"
        name = _get(urllib.request.Request(place, headers=with_token)).strip()
        found = json.loads(_get(urllib.request.Request(place + name, headers=with_token)))
        self._credentials = {key: found[key] for key in ("AccessKeyId", "SecretAccessKey", "Token")}
        self._expires = datetime.strptime(found["Expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=_UTC)


def _get(request: urllib.request.Request) -> str:
    # Whatever proxy the environment names, the metadata service is on this machine.
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=2) as response:
        return str(response.read().decode())


def signed(host: str, raw_path: str, credentials: dict[str, str], now: datetime) -> dict[str, str]:
    """Headers of a GET request of an object; ``path`` is the one that the signature is of.

    :raises ValueError: for a path that names no object.
    """
    # As S3 writes a key itself: whatever else a client encodes or does not encode is the same key.
    path = urllib.parse.quote(urllib.parse.unquote_to_bytes(raw_path), safe="/~")
    if path in ("", "/") or not path.startswith("/"):
        raise ValueError("a bucket is not listed")
    region = host.partition(".s3.")[2].partition(".")[0]
    time, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {
        "host": host,
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
        "x-amz-date": time,
        "x-amz-security-token": credentials["Token"],
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"GET\n{path}\n\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    scope = f"{day}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials['SecretAccessKey']}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    authorization = f"AWS4-HMAC-SHA256 Credential={credentials['AccessKeyId']}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {"authorization": authorization, "date": time, "token": credentials["Token"], "path": path}


_ROLE = Role()


class Signer(BaseHTTPRequestHandler):
    """Answers 204 with the headers, 403 for what is no object, and 503 without credentials."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """A request of nginx, with the host and the path of the object in headers."""
        headers: dict[str, str] = {}
        try:
            found = signed(self.headers["X-Bucket"], self.headers["X-Path"], _ROLE.credentials(), datetime.now(_UTC))
            code, headers = 204, {f"X-Signed-{name}": value for name, value in found.items()}
        except ValueError:
            code = 403
        except OSError as error:
            code = 503
            print(f"sign: no credentials of the instance's role: {error}", file=sys.stderr, flush=True)
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        if code != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def address_string(self) -> str:
        """A socket's client has no address."""
        return "nginx"

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Nothing: nginx has the log."""


class Server(ThreadingMixIn, UnixStreamServer):
    """The signer at its socket."""

    daemon_threads = True
    request_queue_size = 1024


if __name__ == "__main__":
    # One that ended at once has left its file behind.
    Path(sys.argv[1]).unlink(missing_ok=True)
    Server(sys.argv[1], Signer).serve_forever()
