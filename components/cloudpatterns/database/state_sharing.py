"""Sessions outside the servers: a table or a cache that all of them share.

Pattern: "State Sharing" (Cloud Design Patterns for AWS).
"""

from collections.abc import Iterator
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks import create_key, item_statements, refuse_plain_requests, table, throttled_alarm
from cloudpatterns.core import (
    ArgumentError,
    Component,
    Matches,
    Problem,
    Statement,
    WorkloadStatementArgs,
    as_arguments,
    excludes,
    is_given,
    needs,
    pick,
)
from cloudpatterns.core.vocabulary import AlarmTopicArns, DeletionProtection, KmsKeyArn, SecurityGroupIds, SubnetIdsByZone, Tags
from cloudpatterns.database.in_memory_cache.arguments import InMemoryCacheArgs, InMemoryCacheOptions
from cloudpatterns.database.in_memory_cache.component import InMemoryCache

_PREFIX = "CLOUDPATTERNS_SESSIONS_"
# Commands such as FLUSHALL and KEYS are about all keys, whatever the pattern: Valkey and Redis call them dangerous.
_ACCESS = "on ~session:* +@all -@dangerous"


class StateSharingTableArgs(TypedDict):
    """A table that is there: its partition key is the text ``id``, it has no sort key, and its TTL attribute is ``expires_at``."""

    arn: Annotated[pulumi.Input[str], Matches(r"arn:[^:]+:dynamodb:[^:]+:\d{12}:table/[a-zA-Z0-9_.-]+", "the ARN of a DynamoDB table")]
    """ARN of the table."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Its customer managed key. Default: the table has a key of AWS's."""


class StateSharingOptions(TypedDict):
    """What a user tunes of ``StateSharing``."""

    cache: NotRequired[InMemoryCacheOptions]
    """A cache for the sessions, see ``InMemoryCache``; its user reaches keys that begin with ``session:`` alone, and has no command that
    is about all keys. Default: a table."""
    idle_seconds: NotRequired[Annotated[int, Field(default=1800, ge=60, le=2_592_000)]]
    """How long a session lasts without a request."""
    lifetime_seconds: NotRequired[Annotated[int, Field(default=43_200, ge=60, le=31_536_000)]]
    """How long a session lasts at most; not less than ``idle_seconds``."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete a new table. A cache has its own, ``cache.deletion_protection``."""


