"""Brokers and file transfer servers."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import public_endpoints as controls
from cloudpatterns_policies.core import UNKNOWN, Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import resource, verdicts

BROKER, SERVER = "aws:mq/broker:Broker", "aws:transfer/server:Server"
PUBLIC_SERVER = Fail("has a public endpoint", "endpointType")


@pytest.mark.parametrize(
    ("control", "type", "props", "expected"),
    [
        (controls.transfer_server_private, SERVER, {"endpointType": "VPC"}, Pass()),
        (controls.transfer_server_private, SERVER, {"endpointType": "VPC_ENDPOINT"}, Pass()),
        (controls.transfer_server_private, SERVER, {}, PUBLIC_SERVER),
        (controls.transfer_server_private, SERVER, {"endpointType": "PUBLIC"}, PUBLIC_SERVER),
        (controls.transfer_server_private, SERVER, {"endpointType": UNKNOWN}, Unknown("endpointType")),
    ],
)
def test_endpoints(control: Control, type: str, props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(control, resource(type, props=props)) == [expected]


@pytest.mark.parametrize("name", ["2025-03", "2024-01", "FIPS-2025-03", "SshAuditCompliant-2025-02", "AS2Restricted-2025-07", "2031-12"])
def test_current_ciphers(name: str) -> None:
    found = resource(SERVER, props={"securityPolicyName": f"TransferSecurityPolicy-{name}"})
    assert verdicts(controls.transfer_server_ciphers, found) == [Pass()]


@pytest.mark.parametrize("name", ["2018-11", "2023-05", "FIPS-2023-05", "PQ-SSH-Experimental-2023-04"])
def test_old_ciphers(name: str) -> None:
    policy = f"TransferSecurityPolicy-{name}"
    expected = Fail(f"has the security policy {policy}", "securityPolicyName")
    assert verdicts(controls.transfer_server_ciphers, resource(SERVER, props={"securityPolicyName": policy})) == [expected]


def test_ciphers_that_are_not_known_or_the_default() -> None:
    default = Fail("has the security policy TransferSecurityPolicy-2018-11", "securityPolicyName")
    assert verdicts(controls.transfer_server_ciphers, resource(SERVER)) == [default]
    assert verdicts(controls.transfer_server_ciphers, resource(SERVER, props={"securityPolicyName": UNKNOWN})) == [
        Unknown("securityPolicyName")
    ]
