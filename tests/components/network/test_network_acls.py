"""`Network` with network ACLs: every rule, what it lets through and what not, and that the policies' graph sees the same."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, cast

import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import Network, NetworkArgs
from cloudpatterns.network.network.network_acls import MOST_RULES
from cloudpatterns_policies.core import Stack
from cloudpatterns_policies.graph.reach import reach_of
from offline_preview import values
from offline_preview.graph import Graph

from tests.harness import record, refs
from tests.policies.helpers import UNKNOWN, resource, stack, urn

ACL, RULE = "aws:ec2/networkAcl:NetworkAcl", "aws:ec2/networkAclRule:NetworkAclRule"
LINK = "aws:ec2/networkAclAssociation:NetworkAclAssociation"
A, B = "eu-west-1a", "eu-west-1b"
VPC4 = "10.20.0.0/16"
TIERS = ("public", "private", "data")
TCP, UDP, ICMP, ICMPV6 = "6", "17", "1", "58"


def network(acls: Mapping[str, Any], **args: Any) -> Graph:
    given = {"cidr_block": VPC4, "zones": [A, B], "network_acls": acls, **args}
    return record(lambda: Network("net", cast(NetworkArgs, given)), mode="deployed")


def rows(graph: Graph, tier: str, *, egress: bool) -> list[tuple[Any, ...]]:
    """Number, action, protocol, ports or ICMP type and code, network; in order."""
    found = []
    for rule in graph.of_type(RULE):
        i = rule.inputs
        if refs(graph, rule, "networkAclId") != [f"net-acl-{tier}"] or i["egress"] is not egress:
            continue
        span = (i["icmpType"], i["icmpCode"]) if "icmpType" in i else (i.get("fromPort"), i.get("toPort"))
        cidr = i.get("cidrBlock") or i["ipv6CidrBlock"]
        # Which block Amazon gives the VPC is not known here.
        known = cidr if isinstance(cidr, str) else f"ipv6 of {refs(graph, rule, 'ipv6CidrBlock')[0]}"
        found.append((i["ruleNumber"], i["ruleAction"], i["protocol"], span, known))
    return sorted(found)


ALL = (None, None)
INTERNET_ANSWERS = [
    (21100, "allow", TCP, (1024, 3388), "0.0.0.0/0"),
    (21102, "allow", TCP, (3390, 65535), "0.0.0.0/0"),
    (21104, "allow", UDP, (1024, 3388), "0.0.0.0/0"),
    (21106, "allow", UDP, (3390, 65535), "0.0.0.0/0"),
    (22000, "allow", ICMP, (3, 4), "0.0.0.0/0"),
]
OWN = (100, "allow", "-1", ALL, VPC4)


def test_public_subnets_admit_the_vpc_the_ports_and_answers() -> None:
    ports = [(10160, "allow", TCP, (80, 80), "0.0.0.0/0"), (10886, "allow", TCP, (443, 443), "0.0.0.0/0")]
    assert rows(network({}), "public", egress=False) == [OWN, *ports, *INTERNET_ANSWERS]
    smtp = [(10050, "allow", TCP, (25, 25), "0.0.0.0/0")]
    assert rows(network({"public_ports": [25.0]}), "public", egress=False) == [OWN, *smtp, *INTERNET_ANSWERS]


def test_private_subnets_admit_the_vpc_trusted_networks_and_answers() -> None:
    assert rows(network({}), "private", egress=False) == [OWN, *INTERNET_ANSWERS]
    found = rows(network({"trusted_cidrs": ["10.250.0.0/16"]}), "private", egress=False)
    ((number, *rest),) = trusted(["10.250.0.0/16"])
    assert rest == ["allow", "-1", ALL, "10.250.0.0/16"]
    assert found == [OWN, (number, *rest), *INTERNET_ANSWERS]


def test_private_subnets_admit_lattice_on_low_ports_by_ipv4_and_ipv6() -> None:
    ports = [(13160, "allow", TCP, (80, 80), "169.254.171.0/24"), (13886, "allow", TCP, (443, 443), "169.254.171.0/24")]
    graph = network({"lattice_ports": [443, 80]})
    assert rows(graph, "private", egress=False) == [OWN, *ports, *INTERNET_ANSWERS]
    for tier in ("public", "data"):
        assert rows(graph, tier, egress=False) == rows(network({}), tier, egress=False)
    found = rows(network({"lattice_ports": [80]}, dual_stack=True), "private", egress=False)
    assert [row for row in found if 13000 <= row[0] < 15100] == [
        (13160, "allow", TCP, (80, 80), "169.254.171.0/24"),
        (13161, "allow", TCP, (80, 80), "fd00:ec2:80::/64"),
    ]


@pytest.mark.parametrize("tier", ["public", "private"])
def test_no_single_rule_lets_the_internet_reach_an_administration_port(tier: str) -> None:
    """Scanners look at each rule alone, so a rule that denies the port first is no help."""
    found = [row for row in rows(network({}, dual_stack=True), tier, egress=False) if row[4] in ("0.0.0.0/0", "::/0")]
    spans = [row[3] for row in found if row[2] in (TCP, UDP)]
    assert {row[1] for row in found} == {"allow"}
    assert len(spans) >= 8
    assert [(low, high) for low, high in spans if any(low <= port <= high for port in (22, 3389))] == []


@pytest.mark.parametrize("egress", [False, True])
def test_data_subnets_speak_with_the_vpc_alone(egress: bool) -> None:
    assert rows(network({"trusted_cidrs": ["10.250.0.0/16"]}), "data", egress=egress) == [OWN]


@pytest.mark.parametrize("tier", ["public", "private"])
def test_public_and_private_subnets_send_everywhere(tier: str) -> None:
    assert rows(network({}), tier, egress=True) == [(30000, "allow", "-1", ALL, "0.0.0.0/0")]


def test_dual_stack_has_the_same_for_ipv6() -> None:
    graph = network({"trusted_cidrs": ["2001:DB8:1::/48"]}, dual_stack=True)
    own6 = "ipv6 of net-vpc"
    for tier in ("public", "private"):
        found = rows(graph, tier, egress=False)
        four, six = ([row for row in found if (row[4] in ("::/0", own6)) is ipv6] for ipv6 in (False, True))
        assert [row[:4] for row in six if row[0] in (101, 21101, 21103, 21105, 21107)] == [
            (row[0] + 1, *row[1:4]) for row in four if row[0] in (100, 21100, 21102, 21104, 21106)
        ]
        assert (22001, "allow", ICMPV6, (2, 0), "::/0") in found
        assert (101, "allow", "-1", ALL, own6) in found
        assert rows(graph, tier, egress=True) == [(30000, "allow", "-1", ALL, "0.0.0.0/0"), (30001, "allow", "-1", ALL, "::/0")]
    assert [row[0] for row in rows(graph, "public", egress=False) if row[0] // 10000 == 1] == [10160, 10161, 10886, 10887]
    assert [row[4] for row in rows(graph, "private", egress=False) if 1000 <= row[0] < 10000] == ["2001:db8:1::/48"]
    assert rows(graph, "data", egress=False) == rows(graph, "data", egress=True) == [OWN, (101, "allow", "-1", ALL, own6)]


def test_an_acl_for_each_tier_on_its_subnets_once_its_rules_are_there() -> None:
    graph = network({})
    assert [(acl.name, refs(graph, acl, "vpcId"), "ingress" in acl.inputs) for acl in graph.of_type(ACL)] == [
        (f"net-acl-{tier}", ["net-vpc"], False) for tier in TIERS
    ]
    # A subnet's id waits for its routes, so it names them too.
    subnets = {subnet.name for subnet in graph.of_type("aws:ec2/subnet:Subnet")}
    links = {name: link for link in graph.of_type(LINK) for name in set(refs(graph, link, "subnetId")) & subnets}
    assert {name: (link.name, refs(graph, link, "networkAclId")) for name, link in links.items()} == {
        f"net-{tier}-{zone}": (f"net-{tier}-{zone}", [f"net-acl-{tier}"]) for tier in TIERS for zone in (A, B)
    }
    for subnet, link in links.items():
        rules = {rule.urn for rule in graph.of_type(RULE) if rule.name.startswith(f"net-acl-{subnet.split('-')[1]}-")}
        assert rules
        assert rules <= set(link.dependencies)


def test_without_the_argument_there_is_no_acl() -> None:
    graph = record(lambda: Network("net", {"cidr_block": VPC4, "zones": [A]}))
    assert graph.of_type(ACL, RULE, LINK) == []


def test_a_trusted_network_that_comes_or_goes_leaves_every_other_rule_alone() -> None:
    def rules(cidrs: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {rule.name: rule.inputs for rule in network({"trusted_cidrs": cidrs}, dual_stack=True).of_type(RULE)}

    three, two = rules(["10.250.0.0/16", "2001:db8::/32", "10.251.0.0/28"]), rules(["10.251.0.0/28", "10.250.0.0/16"])
    assert three.keys() - two.keys() == {"net-acl-private-in-trusted-2001-db8--_32"}
    assert two == {name: inputs for name, inputs in three.items() if name in two}


# Their CRC-32 are the same modulo 9,000.
COLLIDING = ["10.0.14.0/24", "10.0.58.0/24"]


def test_networks_whose_numbers_collide_get_one_each() -> None:
    alone = [[row[0] for row in trusted([cidr])] for cidr in COLLIDING]
    assert alone[0] == alone[1]
    assert [row[0] for row in trusted(COLLIDING)] == [*alone[0], alone[0][0] + 1]
    assert trusted(COLLIDING) == trusted(COLLIDING[::-1])


def trusted(cidrs: Sequence[str]) -> list[tuple[Any, ...]]:
    return [row for row in rows(network({"trusted_cidrs": cidrs}), "private", egress=False) if 1000 <= row[0] < 10000]


# --- what passes, worked out from the rules as AWS does ---


@dataclass(frozen=True)
class Packet:
    """A packet that enters or leaves a subnet: the other end's address, and the port it goes to."""

    other: str
    protocol: str
    port: int


