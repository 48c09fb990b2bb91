"""The configuration file of the proxies: ``on_aws/nginx.conf`` with its origins and settings."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_ON_AWS = Path(__file__).parent / "on_aws"
RESOLVER = "169.254.169.253"
"""The DNS resolver of every VPC: https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html"""


class Places(NamedTuple):
    """Where the proxy has its files, and where it listens and asks for names."""

    cache: str = "/var/cache/cache-proxy"
    logs: str = "/var/log/cache-proxy"
    run: str = "/run/cache-proxy"
    mime_types: str = "/etc/nginx/mime.types"
    certificates: str = "/etc/cache-proxy/certificates.pem"
    signer: str = "/run/cache-proxy-signer/signer.sock"
    resolver: str = RESOLVER
    bucket_port: int = 443


class ProxyOrigin(NamedTuple):
    """Where the responses of a path come from."""

    path: str
    host_name: str
    bucket: bool = False
    port: int = 80
    protocol: str = "http"
    tls_name: str = ""
    default_ttl_seconds: int = 0


class ProxySettings(NamedTuple):
    """How the proxy works."""

    listen: str
    health_check_path: str
    longest_request_seconds: int
    keepalive_seconds: int
    cache_mib: int
    stale_seconds: int
    max_body_mib: int
    private_cookies: Sequence[str] | None = None
    """Cookies that make a request private; None for any cookie."""


def proxy_configuration(settings: ProxySettings, origins: Sequence[ProxyOrigin], places: Places | None = None) -> str:
    """The text of the file."""
    where = (places or Places())._asdict()
    values = {name: value for name, value in settings._asdict().items() if name != "private_cookies"} | where
    locations = "".join(_location(origin, where) for origin in origins)
    buckets = _filled("buckets.conf", where) if any(origin.bucket for origin in origins) else ""
    cookies = _private_cookies(settings.private_cookies)
    return _filled(
        "nginx.conf", {**values, "private_cookies": cookies, "locations": locations.rstrip("\n"), "buckets": buckets.rstrip("\n")}
    )


def _location(origin: ProxyOrigin, where: Mapping[str, object]) -> str:
    # https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache_valid: Cache-Control and Expires have priority.
    ttl = f"      proxy_cache_valid 200 301 308 404 {origin.default_ttl_seconds}s;" if origin.default_ttl_seconds else ""
    values = {**where, **origin._asdict(), "tls_name": origin.tls_name or "$origin", "default_ttl": ttl}
    return _filled("bucket.conf" if origin.bucket else "service.conf", values)


def _private_cookies(names: Sequence[str] | None) -> str:
    if names is None:
        return '    default 1;\n    "" 0;'
    # Everything that could be taken for one of the names counts as it.
    choice = "|".join(re.escape(name) for name in names)
    return "    default 0;" + (f'\n    "~*(?:^|[^A-Za-z0-9_-])(?:{choice})\\s*=" 1;' if names else "")


def _filled(file: str, values: Mapping[str, object]) -> str:
    """The file with the values at their marks; an empty one that has a line alone takes it along."""
    text = (_ON_AWS / file).read_text(encoding="utf-8")
    filled = re.sub(r"^@([A-Z_]+)@\n", lambda mark: f"{value}\n" if (value := values[mark[1].lower()]) else "", text, flags=re.M)
    return re.sub(r"@([A-Z_]+)@", lambda mark: str(values[mark[1].lower()]), filled)
