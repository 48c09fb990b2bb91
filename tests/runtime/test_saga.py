"""The log of a saga's steps: each happens once, its compensation leaves nothing behind, and attempts may come late, again or half done."""

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloudpatterns_runtime.saga import EffectRefused, StepLog, StepUndone

from tests.emulators.locked_moto import client
from tests.emulators.memory_dynamodb import MemoryDynamoDb
from tests.emulators.ministack import MiniStack
from tests.emulators.tables import table_by_id

TABLE = "stock"


def change(count: int, table: str = TABLE) -> dict[str, Any]:
    """What an article has, and never less than nothing."""
    update = {
        "TableName": table,
        "Key": {"id": {"S": "sku#chair"}},
        "UpdateExpression": "SET available = available + :count",
        "ConditionExpression": "available >= :wanted",
        "ExpressionAttributeValues": {":count": {"N": str(count)}, ":wanted": {"N": str(max(0, -count))}},
    }
    return {"Update": update}


def prepared(dynamodb: Any, table: str = TABLE, available: int = 5) -> Any:
    table_by_id(dynamodb, table)
    dynamodb.put_item(TableName=table, Item={"id": {"S": "sku#chair"}, "available": {"N": str(available)}})
    return dynamodb


@pytest.fixture
def dynamodb(moto_account: None) -> Any:
    return prepared(client("dynamodb"))


def available(dynamodb: Any, table: str = TABLE) -> int:
    return int(dynamodb.get_item(TableName=table, Key={"id": {"S": "sku#chair"}})["Item"]["available"]["N"])


def reservations(dynamodb: Any, table: str = TABLE) -> StepLog:
    return StepLog(dynamodb, table=table, step="Reserve")


def give_back(result: Any) -> list[dict[str, Any]]:
    return [change(result["count"])]


def test_a_step_happens_once_and_every_attempt_has_the_first_result(dynamodb: Any) -> None:
    log = reservations(dynamodb)
    assert [log.do("4711", {"count": count}, change(-count)) for count in (2, 1)] == [{"count": 2}, {"count": 2}]
    assert available(dynamodb) == 3
    assert log.do("4712", {"count": 1}, change(-1)) == {"count": 1}
    assert available(dynamodb) == 2


def test_a_compensation_undoes_what_happened_once(dynamodb: Any) -> None:
    log = reservations(dynamodb)
    log.do("4711", {"count": 2}, change(-2))
    assert [log.undo("4711", give_back) for _ in range(3)] == [True, False, False]
    assert available(dynamodb) == 5


def test_a_step_that_comes_after_its_compensation_has_no_effects(dynamodb: Any) -> None:
    log = reservations(dynamodb)
    assert log.undo("4711", give_back) is False
    with pytest.raises(StepUndone, match=r"^Reserve of 4711 is undone already; this attempt came later and has no effects$"):
        log.do("4711", {"count": 2}, change(-2))
    with pytest.raises(StepUndone):
        log.call("4711", lambda: pytest.fail("was called"))
    assert available(dynamodb) == 5


def test_an_effect_that_is_refused_leaves_nothing_and_says_which(dynamodb: Any) -> None:
    log = reservations(dynamodb)
    put = {"Put": {"TableName": TABLE, "Item": {"id": {"S": "note"}}}}
    with pytest.raises(EffectRefused) as error:
        log.do("4711", {}, put, change(-6))
    assert error.value.effects == [1]
    assert str(error.value) == "Reserve of 4711: the condition of effect 1 does not hold"
    assert "Item" not in dynamodb.get_item(TableName=TABLE, Key={"id": {"S": "note"}})
    # The article may be there again at the next attempt.
    assert log.do("4711", {"count": 1}, change(-1)) == {"count": 1}


