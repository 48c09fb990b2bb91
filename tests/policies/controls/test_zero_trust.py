"""The proof of the Zero Trust Network on a corpus of small networks, on its example, and the wording of its findings."""

from collections.abc import Sequence
from typing import Any

import pytest
from cloudpatterns_policies.controls._declared_paths import COMPONENT
from cloudpatterns_policies.controls.zero_trust import zero_trust_network
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Unknown

from tests.policies.controls.examples import example
from tests.policies.controls.networks import ANY4, Case, admits, group, inline, instance, prefix_list, simple, vpc
from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

GROUP = "aws:ec2/securityGroup:SecurityGroup"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
SERVICE = "aws:vpclattice/service:Service"
SERVICE_JOIN = "aws:vpclattice/serviceNetworkServiceAssociation:ServiceNetworkServiceAssociation"
VPC_JOIN = "aws:vpclattice/serviceNetworkVpcAssociation:ServiceNetworkVpcAssociation"
NETWORK = simple("aws:vpclattice/serviceNetwork:ServiceNetwork", "net")
REFERENCE = simple("pulumi:pulumi:StackReference", "other")
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def edge(source: str, target: str, ports: str) -> dict[str, str]:
    return {"from": source, "to": target, "ports": ports}


DECLARED = [edge("web", "api", "8080"), edge("api", "db", "5432")]


def out(name: str, of: str, port: Any, to: str = "", **more: Any) -> Resource:
    """An egress rule to the group `to`, or to what `more` names."""
    made = admits(name, of, port, from_group=to, **more)
    return resource(EGRESS, name, made.raw, deps=made.property_dependencies)


def member(name: str, **more: Any) -> Resource:
    """A service's group, of the VPC."""
    props = {"id": UNKNOWN, "vpcId": UNKNOWN, "ingress": UNKNOWN, "egress": UNKNOWN, "tags": {}, **more}
    return resource(GROUP, name, props, deps={"vpcId": ["vpc"], **{key: [] for key in more}})


def base(*more: Resource, without: tuple[str, ...] = ()) -> list[Resource]:
    """Web calls api, and api the database; what `more` names anew takes the place of what is there."""
    network = [
        vpc(), member("web"), member("api"), member("db"),
        admits("api-from-web", "api", 8080, from_group="web"), out("web-to-api", "web", 8080, "api"),
        admits("db-from-api", "db", 5432, from_group="api"), out("api-to-db", "api", 5432, "db"),
    ]  # fmt: skip
    gone = {*without, *(item.name for item in more)}
    return [item for item in network if item.name not in gone] + list(more)


def rule(name: str, of: str, port: Any = 8080, *, token: str = INGRESS, **more: Any) -> Resource:
    """A rule whose sources and dependencies are given in full."""
    deps = {"securityGroupId": [of], **more.pop("deps", {})}
    props = {"securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": port, "toPort": port, **more}
    return resource(token, name, props, deps=deps)


def service(auth: Any, *, joined: bool = True) -> list[Resource]:
    """A VPC Lattice service in a service network."""
    made = resource(SERVICE, "pay", {"id": UNKNOWN, "arn": UNKNOWN, **({} if auth is None else {"authType": auth})})
    props = {"serviceIdentifier": UNKNOWN, "serviceNetworkIdentifier": UNKNOWN}
    join = resource(SERVICE_JOIN, "pay-join", props, deps={"serviceIdentifier": ["pay"], "serviceNetworkIdentifier": ["net"]})
    return [NETWORK, made, *([join] if joined else [])]


GATE = [
    NETWORK, member("gate"),
    resource(VPC_JOIN, "gate-join", {"securityGroupIds": [UNKNOWN], "serviceNetworkIdentifier": UNKNOWN},
             deps={"securityGroupIds": ["gate"], "serviceNetworkIdentifier": ["net"]}),
    admits("gate-from-api", "gate", 443, from_group="api"), out("api-to-lattice", "api", 443, source="pl-0lattice"),
]  # fmt: skip


def case(reason: str, network: Sequence[Resource], *edges: dict[str, str], fails: Any = None, unknowns: Any = None, **config: Any) -> Case:
    """A case with the declared paths and `edges` more."""
    return Case(reason, network, fails or {}, unknowns or {}, {"edges": [*DECLARED, *edges], **config})


