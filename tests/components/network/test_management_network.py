"""ManagementNetwork: two interfaces per server, and admin ports on the management one alone, from the entrance alone."""

import functools
import inspect
import re
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import ManagementNetwork, ManagementNetworkArgs
from cloudpatterns.network.management_network import arguments
from offline_preview.graph import Graph, Resource
from offline_preview.values import UNKNOWN

from tests.harness import record, refs

COMPONENT = "cloudpatterns:index:ManagementNetwork"
INGRESS, EGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
GROUP, INTERFACE = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/networkInterface:NetworkInterface"
INSTANCE, ATTACHMENT = "aws:ec2/instance:Instance", "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment"
SUBNET, ROUTE = "aws:ec2/subnet:Subnet", "aws:ec2/route:Route"
ENDPOINT = "aws:ec2clientvpn/endpoint:Endpoint"
A, B = "eu-west-1a", "eu-west-1b"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/server"
AUTHORITY = "arn:aws:acm:eu-west-1:123456789012:certificate/clients"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
VPN: dict[str, Any] = {
    "server_certificate_arn": CERTIFICATE,
    "root_certificate_chain_arn": AUTHORITY,
    "client_cidr_block": "10.250.0.0/22",
}
OFFICE = {"cidr": "10.8.0.0/16", "description": "Head office"}
PACKAGES = {"ports": [443], "prefix_list_id": "pl-s3", "description": "Packages"}
APP = {
    "zone": A,
    "instance_type": "t4g.micro",
    "image_parameter": "/image",
    "ports": [8080],
    "callers": {"balancer": "sg-lb"},
    "egress": {"packages": PACKAGES},
}
JOBS = {"zone": B, "instance_type": "t4g.small", "image_id": "ami-1"}
BASE: dict[str, Any] = {
    "vpc_id": "vpc-1",
    "subnet_ids_by_zone": {A: "subnet-a", B: "subnet-b"},
    "management_cidrs_by_zone": {A: "10.0.15.0/26", B: "10.0.15.64/26"},
    "servers": {"app": APP, "jobs": JOBS},
}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    """An argument of `...` is left out."""
    given = {key: value for key, value in {**BASE, **args}.items() if value is not ...}
    return record(lambda: ManagementNetwork("ops", cast(ManagementNetworkArgs, given)), mode=mode)


@functools.cache
def by_vpn(mode: Any = "preview") -> Graph:
    return make(mode, client_vpn=VPN, instance_connect_zone=A)


@functools.cache
def by_network(mode: Any = "preview") -> Graph:
    return make(mode, entries=[OFFICE, {"cidr": "10.9.0.0/24", "description": "Lab"}], admin_ports=[22, 9090], vpn_gateway_id="vgw-1")


def group_of(graph: Graph, resource: Resource) -> str:
    """The one security group that the resource itself wears or belongs to; references also name the rules that it waits for."""
    found = {group.name for group in graph.of_type(GROUP)}
    key = "securityGroups" if resource.type == INTERFACE else "securityGroupId"
    (name,) = {one.name for one in graph.refs(resource, key) if one.type == GROUP and one.name in found}
    return name


def admitted(graph: Graph) -> set[tuple[str, int, str]]:
    """Group, port and source of every ingress rule of the stack."""
    found = set()
    for rule in graph.of_type(INGRESS):
        assert (rule.inputs["ipProtocol"], rule.inputs["fromPort"]) == ("tcp", rule.inputs["toPort"])
        (source,) = [
            *(one.name for one in graph.refs(rule, "referencedSecurityGroupId")),
            *(rule.inputs[key] for key in ("cidrIpv4", "cidrIpv6", "prefixListId") if key in rule.inputs),
            *([given] if isinstance(given := rule.inputs.get("referencedSecurityGroupId"), str) else []),
        ]
        found.add((group_of(graph, rule), rule.inputs["fromPort"], source))
    return found


