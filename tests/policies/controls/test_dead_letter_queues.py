"""Dead-letter queues: retention, whose messages, and where a chain ends."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import dead_letter_queues as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

QUEUE, REDRIVE = "aws:sqs/queue:Queue", "aws:sqs/redrivePolicy:RedrivePolicy"
REDRIVE_ALLOW, BUS = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "aws:cloudwatch/eventBus:EventBus"
DAY = 86_400
ARN = "arn:aws:sqs:eu-west-1:123456789012:dead"
GONE = "urn:pulumi:test::project::x:y:Z::gone"
KEEPS = "messageRetentionSeconds"


def queue(name: str, to: str = "", **props: Any) -> Resource:
    return resource(QUEUE, name, {**({"redrivePolicy": UNKNOWN} if to else {}), **props}, deps={"redrivePolicy": [to]} if to else {})


def redrive(name: str, of: str, to: str) -> Resource:
    return resource(REDRIVE, name, {"queueUrl": UNKNOWN, "redrivePolicy": UNKNOWN}, deps={"queueUrl": [of], "redrivePolicy": [to]})


def judged(control: Control, subject: Resource, *others: Resource) -> Verdict:
    return dict(verdicts(control, stack(subject, *others)))[subject.name]


def shorter(own: str, its: str) -> Fail:
    return Fail(f"keeps messages for {own}, and its dead-letter queue dead for {its}", "redrivePolicy")


@pytest.mark.parametrize(
    ("own", "its", "expected"),
    [
        ({}, {KEEPS: 14 * DAY}, Pass()),
        ({KEEPS: DAY}, {}, Pass()),
        ({KEEPS: 14 * DAY}, {KEEPS: 14 * DAY}, Pass()),
        ({}, {}, shorter("4 days", "4 days")),
        ({KEEPS: 5 * DAY}, {}, shorter("5 days", "4 days")),
        ({KEEPS: 2 * DAY}, {KEEPS: DAY}, shorter("2 days", "1 day")),
        ({KEEPS: 7200}, {KEEPS: 600}, shorter("2 hours", "10 minutes")),
        ({KEEPS: 3600}, {KEEPS: 61}, shorter("1 hour", "61 seconds")),
        # Computed by the provider: the program says nothing.
        ({KEEPS: UNKNOWN}, {}, shorter("4 days", "4 days")),
        ({"fifoQueue": True}, {}, NotApplicable("is FIFO, where a message that moves is as good as new")),
        ({"fifoQueue": False}, {}, shorter("4 days", "4 days")),
    ],
)
def test_retention(own: dict[str, Any], its: dict[str, Any], expected: Verdict) -> None:
    assert judged(controls.dead_letters_kept_longer, queue("work", "dead", **own), queue("dead", **its)) == expected


def test_retention_that_is_not_known() -> None:
    def later(name: str, to: str = "") -> Resource:
        deps = {KEEPS: [GONE], **({"redrivePolicy": [to]} if to else {})}
        return resource(QUEUE, name, {KEEPS: UNKNOWN, **({"redrivePolicy": UNKNOWN} if to else {})}, deps=deps)

    assert judged(controls.dead_letters_kept_longer, later("work", "dead"), queue("dead")) == Unknown(KEEPS)
    assert judged(controls.dead_letters_kept_longer, queue("work", "dead"), later("dead")) == Unknown(f"{KEEPS} of dead")


def test_retention_with_a_policy_of_its_own() -> None:
    failed = Fail("is of work, which keeps messages for 4 days, and its dead-letter queue dead for 4 days", "redrivePolicy")
    policy = redrive("policy", "work", "dead")
    assert judged(controls.dead_letters_kept_longer, policy, queue("work"), queue("dead")) == failed
    assert judged(controls.dead_letters_kept_longer, policy, queue("work"), queue("dead", messageRetentionSeconds=14 * DAY)) == Pass()


def test_retention_by_an_arn() -> None:
    def found(policy: Any, *others: Resource) -> Verdict:
        return judged(controls.dead_letters_kept_longer, queue("work", redrivePolicy=policy), *others)

    none = NotApplicable("names no dead-letter queue of the stack")
    named = json.dumps({"deadLetterTargetArn": ARN})
    assert found(named, queue("dead", arn=ARN), queue("other", arn=UNKNOWN)) == shorter("4 days", "4 days")
    assert found(named, queue("dead", arn=f"{ARN}2")) == none
    assert found("{", queue("dead", arn=ARN)) == none
    assert found({"deadLetterTargetArn": UNKNOWN}, queue("dead", arn=ARN)) == none
    assert judged(controls.dead_letters_kept_longer, queue("work")) == none


OPEN = Fail("takes the dead letters of every queue", "redriveAllowPolicy")


def allow(policy: Any) -> Resource:
    return resource(REDRIVE_ALLOW, "allow", {"redriveAllowPolicy": policy, "queueUrl": UNKNOWN}, deps={"queueUrl": ["dead"]})


@pytest.mark.parametrize("source", [queue("work", "dead"), redrive("policy", "work", "dead")], ids=["inside", "by itself"])
def test_whose_dead_letters(source: Resource) -> None:
    others = [source, *([] if source.name == "work" else [queue("work")])]

    def found(*more: Resource, **props: Any) -> Verdict:
        return judged(controls.dead_letters_of_known_queues, queue("dead", **props), *others, *more)

    listed = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [ARN]})
    assert found(redriveAllowPolicy=listed) == Pass()
    assert found(redriveAllowPolicy={"redrivePermission": UNKNOWN}) == Pass()
    assert found(allow(UNKNOWN)) == Pass()
    assert found(allow(listed)) == Pass()
    assert found(redriveAllowPolicy=json.dumps({"redrivePermission": "allowAll"})) == OPEN
    assert found(redriveAllowPolicy="{}") == OPEN
    assert found(allow('{"redrivePermission": "allowAll"}')) == Fail(OPEN.message, "redriveAllowPolicy of allow")
    assert found(allow("{")) == Pass()
    assert found() == OPEN
    # Without a source it comes from the provider.
    assert found(redriveAllowPolicy=UNKNOWN) == OPEN


def test_a_policy_that_comes_from_its_sources() -> None:
    dead = resource(QUEUE, "dead", {"redriveAllowPolicy": UNKNOWN}, deps={"redriveAllowPolicy": [GONE]})
    assert judged(controls.dead_letters_of_known_queues, dead, queue("work", "dead")) == Pass()


def test_dead_letters_of_anything_else() -> None:
    target = resource("aws:cloudwatch/eventTarget:EventTarget", "t", {"deadLetterConfig": UNKNOWN}, deps={"deadLetterConfig": ["dead"]})
    found = judged(controls.dead_letters_of_known_queues, queue("dead"), target)
    assert found == NotApplicable("is the dead-letter queue of no queue of the stack")


def test_a_chain_that_ends() -> None:
    found = verdicts(controls.dead_letter_chain_ends, stack(queue("a", "b"), queue("b", "c"), queue("c")))
    assert found == [("a", Pass()), ("b", Pass()), ("c", Pass())]


def test_a_circle() -> None:
    members = [queue("before", "a"), queue("a", "b"), queue("b", "c"), queue("c"), redrive("policy", "c", "a")]
    round_ = NotApplicable("is in a circle that another queue reports")
    assert verdicts(controls.dead_letter_chain_ends, stack(*members)) == [
        ("before", Pass()),
        ("a", Fail("gets back what it gave up: a -> b -> c -> a", "redrivePolicy")),
        ("b", round_),
        ("c", round_),
    ]


def test_a_queue_that_names_itself() -> None:
    found = judged(controls.dead_letter_chain_ends, queue("a"), redrive("policy", "a", "a"))
    assert found == Fail("gets back what it gave up: a -> a", "redrivePolicy")


def test_a_chain_that_is_not_known() -> None:
    elsewhere = resource(QUEUE, "a", {"redrivePolicy": UNKNOWN}, deps={"redrivePolicy": [GONE]})
    assert judged(controls.dead_letter_chain_ends, elsewhere) == Pass()


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"kmsKeyIdentifier": "arn", "deadLetterConfig": {"arn": UNKNOWN}}, Pass()),
        ({"kmsKeyIdentifier": "arn", "deadLetterConfig": {}}, Fail("loses events when its key cannot be used", "deadLetterConfig")),
        ({"kmsKeyIdentifier": "arn"}, Fail("loses events when its key cannot be used", "deadLetterConfig")),
        ({"deadLetterConfig": {"arn": ARN}}, NotApplicable("has no customer-managed key")),
        ({}, NotApplicable("has no customer-managed key")),
    ],
)
def test_bus(props: dict[str, Any], expected: Verdict) -> None:
    assert judged(controls.event_bus_dead_letters, resource(BUS, "bus", props)) == expected


def test_bus_whose_key_is_not_known_yet() -> None:
    bus = resource(BUS, "bus", {"kmsKeyIdentifier": UNKNOWN}, deps={"kmsKeyIdentifier": ["key"]})
    failed = Fail("loses events when its key cannot be used", "deadLetterConfig")
    assert judged(controls.event_bus_dead_letters, bus, resource("aws:kms/key:Key", "key")) == failed
