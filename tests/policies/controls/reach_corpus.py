"""The corpus of paths: small networks, the statement, and the verdict that is right for them, path included."""

from typing import Any

from tests.policies.controls.networks import ANY4, ANY6, admits, associate, group, prefix_list, route, table
from tests.policies.controls.reach_networks import (
    DEFAULT_ACL,
    ENI,
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
    target,
    vm,
    vpc,
)  # fmt: skip
from tests.policies.helpers import UNKNOWN, resource

INSTANCE = "aws:ec2/instance:Instance"
VMS = ("internet", INSTANCE, "all")
EIP = "aws:ec2/eip:Eip"
WAY_IN = "internet -> internet gateway igw -> route table public-table -> subnet public -> "
TO_DB = "rule mysql -> security group db -> RDS instance main"
OPEN = f"{WAY_IN}default network ACL -> {TO_DB}"
THROUGH = f"{WAY_IN}network ACL a -> {TO_DB}"
ALLOW = line(100, "allow")
PEER = "vpcPeeringConnectionId"
SSH = [group("web"), admits("ssh", "web", 22, ANY4)]
TO_VM = f"{WAY_IN}default network ACL -> rule ssh -> security group web -> instance web-1"
APP = (f"{INSTANCE}::web-*", "aws:rds/*", "3306")
PAIR = [group("app"), group("db"), vm("web-1", "private", "app"), *db(public=False)]
TO_DATA = "instance web-1 -> security group app -> rule out -> subnet private -> "
BEHIND = [group("web"), group("app"), admits("https", "web", 443, ANY4), leaves("lb-out", "web"), alb()]
AT_ALB = f"{WAY_IN}default network ACL -> rule https -> security group web -> load balancer alb"
ADOPTED = "vpc-0abc"


def eip(**to: str) -> Any:
    return resource(EIP, "ip", dict.fromkeys(to, UNKNOWN), deps={key: [value] for key, value in to.items()})


