"""The two forms of a cache: nodes in a replication group, and serverless."""

from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component
from cloudpatterns.database._shared import digest, log_groups
from cloudpatterns.database.in_memory_cache.access import Access

__all__ = ["Cache", "make_nodes", "make_serverless"]

PORT = 6379
_LOGS = ("engine-log", "slow-log")


class Cache(NamedTuple):
    """What there is to know about a cache that was made."""

    resource: pulumi.CustomResource
    primary: pulumi.Output[str]
    reader: pulumi.Output[str]
    port: pulumi.Output[int]
    reader_port: pulumi.Output[int]
    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    log_group_names: list[pulumi.Output[str]]


def make_nodes(
    component: Component,
    name: str,
    checked: Any,
    *,
    subnet_group: aws.elasticache.SubnetGroup,
    unique: pulumi.Output[str],
    access: Access,
    kms_key_arn: pulumi.Input[str],
) -> Cache:
    """A replication group of a primary and its replicas, with parameters, log groups and alarms."""
    parameters = aws.elasticache.ParameterGroup(
        f"{name}-parameters",
        description=f"Parameters of {name}",
        # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html: valkey7, valkey8, valkey9, redis7
        family=f"{checked['engine']}{checked['engine_version'].split('.')[0]}",
        parameters=[{"name": key, "value": checked["parameters"][key]} for key in sorted(checked["parameters"])],
        tags=checked["tags"],
        opts=component.child(),
    )
    groups = log_groups(
        component,
        f"{name}-logs",
        pulumi.Output.concat("/aws/elasticache/", unique),
        _LOGS,
        retention_days=checked["log_retention_days"],
        kms_key_arn=kms_key_arn,
        tags=checked["tags"],
    )
    replicated = checked["replicas"] > 0
    token = checked["auth_token"]
    credentials: dict[str, Any] = (
        {
            "auth_token_wo": pulumi.Output.secret(token["value"]),
            "auth_token_wo_version": token["version"],
            "auth_token_update_strategy": "ROTATE",
        }
        if token
        else {"user_group_ids": [access.user_group_id]}
    )
    group = aws.elasticache.ReplicationGroup(
        f"{name}-cache",
        description=checked["description"] or f"Cache {name}",
        engine=checked["engine"],
        engine_version=checked["engine_version"],
        node_type=checked["node_type"],
        num_cache_clusters=checked["replicas"] + 1,
        # Failover needs a replica, Multi-AZ needs failover.
        automatic_failover_enabled=replicated,
        multi_az_enabled=replicated,
        port=PORT,
        subnet_group_name=subnet_group.name,
        security_group_ids=checked["security_group_ids"],
        parameter_group_name=parameters.name,
        at_rest_encryption_enabled=True,
        kms_key_id=kms_key_arn,
        transit_encryption_enabled=True,
        transit_encryption_mode="required",
        snapshot_retention_limit=checked["snapshot_retention_days"],
        snapshot_window=checked["snapshot_window"],
        maintenance_window=checked["maintenance_window"],
        # Without a name there is no final snapshot. New for every cache: the suffix is, and the digest is of what replaces it alone.
        final_snapshot_identifier=(
            None
            if checked["skip_final_snapshot"]
            else checked["final_snapshot_identifier"] or pulumi.Output.concat(unique, "-final-", digest(kms_key_arn))
        ),
        auto_minor_version_upgrade=checked["auto_minor_version_upgrade"],
        # https://github.com/hashicorp/terraform-provider-aws/issues/18737, https://github.com/hashicorp/terraform-provider-aws/issues/24244
        apply_immediately=checked["apply_immediately"],
        notification_topic_arn=checked["notification_topic_arn"],
        log_delivery_configurations=[
            {"destination": each.name, "destination_type": "cloudwatch-logs", "log_format": "json", "log_type": kind}
            for each, kind in zip(groups, _LOGS, strict=True)
        ],
        tags={"Name": name, **checked["tags"]},
        # AWS has no deletion protection for caches; Pulumi's also stops a replacement.
        opts=component.child(protect=checked["deletion_protection"]),
        **credentials,
    )
    _alarms(component, name, checked, group)
    return Cache(
        group,
        group.primary_endpoint_address,
        group.reader_endpoint_address,
        pulumi.Output.from_input(PORT),
        pulumi.Output.from_input(PORT),
        group.id,
        group.arn,
        [each.name for each in groups],
    )


def _alarms(component: Component, name: str, checked: Any, group: aws.elasticache.ReplicationGroup) -> None:
    if not checked["alarm_topic_arns"]:
        return
    # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.WhichShouldIMonitor.html
    metrics = {"cpu": ("EngineCPUUtilization", 90), "memory": ("DatabaseMemoryUsagePercentage", 80)}
    for node in range(1, checked["replicas"] + 2):
        for suffix, (metric, threshold) in metrics.items():
            aws.cloudwatch.MetricAlarm(
                f"{name}-{suffix}-{node:03}",
                alarm_description=f"{metric} of node {node:03} of cache {name} above {threshold} percent for a quarter of an hour",
                namespace="AWS/ElastiCache",
                metric_name=metric,
                dimensions={
                    "CacheClusterId": pulumi.Output.concat(group.id, f"-{node:03}"),
                    "CacheNodeId": "0001",
                },
                statistic="Average",
                period=300,
                evaluation_periods=3,
                comparison_operator="GreaterThanThreshold",
                threshold=threshold,
                treat_missing_data="breaching",
                alarm_actions=checked["alarm_topic_arns"],
                ok_actions=checked["alarm_topic_arns"],
                tags=checked["tags"],
                opts=component.child(),
            )


def make_serverless(component: Component, name: str, checked: Any, *, access: Access, kms_key_arn: pulumi.Input[str]) -> Cache:
    """A serverless cache with limits on what it may cost; in transit it is always encrypted."""
    limits = checked["serverless"]
    snapshots = checked["snapshot_retention_days"]
    cache = aws.elasticache.ServerlessCache(
        f"{name}-cache",
        description=checked["description"] or f"Cache {name}",
        engine=checked["engine"],
        major_engine_version=checked["engine_version"].split(".")[0],
        cache_usage_limits={
            "data_storage": {"maximum": limits["max_storage_gb"], "unit": "GB"},
            "ecpu_per_seconds": [{"maximum": limits["max_ecpu_per_second"]}],
        },
        subnet_ids=list(checked["subnet_ids_by_zone"].values()),
        security_group_ids=checked["security_group_ids"],
        kms_key_id=kms_key_arn,
        user_group_id=access.user_group_id,
        snapshot_retention_limit=snapshots,
        daily_snapshot_time=checked["snapshot_window"].split("-")[0] if snapshots else None,
        tags={"Name": name, **checked["tags"]},
        opts=component.child(protect=checked["deletion_protection"]),
    )
    return Cache(
        cache,
        cache.endpoints.apply(lambda endpoints: endpoints[0].address),
        cache.reader_endpoints.apply(lambda endpoints: endpoints[0].address),
        cache.endpoints.apply(lambda endpoints: endpoints[0].port),
        cache.reader_endpoints.apply(lambda endpoints: endpoints[0].port),
        cache.name,
        cache.arn,
        [],
    )
