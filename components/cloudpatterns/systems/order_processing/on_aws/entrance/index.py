"""Takes orders, each once, and shows them to whoever placed them: ``POST /orders`` and ``GET /orders/{id}``.

An order's id follows from its caller and the header ``Idempotency-Key``, and is the name of its execution. So the one write that takes an
order is ``StartExecution``, which refuses a name that is there: a request that is sent again, at once or after a lost answer, starts
nothing twice, and no order is stored without an execution.

The id says nothing to others: an order is shown to its caller alone.
"""

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

MOST_BYTES = 65_536
"""Of an order: the document of an execution, which has it, has at most 256 KiB."""
_MOST_DIGITS = 15
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_ID = re.compile(r"[0-9a-f]{32}")
_BUSY = ("ThrottlingException", "TooManyRequestsException", "ServiceUnavailable", "ProvisionedThroughputExceededException")
_RETRY = {"Retry-After": "2"}


class Refused(Exception):
    """The request is answered with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status, self.message = status, message


class Entrance:
    """Both routes, with clients of DynamoDB and Step Functions."""

    def __init__(self, dynamodb: Any, states: Any, table_name: str, state_machine_arn: str) -> None:
        self._dynamodb, self._states = dynamodb, states
        self._table_name, self._machine_arn = table_name, state_machine_arn

    def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The response to a request of a REST or HTTP API."""
        try:
            caller = caller_of(event["requestContext"])
            order_id = (event.get("pathParameters") or {}).get("id")
            return self._take(caller, event) if order_id is None else self._show(caller, order_id)
        except Refused as refused:
            return _response(refused.status, {"message": refused.message})
        except Exception as error:
            if _code(error) in _BUSY:
                return _response(503, {"message": "Try again in a moment"}, _RETRY)
            raise

    def _take(self, caller: str, event: Mapping[str, Any]) -> dict[str, Any]:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        key = headers.get("idempotency-key", "")
        if not _KEY.fullmatch(key):
            raise Refused(400, "Idempotency-Key is missing: send a header of 1 to 255 characters, new for each order, such as a UUID")
        order = _order(event)
        order_id = hashlib.sha256(f"{caller}\n{key}".encode()).hexdigest()[:32]
        fingerprint = hashlib.sha256(_json(order).encode()).hexdigest()
        taken, status = self._taken(order_id), "PENDING"
        if taken is None:
            document = {"order_id": order_id, "customer": caller, "fingerprint": fingerprint, "order": order}
            taken = self._start(order_id, document)
        else:
            status = taken["status"]
        if taken["fingerprint"] != fingerprint:
            raise Refused(422, "Idempotency-Key belongs to another order: send a new one with a new order")
        # Relative to this request, so that the stage's name stays in it.
        return _response(202, {"order_id": order_id, "status": status}, {"Location": f"orders/{order_id}", **_RETRY})

    def _start(self, order_id: str, document: dict[str, Any]) -> Mapping[str, Any]:
        """Starts the execution of an order; what it was started with, by this request or an earlier one."""
        try:
            self._states.start_execution(stateMachineArn=self._machine_arn, name=order_id, input=_json(document))
        except Exception as error:
            if _code(error) != "ExecutionAlreadyExists":
                raise
            return self._started(order_id) or document
        return document

    def _show(self, caller: str, order_id: str) -> dict[str, Any]:
        taken = (self._taken(order_id) or self._started(order_id)) if _ID.fullmatch(order_id) else None
        if taken is None or taken["customer"] != caller:
            raise Refused(404, "There is no such order")
        shown = {name: taken[name] for name in ("order_id", "status", "reason", "created_at", "updated_at", "order") if taken.get(name)}
        return _response(200, shown, _RETRY if taken["status"] == "PENDING" else {})

    def _taken(self, order_id: str) -> dict[str, Any] | None:
        """An order in its store."""
        key = {"order_id": {"S": order_id}}
        item = self._dynamodb.get_item(TableName=self._table_name, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return None
        texts = {name: value["S"] for name, value in item.items() if "S" in value}
        return {**texts, "order": json.loads(texts["order"])}

    def _started(self, order_id: str) -> dict[str, Any] | None:
        """An order whose execution has begun, and has not stored it yet."""
        arn = f"{self._machine_arn.replace(':stateMachine:', ':execution:')}:{order_id}"
        try:
            execution = self._states.describe_execution(executionArn=arn)
        except Exception as error:
            if _code(error) == "ExecutionDoesNotExist":
                return None
            raise
        return {**json.loads(execution["input"]), "status": "PENDING"}


def caller_of(context: Mapping[str, Any]) -> str:
    """Who sent a request: the subject of the token, what a function says, or the IAM role or user."""
    authorizer = context.get("authorizer") or {}
    claims = authorizer.get("claims") or (authorizer.get("jwt") or {}).get("claims") or authorizer.get("lambda") or {}
    identity = authorizer.get("iam") or context.get("identity") or {}
    caller = claims.get("sub") or claims.get("principalId") or authorizer.get("principalId") or _role(identity.get("userArn"))
    if not caller:
        raise Refused(403, "The authorizer names no caller: it needs a claim or context entry sub, or a principalId")
    return str(caller)


def _role(arn: str | None) -> str | None:
    """The role or user of an ARN: the sessions of a role are one caller."""
    return re.sub(r"(:assumed-role/[^/]+)/.*", r"\1", arn) if arn else None


def _order(event: Mapping[str, Any]) -> dict[str, Any]:
    body = event.get("body") or ""
    try:
        text = base64.b64decode(body).decode() if event.get("isBase64Encoded") else body
        order = json.loads(text, parse_int=_integer, parse_float=_decimal, parse_constant=_digits)
    except ValueError as error:
        raise Refused(400, str(error) if isinstance(error, _NumberError) else "The body is no JSON") from None
    if not isinstance(order, dict):
        raise Refused(400, "The body is no JSON object")
    if len(_json(order).encode()) > MOST_BYTES:
        raise Refused(413, f"The order has more than {MOST_BYTES:,} bytes")
    return order


class _NumberError(ValueError):
    """A number that would arrive as another one."""


def _digits(text: str) -> str:
    """A number as it stands, which state machines hand on: they have numbers as JavaScript has them."""
    if not re.fullmatch(r"-?[\d.]+([eE][+-]?\d{1,2})?", text) or len(re.sub(r"[eE].*|\D", "", text).strip("0")) > _MOST_DIGITS:
        raise _NumberError(f"The number {text[:40]} cannot be kept exactly: send it as a text")
    return text


def _integer(text: str) -> int:
    return int(_digits(text))


def _decimal(text: str) -> float:
    return float(_digits(text))


def _json(value: Any) -> str:
    """The same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _code(error: Exception) -> str:
    return getattr(error, "response", {}).get("Error", {}).get("Code", "")


def _response(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    every = {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})}
    return {"statusCode": status, "headers": every, "body": json.dumps(body)}


@cache
def _entrance() -> Entrance:
    import boto3
    from botocore.config import Config

    # The caller waits: two attempts of three seconds at most for each of three requests.
    config = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2})
    clients = boto3.client("dynamodb", config=config), boto3.client("stepfunctions", config=config)
    return Entrance(*clients, os.environ["ORDER_TABLE"], os.environ["STATE_MACHINE_ARN"])


def cors_headers(event: Mapping[str, Any], origins: str, credentials: str) -> dict[str, str]:
    """What lets a page of an allowed origin read the response: of a REST API, functions say so themselves."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if not origins or (origin := headers.get("origin")) not in origins.split(","):
        return {"Vary": "Origin"} if origins else {}
    allowed = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Location,Retry-After", "Vary": "Origin"}
    return {**allowed, **({"Access-Control-Allow-Credentials": "true"} if credentials else {})}


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """The entry point."""
    response = _entrance().answer(event)
    own = cors_headers(event, os.environ.get("ALLOWED_ORIGINS", ""), os.environ.get("ALLOW_CREDENTIALS", ""))
    return {**response, "headers": {**response["headers"], **own}}
