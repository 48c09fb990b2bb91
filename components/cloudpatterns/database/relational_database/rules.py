"""Rules over several arguments of ``RelationalDatabase``."""

from collections.abc import Iterator

from cloudpatterns.core import Problem, is_given, needs
from cloudpatterns.database._shared import credential_problems, name_problems, window_problems
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseArgs
from cloudpatterns.database.relational_database.engines import ENGINES

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html: the shortest limit of the engines, MySQL's
_PASSWORD = r"""[!#-.0-?A-~]{8,41}"""


def child_names(checked: RelationalDatabaseArgs) -> dict[str, int]:
    """Limits of names: a role has 64 characters, a database 63; an instance of a cluster carries its zone."""
    longest_zone: str = max(checked["subnet_ids_by_zone"], key=len)
    return {"monitoring": 64, longest_zone if ENGINES[checked["engine"]].aurora else "replica": 63}


def problems(name: str, checked: RelationalDatabaseArgs) -> Iterator[Problem]:
    """What is wrong with a database of this name and these arguments."""
    engine = ENGINES[checked["engine"]]
    yield from name_problems(name)
    if problem := engine.version_problem(checked["engine_version"]):
        yield "engine_version", f"is {checked['engine_version']!r}; {problem}"
    if problem := engine.user_name_problem(checked["master_username"]):
        yield "master_username", f"is {checked['master_username']!r}; {problem}"
    yield from _storage_problems(checked)
    yield from _capacity_problems(checked)
    yield from _replica_problems(checked)
    yield from window_problems("backup_window", checked["backup_window"], checked["maintenance_window"], shortest_minutes=30)
    if password := checked.get("password"):
        allowed = 'a password has 8 to 41 printable characters without / " @ and space'
        yield from credential_problems("password", password["value"], _PASSWORD, allowed)
    exports = checked.get("log_exports")
    if exports is not None and (others := sorted(set(exports) - set(engine.logs))):
        yield "log_exports", f"has {', '.join(others)}; {engine.name} exports {', '.join(engine.logs)}."
    if engine.tls_parameter_name in checked["parameters"]:
        yield f"parameters.{engine.tls_parameter_name}", "is set by the component: connections without TLS are refused. Remove it."
    yield from _insights_problems(checked)
    yield from needs(checked, "alarm_connections", "alarm_topic_arns")


def _storage_problems(checked: RelationalDatabaseArgs) -> Iterator[Problem]:
    engine = ENGINES[checked["engine"]]
    first, most = checked.get("allocated_storage_gib"), checked.get("max_allocated_storage_gib")
    if engine.aurora:
        for argument, size in (("allocated_storage_gib", first), ("max_allocated_storage_gib", most)):
            if size is not None:
                yield argument, f"is {size}; Aurora's storage grows by itself. Remove it."
    elif first is None:
        yield "allocated_storage_gib", f"is missing; {engine.name} needs a first size, 20 GiB or more."
    elif most is not None and most * 10 < first * 11:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
        yield "max_allocated_storage_gib", f"is {most}; it must be at least a tenth more than allocated_storage_gib {first}."


def _capacity_problems(checked: RelationalDatabaseArgs) -> Iterator[Problem]:
    engine, least, most = ENGINES[checked["engine"]], checked["min_capacity_units"], checked.get("max_capacity_units")
    if checked["instance_class"] != "db.serverless":
        for argument, units in (("min_capacity_units", least), ("max_capacity_units", most)):
            if is_given(checked, argument):
                yield argument, f"is {units}; only instance_class db.serverless takes it. Remove it."
    elif not engine.aurora:
        yield "instance_class", f"is 'db.serverless'; only Aurora supports it, not {engine.name}. Use a class such as db.t4g.medium."
    elif most is None:
        yield "max_capacity_units", "is missing; db.serverless needs it."
    elif least > most:
        yield "min_capacity_units", f"is {least}, which is above max_capacity_units {most}. Lower it."


def _replica_problems(checked: RelationalDatabaseArgs) -> Iterator[Problem]:
    engine = ENGINES[checked["engine"]]
    if engine.aurora and is_given(checked, "replica"):
        yield "replica", f"is not supported with {engine.name}: Aurora crosses regions as a global database. Remove it."
    else:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html#rds-secrets-manager-limitations
        yield from needs(checked, "replica", "password", why="RDS creates no replica of a database whose password it manages")


def _insights_problems(checked: RelationalDatabaseArgs) -> Iterator[Problem]:
    engine, wanted = ENGINES[checked["engine"]], checked.get("performance_insights")
    advanced = checked["database_insights_mode"] == "advanced"
    if (wanted or advanced) and not engine.has_insights(checked["instance_class"]):
        reason = f"is not supported on {checked['instance_class']} with {engine.name}. Remove it, or use a larger class."
        yield "performance_insights" if wanted else "database_insights_mode", reason
    elif advanced and wanted is False:
        yield "performance_insights", "is False; database_insights_mode 'advanced' needs it. Remove it."
