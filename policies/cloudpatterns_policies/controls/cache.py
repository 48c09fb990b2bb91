"""ElastiCache for Valkey and Redis: encrypted at rest and in transit, with authentication, failover, backups and upgrades."""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import has_value

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/elasticache-controls.html"

_GROUP: Final = "aws:elasticache/replicationGroup:ReplicationGroup"
_SERVERLESS: Final = "aws:elasticache/serverlessCache:ServerlessCache"
_CLUSTER: Final = "aws:elasticache/cluster:Cluster"

_ALWAYS: Final = NotApplicable("is serverless, where ElastiCache always does this")
_SECONDARY: Final = NotApplicable("is the secondary of a global datastore, which takes this setting from its primary")


def _exempt(resource: Resource) -> NotApplicable | None:
    """Why the properties of a cache do not decide, or None when they do."""
    if resource.type == _SERVERLESS:
        return _ALWAYS
    return _SECONDARY if has_value(resource, "globalReplicationGroupId") else None


@control(
    id="elasticache-encrypted-at-rest",
    title="Caches are encrypted at rest",
    severity=Severity.MEDIUM,
    types=(_GROUP, _SERVERLESS),
    why="Backups and swap of an unencrypted cache hold sessions and personal data in plain text.",
    remediation="Set at_rest_encryption_enabled to True; an existing group has to be replaced.",
    url=f"{_PAGE}#elasticache-4",
    frameworks={"FSBP": ("ElastiCache.4",), "Checkov": ("CKV_AWS_29",)},
)
def elasticache_encrypted_at_rest(resource: Resource) -> Verdict:
    if reason := _exempt(resource):
        return reason
    encrypted = resource.get("atRestEncryptionEnabled")
    if encrypted is None:
        encrypted = resource.get("engine", "redis") == "valkey"
    # The argument was text in older versions of the provider.
    return Pass() if str(encrypted).lower() == "true" else Fail("stores its data unencrypted", "atRestEncryptionEnabled")


@control(
    id="elasticache-tls-required",
    title="Caches require TLS",
    severity=Severity.MEDIUM,
    types=(_GROUP, _SERVERLESS),
    why="Anyone who captures network traffic can read sessions, tokens and the password itself.",
    remediation='Set transit_encryption_enabled to True and transit_encryption_mode to "required".',
    url=f"{_PAGE}#elasticache-5",
    frameworks={"FSBP": ("ElastiCache.5",), "Checkov": ("CKV_AWS_30",)},
)
def elasticache_tls_required(resource: Resource) -> Verdict:
    if reason := _exempt(resource):
        return reason
    if not resource.get("transitEncryptionEnabled", False):
        return Fail("allows connections without TLS", "transitEncryptionEnabled")
    if resource.get("transitEncryptionMode", "required") == "preferred":
        return Fail("allows connections without TLS while its mode is preferred", "transitEncryptionMode")
    return Pass()


@control(
    id="elasticache-login-required",
    title="Caches require authentication",
    severity=Severity.MEDIUM,
    types=(_GROUP, _SERVERLESS),
    why="Without authentication, every process that reaches the port can read and delete everything.",
    remediation="Set user_group_ids (serverless: user_group_id) to a group of users with IAM or a password, or auth_token_wo.",
    url=f"{_PAGE}#elasticache-6",
    # ElastiCache.6 is about Redis before 6.0, which has auth tokens only.
    frameworks={"FSBP": ("ElastiCache.6",), "Checkov": ("CKV_AWS_31",)},
)
def elasticache_login_required(resource: Resource) -> Verdict:
    if resource.type == _SERVERLESS:
        return _login(resource, "userGroupId")
    reason = _exempt(resource)
    return reason or _login(resource, "userGroupIds", "authTokenWo", "authToken")


def _login(resource: Resource, *paths: str) -> Verdict:
    """Passes when one of the properties is set; a list that has an unknown item counts as set."""
    unknown = [path for path in paths if resource.is_unknown(path)]
    if any(bool(resource.get(path)) for path in paths if path not in unknown):
        return Pass()
    return Unknown(unknown[0]) if unknown else Fail("allows clients without authentication", paths[0])