def test_a_compensation_whose_effect_is_refused_can_be_tried_again(dynamodb: Any) -> None:
    log = reservations(dynamodb)
    log.do("4711", {"count": 2}, change(-2))
    impossible = {"ConditionCheck": {"TableName": TABLE, "Key": {"id": {"S": "x"}}, "ConditionExpression": "attribute_exists(id)"}}
    with pytest.raises(EffectRefused):
        log.undo("4711", lambda result: [*give_back(result), impossible])
    assert available(dynamodb) == 3
    assert log.undo("4711", give_back) is True
    assert available(dynamodb) == 5


class Elsewhere:
    """A provider that counts what it is asked, and fails before or after it has acted."""

    def __init__(self, *failures: str) -> None:
        self.calls, self.failures = 0, [*failures]

    def __call__(self, *_: Any) -> dict[str, int]:
        failure = self.failures.pop(0) if self.failures else ""
        if failure == "before":
            raise ConnectionError(failure)
        self.calls += 1
        if failure:
            raise ConnectionError(failure)
        return {"number": self.calls}


def attempt(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except ConnectionError as error:
        return str(error)


def test_a_call_is_repeated_until_its_result_is_kept(dynamodb: Any) -> None:
    log, pay = reservations(dynamodb), Elsewhere("before", "after")
    assert [attempt(lambda: log.call("4711", pay)) for _ in range(4)] == ["before", "after", {"number": 2}, {"number": 2}]
    assert pay.calls == 2


@pytest.mark.parametrize("failures", [(), ("before",), ("after",)])
def test_what_has_begun_is_taken_back_whether_it_happened_or_not(dynamodb: Any, failures: tuple[str, ...]) -> None:
    log, seen = reservations(dynamodb), list[Any]()
    attempt(lambda: log.call("4711", Elsewhere(*failures)))
    assert [log.take_back("4711", seen.append) for _ in range(2)] == [True, False]
    assert seen == [None if failures else {"number": 1}]


def test_what_has_not_begun_is_not_taken_back_and_cannot_begin(dynamodb: Any) -> None:
    log = reservations(dynamodb)
    assert log.take_back("4711", lambda _: pytest.fail("was called")) is False
    with pytest.raises(StepUndone):
        log.call("4711", lambda: pytest.fail("was called"))


def test_a_take_back_that_failed_is_repeated(dynamodb: Any) -> None:
    log, cancel = reservations(dynamodb), Elsewhere("before", "after")
    log.call("4711", lambda: {"payment": 1})
    assert [attempt(lambda: log.take_back("4711", cancel)) for _ in range(4)] == ["before", "after", True, False]
    assert cancel.calls == 2


def test_a_call_during_which_it_was_taken_back_ends_as_undone(dynamodb: Any) -> None:
    log, seen = reservations(dynamodb), list[Any]()

    def pay() -> str:
        log.take_back("4711", seen.append)
        return "paid"

    with pytest.raises(StepUndone):
        log.call("4711", pay)
    assert seen == [None]


# The threads wait for the emulators, seconds in all.
@pytest.mark.parametrize("where", ["moto", "ministack"])
def test_of_sixteen_attempts_and_compensations_at_once_each_counts_once(where: str, request: pytest.FixtureRequest) -> None:
    if where == "moto":
        request.getfixturevalue("moto_account")
        dynamodb = prepared(client("dynamodb"), "saga-threads", 100)
    else:
        server: MiniStack = request.getfixturevalue("emulator")
        dynamodb = prepared(server.client("dynamodb"), "saga-threads", 100)
    log = StepLog(dynamodb, table="saga-threads", step="Reserve")
    sagas = [str(number) for number in range(4)]
    start = threading.Barrier(16)

    def work(number: int) -> None:
        start.wait()
        for saga in sagas if number % 3 else reversed(sagas):
            for _ in range(5):
                try:
                    if number % 4:
                        log.do(saga, {"count": 2}, change(-2, "saga-threads"))
                    elif int(saga) % 2:
                        log.undo(saga, lambda result: [change(result["count"], "saga-threads")])
                except StepUndone:
                    pass
                except (ClientError, RuntimeError):
                    # Another transaction was under way.
                    continue
                break

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = {
        saga: dynamodb.get_item(TableName="saga-threads", Key={"id": {"S": f"Reserve#{saga}"}})["Item"]["state"]["S"] for saga in sagas
    }
    assert available(dynamodb, "saga-threads") == 100 - 2 * sum(state == "done" for state in states.values())
    assert all(states[saga] == "done" for saga in sagas if not int(saga) % 2)


def test_an_error_of_the_table_that_may_pass_is_raised(dynamodb: Any) -> None:
    reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
    response: Any = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}

    class Busy(MemoryDynamoDb):
        def transact_write_items(self, **request: Any) -> Any:
            raise ClientError(response, "TransactWriteItems")

    with pytest.raises(ClientError, match="TransactionCanceledException"):
        reservations(Busy()).do("4711", {}, change(-1))


