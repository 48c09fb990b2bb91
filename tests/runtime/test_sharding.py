"""Shuffle sharding: the same everywhere, moves nobody needlessly, spreads over zones; the probabilities by enumeration and simulation."""

import dataclasses
import inspect
import itertools
import json
import math
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_runtime import sharding as library
from cloudpatterns_runtime.sharding import (
    ShardedQueues,
    ShardMap,
    any_full_overlap_probability,
    expected_hit_share,
    full_overlap_probability,
    overlap_probability,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.emulators.locked_moto import client
from tests.emulators.ministack import MiniStack

EIGHT = [f"w{number}" for number in range(1, 9)]
ZONES = {worker: "ab"[number % 2] for number, worker in enumerate(EIGHT)}
CUSTOMERS = [f"customer-{number}" for number in range(4_000)]


# The mapping


def test_a_customer_has_as_many_different_workers_as_the_shard_is_large() -> None:
    shards = ShardMap(EIGHT, 3)
    for customer in CUSTOMERS[:200]:
        shard = shards.shard(customer)
        assert len(shard) == len(set(shard)) == 3
        assert set(shard) <= set(EIGHT)


def test_the_mapping_never_changes() -> None:
    """Customers would move with it: another way to rank needs a new version of the document."""
    shards = ShardMap(EIGHT, 2, seed="orders")
    assert [shards.shard(customer) for customer in ("alice", "bob", "")] == [("w5", "w6"), ("w6", "w8"), ("w3", "w1")]
    assert shards.order("alice", "1") == ("w6", "w5")
    assert shards.order("alice", "2") == ("w5", "w6")
    assert ShardMap(EIGHT, 4, ZONES).shard("alice") == ("w7", "w2", "w4", "w1")
    assert json.loads(shards.to_json())["version"] == 1


def test_the_mapping_is_the_rank_of_sha_256() -> None:
    """Written down a second time, for those who read it in another language."""
    from hashlib import sha256

    def rank(worker: str) -> str:
        return sha256(sha256(b"orders").digest() + sha256("jos\u00e9".encode()).digest() + worker.encode()).hexdigest()

    assert ShardMap(EIGHT, 5, seed="orders").shard("jos\u00e9") == tuple(sorted(EIGHT, key=rank, reverse=True)[:5])


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_other_processes_find_the_same_workers(hash_seed: str) -> None:
    script = (
        "from cloudpatterns_runtime.sharding import ShardMap; "
        f"print(*ShardMap(set({EIGHT!r}), 3, {ZONES!r}, 'seed').shard('alice'), *ShardMap(set({EIGHT!r}), 3).order('alice', '1'))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(library.__file__).parents[1])}
    output = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True).stdout
    assert output.split() == [*ShardMap(EIGHT[::-1], 3, ZONES, "seed").shard("alice"), *ShardMap(EIGHT, 3).order("alice", "1")]


def test_parts_of_names_do_not_run_together() -> None:
    many = [f"w{number}" for number in range(200)]
    assert ShardMap(many, 4, seed="ab").shard("c") != ShardMap(many, 4, seed="a").shard("bc")
    assert ShardMap(many, 4).order("a", "bc") != ShardMap(many, 4).order("ab", "c")


def test_maps_with_other_seeds_are_independent() -> None:
    """Two customers that share all of one map share all of the other no more often than any two."""
    first, second = (ShardMap(EIGHT, 2, seed=seed) for seed in ("orders", "mail"))
    alike = [customer for customer in CUSTOMERS if set(first.shard(customer)) == {"w1", "w2"}]
    assert len({frozenset(second.shard(customer)) for customer in alike}) > 20


def test_workers_are_loaded_evenly() -> None:
    counts = Counter(worker for customer in CUSTOMERS for worker in ShardMap(EIGHT, 2).shard(customer))
    # 1,000 are expected, with a standard deviation of 27.
    assert all(880 < counts[worker] < 1_120 for worker in EIGHT)


def test_every_shard_is_as_likely_as_another() -> None:
    counts = Counter(frozenset(ShardMap(EIGHT, 2).shard(customer)) for customer in CUSTOMERS)
    assert len(counts) == 28
    # 143 are expected, with a standard deviation of 12.
    assert all(80 < count < 206 for count in counts.values())


def test_requests_of_a_customer_go_to_all_its_workers_in_equal_parts() -> None:
    shards = ShardMap(EIGHT, 3)
    orders = [shards.order("alice", str(number)) for number in range(3_000)]
    assert {frozenset(order) for order in orders} == {frozenset(shards.shard("alice"))}
    # 500 of each of the six orders are expected, with a standard deviation of 20.
    assert all(400 < count < 600 for count in Counter(orders).values())
    assert len(set(orders)) == 6
    assert shards.order("alice", "17") == shards.order("alice", "17")


# A changed set of workers


@given(data=st.data())
def test_a_new_worker_changes_only_the_shards_that_it_enters_and_one_worker_of_each(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.text(min_size=1, max_size=3), min_size=2, max_size=12, unique=True))
    zones = data.draw(st.just({}) | st.fixed_dictionaries({name: st.sampled_from("abc") for name in names}))
    size = data.draw(st.integers(1, len(names) - 1))
    new = names[0]
    before = ShardMap(names[1:], size, {name: zone for name, zone in zones.items() if name != new})
    after = ShardMap(names, size, zones)
    for customer in ("alice", "bob", "carol"):
        old, now = set(before.shard(customer)), set(after.shard(customer))
        assert now == old or (now - old == {new} and len(old - now) == 1)


