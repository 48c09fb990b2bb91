"""Roles that EventBridge Scheduler takes on."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls.schedules import schedule_role_confined
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

GROUP = "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/nightly"
TRUST = "assumeRolePolicy"


def trust(condition: Any = None, principal: Any = "scheduler.amazonaws.com", **fields: Any) -> dict[str, Any]:
    given = {} if condition is None else {"Condition": condition}
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": principal}, **given, **fields}


def judged(*statements: Any) -> list[Any]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return verdicts(schedule_role_confined, resource("aws:iam/role:Role", props={TRUST: document}))


EVERY = Fail("trusts EventBridge Scheduler for every schedule in statement 1", TRUST)
OTHER = NotApplicable("does not trust EventBridge Scheduler")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (trust({"ArnEquals": {"aws:SourceArn": GROUP}}), Pass()),
        (trust({"StringEquals": {"AWS:SourceAccount": "123456789012"}}), Pass()),
        (trust({"StringEquals": {"aws:SourceArn": UNKNOWN}}), Pass()),
        (trust({"ArnLike": {"aws:SourceArn": GROUP}}, ["lambda.amazonaws.com", "scheduler.amazonaws.com"]), Pass()),
        (trust(), EVERY),
        (trust({}), EVERY),
        (trust({"StringEquals": {"aws:SourceAccount": "*"}}), EVERY),
        (trust({"StringNotEquals": {"aws:SourceAccount": "123456789012"}}), EVERY),
        (trust({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}), EVERY),
        (trust(Sid="Nightly"), Fail("trusts EventBridge Scheduler for every schedule in statement Nightly", TRUST)),
        (trust(UNKNOWN), Unknown(TRUST)),
        (trust({"StringEquals": UNKNOWN}), Unknown(TRUST)),
        (trust(Effect=UNKNOWN), Unknown(TRUST)),
        (trust(Effect="Deny"), OTHER),
        (trust(principal="lambda.amazonaws.com"), OTHER),
    ],
)
def test_trust(statement: dict[str, Any], expected: Verdict) -> None:
    assert judged(statement) == [expected]


def test_each_statement_by_itself() -> None:
    assert judged(trust({"ArnEquals": {"aws:SourceArn": GROUP}}), trust()) == [
        Fail("trusts EventBridge Scheduler for every schedule in statement 2", TRUST)
    ]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({TRUST: UNKNOWN}, Unknown(TRUST)),
        ({TRUST: "{"}, Fail("is not a valid policy document", TRUST)),
        ({TRUST: json.dumps({"Statement": trust()})}, EVERY),
        ({}, OTHER),
    ],
)
def test_documents(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(schedule_role_confined, resource("aws:iam/role:Role", props=props)) == [expected]
