"""A cache in memory beside the database.

Pattern: "In-Memory Cache" (Cloud Design Patterns for AWS). Makes an ElastiCache replication group (Valkey or Redis) with failover, or a
serverless cache, encrypted at rest under a customer key and in transit, for callers that say who they are.
"""

import hashlib
import re
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.key import create_key, logs_statement
from cloudpatterns.core import ArgumentError, Component
from cloudpatterns.core.component import check_names
from cloudpatterns.database._shared import HYPHENATED_NAME, unique_name
from cloudpatterns.database.in_memory_cache.access import make_access, make_secret
from cloudpatterns.database.in_memory_cache.arguments import InMemoryCacheArgs
from cloudpatterns.database.in_memory_cache.nodes import make_nodes, make_serverless
from cloudpatterns.database.relational_database.engines import window_minutes, windows_overlap

# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html
_TOKEN = r"[A-Za-z0-9!&#$^<>\-]{16,128}"
_DEFAULT_VERSIONS = {"valkey": "8.1", "redis": "7.1"}
_DEFAULT_REPLICAS = 1
_SHORTEST_WINDOW_MINUTES = 60


class InMemoryCache(Component):
    """A private cache, encrypted both ways, whose callers log in.

    By default they log in through IAM: their role is allowed `elasticache:Connect` on `connect_arns`, and there is no password to keep,
    rotate or lose. AWS's own user named default, which may do everything, is replaced by one that may do nothing.
    """

    primary_endpoint: pulumi.Output[str]
    """Host name for reads and writes."""
    reader_endpoint: pulumi.Output[str]
    """Host name for reads."""
    port: pulumi.Output[int]
    """Port for reads and writes, 6379."""
    reader_port: pulumi.Output[int]
    """Port for reads: 6379, serverless 6380."""
    replication_group_id: pulumi.Output[str]
    """Id of the replication group, or name of the serverless cache: what an IAM login token is signed for."""
    arn: pulumi.Output[str]
    """ARN of the cache."""
    user_name: pulumi.Output[str]
    """The user to log in as; `default` with a token."""
    secret_arn: pulumi.Output[str | None]
    """The secret with user name and password or token; none with IAM."""
    connect_arns: pulumi.Output[list[str]]
    """What a caller's role needs `elasticache:Connect` on; empty unless the login goes through IAM."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts it."""
    log_group_names: pulumi.Output[list[str]]
    """Log groups of engine and slow log; empty when serverless."""

    def __init__(self, name: str, args: InMemoryCacheArgs, opts: pulumi.ResourceOptions | None = None):
        """Makes the cache; raises `ArgumentError` before anything is made."""
        checked: Any = self._arguments.check(name, args)
        _check(name, checked)
        checked["engine_version"] = checked["engine_version"] or _DEFAULT_VERSIONS[checked["engine"]]
        checked["replicas"] = _DEFAULT_REPLICAS if checked["replicas"] is None else checked["replicas"]
        super().__init__("InMemoryCache", name, opts)

        if checked["serverless"]:
            kms_key_arn = checked["kms_key_arn"] or create_key(self, f"{name}-key", f"Cache {name}", tags=checked["tags"]).arn
            access = make_access(self, name, pulumi.Output.from_input(_stack_unique(name)), checked)
            cache = make_serverless(self, name, checked, access=access, kms_key_arn=kms_key_arn)
        else:
            subnet_group = aws.elasticache.SubnetGroup(
                f"{name}-subnets",
                description=f"Data subnets of {name}",
                subnet_ids=list(checked["subnet_ids_by_zone"].values()),
                tags={"Name": name, **checked["tags"]},
                opts=self.child(),
            )
            unique = unique_name(subnet_group.name, f"{name}-subnets", name)
            kms_key_arn = checked["kms_key_arn"] or self._key(name, subnet_group, checked)
            access = make_access(self, name, unique, checked)
            cache = make_nodes(self, name, checked, subnet_group=subnet_group, unique=unique, access=access, kms_key_arn=kms_key_arn)
        secret_arn = make_secret(
            self, name, access, checked, kms_key_arn=kms_key_arn, host=cache.primary, port=cache.port, cache=cache.resource
        )
        self.primary_endpoint = cache.primary
        self.reader_endpoint = cache.reader
        self.port = cache.port
        self.reader_port = cache.reader_port
        self.replication_group_id = cache.name
        self.arn = cache.arn
        self.user_name = access.user_name
        self.secret_arn = pulumi.Output.from_input(secret_arn)
        iam = not checked["password"] and not checked["auth_token"]
        self.connect_arns = pulumi.Output.all(*([cache.arn, access.user_arn] if iam else []))
        self.kms_key_arn = pulumi.Output.from_input(kms_key_arn)
        self.log_group_names = pulumi.Output.all(*cache.log_group_names)
        self.register()

    def _key(self, name: str, subnet_group: aws.elasticache.SubnetGroup, checked: Any) -> pulumi.Output[str]:
        # ElastiCache uses the key through a grant of whoever creates the cache; CloudWatch Logs comes by itself.
        return create_key(
            self,
            f"{name}-key",
            f"Cache {name}",
            [logs_statement(subnet_group.arn, "/aws/elasticache/*")],
            tags=checked["tags"],
            retain_on_delete=not checked["skip_final_snapshot"],
        ).arn