@pytest.mark.parametrize("zones", [{}, {**ZONES, "w9": "a"}])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_new_worker_moves_its_own_share_of_customers_alone(size: int, zones: dict[str, str]) -> None:
    before = ShardMap(EIGHT, size, {worker: zones[worker] for worker in EIGHT} if zones else {})
    after = ShardMap([*EIGHT, "w9"], size, zones)
    moved = sum(set(before.shard(customer)) != set(after.shard(customer)) for customer in CUSTOMERS) / len(CUSTOMERS)
    assert moved == sum("w9" in after.shard(customer) for customer in CUSTOMERS) / len(CUSTOMERS)
    if not zones:
        assert moved == pytest.approx(size / 9, abs=0.03)


def test_who_keeps_its_workers_keeps_their_order() -> None:
    before, after = ShardMap(EIGHT, 3), ShardMap(EIGHT[1:], 3)
    for customer in CUSTOMERS[:500]:
        kept = tuple(worker for worker in before.shard(customer) if worker != "w1")
        assert after.shard(customer)[: len(kept)] == kept


# Zones


@given(
    zones=st.dictionaries(st.text(min_size=1, max_size=3), st.sampled_from("abc"), min_size=1, max_size=12),
    size=st.integers(1, 12),
    customer=st.text(),
)
def test_a_shard_spreads_over_the_zones(zones: dict[str, str], size: int, customer: str) -> None:
    size = min(size, len(zones))
    shards = ShardMap(list(zones), size, zones)
    counts = Counter(zones[worker] for worker in shards.shard(customer))
    sizes = Counter(zones.values())
    for zone, other in itertools.permutations(sizes, 2):
        # A zone has less than another by more than one only where all of its workers are in the shard.
        assert counts[zone] >= counts[other] - 1 or counts[zone] == sizes[zone]
    assert shards.zone_sizes == tuple(sizes[zone] for zone in sorted(sizes))


# Probabilities


def pairs(names: Sequence[str], size: int) -> list[tuple[set[str], set[str]]]:
    shards = [set(shard) for shard in itertools.combinations(names, size)]
    return list(itertools.product(shards, shards))


@pytest.mark.parametrize(("workers", "size"), [(1, 1), (4, 1), (4, 4), (5, 2), (6, 3), (7, 4)])
def test_probabilities_are_those_of_all_pairs_of_shards(workers: int, size: int) -> None:
    both = pairs([str(number) for number in range(workers)], size)
    assert full_overlap_probability(workers, size) == pytest.approx(sum(one == other for one, other in both) / len(both))
    for least in range(-1, size + 2):
        expected = sum(len(one & other) >= least for one, other in both) / len(both)
        assert overlap_probability(workers, size, least) == pytest.approx(expected)


