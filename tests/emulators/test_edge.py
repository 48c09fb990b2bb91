"""The emulator refuses what CloudFront refuses."""

import pytest

from tests.emulators import edge


def test_a_function_gets_the_event_and_returns_a_request_or_a_response() -> None:
    code = "async function handler(event) { return event.request.uri === '/' ? { statusCode: 204 } : event.request; }"
    found = edge.run(code, edge.request_event("/"), edge.request_event("/a", headers={"X-Shop": "1"}))
    assert found[0] == {"statusCode": 204}
    assert found[1]["headers"] == {"host": {"value": "shop.example.com"}, "x-shop": {"value": "1"}}


def test_a_response_function_sees_the_response() -> None:
    code = "function handler(event) { event.response.headers['x-a'] = { value: event.request.uri }; return event.response; }"
    [found] = edge.run(code, edge.response_event(edge.request_event("/a"), headers={"ETag": "1"}))
    assert found["headers"] == {"etag": {"value": "1"}, "x-a": {"value": "/a"}}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return 1;", "the function returned 1"),
        ("throw new Error('no');", "Error: no"),
        ("return eval('1');", "EvalError"),
        ("return fetch('https://example.com');", "fetch is not defined"),
        ("return require('fs');", "CloudFront has no module fs"),
        ("event.request.headers['X-A'] = { value: '1' }; return event.request;", "X-A is not in lower case"),
        ("event.request.headers['x-edge-a'] = { value: '1' }; return event.request;", "CloudFront allows no header x-edge-a"),
        ("event.request.headers['x-a'] = { value: 1 }; return event.request;", "the value of x-a is 1"),
        ("event.request.headers.host = { value: 'b' }; return event.request;", "the header host cannot be changed"),
        ("event.request.method = 'POST'; return event.request;", "cannot change the method"),
        ("event.request.uri = 'a'; return event.request;", "does not begin with a slash"),
    ],
)
def test_what_cloudfront_refuses_is_refused(body: str, reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        edge.run(f"function handler(event) {{ {body} }}", edge.request_event("/"))


def test_a_function_over_10_kb_is_refused() -> None:
    with pytest.raises(AssertionError, match="the function has 10241 bytes"):
        edge.run("x" * 10_241)
