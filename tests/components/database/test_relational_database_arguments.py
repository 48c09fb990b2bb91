from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import RelationalDatabase
from cloudpatterns.database._shared import windows_overlap

from tests.components.database.stores import AURORA, CANARY, DATABASE, FUNCTION, PASSWORD, REPLICA
from tests.components.database.stores import database as make
from tests.harness import record

PROBLEMS: Any = [
    ({"subnet_ids_by_zone": {"eu-west-1a": "subnet-a"}}, "subnet_ids_by_zone", "has 1 entry; at least 2 are needed"),
    ({"security_group_ids": []}, "security_group_ids", "has 0 entries; at least 1 is needed"),
    ({"backup_retention_days": 0}, "backup_retention_days", "is 0; must be at least 1"),
    ({"engine": "oracle"}, "engine", "is 'oracle'; must be one of mysql, postgres, aurora-mysql, aurora-postgresql"),
    (
        {"engine_version": "8.0"},
        "engine_version",
        "is '8.0'; mysql before 8.4 has left standard support, and paid extended support is off.",
    ),
    ({"engine_version": "8"}, "engine_version", "is '8'; mysql needs a version such as 8.4 or 8.4.5."),
    ({"engine": "postgres", "engine_version": "13"}, "engine_version", "is '13'; postgres before 14 has left standard support"),
    ({"engine": "postgres", "engine_version": "x"}, "engine_version", "is 'x'; postgres needs a version such as 17 or 17.4."),
    ({"master_username": "root"}, "master_username", "is 'root'; the name is reserved by mysql. Use another, such as dbadmin."),
    ({"master_username": "a" * 17}, "master_username", "mysql takes 1 to 16 lower case letters, digits and underscores, a letter first."),
    ({"allocated_storage_gib": None}, "allocated_storage_gib", "is missing; mysql needs a first size, 20 GiB or more."),
    (
        {"allocated_storage_gib": 100, "max_allocated_storage_gib": 109},
        "max_allocated_storage_gib",
        "is 109; it must be at least a tenth more than allocated_storage_gib 100.",
    ),
    (
        {"instance_class": "db.serverless"},
        "instance_class",
        "is 'db.serverless'; only Aurora supports it, not mysql. Use a class such as db.t4g.medium.",
    ),
    ({"max_capacity_units": 4}, "max_capacity_units", "is 4.0; only instance_class db.serverless takes it. Remove it."),
    (
        {**AURORA, "allocated_storage_gib": 20},
        "allocated_storage_gib",
        "is 20; Aurora's storage grows by itself. Remove it.",
    ),
    ({**AURORA, "instance_class": "db.serverless"}, "max_capacity_units", "is missing; db.serverless needs it."),
    (
        {**AURORA, "instance_class": "db.serverless", "max_capacity_units": 1, "min_capacity_units": 2},
        "min_capacity_units",
        "is 2.0, which is above max_capacity_units 1.0. Lower it.",
    ),
    (
        REPLICA,
        "password",
        "is missing; replica needs it: RDS creates no replica of a database whose password it manages. Give it, or remove replica.",
    ),
    (
        {**AURORA, **PASSWORD, **REPLICA},
        "replica",
        "is not supported with aurora-postgresql: Aurora crosses regions as a global database. Remove it.",
    ),
    (
        {"maintenance_window": "sun:02:30-sun:03:30"},
        "maintenance_window",
        "is 'sun:02:30-sun:03:30'; it overlaps backup_window '02:00-03:00'. Move one.",
    ),
    ({"backup_window": "25:00-26:00"}, "backup_window", "is '25:00-26:00'; must be a daily window in UTC such as 02:00-03:00"),
    (
        {"log_exports": ["error", "upgrade"]},
        "log_exports",
        "has upgrade; mysql exports audit, error, general, iam-db-auth-error, slowquery.",
    ),
    (
        {"parameters": {"require_secure_transport": "0"}},
        "parameters.require_secure_transport",
        "is set by the component: connections without TLS are refused. Remove it.",
    ),
    (
        {"instance_class": "db.t4g.micro", "performance_insights": True},
        "performance_insights",
        "is not supported on db.t4g.micro with mysql. Remove it, or use a larger class.",
    ),
    (
        {"instance_class": "db.t4g.micro", "database_insights_mode": "advanced"},
        "database_insights_mode",
        "is not supported on db.t4g.micro with mysql. Remove it, or use a larger class.",
    ),
    (
        {"database_insights_mode": "advanced", "performance_insights": False},
        "performance_insights",
        "is False; database_insights_mode 'advanced' needs it. Remove it.",
    ),
    ({"monitoring_interval_seconds": 20}, "monitoring_interval_seconds", "is 20; must be one of 0, 1, 5, 10, 15, 30, 60"),
    ({"alarm_connections": 5}, "alarm_topic_arns", "is missing; alarm_connections needs it. Give it, or remove alarm_connections."),
    ({"backup_window": "23:45-00:14"}, "backup_window", "is '23:45-00:14'; a window has at least 30 minutes. Extend it."),
    ({"maintenance_window": "sun:05:00-sun:05:00"}, "maintenance_window", "a window has at least 30 minutes. Extend it."),
    *[
        ({"password": {"value": value, "rotation_function_arn": FUNCTION}}, "password.value", "cannot be used; a password has 8 to 41")
        for value in ("short77", "x" * 42, "with/slash", "with at@sign", 'with"quote', "with space")
    ],
    ({"log_retention_days": 31}, "log_retention_days", "must be one of the days that CloudWatch Logs keeps"),
]


@pytest.mark.parametrize(("changes", "argument", "reason"), PROBLEMS, ids=[f"{each[1]}-{number}" for number, each in enumerate(PROBLEMS)])
def test_problems(changes: Any, argument: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(**changes)
    assert [path for path, _ in caught.value.problems] == [argument]
    assert reason in caught.value.problems[0][1]


@pytest.mark.parametrize("password", [CANARY, {"value": [CANARY], "rotation_function_arn": FUNCTION}, {"value": CANARY, "version": 0}])
def test_no_message_shows_a_password(password: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(password=password)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", ["Orders", "orders--db", "1orders", "orders_db", "orders-"])
def test_the_name_becomes_the_identifier(name: str) -> None:
    with pytest.raises(ArgumentError, match="lower case letters, digits and single hyphens, a letter first"):
        record(lambda: RelationalDatabase(name, DATABASE))


def test_a_name_too_long_for_the_monitoring_role() -> None:
    with pytest.raises(ArgumentError, match="of at most 45 characters"):
        record(lambda: RelationalDatabase("o" * 46, DATABASE))


@pytest.mark.parametrize(
    ("daily", "weekly", "overlap"),
    [
        ("02:00-03:00", "sun:03:00-sun:04:00", False),
        ("02:00-03:01", "sun:03:00-sun:04:00", True),
        ("23:30-00:30", "mon:00:00-mon:01:00", True),
        ("23:30-00:30", "sun:23:00-mon:00:00", True),
        ("23:30-00:30", "mon:00:30-mon:01:30", False),
        ("12:00-13:00", "sun:23:00-mon:00:30", False),
    ],
)
def test_windows_overlap(daily: str, weekly: str, overlap: bool) -> None:
    assert windows_overlap(daily, weekly) is overlap
