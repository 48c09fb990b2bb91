"""Route 53 zones."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import dns as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

Props = dict[str, Any]

ZONE, QUERIES = "aws:route53/zone:Zone", "aws:route53/queryLog:QueryLog"
SIGNING, ASSOCIATION = "aws:route53/hostedZoneDnsSec:HostedZoneDnsSec", "aws:route53/zoneAssociation:ZoneAssociation"
LOGGED, SIGNED = controls.dns_query_logs, controls.dns_signed


def beside(type: str, path: str, **more: Any) -> Resource:
    return resource(type, "other", {path: UNKNOWN, **more}, deps={path: ["shop"]})


@pytest.mark.parametrize(
    ("control", "others", "expected"),
    [
        (LOGGED, [beside(QUERIES, "zoneId")], Pass()),
        (LOGGED, [resource(QUERIES, "other", {"zoneId": "Z2"})], Fail("does not log DNS queries")),
        (LOGGED, [], Fail("does not log DNS queries")),
        (LOGGED, [beside(ASSOCIATION, "zoneId")], NotApplicable("is a private zone")),
        (SIGNED, [beside(SIGNING, "hostedZoneId")], Pass()),
        (SIGNED, [beside(SIGNING, "hostedZoneId", signingStatus="SIGNING")], Pass()),
        (SIGNED, [beside(SIGNING, "hostedZoneId", signingStatus="NOT_SIGNING")], Fail("has its signing switched off", "signingStatus")),
        (SIGNED, [], Fail("is not signed with DNSSEC")),
        (SIGNED, [beside(ASSOCIATION, "zoneId")], NotApplicable("is a private zone, which Route 53 does not sign")),
    ],
)
def test_public_zones(control: Control, others: list[Resource], expected: Verdict) -> None:
    assert verdicts(control, stack(resource(ZONE, "shop", {"id": "Z1"}), *others)) == [("shop", expected)]


@pytest.mark.parametrize(
    ("control", "expected"),
    [(LOGGED, NotApplicable("is a private zone")), (SIGNED, NotApplicable("is a private zone, which Route 53 does not sign"))],
)
def test_private_zones(control: Control, expected: Verdict) -> None:
    assert verdicts(control, resource(ZONE, "shop", {"vpcs": [{"vpcId": UNKNOWN}]})) == [("shop", expected)]
    # What the provider computes is no VPC.
    assert isinstance(verdicts(control, resource(ZONE, "shop", {"vpcs": UNKNOWN}))[0][1], Fail)
