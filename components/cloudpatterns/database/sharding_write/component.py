"""Several databases that each write a share, and the map of the shares.

Pattern: "Sharding Write" (Cloud Design Patterns for AWS).
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import create_key, pattern_function, refuse_plain_requests, runtime_layer, table, throttled_alarm
from cloudpatterns.core import (
    ArgumentError,
    Component,
    Problem,
    Statement,
    WorkloadStatementArgs,
    after,
    as_arguments,
    by_name,
    excludes,
    is_given,
    needs,
    pick,
)
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseArgs
from cloudpatterns.database.relational_database.component import RelationalDatabase
from cloudpatterns.database.relational_database.component import child_names as database_names
from cloudpatterns.database.relational_database.engines import ENGINES
from cloudpatterns.database.relational_database.users import connect_arn
from cloudpatterns.database.sharding_write.arguments import ShardingWriteArgs, ShardingWriteDatabaseArgs

_PREFIX = "CLOUDPATTERNS_SHARDS_"
_OF_ONE = ("identifier", "final_snapshot_identifier")


class ShardingWrite(Component):
    """Several databases, each of which writes its share of the keys (Cloud Design Patterns for AWS, "Sharding Write").

    Creates a ``RelationalDatabase`` for each shard, and a DynamoDB table with the shard map in one item; a function writes the addresses
    of the databases into it at each change. Applications use ``cloudpatterns_runtime.shards``, whose page is `docs/runtime/shards.md`: a
    router finds the shard of a key, such as a customer, and ``shard_mover`` moves keys to a new shard while applications write. A server
    needs::

        "environment": shop.environment(), "statements": [*shop.router_statements(), *shop.connect_statements("app")]

    Whoever moves keys needs ``mover_statements`` instead of ``router_statements``. To add a shard, add it to ``shards``, create its tables,
    and start a move; to remove one, start a move to the others, set its ``deletion_protection`` to False, and remove it when it is empty:
    the function refuses to forget a shard that has keys, before anything is deleted.

    **Use when**: the writes of one application are more than the largest instance takes, and nearly every transaction has one key.

    **Not when**: a larger instance, a cache or read replicas are enough, or transactions and joins span keys: they cannot span shards.

    **Cost drivers**: as many databases as shards, each with its standby; one key for each.

    **Trade-offs**: writes grow with the shards; queries over all keys ask every shard, and what is unique is so within a shard.

    **Proven by**: controls ``rds-private``, ``rds-encrypted``, ``dynamodb-point-in-time-recovery``, ``dynamodb-deletion-protection``;
    ``test_sharding_write.py``, and ``test_shards.py`` and ``test_shard_mover.py`` of the library, on PostgreSQL and MariaDB under writes.
    """

    table_name: pulumi.Output[str]
    """Name of the table with the map, available after the map is written."""
    table_arn: pulumi.Output[str]
    """ARN of the table."""
    kms_key_arn: pulumi.Output[str]
    """Key of the table; empty for an existing table without one."""
    addresses: pulumi.Output[dict[str, str]]
    """Host name of the writer of each shard."""
    secret_arns: pulumi.Output[dict[str, str]]
    """ARN of the secret with the master user's password of each shard; without existing databases that name none."""
    resource_ids: pulumi.Output[dict[str, str]]
    """The id that IAM policies name the database of each shard by (``rds-db:connect`` on ``...:dbuser:<resource id>/<user>``); without
    existing databases that name none."""
    variables: pulumi.Output[dict[str, str]]
    """Environment variables of the servers, as ``environment()`` has them."""

    def __init__(self, name: str, args: ShardingWriteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        problems = functools.partial(_problems, name)
        self._checked = self.begin(name, args, opts, problems=problems, names=_child_names)
        checked, engine = self._checked, ENGINES[self._checked["database"]["engine"]]
        self._family = engine.engine_family
        self._existing = {shard: _existing(checked, shard) for shard in checked["shards"] if _is_existing(checked, shard)}
        self._databases = {
            shard: RelationalDatabase(f"{name}-shard-{shard}", _database(checked, shard), self.child())
            for shard in checked["shards"]
            if shard not in self._existing
        }
        self._key_arn: pulumi.Input[str] | None
        self.table_arn = self._table(name)
        unwritten = self.table_arn.apply(lambda arn: arn.split("/")[1])
        self.kms_key_arn = pulumi.Output.from_input("" if self._key_arn is None else self._key_arn)
        self.table_name = after(unwritten, self._map(name, unwritten))
        if checked["alarm_topic_arns"]:
            throttled_alarm(
                self,
                f"{name}-throttled",
                f"DynamoDB throttles requests for the shard map of {name} in each of five minutes: applications cannot find their shards",
                unwritten,
                actions=checked["alarm_topic_arns"],
                tags=checked["tags"],
            )
        reached = self._reached()
        self.addresses = by_name({shard: address["host"] for shard, address in reached.items()})
        self.secret_arns = by_name({shard: address["secret_arn"] for shard, address in reached.items() if "secret_arn" in address})
        known = {shard: existing["resource_id"] for shard, existing in self._existing.items() if existing.get("resource_id") is not None}
        self.resource_ids = by_name({**{shard: database.resource_id for shard, database in self._databases.items()}, **known})
        self.variables = pulumi.Output.all(**self.environment())
        self.register()

    def environment(self) -> dict[str, pulumi.Input[str]]:
        """Environment variables of a server, function or container: for ``MapTable.from_environment`` of the library; no secret."""
        return {
            f"{_PREFIX}TABLE": self.table_name,
            f"{_PREFIX}MAP": self._checked["map_name"],
            # For Router and Mover.
            f"{_PREFIX}ENGINE": self._family,
        }

    def router_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of an application needs to read the map."""
        return as_arguments(self._map_statements("dynamodb:GetItem"))

    def mover_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of a mover needs to read and change the map."""
        return as_arguments(self._map_statements("dynamodb:GetItem", "dynamodb:PutItem"))

    def connect_statements(self, user_name: str) -> list[WorkloadStatementArgs]:
        """What a role needs to log in to all shards through IAM as a user whom ``user_sql`` creates.

        :raises ArgumentError: for a name that the engine refuses, for the master user's, and where every shard is an existing database
            without ``resource_id``.
        """
        logins = [database.connect_arn(user_name) for database in self._databases.values()]
        for existing in self._existing.values():
            arn, resource_id = existing.get("instance_arn"), existing.get("resource_id")
            if arn is not None and resource_id is not None:
                logins.append(connect_arn(arn, resource_id, user_name))
        if not logins:
            reason = "are existing databases without instance_arn and resource_id, by which IAM knows a database. Give them."
            self.refuse(("shards", reason))
        return as_arguments([Statement(sid="ShardLogin", actions=["rds-db:connect"], resources=logins)])

    def user_sql(self, user_name: str) -> str:
        """The SQL that creates a user who logs in through IAM, for each shard; see ``RelationalDatabase.user_sql``.

        :raises ArgumentError: for a name that the engine refuses, for the master user's, without ``database_name``, and where all shards
            are existing databases.
        """
        if not self._databases:
            self.refuse(("shards", "are all existing databases; the SQL of a user is for new ones. Create the user as you do there."))
        return next(iter(self._databases.values())).user_sql(user_name)

    def _map_statements(self, *actions: str) -> list[Statement]:
        # A table may have several maps.
        own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [self._checked["map_name"]]}}
        reading = Statement(sid="ShardMap", actions=[*actions], resources=[self.table_arn], conditions=own)
        return [reading, *([Statement(sid="ShardMapKey", actions=["kms:Decrypt"], resources=[self._key_arn])] if self._key_arn else [])]

    def _table(self, name: str) -> pulumi.Output[str]:
        checked, existing = self._checked, self._checked.get("existing_table")
        if existing is not None:
            self._key_arn = existing.get("kms_key_arn")
            arn = pulumi.Output.from_input(existing["arn"])
        else:
            given = checked.get("kms_key_arn")
            self._key_arn = create_key(self, f"{name}-key", f"Shard map of {name}", tags=checked["tags"]) if given is None else given
            protected = checked["deletion_protection"]
            made = table(
                self,
                f"{name}-table",
                hash_key="id",
                kms_key_arn=self._key_arn,
                deletion_protection=protected,
                tags=checked["tags"],
            )
            refuse_plain_requests(self, f"{name}-table-policy", made)
            arn = made.arn
        return arn

    def _map(self, name: str, table_name: pulumi.Output[str]) -> aws.lambda_.Invocation:
        """The function that writes the map, and its invocation."""
        checked = self._checked
        writer = pattern_function(
            self,
            f"{name}-map",
            Path(__file__).parent / "on_aws",
            description=f"Writes the addresses of the shards of {name} into their map",
            role_description=f"Writes the shard map of {name}",
            statements=self._map_statements("dynamodb:GetItem", "dynamodb:PutItem"),
            memory_mib=256,
            log_retention_days=checked["log_retention_days"],
            tags=checked["tags"],
            environment={"TABLE": table_name, "MAP": checked["map_name"]},
            layer_arns=[runtime_layer(self, f"{name}-library").arn],
        )
        first = checked.get("first_shards")
        wanted = {
            "addresses": self._reached(),
            "first_shards": sorted(checked["shards"] if first is None else first),
            "slots": checked["slots"],
        }
        # Another input is another invocation; destroying one does nothing. A function that fails ends the update, before a database is
        # deleted: Pulumi deletes last.
        return aws.lambda_.Invocation(
            f"{name}-map-written",
            function_name=writer.function.name,
            input=pulumi.Output.json_dumps(wanted, sort_keys=True),
            opts=self.child(),
        )

    def _reached(self) -> dict[str, dict[str, pulumi.Input[str]]]:
        """How to reach each shard, as the map has it: texts, and no secret."""
        name = self._checked["database"].get("database_name")
        named: dict[str, pulumi.Input[str]] = {} if name is None else {"database": name}
        new = {
            shard: {
                **named,
                "host": database.address,
                "reader_host": database.reader_address,
                "port": database.port.apply(str),
                "secret_arn": database.secret_arn,
            }
            for shard, database in self._databases.items()
        }
        return {**new, **{shard: {**named, **self._reached_existing(existing)} for shard, existing in self._existing.items()}}

    def _reached_existing(self, existing: ShardingWriteDatabaseArgs) -> dict[str, pulumi.Input[str]]:
        port, reader = existing.get("port"), existing.get("reader_address")
        if port is None:
            port = 3306 if self._family == "mysql" else 5432
        address = existing["address"]
        given = pick(existing, "database_name", "secret_arn")
        names = {"database_name": "database", "secret_arn": "secret_arn"}
        return {
            "host": address,
            "reader_host": address if reader is None else reader,
            "port": str(port),
            **{names[argument]: value for argument, value in given.items()},
        }


