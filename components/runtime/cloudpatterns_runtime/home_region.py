"""Writes to a global table that are right although the latest one wins: items with a home Region, and counters in parts.

A DynamoDB global table with eventual consistency keeps the latest of writes to one item in several Regions, whole, and loses the others
without an error. Conditions are judged by what the Region of the request knows. So each item has one Region that writes it, its home::

    import boto3
    from cloudpatterns_runtime.home_region import ElsewhereError, HomeItems, RegionalCounter

    CLIENT = boto3.client("dynamodb")
    CARTS = HomeItems.from_environment(CLIENT)
    VISITS = RegionalCounter.from_environment(CLIENT)

    def add(cart, article):
        try:
            return CARTS.update({"id": {"S": cart}}, add="articles :one", values={":one": {"SS": [article]}})
        except ElsewhereError as elsewhere:
            return send_on(elsewhere.url)

What holds
==========

1. **One Region writes an item.** It stands in the item's attribute ``home_region``. An item that has none yet is at home where its key says
   (``home``, the same in all Regions), so that two Regions do not create it at once. ``new_key`` finds keys that are at home here.
2. **In its home, conditions hold**: an article is not sold twice, and a number does not fall below zero.
3. Elsewhere ``update`` raises ``ElsewhereError`` with the URL of the home's own cell. Anyone may read: what is read elsewhere may be a
   second or two old.
4. **When a Region is lost**, its items are read everywhere, and written again after ``take_over``: by whoever decides that the Region is
   lost, never by a function that gets no answer. Stop its writers first, or be sure that they have stopped: what they write before they
   see the new home competes with it by time.
5. **A counter has a part in each Region**, which that Region alone writes; the sum of what has arrived is its value. A retry of a request
   whose answer was lost counts twice.

Source: AWS, "Using DynamoDB global tables"
(https://docs.aws.amazon.com/prescriptive-guidance/latest/dynamodb-global-tables/introduction.html).
"""

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from cloudpatterns_runtime._checks import entry, variable

__all__ = ["ElsewhereError", "HomeItems", "RegionalCounter"]

_REMEDY = "A component GlobalService sets it for functions of its cells."
_BATCH = 100
_HOME = "#homeRegion = :homeRegion"


class DynamoDb(Protocol):
    """The calls of boto3's DynamoDB client."""

    def update_item(self, **request: Any) -> Any:
        """As in boto3."""
        ...

    def batch_get_item(self, **request: Any) -> Any:
        """As in boto3."""
        ...


class ElsewhereError(Exception):
    """The item is at home in another Region, which alone writes it."""

    region: str
    """The home."""
    url: str
    """URL of the home's own cell; empty where it is not known."""

    def __init__(self, region: str, url: str) -> None:
        super().__init__(region, url)
        self.region, self.url = region, url

    def __str__(self) -> str:
        return f"the item is written in {self.region} alone; send the request to {self.url or 'the cell there'}"


