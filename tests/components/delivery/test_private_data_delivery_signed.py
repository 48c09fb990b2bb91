"""What the functions sign, judged by a verifier that knows CloudFront's documentation, and by an S3 that verifies signatures."""

import base64
import http.client
import json
import time
import uuid
from collections.abc import Generator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.emulators import node_lambda
from tests.emulators.handlers import load_handler
from tests.emulators.ministack import MiniStack, ministack, missing
from tests.emulators.signed import Refused, admit, set_cookies
from tests.program import ROOT

FOLDER = ROOT / "components/cloudpatterns/delivery/private_data_delivery/on_aws"
URL = "https://files.example.com"


@cache
def pair(name: str, kind: str = "rsa") -> tuple[str, str]:
    """A public and a private key as PEM; each name has its own."""
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    # What `openssl genrsa` and `openssl ecparam -genkey` write, as CloudFront's documentation has it.
    return public, key.private_bytes(encoding, serialization.PrivateFormat.TraditionalOpenSSL, none).decode()


def sign(*events: Any, key: str = "first", kind: str = "rsa", secret: str | None = None, **environment: str) -> list[dict[str, Any]]:
    public, private = pair(key, kind)
    variables = {
        "URL": URL,
        "KEY_PAIR_ID": f"K-{key}",
        "PUBLIC_KEY": public,
        "SECRET_ARN": "arn:secret",
        "DEFAULT_SECONDS": "600",
        "MAX_SECONDS": "3600",
        "COOKIE_DOMAIN": "",
        **environment,
    }
    return node_lambda.invoke(FOLDER / "index.mjs", variables, {"arn:secret": private if secret is None else secret}, *events).results


def signed(event: Any, **options: Any) -> dict[str, Any]:
    [answer] = sign(event, **options)
    assert "result" in answer, answer
    return answer["result"]


def group(*names: str, kind: str = "rsa") -> dict[str, str]:
    return {f"K-{name}": pair(name, kind)[0] for name in names}


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_signed_url_is_admitted_until_it_expires(kind: str) -> None:
    now = time.time()
    answer = signed({"key": "reports/2026/q3 final (1).pdf", "seconds": 60}, kind=kind)
    assert answer["url"].startswith(f"{URL}/reports/2026/q3%20final%20%281%29.pdf?Expires=")
    assert now + 58 <= answer["expires_at"] <= now + 62
    admit(answer["url"], group("first", kind=kind), answer["expires_at"] - 1)
    with pytest.raises(Refused, match="expired"):
        admit(answer["url"], group("first", kind=kind), answer["expires_at"])


def test_an_unsigned_request_is_refused() -> None:
    with pytest.raises(Refused, match="MissingKey"):
        admit(f"{URL}/reports/7.pdf", group("first"), time.time())


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("reports/7.pdf", "reports/8.pdf", "InvalidSignature"),
        ("https://files.", "https://evil.", "InvalidSignature"),
        ("Expires=1", "Expires=2", "InvalidSignature"),
        ("Hash-Algorithm=SHA256", "Hash-Algorithm=SHA1", "InvalidSignature"),
        ("&Hash-Algorithm=SHA256", "", "InvalidSignature"),
        ("Key-Pair-Id=K-first", "Key-Pair-Id=K-second", "InvalidSignature"),
        ("Key-Pair-Id=K-first", "Key-Pair-Id=K-foreign", "not in the key group"),
        ("?Expires", "?size=large&Expires", "InvalidSignature"),
        ("?Expires", "?Expires=9999999999&Expires", "twice"),
    ],
)
def test_a_tampered_url_is_refused(before: str, after: str, reason: str) -> None:
    url = signed({"key": "reports/7.pdf"})["url"]
    assert before in url
    admit(url, group("first", "second"), time.time())
    with pytest.raises(Refused, match=reason):
        admit(url.replace(before, after), group("first", "second"), time.time())


def test_a_url_of_a_foreign_key_is_refused() -> None:
    """Somebody else's key, under an id that is in the group, and under its own."""
    url = signed({"key": "reports/7.pdf"}, key="foreign")["url"]
    with pytest.raises(Refused, match="not in the key group"):
        admit(url, group("first"), time.time())
    with pytest.raises(Refused, match="InvalidSignature"):
        admit(url.replace("K-foreign", "K-first"), group("first"), time.time())


def test_a_url_for_a_network_is_for_no_other() -> None:
    url = signed({"key": "a.pdf", "ip_range": "203.0.113.0/24"})["url"]
    admit(url, group("first"), time.time(), ip="203.0.113.9")
    with pytest.raises(Refused, match="another address"):
        admit(url, group("first"), time.time(), ip="198.51.100.11")


