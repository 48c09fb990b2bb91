import json
import uuid
from collections import Counter
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.resilience import ShuffleSharding
from cloudpatterns_runtime.sharding import ShardMap, full_overlap_probability
from offline_preview.graph import Graph

from tests.emulators.events import Context, drive_queue, queue_event
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.harness import record, refs
from tests.program import ROOT

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
QUEUE, SOURCE = "aws:sqs/queue:Queue", "aws:lambda/eventSourceMapping:EventSourceMapping"
IMAGE = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/worker@sha256:0"}
WORKERS = {f"w{number:02}": {} for number in range(1, 17)}
EXISTING = {"arn": "arn:aws:sqs:eu-west-1:123456789012:old", "visibility_timeout_seconds": 180}


def make(mode: Any = "deployed", name: str = "orders", **args: Any) -> Graph:
    given: Any = {"workers": WORKERS, "visibility_timeout_seconds": 60, "tags": {"Owner": "orders"}, **args}
    return record(lambda: ShuffleSharding(name, given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def document_of(graph: Graph) -> str:
    return graph.one("aws:ssm/parameter:Parameter").inputs["insecureValue"]


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs["policy"])["Statement"]


# The bound


def test_two_customers_share_all_of_their_shard_with_probability_below_the_stated_bound() -> None:
    """By the document that senders read: 3,000 customers, 4.5 million pairs."""
    graph = make(most_overlap_probability=0.0084)
    shards = ShardMap.from_json(document_of(graph))
    counts = Counter(frozenset(shards.shard(f"customer-{number}")) for number in range(3_000))
    sharing = sum(count * (count - 1) for count in counts.values()) / (3_000 * 2_999)
    stated = graph.one("cloudpatterns:index:ShuffleSharding").outputs["overlap_probability"]
    assert stated == full_overlap_probability(16, 2) == 1 / 120
    assert sharing == pytest.approx(stated, rel=0.1)


def test_sizes_above_the_bound_are_refused_with_the_number() -> None:
    eight = {f"w{number}": {} for number in range(8)}
    assert refused(workers=eight) == [
        (
            "shard_size",
            "is 2; with 8 workers two customers share all of their workers with probability 0.0357 (1 in 28), above "
            "most_overlap_probability, 0.01. Give 15 workers, or accept a higher most_overlap_probability.",
        )
    ]
    make(workers=eight, most_overlap_probability=0.036)
    assert refused(workers=eight, most_overlap_probability=0.02) == [
        (
            "shard_size",
            "is 2; with 8 workers two customers share all of their workers with probability 0.0357 (1 in 28), above "
            "most_overlap_probability, 0.02. Give 11 workers or a shard_size of 3, or accept a higher most_overlap_probability.",
        )
    ]
    assert refused(most_overlap_probability=0.000_000_001) == [
        (
            "shard_size",
            "is 2; with 16 workers two customers share all of their workers with probability 0.00833 (1 in 120), above "
            "most_overlap_probability, 1e-09. Give more workers, or accept a higher most_overlap_probability.",
        )
    ]


def test_what_a_remedy_names_keeps_the_bound() -> None:
    make(workers={f"w{number}": {} for number in range(11)}, most_overlap_probability=0.02)
    make(workers={f"w{number}": {} for number in range(8)}, shard_size=3, most_overlap_probability=0.02)


def test_zones_count_in_the_bound() -> None:
    zoned = {worker: {"zone": f"eu-west-1{'ab'[index % 2]}"} for index, worker in enumerate(WORKERS)}
    assert refused(workers=zoned) == [
        (
            "shard_size",
            "is 2; with 16 workers in 2 zones two customers share all of their workers with probability 0.0156 (1 in 64), above "
            "most_overlap_probability, 0.01. Give more workers, or accept a higher most_overlap_probability.",
        )
    ]
    graph = make(workers=zoned, most_overlap_probability=1 / 64)
    shards = ShardMap.from_json(document_of(graph))
    assert graph.one("cloudpatterns:index:ShuffleSharding").outputs["overlap_probability"] == 1 / 64
    for number in range(50):
        one, other = shards.shard(str(number))
        assert zoned[one] != zoned[other]


# The map


def test_both_sides_agree_on_the_map() -> None:
    made: list[ShuffleSharding] = []
    args: Any = {"workers": WORKERS, "visibility_timeout_seconds": 60}
    graph = record(lambda: made.append(ShuffleSharding("orders", args)), mode="deployed")
    shards = ShardMap.from_json(document_of(graph))
    assert (shards.workers, shards.shard_size, shards.seed, shards.zones) == (tuple(WORKERS), 2, "orders", {})
    for customer in ("alice", "bob", "carol"):
        assert tuple(made[0].shard(customer)) == shards.shard(customer)
    outputs = graph.one("cloudpatterns:index:ShuffleSharding").outputs
    assert outputs["shard_map"] == document_of(graph)
    urls = json.loads(document_of(graph))["queue_urls"]
    assert urls == outputs["queue_urls_by_worker"] == {worker: graph.named(f"orders-worker-{worker}").outputs["url"] for worker in WORKERS}


def test_a_seed_of_the_users_own_keeps_customers_where_they_are_after_a_rename() -> None:
    first, second = (ShardMap.from_json(document_of(make(name=name, seed="orders"))) for name in ("orders", "renamed"))
    assert first == second == ShardMap(list(WORKERS), 2, seed="orders")


def test_the_parameter_holds_the_map_and_comes_after_the_policies() -> None:
    graph = make()
    parameter = graph.one("aws:ssm/parameter:Parameter")
    assert (parameter.name, parameter.inputs["type"], parameter.inputs["tier"]) == ("orders-map", "String", "Intelligent-Tiering")
    assert {f"orders-worker-{worker}-policy" for worker in WORKERS} <= set(refs(graph, parameter, "insecureValue"))


def test_the_longest_map_fits_into_a_parameter() -> None:
    workers = {f"worker-of-name{number:02}": {"zone": f"ap-southeast-1{'abc'[number % 3]}"} for number in range(32)}
    graph = make(name="s" * 35, workers=workers)
    [(path, reason)] = refused(name="s" * 36, workers=workers)
    assert (path, reason[:22]) == ("name", "has 36 characters; the")
    # Of the real account: a queue's name has seven characters more, and the domain is longer in China.
    assert len(document_of(graph)) + 32 * 10 < 8192


# Workers


def test_each_worker_has_a_queue_with_dead_letters_alarms_and_the_customers_key() -> None:
    graph = make(alarm_topic_arns=[TOPIC], message_retention_days=3, max_receive_count=7, alarm_age_seconds=120)
    key = graph.one("aws:kms/key:Key")
    assert len(graph.of_type(QUEUE)) == 32
    for worker in WORKERS:
        queue, dead = graph.named(f"orders-worker-{worker}"), graph.named(f"orders-worker-{worker}-dead-letters")
        assert queue.inputs["visibilityTimeoutSeconds"] == 60
        assert queue.inputs["messageRetentionSeconds"] == 3 * 86_400
        assert json.loads(queue.inputs["redrivePolicy"]) == {"deadLetterTargetArn": dead.outputs["arn"], "maxReceiveCount": 7}
        assert {one.inputs["kmsMasterKeyId"] for one in (queue, dead)} == {key.outputs["arn"]}
        assert graph.named(f"orders-worker-{worker}-age").inputs["threshold"] == 120
        assert graph.named(f"orders-worker-{worker}-dead-letters-alarm").inputs["alarmActions"] == [TOPIC]
    assert not graph.of_type(SOURCE)
    outputs = graph.one("cloudpatterns:index:ShuffleSharding").outputs
    assert (outputs["function_arn"], outputs["function_name"]) == ("", "")


def test_a_function_has_a_share_of_its_concurrency_for_each_worker() -> None:
    graph = make(function={**IMAGE, "timeout_seconds": 20}, visibility_timeout_seconds=None, maximum_concurrency=3, batch_size=5)
    sources = graph.of_type(SOURCE)
    assert len(sources) == 16
    source = graph.named("orders-worker-w07-source")
    assert refs(graph, source, "eventSourceArn") == ["orders-worker-w07", *refs(graph, source, "eventSourceArn")[1:]]
    assert (source.inputs["scalingConfig"], source.inputs["batchSize"]) == ({"maximumConcurrency": 3}, 5)
    assert source.inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert graph.named("orders-worker-w07").inputs["visibilityTimeoutSeconds"] == 120
    receive, decrypt, *_ = statements(graph, "orders-function-policy")
    arns = [graph.named(f"orders-worker-{worker}").outputs["arn"] for worker in WORKERS]
    assert (receive["Sid"], receive["Resource"]) == ("Receive", arns)
    assert (decrypt["Sid"], decrypt["Resource"]) == ("ReceiveKey", [graph.one("aws:kms/key:Key").outputs["arn"]])
    outputs = graph.one("cloudpatterns:index:ShuffleSharding").outputs
    assert outputs["function_arn"] == graph.named("orders-function").outputs["arn"]


def test_existing_queues_are_workers() -> None:
    workers = {**WORKERS, "w01": {"existing_queue": {**EXISTING, "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/old"}}}
    graph = make(workers=workers, function=IMAGE, visibility_timeout_seconds=None)
    assert len(graph.of_type(QUEUE)) == 30
    document = json.loads(document_of(graph))
    assert document["queue_urls"]["w01"] == "https://sqs.eu-west-1.amazonaws.com/123456789012/old"
    assert graph.named("orders-worker-w01-source").inputs["eventSourceArn"] == EXISTING["arn"]
    receive, decrypt, *_ = statements(graph, "orders-function-policy")
    assert EXISTING["arn"] in receive["Resource"]
    assert decrypt["Resource"] == ["arn:aws:kms:eu-west-1:123456789012:key/old", graph.one("aws:kms/key:Key").outputs["arn"]]
    outputs = graph.one("cloudpatterns:index:ShuffleSharding").outputs
    assert "w01" not in outputs["dead_letter_queue_arns_by_worker"]


def test_with_existing_queues_and_services_nothing_but_the_map_is_created() -> None:
    workers = {worker: {"existing_queue": {**EXISTING, "arn": f"arn:aws:sqs:eu-west-1:123456789012:{worker}"}} for worker in WORKERS}
    graph = make(workers=workers, visibility_timeout_seconds=None)
    assert [resource.type for resource in graph.resources if resource.custom and "pulumi:" not in resource.type] == [
        "aws:ssm/parameter:Parameter"
    ]
    assert graph.one("cloudpatterns:index:ShuffleSharding").outputs["kms_key_arn"] == ""
    function = {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:orders", "timeout_seconds": 30}
    with_function = make(workers=workers, visibility_timeout_seconds=None, existing_function=function)
    assert len(with_function.of_type(SOURCE)) == 16


def test_a_draining_worker_gets_no_messages_and_keeps_its_queue() -> None:
    graph = make(workers={**WORKERS, "w03": {"draining": True}}, function=IMAGE, visibility_timeout_seconds=None)
    shards = ShardMap.from_json(document_of(graph))
    assert shards.workers == tuple(worker for worker in WORKERS if worker != "w03")
    assert "w03" not in json.loads(document_of(graph))["queue_urls"]
    assert graph.named("orders-worker-w03-source").inputs["eventSourceArn"] == graph.named("orders-worker-w03").outputs["arn"]
    before = ShardMap.from_json(document_of(make()))
    for number in range(200):
        old, new = set(before.shard(str(number))), set(shards.shard(str(number)))
        assert new == old or (old - new == {"w03"} and len(new) == 2)
    two: dict[str, Any] = {worker: {"draining": True} for worker in list(WORKERS)[:2]}
    assert [path for path, _ in refused(workers={**WORKERS, **two})] == ["shard_size"]


def test_a_key_of_the_users_own() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/own"
    graph = make(kms_key_arn=key)
    assert not graph.of_type("aws:kms/key:Key")
    assert {queue.inputs["kmsMasterKeyId"] for queue in graph.of_type(QUEUE)} == {key}


def test_what_senders_and_services_may_do() -> None:
    found: dict[str, Any] = {}

    def program() -> None:
        args: Any = {"workers": WORKERS, "visibility_timeout_seconds": 60}
        orders = ShuffleSharding("orders", args)
        for name, lines in (("send", orders.send_statements()), ("receive", orders.receive_statements("w02"))):
            pulumi.export(name, pulumi.Output.all(*(line["resources"] for line in lines)))
            found[name] = [(line.get("sid"), line["actions"]) for line in lines]

    graph = record(program, mode="deployed")
    key, parameter = graph.one("aws:kms/key:Key").outputs["arn"], graph.one("aws:ssm/parameter:Parameter").outputs["arn"]
    queues = [graph.named(f"orders-worker-{worker}").outputs["arn"] for worker in WORKERS]
    assert graph.outputs["send"] == [[parameter], queues, [key]]
    assert graph.outputs["receive"] == [[queues[1]], [key]]
    assert found["send"] == [
        ("Map", ["ssm:GetParameter"]),
        ("Send", ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]),
        ("SendKey", ["kms:Decrypt", "kms:GenerateDataKey"]),
    ]


# What is refused


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            {"workers": {**WORKERS, "w01": {"zone": "eu-west-1a"}, "w02": {"zone": "eu-west-1b"}}},
            ("workers", f"have zones, but not {', '.join([*WORKERS][2:])}. Give the zone of each worker, or of none."),
        ),
        (
            {"workers": {"a": {}, "b": {}}, "shard_size": 3, "most_overlap_probability": 1},
            ("shard_size", "is 3; there are 2 workers that get messages. Add workers, or lower it."),
        ),
        (
            {"visibility_timeout_seconds": None},
            (
                "visibility_timeout_seconds",
                "is missing; without a function services poll the queues. Give the longest time that they need for a message.",
            ),
        ),
        (
            {"batch_size": 3},
            ("batch_size", "is for a function, and none is given. Give function or existing_function, or leave it out."),
        ),
        (
            {"function": {**IMAGE, "timeout_seconds": 30}, "visibility_timeout_seconds": 179},
            ("visibility_timeout_seconds", "is 179; six times the function's timeout of 30 seconds are 180. Raise it."),
        ),
        (
            {"function": {**IMAGE, "reserved_concurrency": 31}, "visibility_timeout_seconds": None},
            (
                "function.reserved_concurrency",
                "is 31; 16 workers with maximum_concurrency 2 need 32, or one worker's messages throttle those of others. Leave it out, or "
                "raise it.",
            ),
        ),
        (
            {"workers": {**WORKERS, "w01": {"existing_queue": {**EXISTING, "arn": f"{EXISTING['arn']}.fifo"}}}},
            (
                "workers.w01.existing_queue.arn",
                f"is '{EXISTING['arn']}.fifo'; a shard's messages go to several queues, so none has an order. Give a standard queue.",
            ),
        ),
        (
            {
                "workers": {**WORKERS, "w01": {"existing_queue": {**EXISTING, "visibility_timeout_seconds": 179}}},
                "function": IMAGE,
                "visibility_timeout_seconds": None,
            },
            (
                "workers.w01.existing_queue.visibility_timeout_seconds",
                "is 179; six times the function's timeout of 30 seconds are 180. Raise it.",
            ),
        ),
        (
            {"function": {}, "visibility_timeout_seconds": 600},
            ("function.code", "or image_uri: give one of them"),
        ),
        (
            {"name": "aws-orders"},
            ("name", "is 'aws-orders'; names of SSM parameters begin with neither aws nor ssm. Rename the component."),
        ),
        (
            {"workers": {"A": {}, "b": {}}},
            ("workers", "has 'A'; a name has 1 to 16 lower-case letters, digits and hyphens, none at the ends. Rename it"),
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, problem: tuple[str, str]) -> None:
    found = refused(**args)
    if problem[0] == "function.code":
        assert [path for path, _ in found] == ["function.code"]
        return
    assert found[0][0] == problem[0]
    assert found[0][1].rstrip(".") == problem[1].rstrip(".")


