"""Elastic IP addresses: each is attached to something."""

from functools import lru_cache
from typing import Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Stack, Verdict, stack_control
from cloudpatterns_policies.graph.reading import has_value

_ADDRESS: Final = "aws:ec2/eip:Eip"
_RECORD: Final = "aws:route53/record:Record"


@stack_control(
    id="elastic-ip-attached",
    title="Elastic IP addresses are attached",
    severity=Severity.LOW,
    types=(_ADDRESS,),
    why="Each address is paid for by the hour, whether something uses it or not.",
    remediation="Set instance or network_interface, name the address in what uses it, or remove it.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/vpc-eips.html",
    frameworks={"Checkov": ("CKV2_AWS_19",)},
    partial={"CKV2_AWS_19": "addresses of load balancers and others, which it takes for unused"},
    pack="operations",
)
def elastic_ip_attached(resource: Resource, stack: Stack) -> Verdict:
    attached = any(has_value(resource, path, computed=True) for path in ("instance", "networkInterface"))
    return Pass() if attached or resource.urn in _named(stack) else Fail("is attached to nothing in the stack")


@lru_cache(maxsize=2)
def _named(stack: Stack) -> frozenset[str]:
    """The URNs of all resources that another one names, DNS records apart."""
    return frozenset(
        urn
        for resource in stack.resources
        if resource.type != _RECORD
        for targets in resource.property_dependencies.values()
        for urn in targets
    )