def test_what_is_made() -> None:
    graph = by_vpn()
    made = sorted(f"{child.type.split(':')[-1]} {child.name}" for child in graph.children(graph.one(COMPONENT).urn))
    assert made == sorted(
        [
            "RouteTable ops-management",
            "SecurityGroup ops-management",
            *(f"{kind} ops-management-{zone}" for kind in ("Subnet", "RouteTableAssociation") for zone in (A, B)),
            "SecurityGroup ops-vpn",
            "Endpoint ops-vpn",
            "LogGroup ops-vpn-log",
            "LogStream ops-vpn-stream",
            *(f"NetworkAssociation ops-vpn-{zone}" for zone in (A, B)),
            *(f"AuthorizationRule ops-vpn-to-{zone}" for zone in (A, B)),
            "SecurityGroup ops-connect",
            "InstanceConnectEndpoint ops-connect",
            *(f"SecurityGroupEgressRule ops-{entrance}-to-management-22" for entrance in ("vpn", "connect")),
            *(f"SecurityGroupIngressRule ops-management-from-{entrance}-22" for entrance in ("vpn", "connect")),
            "WorkloadRole ops-server",
            "SecurityGroupIngressRule ops-business-app-from-balancer-8080",
            "SecurityGroupEgressRule ops-business-app-to-packages-443",
            *(f"{kind} ops-business-{key}" for kind in ("SecurityGroup", "NetworkInterface") for key in ("app", "jobs")),
            *(f"NetworkInterface ops-management-{key}" for key in ("app", "jobs")),
            *(f"LaunchTemplate ops-server-{key}-template" for key in ("app", "jobs")),
            *(f"Instance ops-server-{key}" for key in ("app", "jobs")),
            *(f"NetworkInterfaceAttachment ops-server-{key}-management" for key in ("app", "jobs")),
        ]
    )


def test_each_server_has_an_interface_in_each_tier_with_a_group_of_that_side_alone() -> None:
    graph = by_vpn("deployed")
    for key, zone, subnet in (("app", A, "subnet-a"), ("jobs", B, "subnet-b")):
        front, back = graph.one(INTERFACE, f"ops-business-{key}"), graph.one(INTERFACE, f"ops-management-{key}")
        assert front.inputs["subnetId"] == subnet
        assert back.inputs["subnetId"] == graph.one(SUBNET, f"ops-management-{zone}").id
        assert front.inputs["securityGroups"] == [graph.one(GROUP, f"ops-business-{key}").id]
        assert back.inputs["securityGroups"] == [graph.one(GROUP, "ops-management").id]
        instance = graph.one(INSTANCE, f"ops-server-{key}")
        assert instance.inputs["primaryNetworkInterface"] == {"networkInterfaceId": front.id}
        assert not {"vpcSecurityGroupIds", "securityGroups", "subnetId", "keyName"} & instance.inputs.keys()
        assert instance.options["deleteBeforeReplace"] is True
        assert graph.one(ATTACHMENT, f"ops-server-{key}-management").inputs == {
            "instanceId": instance.id,
            "networkInterfaceId": back.id,
            "deviceIndex": 1,
        }


def test_admin_ports_are_reachable_through_the_management_interface_from_the_vpns_group_alone() -> None:
    graph = make("preview", client_vpn=VPN, admin_ports=[22, 3389])
    assert admitted(graph) == {
        ("ops-management", 22, "ops-vpn"),
        ("ops-management", 3389, "ops-vpn"),
        ("ops-business-app", 8080, "sg-lb"),
    }
    wearers = {one.name for one in graph.of_type(INTERFACE) if group_of(graph, one) == "ops-management"}
    assert wearers == {"ops-management-app", "ops-management-jobs"}


def test_admin_ports_are_reachable_through_the_management_interface_from_the_given_networks_alone() -> None:
    graph = by_network("deployed")
    assert admitted(graph) == {
        *(("ops-management", port, cidr) for port in (22, 9090) for cidr in ("10.8.0.0/16", "10.9.0.0/24")),
        ("ops-business-app", 8080, "sg-lb"),
    }
    assert graph.of_type(ENDPOINT) == []
    outputs = graph.one(COMPONENT).outputs
    assert not {key for key in outputs if key.startswith(("client_vpn", "instance_connect"))}


def test_instance_connect_is_one_more_entrance_for_the_ports_it_serves() -> None:
    graph = make("preview", client_vpn=VPN, admin_ports=[22, 9090], instance_connect_zone=B)
    assert {rule for rule in admitted(graph) if rule[0] == "ops-management"} == {
        ("ops-management", 22, "ops-vpn"),
        ("ops-management", 9090, "ops-vpn"),
        ("ops-management", 22, "ops-connect"),
    }
    endpoint = graph.one("aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint")
    assert endpoint.inputs["preserveClientIp"] is False
    assert refs(graph, endpoint, "subnetId") == [f"ops-management-{B}"]
    assert refs(graph, endpoint, "securityGroupIds") == ["ops-connect"]


