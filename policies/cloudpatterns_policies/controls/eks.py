"""EKS: endpoint, secrets, control-plane logs, administrators, and SSH to nodes.

Launch templates of node groups are checked as all launch templates are, and the subnets of nodes by the proof of private subnets.
"""

from typing import Final

from cloudpatterns_policies.controls._settings import internet_among, missing, switched_on
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Verdict, control

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/eks-controls.html"

_CLUSTER: Final = "aws:eks/cluster:Cluster"
_NODES: Final = "aws:eks/nodeGroup:NodeGroup"

_PUBLIC: Final = "vpcConfig.endpointPublicAccess"
_CIDRS: Final = "vpcConfig.publicAccessCidrs"
_LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")


@control(
    id="eks-endpoint-not-open",
    title="The Kubernetes API of EKS clusters is not open to the internet",
    severity=Severity.HIGH,
    types=(_CLUSTER,),
    why="Anyone can send requests to the API server, so that one leaked token or one vulnerability gives control of the cluster.",
    remediation="Set endpoint_public_access of vpc_config to False, or public_access_cidrs to the operators' CIDRs.",
    url="https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html",
    frameworks={"Checkov": ("CKV_AWS_38",)},
)
def eks_endpoint_not_open(resource: Resource) -> Verdict:
    if not resource.get(_PUBLIC, True):
        return Pass()
    # EKS takes 0.0.0.0/0 where no CIDR is given.
    opened = internet_among(resource, _CIDRS, ("0.0.0.0/0",))
    return Fail(f"opens the Kubernetes API to {opened}", _CIDRS) if opened else Pass()


@control(
    id="eks-endpoint-private",
    title="EKS clusters have no public endpoint",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="A public endpoint is one wrong CIDR away from the internet, and traffic of operators leaves the private network.",
    remediation="Set endpoint_public_access of vpc_config to False and endpoint_private_access to True; connect through a VPN.",
    url=f"{_PAGE}#eks-1",
    frameworks={"FSBP": ("EKS.1",), "Checkov": ("CKV_AWS_39",)},
)
def eks_endpoint_private(resource: Resource) -> Verdict:
    return Fail("has a public endpoint", _PUBLIC) if resource.get(_PUBLIC, True) else Pass()


@control(
    id="eks-secrets-encrypted",
    title="EKS clusters encrypt Kubernetes secrets with a KMS key of the account",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="With a key that AWS owns, nobody can see in CloudTrail who decrypts the cluster's secrets, or revoke the access to them.",
    remediation='Set encryption_config with resources=["secrets"] and a provider with the key_arn of a customer-managed key.',
    url=f"{_PAGE}#eks-3",
    frameworks={"FSBP": ("EKS.3",), "Checkov": ("CKV_AWS_58",)},
)
def eks_secrets_encrypted(resource: Resource) -> Verdict:
    path = "encryptionConfig.resources"
    return Fail("does not encrypt Kubernetes secrets with a KMS key", path) if missing(resource, path, ("secrets",)) else Pass()


@control(
    id="eks-audit-log",
    title="EKS clusters write an audit log",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="After an incident, nobody can find out who changed what through the Kubernetes API.",
    remediation="Add audit to enabled_cluster_log_types.",
    url=f"{_PAGE}#eks-8",
    frameworks={"FSBP": ("EKS.8",)},
)
def eks_audit_log(resource: Resource) -> Verdict:
    path = "enabledClusterLogTypes"
    return Fail("writes no audit log", path) if missing(resource, path, ("audit",)) else Pass()


@control(
    id="eks-control-plane-logs",
    title="EKS clusters write all logs of the control plane",
    severity=Severity.LOW,
    types=(_CLUSTER,),
    why="Failed logins, scheduling decisions and API errors are visible only in the logs of the component that had them.",
    remediation="Set enabled_cluster_log_types to api, audit, authenticator, controllerManager and scheduler.",
    url="https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html",
    frameworks={"Checkov": ("CKV_AWS_37",)},
)
def eks_control_plane_logs(resource: Resource) -> Verdict:
    path = "enabledClusterLogTypes"
    absent = missing(resource, path, _LOGS)
    if absent == list(_LOGS):
        return Fail("writes no logs of the control plane", path)
    return Fail(f"does not write the logs {', '.join(absent)}", path) if absent else Pass()


@control(
    id="eks-access-entries",
    title="EKS clusters manage their users by access entries",
    severity=Severity.LOW,
    types=(_CLUSTER,),
    why="One wrong edit of the aws-auth ConfigMap locks out every administrator, and its entries are visible in no AWS API.",
    remediation='Set authentication_mode of access_config to "API"; for an existing cluster, set "API_AND_CONFIG_MAP" first.',
    url="https://docs.aws.amazon.com/eks/latest/userguide/auth-configmap.html",
)
def eks_access_entries(resource: Resource) -> Verdict:
    path = "accessConfig.authenticationMode"
    mode = resource.get(path, "CONFIG_MAP")
    return Fail("manages its users in the aws-auth ConfigMap alone", path) if mode == "CONFIG_MAP" else Pass()


@control(
    id="eks-creator-not-administrator",
    title="The creator of an EKS cluster is not its administrator for ever",
    severity=Severity.LOW,
    types=(_CLUSTER,),
    why="The role that deploys the stack, and everyone who can assume it, keeps full access to every workload and secret.",
    remediation="Set bootstrap_cluster_creator_admin_permissions of access_config to False, and add an aws.eks.AccessEntry.",
    url="https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html",
)
def eks_creator_not_administrator(resource: Resource) -> Verdict:
    path = "accessConfig.bootstrapClusterCreatorAdminPermissions"
    return Fail("makes its creator an administrator", path) if resource.get(path, True) else Pass()


@control(
    id="eks-deletion-protection",
    title="EKS clusters are protected against deletion",
    severity=Severity.LOW,
    types=(_CLUSTER,),
    why="One wrong command or deployment deletes the cluster, and with it the state of everything that runs in it.",
    remediation="Set deletion_protection to True.",
    url="https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html",
)
def eks_deletion_protection(resource: Resource) -> Verdict:
    return switched_on(resource, "deletionProtection", "has no deletion protection")


@control(
    id="eks-node-remote-access",
    title="Node groups do not open SSH or RDP to the internet",
    severity=Severity.HIGH,
    types=(_NODES,),
    why="With a key pair and no security group, EKS opens port 22, or 3389 on Windows, of every node to 0.0.0.0/0.",
    remediation="Remove remote_access and use Session Manager, or set its source_security_group_ids.",
    url="https://docs.aws.amazon.com/eks/latest/APIReference/API_RemoteAccessConfig.html",
    frameworks={"Checkov": ("CKV_AWS_100",)},
)
def eks_node_remote_access(resource: Resource) -> Verdict:
    if not resource.is_unknown("remoteAccess.ec2SshKey") and not resource.get("remoteAccess.ec2SshKey"):
        return NotApplicable("has no key pair")
    path = "remoteAccess.sourceSecurityGroupIds"
    return Pass() if resource.get(path) else Fail("opens SSH or RDP of its nodes to the internet", path)