def test_the_figures_of_the_documentation() -> None:
    assert full_overlap_probability(8, 2) == 1 / 28
    assert full_overlap_probability(16, 4) == 1 / 1_820
    assert full_overlap_probability(2_048, 4) == pytest.approx(1 / 730_862_190_080)
    assert full_overlap_probability(8, 2, [4, 4]) == 1 / 16
    assert overlap_probability(8, 2, 1) == pytest.approx(13 / 28)


@pytest.mark.parametrize(
    ("sizes", "size", "shards"),
    [
        ((4, 4), 2, 16),
        ((4, 4), 1, 8),
        ((4, 4), 3, 2 * 4 * 6),
        ((3, 3, 3), 4, 3 * 3 * 3 * 3),
        ((3, 3, 3), 3, 27),
        ((1, 4), 3, 6),
        ((1, 1, 3, 3), 5, 2 * 3 * 3),
        ((2, 4), 2, 8),
        ((5,), 2, 10),
        ((2, 2), 4, 1),
    ],
)
def test_with_zones_every_shard_is_counted(sizes: tuple[int, ...], size: int, shards: int) -> None:
    zones = {f"{zone}{number}": str(zone) for zone, count in enumerate(sizes) for number in range(count)}
    assert full_overlap_probability(len(zones), size, sizes) == 1 / shards
    assert full_overlap_probability(len(zones), size, sizes[::-1]) == 1 / shards
    shard_map = ShardMap(list(zones), size, zones)
    assert shard_map.full_overlap_probability == 1 / shards
    counts = Counter(frozenset(shard_map.shard(str(number))) for number in range(200 * shards))
    assert len(counts) == shards
    # 200 of each are expected, with a standard deviation of 14.
    assert shards == 1 or all(120 < count < 290 for count in counts.values())


@pytest.mark.parametrize(
    ("sizes", "size", "most"),
    [((2, 4), 3, 4), ((2, 4), 1, 2), ((2, 3, 4), 4, 12), ((2, 3, 4), 5, 12), ((1, 2, 4), 3, 8), ((1, 3, 4), 4, 12)],
)
def test_with_zones_of_other_sizes_the_stated_bound_is_not_exceeded(sizes: tuple[int, ...], size: int, most: int) -> None:
    zones = {f"{zone}{number}": str(zone) for zone, count in enumerate(sizes) for number in range(count)}
    assert full_overlap_probability(len(zones), size, sizes) == 1 / most
    shard_map = ShardMap(list(zones), size, zones)
    counts = Counter(frozenset(shard_map.shard(customer)) for customer in CUSTOMERS)
    assert sum((count / len(CUSTOMERS)) ** 2 for count in counts.values()) <= 1 / most + 0.01


def test_two_customers_share_all_of_their_shard_as_seldom_as_stated() -> None:
    """In 4,000 customers of the real map: 8 million pairs."""
    for shards in (ShardMap(EIGHT, 2), ShardMap(EIGHT, 4), ShardMap(EIGHT, 2, ZONES)):
        counts = Counter(frozenset(shards.shard(customer)) for customer in CUSTOMERS)
        sharing = sum(math.comb(count, 2) for count in counts.values()) / math.comb(len(CUSTOMERS), 2)
        assert sharing == pytest.approx(shards.full_overlap_probability, rel=0.05)


def test_any_two_customers_by_simulation() -> None:
    """Of 400 groups of customers, those in which two share all."""
    for customers, workers in ((2, EIGHT), (5, EIGHT), (7, EIGHT), (12, [*EIGHT, "w9", "w10", "w11", "w12"])):
        shared = 0
        for group in range(400):
            shards = ShardMap(workers, 2, seed=str(group))
            shared += len({frozenset(shards.shard(str(number))) for number in range(customers)}) < customers
        assert shared / 400 == pytest.approx(any_full_overlap_probability(customers, len(workers), 2), abs=0.08)


