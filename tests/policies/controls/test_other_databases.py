"""Keyspaces, Timestream for InfluxDB and Aurora DSQL."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import other_databases as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

RECOVERY, PRIVATE, PROTECTED = (
    controls.keyspaces_point_in_time_recovery,
    controls.influxdb_private,
    controls.dsql_deletion_protection,
)
NO_RECOVERY = Fail("has no point-in-time recovery", "pointInTimeRecovery.status")
UNPROTECTED = Fail("has no deletion protection", "deletionProtectionEnabled")


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (RECOVERY, {"pointInTimeRecovery": {"status": "ENABLED"}}, Pass()),
        (RECOVERY, {"pointInTimeRecovery": {"status": "DISABLED"}}, NO_RECOVERY),
        (RECOVERY, {}, NO_RECOVERY),
        (RECOVERY, {"pointInTimeRecovery": UNKNOWN}, Unknown("pointInTimeRecovery.status")),
        (PRIVATE, {"publiclyAccessible": False}, Pass()),
        (PRIVATE, {}, Pass()),
        (PRIVATE, {"publiclyAccessible": True}, Fail("is publicly accessible", "publiclyAccessible")),
        (PRIVATE, {"publiclyAccessible": UNKNOWN}, Unknown("publiclyAccessible")),
        (PROTECTED, {"deletionProtectionEnabled": True}, Pass()),
        (PROTECTED, {"deletionProtectionEnabled": False}, UNPROTECTED),
        (PROTECTED, {}, UNPROTECTED),
        (PROTECTED, {"deletionProtectionEnabled": UNKNOWN}, Unknown("deletionProtectionEnabled")),
    ],
)
def test_other_databases(control: Control, props: dict[str, Any], expected: Verdict) -> None:
    for kind in control.types:
        assert verdicts(control, resource(kind, props=props)) == [expected]


def test_types() -> None:
    assert RECOVERY.types == ("aws:keyspaces/table:Table",)
    assert PRIVATE.types == ("aws:timestreaminfluxdb/dbInstance:DbInstance", "aws:timestreaminfluxdb/dbCluster:DbCluster")
    assert PROTECTED.types == ("aws:dsql/cluster:Cluster",)
