"""Judges signed URLs and cookies as CloudFront does, written from its documentation and apart from the code that signs.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html
"""

import base64
import json
import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

_OWN = ("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm")
_HASHES = {"SHA1": hashes.SHA1, "SHA256": hashes.SHA256}


class Refused(Exception):
    """CloudFront answers 403."""


def admit(url: str, keys: Mapping[str, str], now: float, *, ip: str = "198.51.100.11", cookies: Mapping[str, str] | None = None) -> None:
    """A request of a behavior with a key group: ``keys`` are the public keys in it, as PEM, by their ids.

    :raises Refused: with the reason.
    """
    base, own = _split(url)
    # A URL that is signed counts, whatever the cookies say.
    if "Key-Pair-Id" not in own:
        own = {name.removeprefix("CloudFront-"): value for name, value in (cookies or {}).items() if name.startswith("CloudFront-")}
    missing = [name for name in ("Signature", "Key-Pair-Id") if name not in own]
    if missing or ("Expires" in own) == ("Policy" in own):
        raise Refused("MissingKey")
    if own["Key-Pair-Id"] not in keys:
        raise Refused("the key is not in the key group")
    if "Policy" in own:
        policy = _decoded(own["Policy"])
    else:
        # A canned policy is not sent: it follows from the URL.
        policy = f'{{"Statement":[{{"Resource":"{base}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{own["Expires"]}}}}}}}]}}'.encode()
    _verify(keys[own["Key-Pair-Id"]], _decoded(own["Signature"]), policy, own.get("Hash-Algorithm", "SHA1"))
    _judge(json.loads(policy), base, now, ip)


def set_cookies(headers: list[str], url: str) -> dict[str, str]:
    """The cookies that a browser sends with a request, of those that ``Set-Cookie`` headers of the same host set."""
    sent = {}
    for header in headers:
        pair, *attributes = header.split("; ")
        name, _, value = pair.partition("=")
        named = dict(one.partition("=")[::2] for one in attributes)
        assert {"Secure", "HttpOnly"} <= set(named), header
        if urlsplit(url).path.startswith(named.get("Path", "/")):
            sent[name] = value
    return sent


def _split(url: str) -> tuple[str, dict[str, str]]:
    """The URL that is signed, with the viewer's own query string, and CloudFront's parameters."""
    base, _, query = url.partition("?")
    others, own = [], {}
    for one in query.split("&") if query else []:
        name, _, value = one.partition("=")
        if name in own:
            raise Refused(f"{name} is there twice")
        if name in _OWN:
            own[name] = value
        else:
            others.append(one)
    return base + ("?" + "&".join(others) if others else ""), own


def _decoded(text: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9~_-]+", text):
        raise Refused("MalformedPolicy")
    try:
        return base64.b64decode(text.translate(str.maketrans("-_~", "+=/")), validate=True)
    except ValueError as error:
        raise Refused("MalformedPolicy") from error


def _verify(pem: str, signature: bytes, policy: bytes, algorithm: str) -> None:
    if algorithm not in _HASHES:
        raise Refused("unknown hash algorithm")
    key, digest = serialization.load_pem_public_key(pem.encode()), _HASHES[algorithm]()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            assert key.key_size == 2048, "CloudFront takes RSA with 2048 bits"
            key.verify(signature, policy, padding.PKCS1v15(), digest)
        else:
            assert isinstance(key, ec.EllipticCurvePublicKey), "CloudFront takes RSA and ECDSA"
            assert isinstance(key.curve, ec.SECP256R1), "CloudFront takes P-256"
            key.verify(signature, policy, ec.ECDSA(digest))
    except InvalidSignature as error:
        raise Refused("InvalidSignature") from error


def _judge(policy: Any, url: str, now: float, ip: str) -> None:
    [statement] = policy["Statement"]
    condition = statement["Condition"]
    pattern = re.escape(statement["Resource"]).replace(r"\*", ".*").replace(r"\?", ".")
    if not re.fullmatch(pattern, url):
        raise Refused("the policy is for another resource")
    if now >= condition["DateLessThan"]["AWS:EpochTime"]:
        raise Refused("expired")
    if "DateGreaterThan" in condition and now <= condition["DateGreaterThan"]["AWS:EpochTime"]:
        raise Refused("not valid yet")
    if "IpAddress" in condition and ip_address(ip) not in ip_network(condition["IpAddress"]["AWS:SourceIp"]):
        raise Refused("another address")
