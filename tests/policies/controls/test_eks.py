"""EKS clusters and node groups."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import eks as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

CLUSTER, NODES = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"
OPEN, PRIVATE, SECRETS = controls.eks_endpoint_not_open, controls.eks_endpoint_private, controls.eks_secrets_encrypted
AUDIT, LOGS, ENTRIES = controls.eks_audit_log, controls.eks_control_plane_logs, controls.eks_access_entries
CREATOR, PROTECTED, REMOTE = controls.eks_creator_not_administrator, controls.eks_deletion_protection, controls.eks_node_remote_access
PUBLIC, CIDRS = "vpcConfig.endpointPublicAccess", "vpcConfig.publicAccessCidrs"
OPENED = Fail("opens the Kubernetes API to 0.0.0.0/0", CIDRS)
ENDPOINT = Fail("has a public endpoint", PUBLIC)
NO_KEY = Fail("does not encrypt Kubernetes secrets with a KMS key", "encryptionConfig.resources")
NO_AUDIT = Fail("writes no audit log", "enabledClusterLogTypes")
NO_LOGS = Fail("writes no logs of the control plane", "enabledClusterLogTypes")
ALL_LOGS = ["scheduler", "api", "audit", "authenticator", "controllerManager"]
BY_MAP = Fail("manages its users in the aws-auth ConfigMap alone", "accessConfig.authenticationMode")
ADMINISTRATOR = Fail("makes its creator an administrator", "accessConfig.bootstrapClusterCreatorAdminPermissions")
REMOTE_OPEN = Fail("opens SSH or RDP of its nodes to the internet", "remoteAccess.sourceSecurityGroupIds")


def vpc(**settings: Any) -> dict[str, Any]:
    return {"vpcConfig": {"subnetIds": ["subnet-1"], **settings}}


def access(**settings: Any) -> dict[str, Any]:
    return {"accessConfig": settings}


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (OPEN, vpc(endpointPublicAccess=False), Pass()),
        (OPEN, vpc(endpointPublicAccess=False, publicAccessCidrs=["0.0.0.0/0"]), Pass()),
        (OPEN, vpc(publicAccessCidrs=["198.51.100.0/24"]), Pass()),
        (OPEN, vpc(publicAccessCidrs=["198.51.100.0/24", "0.0.0.0/0"]), OPENED),
        (
            OPEN,
            vpc(publicAccessCidrs=["0.0.0.0/1", "128.0.0.0/1", "not a CIDR"]),
            Fail("opens the Kubernetes API to 0.0.0.0/1 and 128.0.0.0/1", CIDRS),
        ),
        (OPEN, vpc(endpointPublicAccess=True), OPENED),
        (OPEN, vpc(publicAccessCidrs=[]), OPENED),
        (OPEN, vpc(), OPENED),
        (OPEN, vpc(endpointPublicAccess=UNKNOWN), Unknown(PUBLIC)),
        (OPEN, vpc(publicAccessCidrs=UNKNOWN), Unknown(CIDRS)),
        (OPEN, vpc(publicAccessCidrs=["198.51.100.0/24", UNKNOWN]), Unknown(CIDRS)),
        (OPEN, vpc(publicAccessCidrs=[UNKNOWN, "0.0.0.0/0"]), OPENED),
        (PRIVATE, vpc(endpointPublicAccess=False), Pass()),
        (PRIVATE, vpc(endpointPublicAccess=True), ENDPOINT),
        (PRIVATE, vpc(), ENDPOINT),
        (PRIVATE, vpc(endpointPublicAccess=UNKNOWN), Unknown(PUBLIC)),
        (SECRETS, {"encryptionConfig": {"resources": ["secrets"], "provider": {"keyArn": UNKNOWN}}}, Pass()),
        (SECRETS, {"encryptionConfig": {"resources": []}}, NO_KEY),
        (SECRETS, {}, NO_KEY),
        (SECRETS, {"encryptionConfig": UNKNOWN}, Unknown("encryptionConfig.resources")),
        (SECRETS, {"encryptionConfig": {"resources": [UNKNOWN]}}, Unknown("encryptionConfig.resources")),
        (AUDIT, {"enabledClusterLogTypes": [UNKNOWN, "audit"]}, Pass()),
        (AUDIT, {"enabledClusterLogTypes": ["api"]}, NO_AUDIT),
        (AUDIT, {}, NO_AUDIT),
        (AUDIT, {"enabledClusterLogTypes": UNKNOWN}, Unknown("enabledClusterLogTypes")),
        (AUDIT, {"enabledClusterLogTypes": [UNKNOWN]}, Unknown("enabledClusterLogTypes")),
        (LOGS, {"enabledClusterLogTypes": ALL_LOGS}, Pass()),
        (
            LOGS,
            {"enabledClusterLogTypes": ["api", "audit", "authenticator"]},
            Fail("does not write the logs controllerManager, scheduler", "enabledClusterLogTypes"),
        ),
        (LOGS, {"enabledClusterLogTypes": []}, NO_LOGS),
        (LOGS, {}, NO_LOGS),
        (LOGS, {"enabledClusterLogTypes": UNKNOWN}, Unknown("enabledClusterLogTypes")),
        (ENTRIES, access(authenticationMode="API"), Pass()),
        (ENTRIES, access(authenticationMode="API_AND_CONFIG_MAP"), Pass()),
        (ENTRIES, access(authenticationMode="CONFIG_MAP"), BY_MAP),
        (ENTRIES, {}, BY_MAP),
        (ENTRIES, access(authenticationMode=UNKNOWN), Unknown("accessConfig.authenticationMode")),
        (CREATOR, access(bootstrapClusterCreatorAdminPermissions=False), Pass()),
        (CREATOR, access(bootstrapClusterCreatorAdminPermissions=True), ADMINISTRATOR),
        (CREATOR, {}, ADMINISTRATOR),
        (CREATOR, {"accessConfig": UNKNOWN}, Unknown("accessConfig.bootstrapClusterCreatorAdminPermissions")),
        (PROTECTED, {"deletionProtection": True}, Pass()),
        (PROTECTED, {"deletionProtection": False}, Fail("has no deletion protection", "deletionProtection")),
        (PROTECTED, {}, Fail("has no deletion protection", "deletionProtection")),
        (PROTECTED, {"deletionProtection": UNKNOWN}, Unknown("deletionProtection")),
    ],
)
def test_cluster(control: Control, props: dict[str, Any], expected: Verdict) -> None:
    assert control.types == (CLUSTER,)
    assert verdicts(control, resource(CLUSTER, props=props)) == [expected]


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ({"ec2SshKey": "operators", "sourceSecurityGroupIds": ["sg-1"]}, Pass()),
        ({"ec2SshKey": "operators", "sourceSecurityGroupIds": [UNKNOWN]}, Pass()),
        ({"ec2SshKey": "operators", "sourceSecurityGroupIds": []}, REMOTE_OPEN),
        ({"ec2SshKey": "operators"}, REMOTE_OPEN),
        ({"ec2SshKey": UNKNOWN}, REMOTE_OPEN),
        ({"ec2SshKey": "operators", "sourceSecurityGroupIds": UNKNOWN}, Unknown("remoteAccess.sourceSecurityGroupIds")),
        ({"sourceSecurityGroupIds": ["sg-1"]}, NotApplicable("has no key pair")),
        (None, NotApplicable("has no key pair")),
        (UNKNOWN, Unknown("remoteAccess.sourceSecurityGroupIds")),
    ],
)
def test_remote_access_to_nodes(remote: Any, expected: Verdict) -> None:
    assert verdicts(REMOTE, resource(NODES, props={"remoteAccess": remote})) == [expected]
