"""RDS instances: the database itself and its replica in another region."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.key import create_key, logs_statement
from cloudpatterns.core import Component
from cloudpatterns.database._shared import log_groups
from cloudpatterns.database.relational_database.engines import Engine
from cloudpatterns.database.relational_database.foundation import Foundation, Made, insights, log_kinds, make_alarms, subnets_and_identifier
from cloudpatterns.security.secret_values import rotate_secret, write_secret

__all__ = ["first_secret", "make_instance", "make_replica", "own_password_secret", "parameters"]


def parameters(engine: Engine, checked: Any) -> list[tuple[str, str, str]]:
    """Name, value and apply method: of the parameter that forces TLS, if one is needed, of those that fill the exported logs, and of the
    caller's.
    """
    forced = engine.tls_parameter(checked["engine_version"])
    own = checked["parameters"]
    logging = [(key, value, "immediate") for key, value in engine.log_parameters(log_kinds(engine, checked)).items() if key not in own]
    return ([forced] if forced else []) + logging + [(key, own[key], "pending-reboot") for key in sorted(own)]


def first_secret(secrets: Sequence[Any]) -> str:
    """The ARN of the secret that AWS manages; empty in the preview that turns a password of one's own into a managed one."""
    return (secrets[0].secret_arn if secrets else None) or ""


def own_password_secret(
    component: Component,
    name: str,
    engine: Engine,
    foundation: Foundation,
    checked: Any,
    address: pulumi.Output[str],
    database: pulumi.Resource,
    identifier_key: str,
) -> pulumi.Output[str]:
    """The secret of a password of the caller's own, in the shape that AWS's rotation functions read, and its rotation."""
    password = checked["password"]
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
    value = pulumi.Output.json_dumps(
        {
            "engine": "mysql" if engine.mysql else "postgres",
            "host": address,
            "port": engine.port,
            "username": checked["master_username"],
            "password": pulumi.Output.secret(password["value"]),
            **({"dbname": checked["database_name"]} if checked["database_name"] else {}),
            identifier_key: foundation.identifier,
        }
    )
    arn = write_secret(
        component,
        f"{name}-master",
        description=f"Master user of {name}",
        value=value,
        version=password["version"],
        kms_key_arn=foundation.kms_key_arn,
        tags=checked["tags"],
    )
    rotation = rotate_secret(
        component,
        f"{name}-master-rotation",
        secret_arn=arn,
        function_arn=password["rotation_function_arn"],
        days=password["rotation_days"],
        # The first rotation logs in.
        depends_on=[database],
    )
    return pulumi.Output.all(arn, rotation.id).apply(lambda values: values[0])


def make_instance(component: Component, name: str, engine: Engine, foundation: Foundation, checked: Any) -> Made:
    """The RDS instance with its parameter group, secret and alarms."""
    group = _parameter_group(component, name, engine, checked)
    password = checked["password"]
    credentials = (
        {"password_wo": pulumi.Output.secret(password["value"]), "password_wo_version": password["version"]}
        if password
        else {"manage_master_user_password": True, "master_user_secret_kms_key_id": foundation.kms_key_arn}
    )
    instance = aws.rds.Instance(
        f"{name}-instance",
        identifier=foundation.identifier,
        engine=engine.name,
        engine_version=checked["engine_version"],
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support.html: the default is the paid one.
        engine_lifecycle_support="open-source-rds-extended-support-disabled",
        allow_major_version_upgrade=checked["allow_major_version_upgrade"],
        instance_class=checked["instance_class"],
        # gp3 under 400 GiB takes neither IOPS nor throughput; above, the baseline is kept.
        storage_type="gp3",
        allocated_storage=checked["allocated_storage_gib"],
        max_allocated_storage=checked["max_allocated_storage_gib"],
        storage_encrypted=True,
        kms_key_id=foundation.kms_key_arn,
        multi_az=checked["multi_az"],
        db_subnet_group_name=foundation.subnet_group.name,
        db_name=checked["database_name"],
        username=checked["master_username"],
        port=engine.port,
        parameter_group_name=group.name,
        backup_retention_period=checked["backup_retention_days"],
        backup_window=checked["backup_window"],
        final_snapshot_identifier=foundation.final_snapshot_identifier,
        skip_final_snapshot=checked["skip_final_snapshot"],
        **_common(engine, checked, checked["instance_class"], foundation.kms_key_arn, foundation.monitoring_role_arn),
        vpc_security_group_ids=checked["security_group_ids"],
        tags={"Name": name, **checked["tags"]},
        **credentials,
        # The name is fixed, so a replacement cannot stand beside the old instance.
        opts=component.child(protect=checked["deletion_protection"], delete_before_replace=True),
    )
    if password:
        secret_arn = own_password_secret(component, name, engine, foundation, checked, instance.address, instance, "dbInstanceIdentifier")
    else:
        secret_arn = instance.master_user_secrets.apply(first_secret)
    make_alarms(component, name, checked, {"DBInstanceIdentifier": instance.identifier})
    return Made(
        instance.endpoint,
        instance.address,
        instance.address,
        instance.port,
        secret_arn,
        instance.identifier,
        instance.arn,
        instance.resource_id,
    )


