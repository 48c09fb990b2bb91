"""A service in several Regions under one name, whose clients get the Region that is nearest to them by latency, and no dead one.

Pattern: "Multi-Region Active-Active" (2025 guide).
"""

from collections.abc import Iterator
from typing import Annotated, NotRequired

import pulumi
from pydantic import Field

from cloudpatterns.core import Component, Keys, Problem, Unique, after
from cloudpatterns.core.vocabulary import Region
from cloudpatterns.delivery._targets import DnsNameArgs, DnsNameOptions, DnsTarget, Targets, name_problems, unused_topic_problems

_Regions = Keys(r"[a-z]{2}(-[a-z]+)+-\d", "the form of an AWS Region such as eu-west-1")


class LatencyRoutingOptions(DnsNameOptions):
    """What a user tunes of a ``LatencyRouting``."""

    drained_regions: NotRequired[Annotated[list[Region], Field(default=[]), Unique()]]
    """Regions that get no clients, such as during maintenance: they have no record of the shared name. Their own names and health checks
    stay."""


class LatencyRoutingArgs(LatencyRoutingOptions, DnsNameArgs):
    """Arguments of ``LatencyRouting``."""

    regions: Annotated[dict[str, DnsTarget], _Regions, Field(min_length=1)]
    """Where the service is in each Region. The Region is that of the measured latency, and the identifier of the records."""
    other_regions: NotRequired[Annotated[list[Region], Field(default=[]), Unique()]]
    """Regions of the service whose records other stacks create, where each Region has a stack. There are two Regions at least with
    ``regions``."""


class LatencyRouting(Component):
    """A name whose clients get the nearest Region of a service that is healthy (2025 guide, "Multi-Region Active-Active").

    Creates a latency record for each Region, and for IPv6 another, with a health check or the health of the alias. A Region that fails gets
    no new clients: they go to the next nearest one. ``drained_regions`` empties a Region on purpose.

    **Use when**: the service runs in at least two Regions, each of which can serve every client: data is in a ``GlobalTable`` or the like.

    **Not when**: one Region is the one that writes and the other waits (``DnsFailover``); clients are to stay with a Region by law, which
    latency does not promise; what differs is content alone (``ContentDeliveryNetwork``).

    **Cost drivers**: queries (latency records cost half as much again as simple ones), health checks by number, text and interval.

    **Trade-offs**: Route 53 measures the latency of the resolver, not of the client, and may send a client elsewhere tomorrow. A failure
    is seen after ``failure_threshold`` answers, and by clients after the TTL. Each remaining Region needs the capacity for the clients of a
    lost one. When all Regions are unhealthy, Route 53 answers as if none were. ``RegionalCertificates`` are for the shared name in each
    Region.

    **Proven by**: controls ``dns-records-one-policy``, ``health-check-enabled``; ``test_latency_routing.py``, which plays Route 53's
    answers.
    """

    domain_name: pulumi.Output[str]
    """The shared name, available after its records."""
    health_check_ids: pulumi.Output[dict[str, str]]
    """Ids of the health checks by Region; those of aliases without one are not among them."""

    def __init__(self, name: str, args: LatencyRoutingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=_problems)
        targets = Targets(self, checked, checked["regions"], "regions")
        created = [
            record
            for region in checked["regions"]
            if region not in checked["drained_regions"]
            for record in targets.route(region, {"latency_routing_policies": [{"region": region}]})
        ]
        self.domain_name = after(checked["domain_name"], *created)
        self.health_check_ids = pulumi.Output.all(**targets.health_check_ids)
        self.register()


def _problems(checked: LatencyRoutingArgs) -> Iterator[Problem]:
    regions, drained, others = checked["regions"], checked["drained_regions"], checked["other_regions"]
    if len(regions) + len(others) < 2:
        yield "regions", "has 1 Region, and clients would have no other one when it fails. Add one, or name those of other_regions."
    yield from name_problems(checked, regions, "regions")
    yield from unused_topic_problems(checked, regions, "regions")
    for index, region in enumerate(others):
        if region in regions:
            yield f"other_regions.{index}", f"is {region!r}, which regions has too: one stack creates its record. Remove it from either."
    for index, region in enumerate(drained):
        if region not in regions:
            yield f"drained_regions.{index}", f"is {region!r}, where the service is not; known are {', '.join(regions)}."
    if not others and not set(regions) - set(drained):
        yield "drained_regions", "has every Region, and the name would have no record. Leave one out."