def passes(graph: Graph, tier: str, packet: Packet, *, egress: bool) -> bool:
    address = ip_address(packet.other)
    for _, action, protocol, (low, high), cidr in rows(graph, tier, egress=egress):
        on = protocol == "-1" or (protocol == packet.protocol and low <= packet.port <= high)
        if on and address in ip_network(cidr):
            return action == "allow"
    return False


def connects(graph: Graph, tier: str, other: str, port: int, protocol: str = TCP, *, inward: bool, ephemeral: int = 40000) -> bool:
    """Whether a connection to `port` gets through, and its answers to the client's port."""
    there = passes(graph, tier, Packet(other, protocol, port), egress=not inward)
    return there and passes(graph, tier, Packet(other, protocol, ephemeral), egress=inward)


@functools.cache
def trusting() -> Graph:
    return network({"trusted_cidrs": ["10.250.0.0/16"]})


SERVER, CLIENT, OFFICE, BUCKET = "10.20.3.4", "203.0.113.9", "10.250.10.7", "52.218.0.1"
NEEDED = [
    ("public", CLIENT, 443, TCP, True, "browsers reach a load balancer"),
    ("public", CLIENT, 80, TCP, True, "and are redirected from HTTP"),
    ("public", SERVER, 8080, TCP, False, "a load balancer reaches servers"),
    ("public", SERVER, 443, TCP, True, "servers go through a NAT in a public subnet"),
    ("public", CLIENT, 443, TCP, False, "the NAT goes on to the internet"),
    ("public", CLIENT, 123, UDP, False, "for other time servers too"),
    ("private", SERVER, 8080, TCP, True, "servers are reached by a load balancer"),
    ("private", CLIENT, 443, TCP, False, "servers reach the internet through a NAT"),
    ("private", CLIENT, 53, UDP, False, "and other resolvers"),
    ("private", BUCKET, 443, TCP, False, "servers reach S3 through the gateway endpoint, at public addresses"),
    ("private", SERVER, 443, TCP, True, "interface endpoints are reached from the VPC"),
    ("private", OFFICE, 22, TCP, True, "operators come in from a trusted network"),
    ("private", OFFICE, 3389, TCP, True, "with Remote Desktop as well"),
    ("private", OFFICE, 389, TCP, False, "servers reach a directory in a trusted network"),
    ("data", SERVER, 3306, TCP, True, "servers reach the database"),
    ("data", SERVER, 6379, TCP, True, "servers reach the cache"),
    ("data", SERVER, 5432, TCP, False, "a standby is reached in another zone"),
]


