"""MemoryDB and DAX: TLS, access control, encryption and snapshots."""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._settings import kept_long_enough, minimum_days, switched_on
from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control

_DYNAMODB: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/dynamodb-controls.html"
_GUIDE: Final = "https://docs.aws.amazon.com/memorydb/latest/devguide"

_CLUSTER: Final = "aws:memorydb/cluster:Cluster"
_DAX: Final = "aws:dax/cluster:Cluster"


@control(
    id="memorydb-tls-required",
    title="MemoryDB clusters require TLS",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Without TLS, data can be read in transit, and MemoryDB allows no access control.",
    remediation="Remove tls_enabled or set it to True; an existing cluster has to be replaced.",
    url=f"{_GUIDE}/in-transit-encryption.html",
    frameworks={"Checkov": ("CKV_AWS_202",)},
)
def memorydb_tls_required(resource: Resource) -> Verdict:
    return switched_on(resource, "tlsEnabled", "accepts connections without TLS", default=True)


@control(
    id="memorydb-login-required",
    title="MemoryDB clusters require authentication",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="With the access control list open-access, every process that reaches the port can read and delete everything.",
    remediation="Set acl_name to an aws.memorydb.Acl whose users have IAM or a password.",
    url=f"{_GUIDE}/clusters.acls.html",
)
def memorydb_login_required(resource: Resource) -> Verdict:
    return Fail("lets in clients without a login", "aclName") if resource.get("aclName") == "open-access" else Pass()


@control(
    id="memorydb-backups",
    title="MemoryDB clusters are backed up",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="An accidental FLUSHALL deletes everything, in the transaction log too.",
    remediation="Set snapshot_retention_limit to 1 day or more.",
    url=f"{_GUIDE}/snapshots-automatic.html",
    config=minimum_days(1),
)
def memorydb_backups(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    return kept_long_enough(resource, "snapshotRetentionLimit", 0, config)


@control(
    id="memorydb-password-not-in-state",
    title="Passwords of MemoryDB users are not kept in the stack's state",
    severity=Severity.HIGH,
    types=("aws:memorydb/user:User",),
    why="Anyone who can read the state, its backups or a policy pack's input can read the password, and nobody rotates it.",
    remediation='Set authentication_mode with type="iam" instead of passwords.',
    url=f"{_GUIDE}/auth-iam.html",
)
def memorydb_password_not_in_state(resource: Resource) -> Verdict:
    given = (resource.get("authenticationMode") or {}).get("passwords") is not None
    return Fail("keeps its password in the state", "authenticationMode.passwords") if given else Pass()


@control(
    id="dax-encrypted",
    title="DAX clusters are encrypted at rest",
    severity=Severity.MEDIUM,
    types=(_DAX,),
    why="The cluster's disks hold the items of encrypted tables in plain text.",
    remediation="Set server_side_encryption with enabled=True; an existing cluster has to be replaced.",
    url=f"{_DYNAMODB}#dynamodb-3",
    frameworks={"FSBP": ("DynamoDB.3",), "Checkov": ("CKV_AWS_47",)},
)
def dax_encrypted(resource: Resource) -> Verdict:
    return switched_on(resource, "serverSideEncryption.enabled", "stores its data unencrypted")


@control(
    id="dax-tls-required",
    title="DAX clusters require TLS",
    severity=Severity.MEDIUM,
    types=(_DAX,),
    why="Items that DynamoDB sends over TLS are sent on from the cache in plain text.",
    remediation='Set cluster_endpoint_encryption_type to "TLS"; an existing cluster has to be replaced.',
    url=f"{_DYNAMODB}#dynamodb-7",
    frameworks={"FSBP": ("DynamoDB.7",), "Checkov": ("CKV_AWS_239",)},
)
def dax_tls_required(resource: Resource) -> Verdict:
    path = "clusterEndpointEncryptionType"
    return Pass() if resource.get(path, "NONE") == "TLS" else Fail("accepts connections without TLS", path)
