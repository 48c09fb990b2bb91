"""Public endpoints: brokers and file transfer servers are in a VPC, where security groups admit their clients."""

from typing import Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control

_IN_A_VPC: Final = ("VPC", "VPC_ENDPOINT")


@control(
    id="mq-broker-private",
    title="MQ brokers are not reachable from the internet",
    severity=Severity.CRITICAL,
    types=("aws:mq/broker:Broker",),
    why="Only a password protects a public broker and its web console; brokers carry much of the business data.",
    remediation="Set publicly_accessible to False, which replaces the broker.",
    url="https://docs.aws.amazon.com/config/latest/developerguide/mq-no-public-access.html",
    frameworks={"Checkov": ("CKV_AWS_69",)},
)
def mq_broker_private(resource: Resource) -> Verdict:
    return Fail("is publicly accessible", "publiclyAccessible") if resource.get("publiclyAccessible", False) else Pass()


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
