"""A DynamoDB client over dictionaries, for simulations that send more requests than an emulator can take.

It knows the requests and expressions that the code under test sends, and refuses others. ``test_memory_dynamodb.py`` compares it with moto.
"""

import copy
import re
from collections import defaultdict
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
_REFUSED = "ConditionalCheckFailedException"


class MemoryDynamoDb:
    """Tables by name; an item is found by the one attribute of its key."""

    def __init__(self) -> None:
        self.tables: defaultdict[str, dict[str, Item]] = defaultdict(dict)

    def get_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        item = self._item(request)
        return {} if item is None else {"Item": copy.deepcopy(item)}

    def put_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        if not self._holds(request):
            raise _error(_REFUSED, "PutItem")
        self._put(request)
        return {}

    def update_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        if not self._holds(request):
            raise _error(_REFUSED, "UpdateItem")
        self._update(request)
        return {}

    def transact_write_items(self, **request: Any) -> Any:
        """As boto3 has it."""
        writes = [next(iter(write.items())) for write in request["TransactItems"]]
        reasons = [{"Code": "None" if self._holds(inner) else "ConditionalCheckFailed"} for _, inner in writes]
        if any(reason["Code"] != "None" for reason in reasons):
            raise _error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        for kind, inner in writes:
            {"Put": self._put, "Update": self._update}[kind](inner)
        return {}

    def _place(self, request: Any) -> str:
        key = request.get("Key")
        if key is None:
            # The first attribute of an item that is put is its key, as the code writes them.
            key = dict([next(iter(request["Item"].items()))])
        [value] = key.values()
        return value["S"]

    def _item(self, request: Any) -> Item | None:
        return self.tables[request["TableName"]].get(self._place(request))

    def _put(self, request: Any) -> None:
        self.tables[request["TableName"]][self._place(request)] = copy.deepcopy(request["Item"])

    def _update(self, request: Any) -> None:
        item = {**(self._item(request) or request["Key"])}
        before = dict(item)
        matched = re.fullmatch(r"SET (.+)", request["UpdateExpression"])
        assert matched, request["UpdateExpression"]
        for assignment in re.split(r", (?![^(]*\))", matched[1]):
            name, _, value = assignment.partition(" = ")
            item[self._name(request, name)] = self._value(request, before, value)
        self.tables[request["TableName"]][self._place(request)] = item

    def _value(self, request: Any, item: Item, text: str) -> Any:
        if matched := re.fullmatch(r"if_not_exists\((\S+), (\S+)\)", text):
            known = item.get(self._name(request, matched[1]))
            return self._operand(request, item, matched[2]) if known is None else known
        if matched := re.fullmatch(r"(\S+) \+ (\S+)", text):
            one, other = (self._operand(request, item, operand)["N"] for operand in matched.groups())
            return {"N": str(int(one) + int(other))}
        return self._operand(request, item, text)

    def _operand(self, request: Any, item: Item, text: str) -> Any:
        return request["ExpressionAttributeValues"][text] if text.startswith(":") else item.get(self._name(request, text))

    def _name(self, request: Any, text: str) -> str:
        return request["ExpressionAttributeNames"][text] if text.startswith("#") else text

    def _holds(self, request: Any) -> bool:
        condition = request.get("ConditionExpression")
        item = self._item(request)
        return condition is None or all(self._term(request, item or {}, term) for term in condition.split(" AND "))

    def _term(self, request: Any, item: Item, term: str) -> bool:
        if matched := re.fullmatch(r"attribute_not_exists\((\S+)\)", term):
            return self._name(request, matched[1]) not in item
        if matched := re.fullmatch(r"(\S+) IN \((.+)\)", term):
            return self._operand(request, item, matched[1]) in [self._operand(request, item, one) for one in matched[2].split(", ")]
        matched = re.fullmatch(r"(\S+) (=|<>|>=) (\S+)", term)
        assert matched, term
        one, other = self._operand(request, item, matched[1]), self._operand(request, item, matched[3])
        if matched[2] == ">=":
            return one is not None and int(one["N"]) >= int(other["N"])
        return (one == other) == (matched[2] == "=")


def _error(code: str, operation: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(response, operation)