GOOD = [
    case("The pattern itself.", base()),
    case("A group of an edge's own name and of no other.", base(group("web-2"))),
    case("An edge with a wildcard is one for each group.", base(
        member("job-1"), member("job-2"), *(
            made for name in ("job-1", "job-2")
            for made in (admits(f"from-{name}", "api", 9000, from_group=name), out(f"{name}-out", name, 9000, "api")))),
        edge("job-*", "api", "9000")),
    case("An edge from everybody is none from itself.", base(
        *(made for name in ("web", "api")
          for made in (admits(f"from-{name}", "db", 9000, from_group=name), out(f"{name}-out", name, 9000, "db")))),
        edge("*", "db", "9000")),
    case("The nodes of a cluster among themselves.", base(
        member("db", ingress=[inline(7000, self=True)], egress=[inline(7000, self=True)])), edge("db", "db", "7000")),
    case("UDP.", base(admits("dns", "db", 53, from_group="web", protocol="udp"), out("dns-out", "web", 53, "db", protocol="udp")),
         edge("web", "db", "53/udp")),
    case("All ports.", base(admits("all", "db", None, from_group="web", protocol="-1"),
                            out("all-out", "web", None, "db", protocol="-1")), edge("web", "db", "all")),
    case("From the internet.", base(admits("public", "web", 443, ANY4)), edge("internet", "web", "443")),
    case("From a part of a declared network.", base(admits("office", "web", 443, "192.0.2.0/28")), edge("192.0.2.0/24", "web", "443")),
    case("From a prefix list of the stack.", base(prefix_list("office", "192.0.2.0/24"), admits("r", "web", 443, "pl:office")),
         edge("office", "web", "443")),
    case("From a prefix list by its id.", base(admits("r", "web", 443, "pl-0a")), edge("pl-0a", "web", "443")),
    case("From a group that is not of the stack.", base(admits("r", "web", 443, referencedSecurityGroupId="sg-0b")),
         edge("sg-0b", "web", "443")),
    case("To a network outside.", base(rule("out", "web", 443, token=EGRESS, cidrIpv4="192.0.2.0/24")), edge("web", "192.0.2.0/24", "443")),
    case("Out to the whole VPC, and in at the declared target alone.", base(
        rule("web-to-api", "web", 8080, token=EGRESS, cidrIpv4="10.0.0.0/16"))),
    case("Two groups of one inline rule, both declared.", base(
        resource(GROUP, "db", {"id": UNKNOWN, "vpcId": UNKNOWN, "ingress": [inline(5432, securityGroups=[UNKNOWN, UNKNOWN])]},
                 deps={"vpcId": ["vpc"], "ingress": ["api", "web"]}), out("web-to-db", "web", 5432, "db"), without=("db-from-api",)),
        edge("web", "db", "5432")),
    case("An undeclared group on its own machine.", base(group("x"), admits("r", "x", 22, ANY4), instance("jump", "x"))),
    case("Two services on one machine, each with its own paths.", base(instance("both", "api", "db"))),
    case("A call of VPC Lattice leaves by the addresses of its prefix list.", base(*GATE), edge("api", "gate", "443")),
    case("A service of VPC Lattice that knows its callers.", base(*service("AWS_IAM"))),
    case("A service that joins no network.", base(*service("NONE", joined=False))),
    case("A rule that names nobody admits nobody.", base(rule("none", "db", 22))),
    case("A member that nothing may reach.", base(group("vault")), members=["vault"]),
    case("A group by its id.", base(resource(GROUP, "vault", {"id": "sg-0v"})), members=["sg-0v"]),
]  # fmt: skip

