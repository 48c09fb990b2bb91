"""Small networks for the proofs, as the engine would send them in a preview: ids unknown, references as property dependencies.

A case is data: resources, what each proof must say of them, and one line of reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudpatterns_policies.core import Control, Fail, Resource, Unknown

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

SG = "aws:ec2/securityGroup:SecurityGroup"
ANY4, ANY6 = "0.0.0.0/0", "::/0"
PUBLIC = {"cloudpatterns:internet": "true"}


@dataclass(frozen=True)
class Case:
    """A network and the findings that are right for it, by resource name: `where` of failures, paths of unknowns."""

    reason: str
    network: Sequence[Resource]
    fails: Mapping[str, str] = field(default_factory=dict)
    unknowns: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] | None = None

    def judge(self, control: Control) -> tuple[dict[str, str], dict[str, str]]:
        """What the control says, in the form of `fails` and `unknowns`. Two failures of one resource are an error of the test."""
        found = verdicts(control, stack(*self.network), self.config)
        fails = [(name, verdict.where) for name, verdict in found if isinstance(verdict, Fail)]
        assert len(dict(fails)) == len(fails), fails
        return dict(fails), {name: verdict.path for name, verdict in found if isinstance(verdict, Unknown)}


def group(name: str, tags: Mapping[str, Any] | None = None, **inline: Any) -> Resource:
    """A security group. In a preview the provider shows rules that the program leaves out as unknown."""
    props = {"id": UNKNOWN, "ingress": UNKNOWN, "egress": UNKNOWN, "tags": dict(tags or {}), **inline}
    return resource(SG, name, props, deps={key: [] for key in inline})


def admits(name: str, to: str, ports: Any, source: Any = None, *, from_group: str = "", protocol: Any = "tcp", **more: Any) -> Resource:
    """A `SecurityGroupIngressRule` of the group `to`. `ports` is one, a pair, or None; `source` a CIDR or `pl:<list>`."""
    props: dict[str, Any] = {"securityGroupId": UNKNOWN, "ipProtocol": protocol, **_ports(ports), **more}
    deps = {"securityGroupId": [to]} if to else {}
    if to.startswith("sg-"):
        props["securityGroupId"] = to
        deps = {}
    if from_group:
        props["referencedSecurityGroupId"] = UNKNOWN
        deps["referencedSecurityGroupId"] = [from_group]
    elif isinstance(source, str) and source.startswith("pl-"):
        props["prefixListId"] = source
    elif isinstance(source, str) and source.startswith("pl:"):
        props["prefixListId"] = UNKNOWN
        deps["prefixListId"] = [source[3:]]
    elif source is not None:
        props["cidrIpv6" if isinstance(source, str) and ":" in source else "cidrIpv4"] = source
    return resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", name, props, deps=deps)


def classic(name: str, to: str, ports: Any, *, protocol: Any = "tcp", deps: Mapping[str, list[str]] | None = None, **more: Any) -> Resource:
    """A `SecurityGroupRule`. In a preview the provider shows a source group that the program leaves out as unknown."""
    props = {"type": "ingress", "securityGroupId": UNKNOWN, "sourceSecurityGroupId": UNKNOWN, "protocol": protocol, **_ports(ports), **more}
    return resource("aws:ec2/securityGroupRule:SecurityGroupRule", name, props, deps={"securityGroupId": [to], **(deps or {})})


def inline(ports: Any, protocol: Any = "tcp", **sources: Any) -> dict[str, Any]:
    """A rule for a group's own list."""
    return {"protocol": protocol, **_ports(ports), **sources}


def _ports(ports: Any) -> dict[str, Any]:
    first, last = ports if isinstance(ports, tuple) else (ports, ports)
    return {key: value for key, value in (("fromPort", first), ("toPort", last)) if value is not None}


def prefix_list(name: str, *cidrs: Any) -> Resource:
    """A managed prefix list with its entries inline."""
    return resource("aws:ec2/managedPrefixList:ManagedPrefixList", name, {"id": UNKNOWN, "entries": [{"cidr": cidr} for cidr in cidrs]})


def entry(name: str, to: str, cidr: Any) -> Resource:
    """An entry of a prefix list as a resource of its own."""
    props = {"cidr": cidr, "prefixListId": UNKNOWN}
    return resource("aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry", name, props, deps={"prefixListId": [to]})


