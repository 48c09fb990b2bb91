"""A cache in memory beside the database.

Pattern: "In-Memory Cache" (Cloud Design Patterns for AWS).
"""

import functools
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, create_key, log_group, logs_statement
from cloudpatterns.core import Component, Problem, Statement, excludes, one_of
from cloudpatterns.database._shared import (
    SUSTAINED,
    credential_problems,
    final_snapshot,
    name_problems,
    notify_on_failed_rotation,
    unique_name,
    window_problems,
)
from cloudpatterns.database.in_memory_cache.access import Access
from cloudpatterns.database.in_memory_cache.arguments import InMemoryCacheArgs, InMemoryCacheServerlessArgs

_PORT = 6379
_PASSWORD = r".{16,128}"
# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html
_TOKEN = r"[A-Za-z0-9!&#$^<>\-]{16,128}"
_NODES_ONLY = ("replicas", "auth_token", "parameters", "final_snapshot_identifier", "notification_topic_arn", "alarm_topic_arns")


class InMemoryCache(Component):
    """A private cache, encrypted at rest and in transit, whose callers log in (Cloud Design Patterns for AWS, "In-Memory Cache").

    Creates an ElastiCache replication group (Valkey or Redis) with failover, or a serverless cache. By default callers log in through IAM:
    their role is allowed ``elasticache:Connect`` on ``connect_arns``, and there is no password to keep, rotate or lose. The user named
    default, which AWS lets do everything, is replaced by one that may do nothing.

    **Use when**: the same data is read far more often than it changes, or sessions and counters need answers within a millisecond.

    **Not when**: the data must survive the loss of the cache, or the database answers fast enough.

    **Cost drivers**: the node type, times one and the replicas; serverless, stored data and processing units; snapshots.

    **Trade-offs**: replication is asynchronous, so a failover can lose the last writes; cached data can be out of date; callers need TLS,
    and with IAM a client that signs login tokens.

    **Proven by**: controls ``elasticache-encrypted-at-rest``, ``elasticache-tls-required``, ``elasticache-login-required``,
    ``elasticache-failover``, ``elasticache-backups``, ``elasticache-token-not-in-state``; ``test_in_memory_cache.py`` and
    ``test_in_memory_cache_arguments.py``.
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
    """The user to log in as; ``default`` with a token."""
    secret_arn: pulumi.Output[str | None]
    """ARN of the secret with user name and password or token; none with IAM."""
    connect_arns: pulumi.Output[list[str]]
    """ARNs of cache and user, on which a caller's role needs ``elasticache:Connect``; empty unless callers log in through IAM."""
    kms_key_arn: pulumi.Output[str]
    """ARN of the key that encrypts it."""
    log_group_names: pulumi.Output[list[str]]
    """Log groups of engine and slow log; empty when serverless."""

    def __init__(self, name: str, args: InMemoryCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # A replication group, a serverless cache and a user id have 40 characters; the longest is <name>-<7 characters>-default.
        checked = self.begin(name, args, opts, problems=functools.partial(_problems, name), names={"default": 40})
        self._checked = checked
        limits = checked.get("serverless")
        if limits is None:
            self._create_nodes(name)
        else:
            self._create_serverless(name, limits)
        self.register()

    def _create_nodes(self, name: str) -> None:
        checked = self._checked
        subnet_group = aws.elasticache.SubnetGroup(
            f"{name}-subnets",
            description=f"Data subnets of {name}",
            subnet_ids=list(checked["subnet_ids_by_zone"].values()),
            tags={"Name": name, **checked["tags"]},
            opts=self.child(),
        )
        unique = unique_name(subnet_group.name, f"{name}-subnets", name)
        # ElastiCache uses the key through a grant of whoever creates the cache; CloudWatch Logs uses it by itself.
        kms_key_arn = self._key([logs_statement(subnet_group.arn, "/aws/elasticache/*")], retain=not checked["skip_final_snapshot"])
        access = Access(self, unique, checked)
        log_groups = self._log_groups(name, pulumi.Output.concat("/aws/elasticache/", unique, "/"))
        replicated = checked["replicas"] > 0
        group = aws.elasticache.ReplicationGroup(
            f"{name}-cache",
            engine_version=_engine_version(checked),
            node_type=checked.get("node_type"),
            num_cache_clusters=checked["replicas"] + 1,
            # Failover needs a replica, Multi-AZ needs failover.
            automatic_failover_enabled=replicated,
            multi_az_enabled=replicated,
            port=_PORT,
            subnet_group_name=subnet_group.name,
            parameter_group_name=self._parameter_group(name).name,
            at_rest_encryption_enabled=True,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            snapshot_name=checked.get("restore_from_snapshot"),
            snapshot_window=checked["snapshot_window"],
            maintenance_window=checked["maintenance_window"],
            # Without a name there is no final snapshot.
            final_snapshot_identifier=final_snapshot(
                checked["skip_final_snapshot"], checked.get("final_snapshot_identifier"), unique, kms_key_arn
            ),
            auto_minor_version_upgrade=checked["auto_minor_version_upgrade"],
            # https://github.com/hashicorp/terraform-provider-aws/issues/18737, https://github.com/hashicorp/terraform-provider-aws/issues/24244
            apply_immediately=checked["apply_immediately"],
            notification_topic_arn=_notification_topic(checked),
            log_delivery_configurations=[
                {"destination": log_group_name, "destination_type": "cloudwatch-logs", "log_format": "json", "log_type": log}
                for log, log_group_name in log_groups.items()
            ],
            **access.replication_group_inputs(),
            **self._cache_inputs(name),
        )
        self._alarms(name, group)
        self.primary_endpoint, self.reader_endpoint = group.primary_endpoint_address, group.reader_endpoint_address
        self.port = self.reader_port = pulumi.Output.from_input(_PORT)
        self.replication_group_id, self.arn = group.id, group.arn
        self.log_group_names = pulumi.Output.all(*log_groups.values())
        self._set_access_outputs(access, group)

    def _log_groups(self, name: str, path: pulumi.Output[str]) -> dict[str, pulumi.Output[str]]:
        checked = self._checked
        return {
            log: log_group(
                self,
                f"{name}-logs-{log}",
                checked["log_retention_days"],
                name=pulumi.Output.concat(path, log),
                kms_key_arn=self.kms_key_arn,
                tags=checked["tags"],
            ).name
            for log in ("engine-log", "slow-log")
        }

    def _parameter_group(self, name: str) -> aws.elasticache.ParameterGroup:
        checked = self._checked
        return aws.elasticache.ParameterGroup(
            f"{name}-parameters",
            description=f"Parameters of {name}",
            # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html: valkey7, valkey8, valkey9, redis7
            family=f"{checked['engine']}{_major(checked)}",
            parameters=[{"name": parameter, "value": value} for parameter, value in sorted(checked["parameters"].items())],
            tags=checked["tags"],
            opts=self.child(),
        )

    def _alarms(self, name: str, group: aws.elasticache.ReplicationGroup) -> None:
        """Alarms on processor and memory of each node; none without topics."""
        checked = self._checked
        # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.WhichShouldIMonitor.html
        metrics = [("cpu", "EngineCPUUtilization", 90), ("memory", "DatabaseMemoryUsagePercentage", 80)]
        nodes = [f"{number:03}" for number in range(1, checked["replicas"] + 2)] if checked["alarm_topic_arns"] else []
        for node, (suffix, metric, percent) in itertools.product(nodes, metrics):
            alarm(
                self,
                f"{name}-{suffix}-{node}",
                f"{metric} of node {node} of cache {name} above {percent} percent for a quarter of an hour",
                Metric("AWS/ElastiCache", metric, {"CacheClusterId": pulumi.Output.concat(group.id, "-", node), "CacheNodeId": "0001"}),
                percent,
                **SUSTAINED,
                actions=checked["alarm_topic_arns"],
                tags=checked["tags"],
            )

    def _create_serverless(self, name: str, limits: InMemoryCacheServerlessArgs) -> None:
        checked = self._checked
        self._key([])
        access = Access(self, _stack_unique(name), checked)
        # In transit it is always encrypted.
        snapshot = checked.get("restore_from_snapshot")
        cache = aws.elasticache.ServerlessCache(
            f"{name}-cache",
            snapshot_arns_to_restores=None if snapshot is None else [snapshot],
            major_engine_version=_major(checked),
            cache_usage_limits={
                "data_storage": {"maximum": limits["max_storage_gb"], "unit": "GB"},
                "ecpu_per_seconds": [{"maximum": limits["max_ecpu_per_second"]}],
            },
            subnet_ids=list(checked["subnet_ids_by_zone"].values()),
            user_group_id=access.user_group_id,
            daily_snapshot_time=checked["snapshot_window"].split("-")[0] if checked["snapshot_retention_days"] else None,
            **self._cache_inputs(name),
        )
        self.primary_endpoint = cache.endpoints.apply(lambda endpoints: endpoints[0].address)
        self.reader_endpoint = cache.reader_endpoints.apply(lambda endpoints: endpoints[0].address)
        self.port = cache.endpoints.apply(lambda endpoints: endpoints[0].port)
        self.reader_port = cache.reader_endpoints.apply(lambda endpoints: endpoints[0].port)
        self.replication_group_id, self.arn = cache.name, cache.arn
        self.log_group_names = pulumi.Output.from_input([])
        self._set_access_outputs(access, cache)

    def _cache_inputs(self, name: str) -> dict[str, Any]:
        checked, description = self._checked, self._checked.get("description")
        return {
            "description": f"Cache {name}" if description is None else description,
            "engine": checked["engine"],
            "security_group_ids": checked["security_group_ids"],
            "kms_key_id": self.kms_key_arn,
            "snapshot_retention_limit": checked["snapshot_retention_days"],
            "tags": {"Name": name, **checked["tags"]},
            # AWS has no deletion protection for caches; Pulumi's also stops a replacement, which another snapshot would be.
            "opts": self.child(protect=checked["deletion_protection"], ignore_changes=["snapshotArnsToRestores", "snapshotName"]),
        }

    def _key(self, statements: Sequence[Statement], retain: bool | None = None) -> pulumi.Output[str]:
        name, tags, key_arn = self.pulumi_resource_name, self._checked["tags"], self._checked.get("kms_key_arn")
        if key_arn is None:
            key_arn = create_key(self, f"{name}-key", f"Cache {name}", statements, tags=tags, retain_on_delete=retain)
        self.kms_key_arn = pulumi.Output.from_input(key_arn)
        return self.kms_key_arn

    def _set_access_outputs(self, access: Access, cache: aws.elasticache.ReplicationGroup | aws.elasticache.ServerlessCache) -> None:
        self.user_name = access.user_name
        secret_arn = access.secret(cache, self.primary_endpoint, self.port, self.kms_key_arn)
        self.secret_arn = pulumi.Output.from_input(secret_arn)
        if secret_arn is not None and access.rotated:
            name, topics, tags = self.pulumi_resource_name, self._checked["alarm_topic_arns"], self._checked["tags"]
            notify_on_failed_rotation(self, f"{name}-rotation-failed", secret_arn, topics, tags)
        self.connect_arns = pulumi.Output.all(*([cache.arn, access.user_arn] if access.by_iam else []))


def _notification_topic(checked: InMemoryCacheArgs) -> pulumi.Input[str] | None:
    """The topic of the cache's events: AWS takes one."""
    given = checked.get("notification_topic_arn")
    if isinstance(given, str) and not given:
        return None
    return next(iter(checked["alarm_topic_arns"]), None) if given is None else given


def _engine_version(checked: InMemoryCacheArgs) -> str:
    version = checked.get("engine_version")
    return {"valkey": "8.1", "redis": "7.1"}[checked["engine"]] if version is None else version


def _major(checked: InMemoryCacheArgs) -> str:
    return _engine_version(checked).split(".")[0]


def _stack_unique(name: str) -> str:
    """The name with a suffix of project and stack: users of two stacks in one account must differ, and AWS invents no ids."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    return f"{name}-{hashlib.sha256(stack.encode()).hexdigest()[:7]}"


def _problems(name: str, checked: InMemoryCacheArgs) -> Iterator[Problem]:
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
