"""Keeps the baskets of customers in sessions: what a server or function does with `cloudpatterns_runtime.sessions`."""

import json
from http.cookies import CookieError, SimpleCookie
from typing import Any

import boto3
from cloudpatterns_runtime.sessions import Session, SessionConflict, SessionGone, TableSessions

SESSIONS = TableSessions.from_environment(boto3.client("dynamodb"))
COOKIE = "__Host-session"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers `GET /basket`, `POST /basket`, `POST /checkout` and `POST /logout` of a REST API."""
    session = _current(event)
    match event["httpMethod"], event["path"]:
        case "POST", "/basket":
            return _answer(_add(session, json.loads(event["body"])["article"]))
        case "POST", "/checkout":
            # From here on the session may pay: it gets another id, as one before may have been planted or seen.
            return _answer(SESSIONS.rotate(session))
        case "POST", "/logout":
            SESSIONS.destroy(session.id)
            return {"statusCode": 204, "headers": {"Set-Cookie": f"{COOKIE}=; Path=/; Secure; HttpOnly; Max-Age=0"}}
    return _answer(SESSIONS.touch(session))


def _current(event: dict[str, Any]) -> Session:
    """The customer's session, or a new one."""
    try:
        cookies = SimpleCookie((event["headers"] or {}).get("Cookie", ""))
    except CookieError:
        cookies = SimpleCookie()
    found = SESSIONS.read(cookies[COOKIE].value) if COOKIE in cookies else None
    return SESSIONS.create({"basket": []}) if found is None else found


def _add(session: Session, article: str) -> Session:
    while True:
        try:
            return SESSIONS.write(session, {"basket": [*session.data["basket"], article]})
        except SessionConflict:
            # Another tab was faster.
            session = SESSIONS.read(session.id) or SESSIONS.create({"basket": []})
        except SessionGone:
            session = SESSIONS.create({"basket": []})


def _answer(session: Session) -> dict[str, Any]:
    cookie = f"{COOKIE}={session.id}; Path=/; Secure; HttpOnly; SameSite=Lax"
    return {"statusCode": 200, "headers": {"Set-Cookie": cookie}, "body": json.dumps(session.data["basket"])}
