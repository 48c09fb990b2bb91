"""Builders for the corpus of paths: a VPC with a public, a private and a data subnet, as a preview shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudpatterns_policies.controls.no_path import no_path
from cloudpatterns_policies.core import Fail, Resource, Unknown

from tests.policies.controls.networks import ANY4, admits, associate, group, route, table
from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

INTERNET_TO_DATA = ("internet", "aws:rds/*", "all")
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ACL = "aws:ec2/networkAcl:NetworkAcl"
DEFAULT_ACL = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
ENI = "aws:ec2/networkInterface:NetworkInterface"
ASG = "aws:autoscaling/group:Group"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GATEWAY = resource("aws:ec2/internetGateway:InternetGateway", "igw", {"id": UNKNOWN})
NAT = resource("aws:ec2/natGateway:NatGateway", "nat", {"id": UNKNOWN})


@dataclass(frozen=True)
class Case:
    """A network, what must not be, and the right verdict: the exact path, or where the unknown stands; neither for a pass."""

    reason: str
    network: Sequence[Resource]
    path: str = ""
    statement: tuple[str, str, str] = INTERNET_TO_DATA
    unknowns: Sequence[tuple[str, str]] = ()
    at: str = field(default="", compare=False)
    """The resource that fails; empty for the last one of the path."""

    def judge(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Failures as resource and path, and unknowns as resource and property."""
        names = ("from", "to", "ports")
        found = verdicts(no_path, stack(*self.network), {"statements": [dict(zip(names, self.statement, strict=True))]})
        fails = [(name, verdict.message.partition(": ")[2]) for name, verdict in found if isinstance(verdict, Fail)]
        return fails, [(name, verdict.path) for name, verdict in found if isinstance(verdict, Unknown)]

    def expected(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """What `judge` gives when the control is right."""
        name = self.at or self.path.rpartition(" -> ")[2].partition(";")[0].rpartition(" ")[2]
        return [(name, self.path)] if self.path else [], list(self.unknowns)


def vpc(name: str = "vpc", cidr: str = "10.0.0.0/16") -> Resource:
    """A VPC."""
    return resource("aws:ec2/vpc:Vpc", name, {"id": UNKNOWN, "cidrBlock": cidr, "ipv6CidrBlock": UNKNOWN})


def subnet(name: str, cidr: Any, of: str = "vpc", **more: Any) -> Resource:
    """A subnet of the VPC `of`, by name or literal id."""
    literal = of.startswith("vpc-")
    props = {"id": UNKNOWN, "vpcId": of if literal else UNKNOWN, "cidrBlock": cidr, "mapPublicIpOnLaunch": False, **more}
    return resource("aws:ec2/subnet:Subnet", name, props, deps={} if literal else {"vpcId": [of]})


def base(*more: Resource, without: Sequence[str] = (), **public: Any) -> list[Resource]:
    """The VPC with its three subnets, and `more`. `public` are properties of the public subnet; `without` names what is left out."""
    network = [
        vpc(), GATEWAY, NAT,
        subnet("public", "10.0.0.0/24", **public), subnet("private", "10.0.1.0/24"), subnet("data", "10.0.2.0/24"),
        table("public-table"), associate("public-join", "public", "public-table"), route("out", "public-table", "gatewayId", "igw"),
        table("private-table"), associate("private-join", "private", "private-table"), route("nat-out", "private-table", "natGatewayId",
        "nat"),
        table("data-table"), associate("data-join", "data", "data-table"),
    ]  # fmt: skip
    return [item for item in network if item.name not in without] + list(more)


def leaves(name: str, of: str, ports: Any = None, to: str = ANY4, *, to_group: str = "", protocol: Any = "-1") -> Resource:
    """A `SecurityGroupEgressRule` of the group `of`."""
    made = admits(name, of, ports, "" if to_group else to, from_group=to_group, protocol=protocol)
    props = {key: value for key, value in made.raw.items() if value is UNKNOWN or value != ""}
    return resource(EGRESS, name, props, deps=made.property_dependencies)


def db(subnets: Sequence[str] = ("data",), groups: Sequence[str] = ("db",), public: Any = True, **more: Any) -> list[Resource]:
    """A database called `main` in its subnet group."""
    return [
        resource("aws:rds/subnetGroup:SubnetGroup", "dbs", {"name": UNKNOWN, "subnetIds": [UNKNOWN] * len(subnets)},
        deps={"subnetIds": subnets}),
        resource(
            "aws:rds/instance:Instance", "main",
            {"vpcSecurityGroupIds": [UNKNOWN] * len(groups), "dbSubnetGroupName": UNKNOWN, "publiclyAccessible": public, **more},
            deps={"vpcSecurityGroupIds": groups, "dbSubnetGroupName": ["dbs"]},
        ),
    ]  # fmt: skip


def vm(name: str, where: str, *groups: str, **more: Any) -> Resource:
    """An instance in a subnet. What the program leaves out the preview shows as unknown."""
    props = {"id": UNKNOWN, "subnetId": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN] * len(groups), "privateIp": UNKNOWN,
             "associatePublicIpAddress": UNKNOWN, "ipv6AddressCount": UNKNOWN, "sourceDestCheck": True, **more}  # fmt: skip
    return resource("aws:ec2/instance:Instance", name, props, deps={"subnetId": [where], "vpcSecurityGroupIds": groups})