@dataclass(frozen=True)
class HomeItems:
    """Items of a global table that one Region writes.

    :raises ValueError: for a Region that is not among those of the service.
    """

    client: DynamoDb
    """boto3's client of this Region."""
    table: str
    """Name of the table."""
    region: str
    """This Region."""
    urls_by_region: Mapping[str, str]
    """The Regions of the service, this one too, and where each is reached by itself."""
    attribute: str = "home_region"
    """The attribute with the home, which is no key of the table."""

    def __post_init__(self) -> None:
        """Checks the Region."""
        _refuse(self.region, self.urls_by_region)

    @classmethod
    def from_environment(cls, client: DynamoDb, environment: Mapping[str, str] | None = None) -> Self:
        """With what ``GlobalService`` and Lambda set. Default: the process's environment.

        :raises ValueError: where a variable is missing.
        """
        return cls(client, *_settings(os.environ if environment is None else environment))

    def home(self, key: Mapping[str, Mapping[str, Any]]) -> str:
        """The Region in which an item is created. Another Region of the service moves only the new items that it gets."""
        text = json.dumps({name: {kind: str(value) for kind, value in one.items()} for name, one in key.items()}, sort_keys=True)
        return max(self.urls_by_region, key=lambda region: (hashlib.sha256(f"{region}\n{text}".encode()).digest(), region))

    def new_key(self, key: Callable[[str], Mapping[str, Mapping[str, Any]]]) -> Mapping[str, Mapping[str, Any]]:
        """A key with a random id that is at home here: ``new_key(lambda id: {"id": {"S": id}})``."""
        while True:
            found = key(uuid.uuid4().hex)
            if self.home(found) == self.region:
                return found

    def update(
        self,
        key: Mapping[str, Mapping[str, Any]],
        *,
        assign: str = "",
        add: str = "",
        remove: str = "",
        condition: str = "",
        names: Mapping[str, str] | None = None,
        values: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Changes or creates an item at home, and gives all of its attributes.

        ``assign`` (SET), ``add`` and ``remove`` are the clauses of an update expression of DynamoDB, without their keywords.

        :raises ElsewhereError: where the item is at home in another Region.
        :raises Exception: as boto3 does, such as where ``condition`` does not hold.
        """
        home, others = self.home(key), (("ADD", add), ("REMOVE", remove))
        here = f"(attribute_not_exists(#homeRegion) OR {_HOME})" if home == self.region else _HOME
        try:
            response = self._write(
                key,
                " ".join([f"SET {', '.join(filter(None, [_HOME, assign]))}", *(f"{word} {clause}" for word, clause in others if clause)]),
                f"{here} AND ({condition})" if condition else here,
                names,
                values,
            )
        except Exception as error:
            if not _refused(error):
                raise
            found: Any = getattr(error, "response", {})
            known = entry(found, "Item", self.attribute, "S")
            if (owner := home if known is None else str(known)) == self.region:
                raise
            raise ElsewhereError(owner, self.urls_by_region.get(owner, "")) from error
        return response["Attributes"]

    def take_over(self, key: Mapping[str, Mapping[str, Any]], lost_region: str) -> bool:
        """Lets this Region write an item whose home is lost; False where its home is another one by now."""
        unset = "attribute_not_exists(#homeRegion)" if self.home(key) == lost_region else ""
        condition = " OR ".join(filter(None, ["#homeRegion = :lostRegion", unset]))
        try:
            self._write(key, f"SET {_HOME}", condition, None, {":lostRegion": {"S": lost_region}})
        except Exception as error:
            if _refused(error):
                return False
            raise
        return True

    def _write(
        self,
        key: Mapping[str, Any],
        expression: str,
        condition: str,
        names: Mapping[str, str] | None,
        values: Mapping[str, Mapping[str, Any]] | None,
    ) -> Any:
        return self.client.update_item(
            TableName=self.table,
            Key=key,
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeNames={**({} if names is None else names), "#homeRegion": self.attribute},
            ExpressionAttributeValues={**({} if values is None else values), ":homeRegion": {"S": self.region}},
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )


@dataclass(frozen=True)
class RegionalCounter:
    """Numbers to which every Region adds.

    :raises ValueError: for a Region that is not among those of the service.
    """

    client: DynamoDb
    """boto3's client of this Region."""
    table: str
    """Name of the table."""
    region: str
    """This Region."""
    urls_by_region: Mapping[str, str]
    """The Regions of the service, and former ones whose part counts."""
    partition_key: str = "id"
    """The partition key of the table, a text: an item of a counter has its name there, ``#`` and the Region."""
    sort_key: str = ""
    """The sort key of the table, a text, where it has one: its value is ``counter``."""

    def __post_init__(self) -> None:
        """Checks the Region."""
        _refuse(self.region, self.urls_by_region)

    @classmethod
    def from_environment(
        cls, client: DynamoDb, environment: Mapping[str, str] | None = None, *, partition_key: str = "id", sort_key: str = ""
    ) -> Self:
        """With what ``GlobalService`` and Lambda set. Default: the process's environment.

        :raises ValueError: where a variable is missing.
        """
        settings = _settings(os.environ if environment is None else environment)
        return cls(client, *settings, partition_key=partition_key, sort_key=sort_key)

    def add(self, name: str, number: int = 1) -> None:
        """Adds to the part of this Region."""
        self.client.update_item(
            TableName=self.table,
            Key=self._key(name, self.region),
            UpdateExpression="ADD #total :number",
            ExpressionAttributeNames={"#total": "total"},
            ExpressionAttributeValues={":number": {"N": str(number)}},
        )

    def value(self, name: str) -> int:
        """The sum of the parts of all Regions, as far as they have arrived here."""
        wanted: list[Any] = [self._key(name, region) for region in self.urls_by_region]
        total = 0
        while wanted:
            response = self.client.batch_get_item(RequestItems={self.table: {"Keys": wanted[:_BATCH]}})
            total += sum(int(item["total"]["N"]) for item in response["Responses"].get(self.table, []))
            wanted = [*response.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", []), *wanted[_BATCH:]]
        return total

    def _key(self, name: str, region: str) -> dict[str, dict[str, str]]:
        key = {self.partition_key: {"S": f"{name}#{region}"}}
        return {**key, self.sort_key: {"S": "counter"}} if self.sort_key else key


def _settings(environment: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    table, region = variable(environment, "TABLE_NAME", _REMEDY), variable(environment, "AWS_REGION", "Lambda sets it.")
    return table, region, json.loads(variable(environment, "CELL_URLS_BY_REGION", _REMEDY))


def _refuse(region: str, urls_by_region: Mapping[str, str]) -> None:
    if region not in urls_by_region:
        raise ValueError(f"region is {region!r}; the service is in {', '.join(urls_by_region) or 'none'}. Add it to urls_by_region.")


def _refused(error: Exception) -> bool:
    return entry(getattr(error, "response", None), "Error", "Code") == "ConditionalCheckFailedException"
