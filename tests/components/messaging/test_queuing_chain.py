import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import QueuingChain
from offline_preview.graph import Graph

from tests.emulators.events import Context, drive_queue
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.tables import table_by_id
from tests.harness import record, refs
from tests.program import ROOT

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
IMAGE = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/prints@sha256:0"}
STAGES = ("check", "develop", "ship")
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
OUTPUT = {
    "arn": "arn:aws:sqs:eu-west-1:123456789012:shipped",
    "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1",
}


def stages(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": name, "function": {**IMAGE}, **changes.get(name, {})} for name in STAGES]


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"stages": stages(), **args}
    return record(lambda: QueuingChain("prints", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs["policy"])["Statement"]


def test_a_stages_failure_holds_back_only_itself() -> None:
    graph = make(mode="preview")
    for stage in STAGES:
        # Its own queue, its own dead-letter queue, its own function; none of them waits for another stage's function.
        mapping = graph.named(f"prints-{stage}-source")
        queue = f"prints-{stage}-queue"
        policies = {f"{queue}-policy", f"{queue}-dead-letters-policy", f"{queue}-dead-letters-redrive"}
        assert set(refs(graph, mapping, "eventSourceArn")) == {queue, *policies}
        assert refs(graph, mapping, "functionName") == [f"prints-{stage}-function"]
        assert refs(graph, graph.named(queue), "redrivePolicy") == [f"{queue}-dead-letters"]
        function = graph.named(f"prints-{stage}-function")
        assert set(refs(graph, function, "role")) == {f"prints-{stage}-function-role", f"prints-{stage}-function-policy"}
        assert not {target for target in refs(graph, function) if target.endswith("-function")}


def test_each_stage_is_scaled_alone() -> None:
    changes = {"check": {"maximum_concurrency": 20}, "ship": {"maximum_concurrency": 2, "max_receive_count": 9}}
    graph = make(stages=stages(**changes))
    found = {mapping.name: mapping.inputs["scalingConfig"]["maximumConcurrency"] for mapping in graph.of_type(MAPPING)}
    assert found == {"prints-check-source": 20, "prints-develop-source": 10, "prints-ship-source": 2}
    tries = {stage: json.loads(graph.named(f"prints-{stage}-queue").inputs["redrivePolicy"])["maxReceiveCount"] for stage in STAGES}
    assert tries == {"check": 5, "develop": 5, "ship": 9}


def test_each_function_knows_the_next_queue_and_may_send_to_it_and_the_last_sends_nowhere() -> None:
    graph = make()
    key = graph.one("aws:kms/key:Key").outputs["arn"]
    for stage, following in (("check", "develop"), ("develop", "ship")):
        queue = graph.named(f"prints-{following}-queue").outputs
        assert graph.named(f"prints-{stage}-function").inputs["environment"]["variables"]["NEXT_QUEUE_URL"] == queue["url"]
        sends = [one for one in statements(graph, f"prints-{stage}-function-policy") if "sqs:SendMessage" in one["Action"]]
        assert [one["Resource"] for one in sends] == [[queue["arn"]]]
        uses = [one for one in statements(graph, f"prints-{stage}-function-policy") if "kms:GenerateDataKey" in one["Action"]]
        assert [(one["Action"], one["Resource"]) for one in uses] == [(["kms:Decrypt", "kms:GenerateDataKey"], [key])]
    assert "NEXT_QUEUE_URL" not in graph.named("prints-ship-function").inputs["environment"]["variables"]
    assert not any("sqs:SendMessage" in one["Action"] for one in statements(graph, "prints-ship-function-policy"))


def test_the_last_stage_sends_to_a_queue_that_is_given() -> None:
    graph = make(output_queue=OUTPUT)
    assert graph.named("prints-ship-function").inputs["environment"]["variables"]["NEXT_QUEUE_URL"] == (
        "https://sqs.eu-west-1.amazonaws.com/123456789012/shipped"
    )
    sent = [(one["Action"], one["Resource"]) for one in statements(graph, "prints-ship-function-policy") if "Sid" not in one]
    assert sent == [
        (["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"], [OUTPUT["arn"]]),
        (["kms:Decrypt", "kms:GenerateDataKey"], [OUTPUT["kms_key_arn"]]),
    ]


def test_a_user_may_give_a_function_the_right_to_send_to_another_queue() -> None:
    given = {"sid": "Send", "actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:audit"]}
    graph = make(stages=stages(check={"function": {**IMAGE, "statements": [given]}}))
    ids = [one["Sid"] for one in statements(graph, "prints-check-function-policy") if "Sid" in one]
    assert len(ids) == len(set(ids))
    assert "Send" in ids


