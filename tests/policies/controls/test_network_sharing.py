"""Entries of a network for others."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import network_sharing as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

Props = dict[str, Any]


def nested(path: str, value: Any) -> Props:
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


TRANSIT, SERVICE = "aws:ec2transitgateway/transitGateway:TransitGateway", "aws:ec2/vpcEndpointService:VpcEndpointService"
VPN, CLIENTS = "aws:ec2/vpnConnection:VpnConnection", "aws:ec2clientvpn/endpoint:Endpoint"
ACCELERATOR, ENDPOINT = "aws:globalaccelerator/accelerator:Accelerator", "aws:ec2/vpcEndpoint:VpcEndpoint"


@pytest.mark.parametrize(
    ("control", "type", "path", "good", "bad", "message", "missing"),
    [
        (
            controls.transit_gateway_manual_acceptance,
            TRANSIT,
            "autoAcceptSharedAttachments",
            "disable",
            "enable",
            "accepts attachments of other accounts by itself",
            True,
        ),
        (
            controls.endpoint_service_acceptance,
            SERVICE,
            "acceptanceRequired",
            True,
            False,
            "accepts every connection by itself",
            False,
        ),
        (controls.client_vpn_connection_logs, CLIENTS, "connectionLogOptions.enabled", True, False, "does not log connections", False),
        (controls.accelerator_flow_logs, ACCELERATOR, "attributes.flowLogsEnabled", True, False, "writes no flow logs", False),
    ],
)
def test_settings(control: Control, type: str, path: str, good: Any, bad: Any, message: str, missing: bool) -> None:
    def judged(value: Any) -> list[Verdict]:
        return verdicts(control, resource(type, props=nested(path, value)))

    weak = Fail(message, path)
    assert judged(good) == [Pass()]
    assert judged(bad) == [weak]
    assert judged(UNKNOWN) == [Unknown(path)]
    assert verdicts(control, resource(type)) == [Pass() if missing else weak]


OLD = Fail("accepts IKEv1", "tunnel2IkeVersions")


def both(name: str, first: Any, second: Any) -> Props:
    return {**nested(f"tunnel1{name}", first), **nested(f"tunnel2{name}", second)}


LOGS, IKE = "LogOptions.cloudwatchLogOptions.logEnabled", "IkeVersions"


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (controls.vpn_ike_version, both(IKE, ["ikev2"], ["ikev2"]), [Pass()]),
        (controls.vpn_ike_version, both(IKE, ["ikev2"], ["ikev1", "ikev2"]), [Fail("accepts IKEv1", "tunnel2IkeVersions")]),
        (
            controls.vpn_ike_version,
            both(IKE, [UNKNOWN], ["ikev1"]),
            [Unknown("tunnel1IkeVersions"), OLD],
        ),
        (controls.vpn_ike_version, {}, [Fail("accepts IKEv1", "tunnel1IkeVersions"), Fail("accepts IKEv1", "tunnel2IkeVersions")]),
        (controls.vpn_tunnel_logs, both(LOGS, True, True), [Pass()]),
        (controls.vpn_tunnel_logs, both(LOGS, True, False), [Fail("writes no logs", f"tunnel2{LOGS}")]),
        (controls.vpn_tunnel_logs, both(LOGS, UNKNOWN, True), [Unknown(f"tunnel1{LOGS}")]),
        (controls.vpn_tunnel_logs, {}, [Fail("writes no logs", f"tunnel1{LOGS}"), Fail("writes no logs", f"tunnel2{LOGS}")]),
    ],
)
def test_tunnels(control: Control, props: Props, expected: list[Verdict]) -> None:
    assert verdicts(control, resource(VPN, props=props)) == expected


STRONG = {
    f"{tunnel}{phase}{name}": value
    for tunnel in ("tunnel1", "tunnel2")
    for phase in ("Phase1", "Phase2")
    for name, value in (("IntegrityAlgorithms", ["SHA2-256"]), ("DhGroupNumbers", [14, 20]))
}


@pytest.mark.parametrize("path", STRONG)
def test_algorithms(path: str) -> None:
    integrity = path.endswith("Algorithms")
    weak = Fail("accepts SHA-1" if integrity else "accepts short Diffie-Hellman groups", path)

    def judged(value: Any) -> list[Verdict]:
        return verdicts(controls.vpn_strong_algorithms, resource(VPN, props={**STRONG, path: value}))

    assert judged(STRONG[path]) == [Pass()]
    assert judged(["SHA2-256", "SHA1"] if integrity else [14, 2]) == [weak]
    assert judged([] if integrity else [5]) == [weak]
    assert judged(None) == [weak]
    assert judged([UNKNOWN]) == [Unknown(path)]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"vpcEndpointType": "Interface", "securityGroupIds": [UNKNOWN]}, Pass()),
        ({"vpcEndpointType": "Interface"}, Fail("names no security group", "securityGroupIds")),
        ({"vpcEndpointType": "Interface", "securityGroupIds": []}, Fail("names no security group", "securityGroupIds")),
        ({"vpcEndpointType": "Interface", "securityGroupIds": UNKNOWN}, Fail("names no security group", "securityGroupIds")),
        ({"vpcEndpointType": "Gateway"}, NotApplicable("is an endpoint of type Gateway")),
        ({}, NotApplicable("is an endpoint of type Gateway")),
    ],
)
def test_endpoints(props: Props, expected: Verdict) -> None:
    assert verdicts(controls.vpc_endpoint_security_groups, resource(ENDPOINT, "x", props)) == [("x", expected)]


def test_the_default_vpc() -> None:
    control = controls.vpc_default_not_used
    assert verdicts(control, resource("aws:ec2/defaultVpc:DefaultVpc")) == [Fail("is the account's default VPC")]
    assert verdicts(control, resource("aws:ec2/defaultSubnet:DefaultSubnet")) == [Fail("belongs to the account's default VPC")]
