"""Neptune and Neptune Analytics: encrypted, audited, with IAM authentication, backed up, protected against deletion."""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._database_tls import setting
from cloudpatterns_policies.controls._settings import kept_long_enough, minimum_days, missing, switched_on
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import has_value, read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/neptune-controls.html"

_CLUSTER: Final = "aws:neptune/cluster:Cluster"
_GLOBAL: Final = "aws:neptune/globalCluster:GlobalCluster"
_PARAMETERS: Final = "aws:neptune/clusterParameterGroup:ClusterParameterGroup"
_GRAPH: Final = "aws:neptunegraph/graph:Graph"

_EXPORTS: Final = "enableCloudwatchLogsExports"
_GROUP: Final = "neptuneClusterParameterGroupName"
_AUDIT: Final = "neptune_enable_audit_log"
_ORIGINS: Final = ("snapshotIdentifier", "replicationSourceIdentifier", "sourceDbClusterIdentifier")


@control(
    id="neptune-encrypted",
    title="Neptune clusters are encrypted at rest",
    severity=Severity.MEDIUM,
    types=(_CLUSTER, _GLOBAL),
    why="Anyone who obtains a snapshot or a disk of an unencrypted cluster can read the graph.",
    remediation="Set storage_encrypted to True and kms_key_arn to a customer-managed key; an existing cluster has to be replaced.",
    url=f"{_PAGE}#neptune-1",
    frameworks={"FSBP": ("Neptune.1",), "Checkov": ("CKV_AWS_44",)},
)
def neptune_encrypted(resource: Resource) -> Verdict:
    if resource.get("storageEncrypted") is None and any(has_value(resource, path) for path in _ORIGINS):
        return NotApplicable("is encrypted as its source is")
    return switched_on(resource, "storageEncrypted", "stores its data unencrypted")


@control(
    id="neptune-audit-events",
    title="Neptune clusters record audit events",
    severity=Severity.MEDIUM,
    types=(_CLUSTER, _PARAMETERS),
    why="By default no event is recorded, even when the audit log is exported, and its log group stays empty.",
    remediation="Set the parameter neptune_enable_audit_log to 1 in an aws.neptune.ClusterParameterGroup of the cluster.",
    url="https://docs.aws.amazon.com/neptune/latest/userguide/auditing.html",
)
def neptune_audit_events(resource: Resource) -> Verdict:
    if resource.type == _CLUSTER:
        name = read(resource, _GROUP)
        if name is None or (isinstance(name, str) and name.startswith("default.")):
            return Fail("has the default parameter group, which records no audit events", _GROUP)
        return NotApplicable("has a parameter group of its own, which is checked itself")
    value = setting(resource, _AUDIT)
    if value is UNKNOWN:
        return Unknown("parameters")
    return Pass() if value in ("1", "enabled") else Fail("records no audit events", "parameters")


@control(
    id="neptune-audit-log-exported",
    title="Neptune clusters send their audit log to CloudWatch",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="After an incident, nobody can find out who logged in and what was changed.",
    remediation="Add audit to enable_cloudwatch_logs_exports.",
    url=f"{_PAGE}#neptune-2",
    frameworks={"FSBP": ("Neptune.2",), "Checkov": ("CKV_AWS_101",)},
)
def neptune_audit_log_exported(resource: Resource) -> Verdict:
    return Fail("exports no audit log", _EXPORTS) if missing(resource, _EXPORTS, ("audit",)) else Pass()


@control(
    id="neptune-iam-authentication",
    title="Neptune clusters have IAM authentication",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Without it, everyone who reaches the port can read and change the graph: Neptune has no passwords.",
    remediation="Set iam_database_authentication_enabled to True.",
    url=f"{_PAGE}#neptune-7",
    frameworks={"FSBP": ("Neptune.7",), "Checkov": ("CKV_AWS_359",)},
)
def neptune_iam_authentication(resource: Resource) -> Verdict:
    return switched_on(resource, "iamDatabaseAuthenticationEnabled", "lets in clients without a login")


@control(
    id="neptune-backups",
    title="Neptune keeps automatic backups long enough",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Data that was deleted by mistake or by an intruder is often missed only days later.",
    remediation="Set backup_retention_period to 7 days or more.",
    url=f"{_PAGE}#neptune-5",
    frameworks={"FSBP": ("Neptune.5",), "Checkov": ("CKV_AWS_361",)},
    config=minimum_days(7),
)
def neptune_backups(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    return kept_long_enough(resource, "backupRetentionPeriod", 1, config)


@control(
    id="neptune-deletion-protection",
    title="Neptune clusters and graphs are protected against deletion",
    severity=Severity.LOW,
    types=(_CLUSTER, _GLOBAL, _GRAPH),
    why="One wrong command or deployment deletes the graph.",
    remediation="Set deletion_protection to True.",
    url=f"{_PAGE}#neptune-4",
    frameworks={"FSBP": ("Neptune.4",), "Checkov": ("CKV2_AWS_58",)},
)
def neptune_deletion_protection(resource: Resource) -> Verdict:
    # Neptune Analytics protects a graph by default.
    return switched_on(resource, "deletionProtection", "has no deletion protection", default=resource.type == _GRAPH)


@control(
    id="neptune-snapshot-tags",
    title="Neptune clusters copy their tags to snapshots",
    severity=Severity.LOW,
    types=(_CLUSTER,),
    why="Permissions, backup rules and cost reports that depend on tags do not see snapshots without them.",
    remediation="Set copy_tags_to_snapshot to True.",
    url=f"{_PAGE}#neptune-8",
    frameworks={"FSBP": ("Neptune.8",), "Checkov": ("CKV_AWS_362",)},
)
def neptune_snapshot_tags(resource: Resource) -> Verdict:
    return switched_on(resource, "copyTagsToSnapshot", "does not copy its tags to snapshots")


@control(
    id="neptune-graph-private",
    title="Graphs of Neptune Analytics are not reachable from the internet",
    severity=Severity.HIGH,
    types=(_GRAPH,),
    why="The endpoint of the graph is on the internet, where one leaked access key reads all of it.",
    remediation="Set public_connectivity to False, and add a private graph endpoint to the VPC.",
    url="https://docs.aws.amazon.com/neptune-analytics/latest/apiref/API_CreateGraph.html",
)
def neptune_graph_private(resource: Resource) -> Verdict:
    path = "publicConnectivity"
    return Fail("is reachable from the internet", path) if resource.get(path, False) else Pass()