@control(
    id="elasticache-token-not-in-state",
    title="Auth tokens of caches are not kept in the stack's state",
    severity=Severity.HIGH,
    types=(_GROUP,),
    why="Anyone who can read the state, its backups or a policy pack's input can read the token.",
    remediation="Use auth_token_wo, or users with IAM in user_group_ids.",
    url="https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html",
)
def elasticache_token_not_in_state(resource: Resource) -> Verdict:
    # It is enough that it is set: its value is not read.
    given = resource.raw.get("authToken") is not None
    return Fail("keeps its auth token in the state", "authToken") if given else Pass()


@control(
    id="elasticache-failover",
    title="Caches have automatic failover",
    severity=Severity.MEDIUM,
    types=(_GROUP, _SERVERLESS),
    why="When the node fails, the cache is unavailable, and then empty, until somebody acts.",
    remediation="Set num_cache_clusters to 2 or more, and automatic_failover_enabled and multi_az_enabled to True.",
    url=f"{_PAGE}#elasticache-3",
    frameworks={"FSBP": ("ElastiCache.3",), "Checkov": ("CKV2_AWS_50",)},
)
def elasticache_failover(resource: Resource) -> Verdict:
    if resource.type == _SERVERLESS:
        return _ALWAYS
    sharded = resource.is_unknown("numNodeGroups") or resource.get("numNodeGroups") is not None
    if sharded and resource.get("replicasPerNodeGroup", 0) == 0 and not resource.get("nodeGroupConfigurations"):
        return Fail("has shards of one node, which cannot fail over", "replicasPerNodeGroup")
    secondary = _exempt(resource) is not None
    if not sharded and resource.get("numCacheClusters", 0 if secondary else 1) == 1:
        return Fail("has one node, which cannot fail over", "numCacheClusters")
    if resource.get("automaticFailoverEnabled", secondary):
        return Pass()
    return Fail("has no automatic failover", "automaticFailoverEnabled")


@control(
    id="elasticache-backups",
    title="Caches are backed up",
    severity=Severity.HIGH,
    types=(_GROUP, _SERVERLESS, _CLUSTER),
    why="Sessions and counters are data too: an accidental FLUSHALL deletes them.",
    remediation="Set snapshot_retention_limit to 1 day or more.",
    url=f"{_PAGE}#elasticache-1",
    frameworks={"FSBP": ("ElastiCache.1",), "Checkov": ("CKV_AWS_134",)},
    config={
        "minimumDays": {
            "type": "integer",
            "minimum": 1,
            "maximum": 35,
            "default": 1,
            "description": "Minimum number of days that a backup is kept.",
        }
    },
)
def elasticache_backups(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    if resource.type != _GROUP and resource.get("engine") == "memcached":
        return NotApplicable("runs Memcached, which has no backups")
    if resource.type == _CLUSTER and has_value(resource, "replicationGroupId"):
        return NotApplicable("is a node of a replication group, which is checked itself")
    days = resource.get("snapshotRetentionLimit", 0)
    if days >= config["minimumDays"]:
        return Pass()
    return Fail(f"keeps backups for {days} day{'' if days == 1 else 's'}" if days else "keeps no backups", "snapshotRetentionLimit")


@control(
    id="elasticache-minor-upgrades",
    title="Caches install minor version upgrades automatically",
    severity=Severity.HIGH,
    types=(_GROUP, _SERVERLESS, _CLUSTER),
    why="Minor versions fix known vulnerabilities, and manual upgrades are forgotten.",
    remediation="Set auto_minor_version_upgrade to True, or omit it.",
    url=f"{_PAGE}#elasticache-2",
    frameworks={"FSBP": ("ElastiCache.2",)},
)
def elasticache_minor_upgrades(resource: Resource) -> Verdict:
    if resource.type == _SERVERLESS:
        return _ALWAYS
    if resource.type == _CLUSTER and resource.get("engine") == "memcached":
        return NotApplicable("runs Memcached, which has no automatic upgrades")
    if resource.type == _CLUSTER and has_value(resource, "replicationGroupId"):
        return NotApplicable("is a node of a replication group, which is checked itself")
    path = "autoMinorVersionUpgrade"
    # The argument is text in the resource of single nodes.
    automatic = str(resource.get(path, True)).lower() == "true"
    return Pass() if automatic else Fail("does not install minor version upgrades automatically", path)
