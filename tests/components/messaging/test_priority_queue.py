import heapq
import json
import random
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import PriorityQueue
from cloudpatterns.messaging.priority_queue.arguments import worked_out
from cloudpatterns_runtime.priority import Message, PriorityPoller
from hypothesis import given
from hypothesis import strategies as st
from offline_preview.graph import Graph

from tests.emulators.events import Context, drive_queue
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.tables import table_by_id
from tests.harness import record, refs
from tests.program import ROOT

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
IMAGE = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/reports@sha256:0"}
EXISTING = {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:report:live", "timeout_seconds": 20}
HIGH_LOW = [{"name": "high"}, {"name": "low"}]
MAPPING, ALARM = "aws:lambda/eventSourceMapping:EventSourceMapping", "aws:cloudwatch/metricAlarm:MetricAlarm"


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"priorities": HIGH_LOW, "function": {**IMAGE}, **args}
    return record(lambda: PriorityQueue("reports", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs["policy"])["Statement"]


def concurrency(graph: Graph) -> dict[str, int]:
    return {
        mapping.name.removeprefix("reports-").removesuffix("-source"): mapping.inputs["scalingConfig"]["maximumConcurrency"]
        for mapping in graph.of_type(MAPPING)
    }


class Lambda:
    """Lambda's pollers, as far as their limits go: batches of each queue are invoked at once, as long as its share has room.

    With ``pool`` all queues share their concurrency, and the higher one goes first: what a naive arrangement does.
    """

    def __init__(self, shares: Mapping[str, int], batch_size: int, timeout: int, *, pool: bool = False) -> None:
        self.shares, self.batch_size, self.timeout, self.pool = shares, batch_size, timeout, pool
        self.waiting: dict[str, deque[tuple[float, int]]] = {queue: deque() for queue in shares}
        self.running: list[tuple[float, str]] = []
        self.waited: dict[str, list[tuple[float, int]]] = {queue: [] for queue in shares}
        """Of each message that was started: how long it waited, and how many were before it."""
        self.random = random.Random(7)

    def arrive(self, now: float, queue: str) -> None:
        self.waiting[queue].append((now, len(self.waiting[queue])))

    def start(self, now: float) -> None:
        while self.running and self.running[0][0] <= now:
            heapq.heappop(self.running)
        for queue, share in self.shares.items():
            while self.waiting[queue] and self._has_room(queue, share):
                batch = [self.waiting[queue].popleft() for _ in range(min(self.batch_size, len(self.waiting[queue])))]
                self.waited[queue] += [(now - arrived, before) for arrived, before in batch]
                heapq.heappush(self.running, (now + self.timeout * self.random.uniform(0.2, 1), queue))

    def _has_room(self, queue: str, share: int) -> bool:
        if self.pool:
            return len(self.running) < sum(self.shares.values())
        return Counter(name for _, name in self.running)[queue] < share


def saturated(graph: Graph, *, seconds: int = 900, pool: bool = False) -> Lambda:
    """The queues while three times what all functions together can do arrives at the high one, and a message a second at the low one."""
    mapping = graph.named("reports-low-source").inputs
    system = Lambda(concurrency(graph), mapping["batchSize"], graph.named("reports-function").inputs["timeout"], pool=pool)
    flood = 3 * sum(system.shares.values()) * system.batch_size / (0.2 * system.timeout)
    for now in range(seconds):
        for _ in range(round(flood)):
            system.arrive(now, "high")
        system.arrive(now, "low")
        system.start(now)
    return system


@pytest.mark.parametrize(("total", "batch_size"), [(10, 1), (10, 10), (4, 1), (50, 5)])
def test_low_priority_is_never_starved(total: int, batch_size: int) -> None:
    graph = make(maximum_concurrency=total, batch_size=batch_size, function={**IMAGE, "timeout_seconds": 5})
    system = saturated(graph)
    share = system.shares["low"]
    assert len(system.waiting["high"]) > 10_000
    assert len(system.waited["low"]) + len(system.waiting["low"]) == 900
    # What the component promises; the simulation looks once a second.
    late = [(wait, before) for wait, before in system.waited["low"] if wait > (before / (share * batch_size) + 1) * 5 + 1]
    assert late == []
    longest = [900 - arrived for arrived, before in system.waiting["low"] if 900 - arrived > (before / (share * batch_size) + 1) * 5 + 1]
    assert longest == []


def test_the_simulation_sees_starvation_where_queues_share_their_concurrency() -> None:
    system = saturated(make(maximum_concurrency=10, function={**IMAGE, "timeout_seconds": 5}), pool=True)
    assert system.waited["low"] == []


@given(st.integers(2, 12), st.integers(0, 900))
def test_every_queue_has_a_share_of_at_least_two(queues: int, more: int) -> None:
    total = 2 * queues + more
    shares = worked_out(total, queues)
    assert (len(shares), sum(shares)) == (queues, total)
    assert min(shares) >= 2
    assert sorted(shares, reverse=True) == shares


@pytest.mark.parametrize(
    ("total", "names", "shares"),
    [
        (10, ["high", "low"], {"high": 8, "low": 2}),
        (100, ["high", "middle", "low"], {"high": 80, "middle": 16, "low": 4}),
        (6, ["high", "middle", "low"], {"high": 2, "middle": 2, "low": 2}),
    ],
)
def test_the_highest_queue_has_four_fifths(total: int, names: list[str], shares: dict[str, int]) -> None:
    assert concurrency(make(priorities=[{"name": name} for name in names], maximum_concurrency=total)) == shares


def test_shares_may_be_given() -> None:
    priorities = [{"name": "high", "maximum_concurrency": 5}, {"name": "low", "maximum_concurrency": 3}]
    assert concurrency(make(priorities=priorities)) == {"high": 5, "low": 3}
    missing = "is missing; other queues have it. Give it to all queues, or to none."
    assert refused(priorities=[priorities[0], {"name": "low"}]) == [("priorities.1.maximum_concurrency", missing)]
    reason = "excludes the maximum_concurrency of queues; both are given. Remove one of them."
    assert refused(priorities=priorities, maximum_concurrency=20) == [("maximum_concurrency", reason)]


def test_one_function_reads_all_queues_by_a_mapping_for_each() -> None:
    graph = make()
    function, key = graph.one("aws:lambda/function:Function"), graph.one("aws:kms/key:Key").outputs["arn"]
    queues = [graph.named(f"reports-{name}-queue").outputs["arn"] for name in ("high", "low")]
    found = [(mapping.inputs["eventSourceArn"], mapping.inputs["functionName"]) for mapping in graph.of_type(MAPPING)]
    assert found == [(queue, function.outputs["arn"]) for queue in queues]
    assert all(mapping.inputs["functionResponseTypes"] == ["ReportBatchItemFailures"] for mapping in graph.of_type(MAPPING))
    policy = statements(graph, "reports-function-policy")
    assert [(one["Sid"], one["Resource"]) for one in policy[:2]] == [("Receive", queues), ("ReceiveKey", [key])]
    assert len({one["Sid"] for one in policy}) == len(policy)
    variables = function.inputs["environment"]["variables"]
    assert variables["IDEMPOTENCY_TABLE"] == graph.named("reports-idempotency").outputs["name"]
    assert {graph.named(f"reports-{name}-queue").inputs["visibilityTimeoutSeconds"] for name in ("high", "low")} == {180}


def test_the_sources_read_only_when_the_function_may() -> None:
    graph = make(mode="preview")
    assert set(refs(graph, graph.named("reports-function"), "role")) == {"reports-function-role", "reports-function-policy"}
    waits = set(refs(graph, graph.named("reports-low-source"), "eventSourceArn"))
    assert waits == {"reports-low-queue"} | {f"reports-low-queue-{it}" for it in ("policy", "dead-letters-policy", "dead-letters-redrive")}


def test_a_queue_may_have_a_function_of_its_own() -> None:
    own = {**IMAGE, "timeout_seconds": 300}
    graph = make(priorities=[{"name": "high"}, {"name": "low", "function": own}], batching_window_seconds=10)
    assert [one.name for one in graph.of_type("aws:lambda/function:Function")] == ["reports-function", "reports-low-function"]
    found = {mapping.name: mapping.inputs["functionName"] for mapping in graph.of_type(MAPPING)}
    assert found["reports-low-source"] == graph.named("reports-low-function").outputs["arn"]
    assert graph.named("reports-low-queue").inputs["visibilityTimeoutSeconds"] == 1810
    assert statements(graph, "reports-function-policy")[0]["Resource"] == [graph.named("reports-high-queue").outputs["arn"]]
    assert graph.named("reports-low-idempotency").inputs["hashKey"] == "id"
    pattern = statements(graph, "reports-key-policy")[1]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    # That of all queues and that of one.
    assert pattern.endswith(":log-group:reports-*function-logs*")


def test_functions_and_queues_that_are_there_are_not_changed() -> None:
    queue = {
        "arn": "arn:aws:sqs:eu-west-1:123456789012:low",
        "visibility_timeout_seconds": 600,
        "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1",
    }
    priorities = [{"name": "high"}, {"name": "low", "existing_queue": queue}]
    graph = make(priorities=priorities, function=None, existing_function={**EXISTING, "role_name": "report"}, alarm_topic_arns=[TOPIC])
    assert {one.name for one in graph.of_type("aws:sqs/queue:Queue")} == {"reports-high-queue", "reports-high-queue-dead-letters"}
    assert graph.of_type("aws:lambda/function:Function", "aws:dynamodb/table:Table") == []
    receive, use = statements(graph, "reports-function-policy")
    key = graph.one("aws:kms/key:Key").outputs["arn"]
    assert receive["Resource"] == [graph.named("reports-high-queue").outputs["arn"], queue["arn"]]
    assert use["Resource"] == [key, queue["kms_key_arn"]]
    assert graph.named("reports-low-queue-age").inputs["dimensions"] == {"QueueName": "low"}
    both = [{**one, "existing_queue": {**queue, "arn": f"{queue['arn']}-{one['name']}"}} for one in HIGH_LOW]
    assert make(priorities=both, function=None, existing_function=EXISTING).of_type("aws:kms/key:Key") == []


def test_a_key_may_be_given_and_a_function_may_do_without_the_table() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/2"
    graph = make(kms_key_arn=key, idempotency=False)
    assert graph.of_type("aws:kms/key:Key", "aws:dynamodb/table:Table") == []
    assert {one.inputs["kmsMasterKeyId"] for one in graph.of_type("aws:sqs/queue:Queue")} == {key}
    assert "IDEMPOTENCY_TABLE" not in graph.named("reports-function").inputs["environment"]["variables"]


def test_alarms_are_raised_for_each_queue() -> None:
    priorities = [{"name": "high", "alarm_age_seconds": 120}, {"name": "low"}]
    graph = make(priorities=priorities, alarm_topic_arns=[TOPIC])
    alarms = {one.name: one.inputs["threshold"] for one in graph.of_type(ALARM)}
    assert alarms == {
        "reports-high-queue-age": 120,
        "reports-high-queue-dead-letters-alarm": 0,
        "reports-low-queue-age": 900,
        "reports-low-queue-dead-letters-alarm": 0,
        "reports-function-errors": 0,
    }
    assert all(one.inputs["alarmActions"] == [TOPIC] for one in graph.of_type(ALARM))


def test_a_sender_sends_to_its_queue_alone() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:orders"
    sender = {"service": "sns.amazonaws.com", "source_arn": topic}
    seen: list[Any] = []

    def program() -> None:
        args: Any = {"priorities": [{"name": "high"}, {"name": "low", "senders": [sender]}], "function": {**IMAGE}}
        queue = PriorityQueue("reports", args)
        pulumi.Output.from_input([queue.send_statements("low"), queue.send_statements()]).apply(seen.extend)

    graph = record(program, mode="deployed")
    assert [len(statements(graph, f"reports-{name}-queue-policy")) for name in ("high", "low")] == [1, 2]
    assert [one["Sid"] for one in statements(graph, "reports-key-policy")] == ["Administration", "CloudWatchLogs", "SenderSns"]
    high, low = (graph.named(f"reports-{name}-queue").outputs["arn"] for name in ("high", "low"))
    key = graph.one("aws:kms/key:Key").outputs["arn"]
    assert [[one["resources"] for one in lines] for lines in seen] == [[[low], [key]], [[high, low], [key]]]


def service() -> tuple[Graph, list[Any]]:
    seen: list[Any] = []

    def program() -> None:
        args: Any = {"priorities": HIGH_LOW, "share_every": 4}
        queue = PriorityQueue("reports", args)
        pulumi.Output.from_input(queue.receive_statements()).apply(seen.extend)

    return record(program, mode="deployed"), seen


def test_a_service_gets_the_queues_in_their_order_and_the_rights_to_poll_them() -> None:
    graph, lines = service()
    high, low = (graph.named(f"reports-{name}-queue") for name in ("high", "low"))
    parameter = graph.one("aws:ssm/parameter:Parameter")
    assert json.loads(parameter.inputs["insecureValue"]) == {
        "queue_urls": [high.outputs["url"], low.outputs["url"]],
        "share_every": 4,
        "visibility_seconds": 60,
        "most_seconds": 3600,
    }
    assert (high.inputs["visibilityTimeoutSeconds"], graph.of_type(MAPPING)) == (60, [])
    assert [(one["sid"], one["resources"]) for one in lines] == [
        ("Receive", [high.outputs["arn"], low.outputs["arn"]]),
        ("ReceiveKey", [graph.one("aws:kms/key:Key").outputs["arn"]]),
        ("Settings", [parameter.outputs["arn"]]),
    ]
    long = make(function=None, visibility_timeout_seconds=7200).one("aws:ssm/parameter:Parameter").inputs["insecureValue"]
    # The poller refuses less than the visibility timeout.
    assert (json.loads(long)["visibility_seconds"], json.loads(long)["most_seconds"]) == (7200, 7200)


def test_low_priority_is_never_starved_by_a_service(moto_account: None) -> None:
    sqs = client("sqs")
    settings: Any = json.loads(service()[0].one("aws:ssm/parameter:Parameter").inputs["insecureValue"])
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("high", "low")]
    for number in range(8):
        sqs.send_message(QueueUrl=urls[1], MessageBody=f"low {number}")
    for number in range(20):
        sqs.send_message(QueueUrl=urls[0], MessageBody=f"high {number}")
    received: list[str] = []

    def handle(message: Message) -> None:
        received.append(message.body.split()[0])
        if message.queue_url == urls[0]:
            # For each message of high priority that is done there is another: it never runs dry.
            sqs.send_message(QueueUrl=urls[0], MessageBody="high again")
        elif received.count("low") == 8:
            poller.stop()

    settings["queue_urls"] = urls
    poller = PriorityPoller(sqs=sqs, handler=handle, workers=1, **settings)
    poller.run()
    low = [position for position, name in enumerate(received) if name == "low"][:8]
    # With one worker a receive is one message: at least each fourth is of low priority.
    assert [after - before for before, after in zip([-1, *low], low, strict=False)] == [4] * 8


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"priorities": HIGH_LOW[:1]}, ("priorities", "has 1 entry; at least 2 are needed")),
        (
            {"priorities": [*HIGH_LOW, {"name": "low"}]},
            ("priorities.2.name", "is 'low' a second time; each priority has a name of its own. Choose another."),
        ),
        (
            {"priorities": [{"name": name} for name in "abcdef"]},
            ("maximum_concurrency", "is 10; 6 queues need at least 2 each, 12. Raise it."),
        ),
        (
            {"function": {**IMAGE, "reserved_concurrency": 9}},
            (
                "function.reserved_concurrency",
                "is 9, below the 10 invocations that its queues may have together: messages would be throttled into the dead-letter "
                "queue, those of lower queues too. Leave it out, or raise it.",
            ),
        ),
        (
            {"function": None, "priorities": [{"name": "high", "function": {**IMAGE}}, {"name": "low"}]},
            ("priorities.1.function", "is missing, while other queues have a function. Give it, or the function of all queues."),
        ),
        (
            {"priorities": [{"name": name, "existing_function": EXISTING} for name in ("high", "low")]},
            ("function", "is for queues without a function of their own, and each has one. Leave it out."),
        ),
        ({"share_every": 5}, ("share_every", "is for a service that polls the queues, and functions read them. Leave it out.")),
        (
            {"function": None, "share_every": 3, "priorities": [{"name": name} for name in "abc"]},
            ("share_every", "is 3; with 3 queues at least 4, twice the lower ones, is needed. Raise it."),
        ),
        (
            {"function": None, "batch_size": 5},
            ("batch_size", "is for a function, and none is given. Give function or existing_function, or leave it out."),
        ),
        (
            {"batch_size": 11},
            ("batch_size", "is 11; more than 10 messages need a batching window. Set batching_window_seconds to 1 or more."),
        ),
        (
            {"visibility_timeout_seconds": 100, "priorities": [{"name": "high", "existing_function": EXISTING}, {"name": "low"}]},
            (
                "visibility_timeout_seconds",
                "is 100; six times the timeout of the function of high, 20 seconds, are 120. Raise it.",
            ),
        ),
        (
            {
                "priorities": [
                    {"name": "high"},
                    {"name": "low", "existing_queue": {"arn": "arn:aws:sqs:eu-west-1:123456789012:low", "visibility_timeout_seconds": 60}},
                ]
            },
            (
                "priorities.1.existing_queue.visibility_timeout_seconds",
                "is 60; six times the timeout of the function of low, 30 seconds, are 180. Raise it.",
            ),
        ),
        (
            {"priorities": [{"name": "high", "function": {**IMAGE}, "existing_function": EXISTING}, {"name": "low"}]},
            ("priorities.0.function", "excludes existing_function; both are given. Remove one of them."),
        ),
        (
            {
                "priorities": [
                    {"name": "high"},
                    {
                        "name": "low",
                        "existing_queue": {"arn": "arn:aws:sqs:eu-west-1:123456789012:low.fifo", "visibility_timeout_seconds": 600},
                    },
                ]
            },
            (
                "priorities.1.existing_queue.arn",
                "is arn:aws:sqs:eu-west-1:123456789012:low.fifo, a FIFO queue; priorities would break the order of its messages. "
                "Name a standard queue.",
            ),
        ),
        (
            {
                "priorities": [
                    {"name": name, "existing_queue": {"arn": "arn:aws:sqs:eu-west-1:123456789012:one", "visibility_timeout_seconds": 600}}
                    for name in ("high", "low")
                ]
            },
            (
                "priorities.1.existing_queue.arn",
                "is arn:aws:sqs:eu-west-1:123456789012:one a second time; each priority has a queue of its own. Name another.",
            ),
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, problem: tuple[str, str]) -> None:
    assert problem in refused(**args)


@pytest.fixture
def reports(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The sample handler of the example, with its queues and its table."""
    sqs, dynamodb = client("sqs"), client("dynamodb")
    table_by_id(dynamodb, "idempotency")
    parked = sqs.create_queue(QueueName="parked")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=parked, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    queues = [sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"] for name in ("interactive", "nightly")]
    monkeypatch.setenv("IDEMPOTENCY_TABLE", "idempotency")
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    return load_handler(ROOT / "examples/priority_queue/app/index.py"), sqs, queues, parked


def test_a_report_is_written_once_whichever_queue_asks_for_it_and_poison_is_parked(reports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    index, sqs, queues, parked = reports
    written: list[str] = []
    write = index.write
    monkeypatch.setattr(index, "write", lambda report: (write(report), written.append(report["id"])))
    for queue in queues:
        for body in ({"id": "sales", "lines": 120}, {"id": "empty", "lines": 0}, {"id": "stock", "lines": 7}):
            sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))
    for queue in queues:
        drive_queue(sqs, queue, index.handler, batch_size=2, context=Context())
    assert sorted(written) == ["sales", "stock"]
    left = sqs.receive_message(QueueUrl=parked, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(message["Body"])["id"] for message in left] == ["empty", "empty"]