class StateSharingArgs(StateSharingOptions):
    """Arguments of ``StateSharing``."""

    existing_table: NotRequired[StateSharingTableArgs]
    """A table that is there. Not with ``cache``. Default: a new one."""
    subnet_ids_by_zone: NotRequired[SubnetIdsByZone]
    """Data subnets of the cache. Needed with ``cache``."""
    security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups of the cache, which admit the servers and nobody else. Needed with ``cache``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the new table or cache. Default: a new customer managed key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of throttled requests to the table, or of a cache without processor or memory."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class StateSharing(Component):
    """A store of sessions, so that any server can answer the next request (Cloud Design Patterns for AWS, "State Sharing").

    Creates a DynamoDB table on demand, or, with ``cache``, an ``InMemoryCache``. Both are encrypted at rest, and in transit: a policy of
    the table refuses requests without TLS. Servers use ``cloudpatterns_runtime.sessions``, which compares the times of entries itself,
    because DynamoDB deletes them days later; its page is `docs/runtime/sessions.md`. A server needs both::

        "servers": {"environment": sessions.environment(), "statements": sessions.reader_statements()}

    **Use when**: servers behind a load balancer know their visitors, and any of them may be replaced at any time (``MultiServer``).

    **Not when**: a signed token holds all that is needed, or what is kept is a customer's data, which belongs into the database.

    **Cost drivers**: the table's requests, a write for each KB of a session; or the cache's nodes by the hour; one key.

    **Trade-offs**: a table answers in milliseconds and loses nothing; a cache is faster, and loses sessions when it fails or is full.

    **Proven by**: controls ``dynamodb-point-in-time-recovery``, ``dynamodb-deletion-protection``, ``elasticache-tls-required``;
    ``test_state_sharing.py``, and ``test_sessions.py`` of the library, with many requests at once on both stores.
    """

    table_name: pulumi.Output[str]
    """Name of the table; empty with ``cache``."""
    table_arn: pulumi.Output[str]
    """ARN of the table; empty with ``cache``."""
    cache_endpoint: pulumi.Output[str]
    """Host name of the cache; empty without ``cache``."""
    kms_key_arn: pulumi.Output[str]
    """Key of the store; empty for an existing table without one."""
    variables: pulumi.Output[dict[str, str]]
    """Environment variables of the servers, as ``environment()`` has them."""

    def __init__(self, name: str, args: StateSharingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = self.begin(name, args, opts, problems=lambda checked: _problems(name, checked), names=_child_names)
        self._cache: InMemoryCache | None = None
        self.table_name = self.table_arn = self.cache_endpoint = pulumi.Output.from_input("")
        self._key_arn: pulumi.Input[str] | None
        if self._checked.get("cache") is not None:
            self._cache = InMemoryCache(f"{name}-cache", _cache_args(self._checked), self.child())
            self.cache_endpoint, self._key_arn = self._cache.primary_endpoint, self._cache.kms_key_arn
        else:
            self._table(name)
        self.kms_key_arn = pulumi.Output.from_input("" if self._key_arn is None else self._key_arn)
        self.variables = pulumi.Output.all(**self.environment())
        self.register()

    def environment(self) -> dict[str, pulumi.Input[str]]:
        """Environment variables of a server, function or container: for ``from_environment`` of the library's stores; no secret."""
        variables: dict[str, pulumi.Input[str]] = {
            f"{_PREFIX}IDLE_SECONDS": str(self._checked["idle_seconds"]),
            f"{_PREFIX}LIFETIME_SECONDS": str(self._checked["lifetime_seconds"]),
        }
        if self._cache is None:
            return {f"{_PREFIX}STORE": "table", f"{_PREFIX}TABLE": self.table_name, **variables}
        serverless = is_given(_cache_options(self._checked), "serverless")
        return {
            f"{_PREFIX}STORE": "cache",
            f"{_PREFIX}ENDPOINT": self._cache.primary_endpoint,
            f"{_PREFIX}PORT": self._cache.port.apply(str),
            # An IAM login signs a token for this cache and this user.
            f"{_PREFIX}CACHE_NAME": self._cache.replication_group_id,
            f"{_PREFIX}USER": self._cache.user_name,
            f"{_PREFIX}SERVERLESS": "true" if serverless else "false",
            **variables,
        }

    def reader_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of a server, function or container needs to read and write sessions."""
        if self._cache is None:
            return as_arguments(item_statements(self.table_arn, self._key_arn, sid="Sessions"))
        # The cache and the user: a login needs both.
        arns = [self._cache.connect_arns.apply(lambda arns: arns[0]), self._cache.connect_arns.apply(lambda arns: arns[1])]
        return as_arguments([Statement(sid="Sessions", actions=["elasticache:Connect"], resources=arns)])

    def _table(self, name: str) -> None:
        checked, existing = self._checked, self._checked.get("existing_table")
        if existing is not None:
            self.table_arn, self._key_arn = pulumi.Output.from_input(existing["arn"]), existing.get("kms_key_arn")
            self.table_name = self.table_arn.apply(lambda arn: arn.split("/")[1])
        else:
            given = checked.get("kms_key_arn")
            self._key_arn = create_key(self, f"{name}-key", f"Sessions of {name}", tags=checked["tags"]) if given is None else given
            sessions = table(
                self,
                f"{name}-table",
                hash_key="id",
                ttl_attribute="expires_at",
                kms_key_arn=self._key_arn,
                deletion_protection=checked["deletion_protection"],
                tags=checked["tags"],
            )
            refuse_plain_requests(self, f"{name}-table-policy", sessions)
            self.table_arn, self.table_name = sessions.arn, sessions.name
        if checked["alarm_topic_arns"]:
            throttled_alarm(
                self,
                f"{name}-throttled",
                f"DynamoDB throttles requests for sessions of {name} in each of five minutes: visitors see errors or are logged out",
                self.table_name,
                actions=checked["alarm_topic_arns"],
                tags=checked["tags"],
            )


def _cache_options(checked: StateSharingArgs) -> InMemoryCacheOptions:
    options = checked.get("cache")
    assert options is not None
    return options


def _cache_args(checked: StateSharingArgs) -> InMemoryCacheArgs:
    options = _cache_options(checked)
    # A serverless cache has no nodes to watch.
    alarms = () if is_given(options, "serverless") else ("alarm_topic_arns",)
    access = {} if is_given(options, "access_string") else {"access_string": _ACCESS}
    given: Any = {**options, **access, **pick(checked, "subnet_ids_by_zone", "security_group_ids", "kms_key_arn", "tags", *alarms)}
    return given


def _child_names(checked: StateSharingArgs) -> dict[str, int]:
    return {} if checked.get("cache") is not None or checked.get("existing_table") is not None else {"table": 255}


def _problems(name: str, checked: StateSharingArgs) -> Iterator[Problem]:
    if checked["lifetime_seconds"] < checked["idle_seconds"]:
        reason = f"is {checked['lifetime_seconds']}, less than idle_seconds, {checked['idle_seconds']}. Raise it, or lower idle_seconds."
        yield "lifetime_seconds", reason
    yield from excludes(checked, "existing_table", "kms_key_arn", why="the table is there already")
    yield from excludes(checked, "cache", "existing_table", why="the sessions are in one store")
    if checked.get("cache") is not None and not checked["deletion_protection"]:
        yield "deletion_protection", "is False, and is the table's; there is a cache. Set cache.deletion_protection to False instead."
    for argument in ("subnet_ids_by_zone", "security_group_ids"):
        yield from needs(checked, "cache", argument)
        yield from needs(checked, argument, "cache")
    if checked.get("cache") is not None and is_given(checked, "subnet_ids_by_zone") and is_given(checked, "security_group_ids"):
        try:
            InMemoryCache.check(f"{name}-cache", _cache_args(checked))
        except ArgumentError as error:
            own = _cache_options(checked)
            yield from ((f"cache.{path}" if path.split(".")[0] in own else path, reason) for path, reason in error.problems)
