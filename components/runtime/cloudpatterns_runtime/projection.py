"""Keeps a read model in DynamoDB from the stream of a write table: idempotent, and in the order of the changes for each item.

The function that Lambda invokes with the stream's records makes one, once::

    import boto3
    from cloudpatterns_runtime.projection import Projection

    def project(order):
        if order["state"] == "draft":
            return None  # not in the read model
        return {"customer": order["customer"], "total": sum(line["price"] for line in order["lines"])}

    PROJECTION = Projection.from_environment(boto3.client("dynamodb"), project)

    def handler(event, context):
        return PROJECTION.handle(event)

The protocol
============

1. A row of the read table has the key of its item in the write table. Other ways to find it are secondary indexes of the read table.
2. A row is a function of one image of its item, and carries the sequence number of the change that it comes from. A row is written whole,
   under the condition that it carries none or a lower one. So a change that is delivered twice, late, or again after days never undoes a
   later one, and one that is missing is made up for by the next one of the item.
3. What is deleted, or not in the read model, leaves a row without attributes but the key and the sequence number, or a change that is
   delivered late would bring it back. Such a row is for no reader (``ReadModel`` leaves it out), has no part in indexes of other
   attributes, and expires after ``remember_seconds``: longer than any change can be delivered again.
4. Sequence numbers rise for the changes of one item, over all shards that it has been in. They are numbers of up to 40 digits, which are
   more than a number in DynamoDB has: rows carry them as texts, filled up with zeros, which compare in the same way.
5. A record that fails does not hold up the others of its batch, nor later ones of its item. Lambda delivers it again, and parks it in the
   end; meanwhile, and when it is replayed (``cloudpatterns_runtime.parked``), it is left out if its row is newer by then.

Changes from before the stream, and those that are lost, are projected by ``python -m cloudpatterns_runtime.projection``, which writes a
new attribute into each item of the write table, so that it is in the stream again, and in order.

Sources: 2025 guide, "CQRS"; AWS Prescriptive Guidance, "CQRS pattern"
(https://docs.aws.amazon.com/prescriptive-guidance/latest/modernization-data-persistence/cqrs-pattern.html); DynamoDB, "Change data capture
for DynamoDB Streams" (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html).
"""

import argparse
import base64
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from cloudpatterns_runtime._checks import variable, write_on_condition

__all__ = ["Change", "Progress", "Projection", "ReadModel", "forget_deleted", "project_again"]

ORDER, DELETED, EXPIRES_AT = "projection_order", "projection_deleted", "projection_expires_at"
"""Attributes of a row beside the projected ones."""
AGAIN_AT = "projection_again_at"
"""Attribute of an item of the write table that ``project_again`` has written."""
_OWN = frozenset((ORDER, DELETED, EXPIRES_AT))
_DIGITS = 40
_THREADS = 16
_DAY_SECONDS = 86_400
_NEWER = "attribute_not_exists(#order) OR #order < :order"
_PREFIX = "CLOUDPATTERNS_PROJECTION_"

_logger = logging.getLogger(__name__)

Wire = dict[str, Any]
"""An item as DynamoDB's client has it: each value with its type, ``{"S": "tea"}``."""


