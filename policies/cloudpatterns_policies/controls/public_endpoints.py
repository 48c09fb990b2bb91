"""Public endpoints: file transfer servers are in a VPC, where security groups admit their clients, and have current ciphers."""

import re
from typing import Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control

_IN_A_VPC: Final = ("VPC", "VPC_ENDPOINT")
_CURRENT_CIPHERS: Final = re.compile(r"TransferSecurityPolicy-([A-Za-z0-9]+-)?20(2[4-9]|[3-9]\d)-\d{2}")


@control(
    id="transfer-server-private",
    title="Transfer servers have an endpoint in a VPC",
    severity=Severity.HIGH,
    types=("aws:transfer/server:Server",),
    why="No security group can restrict who reaches a public endpoint, so that everyone may try its logins.",
    remediation='Set endpoint_type to "VPC" with endpoint_details; partners reach it by Elastic IPs that security groups protect.',
    url="https://docs.aws.amazon.com/transfer/latest/userguide/create-server-in-vpc.html",
    frameworks={"Checkov": ("CKV_AWS_164",)},
)
def transfer_server_private(resource: Resource) -> Verdict:
    return Pass() if resource.get("endpointType", "PUBLIC") in _IN_A_VPC else Fail("has a public endpoint", "endpointType")


@control(
    id="transfer-server-ciphers",
    title="Transfer servers have a current security policy",
    severity=Severity.MEDIUM,
    types=("aws:transfer/server:Server",),
    why="Without one a server has the policy of 2018, which accepts ciphers and key exchanges that are broken today.",
    remediation='Set security_policy_name to "TransferSecurityPolicy-2025-03", or to another one of 2024 or later.',
    url="https://docs.aws.amazon.com/transfer/latest/userguide/security-policies.html",
)
def transfer_server_ciphers(resource: Resource) -> Verdict:
    policy = resource.get("securityPolicyName", "TransferSecurityPolicy-2018-11")
    if _CURRENT_CIPHERS.fullmatch(policy):
        return Pass()
    return Fail(f"has the security policy {policy}", "securityPolicyName")
