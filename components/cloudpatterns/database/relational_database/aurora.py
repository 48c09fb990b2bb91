"""An Aurora cluster with an instance per zone."""

from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component
from cloudpatterns.database.relational_database.engines import Engine
from cloudpatterns.database.relational_database.foundation import Foundation, Made, insights, log_kinds, make_alarms
from cloudpatterns.database.relational_database.instance import first_secret, own_password_secret, parameters

__all__ = ["make_cluster"]


def make_cluster(component: Component, name: str, engine: Engine, foundation: Foundation, checked: Any) -> Made:
    """The cluster, its parameter group, instances, secret and alarms."""
    group = aws.rds.ClusterParameterGroup(
        f"{name}-parameters",
        description=f"Parameters of {name}",
        family=engine.family(checked["engine_version"]),
        parameters=[{"name": key, "value": value, "apply_method": method} for key, value, method in parameters(engine, checked)],
        tags=checked["tags"],
        opts=component.child(),
    )
    password = checked["password"]
    credentials = (
        {"master_password_wo": pulumi.Output.secret(password["value"]), "master_password_wo_version": password["version"]}
        if password
        else {"manage_master_user_password": True, "master_user_secret_kms_key_id": foundation.kms_key_arn}
    )
    serverless = checked["instance_class"] == "db.serverless"
    smallest = 0.5 if checked["min_capacity_units"] is None else checked["min_capacity_units"]
    watched = insights(engine, checked["instance_class"], checked, foundation.kms_key_arn)
    cluster = aws.rds.Cluster(
        f"{name}-cluster",
        cluster_identifier=foundation.identifier,
        engine=engine.name,
        engine_version=checked["engine_version"],
        # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/extended-support.html: the default is the paid one.
        engine_lifecycle_support="open-source-rds-extended-support-disabled",
        allow_major_version_upgrade=checked["allow_major_version_upgrade"],
        serverlessv2_scaling_configuration=(
            {"min_capacity": smallest, "max_capacity": checked["max_capacity_units"]} if serverless else None
        ),
        storage_encrypted=True,
        kms_key_id=foundation.kms_key_arn,
        db_subnet_group_name=foundation.subnet_group.name,
        vpc_security_group_ids=checked["security_group_ids"],
        network_type="DUAL" if checked["dual_stack"] else "IPV4",
        database_name=checked["database_name"],
        master_username=checked["master_username"],
        port=engine.port,
        db_cluster_parameter_group_name=group.name,
        iam_database_authentication_enabled=True,
        apply_immediately=checked["apply_immediately"],
        backup_retention_period=checked["backup_retention_days"],
        preferred_backup_window=checked["backup_window"],
        preferred_maintenance_window=checked["maintenance_window"],
        deletion_protection=checked["deletion_protection"],
        final_snapshot_identifier=foundation.final_snapshot_identifier,
        skip_final_snapshot=checked["skip_final_snapshot"],
        copy_tags_to_snapshot=True,
        delete_automated_backups=False,
        enabled_cloudwatch_logs_exports=log_kinds(engine, checked),
        database_insights_mode=checked["database_insights_mode"],
        **watched,
        tags={"Name": name, **checked["tags"]},
        **credentials,
        # The name is fixed, so a replacement cannot stand beside the old cluster. AWS adds zones of its own choice to the cluster's.
        opts=component.child(protect=checked["deletion_protection"], delete_before_replace=True, ignore_changes=["availabilityZones"]),
    )
    instances = _instances(component, name, engine, foundation, checked, cluster, watched)
    # Given out once the instances answer: a cluster without one has an address and nobody there.
    ready = [instance.id for instance in instances]
    address = pulumi.Output.all(cluster.endpoint, *ready).apply(lambda values: values[0])
    reader_address = pulumi.Output.all(cluster.reader_endpoint, *ready).apply(lambda values: values[0])
    if password:
        secret_arn = own_password_secret(component, name, engine, foundation, checked, address, cluster, "dbClusterIdentifier")
    else:
        secret_arn = cluster.master_user_secrets.apply(first_secret)
    make_alarms(component, name, checked, {"DBClusterIdentifier": cluster.cluster_identifier})
    return Made(
        pulumi.Output.concat(address, ":", cluster.port.apply(str)),
        address,
        reader_address,
        cluster.port,
        secret_arn,
        cluster.cluster_identifier,
        cluster.arn,
        cluster.cluster_resource_id,
    )


def _instances(
    component: Component,
    name: str,
    engine: Engine,
    foundation: Foundation,
    checked: Any,
    cluster: aws.rds.Cluster,
    watched: dict[str, Any],
) -> list[aws.rds.ClusterInstance]:
    zones = sorted(checked["subnet_ids_by_zone"])
    return [
        aws.rds.ClusterInstance(
            f"{name}-{zone}",
            cluster_identifier=cluster.id,
            engine=aws.rds.EngineType(engine.name),
            instance_class=checked["instance_class"],
            availability_zone=zone,
            db_subnet_group_name=foundation.subnet_group.name,
            publicly_accessible=False,
            ca_cert_identifier=checked["ca_certificate"],
            auto_minor_version_upgrade=True,
            apply_immediately=checked["apply_immediately"],
            copy_tags_to_snapshot=True,
            monitoring_interval=checked["monitoring_interval_seconds"],
            monitoring_role_arn=foundation.monitoring_role_arn,
            **watched,
            tags={"Name": f"{name}-{zone}", **checked["tags"]},
            opts=component.child(),
        )
        for zone in zones[: 2 if checked["multi_az"] else 1]
    ]
