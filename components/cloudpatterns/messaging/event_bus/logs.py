"""The logs of a bus: one source for each kind of record, delivered to one log group.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-logs.html
"""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import log_group
from cloudpatterns.core import Component
from cloudpatterns.messaging.event_bus.access import LOG_GROUP_PREFIX

# The kinds of records up to each level.
_KINDS = {"ERROR": "errors", "INFO": "information", "TRACE": "traces"}


def bus_logs(
    component: Component,
    name: str,
    bus: aws.cloudwatch.EventBus,
    *,
    level: str,
    retention_days: int,
    kms_key_arn: pulumi.Input[str],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.cloudwatch.LogGroup:
    """The log group of a bus, and what delivers to it."""
    group = log_group(
        component,
        f"{name}-logs",
        retention_days,
        name=pulumi.Output.concat(LOG_GROUP_PREFIX, bus.name),
        kms_key_arn=kms_key_arn,
        tags=tags,
    )
    destination = aws.cloudwatch.LogDeliveryDestination(
        f"{name}-logs",
        delivery_destination_configuration={"destination_resource_arn": group.arn},
        tags=tags,
        opts=component.child(),
    )
    previous: pulumi.Resource | None = None
    for kind in [*_KINDS][: [*_KINDS].index(level) + 1]:
        source = aws.cloudwatch.LogDeliverySource(
            f"{name}-logs-{_KINDS[kind]}",
            resource_arn=bus.arn,
            log_type=f"{kind}_LOGS",
            tags=tags,
            opts=component.child(),
        )
        # One after the other: CloudWatch Logs refuses two changes of the deliveries to a destination at once.
        previous = aws.cloudwatch.LogDelivery(
            f"{name}-logs-{_KINDS[kind]}-delivery",
            delivery_source_name=source.name,
            delivery_destination_arn=destination.arn,
            tags=tags,
            opts=component.child(depends_on=[previous] if previous else []),
        )
    return group
