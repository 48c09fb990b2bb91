"""Public endpoints: file transfer servers are in a VPC, where security groups admit their clients."""

from typing import Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control

_IN_A_VPC: Final = ("VPC", "VPC_ENDPOINT")


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