GOOD = [
    Case("The pattern itself: a private database in a data subnet.", base(group("db"), admits("mysql", "db", 3306, ANY4),
        *db(public=False))),
    Case("An open rule alone does not make a private database reached.", open_db(public=False)),
    Case("Without the word, a database is private.", open_db(public=UNKNOWN)),
    Case("A public database in a subnet without an internet gateway route.", open_db(subnets=["private"])),
    Case("A public database whose rule admits one office.", open_db(source="203.0.113.10/32")),
    Case("A public database whose rule admits the VPC.", open_db(source="10.0.0.0/8")),
    Case("Only the port that is asked about counts.", open_db(), statement=("internet", "aws:rds/*", "22,5432")),
    Case("TCP is not UDP.", open_db(), statement=("internet", "aws:rds/*", "3306/udp")),
    Case("No rule at all.", base(group("db"), *db(["public"]))),
    Case("An egress rule lets nobody in.", base(group("db"), leaves("out", "db"), *db(["public"]))),
    Case("A prefix list of one network is not the internet.", open_db(prefix_list("office", "203.0.113.0/24"), source="pl:office")),
    Case("Two halves on ports that do not meet.", base(
        group("db"), admits("a", "db", 3306, "0.0.0.0/1"), admits("b", "db", 3307, "128.0.0.0/4"), *db(["public"], public=False))),
    Case("A self reference admits members alone.", base(
        group("db"), admits("self", "db", 3306, from_group="db"), *db(["public"]))),
    Case("A NACL without rules lets nothing through.", open_db(acl("a", ["public"]))),
    Case("A denial with the lower number shadows the permission.", open_db(
        acl("a", ["public"], [line(90, "deny", 3306), ALLOW], [ALLOW]))),
    Case("Rule numbers decide, not the order in the program.", open_db(
        acl("a", ["public"], [ALLOW, line(90, "deny", (3000, 4000))], [ALLOW]))),
    Case("No state: without the ephemeral ports out, no answer.", open_db(acl("a", ["public"], [ALLOW], [line(100, "allow", (80, 443))]))),
    Case("The ephemeral ports are denied on the way out.", open_db(
        acl("a", ["public"], [ALLOW], [line(50, "deny", (1024, 65535)), ALLOW]))),
    Case("Answers over UDP do not serve TCP.", open_db(
        acl("a", ["public"], [ALLOW], [line(100, "allow", (1024, 65535), protocol="udp")]))),
    Case("The NACL admits other ports only.", open_db(acl("a", ["public"], [line(100, "allow", 443)], [ALLOW]))),
    Case("The NACL admits IPv6, the rule IPv4.", open_db(acl("a", ["public"], [line(100, "allow", cidr=ANY6)], [ALLOW]))),
    Case("The NACL's rules may be resources of their own.", open_db(
        acl("a", ["public"], ingress=UNKNOWN, egress=UNKNOWN), acl_rule("in", "a", False, ALLOW), acl_rule("no", "a", True, line(1,
        "deny")),
        acl_rule("out-rule", "a", True, ALLOW))),
    Case("The default NACL, taken over without rules, denies.", open_db(
        resource(DEFAULT_ACL, "d", {"defaultNetworkAclId": UNKNOWN, "ingress": [], "egress": []}, deps={"defaultNetworkAclId": ["vpc"]}))),
    Case("A NACL and a rule that have no address in common.", open_db(
        acl("a", ["public"], [line(100, "allow", cidr="0.0.0.0/1")], [ALLOW]), source="128.0.0.0/2")),
    Case("IPv6 only, and the route is for IPv4.", open_db(source=ANY6, networkType="DUAL")),
    Case("A public subnet does not give an instance a public address.", base(*SSH, vm("web-1", "public", "web")), statement=VMS),
    Case("An instance that refuses the subnet's public address.", base(
        *SSH, vm("web-1", "public", "web", associatePublicIpAddress=False), mapPublicIpOnLaunch=True), statement=VMS),
    Case("An address on an instance whose subnet has no gateway.", base(*SSH, vm("web-1", "private", "web"), eip(instance="web-1")),
        statement=VMS),
    Case("The instance with the address is another.", base(
        *SSH, vm("web-1", "public", "web"), group("x"), vm("bastion", "public", "x"), eip(instance="bastion")),
        statement=("internet", f"{INSTANCE}::web-*", "all")),
    Case("An internal load balancer.", base(*BEHIND[:-1], alb(internal=True)), statement=("internet", "aws:lb/*", "all")),
    Case("Behind the balancer, but the application's group does not admit it.", base(
        *BEHIND, *serves(), admits("r", "app", 8080, from_group="app"), *fleet("asg", "private", ["app"], "tg")),
        statement=("internet", "aws:autoscaling/*", "all")),
    Case("Behind the balancer, on a port that its target group does not use.", base(
        *BEHIND, *serves(), admits("r", "app", (1, 65535), from_group="web"), *fleet("asg", "private", ["app"], "tg")),
        statement=("internet", "aws:autoscaling/*", "22")),
    Case("The balancer's group lets nothing out to its targets.", base(
        *[item for item in BEHIND if item.name != "lb-out"], *serves(), admits("r", "app", 8080, from_group="web"),
        *fleet("asg", "private", ["app"], "tg")), statement=("internet", "aws:autoscaling/*", "all")),
    Case("The balancer listens where its group admits nobody.", base(
        *BEHIND, *serves(listens=8443), admits("r", "app", 8080, from_group="web"), *fleet("asg", "private", ["app"], "tg")),
        statement=("internet", "aws:autoscaling/*", "all")),
    Case("An application is no relay: the database behind it is not reached.", base(
        *BEHIND, *serves(), admits("r", "app", 8080, from_group="web"), leaves("app-out", "app"), *fleet("asg", "private", ["app"], "tg"),
        group("db"), admits("mysql", "db", 3306, from_group="app"), *db(public=False))),
    Case("A's group has no way out.", base(*PAIR, admits("mysql", "db", 3306, from_group="app")), statement=APP),
    Case("A's group lets out another port.", base(
        *PAIR, leaves("out", "app", 443, protocol="tcp"), admits("mysql", "db", 3306, from_group="app")), statement=APP),
    Case("B admits another group.", base(*PAIR, group("ops"), leaves("out", "app"), admits("mysql", "db", 3306, from_group="ops")),
        statement=APP),
    Case("Chained groups: A reaches B, B reaches C, and A does not reach C.", base(
        *PAIR, group("mid"), vm("job", "private", "mid"), leaves("out", "app"), leaves("mid-out", "mid"),
        admits("hop", "mid", 3306, from_group="app"), admits("mysql", "db", 3306, from_group="mid")), statement=APP),
    Case("B admits the addresses of another subnet.", base(*PAIR, leaves("out", "app"), admits("mysql", "db", 3306, "10.0.9.0/24")),
        statement=APP),
    Case("The data subnet's NACL denies the private subnet.", base(
        *PAIR, leaves("out", "app"), admits("mysql", "db", 3306, from_group="app"),
        acl("a", ["data"], [line(10, "deny", cidr="10.0.1.0/24"), ALLOW], [ALLOW])), statement=APP),
    Case("The private subnet's NACL takes no answers.", base(
        *PAIR, leaves("out", "app"), admits("mysql", "db", 3306, from_group="app"),
        acl("a", ["private"], [line(10, "allow", 443)], [ALLOW])), statement=APP),
    Case("Two VPCs that nothing joins.", [
        *base(group("app"), vm("web-1", "private", "app"), leaves("out", "app"), without=["data", "data-join", "nat-out"]),
        vpc("other", "10.9.0.0/16"), subnet("data", "10.9.2.0/24", "other"), group("db"), admits("mysql", "db", 3306, ANY4),
        *db(public=False)],
        statement=APP),
    Case("A peering with a route one way only.", [
        *base(group("app"), vm("web-1", "private", "app"), leaves("out", "app"), route("there", "private-table", PEER, "pcx",
        "10.9.0.0/16"),
              without=["data", "data-join"]),
        resource("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", "pcx", {"id": UNKNOWN}),
        vpc("other", "10.9.0.0/16"), subnet("data", "10.9.2.0/24", "other"), group("db"), admits("mysql", "db", 3306, ANY4),
        *db(public=False)],
        statement=APP),
    Case("A function is called, never reached.", base(
        group("f"), admits("r", "f", 443, ANY4), resource("aws:lambda/function:Function", "fn", {
            "vpcConfig": {"securityGroupIds": [UNKNOWN], "subnetIds": [UNKNOWN]}}, deps={"vpcConfig": ["f", "public"]})),
        statement=("internet", "aws:lambda/*", "all")),
    Case("A database without a word about groups has the VPC's default group, which admits its members alone.", base(
        *db(["public"], groups=[]))),
    Case("A data subnet is no way to the internet.", base(
        group("app"), leaves("out", "app"), vm("web-1", "data", "app")), statement=(f"{INSTANCE}::web-*", "internet", "all")),
    Case("A type that this stack has none of.", base(), statement=("internet", "aws:memorydb/*", "all")),
]  # fmt: skip

