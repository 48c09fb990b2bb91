"""The section `database`: the relational database's engine, size and protection."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from cloudpatterns.database import RelationalDatabaseOptions
from pydantic import BeforeValidator, Field
from pydantic_core import InitErrorDetails

from settings.faults import Allowed, Assign, Context, Remove, fault
from settings.fields import WHOLE, number_as_version
from settings.options import options

# Majors in RDS standard support. MySQL 8.0 left it on 2026-07-31, PostgreSQL 13 on 2026-02-28; what is past it costs extra by the hour.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MySQL.Concepts.VersionMgmt.html
# https://aws.amazon.com/blogs/database/amazon-rds-for-mysql-lts-version-9-7-is-now-generally-available/
# https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-release-calendar.html
MAJOR_VERSIONS: dict[str, tuple[str, ...]] = {"mysql": ("8.4", "9.7"), "postgres": ("14", "15", "16", "17", "18")}

# MySQL is upgraded one major version at a time.
PROPOSED = {"mysql": "8.4", "postgres": "18"}
_ALLOWED = "mysql: 8.4 or 9.7, or with a minor such as 8.4.7; postgres: 14 to 18, or with a minor such as 17.5; in quotes"
_ALL_MAJORS = tuple(major for majors in MAJOR_VERSIONS.values() for major in majors)
# No Performance Insights on these: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PerfInsights.Overview.Engines.html
_WITHOUT_INSIGHTS = re.compile(r"db\.(t2|t3|t4g)\.(micro|small)")


def _version(value: Any) -> Any:
    return number_as_version(value, _ALL_MAJORS, "8.4")


def _version_of_engine(database: "Database", context: Context) -> Iterable[InitErrorDetails]:
    version, majors = database.engine_version, MAJOR_VERSIONS[database.engine]
    if not any(re.fullmatch(re.escape(major) + r"(\.\d+)?", version) for major in majors):
        yield fault(
            ("engine_version",),
            f"{database.engine} does not have this version in standard support",
            fix=[Assign(("engine_version",), PROPOSED[database.engine])],
            allowed=_ALLOWED,
        )


def _upgrade_at_once(database: "Database", context: Context) -> Iterable[InitErrorDetails]:
    # Until the maintenance window every update would fail at the old parameter group.
    if database.allow_major_version_upgrade and not database.apply_immediately:
        place = ("apply_immediately",)
        reason = "allow_major_version_upgrade is true, and an upgrade cannot wait for the maintenance window"
        yield fault(place, reason, fix=[Assign(place, True)], allowed="true, with allow_major_version_upgrade")


def _room_to_grow(database: "Database", context: Context) -> Iterable[InitErrorDetails]:
    most = database.max_allocated_storage_gib
    # Below this RDS refuses; at 26 % it stops warning: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
    least = -(-database.allocated_storage_gib * 11 // 10)
    if most is None or most >= least:
        return
    place = ("max_allocated_storage_gib",)
    yield fault(
        place,
        f"allocated_storage_gib is {database.allocated_storage_gib}, so the minimum is {least}",
        fix=[Assign(place, 2 * database.allocated_storage_gib) if 2 * database.allocated_storage_gib <= 65536 else Remove(place)],
    )


def _class_has_insights(database: "Database", context: Context) -> Iterable[InitErrorDetails]:
    if (
        database.database_insights_mode == "advanced"
        and database.engine == "mysql"
        and _WITHOUT_INSIGHTS.fullmatch(database.instance_class)
    ):
        yield fault(
            ("database_insights_mode",),
            f"{database.instance_class} with mysql does not support Performance Insights, which advanced requires",
            fix=[Assign(("database_insights_mode",), "standard")],
            allowed="standard, with mysql on t2, t3 and t4g micro and small",
        )


class Database(
    options(
        RelationalDatabaseOptions,
        # Of Aurora, which the program does not use.
        without=("min_capacity_units", "max_capacity_units"),
        texts={
            "instance_class": Allowed("an RDS instance class such as db.t4g.micro", "db.t4g.micro"),
            "max_allocated_storage_gib": Allowed(
                "GiB, at least 10 % more than allocated_storage_gib (better 26 %) and at most 65536; without it, no autoscaling", 100
            ),
            "backup_retention_days": Allowed("days, 1 to 35 (0 would disable backups)", 30),
            "database_insights_mode": Allowed("standard (free, 7 days) or advanced (paid, 465 days)", "standard"),
        },
    )
):
    """The relational database (RDS)."""

    checks = (_version_of_engine, _upgrade_at_once, _room_to_grow, _class_has_insights)

    engine: Annotated[Literal["mysql", "postgres"], Allowed("mysql or postgres", "mysql")]
    """Database engine. Changing it replaces the database."""
    allocated_storage_gib: Annotated[int, Field(ge=20, le=65536), WHOLE, Allowed("GiB, 20 to 65536", 20)] = 20
    """Initial storage, gp3, in GiB. It grows but never shrinks."""
    engine_version: Annotated[
        str,
        BeforeValidator(_version, json_schema_input_type=str | float),
        Field(pattern=r"^\d+(\.\d+){0,2}$"),
        Allowed(_ALLOWED, "8.4"),
    ]
    """Version. With only the major version, AWS chooses and upgrades the minor."""