def test_cookies_open_a_folder_and_nothing_beside_it() -> None:
    answer = signed({"prefix": "courses/7/"}, COOKIE_DOMAIN="example.com")
    assert answer["url"] == f"{URL}/courses/7/"
    assert [one.split("=")[0] for one in answer["cookies"]] == [
        "CloudFront-Policy",
        "CloudFront-Signature",
        "CloudFront-Key-Pair-Id",
        "CloudFront-Hash-Algorithm",
    ]
    assert all(one.endswith("; Domain=example.com; Path=/courses/7/; Secure; HttpOnly; SameSite=Lax") for one in answer["cookies"])
    inside = f"{URL}/courses/7/lesson/1.mp4?quality=high"
    cookies = set_cookies(answer["cookies"], inside)
    now = time.time()
    admit(inside, group("first"), now, cookies=cookies)
    for outside in ("/courses/70/1.mp4", "/courses/8/1.mp4", "/courses/7", "/"):
        assert set_cookies(answer["cookies"], URL + outside) == {}
        # A client that is no browser sends them anyway.
        with pytest.raises(Refused, match="another resource"):
            admit(URL + outside, group("first"), now, cookies=cookies)
    with pytest.raises(Refused, match="expired"):
        admit(inside, group("first"), answer["expires_at"], cookies=cookies)
    policy = base64.b64decode(cookies["CloudFront-Policy"].translate(str.maketrans("-_~", "+=/")))
    wider = base64.b64encode(policy.replace(b"courses/7/", b"")).decode().translate(str.maketrans("+=/", "-_~"))
    with pytest.raises(Refused, match="InvalidSignature"):
        admit(inside, group("first"), now, cookies={**cookies, "CloudFront-Policy": wider})


def test_no_character_of_a_key_is_a_wildcard() -> None:
    answer = signed({"prefix": "a*/b?/"})
    cookies = set_cookies(answer["cookies"], answer["url"])
    admit(f"{URL}/a%2A/b%3F/1", group("first"), time.time(), cookies=cookies)
    with pytest.raises(Refused, match="another resource"):
        admit(f"{URL}/axx/bx/1", group("first"), time.time(), cookies=cookies)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "exactly one of key and prefix is needed"),
        ({"key": "a", "prefix": "b/"}, "exactly one of key and prefix is needed"),
        ({"key": "/a"}, "key must be a text such as reports/7.pdf, without a slash at its beginning"),
        ({"key": 7}, "key must be a text such as reports/7.pdf, without a slash at its beginning"),
        ({"key": "a/../b"}, "key must not have . or .. between slashes"),
        ({"prefix": "a"}, "prefix must end in a slash, such as courses/7/"),
        ({"prefix": "a/../"}, "prefix must not have . or .. between slashes"),
        ({"prefix": "/"}, "prefix must be a text such as reports/7.pdf, without a slash at its beginning"),
        ({"key": "a", "seconds": 3601}, "seconds must be a whole number from 1 to 3600"),
        ({"key": "a", "seconds": 0}, "seconds must be a whole number from 1 to 3600"),
        ({"key": "a", "seconds": "60"}, "seconds must be a whole number from 1 to 3600"),
        ({"key": "a", "ip_range": "0.0.0.0/33"}, "ip_range must be an IPv4 network such as 203.0.113.0/24"),
        ({"key": "a", "ip_range": "everywhere"}, "ip_range must be an IPv4 network such as 203.0.113.0/24"),
    ],
)
def test_what_is_not_signed(event: Any, message: str) -> None:
    [answer] = sign(event)
    assert answer == {"errorType": "RequestError", "errorMessage": message}


def test_the_private_key_is_read_once_and_never_told() -> None:
    public, private = pair("first")
    variables = {"URL": URL, "KEY_PAIR_ID": "K1", "PUBLIC_KEY": public, "SECRET_ARN": "s", "DEFAULT_SECONDS": "9", "MAX_SECONDS": "9"}
    done = node_lambda.invoke(FOLDER / "index.mjs", variables, {"s": private}, {"key": "a"}, {"key": "b"})
    assert ([*done.results[0]], done.secrets_read) == (["result"], ["s"])
    [answer] = sign({"key": "a"}, secret=pair("second")[1])
    assert answer["errorMessage"] == "the secret does not have the private key of the public key K-first"
    [answer] = sign({"key": "a"}, secret="password: hunter2")
    assert answer["errorMessage"] == "the secret does not have a private key in PEM"


