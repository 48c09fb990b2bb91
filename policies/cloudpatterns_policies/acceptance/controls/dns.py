"""Route 53: records of one name, and health checks of alarms."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.acceptance.relations import target
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control

_RECORD: Final = "aws:route53/record:Record"
_POLICIES: Final = {
    "weightedRoutingPolicies": "weighted",
    "latencyRoutingPolicies": "latency",
    "failoverRoutingPolicies": "failover",
    "geolocationRoutingPolicies": "geolocation",
    "geoproximityRoutingPolicy": "geoproximity",
    "cidrRoutingPolicy": "CIDR",
    "multivalueAnswerRoutingPolicy": "multivalue",
}
_SIMPLE: Final = "simple"
_ALARMS: Final = ("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm")

_refusal = partial(stack_control, severity=Severity.HIGH, types=(_RECORD,), pack="acceptance")


@_refusal(
    id="dns-records-one-policy",
    title="Records of one name and type have one routing policy, and an identifier each",
    why="Route 53 refuses a record beside others of another policy, or of the same identifier.",
    remediation="Give all records of the name the same routing policy, and each its own set_identifier.",
    url="https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html",
)
def dns_records_one_policy(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    group = _group(resource, stack)
    if len(group) < 2 or resource is not group[0]:
        return
    kinds = {_policy(item) for item in group}
    if UNKNOWN in kinds:
        return
    words = f"{given(resource, 'type')} records named {given(resource, 'name')}"
    if len(kinds) > 1:
        yield Fail(f"is one of the {len(group)} {words}, whose routing policies differ: {', '.join(sorted(kinds))}", "name")
    elif kinds == {_SIMPLE}:
        yield Fail(f"is one of {len(group)} {words} without a routing policy", "name")
    else:
        ids = Counter(id_ for item in group if isinstance(id_ := given(item, "setIdentifier"), str))
        for id_, count in ids.items():
            if count > 1:
                yield Fail(f"is one of the {words}, of which {count} have the identifier {id_}", "setIdentifier")


@_refusal(
    id="dns-weights-not-all-zero",
    title="Of weighted records, one has a weight above zero",
    severity=Severity.LOW,
    why="When all weights are zero, Route 53 answers with each record equally often, and not with none.",
    remediation="Give one record a weight, or remove those that are to get no traffic.",
    url="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-values-weighted.html",
)
def dns_weights_not_all_zero(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    group = _group(resource, stack)
    if len(group) > 1 and resource is group[0] and all(is_given(item, "weightedRoutingPolicies.0.weight", 0) for item in group):
        words = f"{given(resource, 'type')} records named {given(resource, 'name')}"
        yield Fail(f"is one of {len(group)} {words} that all have the weight 0", "weightedRoutingPolicies.0.weight")


@stack_control(
    id="health-check-alarm",
    title="The alarm of a health check has a standard metric and a plain statistic",
    severity=Severity.HIGH,
    types=("aws:route53/healthCheck:HealthCheck",),
    why="Route 53 refuses alarms on metric math, on percentiles, and on metrics of less than a minute.",
    remediation="Make an alarm of its own for the health check: one metric, period 60 or more, and Average, Minimum, Maximum, Sum or "
    "SampleCount.",
    url="https://docs.aws.amazon.com/Route53/latest/APIReference/API_AlarmIdentifier.html",
    pack="acceptance",
)
def health_check_alarm(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    alarm = target(stack, resource, "cloudwatchAlarmName", *_ALARMS)
    if alarm is None:
        return
    period = given(alarm, "period")
    reason = (
        "is a composite alarm"
        if alarm.type.endswith(":CompositeAlarm")
        else "uses metric math"
        if given(alarm, "metricQueries") is not None
        else "uses an extended statistic"
        if given(alarm, "extendedStatistic") is not None
        else f"has a period of {period:g} seconds"
        if isinstance(period, int | float) and period < 60
        else ""
    )
    if reason:
        yield Fail(f"follows alarm {alarm.name}, which {reason}", "cloudwatchAlarmName")


def _group(resource: Resource, stack: Stack) -> list[Resource]:
    return _groups(stack).get(resource.urn, [])


@lru_cache(maxsize=4)
def _groups(stack: Stack) -> Mapping[str, list[Resource]]:
    """For each record all records of its name and type in its zone, where these are known."""
    found: dict[Any, list[Resource]] = defaultdict(list)
    for item in stack.of_type(_RECORD):
        zone = target(stack, item, "zoneId", "aws:route53/zone:Zone")
        place = zone.urn if zone is not None else given(item, "zoneId")
        key = place, given(item, "name"), given(item, "type")
        if all(isinstance(part, str) for part in key):
            found[(key[0], key[1].rstrip(".").lower(), key[2])].append(item)
    return {item.urn: group for group in found.values() for item in group}


def _policy(record: Resource) -> Any:
    for name, words in _POLICIES.items():
        value = given(record, name)
        if value is UNKNOWN:
            return UNKNOWN
        if value:
            return words
    return _SIMPLE
