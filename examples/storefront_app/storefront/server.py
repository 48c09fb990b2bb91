"""The web server: threads that answer, and an end without a cut request."""

import logging
import signal
import socket
import time
from typing import Any

from waitress import create_server, wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

from storefront.settings import Settings
from storefront.web import Application

_logger = logging.getLogger(__name__)
_THREADS = 8
_DRAIN_SECONDS = 20  # for requests that are being answered when the server is to stop; systemd waits for 90


def serve(application: Application, settings: Settings) -> None:
    """Serves until SIGTERM; then accepts no more connections, finishes the requests it has, and returns."""
    stopping: list[int] = []
    sockets: dict[int, Any] = {}
    # Longer than the load balancer's idle timeout of 60 seconds, or it meets connections that have just been closed.
    create_server(
        application,
        map=sockets,
        listen=_addresses(settings),
        threads=_THREADS,
        channel_timeout=75,
        max_request_body_size=65_536,
        ident=None,
    )
    listeners = [entry for entry in sockets.values() if isinstance(entry, BaseWSGIServer)]

    def stop(number: int, _frame: object) -> None:
        stopping.append(number)
        listeners[0].pull_trigger()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    _logger.info("serving", extra={"fields": {"port": settings.port}})
    while not stopping:
        _turn(sockets)
    _logger.info("stopping", extra={"fields": {"signal": signal.Signals(stopping[0]).name}})
    for listener in listeners:
        wasyncore.dispatcher.close(listener)
    deadline = time.monotonic() + _DRAIN_SECONDS
    while _busy(sockets) and time.monotonic() < deadline:
        _turn(sockets)
    _logger.info("stopped")


def _turn(sockets: dict[int, Any]) -> None:
    wasyncore.loop(timeout=0.5, use_poll=True, map=sockets, count=1)


def _busy(sockets: dict[int, Any]) -> bool:
    """Whether a request has not been answered to its end."""
    channels = [entry for entry in sockets.values() if isinstance(entry, HTTPChannel)]
    return any(channel.requests or channel.request is not None or channel.total_outbufs_len for channel in channels)


def _addresses(settings: Settings) -> str:
    """All addresses, unless one is named; IPv6 where the server has it."""
    if settings.listen_address:
        return f"{settings.listen_address}:{settings.port}"
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return f"0.0.0.0:{settings.port}"
    return f"0.0.0.0:{settings.port} [::]:{settings.port}"
