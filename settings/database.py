"""The section `database`: the relational database's engine, size and protection."""

import re
from collections.abc import Iterable, Mapping
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
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraMySQLReleaseNotes/AuroraMySQL.release-calendars.html
MAJOR_VERSIONS: dict[str, tuple[str, ...]] = {
    "mysql": ("8.4", "9.7"),
    "postgres": ("14", "15", "16", "17", "18"),
    "aurora-mysql": ("8.0", "8.4"),
    "aurora-postgresql": ("14", "15", "16", "17", "18"),
}

# MySQL is upgraded one major version at a time.
# Of Aurora MySQL, RDS Proxy is documented for version 3 alone, which is 8.0.
PROPOSED = {"mysql": "8.4", "postgres": "18", "aurora-mysql": "8.0", "aurora-postgresql": "18"}
_ALLOWED = (
    "mysql: 8.4 or 9.7, or with a minor such as 8.4.7; postgres: 14 to 18, or with a minor such as 17.5; aurora-mysql: 8.0 or 8.4; "
    "aurora-postgresql: 14 to 18; in quotes"
)
_ALL_MAJORS = tuple(dict.fromkeys(major for majors in MAJOR_VERSIONS.values() for major in majors))
# No Performance Insights on these: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PerfInsights.Overview.Engines.html
AURORA = ("aurora-mysql", "aurora-postgresql")
"""The engines of Aurora."""
_OF_AURORA = re.compile(r"db\.([rx]\d[a-z0-9-]*\.[a-z0-9]+|(t3|t4g)\.(medium|large)|serverless)")
_WITHOUT_INSIGHTS = re.compile(r"db\.(t2|t3|t4g)\.(micro|small)")


def _version(value: Any) -> Any:
    return number_as_version(value, _ALL_MAJORS, "8.4")


def _minor(engine: str, major: str) -> str:
    """What follows a major version: a number, or, in Aurora MySQL 8.0, the version of Aurora."""
    return r"\.mysql_aurora(\.\d+)+" if (engine, major) == ("aurora-mysql", "8.0") else r"\.\d+"


def _version_of_engine(database: "Database", context: Context) -> Iterable[InitErrorDetails]:
    version, majors = database.engine_version, MAJOR_VERSIONS[database.engine]
    if not any(re.fullmatch(f"{re.escape(major)}({_minor(database.engine, major)})?", version) for major in majors):
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
    most, first = database.max_allocated_storage_gib, database.allocated_storage_gib
    if most is None or first is None:
        return
    # Below this RDS refuses; at 26 % it stops warning: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
    least = -(-first * 11 // 10)
    if most >= least:
        return
    place = ("max_allocated_storage_gib",)
    yield fault(
        place,
        f"allocated_storage_gib is {first}, so the minimum is {least}",
        fix=[Assign(place, 2 * first) if 2 * first <= 65536 else Remove(place)],
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


def _class_of_aurora(database: "Database", context: Context) -> Iterable[InitErrorDetails]:
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.SupportAurora.html
    if database.engine in AURORA and not _OF_AURORA.fullmatch(database.instance_class):
        place = ("instance_class",)
        yield fault(
            place,
            f"{database.engine} does not run on {database.instance_class}",
            fix=[Assign(place, "db.t4g.medium" if database.instance_class.startswith("db.t") else "db.r7g.large")],
            allowed="with Aurora: a class of db.r or db.x, db.t3 or db.t4g medium or large, or db.serverless",
        )


def _first_size(valid: Mapping[str, Any]) -> int | None:
    """20 GiB; none for Aurora, whose storage grows by itself, and for an engine that is wrong itself."""
    return None if valid.get("engine") in (*AURORA, None) else 20


class Database(
    options(
        RelationalDatabaseOptions,
        texts={
            "min_capacity_units": Allowed("Aurora capacity units, 0 to 256 in steps of 0.5, with instance_class db.serverless", 0.5),
            "max_capacity_units": Allowed("Aurora capacity units, 1 to 256 in steps of 0.5; needed with instance_class db.serverless", 4),
            "instance_class": Allowed("an RDS instance class such as db.t4g.micro", "db.t4g.micro"),
            "max_allocated_storage_gib": Allowed(
                "GiB, at least 10 % more than allocated_storage_gib (better 26 %) and at most 65536; without it, no autoscaling", 100
            ),
            "backup_retention_days": Allowed("days, 1 to 35 (0 would disable backups)", 30),
            "database_insights_mode": Allowed("standard (free, 7 days) or advanced (paid, 465 days)", "standard"),
        },
    )
):
    """The relational database (RDS or Aurora)."""

    checks = (_version_of_engine, _upgrade_at_once, _room_to_grow, _class_has_insights, _class_of_aurora)

    engine: Annotated[
        Literal["mysql", "postgres", "aurora-mysql", "aurora-postgresql"],
        Allowed("mysql, postgres, aurora-mysql or aurora-postgresql; storefront.read_replicas needs one of Aurora", "mysql"),
    ]
    """Database engine. Changing it replaces the database."""
    allocated_storage_gib: Annotated[
        Annotated[int, Field(ge=20, le=65536), WHOLE] | None,
        Allowed("GiB, 20 to 65536; not with Aurora, which grows by itself", 20),
    ] = Field(default_factory=_first_size)
    """Initial storage, gp3, in GiB, 20 where it is not given. It grows but never shrinks. Not with Aurora."""
    engine_version: Annotated[
        str,
        BeforeValidator(_version, json_schema_input_type=str | float),
        Field(pattern=r"^\d+(\.\d+){0,2}(\.mysql_aurora(\.\d+)+)?$"),
        Allowed(_ALLOWED, "8.4"),
    ]
    """Version. With only the major version, AWS chooses and upgrades the minor."""
