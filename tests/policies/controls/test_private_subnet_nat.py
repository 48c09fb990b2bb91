"""The proof of private subnets on a corpus of small networks, and the wording of its findings."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.private_subnet_nat import private_subnet_nat
from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Severity

from tests.policies.controls.networks import (
    ANY6,
    PUBLIC,
    Case,
    associate,
    balancer,
    database,
    instance,
    route,
    simple,
    subnet,
    subnet_group,
    table,
    vpc,
)
from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

IGW = simple("aws:ec2/internetGateway:InternetGateway", "igw")
NAT = simple("aws:ec2/natGateway:NatGateway", "nat")
VGW = simple("aws:ec2/vpnGateway:VpnGateway", "vgw")
ENDPOINT = simple("aws:ec2/vpcEndpoint:VpcEndpoint", "s3")
REFERENCE = simple("pulumi:pulumi:StackReference", "net")
EGRESS = simple("aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway", "eigw")


def tier(name: str, *routes: Resource, inline: Any = None, deps: tuple[str, ...] = ()) -> list[Resource]:
    """A subnet with a route table of its own, called `<name>-table`."""
    return [subnet(name), table(f"{name}-table", inline, deps), associate(f"{name}-join", name, f"{name}-table"), *routes]


def base(*more: Resource) -> list[Resource]:
    """A VPC with a public tier, a private one behind a NAT, and a data tier."""
    return [
        vpc(), IGW, NAT, *tier("public", route("out", "public-table", "gatewayId", "igw")),
        *tier("private", route("nat-route", "private-table", "natGatewayId", "nat")), *tier("data"), *more,
    ]  # fmt: skip


def at(type: str, name: str, path: str, *subnets: str, **more: Any) -> Resource:
    """A resource whose property `path` (at most one dot) names subnets."""
    top, _, below = path.partition(".")
    value: Any = [UNKNOWN] * len(subnets)
    return resource(type, name, {top: {below: value} if below else value, **more}, deps={top: list(subnets)})


ASG = "aws:autoscaling/group:Group"
FUNCTION = "aws:lambda/function:Function"
INSTANCE = "aws:ec2/instance:Instance"
ENI = "aws:ec2/networkInterface:NetworkInterface"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
SPOT_FLEET = "aws:ec2/spotFleetRequest:SpotFleetRequest"
KNOWN_VPC = resource("aws:ec2/vpc:Vpc", "vpc", {"id": "vpc-0a", "mainRouteTableId": "rtb-0m", "defaultRouteTableId": "rtb-0d"})
MAIN = "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
DEFAULT_TABLE = "aws:ec2/defaultRouteTable:DefaultRouteTable"

GOOD = [
    Case("The pattern itself: servers behind a NAT, the database without a way out.", base(
        instance("vm", subnet="private"), at(ASG, "asg", "vpcZoneIdentifiers", "private"), subnet_group("dbs", "data"),
        database("main", subnets="dbs"))),
    Case("A subnet's id may be given out once its route and association exist.", base(
        resource(ASG, "asg", {"vpcZoneIdentifiers": [UNKNOWN]},
                 deps={"vpcZoneIdentifiers": ["private", "private-join", "nat-route", "public", "out"][:3]}))),
    Case("An internet-facing balancer belongs into public subnets.", base(
        balancer("alb", subnets=[UNKNOWN]), at("aws:lb/loadBalancer:LoadBalancer", "nlb", "subnets", "public", internal=False))),
    Case("A NAT instance belongs into a public subnet.", base(
        instance("router", subnet="public", sourceDestCheck=False), route("by", "private-table", "networkInterfaceId", "router"))),
    Case("A NAT instance for IPv6.", base(
        instance("router", subnet="public", sourceDestCheck=False), route("by", "private-table", "networkInterfaceId", "router", ANY6))),
    Case("A NAT instance that a route knows by the id of its own interface.", base(
        instance("router", subnet="public", sourceDestCheck=False, primaryNetworkInterfaceId="eni-0r"),
        route("by", "private-table", "networkInterfaceId", networkInterfaceId="eni-0r"))),
    Case("A NAT instance of an adopted route table.", base(
        instance("router", subnet="public", sourceDestCheck=False), route("by", "rtb-0adopted", "networkInterfaceId", "router"))),
    Case("A NAT instance of the VPC's own route table.", [
        KNOWN_VPC, IGW, *tier("public", route("out", "public-table", "gatewayId", "igw")), subnet("plain"),
        instance("router", subnet="public", sourceDestCheck=False), route("by", "rtb-0m", "networkInterfaceId", "router")]),
    Case("A NAT instance whose interface has the check off.", base(
        resource(ENI, "eni", {"id": UNKNOWN, "subnetId": UNKNOWN, "sourceDestCheck": False}, deps={"subnetId": ["public"]}),
        resource(INSTANCE, "router", {"primaryNetworkInterface": {"networkInterfaceId": UNKNOWN}},
                 deps={"primaryNetworkInterface": ["eni"]}), route("by", "private-table", "networkInterfaceId", "eni"))),
    Case("A NAT instance whose interface, named by the older argument, has the check off.", base(
        resource(ENI, "eni", {"id": UNKNOWN, "subnetId": UNKNOWN, "sourceDestCheck": False}, deps={"subnetId": ["public"]}),
        resource(INSTANCE, "router", {"networkInterfaces": [{"networkInterfaceId": UNKNOWN}]}, deps={"networkInterfaces": ["eni"]}),
        route("by", "private-table", "networkInterfaceId", "eni"))),
    Case("A bastion with the mark.", base(instance("bastion", subnet="public", tags=PUBLIC))),
    Case("A bastion by name.", base(instance("bastion-1", subnet="public")), config={"publicNames": ["bastion-*"]}),
    Case("A group of bastions, marked in the group's own form of tags.", base(
        at(ASG, "bastions", "vpcZoneIdentifiers", "public", tags=[
            {"key": "Name", "value": "b"}, {"key": "cloudpatterns:internet", "value": "true", "propagateAtLaunch": True}]))),
    Case("A group of bastions, marked in its template.", base(
        resource(TEMPLATE, "t", {"id": UNKNOWN, "tags": PUBLIC}),
        resource(ASG, "bastions", {"vpcZoneIdentifiers": [UNKNOWN], "launchTemplate": {"id": UNKNOWN}},
                 deps={"vpcZoneIdentifiers": ["public"], "launchTemplate": ["t"]}))),
    Case("Workloads may reach the company over a private gateway or a peering.", [vpc(), VGW, *tier(
        "private", route("a", "private-table", "gatewayId", "vgw", "10.9.0.0/16"),
        route("b", "private-table", "vpcPeeringConnectionId", destination="10.8.0.0/16"),
        route("c", "private-table", "transitGatewayId", destination="0.0.0.0/0")), instance("vm", subnet="private")]),
    Case("IPv6 outward only, for workloads.", [vpc(), EGRESS, *tier(
        "private", route("out6", "private-table", "egressOnlyGatewayId", "eigw", ANY6)), instance("vm", subnet="private")]),
    Case("A gateway endpoint's prefix list is no way out.", [vpc(), ENDPOINT, *tier(
        "data", route("s3-route", "data-table", "gatewayId", "s3", "pl-6da54004")), subnet_group("dbs", "data")]),
    Case("The same after deployment, and the local route.", [vpc(), *tier("data", inline=[
        {"cidrBlock": "10.0.0.0/16", "gatewayId": "local"}, {"destinationPrefixListId": "pl-6da54004", "gatewayId": "vpce-1"}]),
        subnet_group("dbs", "data")]),
    Case("No association: the VPC's own main table, which leads nowhere.", [
        vpc(), subnet("data"), subnet_group("dbs", "data"), instance("vm", subnet="data")]),
    Case("A main table that the stack manages, without routes.", [
        vpc(), subnet("data"), subnet_group("dbs", "data"),
        resource(DEFAULT_TABLE, "main", {"defaultRouteTableId": UNKNOWN, "routes": []}, deps={"defaultRouteTableId": ["vpc"]})]),
    Case("An explicit association beats a public main table.", base(
        resource(MAIN, "m", {"vpcId": UNKNOWN, "routeTableId": UNKNOWN}, deps={"vpcId": ["vpc"], "routeTableId": ["public-table"]}),
        instance("vm", subnet="private"), subnet_group("dbs", "data"))),
    Case("A function without a VPC has no place in it.", base(simple(FUNCTION, "f"), instance("vm", subnet="private"))),
    Case("A replica lives with its source.", base(
        resource("aws:rds/instance:Instance", "replica", {"replicateSourceDb": "main", "dbSubnetGroupName": UNKNOWN}),
        instance("vm", subnet="private"))),
    Case("An adopted table is judged by the routes that the stack adds, none of them bad, for a marked bastion.", [
        vpc(), subnet("a"), associate("j", "a", "rtb-0adopted"), instance("bastion", subnet="a", tags=PUBLIC)]),
    Case("A route without a target leads nowhere.", [vpc(), *tier(
        "data", resource("aws:ec2/route:Route", "r", {"routeTableId": UNKNOWN, "destinationCidrBlock": "0.0.0.0/0"},
                         deps={"routeTableId": ["data-table"]})), subnet_group("dbs", "data")]),
    Case("One of two private subnets, nobody knows which: both are fine.", base(
        *tier("other"), resource(INSTANCE, "vm", {"subnetId": UNKNOWN}, deps={"subnetId": ["private", "other"]}))),
    Case("A gateway's edge association has no subnet.", base(
        resource("aws:ec2/routeTableAssociation:RouteTableAssociation", "edge", {"gatewayId": UNKNOWN, "routeTableId": UNKNOWN},
                 deps={"gatewayId": ["igw"], "routeTableId": ["public-table"]}), instance("vm", subnet="private"))),
]  # fmt: skip

BAD = [
    Case("A data subnet with a route to the NAT.", base(
        route("leak", "data-table", "natGatewayId", "nat"), subnet_group("dbs", "data"), database("main", subnets="dbs")),
        {"leak": "natGatewayId"}),
    Case("One route, two subnets, two stores: one finding.", [
        vpc(), NAT, subnet("a"), subnet("b"), table("t"), associate("ja", "a", "t"), associate("jb", "b", "t"),
        route("leak", "t", "natGatewayId", "nat"), subnet_group("dbs", "a", "b"), subnet_group("caches", "a", kind="elasticache")],
        {"leak": "natGatewayId"}),
    Case("A data subnet with an inline route to the NAT.", [
        vpc(), NAT, *tier("data", inline=[{"cidrBlock": "0.0.0.0/0", "gatewayId": "", "natGatewayId": UNKNOWN}], deps=("nat",)),
        subnet_group("dbs", "data")], {"data-table": "routes.0.natGatewayId"}),
    Case("A data subnet with IPv6 outward only.", [vpc(), EGRESS, *tier(
        "data", route("out6", "data-table", "egressOnlyGatewayId", "eigw", ANY6)), subnet_group("dbs", "data")],
        {"out6": "egressOnlyGatewayId"}),
    *(
        Case(f"A data subnet with a route by {target}.", [vpc(), simple(INSTANCE, "x", subnetId="subnet-1", tags=PUBLIC), *tier(
            "data", route("leak", "data-table", target, "x", destination="10.9.0.0/16")), subnet_group("dbs", "data")], {"leak": target})
        for target in ("transitGatewayId", "vpcPeeringConnectionId", "networkInterfaceId", "vpcEndpointId", "coreNetworkArn",
                       "localGatewayId", "instanceId")
    ),
    Case("A data subnet with a route to the company's network.", [vpc(), VGW, *tier(
        "data", route("leak", "data-table", "gatewayId", "vgw", "10.9.0.0/16")), subnet_group("dbs", "data")], {"leak": "gatewayId"}),
    Case("A data subnet with propagated routes.", [vpc(), VGW, *tier(
        "data", resource("aws:ec2/vpnGatewayRoutePropagation:VpnGatewayRoutePropagation", "p", {"routeTableId": UNKNOWN},
                         deps={"routeTableId": ["data-table"]})), subnet_group("dbs", "data")], {"p": "routeTableId"}),
    Case("A data table that takes propagated routes.", [
        vpc(), subnet("data"), table("t", propagatingVgws=["vgw-1"]), associate("j", "data", "t"), subnet_group("dbs", "data")],
        {"t": "propagatingVgws"}),
    Case("A prefix list as destination of the NAT is a way out.", [vpc(), NAT, *tier(
        "data", route("leak", "data-table", "natGatewayId", "nat", "pl-123")), subnet_group("dbs", "data")], {"leak": "natGatewayId"}),
    Case("A database in a public subnet: the database is in the wrong place, not the route.", base(
        subnet_group("dbs", "data", "public"), database("main", subnets="dbs")), {"dbs": "subnetIds"}),
    Case("An instance in a public subnet.", base(instance("vm", subnet="public")), {"vm": "subnetId"}),
    Case("An Auto Scaling group with one public subnet among private ones.", base(
        at(ASG, "asg", "vpcZoneIdentifiers", "private", "public")), {"asg": "vpcZoneIdentifiers"}),
    Case("A function in a public subnet.", base(at(FUNCTION, "f", "vpcConfig.subnetIds", "public")), {"f": "vpcConfig.subnetIds"}),
    Case("A service in a public subnet.", base(
        at("aws:ecs/service:Service", "s", "networkConfiguration.subnets", "public")), {"s": "networkConfiguration.subnets"}),
    Case("A mount target in a public subnet.", base(
        resource("aws:efs/mountTarget:MountTarget", "m", {"subnetId": UNKNOWN}, deps={"subnetId": ["public"]})), {"m": "subnetId"}),
    Case("An internal balancer in a public subnet.", base(
        at("aws:lb/loadBalancer:LoadBalancer", "alb", "subnets", "public", internal=True)), {"alb": "subnets"}),
    Case("A launch template that names a public subnet.", base(
        resource(TEMPLATE, "t", {"id": UNKNOWN, "networkInterfaces": [{"subnetId": UNKNOWN}]}, deps={"networkInterfaces": ["public"]}),
        resource(INSTANCE, "vm", {"launchTemplate": {"id": UNKNOWN}}, deps={"launchTemplate": ["t"]})),
        {"t": "networkInterfaces.0.subnetId"}),
    Case("An instance whose second interface is public.", base(
        instance("vm", subnet="private"), resource(ENI, "eni", {"id": UNKNOWN, "subnetId": UNKNOWN}, deps={"subnetId": ["public"]}),
        resource("aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment", "a",
                 {"instanceId": UNKNOWN, "networkInterfaceId": UNKNOWN},
                 deps={"instanceId": ["vm"], "networkInterfaceId": ["eni"]})), {"vm": "subnetId"}),
    Case("IPv6 through the internet gateway alone makes a subnet public.", [vpc(), IGW, *tier(
        "six", route("out6", "six-table", "gatewayId", "igw", ANY6)), instance("vm", subnet="six")], {"vm": "subnetId"}),
    Case("A single address through the internet gateway is enough.", [vpc(), IGW, *tier(
        "a", route("out", "a-table", "gatewayId", "igw", "203.0.113.7/32")), instance("vm", subnet="a")], {"vm": "subnetId"}),
    Case("A carrier gateway is an internet gateway.", [vpc(), *tier(
        "a", route("out", "a-table", "carrierGatewayId")), instance("vm", subnet="a")], {"vm": "subnetId"}),
    Case("An inline internet gateway route.", [vpc(), IGW, *tier(
        "a", inline=[{"cidrBlock": "0.0.0.0/0", "gatewayId": UNKNOWN}], deps=("igw",)), instance("vm", subnet="a")], {"vm": "subnetId"}),
    Case("After deployment: ids as in ARNs, and target properties that the provider filled in.", [
        resource("aws:ec2/internetGateway:InternetGateway", "igw", {"arn": "arn:aws:ec2:eu-west-1:1:internet-gateway/igw-1"}),
        resource("aws:ec2/subnet:Subnet", "a", {"arn": "arn:aws:ec2:eu-west-1:1:subnet/subnet-1", "vpcId": "vpc-1"}),
        resource("aws:ec2/subnet:Subnet", "b", {"arn": "arn:aws:ec2:eu-west-1:1:subnet/subnet-2", "vpcId": "vpc-1"}),
        table("t", arn="arn:aws:ec2:eu-west-1:1:route-table/rtb-1"), table("u", arn="arn:aws:ec2:eu-west-1:1:route-table/rtb-2"),
        *(resource("aws:ec2/routeTableAssociation:RouteTableAssociation", f"j{of}",
                   {"subnetId": f"subnet-{of}", "routeTableId": f"rtb-{of}"},
                   deps={"subnetId": ["a", "b"], "routeTableId": ["t", "u"]}) for of in (1, 2)),
        resource("aws:ec2/route:Route", "out", {"routeTableId": "rtb-1", "gatewayId": "igw-1", "destinationCidrBlock": "0.0.0.0/0",
                                               "instanceId": "i-1", "networkInterfaceId": ""},
                 deps={"routeTableId": ["t", "u"], "gatewayId": ["igw"]}),
        *(resource(INSTANCE, f"vm{of}", {"subnetId": f"subnet-{of}"}, deps={"subnetId": ["a", "b"]}) for of in (1, 2))],
        {"vm1": "subnetId"}),
    Case("A literal id of a subnet that does not show its own: the dependency tells.", base(
        resource(INSTANCE, "vm", {"subnetId": "subnet-1"}, deps={"subnetId": ["public"]})), {"vm": "subnetId"}),
    Case("A literal internet gateway id.", [vpc(), *tier(
        "a", inline=[{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-0abc"}]), instance("vm", subnet="a")], {"vm": "subnetId"}),
    Case("The VPC's own table, opened by a route that names the VPC's attribute.", [
        vpc(), IGW, subnet("a"), route("out", "vpc", "gatewayId", "igw"), instance("vm", subnet="a")], {"vm": "subnetId"}),
    Case("The default table with an inline route.", [
        vpc(), IGW, subnet("a"), instance("vm", subnet="a"),
        resource(DEFAULT_TABLE, "main", {"defaultRouteTableId": UNKNOWN, "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": UNKNOWN}]},
                 deps={"defaultRouteTableId": ["vpc"], "routes": ["igw"]})], {"vm": "subnetId"}),
    Case("The default table found by its id, after deployment.", [
        resource("aws:ec2/vpc:Vpc", "vpc", {"id": "vpc-1", "defaultRouteTableId": "rtb-1"}),
        resource("aws:ec2/subnet:Subnet", "a", {"id": "subnet-1", "vpcId": "vpc-1"}),
        resource(DEFAULT_TABLE, "main", {"defaultRouteTableId": "rtb-1", "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}]}),
        resource(INSTANCE, "vm", {"subnetId": "subnet-1"})], {"vm": "subnetId"}),
    Case("No association, and the main table was made the public one.", base(
        resource(MAIN, "m", {"vpcId": UNKNOWN, "routeTableId": UNKNOWN}, deps={"vpcId": ["vpc"], "routeTableId": ["public-table"]}),
        subnet("lone"), instance("vm", subnet="lone")), {"vm": "subnetId"}),
    Case("Adopted subnet and table, and a route of the stack's that opens them.", [
        IGW, associate("j", "subnet-0a", "rtb-0a"), route("out", "rtb-0a", "gatewayId", "igw"),
        resource(INSTANCE, "vm", {"subnetId": "subnet-0a"})], {"vm": "subnetId"}),
    Case("A data subnet by its tag, without a store in it.", [
        vpc(), NAT, subnet("data", tags={"cloudpatterns:tier": "data"}), table("t"), associate("j", "data", "t"),
        route("leak", "t", "natGatewayId", "nat")], {"leak": "natGatewayId"}),
    Case("A list of subnets that is unknown as a whole, each of them public.", base(
        subnet("p2"), associate("j2", "p2", "public-table"),
        resource(ASG, "asg", {"vpcZoneIdentifiers": UNKNOWN}, deps={"vpcZoneIdentifiers": ["public", "p2"]})),
        {"asg": "vpcZoneIdentifiers"}),
    Case("A cluster of brokers behind a NAT.", base(
        at("aws:msk/cluster:Cluster", "kafka", "brokerNodeGroupInfo.clientSubnets", "private")), {"nat-route": "natGatewayId"}),
    Case("A search domain behind a NAT.", base(
        at("aws:opensearch/domain:Domain", "search", "vpcOptions.subnetIds", "private")), {"nat-route": "natGatewayId"}),
    Case("A route of one subnet fails, the table of the other is in doubt.", base(
        route("leak", "data-table", "natGatewayId", "nat"), *tier("b"), associate("again", "b", "private-table"),
        subnet_group("dbs", "data", "b")), {"leak": "natGatewayId"}, {"again": "subnetId"}),
    Case("One unknown hides nothing else.", base(
        instance("vm", subnet="public"), resource(INSTANCE, "other", {"subnetId": "subnet-0adopted"})),
        {"vm": "subnetId"}, {"other": "subnetId (subnet subnet-0adopted)"}),
    *(
        Case(f"A way out through a VPC's own table, known by its {name}.", [
            KNOWN_VPC, NAT, subnet("data"), subnet_group("dbs", "data"), route("leak", table_id, "natGatewayId", "nat")],
            {"leak": "natGatewayId"})
        for name, table_id in (("main table", "rtb-0m"), ("default table", "rtb-0d"))
    ),
    Case("A data subnet that is joined to the VPC's own table by its known id.", [
        KNOWN_VPC, NAT, subnet("data"), associate("join", "data", "rtb-0d"), subnet_group("dbs", "data"),
        route("leak", "rtb-0d", "natGatewayId", "nat")], {"leak": "natGatewayId"}),
    Case("An instance with an interface in a public subnet, by the older argument.", base(
        resource(ENI, "eni", {"id": UNKNOWN, "subnetId": UNKNOWN}, deps={"subnetId": ["public"]}),
        resource(INSTANCE, "vm", {"networkInterfaces": [{"deviceIndex": 0, "networkInterfaceId": UNKNOWN}]},
                 deps={"networkInterfaces": ["eni"]})), {"vm": "subnetId"}),
    Case("A Spot fleet in a public subnet.", base(
        resource(SPOT_FLEET, "fleet", {"launchSpecifications": [{"subnetId": UNKNOWN}]}, deps={"launchSpecifications": ["public"]})),
        {"fleet": "launchSpecifications.0.subnetId"}),
    *(
        Case(f"{type} with a template, in a public subnet.", base(
            resource(type, "fleet", {"launchTemplateConfigs": [{"overrides": [{"subnetId": UNKNOWN}]}]},
                     deps={"launchTemplateConfigs": ["public"]})), {"fleet": "launchTemplateConfigs.0.overrides.0.subnetId"})
        for type in (SPOT_FLEET, "aws:ec2/fleet:Fleet")
    ),
]  # fmt: skip

UNCHECKED = instance("vm", subnet="public", sourceDestCheck=False)

BAD += [
    Case("A check that is off makes no NAT.", base(UNCHECKED), {"vm": "subnetId"}),
    Case("Nor with a route of its own subnet.", base(
        UNCHECKED, route("by", "public-table", "networkInterfaceId", "vm")), {"vm": "subnetId"}),
    Case("Nor with a route to a network of its own.", base(
        UNCHECKED, route("by", "private-table", "networkInterfaceId", "vm", "10.9.0.0/16")), {"vm": "subnetId"}),
    Case("Nor with a route of a table that no subnet has.", base(
        UNCHECKED, table("idle"), route("by", "idle", "networkInterfaceId", "vm")), {"vm": "subnetId"}),
    Case("Nor with a route to another instance.", base(
        UNCHECKED, instance("vm2", subnet="private"), route("by", "private-table", "networkInterfaceId", "vm2")), {"vm": "subnetId"}),
    Case("A route makes no NAT of an instance that checks.", base(
        instance("vm", subnet="public"), route("by", "private-table", "networkInterfaceId", "vm")), {"vm": "subnetId"}),
]  # fmt: skip

UNSURE = [
    Case("A check that is unknown, where a route leads to the instance.", base(
        REFERENCE, instance("vm", subnet="public", sourceDestCheck=UNKNOWN, deps={"sourceDestCheck": ["net"]}),
        route("by", "private-table", "networkInterfaceId", "vm")), unknowns={"vm": "sourceDestCheck"}),
    Case("A check of an interface that is unknown.", base(
        REFERENCE, resource(ENI, "eni", {"id": UNKNOWN, "subnetId": UNKNOWN, "sourceDestCheck": UNKNOWN},
                            deps={"subnetId": ["public"], "sourceDestCheck": ["net"]}),
        resource(INSTANCE, "vm", {"primaryNetworkInterface": {"networkInterfaceId": UNKNOWN}}, deps={"primaryNetworkInterface": ["eni"]}),
        route("by", "private-table", "networkInterfaceId", "eni")), unknowns={"vm": "sourceDestCheck"}),
    Case("A route to an interface that cannot be told.", base(
        REFERENCE, UNCHECKED, route("by", "private-table", "networkInterfaceId", "net")), unknowns={"by": "networkInterfaceId"}),
    Case("A route to an interface of another stack.", base(
        UNCHECKED, route("by", "private-table", "networkInterfaceId", networkInterfaceId="eni-0x")),
        unknowns={"by": "networkInterfaceId"}),
    Case("A route to nobody knows where.", base(REFERENCE, UNCHECKED, resource(
        "aws:ec2/route:Route", "by", {"routeTableId": UNKNOWN, "destinationCidrBlock": UNKNOWN, "networkInterfaceId": UNKNOWN},
        deps={"routeTableId": ["private-table"], "networkInterfaceId": ["vm"], "destinationCidrBlock": ["net"]})),
        unknowns={"by": "networkInterfaceId"}),
    Case("A route of one of two tables.", base(UNCHECKED, resource(
        "aws:ec2/route:Route", "by", {"routeTableId": UNKNOWN, "destinationCidrBlock": "0.0.0.0/0", "networkInterfaceId": UNKNOWN},
        deps={"routeTableId": ["private-table", "data-table"], "networkInterfaceId": ["vm"]})),
        unknowns={"by": "networkInterfaceId"}),
    Case("An adopted subnet by its id.", [
        resource(INSTANCE, "vm", {"subnetId": "subnet-0a"})], unknowns={"vm": "subnetId (subnet subnet-0a)"}),
    Case("A subnet from another stack.", [REFERENCE, resource(
        INSTANCE, "vm", {"subnetId": UNKNOWN}, deps={"subnetId": ["net"]})], unknowns={"vm": "subnetId"}),
    Case("An adopted table.", [
        vpc(), subnet("a"), associate("j", "a", "rtb-0a"), instance("vm", subnet="a")],
        unknowns={"vm": "subnetId (subnet a)"}),
    Case("A subnet of an adopted VPC without an association.", [
        resource("aws:ec2/subnet:Subnet", "a", {"id": UNKNOWN, "vpcId": "vpc-0a"}), instance("vm", subnet="a")], unknowns={"a": "vpcId"}),
    Case("A default subnet: its VPC's main table is AWS's.", [
        resource("aws:ec2/defaultSubnet:DefaultSubnet", "a", {"id": UNKNOWN, "vpcId": UNKNOWN}), instance("vm", subnet="a")],
        unknowns={"a": "vpcId"}),
    Case("An instance that names no subnet.", [simple(INSTANCE, "vm")], unknowns={"vm": "subnetId"}),
    Case("An Auto Scaling group that names no subnet.", [simple(ASG, "asg")], unknowns={"asg": "vpcZoneIdentifiers"}),
    Case("A database that names no subnet group, and one of an adopted group.", [
        simple("aws:rds/instance:Instance", "a", dbSubnetGroupName=UNKNOWN),
        simple("aws:rds/instance:Instance", "b", dbSubnetGroupName="adopted")],
        unknowns={"a": "dbSubnetGroupName", "b": "dbSubnetGroupName"}),
    Case("One of two subnets, nobody knows which, one of them public.", base(
        resource(INSTANCE, "vm", {"subnetId": UNKNOWN}, deps={"subnetId": ["private", "public"]})), unknowns={"vm": "subnetId"}),
    Case("Subnets of stores that are unknown as a whole, one of them with a way out.", base(
        resource("aws:rds/subnetGroup:SubnetGroup", "dbs", {"subnetIds": UNKNOWN}, deps={"subnetIds": ["data", "private"]})),
        unknowns={"dbs": "subnetIds"}),
    Case("A gateway that cannot be told, for a workload.", [REFERENCE, vpc(), *tier(
        "a", route("out", "a-table", "gatewayId", "net")), instance("vm", subnet="a")], unknowns={"out": "gatewayId"}),
    Case("Routes that are an output.", [
        IGW, vpc(), *tier("a", deps=("igw",)), instance("vm", subnet="a"), subnet_group("dbs", "a")],
        unknowns={"a-table": "routes"}),
    Case("A route of one of two tables, nobody knows which.", [
        vpc(), NAT, *tier("a"), *tier("b"), subnet_group("dbs", "a"),
        resource("aws:ec2/route:Route", "r", {"routeTableId": UNKNOWN, "natGatewayId": UNKNOWN},
                 deps={"routeTableId": ["a-table", "b-table"], "natGatewayId": ["nat"]})], unknowns={"r": "routeTableId"}),
    Case("A route of a table that cannot be told.", [
        REFERENCE, vpc(), NAT, *tier("a"), instance("vm", subnet="a"), route("r", "net", "natGatewayId", "nat")],
        unknowns={"r": "routeTableId"}),
    Case("An association of a subnet that cannot be told.", [
        REFERENCE, vpc(), *tier("a"), associate("j", "net", "a-table"), instance("vm", subnet="a")], unknowns={"j": "subnetId"}),
    Case("An association with a table that cannot be told.", [
        REFERENCE, vpc(), subnet("a"), associate("j", "a", "net"), instance("vm", subnet="a")], unknowns={"j": "routeTableId"}),
    Case("Two associations of one subnet.", base(
        associate("again", "private", "data-table"), instance("vm", subnet="private")), unknowns={"again": "subnetId"}),
    Case("A main table that cannot be told.", [
        REFERENCE, vpc(), subnet("a"), instance("vm", subnet="a"),
        resource(MAIN, "m", {"vpcId": UNKNOWN, "routeTableId": UNKNOWN}, deps={"vpcId": ["vpc"], "routeTableId": ["net"]})],
        unknowns={"m": "routeTableId"}),
    Case("A mark whose value is unknown, in a public subnet.", base(
        instance("bastion", subnet="public", tags={"cloudpatterns:internet": UNKNOWN})),
        unknowns={"bastion": "tags.cloudpatterns:internet"}),
]  # fmt: skip


@pytest.mark.parametrize("case", [*GOOD, *BAD, *UNSURE], ids=lambda case: case.reason)
def test_corpus(case: Case) -> None:
    assert case.judge(private_subnet_nat) == (dict(case.fails), dict(case.unknowns))


def test_a_stack_without_placements_is_not_applicable() -> None:
    found = verdicts(private_subnet_nat, stack(resource("aws:s3/bucket:Bucket")))
    assert found == [("", NotApplicable("the stack has no workload or data store in a VPC"))]


def test_metadata() -> None:
    assert (private_subnet_nat.id, private_subnet_nat.severity) == ("private-subnet-nat", Severity.HIGH)


MESSAGES = {
    "gives a data store an outbound route through NAT gateway nat: RDS instance main -> DB subnet group dbs -> subnet data -> "
    "route table data-table -> route leak (0.0.0.0/0 to NAT gateway nat)": BAD[0],
    "gives a data store an outbound route through NAT gateway nat: DB subnet group dbs -> subnet a and 1 more -> route table t -> "
    "route leak (0.0.0.0/0 to NAT gateway nat)": BAD[1],
    "gives a data store an outbound route through NAT gateway nat: DB subnet group dbs -> subnet data -> route table data-table -> "
    "routes.0 (0.0.0.0/0 to NAT gateway nat)": BAD[2],
    "is in a public subnet, but a data store must not have internet egress: DB subnet group dbs -> subnet public -> "
    "route table public-table -> route out (0.0.0.0/0 to internet gateway igw)": next(case for case in BAD if "wrong place" in case.reason),
    "is in a public subnet, with a route to an internet gateway: instance vm -> subnet public -> route table public-table -> "
    "route out (0.0.0.0/0 to internet gateway igw)": next(case for case in BAD if case.reason == "An instance in a public subnet."),
    "is in a public subnet, with a route to an internet gateway: instance vm -> subnet a -> main route table of vpc -> "
    "route out (0.0.0.0/0 to internet gateway igw)": next(case for case in BAD if case.reason.startswith("The VPC's own table")),
}  # fmt: skip


@pytest.mark.parametrize(("message", "case"), MESSAGES.items(), ids=[case.reason for case in MESSAGES.values()])
def test_messages(message: str, case: Case) -> None:
    (found,) = [verdict for _, verdict in verdicts(private_subnet_nat, stack(*case.network), case.config)]
    assert isinstance(found, Fail)
    assert found.message == message
