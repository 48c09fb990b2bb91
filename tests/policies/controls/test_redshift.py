"""Redshift clusters, workgroups and namespaces."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import redshift as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, secret, stack, verdicts

CLUSTER, GROUP, LOGGING = "aws:redshift/cluster:Cluster", "aws:redshift/parameterGroup:ParameterGroup", "aws:redshift/logging:Logging"
WORKGROUP, NAMESPACE = "aws:redshiftserverless/workgroup:Workgroup", "aws:redshiftserverless/namespace:Namespace"
AT_REST, TLS, AUDIT = controls.redshift_encrypted, controls.redshift_tls_required, controls.redshift_audit_log
ROUTING, UPGRADES, BACKUPS = controls.redshift_vpc_routing, controls.redshift_version_upgrades, controls.redshift_backups
NAME, DATABASE, PASSWORD = (
    controls.redshift_administrator_name,
    controls.redshift_database_name,
    controls.redshift_password_not_in_state,
)
ZONES = controls.redshift_several_zones
UNENCRYPTED = Fail("stores its data unencrypted", "encrypted")
OLD_GROUP = Fail("has the default parameter group of old clusters, which accepts connections without TLS", "clusterParameterGroupName")
OVER_INTERNET = Fail("sends data over the internet", "enhancedVpcRouting")
NO_UPGRADES = Fail("does not install upgrades automatically", "allowVersionUpgrade")
RETENTION = "automatedSnapshotRetentionPeriod"


def group(value: Any = None, name: Any = "require_ssl", family: Any = "redshift-2.0") -> dict[str, Any]:
    return {"family": family, "parameters": [] if value is None else [{"name": name, "value": value}]}


def setting(value: Any, key: Any = "require_ssl") -> dict[str, Any]:
    return {"configParameters": [{"parameterKey": "datestyle", "parameterValue": "ISO"}, {"parameterKey": key, "parameterValue": value}]}


@pytest.mark.parametrize(
    ("control", "kind", "props", "expected"),
    [
        *[(AT_REST, CLUSTER, {"encrypted": value}, Pass()) for value in (True, "true")],
        *[(AT_REST, CLUSTER, {"encrypted": value}, UNENCRYPTED) for value in (False, "false")],
        (AT_REST, CLUSTER, {}, Pass()),
        (AT_REST, CLUSTER, {"encrypted": UNKNOWN}, Unknown("encrypted")),
        (TLS, GROUP, group("true"), Pass()),
        (TLS, GROUP, group("1"), Pass()),
        (TLS, GROUP, group("false"), Fail("sets require_ssl to false", "parameters")),
        (TLS, GROUP, group(), Pass()),
        (TLS, GROUP, group(family="redshift-1.0"), Fail("leaves require_ssl off", "parameters")),
        (TLS, GROUP, group("true", family="redshift-1.0"), Pass()),
        (TLS, GROUP, group(UNKNOWN), Unknown("parameters")),
        (TLS, GROUP, group("true", name=UNKNOWN), Unknown("parameters")),
        (TLS, GROUP, group(family=UNKNOWN), Unknown("family")),
        (TLS, CLUSTER, {}, Pass()),
        (TLS, CLUSTER, {"clusterParameterGroupName": "default.redshift-2.0"}, Pass()),
        (TLS, CLUSTER, {"clusterParameterGroupName": UNKNOWN}, Pass()),
        (TLS, CLUSTER, {"clusterParameterGroupName": "default.redshift-1.0"}, OLD_GROUP),
        (TLS, WORKGROUP, {}, Pass()),
        (TLS, WORKGROUP, setting("true"), Pass()),
        (TLS, WORKGROUP, setting("false"), Fail("accepts connections without TLS", "configParameters.1.parameterValue")),
        (TLS, WORKGROUP, setting(UNKNOWN), Unknown("configParameters.1.parameterValue")),
        (TLS, WORKGROUP, setting("false", key=UNKNOWN), Unknown("configParameters.1.parameterKey")),
        *[
            row
            for kind in (CLUSTER, WORKGROUP)
            for row in (
                (ROUTING, kind, {"enhancedVpcRouting": True}, Pass()),
                (ROUTING, kind, {"enhancedVpcRouting": False}, OVER_INTERNET),
                (ROUTING, kind, {}, OVER_INTERNET),
                (ROUTING, kind, {"enhancedVpcRouting": UNKNOWN}, Unknown("enhancedVpcRouting")),
            )
        ],
        (UPGRADES, CLUSTER, {"allowVersionUpgrade": True}, Pass()),
        (UPGRADES, CLUSTER, {}, Pass()),
        (UPGRADES, CLUSTER, {"allowVersionUpgrade": False}, NO_UPGRADES),
        (UPGRADES, CLUSTER, {"allowVersionUpgrade": UNKNOWN}, Unknown("allowVersionUpgrade")),
        (BACKUPS, CLUSTER, {RETENTION: 7}, Pass()),
        (BACKUPS, CLUSTER, {RETENTION: 6}, Fail("keeps backups for 6 days", RETENTION)),
        (BACKUPS, CLUSTER, {RETENTION: 0}, Fail("keeps no backups", RETENTION)),
        (BACKUPS, CLUSTER, {}, Fail("keeps backups for 1 day", RETENTION)),
        (BACKUPS, CLUSTER, {RETENTION: UNKNOWN}, Unknown(RETENTION)),
        (NAME, CLUSTER, {"masterUsername": "shop"}, Pass()),
        (NAME, CLUSTER, {"masterUsername": "awsuser"}, Fail("has the default administrator awsuser", "masterUsername")),
        (NAME, CLUSTER, {}, NotApplicable("names no administrator")),
        (NAME, CLUSTER, {"snapshotIdentifier": UNKNOWN}, NotApplicable("takes its administrator from its snapshot")),
        (NAME, CLUSTER, {"masterUsername": UNKNOWN}, Unknown("masterUsername")),
        (NAME, NAMESPACE, {"adminUsername": "shop"}, Pass()),
        (NAME, NAMESPACE, {"adminUsername": "admin"}, Fail("has the default administrator admin", "adminUsername")),
        (NAME, NAMESPACE, {}, Fail("has the default administrator admin", "adminUsername")),
        (NAME, NAMESPACE, {"adminUsername": UNKNOWN}, Unknown("adminUsername")),
        (DATABASE, CLUSTER, {"databaseName": "shop"}, Pass()),
        (DATABASE, CLUSTER, {"databaseName": "dev"}, Fail("has the default database dev", "databaseName")),
        (DATABASE, CLUSTER, {}, Fail("has the default database dev", "databaseName")),
        (DATABASE, CLUSTER, {"snapshotArn": "arn"}, NotApplicable("takes its databases from its snapshot")),
        (DATABASE, CLUSTER, {"databaseName": UNKNOWN}, Unknown("databaseName")),
        (PASSWORD, CLUSTER, {"manageMasterPassword": True}, Pass()),
        (PASSWORD, CLUSTER, {"masterPasswordWo": secret("hunter2")}, Pass()),
        (PASSWORD, NAMESPACE, {}, Pass()),
        *[
            (PASSWORD, kind, {path: value}, Fail("keeps its master password in the state", path))
            for kind, path in ((CLUSTER, "masterPassword"), (NAMESPACE, "adminUserPassword"))
            for value in ("hunter2", secret("hunter2"), UNKNOWN)
        ],
        (ZONES, CLUSTER, {"multiAz": True}, Pass()),
        (ZONES, CLUSTER, {"multiAz": False}, Fail("runs in one Availability Zone", "multiAz")),
        (ZONES, CLUSTER, {}, Fail("runs in one Availability Zone", "multiAz")),
        (ZONES, CLUSTER, {"multiAz": UNKNOWN}, Unknown("multiAz")),
    ],
)
def test_redshift(control: Control, kind: str, props: dict[str, Any], expected: Verdict) -> None:
    assert kind in control.types
    assert verdicts(control, resource(kind, props=props)) == [expected]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("arn:aws:kms:eu-west-1:123456789012:key/1", Pass()),
        (UNKNOWN, Pass()),
        *[(none, Fail("has a key that AWS owns", "kmsKeyId")) for none in (None, "", "AWS_OWNED_KMS_KEY")],
    ],
)
def test_key_of_a_namespace(key: Any, expected: Verdict) -> None:
    assert verdicts(controls.redshift_customer_key, resource(NAMESPACE, props={} if key is None else {"kmsKeyId": key})) == [expected]


def test_zones_outside_production() -> None:
    found = verdicts(ZONES, resource(CLUSTER), {"production": False})
    assert found == [NotApplicable("need not survive the loss of a zone: production is false in the profile")]


@pytest.mark.parametrize(
    ("exports", "expected"),
    [
        (["userlog", "connectionlog", "useractivitylog"], Pass()),
        (["userlog"], Fail("does not export connectionlog", "logExports")),
        ([], Fail("does not export connectionlog and userlog", "logExports")),
        (None, Fail("does not export connectionlog and userlog", "logExports")),
        (UNKNOWN, Unknown("logExports")),
    ],
)
def test_logs_of_a_namespace(exports: Any, expected: Verdict) -> None:
    assert verdicts(AUDIT, resource(NAMESPACE, props={"logExports": exports})) == [("x", expected)]


def test_logs_of_a_cluster() -> None:
    def judged(*others: Any, **props: Any) -> list[Verdict]:
        return [verdict for _, verdict in verdicts(AUDIT, stack(resource(CLUSTER, "warehouse", props), *others))]

    other = resource(CLUSTER, "other")
    assert judged(resource(LOGGING, props={"clusterIdentifier": UNKNOWN}, deps={"clusterIdentifier": ["warehouse"]})) == [Pass()]
    assert judged(resource(LOGGING, props={"clusterIdentifier": "shop"}), id="shop") == [Pass()]
    assert judged(logging={"enable": True}) == [Pass()]
    assert judged(logging={"enable": False}) == [Fail("writes no audit log")]
    assert judged() == [Fail("writes no audit log")]
    assert judged(resource(LOGGING, props={"clusterIdentifier": "elsewhere"}), id="shop") == [Fail("writes no audit log")]
    assert judged(resource(LOGGING, props={"clusterIdentifier": UNKNOWN}, deps={"clusterIdentifier": ["other"]}), other) == [
        Fail("writes no audit log"),
        Pass(),
    ]
    assert judged(resource(LOGGING, "log", {"clusterIdentifier": UNKNOWN})) == [Unknown("clusterIdentifier of log")]
