from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network.operational_firewall import OperationalFirewall
from offline_preview.graph import Graph

from tests.harness import record, refs

GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
LIST = "aws:ec2/managedPrefixList:ManagedPrefixList"
STORE = "aws:lb/trustStore:TrustStore"
REVOCATION = "aws:lb/trustStoreRevocation:TrustStoreRevocation"

OFFICE: Any = {"cidr": "203.0.113.0/24", "description": "Office"}
OFFICE_V6: Any = {"cidr": "2001:DB8:0::/48", "description": "Office"}
BUNDLE: Any = {"bucket": "pki", "key": "ca.pem", "object_version": "v1"}


def firewall(name: str = "ops", mode: Any = "preview", **arguments: Any) -> Graph:
    return record(lambda: OperationalFirewall(name, {"vpc_id": "vpc-1", **arguments}), mode=mode)


def problems(name: str = "ops", **arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        firewall(name, **arguments)
    return caught.value.problems


def entries(*cidrs: str) -> list[dict[str, str]]:
    return [{"cidr": cidr, "description": "x"} for cidr in cidrs]


def names(graph: Graph, *types: str) -> list[str]:
    return sorted(resource.name for resource in graph.of_type(*types))


def test_a_role_has_a_group_that_admits_its_ports_from_its_list() -> None:
    graph = firewall(operators={"devops": {"ports": [22, 5985], "entries": [OFFICE, OFFICE_V6]}}, tags={"Owner": "platform"})
    assert graph.one(GROUP).inputs == {
        "vpcId": "vpc-1",
        "description": "Operated by devops",
        "tags": {"Name": "ops-devops", "Owner": "platform", "cloudpatterns:operator": "devops"},
    }
    assert graph.one(LIST, "ops-devops-ipv4").inputs == {
        "addressFamily": "IPv4",
        "maxEntries": 10,
        "entries": [OFFICE],
        "tags": {"Name": "ops-devops-ipv4", "Owner": "platform"},
    }
    ipv6 = graph.one(LIST, "ops-devops-ipv6").inputs
    assert (ipv6["addressFamily"], ipv6["entries"]) == ("IPv6", [{"cidr": "2001:db8::/48", "description": "Office"}])
    assert names(graph, INGRESS) == ["ops-devops-ipv4-22", "ops-devops-ipv4-5985", "ops-devops-ipv6-22", "ops-devops-ipv6-5985"]
    rule = graph.one(INGRESS, "ops-devops-ipv6-22")
    assert (rule.inputs["ipProtocol"], rule.inputs["fromPort"], rule.inputs["toPort"]) == ("tcp", 22, 22)
    assert rule.inputs["description"] == "From the prefix list of devops"
    assert refs(graph, rule, "securityGroupId") == ["ops-devops"]
    assert refs(graph, rule, "prefixListId") == ["ops-devops-ipv6"]
    component = graph.one("cloudpatterns:index:OperationalFirewall")
    assert {resource.parent for resource in graph.of_type(GROUP, LIST, INGRESS)} == {component.urn}


def test_a_group_is_deleted_only_once_an_instance_refresh_had_time_to_take_it_off() -> None:
    graph = firewall(operators={"devops": {"ports": [22], "entries": [OFFICE]}})
    assert graph.one(GROUP).options["customTimeouts"] == {"delete": "60m"}


def test_no_rule_has_a_network_and_nothing_is_let_out() -> None:
    graph = firewall(
        operators={"devops": {"ports": [22], "entries": [OFFICE, OFFICE_V6]}, "dba": {"ports": [3306], "prefix_list_id": "pl-1"}}
    )
    assert not [rule.name for rule in graph.of_type(INGRESS) if {"cidrIpv4", "cidrIpv6"} & set(rule.inputs)]
    assert not graph.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")


def test_one_shared_list_serves_every_role_without_a_source_of_its_own() -> None:
    graph = firewall(
        entries=[OFFICE],
        max_entries=5,
        operators={"devops": {"ports": [22]}, "dba": {"ports": [3306]}, "network": {"ports": [830], "entries": [OFFICE]}},
    )
    assert names(graph, LIST) == ["ops-ipv4", "ops-network-ipv4"]
    assert {prefix_list.inputs["maxEntries"] for prefix_list in graph.of_type(LIST)} == {5}
    sources = {rule.name: refs(graph, rule, "prefixListId") for rule in graph.of_type(INGRESS)}
    assert sources == {
        "ops-devops-ipv4-22": ["ops-ipv4"],
        "ops-dba-ipv4-3306": ["ops-ipv4"],
        "ops-network-ipv4-830": ["ops-network-ipv4"],
    }


def test_an_existing_list_and_a_client_vpn_can_be_the_source() -> None:
    graph = firewall(
        entries=[OFFICE],
        operators={
            "devops": {"ports": [22]},
            "dba": {"ports": [3306], "prefix_list_id": "pl-1", "client_vpn_security_group_id": "sg-vpn"},
            "network": {"ports": [830], "client_vpn_security_group_id": "sg-vpn"},
        },
    )
    assert names(graph, INGRESS) == ["ops-dba-list-3306", "ops-dba-vpn-3306", "ops-devops-ipv4-22", "ops-network-vpn-830"]
    assert graph.one(INGRESS, "ops-dba-list-3306").inputs["prefixListId"] == "pl-1"
    vpn = graph.one(INGRESS, "ops-network-vpn-830").inputs
    assert (vpn["referencedSecurityGroupId"], vpn["description"]) == ("sg-vpn", "From the Client VPN of network")


def test_ids_are_given_out_once_the_rules_are_there() -> None:
    def program() -> None:
        made = OperationalFirewall("ops", {"vpc_id": "vpc-1", "entries": [OFFICE], "operators": {"devops": {"ports": [22]}}})
        aws.ec2.NetworkInterface("nic", subnet_id="subnet-1", security_groups=[made.group_id("devops")])

    graph = record(program, mode="deployed")
    assert sorted(refs(graph, graph.named("nic"), "securityGroups")) == ["ops-devops", "ops-devops-ipv4-22"]
    outputs = graph.one("cloudpatterns:index:OperationalFirewall").outputs
    assert outputs["security_group_ids"] == {"devops": graph.one(GROUP).id}
    assert outputs["prefix_list_ids"] == {"ipv4": graph.one(LIST).id}
    assert outputs["trust_store_arns"] == {}


def test_an_unknown_role_has_no_group() -> None:
    def program() -> None:
        OperationalFirewall("ops", {"vpc_id": "vpc-1", "consoles": {"admin": BUNDLE}}).group_id("devops")

    with pytest.raises(ArgumentError) as caught:
        record(program)
    assert caught.value.problems == [("group_id", "is 'devops', which is not an operator; known are none.")]


def test_a_console_has_a_trust_store_of_one_version_of_its_bundle() -> None:
    revoked = {"bucket": "pki", "key": "revoked.crl", "object_version": "v2"}
    graph = firewall(
        mode="deployed", consoles={"admin": {**BUNDLE, "revocations": {"staff": revoked}}, "jobs": BUNDLE}, tags={"Owner": "x"}
    )
    assert names(graph, STORE) == ["ops-admin-ca", "ops-jobs-ca"]
    store = graph.one(STORE, "ops-admin-ca")
    assert store.inputs == {
        "caCertificatesBundleS3Bucket": "pki",
        "caCertificatesBundleS3Key": "ca.pem",
        "caCertificatesBundleS3ObjectVersion": "v1",
        "tags": {"Owner": "x"},
    }
    revocation = graph.one(REVOCATION)
    assert revocation.name == "ops-admin-revocation-staff"
    assert revocation.inputs == {
        "trustStoreArn": store.outputs["arn"],
        "revocationsS3Bucket": "pki",
        "revocationsS3Key": "revoked.crl",
        "revocationsS3ObjectVersion": "v2",
    }
    outputs = graph.one("cloudpatterns:index:OperationalFirewall").outputs
    assert outputs["trust_store_arns"] == {"admin": store.outputs["arn"], "jobs": graph.one(STORE, "ops-jobs-ca").outputs["arn"]}


def test_a_trust_store_is_given_out_with_its_revocation_lists() -> None:
    def program() -> None:
        console: Any = {**BUNDLE, "revocations": {"staff": BUNDLE}}
        made = OperationalFirewall("ops", {"vpc_id": "vpc-1", "consoles": {"admin": console}})
        aws.ssm.Parameter("arn", type="String", value=made.trust_store_arns.apply(lambda arns: arns["admin"]))

    graph = record(program)
    assert refs(graph, graph.named("arn"), "value") == ["ops-admin-ca", "ops-admin-revocation-staff"]


def test_a_console_without_object_version_is_refused() -> None:
    console = {"bucket": "pki", "key": "ca.pem"}
    assert problems(consoles={"admin": console}) == [("consoles.admin.object_version", "is missing; give it a value")]


TOO_BROAD = "add up to {}, broader than an IPv4 /8 or IPv6 /16. Name narrower networks."


@pytest.mark.parametrize(
    ("cidrs", "expected"),
    [
        (["0.0.0.0/0"], ("", TOO_BROAD.format("0.0.0.0/0"))),
        (["::/0"], ("", TOO_BROAD.format("::/0"))),
        (["10.0.0.0/7"], ("", TOO_BROAD.format("10.0.0.0/7"))),
        (["2000::/15"], ("", TOO_BROAD.format("2000::/15"))),
        (
            ["10.0.0.0/9", "11.0.0.0/8", "10.128.0.0/9"],
            ("", TOO_BROAD.format("10.0.0.0/7")),
        ),
        (
            ["2000::/16", "2001::/16"],
            ("", TOO_BROAD.format("2000::/15")),
        ),
        (
            ["203.0.113.1/24"],
            (".0.cidr", "is '203.0.113.1/24'; must have no host bits: write 203.0.113.0/24, or a /32 or /128 for one address"),
        ),
        (["2001:db8::/32", "2001:DB8::/32"], (".1.cidr", "is 2001:db8::/32, which is already in the list. Name each network once.")),
        (
            [f"192.0.2.{last}/32" for last in range(0, 8, 2)],
            ("", "has 4 IPv4 networks; the prefix list has room for 3. Raise max_entries, or name fewer."),
        ),
    ],
)
def test_entries_that_are_the_internet_or_do_not_fit_are_refused(cidrs: list[str], expected: tuple[str, str]) -> None:
    given = entries(*cidrs)
    path, reason = expected
    assert problems(max_entries=3, operators={"devops": {"ports": [22], "entries": given}}) == [(f"operators.devops.entries{path}", reason)]
    assert problems(max_entries=3, entries=given, operators={"devops": {"ports": [22]}}) == [(f"entries{path}", reason)]


def test_the_broadest_networks_that_are_admitted() -> None:
    graph = firewall(operators={"devops": {"ports": [22], "entries": entries("10.0.0.0/8", "2001::/16")}})
    assert names(graph, LIST) == ["ops-devops-ipv4", "ops-devops-ipv6"]


def test_roles_do_not_add_up_to_the_internet_on_one_port() -> None:
    first: dict[str, Any] = {"ports": [22], "entries": entries("10.0.0.0/8")}
    second: dict[str, Any] = {"ports": [22, 3306], "entries": entries("11.0.0.0/8")}
    reason = "add up to 10.0.0.0/7 on port 22, broader than an IPv4 /8 or IPv6 /16. Name narrower networks."
    assert problems(operators={"one": first, "two": second}) == [("operators", reason)]
    assert firewall(operators={"one": {**first, "ports": [23]}, "two": second}).of_type(GROUP)


def counted(rules: int, ports: int, each: int, limit: int = 60) -> tuple[str, str]:
    return (
        "operators.devops",
        f"counts as {rules} rules: {ports} ports times {each}, a prefix list counting as its max_entries; a security group takes {limit}. "
        "Lower max_entries, use fewer ports, or split the role.",
    )


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ({"entries": [OFFICE]}, counted(70, 7, 10)),
        ({"entries": [OFFICE], "client_vpn_security_group_id": "sg-1"}, counted(77, 7, 11)),
        ({}, counted(70, 7, 10)),
        ({"prefix_list_id": "pl-1"}, counted(70, 7, 10)),
        ({"prefix_list_id": "pl-1", "max_entries": 9}, counted(63, 7, 9)),
    ],
)
def test_a_prefix_list_counts_with_its_room(role: dict[str, Any], expected: tuple[str, str]) -> None:
    shared: dict[str, Any] = {"entries": [OFFICE], "operators": {"other": {"ports": [1]}, "devops": {"ports": [*range(1, 8)], **role}}}
    assert problems(**shared) == [expected]
    assert firewall(**shared, rules_per_group=77).of_type(GROUP)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ("operators", "is empty, and so is consoles. Name at least one operator or console.")),
        (
            {"operators": {"Ops": {"ports": [22], "entries": [OFFICE]}}},
            ("operators", "has 'Ops'; a name has lower-case letters, digits and hyphens, a letter first, at most 32. Rename it"),
        ),
        ({"operators": {"ops": {"ports": [], "entries": [OFFICE]}}}, ("operators.ops.ports", "has 0 entries; at least 1 is needed")),
        (
            {"operators": {"ops": {"ports": [0], "entries": [OFFICE]}}},
            ("operators.ops.ports.0", "is 0; must be at least 1"),
        ),
        (
            {"operators": {"ops": {"ports": [22], "entries": [OFFICE], "prefix_list_id": "pl-1"}}},
            ("operators.ops.entries", "excludes prefix_list_id; both are given. Remove one of them."),
        ),
        (
            {"operators": {"ops": {"ports": [22]}}},
            (
                "operators.ops",
                "has no source. Give it entries, prefix_list_id or client_vpn_security_group_id, or give the shared entries.",
            ),
        ),
        (
            {"entries": [OFFICE], "operators": {"ops": {"ports": [22], "prefix_list_id": "pl-1"}}},
            ("entries", "is used by no operator: each has a source of its own. Remove it, or a role's own source."),
        ),
        (
            {"consoles": {"a--b": BUNDLE}},
            ("consoles", "has 'a--b'; a name has letters, digits and single hyphens between them. Rename it"),
        ),
        (
            {"consoles": {"a": {**BUNDLE, "revocations": {"b.c": BUNDLE}}}},
            ("consoles.a.revocations", "has 'b.c'; a name has letters, digits and single hyphens between them. Rename it"),
        ),
        (
            {"name": "my_ops", "consoles": {"a": BUNDLE}},
            ("name", "is 'my_ops'; trust stores carry it, and allow letters, digits and single hyphens between them. Rename it."),
        ),
        (
            {"name": "sg-ops", "operators": {"ops": {"ports": [22], "entries": [OFFICE]}}},
            ("name", "is 'sg-ops'; names of security groups cannot begin with sg-. Give the component another name."),
        ),
        (
            {"name": "operations-of-europe", "consoles": {"admin": BUNDLE}},
            (
                "name",
                "has 20 characters; the child operations-of-europe-admin-ca would pass the 32 characters that AWS allows. "
                "Give the component a name of at most 15 characters.",
            ),
        ),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], expected: tuple[str, str]) -> None:
    assert problems(**arguments) == [expected]


def test_transforms_reach_the_children() -> None:
    def mark(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != LIST:
            return None
        return pulumi.ResourceTransformResult({**args.props, "maxEntries": 7}, args.opts)

    def program() -> None:
        operators: Any = {"devops": {"ports": [22], "entries": [OFFICE]}}
        OperationalFirewall("ops", {"vpc_id": "vpc-1", "operators": operators}, pulumi.ResourceOptions(transforms=[mark]))

    assert record(program).one(LIST).inputs["maxEntries"] == 7


def test_a_role_s_own_room_counts_for_its_own_lists_alone() -> None:
    operators = {"devops": {"ports": [22], "entries": [OFFICE], "max_entries": 3}, "dba": {"ports": [2222], "entries": [OFFICE]}}
    graph = firewall(operators=operators)
    lists = {resource.name: resource.inputs["maxEntries"] for resource in graph.of_type("aws:ec2/managedPrefixList:ManagedPrefixList")}
    assert lists == {"ops-devops-ipv4": 3, "ops-dba-ipv4": 10}