def test_the_entrances_reach_admin_ports_of_the_management_group_and_nothing_else() -> None:
    graph = by_vpn()
    for entrance in ("ops-vpn", "ops-connect"):
        (rule,) = [one for one in graph.of_type(EGRESS) if group_of(graph, one) == entrance]
        assert refs(graph, rule, "referencedSecurityGroupId") == ["ops-management"]
        assert (rule.inputs["fromPort"], rule.inputs["toPort"]) == (22, 22)
        assert [one.name for one in graph.of_type(INGRESS) if group_of(graph, one) == entrance] == []


def test_the_client_vpn_demands_certificates_logs_connections_and_leads_to_the_management_tier_alone() -> None:
    graph = by_vpn("deployed")
    assert graph.one(ENDPOINT).inputs == {
        "description": "Entrance of the management network",
        "vpcId": "vpc-1",
        "securityGroupIds": [graph.one(GROUP, "ops-vpn").id],
        "clientCidrBlock": "10.250.0.0/22",
        "serverCertificateArn": CERTIFICATE,
        "authenticationOptions": [{"type": "certificate-authentication", "rootCertificateChainArn": AUTHORITY}],
        "connectionLogOptions": {
            "enabled": True,
            "cloudwatchLogGroup": graph.named("ops-vpn-log").outputs["name"],
            "cloudwatchLogStream": graph.named("ops-vpn-stream").outputs["name"],
        },
        "splitTunnel": True,
        "sessionTimeoutHours": 8,
        "disconnectOnSessionTimeout": True,
        "selfServicePortal": "disabled",
        "transportProtocol": "udp",
        "vpnPort": 443,
        "tags": {"Name": "ops-vpn"},
    }
    endpoint = graph.one(ENDPOINT).id
    rules = graph.of_type("aws:ec2clientvpn/authorizationRule:AuthorizationRule")
    assert {rule.inputs["targetNetworkCidr"]: rule.inputs["authorizeAllGroups"] for rule in rules} == {
        "10.0.15.0/26": True,
        "10.0.15.64/26": True,
    }
    associations = graph.of_type("aws:ec2clientvpn/networkAssociation:NetworkAssociation")
    assert [one.inputs for one in associations] == [
        {"clientVpnEndpointId": endpoint, "subnetId": graph.one(SUBNET, f"ops-management-{zone}").id} for zone in (A, B)
    ]
    assert graph.named("ops-vpn-log").inputs["retentionInDays"] == 365
    own = make(
        client_vpn={**VPN, "log_kms_key_arn": KEY, "session_timeout_hours": 12},
        log_retention_days=30,
    )
    assert (own.named("ops-vpn-log").inputs["kmsKeyId"], own.named("ops-vpn-log").inputs["retentionInDays"]) == (KEY, 30)
    assert own.one(ENDPOINT).inputs["sessionTimeoutHours"] == 12


def test_the_management_tier_has_no_way_out_but_to_the_networks_behind_the_gateway() -> None:
    assert by_vpn().of_type(ROUTE) == []
    graph = by_network("deployed")
    table = graph.one("aws:ec2/routeTable:RouteTable")
    assert [route.inputs for route in graph.of_type(ROUTE)] == [
        {"routeTableId": table.id, "destinationCidrBlock": cidr, "gatewayId": "vgw-1"} for cidr in ("10.8.0.0/16", "10.9.0.0/24")
    ]
    transit = make(entries=[OFFICE], transit_gateway_id="tgw-1").one(ROUTE, "ops-to-10.8.0.0-16").inputs
    assert transit["transitGatewayId"] == "tgw-1"
    assert make(entries=[OFFICE]).of_type(ROUTE) == []
    for zone, cidr in BASE["management_cidrs_by_zone"].items():
        subnet = graph.one(SUBNET, f"ops-management-{zone}").inputs
        assert (subnet["availabilityZone"], subnet["cidrBlock"], subnet["mapPublicIpOnLaunch"]) == (zone, cidr, False)


