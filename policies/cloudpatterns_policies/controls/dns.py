"""Route 53: public zones are signed, and log the queries for their names."""

from typing import Final

from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Stack, Verdict, stack_control
from cloudpatterns_policies.graph.reading import has_value, read

_ZONE: Final = "aws:route53/zone:Zone"
_QUERIES: Final = "aws:route53/queryLog:QueryLog"
_SIGNING: Final = "aws:route53/hostedZoneDnsSec:HostedZoneDnsSec"
_ASSOCIATION: Final = "aws:route53/zoneAssociation:ZoneAssociation"


def _private(zone: Resource, stack: Stack) -> bool:
    return has_value(zone, "vpcs", computed=True) or bool(stack.referrers(zone, _ASSOCIATION, "zoneId"))


@stack_control(
    id="dns-query-logs",
    title="Public hosted zones log DNS queries",
    severity=Severity.MEDIUM,
    types=(_ZONE,),
    why="Without query logs, nobody sees that names are probed, or that a takeover sends clients elsewhere.",
    remediation="Add an aws.route53.QueryLog with the zone's zone_id and a log group in us-east-1.",
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/route53-controls.html#route53-2",
    frameworks={"FSBP": ("Route53.2",), "Checkov": ("CKV2_AWS_39",)},
)
def dns_query_logs(resource: Resource, stack: Stack) -> Verdict:
    if _private(resource, stack):
        return NotApplicable("is a private zone")
    return Pass() if stack.referrers(resource, _QUERIES, "zoneId") else Fail("does not log DNS queries")


@stack_control(
    id="dns-signed",
    title="Public hosted zones are signed with DNSSEC",
    # A mistake with its keys makes all names unreachable for a day or more.
    severity=Severity.LOW,
    types=(_ZONE,),
    why="Without signatures, a resolver cannot tell a forged answer from a real one.",
    remediation="Add an aws.route53.HostedZoneDnsSec and an aws.route53.KeySigningKey, and the DS record in the parent zone.",
    url="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-configuring-dnssec.html",
    frameworks={"Checkov": ("CKV2_AWS_38",)},
)
def dns_signed(resource: Resource, stack: Stack) -> Verdict:
    if _private(resource, stack):
        return NotApplicable("is a private zone, which Route 53 does not sign")
    signing = stack.referrers(resource, _SIGNING, "hostedZoneId")
    statuses = [read(item, "signingStatus", computed=True) for item in signing]
    if any(isinstance(status, str) and status == "NOT_SIGNING" for status in statuses):
        return Fail("has its signing switched off", "signingStatus")
    return Pass() if signing else Fail("is not signed with DNSSEC")
