"""Network ACLs, endpoints and distributions: what AWS refuses across resources."""

import re
from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.acceptance import relations
from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, stack_control

_ACL: Final = "aws:ec2/networkAcl:NetworkAcl"
_RULE: Final = "aws:ec2/networkAclRule:NetworkAclRule"
_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
_VPC: Final = "aws:ec2/vpc:Vpc"
_GATEWAY: Final = "aws:ec2/natGateway:NatGateway"
_ROUTE: Final = "aws:ec2/route:Route"
_INTERFACE: Final = "aws:ec2/networkInterface:NetworkInterface"
_SUBNET: Final = "aws:ec2/subnet:Subnet"
_SECURITY_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_INSTANCE: Final = "aws:ec2/instance:Instance"
_LISTENERS: Final = (
    *("aws:lb/listener:Listener", "aws:lb/listenerRule:ListenerRule"),
    *("aws:alb/listener:Listener", "aws:alb/listenerRule:ListenerRule"),
)
_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_CERTIFICATE: Final = "aws:acm/certificate:Certificate"
_EDGE: Final = "us-east-1"
_REGION: Final = re.compile(r"arn:aws[\w-]*:acm:([\w-]+):")


@stack_control(
    id="network-acl-numbers",
    title="Rules of a network ACL have different numbers",
    severity=Severity.HIGH,
    types=(_ACL,),
    why="EC2 refuses a second rule of the same number and direction.",
    remediation="Give each rule of a direction its own rule_number.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html",
    pack="acceptance",
)
def network_acl_numbers(resource: Resource, stack: Stack) -> Iterator[Verdict | tuple[Resource, Verdict]]:
    """Rules of the stack, without those of the ACL itself."""
    first: dict[tuple[bool, int], Resource] = {}
    for rule in sorted(stack.referrers(resource, _RULE, "networkAclId"), key=lambda one: one.urn):
        number, egress = given(rule, "ruleNumber"), given(rule, "egress")
        if not isinstance(number, int | float) or not (egress is None or isinstance(egress, bool)):
            continue
        other = first.setdefault((bool(egress), int(number)), rule)
        if other is not rule:
            direction = "egress" if egress else "ingress"
            yield Fail(f"would be refused: {other.name} and {rule.name} are both {direction} rule {int(number)}")


