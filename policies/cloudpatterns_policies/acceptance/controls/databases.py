"""Databases and caches: what RDS and ElastiCache refuse across properties and resources, or change back."""

import re
from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control

_INSTANCE: Final = "aws:rds/instance:Instance"
_CLUSTER: Final = "aws:rds/cluster:Cluster"
_PARAMETERS: Final = "aws:rds/parameterGroup:ParameterGroup"
_CLUSTER_PARAMETERS: Final = "aws:rds/clusterParameterGroup:ClusterParameterGroup"
_CACHE: Final = "aws:elasticache/replicationGroup:ReplicationGroup"
_CACHE_PARAMETERS: Final = "aws:elasticache/parameterGroup:ParameterGroup"
_USERS: Final = "aws:elasticache/userGroup:UserGroup"
_USER: Final = "aws:elasticache/user:User"

_MAJOR: Final = {
    "postgres": r"\d+",
    "mysql": r"\d+\.\d+",
    "mariadb": r"\d+\.\d+",
    "aurora-postgresql": r"\d+",
    "aurora-mysql": r"\d+\.\d+",
}
"""Engines whose parameter families are the engine's name and this much of the version."""
_FAMILY: Final = re.compile(r"([a-z-]+?)([\d.]+)")
_SMALL: Final = re.compile(r"db\.(t2|t3|t4g)\.(micro|small)")
_POSTMASTER: Final = frozenset(
    {
        *("max_connections", "max_locks_per_transaction", "max_prepared_transactions", "max_replication_slots", "max_wal_senders"),
        *("max_worker_processes", "rds.logical_replication", "shared_buffers", "shared_preload_libraries", "track_activity_query_size"),
    }
)
"""Parameters that PostgreSQL reads when it starts."""
_POSTGRES: Final = ("postgres", "aurora-postgresql")
_NAMED: Final = ("postgres", "mysql", "mariadb")
"""Engines that take letters, digits and underscores in the name of a database, and 20 GiB of gp3 or more."""
_NOT_IN_NAME: Final = re.compile(r"[-. ]")
_SMALLEST: Final = 20
_SSL_DYNAMIC: Final = 15
_ADVANCED_DAYS: Final = 465


