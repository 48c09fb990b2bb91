"""S3 buckets: not public, TLS only, encrypted with KMS keys, versioned, logged."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls._buckets import (
    BLOCK,
    BUCKETS,
    LOGGING,
    POLICY,
    LogTarget,
    inline,
    log_target,
    requires_tls,
    settings,
)
from cloudpatterns_policies.controls._documents import read_document
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html"

_ACCOUNT_BLOCK: Final = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
_ENCRYPTION: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)
_VERSIONING: Final = ("aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2")
_SETTINGS_OF_A_BLOCK: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


@control(
    id="s3-public-access-block-complete",
    title="S3 public access blocks have all four settings on",
    severity=Severity.HIGH,
    types=(BLOCK, _ACCOUNT_BLOCK),
    why="Each setting blocks another form of public access: new ACLs, existing ACLs, new policies, existing policies.",
    remediation="Set block_public_acls, block_public_policy, ignore_public_acls and restrict_public_buckets to True.",
    url=f"{_PAGE}#s3-8",
    frameworks={
        "FSBP": ("S3.1", "S3.8"),
        "CIS 5.0": ("2.1.4",),
        "Checkov": ("CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"),
    },
)
def s3_public_access_block_complete(resource: Resource) -> Iterator[Verdict]:
    for path in _SETTINGS_OF_A_BLOCK:
        if resource.is_unknown(path):
            yield Unknown(path)
        elif not resource.get(path, False):
            yield Fail(f"leaves {path} off", path)


@stack_control(
    id="s3-bucket-public-access-blocked",
    title="S3 buckets have a public access block",
    severity=Severity.HIGH,
    types=BUCKETS,
    why="Without it, one wrong policy or ACL makes the bucket public. AWS gives new buckets a block, but a deployment restores only what "
    "is declared.",
    remediation="Add an aws.s3.BucketPublicAccessBlock with the bucket's id.",
    url=f"{_PAGE}#s3-8",
    frameworks={"FSBP": ("S3.8",), "CIS 5.0": ("2.1.4",), "Checkov": ("CKV2_AWS_6",)},
)
def s3_bucket_public_access_blocked(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if settings(stack, resource, BLOCK) else Fail("declares no public access block")


@stack_control(
    id="s3-tls-only",
    title="S3 buckets deny requests without TLS",
    severity=Severity.MEDIUM,
    types=BUCKETS,
    why="S3 also accepts plain HTTP, over which objects and presigned URLs can be read in transit.",
    remediation=(
        "Add to the policy of an aws.s3.BucketPolicy a Deny of s3:* for Principal * on the bucket and on its objects, "
        "with the condition Bool aws:SecureTransport false."
    ),
    url=f"{_PAGE}#s3-5",
    frameworks={"FSBP": ("S3.5",), "CIS 5.0": ("2.1.1",), "Checkov": ("CKV_AWS_379",)},
)
def s3_tls_only(resource: Resource, stack: Stack) -> Verdict:
    holders = settings(stack, resource, POLICY)
    if read(resource, "policy", computed=True) is not None:
        holders.append(resource)
    verdicts: list[Verdict] = []
    for holder in holders:
        document = read_document(holder, "policy")
        where = f"policy of {holder.name}"
        if isinstance(document, Unknown):
            verdicts.append(Unknown(where))
        elif isinstance(document, Fail):
            verdicts.append(Fail("has a policy that is not a valid policy document", where))
        elif (missing := requires_tls(document, resource)) is None:
            return Pass()
        else:
            verdicts.append(Fail(missing, where))
    unknown = [verdict for verdict in verdicts if isinstance(verdict, Unknown)]
    return next(iter(unknown or verdicts), Fail("has no policy that denies requests without TLS"))


@stack_control(
    id="s3-kms",
    title="S3 buckets have default encryption with a KMS key",
    severity=Severity.MEDIUM,
    types=BUCKETS,
    why="With a KMS key, reading requires a second permission that can be revoked, and every use of the key is logged.",
    remediation=(
        'Add an aws.s3.BucketServerSideEncryptionConfiguration with sse_algorithm="aws:kms" and a kms_master_key_id. '
        "A log bucket is exempt when the stack shows which service writes to it."
    ),
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
    # S3.17 requires the same and is not part of FSBP.
    frameworks={"Checkov": ("CKV_AWS_145",)},
)
def s3_kms(resource: Resource, stack: Stack) -> Verdict:
    target = log_target(stack, resource)
    if isinstance(target, LogTarget) and target.refuses_kms:
        return NotApplicable(target.reason)
    found = [(f"{path} of {item.name}", read(item, path)) for item, path in _algorithms(resource, stack)]
    if any(value is not UNKNOWN and str(value).startswith("aws:kms") for _, value in found):
        return Pass()
    for where, value in found:
        if value is UNKNOWN:
            return Unknown(where)
    if isinstance(target, Unknown):
        return target
    if not found:
        return Fail("has no default encryption with a KMS key")
    where, value = found[0]
    return Fail(f"encrypts with {value or 'no algorithm'}", where)


def _algorithms(bucket: Resource, stack: Stack) -> Iterator[tuple[Resource, str]]:
    """The property that sets the algorithm of the default encryption."""
    for item in settings(stack, bucket, *_ENCRYPTION):
        rules = read(item, "rules")
        if rules is UNKNOWN:
            yield item, "rules"
        for index in range(len(rules or ()) if rules is not UNKNOWN else 0):
            yield item, f"rules.{index}.applyServerSideEncryptionByDefault.sseAlgorithm"
    for path in (
        "serverSideEncryptionConfiguration.rule.applyServerSideEncryptionByDefault.sseAlgorithm",
        "serverSideEncryptionConfigurations.0.rules.0.applyServerSideEncryptionByDefaults.0.sseAlgorithm",
    ):
        if inline(bucket, path) is not None:
            yield bucket, path


@stack_control(
    id="s3-versioning",
    title="S3 buckets have versioning",
    # Security Hub rates S3.14, which is not part of FSBP, low as well.
    severity=Severity.LOW,
    types=BUCKETS,
    why="Without versioning, an object that is overwritten or deleted, by mistake or by an attacker, is lost.",
    remediation='Add an aws.s3.BucketVersioning with versioning_configuration={"status": "Enabled"}.',
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",
    frameworks={"Checkov": ("CKV_AWS_21",)},
)
def s3_versioning(resource: Resource, stack: Stack) -> Verdict:
    path = "versioningConfiguration.status"
    found = [(f"{path} of {item.name}", read(item, path)) for item in settings(stack, resource, *_VERSIONING)]
    old = inline(resource, "versioning.enabled", "versionings.0.enabled")
    if old is not None:
        found.append((f"versioning of {resource.name}", old if old is UNKNOWN else "Enabled" if old else "off"))
    if any(value is not UNKNOWN and value == "Enabled" for _, value in found):
        return Pass()
    for where, value in found:
        if value is UNKNOWN:
            return Unknown(where)
    return Fail(f"has its versioning {found[0][1] or 'unset'}", found[0][0]) if found else Fail("has no versioning")


@stack_control(
    id="s3-access-logging",
    title="S3 buckets have server access logs",
    severity=Severity.MEDIUM,
    types=BUCKETS,
    why="After a data leak, nobody can find out what was read, and by whom.",
    remediation="Add an aws.s3.BucketLogging with a separate log bucket as target_bucket.",
    url=f"{_PAGE}#s3-9",
    frameworks={"FSBP": ("S3.9",), "Checkov": ("CKV_AWS_18",)},
)
def s3_access_logging(resource: Resource, stack: Stack) -> Verdict:
    loggings = settings(stack, resource, *LOGGING)
    for item in loggings:
        if resource in stack.refs(item, "targetBucket") and len(stack.refs(item, "targetBucket", *BUCKETS)) == 1:
            return Fail("writes its access logs to itself, so that each log entry causes another", f"targetBucket of {item.name}")
    if loggings or inline(resource, "logging.targetBucket", "loggings.0.targetBucket") is not None:
        return Pass()
    target = log_target(stack, resource)
    if isinstance(target, Unknown):
        return target
    return NotApplicable(target.reason) if target else Fail("has no server access logs")
