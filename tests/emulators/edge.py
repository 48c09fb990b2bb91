"""Runs CloudFront functions under Node, with CloudFront's event shapes and limits.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

MOST_BYTES = 10_240
_MOST_RESPONSE_BYTES = 40_960
_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
_DENIED = re.compile(r"connection|expect|keep-alive|proxy-.*|trailer|upgrade|x-accel-.*|x-amz-cf-.*|x-cache.*|x-edge-.*|x-real-ip")
_READ_ONLY = {"request": {"content-length", "host", "transfer-encoding", "via"}, "response": {"transfer-encoding", "via"}}


def request_event(
    uri: str,
    *,
    method: str = "GET",
    host: str = "shop.example.com",
    query: Mapping[str, str | Sequence[str]] | None = None,
    headers: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The event of a viewer request; a parameter with several values has a list of them."""
    return {
        "version": "1.0",
        "context": {
            "distributionDomainName": "d111111abcdef8.cloudfront.net",
            "distributionId": "EDFDVBD6EXAMPLE",
            "eventType": "viewer-request",
            "requestId": "EXAMPLEntjQpEXAMPLE_SG5Z-EXAMPLEPmPfEXAMPLEu3EqEXAMPLE==",
        },
        "viewer": {"ip": "198.51.100.11"},
        "request": {
            "method": method,
            "uri": uri,
            "querystring": {name: _parameter(value) for name, value in (query or {}).items()},
            "headers": {"host": {"value": host}, **{name.lower(): {"value": value} for name, value in (headers or {}).items()}},
            "cookies": {name: {"value": value} for name, value in (cookies or {}).items()},
        },
    }


def _parameter(value: str | Sequence[str]) -> dict[str, Any]:
    if isinstance(value, str):
        return {"value": value}
    return {"value": value[-1], "multiValue": [{"value": one} for one in value]}


def response_event(request: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The event of the response to a viewer request."""
    response = {
        "statusCode": status,
        "statusDescription": "OK",
        "headers": {name.lower(): {"value": value} for name, value in (headers or {}).items()},
        "cookies": {},
    }
    return {**request, "context": {**request["context"], "eventType": "viewer-response"}, "response": response}


def run(code: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """What the function returns for each event; CloudFront would accept it.

    :raises AssertionError: when the function fails, or when CloudFront refuses the code or what it returns.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    assert len(code.encode()) <= MOST_BYTES, f"the function has {len(code.encode())} bytes"
    script = Path(__file__).with_suffix(".js")
    given = json.dumps({"code": code, "events": events})
    done = subprocess.run([node, str(script)], input=given, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    for event, one in zip(events, results, strict=True):
        assert "error" not in one, one["error"]
        _accept(event, one.get("result"))
    return [one["result"] for one in results]


def _accept(event: dict[str, Any], result: Any) -> None:
    assert isinstance(result, dict), f"the function returned {result!r}"
    kind = "response" if "statusCode" in result else "request"
    if event["context"]["eventType"] == "viewer-response":
        assert kind == "response", "a viewer-response function returns the response"
    before = event[kind]["headers"] if kind in event else {}
    for name, header in result.get("headers", {}).items():
        assert _HEADER.fullmatch(name), f"the header {name} is not in lower case"
        for one in header.get("multiValue", [header]):
            assert isinstance(one["value"], str), f"the value of {name} is {one['value']!r}"
            assert "\n" not in one["value"], f"the value of {name} has a line break"
        if name not in before:
            assert not _DENIED.fullmatch(name), f"CloudFront allows no header {name}"
        if kind in event and name in _READ_ONLY[kind]:
            assert header == before.get(name), f"the header {name} cannot be changed"
    if kind == "response":
        assert 100 <= result["statusCode"] <= 599
        assert len(json.dumps(result)) <= _MOST_RESPONSE_BYTES
    else:
        assert result["method"] == event["request"]["method"], "a function cannot change the method"
        assert result["uri"].startswith("/"), f"the URI {result['uri']} does not begin with a slash"
