"""Gives each customer a few workers of many, so that one customer's load or poison reaches hardly anybody else whole.

Every process that has the same workers finds the same ones for a customer, without talking to another::

    from cloudpatterns_runtime.sharding import ShardMap

    SHARDS = ShardMap(["w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8"], shard_size=2, seed="orders")

    def send(customer, order):
        for worker in SHARDS.order(customer, order["id"]):
            ...

``ShardedQueues`` does so for workers that have SQS queues.

With eight workers and two of them a customer there are 28 shards: a customer that takes both of its workers down takes both workers of
only one other customer in 28 down; the rest have a worker left. That holds only where callers try the next worker of the shard.

Sources: Amazon Builders' Library, "Workload isolation using shuffle-sharding"
(https://aws.amazon.com/builders-library/workload-isolation-using-shuffle-sharding/); AWS, "Web Application Hosting in the AWS Cloud";
Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (rendezvous hashing).
"""

import hashlib
import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "ShardMap",
    "ShardedQueues",
    "any_full_overlap_probability",
    "expected_hit_share",
    "full_overlap_probability",
    "overlap_probability",
]

_VERSION = 1
"""Of the mapping: another way to rank workers would move customers, so it gets another number."""


@dataclass(frozen=True, slots=True)
class ShardMap:
    """Which workers serve a customer: the ``shard_size`` that rank highest for its name.

    Ranks are SHA-256 of the seed, the customer and the worker (rendezvous hashing): the same in every process, on every machine and
    version of Python. **A new worker** enters the shards of ``shard_size`` in ``workers`` customers, each of which keeps all workers but
    one; no other shard changes. **A removed worker** leaves its shards, each of which gets one other worker; no other shard changes. No
    mapping that loads its workers evenly moves fewer customers.

    **With zones**, a shard takes the best worker of each zone before it takes a second one of any: the numbers of its workers in two
    zones differ by one at most, as far as the zones have so many. What is said of new and removed workers stays true.

    :raises ValueError: with every value that cannot be used, what is allowed, and what to give instead.
    """

    workers: Sequence[str]
    """Names of the workers, each once. Their order does not matter."""
    shard_size: int
    """Workers of each customer, 1 to the number of workers."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """Availability zone of each worker, for all of them or for none. Default: none."""
    seed: str = ""
    """Part of every rank: maps with other seeds are independent of this one. Default: empty."""

    def __post_init__(self) -> None:
        """Checks the values, and keeps copies that nobody changes."""
        if problems := list(_problems(self)):
            raise ValueError("".join(["ShardMap cannot be created:", *(f"\n  {problem}" for problem in problems)]))
        object.__setattr__(self, "workers", tuple(sorted(self.workers)))
        object.__setattr__(self, "zones", dict(self.zones))

    def shard(self, customer: str) -> tuple[str, ...]:
        """The customer's workers, the one that ranks highest first."""
        ranked = _ranked(self.workers, self.seed, customer)
        if self.zones:
            ranked = _by_turns(ranked, self.zones)
        return tuple(ranked[: self.shard_size])

    def order(self, customer: str, request: str) -> tuple[str, ...]:
        """The same workers in the order to try them for one request, such as an order's id.

        The requests of a customer go to all of its workers in equal parts; the same request goes to the same worker again.
        """
        return tuple(_ranked(self.shard(customer), self.seed, customer, request))

    @property
    def full_overlap_probability(self) -> float:
        """How likely two given customers share all of their workers; see the function of that name."""
        return full_overlap_probability(len(self.workers), self.shard_size, self.zone_sizes)

    @property
    def zone_sizes(self) -> tuple[int, ...]:
        """Workers in each zone, in the order of the zones' names; empty without zones."""
        zones = list(self.zones.values())
        return tuple(zones.count(zone) for zone in sorted(set(zones)))

    def to_json(self) -> str:
        """The map as text, for an environment variable or a parameter; ``from_json`` reads it."""
        document = {"version": _VERSION, "seed": self.seed, "shard_size": self.shard_size, "workers": self.workers, "zones": self.zones}
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "ShardMap":
        """The map of a text that ``to_json`` wrote. Other entries of the document are left to their readers.

        :raises ValueError: for another text, and for a map that a newer version of this library ranks otherwise.
        """
        document: Any = json.loads(text)
        if not isinstance(document, dict) or document.get("version") != _VERSION:
            raise ValueError(f"ShardMap: the document is not one of version {_VERSION}. Write it with to_json of this version.")
        return cls(document.get("workers", ()), document.get("shard_size"), document.get("zones", {}), document.get("seed", ""))