def test_rotation_with_two_keys() -> None:
    """Each URL that was given out is admitted until it expires, through all steps of a rotation."""
    old = signed({"key": "a.pdf", "seconds": 3600}, key="first")
    issued = [old]
    # First CloudFront learns the new key; nothing is signed with it before.
    steps = [(("first",), "first"), (("first", "second"), "first"), (("first", "second"), "second")]
    for keys, signer in steps:
        issued.append(signed({"key": "a.pdf", "seconds": 3600}, key=signer))
        for answer in issued:
            admit(answer["url"], group(*keys), time.time())
    # An hour later the old ones have expired, and the old key goes.
    with pytest.raises(Refused, match="not in the key group"):
        admit(old["url"], group("second"), time.time())
    admit(issued[-1]["url"], group("second"), time.time())


@pytest.fixture(scope="module")
def server() -> Generator[MiniStack]:
    """A server of its own, because it verifies signatures."""
    if reason := missing():
        pytest.skip(reason)
    with ministack(AUTH="true") as started:
        yield started


class _Sts:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def assume_role(self, **asked: Any) -> Any:
        self.asked.append(asked)
        return {"Credentials": {"AccessKeyId": "test", "SecretAccessKey": "test", "SessionToken": "token"}}


def presign(event: Any, monkeypatch: pytest.MonkeyPatch, bucket: str = "files", sts: Any = None, **environment: str) -> dict[str, Any]:
    settings = {"BUCKET": bucket, "READER_ROLE_ARN": "arn:role", "DEFAULT_SECONDS": "600", "MAX_SECONDS": "3600"}
    for name, value in {"AWS_DEFAULT_REGION": "eu-west-1", **settings, **environment}.items():
        monkeypatch.setenv(name, value)
    return load_handler(FOLDER / "index.py").handler(event, None, sts or _Sts())


def status(url: str) -> int:
    """The server answers to every name; that of the bucket is none that a resolver knows."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=10)
    connection.request("GET", url.removeprefix(f"http://{parts.netloc}"), headers={"Host": parts.netloc})
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_s3_refuses_a_presigned_url_that_is_expired_or_tampered(server: MiniStack, monkeypatch: pytest.MonkeyPatch) -> None:
    s3, bucket = server.client("s3", config=Config(s3={"addressing_style": "path"})), f"files-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for key in ("reports/q3 final.pdf", "other.pdf"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"private")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url.replace("127.0.0.1", "localhost"))
    iam, trust = server.client("iam"), {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    policy = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    role = iam.create_role(RoleName=bucket, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))["Role"]
    iam.put_role_policy(RoleName=bucket, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    event, sts = {"key": "reports/q3 final.pdf", "seconds": 2}, server.client("sts")
    url = presign(event, monkeypatch, bucket, sts, READER_ROLE_ARN=role["Arn"])["url"]
    assert status(url) == 200
    assert status(url.replace("q3%20final", "q4%20final")) == 403
    assert status(url.replace("X-Amz-Expires=2", "X-Amz-Expires=900")) == 403
    assert status(url.partition("?")[0]) == 403
    time.sleep(3)
    assert status(url) == 403


def test_a_presigned_url_does_not_outlive_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = _Sts()
    answer = presign({"key": "a.pdf", "seconds": 3600}, monkeypatch, sts=sts)
    presign({"key": "a.pdf", "seconds": 10}, monkeypatch, sts=sts)
    assert [(one["RoleArn"], one["DurationSeconds"]) for one in sts.asked] == [("arn:role", 3600), ("arn:role", 900)]
    assert answer["url"].startswith("https://files.s3.eu-west-1.amazonaws.com/a.pdf?")
    assert "X-Amz-Expires=3600" in answer["url"]
    saved = presign({"key": "a.pdf", "download_as": 'für "dich".pdf'}, monkeypatch)["url"]
    assert "response-content-disposition=attachment%3B%20filename%2A%3DUTF-8%27%27f%25C3%25BCr%2520%2522dich%2522.pdf" in saved


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "key must be the key of an object, such as reports/7.pdf"),
        ({"key": "a" * 1025}, "key must be the key of an object, such as reports/7.pdf"),
        ({"key": "a", "seconds": True}, "seconds must be a whole number from 1 to 3600"),
        ({"key": "a", "seconds": 3601}, "seconds must be a whole number from 1 to 3600"),
        ({"key": "a", "download_as": "a\r\nb"}, "download_as must be the name of a file, such as report.pdf"),
    ],
)
def test_what_is_not_presigned(event: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match=message):
        presign(event, monkeypatch)