# The sample


def test_the_sample_worker_and_sender(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender reads the parameter, a culprit fills its queues; everybody else's orders go to workers that are free of it."""
    sqs, ssm = client("sqs"), client("ssm")
    urls = {name: sqs.create_queue(QueueName=f"{name}-{uuid.uuid4()}")["QueueUrl"] for name in [*WORKERS][:8]}
    document = json.dumps({**json.loads(ShardMap(list(urls), 2).to_json()), "queue_urls": urls})
    ssm.put_parameter(Name="map", Value=document, Type="String")
    monkeypatch.setenv("SHARD_MAP_PARAMETER", "map")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "orders")
    sender, worker = (load_handler(ROOT / "examples/shuffle_sharding" / file) for file in ("sender.py", "app/index.py"))
    queues = sender.queues(ssm, sqs)
    for number in range(40):
        sender.send(queues, "culprit", {"id": f"poison-{number}"})
    culprit = queues.shards.shard("culprit")
    customers = [f"customer-{number}" for number in range(20) if set(queues.shards.shard(f"customer-{number}")) != set(culprit)]
    for customer in customers:
        assert sender.send(queues, customer, {"id": f"order of {customer}", "address": "1 Main Street"}) not in culprit
    shipped: list[str] = []
    ship = worker.ship
    monkeypatch.setattr(worker, "ship", lambda order: (ship(order), shipped.append(order["customer"])))
    for name, url in urls.items():
        if name not in culprit:
            drive_queue(sqs, url, worker.handler)
    assert sorted(shipped) == sorted(customers)
    messages = sqs.receive_message(QueueUrl=urls[culprit[0]], AttributeNames=["All"], MaxNumberOfMessages=10)["Messages"]
    answer = worker.handler(queue_event(messages, str(EXISTING["arn"])), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": message["MessageId"]} for message in messages]}
