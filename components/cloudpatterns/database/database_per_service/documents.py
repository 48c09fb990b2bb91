"""A DocumentDB cluster: encrypted, audited, over TLS alone."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, log_group
from cloudpatterns.core import Component, after
from cloudpatterns.database._shared import SUSTAINED, final_snapshot, notify_on_failed_rotation, unique_name
from cloudpatterns.database.database_per_service.arguments import DatabasePerServiceArgs, DatabasePerServiceDocumentsArgs
from cloudpatterns.database.relational_database.upgrades import refuse_unasked

PORT = 27017
_FEWEST_FREE_BYTES = 256 * 1024 * 1024


class MadeDocuments(NamedTuple):
    """A cluster: its address, available after its instances, its ARN, and the secret of its master user."""

    address: pulumi.Output[str]
    arn: pulumi.Output[str]
    secret_arn: pulumi.Output[str]


def create_documents(
    component: Component,
    name: str,
    checked: DatabasePerServiceArgs,
    options: DatabasePerServiceDocumentsArgs,
    *,
    subnet_ids_by_zone: Mapping[str, pulumi.Input[str]],
    kms_key_arn: pulumi.Input[str],
    group_id: pulumi.Input[str],
    tags: Mapping[str, pulumi.Input[str]],
) -> MadeDocuments:
    """A cluster with an instance in each zone in turn."""
    subnets = aws.docdb.SubnetGroup(
        f"{name}-subnets",
        description=f"Data subnets of {name}",
        subnet_ids=list(subnet_ids_by_zone.values()),
        tags=tags,
        opts=component.child(),
    )
    identifier = unique_name(subnets.name, f"{name}-subnets", name)
    audit = log_group(
        component,
        f"{name}-logs-audit",
        checked["log_retention_days"],
        name=pulumi.Output.concat("/aws/docdb/", identifier, "/audit"),
        kms_key_arn=kms_key_arn,
        tags=tags,
    )
    cluster = aws.docdb.Cluster(
        f"{name}-cluster",
        cluster_identifier=after(identifier, audit),
        engine_version=options["engine_version"],
        allow_major_version_upgrade=options["allow_major_version_upgrade"],
        apply_immediately=options["apply_immediately"],
        master_username="dbadmin",
        manage_master_user_password=True,
        db_subnet_group_name=subnets.name,
        db_cluster_parameter_group_name=_parameters(component, name, options, tags).name,
        vpc_security_group_ids=[group_id],
        port=PORT,
        storage_encrypted=True,
        kms_key_id=kms_key_arn,
        enabled_cloudwatch_logs_exports=["audit"],
        backup_retention_period=options["backup_retention_days"],
        deletion_protection=options["deletion_protection"],
        skip_final_snapshot=False,
        final_snapshot_identifier=final_snapshot(False, None, identifier, kms_key_arn),
        tags=tags,
        opts=component.child(
            protect=options["deletion_protection"],
            delete_before_replace=True,
            # AWS adds zones of its own choice.
            ignore_changes=["availabilityZones"],
            hooks=refuse_unasked(f"{name}-cluster", _family, allowed=options["allow_major_version_upgrade"]),
        ),
    )
    instances = _instances(component, name, cluster, options, sorted(subnet_ids_by_zone), tags)
    secret_arn = cluster.master_user_secrets.apply(_secret)
    _report(component, name, cluster, secret_arn, checked["alarm_topic_arns"], tags)
    return MadeDocuments(after(cluster.endpoint, *instances), cluster.arn, secret_arn)


def _instances(
    component: Component,
    name: str,
    cluster: aws.docdb.Cluster,
    options: DatabasePerServiceDocumentsArgs,
    zones: Sequence[str],
    tags: Mapping[str, pulumi.Input[str]],
) -> list[aws.docdb.ClusterInstance]:
    return [
        aws.docdb.ClusterInstance(
            f"{name}-{number}",
            cluster_identifier=cluster.id,
            instance_class=options["instance_class"],
            availability_zone=zones[(number - 1) % len(zones)],
            ca_cert_identifier="rds-ca-rsa2048-g1",
            apply_immediately=options["apply_immediately"],
            copy_tags_to_snapshot=True,
            tags=tags,
            opts=component.child(),
        )
        for number in range(1, options["instance_count"] + 1)
    ]


def _secret(secrets: Sequence[Any]) -> str:
    return (secrets[0].secret_arn if secrets else None) or ""


def _family(version: str) -> str:
    return f"docdb{'.'.join(version.split('.')[:2])}"


def _parameters(
    component: Component, name: str, options: DatabasePerServiceDocumentsArgs, tags: Mapping[str, pulumi.Input[str]]
) -> aws.docdb.ClusterParameterGroup:
    return aws.docdb.ClusterParameterGroup(
        f"{name}-parameters",
        family=_family(options["engine_version"]),
        description=f"Parameters of {name}",
        # Without it, the exported audit log stays empty. TLS is on unless a parameter turns it off.
        parameters=[{"name": "audit_logs", "value": "enabled", "apply_method": "pending-reboot"}],
        tags=tags,
        opts=component.child(),
    )


def _report(
    component: Component,
    name: str,
    cluster: aws.docdb.Cluster,
    secret_arn: pulumi.Output[str],
    topics: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    if topics:
        alarm(
            component,
            f"{name}-memory",
            f"{name} has less than 256 MiB of free memory, or reports nothing",
            Metric("AWS/DocDB", "FreeableMemory", {"DBClusterIdentifier": cluster.cluster_identifier}, "Minimum"),
            _FEWEST_FREE_BYTES,
            comparison="LessThanThreshold",
            actions=topics,
            tags=tags,
            **SUSTAINED,
        )
    notify_on_failed_rotation(component, f"{name}-rotation-failed", secret_arn, topics, tags)
