"""ElastiCache replication groups, serverless caches and single nodes."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import cache as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, secret, verdicts

GROUP, SERVERLESS = "aws:elasticache/replicationGroup:ReplicationGroup", "aws:elasticache/serverlessCache:ServerlessCache"
CLUSTER = "aws:elasticache/cluster:Cluster"
AT_REST, TLS, LOGIN = controls.elasticache_encrypted_at_rest, controls.elasticache_tls_required, controls.elasticache_login_required
FAILOVER, BACKUPS, TOKEN = controls.elasticache_failover, controls.elasticache_backups, controls.elasticache_token_not_in_state
ALWAYS = NotApplicable("is serverless, where ElastiCache always does this")
SECONDARY = NotApplicable("is the secondary of a global datastore, which takes this setting from its primary")


def judged(control: Control, props: dict[str, Any], kind: str = GROUP) -> Verdict:
    (found,) = verdicts(control, resource(kind, props=props))
    return found


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"atRestEncryptionEnabled": True}, Pass()),
        ({"atRestEncryptionEnabled": "true"}, Pass()),
        ({"atRestEncryptionEnabled": False, "engine": "valkey"}, Fail("stores its data unencrypted", "atRestEncryptionEnabled")),
        ({"engine": "redis"}, Fail("stores its data unencrypted", "atRestEncryptionEnabled")),
        ({}, Fail("stores its data unencrypted", "atRestEncryptionEnabled")),
        ({"engine": "valkey"}, Pass()),
        ({"atRestEncryptionEnabled": UNKNOWN}, Unknown("atRestEncryptionEnabled")),
        ({"engine": UNKNOWN}, Unknown("engine")),
    ],
)
def test_at_rest(props: dict[str, Any], expected: Verdict) -> None:
    assert judged(AT_REST, props) == expected


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"transitEncryptionEnabled": True}, Pass()),
        ({"transitEncryptionEnabled": True, "transitEncryptionMode": "required"}, Pass()),
        (
            {"transitEncryptionEnabled": True, "transitEncryptionMode": "preferred"},
            Fail("allows connections without TLS while its mode is preferred", "transitEncryptionMode"),
        ),
        ({"transitEncryptionEnabled": True, "transitEncryptionMode": UNKNOWN}, Unknown("transitEncryptionMode")),
        ({"transitEncryptionEnabled": False}, Fail("allows connections without TLS", "transitEncryptionEnabled")),
        ({}, Fail("allows connections without TLS", "transitEncryptionEnabled")),
        ({"transitEncryptionEnabled": UNKNOWN}, Unknown("transitEncryptionEnabled")),
    ],
)
def test_tls(props: dict[str, Any], expected: Verdict) -> None:
    assert judged(TLS, props) == expected


OPEN = "allows clients without authentication"


@pytest.mark.parametrize(
    ("kind", "props", "expected"),
    [
        (GROUP, {"userGroupIds": ["users"]}, Pass()),
        (GROUP, {"userGroupIds": [UNKNOWN]}, Pass()),
        (GROUP, {"authTokenWo": secret("hunter2")}, Pass()),
        (GROUP, {"authToken": secret("hunter2")}, Pass()),
        (GROUP, {"userGroupIds": UNKNOWN}, Unknown("userGroupIds")),
        (GROUP, {"userGroupIds": [], "authToken": UNKNOWN}, Unknown("authToken")),
        (GROUP, {"userGroupIds": ["users"], "authToken": UNKNOWN}, Pass()),
        (GROUP, {"userGroupIds": []}, Fail(OPEN, "userGroupIds")),
        (GROUP, {}, Fail(OPEN, "userGroupIds")),
        (SERVERLESS, {"userGroupId": "users"}, Pass()),
        (SERVERLESS, {"userGroupId": UNKNOWN}, Unknown("userGroupId")),
        (SERVERLESS, {}, Fail(OPEN, "userGroupId")),
    ],
)
def test_login(kind: str, props: dict[str, Any], expected: Verdict) -> None:
    assert judged(LOGIN, props, kind) == expected


@pytest.mark.parametrize("value", ["hunter2", secret("hunter2"), UNKNOWN])
def test_token(value: Any) -> None:
    assert judged(TOKEN, {"authToken": value}) == Fail("keeps its auth token in the state", "authToken")
    assert judged(TOKEN, {"authTokenWo": value}) == Pass()


ONE_NODE = Fail("has one node, which cannot fail over", "numCacheClusters")
ONE_NODE_EACH = Fail("has shards of one node, which cannot fail over", "replicasPerNodeGroup")
BY_HAND = Fail("has no automatic failover", "automaticFailoverEnabled")
ON = {"automaticFailoverEnabled": True}


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({**ON, "numCacheClusters": 2}, Pass()),
        ({**ON, "numNodeGroups": 2, "replicasPerNodeGroup": 1}, Pass()),
        ({**ON, "numNodeGroups": UNKNOWN, "replicasPerNodeGroup": 1}, Pass()),
        ({**ON, "numNodeGroups": 2, "nodeGroupConfigurations": [{"replicaCount": 1}]}, Pass()),
        ({"automaticFailoverEnabled": UNKNOWN, "numCacheClusters": 2}, Unknown("automaticFailoverEnabled")),
        ({"automaticFailoverEnabled": False, "numCacheClusters": 2}, BY_HAND),
        ({"numCacheClusters": 2}, BY_HAND),
        ({**ON, "numCacheClusters": UNKNOWN}, Unknown("numCacheClusters")),
        ({**ON, "numCacheClusters": 1}, ONE_NODE),
        ({}, ONE_NODE),
        ({**ON, "numNodeGroups": 2}, ONE_NODE_EACH),
        ({**ON, "numNodeGroups": 2, "replicasPerNodeGroup": 0}, ONE_NODE_EACH),
        ({"globalReplicationGroupId": UNKNOWN}, Pass()),
        ({"globalReplicationGroupId": "global", "numCacheClusters": 1}, ONE_NODE),
    ],
)
def test_failover(props: dict[str, Any], expected: Verdict) -> None:
    assert judged(FAILOVER, props) == expected


@pytest.mark.parametrize(
    ("kind", "props", "expected"),
    [
        (GROUP, {"snapshotRetentionLimit": 1}, Pass()),
        (SERVERLESS, {"snapshotRetentionLimit": 1}, Pass()),
        (CLUSTER, {"snapshotRetentionLimit": 1, "engine": "redis"}, Pass()),
        *[(kind, {"snapshotRetentionLimit": 0}, Fail("keeps no backups", "snapshotRetentionLimit")) for kind in (GROUP, SERVERLESS)],
        (GROUP, {}, Fail("keeps no backups", "snapshotRetentionLimit")),
        (GROUP, {"snapshotRetentionLimit": UNKNOWN}, Unknown("snapshotRetentionLimit")),
        (CLUSTER, {"engine": "memcached"}, NotApplicable("runs Memcached, which has no backups")),
        (SERVERLESS, {"engine": "memcached"}, NotApplicable("runs Memcached, which has no backups")),
        (CLUSTER, {"replicationGroupId": UNKNOWN}, NotApplicable("is a node of a replication group, which is checked itself")),
    ],
)
def test_backups(kind: str, props: dict[str, Any], expected: Verdict) -> None:
    assert judged(BACKUPS, props, kind) == expected


def test_longer_backups_can_be_demanded() -> None:
    for days, message in ((1, "keeps backups for 1 day"), (6, "keeps backups for 6 days")):
        found = verdicts(BACKUPS, resource(GROUP, props={"snapshotRetentionLimit": days}), {"minimumDays": 7})
        assert found == [Fail(message, "snapshotRetentionLimit")]


def test_what_others_decide() -> None:
    for control in (AT_REST, TLS, FAILOVER):
        assert judged(control, {}, SERVERLESS) == ALWAYS
    for control in (AT_REST, TLS, LOGIN):
        for primary in ("global", UNKNOWN):
            assert judged(control, {"globalReplicationGroupId": primary}) == SECONDARY


NO_UPGRADES = Fail("does not install minor version upgrades automatically", "autoMinorVersionUpgrade")


@pytest.mark.parametrize(
    ("kind", "props", "expected"),
    [
        *[
            row
            for kind in (GROUP, CLUSTER)
            for row in (
                (kind, {}, Pass()),
                (kind, {"autoMinorVersionUpgrade": True}, Pass()),
                (kind, {"autoMinorVersionUpgrade": "true"}, Pass()),
                (kind, {"autoMinorVersionUpgrade": False}, NO_UPGRADES),
                (kind, {"autoMinorVersionUpgrade": "false"}, NO_UPGRADES),
                (kind, {"autoMinorVersionUpgrade": UNKNOWN}, Unknown("autoMinorVersionUpgrade")),
            )
        ],
        (SERVERLESS, {}, ALWAYS),
        (CLUSTER, {"engine": "memcached"}, NotApplicable("runs Memcached, which has no automatic upgrades")),
        (CLUSTER, {"replicationGroupId": UNKNOWN}, NotApplicable("is a node of a replication group, which is checked itself")),
    ],
)
def test_upgrades(kind: str, props: dict[str, Any], expected: Verdict) -> None:
    assert judged(controls.elasticache_minor_upgrades, props, kind) == expected
