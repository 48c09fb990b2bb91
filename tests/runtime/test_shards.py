"""The shard map: where keys are, how few move, and that it changes as a whole; the router, with databases that a test scripts."""

import re
import threading
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloudpatterns_runtime.shards import MapConflict, MapMissing, MapTable, Move, SlotMap

from tests.emulators.locked_moto import client as moto_client
from tests.runtime.shard_tables import map_table

# For good: another way to place keys would need another layout.
SLOTS = {"": 3092, "customer-17": 2947, "ä/1": 2800}
OWNERS = "babacabacacb"
KEYS = [f"customer-{number}" for number in range(100_000)]


def addresses(names: str) -> dict[str, dict[str, str]]:
    return {name: {"host": f"{name}.example"} for name in names}


def shard_map(names: str, **changes: Any) -> SlotMap:
    values: dict[str, Any] = {"addresses": addresses(names), "shards": list(names), **changes}
    return SlotMap(**values)


def owners(current: SlotMap) -> list[str]:
    return [current.shard(key).name for key in KEYS]


@pytest.mark.parametrize("key", [17, None, b"17"])
def test_a_key_is_a_text(key: Any) -> None:
    with pytest.raises(TypeError) as caught:
        shard_map("abc").slot(key)
    assert str(caught.value) == f"key is {key!r}; a text is needed: str(key) of a number."