@pytest.mark.parametrize(("tier", "other", "port", "protocol", "inward"), [case[:5] for case in NEEDED], ids=[case[5] for case in NEEDED])
@pytest.mark.parametrize("ephemeral", [1024, 3388, 3390, 65535])
def test_what_is_needed_gets_through_both_ways(tier: str, other: str, port: int, protocol: str, inward: bool, ephemeral: int) -> None:
    assert connects(trusting(), tier, other, port, protocol, inward=inward, ephemeral=ephemeral)


@pytest.mark.parametrize(
    ("tier", "other", "port", "protocol", "inward"),
    [
        *((tier, CLIENT, port, protocol, True) for tier in TIERS for port in (22, 3389) for protocol in (TCP, UDP)),
        *(("data", other, port, TCP, inward) for other in (CLIENT, OFFICE, BUCKET) for port in (443, 3306) for inward in (True, False)),
        ("private", CLIENT, 443, TCP, True),
        ("private", "10.252.0.1", 22, TCP, True),
        ("public", CLIENT, 25, TCP, True),
        ("public", OFFICE, 22, TCP, True),
    ],
)
def test_what_nobody_needs_does_not(tier: str, other: str, port: int, protocol: str, inward: bool) -> None:
    assert not connects(trusting(), tier, other, port, protocol, inward=inward)


