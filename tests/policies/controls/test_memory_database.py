"""MemoryDB and DAX clusters."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import memory_database as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, secret, verdicts

TLS, LOGIN, BACKUPS = controls.memorydb_tls_required, controls.memorydb_login_required, controls.memorydb_backups
PASSWORD, DAX_AT_REST, DAX_TLS = controls.memorydb_password_not_in_state, controls.dax_encrypted, controls.dax_tls_required
NO_TLS = Fail("accepts connections without TLS", "tlsEnabled")
NO_BACKUPS = Fail("keeps no backups", "snapshotRetentionLimit")
IN_STATE = Fail("keeps its password in the state", "authenticationMode.passwords")
DAX_UNENCRYPTED = Fail("stores its data unencrypted", "serverSideEncryption.enabled")
DAX_NO_TLS = Fail("accepts connections without TLS", "clusterEndpointEncryptionType")


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (TLS, {"tlsEnabled": True}, Pass()),
        (TLS, {}, Pass()),
        (TLS, {"tlsEnabled": False}, NO_TLS),
        (TLS, {"tlsEnabled": UNKNOWN}, Unknown("tlsEnabled")),
        (LOGIN, {"aclName": "shop"}, Pass()),
        (LOGIN, {"aclName": "open-access"}, Fail("lets in clients without a login", "aclName")),
        (LOGIN, {}, Pass()),
        (LOGIN, {"aclName": UNKNOWN}, Unknown("aclName")),
        (BACKUPS, {"snapshotRetentionLimit": 1}, Pass()),
        (BACKUPS, {"snapshotRetentionLimit": 0}, NO_BACKUPS),
        (BACKUPS, {}, NO_BACKUPS),
        (BACKUPS, {"snapshotRetentionLimit": UNKNOWN}, Unknown("snapshotRetentionLimit")),
        (PASSWORD, {"authenticationMode": {"type": "iam"}}, Pass()),
        (PASSWORD, {}, Pass()),
        *[
            (PASSWORD, {"authenticationMode": {"type": "password", "passwords": value}}, IN_STATE)
            for value in (["hunter2"], secret(["hunter2"]), UNKNOWN)
        ],
        (PASSWORD, {"authenticationMode": UNKNOWN}, Unknown("authenticationMode")),
        (DAX_AT_REST, {"serverSideEncryption": {"enabled": True}}, Pass()),
        (DAX_AT_REST, {"serverSideEncryption": {"enabled": False}}, DAX_UNENCRYPTED),
        (DAX_AT_REST, {}, DAX_UNENCRYPTED),
        (DAX_AT_REST, {"serverSideEncryption": UNKNOWN}, Unknown("serverSideEncryption.enabled")),
        (DAX_TLS, {"clusterEndpointEncryptionType": "TLS"}, Pass()),
        (DAX_TLS, {"clusterEndpointEncryptionType": "NONE"}, DAX_NO_TLS),
        (DAX_TLS, {}, DAX_NO_TLS),
        (DAX_TLS, {"clusterEndpointEncryptionType": UNKNOWN}, Unknown("clusterEndpointEncryptionType")),
    ],
)
def test_memory_databases(control: Control, props: dict[str, Any], expected: Verdict) -> None:
    (kind,) = control.types
    assert verdicts(control, resource(kind, props=props)) == [expected]


def test_types() -> None:
    assert {kind for control in (TLS, LOGIN, BACKUPS) for kind in control.types} == {"aws:memorydb/cluster:Cluster"}
    assert PASSWORD.types == ("aws:memorydb/user:User",)
    assert {kind for control in (DAX_AT_REST, DAX_TLS) for kind in control.types} == {"aws:dax/cluster:Cluster"}