def _stack_unique(name: str) -> str:
    """The name with a suffix of project and stack: users of two stacks in one account must differ, and AWS invents no ids."""
    text = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:7]}"


def _check(name: str, checked: Any) -> None:
    """What one argument alone cannot tell."""
    problems: list[tuple[str, str]] = []

    def refuse(argument: str, reason: str) -> None:
        problems.append((argument, reason))

    if re.fullmatch(HYPHENATED_NAME, name) is None:
        refuse("name", f"is {name!r}; users are named after it: lower case letters, digits and single hyphens, a letter first.")
    _check_version(checked, refuse)
    _check_form(checked, refuse)
    if checked["password"] and checked["auth_token"]:
        refuse(
            "auth_token",
            "and password exclude each other: ElastiCache takes AUTH or RBAC, not both. Give one, or none to log in through IAM.",
        )
    _check_value(checked, "password", r".{16,128}", "a password has 16 to 128 characters", refuse)
    _check_value(checked, "auth_token", _TOKEN, "a token has 16 to 128 letters, digits and ! & # $ ^ < > -", refuse)
    for argument in ("snapshot_window", "maintenance_window"):
        if window_minutes(checked[argument]) < _SHORTEST_WINDOW_MINUTES:
            refuse(argument, f"is {checked[argument]!r}; a window has {_SHORTEST_WINDOW_MINUTES} minutes at least.")
    if windows_overlap(checked["snapshot_window"], checked["maintenance_window"]):
        refuse(
            "maintenance_window",
            f"is {checked['maintenance_window']!r}; it overlaps snapshot_window {checked['snapshot_window']!r}. Move one.",
        )
    if problems:
        raise ArgumentError("InMemoryCache", name, problems)
    # A replication group, a serverless cache and a user id take 40 characters; the longest is <name>-<7 characters>-default.
    check_names("InMemoryCache", name, {"default": 40})


def _check_version(checked: Any, refuse: Any) -> None:
    version = checked["engine_version"]
    if version is None:
        return
    numbers = tuple(int(part) for part in version.split("."))
    # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html#auth-iam-limits, and redis ends with 7.1
    if checked["engine"] == "valkey" and not (7, 2) <= numbers < (10, 0):
        refuse("engine_version", f"is {version!r}; valkey takes 7.2 to 9. Use 8.1.")
    if checked["engine"] == "redis" and numbers not in ((7, 0), (7, 1)):
        refuse("engine_version", f"is {version!r}; redis takes 7.0 and 7.1. Use 7.1, or valkey.")


_NODES_ONLY = (
    "node_type",
    "replicas",
    "auth_token",
    "parameters",
    "final_snapshot_identifier",
    "notification_topic_arn",
    "alarm_topic_arns",
)


def _check_form(checked: Any, refuse: Any) -> None:
    zones = len(checked["subnet_ids_by_zone"])
    if checked["serverless"]:
        for argument in _NODES_ONLY:
            if checked[argument] not in (None, {}, []):
                refuse(argument, "and serverless exclude each other: a serverless cache has none. Leave one out.")
        if not 2 <= zones <= 3:
            refuse("subnet_ids_by_zone", f"has {zones} zones; a serverless cache takes two or three.")
        return
    if not checked["node_type"]:
        refuse("node_type", "is missing; give a node type such as cache.t4g.small, or serverless.")
    replicas = _DEFAULT_REPLICAS if checked["replicas"] is None else checked["replicas"]
    if replicas and zones < 2:
        refuse("subnet_ids_by_zone", f"has {zones} zone; {replicas} replicas need another to fail over to. Add one, or set replicas to 0.")


def _check_value(checked: Any, argument: str, pattern: str, allowed: str, refuse: Any) -> None:
    value = checked[argument]["value"] if checked[argument] else None
    # An output is AWS's to check. The value itself is not shown.
    if isinstance(value, str) and re.fullmatch(pattern, value) is None:
        refuse(f"{argument}.value", f"cannot be used; {allowed}.")
