"""The proof of the Functional Firewall on a corpus of small networks, and the wording of its findings."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.functional_firewall import functional_firewall
from cloudpatterns_policies.core import Fail, NotApplicable, Severity

from tests.policies.controls.networks import (
    ANY4,
    ANY6,
    PUBLIC,
    Case,
    admits,
    balancer,
    classic,
    database,
    entry,
    group,
    inline,
    instance,
    prefix_list,
    route,
)
from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

EIGHTHS = ("3.0.0.0/8", "9.0.0.0/8", "11.0.0.0/8")
NOT_PRIVATE = ("0.0.0.0/5", "8.0.0.0/7", "11.0.0.0/8", "12.0.0.0/6", "16.0.0.0/4", "32.0.0.0/3", "64.0.0.0/2", "128.0.0.0/1")
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def cdn(*origins: str) -> Any:
    return resource(DISTRIBUTION, "cdn", {"origins": [{"domainName": UNKNOWN}]}, deps={"origins": list(origins)})


BY_ROUTER = route("by", "rtb-0private", "networkInterfaceId", "router")

GOOD = [
    Case("The pattern itself: the web at the balancer, MySQL by reference.", [
        group("web"), group("db"), admits("https", "web", 443, ANY4), admits("https6", "web", 443, ANY6), admits("http", "web", 80, ANY4),
        admits("mysql", "db", 3306, from_group="web"), balancer("alb", "web"), database("main", "db"),
    ]),
    Case("A group with the mark may stand alone.", [group("web", PUBLIC), admits("https", "web", 443, ANY4)]),
    Case("The mark's value may be a boolean that became text.", [
        group("web", {"cloudpatterns:internet": "True"}), admits("https", "web", 443, ANY4)]),
    Case("A name in the profile is a mark.", [group("web"), admits("https", "web", 443, ANY4)], config={"publicNames": ["w*"]}),
    Case("Another tag can be the mark.", [
        group("web", {"tier": "edge"}), admits("https", "web", 443, ANY4)], config={"publicTags": ["tier=edge"]}),
    Case("The mark may stand on the instance.", [
        group("web"), admits("https", "web", 443, ANY4), instance("bastion", "web", tags=PUBLIC)]),
    Case("A template's instance tags are marks.", [
        group("web"), admits("https", "web", 443, ANY4), resource(TEMPLATE, "t", {
            "vpcSecurityGroupIds": [UNKNOWN], "tagSpecifications": [{"resourceType": "instance", "tags": PUBLIC}],
        }, deps={"vpcSecurityGroupIds": ["web"]})]),
    Case("Classic and aliased balancers count as well.", [
        group("a"), group("b"), admits("ra", "a", 443, ANY4), admits("rb", "b", 443, ANY4),
        balancer("elb", "a", kind="elb"), balancer("alb", "b", kind="alb", internal=False)]),
    Case("An instance behind CloudFront is an origin.", [
        group("web"), admits("https", "web", 443, ANY4), instance("vm", "web"), cdn("vm")]),
    Case("An internal balancer behind a VPC origin is an origin.", [
        group("web"), admits("https", "web", 443, ANY4), balancer("alb", "web", internal=True),
        resource("aws:cloudfront/vpcOrigin:VpcOrigin", "o", {"vpcOriginEndpointConfig": {"arn": UNKNOWN}},
                 deps={"vpcOriginEndpointConfig": ["alb"]})]),
    Case("Self-reference on a data port is by reference: the nodes of a cluster.", [
        group("db"), classic("peer", "db", 6379, self=True), database("main", "db")]),
    Case("Everything from a group, protocol -1, is by reference.", [
        group("db"), group("app"), admits("all", "db", None, from_group="app", protocol="-1")]),
    Case("A literal group id that the stack does not have is a reference all the same.", [
        group("db"), admits("mysql", "db", 3306, referencedSecurityGroupId="sg-0abc")]),
    Case("An unknown group is a reference all the same.", [
        group("db"), admits("mysql", "db", 3306, referencedSecurityGroupId=UNKNOWN)]),
    Case("An inline rule may name groups.", [
        group("app"), resource("aws:ec2/securityGroup:SecurityGroup", "db", {
            "ingress": [inline(3306, securityGroups=[UNKNOWN])]}, deps={"ingress": ["app"]})]),
    Case("Private addresses on a port that is no data port.", [group("app"), admits("r", "app", 8080, "10.0.0.0/8")]),
    Case("All private ranges together are not the internet.", [
        group("app", ingress=[inline(8080, cidrBlocks=["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"])])]),
    Case("The unique local and link-local IPv6 ranges are not the internet.", [
        group("app"), admits("r", "app", 8080, "fc00::/7"), admits("l", "app", 8080, "fe80::/10")]),
    Case("One /8 is one party's.", [group("app"), admits("r", "app", 8080, "17.0.0.0/8")]),
    Case("One network named twice is one network, and a range that has ended adds nothing.", [
        group("app"), admits("a", "app", (8000, 8010), "3.0.0.0/8"), admits("b", "app", (8020, 8030), "9.0.0.0/8"),
        admits("c", "app", (8020, 8030), "9.0.0.0/8")]),
    Case("One IPv6 /16 is one party's.", [group("app"), admits("r", "app", 8080, "2630::/16")]),
    Case("Egress to the internet is another control's.", [
        group("db", egress=[inline(None, "-1", cidrBlocks=[ANY4])]),
        classic("out", "db", 3306, type="egress", cidrBlocks=[ANY4]),
        resource("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "o2",
                 {"securityGroupId": UNKNOWN, "ipProtocol": "-1", "cidrIpv4": ANY4}, deps={"securityGroupId": ["db"]})]),
    Case("ICMP that tells of an unreachable host is no service.", [
        group("web"), admits("mtu", "web", (3, 4), ANY4, protocol="icmp"), admits("mtu6", "web", (2, 0), ANY6, protocol="icmpv6")]),
    Case("The closed default group.", [resource("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "d", {"ingress": [], "egress": []})]),
    Case("A NAT instance takes everything from the VPC: it is on its way to somebody else.", [
        group("nat"), admits("vpc", "nat", None, "10.0.0.0/16", protocol="-1"), instance("router", "nat", sourceDestCheck=False),
        BY_ROUTER]),
    Case("A NAT instance whose interface says so.", [
        group("nat"), admits("vpc", "nat", None, "10.0.0.0/16", protocol="-1"),
        resource("aws:ec2/networkInterface:NetworkInterface", "eni", {"securityGroups": [UNKNOWN], "sourceDestCheck": False},
                 deps={"securityGroups": ["nat"]}), route("by", "rtb-0private", "networkInterfaceId", "eni")]),
    Case("A NAT instance whose template holds the group.", [
        group("nat"), admits("vpc", "nat", None, "10.0.0.0/16", protocol="-1"),
        resource(TEMPLATE, "t", {"id": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN]}, deps={"vpcSecurityGroupIds": ["nat"]}),
        resource("aws:ec2/instance:Instance", "router", {"launchTemplate": {"id": UNKNOWN}, "sourceDestCheck": False},
                 deps={"launchTemplate": ["t"]}), BY_ROUTER]),
    Case("An operators' group may admit a data port from its networks; that is the other proof's.", [
        group("dba", {"cloudpatterns:operator": "dba"}), prefix_list("office", "203.0.113.10/32"), admits("r", "dba", 3306, "pl:office")]),
    Case("A web port needs no look at the prefix list, at a balancer.", [
        group("web"), admits("r", "web", 443, "pl-3b927c52"), balancer("alb", "web")]),
    Case("A trusted prefix list is not the internet.", [
        group("web"), admits("r", "web", 8443, "pl-3b927c52")], config={"trustedPrefixLists": ["pl-3b927c52"]}),
    Case("Further web ports by configuration.", [
        group("web", PUBLIC), admits("r", "web", 8443, ANY4), admits("q", "web", 443, ANY4, protocol="udp")],
        config={"internetPorts": ["80", "443", "8443", "443/udp"]}),
    Case("A data port taken off the list.", [group("x"), admits("r", "x", 9200, "10.0.0.0/8")], config={"dataPorts": ["3306"]}),
    Case("UDP on a TCP store's number is not that store.", [group("x"), admits("r", "x", 3306, "10.0.0.0/8", protocol="udp")]),
    Case("Groups of which one or the other is attached do not add up.", [
        group("a"), group("b"), admits("ra", "a", 8080, "3.0.0.0/8"), admits("rb", "b", 8080, "9.0.0.0/8"),
        resource("aws:ec2/instance:Instance", "vm", {"vpcSecurityGroupIds": [UNKNOWN]}, deps={"vpcSecurityGroupIds": ["a", "b"]})]),
    Case("A candidate that is not sure to be attached does no harm where all candidates are fine.", [
        group("a"), group("b"), admits("r", "a", 443, ANY4),
        balancer("alb", "a", "b", securityGroups=[UNKNOWN])]),
]  # fmt: skip

BAD = [
    Case("3306 to the world.", [group("db"), admits("r", "db", 3306, ANY4), database("main", "db")], {"r": "cidrIpv4"}),
    Case("The world in two halves, on a data port.", [
        group("db"), admits("a", "db", 3306, "0.0.0.0/1"), admits("b", "db", 3306, "128.0.0.0/1")], {"a": "cidrIpv4", "b": "cidrIpv4"}),
    Case("The world in two halves, on a port that is none of the web's.", [
        group("app"), admits("a", "app", 8080, "0.0.0.0/1"), admits("b", "app", 8080, "128.0.0.0/1")],
        {"a": "cidrIpv4", "b": "cidrIpv4"}),
    Case("Three /8 in three rules, none of which is the internet alone.", [
        group("app"), *(admits(f"r{index}", "app", 8080, cidr) for index, cidr in enumerate(EIGHTHS))], {"r0": "cidrIpv4"}),
    Case("Unions count where port ranges overlap only.", [
        group("app"), admits("a", "app", (8000, 8080), "3.0.0.0/8"), admits("b", "app", (8080, 8090), "9.0.0.0/8")], {"a": "cidrIpv4"}),
    Case("Two groups at one instance add up.", [
        group("a"), group("b"), admits("ra", "a", 8080, "3.0.0.0/8"), admits("rb", "b", 8080, "9.0.0.0/8"), instance("vm", "a", "b")],
        {"ra": "cidrIpv4"}),
    Case("Two groups at one interface, one of them attached by a resource of its own, add up.", [
        group("a"), group("b"), admits("ra", "a", 8080, "3.0.0.0/8"), admits("rb", "b", 8080, "9.0.0.0/8"),
        resource("aws:ec2/networkInterface:NetworkInterface", "eni", {"id": UNKNOWN, "securityGroups": [UNKNOWN]},
                 deps={"securityGroups": ["a"]}),
        resource("aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment", "join",
                 {"networkInterfaceId": UNKNOWN, "securityGroupId": UNKNOWN},
                 deps={"networkInterfaceId": ["eni"], "securityGroupId": ["b"]})], {"ra": "cidrIpv4"}),
    Case("The internet but the private ranges.", [
        group("app", ingress=[inline(8080, cidrBlocks=list(NOT_PRIVATE))])], {"app": "ingress.0.cidrBlocks.7"}),
    Case("Both families in one rule are one finding.", [
        group("app", ingress=[inline(22, cidrBlocks=[ANY4], ipv6CidrBlocks=[ANY6])])], {"app": "ingress.0.cidrBlocks.0"}),
    Case("IPv6 alone opens the group.", [group("app"), admits("r", "app", 8080, ANY6)], {"r": "cidrIpv6"}),
    Case("All public IPv6 addresses are the internet.", [group("app"), admits("r", "app", 8080, "2000::/3")], {"r": "cidrIpv6"}),
    Case("A prefix list with the world in it.", [
        group("app"), prefix_list("all", "0.0.0.0/1", "128.0.0.0/1"), admits("r", "app", 8080, "pl:all")], {"r": "prefixListId"}),
    Case("A prefix list filled by entries of their own.", [
        group("app"), resource("aws:ec2/managedPrefixList:ManagedPrefixList", "all", {"id": UNKNOWN, "entries": UNKNOWN}),
        entry("e1", "all", "0.0.0.0/1"), entry("e2", "all", "128.0.0.0/1"), admits("r", "app", 8080, "pl:all")], {"r": "prefixListId"}),
    Case("Protocol -1 ignores its ports.", [
        group("web", PUBLIC), classic("r", "web", 443, protocol="-1", cidrBlocks=[ANY4])], {"r": "cidrBlocks.0"}),
    Case("Protocol -1 as a number, inline.", [
        group("web", PUBLIC, ingress=[inline(0, -1, cidrBlocks=[ANY4])])], {"web": "ingress.0.cidrBlocks.0"}),
    Case("The number 6 is TCP.", [group("db"), classic("r", "db", 5432, protocol="6", cidrBlocks=["10.0.0.0/8"])], {"r": "cidrBlocks.0"}),
    Case("A range that holds 443 is not 443.", [
        group("web"), admits("r", "web", (443, 8443), ANY4), balancer("alb", "web")], {"r": "cidrIpv4"}),
    Case("A range written backwards is read as meant.", [group("web", PUBLIC), admits("r", "web", (443, 22), ANY4)], {"r": "cidrIpv4"}),
    Case("TCP without ports is all of TCP.", [group("web", PUBLIC), admits("r", "web", None, ANY4)], {"r": "cidrIpv4"}),
    Case("443 over UDP is not on the list.", [group("web", PUBLIC), admits("r", "web", 443, ANY4, protocol="udp")], {"r": "cidrIpv4"}),
    Case("Ping from the internet.", [group("web", PUBLIC), admits("r", "web", (8, -1), ANY4, protocol="icmp")], {"r": "cidrIpv4"}),
    Case("GRE from the internet.", [group("web", PUBLIC), admits("r", "web", None, ANY4, protocol="47")], {"r": "cidrIpv4"}),
    Case("443 at an instance without the mark.", [
        group("web"), admits("r", "web", 443, ANY4), instance("vm", "web")], {"r": "cidrIpv4"}),
    Case("443 at a balancer and at an instance: the instance is reached too.", [
        group("web"), admits("r", "web", 443, ANY4), balancer("alb", "web"), instance("vm", "web")], {"r": "cidrIpv4"}),
    Case("443 at an internal balancer.", [
        group("web"), admits("r", "web", 443, ANY4), balancer("alb", "web", internal=True)], {"r": "cidrIpv4"}),
    Case("443 at a group that nothing is behind yet.", [group("web"), admits("r", "web", 443, ANY4)], {"r": "cidrIpv4"}),
    Case("The mark says false.", [
        group("web", {"cloudpatterns:internet": "false"}), admits("r", "web", 443, ANY4)], {"r": "cidrIpv4"}),
    Case("A data port from the VPC's own addresses is not by reference.", [
        group("db"), admits("r", "db", 3306, "10.0.0.0/16"), database("main", "db")], {"r": "cidrIpv4"}),
    Case("A data port from one address is not by reference.", [group("db"), admits("r", "db", 6379, "10.0.0.7/32")], {"r": "cidrIpv4"}),
    Case("A data port from a prefix list is not by reference, known or not.", [
        group("db"), admits("r", "db", 5432, "pl-123"), admits("s", "db", 5432, prefixListId=UNKNOWN)],
        {"r": "prefixListId", "s": "prefixListId"}),
    Case("A data port from a CIDR whose value is unknown is from a CIDR all the same.", [
        group("db"), admits("r", "db", 3306, UNKNOWN)], {"r": "cidrIpv4"}),
    Case("Inside a wide range.", [group("db"), admits("r", "db", (1024, 65535), "10.0.0.0/8")], {"r": "cidrIpv4"}),
    Case("Inside -1.", [group("db"), admits("r", "db", None, "10.0.0.0/8", protocol="-1")], {"r": "cidrIpv4"}),
    Case("One rule, group and CIDR: the CIDR counts.", [
        group("db"), group("app"), resource("aws:ec2/securityGroup:SecurityGroup", "x", {
            "ingress": [inline(22, cidrBlocks=["10.0.0.0/8"]), inline(3306, securityGroups=[UNKNOWN], cidrBlocks=["10.0.0.0/8"])]},
            deps={"ingress": ["app"]})], {"x": "ingress.1.cidrBlocks.0"}),
    Case("Memcached over UDP.", [group("c"), admits("r", "c", 11211, "10.0.0.0/8", protocol="17")], {"r": "cidrIpv4"}),
    Case("A router's data ports are spared, the internet is not.", [
        group("nat"), admits("r", "nat", None, ANY4, protocol="-1"), instance("router", "nat", sourceDestCheck=False), BY_ROUTER],
        {"r": "cidrIpv4"}),
    Case("A check that is off makes no router where no route leads.", [
        group("nat"), admits("r", "nat", None, "10.0.0.0/8", protocol="-1"), instance("router", "nat", sourceDestCheck=False)],
        {"r": "cidrIpv4"}),
    Case("A group of a router and a server is a server's.", [
        group("nat"), admits("r", "nat", None, "10.0.0.0/8", protocol="-1"), instance("router", "nat", sourceDestCheck=False),
        instance("vm", "nat"), BY_ROUTER], {"r": "cidrIpv4"}),
    Case("A fleet from a NAT instance's template is no router.", [
        group("nat"), admits("r", "nat", None, "10.0.0.0/16", protocol="-1"),
        resource(TEMPLATE, "t", {"id": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN]}, deps={"vpcSecurityGroupIds": ["nat"]}),
        resource("aws:ec2/instance:Instance", "router", {"launchTemplate": {"id": UNKNOWN}, "sourceDestCheck": False},
                 deps={"launchTemplate": ["t"]}),
        resource("aws:autoscaling/group:Group", "asg", {"launchTemplate": {"id": UNKNOWN}}, deps={"launchTemplate": ["t"]}), BY_ROUTER],
        {"r": "cidrIpv4"}),
    Case("An operators' group may not admit the internet to a data port.", [
        group("dba", {"cloudpatterns:operator": "dba"}), admits("r", "dba", 3306, ANY4)], {"r": "cidrIpv4"}),
    Case("The default group with a rule.", [
        resource("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "d", {"ingress": [inline(0, "-1", cidrBlocks=[ANY4])]})],
        {"d": "ingress.0.cidrBlocks.0"}),
    Case("The VPC's own default group, named by the VPC's attribute.", [
        resource("aws:ec2/vpc:Vpc", "vpc", {"id": UNKNOWN}),
        resource("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "d", {"vpcId": UNKNOWN}, deps={"vpcId": ["vpc"]}),
        instance("vm", "d"), admits("r", "vpc", 443, ANY4)], {"r": "cidrIpv4"}),
    Case("An inline rule without a protocol is about all of them.", [
        group("web", PUBLIC, ingress=[{"fromPort": 443, "toPort": 443, "cidrBlocks": [ANY4]}])], {"web": "ingress.0.cidrBlocks.0"}),
    Case("One of two prefix lists is from elsewhere, and one is the world.", [
        group("app"), prefix_list("all", ANY4), resource("pulumi:pulumi:StackReference", "net"),
        classic("r", "app", 8080, prefixListIds=[UNKNOWN, UNKNOWN], deps={"prefixListIds": ["all", "net"]})], {"r": "prefixListIds"}),
    Case("Two groups at one endpoint, one by an association, add up.", [
        group("a"), group("b"), admits("ra", "a", 8443, "3.0.0.0/8"), admits("rb", "b", 8443, "9.0.0.0/8"),
        resource("aws:ec2/vpcEndpoint:VpcEndpoint", "e", {"id": UNKNOWN, "securityGroupIds": [UNKNOWN]}, deps={"securityGroupIds": ["a"]}),
        resource("aws:ec2/securityGroupAssociation:SecurityGroupAssociation", "j", {"vpcEndpointId": UNKNOWN, "securityGroupId": UNKNOWN},
                 deps={"vpcEndpointId": ["e"], "securityGroupId": ["b"]})], {"ra": "cidrIpv4"}),
    Case("Two groups at one place are told once: the one is wrong alone.", [
        group("a"), group("b"), admits("r1", "a", 8080, "3.0.0.0/8"), admits("r2", "a", 8080, "9.0.0.0/8"),
        admits("r3", "b", 9999, "203.0.113.0/24"), instance("vm", "a", "b")], {"r1": "cidrIpv4"}),
    Case("A rule on an adopted group is judged as well.", [admits("r", "sg-0adopted", 8080, ANY4)], {"r": "cidrIpv4"}),
    Case("A rule of one of two groups, on a data port: whichever it is.", [
        group("a"), group("b"),
        resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "r", {
            "securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": 3306, "toPort": 3306, "cidrIpv4": "10.0.0.0/8"},
            deps={"securityGroupId": ["a", "b"]})], {"r": "cidrIpv4"}),
    Case("A rule whose group cannot be told is judged as well.", [admits("r", "", 3306, "10.0.0.0/8")], {"r": "cidrIpv4"}),
    Case("One unknown hides nothing else.", [
        group("db"), admits("u", "db", 8080, UNKNOWN), admits("r", "db", 3306, "10.0.0.0/8"), admits("w", "db", 22, ANY4)],
        {"r": "cidrIpv4", "w": "cidrIpv4"}, {"u": "cidrIpv4"}),
    Case("Literal ids after deployment.", [
        resource("aws:ec2/securityGroup:SecurityGroup", "web", {"id": "sg-1"}),
        resource("aws:ec2/securityGroup:SecurityGroup", "db", {"id": "sg-2"}),
        resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "r", {
            "securityGroupId": "sg-1", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": ANY4},
            deps={"securityGroupId": ["web", "db"]}),
        resource("aws:rds/instance:Instance", "main", {"vpcSecurityGroupIds": ["sg-1"]})], {"r": "cidrIpv4"}),
    Case("Two groups at one instance, one of them attached by the known id of its own interface, add up.", [
        group("a"), group("b"), admits("ra", "a", 8080, "3.0.0.0/8"), admits("rb", "b", 8080, "9.0.0.0/8"),
        instance("vm", "a", primaryNetworkInterfaceId="eni-0a"),
        resource("aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment", "join",
                 {"networkInterfaceId": "eni-0a", "securityGroupId": UNKNOWN}, deps={"securityGroupId": ["b"]})], {"ra": "cidrIpv4"}),
]  # fmt: skip

UNSURE = [
    Case("A CIDR that AWS computes.", [group("app"), admits("r", "app", 8080, cidrIpv6=UNKNOWN)], unknowns={"r": "cidrIpv6"}),
    Case("A list of CIDRs that is unknown as a whole may be empty.", [
        group("db"), classic("r", "db", 3306, cidrBlocks=UNKNOWN, self=True)], unknowns={"r": "cidrBlocks"}),
    Case("A text that is no CIDR.", [group("app"), admits("r", "app", 8080, "office")], unknowns={"r": "cidrIpv4"}),
    Case("A prefix list known by its id alone, on a port that is none of the web's.", [
        group("app"), admits("r", "app", 8080, "pl-3b927c52")], unknowns={"r": "prefixListId"}),
    Case("A prefix list known by its id alone, away from a public entrance.", [
        group("app"), admits("r", "app", 443, "pl-3b927c52")], unknowns={"r": "prefixListId"}),
    Case("A prefix list with an unknown entry.", [
        group("app"), prefix_list("some", "10.0.0.0/8", UNKNOWN), admits("r", "app", 8080, "pl:some")],
        unknowns={"r": "entries.1 of prefix list some"}),
    Case("Unknown ports.", [group("app"), admits("r", "app", None, ANY4, fromPort=UNKNOWN, toPort=80)], unknowns={"r": "fromPort"}),
    Case("A protocol that EC2 does not know.", [
        group("app"), admits("r", "app", 80, ANY4, protocol="sctp!")], unknowns={"r": "ipProtocol"}),
    Case("An unknown direction.", [
        group("app"), classic("r", "app", 8080, type=UNKNOWN, cidrBlocks=["10.0.0.0/8"])], unknowns={"r": "type"}),
    Case("Inline rules that are an output.", [
        group("other"), resource("aws:ec2/securityGroup:SecurityGroup", "db", {"ingress": UNKNOWN}, deps={"ingress": ["other"]})],
        unknowns={"db": "ingress"}),
    Case("The web at a group that cannot be told.", [admits("r", "", 443, ANY4)], unknowns={"r": "securityGroupId"}),
    Case("The default group of a VPC, which the stack does not describe.", [
        resource("aws:ec2/vpc:Vpc", "vpc", {"id": UNKNOWN}), admits("r", "vpc", 443, ANY4)], unknowns={"r": "securityGroupId"}),
    Case("One of two prefix lists is from elsewhere.", [
        group("app"), prefix_list("some", "10.0.0.0/8"), resource("pulumi:pulumi:StackReference", "net"),
        classic("r", "app", 8080, prefixListIds=[UNKNOWN, UNKNOWN], deps={"prefixListIds": ["some", "net"]})],
        unknowns={"r": "prefixListIds"}),
    Case("A mark on the instance whose value is unknown.", [
        group("web"), admits("r", "web", 443, ANY4), instance("vm", "web", tags={"cloudpatterns:internet": UNKNOWN})],
        unknowns={"vm": "tags.cloudpatterns:internet"}),
    Case("The web at an adopted group: its tags are elsewhere.", [
        admits("r", "sg-0adopted", 443, ANY4)], unknowns={"r": "securityGroupId"}),
    Case("A mark whose value is unknown.", [
        group("web", {"cloudpatterns:internet": UNKNOWN}), admits("r", "web", 443, ANY4)],
        unknowns={"web": "tags.cloudpatterns:internet"}),
    Case("A balancer that may be internal.", [
        group("web"), admits("r", "web", 443, ANY4),
        resource("aws:lb/loadBalancer:LoadBalancer", "alb", {"internal": UNKNOWN, "securityGroups": [UNKNOWN]},
                 deps={"internal": ["web"], "securityGroups": ["web"]})], unknowns={"alb": "internal"}),
    Case("One of two groups, nobody knows which.", [
        group("web"), group("db"), admits("r", "web", 443, ANY4), balancer("alb", "web"),
        resource("aws:rds/instance:Instance", "main", {"vpcSecurityGroupIds": [UNKNOWN]}, deps={"vpcSecurityGroupIds": ["web", "db"]})],
        unknowns={"main": "vpcSecurityGroupIds"}),
    Case("A rule of one of two groups, nobody knows which.", [
        group("a", PUBLIC), group("b"),
        resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "r", {
            "securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": ANY4},
            deps={"securityGroupId": ["a", "b"]})], unknowns={"r": "securityGroupId"}),
    Case("An adopted group at an instance: what it admits is elsewhere.", [
        resource("aws:ec2/instance:Instance", "vm", {"vpcSecurityGroupIds": ["sg-0adopted"]})],
        unknowns={"vm": "vpcSecurityGroupIds"}),
    Case("A group from elsewhere at an instance.", [
        resource("pulumi:pulumi:StackReference", "net"),
        resource("aws:ec2/instance:Instance", "vm", {"vpcSecurityGroupIds": [UNKNOWN]}, deps={"vpcSecurityGroupIds": ["net"]})],
        unknowns={"vm": "vpcSecurityGroupIds"}),
    Case("A data port of a group whose tags are unknown.", [
        resource("aws:ec2/securityGroup:SecurityGroup", "db", {"tags": UNKNOWN}, deps={"tags": ["x"]}), group("x"),
        admits("r", "db", 3306, "10.0.0.0/8")], unknowns={"db": "tags"}),
]  # fmt: skip


@pytest.mark.parametrize("case", [*GOOD, *BAD, *UNSURE], ids=lambda case: case.reason)
def test_corpus(case: Case) -> None:
    assert case.judge(functional_firewall) == (dict(case.fails), dict(case.unknowns))


def test_a_stack_without_groups_is_not_applicable() -> None:
    assert verdicts(functional_firewall, stack(resource("aws:s3/bucket:Bucket"))) == [
        ("", NotApplicable("the stack has no security group"))
    ]


def test_metadata() -> None:
    assert (functional_firewall.id, functional_firewall.severity) == ("functional-firewall", Severity.CRITICAL)


def only(case: Case) -> Fail:
    (found,) = [verdict for _, verdict in verdicts(functional_firewall, stack(*case.network), case.config)]
    assert isinstance(found, Fail)
    return found


MESSAGES = {
    "allows data port 3306 (MySQL) from 10.0.0.0/8 instead of a caller's security group: "
    "rule r -> security group (one of a, b)": next(case for case in BAD if "whichever" in case.reason),
    "allows the internet (0.0.0.0/0) on port 3306 (MySQL): rule r -> security group db -> RDS instance main": BAD[0],
    "allows the internet (3.0.0.0/8 in rule r0 + 9.0.0.0/8 in rule r1 + 11.0.0.0/8 in rule r2) on port 8080: "
    "rule r0 -> security group app": BAD[3],
    "allows the internet (3.0.0.0/8 in rule ra + 9.0.0.0/8 in rule rb) on port 8080: "
    "rule ra -> security group a -> instance vm; rule rb -> security group b -> instance vm": BAD[5],
    "allows the internet (128.0.0.0/1, 64.0.0.0/2 and 6 more) on port 8080: ingress.0 -> security group app": BAD[7],
    "allows the internet (0.0.0.0/0, ::/0) on port 22 (SSH): ingress.0 -> security group app": BAD[8],
    "allows the internet (0.0.0.0/0) on ports 443-8443; only web ports may be open to it: "
    "rule r -> security group web -> load balancer alb": BAD[16],
    "allows the internet (0.0.0.0/0) on port 443 (HTTPS) at instance vm, which is no internet-facing load balancer "
    "or CDN origin and is not tagged as public: rule r -> security group web -> instance vm": BAD[22],
    "allows the internet (0.0.0.0/0) on port 443 (HTTPS) at load balancer alb, which is internal: "
    "rule r -> security group web -> load balancer alb": BAD[24],
    "allows the internet (0.0.0.0/0) on port 443 (HTTPS) at security group web, which has no load balancer or CDN origin and is not "
    "tagged as public: rule r -> security group web": BAD[25],
    "allows data port 3306 (MySQL) from 10.0.0.0/16 instead of a caller's security group: "
    "rule r -> security group db -> RDS instance main": BAD[27],
    "allows data ports 1433 (SQL Server), 1521 (Oracle), 2049 (NFS), 3306 (MySQL) and 12 more, within ports 1024-65535, from 10.0.0.0/8 "
    "instead of a caller's security group: rule r -> security group db": BAD[31],
}  # fmt: skip


@pytest.mark.parametrize(("message", "case"), MESSAGES.items(), ids=[case.reason for case in MESSAGES.values()])
def test_messages(message: str, case: Case) -> None:
    assert only(case).message == message


@pytest.mark.parametrize(
    ("protocol", "kinds", "source", "text"),
    [
        ("icmp", (-1, -1), ANY4, "(0.0.0.0/0) on ICMP; only type 3 of ICMP"),
        ("icmpv6", (-1, -1), ANY6, "(::/0) on ICMPv6; only types 1 to 4 of ICMPv6"),
        ("58", (128, 0), ANY6, "(::/0) on ICMPv6; only types 1 to 4 of ICMPv6"),
    ],
)
def test_a_message_on_icmp_says_what_of_it_may_be_open(protocol: str, kinds: tuple[int, int], source: str, text: str) -> None:
    case = Case("ICMP", [group("web", PUBLIC), admits("r", "web", kinds, source, protocol=protocol)], {"r": ""})
    assert only(case).message == f"allows the internet {text} may be open to it: rule r -> security group web"
    # RFC 4890, section 4.3.1: errors of the network that a firewall must not drop.
    for kind in (1, 2, 3, 4):
        errors = [group("web"), admits("r", "web", (kind, -1), ANY6, protocol="icmpv6")]
        assert not [found for _, found in verdicts(functional_firewall, stack(*errors)) if isinstance(found, Fail)]