@stack_control(
    id="endpoint-private-dns",
    title="VPCs of endpoints with private DNS resolve names",
    severity=Severity.HIGH,
    types=(_ENDPOINT,),
    why="EC2 refuses private DNS of an endpoint in a VPC without DNS support and DNS hostnames.",
    remediation="Set enable_dns_hostnames of the VPC to True, and leave enable_dns_support on.",
    url="https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html",
    pack="acceptance",
)
def endpoint_private_dns(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """VPCs of the stack. DNS hostnames are off unless the program sets them."""
    if given(resource, "privateDnsEnabled") is not True:
        return
    for vpc in stack.refs(resource, "vpcId", _VPC):
        if is_given(vpc, "enableDnsHostnames", None, False) or given(vpc, "enableDnsSupport") is False:
            yield Fail(f"would be refused: {vpc.name} has no DNS hostnames, or no DNS support", "privateDnsEnabled")


@stack_control(
    id="distribution-global-parts",
    title="Certificates and web ACLs of CloudFront are in us-east-1",
    severity=Severity.HIGH,
    types=(_DISTRIBUTION,),
    why="CloudFront refuses a certificate of another region, and a web ACL of the scope REGIONAL.",
    remediation="Create them with region us-east-1, the web ACL with scope CLOUDFRONT.",
    url="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html",
    pack="acceptance",
)
def distribution_global_parts(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """By the ARN where it is given, else by the argument `region` and `scope` of the resource in the stack."""
    path = "viewerCertificate.acmCertificateArn"
    arn: Any = given(resource, path)
    named = _REGION.match(arn) if isinstance(arn, str) else None
    certificates = [given(one, "region") for one in stack.refs(resource, "viewerCertificate", _CERTIFICATE)]
    regions = [named[1]] if named is not None else [region for region in certificates if isinstance(region, str)]
    for region in regions:
        if region != _EDGE:
            yield Fail(f"would be refused: the certificate is in {region}, not {_EDGE}", path)
    # AWS's validator reports the literal ARN of a regional web ACL.
    for acl in stack.refs(resource, "webAclId", "aws:wafv2/webAcl:WebAcl"):
        if is_given(acl, "scope", "REGIONAL"):
            yield Fail(f"would be refused: the web ACL {acl.name} is regional", "webAclId")


@stack_control(
    id="nat-gateway-place",
    title="NAT gateways are in a subnet, regional ones in a VPC",
    severity=Severity.HIGH,
    types=(_GATEWAY,),
    why="EC2 refuses a regional NAT gateway with a subnet or without a VPC, and a zonal one without a subnet.",
    remediation="Set vpc_id of a regional NAT gateway, and subnet_id of a zonal one.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html",
    pack="acceptance",
)
def nat_gateway_place(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """By the mode, which is zonal unless the program sets it."""
    regional = is_given(resource, "availabilityMode", "regional")
    if regional and given(resource, "subnetId") is not None:
        yield Fail("would be refused: a regional NAT gateway is in no subnet", "subnetId")
    elif regional and given(resource, "vpcId") is None:
        yield Fail("would be refused: a regional NAT gateway needs the VPC", "vpcId")
    elif is_given(resource, "availabilityMode", None, "zonal") and given(resource, "subnetId") is None:
        yield Fail("would be refused: a zonal NAT gateway needs a subnet", "subnetId")


@stack_control(
    id="routed-interface-forwards",
    title="Interfaces that routes lead to forward packets",
    severity=Severity.HIGH,
    types=(_ROUTE,),
    why="EC2 drops every packet that is not for the interface itself, unless its source/destination check is off.",
    remediation="Set source_dest_check of the network interface or the instance to False.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/work-with-nat-instances.html",
    pack="acceptance",
)
def routed_interface_forwards(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """An interface of the stack, or the primary one of an instance that brings none of its own."""
    targets = stack.refs(resource, "networkInterfaceId", _INTERFACE, _INSTANCE)
    for target in targets if len(targets) == 1 else ():
        own = [given(target, name) for name in ("primaryNetworkInterface", "networkInterfaces", "launchTemplate")]
        if is_given(target, "sourceDestCheck", None, True) and all(value is None for value in own):
            yield Fail(f"leads nowhere: {target.name} drops what is for other addresses", "networkInterfaceId")


@stack_control(
    id="listener-weights-managed",
    title="Weights of listeners are not ignored",
    severity=Severity.LOW,
    types=_LISTENERS,
    why="With weights in ignore_changes, a target group that is added gets a wrong weight, and the others may be set back.",
    remediation="Read the present weights into the program, or add target groups in an update that does not ignore them.",
    url="https://github.com/pulumi/pulumi-aws/issues/5772",
    pack="acceptance",
)
def listener_weights_managed(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Paths in ignore_changes that name weights."""
    for path in resource.options.ignoreChanges:
        if path.endswith(".weight"):
            yield Fail(f"ignores changes of {path}")


@stack_control(
    id="security-group-same-vpc",
    title="Instances and their security groups are in one VPC",
    severity=Severity.HIGH,
    types=(_INSTANCE,),
    why="EC2 refuses an instance with a security group of another VPC than that of its subnet.",
    remediation="Give a security group of the subnet's VPC.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html",
    pack="acceptance",
)
def security_group_same_vpc(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Of subnets and groups in the stack whose VPCs are in it."""
    subnet = relations.target(stack, resource, "subnetId", _SUBNET)
    own = None if subnet is None else relations.target(stack, subnet, "vpcId", _VPC)
    for path, group in relations.targets(stack, resource, "vpcSecurityGroupIds.*", _SECURITY_GROUP) if own is not None else ():
        vpc = relations.target(stack, group, "vpcId", _VPC)
        if own is not None and subnet is not None and vpc is not None and vpc is not own:
            yield Fail(f"would be refused: {group.name} is in {vpc.name}, and subnet {subnet.name} in {own.name}", path)
