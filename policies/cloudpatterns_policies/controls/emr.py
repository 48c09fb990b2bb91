"""EMR: encryption by security configurations, and no public access."""

from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import has_value

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/emr-controls.html"

_CLUSTER: Final = "aws:emr/cluster:Cluster"
_CONFIGURATION: Final = "aws:emr/securityConfiguration:SecurityConfiguration"
_BLOCK: Final = "aws:emr/blockPublicAccessConfiguration:BlockPublicAccessConfiguration"

_AT_REST: Final = "AtRestEncryptionConfiguration"


def _setting(resource: Resource, *names: str) -> Any:
    """A value under EncryptionConfiguration of the document; None when it is missing, `UNKNOWN` when it or one above it is."""
    value = resource.json("configuration", {})
    for name in ("EncryptionConfiguration", *names):
        if value is UNKNOWN:
            return UNKNOWN
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _switched_on(resource: Resource, weakness: str, *names: str) -> Verdict:
    try:
        value = _setting(resource, *names)
    except ValueError:
        return Fail("is not a valid security configuration", "configuration")
    if value is UNKNOWN:
        return Unknown("configuration")
    return Pass() if value not in (None, False, {}) else Fail(weakness, "configuration")


@control(
    id="emr-encrypted-at-rest",
    title="EMR security configurations encrypt data at rest",
    severity=Severity.MEDIUM,
    types=(_CONFIGURATION,),
    why="Anyone who obtains a disk of the cluster, or access to its bucket, can read the data.",
    remediation="Set EnableAtRestEncryption to true, with AtRestEncryptionConfiguration, in configuration.",
    url=f"{_PAGE}#emr-3",
    frameworks={"FSBP": ("EMR.3",)},
)
def emr_encrypted_at_rest(resource: Resource) -> Verdict:
    return _switched_on(resource, "does not encrypt data at rest", "EnableAtRestEncryption")


@control(
    id="emr-s3-customer-key",
    title="EMR security configurations encrypt data in S3 with a KMS key",
    severity=Severity.LOW,
    types=(_CONFIGURATION,),
    why="With a key of S3, everyone with access to the bucket can read the data, and no log shows who decrypted it.",
    remediation='Set EncryptionMode of S3EncryptionConfiguration to "SSE-KMS", with AwsKmsKey, in configuration.',
    url="https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-create-security-configuration.html",
    frameworks={"Checkov": ("CKV_AWS_171",)},
)
def emr_s3_customer_key(resource: Resource) -> Verdict:
    try:
        mode = _setting(resource, _AT_REST, "S3EncryptionConfiguration", "EncryptionMode")
    except ValueError:
        return Fail("is not a valid security configuration", "configuration")
    if mode is UNKNOWN:
        return Unknown("configuration")
    return Pass() if mode in ("SSE-KMS", "CSE-KMS", "CSE-Custom") else Fail("does not encrypt data in S3 with a KMS key", "configuration")


@control(
    id="emr-local-disks-encrypted",
    title="EMR security configurations encrypt local disks",
    severity=Severity.MEDIUM,
    types=(_CONFIGURATION,),
    why="HDFS and spilled data stay on the disks of the nodes in plain text.",
    remediation="Set LocalDiskEncryptionConfiguration of AtRestEncryptionConfiguration, with EnableEbsEncryption true, in configuration.",
    url="https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-create-security-configuration.html",
    frameworks={"Checkov": ("CKV_AWS_349", "CKV_AWS_350")},
)
def emr_local_disks_encrypted(resource: Resource) -> Verdict:
    enabled = _switched_on(resource, "does not encrypt local disks", "EnableAtRestEncryption")
    disks = (_AT_REST, "LocalDiskEncryptionConfiguration")
    if isinstance(enabled, Pass):
        enabled = _switched_on(resource, "does not encrypt local disks", *disks)
    return _switched_on(resource, "does not encrypt EBS volumes", *disks, "EnableEbsEncryption") if isinstance(enabled, Pass) else enabled


@control(
    id="emr-encrypted-in-transit",
    title="EMR security configurations encrypt data in transit",
    severity=Severity.MEDIUM,
    types=(_CONFIGURATION,),
    why="Data moves between nodes in plain text, where it can be captured.",
    remediation="Set EnableInTransitEncryption to true, with InTransitEncryptionConfiguration, in configuration.",
    url=f"{_PAGE}#emr-4",
    frameworks={"FSBP": ("EMR.4",), "Checkov": ("CKV_AWS_351",)},
)
def emr_encrypted_in_transit(resource: Resource) -> Verdict:
    return _switched_on(resource, "does not encrypt data in transit", "EnableInTransitEncryption")


@control(
    id="emr-security-configuration",
    title="EMR clusters have a security configuration",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Without one, disks and traffic between nodes are not encrypted, and nodes use no authentication.",
    remediation="Set security_configuration to the name of an aws.emr.SecurityConfiguration.",
    url="https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-specify-security-configuration.html",
    frameworks={"Checkov": ("CKV2_AWS_55",)},
)
def emr_security_configuration(resource: Resource) -> Verdict:
    # Which one it is does not matter: that of the stack is checked itself.
    path = "securityConfiguration"
    return Pass() if has_value(resource, path) else Fail("has no security configuration", path)


@control(
    id="emr-block-public-access",
    title="EMR refuses clusters with public security groups",
    severity=Severity.HIGH,
    types=(_BLOCK,),
    why="Consoles of Hadoop and Spark run commands for everyone who reaches them.",
    remediation="Set block_public_security_group_rules to True, and permit at most port 22.",
    url=f"{_PAGE}#emr-2",
    frameworks={"FSBP": ("EMR.2",), "Checkov": ("CKV_AWS_390",)},
)
def emr_block_public_access(resource: Resource) -> Verdict:
    path = "blockPublicSecurityGroupRules"
    if not resource.get(path, False):
        return Fail("allows clusters with public security groups", path)
    ranges = "permittedPublicSecurityGroupRuleRanges"
    for index in range(len(resource.get(ranges, ()))):
        first = resource.get(f"{ranges}.{index}.minRange")
        last = resource.get(f"{ranges}.{index}.maxRange", first)
        if (first, last) != (22, 22):
            return Fail(f"allows public security groups for ports {first} to {last}", f"{ranges}.{index}")
    return Pass()
