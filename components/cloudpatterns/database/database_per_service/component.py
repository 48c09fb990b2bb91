"""A store for each service, with a key, a secret and security groups of its own.

Pattern: "Database per service" (2025 guide).
"""

import functools
from collections.abc import Iterator
from typing import Any

import pulumi

from cloudpatterns.blocks import (
    create_key,
    logs_statement,
    refuse_plain_requests,
    schema_table,
    throttled_alarm,
)
from cloudpatterns.blocks.security_group import egress_rule, group_name_problems, ingress_rule, security_group
from cloudpatterns.core import (
    ArgumentError,
    Component,
    Problem,
    Statement,
    WorkloadStatementArgs,
    as_arguments,
    by_name,
    is_given,
    needs,
    one_of,
    table_problems,
    table_schema,
)
from cloudpatterns.database._shared import name_problems
from cloudpatterns.database.database_per_service.arguments import (
    DatabasePerServiceArgs,
    DatabasePerServiceDocumentsArgs,
    DatabasePerServiceServiceArgs,
    DatabasePerServiceTableArgs,
)
from cloudpatterns.database.database_per_service.documents import PORT, create_documents
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseArgs, RelationalDatabaseOptions
from cloudpatterns.database.relational_database.component import RelationalDatabase
from cloudpatterns.database.relational_database.component import child_names as database_names
from cloudpatterns.database.relational_database.engines import ENGINES

_STORES = ("table", "relational", "documents")
_ITEMS = (
    "BatchGetItem",
    "BatchWriteItem",
    "ConditionCheckItem",
    "DeleteItem",
    "DescribeTable",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "UpdateItem",
)


