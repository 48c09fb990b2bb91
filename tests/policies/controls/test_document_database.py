"""DocumentDB clusters, global clusters, elastic clusters and parameter groups."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import document_database as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, secret, verdicts

CLUSTER, ELASTIC, GLOBAL = "aws:docdb/cluster:Cluster", "aws:docdb/elasticCluster:ElasticCluster", "aws:docdb/globalCluster:GlobalCluster"
GROUP = "aws:docdb/clusterParameterGroup:ClusterParameterGroup"
AT_REST, TLS, EVENTS = controls.docdb_encrypted, controls.docdb_tls_required, controls.docdb_audit_events
EXPORTED, BACKUPS, PROTECTED = controls.docdb_audit_log_exported, controls.docdb_backups, controls.docdb_deletion_protection
PASSWORD = controls.docdb_password_not_in_state
UNENCRYPTED = Fail("stores its data unencrypted", "storageEncrypted")
INHERITED = NotApplicable("is encrypted as its source is")
DEFAULT_GROUP = Fail("has the default parameter group, which records no audit events", "dbClusterParameterGroupName")
OWN_GROUP = NotApplicable("has a parameter group of its own, which is checked itself")
NO_EVENTS, NO_TLS = Fail("records no audit events", "parameters"), Fail("lets clients connect without TLS", "parameters")
NO_AUDIT = Fail("exports no audit log", "enabledCloudwatchLogsExports")
ONE_DAY = Fail("keeps backups for 1 day", "backupRetentionPeriod")
UNPROTECTED = Fail("has no deletion protection", "deletionProtection")


def parameters(name: Any, value: Any) -> dict[str, Any]:
    return {"parameters": [{"name": "ttl_monitor", "value": "enabled"}, {"name": name, "value": value}]}


@pytest.mark.parametrize(
    ("control", "kind", "props", "expected"),
    [
        *[
            row
            for kind in (CLUSTER, GLOBAL)
            for row in (
                (AT_REST, kind, {"storageEncrypted": True}, Pass()),
                (AT_REST, kind, {"storageEncrypted": False}, UNENCRYPTED),
                (AT_REST, kind, {}, UNENCRYPTED),
                (AT_REST, kind, {"storageEncrypted": UNKNOWN}, Unknown("storageEncrypted")),
                (PROTECTED, kind, {"deletionProtection": True}, Pass()),
                (PROTECTED, kind, {"deletionProtection": False}, UNPROTECTED),
                (PROTECTED, kind, {}, UNPROTECTED),
                (PROTECTED, kind, {"deletionProtection": UNKNOWN}, Unknown("deletionProtection")),
            )
        ],
        (AT_REST, CLUSTER, {"snapshotIdentifier": "snapshot"}, INHERITED),
        (AT_REST, CLUSTER, {"restoreToPointInTime": {"sourceClusterIdentifier": UNKNOWN}}, INHERITED),
        (AT_REST, GLOBAL, {"sourceDbClusterIdentifier": UNKNOWN}, INHERITED),
        (AT_REST, CLUSTER, {"snapshotIdentifier": "snapshot", "storageEncrypted": False}, UNENCRYPTED),
        (TLS, GROUP, {}, Pass()),
        *[(TLS, GROUP, parameters("tls", value), Pass()) for value in ("enabled", "tls1.2+", "fips-140-3")],
        (TLS, GROUP, parameters("tls", "disabled"), NO_TLS),
        (TLS, GROUP, parameters("TLS", "Disabled"), NO_TLS),
        (TLS, GROUP, parameters("tls", UNKNOWN), Unknown("parameters")),
        (TLS, GROUP, parameters(UNKNOWN, "disabled"), Unknown("parameters")),
        (TLS, GROUP, {"parameters": UNKNOWN}, Unknown("parameters")),
        *[(EVENTS, GROUP, parameters("audit_logs", value), Pass()) for value in ("enabled", "ddl", "all", "dml_write")],
        *[(EVENTS, GROUP, parameters("audit_logs", value), NO_EVENTS) for value in ("disabled", "none")],
        (EVENTS, GROUP, {}, NO_EVENTS),
        (EVENTS, GROUP, parameters("audit_logs", UNKNOWN), Unknown("parameters")),
        (EVENTS, CLUSTER, {}, DEFAULT_GROUP),
        (EVENTS, CLUSTER, {"dbClusterParameterGroupName": "default.docdb5.0"}, DEFAULT_GROUP),
        (EVENTS, CLUSTER, {"dbClusterParameterGroupName": "audited"}, OWN_GROUP),
        (EVENTS, CLUSTER, {"dbClusterParameterGroupName": UNKNOWN}, OWN_GROUP),
        (EXPORTED, CLUSTER, {"enabledCloudwatchLogsExports": ["profiler", "audit"]}, Pass()),
        (EXPORTED, CLUSTER, {"enabledCloudwatchLogsExports": ["profiler"]}, NO_AUDIT),
        (EXPORTED, CLUSTER, {}, NO_AUDIT),
        (EXPORTED, CLUSTER, {"enabledCloudwatchLogsExports": UNKNOWN}, Unknown("enabledCloudwatchLogsExports")),
        *[
            row
            for kind in (CLUSTER, ELASTIC)
            for row in (
                (BACKUPS, kind, {"backupRetentionPeriod": 7}, Pass()),
                (BACKUPS, kind, {"backupRetentionPeriod": 6}, Fail("keeps backups for 6 days", "backupRetentionPeriod")),
                (BACKUPS, kind, {}, ONE_DAY),
                (BACKUPS, kind, {"backupRetentionPeriod": UNKNOWN}, Unknown("backupRetentionPeriod")),
            )
        ],
        (PASSWORD, CLUSTER, {"manageMasterUserPassword": True}, Pass()),
        (PASSWORD, CLUSTER, {"masterPasswordWo": secret("hunter2")}, Pass()),
        (PASSWORD, CLUSTER, {}, Pass()),
        *[
            (PASSWORD, CLUSTER, {"masterPassword": value}, Fail("keeps its master password in the state", "masterPassword"))
            for value in ("hunter2", secret("hunter2"), UNKNOWN)
        ],
        (PASSWORD, ELASTIC, {"authType": "SECRET_ARN", "adminUserPassword": "arn"}, Pass()),
        (
            PASSWORD,
            ELASTIC,
            {"authType": "PLAIN_TEXT", "adminUserPassword": "hunter2"},
            Fail("keeps its master password in the state", "adminUserPassword"),
        ),
        (PASSWORD, ELASTIC, {"authType": UNKNOWN, "adminUserPassword": "hunter2"}, Unknown("authType")),
    ],
)
def test_documentdb(control: Control, kind: str, props: dict[str, Any], expected: Verdict) -> None:
    assert kind in control.types
    assert verdicts(control, resource(kind, props=props)) == [expected]


def test_shorter_backups_can_be_allowed() -> None:
    assert verdicts(BACKUPS, resource(CLUSTER, props={"backupRetentionPeriod": 1}), {"minimumDays": 1}) == [Pass()]
    assert verdicts(BACKUPS, resource(CLUSTER, props={"backupRetentionPeriod": 0}), {"minimumDays": 1}) == [
        Fail("keeps no backups", "backupRetentionPeriod")
    ]
