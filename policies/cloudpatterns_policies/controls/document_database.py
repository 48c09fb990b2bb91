"""DocumentDB: encrypted at rest and in transit, audited, backed up, protected against deletion."""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._database_tls import setting
from cloudpatterns_policies.controls._settings import kept_long_enough, minimum_days, missing, not_in_state, switched_on
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import has_value, read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/documentdb-controls.html"

_CLUSTER: Final = "aws:docdb/cluster:Cluster"
_ELASTIC: Final = "aws:docdb/elasticCluster:ElasticCluster"
_GLOBAL: Final = "aws:docdb/globalCluster:GlobalCluster"
_PARAMETERS: Final = "aws:docdb/clusterParameterGroup:ClusterParameterGroup"

_EXPORTS: Final = "enabledCloudwatchLogsExports"
_GROUP: Final = "dbClusterParameterGroupName"
# A restored cluster and a global cluster of an existing one are encrypted as what they came from.
_ORIGINS: Final = ("snapshotIdentifier", "restoreToPointInTime", "sourceDbClusterIdentifier")


@control(
    id="docdb-encrypted",
    title="DocumentDB clusters are encrypted at rest",
    severity=Severity.MEDIUM,
    types=(_CLUSTER, _GLOBAL),
    why="Anyone who obtains a snapshot or a disk of an unencrypted cluster can read the documents.",
    remediation="Set storage_encrypted to True and kms_key_id to a customer-managed key; an existing cluster has to be replaced.",
    url=f"{_PAGE}#documentdb-1",
    frameworks={"FSBP": ("DocumentDB.1",), "Checkov": ("CKV_AWS_74", "CKV_AWS_292")},
)
def docdb_encrypted(resource: Resource) -> Verdict:
    if resource.get("storageEncrypted") is None and any(has_value(resource, path) for path in _ORIGINS):
        return NotApplicable("is encrypted as its source is")
    return switched_on(resource, "storageEncrypted", "stores its data unencrypted")


@control(
    id="docdb-tls-required",
    title="DocumentDB clusters require TLS",
    severity=Severity.MEDIUM,
    types=(_PARAMETERS,),
    why="Without TLS, documents and passwords can be read in transit.",
    remediation='Remove the parameter tls from parameters, or set it to "enabled", "tls1.2+" or "tls1.3+".',
    url=f"{_PAGE}#documentdb-6",
    frameworks={"FSBP": ("DocumentDB.6",), "Checkov": ("CKV_AWS_90",)},
)
def docdb_tls_required(resource: Resource) -> Verdict:
    # TLS is on unless the parameter turns it off.
    value = setting(resource, "tls")
    if value is UNKNOWN:
        return Unknown("parameters")
    return Fail("lets clients connect without TLS", "parameters") if value == "disabled" else Pass()


@control(
    id="docdb-audit-events",
    title="DocumentDB clusters record audit events",
    severity=Severity.MEDIUM,
    types=(_CLUSTER, _PARAMETERS),
    why="By default no event is recorded, even when the audit log is exported, and its log group stays empty.",
    remediation='Set the parameter audit_logs to "enabled" or "all" in an aws.docdb.ClusterParameterGroup of the cluster.',
    url="https://docs.aws.amazon.com/documentdb/latest/developerguide/event-auditing.html",
    frameworks={"Checkov": ("CKV_AWS_104",)},
)
def docdb_audit_events(resource: Resource) -> Verdict:
    if resource.type == _CLUSTER:
        name = read(resource, _GROUP)
        if name is None or (isinstance(name, str) and name.startswith("default.")):
            return Fail("has the default parameter group, which records no audit events", _GROUP)
        return NotApplicable("has a parameter group of its own, which is checked itself")
    value = setting(resource, "audit_logs")
    if value is UNKNOWN:
        return Unknown("parameters")
    return Fail("records no audit events", "parameters") if value in (None, "none", "disabled") else Pass()


@control(
    id="docdb-audit-log-exported",
    title="DocumentDB clusters send their audit log to CloudWatch",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="After an incident, nobody can find out who logged in and what was changed.",
    remediation="Add audit to enabled_cloudwatch_logs_exports.",
    url=f"{_PAGE}#documentdb-4",
    # Checkov accepts the profiler alone, which says nothing about logins.
    frameworks={"FSBP": ("DocumentDB.4",), "Checkov": ("CKV_AWS_85",)},
)
def docdb_audit_log_exported(resource: Resource) -> Verdict:
    return Fail("exports no audit log", _EXPORTS) if missing(resource, _EXPORTS, ("audit",)) else Pass()


@control(
    id="docdb-backups",
    title="DocumentDB keeps backups long enough",
    severity=Severity.MEDIUM,
    types=(_CLUSTER, _ELASTIC),
    why="Data that was deleted by mistake or by an intruder is often missed only days later.",
    remediation="Set backup_retention_period to 7 days or more.",
    url=f"{_PAGE}#documentdb-2",
    frameworks={"FSBP": ("DocumentDB.2",), "Checkov": ("CKV_AWS_360",)},
    config=minimum_days(7),
)
def docdb_backups(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    return kept_long_enough(resource, "backupRetentionPeriod", 1, config)


@control(
    id="docdb-deletion-protection",
    title="DocumentDB clusters are protected against deletion",
    severity=Severity.LOW,
    types=(_CLUSTER, _GLOBAL),
    why="One wrong command or deployment deletes the cluster.",
    remediation="Set deletion_protection to True.",
    url=f"{_PAGE}#documentdb-5",
    frameworks={"FSBP": ("DocumentDB.5",)},
)
def docdb_deletion_protection(resource: Resource) -> Verdict:
    return switched_on(resource, "deletionProtection", "has no deletion protection")


@control(
    id="docdb-password-not-in-state",
    title="Master passwords of DocumentDB are not kept in the stack's state",
    severity=Severity.HIGH,
    types=(_CLUSTER, _ELASTIC),
    why="Anyone who can read the state, its backups or a policy pack's input can read the password, and nobody rotates it.",
    remediation='Set manage_master_user_password to True, or use master_password_wo; of an elastic cluster, set auth_type to "SECRET_ARN".',
    url="https://docs.aws.amazon.com/documentdb/latest/developerguide/docdb-secrets-manager.html",
)
def docdb_password_not_in_state(resource: Resource) -> Verdict:
    if resource.type == _CLUSTER:
        return not_in_state(resource, "masterPassword")
    return Pass() if resource.get("authType") == "SECRET_ARN" else not_in_state(resource, "adminUserPassword")