@pytest.mark.parametrize(
    ("acls", "args"),
    [
        ({}, {}),
        ({}, {"dual_stack": True}),
        ({"public_ports": [25, 80, 443], "trusted_cidrs": [f"10.{n}.0.0/16" for n in range(100, 106)]}, {"dual_stack": True}),
        ({"trusted_cidrs": [f"10.{n}.0.0/16" for n in range(100, 110)], "lattice_ports": [1, 1023]}, {}),
        ({"lattice_ports": [1, 80, 1023]}, {"dual_stack": True}),
        ({"public_ports": list(range(101, 113)), "trusted_cidrs": [f"10.{n}.0.0/16" for n in range(100, 112)]}, {}),
    ],
)
def test_no_acl_passes_the_quota_of_rules(acls: Mapping[str, Any], args: Mapping[str, Any]) -> None:
    graph = network(acls, **args)
    for tier in TIERS:
        for egress in (False, True):
            numbers = [row[0] for row in rows(graph, tier, egress=egress)]
            assert 0 < len(numbers) == len(set(numbers)) <= MOST_RULES
            assert max(numbers) <= 32766


# --- what the policies see ---


def policies_view(graph: Graph) -> Stack:
    """The recorded graph as a pack sees it in a preview: ids and all else that AWS computes are unknown."""
    own = [one for one in graph.resources if one.type.startswith("aws:")]
    names = {one.urn: urn(one.type, one.name) for one in own}
    sent = []
    for one in own:
        deps = {key: [names[target] for target in targets if target in names] for key, targets in one.property_dependencies.items()}
        properties = {key: _sent(value) for key, value in {**one.outputs, **one.inputs, "id": one.id}.items()}
        sent.append(resource(one.type, one.name, properties, deps=deps))
    return stack(*sent)


def _sent(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_sent(item) for item in value]
    return UNKNOWN if value is values.UNKNOWN else value


def _database(acls: Mapping[str, Any] | None) -> Graph:
    """A database that everything but a network ACL leaves open to the internet: a rule for all, a route to the internet."""

    def program() -> None:
        args: dict[str, Any] = {"cidr_block": VPC4, "zones": [A, B]} | ({} if acls is None else {"network_acls": acls})
        made = Network("net", cast(NetworkArgs, args))
        for zone, table in made.route_table_ids("data").items():
            aws.ec2.Route(f"leak-{zone}", route_table_id=table, destination_cidr_block="0.0.0.0/0", gateway_id=made.internet_gateway_id)
        group = aws.ec2.SecurityGroup("open", vpc_id=made.vpc_id)
        aws.vpc.SecurityGroupIngressRule("all", security_group_id=group.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0")
        subnets = aws.rds.SubnetGroup("subnets", subnet_ids=list(made.subnet_ids("data").values()))
        aws.rds.Instance(
            "db",
            instance_class="db.t4g.micro",
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group.id],
            publicly_accessible=True,
        )

    return record(program)


@pytest.mark.parametrize(("acls", "reached"), [(None, True), ({}, False), ({"public_ports": [443]}, False)])
def test_the_data_tiers_acl_stops_the_internet_in_the_eyes_of_the_policies(acls: Mapping[str, Any] | None, reached: bool) -> None:
    reach = reach_of(policies_view(_database(acls)))
    (database,) = [end for end in reach.endpoints.values() if end.subject.name == "db"]
    assert (reach.path(None, database) is not None) is reached


# --- arguments ---