BAD = [
    case("A path more, from another service.", base(admits("hole", "db", 5432, from_group="web")),
         fails={"hole": "referencedSecurityGroupId"}),
    case("A port more.", base(admits("hole", "api", 22, from_group="web")), fails={"hole": "referencedSecurityGroupId"}),
    case("A range of ports that holds the declared one.", base(admits("api-from-web", "api", (8080, 8081), from_group="web")),
         fails={"api-from-web": "referencedSecurityGroupId"}),
    case("Another protocol.", base(admits("hole", "api", 8080, from_group="web", protocol="udp")),
         fails={"hole": "referencedSecurityGroupId"}),
    case("The way back.", base(admits("hole", "web", 8080, from_group="api")), fails={"hole": "referencedSecurityGroupId"}),
    case("From a group that is no service.", base(group("x"), admits("hole", "db", 5432, from_group="x")),
         fails={"hole": "referencedSecurityGroupId"}),
    case("From a group that is not of the stack.", base(admits("hole", "db", 5432, referencedSecurityGroupId="sg-0b")),
         fails={"hole": "referencedSecurityGroupId"}),
    case("From a network.", base(admits("hole", "db", 5432, "10.0.0.0/16")), fails={"hole": "cidrIpv4"}),
    case("From a network wider than the declared one.", base(admits("hole", "web", 443, "192.0.0.0/16")),
         edge("192.0.2.0/24", "web", "443"), fails={"hole": "cidrIpv4", "web": "edges.2"}),
    case("From a prefix list.", base(admits("hole", "db", 5432, "pl-0a")), fails={"hole": "prefixListId"}),
    case("Among the nodes of one service.", base(member("db", ingress=[inline(7000, self=True)])), fails={"db": "ingress.0.self"}),
    case("One of two groups of an inline rule.", base(
        resource(GROUP, "db", {"id": UNKNOWN, "vpcId": UNKNOWN, "ingress": [inline(5432, securityGroups=[UNKNOWN, UNKNOWN])]},
                 deps={"vpcId": ["vpc"], "ingress": ["api", "web"]}), without=("db-from-api",)),
        fails={"db": "ingress.0.securityGroups"}),
    case("By another group of the same machine.", base(group("x"), admits("hole", "x", 22, ANY4), instance("vm", "db", "x")),
         fails={"hole": "cidrIpv4"}),
    case("To a member that nothing may reach.", base(group("vault"), admits("hole", "vault", 443, from_group="web")), members=["vault"],
         fails={"hole": "referencedSecurityGroupId"}),
    case("A declared path that is not admitted.", base(without=("db-from-api",)), fails={"db": "edges.1"}),
    case("A declared path that is not let out.", base(without=("api-to-db",)), fails={"db": "edges.1"}),
    case("A declared path that is let out elsewhere.", base(rule("api-to-db", "api", 5432, token=EGRESS, cidrIpv4="192.0.2.0/24")),
         fails={"db": "edges.1"}),
    case("A declared path that is let out to another group.", base(out("api-to-db", "api", 5432, "web")), fails={"db": "edges.1"}),
    case("A declared path to a network.", base(), edge("web", "192.0.2.0/24", "443"), fails={"web": "edges.2"}),
    case("A declared path from the internet.", base(), edge("internet", "web", "443"), fails={"web": "edges.2"}),
    case("A declared path from a group that is not of the stack.", base(admits("r", "web", 80, referencedSecurityGroupId="sg-0b")),
         edge("sg-0b", "web", "80,443"), fails={"web": "edges.2"}),
    case("One of two declared ports.", base(), edge("web", "api", "8443"), fails={"api": "edges.2"}),
    case("A call of VPC Lattice that is not let out.", base(*GATE[:-1]), edge("api", "gate", "443"), fails={"gate": "edges.2"}),
    case("A service of VPC Lattice that takes every call.", base(*service("NONE")), fails={"pay": "authType"}),
    case("A service of VPC Lattice that leaves it out.", base(*service(None)), fails={"pay": "authType"}),
    case("One unknown hides nothing else.", base(
        admits("r", "api", UNKNOWN, from_group="web"), admits("hole", "db", 22, ANY4)), fails={"hole": "cidrIpv4"},
        unknowns={"r": "fromPort"}),
]  # fmt: skip