BAD = [
    Case("A database moved to a public subnet, public, with an open rule.", open_db(), OPEN),
    Case("All ports, by -1.", base(group("db"), admits("mysql", "db", None, ANY4, protocol="-1"), *db(["public"])), OPEN),
    Case("An inverted range is read as meant.", open_db(ports=(4000, 3000)), OPEN, ("internet", "aws:rds/*", "3306")),
    Case("The internet in two halves.", base(
        group("db"), admits("a", "db", 3306, "0.0.0.0/1"), admits("b", "db", 3306, "128.0.0.0/1"), *db(["public"])),
        f"{WAY_IN}default network ACL -> rule a -> security group db -> RDS instance main"),
    Case("Three /8 in three rules, none of which is the internet alone.", base(
        group("db"), *(admits(name, "db", 3306, cidr) for name, cidr in (("a", "3.0.0.0/8"), ("b", "9.0.0.0/8"), ("c", "11.0.0.0/8"))),
        *db(["public"])), f"{WAY_IN}default network ACL -> rule a + rule b + rule c -> security group db -> RDS instance main"),
    Case("Two groups at one database add up.", base(
        group("db"), group("more"), admits("a", "db", 3306, "3.0.0.0/8"), admits("b", "more", 3306, "9.0.0.0/8"),
        *db(["public"], ["db", "more"])),
        f"{WAY_IN}default network ACL -> rule a + rule b -> security group db + security group more -> RDS instance main"),
    Case("A prefix list with the world in it.", open_db(prefix_list("all", "0.0.0.0/1", "128.0.0.0/1"), source="pl:all"), OPEN),
    Case("One public subnet of the group's two is enough.", open_db(subnets=["data", "public"]), OPEN),
    Case("A denial that is shadowed by a permission.", open_db(
        acl("a", ["public"], [line(10, "allow", 3306), line(20, "deny")], [ALLOW])), THROUGH),
    Case("A NACL that denies one network leaves the rest of the internet.", open_db(
        acl("a", ["public"], [line(10, "deny", cidr="203.0.113.0/24"), ALLOW], [ALLOW])), THROUGH),
    Case("A few ephemeral ports are enough: the client is free to choose.", open_db(
        acl("a", ["public"], [ALLOW], [line(100, "allow", (40000, 40010))])), THROUGH),
    Case("The NACL lets one port in of many that the group admits.", open_db(
        acl("a", ["public"], [line(100, "allow", 3306)], [line(100, "allow", (1024, 65535))]), ports=(1, 65535)), THROUGH),
    Case("A NACL rule of its own opens what the inline ones left closed.", open_db(
        acl("a", ["public"], ingress=UNKNOWN, egress=UNKNOWN), acl_rule("in", "a", False, ALLOW), acl_rule("back", "a", True, ALLOW)),
        THROUGH),
    Case("A NACL for another subnet says nothing.", open_db(acl("a", ["private"])), OPEN),
    Case("The default NACL, taken over with open rules.", open_db(
        resource(DEFAULT_ACL, "d", {"defaultNetworkAclId": UNKNOWN, "ingress": [ALLOW], "egress": [ALLOW]},
                 deps={"defaultNetworkAclId": ["vpc"]})), f"{WAY_IN}default network ACL d -> {TO_DB}"),
    Case("IPv6 only, all the way.", open_db(
        route("out6", "public-table", "gatewayId", "igw", ANY6), source=ANY6, networkType="DUAL"), OPEN),
    Case("Half of the internet by route is the internet.", base(
        route("half", "public-table", "gatewayId", "igw", "0.0.0.0/1"), group("db"), admits("mysql", "db", 3306, ANY4), *db(["public"]),
        without=["out"]), OPEN),
    Case("The main route table serves a subnet without an association.", base(
        resource("aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation", "m", {"vpcId": UNKNOWN, "routeTableId": UNKNOWN},
                 deps={"vpcId": ["vpc"], "routeTableId": ["public-table"]}),
        group("db"), admits("mysql", "db", 3306, ANY4), *db(["data"]), without=["data-join"]), OPEN.replace("subnet public",
        "subnet data")),
    Case("A literal gateway id.", base(
        route("own", "public-table", "gatewayId", gatewayId="igw-0a"), group("db"), admits("mysql", "db", 3306, ANY4), *db(["public"]),
        without=["out"]), OPEN.replace("gateway igw", "gateway igw-0a")),
    Case("A cluster is public through its instance.", base(
        group("db"), admits("mysql", "db", 3306, ANY4), db(["public"])[0],
        resource("aws:rds/cluster:Cluster", "aurora", {"vpcSecurityGroupIds": [UNKNOWN], "dbSubnetGroupName": UNKNOWN},
                 deps={"vpcSecurityGroupIds": ["db"], "dbSubnetGroupName": ["dbs"]}),
        resource("aws:rds/clusterInstance:ClusterInstance", "aurora-1", {"clusterIdentifier": UNKNOWN, "publiclyAccessible": True},
                 deps={"clusterIdentifier": ["aurora"]})),
        f"{WAY_IN}default network ACL -> rule mysql -> security group db -> RDS cluster aurora"),
    Case("An instance with an elastic address.", base(*SSH, vm("web-1", "public", "web"), eip(instance="web-1")), TO_VM, VMS),
    Case("An elastic address joined by a resource of its own.", base(
        *SSH, vm("web-1", "public", "web"), resource("aws:ec2/eipAssociation:EipAssociation", "j", {"instanceId": UNKNOWN}, deps={
            "instanceId": ["web-1"]})), TO_VM, VMS),
    Case("An elastic address on the instance's interface.", base(
        *SSH, resource(ENI, "eni", {"id": UNKNOWN, "subnetId": UNKNOWN, "securityGroups": [UNKNOWN]},
                       deps={"subnetId": ["public"], "securityGroups": ["web"]}),
        resource(INSTANCE, "web-1", {"primaryNetworkInterface": {"networkInterfaceId": UNKNOWN}, "vpcSecurityGroupIds": UNKNOWN},
                 deps={"primaryNetworkInterface": ["eni"]}), eip(networkInterface="eni")), TO_VM, VMS),
    Case("The subnet gives every instance a public address.", base(*SSH, vm("web-1", "public", "web"), mapPublicIpOnLaunch=True), TO_VM,
        VMS),
    Case("The instance asks for a public address.", base(*SSH, vm("web-1", "public", "web", associatePublicIpAddress=True)), TO_VM, VMS),
    Case("Every IPv6 address is public.", base(
        group("web"), admits("ssh", "web", 22, ANY6), route("out6", "public-table", "gatewayId", "igw", ANY6),
        vm("web-1", "public", "web", ipv6AddressCount=1)), TO_VM, VMS),
    Case("An internet-facing load balancer.", base(*BEHIND), AT_ALB, ("internet", "aws:lb/*", "443")),
    Case("A network load balancer without groups admits everything.", base(alb("nlb", (), loadBalancerType="network")),
         f"{WAY_IN}default network ACL -> load balancer nlb", ("internet", "aws:lb/*", "53/udp")),
    Case("Load balancer, target group, fleet: reached through group references.", base(
        *BEHIND, *serves(), admits("r", "app", 8080, from_group="web"), *fleet("asg", "private", ["app"], "tg")),
        f"{AT_ALB} -> target group tg -> security group web -> rule lb-out -> subnet public -> default network ACL -> subnet private -> "
        "default network ACL -> rule r -> security group app -> Auto Scaling group asg", ("internet", "aws:autoscaling/*", "8080")),
    Case("The same with an attached instance in the balancer's own subnet, which no NACL guards.", base(
        *BEHIND, *serves(), admits("r", "app", 8080, from_group="web"), vm("app-1", "public", "app"), target("t", "tg", "app-1")),
        f"{AT_ALB} -> target group tg -> security group web -> rule lb-out -> subnet public -> rule r -> "
        "security group app -> instance app-1", ("internet", INSTANCE, "all")),
    Case("B admits A's group.", base(*PAIR, leaves("out", "app"), admits("mysql", "db", 3306, from_group="app")),
         f"{TO_DATA}default network ACL -> subnet data -> default network ACL -> {TO_DB}", APP),
    Case("B admits A's addresses.", base(*PAIR, leaves("out", "app", 3306, "10.0.2.0/24", protocol="tcp"), admits("mysql", "db", 3306,
        "10.0.1.0/24")),
         f"{TO_DATA}default network ACL -> subnet data -> default network ACL -> {TO_DB}", APP),
    Case("A's group lets out to B's group by reference.", base(*PAIR, leaves("out", "app", to_group="db"), admits("mysql", "db", 3306,
        from_group="app")),
         f"{TO_DATA}default network ACL -> subnet data -> default network ACL -> {TO_DB}", APP),
    Case("A self reference joins two members.", base(
        group("app"), leaves("out", "app"), admits("peer", "app", 22, from_group="app"), vm("web-1", "private", "app"), vm("job",
        "private", "app")),
        "instance web-1 -> security group app -> rule out -> subnet private -> rule peer -> security group app -> instance job",
        (f"{INSTANCE}::web-*", f"{INSTANCE}::job", "22")),
    Case("A private address of A's own, inside B's rule.", base(
        group("app"), group("db"), vm("web-1", "private", "app", privateIp="10.0.1.7"), leaves("out", "app"),
        admits("mysql", "db", 3306, "10.0.1.7/32"), *db(public=False)),
        f"{TO_DATA}default network ACL -> subnet data -> default network ACL -> {TO_DB}", APP),
    Case("Peered VPCs with routes both ways.", [
        *base(group("app"), vm("web-1", "private", "app"), leaves("out", "app"), route("there", "private-table", PEER, "pcx",
        "10.9.0.0/16"),
              without=["data", "data-join"]),
        resource("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", "pcx", {"id": UNKNOWN}),
        vpc("other", "10.9.0.0/16"), subnet("data", "10.9.2.0/24", "other"), associate("j", "data", "data-table"),
        route("back", "data-table", PEER, "pcx", "10.0.0.0/16"), group("db"), admits("mysql", "db", 3306, ANY4), *db(public=False)],
        f"{TO_DATA}default network ACL -> peering connection pcx -> subnet data -> default network ACL -> {TO_DB}", APP),
    Case("An adopted VPC whose subnets and tables are of this stack.", [
        resource("aws:ec2/internetGateway:InternetGateway", "igw", {"id": UNKNOWN, "vpcId": ADOPTED}), subnet("public", "10.0.0.0/24",
        ADOPTED),
        table("public-table"), associate("j", "public", "public-table"), route("out", "public-table", "gatewayId", "igw"),
        group("db", vpcId=ADOPTED), admits("mysql", "db", 3306, ANY4), *db(["public"])], OPEN),
    Case("Out over the NAT, and in again over the internet.",
        base(group("db"), admits("mysql", "db", 3306, "0.0.0.0/1"), *db(["public"]), vpc("other", "10.9.0.0/16"),
             subnet("far", "10.9.1.0/24", "other"), associate("far-join", "far", "private-table"),
             group("app"), leaves("nat-rule", "app"), vm("web-1", "far", "app")),
        "instance web-1 -> security group app -> rule nat-rule -> subnet far -> default network ACL -> route table private-table -> "
        f"NAT gateway nat -> {OPEN}", APP),
    Case("A way out to the internet over the NAT.", base(group("app"), leaves("nat-rule", "app", 443, protocol="tcp"), vm("web-1",
        "private", "app")),
         "instance web-1 -> security group app -> rule nat-rule -> subnet private -> default network ACL -> route table private-table -> "
         "NAT gateway nat -> internet", (f"{INSTANCE}::web-*", "internet", "443"), at="web-1"),
    Case("A search domain outside any VPC has a public endpoint.", [resource("aws:opensearch/domain:Domain", "logs", {})],
         "internet -> public endpoint of OpenSearch domain logs -> OpenSearch domain logs", ("internet", "aws:opensearch/*", "443")),
]  # fmt: skip

