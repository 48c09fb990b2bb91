"""Neptune clusters, global clusters, parameter groups and graphs."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import graph_database as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

CLUSTER, GLOBAL = "aws:neptune/cluster:Cluster", "aws:neptune/globalCluster:GlobalCluster"
GROUP, GRAPH = "aws:neptune/clusterParameterGroup:ClusterParameterGroup", "aws:neptunegraph/graph:Graph"
AT_REST, EVENTS, EXPORTED = controls.neptune_encrypted, controls.neptune_audit_events, controls.neptune_audit_log_exported
LOGIN, BACKUPS, PROTECTED = controls.neptune_iam_authentication, controls.neptune_backups, controls.neptune_deletion_protection
TAGS, PRIVATE = controls.neptune_snapshot_tags, controls.neptune_graph_private
UNENCRYPTED = Fail("stores its data unencrypted", "storageEncrypted")
INHERITED = NotApplicable("is encrypted as its source is")
DEFAULT_GROUP = Fail("has the default parameter group, which records no audit events", "neptuneClusterParameterGroupName")
OWN_GROUP = NotApplicable("has a parameter group of its own, which is checked itself")
NO_EVENTS = Fail("records no audit events", "parameters")
NO_AUDIT = Fail("exports no audit log", "enableCloudwatchLogsExports")
UNPROTECTED = Fail("has no deletion protection", "deletionProtection")

SWITCHES = [
    (LOGIN, "iamDatabaseAuthenticationEnabled", "lets in clients without a login"),
    (TAGS, "copyTagsToSnapshot", "does not copy its tags to snapshots"),
    (AT_REST, "storageEncrypted", "stores its data unencrypted"),
    (PROTECTED, "deletionProtection", "has no deletion protection"),
]


def audit(value: Any, name: Any = "neptune_enable_audit_log") -> dict[str, Any]:
    return {"parameters": [{"name": "neptune_query_timeout", "value": "1000"}, {"name": name, "value": value}]}


@pytest.mark.parametrize(
    ("control", "kind", "props", "expected"),
    [
        *[(control, CLUSTER, {path: True}, Pass()) for control, path, _ in SWITCHES],
        *[(control, CLUSTER, {path: False}, Fail(weakness, path)) for control, path, weakness in SWITCHES],
        *[(control, CLUSTER, {}, Fail(weakness, path)) for control, path, weakness in SWITCHES],
        *[(control, CLUSTER, {path: UNKNOWN}, Unknown(path)) for control, path, _ in SWITCHES],
        (AT_REST, GLOBAL, {}, UNENCRYPTED),
        (AT_REST, GLOBAL, {"sourceDbClusterIdentifier": UNKNOWN}, INHERITED),
        (AT_REST, CLUSTER, {"snapshotIdentifier": "snapshot"}, INHERITED),
        (AT_REST, CLUSTER, {"replicationSourceIdentifier": "arn"}, INHERITED),
        (AT_REST, CLUSTER, {"snapshotIdentifier": "snapshot", "storageEncrypted": False}, UNENCRYPTED),
        *[(EVENTS, GROUP, audit(value), Pass()) for value in ("1", 1, "enabled")],
        (EVENTS, GROUP, audit("0"), NO_EVENTS),
        (EVENTS, GROUP, {}, NO_EVENTS),
        (EVENTS, GROUP, audit(UNKNOWN), Unknown("parameters")),
        (EVENTS, GROUP, audit("1", name=UNKNOWN), Unknown("parameters")),
        (EVENTS, CLUSTER, {}, DEFAULT_GROUP),
        (EVENTS, CLUSTER, {"neptuneClusterParameterGroupName": "default.neptune1.3"}, DEFAULT_GROUP),
        (EVENTS, CLUSTER, {"neptuneClusterParameterGroupName": "audited"}, OWN_GROUP),
        (EVENTS, CLUSTER, {"neptuneClusterParameterGroupName": UNKNOWN}, OWN_GROUP),
        (EXPORTED, CLUSTER, {"enableCloudwatchLogsExports": ["audit"]}, Pass()),
        (EXPORTED, CLUSTER, {"enableCloudwatchLogsExports": ["slowquery"]}, NO_AUDIT),
        (EXPORTED, CLUSTER, {}, NO_AUDIT),
        (EXPORTED, CLUSTER, {"enableCloudwatchLogsExports": ["slowquery", UNKNOWN]}, Unknown("enableCloudwatchLogsExports")),
        (BACKUPS, CLUSTER, {"backupRetentionPeriod": 7}, Pass()),
        (BACKUPS, CLUSTER, {"backupRetentionPeriod": 6}, Fail("keeps backups for 6 days", "backupRetentionPeriod")),
        (BACKUPS, CLUSTER, {}, Fail("keeps backups for 1 day", "backupRetentionPeriod")),
        (BACKUPS, CLUSTER, {"backupRetentionPeriod": UNKNOWN}, Unknown("backupRetentionPeriod")),
        (PROTECTED, GLOBAL, {}, UNPROTECTED),
        (PROTECTED, GRAPH, {}, Pass()),
        (PROTECTED, GRAPH, {"deletionProtection": False}, UNPROTECTED),
        (PRIVATE, GRAPH, {"publicConnectivity": False}, Pass()),
        (PRIVATE, GRAPH, {}, Pass()),
        (PRIVATE, GRAPH, {"publicConnectivity": True}, Fail("is reachable from the internet", "publicConnectivity")),
        (PRIVATE, GRAPH, {"publicConnectivity": UNKNOWN}, Unknown("publicConnectivity")),
    ],
)
def test_neptune(control: Control, kind: str, props: dict[str, Any], expected: Verdict) -> None:
    assert kind in control.types
    assert verdicts(control, resource(kind, props=props)) == [expected]
