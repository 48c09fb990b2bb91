"""Traffic that moves from one system to another by weights, in steps.

Pattern: "Weighted Transition" (Cloud Design Patterns for AWS).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated

import pulumi
from pydantic import Field

from cloudpatterns.core import Component, Problem, after
from cloudpatterns.core.vocabulary import ShortNames
from cloudpatterns.delivery._targets import DnsNameArgs, DnsNameOptions, DnsTarget, Targets, name_problems, unused_topic_problems

_MOST_RECORDS = 100
"""https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-entities-records"""
_MOST_WEIGHT = 255


class WeightedTransitionOptions(DnsNameOptions):
    """What a user tunes of a ``WeightedTransition``."""

    weights: Annotated[
        dict[str, Annotated[pulumi.Input[int], Field(ge=0, le=_MOST_WEIGHT)]], ShortNames, Field(min_length=1, max_length=_MOST_RECORDS)
    ]
    """Weight of each target: its share of the answers is its weight among all. One of 0 gets none, unless all others are unhealthy."""


class WeightedTransitionArgs(WeightedTransitionOptions, DnsNameArgs):
    """Arguments of ``WeightedTransition``."""

    targets: Annotated[dict[str, DnsTarget], ShortNames, Field(min_length=1, max_length=_MOST_RECORDS)]
    """The systems, such as ``old`` and ``new``, by the same names as ``weights``. A name is the identifier of its records."""


class WeightedTransition(Component):
    """A name whose clients move from an old system to a new one by weights (Cloud Design Patterns for AWS, "Weighted Transition").

    Creates a weighted record for each system, and for IPv6 another, with a health check or the health of the alias: an unhealthy system
    gets no new clients. ``weights`` are what changes from step to step: ``{"old": 95, "new": 5}``, and at the end ``{"old": 0, "new": 1}``,
    which keeps the old one for the case that the new one fails. Then remove the old one from both dictionaries.

    **Use when**: a system in another VPC, account or place takes over, and a part of the traffic is to prove it first.

    **Not when**: both are behind one load balancer, whose weights act at once (``ContainerService`` shifts that way); both are
    distributions: CloudFront serves a name by one alone, and tries changes by its own continuous deployment.

    **Cost drivers**: queries other than for aliases of AWS, health checks by number, text and interval.

    **Trade-offs**: resolvers keep an answer, some longer than its TTL, so shares are of resolvers, not of requests, and a client may change
    sides between two pages: sessions and data are shared, or nobody notices. A simple record of the name has to go before the weighted ones
    come, a gap of a minute. When all systems are unhealthy, Route 53 answers as if none were.

    **Proven by**: controls ``dns-weights-not-all-zero``, ``dns-records-one-policy``, ``health-check-enabled``;
    ``test_weighted_transition.py``, which plays Route 53's answers.
    """

    domain_name: pulumi.Output[str]
    """The shared name, available after its records."""
    health_check_ids: pulumi.Output[dict[str, str]]
    """Ids of the health checks by target; those of aliases without one are not among them."""

    def __init__(self, name: str, args: WeightedTransitionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=_problems)
        targets = Targets(self, checked, checked["targets"], "targets")
        weights = self._weights(checked["weights"])
        created = [
            record
            for target in checked["targets"]
            for record in targets.route(target, {"weighted_routing_policies": [{"weight": weights[target]}]})
        ]
        self.domain_name = after(checked["domain_name"], *created)
        self.health_check_ids = pulumi.Output.all(**targets.health_check_ids)
        self.register()

    def _weights(self, given: Mapping[str, pulumi.Input[int]]) -> Mapping[str, pulumi.Input[int]]:
        """The weights, each of which waits for all where one is known late: none moves while their total is zero."""
        if all(isinstance(weight, int) for weight in given.values()):
            return given

        def refuse(known: Mapping[str, int]) -> Mapping[str, int]:
            found = [problem for name, weight in known.items() for problem in _weight_problems(name, weight)]
            if found := found or list(_total_problems(known)):
                self.refuse(*found)
            return {name: int(weight) for name, weight in known.items()}

        known = pulumi.Output.all(**given).apply(refuse)
        return {name: known[name] for name in given}


def _problems(checked: WeightedTransitionArgs) -> Iterator[Problem]:
    yield from name_problems(checked, checked["targets"], "targets")
    yield from unused_topic_problems(checked, checked["targets"], "targets")
    for name in checked["targets"]:
        if name not in checked["weights"]:
            yield f"weights.{name}", f"is missing; targets has {name}. Give its weight, which may be 0, or remove the target."
    for name in checked["weights"]:
        if name not in checked["targets"]:
            yield f"weights.{name}", f"is for no target; known are {', '.join(checked['targets'])}. Correct it, or remove it."
    yield from _total_problems(checked["weights"])


def _total_problems(weights: Mapping[str, pulumi.Input[int]]) -> Iterator[Problem]:
    if all(weight == 0 for weight in weights.values() if isinstance(weight, int)) and all(isinstance(one, int) for one in weights.values()):
        yield "weights", "are all 0, for which Route 53 answers with each target equally often. Give one of them a weight of 1 or more."


def _weight_problems(name: str, weight: object) -> Iterator[Problem]:
    if not isinstance(weight, int | float) or isinstance(weight, bool) or weight != int(weight) or not 0 <= weight <= _MOST_WEIGHT:
        yield f"weights.{name}", f"is {weight!r}; must be a whole number from 0 to {_MOST_WEIGHT}"