def _is_existing(checked: ShardingWriteArgs, shard: str) -> bool:
    return checked["shards"][shard].get("existing_database") is not None


def _existing(checked: ShardingWriteArgs, shard: str) -> ShardingWriteDatabaseArgs:
    """What is given of an existing database."""
    existing: Any = checked["shards"][shard].get("existing_database")
    return existing


def _database(checked: ShardingWriteArgs, shard: str) -> RelationalDatabaseArgs:
    given: Any = {
        **checked["database"],
        **{option: value for option, value in checked["shards"][shard].items() if value is not None},
        **pick(checked, "subnet_ids_by_zone", "security_group_ids", "kms_key_arn", "dual_stack", "alarm_topic_arns", "tags"),
    }
    return given


def _child_names(checked: ShardingWriteArgs) -> dict[str, int]:
    names = {"map": 64, "map-role": 64, "library": 140}
    for shard in checked["shards"]:
        if not _is_existing(checked, shard):
            names |= {f"shard-{shard}-{suffix}": limit for suffix, limit in database_names(_database(checked, shard)).items()}
    return names if checked.get("existing_table") is not None else {**names, "table": 255}


def _problems(name: str, checked: ShardingWriteArgs) -> Iterator[Problem]:
    first = checked.get("first_shards")
    if first is not None and (not first or len(set(first)) < len(first) or set(first) - set(checked["shards"])):
        yield "first_shards", f"is {first}; names in shards are allowed, each once: {', '.join(sorted(checked['shards']))}."
    for option in _OF_ONE:
        if is_given(checked["database"], option):
            yield f"database.{option}", "is given; each shard has another one. Remove it."
    # A new table has it, or each new database.
    if all(_is_existing(checked, shard) for shard in checked["shards"]):
        yield from excludes(checked, "existing_table", "kms_key_arn", why="table and databases are there already")
    for shard in checked["shards"]:
        yield from _shard_problems(name, checked, shard)


def _shard_problems(name: str, checked: ShardingWriteArgs, shard: str) -> Iterator[Problem]:
    path, options = f"shards.{shard}", checked["shards"][shard]
    if _is_existing(checked, shard):
        if others := sorted(option for option, value in options.items() if value is not None and option != "existing_database"):
            yield f"{path}.existing_database", f"is given, and so is {', '.join(others)}; the database is there already. Remove one."
        existing = _existing(checked, shard)
        for argument, other in (("instance_arn", "resource_id"), ("resource_id", "instance_arn")):
            yield from ((f"{path}.existing_database.{where}", reason) for where, reason in needs(existing, argument, other))
        return
    try:
        RelationalDatabase.check(f"{name}-shard-{shard}", _database(checked, shard))
    except ArgumentError as error:
        for where, reason in error.problems:
            argument = where.split(".")[0]
            # A name that is too long is reported by its own limit.
            if argument == "name" and reason.startswith("has "):
                continue
            if options.get(argument) is not None:
                yield f"{path}.{where}", reason
            elif shard == min(other for other in checked["shards"] if not _is_existing(checked, other)) or argument == "name":
                # What all shards have is reported once.
                yield f"database.{where}" if argument in checked["database"] else where, reason