UNSURE = [
    case("A source that is unknown.", base(rule("r", "db", referencedSecurityGroupId=UNKNOWN)),
         unknowns={"r": "referencedSecurityGroupId"}),
    case("One of two sources, nobody knows which.", base(
        rule("r", "db", 5432, referencedSecurityGroupId=UNKNOWN, deps={"referencedSecurityGroupId": ["web", "api"]})),
        unknowns={"r": "referencedSecurityGroupId"}),
    case("A network that is unknown.", base(rule("r", "db", cidrIpv4=UNKNOWN)), unknowns={"r": "cidrIpv4"}),
    case("A list of networks that may be empty.", base(REFERENCE, resource(
        GROUP, "web", {"id": UNKNOWN, "vpcId": UNKNOWN, "ingress": [inline(8080, cidrBlocks=UNKNOWN)]},
        deps={"vpcId": ["vpc"], "ingress": ["other"]})), unknowns={"web": "ingress.0.cidrBlocks"}),
    case("A prefix list of which nobody knows whether it is the declared network.", base(admits("r", "web", 443, "pl-0a")),
         edge("192.0.2.0/24", "web", "443"), unknowns={"r": "prefixListId"}),
    case("A rule of which nobody knows whose it is.", base(REFERENCE, rule("r", "other", cidrIpv4=ANY4)),
         unknowns={"r": "securityGroupId"}),
    case("A rule of one of two groups.", base(group("x"), resource(
        INGRESS, "r", {"securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": 1, "toPort": 1, "cidrIpv4": ANY4},
        deps={"securityGroupId": ["x", "db"]})), unknowns={"r": "securityGroupId"}),
    case("A declared path whose rule is unknown.", base(admits("db-from-api", "db", UNKNOWN, from_group="api")),
         unknowns={"db-from-api": "fromPort"}),
    case("A declared path that is let out nobody knows on which port.", base(out("api-to-db", "api", UNKNOWN, "db")),
         unknowns={"api-to-db": "fromPort"}),
    case("A declared path that is let out nobody knows where.", base(
        rule("api-to-db", "api", 5432, token=EGRESS, referencedSecurityGroupId=UNKNOWN)),
        unknowns={"api-to-db": "referencedSecurityGroupId"}),
    case("A declared path that is let out to one of two.", base(rule(
        "api-to-db", "api", 5432, token=EGRESS, referencedSecurityGroupId=UNKNOWN, deps={"referencedSecurityGroupId": ["db", "web"]})),
        unknowns={"api-to-db": "referencedSecurityGroupId"}),
    case("A declared path that is let out to a part of the VPC.", base(
        rule("api-to-db", "api", 5432, token=EGRESS, cidrIpv4="10.0.1.0/24")), unknowns={"api-to-db": "cidrIpv4"}),
    case("A declared path that is let out to a prefix list.", base(out("api-to-db", "api", 5432, source="pl-0a")),
         unknowns={"api-to-db": "prefixListId"}),
    case("A declared path in a VPC that is adopted.", base(
        resource(GROUP, "db", {"id": UNKNOWN, "vpcId": "vpc-0a"}),
        rule("api-to-db", "api", 5432, token=EGRESS, cidrIpv4="10.0.0.0/8")), unknowns={"db": "vpcId"}),
    case("A declared path that a rule of nobody knows whom may let out.", base(
        REFERENCE, rule("out", "other", 5432, token=EGRESS, cidrIpv4=ANY4), without=("api-to-db",)), unknowns={"out": "securityGroupId"}),
    case("A declared path that a rule of one of two groups may let out.", base(resource(
        EGRESS, "api-to-db", {"securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432, "cidrIpv4": ANY4},
        deps={"securityGroupId": ["api", "web"]})), unknowns={"api-to-db": "securityGroupId"}),
    case("A service that the stack knows by its id alone.", base(admits("r", "sg-0m", 443, from_group="web"), out(
        "r-out", "web", 443, referencedSecurityGroupId="sg-0m")), edge("web", "sg-0m", "443"), unknowns={"r": "securityGroupId"}),
    case("A machine with a group that the stack knows by its id alone.", base(resource(
        "aws:ec2/instance:Instance", "vm", {"vpcSecurityGroupIds": [UNKNOWN, "sg-0m"]}, deps={"vpcSecurityGroupIds": ["db"]})),
        unknowns={"vm": "vpcSecurityGroupIds"}),
    case("A service of VPC Lattice of which it is unknown.", base(
        REFERENCE, *service(None)[::2], resource(SERVICE, "pay", {"id": UNKNOWN, "authType": UNKNOWN}, deps={"authType": ["other"]})),
        unknowns={"pay": "authType"}),
]  # fmt: skip


@pytest.mark.parametrize("case", [*GOOD, *BAD, *UNSURE], ids=lambda case: case.reason)
def test_corpus(case: Case) -> None:
    assert case.judge(zero_trust_network) == (dict(case.fails), dict(case.unknowns))


def test_where_nothing_is_declared_it_is_not_applicable() -> None:
    nothing = NotApplicable("neither the profile nor a component of the stack declares a path")
    older = resource(COMPONENT, "zt", {"security_group_ids": {}})
    assert verdicts(zero_trust_network, stack(*base(), *service("NONE"), older)) == [("", nothing)]


END = "use a security group by logical name or id, with * for any text; or internet, a CIDR or a prefix list"


@pytest.mark.parametrize(
    ("config", "message", "where"),
    [
        ({"edges": [edge("wbe", "api", "80")]},
         f"the profile declares an invalid path: 'wbe' matches nothing in the stack; {END}",
         "edges.0"),
        ({"edges": [edge("web", "api", "8o")]},
         "the profile declares an invalid path: '8o' is not a port; use 22, 9092-9098 or 2049/udp, or all", "edges.0"),
        ({"edges": [edge("internet", "pl-0a", "80")]},
         "the profile declares an invalid path: neither end is a security group of the stack", "edges.0"),
        ({"edges": [{"from": "web", "to": "api"}]},
         "the profile declares {'from': 'web', 'to': 'api'}, which is not an edge; use from, to and ports", "edges.0"),
        ({"edges": [edge("web", "", "80")]},
         "the profile declares {'from': 'web', 'to': '', 'ports': '80'}, which is not an edge; use from, to and ports", "edges.0"),
        ({"members": ["vualt"]}, "the profile names the member 'vualt', which matches no security group", "members.0"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_of_the_profile_is_said(config: dict[str, Any], message: str, where: str) -> None:
    network = [vpc(), member("web"), member("api")]
    assert verdicts(zero_trust_network, stack(*network), config) == [("", Fail(message, where))]


def of_component(edges: Any, *more: Resource, deps: tuple[str, ...] = ()) -> list[Resource]:
    """Groups that a component makes, and the paths that it declares."""
    owner = resource(COMPONENT, "zt", {"edges": edges}, deps={"edges": list(deps)})
    groups = [resource(GROUP, name, {"id": UNKNOWN, "vpcId": UNKNOWN}, parent=owner, deps={"vpcId": ["vpc"]}) for name in ("web", "api")]
    return [vpc(), owner, *groups, admits("in", "api", 8080, from_group="web"), out("out", "web", 8080, "api"), *more]


PATH = ["web -> api: 8080"]


@pytest.mark.parametrize(
    ("network", "found"),
    [
        (of_component(PATH), [("", Pass())]),
        (of_component(PATH, REFERENCE, deps=("other",)), [("", Pass())]),
        (of_component(UNKNOWN), [("zt", Unknown("edges"))]),
        (of_component([UNKNOWN]), [("zt", Unknown("edges.0"))]),
        (of_component(["web api"]), [("zt", Fail("declares 'web api', which is not a path", "edges.0")), ("in", "edges")]),
        (of_component([*PATH, "web -> db: 1"], group("db")), [("zt", Fail(
            f"declares an invalid path: 'db' matches nothing in the stack; {END}", "edges.1"))]),
        (of_component([*PATH, "api -> web: 1"]), [("zt", Fail(
            "lacks the declared path on port 1, because no rule of security group web allows it inbound and no rule of security group api "
            "allows it outbound: security group api -> security group web", "edges.1"))]),
        (of_component([]), [("in", "edges")]),
    ],
    ids=["as declared", "from a dependency", "unknown", "an unknown path", "no path", "another's group", "a missing path", "no edge"],
)  # fmt: skip
def test_a_component_declares_the_paths_of_its_own_groups(network: list[Resource], found: list[Any]) -> None:
    judged = verdicts(zero_trust_network, stack(*network))
    hole = Fail(
        "opens an undeclared path to security group api on port 8080: security group web -> rule in -> security group api",
        "referencedSecurityGroupId",
    )
    assert judged == [(name, hole if verdict == "edges" else verdict) for name, verdict in found]


def test_a_service_that_may_be_joined_to_a_network() -> None:
    def join(*services: str) -> Resource:
        props = {"serviceIdentifier": UNKNOWN, "serviceNetworkIdentifier": UNKNOWN}
        return resource(SERVICE_JOIN, "join", props, deps={"serviceIdentifier": services, "serviceNetworkIdentifier": ["net"]})

    config = {"edges": DECLARED, "members": []}
    lost = [("join", Unknown("serviceIdentifier"))]
    second = resource(SERVICE, "second", {"id": UNKNOWN, "arn": UNKNOWN, "authType": "AWS_IAM"})
    for sources, expected in ((["other"], lost), (["pay", "second"], lost), (["second"], [("", Pass())])):
        found = stack(*base(REFERENCE, *service("NONE", joined=False), second, join(*sources)))
        assert verdicts(zero_trust_network, found, config) == expected
    dim = resource(SERVICE, "dim", {"id": UNKNOWN, "arn": UNKNOWN, "authType": UNKNOWN}, deps={"authType": ["other"]})
    assert verdicts(zero_trust_network, stack(*base(REFERENCE, NETWORK, dim, join("other"))), config) == [("dim", Unknown("authType"))]


@pytest.mark.parametrize("sources", [["other"], ["api", "web"]])
def test_a_gate_of_a_service_network_that_is_not_known(sources: list[str]) -> None:
    gate = resource(VPC_JOIN, "gate", {"securityGroupIds": UNKNOWN}, deps={"securityGroupIds": sources})
    outward = resource(
        EGRESS,
        "web-to-api",
        {"securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": 8080, "toPort": 8080, "cidrIpv4": "169.254.171.0/24"},
        deps={"securityGroupId": ["web"]},
    )
    config = {"edges": DECLARED, "members": []}
    found = verdicts(zero_trust_network, stack(*base(REFERENCE, NETWORK, outward, gate)), config)
    assert found == [("gate", Unknown("securityGroupIds"))]


def test_metadata() -> None:
    assert (zero_trust_network.id, zero_trust_network.severity) == ("zero-trust-network", Severity.HIGH)


MESSAGES = {
    "opens an undeclared path to security group db on port 5432 (PostgreSQL): security group web -> rule hole -> "
    "security group db": "A path more, from another service.",
    "opens an undeclared path to security group db on port 22 (SSH): 0.0.0.0/0 -> rule hole -> security group x -> instance vm "
    "-> together with security group db": "By another group of the same machine.",
    "lacks the declared path on port 5432 (PostgreSQL), because no rule of security group db allows it inbound: security group api -> "
    "security group db": "A declared path that is not admitted.",
    "lacks the declared path on port 5432 (PostgreSQL), because no rule of security group api allows it outbound: security group api -> "
    "security group db": "A declared path that is not let out.",
    "lacks the declared path on port 443 (HTTPS), because no rule of security group web allows it inbound: internet -> security group web":
        "A declared path from the internet.",
    "lacks the declared path on port 443 (HTTPS), because no rule of security group web allows it outbound: security group web -> "
    "192.0.2.0/24":
        "A declared path to a network.",
    "accepts unauthenticated calls in a zero trust network: service network net -> service network service association pay-join "
    "-> service pay": "A service of VPC Lattice that takes every call.",
}  # fmt: skip


@pytest.mark.parametrize(("message", "reason"), MESSAGES.items(), ids=MESSAGES.values())
def test_messages(message: str, reason: str) -> None:
    case = next(case for case in BAD if case.reason == reason)
    (found,) = [verdict for _, verdict in verdicts(zero_trust_network, stack(*case.network), case.config)]
    assert isinstance(found, Fail)
    assert found.message == message


@pytest.mark.parametrize("deployed", [False, True], ids=["preview", "deployed"])
def test_the_example_passes(deployed: bool) -> None:
    assert verdicts(zero_trust_network, example("zero_trust_network", deployed=deployed)) == [("", Pass())]


RULE = "import pulumi_aws as aws\naws.vpc.SecurityGroupIngressRule('hole', ip_protocol='tcp', from_port=5432, to_port=5432, "


@pytest.mark.parametrize(
    ("changes", "after", "found"),
    [
        ({}, f"{RULE}security_group_id=zero_trust.group_id('database'), cidr_ipv4='10.41.0.0/16')", ["hole"]),
        ({}, f"{RULE}security_group_id=zero_trust.group_id('database'),"
             " referenced_security_group_id=zero_trust.group_id('web'))", ["hole"]),
        ({'"versions": {"v1"': '"iam_auth": False, "versions": {"v1"', '"callers": {"api": api_role.role_arn}, ': ""}, "",
         ["pay-payments"]),
    ],
    ids=["the whole VPC", "another app", "no authentication"],
)  # fmt: skip
def test_the_example_with_one_change_fails(changes: dict[str, str], after: str, found: list[str]) -> None:
    judged = verdicts(zero_trust_network, example("zero_trust_network", changes, after=after))
    assert [(name, type(verdict)) for name, verdict in judged] == [(name, Fail) for name in found]


def test_the_example_judged_by_a_profile_that_says_less_and_more() -> None:
    edges = [edge("shop-zt-web", "shop-zt-api", "9999")]
    judged = verdicts(zero_trust_network, example("zero_trust_network"), {"edges": edges})
    message = (
        "lacks the declared path on port 9999, because no rule of security group shop-zt-api allows it inbound and no rule of security "
        "group shop-zt-web allows it outbound: security group shop-zt-web -> security group shop-zt-api"
    )
    assert judged == [("shop-zt-api", Fail(message, "edges.0"))]
