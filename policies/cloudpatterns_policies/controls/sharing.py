"""Sharing: snapshots, images, documents, buckets and endpoint services are not shared with everyone by settings of their own."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide"
_ACL: Final = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html"

_BUCKETS: Final = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
_ACLS: Final = ("aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2")
_OBJECTS: Final = ("aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/objectCopy:ObjectCopy")
_SNAPSHOTS: Final = (
    *("aws:rds/snapshot:Snapshot", "aws:rds/snapshotCopy:SnapshotCopy"),
    *("aws:rds/clusterSnapshot:ClusterSnapshot", "aws:rds/clusterSnapshotCopy:ClusterSnapshotCopy"),
)
_DISTRIBUTION: Final = "aws:imagebuilder/distributionConfiguration:DistributionConfiguration"
_ENDPOINT_SERVICE: Final = "aws:ec2/vpcEndpointService:VpcEndpointService"

_OPEN_ACLS: Final = ("public-read", "public-read-write", "authenticated-read", "website")
_GROUPS: Final = "http://acs.amazonaws.com/groups/global/"
_OPEN_GROUPS: Final[Mapping[str, str]] = {"AllUsers": "everyone", "AuthenticatedUsers": "every AWS account"}
_SETTINGS_OF_A_BLOCK: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


@control(
    id="s3-acl-not-public",
    title="ACLs of buckets and objects allow only known accounts",
    severity=Severity.CRITICAL,
    types=(*_BUCKETS, *_ACLS, *_OBJECTS),
    why="AllUsers is everyone on the internet, and AuthenticatedUsers is everyone with an AWS account.",
    remediation='Omit acl, or set it to "private"; grant access in a bucket policy, and disable ACLs with aws.s3.BucketOwnershipControls.',
    url=_ACL,
    frameworks={"FSBP": ("S3.2", "S3.3"), "Checkov": ("CKV_AWS_20", "CKV_AWS_57", "CKV_AWS_375", "CKV2_AWS_43")},
    partial={
        "S3.2": "policies, which s3-policy-not-public checks, and the public access block of the account",
        "S3.3": "policies, which s3-policy-not-public checks, and the public access block of the account",
    },
)
def s3_acl_not_public(resource: Resource) -> Iterator[Verdict]:
    acl = read(resource, "acl")
    if acl is UNKNOWN:
        yield Unknown("acl")
    elif acl in _OPEN_ACLS:
        yield Fail(f"has the ACL {acl}, which allows {'every AWS account' if acl == 'authenticated-read' else 'everyone'}", "acl")
    for path, uri, permission in _grants(resource):
        group = None if uri is UNKNOWN else _OPEN_GROUPS.get(str(uri).removeprefix(_GROUPS))
        if uri is UNKNOWN:
            yield Unknown(path)
        elif group is not None and str(uri).startswith(_GROUPS):
            yield Fail(f"grants {_text(permission)} to {group} ({str(uri).removeprefix(_GROUPS)})", path)


def _grants(resource: Resource) -> Iterator[tuple[str, Any, Any]]:
    """Path, group and permission of each grant, in any of the forms that the types have."""
    for head, group, permission in (
        ("accessControlPolicy.grants", "grantee.uri", "permission"),
        ("grants", "uri", "permissions"),
    ):
        grants = read(resource, head)
        if grants is UNKNOWN:
            yield head, UNKNOWN, None
        for index in range(len(grants) if isinstance(grants, list) else 0):
            path = f"{head}.{index}.{group}"
            yield path, read(resource, path), read(resource, f"{head}.{index}.{permission}")


def _text(permission: Any) -> str:
    if isinstance(permission, list):
        return ", ".join("a permission" if item is UNKNOWN else str(item) for item in permission)
    return "a permission" if permission is UNKNOWN or permission is None else str(permission)


@control(
    id="s3-access-point-public-access-blocked",
    title="S3 access points block public access",
    severity=Severity.HIGH,
    types=("aws:s3/accessPoint:AccessPoint", "aws:s3control/multiRegionAccessPoint:MultiRegionAccessPoint"),
    why="One wrong policy makes the objects behind the access point public, and the settings cannot be changed later.",
    remediation="Omit public_access_block_configuration (public_access_block of details): all four settings are on by default.",
    url=f"{_PAGE}/s3-controls.html#s3-19",
    frameworks={"FSBP": ("S3.19", "S3.24"), "Checkov": ("CKV_AWS_392",)},
)
def s3_access_point_public_access_blocked(resource: Resource) -> Iterator[Verdict]:
    head = "publicAccessBlockConfiguration" if resource.type.startswith("aws:s3/") else "details.publicAccessBlock"
    for name in _SETTINGS_OF_A_BLOCK:
        path = f"{head}.{name}"
        if resource.is_unknown(path):
            yield Unknown(path)
        elif not resource.get(path, True):
            yield Fail(f"leaves {name} off", path)


@control(
    id="rds-snapshot-not-public",
    title="Database snapshots are not shared with everyone",
    severity=Severity.CRITICAL,
    types=_SNAPSHOTS,
    why="Every AWS account could restore the snapshot and read the whole database.",
    remediation="Name accounts in shared_accounts instead of all.",
    url=f"{_PAGE}/rds-controls.html#rds-1",
    frameworks={"FSBP": ("RDS.1",), "Checkov": ("CKV_AWS_302",)},
)
def rds_snapshot_not_public(resource: Resource) -> Iterator[Verdict]:
    yield from _shared_with(resource, "sharedAccounts", "all", "may be restored by everyone")


def _shared_with(resource: Resource, path: str, everyone: str, message: str) -> Iterator[Verdict]:
    """Fails for the item of the list at `path` that means everyone."""
    if resource.is_unknown(path):
        yield Unknown(path)
        return
    for index in range(len(resource.get(path, ()))):
        each = f"{path}.{index}"
        if resource.is_unknown(each):
            yield Unknown(each)
        elif resource.get(each) == everyone:
            yield Fail(f"{message} ({everyone})", each)


@control(
    id="ami-not-public",
    title="Machine images are not shared with everyone",
    severity=Severity.HIGH,
    types=("aws:ec2/amiLaunchPermission:AmiLaunchPermission", _DISTRIBUTION),
    why="Every AWS account could launch the image and read the code, keys and data on its disks.",
    remediation="Name accounts, organizations or organizational units instead of group; in launch_permission instead of user_groups.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharingamis-intro.html",
    frameworks={"Checkov": ("CKV_AWS_205",)},
    partial={"CKV_AWS_205": "launch permissions of single accounts and organizations"},
)
def ami_not_public(resource: Resource) -> Iterator[Verdict]:
    if resource.type == _DISTRIBUTION:
        for index in range(len(resource.get("distributions", ()))):
            path = f"distributions.{index}.amiDistributionConfiguration.launchPermission.userGroups"
            yield from _shared_with(resource, path, "all", "allows everyone to launch the image")
    elif resource.is_unknown("group"):
        yield Unknown("group")
    elif resource.get("group") == "all":
        yield Fail("allows everyone to launch the image (group all)", "group")


@control(
    id="ssm-document-not-public",
    title="Systems Manager documents are not shared with everyone",
    severity=Severity.CRITICAL,
    types=("aws:ssm/document:Document",),
    why="Every AWS account could read the commands, and the names, paths and keys in them.",
    remediation="Name accounts in account_ids of permissions instead of All.",
    url=f"{_PAGE}/ssm-controls.html#ssm-4",
    frameworks={"FSBP": ("SSM.4",), "Checkov": ("CKV_AWS_303",)},
)
def ssm_document_not_public(resource: Resource) -> Verdict:
    accounts = [
        text.strip() for text in str(resource.get("permissions.account_ids", resource.get("permissions.accountIds", ""))).split(",")
    ]
    return Fail("is shared with everyone (All)", "permissions") if "all" in [text.lower() for text in accounts] else Pass()


@control(
    id="endpoint-service-not-public",
    title="VPC endpoint services admit only known principals",
    severity=Severity.HIGH,
    types=(_ENDPOINT_SERVICE, "aws:ec2/vpcEndpointServiceAllowedPrinciple:VpcEndpointServiceAllowedPrinciple"),
    why="Every AWS account could connect its VPC to the service, at once where acceptance_required is off.",
    remediation="Name accounts or roles in allowed_principals or principal_arn instead of *.",
    url="https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html",
)
def endpoint_service_not_public(resource: Resource) -> Iterator[Verdict]:
    if resource.type == _ENDPOINT_SERVICE:
        yield from _shared_with(resource, "allowedPrincipals", "*", "may be connected to by everyone")
    elif resource.get("principalArn") == "*":
        yield Fail("may be connected to by everyone (*)", "principalArn")