class DatabasePerService(Component):
    """A store for each service, which the others cannot reach (2025 guide, "Database per service").

    Each service has the store that suits it: a DynamoDB table, a relational database, or a DocumentDB cluster. Each store has a key of its
    own, and, where it has a password, a secret of its own. A store in the VPC has a security group that admits one other group on one port:
    that of its service, which the service's servers, functions or containers carry. A service needs::

        "statements": stores.statements("orders"), "security_group_ids": [stores.client_group_id("orders")]

    Its role then reaches its own store and no other: neither with its permissions, nor over the network.

    **Use when**: services are released and scaled by different teams, and each has data that no other changes.

    **Not when**: a transaction or a report spans the data of several services: then they are one service, or the report has a copy
    (``DataWarehouse``, events).

    **Cost drivers**: each store, relational ones and clusters by the hour; one key for each.

    **Trade-offs**: what spans services needs events or a saga; in return, what fails, moves or is slow is one service.

    **Proven by**: controls ``database-of-one-service``, ``rds-private``, ``docdb-encrypted``, ``docdb-password-not-in-state``,
    ``dynamodb-deletion-protection``; ``test_database_per_service.py``.
    """

    store_arns: pulumi.Output[dict[str, str]]
    """ARN of the table, instance or cluster of each service."""
    table_names: pulumi.Output[dict[str, str]]
    """Name of the table of each service that has one."""
    stream_arns: pulumi.Output[dict[str, str]]
    """ARN of the stream of each table that has one."""
    addresses: pulumi.Output[dict[str, str]]
    """Host name of the database or cluster of each service that has one."""
    ports: pulumi.Output[dict[str, int]]
    """Port of each of these."""
    secret_arns: pulumi.Output[dict[str, str]]
    """ARN of the secret with the master user's password of each of these."""
    connect_arns: pulumi.Output[dict[str, str]]
    """What the role of each service with a relational database is allowed ``rds-db:connect`` on, as ``statements`` has it."""
    client_security_group_ids: pulumi.Output[dict[str, str]]
    """Security group that the servers of each of these services carry."""
    kms_key_arns: pulumi.Output[dict[str, str]]
    """ARN of the key of each service."""

    def __init__(self, name: str, args: DatabasePerServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = self.begin(name, args, opts, problems=functools.partial(_problems, name), names=_child_names)
        self._arns: dict[str, pulumi.Output[str]] = {}
        self._table_names: dict[str, pulumi.Output[str]] = {}
        self._streams: dict[str, pulumi.Output[str]] = {}
        self._addresses: dict[str, pulumi.Output[str]] = {}
        self._ports: dict[str, int] = {}
        self._secrets: dict[str, pulumi.Output[str]] = {}
        self._clients: dict[str, pulumi.Output[str]] = {}
        self._keys: dict[str, pulumi.Output[str]] = {}
        self._relational: dict[str, RelationalDatabase] = {}
        for service, options in self._checked["services"].items():
            child = f"{name}-{service}"
            made_of, relational, documents = options.get("table"), options.get("relational"), options.get("documents")
            if made_of is not None:
                self._table(child, service, made_of)
            elif relational is not None:
                self._database(child, service, relational)
            elif documents is not None:
                self._documents(child, service, documents)
        self.store_arns, self.table_names = by_name(self._arns), by_name(self._table_names)
        self.stream_arns = by_name(self._streams)
        self.addresses, self.secret_arns = by_name(self._addresses), by_name(self._secrets)
        self.ports = pulumi.Output.from_input(self._ports)
        self.connect_arns = by_name({service: self._login(service) for service in self._relational})
        self.client_security_group_ids, self.kms_key_arns = by_name(self._clients), by_name(self._keys)
        self.register()

    def client_group_id(self, service: str) -> pulumi.Output[str]:
        """The security group that the servers, functions or containers of a service carry.

        :raises ArgumentError: for a service whose store is a table, or that is unknown.
        """
        return self.lookup(self._clients, service, "service", "a service with a store in the VPC")

    def user_sql(self, service: str) -> str:
        """The SQL that creates the user of a service with a relational database; see ``RelationalDatabase.user_sql``.

        :raises ArgumentError: for another service, and without ``database_name``.
        """
        database = self.lookup(self._relational, service, "service", "a service with a relational database")
        return database.user_sql(self._checked["services"][service]["user_name"])

    def statements(self, service: str) -> list[WorkloadStatementArgs]:
        """What the role of a service needs for its own store.

        :raises ArgumentError: for an unknown service.
        """
        arn = self.lookup(self._arns, service, "service", "a service")
        key = Statement(sid="OwnKey", actions=["kms:Decrypt"], resources=[self._keys[service]])
        if service in self._relational:
            return as_arguments([Statement(sid="OwnLogin", actions=["rds-db:connect"], resources=[self._login(service)])])
        if service in self._secrets:
            read = Statement(sid="OwnSecret", actions=["secretsmanager:GetSecretValue"], resources=[self._secrets[service]])
            return as_arguments([read])
        made_of = self._checked["services"][service].get("table")
        places = [arn, *([pulumi.Output.concat(arn, "/index/*")] if made_of is not None and made_of["indexes"] else [])]
        items = Statement(sid="OwnTable", actions=[f"dynamodb:{action}" for action in _ITEMS], resources=places)
        return as_arguments([items, key])

    def _login(self, service: str) -> pulumi.Output[str]:
        return self._relational[service].connect_arn(self._checked["services"][service]["user_name"])

    def _tags(self, service: str) -> dict[str, pulumi.Input[str]]:
        return {"Service": service, **self._checked["tags"]}

    def _table(self, child: str, service: str, options: DatabasePerServiceTableArgs) -> None:
        tags = self._tags(service)
        self._keys[service] = create_key(self, f"{child}-key", f"Table of the service {service}", tags=tags)
        made = schema_table(
            self,
            f"{child}-table",
            table_schema(options["partition_key"], options.get("sort_key"), options["indexes"], options.get("ttl_attribute")),
            stream=options["stream"],
            kms_key_arn=self._keys[service],
            deletion_protection=options["deletion_protection"],
            tags=tags,
        )
        refuse_plain_requests(self, f"{child}-table-policy", made)
        self._arns[service], self._table_names[service] = made.arn, made.name
        if options["stream"]:
            self._streams[service] = made.stream_arn
        if self._checked["alarm_topic_arns"]:
            description = f"DynamoDB throttles requests of the service {service} in each of five minutes"
            throttled_alarm(self, f"{child}-throttled", description, made.name, actions=self._checked["alarm_topic_arns"], tags=tags)

    def _database(self, child: str, service: str, options: RelationalDatabaseOptions) -> None:
        group_id = self._groups(child, service, ENGINES[options["engine"]].port)
        database = RelationalDatabase(child, _database_args(self._checked, service, options, [group_id]), self.child())
        self._relational[service], self._keys[service] = database, database.kms_key_arn
        self._arns[service], self._addresses[service], self._secrets[service] = database.instance_arn, database.address, database.secret_arn

    def _documents(self, child: str, service: str, options: DatabasePerServiceDocumentsArgs) -> None:
        tags, group_id = self._tags(service), self._groups(child, service, PORT)
        subnets = self._checked.get("subnet_ids_by_zone")
        assert subnets is not None
        self._keys[service] = create_key(
            self,
            f"{child}-key",
            f"Documents of the service {service}",
            lambda arn: [logs_statement(arn, "/aws/docdb/*")],
            tags=tags,
            # The final snapshot cannot be read without it.
            retain_on_delete=True,
        )
        made = create_documents(
            self,
            child,
            self._checked,
            options,
            subnet_ids_by_zone=subnets,
            kms_key_arn=self._keys[service],
            group_id=group_id,
            tags=tags,
        )
        self._arns[service], self._addresses[service], self._secrets[service] = made.arn, made.address, made.secret_arn

    def _groups(self, child: str, service: str, port: int) -> pulumi.Output[str]:
        """The group of the store, which admits the group of the service alone."""
        tags, vpc_id = self._tags(service), self._checked.get("vpc_id")
        assert vpc_id is not None
        client = security_group(self, f"{child}-client", vpc_id, f"Servers of the service {service}", tags)
        store = security_group(self, f"{child}-store", vpc_id, f"Store of the service {service}", tags)
        words = f"The service {service}"
        ingress_rule(self, f"{child}-store-from-client", store.id, port, {"referenced_security_group_id": client.id}, words, tags)
        egress_rule(self, f"{child}-client-to-store", client.id, port, {"referenced_security_group_id": store.id}, words, tags)
        self._clients[service], self._ports[service] = client.id, port
        return store.id


def _database_args(
    checked: DatabasePerServiceArgs, service: str, options: RelationalDatabaseOptions, group_ids: list[Any]
) -> RelationalDatabaseArgs:
    given: Any = {
        **{option: value for option, value in options.items() if value is not None},
        "subnet_ids_by_zone": checked.get("subnet_ids_by_zone"),
        "security_group_ids": group_ids,
        "alarm_topic_arns": checked["alarm_topic_arns"],
        "tags": {"Service": service, **checked["tags"]},
    }
    return given


def _child_names(checked: DatabasePerServiceArgs) -> dict[str, int]:
    names: dict[str, int] = {}
    for service, options in checked["services"].items():
        relational = options.get("relational")
        if is_given(options, "table"):
            names[f"{service}-table"] = 255
        elif is_given(options, "documents"):
            names[f"{service}-subnets"] = 63
        elif relational is not None and checked.get("subnet_ids_by_zone") is not None:
            limits = database_names(_database_args(checked, service, relational, []))
            names |= {f"{service}-{suffix}": limit for suffix, limit in limits.items()}
    return names


def _problems(name: str, checked: DatabasePerServiceArgs) -> Iterator[Problem]:
    yield from name_problems(name)
    yield from group_name_problems(name)
    for service, options in checked["services"].items():
        path = f"services.{service}"
        yield from one_of(options, *_STORES, path=f"{path}.")
        if (made_of := options.get("table")) is not None:
            yield from table_problems(made_of, f"{path}.table.")
        yield from _user_problems(options, path)
        documents = options.get("documents")
        if documents is not None:
            why = "DocumentDB would upgrade in the maintenance window, and every update until then fails at the old parameter group"
            yield from needs(documents, "allow_major_version_upgrade", "apply_immediately", path=f"{path}.documents.", why=why)
    inside = [
        service for service, options in checked["services"].items() if is_given(options, "relational") or is_given(options, "documents")
    ]
    absent = [argument for argument in ("vpc_id", "subnet_ids_by_zone") if inside and checked.get(argument) is None]
    for argument in absent:
        yield argument, f"is missing; the stores of {', '.join(inside)} are in a VPC. Give it."
    for service in inside if not absent else ():
        yield from _database_problems(name, checked, service)


def _user_problems(options: DatabasePerServiceServiceArgs, path: str) -> Iterator[Problem]:
    relational, user_name = options.get("relational"), options["user_name"]
    if relational is None:
        if is_given(options, "user_name"):
            yield f"{path}.user_name", f"is {user_name!r}; it is for a relational database. Remove it."
        return
    if problem := ENGINES[relational["engine"]].user_name_problem(user_name):
        yield f"{path}.user_name", f"is {user_name!r}; {problem}"
    if user_name == relational["master_username"]:
        yield f"{path}.user_name", f"is {user_name!r}, the master user, who keeps the password. Use another, such as app."


def _database_problems(name: str, checked: DatabasePerServiceArgs, service: str) -> Iterator[Problem]:
    options = checked["services"][service].get("relational")
    if options is None:
        return
    try:
        RelationalDatabase.check(f"{name}-{service}", _database_args(checked, service, options, ["sg-0"]))
    except ArgumentError as error:
        for path, reason in error.problems:
            # A name that is too long is reported by its own limit.
            if not (path == "name" and reason.startswith("has ")):
                yield path if path in ("name", "subnet_ids_by_zone") else f"services.{service}.relational.{path}", reason
