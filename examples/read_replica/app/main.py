"""Takes orders on the writer and lists them from readers: what a server or function does with `cloudpatterns_runtime.replicas`."""

import json
import os
import ssl
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any

import boto3
import pg8000.dbapi
from cloudpatterns_runtime.replicas import Reads, ReplicaRouter
from cloudpatterns_runtime.sessions import Session, SessionConflict, SessionGone, TableSessions

RDS = boto3.client("rds")
SESSIONS = TableSessions.from_environment(boto3.client("dynamodb"))
READS = Reads.from_environment()
COOKIE = "__Host-session"


def writer() -> Any:
    """A connection to the writer, whose certificate is one of RDS's own."""
    bundle = str(Path(__file__).parent / "rds.pem")
    return _connect(os.environ["DATABASE_HOST"], os.environ["DATABASE_USER"], ssl.create_default_context(cafile=bundle))


def reader() -> Any:
    """A connection to a reader, through the proxy, whose certificate is one of Amazon's public ones."""
    return _connect(READS.endpoint(), READS.user, ssl.create_default_context())


def _connect(host: str, user: str, context: ssl.SSLContext) -> Any:
    # Signed here: nothing of AWS is asked for it.
    token = RDS.generate_db_auth_token(DBHostname=host, Port=READS.port, DBUsername=user)
    return pg8000.dbapi.connect(user, host, os.environ["DATABASE_NAME"], READS.port, token, ssl_context=context, timeout=10)


ROUTER = ReplicaRouter(writer, reader, engine=READS.engine, consistency_seconds=READS.consistency_seconds)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers `GET /orders` and `POST /orders` of a REST API."""
    session, customer = _session(event), event["requestContext"]["authorizer"]["claims"]["sub"]
    if event["httpMethod"] == "POST":
        order = (customer, json.loads(event["body"])["article"])
        written = ROUTER.write(lambda connection: connection.cursor().execute("INSERT INTO orders VALUES (%s, %s)", order))
        session = _remember(session, written.mark)
    articles = ROUTER.read(lambda connection: _articles(connection, customer), session.data.get("wrote", ""))
    cookie = f"{COOKIE}={session.id}; Path=/; Secure; HttpOnly; SameSite=Lax"
    return {"statusCode": 200, "headers": {"Set-Cookie": cookie}, "body": json.dumps(articles)}


def _articles(connection: Any, customer: str) -> list[str]:
    cursor = connection.cursor()
    cursor.execute("SELECT article FROM orders WHERE customer = %s ORDER BY article", (customer,))
    return [article for (article,) in cursor.fetchall()]


def _session(event: dict[str, Any]) -> Session:
    """The customer's session, or a new one."""
    try:
        cookies = SimpleCookie((event["headers"] or {}).get("Cookie", ""))
    except CookieError:
        cookies = SimpleCookie()
    return (SESSIONS.read(cookies[COOKIE].value) if COOKIE in cookies else None) or SESSIONS.create({})


def _remember(session: Session, mark: str) -> Session:
    """The session with the time of the last write."""
    while True:
        try:
            return SESSIONS.write(session, {**session.data, "wrote": mark})
        except (SessionConflict, SessionGone):
            session = SESSIONS.read(session.id) or SESSIONS.create({})