@stack_control(
    id="rds-managed-password",
    title="Managed master passwords are used only where RDS supports them",
    severity=Severity.HIGH,
    types=(_INSTANCE, _CLUSTER),
    why="RDS refuses read replicas, blue/green deployments and global databases of a database whose password it manages.",
    remediation="Set manage_master_user_password to False and give password_wo (master_password_wo), which stays out of the state.",
    url="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html",
    pack="acceptance",
)
def rds_managed_password(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """The database with the password, and the replicas of it in the stack."""
    if resource.type == _CLUSTER:
        if _is_managed(resource) and given(resource, "globalClusterIdentifier") is not None:
            yield Fail("would be refused: RDS manages no password in a global database", "manageMasterUserPassword")
        return
    if _is_managed(resource) and given(resource, "blueGreenUpdate.enabled") is True:
        yield Fail("would be refused: RDS makes no blue/green deployment while it manages the password", "blueGreenUpdate.enabled")
    for source in stack.refs(resource, "replicateSourceDb", _INSTANCE):
        engine = given(source, "engine")
        if _is_managed(source) and isinstance(engine, str) and not engine.startswith("sqlserver"):
            yield Fail(f"would be refused: RDS manages the password of {source.name}, which excludes replicas", "replicateSourceDb")


@stack_control(
    id="rds-first-values",
    title="New databases have a master user, a name and a size that their engine takes",
    severity=Severity.HIGH,
    types=(_INSTANCE, _CLUSTER),
    why="RDS refuses a user that PostgreSQL reserves, a name that the engine does not take, and gp3 storage below 20 GiB.",
    remediation="Choose another user, write the name with letters, digits and underscores, and give 20 GiB or more.",
    url="https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html",
    pack="acceptance",
)
def rds_first_values(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Of PostgreSQL, MySQL and MariaDB."""
    user, name = ("username", "dbName") if resource.type == _INSTANCE else ("masterUsername", "databaseName")
    if is_given(resource, "engine", *_POSTGRES) and is_given(resource, user, "admin"):
        yield Fail("would be refused: PostgreSQL reserves the user admin", user)
    given_name = given(resource, name)
    if is_given(resource, "engine", *_NAMED, *_POSTGRES) and isinstance(given_name, str) and _NOT_IN_NAME.search(given_name):
        yield Fail(f"would be refused: names a database {given_name}; the engine takes letters, digits and underscores", name)
    size = given(resource, "allocatedStorage")
    is_gp3 = is_given(resource, "engine", *_NAMED) and is_given(resource, "storageType", "gp3")
    if is_gp3 and isinstance(size, int | float) and size < _SMALLEST:
        yield Fail(f"would be refused: has {int(size)} GiB of gp3; RDS gives {_SMALLEST} or more", "allocatedStorage")


@stack_control(
    id="rds-parameter-family",
    title="Databases use parameter groups of their engine version",
    severity=Severity.HIGH,
    types=(_INSTANCE, _CLUSTER),
    why="RDS refuses a parameter group whose family is of another engine or major version.",
    remediation="Set family of the parameter group to the engine and major version, such as postgres17 or mysql8.4.",
    url="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/parameter-groups-overview.html",
    pack="acceptance",
)
def rds_parameter_family(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Groups of the stack, where engine and version are known."""
    engine, version = given(resource, "engine"), given(resource, "engineVersion")
    path, type = ("parameterGroupName", _PARAMETERS) if resource.type == _INSTANCE else ("dbClusterParameterGroupName", _CLUSTER_PARAMETERS)
    groups = stack.refs(resource, path, type)
    if not isinstance(engine, str) or engine not in _MAJOR or len(groups) != 1:
        return
    family = given(groups[0], "family")
    parts = _FAMILY.fullmatch(family) if isinstance(family, str) else None
    if parts is None:
        return
    major = re.match(_MAJOR[engine], version) if isinstance(version, str) else None
    if parts[1] != engine or (major is not None and parts[2] != major[0]):
        shown = f"{engine} {version}" if isinstance(version, str) else engine
        yield Fail(f"would be refused: {shown} cannot use {groups[0].name}, which is of the family {family}", path)


@stack_control(
    id="rds-performance-insights",
    title="Database Insights has what its mode needs",
    severity=Severity.HIGH,
    types=(_INSTANCE, _CLUSTER),
    why="RDS refuses the advanced mode without Performance Insights of 465 days, and Performance Insights on small MySQL instances.",
    remediation="Set performance_insights_enabled and performance_insights_retention_period to 465, or database_insights_mode to standard.",
    url="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DatabaseInsights.TurningOnAdvanced.html",
    pack="acceptance",
)
def rds_performance_insights(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """The mode, and the instance class."""
    enabled, days = given(resource, "performanceInsightsEnabled"), given(resource, "performanceInsightsRetentionPeriod")
    if is_given(resource, "databaseInsightsMode", "advanced") and enabled is not UNKNOWN and days is not UNKNOWN:
        if enabled is not True:
            yield Fail("would be refused: the advanced mode needs performanceInsightsEnabled", "databaseInsightsMode")
        elif not isinstance(days, int | float) or days < _ADVANCED_DAYS:
            shown = "the default of 7 days" if days is None else f"{days} days"
            yield Fail(
                f"would be refused: the advanced mode keeps data for {_ADVANCED_DAYS} days or more, not {shown}", "databaseInsightsMode"
            )
    size, engine = given(resource, "instanceClass"), given(resource, "engine")
    if enabled is True and engine in ("mysql", "mariadb") and isinstance(size, str) and _SMALL.fullmatch(size):
        yield Fail(f"would be refused: {engine} on {size} has no Performance Insights", "performanceInsightsEnabled")


@stack_control(
    id="rds-final-snapshot",
    title="Databases can be destroyed",
    severity=Severity.LOW,
    types=(_INSTANCE, _CLUSTER),
    why="The provider refuses to delete a database that has neither a name for its final snapshot nor skips it.",
    remediation="Set final_snapshot_identifier, or skip_final_snapshot where the data may be lost.",
    url="https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html",
    pack="acceptance",
)
def rds_final_snapshot(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """A replica and a member of a cluster have no final snapshot of their own."""
    skip = given(resource, "skipFinalSnapshot")
    named = [given(resource, name) for name in ("finalSnapshotIdentifier", "replicateSourceDb")]
    if skip is not UNKNOWN and skip is not True and all(name is None for name in named):
        yield Fail("has no finalSnapshotIdentifier, so that it cannot be deleted", "finalSnapshotIdentifier")


@stack_control(
    id="rds-parameter-drift",
    title="Parameter groups set no parameter to its default",
    severity=Severity.LOW,
    types=(_PARAMETERS,),
    why="AWS does not list a parameter as set that has its default, so that every refresh shows a change.",
    remediation="Leave rds.force_ssl out from PostgreSQL 15 on, where 1 is the default.",
    url="https://github.com/hashicorp/terraform-provider-aws/issues/23335",
    pack="acceptance",
)
def rds_parameter_drift(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """`rds.force_ssl`, whose default changed."""
    family, parameters = given(resource, "family"), given(resource, "parameters")
    parts = re.fullmatch(r"postgres(\d+)", family) if isinstance(family, str) else None
    if parts is None or int(parts[1]) < _SSL_DYNAMIC or not isinstance(parameters, list):
        return
    for index in range(len(parameters)):
        if is_given(resource, f"parameters.{index}.name", "rds.force_ssl") and is_given(resource, f"parameters.{index}.value", "1"):
            yield Fail(f"sets rds.force_ssl to 1, which is the default of {family}", f"parameters.{index}")


@stack_control(
    id="rds-static-parameter",
    title="Static parameters wait for a reboot",
    severity=Severity.HIGH,
    types=(_PARAMETERS, _CLUSTER_PARAMETERS),
    why="The provider applies parameters at once unless told otherwise, which RDS refuses for static ones.",
    remediation="Set apply_method of the parameter to pending-reboot.",
    url="https://github.com/hashicorp/terraform-provider-aws/issues/216",
    pack="acceptance",
)
def rds_static_parameter(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """What PostgreSQL reads when it starts, and rds.force_ssl, which is static up to PostgreSQL 14."""
    family, parameters = given(resource, "family"), given(resource, "parameters")
    parts = re.fullmatch(r"(postgres|aurora-postgresql)(\d+)", family) if isinstance(family, str) else None
    for index in range(len(parameters)) if parts is not None and isinstance(parameters, list) else ():
        name = given(resource, f"parameters.{index}.name")
        static = isinstance(name, str) and name in _POSTMASTER
        if parts is not None and parts[1] == "postgres" and int(parts[2]) < _SSL_DYNAMIC:
            static = static or is_given(resource, f"parameters.{index}.name", "rds.force_ssl")
        if static and is_given(resource, f"parameters.{index}.applyMethod", None, "immediate"):
            yield Fail(f"would be refused: {name} is static and cannot be applied at once", f"parameters.{index}.applyMethod")


@stack_control(
    id="elasticache-parameter-family",
    title="Caches use parameter groups of their engine",
    severity=Severity.HIGH,
    types=(_CACHE,),
    why="ElastiCache refuses a parameter group whose family is of another engine.",
    remediation="Set family of the parameter group to the engine's, such as valkey8 or redis7.",
    url="https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html",
    pack="acceptance",
)
def elasticache_parameter_family(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Groups of the stack. A cache without an engine is one of Redis OSS."""
    engine = given(resource, "engine")
    engine = "redis" if engine is None else engine
    groups = stack.refs(resource, "parameterGroupName", _CACHE_PARAMETERS)
    family = given(groups[0], "family") if len(groups) == 1 else None
    if isinstance(engine, str) and isinstance(family, str) and not family.startswith(engine.lower()):
        yield Fail(f"would be refused: {engine} cannot use {groups[0].name}, which is of the family {family}", "parameterGroupName")


@stack_control(
    id="elasticache-default-user",
    title="User groups of Redis OSS have a user named default",
    severity=Severity.HIGH,
    types=(_USERS,),
    why="ElastiCache refuses a user group of Redis OSS in which no user is named default.",
    remediation="Add a user with user_name default, such as one without a password that is off (access string off -@all).",
    url="https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html",
    pack="acceptance",
)
def elasticache_default_user(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Where every user of the group is in the stack. The id `default` is the user that AWS has in each account."""
    ids: Any = given(resource, "userIds")
    if not is_given(resource, "engine", "redis", "REDIS") or not isinstance(ids, list) or not ids:
        return
    certain = stack.refs(resource, "userIds", _USER)
    users = [user for user in stack.of_type(_USER) if user in certain or _has_id(user, ids)]
    names = [given(user, "userName") for user in users]
    if len(users) == len(ids) and all(isinstance(name, str) and name != "default" for name in names):
        yield Fail(f"would be refused: no user is named default, only {', '.join(sorted(names))}", "userIds")


def _has_id(user: Resource, ids: list[Any]) -> bool:
    own = given(user, "userId")
    return isinstance(own, str) and any(isinstance(one, str) and one.lower() == own.lower() for one in ids)


def _is_managed(resource: Resource) -> bool:
    return given(resource, "manageMasterUserPassword") is True
