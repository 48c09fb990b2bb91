"""A relational database with a standby in a second zone.

Pattern: "Database Replication" (Cloud Design Patterns for AWS), and the data tier of an N-tier architecture.
"""

import functools
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, after
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseArgs
from cloudpatterns.database.relational_database.foundation import Foundation
from cloudpatterns.database.relational_database.rules import child_names, problems


class RelationalDatabase(Component):
    """A private, encrypted and deletion-protected database on RDS or Aurora (Cloud Design Patterns for AWS, "Database Replication").

    Creates an RDS instance (MySQL, PostgreSQL) with a Multi-AZ standby, or an Aurora cluster with an instance in each of two zones, that
    accepts TLS connections alone, with backups, log groups, Enhanced Monitoring, a master password in Secrets Manager and, where asked for,
    alarms and a replica in another region. A replacement deletes the database first: deletion protection refuses it; without, only the
    final snapshot keeps the data.

    **Use when**: data is relational, transactions matter, and one writer of the largest instance class is enough.

    **Not when**: access by key alone is enough, or writes must scale over several servers.

    **Cost drivers**: the instance class, twice with ``multi_az``; storage and backups; a replica with its traffic between regions; advanced
    Database Insights.

    **Trade-offs**: a failover to the standby breaks connections for a minute or two. A password that RDS manages excludes ``replica``;
    one that the caller gives needs a rotation function. The standby of an RDS instance serves no reads.

    **Proven by**: controls ``rds-private``, ``rds-encrypted``, ``rds-tls-required``, ``rds-password-not-in-state``, ``rds-backups``,
    ``rds-deletion-protection``, ``rds-instance-multi-az``, ``rds-cluster-multi-az``, ``rds-iam-authentication``, ``rds-logs-exported``,
    ``secret-rotated``; ``test_relational_database.py`` and ``test_relational_database_arguments.py``.
    """

    endpoint: pulumi.Output[str]
    """Address and port of the writer, ``host:port``."""
    address: pulumi.Output[str]
    """Host name of the writer."""
    reader_address: pulumi.Output[str]
    """Host name for reads: Aurora's reader endpoint; for RDS, whose standby takes no connections, the writer's."""
    port: pulumi.Output[int]
    """Port, 3306 or 5432."""
    secret_arn: pulumi.Output[str]
    """ARN of the secret with user name and password of the master user."""
    instance_id: pulumi.Output[str]
    """Identifier of the instance, or of the Aurora cluster."""
    instance_arn: pulumi.Output[str]
    """ARN of the instance, or of the Aurora cluster."""
    resource_id: pulumi.Output[str]
    """The id that IAM policies name a database by (``rds-db:connect`` on ``...:dbuser:<resource id>/<user>``)."""
    kms_key_arn: pulumi.Output[str]
    """ARN of the key that encrypts it."""
    log_group_names: pulumi.Output[list[str]]
    """Log groups, one per exported log."""
    replica_endpoints: pulumi.Output[list[str]]
    """Endpoint of the replica in the other region; empty without one."""

    def __init__(self, name: str, args: RelationalDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=functools.partial(problems, name), names=child_names)
        foundation = Foundation(self, name, checked)
        self.kms_key_arn = pulumi.Output.from_input(foundation.kms_key_arn)
        self.log_group_names = pulumi.Output.all(*[group.name for group in foundation.log_groups])
        self.replica_endpoints = pulumi.Output.from_input([])
        if foundation.engine.aurora:
            self._create_cluster(foundation)
        else:
            self._create_instances(foundation)
        self.register()

    def _create_cluster(self, foundation: Foundation) -> None:
        checked, name = foundation.checked, foundation.name
        group = aws.rds.ClusterParameterGroup(f"{name}-parameters", **foundation.parameter_group_inputs())
        capacity: aws.rds.ClusterServerlessv2ScalingConfigurationArgsDict | None = None
        if foundation.instance_class == "db.serverless":
            capacity = {"min_capacity": checked["min_capacity_units"], "max_capacity": checked["max_capacity_units"]}
        cluster = aws.rds.Cluster(
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
            opts=self.child(protect=checked["deletion_protection"], delete_before_replace=True, ignore_changes=["availabilityZones"]),
        )
        instances = [
            aws.rds.ClusterInstance(
                f"{name}-{zone}",
                cluster_identifier=cluster.id,
                engine=aws.rds.EngineType(foundation.engine.name),
                instance_class=foundation.instance_class,
                availability_zone=zone,
                db_subnet_group_name=foundation.subnet_group.name,
                apply_immediately=checked["apply_immediately"],
                copy_tags_to_snapshot=True,
                **foundation.server_inputs(),
                **foundation.insights_inputs(),
                tags={"Name": f"{name}-{zone}", **checked["tags"]},
                opts=self.child(),
            )
            for zone in sorted(checked["subnet_ids_by_zone"])[: 2 if checked["multi_az"] else 1]
        ]
        # A cluster without an instance has an address where nothing answers.
        self.address = after(cluster.endpoint, *instances)
        self.reader_address = after(cluster.reader_endpoint, *instances)
        self.port = cluster.port
        self.endpoint = pulumi.Output.concat(self.address, ":", cluster.port.apply(str))
        self.instance_id, self.instance_arn, self.resource_id = cluster.cluster_identifier, cluster.arn, cluster.cluster_resource_id
        self.secret_arn = foundation.secret(cluster, self.address)
        foundation.alarms({"DBClusterIdentifier": cluster.cluster_identifier})

    def _create_instances(self, foundation: Foundation) -> None:
        checked, name = foundation.checked, foundation.name
        instance = aws.rds.Instance(
            f"{name}-instance",
            allocated_storage=checked.get("allocated_storage_gib"),
            multi_az=checked["multi_az"],
            db_name=checked.get("database_name"),
            username=checked["master_username"],
            backup_window=checked["backup_window"],
            **_instance_inputs(foundation),
            **foundation.source_inputs("password_wo"),
        )
        self.address = self.reader_address = instance.address
        self.port, self.endpoint = instance.port, instance.endpoint
        self.instance_id, self.instance_arn, self.resource_id = instance.identifier, instance.arn, instance.resource_id
        self.secret_arn = foundation.secret(instance, instance.address)
        foundation.alarms({"DBInstanceIdentifier": instance.identifier})
        if checked.get("replica") is not None:
            replica = aws.rds.Instance(
                f"{name}-replica",
                replicate_source_db=instance.arn,
                # RDS refuses a final snapshot of a replica; the data is the source's.
                skip_final_snapshot=True,
                **_instance_inputs(Foundation(self, f"{name}-replica", checked, source=foundation)),
            )
            self.replica_endpoints = pulumi.Output.all(replica.endpoint)


def _instance_inputs(foundation: Foundation) -> dict[str, Any]:
    """Inputs of an RDS instance and of its replica in another region."""
    checked = foundation.checked
    group = aws.rds.ParameterGroup(f"{foundation.name}-parameters", **foundation.parameter_group_inputs())
    return {
        "identifier": foundation.identifier,
        "instance_class": foundation.instance_class,
        # gp3 takes neither IOPS nor throughput below 400 GiB; above, it keeps its baseline.
        "storage_type": "gp3",
        "max_allocated_storage": checked.get("max_allocated_storage_gib"),
        "parameter_group_name": group.name,
        "maintenance_window": checked["maintenance_window"],
        **foundation.storage_inputs(),
        **foundation.server_inputs(),
        # The name is fixed, so a replacement cannot stand beside the old instance.
        "opts": foundation.component.child(protect=checked["deletion_protection"], delete_before_replace=True),
    }
