"""A table in memory that answers a circuit breaker as DynamoDB does, with faults where a test wants them, and tables on the emulators."""

import copy
import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError, EndpointConnectionError

TABLE = "breakers"


def refusal(item: dict[str, Any] | None) -> ClientError:
    """The error of a condition that does not hold, with the item as ``ALL_OLD`` has it."""
    answer: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}}
    return ClientError({**answer, **({"Item": item} if item else {})}, "PutItem")


class Memory:
    """``boto3.client("dynamodb")`` for what ``breaker`` asks of it; ``test_breaker.py`` holds the emulators to the same."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.fault: Callable[[int, str], str | None] = lambda number, operation: None
        """``before``, ``after`` (the answer is lost) or ``twice`` (the SDK repeats what had no answer) for the number of a request."""
        self._lock = threading.Lock()

    @property
    def counts(self) -> dict[str, int]:
        """Requests by their operation."""
        return dict(Counter(operation for operation, _ in self.requests))

    def get_item(self, **request: Any) -> Any:
        assert request["ConsistentRead"] is True
        return self._answer("get_item", request, self._get)

    def put_item(self, **request: Any) -> Any:
        return self._answer("put_item", request, self._put)

    def update_item(self, **request: Any) -> Any:
        return self._answer("update_item", request, self._update)

    def _answer(self, operation: str, request: dict[str, Any], work: Callable[..., Any]) -> Any:
        with self._lock:
            self.requests.append((operation, request))
            assert request["TableName"] == TABLE
            fault = self.fault(len(self.requests), operation)
            lost = EndpointConnectionError(endpoint_url="https://dynamodb")
            if fault == "before":
                raise lost
            try:
                answer = work(**request)
                if fault == "twice":
                    answer = work(**request)
            except ClientError:
                if fault == "after":
                    raise lost from None
                raise
            if fault == "after":
                raise lost
            return copy.deepcopy(answer)

    def _get(self, Key: Any, **_: Any) -> Any:
        item = self.items.get(Key["dependency"]["S"])
        return {"Item": item} if item else {}

    def _put(self, Item: Any, **request: Any) -> Any:
        self._check(Item["dependency"]["S"], request)
        assert all(kind == "S" or (kind == "N" and float(text) < 1e38) for value in Item.values() for kind, text in value.items()), Item
        self.items[Item["dependency"]["S"]] = copy.deepcopy(Item)
        return {}

    def _update(self, Key: Any, UpdateExpression: str, **request: Any) -> Any:
        dependency = Key["dependency"]["S"]
        self._check(dependency, request)
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        item = self.items.setdefault(dependency, {"dependency": {"S": dependency}})
        several = r"#\w+(?: :\w+)?(?:, #\w+(?: :\w+)?)*"
        assert re.fullmatch(rf"SET #\w+ = :\w+ ADD {several}( REMOVE {several})?", UpdateExpression), UpdateExpression
        clauses = dict(re.findall(r"(SET|ADD|REMOVE) (.+?)(?= ADD| REMOVE|$)", UpdateExpression))
        used = re.findall(r"#\w+", UpdateExpression)
        assert len(used) == len(set(used)), "DynamoDB refuses paths that overlap"
        for name, value in re.findall(r"(#\w+) = (:\w+)", clauses["SET"]):
            item[names[name]] = values[value]
        for name, value in re.findall(r"(#\w+) (:\w+)", clauses["ADD"]):
            item[names[name]] = {"N": str(int(item.get(names[name], {"N": "0"})["N"]) + int(values[value]["N"]))}
        for name in re.findall(r"#\w+", clauses.get("REMOVE", "")):
            item.pop(names[name], None)
        assert request["ReturnValues"] == "ALL_NEW"
        return {"Attributes": item}

    def _check(self, dependency: str, request: dict[str, Any]) -> None:
        assert request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
        item, values = self.items.get(dependency), request.get("ExpressionAttributeValues")
        assert request["ExpressionAttributeNames"]["#generation"] == "generation"
        assert values != {}, "DynamoDB refuses empty values"
        generation = (item or {}).get("generation")
        wanted = {
            "attribute_not_exists(#generation)": None,
            "#generation = :generation": (values or {}).get(":generation"),
        }[request["ConditionExpression"]]
        if generation != wanted:
            raise refusal(copy.deepcopy(item))


def create_table(client: Any) -> str:
    """A table of a name of its own on an emulator."""
    name = f"breakers-{uuid4()}"
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "dependency", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "dependency", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name
