"""What a database is built on in one region, and the inputs that instances, replicas and clusters share."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import create_key, log_group, logs_statement, service_role
from cloudpatterns.core import Component, account_of, after
from cloudpatterns.database._shared import credential_secret, final_snapshot, unique_name
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseArgs
from cloudpatterns.database.relational_database.engines import ENGINES, Engine


class Foundation:
    """Subnet group, identifier, key, log groups and monitoring role of a database, or of its replica.

    The identifier is known before the database exists: only so can the log groups come first, with a retention and a key.
    """

    def __init__(self, component: Component, name: str, checked: RelationalDatabaseArgs, source: "Foundation | None" = None) -> None:
        """``source`` is the foundation of the database whose replica this one is for."""
        self.component, self.name, self.checked = component, name, checked
        self.engine = ENGINES[checked["engine"]]
        replica = None if source is None else checked.get("replica")
        place = checked if replica is None else replica
        self.region = None if replica is None else replica["region"]
        instance_class = place.get("instance_class")
        self.instance_class = checked["instance_class"] if instance_class is None else instance_class
        version = None if replica is None else replica.get("engine_version")
        self.engine_version = checked["engine_version"] if version is None else version
        self.security_group_ids = place["security_group_ids"]
        self.subnet_group = aws.rds.SubnetGroup(
            f"{name}-subnets",
            description=f"Data subnets of {name}",
            subnet_ids=list(place["subnet_ids_by_zone"].values()),
            region=self.region,
            tags={"Name": name, **checked["tags"]},
            opts=component.child(),
        )
        # The final snapshot and the retained backups cannot be read without the key; a replica leaves none.
        retain_key = not checked["skip_final_snapshot"] if source is None else None
        given_key = place.get("kms_key_arn")
        self.kms_key_arn = self._key(retain_key) if given_key is None else given_key
        fixed = checked.get("identifier") if source is None else None
        identifier = unique_name(self.subnet_group.name, f"{name}-subnets", name) if fixed is None else pulumi.Output.from_input(fixed)
        exports = checked.get("log_exports")
        self.logs = sorted(set(self.engine.default_logs if exports is None else exports))
        path = pulumi.Output.concat("/aws/rds/cluster/" if self.engine.aurora else "/aws/rds/instance/", identifier, "/")
        self.log_groups = [
            log_group(
                component,
                f"{name}-logs-{log}",
                checked["log_retention_days"],
                name=pulumi.Output.concat(path, log),
                kms_key_arn=self.kms_key_arn,
                region=self.region,
                tags=checked["tags"],
            )
            for log in self.logs
        ]
        self.identifier = after(identifier, *self.log_groups)
        # IAM is global: one role monitors database and replica.
        self.monitoring_role_arn = self._monitoring_role_arn() if source is None else source.monitoring_role_arn

    def _key(self, retain: bool | None) -> pulumi.Output[str]:
        # RDS, Performance Insights and Secrets Manager use the key through grants of whoever creates the database, the account's
        # administrators; CloudWatch Logs uses it by itself.
        return create_key(
            self.component,
            f"{self.name}-key",
            f"Database {self.name}",
            [logs_statement(self.subnet_group.arn, "/aws/rds/*")],
            region=self.region,
            tags=self.checked["tags"],
            retain_on_delete=retain,
        )

    def _monitoring_role_arn(self) -> pulumi.Output[str] | None:
        if self.checked["monitoring_interval_seconds"] == 0:
            return None
        return monitoring_role_arn(self.component, self.name, self.subnet_group.arn, self.checked["tags"])

    def parameter_group_inputs(self) -> dict[str, Any]:
        """Inputs of a parameter group: parameters that force TLS, that fill the exported logs, and the caller's."""
        return {
            "description": f"Parameters of {self.name}",
            "family": self.engine.family(self.engine_version),
            "parameters": group_parameters(self.engine, self.engine_version, self.logs, self.checked["parameters"]),
            "region": self.region,
            "tags": self.checked["tags"],
            "opts": self.component.child(),
        }

    def source_inputs(self, password_argument: str) -> dict[str, Any]:
        """Inputs of an instance or a cluster that is not a replica: engine, master password and final snapshot."""
        checked, password = self.checked, self.checked.get("password")
        if password is None:
            credentials = {"manage_master_user_password": True, "master_user_secret_kms_key_id": self.kms_key_arn}
        else:
            value = pulumi.Output.secret(password["value"])
            credentials = {password_argument: value, f"{password_argument}_version": password["version"]}
        replacing = (checked["engine"], checked["master_username"], checked.get("database_name"), self.kms_key_arn)
        return {
            "engine": self.engine.name,
            "engine_version": checked["engine_version"],
            # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support.html: the default is the paid one.
            "engine_lifecycle_support": "open-source-rds-extended-support-disabled",
            "allow_major_version_upgrade": checked["allow_major_version_upgrade"],
            "port": self.engine.port,
            "skip_final_snapshot": checked["skip_final_snapshot"],
            "final_snapshot_identifier": final_snapshot(
                checked["skip_final_snapshot"], checked.get("final_snapshot_identifier"), self.identifier, *replacing
            ),
            **credentials,
        }

    def replica_inputs(self) -> dict[str, Any]:
        """Inputs of a replica alone: its version where the caller upgrades it; AWS gives it the source's when it creates it."""
        replica = self.checked.get("replica")
        if replica is None or replica.get("engine_version") is None:
            return {}
        return {"engine_version": self.engine_version, "allow_major_version_upgrade": self.checked["allow_major_version_upgrade"]}

    def storage_inputs(self) -> dict[str, Any]:
        """Inputs of what holds data: an instance, its replica, or a cluster."""
        checked = self.checked
        return {
            "region": self.region,
            "storage_encrypted": True,
            "kms_key_id": self.kms_key_arn,
            "db_subnet_group_name": self.subnet_group.name,
            "vpc_security_group_ids": self.security_group_ids,
            "network_type": "DUAL" if checked["dual_stack"] else "IPV4",
            "iam_database_authentication_enabled": True,
            "apply_immediately": checked["apply_immediately"],
            "backup_retention_period": checked["backup_retention_days"],
            "deletion_protection": checked["deletion_protection"],
            "copy_tags_to_snapshot": True,
            "delete_automated_backups": False,
            "enabled_cloudwatch_logs_exports": self.logs,
            # Without it the service takes the advanced mode, which is paid.
            "database_insights_mode": checked["database_insights_mode"],
            "tags": {"Name": self.name, **checked["tags"]},
            **self.insights_inputs(),
        }

    def server_inputs(self) -> dict[str, Any]:
        """Inputs of what runs the engine: an instance, its replica, or an instance of a cluster."""
        return {
            "publicly_accessible": False,
            "ca_cert_identifier": self.checked["ca_certificate"],
            "auto_minor_version_upgrade": True,
            "monitoring_interval": self.checked["monitoring_interval_seconds"],
            "monitoring_role_arn": self.monitoring_role_arn,
        }

    def insights_inputs(self) -> dict[str, Any]:
        """Inputs for Performance Insights; the class may not support it."""
        wanted = self.checked.get("performance_insights")
        if not (self.engine.has_insights(self.instance_class) if wanted is None else wanted):
            return {"performance_insights_enabled": False}
        return {
            "performance_insights_enabled": True,
            "performance_insights_kms_key_id": self.kms_key_arn,
            # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DatabaseInsights.Considerations.html
            "performance_insights_retention_period": 465 if self.checked["database_insights_mode"] == "advanced" else 7,
        }

    def secret(self, database: aws.rds.Instance | aws.rds.Cluster, address: pulumi.Output[str]) -> pulumi.Output[str]:
        """ARN of the secret of the master user: the one that RDS manages, or a new one with the caller's password."""
        checked, password = self.checked, self.checked.get("password")
        if password is None:
            return database.master_user_secrets.apply(managed_secret)
        database_name = checked.get("database_name")
        # The form that AWS's rotation functions read:
        # https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
        value = {
            "engine": self.engine.engine_family,
            "host": address,
            "port": self.engine.port,
            "username": checked["master_username"],
            "password": pulumi.Output.secret(password["value"]),
            **({} if database_name is None else {"dbname": database_name}),
            "dbClusterIdentifier" if self.engine.aurora else "dbInstanceIdentifier": self.identifier,
        }
        return credential_secret(
            self.component,
            f"{self.name}-master",
            f"{self.name}-master-rotation",
            f"Master user of {self.name}",
            pulumi.Output.json_dumps(value),
            password,
            function_arn=password["rotation_function_arn"],
            kms_key_arn=self.kms_key_arn,
            user=database,
            tags=checked["tags"],
        )


