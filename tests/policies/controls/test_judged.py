"""A report names the resource types that no control of the pack looks at."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.judged import resource_types_judged
from cloudpatterns_policies.core import Fail, Level, NotApplicable, Pass, Resource, Severity, Stack, Verdict, control, stack_control
from cloudpatterns_policies.core.pack import Pack

from tests.policies.helpers import resource, stack, verdicts

META: dict[str, Any] = {"title": "t", "severity": Severity.LOW, "why": "w", "remediation": "r", "url": "https://example.com"}
BUCKET, POLICY, TOPIC, QUEUE = "aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy", "aws:sns/topic:Topic", "aws:sqs/queue:Queue"


@control(id="buckets", types=(BUCKET,), **META)
def buckets(resource: Resource) -> Verdict:
    return Pass()


@stack_control(id="zones", **META)
def policies(stack: Stack) -> list[Verdict]:
    """Its id comes after that of the control that runs last."""
    return [Pass() for _ in stack.of_type(POLICY)]


def told(*types: str, controls: tuple[Any, ...] = (buckets, policies), disabled: tuple[str, ...] = ()) -> list[str]:
    pack = Pack([*controls, resource_types_judged])
    pack.configure(dict.fromkeys(disabled, Level.DISABLED), {})
    found = stack(*(resource(name, f"r{number}") for number, name in enumerate(types)))
    findings = [one for one in pack.analyze_stack(found).findings if one.policy == "resource-types-judged"]
    return [one.message.partition(". Remedy")[0] for one in findings]


def test_types_of_a_control_and_types_that_a_control_of_the_stack_asks_for_are_looked_at() -> None:
    assert told(BUCKET, POLICY, "shop:index:Store", "pulumi:providers:aws", "random:index/randomId:RandomId") == []


def test_types_that_no_control_looks_at_are_named_with_their_number() -> None:
    assert told(BUCKET, TOPIC) == ["has 1 resource type that no control of the pack looks at: sns.Topic (1)"]
    assert told(QUEUE, TOPIC, QUEUE) == ["has 2 resource types that no control of the pack looks at: sns.Topic (1), sqs.Queue (2)"]


@pytest.mark.parametrize(("name", "type"), [("buckets", "s3.Bucket"), ("zones", "s3.BucketPolicy")])
def test_what_a_disabled_control_would_look_at_is_not_looked_at(name: str, type: str) -> None:
    assert told(BUCKET, POLICY, disabled=(name,)) == [f"has 1 resource type that no control of the pack looks at: {type} (1)"]


def test_alone_it_says_nothing() -> None:
    assert [verdict for _, verdict in verdicts(resource_types_judged, stack(resource(TOPIC, "x")))] == [
        NotApplicable("no other control looks at the stack")
    ]
    assert not any(isinstance(verdict, Fail) for _, verdict in verdicts(resource_types_judged, stack()))
