from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import InMemoryCache

from tests.components.database.stores import CACHE, CANARY, SERVERLESS
from tests.components.database.stores import cache as make
from tests.harness import record

PROBLEMS: Any = [
    ({"security_group_ids": []}, "security_group_ids", "has 0 entries; at least 1 is needed"),
    ({"node_type": None}, "node_type", "exactly one of node_type and serverless is needed; none is given. Give one."),
    ({"replicas": 6}, "replicas", "is 6; must be at most 5"),
    (
        {"subnet_ids_by_zone": {"eu-west-1a": "subnet-a"}, "replicas": 2},
        "subnet_ids_by_zone",
        "has 1 zone; 2 replicas need another to fail over to. Add one, or set replicas to 0.",
    ),
    ({"engine_version": "7.0"}, "engine_version", "is '7.0'; valkey takes 7.2 to 9. Use 8.1."),
    ({"engine_version": "10.0"}, "engine_version", "is '10.0'; valkey takes 7.2 to 9. Use 8.1."),
    ({"engine_version": "8"}, "engine_version", "is '8'; must be a major and a minor version such as 8.1"),
    ({"engine": "redis", "engine_version": "6.2"}, "engine_version", "is '6.2'; redis takes 7.0 and 7.1. Use 7.1, or valkey."),
    (
        {"password": {"value": CANARY}, "auth_token": {"value": CANARY}},
        "auth_token",
        "excludes password: ElastiCache takes AUTH or RBAC, not both; both are given. Remove one of them.",
    ),
    ({"password": {}}, "password.value", "is missing; give it a value"),
    ({"password": {"value": "too-short"}}, "password.value", "cannot be used; a password has 16 to 128 characters."),
    (
        {"auth_token": {"value": CANARY + "@"}},
        "auth_token.value",
        "cannot be used; a token has 16 to 128 letters, digits and ! & # $ ^ < > -.",
    ),
    (
        {"maintenance_window": "sun:02:30-sun:03:30"},
        "maintenance_window",
        "is 'sun:02:30-sun:03:30'; it overlaps snapshot_window '02:00-03:00'. Move one.",
    ),
    (
        {**SERVERLESS, "node_type": "cache.t4g.small"},
        "node_type",
        "exactly one of node_type and serverless is needed; both are given. Remove one.",
    ),
    ({**SERVERLESS, "replicas": 0}, "replicas", "excludes serverless: a serverless cache has none; both are given. Remove one of them."),
    (
        {**SERVERLESS, "auth_token": {"value": CANARY}},
        "auth_token",
        "excludes serverless: a serverless cache has none; both are given. Remove one of them.",
    ),
    (
        {**SERVERLESS, "subnet_ids_by_zone": {"eu-west-1a": "subnet-a"}},
        "subnet_ids_by_zone",
        "has 1 zones; a serverless cache takes two or three. Name as many.",
    ),
    (
        {**SERVERLESS, "serverless": {"max_storage_gb": 10, "max_ecpu_per_second": 10}},
        "serverless.max_ecpu_per_second",
        "is 10; must be at least 1000",
    ),
    ({"snapshot_window": "02:00-02:59"}, "snapshot_window", "is '02:00-02:59'; a window has at least 60 minutes. Extend it."),
    ({"maintenance_window": "sun:23:30-mon:00:29"}, "maintenance_window", "a window has at least 60 minutes. Extend it."),
    ({"log_retention_days": 31}, "log_retention_days", "must be one of the days that CloudWatch Logs keeps"),
]


@pytest.mark.parametrize(("changes", "argument", "reason"), PROBLEMS, ids=[f"{each[1]}-{number}" for number, each in enumerate(PROBLEMS)])
def test_problems(changes: Any, argument: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(**changes)
    assert [path for path, _ in caught.value.problems] == [argument]
    assert reason in caught.value.problems[0][1]
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("credential", "reason"),
    [(CANARY, "what was given is not shown"), ({"value": [CANARY]}, r"is \[hidden\]; must be text")],
)
@pytest.mark.parametrize("argument", ["password", "auth_token"])
def test_no_message_shows_a_credential(argument: str, credential: Any, reason: str) -> None:
    with pytest.raises(ArgumentError, match=reason) as caught:
        make(**{argument: credential})
    assert CANARY not in str(caught.value)


def test_the_name_becomes_a_user() -> None:
    with pytest.raises(ArgumentError, match="lower case letters, digits and single hyphens, a letter first"):
        record(lambda: InMemoryCache("Sessions", CACHE))
    with pytest.raises(ArgumentError, match="of at most 24 characters"):
        record(lambda: InMemoryCache("s" * 25, CACHE))
    record(lambda: InMemoryCache("s" * 24, CACHE))
