"""RDS, Aurora and DynamoDB: private, encrypted at rest and in transit, backed up, protected, patched, logged."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._database_tls import (
    CLUSTER,
    INSTANCE,
    engine_of,
    is_default,
    parameter_group,
    setting,
    tls_of,
)
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import all_of, from_provider, has_value, read

_RDS: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/rds-controls.html"
_DYNAMODB: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/dynamodb-controls.html"

_MEMBER: Final = "aws:rds/clusterInstance:ClusterInstance"
_PROXY: Final = "aws:rds/proxy:Proxy"
_TABLE: Final = "aws:dynamodb/table:Table"

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
_WITH_IAM: Final = ("mysql", "mariadb", "postgres", "aurora")

# The logs that RDS can export without further settings and that contain no statements with secrets: audit needs an option group or a
# parameter, and the general log holds every statement.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html
_LOGS: Final[Mapping[str, tuple[str, ...]]] = {
    "mysql": ("error", "slowquery"),
    "mariadb": ("error", "slowquery"),
    "aurora-mysql": ("error", "slowquery"),
    "postgres": ("postgresql", "upgrade"),
    "aurora-postgresql": ("postgresql",),
    "sqlserver": ("agent", "error"),
    "oracle": ("alert", "audit", "listener"),
    "db2": ("diag.log",),
}

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html; the longer of two names that begin alike first
_PORTS: Final[Mapping[str, int]] = {
    "aurora-postgresql": 5432,
    "aurora": 3306,
    "mysql": 3306,
    "mariadb": 3306,
    "postgres": 5432,
    "oracle": 1521,
    "custom-oracle": 1521,
    "sqlserver": 1433,
    "custom-sqlserver": 1433,
    "db2": 50000,
}

# A restored database is encrypted as what it came from, whatever the argument says.
_ORIGINS: Final = ("snapshotIdentifier", "restoreToPointInTime")


def _is_replica(resource: Resource) -> bool:
    return has_value(resource, "replicateSourceDb")


@control(
    id="rds-private",
    title="RDS databases are not reachable from the internet",
    severity=Severity.CRITICAL,
    types=(INSTANCE, _MEMBER, CLUSTER),
    why="Scanners find a database with a public address within hours; then only its password protects it.",
    remediation="Set publicly_accessible to False and place the database in private subnets.",
    url=f"{_RDS}#rds-2",
    frameworks={"FSBP": ("RDS.2",), "CIS 5.0": ("2.2.3",), "Checkov": ("CKV_AWS_17",)},
)
def rds_private(resource: Resource) -> Verdict:
    return Fail("is publicly accessible", "publiclyAccessible") if resource.get("publiclyAccessible", False) else Pass()


@control(
    id="rds-encrypted",
    title="RDS storage is encrypted",
    severity=Severity.MEDIUM,
    types=(INSTANCE, CLUSTER),
    why="Anyone who obtains a snapshot, a backup or a disk of an unencrypted database can read it.",
    remediation="Set storage_encrypted to True and kms_key_id to a customer-managed key; an existing database has to be copied.",
    url=f"{_RDS}#rds-3",
    frameworks={"FSBP": ("RDS.3", "RDS.27"), "CIS 5.0": ("2.2.1",), "Checkov": ("CKV_AWS_16", "CKV_AWS_96")},
)
def rds_encrypted(resource: Resource) -> Verdict:
    encrypted = resource.get("storageEncrypted")
    # Aurora Serverless v1 is always encrypted, whatever the argument says.
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless.how-it-works.html
    if encrypted or resource.get("engineMode") == "serverless":
        return Pass()
    if _is_replica(resource):
        return NotApplicable("is a replica, encrypted as its source is")
    if encrypted is None and any(has_value(resource, path) for path in _ORIGINS):
        return NotApplicable("is restored, and encrypted as its source is")
    return Fail("stores its data unencrypted", "storageEncrypted")


@control(
    id="rds-default-port",
    title="RDS databases do not listen on the default port of their engine",
    severity=Severity.LOW,
    types=(INSTANCE, CLUSTER),
    why="Scanners that try only default ports miss a database on another port.",
    remediation="Set port to a value other than the engine's default.",
    url=f"{_RDS}#rds-23",
    frameworks={"FSBP": ("RDS.23",)},
    disabled="it contradicts the functional firewall, which recognises data stores by their default ports and allows only their callers; a"
    " database that is not reachable gains nothing from another port, and controls that check ports would miss it.",
)
def rds_default_port(resource: Resource) -> Verdict:
    port = resource.get("port")
    if port is None and (_is_replica(resource) or any(has_value(resource, path) for path in _ORIGINS)):
        return NotApplicable("takes its port from its source")
    engine = str(resource.get("engine", "")).lower()
    default = next((number for name, number in _PORTS.items() if engine.startswith(name)), None)
    if default is None:
        return NotApplicable(f"has an engine without a known default port, {engine}" if engine else "names no engine")
    return Fail(f"listens on {default}, the default port of {engine}", "port") if port in (None, default) else Pass()


@control(
    id="rds-instance-multi-az",
    title="RDS instances have a standby in another Availability Zone",
    severity=Severity.MEDIUM,
    types=(INSTANCE,),
    why="When the zone or the host fails, the database is unavailable until it has been restored.",
    remediation="Set multi_az to True.",
    url=f"{_RDS}#rds-5",
    frameworks={"FSBP": ("RDS.5",), "CIS 5.0": ("2.2.4",), "Checkov": ("CKV_AWS_157",)},
)
def rds_instance_multi_az(resource: Resource) -> Verdict:
    if resource.get("multiAz", False):
        return Pass()
    return NotApplicable("is a replica") if _is_replica(resource) else Fail("has no standby in another zone", "multiAz")


@stack_control(
    id="rds-cluster-multi-az",
    title="RDS clusters have instances in several Availability Zones",
    severity=Severity.MEDIUM,
    types=(CLUSTER,),
    why="When the only instance or its zone fails, the database is unavailable until a new instance has started.",
    remediation="Add a second aws.rds.ClusterInstance with another availability_zone.",
    url=f"{_RDS}#rds-15",
    frameworks={"FSBP": ("RDS.15",), "CIS 5.0": ("2.2.4",)},
)
def rds_cluster_multi_az(resource: Resource, stack: Stack) -> Verdict:
    if read(resource, "dbClusterInstanceClass", computed=True) is not None:
        return Pass()  # a Multi-AZ DB cluster always spans several zones
    if not from_provider(resource, "engineMode") and resource.get("engineMode") == "serverless":
        return NotApplicable("is moved between zones by Aurora Serverless v1")
    members = stack.referrers(resource, _MEMBER, "clusterIdentifier")
    if len(members) < 2:
        return Fail("has one instance" if members else "has no instance")
    zones = [read(member, "availabilityZone", computed=True) for member in members]
    # Where no zone is requested, RDS spreads the instances.
    if any(zone is None or zone is UNKNOWN for zone in zones) or len(set(zones)) > 1:
        return Pass()
    return Fail(f"has all instances in {zones[0]}", f"availabilityZone of {members[0].name}")


@control(
    id="rds-backups",
    title="RDS keeps automatic backups long enough",
    severity=Severity.MEDIUM,
    types=(INSTANCE, CLUSTER),
    why="Data that was deleted by mistake or by an intruder is often missed only days later.",
    remediation="Set backup_retention_period to 7 days or more.",
    url=f"{_RDS}#rds-11",
    frameworks={"FSBP": ("RDS.11",), "Checkov": ("CKV_AWS_133",)},
    config={
        "minimumDays": {
            "type": "integer",
            "minimum": 1,
            "maximum": 35,
            "default": 7,
            "description": "Minimum number of days that a backup is kept.",
        }
    },
)
def rds_backups(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    days = resource.get("backupRetentionPeriod", 0 if resource.type == INSTANCE else 1)
    if days >= config["minimumDays"]:
        return Pass()
    if _is_replica(resource):
        return NotApplicable("is a replica, whose source is backed up")
    path = "backupRetentionPeriod"
    if resource.type == INSTANCE and resource.get(path) is None and any(has_value(resource, origin) for origin in _ORIGINS):
        return NotApplicable("is restored, and keeps backups as its source does")
    return Fail(f"keeps backups for {days} day{'' if days == 1 else 's'}" if days else "keeps no backups", path)


@control(
    id="rds-deletion-protection",
    title="RDS databases are protected against deletion",
    severity=Severity.LOW,
    types=(INSTANCE, CLUSTER),
    why="One wrong command or deployment deletes the database.",
    remediation="Set deletion_protection to True.",
    url=f"{_RDS}#rds-8",
    frameworks={"FSBP": ("RDS.7", "RDS.8"), "Checkov": ("CKV_AWS_139", "CKV_AWS_293")},
)
def rds_deletion_protection(resource: Resource) -> Verdict:
    return Pass() if resource.get("deletionProtection", False) else Fail("has no deletion protection", "deletionProtection")


@control(
    id="rds-minor-upgrades",
    title="RDS installs minor version upgrades automatically",
    severity=Severity.HIGH,
    # RDS.35, medium, requires the same of Multi-AZ DB clusters. It does not of Aurora clusters, but the setting is the same.
    types=(INSTANCE, _MEMBER, CLUSTER),
    why="Minor versions fix known vulnerabilities, and manual upgrades are forgotten.",
    remediation="Set auto_minor_version_upgrade to True, or omit it.",
    url=f"{_RDS}#rds-13",
    frameworks={"FSBP": ("RDS.13", "RDS.35"), "CIS 5.0": ("2.2.2",), "Checkov": ("CKV_AWS_226",)},
)
def rds_minor_upgrades(resource: Resource) -> Verdict:
    if resource.get("autoMinorVersionUpgrade", True):
        return Pass()
    return Fail("does not install minor version upgrades automatically", "autoMinorVersionUpgrade")


@control(
    id="rds-iam-authentication",
    title="RDS databases have IAM authentication",
    severity=Severity.MEDIUM,
    types=(INSTANCE, CLUSTER),
    why="Without it, every client needs a password that is stored, copied and never changed.",
    remediation="Set iam_database_authentication_enabled to True.",
    url=f"{_RDS}#rds-10",
    frameworks={"FSBP": ("RDS.10", "RDS.12"), "Checkov": ("CKV_AWS_161", "CKV_AWS_162")},
)
def rds_iam_authentication(resource: Resource) -> Verdict:
    if resource.get("iamDatabaseAuthenticationEnabled", False):
        return Pass()
    engine = str(resource.get("engine", "")).lower()
    if engine and not engine.startswith(_WITH_IAM):
        return NotApplicable(f"runs {engine}, which has no IAM authentication")
    return Fail("has no IAM authentication", "iamDatabaseAuthenticationEnabled")


@control(
    id="rds-logs-exported",
    title="RDS sends its logs to CloudWatch",
    severity=Severity.MEDIUM,
    types=(INSTANCE, CLUSTER),
    why="Logs on the database's own disk are deleted after days, and with the instance.",
    remediation="Set enabled_cloudwatch_logs_exports to the logs of the engine, such as error and slowquery, or postgresql and upgrade.",
    url=f"{_RDS}#rds-36",
    # Not RDS.9 and RDS.42, which require the audit log and, for MySQL, the log of every statement too: set `logs` for these.
    frameworks={"FSBP": ("RDS.36", "RDS.37", "RDS.40"), "Checkov": ("CKV_AWS_129", "CKV_AWS_324")},
    config={
        "logs": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "default": {},
            "description": 'Logs by engine in place of the built-in ones, such as {"mysql": ["audit", "error"]}.',
        }
    },
)
def rds_logs_exported(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    path = "enabledCloudwatchLogsExports"
    exported = resource.get(path, [])
    engine = str(resource.get("engine", "")).lower()
    family = next((name for name in _LOGS if engine == name or engine.startswith((f"{name}-", f"custom-{name}-"))), "")
    wanted = config["logs"].get(engine, _LOGS.get(family, ()))
    missing = [log for log in wanted if not any(item == log for item in exported)]
    if missing:
        return Fail(f"does not export {all_of(missing)}", path)
    return Pass() if exported else Fail("exports no logs", path)


@stack_control(
    id="rds-tls-required",
    title="RDS databases require TLS",
    severity=Severity.MEDIUM,
    types=(INSTANCE, CLUSTER),
    why="Drivers silently fall back to plain connections, which expose queries and passwords on the network.",
    remediation=(
        "Set parameter_group_name to an aws.rds.ParameterGroup (clusters: db_cluster_parameter_group_name and a ClusterParameterGroup) "
        "with require_secure_transport or rds.force_ssl at 1."
    ),
    url=f"{_RDS}#rds-44",
    # RDS.38 (PostgreSQL) and RDS.39 (MySQL) require the same and are not part of FSBP.
    frameworks={"FSBP": ("RDS.41", "RDS.44"), "Checkov": ("CKV2_AWS_69",)},
)
def rds_tls_required(resource: Resource, stack: Stack) -> Verdict:
    group = parameter_group(resource, stack)
    engine, version = engine_of(resource, group)
    if not engine:
        return NotApplicable("takes its engine from its source")
    tls = tls_of(engine)
    if tls is None:
        return NotApplicable(f"runs {engine}, which has no parameter for TLS")
    if group.unknown:
        return Unknown(group.path)
    if group.foreign:
        return NotApplicable(f"takes parameter group {group.foreign}, which is not in this stack")
    value = setting(group.resource, tls.parameter) if group.resource else None
    if value is UNKNOWN:
        return Unknown(f"parameters of {group.resource.name if group.resource else ''}")
    where = f"parameters of {group.resource.name}" if group.resource else group.path
    if value is None:
        return Pass() if is_default(tls, version) else Fail(f"does not set {tls.parameter}", where)
    return Pass() if value in tls.on else Fail(f"sets {tls.parameter} to {value}", where)


@control(
    id="rds-proxy-tls-required",
    title="RDS proxies require TLS",
    severity=Severity.MEDIUM,
    types=(_PROXY,),
    why="Drivers silently fall back to plain connections, and a proxy accepts them by default, whatever the database behind it does.",
    remediation="Set require_tls to True.",
    url=f"{_RDS}#rds-43",
    frameworks={"FSBP": ("RDS.43",)},
)
def rds_proxy_tls_required(resource: Resource) -> Verdict:
    return Pass() if resource.get("requireTls", False) else Fail("accepts connections without TLS", "requireTls")


@control(
    id="rds-password-not-in-state",
    title="RDS master passwords are not kept in the stack's state",
    severity=Severity.HIGH,
    types=(INSTANCE, CLUSTER),
    why="Anyone who can read the state, its backups or a policy pack's input can read the password, and nobody rotates it.",
    remediation="Set manage_master_user_password to True, or use password_wo (clusters: master_password_wo).",
    url="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html",
)
def rds_password_not_in_state(resource: Resource) -> Verdict:
    path = "password" if resource.type == INSTANCE else "masterPassword"
    # It is enough that it is set: its value is not read.
    return Fail("keeps its master password in the state", path) if resource.raw.get(path) is not None else Pass()


@control(
    id="dynamodb-point-in-time-recovery",
    title="DynamoDB tables have point-in-time recovery",
    severity=Severity.MEDIUM,
    types=(_TABLE,),
    why="A faulty deployment overwrites items faster than scheduled backups can save them.",
    remediation='Set point_in_time_recovery={"enabled": True}, and in each of replicas point_in_time_recovery to True.',
    url=f"{_DYNAMODB}#dynamodb-2",
    frameworks={"FSBP": ("DynamoDB.2",), "Checkov": ("CKV_AWS_28",)},
)
def dynamodb_point_in_time_recovery(resource: Resource) -> Iterator[Verdict]:
    if resource.is_unknown("pointInTimeRecovery.enabled"):
        yield Unknown("pointInTimeRecovery.enabled")
    elif not resource.get("pointInTimeRecovery.enabled", False):
        yield Fail("has no point-in-time recovery", "pointInTimeRecovery.enabled")
    for index in range(len(resource.get("replicas", ()))):
        path = f"replicas.{index}.pointInTimeRecovery"
        if resource.is_unknown(path):
            yield Unknown(path)
        elif not resource.get(path, False):
            yield Fail("has a replica without point-in-time recovery", path)


@control(
    id="dynamodb-deletion-protection",
    title="DynamoDB tables are protected against deletion",
    severity=Severity.MEDIUM,
    types=(_TABLE,),
    why="One wrong command or deployment deletes the table, or a replica, with all its items.",
    remediation="Set deletion_protection_enabled to True, and in each of replicas too.",
    url=f"{_DYNAMODB}#dynamodb-6",
    frameworks={"FSBP": ("DynamoDB.6",)},
)
def dynamodb_deletion_protection(resource: Resource) -> Iterator[Verdict]:
    if resource.is_unknown("deletionProtectionEnabled"):
        yield Unknown("deletionProtectionEnabled")
    elif not resource.get("deletionProtectionEnabled", False):
        yield Fail("has no deletion protection", "deletionProtectionEnabled")
    for index in range(len(resource.get("replicas", ()))):
        path = f"replicas.{index}.deletionProtectionEnabled"
        if resource.is_unknown(path):
            yield Unknown(path)
        elif not resource.get(path, False):
            yield Fail("has a replica without deletion protection", path)
