"""The section `database`: the relational database's engine, size and protection."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import InitErrorDetails

from settings.faults import Allowed, Assign, Context, Model, Remove, fault
from settings.fields import WHOLE, LogRetentionDays, Switch, number_as_version

Engine = Literal["mysql", "postgres"]

# Major versions in RDS standard support. It ended for MySQL 8.0 on 2026-07-31, PostgreSQL 13 on 2026-02-28; older ones cost extra.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MySQL.Concepts.VersionMgmt.html
# https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-release-calendar.html
MAJOR_VERSIONS: dict[str, tuple[str, ...]] = {"mysql": ("8.4",), "postgres": ("14", "15", "16", "17", "18")}

_NEWEST = {engine: majors[-1] for engine, majors in MAJOR_VERSIONS.items()}
_ALL_MAJORS = tuple(major for majors in MAJOR_VERSIONS.values() for major in majors)
# These do not support Performance Insights: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PerfInsights.Overview.Engines.html
_WITHOUT_INSIGHTS = re.compile(r"db\.(t2|t3|t4g)\.(micro|small)")


def _version(value: Any) -> Any:
    return number_as_version(value, _ALL_MAJORS, "8.4")


def _version_of_engine(database: "Database", context: Context) -> Iterable[InitErrorDetails]:
    version, majors = database.engine_version, MAJOR_VERSIONS[database.engine]
    if not any(re.fullmatch(re.escape(major) + r"(\.\d+)?", version) for major in majors):
        yield fault(
            ("engine_version",),
            f"{database.engine} does not have this version in standard support",
            fix=[Assign(("engine_version",), _NEWEST[database.engine])],
            allowed="mysql: 8.4 or 8.4.<minor>; postgres: 14 to 18, or with a minor such as 17.5; in quotes",
        )


def _room_to_grow(database: "Database", context: Context) -> Iterable[InitErrorDetails]:
    most = database.max_allocated_storage_gib
    # Below this, RDS refuses; from 26 % it does not warn: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
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


class Database(Model):
    """The relational database (RDS)."""

    rules = (_version_of_engine, _room_to_grow, _class_has_insights)

    engine: Annotated[Engine, Allowed("mysql or postgres", "mysql")]
    """Database engine. Changing it replaces the database."""
    engine_version: Annotated[
        str,
        BeforeValidator(_version, json_schema_input_type=str | float),
        Field(pattern=r"^\d+(\.\d+){0,2}$"),
        Allowed("mysql: 8.4 or 8.4.<minor>; postgres: 14 to 18, or with a minor such as 17.5; in quotes", "8.4"),
    ]
    """Version. With only the major version, AWS chooses and upgrades the minor."""
    instance_class: Annotated[
        str, Field(pattern=r"^db\.[a-z][a-z0-9-]*\.[a-z0-9-]+$"), Allowed("an RDS instance class such as db.t4g.micro", "db.t4g.micro")
    ]
    """Size of the database server."""
    allocated_storage_gib: Annotated[int, Field(ge=20, le=65536), WHOLE, Allowed("GiB, 20 to 65536", 20)] = 20
    """Initial storage, gp3, in GiB. It grows but never shrinks."""
    max_allocated_storage_gib: Annotated[
        Annotated[int, Field(ge=22, le=65536), WHOLE] | None,
        Allowed("GiB, at least 10 % more than allocated_storage_gib (better 26 %) and at most 65536; without it, no autoscaling", 100),
    ] = None
    """Maximum size for storage autoscaling, in GiB. Default: no autoscaling."""
    multi_az: Switch = True
    """Whether a standby in a second zone takes over when the first fails."""
    backup_retention_days: Annotated[int, Field(ge=1, le=35), WHOLE, Allowed("days, 1 to 35 (0 would disable backups)", 30)] = 30
    """Days that automatic backups are kept."""
    apply_immediately: Switch = False
    """Whether changes that restart it, such as a new class, apply immediately instead of in the maintenance window, Sunday 03:30 UTC."""
    deletion_protection: Switch = True
    """Whether deletion protection is on."""
    log_retention_days: LogRetentionDays = 365
    """Days that the database's exported logs are kept."""
    database_insights_mode: Annotated[
        Literal["standard", "advanced"], Allowed("standard (free, 7 days) or advanced (paid, 465 days)", "standard")
    ] = "standard"
    """Monitoring mode of RDS Database Insights."""