def test_any_two_customers_exactly() -> None:
    assert any_full_overlap_probability(0, 8, 2) == any_full_overlap_probability(1, 8, 2) == 0
    assert any_full_overlap_probability(2, 8, 2) == pytest.approx(1 / 28)
    assert any_full_overlap_probability(3, 8, 2) == pytest.approx(1 - 27 / 28 * 26 / 28)
    assert any_full_overlap_probability(3, 8, 2, [4, 4]) == pytest.approx(1 - 15 / 16 * 14 / 16)
    assert any_full_overlap_probability(4, 4, 1) == pytest.approx(1 - math.factorial(4) / 4**4)
    assert any_full_overlap_probability(5, 4, 1) == 1
    assert any_full_overlap_probability(23, 365, 1) == pytest.approx(0.5073, abs=0.0001)
    # Small numbers keep their digits.
    assert any_full_overlap_probability(2, 2_048, 4) == pytest.approx(1 / 730_862_190_080, rel=1e-9)


def test_the_share_of_customers_that_one_takes_down_with_it() -> None:
    assert expected_hit_share(1, 8, 2) == 1
    assert expected_hit_share(29, 8, 2) == pytest.approx(2 / 29)
    assert expected_hit_share(17, 8, 2, [4, 4]) == pytest.approx(2 / 17)
    shards = ShardMap(EIGHT, 2)
    found = [frozenset(shards.shard(customer)) for customer in CUSTOMERS]
    counts = Counter(found)
    simulated = sum(counts[shard] for shard in found) / len(CUSTOMERS) ** 2
    assert simulated == pytest.approx(expected_hit_share(len(CUSTOMERS), 8, 2), rel=0.05)


# The document


@given(
    zones=st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=3), min_size=1, max_size=6),
    zoned=st.booleans(),
    seed=st.text(),
    data=st.data(),
)
def test_a_map_is_read_as_it_was_written(zones: dict[str, str], zoned: bool, seed: str, data: st.DataObject) -> None:
    shards = ShardMap(list(zones), data.draw(st.integers(1, len(zones))), zones if zoned else {}, seed)
    read = ShardMap.from_json(shards.to_json())
    assert read == shards
    assert read.shard("alice") == shards.shard("alice")


def test_the_document_is_the_same_for_the_same_map_and_compact() -> None:
    document = ShardMap(["b", "a"], 1, {"b": "2", "a": "1"}, "orders").to_json()
    assert document == '{"seed":"orders","shard_size":1,"version":1,"workers":["a","b"],"zones":{"a":"1","b":"2"}}'
    assert ShardMap.from_json('{"version": 1, "shard_size": 1, "workers": ["a"], "queue_urls": {}}') == ShardMap(["a"], 1)


@pytest.mark.parametrize("text", ['{"version": 2, "shard_size": 1, "workers": ["a"]}', "[]", "{}", '"version"'])
def test_other_documents_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^ShardMap: the document is not one of version 1\. Write it with to_json of this version\.$"):
        ShardMap.from_json(text)


def test_a_document_without_workers_or_size_is_refused() -> None:
    with pytest.raises(ValueError, match="shard_size is None; whole numbers from 1 to 0 are allowed"):
        ShardMap.from_json('{"version": 1}')


# Queues


