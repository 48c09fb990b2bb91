"""FSx file systems and file shares of Storage Gateway."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import file_shares as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

NFS, SMB = "aws:storagegateway/nfsFileShare:NfsFileShare", "aws:storagegateway/smbFileShare:SmbFileShare"
ONE_ZONE = Fail("is in one Availability Zone", "deploymentType")


@pytest.mark.parametrize(
    ("deployment", "expected"),
    [
        ("MULTI_AZ_1", Pass()),
        ("MULTI_AZ_2", Pass()),
        ("SINGLE_AZ_HA_2", ONE_ZONE),
        (None, ONE_ZONE),
        (UNKNOWN, Unknown("deploymentType")),
    ],
)
@pytest.mark.parametrize("kind", controls.fsx_several_zones.types)
def test_zones(kind: str, deployment: Any, expected: Verdict) -> None:
    file_system = resource(kind, props={"deploymentType": deployment})
    assert verdicts(controls.fsx_several_zones, file_system) == [expected]
    assert verdicts(controls.fsx_several_zones, file_system, {"production": False}) == [
        NotApplicable("need not survive the loss of a zone: production is false in the profile")
    ]


@pytest.mark.parametrize(
    ("clients", "expected"),
    [
        (["10.0.0.0/16", "192.0.2.7"], Pass()),
        (["10.0.0.0/16", "0.0.0.0/0"], Fail("lets in every client: 0.0.0.0/0", "clientLists")),
        (["::/0"], Fail("lets in every client: ::/0", "clientLists")),
        (["10.0.0.0/16", UNKNOWN], Unknown("clientLists")),
        (UNKNOWN, Unknown("clientLists")),
        (None, Pass()),
    ],
)
def test_clients_of_nfs(clients: Any, expected: Verdict) -> None:
    assert verdicts(controls.file_share_clients_named, resource(NFS, props={"clientLists": clients})) == [expected]


@pytest.mark.parametrize(
    ("authentication", "expected"),
    [
        ("ActiveDirectory", Pass()),
        (None, Pass()),
        ("GuestAccess", Fail("lets in guests", "authentication")),
        (UNKNOWN, Unknown("authentication")),
    ],
)
def test_login_to_smb(authentication: Any, expected: Verdict) -> None:
    assert verdicts(controls.file_share_login_required, resource(SMB, props={"authentication": authentication})) == [expected]
