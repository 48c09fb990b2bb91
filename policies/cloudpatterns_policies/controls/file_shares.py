"""FSx file systems and file shares of Storage Gateway: zones, clients and logins."""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._settings import NOT_PRODUCTION, PRODUCTION, internet_among
from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control

_FSX: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/fsx-controls.html"


@control(
    id="fsx-several-zones",
    title="FSx file systems of production span two Availability Zones",
    severity=Severity.LOW,
    types=(
        "aws:fsx/openZfsFileSystem:OpenZfsFileSystem",
        "aws:fsx/ontapFileSystem:OntapFileSystem",
        "aws:fsx/windowsFileSystem:WindowsFileSystem",
    ),
    why="When the zone fails, the files are unavailable until it is back.",
    remediation='Set deployment_type to a value that begins with "MULTI_AZ"; an existing file system has to be replaced.',
    url=f"{_FSX}#fsx-3",
    frameworks={"FSBP": ("FSx.3", "FSx.4", "FSx.5")},
    config={"production": PRODUCTION},
    pack="operations",
)
def fsx_several_zones(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    if not config["production"]:
        return NOT_PRODUCTION
    spread = resource.get("deploymentType", "SINGLE_AZ_1").startswith("MULTI_AZ")
    return Pass() if spread else Fail("is in one Availability Zone", "deploymentType")


@control(
    id="file-share-clients-named",
    title="NFS file shares of Storage Gateway name their clients",
    severity=Severity.MEDIUM,
    types=("aws:storagegateway/nfsFileShare:NfsFileShare",),
    why="NFS has no login: every client whose address is allowed reads and writes the objects of the bucket.",
    remediation="Set client_lists to the addresses or CIDRs of the clients.",
    url="https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_CreateNFSFileShare.html",
)
def file_share_clients_named(resource: Resource) -> Verdict:
    opened = internet_among(resource, "clientLists")
    return Fail(f"lets in every client: {opened}", "clientLists") if opened else Pass()


@control(
    id="file-share-login-required",
    title="SMB file shares of Storage Gateway require a login",
    severity=Severity.MEDIUM,
    types=("aws:storagegateway/smbFileShare:SmbFileShare",),
    why="With guest access, everyone shares one password, and nobody can find out who changed a file.",
    remediation='Set authentication to "ActiveDirectory".',
    url="https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_CreateSMBFileShare.html",
)
def file_share_login_required(resource: Resource) -> Verdict:
    guests = resource.get("authentication", "ActiveDirectory") == "GuestAccess"
    return Fail("lets in guests", "authentication") if guests else Pass()
