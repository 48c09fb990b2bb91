"""Both kinds of API on an emulator, called by HTTP: what a caller sees, and what reaches the queue or function.

The emulator does not model the service integrations of HTTP APIs, conditions in mapping templates, state machines and buses behind REST
APIs, usage plans with several limits, TLS and domain names. What they are given is tested in ``test_api_gateway.py``.
"""

import io
import json
import uuid
import zipfile
from typing import Any, NamedTuple

import pytest
from cloudpatterns.network import ApiGateway

from tests.emulators.apis import call, serve_http, serve_rest
from tests.emulators.events import Context
from tests.emulators.handlers import load_handler
from tests.emulators.ministack import MiniStack
from tests.harness import record
from tests.program import ROOT

SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
ORIGIN = "https://www.example.com"
HANDLER = """
import json
def handler(event, context):
    seen = {name: event.get(name) for name in ("path", "rawPath", "pathParameters", "body")}
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(seen)}
def authorize(event, context):
    allowed = event["headers"].get("authorization", event["headers"].get("Authorization")) == "good"
    if event.get("version") == "2.0":
        return {"isAuthorized": allowed, "context": {"tenant": "t1"}}
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow" if allowed else "Deny", "Resource": event["methodArn"]}
    return {"principalId": "someone", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, "context": {"tenant": "t1"}}
"""


class Targets(NamedTuple):
    """What stands behind the routes."""

    queue_url: str
    queue_arn: str
    plain_url: str
    plain_arn: str
    function_arn: str
    authorizer_arn: str
    sqs: Any

    def messages(self, url: str | None = None) -> list[dict[str, Any]]:
        """The messages of a queue, which it then no longer has; the FIFO queue's by default."""
        url = url or self.queue_url
        received = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"])
        messages = received.get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return messages