def test_egress_is_listed_on_either_side() -> None:
    mirror = {"ports": [443, 8443], "cidr": "10.8.1.0/24", "description": "Mirror on premises", "protocol": "udp"}
    other = {"ports": [53], "cidr": "fd00::/64", "description": "Names"}
    graph = make(client_vpn=VPN, management_egress={"mirror": mirror, "names": other})
    keys = ("fromPort", "toPort", "ipProtocol", "cidrIpv4", "cidrIpv6", "prefixListId", "description")
    found = {one.name: tuple(one.inputs.get(key) for key in keys) for one in graph.of_type(EGRESS) if "-vpn-" not in one.name}
    assert found == {
        "ops-management-to-mirror-443": (443, 443, "udp", "10.8.1.0/24", None, None, "Mirror on premises"),
        "ops-management-to-mirror-8443": (8443, 8443, "udp", "10.8.1.0/24", None, None, "Mirror on premises"),
        "ops-management-to-names-53": (53, 53, "tcp", None, "fd00::/64", None, "Names"),
        "ops-business-app-to-packages-443": (443, 443, "tcp", None, None, "pl-s3", "Packages"),
    }


def test_a_server_is_made_from_the_first_version_of_its_own_template() -> None:
    app = {**APP, "user_data": "#!/bin/bash\ntrue\n", "root_disk_gib": 30, "root_device_name": "/dev/sda1"}
    graph = make(client_vpn=VPN, kms_key_arn=KEY, servers={"app": app, "jobs": JOBS})
    template = graph.named("ops-server-app-template")
    assert template.options["replaceOnChanges"] == ["imageId", "blockDeviceMappings"]
    assert template.inputs["imageId"] == "resolve:ssm:/image"
    assert template.inputs["blockDeviceMappings"] == [
        {
            "deviceName": "/dev/sda1",
            "ebs": {"volumeSize": 30, "volumeType": "gp3", "encrypted": "true", "deleteOnTermination": "true", "kmsKeyId": KEY},
        }
    ]
    assert "networkInterfaces" not in template.inputs
    instance = graph.named("ops-server-app").inputs
    assert instance["launchTemplate"] == {"id": template.id, "version": "1"}
    assert (instance["instanceType"], instance["userDataBase64"]) == ("t4g.micro", "IyEvYmluL2Jhc2gKdHJ1ZQo=")
    assert instance["metadataOptions"] == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}
    assert graph.named("ops-server-jobs-template").inputs["imageId"] == "ami-1"
    assert "userDataBase64" not in graph.named("ops-server-jobs").inputs


def test_a_server_has_a_key_pair_only_when_one_is_given() -> None:
    graph = make(client_vpn=VPN, servers={"app": {**APP, "key_name": "ops"}, "jobs": JOBS})
    assert graph.named("ops-server-app").inputs["keyName"] == "ops"
    assert "keyName" not in graph.named("ops-server-jobs").inputs
    assert not any("keyName" in template.inputs for template in graph.of_type("aws:ec2/launchTemplate:LaunchTemplate"))


@pytest.mark.parametrize("text", [ManagementNetwork.__doc__, inspect.getsource(arguments)])
def test_the_documented_commands_name_what_they_need(text: str) -> None:
    """The options without which each refuses: an address of its own needs the endpoint's id."""
    commands = re.findall(r"``aws ec2-instance-connect ([^`]+)``", " ".join(text.split()))
    assert commands
    needed = {
        "ssh": {"--connection-type", "--instance-id", "--instance-ip"},
        "open-tunnel": {"--instance-connect-endpoint-id", "--private-ip-address", "--remote-port", "--local-port"},
        "send-ssh-public-key": {"--instance-id", "--instance-os-user", "--ssh-public-key"},
    }
    for command in commands:
        name, *words = command.split()
        assert {word for word in words if word.startswith("--")} == needed[name]