def test_an_alarm_is_raised_where_messages_wait_too_long_at_each_stage() -> None:
    graph = make(stages=stages(develop={"alarm_age_seconds": 3600}), alarm_topic_arns=[TOPIC])
    alarms = {one.name: one.inputs for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert sorted(alarms) == sorted(
        f"prints-{stage}-{what}" for stage in STAGES for what in ("queue-age", "queue-dead-letters-alarm", "function-errors")
    )
    assert [alarms[f"prints-{stage}-queue-age"]["threshold"] for stage in STAGES] == [900, 3600, 900]
    assert all(one["alarmActions"] == [TOPIC] for one in alarms.values())


def test_one_key_lets_the_logs_of_all_stages_and_the_senders_of_the_first_queue_in() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:orders"
    graph = make(senders=[{"service": "sns.amazonaws.com", "source_arn": topic}])
    key = graph.one("aws:kms/key:Key").outputs["arn"]
    assert {one.inputs["kmsMasterKeyId"] for one in graph.of_type("aws:sqs/queue:Queue")} == {key}
    groups = graph.of_type("aws:cloudwatch/logGroup:LogGroup")
    assert [one.name for one in groups] == [f"prints-{stage}-function-logs" for stage in reversed(STAGES)]
    logs = next(one for one in statements(graph, "prints-key-policy") if one["Sid"] == "CloudWatchLogs")
    pattern = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert pattern.endswith(":log-group:prints-*-function-logs*")
    senders = {stage: [one.get("Principal") for one in statements(graph, f"prints-{stage}-queue-policy")[1:]] for stage in STAGES}
    assert senders == {"check": [{"Service": ["sns.amazonaws.com"]}], "develop": [], "ship": []}
    assert make(kms_key_arn=key).of_type("aws:kms/key:Key") == []


def test_a_stage_may_have_a_function_a_queue_or_a_service_that_is_there() -> None:
    function = {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:develop", "timeout_seconds": 20, "role_name": "develop"}
    queue = {"arn": "arn:aws:sqs:eu-west-1:123456789012:ship", "visibility_timeout_seconds": 600}
    changes = {
        "check": {"function": None, "visibility_timeout_seconds": 900},
        "develop": {"function": None, "existing_function": function},
        "ship": {"existing_queue": queue},
    }
    seen: dict[str, Any] = {}

    def program() -> None:
        args: Any = {"stages": stages(**changes), "alarm_topic_arns": [TOPIC]}
        chain = QueuingChain("prints", args)
        pulumi.Output.from_input(chain.receive_statements("check")).apply(lambda found: seen.update(check=found))
        pulumi.Output.from_input(chain.send_statements()).apply(lambda found: seen.update(send=found))
        chain.queue_urls.apply(lambda found: seen.update(urls=found))

    graph = record(program, mode="deployed")
    send = statements(graph, "prints-develop-send")
    # The queue that is there has no key.
    assert [(one["Action"][-1], one["Resource"]) for one in send] == [("sqs:SendMessage", [queue["arn"]])]
    assert graph.named("prints-develop-send").inputs["role"] == "develop"
    assert graph.named("prints-develop-source").inputs["functionName"] == function["arn"]
    develop, key = graph.named("prints-develop-queue").outputs["arn"], graph.one("aws:kms/key:Key").outputs["arn"]
    assert [(one["actions"][-1], one["resources"]) for one in seen["check"]] == [
        ("sqs:ReceiveMessage", [graph.named("prints-check-queue").outputs["arn"]]),
        ("kms:Decrypt", [key]),
        ("sqs:SendMessage", [develop]),
        ("kms:GenerateDataKey", [key]),
    ]
    assert [one["resources"] for one in seen["send"]] == [[graph.named("prints-check-queue").outputs["arn"]], [key]]
    assert seen["urls"]["ship"] == "https://sqs.eu-west-1.amazonaws.com/123456789012/ship"
    assert graph.named("prints-ship-queue-age").inputs["dimensions"] == {"QueueName": "ship"}
    preview = record(program, mode="preview")
    assert "prints-develop-send" in refs(preview, preview.named("prints-develop-source"), "functionName")


def test_an_unknown_stage_has_no_statements() -> None:
    def program() -> None:
        args: Any = {"stages": stages()}
        QueuingChain("prints", args).receive_statements("pack")

    with pytest.raises(ArgumentError) as error:
        record(program)
    assert error.value.problems == [("stage", "is 'pack', which is not a stage; known are ship, develop, check.")]


def test_a_function_of_a_queue_that_is_there_has_the_key_of_the_chain() -> None:
    queue = {"arn": ARN, "visibility_timeout_seconds": 600}
    graph = make(stages=stages(check={"existing_queue": queue}, ship={"function": None, "existing_queue": {**queue, "arn": f"{ARN}2"}}))
    assert graph.named("prints-check-function").inputs["kmsKeyArn"] == graph.one("aws:kms/key:Key").outputs["arn"]


ARN = "arn:aws:sqs:eu-west-1:123456789012:prints"
LOOP = f"is {ARN}, through which the messages have come already; Lambda stops such a loop after about 16 rounds. Name another queue."


def test_a_cycle_is_refused() -> None:
    first = {"existing_queue": {"arn": ARN, "visibility_timeout_seconds": 600}}
    output = {**OUTPUT, "arn": ARN}
    assert refused(stages=stages(check=first), output_queue=output) == [("output_queue.arn", LOOP)]
    assert refused(stages=stages(check=first, ship=first)) == [("stages.2.existing_queue.arn", LOOP)]


def test_a_cycle_that_is_known_only_while_the_program_runs_is_refused() -> None:
    def program() -> None:
        queue = {"arn": pulumi.Output.from_input(ARN), "visibility_timeout_seconds": 600}
        args: Any = {"stages": stages(check={"existing_queue": queue}), "output_queue": {**OUTPUT, "arn": ARN}}
        QueuingChain("prints", args)

    with pytest.raises(ArgumentError) as error:
        record(program)
    assert error.value.problems == [("output_queue.arn", LOOP)]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"stages": stages()[:1]}, ("stages", "has 1 entry; at least 2 are needed")),
        (
            {"stages": [*stages(), stages()[0]]},
            ("stages.3.name", "is 'check' a second time; each stage has a name of its own. Choose another."),
        ),
        (
            {"stages": stages(develop={"function": {**IMAGE, "environment": {"NEXT_QUEUE_URL": "x"}}})},
            (
                "stages.1.function.environment.NEXT_QUEUE_URL",
                "is a variable that the chain sets itself, to the queue of the next stage. Choose another name.",
            ),
        ),
        (
            {"stages": stages(ship={"batch_size": 100})},
            (
                "stages.2.batch_size",
                "is 100; more than 10 messages need a batching window. Set batching_window_seconds to 1 or more.",
            ),
        ),
        (
            {
                "stages": stages(check={"existing_queue": {"arn": ARN, "visibility_timeout_seconds": 600}}),
                "senders": [{"service": "sns.amazonaws.com", "source_arn": "arn"}],
            },
            ("stages.0.existing_queue", "excludes senders: the queue is there already; both are given. Remove one of them."),
        ),
        (
            {"stages": stages(ship={"name": "s" * 40})},
            (
                "name",
                f"has 6 characters; the child prints-{'s' * 40}-function-role would pass the 64 characters that AWS allows. "
                "Give the component a name of at most 1 characters.",
            ),
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, problem: tuple[str, str]) -> None:
    assert refused(**args)[0] == problem