def balancer(name: str, *groups: str, internal: Any = None, kind: str = "lb", **more: Any) -> Resource:
    """A load balancer. Left out, `internal` shows as unknown in a preview."""
    props = {"arn": UNKNOWN, "internal": UNKNOWN if internal is None else internal, "securityGroups": [UNKNOWN] * len(groups), **more}
    return resource(f"aws:{kind}/loadBalancer:LoadBalancer", name, props, deps={"securityGroups": list(groups)})


def instance(name: str, *groups: str, subnet: str = "", deps: Mapping[str, list[str]] | None = None, **more: Any) -> Resource:
    """An EC2 instance."""
    props: dict[str, Any] = {"id": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN] * len(groups), "subnetId": UNKNOWN, "sourceDestCheck": True}
    edges = {"vpcSecurityGroupIds": list(groups), **({"subnetId": [subnet]} if subnet else {}), **(deps or {})}
    return resource("aws:ec2/instance:Instance", name, {**props, **more}, deps=edges)


def database(name: str, *groups: str, subnets: str = "") -> Resource:
    """An RDS instance in the subnet group `subnets`."""
    props = {"vpcSecurityGroupIds": [UNKNOWN] * len(groups), "dbSubnetGroupName": UNKNOWN}
    edges = {"vpcSecurityGroupIds": list(groups), **({"dbSubnetGroupName": [subnets]} if subnets else {})}
    return resource("aws:rds/instance:Instance", name, props, deps=edges)


def vpc(name: str = "vpc") -> Resource:
    """A VPC."""
    return resource("aws:ec2/vpc:Vpc", name, {"id": UNKNOWN, "cidrBlock": "10.0.0.0/16", "ipv6CidrBlock": UNKNOWN})


def subnet(name: str, of: str = "vpc", tags: Mapping[str, Any] | None = None) -> Resource:
    """A subnet of the VPC."""
    return resource("aws:ec2/subnet:Subnet", name, {"id": UNKNOWN, "vpcId": UNKNOWN, "tags": dict(tags or {})}, deps={"vpcId": [of]})


def table(name: str, routes: Any = None, deps: Sequence[str] = (), **more: Any) -> Resource:
    """A route table. In a preview the provider shows routes that the program leaves out as unknown."""
    props = {"id": UNKNOWN, "routes": UNKNOWN if routes is None else routes, "propagatingVgws": UNKNOWN, **more}
    return resource("aws:ec2/routeTable:RouteTable", name, props, deps={"routes": list(deps)})


def route(name: str, of: Any, to: str, target: str = "", destination: str = ANY4, **more: Any) -> Resource:
    """A route of the table `of`: `to` is the property of the target, such as `natGatewayId`."""
    where = "destinationIpv6CidrBlock" if ":" in destination else "destinationCidrBlock"
    where = "destinationPrefixListId" if destination.startswith("pl-") else where
    props = {"routeTableId": UNKNOWN, where: destination, "networkInterfaceId": UNKNOWN, to: UNKNOWN, **more}
    deps = {"routeTableId": [of], **({to: [target]} if target else {})}
    if isinstance(of, str) and of.startswith("rtb-"):
        props["routeTableId"] = of
        del deps["routeTableId"]
    return resource("aws:ec2/route:Route", name, props, deps=deps)


def associate(name: str, subnets: str, tables: str) -> Resource:
    """Joins a subnet and a route table; literal ids begin with `subnet-` and `rtb-`."""
    props: dict[str, Any] = {"id": UNKNOWN}
    deps = {}
    for key, value, start in (("subnetId", subnets, "subnet-"), ("routeTableId", tables, "rtb-")):
        props[key] = value if value.startswith(start) else UNKNOWN
        deps.update({} if value.startswith(start) else {key: [value]})
    return resource("aws:ec2/routeTableAssociation:RouteTableAssociation", name, props, deps=deps)


def simple(type: str, name: str, **props: Any) -> Resource:
    """Any resource without references."""
    return resource(type, name, {"id": UNKNOWN, **props})


def subnet_group(name: str, *subnets: str, kind: str = "rds") -> Resource:
    """A subnet group for data stores."""
    props = {"subnetIds": [UNKNOWN] * len(subnets), "name": UNKNOWN}
    return resource(f"aws:{kind}/subnetGroup:SubnetGroup", name, props, deps={"subnetIds": list(subnets)})