def make_replica(
    component: Component, name: str, engine: Engine, foundation: Foundation, checked: Any, replica: Any, source_arn: pulumi.Output[str]
) -> aws.rds.Instance:
    """A read replica in another region; everything it needs there is of that region, but the monitoring role, which is global."""
    region, prefix = replica["region"], f"{name}-replica"
    subnets, derived = subnets_and_identifier(
        component, name, prefix, f"Data subnets of the replica of {name}", replica["subnet_ids_by_zone"], checked, region=region
    )
    # Not kept when the replica goes: it leaves no snapshot.
    kms_key_arn = (
        replica["kms_key_arn"]
        or create_key(
            component,
            f"{prefix}-key",
            f"Replica of database {name}",
            [logs_statement(subnets.arn, "/aws/rds/*")],
            region=region,
            tags=checked["tags"],
        ).arn
    )
    kinds = log_kinds(engine, checked)
    groups = log_groups(
        component,
        f"{prefix}-logs",
        pulumi.Output.concat("/aws/rds/instance/", derived),
        kinds,
        retention_days=checked["log_retention_days"],
        kms_key_arn=kms_key_arn,
        tags=checked["tags"],
        region=region,
    )
    instance_class = replica["instance_class"] or checked["instance_class"]
    return aws.rds.Instance(
        prefix,
        region=region,
        identifier=pulumi.Output.all(derived, *[group.name for group in groups]).apply(lambda values: values[0]),
        replicate_source_db=source_arn,
        instance_class=instance_class,
        storage_type="gp3",
        max_allocated_storage=checked["max_allocated_storage_gib"],
        storage_encrypted=True,
        kms_key_id=kms_key_arn,
        db_subnet_group_name=subnets.name,
        parameter_group_name=_parameter_group(component, prefix, engine, checked, region=region).name,
        backup_retention_period=checked["backup_retention_days"],
        # RDS refuses a final snapshot of a replica; the data is the source's.
        skip_final_snapshot=True,
        **_common(engine, checked, instance_class, kms_key_arn, foundation.monitoring_role_arn),
        vpc_security_group_ids=replica["security_group_ids"],
        tags={"Name": prefix, **checked["tags"]},
        opts=component.child(protect=checked["deletion_protection"], delete_before_replace=True),
    )


def _common(
    engine: Engine,
    checked: Any,
    instance_class: str,
    kms_key_arn: pulumi.Input[str],
    monitoring_role_arn: pulumi.Output[str] | None,
) -> dict[str, Any]:
    return {
        "publicly_accessible": False,
        "network_type": "DUAL" if checked["dual_stack"] else "IPV4",
        "iam_database_authentication_enabled": True,
        "ca_cert_identifier": checked["ca_certificate"],
        "auto_minor_version_upgrade": True,
        "apply_immediately": checked["apply_immediately"],
        "maintenance_window": checked["maintenance_window"],
        "deletion_protection": checked["deletion_protection"],
        "copy_tags_to_snapshot": True,
        "delete_automated_backups": False,
        "enabled_cloudwatch_logs_exports": log_kinds(engine, checked),
        # Unset, the service takes the advanced mode, which is paid.
        "database_insights_mode": checked["database_insights_mode"],
        **insights(engine, instance_class, checked, kms_key_arn),
        "monitoring_interval": checked["monitoring_interval_seconds"],
        "monitoring_role_arn": monitoring_role_arn,
    }


def _parameter_group(component: Component, prefix: str, engine: Engine, checked: Any, region: str | None = None) -> aws.rds.ParameterGroup:
    return aws.rds.ParameterGroup(
        f"{prefix}-parameters",
        description=f"Parameters of {prefix}",
        family=engine.family(checked["engine_version"]),
        parameters=[{"name": key, "value": value, "apply_method": method} for key, value, method in parameters(engine, checked)],
        region=region,
        tags=checked["tags"],
        opts=component.child(),
    )
