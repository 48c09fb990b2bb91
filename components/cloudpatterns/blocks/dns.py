"""Route 53: records that share a name by a routing policy, and health checks of what they point to, with their alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.alarm import Metric, alarm
from cloudpatterns.core import Component

DNS_REGION = "us-east-1"
"""Where Route 53 reports the metrics of its health checks, and so where their alarms and topics are.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-health-checks.html
"""
CLOUDFRONT_ZONE_ID = "Z2FDTNDATAQYW2"
"""The hosted zone of every distribution, whose health Route 53 does not evaluate."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """What Route 53 asks over HTTPS, from all over the world."""

    domain_name: str
    path: str
    search_string: str | None = None
    """Text in the first 5,120 bytes of the answer. Default: a status of 200 to 399 is enough."""
    port: int = 443
    request_interval_seconds: int = 30
    failure_threshold: int = 3
    measure_latency: bool = False


def endpoint_check(
    component: Component,
    child_name: str,
    endpoint: Endpoint,
    tags: Mapping[str, pulumi.Input[str]],
    depends_on: Sequence[pulumi.Resource] = (),
) -> aws.route53.HealthCheck:
    """A health check of an endpoint. Its tags have a ``Name``: a health check has no other one."""
    return aws.route53.HealthCheck(
        child_name,
        type="HTTPS" if endpoint.search_string is None else "HTTPS_STR_MATCH",
        fqdn=endpoint.domain_name,
        port=endpoint.port,
        resource_path=endpoint.path,
        search_string=endpoint.search_string,
        enable_sni=True,
        measure_latency=endpoint.measure_latency,
        request_interval=endpoint.request_interval_seconds,
        failure_threshold=endpoint.failure_threshold,
        tags=tags,
        opts=component.child(depends_on=list(depends_on)),
    )


def unhealthy_alarm(
    component: Component,
    child_name: str,
    description: str,
    health_check_id: pulumi.Input[str],
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.MetricAlarm:
    """An alarm when Route 53 finds unhealthy what a health check is for. The topics are in us-east-1."""
    return alarm(
        component,
        child_name,
        description,
        Metric("AWS/Route53", "HealthCheckStatus", {"HealthCheckId": health_check_id}, "Minimum"),
        1,
        comparison="LessThanThreshold",
        region=DNS_REGION,
        actions=topic_arns,
        tags=tags,
    )


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a record points: an alias of something in AWS, or the values by record type, such as addresses by ``A``."""

    alias: aws.route53.RecordAliasArgsDict | None = None
    values: Mapping[str, Sequence[pulumi.Input[str]]] | None = None
    ttl_seconds: int = 60

    def settings(self, kind: str) -> dict[str, Any]:
        """The part of a record of a type; an alias has no TTL of its own."""
        if self.alias is not None:
            return {"aliases": [self.alias]}
        assert self.values is not None, "a destination is an alias or values"
        return {"records": list(self.values[kind]), "ttl": self.ttl_seconds}


@dataclass(frozen=True, kw_only=True)
class Routing:
    """The place of a record among those of its name and type."""

    set_identifier: str
    policy: Mapping[str, Any]
    """One of the routing policies of ``aws.route53.Record``, by its argument."""
    health_check_id: pulumi.Input[str] | None = None


def records(
    component: Component,
    child_name: str,
    hosted_zone_id: pulumi.Input[str],
    domain_name: str,
    kinds: Sequence[str],
    destination: Destination,
    routing: Routing | None = None,
) -> list[aws.route53.Record]:
    """The records of one destination, ``<child name>-a`` and so on by their types."""
    settings: dict[str, Any] = {}
    if routing is not None:
        settings = {
            "set_identifier": routing.set_identifier,
            "health_check_id": routing.health_check_id,
            **routing.policy,
        }
    return [
        aws.route53.Record(
            f"{child_name}-{kind.lower()}",
            zone_id=hosted_zone_id,
            name=domain_name,
            type=kind,
            opts=component.child(),
            **destination.settings(kind),
            **settings,
        )
        for kind in kinds
    ]
