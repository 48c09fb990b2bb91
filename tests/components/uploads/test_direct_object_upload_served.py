"""The forms that the function issues, against an S3 that verifies signatures and enforces the policy of a form."""

import base64
import json
import os
import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Generator
from types import ModuleType
from typing import Any
from unittest.mock import Mock
from urllib.parse import parse_qs

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

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


def test_a_named_file_is_saved_under_its_name_and_never_shown(index: ModuleType, s3: Any) -> None:
    form = issue(index, s3, file_name="Vertrag \u00fc.png")
    expected = "attachment; filename*=UTF-8''Vertrag%20%C3%BC.png"
    assert form["fields"]["Content-Disposition"] == expected
    assert post(form["url"], form["fields"])[0] == 201
    assert s3.head_object(Bucket=os.environ["BUCKET"], Key=form["key"])["ContentDisposition"] == expected
    # The policy of the form has it: nobody shows the file as a page of the site that serves it.
    assert post(form["url"], {**form["fields"], "Content-Disposition": "inline"})[0] == 403
    for name in ("", "a/b.png", "a\r\nSet-Cookie: x=1", 7):
        answer = index.handler(request(body={"file_name": name}), None, s3)
        assert (answer["statusCode"], "file_name must be" in answer["body"]) == (400, True)


def test_an_expired_form_is_refused(index: ModuleType, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORMS", json.dumps({"images": {**IMAGES, "expiry_seconds": 1}}))
    form = issue(index, s3)
    time.sleep(1.1)
    status, _, body = post(form["url"], form["fields"])
    assert (status, "Policy expired" in body) == (403, True)
    assert stored(s3) == []


def test_after_the_upload_s3_sends_the_browser_to_the_page_that_the_form_names(index: ModuleType, s3: Any) -> None:
    form = issue(index, s3, redirect=True, form="letters", content_type="text/plain")
    status, headers, _ = post(form["url"], form["fields"])
    assert status == 303
    address, _, query = headers["Location"].partition("?")
    assert (address, parse_qs(query)["key"]) == ("https://a.example/", [form["key"]])


def test_without_a_page_of_its_own_it_is_the_address_of_the_request(index: ModuleType, s3: Any) -> None:
    form = json.loads(index.handler(request(), None, s3)["body"])
    assert form["fields"]["success_action_redirect"] == "https://api.example.com/uploads"
    assert post(form["url"], {**form["fields"], "success_action_redirect": "https://evil.example/"})[0] == 403


@pytest.mark.parametrize(
    ("result", "state"),
    [(None, "scanning"), ("NO_THREATS_FOUND", "available"), *((one, "refused") for one in ("THREATS_FOUND", "UNSUPPORTED", "FAILED"))],
)
def test_the_state_of_an_upload_is_what_its_scan_said(index: ModuleType, s3: Any, result: str | None, state: str) -> None:
    form = issue(index, s3)
    post(form["url"], form["fields"])
    if result:
        tags = {"TagSet": [{"Key": "GuardDutyMalwareScanStatus", "Value": result}]}
        s3.put_object_tagging(Bucket=os.environ["BUCKET"], Key=form["key"], Tagging=tags)
    asked = request("GET", queryStringParameters={"bucket": "any", "key": form["key"], "etag": '"0"'})
    assert json.loads(index.handler(asked, None, s3)["body"]) == {"key": form["key"], "state": state}
    page = index.handler({**asked, "headers": {"Accept": "text/html,*/*"}}, None, s3)
    assert page["headers"]["content-type"] == "text/html; charset=utf-8"
    assert ("refresh" in page["body"]) == (state == "scanning")


@pytest.mark.parametrize("key", ["", "images/", "images/0/../../secret", "elsewhere/0/" + "0" * 36, "images/" + "0" * 32 + "/" + "0" * 36])
def test_an_upload_that_is_none_has_no_state(index: ModuleType, s3: Any, key: str) -> None:
    answer = index.handler(request("GET", queryStringParameters={"key": key}), None, s3)
    assert (answer["statusCode"], json.loads(answer["body"])) == (404, {"message": "there is no such upload"})
    assert index.handler(request("GET", queryStringParameters=None), None, s3)["statusCode"] == 404


@pytest.mark.parametrize(
    "authorizer",
    [
        {"jwt": {"claims": {"sub": "user-1"}}},
        {"claims": {"sub": "user-1"}},
        {"lambda": {"sub": "user-1"}},
        {"sub": "user-1", "principalId": "p"},
    ],
    ids=["http-jwt", "rest-user-pool", "http-function", "rest-function"],
)
def test_each_user_has_a_folder(index: ModuleType, s3: Any, authorizer: dict[str, Any]) -> None:
    asked = request(sub=None)
    asked["requestContext"]["authorizer"] = authorizer
    key = json.loads(index.handler(asked, None, s3)["body"])["key"]
    assert re.fullmatch(r"images/[0-9a-f]{32}/[0-9a-f-]{36}", key)
    assert key.split("/")[1] == issue(index, s3)["key"].split("/")[1]
    other = json.loads(index.handler(request(sub="user-2"), None, s3)["body"])["key"]
    assert other.split("/")[1] != key.split("/")[1]


def test_a_request_of_a_rest_api_is_answered_as_well(index: ModuleType, s3: Any) -> None:
    body = base64.b64encode(json.dumps({"form": "images", "content_type": "image/png"}).encode()).decode()
    context = {"authorizer": {"claims": {"sub": "user-1"}}, "domainName": "api.example.com", "path": "/live/uploads"}
    asked = {"httpMethod": "POST", "headers": None, "requestContext": context, "body": body, "isBase64Encoded": True}
    answer = index.handler(asked, None, s3)
    assert answer["statusCode"] == 201
    assert json.loads(answer["body"])["fields"]["success_action_redirect"] == "https://api.example.com/live/uploads"


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        (request(sub=None), 401, "sign in first"),
        (request(sub=""), 401, "sign in first"),
        (request(body={"form": "videos"}), 400, "form must be one of images, letters"),
        (request(body={"form": ["images"]}), 400, "form must be one of images, letters"),
        (request(body={"content_type": "text/html"}), 400, "content_type must be one of image/png, image/jpeg"),
        (request(body={"content_type": ["image/png"]}), 400, "content_type must be one of image/png, image/jpeg"),
        ({**request(), "body": "[1]"}, 400, "the body must be a JSON object"),
        ({**request(), "body": "{"}, 400, "the body must be a JSON object"),
        (request("DELETE"), 405, "POST for a form, GET for the state of an upload"),
    ],
)
def test_other_requests_are_refused(index: ModuleType, s3: Any, asked: dict[str, Any], status: int, message: str) -> None:
    answer = index.handler(asked, None, s3)
    assert (answer["statusCode"], json.loads(answer["body"])) == (status, {"message": message})