@pytest.fixture(scope="module")
def targets(emulator: MiniStack) -> Targets:
    unique = uuid.uuid4().hex[:8]
    sqs, lambda_ = emulator.client("sqs"), emulator.client("lambda")
    url = sqs.create_queue(QueueName=f"api-{unique}.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})[
        "QueueUrl"
    ]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    plain_url = sqs.create_queue(QueueName=f"api-{unique}")["QueueUrl"]
    plain_arn = sqs.get_queue_attributes(QueueUrl=plain_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("index.py", HANDLER)
    arns = [
        lambda_.create_function(
            FunctionName=f"api-{unique}-{name}",
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/function",
            Handler=f"index.{name}",
            Code={"ZipFile": archive.getvalue()},
        )["FunctionArn"]
        for name in ("handler", "authorize")
    ]
    return Targets(url, arn, plain_url, plain_arn, *arns, sqs)


@pytest.fixture(scope="module")
def rest(emulator: MiniStack, targets: Targets) -> str:
    args: Any = {
        "kind": "rest",
        "account_logging_role": "existing",
        "authorizers": {"tenants": {"function": {"function_arn": targets.authorizer_arn}}},
        "default_authorizer": "tenants",
        "models": {"Order": json.dumps(SCHEMA)},
        "cors": {"allowed_origins": [ORIGIN]},
        "routes": {
            "POST /orders/{customer}": {
                "queue": {
                    "queue_arn": targets.queue_arn,
                    "message_group": "path.customer",
                    "message_attributes": {"tenant": "authorizer.tenant"},
                },
                "model": "Order",
            },
            "GET /orders/{id}": {"function_arn": targets.function_arn},
            "POST /notes": {"queue": {"queue_arn": targets.plain_arn}, "public": True},
            "GET /search": {"function_arn": targets.function_arn, "required_parameters": ["query.q"], "public": True},
            "ANY /files/{path+}": {"function_arn": targets.function_arn, "public": True},
        },
    }
    # One variable at a place.
    args["routes"]["GET /orders/{customer}"] = args["routes"].pop("GET /orders/{id}")
    return serve_rest(emulator, record(lambda: ApiGateway("shop", args), mode="deployed"))


GOOD = {"Authorization": "good"}


def test_a_body_reaches_the_queue_whole_with_its_group_and_attributes(emulator: MiniStack, targets: Targets, rest: str) -> None:
    body = {"id": "4711", "note": "100 % & more = \"quoted\" 'single' + ü € \\ \n line"}
    response = call(emulator, rest, "POST", "/orders/c%2617", body, headers=GOOD)
    assert response.status == 202
    assert set(response.body) == {"requestId"}
    [message] = targets.messages()
    assert message["Body"] == json.dumps(body)
    assert message["Attributes"]["MessageGroupId"] == "c&17"
    attributes = {name: attribute["StringValue"] for name, attribute in message["MessageAttributes"].items()}
    assert attributes == {"tenant": "t1"}


@pytest.mark.parametrize(
    ("headers", "body", "status", "message"),
    [
        ({}, {"id": "1"}, 403, "User is not authorized to access this resource"),
        ({"Authorization": "bad"}, {"id": "1"}, 403, "User is not authorized to access this resource"),
        (GOOD, {"name": "no id"}, 400, "Invalid request body"),
        (GOOD, b"no JSON", 400, "Invalid request body"),
    ],
)
def test_what_is_refused_never_reaches_the_queue(
    emulator: MiniStack, targets: Targets, rest: str, headers: dict[str, str], body: Any, status: int, message: str
) -> None:
    response = call(emulator, rest, "POST", "/orders/c1", body, headers=headers)
    assert response.status == status
    assert response.body["message"].startswith(message)
    assert response.body["requestId"]
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert targets.messages() == []


def test_only_json_is_sent_to_a_queue(emulator: MiniStack, targets: Targets, rest: str) -> None:
    response = call(emulator, rest, "POST", "/notes", b"text", headers={"Content-Type": "text/plain"})
    assert (response.status, response.body["message"]) == (415, "Unsupported Media Type")
    assert call(emulator, rest, "POST", "/notes", {"note": 1}).status == 202
    assert [message["Body"] for message in targets.messages(targets.plain_url)] == ['{"note": 1}']


def test_a_decision_for_one_route_holds_for_that_route_alone(emulator: MiniStack, rest: str) -> None:
    # The function's policy names the path: in a cache it would deny the second.
    for path in ("/orders/c1", "/orders/c2"):
        response = call(emulator, rest, "GET", path, headers=GOOD)
        assert (response.status, response.body["pathParameters"]) == (200, {"customer": path[8:]})


def test_a_public_route_and_all_paths_below_it_need_nobody(emulator: MiniStack, rest: str) -> None:
    response = call(emulator, rest, "DELETE", "/files/a/b.txt")
    assert (response.status, response.body["pathParameters"]) == (200, {"path": "a/b.txt"})


def test_a_required_parameter_is_required(emulator: MiniStack, rest: str) -> None:
    assert call(emulator, rest, "GET", "/search").status == 400
    assert call(emulator, rest, "GET", "/search?q=x").status == 200


def test_an_unknown_route_is_not_found(emulator: MiniStack, rest: str) -> None:
    response = call(emulator, rest, "GET", "/nothing")
    assert (response.status, response.body["message"]) == (404, "Not Found")


def test_a_browser_may_ask_first(emulator: MiniStack, rest: str) -> None:
    response = call(emulator, rest, "OPTIONS", "/orders/c1", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
    assert response.status == 204
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-methods"] == "GET,OPTIONS,POST"
    assert response.headers["access-control-allow-headers"] == "Authorization,Content-Type"


@pytest.fixture(scope="module")
def http(emulator: MiniStack, targets: Targets) -> str:
    args: Any = {
        "kind": "http",
        "authorizers": {"tenants": {"function": {"function_arn": targets.authorizer_arn}}},
        "default_authorizer": "tenants",
        "cors": {"allowed_origins": [ORIGIN]},
        "routes": {
            "GET /orders/{id}": {"function_arn": targets.function_arn},
            "$default": {"function_arn": targets.function_arn, "public": True},
        },
    }
    return serve_http(emulator, record(lambda: ApiGateway("shop", args), mode="deployed"))


def test_an_http_api_serves_its_routes_behind_its_authorizer(emulator: MiniStack, http: str) -> None:
    assert call(emulator, http, "GET", "/orders/1").status == 401
    assert call(emulator, http, "GET", "/orders/1", headers={"Authorization": "bad"}).status == 403
    response = call(emulator, http, "GET", "/orders/1", headers=GOOD)
    assert (response.status, response.body["pathParameters"]) == (200, {"id": "1"})
    assert call(emulator, http, "GET", "/else").status == 200


def test_an_http_api_answers_browsers_of_named_origins(emulator: MiniStack, http: str) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    assert call(emulator, http, "OPTIONS", "/orders/1", headers=asked).headers["access-control-allow-origin"] == ORIGIN
    other = call(emulator, http, "OPTIONS", "/orders/1", headers={**asked, "Origin": "https://evil.example.com"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    ("customer", "status", "body"),
    [
        ("customer-1", 200, {"id": "4711", "state": "shipped"}),
        ("customer-2", 404, {"statusCode": 404, "message": "no such order"}),
    ],
)
def test_the_sample_function_shows_an_order_to_its_customer_alone(
    monkeypatch: pytest.MonkeyPatch, customer: str, status: int, body: dict[str, Any]
) -> None:
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    index = load_handler(ROOT / "examples/api_gateway/app/index.py")
    event = {
        "httpMethod": "GET",
        "path": "/orders/4711",
        "resource": "/orders/{id}",
        "pathParameters": {"id": "4711"},
        "headers": {},
        "requestContext": {"stage": "live", "authorizer": {"claims": {"sub": customer}}},
    }
    response = index.handler(event, Context())
    assert (response["statusCode"], json.loads(response["body"])) == (status, body)
