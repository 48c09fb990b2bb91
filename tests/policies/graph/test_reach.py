"""The reachability query: rarer relays, entrances and unknowns as a further part of the corpus, and the query's own contract."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from cloudpatterns_policies.graph.ports import parse_ports
from cloudpatterns_policies.graph.reach import Reach, reach_of

from tests.policies.controls.networks import ANY4, ANY6, admits, associate, group, route, simple
from tests.policies.controls.reach_networks import (
    ACL,
    ENI,
    TEMPLATE,
    Case,
    acl,
    acl_rule,
    alb,
    base,
    db,
    fleet,
    leaves,
    line,
    open_db,
    serves,
    subnet,
    vm,
    vpc,
)  # fmt: skip
from tests.policies.helpers import UNKNOWN, resource, stack

INSTANCE = "aws:ec2/instance:Instance"
WAY_IN = "internet -> internet gateway igw -> route table public-table -> subnet public -> "
OPEN = f"{WAY_IN}default network ACL -> rule mysql -> security group db -> RDS instance main"
THROUGH = OPEN.replace("default network ACL", "network ACL a")
WEB = [group("web"), group("app"), admits("https", "web", 443, ANY4), leaves("lb-out", "web")]
AT_ALB = f"{WAY_IN}default network ACL -> rule https -> security group web -> load balancer alb"
INSIDE = "security group web -> rule lb-out -> subnet public -> default network ACL -> subnet private -> default network ACL -> rule r"
TO_ASG = f"{AT_ALB} -> target group tg -> {INSIDE} -> security group app -> Auto Scaling group asg"
ADMITTED = admits("r", "app", 8080, from_group="web")
FLEETS = ("internet", "aws:autoscaling/*", "all")
PEER, PEERING = "vpcPeeringConnectionId", "aws:ec2/vpcPeeringConnection:VpcPeeringConnection"
EKS = "aws:eks/cluster:Cluster"
ALLOW = line(100, "allow")
JOIN = "aws:ec2/networkAclAssociation:NetworkAclAssociation"


def attachment(**to: str) -> Any:
    return resource(
        "aws:autoscaling/attachment:Attachment", "join", dict.fromkeys(to, UNKNOWN), deps={key: [name] for key, name in to.items()}
    )


def joined(a: Any = "a", where: str = "public") -> Any:
    props = {"networkAclId": a if a == "acl-0a" else UNKNOWN, "subnetId": UNKNOWN}
    return resource(JOIN, "acl-join", props, deps={"subnetId": [where], **({} if a == "acl-0a" else {"networkAclId": [a] if a else []})})


def classic_lb(**more: Any) -> Any:
    props = {
        "internal": False,
        "securityGroups": [UNKNOWN],
        "subnets": [UNKNOWN],
        "listeners": [{"lbPort": 443, "instancePort": 8080}],
        **more,
    }
    deps = {"securityGroups": ["web"], "subnets": ["public"], **({"instances": ["app-1"]} if "instances" in more else {})}
    return resource("aws:elb/loadBalancer:LoadBalancer", "elb", props, deps=deps)


REACHED = [
    Case("A fleet joined to the target group by a resource of its own.", base(
        *WEB, ADMITTED, alb(), *serves(), *fleet("asg", "private", ["app"]), attachment(autoscalingGroupName="asg", lbTargetGroupArn="tg")),
        TO_ASG, FLEETS),
    Case("A listener's rule forwards to another target group.", base(
        *WEB, ADMITTED, alb(), *serves(name="first"), resource("aws:lb/targetGroup:TargetGroup", "tg", {"arn": UNKNOWN, "port": 8080}),
        resource("aws:lb/listenerRule:ListenerRule", "lr", {"listenerArn": UNKNOWN, "actions": [{"targetGroupArn": UNKNOWN}]},
                 deps={"listenerArn": ["first-listener"], "actions": ["tg"]}), *fleet("asg", "private", ["app"], "tg")), TO_ASG, FLEETS),
    Case("A network balancer before an application balancer before the fleet.", base(
        *WEB, ADMITTED, alb("nlb", (), loadBalancerType="network"), alb(internal=True, subnets=["private"]), *serves(),
        *serves("nlb", 443, 443, "front"), resource("aws:lb/targetGroupAttachment:TargetGroupAttachment", "t", {
            "targetGroupArn": UNKNOWN, "targetId": UNKNOWN, "port": 443}, deps={"targetGroupArn": ["front"], "targetId": ["alb"]}),
        *fleet("asg", "private", ["app"], "tg")),
        f"{WAY_IN}default network ACL -> load balancer nlb -> target group front -> subnet public -> default network ACL -> "
        "subnet private -> "
        "default network ACL -> rule https -> security group web -> load balancer alb -> target group tg -> security group web -> "
        "rule lb-out -> "
        "subnet private -> rule r -> security group app -> Auto Scaling group asg", FLEETS),
    Case("A classic balancer and its instances.", base(*WEB, ADMITTED, vm("app-1", "private", "app"), classic_lb(instances=[UNKNOWN])),
         AT_ALB.replace("load balancer alb", "classic load balancer elb") + f" -> {INSIDE} -> security group app -> instance app-1",
         ("internet", INSTANCE, "8080")),
    Case("A classic balancer and a fleet joined to it.", base(
        *WEB, ADMITTED, classic_lb(), *fleet("asg", "private", ["app"]), attachment(autoscalingGroupName="asg", elb="elb")),
        AT_ALB.replace("load balancer alb",
        "classic load balancer elb") + f" -> {INSIDE} -> security group app -> Auto Scaling group asg", FLEETS),
    Case("A container service takes any port of its target group.", base(
        *WEB, admits("r", "app", (32768, 60999), from_group="web"), alb(), *serves(), resource("aws:ecs/service:Service", "svc", {
            "networkConfiguration": {"securityGroups": [UNKNOWN], "subnets": [UNKNOWN], "assignPublicIp": False},
            "loadBalancers": [{"targetGroupArn": UNKNOWN}]}, deps={"networkConfiguration": ["app", "private"], "loadBalancers": ["tg"]})),
        f"{AT_ALB} -> target group tg -> {INSIDE} -> security group app -> ECS service svc", ("internet", "aws:ecs/*", "40000")),
    Case("Over a proxy to a database that admits the proxy alone.", base(
        group("app"), leaves("out", "app"), vm("web-1", "private", "app"), group("proxy"), leaves("proxy-out", "proxy"), group("db"),
        admits("in", "proxy", 3306, from_group="app"), admits("mysql", "db", 3306, from_group="proxy"), *db(public=False),
        resource("aws:rds/proxy:Proxy", "px", {"vpcSecurityGroupIds": [UNKNOWN], "vpcSubnetIds": [UNKNOWN], "name": UNKNOWN},
                 deps={"vpcSecurityGroupIds": ["proxy"], "vpcSubnetIds": ["private"]}),
        resource("aws:rds/proxyTarget:ProxyTarget", "pt", {"dbProxyName": UNKNOWN, "dbInstanceIdentifier": UNKNOWN},
                 deps={"dbProxyName": ["px"], "dbInstanceIdentifier": ["main"]})),
        "instance web-1 -> security group app -> rule out -> subnet private -> rule in -> security group proxy -> RDS proxy px -> "
        "proxy target pt -> security group proxy -> rule proxy-out -> subnet private -> default network ACL -> subnet data -> "
        "default network ACL"
        " -> rule mysql -> security group db -> RDS instance main", (f"{INSTANCE}::web-1", "aws:rds/instance:*", "3306")),
    Case("A Kubernetes API that says nothing is public.", [resource(EKS, "k8s", {})],
         "internet -> public endpoint of EKS cluster k8s -> EKS cluster k8s", ("internet", "aws:eks/*", "443")),
    Case("A warehouse.", base(
        group("db"), admits("mysql", "db", 5439, ANY4),
        resource("aws:redshiftserverless/workgroup:Workgroup", "dwh", {"securityGroupIds": [UNKNOWN], "subnetIds": [UNKNOWN],
                 "publiclyAccessible": True}, deps={"securityGroupIds": ["db"], "subnetIds": ["public"]})),
         OPEN.replace("RDS instance main", "Redshift workgroup dwh"), ("internet", "aws:redshiftserverless/*", "all")),
    Case("Brokers with public access.", base(
        group("db"), admits("mysql", "db", 9094, ANY4), resource("aws:msk/cluster:Cluster", "kafka", {"brokerNodeGroupInfo": {
            "securityGroups": [UNKNOWN], "clientSubnets": [UNKNOWN],
            "connectivityInfo": {"publicAccess": {"type": "SERVICE_PROVIDED_EIPS"}}}}, deps={"brokerNodeGroupInfo": ["db", "public"]})),
         OPEN.replace("RDS instance main", "MSK cluster kafka"), ("internet", "aws:msk/*", "all")),
    Case("A dual-stack balancer over IPv6 alone.", base(
        group("web"), admits("https", "web", 443, ANY6), route("out6", "public-table", "gatewayId", "igw", ANY6),
        alb(ipAddressType="dualstack")),
         AT_ALB, ("internet", "aws:lb/*", "all")),
    Case("A fleet whose template asks for public addresses and names the subnet.", base(
        group("db"), admits("mysql", "db", 22, ANY4), resource(TEMPLATE, "t", {"id": UNKNOWN, "networkInterfaces": [{
            "associatePublicIpAddress": "true", "securityGroups": [UNKNOWN], "subnetId": UNKNOWN}]}, deps={"networkInterfaces": ["db",
            "public"]}),
        resource("aws:autoscaling/group:Group", "asg", {"launchTemplate": {"id": UNKNOWN}}, deps={"launchTemplate": ["t"]})),
         OPEN.replace("RDS instance main", "Auto Scaling group asg"), FLEETS),
    Case("A NACL joined to the subnet by a resource of its own, and open.", open_db(acl("a", [], [ALLOW], [ALLOW]), joined()), THROUGH),
    Case("A replica lives with its source.", base(
        group("db"), admits("mysql", "db", 3306, ANY4), *db(["public"], public=False),
        resource("aws:rds/instance:Instance", "copy", {"replicateSourceDb": UNKNOWN, "publiclyAccessible": True,
        "vpcSecurityGroupIds": [UNKNOWN]},
                 deps={"replicateSourceDb": ["main"], "vpcSecurityGroupIds": ["db"]})), OPEN.replace("instance main", "instance copy")),
    Case("The members of a VPC's own default group reach each other.", base(vm("web-1", "private"), *db(["private"], [], public=False)),
         "instance web-1 -> security group default group of vpc -> its own egress -> subnet private -> its own ingress -> "
         "security group default group of vpc -> RDS instance main", (INSTANCE, "aws:rds/instance:*", "all")),
    Case("Out over an egress-only gateway.", base(
        simple("aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway", "eigw"), group("app"), leaves("out-6", "app", to=ANY6),
        route("six", "private-table", "egressOnlyGatewayId", "eigw", ANY6), vm("web-1", "private", "app", ipv6AddressCount=1)),
         "instance web-1 -> security group app -> rule out-6 -> subnet private -> default network ACL -> route table private-table -> "
         "egress-only gateway eigw -> internet", (INSTANCE, "internet", "443"), at="web-1"),
    Case("Between two subnets over IPv6.", base(
        subnet("a", "10.0.8.0/24", ipv6CidrBlock="2001:db8:0:a::/64"), subnet("b", "10.0.9.0/24", ipv6CidrBlock="2001:db8:0:b::/64"),
        group("app"), group("db"), leaves("out", "app", to="2001:db8::/32"), admits("r", "db", 22, "2001:db8:0:a::/64"),
        vm("web-1", "a", "app"), vm("job", "b", "db")),
         "instance web-1 -> security group app -> rule out -> subnet a -> default network ACL -> subnet b -> "
         "default network ACL -> rule r -> "
         "security group db -> instance job", (f"{INSTANCE}::web-1", f"{INSTANCE}::job", "22")),
]  # fmt: skip

CLOSED = [
    Case("A Kubernetes API for the office alone.", [
        resource(EKS, "k8s", {"vpcConfig": {"publicAccessCidrs": ["203.0.113.0/24"]}})], statement=("internet", "aws:eks/*", "all")),
    Case("A Kubernetes API without a public endpoint.", [
        resource(EKS, "k8s", {"vpcConfig": {"endpointPublicAccess": False}})], statement=("internet", "aws:eks/*", "all")),
    Case("A search domain in the VPC.", base(
        group("db"), admits("r", "db", 443, ANY4), resource("aws:opensearch/domain:Domain", "logs", {
            "vpcOptions": {"securityGroupIds": [UNKNOWN], "subnetIds": [UNKNOWN]}}, deps={"vpcOptions": ["db", "public"]})),
         statement=("internet", "aws:opensearch/*", "all")),
    Case("A cache node of a replication group is judged with the group.", base(
        group("db"), simple("aws:elasticache/cluster:Cluster", "node", replicationGroupId="r")), statement=("internet",
        "aws:elasticache/*", "all")),
    Case("A more specific route takes most of the internet elsewhere.", base(
        group("db"), admits("r", "db", 3306, "0.0.0.0/1"), *db(["public"]), route("part", "public-table", "natGatewayId", "nat",
        "0.0.0.0/1"))),
    Case("An interface without an address.", base(
        group("db"), admits("r", "db", 22, ANY4), resource(ENI, "eni", {"id": UNKNOWN, "subnetId": UNKNOWN, "securityGroups": [UNKNOWN]},
                                                           deps={"subnetId": ["public"], "securityGroups": ["db"]}),
        mapPublicIpOnLaunch=True), statement=("internet", "aws:ec2/networkInterface:*", "all")),
    Case("ICMP in, and no ICMP back.", open_db(
        acl("a", ["public"], [line(1, "allow", -1, protocol="icmp")], [line(1, "allow", (0, 65535))]), admits("ping", "db", (8, -1), ANY4,
                                                                                                        protocol="icmp"))),
    Case("Two peerings, one for each way.", [
        *base(group("app"), vm("web-1", "private", "app"), leaves("out", "app"),
              route("there", "private-table", PEER, "one", "10.9.0.0/16"),
              without=["data", "data-join"]), simple(PEERING, "one"), simple(PEERING, "two"),
        vpc("other", "10.9.0.0/16"), subnet("data", "10.9.2.0/24", "other"), associate("j", "data", "data-table"),
        route("back", "data-table", PEER, "two", "10.0.0.0/16"), group("db"), admits("r", "db", 3306, ANY4), *db(public=False)],
        statement=(INSTANCE, "aws:rds/*", "all")),
    Case("What A lets out and B lets in meet on another port than the one asked about.", base(
        group("app"), group("db"), leaves("out", "app", 443, protocol="tcp"), admits("r", "db", None, from_group="app", protocol="-1"),
        vm("web-1", "private", "app"), *db(public=False)), statement=(INSTANCE, "aws:rds/*", "3306")),
    Case("Out to the internet on another port than the one that leads in again.", base(
        group("app"), leaves("out", "app", 443, "0.0.0.0/2", protocol="tcp"), vm("web-1", "private", "app"), group("db"),
        admits("r", "db", 3306, ANY4), *db(["public"])), statement=(INSTANCE, "aws:rds/*", "all")),
    Case("A subnet gives no public address unless it says so.", base(
        group("db"), admits("r", "db", 22, ANY4), vm("web-1", "public", "db"), mapPublicIpOnLaunch=UNKNOWN),
        statement=("internet", INSTANCE, "all")),
]  # fmt: skip

UNSURE = [
    Case("A Kubernetes API for networks that are unknown.", [
        resource(EKS, "k8s", {"vpcConfig": {"publicAccessCidrs": [UNKNOWN]}})], statement=("internet", "aws:eks/*", "all"),
        unknowns=[("k8s", "vpcConfig.publicAccessCidrs")]),
    Case("A NACL known by its id alone.", open_db(joined("acl-0a")), unknowns=[("acl-join", "networkAclId")]),
    Case("A NACL rule whose direction is unknown.", open_db(
        acl("a", ["public"], ingress=UNKNOWN, egress=UNKNOWN), acl_rule("r", "a", False, ALLOW),
        resource("aws:ec2/networkAclRule:NetworkAclRule", "s", {**ALLOW, "ruleNumber": 1, "ruleAction": "deny", "egress": UNKNOWN,
                 "networkAclId": UNKNOWN}, deps={"networkAclId": ["a"], "egress": ["vpc"]})), unknowns=[("s", "egress")]),
    Case("A NACL whose rules are unknown altogether.", open_db(
        resource(ACL, "a", {"subnetIds": [UNKNOWN], "ingress": UNKNOWN, "egress": [ALLOW]}, deps={"subnetIds": ["public"],
        "ingress": ["vpc"]})),
        unknowns=[("a", "ingress")]),
    Case("A NACL rule with unknown ports, number or protocol.", open_db(
        acl("a", ["public"], [line(UNKNOWN, "deny"), ALLOW], [line(1, "deny", (UNKNOWN, 65535)), ALLOW])), unknowns=[("a",
        "ingress.0.ruleNo")]),
    Case("A rule that belongs to one of two groups.", base(
        group("db"), group("x"), *db(["public"]), resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "r", {
            "securityGroupId": UNKNOWN, "ipProtocol": "-1", "cidrIpv4": ANY4}, deps={"securityGroupId": ["db", "x"]})),
        unknowns=[("r", "securityGroupId")]),
    Case("A group that may be one of two.", base(
        group("db"), group("x"), admits("r", "x", 3306, ANY4), db(["public"])[0], resource("aws:rds/instance:Instance", "main", {
            "vpcSecurityGroupIds": [UNKNOWN], "dbSubnetGroupName": UNKNOWN, "publiclyAccessible": True},
            deps={"vpcSecurityGroupIds": ["db", "x"], "dbSubnetGroupName": ["dbs"]})), unknowns=[("main", "vpcSecurityGroupIds")]),
    Case("Which of two groups a rule admits is unknown.", base(
        group("app"), group("x"), group("db"), leaves("out", "app"), vm("web-1", "private", "app"), *db(public=False),
        resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "r", {
            "securityGroupId": UNKNOWN, "ipProtocol": "-1", "referencedSecurityGroupId": UNKNOWN},
            deps={"securityGroupId": ["db"], "referencedSecurityGroupId": ["app", "x"]})),
        statement=(INSTANCE, "aws:rds/*", "all"), unknowns=[("r", "referencedSecurityGroupId")]),
    Case("Whether the balancer is internal is unknown.", base(
        *WEB, resource("aws:lb/loadBalancer:LoadBalancer", "alb", {"internal": UNKNOWN, "securityGroups": [UNKNOWN], "subnets": [UNKNOWN]},
                       deps={"internal": ["igw"], "securityGroups": ["web"], "subnets": ["public"]})),
        statement=("internet", "aws:lb/*", "all"), unknowns=[("alb", "internal")]),
    Case("An instance that leaves its subnet to AWS.", base(
        group("db"), admits("r", "db", 22, ANY4), resource(INSTANCE, "vm", {"vpcSecurityGroupIds": [UNKNOWN], "subnetId": UNKNOWN},
                                                           deps={"vpcSecurityGroupIds": ["db"]})),
        statement=("internet", INSTANCE, "all"), unknowns=[("vm", "subnetId")]),
    Case("A way out over a transit gateway.", base(
        group("app"), leaves("out", "app"), vm("web-1", "data", "app"), route("tgw", "data-table", "transitGatewayId")),
        statement=(INSTANCE, "internet", "443"), unknowns=[("tgw", "transitGatewayId")]),
    Case("A route to a gateway of an unknown kind.", base(
        group("db"), admits("r", "db", 3306, ANY4), *db(), route("gw", "data-table", "gatewayId")), unknowns=[("gw", "gatewayId")]),
    Case("Node groups bring groups of their own.", base(
        resource("aws:eks/nodeGroup:NodeGroup", "nodes", {"subnetIds": [UNKNOWN]}, deps={"subnetIds": ["public"]}),
        mapPublicIpOnLaunch=True),
        statement=("internet", "aws:eks/nodeGroup:*", "all"), unknowns=[("nodes", "subnetIds")]),
]  # fmt: skip


@pytest.mark.parametrize("case", [*REACHED, *CLOSED, *UNSURE], ids=lambda case: case.reason)
def test_corpus(case: Case) -> None:
    assert case.judge() == case.expected()
    assert replace(case, network=case.network[::-1]).judge() == case.expected(), "the order of resources decides"


NETWORK = base(
    *WEB, ADMITTED, alb(), *serves(), *fleet("asg", "private", ["app"], "tg"), leaves("app-out", "app"),
    group("db"), admits("mysql", "db", 3306, from_group="app"), *db(public=False), vm("job", "data", "db"), associate("j", "data",
        "data-table"),
    without=["data-join"],
)  # fmt: skip


def reach() -> Reach:
    return reach_of(stack(*NETWORK))


def test_who_reaches_a_thing_and_how() -> None:
    query = reach()
    main = next(item for item in query.endpoints.values() if item.subject.name == "main")
    ((source, path),) = query.who(main)
    assert source is not None
    assert (source.name, path.ports, path.unknown) == ("Auto Scaling group asg", parse_ports(["3306"]), None)
    assert path.text == " -> ".join(path.hops)
    assert path.hops[0] == "Auto Scaling group asg"
    assert path.hops[-1] == "RDS instance main"


def test_a_path_has_the_ports_at_both_ends() -> None:
    query = reach()
    fleet_of = next(item for item in query.endpoints.values() if item.subject.name == "asg")
    path = query.path(None, fleet_of)
    assert path is not None
    assert (path.entry, path.ports) == (parse_ports(["443"]), parse_ports(["8080"]))
    assert query.path(None, fleet_of, parse_ports(["443"])) is None
    assert next(source for source, _ in query.who(fleet_of, parse_ports(["8080"]))) is None


def test_the_graph_library_is_not_loaded_before_a_relay_is_asked_about() -> None:
    code = "import sys, cloudpatterns_policies.controls.no_path; sys.exit('networkx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