def test_the_servers_own_role_allows_nothing_and_a_profile_can_be_given() -> None:
    graph = by_vpn("deployed")
    assert [role.name for role in graph.of_type("aws:iam/role:Role")] == ["ops-server-role"]
    assert graph.of_type("aws:iam/rolePolicy:RolePolicy") == []
    profile = graph.named("ops-server-profile").outputs["name"]
    assert [graph.named(f"ops-server-{key}").inputs["iamInstanceProfile"] for key in ("app", "jobs")] == [profile, profile]
    arn = "arn:aws:iam::123456789012:instance-profile/mine"
    mixed = make(client_vpn=VPN, servers={"app": {**APP, "instance_profile_arn": arn}, "jobs": JOBS})
    assert mixed.named("ops-server-app").inputs["iamInstanceProfile"] == "mine"
    assert mixed.named("ops-server-jobs").inputs["iamInstanceProfile"] == mixed.named("ops-server-profile").outputs["name"]
    alone = make(client_vpn=VPN, servers={"app": {**APP, "instance_profile_arn": arn}})
    assert alone.of_type("aws:iam/role:Role") == []


def test_an_interface_gets_its_group_only_once_the_rules_are_there() -> None:
    graph = by_vpn()
    assert {"ops-management-from-vpn-22", "ops-management-from-connect-22"} <= set(
        refs(graph, graph.one(INTERFACE, "ops-management-app"), "securityGroups")
    )


def test_outputs_and_tags() -> None:
    # AWS alone gives addresses out: they are unknown to the offline preview.
    graph = make(client_vpn=VPN, instance_connect_zone=A, tags={"Owner": "ops"})
    assert graph.one(COMPONENT).outputs == {
        "management_subnet_ids_by_zone": {zone: graph.one(SUBNET, f"ops-management-{zone}").id for zone in (A, B)},
        "management_route_table_id": graph.one("aws:ec2/routeTable:RouteTable").id,
        "management_security_group_id": graph.one(GROUP, "ops-management").id,
        "business_security_group_ids": {key: graph.one(GROUP, f"ops-business-{key}").id for key in ("app", "jobs")},
        "instance_ids": {key: graph.one(INSTANCE, f"ops-server-{key}").id for key in ("app", "jobs")},
        "business_addresses": UNKNOWN,
        "management_addresses": UNKNOWN,
        "client_vpn_endpoint_id": graph.one(ENDPOINT).id,
        "client_vpn_security_group_id": graph.one(GROUP, "ops-vpn").id,
        "client_vpn_log_group_name": graph.named("ops-vpn-log").outputs["name"],
        "instance_connect_endpoint_id": graph.one("aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint").id,
    }
    assert [one.name for one in graph.resources if "tags" in one.inputs and one.inputs["tags"].get("Owner") != "ops"] == []
    marked = [one.name for one in graph.resources if "cloudpatterns:operator" in one.inputs.get("tags", {})]
    assert marked == ["ops-management"]


def test_addresses_are_those_of_either_side() -> None:
    def program() -> None:
        network = ManagementNetwork("ops", cast(ManagementNetworkArgs, {**BASE, "client_vpn": VPN}))
        for side, addresses in (("business", network.business_addresses), ("management", network.management_addresses)):
            aws.ssm.Parameter(side, type="String", value=addresses.apply(lambda found: found["app"]))

    graph = record(program)
    for side in ("business", "management"):
        assert set(refs(graph, graph.one("aws:ssm/parameter:Parameter", side), "value")) == {f"ops-{side}-app", f"ops-{side}-jobs"}