class ShardedQueues:
    """Sends a customer's messages to the queues of its workers, each message to the shortest of them. Threads may share it.

    The queues that a customer fills are its own shard's. Who shares one of them has another one, which is shorter, and gets the messages
    from now on: that is what isolates customers whose workers take messages from queues.

    A queue that cannot be asked counts as the longest. When sending fails, the next queue is tried. A request that failed may have
    succeeded, so a message can arrive twice, in two queues: workers are idempotent.
    """

    def __init__(
        self,
        sqs: Any,
        shards: ShardMap,
        queue_urls: Mapping[str, str],
        *,
        stale_seconds: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """The queues of a map's workers.

        ``sqs`` is boto3's client, ``queue_urls`` has the URL of each worker's queue. A queue is asked for its length once in
        ``stale_seconds`` (default 5) at most, and only where something is sent to its shard; what is sent meanwhile is counted in.

        :raises ValueError: when a worker has no queue.
        """
        if missing := sorted(set(shards.workers) - set(queue_urls)):
            raise ValueError(f"ShardedQueues: queue_urls has no {', '.join(missing)}. Give the URL of the queue of each worker.")
        self._sqs, self.shards, self._queue_urls = sqs, shards, dict(queue_urls)
        self._stale_seconds, self._clock = stale_seconds, clock
        self._lengths: dict[str, tuple[float, float]] = {}
        """Of each worker's queue: when it was asked, and the messages in it."""
        self._lock = threading.Lock()

    @classmethod
    def from_json(cls, sqs: Any, text: str) -> "ShardedQueues":
        """The queues of a document that the component ``ShuffleSharding`` wrote: a map with ``queue_urls``.

        :raises ValueError: for another text.
        """
        return cls(sqs, ShardMap.from_json(text), json.loads(text).get("queue_urls", {}))

    def send(self, customer: str, body: str, **request: Any) -> str:
        """Sends a message to the shortest queue of the customer's shard; the name of its worker.

        ``request`` are further arguments of ``send_message``.

        :raises Exception: what the last queue answered, when none of the shard took the message.
        """
        shard = self.shards.shard(customer)
        lengths = {worker: self._length(worker) for worker in shard}
        *others, last = sorted(shard, key=lengths.__getitem__)
        for worker in others:
            try:
                return self._send(worker, body, request)
            except Exception:
                # It counts as the longest until it is asked again.
                self._keep(worker, math.inf)
        return self._send(last, body, request)

    def _send(self, worker: str, body: str, request: Mapping[str, Any]) -> str:
        self._sqs.send_message(QueueUrl=self._queue_urls[worker], MessageBody=body, **request)
        with self._lock:
            asked_at, length = self._lengths[worker]
            self._lengths[worker] = (asked_at, length + 1)
        return worker

    def _length(self, worker: str) -> float:
        with self._lock:
            asked_at, length = self._lengths.get(worker, (-math.inf, 0.0))
        # The time of day, since Lambda may stop a monotonic clock between two invocations; it may be set back.
        return length if 0 <= self._clock() - asked_at < self._stale_seconds else self._keep(worker, self._ask(worker))

    def _ask(self, worker: str) -> float:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        try:
            response = self._sqs.get_queue_attributes(QueueUrl=self._queue_urls[worker], AttributeNames=names)
        except Exception:
            return math.inf
        return sum(int(response["Attributes"][name]) for name in names)

    def _keep(self, worker: str, length: float) -> float:
        with self._lock:
            self._lengths[worker] = (self._clock(), length)
        return length


def full_overlap_probability(workers: int, shard_size: int, zone_sizes: Sequence[int] = ()) -> float:
    """How likely two given customers share all of their workers: 1 in the number of shards, which is C(workers, shard_size).

    ``zone_sizes`` are the numbers of workers in the zones, where a shard spreads over zones: there are fewer shards then. Where the zones
    differ in size and the last of a shard's workers can come from several of them, this is the most that it can be.

    :raises ValueError: for sizes that no map has.
    """
    _refuse_sizes(workers, shard_size, zone_sizes)
    return 1 / _shards(workers, shard_size, zone_sizes)


def overlap_probability(workers: int, shard_size: int, at_least: int) -> float:
    """How likely two given customers share at least so many workers (without zones).

    It is also the share of all other customers that is expected to have as many of its workers hit when one customer takes its whole
    shard down.

    :raises ValueError: for sizes that no map has.
    """
    _refuse_sizes(workers, shard_size)
    shared = range(max(at_least, 0), shard_size + 1)
    ways = sum(math.comb(shard_size, common) * math.comb(workers - shard_size, shard_size - common) for common in shared)
    return ways / math.comb(workers, shard_size)


def any_full_overlap_probability(customers: int, workers: int, shard_size: int, zone_sizes: Sequence[int] = ()) -> float:
    """How likely any two of so many customers share all of their workers: the birthday problem, with shards for days.

    It grows with the square of the number of customers. What bounds the damage is ``full_overlap_probability``, not this.

    :raises ValueError: for sizes that no map has.
    """
    _refuse_sizes(workers, shard_size, zone_sizes)
    shards = _shards(workers, shard_size, zone_sizes)
    if customers > shards:
        return 1.0
    return -math.expm1(math.fsum(math.log1p(-taken / shards) for taken in range(1, customers)))


def expected_hit_share(customers: int, workers: int, shard_size: int, zone_sizes: Sequence[int] = ()) -> float:
    """The share of all customers, the culprit included, that is expected to lose all workers when one customer takes its shard down.

    :raises ValueError: for sizes that no map has, and for no customers.
    """
    if customers < 1:
        raise ValueError(f"customers is {customers}; at least 1 is needed, who takes the shard down.")
    return (1 + (customers - 1) * full_overlap_probability(workers, shard_size, zone_sizes)) / customers


def _ranked(workers: Iterable[str], *of: str) -> list[str]:
    """The workers, highest rank first. Each part is hashed by itself, so that no two lists of parts give the same bytes."""
    prefix = hashlib.sha256(b"".join(hashlib.sha256(part.encode()).digest() for part in of))

    def rank(worker: str) -> bytes:
        hashed = prefix.copy()
        hashed.update(worker.encode())
        return hashed.digest()

    return sorted(workers, key=rank, reverse=True)


def _by_turns(ranked: Iterable[str], zones: Mapping[str, str]) -> list[str]:
    """The best worker of each zone, then the second best of each, and so on; within a turn by rank."""
    taken: dict[str, int] = dict.fromkeys(zones.values(), 0)
    turns: list[tuple[int, str]] = []
    for worker in ranked:
        taken[zones[worker]] += 1
        turns.append((taken[zones[worker]], worker))
    # Sorting is stable: within a turn the order of ranks stays.
    return [worker for _, worker in sorted(turns, key=lambda turn: turn[0])]


def _shards(workers: int, shard_size: int, zone_sizes: Sequence[int]) -> int:
    """How many shards there are, all equally likely; where they are not, how many there would be at least for this probability."""
    sizes = sorted(zone_sizes) or [workers]
    turn, left = 1, shard_size
    while left > (giving := sum(size >= turn for size in sizes)):
        turn, left = turn + 1, left - giving
    # In the last turn `left` of the zones give one worker more. The small ones have fewest choices, so they are the worst case.
    small = [size for size in sizes if size < turn]
    large = sizes[len(small) :]
    shards = math.prod(math.comb(size, turn if index < left else turn - 1) for index, size in enumerate(large))
    return shards * math.comb(len(large), left) if large[0] == large[-1] else shards


def _refuse_sizes(workers: int, shard_size: int, zone_sizes: Sequence[int] = ()) -> None:
    if not 1 <= shard_size <= workers:
        raise ValueError(f"shard_size is {shard_size}; 1 to {workers} are allowed, the number of workers.")
    if zone_sizes and sum(zone_sizes) != workers:
        raise ValueError(f"zone_sizes is {list(zone_sizes)}, {sum(zone_sizes)} workers; there are {workers}. Count each in one zone.")


def _problems(shards: ShardMap) -> Iterable[str]:
    workers, size = shards.workers, shards.shard_size
    if isinstance(workers, str) or not all(isinstance(worker, str) and worker for worker in workers):
        yield f"workers is {workers!r}; a list of names is allowed. Give each worker a name."
        return
    if twice := sorted({worker for worker in workers if list(workers).count(worker) > 1}):
        yield f"workers has {', '.join(twice)} more than once. Give each worker a name of its own."
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= len(workers):
        yield f"shard_size is {size!r}; whole numbers from 1 to {len(workers)} are allowed, as many as workers. Add workers or take less."
    if shards.zones and (wrong := sorted(set(workers) ^ set(shards.zones))):
        yield f"zones and workers differ in {', '.join(wrong)}. Give the zone of each worker, or of none."
