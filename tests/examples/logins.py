"""How the real servers of the tests ask ``Iam`` about a token: each in a way that it has itself, without a change to the application."""

import io
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.examples.iam import Iam, Resource, served


class _Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


class _UnixThreads(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False


def directory(iam: Iam, resource: Resource) -> Any:
    """The port of an LDAP server whose users have tokens for passwords: what PostgreSQL asks (RDS asks PAM)."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while message := _element(self.rfile):
                parts = list(_elements(message[1]))
                number, (operation, content) = parts[0][1], parts[1]
                if operation != 0x60:  # a bind; the other is unbind
                    return
                (_, _), (_, name), (_, password) = _elements(content)
                allowed = iam.allows(resource, name.decode().removeprefix("user="), password.decode())
                result = b"\x0a\x01" + (b"\x00" if allowed else b"\x31") + b"\x04\x00\x04\x00"
                answer = b"\x02" + bytes([len(number)]) + number + b"\x61" + bytes([len(result)]) + result
                self.wfile.write(b"\x30" + bytes([len(answer)]) + answer)

    return served(_Threads(("127.0.0.1", 0), Handler))


def _element(stream: Any) -> tuple[int, bytes] | None:
    """Tag and content of the next element in BER."""
    head = stream.read(2)
    if len(head) < 2:
        return None
    length = head[1]
    if length & 0x80:
        length = int.from_bytes(stream.read(length & 0x7F))
    return head[0], stream.read(length)


def _elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    stream = io.BytesIO(content)
    while element := _element(stream):
        yield element


def password_check(iam: Iam, resource: Resource, path: Path) -> Any:
    """A Unix socket that takes a user and a token on two lines and says yes or no: what PAM asks for MariaDB."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            user, token = self.rfile.readline().decode().rstrip("\n"), self.rfile.readline().decode().rstrip("\n\0")
            self.wfile.write(b"yes" if iam.allows(resource, user, token) else b"no")

    return served(_UnixThreads(str(path), Handler))


@dataclass(frozen=True)
class Upstream:
    """The real cache, and the user's password there."""

    path: Path
    user: str
    password: str


def cache_front(iam: Iam, resource: Resource, upstream: Upstream, certificate: Path) -> Any:
    """The port at which a cache takes tokens, over TLS alone; a good token is exchanged for the user's password."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                with context.wrap_socket(self.request, server_side=True) as client:
                    _relay(client, iam, resource, upstream)
            except OSError:
                return

    return served(_Threads(("127.0.0.1", 0), Handler))


def _relay(client: ssl.SSLSocket, iam: Iam, resource: Resource, upstream: Upstream) -> None:
    stream = client.makefile("rb")
    count = int(stream.readline()[1:])
    words = []
    for _ in range(count):
        length = int(stream.readline()[1:])
        words.append(stream.read(length + 2)[:-2].decode())
    if words[0] != "AUTH" or words[1] != upstream.user or not iam.allows(resource, words[1], words[2]):
        client.sendall(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")
        return
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(str(upstream.path))
        login = ["AUTH", upstream.user, upstream.password]
        server.sendall(f"*{len(login)}\r\n".encode() + b"".join(f"${len(word)}\r\n{word}\r\n".encode() for word in login))
        threading.Thread(target=_copy, args=(server.recv, client.sendall, client), daemon=True).start()
        # Read through the file object: it may hold what came with the first command.
        _copy(stream.read1, server.sendall, server)


def _copy(read: Any, write: Any, end: Any) -> None:
    """Hands on until one side has gone, and then ends the other one."""
    with suppress(OSError):
        while data := read(65_536):
            write(data)
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
