"""Rules over several arguments of ``InMemoryCache``."""

from collections.abc import Iterator

from cloudpatterns.core import Problem, excludes, one_of
from cloudpatterns.database._shared import credential_problems, name_problems, window_problems
from cloudpatterns.database.in_memory_cache.arguments import InMemoryCacheArgs

_PASSWORD = r".{16,128}"
# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html
_TOKEN = r"[A-Za-z0-9!&#$^<>\-]{16,128}"
_NODES_ONLY = ("replicas", "auth_token", "parameters", "final_snapshot_identifier", "notification_topic_arn", "alarm_topic_arns")


def problems(name: str, checked: InMemoryCacheArgs) -> Iterator[Problem]:
    """What is wrong with a cache of this name and these arguments."""
    yield from name_problems(name)
    yield from _version_problems(checked)
    yield from one_of(checked, "node_type", "serverless")
    for argument in _NODES_ONLY:
        yield from excludes(checked, argument, "serverless", why="a serverless cache has none")
    yield from _zone_problems(checked)
    yield from excludes(checked, "auth_token", "password", why="ElastiCache takes AUTH or RBAC, not both")
    if password := checked.get("password"):
        yield from credential_problems("password", password["value"], _PASSWORD, "a password has 16 to 128 characters")
    if token := checked.get("auth_token"):
        allowed = "a token has 16 to 128 letters, digits and ! & # $ ^ < > -"
        yield from credential_problems("auth_token", token["value"], _TOKEN, allowed)
    yield from window_problems("snapshot_window", checked["snapshot_window"], checked["maintenance_window"], shortest_minutes=60)


def _version_problems(checked: InMemoryCacheArgs) -> Iterator[Problem]:
    version = checked.get("engine_version")
    if version is None:
        return
    numbers = tuple(int(part) for part in version.split("."))
    # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html#auth-iam-limits, and redis ends with 7.1
    if checked["engine"] == "valkey" and not (7, 2) <= numbers < (10, 0):
        yield "engine_version", f"is {version!r}; valkey takes 7.2 to 9. Use 8.1."
    if checked["engine"] == "redis" and numbers not in ((7, 0), (7, 1)):
        yield "engine_version", f"is {version!r}; redis takes 7.0 and 7.1. Use 7.1, or valkey."


def _zone_problems(checked: InMemoryCacheArgs) -> Iterator[Problem]:
    zones, replicas = len(checked["subnet_ids_by_zone"]), checked["replicas"]
    if checked.get("serverless") is not None:
        if not 2 <= zones <= 3:
            yield "subnet_ids_by_zone", f"has {zones} zones; a serverless cache takes two or three. Name as many."
    elif replicas and zones < 2:
        reason = f"has {zones} zone; {replicas} replicas need another to fail over to. Add one, or set replicas to 0."
        yield "subnet_ids_by_zone", reason
