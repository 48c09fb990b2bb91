"""The two forms of a cache: nodes in a replication group, and serverless."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric
from cloudpatterns.core import Component
from cloudpatterns.database._shared import final_snapshot, sustained_alarm
from cloudpatterns.database.in_memory_cache.access import Access
from cloudpatterns.database.in_memory_cache.arguments import InMemoryCacheArgs, InMemoryCacheServerlessArgs

PORT = 6379
LOGS = ("engine-log", "slow-log")


def replication_group(
    component: Component,
    checked: InMemoryCacheArgs,
    *,
    subnet_group: aws.elasticache.SubnetGroup,
    unique: pulumi.Output[str],
    access: Access,
    kms_key_arn: pulumi.Input[str],
    log_groups: Sequence[aws.cloudwatch.LogGroup],
) -> aws.elasticache.ReplicationGroup:
    """A primary node and its replicas, with parameters."""
    replicated = checked["replicas"] > 0
    snapshot = final_snapshot(checked["skip_final_snapshot"], checked.get("final_snapshot_identifier"), unique, kms_key_arn)
    return aws.elasticache.ReplicationGroup(
        f"{component.pulumi_resource_name}-cache",
        engine_version=_engine_version(checked),
        node_type=checked.get("node_type"),
        num_cache_clusters=checked["replicas"] + 1,
        # Failover needs a replica, Multi-AZ needs failover.
        automatic_failover_enabled=replicated,
        multi_az_enabled=replicated,
        port=PORT,
        subnet_group_name=subnet_group.name,
        parameter_group_name=_parameter_group(component, checked).name,
        at_rest_encryption_enabled=True,
        transit_encryption_enabled=True,
        transit_encryption_mode="required",
        snapshot_window=checked["snapshot_window"],
        maintenance_window=checked["maintenance_window"],
        # Without a name there is no final snapshot.
        final_snapshot_identifier=snapshot,
        auto_minor_version_upgrade=checked["auto_minor_version_upgrade"],
        # https://github.com/hashicorp/terraform-provider-aws/issues/18737, https://github.com/hashicorp/terraform-provider-aws/issues/24244
        apply_immediately=checked["apply_immediately"],
        notification_topic_arn=checked.get("notification_topic_arn"),
        log_delivery_configurations=[
            {"destination": group.name, "destination_type": "cloudwatch-logs", "log_format": "json", "log_type": kind}
            for group, kind in zip(log_groups, LOGS, strict=True)
        ],
        **access.replication_group_inputs(),
        **_cache_inputs(component, checked, kms_key_arn),
    )


def node_alarms(component: Component, checked: InMemoryCacheArgs, group: aws.elasticache.ReplicationGroup) -> None:
    """Alarms on processor and memory of each node; none without topics."""
    if not checked["alarm_topic_arns"]:
        return
    name = component.pulumi_resource_name
    # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.WhichShouldIMonitor.html
    metrics = {"cpu": ("EngineCPUUtilization", 90), "memory": ("DatabaseMemoryUsagePercentage", 80)}
    for node in (f"{number:03}" for number in range(1, checked["replicas"] + 2)):
        dimensions = {"CacheClusterId": pulumi.Output.concat(group.id, "-", node), "CacheNodeId": "0001"}
        for suffix, (metric, threshold) in metrics.items():
            sustained_alarm(
                component,
                f"{name}-{suffix}-{node}",
                f"{metric} of node {node} of cache {name} above {threshold} percent",
                Metric("AWS/ElastiCache", metric, dimensions),
                threshold,
                topic_arns=checked["alarm_topic_arns"],
                tags=checked["tags"],
            )


def serverless_cache(
    component: Component,
    checked: InMemoryCacheArgs,
    limits: InMemoryCacheServerlessArgs,
    *,
    access: Access,
    kms_key_arn: pulumi.Input[str],
) -> aws.elasticache.ServerlessCache:
    """A serverless cache with limits on what it may cost; in transit it is always encrypted."""
    return aws.elasticache.ServerlessCache(
        f"{component.pulumi_resource_name}-cache",
        major_engine_version=_major(checked),
        cache_usage_limits={
            "data_storage": {"maximum": limits["max_storage_gb"], "unit": "GB"},
            "ecpu_per_seconds": [{"maximum": limits["max_ecpu_per_second"]}],
        },
        subnet_ids=list(checked["subnet_ids_by_zone"].values()),
        user_group_id=access.user_group_id,
        daily_snapshot_time=checked["snapshot_window"].split("-")[0] if checked["snapshot_retention_days"] else None,
        **_cache_inputs(component, checked, kms_key_arn),
    )


def _cache_inputs(component: Component, checked: InMemoryCacheArgs, kms_key_arn: pulumi.Input[str]) -> dict[str, Any]:
    description, name = checked.get("description"), component.pulumi_resource_name
    return {
        "description": f"Cache {name}" if description is None else description,
        "engine": checked["engine"],
        "security_group_ids": checked["security_group_ids"],
        "kms_key_id": kms_key_arn,
        "snapshot_retention_limit": checked["snapshot_retention_days"],
        "tags": {"Name": name, **checked["tags"]},
        # AWS has no deletion protection for caches; Pulumi's also stops a replacement.
        "opts": component.child(protect=checked["deletion_protection"]),
    }


def _parameter_group(component: Component, checked: InMemoryCacheArgs) -> aws.elasticache.ParameterGroup:
    name = component.pulumi_resource_name
    return aws.elasticache.ParameterGroup(
        f"{name}-parameters",
        description=f"Parameters of {name}",
        # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html: valkey7, valkey8, valkey9, redis7
        family=f"{checked['engine']}{_major(checked)}",
        parameters=[{"name": parameter, "value": value} for parameter, value in sorted(checked["parameters"].items())],
        tags=checked["tags"],
        opts=component.child(),
    )


def _engine_version(checked: InMemoryCacheArgs) -> str:
    version = checked.get("engine_version")
    return {"valkey": "8.1", "redis": "7.1"}[checked["engine"]] if version is None else version


def _major(checked: InMemoryCacheArgs) -> str:
    return _engine_version(checked).split(".")[0]