@dataclasses.dataclass
class Sqs:
    """As SQS: lengths of queues by URL, and queues that answer with errors."""

    lengths: dict[str, int]
    broken: set[str] = dataclasses.field(default_factory=set)
    asked: list[str] = dataclasses.field(default_factory=list)
    sent: list[tuple[str, dict[str, Any]]] = dataclasses.field(default_factory=list)

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        url = request.pop("QueueUrl")
        assert request == {"AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]}
        self.asked.append(url)
        if f"ask {url}" in self.broken:
            raise ConnectionError
        hidden = min(self.lengths[url], 1)
        waiting = self.lengths[url] - hidden
        return {"Attributes": {"ApproximateNumberOfMessages": str(waiting), "ApproximateNumberOfMessagesNotVisible": str(hidden)}}

    def send_message(self, **request: Any) -> None:
        url = request.pop("QueueUrl")
        self.sent.append((url, request))
        if url in self.broken:
            raise ConnectionError(url)
        self.lengths[url] += 1


def queues(lengths: Sequence[int], size: int = 2, **options: Any) -> tuple[Sqs, ShardedQueues]:
    names = EIGHT[: len(lengths)]
    sqs = Sqs({f"q/{name}": length for name, length in zip(names, lengths, strict=True)})
    return sqs, ShardedQueues(sqs, ShardMap(names, size), {name: f"q/{name}" for name in names}, **options)


def test_a_message_goes_to_the_shortest_queue_of_the_shard() -> None:
    sqs, sharded = queues([5, 3, 9], 3)
    assert sharded.send("alice", "x", DelaySeconds=3) == "w2"
    assert sqs.sent == [("q/w2", {"MessageBody": "x", "DelaySeconds": 3})]
    assert sorted(sqs.asked) == ["q/w1", "q/w2", "q/w3"]


def test_what_was_sent_counts_until_the_queue_is_asked_again() -> None:
    now = [100.0]
    sqs, sharded = queues([0, 3], 2, clock=lambda: now[0])
    assert [sharded.send("alice", "x") for _ in range(3)] == ["w1"] * 3
    assert {sharded.send("alice", "x") for _ in range(2)} == {"w1", "w2"}
    assert len(sqs.asked) == 2
    sqs.lengths["q/w1"] = 50
    now[0] = 104.9
    assert {sharded.send("alice", "x") for _ in range(2)} == {"w1", "w2"}
    now[0] = 105
    assert [sharded.send("alice", "x") for _ in range(3)] == ["w2"] * 3
    assert len(sqs.asked) == 4


def test_a_clock_that_is_set_back_keeps_no_length() -> None:
    now = [100.0]
    sqs, sharded = queues([0, 3], 2, clock=lambda: now[0])
    sharded.send("alice", "x")
    sqs.lengths["q/w1"], now[0] = 50, 99
    assert (sharded.send("alice", "x"), len(sqs.asked)) == ("w2", 4)
    assert inspect.signature(ShardedQueues).parameters["clock"].default is time.time


def test_a_customer_that_fills_its_queues_leaves_the_others_a_short_one() -> None:
    """The promise: all messages of a customer that shares one worker with the culprit go to its other worker."""
    sqs, sharded = queues([0] * 8, stale_seconds=0)
    culprit = sharded.shards.shard("culprit")
    for _ in range(200):
        sharded.send("culprit", "poison")
    assert {url for url, length in sqs.lengths.items() if length} == {f"q/{worker}" for worker in culprit}
    others = [customer for customer in CUSTOMERS[:100] if len(set(sharded.shards.shard(customer)) & set(culprit)) == 1]
    assert len(others) > 20
    assert not [customer for customer in others if sharded.send(customer, "x") in culprit]


def test_a_queue_that_does_not_answer_is_tried_last() -> None:
    now = [0.0]
    sqs, sharded = queues([0, 5, 7], 3, clock=lambda: now[0])
    sqs.broken = {"ask q/w1"}
    assert [sharded.send("alice", "x") for _ in range(2)] == ["w2", "w2"]
    sqs.broken = {"q/w2"}
    assert sharded.send("alice", "y") == "w3"
    assert [url for url, _ in sqs.sent[2:]] == ["q/w2", "q/w3"]
    # It is not tried again before it is asked again.
    assert sharded.send("alice", "z") == "w3"
    now[0] = 5
    sqs.broken = set()
    assert sharded.send("alice", "z") == "w1"


def test_when_no_queue_takes_the_message_the_last_error_is_raised() -> None:
    sqs, sharded = queues([1, 2])
    sqs.broken = {"q/w1", "q/w2"}
    with pytest.raises(ConnectionError, match=r"^q/w2$"):
        sharded.send("alice", "x")
    assert [url for url, _ in sqs.sent] == ["q/w1", "q/w2"]
    sqs.broken |= {"ask q/w1", "ask q/w2"}
    with pytest.raises(ConnectionError):
        sharded.send("alice", "x")


def test_the_queues_of_a_document() -> None:
    shards = ShardMap(["a", "b"], 1)
    document = json.dumps({**json.loads(shards.to_json()), "queue_urls": {"a": "q/a", "b": "q/b"}})
    sqs = Sqs({"q/a": 0, "q/b": 0})
    sharded = ShardedQueues.from_json(sqs, document)
    assert sharded.shards == shards
    assert sharded.send("alice", "x") == shards.shard("alice")[0]
    for text in (shards.to_json(), document.replace('"b": "q/b"', '"c": "q/c"')):
        with pytest.raises(ValueError, match="queue_urls") as caught:
            ShardedQueues.from_json(sqs, text)
        missing = "a, b" if text == shards.to_json() else "b"
        assert str(caught.value) == f"ShardedQueues: queue_urls has no {missing}. Give the URL of the queue of each worker."


@pytest.mark.parametrize("where", ["moto", "ministack"])
def test_messages_arrive_in_real_queues_evenly(where: str, request: pytest.FixtureRequest) -> None:
    if where == "moto":
        request.getfixturevalue("moto_account")
        sqs = client("sqs")
    else:
        emulator: MiniStack = request.getfixturevalue("emulator")
        sqs = emulator.client("sqs")
    urls = {name: sqs.create_queue(QueueName=f"{name}-{uuid.uuid4()}")["QueueUrl"] for name in EIGHT[:3]}
    sharded = ShardedQueues(sqs, ShardMap(EIGHT[:3], 3), urls)
    workers = [sharded.send("alice", str(number)) for number in range(9)]
    assert Counter(workers) == dict.fromkeys(urls, 3)
    found = [sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"] for url in urls.values()]
    assert sorted(message["Body"] for messages in found for message in messages) == [str(number) for number in range(9)]


# What is refused


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("w1", 1), "workers is 'w1'; a list of names is allowed. Give each worker a name."),
        ((["a", ""], 1), "workers is ['a', '']; a list of names is allowed. Give each worker a name."),
        ((["a", 1], 1), "workers is ['a', 1]; a list of names is allowed. Give each worker a name."),
        ((["b", "a", "b", "a", "c"], 1), "workers has a, b more than once. Give each worker a name of its own."),
        (
            (["a"], 2),
            "shard_size is 2; whole numbers from 1 to 1 are allowed, as many as workers. Add workers or take less.",
        ),
        (
            (["a"], 0),
            "shard_size is 0; whole numbers from 1 to 1 are allowed, as many as workers. Add workers or take less.",
        ),
        (
            (["a"], True),
            "shard_size is True; whole numbers from 1 to 1 are allowed, as many as workers. Add workers or take less.",
        ),
        (
            (["a"], 1.0),
            "shard_size is 1.0; whole numbers from 1 to 1 are allowed, as many as workers. Add workers or take less.",
        ),
        ((["a", "b"], 1, {"a": "1"}), "zones and workers differ in b. Give the zone of each worker, or of none."),
        ((["a"], 1, {"a": "1", "d": "1", "c": "1"}), "zones and workers differ in c, d. Give the zone of each worker, or of none."),
    ],
)
def test_a_map_that_cannot_be_is_refused(arguments: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(ValueError, match="ShardMap cannot be created") as caught:
        ShardMap(*arguments)
    assert str(caught.value) == f"ShardMap cannot be created:\n  {problem}"


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ValueError, match="ShardMap cannot be created") as caught:
        ShardMap(["a", "a"], 3, {"b": "1"})
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: full_overlap_probability(2, 3), "shard_size is 3; 1 to 2 are allowed, the number of workers."),
        (lambda: overlap_probability(2, 0, 1), "shard_size is 0; 1 to 2 are allowed, the number of workers."),
        (lambda: any_full_overlap_probability(2, 2, 3), "shard_size is 3; 1 to 2 are allowed, the number of workers."),
        (
            lambda: full_overlap_probability(3, 1, [1, 1]),
            "zone_sizes is [1, 1], 2 workers; there are 3. Count each in one zone.",
        ),
        (lambda: expected_hit_share(0, 2, 1), "customers is 0; at least 1 is needed, who takes the shard down."),
    ],
)
def test_sizes_that_no_map_has_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match="is") as caught:
        call()
    assert str(caught.value) == message


def test_nobody_changes_a_map() -> None:
    zones = dict(ZONES)
    shards = ShardMap(EIGHT, 2, zones)
    before = shards.shard("alice")
    zones.clear()
    assert (shards.zones, shards.shard("alice")) == (ZONES, before)
    with pytest.raises(dataclasses.FrozenInstanceError):
        shards.shard_size = 3  # ty: ignore[invalid-assignment]