def test_a_table_that_changes_all_the_time_is_an_error_to_be_tried_again() -> None:
    class Restless(MemoryDynamoDb):
        def get_item(self, **request: Any) -> Any:
            return {}

    dynamodb = Restless()
    dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "Reserve#4711"}, "state": {"S": "done"}})
    with pytest.raises(RuntimeError, match=r"^Reserve of 4711 changes all the time; another attempt may find it at rest$"):
        reservations(dynamodb).undo("4711")


def test_an_item_expires_after_the_time_that_is_given() -> None:
    dynamodb = MemoryDynamoDb()
    StepLog(dynamodb, table=TABLE, step="Reserve", expires_at="until", retention_seconds=60, clock=lambda: 1000.5).undo("4711")
    assert dynamodb.tables[TABLE]["Reserve#4711"] == {"id": {"S": "Reserve#4711"}, "state": {"S": "undone"}, "until": {"N": "1060"}}
    with pytest.raises(ValueError, match=r"^retention_seconds is 0; give a number above 0, longer than a replay may be late$"):
        StepLog(dynamodb, table=TABLE, step="Reserve", retention_seconds=0)


def test_the_client_over_dictionaries_answers_as_moto_does(dynamodb: Any) -> None:
    """What the simulation of orders relies on: all orders of what can come to one step."""
    here: dict[str, Callable[[StepLog], Any]] = {
        "do": lambda log: log.do("1", {"count": 2}, change(-2)),
        "too much": lambda log: log.do("1", {"count": 9}, change(-9)),
        "undo": lambda log: log.undo("1", give_back),
    }
    elsewhere: dict[str, Callable[[StepLog], Any]] = {
        "call": lambda log: log.call("1", lambda: {"count": 0}),
        "lost": lambda log: log.call("1", Elsewhere("after")),
        "take back": lambda log: log.take_back("1", lambda result: None),
    }
    ways = {**here, **elsewhere}
    for number, names in enumerate([*itertools.product(here, repeat=3), *itertools.product(elsewhere, repeat=3)]):
        memory = MemoryDynamoDb()
        memory.put_item(TableName=TABLE, Item={"id": {"S": "sku#chair"}, "available": {"N": "5"}})
        before = available(dynamodb)
        for name in names:
            outcomes = []
            for backend, step in ((dynamodb, f"Step{number}"), (memory, f"Step{number}")):
                log = StepLog(backend, table=TABLE, step=step, clock=lambda: 0)
                try:
                    outcomes.append(repr(ways[name](log)))
                except (StepUndone, EffectRefused, ConnectionError) as error:
                    outcomes.append(type(error).__name__)
            assert outcomes[0] == outcomes[1], (names, name)
        found = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": f"Step{number}#1"}}).get("Item")
        assert found == memory.tables[TABLE].get(f"Step{number}#1"), names
        assert available(dynamodb) - before == available(memory) - 5, names
        dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "sku#chair"}, "available": {"N": "5"}})
