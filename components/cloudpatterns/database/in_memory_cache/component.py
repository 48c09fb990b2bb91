"""A cache in memory beside the database.

Pattern: "In-Memory Cache" (Cloud Design Patterns for AWS).
"""

import functools
import hashlib
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import create_key, logs_statement
from cloudpatterns.core import Component, Statement
from cloudpatterns.database._shared import log_groups, unique_name
from cloudpatterns.database.in_memory_cache.access import Access
from cloudpatterns.database.in_memory_cache.arguments import InMemoryCacheArgs, InMemoryCacheServerlessArgs
from cloudpatterns.database.in_memory_cache.nodes import LOGS, PORT, node_alarms, replication_group, serverless_cache
from cloudpatterns.database.in_memory_cache.rules import problems


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
        checked = self.begin(name, args, opts, problems=functools.partial(problems, name), names={"default": 40})
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
        groups = log_groups(
            self,
            f"{name}-logs",
            pulumi.Output.concat("/aws/elasticache/", unique),
            LOGS,
            retention_days=checked["log_retention_days"],
            kms_key_arn=kms_key_arn,
            tags=checked["tags"],
        )
        group = replication_group(
            self, checked, subnet_group=subnet_group, unique=unique, access=access, kms_key_arn=kms_key_arn, log_groups=groups
        )
        node_alarms(self, checked, group)
        self.primary_endpoint, self.reader_endpoint = group.primary_endpoint_address, group.reader_endpoint_address
        self.port = self.reader_port = pulumi.Output.from_input(PORT)
        self.replication_group_id, self.arn = group.id, group.arn
        self.log_group_names = pulumi.Output.all(*[log_group.name for log_group in groups])
        self._set_access_outputs(access, group)

    def _create_serverless(self, name: str, limits: InMemoryCacheServerlessArgs) -> None:
        kms_key_arn = self._key([])
        access = Access(self, _stack_unique(name), self._checked)
        cache = serverless_cache(self, self._checked, limits, access=access, kms_key_arn=kms_key_arn)
        self.primary_endpoint = cache.endpoints.apply(lambda endpoints: endpoints[0].address)
        self.reader_endpoint = cache.reader_endpoints.apply(lambda endpoints: endpoints[0].address)
        self.port = cache.endpoints.apply(lambda endpoints: endpoints[0].port)
        self.reader_port = cache.reader_endpoints.apply(lambda endpoints: endpoints[0].port)
        self.replication_group_id, self.arn = cache.name, cache.arn
        self.log_group_names = pulumi.Output.from_input([])
        self._set_access_outputs(access, cache)

    def _key(self, statements: Sequence[Statement], retain: bool | None = None) -> pulumi.Output[str]:
        name, tags, key_arn = self.pulumi_resource_name, self._checked["tags"], self._checked.get("kms_key_arn")
        if key_arn is None:
            key_arn = create_key(self, f"{name}-key", f"Cache {name}", statements, tags=tags, retain_on_delete=retain).arn
        self.kms_key_arn = pulumi.Output.from_input(key_arn)
        return self.kms_key_arn

    def _set_access_outputs(self, access: Access, cache: aws.elasticache.ReplicationGroup | aws.elasticache.ServerlessCache) -> None:
        self.user_name = access.user_name
        self.secret_arn = pulumi.Output.from_input(access.secret(cache, self.primary_endpoint, self.port, self.kms_key_arn))
        self.connect_arns = pulumi.Output.all(*([cache.arn, access.user_arn] if access.by_iam else []))


def _stack_unique(name: str) -> str:
    """The name with a suffix of project and stack: users of two stacks in one account must differ, and AWS invents no ids."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    return f"{name}-{hashlib.sha256(stack.encode()).hexdigest()[:7]}"
