"""Problems of the sections database and cache, with their exact texts and commands."""

import pytest

from tests.settings.configurations import broken, good, problems
from tests.settings.expectations import NUMBER_VERSION, check_one, put, put_text, reported, rm

DATABASE_ENGINE = "mysql, postgres, aurora-mysql or aurora-postgresql; storefront.read_replicas needs one of Aurora"
DATABASE_VERSION = (
    "mysql: 8.4 or 9.7, or with a minor such as 8.4.7; postgres: 14 to 18, or with a minor such as 17.5; aurora-mysql: 8.0 or 8.4; "
    "aurora-postgresql: 14 to 18; in quotes"
)
CACHE_VERSION = "valkey: 7.2, 8.0, 8.1, 8.2, 9.0, 9.1; redis: 7.0, 7.1; in quotes"
FIRST_SIZE = "GiB, 20 to 65536; not with Aurora, which grows by itself"
STORAGE = "GiB, at least 10 % more than allocated_storage_gib (better 26 %) and at most 65536; without it, no autoscaling"


ONE = [
    ("database.engine", "mysq", None, DATABASE_ENGINE, put("database.engine", "mysql")),
    (
        "database.engine_version",
        "8.0",
        "mysql does not have this version in standard support",
        DATABASE_VERSION,
        put("database.engine_version", "8.4"),
    ),
    ("database.engine_version", 17.1, NUMBER_VERSION, DATABASE_VERSION, put("database.engine_version", "8.4")),
    (
        "database.engine_version",
        17,
        "mysql does not have this version in standard support",
        DATABASE_VERSION,
        put("database.engine_version", "8.4"),
    ),
    (
        "database.engine_version",
        True,
        "a boolean where another type of value is expected: write it in quotes",
        DATABASE_VERSION,
        put("database.engine_version", "8.4"),
    ),
    (
        "database.engine",
        "postgres",
        "postgres does not have this version in standard support",
        DATABASE_VERSION,
        put_text("database.engine_version", 18),
    ),
    (
        "database.instance_class",
        "t4g.micro",
        None,
        "an RDS instance class such as db.t4g.micro",
        put("database.instance_class", "db.t4g.micro"),
    ),
    (
        "database.allocated_storage_gib",
        19,
        None,
        FIRST_SIZE,
        put("database.allocated_storage_gib", 20),
    ),
    ("database.max_allocated_storage_gib", 21, None, STORAGE, put("database.max_allocated_storage_gib", 100)),
    ("database.backup_retention_days", 0, None, "days, 1 to 35 (0 would disable backups)", put("database.backup_retention_days", 30)),
    (
        "database.database_insights_mode",
        "advanced",
        "db.t4g.micro with mysql does not support Performance Insights, which advanced requires",
        "standard, with mysql on t2, t3 and t4g micro and small",
        put("database.database_insights_mode", "standard"),
    ),
    ("cache.engine", "redis", "ElastiCache does not support this version of redis", CACHE_VERSION, put("cache.engine_version", "7.1")),
    ("cache.engine_version", 8.3, NUMBER_VERSION, CACHE_VERSION, put("cache.engine_version", "8.1")),
    ("cache.node_type", "t4g.micro", None, "an ElastiCache node type such as cache.t4g.micro", put("cache.node_type", "cache.t4g.micro")),
    ("cache.replicas", 6, None, "replicas of each shard, 0 to 5; more than 0 requires two zones", put("cache.replicas", 1)),
    ("cache.snapshot_retention_days", 36, None, "days, 0 (no snapshots) to 35", put("cache.snapshot_retention_days", 7)),
]

REPORTED_AT = {"postgres": ("database.engine_version", "8.4"), "redis": ("cache.engine_version", "8.1")}
"""Engines whose version is then the wrong one."""


@pytest.mark.parametrize(("path", "value", "because", "allowed", "fix"), ONE, ids=lambda value: str(value)[:40])
def test_one_wrong_stores_value_is_one_problem_and_its_command_fixes_it(path, value, because, allowed, fix):
    check_one(path, value, because, allowed, fix, REPORTED_AT.get(str(value)))


def test_an_upgrade_to_another_major_version_does_not_wait():
    sections = broken({"database.allow_major_version_upgrade": True, "database.apply_immediately": False})
    because = "allow_major_version_upgrade is true, and an upgrade cannot wait for the maintenance window"
    fix = put("database.apply_immediately", "true")
    assert reported(sections) == [("database.apply_immediately", "false", because, (fix,))]
    good(broken({"database.allow_major_version_upgrade": True, "database.apply_immediately": True, "database.engine_version": "9.7"}))


@pytest.mark.parametrize(
    ("start", "most", "because", "fix"),
    [
        (21, 23, "allocated_storage_gib is 21, so the minimum is 24", put("database.max_allocated_storage_gib", 42)),
        (65536, 65536, "allocated_storage_gib is 65536, so the minimum is 72090", rm("database.max_allocated_storage_gib")),
    ],
)
def test_storage_needs_ten_per_cent_to_grow(start, most, because, fix):
    sections = broken({"database.allocated_storage_gib": start, "database.max_allocated_storage_gib": most})
    assert reported(sections) == [("database.max_allocated_storage_gib", str(most), because, (fix,))]
    assert problems(sections)[0].allowed == STORAGE
    good(broken({"database.allocated_storage_gib": 20, "database.max_allocated_storage_gib": 22}))
