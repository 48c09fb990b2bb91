"""VPCs and subnets: default security group, flow logs, public addresses, EC2 API endpoint."""

from typing import Final

from cloudpatterns_policies.controls._rules import EGRESS_RULE, GROUP, INGRESS_RULE, RULE
from cloudpatterns_policies.core import UNKNOWN, Fail, Pass, Resource, Severity, Stack, Unknown, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html"
_VPCS: Final = ("aws:ec2/vpc:Vpc", "aws:ec2/defaultVpc:DefaultVpc")
_DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
_FLOW_LOG: Final = "aws:ec2/flowLog:FlowLog"
_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
_DEFAULT_SUBNET: Final = "aws:ec2/defaultSubnet:DefaultSubnet"


@control(
    id="default-security-group-empty",
    title="Default security groups have no rules",
    severity=Severity.HIGH,
    types=(_DEFAULT_GROUP,),
    why="Resources that are launched without a security group get the default group and its rules.",
    remediation="Omit ingress and egress of the DefaultSecurityGroup.",
    url=f"{_PAGE}#ec2-2",
    frameworks={"FSBP": ("EC2.2",), "CIS 5.0": ("5.5",), "Checkov": ("CKV2_AWS_12",)},
)
def default_security_group_empty(resource: Resource) -> list[Verdict]:
    found: list[Verdict] = []
    for direction in ("ingress", "egress"):
        if resource.is_unknown(direction):
            found.append(Unknown(direction))
        elif count := len(resource.get(direction, ())):
            found.append(Fail(f"has {count} {direction} rule{'s' if count > 1 else ''}", direction))
    return found


@stack_control(
    id="vpc-default-security-group-closed",
    title="The default security group of each VPC has no rules",
    severity=Severity.HIGH,
    types=_VPCS,
    why="AWS creates a default group in every VPC that allows traffic between its members and to the internet.",
    remediation="Add an aws.ec2.DefaultSecurityGroup with the VPC's vpc_id and without rules.",
    url=f"{_PAGE}#ec2-2",
    frameworks={"FSBP": ("EC2.2",), "CIS 5.0": ("5.5",), "Checkov": ("CKV2_AWS_12",)},
)
def vpc_default_security_group_closed(resource: Resource, stack: Stack) -> list[Verdict]:
    groups = stack.referrers(resource, _DEFAULT_GROUP, "vpcId")
    if not groups:
        return [Fail("leaves its default security group open")]
    return [
        Fail(f"has a rule in its default security group: {rule.name}", rule.name)
        for kind in (RULE, INGRESS_RULE, EGRESS_RULE)
        for rule in stack.of_type(kind)
        if _in_default_group(stack, rule, resource, groups)
    ]


def _in_default_group(stack: Stack, rule: Resource, vpc: Resource, groups: list[Resource]) -> bool:
    targets = stack.refs(rule, "securityGroupId")
    # The VPC has its default group as an attribute. Beside another group, the reference only sets an order of creation.
    return any(group in targets for group in groups) or (vpc in targets and not any(target.type == GROUP for target in targets))


@stack_control(
    id="vpc-flow-logs",
    title="Each VPC has a flow log for all traffic",
    severity=Severity.MEDIUM,
    types=_VPCS,
    why="Without flow logs, nobody can reconstruct connections after an incident; rejected traffic alone is not enough.",
    remediation='Add an aws.ec2.FlowLog with the VPC\'s vpc_id and traffic_type="ALL".',
    url=f"{_PAGE}#ec2-6",
    frameworks={"FSBP": ("EC2.6",), "CIS 5.0": ("3.7",), "Checkov": ("CKV2_AWS_11",)},
)
def vpc_flow_logs(resource: Resource, stack: Stack) -> Verdict:
    logs = stack.referrers(resource, _FLOW_LOG, "vpcId")
    kinds = [(log, log.get("trafficType")) for log in logs if not log.is_unknown("trafficType")]
    if any(kind == "ALL" for _, kind in kinds):
        return Pass()
    for log in logs:
        log.get("trafficType")
    for log, kind in kinds:
        return Fail(f"logs only {kind or 'unnamed'} traffic", f"trafficType of {log.name}")
    return Fail("has no flow log")


@control(
    id="subnet-no-public-ip",
    title="Subnets do not assign public IPv4 addresses",
    severity=Severity.MEDIUM,
    types=("aws:ec2/subnet:Subnet", _DEFAULT_SUBNET),
    why="Every instance launched in the subnet gets a public address, although nobody requested it.",
    remediation="Set map_public_ip_on_launch to False.",
    url=f"{_PAGE}#ec2-15",
    frameworks={"FSBP": ("EC2.15",), "Checkov": ("CKV_AWS_130",)},
)
def subnet_no_public_ip(resource: Resource) -> Verdict:
    # All IPv6 addresses are global: routes and groups decide whether the internet reaches one, which other controls check on the graph.
    if resource.get("mapPublicIpOnLaunch", resource.type == _DEFAULT_SUBNET):
        return Fail("assigns each new instance a public IPv4 address", "mapPublicIpOnLaunch")
    return Pass()


@stack_control(
    id="vpc-ec2-endpoint",
    title="Each VPC has an endpoint for the EC2 API",
    # Security Hub says medium. Here low, so only advisory: a VPC in which nothing calls the API gains nothing from an
    # endpoint, which is billed by the hour in each zone; and no property shows whether a server calls it.
    severity=Severity.LOW,
    types=_VPCS,
    why="Otherwise, calls to the EC2 API from the VPC go through a NAT and over the internet, and no endpoint policy applies.",
    remediation='If anything in the VPC calls the API, add an aws.ec2.VpcEndpoint of type "Interface" for com.amazonaws.<region>.ec2;'
    ' the component Network creates it for interface_endpoints=["ec2"].',
    url=f"{_PAGE}#ec2-10",
    frameworks={"FSBP": ("EC2.10",)},
)
def vpc_ec2_endpoint(resource: Resource, stack: Stack) -> Verdict:
    unclear = None
    for endpoint in stack.referrers(resource, _ENDPOINT, "vpcId"):
        # If omitted, it is a gateway endpoint, which EC2 does not have.
        kind = read(endpoint, "vpcEndpointType", computed=True)
        service = read(endpoint, "serviceName")
        if kind is not UNKNOWN and kind != "Interface":
            continue
        if service is UNKNOWN:
            unclear = Unknown(f"serviceName of {endpoint.name}")
        elif str(service).rpartition(".")[2] == "ec2":
            if kind is not UNKNOWN:
                return Pass()
            unclear = Unknown(f"vpcEndpointType of {endpoint.name}")
    return unclear or Fail("has no endpoint for the EC2 API")