NEITHER = "exactly one of client_vpn and entries is needed; none is given. Give one."
NAMES = "a name has lower-case letters, digits and hyphens, a letter first, and no part `to` or `from`. Rename it"


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"client_vpn": ...}, "client_vpn", NEITHER),
        ({"servers": {"app": {**APP, "key_name": ""}}}, "servers.app.key_name", "is ''; must have at least 1 character"),
        ({"entries": [OFFICE]}, "client_vpn", NEITHER.replace("none is given. Give", "both are given. Remove")),
        (
            {"vpn_gateway_id": "vgw-1"},
            "vpn_gateway_id",
            "excludes client_vpn: it leads to entries; both are given. Remove one of them.",
        ),
        (
            {"transit_gateway_id": "tgw-1"},
            "transit_gateway_id",
            "excludes client_vpn: it leads to entries; both are given. Remove one of them.",
        ),
        (
            {"client_vpn": ..., "entries": [OFFICE], "vpn_gateway_id": "vgw-1", "transit_gateway_id": "tgw-1"},
            "vpn_gateway_id",
            "excludes transit_gateway_id: the routes to entries have one target; both are given. Remove one of them.",
        ),
        (
            {"instance_connect_zone": "eu-west-1c"},
            "instance_connect_zone",
            f"is 'eu-west-1c', which is not a zone of management_cidrs_by_zone; known are {A}, {B}.",
        ),
        (
            {"instance_connect_zone": A, "admin_ports": [9090]},
            "instance_connect_zone",
            "reaches the ports 22 and 3389 alone, and admin_ports has neither. Remove it.",
        ),
        ({"admin_ports": [70000]}, "admin_ports.0", "is 70000; must be at most 65535"),
        ({"admin_ports": [22, 22]}, "admin_ports", "has 22 twice. Name each once"),
        (
            {"management_cidrs_by_zone": {A: "10.0.15.1/26", B: "10.0.15.64/26"}},
            f"management_cidrs_by_zone.{A}",
            "is '10.0.15.1/26'; must have no host bits: write 10.0.15.0/26, or a /32 or /128 for one address",
        ),
        (
            {"management_cidrs_by_zone": {A: "fd00::/26", B: "10.0.15.64/26"}},
            f"management_cidrs_by_zone.{A}",
            "is 'fd00::/26'; must be an IPv4 network such as 10.20.0.0/16",
        ),
        (
            {"management_cidrs_by_zone": {A: "10.4.0.0/15", B: "10.0.15.64/26"}},
            f"management_cidrs_by_zone.{A}",
            "is 10.4.0.0/15; a network of /16 to /28 is needed. Correct it.",
        ),
        (
            {"management_cidrs_by_zone": {A: "10.0.0.0/16", B: "10.0.15.64/26"}},
            f"management_cidrs_by_zone.{B}",
            f"is 10.0.15.64/26, which overlaps 10.0.0.0/16 of {A}. Choose another.",
        ),
        (
            {"management_cidrs_by_zone": {A: "10.0.15.0/28", B: "10.0.15.64/26"}},
            f"management_cidrs_by_zone.{A}",
            "is 10.0.15.0/28; a Client VPN needs a /27 or larger. Widen it.",
        ),
        (
            {"client_vpn": {**VPN, "session_timeout_hours": 9}},
            "client_vpn.session_timeout_hours",
            "is 9; must be one of 8, 10, 12, 24",
        ),
        (
            {"client_vpn": {**VPN, "client_cidr_block": "10.250.0.0/23"}},
            "client_vpn.client_cidr_block",
            "is 10.250.0.0/23; a network of /12 to /22 is needed. Correct it.",
        ),
        (
            {"client_vpn": {**VPN, "client_cidr_block": "office"}},
            "client_vpn.client_cidr_block",
            "is 'office'; must be an IPv4 network such as 10.20.0.0/16",
        ),
        (
            {"client_vpn": {**VPN, "client_cidr_block": "10.0.12.0/22"}, "management_cidrs_by_zone": {A: "10.0.15.0/26", B: "10.1.0.0/26"}},
            "client_vpn.client_cidr_block",
            f"is 10.0.12.0/22, which overlaps 10.0.15.0/26 of {A}; clients have addresses outside of the VPC. Choose others.",
        ),
        (
            {"client_vpn": ..., "entries": [{"cidr": "0.0.0.0/0", "description": "x"}]},
            "entries",
            "add up to 0.0.0.0/0, broader than an IPv4 /8 or IPv6 /16. Name narrower networks.",
        ),
        (
            {"client_vpn": ..., "entries": [{"cidr": "fd00::/32", "description": "x"}]},
            "entries.0.cidr",
            "is 'fd00::/32'; must be an IPv4 network such as 10.20.0.0/16",
        ),
        (
            {"client_vpn": ..., "entries": [{"cidr": "office", "description": "x"}]},
            "entries.0.cidr",
            "is 'office'; must be an IPv4 network such as 10.20.0.0/16",
        ),
        (
            {"client_vpn": ..., "entries": [OFFICE, OFFICE]},
            "entries.1.cidr",
            "is 10.8.0.0/16, which is already in the list. Name each network once.",
        ),
        (
            {"client_vpn": ..., "entries": [{"cidr": "10.8.0.0/16", "description": ""}]},
            "entries.0.description",
            "is ''; must be 1 to 255 of the letters a-z and A-Z, digits, spaces and ._-:/()#,@[]+=;{}!$*",
        ),
        (
            {
                "client_vpn": ...,
                "entries": [{"cidr": f"10.8.{index}.0/24", "description": "x"} for index in range(31)],
                "admin_ports": [22, 23],
            },
            "entries",
            "times admin_ports are 62 rules; a security group takes 60. Name fewer, wider networks.",
        ),
        ({"servers": {"App": JOBS}}, "servers", f"has 'App'; {NAMES}"),
        ({"servers": {"a-to-b": JOBS}}, "servers", f"has 'a-to-b'; {NAMES}"),
        ({"servers": {"app": {**APP, "callers": {"B": "sg"}}}}, "servers.app.callers", f"has 'B'; {NAMES}"),
        (
            {"servers": {"app": {**JOBS, "zone": "eu-west-1c"}}, "subnet_ids_by_zone": {"eu-west-1c": "s"}},
            "servers.app.zone",
            f"is 'eu-west-1c', which is not a zone of management_cidrs_by_zone; known are {A}, {B}.",
        ),
        (
            {"servers": {"app": JOBS}, "subnet_ids_by_zone": {A: "s"}},
            "servers.app.zone",
            f"is '{B}', which is not a zone of subnet_ids_by_zone; known are {A}.",
        ),
        (
            {"servers": {"app": {**APP, "ports": [22, 8080]}}},
            "servers.app.ports",
            "has 22, which admin_ports has too; administration stays off the business interface. Remove it.",
        ),
        ({"servers": {"app": {**APP, "ports": [0]}}}, "servers.app.ports.0", "is 0; must be at least 1"),
        (
            {"servers": {"app": {**APP, "callers": {}}}},
            "servers.app.callers",
            "is missing; ports needs it. Give it, or remove ports.",
        ),
        ({"servers": {"app": {**APP, "ports": []}}}, "servers.app.ports", "is missing; callers needs it. Give it, or remove callers."),
        (
            {"servers": {"app": {**JOBS, "image_parameter": "/image"}}},
            "servers.app.image_parameter",
            "exactly one of image_parameter and image_id is needed; both are given. Remove one.",
        ),
        ({"management_egress": {"S3": PACKAGES}}, "management_egress", f"has 'S3'; {NAMES}"),
        ({"management_egress": {"s3": {**PACKAGES, "ports": []}}}, "management_egress.s3.ports", "has 0 entries; at least 1 is needed"),
        (
            {"management_egress": {"s3": {**PACKAGES, "cidr": "10.0.0.0/8"}}},
            "management_egress.s3.cidr",
            "exactly one of cidr and prefix_list_id is needed; both are given. Remove one.",
        ),
        (
            {"management_egress": {"lab": {"ports": [1], "cidr": "lab", "description": "x"}}},
            "management_egress.lab.cidr",
            "is 'lab'; must be a network such as 203.0.113.0/24 or 2001:db8::/32",
        ),
        (
            {"management_egress": {"s3": {**PACKAGES, "description": "a & b"}}},
            "management_egress.s3.description",
            "is 'a & b'; must be 1 to 255 of the letters a-z and A-Z, digits, spaces and ._-:/()#,@[]+=;{}!$*",
        ),
        ({"servers": {}}, "servers", "has 0 entries; at least 1 is needed"),
        ({"subnet_ids_by_zone": {}}, "subnet_ids_by_zone", "has 0 entries; at least 1 is needed"),
        ({"admin_ports": []}, "admin_ports", "has 0 entries; at least 1 is needed"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is(args: dict[str, Any], path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as error:
        make(**{"client_vpn": VPN, **args})
    assert error.value.problems == [(path, reason)]


@pytest.mark.parametrize(("name", "message"), [("sg-ops", "cannot begin with sg-"), ("x" * 45, "at most 44 characters")])
def test_names_that_aws_would_refuse(name: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        record(lambda: ManagementNetwork(name, cast(ManagementNetworkArgs, {**BASE, "client_vpn": VPN})))


def test_transforms_reach_the_children() -> None:
    def bigger(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != INSTANCE:
            return None
        return pulumi.ResourceTransformResult({**args.props, "instanceType": "t4g.large"}, args.opts)

    given = cast(ManagementNetworkArgs, {**BASE, "client_vpn": VPN})
    graph = record(lambda: ManagementNetwork("ops", given, pulumi.ResourceOptions(transforms=[bigger])))
    assert {one.inputs["instanceType"] for one in graph.of_type(INSTANCE)} == {"t4g.large"}