UNSURE = [
    Case("An unknown group.", base(*db(["public"], groups=[], vpcSecurityGroupIds=["sg-0abc"])), unknowns=[("main",
        "vpcSecurityGroupIds")]),
    Case("An unknown CIDR in the rule.", open_db(source=UNKNOWN), unknowns=[("mysql", "cidrIpv4")]),
    Case("A prefix list of AWS.", open_db(source="pl-3b927c52"), unknowns=[("mysql", "prefixListId")]),
    Case("Whether it is public is unknown.", [
        resource("random:index:X", "x"), *open_db()[:-1],
        resource("aws:rds/instance:Instance", "main", {"vpcSecurityGroupIds": [UNKNOWN], "dbSubnetGroupName": UNKNOWN,
        "publiclyAccessible": UNKNOWN},
                 deps={"vpcSecurityGroupIds": ["db"], "dbSubnetGroupName": ["dbs"], "publiclyAccessible": ["x"]})],
        unknowns=[("main", "publiclyAccessible")]),
    Case("An adopted subnet, whose routes are not in the stack.", base(
        group("db"), admits("mysql", "db", 3306, ANY4),
        resource("aws:rds/subnetGroup:SubnetGroup", "dbs", {"name": UNKNOWN, "subnetIds": ["subnet-0abc"]}), db()[1]),
        unknowns=[("main", "dbSubnetGroupName")]),
    Case("A NACL whose action is unknown.", open_db(acl("a", ["public"], [line(100, UNKNOWN)], [ALLOW])), unknowns=[("a",
        "ingress.0.action")]),
    Case("A NACL whose denied network is unknown.", open_db(
        acl("a", ["public"], [line(10, "deny", cidr=UNKNOWN), ALLOW], [ALLOW])), unknowns=[("a", "ingress.0.cidrBlock")]),
    Case("Which of two tables a subnet has is unknown.", base(
        associate("again", "data", "public-table"), group("db"), admits("mysql", "db", 3306, ANY4), *db()), unknowns=[("again",
        "subnetId")]),
    Case("B admits a part of A's subnet, and A's address is unknown.", base(
        *PAIR, leaves("out", "app"), admits("mysql", "db", 3306, "10.0.1.0/28")), statement=APP, unknowns=[("web-1", "privateIp")]),
    Case("Two VPCs joined by a transit gateway, whose own tables are not seen.", [
        *base(group("app"), vm("web-1", "private", "app"), leaves("out", "app"), route("there", "private-table", "transitGatewayId", "",
        "10.9.0.0/16"),
              without=["data", "data-join", "nat-out"]),
        vpc("other", "10.9.0.0/16"), subnet("data", "10.9.2.0/24", "other"), associate("j", "data", "data-table"),
        route("back", "data-table", "transitGatewayId", "", "10.0.0.0/16"), group("db"), admits("mysql", "db", 3306, ANY4),
        *db(public=False)],
        statement=APP, unknowns=[("there", "transitGatewayId")]),
]  # fmt: skip
