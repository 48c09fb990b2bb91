"""The parameter with which an RDS engine requires TLS, and whether it does so by default."""

import re
from dataclasses import dataclass
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.reading import read

INSTANCE: Final = "aws:rds/instance:Instance"
CLUSTER: Final = "aws:rds/cluster:Cluster"

_GROUPS: Final = {
    INSTANCE: ("parameterGroupName", "aws:rds/parameterGroup:ParameterGroup"),
    CLUSTER: ("dbClusterParameterGroupName", "aws:rds/clusterParameterGroup:ClusterParameterGroup"),
}


@dataclass(frozen=True, slots=True)
class Tls:
    """The TLS parameter of an engine."""

    parameter: str
    default_since: tuple[int, int] | None
    """First version that requires TLS by default; None when no version does."""
    on: tuple[str, ...] = ("1", "on", "true")
    newest_by_default: bool = True
    """Whether AWS takes such a version where none is given."""


# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html (15) and the Aurora guide (17)
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mysql-ssl-connections.require-ssl.html (9.7)
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Compare-v3-v84.html (8.4)
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mariadb-ssl-connections.require-ssl.html (11.8)
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/SQLServer.Concepts.General.SSL.Using.html
_ENGINES: Final = {
    "postgres": Tls("rds.force_ssl", (15, 0)),
    "aurora-postgresql": Tls("rds.force_ssl", (17, 0)),
    "mysql": Tls("require_secure_transport", (9, 7), newest_by_default=False),
    "aurora-mysql": Tls("require_secure_transport", (8, 4), newest_by_default=False),
    "mariadb": Tls("require_secure_transport", (11, 8)),
    "sqlserver": Tls("rds.force_ssl", None),
    "db2": Tls("db2comm", None, ("ssl",)),
}


@dataclass(frozen=True, slots=True)
class Group:
    """The parameter group of a database."""

    path: str
    resource: Resource | None = None
    foreign: str = ""
    """Its name, when it is neither in the stack nor a default group of AWS."""
    unknown: bool = False


def parameter_group(database: Resource, stack: Stack) -> Group:
    """The parameter group of the database, as far as it is known."""
    path, kind = _GROUPS[database.type]
    name = read(database, path, computed=True)
    if name is None:
        return Group(path)
    found = stack.refs(database, path, kind)
    if found:
        return Group(path, found[0])
    if name is UNKNOWN:
        return Group(path, unknown=True)
    return Group(path) if str(name).startswith("default.") else Group(path, foreign=str(name))


def engine_of(database: Resource, group: Group) -> tuple[str, str]:
    """Engine and version, from the database or else from the family of its parameter group; empty when neither is known.

    Raises `UnknownValueError` when the engine is unknown.
    """
    # RDS ignores the case of engine and parameter names.
    engine = "" if read(database, "engine", computed=True) is None else str(database.get("engine")).lower()
    version = read(database, "engineVersion", computed=True)
    family = read(group.resource, "family") if group.resource else None
    match = re.fullmatch(r"(.+?)-?(\d+(\.\d+)*)", family) if isinstance(family, str) else None
    if match and not engine:
        engine = match[1]
    if match and not isinstance(version, str):
        version = match[2]
    return engine, version if isinstance(version, str) else ""


def tls_of(engine: str) -> Tls | None:
    """The TLS parameter of the engine; None for engines that have none."""
    return next((tls for name, tls in _ENGINES.items() if engine == name or engine.startswith(f"{name}-")), None)


def is_default(tls: Tls, version: str) -> bool:
    """Whether the version requires TLS by default. Without a version, RDS uses its newest default."""
    if tls.default_since is None:
        return False
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    return tuple([*numbers, 0][:2]) >= tls.default_since if numbers else tls.newest_by_default


def setting(group: Resource, name: str) -> Any:
    """The value of a parameter in lower case; None when the group does not set it, `UNKNOWN` when its name or value is unknown."""
    parameters = read(group, "parameters")
    if parameters is UNKNOWN:
        return UNKNOWN
    for index in range(len(parameters or ())):
        key = read(group, f"parameters.{index}.name")
        if key is UNKNOWN:
            return UNKNOWN
        if str(key).lower() == name:
            value = read(group, f"parameters.{index}.value")
            return value if value is UNKNOWN else str(value).lower()
    return None