def test_a_caller_without_identity_gets_a_form_where_that_is_wanted(index: ModuleType, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANONYMOUS", "true")
    form = json.loads(index.handler(request(sub=None), None, s3)["body"])
    assert form["key"].startswith("images/anonymous/")


def test_only_named_origins_may_read_the_answers(index: ModuleType, s3: Any) -> None:
    header = "access-control-allow-origin"
    assert index.handler(request(), None, s3)["headers"][header] == "https://shop.example.com"
    for origin in ("https://evil.example", "https://shop.example.com.evil.example", ""):
        assert header not in index.handler(request(headers={"Origin": origin}), None, s3)["headers"]


def test_forms_are_for_the_address_of_the_buckets_region(index: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    form = json.loads(index.handler(request(), None)["body"])
    assert form["url"] == f"https://{os.environ['BUCKET']}.s3.eu-west-1.amazonaws.com/"
    assert form["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


def test_an_upload_that_was_deleted_has_no_state(index: ModuleType, monkeypatch: pytest.MonkeyPatch, s3: Any) -> None:
    # Of a delete marker, S3 itself says this, where emulators say that there is no key.
    error = ClientError({"Error": {"Code": "MethodNotAllowed", "Message": ""}}, "GetObjectTagging")
    monkeypatch.setattr(s3, "get_object_tagging", Mock(side_effect=error))
    key = f"images/{'0' * 32}/{'0' * 36}"
    assert index.handler(request("GET", queryStringParameters={"key": key}), None, s3)["statusCode"] == 404
