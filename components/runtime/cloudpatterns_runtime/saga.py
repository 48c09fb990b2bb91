"""Steps of a saga that happen once, and compensations that leave nothing behind: a log of steps in a DynamoDB table.

A workflow runs a step at least once, and its compensation at least once after a failure. What it cannot do is stop an attempt that it has
given up: a function whose answer was lost may still be running when the compensation has ended. So a compensation must also keep the step
from happening later. The log does both, with one item for each step of each saga::

    import boto3
    from cloudpatterns_runtime.saga import EffectRefused, StepLog

    RESERVATIONS = StepLog(boto3.client("dynamodb"), table="stock", step="Reserve")

    def reserve(order):
        take = {"Update": {"TableName": "stock", "Key": {"id": {"S": order["sku"]}}, ...}}
        try:
            return RESERVATIONS.do(order["id"], {"count": order["count"]}, take)
        except EffectRefused:
            raise OutOfStock(order["sku"])

    def release(order):
        return RESERVATIONS.undo(order["id"], lambda result: [give_back(order["sku"], result["count"])])

``do`` and ``undo`` are for effects in DynamoDB, which are written in one transaction with the log. ``call`` and ``take_back`` are for those
elsewhere, such as at a payment provider.

The protocol
============

1. The item of a step is *done* with its result, or *undone*; of an effect elsewhere also *begun* and *undoing*. No item: nothing happened.
2. ``do`` writes *done* and its effects on the condition that there is no item. Who loses gets the result of the winner.
3. ``undo`` writes *undone* and the opposite effects over *done*. Where there is no item it writes *undone* alone: an attempt that is still
   under way finds it and ends with ``StepUndone``, without effects.
4. ``call`` writes *begun* before it calls, and *done* over *begun* afterwards. ``take_back`` writes *undoing* over either, then calls, and
   writes *undone*. Both may call several times, also at once: what they call must be idempotent, by a key such as the order's id.
5. Between *begun* and *done* nobody knows whether the call elsewhere happened, or happens in this moment. So what ``take_back`` calls must
   leave nothing behind in either case, also for a call that arrives after it. With a payment provider: the step creates a payment with the
   order's id as its key, in which no money moves, and then confirms it; to take it back, create it under the same key (which finds it),
   and cancel it, or refund it where it is confirmed. A cancelled payment cannot be confirmed any more.
6. Items expire after ``retention_seconds``: later than any attempt or replay may come.

Sources: Garcia-Molina and Salem, "Sagas"; AWS Prescriptive Guidance, "Saga orchestration pattern"
(https://docs.aws.amazon.com/prescriptive-guidance/latest/cloud-design-patterns/saga-orchestration.html).
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cloudpatterns_runtime._checks import entry, is_duration, write_on_condition

__all__ = ["EffectRefused", "StepLog", "StepUndone"]

BEGUN, DONE, UNDOING, UNDONE = "begun", "done", "undoing", "undone"
"""The states of a step, as they stand in its item."""
_ROUNDS = 5

Effect = dict[str, Any]
"""One of the items of TransactWriteItems: ``{"Update": {...}}``, ``{"Put": {...}}``, ``{"ConditionCheck": {...}}``."""


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

    def transact_write_items(self, **request: Any) -> Any:
        """As boto3 has it."""
        ...


class StepUndone(Exception):
    """The step was undone before this attempt of it: it must not happen any more, and has no effects."""

    not_retried = True

    def __init__(self, step: str, saga_id: str) -> None:
        super().__init__(step, saga_id)
        self.step, self.saga_id = step, saga_id

    def __str__(self) -> str:
        return f"{self.step} of {self.saga_id} is undone already; this attempt came later and has no effects"


class EffectRefused(Exception):
    """DynamoDB refused an effect, because its condition does not hold; nothing is written."""

    not_retried = True

    def __init__(self, step: str, saga_id: str, effects: Sequence[int]) -> None:
        super().__init__(step, saga_id, effects)
        self.step, self.saga_id = step, saga_id
        self.effects = effects
        """The positions of the effects whose conditions do not hold, from 0."""

    def __str__(self) -> str:
        return f"{self.step} of {self.saga_id}: the condition of effect {', '.join(map(str, self.effects))} does not hold"


class _Changed(Exception):
    """The item is not what was read: read it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLog:
    """The log of one step; see the module for what it guarantees.

    :raises ValueError: for settings that cannot be used.
    """

    client: DynamoDb = field(repr=False, kw_only=False)
    """``boto3.client("dynamodb")``."""
    table: str
    """Name of the table; its partition key is a text, and it has no sort key."""
    step: str
    """Name of the step, which begins the keys of its items: ``Reserve#4711``."""
    key: str = "id"
    """Name of the partition key. Default: ``id``."""
    expires_at: str = "expires_at"
    """The table's TTL attribute. Default: ``expires_at``."""
    retention_seconds: float = 400 * 86_400
    """Seconds after which an item expires. Default: 400 days."""
    clock: Callable[[], float] = field(default=time.time, repr=False)
    """Seconds since 1970. Default: ``time.time``."""

    def __post_init__(self) -> None:
        if not is_duration(self.retention_seconds):
            raise ValueError(f"retention_seconds is {self.retention_seconds!r}; give a number above 0, longer than a replay may be late")

    def do(self, saga_id: str, result: Any, *effects: Effect) -> Any:
        """Writes the effects, once; the result, which is JSON: that of the first attempt.

        :raises EffectRefused: where the condition of an effect does not hold.
        :raises StepUndone: where the step was undone before.
        """
        item = self._item(saga_id, DONE, result)
        put = {"Put": {"TableName": self.table, "Item": item, "ConditionExpression": "attribute_not_exists(#key)", **self._names("#key")}}
        try:
            self._write(saga_id, put, effects)
        except _Changed:
            return self._known(saga_id)
        return result

    def undo(self, saga_id: str, effects: Callable[[Any], Sequence[Effect]] = lambda result: ()) -> bool:
        """Writes the opposite effects, once: ``effects`` gives them for the step's result. Whether there was something to undo.

        :raises EffectRefused: where the condition of an effect does not hold.
        """

        def undone(item: Mapping[str, Any]) -> None:
            self._write(saga_id, {"Update": self._update(saga_id, UNDONE, (DONE,))}, effects(_result(item)))

        return self._round(saga_id, undone)

    def call(self, saga_id: str, action: Callable[[], Any]) -> Any:
        """Calls ``action``, until a call has succeeded; its result, which is JSON: that of the first attempt whose result was kept.

        :raises StepUndone: where the step was undone before, or meanwhile: then whoever undid it undoes what the call did, too.
        """
        begun = self._item(saga_id, BEGUN)
        if not self._put(begun):
            state, item = self._state(saga_id)
            if state != BEGUN:
                return self._known(saga_id, item)
        result = action()
        if self._change(saga_id, DONE, (BEGUN,), result):
            return result
        return self._known(saga_id)

    def take_back(self, saga_id: str, action: Callable[[Any], object]) -> bool:
        """Calls ``action`` with the step's result, or None where it is unknown. Whether there was something to take back.

        Nothing is called where no attempt of the step has begun; none can begin then.
        """

        def taken(item: Mapping[str, Any]) -> None:
            if not self._change(saga_id, UNDOING, (BEGUN, DONE, UNDOING)):
                raise _Changed
            # A result may be there now that was not when it was read.
            _, now = self._state(saga_id)
            action(_result(now))
            self._change(saga_id, UNDONE, (UNDOING,))

        return self._round(saga_id, taken)

    def _round(self, saga_id: str, undo: Callable[[Mapping[str, Any]], None]) -> bool:
        """Undoes what there is; again where it has changed meanwhile."""
        for _ in range(_ROUNDS):
            state, item = self._state(saga_id)
            if state == UNDONE:
                return False
            if state is None:
                if self._put(self._item(saga_id, UNDONE)):
                    return False
                continue
            try:
                undo(item)
            except _Changed:
                continue
            return True
        raise RuntimeError(f"{self.step} of {saga_id} changes all the time; another attempt may find it at rest")

    def _known(self, saga_id: str, item: Mapping[str, Any] | None = None) -> Any:
        """The result of the attempt that was first."""
        if item is None:
            _, item = self._state(saga_id)
        if _state_of(item) == DONE:
            return _result(item)
        raise StepUndone(self.step, saga_id)

    def _state(self, saga_id: str) -> tuple[str | None, Mapping[str, Any]]:
        item = self.client.get_item(TableName=self.table, Key=self._key(saga_id), ConsistentRead=True).get("Item", {})
        return _state_of(item), item

    def _put(self, item: dict[str, Any]) -> bool:
        """Writes an item where there is none; whether it did."""
        condition = {"ConditionExpression": "attribute_not_exists(#key)", **self._names("#key")}
        return write_on_condition(self.client.put_item, TableName=self.table, Item=item, **condition)

    def _change(self, saga_id: str, state: str, before: Sequence[str], *result: Any) -> bool:
        """Writes a state, and a result, over one of others; whether it did."""
        return write_on_condition(self.client.update_item, **self._update(saga_id, state, before, *result))

    def _write(self, saga_id: str, log: Effect, effects: Sequence[Effect]) -> None:
        """One transaction.

        :raises _Changed: where the condition on the log's item does not hold.
        """
        try:
            self.client.transact_write_items(TransactItems=[log, *effects])
        except Exception as error:
            response = getattr(error, "response", None)
            if entry(response, "Error", "Code") != "TransactionCanceledException" or not isinstance(response, Mapping):
                raise
            codes = [reason.get("Code", "None") for reason in response.get("CancellationReasons", [])]
            if not codes or set(codes) - {"None", "ConditionalCheckFailed"}:
                # Another transaction was under way, or the like: the next attempt may succeed.
                raise
            if codes[0] != "None":
                raise _Changed from error
            refused = [number for number, code in enumerate(codes[1:]) if code != "None"]
            raise EffectRefused(self.step, saga_id, refused) from error

    def _item(self, saga_id: str, state: str, *result: Any) -> dict[str, Any]:
        kept = {"result": {"S": json.dumps(result[0])}} if result else {}
        expiry = {"N": str(int(self.clock() + self.retention_seconds))}
        return {**self._key(saga_id), "state": {"S": state}, self.expires_at: expiry, **kept}

    def _update(self, saga_id: str, state: str, before: Sequence[str], *result: Any) -> dict[str, Any]:
        marks = {f":before{number}": {"S": one} for number, one in enumerate(before)}
        kept = {":result": {"S": json.dumps(result[0])}} if result else {}
        return {
            "TableName": self.table,
            "Key": self._key(saga_id),
            "UpdateExpression": "SET #state = :state" + (", #result = :result" if result else ""),
            "ConditionExpression": f"#state IN ({', '.join(marks)})",
            "ExpressionAttributeNames": {"#state": "state", **({"#result": "result"} if result else {})},
            "ExpressionAttributeValues": {":state": {"S": state}, **marks, **kept},
        }

    def _names(self, placeholder: str) -> dict[str, Any]:
        return {"ExpressionAttributeNames": {placeholder: self.key}}

    def _key(self, saga_id: str) -> dict[str, Any]:
        return {self.key: {"S": f"{self.step}#{saga_id}"}}


def _state_of(item: Mapping[str, Any]) -> str | None:
    return item["state"]["S"] if item else None


def _result(item: Mapping[str, Any]) -> Any:
    return json.loads(item["result"]["S"]) if "result" in item else None
