"""RDS instances: the database itself, and its replica in another region."""

from typing import Any

import pulumi_aws as aws

from cloudpatterns.database.relational_database.foundation import Foundation


def database_instance(foundation: Foundation) -> aws.rds.Instance:
    """The database, with its parameter group."""
    checked = foundation.checked
    return aws.rds.Instance(
        f"{foundation.name}-instance",
        allocated_storage=checked.get("allocated_storage_gib"),
        multi_az=checked["multi_az"],
        db_name=checked.get("database_name"),
        username=checked["master_username"],
        backup_window=checked["backup_window"],
        **_inputs(foundation),
        **foundation.source_inputs("password_wo"),
    )


def replica_instance(foundation: Foundation, source: aws.rds.Instance) -> aws.rds.Instance:
    """A read replica of ``source`` in the foundation's region."""
    return aws.rds.Instance(
        foundation.name,
        replicate_source_db=source.arn,
        # RDS refuses a final snapshot of a replica; the data is the source's.
        skip_final_snapshot=True,
        **_inputs(foundation),
    )


def _inputs(foundation: Foundation) -> dict[str, Any]:
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