def monitoring_role_arn(
    component: Component, name: str, arn: pulumi.Input[str], tags: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    """The role of Enhanced Monitoring in the account of an ARN, available after its policy."""
    return service_role(
        component,
        f"{name}-monitoring",
        "monitoring.rds.amazonaws.com",
        f"Enhanced Monitoring of {name}",
        managed_policies={f"{name}-monitoring-policy": "service-role/AmazonRDSEnhancedMonitoringRole"},
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html, confused deputy
        conditions={"StringEquals": {"aws:SourceAccount": account_of(arn)}},
        tags=tags,
    ).arn


def group_parameters(engine: Engine, version: str, logs: Sequence[str], own: Mapping[str, str]) -> list[dict[str, str]]:
    """Parameters that force TLS, that fill the exported logs, and the caller's."""
    logging = {name: value for name, value in engine.log_parameters(logs).items() if name not in own}
    parameters = [
        *engine.tls_parameters(version),
        *((name, value, "immediate") for name, value in logging.items()),
        *((name, value, "pending-reboot") for name, value in sorted(own.items())),
    ]
    return [{"name": name, "value": value, "apply_method": method} for name, value, method in parameters]


def managed_secret(secrets: Sequence[Any]) -> str:
    """The ARN of the secret that RDS manages; empty in the preview that turns the caller's password into a managed one."""
    return (secrets[0].secret_arn if secrets else None) or ""