class Chain:
    """The sample handlers of the example, each with its queue, its dead-letter queue and its table on moto; and what they did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sqs, dynamodb = client("sqs"), client("dynamodb")
        monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
        self.queues: dict[str, str] = {}
        self.parked: dict[str, str] = {}
        for stage in STAGES:
            table_by_id(dynamodb, f"done-{stage}")
            self.parked[stage] = self.sqs.create_queue(QueueName=f"{stage}-parked")["QueueUrl"]
            arn = self.sqs.get_queue_attributes(QueueUrl=self.parked[stage], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
            self.queues[stage] = self.sqs.create_queue(QueueName=stage, Attributes={"RedrivePolicy": policy})["QueueUrl"]
        self.done: dict[str, list[str]] = {stage: [] for stage in STAGES}
        self.modules: dict[str, Any] = {}
        self.handlers: dict[str, Any] = {}
        for number, stage in enumerate(STAGES):
            monkeypatch.setenv("IDEMPOTENCY_TABLE", f"done-{stage}")
            if number + 1 < len(STAGES):
                monkeypatch.setenv("NEXT_QUEUE_URL", self.queues[STAGES[number + 1]])
            else:
                monkeypatch.delenv("NEXT_QUEUE_URL")
            module = self.modules[stage] = load_handler(ROOT / "examples/queuing_chain/app/index.py")
            self._record(stage, module)
            self.handlers[stage] = getattr(module, f"{stage}_handler")

    def _record(self, stage: str, module: Any) -> None:
        step = getattr(module, stage)

        def recorded(order: dict[str, Any]) -> dict[str, Any]:
            result = step(order)
            self.done[stage].append(order["id"])
            return result

        setattr(module, stage, recorded)

    def send(self, *orders: dict[str, Any]) -> None:
        for order in orders:
            self.sqs.send_message(QueueUrl=self.queues["check"], MessageBody=json.dumps(order))

    def drive(self, *only: str) -> None:
        for stage in only or STAGES:
            drive_queue(self.sqs, self.queues[stage], self.handlers[stage], batch_size=4, context=Context(1))

    def left(self, queues: dict[str, str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for stage, url in queues.items():
            messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
            found[stage] = sorted({json.loads(message["Body"])["id"] for message in messages})
        return found


NOTHING = {stage: [] for stage in STAGES}
IDS = [f"{number}" for number in range(7)]


def order(number: str, **changes: Any) -> dict[str, Any]:
    return {"id": number, "size": "10x15", "copies": 2, "picture": "s3://prints/1.jpg", **changes}


@pytest.fixture
def chain(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> Chain:
    return Chain(monkeypatch)


FAULTS = [(stage, fault) for stage in STAGES for fault in ("step", "send", "answer", "whole batch") if (stage, fault) != ("ship", "send")]


@pytest.mark.parametrize(("stage", "fault"), FAULTS)
def test_nothing_is_lost_and_every_message_arrives_once_in_effect(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, stage: str, fault: str
) -> None:
    module, handler, fails = chain.modules[stage], chain.handlers[stage], iter([True, True])

    def flaky(call: Any) -> Any:
        def called(*args: Any, **named: Any) -> Any:
            if next(fails, False):
                raise TimeoutError("no answer")
            return call(*args, **named)

        return called

    def killed(event: Any, context: Any) -> Any:
        answer = handler(event, context)
        if next(fails, False):
            raise RuntimeError("the sandbox ends when all is done and sent, before it has answered")
        return answer

    def refusing(event: Any, context: Any) -> Any:
        answer = handler(event, context)
        # An empty identifier fails the whole batch, which is done and sent.
        return {"batchItemFailures": [{"itemIdentifier": ""}]} if next(fails, False) else answer

    if fault == "step":
        monkeypatch.setattr(module, stage, flaky(getattr(module, stage)))
    elif fault == "send":
        monkeypatch.setattr(module.SQS, "send_message", flaky(module.SQS.send_message))
    else:
        chain.handlers[stage] = killed if fault == "answer" else refusing
    chain.send(*(order(number) for number in IDS))
    chain.drive()
    assert next(fails, None) is None
    assert {name: sorted(done) for name, done in chain.done.items()} == dict.fromkeys(STAGES, IDS)
    assert chain.left(chain.queues) == chain.left(chain.parked) == NOTHING


def test_a_step_that_ends_before_it_is_remembered_is_repeated_with_the_same_key(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    module, fails = chain.modules["ship"], iter([True])
    remember = module.RECORDS.save_success

    def lost(*args: Any, **named: Any) -> None:
        if next(fails, False):
            raise ConnectionError("DynamoDB does not answer")
        remember(*args, **named)

    monkeypatch.setattr(module.RECORDS, "save_success", lost)
    chain.send(order("0"), order("1"))
    chain.drive()
    # What the step calls gets the id as its own idempotency key.
    assert sorted(chain.done["ship"]) == ["0", "0", "1"]
    assert chain.left(chain.parked) == NOTHING


def test_repeated_messages_are_processed_once_in_effect(chain: Chain) -> None:
    for _ in range(3):
        chain.send(*(order(number) for number in IDS))
    chain.drive()
    assert {name: sorted(done) for name, done in chain.done.items()} == dict.fromkeys(STAGES, IDS)


def test_poison_is_parked_at_its_stage_and_the_others_are_not_affected(chain: Chain) -> None:
    chain.send(order("0"), order("1", size="1x1"), order("2", picture=""), order("3"))
    chain.drive()
    assert chain.left(chain.parked) == {"check": ["1"], "develop": ["2"], "ship": []}
    assert {name: sorted(done) for name, done in chain.done.items()} == {
        "check": ["0", "2", "3"],
        "develop": ["0", "3"],
        "ship": ["0", "3"],
    }


def test_a_stage_that_is_down_parks_its_messages_whole_and_after_redrive_all_arrive(chain: Chain) -> None:
    handler = chain.handlers["develop"]

    def down(event: Any, context: Any) -> Any:
        raise RuntimeError("the function does not start")

    chain.send(order("0"))
    chain.drive("check", "develop")
    chain.handlers["develop"] = down
    chain.send(*(order(number) for number in IDS[1:]))
    chain.drive()
    # The first stage has gone on, the last one has finished what it had.
    assert {name: sorted(done) for name, done in chain.done.items()} == {"check": IDS, "develop": ["0"], "ship": ["0"]}
    assert chain.left(chain.parked) == {**NOTHING, "develop": IDS[1:]}
    chain.handlers["develop"] = handler
    for message in [*_drained(chain.sqs, chain.parked["develop"])]:
        chain.sqs.send_message(QueueUrl=chain.queues["develop"], MessageBody=message)
    chain.drive()
    assert {name: sorted(done) for name, done in chain.done.items()} == dict.fromkeys(STAGES, IDS)
    assert chain.left(chain.parked) == NOTHING


def _drained(sqs: Any, url: str) -> Iterator[str]:
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            yield message["Body"]
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