class DynamoDb(Protocol):
    """What is used of ``boto3.client("dynamodb")``."""

    def get_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def put_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def update_item(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def query(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def scan(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...

    def describe_table(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...


class Change(NamedTuple):
    """A change of an item of the write table."""

    key: Wire
    image: Wire | None
    """The item after the change; None: it is deleted."""
    order: str
    """The sequence number, filled up with zeros: texts that compare as the numbers do."""
    sequence_number: str
    """The same as Lambda wants it back."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Change":
        """The change of a record as Lambda has it.

        :raises ValueError: for a stream without images.
        """
        change = record["dynamodb"]
        if record["eventName"] != "REMOVE" and "NewImage" not in change:
            raise ValueError("The stream has no new images. Set its view type to NEW_AND_OLD_IMAGES.")
        number = change["SequenceNumber"]
        image = None if record["eventName"] == "REMOVE" else _binary(change["NewImage"])
        return cls(_binary(change["Keys"]), image, number.rjust(_DIGITS, "0"), number)


class Projection:
    """Projects the changes of a write table into a read table; the module's text has the protocol. Threads may share it."""

    def __init__(
        self,
        dynamodb: DynamoDb,
        project: Callable[[dict[str, Any]], Mapping[str, Any] | None] | None = None,
        *,
        table: str,
        attributes: Sequence[str] = (),
        remember_seconds: float = 32 * _DAY_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A projection into the read table ``table``.

        ``project`` makes the attributes of a row from an item, both with Python's values as boto3's resources have them (numbers are
        ``Decimal``), or None for an item that is not in the read model. The row's key is added. Default: a copy of the item, or of its
        ``attributes``. It is called again for the same item, and must not change anything elsewhere.

        ``remember_seconds`` is how long a deleted item is remembered: longer than failed records are kept.
        """
        self._dynamodb, self._table, self._attributes = dynamodb, table, frozenset(attributes)
        self._project = project
        self._remember_seconds, self._clock = remember_seconds, clock

    @classmethod
    def from_environment(
        cls,
        dynamodb: DynamoDb,
        project: Callable[[dict[str, Any]], Mapping[str, Any] | None] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "Projection":
        """The projection of a function of the component ``Cqrs``, which sets its environment.

        :raises ValueError: where it is missing, as in an existing function to which nobody has given it.
        """
        given = os.environ if environment is None else environment
        return cls(
            dynamodb,
            project,
            table=variable(given, f"{_PREFIX}TABLE", "Pass environment(projection) of the Cqrs to the function."),
            attributes=json.loads(given.get(f"{_PREFIX}ATTRIBUTES", "[]")),
            remember_seconds=float(given.get(f"{_PREFIX}REMEMBER_SECONDS", 32 * _DAY_SECONDS)),
        )

    def handle(self, event: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
        """Projects the records of an event of the stream; the answer names those that failed.

        The event source must have ``ReportBatchItemFailures``. The log has the key, the number and the error of each that failed.
        """
        failed: list[dict[str, str]] = []
        for record in event["Records"]:
            try:
                self.apply(Change.from_record(record))
            except Exception:
                number = record["dynamodb"]["SequenceNumber"]
                _logger.exception("the change %s of %s is not projected", number, json.dumps(record["dynamodb"].get("Keys")))
                failed.append({"itemIdentifier": number})
        return {"batchItemFailures": failed}

    def apply(self, change: Change) -> bool:
        """Projects one change; whether the row is from it now, and not from a later one.

        :raises Exception: what ``project`` or DynamoDB raises, unless the row is newer.
        """
        try:
            row = self._row(change)
        except Exception:
            if self._is_newer(change):
                return False
            raise
        return write_on_condition(
            self._dynamodb.put_item,
            TableName=self._table,
            Item=row,
            ConditionExpression=_NEWER,
            ExpressionAttributeNames={"#order": ORDER},
            ExpressionAttributeValues={":order": {"S": change.order}},
        )

    def _row(self, change: Change) -> Wire:
        own: Wire = {**change.key, ORDER: {"S": change.order}}
        projected = None if change.image is None else self._projected(change.image, change.key)
        if projected is not None:
            return {**projected, **own}
        return {**own, **_tombstone(self._clock() + self._remember_seconds)}

    def _projected(self, image: Wire, key: Wire) -> Wire | None:
        if self._project is None:
            return {name: value for name, value in image.items() if name != AGAIN_AT and (not self._attributes or name in self._attributes)}
        projected = self._project(_plain({name: value for name, value in image.items() if name != AGAIN_AT}))
        if projected is None:
            return None
        row = _wire(projected)
        if wrong := sorted(_OWN & row.keys()):
            raise ValueError(f"The projected row has {', '.join(wrong)}, which the projection itself writes. Choose another name.")
        if wrong := sorted(name for name in key if name in row and row[name] != key[name]):
            raise ValueError(f"The projected row has another {', '.join(wrong)} than its item. Leave the key out; use an index.")
        return row

    def _is_newer(self, change: Change) -> bool:
        found = self._dynamodb.get_item(
            TableName=self._table,
            Key=change.key,
            ConsistentRead=True,
            ProjectionExpression="#order",
            ExpressionAttributeNames={"#order": ORDER},
        ).get("Item", {})
        return ORDER in found and found[ORDER]["S"] > change.order


class ReadModel:
    """Reads the rows of a read table, without those of deleted items. Threads may share it."""

    def __init__(self, dynamodb: DynamoDb, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def get(self, key: Mapping[str, Any], *, consistent: bool = False) -> dict[str, Any] | None:
        """The row of an item by its key, without the projection's own attributes; None: there is none."""
        row = self._dynamodb.get_item(TableName=self._table, Key=_wire(key), ConsistentRead=consistent).get("Item")
        return None if row is None or DELETED in row else _shown(row)

    def query(self, condition: str, values: Mapping[str, Any], **request: Any) -> Iterator[dict[str, Any]]:
        """The rows of a query, page after page: ``query("customer = :c", {":c": "42"}, IndexName="by-customer")``.

        ``request`` are further arguments of DynamoDB's ``query``, as its client has them; of ``FilterExpression``, too.
        """
        live = f"attribute_not_exists({DELETED})"
        given = request.pop("FilterExpression", None)
        request["FilterExpression"] = live if given is None else f"({given}) AND {live}"
        for row in _pages(
            self._dynamodb.query,
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=_wire(values),
            **request,
        ):
            yield from map(_shown, row)


class Progress(NamedTuple):
    """How far a pass over a table is."""

    last: Wire | None
    """Key of the last item that is done, for ``start``; None: the pass is at its end."""
    seen: int
    """Items seen in this pass."""
    written: int
    """Items written in this pass."""


def project_again(dynamodb: DynamoDb, write_table: str, *, start: Wire | None = None, per_second: int = 500) -> Iterator[Progress]:
    """Writes the attribute ``projection_again_at`` into each item of the write table, which brings it into the stream again.

    Gives the progress after each page; ``start`` goes on behind the last item that was done. An item that is deleted meanwhile stays so.
    """
    keys = _key_names(dynamodb, write_table)
    now = str(time.time_ns())

    def write(key: Wire) -> bool:
        return write_on_condition(
            dynamodb.update_item,
            TableName=write_table,
            Key=key,
            UpdateExpression="SET #again = :now",
            ConditionExpression="attribute_exists(#key)",
            ExpressionAttributeNames={"#again": AGAIN_AT, "#key": keys[0]},
            ExpressionAttributeValues={":now": {"S": now}},
        )

    yield from _pass(dynamodb, write_table, keys, write, start, per_second)


def forget_deleted(
    dynamodb: DynamoDb,
    write_table: str,
    read_table: str,
    *,
    remember_seconds: float = 32 * _DAY_SECONDS,
    start: Wire | None = None,
    per_second: int = 500,
) -> Iterator[Progress]:
    """Empties the rows of the read table whose item is not in the write table, as its deletion would have; progress as ``project_again``.

    A row that is projected meanwhile stays. Parked changes are replayed first: the number of a lost deletion is not known, so that an
    older change of the item, if it was never projected, would still bring the row back.
    """
    keys = _key_names(dynamodb, write_table)

    def write(key: Wire) -> bool:
        row = dynamodb.get_item(TableName=read_table, Key=key, ConsistentRead=True).get("Item", {})
        if ORDER not in row or DELETED in row:
            return False
        if "Item" in dynamodb.get_item(TableName=write_table, Key=key, ConsistentRead=True):
            return False
        return write_on_condition(
            dynamodb.put_item,
            TableName=read_table,
            Item={**key, ORDER: row[ORDER], **_tombstone(time.time() + remember_seconds)},
            ConditionExpression="#order = :order",
            ExpressionAttributeNames={"#order": ORDER},
            ExpressionAttributeValues={":order": row[ORDER]},
        )

    yield from _pass(dynamodb, read_table, keys, write, start, per_second)


def _pass(
    dynamodb: DynamoDb, table: str, keys: Sequence[str], write: Callable[[Wire], bool], start: Wire | None, per_second: int
) -> Iterator[Progress]:
    names = {f"#k{number}": key for number, key in enumerate(keys)}
    more: dict[str, Any] = {} if start is None else {"ExclusiveStartKey": start}
    seen = written = 0
    with ThreadPoolExecutor(_THREADS) as threads:
        while True:
            page = dynamodb.scan(
                TableName=table,
                ConsistentRead=True,
                # Between two notes of the progress: what a run that is killed does again.
                Limit=per_second,
                ProjectionExpression=", ".join(names),
                ExpressionAttributeNames=names,
                **more,
            )
            began, last = time.monotonic(), page.get("LastEvaluatedKey")
            written += sum(threads.map(write, page["Items"]))
            seen += len(page["Items"])
            yield Progress(last, seen, written)
            if last is None:
                return
            more["ExclusiveStartKey"] = last
            time.sleep(max(0.0, 1 - (time.monotonic() - began)))


def _key_names(dynamodb: DynamoDb, table: str) -> list[str]:
    schema = dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
    return [key["AttributeName"] for key in sorted(schema, key=lambda key: key["KeyType"])]


def main(arguments: Sequence[str] | None = None, dynamodb: DynamoDb | None = None) -> None:
    """``python -m cloudpatterns_runtime.projection --write-table orders --read-table orders-by-customer --checkpoint again.json``."""
    parser = argparse.ArgumentParser(prog="python -m cloudpatterns_runtime.projection", description=main.__doc__)
    parser.add_argument("--write-table", required=True, help="each of its items is brought into its stream again, and so projected")
    parser.add_argument("--read-table", help="its rows whose item is gone are emptied. Default: they stay")
    parser.add_argument("--checkpoint", type=Path, required=True, help="file with the progress: the same command goes on where it ended")
    parser.add_argument("--per-second", type=int, default=500, help="items in a second at most (default: 500)")
    given = parser.parse_args(arguments)
    if dynamodb is None:
        import boto3

        dynamodb = boto3.client("dynamodb")
    file: Path = given.checkpoint
    step, last = json.loads(file.read_text(encoding="utf-8")) if file.exists() else ("again", None)
    passes: dict[str, Callable[[Wire | None], Iterator[Progress]]] = {
        "again": lambda last: project_again(dynamodb, given.write_table, start=last, per_second=given.per_second)
    }
    if given.read_table:
        passes["forget"] = lambda last: forget_deleted(
            dynamodb, given.write_table, given.read_table, start=last, per_second=given.per_second
        )
    while step in passes:
        for progress in passes[step](None if last is None else _binary(last)):
            print(f"{step}: {progress.seen} seen, {progress.written} written", flush=True)
            following = ("forget" if step == "again" else "", None) if progress.last is None else (step, progress.last)
            file.write_text(json.dumps(following, default=lambda value: base64.b64encode(value).decode()), encoding="utf-8")
        step, last = following
    file.unlink(missing_ok=True)


def _tombstone(expires_at: float) -> Wire:
    return {DELETED: {"BOOL": True}, EXPIRES_AT: {"N": str(int(expires_at))}}


def _shown(row: Wire) -> dict[str, Any]:
    return _plain({name: value for name, value in row.items() if name not in _OWN})


def _pages(request: Callable[..., Any], **arguments: Any) -> Iterator[list[Wire]]:
    """The items of each page of a query or scan."""
    while True:
        page = request(**arguments)
        yield page.get("Items", [])
        if (last := page.get("LastEvaluatedKey")) is None:
            return
        arguments["ExclusiveStartKey"] = last


def _binary(value: Any) -> Any:
    """Values of an event, in which bytes are texts in base64, as boto3's client has them. A value is a dictionary with its type."""

    def decoded(typed: Mapping[str, Any]) -> dict[str, Any]:
        [(kind, content)] = typed.items()
        if kind == "B":
            return {kind: _bytes(content)}
        if kind == "BS":
            return {kind: [_bytes(one) for one in content]}
        if kind == "M":
            return {kind: {name: decoded(one) for name, one in content.items()}}
        return {kind: [decoded(one) for one in content]} if kind == "L" else {kind: content}

    return {name: decoded(typed) for name, typed in value.items()}


def _bytes(content: Any) -> bytes:
    return base64.b64decode(content) if isinstance(content, str) else bytes(content)


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in item.items()}


def _wire(item: Mapping[str, Any]) -> Wire:
    from boto3.dynamodb.types import TypeSerializer

    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in item.items()}


if __name__ == "__main__":
    main()
