"""The forms that the function issues, against an S3 that verifies signatures and enforces the policy of a form."""

import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Generator
from types import ModuleType
from typing import Any

import pytest
from botocore.config import Config

from tests.emulators.handlers import load_handler
from tests.emulators.ministack import MiniStack, ministack, missing
from tests.program import ROOT

FILE = ROOT / "components/cloudpatterns/uploads/direct_object_upload/on_aws/index.py"
IMAGES = {
    "prefix": "images/",
    "content_types": ["image/png", "image/jpeg"],
    "min_bytes": 10,
    "max_bytes": 1000,
    "expiry_seconds": 300,
    "redirect_url": "",
}
FORMS = {
    "images": IMAGES,
    "letters": {**IMAGES, "prefix": "letters/", "content_types": ["text/plain"], "redirect_url": "https://a.example/"},
}
PNG = b"\x89PNG" + b"0" * 96


@pytest.fixture(scope="module")
def server() -> Generator[MiniStack]:
    """A server of its own, because it verifies signatures."""
    if reason := missing():
        pytest.skip(reason)
    with ministack(AUTH="true") as started:
        yield started


@pytest.fixture
def s3(server: MiniStack) -> Any:
    return server.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))


@pytest.fixture
def index(s3: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    bucket = f"uploads-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    settings = {"BUCKET": bucket, "FORMS": json.dumps(FORMS), "ORIGINS": '["https://shop.example.com"]', "IDENTITY_CLAIM": "sub"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return load_handler(FILE)


def request(method: str = "POST", *, body: Any = None, sub: str | None = "user-1", **more: Any) -> dict[str, Any]:
    """A request as an HTTP API passes it on."""
    authorizer = {} if sub is None else {"authorizer": {"jwt": {"claims": {"sub": sub}}}}
    return {
        "version": "2.0",
        "rawPath": "/uploads",
        "headers": {"origin": "https://shop.example.com"},
        "requestContext": {"http": {"method": method}, "domainName": "api.example.com", **authorizer},
        "body": json.dumps({"form": "images", "content_type": "image/png", **(body or {})}),
        **more,
    }


def issue(index: ModuleType, s3: Any, **body: Any) -> dict[str, Any]:
    answer = index.handler(request(body={"redirect": False, **body}), None, s3)
    assert answer["statusCode"] == 201, answer
    return json.loads(answer["body"])


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_given: Any, **_named: Any) -> None:
        return None


def post(url: str, fields: dict[str, str], content: bytes = PNG) -> tuple[int, dict[str, str], str]:
    """Sends a form as a browser does: status, headers and body of the answer."""
    boundary = uuid.uuid4().hex
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    data = "".join([*parts, file]).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    sent = urllib.request.Request(url, data, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    try:
        with urllib.request.build_opener(_Stays).open(sent, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def stored(s3: Any) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=os.environ["BUCKET"]).get("Contents", [])]


def test_an_upload_by_the_form_arrives(index: ModuleType, s3: Any) -> None:
    form = issue(index, s3)
    assert post(form["url"], form["fields"])[0] == 201
    assert stored(s3) == [form["key"]]


@pytest.mark.parametrize(
    ("changed", "content", "code"),
    [
        ({}, b"0" * 9, "EntityTooSmall"),
        ({}, b"0" * 1001, "EntityTooLarge"),
        ({"Content-Type": "text/html"}, PNG, "AccessDenied"),
        ({"key": "images/somebody/else"}, PNG, "AccessDenied"),
        ({"key": "elsewhere"}, PNG, "AccessDenied"),
        ({"tagging": "<Tagging/>"}, PNG, "AccessDenied"),
        ({"x-amz-tagging": "GuardDutyMalwareScanStatus=NO_THREATS_FOUND"}, PNG, "AccessDenied"),
        ({"acl": "public-read"}, PNG, "AccessDenied"),
        ({"x-amz-signature": "0" * 64}, PNG, "SignatureDoesNotMatch"),
    ],
    ids=["too-small", "too-large", "type", "key", "prefix", "tagging", "scan-tag", "acl", "signature"],
)
def test_limits_are_enforced_by_s3_and_not_by_the_page(
    index: ModuleType, s3: Any, changed: dict[str, str], content: bytes, code: str
) -> None:
    form = issue(index, s3)
    status, _, body = post(form["url"], {**form["fields"], **changed}, content)
    assert status in (400, 403)
    assert f"<Code>{code}</Code>" in body
    assert stored(s3) == []


def test_an_expired_form_is_refused(index: ModuleType, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORMS", json.dumps({"images": {**IMAGES, "expiry_seconds": 1}}))
    form = issue(index, s3)
    time.sleep(1.1)
    status, _, body = post(form["url"], form["fields"])
    assert (status, "Policy expired" in body) == (403, True)
    assert stored(s3) == []