def refused(acls: Mapping[str, Any], **args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        network(acls, **args)
    return error.value.problems


@pytest.mark.parametrize(
    ("acls", "args", "path", "reason"),
    [
        (
            {"public_ports": [443, 8080]},
            {},
            "public_ports.1",
            "is 8080; must be at most 1023",
        ),
        (
            {"public_ports": [0]},
            {},
            "public_ports.0",
            "is 0; must be at least 1",
        ),
        (
            {"public_ports": [22]},
            {},
            "public_ports.0",
            "is 22, an administration port; reach servers through Session Manager or a trusted network. Remove it.",
        ),
        ({"public_ports": [80, 80]}, {}, "public_ports", "has 80 twice. Name each once"),
        (
            {"public_ports": [80, 81, 82, 443]},
            {"dual_stack": True},
            "public_ports",
            "needs 20 inbound rules in the public tier's ACL; AWS's quota leaves room for 18. Join or remove some.",
        ),
        (
            {"trusted_cidrs": ["10.250.0.1/16"]},
            {},
            "trusted_cidrs.0",
            "is '10.250.0.1/16'; must have no host bits: write 10.250.0.0/16, or a /32 or /128 for one address",
        ),
        (
            {"trusted_cidrs": ["0.0.0.0/0"]},
            {},
            "trusted_cidrs.0",
            "is 0.0.0.0/0, broader than an IPv4 /8 or an IPv6 /16. Name the trusted networks alone.",
        ),
        (
            {"trusted_cidrs": ["2000::/3"]},
            {"dual_stack": True},
            "trusted_cidrs.0",
            "is 2000::/3, broader than an IPv4 /8 or an IPv6 /16. Name the trusted networks alone.",
        ),
        (
            {"trusted_cidrs": ["2001:db8::/32"]},
            {},
            "trusted_cidrs.0",
            "is 2001:db8::/32, an IPv6 network, and the VPC has no IPv6. Remove it, or set dual_stack.",
        ),
        (
            {"trusted_cidrs": ["10.250.0.0/16"] * 2},
            {},
            "trusted_cidrs",
            "has 10.250.0.0/16 twice. Name each once",
        ),
        (
            {"trusted_cidrs": ["10.20.16.0/20"]},
            {},
            "trusted_cidrs.0",
            "is 10.20.16.0/20, inside the VPC's 10.20.0.0/16, where all traffic is allowed already. Remove it.",
        ),
        (
            {"trusted_cidrs": [f"10.{n}.0.0/16" for n in range(100, 113)]},
            {},
            "trusted_cidrs",
            "needs 19 inbound rules in the private tier's ACL; AWS's quota leaves room for 18. Join or remove some.",
        ),
        (
            {"trusted_cidrs": [f"10.{n}.0.0/16" for n in range(100, 111)], "lattice_ports": [80, 443]},
            {},
            "trusted_cidrs",
            "needs 19 inbound rules in the private tier's ACL; AWS's quota leaves room for 18. Join or remove some.",
        ),
        (
            {"lattice_ports": [80, 81, 82, 443]},
            {"dual_stack": True},
            "lattice_ports",
            "needs 20 inbound rules in the private tier's ACL; AWS's quota leaves room for 18. Join or remove some.",
        ),
        ({"lattice_ports": [1024]}, {}, "lattice_ports.0", "is 1024; must be at most 1023"),
        ({"lattice_ports": [80, 80]}, {}, "lattice_ports", "has 80 twice. Name each once"),
    ],
)
def test_what_an_acl_cannot_be_is_refused(acls: Mapping[str, Any], args: Mapping[str, Any], path: str, reason: str) -> None:
    assert refused(acls, **args) == [(f"network_acls.{path}", reason)]


def test_a_network_around_the_vpc_is_trusted_as_it_is() -> None:
    assert [row[4] for row in trusted(["10.0.0.0/8"])] == ["10.0.0.0/8"]


def test_a_vpc_whose_block_is_no_network_is_told_by_its_layout_alone() -> None:
    ((path, _),) = refused({"trusted_cidrs": ["10.250.0.0/16"]}, cidr_block="10.20.0.1/16")
    assert path == "cidr_block"


def test_an_acl_on_an_adopted_vpc_is_refused() -> None:
    adopted = {"vpc_id": "vpc-0a", "public_subnet_ids_by_zone": {A: "subnet-0a", B: "subnet-0b"}}
    assert refused({}, **adopted) == [
        ("vpc_id", "excludes network_acls: an adopted VPC is left as it is; both are given. Remove one of them.")
    ]
