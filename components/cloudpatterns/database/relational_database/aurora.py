"""An Aurora cluster with an instance per zone."""

import pulumi_aws as aws

from cloudpatterns.database.relational_database.foundation import Foundation


def aurora_cluster(foundation: Foundation) -> aws.rds.Cluster:
    """The cluster, with its parameter group."""
    checked, name = foundation.checked, foundation.name
    group = aws.rds.ClusterParameterGroup(f"{name}-parameters", **foundation.parameter_group_inputs())
    capacity: aws.rds.ClusterServerlessv2ScalingConfigurationArgsDict | None = None
    if foundation.instance_class == "db.serverless":
        capacity = {"min_capacity": checked["min_capacity_units"], "max_capacity": checked["max_capacity_units"]}
    return aws.rds.Cluster(
        f"{name}-cluster",
        cluster_identifier=foundation.identifier,
        serverlessv2_scaling_configuration=capacity,
        database_name=checked.get("database_name"),
        master_username=checked["master_username"],
        db_cluster_parameter_group_name=group.name,
        preferred_backup_window=checked["backup_window"],
        preferred_maintenance_window=checked["maintenance_window"],
        **foundation.storage_inputs(),
        **foundation.source_inputs("master_password_wo"),
        # The name is fixed, so a replacement cannot stand beside the old cluster. AWS adds zones of its own choice to the cluster's.
        opts=foundation.component.child(
            protect=checked["deletion_protection"], delete_before_replace=True, ignore_changes=["availabilityZones"]
        ),
    )


def aurora_instances(foundation: Foundation, cluster: aws.rds.Cluster) -> list[aws.rds.ClusterInstance]:
    """An instance of the cluster in the first zone, or in each of the first two."""
    checked = foundation.checked
    return [
        aws.rds.ClusterInstance(
            f"{foundation.name}-{zone}",
            cluster_identifier=cluster.id,
            engine=aws.rds.EngineType(foundation.engine.name),
            instance_class=foundation.instance_class,
            availability_zone=zone,
            db_subnet_group_name=foundation.subnet_group.name,
            apply_immediately=checked["apply_immediately"],
            copy_tags_to_snapshot=True,
            **foundation.server_inputs(),
            **foundation.insights_inputs(),
            tags={"Name": f"{foundation.name}-{zone}", **checked["tags"]},
            opts=foundation.component.child(),
        )
        for zone in sorted(checked["subnet_ids_by_zone"])[: 2 if checked["multi_az"] else 1]
    ]
