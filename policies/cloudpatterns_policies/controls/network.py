"""VPCs and subnets: their default group, their logs, their addresses."""

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
    why="Whatever is launched without a group of its own lands in the default group and gets its rules.",
    remediation="Leave out ingress and egress of the DefaultSecurityGroup.",
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
    title="The default security group of each VPC is closed",
    severity=Severity.HIGH,
    types=_VPCS,
    why="AWS gives every VPC a default group that lets its members talk to each other and to the internet.",
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
    # The VPC names its default group as well. Beside another group it only stands for an order of creation.
    return any(group in targets for group in groups) or (vpc in targets and not any(target.type == GROUP for target in targets))


@stack_control(
    id="vpc-flow-logs",
    title="Each VPC logs all its traffic",
    severity=Severity.MEDIUM,
    types=_VPCS,
    why="Without flow logs nobody can tell afterwards who talked to whom; rejected traffic alone does not show what got through.",
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
        return Fail(f"has its {kind or 'unnamed'} traffic logged only", f"trafficType of {log.name}")
    return Fail("has no flow log")


@control(
    id="subnet-no-public-ip",
    title="Subnets do not hand out public IPv4 addresses",
    severity=Severity.MEDIUM,
    types=("aws:ec2/subnet:Subnet", _DEFAULT_SUBNET),
    why="Whatever is launched in the subnet is on the internet, although nobody asked for it.",
    remediation="Set map_public_ip_on_launch to False.",
    url=f"{_PAGE}#ec2-15",
    frameworks={"FSBP": ("EC2.15",), "Checkov": ("CKV_AWS_130",)},
)
def subnet_no_public_ip(resource: Resource) -> Verdict:
    # All IPv6 addresses are global: whether the internet reaches one is a matter of routes and groups, which are proved on the graph.
    if resource.get("mapPublicIpOnLaunch", resource.type == _DEFAULT_SUBNET):
        return Fail("gives each new instance a public IPv4 address", "mapPublicIpOnLaunch")
    return Pass()


@stack_control(
    id="vpc-ec2-endpoint",
    title="Each VPC reaches the API of EC2 by an endpoint",
    # Security Hub says medium. Here low, and so advice alone: what never calls the API, as servers that only serve, gains nothing from an
    # endpoint, which is billed by the hour in each zone; and no property of a server tells whether it calls.
    severity=Severity.LOW,
    types=_VPCS,
    why="Calls to EC2's API from the VPC otherwise go through a NAT and over the internet, out of reach of an endpoint policy.",
    remediation='Where anything in the VPC calls the API, add an aws.ec2.VpcEndpoint of type "Interface" for com.amazonaws.<region>.ec2;'
    ' Network makes it for interface_endpoints=["ec2"].',
    url=f"{_PAGE}#ec2-10",
    frameworks={"FSBP": ("EC2.10",)},
)
def vpc_ec2_endpoint(resource: Resource, stack: Stack) -> Verdict:
    unclear = None
    for endpoint in stack.referrers(resource, _ENDPOINT, "vpcId"):
        # Left out it is a gateway endpoint, which EC2 has none of.
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
    return unclear or Fail("has no endpoint for the API of EC2")
