"""Elastic IP addresses."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.elastic_ip import elastic_ip_attached as control
from cloudpatterns_policies.core import Fail, Pass, Resource, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

UNUSED = Fail("is attached to nothing in the stack")


def user(type: str, path: str, value: Any = UNKNOWN) -> Resource:
    return resource(type, "user", {path: value}, deps={path: ["address"]})


@pytest.mark.parametrize(
    ("props", "others", "expected"),
    [
        ({"instance": "i-1"}, [], Pass()),
        ({"networkInterface": "eni-1"}, [], Pass()),
        ({}, [user("aws:ec2/natGateway:NatGateway", "allocationId")], Pass()),
        ({}, [user("aws:ec2/eipAssociation:EipAssociation", "allocationId")], Pass()),
        ({}, [user("aws:lb/loadBalancer:LoadBalancer", "subnetMappings", [{"allocationId": UNKNOWN}])], Pass()),
        ({}, [user("aws:route53/record:Record", "records", [UNKNOWN])], UNUSED),
        ({}, [resource("aws:ec2/natGateway:NatGateway", "user", {"allocationId": "eipalloc-2"})], UNUSED),
        ({"instance": UNKNOWN}, [], UNUSED),
        ({}, [], UNUSED),
    ],
)
def test_addresses(props: dict[str, Any], others: list[Resource], expected: Verdict) -> None:
    address = resource("aws:ec2/eip:Eip", "address", props)
    assert verdicts(control, stack(address, *others)) == [("address", expected)]


def test_an_address_names_the_instance_that_it_is_attached_to() -> None:
    address = resource("aws:ec2/eip:Eip", "address", {"instance": UNKNOWN}, deps={"instance": ["server"]})
    assert verdicts(control, stack(resource("aws:ec2/instance:Instance", "server"), address)) == [("address", Pass())]