def acl(name: str, subnets: Sequence[str], ingress: Any = (), egress: Any = (), **more: Any) -> Resource:
    """A network ACL with its rules inline; see `line`."""
    props = {"id": UNKNOWN, "vpcId": UNKNOWN, "subnetIds": [UNKNOWN] * len(subnets), "ingress": ingress, "egress": egress, **more}
    return resource(ACL, name, props, deps={"vpcId": ["vpc"], "subnetIds": subnets, "ingress": [], "egress": []})


def line(number: Any, action: Any, ports: Any = None, cidr: Any = ANY4, protocol: Any = "tcp") -> dict[str, Any]:
    """A rule of a network ACL: all traffic without `ports`."""
    first, last = ports if isinstance(ports, tuple) else (ports, ports)
    block = "ipv6CidrBlock" if isinstance(cidr, str) and ":" in cidr else "cidrBlock"
    known = {"protocol": "-1", "fromPort": 0, "toPort": 0} if ports is None else {"protocol": protocol, "fromPort": first, "toPort": last}
    return {"ruleNo": number, "action": action, block: cidr, **known}


def acl_rule(name: str, of: str, egress: bool, rule: dict[str, Any]) -> Resource:
    """The same as a resource of its own."""
    props = {**rule, "ruleNumber": rule["ruleNo"], "ruleAction": rule["action"], "egress": egress, "networkAclId": UNKNOWN}
    return resource("aws:ec2/networkAclRule:NetworkAclRule", name, props, deps={"networkAclId": [of]})


def open_db(*more: Resource, ports: Any = 3306, source: Any = ANY4, **change: Any) -> list[Resource]:
    """A public database in the public subnet with an open rule: each case closes or bends one thing."""
    return base(group("db"), admits("mysql", "db", ports, source), *db(**{"subnets": ["public"], **change}), *more)


def alb(name: str = "alb", groups: Sequence[str] = ("web",), subnets: Sequence[str] = ("public",), **more: Any) -> Resource:
    """An application load balancer."""
    props = {"arn": UNKNOWN, "internal": False, "loadBalancerType": "application", "ipAddressType": UNKNOWN,
             "securityGroups": [UNKNOWN] * len(groups), "subnets": [UNKNOWN] * len(subnets), **more}  # fmt: skip
    return resource("aws:lb/loadBalancer:LoadBalancer", name, props, deps={"securityGroups": groups, "subnets": subnets})


def serves(balancer: str = "alb", listens: Any = 443, port: Any = 8080, name: str = "tg") -> list[Resource]:
    """A listener and its target group."""
    return [
        resource("aws:lb/targetGroup:TargetGroup", name, {"arn": UNKNOWN, "port": port}),
        resource(
            "aws:lb/listener:Listener", f"{name}-listener",
            {"loadBalancerArn": UNKNOWN, "port": listens, "defaultActions": [{"type": "forward", "targetGroupArn": UNKNOWN}]},
            deps={"loadBalancerArn": [balancer], "defaultActions": [name]},
        ),
    ]  # fmt: skip


def target(name: str, of: str, what: str) -> Resource:
    """Joins a target group and a target."""
    props = {"targetGroupArn": UNKNOWN, "targetId": UNKNOWN}
    return resource("aws:lb/targetGroupAttachment:TargetGroupAttachment", name, props, deps={"targetGroupArn": [of], "targetId": [what]})


def fleet(name: str, where: str, groups: Sequence[str], target_group: str = "") -> list[Resource]:
    """An Auto Scaling group and its launch template."""
    deps = {
        "vpcZoneIdentifiers": [where],
        "launchTemplate": [f"{name}-template"],
        "targetGroupArns": [target_group] if target_group else [],
    }
    return [
        resource(TEMPLATE, f"{name}-template", {"id": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN] * len(groups)},
        deps={"vpcSecurityGroupIds": groups}),
        resource(ASG, name, {"vpcZoneIdentifiers": [UNKNOWN], "launchTemplate": {"id": UNKNOWN},
        "targetGroupArns": [UNKNOWN] if target_group else []},
                 deps=deps),
    ]  # fmt: skip
