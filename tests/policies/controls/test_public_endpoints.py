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