@pytest.mark.parametrize("count", [1, 2, 4, 9])
def test_adding_a_shard_moves_at_most_about_one_nth_of_the_keys(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    letters = "abcdefghij"[: count + 1]
    before = shard_map(letters, shards=list(letters[:count]))
    after = shard_map(letters)
    moved = [(old, new) for old, new in zip(owners(before), owners(after), strict=True) if old != new]
    share = len(moved) / len(KEYS)
    with capsys.disabled():
        print(f"\n{count + 1} shards instead of {count}: {len(moved):,} of 100,000 keys move, {share * (count + 1):.3f} / N")
    assert {new for _, new in moved} == {letters[count]}
    assert share <= 1.1 / (count + 1)
    # From each of the others about the same.
    assert set(Counter(old for old, _ in moved)) == set(letters[:count])


def test_removing_a_shard_moves_its_keys_alone() -> None:
    before, after = owners(shard_map("abcde")), owners(shard_map("abde"))
    assert {old for old, new in zip(before, after, strict=True) if old != new} == {"c"}
    assert "c" not in after


def test_each_shard_has_about_the_same_number_of_keys() -> None:
    counts = Counter(owners(shard_map("abcde")))
    assert min(counts.values()) > 0.9 * len(KEYS) / 5
    assert max(counts.values()) < 1.1 * len(KEYS) / 5


def test_a_key_is_where_it_was_in_every_process_and_version() -> None:
    current = shard_map("abc")
    assert {key: current.slot(key) for key in SLOTS} == SLOTS
    assert [current.owner(slot) for slot in range(12)] == list(OWNERS)
    assert current == shard_map("abc", shards=["c", "a", "b"])


def test_a_plan_is_the_slots_whose_shard_differs() -> None:
    before = shard_map("abc", shards=["a", "b"])
    begun = before.move_to(["a", "b", "c"])
    plan = begun.moves()
    assert plan == [Move(slot, before.owner(slot), "c") for slot in range(4096) if shard_map("abc").owner(slot) == "c"]
    assert (begun.generation, begun.previous, begun.shards) == (2, ("a", "b"), ("a", "b", "c"))
    # Nothing has moved yet.
    assert owners(begun) == owners(before)
    first = begun.arrived(plan[0].slot)
    assert first.owner(plan[0].slot) == "c"
    assert first.owner(plan[1].slot) == plan[1].source
    assert first.moves() == plan[1:]
    over = begun
    for move in plan:
        over = over.arrived(move.slot)
    assert (over.moves(), over.previous, over.moved) == ([], (), frozenset())
    assert owners(over) == owners(shard_map("abc"))


def test_a_map_is_read_as_it_was_written() -> None:
    begun = shard_map("abc", shards=["a", "b"]).move_to(["a", "c"])
    current = begun.arrived(begun.moves()[0].slot).arrived(begun.moves()[-1].slot)
    assert SlotMap.from_json(current.to_json()) == current
    with pytest.raises(ValueError, match="the document is not one of layout 1"):
        SlotMap.from_json(current.to_json().replace('"layout":1', '"layout":2'))


def test_a_map_of_the_most_slots_fits_in_an_item() -> None:
    names = [f"shard-{number}" for number in range(100)]
    reached = {name: {"host": f"{name}.{'x' * 60}.eu-west-1.rds.amazonaws.com", "port": "5432", "secret_arn": "x" * 120} for name in names}
    begun = SlotMap(addresses=reached, shards=names[:1], slots=65_536).move_to(names[1:3])
    almost = replace(begun, moved=frozenset(range(1, 65_536)))
    assert len(almost.moves()) == 1
    assert len(almost.to_json()) < 60_000


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"shards": ["a", "x"]}, "shards has x, which has no address. Give one in addresses."),
        ({"shards": []}, "shards is []; a list of names is needed. Name the shards."),
        ({"shards": "ab"}, "shards is 'ab'; a list of names is needed. Name the shards."),
        ({"shards": ["a", "a"]}, "shards is ['a', 'a'], with a name twice. Name each once."),
        ({"previous": ["y"]}, "previous has y, which has no address. Give one in addresses."),
        ({"slots": 0}, "slots is 0; whole numbers from 1 to 65536 are allowed. Leave it out for the default."),
        ({"slots": True}, "slots is True; whole numbers from 1 to 65536 are allowed. Leave it out for the default."),
        (
            {"addresses": {**addresses("ab"), "A b": {}}},
            "addresses has 'A b'; 1 to 40 lower-case letters, digits and hyphens are allowed. Rename it.",
        ),
    ],
)
def test_a_map_that_cannot_be_is_refused(changes: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^SlotMap cannot be created:\n  {re.escape(problem)}$"):
        shard_map("ab", **changes)


def test_a_move_is_refused_while_another_is_not_over() -> None:
    begun = shard_map("abc", shards=["a", "b"], slots=16).move_to(["a", "b", "c"])
    with pytest.raises(ValueError, match=r"^the move to a, b, c is not over: \d+ slots are left\. Let the mover finish it\.$"):
        begun.move_to(["a", "b"])
    with pytest.raises(ValueError, match=r"^shards are a, b already; nothing would move\.$"):
        shard_map("ab").move_to(["b", "a"])
    with pytest.raises(ValueError, match="shards has b, which has no address"):
        shard_map("ab").reached_at(addresses("a"))


class Client:
    """A client that keeps requests, and that repeats or fails one where a test wants it."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.requests: list[tuple[str, Any]] = []
        self.twice = False
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            self.requests.append((name, request))
            if self.error is not None:
                raise self.error
            if self.twice:
                self.twice = False
                getattr(self._real, name)(**request)
            return getattr(self._real, name)(**request)

        return call


@pytest.fixture
def client(moto_account: None) -> Any:
    return Client(moto_client("dynamodb"))


@pytest.fixture
def maps(client: Any) -> MapTable:
    return MapTable(client, map_table(client))


def test_the_map_is_read_consistently(maps: MapTable, client: Any) -> None:
    with pytest.raises(MapMissing, match=rf"^table {maps.table} has no shard map shards; create it, or deploy"):
        maps.read()
    created = maps.create(shard_map("ab"))
    assert maps.read() == created == shard_map("ab", version=1)
    assert [request["ConsistentRead"] for name, request in client.requests if name == "get_item"] == [True, True]


def test_the_map_is_one_item_swapped_by_a_condition_on_its_version(maps: MapTable, client: Any) -> None:
    first = maps.create(shard_map("abc", shards=["a", "b"]))
    with pytest.raises(MapConflict, match=r"^the shard map was changed by another process since it was read; read it again$"):
        maps.create(first)
    second = maps.swap(first, first.move_to(["a", "b", "c"]))
    assert (second.version, maps.read()) == (2, second)
    with pytest.raises(MapConflict):
        maps.swap(first, first.move_to(["a", "c"]))
    assert maps.read() == second
    assert len(client.scan(TableName=maps.table)["Items"]) == 1
    with pytest.raises(ValueError, match=r"^slots is 16; the map has 4096, for good\. Keep that number\.$"):
        maps.swap(second, shard_map("abc", slots=16))


def test_a_swap_that_the_sdk_repeats_is_no_conflict(maps: MapTable, client: Any) -> None:
    client.twice = True
    first = maps.create(shard_map("ab"))
    client.twice = True
    assert maps.swap(first, first.reached_at(addresses("abc"))).version == 2
    assert maps.read().version == 2


def test_other_errors_of_the_table_reach_the_caller(maps: MapTable, client: Any) -> None:
    client.error = ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "PutItem")
    with pytest.raises(ClientError):
        maps.create(shard_map("ab"))


@pytest.mark.parametrize("store", ["moto", "ministack"])
def test_map_changes_are_atomic_of_many_processes_one_wins(store: str, request: pytest.FixtureRequest) -> None:
    if store == "moto":
        request.getfixturevalue("moto_account")
        dynamodb = moto_client("dynamodb")
    else:
        dynamodb = request.getfixturevalue("emulator").client("dynamodb")
    maps = MapTable(dynamodb, map_table(dynamodb))
    maps.create(shard_map("ab"))
    won: list[int] = []
    start = threading.Barrier(8)

    def swap(number: int) -> None:
        for _ in range(10):
            seen = maps.read()
            start.wait(30)
            try:
                maps.swap(seen, seen.reached_at({**seen.addresses, f"x{number}": {}}))
                won.append(seen.version)
            except MapConflict:
                pass
            start.wait(30)

    threads = [threading.Thread(target=swap, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert won == list(range(1, 11))
    assert maps.read().version == 11


def test_the_table_of_the_component_is_found_in_the_environment(client: Any) -> None:
    environment = {"CLOUDPATTERNS_SHARDS_TABLE": "t", "CLOUDPATTERNS_SHARDS_MAP": "orders"}
    assert MapTable.from_environment(client, environment=environment) == MapTable(client, "t", "orders")
    for name in environment:
        with pytest.raises(ValueError, match=rf"^{name} is missing\. Pass environment\(\) of the ShardingWrite to the server\.$"):
            MapTable.from_environment(client, environment={**environment, name: ""})
